/* check.h - for the small programs of these tests: a condition that must hold. */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* By dprintf and _Exit: neither needs the heap, which may be what is broken. */
#define CHECK(condition)                                                                               \
    do {                                                                                               \
        if (!(condition)) {                                                                            \
            dprintf(2, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);               \
            _Exit(1);                                                                                  \
        }                                                                                              \
    } while (0)

#endif
