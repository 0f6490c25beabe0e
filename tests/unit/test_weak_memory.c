/* test_weak_memory.c - weak containers without memory: what can't be put in leaves everything as it was, and what dies
 * vanishes, which needs none.
 *
 * Follows CPython's Lib/test/test_weakref.py, ReferencesTestCase.test_clearing_weakrefs_in_gc, for containers. */
#include <stdlib.h>

#include "cm.h"
#include "keys.h"
#include "process.h"
#include "require.h"

/* Pools are what counts against the limit: in `make stress` each has two blocks. */
#define LIMIT ((size_t)(TEST_STRESSED ? 128 : 32) << 20)
#define N (TEST_STRESSED ? 500 : 5000)

static ouro_ref objects[N], numbers[N];

static int
setup(void **state)
{
    static bool is_made;
    if (!is_made) {
        REQUIRE(ouro_init(&(ouro_config){.limit = LIMIT}) == OURO_OK, "no memory to begin with");
        is_made = true;
        for (size_t i = 0; i < N; i++) {
            numbers[i] = ouro_int_new((int64_t)i);
        }
    }
    int result = keys_setup(state);
    ouro_gc_disable();
    ouro_gc_collect(2);
    nodes_dead = 0;
    for (size_t i = 0; i < N; i++) {
        objects[i] = i % 2 ? leaf_new(i) : node_new(NULL, NULL);
        if (i % 4 == 0) {
            node_of(objects[i])->left = ouro_incref(objects[i]);
        }
    }
    return result;
}

/* Take all memory there is, nodes and then leaves, in a chain of nodes. */
static ouro_ref
take_all_memory(void)
{
    ouro_ref chain = NULL, next = NULL;

    while ((next = ouro_new(node_type)) != NULL) {
        node_of(next)->left = chain;
        chain = next;
    }
    for (size_t size = 4096; size >= 8; size /= 2) { /* what is left in pieces */
        while ((next = ouro_new_items(row_type, size)) != NULL) {
            ((struct row *)next)->items[0] = chain;
            chain = next;
        }
    }
    ouro_object *each = chain;
    while (each != NULL) { /* leaves and buffers come from another heap of the same limit */
        next = ouro_new(leaf_type);
        if (next == NULL) {
            break;
        }
        if (ouro_type_of(ouro_lend(each)) == node_type) {
            node_of(each)->right = next;
            each = node_of(each)->left;
        } else {
            ((struct row *)each)->items[1] = next;
            each = ((struct row *)each)->items[0];
        }
    }
    REQUIRE(each != NULL, "more leaves than nodes");
    return chain;
}

/* What is asked of a container: to have object i, and how many it has. */
struct container {
    ouro_ref made;
    ouro_status (*put)(ouro_loan container, size_t i);
    size_t (*length)(ouro_loan container);
};

static ouro_status
put_key(ouro_loan dict, size_t i)
{
    return ouro_weakdict_set(dict, objects[i], ouro_lend(numbers[N - 1 - i]));
}

static ouro_status
put_value(ouro_loan dict, size_t i)
{
    return ouro_weakdict_set(dict, ouro_lend(numbers[i]), objects[i]);
}

static ouro_status
put_item(ouro_loan set, size_t i)
{
    return ouro_weakset_add(set, objects[i]);
}

static void
fill_and_empty(struct container container)
{
    size_t n = 0, n_refused = 0;

    for (; n < N / 2; n++) {
        assert_int_equal(container.put(container.made, n), OURO_OK);
    }
    ouro_ref all = take_all_memory();
    for (size_t i = n; i < N; i++) { /* some may find a block that is free yet */
        size_t n_refs = ouro_refcount(objects[i]), n_weak = ouro_weakref_count(objects[i]);
        ouro_status status = container.put(container.made, i);
        n += status == OURO_OK;
        if (status < 0) {
            assert_int_equal(status, OURO_NO_MEMORY);
            assert_int_equal(ouro_refcount(objects[i]), n_refs);
            assert_int_equal(ouro_weakref_count(objects[i]), n_weak);
            n_refused++;
        }
        assert_int_equal(container.length(container.made), n);
    }
    assert_true(n_refused > N / 4);
    for (size_t i = 0; i < N; i++) {
        ouro_clear(&objects[i]);
    }
    ouro_gc_collect(2);
    assert_int_equal(container.length(container.made), 0);
    ouro_decref(all);
    ouro_decref(container.made);
    ouro_gc_collect(2);
}

static void
test_keys_vanish(void **state)
{
    (void)state;
    fill_and_empty((struct container){ouro_weakkeydict_new(), put_key, ouro_weakdict_length});
}

static void
test_values_vanish(void **state)
{
    (void)state;
    fill_and_empty((struct container){ouro_weakvaluedict_new(), put_value, ouro_weakdict_length});
}

static void
test_items_vanish(void **state)
{
    (void)state;
    fill_and_empty((struct container){ouro_weakset_new(), put_item, ouro_weakset_length});
}

static void
test_making_fails(void **state) /* and leaves nothing behind */
{
    ouro_ref made = NULL, item = NULL;

    (void)state;
    ouro_ref set = ouro_weakset_new(), dict = ouro_weakkeydict_new();
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(put_item(set, i), OURO_OK);
        assert_int_equal(put_key(dict, i), OURO_OK);
    }
    ouro_ref all = take_all_memory();
    size_t n_weak = ouro_weakref_count(objects[1]);
    assert_int_equal(ouro_weakset_copy(set, &made), OURO_NO_MEMORY);
    assert_int_equal(ouro_weakset_to_set(set, &made), OURO_NO_MEMORY);
    assert_int_equal(ouro_weakset_union(set, set, &made), OURO_NO_MEMORY);
    assert_int_equal(ouro_weakset_is_subset(set, set), OURO_NO_MEMORY);
    assert_int_equal(ouro_weakset_update(set, set), OURO_NO_MEMORY);
    assert_int_equal(ouro_weakset_intersection_update(set, set), OURO_NO_MEMORY);
    assert_int_equal(ouro_weakset_difference_update(set, set), OURO_NO_MEMORY);
    assert_int_equal(ouro_weakset_symmetric_difference_update(set, set), OURO_NO_MEMORY);
    assert_int_equal(ouro_weakset_length(set), N);
    assert_int_equal(ouro_weakdict_copy(dict, &made), OURO_NO_MEMORY);
    assert_int_equal(ouro_weakdict_to_dict(dict, &made), OURO_NO_MEMORY);
    assert_int_equal(ouro_weakdict_update(dict, dict), OURO_NO_MEMORY);
    assert_null(made);
    assert_int_equal(ouro_weakref_count(objects[1]), n_weak);
    assert_int_equal(ouro_weakset_pop(set, &item), OURO_FOUND); /* what needs none */
    ouro_decref(item);
    assert_int_equal(ouro_weakdict_delete(dict, objects[0]), OURO_FOUND);
    assert_int_equal(ouro_weakset_discard(set, objects[0]), OURO_FOUND);
    assert_int_equal(ouro_weakset_contains(set, objects[1]), OURO_FOUND);
    assert_int_equal(ouro_weakset_length(set), N - 2);
    assert_int_equal(ouro_weakdict_length(dict), N - 1);
    ouro_decref(all);
    ouro_decref(set);
    ouro_decref(dict);
    for (size_t i = 0; i < N; i++) {
        ouro_clear(&objects[i]);
    }
    ouro_gc_collect(2);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keys_vanish),
        TEST(test_values_vanish),
        TEST(test_items_vanish),
        TEST(test_making_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
