/* chunk.h - pointers in chunks of 64 KiB, straight from the system: logs, queues and lists that grow while no heap may be
 * asked. */
#ifndef OURO_OBJECT_CHUNK_H
#define OURO_OBJECT_CHUNK_H

#include <stdbool.h>
#include <stddef.h>

#define CHUNK_BYTES ((size_t)65536)
#define CHUNK_ITEMS ((CHUNK_BYTES - 2 * sizeof(void *)) / sizeof(void *))

struct chunk {
    struct chunk *next;
    size_t n; /* items in use, where its holder keeps count here */
    void *items[CHUNK_ITEMS];
};

_Static_assert(sizeof(struct chunk) == CHUNK_BYTES, "a chunk is a whole number of pages");

/* An empty chunk, or NULL without memory.  Any thread. */
struct chunk *ouro__chunk_take(void);

/* Add to a list; false without memory. */
bool ouro__chunk_add(struct chunk **list, void *item);

/* Give a list of chunks back, NULL for none; they are kept for the next. */
void ouro__chunks_give(struct chunk *first);

#endif
