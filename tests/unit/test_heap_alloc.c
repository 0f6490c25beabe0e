/* test_heap_alloc.c - what ouro_heap_alloc() and its kin promise of every single block.
 *
 * ctest: timeout=600 */
#define _DEFAULT_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <ouro/ouro.h>

#include "kinds.h"
#include "oracle.h"
#include "pattern.h"
#include "process.h"
#include "random.h"

static void
test_version(void **state)
{
    (void)state;
    assert_string_equal(ouro_version(), OURO_VERSION_STRING);
}

/* Every size from 0 past the largest pooled one, densely where classes are dense. */
static void
test_every_size(void **state)
{
    struct fixture *fixture = *state;
    for (size_t size = 0; size <= OURO_POOLED_MAX + 4096; size += size < 2048 ? 1 : 61) {
        struct oracle oracle; /* three at once, so that neighbours show overlaps */
        oracle_init(&oracle, fixture->heap, fixture->kind->name, 3);
        oracle.debug = fixture->kind->config.debug;
        for (int d = 0; d < OURO_N_DOMAINS; d++) {
            oracle_alloc(&oracle, (ouro_domain)d, size);
        }
        oracle_check_blocks(&oracle);
        oracle_check_intervals(&oracle);
        oracle_free_all(&oracle);
        oracle_fini(&oracle);
    }
}

static void
test_rounding_is_moderate(void **state)
{
    struct fixture *fixture = *state;
    for (size_t size = 1; size <= 4 * OURO_POOLED_MAX; size += size < 1024 ? 1 : 509) {
        void *block = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, size);
        assert_non_null(block);
        size_t usable = ouro_heap_usable_size(block);
        assert_true(usable >= size);
        assert_true(usable <= size + size / 7 + 16 || usable <= size + 4096);
        if (size <= 512) {
            assert_true(usable < size + 16);
        }
        ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, block);
    }
}

static void
test_blocks_of_no_bytes_are_distinct(void **state)
{
    struct fixture *fixture = *state;
    enum { N = 1000 };
    struct oracle oracle;
    oracle_init(&oracle, fixture->heap, fixture->kind->name, 4 * N);
    oracle.debug = fixture->kind->config.debug;
    for (int i = 0; i < N; i++) {
        oracle_alloc(&oracle, OURO_DOMAIN_RAW, 0);
        oracle_alloc_zeroed(&oracle, OURO_DOMAIN_MEM, 0, 100);
        oracle_alloc_zeroed(&oracle, OURO_DOMAIN_MEM, 100, 0);
        oracle_alloc_aligned(&oracle, OURO_DOMAIN_OBJECT, 64, 0);
    }
    oracle_check_intervals(&oracle); /* equal addresses overlap */
    oracle_check_all(&oracle);
    oracle_free_all(&oracle);
    oracle_check_all(&oracle);
    oracle_fini(&oracle);
}

/* From one byte to 4 MiB, with sizes from nothing to beyond the alignment. */
static void
test_every_power_of_two_aligns(void **state)
{
    struct fixture *fixture = *state;
    struct oracle oracle;
    oracle_init(&oracle, fixture->heap, fixture->kind->name, 4096);
    oracle.debug = fixture->kind->config.debug;
    for (size_t alignment = 1; alignment <= (size_t)4 << 20; alignment *= 2) {
        const size_t sizes[] = {0,    1,     24,    100, alignment - 1, alignment, alignment + 1,
                                3000, 70000, 300000};
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            for (int d = 0; d < OURO_N_DOMAINS; d++) {
                oracle_alloc_aligned(&oracle, (ouro_domain)d, alignment, sizes[i]);
            }
        }
        if (alignment == 4096 || alignment == 1 << 20) {
            oracle_check_all(&oracle);
            oracle_free_all(&oracle);
        }
    }
    oracle_check_all(&oracle);
    for (size_t i = 0; i < oracle.n_blocks;
         i++) { /* an aligned block may be reallocated like any other */
        oracle_realloc(&oracle, i, oracle.blocks[i].size / 2 + 100);
    }
    oracle_check_all(&oracle);
    oracle_free_all(&oracle);
    oracle_check_all(&oracle);
    oracle_fini(&oracle);
}

static void
test_other_alignments_are_refused(void **state)
{
    struct fixture *fixture = *state;
    const size_t wrong[] = {0,  3,  5,    6,    7,    12,       24,          48,
                            63, 65, 1000, 4095, 4097, SIZE_MAX, SIZE_MAX - 1};
    ouro_heap_stats before, after;
    ouro_heap_get_stats(fixture->heap, &before);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_null(ouro_heap_alloc_aligned(fixture->heap, OURO_DOMAIN_RAW, wrong[i], 100));
    }
    ouro_heap_get_stats(fixture->heap, &after);
    assert_int_equal(after.live_bytes, before.live_bytes);
}

/* All sizes that no machine has: NULL, and the heap goes on as before. */
static void
test_sizes_near_the_end_of_addresses(void **state)
{
    struct fixture *fixture = *state;
    ouro_heap *heap = fixture->heap;
    volatile size_t ends[] = {SIZE_MAX, PTRDIFF_MAX, SIZE_MAX / 2 + 1, (size_t)PTRDIFF_MAX + 65536,
                              (size_t)1 << 62};
    void *kept = ouro_heap_alloc(heap, OURO_DOMAIN_MEM, 200);
    assert_non_null(kept);
    pattern_fill(kept, 200, 1);

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        for (size_t below = 0; below <= 65536; below = below < 40 ? below + 1 : below * 2) {
            size_t size = ends[i] - below;
            assert_null(ouro_heap_alloc(heap, OURO_DOMAIN_RAW, size));
            assert_null(ouro_heap_alloc_zeroed(heap, OURO_DOMAIN_RAW, 1, size));
            assert_null(ouro_heap_alloc_zeroed(heap, OURO_DOMAIN_RAW, size, 1));
            assert_null(ouro_heap_alloc_aligned(heap, OURO_DOMAIN_RAW, 16, size));
            assert_null(ouro_heap_alloc_aligned(heap, OURO_DOMAIN_RAW, 1 << 21, size));
            assert_null(ouro_heap_realloc(heap, OURO_DOMAIN_RAW, NULL, size));
            assert_null(ouro_heap_realloc(heap, OURO_DOMAIN_MEM, kept, size));
            assert_true(pattern_holds(kept, 200, 200, 1));
        }
        for (size_t alignment = 16; alignment != 0; alignment *= 2) {
            assert_null(ouro_heap_alloc_aligned(heap, OURO_DOMAIN_RAW, alignment, ends[i]));
        }
    }
    ouro_heap_stats stats;
    ouro_heap_get_stats(heap, &stats);
    stats_check(fixture->kind->name, &stats, fixture->kind->config.debug);
    assert_int_equal(stats.domain[OURO_DOMAIN_RAW].live_blocks, 0);
    assert_int_equal(stats.domain[OURO_DOMAIN_MEM].live_blocks, 1);
    ouro_heap_free(heap, OURO_DOMAIN_MEM, kept);
}

static void
test_huge_alignments_are_served_or_refused(void **state)
{
    struct fixture *fixture = *state;
    for (size_t alignment = (size_t)8 << 20; alignment != 0; alignment *= 2) {
        void *block = ouro_heap_alloc_aligned(fixture->heap, OURO_DOMAIN_RAW, alignment, 100);
        if (block != NULL) {
            assert_int_equal((uintptr_t)block & (alignment - 1), 0);
            pattern_fill(block, 100, alignment);
            ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, block);
        }
        assert_true(process_resident() < (uint64_t)1 << 30 || !process_resident_is_ours());
    }
}

static void
test_products_that_overflow(void **state)
{
    struct fixture *fixture = *state;
    static const size_t pairs[][2] = {
        {SIZE_MAX, 2},
        {2, SIZE_MAX},
        {SIZE_MAX / 2 + 1, 2},
        {SIZE_MAX / 16 + 1, 16},
        {SIZE_MAX, SIZE_MAX},
        {(size_t)1 << 32, (size_t)1 << 32},
        {((size_t)1 << 32) + 1, (size_t)1 << 32},
        {SIZE_MAX / 3 + 1, 3},
        {48, SIZE_MAX / 48 + 1},
        {(size_t)1 << 63, 2},
        {(size_t)1 << 63, 3},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_null(
            ouro_heap_alloc_zeroed(fixture->heap, OURO_DOMAIN_OBJECT, pairs[i][0], pairs[i][1]));
    }
}

/* Blocks far larger than memory cost only what is touched. */
static void
test_eight_gibibytes(void **state)
{
    struct fixture *fixture = *state;
    volatile size_t size = (size_t)8 << 30;
    if (TEST_ADDRESS_SANITIZED || TEST_THREAD_SANITIZED || !process_may_map(size + (64 << 20))) {
        print_message("8 GiB cannot be mapped here, or a sanitizer would shadow them: not tried\n");
        skip();
    }
    unsigned char *block = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, size);
    assert_non_null(block);
    assert_true(ouro_heap_usable_size(block) >= size);
    block[0] = 1;
    block[size / 2] = 2;
    block[size - 1] = 3;
    assert_true(ouro_heap_owns(block));
    assert_true(ouro_heap_owns(block + size - 1));
    assert_true(process_resident() < (uint64_t)2 << 30);

    unsigned char *larger = ouro_heap_realloc(fixture->heap, OURO_DOMAIN_RAW, block, size + (1 << 20));
    assert_non_null(larger);
    assert_int_equal(larger[0], 1);
    assert_int_equal(larger[size / 2], 2);
    assert_int_equal(larger[size - 1], 3);
    unsigned char *smaller = ouro_heap_realloc(fixture->heap, OURO_DOMAIN_RAW, larger, 1000);
    assert_non_null(smaller);
    assert_int_equal(smaller[0], 1);
    ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, smaller);

    block = ouro_heap_alloc_zeroed(fixture->heap, OURO_DOMAIN_MEM, size / 16, 16);
    assert_non_null(block);
    assert_int_equal(block[0] | block[size / 3] | block[size - 1], 0);
    assert_true(process_resident() < (uint64_t)2 << 30);
    ouro_heap_free(fixture->heap, OURO_DOMAIN_MEM, block);
}

/* What was used and freed comes back as zeroed memory all the same, small, medium and large. */
static void
test_zeroed_after_dirty_reuse(void **state)
{
    struct fixture *fixture = *state;
    ouro_heap *heap = fixture->heap;
    const size_t sizes[] = {1,    8,    16,    48,    64,    100,    512,    700,
                            4096, 9000, 32768, 65536, 65537, 100000, 300000, 3 << 20};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            enum { N = 20 };
            unsigned char *blocks[N];
            size_t n = sizes[i] > 1000000 ? 3 : N;
            for (size_t k = 0; k < n; k++) {
                blocks[k] = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, sizes[i]);
                assert_non_null(blocks[k]);
                memset(opaque_pointer(blocks[k]), 0xFF, ouro_heap_usable_size(blocks[k]));
            }
            for (size_t k = 0; k < n; k++) {
                ouro_heap_free(heap, OURO_DOMAIN_RAW, blocks[k]);
            }
            if (round == 1) {
                ouro_heap_trim(heap);
            }
            for (size_t k = 0; k < n; k++) {
                blocks[k] = ouro_heap_alloc_zeroed(heap, OURO_DOMAIN_RAW, sizes[i], 1);
                assert_non_null(blocks[k]);
                assert_true(bytes_are_zero(blocks[k], sizes[i]));
            }
            for (size_t k = 0; k < n; k++) {
                ouro_heap_free(heap, OURO_DOMAIN_RAW, blocks[k]);
            }
        }
    }
}

static unsigned char some_data[64];

static void
test_owns(void **state)
{
    struct fixture *fixture = *state;
    unsigned char on_stack[64];
    unsigned char *from_libc = malloc(64);
    void *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *small = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, 100);
    unsigned char *large = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, 1 << 20);
    assert_non_null(small);
    assert_non_null(large);

    assert_true(ouro_heap_owns(small));
    assert_true(ouro_heap_owns(small + 99));
    assert_true(ouro_heap_owns(large));
    assert_true(ouro_heap_owns(large + (1 << 20) - 1));
    assert_false(ouro_heap_owns(NULL));
    assert_false(ouro_heap_owns(on_stack));
    assert_false(ouro_heap_owns(some_data));
    assert_false(ouro_heap_owns(from_libc));
    assert_false(ouro_heap_owns(mapped));
    assert_false(ouro_heap_owns((const void *)(uintptr_t)UINTPTR_MAX));
    assert_false(ouro_heap_owns((const void *)(uintptr_t)16));
    assert_false(ouro_heap_owns(opaque_pointer(fixture)));

    ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, small);
    ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, large);
    munmap(mapped, 4096);
    free(from_libc);
}

static void
test_free_of_nothing(void **state)
{
    struct fixture *fixture = *state;
    ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, NULL);
    ouro_heap_free(fixture->heap, OURO_DOMAIN_OBJECT, NULL);
    ouro_heap_stats stats;
    ouro_heap_get_stats(fixture->heap, &stats);
    assert_int_equal(stats.domain[OURO_DOMAIN_RAW].n_frees, 0);
    assert_int_equal(stats.domain[OURO_DOMAIN_OBJECT].n_frees, 0);
}

/* All of a block may be written, also what rounding added. */
static void
test_usable_bytes_are_usable(void **state)
{
    struct fixture *fixture = *state;
    struct test_random random = {test_seed(11)};
    enum { N = 3000 };
    static unsigned char *blocks[N];
    static size_t usable[N];
    static ouro_domain domains[N];
    for (size_t i = 0; i < N; i++) {
        domains[i] = random_domain(&random);
        blocks[i] = ouro_heap_alloc(fixture->heap, domains[i], random_python_size(&random, 200000));
        assert_non_null(blocks[i]);
        usable[i] = ouro_heap_usable_size(blocks[i]);
        memset(opaque_pointer(blocks[i]), (int)(i & 0xFF), usable[i]);
    }
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(ouro_heap_usable_size(blocks[i]), usable[i]);
        if (usable[i] == 0) { /* as a debug heap has it */
            continue;
        }
        assert_int_equal(blocks[i][0], i & 0xFF);
        assert_true(usable[i] == 1 || memcmp(blocks[i], blocks[i] + 1, usable[i] - 1) == 0);
    }
    for (size_t i = 0; i < N; i++) {
        ouro_heap_free(fixture->heap, domains[i], blocks[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        ON_EVERY_KIND(test_every_size),
        ON_RELEASE_KINDS(test_rounding_is_moderate),
        ON_EVERY_KIND(test_blocks_of_no_bytes_are_distinct),
        ON_EVERY_KIND(test_every_power_of_two_aligns),
        ON_EVERY_KIND(test_other_alignments_are_refused),
        ON_EVERY_KIND(test_sizes_near_the_end_of_addresses),
        ON_EVERY_KIND(test_huge_alignments_are_served_or_refused),
        ON_EVERY_KIND(test_products_that_overflow),
        ON_RELEASE_KINDS(test_eight_gibibytes),
        ON_EVERY_KIND(test_zeroed_after_dirty_reuse),
        ON_EVERY_KIND(test_owns),
        ON_EVERY_KIND(test_free_of_nothing),
        ON_EVERY_KIND(test_usable_bytes_are_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
