/* test_iterators.c - iterators over sequences, dicts and sets: what they give while their containers change, that they let
 * go of them at the end, and what happens when several threads share one.
 *
 * Each test names the one of CPython's Lib/test/test_iter.py (or list_tests.py) that it follows. */
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "nodes.h"
#include "numbers.h"
#include "process.h"
#include "require.h"
#include "threads.h"

#define MANY (TEST_STRESSED ? 20000 : 1000000)

static ouro_ref
iterate(ouro_ref container)
{
    ouro_ref iterator = NULL;
    ouro_status status = ouro_iterate(ouro_lend(container), &iterator);
    REQUIRE(status == OURO_OK, "no iterator: %s", ouro_status_text(status));
    return iterator;
}

static void
append(ouro_ref list, int64_t number)
{
    REQUIRE(ouro_list_append_steal(ouro_lend(list), ouro_int_new(number)) == OURO_OK, "no memory");
}

static ouro_ref
list_of_numbers(int64_t n)
{
    ouro_ref list = ouro_list_new(0);
    for (int64_t i = 0; i < n; i++) {
        append(list, i);
    }
    return list;
}

static ouro_ref
tuple_of_numbers(int64_t n)
{
    ouro_ref list = list_of_numbers(n), tuple = NULL;
    REQUIRE(ouro_tuple_from(ouro_lend(list), &tuple) == OURO_OK, "no tuple");
    ouro_decref(list);
    return tuple;
}

/* The iterator gives all from `first` on in steps of `step`, as many as `n`, and then nothing, again and again. */
static void
check_numbers(ouro_ref iterator, int64_t first, int64_t step, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        REQUIRE(next_number(iterator) == first + i * step, "not number %lld", (long long)i);
    }
    for (unsigned i = 0; i < 3; i++) {
        REQUIRE(next_number(iterator) == -1, "it goes on");
    }
    ouro_decref(iterator);
}

/* ---- what they give ---- */

static void
test_lists_and_tuples(
    void **state) /* test_iter_basic, test_iter_tuple, test_iter_range; list_tests: test_reversed */
{
    static const int64_t sizes[] = {0, 1, 2, 7, 1000, MANY};

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t n = sizes[i];
        ouro_ref list = list_of_numbers(n), tuple = tuple_of_numbers(n);
        check_numbers(iterate(list), 0, 1, n);
        check_numbers(ouro_list_iterate_reversed(list), n - 1, -1, n);
        check_numbers(iterate(tuple), 0, 1, n);
        check_numbers(ouro_tuple_iterate_reversed(tuple), n - 1, -1, n);
        assert_int_equal(ouro_refcount(ouro_lend(list)), 1);
        assert_int_equal(ouro_refcount(ouro_lend(tuple)), 1);
        ouro_decref(list);
        ouro_decref(tuple);
    }
}

static void
test_bytes(void **state) /* test_iter_string's counterpart for bytes */
{
    uint8_t data[1000];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7);
    }
    for (size_t n = 0; n <= sizeof data; n += 333) {
        ouro_ref bytes = ouro_bytes_new(data, n), array = ouro_bytearray_new(data, n);
        ouro_ref over_bytes = iterate(bytes), over_array = iterate(array);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(next_number(over_bytes), data[i]);
            assert_int_equal(next_number(over_array), data[i]);
        }
        assert_int_equal(next_number(over_bytes), -1);
        assert_int_equal(next_number(over_array), -1);
        assert_int_equal(ouro_refcount(ouro_lend(array)), 1);
        ouro_decref(over_bytes);
        ouro_decref(over_array);
        ouro_decref(bytes);
        ouro_decref(array);
    }
}

static void
test_texts(void **state) /* test_iter_string, test_iter_unicode: every width */
{
    static const char *const texts[] = {"",
                                        "a",
                                        "ascii only",
                                        "caf\xC3\xA9 na\xC3\xAFve",
                                        "\xCE\xB1\xCE\xB2 \xE2\x82\xAC z",
                                        "\xF0\x9F\x90\x8D snake \xF0\x9F\x90\x8D \xC3\xA9"};

    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        ouro_ref str = ouro_str_new(texts[i]), joined = NULL, nothing = ouro_str_new("");
        ouro_ref iterator = iterate(str), item = NULL;
        for (size_t k = 0; k < ouro_str_length(str); k++) {
            assert_int_equal(ouro_next(iterator, &item), OURO_FOUND);
            assert_int_equal(ouro_str_length(item), 1);
            assert_int_equal(ouro_str_get(item, 0), ouro_str_get(str, k));
            ouro_decref(item);
        }
        assert_int_equal(ouro_next(iterator, &item), OURO_OK);
        assert_int_equal(ouro_str_join(nothing, str, &joined), OURO_OK);
        assert_true(ouro_str_equal(joined, str));
        ouro_decref(iterator);
        ouro_decref(joined);
        ouro_decref(nothing);
        ouro_decref(str);
    }
}

static void
test_iterators_iterate_over_themselves(void **state) /* test_iter_idempotency */
{
    ouro_ref containers[] = {list_of_numbers(2),      tuple_of_numbers(2), ouro_str_new("ab"),
                             ouro_bytes_new("ab", 2), ouro_dict_new(),     ouro_set_new()};

    (void)state;
    for (unsigned i = 0; i < sizeof containers / sizeof *containers; i++) {
        ouro_ref iterator = iterate(containers[i]), again = iterate(iterator);
        assert_ptr_equal(again, iterator);
        ouro_decref(again);
        ouro_decref(iterator);
        ouro_decref(containers[i]);
    }
    ouro_ref number = ouro_int_new(5), none = NULL;
    assert_int_equal(ouro_iterate(number, &none), OURO_WRONG_TYPE);
    assert_int_equal(ouro_next(number, &none), OURO_WRONG_TYPE);
    assert_null(none);
    ouro_decref(number);
}

/* ---- while the container changes ---- */

static void
test_growing_list(
    void **state) /* test_mutating_seq_class_iter_pickle's list part; test_sinkstate_list */
{
    ouro_ref list = list_of_numbers(5), iterator = iterate(list);

    (void)state;
    for (int64_t i = 0; i < 5; i++) {
        assert_int_equal(next_number(iterator), i);
    }
    append(list, 5); /* not too late */
    assert_int_equal(next_number(iterator), 5);
    assert_int_equal(next_number(iterator), -1);
    append(list, 6); /* too late */
    assert_int_equal(next_number(iterator), -1);
    ouro_decref(iterator);

    iterator = iterate(list); /* it never gets to the end */
    for (int64_t i = 0; i < 1000; i++) {
        assert_int_equal(next_number(iterator), i < 7 ? i : i - 7);
        append(list, i);
    }
    ouro_decref(iterator);
    ouro_decref(list);
}

static void
test_shrinking_list(void **state) /* list_tests: test_iadd and test_reversed with items taken out */
{
    ouro_ref list = list_of_numbers(10), iterator = iterate(list),
             back = ouro_list_iterate_reversed(list);

    (void)state;
    assert_int_equal(next_number(iterator), 0);
    ouro_decref(ouro_list_pop(list, 0)); /* one is passed over */
    assert_int_equal(next_number(iterator), 2);
    assert_int_equal(next_number(back), -1); /* its place is gone: that is the end */
    append(list, 10);
    assert_int_equal(next_number(back), -1);
    ouro_list_clear(list);
    assert_int_equal(next_number(iterator), -1);
    append(list, 11);
    assert_int_equal(next_number(iterator), -1);
    assert_int_equal(ouro_refcount(ouro_lend(list)), 1);
    ouro_decref(back);
    ouro_decref(iterator);
    ouro_decref(list);
}

static void
test_changing_bytearray(void **state)
{
    ouro_ref array = ouro_bytearray_new("abc", 3), iterator = iterate(array);

    (void)state;
    assert_int_equal(next_number(iterator), 'a');
    assert_int_equal(ouro_bytearray_add(array, "de", 2), OURO_OK);
    assert_int_equal(ouro_bytearray_set(array, 1, 'x'), OURO_OK);
    assert_int_equal(next_number(iterator), 'x');
    assert_int_equal(next_number(iterator), 'c');
    assert_int_equal(next_number(iterator), 'd');
    assert_int_equal(ouro_bytearray_resize(array, 4), OURO_OK);
    assert_int_equal(next_number(iterator), -1);
    assert_int_equal(ouro_bytearray_add(array, "de", 2), OURO_OK);
    assert_int_equal(next_number(iterator), -1);
    ouro_decref(iterator);
    ouro_decref(array);
}

static void
test_changing_dict_and_set(
    void **state) /* test_dict.py: test_mutating_iteration; test_set.py: "changed size" */
{
    ouro_ref dict = ouro_dict_new(), set = ouro_set_new(), item = NULL;

    (void)state;
    for (int64_t i = 0; i < 10; i++) {
        ouro_ref number = ouro_int_new(i);
        assert_int_equal(ouro_dict_set(dict, number, number), OURO_OK);
        assert_int_equal(ouro_set_add(set, number), OURO_OK);
        ouro_decref(number);
    }
    ouro_ref over_dict = iterate(dict), over_set = iterate(set), ten = ouro_int_new(10);
    assert_int_equal(next_number(over_dict), 0);
    assert_int_equal(ouro_dict_set(dict, ten, ten), OURO_OK);
    assert_int_equal(ouro_set_add(set, ten), OURO_OK);
    for (unsigned i = 0; i < 3; i++) { /* and it stays so, even when the number is as before */
        assert_int_equal(ouro_next(over_dict, &item), OURO_CHANGED);
        assert_int_equal(ouro_next(over_set, &item), OURO_CHANGED);
        assert_true(ouro_dict_delete(dict, ten) >= 0);
        assert_true(ouro_set_discard(set, ten) >= 0);
    }
    ouro_decref(ten);
    ouro_decref(over_dict);
    ouro_decref(over_set);
    check_numbers(iterate(dict), 0, 1, 10);
    ouro_decref(dict);
    ouro_decref(set);
}

/* ---- letting go ---- */

/* Each kind of iterator over a container of one node: at its end, the container goes when nobody else holds it. */
static void
test_lets_go_at_end(void **state) /* test_free_after_iterating; test_sinkstate_* */
{
    (void)state;
    for (unsigned kind = 0; kind < 9; kind++) {
        ouro_ref list = ouro_list_new(0), node = node_new(NULL, NULL), tuple = ouro_tuple_new(1, &node);
        ouro_ref dict = ouro_dict_new(), set = ouro_set_new(), iterator = NULL, item = NULL;
        nodes_dead = 0;
        assert_int_equal(ouro_list_append(list, node), OURO_OK);
        assert_int_equal(ouro_dict_set(dict, node, node), OURO_OK);
        assert_int_equal(ouro_set_add(set, node), OURO_OK);
        ouro_decref(node);
        iterator = kind == 0   ? iterate(list)
                   : kind == 1 ? ouro_list_iterate_reversed(list)
                   : kind == 2 ? iterate(tuple)
                   : kind == 3 ? ouro_tuple_iterate_reversed(tuple)
                   : kind == 4 ? iterate(dict)
                   : kind == 5 ? ouro_dict_iterate_values(dict)
                   : kind == 6 ? ouro_dict_iterate_items(dict)
                   : kind == 7 ? iterate(set)
                               : iterate(dict);
        if (kind == 8) { /* an end by a change */
            assert_int_equal(ouro_dict_set(dict, list, list), OURO_UNHASHABLE);
        }
        ouro_decref(list);
        ouro_decref(tuple);
        ouro_decref(dict);
        ouro_decref(set);
        assert_int_equal(nodes_dead, 0);
        assert_int_equal(ouro_next(iterator, &item), OURO_FOUND);
        ouro_decref(item);
        assert_int_equal(nodes_dead, 0);
        assert_int_equal(ouro_next(iterator, &item), OURO_OK);
        assert_int_equal(nodes_dead, 1);
        assert_int_equal(ouro_next(iterator, &item), OURO_OK);
        ouro_decref(iterator);
    }
}

static void
test_dropped_in_the_middle(void **state)
{
    ouro_ref list = ouro_list_new(0);

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(ouro_list_append_steal(list, node_new(NULL, NULL)), OURO_OK);
    }
    ouro_ref iterator = iterate(list), item = NULL;
    ouro_decref(list);
    assert_int_equal(ouro_next(iterator, &item), OURO_FOUND);
    ouro_decref(item);
    ouro_decref(iterator);
    assert_int_equal(nodes_dead, 10);
}

static void
test_cycle(void **state) /* a container that holds an iterator over itself */
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        ouro_ref list = ouro_list_new(0);
        assert_int_equal(ouro_list_append_steal(list, node_new(NULL, NULL)), OURO_OK);
        assert_int_equal(ouro_list_append_steal(list, iterate(list)), OURO_OK);
        assert_int_equal(ouro_list_append_steal(list, ouro_list_iterate_reversed(list)), OURO_OK);
        ouro_decref(list);
        nodes_dead = 0;
        assert_int_equal(ouro_gc_collect(i), 4);
        assert_int_equal(nodes_dead, 1);
    }
}

/* ---- lists and the like from anything ---- */

static void
test_from_anything(void **state) /* test_builtin_list, test_builtin_tuple, test_iter_... */
{
    ouro_ref str = ouro_str_new("abc"), list = NULL, tuple = NULL, set = NULL, dict = ouro_dict_new();
    ouro_ref number = ouro_int_new(7), pairs = ouro_list_new(0);

    (void)state;
    assert_int_equal(ouro_list_from(str, &list), OURO_OK);
    assert_int_equal(ouro_list_extend(list, str), OURO_OK);
    assert_int_equal(ouro_list_extend(list, list), OURO_OK); /* as it was, not for ever */
    assert_int_equal(ouro_list_length(list), 12);
    assert_int_equal(ouro_tuple_from(list, &tuple), OURO_OK);
    assert_int_equal(ouro_tuple_length(tuple), 12);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(ouro_str_get(ouro_tuple_get_borrow(tuple, i), 0), "abc"[i % 3]);
        assert_ptr_equal(ouro_tuple_get_borrow(tuple, i), ouro_list_get_borrow(list, i));
    }
    ouro_ref iterator = iterate(tuple);
    assert_int_equal(ouro_frozenset_new(iterator, &set), OURO_OK);
    assert_int_equal(ouro_set_length(set), 3);
    ouro_decref(iterator);
    for (size_t i = 0; i < 3; i++) {
        ouro_loan pair[] = {ouro_tuple_get_borrow(tuple, i), number};
        assert_int_equal(ouro_list_append_steal(pairs, ouro_tuple_new(2, pair)), OURO_OK);
    }
    iterator = iterate(pairs);
    assert_int_equal(ouro_dict_update(dict, iterator), OURO_OK);
    assert_int_equal(ouro_dict_length(dict), 3);
    ouro_decref(iterator);

    ouro_ref untouched = number; /* what is none leaves the result alone */
    assert_int_equal(ouro_list_from(number, &untouched), OURO_WRONG_TYPE);
    assert_int_equal(ouro_tuple_from(number, &untouched), OURO_WRONG_TYPE);
    assert_ptr_equal(untouched, number);
    assert_int_equal(ouro_list_extend(list, number), OURO_WRONG_TYPE);
    ouro_decref(str);
    ouro_decref(list);
    ouro_decref(tuple);
    ouro_decref(set);
    ouro_decref(dict);
    ouro_decref(pairs);
    ouro_decref(number);
}

/* ---- how containers are shown ---- */

static void
test_repr(void **state) /* test_dict.py: test_repr; test_set.py: test_repr, test_cyclical_repr */
{
    ouro_ref dict = ouro_dict_new(), set = ouro_set_new(), frozen = NULL, a = ouro_str_new("a"),
             one = ouro_int_new(1), list = ouro_list_new(0);

    (void)state;
    check_repr(dict, "{}");
    check_repr(set, "set()");
    assert_int_equal(ouro_frozenset_new(set, &frozen), OURO_OK);
    check_repr(frozen, "frozenset()");
    ouro_decref(frozen);
    assert_int_equal(ouro_dict_set(dict, a, one), OURO_OK);
    assert_int_equal(ouro_set_add(set, one), OURO_OK);
    check_repr(dict, "{'a': 1}");
    check_repr(set, "{1}");
    assert_int_equal(ouro_frozenset_new(set, &frozen), OURO_OK);
    check_repr(frozen, "frozenset({1})");
    assert_int_equal(ouro_dict_set(dict, one, dict), OURO_OK);
    assert_int_equal(ouro_dict_set(dict, frozen, set), OURO_OK);
    check_repr(dict, "{'a': 1, 1: {...}, frozenset({1}): {1}}");
    assert_int_equal(ouro_list_append(list, dict), OURO_OK);
    assert_int_equal(ouro_dict_set(dict, a, list), OURO_OK);
    check_repr(list, "[{'a': [...], 1: {...}, frozenset({1}): {1}}]");
    ouro_decref(list);
    ouro_decref(frozen);
    ouro_decref(a);
    ouro_decref(one);
    ouro_decref(set);
    ouro_decref(dict);
    assert_int_equal(ouro_gc_collect(2), 4);
}

/* ---- threads that share an iterator ---- */

struct worker {
    ouro_ref iterator;
    uint8_t *seen;
    unsigned long n;
};

static void
take_items(void *context)
{
    struct worker *worker = context;
    int64_t value;

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    while ((value = next_number(worker->iterator)) >= 0) {
        __atomic_fetch_add(&worker->seen[value], 1, __ATOMIC_RELAXED);
        worker->n++;
    }
    ouro_thread_detach();
}

/* Four threads share an iterator, stolen, over the numbers below `n`: each number goes to one of them. */
static void
share(ouro_ref iterator, int64_t n)
{
    struct worker workers[4];
    uint8_t *seen = calloc((size_t)n, 1);

    for (unsigned i = 0; i < 4; i++) {
        workers[i] = (struct worker){.iterator = iterator, .seen = seen};
    }
    threads_run_detached(4, take_items, workers, sizeof *workers);
    for (int64_t i = 0; i < n; i++) {
        REQUIRE(seen[i] == 1, "%lld was given %u times", (long long)i, seen[i]);
    }
    free(seen);
    ouro_decref(iterator);
}

static void
test_shared(void **state)
{
    const int64_t n = TEST_STRESSED ? 2000 : 100000;
    ouro_ref list = list_of_numbers(n), tuple = tuple_of_numbers(n), range = NULL, set = NULL,
             dict = ouro_dict_new();

    (void)state;
    ouro_gc_enable();
    assert_int_equal(ouro_range_new(0, n, 1, &range), OURO_OK);
    assert_int_equal(ouro_frozenset_new(range, &set), OURO_OK);
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(ouro_dict_set(dict, ouro_list_get_borrow(list, (size_t)i), range), OURO_OK);
    }
    share(iterate(list), n);
    share(ouro_list_iterate_reversed(list), n);
    share(iterate(tuple), n);
    share(iterate(range), n);
    share(ouro_range_iterate_reversed(range), n);
    share(iterate(set), n);
    share(iterate(dict), n);
    ouro_safepoint();                                    /* what others let go of is left for here */
    assert_int_equal(ouro_refcount(ouro_lend(list)), 1); /* even then they let go at the end */
    assert_int_equal(ouro_refcount(ouro_lend(tuple)), 1);
    assert_int_equal(ouro_refcount(ouro_lend(set)), 1);
    assert_int_equal(ouro_refcount(ouro_lend(dict)), 1);
    ouro_decref(list);
    ouro_decref(tuple);
    ouro_decref(range);
    ouro_decref(set);
    ouro_decref(dict);
}

struct hostile {
    ouro_ref list, iterator;
    unsigned number;
};

/* Change a list that others iterate over, or iterate over it. */
static void
be_hostile(void *context)
{
    struct hostile *hostile = context;

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (int64_t i = 0; i < (TEST_STRESSED ? 2000 : 50000); i++) {
        if (hostile->number == 0) {
            append(hostile->list, i);
        } else if (hostile->number == 1) {
            ouro_xdecref(ouro_list_pop(ouro_lend(hostile->list), SIZE_MAX));
        } else {
            (void)next_number(hostile->iterator);
            ouro_ref own = iterate(hostile->list);
            (void)next_number(own);
            ouro_decref(own);
        }
        if (i % 1000 == 0 && hostile->number == 1) {
            ouro_list_clear(ouro_lend(hostile->list));
        }
    }
    ouro_thread_detach();
}

static void
test_changed_by_other_threads(void **state)
{
    ouro_ref list = list_of_numbers(10), iterator = iterate(list);
    struct hostile workers[4];

    (void)state;
    ouro_gc_enable();
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = (struct hostile){list, iterator, i};
    }
    threads_run_detached(4, be_hostile, workers, sizeof *workers);
    ouro_decref(iterator);
    ouro_safepoint();
    assert_int_equal(ouro_refcount(ouro_lend(list)), 1);
    ouro_decref(list);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lists_and_tuples, gc_setup),
        cmocka_unit_test_setup(test_bytes, gc_setup),
        cmocka_unit_test_setup(test_texts, gc_setup),
        cmocka_unit_test_setup(test_iterators_iterate_over_themselves, gc_setup),
        cmocka_unit_test_setup(test_growing_list, gc_setup),
        cmocka_unit_test_setup(test_shrinking_list, gc_setup),
        cmocka_unit_test_setup(test_changing_bytearray, gc_setup),
        cmocka_unit_test_setup(test_changing_dict_and_set, gc_setup),
        cmocka_unit_test_setup(test_lets_go_at_end, gc_setup),
        cmocka_unit_test_setup(test_dropped_in_the_middle, gc_setup),
        cmocka_unit_test_setup(test_cycle, gc_setup),
        cmocka_unit_test_setup(test_from_anything, gc_setup),
        cmocka_unit_test_setup(test_repr, gc_setup),
        cmocka_unit_test_setup(test_shared, gc_setup),
        cmocka_unit_test_setup(test_changed_by_other_threads, gc_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
