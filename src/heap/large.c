/* large.c - blocks above OURO_POOLED_MAX: a run of slots each.
 *
 * The record of the first slot knows the size that was asked for, so that rounding is exact; the system's pages
 * behind it are not touched and cost addresses alone. */
#include <string.h>

#include "base/assert.h"
#include "base/poison.h"
#include "heap/heap.h"

#define MOVE_FROM ((size_t)1 << 20) /* pages are moved from this size on, smaller blocks are copied */

static size_t
slots_for(size_t size)
{
    return (size + SLOT_SIZE - 1) >> SLOT_SHIFT;
}

/* What a block of `size` bytes counts: the system's pages behind it. */
static size_t
pages_for(size_t size)
{
    return ouro__round_up(size, ouro__os_page_size());
}

size_t
ouro__large_usable(const struct pool *large)
{
    return pages_for(
        (size_t)__atomic_load_n(&large->size, __ATOMIC_RELAXED)); /* figures look while it changes */
}

static void
mark_interior(struct pool *first, size_t from, size_t n)
{
    uint32_t head = (uint32_t)ouro__slot_index(first);
    for (size_t i = from; i < n; i++) {
        first[i].head = head;
        __atomic_store_n(&first[i].kind, SLOT_INTERIOR, __ATOMIC_RELAXED);
    }
}

/* Make a run read as zero: what was never written does so already. */
static void
zero_run(struct pool *first, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        if (first[i].flags & SLOT_DIRTY) {
            size_t left = size - (i << SLOT_SHIFT);
            memset(first[i].base, 0, left < SLOT_SIZE ? left : SLOT_SIZE);
        }
    }
}

void *
ouro__large_alloc(struct local *local, unsigned domain, size_t size, size_t alignment, bool zeroed)
{
    struct ouro_heap *heap = local->heap;

    if (size > PTRDIFF_MAX - SLOT_SIZE || alignment > PTRDIFF_MAX) {
        return NULL;
    }
    size_t n = slots_for(size == 0 ? 1 : size);
    if (!ouro__local_charge(local, pages_for(size), size)) {
        return NULL;
    }
    struct pool *large = ouro__range_take(n, alignment <= SLOT_SIZE ? 1 : alignment >> SLOT_SHIFT);
    if (large == NULL) {
        ouro__heap_discharge(heap, pages_for(size));
        return NULL;
    }
    mark_interior(large, 1, n);
    __atomic_store_n(&large->size, size, __ATOMIC_RELAXED);
    large->heap = heap;
    large->remote = 0;
    large->domain = (uint8_t)domain;
    __atomic_store_n(&large->kind, SLOT_LARGE, __ATOMIC_RELEASE);
    if (zeroed) {
        zero_run(large, n, size);
    } else if (large->flags & SLOT_DIRTY) {
        /* The link of a free block that began here must not come back by copies of what nobody wrote (realloc), to where
         * it would be a link again. */
        *(uint64_t *)(void *)large->base = 0;
    }
    __atomic_fetch_add(&heap->large_allocs[domain], 1, __ATOMIC_RELAXED);
    ouro__heap_took(local, n);
    return large->base;
}

void
ouro__large_free(struct pool *large)
{
    struct ouro_heap *heap = large->heap;
    size_t bytes = ouro__large_usable(large);

    ouro__poison(large->base, bytes);
    ouro__range_give(large, large->n_slots);
    ouro__heap_discharge(heap, bytes);
}

/* Copying more than 4 MiB would hold a program up for milliseconds. */
#define COPIED_MOST (((size_t)4 << 20) >> SLOT_SHIFT)

static bool
is_mostly_resident(const struct pool *run, size_t n)
{
    size_t n_dirty = 0;
    for (size_t i = 0; i < n; i++) {
        n_dirty += (run[i].flags & SLOT_DIRTY) != 0;
    }
    return n_dirty > n / 2;
}

/* Move a block to a longer run: its pages, or, where others are resident already, what it holds. */
static struct pool *
move_run(struct pool *large, size_t n)
{
    size_t n_now = large->n_slots;
    struct pool *to = ouro__range_take(n, 1);

    if (to == NULL) {
        return NULL;
    }
    bool copies = n_now <= COPIED_MOST && is_mostly_resident(to, n_now);
    if (copies) {
        memcpy(to->base, large->base, ouro__large_usable(large));
    } else if (!ouro__os_move(large->base, to->base, n_now << SLOT_SHIFT)) {
        to->kind = SLOT_NONE;
        ouro__range_give(to, n);
        return NULL;
    }
    for (size_t i = 0; i < n_now && !copies; i++) {
        to[i].flags |= SLOT_MOVED | SLOT_DIRTY;
    }
    mark_interior(to, 1, n);
    __atomic_store_n(&to->size, large->size, __ATOMIC_RELAXED);
    to->heap = large->heap;
    to->remote = 0;
    to->domain = large->domain;
    __atomic_store_n(&to->kind, SLOT_LARGE, __ATOMIC_RELEASE);
    if (copies) {
        ouro__range_give(large, n_now);
    } else {
        ouro__range_give_moved(large, n_now);
    }
    return to;
}

void *
ouro__large_resize(struct local *local, struct pool *large, size_t size, bool *copy)
{
    struct ouro_heap *heap = large->heap;
    size_t n_now = large->n_slots;

    *copy = false;
    if (size > PTRDIFF_MAX - SLOT_SIZE) {
        return NULL;
    }
    size_t n = slots_for(size), before = ouro__large_usable(large), after = pages_for(size);
    if (after > before && !ouro__local_charge(local, after - before, size)) {
        return NULL;
    }
    if (n < n_now) {
        large->n_slots = (uint32_t)n;
        ouro__range_give(large + n, n_now - n);
    } else if (n > n_now) {
        if (ouro__range_extend(large, n_now, n - n_now)) {
            mark_interior(large, n_now, n);
            large->n_slots = (uint32_t)n;
        } else {
            struct pool *moved = before >= MOVE_FROM ? move_run(large, n) : NULL;
            if (moved == NULL) {
                ouro__heap_discharge(heap, after - before);
                *copy = true;
                return NULL;
            }
            large = moved;
        }
        ouro__heap_took(local, n - n_now);
    }
    if (after < before) {
        ouro__heap_discharge(heap, before - after);
    }
    __atomic_store_n(&large->size, size, __ATOMIC_RELAXED);
    return large->base;
}
