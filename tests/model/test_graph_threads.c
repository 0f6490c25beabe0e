/* test_graph_threads.c - threads that tangle their graphs: each makes, links and drops, and gives what it has to others, by
 * mailboxes and weak references; threads end and others take their places, and collections come at any time.
 *
 * usage: model_graph_threads [SEED...]
 * OURO_MODEL_OPS sets how many operations a run has.
 *
 * What is read of a thing must be alive, whichever thread does it; no weak reference is called twice; and when all have
 * let go, nothing is left.
 *
 * ctest: timeout=900 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ouro/ouro.h>

#include "process.h"
#include "random.h"
#include "require.h"
#include "runs.h"
#include "things.h"
#include "threads.h"

enum {
    MOST_THREADS = 8,
    N_ROOTS = 24,
    N_SLOTS = 16, /* of a mailbox */
    N_WEAK = 64,  /* weak references that all threads share */
    MOST_REFS = 6,
    CHAIN = 150,
};

/* The life of a thing; its number counts how often it was called. */
#define ALIVE UINT64_C(0xA11FE)
#define DEAD UINT64_C(0xDEAD)

static struct shared {
    ouro_ref slots[N_SLOTS]; /* atomic; what is in them is owned by them */
    ouro_ref weak[N_WEAK];   /* under the lock of their own, see swap_weak() */
    ouro_ref lock;           /* an object whose lock guards `weak` */
    uint64_t n_made, n_dead, n_called, n_resurrected, n_got; /* atomic */
    bool is_over;
} shared;

struct worker {
    struct test_random random;
    uint64_t n_operations;
    ouro_ref roots[N_ROOTS];
};

static _Thread_local struct worker *worker_here;

static void
add_one(uint64_t *count)
{
    __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
}

static uint64_t
below(struct worker *worker, uint64_t bound)
{
    return random_below(&worker->random, bound);
}

static struct thing *
alive(ouro_ref object)
{
    struct thing *thing = (struct thing *)object;
    REQUIRE(thing->life == ALIVE, "a thing is in state %" PRIx64, thing->life);
    return thing;
}

/* ---- things ---- */

static ouro_ref
make(struct worker *worker, enum kind kind)
{
    struct thing *thing = thing_new(kind, MOST_REFS, &worker->random);
    thing->life = ALIVE;
    add_one(&shared.n_made);
    return &thing->head;
}

/* A new reference to what a thing refers to, or NULL. */
static ouro_ref
get_ref(ouro_ref object, size_t i)
{
    struct thing *thing = alive(object);
    ouro_lock(ouro_lend(object));
    ouro_ref got = thing->refs[i] != NULL ? ouro_incref(ouro_lend(thing->refs[i])) : NULL;
    ouro_unlock(ouro_lend(object));
    return got;
}

/* Steals. */
static void
set_ref(ouro_ref object, size_t i, ouro_ref to)
{
    struct thing *thing = alive(object);
    ouro_lock(ouro_lend(object));
    ouro_ref before = thing->refs[i];
    thing->refs[i] = to;
    ouro_unlock(ouro_lend(object));
    ouro_xdecref(before);
}

static void
on_death(ouro_loan object)
{
    alive((ouro_ref)ouro_look(object))->life = DEAD;
    add_one(&shared.n_dead);
}

/* A new reference to something reached from a root, or NULL. */
static ouro_ref
pick(struct worker *worker)
{
    ouro_ref object = worker->roots[below(worker, N_ROOTS)];
    if (object == NULL) {
        return NULL;
    }
    ouro_incref(ouro_lend(object));
    for (size_t steps = below(worker, 5); steps > 0; steps--) {
        size_t n = alive(object)->n;
        ouro_ref next = n != 0 ? get_ref(object, below(worker, n)) : NULL;
        if (next == NULL) {
            break;
        }
        ouro_decref(object);
        object = next;
    }
    alive(object);
    return object;
}

static void
put_root(struct worker *worker, ouro_ref object)
{
    ouro_assign(&worker->roots[below(worker, N_ROOTS)], object);
}

static void
put_somewhere(struct worker *worker, ouro_ref object)
{
    ouro_ref holder = below(worker, 2) == 0 ? pick(worker) : NULL;
    if (holder != NULL && alive(holder)->n != 0) {
        set_ref(holder, below(worker, alive(holder)->n), object);
    } else {
        put_root(worker, object);
    }
    ouro_xdecref(holder);
}

/* ---- operations ---- */

static void
make_something(struct worker *worker)
{
    static const enum kind kinds[] = {PAIR, PAIR, PAIR, PAIR, ROW, ROW, LEAF, FINAL_PAIR};
    ouro_ref object = make(worker, kinds[below(worker, sizeof kinds / sizeof kinds[0])]);
    for (size_t i = 0; i < alive(object)->n; i++) {
        set_ref(object, i, below(worker, 8) == 0 ? ouro_incref(ouro_lend(object)) : pick(worker));
    }
    put_somewhere(worker, object);
}

static void
make_chain(struct worker *worker)
{
    ouro_ref last = make(worker, PAIR), first = ouro_incref(ouro_lend(last));
    for (int i = 0; i < CHAIN; i++) {
        ouro_ref object = make(worker, below(worker, 30) == 0 ? FINAL_PAIR : PAIR);
        set_ref(object, below(worker, 2), last);
        last = object;
    }
    if (below(worker, 2) == 0) {
        set_ref(first, 0, ouro_incref(ouro_lend(last)));
    }
    ouro_decref(first);
    put_root(worker, last);
}

static void
relink(struct worker *worker)
{
    ouro_ref object = pick(worker);
    if (object != NULL && alive(object)->n != 0) {
        set_ref(object, below(worker, alive(object)->n), below(worker, 3) == 0 ? NULL : pick(worker));
    }
    ouro_xdecref(object);
}

/* Put something in a mailbox, and keep what was there. */
static void
exchange(struct worker *worker)
{
    ouro_ref object = below(worker, 4) == 0 ? NULL : pick(worker);
    ouro_ref got = __atomic_exchange_n(&shared.slots[below(worker, N_SLOTS)], object, __ATOMIC_ACQ_REL);
    if (got != NULL) {
        alive(got);
        put_somewhere(worker, got);
    }
}

static ouro_status
on_weak(ouro_loan weakref, ouro_loan context)
{
    struct thing *thing = alive((ouro_ref)ouro_look(context));
    REQUIRE(__atomic_fetch_add(&thing->number, 1, __ATOMIC_RELAXED) == 0, "called twice");
    REQUIRE(ouro_weakref_get(weakref) == NULL, "called and not empty");
    add_one(&shared.n_called);
    return OURO_OK;
}

/* Put a weak reference where all threads find it, steals; a new reference to what was there, or NULL. */
static ouro_ref
swap_weak(size_t i, ouro_ref weak)
{
    ouro_lock(ouro_lend(shared.lock));
    ouro_ref before = shared.weak[i];
    shared.weak[i] = weak;
    ouro_unlock(ouro_lend(shared.lock));
    return before;
}

static ouro_ref
get_weak(size_t i)
{
    ouro_lock(ouro_lend(shared.lock));
    ouro_ref weak = shared.weak[i] != NULL ? ouro_incref(ouro_lend(shared.weak[i])) : NULL;
    ouro_unlock(ouro_lend(shared.lock));
    return weak;
}

static void
make_weak(struct worker *worker)
{
    ouro_ref object = pick(worker), weak = NULL;
    if (object == NULL) {
        return;
    }
    if (below(worker, 2) == 0) {
        REQUIRE(ouro_weakref_create(ouro_lend(object), NULL, NULL, &weak) == OURO_OK, "no memory");
    } else {
        ouro_ref context = make(worker, LEAF);
        REQUIRE(ouro_weakref_create(ouro_lend(object), on_weak, ouro_lend(context), &weak) == OURO_OK,
                "no memory");
        ouro_decref(context);
    }
    ouro_decref(object);
    ouro_xdecref(swap_weak(below(worker, N_WEAK), weak));
}

static void
use_weak(struct worker *worker)
{
    ouro_ref weak = get_weak(below(worker, N_WEAK));
    ouro_ref object = weak != NULL ? ouro_weakref_get(ouro_lend(weak)) : NULL;
    if (object != NULL) {
        add_one(&shared.n_got);
        alive(object);
        if (below(worker, 2) == 0) {
            put_somewhere(worker, object);
        } else {
            ouro_decref(object);
        }
    }
    ouro_xdecref(weak);
}

static ouro_status
on_end(ouro_loan object)
{
    struct worker *worker = worker_here;
    alive((ouro_ref)ouro_look(object));
    if (worker == NULL || __atomic_load_n(&shared.is_over, __ATOMIC_RELAXED)) {
        return OURO_OK;
    }
    switch (below(worker, 12)) {
    case 0:
        add_one(&shared.n_resurrected);
        put_root(worker, ouro_incref(object));
        break;
    case 1: {
        add_one(&shared.n_resurrected);
        ouro_ref before = __atomic_exchange_n(&shared.slots[below(worker, N_SLOTS)],
                                              ouro_incref(object), __ATOMIC_ACQ_REL);
        ouro_xdecref(before);
        break;
    }
    case 2:
        make_something(worker);
        break;
    case 3:
        ouro_safepoint();
        break;
    case 4:
        relink(worker);
        break;
    default:
        break;
    }
    return OURO_OK;
}

static int
look_at(ouro_loan object, void *context)
{
    ouro_ref *kept = context;
    if (*kept == NULL && ouro_type_of(object) == thing_types[PAIR]) {
        *kept = ouro_incref(object);
    }
    return 0;
}

static void
visit_all(struct worker *worker)
{
    ouro_ref kept = NULL;
    REQUIRE(ouro_gc_visit_objects((int)below(worker, 4) - 1, look_at, &kept) == 0, "ended early");
    if (kept != NULL) {
        alive(kept);
        put_root(worker, kept);
    }
}

static void
rest(struct worker *worker)
{
    ouro_thread_detach();
    if (below(worker, 8) == 0) {
        sleep_ms(1);
    }
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached again");
}

static void
mutate(struct worker *worker)
{
    uint64_t dice = below(worker, 4096);
    if (dice < 1300) {
        make_something(worker);
    } else if (dice < 2300) {
        relink(worker);
    } else if (dice < 2700) {
        ouro_clear(&worker->roots[below(worker, N_ROOTS)]);
    } else if (dice < 3200) {
        exchange(worker);
    } else if (dice < 3400) {
        make_weak(worker);
    } else if (dice < 3900) {
        use_weak(worker);
    } else if (dice < 4070) {
        ouro_safepoint();
    } else if (dice < 4078) {
        make_chain(worker);
    } else if (dice < 4092) {
        rest(worker);
    } else if (dice < 4095) {
        ouro_gc_collect((unsigned)below(worker, OURO_GENERATIONS));
    } else {
        visit_all(worker);
    }
}

static void
work(void *context)
{
    struct worker *worker = context;
    REQUIRE(ouro_thread_attach() == OURO_OK, "a thread is not attached");
    worker_here = worker;
    for (uint64_t i = 0; i < worker->n_operations; i++) {
        mutate(worker);
        if (i % 512 == 0 && below(worker, 8) == 0) { /* so that it does not grow without end */
            for (size_t r = 0; r < N_ROOTS; r++) {
                ouro_clear(&worker->roots[r]);
            }
        }
    }
    /* What finalizers put there meanwhile is the next thread's. */
    for (size_t r = 0; r < N_ROOTS; r++) {
        ouro_clear(&worker->roots[r]);
    }
    worker_here = NULL;
    if (below(worker, 2) == 0) { /* otherwise it ends attached */
        ouro_thread_detach();
    }
}

/* ---- runs ---- */

static void
end_run(struct worker *workers, size_t n)
{
    __atomic_store_n(&shared.is_over, true, __ATOMIC_RELAXED);
    for (size_t i = 0; i < N_SLOTS; i++) {
        ouro_clear(&shared.slots[i]);
    }
    for (size_t i = 0; i < N_WEAK; i++) {
        ouro_clear(&shared.weak[i]);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t r = 0; r < N_ROOTS; r++) {
            ouro_clear(&workers[i].roots[r]);
        }
    }
    ouro_clear(&shared.lock);
    ouro_safepoint();
    ouro_gc_collect(OURO_GENERATIONS - 1);
    REQUIRE(shared.n_made == shared.n_dead, "%" PRIu64 " were made, %" PRIu64 " are dead",
            shared.n_made, shared.n_dead);
}

static void
run_threads(size_t n, uint64_t seed, uint64_t n_operations)
{
    enum { ROUNDS = 4 }; /* threads end, and others begin with their numbers */
    static struct worker workers[MOST_THREADS];
    uint64_t began = clock_ms();

    memset(&shared, 0, sizeof shared);
    memset(workers, 0, sizeof workers);
    printf("%zu threads  seed %-10" PRIu64 " %9" PRIu64 " operations", n, seed, n_operations);
    fflush(stdout);
    for (size_t i = 0; i < n; i++) {
        workers[i].random.state = seed * MOST_THREADS + i;
        workers[i].n_operations = n_operations / n / ROUNDS;
    }
    shared.lock = make(&workers[0], LEAF);
    ouro_gc_set_threshold(
        (const uint32_t[]){(uint32_t)random_between_log(&workers[0].random, 20, 3000), 5, 3});
    for (int round = 0; round < ROUNDS; round++) {
        threads_run_detached(n, work, workers, sizeof workers[0]);
    }
    end_run(workers, n);
    printf(": %" PRIu64 " made, %" PRIu64 " resurrected, %" PRIu64 " called, %" PRIu64 " got, %" PRIu64
           " ms\n",
           shared.n_made, shared.n_resurrected, shared.n_called, shared.n_got, clock_ms() - began);
}

static void
run(uint64_t seed, uint64_t n)
{
    run_threads(2, seed, n / 2);
    run_threads(MOST_THREADS, seed, n / 2);
}

int
main(int argc, char **argv)
{
    REQUIRE(ouro_init(NULL) == OURO_OK, "no memory to begin with");
    things_begin(on_death, on_end);
    return runs_main(argc, argv, 12000000, run);
}
