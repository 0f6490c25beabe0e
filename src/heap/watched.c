/* watched.c - heaps whose blocks somebody is told of, and debug heaps: what takes no fast path.
 *
 * A heap has one flag that its users look at before they take a fast path, and one for frees: whoever watches them costs
 * nothing while nobody does. */
#include "heap/heap.h"

#include "base/assert.h"

const struct ouro__heap_watcher *ouro__heap_watcher;

static void
keep_nothing(void)
{
}

static const struct ouro__heap_keeper nobody = {keep_nothing, keep_nothing};
const struct ouro__heap_keeper *ouro__heap_keeper = &nobody;

static enum ouro__heap_watching how;

static void
set_flags(struct ouro_heap *heap)
{
    __atomic_store_n(&heap->is_watched, how != HEAPS_UNWATCHED, __ATOMIC_RELAXED);
    __atomic_store_n(&heap->slow_allocs, heap->debug || how != HEAPS_UNWATCHED, __ATOMIC_RELAXED);
    __atomic_store_n(&heap->slow_frees, heap->debug || how == HEAPS_WATCHED, __ATOMIC_RELAXED);
}

void
ouro__heap_begin_watched(struct ouro_heap *heap)
{
    set_flags(heap);
}

void
ouro__heaps_watch(enum ouro__heap_watching watching)
{
    how = watching;
    ouro__heaps_visit(set_flags);
}

static bool
is_watched(const struct ouro_heap *heap)
{
    return __atomic_load_n(&heap->is_watched, __ATOMIC_RELAXED);
}

/* A heap that ceased to be watched meanwhile is still its watcher's. */
static bool
is_debug_alone(const struct ouro_heap *heap)
{
    return heap->debug && !is_watched(heap);
}

void *
ouro__special_alloc(struct ouro_heap *heap, unsigned domain, size_t alignment, size_t size, bool zeroed,
                    const void *site)
{
    return is_debug_alone(heap)
               ? ouro__debug_alloc(heap, (ouro_domain)domain, size, alignment, zeroed, site)
               : ouro__heaps_watcher()->alloc(heap, domain, alignment, size, zeroed, site);
}

void *
ouro__special_realloc(struct ouro_heap *heap, unsigned domain, void *block, size_t size,
                      const void *site)
{
    return is_debug_alone(heap) ? ouro__debug_realloc(heap, (ouro_domain)domain, block, size, site)
                                : ouro__heaps_watcher()->resize(heap, domain, block, size, site);
}

void
ouro__special_free(struct ouro_heap *heap, unsigned domain, void *block, const void *site)
{
    if (is_debug_alone(heap)) {
        ouro__debug_free(heap, (ouro_domain)domain, block, site);
    } else {
        ouro__heaps_watcher()->free(heap, domain, block, site);
    }
}

void
ouro__special_end(struct ouro_heap *heap)
{
    if (is_watched(heap)) {
        ouro__heaps_watcher()->end(heap);
    }
}
