/* int_text.c - integers as digits. */
#include "types/integer.h"
#include "types/str.h"
#include "types/types.h"

#include <math.h>
#include <string.h>

#define LEAST_BASE 2
#define MOST_BASE 36

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

/* ---- reading ---- */

static unsigned
digit_value(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10
           : c >= 'A' && c <= 'Z' ? (unsigned)(c - 'A') + 10
                                  : MOST_BASE;
}

/* Between digits, as numbers, and limbs. */
struct conversion {
    mp_limb_t *limbs;
    size_t n_limbs;
    unsigned char *digits;
    size_t n_digits;
    unsigned base;
};

static void
read_digits(void *context)
{
    struct conversion *conversion = context;
    conversion->n_limbs = (size_t)mpn_set_str(conversion->limbs, conversion->digits,
                                              conversion->n_digits, (int)conversion->base);
}

/* A number that has no room in 64 bits, from its digits, of which the first is not 0. */
static ouro_status
read_large(const char *text, size_t n, unsigned base, bool is_negative, ouro_ref *result)
{
    struct ouro__int *made = NULL;
    double limbs = (double)n * log2((double)base) / LIMB_BITS;

    if (limbs > (double)MOST_LIMBS) {
        return OURO_TOO_LARGE;
    }
    unsigned char *values = ouro__buffer_alloc(n);
    if (values == NULL) {
        return OURO_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = (unsigned char)digit_value(text[i]);
    }
    ouro_status status = ouro__int_alloc((size_t)limbs + 3, &made);
    if (status == OURO_OK) {
        size_t room = (size_t)limbs + 3;
        mp_limb_t *to = ouro__int_limbs(made);
        struct conversion conversion = {to, 0, values, n, base};
        if (ouro__int_compute(read_digits, &conversion)) {
            memset(to + conversion.n_limbs, 0, (room - conversion.n_limbs) * sizeof *to);
            status = ouro__int_finish(made, room, is_negative, result);
        } else {
            ouro_decref(&made->head);
            status = OURO_NO_MEMORY;
        }
    }
    ouro__buffer_free(values, n);
    return status;
}

ouro_status
ouro_int_from_text(const char *text, size_t n, int base, ouro_ref *result)
{
    bool is_negative = n != 0 && text[0] == '-';
    uint64_t value = 0;
    bool overflows = false;

    if (base < LEAST_BASE || base > MOST_BASE) {
        return OURO_WRONG_VALUE;
    }
    if (n != 0 && (text[0] == '-' || text[0] == '+')) {
        text++;
        n--;
    }
    if (n == 0) {
        return OURO_WRONG_VALUE;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned digit = digit_value(text[i]);
        if (digit >= (unsigned)base) {
            return OURO_WRONG_VALUE;
        }
        overflows = overflows || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
                    __builtin_add_overflow(value, digit, &value);
    }
    if (!overflows && value <= (uint64_t)MOST_SMALL) {
        return ouro__int_give(ouro_int_new(is_negative ? -(int64_t)value : (int64_t)value), result);
    }
    while (*text == '0') {
        text++;
        n--;
    }
    return read_large(text, n, (unsigned)base, is_negative, result);
}

/* ---- writing ---- */

static ouro_ref
write_small(int64_t value, unsigned base)
{
    char text[LIMB_BITS + 1], *at = text + sizeof text;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        *--at = digits[left % base];
        left /= base;
    } while (left != 0);
    if (value < 0) {
        *--at = '-';
    }
    return ouro__str_from_view((struct view){at, (size_t)(text + sizeof text - at), 1});
}

/* GMP overwrites what it reads and may write zeros before the first digit. */
static void
write_digits(void *context)
{
    struct conversion *conversion = context;
    conversion->n_digits = mpn_get_str(conversion->digits, (int)conversion->base, conversion->limbs,
                                       (mp_size_t)conversion->n_limbs);
}

/* The text of what was written behind a place for the sign. */
static ouro_ref
text_of(const struct conversion *conversion, bool is_negative)
{
    unsigned char *first = conversion->digits;
    size_t n = conversion->n_digits;

    for (; *first == 0; first++) {
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        first[i] = (unsigned char)digits[first[i]];
    }
    if (is_negative) {
        *--first = '-';
        n++;
    }
    return ouro__str_from_view((struct view){first, n, 1});
}

static ouro_ref
write_large(const struct ouro__int *number, unsigned base)
{
    size_t n = ouro__int_n_limbs(number);
    size_t most = (size_t)((double)n * LIMB_BITS / log2((double)base)) + 3;
    mp_limb_t *limbs = ouro__buffer_alloc((n + 1) * sizeof *limbs);
    unsigned char *values = ouro__buffer_alloc(most + 1);
    struct conversion conversion = {limbs, n, values, 0, base};
    ouro_ref str = NULL;

    if (limbs != NULL && values != NULL) {
        memcpy(limbs, ouro__int_limbs(number), n * sizeof *limbs);
        conversion.digits++;
        if (ouro__int_compute(write_digits, &conversion)) {
            str = text_of(&conversion, number->word < 0);
        }
    }
    ouro__buffer_free(limbs, (n + 1) * sizeof *limbs);
    ouro__buffer_free(values, most + 1);
    return str;
}

ouro_status
ouro_int_to_text(ouro_loan loan, int base, ouro_ref *result)
{
    const struct ouro__int *number = ouro__as_int(loan);

    if (number == NULL || base < LEAST_BASE || base > MOST_BASE) {
        return number == NULL ? OURO_WRONG_TYPE : OURO_WRONG_VALUE;
    }
    ouro_ref str = ouro__int_is_small(number)
                       ? write_small(ouro__int_small_value(number), (unsigned)base)
                       : write_large(number, (unsigned)base);
    return ouro__int_give(str, result);
}

ouro_ref
ouro__repr_int(ouro_loan self)
{
    ouro_ref str = NULL;
    return ouro_int_to_text(self, 10, &str) == OURO_OK ? str : NULL;
}
