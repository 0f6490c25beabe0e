/* test_range.c - ranges, up to the limits of 64 bits.
 *
 * Each test names the one of CPython's Lib/test/test_range.py that it follows. */
#include <string.h>

#include "cm.h"
#include "nodes.h"
#include "numbers.h"
#include "process.h"
#include "random.h"
#include "require.h"

static ouro_ref
make(int64_t start, int64_t stop, int64_t step)
{
    ouro_ref range = NULL;
    REQUIRE(ouro_range_new(start, stop, step, &range) == OURO_OK, "no range");
    return range;
}

/* Does the iterator, stolen, give the numbers of the range, in the order or the opposite one? */
static void
check_iterator(ouro_ref iterator, ouro_ref range, bool is_reversed)
{
    uint64_t n = ouro_range_length(ouro_lend(range));
    ouro_ref item = NULL;
    int64_t expected;

    for (uint64_t i = 0; i < n; i++) {
        REQUIRE(ouro_range_get(ouro_lend(range), is_reversed ? n - 1 - i : i, &expected) == OURO_FOUND,
                "nothing there");
        REQUIRE(ouro_next(ouro_lend(iterator), &item) == OURO_FOUND, "too few");
        REQUIRE(value_of(item) == expected, "not %lld", (long long)expected);
    }
    REQUIRE(ouro_next(ouro_lend(iterator), &item) == OURO_OK, "too many");
    REQUIRE(ouro_next(ouro_lend(iterator), &item) == OURO_OK, "it goes on");
    ouro_decref(iterator);
}

static void
check_both_ways(ouro_ref range)
{
    ouro_ref iterator = NULL;
    REQUIRE(ouro_iterate(ouro_lend(range), &iterator) == OURO_OK, "no iterator");
    check_iterator(iterator, range, false);
    check_iterator(ouro_range_iterate_reversed(ouro_lend(range)), range, true);
}

/* Against a loop as in C, for small numbers. */
static void
test_small(
    void **state) /* test_range, test_iteration, test_contains, test_index, test_reverse_iteration */
{
    (void)state;
    for (int64_t start = -6; start <= 6; start++) {
        for (int64_t stop = -6; stop <= 6; stop++) {
            for (int64_t step = -4; step <= 4; step++) {
                if (step == 0) {
                    continue;
                }
                ouro_ref range = make(start, stop, step);
                uint64_t n = 0, index;
                int64_t got;
                for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step, n++) {
                    REQUIRE(ouro_range_get(range, n, &got) == OURO_FOUND && got == i, "another one");
                    REQUIRE(ouro_range_find(range, i, &index) == OURO_FOUND && index == n, "elsewhere");
                }
                REQUIRE(ouro_range_length(range) == n, "not %llu", (unsigned long long)n);
                REQUIRE(ouro_range_get(range, n, &got) == OURO_OK, "one more");
                for (int64_t i = -10; i <= 10; i++) {
                    bool is_in = step > 0 ? i >= start && i < stop : i <= start && i > stop;
                    is_in = is_in && (i - start) % step == 0;
                    REQUIRE((ouro_range_find(range, i, NULL) == OURO_FOUND) == is_in, "in or not");
                }
                check_both_ways(range);
                ouro_decref(range);
            }
        }
    }
}

static void
test_limits(void **state) /* test_large_range, test_range_iterators, within 64 bits */
{
    static const struct {
        int64_t start, stop, step;
        uint64_t n;
        int64_t last;
    } cases[] = {
        {INT64_MIN, INT64_MAX, 1, UINT64_MAX, INT64_MAX - 1},
        {INT64_MAX, INT64_MIN, -1, UINT64_MAX, INT64_MIN + 1},
        {INT64_MIN, INT64_MAX, INT64_MAX, 3, INT64_MAX - 1},
        {INT64_MAX, INT64_MIN, INT64_MIN, 2, -1},
        {INT64_MIN, INT64_MAX, 2, UINT64_MAX / 2 + 1, INT64_MAX - 1},
        {INT64_MAX, INT64_MIN, INT64_MIN + 1, 3, INT64_MIN + 1},
        {0, INT64_MIN, INT64_MIN, 1, 0},
        {INT64_MAX - 1, INT64_MAX, INT64_MAX, 1, INT64_MAX - 1},
        {INT64_MAX, INT64_MAX, 1, 0, 0},
        {INT64_MIN, INT64_MIN, -1, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ouro_ref range = make(cases[i].start, cases[i].stop, cases[i].step), iterator = NULL,
                 item = NULL;
        int64_t start, stop, step, got;
        uint64_t index;
        ouro_range_get_bounds(range, &start, &stop, &step);
        assert_true(start == cases[i].start && stop == cases[i].stop && step == cases[i].step);
        assert_true(ouro_range_length(range) == cases[i].n);
        assert_int_equal(ouro_range_get(range, UINT64_MAX, &got), OURO_OK);
        if (cases[i].n != 0) {
            assert_int_equal(ouro_range_get(range, cases[i].n - 1, &got), OURO_FOUND);
            assert_true(got == cases[i].last);
            assert_int_equal(ouro_range_find(range, got, &index), OURO_FOUND);
            assert_true(index == cases[i].n - 1);
            iterator = ouro_range_iterate_reversed(range);
            assert_int_equal(ouro_next(iterator, &item), OURO_FOUND);
            assert_true(value_of(item) == cases[i].last);
            ouro_decref(iterator);
            assert_int_equal(ouro_iterate(range, &iterator), OURO_OK);
            assert_int_equal(ouro_next(iterator, &item), OURO_FOUND);
            assert_true(value_of(item) == cases[i].start);
            ouro_decref(iterator);
        }
        if (cases[i].n < 10) {
            check_both_ways(range);
        }
        ouro_decref(range);
    }
}

static void
test_step_of_zero(void **state) /* test_range: "range() arg 3 must not be zero" */
{
    ouro_ref range = NULL;
    (void)state;
    assert_int_equal(ouro_range_new(0, 5, 0, &range), OURO_WRONG_VALUE);
    assert_null(range);
}

/* Two ranges are equal exactly when they have the same numbers, and then their hashes are, too. */
static void
test_equality(void **state) /* test_comparison */
{
    static ouro_ref ranges[2000];
    size_t n = 0, n_equal = 0;

    (void)state;
    for (int64_t start = -2; start <= 3; start++) {
        for (int64_t stop = -3; stop <= 4; stop++) {
            for (int64_t step = -3; step <= 3; step++) {
                if (step != 0) {
                    ranges[n++] = make(start, stop, step);
                }
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            uint64_t length = ouro_range_length(ranges[i]), a_hash, b_hash;
            int64_t a = 0, b = 0;
            bool same = length == ouro_range_length(ranges[k]);
            for (uint64_t x = 0; same && x < length; x++) {
                REQUIRE(ouro_range_get(ranges[i], x, &a) == OURO_FOUND &&
                            ouro_range_get(ranges[k], x, &b) == OURO_FOUND,
                        "nothing there");
                same = a == b;
            }
            REQUIRE(ouro_equal(ranges[i], ranges[k]) == (same ? OURO_FOUND : OURO_NOT_EQUAL), "equal?");
            REQUIRE(ouro_hash(ranges[i], &a_hash) == OURO_OK &&
                        ouro_hash(ranges[k], &b_hash) == OURO_OK,
                    "no hash");
            REQUIRE((a_hash == b_hash) == same, "hashes");
            n_equal += same;
        }
    }
    assert_true(n_equal > 2 * n);
    ouro_ref number = ouro_int_new(0);
    assert_int_equal(ouro_equal(ranges[0], number), OURO_NOT_EQUAL);
    ouro_decref(number);
    while (n != 0) {
        ouro_decref(ranges[--n]);
    }
}

static void
test_shown(void **state) /* test_repr */
{
    static const struct {
        int64_t start, stop, step;
        const char *expected;
    } cases[] = {
        {0, 5, 1, "range(0, 5)"},
        {1, -7, -2, "range(1, -7, -2)"},
        {INT64_MIN, INT64_MAX, 1, "range(-9223372036854775808, 9223372036854775807)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ouro_ref range = make(cases[i].start, cases[i].stop, cases[i].step), text = ouro_repr(range);
        assert_string_equal(ouro_str_ascii_borrow(text), cases[i].expected);
        assert_false(ouro_is_tracked(range));
        ouro_decref(text);
        ouro_decref(range);
    }
}

static void
test_many(void **state)
{
    const int64_t n = TEST_STRESSED ? 20000 : 3000000;
    ouro_ref range = make(-n, n, 1);

    (void)state;
    check_both_ways(range);
    ouro_decref(range);
}

/* Random bounds of the full width, checked with numbers of 128 bits. */
static void
test_random(void **state)
{
    struct test_random random = {test_seed(5)};

    (void)state;
    for (uint64_t i = test_count("OURO_TEST_ROUNDS", 200000); i != 0; i--) {
        int64_t start = (int64_t)(random_next(&random) >> random_below(&random, 64));
        int64_t stop = (int64_t)(random_next(&random) >> random_below(&random, 64));
        int64_t step = (int64_t)(random_next(&random) >> random_below(&random, 64));
        start = random_below(&random, 2) ? start : (int64_t) - (uint64_t)start;
        step = random_below(&random, 2) ? step : (int64_t) - (uint64_t)step;
        if (step == 0) {
            continue;
        }
        __extension__ typedef __int128 wide;
        wide distance = step > 0 ? (wide)stop - start : (wide)start - stop,
             width = step > 0 ? step : -(wide)step;
        wide n = distance > 0 ? (distance + width - 1) / width : 0;
        ouro_ref range = make(start, stop, step);
        REQUIRE(ouro_range_length(range) == (uint64_t)n, "another length");
        if (n != 0) {
            uint64_t index = random_next(&random) % (uint64_t)n, found;
            int64_t got;
            REQUIRE(ouro_range_get(range, index, &got) == OURO_FOUND, "nothing there");
            REQUIRE((wide)got == start + (wide)index * step, "another number");
            REQUIRE(ouro_range_find(range, got, &found) == OURO_FOUND && found == index, "elsewhere");
            if (width > 1) {
                REQUIRE(ouro_range_find(range, got + 1, NULL) == OURO_OK || got == INT64_MAX,
                        "in between");
            }
        }
        ouro_decref(range);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_small, nodes_setup),
        cmocka_unit_test_setup(test_limits, nodes_setup),
        cmocka_unit_test_setup(test_step_of_zero, nodes_setup),
        cmocka_unit_test_setup(test_equality, nodes_setup),
        cmocka_unit_test_setup(test_shown, nodes_setup),
        cmocka_unit_test_setup(test_many, nodes_setup),
        cmocka_unit_test_setup(test_random, nodes_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
