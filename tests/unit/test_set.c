/* test_set.c - sets and frozensets do what bits of an array do; hostile items, changes meanwhile, cycles, threads. */
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "keys.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

/* Less where everything is slow, or an object takes half a pool. */
#define MANY (TEST_STRESSED ? 20000 : TEST_THREAD_SANITIZED ? 100000 : 1000000)

#define MOST 2000

/* ---- against a naive oracle ---- */

static ouro_ref
make_item(uint32_t number, bool is_poor)
{
    return is_poor ? key_new(number, number % 5) : ouro_float_new(number);
}

static uint32_t
number_of(ouro_ref item, bool is_poor)
{
    return is_poor ? (uint32_t)key_value((ouro_loan)item) : (uint32_t)ouro_float_value((ouro_loan)item);
}

static void
check(ouro_loan set, const bool *in, uint32_t most, bool is_poor)
{
    size_t position = 0, n = 0, n_in = 0;
    ouro_ref item = NULL;

    while (ouro_set_next(set, &position, &item)) {
        REQUIRE(in[number_of(item, is_poor)], "an item that is not in");
        ouro_decref(item);
        n++;
    }
    for (uint32_t i = 0; i < most; i++) {
        n_in += in[i];
    }
    REQUIRE(n == n_in && ouro_set_length(set) == n, "%zu of %zu items", n, n_in);
}

static void
random_operations(struct test_random *random, uint32_t most, bool is_poor, unsigned n_operations)
{
    static bool in[MOST];
    ouro_ref set = ouro_set_new(), popped = NULL;
    unsigned favour = 50;

    memset(in, 0, sizeof in);
    for (unsigned i = 0; i < n_operations; i++) {
        uint32_t number = (uint32_t)random_below(random, most);
        ouro_ref item = make_item(number, is_poor);
        unsigned dice = (unsigned)random_below(random, 1000);
        ouro_status expected = in[number] ? OURO_FOUND : OURO_OK;
        if (dice == 0) {
            favour = (unsigned)random_below(random, 100);
        } else if (dice == 1) {
            ouro_assign(&set, ouro_set_copy(ouro_lend(set)));
        } else if (dice < 50) {
            if (ouro_set_pop(ouro_lend(set), &popped) == OURO_FOUND) {
                in[number_of(popped, is_poor)] = false;
                ouro_decref(popped);
            }
        } else if (dice < 250) {
            REQUIRE(ouro_set_contains(ouro_lend(set), ouro_lend(item)) == expected, "is in or not");
        } else if (random_below(random, 100) < favour) {
            REQUIRE(ouro_set_add(ouro_lend(set), ouro_lend(item)) == expected, "was in or not");
            in[number] = true;
        } else {
            REQUIRE(ouro_set_discard(ouro_lend(set), ouro_lend(item)) == expected, "was in or not");
            in[number] = false;
        }
        ouro_decref(item);
        if (i % 512 == 0 || most < 30) {
            check(ouro_lend(set), in, most, is_poor);
        }
    }
    check(ouro_lend(set), in, most, is_poor);
    ouro_decref(set);
}

static void
test_against_oracle(void **state)
{
    struct test_random random = {30};
    static const uint32_t most[] = {3, 8, 25, 50, 200, MOST};

    (void)state;
    for (unsigned i = 0; i < sizeof most / sizeof *most; i++) {
        random_operations(&random, most[i], false, 300000);
        random_operations(&random, most[i], true, 20000);
    }
}

/* ---- two sets ---- */

#define N_BITS 48

static ouro_ref
set_of_bits(uint64_t bits)
{
    ouro_ref set = ouro_set_new();
    for (uint32_t i = 0; i < N_BITS; i++) {
        ouro_ref item = ouro_float_new(i);
        if (bits >> i & 1) {
            REQUIRE(ouro_set_add(ouro_lend(set), ouro_lend(item)) == OURO_OK, "not added");
        }
        ouro_decref(item);
    }
    return set;
}

static uint64_t
bits_of(ouro_loan set)
{
    size_t position = 0;
    uint64_t bits = 0;
    ouro_ref item = NULL;

    while (ouro_set_next(set, &position, &item)) {
        bits |= (uint64_t)1 << (unsigned)ouro_float_value(ouro_lend(item));
        ouro_decref(item);
    }
    return bits;
}

typedef ouro_status (*operation)(ouro_loan set, ouro_loan other, ouro_ref *result);

static uint64_t
bits_after(operation operate, ouro_ref set, ouro_ref other)
{
    ouro_ref result = NULL;
    REQUIRE(operate(ouro_lend(set), ouro_lend(other), &result) == OURO_OK, "an operation failed");
    REQUIRE(ouro_type_of(ouro_lend(result)) == ouro_type_of(ouro_lend(set)), "of another kind");
    uint64_t bits = bits_of(ouro_lend(result));
    ouro_decref(result);
    return bits;
}

static ouro_status
as_status(bool is_true)
{
    return is_true ? OURO_FOUND : OURO_OK;
}

static void
check_two(uint64_t a_bits, uint64_t b_bits, ouro_ref a, ouro_ref b)
{
    assert_int_equal(bits_after(ouro_set_union, a, b), a_bits | b_bits);
    assert_int_equal(bits_after(ouro_set_intersection, a, b), a_bits & b_bits);
    assert_int_equal(bits_after(ouro_set_difference, a, b), a_bits & ~b_bits);
    assert_int_equal(bits_after(ouro_set_symmetric_difference, a, b), a_bits ^ b_bits);
    assert_int_equal(ouro_set_is_subset(ouro_lend(a), ouro_lend(b)), as_status(!(a_bits & ~b_bits)));
    assert_int_equal(ouro_set_is_superset(ouro_lend(a), ouro_lend(b)), as_status(!(b_bits & ~a_bits)));
    assert_int_equal(ouro_set_is_disjoint(ouro_lend(a), ouro_lend(b)), as_status(!(a_bits & b_bits)));
}

static void
test_operations(void **state)
{
    struct test_random random = {31};

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t mask = ((uint64_t)1 << random_below(&random, N_BITS + 1)) - 1;
        uint64_t a_bits = random_next(&random) & mask, b_bits = random_next(&random) & mask;
        b_bits = i % 3 == 0 ? b_bits & a_bits : b_bits;
        ouro_ref a = set_of_bits(a_bits), b = set_of_bits(b_bits), frozen = NULL,
                 list = ouro_list_new(0);
        ouro_ref iterator = NULL;
        check_two(a_bits, b_bits, a, b);
        check_two(a_bits, a_bits, a, a);
        assert_int_equal(ouro_equal(ouro_lend(a), ouro_lend(b)), as_status(a_bits == b_bits));
        assert_int_equal(ouro_frozenset_new(ouro_lend(b), &frozen), OURO_OK);
        check_two(a_bits, b_bits, a, frozen);
        check_two(b_bits, a_bits, frozen, a);
        assert_int_equal(ouro_equal(ouro_lend(b), ouro_lend(frozen)), OURO_FOUND);
        assert_int_equal(ouro_iterate(ouro_lend(b), &iterator), OURO_OK);
        assert_int_equal(ouro_set_update(ouro_lend(a), ouro_lend(iterator)), OURO_OK);
        assert_int_equal(bits_of(ouro_lend(a)), a_bits | b_bits);
        ouro_decref(iterator);
        ouro_decref(a);
        ouro_decref(b);
        ouro_decref(frozen);
        ouro_decref(list);
    }
}

static void
test_others_than_sets(void **state)
{
    ouro_ref set = set_of_bits(7), result = NULL, list = ouro_list_new(0), key = ouro_float_new(1),
             dict = ouro_dict_new(), iterator = NULL;

    (void)state;
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(key), ouro_none()), OURO_OK);
    assert_int_equal(ouro_set_intersection(ouro_lend(set), ouro_lend(dict), &result), OURO_OK);
    assert_int_equal(bits_of(ouro_lend(result)), 2);
    ouro_clear(&result);
    iterator = ouro_dict_iterate_keys(ouro_lend(dict));
    assert_int_equal(ouro_set_difference(ouro_lend(set), ouro_lend(iterator), &result), OURO_OK);
    assert_int_equal(bits_of(ouro_lend(result)), 5);
    ouro_clear(&result);
    assert_int_equal(ouro_set_union(ouro_lend(set), ouro_none(), &result), OURO_WRONG_TYPE);
    assert_int_equal(ouro_set_difference(ouro_lend(set), ouro_none(), &result), OURO_WRONG_TYPE);
    assert_int_equal(ouro_set_is_subset(ouro_lend(set), ouro_none()), OURO_WRONG_TYPE);
    assert_int_equal(ouro_set_add(ouro_lend(set), ouro_lend(list)), OURO_UNHASHABLE);
    assert_int_equal(ouro_set_contains(ouro_lend(set), ouro_lend(set)), OURO_UNHASHABLE);
    assert_null(result);
    assert_int_equal(ouro_set_length(ouro_lend(set)), 3);
    assert_int_equal(ouro_equal(ouro_lend(set), ouro_lend(dict)), OURO_NOT_EQUAL);
    ouro_decref(set);
    ouro_decref(list);
    ouro_decref(key);
    ouro_decref(dict);
    ouro_decref(iterator);
}

/* ---- frozensets ---- */

static void
test_frozensets_do_not_change(void **state)
{
    ouro_ref frozen = NULL, set = set_of_bits(5), item = NULL;

    (void)state;
    assert_int_equal(ouro_frozenset_new(ouro_lend(set), &frozen), OURO_OK);
    assert_int_equal(ouro_set_add(ouro_lend(frozen), ouro_none()), OURO_WRONG_TYPE);
    assert_int_equal(ouro_set_discard(ouro_lend(frozen), ouro_none()), OURO_WRONG_TYPE);
    assert_int_equal(ouro_set_pop(ouro_lend(frozen), &item), OURO_WRONG_TYPE);
    assert_int_equal(ouro_set_update(ouro_lend(frozen), ouro_lend(set)), OURO_WRONG_TYPE);
    assert_int_equal(ouro_set_clear(ouro_lend(frozen)), OURO_WRONG_TYPE);
    assert_int_equal(bits_of(ouro_lend(frozen)), 5);
    ouro_decref(frozen);
    ouro_decref(set);
}

/* The hash does not depend on the order, and is another for most others. */
static void
test_hashes_of_frozensets(void **state)
{
    enum { N = 4096 };
    static uint64_t hashes[N];
    ouro_ref seen = ouro_set_new();

    (void)state;
    for (uint64_t bits = 0; bits < N; bits++) {
        ouro_ref set = set_of_bits(bits), reversed = ouro_set_new(), item = NULL, a = NULL, b = NULL;
        uint64_t hash = 0;
        assert_int_equal(ouro_frozenset_new(ouro_lend(set), &a), OURO_OK);
        while (ouro_set_pop(ouro_lend(set), &item) == OURO_FOUND) {
            assert_int_equal(ouro_set_add(ouro_lend(reversed), ouro_lend(item)), OURO_OK);
            ouro_decref(item);
        }
        assert_int_equal(ouro_frozenset_new(ouro_lend(reversed), &b), OURO_OK);
        assert_int_equal(ouro_hash(ouro_lend(a), &hashes[bits]), OURO_OK);
        assert_int_equal(ouro_hash(ouro_lend(b), &hash), OURO_OK);
        assert_int_equal(hash, hashes[bits]);
        assert_int_equal(ouro_set_add(ouro_lend(seen), ouro_lend(a)), OURO_OK);
        assert_int_equal(ouro_set_add(ouro_lend(seen), ouro_lend(b)), OURO_FOUND);
        ouro_decref(set);
        ouro_decref(reversed);
        ouro_decref(a);
        ouro_decref(b);
    }
    for (unsigned i = 1; i < N; i++) {
        assert_int_not_equal(hashes[i], hashes[i - 1]);
    }
    assert_int_equal(ouro_set_length(ouro_lend(seen)), N);
    ouro_decref(seen);
}

/* ---- hostile items ---- */

static ouro_loan victim;

static void
test_equal_that_fails(void **state)
{
    ouro_ref set = ouro_set_new(), other = ouro_set_new(), result = NULL;
    ouro_ref a = key_new(1, 5), b = key_new(2, 5);

    (void)state;
    assert_int_equal(ouro_set_add(ouro_lend(set), ouro_lend(a)), OURO_OK);
    assert_int_equal(ouro_set_add(ouro_lend(other), ouro_lend(b)), OURO_OK);
    key_on_equal = key_refuse;
    assert_int_equal(ouro_set_add(ouro_lend(set), ouro_lend(b)), OURO_FAILED);
    assert_int_equal(ouro_set_contains(ouro_lend(set), ouro_lend(b)), OURO_FAILED);
    assert_int_equal(ouro_set_discard(ouro_lend(set), ouro_lend(b)), OURO_FAILED);
    assert_int_equal(ouro_set_update(ouro_lend(set), ouro_lend(other)), OURO_FAILED);
    assert_int_equal(ouro_set_union(ouro_lend(set), ouro_lend(other), &result), OURO_FAILED);
    assert_int_equal(ouro_set_intersection(ouro_lend(set), ouro_lend(other), &result), OURO_FAILED);
    assert_int_equal(ouro_set_difference(ouro_lend(set), ouro_lend(other), &result), OURO_FAILED);
    assert_int_equal(ouro_set_symmetric_difference(ouro_lend(set), ouro_lend(other), &result),
                     OURO_FAILED);
    assert_int_equal(ouro_set_is_subset(ouro_lend(set), ouro_lend(other)), OURO_FAILED);
    assert_int_equal(ouro_set_is_disjoint(ouro_lend(set), ouro_lend(other)), OURO_FAILED);
    assert_int_equal(ouro_equal(ouro_lend(set), ouro_lend(other)), OURO_FAILED);
    key_on_equal = NULL;
    assert_null(result);
    ouro_decref(set);
    ouro_decref(other);
    assert_int_equal(ouro_refcount(ouro_lend(a)), 1);
    assert_int_equal(ouro_refcount(ouro_lend(b)), 1);
    ouro_decref(a);
    ouro_decref(b);
}

static ouro_status
shrink_victim(ouro_loan a, ouro_loan b)
{
    ouro_ref item = NULL;
    (void)a;
    (void)b;
    if (ouro_set_pop(victim, &item) == OURO_FOUND) {
        ouro_decref(item);
    }
    return OURO_OK;
}

static void
test_sets_that_change_meanwhile(void **state)
{
    operation const operations[] = {ouro_set_union, ouro_set_intersection, ouro_set_difference,
                                    ouro_set_symmetric_difference};

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        ouro_ref a = ouro_set_new(), b = ouro_set_new(), result = NULL;
        for (unsigned n = 0; n < 30; n++) {
            ouro_ref first = key_new(n, 1), second = key_new(n + 15, 1);
            assert_int_equal(ouro_set_add(ouro_lend(a), ouro_lend(first)), OURO_OK);
            assert_int_equal(ouro_set_add(ouro_lend(b), ouro_lend(second)), OURO_OK);
            ouro_decref(first);
            ouro_decref(second);
        }
        victim = i % 2 == 0 ? ouro_lend(a) : ouro_lend(b);
        key_on_equal = shrink_victim;
        ouro_status status = operations[i / 2](ouro_lend(a), ouro_lend(b), &result);
        assert_true(status == OURO_OK || status == OURO_CHANGED);
        key_on_equal = NULL;
        ouro_xdecref(result);
        ouro_decref(a);
        ouro_decref(b);
    }
}

static void
test_changes_while_iterating(void **state)
{
    ouro_ref set = set_of_bits(0xFFFFFF), iterator = NULL, item = NULL;

    (void)state;
    assert_int_equal(ouro_iterate(ouro_lend(set), &iterator), OURO_OK);
    for (unsigned i = 0; i < 24; i++) {
        assert_int_equal(ouro_next(ouro_lend(iterator), &item), OURO_FOUND);
        assert_int_equal(ouro_float_value(ouro_lend(item)), i);
        ouro_decref(item);
    }
    assert_int_equal(ouro_next(ouro_lend(iterator), &item), OURO_OK);
    ouro_decref(iterator);
    assert_int_equal(ouro_iterate(ouro_lend(set), &iterator), OURO_OK);
    assert_int_equal(ouro_set_pop(ouro_lend(set), &item), OURO_FOUND);
    assert_int_equal(ouro_next(ouro_lend(iterator), &item), OURO_CHANGED);
    assert_int_equal(ouro_set_add(ouro_lend(set), ouro_lend(item)), OURO_OK);
    assert_int_equal(ouro_next(ouro_lend(iterator), &item), OURO_CHANGED);
    ouro_decref(item);
    ouro_decref(iterator);
    ouro_decref(set);
}

/* ---- sizes, cycles, threads ---- */

static void
test_sizes(void **state)
{
    ouro_ref set = ouro_set_new();

    (void)state;
    for (unsigned n = 0; n <= 20; n++) {
        size_t theirs = n <= 4 ? 216 : n <= 18 ? 728 : 2264; /* CPython 3.11's sys.getsizeof() */
        assert_true(ouro_sizeof(ouro_lend(set)) * 10 <= theirs * 7);
        ouro_ref item = ouro_float_new(n);
        assert_int_equal(ouro_set_add(ouro_lend(set), ouro_lend(item)), OURO_OK);
        ouro_decref(item);
    }
    assert_int_equal(ouro_set_clear(ouro_lend(set)), OURO_OK);
    assert_int_equal(ouro_sizeof(ouro_lend(set)), 32);
    ouro_decref(set);
}

static void
test_a_million_items(void **state)
{
    enum { N = MANY };
    ouro_ref set = ouro_set_new();

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        ouro_ref item = leaf_new(i);
        REQUIRE(ouro_set_add(ouro_lend(set), ouro_lend(item)) == OURO_OK, "not added");
        ouro_decref(item);
    }
    ouro_ref copy = ouro_set_copy(ouro_lend(set));
    assert_int_equal(ouro_equal(ouro_lend(set), ouro_lend(copy)), OURO_FOUND);
    ouro_decref(set);
    assert_int_equal(nodes_dead, 0);
    ouro_decref(copy);
    assert_int_equal(nodes_dead, N);
}

static void
test_cycles(void **state)
{
    (void)state;
    ouro_gc_disable();
    ouro_gc_collect(2);
    nodes_dead = 0;
    ouro_ref set = ouro_set_new(), node = node_new(ouro_incref(ouro_lend(set)), NULL), frozen = NULL;
    assert_true(ouro_is_tracked(ouro_lend(set)));
    assert_int_equal(ouro_set_add(ouro_lend(set), ouro_lend(node)), OURO_OK);
    assert_int_equal(ouro_frozenset_new(ouro_lend(set), &frozen), OURO_OK);
    node_of(ouro_lend(node))->right = frozen;
    ouro_decref(node);
    ouro_decref(set);
    assert_int_equal(ouro_gc_collect(0), 3);
    assert_int_equal(nodes_dead, 1);
    ouro_gc_enable();
}

static ouro_ref shared;

static void
use_shared(void *context)
{
    struct test_random random = {*(unsigned *)context};

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t n = random_below(&random, 60);
        ouro_ref item = n % 2 == 0 ? ouro_float_new((double)n) : key_new(n, n % 5), result = NULL;
        ouro_status status = random_below(&random, 2)
                                 ? ouro_set_add(ouro_lend(shared), ouro_lend(item))
                                 : ouro_set_discard(ouro_lend(shared), ouro_lend(item));
        REQUIRE(status >= 0, "status %d", (int)status);
        if (i % 100 == 0) {
            status = ouro_set_union(ouro_lend(shared), ouro_lend(shared), &result);
            REQUIRE(status == OURO_OK || status == OURO_CHANGED, "status %d", (int)status);
            ouro_xdecref(result);
        }
        ouro_decref(item);
    }
    ouro_thread_detach();
}

static void
test_threads(void **state)
{
    unsigned seeds[] = {1, 2};

    (void)state;
    shared = ouro_set_new();
    threads_run_detached(2, use_shared, seeds, sizeof *seeds);
    ouro_safepoint();
    size_t position = 0, n = 0;
    ouro_ref item = NULL;
    while (ouro_set_next(ouro_lend(shared), &position, &item)) {
        assert_int_equal(ouro_set_contains(ouro_lend(shared), ouro_lend(item)), OURO_FOUND);
        ouro_decref(item);
        n++;
    }
    assert_int_equal(ouro_set_length(ouro_lend(shared)), n);
    assert_true(n <= 60);
    ouro_decref(shared);
}

#define TEST(test) cmocka_unit_test_setup(test, keys_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_against_oracle),
        TEST(test_operations),
        TEST(test_others_than_sets),
        TEST(test_frozensets_do_not_change),
        TEST(test_hashes_of_frozensets),
        TEST(test_equal_that_fails),
        TEST(test_sets_that_change_meanwhile),
        TEST(test_changes_while_iterating),
        TEST(test_sizes),
        TEST(test_a_million_items),
        TEST(test_cycles),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
