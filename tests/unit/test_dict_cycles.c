/* test_dict_cycles.c - dicts and the collector: which it looks at, those that hold themselves, those that nest deep. */
#include "cm.h"
#include "keys.h"
#include "process.h"
#include "require.h"

/* Less where everything is slow, or an object takes half a pool. */
#define MANY (TEST_STRESSED ? 20000 : TEST_THREAD_SANITIZED ? 100000 : 1000000)

static void
test_tracking(void **state)
{
    ouro_ref dict = ouro_dict_new(), node = node_new(NULL, NULL), inner = ouro_dict_new();

    (void)state;
    assert_false(ouro_is_tracked(ouro_lend(dict)));
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_none(), ouro_none()), OURO_OK);
    assert_false(ouro_is_tracked(ouro_lend(dict)));
    ouro_ref copy = ouro_dict_copy(ouro_lend(dict));
    assert_false(ouro_is_tracked(ouro_lend(copy)));
    ouro_decref(copy);
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_none(), ouro_lend(node)), OURO_OK);
    assert_true(ouro_is_tracked(ouro_lend(dict)));
    copy = ouro_dict_copy(ouro_lend(dict));
    assert_true(ouro_is_tracked(ouro_lend(copy)));
    ouro_decref(copy);
    copy = ouro_dict_new();
    assert_int_equal(ouro_dict_update(ouro_lend(copy), ouro_lend(dict)), OURO_OK);
    assert_true(ouro_is_tracked(ouro_lend(copy)));
    ouro_dict_clear(ouro_lend(copy));
    ouro_decref(copy);
    copy = ouro_dict_new(); /* a dict in a dict may be tracked later */
    assert_int_equal(ouro_dict_set(ouro_lend(copy), ouro_none(), ouro_lend(inner)), OURO_OK);
    assert_true(ouro_is_tracked(ouro_lend(copy)));
    ouro_decref(copy);
    ouro_decref(inner);
    ouro_decref(dict);
    ouro_decref(node);
}

/* A dict that holds itself and a node, its first value or the second, after `age` collections. */
static void
leave_cycle(unsigned age)
{
    ouro_ref dict = ouro_dict_new(), key = ouro_float_new(1), node = node_new(NULL, NULL);

    for (unsigned i = 0; i < age; i++) {
        ouro_gc_collect(i % 3);
    }
    REQUIRE(ouro_dict_set(ouro_lend(dict), ouro_lend(key), ouro_lend(dict)) == OURO_OK, "not set");
    REQUIRE(ouro_dict_set(ouro_lend(dict), ouro_lend(node), ouro_none()) == OURO_OK, "not set");
    ouro_decref(key);
    ouro_decref(node);
    ouro_decref(dict);
}

static void
test_cycles(void **state)
{
    (void)state;
    ouro_gc_disable();
    ouro_gc_collect(2);
    nodes_dead = 0;
    leave_cycle(0); /* young: the youngest collection finds it */
    assert_int_equal(ouro_gc_collect(0), 2);
    assert_int_equal(nodes_dead, 1);
    for (unsigned age = 1; age < 7; age++) {
        leave_cycle(age);
        assert_int_equal(ouro_gc_collect(2), 2);
        assert_int_equal(nodes_dead, 1 + age);
    }
    ouro_gc_enable();
}

/* Blocks of dicts that a collection passed by are made into other young objects, which it must not miss. */
static void
test_blocks_of_untracked_dicts_are_used_again(void **state)
{
    enum { N = 1000 };
    static ouro_ref dicts[N];

    (void)state;
    ouro_gc_disable();
    ouro_gc_collect(2);
    for (unsigned i = 0; i < N; i++) {
        dicts[i] = ouro_dict_new();
    }
    ouro_gc_collect(0);
    for (unsigned i = 0; i < N; i++) {
        ouro_decref(dicts[i]);
    }
    for (unsigned i = 0; i < N; i++) {
        ouro_ref dict = ouro_dict_new();
        REQUIRE(ouro_dict_set(ouro_lend(dict), ouro_none(), ouro_lend(dict)) == OURO_OK, "not set");
        ouro_decref(dict);
    }
    assert_int_equal(ouro_gc_collect(0), N);
    ouro_gc_enable();
}

static void
test_a_million_nested_dicts_die(void **state)
{
    ouro_ref dict = ouro_dict_new();

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        ouro_ref outer = ouro_dict_new();
        REQUIRE(ouro_dict_set(ouro_lend(outer), ouro_none(), ouro_lend(dict)) == OURO_OK, "not set");
        ouro_decref(dict);
        dict = outer;
    }
    ouro_decref(dict);
}

#define TEST(test) cmocka_unit_test_setup(test, keys_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tracking),
        TEST(test_cycles),
        TEST(test_blocks_of_untracked_dicts_are_used_again),
        TEST(test_a_million_nested_dicts_die),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
