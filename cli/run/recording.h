/* recording.h - memory over time: how each process of a run stands, noted while it runs.
 *
 * The processes do nothing for it: their records are read from outside, and what the kernel says of them. */
#ifndef OURO_CLI_RECORDING_H
#define OURO_CLI_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/read.h"
#include "snapshot/format.h"

struct ouro__recording;

/* Begin to record the processes that leave records in `folder`, every `interval_ns`; 0: every tenth of a second, more
 * often at first.  Of those that have ended only what is worth a file is kept, and the process `kept`.  NULL, and said,
 * when that can't be; owned. */
struct ouro__recording *ouro__recording_begin(const char *folder, pid_t kept, uint64_t interval_ns);

/* Look at all processes, if it is time to; in how many nanoseconds it is time again. */
uint64_t ouro__recording_look(void *recording);

/* What was recorded of a process whose final record this is, its highest moment and its last one among it: `*n` samples
 * in the order of time; owned, NULL without memory. */
struct ouro_snapshot_sample *ouro__recording_samples(const struct ouro__recording *recording,
                                                     const struct ouro__record_found *found, size_t *n);

/* NULL is nothing. */
void ouro__recording_end(struct ouro__recording *recording);

#endif
