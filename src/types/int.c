/* int.c - integers: made from numbers of C and turned into them, compared. */
#include "types/integer.h"
#include "types/types.h"

#include <math.h>
#include <string.h>

struct ouro_type *ouro__int_type;
struct ouro__int ouro__cached_ints[OURO__N_CACHED];

/* ---- large numbers ---- */

static bool
is_small_magnitude(mp_limb_t magnitude, bool is_negative)
{
    return magnitude <= (mp_limb_t)MOST_SMALL + is_negative;
}

static int64_t
signed_value(mp_limb_t magnitude, bool is_negative)
{
    return (int64_t)(is_negative ? 0 - magnitude : magnitude);
}

ouro_status
ouro__int_finish(struct ouro__int *made, size_t room, bool is_negative, ouro_ref *result)
{
    const mp_limb_t *limbs = ouro__int_limbs(made);
    struct ouro__int *fitting;
    size_t n = room;

    while (n != 0 && limbs[n - 1] == 0) {
        n--;
    }
    if (n == 0 || (n == 1 && is_small_magnitude(limbs[0], is_negative))) {
        int64_t value = n == 0 ? 0 : signed_value(limbs[0], is_negative);
        ouro_decref(&made->head);
        return ouro__int_give(ouro__int_from_word((int64_t)((uint64_t)value << 1)), result);
    }
    if (room - n > 1 + room / 8 && ouro__int_alloc(n, &fitting) == OURO_OK) {
        memcpy(ouro__int_limbs(fitting), limbs, n * sizeof *limbs);
        ouro_decref(&made->head);
        made = fitting;
    }
    made->word = ouro__int_large_word(n, is_negative);
    *result = &made->head;
    return OURO_OK;
}

/* ---- from and to numbers of C ---- */

static ouro_ref
new_from_magnitude(uint64_t magnitude, bool is_negative)
{
    struct ouro__int *made = NULL;
    ouro_ref result = NULL;

    if (is_small_magnitude(magnitude, is_negative)) {
        int64_t value = signed_value(magnitude, is_negative);
        return ouro__int_from_word((int64_t)((uint64_t)value << 1));
    }
    if (ouro__int_alloc(1, &made) < 0) {
        return NULL;
    }
    *ouro__int_limbs(made) = magnitude;
    return ouro__int_finish(made, 1, is_negative, &result) == OURO_OK ? result : NULL;
}

ouro_ref
ouro__int_new(int64_t value)
{
    if (OURO_LIKELY(value >= LEAST_SMALL && value <= MOST_SMALL)) {
        return ouro__int_make((int64_t)((uint64_t)value << 1));
    }
    return new_from_magnitude(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
}

ouro_ref
ouro_int_new_unsigned(uint64_t value)
{
    return new_from_magnitude(value, false);
}

ouro_status
ouro_int_from_double(double value, ouro_ref *result)
{
    struct ouro__int *made = NULL;
    int exponent;

    if (!isfinite(value)) {
        return OURO_WRONG_VALUE;
    }
    if (fabs(value) < 0x1p62) {
        return ouro__int_give(ouro_int_new((int64_t)value), result);
    }
    /* Integral: 53 bits, shifted. */
    mp_limb_t bits = (mp_limb_t)ldexp(frexp(fabs(value), &exponent), 53);
    unsigned shift = (unsigned)exponent - 53;
    size_t n = shift / LIMB_BITS + 2;
    ouro_status status = ouro__int_alloc(n, &made);
    if (status < 0) {
        return status;
    }
    mp_limb_t *limbs = ouro__int_limbs(made);
    memset(limbs, 0, n * sizeof *limbs);
    limbs[n - 2] = bits << shift % LIMB_BITS;
    limbs[n - 1] = shift % LIMB_BITS != 0 ? bits >> (LIMB_BITS - shift % LIMB_BITS) : 0;
    return ouro__int_finish(made, n, value < 0, result);
}

/* Whether the value is one of int64_t. */
static bool
has_int64(const struct ouro__int *number, int64_t *value)
{
    if (OURO_LIKELY(ouro__int_is_small(number))) {
        *value = ouro__int_small_value(number);
        return true;
    }
    bool is_negative = ouro__int_is_negative(number);
    mp_limb_t limb = *ouro__int_limbs(number);
    if (ouro__int_n_limbs(number) != 1 || limb > (mp_limb_t)INT64_MAX + is_negative) {
        return false;
    }
    *value = signed_value(limb, is_negative);
    return true;
}

ouro_status
ouro_int_to_int64(ouro_loan loan, int64_t *value)
{
    const struct ouro__int *number = ouro__as_int(loan);
    if (number == NULL) {
        return OURO_WRONG_TYPE;
    }
    return has_int64(number, value) ? OURO_OK : OURO_TOO_LARGE;
}

ouro_status
ouro_int_to_uint64(ouro_loan loan, uint64_t *value)
{
    const struct ouro__int *number = ouro__as_int(loan);
    struct magnitude magnitude;

    if (number == NULL) {
        return OURO_WRONG_TYPE;
    }
    ouro__int_load(&magnitude, number);
    if (magnitude.is_negative || magnitude.n > 1) {
        return OURO_TOO_LARGE;
    }
    *value = magnitude.n == 0 ? 0 : magnitude.limbs[0];
    return OURO_OK;
}

/* Bits of the absolute value. */
static size_t
count_bits(const struct magnitude *magnitude)
{
    return magnitude->n == 0
               ? 0
               : magnitude->n * LIMB_BITS - (size_t)__builtin_clzll(magnitude->limbs[magnitude->n - 1]);
}

/* The nearest double, and whether it is the number; false when it would be infinite. */
static bool
nearest_double(const struct ouro__int *number, double *value, bool *is_exact)
{
    struct magnitude magnitude;
    ouro__int_load(&magnitude, number);
    size_t n = magnitude.n, bits = count_bits(&magnitude);

    if (bits > 1024) {
        return false;
    }
    if (n == 0) {
        *value = 0;
        *is_exact = true;
        return true;
    }
    /* The 64 highest bits, of which the last one says whether anything is behind them, too. */
    unsigned shift = (unsigned)(n * LIMB_BITS - bits);
    mp_limb_t top = magnitude.limbs[n - 1] << shift, rest = 0;
    if (shift != 0 && n > 1) {
        top |= magnitude.limbs[n - 2] >> (LIMB_BITS - shift);
        rest = magnitude.limbs[n - 2] << shift;
    } else if (n > 1) {
        rest = magnitude.limbs[n - 2];
    }
    for (size_t i = 0; i + 2 < n; i++) {
        rest |= magnitude.limbs[i];
    }
    double nearest = ldexp((double)(top | (rest != 0)), (int)bits - LIMB_BITS);
    *value = magnitude.is_negative ? -nearest : nearest;
    *is_exact = rest == 0 && (top & 0x7FF) == 0;
    return isfinite(nearest);
}

ouro_status
ouro_int_to_double(ouro_loan loan, double *value)
{
    const struct ouro__int *number = ouro__as_int(loan);
    double nearest = 0;
    bool is_exact;

    if (number == NULL) {
        return OURO_WRONG_TYPE;
    }
    if (!nearest_double(number, &nearest, &is_exact)) {
        return OURO_TOO_LARGE;
    }
    *value = nearest;
    return OURO_OK;
}

/* ---- asking and comparing ---- */

bool
ouro_is_int(ouro_loan object)
{
    return ouro__as_int(object) != NULL;
}

int
ouro_int_sign(ouro_loan loan)
{
    const struct ouro__int *number = ouro__as_int(loan);
    return number == NULL ? 0 : (number->word > 0) - (number->word < 0);
}

size_t
ouro_int_bits(ouro_loan loan)
{
    const struct ouro__int *number = ouro__as_int(loan);
    struct magnitude magnitude;

    if (number == NULL) {
        return 0;
    }
    ouro__int_load(&magnitude, number);
    return count_bits(&magnitude);
}

int
ouro_int_compare(ouro_loan a, ouro_loan b)
{
    const struct ouro__int *left = (const struct ouro__int *)ouro_look(a);
    const struct ouro__int *right = (const struct ouro__int *)ouro_look(b);
    OURO_ASSERT(ouro_is_int(a) && ouro_is_int(b));

    bool both_large = (left->word & right->word & 1) != 0;
    if (!both_large || left->word != right->word) {
        /* Large ones lie beyond all small ones, and the more limbs the farther: but their counts are
         * no values to compare small ones with. */
        bool both_small = ((left->word | right->word) & 1) == 0;
        if (both_small || both_large || (left->word < 0) != (right->word < 0)) {
            return (left->word > right->word) - (left->word < right->word);
        }
        bool left_is_large = !ouro__int_is_small(left);
        return left_is_large == (left->word >= 0) ? 1 : -1;
    }
    int order =
        mpn_cmp(ouro__int_limbs(left), ouro__int_limbs(right), (mp_size_t)ouro__int_n_limbs(left));
    order = (order > 0) - (order < 0);
    return left->word < 0 ? -order : order;
}

static ouro_status
equal_int(ouro_loan self, ouro_loan other)
{
    const struct ouro__int *number = (const struct ouro__int *)ouro_look(self);
    double nearest;
    bool is_exact;

    if (ouro_is_int(other)) {
        const struct ouro__int *second = (const struct ouro__int *)ouro_look(other);
        if (OURO_LIKELY(ouro__int_is_small(number))) { /* equal ones are of one shape */
            return number->word == second->word ? OURO_FOUND : OURO_NOT_EQUAL;
        }
        return ouro_int_compare(self, other) == 0 ? OURO_FOUND : OURO_NOT_EQUAL;
    }
    if (ouro_type_of(other) != ouro_float_type()) {
        return OURO_NOT_EQUAL;
    }
    return nearest_double(number, &nearest, &is_exact) && is_exact && nearest == ouro_float_value(other)
               ? OURO_FOUND
               : OURO_NOT_EQUAL;
}

/* The hash of the float that equals, where there is one: see hash_float(). */
static ouro_status
hash_int(ouro_loan self, uint64_t *hash)
{
    const struct ouro__int *number = (const struct ouro__int *)ouro_look(self);
    double nearest;
    bool is_exact;
    int64_t value;
    uint64_t bits = number->word < 0;

    if (has_int64(number, &value)) {
        bits = (uint64_t)value;
    } else if (nearest_double(number, &nearest, &is_exact) && is_exact) {
        memcpy(&bits, &nearest, sizeof bits);
    } else {
        const mp_limb_t *limbs = ouro__int_limbs(number);
        for (size_t i = 0; i < ouro__int_n_limbs(number); i++) {
            bits = ouro__mix_bits(bits ^ limbs[i]) + i;
        }
    }
    *hash = bits;
    return OURO_OK;
}

/* ---- the type ---- */

static size_t
extra_size(ouro_loan self)
{
    const struct ouro__int *number = (const struct ouro__int *)ouro_look(self);
    return ouro__int_is_small(number) ? 0 : ouro__int_n_limbs(number) * sizeof(mp_limb_t);
}

static void
end_int(ouro_object *object)
{
    const struct ouro__int *number = (const struct ouro__int *)object;
    unsigned class = OURO_LIKELY(ouro__int_is_small(number)) ? ouro__spare_class(sizeof *number)
                                                             : ouro__spare_class_at(object);
    ouro__leaf_free(ouro__thread_self, class, object);
}

ouro_loan
ouro_int_type(void)
{
    return (ouro_loan)&ouro__int_type->head;
}

bool
ouro__ints_init(void)
{
    const ouro_type_spec spec = {
        .name = "int",
        .size = sizeof(struct ouro__int),
        .item_size = sizeof(mp_limb_t),
        .flags = OURO_TYPE_LEAF,
        .hash = hash_int,
        .equal = equal_int,
        .repr = ouro__repr_int,
        .extra_size = extra_size,
    };
    if (ouro__int_type != NULL) {
        return true;
    }
    if (!ouro__type_make(&spec, &ouro__int_type)) {
        return false;
    }
    ouro__int_scratch_init();
    ouro__int_type->is_simple_equal = true;
    ouro__int_type->end = end_int;
    for (int i = 0; i < OURO__N_CACHED; i++) {
        ouro__cached_ints[i].head =
            (ouro_object){.local = OURO_IMMORTAL, .type = ouro__int_type->index};
        ouro__cached_ints[i].word = 2 * ((int64_t)i + OURO__LEAST_CACHED);
    }
    return true;
}
