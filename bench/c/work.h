/* work.h - what the malloc workloads share: repeatable random numbers, touching, and the line they print.
 *
 * Each program takes numbers as its arguments, does a fixed amount of work, and prints its name, the
 * operations it did (calls of malloc, calloc, realloc and free) and a checksum of what it wrote into its
 * blocks and read back.  Time and memory are measured from outside, by measure.c. */
#ifndef OURO_BENCH_WORK_H
#define OURO_BENCH_WORK_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The `index`th argument as a number, or `otherwise`. */
static inline size_t
argument(int argc, char **argv, int index, size_t otherwise)
{
    return argc > index ? (size_t)strtoull(argv[index], NULL, 10) : otherwise;
}

/* xorshift64*: quick, and the same everywhere. */
static inline uint64_t
random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

static inline size_t
random_between(uint64_t *state, size_t low, size_t high)
{
    return low + (size_t)((random_next(state) >> 16) % (high - low));
}

/* Small sizes are frequent, large ones rare: evenly spread over the powers of two from 16 to `largest`. */
static inline size_t
random_size(uint64_t *state, unsigned largest_bit)
{
    unsigned bit = 4 + (unsigned)((random_next(state) >> 20) % (largest_bit - 4));
    size_t base = (size_t)1 << bit;
    return base + (size_t)((random_next(state) >> 16) & (base - 1));
}

/* Memory that cannot be had ends the program: a workload that goes on with less would measure nothing. */
static inline void *
need(void *block)
{
    if (block == NULL) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return block;
}

/* Write a number at both ends of a block of at least 16 bytes. */
static inline void
mark(void *block, size_t size, uint64_t number)
{
    *(uint64_t *)block = number;
    ((char *)block)[size - 1] = (char)number;
}

static inline uint64_t
marked(const void *block)
{
    return *(const uint64_t *)block;
}

static inline void
finish(const char *name, uint64_t operations, uint64_t checksum)
{
    printf("%s %" PRIu64 " %016" PRIx64 "\n", name, operations, checksum);
}

#endif
