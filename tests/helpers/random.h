/* random.h - small, fast random numbers that are the same everywhere for the same seed. */
#ifndef OURO_TESTS_RANDOM_H
#define OURO_TESTS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include <ouro/heap.h>

struct test_random {
    uint64_t state;
};

/* The next 64 random bits: splitmix64. */
static inline uint64_t
random_next(struct test_random *random)
{
    uint64_t z = (random->state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* A number from 0 to `bound` - 1; the slight bias of the remainder does not matter here. */
static inline uint64_t
random_below(struct test_random *random, uint64_t bound)
{
    return random_next(random) % bound;
}

/* A number from `low` to `high`, each doubling as likely as the next. */
size_t random_between_log(struct test_random *random, size_t low, size_t high);

/* A size as a Python program asks for it: most requests are of 64 bytes or less, a few sizes dominate, and
 * there is a long tail up to `most` bytes. */
size_t random_python_size(struct test_random *random, size_t most);

/* One of the three domains. */
ouro_domain random_domain(struct test_random *random);

#endif
