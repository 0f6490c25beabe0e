/* test_dict_hostile.c - dicts whose keys fail, change the dict, or go, while they are compared. */
#include "cm.h"
#include "keys.h"
#include "random.h"
#include "require.h"

static ouro_loan victim;
static unsigned n_attacks;
static struct test_random attack_random;

static void
test_equal_that_fails(void **state)
{
    ouro_ref dict = ouro_dict_new(), a = key_new(1, 5), b = key_new(2, 5), value = NULL;

    (void)state;
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(a), ouro_none()), OURO_OK);
    key_on_equal = key_refuse;
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(a), ouro_none()), OURO_OK);
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(b), ouro_none()), OURO_FAILED);
    assert_int_equal(ouro_dict_get(ouro_lend(dict), ouro_lend(b), &value), OURO_FAILED);
    assert_int_equal(ouro_dict_contains(ouro_lend(dict), ouro_lend(b)), OURO_FAILED);
    assert_int_equal(ouro_dict_delete(ouro_lend(dict), ouro_lend(b)), OURO_FAILED);
    assert_int_equal(ouro_dict_pop(ouro_lend(dict), ouro_lend(b), &value), OURO_FAILED);
    assert_int_equal(ouro_dict_set_default(ouro_lend(dict), ouro_lend(b), ouro_none(), &value),
                     OURO_FAILED);
    assert_null(ouro_dict_get_borrow(ouro_lend(dict), ouro_lend(b)));
    assert_null(value);
    assert_int_equal(ouro_dict_length(ouro_lend(dict)), 1);
    assert_int_equal(ouro_refcount(ouro_lend(a)), 2);
    ouro_decref(dict);
    ouro_decref(a);
    ouro_decref(b);
}

static void
test_unhashable(void **state)
{
    ouro_ref dict = ouro_dict_new(), list = ouro_list_new(0), value = NULL;

    (void)state;
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(list), ouro_none()), OURO_UNHASHABLE);
    assert_int_equal(ouro_dict_get(ouro_lend(dict), ouro_lend(list), &value), OURO_UNHASHABLE);
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(dict), ouro_none()), OURO_UNHASHABLE);
    assert_int_equal(ouro_dict_delete(ouro_lend(dict), ouro_lend(list)), OURO_UNHASHABLE);
    ouro_decref(dict);
    ouro_decref(list);
}

/* Change the dict while it compares: a few times, then hold still. */
static ouro_status
attack(ouro_loan a, ouro_loan b)
{
    (void)a;
    (void)b;
    if (n_attacks == 0) {
        return OURO_OK;
    }
    n_attacks--;
    ouro_status (*hook)(ouro_loan, ouro_loan) = key_on_equal;
    key_on_equal = NULL;
    uint64_t number = random_below(&attack_random, 30);
    ouro_ref key = key_new(number, number % 3), value = NULL;
    switch (random_below(&attack_random, 8)) {
    case 0:
        ouro_dict_clear(victim);
        break;
    case 1:
        if (ouro_dict_popitem(victim, &key, &value) == OURO_FOUND) {
            ouro_decref(value);
        }
        break;
    case 2:
    case 3:
        REQUIRE(ouro_dict_delete(victim, ouro_lend(key)) >= 0, "not deleted");
        break;
    case 4:
        ouro_gc_collect(0);
        break;
    default:
        REQUIRE(ouro_dict_set(victim, ouro_lend(key), ouro_none()) == OURO_OK, "not set");
        break;
    }
    ouro_decref(key);
    key_on_equal = hook;
    return OURO_OK;
}

/* Each key once: whatever happened, the dict is a dict. */
static void
check_whole(ouro_loan dict)
{
    uint64_t seen = 0;
    size_t position = 0, n = 0;
    ouro_ref key = NULL;

    while (ouro_dict_next(dict, &position, &key, NULL)) {
        uint64_t bit = (uint64_t)1 << key_value(ouro_lend(key));
        REQUIRE(!(seen & bit), "a key is there twice");
        seen |= bit;
        n++;
        REQUIRE(ouro_dict_get_borrow(dict, ouro_lend(key)) != NULL, "a key is not found");
        ouro_decref(key);
    }
    REQUIRE(ouro_dict_length(dict) == n, "%zu of %zu keys", n, ouro_dict_length(dict));
}

static void
test_equal_that_changes_the_dict(void **state)
{
    ouro_ref dict = ouro_dict_new();
    struct test_random random = {22};

    (void)state;
    victim = ouro_lend(dict);
    attack_random.state = 23;
    for (unsigned i = 0; i < 200000; i++) {
        uint64_t number = random_below(&random, 30);
        ouro_ref key = key_new(number, number % 3), value = NULL;
        key_on_equal = attack;
        n_attacks = (unsigned)random_below(&random, 4);
        switch (random_below(&random, 4)) {
        case 0:
            REQUIRE(ouro_dict_delete(victim, ouro_lend(key)) >= 0, "not deleted");
            break;
        case 1:
            if (ouro_dict_get(victim, ouro_lend(key), &value) == OURO_FOUND) {
                ouro_decref(value);
            }
            break;
        default:
            REQUIRE(ouro_dict_set(victim, ouro_lend(key), ouro_none()) == OURO_OK, "not set");
            break;
        }
        key_on_equal = NULL;
        ouro_decref(key);
        if (i % 16 == 0) {
            check_whole(victim);
        }
    }
    ouro_decref(dict);
}

/* The last reference to a key goes while it is compared. */
static ouro_status
clear_victim(ouro_loan a, ouro_loan b)
{
    (void)a;
    (void)b;
    ouro_dict_clear(victim);
    return OURO_OK;
}

static void
test_key_that_goes_while_compared(void **state)
{
    ouro_ref dict = ouro_dict_new(), sought = key_new(1, 1), value = NULL;

    (void)state;
    victim = ouro_lend(dict);
    for (uint64_t same = 0; same < 2; same++) {
        ouro_ref key = key_new(same, 1);
        assert_int_equal(ouro_dict_set(victim, ouro_lend(key), ouro_none()), OURO_OK);
        ouro_decref(key);
        key_on_equal = clear_victim;
        assert_int_equal(ouro_dict_get(victim, ouro_lend(sought), &value), OURO_OK);
        key_on_equal = NULL;
        assert_int_equal(ouro_dict_length(victim), 0);
    }
    ouro_decref(sought);
    ouro_decref(dict);
}

/* A value whose end changes the dict that it was in. */
static ouro_status
put_into_victim(ouro_loan node)
{
    return ouro_dict_set(victim, node, ouro_none());
}

static void
test_finalizer_that_puts_itself_in(void **state)
{
    ouro_ref dict = ouro_dict_new(), key = ouro_float_new(1), node = node_new_final(NULL, NULL);

    (void)state;
    victim = ouro_lend(dict);
    node_on_finalize = put_into_victim;
    assert_int_equal(ouro_dict_set(victim, ouro_lend(key), ouro_lend(node)), OURO_OK);
    ouro_decref(node);
    assert_int_equal(ouro_dict_set(victim, ouro_lend(key), ouro_none()), OURO_OK);
    assert_int_equal(nodes_finalized, 1);
    assert_int_equal(ouro_dict_length(victim), 2);
    assert_int_equal(ouro_dict_contains(victim, ouro_lend(node)), OURO_FOUND);
    ouro_dict_clear(victim);
    assert_int_equal(nodes_dead, 1);
    ouro_decref(dict);
    ouro_decref(key);
}

static ouro_status
grow_victim(ouro_loan a, ouro_loan b)
{
    ouro_ref key = ouro_float_new((double)keys_compared);
    (void)a;
    (void)b;
    ouro_status status = ouro_dict_set(victim, ouro_lend(key), ouro_none());
    ouro_decref(key);
    return status;
}

static void
test_update_from_what_changes(void **state)
{
    ouro_ref dict = ouro_dict_new(), other = ouro_dict_new();

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        ouro_ref key = key_new(i, 1), same = key_new(i, 1);
        assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(key), ouro_none()), OURO_OK);
        assert_int_equal(ouro_dict_set(ouro_lend(other), ouro_lend(same), ouro_none()), OURO_OK);
        ouro_decref(key);
        ouro_decref(same);
    }
    victim = ouro_lend(other);
    key_on_equal = grow_victim;
    assert_int_equal(ouro_dict_update(ouro_lend(dict), ouro_lend(other)), OURO_CHANGED);
    key_on_equal = NULL;
    ouro_decref(dict);
    ouro_decref(other);
}

#define TEST(test) cmocka_unit_test_setup(test, keys_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_equal_that_fails),
        TEST(test_unhashable),
        TEST(test_equal_that_changes_the_dict),
        TEST(test_key_that_goes_while_compared),
        TEST(test_finalizer_that_puts_itself_in),
        TEST(test_update_from_what_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
