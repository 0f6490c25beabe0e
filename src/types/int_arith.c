/* int_arith.c - what is computed with integers: quickly when they are small, otherwise by GMP's functions on limbs.
 *
 * The words of small numbers are their doubles, and so is the word of a sum, of a bitwise and; where that overflows
 * the result is no longer small. */
#include "types/integer.h"
#include "types/types.h"

#include <string.h>

/* Both operands; false when one is no integer. */
struct pair {
    const struct ouro__int *a, *b;
};

static inline bool
take_pair(ouro_loan a, ouro_loan b, struct pair *pair)
{
    *pair = (struct pair){ouro__as_int(a), ouro__as_int(b)};
    return OURO_LIKELY(pair->a != NULL && pair->b != NULL);
}

static inline bool
are_small(struct pair pair)
{
    return OURO_LIKELY(((pair.a->word | pair.b->word) & 1) == 0);
}

/* ---- sums ---- */

/* Are the limbs of `a` less than those of `b`? */
static bool
is_less(const struct magnitude *a, const struct magnitude *b)
{
    return a->n != b->n ? a->n < b->n : a->n != 0 && mpn_cmp(a->limbs, b->limbs, (mp_size_t)a->n) < 0;
}

/* The sum of two absolute values that is no small number; `a` has as many limbs or more, and at least one. */
static inline ouro_status
add_magnitudes(const struct magnitude *a, const struct magnitude *b, ouro_ref *result)
{
    struct ouro__int *made = NULL;
    ouro_status status = ouro__int_alloc(a->n + 1, &made);
    if (status < 0) {
        return status;
    }
    mp_limb_t *limbs = ouro__int_limbs(made);
    mp_limb_t carry = b->n <= 1 ? mpn_add_1(limbs, a->limbs, (mp_size_t)a->n, b->n == 0 ? 0 : *b->limbs)
                                : mpn_add(limbs, a->limbs, (mp_size_t)a->n, b->limbs, (mp_size_t)b->n);
    limbs[a->n] = carry;
    made->word = ouro__int_large_word(a->n + carry, a->is_negative);
    *result = &made->head;
    return OURO_OK;
}

/* The difference of two absolute values, with the sign of `a`, which is as large or larger and not 0. */
static ouro_status
subtract_magnitudes(const struct magnitude *a, const struct magnitude *b, ouro_ref *result)
{
    struct ouro__int *made = NULL;
    ouro_status status = ouro__int_alloc(a->n, &made);
    if (status < 0) {
        return status;
    }
    mp_limb_t *limbs = ouro__int_limbs(made);
    if (b->n <= 1) {
        mpn_sub_1(limbs, a->limbs, (mp_size_t)a->n, b->n == 0 ? 0 : *b->limbs);
    } else {
        mpn_sub(limbs, a->limbs, (mp_size_t)a->n, b->limbs, (mp_size_t)b->n);
    }
    return ouro__int_finish(made, a->n, a->is_negative, result);
}

/* The sum of two numbers, of which the second one has its sign turned when asked for; they are not both small unless
 * the sum is not. */
static __attribute__((noinline)) ouro_status
add_large(struct pair pair, bool turned, ouro_ref *result)
{
    struct magnitude left, right;
    ouro__int_load(&left, pair.a);
    ouro__int_load(&right, pair.b);
    right.is_negative ^= turned;

    if (left.is_negative == right.is_negative) {
        return left.n < right.n ? add_magnitudes(&right, &left, result)
                                : add_magnitudes(&left, &right, result);
    }
    return is_less(&left, &right) ? subtract_magnitudes(&right, &left, result)
                                  : subtract_magnitudes(&left, &right, result);
}

ouro_status
ouro_int_add(ouro_loan a, ouro_loan b, ouro_ref *sum)
{
    struct pair pair;
    int64_t word;

    if (!take_pair(a, b, &pair)) {
        return OURO_WRONG_TYPE;
    }
    if (are_small(pair) && !__builtin_add_overflow(pair.a->word, pair.b->word, &word)) {
        return ouro__int_give(ouro__int_from_word(word), sum);
    }
    return add_large(pair, false, sum);
}

ouro_status
ouro_int_subtract(ouro_loan a, ouro_loan b, ouro_ref *difference)
{
    struct pair pair;
    int64_t word;

    if (!take_pair(a, b, &pair)) {
        return OURO_WRONG_TYPE;
    }
    if (are_small(pair) && !__builtin_sub_overflow(pair.a->word, pair.b->word, &word)) {
        return ouro__int_give(ouro__int_from_word(word), difference);
    }
    return add_large(pair, true, difference);
}

ouro_status
ouro_int_negate(ouro_loan a, ouro_ref *result)
{
    return ouro_int_subtract((ouro_loan)&ouro__cached_ints[-OURO__LEAST_CACHED].head, a, result);
}

/* ---- products ---- */

struct product {
    mp_limb_t *limbs;
    const struct magnitude *more, *less; /* the same for a square */
};

static void
multiply(void *context)
{
    const struct product *product = context;
    const struct magnitude *more = product->more, *less = product->less;

    if (more == less) {
        mpn_sqr(product->limbs, more->limbs, (mp_size_t)more->n);
    } else {
        mpn_mul(product->limbs, more->limbs, (mp_size_t)more->n, less->limbs, (mp_size_t)less->n);
    }
}

static __attribute__((noinline)) ouro_status
multiply_large(struct pair pair, ouro_ref *result)
{
    struct magnitude left, right;
    struct ouro__int *made = NULL;
    ouro__int_load(&left, pair.a);
    ouro__int_load(&right, pair.b);

    const struct magnitude *more = left.n < right.n ? &right : &left;
    const struct magnitude *less = left.n < right.n ? &left : &right;
    if (less->n == 0) {
        return ouro__int_give(ouro__int_from_word(0), result);
    }
    size_t room = more->n + less->n;
    ouro_status status = ouro__int_alloc(room, &made);
    if (status < 0) {
        return status;
    }
    struct product product = {ouro__int_limbs(made), more, pair.a == pair.b ? more : less};
    if (room <= FEW_LIMBS) {
        multiply(&product);
    } else if (!ouro__int_compute(multiply, &product)) {
        ouro_decref(&made->head);
        return OURO_NO_MEMORY;
    }
    return ouro__int_finish(made, room, left.is_negative != right.is_negative, result);
}

ouro_status
ouro_int_multiply(ouro_loan a, ouro_loan b, ouro_ref *product)
{
    struct pair pair;
    int64_t word;

    if (!take_pair(a, b, &pair)) {
        return OURO_WRONG_TYPE;
    }
    if (are_small(pair) &&
        !__builtin_mul_overflow(pair.a->word, ouro__int_small_value(pair.b), &word)) {
        return ouro__int_give(ouro__int_from_word(word), product);
    }
    return multiply_large(pair, product);
}

/* Squares and products, from the highest bit of the exponent down. */
ouro_status
ouro_int_power(ouro_loan a, uint64_t exponent, ouro_ref *result)
{
    if (!ouro_is_int(a)) {
        return OURO_WRONG_TYPE;
    }
    size_t bits = ouro_int_bits(a), all;
    if (bits > 1 &&
        (__builtin_mul_overflow(bits - 1, exponent, &all) || all / LIMB_BITS > MOST_LIMBS)) {
        return OURO_TOO_LARGE;
    }
    ouro_ref power = ouro__int_from_word(2 * 1);
    ouro_status status = OURO_OK;
    for (int bit = exponent == 0 ? -1 : 63 - __builtin_clzll(exponent); bit >= 0; bit--) {
        ouro_ref next = NULL;
        status = ouro_int_multiply(ouro_lend(power), ouro_lend(power), &next);
        if (status == OURO_OK) {
            ouro_assign(&power, next);
            if (exponent >> bit & 1) {
                status = ouro_int_multiply(ouro_lend(power), a, &next);
                if (status == OURO_OK) {
                    ouro_assign(&power, next);
                }
            }
        }
        if (status < 0) {
            ouro_decref(power);
            return status;
        }
    }
    *result = power;
    return OURO_OK;
}

/* ---- quotients ---- */

struct quotient {
    ouro_ref quotient, remainder; /* owned */
};

static ouro_status
divide_small(int64_t a, int64_t b, struct quotient *both)
{
    int64_t quotient = a / b, remainder = a % b;
    if (remainder != 0 && (remainder < 0) != (b < 0)) {
        quotient--;
        remainder += b;
    }
    both->quotient = ouro_int_new(quotient);
    both->remainder = ouro_int_new(remainder);
    return both->quotient != NULL && both->remainder != NULL ? OURO_OK : OURO_NO_MEMORY;
}

/* `a` has fewer limbs than `b`: the quotient is 0 or -1. */
static ouro_status
divide_by_more(struct pair pair, struct quotient *both)
{
    bool is_zero = pair.a->word == 0 || (pair.a->word < 0) == (pair.b->word < 0);

    both->quotient = ouro_int_new(is_zero ? 0 : -1);
    if (is_zero) {
        both->remainder = ouro_incref((ouro_loan)&pair.a->head);
        return OURO_OK;
    }
    return add_large(pair, false, &both->remainder);
}

/* Add one to limbs of which the highest is 0. */
static void
step_up(mp_limb_t *limbs)
{
    while (++*limbs == 0) {
        limbs++;
    }
}

static bool
are_zero(const mp_limb_t *limbs, size_t n)
{
    while (n != 0 && limbs[n - 1] == 0) {
        n--;
    }
    return n == 0;
}

struct division {
    mp_limb_t *quotient, *remainder;
    const struct magnitude *a, *b;
};

static void
divide(void *context)
{
    const struct division *division = context;
    const struct magnitude *a = division->a, *b = division->b;

    mpn_tdiv_qr(division->quotient, division->remainder, 0, a->limbs, (mp_size_t)a->n, b->limbs,
                (mp_size_t)b->n);
}

static ouro_status
divide_large(struct pair pair, struct quotient *both)
{
    struct magnitude a, b;
    struct ouro__int *quotient = NULL, *remainder = NULL;
    ouro__int_load(&a, pair.a);
    ouro__int_load(&b, pair.b);
    if (a.n < b.n) {
        return divide_by_more(pair, both);
    }
    size_t n_quotient = a.n - b.n + 1;
    ouro_status status = ouro__int_alloc(n_quotient + 1, &quotient);
    if (status == OURO_OK) {
        status = ouro__int_alloc(b.n, &remainder);
    }
    if (status < 0) {
        ouro_xdecref((ouro_ref)quotient);
        return status;
    }
    mp_limb_t *q = ouro__int_limbs(quotient), *r = ouro__int_limbs(remainder);
    struct division division = {q, r, &a, &b};
    if (a.n <= FEW_LIMBS) {
        divide(&division);
    } else if (!ouro__int_compute(divide, &division)) {
        ouro_decref(&quotient->head);
        ouro_decref(&remainder->head);
        return OURO_NO_MEMORY;
    }
    q[n_quotient] = 0;
    bool are_opposite = a.is_negative != b.is_negative;
    if (are_opposite && !are_zero(r, b.n)) { /* rounded towards 0 so far */
        step_up(q);
        mpn_sub_n(r, b.limbs, r, (mp_size_t)b.n);
    }
    status = ouro__int_finish(quotient, n_quotient + 1, are_opposite, &both->quotient);
    ouro_status other = ouro__int_finish(remainder, b.n, b.is_negative, &both->remainder);
    return status < 0 ? status : other;
}

ouro_status
ouro_int_divide(ouro_loan a, ouro_loan b, ouro_ref *quotient, ouro_ref *remainder)
{
    struct quotient both = {NULL, NULL};
    struct pair pair;

    if (!take_pair(a, b, &pair)) {
        return OURO_WRONG_TYPE;
    }
    if (pair.b->word == 0) {
        return OURO_WRONG_VALUE;
    }
    ouro_status status = are_small(pair) ? divide_small(ouro__int_small_value(pair.a),
                                                        ouro__int_small_value(pair.b), &both)
                                         : divide_large(pair, &both);
    if (status == OURO_OK && quotient != NULL) {
        *quotient = both.quotient;
        both.quotient = NULL;
    }
    if (status == OURO_OK && remainder != NULL) {
        *remainder = both.remainder;
        both.remainder = NULL;
    }
    ouro_xdecref(both.quotient);
    ouro_xdecref(both.remainder);
    return status;
}

ouro_status
ouro_int_floor_divide(ouro_loan a, ouro_loan b, ouro_ref *quotient)
{
    return ouro_int_divide(a, b, quotient, NULL);
}

ouro_status
ouro_int_modulo(ouro_loan a, ouro_loan b, ouro_ref *remainder)
{
    return ouro_int_divide(a, b, NULL, remainder);
}

/* ---- shifts ---- */

ouro_status
ouro_int_shift_left(ouro_loan loan, uint64_t bits, ouro_ref *result)
{
    const struct ouro__int *a = ouro__as_int(loan);
    struct ouro__int *made = NULL;
    struct magnitude magnitude;

    if (a == NULL) {
        return OURO_WRONG_TYPE;
    }
    if (a->word == 0 || bits == 0) {
        return ouro__int_give(ouro_incref(loan), result);
    }
    ouro__int_load(&magnitude, a);
    if (bits / LIMB_BITS > MOST_LIMBS) {
        return OURO_TOO_LARGE;
    }
    size_t whole = bits / LIMB_BITS, room = magnitude.n + whole + 1;
    unsigned part = bits % LIMB_BITS;
    ouro_status status = ouro__int_alloc(room, &made);
    if (status < 0) {
        return status;
    }
    mp_limb_t *limbs = ouro__int_limbs(made);
    memset(limbs, 0, whole * sizeof *limbs);
    if (part != 0) {
        limbs[room - 1] = mpn_lshift(limbs + whole, magnitude.limbs, (mp_size_t)magnitude.n, part);
    } else {
        memcpy(limbs + whole, magnitude.limbs, magnitude.n * sizeof *limbs);
        limbs[room - 1] = 0;
    }
    return ouro__int_finish(made, room, magnitude.is_negative, result);
}

ouro_status
ouro_int_shift_right(ouro_loan loan, uint64_t bits, ouro_ref *result)
{
    const struct ouro__int *a = ouro__as_int(loan);
    struct ouro__int *made = NULL;
    struct magnitude magnitude;

    if (a == NULL) {
        return OURO_WRONG_TYPE;
    }
    if (ouro__int_is_small(a)) {
        int64_t value = ouro__int_small_value(a) >> (bits < 63 ? bits : 63); /* arithmetic */
        return ouro__int_give(ouro_int_new(value), result);
    }
    ouro__int_load(&magnitude, a);
    size_t whole = bits / LIMB_BITS;
    unsigned part = bits % LIMB_BITS;
    if (whole >= magnitude.n) {
        return ouro__int_give(ouro_int_new(magnitude.is_negative ? -1 : 0), result);
    }
    size_t n = magnitude.n - whole;
    ouro_status status = ouro__int_alloc(n + 1, &made);
    if (status < 0) {
        return status;
    }
    mp_limb_t *limbs = ouro__int_limbs(made);
    bool is_cut = !are_zero(magnitude.limbs, whole);
    if (part != 0) {
        is_cut |= mpn_rshift(limbs, magnitude.limbs + whole, (mp_size_t)n, part) != 0;
    } else {
        memcpy(limbs, magnitude.limbs + whole, n * sizeof *limbs);
    }
    limbs[n] = 0;
    if (magnitude.is_negative && is_cut) { /* down is away from 0 */
        step_up(limbs);
    }
    return ouro__int_finish(made, n + 1, magnitude.is_negative, result);
}

/* ---- bits ---- */

enum operation { AND, OR, XOR };

static inline uint64_t
operate(enum operation operation, uint64_t a, uint64_t b)
{
    return operation == AND ? a & b : operation == OR ? a | b : a ^ b;
}

/* The next limb of a number in two's complement: the complement of its absolute value, plus one. */
static mp_limb_t
next_limb(mp_limb_t limb, bool is_negative, bool *carry)
{
    if (!is_negative) {
        return limb;
    }
    mp_limb_t turned = ~limb + *carry;
    *carry = *carry && turned == 0;
    return turned;
}

static ouro_status
operate_large(enum operation operation, struct pair pair, ouro_ref *result)
{
    struct magnitude a, b;
    struct ouro__int *made = NULL;
    bool a_carry = true, b_carry = true, carry = true;
    ouro__int_load(&a, pair.a);
    ouro__int_load(&b, pair.b);

    size_t room = (a.n > b.n ? a.n : b.n) + 1;
    ouro_status status = ouro__int_alloc(room, &made);
    if (status < 0) {
        return status;
    }
    mp_limb_t *limbs = ouro__int_limbs(made);
    bool is_negative = operate(operation, a.is_negative, b.is_negative) != 0;
    for (size_t i = 0; i < room; i++) {
        mp_limb_t left = next_limb(i < a.n ? a.limbs[i] : 0, a.is_negative, &a_carry);
        mp_limb_t right = next_limb(i < b.n ? b.limbs[i] : 0, b.is_negative, &b_carry);
        limbs[i] = next_limb(operate(operation, left, right), is_negative, &carry);
    }
    return ouro__int_finish(made, room, is_negative, result);
}

static inline ouro_status
operate_on(enum operation operation, ouro_loan a, ouro_loan b, ouro_ref *result)
{
    struct pair pair;

    if (!take_pair(a, b, &pair)) {
        return OURO_WRONG_TYPE;
    }
    if (are_small(pair)) {
        uint64_t word = operate(operation, (uint64_t)pair.a->word, (uint64_t)pair.b->word);
        return ouro__int_give(ouro__int_from_word((int64_t)word), result);
    }
    return operate_large(operation, pair, result);
}

ouro_status
ouro_int_and(ouro_loan a, ouro_loan b, ouro_ref *result)
{
    return operate_on(AND, a, b, result);
}

ouro_status
ouro_int_or(ouro_loan a, ouro_loan b, ouro_ref *result)
{
    return operate_on(OR, a, b, result);
}

ouro_status
ouro_int_xor(ouro_loan a, ouro_loan b, ouro_ref *result)
{
    return operate_on(XOR, a, b, result);
}

ouro_status
ouro_int_invert(ouro_loan a, ouro_ref *result)
{
    return ouro_int_subtract((ouro_loan)&ouro__cached_ints[-1 - OURO__LEAST_CACHED].head, a, result);
}
