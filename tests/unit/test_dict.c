/* test_dict.c - dicts do what a slow list of pairs does; changes meanwhile, threads. */
#include <inttypes.h>
#include <stdio.h>
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

/* ---- against a naive oracle ---- */

#define MOST_KEYS 3000

/* Which keys there are and their values, in the order in which they came. */
static struct {
    size_t n;
    uint32_t keys[MOST_KEYS], values[MOST_KEYS];
} oracle;

static size_t
oracle_find(uint32_t key)
{
    size_t i = 0;
    while (i < oracle.n && oracle.keys[i] != key) {
        i++;
    }
    return i;
}

static void
oracle_remove(size_t at)
{
    oracle.n--;
    memmove(&oracle.keys[at], &oracle.keys[at + 1], (oracle.n - at) * sizeof oracle.keys[0]);
    memmove(&oracle.values[at], &oracle.values[at + 1], (oracle.n - at) * sizeof oracle.values[0]);
}

/* How keys are made: floats, equal keys of a type of the program's, some with a poor hash, leaves by identity, texts, and
 * texts among objects that say they are equal to them. */
enum kind { FLOATS, KEYS, POOR_KEYS, LEAVES, TEXTS, POSERS, N_KINDS };

static ouro_ref leaves[MOST_KEYS];

/* A text that begins with its number, of up to 120 characters of one, two or four bytes. */
static ouro_ref
text_new(uint32_t number)
{
    static const uint32_t padding[] = {'x', 0xE9, 0x44F, 0x1F600};
    uint32_t characters[140];
    char digits[16];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%" PRIu32 "-", number);
    ouro_ref text = NULL;

    for (size_t i = 0; i < n; i++) {
        characters[i] = (unsigned char)digits[i];
    }
    for (size_t end = n + number / 4 % 120; n < end; n++) {
        characters[n] = padding[number % 4];
    }
    REQUIRE(ouro_str_from_characters(characters, n, &text, NULL) == OURO_OK, "no text");
    return text;
}

struct poser {
    ouro_object head;
    ouro_ref text;
};

static ouro_ref poser_type;

static ouro_loan
text_of(ouro_loan object)
{
    return ouro_is_a(object, ouro_str_type()) ? object
                                              : (ouro_loan)((struct poser *)ouro_look(object))->text;
}

static ouro_status
poser_hash(ouro_loan self, uint64_t *hash)
{
    return ouro_hash(text_of(self), hash);
}

static ouro_status
poser_equal(ouro_loan self, ouro_loan other)
{
    return ouro_equal(text_of(self), text_of(other));
}

static ouro_ref
poser_new(uint32_t number)
{
    static const ouro_field fields[] = {OURO_FIELD(struct poser, text)};
    static const ouro_type_spec spec = {.name = "poser",
                                        .size = sizeof(struct poser),
                                        .flags = OURO_TYPE_LEAF,
                                        .n_fields = 1,
                                        .fields = fields,
                                        .hash = poser_hash,
                                        .equal = poser_equal};
    REQUIRE(poser_type != NULL || ouro_type_create(&spec, &poser_type) == OURO_OK, "no type");
    ouro_ref poser = ouro_new(ouro_lend(poser_type));
    ((struct poser *)poser)->text = text_new(number);
    return poser;
}

static ouro_ref
make_key(enum kind kind, uint32_t number)
{
    static unsigned n_made;

    switch (kind) {
    case FLOATS:
        return ouro_float_new(number);
    case KEYS:
        return key_new(number, (uint64_t)number << 40);
    case POOR_KEYS:
        return key_new(number, number % 7);
    case TEXTS:
        return text_new(number);
    case POSERS: /* now so, now so */
        return ++n_made % 3 == 0 ? poser_new(number) : text_new(number);
    default:
        return ouro_incref((ouro_loan)leaves[number]);
    }
}

static uint32_t
number_of(enum kind kind, ouro_ref key)
{
    if (kind == TEXTS || kind == POSERS) {
        char digits[8] = {0};
        for (size_t i = 0; i + 1 < sizeof digits && i < ouro_str_length(text_of((ouro_loan)key)); i++) {
            digits[i] = (char)ouro_str_get(text_of((ouro_loan)key), i);
        }
        return (uint32_t)strtoul(digits, NULL, 10);
    }
    return kind == FLOATS   ? (uint32_t)ouro_float_value((ouro_loan)key)
           : kind == LEAVES ? (uint32_t)((struct leaf *)key)->value
                            : (uint32_t)key_value((ouro_loan)key);
}

static void
check_against_oracle(ouro_loan dict, enum kind kind)
{
    size_t position = 0;
    ouro_ref key = NULL, value = NULL;

    REQUIRE(ouro_dict_length(dict) == oracle.n, "%zu of %zu keys", ouro_dict_length(dict), oracle.n);
    for (size_t i = 0; i < oracle.n; i++) {
        REQUIRE(ouro_dict_next(dict, &position, &key, &value), "an end at %zu of %zu", i, oracle.n);
        REQUIRE(number_of(kind, key) == oracle.keys[i], "another key at %zu", i);
        REQUIRE(ouro_float_value((ouro_loan)value) == oracle.values[i], "another value at %zu", i);
        ouro_decref(key);
        ouro_decref(value);
    }
    REQUIRE(!ouro_dict_next(dict, &position, &key, &value), "no end at %zu", oracle.n);
}

static void
do_get(ouro_loan dict, ouro_loan key, size_t at)
{
    ouro_ref value = NULL;
    ouro_status status = ouro_dict_get(dict, key, &value);

    REQUIRE(status == (at < oracle.n ? OURO_FOUND : OURO_OK), "status %d", (int)status);
    REQUIRE(ouro_dict_contains(dict, key) == status, "contained or not");
    REQUIRE(ouro_dict_get_borrow(dict, key) == ouro_lend(value), "the same value");
    if (status == OURO_FOUND) {
        REQUIRE(ouro_float_value((ouro_loan)value) == oracle.values[at], "another value");
        ouro_decref(value);
    }
}

static void
oracle_add(uint32_t number, uint32_t value)
{
    oracle.keys[oracle.n] = number;
    oracle.values[oracle.n++] = value;
}

static void
do_set(ouro_loan dict, ouro_loan key, size_t at, uint32_t number, uint32_t value, bool is_default)
{
    ouro_ref object = ouro_float_new(value), has = NULL;

    if (is_default) {
        ouro_status status = ouro_dict_set_default(dict, key, ouro_lend(object), &has);
        REQUIRE(status == (at < oracle.n ? OURO_FOUND : OURO_OK), "status %d", (int)status);
        value = at < oracle.n ? oracle.values[at] : value;
        REQUIRE(ouro_float_value((ouro_loan)has) == value, "another value");
        ouro_decref(has);
    } else {
        REQUIRE(ouro_dict_set(dict, key, ouro_lend(object)) == OURO_OK, "not set");
    }
    ouro_decref(object);
    if (at < oracle.n) {
        oracle.values[at] = value;
    } else {
        oracle_add(number, value);
    }
}

static void
do_remove(ouro_loan dict, ouro_loan key, size_t at, bool pop)
{
    ouro_ref value = NULL;
    ouro_status status = pop ? ouro_dict_pop(dict, key, &value) : ouro_dict_delete(dict, key);

    REQUIRE(status == (at < oracle.n ? OURO_FOUND : OURO_OK), "status %d", (int)status);
    if (at < oracle.n) {
        REQUIRE(!pop || ouro_float_value((ouro_loan)value) == oracle.values[at], "another value");
        oracle_remove(at);
    }
    ouro_xdecref(value);
}

static void
do_popitem(ouro_loan dict, enum kind kind)
{
    ouro_ref key = NULL, value = NULL;
    ouro_status status = ouro_dict_popitem(dict, &key, &value);

    REQUIRE(status == (oracle.n != 0 ? OURO_FOUND : OURO_OK), "status %d", (int)status);
    if (status == OURO_FOUND) {
        oracle.n--;
        REQUIRE(number_of(kind, key) == oracle.keys[oracle.n], "not the last key");
        ouro_decref(key);
        ouro_decref(value);
    }
}

/* Put a copy, or a dict updated from it, in the place of the dict. */
static void
do_copy(ouro_ref *dict, bool update)
{
    ouro_ref copy = update ? ouro_dict_new() : ouro_dict_copy(ouro_lend(*dict));
    REQUIRE(copy != NULL, "no memory");
    REQUIRE(!update || ouro_dict_update(ouro_lend(copy), ouro_lend(*dict)) == OURO_OK, "not updated");
    REQUIRE(ouro_equal(ouro_lend(copy), ouro_lend(*dict)) == OURO_FOUND, "the copy differs");
    ouro_assign(dict, copy);
}

static void
random_operations(struct test_random *random, enum kind kind, uint32_t n_keys, unsigned n_operations)
{
    ouro_ref dict = ouro_dict_new();
    unsigned favour = 50;

    oracle.n = 0;
    for (unsigned i = 0; i < n_operations; i++) {
        uint32_t number = (uint32_t)random_below(random, n_keys);
        ouro_ref key = make_key(kind, number);
        size_t at = oracle_find(number);
        unsigned dice = (unsigned)random_below(random, 1000);

        if (dice == 0) {
            favour = (unsigned)random_below(random, 100); /* grow or shrink for a while */
        } else if (dice == 1) {
            do_copy(&dict, random_below(random, 2));
        } else if (dice == 2 && random_below(random, 5) == 0) {
            ouro_dict_clear(ouro_lend(dict));
            oracle.n = 0;
        } else if (dice < 200) {
            do_get(ouro_lend(dict), ouro_lend(key), at);
        } else if (dice < 250) {
            do_popitem(ouro_lend(dict), kind);
        } else if (random_below(random, 100) < favour) {
            do_set(ouro_lend(dict), ouro_lend(key), at, number, i, dice & 1);
        } else {
            do_remove(ouro_lend(dict), ouro_lend(key), at, dice & 1);
        }
        ouro_decref(key);
        if (i % 1024 == 0 || n_keys < 30) {
            check_against_oracle(ouro_lend(dict), kind);
        }
    }
    check_against_oracle(ouro_lend(dict), kind);
    ouro_decref(dict);
}

static void
test_against_oracle(void **state)
{
    struct test_random random = {20};
    static const uint32_t n_keys[] = {3, 8, 25, 50, 200, MOST_KEYS};

    (void)state;
    for (uint32_t i = 0; i < MOST_KEYS; i++) {
        leaves[i] = leaf_new(i);
    }
    for (unsigned i = 0; i < sizeof n_keys / sizeof *n_keys; i++) {
        for (enum kind kind = 0; kind < N_KINDS; kind++) {
            bool is_slow = kind == POOR_KEYS || n_keys[i] == MOST_KEYS;
            random_operations(&random, kind, n_keys[i], is_slow ? 20000 : 150000);
        }
    }
    for (uint32_t i = 0; i < MOST_KEYS; i++) {
        ouro_decref(leaves[i]);
    }
    assert_int_equal(nodes_dead, MOST_KEYS);
}

/* Many operations on many keys, whose presence is one bit each. */
static void
test_millions_of_operations(void **state)
{
    enum { N_KEYS = 40000 };
    static uint32_t values[N_KEYS];
    static ouro_ref keys[N_KEYS];
    struct test_random random = {21};
    ouro_ref dict = ouro_dict_new();
    size_t n = 0;

    (void)state;
    for (uint32_t i = 0; i < N_KEYS; i++) {
        keys[i] = ouro_float_new(i * 0.5);
    }
    for (uint32_t i = 1; i <= 3000000; i++) {
        uint32_t number = (uint32_t)random_below(&random, N_KEYS);
        ouro_loan key = ouro_lend(keys[number]);
        if (random_below(&random, 2) == 0) {
            ouro_loan value = ouro_lend(keys[i % N_KEYS]);
            REQUIRE(ouro_dict_set(ouro_lend(dict), key, value) == OURO_OK, "not set");
            n += values[number] == 0;
            values[number] = i;
        } else if (random_below(&random, 4) == 0) {
            ouro_loan value = ouro_dict_get_borrow(ouro_lend(dict), key);
            uint32_t at = values[number];
            REQUIRE(value == (at == 0 ? NULL : ouro_lend(keys[at % N_KEYS])), "another value");
        } else {
            ouro_status status = ouro_dict_delete(ouro_lend(dict), key);
            REQUIRE(status == (values[number] != 0 ? OURO_FOUND : OURO_OK), "deleted or not");
            n -= values[number] != 0;
            values[number] = 0;
        }
    }
    assert_int_equal(ouro_dict_length(ouro_lend(dict)), n);
    ouro_decref(dict);
    for (uint32_t i = 0; i < N_KEYS; i++) {
        assert_int_equal(ouro_refcount(ouro_lend(keys[i])), 1);
        ouro_decref(keys[i]);
    }
}

/* What a dict that grew to `n` entries may take: it has as many slots as a power of two, of four bytes each, and for two
 * thirds of them entries, of a key, a value and four bytes of a hash.  Of a million entries: 37 bytes each. */
static size_t
most_bytes(size_t n)
{
    size_t slots = 8;
    while (slots * 2 / 3 < n) {
        slots *= 2;
    }
    return slots * 4 + slots * 2 / 3 * 20 + 256;
}

static void
test_a_million_entries(void **state)
{
    enum { N = MANY };
    ouro_ref dict = ouro_dict_new();

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        ouro_ref key = ouro_float_new(i), value = leaf_new(i);
        REQUIRE(ouro_dict_set(ouro_lend(dict), ouro_lend(key), ouro_lend(value)) == OURO_OK, "not set");
        ouro_decref(key);
        ouro_decref(value);
    }
    assert_int_equal(ouro_dict_length(ouro_lend(dict)), N);
    assert_true(ouro_sizeof(ouro_lend(dict)) <= most_bytes(N));
    for (uint32_t i = 0; i < N; i++) {
        ouro_ref key = ouro_float_new(i);
        ouro_loan value = ouro_dict_get_borrow(ouro_lend(dict), ouro_lend(key));
        REQUIRE(value != NULL && ((struct leaf *)ouro_look(value))->value == i, "no value of %u", i);
        ouro_decref(key);
    }
    assert_int_equal(nodes_dead, 0);
    ouro_decref(dict);
    assert_int_equal(nodes_dead, N);
}

/* A queue: what is put in last goes first, or what is put in first. */
static void
test_queues(void **state)
{
    ouro_ref dict = ouro_dict_new(), key = NULL, value = NULL;

    (void)state;
    for (unsigned n = 1; n < 200; n += 11) {
        for (unsigned i = 0; i < 2000; i++) {
            size_t position = 0;
            ouro_ref new_key = ouro_float_new(i);
            assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(new_key), ouro_none()), OURO_OK);
            ouro_decref(new_key);
            if (ouro_dict_length(ouro_lend(dict)) <= n) {
                continue;
            }
            if (n % 2 == 0) {
                assert_int_equal(ouro_dict_popitem(ouro_lend(dict), &key, &value), OURO_FOUND);
                assert_int_equal(ouro_float_value(ouro_lend(key)), i);
            } else {
                assert_true(ouro_dict_next(ouro_lend(dict), &position, &key, NULL));
                assert_int_equal(ouro_float_value(ouro_lend(key)), i - n);
                assert_int_equal(ouro_dict_delete(ouro_lend(dict), ouro_lend(key)), OURO_FOUND);
            }
            ouro_decref(key);
        }
        assert_true(ouro_sizeof(ouro_lend(dict)) < 32 + 24 + 60 * (n + 20));
        ouro_dict_clear(ouro_lend(dict));
        assert_int_equal(ouro_sizeof(ouro_lend(dict)), 32);
    }
    ouro_decref(dict);
}

/* ---- sizes ---- */

/* At most 0.7 of what CPython 3.11's sys.getsizeof() says of dicts with keys of any type. */
static void
test_sizes(void **state)
{
    ouro_ref dict = ouro_dict_new();

    (void)state;
    for (unsigned n = 0; n <= 20; n++) {
        size_t theirs = n == 0 ? 64 : n <= 5 ? 224 : n <= 10 ? 352 : 632;
        assert_true(ouro_sizeof(ouro_lend(dict)) * 10 <= theirs * 7);
        ouro_ref key = ouro_float_new(n);
        assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(key), ouro_none()), OURO_OK);
        ouro_decref(key);
    }
    ouro_decref(dict);
}

/* ---- lists and iterators ---- */

static ouro_ref
numbers(unsigned n)
{
    ouro_ref dict = ouro_dict_new();
    for (unsigned i = 0; i < n; i++) {
        ouro_ref key = ouro_float_new(i), value = ouro_float_new(i + 100);
        REQUIRE(ouro_dict_set(ouro_lend(dict), ouro_lend(key), ouro_lend(value)) == OURO_OK, "not set");
        ouro_decref(key);
        ouro_decref(value);
    }
    return dict;
}

/* Of a pair, its value's number times 1000 and its key's; of others, their number. */
static unsigned
number(ouro_loan item)
{
    if (!ouro_is_a(item, ouro_tuple_type())) {
        return (unsigned)ouro_float_value(item);
    }
    assert_int_equal(ouro_tuple_length(item), 2);
    return (unsigned)ouro_float_value(ouro_tuple_get_borrow(item, 1)) * 1000 +
           (unsigned)ouro_float_value(ouro_tuple_get_borrow(item, 0));
}

static void
test_lists_and_iterators(void **state)
{
    ouro_ref (*const lists[])(ouro_loan) = {ouro_dict_keys, ouro_dict_values, ouro_dict_items};
    ouro_ref (*const iterators[])(ouro_loan) = {ouro_dict_iterate_keys, ouro_dict_iterate_values,
                                                ouro_dict_iterate_items};
    static const unsigned factor[] = {1, 1, 1001}, summand[] = {0, 100, 100000};

    (void)state;
    for (unsigned n = 0; n < 60; n += 7) {
        ouro_ref dict = numbers(n), item = NULL;
        for (unsigned what = 0; what < 3; what++) {
            ouro_ref list = lists[what](ouro_lend(dict)), iterator = iterators[what](ouro_lend(dict));
            assert_int_equal(ouro_list_length(ouro_lend(list)), n);
            for (unsigned i = 0; i < n; i++) {
                unsigned expected = i * factor[what] + summand[what];
                assert_int_equal(number(ouro_list_get_borrow(ouro_lend(list), i)), expected);
                assert_int_equal(ouro_next(ouro_lend(iterator), &item), OURO_FOUND);
                assert_int_equal(number(ouro_lend(item)), expected);
                ouro_decref(item);
            }
            assert_int_equal(ouro_next(ouro_lend(iterator), &item), OURO_OK);
            assert_int_equal(ouro_next(ouro_lend(iterator), &item), OURO_OK);
            ouro_decref(list);
            ouro_decref(iterator);
        }
        ouro_decref(dict);
    }
}

static void
test_changes_while_iterating(void **state)
{
    ouro_ref dict = numbers(50), iterator = NULL, item = NULL, key = ouro_float_new(7);

    (void)state;
    assert_int_equal(ouro_iterate(ouro_lend(dict), &iterator), OURO_OK);
    assert_int_equal(ouro_next(ouro_lend(iterator), &item), OURO_FOUND);
    ouro_decref(item);
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(key), ouro_none()), OURO_OK);
    assert_int_equal(ouro_next(ouro_lend(iterator), &item), OURO_FOUND); /* as many as before */
    ouro_decref(item);
    assert_int_equal(ouro_dict_delete(ouro_lend(dict), ouro_lend(key)), OURO_FOUND);
    assert_int_equal(ouro_next(ouro_lend(iterator), &item), OURO_CHANGED);
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(key), ouro_none()), OURO_OK);
    assert_int_equal(ouro_next(ouro_lend(iterator), &item), OURO_CHANGED); /* from now on */
    ouro_decref(iterator);
    ouro_decref(key);
    ouro_decref(dict);
}

static void
test_deleting_while_stepping(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 100; n += 9) {
        ouro_ref dict = numbers(n), key = NULL;
        size_t position = 0, steps = 0;
        while (ouro_dict_next(ouro_lend(dict), &position, &key, NULL)) {
            assert_int_equal(ouro_float_value(ouro_lend(key)), steps++);
            assert_int_equal(ouro_dict_delete(ouro_lend(dict), ouro_lend(key)), OURO_FOUND);
            ouro_decref(key);
        }
        assert_int_equal(steps, n);
        assert_int_equal(ouro_dict_length(ouro_lend(dict)), 0);
        ouro_decref(dict);
    }
}

/* ---- updating, comparing ---- */

static void
test_update_from_pairs(void **state)
{
    ouro_ref dict = numbers(30), other = ouro_dict_new(), pairs = ouro_dict_items(ouro_lend(dict)),
             items = ouro_dict_iterate_items(ouro_lend(dict));

    (void)state;
    assert_int_equal(ouro_dict_update(ouro_lend(other), ouro_lend(items)), OURO_OK);
    assert_int_equal(ouro_equal(ouro_lend(dict), ouro_lend(other)), OURO_FOUND);
    ouro_decref(items);
    ouro_decref(pairs);
    assert_int_equal(ouro_dict_update(ouro_lend(other), ouro_lend(other)), OURO_OK);
    assert_int_equal(ouro_dict_update(ouro_lend(other), ouro_none()), OURO_WRONG_TYPE);
    items = ouro_dict_iterate_keys(ouro_lend(dict)); /* no pairs */
    assert_int_equal(ouro_dict_update(ouro_lend(other), ouro_lend(items)), OURO_WRONG_VALUE);
    ouro_decref(items);
    assert_int_equal(ouro_dict_length(ouro_lend(other)), 30);
    ouro_decref(dict);
    ouro_decref(other);
}

static void
test_equality(void **state)
{
    ouro_ref a = numbers(25), b = numbers(25), key = ouro_float_new(3), list = ouro_list_new(0);

    (void)state;
    assert_int_equal(ouro_equal(ouro_lend(a), ouro_lend(b)), OURO_FOUND);
    assert_int_equal(ouro_equal(ouro_lend(a), ouro_lend(list)), OURO_NOT_EQUAL);
    assert_int_equal(ouro_dict_set(ouro_lend(b), ouro_lend(key), ouro_none()), OURO_OK);
    assert_int_equal(ouro_equal(ouro_lend(a), ouro_lend(b)), OURO_NOT_EQUAL);
    assert_int_equal(ouro_dict_delete(ouro_lend(b), ouro_lend(key)), OURO_FOUND);
    assert_int_equal(ouro_equal(ouro_lend(a), ouro_lend(b)), OURO_NOT_EQUAL);
    assert_int_equal(ouro_dict_set(ouro_lend(b), ouro_none(), ouro_none()), OURO_OK);
    assert_int_equal(ouro_equal(ouro_lend(a), ouro_lend(b)), OURO_NOT_EQUAL);
    ouro_decref(a);
    ouro_decref(b);
    ouro_decref(key);
    ouro_decref(list);
}

/* ---- threads ---- */

static ouro_ref shared;

static void
use_shared(void *context)
{
    struct test_random random = {*(unsigned *)context};

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t n = random_below(&random, 60);
        ouro_ref key = n % 2 == 0 ? ouro_float_new((double)n) : key_new(n, n % 5), value = NULL;
        ouro_status status = OURO_OK;
        switch (random_below(&random, 6)) {
        case 0:
            status = ouro_dict_delete(ouro_lend(shared), ouro_lend(key));
            break;
        case 1:
            status = ouro_dict_get(ouro_lend(shared), ouro_lend(key), &value);
            break;
        case 2:
            if (i % 50 == 0) {
                value = ouro_dict_items(ouro_lend(shared));
            } else {
                status = ouro_dict_pop(ouro_lend(shared), ouro_lend(key), &value);
            }
            break;
        default:
            status = ouro_dict_set(ouro_lend(shared), ouro_lend(key), ouro_lend(key));
            break;
        }
        REQUIRE(status >= 0, "status %d", (int)status);
        ouro_xdecref(value);
        ouro_decref(key);
        if (i % 64 == 0) {
            ouro_safepoint();
        }
    }
    ouro_thread_detach();
}

static void
test_threads(void **state)
{
    unsigned seeds[] = {1, 2, 3};

    (void)state;
    shared = ouro_dict_new();
    threads_run_detached(3, use_shared, seeds, sizeof *seeds);
    ouro_safepoint();
    size_t position = 0, n = 0;
    ouro_ref key = NULL;
    while (ouro_dict_next(ouro_lend(shared), &position, &key, NULL)) {
        assert_int_equal(ouro_dict_contains(ouro_lend(shared), ouro_lend(key)), OURO_FOUND);
        ouro_decref(key);
        n++;
    }
    assert_int_equal(ouro_dict_length(ouro_lend(shared)), n);
    assert_true(n <= 60);
    ouro_decref(shared);
}

#define TEST(test) cmocka_unit_test_setup(test, keys_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_against_oracle),
        TEST(test_millions_of_operations),
        TEST(test_a_million_entries),
        TEST(test_queues),
        TEST(test_sizes),
        TEST(test_lists_and_iterators),
        TEST(test_changes_while_iterating),
        TEST(test_deleting_while_stepping),
        TEST(test_update_from_pairs),
        TEST(test_equality),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
