/* test_weak_set.c - sets that don't keep their items: one is in as long as it lives.
 *
 * Each test names the one of CPython's Lib/test/test_weakset.py that it follows. */
#include <stdlib.h>

#include "cm.h"
#include "keys.h"
#include "random.h"
#include "require.h"
#include "threads.h"

#define N 400

static ouro_ref items[N], others[N];

/* Numbers from 0 on, in `items`, which keeps them; a quarter of them and others of their own in `others`. */
static int
setup(void **state)
{
    int result = keys_gc_setup(state);
    for (size_t i = 0; i < N; i++) {
        items[i] = key_new(i, i * 0x9E3779B97F4A7C15U);
        size_t other = i < N / 4 ? i : i + N;
        others[i] = key_new(other, other * 0x9E3779B97F4A7C15U);
    }
    return result;
}

static int
teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++) {
        ouro_clear(&items[i]);
        ouro_clear(&others[i]);
    }
    return 0;
}

static ouro_ref
set_of(ouro_ref *from, size_t n)
{
    ouro_ref set = ouro_weakset_new();
    for (size_t i = 0; i < n; i++) {
        REQUIRE(ouro_weakset_add(set, from[i]) == OURO_OK, "not added");
    }
    return set;
}

static void
test_methods(
    void *
        *state) /* test_len, test_contains, test_add, test_remove, test_discard, test_pop, test_clear */
{
    ouro_ref item = NULL;

    (void)state;
    ouro_ref set = set_of(items, N);
    assert_int_equal(ouro_weakset_length(set), N);
    assert_int_equal(ouro_refcount(items[0]), 1);
    assert_int_equal(ouro_weakset_contains(set, others[0]), OURO_FOUND);
    assert_int_equal(ouro_weakset_contains(set, others[N - 1]), OURO_OK);
    assert_int_equal(ouro_weakset_contains(set, ouro_none()), OURO_OK);
    assert_int_equal(ouro_weakset_add(set, others[0]), OURO_FOUND); /* the first stays */
    ouro_clear(&others[0]);
    assert_int_equal(ouro_weakset_length(set), N);
    assert_int_equal(ouro_weakset_discard(set, others[1]), OURO_FOUND);
    assert_int_equal(ouro_weakset_discard(set, others[1]), OURO_OK);
    assert_int_equal(ouro_weakset_contains(set, items[1]), OURO_OK);
    for (size_t i = N; i-- > 2;) {
        assert_int_equal(ouro_weakset_pop(set, &item), OURO_FOUND);
        assert_ptr_equal(item, items[i]);
        ouro_decref(item);
    }
    assert_int_equal(ouro_weakset_length(set), 1);
    ouro_clear(&items[0]);
    assert_int_equal(ouro_weakset_length(set), 0);
    assert_int_equal(ouro_weakset_pop(set, &item), OURO_OK);
    ouro_ref list = ouro_list_new(0);
    assert_int_equal(ouro_weakset_add(set, list), OURO_UNHASHABLE);
    assert_int_equal(ouro_weakset_contains(set, list), OURO_UNHASHABLE);
    assert_int_equal(ouro_weakset_discard(set, list), OURO_UNHASHABLE);
    assert_int_equal(ouro_hash(set, &(uint64_t){0}), OURO_UNHASHABLE);
    assert_int_equal(ouro_weakset_add(set, items[3]), OURO_OK);
    ouro_weakset_clear(set);
    assert_int_equal(ouro_weakset_length(set), 0);
    assert_int_equal(ouro_weakref_count(items[3]), 0);
    ouro_decref(list);
    ouro_decref(set);
}

static size_t
length_and_drop(ouro_status status, ouro_ref result)
{
    REQUIRE(status == OURO_OK && ouro_type_of(result) == ouro_weakset_type(), "no weak set");
    size_t n = ouro_weakset_length(result);
    ouro_decref(result);
    return n;
}

/* The item that equals the number is this very one; none, when it is NULL. */
static bool
has_itself(ouro_loan set, ouro_ref equal, ouro_ref expected)
{
    ouro_ref iterator = NULL, item = NULL, found = NULL;
    REQUIRE(ouro_iterate(set, &iterator) == OURO_OK, "no iterator");
    while (ouro_next(iterator, &item) == OURO_FOUND) {
        found = key_value(item) == key_value(equal) ? item : found;
        ouro_decref(item);
    }
    ouro_decref(iterator);
    return found == expected;
}

static void
test_two_sets(
    void **
        state) /* test_union, test_intersection, test_difference, test_symmetric_difference, test_sub_and_... */
{
    ouro_ref result = NULL, plain = NULL;

    (void)state;
    ouro_ref set = set_of(items, N), other = set_of(others, N);
    for (int k = 0; k < 2; k++) {
        if (k == 1) { /* an ordinary set will do */
            assert_int_equal(ouro_weakset_to_set(other, &plain), OURO_OK);
            ouro_assign(&other, plain);
        }
        ouro_status status = ouro_weakset_union(set, other, &result);
        assert_int_equal(length_and_drop(status, result), 2 * N - N / 4);
        status = ouro_weakset_intersection(set, other, &result);
        assert_int_equal(length_and_drop(status, result), N / 4);
        status = ouro_weakset_difference(set, other, &result);
        assert_int_equal(length_and_drop(status, result), N - N / 4);
        status = ouro_weakset_symmetric_difference(set, other, &result);
        assert_int_equal(length_and_drop(status, result), 2 * (N - N / 4));
        assert_int_equal(ouro_weakset_is_disjoint(set, other), OURO_OK);
        assert_int_equal(ouro_weakset_is_subset(set, other), OURO_OK);
        assert_int_equal(ouro_weakset_is_superset(set, other), OURO_OK);
    }
    ouro_ref part = set_of(others, N / 4);
    assert_int_equal(ouro_weakset_is_subset(part, set), OURO_FOUND);
    assert_int_equal(ouro_weakset_is_superset(set, part), OURO_FOUND);
    assert_int_equal(ouro_equal(set, part), OURO_OK);
    assert_int_equal(ouro_equal(set, other), OURO_OK); /* which is an ordinary one */
    assert_int_equal(ouro_weakset_intersection(set, part, &result), OURO_OK);
    assert_true(has_itself(result, items[0], others[0])); /* of equal items that of the second */
    ouro_clear(&result);
    ouro_decref(part);
    part = set_of(others + N / 4, N / 4);
    assert_int_equal(ouro_weakset_is_disjoint(part, set), OURO_FOUND);
    assert_int_equal(ouro_weakset_union(set, ouro_none(), &result), OURO_WRONG_TYPE);
    ouro_decref(part);
    assert_int_equal(ouro_weakset_copy(set, &part), OURO_OK);
    assert_int_equal(ouro_equal(set, part), OURO_FOUND); /* test_eq */
    ouro_clear(&items[N / 2]);
    assert_int_equal(ouro_equal(set, part), OURO_FOUND);
    assert_int_equal(ouro_weakset_length(part), N - 1);
    assert_int_equal(ouro_weakset_update(part, set), OURO_OK); /* test_update, test_update_set */
    assert_int_equal(ouro_weakset_length(part), N - 1);
    assert_int_equal(ouro_weakset_update(part, other), OURO_OK);
    assert_int_equal(ouro_weakset_length(part), 2 * N - N / 4 - 1);
    assert_int_equal(ouro_weakset_update(part, ouro_none()), OURO_WRONG_TYPE);
    ouro_decref(part);
    ouro_decref(set);
    ouro_decref(other);
}

/* ---- in place ---- */

/* A set of all of `items`, which an operation changes by `others` in turn as a weak set, an ordinary one, and a list that has each of
 * them twice; or fails. */
static ouro_ref
changed(ouro_status (*change)(ouro_loan set, ouro_loan items), unsigned how)
{
    ouro_ref set = set_of(items, N), by = how == 0 ? set_of(others, N) : ouro_list_new(0), plain = NULL;
    for (size_t i = 0; how != 0 && i < 2 * N; i++) {
        REQUIRE(ouro_list_append(by, others[i % N]) == OURO_OK, "not appended");
    }
    if (how == 1) {
        REQUIRE(ouro_frozenset_new(by, &plain) == OURO_OK, "no set");
        ouro_assign(&by, plain);
    }
    REQUIRE(change(set, by) == OURO_OK, "not changed");
    REQUIRE(change(set, ouro_none()) == OURO_WRONG_TYPE, "changed by what has no items");
    ouro_decref(by);
    return set;
}

static void
test_in_place(
    void **
        state) /* test_ior, test_intersection_update, test_iand, test_difference_update, test_isub, test_symmetric_... */
{
    const size_t common = 0, mine = N / 2;

    (void)state;
    for (unsigned how = 0; how < 3; how++) {
        ouro_ref set = changed(ouro_weakset_update, how);
        assert_int_equal(ouro_weakset_length(set), 2 * N - N / 4);
        assert_true(has_itself(set, others[common], items[common]));
        assert_true(has_itself(set, others[mine], others[mine]));
        ouro_decref(set);
        set = changed(ouro_weakset_intersection_update, how);
        assert_int_equal(ouro_weakset_length(set), N / 4);
        assert_true(has_itself(set, others[common], items[common]));
        assert_true(has_itself(set, items[mine], NULL));
        ouro_decref(set);
        set = changed(ouro_weakset_difference_update, how);
        assert_int_equal(ouro_weakset_length(set), N - N / 4);
        assert_true(has_itself(set, others[common], NULL));
        assert_true(has_itself(set, items[mine], items[mine]));
        ouro_decref(set);
        set = changed(ouro_weakset_symmetric_difference_update, how);
        assert_int_equal(ouro_weakset_length(set), 2 * (N - N / 4));
        assert_true(has_itself(set, others[common], NULL));
        assert_true(has_itself(set, items[mine], items[mine]));
        assert_true(has_itself(set, others[mine], others[mine]));
        ouro_decref(set);
    }
}

static void
test_in_place_on_itself(void **state) /* test_inplace_on_self */
{
    (void)state;
    ouro_ref set = set_of(items, N);
    assert_int_equal(ouro_weakset_update(set, set), OURO_OK);
    assert_int_equal(ouro_weakset_length(set), N);
    assert_int_equal(ouro_weakset_intersection_update(set, set), OURO_OK);
    assert_int_equal(ouro_weakset_length(set), N);
    assert_int_equal(ouro_weakset_symmetric_difference_update(set, set), OURO_OK);
    assert_int_equal(ouro_weakset_length(set), 0);
    assert_int_equal(ouro_weakset_update(set, items[0]), OURO_WRONG_TYPE);
    ouro_assign(&set, set_of(items, N));
    assert_int_equal(ouro_weakset_difference_update(set, set), OURO_OK);
    assert_int_equal(ouro_weakset_length(set), 0);
    ouro_decref(set);
}

/* What is left vanishes with its item, whichever operation left it: CPython's &= forgets to see to that. */
static void
test_in_place_items_vanish(void **state)
{
    static ouro_status (*const changes[])(ouro_loan set, ouro_loan items) = {
        ouro_weakset_update, ouro_weakset_intersection_update, ouro_weakset_difference_update,
        ouro_weakset_symmetric_difference_update};
    ouro_ref sets[4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        sets[i] = changed(changes[i], 0);
    }
    for (size_t i = 0; i < N; i++) {
        ouro_clear(&items[i]);
    }
    assert_int_equal(ouro_weakset_length(sets[0]), N - N / 4); /* of the others, what came new */
    assert_int_equal(ouro_weakset_length(sets[1]), 0);
    assert_int_equal(ouro_weakset_length(sets[2]), 0);
    assert_int_equal(ouro_weakset_length(sets[3]), N - N / 4);
    for (size_t i = 0; i < N; i++) {
        ouro_clear(&others[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ouro_weakset_length(sets[i]), 0);
        ouro_decref(sets[i]);
    }
}

/* Failing to look an item up ends it; what it did before stays. */
static ouro_status
fail_at_third(ouro_loan a, ouro_loan b)
{
    (void)a;
    (void)b;
    return keys_compared == 3 ? OURO_DENIED : OURO_OK;
}

static void
test_in_place_comparing_fails(void **state) /* none of CPython's */
{
    (void)state;
    ouro_ref set = set_of(items, N), list = ouro_list_new(0);
    for (size_t i = 0; i < N / 4; i++) {
        assert_int_equal(ouro_list_append(list, others[i]), OURO_OK);
    }
    key_on_equal = fail_at_third;
    keys_compared = 0;
    assert_int_equal(ouro_weakset_difference_update(set, list), OURO_DENIED);
    assert_int_equal(ouro_weakset_length(set), N - 2);
    keys_compared = 0;
    assert_int_equal(ouro_weakset_intersection_update(set, list), OURO_DENIED);
    assert_int_equal(ouro_weakset_length(set), N - 2);
    key_on_equal = NULL;
    ouro_decref(list);
    ouro_decref(set);
}

static void
test_destroy_while_iterating(
    void **state) /* test_weak_destroy_while_iterating, _and_mutate_while_iterating */
{
    ouro_ref item = NULL, iterator = NULL;
    size_t n = 0;

    (void)state;
    ouro_ref set = set_of(items, N);
    assert_int_equal(ouro_iterate(set, &iterator), OURO_OK);
    while (ouro_next(iterator, &item) == OURO_FOUND) {
        ouro_decref(item);
        if (++n == 10) {
            for (size_t i = 0; i < N - 5; i++) {
                ouro_clear(&items[i]);
            }
            assert_int_equal(ouro_weakset_length(set), 5);
        }
    }
    assert_int_equal(n, 15);
    assert_int_equal(ouro_next(iterator, &item), OURO_OK);
    ouro_decref(iterator);
    assert_int_equal(ouro_iterate(set, &iterator), OURO_OK);
    ouro_clear(&items[N - 1]);
    assert_int_equal(ouro_next(iterator, &item), OURO_FOUND);
    ouro_decref(item);
    assert_int_equal(ouro_weakset_add(set, others[0]), OURO_OK);
    assert_int_equal(ouro_next(iterator, &item), OURO_CHANGED);
    assert_int_equal(ouro_next(iterator, &item), OURO_CHANGED);
    ouro_decref(iterator);
    ouro_decref(set);
}

static void
test_length_with_cycles(
    void **state) /* test_len_cycles, test_len_race, test_subclass_with_custom_hash's cycles */
{
    const uint32_t often[] = {5, 2, 2};
    uint32_t before[OURO_GENERATIONS];
    ouro_ref iterator = NULL, item = NULL;

    (void)state;
    ouro_gc_get_threshold(before);
    ouro_gc_set_threshold(often);
    ouro_gc_enable();
    for (int round = 1; round < 50; round++) {
        ouro_ref set = ouro_weakset_new();
        for (int i = 0; i < 100; i++) {
            ouro_ref ring = node_new(NULL, NULL);
            node_of(ring)->left = ouro_incref(ring);
            assert_int_equal(ouro_weakset_add(set, ring), OURO_OK);
            ouro_decref(ring);
            assert_true(ouro_weakset_length(set) <= 100);
        }
        assert_int_equal(ouro_iterate(set, &iterator), OURO_OK);
        if (ouro_next(iterator, &item) == OURO_FOUND) {
            ouro_gc_collect(2);
            assert_int_equal(ouro_weakset_length(set), 1);
            ouro_decref(item);
        }
        ouro_decref(iterator);
        ouro_gc_collect(2);
        assert_int_equal(ouro_weakset_length(set), 0);
        ouro_decref(set);
    }
    ouro_gc_set_threshold(before);
}

static void
test_set_in_its_own_trash(void **state) /* test_weak_destroy..., with the set in the cycle */
{
    (void)state;
    ouro_ref set = ouro_weakset_new(), node = node_new(NULL, ouro_incref(set));
    node_of(node)->left = ouro_incref(node);
    assert_int_equal(ouro_weakset_add(set, node), OURO_OK);
    assert_int_equal(ouro_weakset_add(set, items[0]), OURO_OK);
    ouro_decref(set);
    ouro_decref(node);
    assert_true(ouro_gc_collect(2) >= 2);
    assert_int_equal(nodes_dead, 1);
    assert_int_equal(ouro_weakref_count(items[0]), 0);
}

static void
test_references_as_items(void **state) /* test_weak references to weak references */
{
    ouro_ref weakref = NULL, another = NULL;

    (void)state;
    ouro_ref set = ouro_weakset_new();
    assert_int_equal(ouro_weakref_create(items[0], NULL, NULL, &weakref), OURO_OK);
    assert_int_equal(ouro_weakset_add(set, weakref), OURO_OK);
    assert_int_equal(ouro_weakset_contains(set, weakref), OURO_FOUND);
    assert_int_equal(ouro_weakset_contains(set, items[0]),
                     OURO_OK); /* the reference is in, not the item */
    assert_int_equal(ouro_weakref_create(others[0], NULL, NULL, &another), OURO_OK);
    assert_int_equal(ouro_weakset_contains(set, another), OURO_FOUND); /* to an equal one */
    ouro_clear(&items[0]);
    assert_int_equal(ouro_weakset_contains(set, weakref), OURO_FOUND); /* the same */
    assert_int_equal(ouro_weakset_contains(set, another), OURO_OK);
    ouro_decref(weakref);
    assert_int_equal(ouro_weakset_length(set), 0);
    ouro_decref(another);
    ouro_decref(set);
}

/* ---- at random, against a plain array ---- */

static void
test_random(void **state) /* the whole of it */
{
    struct test_random random = {77};
    bool is_in[N] = {false};
    size_t n = 0;

    (void)state;
    ouro_ref set = ouro_weakset_new();
    for (int step = 0; step < 300000; step++) {
        size_t i = random_below(&random, N);
        ouro_ref same = key_new(i, i * 0x9E3779B97F4A7C15U);
        switch (random_below(&random, 5)) {
        case 0:
        case 1:
            assert_int_equal(ouro_weakset_add(set, items[i]), is_in[i] ? OURO_FOUND : OURO_OK);
            n += !is_in[i];
            is_in[i] = true;
            break;
        case 2:
            assert_int_equal(ouro_weakset_contains(set, same), is_in[i] ? OURO_FOUND : OURO_OK);
            break;
        case 3:
            assert_int_equal(ouro_weakset_discard(set, same), is_in[i] ? OURO_FOUND : OURO_OK);
            n -= is_in[i];
            is_in[i] = false;
            break;
        default:
            ouro_assign(&items[i], ouro_incref(same));
            n -= is_in[i];
            is_in[i] = false;
        }
        ouro_decref(same);
        assert_int_equal(ouro_weakset_length(set), n);
    }
    ouro_decref(set);
}

/* ---- threads ---- */

#define N_THREADS 4
#define N_ROUNDS 8000

static ouro_ref shared;

static ouro_status (*const change_by_itself[])(ouro_loan set, ouro_loan items) = {
    ouro_weakset_update, ouro_weakset_intersection_update, ouro_weakset_symmetric_difference_update};

static void
use_shared(void *context)
{
    struct test_random random = {*(uint64_t *)context};
    ouro_ref mine[16] = {NULL}, item = NULL, copy = NULL;

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (int i = 0; i < N_ROUNDS; i++) {
        size_t k = random_below(&random, 16), number = random_below(&random, 16);
        switch (random_below(&random, 9)) {
        case 0:
        case 1:
        case 2:
            ouro_assign(&mine[k],
                        random_below(&random, 3) ? key_new(number, number) : node_new(NULL, NULL));
            REQUIRE(ouro_weakset_add(shared, mine[k]) >= 0, "not added");
            break;
        case 3:
            ouro_clear(&mine[k]);
            break;
        case 4:
            REQUIRE(mine[k] == NULL || ouro_weakset_discard(shared, mine[k]) >= 0, "failed");
            break;
        case 5:
            if (ouro_weakset_pop(shared, &item) == OURO_FOUND) {
                ouro_clear(&item);
            }
            break;
        case 6:
            REQUIRE(ouro_weakset_copy(shared, &copy) == OURO_OK, "no copy");
            REQUIRE(ouro_weakset_length(copy) <= 17 * 16 * N_THREADS, "too many");
            ouro_clear(&copy);
            break;
        case 7:
            REQUIRE(change_by_itself[number % 3](shared, shared) == OURO_OK, "failed");
            break;
        default:
            REQUIRE(mine[k] == NULL || ouro_weakset_contains(shared, mine[k]) >= 0, "failed");
            if (random_below(&random, 200) == 0) {
                ouro_gc_collect(2);
            }
        }
        ouro_safepoint();
    }
    for (size_t i = 0; i < 16; i++) {
        ouro_clear(&mine[i]);
    }
    ouro_thread_detach();
}

static void
test_threads(void **state) /* test_threaded_weak_..., for sets */
{
    uint64_t seeds[N_THREADS] = {1, 2, 3, 4};

    (void)state;
    shared = ouro_weakset_new();
    ouro_gc_enable();
    threads_run_detached(N_THREADS, use_shared, seeds, sizeof seeds[0]);
    ouro_safepoint();
    ouro_gc_collect(2);
    assert_int_equal(ouro_weakset_length(shared), 0);
    ouro_clear(&shared);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_methods),
        TEST(test_two_sets),
        TEST(test_in_place),
        TEST(test_in_place_on_itself),
        TEST(test_in_place_items_vanish),
        TEST(test_in_place_comparing_fails),
        TEST(test_destroy_while_iterating),
        TEST(test_length_with_cycles),
        TEST(test_set_in_its_own_trash),
        TEST(test_references_as_items),
        TEST(test_random),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
