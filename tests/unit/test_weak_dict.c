/* test_weak_dict.c - dicts that don't keep their values, or their keys: an entry is there as long as both live, whoever
 * looks, iterates, changes or collects meanwhile.
 *
 * ctest: timeout=600
 *
 * Each test names the one of CPython's Lib/test/test_weakref.py, MappingTestCase, that it follows. */
#include <stdlib.h>

#include "cm.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"
#include "weak_dicts.h"

/* ---- one key at a time ---- */

static void
test_weak_values(void **state) /* test_weak_values, test_weak_valued_dict_popitem, _setdefault */
{
    ouro_ref value = NULL, key = NULL;

    (void)state;
    ouro_ref dict = ouro_weakvaluedict_new();
    ouro_ref one = number(1), same = number(1), two = number(2), three = number(3);
    ouro_ref a = node(10), b = node(20);
    set(dict, one, a);
    set(dict, two, b);
    assert_int_equal(ouro_refcount(a), 1); /* not kept, the key is */
    assert_int_equal(ouro_refcount(one), 2);
    assert_int_equal(ouro_weakdict_length(dict), 2);
    assert_int_equal(get(dict, same), 10);
    assert_int_equal(get(dict, three), -1);
    set(dict, same, b); /* another value: the first may die */
    assert_int_equal(ouro_refcount(same), 1);
    ouro_clear(&a);
    assert_int_equal(get(dict, one), 20);
    assert_int_equal(ouro_weakdict_length(dict), 2);
    a = node(11);
    assert_int_equal(ouro_weakdict_set_default(dict, one, a, &value), OURO_FOUND);
    assert_ptr_equal(value, b);
    ouro_decref(value);
    assert_int_equal(ouro_weakdict_set_default(dict, three, a, &value), OURO_OK);
    assert_ptr_equal(value, a);
    ouro_decref(value);
    ouro_clear(&b); /* of two keys */
    assert_int_equal(ouro_weakdict_length(dict), 1);
    assert_int_equal(ouro_refcount(one), 1);
    assert_int_equal(ouro_weakdict_popitem(dict, &key, &value), OURO_FOUND);
    assert_ptr_equal(key, three);
    assert_ptr_equal(value, a);
    ouro_decref(key);
    ouro_decref(value);
    assert_int_equal(ouro_weakdict_popitem(dict, &key, &value), OURO_OK);
    set(dict, one, a);
    set(dict, two, a);
    assert_int_equal(ouro_weakdict_pop(dict, same, &value), OURO_FOUND);
    ouro_decref(value);
    assert_int_equal(ouro_weakdict_pop(dict, same, &value), OURO_OK);
    assert_int_equal(ouro_weakdict_delete(dict, two), OURO_FOUND);
    assert_int_equal(ouro_weakdict_delete(dict, two), OURO_OK);
    set(dict, one, a);
    ouro_weakdict_clear(dict);
    assert_int_equal(ouro_weakdict_length(dict), 0);
    assert_int_equal(ouro_weakref_count(a), 0);
    ouro_ref all[] = {one, same, two, three, a, dict};
    for (size_t i = 0; i < 6; i++) {
        ouro_decref(all[i]);
    }
}

static void
test_weak_keys(void **state) /* test_weak_keys, test_weak_keyed_dict_popitem, _setdefault */
{
    ouro_ref value = NULL, key = NULL;

    (void)state;
    ouro_ref dict = ouro_weakkeydict_new();
    ouro_ref one = number(1), same = number(1), two = number(2), three = number(3);
    ouro_ref a = node(10), b = node(20);
    set(dict, one, a);
    set(dict, two, b);
    assert_int_equal(ouro_refcount(one), 1);
    assert_int_equal(ouro_refcount(a), 2);
    assert_int_equal(get(dict, same), 10);
    assert_int_equal(get(dict, three), -1);
    set(dict, same, b); /* the first key stays */
    assert_int_equal(ouro_refcount(a), 1);
    assert_int_equal(ouro_weakdict_length(dict), 2);
    assert_int_equal(ouro_weakdict_set_default(dict, same, a, &value), OURO_FOUND);
    assert_ptr_equal(value, b);
    ouro_decref(value);
    ouro_clear(&one); /* and takes the entry with it */
    assert_int_equal(get(dict, same), -1);
    assert_int_equal(ouro_weakdict_length(dict), 1);
    assert_int_equal(ouro_weakdict_set_default(dict, same, a, &value), OURO_OK);
    assert_ptr_equal(value, a);
    ouro_decref(value);
    assert_int_equal(ouro_weakdict_popitem(dict, &key, &value), OURO_FOUND);
    assert_ptr_equal(key, same);
    ouro_decref(key);
    ouro_decref(value);
    set(dict, three, a);
    assert_int_equal(ouro_weakdict_pop(dict, three, &value), OURO_FOUND);
    ouro_decref(value);
    assert_int_equal(ouro_weakdict_delete(dict, three), OURO_OK);
    ouro_clear(&two);
    assert_int_equal(ouro_weakdict_length(dict), 0);
    assert_int_equal(ouro_refcount(b), 1);
    ouro_ref list = ouro_list_new(0);
    assert_int_equal(ouro_weakdict_set(dict, list, a),
                     OURO_UNHASHABLE); /* test_weak_keyed_bad_delitem */
    assert_int_equal(ouro_weakdict_delete(dict, list), OURO_UNHASHABLE);
    assert_int_equal(ouro_weakdict_get(dict, list, &value), OURO_UNHASHABLE);
    ouro_ref all[] = {same, three, a, b, list, dict};
    for (size_t i = 0; i < 6; i++) {
        ouro_decref(all[i]);
    }
    assert_int_equal(nodes_dead, 2);
}

/* ---- all keys ---- */

static void
test_iterate(void **state) /* test_weak_keyed_iters, test_weak_valued_iters, test_weak_dict_copies */
{
    ouro_ref copy = NULL, plain = NULL, item = NULL, iterator = NULL;

    (void)state;
    for (int k = 0; k < 2; k++) {
        ouro_ref dict = full_dict(k, false);
        assert_int_equal(count(ouro_weakdict_iterate_keys(dict)), N);
        assert_int_equal(count(ouro_weakdict_iterate_values(dict)), N);
        assert_int_equal(count(ouro_weakdict_iterate_items(dict)), N);
        assert_int_equal(ouro_weakdict_to_dict(dict, &plain), OURO_OK);
        assert_int_equal(ouro_dict_length(plain), N);
        assert_int_equal(ouro_equal(dict, plain), OURO_FOUND); /* test_weak_..._equality */
        assert_int_equal(ouro_equal(plain, dict), OURO_FOUND);
        assert_int_equal(ouro_weakdict_copy(dict, &copy), OURO_OK);
        assert_int_equal(ouro_equal(copy, dict), OURO_FOUND);
        ouro_decref(plain);
        assert_int_equal(ouro_iterate(dict, &iterator), OURO_OK);
        for (size_t i = 0; i < N; i++) { /* in the order in which they were put in */
            assert_int_equal(ouro_next(iterator, &item), OURO_FOUND);
            assert_int_equal(key_value(item), i);
            ouro_decref(item);
        }
        ouro_decref(iterator);
        assert_int_equal(ouro_hash(dict, &(uint64_t){0}), OURO_UNHASHABLE);
        for (size_t i = 0; i < N; i += 2) {
            ouro_clear(&weak_part(k)[i]);
        }
        assert_int_equal(ouro_weakdict_length(dict), N / 2);
        assert_int_equal(ouro_weakdict_length(copy), N / 2);
        assert_int_equal(count(ouro_weakdict_iterate_keys(copy)), N / 2);
        ouro_weakdict_clear(copy);
        assert_int_equal(ouro_equal(copy, dict), OURO_OK);
        assert_int_equal(ouro_weakdict_update(copy, dict), OURO_OK);
        assert_int_equal(ouro_equal(copy, dict), OURO_FOUND);
        let_go_of_parts(k);
        assert_int_equal(ouro_weakdict_length(dict) + ouro_weakdict_length(copy), 0);
        ouro_decref(copy);
        ouro_decref(dict);
    }
}

static void
test_destroy_while_iterating(
    void **state) /* test_weak_keys_destroy_while_iterating, test_weak_values_destroy_while_iterating */
{
    ouro_ref item = NULL;

    (void)state;
    for (int round = 0; round < 12; round++) {
        bool has_weak_keys = round & 1, cyclic = round & 2;
        ouro_ref dict = full_dict(has_weak_keys, cyclic);
        ouro_ref iterator = round % 3 == 0   ? ouro_weakdict_iterate_keys(dict)
                            : round % 3 == 1 ? ouro_weakdict_iterate_values(dict)
                                             : ouro_weakdict_iterate_items(dict);
        size_t n = 0;
        while (ouro_next(iterator, &item) == OURO_FOUND) {
            n++;
            if (n == 10) { /* all but what comes next, and what we have */
                for (size_t i = 0; i < N; i++) {
                    if (i % 100 != 50) {
                        ouro_clear(&weak_part(has_weak_keys)[i]);
                    }
                }
                ouro_gc_collect(2);
                bool is_held = round % 3 == 2 || (round % 3 == 0) == has_weak_keys;
                assert_int_equal(ouro_weakdict_length(dict), 10 + is_held);
            }
            ouro_decref(item);
        }
        assert_int_equal(n, 20);
        ouro_gc_collect(2);
        assert_int_equal(ouro_weakdict_length(dict), 10);
        ouro_decref(iterator);
        let_go_of_parts(has_weak_keys);
        ouro_gc_collect(2);
        assert_int_equal(ouro_weakdict_length(dict), 0);
        ouro_decref(dict);
    }
}

static void
test_change_while_iterating(void **state) /* check_weak_destroy_and_mutate_while_iterating */
{
    ouro_ref item = NULL, value = NULL, key = NULL;

    (void)state;
    for (int k = 0; k < 2; k++) {
        for (int how = 0; how < 6; how++) {
            ouro_ref dict = full_dict(k, false), iterator = ouro_weakdict_iterate_keys(dict);
            assert_int_equal(ouro_next(iterator, &item), OURO_FOUND);
            ouro_decref(item);
            ouro_clear(&weak_part(k)[N - 1]);
            assert_int_equal(ouro_next(iterator, &item), OURO_FOUND);
            ouro_decref(item);
            ouro_ref other = number(N + 1), another = node(N + 1), gone = number(N - 1);
            switch (how) {
            case 0: /* what has vanished can't be taken out */
                assert_int_equal(ouro_weakdict_delete(dict, gone), OURO_OK);
                assert_int_equal(ouro_weakdict_pop(dict, gone, &value), OURO_OK);
                break;
            case 1:
                set(dict, other, another);
                break;
            case 2:
                assert_int_equal(ouro_weakdict_set_default(dict, other, another, &value), OURO_OK);
                ouro_decref(value);
                break;
            case 3:
                assert_int_equal(ouro_weakdict_popitem(dict, &key, &value), OURO_FOUND);
                ouro_decref(key);
                ouro_decref(value);
                break;
            case 4:
                ouro_weakdict_clear(dict);
                break;
            default: /* another value for a key is no change */
                ouro_decref(other);
                other = number(5);
                set(dict, other, another);
            }
            bool is_changed = how >= 1 && how <= 4;
            assert_int_equal(ouro_next(iterator, &item), is_changed ? OURO_CHANGED : OURO_FOUND);
            if (!is_changed) {
                ouro_decref(item);
            }
            ouro_decref(iterator);
            ouro_decref(dict);
            ouro_decref(other);
            ouro_decref(another);
            ouro_decref(gone);
            let_go_of_parts(k);
        }
    }
}

static void
test_length_with_cycles(
    void **state) /* test_weak_keyed_len_cycles, test_weak_valued_len_cycles, _race */
{
    const uint32_t often[] = {5, 2, 2};
    uint32_t before[OURO_GENERATIONS];
    ouro_ref item = NULL;

    (void)state;
    ouro_gc_get_threshold(before);
    ouro_gc_set_threshold(often);
    ouro_gc_enable();
    for (int round = 0; round < 100; round++) {
        bool has_weak_keys = round & 1;
        ouro_ref dict = full_dict(has_weak_keys, true), iterator = ouro_weakdict_iterate_values(dict);
        for (int i = 0; i < round; i++) {
            assert_int_equal(ouro_next(iterator, &item), OURO_FOUND);
            ouro_clear(&item);
        }
        let_go_of_parts(has_weak_keys);
        size_t first = ouro_weakdict_length(dict);
        ouro_gc_collect(2);
        size_t second = ouro_weakdict_length(dict);
        assert_true(first <= N && second == 0);
        ouro_decref(iterator);
        ouro_decref(dict);
    }
    ouro_gc_set_threshold(before);
}

static void
test_update(void **state) /* test_weak_valued_dict_update, test_weak_keyed_dict_update */
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        ouro_ref dict = k ? ouro_weakkeydict_new() : ouro_weakvaluedict_new();
        ouro_ref plain = ouro_dict_new(), key = number(1), value = node(1), wrong = ouro_int_new(7);
        assert_int_equal(ouro_dict_set(plain, key, value), OURO_OK);
        assert_int_equal(ouro_weakdict_update(dict, plain), OURO_OK);
        assert_int_equal(ouro_weakdict_length(dict), 1);
        assert_int_equal(ouro_weakdict_update(dict, dict), OURO_OK);
        assert_int_equal(ouro_weakdict_update(dict, wrong), OURO_WRONG_TYPE);
        ouro_ref pair = ouro_tuple_new(2, (ouro_loan[]){key, value});
        ouro_ref pairs = ouro_dict_new(); /* its keys are pairs */
        assert_int_equal(ouro_dict_set(pairs, pair, value), OURO_OK);
        ouro_ref iterator = ouro_dict_iterate_keys(pairs);
        ouro_weakdict_clear(dict);
        assert_int_equal(ouro_weakdict_update(dict, iterator), OURO_OK);
        assert_int_equal(get(dict, key), 1);
        ouro_decref(iterator);
        ouro_decref(pairs);
        ouro_decref(pair);
        ouro_decref(plain);
        assert_int_equal(ouro_weakdict_length(dict), 1);
        ouro_clear(k ? &key : &value);
        assert_int_equal(ouro_weakdict_length(dict), 0);
        ouro_xdecref(key);
        ouro_xdecref(value);
        ouro_decref(dict);
    }
}

/* ---- at random, against a plain array ---- */

#define N_KEYS 500

static void
random_operations(bool has_weak_keys, uint64_t seed, int steps)
{
    struct test_random random = {seed};
    static ouro_ref key[N_KEYS], value[N_KEYS]; /* value: under this key, or NULL */
    ouro_ref dict = has_weak_keys ? ouro_weakkeydict_new() : ouro_weakvaluedict_new(), got = NULL;
    size_t n = 0;

    for (size_t i = 0; i < N_KEYS; i++) {
        key[i] = number(i);
    }
    for (int step = 0; step < steps; step++) {
        size_t i = random_below(&random, N_KEYS);
        switch (random_below(&random, 8)) {
        case 0:
        case 1:
        case 2:
            n += value[i] == NULL;
            ouro_assign(&value[i], step & 1 ? node((size_t)step) : ring((size_t)step));
            set(dict, key[i], value[i]);
            break;
        case 3: { /* by another key that is equal */
            ouro_ref same = number(i);
            assert_int_equal(get(dict, same), value[i] != NULL ? (long)node_of(value[i])->number : -1);
            ouro_decref(same);
            break;
        }
        case 4:
            assert_int_equal(ouro_weakdict_pop(dict, key[i], &got),
                             value[i] != NULL ? OURO_FOUND : OURO_OK);
            n -= value[i] != NULL;
            if (value[i] != NULL) {
                assert_ptr_equal(got, value[i]);
                ouro_decref(got);
                ouro_clear(&value[i]);
            }
            break;
        case 5: /* the weak part dies; at once, or when the collector comes */
            n -= value[i] != NULL;
            if (has_weak_keys) {
                ouro_assign(&key[i], number(i));
                ouro_clear(&value[i]);
            } else if (value[i] != NULL) {
                bool is_ring = node_of(value[i])->left != NULL;
                ouro_clear(&value[i]);
                if (is_ring) {
                    ouro_gc_collect(0);
                    ouro_gc_collect(2);
                }
            }
            break;
        case 6:
            if (random_below(&random, 50) == 0) {
                ouro_ref copy = NULL;
                assert_int_equal(ouro_weakdict_copy(dict, &copy), OURO_OK);
                ouro_assign(&dict, copy);
            }
            break;
        default:
            assert_int_equal(ouro_weakdict_length(dict), n);
        }
    }
    assert_int_equal(count(ouro_weakdict_iterate_items(dict)), n);
    for (size_t i = 0; i < N_KEYS; i++) {
        assert_int_equal(get(dict, key[i]), value[i] != NULL ? (long)node_of(value[i])->number : -1);
        ouro_clear(&key[i]);
        ouro_clear(&value[i]);
    }
    ouro_gc_collect(2);
    assert_int_equal(ouro_weakdict_length(dict), 0);
    ouro_decref(dict);
}

static void
test_random(
    void **state) /* WeakKeyDictionaryTestCase, WeakValueDictionaryTestCase: the mapping protocol */
{
    const uint32_t often[] = {1, 2, 2};
    uint32_t before[OURO_GENERATIONS];

    (void)state;
    random_operations(false, 1, 20000);
    random_operations(true, 2, 100000);
    ouro_gc_get_threshold(before);
    ouro_gc_set_threshold(often); /* a collection in the middle of everything */
    ouro_gc_enable();
    random_operations(false, 3, 5000);
    random_operations(true, 4, 5000);
    ouro_gc_set_threshold(before);
}

static void
test_many(void **state) /* our own: a million entries come and go */
{
    enum { MANY = TEST_THREAD_SANITIZED || TEST_STRESSED ? 30000 : 1000000 };

    (void)state;
    ouro_ref *parts = calloc(MANY, sizeof *parts);
    for (int k = 0; k < 2; k++) {
        ouro_ref dict = k ? ouro_weakkeydict_new() : ouro_weakvaluedict_new();
        for (size_t i = 0; i < MANY; i++) {
            parts[i] = leaf_new(i);
            ouro_ref other = ouro_int_new((int64_t)i);
            set(dict, k ? parts[i] : other, k ? other : parts[i]);
            ouro_decref(other);
        }
        assert_int_equal(ouro_weakdict_length(dict), MANY);
        for (size_t i = 0; i < MANY; i++) {
            if (i % 3 != 0) {
                ouro_clear(&parts[i]);
            }
        }
        assert_int_equal(ouro_weakdict_length(dict), (MANY + 2) / 3);
        assert_int_equal(count(ouro_weakdict_iterate_items(dict)), (MANY + 2) / 3);
        for (size_t i = 0; i < MANY; i++) {
            ouro_clear(&parts[i]);
        }
        assert_int_equal(ouro_weakdict_length(dict), 0);
        ouro_decref(dict);
    }
    free(parts);
}

/* ---- threads ---- */

#define N_THREADS 4
#define N_ROUNDS 6000
#define N_SHARED 64

static ouro_ref shared_dict, shared_keys[N_SHARED];
static bool shared_has_weak_keys;

/* One operation on key number `k`; whatever comes out of the dict has that number. */
static void
change_shared(unsigned operation, size_t k, ouro_loan key, ouro_loan value)
{
    ouro_ref got = NULL, got_key = NULL;
    ouro_status status = OURO_OK;

    switch (operation) {
    case 0:
        status = ouro_weakdict_set_default(shared_dict, key, value, &got);
        break;
    case 1:
        status = ouro_weakdict_pop(shared_dict, key, &got);
        break;
    case 2:
        status = ouro_weakdict_popitem(shared_dict, &got_key, &got);
        k = got_key != NULL ? key_value(got_key) : k;
        break;
    case 3:
        status = ouro_weakdict_delete(shared_dict, key);
        break;
    case 4:
        status = ouro_weakdict_get(shared_dict, key, &got);
        break;
    default:
        set(shared_dict, key, value);
    }
    REQUIRE(status >= 0, "operation %u failed with %d", operation, status);
    REQUIRE(got == NULL || node_of(got)->number == k, "another key's value");
    ouro_xdecref(got);
    ouro_xdecref(got_key);
}

/* What goes through all entries. */
static void
look_at_shared(bool copies)
{
    ouro_ref copy = NULL, item = NULL;

    if (copies) {
        REQUIRE(ouro_weakdict_copy(shared_dict, &copy) == OURO_OK, "no copy");
        REQUIRE(ouro_weakdict_length(copy) <= N_SHARED * (N_THREADS + 1), "too long");
        ouro_decref(copy);
        return;
    }
    ouro_ref iterator = ouro_weakdict_iterate_items(shared_dict);
    while (ouro_next(iterator, &item) == OURO_FOUND) {
        uint64_t number_of = key_value(ouro_tuple_get_borrow(item, 0));
        REQUIRE(node_of(ouro_tuple_get_borrow(item, 1))->number == number_of, "not a pair");
        ouro_decref(item);
    }
    ouro_decref(iterator);
}

static void
use_shared(void *context)
{
    struct test_random random = {*(uint64_t *)context};

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (int i = 0; i < N_ROUNDS; i++) {
        size_t k = random_below(&random, N_SHARED);
        /* Keys that live to the end where values are weak, otherwise short-lived ones. */
        ouro_ref key = shared_has_weak_keys ? number(k) : ouro_incref(shared_keys[k]);
        ouro_ref value = random_below(&random, 4) == 0 ? ring(k) : node(k);
        unsigned operation = (unsigned)random_below(&random, 10);
        if (operation < 8) {
            change_shared(operation, k, key, value);
        } else {
            look_at_shared(operation == 8);
        }
        ouro_decref(value);
        ouro_decref(key);
        if (random_below(&random, 1000) == 0) {
            ouro_gc_collect((unsigned)random_below(&random, 3));
        }
        ouro_safepoint();
    }
    ouro_thread_detach();
}

static void
test_threads(
    void **
        state) /* test_threaded_weak_valued_setdefault, _pop, _consistency, test_threaded_weak_..._copy */
{
    uint64_t seeds[N_THREADS] = {1, 2, 3, 4};

    (void)state;
    for (int k = 0; k < 2; k++) {
        shared_has_weak_keys = k;
        shared_dict = k ? ouro_weakkeydict_new() : ouro_weakvaluedict_new();
        for (size_t i = 0; i < N_SHARED; i++) {
            shared_keys[i] = number(i);
        }
        ouro_gc_enable();
        threads_run_detached(N_THREADS, use_shared, seeds, sizeof seeds[0]);
        ouro_safepoint();
        ouro_gc_collect(2);
        assert_int_equal(ouro_weakdict_length(shared_dict), 0);
        for (size_t i = 0; i < N_SHARED; i++) {
            assert_int_equal(ouro_refcount(shared_keys[i]), 1);
            ouro_clear(&shared_keys[i]);
        }
        ouro_clear(&shared_dict);
    }
}

#define TEST(test) cmocka_unit_test_setup(test, keys_gc_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_weak_values),
        TEST(test_weak_keys),
        TEST(test_iterate),
        TEST(test_destroy_while_iterating),
        TEST(test_change_while_iterating),
        TEST(test_length_with_cycles),
        TEST(test_update),
        TEST(test_random),
        TEST(test_many),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
