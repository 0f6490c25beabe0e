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
#include <string.h>

_Thread_local struct thread *ouro__thread_self;

/* The calling thread, attached or not; NULL when it never was. */
static _Thread_local struct thread *thread_here __attribute__((tls_model("initial-exec")));

struct thread *ouro__threads;

static struct {
    ouro__os_lock lock;
    ouro__os_condition stopped; /* a thread has stopped, or left: for the stopper */
    ouro__os_condition started; /* the world has: for all others */
    struct thread *stopper;
    struct thread *spare; /* whose threads have ended */
    struct thread **by_number;
    unsigned n_threads;
    uint8_t born_flags;
    bool is_ready;
} world = {
    .lock = OURO_OS_LOCK_INIT, .stopped = OURO_OS_CONDITION_INIT, .started = OURO_OS_CONDITION_INIT};

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
            ouro__os_wait(&world.started, &world.lock);
        }
        ouro__os_release(&world.lock);
    }
    ouro__self = self->number;
    ouro__thread_self = self;
}

void
ouro__thread_leave(struct thread *self)
{
    ouro__self = UNATTACHED;
    ouro__thread_self = NULL;
    __atomic_store_n(&self->state, THREAD_DETACHED, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&self->poll, __ATOMIC_SEQ_CST) != 0) { /* the stopper may be waiting for this */
        ouro__os_acquire(&world.lock);
        ouro__os_wake(&world.stopped);
        ouro__os_release(&world.lock);
    }
}

/* Give a number to the next thread that wants one. */
static void
give_number(struct thread *thread)
{
    ouro__os_acquire(&world.lock);
    thread->spare = world.spare;
    world.spare = thread;
    ouro__os_release(&world.lock);
}

/* End, unless others have left something meanwhile: nobody would look at it. */
static bool
try_end(struct thread *self)
{
    ouro__os_acquire(&self->queue_lock);
    self->ended = self->queue->n == 0;
    ouro__os_release(&self->queue_lock);
    return self->ended;
}

/* A thread that has ended leaves its number, its logs and its objects to the next one.  It stays attached until it has left
 * its caches: nobody must stop the world and walk the heaps meanwhile. */
static void
end_thread(bool has_left)
{
    struct thread *self = thread_here;

    if (self == NULL) {
        return;
    }
    if (has_left) {
        self->n_attached = 0;
        ouro__thread_leave(self);
        thread_here = NULL;
        give_number(self);
        return;
    }
    if (self->n_attached == 0) {
        ouro__thread_enter(self);
    }
    self->n_attached = 1; /* finalizers may detach and attach */
    do {
        ouro__safepoint_slow(self); /* what others left to this thread */
        ouro__spares_free(self);
    } while (!try_end(self));
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
    ouro__spares_init(thread);
    thread->ended = true;
    thread->number = (uint16_t)++world.n_threads;
    const ouro_object born = {.local = 1, .owner = thread->number, .flags = world.born_flags};
    memcpy(&thread->birth, &born, sizeof thread->birth);
    thread->state = world.stopper == NULL ? THREAD_DETACHED : THREAD_SUSPENDED;
    thread->next = ouro__threads;
    world.by_number[thread->number] = thread;
    __atomic_store_n(&ouro__threads, thread, __ATOMIC_RELEASE);
    return thread;
}

/* The thread's caches of the heaps, so that they are there from now on, and its end is watched; false without memory. */
static bool
take_caches(struct thread *self)
{
    for (int i = 0; i < 2; i++) {
        ouro_heap *heap = i == 0 ? ouro__leaves : ouro__collected;
        struct local *local = ouro__locals[heap->index];
        if (local == NULL || local->heap != heap) {
            local = ouro__local_get(heap);
        }
        *(i == 0 ? &self->leaf_cache : &self->collected_cache) = local;
        if (local == NULL) {
            return false;
        }
    }
    return true;
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
    if (thread == NULL) {
        return status;
    }
    if (!take_caches(thread)) {
        give_number(thread);
        return OURO_NO_MEMORY;
    }
    ouro__os_acquire(&thread->queue_lock);
    thread->ended = false;
    ouro__os_release(&thread->queue_lock);
    *begun = thread;
    return OURO_OK;
}

ouro_status
ouro_thread_attach(void)
{
    if (!world.is_ready) {
        return OURO_NOT_ATTACHED;
    }
    bool is_new = thread_here == NULL;
    if (is_new) {
        ouro_status status = begin_thread(&thread_here);
        if (status < 0) {
            return status;
        }
    }
    if (thread_here->n_attached++ == 0) {
        ouro__thread_enter(thread_here);
    }
    if (is_new) { /* from here on the world stops for it */
        ouro__caches_use(thread_here);
    }
    return OURO_OK;
}

void
ouro_thread_detach(void)
{
    struct thread *self = ouro__thread_self;

    OURO_CHECK(self != NULL, "a thread that is not attached is to be detached");
    ouro__safepoint(self);
    if (--self->n_attached == 0) {
        ouro__thread_leave(self);
    }
}

bool
ouro_thread_is_attached(void)
{
    return ouro__thread_self != NULL;
}

struct thread *
ouro__thread_of(uint16_t number)
{
    return world.by_number[number];
}

static void hold_world(void);
static void let_world_go(void);
static void let_world_go_watched(void);
static void after_fork_child(void);

bool
ouro__threads_init(void)
{
    ouro__os_acquire(&world.lock);
    if (!world.is_ready) {
        if (world.by_number == NULL) {
            world.by_number = ouro__os_map((MAX_THREADS + 2) * sizeof *world.by_number);
        }
        world.is_ready =
            world.by_number != NULL && pthread_atfork(hold_world, let_world_go, after_fork_child) == 0;
        ouro__heap_on_thread_end = end_thread;
        static const struct ouro__heap_keeper keeper = {hold_world, let_world_go_watched};
        ouro__heap_keeper = &keeper;
        world.born_flags = ouro__locks_init();
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
    if (world.stopper != NULL && world.stopper != self) {
        __atomic_store_n(&self->state, THREAD_STOPPED, __ATOMIC_SEQ_CST);
        ouro__os_wake(&world.stopped);
        while (world.stopper != NULL) {
            ouro__os_wait(&world.started, &world.lock);
        }
        __atomic_store_n(&self->state, THREAD_ATTACHED, __ATOMIC_SEQ_CST);
    }
}

/* Whether the thread, another than the stopper, does nothing from now on.  One look at its state: between two it may attach. */
static bool
is_still(struct thread *thread)
{
    uint32_t state = load_state(thread);
    return state == THREAD_DETACHED ? change_state(thread, THREAD_DETACHED, THREAD_SUSPENDED)
                                    : state != THREAD_ATTACHED;
}

/* Stop the world for `stopper`; the lock is held. */
static void
stop_for(struct thread *stopper)
{
    stand_still(stopper); /* another one comes first */
    world.stopper = stopper;
    for (struct thread *each = ouro__threads; each != NULL; each = each->next) {
        if (each != stopper) {
            __atomic_fetch_or(&each->poll, POLL_STOP, __ATOMIC_SEQ_CST);
            while (!is_still(each)) {
                ouro__os_wait(&world.stopped, &world.lock);
            }
        }
    }
}

/* Let it go on; the lock is held. */
static void
start_world(void)
{
    for (struct thread *each = ouro__threads; each != NULL; each = each->next) {
        __atomic_fetch_and(&each->poll, ~(uint32_t)POLL_STOP, __ATOMIC_SEQ_CST);
        change_state(each, THREAD_SUSPENDED, THREAD_DETACHED);
    }
    world.stopper = NULL;
    ouro__os_wake(&world.started);
}

void
ouro__world_stop(void)
{
    ouro__os_acquire(&world.lock);
    stop_for(ouro__thread_self);
    ouro__thread_self->is_alone = true;
    ouro__os_release(&world.lock);
}

void
ouro__world_start(void)
{
    ouro__os_acquire(&world.lock);
    ouro__thread_self->is_alone = false;
    start_world();
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
    struct thread *owner = ouro__thread_of(number);
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

/* Let go of an object that was left to this thread. */
static void
let_go_of_left(ouro_object *object)
{
    if (ouro__shared_state(__atomic_load_n(&object->shared, __ATOMIC_RELAXED)) == SHARED_MERGED) {
        ouro__decref_shared(object);
    } else if (ouro__merge(object)) {
        ouro__destroy(object);
    }
}

/* Take one object out of the queue; NULL when it is empty. */
static ouro_object *
take_one(struct thread *self)
{
    struct chunk *emptied = NULL;
    ouro_object *object = NULL;

    ouro__os_acquire(&self->queue_lock);
    struct chunk *queue = self->queue;
    if (queue->n != 0) {
        object = queue->items[--queue->n];
        if (queue->n == 0 && queue->next != NULL) {
            emptied = queue;
            self->queue = queue->next;
            emptied->next = NULL;
        }
    }
    ouro__os_release(&self->queue_lock);
    ouro__chunks_give(emptied);
    return object;
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
    __atomic_fetch_and(&self->poll, ~(uint32_t)POLL_QUEUE, __ATOMIC_SEQ_CST);
    ouro__os_release(&self->queue_lock);
    if (fresh == NULL) { /* empty; or without memory: one by one */
        for (ouro_object *each = take_one(self); each != NULL; each = take_one(self)) {
            let_go_of_left(each);
        }
        return;
    }
    for (struct chunk *chunk = queue; chunk != NULL; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->n; i++) {
            let_go_of_left(chunk->items[i]);
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
    if (ouro__thread_self != NULL) {
        ouro__safepoint(ouro__thread_self);
    }
}

/* ---- fork ---- */

/* Who stops the world for a thread that is not attached. */
static struct thread stranger;

void (*ouro__on_fork_child)(void);

/* While the world stands still nobody is inside the object system.  No lock of it is held but this one, and those that detached
 * threads take: for a moment while they attach, or sleep for an object's lock. */
static void
hold_world(void)
{
    ouro__os_acquire(&world.lock);
    stop_for(ouro__thread_self != NULL ? ouro__thread_self : &stranger);
}

static void
let_world_go(void)
{
    start_world();
    ouro__os_release(&world.lock);
}

/* When heaps began or ceased to be watched. */
static void
let_world_go_watched(void)
{
    for (struct thread *each = ouro__threads; each != NULL; each = each->next) {
        ouro__caches_use(each);
    }
    let_world_go();
}

/* The other threads are gone: as if they had ended where they stood. */
static void
after_fork_child(void)
{
    world.stopped = world.started = (ouro__os_condition)OURO_OS_CONDITION_INIT; /* nobody waits here */
    ouro__locks_after_fork();
    world.spare = NULL;
    for (struct thread *each = ouro__threads; each != NULL; each = each->next) {
        if (each != thread_here) {
            each->queue_lock = (ouro__os_lock)OURO_OS_LOCK_INIT; /* may be held by who was attaching */
            each->ended = true;
            each->depth = 0;
            each->n_attached = 0;
            each->used = each->used_too = NULL;
            __atomic_store_n(&each->state, THREAD_SUSPENDED, __ATOMIC_SEQ_CST);
            each->spare = world.spare;
            world.spare = each;
        }
    }
    start_world();
    ouro__os_release(&world.lock);
    if (ouro__on_fork_child != NULL) {
        ouro__on_fork_child();
    }
}
