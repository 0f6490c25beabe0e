/* snapshots.h - what must hold of any snapshot that was read. */
#ifndef OURO_TESTS_SNAPSHOTS_H
#define OURO_TESTS_SNAPSHOTS_H

#include "snapshot/read.h"

/* Abort unless all that snapshot/read.h promises holds. */
void snapshot_check(const struct ouro__snapshot *snapshot);

/* An ouro__snapshot_inflate that needs no library: of each two bytes the first says how often the second stands there. */
bool snapshot_inflate_runs(void *to, size_t size, const void *from, size_t n);

/* ouro__snapshot_read() from memory. */
bool snapshot_read_bytes(struct ouro__snapshot *snapshot, const void *bytes, size_t n,
                         ouro__snapshot_inflate inflate);

#endif
