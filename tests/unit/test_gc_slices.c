/* test_gc_slices.c - the old generation is collected while the program goes on and changes everything.
 *
 * Each test makes many old objects, has the collector begin a collection in slices, and looks at what became of
 * them when it has ended.  That such a collection is sound and finds all garbage there was at its beginning is
 * also held by tests/model, on small graphs and in any order. */
#include <string.h>

#include "child.h"
#include "cm.h"
#include "nodes.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

#define MANY (TEST_STRESSED ? 2000 : TEST_THREAD_SANITIZED ? 30000 : 200000)
#define BINS 1000
#define BATCH 100

static uint32_t thresholds[OURO_GENERATIONS];

static struct {
    bool has_begun, has_ended;
    size_t n_collected;
    struct test_random random;
    ouro_ref bins; /* chains of nodes, MANY together */
    ouro_ref made; /* and what was made since */
    size_t n_made;
} run;

static void
note(const ouro_gc_event *event, void *context)
{
    (void)context;
    if (event->in_slices) {
        run.has_begun |= !event->is_stop;
        run.has_ended |= event->is_stop;
        run.n_collected = event->is_stop ? event->n_collected : run.n_collected;
    }
}

static int
setup(void **state)
{
    int result = nodes_setup(state);
    ouro_gc_disable();
    ouro_gc_get_threshold(thresholds);
    memset(&run, 0, sizeof run);
    run.random.state = 20260102;
    run.bins = row_new(BINS);
    for (size_t i = 0; i < MANY; i++) {
        ouro_ref *bin = &((struct row *)run.bins)->items[i % BINS];
        *bin = node_new(*bin, NULL);
    }
    ouro_gc_collect(2);
    nodes_dead = nodes_finalized = 0;
    return result != 0 ? result : (int)ouro_gc_add_callback(note, NULL);
}

static int
teardown(void **state)
{
    (void)state;
    ouro_gc_disable();
    ouro_gc_set_threshold(thresholds);
    ouro_gc_remove_callback(note, NULL);
    ouro_decref(run.bins);
    ouro_xdecref(run.made);
    ouro_gc_collect(2);
    return 0;
}

/* Nodes in the bins; each is still a node. */
static size_t
count_bins(void)
{
    size_t n = 0;
    for (size_t i = 0; i < BINS; i++) {
        for (ouro_ref at = ((struct row *)run.bins)->items[i]; at != NULL;
             at = node_of((ouro_loan)at)->left) {
            REQUIRE(ouro_type_of((ouro_loan)at) == node_type, "a node is none any more");
            n++;
        }
    }
    return n;
}

/* Make nodes that are kept, calling `change` before each, until the collector has begun, or ended. */
static void
make_until(const bool *flag, void (*change)(void))
{
    for (size_t i = 0; !*flag; i++) {
        REQUIRE(i < (size_t)MANY * 10, "no collection in slices within %zu objects", i);
        if (change != NULL) {
            change();
        }
        run.made = node_new(run.made, NULL);
        run.n_made++;
    }
}

static void
begin_slices(void)
{
    ouro_gc_set_threshold((const uint32_t[]){BATCH, 1, 1});
    ouro_gc_enable();
    make_until(&run.has_begun, NULL);
    REQUIRE(!run.has_ended, "it has ended when it began");
}

/* `n` rings of three nodes, garbage at once. */
static void
make_garbage(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ouro_ref last = node_new(NULL, NULL), first = node_new(node_new(ouro_incref(last), NULL), NULL);
        node_of((ouro_loan)last)->left = first;
        ouro_decref(last);
    }
}

/* The same, of objects that are old. */
static void
make_old_garbage(size_t n)
{
    ouro_ref keeper = row_new(n);
    for (size_t i = 0; i < n; i++) {
        ouro_ref ring = node_new(node_new(node_new(NULL, NULL), NULL), NULL);
        node_of((ouro_loan)node_of((ouro_loan)node_of((ouro_loan)ring)->left)->left)->left =
            ouro_incref((ouro_loan)ring);
        ((struct row *)keeper)->items[i] = ring;
    }
    ouro_gc_collect(2);
    ouro_decref(keeper);
    nodes_dead = 0;
}

static void
test_what_was_garbage_is_found(void **state)
{
    (void)state;
    make_old_garbage(MANY / 4);
    begin_slices();
    make_garbage(10); /* this one may wait for the next, or for a young one */
    make_until(&run.has_ended, NULL);
    assert_in_range(nodes_dead, MANY / 4 * 3, MANY / 4 * 3 + 30);
    /* It began when a quarter was new, and did not take for ever: looking ends before a quarter more is.  In `make stress`
     * all of that is needed, and batches are large beside it: the ones in which it begins, ends, and lets go. */
    size_t n_old = MANY + MANY / 4 * 3;
    assert_true(run.n_made < n_old / 4 + (n_old + n_old / 4) / 4 + 4 * (size_t)BATCH);
    ouro_gc_disable();
    ouro_gc_collect(2);
    assert_int_equal(nodes_dead, MANY / 4 * 3 + 30);
    assert_int_equal(count_bins(), MANY);
}

/* A chain's first node goes to another bin. */
static void
move_one(void)
{
    ouro_ref *from = &((struct row *)run.bins)->items[random_below(&run.random, BINS)];
    ouro_ref *to = &((struct row *)run.bins)->items[random_below(&run.random, BINS)];
    ouro_ref moved = *from;
    if (moved != NULL) {
        *from = node_of((ouro_loan)moved)->left;
        node_of((ouro_loan)moved)->left = *to;
        *to = moved;
    }
}

static void
move_ten(void)
{
    for (int i = 0; i < 10; i++) {
        move_one();
    }
}

static void
test_references_that_move(void **state)
{
    (void)state;
    make_old_garbage(1000);
    begin_slices();
    make_until(&run.has_ended, move_ten);
    assert_int_equal(nodes_dead, 3000);
    assert_int_equal(run.n_collected, 3000);
    assert_int_equal(count_bins(), MANY);
    run.has_begun = run.has_ended = false;
    make_until(&run.has_ended, move_ten);
    assert_int_equal(nodes_dead, 3000);
    assert_int_equal(count_bins(), MANY);
}

/* What the program lets go of meanwhile dies at once; what it lets go of as garbage, later. */
static void
drop_one(void)
{
    ouro_ref *bin = &((struct row *)run.bins)->items[random_below(&run.random, BINS)];
    if (*bin != NULL && random_below(&run.random, 8) == 0) {
        ouro_ref dropped = *bin;
        *bin = node_of((ouro_loan)dropped)->left;
        node_of((ouro_loan)dropped)->left = NULL;
        if (random_below(&run.random, 2) == 0) {
            node_of((ouro_loan)dropped)->right = ouro_incref((ouro_loan)dropped);
        }
        ouro_decref(dropped);
    }
}

static void
test_objects_that_go(void **state)
{
    (void)state;
    begin_slices();
    make_until(&run.has_ended, drop_one);
    for (int i = 0; i < 3; i++) {
        run.has_begun = run.has_ended = false;
        make_until(&run.has_ended, drop_one);
    }
    ouro_gc_disable();
    ouro_gc_collect(2);
    assert_true(nodes_dead > 0);
    assert_int_equal(count_bins() + nodes_dead, MANY);
}

/* ---- objects with very many references ---- */

static ouro_ref list;

static void
make_list(size_t n)
{
    list = ouro_list_new(0);
    for (size_t i = 0; i < n; i++) {
        REQUIRE(ouro_list_append_steal((ouro_loan)list, node_new(NULL, NULL)) == OURO_OK, "no memory");
    }
}

static void
change_list(void)
{
    static unsigned step;
    ouro_ref item;

    if (list == NULL) {
        return;
    }
    switch (step++ % 4) {
    case 0:
        REQUIRE(ouro_list_insert((ouro_loan)list, 0, (ouro_loan)run.bins) == OURO_OK, "no memory");
        break;
    case 1:
        item = ouro_list_pop((ouro_loan)list, 0);
        REQUIRE(item == run.bins, "another item");
        ouro_decref(item);
        break;
    case 2:
        REQUIRE(ouro_list_append_steal((ouro_loan)list, node_new(NULL, NULL)) == OURO_OK, "no memory");
        break;
    default:
        ouro_xdecref(ouro_list_pop((ouro_loan)list, SIZE_MAX));
    }
}

static void
test_a_large_list_changes(void **state)
{
    (void)state;
    size_t n = TEST_STRESSED ? 500 : 50000;
    make_list(n);
    begin_slices();
    make_until(&run.has_ended, change_list);
    assert_int_equal(run.n_collected, 0);
    assert_in_range(ouro_list_length((ouro_loan)list), n - 2, n + 2);
    for (size_t i = 0; i < n - 2; i++) {
        ouro_ref item = ouro_list_get((ouro_loan)list, i);
        REQUIRE(item == run.bins || ouro_type_of((ouro_loan)item) == node_type, "item %zu is no node",
                i);
        ouro_decref(item);
    }
    ouro_clear(&list);
    assert_int_equal(count_bins(), MANY);
}

static void
drop_list(void)
{
    if (list != NULL && random_below(&run.random, 3000) == 0) {
        ouro_clear(&list);
        make_list(TEST_STRESSED ? 100 : 10000); /* in the same place, likely */
    }
}

static void
test_a_large_list_goes(void **state)
{
    (void)state;
    make_list(TEST_STRESSED ? 500 : 50000);
    begin_slices();
    make_until(&run.has_ended, drop_list);
    assert_int_equal(run.n_collected, 0);
    ouro_clear(&list);
    assert_int_equal(count_bins(), MANY);
}

/* ---- what else may come in between ---- */

static void
test_a_full_collection_comes_first(void **state)
{
    (void)state;
    make_old_garbage(1000);
    begin_slices();
    assert_int_equal(ouro_gc_collect(2), 3000);
    assert_true(run.has_ended); /* given up: the other one found all */
    assert_int_equal(run.n_collected, 0);
    assert_int_equal(nodes_dead, 3000);
    assert_int_equal(count_bins(), MANY);
}

static void
test_young_ones_come_in_between(void **state)
{
    (void)state;
    begin_slices();
    while (!run.has_ended) {
        unsigned long before = nodes_dead;
        make_garbage(10);
        if (!run.has_ended) {
            assert_true(ouro_gc_collect(0) <= 30);
            assert_true(nodes_dead <= before + 60); /* of the new ones alone */
        }
    }
    ouro_gc_disable();
    ouro_gc_collect(2);
    assert_int_equal(nodes_dead % 30, 0);
    assert_int_equal(count_bins(), MANY);
}

static void
test_freezing(void **state)
{
    (void)state;
    make_old_garbage(1000);
    begin_slices();
    ouro_gc_freeze();
    make_until(&run.has_ended, NULL);
    assert_int_equal(nodes_dead, 0);
    ouro_gc_unfreeze();
    ouro_gc_disable();
    assert_int_equal(ouro_gc_collect(2), 3000);
    assert_int_equal(count_bins(), MANY);
}

static void
go_on_in_child(void *context)
{
    (void)context;
    make_until(&run.has_ended, move_ten);
    REQUIRE(nodes_dead == 3000, "%lu have died", nodes_dead);
    REQUIRE(count_bins() == (size_t)MANY, "%zu are left", count_bins());
}

static void
test_a_fork_comes_in_between(void **state)
{
    (void)state;
    make_old_garbage(1000);
    begin_slices();
    struct child_end end = child_run(go_on_in_child, NULL, 60);
    if (end.signal != 0 || end.code != 0) {
        fail_msg("the child ended with code %d, signal %d: %s", end.code, end.signal, end.text);
    }
    make_until(&run.has_ended, move_ten);
    assert_int_equal(nodes_dead, 3000);
    assert_int_equal(count_bins(), MANY);
}

/* ---- what is found ---- */

static unsigned n_called;

static ouro_status
count_call(ouro_loan weakref, ouro_loan context)
{
    (void)context;
    REQUIRE(ouro_weakref_get(weakref) == NULL, "it is not dead");
    n_called++;
    return OURO_OK;
}

static ouro_ref kept;

static ouro_status
keep(ouro_loan node)
{
    if (kept == NULL) {
        kept = ouro_incref(node);
    }
    return OURO_OK;
}

static void
test_finalizers_and_weak_references(void **state)
{
    ouro_ref refs[20], rings[20];

    (void)state;
    n_called = 0;
    node_on_finalize = keep;
    for (size_t i = 0; i < 20; i++) {
        rings[i] = node_new_final(node_new(NULL, NULL), NULL);
        node_of((ouro_loan)rings[i])->right = ouro_incref((ouro_loan)rings[i]);
        assert_int_equal(ouro_weakref_create((ouro_loan)rings[i], count_call, NULL, &refs[i]), OURO_OK);
    }
    ouro_gc_collect(2); /* they are old from now on */
    for (size_t i = 0; i < 20; i++) {
        ouro_decref(rings[i]);
    }
    begin_slices();
    make_until(&run.has_ended, NULL);
    assert_int_equal(n_called, 20); /* before any finalizer could keep one */
    assert_int_equal(nodes_finalized, 20);
    assert_int_equal(nodes_dead, 38);
    assert_int_equal(run.n_collected, 38);
    assert_non_null(node_of((ouro_loan)kept)->left);
    node_on_finalize = NULL;
    ouro_clear(&kept);
    ouro_gc_disable();
    assert_int_equal(ouro_gc_collect(2), 2);
    assert_int_equal(nodes_finalized, 20);
    for (size_t i = 0; i < 20; i++) {
        ouro_decref(refs[i]);
    }
}

static bool was_partly_gone;

static void
look_at_deaths(void)
{
    was_partly_gone |= nodes_dead > 0 && nodes_dead < (unsigned long)MANY / 4 * 3;
}

static void
test_letting_go_goes_on_in_slices(void **state)
{
    (void)state;
    if (TEST_STRESSED || TEST_THREAD_SANITIZED) {
        print_message("[   INFO   ] so few objects are let go of at once\n");
        return;
    }
    was_partly_gone = false;
    make_old_garbage(MANY / 4);
    begin_slices();
    make_until(&run.has_ended, look_at_deaths);
    assert_true(was_partly_gone);
    assert_int_equal(nodes_dead, MANY / 4 * 3);
}

/* ---- threads ---- */

struct mover {
    size_t first, last; /* bins */
    struct test_random random;
    bool *is_done; /* atomic */
};

static void
move_in_thread(void *context)
{
    struct mover *mover = context;
    ouro_ref *bins = ((struct row *)run.bins)->items + mover->first;
    size_t n = mover->last - mover->first;

    REQUIRE(ouro_thread_attach() == OURO_OK, "no memory");
    while (!__atomic_load_n(mover->is_done, __ATOMIC_RELAXED)) {
        ouro_ref *from = &bins[random_below(&mover->random, n)],
                 *to = &bins[random_below(&mover->random, n)];
        ouro_ref moved = *from;
        if (moved != NULL) {
            *from = node_of((ouro_loan)moved)->left;
            node_of((ouro_loan)moved)->left = *to;
            *to = moved;
        }
        ouro_decref(node_new(NULL, NULL));
        ouro_safepoint();
    }
    ouro_thread_detach();
}

static void
test_threads_move_references(void **state)
{
    struct mover movers[2];
    bool is_done = false;

    (void)state;
    make_old_garbage(1000);
    unsigned long before = nodes_dead;
    for (size_t i = 0; i < 2; i++) {
        movers[i] = (struct mover){BINS / 2 * i, BINS / 2 * (i + 1), {i + 1}, &is_done};
    }
    struct threads *threads = threads_start(2, move_in_thread, movers, sizeof movers[0]);
    begin_slices();
    make_until(&run.has_ended, NULL);
    __atomic_store_n(&is_done, true, __ATOMIC_RELAXED);
    ouro_thread_detach(); /* they may want the world to stop while this one waits */
    threads_join(threads);
    assert_int_equal(ouro_thread_attach(), OURO_OK);
    assert_int_equal(run.n_collected, 3000);
    assert_true(nodes_dead >= before + 3000);
    assert_int_equal(count_bins(), MANY);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_garbage_is_found),
        TEST(test_references_that_move),
        TEST(test_objects_that_go),
        TEST(test_a_large_list_changes),
        TEST(test_a_large_list_goes),
        TEST(test_a_full_collection_comes_first),
        TEST(test_young_ones_come_in_between),
        TEST(test_freezing),
        TEST(test_a_fork_comes_in_between),
        TEST(test_finalizers_and_weak_references),
        TEST(test_letting_go_goes_on_in_slices),
        TEST(test_threads_move_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
