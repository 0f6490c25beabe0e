/* require.h - a check that works where cmocka's do not: in threads, forked children and fuzz targets.
 *
 * cmocka reports a failed assertion by jumping out of the test, which only the main thread of the main
 * process may do.  REQUIRE says what was expected and aborts; CTest sees the abort. */
#ifndef OURO_TESTS_REQUIRE_H
#define OURO_TESTS_REQUIRE_H

#include <stdio.h>
#include <stdlib.h>

/* Abort with a message, formatted as by printf, unless `condition` holds. */
#define REQUIRE(condition, ...)                                                                        \
    do {                                                                                               \
        if (!(condition)) {                                                                            \
            fprintf(stderr, "%s:%d: %s does not hold: ", __FILE__, __LINE__, #condition);              \
            fprintf(stderr, __VA_ARGS__);                                                              \
            fputc('\n', stderr);                                                                       \
            abort();                                                                                   \
        }                                                                                              \
    } while (0)

#endif
