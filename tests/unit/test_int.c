/* test_int.c - integers: against those of 128 bits that compilers have, and large ones against what must hold of any
 * numbers; as text, as floats. */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "nodes.h"
#include "random.h"
#include "require.h"

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 unsigned_wide;

static struct test_random dice = {1};

/* ---- help: operations that end the test when they fail ---- */

typedef ouro_status operator_of_two(ouro_loan a, ouro_loan b, ouro_ref *result);

static ouro_ref
compute(operator_of_two *operation, ouro_ref a, ouro_ref b)
{
    ouro_ref result = NULL;
    ouro_status status = operation(ouro_lend(a), ouro_lend(b), &result);
    REQUIRE(status == OURO_OK && result != NULL, "%s", ouro_status_text(status));
    return result;
}

static ouro_ref
read_number(const char *text, int base)
{
    ouro_ref number = NULL;
    REQUIRE(ouro_int_from_text(text, strlen(text), base, &number) == OURO_OK, "\"%s\"", text);
    return number;
}

/* They are equal, and so are their hashes. */
static void
require_equal(ouro_ref a, ouro_ref b)
{
    uint64_t hash = 0, other = 1;
    REQUIRE(ouro_equal(ouro_lend(a), ouro_lend(b)) == OURO_FOUND, "not equal");
    REQUIRE(ouro_equal(ouro_lend(b), ouro_lend(a)) == OURO_FOUND, "not equal");
    REQUIRE(ouro_hash(ouro_lend(a), &hash) == OURO_OK, "no hash");
    REQUIRE(ouro_hash(ouro_lend(b), &other) == OURO_OK && hash == other, "another hash");
}

/* The number is shown so; lets go of it. */
static void
assert_number(ouro_ref number, const char *decimal)
{
    ouro_ref text = ouro_repr(ouro_lend(number)), again = read_number(decimal, 10);
    assert_string_equal(ouro_str_ascii_borrow(ouro_lend(text)), decimal);
    require_equal(number, again);
    ouro_decref(text);
    ouro_decref(again);
    ouro_decref(number);
}

static ouro_ref
from_wide(wide value)
{
    char text[64], *at = text + sizeof text;
    unsigned_wide left = value < 0 ? 0 - (unsigned_wide)value : (unsigned_wide)value;
    do {
        *--at = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left != 0);
    if (value < 0) {
        *--at = '-';
    }
    ouro_ref number = NULL;
    size_t n = (size_t)(text + sizeof text - at);
    REQUIRE(ouro_int_from_text(at, n, 10, &number) == OURO_OK, "%.*s", (int)n, at);
    return number;
}

/* The number has this value; lets go of it. */
static void
require_wide(ouro_ref number, wide value, const char *what)
{
    ouro_ref wanted = from_wide(value);
    REQUIRE(ouro_int_compare(ouro_lend(number), ouro_lend(wanted)) == 0, "%s", what);
    require_equal(number, wanted);
    ouro_decref(wanted);
    ouro_decref(number);
}

/* Near what is special, or of any length up to `bits`. */
static wide
random_wide(unsigned bits)
{
    unsigned_wide value = (unsigned_wide)random_next(&dice) << 64 | random_next(&dice);
    unsigned n = (unsigned)(random_next(&dice) >> 32) % bits;
    value &= ((unsigned_wide)1 << n) - 1;
    if (random_next(&dice) >> 61 == 0) {
        value = ((unsigned_wide)1 << n) + (unsigned_wide)(random_next(&dice) >> 62) - 2;
    }
    return random_next(&dice) >> 63 ? (wide)value : -(wide)value;
}

/* ---- tests ---- */

static void
test_cached(void **state)
{
    (void)state;
    for (int64_t i = -5; i <= 1024; i++) {
        ouro_ref a = ouro_int_new(i), b = ouro_int_new(i);
        assert_ptr_equal(a, b);
        assert_int_equal(ouro_refcount(ouro_lend(a)), OURO_IMMORTAL);
    }
    ouro_ref a = ouro_int_new(1025), b = ouro_int_new(1025);
    assert_ptr_not_equal(a, b);
    assert_int_equal(ouro_sizeof(ouro_lend(a)), 24);
    require_equal(a, b);
    ouro_ref zero = compute(ouro_int_subtract, a, b);
    assert_ptr_equal(zero, ouro_int_new(0));
    assert_ptr_equal(ouro_type_of(ouro_lend(a)), ouro_int_type());
    ouro_decref(a);
    ouro_decref(b);
}

static void
test_conversions(void **state)
{
    static const int64_t edges[] = {0,
                                    1,
                                    -1,
                                    INT64_MAX,
                                    INT64_MIN,
                                    INT64_MAX / 2,
                                    INT64_MIN / 2,
                                    INT64_MAX / 2 + 1,
                                    INT64_MIN / 2 - 1,
                                    INT64_MIN + 1};
    (void)state;
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        ouro_ref number = ouro_int_new(edges[i]);
        int64_t value = 77;
        uint64_t bits = 77;
        assert_int_equal(ouro_int_to_int64(ouro_lend(number), &value), OURO_OK);
        assert_true(value == edges[i]);
        assert_int_equal(ouro_int_to_uint64(ouro_lend(number), &bits),
                         edges[i] < 0 ? OURO_TOO_LARGE : OURO_OK);
        assert_true(bits == (edges[i] < 0 ? 77 : (uint64_t)edges[i]));
        require_wide(number, edges[i], "int64");
    }
    uint64_t bits = 0;
    int64_t value = 77;
    ouro_ref most = ouro_int_new_unsigned(UINT64_MAX), more = compute(ouro_int_add, most, most);
    assert_int_equal(ouro_int_to_uint64(ouro_lend(most), &bits), OURO_OK);
    assert_true(bits == UINT64_MAX);
    assert_int_equal(ouro_int_to_int64(ouro_lend(most), &value), OURO_TOO_LARGE);
    assert_int_equal(ouro_int_to_uint64(ouro_lend(more), &bits), OURO_TOO_LARGE);
    assert_int_equal(ouro_int_to_int64(ouro_lend(ouro_none()), &value), OURO_WRONG_TYPE);
    assert_int_equal(value, 77);
    assert_number(most, "18446744073709551615");
    assert_number(more, "36893488147419103230");
}

static void
test_against_wide(void **state)
{
    (void)state;
    for (int round = 0; round < 30000; round++) {
        wide x = random_wide(126), y = random_wide(round % 2 ? 126 : 63);
        wide small = random_wide(63), other = random_wide(63);
        ouro_ref a = from_wide(x), b = from_wide(y), c = from_wide(small), d = from_wide(other);

        require_wide(compute(ouro_int_add, a, b), x + y, "sum");
        require_wide(compute(ouro_int_subtract, a, b), x - y, "difference");
        require_wide(compute(ouro_int_multiply, c, d), small * other, "product");
        require_wide(compute(ouro_int_and, a, b), x & y, "and");
        require_wide(compute(ouro_int_or, a, b), x | y, "or");
        require_wide(compute(ouro_int_xor, a, b), x ^ y, "xor");
        if (y != 0) {
            wide quotient = x / y, rest = x % y;
            if (rest != 0 && (rest < 0) != (y < 0)) {
                quotient--;
                rest += y;
            }
            require_wide(compute(ouro_int_floor_divide, a, b), quotient, "quotient");
            require_wide(compute(ouro_int_modulo, a, b), rest, "remainder");
        }
        ouro_ref result = NULL;
        unsigned by = (unsigned)(random_next(&dice) >> 57);
        REQUIRE(ouro_int_shift_right(ouro_lend(a), by, &result) == OURO_OK, "shift");
        require_wide(result, x >> (by < 127 ? by : 127), "shift to the right");
        REQUIRE(ouro_int_shift_left(ouro_lend(c), by % 62, &result) == OURO_OK, "shift");
        require_wide(result, small * ((wide)1 << by % 62), "shift to the left");
        REQUIRE(ouro_int_invert(ouro_lend(a), &result) == OURO_OK, "invert");
        require_wide(result, ~x, "complement");
        REQUIRE(ouro_int_negate(ouro_lend(a), &result) == OURO_OK, "negate");
        require_wide(result, -x, "negative");

        REQUIRE(ouro_int_compare(ouro_lend(a), ouro_lend(b)) == (x > y) - (x < y), "order");
        REQUIRE((ouro_equal(ouro_lend(a), ouro_lend(b)) == OURO_FOUND) == (x == y), "equality");
        REQUIRE(ouro_int_sign(ouro_lend(a)) == (x > 0) - (x < 0), "sign");
        ouro_decref(a);
        ouro_decref(b);
        ouro_decref(c);
        ouro_decref(d);
    }
}

/* Up to so many bits, with runs of zeros and ones, of either sign. */
static ouro_ref
random_large(size_t bits)
{
    char text[1024];
    size_t n = 0, most = 1 + (size_t)(random_next(&dice) >> 32) % (bits / 4);
    if (random_next(&dice) >> 63) {
        text[n++] = '-';
    }
    while (n < most) {
        size_t run = 1 + (random_next(&dice) >> 60) * (random_next(&dice) >> 63);
        char digit = "0f123456789abcde0f0f0f0f0f0f0f0f"[random_next(&dice) >> 59];
        for (; run != 0 && n < most; run--) {
            text[n++] = run > 1 && digit != '0' ? 'f' : digit;
        }
    }
    if (n == 1 && text[0] == '-') {
        text[0] = '1';
    }
    text[n] = 0;
    return read_number(text, 16);
}

static void
require_same(ouro_ref a, ouro_ref b, const char *what)
{
    REQUIRE(ouro_int_compare(ouro_lend(a), ouro_lend(b)) == 0, "%s", what);
    require_equal(a, b);
    ouro_decref(a);
    ouro_decref(b);
}

/* a op b, both of which it lets go of. */
static ouro_ref
compute_steal(operator_of_two *operation, ouro_ref a, ouro_ref b)
{
    ouro_ref result = compute(operation, a, b);
    ouro_decref(a);
    ouro_decref(b);
    return result;
}

/* (a / b) * b + a % b == a, and the rest is on b's side. */
static void
require_divided(ouro_ref a, ouro_ref b)
{
    ouro_ref quotient = NULL, rest = NULL;

    REQUIRE(ouro_int_divide(ouro_lend(a), ouro_lend(b), &quotient, &rest) == OURO_OK, "divide");
    REQUIRE(ouro_int_sign(ouro_lend(rest)) * ouro_int_sign(ouro_lend(b)) >= 0, "sign of the rest");
    ouro_ref gap = compute(ouro_int_subtract, rest, b);
    REQUIRE(ouro_int_sign(ouro_lend(gap)) == -ouro_int_sign(ouro_lend(b)), "size of the rest");
    ouro_decref(gap);
    ouro_ref product = compute(ouro_int_multiply, quotient, b);
    ouro_decref(quotient);
    require_same(compute_steal(ouro_int_add, product, rest), ouro_incref(ouro_lend(a)), "divmod");
    product = compute(ouro_int_multiply, a, b);
    require_same(compute(ouro_int_floor_divide, product, b), ouro_incref(ouro_lend(a)), "a*b/b");
    ouro_decref(compute_steal(ouro_int_modulo, product, ouro_incref(ouro_lend(b))));
}

/* (a - b)^2 == a^2 - 2ab + b^2 */
static void
require_squared(ouro_ref a, ouro_ref b)
{
    ouro_ref gap = compute(ouro_int_subtract, a, b), twice = compute(ouro_int_multiply, a, b);
    ouro_ref power = NULL;

    REQUIRE(ouro_int_compare(ouro_lend(a), ouro_lend(b)) == ouro_int_sign(ouro_lend(gap)), "order");
    twice = compute_steal(ouro_int_add, twice, ouro_incref(ouro_lend(twice)));
    REQUIRE(ouro_int_power(ouro_lend(gap), 2, &power) == OURO_OK, "power");
    ouro_ref squares =
        compute_steal(ouro_int_add, compute(ouro_int_multiply, a, a), compute(ouro_int_multiply, b, b));
    require_same(power, compute_steal(ouro_int_subtract, squares, twice), "square");
    ouro_decref(gap);
}

/* (a & b) + (a | b) == a + b; (a ^ b) == (a | b) - (a & b) */
static void
require_bits(ouro_ref a, ouro_ref b)
{
    require_same(compute_steal(ouro_int_add, compute(ouro_int_and, a, b), compute(ouro_int_or, a, b)),
                 compute(ouro_int_add, a, b), "and, or");
    require_same(
        compute_steal(ouro_int_subtract, compute(ouro_int_or, a, b), compute(ouro_int_and, a, b)),
        compute(ouro_int_xor, a, b), "xor");
}

/* a << n == a * 2^n; a >> n == a / 2^n */
static void
require_shifted(ouro_ref a, uint64_t by)
{
    ouro_ref two = ouro_int_new(2), shifted = NULL, power = NULL, back = NULL;

    REQUIRE(ouro_int_power(ouro_lend(two), by, &power) == OURO_OK, "power");
    REQUIRE(ouro_int_shift_left(ouro_lend(a), by, &shifted) == OURO_OK, "shift");
    REQUIRE(ouro_int_shift_right(ouro_lend(shifted), by, &back) == OURO_OK, "shift");
    require_same(back, ouro_incref(ouro_lend(a)), "there and back");
    require_same(shifted, compute(ouro_int_multiply, a, power), "shift to the left");
    REQUIRE(ouro_int_shift_right(ouro_lend(a), by, &shifted) == OURO_OK, "shift");
    require_same(shifted, compute(ouro_int_floor_divide, a, power), "shift to the right");
    ouro_decref(power);
}

/* As text, and back. */
static void
require_text(ouro_ref a, int base)
{
    ouro_ref text = NULL;
    REQUIRE(ouro_int_to_text(ouro_lend(a), base, &text) == OURO_OK, "text");
    require_same(read_number(ouro_str_ascii_borrow(ouro_lend(text)), base), ouro_incref(ouro_lend(a)),
                 "text");
    ouro_decref(text);
}

static void
test_large_identities(void **state)
{
    (void)state;
    for (int round = 0; round < 4000; round++) {
        ouro_ref a = random_large(2000), b = random_large(round % 3 ? 2000 : 200),
                 c = random_large(700);

        if (ouro_int_sign(ouro_lend(b)) != 0) {
            require_divided(a, b);
        }
        /* (a + b) * c == a * c + b * c */
        require_same(
            compute_steal(ouro_int_multiply, compute(ouro_int_add, a, b), ouro_incref(ouro_lend(c))),
            compute_steal(ouro_int_add, compute(ouro_int_multiply, a, c),
                          compute(ouro_int_multiply, b, c)),
            "distribution");
        require_squared(a, b);
        require_bits(a, b);
        require_shifted(a, random_next(&dice) >> 55);
        require_text(a, 2 + (int)(random_next(&dice) % 35));
        ouro_decref(a);
        ouro_decref(b);
        ouro_decref(c);
    }
}

static void
test_known(void **state)
{
    static const struct {
        int base, exponent;
        const char *decimal; /* Python's base ** exponent */
    } powers[] = {
        {3, 100, "515377520732011331036461129765621272702107522001"},
        {-7, 77, "-118181386580595879976868414312001964434038548836769923458287039207"},
        {2, 64, "18446744073709551616"},
        {-2, 63, "-9223372036854775808"},
        {2, 62, "4611686018427387904"},
        {-2, 62, "4611686018427387904"},
        {10, 30, "1000000000000000000000000000000"},
        {0, 0, "1"},
        {5, 0, "1"},
        {0, 9, "0"},
        {-1, 1000001, "-1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof powers / sizeof *powers; i++) {
        ouro_ref number = ouro_int_new(powers[i].base), power = NULL;
        assert_int_equal(ouro_int_power(ouro_lend(number), (uint64_t)powers[i].exponent, &power),
                         OURO_OK);
        assert_number(power, powers[i].decimal);
    }
    ouro_ref text = NULL, number = read_number("-DeadBeefDeadBeefDeadBeef", 16);
    assert_int_equal(ouro_int_to_text(ouro_lend(number), 36, &text), OURO_OK);
    assert_string_equal(ouro_str_ascii_borrow(ouro_lend(text)), "-6oj7k6ndoa0apmiwoof"); /* by Python */
    ouro_decref(text);
    assert_int_equal(ouro_int_to_text(ouro_lend(number), 2, &text), OURO_OK);
    assert_int_equal(ouro_str_length(ouro_lend(text)), 97);
    assert_int_equal(ouro_int_bits(ouro_lend(number)), 96);
    ouro_decref(text);
    assert_number(number, "-68915718021581205938132336367");
    assert_number(read_number("+000000000000000000000000000000000012", 10), "12");
    assert_number(read_number("-0", 10), "0");
}

static void
test_refused(void **state)
{
    static const char *const bad[] = {"",    "-",   "+",  "1 ",  " 1",      "--1",
                                      "1_0", "0x1", "9a", "1.0", "\xC2\xB2"};
    ouro_ref number = NULL, large = NULL;
    ouro_loan none = ouro_lend(ouro_none()), one = ouro_lend(ouro_int_new(1));
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ouro_int_from_text(bad[i], strlen(bad[i]), 10, &number), OURO_WRONG_VALUE);
    }
    assert_int_equal(ouro_int_from_text("1", 1, 1, &number), OURO_WRONG_VALUE);
    assert_int_equal(ouro_int_from_text("1", 1, 37, &number), OURO_WRONG_VALUE);
    assert_int_equal(ouro_int_to_text(one, 37, &number), OURO_WRONG_VALUE);
    assert_int_equal(ouro_int_to_text(none, 10, &number), OURO_WRONG_TYPE);
    assert_int_equal(ouro_int_add(one, none, &number), OURO_WRONG_TYPE);
    assert_int_equal(ouro_int_and(none, one, &number), OURO_WRONG_TYPE);
    assert_int_equal(ouro_int_floor_divide(one, ouro_lend(ouro_int_new(0)), &number), OURO_WRONG_VALUE);
    assert_int_equal(ouro_int_from_double(HUGE_VAL, &number), OURO_WRONG_VALUE);
    assert_int_equal(ouro_int_from_double(nan(""), &number), OURO_WRONG_VALUE);
    assert_int_equal(ouro_int_shift_left(one, UINT64_MAX, &number), OURO_TOO_LARGE);
    assert_int_equal(ouro_int_power(ouro_lend(ouro_int_new(3)), UINT64_MAX, &number), OURO_TOO_LARGE);
    assert_int_equal(ouro_int_shift_left(one, 5000, &large), OURO_OK);
    double value = 7;
    assert_int_equal(ouro_int_to_double(ouro_lend(large), &value), OURO_TOO_LARGE);
    assert_int_equal(ouro_int_floor_divide(ouro_lend(large), ouro_lend(ouro_int_new(0)), &number),
                     OURO_WRONG_VALUE);
    assert_null(number);
    assert_true(value >= 7 && value <= 7);
    ouro_decref(large);
}

/* ---- and floats ---- */

/* The one equals the other, both ways, with the same hash; or not. */
static void
compare_with_float(ouro_ref number, double value, bool is_equal)
{
    ouro_ref other = ouro_float_new(value);
    if (is_equal) {
        require_equal(number, other);
    } else {
        REQUIRE(ouro_equal(ouro_lend(number), ouro_lend(other)) == 0, "equal to %a", value);
        REQUIRE(ouro_equal(ouro_lend(other), ouro_lend(number)) == 0, "equal to %a", value);
    }
    ouro_decref(other);
}

static void
test_floats(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint64_t bits = random_next(&dice);
        double value, back = 0;
        memcpy(&value, &bits, sizeof value);
        if (round % 2) { /* of moderate size */
            value = ldexp((double)(int64_t)bits, (int)(random_next(&dice) % 200) - 80);
        }
        if (!isfinite(value)) {
            continue;
        }
        ouro_ref number = NULL;
        REQUIRE(ouro_int_from_double(value, &number) == OURO_OK, "%a", value);
        REQUIRE(ouro_int_to_double(ouro_lend(number), &back) == OURO_OK, "%a", value);
        REQUIRE(back >= trunc(value) && back <= trunc(value), "%a becomes %a", value, back);
        compare_with_float(number, trunc(value), true);
        compare_with_float(number, value, !(value < trunc(value)) && !(value > trunc(value)));
        if (fabs(value) >= 0x1p53) { /* the next integer is no double, or another one */
            ouro_ref next = compute(ouro_int_add, number, ouro_int_new(1));
            compare_with_float(next, value, false);
            ouro_decref(next);
        }
        ouro_decref(number);
    }
    ouro_ref zero = ouro_int_new(0);
    compare_with_float(zero, -0.0, true);
    compare_with_float(zero, nan(""), false);
    compare_with_float(zero, HUGE_VAL, false);
}

static void
test_truth_values(void **state) /* test_bool.BoolTest.test_hash and its like */
{
    (void)state;
    for (int truth = 0; truth < 2; truth++) {
        for (int value = -1; value <= 2; value++) {
            ouro_ref number = ouro_int_new(value);
            ouro_ref object = ouro_bool(truth != 0), set = ouro_set_new();
            bool is_equal = value == truth;
            compare_with_float(object, value, is_equal);
            assert_int_equal(ouro_equal(ouro_lend(object), ouro_lend(number)), is_equal);
            assert_int_equal(ouro_equal(ouro_lend(number), ouro_lend(object)), is_equal);
            assert_int_equal(ouro_set_add(ouro_lend(set), ouro_lend(number)), OURO_OK);
            assert_int_equal(ouro_set_contains(ouro_lend(set), ouro_lend(object)), is_equal);
            ouro_decref(set);
            ouro_decref(number);
        }
    }
    ouro_ref large = compute_steal(ouro_int_multiply, ouro_int_new(INT64_MAX), ouro_int_new(INT64_MAX));
    assert_int_equal(ouro_equal(ouro_lend(ouro_bool(true)), ouro_lend(large)), OURO_NOT_EQUAL);
    assert_int_equal(ouro_equal(ouro_lend(ouro_bool(true)), ouro_lend(ouro_none())), OURO_NOT_EQUAL);
    ouro_decref(large);
}

/* Rounded to the nearest, ties to the even one: 2^n + 2^(n-53) lies between 2^n and the next double. */
static void
test_ties(void **state)
{
    ouro_ref half = NULL;
    (void)state;
    for (uint64_t n = 53; n < 1023; n++) {
        ouro_ref power = NULL;
        double value = 0;
        REQUIRE(ouro_int_shift_left(ouro_lend(ouro_int_new(1)), n, &power) == OURO_OK, "shift");
        REQUIRE(ouro_int_shift_left(ouro_lend(ouro_int_new(1)), n - 53, &half) == OURO_OK, "shift");
        ouro_ref tie = compute_steal(ouro_int_add, power, half);
        ouro_ref above = compute(ouro_int_add, tie, ouro_int_new(1));
        double low = ldexp(1, (int)n), high = nextafter(low, HUGE_VAL);
        REQUIRE(ouro_int_to_double(ouro_lend(tie), &value) == OURO_OK, "2^%d", (int)n);
        REQUIRE(value <= low && value >= low, "the tie above 2^%d", (int)n);
        REQUIRE(ouro_int_to_double(ouro_lend(above), &value) == OURO_OK, "2^%d", (int)n);
        REQUIRE(value <= high && value >= high, "above the tie above 2^%d", (int)n);
        ouro_decref(tie);
        ouro_decref(above);
    }
    ouro_ref most = NULL;
    assert_int_equal(ouro_int_from_double(DBL_MAX, &most), OURO_OK);
    assert_int_equal(ouro_int_bits(ouro_lend(most)), 1024);
    assert_int_equal(ouro_int_shift_left(ouro_lend(ouro_int_new(1)), 970, &half), OURO_OK);
    ouro_ref beyond = compute_steal(ouro_int_add, most, half); /* rounds up to 2^1024 */
    double value = 0;
    assert_int_equal(ouro_int_to_double(ouro_lend(beyond), &value), OURO_TOO_LARGE);
    ouro_decref(beyond);
}

static void
test_long_text(void **state)
{
    enum { N = 60000 };
    static char text[N + 1];
    (void)state;
    for (size_t i = 0; i < N; i++) {
        text[i] = (char)('1' + random_next(&dice) % 9);
    }
    text[0] = '-';
    ouro_ref number = read_number(text, 10), shown = ouro_repr(ouro_lend(number));
    assert_string_equal(ouro_str_ascii_borrow(ouro_lend(shown)), text);
    assert_true(ouro_sizeof(ouro_lend(number)) < 24 + N * 10 / 24 + 64);
    ouro_decref(number);
    ouro_decref(shown);
}

#define TEST(test) cmocka_unit_test_setup(test, nodes_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cached), TEST(test_conversions), TEST(test_against_wide), TEST(test_large_identities),
        TEST(test_known),  TEST(test_refused),     TEST(test_floats),       TEST(test_truth_values),
        TEST(test_ties),   TEST(test_long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
