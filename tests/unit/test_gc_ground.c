/* test_gc_ground.c - a look at everything ends early where no object is without ground, that is where each is held from
 * outside or by one at a lower address, or else each from outside or by one at a higher address; and never where there is
 * garbage, however little among how much.
 *
 * Among many objects that live there are cells, which none of them refers to.  Of some cells a test makes garbage: they refer
 * to each other in a ring, at random besides, and to what lives.  Which of them comes first in memory is chance, as are
 * their sizes: one reference up to thousands, in pools of many classes and in blocks of their own.
 *
 * semantics.md, "Cycles": self-cycles and cycles of several types are collected, with the exact counts.  Our own. */
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "nodes.h"
#include "process.h"
#include "random.h"
#include "require.h"

#define N_LIVE (TEST_STRESSED || TEST_THREAD_SANITIZED ? 4000 : 20000)
#define N_CELLS 400
#define MOST_GARBAGE 6
#define MOST_REFS (TEST_STRESSED ? 1500 : 9000) /* more than slices look at in one go */

static struct {
    struct test_random random;
    ouro_ref live[N_LIVE], cells[N_CELLS];
    bool has_ended; /* a collection in slices */
    size_t n_collected;
} test;

static size_t
below(size_t bound)
{
    return (size_t)random_below(&test.random, bound);
}

/* ---- cells ---- */

static ouro_ref
make_cell(void)
{
    return below(2) == 0 ? node_new(NULL, NULL)
                         : row_new(random_between_log(&test.random, 1, MOST_REFS));
}

static size_t
n_refs_of(ouro_loan object)
{
    return ouro_type_of(object) == node_type ? 2 : ((struct row *)ouro_look(object))->n;
}

static ouro_ref *
ref_of(ouro_loan object, size_t i)
{
    struct row *row = (struct row *)ouro_look(object);
    return ouro_type_of(object) != node_type ? &row->items[i]
           : i == 0                          ? &node_of(object)->left
                                             : &node_of(object)->right;
}

/* A cell that chance decides comes to the place `to`, among those that are chosen. */
static void
choose_cell(size_t to, size_t from)
{
    ouro_ref chosen = test.cells[from];
    test.cells[from] = test.cells[to];
    test.cells[to] = chosen;
}

static void
choose_cells(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        choose_cell(i, i + below(N_CELLS - i));
    }
}

/* Have the first `n` cells hold each other; the last reference of each is the ring's. */
static void
link_cells(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ouro_loan cell = ouro_lend(test.cells[i]);
        size_t last = n_refs_of(cell) - 1;
        *ref_of(cell, last) = ouro_incref(ouro_lend(test.cells[(i + 1) % n]));
        for (size_t tries = below(4); last != 0 && tries != 0; tries--) {
            ouro_ref to = below(2) == 0 ? test.cells[below(n)] : test.live[below(N_LIVE)];
            ouro_assign(ref_of(cell, below(last)), ouro_incref(ouro_lend(to)));
        }
    }
}

/* Have the cell's other references all lead to another one, or itself: more than the table can count, where it has many. */
static void
make_hub(size_t from, size_t to)
{
    ouro_loan cell = ouro_lend(test.cells[from]);
    for (size_t i = 0; i + 1 < n_refs_of(cell); i++) {
        ouro_assign(ref_of(cell, i), ouro_incref(ouro_lend(test.cells[to])));
    }
}

/* Let go of the first `n` cells: they are garbage now. */
static void
drop_cells(size_t n)
{
    unsigned long before = nodes_dead;
    for (size_t i = 0; i < n; i++) {
        ouro_clear(&test.cells[i]);
    }
    assert_int_equal(nodes_dead, before);
}

static void
replace_cells(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        test.cells[i] = make_cell();
    }
}

/* The first `n` cells, which hold each other, are found in one pause, and nothing is after that. */
static void
check_found(size_t n)
{
    unsigned long before = nodes_dead;
    assert_int_equal(ouro_gc_collect(2), 0);
    drop_cells(n);
    assert_int_equal(ouro_gc_collect(2), n);
    assert_int_equal(nodes_dead, before + n);
    assert_int_equal(ouro_gc_collect(2), 0);
    replace_cells(n);
}

/* ---- set-up ---- */

static void
note(const ouro_gc_event *event, void *context)
{
    (void)context;
    if (event->in_slices && event->is_stop) {
        test.has_ended = true;
        test.n_collected = event->n_collected;
    }
}

static int
setup(void **state)
{
    int result = gc_setup(state);
    memset(&test, 0, sizeof test);
    test.random.state = test_seed(31);
    for (size_t i = 0; i < N_LIVE; i++) {
        test.live[i] = i % 1000 == 999 ? row_new(1500) : node_new(NULL, NULL);
        if (i % (N_LIVE / N_CELLS) == 0) {
            test.cells[i / (N_LIVE / N_CELLS)] = make_cell();
        }
    }
    for (size_t i = 0; i < N_LIVE;
         i++) { /* one in 1000 has references to another alone: a hub that lives */
        ouro_loan object = ouro_lend(test.live[i]);
        size_t hub = below(N_LIVE);
        for (size_t k = 0; k < n_refs_of(object); k++) {
            size_t to = i % 1000 == 999 ? hub : below(N_LIVE);
            *ref_of(object, k) = ouro_incref(ouro_lend(test.live[to]));
        }
    }
    ouro_gc_collect(2);
    nodes_dead = 0;
    return result != 0 ? result : (int)ouro_gc_add_callback(note, NULL);
}

static int
teardown(void **state)
{
    ouro_gc_disable();
    ouro_gc_remove_callback(note, NULL);
    for (size_t i = 0; i < N_LIVE; i++) {
        ouro_clear(&test.live[i]);
    }
    for (size_t i = 0; i < N_CELLS; i++) {
        ouro_clear(&test.cells[i]);
    }
    ouro_gc_collect(2);
    return gc_teardown(state);
}

/* ---- in one pause ---- */

static int
compare_addresses(const void *a, const void *b)
{
    const ouro_ref *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* The lowest of all objects is garbage, and the highest; alone and with each other. */
static void
test_the_lowest_and_the_highest(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        qsort(test.cells, N_CELLS, sizeof *test.cells, compare_addresses);
        if (round % 4 == 1) {
            choose_cell(0, N_CELLS - 1);
        } else if (round % 4 != 0) {
            choose_cell(1, N_CELLS - 1);
        }
        if (round % 4 == 3) {
            choose_cell(0, 1);
        }
        size_t n = round % 4 < 2 ? 1 : 2;
        link_cells(n);
        check_found(n);
    }
}

/* Everything but the cells is lower than the first of them; or higher. */
static void
test_nothing_before_or_after(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        ouro_ref lone = node_new(NULL, NULL), kept[64];
        for (size_t i = 0; i < 64; i++) {
            kept[i] = node_new(ouro_incref(ouro_lend(lone)), NULL);
        }
        for (size_t i = 0; i < 64; i++) { /* who referred to it does so no more */
            ouro_clear(&node_of(ouro_lend(kept[i]))->left);
        }
        node_of(ouro_lend(lone))->left = ouro_incref(ouro_lend(lone));
        node_of(ouro_lend(lone))->right = ouro_incref(ouro_lend(kept[round]));
        assert_int_equal(ouro_gc_collect(2), 0);
        ouro_decref(lone);
        assert_int_equal(ouro_gc_collect(2), 1);
        for (size_t i = 0; i < 64; i++) {
            ouro_decref(kept[i]);
        }
    }
}

static void
test_little_garbage_anywhere(void **state)
{
    (void)state;
    uint64_t n_rounds = test_count("OURO_TEST_ROUNDS", 400);
    for (uint64_t round = 0; round < n_rounds; round++) {
        size_t n = 1 + below(MOST_GARBAGE);
        choose_cells(n);
        link_cells(n);
        check_found(n);
    }
}

/* Of the garbage, one has more references than the table counts: to itself, or from another before or behind it. */
static void
test_hubs(void **state)
{
    static const size_t numbers[] = {254, 255, 256, 257,  510,  511, 512,
                                     513, 767, 768, 1023, 1024, 5000};

    (void)state;
    for (size_t i = 0; i < 4 * sizeof numbers / sizeof *numbers; i++) {
        choose_cells(2);
        ouro_decref(test.cells[0]);
        test.cells[0] = row_new(numbers[i / 4] + 1);
        size_t n = 1 + i % 2;
        link_cells(n);
        make_hub(0, n == 1 || i % 4 == 3 ? 0 : 1);
        nodes_dead = 0;
        check_found(n);
    }
}

/* ---- in slices ---- */

/* Make objects until a collection in slices has ended.  Each is held from outside, so that no other than the garbage is
 * without ground. */
static void
make_until_ended(void)
{
    static ouro_ref made[N_LIVE];
    size_t n = 0;

    test.has_ended = false;
    ouro_gc_set_threshold((const uint32_t[]){100, 1, 1});
    ouro_gc_enable();
    while (!test.has_ended) {
        REQUIRE(n < N_LIVE, "no collection in slices within %zu objects", n);
        made[n++] = node_new(NULL, NULL);
    }
    ouro_gc_disable();
    while (n != 0) {
        ouro_clear(&made[--n]);
    }
}

static void
check_found_in_slices(size_t n)
{
    ouro_gc_collect(2); /* the cells are old */
    drop_cells(n);
    make_until_ended();
    assert_int_equal(test.n_collected, n);
    assert_int_equal(ouro_gc_collect(2), 0);
    replace_cells(n);
}

static void
test_little_garbage_in_slices(void **state)
{
    (void)state;
    uint64_t n_rounds = test_count("OURO_TEST_ROUNDS", 40);
    for (uint64_t round = 0; round < n_rounds; round++) {
        size_t n = round % 8 == 7 ? 0 : 1 + below(MOST_GARBAGE); /* or none */
        choose_cells(n);
        link_cells(n);
        check_found_in_slices(n);
    }
}

/* So many references that they are looked at in portions; what they lead to is the object itself, or another. */
static void
test_large_ones_in_slices(void **state)
{
    (void)state;
    for (size_t round = 0; round < 8; round++) {
        choose_cells(2);
        ouro_decref(test.cells[0]);
        test.cells[0] = row_new(MOST_REFS + round);
        size_t n = 1 + round % 2;
        link_cells(n);
        if (round >= 4) {
            make_hub(0, n - 1);
        }
        check_found_in_slices(n);
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_lowest_and_the_highest), TEST(test_nothing_before_or_after),
        TEST(test_little_garbage_anywhere),    TEST(test_hubs),
        TEST(test_little_garbage_in_slices),   TEST(test_large_ones_in_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
