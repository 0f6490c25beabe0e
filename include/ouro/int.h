/* ouro/int.h - integers of any size.
 *
 * They are immutable.  What takes integers gives OURO_WRONG_TYPE for objects of other types; truth values are none.
 * Results are new references.  A result of more than 2^31 words is OURO_TOO_LARGE.  GMP, which multiplies and divides
 * large numbers, takes the memory that it needs meanwhile from Ouro's heap: a program that has its own functions for
 * GMP's memory sets them before ouro_init(). */
#ifndef OURO_INT_H
#define OURO_INT_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The type of integers, borrowed. */
OURO_API ouro_loan ouro_int_type(void);

/** Whether an object is an integer. */
OURO_API bool ouro_is_int(ouro_loan object);

/* ---- making ---- */

/* An integer: see src/types/integer.h. */
struct ouro__int {
    ouro_object head;
    int64_t word;
};

/* Those that are there from the beginning, immortal: taking and letting go of references to them does nothing. */
enum {
    OURO__LEAST_CACHED = -5,
    OURO__MOST_CACHED = 1024,
    OURO__N_CACHED = OURO__MOST_CACHED - OURO__LEAST_CACHED + 1
};
OURO_API extern struct ouro__int ouro__cached_ints[OURO__N_CACHED];

/* What the function below does for all others. */
OURO_API OURO_NODISCARD ouro_ref ouro__int_new(int64_t value);

/** A new reference to the integer `value`, or NULL without memory; never for numbers from -5 to 1024, which are there
 * from the beginning. */
static inline OURO_NODISCARD ouro_ref
ouro_int_new(int64_t value)
{
    uint64_t place = (uint64_t)value - (uint64_t)OURO__LEAST_CACHED;
    return place < OURO__N_CACHED ? &ouro__cached_ints[place].head : ouro__int_new(value);
}

/** The same for a `value` without a sign; a new reference, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_int_new_unsigned(uint64_t value);

/** The integer part of `value`, towards 0; OURO_OK, OURO_NO_MEMORY, or OURO_WRONG_VALUE when it is infinite or no number. */
OURO_API OURO_NODISCARD ouro_status ouro_int_from_double(double value, ouro_ref *number);

/**
 * Read a number: a sign or none, then digits, and nothing else.
 *
 * @param text  borrowed
 * @param n     bytes
 * @param base  from 2 to 36; letters are upper or lower case
 * @return OURO_OK, OURO_NO_MEMORY, OURO_TOO_LARGE, or OURO_WRONG_VALUE for another text or base
 */
OURO_API OURO_NODISCARD ouro_status ouro_int_from_text(const char *text, size_t n, int base,
                                                       ouro_ref *number);

/* ---- asking ---- */

/** Put the number in `value`: OURO_OK, or OURO_TOO_LARGE when there is no room for it. */
OURO_API OURO_NODISCARD ouro_status ouro_int_to_int64(ouro_loan number, int64_t *value);

/** Put the number in `value`: OURO_OK, or OURO_TOO_LARGE when there is no room for it, or it is negative. */
OURO_API OURO_NODISCARD ouro_status ouro_int_to_uint64(ouro_loan number, uint64_t *value);

/** Put the nearest double in `value`, of two the even one: OURO_OK, or OURO_TOO_LARGE when that would be infinite.
 * @source int.__float__() */
OURO_API OURO_NODISCARD ouro_status ouro_int_to_double(ouro_loan number, double *value);

/** A new str of its digits, letters in lower case; OURO_OK, OURO_NO_MEMORY, or OURO_WRONG_VALUE unless `base` is from 2
 * to 36. */
OURO_API OURO_NODISCARD ouro_status ouro_int_to_text(ouro_loan number, int base, ouro_ref *str);

/** -1, 0 or 1; 0 for what is no integer. */
OURO_API int ouro_int_sign(ouro_loan number);

/** Bits that its absolute value takes.  @source int.bit_length() */
OURO_API size_t ouro_int_bits(ouro_loan number);

/** -1, 0 or 1, as `a` is less than, equal to or greater than `b`; both are integers. */
OURO_API int ouro_int_compare(ouro_loan a, ouro_loan b);

/* ---- arithmetic ---- */

/* What follows gives OURO_OK, OURO_NO_MEMORY, OURO_TOO_LARGE or OURO_WRONG_TYPE; what else, it says. */

/** Add: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_int_add(ouro_loan a, ouro_loan b, ouro_ref *sum);

/** Take `b` from `a`: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_int_subtract(ouro_loan a, ouro_loan b, ouro_ref *difference);

/** Multiply: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_int_multiply(ouro_loan a, ouro_loan b, ouro_ref *product);

/** Change the sign: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_int_negate(ouro_loan a, ouro_ref *result);

/** Divide and round down: OURO_OK or a failure, OURO_WRONG_VALUE when `b` is 0.  @source Python's // */
OURO_API OURO_NODISCARD ouro_status ouro_int_floor_divide(ouro_loan a, ouro_loan b, ouro_ref *quotient);

/** What dividing so leaves, which has the sign of `b`: OURO_OK or a failure, OURO_WRONG_VALUE when `b` is 0.
 * @source Python's % */
OURO_API OURO_NODISCARD ouro_status ouro_int_modulo(ouro_loan a, ouro_loan b, ouro_ref *remainder);

/**
 * Both at once.
 *
 * @param quotient   receives a new reference; may be NULL
 * @param remainder  receives a new reference; may be NULL
 * @return OURO_OK or a failure, OURO_WRONG_VALUE when `b` is 0
 * @source divmod()
 */
OURO_API OURO_NODISCARD ouro_status ouro_int_divide(ouro_loan a, ouro_loan b, ouro_ref *quotient,
                                                    ouro_ref *remainder);

/** Raise `a` to the power of `exponent`, where 0 makes 1 of anything: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_int_power(ouro_loan a, uint64_t exponent, ouro_ref *result);

/** Multiply by 2 to the power of `bits`: OURO_OK or a failure.  @source Python's << */
OURO_API OURO_NODISCARD ouro_status ouro_int_shift_left(ouro_loan a, uint64_t bits, ouro_ref *result);

/** Divide by 2 to the power of `bits` and round down: OURO_OK or a failure.  @source Python's >> */
OURO_API OURO_NODISCARD ouro_status ouro_int_shift_right(ouro_loan a, uint64_t bits, ouro_ref *result);

/* By bits a negative number is in two's complement, with ones before it without end. */

/** The bits that both have: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_int_and(ouro_loan a, ouro_loan b, ouro_ref *result);

/** The bits that one or the other has: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_int_or(ouro_loan a, ouro_loan b, ouro_ref *result);

/** The bits that only one of them has: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_int_xor(ouro_loan a, ouro_loan b, ouro_ref *result);

/** The bits that it has not: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_int_invert(ouro_loan a, ouro_ref *result);

#ifdef __cplusplus
}
#endif

#endif
