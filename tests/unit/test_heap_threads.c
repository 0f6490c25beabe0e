/* test_heap_threads.c - a shared heap under many threads: at work together, freeing for each other, and
 * ending in any order with blocks that others free.
 *
 * ctest: timeout=600 */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <ouro/heap.h>

#include "kinds.h"
#include "oracle.h"
#include "pattern.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

#define MIB ((uint64_t)1 << 20)

static void
require_empty(ouro_heap *heap, const char *when)
{
    ouro_heap_stats stats;
    ouro_heap_get_stats(heap, &stats);
    stats_check(when, &stats, true); /* true: it may be a debug heap */
    for (int d = 0; d < OURO_N_DOMAINS; d++) {
        REQUIRE(stats.domain[d].live_blocks == 0, "%s: domain %d has %llu blocks", when, d,
                (unsigned long long)stats.domain[d].live_blocks);
    }
    REQUIRE(stats.live_bytes == 0, "%s: %llu bytes live", when, (unsigned long long)stats.live_bytes);
}

/* ---- a hundred threads, each with blocks of its own ---- */

struct worker {
    ouro_heap *heap;
    uint64_t seed;
    uint64_t n_operations;
    uint64_t n_allocs, n_frees;
    bool debug;
};

static void
work_alone(void *context)
{
    struct worker *worker = context;
    struct test_random random = {worker->seed};
    struct oracle oracle;
    oracle_init(&oracle, worker->heap, "a worker", 1000);
    oracle.debug = worker->debug;
    for (uint64_t i = 0; i < worker->n_operations; i++) {
        uint64_t dice = random_below(&random, 100);
        if (oracle.n_blocks == 1000 || (oracle.n_blocks > 0 && dice < 45)) {
            oracle_free(&oracle, random_below(&random, oracle.n_blocks));
        } else if (oracle.n_blocks > 0 && dice < 55) {
            oracle_realloc(&oracle, random_below(&random, oracle.n_blocks),
                           random_python_size(&random, 100000));
        } else if (dice < 58) {
            oracle_alloc_zeroed(&oracle, random_domain(&random), 1,
                                random_python_size(&random, 100000));
        } else if (dice < 60) {
            oracle_alloc_aligned(&oracle, random_domain(&random),
                                 (size_t)1 << random_below(&random, 14),
                                 random_python_size(&random, 10000));
        } else {
            oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 100000));
        }
    }
    oracle_check_blocks(&oracle);
    oracle_free_all(&oracle);
    oracle_fini(&oracle);
}

static void
test_a_hundred_threads(void **state)
{
    struct fixture *fixture = *state;
    enum { N = 100 };
    static struct worker workers[N];
    uint64_t n_operations = test_count(NULL, fixture->kind->config.debug ? 5000 : 20000);
    for (size_t i = 0; i < N; i++) {
        workers[i] = (struct worker){.heap = fixture->heap,
                                     .seed = test_seed(81) + i,
                                     .n_operations = n_operations,
                                     .debug = fixture->kind->config.debug};
    }
    uint64_t before = process_resident();
    threads_run(N, work_alone, workers, sizeof workers[0]);
    require_empty(fixture->heap, "after a hundred threads");
    ouro_heap_trim(fixture->heap);
    if (process_resident_is_ours() && !fixture->kind->config.debug) {
        assert_true(process_resident() <= before + 16 * MIB); /* their stacks are kept by libc */
    }
}

/* ---- a market: blocks go from hand to hand ---- */

enum { N_STALLS = 512, N_TRADERS = 16 };

struct goods {
    _Atomic(unsigned char *) stalls[N_STALLS]; /* a block whose first words tell its size and domain */
};

struct trader {
    ouro_heap *heap;
    struct goods *goods;
    uint64_t seed;
    uint64_t n_operations;
};

struct label {
    size_t size;
    uint64_t seed;
    ouro_domain domain;
};

static unsigned char *
make_block(ouro_heap *heap, struct test_random *random)
{
    struct label label = {.size = sizeof label + random_python_size(random, 100000),
                          .seed = random_next(random),
                          .domain = random_domain(random)};
    unsigned char *block = ouro_heap_alloc(heap, label.domain, label.size);
    REQUIRE(block != NULL, "%zu bytes refused", label.size);
    memcpy(block, &label, sizeof label);
    pattern_fill(block + sizeof label, label.size - sizeof label, label.seed);
    return block;
}

static struct label
inspect_block(unsigned char *block)
{
    struct label label;
    memcpy(&label, block, sizeof label);
    REQUIRE(label.size >= sizeof label && label.size < 200000 && label.domain < OURO_N_DOMAINS,
            "the label of %p is lost", (void *)block);
    REQUIRE(pattern_holds(block + sizeof label, label.size - sizeof label, label.size - sizeof label,
                          label.seed),
            "%p of %zu bytes was written to by somebody else", (void *)block, label.size);
    return label;
}

static void
finish_block(ouro_heap *heap, unsigned char *block)
{
    if (block != NULL) {
        struct label label = inspect_block(block);
        ouro_heap_free(heap, label.domain, block);
    }
}

/* Put a block on a random stall, take away what was there, free it or grow it and put it back. */
static void
trade(void *context)
{
    struct trader *trader = context;
    struct test_random random = {trader->seed};
    for (uint64_t i = 0; i < trader->n_operations; i++) {
        size_t stall = random_below(&random, N_STALLS);
        unsigned char *block = make_block(trader->heap, &random);
        unsigned char *old = atomic_exchange(&trader->goods->stalls[stall], block);
        if (old != NULL && random_below(&random, 8) == 0) { /* somebody else's block is reallocated */
            struct label label = inspect_block(old);
            size_t size = sizeof label + random_python_size(&random, 100000);
            unsigned char *grown = ouro_heap_realloc(trader->heap, label.domain, old, size);
            REQUIRE(grown != NULL, "%zu bytes refused", size);
            size_t common = size < label.size ? size : label.size;
            REQUIRE(pattern_holds(grown + sizeof label, label.size - sizeof label,
                                  common - sizeof label, label.seed),
                    "contents lost from %zu to %zu bytes", label.size, size);
            label.size = size;
            memcpy(grown, &label, sizeof label);
            pattern_fill(grown + sizeof label, size - sizeof label, label.seed);
            old = atomic_exchange(&trader->goods->stalls[stall], grown);
        }
        finish_block(trader->heap, old);
    }
}

static void
test_blocks_from_hand_to_hand(void **state)
{
    struct fixture *fixture = *state;
    static struct goods goods;
    static struct trader traders[N_TRADERS];
    uint64_t n_operations = test_count(NULL, fixture->kind->config.debug ? 20000 : 100000);
    for (size_t i = 0; i < N_STALLS; i++) {
        atomic_init(&goods.stalls[i], NULL);
    }
    for (size_t i = 0; i < N_TRADERS; i++) {
        traders[i] = (struct trader){.heap = fixture->heap,
                                     .goods = &goods,
                                     .seed = test_seed(82) + i,
                                     .n_operations = n_operations};
    }
    threads_run(N_TRADERS, trade, traders, sizeof traders[0]);
    for (size_t i = 0; i < N_STALLS; i++) {
        finish_block(fixture->heap, atomic_load(&goods.stalls[i]));
    }
    require_empty(fixture->heap, "after the market");
    ouro_heap_stats stats;
    ouro_heap_get_stats(fixture->heap, &stats);
    uint64_t n_allocs = 0;
    for (int d = 0; d < OURO_N_DOMAINS; d++) {
        n_allocs += stats.domain[d].n_allocs;
    }
    assert_true(n_allocs >= n_operations * N_TRADERS);
}

/* ---- one thread allocates, another frees ---- */

enum { RING = 1024 };

struct ring {
    ouro_heap *heap;
    uint64_t n_blocks;
    size_t size; /* 0: as Python asks */
    _Atomic(unsigned char *) slots[RING];
    atomic_bool done;
};

static void
produce(void *context)
{
    struct ring *ring = context;
    struct test_random random = {test_seed(83)};
    for (uint64_t i = 0; i < ring->n_blocks; i++) {
        unsigned char *block = make_block(ring->heap, &random);
        unsigned char *nothing = NULL;
        while (!atomic_compare_exchange_weak(&ring->slots[i % RING], &nothing, block)) {
            nothing = NULL;
            sleep_ms(0);
        }
    }
}

static void
consume(void *context)
{
    struct ring *ring = context;
    for (uint64_t i = 0; i < ring->n_blocks; i++) {
        unsigned char *block;
        while ((block = atomic_exchange(&ring->slots[i % RING], NULL)) == NULL) {
            sleep_ms(0);
        }
        finish_block(ring->heap, block);
    }
}

struct ring_end {
    thread_main main;
    struct ring *ring;
};

static void
run_ring_end(void *context)
{
    struct ring_end *end = context;
    end->main(end->ring);
}

/* The consumer never allocates: what it frees must find the way back to the producer's pools. */
static void
test_producer_and_consumer(void **state)
{
    struct fixture *fixture = *state;
    static struct ring ring;
    ring.heap = fixture->heap;
    ring.n_blocks = test_count(NULL, 1000000);
    for (size_t i = 0; i < RING; i++) {
        atomic_init(&ring.slots[i], NULL);
    }
    struct ring_end ends[2] = {{produce, &ring}, {consume, &ring}};
    ouro_heap_stats before, stats;
    ouro_heap_get_stats(fixture->heap, &before);
    threads_run(2, run_ring_end, ends, sizeof ends[0]);
    require_empty(fixture->heap, "after producer and consumer");
    ouro_heap_get_stats(fixture->heap, &stats);
    /* A ring of some mebibytes was alive at most; what was mapped for it, beyond what earlier tests left, must be
     * in proportion. */
    uint64_t mapped = stats.mapped_bytes - before.mapped_bytes;
    if ((mapped > 256 * MIB || stats.peak_bytes > 128 * MIB) && !TEST_STRESSED) {
        fail_msg("%llu MiB mapped, peak %llu MiB", (unsigned long long)(mapped / MIB),
                 (unsigned long long)(stats.peak_bytes / MIB));
    }
}

/* ---- threads that end with blocks alive ---- */

enum { N_LEFT = 200 };

struct leaver {
    ouro_heap *heap;
    pthread_barrier_t
        *together; /* all end when all have begun: each round needs what the others need */
    uint64_t seed;
    unsigned char *left[N_LEFT];
};

static void
allocate_and_leave(void *context)
{
    struct leaver *leaver = context;
    struct test_random random = {leaver->seed};
    for (size_t i = 0; i < N_LEFT; i++) {
        leaver->left[i] = make_block(leaver->heap, &random);
        finish_block(leaver->heap, make_block(leaver->heap, &random));
    }
    pthread_barrier_wait(leaver->together);
}

struct cleaner {
    struct leaver *leavers;
    size_t n_leavers;
    uint64_t seed;
};

/* Free what others left, in an order of its own. */
static void
clean_up(void *context)
{
    struct cleaner *cleaner = context;
    size_t n = cleaner->n_leavers * N_LEFT;
    size_t step = 7919; /* a prime that divides no n used here */
    size_t at = cleaner->seed % n;
    for (size_t i = 0; i < n; i++, at = (at + step) % n) {
        struct leaver *leaver = &cleaner->leavers[at / N_LEFT];
        finish_block(leaver->heap, leaver->left[at % N_LEFT]);
    }
}

static void
test_threads_that_end_with_blocks_alive(void **state)
{
    struct fixture *fixture = *state;
    enum { N = 64, N_CLEANERS = 4 };
    static struct leaver leavers[N];
    uint64_t start = process_resident(), mapped_first = 0;
    uint64_t n_rounds = test_count(NULL, 10);
    pthread_barrier_t together;
    assert_int_equal(pthread_barrier_init(&together, NULL, N), 0);
    for (uint64_t round = 0; round < n_rounds; round++) {
        for (size_t i = 0; i < N; i++) {
            leavers[i].heap = fixture->heap;
            leavers[i].together = &together;
            leavers[i].seed = test_seed(84) + round * N + i;
        }
        threads_run(N, allocate_and_leave, leavers, sizeof leavers[0]);

        ouro_heap_stats stats;
        ouro_heap_get_stats(fixture->heap, &stats);
        uint64_t live = 0;
        for (int d = 0; d < OURO_N_DOMAINS; d++) {
            live += stats.domain[d].live_blocks;
        }
        assert_int_equal(live, N * N_LEFT);

        struct cleaner cleaners[N_CLEANERS];
        for (size_t i = 0; i < N_CLEANERS; i++) {
            cleaners[i] = (struct cleaner){.leavers = leavers + i * (N / N_CLEANERS),
                                           .n_leavers = N / N_CLEANERS,
                                           .seed = test_seed(85) + i};
        }
        if (round % 2 == 0) {
            threads_run(N_CLEANERS, clean_up, cleaners, sizeof cleaners[0]);
        } else {
            struct cleaner all = {.leavers = leavers, .n_leavers = N, .seed = round};
            clean_up(&all);
        }
        require_empty(fixture->heap, "after all was freed");
        ouro_heap_get_stats(fixture->heap, &stats);
        if (round == 1) {
            mapped_first = stats.mapped_bytes;
        }
        if (round > 1) {
            assert_true(stats.mapped_bytes <= mapped_first + 64 * MIB);
        }
    }
    pthread_barrier_destroy(&together);
    ouro_heap_trim(fixture->heap);
    if (process_resident_is_ours() && !fixture->kind->config.debug) {
        uint64_t now = process_resident();
        if (now > start + 16 * MIB) {
            fail_msg("%llu KiB stay resident", (unsigned long long)(now - start) / 1024);
        }
    }
}

/* Ten thousand threads that live for a moment, each leaving a few blocks for the next one to free: pools of
 * those that ended must be used again. */
static void
test_ten_thousand_short_threads(void **state)
{
    struct fixture *fixture = *state;
    enum { AT_ONCE = 4 };
    static struct leaver leavers[2][AT_ONCE];
    pthread_barrier_t together;
    assert_int_equal(pthread_barrier_init(&together, NULL, AT_ONCE), 0);
    uint64_t n = test_count(NULL, 10000) / AT_ONCE, mapped_early = 0;
    for (uint64_t round = 0; round < n; round++) {
        struct leaver *now = leavers[round % 2], *before = leavers[(round + 1) % 2];
        for (size_t i = 0; i < AT_ONCE; i++) {
            now[i].heap = fixture->heap;
            now[i].together = &together;
            now[i].seed = test_seed(86) + round * AT_ONCE + i;
        }
        struct threads *threads = threads_start(AT_ONCE, allocate_and_leave, now, sizeof now[0]);
        if (round > 0) {
            struct cleaner cleaner = {.leavers = before, .n_leavers = AT_ONCE, .seed = round};
            clean_up(&cleaner);
        }
        threads_join(threads);
        ouro_heap_stats stats;
        if (round == n / 20) {
            ouro_heap_get_stats(fixture->heap, &stats);
            mapped_early = stats.mapped_bytes;
        } else if (round % 256 == 255 && round > n / 20) {
            ouro_heap_get_stats(fixture->heap, &stats);
            if (stats.mapped_bytes > mapped_early + (TEST_STRESSED ? 512 : 64) * MIB ||
                stats.record_bytes > 64 * MIB) {
                fail_msg("round %llu: %llu KiB mapped, early %llu, records %llu",
                         (unsigned long long)round, (unsigned long long)stats.mapped_bytes / 1024,
                         (unsigned long long)mapped_early / 1024,
                         (unsigned long long)stats.record_bytes / 1024);
            }
        }
    }
    struct cleaner cleaner = {.leavers = leavers[(n + 1) % 2], .n_leavers = AT_ONCE, .seed = 1};
    clean_up(&cleaner);
    require_empty(fixture->heap, "after ten thousand threads");
    pthread_barrier_destroy(&together);
}

/* ---- threads and a limit ---- */

struct greedy {
    ouro_heap *heap;
    size_t size;
    void *blocks[4096];
    size_t n;
};

static void
take_until_refused(void *context)
{
    struct greedy *greedy = context;
    while (greedy->n < 4096) {
        void *block = ouro_heap_alloc(greedy->heap, OURO_DOMAIN_RAW, greedy->size);
        if (block == NULL) {
            break;
        }
        pattern_fill(block, greedy->size, greedy->n);
        greedy->blocks[greedy->n++] = block;
    }
    for (size_t i = 0; i < greedy->n; i++) {
        REQUIRE(pattern_holds(greedy->blocks[i], greedy->size, greedy->size, i), "%p",
                greedy->blocks[i]);
    }
}

static void
test_threads_share_a_limit(void **state)
{
    struct fixture *fixture = *state;
    enum { N = 8 };
    static struct greedy greedy[N];
    const uint64_t limit = 64 * MIB;
    ouro_heap_set_limit(fixture->heap, limit);
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < N; i++) {
            greedy[i].heap = fixture->heap;
            greedy[i].size = i % 2 == 0 ? 20000 : 150000;
            greedy[i].n = 0;
        }
        threads_run(N, take_until_refused, greedy, sizeof greedy[0]);
        ouro_heap_stats stats;
        ouro_heap_get_stats(fixture->heap, &stats);
        stats_check("threads at a limit", &stats, fixture->kind->config.debug);
        assert_true(stats.live_bytes <= limit);
        assert_true(stats.live_bytes >= limit / 2 || TEST_STRESSED);
        assert_true(stats.limit_refusals >= 1);
        for (size_t i = 0; i < N; i++) {
            for (size_t k = 0; k < greedy[i].n; k++) {
                ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, greedy[i].blocks[k]);
            }
        }
        require_empty(fixture->heap, "after threads at a limit");
    }
}

/* ---- thread-specific data whose destructors allocate and free ---- */

/* In the last of the four that POSIX allows, ThreadSanitizer has left the thread already. */
enum { MOST_ROUNDS = TEST_THREAD_SANITIZED ? 2 : 3 };

static pthread_key_t late_key;
static ouro_heap *late_heap;

/* Runs when a thread ends, perhaps after the heap has taken its leave of the thread; again for each round
 * that POSIX allows. */
static void
free_late(void *value)
{
    unsigned char *counter = value;
    unsigned char rounds = counter[0];
    ouro_heap_free(late_heap, OURO_DOMAIN_RAW, value);
    void *small = ouro_heap_alloc(late_heap, OURO_DOMAIN_MEM, 50);
    void *large = ouro_heap_alloc(late_heap, OURO_DOMAIN_MEM, 100000);
    REQUIRE(small != NULL && large != NULL, "refused in a thread that ends");
    ouro_heap_free(late_heap, OURO_DOMAIN_MEM, small);
    ouro_heap_free(late_heap, OURO_DOMAIN_MEM, large);
    if (rounds < MOST_ROUNDS) {
        unsigned char *next = ouro_heap_alloc(late_heap, OURO_DOMAIN_RAW, 40);
        REQUIRE(next != NULL, "refused in a thread that ends");
        next[0] = (unsigned char)(rounds + 1);
        pthread_setspecific(late_key, next);
    }
}

static void
set_late(void *context)
{
    (void)context;
    unsigned char *first = ouro_heap_alloc(late_heap, OURO_DOMAIN_RAW, 40);
    REQUIRE(first != NULL, "refused");
    first[0] = 0;
    pthread_setspecific(late_key, first);
}

static void
test_destructors_that_use_the_heap(void **state)
{
    struct fixture *fixture = *state;
    late_heap = fixture->heap;
    assert_int_equal(pthread_key_create(&late_key, free_late), 0);
    for (int round = 0; round < 50; round++) {
        threads_run(8, set_late, &late_key, 0);
    }
    pthread_key_delete(late_key);
    require_empty(fixture->heap, "after destructors");
}

/* Figures and trims asked for by many threads at once. */
struct asker {
    ouro_heap *heap;
    uint64_t n;
};

static void
ask(void *context)
{
    struct asker *asker = context;
    for (uint64_t i = 0; i < asker->n; i++) {
        ouro_heap_stats stats;
        ouro_heap_get_stats(asker->heap, &stats);
        (void)ouro_heap_trim(asker->heap);
        void *block = ouro_heap_alloc(asker->heap, OURO_DOMAIN_RAW, 100 + i % 5000);
        REQUIRE(block != NULL, "refused");
        REQUIRE(ouro_heap_usable_size(block) >= 100 + i % 5000, "%p", block);
        ouro_heap_free(asker->heap, OURO_DOMAIN_RAW, block);
    }
}

static void
test_many_ask_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct asker askers[8];
    for (size_t i = 0; i < 8; i++) {
        askers[i] = (struct asker){fixture->heap, test_count(NULL, 500)};
    }
    threads_run(8, ask, askers, sizeof askers[0]);
    require_empty(fixture->heap, "after many asked");
}

#define ON_SHARED_KINDS(test) ON_KIND(test, kind_shared), ON_KIND(test, kind_shared_debug)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SHARED_KINDS(test_a_hundred_threads),
        ON_SHARED_KINDS(test_blocks_from_hand_to_hand),
        ON_KIND(test_producer_and_consumer, kind_shared),
        ON_SHARED_KINDS(test_threads_that_end_with_blocks_alive),
        ON_KIND(test_ten_thousand_short_threads, kind_shared),
        ON_SHARED_KINDS(test_threads_share_a_limit),
        ON_SHARED_KINDS(test_destructors_that_use_the_heap),
        ON_SHARED_KINDS(test_many_ask_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
