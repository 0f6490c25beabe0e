/* test_str.c - texts: UTF-8 in and out, good and bad; what is made of them, against naive oracles; shown as Python
 * shows; one for all that are equal. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "nodes.h"
#include "random.h"
#include "require.h"
#include "types/types.h"

/* ---- help ---- */

static struct test_random dice = {1};

/* A text of a C string, which must be valid. */
static ouro_ref
str(const char *utf8)
{
    ouro_ref made = NULL;
    size_t where = 0;
    ouro_status status = ouro_str_decode(utf8, strlen(utf8), &made, &where);
    REQUIRE(status == OURO_OK, "\"%s\" is refused at %zu", utf8, where);
    return made;
}

/* ---- UTF-8 ---- */

static void
test_widths(void **state)
{
    static const struct {
        const char *utf8;
        size_t length;
        unsigned width;
        uint32_t last;
    } known[] = {
        {"", 0, 1, UINT32_MAX},
        {"a", 1, 1, 'a'},
        {"\x7F", 1, 1, 0x7F},
        {"\xC2\x80", 1, 1, 0x80},
        {"\xC3\xBF", 1, 1, 0xFF},
        {"\xC4\x80", 1, 2, 0x100},
        {"\xDF\xBF", 1, 2, 0x7FF},
        {"\xE0\xA0\x80", 1, 2, 0x800},
        {"\xED\x9F\xBF", 1, 2, 0xD7FF},
        {"\xEE\x80\x80", 1, 2, 0xE000},
        {"\xEF\xBF\xBF", 1, 2, 0xFFFF},
        {"\xF0\x90\x80\x80", 1, 4, 0x10000},
        {"\xF4\x8F\xBF\xBF", 1, 4, 0x10FFFF},
        {"hello, world, how are you?", 26, 1, '?'},
        {"na\xC3\xAFve", 5, 1, 'e'},
        {"12345678\xE2\x82\xAC", 9, 2, 0x20AC},
        {"12345678901\xF0\x9F\x90\x8D", 12, 4, 0x1F40D},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        ouro_ref text = str(known[i].utf8);
        assert_int_equal(ouro_str_length(ouro_lend(text)), known[i].length);
        assert_int_equal(ouro_str_width(ouro_lend(text)), known[i].width);
        assert_int_equal(ouro_str_get(ouro_lend(text), known[i].length - 1), known[i].last);
        assert_int_equal(ouro_str_get(ouro_lend(text), known[i].length), UINT32_MAX);
        assert_true(ouro_is_str(ouro_lend(text)));
        assert_ptr_equal(ouro_type_of(ouro_lend(text)), ouro_str_type());
        check_text(text, known[i].utf8);
    }
}

static void
test_bad_utf8(void **state)
{
    static const struct {
        const char *bytes;
        size_t n, where;
        const char
            *replaced; /* @source Unicode 15.0, tables 3-8 to 3-11; bytes.decode("utf8", "replace") */
    } known[] = {
#define R "\xEF\xBF\xBD"
        {"\x80", 1, 0, R},
        {"abc\xBF", 4, 3, "abc" R},
        {"\xC0\x80", 2, 0, R R},
        {"\xC1\xBF", 2, 0, R R},
        {"\xE0\x80\x80", 3, 0, R R R},
        {"\xE0\x9F\xBF", 3, 0, R R R},
        {"\xF0\x80\x80\x80", 4, 0, R R R R},
        {"\xF0\x8F\xBF\xBF", 4, 0, R R R R},
        {"\xED\xA0\x80", 3, 0, R R R},
        {"\xED\xBF\xBF", 3, 0, R R R},
        {"\xF4\x90\x80\x80", 4, 0, R R R R},
        {"\xF5\x80\x80\x80", 4, 0, R R R R},
        {"\xFF\xFE", 2, 0, R R},
        {"12345678\xC3", 9, 8, "12345678" R},
        {"1\xE2\x82", 3, 1, "1" R},
        {"\xF0\x9F\x90", 3, 0, R},
        {"\xF0\x9F\x90z", 4, 0, R "z"},
        {"\xC3\xA4\xC3", 3, 2, "\xC3\xA4" R},
        {"\xE2\x82\xE2\x82\xAC", 5, 0, R "\xE2\x82\xAC"},
        {"\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64", 13, 1, "a" R R R "b" R "c" R R "d"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        ouro_ref untouched = NULL;
        size_t where = 99;
        assert_int_equal(ouro_str_decode(known[i].bytes, known[i].n, &untouched, &where),
                         OURO_WRONG_VALUE);
        assert_int_equal(where, known[i].where);
        assert_null(untouched);
        assert_int_equal(ouro_str_decode(known[i].bytes, known[i].n, &untouched, NULL),
                         OURO_WRONG_VALUE);
        check_text(ouro_str_new(known[i].bytes), known[i].replaced);
    }
}

/* Any two bytes, at each place in a row of characters of two bytes. */
static void
test_rows_of_pairs(void **state)
{
    enum { N_PAIRS = 11 };
    (void)state;
    for (unsigned both = 0; both <= 0xFFFF; both++) {
        unsigned char first = (unsigned char)(both >> 8), second = (unsigned char)both;
        bool is_pair = first >= 0xC2 && first < 0xE0 && second >= 0x80 && second < 0xC0;
        bool is_ascii = first < 0x80 && second < 0x80;
        for (size_t place = 0; place < N_PAIRS; place++) {
            unsigned char utf8[2 * N_PAIRS];
            ouro_ref text = NULL;
            size_t where = 99;
            for (size_t i = 0; i < N_PAIRS; i++) {
                utf8[2 * i] = i == place ? first : 0xCE;
                utf8[2 * i + 1] = i == place ? second : (unsigned char)(0xB1 + i);
            }
            ouro_status status = ouro_str_decode((const char *)utf8, sizeof utf8, &text, &where);
            if (!is_pair && !is_ascii) {
                REQUIRE(status == OURO_WRONG_VALUE, "%04X at %zu", both, place);
                assert_int_equal(where, 2 * place + (first < 0x80));
                continue;
            }
            REQUIRE(status == OURO_OK, "%04X at %zu", both, place);
            assert_int_equal(ouro_str_length(ouro_lend(text)), N_PAIRS + is_ascii);
            assert_int_equal(ouro_str_width(ouro_lend(text)), 2);
            for (size_t i = 0; i < N_PAIRS; i++) {
                uint32_t pair = (first & 0x1FU) << 6 | (second & 0x3F);
                uint32_t wanted = i != place ? 0x3B1 + (uint32_t)i : is_pair ? pair : first;
                size_t index = i + (is_ascii && i > place);
                REQUIRE(ouro_str_get(ouro_lend(text), index) == wanted, "%04X at %zu", both, place);
            }
            ouro_decref(text);
        }
    }
}

/* Every character there is goes in and comes out; every other number is refused. */
static void
test_every_character(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x110100; c++) {
        bool is_character = c < 0xD800 || (c >= 0xE000 && c < 0x110000);
        uint32_t characters[2] = {'x', c};
        ouro_ref text = NULL, again = NULL;
        size_t where = 99;
        ouro_status status = ouro_str_from_characters(characters, 2, &text, &where);
        REQUIRE(status == (is_character ? OURO_OK : OURO_WRONG_VALUE), "U+%04X", c);
        if (!is_character) {
            assert_int_equal(where, 1);
            continue;
        }
        char utf8[8];
        size_t n = ouro_str_encode(ouro_lend(text), utf8, sizeof utf8);
        REQUIRE(ouro_str_decode(utf8, n, &again, NULL) == OURO_OK, "U+%04X", c);
        REQUIRE(ouro_str_get(ouro_lend(again), 1) == c, "U+%04X", c);
        REQUIRE(ouro_str_equal(ouro_lend(text), ouro_lend(again)), "U+%04X", c);
        ouro_decref(text);
        ouro_decref(again);
    }
}

static void
test_encode_gives_whole_characters(void **state)
{
    char utf8[16];
    (void)state;
    ouro_ref text = str("a\xE2\x82\xAC\xF0\x9F\x90\x8D");
    static const char *const wanted[] = {"", "", "a", "a", "a", "a\xE2\x82\xAC"};
    for (size_t size = 1; size < 6; size++) {
        memset(utf8, '?', sizeof utf8);
        assert_int_equal(ouro_str_encode(ouro_lend(text), utf8, size), 8);
        assert_string_equal(utf8, wanted[size]);
    }
    assert_int_equal(ouro_str_encode(ouro_lend(text), NULL, 0), 8);
    assert_null(ouro_str_ascii_borrow(ouro_lend(text)));
    ouro_decref(text);
    text = str("plain text");
    assert_string_equal(ouro_str_ascii_borrow(ouro_lend(text)), "plain text");
    assert_int_equal(ouro_str_encode(ouro_lend(text), utf8, 6), 10);
    assert_string_equal(utf8, "plain");
    ouro_decref(text);
}

static void
test_zeros_inside(void **state)
{
    (void)state;
    ouro_ref text = NULL;
    assert_int_equal(ouro_str_decode("a\0b\0", 4, &text, NULL), OURO_OK);
    assert_int_equal(ouro_str_length(ouro_lend(text)), 4);
    assert_int_equal(ouro_str_get(ouro_lend(text), 1), 0);
    check_text(ouro_repr(ouro_lend(text)), "'a\\x00b\\x00'");
    ouro_decref(text);
}

/* Of each short length; with one byte that is not ASCII, wherever it stands. */
static void
test_short_lengths(void **state)
{
    char text[48], found[48];
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        for (size_t i = 0; i < n; i++) {
            text[i] = (char)('A' + i);
        }
        ouro_ref made = NULL;
        size_t where = 99;
        assert_int_equal(ouro_str_decode(text, n, &made, &where), OURO_OK);
        assert_int_equal(ouro_str_encode(ouro_lend(made), found, sizeof found), n);
        assert_memory_equal(found, text, n);
        assert_int_equal(strlen(ouro_str_ascii_borrow(ouro_lend(made))), n);
        ouro_decref(made);
        for (size_t i = 0; i < n; i++) {
            text[i] = '\xC3';
            assert_int_equal(ouro_str_decode(text, n, &made, &where), OURO_WRONG_VALUE);
            assert_int_equal(where, i);
            if (i + 1 < n) {
                text[i + 1] = '\xA9';
                assert_int_equal(ouro_str_decode(text, n, &made, &where), OURO_OK);
                assert_int_equal(ouro_str_length(ouro_lend(made)), n - 1);
                assert_int_equal(ouro_str_get(ouro_lend(made), i), 0xE9);
                ouro_decref(made);
                text[i + 1] = (char)('B' + i);
            }
            text[i] = (char)('A' + i);
        }
    }
}

static void
test_sizes(void **state)
{
    (void)state;
    ouro_ref text = str("seven c");
    assert_true(ouro_sizeof(ouro_lend(text)) <= 32 + OURO_STRESS * 8);
    ouro_decref(text);
    text = str("a text of thirty-six characters here");
    assert_int_equal(ouro_sizeof(ouro_lend(text)), 24 + 36 + 1 + OURO_STRESS * 8);
    ouro_decref(text);
}

/* ---- against oracles ---- */

#define MOST 64

struct oracle {
    size_t n;
    uint32_t at[MOST * MOST];
};

/* Few letters, of one to all widths. */
static void
random_oracle(struct oracle *text, size_t most)
{
    static const uint32_t letters[] = {'a', 'b', 'c', 0xE9, 0x100, 0x20AC, 0x1F40D};
    size_t kinds = 2 + random_next(&dice) % 6;
    text->n = random_next(&dice) % (most + 1);
    for (size_t i = 0; i < text->n; i++) {
        text->at[i] = letters[random_next(&dice) % kinds];
    }
}

static ouro_ref
from_oracle(const struct oracle *text)
{
    ouro_ref made = NULL;
    REQUIRE(ouro_str_from_characters(text->at, text->n, &made, NULL) == OURO_OK, "no memory");
    return made;
}

/* The text is this, down to its width; lets go of it. */
static void
require_oracle(ouro_ref text, const struct oracle *wanted)
{
    ouro_ref again = from_oracle(wanted);
    uint64_t hash = 0, other = 1;
    REQUIRE(text != NULL && ouro_str_length(ouro_lend(text)) == wanted->n, "another length");
    for (size_t i = 0; i < wanted->n; i++) {
        REQUIRE(ouro_str_get(ouro_lend(text), i) == wanted->at[i], "another character at %zu", i);
    }
    REQUIRE(ouro_str_width(ouro_lend(text)) == ouro_str_width(ouro_lend(again)), "another width");
    REQUIRE(ouro_str_equal(ouro_lend(text), ouro_lend(again)), "not equal");
    REQUIRE(ouro_equal(ouro_lend(text), ouro_lend(again)) == OURO_FOUND, "not equal");
    REQUIRE(ouro_hash(ouro_lend(text), &hash) == OURO_OK, "no hash");
    REQUIRE(ouro_hash(ouro_lend(again), &other) == OURO_OK && hash == other, "another hash");
    REQUIRE(ouro_str_equal(ouro_lend(text), ouro_lend(again)), "not equal any more");
    REQUIRE(wanted->n > 1 || text == again || ouro_str_width(ouro_lend(text)) > 1, "not the single");
    ouro_decref(text);
    ouro_decref(again);
}

static bool
oracle_is_at(const struct oracle *text, size_t at, const struct oracle *part)
{
    return at + part->n <= text->n && memcmp(text->at + at, part->at, part->n * sizeof *part->at) == 0;
}

static size_t
oracle_find(const struct oracle *text, const struct oracle *part, size_t begin, size_t end)
{
    struct oracle before = *text;
    before.n = end < before.n ? end : before.n;
    for (; begin <= before.n; begin++) {
        if (oracle_is_at(&before, begin, part)) {
            return begin;
        }
    }
    return SIZE_MAX;
}

static void
oracle_add(struct oracle *text, const uint32_t *at, size_t n)
{
    memcpy(text->at + text->n, at, n * sizeof *at);
    text->n += n;
}

static void
oracle_replace(const struct oracle *text, const struct oracle *before, const struct oracle *after,
               size_t most, struct oracle *result)
{
    result->n = 0;
    for (size_t i = 0; i <= text->n;) {
        if (most != 0 && oracle_is_at(text, i, before)) {
            oracle_add(result, after->at, after->n);
            most--;
            if (before->n != 0) {
                i += before->n;
                continue;
            }
        }
        if (i < text->n) {
            oracle_add(result, &text->at[i], 1);
        }
        i++;
    }
}

/* Finding, and the parts that are found. */
static void
require_found(const struct oracle *a, const struct oracle *b, ouro_loan text, ouro_loan part)
{
    size_t begin = random_next(&dice) % (a->n + 3), end = random_next(&dice) % (a->n + 3), index = 77;
    size_t place = oracle_find(a, b, begin, end);
    REQUIRE(ouro_str_find(text, part, begin, end, &index) == (place != SIZE_MAX), "find");
    REQUIRE(index == (place != SIZE_MAX ? place : 77), "index %zu, not %zu", index, place);
    REQUIRE(ouro_str_starts_with(text, part) == oracle_is_at(a, 0, b), "begins");
    REQUIRE(ouro_str_ends_with(text, part) == (a->n >= b->n && oracle_is_at(a, a->n - b->n, b)),
            "ends");

    size_t stop = end < a->n ? end : a->n;
    static struct oracle wanted;
    wanted.n = 0;
    oracle_add(&wanted, a->at + begin, begin < stop ? stop - begin : 0);
    require_oracle(ouro_str_slice(text, begin, end), &wanted);
}

static void
require_order(const struct oracle *a, const struct oracle *b, ouro_loan text, ouro_loan part)
{
    size_t shared = a->n < b->n ? a->n : b->n, k = 0;
    while (k < shared && a->at[k] == b->at[k]) {
        k++;
    }
    int order =
        k < shared ? (a->at[k] > b->at[k]) - (a->at[k] < b->at[k]) : (a->n > b->n) - (a->n < b->n);
    int found = ouro_str_compare(text, part);
    REQUIRE((found > 0) - (found < 0) == order, "order");
    REQUIRE(ouro_str_equal(text, part) == (order == 0), "equal");
}

/* Splitting and joining are the inverse of each other. */
static void
require_split(const struct oracle *a, const struct oracle *c, ouro_loan text, ouro_loan between,
              size_t most)
{
    static struct oracle wanted;
    ouro_ref list = NULL, joined = NULL;
    REQUIRE(ouro_str_split(text, between, most, &list) == OURO_OK, "split");
    REQUIRE(ouro_str_join(between, ouro_lend(list), &joined) == OURO_OK, "join");
    size_t pieces = ouro_list_length(ouro_lend(list));
    oracle_replace(a, c, &(struct oracle){.n = 0}, most, &wanted);
    REQUIRE((pieces - 1) * c->n == a->n - wanted.n, "%zu pieces", pieces);
    require_oracle(joined, a);
    ouro_decref(list);
}

static void
test_random_texts(void **state)
{
    static struct oracle a, b, c, wanted;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        random_oracle(&a, MOST - 1);
        random_oracle(&b, random_next(&dice) % 2 ? 3 : 12);
        random_oracle(&c, 3);
        ouro_ref x = from_oracle(&a), y = from_oracle(&b), z = from_oracle(&c);
        ouro_loan text = ouro_lend(x), part = ouro_lend(y), after = ouro_lend(z);

        require_found(&a, &b, text, part);
        wanted = a;
        oracle_add(&wanted, b.at, b.n);
        require_oracle(ouro_str_concat(text, part), &wanted);

        size_t most = random_next(&dice) % 2 ? SIZE_MAX : random_next(&dice) % 4;
        oracle_replace(&a, &c, &b, most, &wanted);
        require_oracle(ouro_str_replace(text, after, part, most), &wanted);
        require_order(&a, &b, text, part);
        if (c.n != 0) {
            require_split(&a, &c, text, after, most);
        }
        ouro_decref(x);
        ouro_decref(y);
        ouro_decref(z);
    }
}

/* Long periodic texts, where searching naively takes the square. */
static void
test_hostile_searches(void **state)
{
    enum { N = 200000 };
    static char text[2 * N + 1], part[N + 1];
    size_t index = 0;
    (void)state;
    memset(text, 'a', 2 * N);
    memset(part, 'a', N);
    for (int kind = 0; kind < 4; kind++) {
        part[kind == 0 ? N - 1 : kind == 1 ? N / 2 : 0] = 'b';
        if (kind == 3) {
            for (size_t i = 0; i < 2 * N; i++) {
                text[i] = i % 3 == 2 ? 'b' : 'a';
            }
            memcpy(part, text, N);
            part[N - 1] = 'c';
        }
        ouro_ref haystack = str(text), needle = str(part);
        assert_int_equal(ouro_str_find(ouro_lend(haystack), ouro_lend(needle), 0, SIZE_MAX, &index), 0);
        ouro_ref with = ouro_str_concat(ouro_lend(haystack), ouro_lend(needle));
        assert_int_equal(ouro_str_find(ouro_lend(with), ouro_lend(needle), 0, SIZE_MAX, &index),
                         OURO_FOUND);
        assert_true(index <= 2 * N && index >= N);
        ouro_decref(haystack);
        ouro_decref(needle);
        ouro_decref(with);
    }
}

/* ---- joins ---- */

static void
test_join(void **state)
{
    (void)state;
    ouro_ref comma = str(", "), text = NULL;
    ouro_loan none = ouro_lend(ouro_none());
    ouro_ref one = str("eins"), two = str("zw\xC3\xB6i"), list = ouro_list_new(0);
    ouro_loan items[] = {ouro_lend(one), ouro_lend(two), ouro_lend(one)};
    ouro_ref tuple = ouro_tuple_new(3, items), single = ouro_tuple_new(1, items);
    ouro_ref empty = ouro_tuple_new(0, NULL);

    assert_int_equal(ouro_str_join(ouro_lend(comma), ouro_lend(tuple), &text), OURO_OK);
    check_text(text, "eins, zw\xC3\xB6i, eins");
    assert_int_equal(ouro_str_join(ouro_lend(comma), ouro_lend(list), &text), OURO_OK);
    check_text(text, "");
    assert_int_equal(ouro_str_join(ouro_lend(comma), ouro_lend(empty), &text), OURO_OK);
    check_text(text, "");
    assert_int_equal(ouro_str_join(ouro_lend(comma), ouro_lend(single), &text), OURO_OK);
    assert_ptr_equal(text, one);
    ouro_decref(text);
    text = NULL;
    assert_int_equal(ouro_list_append(ouro_lend(list), none), OURO_OK);
    assert_int_equal(ouro_str_join(ouro_lend(comma), ouro_lend(list), &text), OURO_WRONG_TYPE);
    assert_int_equal(ouro_str_join(ouro_lend(comma), none, &text), OURO_WRONG_TYPE);
    assert_int_equal(ouro_str_join(none, ouro_lend(list), &text), OURO_WRONG_TYPE);
    assert_null(text);
    ouro_ref nothing = str("");
    assert_int_equal(ouro_str_split(ouro_lend(one), ouro_lend(nothing), 1, &text), OURO_WRONG_VALUE);
    ouro_decref(list);
    ouro_decref(tuple);
    ouro_decref(single);
    ouro_decref(empty);
    ouro_decref(comma);
    ouro_decref(one);
    ouro_decref(two);
}

/* ---- hashes ---- */

static void
test_siphash(void **state)
{
    static const uint64_t key[2] = {0, 0};
    /* hash(bytes(range(n))) for n = 1 to 17, with PYTHONHASHSEED=0, as unsigned. */
    static const uint64_t known[] = {
        0x68A914128E01E473U, 0x010BAC45C41E3669U, 0x4D4C9A4A8EF6E0ADU, 0x7CC43F98813E4DBDU,
        0x5ABE2169DFF36275U, 0xE3C25F87624F1CDBU, 0x2F098AB0C751325AU, 0xEAD411E67EBE2EEAU,
        0x75927F9D95124362U, 0xAF9F77A65AB51A1DU, 0xFE64CE8B6617FCFFU, 0xA6BAF4FB0F9FE1C2U,
        0xA0CF3211850F8E0DU, 0x7F86049379FBFE67U, 0xF30EB725BB91C9EAU, 0x8972188433A5C5B7U,
        0x4883C49A2C009C1DU,
    };
    unsigned char bytes[64];
    (void)state;
    for (unsigned i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)i;
    }
    for (size_t n = 1; n <= sizeof known / sizeof *known; n++) {
        assert_int_equal(ouro__siphash(key, bytes, n), known[n - 1]);
    }
}

static void
test_seed_is_late(void **state)
{
    (void)state;
    assert_int_equal(ouro_set_hash_seed(1), OURO_BUSY);
}

/* ---- formats ---- */

static void
test_format(void **state)
{
    char expected[512];
    (void)state;
    ouro_ref text = str("it's \xE2\x82\xAC"), number = ouro_float_new(1.5);
    check_text(ouro_str_format("plain"), "plain");
    check_text(ouro_str_format(""), "");
    check_text(ouro_str_format("%s|%.3s|%.*s|%s", "abc", "abcdef", 2, "xyz", ""), "abc|abc|xy|");
    check_text(ouro_str_format("%S %R %R %S", text, text, number, number),
               "it's \xE2\x82\xAC \"it's \xE2\x82\xAC\" 1.5 1.5");
    snprintf(expected, sizeof expected, "%d %5d|%-5d|%05d|%+d %i %.4d", -7, 42, 42, 42, 42, 0, 7);
    check_text(ouro_str_format("%d %5d|%-5d|%05d|%+d %i %.4d", -7, 42, 42, 42, 42, 0, 7), expected);
    snprintf(expected, sizeof expected, "%zu %ld %lld %hhd %hu %jd %td %x %#X %#o %llu", SIZE_MAX,
             LONG_MIN, LLONG_MAX, (signed char)3, (unsigned short)65535, INTMAX_MIN, (ptrdiff_t)-9,
             0xBEEFU, 0xBEEFU, 8U, ULLONG_MAX);
    check_text(ouro_str_format("%zu %ld %lld %hhd %hu %jd %td %x %#X %#o %llu", SIZE_MAX, LONG_MIN,
                               LLONG_MAX, (signed char)3, (unsigned short)65535, INTMAX_MIN,
                               (ptrdiff_t)-9, 0xBEEFU, 0xBEEFU, 8U, ULLONG_MAX),
               expected);
    snprintf(expected, sizeof expected, "%p%%%c%*d|%*d", (void *)text, 'z', 6, 1, -6, 2);
    check_text(ouro_str_format("%p%%%c%*d|%*d", (void *)text, 'z', 6, 1, -6, 2), expected);
    check_text(ouro_str_format("%d %y %d", 1, 2), "1 %y %d");
    check_text(ouro_str_format("100%"), "100%");
    check_text(ouro_str_format("%s", "\xFF!"), "\xEF\xBF\xBD!");
    check_text(ouro_str_format("%s", (char *)NULL), "(null)");
    ouro_ref wide = ouro_str_format("%1000d|%s", 1, "x");
    assert_int_equal(ouro_str_length(ouro_lend(wide)), 258);
    ouro_decref(wide);
    ouro_decref(text);
    ouro_decref(number);
}

/* ---- repr ---- */

static void
test_repr_of_texts(void **state)
{
    static const char *const known[][2] = {
        {"", "''"},
        {"abc", "'abc'"},
        {"it's", "\"it's\""},
        {"\"", "'\"'"},
        {"'\"", "'\\'\"'"},
        {"a\\b", "'a\\\\b'"},
        {"\t\n\r\x0B\x1F\x7F", "'\\t\\n\\r\\x0b\\x1f\\x7f'"},
        {"\xC2\x80\xC2\xA0\xC2\xA1\xC2\xAD\xC3\xA9", "'\\x80\\xa0\xC2\xA1\\xad\xC3\xA9'"},
        {"\xE2\x80\xA8\xEF\xBB\xBF\xEE\x80\x80", "'\\u2028\\ufeff\\ue000'"},
        {"\xF0\x9F\x90\x8D\xF4\x8F\xBF\xBF", "'\xF0\x9F\x90\x8D\\U0010ffff'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        ouro_ref text = str(known[i][0]);
        check_text(ouro_repr(ouro_lend(text)), known[i][1]);
        ouro_decref(text);
    }
}

static void
test_repr_of_floats(void **state)
{
    static const struct {
        double value;
        const char *repr;
    } known[] = {
        {0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {100, "100.0"},
        {1e15, "1000000000000000.0"},
        {1e16, "1e+16"},
        {9999999999999998, "9999999999999998.0"},
        {12345678901234567.0, "1.2345678901234568e+16"},
        {123456.789, "123456.789"},
        {0.0001, "0.0001"},
        {0.00001, "1e-05"},
        {0.000123, "0.000123"},
        {1e22, "1e+22"},
        {1e23, "1e+23"},
        {1.5e300, "1.5e+300"},
        {-2.5e-9, "-2.5e-09"},
        {5e-324, "5e-324"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {9007199254740993.0, "9007199254740992.0"},
        {5.684341886080802e-14, "5.684341886080802e-14"},
        {HUGE_VAL, "inf"},
        {-HUGE_VAL, "-inf"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        ouro_ref number = ouro_float_new(known[i].value);
        check_text(ouro_repr(ouro_lend(number)), known[i].repr);
        ouro_decref(number);
    }
    ouro_ref number = ouro_float_new(nan(""));
    check_text(ouro_repr(ouro_lend(number)), "nan");
    ouro_decref(number);
    for (int i = 0; i < 20000; i++) { /* what is shown reads back as the same */
        uint64_t bits = random_next(&dice) << 32 ^ random_next(&dice);
        double value, again;
        char text[64];
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) {
            continue;
        }
        number = ouro_float_new(value);
        ouro_ref repr = ouro_repr(ouro_lend(number));
        ouro_str_encode(ouro_lend(repr), text, sizeof text);
        again = strtod(text, NULL);
        uint64_t bits_again;
        memcpy(&bits_again, &again, sizeof again);
        REQUIRE(bits == bits_again, "%a is shown as %s", value, text);
        ouro_decref(repr);
        ouro_decref(number);
    }
}

static void
test_repr_of_containers(void **state)
{
    (void)state;
    ouro_ref list = ouro_list_new(0), text = str("x");
    check_text(ouro_repr(ouro_lend(list)), "[]");
    assert_int_equal(ouro_list_append(ouro_lend(list), ouro_lend(ouro_none())), OURO_OK);
    assert_int_equal(ouro_list_append(ouro_lend(list), ouro_lend(ouro_bool(true))), OURO_OK);
    ouro_loan items[] = {ouro_lend(text), ouro_lend(list)};
    ouro_ref none = ouro_tuple_new(0, NULL), one = ouro_tuple_new(1, items),
             two = ouro_tuple_new(2, items);
    check_text(ouro_repr(ouro_lend(none)), "()");
    check_text(ouro_repr(ouro_lend(one)), "('x',)");
    check_text(ouro_repr(ouro_lend(two)), "('x', [None, True])");
    assert_int_equal(ouro_list_append(ouro_lend(list), ouro_lend(list)), OURO_OK);
    assert_int_equal(ouro_list_append(ouro_lend(list), ouro_lend(two)), OURO_OK);
    check_text(ouro_repr(ouro_lend(list)), "[None, True, [...], ('x', [...])]");
    check_text(ouro_repr(ouro_lend(two)), "('x', [None, True, [...], (...)])");
    ouro_list_clear(ouro_lend(list));
    ouro_decref(list);
    ouro_decref(none);
    ouro_decref(one);
    ouro_decref(two);

    ouro_ref nested = ouro_list_new(0);
    for (int i = 0; i < 100000; i++) {
        ouro_ref outer = ouro_list_new(1);
        assert_int_equal(ouro_list_append_steal(ouro_lend(outer), nested), OURO_OK);
        nested = outer;
    }
    ouro_ref shown = ouro_repr(ouro_lend(nested));
    assert_int_equal(ouro_str_length(ouro_lend(shown)), 2 * 100 + 5);
    ouro_decref(shown);
    ouro_decref(nested);

    ouro_ref leaf = leaf_new(1);
    char expected[64];
    snprintf(expected, sizeof expected, "<leaf at %p>", (void *)leaf);
    check_text(ouro_repr(ouro_lend(leaf)), expected);
    ouro_decref(leaf);
}

/* test_dict.DictTest.test_repr, test_set.TestBasicOps.test_repr */
static void
test_repr_of_tables(void **state)
{
    (void)state;
    ouro_ref dict = ouro_dict_new(), set = ouro_set_new(), frozen = NULL, text = str("x");
    check_text(ouro_repr(ouro_lend(dict)), "{}");
    check_text(ouro_repr(ouro_lend(set)), "set()");
    assert_int_equal(ouro_frozenset_new(NULL, &frozen), OURO_OK);
    check_text(ouro_repr(ouro_lend(frozen)), "frozenset()");
    ouro_decref(frozen);

    assert_int_equal(ouro_set_add(ouro_lend(set), ouro_lend(text)), OURO_OK);
    assert_int_equal(ouro_set_add(ouro_lend(set), ouro_lend(ouro_int_new(7))), OURO_OK);
    check_text(ouro_repr(ouro_lend(set)), "{'x', 7}");
    assert_int_equal(ouro_frozenset_new(ouro_lend(set), &frozen), OURO_OK);
    check_text(ouro_repr(ouro_lend(frozen)), "frozenset({'x', 7})");

    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(frozen), ouro_lend(ouro_none())),
                     OURO_OK);
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(text), ouro_lend(dict)), OURO_OK);
    check_text(ouro_repr(ouro_lend(dict)), "{frozenset({'x', 7}): None, 'x': {...}}");
    ouro_dict_clear(ouro_lend(dict));
    ouro_decref(set);
    ouro_decref(frozen);
    ouro_decref(dict);
    ouro_decref(text);
}

/* ---- one for all ---- */

static void
test_intern(void **state)
{
    (void)state;
    ouro_ref first = str("to be the one"), second = str("to be the one");
    assert_ptr_not_equal(first, second);
    assert_false(ouro_str_is_interned(ouro_lend(first)));
    ouro_ref one = ouro_str_intern(ouro_lend(first));
    assert_ptr_equal(one, first);
    ouro_ref same = ouro_str_intern(ouro_lend(second));
    assert_ptr_equal(same, first);
    assert_true(ouro_str_is_interned(ouro_lend(first)));
    assert_false(ouro_str_is_interned(ouro_lend(second)));
    assert_int_equal(ouro_refcount(ouro_lend(first)), 3);
    ouro_decref(one);
    ouro_decref(same);
    ouro_decref(first); /* nobody holds it: the table doesn't either */
    assert_false(ouro_str_is_interned(ouro_lend(second)));
    one = ouro_str_intern(ouro_lend(second));
    assert_ptr_equal(one, second);
    ouro_decref(one);
    ouro_decref(second);
    ouro_ref letter = str("a"), interned = ouro_str_intern(ouro_lend(letter));
    assert_ptr_equal(letter, interned);
    assert_true(ouro_str_is_interned(ouro_lend(letter)));
}

static void
test_many_are_interned_and_freed(void **state)
{
    enum { N = 5000 };
    static ouro_ref all[N];
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            ouro_ref made = ouro_str_format("number %d", i);
            all[i] = ouro_str_intern(ouro_lend(made));
            assert_ptr_equal(all[i], made);
            ouro_decref(made);
        }
        for (int i = round; i < N; i += 2) { /* every other one, then the rest */
            ouro_clear(&all[i]);
        }
        for (int i = 0; i < N; i++) {
            ouro_ref made = ouro_str_format("number %d", i), one = ouro_str_intern(ouro_lend(made));
            assert_true(one == (all[i] != NULL ? all[i] : made));
            ouro_decref(made);
            ouro_decref(one);
            ouro_clear(&all[i]);
        }
    }
}

#define N_TEXTS 8

static void *
intern_often(void *argument)
{
    ouro_ref held[N_TEXTS] = {NULL};
    uint64_t random = (uintptr_t)argument;

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (int i = 0; i < 20000; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        unsigned which = random >> 40 & (N_TEXTS - 1);
        ouro_ref made = ouro_str_format("shared text %u", which);
        ouro_ref one = ouro_str_intern(ouro_lend(made));
        REQUIRE(one != NULL && ouro_str_equal(ouro_lend(one), ouro_lend(made)), "not equal");
        REQUIRE(held[which] == NULL || held[which] == one, "two of %u", which);
        ouro_decref(made);
        if (random >> 50 & 1) {
            ouro_assign(&held[which], one);
        } else {
            ouro_decref(one);
            ouro_clear(&held[which]);
        }
        if (i % 64 == 0) {
            ouro_safepoint();
        }
    }
    for (unsigned i = 0; i < N_TEXTS; i++) {
        ouro_clear(&held[i]);
    }
    ouro_thread_detach();
    return NULL;
}

static void
test_threads_intern_the_same(void **state)
{
    enum { N_THREADS = 4 };
    pthread_t threads[N_THREADS];
    (void)state;
    ouro_thread_detach();
    for (uintptr_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, intern_often, (void *)(i * 77 + 1)), 0);
    }
    for (unsigned i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(ouro_thread_attach(), OURO_OK);
}

static void
test_interned_with_weak_references(void **state)
{
    (void)state;
    ouro_ref text = str("referred to weakly"), weak = NULL;
    assert_int_equal(ouro_weakref_create(ouro_lend(text), NULL, NULL, &weak), OURO_OK);
    ouro_ref one = ouro_str_intern(ouro_lend(text));
    assert_ptr_equal(one, text);
    ouro_decref(one);
    ouro_decref(text);
    assert_null(ouro_weakref_get(ouro_lend(weak)));
    ouro_decref(weak);
}

#define TEST(test) cmocka_unit_test_setup(test, nodes_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_widths),
        TEST(test_bad_utf8),
        TEST(test_rows_of_pairs),
        TEST(test_every_character),
        TEST(test_encode_gives_whole_characters),
        TEST(test_zeros_inside),
        TEST(test_short_lengths),
        TEST(test_sizes),
        TEST(test_random_texts),
        TEST(test_hostile_searches),
        TEST(test_join),
        TEST(test_siphash),
        TEST(test_seed_is_late),
        TEST(test_format),
        TEST(test_repr_of_texts),
        TEST(test_repr_of_floats),
        TEST(test_repr_of_containers),
        TEST(test_repr_of_tables),
        TEST(test_intern),
        TEST(test_many_are_interned_and_freed),
        TEST(test_threads_intern_the_same),
        TEST(test_interned_with_weak_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
