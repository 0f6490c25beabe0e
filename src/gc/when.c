/* when.c - when to collect.
 *
 * Threads ask whenever they have logged a batch of new objects, or made much memory of another kind.  base/pacing.c says what
 * is to be done: look at the batch, look at everything, or at nothing; then the next batch's objects are born old,
 * so that leaving them alone costs nothing at all.  To look at everything is a matter of slices, of which each batch brings
 * one, larger where the heap grows faster than they go on. */
#include "base/pacing.h"
#include "gc/gc.h"

#include <limits.h>

#if OURO_STRESS
#define SMALL_HEAP 16
#define SLICE 2
#else
#define SMALL_HEAP 4096 /* so few old objects are looked at in one pause */
#define SLICE 64        /* objects and references to look at for each new object */
#endif

#define SLICE_MOST 8192 /* new objects that one slice makes up for, or as much memory */

/* In bytes: so much more memory since the last batch, and it ends early. */
#define MUCH ((uint64_t)1 << 20)

static struct {
    uint32_t is_collecting;         /* atomic */
    const struct thread *collector; /* whose collection is running, or was last; atomic */
    uint32_t batch;                 /* objects in a batch, 0: no automatic collections; atomic */
    uint32_t n_logged;              /* in full segments of logs since the last batch; atomic */
    uint32_t n_younger
        [OURO_GENERATIONS]; /* collections of the next younger generation since its own; atomic */
    uint64_t held;          /* bytes of the heaps when the last batch ended; atomic */

    /* The rest is of who has set is_collecting. */
    struct ouro__pacing pacing;
    struct collection slow; /* the one in slices: while it looks, and lets go of what it found */
    enum { SLOW_NONE, SLOW_LOOKING, SLOW_LETTING_GO } slow_state;
    size_t n_since_slow, n_at_slow; /* new objects since it began, and old ones then, about */
} when;

static bool
begin(void)
{
    uint32_t idle = 0;
    bool begun = __atomic_compare_exchange_n(&when.is_collecting, &idle, 1, false, __ATOMIC_ACQUIRE,
                                             __ATOMIC_RELAXED);
    if (begun) {
        __atomic_store_n(&when.collector, ouro__thread_self, __ATOMIC_RELAXED);
    }
    return begun;
}

static void
end(void)
{
    __atomic_store_n(&when.is_collecting, 0, __ATOMIC_RELEASE);
}

/* A collection of a thread that is gone will not go on: what it was letting go of stays. */
static void
on_fork_child(void)
{
    if (when.is_collecting && when.collector != ouro__thread_self) {
        if (when.slow_state == SLOW_LETTING_GO) {
            when.slow_state = SLOW_NONE;
        }
        end();
    }
}

/* ---- what is known ---- */

static uint64_t
held_bytes(void)
{
    return __atomic_load_n(&ouro__leaves->held,
                           __ATOMIC_RELAXED); /* both heaps', which share a limit */
}

static struct ouro__pace_moment
now(void)
{
    return (struct ouro__pace_moment){.cpu_ns = ouro__os_cpu_now(), .bytes = held_bytes()};
}

/* Have the policy know of thresholds that the program has set. */
static void
follow_thresholds(void)
{
    uint32_t threshold[OURO_GENERATIONS];
    ouro_gc_get_threshold(threshold);
    int base = threshold[0] < INT_MAX / 2 ? (int)threshold[0] : INT_MAX / 2;
    uint64_t n_stock = (uint64_t)base * ((uint64_t)threshold[1] + 1) * ((uint64_t)threshold[2] + 1);

    n_stock = threshold[2] == 0 ? UINT64_MAX : n_stock;
    if (when.pacing.base != base || when.pacing.n_stock != n_stock) {
        bool is_default = !OURO_STRESS && memcmp(threshold, ouro__gc_thresholds, sizeof threshold) == 0;
        ouro__pacing_set(&when.pacing, base, n_stock, is_default ? OURO_PACE_NATIVE : OURO_PACE_COUNTS);
    }
}

static void
set_batch(uint32_t batch)
{
    __atomic_store_n(&when.batch, batch, __ATOMIC_RELAXED);
    __atomic_store_n(&ouro__log_room, batch != 0 ? batch : CHUNK_ITEMS, __ATOMIC_RELAXED);
    __atomic_store_n(&when.n_logged, 0, __ATOMIC_RELAXED);
}

void
ouro__gc_controls_changed(void)
{
    uint32_t threshold[OURO_GENERATIONS];
    ouro_gc_get_threshold(threshold);
    __atomic_store_n(&ouro__are_born_old, false, __ATOMIC_RELAXED);
    __atomic_store_n(&when.held, held_bytes(), __ATOMIC_RELAXED);
    set_batch(ouro_gc_is_enabled() ? threshold[0] : 0);
}

/* ---- collecting ---- */

static void
run(struct collection *collection)
{
    for (unsigned g = 1; g <= collection->generation; g++) {
        __atomic_store_n(&when.n_younger[g], 0, __ATOMIC_RELAXED);
    }
    if (collection->generation + 1 < OURO_GENERATIONS) {
        __atomic_fetch_add(&when.n_younger[collection->generation + 1], 1, __ATOMIC_RELAXED);
    }
    ouro__gc_run(collection);
}

static void
end_slow(void)
{
    when.slow_state = SLOW_NONE;
    ouro__gc_tell(true, &when.slow);
}

static void
go_on_letting_go(void)
{
    if (ouro__gc_let_go(&when.slow)) {
        end_slow();
    }
}

static void
finish_letting_go(void)
{
    while (when.slow_state == SLOW_LETTING_GO) {
        go_on_letting_go();
    }
}

static void
stop_looking(void)
{
    if (when.slow_state == SLOW_LOOKING) {
        ouro__world_stop();
        ouro__gc_slices_stop();
        ouro__world_start();
        end_slow();
    }
}

/* ---- automatic collections ---- */

static unsigned
choose_young(void)
{
    uint32_t threshold[OURO_GENERATIONS];
    ouro_gc_get_threshold(threshold);
    uint32_t n = __atomic_load_n(&when.n_younger[1], __ATOMIC_RELAXED);
    return threshold[1] != 0 && n > threshold[1] ? 1 : 0;
}

/* Collect everything in one pause, as when there are few objects, or no memory for slices. */
static void
run_full(struct collection *collection)
{
    collection->generation = GENERATION_OLD;
    finish_letting_go();
    run(collection);
}

static void
begin_slow(void)
{
    struct collection middle = {.generation = 1};

    finish_letting_go();
    when.slow = (struct collection){.generation = GENERATION_OLD, .in_slices = true};
    ouro__gc_tell(false, &when.slow);
    run(&middle); /* garbage that there is by now is either gone or old */
    if (ouro__gc_begin_slices(&when.slow)) {
        when.slow_state = SLOW_LOOKING;
        when.n_since_slow = 0;
        when.n_at_slow = when.pacing.n_at_survey + when.pacing.n_old;
        __atomic_store_n(&when.n_younger[2], 0, __ATOMIC_RELAXED);
    } else {
        end_slow();
        ouro__pacing_no_survey(&when.pacing);
        ouro__pacing_stop(&when.pacing, 0, 0, 0, now());
    }
}

/* The slices come to an end before the heap has grown by a quarter, in objects or in bytes.  What one buffer makes it grow
 * at once is caught up with by and by. */
static size_t
choose_budget(size_t n_new)
{
    size_t share = when.n_since_slow * 32 / (when.n_at_slow + 1);
    n_new = n_new < SLICE_MOST ? n_new : SLICE_MOST;
    return share < 8 ? n_new * SLICE * (1 + share) : SIZE_MAX;
}

static void
go_on_with_slow(size_t n_new)
{
    when.n_since_slow += n_new;
    if (when.slow_state == SLOW_LETTING_GO) {
        go_on_letting_go();
    } else if (ouro__gc_slice(&when.slow, choose_budget(n_new))) {
        if (ouro__gc_slices_are_under_way()) {
            ouro__gc_end_slices(&when.slow);
            when.slow_state = SLOW_LETTING_GO;
        } else { /* there was no memory for the list of suspects */
            end_slow();
            ouro__pacing_no_survey(&when.pacing);
        }
        ouro__pacing_stop(&when.pacing, when.slow.n_trash, when.slow.n_visited - when.slow.n_trash,
                          when.slow.ns, now());
    }
}

/* Do what the policy says, at the end of a batch of `n_new` objects. */
static void
follow_pacing(size_t n_new, bool is_young)
{
    struct ouro__pace_moment moment = now();
    struct collection collection = {.generation = choose_young(),
                                    .skips_middle = when.pacing.trusts_survivors};

    enum ouro__look look =
        ouro__pacing_start(&when.pacing, when.pacing.wants_full, false, n_new, moment);
    switch (look) {
    case OURO_LOOK_SURVEY:
        if (when.pacing.n_at_survey + when.pacing.n_old > SMALL_HEAP) {
            begin_slow();
            return;
        }
        run_full(&collection);
        break;
    case OURO_LOOK_FULL:
        run_full(&collection);
        break;
    case OURO_LOOK_YOUNG:
        if (is_young) {
            run(&collection);
        }
        break;
    default:
        __atomic_store_n(&when.n_logged, 0, __ATOMIC_RELAXED);
        break;
    }
    /* To know the time is a system call: one will do where nothing was looked at. */
    ouro__pacing_stop(&when.pacing, collection.n_trash, collection.n_visited - collection.n_trash,
                      collection.ns, look == OURO_LOOK_NOT ? moment : now());
}

static void
end_batch(size_t n)
{
    uint64_t bytes = held_bytes(), grown_bytes = bytes > when.held ? bytes - when.held : 0;
    bool is_young = !__atomic_load_n(&ouro__are_born_old, __ATOMIC_RELAXED);

    follow_thresholds();
    if (!is_young) { /* a block used again and again is in the log each time */
        uint64_t n_most = grown_bytes / LEAST_COLLECTED;
        n = n < n_most ? n : n_most;
    }
    if (when.slow_state == SLOW_LOOKING) {
        struct collection collection = {.generation = choose_young()};
        if (is_young) {
            run(&collection);
        }
        ouro__pacing_go_on(&when.pacing, collection.n_trash, collection.n_visited);
    } else {
        if (is_young) {
            ouro__pacing_grew(&when.pacing, bytes);
        }
        follow_pacing(n, is_young);
    }
    if (when.slow_state != SLOW_NONE) {
        uint64_t n_alike = grown_bytes * when.n_at_slow / (bytes + 1);
        go_on_with_slow(n > n_alike ? n : n_alike);
    }
    __atomic_store_n(&when.held, held_bytes(), __ATOMIC_RELAXED);
    __atomic_store_n(&ouro__are_born_old, !when.pacing.plans_young, __ATOMIC_RELAXED);
    set_batch(ouro_gc_is_enabled() ? (uint32_t)when.pacing.threshold : 0);
}

static void
on_log_full(size_t n)
{
    size_t n_logged = __atomic_add_fetch(&when.n_logged, (uint32_t)n, __ATOMIC_RELAXED);
    uint32_t batch = __atomic_load_n(&when.batch, __ATOMIC_RELAXED);
    bool is_full =
        n_logged >= batch || held_bytes() > __atomic_load_n(&when.held, __ATOMIC_RELAXED) + MUCH;

    if (batch != 0 && is_full && begin()) {
        end_batch(n_logged);
        end();
    }
}

/* ---- what programs ask for ---- */

size_t
ouro_gc_collect(unsigned generation)
{
    struct collection collection = {.generation =
                                        generation < OURO_GENERATIONS ? generation : GENERATION_OLD};
    bool is_full = collection.generation == GENERATION_OLD;

    if (!begin()) {
        return 0;
    }
    finish_letting_go();
    if (is_full) {
        stop_looking();
    }
    bool is_paced = when.slow_state == SLOW_NONE;
    follow_thresholds();
    if (is_paced) {
        ouro__pacing_start(&when.pacing, is_full, true, 0, now());
    }
    run(&collection);
    if (is_paced) {
        ouro__pacing_stop(&when.pacing, collection.n_trash, collection.n_visited - collection.n_trash,
                          collection.ns, now());
    }
    /* Who asks often for young ones must not keep the slow one from going on. */
    if (when.slow_state != SLOW_NONE) {
        go_on_with_slow(collection.n_visited);
    }
    ouro__gc_controls_changed(); /* the next batch is looked at, whatever was planned */
    end();
    return collection.n_trash + collection.n_kept;
}

bool
ouro__gc_init(void)
{
    if (!ouro__gc_collect_init()) {
        return false;
    }
    ouro__pacing_init(&when.pacing, 0, 0, OURO_PACE_NATIVE,
                      now()); /* with the thresholds from the first batch on */
    ouro__gc_controls_changed();
    ouro__on_log_full = on_log_full;
    ouro__on_fork_child = on_fork_child;
    return true;
}

void
ouro_gc_get_count(uint32_t count[OURO_GENERATIONS])
{
    const struct thread *self = ouro__thread_self;
    count[0] = __atomic_load_n(&when.n_logged, __ATOMIC_RELAXED);
    count[0] += self != NULL ? (uint32_t)(self->log_next - self->log_begin) : 0;
    for (unsigned g = 1; g < OURO_GENERATIONS; g++) {
        count[g] = __atomic_load_n(&when.n_younger[g], __ATOMIC_RELAXED);
    }
}
