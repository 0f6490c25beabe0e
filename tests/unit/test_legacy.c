/* test_legacy.c - garbage with legacy finalizers, which must not run in a cycle, is kept with all that it reaches.
 *
 * Each test names the one of CPython's Lib/test/test_gc.py or test_finalization.py that it follows; there such types come
 * from Modules/_testcapimodule.c, with_tp_del(). */
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "nodes.h"
#include "process.h"
#include "require.h"

static ouro_loan legacy_type, heir_type;
static unsigned long n_finalized;

static ouro_status
count_finalized(ouro_loan self)
{
    (void)self;
    n_finalized++;
    return OURO_OK;
}

static void
count_dead(ouro_loan self)
{
    (void)self;
    nodes_dead++;
}

static ouro_loan
make_type(const char *name, ouro_loan base, uint32_t flags)
{
    const ouro_type_spec spec = {.name = name,
                                 .base = base,
                                 .size = sizeof(struct node),
                                 .n_fields = base == NULL ? 2 : 0,
                                 .fields = node_fields,
                                 .flags = flags,
                                 .finalize = count_finalized,
                                 .dealloc = base == NULL ? count_dead : NULL};
    return type_for_good(&spec);
}

static int
setup(void **state)
{
    int result = nodes_setup(state);
    if (legacy_type == NULL) {
        legacy_type = make_type("legacy", NULL, OURO_TYPE_LEGACY_FINALIZER | OURO_TYPE_BASE);
        heir_type = make_type("heir", legacy_type, 0);
    }
    ouro_gc_disable();
    ouro_gc_set_debug(0);
    ouro_gc_collect(2);
    REQUIRE(ouro_gc_garbage_count() == 0, "garbage of another test");
    nodes_dead = nodes_finalized = n_finalized = 0;
    return result;
}

static ouro_ref
legacy_new(ouro_loan type, ouro_ref left, ouro_ref right)
{
    ouro_ref made = ouro_new(type);
    REQUIRE(made != NULL, "no memory");
    node_of(made)->left = left;
    node_of(made)->right = right;
    return made;
}

/* Take all garbage out, break the cycles there, and collect the rest. */
static void
empty_garbage(void)
{
    for (ouro_ref object = ouro_gc_garbage_take(); object != NULL; object = ouro_gc_garbage_take()) {
        ouro_clear(&node_of(object)->left);
        ouro_clear(&node_of(object)->right);
        ouro_decref(object);
    }
    ouro_gc_collect(2);
}

static void
test_ordinary_end(void **state) /* LegacyFinalizationTestCase.test_legacy */
{
    (void)state;
    ouro_ref object = legacy_new(legacy_type, leaf_new(1), NULL);
    ouro_decref(object);
    assert_int_equal(n_finalized, 1);
    assert_int_equal(nodes_dead, 2);
}

static void
test_self_cycle(
    void **state) /* LegacyFinalizationTestCase.test_legacy_self_cycle; GCTests.test_legacy_finalizer */
{
    (void)state;
    for (int inherited = 0; inherited < 2; inherited++) {
        ouro_gc_stats before[OURO_GENERATIONS], after[OURO_GENERATIONS];
        nodes_dead = n_finalized = 0;
        ouro_ref object = legacy_new(inherited ? heir_type : legacy_type, NULL, leaf_new(1));
        ouro_ref weakref = NULL;
        assert_int_equal(ouro_weakref_create(object, NULL, NULL, &weakref), OURO_OK);
        node_of(object)->left = ouro_incref(object);
        ouro_gc_get_stats(before);
        ouro_decref(object);
        assert_int_equal(ouro_gc_collect(2), 1);
        ouro_gc_get_stats(after);
        assert_int_equal(after[2].n_uncollectable - before[2].n_uncollectable, 1);
        assert_int_equal(after[2].n_collected - before[2].n_collected, 0);
        assert_int_equal(ouro_gc_garbage_count(), 1);
        assert_int_equal(n_finalized + nodes_dead, 0);
        ouro_ref same = ouro_weakref_get(weakref); /* it is not dead */
        assert_ptr_equal(same, object);
        ouro_decref(same);
        assert_int_equal(ouro_gc_collect(2), 0); /* the garbage holds it: it is put there once */
        assert_int_equal(ouro_gc_garbage_count(), 1);
        ouro_ref taken = ouro_gc_garbage_take();
        assert_ptr_equal(taken, object);
        assert_false(ouro_is_finalized(taken));
        ouro_clear(&node_of(taken)->left); /* the cycle is broken: it ends as others do */
        assert_int_equal(n_finalized, 0);
        ouro_decref(taken);
        assert_int_equal(n_finalized, 1);
        assert_int_equal(nodes_dead, 2);
        assert_null(ouro_weakref_get(weakref));
        ouro_decref(weakref);
    }
}

static void
test_what_it_reaches(void **state) /* GCTests.test_legacy_finalizer_newclass: the rest goes */
{
    (void)state;
    /* Trash of three parts: what leads to the legacy object, that one, and what it leads to. */
    ouro_ref before = node_new(NULL, NULL), after = node_new_final(NULL, NULL);
    ouro_ref legacy = legacy_new(legacy_type, NULL, ouro_incref(after));
    node_of(legacy)->left = ouro_incref(legacy);
    node_of(before)->left = ouro_incref(before);
    node_of(before)->right = ouro_incref(legacy);
    node_of(after)->left = ouro_incref(after);
    ouro_ref to_before = NULL, to_after = NULL;
    assert_int_equal(ouro_weakref_create(before, NULL, NULL, &to_before), OURO_OK);
    assert_int_equal(ouro_weakref_create(after, NULL, NULL, &to_after), OURO_OK);
    ouro_decref(before);
    ouro_decref(legacy);
    ouro_decref(after);
    assert_int_equal(ouro_gc_collect(2), 3);
    assert_int_equal(nodes_dead, 1); /* `before` alone */
    assert_int_equal(nodes_finalized + n_finalized, 0);
    assert_null(ouro_weakref_get(to_before));
    ouro_ref same = ouro_weakref_get(to_after);
    assert_ptr_equal(same, after);
    ouro_decref(same);
    assert_int_equal(ouro_gc_garbage_count(), 1); /* not what it reaches */
    empty_garbage();
    assert_int_equal(nodes_dead, 3);
    assert_int_equal(nodes_finalized, 1);
    assert_int_equal(n_finalized, 1);
    ouro_decref(to_before);
    ouro_decref(to_after);
}

static void
test_reached_from_another(void **state) /* both go in, also where one reaches the other */
{
    (void)state;
    for (int generation = 0; generation < 3; generation++) {
        ouro_ref a = legacy_new(legacy_type, NULL, NULL);
        ouro_ref b = legacy_new(heir_type, ouro_incref(a), NULL);
        node_of(a)->left = b;
        nodes_dead = 0;
        ouro_decref(a);
        assert_int_equal(ouro_gc_collect((unsigned)generation), 2);
        assert_int_equal(ouro_gc_garbage_count(), 2);
        empty_garbage();
        assert_int_equal(nodes_dead, 2);
    }
}

#define N_LONG (TEST_THREAD_SANITIZED || TEST_STRESSED ? 30000 : 1000000)

static void
test_long_reach(void **state) /* as far as one likes, wherever the objects lie */
{
    (void)state;
    ouro_ref chain = NULL, first = NULL;
    for (size_t i = 0; i < N_LONG; i++) {
        chain = node_new(chain, NULL);
        if (i == N_LONG / 2) {
            first = ouro_incref(chain);
        }
    }
    ouro_ref legacy = legacy_new(legacy_type, NULL, chain), wide = row_new(20000);
    node_of(legacy)->left = ouro_incref(legacy);
    for (size_t i = 0; i < 20000; i++) {
        ((struct row *)wide)->items[i] = node_new(i % 2 ? ouro_incref(legacy) : NULL, NULL);
    }
    ouro_ref node =
        first; /* the end of the chain holds the row, each second node of which holds the beginning */
    while (node_of(node)->left != NULL) {
        node = node_of(node)->left;
    }
    node_of(node)->left = wide;
    ouro_decref(first);
    ouro_decref(legacy);
    assert_int_equal(ouro_gc_collect(2), N_LONG + 20000 + 2);
    assert_int_equal(ouro_gc_garbage_count(), 1);
    assert_int_equal(nodes_dead, 0);
    empty_garbage();
    assert_int_equal(nodes_dead, N_LONG + 20000 + 2);
}

static unsigned n_told;

static ouro_status
count_told(ouro_loan weakref, ouro_loan context)
{
    (void)weakref, (void)context;
    n_told++;
    return OURO_OK;
}

static void
test_callbacks_of_what_is_kept(void **state) /* are not called, since it lives */
{
    ouro_ref weakref = NULL, inner = NULL;

    (void)state;
    n_told = 0;
    ouro_ref object = legacy_new(legacy_type, NULL, NULL), other = node_new(NULL, NULL);
    node_of(object)->left = ouro_incref(object);
    assert_int_equal(ouro_weakref_create(object, count_told, NULL, &weakref), OURO_OK);
    assert_int_equal(ouro_weakref_create(other, count_told, NULL, &inner), OURO_OK);
    node_of(object)->right = inner; /* kept with it, and still watching */
    ouro_decref(object);
    assert_int_equal(ouro_gc_collect(2), 2);
    assert_int_equal(n_told, 0);
    ouro_decref(other);
    assert_int_equal(n_told, 1);
    empty_garbage();
    assert_int_equal(n_told, 2);
    ouro_decref(weakref);
}

static void
test_alive_is_no_garbage(void **state) /* what is held from outside is not looked at twice */
{
    (void)state;
    ouro_ref object = legacy_new(legacy_type, NULL, NULL);
    node_of(object)->left = ouro_incref(object);
    assert_int_equal(ouro_gc_collect(2), 0);
    assert_int_equal(ouro_gc_garbage_count(), 0);
    ouro_clear(&node_of(object)->left);
    ouro_decref(object);
    assert_int_equal(n_finalized, 1);
}

static void
test_automatic(void **state) /* in slices as well: many, among garbage that goes */
{
    enum { N = TEST_STRESSED ? 10 : 300 };

    (void)state;
    ouro_gc_enable();
    for (size_t i = 0; i < N; i++) {
        ouro_ref object = legacy_new(legacy_type, NULL, leaf_new(i));
        node_of(object)->left = ouro_incref(object);
        ouro_decref(object);
        for (int k = 0; k < 2000; k++) {
            ouro_ref ring = node_new(NULL, NULL);
            node_of(ring)->left = ouro_incref(ring);
            ouro_decref(ring);
        }
    }
    ouro_gc_collect(2);
    ouro_gc_disable();
    assert_int_equal(ouro_gc_garbage_count(), N);
    assert_int_equal(nodes_dead, N * 2000);
    empty_garbage();
    assert_int_equal(nodes_dead, N * 2002);
    assert_int_equal(n_finalized, N);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ordinary_end),         TEST(test_self_cycle), TEST(test_what_it_reaches),
        TEST(test_reached_from_another), TEST(test_long_reach), TEST(test_callbacks_of_what_is_kept),
        TEST(test_alive_is_no_garbage),  TEST(test_automatic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
