/* traced.h - how allocations and frees are told to tracing: by a host's malloc, by CPython's domains, and in libouro by its
 * heaps themselves (heaps.c).
 *
 * Where tracing is off, an allocation has counted bytes down and found that it is not due, and a free has read a flag. */
#ifndef OURO_TRACE_TRACED_H
#define OURO_TRACE_TRACED_H

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

/* What a trace is told as its domain: the block's, above it the thread's number, and above that the mark's after which it
 * was asked for. */
#define OURO_DOMAIN_MASK 3U
#define OURO_THREAD_SHIFT 2
#define OURO_THREAD_MASK 2047U
#define OURO_SINCE_SHIFT 13
#define OURO_SINCE_MOST 15U
_Static_assert(OURO_SINCE_MOST < 1U << (OURO__DOMAIN_BITS - OURO_SINCE_SHIFT), "all of it fits");

/* A block that was found due to be traced, from where the mode wants it; NULL without memory. */
void *ouro__traced_take(const struct ouro__asker *asker, size_t alignment, size_t size, bool zeroed);

/* Called when traced blocks come and go, now and then, also while no heap grows: a host looks after the record of its
 * process.  NULL for nobody. */
extern void (*ouro__traced_on_look)(void);

/* What stands above the domain for the calling thread; NULL for nothing.  Atomic; only a host tells it. */
extern unsigned (*ouro__traced_above)(void);

/* A block of the domain `known` was made, by whichever way, and is traced in this mode, which is not OFF. */
void ouro__traced_tell(void *block, size_t size, unsigned known, enum ouro__trace_mode mode);

/* Hot.  The same of a block that was made in exact mode by who has a mark of the place (ouro__trace_alloc_marked()), or 0.
 * Returns the block. */
void *ouro__traced_tell_unmarked(void *block, size_t size, unsigned known);

static inline void *
ouro__traced_tell_marked(void *block, size_t size, unsigned known, uint64_t mark)
{
    bool is_alone = __atomic_load_n(&ouro__traced_above, __ATOMIC_RELAXED) == NULL;
    if (OURO_UNLIKELY(mark == 0 || !is_alone || ouro__teller.until_look == 0)) {
        return ouro__traced_tell_unmarked(block, size, known);
    }
    ouro__teller.until_look--;
    return ouro__trace_alloc_marked(block, size, known, mark);
}

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
