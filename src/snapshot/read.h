/* read.h - a snapshot in memory, as a file has it: whatever the file held, every index in it leads somewhere. */
#ifndef OURO_SNAPSHOT_READ_H
#define OURO_SNAPSHOT_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "snapshot/format.h"

/* Make `size` bytes at `to` of the `n` that a chunk has stored; false when they are spoiled. */
typedef bool (*ouro__snapshot_inflate)(void *to, size_t size, const void *from, size_t n);

/* What holds of it, beside what format.h says:
 *   - there is a code more than the file has, the last one: it has no texts, and is what a node without a code has;
 *   - each node's parent is less than its index, each code and each trace's node is there, domains are 0 to 2;
 *   - each stretch lies within its bytes, texts of `tracing` end, its mode is one;
 *   - runs are in their order and don't overlap, and hold no more than there is room for in their slots;
 *   - there are no more lives than traces, and none has more ends than its trace;
 *   - each trace's mark is there, and a mark 0, their names end;
 *   - each trace's thread is there, and each type and trace of `typed`; there is a thread 0 and a type 0; names end;
 *   - a sampled one has a mean that is not 0;
 *   - times of samples and of marks don't go back, nothing was counted after its sample, marks' names end. */
struct ouro__snapshot {
    struct ouro_snapshot_tracing tracing; /* zero where the file has none */
    unsigned char *process; /* a struct ouro_record, unchecked; NULL where the file has none */
    size_t n_process;       /* bytes */
    char *texts;
    size_t n_texts; /* bytes */
    unsigned char *lines;
    size_t n_lines; /* bytes */
    struct ouro_snapshot_code *codes;
    size_t n_codes; /* 1 at least */
    struct ouro_snapshot_node *nodes;
    size_t n_nodes; /* 1 at least: node 0 */
    struct ouro_snapshot_trace *traces;
    size_t n_traces;
    struct ouro_snapshot_thread *threads;
    size_t n_threads; /* 1 at least */
    struct ouro_snapshot_since *sinces;
    size_t n_sinces; /* 1 at least */
    struct ouro_snapshot_stretch *types;
    size_t n_types; /* 1 at least */
    struct ouro_snapshot_typed *typed;
    size_t n_typed;
    struct ouro_snapshot_life *lives; /* by trace, NULL where they were not asked for */
    size_t n_lives;
    struct ouro_snapshot_sample *samples;
    size_t n_samples;
    struct ouro_snapshot_mark *marks;
    size_t n_marks;
    struct ouro_snapshot_run *runs;
    size_t n_runs;
    uint64_t n_bytes;  /* of the file */
    char trouble[160]; /* what was wrong with the file, completes "FILE ..."; empty when nothing was */
};

/* Read all of `file`, up to the last whole chunk where it is cut off or spoiled: `trouble` then says so.  False when
 * nothing can be had from it, or memory runs out; `trouble` says why, and there is nothing to free. */
bool ouro__snapshot_read(struct ouro__snapshot *snapshot, FILE *file, ouro__snapshot_inflate inflate);

void ouro__snapshot_free(struct ouro__snapshot *snapshot);

#endif
