/* oracle.h - a naive account of what a heap must hold: a table of blocks with their sizes and patterns.
 *
 * Every operation goes to the heap and into the table; every answer of the heap is compared with the table.
 * Whatever does not agree aborts the test with a message that names the oracle and the operation.  An oracle
 * belongs to one thread; several may use one shared heap. */
#ifndef OURO_TESTS_ORACLE_H
#define OURO_TESTS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ouro/heap.h>

struct oracle_block {
    unsigned char *address;
    size_t size;      /* bytes asked, filled with the pattern */
    size_t alignment; /* asked */
    uint64_t seed;    /* of the pattern */
    ouro_domain domain;
};

struct oracle {
    ouro_heap *heap;  /* borrowed */
    const char *name; /* for messages */
    bool debug;       /* the heap adds red zones: what it says it holds is more than what is usable */
    bool may_refuse;  /* NULL is a right answer: a limit is set, or a fault is planned */

    struct oracle_block *blocks; /* live, in no order */
    size_t n_blocks;
    size_t capacity;

    uint64_t n_operations;
    uint64_t n_allocs[OURO_N_DOMAINS];   /* blocks got from nothing */
    uint64_t n_frees[OURO_N_DOMAINS];    /* blocks given back for good */
    uint64_t n_reallocs[OURO_N_DOMAINS]; /* either kind may or may not count these */
    uint64_t n_refused;
    uint64_t asked_bytes; /* live, before rounding */
};

/* Make an oracle for `heap` with room for `capacity` blocks. */
void oracle_init(struct oracle *oracle, ouro_heap *heap, const char *name, size_t capacity);

/* Release the table.  The blocks stay with the heap. */
void oracle_fini(struct oracle *oracle);

/* The operations.  Those that allocate return whether the heap gave a block; a refusal that was not to be
 * expected aborts.  An index counts from 0 to n_blocks - 1; freeing moves the last block to its place. */
bool oracle_alloc(struct oracle *oracle, ouro_domain domain, size_t size);
bool oracle_alloc_zeroed(struct oracle *oracle, ouro_domain domain, size_t count, size_t size);
bool oracle_alloc_aligned(struct oracle *oracle, ouro_domain domain, size_t alignment, size_t size);
bool oracle_realloc(struct oracle *oracle, size_t index, size_t size);
void oracle_free(struct oracle *oracle, size_t index);
void oracle_free_all(struct oracle *oracle);

/* The checks.  The last three are for an oracle that has the heap to itself. */
void oracle_check_block(const struct oracle *oracle, size_t index);
void oracle_check_blocks(const struct oracle *oracle);
void oracle_check_intervals(const struct oracle *oracle);
void oracle_check_walk(const struct oracle *oracle);
void oracle_check_stats(const struct oracle *oracle);
void oracle_check_all(const struct oracle *oracle);

/* Check that figures of one heap agree with each other. */
void stats_check(const char *name, const ouro_heap_stats *stats, bool debug);

#endif
