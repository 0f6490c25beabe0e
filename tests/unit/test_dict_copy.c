/* test_dict_copy.c - a copy of a dict has what the dict has, in the same order, and no more, whatever was taken out of the
 * dict before, and however; both go their own ways then.
 *
 * @source  CPython Objects/dictobject.c, PyDict_Copy(): one with few holes is copied as it is */
#include "cm.h"
#include "keys.h"
#include "random.h"
#include "require.h"

#define MOST 1500

static ouro_ref keys[MOST];
static bool is_in[MOST]; /* the dict of a test */

static void
make_keys(void)
{
    for (uint32_t i = 0; i < MOST; i++) {
        keys[i] = key_new(i, (uint64_t)i << 40);
        REQUIRE(keys[i] != NULL, "no memory");
    }
}

static void
drop_keys(void)
{
    for (uint32_t i = 0; i < MOST; i++) {
        ouro_clear(&keys[i]);
    }
}

static void
put(ouro_ref dict, size_t i)
{
    REQUIRE(ouro_dict_set(ouro_lend(dict), ouro_lend(keys[i]), ouro_lend(keys[i])) == OURO_OK,
            "not set");
}

/* Two dicts have the same entries one after the other, and of all keys those in `is_in`. */
static void
check_same(ouro_ref dict, ouro_ref copy)
{
    size_t at = 0, at_copy = 0, n = 0, n_in = 0;
    ouro_loan key, value, key_too, value_too;

    while (ouro_dict_next_borrow(ouro_lend(dict), &at, &key, &value)) {
        REQUIRE(ouro_dict_next_borrow(ouro_lend(copy), &at_copy, &key_too, &value_too), "%zu entries",
                n);
        REQUIRE(key == key_too && value == value_too, "entry %zu differs", n);
        n++;
    }
    REQUIRE(!ouro_dict_next_borrow(ouro_lend(copy), &at_copy, &key_too, &value_too), "more than %zu",
            n);
    REQUIRE(ouro_dict_length(ouro_lend(copy)) == n, "%zu entries, and another length", n);
    for (size_t i = 0; i < MOST; i++) {
        bool has = ouro_dict_get_borrow(ouro_lend(copy), ouro_lend(keys[i])) == ouro_lend(keys[i]);
        REQUIRE(has == is_in[i], "key %zu of %zu", i, n);
        n_in += is_in[i];
    }
    REQUIRE(n == n_in, "%zu entries, not %zu", n, n_in);
}

/* Take out as many of the first `n` keys as random numbers below 100 are below `percent`: by their names, and some of the
 * last by asking for the last. */
static void
thin_out(ouro_ref dict, size_t n, unsigned percent, size_t n_popped, struct test_random *random)
{
    for (size_t i = 0; i < n; i++) {
        if (random_below(random, 100) < percent) {
            REQUIRE(ouro_dict_delete(ouro_lend(dict), ouro_lend(keys[i])) == OURO_FOUND, "not there");
            is_in[i] = false;
        }
    }
    for (size_t k = 0; k < n_popped && ouro_dict_length(ouro_lend(dict)) != 0; k++) {
        ouro_ref key, value;
        REQUIRE(ouro_dict_popitem(ouro_lend(dict), &key, &value) == OURO_FOUND, "empty");
        for (size_t i = 0; i < MOST; i++) {
            is_in[i] = is_in[i] && keys[i] != key;
        }
        ouro_decref(key);
        ouro_decref(value);
    }
}

/* What is done with the copy is not done with the dict. */
static void
go_own_ways(ouro_ref dict, ouro_ref copy, size_t n)
{
    size_t before = ouro_dict_length(ouro_lend(dict));

    for (size_t i = 0; i < MOST; i += 2) { /* old ones and new ones */
        put(copy, i);
    }
    for (size_t i = 1; i < n; i += 2) {
        (void)!ouro_dict_delete(ouro_lend(copy), ouro_lend(keys[i]));
    }
    for (size_t i = 0; i < MOST; i++) {
        ouro_status wanted = i % 2 == 0 || (is_in[i] && i >= n) ? OURO_FOUND : 0;
        REQUIRE(ouro_dict_contains(ouro_lend(copy), ouro_lend(keys[i])) == wanted, "key %zu", i);
        wanted = is_in[i] ? OURO_FOUND : 0;
        REQUIRE(ouro_dict_contains(ouro_lend(dict), ouro_lend(keys[i])) == wanted, "key %zu", i);
    }
    REQUIRE(ouro_dict_length(ouro_lend(dict)) == before, "the dict changed with its copy");
}

static void
test_copies_with_holes(void **state)
{
    static const size_t sizes[] = {1, 5, 20, 21, 22, 42, 43, 85, 86, 341, 700, 1200};
    static const unsigned percents[] = {0, 3, 20, 32, 34, 60, 100};
    struct test_random random = {11};

    (void)state;
    make_keys();
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0] * sizeof percents / sizeof percents[0]; k++) {
        size_t n = sizes[k % (sizeof sizes / sizeof sizes[0])];
        unsigned percent = percents[k % (sizeof percents / sizeof percents[0])];
        ouro_ref dict = ouro_dict_new();
        for (size_t i = 0; i < MOST; i++) {
            is_in[i] = i < n;
        }
        for (size_t i = 0; i < n; i++) {
            put(dict, i);
        }
        thin_out(dict, n, percent, 0, &random);
        for (size_t round = 0; round < 3;
             round++) { /* no key was popped; some were; others came since */
            ouro_ref copy = ouro_dict_copy(ouro_lend(dict));
            ouro_ref second = ouro_dict_copy(ouro_lend(copy));
            check_same(dict, copy);
            check_same(dict, second);
            go_own_ways(dict, copy, n);
            ouro_decref(copy);
            check_same(dict, second);
            ouro_decref(second);
            if (round == 0) {
                thin_out(dict, 0, 0, 3, &random);
            } else {
                put(dict, n + 7);
                is_in[n + 7] = true;
            }
        }
        ouro_decref(dict);
    }
    drop_keys();
}

/* What was taken from the end of a dict is not in its copy, whatever the copy's memory was before. */
static void
test_copies_of_what_was_cut(void **state)
{
    (void)state;
    make_keys();
    for (size_t n = 1; n <= 400; n++) {
        ouro_ref dict = ouro_dict_new(), key = NULL, value = NULL;
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(keys[i]), ouro_lend(keys[i])), 0);
        }
        ouro_ref before =
            ouro_dict_copy(ouro_lend(dict)); /* leaves its block behind, with the last key in it */
        assert_int_equal(ouro_dict_popitem(ouro_lend(dict), &key, &value), OURO_FOUND);
        ouro_decref(before);
        ouro_ref copy = ouro_dict_copy(ouro_lend(dict));
        REQUIRE(ouro_dict_contains(ouro_lend(copy), ouro_lend(key)) == 0, "of %zu keys the last one",
                n);
        REQUIRE(ouro_dict_length(ouro_lend(copy)) == n - 1, "%zu keys", n);
        ouro_decref(key);
        ouro_decref(value);
        ouro_decref(copy);
        ouro_decref(dict);
    }
    drop_keys();
}

#define TEST(test) cmocka_unit_test_setup(test, keys_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_copies_with_holes),
        TEST(test_copies_of_what_was_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
