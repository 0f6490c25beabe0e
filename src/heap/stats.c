/* stats.c - figures and walks, all derived from the records of the range.
 *
 * Nothing is counted for them on the hot paths but what a pool needs anyway.  They read what other threads are
 * writing: a figure may be a moment old, never out of bounds.  Slots do not change hands meanwhile where that
 * matters, since the range is locked. */
#include <string.h>

#include "base/assert.h"
#include "heap/fast.h"
#include "heap/heap.h"
#include "heap/walk.h"

/* Blocks of a pool that the program holds: those that others freed are on their way back. */
OURO__RACY static uint64_t
live_blocks(const struct pool *pool)
{
    uint32_t live = ouro__pool_live(pool);
    uint32_t remote = (uint32_t)__atomic_load_n(&pool->remote, __ATOMIC_RELAXED);
    remote += ouro__pool_hot(pool) != NULL;
    return live > remote && live <= MAX_LIVE_BLOCKS ? live - remote : 0;
}

OURO__RACY uint64_t
ouro__heap_live(ouro_heap *heap)
{
    uint64_t live = 0;
    size_t n = ouro__range_extent() >> SLOT_SHIFT;

    for (size_t i = 1; i < n; i++) {
        const struct pool *record = &ouro__range.records[i];
        if (ouro__heap_of(record) != heap) {
            continue;
        }
        live += record->kind == SLOT_LARGE ? ouro__large_usable(record)
                                           : live_blocks(record) * ouro__class_size[record->class];
    }
    return live;
}

OURO__RACY static uint32_t
carved_blocks(const struct pool *pool)
{
    uint32_t start = ouro__pool_start(pool->class, pool->domain);
    return (pool->fresh - start) / ouro__class_size[pool->class];
}

static uint32_t
pool_capacity(const struct pool *pool)
{
    uint32_t start = ouro__pool_start(pool->class, pool->domain);
    return (ouro__pool_end(pool->class, pool->domain) - start) / ouro__class_size[pool->class];
}

/* What a heap's locals know, summed up. */
struct known {
    uint64_t asked_bytes[N_BINS_A_DOMAIN], asked_count[N_BINS_A_DOMAIN];
    uint64_t past_allocs[OURO_N_DOMAINS];
};

OURO__RACY static void
add_local(const struct local *local, struct known *known)
{
    for (unsigned class = 0; class < N_BINS_A_DOMAIN; class ++) {
        known->asked_bytes[class] += local->asked_bytes[class];
        known->asked_count[class] += local->asked_count[class];
    }
    for (unsigned domain = 0; domain < OURO_N_DOMAINS; domain++) {
        known->past_allocs[domain] += local->past_allocs[domain];
    }
    for (unsigned i = 0; i < NEVER_HOT; i++) {
        known->past_allocs[i / FINE_CLASSES] += local->n_hot[i];
    }
}

OURO__RACY static void
add_locals(const ouro_heap *heap, struct known *known)
{
    memset(known, 0, sizeof *known);
    if (heap->own.heap == heap) {
        add_local(&heap->own, known);
    }
    /* The list only grows, at its head. */
    for (const struct local *local = heap->locals; local != NULL; local = local->next) {
        add_local(local, known);
    }
}

/* What nobody asked for in `live` blocks of a class, going by the requests that took the slow path. */
static uint64_t
rounding_of(const struct known *known, unsigned class, uint64_t live)
{
    if (known->asked_count[class] == 0) {
        return 0;
    }
    double asked = (double)known->asked_bytes[class] / (double)known->asked_count[class];
    double waste = (double)ouro__class_size[class] - asked;
    return waste > 0 ? (uint64_t)(waste * (double)live) : 0;
}

OURO__RACY static void
add_pool(const struct pool *pool, ouro_heap_stats *stats, const struct known *known)
{
    struct ouro_domain_stats *domain = &stats->domain[pool->domain];
    uint64_t size = ouro__class_size[pool->class];
    uint64_t live = live_blocks(pool), carved = carved_blocks(pool);
    uint64_t capacity = pool_capacity(pool);
    uint64_t cold = (uint64_t)__builtin_popcount(pool->cold) * (SLOT_SIZE / 16);
    uint64_t spare = carved > live ? (carved - live) * size : 0;

    domain->n_allocs += pool->n_allocs;
    domain->live_blocks += live;
    domain->live_bytes += live * size;
    spare = spare > cold ? spare - cold : 0;
    if (live == 0) { /* kept as the current pool of its class */
        stats->cached_bytes += spare;
        return;
    }
    stats->free_bytes += spare;
    stats->rounding_bytes += rounding_of(known, pool->class, live);
    stats->n_pools++;
    stats->occupancy[live * 10 / (capacity + 1)]++;
}

OURO__RACY static void
add_large(const struct pool *large, ouro_heap_stats *stats)
{
    struct ouro_domain_stats *domain = &stats->domain[large->domain];
    size_t usable = ouro__large_usable(large);

    domain->live_blocks++;
    domain->live_bytes += usable;
    stats->rounding_bytes += usable - large->size;
    size_t run = (size_t)large->n_slots << SLOT_SHIFT,
           resident = ouro__os_resident(large->base, usable);
    stats->untouched_bytes += usable - resident;
    if (run > usable) { /* left from who had the last slot before */
        stats->cached_bytes += ouro__os_resident(large->base + usable, run - usable);
    }
    stats->n_large++;
}

/* Count the mem domain's blocks in object pools where they belong. */
OURO__RACY static void
move_mixed(const ouro_heap *heap, ouro_heap_stats *stats)
{
    struct ouro_domain_stats *mem = &stats->domain[OURO_DOMAIN_MEM];
    struct ouro_domain_stats *object = &stats->domain[OURO_DOMAIN_OBJECT];

    for (unsigned class = 0; class < N_BINS_A_DOMAIN; class ++) {
        uint64_t n_allocs = heap->mixed_allocs[class], n_live = n_allocs - heap->mixed_frees[class];
        mem->n_allocs += n_allocs;
        mem->live_blocks += n_live;
        mem->live_bytes += n_live * ouro__class_size[class];
        object->n_allocs -= n_allocs;
        object->live_blocks -= n_live;
        object->live_bytes -= n_live * ouro__class_size[class];
    }
}

OURO__RACY void
ouro_heap_get_stats(ouro_heap *heap, ouro_heap_stats *stats)
{
    struct known known;
    struct range_stats range;
    bool debug = heap->debug;

    memset(stats, 0, sizeof *stats);
    add_locals(heap, &known);
    ouro__range_lock();
    size_t n = ouro__range_extent() >> SLOT_SHIFT;
    for (size_t i = 1; i < n; i++) {
        const struct pool *record = &ouro__range.records[i];
        if (ouro__heap_of(record) == heap) {
            if (record->kind == SLOT_LARGE) {
                add_large(record, stats);
            } else {
                add_pool(record, stats, &known);
            }
        }
    }
    ouro__range_unlock();
    if (debug) {
        ouro__debug_adjust(heap, stats);
    }
    move_mixed(heap, stats);
    ouro__range_get_stats(&range);
    for (unsigned i = 0; i < OURO_N_DOMAINS; i++) {
        stats->domain[i].n_allocs += known.past_allocs[i];
        stats->domain[i].n_allocs += __atomic_load_n(&heap->large_allocs[i], __ATOMIC_RELAXED);
        stats->domain[i].n_frees = stats->domain[i].n_allocs - stats->domain[i].live_blocks;
        stats->live_bytes += stats->domain[i].live_bytes;
    }
    stats->cached_bytes += range.cached + range.dirty_free;
    stats->resident_bytes =
        stats->live_bytes + stats->free_bytes + stats->cached_bytes - stats->untouched_bytes;
    stats->mapped_bytes = range.mapped + range.record_bytes;
    stats->record_bytes = range.record_bytes;
    stats->purged_bytes = range.purged;
    stats->limit_bytes = __atomic_load_n(&heap->account->limit, __ATOMIC_RELAXED);
    stats->limit_refusals = __atomic_load_n(&heap->account->refusals, __ATOMIC_RELAXED);
    stats->limit_last_size = __atomic_load_n(&heap->account->last_refused, __ATOMIC_RELAXED);

    uint64_t peak = __atomic_load_n(&heap->peak, __ATOMIC_RELAXED);
    stats->peak_bytes = peak > stats->live_bytes ? peak : stats->live_bytes;
    __atomic_store_n(&heap->peak, stats->peak_bytes, __ATOMIC_RELAXED);
}

OURO__RACY void
ouro_heap_get_class_stats(ouro_heap *heap, unsigned index, ouro_class_stats *stats)
{
    struct known known;

    memset(stats, 0, sizeof *stats);
    if (index >= OURO_N_SIZE_CLASSES) {
        return;
    }
    stats->block_size = ouro__class_size[index];
    add_locals(heap, &known);
    ouro__range_lock();
    size_t n = ouro__range_extent() >> SLOT_SHIFT;
    for (size_t i = 1; i < n; i++) {
        const struct pool *record = &ouro__range.records[i];
        if (ouro__heap_of(record) == heap && record->kind == SLOT_POOL && record->class == index) {
            uint64_t live = live_blocks(record), carved = carved_blocks(record);
            stats->n_pools++;
            stats->live_blocks += live;
            stats->free_blocks += carved > live ? carved - live : 0;
        }
    }
    ouro__range_unlock();
    stats->rounding_bytes = rounding_of(&known, index, stats->live_blocks);
}

OURO__RACY struct ouro__run
ouro__run_at(uint32_t slot)
{
    const struct pool *record = &ouro__range.records[slot];
    struct ouro__run run = {.slot = slot, .n_slots = 1};

    run.kind = __atomic_load_n(&record->kind, __ATOMIC_ACQUIRE);
    if (run.kind == SLOT_FREE) {
        run.is_dirty = (record->flags & SLOT_DIRTY) != 0;
    } else if (run.kind == SLOT_LARGE) {
        run.n_slots = record->n_slots > 0 ? record->n_slots : 1;
        run.domain = record->domain;
        run.n_blocks = run.n_live = 1;
        run.live_bytes = record->size;
    } else if (run.kind == SLOT_POOL) {
        run.n_slots = ouro__class_slots(record->class);
        run.domain = record->domain;
        run.block_size = ouro__class_size[record->class];
        run.n_blocks = pool_capacity(record);
        uint64_t live = live_blocks(record);
        run.n_live = live < run.n_blocks ? (uint32_t)live : run.n_blocks;
        run.live_bytes = (uint64_t)run.n_live * run.block_size;
    } else {
        run.kind = run.kind == SLOT_CACHED ? SLOT_CACHED : SLOT_NONE;
    }
    return run;
}

/* ---- walks ---- */

/* ouro__link_load(), of what may be somebody else's by now. */
OURO__RACY static inline uint64_t
link_peek(const void *block)
{
    return ouro__link_coded(block, *(const uint64_t *)block, ouro__range.key);
}

OURO__RACY static bool
walk_pool(const struct pool *pool, bool debug, ouro_block_visitor visitor, void *context)
{
    uint32_t size = ouro__class_size[pool->class];
    uint32_t start = ouro__pool_start(pool->class, pool->domain);
    uint32_t n = carved_blocks(pool);
    const void *hot = ouro__pool_hot(pool);
    ouro_block block = {.domain = (ouro_domain)pool->domain, .pool = pool->base};

    block.pool_size = (size_t)ouro__class_slots(pool->class) << SLOT_SHIFT;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t offset = start + i * size;
        void *address = pool->base + offset;
        if (ouro__is_cold(pool, offset, size) || ouro__is_link(link_peek(address)) || address == hot) {
            continue;
        }
        block.address = address;
        block.size = size;
        if ((debug && !ouro__debug_show(&block)) || visitor(&block, context)) {
            continue;
        }
        return false;
    }
    return true;
}

OURO__RACY bool
ouro_heap_walk(ouro_heap *heap, ouro_block_visitor visitor, void *context)
{
    size_t n = ouro__range_extent() >> SLOT_SHIFT;
    bool go_on = true, debug = heap->debug;

    /* A pool that ends meanwhile stays readable: its memory is purged at most, never unmapped. */
    for (size_t i = 1; i < n && go_on; i++) {
        const struct pool *record = &ouro__range.records[i];
        if (ouro__heap_of(record) != heap) {
            continue;
        }
        if (record->kind == SLOT_LARGE) {
            ouro_block block = {.address = record->base,
                                .size = ouro__large_usable(record),
                                .domain = (ouro_domain)record->domain,
                                .pool = record->base,
                                .pool_size = (size_t)record->n_slots << SLOT_SHIFT};
            if (!debug || ouro__debug_show(&block)) {
                go_on = visitor(&block, context);
            }
        } else {
            go_on = walk_pool(record, debug, visitor, context);
        }
    }
    return go_on;
}
