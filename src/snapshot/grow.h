/* grow.h - arrays that grow by one item at a time, and such as are large from the start. */
#ifndef OURO_SNAPSHOT_GROW_H
#define OURO_SNAPSHOT_GROW_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* `n` items with room for one more: where they were, or moved.  NULL without memory; then they are as they were. */
static inline void *
ouro__grow(void *items, size_t n, size_t *room, size_t item_size)
{
    if (n < *room) {
        return items;
    }
    size_t more = *room == 0 ? 64 : 2 * *room;
    void *larger = reallocarray(items, more, item_size);
    if (larger != NULL) {
        *room = more;
    }
    return larger;
}

/* `n` items of zeros that are there already: a page that calloc() gives costs two faults where it is read before it is
 * written.  NULL without memory. */
static inline void *
ouro__zeros(size_t n, size_t item_size)
{
    void *zeros = reallocarray(NULL, n, item_size);
    return zeros == NULL ? NULL : memset(zeros, 0, n * item_size);
}

#endif
