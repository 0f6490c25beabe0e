/* integer.h - what the files of integers know of each other.
 *
 *   header 16 | word 8 | limbs ...
 *
 * Small: the word is twice the value, which has 63 bits.  Large: the word is odd, the number of limbs times two plus one,
 * negative as the number is; the limbs have the absolute value, the lowest first.  Never false: what can be small
 * is small, the highest limb is not 0, and small numbers from OURO__LEAST_CACHED to OURO__MOST_CACHED are those of the cache. */
#ifndef OURO_TYPES_INTEGER_H
#define OURO_TYPES_INTEGER_H

#include <gmp.h>

#include "object/object.h"
#include "ouro/int.h"

#define LEAST_SMALL (INT64_MIN / 2)
#define MOST_SMALL (INT64_MAX / 2)

#define MOST_LIMBS ((size_t)INT32_MAX)
#define LIMB_BITS 64

_Static_assert(sizeof(mp_limb_t) == 8 && GMP_NAIL_BITS == 0, "a limb is a word");

extern struct ouro_type *ouro__int_type;

/* The integer, or NULL for an object of another type. */
static inline const struct ouro__int *
ouro__as_int(ouro_loan loan)
{
    const ouro_object *object = ouro_look(loan);
    return ouro__type(object) == ouro__int_type ? (const struct ouro__int *)object : NULL;
}

static inline bool
ouro__int_is_small(const struct ouro__int *number)
{
    return (number->word & 1) == 0;
}

static inline bool
ouro__int_is_negative(const struct ouro__int *number)
{
    return number->word < 0;
}

static inline int64_t
ouro__int_small_value(const struct ouro__int *number)
{
    return number->word >> 1; /* arithmetic */
}

static inline size_t
ouro__int_n_limbs(const struct ouro__int *number)
{
    int64_t n = number->word >> 1; /* of a negative number -n * 2 + 1 was stored, which gives -n */
    return (size_t)(n < 0 ? -n : n);
}

static inline mp_limb_t *
ouro__int_limbs(const struct ouro__int *number)
{
    return (mp_limb_t *)(void *)((uintptr_t)(number + 1));
}

/* A small number that is not in the cache; NULL without memory. */
static inline ouro_ref
ouro__int_make(int64_t word)
{
    struct ouro__int *number =
        (struct ouro__int *)ouro__leaf_alloc(ouro__int_type, sizeof(struct ouro__int));
    if (OURO_UNLIKELY(number == NULL)) {
        return NULL;
    }
    number->word = word;
    return &number->head;
}

/* A number whose word is this, which is even; NULL without memory. */
static inline ouro_ref
ouro__int_from_word(int64_t word)
{
    uint64_t place = (uint64_t)((word >> 1) - OURO__LEAST_CACHED);
    return place < OURO__N_CACHED ? &ouro__cached_ints[place].head : ouro__int_make(word);
}

/* The absolute value of a number, large or small, as limbs. */
struct magnitude {
    const mp_limb_t *limbs; /* `own` for a small one: do not copy */
    size_t n;               /* 0 for 0 */
    bool is_negative;
    mp_limb_t own;
};

static inline void
ouro__int_load(struct magnitude *magnitude, const struct ouro__int *number)
{
    magnitude->is_negative = ouro__int_is_negative(number);
    if (ouro__int_is_small(number)) {
        int64_t value = ouro__int_small_value(number);
        magnitude->own = value < 0 ? 0 - (mp_limb_t)value : (mp_limb_t)value;
        magnitude->limbs = &magnitude->own;
        magnitude->n = value != 0;
    } else {
        magnitude->limbs = ouro__int_limbs(number);
        magnitude->n = ouro__int_n_limbs(number);
    }
}

/* The word of a large number. */
static inline int64_t
ouro__int_large_word(size_t n, bool is_negative)
{
    int64_t count = is_negative ? -(int64_t)n : (int64_t)n;
    return (int64_t)((uint64_t)count << 1 | 1);
}

/* A large number of `n` limbs to be written, then handed to ouro__int_finish(). */
static inline ouro_status
ouro__int_alloc(size_t n, struct ouro__int **number)
{
    if (n > MOST_LIMBS) {
        return OURO_TOO_LARGE;
    }
    struct ouro__int *made = (struct ouro__int *)ouro__leaf_alloc(
        ouro__int_type, sizeof(struct ouro__int) + n * sizeof(mp_limb_t));
    if (made == NULL) {
        return OURO_NO_MEMORY;
    }
    made->word = ouro__int_large_word(n, false);
    *number = made;
    return OURO_OK;
}

/* The number that the limbs of `made` stand for, of which there are `room`, written whole; `made` is stolen. */
ouro_status ouro__int_finish(struct ouro__int *made, size_t room, bool is_negative, ouro_ref *result);

/* Have `work`, which calls GMP's functions on limbs and nothing else, take its scratch memory from the heap; false when
 * there was none: what it wrote is then of no use. */
bool ouro__int_compute(void (*work)(void *context), void *context);

void ouro__int_scratch_init(void);

/* Up to so many limbs in all GMP's functions take none but from the stack. */
#define FEW_LIMBS 64

/* Give `ref`, or say that there was no memory. */
static inline ouro_status
ouro__int_give(ouro_ref ref, ouro_ref *result)
{
    if (OURO_UNLIKELY(ref == NULL)) {
        return OURO_NO_MEMORY;
    }
    *result = ref;
    return OURO_OK;
}

#endif
