/* test_heap_realloc.c - changing sizes in all directions keeps what both sizes have. */
#include <string.h>

#include <ouro/heap.h>

#include "kinds.h"
#include "oracle.h"
#include "pattern.h"
#include "process.h"
#include "random.h"

/* Small, medium, large and the sizes next to where one kind of block turns into another. */
static const size_t stops[] = {
    0,    1,     15,    16,    17,    48,    64,     100,    512,    513,    1024,    4096,    8192,
    8193, 32768, 65535, 65536, 65537, 70000, 131072, 200000, 262144, 524289, 1 << 20, 3 << 20, 5 << 20,
};
enum { N_STOPS = sizeof stops / sizeof stops[0] };

static void
test_from_any_size_to_any_size(void **state)
{
    struct fixture *fixture = *state;
    struct oracle oracle;
    oracle_init(&oracle, fixture->heap, fixture->kind->name, 2);
    oracle.debug = fixture->kind->config.debug;
    for (size_t from = 0; from < N_STOPS; from += TEST_THREAD_SANITIZED ? 3 : 1) {
        for (size_t to = 0; to < N_STOPS; to++) {
            oracle_alloc(&oracle, OURO_DOMAIN_MEM, stops[from]);
            oracle_alloc(&oracle, OURO_DOMAIN_RAW, stops[from]); /* in the way of growing in place */
            oracle_realloc(&oracle, 0, stops[to]);
            oracle_check_blocks(&oracle);
            oracle_check_intervals(&oracle);
            oracle_realloc(&oracle, 0, stops[from]);
            oracle_check_blocks(&oracle);
            oracle_free_all(&oracle);
        }
    }
    oracle_check_stats(&oracle);
    oracle_fini(&oracle);
}

static void
test_of_nothing_allocates(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < N_STOPS; i++) {
        void *block = ouro_heap_realloc(fixture->heap, OURO_DOMAIN_OBJECT, NULL, stops[i]);
        assert_non_null(block);
        assert_true(ouro_heap_usable_size(block) >= stops[i]);
        ouro_heap_stats stats;
        ouro_heap_get_stats(fixture->heap, &stats);
        assert_int_equal(stats.domain[OURO_DOMAIN_OBJECT].live_blocks, 1);
        ouro_heap_free(fixture->heap, OURO_DOMAIN_OBJECT, block);
    }
}

static void
test_to_nothing_keeps_a_block(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < N_STOPS; i++) {
        void *block = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, stops[i]);
        assert_non_null(block);
        void *empty = ouro_heap_realloc(fixture->heap, OURO_DOMAIN_RAW, block, 0);
        assert_non_null(empty);
        ouro_heap_stats stats;
        ouro_heap_get_stats(fixture->heap, &stats);
        assert_int_equal(stats.domain[OURO_DOMAIN_RAW].live_blocks, 1);
        void *other = ouro_heap_realloc(fixture->heap, OURO_DOMAIN_RAW, NULL, 0);
        assert_non_null(other);
        assert_ptr_not_equal(other, empty);
        ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, other);
        ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, empty);
    }
}

/* As a list or a string buffer grows: by an eighth at a time, up to 40 MB. */
static void
test_growing_by_an_eighth(void **state)
{
    struct fixture *fixture = *state;
    size_t size = 16;
    unsigned char *block = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_MEM, size);
    assert_non_null(block);
    pattern_fill(block, size, 7);
    while (size < 40000000) {
        size_t next = size + size / 8 + 6;
        block = ouro_heap_realloc(fixture->heap, OURO_DOMAIN_MEM, block, next);
        assert_non_null(block);
        assert_true(pattern_holds(block, size, size, 7));
        pattern_fill(block, next, 7);
        size = next;
    }
    ouro_heap_stats stats;
    ouro_heap_get_stats(fixture->heap, &stats);
    assert_int_equal(stats.domain[OURO_DOMAIN_MEM].live_blocks, 1);
    ouro_heap_free(fixture->heap, OURO_DOMAIN_MEM, block);
}

/* Four large blocks that grow by turns are in each other's way, so that they must move; every byte is
 * checked, not only the pattern's samples. */
static void
test_large_blocks_growing_by_turns(void **state)
{
    struct fixture *fixture = *state;
    enum { N = 4 };
    unsigned char *blocks[N];
    size_t size = 100000;
    for (size_t i = 0; i < N; i++) {
        blocks[i] = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, size);
        assert_non_null(blocks[i]);
        memset(opaque_pointer(blocks[i]), (int)i + 1, size);
    }
    while (size < 12000000) {
        size_t next = size * 3 / 2;
        for (size_t i = 0; i < N; i++) {
            blocks[i] = ouro_heap_realloc(fixture->heap, OURO_DOMAIN_RAW, blocks[i], next);
            assert_non_null(blocks[i]);
            assert_int_equal(blocks[i][0], i + 1);
            assert_memory_equal(blocks[i], blocks[i] + 1, size - 1);
            memset(opaque_pointer(blocks[i]), (int)i + 1, next);
        }
        size = next;
    }
    while (size > 20) { /* and back */
        size_t next = size / 5;
        for (size_t i = 0; i < N; i++) {
            blocks[i] = ouro_heap_realloc(fixture->heap, OURO_DOMAIN_RAW, blocks[i], next);
            assert_non_null(blocks[i]);
            assert_int_equal(blocks[i][0], i + 1);
            assert_memory_equal(blocks[i], blocks[i] + 1, next - 1);
        }
        size = next;
    }
    for (size_t i = 0; i < N; i++) {
        ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, blocks[i]);
    }
}

/* Growing a large block must not need memory for both sizes: 1 GiB in steps of 64 MiB, of which only a byte
 * in a mebibyte is touched, stays small. */
static void
test_growing_a_huge_block_copies_nothing(void **state)
{
    struct fixture *fixture = *state;
    volatile size_t most = (size_t)1 << 30;
    if (!process_resident_is_ours() || !process_may_map(2 * most)) {
        print_message("1 GiB cannot be grown here, or a tool is watching: not tried\n");
        skip();
    }
    uint64_t before = process_resident();
    size_t step = (size_t)64 << 20, size = step;
    unsigned char *block = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, size);
    assert_non_null(block);
    for (size_t at = 0; at < size; at += 1 << 20) {
        block[at] = (unsigned char)(at >> 20);
    }
    while (size < most) {
        block = ouro_heap_realloc(fixture->heap, OURO_DOMAIN_RAW, block, size + step);
        assert_non_null(block);
        for (size_t at = size; at < size + step; at += 1 << 20) {
            block[at] = (unsigned char)(at >> 20);
        }
        size += step;
        for (size_t at = 0; at < size; at += 1 << 20) {
            assert_int_equal(block[at], (unsigned char)(at >> 20));
        }
    }
    assert_true(process_resident() < before + ((uint64_t)64 << 20));
    ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, block);
}

/* What a large block loses by shrinking goes back, or is there for others. */
static void
test_shrinking_gives_memory_up(void **state)
{
    struct fixture *fixture = *state;
    enum { SIZE = 32 << 20 };
    unsigned char *block = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, SIZE);
    assert_non_null(block);
    memset(opaque_pointer(block), 1, SIZE);
    block = ouro_heap_realloc(fixture->heap, OURO_DOMAIN_RAW, block, 200000);
    assert_non_null(block);
    ouro_heap_stats stats;
    ouro_heap_get_stats(fixture->heap, &stats);
    assert_true(stats.live_bytes >= 200000);
    assert_true(stats.live_bytes < 300000);
    if (process_resident_is_ours()) {
        ouro_heap_trim(fixture->heap);
        ouro_heap_get_stats(fixture->heap, &stats);
        assert_true(stats.resident_bytes < 4 << 20);
    }
    ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, block);
}

/* A refused realloc leaves the block as it was, of whatever size it is. */
static void
test_refused_leaves_the_block(void **state)
{
    struct fixture *fixture = *state;
    volatile size_t impossible = (size_t)1 << 60;
    for (size_t i = 0; i < N_STOPS; i++) {
        struct oracle oracle;
        oracle_init(&oracle, fixture->heap, fixture->kind->name, 1);
        oracle_alloc(&oracle, OURO_DOMAIN_RAW, stops[i]);
        oracle.may_refuse = true;
        assert_false(oracle_realloc(&oracle, 0, impossible));
        oracle.may_refuse = false;
        oracle_check_blocks(&oracle);
        oracle_realloc(&oracle, 0, stops[i] + 1000);
        oracle_free_all(&oracle);
        oracle_fini(&oracle);
    }
}

static void
test_random_walk_of_sizes(void **state)
{
    struct fixture *fixture = *state;
    struct test_random random = {test_seed(21)};
    enum { N = 200 };
    struct oracle oracle;
    oracle_init(&oracle, fixture->heap, fixture->kind->name, N);
    oracle.debug = fixture->kind->config.debug;
    for (size_t i = 0; i < N; i++) {
        oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 1 << 20));
    }
    uint64_t n = test_count(NULL, 100000);
    for (uint64_t i = 0; i < n; i++) {
        oracle_realloc(&oracle, random_below(&random, N), random_python_size(&random, 1 << 20));
    }
    oracle_check_all(&oracle);
    oracle_free_all(&oracle);
    oracle_check_all(&oracle);
    oracle_fini(&oracle);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_EVERY_KIND(test_from_any_size_to_any_size),
        ON_EVERY_KIND(test_of_nothing_allocates),
        ON_EVERY_KIND(test_to_nothing_keeps_a_block),
        ON_EVERY_KIND(test_growing_by_an_eighth),
        ON_EVERY_KIND(test_large_blocks_growing_by_turns),
        ON_RELEASE_KINDS(test_growing_a_huge_block_copies_nothing),
        ON_RELEASE_KINDS(test_shrinking_gives_memory_up),
        ON_EVERY_KIND(test_refused_leaves_the_block),
        ON_EVERY_KIND(test_random_walk_of_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
