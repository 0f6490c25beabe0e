/* test_gc_controls.c - what can be asked of the collector and told to it, and when it runs by itself.
 *
 * Each test names the one of CPython's Lib/test/test_gc.py that it follows. */
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "child.h"
#include "nodes.h"
#include "process.h"
#include "require.h"

static void
make_garbage(size_t n)
{
    while (n-- != 0) {
        ouro_decref(ring_new(NULL));
    }
}

static uint64_t
n_collections(void)
{
    ouro_gc_stats stats[OURO_GENERATIONS];
    ouro_gc_get_stats(stats);
    return stats[0].n_collections + stats[1].n_collections + stats[2].n_collections;
}

/* Make nodes that hold each other, and give back the last one. */
static ouro_ref
keep_nodes(size_t n)
{
    ouro_ref chain = NULL;
    while (n-- != 0) {
        chain = node_new(chain, NULL);
    }
    return chain;
}

static uint64_t n_in_slices;

static void
count_in_slices(const ouro_gc_event *event, void *context)
{
    (void)context;
    n_in_slices += event->in_slices && event->is_stop;
}

/* ---- by itself ---- */

static void
test_enable_and_disable(
    void **state) /* GCTests: gc.isenabled() in setUp and tearDown; GCTogglingTests.setUp */
{
    (void)state;
    assert_false(ouro_gc_is_enabled());
    ouro_gc_enable();
    assert_true(ouro_gc_is_enabled());
    ouro_gc_disable();
    ouro_gc_disable();
    assert_false(ouro_gc_is_enabled());
}

static void
test_none_while_disabled(void **state) /* GCTogglingTests.test_indirect_calls_with_gc_disabled */
{
    (void)state;
    uint64_t before = n_collections();
    make_garbage(1);
    ouro_ref kept = keep_nodes(10000);
    assert_int_equal(n_collections(), before);
    assert_int_equal(nodes_dead, 0);
    ouro_gc_enable(); /* and then soon */
    ouro_ref more = keep_nodes(10000);
    assert_true(n_collections() > before);
    assert_int_equal(nodes_dead, 1);
    ouro_decref(more);
    ouro_decref(kept);
}

static void
test_one_while_enabled(
    void **state) /* GCTogglingTests.test_bug1055820d: junk until something was collected */
{
    (void)state;
    ouro_gc_enable();
    uint64_t before = n_collections();
    make_garbage(1);
    ouro_ref kept = keep_nodes(10000);
    assert_true(n_collections() > before);
    assert_int_equal(nodes_dead, 1);
    ouro_decref(kept);
}

static void
test_no_threshold(
    void **state) /* gc.set_threshold(0): "setting threshold0 to zero disables collection" */
{
    (void)state;
    ouro_gc_enable();
    ouro_gc_set_threshold((const uint32_t[]){0, 10, 10});
    uint64_t before = n_collections();
    ouro_ref kept = keep_nodes(30000);
    assert_int_equal(n_collections(), before);
    assert_true(ouro_gc_is_enabled());
    make_garbage(1);
    assert_int_equal(ouro_gc_collect(2), 1); /* who asks gets one */
    ouro_decref(kept);
}

static void
test_thresholds(void **state) /* our own; gc.set_threshold(), gc.get_threshold() */
{
    uint32_t now[OURO_GENERATIONS];
    ouro_gc_stats before[OURO_GENERATIONS], after[OURO_GENERATIONS];

    (void)state;
    ouro_gc_set_threshold((const uint32_t[]){100, 3, 2});
    ouro_gc_get_threshold(now);
    assert_int_equal(now[0], 100);
    assert_int_equal(now[1], 3);
    assert_int_equal(now[2], 2);
    ouro_gc_enable();
    ouro_gc_collect(2);
    ouro_gc_get_stats(before);
    ouro_ref kept = keep_nodes(20000); /* 200 young ones */
    ouro_gc_get_stats(after);
    uint64_t n[OURO_GENERATIONS], all = 0;
    for (size_t g = 0; g < OURO_GENERATIONS; g++) {
        n[g] = after[g].n_collections - before[g].n_collections;
        all += n[g];
    }
    assert_in_range(all, 180, 220);
    assert_in_range(n[1] + n[2], all / 6, all / 3); /* each fifth at most is no young one */
    assert_true(n[2] > 0 && n[2] <= n[1]);
    ouro_decref(kept);
}

static void
test_at_every_allocation(void **state) /* our own: what the library does by itself in `make stress` */
{
    (void)state;
    ouro_gc_enable();
    ouro_gc_set_threshold((const uint32_t[]){1, 10, 10});
    ouro_ref kept = keep_nodes(2);
    uint64_t before = n_collections();
    n_in_slices = 0; /* those go on beside the others: in `make stress` a few objects are enough */
    assert_int_equal(ouro_gc_add_callback(count_in_slices, NULL), OURO_OK);
    kept = node_new(kept, keep_nodes(999));
    assert_int_equal(ouro_gc_remove_callback(count_in_slices, NULL), OURO_FOUND);
    assert_in_range(n_collections() - before - n_in_slices, 1000, 1001);
    assert_true(n_in_slices <= (TEST_STRESSED ? 20 : 0)); /* each comes when a quarter is new */
    ouro_decref(kept);
}

/* ---- counts ---- */

static void
check_count(uint32_t middle, uint32_t old)
{
    uint32_t count[OURO_GENERATIONS];
    ouro_gc_get_count(count);
    assert_int_equal(count[1], middle);
    assert_int_equal(count[2], old);
}

static void
test_counts_shift(void **state) /* GCTests.test_get_count, test_collect_generations */
{
    uint32_t before[OURO_GENERATIONS], after[OURO_GENERATIONS];

    (void)state;
    ouro_gc_collect(2);
    ouro_gc_get_count(before);
    check_count(0, 0);
    ouro_ref kept = keep_nodes(7);
    ouro_gc_get_count(after);
    assert_true(before[0] < 5);
    assert_int_equal(after[0], before[0] + 7);
    assert_int_equal(ouro_gc_collect(0), 0);
    ouro_gc_get_count(after);
    assert_int_equal(after[0], 0);
    check_count(1, 0);
    ouro_gc_collect(1);
    check_count(0, 1);
    ouro_gc_collect(0);
    ouro_gc_collect(0);
    check_count(2, 1);
    ouro_gc_collect(2);
    check_count(0, 0);
    ouro_decref(kept);
}

static void
test_stats(void **state) /* GCTests.test_get_stats */
{
    ouro_gc_stats before[OURO_GENERATIONS], after[OURO_GENERATIONS];

    (void)state;
    for (unsigned asked = 0; asked < OURO_GENERATIONS; asked++) {
        ouro_gc_get_stats(before);
        make_garbage(5);
        ouro_ref kept = keep_nodes(10);
        assert_int_equal(ouro_gc_collect(asked), 5);
        ouro_gc_get_stats(after);
        for (unsigned g = 0; g < OURO_GENERATIONS; g++) {
            unsigned is_it = g == asked;
            assert_int_equal(after[g].n_collections, before[g].n_collections + is_it);
            assert_int_equal(after[g].n_collected, before[g].n_collected + 5 * is_it);
            assert_int_equal(after[g].n_uncollectable, before[g].n_uncollectable);
            assert_true(after[g].n_visited >= before[g].n_visited + 15 * is_it);
            assert_true(is_it || after[g].total_ns == before[g].total_ns);
            assert_true(!is_it || after[g].total_ns > before[g].total_ns);
        }
        ouro_decref(kept);
    }
}

static ouro_status
resurrect_left(ouro_loan node)
{
    ouro_incref(node); /* for good: it holds itself, and this */
    return OURO_OK;
}

static void
test_resurrected_are_no_statistics(void **state) /* GCTests.test_38379 */
{
    ouro_gc_stats before[OURO_GENERATIONS], after[OURO_GENERATIONS];

    (void)state;
    node_on_finalize = resurrect_left;
    ouro_ref kept = node_new_final(ring_new(NULL), NULL);
    node_of(kept)->right = ouro_incref(kept);
    ouro_decref(node_of(node_of(kept)->left)->left); /* the ring: open again, held by the node alone */
    node_of(node_of(kept)->left)->left = NULL;
    ouro_decref(kept);
    make_garbage(3);
    ouro_gc_get_stats(before);
    assert_int_equal(ouro_gc_collect(2), 3);
    ouro_gc_get_stats(after);
    assert_int_equal(after[2].n_collected - before[2].n_collected, 3);
    assert_int_equal(nodes_dead, 3);
    ouro_decref(kept);
    assert_int_equal(ouro_gc_collect(2), 2);
}

/* ---- looking ---- */

struct search {
    const ouro_object *wanted;
    size_t n, n_wanted;
};

static int
look_for(ouro_loan object, void *context)
{
    struct search *search = context;
    search->n++;
    search->n_wanted += ouro_look(object) == search->wanted;
    return 0;
}

static bool
is_in_generation(ouro_loan object, int generation)
{
    struct search search = {.wanted = ouro_look(object)};
    assert_int_equal(ouro_gc_visit_objects(generation, look_for, &search), OURO_OK);
    assert_true(search.n_wanted <= 1);
    return search.n_wanted == 1;
}

static void
test_objects_grow_older(void **state) /* GCTests.test_get_objects, test_get_objects_gen1, _gen2 */
{
    (void)state;
    ouro_ref object = node_new(leaf_new(1), NULL);
    for (int age = 0; age < 4; age++) {
        for (int generation = 0; generation < 3; generation++) {
            assert_int_equal(is_in_generation(object, generation), generation == (age < 2 ? age : 2));
        }
        assert_true(is_in_generation(object, -1));
        assert_false(is_in_generation(ouro_lend(node_of(object)->left), -1)); /* a leaf */
        ouro_gc_collect(age < 2 ? (unsigned)age : 2);
    }
    ouro_decref(object);
}

static int
stop_at_third(ouro_loan object, void *context)
{
    (void)object;
    return ++*(int *)context == 3 ? 99 : 0;
}

static void
test_other_generations_are_refused(void **state) /* GCTests.test_get_objects_arguments */
{
    int n = 0;

    (void)state;
    assert_int_equal(ouro_gc_visit_objects(3, stop_at_third, &n), OURO_WRONG_VALUE);
    assert_int_equal(ouro_gc_visit_objects(-2, stop_at_third, &n), OURO_WRONG_VALUE);
    assert_int_equal(ouro_gc_visit_objects(1000, stop_at_third, &n), OURO_WRONG_VALUE);
    assert_int_equal(n, 0);
    ouro_ref kept = keep_nodes(10);
    assert_int_equal(ouro_gc_visit_objects(-1, stop_at_third, &n), 99);
    assert_int_equal(n, 3);
    ouro_decref(kept);
}

static size_t
count_referrers(ouro_loan object, ouro_loan wanted)
{
    struct search search = {.wanted = ouro_look(wanted)};
    assert_int_equal(ouro_gc_visit_referrers(object, look_for, &search), 0);
    assert_true(search.n_wanted <= 1);
    return search.n_wanted == 1 ? search.n : 100 + search.n;
}

static void
test_referrers(void **state) /* GCTests.test_get_referrers, test_get_referrers_on_capsule: leaves */
{
    (void)state;
    ouro_ref object = leaf_new(1), a = node_new(ouro_incref(object), ouro_incref(object));
    ouro_ref b = row_new(3), none = node_new(NULL, NULL);
    ((struct row *)b)->items[2] = ouro_incref(object);
    assert_int_equal(count_referrers(object, a), 2);
    assert_int_equal(count_referrers(object, b), 2);
    assert_int_equal(count_referrers(object, none), 102);
    ouro_clear(&((struct row *)b)->items[2]);
    assert_int_equal(count_referrers(object, a), 1);
    assert_int_equal(count_referrers(a, a), 100);
    ouro_ref ring = ring_new(NULL);
    assert_int_equal(count_referrers(ring, ring), 1);
    ouro_decref(ring);
    ouro_decref(a);
    ouro_decref(b);
    ouro_decref(none);
    ouro_decref(object);
}

static void
test_referents(void **state) /* GCTests.test_get_referents: through ouro_traverse() */
{
    (void)state;
    ouro_ref leaf = leaf_new(1), a = node_new(ouro_incref(leaf), NULL), row = row_new(4);
    struct search search = {.wanted = leaf};
    ouro_ref *items = ((struct row *)row)->items;
    items[0] = ouro_incref(leaf);
    items[1] = a;
    items[3] = ouro_incref(leaf);
    assert_int_equal(ouro_traverse(row, look_for, &search), 0);
    assert_int_equal(search.n, 3);
    assert_int_equal(search.n_wanted, 2);
    assert_int_equal(ouro_traverse(a, look_for, &search), 0); /* several arguments: several calls */
    assert_int_equal(search.n, 4);
    assert_int_equal(ouro_traverse(leaf, look_for, &search), 0); /* atoms have none */
    assert_int_equal(search.n, 4);
    ouro_decref(row);
    ouro_decref(leaf);
}

static void
test_tracked_and_finalized(void **state) /* GCTests.test_is_tracked, test_is_finalized */
{
    (void)state;
    ouro_ref leaf = leaf_new(1), node = node_new_final(NULL, NULL), row = row_new(0);
    assert_false(ouro_is_tracked(leaf));
    assert_true(ouro_is_tracked(node));
    assert_true(ouro_is_tracked(row));
    assert_true(ouro_is_tracked(ouro_type_of(node)));
    assert_false(ouro_is_finalized(leaf));
    assert_false(ouro_is_finalized(node));
    node_on_finalize = resurrect_left;
    ouro_decref(node);
    assert_true(ouro_is_finalized(node));
    ouro_decref(node);
    ouro_decref(leaf);
    ouro_decref(row);
}

/* GCTests.test_is_tracked: "atoms and leaf objects: no; instances, lists, sets: yes; subtypes always" */
static void
test_which_kinds_are_tracked(void **state)
{
    (void)state;
    ouro_ref leaves[] = {ouro_none(),
                         ouro_bool(true),
                         ouro_int_new(7),
                         ouro_int_new(INT64_MIN),
                         ouro_float_new(1.5),
                         ouro_str_new("text"),
                         ouro_bytes_new("bytes", 5),
                         ouro_bytearray_new("bytes", 5)};
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        assert_false(ouro_is_tracked(ouro_lend(leaves[i])));
        ouro_decref(leaves[i]);
    }
    ouro_ref frozen = NULL, types[3];
    assert_int_equal(ouro_frozenset_new(NULL, &frozen), OURO_OK);
    ouro_ref containers[] = {ouro_list_new(0), ouro_set_new(), frozen, ouro_tuple_new(1, NULL),
                             node_new(NULL, NULL)};
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++) {
        assert_true(ouro_is_tracked(ouro_lend(containers[i])));
        ouro_decref(containers[i]);
    }
    ouro_ref dict = ouro_dict_new();
    assert_false(ouro_is_tracked(ouro_lend(dict))); /* born untracked */
    ouro_decref(dict);
    ouro_loan bases[] = {ouro_dict_type(), ouro_list_type(), ouro_set_type()};
    for (size_t i = 0; i < 3; i++) {
        const ouro_type_spec spec = {.name = "sub", .base = bases[i], .size = 48};
        assert_int_equal(ouro_type_create(&spec, &types[i]), OURO_OK);
        ouro_ref object = ouro_new(ouro_lend(types[i]));
        assert_true(ouro_is_tracked(ouro_lend(object)));
        ouro_decref(object);
        ouro_decref(types[i]);
    }
}

/* Follows the collections that follow: which of `n` objects each still looks at. */
static void
check_tracked(ouro_ref const *objects, size_t n, unsigned generation, unsigned expected)
{
    unsigned tracked = 0;
    ouro_gc_collect(generation);
    for (size_t i = 0; i < n; i++) {
        tracked |= (unsigned)ouro_is_tracked(ouro_lend(objects[i])) << i;
    }
    assert_int_equal(tracked, expected);
}

/* test_tuple.TupleTest.test_track_dynamic, test_track_literals; test_dict.DictTest.test_track_dynamic */
static void
test_collections_untrack(void **state)
{
    (void)state;
    ouro_ref number = ouro_int_new(1), list = ouro_list_new(0), key = ouro_str_new("key");
    ouro_ref atoms = ouro_tuple_new(2, (ouro_loan const[]){ouro_lend(number), ouro_lend(key)});
    ouro_ref nested = ouro_tuple_new(2, (ouro_loan const[]){ouro_lend(number), ouro_lend(atoms)});
    ouro_ref holder = ouro_tuple_new(2, (ouro_loan const[]){ouro_lend(atoms), ouro_lend(list)});
    ouro_ref dict = ouro_dict_new(), dict_of_list = ouro_dict_new();
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(key), ouro_lend(list)), OURO_OK);
    assert_int_equal(ouro_dict_set(ouro_lend(dict_of_list), ouro_lend(key), ouro_lend(list)), OURO_OK);
    ouro_ref of_dict = ouro_tuple_new(1, (ouro_loan const[]){ouro_lend(dict)});
    ouro_ref objects[] = {atoms, nested, holder, dict, dict_of_list, of_dict};
    for (size_t i = 0; i < 6; i++) {
        assert_true(ouro_is_tracked(ouro_lend(objects[i])));
    }
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(key), ouro_lend(number)), OURO_OK);
    assert_true(ouro_is_tracked(ouro_lend(dict)));
    for (unsigned generation = 0; generation < 2; generation++) { /* tuples, from the inside */
        ouro_gc_collect(generation);
        assert_false(ouro_is_tracked(ouro_lend(atoms)));
    }
    check_tracked(objects, 6, 2, 1U << 2 | 1U << 4 | 1U << 5); /* and dicts, by a full one alone */
    check_tracked(objects, 6, 2,
                  1U << 2 | 1U << 4 | 1U << 5); /* a dict may be tracked again: so its tuple is */
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(key), ouro_lend(of_dict)), OURO_OK);
    assert_true(ouro_is_tracked(ouro_lend(dict)));
    ouro_decref(of_dict); /* a cycle of the two */
    ouro_decref(dict);
    assert_int_equal(ouro_gc_collect(2), 2);
    for (size_t i = 0; i < 3; i++) {
        ouro_decref(objects[i]);
    }
    ouro_decref(dict_of_list);
    ouro_decref(number);
    ouro_decref(list);
    ouro_decref(key);
}

static void
test_a_tuple_untracked_before_it_was_filled(void **state)
{
    (void)state;
    ouro_ref tuple = ouro_tuple_new(2, NULL);
    ouro_gc_collect(2);
    assert_false(ouro_is_tracked(ouro_lend(tuple)));
    ouro_tuple_fill(ouro_lend(tuple), 0, ouro_int_new(1));
    assert_false(ouro_is_tracked(ouro_lend(tuple)));
    ouro_ref list = ouro_list_new(0);
    assert_int_equal(ouro_list_append(ouro_lend(list), ouro_lend(tuple)), OURO_OK);
    ouro_tuple_fill(ouro_lend(tuple), 1, list);
    assert_true(ouro_is_tracked(ouro_lend(tuple)));
    ouro_decref(tuple);
    assert_int_equal(ouro_gc_collect(0), 2); /* and is young again */
}

/* ---- freezing ---- */

static void
test_freeze(void **state) /* GCTests.test_freeze */
{
    (void)state;
    assert_int_equal(ouro_gc_freeze_count(), 0);
    ouro_ref ring = ring_new(NULL), kept = keep_nodes(100);
    ouro_gc_freeze();
    size_t n = ouro_gc_freeze_count();
    assert_true(n > 100);
    assert_false(is_in_generation(kept, -1));
    ouro_decref(ring);
    assert_int_equal(ouro_gc_collect(2), 0); /* passed by */
    make_garbage(2);
    assert_int_equal(ouro_gc_collect(2), 2);
    assert_int_equal(ouro_gc_freeze_count(), n);
    ouro_decref(kept); /* counts work as ever */
    assert_int_equal(ouro_gc_freeze_count(), n - 100);
    ouro_gc_unfreeze();
    assert_int_equal(ouro_gc_freeze_count(), 0);
    assert_true(is_in_generation(ring, 2));
    assert_int_equal(ouro_gc_collect(1), 0);
    assert_int_equal(ouro_gc_collect(2), 1);
}

static void
test_frozen_hold_what_they_refer_to(void **state) /* GCTests.test_freeze, and what it must not do */
{
    (void)state;
    ouro_ref frozen = row_new(1);
    ouro_gc_freeze();
    ((struct row *)frozen)->items[0] = ring_new(NULL);
    for (unsigned generation = 0; generation < 3; generation++) {
        assert_int_equal(ouro_gc_collect(generation), 0);
    }
    assert_int_equal(nodes_dead, 0);
    ouro_decref(frozen);
    assert_int_equal(ouro_gc_collect(2), 1);
}

/* ---- callbacks ---- */

#define MAX_EVENTS 32

static struct {
    ouro_gc_event events[MAX_EVENTS];
    size_t n;
    bool collects, allocates;
    size_t found;
    ouro_ref kept;
} told;

static void
note_event(const ouro_gc_event *event, void *context)
{
    REQUIRE(context == &told, "another context");
    REQUIRE(told.n < MAX_EVENTS, "too many events");
    told.events[told.n++] = *event;
    if (told.collects) {
        told.found += ouro_gc_collect(2);
    }
    for (int i = 0; i < 5000 && told.allocates; i++) {
        told.kept = node_new(told.kept, NULL);
    }
}

static void
test_callbacks(
    void **state) /* GCCallbackTests.test_collect, test_collect_generation, test_collect_garbage */
{
    (void)state;
    memset(&told, 0, sizeof told);
    assert_int_equal(ouro_gc_add_callback(note_event, &told), OURO_OK);
    for (unsigned generation = 0; generation < 3; generation++) {
        make_garbage(2 + generation);
        ouro_gc_set_debug(generation == 2 ? OURO_GC_DEBUG_SAVEALL : 0);
        ouro_gc_collect(generation);
        assert_int_equal(told.n, 2);
        assert_false(told.events[0].is_stop);
        assert_true(told.events[1].is_stop);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(told.events[i].generation, generation);
        }
        assert_int_equal(told.events[0].n_collected + told.events[0].n_uncollectable, 0);
        assert_int_equal(told.events[1].n_collected, generation < 2 ? 2 + generation : 0);
        assert_int_equal(told.events[1].n_uncollectable, generation < 2 ? 0 : 4);
        told.n = 0;
    }
    ouro_gc_set_debug(0);
    assert_int_equal(ouro_gc_remove_callback(note_event, &told), OURO_FOUND);
    assert_int_equal(ouro_gc_remove_callback(note_event, &told), 0);
    ouro_gc_collect(2);
    assert_int_equal(told.n, 0);
    assert_int_equal(ouro_gc_garbage_count(), 4);
    for (ouro_ref object = ouro_gc_garbage_take(); object != NULL; object = ouro_gc_garbage_take()) {
        ouro_decref(object);
    }
    assert_int_equal(ouro_gc_collect(2), 4);
}

static void
test_callbacks_that_collect(
    void **state) /* GCCallbackTests.test_collect: gcstate->collecting holds them off */
{
    (void)state;
    memset(&told, 0, sizeof told);
    told.collects = true;
    assert_int_equal(ouro_gc_add_callback(note_event, &told), OURO_OK);
    make_garbage(1);
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(told.n, 2);
    assert_int_equal(told.found, 0);
    told.collects = false;
    told.allocates = true;
    ouro_gc_enable();
    told.n = 0;
    ouro_gc_collect(2);
    assert_int_equal(told.n, 2); /* no other collection began meanwhile */
    ouro_gc_disable();
    assert_int_equal(ouro_gc_remove_callback(note_event, &told), OURO_FOUND);
    ouro_clear(&told.kept);
}

static void
count_event(const ouro_gc_event *event, void *context)
{
    *(size_t *)context += event->is_stop ? 1 : 100;
}

static void
test_many_callbacks(void **state) /* GCCallbackTests: gc.callbacks is a list */
{
    size_t counts[9] = {0};

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(ouro_gc_add_callback(count_event, &counts[i]), OURO_OK);
    }
    assert_int_equal(ouro_gc_add_callback(count_event, &counts[8]), OURO_TOO_MANY);
    assert_int_equal(ouro_gc_remove_callback(count_event, &counts[3]), OURO_FOUND);
    ouro_gc_collect(0);
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(counts[i], i == 3 || i == 8 ? 0 : 101);
        ouro_gc_remove_callback(count_event, &counts[i]);
    }
}

/* ---- debugging ---- */

static void
test_save_all(void **state) /* GCTests.test_saveall */
{
    (void)state;
    assert_int_equal(ouro_gc_garbage_count(), 0);
    assert_null(ouro_gc_garbage_take());
    ouro_gc_set_debug(OURO_GC_DEBUG_SAVEALL);
    assert_int_equal(ouro_gc_get_debug(), OURO_GC_DEBUG_SAVEALL);
    ouro_ref final = node_new_final(NULL, leaf_new(1));
    node_of(final)->left = ouro_incref(final);
    ouro_decref(final);
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(ouro_gc_garbage_count(), 1);
    assert_int_equal(nodes_dead, 0);
    assert_int_equal(nodes_finalized, 1);
    assert_int_equal(ouro_gc_collect(2), 0); /* held by the garbage */
    ouro_gc_set_debug(0);
    assert_int_equal(ouro_gc_collect(2), 0);
    ouro_ref saved = ouro_gc_garbage_take();
    assert_ptr_equal(saved, final);
    assert_ptr_equal(node_of(saved)->left, final); /* nothing that it reaches was freed */
    assert_non_null(node_of(saved)->right);
    assert_int_equal(ouro_refcount(saved), 2);
    assert_int_equal(ouro_gc_garbage_count(), 0);
    assert_null(ouro_gc_garbage_take());
    ouro_decref(saved);
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(nodes_dead, 2);
    assert_int_equal(nodes_finalized, 1);
}

static void
test_save_many(void **state) /* GCTests.test_saveall */
{
    (void)state;
    ouro_gc_set_debug(OURO_GC_DEBUG_SAVEALL);
    make_garbage(30000);
    assert_int_equal(ouro_gc_collect(2), 30000);
    assert_int_equal(ouro_gc_garbage_count(), 30000);
    ouro_gc_set_debug(0);
    for (int i = 0; i < 30000; i++) {
        ouro_ref object = ouro_gc_garbage_take();
        assert_ptr_equal(node_of(object)->left, object);
        ouro_decref(object);
    }
    assert_int_equal(ouro_gc_collect(2), 30000);
}

static void
collect_with_debug(void *flags)
{
    ouro_gc_set_debug(*(const unsigned *)flags);
    make_garbage(1);
    ouro_gc_collect(2);
}

static void
test_debug_lines(
    void **state) /* GCTests.test_gc_debug_stats, and gc.DEBUG_COLLECTABLE, _UNCOLLECTABLE */
{
    static const struct {
        unsigned flags;
        const char *line;
    } each[] = {
        {0, NULL},
        {OURO_GC_DEBUG_SAVEALL, NULL},
        {OURO_GC_DEBUG_UNCOLLECTABLE, NULL},
        {OURO_GC_DEBUG_STATS, "gc: generation 2: "},
        {OURO_GC_DEBUG_COLLECTABLE, "gc: collectable node at "},
        {OURO_GC_DEBUG_SAVEALL | OURO_GC_DEBUG_UNCOLLECTABLE, "gc: uncollectable node at "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        unsigned flags = each[i].flags;
        struct child_end end = child_run(collect_with_debug, &flags, 20);
        assert_int_equal(end.code, 0);
        if (each[i].line == NULL) {
            assert_string_equal(end.text, "");
        } else {
            assert_non_null(strstr(end.text, each[i].line));
            assert_ptr_equal(strchr(end.text, '\n'), strrchr(end.text, '\n')); /* one line */
        }
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, gc_setup, gc_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_enable_and_disable),
        TEST(test_none_while_disabled),
        TEST(test_one_while_enabled),
        TEST(test_no_threshold),
        TEST(test_thresholds),
        TEST(test_at_every_allocation),
        TEST(test_counts_shift),
        TEST(test_stats),
        TEST(test_resurrected_are_no_statistics),
        TEST(test_objects_grow_older),
        TEST(test_other_generations_are_refused),
        TEST(test_referrers),
        TEST(test_referents),
        TEST(test_tracked_and_finalized),
        TEST(test_which_kinds_are_tracked),
        TEST(test_collections_untrack),
        TEST(test_a_tuple_untracked_before_it_was_filled),
        TEST(test_freeze),
        TEST(test_frozen_hold_what_they_refer_to),
        TEST(test_callbacks),
        TEST(test_callbacks_that_collect),
        TEST(test_many_callbacks),
        TEST(test_save_all),
        TEST(test_save_many),
        TEST(test_debug_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
