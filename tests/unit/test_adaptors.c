/* test_adaptors.c - map, filter, chunked, chain and islice: what they give, that they take no more than is wanted, what
 * comes of failures, and that they let go of everything at their end.
 *
 * Each test names the one of CPython's Lib/test/test_itertools.py (or test_builtin.py) that it follows. */
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "nodes.h"
#include "numbers.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

#define MANY (TEST_STRESSED ? 20000 : 1000000)

static ouro_ref
range(int64_t start, int64_t stop)
{
    ouro_ref made = NULL;
    REQUIRE(ouro_range_new(start, stop, 1, &made) == OURO_OK, "no range");
    return made;
}

/* The number that comes next; INT64_MIN at the end, the status of a failure. */
static int64_t
number_or_status(ouro_ref iterator)
{
    ouro_ref item = NULL;
    ouro_status status = ouro_next(ouro_lend(iterator), &item);
    int64_t value = status == OURO_OK ? INT64_MIN : (int64_t)status;
    if (status == OURO_FOUND) {
        value = number_of(ouro_lend(item));
        ouro_decref(item);
    }
    return value;
}

/* The iterator, stolen, gives exactly what is shown, as a list. */
static void
check(ouro_ref iterator, const char *expected)
{
    ouro_ref list = NULL, item = NULL;
    REQUIRE(ouro_list_from(ouro_lend(iterator), &list) == OURO_OK, "no list");
    ouro_ref text = ouro_repr(ouro_lend(list));
    const char *shown = ouro_str_ascii_borrow(ouro_lend(text));
    REQUIRE(strcmp(shown, expected) == 0, "%s, not %s", shown, expected);
    REQUIRE(ouro_next(ouro_lend(iterator), &item) == OURO_OK, "it goes on");
    ouro_decref(text);
    ouro_decref(list);
    ouro_decref(iterator);
}

/* ---- functions ---- */

/* The item plus the context's number; fails for 13. */
static ouro_status
add(ouro_loan item, ouro_loan context, ouro_ref *result)
{
    if (number_of(item) == 13) {
        return OURO_UNHASHABLE;
    }
    return context != NULL ? ouro_int_add(item, context, result)
                           : (*result = ouro_incref(item), OURO_OK);
}

/* Keeps what the context divides; fails for 13. */
static ouro_status
divides(ouro_loan item, ouro_loan context)
{
    if (number_of(item) == 13) {
        return OURO_DEAD;
    }
    return number_of(item) % number_of(context) == 0 ? OURO_FOUND : OURO_OK;
}

static ouro_ref
map(ouro_loan source, ouro_map_function function, ouro_loan context)
{
    ouro_ref iterator = NULL;
    REQUIRE(ouro_map(source, function, context, &iterator) == OURO_OK, "no map");
    return iterator;
}

static ouro_ref
filter(ouro_loan source, ouro_filter_function function, ouro_loan context)
{
    ouro_ref iterator = NULL;
    REQUIRE(ouro_filter(source, function, context, &iterator) == OURO_OK, "no filter");
    return iterator;
}

static ouro_ref
chunked(ouro_loan source, size_t n)
{
    ouro_ref iterator = NULL;
    REQUIRE(ouro_chunked(source, n, &iterator) == OURO_OK, "not chunked");
    return iterator;
}

static ouro_ref
islice(ouro_loan source, size_t start, size_t stop, size_t step)
{
    ouro_ref iterator = NULL;
    REQUIRE(ouro_islice(source, start, stop, step, &iterator) == OURO_OK, "no islice");
    return iterator;
}

static ouro_ref
chain(ouro_ref a, ouro_ref b, ouro_ref c)
{
    const ouro_loan sources[] = {ouro_lend(a), ouro_lend(b), ouro_lend(c)};
    ouro_ref tuple = ouro_tuple_new(3, sources), iterator = NULL;
    REQUIRE(ouro_chain(ouro_lend(tuple), &iterator) == OURO_OK, "no chain");
    ouro_decref(tuple);
    return iterator;
}

/* ---- what they give ---- */

static void
test_what_they_give(
    void **state) /* test_builtin: test_map, test_filter; TestBatched, TestChain, TestISlice basics */
{
    ouro_ref ten = range(0, 10), none = range(0, 0), three = ouro_int_new(3), abc = ouro_str_new("abc");

    (void)state;
    check(map(ten, add, three), "[3, 4, 5, 6, 7, 8, 9, 10, 11, 12]");
    check(map(ten, add, NULL), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]");
    check(map(none, add, three), "[]");
    check(filter(ten, divides, three), "[0, 3, 6, 9]");
    check(filter(none, divides, three), "[]");
    check(chunked(ten, 3), "[(0, 1, 2), (3, 4, 5), (6, 7, 8), (9,)]");
    check(chunked(ten, 5), "[(0, 1, 2, 3, 4), (5, 6, 7, 8, 9)]");
    check(chunked(ten, SIZE_MAX), "[(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)]");
    check(chunked(none, 3), "[]");
    check(chain(abc, ten, abc), "['a', 'b', 'c', 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 'a', 'b', 'c']");
    check(chain(none, none, none), "[]");
    check(chain(none, abc, none), "['a', 'b', 'c']");
    check(islice(ten, 0, 3, 1), "[0, 1, 2]");
    check(islice(ten, 2, SIZE_MAX, 3), "[2, 5, 8]");
    check(islice(ten, 8, 100, SIZE_MAX), "[8]");
    check(islice(ten, 5, 2, 1), "[]");
    ouro_decref(ten);
    ouro_decref(none);
    ouro_decref(three);
    ouro_decref(abc);
}

/* What islice gives, and what it leaves in its source, is what a plain loop does. */
static void
test_islice(void **state) /* test_islice: "Test items consumed" */
{
    (void)state;
    for (size_t start = 0; start < 7; start++) {
        for (size_t stop = 0; stop < 9; stop++) {
            for (size_t step = 1; step < 5; step++) {
                ouro_ref numbers = range(0, 7), source = NULL;
                REQUIRE(ouro_iterate(ouro_lend(numbers), &source) == OURO_OK, "no iterator");
                ouro_ref iterator = islice(ouro_lend(source), start, stop, step);
                for (size_t i = start; i < stop && i < 7; i += step) {
                    REQUIRE(number_or_status(iterator) == (int64_t)i, "another one");
                }
                REQUIRE(number_or_status(iterator) == INT64_MIN, "one more");
                int64_t left = stop < 7 ? (int64_t)stop : INT64_MIN; /* all before `stop` is taken */
                REQUIRE(number_or_status(source) == left, "more is taken, or less");
                ouro_decref(iterator);
                ouro_decref(source);
                ouro_decref(numbers);
            }
        }
    }
}

static void
test_arguments(void **state) /* test_islice, test_batched: ValueError, TypeError */
{
    ouro_ref number = ouro_int_new(5), numbers = range(0, 5), none = NULL, iterator = NULL;

    (void)state;
    assert_int_equal(ouro_map(number, add, NULL, &none), OURO_WRONG_TYPE);
    assert_int_equal(ouro_filter(number, divides, NULL, &none), OURO_WRONG_TYPE);
    assert_int_equal(ouro_chunked(number, 1, &none), OURO_WRONG_TYPE);
    assert_int_equal(ouro_chain(number, &none), OURO_WRONG_TYPE);
    assert_int_equal(ouro_islice(number, 0, 1, 1, &none), OURO_WRONG_TYPE);
    assert_int_equal(ouro_chunked(numbers, 0, &none), OURO_WRONG_VALUE);
    assert_int_equal(ouro_islice(numbers, 0, 1, 0, &none), OURO_WRONG_VALUE);
    assert_null(none);
    assert_int_equal(ouro_chain(numbers, &iterator),
                     OURO_OK); /* what it holds cannot be iterated over */
    assert_int_equal(number_or_status(iterator), OURO_WRONG_TYPE);
    ouro_decref(iterator);
    assert_int_equal(ouro_refcount(ouro_lend(numbers)), 1);
    ouro_decref(numbers);
    ouro_decref(number);
}

static void
test_nothing_is_taken_before_it_is_wanted(void **state) /* they are lazy: a source without end */
{
    ouro_ref endless = range(0, INT64_MAX), source = NULL, two = ouro_int_new(2);

    (void)state;
    assert_int_equal(ouro_iterate(endless, &source), OURO_OK);
    ouro_ref even = filter(source, divides, two), more = map(even, add, two), pairs = chunked(more, 2);
    ouro_ref some = islice(pairs, 1, 3, 1);
    assert_int_equal(number_or_status(source), 0); /* nothing was taken yet */
    check(some, "[(8, 10), (12, 14)]");
    assert_int_equal(number_or_status(source), 13); /* 12 was the last that was needed */
    ouro_decref(pairs);
    ouro_decref(more);
    ouro_decref(even);
    ouro_decref(source);
    ouro_decref(endless);
    ouro_decref(two);
}

static void
test_many(void **state)
{
    ouro_ref numbers = range(0, MANY), chunks = chunked(numbers, 1000), all = NULL,
             one = ouro_int_new(1);

    (void)state;
    ouro_gc_enable();
    assert_int_equal(ouro_chain(chunks, &all), OURO_OK);
    for (int64_t i = 0; i < MANY; i++) {
        REQUIRE(number_or_status(all) == i, "not %lld", (long long)i);
    }
    assert_int_equal(number_or_status(all), INT64_MIN);
    ouro_decref(all);
    ouro_decref(chunks);
    ouro_decref(numbers);
    ouro_decref(one);
}

static void
test_many_empty_sources(void **state) /* TestChain: test_long_chain_of_empty_iterables */
{
    ouro_ref empty = ouro_list_new(0), numbers = range(0, MANY), all = NULL, list = ouro_list_new(0);

    (void)state;
    for (long i = 0; i < MANY; i++) {
        REQUIRE(ouro_list_append(list, empty) == OURO_OK, "no memory");
    }
    assert_int_equal(ouro_chain(list, &all), OURO_OK);
    assert_int_equal(number_or_status(all), INT64_MIN);
    ouro_decref(all);
    ouro_decref(list);
    ouro_decref(empty);
    ouro_decref(numbers);
}

static void
test_nested(void **state) /* test_builtin: test_filter_dealloc, test_map deep; no stack is too small */
{
    ouro_ref iterator = range(0, 5);

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        ouro_ref outer = map(iterator, add, NULL);
        ouro_decref(iterator);
        iterator = outer;
    }
    assert_int_equal(number_or_status(iterator), 0);
    ouro_ref outer = map(iterator, add, NULL);
    assert_int_equal(number_or_status(outer), OURO_TOO_LARGE);
    assert_int_equal(number_or_status(iterator), 1); /* nothing is lost */
    ouro_decref(outer);
    for (unsigned i = 0; i < MANY; i++) { /* destroyed without deep recursion */
        outer = map(iterator, add, NULL);
        ouro_decref(iterator);
        iterator = outer;
    }
    assert_int_equal(number_or_status(iterator), OURO_TOO_LARGE);
    ouro_decref(iterator);
}

/* ---- failures ---- */

static void
test_functions_fail(void **state) /* test_map: BadSeq; they may be asked on */
{
    ouro_ref numbers = range(11, 16), three = ouro_int_new(3);
    ouro_ref mapped = map(numbers, add, NULL), filtered = filter(numbers, divides, three);

    (void)state;
    assert_int_equal(number_or_status(mapped), 11);
    assert_int_equal(number_or_status(mapped), 12);
    assert_int_equal(number_or_status(mapped), OURO_UNHASHABLE);
    assert_int_equal(number_or_status(mapped), 14);
    assert_int_equal(number_or_status(filtered), 12);
    assert_int_equal(number_or_status(filtered), OURO_DEAD);
    assert_int_equal(number_or_status(filtered), 15);
    assert_int_equal(number_or_status(filtered), INT64_MIN);
    ouro_decref(filtered);
    ouro_decref(mapped);

    mapped = map(numbers, add, NULL);
    ouro_ref chunks = chunked(mapped, 3), item = NULL;
    assert_int_equal(ouro_next(chunks, &item), OURO_UNHASHABLE);
    check(chunks, "[(11, 12, 14), (15,)]"); /* what was taken before is not lost */
    ouro_decref(mapped);
    ouro_decref(numbers);
    ouro_decref(three);
}

static void
test_sources_fail(void **state) /* a set that changes */
{
    ouro_ref set = ouro_set_new(), one = ouro_int_new(1), none = ouro_int_new(2), all = NULL;

    (void)state;
    assert_int_equal(ouro_set_add(set, one), OURO_OK);
    ouro_ref iterators[] = {map(set, add, NULL), filter(set, divides, one), islice(set, 0, 5, 1)};
    ouro_ref sources = ouro_tuple_new(1, &set);
    assert_int_equal(ouro_chain(sources, &all), OURO_OK);
    assert_int_equal(number_or_status(all), 1);
    assert_int_equal(ouro_set_add(set, none), OURO_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(number_or_status(iterators[i]), OURO_CHANGED);
        ouro_decref(iterators[i]);
    }
    assert_int_equal(number_or_status(all), OURO_CHANGED);
    ouro_decref(all);
    ouro_decref(sources);
    ouro_decref(set);
    ouro_decref(one);
    ouro_decref(none);
}

static ouro_ref inside; /* an iterator whose function asks for its next item */

static ouro_status
ask_again(ouro_loan item, ouro_loan context, ouro_ref *result)
{
    ouro_ref none = NULL;
    (void)context;
    REQUIRE(ouro_next(ouro_lend(inside), &none) == OURO_BUSY && none == NULL, "it was not busy");
    *result = ouro_incref(item);
    return OURO_OK;
}

static void
test_asked_from_inside(
    void **state) /* test_itertools: re-entrance of tee, chain, islice (bpo-34410, gh-...) */
{
    ouro_ref numbers = range(0, 3);

    (void)state;
    inside = map(numbers, ask_again, NULL);
    assert_int_equal(number_or_status(inside), 0);
    assert_int_equal(number_or_status(inside), 1);
    ouro_clear(&inside);
    ouro_decref(numbers);
}

/* ---- letting go ---- */

static ouro_status
give_node(ouro_loan item, ouro_loan context, ouro_ref *result)
{
    (void)context;
    *result = ouro_incref(item);
    return OURO_OK;
}

static ouro_status
keep(ouro_loan item, ouro_loan context)
{
    (void)item;
    (void)context;
    return OURO_FOUND;
}

static ouro_ref
make(unsigned kind, ouro_loan source, ouro_loan context)
{
    ouro_ref iterator = NULL;
    ouro_status status = kind == 0   ? ouro_map(source, give_node, context, &iterator)
                         : kind == 1 ? ouro_filter(source, keep, context, &iterator)
                         : kind == 2 ? ouro_chunked(source, 2, &iterator)
                         : kind == 3 ? ouro_islice(source, 0, SIZE_MAX, 1, &iterator)
                                     : ouro_chain(source, &iterator);
    REQUIRE(status == OURO_OK, "not made");
    return iterator;
}

static void
test_end_lets_go(void **state) /* sources and contexts go at the end, or with what holds them */
{
    (void)state;
    for (unsigned kind = 0; kind < 5; kind++) {
        for (unsigned to_end = 0; to_end < 2; to_end++) {
            ouro_ref list = ouro_list_new(0), context = node_new(NULL, NULL), item = NULL;
            nodes_dead = 0;
            for (unsigned i = 0; i < 5; i++) {
                ouro_ref node = node_new(NULL, NULL);
                ouro_ref held = kind == 4 ? ouro_tuple_new(1, &node) : ouro_incref(node);
                assert_int_equal(ouro_list_append_steal(list, held), OURO_OK);
                ouro_decref(node);
            }
            ouro_ref iterator = make(kind, list, context);
            ouro_decref(context);
            ouro_decref(list);
            assert_int_equal(ouro_next(iterator, &item), OURO_FOUND);
            ouro_decref(item);
            assert_int_equal(nodes_dead, kind > 1);
            while (to_end && ouro_next(iterator, &item) == OURO_FOUND) {
                ouro_decref(item);
            }
            assert_true(!to_end || nodes_dead == 6);
            ouro_decref(iterator);
            assert_int_equal(nodes_dead, 6);
        }
    }
}

static void
test_cycles(void **state) /* TestGC: each holds itself */
{
    (void)state;
    for (unsigned kind = 0; kind < 5; kind++) {
        for (unsigned begun = 0; begun < 2; begun++) {
            ouro_ref list = ouro_list_new(0), node = node_new(NULL, NULL), item = NULL;
            ouro_ref tuple = ouro_tuple_new(1, &node);
            assert_int_equal(ouro_list_append(list, kind == 4 ? tuple : node), OURO_OK);
            ouro_ref iterator = make(kind, list, node);
            assert_int_equal(ouro_list_append(list, iterator), OURO_OK);
            node_of(node)->left = list;
            ouro_decref(tuple);
            ouro_decref(node);
            if (begun && kind != 2) {
                assert_int_equal(ouro_next(iterator, &item), OURO_FOUND);
                ouro_decref(item);
            }
            nodes_dead = 0;
            ouro_decref(iterator);
            assert_true(ouro_gc_collect(2) >= 3);
            assert_int_equal(nodes_dead, 1);
        }
    }
}

/* ---- threads ---- */

struct worker {
    ouro_ref iterator;
    uint8_t *seen;
};

static void
take_numbers(void *context)
{
    struct worker *worker = context;
    int64_t value;

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    while ((value = number_or_status(worker->iterator)) != INT64_MIN) {
        if (value == OURO_BUSY) {
            ouro_safepoint();
        } else {
            __atomic_fetch_add(&worker->seen[value], 1, __ATOMIC_RELAXED);
        }
    }
    ouro_thread_detach();
}

static void
test_shared(void **state) /* one at a time: each item goes to one thread */
{
    const int64_t n = TEST_STRESSED ? 2000 : 50000;
    ouro_ref numbers = range(0, n), chunks = chunked(numbers, 10), all = NULL;
    struct worker workers[4];
    uint8_t *seen = calloc((size_t)n, 1);

    (void)state;
    ouro_gc_enable();
    assert_int_equal(ouro_chain(chunks, &all), OURO_OK);
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = (struct worker){all, seen};
    }
    threads_run_detached(4, take_numbers, workers, sizeof *workers);
    for (int64_t i = 0; i < n; i++) {
        REQUIRE(seen[i] == 1, "%lld was given %u times", (long long)i, seen[i]);
    }
    free(seen);
    ouro_decref(all);
    ouro_decref(chunks);
    ouro_decref(numbers);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_they_give, gc_setup),
        cmocka_unit_test_setup(test_islice, gc_setup),
        cmocka_unit_test_setup(test_arguments, gc_setup),
        cmocka_unit_test_setup(test_nothing_is_taken_before_it_is_wanted, gc_setup),
        cmocka_unit_test_setup(test_many, gc_setup),
        cmocka_unit_test_setup(test_many_empty_sources, gc_setup),
        cmocka_unit_test_setup(test_nested, gc_setup),
        cmocka_unit_test_setup(test_functions_fail, gc_setup),
        cmocka_unit_test_setup(test_sources_fail, gc_setup),
        cmocka_unit_test_setup(test_asked_from_inside, gc_setup),
        cmocka_unit_test_setup(test_end_lets_go, gc_setup),
        cmocka_unit_test_setup(test_cycles, gc_setup),
        cmocka_unit_test_setup(test_shared, gc_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
