/* facts.h - figures that follow from the records: for the report, the JSON and the advice alike. */
#ifndef OURO_CLI_FACTS_H
#define OURO_CLI_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run/run.h"

/* The steps from live to resident memory, in the order in which they are shown. */
enum ouro__step {
    OURO_STEP_ASKED,    /* live blocks, as asked for, as far as they were ever written */
    OURO_STEP_ROUNDING, /* their rounding to size classes */
    OURO_STEP_FREE,     /* free blocks in part-full pools */
    OURO_STEP_CACHED,   /* empty pools */
    OURO_STEP_RECORDS,  /* Ouro's records */
    OURO_STEP_FILES,    /* files and shared memory */
    OURO_STEP_OTHER,    /* stacks, data, foreign */
    OURO_STEP_APART,    /* what the figures of heap and kernel do not agree on: nothing, as a rule */
    OURO_N_STEPS
};

struct ouro__waterfall {
    int64_t step[OURO_N_STEPS]; /* their sum is `resident`, always */
    int64_t resident;
};

struct ouro__waterfall ouro__waterfall_of(const struct ouro_record_moment *moment);

/* Live bytes over all domains, rounding included. */
uint64_t ouro__live_of(const struct ouro_record_moment *moment);

uint64_t ouro__cpu_of(const struct ouro_record *record); /* ns */
uint64_t ouro__allocations_of(const struct ouro_record *record);
uint64_t ouro__gc_ns_of(const struct ouro_record *record);
uint64_t ouro__gc_runs_of(const struct ouro_record *record);

/* Whether a process that is not the program itself is worth a file of its own: helpers (shells, compilers' drivers) would
 * each leave one that nobody looks at. */
bool ouro__record_is_worth_it(const struct ouro_record *record);

/* Of the process' CPU time, what the collector took: 0 to 1. */
double ouro__gc_share_of(const struct ouro_record *record);

/* The most memory that the direct child had resident, bytes.  The kernel's figure for a child that was
 * waited for is the largest of it and its own children; its record, where it is final, is its own. */
uint64_t ouro__main_peak_resident(const struct ouro__run *run);

/* One process: all programs that it went through by exec. */
struct ouro__life {
    const struct ouro__process *first, *last; /* borrowed from the run */
    size_t n_programs;
    uint64_t lasted_ns;
    uint64_t peak_live;
    uint64_t peak_resident;
};

/* The life of the direct child; false when it left no record. */
bool ouro__life_main(const struct ouro__run *run, struct ouro__life *life);

/* All other processes, the largest first; owned.  NULL and 0 when there are none or memory runs out. */
struct ouro__life *ouro__lives_other(const struct ouro__run *run, size_t *count);

/* Snapshots that could not be written while the processes ran; and for how long one of them stood still at most. */
uint64_t ouro__snapshots_failed(const struct ouro__run *run, uint64_t *longest_ns);

/* Whether the last figures of a process are not its final ones, though it has ended. */
bool ouro__process_cut_short(const struct ouro__process *process);

#endif
