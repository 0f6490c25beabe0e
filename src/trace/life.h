/* life.h - how long blocks live, counted in allocations; only where that was asked for.
 *
 * A clock counts all allocations of the process.  Beside the index of a block's trace, in pages of its own, lies what the
 * clock showed at its birth; when it ends, its trace counts it by how far the clock has gone. */
#ifndef OURO_TRACE_LIFE_H
#define OURO_TRACE_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/vector.h"

#define OURO__N_LIVES 7 /* within 1, 10, 100, ... 1,000,000 allocations */

/* Of a trace: its blocks that ended within so many further allocations, and not within fewer. */
struct ouro__life {
    uint64_t ended[OURO__N_LIVES];
};

/* Set before tracing begins, for good. */
extern bool ouro__life_is_asked;

/* An allocation: of any block, traced or not. */
void ouro__life_pass(void);

/* Under the lock of tracing, as what follows but for the age.  A block that was just allocated; false without memory. */
bool ouro__life_begin(const void *block);

/* Of a block whose birth was noted, and that the caller holds: allocations since then. */
uint64_t ouro__life_age(const void *block);

/* A block of a trace has ended at this age. */
void ouro__life_end(uint32_t trace, uint64_t age);

extern struct ouro__vector ouro__life_items; /* struct ouro__life[], by trace */

/* Have an item for as many traces at least; false without memory. */
bool ouro__life_reserve(size_t n_traces);

/* All births, and what traces had. */
void ouro__life_forget(void);

uint64_t ouro__life_bytes(void);

#endif
