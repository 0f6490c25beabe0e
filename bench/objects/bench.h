/* bench.h - what the workloads of objects share: clocks, the peer that they are compiled for, and the line they print.
 *
 * Each workload is compiled once for each peer that has the thing, with -DPEER_<NAME>=1; the peers' headers give
 * the same operations the same names, inline, each done in the quickest way that the peer's public interface has.  A
 * program prints a line for each figure: group, workload, figure, unit, and a number that must be the same for all
 * peers.  The collectors are off unless a workload is about them. */
#ifndef OURO_BENCH_OBJECTS_H
#define OURO_BENCH_OBJECTS_H

/* Have the compiler do what is written, each time round. */
#define KEEP(value) __asm__ volatile("" : : "r"(value) : "memory")

#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../c/work.h"

static inline double
read_clock(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Nanoseconds of all this process's threads together, and of the world. */
static inline double
cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static inline double
wall_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

#if PEER_CPYTHON
#include "cpython.h"
#elif PEER_BDWGC
#include "bdwgc.h"
#elif PEER_GOBJECT
#include "gobject.h"
#elif PEER_PLAIN
#include "plain.h"
#else
#include "ouro.h"
#endif

/* What threads do to use a peer, and while they wait for each other. */
#if !PEER_HAS_THREADS
static inline void
thread_begin(void)
{
}

static inline void
thread_end(void)
{
}

static inline void
wait_begin(void)
{
}

static inline void
wait_end(void)
{
}
#endif

#if !PEER_PLAIN
static inline object
tree_left(object tree)
{
    return ((struct tree *)tree)->left;
}

static inline object
tree_right(object tree)
{
    return ((struct tree *)tree)->right;
}

/* Give references away to a tree that has none. */
static inline void
tree_fill(object tree, object left, object right)
{
    ((struct tree *)tree)->left = left;
    ((struct tree *)tree)->right = right;
}
#endif

static inline void
report(const char *group, const char *what, double figure, const char *unit, uint64_t check)
{
    printf("%s\t%s\t%.4f\t%s\t%" PRIu64 "\n", group, what, figure, unit, check);
}

/* End without taking apart what was built. */
static inline void
leave(void)
{
    fflush(stdout);
    _exit(0);
}

/* Time `body`, run `n` times with `i` counting, after a tenth that does not count; it adds to `check`, and is `each`
 * operations. */
#define TIME(group, what, n, each, body)                                                               \
    do {                                                                                               \
        uint64_t check = 0;                                                                            \
        double began = 0;                                                                              \
        for (int64_t i = -(int64_t)(n) / 10; i < (int64_t)(n); i++) {                                  \
            if (i == 0) {                                                                              \
                check = 0;                                                                             \
                began = cpu_ns();                                                                      \
            }                                                                                          \
            body;                                                                                      \
        }                                                                                              \
        report(group, what, (cpu_ns() - began) / ((double)(n) * (each)), "ns", check);                 \
    } while (0)

#endif
