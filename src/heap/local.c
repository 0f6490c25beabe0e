/* local.c - the locals of a shared heap: a thread gets one at its first call and leaves it at its end.
 *
 * The local of a thread that has ended, with all its pools, becomes an orphan.  The next thread that begins
 * adopts it whole; a thread that needs a pool absorbs it.  Memory of locals is never unmapped, because threads
 * may still hold a pointer to one whose heap has ended: `heap` in it tells. */
#include <pthread.h>

#include "base/assert.h"
#include "heap/heap.h"

/* Every bin of it is empty from the first instruction on: malloc is called before any constructor. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* ranges in initialisers: gcc and clang have them */
struct local ouro__no_local = {
    .current = {[0 ... OURO_N_DOMAINS - 1] = {[0 ... N_BINS_A_DOMAIN - 1] = &ouro__no_pool}},
};
#pragma GCC diagnostic pop

/* Element 0, the process's shared heap, is read without a test. */
_Thread_local struct local *ouro__locals[MAX_SHARED_HEAPS] = {&ouro__no_local};

_Thread_local const char ouro__thread;

void (*ouro__heap_on_thread_end)(bool has_left);

static _Thread_local bool thread_has_ended __attribute__((tls_model("initial-exec")));

static struct {
    ouro__os_lock lock;
    struct local *free; /* locals of heaps that have ended, through `next` */
    pthread_key_t key;  /* its destructor runs at a thread's end */
    bool has_key;
} locals = {.lock = OURO_OS_LOCK_INIT};

/* ---- the end of a thread ---- */

static void
leave(struct local *local)
{
    struct ouro_heap *heap = local->heap;

    ouro__os_acquire(&heap->lock);
    ouro__local_release_empty(local);
    local->state = LOCAL_ORPHAN;
    local->orphan = heap->orphans;
    __atomic_store_n(&heap->orphans, local, __ATOMIC_RELAXED);
    ouro__os_release(&heap->lock);
}

static void
tell_of_end(bool has_left)
{
    if (ouro__heap_on_thread_end != NULL) {
        ouro__heap_on_thread_end(has_left);
    }
}

static void
end_thread(void *unused)
{
    (void)unused;
    tell_of_end(false);
    thread_has_ended = true; /* destructors that run after this one are served by `late` */
    ouro__heaps_lock();      /* so that none of them ends meanwhile */
    for (unsigned i = 0; i < MAX_SHARED_HEAPS; i++) {
        struct local *local = ouro__locals[i];
        ouro__locals[i] = &ouro__no_local;
        if (local != NULL && local->heap != NULL && local->holder == &ouro__thread) {
            leave(local);
        }
    }
    ouro__heaps_unlock();
    tell_of_end(true);
}

static void
watch_thread(void)
{
    ouro__os_acquire(&locals.lock);
    if (!locals.has_key) {
        locals.has_key = pthread_key_create(&locals.key, end_thread) == 0;
    }
    ouro__os_release(&locals.lock);
    if (locals.has_key) {
        pthread_setspecific(locals.key, &locals); /* any value but NULL */
    }
}

/* ---- making and adopting ---- */

struct local *
ouro__local_make(struct ouro_heap *heap)
{
    ouro__os_acquire(&locals.lock);
    struct local *local = locals.free;
    if (local != NULL) {
        locals.free = local->next;
    }
    ouro__os_release(&locals.lock);
    if (local == NULL) {
        local = ouro__os_map(ouro__round_up(sizeof *local, ouro__os_page_size()));
        if (local == NULL) {
            return NULL;
        }
    }
    ouro__local_init(local, heap);
    local->next = heap->locals;
    heap->locals = local;
    return local;
}

struct local *
ouro__local_get(struct ouro_heap *heap)
{
    if (thread_has_ended) {
        return NULL;
    }
    ouro__os_acquire(&heap->lock);
    struct local *local = heap->orphans;
    if (local != NULL) {
        __atomic_store_n(&heap->orphans, local->orphan, __ATOMIC_RELAXED);
    } else if (heap->spares != NULL) {
        local = heap->spares;
        heap->spares = local->orphan;
    } else {
        local = ouro__local_make(heap);
    }
    if (local != NULL) {
        local->state = LOCAL_HELD;
    }
    ouro__os_release(&heap->lock);
    if (local != NULL) {
        local->holder = &ouro__thread;
        ouro__locals[heap->index] = local; /* first: what comes next may allocate */
        watch_thread();
    }
    return local;
}

bool
ouro__local_take_orphan(struct local *local)
{
    struct ouro_heap *heap = local->heap;
    bool is_late = local == heap->late; /* then the lock is held already */

    if (local == heap->apart) { /* what it holds is to be its own */
        return false;
    }

    if (!is_late) {
        ouro__os_acquire(&heap->lock);
    }
    struct local *orphan = heap->orphans;
    if (orphan != NULL) {
        __atomic_store_n(&heap->orphans, orphan->orphan, __ATOMIC_RELAXED);
        ouro__local_absorb(local, orphan);
        orphan->orphan = heap->spares;
        heap->spares = orphan;
    }
    if (!is_late) {
        ouro__os_release(&heap->lock);
    }
    return orphan != NULL;
}

void
ouro__locals_end(struct ouro_heap *heap)
{
    ouro__os_acquire(&locals.lock);
    while (heap->locals != NULL) {
        struct local *local = heap->locals;
        heap->locals = local->next;
        local->heap = NULL;
        local->next = locals.free;
        locals.free = local;
    }
    ouro__os_release(&locals.lock);
}

void
ouro__locals_lock(void)
{
    ouro__os_acquire(&locals.lock);
}

void
ouro__locals_unlock(void)
{
    ouro__os_release(&locals.lock);
}

bool
ouro__locals_vanish(struct ouro_heap *heap)
{
    bool any = false;
    for (struct local *local = heap->locals; local != NULL; local = local->next) {
        /* By its holder: what this thread's own pointer led to may have ended, and be another's now. */
        if (local->holder != &ouro__thread && local != heap->late && local != heap->apart &&
            local->state == LOCAL_HELD) {
            local->state = LOCAL_VANISHED;
            any = true;
        }
    }
    return any;
}
