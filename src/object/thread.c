/* thread.c - threads that use objects, and stopping them.
 *
 *                 attach                      asked at a safepoint
 *   DETACHED <-------------> ATTACHED <-----------------------------> STOPPED
 *      ^        detach                          the world starts
 *      |  the world stops, the world starts
 *      v
 *   SUSPENDED
 *
 * Attaching and detaching are an atomic instruction each.  The world is stopped when no thread but the stopper
 * is ATTACHED; `world.lock` guards the list, the spares, and who is the stopper.
 *
 * @source  CPython Python/pystate.c, stop_the_world() and tstate_try_attach() */
#include "object/object.h"

#include <pthread.h>

_Thread_local struct thread *ouro__thread_self;
struct thread *ouro__threads;

static struct {
    ouro__os_lock lock;
    ouro__os_condition changed; /* a thread has stopped or left, or the world has started */
    struct thread *stopper;
    struct thread *spare; /* whose threads have ended */
    struct thread **by_number;
    unsigned n_threads;
    pthread_key_t key; /* its destructor runs at a thread's end */
    bool is_ready;
} world = {.lock = OURO_OS_LOCK_INIT, .changed = OURO_OS_CONDITION_INIT};

#define MAX_THREADS (UNATTACHED - 1)

static uint32_t
load_state(const struct thread *thread)
{
    return __atomic_load_n(&thread->state, __ATOMIC_SEQ_CST);
}

static bool
change_state(struct thread *thread, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&thread->state, &from, to, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/* ---- attaching and detaching ---- */

void
ouro__thread_enter(struct thread *self)
{
    while (!change_state(self, THREAD_DETACHED, THREAD_ATTACHED)) {
        ouro__os_acquire(&world.lock);
        while (load_state(self) == THREAD_SUSPENDED) {
            ouro__os_wait(&world.changed, &world.lock);
        }
        ouro__os_release(&world.lock);
    }
    ouro__self = self->number;
}

void
ouro__thread_leave(struct thread *self)
{
    ouro__self = UNATTACHED;
    __atomic_store_n(&self->state, THREAD_DETACHED, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&self->poll, __ATOMIC_SEQ_CST) != 0) { /* the stopper may be waiting for this */
        ouro__os_acquire(&world.lock);
        ouro__os_wake(&world.changed);
        ouro__os_release(&world.lock);
    }
}

/* A thread that has ended leaves its number, its logs and its objects to the next one. */
static void
end_thread(void *thread)
{
    struct thread *self = thread;

    if (self->n_attached == 0) {
        ouro__thread_enter(self);
    }
    self->n_attached = 0;
    ouro__safepoint_slow(self); /* what others left to this thread */
    ouro__os_acquire(&self->queue_lock);
    self->ended = true;
    ouro__os_release(&self->queue_lock);
    ouro__thread_leave(self);
    ouro__thread_self = NULL;

    ouro__os_acquire(&world.lock);
    self->spare = world.spare;
    world.spare = self;
    ouro__os_release(&world.lock);
}

/* A number nobody has, or NULL without memory; the lock is held. */
static struct thread *
make_thread(void)
{
    struct thread *thread = ouro_heap_alloc_zeroed(ouro__leaves, OURO_DOMAIN_RAW, 1, sizeof *thread);
    if (thread == NULL) {
        return NULL;
    }
    thread->queue = ouro__chunk_take();
    if (thread->queue == NULL) {
        ouro_heap_free(ouro__leaves, OURO_DOMAIN_RAW, thread);
        return NULL;
    }
    thread->queue_lock = (ouro__os_lock)OURO_OS_LOCK_INIT;
    thread->number = (uint16_t)++world.n_threads;
    thread->state = world.stopper == NULL ? THREAD_DETACHED : THREAD_SUSPENDED;
    thread->next = ouro__threads;
    world.by_number[thread->number] = thread;
    __atomic_store_n(&ouro__threads, thread, __ATOMIC_RELEASE);
    return thread;
}

static ouro_status
begin_thread(struct thread **begun)
{
    ouro_status status = OURO_OK;

    ouro__os_acquire(&world.lock);
    struct thread *thread = world.spare;
    if (thread != NULL) {
        world.spare = thread->spare;
    } else if (world.n_threads >= MAX_THREADS) {
        status = OURO_TOO_MANY;
    } else {
        thread = make_thread();
        status = thread == NULL ? OURO_NO_MEMORY : OURO_OK;
    }
    ouro__os_release(&world.lock);
    if (thread != NULL) {
        ouro__os_acquire(&thread->queue_lock);
        thread->ended = false;
        ouro__os_release(&thread->queue_lock);
        *begun = thread;
    }
    return status;
}

/* The thread's cache of a heap is there from now on, if only an empty one. */
static void
prepare_cache(const ouro_heap *heap)
{
    struct local **local = &ouro__locals[heap->index];
    if (*local == NULL || (*local)->heap != heap) {
        *local = &ouro__no_local;
    }
}

ouro_status
ouro_thread_attach(void)
{
    struct thread *self = ouro__thread_self;

    if (!world.is_ready) {
        return OURO_NOT_ATTACHED;
    }
    if (self == NULL) {
        ouro_status status = begin_thread(&self);
        if (status < 0) {
            return status;
        }
        ouro__thread_self = self;
        prepare_cache(ouro__collected);
        prepare_cache(ouro__leaves);
        pthread_setspecific(world.key, self);
    }
    if (self->n_attached++ == 0) {
        ouro__thread_enter(self);
    }
    return OURO_OK;
}

void
ouro_thread_detach(void)
{
    struct thread *self = ouro__thread_self;

    OURO_CHECK(self != NULL && self->n_attached > 0, "a thread that is not attached is to be detached");
    ouro__safepoint(self);
    if (--self->n_attached == 0) {
        ouro__thread_leave(self);
    }
}

bool
ouro_thread_is_attached(void)
{
    return ouro__self != UNATTACHED;
}

bool
ouro__threads_init(void)
{
    ouro__os_acquire(&world.lock);
    if (!world.is_ready) {
        world.by_number = ouro__os_map((MAX_THREADS + 2) * sizeof *world.by_number);
        world.is_ready = world.by_number != NULL && pthread_key_create(&world.key, end_thread) == 0;
    }
    bool is_ready = world.is_ready;
    ouro__os_release(&world.lock);
    return is_ready;
}

/* ---- stopping the world ---- */

/* Stand still until the world starts; the lock is held. */
static void
stand_still(struct thread *self)
{
    while (world.stopper != NULL && world.stopper != self) {
        __atomic_store_n(&self->state, THREAD_STOPPED, __ATOMIC_SEQ_CST);
        ouro__os_wake(&world.changed);
        ouro__os_wait(&world.changed, &world.lock);
    }
    __atomic_store_n(&self->state, THREAD_ATTACHED, __ATOMIC_SEQ_CST);
}

/* Whether the thread, another than the stopper, does nothing from now on. */
static bool
is_still(struct thread *thread)
{
    return load_state(thread) != THREAD_ATTACHED &&
           (load_state(thread) != THREAD_DETACHED ||
            change_state(thread, THREAD_DETACHED, THREAD_SUSPENDED));
}

void
ouro__world_stop(void)
{
    struct thread *self = ouro__thread_self;

    ouro__os_acquire(&world.lock);
    stand_still(self); /* another stopper comes first */
    world.stopper = self;
    for (struct thread *each = ouro__threads; each != NULL; each = each->next) {
        if (each != self) {
            __atomic_fetch_or(&each->poll, POLL_STOP, __ATOMIC_SEQ_CST);
            while (!is_still(each)) {
                ouro__os_wait(&world.changed, &world.lock);
            }
        }
    }
    ouro__os_release(&world.lock);
}

void
ouro__world_start(void)
{
    ouro__os_acquire(&world.lock);
    for (struct thread *each = ouro__threads; each != NULL; each = each->next) {
        __atomic_fetch_and(&each->poll, ~POLL_STOP, __ATOMIC_SEQ_CST);
        change_state(each, THREAD_SUSPENDED, THREAD_DETACHED);
    }
    world.stopper = NULL;
    ouro__os_wake(&world.changed);
    ouro__os_release(&world.lock);
}

/* ---- what is left to an owner ---- */

/* Queue an object for its owner, whose lock is held; false without memory. */
static bool
enqueue(struct thread *owner, ouro_object *object)
{
    struct chunk *chunk = owner->queue;
    if (chunk->n == CHUNK_ITEMS) {
        chunk = ouro__chunk_take();
        if (chunk == NULL) {
            return false;
        }
        chunk->next = owner->queue;
        owner->queue = chunk;
    }
    chunk->items[chunk->n++] = object;
    __atomic_fetch_or(&owner->poll, POLL_QUEUE, __ATOMIC_SEQ_CST);
    return true;
}

void
ouro__leave_to_owner(ouro_object *object)
{
    uint16_t number = __atomic_load_n(&object->owner, __ATOMIC_RELAXED);
    bool is_last = false;

    if (number == NO_OWNER) { /* merged meanwhile: the reference is one of the others now */
        ouro__decref_shared(object);
        return;
    }
    struct thread *owner = world.by_number[number];
    ouro__os_acquire(&owner->queue_lock);
    bool has_ended = owner->ended, is_queued = !has_ended && enqueue(owner, object);
    if (has_ended) {
        is_last = ouro__merge(object);
    }
    ouro__os_release(&owner->queue_lock);
    if (!has_ended && !is_queued) { /* without memory: have the owner stand still */
        ouro__world_stop();
        bool is_merged = ouro__shared_state(object->shared) == SHARED_MERGED;
        is_last = !is_merged && ouro__merge(object);
        ouro__world_start();
        if (is_merged) {
            ouro__decref_shared(object);
        }
    }
    if (is_last) {
        ouro__destroy(object);
    }
}

/* Let go of what others left to this thread. */
static void
take_queue(struct thread *self)
{
    struct chunk *fresh = NULL;

    ouro__os_acquire(&self->queue_lock);
    struct chunk *queue = self->queue;
    if (queue->n != 0 || queue->next != NULL) {
        fresh = ouro__chunk_take();
        if (fresh != NULL) {
            self->queue = fresh;
        }
    }
    __atomic_fetch_and(&self->poll, ~POLL_QUEUE, __ATOMIC_SEQ_CST);
    ouro__os_release(&self->queue_lock);
    if (fresh == NULL) { /* later, when there is memory */
        return;
    }
    for (struct chunk *chunk = queue; chunk != NULL; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->n; i++) {
            ouro_object *object = chunk->items[i];
            if (ouro__shared_state(__atomic_load_n(&object->shared, __ATOMIC_RELAXED)) ==
                SHARED_MERGED) {
                ouro__decref_shared(object);
            } else if (ouro__merge(object)) {
                ouro__destroy(object);
            }
        }
    }
    ouro__chunks_give(queue);
}

/* Merge what is left to a thread; what would die of it stays, for the thread itself to destroy. */
static void
merge_queue(struct chunk *queue)
{
    for (struct chunk *chunk = queue; chunk != NULL; chunk = chunk->next) {
        size_t n = 0;
        for (size_t i = 0; i < chunk->n; i++) {
            ouro_object *object = chunk->items[i];
            if (ouro__count(object) <= 1) {
                chunk->items[n++] = object;
            } else if (ouro__shared_state(object->shared) == SHARED_MERGED) {
                ouro__decref_shared(object);
            } else {
                ouro__merge(object);
            }
        }
        chunk->n = n;
    }
}

void
ouro__merge_queues(void)
{
    for (struct thread *each = ouro__threads_now(); each != NULL; each = each->next) {
        ouro__os_acquire(&each->queue_lock);
        merge_queue(each->queue);
        ouro__os_release(&each->queue_lock);
    }
}

void
ouro__safepoint_slow(struct thread *self)
{
    uint32_t poll = __atomic_load_n(&self->poll, __ATOMIC_SEQ_CST);

    if (poll & POLL_STOP) {
        ouro__os_acquire(&world.lock);
        stand_still(self);
        ouro__os_release(&world.lock);
    }
    if (poll & POLL_QUEUE) {
        take_queue(self);
    }
}

void
ouro_safepoint(void)
{
    if (ouro__self != UNATTACHED) {
        ouro__safepoint(ouro__thread_self);
    }
}
