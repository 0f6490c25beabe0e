/* heaps.c - libouro's own heaps, traced: they hand over while somebody wants to know of their blocks (heap/watched.c).
 *
 * In a host nobody calls this: there malloc and CPython's domains tell of their blocks, each once. */
#include "trace/heaps.h"

#include "heap/heap.h"
#include "trace/traced.h"

static struct ouro__asker
asker_of(ouro_heap *heap, unsigned domain, const void *site)
{
    return (struct ouro__asker){heap, domain, domain, &ouro__until_trace, site};
}

/* A count that was left from samples says nothing of every block. */
static bool
is_due(int64_t *until, size_t size)
{
    return ouro__trace_mode_now() == OURO__TRACE_EXACT || ouro__trace_is_due(until, size);
}

static void *
alloc(ouro_heap *heap, unsigned domain, size_t alignment, size_t size, bool zeroed, const void *site)
{
    struct ouro__asker asker = asker_of(heap, domain, site);
    return is_due(asker.until, size) ? ouro__traced_take(&asker, alignment, size, zeroed)
                                     : ouro__untraced_take(&asker, alignment, size, zeroed);
}

static void *
resize(ouro_heap *heap, unsigned domain, void *block, size_t size, const void *site)
{
    struct ouro__asker asker = asker_of(heap, domain, site);
    if (block == NULL) {
        return alloc(heap, domain, OURO_ALIGNMENT, size, false, site);
    }
    if (ouro__trace_mode_now() == OURO__TRACE_EXACT) {
        *asker.until = OURO__NO_COUNT;
    }
    return ouro__traced_resize(&asker, block, size);
}

static void
give(ouro_heap *heap, unsigned domain, void *block, const void *site)
{
    if (block == NULL) {
        return;
    }
    ouro__traced_give(block);
    if (heap->debug) {
        ouro__debug_free(heap, (ouro_domain)domain, block, site);
    } else {
        ouro__heap_give(heap, block);
    }
}

static bool
forget_block(const ouro_block *block, void *context)
{
    (void)context;
    (void)ouro__trace_free(block->address);
    return true;
}

static void
end(ouro_heap *heap)
{
    (void)ouro_heap_walk(heap, forget_block, NULL);
}

static ouro__os_lock changing = OURO_OS_LOCK_INIT; /* taken before the lock of tracing */

static void
prepare_fork(void)
{
    ouro__os_acquire(&changing);
    ouro__trace_fork_prepare();
}

static void
end_fork(void)
{
    ouro__trace_fork_done();
    ouro__os_release(&changing);
}

static const struct ouro__heap_watcher tracer = {
    .alloc = alloc,
    .resize = resize,
    .free = give,
    .end = end,
    .fork_prepare = prepare_fork,
    .fork_done = end_fork,
};

bool
ouro__heaps_trace(bool (*change)(void *context), void *context)
{
    static const enum ouro__heap_watching wanted[] = {
        [OURO__TRACE_OFF] = HEAPS_UNWATCHED,
        [OURO__TRACE_EXACT] = HEAPS_WATCHED,
        [OURO__TRACE_SAMPLED] = HEAPS_ALLOCS_WATCHED,
    };
    const struct ouro__heap_keeper *keeper = ouro__heap_keeper;

    keeper->stand_still();
    ouro__os_acquire(&changing);
    __atomic_store_n(&ouro__heap_watcher, &tracer, __ATOMIC_RELEASE);
    bool is_done = change(context);
    ouro__heaps_watch(wanted[ouro__trace_mode_now()]);
    ouro__os_release(&changing);
    keeper->go_on();
    return is_done;
}
