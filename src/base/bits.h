/* bits.h - powers of two and rounding. */
#ifndef OURO_BASE_BITS_H
#define OURO_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool
ouro__is_power_of_two(size_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* The position of the highest set bit; n > 0. */
static inline unsigned
ouro__log2(size_t n)
{
    return 63U - (unsigned)__builtin_clzll((unsigned long long)n);
}

/* n rounded up to a multiple of `unit`, a power of two; the caller has excluded overflow. */
static inline size_t
ouro__round_up(size_t n, size_t unit)
{
    return (n + unit - 1) & ~(unit - 1);
}

#endif
