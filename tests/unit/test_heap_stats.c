/* test_heap_stats.c - the figures are exact: they are compared with a count kept beside the heap. */
#include <stdlib.h>
#include <string.h>

#include <ouro/heap.h>

#include "kinds.h"
#include "oracle.h"
#include "process.h"
#include "random.h"

static void
test_new_heap_is_empty(void **state)
{
    struct fixture *fixture = *state;
    ouro_heap_stats stats;
    memset(&stats, 0xFF, sizeof stats);
    ouro_heap_get_stats(fixture->heap, &stats);
    stats_check(fixture->kind->name, &stats, fixture->kind->config.debug);
    assert_int_equal(stats.live_bytes, 0);
    assert_int_equal(stats.n_pools, 0);
    assert_int_equal(stats.n_large, 0);
    assert_int_equal(stats.limit_bytes, 0);
    assert_int_equal(stats.limit_refusals, 0);
    assert_int_equal(stats.limit_last_size, 0);
    for (int d = 0; d < OURO_N_DOMAINS; d++) {
        assert_int_equal(stats.domain[d].n_allocs, 0);
        assert_int_equal(stats.domain[d].n_frees, 0);
    }
}

/* A million operations without a realloc: every count is exact, at every stop. */
static void
test_counts_over_a_million_operations(void **state)
{
    struct fixture *fixture = *state;
    struct test_random random = {test_seed(61)};
    enum { MOST = TEST_STRESSED ? 2000 : 20000 };
    struct oracle oracle;
    oracle_init(&oracle, fixture->heap, fixture->kind->name, MOST);
    oracle.debug = fixture->kind->config.debug;
    uint64_t n = test_count(NULL, oracle.debug ? 200000 : 1000000);
    for (uint64_t i = 0; i < n; i++) {
        bool grow = i / (n / 10 + 1) % 2 == 0; /* five waves */
        if (oracle.n_blocks == MOST ||
            (oracle.n_blocks > 0 && random_below(&random, 100) < (grow ? 40 : 60))) {
            oracle_free(&oracle, random_below(&random, oracle.n_blocks));
        } else {
            oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 200000));
        }
        if (i % (n / 20 + 1) == 0) {
            oracle_check_stats(&oracle);
        }
    }
    oracle_check_all(&oracle);
    ouro_heap_stats stats;
    for (int round = 0; round < 2; round++) {
        ouro_heap_get_stats(fixture->heap, &stats);
        for (int d = 0; d < OURO_N_DOMAINS; d++) {
            assert_int_equal(stats.domain[d].n_allocs, oracle.n_allocs[d]);
            assert_int_equal(stats.domain[d].n_frees, oracle.n_frees[d]);
        }
        oracle_free_all(&oracle);
        if (round == 0) {
            ouro_heap_trim(fixture->heap); /* pools end here; what they counted does not */
        }
    }
    ouro_heap_get_stats(fixture->heap, &stats);
    assert_int_equal(stats.live_bytes, 0);
    if (!oracle.debug) {
        assert_int_equal(stats.n_pools, 0);
        assert_int_equal(stats.n_large, 0);
    }
    oracle_check_all(&oracle);
    oracle_fini(&oracle);
}

static void
test_classes(void **state)
{
    struct fixture *fixture = *state;
    ouro_class_stats of_class[OURO_N_SIZE_CLASSES];
    for (unsigned i = 0; i < OURO_N_SIZE_CLASSES; i++) {
        memset(&of_class[i], 0xFF, sizeof of_class[i]);
        ouro_heap_get_class_stats(fixture->heap, i, &of_class[i]);
        assert_int_equal(of_class[i].block_size % OURO_ALIGNMENT, 0);
        assert_int_equal(of_class[i].live_blocks, 0);
        assert_true(i == 0 || of_class[i].block_size >= of_class[i - 1].block_size);
    }
    assert_int_equal(of_class[OURO_N_SIZE_CLASSES - 1].block_size, OURO_POOLED_MAX);

    void *blocks[OURO_N_SIZE_CLASSES][10];
    for (unsigned i = 1; i < OURO_N_SIZE_CLASSES; i++) {
        for (unsigned k = 0; k < 10; k++) { /* half of them nine bytes short of full */
            size_t size = of_class[i].block_size - (k % 2) * 9;
            blocks[i][k] = ouro_heap_alloc(fixture->heap, (ouro_domain)(k % 3), size);
            assert_non_null(blocks[i][k]);
            assert_int_equal(ouro_heap_usable_size(blocks[i][k]), of_class[i].block_size);
        }
        for (unsigned k = 0; k < 3; k++) {
            ouro_heap_free(fixture->heap, (ouro_domain)k, blocks[i][k]);
        }
    }
    for (unsigned i = 1; i < OURO_N_SIZE_CLASSES; i++) {
        ouro_class_stats now;
        ouro_heap_get_class_stats(fixture->heap, i, &now);
        assert_int_equal(now.block_size, of_class[i].block_size);
        assert_int_equal(now.live_blocks, 7);
        assert_true(now.free_blocks >= 3);
        assert_true(now.n_pools >= 1 && now.n_pools <= 10);
        assert_true(now.rounding_bytes <= now.live_blocks * now.block_size);
    }
    for (unsigned i = 1; i < OURO_N_SIZE_CLASSES; i++) {
        for (unsigned k = 3; k < 10; k++) {
            ouro_heap_free(fixture->heap, (ouro_domain)(k % 3), blocks[i][k]);
        }
    }
}

/* Blocks of every class in one domain: pools are filled to known parts. */
static void
test_occupancy(void **state)
{
    struct fixture *fixture = *state;
    enum { N = 100000, SIZE = 64 };
    if (TEST_STRESSED) {
        skip();
    }
    void **blocks = malloc(N * sizeof *blocks);
    assert_non_null(blocks);
    for (size_t i = 0; i < N; i++) {
        blocks[i] = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_OBJECT, SIZE);
        assert_non_null(blocks[i]);
    }
    ouro_heap_stats stats;
    ouro_heap_get_stats(fixture->heap, &stats);
    stats_check(fixture->kind->name, &stats, fixture->kind->config.debug);
    assert_true(stats.n_pools >= 20);
    assert_true(stats.occupancy[9] >= stats.n_pools - 1);
    uint64_t n_pools = stats.n_pools;

    for (size_t i = 0; i < N; i++) { /* one block in twenty stays */
        if (i % 20 != 0) {
            ouro_heap_free(fixture->heap, OURO_DOMAIN_OBJECT, blocks[i]);
        }
    }
    ouro_heap_get_stats(fixture->heap, &stats);
    stats_check(fixture->kind->name, &stats, fixture->kind->config.debug);
    assert_int_equal(stats.n_pools, n_pools);
    assert_true(stats.occupancy[0] >= stats.n_pools - 1);
    assert_true(stats.free_bytes >= (uint64_t)N * SIZE / 10 * 8);
    for (size_t i = 0; i < N; i += 20) {
        ouro_heap_free(fixture->heap, OURO_DOMAIN_OBJECT, blocks[i]);
    }
    ouro_heap_get_stats(fixture->heap, &stats);
    assert_int_equal(stats.n_pools, 0);
    free(blocks);
}

/* Rounding is sampled for small blocks: the estimate must be near the truth. */
static void
test_rounding_estimate(void **state)
{
    struct fixture *fixture = *state;
    struct test_random random = {test_seed(62)};
    enum { N = TEST_STRESSED ? 5000 : 200000 };
    struct oracle oracle;
    oracle_init(&oracle, fixture->heap, fixture->kind->name, N);
    for (size_t i = 0; i < N; i++) {
        oracle_alloc(&oracle, random_domain(&random), 1 + random_below(&random, 1000));
    }
    ouro_heap_stats stats;
    ouro_heap_get_stats(fixture->heap, &stats);
    uint64_t truth = stats.live_bytes - oracle.asked_bytes;
    if (stats.rounding_bytes < truth / 10 * 7 || stats.rounding_bytes > truth / 10 * 13) {
        fail_msg("%llu bytes of rounding estimated, %llu are", (unsigned long long)stats.rounding_bytes,
                 (unsigned long long)truth);
    }
    oracle_free_all(&oracle);
    ouro_heap_get_stats(fixture->heap, &stats);
    assert_int_equal(stats.rounding_bytes, 0);
    oracle_fini(&oracle);
}

/* The peak stays when the heap shrinks, and is not below what was really held. */
static void
test_peak(void **state)
{
    struct fixture *fixture = *state;
    enum { N = TEST_STRESSED ? 3000 : 30000, N_MORE = 20 };
    struct oracle oracle;
    oracle_init(&oracle, fixture->heap, fixture->kind->name, N + N_MORE);
    for (size_t i = 0; i < N; i++) {
        oracle_alloc(&oracle, OURO_DOMAIN_MEM, 1024);
    }
    /* The heap looks when it takes memory, and not all the time: let it look once at the full height. */
    sleep_ms(200);
    for (size_t i = 0; i < N_MORE; i++) {
        oracle_alloc(&oracle, OURO_DOMAIN_MEM, 100000);
    }
    oracle_free_all(&oracle);
    ouro_heap_stats stats;
    ouro_heap_get_stats(fixture->heap, &stats);
    assert_true(stats.peak_bytes >= (uint64_t)N * 1024 / 100 * 97);
    assert_true(stats.peak_bytes <= (uint64_t)N * 1024 / 100 * 120 + N_MORE * 110000 ||
                fixture->kind->config.debug);
    oracle_fini(&oracle);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_EVERY_KIND(test_new_heap_is_empty),    ON_EVERY_KIND(test_counts_over_a_million_operations),
        ON_RELEASE_KINDS(test_classes),           ON_RELEASE_KINDS(test_occupancy),
        ON_RELEASE_KINDS(test_rounding_estimate), ON_EVERY_KIND(test_peak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
