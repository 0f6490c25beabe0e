/* test_gc_types.c - types are objects, which the collector frees after the last of theirs.
 *
 * Each test names the one of CPython's Lib/test/test_gc.py that it follows. */
#include "cm.h"
#include "nodes.h"
#include "require.h"

static unsigned n_of_base;

static void
count_base(ouro_loan object)
{
    (void)object;
    n_of_base++;
}

static ouro_ref
type_new(const char *name, ouro_loan base, uint32_t flags)
{
    const ouro_type_spec spec = {.name = name,
                                 .base = base,
                                 .size = sizeof(struct node),
                                 .n_fields = base == NULL ? 2 : 0,
                                 .fields = node_fields,
                                 .flags = flags,
                                 .dealloc = count_base};
    ouro_ref type = NULL;
    assert_int_equal(ouro_type_create(&spec, &type), OURO_OK);
    return type;
}

static int
count_type(ouro_loan object, void *context)
{
    *(size_t *)context += ouro_type_of(object) == ouro_type_of(node_type);
    return 0;
}

static size_t
n_types(void)
{
    size_t n = 0;
    assert_int_equal(ouro_gc_visit_objects(-1, count_type, &n), 0);
    return n;
}

static void
test_type_goes_after_its_last_object(
    void **state) /* GCTests.test_newinstance: the class, then the instance */
{
    (void)state;
    for (unsigned flags = 0; flags <= OURO_TYPE_LEAF; flags += OURO_TYPE_LEAF) {
        size_t before = n_types();
        n_of_base = 0;
        ouro_ref type = type_new("brief", NULL, flags), object = ouro_new(type);
        assert_int_equal(n_types(), before + 1);
        ouro_decref(type);
        for (unsigned generation = 0; generation < 3; generation++) {
            assert_int_equal(ouro_gc_collect(generation), 0);
        }
        assert_string_equal(ouro_type_name(ouro_type_of(object)), "brief");
        assert_int_equal(n_types(), before + 1);
        ouro_decref(object);
        assert_int_equal(n_of_base, 1);
        assert_int_equal(ouro_gc_collect(1), 0);
        assert_int_equal(ouro_gc_collect(2), 1); /* the type */
        assert_int_equal(n_types(), before);
    }
}

static void
test_type_that_had_no_object(void **state) /* GCTests.test_class, test_newstyleclass */
{
    (void)state;
    size_t before = n_types();
    ouro_ref type = type_new("never", NULL, 0);
    assert_int_equal(ouro_gc_collect(2), 0);
    ouro_decref(type);
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(n_types(), before);
}

static void
test_type_in_a_cycle_with_its_objects(void **state) /* GCTests.test_newinstance, test_class */
{
    (void)state;
    size_t before = n_types();
    ouro_ref type = type_new("cyclic", NULL, 0), nodes[100];
    n_of_base = 0;
    for (size_t i = 0; i < 100; i++) { /* each holds the type, which lives for them, and the next */
        nodes[i] = ouro_new(type);
        node_of(nodes[i])->right = ouro_incref(type);
    }
    for (size_t i = 0; i < 100; i++) {
        node_of(nodes[i])->left = nodes[(i + 1) % 100];
    }
    ouro_decref(type);
    size_t found = ouro_gc_collect(2);
    assert_int_equal(n_of_base, 100);
    found += ouro_gc_collect(2);
    assert_int_equal(found, 101);
    assert_int_equal(n_types(), before);
}

static void
test_subtypes_go_with_their_bases(void **state) /* GCTests.test_newstyleclass, with a base */
{
    (void)state;
    size_t before = n_types();
    ouro_ref base = type_new("base", NULL, OURO_TYPE_BASE),
             middle = type_new("middle", base, OURO_TYPE_BASE);
    ouro_ref sub = type_new("sub", middle, 0), object = ouro_new(sub);
    n_of_base = 0;
    node_of(object)->left = ouro_incref(object);
    node_of(object)->right = ouro_new(base);
    ouro_decref(base);
    ouro_decref(middle);
    ouro_decref(sub);
    assert_int_equal(ouro_gc_collect(2), 0);
    assert_true(ouro_is_a(object, ouro_type_of(ouro_lend(node_of(object)->right))));
    ouro_decref(object);
    size_t found = ouro_gc_collect(2);
    assert_int_equal(n_of_base, 4); /* all three functions for the one, one for the other */
    found += ouro_gc_collect(2);
    assert_int_equal(found, 5);
    assert_int_equal(n_types(), before);
}

static ouro_ref revived;

static ouro_status
revive(ouro_loan self)
{
    revived = ouro_incref(self);
    return OURO_OK;
}

static void
test_resurrected_object_keeps_its_type(void **state) /* GCTests.test_resurrection_is_transitive */
{
    static const ouro_field fields[] = {OURO_FIELD(struct node, left)};
    const ouro_type_spec spec = {.name = "undead",
                                 .size = sizeof(struct node),
                                 .n_fields = 1,
                                 .fields = fields,
                                 .finalize = revive};
    ouro_ref type = NULL;

    (void)state;
    size_t before = n_types();
    assert_int_equal(ouro_type_create(&spec, &type), OURO_OK);
    ouro_ref object = ouro_new(type);
    node_of(object)->left = ouro_incref(object);
    ouro_decref(type);
    ouro_decref(object);
    assert_int_equal(ouro_gc_collect(2), 0);
    assert_ptr_equal(revived, object);
    assert_string_equal(ouro_type_name(ouro_type_of(revived)), "undead");
    ouro_ref another = ouro_new(ouro_type_of(revived));
    ouro_clear(&revived);
    assert_int_equal(ouro_gc_collect(2), 1); /* the type lives for the other one */
    assert_int_equal(ouro_gc_collect(2), 0);
    ouro_decref(another); /* its finalizer comes now */
    assert_int_equal(n_types(), before + 1);
    ouro_clear(&revived);
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(n_types(), before);
}

static ouro_object *cleared;

static void
take_what_was_cleared(ouro_loan leaf)
{
    (void)leaf;
    revived = ouro_incref((ouro_loan)cleared);
}

static void
test_cleared_object_keeps_its_type(
    void **state) /* GCTests.test_function_tp_clear_leaves_consistent_state */
{
    const ouro_type_spec spec = {
        .name = "taker", .size = 32, .flags = OURO_TYPE_LEAF, .dealloc = take_what_was_cleared};
    ouro_ref taker_type = NULL;

    (void)state;
    size_t before = n_types();
    assert_int_equal(ouro_type_create(&spec, &taker_type), OURO_OK);
    ouro_ref type = type_new("taken", NULL, 0), object = ouro_new(type);
    n_of_base = 0;
    node_of(object)->left = ouro_incref(object);
    node_of(object)->right = ouro_new(taker_type); /* its end, while the other is cleared, takes it */
    cleared = object;
    ouro_decref(type);
    ouro_decref(taker_type);
    ouro_decref(object);
    ouro_gc_collect(2);
    assert_int_equal(n_of_base, 0);
    assert_string_equal(ouro_type_name(ouro_type_of(revived)), "taken");
    assert_null(node_of(revived)->left);
    ouro_clear(&revived);
    assert_int_equal(n_of_base, 1);
    ouro_gc_collect(2);
    assert_int_equal(n_types(), before);
}

static ouro_status
collect_in_depth(ouro_loan weakref, ouro_loan context)
{
    (void)weakref, (void)context;
    ouro_ref type = type_new("deep", NULL, 0);
    for (int i = 0; i < 10; i++) {
        ouro_ref object = ouro_new(type);
        node_of(object)->left = ouro_incref(object);
        node_of(object)->right = ouro_incref(type);
        ouro_decref(object);
    }
    ouro_decref(type);
    ouro_gc_collect(2);
    return OURO_OK;
}

static void
test_types_end_deep_inside_another_end(void **state) /* GCTests.test_trashcan, with classes */
{
    ouro_ref weakref = NULL, chain = NULL;

    (void)state;
    size_t before = n_types();
    n_of_base = 0;
    for (int i = 0; i < 64; i++) {
        chain = node_new(chain, NULL);
        if (i == 0) {
            assert_int_equal(ouro_weakref_create(chain, collect_in_depth, NULL, &weakref), OURO_OK);
        }
    }
    ouro_decref(chain); /* the last one's end is 64 deep: what dies in it waits */
    assert_int_equal(n_of_base, 10);
    ouro_gc_collect(2);
    assert_int_equal(n_types(), before);
    ouro_decref(weakref);
}

static void
test_many_types(void **state) /* our own: their numbers are used again */
{
    (void)state;
    size_t before = n_types();
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 1000; i++) {
            ouro_ref type = type_new("one of many", NULL, i & 1 ? OURO_TYPE_LEAF : 0);
            ouro_decref(ouro_new(type));
            ouro_decref(type);
        }
        assert_int_equal(ouro_gc_collect(2), 1000);
    }
    assert_int_equal(n_types(), before);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, gc_setup, gc_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_type_goes_after_its_last_object),   TEST(test_type_that_had_no_object),
        TEST(test_type_in_a_cycle_with_its_objects),  TEST(test_subtypes_go_with_their_bases),
        TEST(test_resurrected_object_keeps_its_type), TEST(test_cleared_object_keeps_its_type),
        TEST(test_types_end_deep_inside_another_end), TEST(test_many_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
