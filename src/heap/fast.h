/* fast.h - the hot paths, inline: what malloc and an interpreter's allocator are made of.
 *
 * Allocation: class, current pool, pop: three dependent loads and two stores.  Freeing: slot record from the
 * address, is it ours to touch, push.  Whatever is not the common case is one call away in heap.c. */
#ifndef OURO_HEAP_FAST_H
#define OURO_HEAP_FAST_H

#include "base/assert.h"
#include "heap/heap.h"

/* A free block's first word: the offset of the next one, encoded with a key and the block's own address.  A
 * smashed link decodes to an offset that no pool has, but for one in 2^44; and a live block's first word
 * looks like a link as rarely, even when the program copies stale memory about: so the same word tells free
 * blocks from live ones. */
static inline uint64_t
ouro__link_load(const void *block)
{
    return *(const uint64_t *)block ^ ouro__range.key ^ (uint64_t)(uintptr_t)block << OFFSET_BITS;
}

static inline void
ouro__link_store(void *block, uint32_t next)
{
    *(uint64_t *)block = next ^ ouro__range.key ^ (uint64_t)(uintptr_t)block << OFFSET_BITS;
}

static inline bool
ouro__is_link(uint64_t decoded)
{
    return (decoded & ~(uint64_t)0xFFFF8) == 0; /* an aligned offset, or OFFSET_NONE */
}

__attribute__((noreturn, cold)) void ouro__link_smashed(const struct pool *pool, const void *block);
__attribute__((noreturn, cold)) void ouro__freed_twice(const struct pool *pool, const void *block);

/* Pop a block of the pool's list, which is not empty. */
static inline void *
ouro__pool_take(struct pool *pool)
{
    uint64_t *block = (uint64_t *)(void *)(pool->base + pool->free);
    uint64_t next = ouro__link_load(block);
    if (OURO_UNLIKELY(!ouro__is_link(next))) {
        ouro__link_smashed(pool, block);
    }
    pool->free = (uint32_t)next;
    pool->n_allocs++;
    *block = 0; /* no longer a link */
    return block;
}

/* A block of `size` bytes from the current pool, or by the slow path.  NULL without memory. */
static inline void *
ouro__alloc(struct ouro_heap *heap, struct local *local, unsigned domain, size_t size)
{
    if (OURO_LIKELY(size <= OURO_POOLED_MAX)) {
        struct pool *pool = local->current[domain][ouro__class_of(size)];
        if (OURO_LIKELY(pool->free != OFFSET_NONE)) {
            return ouro__pool_take(pool);
        }
    }
    return ouro__alloc_slow(heap, local, domain, size);
}

/* Free a block: onto its pool's list when `local` holds the pool, otherwise by the slow path. */
static inline void
ouro__free(struct local *local, void *block)
{
    uintptr_t at = (uintptr_t)block - ouro__range.base;
    if (OURO_UNLIKELY(at >= ouro__range_extent())) { /* NULL, too */
        ouro__free_slow(local, block);
        return;
    }
    struct pool *pool = &ouro__range.records[at >> SLOT_SHIFT];
    if (OURO_UNLIKELY(__atomic_load_n(&pool->owner, __ATOMIC_RELAXED) != local || (at & 15) != 0)) {
        ouro__free_slow(local, block);
        return;
    }
    if (OURO_UNLIKELY(ouro__is_link(ouro__link_load(block)))) {
        ouro__freed_twice(pool, block);
    }
    ouro__link_store(block, pool->free);
    pool->free = (uint32_t)(at & (SLOT_SIZE - 1));
    pool->n_frees++;
    if (OURO_UNLIKELY(ouro__pool_live(pool) < pool->event)) {
        ouro__pool_became_free(local, pool);
    }
}

#endif
