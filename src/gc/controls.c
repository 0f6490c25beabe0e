/* controls.c - what programs set and ask of the collector, and who is told what. */
#include "gc/gc.h"

#include <stdio.h>

#define MAX_CALLBACKS 8
#define DEFAULT_THRESHOLDS                                                                             \
    {                                                                                                  \
        OURO_STRESS ? 1 : 2000, 10, 10 /* 1: a collection at every allocation */                       \
    }

static struct {
    ouro__os_lock lock; /* guards callbacks, stats and garbage */
    bool is_disabled;   /* this and the next two are atomic */
    uint32_t threshold[OURO_GENERATIONS];
    unsigned debug;
    struct {
        ouro_gc_callback call;
        void *context;
    } callbacks[MAX_CALLBACKS];
    unsigned n_callbacks;
    ouro_gc_stats stats[OURO_GENERATIONS];
    struct chunk *garbage;
} gc = {.lock = OURO_OS_LOCK_INIT, .threshold = DEFAULT_THRESHOLDS};

const uint32_t ouro__gc_thresholds[OURO_GENERATIONS] = DEFAULT_THRESHOLDS;

/* ---- for the collector ---- */

bool
ouro__gc_save(ouro_object *object)
{
    ouro__os_acquire(&gc.lock);
    bool is_saved = ouro__chunk_add(&gc.garbage, object);
    ouro__os_release(&gc.lock);
    return is_saved;
}

void
ouro__gc_tell(bool is_stop, const struct collection *collection)
{
    ouro_gc_event event = {
        .is_stop = is_stop, .in_slices = collection->in_slices, .generation = collection->generation};

    if (is_stop) {
        event.n_collected = collection->n_trash - collection->n_saved;
        event.n_uncollectable = collection->n_saved + collection->n_kept;
    }
    for (unsigned i = 0;; i++) {
        ouro__os_acquire(&gc.lock);
        ouro_gc_callback call = i < gc.n_callbacks ? gc.callbacks[i].call : NULL;
        void *context = call != NULL ? gc.callbacks[i].context : NULL;
        ouro__os_release(&gc.lock);
        if (call == NULL) {
            return;
        }
        call(&event, context);
    }
}

void
ouro__gc_note_stats(const struct collection *collection)
{
    ouro__os_acquire(&gc.lock);
    ouro_gc_stats *stats = &gc.stats[collection->generation];
    stats->n_collections++;
    stats->n_collected += collection->n_trash - collection->n_saved;
    stats->n_uncollectable += collection->n_saved + collection->n_kept;
    stats->n_visited += collection->n_visited;
    stats->total_ns += collection->ns;
    stats->longest_pause_ns =
        collection->pause > stats->longest_pause_ns ? collection->pause : stats->longest_pause_ns;
    ouro__os_release(&gc.lock);
    if (ouro_gc_get_debug() & OURO_GC_DEBUG_STATS) {
        fprintf(
            stderr,
            "ouro gc: generation %u: %zu objects looked at, %zu unreachable, %.3f ms, pause %.3f ms\n",
            collection->generation, collection->n_visited, collection->n_trash,
            (double)collection->ns / 1e6, (double)collection->pause / 1e6);
    }
}

/* ---- controls ---- */

void
ouro_gc_enable(void)
{
    __atomic_store_n(&gc.is_disabled, false, __ATOMIC_RELAXED);
    ouro__gc_controls_changed();
}

void
ouro_gc_disable(void)
{
    __atomic_store_n(&gc.is_disabled, true, __ATOMIC_RELAXED);
    ouro__gc_controls_changed();
}

bool
ouro_gc_is_enabled(void)
{
    return !__atomic_load_n(&gc.is_disabled, __ATOMIC_RELAXED);
}

void
ouro_gc_set_threshold(const uint32_t threshold[OURO_GENERATIONS])
{
    for (unsigned g = 0; g < OURO_GENERATIONS; g++) {
        __atomic_store_n(&gc.threshold[g], threshold[g], __ATOMIC_RELAXED);
    }
    ouro__gc_controls_changed();
}

void
ouro_gc_get_threshold(uint32_t threshold[OURO_GENERATIONS])
{
    for (unsigned g = 0; g < OURO_GENERATIONS; g++) {
        threshold[g] = __atomic_load_n(&gc.threshold[g], __ATOMIC_RELAXED);
    }
}

void
ouro_gc_get_stats(ouro_gc_stats stats[OURO_GENERATIONS])
{
    ouro__os_acquire(&gc.lock);
    memcpy(stats, gc.stats, sizeof gc.stats);
    ouro__os_release(&gc.lock);
}

void
ouro_gc_set_debug(unsigned flags)
{
    __atomic_store_n(&gc.debug, flags, __ATOMIC_RELAXED);
}

unsigned
ouro_gc_get_debug(void)
{
    return __atomic_load_n(&gc.debug, __ATOMIC_RELAXED);
}

ouro_status
ouro_gc_add_callback(ouro_gc_callback callback, void *context)
{
    ouro__os_acquire(&gc.lock);
    bool has_room = gc.n_callbacks < MAX_CALLBACKS;
    if (has_room) {
        gc.callbacks[gc.n_callbacks].call = callback;
        gc.callbacks[gc.n_callbacks++].context = context;
    }
    ouro__os_release(&gc.lock);
    return has_room ? OURO_OK : OURO_TOO_MANY;
}

ouro_status
ouro_gc_remove_callback(ouro_gc_callback callback, void *context)
{
    ouro_status status = OURO_OK;

    ouro__os_acquire(&gc.lock);
    for (unsigned i = 0; i < gc.n_callbacks && status == OURO_OK; i++) {
        if (gc.callbacks[i].call == callback && gc.callbacks[i].context == context) {
            memmove(&gc.callbacks[i], &gc.callbacks[i + 1],
                    (--gc.n_callbacks - i) * sizeof gc.callbacks[0]);
            status = OURO_FOUND;
        }
    }
    ouro__os_release(&gc.lock);
    return status;
}

size_t
ouro_gc_garbage_count(void)
{
    size_t n = 0;

    ouro__os_acquire(&gc.lock);
    for (const struct chunk *chunk = gc.garbage; chunk != NULL; chunk = chunk->next) {
        n += chunk->n;
    }
    ouro__os_release(&gc.lock);
    return n;
}

ouro_ref
ouro_gc_garbage_take(void)
{
    struct chunk *emptied = NULL;
    ouro_object *object = NULL;

    ouro__os_acquire(&gc.lock);
    if (gc.garbage != NULL && gc.garbage->n == 0) {
        emptied = gc.garbage;
        gc.garbage = emptied->next;
        emptied->next = NULL;
    }
    if (gc.garbage != NULL && gc.garbage->n != 0) {
        object = gc.garbage->items[--gc.garbage->n];
    }
    ouro__os_release(&gc.lock);
    ouro__chunks_give(emptied);
    return object;
}
