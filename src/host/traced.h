/* traced.h - how allocations and frees are told to tracing: by malloc.c and by CPython's domains alike.
 *
 * Where tracing is off, an allocation has counted bytes down and found that it is not due, and a free has read a flag. */
#ifndef OURO_HOST_TRACED_H
#define OURO_HOST_TRACED_H

#include "base/assert.h"
#include "heap/heap.h"
#include "trace/trace.h"

/* Who asks for a block. */
struct ouro__asker {
    ouro_heap *heap;
    unsigned domain;  /* of the heap's pools */
    unsigned known;   /* the domain as the program knows it */
    int64_t *until;   /* the asker's count of bytes */
    const void *site; /* for a debug heap: where in the program */
};

/* A block that was found due to be traced, from where the mode wants it; NULL without memory. */
void *ouro__traced_take(const struct ouro__asker *asker, size_t alignment, size_t size, bool zeroed);

/* Before a block is freed that may have a trace. */
void ouro__traced_give(void *block);

/* Before a block is freed by a slow path. */
static inline void
ouro__traced_give_slowly(void *block)
{
    if (OURO_UNLIKELY(ouro__trace_mode_now() == OURO__TRACE_SAMPLED)) {
        ouro__traced_give(block);
    }
}

/* Resize a block while tracing is on, as ouro_heap_realloc() does it. */
void *ouro__traced_resize(const struct ouro__asker *asker, void *block, size_t size);

#endif
