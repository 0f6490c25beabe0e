/* test_nesting.c - containers, instances and closures that lie a million deep inside each other die without deep recursion.
 *
 * Follows CPython's Lib/test/test_gc.py, GCTests.test_trashcan and test_trashcan_threads, Lib/test/test_list.py and others,
 * test_repr_deep.
 *
 * ctest: timeout=600 */
#include <pthread.h>

#include "cm.h"
#include "names.h"
#include "process.h"
#include "require.h"

#define DEEP                                                                                           \
    (TEST_STRESSED ? 10000 : TEST_THREAD_SANITIZED || TEST_ADDRESS_SANITIZED ? 200000 : 1000000)

enum kind {
    LISTS,
    TUPLES,
    DICTS,
    KEYS,
    SETS,
    FROZENSETS,
    INSTANCES,
    CLOSED, /* instances with slots alone */
    APART,  /* instances with a dict */
    METHODS,
    FUNCTIONS,
    CELLS,
    NODES,
    MIXED,
    N_KINDS = MIXED
};

static ouro_loan open_class, closed_class, function;

static ouro_ref
wrap_in_instance(enum kind kind, ouro_loan inner)
{
    ouro_ref outer = instance_new(kind == CLOSED ? closed_class : open_class), dict = NULL;
    attribute_set(ouro_lend(outer), name_of(0), ouro_incref(inner));
    if (kind == APART) {
        REQUIRE(ouro_instance_dict(ouro_lend(outer), &dict) == OURO_OK, "no memory");
        ouro_decref(dict);
    }
    return outer;
}

/* A container of the kind with one item, which is stolen. */
static ouro_ref
wrap(enum kind kind, ouro_ref inner)
{
    ouro_ref outer = NULL, other = NULL;
    ouro_status status = OURO_OK;

    switch (kind) {
    case LISTS:
        outer = ouro_list_new(1);
        status = ouro_list_append(ouro_lend(outer), ouro_lend(inner));
        break;
    case TUPLES:
        outer = ouro_tuple_new(1, (ouro_loan[]){ouro_lend(inner)});
        break;
    case DICTS:
        outer = ouro_dict_new();
        status = ouro_dict_set(ouro_lend(outer), ouro_lend(ouro_none()), ouro_lend(inner));
        break;
    case KEYS: /* a dict has no hash: what has holds it */
        other = node_new(ouro_incref(ouro_lend(inner)), NULL);
        outer = ouro_dict_new();
        status = ouro_dict_set(ouro_lend(outer), ouro_lend(other), ouro_lend(ouro_none()));
        break;
    case SETS:
        other = node_new(ouro_incref(ouro_lend(inner)), NULL);
        outer = ouro_set_new();
        status = ouro_set_add(ouro_lend(outer), ouro_lend(other));
        break;
    case FROZENSETS: {
        other = node_new(ouro_incref(ouro_lend(inner)), NULL);
        ouro_ref items = ouro_list_new(1);
        REQUIRE(ouro_list_append(ouro_lend(items), ouro_lend(other)) == OURO_OK, "no memory");
        status = ouro_frozenset_new(ouro_lend(items), &outer);
        ouro_decref(items);
        break;
    }
    case INSTANCES:
    case CLOSED:
    case APART:
        outer = wrap_in_instance(kind, ouro_lend(inner));
        break;
    case METHODS:
        status = ouro_method_create(function, ouro_lend(inner), &outer);
        break;
    case FUNCTIONS:
        outer = function_new(do_nothing, ouro_lend(inner));
        break;
    case CELLS:
        outer = ouro_cell_new(ouro_lend(inner));
        break;
    default:
        outer = node_new_final(ouro_incref(ouro_lend(inner)), NULL);
        break;
    }
    REQUIRE(status == OURO_OK && outer != NULL, "no memory");
    ouro_xdecref(other);
    ouro_decref(inner);
    return outer;
}

/* So many inside each other, the innermost a node that is counted. */
static ouro_ref
nest(enum kind kind, size_t n)
{
    ouro_ref nested = node_new(NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        nested = wrap(kind == MIXED ? (enum kind)(i % N_KINDS) : kind, nested);
    }
    return nested;
}

static void
drop_each_kind(void *unused)
{
    (void)unused;
    for (enum kind kind = 0; kind <= MIXED; kind++) {
        unsigned long dead = nodes_dead, finalized = nodes_finalized;
        bool has_nodes = kind == KEYS || kind == SETS || kind == FROZENSETS || kind == NODES;
        ouro_decref(nest(kind, DEEP));
        if (kind != MIXED) {
            REQUIRE(nodes_dead - dead == 1UL + (has_nodes ? DEEP : 0), "kind %d: %lu have ended", kind,
                    nodes_dead - dead);
            REQUIRE(nodes_finalized - finalized == (kind == NODES ? DEEP : 0), "%lu were finalized",
                    nodes_finalized - finalized);
        }
    }
}

static void
test_each_kind(void **state)
{
    (void)state;
    drop_each_kind(NULL);
}

/* As parts of trash, too: a cycle with a tail. */
static void
test_in_trash(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind <= MIXED; kind++) {
        nodes_dead = 0;
        ouro_ref ring = ring_new(nest(kind, DEEP / 4));
        assert_int_equal(nodes_dead, 0);
        assert_true(drop_and_collect(ring) > DEEP / 4);
        assert_true(nodes_dead >= 2);
    }
}

static ouro_status
collect_sometimes(ouro_loan node)
{
    static unsigned long n;
    (void)node;
    if (n++ % (DEEP / 8) == 0) {
        (void)ouro_gc_collect((unsigned)(n % 3));
    }
    return OURO_OK;
}

/* GCTests.test_trashcan: "collections run inside finalizers"; finalizers run = objects made. */
static void
test_collections_in_finalizers(void **state)
{
    (void)state;
    node_on_finalize = collect_sometimes;
    ouro_decref(nest(NODES, DEEP));
    assert_int_equal(nodes_finalized, DEEP);
    assert_int_equal(nodes_dead, DEEP + 1);
    ouro_ref ring = ring_new(nest(MIXED, DEEP / 2));
    size_t before = nodes_finalized;
    drop_and_collect(ring);
    assert_int_equal(nodes_finalized - before, DEEP / 2 / N_KINDS);
    node_on_finalize = NULL;
}

static void *
attach_and_drop(void *unused)
{
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    drop_each_kind(unused);
    ouro_thread_detach();
    return NULL;
}

/* GCTests.test_trashcan_threads, on a stack that deep recursion would soon leave. */
static void
test_on_a_small_stack(void **state)
{
    pthread_attr_t attributes;
    pthread_t thread;

    (void)state;
    pthread_attr_init(&attributes);
    assert_int_equal(pthread_attr_setstacksize(&attributes, 256 << 10), 0);
    ouro_thread_detach();
    assert_int_equal(pthread_create(&thread, &attributes, attach_and_drop, NULL), 0);
    pthread_join(thread, NULL);
    assert_int_equal(ouro_thread_attach(), OURO_OK);
    pthread_attr_destroy(&attributes);
}

static int
make_classes(void **state)
{
    (void)nodes_setup(state);
    open_class = ouro_lend(class_new("open", NULL, 0, false));
    closed_class = ouro_lend(class_new("closed", NULL, 1, true));
    function = ouro_lend(function_new(do_nothing, NULL));
    return 0;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, gc_setup, gc_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_kind),
        TEST(test_in_trash),
        TEST(test_collections_in_finalizers),
        TEST(test_on_a_small_stack),
    };
    return cmocka_run_group_tests(tests, make_classes, NULL);
}
