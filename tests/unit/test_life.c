/* test_life.c - how long blocks live, against a log of when each was made.
 *
 * ctest: timeout=300 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <ouro/heap.h>

#include "cm.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "trace/life.h"
#include "trace/traced.h"

enum { N_EVENTS = TEST_STRESSED ? 100000 : 1000000, N_BLOCKS = 5000, N_SIZES = 8 };

static const size_t sizes[N_SIZES] = {1, 16, 48, 500, 4000, 30000, 70000, 1000000};

static ouro_heap *heap;
static int64_t until = OURO__NO_COUNT;

static int
setup(void **state)
{
    (void)state;
    heap = ouro_heap_create(&(ouro_heap_config){.kind = OURO_HEAP_SHARED});
    ouro__life_is_asked = true;
    return heap == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    ouro__trace_stop();
    ouro__life_is_asked = false;
    ouro_heap_destroy(heap);
    return 0;
}

static struct ouro__asker
asker(void)
{
    return (struct ouro__asker){
        .heap = heap, .domain = OURO_DOMAIN_RAW, .known = OURO_DOMAIN_RAW, .until = &until};
}

struct block {
    void *address;
    unsigned size; /* index */
    uint64_t birth;
};

/* What was to be seen, by the size of blocks. */
struct expected {
    uint64_t ended[N_SIZES][OURO__N_LIVES + 1];
    uint64_t n_allocs;
};

static void
expect_end(struct expected *expected, const struct block *block)
{
    static const uint64_t within[OURO__N_LIVES] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    uint64_t age = expected->n_allocs - block->birth;
    unsigned i = 0;
    while (i < OURO__N_LIVES && age > within[i]) {
        i++;
    }
    expected->ended[block->size][i]++;
}

static void
take(struct expected *expected, struct block *block, unsigned size)
{
    struct ouro__asker by = asker();
    assert_true(ouro__trace_is_due(&until, sizes[size]));
    block->address = ouro__traced_take(&by, OURO_ALIGNMENT, sizes[size], false);
    assert_non_null(block->address);
    block->size = size;
    block->birth = ++expected->n_allocs;
}

static void
give(struct expected *expected, struct block *block)
{
    expect_end(expected, block);
    ouro__traced_give(block->address);
    ouro_heap_free(heap, OURO_DOMAIN_RAW, block->address);
    block->address = NULL;
}

static void
resize(struct expected *expected, struct block *block, unsigned size)
{
    struct ouro__asker by = asker();
    expect_end(expected, block);
    block->address = ouro__traced_resize(&by, block->address, sizes[size]);
    assert_non_null(block->address);
    block->size = size;
    block->birth = ++expected->n_allocs;
}

/* One of few blocks mostly, so that there are lives of all lengths. */
static struct block *
pick(struct test_random *random, struct block *blocks)
{
    static const size_t of[] = {1, 3, 30, 300, N_BLOCKS};
    return &blocks[random_below(random, of[random_below(random, 5)])];
}

static void
play(struct test_random *random, struct expected *expected, struct block *blocks, size_t n_events)
{
    for (size_t i = 0; i < n_events; i++) {
        struct block *block = pick(random, blocks);
        unsigned size = (unsigned)random_below(random, random_below(random, 50) == 0 ? N_SIZES : 5);
        if (block->address == NULL) {
            take(expected, block, size);
        } else if (random_below(random, 4) == 0) {
            resize(expected, block, size);
        } else {
            give(expected, block);
        }
    }
}

static void
give_all(struct expected *expected, struct block *blocks)
{
    for (size_t i = 0; i < N_BLOCKS; i++) {
        if (blocks[i].address != NULL) {
            give(expected, &blocks[i]);
        }
    }
}

/* Without frames a trace is a size. */
static void
check(const struct expected *expected)
{
    const struct ouro__trace *traces = ouro__trace_items.items;
    const struct ouro__life *lives = ouro__life_items.items;
    size_t n_found = 0;

    assert_true(ouro__life_items.n >= ouro__trace_items.n);
    for (size_t i = 1; i < ouro__trace_items.n; i++) {
        unsigned size = 0;
        while (sizes[size] != traces[i].size) {
            size++;
            REQUIRE(size < N_SIZES, "trace %zu has a size that nobody asked for", i);
        }
        assert_memory_equal(lives[i].ended, expected->ended[size], sizeof lives[i].ended);
        uint64_t longer = traces[i].all - traces[i].live;
        for (int k = 0; k < OURO__N_LIVES; k++) {
            longer -= lives[i].ended[k];
        }
        assert_int_equal(longer, expected->ended[size][OURO__N_LIVES]);
        n_found++;
    }
    assert_int_equal(n_found, N_SIZES);
}

static void
test_a_log(void **state)
{
    (void)state;
    struct test_random random = {7};
    struct expected expected = {.n_allocs = 0};
    struct block *blocks = calloc(N_BLOCKS, sizeof *blocks);

    assert_non_null(blocks);
    assert_true(ouro__trace_start(NULL, 0, 0));
    for (int round = 0; round < 10; round++) {
        play(&random, &expected, blocks, N_EVENTS / 10);
        check(&expected);
    }
    give_all(&expected, blocks);
    check(&expected);
    assert_true(ouro__life_bytes() > 0);
    free(blocks);
}

/* What was forgotten has no end, and what comes after it is counted from nothing. */
static void
test_forgotten(void **state)
{
    (void)state;
    struct test_random random = {8};
    struct expected before = {.n_allocs = 0};
    struct block *blocks = calloc(2 * N_BLOCKS, sizeof *blocks);

    assert_non_null(blocks);
    assert_true(ouro__trace_start(NULL, 0, 0));
    for (int round = 0; round < 3; round++) {
        play(&random, &before, blocks, N_EVENTS / 20);
        if (round == 1) {
            assert_true(ouro__trace_stop());
            assert_true(ouro__trace_start(NULL, 0, 0));
        } else {
            assert_true(ouro__trace_clear());
        }
        struct expected expected = {.n_allocs = before.n_allocs};
        give_all(&before, blocks); /* of which nothing is known */
        play(&random, &expected, blocks + N_BLOCKS, N_EVENTS / 20);
        give_all(&expected, blocks + N_BLOCKS);
        check(&expected);
        before.n_allocs = expected.n_allocs;
        assert_true(ouro__trace_clear());
    }
    free(blocks);
}

/* With samples each allocation passes, and those that were met have the ages of all. */
static void
test_samples(void **state)
{
    (void)state;
    struct test_random random = {9};
    struct expected expected = {.n_allocs = 0};
    struct block *blocks = calloc(N_BLOCKS, sizeof *blocks);
    uint64_t ended[OURO__N_LIVES] = {0}, wanted[OURO__N_LIVES] = {0}, n_ended = 0, n_wanted = 0;

    assert_non_null(blocks);
    assert_true(ouro__trace_start(NULL, 0, 20000));
    play(&random, &expected, blocks, N_EVENTS);
    give_all(&expected, blocks);
    const struct ouro__trace *traces = ouro__trace_items.items;
    const struct ouro__life *lives = ouro__life_items.items;
    for (size_t i = 1; i < ouro__trace_items.n; i++) {
        if (traces[i].size == 4000) {
            for (int k = 0; k < OURO__N_LIVES; k++) {
                ended[k] += lives[i].ended[k];
                n_ended += lives[i].ended[k];
            }
            assert_int_equal(traces[i].live, 0);
        }
    }
    for (int k = 0; k < OURO__N_LIVES; k++) {
        wanted[k] = expected.ended[4][k];
        n_wanted += wanted[k];
    }
    assert_true(n_ended > n_wanted / 8 && n_ended < n_wanted / 4); /* 1 - exp(-4000/20000) is 0.18 */
    for (int k = 0; k < OURO__N_LIVES; k++) {
        double share = (double)wanted[k] / (double)n_wanted;
        double error = 6 * sqrt(share * (1 - share) / (double)n_ended) + 1 / (double)n_ended;
        assert_true(fabs((double)ended[k] / (double)n_ended - share) <= error);
    }
    free(blocks);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(test_samples, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
