/* traced.h - how allocations and frees are told to tracing: by malloc.c and by CPython's domains alike.
 *
 * Where tracing is off, an allocation has counted bytes down and found that it is not due, and a free has read a flag. */
#ifndef OURO_HOST_TRACED_H
#define OURO_HOST_TRACED_H

#include "base/assert.h"
#include "heap/heap.h"
#include "trace/trace.h"

/* A block that was found due to be traced, from where the mode wants it, for `asker`, a domain as the program knows it;
 * NULL without memory.  `until` is the caller's count of bytes. */
void *ouro__traced_take(ouro_heap *heap, unsigned domain, unsigned asker, size_t alignment, size_t size,
                        bool zeroed, int64_t *until);

/* Before a block is freed by a slow path. */
static inline void
ouro__traced_give_slowly(void *block)
{
    if (OURO_UNLIKELY(ouro__trace_mode_now() == OURO__TRACE_SAMPLED)) {
        ouro__trace_free(block);
    }
}

/* Resize a block while tracing is on, as ouro_heap_realloc() does it. */
void *ouro__traced_resize(ouro_heap *heap, unsigned domain, unsigned asker, void *block, size_t size,
                          int64_t *until);

#endif
