/* fast.h - the hot paths, inline: what malloc and an interpreter's allocator are made of.
 *
 * Allocation: class, then the class's hot block, or current pool and pop.  Freeing: slot record from the address,
 * is it ours to touch, then it becomes hot or is pushed.  What is not the common case is one call away in heap.c.
 *
 * Hot blocks are there for pairs: programs free what they just allocated, and allocate again.  A pop waits for the
 * push before it, which waits for the pop before that; taking a hot block waits for one store (docs/heap.md).  A
 * hot block has no link, and a word smashed in it leads nowhere. */
#ifndef OURO_HEAP_FAST_H
#define OURO_HEAP_FAST_H

#include "base/assert.h"
#include "base/poison.h"
#include "heap/heap.h"

/* A free block's first word: the offset of the next one, encoded with a key and the block's own address.  A
 * smashed link decodes to an offset that no pool has, but for one in 2^44; and a live block's first word
 * looks like a link as rarely, even when the program copies stale memory about: so the same word tells free
 * blocks from live ones. */
static inline uint64_t
ouro__link_coded(const void *block, uint64_t link, uint64_t key)
{
    return link ^ (key ^ (uint64_t)(uintptr_t)block << OFFSET_BITS);
}

static inline uint64_t
ouro__link_load(const void *block)
{
    return ouro__link_coded(block, *(const uint64_t *)block, ouro__range.key);
}

static inline void
ouro__link_store(void *block, uint32_t next)
{
    *(uint64_t *)block = ouro__link_coded(block, next, ouro__range.key);
}

static inline bool
ouro__is_link(uint64_t decoded)
{
    return (decoded & ~(uint64_t)0xFFFF8) == 0; /* an aligned offset, or OFFSET_NONE */
}

/* A block that is free is nobody's, but for the word of its link; one that was never handed out is not told apart. */
static inline void
ouro__hide_free(const struct pool *pool, const void *block)
{
    ouro__poison((const uint64_t *)block + 1, ouro__class_size[pool->class] - sizeof(uint64_t));
}

static inline void
ouro__show_taken(unsigned class, const void *block)
{
    ouro__unpoison(block, ouro__class_size[class]);
}

/* They don't return.  It is not said so, since then they would be called, with a frame, and not jumped to. */
__attribute__((cold, returns_nonnull)) void *ouro__link_smashed(const void *block);
__attribute__((cold)) void ouro__freed_twice(const struct pool *pool, const void *block);

/* Pop a block of the pool's list, which is not empty. */
static inline void *
ouro__pool_take(struct pool *pool)
{
    uint64_t *block = (uint64_t *)(void *)(pool->base + pool->free);
    uint64_t next = ouro__link_load(block);
    if (OURO_UNLIKELY(!ouro__is_link(next))) {
        return ouro__link_smashed(block);
    }
    pool->free = (uint32_t)next;
    pool->n_allocs++;
    pool->balance += BALANCE_BLOCK;
    *block = 0; /* no longer a link */
    ouro__show_taken(pool->class, block);
    return block;
}

/* Put a block on the list of its pool, which `local` holds. */
static inline void
ouro__pool_put(struct local *local, struct pool *pool, void *block)
{
    ouro__link_store(block, pool->free);
    ouro__hide_free(pool, block);
    pool->free = (uint32_t)((char *)block - pool->base);
    pool->balance -= BALANCE_BLOCK;
    if (OURO_UNLIKELY(pool->balance < 0)) {
        ouro__pool_became_free(local, pool);
    }
}

/* A block of the current pool; NULL when it has none, or the size is too large for pools. */
static inline void *
ouro__alloc_pooled(struct local *local, unsigned domain, size_t size)
{
    if (OURO_UNLIKELY(size > OURO_POOLED_MAX)) {
        return NULL;
    }
    struct pool *pool = local->current[domain][ouro__class_of(size)];
    return OURO_LIKELY(pool->free != OFFSET_NONE) ? ouro__pool_take(pool) : NULL;
}

/* The hot block of the size's class, or else the same. */
static inline void *
ouro__alloc_quick(struct local *local, unsigned domain, size_t size)
{
    if (size <= FINE_MAX) {
        size_t hot = ouro__hot_index(domain, ouro__class_of(size));
        void *block = local->hot[hot];
        if (block != NULL) {
            local->hot[hot] = NULL;
            local->n_hot[hot]++;
            ouro__show_taken((unsigned)ouro__class_of(size), block);
            return block;
        }
    }
    return ouro__alloc_pooled(local, domain, size);
}

/* A block of `size` bytes, quickly or by the slow path.  NULL without memory. */
static inline void *
ouro__alloc(struct ouro_heap *heap, struct local *local, unsigned domain, size_t size)
{
    if (ouro__heap_refuses()) {
        return NULL;
    }
    void *block = ouro__alloc_quick(local, domain, size);
    return OURO_LIKELY(block != NULL) ? block : ouro__alloc_slow(heap, local, domain, size);
}

/* The pool of a block that `local` holds; NULL when that takes a closer look. */
static inline struct pool *
ouro__pool_to_free(const struct local *local, const void *block)
{
    uintptr_t at = (uintptr_t)block - ouro__range.base;
    if (OURO_UNLIKELY(at >= ouro__range_extent())) { /* a null pointer, too */
        return NULL;
    }
    struct pool *pool = &ouro__range.records[at >> SLOT_SHIFT];
    bool holds = __atomic_load_n(&pool->owner, __ATOMIC_RELAXED) == local && (at & 15) == 0;
    if (pool == NULL) { /* which gcc does not see */
        __builtin_unreachable();
    }
    return OURO_LIKELY(holds) ? pool : NULL;
}

/* Free a block of `pool`, which `local` holds, onto the pool's list. */
static inline void
ouro__free_pooled(struct local *local, struct pool *pool, void *block)
{
    if (OURO_UNLIKELY(ouro__is_link(ouro__link_load(block)))) {
        ouro__freed_twice(pool, block);
        return;
    }
    ouro__pool_put(local, pool, block);
}

/* The same, but the block becomes its class's hot one when there is none. */
static inline void
ouro__free_quick(struct local *local, struct pool *pool, void *block)
{
    void **hot = ouro__hot_place(local, pool);
    if (*hot == NULL && OURO_LIKELY(!ouro__is_link(ouro__link_load(block)))) {
        *hot = block;
        ouro__hide_free(pool, block);
    } else if (OURO_UNLIKELY(*hot == block)) {
        ouro__freed_twice(pool, block);
    } else {
        ouro__free_pooled(local, pool, block);
    }
}

/* Free a block, quickly or by the slow path. */
static inline void
ouro__free(struct local *local, void *block)
{
    struct pool *pool = ouro__pool_to_free(local, block);
    if (OURO_LIKELY(pool != NULL)) {
        ouro__free_quick(local, pool, block);
    } else {
        ouro__free_slow(local, block);
    }
}

#endif
