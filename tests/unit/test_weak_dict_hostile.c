/* test_weak_dict_hostile.c - weak dicts whose keys die, change the dict or fail while they are compared; whose end is a
 * cascade; that are trash with what is in them.
 *
 * ctest: timeout=600
 *
 * Each test names the one of CPython's Lib/test/test_weakref.py, MappingTestCase, that it follows. */
#include "cm.h"
#include "process.h"
#include "weak_dicts.h"

#define N_CASCADE (TEST_THREAD_SANITIZED || TEST_STRESSED ? 20000 : 300000)

static void
test_cascading_deletes(void **state) /* test_weak_keyed_cascading_deletes, test_weak_keyed_delitem */
{
    (void)state;
    /* Each value holds the next key: the end of the first is that of all. */
    ouro_ref dict = ouro_weakkeydict_new(), key = node(0), first = ouro_incref(key);
    for (size_t i = 1; i < N_CASCADE; i++) {
        ouro_ref next = node(i);
        set(dict, key, next);
        ouro_assign(&key, next);
    }
    ouro_decref(key);
    assert_int_equal(ouro_weakdict_length(dict), N_CASCADE - 1);
    ouro_decref(first);
    assert_int_equal(ouro_weakdict_length(dict), 0);
    assert_int_equal(nodes_dead, N_CASCADE);
    ouro_decref(dict);

    /* The same through keys that weak values take with them. */
    nodes_dead = 0;
    dict = ouro_weakvaluedict_new();
    ouro_ref last = node(0);
    ouro_ref value = ouro_incref(last);
    for (size_t i = 1; i < N_CASCADE; i++) {
        ouro_ref next = node(i); /* held by the key under which the value is */
        ouro_ref holder = node_new(next, NULL);
        set(dict, holder, value);
        ouro_decref(holder);
        ouro_decref(value);
        value = ouro_incref(next);
    }
    ouro_decref(value);
    assert_int_equal(ouro_weakdict_length(dict), N_CASCADE - 1);
    ouro_decref(last);
    assert_int_equal(ouro_weakdict_length(dict), 0);
    assert_int_equal(nodes_dead, 2 * N_CASCADE - 1);
    ouro_decref(dict);
}

static ouro_object *target;
static ouro_ref *victim;

static ouro_status
kill_victim(ouro_loan a, ouro_loan b)
{
    (void)a, (void)b;
    ouro_clear(victim);
    return OURO_OK;
}

static ouro_status
clear_target(ouro_loan a, ouro_loan b)
{
    (void)a, (void)b;
    ouro_weakdict_clear(ouro_lend(target));
    return OURO_OK;
}

static ouro_status
fail_to_compare(ouro_loan a, ouro_loan b)
{
    (void)a, (void)b;
    return OURO_FAILED;
}

static void
test_hostile_comparison(
    void **state) /* test_weak_keyed_delitem, test_weak_keyed_bad_delitem, and worse */
{
    ouro_ref value = NULL;

    (void)state;
    for (int k = 0; k < 2; k++) {
        /* While a key is compared with the one sought it dies, or the value does. */
        ouro_ref dict = k ? ouro_weakkeydict_new() : ouro_weakvaluedict_new();
        ouro_ref held[3], key = number(1), a = node(1);
        ouro_ref same = number(1);
        for (size_t i = 0; i < 3; i++) { /* equal hashes */
            held[i] = key_new(100 + i, key_value(key));
        }
        set(dict, key, a);
        victim = k ? &key : &a;
        key_on_equal = kill_victim;
        assert_int_equal(ouro_weakdict_get(dict, same, &value), OURO_OK);
        key_on_equal = NULL;
        assert_int_equal(ouro_weakdict_length(dict), 0);
        assert_null(*victim);
        ouro_assign(victim, k ? number(1) : node(1));
        set(dict, key, a);
        key_on_equal = kill_victim;
        assert_int_equal(ouro_weakdict_delete(dict, same), OURO_OK);
        ouro_assign(victim, k ? number(1) : node(1));
        key_on_equal = NULL;
        set(dict, key, a);
        key_on_equal = kill_victim;
        ouro_ref other = node(2);
        set(dict, same, other); /* an entry of its own */
        key_on_equal = NULL;
        assert_int_equal(get(dict, same), 2);
        assert_int_equal(ouro_weakdict_length(dict), 1);

        /* It is cleared. */
        target = dict;
        key_on_equal = clear_target;
        ouro_ref third = number(1);
        assert_int_equal(ouro_weakdict_get(dict, third, &value), OURO_OK);
        set(dict, third, other);
        assert_int_equal(ouro_weakdict_length(dict), 1);

        /* It fails. */
        key_on_equal = fail_to_compare;
        ouro_ref fourth = number(1);
        assert_int_equal(ouro_weakdict_get(dict, fourth, &value), OURO_FAILED);
        assert_int_equal(ouro_weakdict_set(dict, fourth, other), OURO_FAILED);
        assert_int_equal(ouro_weakdict_set_default(dict, fourth, other, &value), OURO_FAILED);
        assert_int_equal(ouro_weakdict_delete(dict, fourth), OURO_FAILED);
        key_on_equal = NULL;
        assert_int_equal(ouro_weakdict_length(dict), 1);
        assert_int_equal(get(dict, fourth), 2);
        ouro_ref all[] = {third, fourth, same, other, held[0], held[1], held[2], dict};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            ouro_decref(all[i]);
        }
        ouro_xdecref(key);
        ouro_xdecref(a);
        key = a = NULL;
    }
}

static void
test_removal_compares_nothing(
    void **state) /* our own: no code of the program's runs when an entry vanishes */
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        ouro_ref dict = k ? ouro_weakkeydict_new() : ouro_weakvaluedict_new();
        for (size_t i = 0; i < N; i++) { /* all with one hash */
            keys[i] = key_new(i, 42);
            values[i] = node(i);
            set(dict, keys[i], values[i]);
            ouro_clear(k ? &values[i] : &keys[i]);
        }
        key_on_equal = fail_to_compare;
        unsigned long compared = keys_compared;
        let_go_of_parts(k);
        assert_int_equal(keys_compared, compared);
        assert_int_equal(ouro_weakdict_length(dict), 0);
        key_on_equal = NULL;
        ouro_decref(dict);
    }
}

static void
test_trash_with_its_values(
    void **state) /* test_gc's trash of weak dicts; test_make_weak_keyed_dict_from_... */
{
    ouro_ref plain = NULL;

    (void)state;
    for (int k = 0; k < 2; k++) {
        /* The dict and what is in it in one cycle. */
        ouro_ref dict = k ? ouro_weakkeydict_new() : ouro_weakvaluedict_new(), hub = ring(0);
        node_of(hub)->right = ouro_incref(dict);
        ouro_ref row = row_new(100);
        for (size_t i = 0; i < 100; i++) {
            ouro_ref part = node_new(ouro_incref(hub), NULL), other = number(i);
            set(dict, k ? part : other, k ? other : part);
            ((struct row *)row)->items[i] = part;
            ouro_decref(other);
        }
        ouro_assign(&node_of(hub)->left, row);
        assert_int_equal(ouro_gc_collect(2), 0);
        ouro_decref(dict);
        ouro_decref(hub);
        nodes_dead = 0;
        assert_true(ouro_gc_collect(2) >= 102);
        assert_int_equal(nodes_dead, 102);

        /* The dict goes, its values stay; and the other way round. */
        dict = full_dict(k, true);
        ouro_ref holder = ring(1);
        node_of(holder)->right = ouro_incref(dict);
        ouro_decref(dict);
        ouro_decref(holder);
        ouro_gc_collect(2);
        assert_int_equal(ouro_weakref_count(weak_part(k)[0]), 0);
        let_go_of_parts(k);
        ouro_gc_collect(2);
        dict = full_dict(k, true);
        assert_int_equal(ouro_weakdict_to_dict(dict, &plain), OURO_OK);
        let_go_of_parts(k);
        ouro_gc_collect(2);
        assert_int_equal(ouro_weakdict_length(dict), N);
        ouro_decref(plain);
        ouro_gc_collect(2);
        assert_int_equal(ouro_weakdict_length(dict), 0);
        ouro_decref(dict);
    }
}

static ouro_ref kept;

static ouro_status
keep_dict(ouro_loan self)
{
    kept = ouro_incref(ouro_lend(node_of(self)->right));
    return OURO_OK;
}

static void
test_resurrected(
    void **
        state) /* our own: trash that a finalizer keeps has forgotten what was in it, and can be used */
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        ouro_ref dict = full_dict(k, false), holder = node_new_final(NULL, NULL);
        node_of(holder)->left = ouro_incref(holder);
        node_of(holder)->right = dict;
        node_on_finalize = keep_dict;
        ouro_decref(holder);
        assert_int_equal(ouro_gc_collect(2) > 0, true);
        node_on_finalize = NULL;
        ouro_ref key = number(1), value = node(2);
        assert_int_equal(get(kept, key), -1);
        assert_int_equal(count(ouro_weakdict_iterate_keys(kept)), 0);
        set(kept, key, value);
        assert_int_equal(get(kept, key), 2);
        ouro_clear(&kept);
        ouro_decref(key);
        ouro_decref(value);
        let_go_of_parts(k);
        ouro_gc_collect(2);
    }
}

#define TEST(test) cmocka_unit_test_setup(test, keys_gc_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cascading_deletes),
        TEST(test_hostile_comparison),
        TEST(test_removal_compares_nothing),
        TEST(test_trash_with_its_values),
        TEST(test_resurrected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
