/* test_heap_limit.c - a hard limit: NULL past it, and the heap is then as it was.
 *
 * ctest: timeout=600 */
#include <stdlib.h>
#include <string.h>

#include <ouro/heap.h>

#include "kinds.h"
#include "oracle.h"
#include "pattern.h"
#include "process.h"
#include "random.h"

/* Limits are so many of these; smaller where every access is watched. */
enum { MIB = 1 << 20, UNIT = TEST_THREAD_SANITIZED ? 1 << 18 : 1 << 20 };

static ouro_heap *
create_limited(const struct kind *kind, size_t limit, ouro_heap *limit_with)
{
    ouro_heap_config config = kind->config;
    config.limit = limit;
    config.limit_with = limit_with;
    ouro_heap *heap = ouro_heap_create(&config);
    assert_non_null(heap);
    return heap;
}

/* Pools of two blocks use a limit up with next to nothing in them. */
static void
skip_if_stressed(void)
{
    if (TEST_STRESSED) {
        skip();
    }
}

/* Allocate blocks of `size` until refused. */
static void
fill_up(struct oracle *oracle, size_t size)
{
    oracle->may_refuse = true;
    while (oracle_alloc(oracle, OURO_DOMAIN_RAW, size)) {
    }
}

/* With blocks of one size after another: the heap fills to near its limit, not past it, says no with the
 * right figures, and serves again once something is freed. */
static void
test_fills_to_the_limit(void **state)
{
    const struct kind *kind = *state;
    skip_if_stressed();
    const size_t sizes[] = {16, 100, 1000, 9000, 40000, 65536, 100000, 1 * MIB, 3 * MIB};
    const size_t limit = 48 * (size_t)UNIT;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ouro_heap *heap = create_limited(kind, limit, NULL);
        struct oracle oracle;
        oracle_init(&oracle, heap, kind->name, limit / 16);
        oracle.debug = kind->config.debug;
        fill_up(&oracle, sizes[i]);

        ouro_heap_stats stats;
        ouro_heap_get_stats(heap, &stats);
        stats_check(kind->name, &stats, kind->config.debug);
        assert_int_equal(stats.limit_bytes, limit);
        assert_true(stats.live_bytes <= limit);
        assert_true(stats.live_bytes >= limit / 10 * 9 - 3 * MIB || kind->config.debug);
        assert_true(stats.limit_refusals >= 1);
        assert_true(stats.limit_last_size == sizes[i]);
        oracle_check_blocks(&oracle);
        oracle_check_stats(&oracle);

        size_t n = oracle.n_blocks;
        for (int round = 0; round < 3; round++) {
            for (size_t k = 0; k < n / 2; k++) {
                oracle_free(&oracle, k);
            }
            fill_up(&oracle, sizes[i]);
            assert_true(oracle.n_blocks >= n - n / 20 - 1 || kind->config.debug);
        }
        oracle_free_all(&oracle);
        oracle_check_all(&oracle);
        oracle_fini(&oracle);
        ouro_heap_destroy(heap);
    }
}

/* Memory of one size, freed, serves another size under the same limit. */
static void
test_limit_is_not_eaten_by_caches(void **state)
{
    const struct kind *kind = *state;
    skip_if_stressed();
    const size_t limit = 32 * (size_t)UNIT;
    ouro_heap *heap = create_limited(kind, limit, NULL);
    struct oracle oracle;
    oracle_init(&oracle, heap, kind->name, limit / 16);
    oracle.debug = kind->config.debug;
    const size_t sizes[] = {64, 100000, 32, 5000, 2 * UNIT, 48, 60000, 512};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fill_up(&oracle, sizes[i]);
        if (oracle.n_blocks * sizes[i] < (kind->config.debug ? limit / 10 : limit / 10 * 8)) {
            fail_msg("%zu blocks of %zu bytes fill a limit of %zu", oracle.n_blocks, sizes[i], limit);
        }
        oracle_check_blocks(&oracle);
        oracle_free_all(&oracle);
    }
    oracle_check_all(&oracle);
    oracle_fini(&oracle);
    ouro_heap_destroy(heap);
}

static void
test_refusal_changes_nothing(void **state)
{
    const struct kind *kind = *state;
    ouro_heap *heap = create_limited(kind, 8 * (size_t)MIB, NULL);
    struct oracle oracle;
    struct test_random random = {test_seed(31)};
    oracle_init(&oracle, heap, kind->name, 100000);
    oracle.debug = kind->config.debug;
    for (int i = 0; i < (TEST_STRESSED ? 60 : 300); i++) {
        oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 8192));
    }
    ouro_heap_stats before, after;
    ouro_heap_get_stats(heap, &before);
    for (size_t size = 9 * (size_t)MIB; size < (size_t)1 << 34; size *= 2) {
        assert_null(ouro_heap_alloc(heap, OURO_DOMAIN_RAW, size));
        assert_null(ouro_heap_alloc_zeroed(heap, OURO_DOMAIN_MEM, size, 1));
        assert_null(ouro_heap_alloc_aligned(heap, OURO_DOMAIN_OBJECT, 4096, size));
        assert_null(ouro_heap_realloc(heap, OURO_DOMAIN_OBJECT, NULL, size));
        oracle.may_refuse = true;
        assert_false(oracle_realloc(&oracle, random_below(&random, oracle.n_blocks), size));
        ouro_heap_get_stats(heap, &after);
        assert_int_equal(after.limit_last_size, size);
    }
    assert_int_equal(before.limit_refusals, 0);
    assert_true(after.limit_refusals >= 5);
    assert_int_equal(after.live_bytes, before.live_bytes);
    assert_memory_equal(after.domain, before.domain, sizeof after.domain);
    assert_int_equal(after.mapped_bytes, before.mapped_bytes);
    oracle_check_all(&oracle);
    oracle_free_all(&oracle);
    oracle_fini(&oracle);
    ouro_heap_destroy(heap);
}

/* Two heaps, one limit: what one holds the other can't have. */
static void
test_limit_with_another(void **state)
{
    const struct kind *kind = *state;
    skip_if_stressed();
    const size_t limit = 32 * (size_t)UNIT;
    ouro_heap *first = create_limited(kind, limit, NULL);
    ouro_heap *second =
        create_limited(kind->config.debug ? &kind_exclusive_debug : &kind_exclusive, 0, first);
    struct oracle a, b;
    oracle_init(&a, first, "the first heap", limit / 16);
    oracle_init(&b, second, "the second heap", limit / 16);
    a.debug = b.debug = kind->config.debug;

    a.may_refuse = true;
    while (a.n_blocks < 12 * (UNIT / 1024) && oracle_alloc(&a, OURO_DOMAIN_RAW, 1000)) {
    }
    uint64_t refused = stats_of(first).limit_refusals + stats_of(second).limit_refusals;
    fill_up(&b, 1000);
    assert_true(stats_of(first).limit_refusals + stats_of(second).limit_refusals > refused);
    uint64_t together = stats_of(first).live_bytes + stats_of(second).live_bytes;
    assert_true(together <= limit);
    assert_true(together >= limit / 10 * 8);
    fill_up(&a, 200000);
    assert_true(stats_of(first).live_bytes + stats_of(second).live_bytes <= limit);

    oracle_free_all(&b); /* comes back to both */
    size_t n_before = a.n_blocks;
    fill_up(&a, 200000);
    assert_true(a.n_blocks > n_before);
    assert_true(stats_of(first).live_bytes <= limit);
    oracle_free_all(&a);

    fill_up(&b, 5000);
    assert_true(stats_of(second).live_bytes >= limit / 10 * 8);
    assert_true(stats_of(second).live_bytes <= limit);
    oracle_check_all(&b);
    ouro_heap_destroy(second); /* with all its blocks: their bytes come back too */
    fill_up(&a, 5000);
    assert_true(stats_of(first).live_bytes >= limit / 10 * (kind->config.debug ? 4 : 8));
    oracle_fini(&b);
    oracle_free_all(&a);
    oracle_fini(&a);
    ouro_heap_destroy(first);
}

static void
test_lowering_below_what_lives(void **state)
{
    const struct kind *kind = *state;
    skip_if_stressed();
    ouro_heap *heap = create_limited(kind, 0, NULL);
    struct oracle oracle;
    oracle_init(&oracle, heap, kind->name, 200000);
    oracle.debug = kind->config.debug;
    for (int i = 0; i < 200; i++) {
        oracle_alloc(&oracle, OURO_DOMAIN_RAW, 100000);
    }
    for (int i = 0; i < 20000; i++) {
        oracle_alloc(&oracle, OURO_DOMAIN_OBJECT, 500);
    }
    ouro_heap_set_limit(heap, 8 * (size_t)MIB);
    oracle.may_refuse = true;
    assert_false(oracle_alloc(&oracle, OURO_DOMAIN_RAW, 100000));
    assert_false(oracle_alloc(&oracle, OURO_DOMAIN_RAW, 3 * (size_t)MIB));
    fill_up(&oracle, 600);
    fill_up(&oracle, 20000);
    oracle_check_all(&oracle); /* all that lived lives on */
    ouro_heap_stats stats;
    ouro_heap_get_stats(heap, &stats);
    assert_int_equal(stats.limit_bytes, 8 * MIB);
    assert_true(stats.limit_refusals >= 4);

    oracle_free_all(&oracle);
    ouro_heap_trim(heap);
    oracle.may_refuse = false;
    for (int i = 0; i < 20; i++) { /* a quarter of the limit */
        oracle_alloc(&oracle, OURO_DOMAIN_RAW, 100000);
    }
    ouro_heap_set_limit(heap, 0);
    for (int i = 0; i < 200; i++) {
        oracle_alloc(&oracle, OURO_DOMAIN_RAW, 100000);
    }
    ouro_heap_get_stats(heap, &stats);
    assert_int_equal(stats.limit_bytes, 0);
    oracle_check_all(&oracle);
    oracle_free_all(&oracle);
    oracle_fini(&oracle);
    ouro_heap_destroy(heap);
}

/* A limit that allows nothing refuses all, and can be lifted. */
static void
test_tiny_limits(void **state)
{
    const struct kind *kind = *state;
    skip_if_stressed();
    for (size_t limit = 1; limit <= 4 * MIB; limit *= 4) {
        ouro_heap *heap = create_limited(kind, limit, NULL);
        struct oracle oracle;
        oracle_init(&oracle, heap, kind->name, 1 << 20);
        oracle.debug = kind->config.debug;
        fill_up(&oracle, 64);
        fill_up(&oracle, 1);
        fill_up(&oracle, 30000);
        assert_true(stats_of(heap).live_bytes <= limit);
        ouro_heap_set_limit(heap, 0);
        oracle.may_refuse = false;
        for (int i = 0; i < 100; i++) {
            oracle_alloc(&oracle, OURO_DOMAIN_MEM, 5000);
        }
        oracle_check_all(&oracle);
        oracle_free_all(&oracle);
        oracle_fini(&oracle);
        ouro_heap_destroy(heap);
    }
}

/* Growing a block under a limit: allowed while it fits, refused when not, contents kept either way. */
static void
test_realloc_at_the_limit(void **state)
{
    const struct kind *kind = *state;
    skip_if_stressed();
    const size_t limit = 32 * (size_t)UNIT;
    ouro_heap *heap = create_limited(kind, limit, NULL);
    struct oracle oracle;
    oracle_init(&oracle, heap, kind->name, 10);
    oracle.debug = kind->config.debug;
    oracle_alloc(&oracle, OURO_DOMAIN_RAW, 1000);
    size_t size = 1000;
    oracle.may_refuse = true;
    while (oracle_realloc(&oracle, 0, size + size / 4)) {
        size += size / 4;
        assert_true(size <= limit);
    }
    assert_true(size >= limit / 4); /* even a heap that must hold both sizes while it copies */
    oracle_check_blocks(&oracle);
    assert_true(oracle_realloc(&oracle, 0, 100));
    oracle_check_all(&oracle);
    oracle_free_all(&oracle);
    oracle_fini(&oracle);
    ouro_heap_destroy(heap);
}

#define ON_PLAIN_KIND(test, kind)                                                                      \
    {                                                                                                  \
#test " on " #kind, test, NULL, NULL, &kind                                                    \
    }
#define ON_PLAIN_KINDS(test)                                                                           \
    ON_PLAIN_KIND(test, kind_exclusive), ON_PLAIN_KIND(test, kind_shared),                             \
        ON_PLAIN_KIND(test, kind_exclusive_debug), ON_PLAIN_KIND(test, kind_shared_debug)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_PLAIN_KINDS(test_fills_to_the_limit),
        ON_PLAIN_KINDS(test_limit_is_not_eaten_by_caches),
        ON_PLAIN_KINDS(test_refusal_changes_nothing),
        ON_PLAIN_KINDS(test_limit_with_another),
        ON_PLAIN_KINDS(test_lowering_below_what_lives),
        ON_PLAIN_KINDS(test_tiny_limits),
        ON_PLAIN_KINDS(test_realloc_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
