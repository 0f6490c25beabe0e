/* walk.h - every live block of a heap that stands still, inline: for who walks millions at a time.
 *
 * No other thread may take from the heap or free to it meanwhile; ouro_heap_walk() has no such wish. */
#ifndef OURO_HEAP_WALK_H
#define OURO_HEAP_WALK_H

#include "heap/fast.h"

/* Does a purged sixteenth touch the block?  Then it is free. */
static inline bool
ouro__is_cold(const struct pool *pool, uint32_t offset, uint32_t size)
{
    return pool->cold != 0 && ((pool->cold >> offset / (SLOT_SIZE / 16)) & 1 ||
                               (pool->cold >> (offset + size - 1) / (SLOT_SIZE / 16)) & 1);
}

/* Call `visit(block, context)` for the blocks of a domain, in the order of their addresses. */
static inline __attribute__((always_inline)) void
ouro__walk_still(const struct ouro_heap *heap, ouro_domain domain,
                 void (*visit)(void *block, void *context), void *context)
{
    size_t n = ouro__range_extent() >> SLOT_SHIFT;

    for (size_t i = 1; i < n; i++) {
        const struct pool *pool = &ouro__range.records[i];
        if (ouro__heap_of(pool) != heap || pool->domain != domain) {
            continue;
        }
        bool is_large = pool->kind == SLOT_LARGE,
             has_cold = pool->cold != 0; /* one loop for both is inlined once */
        uint32_t size = is_large ? SLOT_SIZE : ouro__class_size[pool->class];
        uint32_t end = is_large ? 1 : pool->fresh;
        char *base = pool->base;
        for (uint32_t at = is_large ? 0 : ouro__pool_start(pool->class, domain); at < end; at += size) {
            if (!(has_cold && ouro__is_cold(pool, at, size)) &&
                !ouro__is_link(ouro__link_load(base + at))) {
                visit(base + at, context);
            }
        }
    }
}

/* A slot and those that belong to it, of any heap. */
struct ouro__run {
    uint32_t slot, n_slots;
    uint8_t kind;        /* enum slot_kind; SLOT_NONE for a slot that is not in use */
    uint8_t domain;      /* of a pool or a large block */
    bool is_dirty;       /* of a free slot: resident */
    uint32_t block_size; /* of a pool */
    uint32_t n_blocks;   /* that there is room for */
    uint32_t n_live;     /* of them, that the program holds */
    uint64_t live_bytes;
};

/* The run at `slot`; the next one begins n_slots later.  In the midst of one there is none: SLOT_NONE.  Free slots are told
 * one by one.  The range is locked. */
struct ouro__run ouro__run_at(uint32_t slot);

#endif
