/* test_gc.c - what only holds itself is found, all of it and nothing else, and counted exactly: small cycles of every
 * shape.
 *
 * Each test names the one of CPython's Lib/test/test_gc.py that it follows; where it names none it is our own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "child.h"
#include "nodes.h"
#include "require.h"

static void make_types(void);

static int
setup(void **state)
{
    int result = gc_setup(state);
    make_types();
    return result;
}

/* ---- small cycles ---- */

/* Pairs behind a pointer, as a dict has them. */
struct table {
    ouro_object head;
    size_t n;
    ouro_ref (*pairs)[2];
};

static void
free_pairs(ouro_loan table)
{
    free(((struct table *)ouro_look(table))->pairs);
    nodes_dead++;
}

/* A node whose references only functions know. */
static int
traverse_hidden(ouro_loan self, ouro_visitor visit, void *context)
{
    const struct node *node = node_of(self);
    int result = node->left != NULL ? visit(ouro_lend(node->left), context) : 0;
    return result == 0 && node->right != NULL ? visit(ouro_lend(node->right), context) : result;
}

static void
clear_hidden(ouro_loan self)
{
    ouro_clear(&node_of(self)->left);
    ouro_clear(&node_of(self)->right);
}

static void
count_end(ouro_loan self)
{
    (void)self;
    nodes_dead++;
}

static ouro_loan table_type, hidden_type, base_type, sub_type;

static void
make_types(void)
{
    static const ouro_field pairs[] = {
        OURO_FIELD_ARRAY(struct table, pairs, n, *((struct table *)0)->pairs, 2)};
    static const ouro_field left[] = {OURO_FIELD(struct node, left)};
    static const ouro_field right[] = {OURO_FIELD(struct node, right)};
    const ouro_type_spec specs[] = {
        {.name = "table",
         .size = sizeof(struct table),
         .n_fields = 1,
         .fields = pairs,
         .dealloc = free_pairs},
        {.name = "hidden",
         .size = sizeof(struct node),
         .traverse = traverse_hidden,
         .clear = clear_hidden,
         .dealloc = count_end},
        {.name = "base",
         .size = offsetof(struct node, right),
         .n_fields = 1,
         .fields = left,
         .flags = OURO_TYPE_BASE},
        {.name = "sub",
         .size = sizeof(struct node),
         .n_fields = 1,
         .fields = right,
         .dealloc = count_end},
    };
    ouro_loan *types[] = {&table_type, &hidden_type, &base_type, &sub_type};

    for (size_t i = 0; i < 4 && sub_type == NULL; i++) {
        ouro_type_spec spec = specs[i];
        ouro_ref type = NULL;
        spec.base = i == 3 ? base_type : NULL;
        REQUIRE(ouro_type_create(&spec, &type) == OURO_OK, "no type");
        *types[i] = ouro_lend(type);
    }
}

static ouro_ref
table_new(size_t n)
{
    ouro_ref object = ouro_new(table_type);
    struct table *table = (struct table *)object;
    table->pairs = calloc(n, sizeof *table->pairs);
    table->n = n;
    return object;
}

static ouro_ref
pair_new(ouro_loan type, ouro_ref left, ouro_ref right)
{
    ouro_ref object = ouro_new(type);
    node_of(ouro_lend(object))->left = left;
    node_of(ouro_lend(object))->right = right;
    return object;
}

static void
test_self_cycles(void **state) /* GCTests.test_list, test_dict, test_instance, test_newinstance */
{
    (void)state;
    ouro_ref row = row_new(1);
    ((struct row *)row)->items[0] = ouro_incref(row);
    assert_int_equal(drop_and_collect(row), 1);

    ouro_ref table = table_new(3);
    ((struct table *)table)->pairs[1][1] = ouro_incref(table);
    ((struct table *)table)->pairs[2][0] = ouro_incref(table);
    assert_int_equal(drop_and_collect(table), 1);

    const ouro_loan types[] = {node_type, hidden_type, sub_type, node_final_type};
    for (size_t i = 0; i < 4; i++) {
        ouro_ref node = pair_new(types[i], NULL, NULL);
        node_of(node)->left = ouro_incref(node);
        assert_int_equal(drop_and_collect(node), 1);
        node = pair_new(types[i], NULL, NULL);
        node_of(node)->left = ouro_incref(node);
        node_of(node)->right = ouro_incref(node);
        assert_int_equal(drop_and_collect(node), 1);
    }
    assert_int_equal(nodes_dead, 10);
    assert_int_equal(nodes_finalized, 2);
    assert_int_equal(ouro_gc_collect(2), 0);
}

static void
test_pairs(void **state) /* GCTests.test_tuple, test_method, test_function, test_frame */
{
    (void)state;
    ouro_ref list = row_new(1);
    ((struct row *)list)->items[0] = row_new(1);
    ((struct row *)((struct row *)list)->items[0])->items[0] = ouro_incref(list);
    assert_int_equal(drop_and_collect(list), 2);

    ouro_ref instance = node_new(NULL, NULL);
    node_of(instance)->left = pair_new(hidden_type, ouro_incref(instance), NULL);
    assert_int_equal(drop_and_collect(instance), 2);

    ouro_ref names = table_new(1);
    ((struct table *)names)->pairs[0][1] = pair_new(sub_type, NULL, ouro_incref(names));
    assert_int_equal(drop_and_collect(names), 2);
    assert_int_equal(nodes_dead, 6);
}

static void
test_cycle_of_many_types(void **state) /* GCTests.test_function */
{
    (void)state;
    ouro_ref row = row_new(3), table = table_new(2);
    ((struct row *)row)->items[2] = node_new(NULL, pair_new(hidden_type, table, NULL));
    ((struct table *)table)->pairs[1][0] =
        pair_new(sub_type, node_new_final(NULL, ouro_incref(row)), leaf_new(1));
    assert_int_equal(ouro_gc_collect(2), 0);
    assert_int_equal(drop_and_collect(row), 6); /* the leaf goes, too, and isn't looked at */
    assert_int_equal(nodes_dead, 7);
}

static void
test_what_hangs_on_a_cycle_goes_with_it(
    void **state) /* GCTests.test_saveall: what garbage holds is garbage */
{
    (void)state;
    ouro_ref chain = NULL;
    for (int i = 0; i < 1000; i++) {
        chain = node_new(chain, leaf_new(1));
    }
    ouro_ref node = node_new(NULL, chain);
    node_of(node)->left = ouro_incref(node);
    assert_int_equal(drop_and_collect(node), 1001);
    assert_int_equal(nodes_dead, 2001);
}

static void
test_what_is_held_stays(void **state) /* GCTests.test_bug1055820d */
{
    (void)state;
    ouro_ref inner = node_new(NULL, NULL);
    node_of(inner)->left = ouro_incref(inner);
    ouro_ref outer = node_new(NULL, inner); /* a cycle that holds a cycle */
    node_of(outer)->left = ouro_incref(outer);
    for (unsigned generation = 0; generation < 3; generation++) {
        assert_int_equal(ouro_gc_collect(generation), 0);
    }
    ouro_incref(inner);
    assert_int_equal(drop_and_collect(outer), 1);
    assert_int_equal(nodes_dead, 1);
    assert_ptr_equal(node_of(inner)->left, inner);
    assert_int_equal(ouro_refcount(inner), 2);
    assert_int_equal(drop_and_collect(inner), 1);
    assert_int_equal(nodes_dead, 2);
}

static void
test_cycles_across_generations(void **state) /* GCTests.test_bug1055820d */
{
    (void)state;
    for (unsigned age = 1; age < 3; age++) {
        ouro_ref old = node_new(NULL, NULL);
        for (unsigned generation = 0; generation < age; generation++) {
            assert_int_equal(ouro_gc_collect(generation), 0);
        }
        node_of(old)->left = node_new(ouro_incref(old), NULL); /* old <-> young */
        ouro_decref(old);
        for (unsigned generation = 0; generation < age; generation++) {
            assert_int_equal(ouro_gc_collect(generation), 0);
        }
        assert_int_equal(ouro_gc_collect(age), 2);
    }
    /* Young garbage that holds old objects, and is held by none. */
    ouro_ref old = node_new(NULL, NULL);
    ouro_gc_collect(2);
    ouro_ref young = node_new(old, NULL);
    node_of(young)->right = ouro_incref(young);
    ouro_decref(young);
    assert_int_equal(ouro_gc_collect(0), 1);
    assert_int_equal(nodes_dead, 6);
    /* Old garbage that holds young ones: they are not garbage to who looks at the young ones alone. */
    old = node_new(NULL, NULL);
    node_of(old)->left = ouro_incref(old);
    ouro_gc_collect(2);
    node_of(old)->right = node_new(NULL, NULL);
    node_of(node_of(old)->right)->left = ouro_incref(node_of(old)->right);
    ouro_decref(old);
    assert_int_equal(ouro_gc_collect(0), 0);
    assert_int_equal(ouro_gc_collect(1), 0);
    assert_int_equal(ouro_gc_collect(2), 2);
}

static void
test_large_generations_mean_all(void **state) /* GCTests.test_collect_generations, in part */
{
    (void)state;
    ouro_ref node = node_new(NULL, NULL);
    node_of(node)->left = ouro_incref(node);
    ouro_gc_collect(2);
    ouro_decref(node);
    assert_int_equal(ouro_gc_collect(1000), 1);
}

static void
test_young_objects_where_others_died(void **state) /* our own: a block used again is young again */
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        ouro_ref node = node_new(NULL, NULL);
        node_of(node)->left = i % 3 == 0 ? ouro_incref(node) : NULL;
        ouro_decref(node);
        if (i % 7 == 0) {
            ouro_decref(node_new(leaf_new(1), node_new(NULL, NULL)));
        }
        assert_int_equal(ouro_gc_collect((unsigned)i % 2), i % 3 == 0);
    }
}

static ouro_status
run_collection(ouro_loan weakref, ouro_loan context)
{
    (void)weakref, (void)context;
    ouro_gc_collect(0);
    return OURO_OK;
}

static void
test_young_object_where_one_died_during_a_collection(void **state) /* our own, likewise */
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        ouro_ref weakref = NULL, dying = node_new(NULL, NULL);
        assert_int_equal(ouro_weakref_create(dying, run_collection, NULL, &weakref), OURO_OK);
        const void *where = dying;
        ouro_decref(dying);
        ouro_ref node = node_new(NULL, NULL);
        node_of(node)->left = ouro_incref(node);
        bool same = where == node;
        ouro_decref(node);
        assert_int_equal(ouro_gc_collect(0), 1);
        assert_true(same || i < 19);
        ouro_decref(weakref);
    }
}

/* ---- no code of the program's ---- */

static unsigned n_asked;

static ouro_status
ask_hash(ouro_loan self, uint64_t *hash)
{
    (void)self;
    *hash = ++n_asked;
    return OURO_OK;
}

static ouro_status
ask_equal(ouro_loan self, ouro_loan other)
{
    (void)self, (void)other;
    n_asked++;
    return OURO_OK;
}

static ouro_ref
ask_object(ouro_loan self)
{
    (void)self;
    n_asked++;
    return NULL;
}

static ouro_status
ask_next(ouro_loan self, ouro_ref *item)
{
    (void)self, (void)item;
    n_asked++;
    return OURO_OK;
}

static size_t
ask_size(ouro_loan self)
{
    (void)self;
    return ++n_asked;
}

static ouro_status
ask_enter(ouro_loan self)
{
    (void)self;
    n_asked++;
    return OURO_OK;
}

static ouro_status
ask_exit(ouro_loan self, ouro_status status)
{
    (void)self;
    n_asked++;
    return status;
}

static void
test_finding_garbage_asks_nobody(
    void **state) /* GCTests.test_boom, test_boom2, test_boom_new, test_boom2_new */
{
    ouro_ref type = NULL;

    (void)state;
    assert_int_equal(ouro_type_create(&(ouro_type_spec){.name = "boom",
                                                        .size = sizeof(struct node),
                                                        .n_fields = 2,
                                                        .fields = node_fields,
                                                        .hash = ask_hash,
                                                        .equal = ask_equal,
                                                        .repr = ask_object,
                                                        .iterate = ask_object,
                                                        .next = ask_next,
                                                        .extra_size = ask_size,
                                                        .enter = ask_enter,
                                                        .exit = ask_exit},
                                      &type),
                     OURO_OK);
    ouro_ref a = pair_new(type, NULL, NULL), b = pair_new(type, ouro_incref(a), NULL);
    node_of(a)->left = b;
    assert_int_equal(drop_and_collect(a), 2);
    assert_int_equal(n_asked, 0);
    ouro_decref(type);
}

static unsigned n_cleared, n_seen_cleared;

static void
look_and_clear(ouro_loan self)
{
    struct node *node = node_of(self);
    if (node->left != NULL) { /* the next in the ring: there, whole or cleared */
        const struct node *next = node_of(node->left);
        REQUIRE(next->number == 77, "the next one is gone");
        REQUIRE(strcmp(ouro_type_name(ouro_type_of(node->left)), "looker") == 0, "its type is gone");
        n_seen_cleared += next->left == NULL;
        ouro_clear(&node->left);
    }
    n_cleared++;
}

static int
traverse_left(ouro_loan self, ouro_visitor visit, void *context)
{
    return node_of(self)->left != NULL ? visit(ouro_lend(node_of(self)->left), context) : 0;
}

static void
test_what_is_cleared_can_be_used(
    void **state) /* GCTests.test_function_tp_clear_leaves_consistent_state */
{
    ouro_ref type = NULL;

    (void)state;
    assert_int_equal(ouro_type_create(&(ouro_type_spec){.name = "looker",
                                                        .size = sizeof(struct node),
                                                        .traverse = traverse_left,
                                                        .clear = look_and_clear,
                                                        .dealloc = count_end},
                                      &type),
                     OURO_OK);
    ouro_ref first = pair_new(type, NULL, NULL), last = first;
    node_of(first)->number = 77;
    for (int i = 0; i < 9; i++) {
        last = pair_new(type, last, NULL);
        node_of(last)->number = 77;
    }
    node_of(first)->left = last; /* the ring is closed, and nobody else holds it */
    assert_int_equal(ouro_gc_collect(2), 10);
    assert_int_equal(nodes_dead, 10);
    assert_true(n_cleared >= 10);
    assert_true(n_seen_cleared >= 1);
    ouro_decref(type);
}

/* ---- wrong counts ---- */

static void
collect_with_a_wrong_count(void *object)
{
    ouro_ref node = object;
    fprintf(stderr, "at %p\n", object);
    node->local--; /* two references, one counted */
    ouro_gc_collect(2);
    fprintf(stderr, "not noticed\n");
}

static void
test_wrong_count_is_told(void **state) /* GCTests.test_refcount_errors */
{
    (void)state;
    ouro_ref node = node_new_final(NULL, NULL);
    node_of(node)->left = ouro_incref(node);
    node_of(node)->right = node;
    struct child_end end = child_run(collect_with_a_wrong_count, node, 20);
    assert_true(child_aborted_saying(&end, "type final node"));
    assert_true(child_aborted_saying(&end, "(1)"));
    char address[40];
    snprintf(address, sizeof address, "object %p", (void *)node);
    assert_true(child_aborted_saying(&end, address));
    assert_int_equal(ouro_gc_collect(2), 1);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_self_cycles),
        TEST(test_pairs),
        TEST(test_cycle_of_many_types),
        TEST(test_what_hangs_on_a_cycle_goes_with_it),
        TEST(test_what_is_held_stays),
        TEST(test_cycles_across_generations),
        TEST(test_large_generations_mean_all),
        TEST(test_young_objects_where_others_died),
        TEST(test_young_object_where_one_died_during_a_collection),
        TEST(test_finding_garbage_asks_nobody),
        TEST(test_what_is_cleared_can_be_used),
        TEST(test_wrong_count_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
