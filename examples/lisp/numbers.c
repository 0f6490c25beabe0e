/* numbers.c - arithmetic: integers of any size, and floating point numbers. */
#include "lisp.h"

#include <math.h>

static bool
is_float(ouro_loan value)
{
    return is_of(value, ouro_float_type());
}

static bool
is_number(ouro_loan value)
{
    return ouro_is_int(value) || is_float(value);
}

static ouro_status
to_double(ouro_loan value, double *number)
{
    *number = 0;
    if (is_float(value)) {
        *number = ouro_float_value(value);
        return OURO_OK;
    }
    return ouro_is_int(value) ? fail_with(ouro_int_to_double(value, number))
                              : fail("a number is needed", value);
}

/* Both of two. */
static ouro_status
to_doubles(ouro_loan a, ouro_loan b, double *x, double *y)
{
    *y = 0;
    ouro_status status = to_double(a, x);
    return status == OURO_OK ? to_double(b, y) : status;
}

/* ---- + - * / ---- */

struct operation {
    ouro_status (*of_ints)(ouro_loan a, ouro_loan b, ouro_ref *result);
    double (*of_doubles)(double a, double b);
};

static double
add_doubles(double a, double b)
{
    return a + b;
}

static double
subtract_doubles(double a, double b)
{
    return a - b;
}

static double
multiply_doubles(double a, double b)
{
    return a * b;
}

static double
divide_doubles(double a, double b)
{
    return a / b;
}

/* An integer when that is exact. */
static ouro_status
divide_ints(ouro_loan a, ouro_loan b, ouro_ref *result)
{
    ouro_ref quotient = NULL, remainder = NULL;
    ouro_status status = ouro_int_divide(a, b, &quotient, &remainder);
    if (status < 0) {
        return status == OURO_WRONG_VALUE ? fail("/: division by zero", NULL) : status;
    }
    bool is_exact = ouro_int_sign(ouro_lend(remainder)) == 0;
    ouro_decref(remainder);
    if (is_exact) {
        *result = quotient;
        return OURO_OK;
    }
    ouro_decref(quotient);
    double x, y;
    status = to_doubles(a, b, &x, &y);
    return status == OURO_OK ? result_or_no_memory(ouro_float_new(x / y), result) : status;
}

static const struct operation add = {ouro_int_add, add_doubles},
                              subtract = {ouro_int_subtract, subtract_doubles},
                              multiply = {ouro_int_multiply, multiply_doubles},
                              divide = {divide_ints, divide_doubles};

static ouro_status
operate(const struct operation *operation, ouro_loan a, ouro_loan b, ouro_ref *result)
{
    double x, y;

    if (ouro_is_int(a) && ouro_is_int(b)) {
        return fail_with(operation->of_ints(a, b, result));
    }
    ouro_status status = to_doubles(a, b, &x, &y);
    return status == OURO_OK ? result_or_no_memory(ouro_float_new(operation->of_doubles(x, y)), result)
                             : status;
}

/* From the left to the right, beginning with a number when there are too few. */
static ouro_status
fold(const struct operation *operation, int64_t begin, ouro_loan const *a, size_t n, ouro_ref *result)
{
    if (n == 2) {
        return operate(operation, a[0], a[1], result);
    }
    ouro_ref sum = n > 2 ? ouro_incref(a[0]) : ouro_int_new(begin);
    ouro_status status = sum != NULL ? OURO_OK : fail_with(OURO_NO_MEMORY);
    for (size_t i = n > 2 ? 1 : 0; status == OURO_OK && i < n; i++) {
        ouro_ref next = NULL;
        status = operate(operation, ouro_lend(sum), a[i], &next);
        if (status == OURO_OK) {
            ouro_assign(&sum, next);
        }
    }
    if (status < 0) {
        ouro_xdecref(sum);
        return status;
    }
    *result = sum;
    return OURO_OK;
}

static ouro_status
do_add(ouro_loan const *a, size_t n, ouro_ref *result)
{
    return fold(&add, 0, a, n, result);
}

static ouro_status
do_subtract(ouro_loan const *a, size_t n, ouro_ref *result)
{
    return fold(&subtract, 0, a, n, result);
}

static ouro_status
do_multiply(ouro_loan const *a, size_t n, ouro_ref *result)
{
    return fold(&multiply, 1, a, n, result);
}

static ouro_status
do_divide(ouro_loan const *a, size_t n, ouro_ref *result)
{
    return fold(&divide, 1, a, n, result);
}

/* ---- of whole numbers ---- */

static ouro_status
whole(ouro_status (*operation)(ouro_loan, ouro_loan, ouro_ref *), ouro_loan const *a, ouro_ref *result)
{
    ouro_status status = operation(a[0], a[1], result);
    return status == OURO_WRONG_VALUE ? fail("division by zero", NULL) : fail_with(status);
}

static ouro_status
do_quotient(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return whole(ouro_int_floor_divide, a, result);
}

static ouro_status
do_modulo(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return whole(ouro_int_modulo, a, result);
}

static ouro_status
do_expt(ouro_loan const *a, size_t n, ouro_ref *result)
{
    uint64_t exponent;
    double x, y;

    (void)n;
    if (ouro_is_int(a[0]) && ouro_is_int(a[1]) && ouro_int_to_uint64(a[1], &exponent) == OURO_OK) {
        return fail_with(ouro_int_power(a[0], exponent, result));
    }
    ouro_status status = to_doubles(a[0], a[1], &x, &y);
    return status == OURO_OK ? result_or_no_memory(ouro_float_new(pow(x, y)), result) : status;
}

/* ---- comparing ---- */

/* -1, 0 or 1; 2 when one is not a number. */
static ouro_status
compare(ouro_loan a, ouro_loan b, int *order)
{
    double x, y;

    if (ouro_is_int(a) && ouro_is_int(b)) {
        *order = ouro_int_compare(a, b);
        return OURO_OK;
    }
    ouro_status status = to_doubles(a, b, &x, &y);
    if (status == OURO_OK) {
        *order = x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
    }
    return status;
}

/* Is each in the wanted order with the next?  A bit for each order, from -1 on. */
static ouro_status
are_ordered(unsigned wanted, ouro_loan const *a, size_t n, ouro_ref *result)
{
    bool holds = true;
    for (size_t i = 0; i + 1 < n; i++) {
        int order = 0;
        ouro_status status = compare(a[i], a[i + 1], &order);
        if (status < 0) {
            return status;
        }
        holds &= (wanted >> (order + 1) & 1) != 0;
    }
    *result = ouro_bool(holds);
    return OURO_OK;
}

static ouro_status
do_equal(ouro_loan const *a, size_t n, ouro_ref *result)
{
    return are_ordered(2, a, n, result);
}

static ouro_status
do_less(ouro_loan const *a, size_t n, ouro_ref *result)
{
    return are_ordered(1, a, n, result);
}

static ouro_status
do_greater(ouro_loan const *a, size_t n, ouro_ref *result)
{
    return are_ordered(4, a, n, result);
}

static ouro_status
do_at_most(ouro_loan const *a, size_t n, ouro_ref *result)
{
    return are_ordered(3, a, n, result);
}

static ouro_status
do_at_least(ouro_loan const *a, size_t n, ouro_ref *result)
{
    return are_ordered(6, a, n, result);
}

/* ---- the rest ---- */

static ouro_status
do_sqrt(ouro_loan const *a, size_t n, ouro_ref *result)
{
    double x;
    (void)n;
    ouro_status status = to_double(a[0], &x);
    return status == OURO_OK ? result_or_no_memory(ouro_float_new(sqrt(x)), result) : status;
}

static ouro_status
do_floor(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    if (ouro_is_int(a[0])) {
        *result = ouro_incref(a[0]);
        return OURO_OK;
    }
    double x;
    ouro_status status = to_double(a[0], &x);
    return status == OURO_OK ? fail_with(ouro_int_from_double(floor(x), result)) : status;
}

static ouro_status
do_to_float(ouro_loan const *a, size_t n, ouro_ref *result)
{
    double x;
    (void)n;
    ouro_status status = to_double(a[0], &x);
    return status == OURO_OK ? result_or_no_memory(ouro_float_new(x), result) : status;
}

static ouro_status
do_is_number(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    *result = ouro_bool(is_number(a[0]));
    return OURO_OK;
}

static ouro_status
do_is_integer(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    *result = ouro_bool(ouro_is_int(a[0]));
    return OURO_OK;
}

const struct builtin number_builtins[] = {
    {"+", do_add, 0, SIZE_MAX},
    {"-", do_subtract, 1, SIZE_MAX},
    {"*", do_multiply, 0, SIZE_MAX},
    {"/", do_divide, 1, SIZE_MAX},
    {"quotient", do_quotient, 2, 2}, /* both are rounded down, as Python's // and % */
    {"modulo", do_modulo, 2, 2},
    {"expt", do_expt, 2, 2},
    {"=", do_equal, 1, SIZE_MAX},
    {"<", do_less, 1, SIZE_MAX},
    {">", do_greater, 1, SIZE_MAX},
    {"<=", do_at_most, 1, SIZE_MAX},
    {">=", do_at_least, 1, SIZE_MAX},
    {"sqrt", do_sqrt, 1, 1},
    {"floor", do_floor, 1, 1},
    {"->float", do_to_float, 1, 1},
    {"number?", do_is_number, 1, 1},
    {"integer?", do_is_integer, 1, 1},
    {0},
};
