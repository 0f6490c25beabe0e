/* test_bytes.c - bytes and bytearrays: against naive oracles, and used by several threads. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "nodes.h"
#include "random.h"
#include "require.h"

static struct test_random dice = {1};

/* They are these bytes; lets go of them. */
static void
require_bytes(ouro_ref bytes, const void *data, size_t n)
{
    REQUIRE(bytes != NULL && ouro_bytes_length(ouro_lend(bytes)) == n, "%zu bytes", n);
    for (size_t i = 0; i < n; i++) {
        REQUIRE(ouro_bytes_get(ouro_lend(bytes), i) == ((const uint8_t *)data)[i], "byte %zu", i);
    }
    REQUIRE(ouro_bytes_get(ouro_lend(bytes), n) == -1, "one too many");
    REQUIRE(n == 0 || memcmp(ouro_bytes_borrow(ouro_lend(bytes)), data, n) == 0, "other bytes");
    ouro_decref(bytes);
}

static void
test_known(void **state)
{
    (void)state;
    ouro_ref bytes = ouro_bytes_new("a\0b", 3), zeros = ouro_bytes_new(NULL, 4);
    ouro_ref array = ouro_bytearray_new("a\0b", 3), empty = ouro_bytearray_new(NULL, 0);
    assert_ptr_equal(ouro_type_of(ouro_lend(bytes)), ouro_bytes_type());
    assert_ptr_equal(ouro_type_of(ouro_lend(array)), ouro_bytearray_type());
    assert_int_equal(ouro_bytes_borrow(ouro_lend(bytes))[3], 0);
    assert_int_equal(ouro_equal(ouro_lend(bytes), ouro_lend(array)), OURO_FOUND);
    assert_int_equal(ouro_equal(ouro_lend(array), ouro_lend(bytes)), OURO_FOUND);
    assert_int_equal(ouro_equal(ouro_lend(array), ouro_lend(zeros)), 0);
    assert_int_equal(ouro_equal(ouro_lend(array), ouro_lend(ouro_none())), 0);
    assert_true(ouro_bytes_equal(ouro_lend(empty), ouro_lend(empty)));

    uint64_t hash = 0, other = 0;
    ouro_ref same = ouro_bytes_from(ouro_lend(array));
    assert_int_equal(ouro_hash(ouro_lend(bytes), &hash), OURO_OK);
    assert_int_equal(ouro_hash(ouro_lend(same), &other), OURO_OK);
    assert_true(hash == other);
    assert_int_equal(ouro_hash(ouro_lend(array), &hash), OURO_UNHASHABLE);
    check_text(ouro_bytes_hex(ouro_lend(array)), "610062");
    check_text(ouro_bytes_hex(ouro_lend(empty)), "");
    check_text(ouro_repr(ouro_lend(bytes)), "b'a\\x00b'");
    check_text(ouro_repr(ouro_lend(array)), "bytearray(b'a\\x00b')");
    require_bytes(zeros, "\0\0\0", 4);
    require_bytes(ouro_bytes_new("it's\t\r\n\\\x7F\xFF", 10), "it's\t\r\n\\\x7F\xFF", 10);
    ouro_ref odd = ouro_bytes_new("it's\t\r\n\\\x7F\xFF", 10);
    check_text(ouro_repr(ouro_lend(odd)), "b\"it's\\t\\r\\n\\\\\\x7f\\xff\"");
    assert_true(ouro_sizeof(ouro_lend(bytes)) <= 32);
    ouro_decref(odd);
    ouro_decref(bytes);
    ouro_decref(same);
    ouro_decref(array);
    ouro_decref(empty);
}

static void
test_hex(void **state)
{
    ouro_ref bytes = NULL;
    (void)state;
    assert_int_equal(ouro_bytes_from_hex(" 00fF\t7e ", 9, &bytes), OURO_OK);
    require_bytes(bytes, "\x00\xFF\x7E", 3);
    assert_int_equal(ouro_bytes_from_hex("", 0, &bytes), OURO_OK);
    require_bytes(bytes, "", 0);
    bytes = NULL;
    static const char *const bad[] = {"0", "0g", "0 0", "000", "\xC3\xA4", "-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ouro_bytes_from_hex(bad[i], strlen(bad[i]), &bytes), OURO_WRONG_VALUE);
    }
    assert_null(bytes);
}

#define MOST 1600

static size_t
random_bytes(uint8_t *data, size_t most)
{
    size_t n = random_next(&dice) % (most + 1), letters = 1 + random_next(&dice) % 3;
    for (size_t i = 0; i < n; i++) {
        data[i] = (uint8_t)(200 + random_next(&dice) % letters);
    }
    return n;
}

/* Either kind. */
static ouro_ref
make(const uint8_t *data, size_t n)
{
    ouro_ref made = random_next(&dice) % 2 ? ouro_bytes_new(data, n) : ouro_bytearray_new(data, n);
    REQUIRE(made != NULL, "no memory");
    return made;
}

static size_t
naive_find(const uint8_t *text, size_t n, const uint8_t *part, size_t n_part, size_t begin)
{
    for (; begin + n_part <= n; begin++) {
        if (memcmp(text + begin, part, n_part) == 0) {
            return begin;
        }
    }
    return SIZE_MAX;
}

static void
test_random_bytes(void **state)
{
    static uint8_t a[MOST], b[MOST], both[2 * MOST];
    (void)state;
    for (int round = 0; round < 4000; round++) {
        size_t n = random_bytes(a, round % 8 == 0 ? MOST : 40);
        size_t m = random_bytes(b, round % 4 == 0 ? 3 : round % 8 == 1 ? MOST : 40);
        if (round % 16 == 8) { /* long, and different at the end or not at all */
            memcpy(b, a, n);
            m = n;
            b[n != 0 ? n - 1 : 0] ^= (uint8_t)(random_next(&dice) & 1);
        }
        ouro_ref x = make(a, n), y = make(b, m);
        ouro_loan first = ouro_lend(x), second = ouro_lend(y);

        size_t begin = random_next(&dice) % (n + 3), end = random_next(&dice) % (n + 3), index = 77;
        size_t stop = end < n ? end : n, length = begin < stop ? stop - begin : 0;
        size_t place = naive_find(a, stop, b, m, begin);
        REQUIRE(ouro_bytes_find(first, second, begin, end, &index) == (place != SIZE_MAX), "%d", round);
        REQUIRE(index == (place != SIZE_MAX ? place : 77), "%d", round);
        require_bytes(ouro_bytes_slice(first, begin, end), a + begin, length);
        memcpy(both, a, n);
        memcpy(both + n, b, m);
        require_bytes(ouro_bytes_concat(first, second), both, n + m);

        int order = memcmp(a, b, n < m ? n : m), found = ouro_bytes_compare(first, second);
        order = order != 0 ? order : (n > m) - (n < m);
        REQUIRE((found > 0) - (found < 0) == (order > 0) - (order < 0), "%d", round);
        REQUIRE(ouro_bytes_equal(first, second) == (order == 0), "%d", round);

        ouro_ref array = ouro_bytearray_new(a, n), hex = ouro_bytes_hex(first), again = NULL;
        REQUIRE(ouro_bytearray_extend(ouro_lend(array), second) == OURO_OK, "no memory");
        require_bytes(array, both, n + m);
        REQUIRE(ouro_bytes_from_hex(ouro_str_ascii_borrow(ouro_lend(hex)), 2 * n, &again) == OURO_OK,
                "round %d", round);
        require_bytes(again, a, n);
        ouro_decref(hex);
        ouro_decref(x);
        ouro_decref(y);
    }
}

static void
test_bytearray_changes(void **state)
{
    static uint8_t wanted[70000];
    size_t n = 0;
    (void)state;
    ouro_ref array = ouro_bytearray_new(NULL, 0);
    ouro_loan loan = ouro_lend(array);
    for (int i = 0; i < 20000; i++) {
        uint64_t what = random_next(&dice) % 100;
        if (what < 60) {
            assert_int_equal(ouro_bytearray_append(loan, (uint8_t)i), OURO_OK);
            wanted[n++] = (uint8_t)i;
        } else if (what < 70 && n < 3000) {
            assert_int_equal(ouro_bytearray_extend(loan, loan), OURO_OK);
            memcpy(wanted + n, wanted, n);
            n *= 2;
        } else if (what < 90) {
            size_t at = random_next(&dice) % (n + 1);
            assert_int_equal(ouro_bytearray_set(loan, at, 7), at < n ? OURO_OK : OURO_WRONG_VALUE);
            wanted[at] = at < n ? 7 : wanted[at];
        } else {
            size_t size = random_next(&dice) % (n + 20);
            assert_int_equal(ouro_bytearray_resize(loan, size), OURO_OK);
            if (size > n) {
                memset(wanted + n, 0, size - n);
            }
            n = size;
        }
        assert_int_equal(ouro_bytes_length(loan), n);
        if (i % 64 == 0 && n != 0) {
            assert_memory_equal(ouro_bytes_borrow(loan), wanted, n);
        }
    }
    size_t large = ouro_sizeof(loan);
    ouro_bytearray_clear(loan);
    assert_int_equal(ouro_bytes_length(loan), 0);
    assert_true(ouro_sizeof(loan) < large || large <= 64);
    assert_int_equal(ouro_bytearray_resize(loan, SIZE_MAX - 5), OURO_NO_MEMORY);
    assert_null(ouro_bytes_new(NULL, SIZE_MAX - 5));
    require_bytes(array, "", 0);
}

static ouro_ref shared_array;

static void *
append_often(void *byte)
{
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    ouro_loan array = ouro_lend(shared_array);
    for (int i = 0; i < 5000; i++) {
        uint8_t bytes[3];
        memset(bytes, (int)(uintptr_t)byte, sizeof bytes);
        REQUIRE(ouro_bytearray_add(array, bytes, sizeof bytes) == OURO_OK, "no memory");
        if (i % 50 == 0) {
            ouro_ref copy = ouro_bytes_from(array);
            size_t n = ouro_bytes_length(ouro_lend(copy));
            REQUIRE(copy != NULL && n % 3 == 0, "seen in pieces");
            REQUIRE(ouro_bytes_get(ouro_lend(copy), n - 1) == ouro_bytes_get(ouro_lend(copy), n - 3),
                    "seen in pieces");
            ouro_decref(copy);
            ouro_safepoint();
        }
    }
    ouro_thread_detach();
    return NULL;
}

static void
test_threads_append(void **state)
{
    enum { N_THREADS = 3 };
    pthread_t threads[N_THREADS];
    size_t counts[N_THREADS + 1] = {0};
    (void)state;
    shared_array = ouro_bytearray_new(NULL, 0);
    ouro_thread_detach();
    for (uintptr_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, append_often, (void *)(i + 1)), 0);
    }
    for (unsigned i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(ouro_thread_attach(), OURO_OK);
    size_t n = ouro_bytes_length(ouro_lend(shared_array));
    assert_int_equal(n, N_THREADS * 3 * 5000);
    for (size_t i = 0; i < n; i++) {
        counts[ouro_bytes_get(ouro_lend(shared_array), i)]++;
    }
    for (unsigned i = 1; i <= N_THREADS; i++) {
        assert_int_equal(counts[i], 3 * 5000);
    }
    ouro_decref(shared_array);
}

#define TEST(test) cmocka_unit_test_setup(test, nodes_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_known),          TEST(test_hex),
        TEST(test_random_bytes),   TEST(test_bytearray_changes),
        TEST(test_threads_append),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
