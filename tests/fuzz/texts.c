/* texts.c - a fuzzer's bytes as UTF-8, formats, digits and hexadecimal digits: what comes of them must agree with itself.
 *
 * The first byte says what the others are. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <ouro/ouro.h>

#include "input.h"
#include "require.h"

#define MOST 512

static char *
as_utf8(ouro_loan str, size_t *n)
{
    *n = ouro_str_encode(str, NULL, 0);
    char *utf8 = malloc(*n + 1);
    REQUIRE(utf8 != NULL, "no memory");
    REQUIRE(ouro_str_encode(str, utf8, *n + 1) == *n && utf8[*n] == 0, "another length");
    return utf8;
}

/* The same text, made again from its characters and from its UTF-8. */
static void
check_text(ouro_loan str)
{
    uint32_t characters[MOST], all = 0;
    size_t n = ouro_str_length(str), n_bytes;
    ouro_ref again = NULL;
    uint64_t hash = 0, other = 1;

    for (size_t i = 0; i < n && i < MOST; i++) {
        characters[i] = ouro_str_get(str, i);
        all |= characters[i];
        REQUIRE(characters[i] < 0xD800 || (characters[i] > 0xDFFF && characters[i] <= 0x10FFFF),
                "no character");
    }
    char *utf8 = as_utf8(str, &n_bytes);
    REQUIRE(ouro_str_decode(utf8, n_bytes, &again, NULL) == OURO_OK, "its UTF-8 is none");
    free(utf8);
    REQUIRE(ouro_str_equal(str, ouro_lend(again)), "it does not come back");
    REQUIRE(ouro_hash(str, &hash) == OURO_OK && ouro_hash(ouro_lend(again), &other) == OURO_OK &&
                hash == other,
            "another hash");
    ouro_decref(again);
    if (n <= MOST) {
        REQUIRE(n == 0 || ouro_str_width(str) == (all < 0x100     ? 1
                                                  : all < 0x10000 ? 2
                                                                  : 4),
                "another width");
        REQUIRE((ouro_str_ascii_borrow(str) != NULL) == (all < 0x80), "ASCII or not");
        REQUIRE(ouro_str_from_characters(characters, n, &again, NULL) == OURO_OK, "no text");
        REQUIRE(ouro_str_compare(str, ouro_lend(again)) == 0, "it does not come back from characters");
        ouro_decref(again);
    }
}

/* Splitting and joining, finding and replacing, slicing and putting together. */
static void
check_edits(ouro_loan str, size_t begin, size_t length)
{
    size_t n = ouro_str_length(str), index = 0;
    ouro_ref part = ouro_str_slice(str, begin, begin + length), list = NULL, joined = NULL;
    ouro_ref head = ouro_str_slice(str, 0, begin), tail = ouro_str_slice(str, begin, SIZE_MAX);
    ouro_ref whole = ouro_str_concat(ouro_lend(head), ouro_lend(tail));

    check_text(ouro_lend(part));
    check_text(ouro_lend(tail));
    REQUIRE(ouro_str_equal(str, ouro_lend(whole)), "its parts are not the whole");
    REQUIRE(ouro_str_starts_with(str, ouro_lend(head)) && ouro_str_ends_with(str, ouro_lend(tail)),
            "ends");
    if (begin <= n) {
        REQUIRE(ouro_str_find(str, ouro_lend(part), 0, SIZE_MAX, &index) == OURO_FOUND &&
                    index <= begin,
                "not found");
    }
    if (ouro_str_length(ouro_lend(part)) != 0) {
        REQUIRE(ouro_str_split(str, ouro_lend(part), SIZE_MAX, &list) == OURO_OK, "no split");
        REQUIRE(ouro_str_join(ouro_lend(part), ouro_lend(list), &joined) == OURO_OK, "no join");
        REQUIRE(ouro_str_equal(str, ouro_lend(joined)), "split and joined it is another");
        ouro_decref(joined);
        ouro_decref(list);
    }
    ouro_ref there = ouro_str_replace(str, ouro_lend(part), ouro_lend(tail), 3);
    check_text(ouro_lend(there));
    ouro_decref(there);
    ouro_decref(part);
    ouro_decref(head);
    ouro_decref(tail);
    ouro_decref(whole);
}

static void
try_utf8(struct input *input)
{
    size_t begin = next_byte(input), length = next_byte(input) % 4, where = 0, unused;
    const char *utf8 = (const char *)input->at;
    size_t n = (size_t)(input->end - input->at);
    ouro_ref str = NULL;

    ouro_status status = ouro_str_decode(utf8, n, &str, &where);
    if (status != OURO_OK) {
        REQUIRE(status == OURO_WRONG_VALUE && where < n && str == NULL, "%s", ouro_status_text(status));
        REQUIRE(ouro_str_decode(utf8, where, &str, &unused) == OURO_OK, "wrong before it says");
    }
    check_text(ouro_lend(str));
    check_edits(ouro_lend(str), begin, length);
    ouro_ref repr = ouro_repr(ouro_lend(str)), interned = ouro_str_intern(ouro_lend(str));
    check_text(ouro_lend(repr));
    REQUIRE(ouro_str_equal(ouro_lend(str), ouro_lend(interned)), "interned it is another");
    ouro_decref(interned);
    ouro_decref(repr);
    ouro_decref(str);
    char *copy = malloc(n + 1); /* up to the first zero, whatever it is */
    REQUIRE(copy != NULL, "no memory");
    memcpy(copy, utf8, n);
    copy[n] = 0;
    str = ouro_str_new(copy);
    check_text(ouro_lend(str));
    ouro_decref(str);
    free(copy);
}

/* Any format with what every conversion can take: a text's address is a number, and its memory ends with a zero. */
static void
try_format(struct input *input)
{
    char format[MOST + 1];
    size_t n = (size_t)(input->end - input->at), n_percents = 0;
    ouro_ref a = ouro_str_new("an \xC3\xA9 argument");

    n = n < MOST ? n : MOST;
    for (size_t i = 0; i < n; i++) {
        format[i] = input->at[i] == 0 ? '%' : (char)input->at[i];
        n_percents += format[i] == '%' || format[i] == '*';
        if (n_percents > 16) { /* as many arguments as there are */
            n = i;
        }
    }
    format[n] = 0;
    ouro_ref str = ouro_str_format(format, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a);
    REQUIRE(str != NULL, "no memory");
    check_text(ouro_lend(str));
    ouro_decref(str);
    ouro_decref(a);
}

/* A number as text of another base, and back; and what can be said of it without knowing it. */
static void
check_number(ouro_loan number, int base)
{
    ouro_ref text = NULL, again = NULL, half = NULL, rest = NULL, two = ouro_int_new(-3), back = NULL;
    size_t n;

    REQUIRE(ouro_int_to_text(number, base, &text) == OURO_OK, "no text");
    char *digits = as_utf8(ouro_lend(text), &n);
    REQUIRE(ouro_int_from_text(digits, n, base, &again) == OURO_OK, "its digits are none");
    REQUIRE(ouro_equal(number, ouro_lend(again)) == OURO_FOUND, "it does not come back");
    free(digits);
    REQUIRE(ouro_int_divide(number, ouro_lend(two), &half, &rest) == OURO_OK, "not divided");
    REQUIRE(ouro_int_multiply(ouro_lend(half), ouro_lend(two), &back) == OURO_OK, "not multiplied");
    ouro_clear(&again);
    REQUIRE(ouro_int_add(ouro_lend(back), ouro_lend(rest), &again) == OURO_OK, "not added");
    REQUIRE(ouro_int_compare(number, ouro_lend(again)) == 0, "divided and multiplied it is another");
    ouro_decref(text);
    ouro_decref(again);
    ouro_decref(half);
    ouro_decref(rest);
    ouro_decref(two);
    ouro_decref(back);
}

static void
try_digits(struct input *input)
{
    int base = (int)(next_byte(input) % 40);
    ouro_ref number = NULL;
    ouro_status status =
        ouro_int_from_text((const char *)input->at, (size_t)(input->end - input->at), base, &number);
    if (status == OURO_OK) {
        check_number(ouro_lend(number), base);
        check_number(ouro_lend(number), 2 + base % 35);
        ouro_decref(number);
    } else {
        REQUIRE(status == OURO_WRONG_VALUE && number == NULL, "%s", ouro_status_text(status));
    }
}

static void
try_hex(struct input *input)
{
    size_t n = (size_t)(input->end - input->at);
    ouro_ref bytes = ouro_bytes_new(input->at, n), again = NULL;
    ouro_ref hex = ouro_bytes_hex(ouro_lend(bytes)), repr = ouro_repr(ouro_lend(bytes));

    REQUIRE(ouro_bytes_from_hex(ouro_str_ascii_borrow(ouro_lend(hex)), 2 * n, &again) == OURO_OK,
            "no bytes");
    REQUIRE(ouro_bytes_equal(ouro_lend(bytes), ouro_lend(again)), "they do not come back");
    ouro_clear(&again);
    ouro_status status = ouro_bytes_from_hex((const char *)input->at, n, &again);
    REQUIRE(status == OURO_OK || (status == OURO_WRONG_VALUE && again == NULL), "%s",
            ouro_status_text(status));
    ouro_xdecref(again);
    check_text(ouro_lend(repr));
    ouro_decref(repr);
    ouro_decref(hex);
    ouro_decref(bytes);
}

static void
try_float(struct input *input)
{
    uint64_t bits = 0, bits_again;
    char text[64];
    double value, again;

    for (int i = 0; i < 8; i++) {
        bits = bits << 8 | next_byte(input);
    }
    memcpy(&value, &bits, sizeof value);
    ouro_ref number = ouro_float_new(value), repr = ouro_repr(ouro_lend(number)), integer = NULL;
    REQUIRE(ouro_str_encode(ouro_lend(repr), text, sizeof text) < 32, "it is long");
    again = strtod(text, NULL);
    memcpy(&bits_again, &again, sizeof again);
    REQUIRE(isnan(value) ? isnan(again) : bits == bits_again, "%a is shown as %s", value, text);
    ouro_status status = ouro_int_from_double(value, &integer);
    REQUIRE((status == OURO_OK) == (isfinite(value) != 0), "%s", ouro_status_text(status));
    if (status == OURO_OK) {
        check_number(ouro_lend(integer), 10);
        ouro_decref(integer);
    }
    ouro_decref(number);
    ouro_decref(repr);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct input * input) = {try_utf8, try_format, try_digits, try_hex,
                                                          try_float};
    struct input input = {data, data + size};

    REQUIRE(ouro_thread_is_attached() || ouro_init(NULL) == OURO_OK, "no memory to begin with");
    tries[next_below(&input, sizeof tries / sizeof *tries)](&input);
    return 0;
}
