/* test_heap_lifetime.c - heaps come and go; the heap is there before main and after exit; many heaps live
 * side by side and know their own blocks; signals in the middle do no harm. */
#define _DEFAULT_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <ouro/heap.h>

#include "child.h"
#include "kinds.h"
#include "oracle.h"
#include "pattern.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

/* ---- before main and after exit ---- */

static ouro_heap *early_heap;
static unsigned char *early_block;

__attribute__((constructor(101))) static void
allocate_before_main(void)
{
    early_heap = ouro_heap_create(&(ouro_heap_config){.kind = OURO_HEAP_SHARED});
    early_block = early_heap != NULL ? ouro_heap_alloc(early_heap, OURO_DOMAIN_RAW, 5000) : NULL;
    if (early_block != NULL) {
        pattern_fill(early_block, 5000, 1);
    }
}

static void
use_heap_late(void)
{
    REQUIRE(early_block == NULL || pattern_holds(early_block, 5000, 5000, 1), "%p",
            (void *)early_block);
    void *large = ouro_heap_alloc(early_heap, OURO_DOMAIN_RAW, 200000);
    void *small = ouro_heap_alloc(early_heap, OURO_DOMAIN_RAW, 20);
    REQUIRE(large != NULL && small != NULL, "refused after exit");
    ouro_heap_free(early_heap, OURO_DOMAIN_RAW, large);
    ouro_heap_free(early_heap, OURO_DOMAIN_RAW, small);
}

/* Runs in this process at its end: a failure here fails the test program. */
__attribute__((destructor(101))) static void
allocate_after_exit(void)
{
    if (early_block != NULL) {
        use_heap_late();
        ouro_heap_free(early_heap, OURO_DOMAIN_RAW, early_block);
    }
}

static void
test_before_main(void **state)
{
    (void)state;
    assert_non_null(early_heap);
    assert_non_null(early_block);
    assert_true(pattern_holds(early_block, 5000, 5000, 1));
    atexit(use_heap_late);
}

/* A process that ends while its threads are in the heap: handlers and destructors still find it whole. */
struct exiting {
    ouro_heap *heap;
    uint64_t seed;
};

static void
work_for_ever(void *context)
{
    struct exiting *exiting = context;
    struct test_random random = {exiting->seed};
    for (;;) {
        void *block =
            ouro_heap_alloc(exiting->heap, OURO_DOMAIN_RAW, random_python_size(&random, 200000));
        ouro_heap_free(exiting->heap, OURO_DOMAIN_RAW, block);
    }
}

static void
exit_in_the_middle(void *context)
{
    (void)context;
    struct exiting exiting[4];
    for (size_t i = 0; i < 4; i++) {
        exiting[i] = (struct exiting){early_heap, i};
    }
    (void)threads_start(4, work_for_ever, exiting, sizeof exiting[0]);
    sleep_ms(5);
    atexit(use_heap_late);
    early_block = NULL; /* the destructor's part is done by the parent */
    exit(9);
}

static void
test_exit_with_threads_at_work(void **state)
{
    (void)state;
    if (TEST_THREAD_SANITIZED || TEST_ADDRESS_SANITIZED) {
        print_message("sanitizers have their own say at exit: not tried\n");
        skip();
    }
    for (int i = 0; i < 10; i++) {
        struct child_end end = child_run(exit_in_the_middle, NULL, 60);
        if (end.signal != 0 || end.code != 9) {
            fail_msg("signal %d, code %d: %s", end.signal, end.code, end.text);
        }
    }
}

/* ---- creating and destroying ---- */

static void
test_no_configuration_is_exclusive(void **state)
{
    (void)state;
    ouro_heap *heap = ouro_heap_create(NULL);
    assert_non_null(heap);
    struct oracle oracle;
    oracle_init(&oracle, heap, "of no configuration", 100);
    for (size_t i = 0; i < 100; i++) {
        oracle_alloc(&oracle, OURO_DOMAIN_RAW, i * i * 20);
    }
    oracle_check_all(&oracle);
    oracle_fini(&oracle);
    ouro_heap_stats stats;
    ouro_heap_get_stats(heap, &stats);
    assert_int_equal(stats.limit_bytes, 0);
    ouro_heap_destroy(heap);
    ouro_heap_destroy(NULL);
}

/* All shared heaps that may exist, then one more; destroying one makes room. */
static void
test_how_many_shared_heaps(void **state)
{
    (void)state;
    enum { MOST = 32 };
    ouro_heap *heaps[MOST + 1];
    const ouro_heap_config shared = {.kind = OURO_HEAP_SHARED};
    for (int round = 0; round < 3; round++) {
        size_t n = 0;
        while (n <= MOST && (heaps[n] = ouro_heap_create(&shared)) != NULL) {
            void *block = ouro_heap_alloc(heaps[n], OURO_DOMAIN_RAW, 100);
            assert_non_null(block);
            n++;
        }
        assert_true(n >= 24); /* early_heap is one; a library may keep some for itself */
        assert_true(n <= MOST);
        assert_null(ouro_heap_create(&shared));
        ouro_heap *exclusive = ouro_heap_create(NULL); /* these are not counted */
        assert_non_null(exclusive);
        ouro_heap_destroy(exclusive);
        ouro_heap_destroy(heaps[n / 2]);
        heaps[n / 2] = ouro_heap_create(&shared);
        assert_non_null(heaps[n / 2]);
        for (size_t i = 0; i < n; i++) {
            ouro_heap_destroy(heaps[i]);
        }
    }
}

/* A shared heap's place is taken by a new one while threads that used the old one live on. */
struct generations {
    ouro_heap *_Atomic heap;
    atomic_uint stage;
    atomic_uint n_done;
};

static void
use_each_generation(void *context)
{
    struct generations *generations = context;
    for (unsigned stage = 1; stage <= 20; stage++) {
        while (atomic_load(&generations->stage) < stage) {
            sleep_ms(1);
        }
        struct oracle oracle;
        oracle_init(&oracle, atomic_load(&generations->heap), "a generation", 500);
        struct test_random random = {stage};
        for (int i = 0; i < 500; i++) {
            oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 100000));
        }
        oracle_check_blocks(&oracle);
        while (oracle.n_blocks > 100) { /* the rest goes with the heap */
            oracle_free(&oracle, random_below(&random, oracle.n_blocks));
        }
        oracle_fini(&oracle);
        atomic_fetch_add(&generations->n_done, 1);
    }
}

static void
test_heaps_replaced_under_living_threads(void **state)
{
    (void)state;
    enum { N = 6 };
    static struct generations generations;
    struct threads *threads = threads_start(N, use_each_generation, &generations, 0);
    for (unsigned stage = 1; stage <= 20; stage++) {
        ouro_heap *heap = ouro_heap_create(&(ouro_heap_config){.kind = OURO_HEAP_SHARED});
        assert_non_null(heap);
        atomic_store(&generations.heap, heap);
        atomic_store(&generations.stage, stage);
        while (atomic_load(&generations.n_done) < N * stage) {
            sleep_ms(1);
        }
        ouro_heap_stats stats;
        ouro_heap_get_stats(heap, &stats);
        stats_check("a generation", &stats, false);
        uint64_t live = 0;
        for (int d = 0; d < OURO_N_DOMAINS; d++) {
            live += stats.domain[d].live_blocks;
        }
        assert_int_equal(live, N * 100);
        ouro_heap_destroy(heap);
    }
    threads_join(threads);
}

/* ---- several heaps ---- */

static void
test_heaps_side_by_side(void **state)
{
    (void)state;
    enum { N = 6 };
    struct kind *kinds[N] = {&kind_exclusive, &kind_shared,          &kind_exclusive,
                             &kind_shared,    &kind_exclusive_debug, &kind_shared_debug};
    struct oracle oracles[N];
    struct test_random random = {test_seed(101)};
    for (size_t i = 0; i < N; i++) {
        ouro_heap *heap = ouro_heap_create(&kinds[i]->config);
        assert_non_null(heap);
        oracle_init(&oracles[i], heap, kinds[i]->name, 2000);
        oracles[i].debug = kinds[i]->config.debug;
    }
    uint64_t n = test_count(NULL, 200000);
    for (uint64_t i = 0; i < n; i++) {
        struct oracle *oracle = &oracles[random_below(&random, N)];
        if (oracle->n_blocks == 2000 || (oracle->n_blocks > 0 && random_below(&random, 5) < 2)) {
            oracle_free(oracle, random_below(&random, oracle->n_blocks));
        } else {
            oracle_alloc(oracle, random_domain(&random), random_python_size(&random, 100000));
        }
    }
    for (size_t i = 0; i < N; i++) {
        oracle_check_all(&oracles[i]);
    }
    for (size_t i = 0; i < N; i += 2) { /* three go with their blocks, the others are whole */
        oracle_fini(&oracles[i]);
        ouro_heap_destroy(oracles[i].heap);
    }
    for (size_t i = 1; i < N; i += 2) {
        oracle_check_all(&oracles[i]);
        oracle_free_all(&oracles[i]);
        oracle_check_all(&oracles[i]);
        oracle_fini(&oracles[i]);
        ouro_heap_destroy(oracles[i].heap);
    }
}

/* A block may be freed through another heap that is guarded now: it is handed back to its own. */
static void
test_block_freed_through_another_heap(void **state)
{
    (void)state;
    struct kind *kinds[] = {&kind_exclusive, &kind_shared};
    const size_t sizes[] = {40, 3000, 30000, 300000};
    for (int from = 0; from < 2; from++) {
        for (int through = 0; through < 2; through++) {
            ouro_heap *own = ouro_heap_create(&kinds[from]->config);
            ouro_heap *other = ouro_heap_create(&kinds[through]->config);
            assert_non_null(own);
            assert_non_null(other);
            for (int i = 0; i < 40000; i++) {
                void *block = ouro_heap_alloc(own, OURO_DOMAIN_MEM, sizes[i % 4]);
                assert_non_null(block);
                ouro_heap_free(other, OURO_DOMAIN_MEM, block);
            }
            ouro_heap_stats stats;
            ouro_heap_get_stats(own, &stats);
            stats_check("the block's own heap", &stats, false);
            assert_int_equal(stats.domain[OURO_DOMAIN_MEM].live_blocks, 0);
            assert_int_equal(stats.domain[OURO_DOMAIN_MEM].n_allocs, 40000);
            assert_int_equal(stats.domain[OURO_DOMAIN_MEM].n_frees, 40000);
            assert_true(stats.peak_bytes < (uint64_t)64 << 20);
            ouro_heap_get_stats(other, &stats);
            stats_check("the other heap", &stats, false);
            assert_int_equal(stats.domain[OURO_DOMAIN_MEM].live_blocks, 0);
            ouro_heap_destroy(own);
            ouro_heap_destroy(other);
        }
    }
}

static void
test_walk_shows_own_blocks_only(void **state)
{
    struct fixture *fixture = *state;
    ouro_heap *other = ouro_heap_create(&fixture->kind->config);
    assert_non_null(other);
    struct oracle oracle, others;
    oracle_init(&oracle, fixture->heap, "a heap", 1000);
    oracle_init(&others, other, "the other heap", 1000);
    oracle.debug = others.debug = fixture->kind->config.debug;
    struct test_random random = {test_seed(102)};
    for (int i = 0; i < 1000; i++) {
        oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 300000));
        oracle_alloc(&others, random_domain(&random), random_python_size(&random, 300000));
    }
    oracle_check_all(&oracle);
    oracle_check_all(&others);
    oracle_free_all(&oracle);
    oracle_check_all(&oracle);
    oracle_check_all(&others);
    oracle_fini(&oracle);
    oracle_fini(&others);
    ouro_heap_destroy(other);
}

/* ---- signals ---- */

static atomic_uint n_signals;

static void
count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&n_signals, 1);
}

/* Timer signals a thousand times a second: system calls are interrupted, nothing else happens. */
static void
test_signals_in_the_middle(void **state)
{
    struct fixture *fixture = *state;
    struct sigaction action = {.sa_handler = count_signal}, before;
    const struct itimerval often = {.it_interval = {0, 1000}, .it_value = {0, 1000}},
                           never = {{0, 0}, {0, 0}};
    sigemptyset(&action.sa_mask);
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    struct oracle oracle;
    struct test_random random = {test_seed(103)};
    oracle_init(&oracle, fixture->heap, fixture->kind->name, 2000);
    oracle.debug = fixture->kind->config.debug;
    uint64_t until = clock_ms() + 500;
    for (uint64_t i = 0; clock_ms() < until; i++) {
        if (oracle.n_blocks == 2000 || (oracle.n_blocks > 0 && random_below(&random, 2) == 0)) {
            oracle_free(&oracle, random_below(&random, oracle.n_blocks));
        } else {
            oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 8 << 20));
        }
        if (i % 4096 == 0) {
            (void)ouro_heap_trim(fixture->heap);
        }
    }
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
    oracle_check_all(&oracle);
    oracle_free_all(&oracle);
    oracle_check_all(&oracle);
    oracle_fini(&oracle);
    assert_true(atomic_load(&n_signals) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_main),
        cmocka_unit_test(test_exit_with_threads_at_work),
        cmocka_unit_test(test_no_configuration_is_exclusive),
        cmocka_unit_test(test_how_many_shared_heaps),
        cmocka_unit_test(test_heaps_replaced_under_living_threads),
        cmocka_unit_test(test_heaps_side_by_side),
        cmocka_unit_test(test_block_freed_through_another_heap),
        ON_EVERY_KIND(test_walk_shows_own_blocks_only),
        ON_EVERY_KIND(test_signals_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
