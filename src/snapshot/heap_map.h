/* heap_map.h - the heap's slots as a snapshot has them. */
#ifndef OURO_SNAPSHOT_HEAP_MAP_H
#define OURO_SNAPSHOT_HEAP_MAP_H

#include <stdint.h>

#include "snapshot/writer.h"

/* Write OURO_SNAPSHOT_RUNS: all runs of the range.  Takes no memory.  Other threads may allocate meanwhile, but for the
 * moments in which some hundred slots are read; nothing is written where the range is locked at the beginning: that may be
 * by the thread that a signal handler interrupted.  One thread at a time: whoever holds the lock of tracing. */
void ouro__snapshot_write_heap_map(struct ouro__snapshot_writer *writer);

/* Bytes that this takes at most, if the heap doesn't grow. */
uint64_t ouro__snapshot_heap_map_most(void);

#endif
