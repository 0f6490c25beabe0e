/* sample.c - which blocks are sampled: a Poisson process over the bytes that are allocated.
 *
 * A block of `size` bytes is a sample with the probability p = 1 - exp(-size / mean), whatever came before it, and stands
 * for 1 / p blocks of its like: so estimates are unbiased, for small blocks and large ones.
 *
 * exp and log are made here of what C has, to a millionth: the library that has them is not everybody's.
 *
 * @source  Poisson sampling of allocations as in tcmalloc's documentation, "Sampling"; the Horvitz-Thompson estimator */
#include "trace/sample.h"

#include "base/bits.h"
#include "os/os.h"

#define LN_2 0.69314718055994531

/* 0 < x <= 1: x = m * 2^-e with m in [1/sqrt 2, sqrt 2), whose logarithm is an odd series in (m - 1) / (m + 1). */
static double
log_of(double x)
{
    int e = 0;
    while (x < 0.70710678118654752) {
        x *= 2;
        e++;
    }
    double z = (x - 1) / (x + 1), square = z * z;
    double series =
        1 + square * (1.0 / 3 + square * (1.0 / 5 + square * (1.0 / 7 + square * (1.0 / 9))));
    return 2 * z * series - e * LN_2;
}

/* 1 - exp(-x), x >= 0: by the series where that is exact, further away by squaring exp. */
static double
sampled_share(double x)
{
    if (x > 40) {
        return 1;
    }
    int halvings = 0;
    while (x > 1.0 / 64) {
        x /= 2;
        halvings++;
    }
    double share = x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4)));
    for (; halvings > 0; halvings--) {
        share = share * (2 - share); /* 1 - (1 - share)^2 */
    }
    return share;
}

/* Uniform in (0, 1]: splitmix64 of a counter that all threads share. */
static double
draw_uniform(void)
{
    static uint64_t counter, seed;
    uint64_t start = __atomic_load_n(&seed, __ATOMIC_RELAXED);
    if (start == 0) {
        start = ouro__os_random() | 1;
        __atomic_store_n(&seed, start, __ATOMIC_RELAXED);
    }
    uint64_t z = start + __atomic_add_fetch(&counter, 0x9E3779B97F4A7C15U, __ATOMIC_RELAXED);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    z ^= z >> 31;
    return (double)((z >> 11) + 1) * 0x1p-53;
}

int64_t
ouro__sample_draw(uint64_t mean)
{
    return (int64_t)(-log_of(draw_uniform()) * (double)mean);
}

uint64_t
ouro__sample_weight(uint64_t size, uint64_t mean)
{
    if (size == 0) {
        return 0; /* blocks without bytes are never samples */
    }
    return (uint64_t)((double)size / sampled_share((double)size / (double)mean) + 0.5);
}
