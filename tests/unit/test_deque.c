/* test_deque.c - deques do what an array does; hostile items, changes meanwhile, cycles, threads.
 *
 * Each test names the one of CPython's Lib/test/test_deque.py that it follows. */
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "keys.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

#define MANY (TEST_STRESSED ? 20000 : 1000000)

static void
append(ouro_ref deque, int64_t number)
{
    ouro_ref item = ouro_int_new(number);
    REQUIRE(ouro_deque_append(ouro_lend(deque), ouro_lend(item)) == OURO_OK, "not appended");
    ouro_decref(item);
}

static ouro_ref
make(int64_t n)
{
    ouro_ref deque = ouro_deque_new(SIZE_MAX);
    for (int64_t i = 0; i < n; i++) {
        append(deque, i);
    }
    return deque;
}

/* The value of a number, stolen; -1 for NULL. */
static int64_t
value_of(ouro_ref stolen)
{
    int64_t value = -1;
    if (stolen != NULL) {
        REQUIRE(ouro_int_to_int64(ouro_lend(stolen), &value) == OURO_OK, "no number");
        ouro_decref(stolen);
    }
    return value;
}

static int64_t
next_number(ouro_ref iterator)
{
    ouro_ref item = NULL;
    ouro_status status = ouro_next(ouro_lend(iterator), &item);
    REQUIRE(status >= 0, "an iterator failed: %s", ouro_status_text(status));
    return status == OURO_FOUND ? value_of(item) : -1;
}

/* ---- against a naive model ---- */

#define MOST 4000

struct model {
    int64_t items[MOST];
    size_t n, most;
};

static void
model_insert(struct model *model, size_t index, int64_t number)
{
    memmove(&model->items[index + 1], &model->items[index], (model->n - index) * sizeof *model->items);
    model->items[index] = number;
    model->n++;
}

static int64_t
model_take(struct model *model, size_t index)
{
    int64_t number = model->items[index];
    model->n--;
    memmove(&model->items[index], &model->items[index + 1], (model->n - index) * sizeof *model->items);
    return number;
}

static void
model_rotate(struct model *model, int64_t n)
{
    static int64_t turned[MOST];
    for (size_t i = 0; i < model->n; i++) {
        int64_t place = ((int64_t)i + n % (int64_t)model->n) % (int64_t)model->n;
        turned[place < 0 ? (size_t)(place + (int64_t)model->n) : (size_t)place] = model->items[i];
    }
    memcpy(model->items, turned, model->n * sizeof *turned);
}

static void
check(ouro_ref deque, const struct model *model)
{
    ouro_ref iterator = NULL, reversed = ouro_deque_iterate_reversed(ouro_lend(deque));

    REQUIRE(ouro_deque_length(ouro_lend(deque)) == model->n, "another length");
    REQUIRE(ouro_iterate(ouro_lend(deque), &iterator) == OURO_OK, "no iterator");
    for (size_t i = 0; i < model->n; i++) {
        REQUIRE(value_of(ouro_deque_get(ouro_lend(deque), i)) == model->items[i], "another item at %zu",
                i);
        REQUIRE(next_number(iterator) == model->items[i], "not in order");
        REQUIRE(next_number(reversed) == model->items[model->n - 1 - i], "not in the opposite order");
    }
    REQUIRE(ouro_deque_get(ouro_lend(deque), model->n) == NULL, "one more");
    REQUIRE(next_number(iterator) == -1 && next_number(reversed) == -1, "one more");
    ouro_decref(iterator);
    ouro_decref(reversed);
}

/* What is done at the ends. */
static void
operate_at_end(struct test_random *random, ouro_loan deque, struct model *model, ouro_loan item,
               bool adds)
{
    bool is_left = random_below(random, 2);

    if (!adds) {
        int64_t got = value_of(is_left ? ouro_deque_pop_left(deque) : ouro_deque_pop(deque));
        REQUIRE(got == (model->n == 0 ? -1 : model_take(model, is_left ? 0 : model->n - 1)),
                "another one");
        return;
    }
    REQUIRE((is_left ? ouro_deque_append_left : ouro_deque_append)(deque, item) == OURO_OK,
            "not appended");
    if (model->n == model->most && model->n != 0) {
        model_take(model, is_left ? model->n - 1 : 0);
    }
    if (model->most != 0) {
        model_insert(model, is_left ? 0 : model->n, value_of(ouro_incref(item)));
    }
}

/* What is done at a place, or finds one. */
static void
operate_at(struct test_random *random, ouro_loan deque, struct model *model, ouro_loan item,
           size_t index)
{
    bool is_full = model->n == model->most, is_there = index < model->n;
    int64_t number = value_of(ouro_incref(item));
    size_t where = SIZE_MAX;

    switch (random_below(random, 3)) {
    case 0:
        REQUIRE(ouro_deque_insert(deque, index, item) == (is_full ? OURO_TOO_LARGE : OURO_OK),
                "inserted");
        if (!is_full) {
            model_insert(model, is_there ? index : model->n, number);
        }
        break;
    case 1:
        REQUIRE(ouro_deque_set(deque, index, item) == (is_there ? OURO_OK : OURO_WRONG_VALUE), "set");
        model->items[index] = is_there ? number : model->items[index];
        break;
    default: {
        ouro_ref sought = is_there ? ouro_int_new(model->items[index]) : ouro_incref(item);
        ouro_status expected = is_there ? OURO_FOUND : OURO_OK;
        REQUIRE(ouro_deque_find(deque, ouro_lend(sought), &where) == expected, "is there or not");
        REQUIRE(where == (is_there ? index : SIZE_MAX), "it is elsewhere");
        if (random_below(random, 2)) {
            REQUIRE(ouro_deque_remove(deque, ouro_lend(sought)) == expected, "was there or not");
            if (is_there) {
                model_take(model, index);
            }
        }
        ouro_decref(sought);
    }
    }
}

/* What is done with all of it. */
static void
operate_on_all(struct test_random *random, ouro_ref *deque, struct model *model)
{
    uint64_t dice = random_below(random, 100);
    ouro_loan loan = ouro_lend(*deque);

    if (dice < 80 && model->n != 0) {
        int64_t n = (int64_t)random_below(random, 3 * model->n) - (int64_t)model->n;
        ouro_deque_rotate(loan, n);
        model_rotate(model, n);
    } else if (dice < 90) {
        ouro_deque_reverse(loan);
        for (size_t i = 0; i < model->n / 2; i++) {
            int64_t first = model->items[i];
            model->items[i] = model->items[model->n - 1 - i];
            model->items[model->n - 1 - i] = first;
        }
    } else if (dice < 99) {
        ouro_ref copy = ouro_deque_copy(loan);
        REQUIRE(ouro_equal(ouro_lend(copy), loan) == OURO_FOUND, "a copy is not equal");
        ouro_assign(deque, copy);
    } else {
        ouro_deque_clear(loan);
        model->n = 0;
    }
}

/* One random operation on both. */
static void
operate(struct test_random *random, ouro_ref *deque, struct model *model, unsigned favour)
{
    static int64_t number;
    ouro_ref item = ouro_int_new(++number);
    unsigned dice = (unsigned)random_below(random, 100);

    if (dice < 60) {
        bool adds = random_below(random, 100) < favour;
        operate_at_end(random, ouro_lend(*deque), model, ouro_lend(item), adds);
    } else if (dice < 90) {
        operate_at(random, ouro_lend(*deque), model, ouro_lend(item),
                   random_below(random, model->n + 2));
    } else {
        operate_on_all(random, deque, model);
    }
    ouro_decref(item);
}

static void
test_against_model(
    void **state) /* test_basics, test_maxlen_*, test_insert, test_rotate, test_delitem, test_index */
{
    static struct model model;
    static const size_t most[] = {SIZE_MAX, 0, 1, 3, 8, 9, 64, 1000};
    struct test_random random = {test_seed(3)};

    (void)state;
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        ouro_ref deque = ouro_deque_new(most[i]);
        unsigned favour = 50;
        model.n = 0;
        model.most = most[i];
        for (uint64_t k = 0; k < test_count("OURO_TEST_ROUNDS", 60000); k++) {
            favour = random_below(&random, 500) == 0 ? (unsigned)random_below(&random, 100) : favour;
            operate(&random, &deque, &model, model.n > MOST - 2 ? 0 : favour);
            if (k % 256 == 0 || model.n < 5) {
                check(deque, &model);
            }
        }
        check(deque, &model);
        assert_true(ouro_deque_most(deque) == most[i]);
        ouro_decref(deque);
    }
}

/* ---- many ---- */

static void
test_queue(void **state) /* test_long_steadystate_queue_popleft, _popright, test_big_queue_* */
{
    ouro_ref deque = make(1000);

    (void)state;
    size_t size = ouro_sizeof(deque);
    for (int64_t i = 0; i < MANY; i++) { /* in at one end, out at the other: it does not grow */
        append(deque, 1000 + i);
        REQUIRE(value_of(ouro_deque_pop_left(deque)) == i, "out of order");
    }
    assert_true(ouro_sizeof(deque) == size);
    for (int64_t i = 0; i < MANY; i++) {
        append(deque, i);
    }
    assert_true(ouro_sizeof(deque) >= MANY * sizeof(ouro_ref));
    while (ouro_deque_length(deque) != 0) {
        ouro_decref(ouro_deque_pop(deque));
    }
    assert_true(ouro_sizeof(deque) < 1000); /* nor does it stay large */
    ouro_decref(deque);
}

static void
test_deep(void **state) /* semantics.md: a million nested ones die without deep recursion */
{
    ouro_ref deque = ouro_deque_new(SIZE_MAX), node = node_new(NULL, NULL);

    (void)state;
    assert_int_equal(ouro_deque_append(deque, node), OURO_OK);
    ouro_decref(node);
    for (long i = 0; i < MANY; i++) {
        ouro_ref outer = ouro_deque_new(SIZE_MAX);
        assert_int_equal(ouro_deque_append_left(outer, deque), OURO_OK);
        ouro_decref(deque);
        deque = outer;
    }
    ouro_decref(deque);
    assert_int_equal(nodes_dead, 1);
}

/* ---- extend ---- */

static void
test_extend(void **state) /* test_extend, test_extendleft, test_maxlen_zero, test_maxlen_attribute */
{
    ouro_ref deque = make(3), range = NULL, bounded = ouro_deque_new(3), number = ouro_int_new(5);

    (void)state;
    assert_int_equal(ouro_range_new(10, 13, 1, &range), OURO_OK);
    assert_int_equal(ouro_deque_extend(deque, range), OURO_OK);
    assert_int_equal(ouro_deque_extend_left(deque, range), OURO_OK);
    check_repr(deque, "deque([12, 11, 10, 0, 1, 2, 10, 11, 12])");
    assert_int_equal(ouro_deque_extend(bounded, deque), OURO_OK);
    check_repr(bounded, "deque([10, 11, 12], maxlen=3)");
    assert_int_equal(ouro_deque_extend_left(bounded, deque), OURO_OK);
    check_repr(bounded, "deque([12, 11, 10], maxlen=3)");
    ouro_decref(deque);
    deque = make(3);
    assert_int_equal(ouro_deque_extend(deque, deque), OURO_OK); /* with itself, as it was */
    check_repr(deque, "deque([0, 1, 2, 0, 1, 2])");
    assert_int_equal(ouro_deque_extend_left(bounded, bounded), OURO_OK);
    check_repr(bounded, "deque([10, 11, 12], maxlen=3)");
    assert_int_equal(ouro_deque_extend(deque, number), OURO_WRONG_TYPE);
    assert_int_equal(ouro_deque_append(deque, deque), OURO_OK);
    check_repr(deque, "deque([0, 1, 2, 0, 1, 2, [...]])");
    ouro_deque_clear(deque);
    check_repr(deque, "deque([])");
    ouro_decref(number);
    ouro_decref(range);
    ouro_decref(bounded);
    ouro_decref(deque);
}

static void
test_rotate_far(void **state) /* test_rotate: more often than there are items */
{
    ouro_ref deque = make(5);

    (void)state;
    ouro_deque_rotate(deque, 5000000000000000001);
    check_repr(deque, "deque([4, 0, 1, 2, 3])");
    ouro_deque_rotate(deque, INT64_MIN); /* 2^63 is 3 more than a multiple of 5 */
    check_repr(deque, "deque([2, 3, 4, 0, 1])");
    ouro_decref(deque);
    deque = ouro_deque_new(SIZE_MAX);
    ouro_deque_rotate(deque, 3);
    check_repr(deque, "deque([])");
    ouro_decref(deque);
}

/* ---- changes while it is looked at ---- */

static void
change(ouro_ref deque, unsigned how)
{
    ouro_ref item = ouro_int_new(77);
    switch (how) {
    case 0:
        append(deque, 77);
        break;
    case 1:
        ouro_decref(ouro_deque_pop(deque));
        break;
    case 2:
        ouro_decref(ouro_deque_pop_left(deque));
        break;
    case 3:
        ouro_deque_rotate(deque, 1);
        break;
    case 4:
        ouro_deque_clear(deque);
        break;
    case 5:
        REQUIRE(ouro_deque_insert(deque, 3, item) == OURO_OK, "not inserted");
        break;
    default:
        REQUIRE(ouro_deque_remove(deque, item) == OURO_FOUND, "not removed");
        break;
    }
    ouro_decref(item);
}

static void
test_changed_while_iterated_over(
    void **state) /* TestSequence.test_iterator...; test_runtimeerror_iter... */
{
    (void)state;
    for (unsigned how = 0; how < 7; how++) {
        ouro_ref deque = make(10), iterator = NULL, item = NULL;
        append(deque, 77);
        ouro_ref reversed = ouro_deque_iterate_reversed(deque);
        assert_int_equal(ouro_iterate(deque, &iterator), OURO_OK);
        assert_int_equal(next_number(iterator), 0);
        ouro_ref seven = ouro_int_new(7);
        assert_int_equal(ouro_deque_set(deque, 1, seven), OURO_OK); /* this is none */
        ouro_decref(seven);
        assert_int_equal(next_number(iterator), 7);
        assert_int_equal(next_number(reversed), 77);
        change(deque, how);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(ouro_next(iterator, &item), OURO_CHANGED);
            assert_int_equal(ouro_next(reversed, &item), OURO_CHANGED);
        }
        ouro_decref(iterator);
        ouro_decref(reversed);
        ouro_decref(deque);
    }
}

static void
test_end_lets_go(void **state) /* test_free_after_iterating */
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        ouro_ref deque = ouro_deque_new(SIZE_MAX), iterator = NULL, item = NULL,
                 node = node_new(NULL, NULL);
        assert_int_equal(ouro_deque_append(deque, node), OURO_OK);
        ouro_decref(node);
        assert_int_equal(ouro_iterate(deque, &iterator), OURO_OK);
        if (i == 1) {
            ouro_assign(&iterator, ouro_deque_iterate_reversed(deque));
        }
        ouro_decref(deque);
        assert_int_equal(ouro_next(iterator, &item), OURO_FOUND);
        ouro_decref(item);
        assert_int_equal(nodes_dead, i);
        assert_int_equal(ouro_next(iterator, &item), OURO_OK);
        assert_int_equal(nodes_dead, i + 1);
        assert_int_equal(ouro_next(iterator, &item), OURO_OK);
        ouro_decref(iterator);
    }
}

static ouro_ref victim;

static ouro_status
pop_victim(ouro_loan a, ouro_loan b)
{
    (void)a;
    (void)b;
    ouro_xdecref(ouro_deque_pop(ouro_lend(victim)));
    return OURO_OK;
}

static ouro_status
fail_to_compare(ouro_loan a, ouro_loan b)
{
    (void)a;
    (void)b;
    return OURO_FAILED;
}

static void
test_hostile_comparisons(
    void **state) /* test_index_bug_24913, test_remove: MutateCmp, BadCmp; test_comparisons */
{
    (void)state;
    for (unsigned how = 0; how < 6; how++) {
        ouro_ref sought = key_new(99, 1), other = NULL;
        size_t index = 1234;
        victim = ouro_deque_new(SIZE_MAX);
        for (uint64_t i = 0; i < 5; i++) {
            ouro_ref key = key_new(i, 1);
            assert_int_equal(ouro_deque_append(victim, key), OURO_OK);
            ouro_decref(key);
        }
        other = ouro_deque_new(SIZE_MAX);
        for (uint64_t i = 0; i < 5; i++) {
            ouro_ref key = key_new(i, 1);
            assert_int_equal(ouro_deque_append(other, key), OURO_OK);
            ouro_decref(key);
        }
        assert_int_equal(ouro_equal(victim, other), OURO_FOUND);
        key_on_equal = how % 2 ? fail_to_compare : pop_victim;
        ouro_status expected = how % 2 ? OURO_FAILED : OURO_CHANGED;
        if (how < 2) {
            assert_int_equal(ouro_deque_find(victim, sought, &index), expected);
            assert_int_equal(index, 1234);
        } else if (how < 4) {
            assert_int_equal(ouro_deque_remove(victim, sought), expected);
        } else {
            assert_int_equal(ouro_equal(victim, other), expected);
        }
        assert_int_equal(ouro_deque_length(victim), how % 2 ? 5 : 4);
        key_on_equal = NULL;
        assert_int_equal(ouro_deque_find(victim, sought, &index), OURO_OK);
        assert_int_equal(ouro_deque_remove(victim, sought), OURO_OK);
        ouro_decref(sought);
        ouro_decref(other);
        ouro_clear(&victim);
    }
}

static ouro_status
empty_victim(ouro_loan node)
{
    (void)node;
    for (unsigned i = 0; i < 3; i++) {
        append(victim, 5);
        ouro_xdecref(ouro_deque_pop_left(ouro_lend(victim)));
    }
    return OURO_OK;
}

static void
test_items_that_change_it_as_they_go(
    void **state) /* test_container_iterator, test_clear with re-entrance */
{
    (void)state;
    victim = ouro_deque_new(4);
    node_on_finalize = empty_victim;
    for (unsigned i = 0; i < 1000; i++) {
        ouro_ref node = node_new_final(NULL, NULL);
        assert_int_equal(ouro_deque_append(victim, node), OURO_OK);
        ouro_decref(node);
        if (i % 7 == 0) {
            ouro_deque_clear(victim);
        }
    }
    node_on_finalize = NULL;
    assert_true(ouro_deque_length(victim) <= 4);
    ouro_clear(&victim);
    assert_int_equal(nodes_dead, 1000);
}

static void
test_equality(void **state) /* test_comparisons, test_hash */
{
    ouro_ref a = make(5), b = make(5), c = make(6), list = ouro_list_new(0);
    uint64_t hash;

    (void)state;
    assert_int_equal(ouro_equal(a, b), OURO_FOUND);
    assert_int_equal(ouro_equal(a, c), OURO_NOT_EQUAL);
    ouro_deque_rotate(b, 2);
    assert_int_equal(ouro_equal(a, b), OURO_NOT_EQUAL);
    ouro_deque_rotate(b, -2);
    assert_int_equal(ouro_equal(a, b), OURO_FOUND);
    assert_int_equal(ouro_list_extend(list, a), OURO_OK);
    assert_int_equal(ouro_equal(a, list), OURO_NOT_EQUAL);
    assert_int_equal(ouro_hash(a, &hash), OURO_UNHASHABLE);
    ouro_decref(a);
    ouro_decref(b);
    ouro_decref(c);
    ouro_decref(list);
}

/* ---- garbage ---- */

static void
test_cycles(void **state) /* test_gc_doublecontainer's and test_container_iterator's cycles */
{
    (void)state;
    for (unsigned generation = 0; generation < 3; generation++) {
        ouro_ref deque = ouro_deque_new(SIZE_MAX), iterator = NULL, node = node_new(NULL, NULL);
        for (unsigned i = 0; i < 20; i++) { /* the ring goes round */
            assert_int_equal(ouro_deque_append(deque, i % 3 ? node : deque), OURO_OK);
            if (i % 2) {
                ouro_decref(ouro_deque_pop_left(deque));
            }
        }
        assert_int_equal(ouro_iterate(deque, &iterator), OURO_OK);
        assert_int_equal(ouro_deque_append_left(deque, iterator), OURO_OK);
        ouro_decref(iterator);
        ouro_decref(node);
        assert_int_equal(ouro_gc_collect(generation), 0);
        ouro_decref(deque);
        nodes_dead = 0;
        assert_int_equal(ouro_gc_collect(2), 3);
        assert_int_equal(nodes_dead, 1);
    }
}

/* ---- threads ---- */

struct end {
    ouro_ref deque;
    bool is_left, is_producer;
    int64_t n;
    uint8_t *seen;
};

/* Put numbers in at an end, or take them out until a negative one comes. */
static void
use_end(void *context)
{
    struct end *end = context;

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    ouro_loan deque = ouro_lend(end->deque);
    for (int64_t i = 0; end->is_producer && i < end->n; i++) {
        ouro_ref item = ouro_int_new(i);
        REQUIRE((end->is_left ? ouro_deque_append_left : ouro_deque_append)(deque, ouro_lend(item)) ==
                    OURO_OK,
                "no memory");
        ouro_decref(item);
    }
    while (!end->is_producer && end->n != 0) {
        int64_t got = value_of(end->is_left ? ouro_deque_pop_left(deque) : ouro_deque_pop(deque));
        if (got >= 0) {
            __atomic_fetch_add(&end->seen[got], 1, __ATOMIC_RELAXED);
            end->n--;
        } else {
            ouro_safepoint();
        }
    }
    ouro_thread_detach();
}

static void
test_threads(void **state) /* TestThreads' like: what two put in at both ends, two take out */
{
    const int64_t n = TEST_STRESSED ? 2000 : 100000;
    uint8_t *seen = calloc((size_t)n, 1);
    ouro_ref deque = ouro_deque_new(SIZE_MAX);
    struct end ends[4];

    (void)state;
    ouro_gc_enable();
    for (unsigned i = 0; i < 4; i++) {
        ends[i] = (struct end){deque, i % 2, i < 2, n, seen};
    }
    threads_run_detached(4, use_end, ends, sizeof *ends);
    assert_int_equal(ouro_deque_length(deque), 0);
    for (int64_t i = 0; i < n; i++) {
        REQUIRE(seen[i] == 2, "%lld came out %u times", (long long)i, seen[i]);
    }
    free(seen);
    ouro_decref(deque);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_against_model, keys_gc_setup),
        cmocka_unit_test_setup(test_queue, keys_gc_setup),
        cmocka_unit_test_setup(test_deep, keys_gc_setup),
        cmocka_unit_test_setup(test_extend, keys_gc_setup),
        cmocka_unit_test_setup(test_rotate_far, keys_gc_setup),
        cmocka_unit_test_setup(test_changed_while_iterated_over, keys_gc_setup),
        cmocka_unit_test_setup(test_end_lets_go, keys_gc_setup),
        cmocka_unit_test_setup(test_hostile_comparisons, keys_gc_setup),
        cmocka_unit_test_setup(test_items_that_change_it_as_they_go, keys_gc_setup),
        cmocka_unit_test_setup(test_equality, keys_gc_setup),
        cmocka_unit_test_setup(test_cycles, keys_gc_setup),
        cmocka_unit_test_setup(test_threads, keys_gc_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
