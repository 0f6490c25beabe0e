/* test_numbers.c - integers of any size and floats against CPython's: arithmetic, shifts, bits, divisions and their signs,
 * text in and out, conversions, and who equals whom. */
#include "both.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define N_POOL 48
#define MOST_BITS 6000

static struct both pool[N_POOL];

/* ---- integers ---- */

static struct both
read_both(const char *digits, int base)
{
    struct both number = {NULL, PyLong_FromString(digits, NULL, base)};
    if (ouro_int_from_text(digits, strlen(digits), base, &number.ours) != OURO_OK ||
        number.theirs == NULL) {
        differ("\"%s\" is no number", digits);
    }
    return number;
}

/* Of all sizes, small ones as often as large ones, with long runs of zeros and ones, and next to powers of two. */
static struct both
random_int(void)
{
    char digits[1024];
    static const size_t sizes[] = {1, 8, 17, 18, 33, 300, 1000};
    size_t n = 1 + roll(sizes[roll(sizeof sizes / sizeof *sizes)]), at = 0;
    unsigned kind = (unsigned)roll(4);

    if (roll(3) == 0) {
        return both_int((int64_t)roll(2100) - 50);
    }
    if (roll(2) != 0) {
        digits[at++] = '-';
    }
    for (size_t i = 0; i < n; i++) {
        char run = (i / 7 + n) % 2 != 0 ? '0' : 'f';
        digits[at++] = kind == 0   ? "0123456789abcdef"[roll(16)]
                       : kind == 1 ? run
                       : kind == 2 ? (i == 0 ? "1248"[roll(4)] : '0')
                                   : 'f';
    }
    if (kind == 2 && roll(2) != 0 && n > 1) {
        digits[at - 1] = '1';
    }
    digits[at] = 0;
    return read_both(digits, 16);
}

static void
replace_one(struct both stolen)
{
    both_assign(&pool[roll(N_POOL)], stolen);
}

static void
keep_if_short(struct both number)
{
    if (ouro_int_bits(ouro_lend(number.ours)) < MOST_BITS) {
        replace_one(number);
    } else {
        both_decref(number);
    }
}

static struct both
some_int(void)
{
    if (roll(8) == 0) {
        replace_one(random_int());
    }
    return pool[roll(N_POOL)];
}

static const struct {
    const char *name;
    ouro_status (*ours)(ouro_loan a, ouro_loan b, ouro_ref *result);
    PyObject *(*theirs)(PyObject *a, PyObject *b);
} of_two[] = {
    {"+", ouro_int_add, PyNumber_Add},
    {"-", ouro_int_subtract, PyNumber_Subtract},
    {"*", ouro_int_multiply, PyNumber_Multiply},
    {"//", ouro_int_floor_divide, PyNumber_FloorDivide},
    {"%", ouro_int_modulo, PyNumber_Remainder},
    {"&", ouro_int_and, PyNumber_And},
    {"|", ouro_int_or, PyNumber_Or},
    {"^", ouro_int_xor, PyNumber_Xor},
};

static void
step_of_two(struct both a, struct both b)
{
    size_t which = roll(sizeof of_two / sizeof *of_two);
    struct both result = {NULL, NULL};
    ouro_ref ours = NULL;

    doing("%s", of_two[which].name);
    ouro_status status = of_two[which].ours(ouro_lend(a.ours), ouro_lend(b.ours), &ours);
    if (keep_same(status, ours, of_two[which].theirs(a.theirs, b.theirs), &result)) {
        keep_if_short(result);
    }
}

static void
step_divmod(struct both a, struct both b)
{
    struct both quotient = {NULL, NULL};
    ouro_ref ours = NULL, rest = NULL;

    doing("divmod");
    PyObject *theirs = PyNumber_Divmod(a.theirs, b.theirs);
    ouro_status status = ouro_int_divide(ouro_lend(a.ours), ouro_lend(b.ours), &ours, &rest);
    PyObject *their_quotient = theirs != NULL ? PyTuple_GET_ITEM(theirs, 0) : NULL;
    Py_XINCREF(their_quotient);
    if (keep_same(status, ours, their_quotient, &quotient)) {
        require_same(ouro_lend(rest), PyTuple_GET_ITEM(theirs, 1));
        ouro_decref(rest);
        keep_if_short(quotient);
    }
    Py_XDECREF(theirs);
}

static void
step_shift(struct both a, struct both unused)
{
    struct both result = {NULL, NULL};
    size_t by = roll(roll(2) != 0 ? 70 : 700);
    PyObject *their_by = PyLong_FromSize_t(by);
    ouro_ref ours = NULL;
    bool is_left = roll(2) != 0;

    (void)unused;
    doing("%s %zu", is_left ? "<<" : ">>", by);
    ouro_status status = is_left ? ouro_int_shift_left(ouro_lend(a.ours), by, &ours)
                                 : ouro_int_shift_right(ouro_lend(a.ours), by, &ours);
    PyObject *theirs =
        is_left ? PyNumber_Lshift(a.theirs, their_by) : PyNumber_Rshift(a.theirs, their_by);
    if (keep_same(status, ours, theirs, &result)) {
        keep_if_short(result);
    }
    Py_DECREF(their_by);
}

static void
step_of_one(struct both a, struct both unused)
{
    struct both result = {NULL, NULL};
    ouro_ref ours = NULL;
    size_t which = roll(3), exponent = roll(7);

    (void)unused;
    if (which == 0) {
        doing("-a");
        ouro_status status = ouro_int_negate(ouro_lend(a.ours), &ours);
        keep_same(status, ours, PyNumber_Negative(a.theirs), &result);
    } else if (which == 1) {
        doing("~a");
        ouro_status status = ouro_int_invert(ouro_lend(a.ours), &ours);
        keep_same(status, ours, PyNumber_Invert(a.theirs), &result);
    } else {
        PyObject *theirs = PyLong_FromSize_t(exponent);
        doing("a ** %zu", exponent);
        ouro_status status = ouro_int_power(ouro_lend(a.ours), exponent, &ours);
        keep_same(status, ours, PyNumber_Power(a.theirs, theirs, Py_None), &result);
        Py_DECREF(theirs);
    }
    keep_if_short(result);
}

static size_t
their_bits(PyObject *number)
{
    PyObject *bits = PyObject_CallMethod(number, "bit_length", NULL);
    size_t n = PyLong_AsSize_t(bits);
    Py_DECREF(bits);
    return n;
}

static void
step_ask(struct both a, struct both b)
{
    ouro_loan left = ouro_lend(a.ours), right = ouro_lend(b.ours);
    uint64_t our_unsigned = 0;
    int64_t our_signed = 0;
    size_t bits = their_bits(a.theirs);

    doing("comparing");
    int order = ouro_int_compare(left, right);
    said_same(order < 0, PyObject_RichCompareBool(a.theirs, b.theirs, Py_LT));
    said_same(order > 0, PyObject_RichCompareBool(a.theirs, b.theirs, Py_GT));
    equal_alike(a, b);
    doing("bit_length and size");
    if (ouro_int_bits(left) != bits) {
        differ("%zu bits, CPython %zu", ouro_int_bits(left), bits);
    }
    bool is_small = bits <= 62 || (bits == 63 && ouro_int_sign(left) < 0 && ouro_sizeof(left) == 24);
    if (ouro_sizeof(left) != (is_small ? 24 : 24 + (bits + 63) / 64 * 8)) {
        differ("%zu bits take %zu bytes", bits, ouro_sizeof(left));
    }
    doing("conversions to C");
    ouro_status status = ouro_int_to_int64(left, &our_signed);
    long long their_signed = PyLong_AsLongLong(a.theirs);
    if (ended_alike(status) && their_signed != our_signed) {
        differ("%lld, CPython %lld", (long long)our_signed, their_signed);
    }
    status = ouro_int_to_uint64(left, &our_unsigned);
    unsigned long long their_unsigned = PyLong_AsUnsignedLongLong(a.theirs);
    if (ended_alike(status) && their_unsigned != our_unsigned) {
        differ("%llu, CPython %llu", (unsigned long long)our_unsigned, their_unsigned);
    }
}

static void
step_text_out(struct both a, struct both unused)
{
    ouro_ref text = NULL;
    int base = 2 + (int)roll(35);

    (void)unused;
    doing("repr");
    gave_same(OURO_OK, ouro_repr(ouro_lend(a.ours)), PyObject_Repr(a.theirs));
    doing("to text of base %d", base);
    if (ouro_int_to_text(ouro_lend(a.ours), base, &text) != OURO_OK) {
        differ("no text");
    }
    PyObject *back = PyLong_FromString(ouro_str_ascii_borrow(ouro_lend(text)), NULL, base);
    gave_same(OURO_OK, ouro_incref(ouro_lend(a.ours)), back);
    ouro_decref(text);
}

/* CPython also takes white space, underscores between digits, and 0x, 0o and 0b before them. */
static void
step_text_in(struct both a, struct both b)
{
    char text[80];
    int base = 2 + (int)roll(35);
    size_t n = roll(roll(2) != 0 ? 20 : sizeof text), n_wrong = roll(4) == 0 ? 1 : 0;

    (void)a;
    (void)b;
    for (size_t i = 0; i < n; i++) {
        char c = "0123456789abcdefghijklmnopqrstuvwxyz"[roll((size_t)base)];
        text[i] = roll(2) != 0 && c >= 'a' ? (char)(c - 'a' + 'A') : c;
        text[i] = i == 0 && roll(4) == 0 ? "+-"[roll(2)] : text[i];
        if (n_wrong != 0 && roll(n) == 0) {
            text[i] = "+-./:@[`{zZ~\x01"[roll(13)];
        }
        if (i > 0 && text[i - 1] == '0' && strchr("xXoObB", text[i]) != NULL) {
            text[i] = '0';
        }
    }
    ouro_ref ours = NULL;
    doing("from text \"%.*s\" of base %d", (int)n, text, base);
    PyObject *their_text = PyUnicode_FromStringAndSize(text, (Py_ssize_t)n);
    ouro_status status = ouro_int_from_text(text, n, base, &ours);
    gave_same(status, ours, PyLong_FromUnicodeObject(their_text, base));
    Py_DECREF(their_text);
}

/* ---- floats ---- */

static double
random_double(void)
{
    uint64_t bits = random_next(&dice);
    double value;

    switch (roll(6)) {
    case 0:
        memcpy(&value, &bits, sizeof value);
        return value;
    case 1: /* of few decimals */
        return (double)(int64_t)(bits >> 40) / pow(10, (double)roll(12));
    case 2: /* subnormal, and near to it */
        return ldexp((double)(bits >> roll(64)), -1074 - 20 + (int)roll(40));
    case 3: /* a power of two or of ten, or next to it */
        value = roll(2) != 0 ? ldexp(1, (int)roll(2090) - 1070) : pow(10, (double)roll(40) - 20);
        return roll(2) != 0 ? value : nextafter(value, roll(2) != 0 ? HUGE_VAL : 0);
    case 4:
        return (double)(int64_t)(bits >> roll(64));
    default:
        return (double[]){
            0.0, -0.0, HUGE_VAL, -HUGE_VAL, DBL_MAX, DBL_MIN, 0x1p63, -0x1p63, 0x1p64}[roll(9)];
    }
}

static void
require_equality(struct both a, struct both b)
{
    equal_alike(a, b);
    equal_alike(b, a);
}

static void
step_to_double(struct both a, struct both unused)
{
    double ours = 0;

    (void)unused;
    doing("float(a)");
    ouro_status status = ouro_int_to_double(ouro_lend(a.ours), &ours);
    double theirs = PyLong_AsDouble(a.theirs);
    if (ended_alike(status)) {
        struct both number = both_float(theirs);
        gave_same(OURO_OK, ouro_float_new(ours), both_incref(number).theirs);
        require_equality(number, a);
        both_decref(number);
    }
}

static void
step_from_double(struct both a, struct both unused)
{
    double value = random_double();
    ouro_ref ours = NULL;

    (void)unused;
    doing("int(%a)", value);
    ouro_status status = ouro_int_from_double(value, &ours);
    PyObject *theirs = PyLong_FromDouble(value);
    if (theirs == NULL &&
        PyErr_ExceptionMatches(PyExc_OverflowError)) { /* infinite: one status for both */
        PyErr_SetString(PyExc_ValueError, "cannot convert float infinity to integer");
    }
    struct both number = {NULL, NULL}, real = both_float(value), other = both_float(random_double());
    if (keep_same(status, ours, theirs, &number)) {
        require_equality(number, real);
        keep_if_short(number);
    }
    require_equality(a, real);
    require_equality(real, other);
    doing("repr(%a)", value);
    gave_same(OURO_OK, ouro_repr(ouro_lend(real.ours)), PyObject_Repr(real.theirs));
    if (ouro_sizeof(ouro_lend(real.ours)) != sizeof(ouro_object) + sizeof(double)) {
        differ("a float takes %zu bytes", ouro_sizeof(ouro_lend(real.ours)));
    }
    both_decref(real);
    both_decref(other);
}

/* ---- the scripts ---- */

static void
begin(void)
{
    for (size_t i = 0; i < N_POOL; i++) {
        pool[i] = random_int();
    }
}

static void
step(void)
{
    static void (*const steps[])(struct both a, struct both b) = {
        step_of_two, step_of_two,   step_of_two,  step_of_two,    step_divmod,      step_shift,
        step_of_one, step_text_out, step_text_in, step_to_double, step_from_double, step_ask,
    };
    struct both a = both_incref(some_int()), b = both_incref(some_int());
    steps[roll(sizeof steps / sizeof *steps)](a, b);
    both_decref(a);
    both_decref(b);
}

static void
end(void)
{
    for (size_t i = 0; i < N_POOL; i++) {
        both_assign(&pool[i], (struct both){NULL, NULL});
    }
}

int
main(int argc, char **argv)
{
    static const struct script scripts[] = {{"numbers", 2000000, begin, step, end}};
    return scripts_main(argc, argv, scripts, 1);
}
