/* moment.h - how a process's memory stands at one moment: the heap's figures beside the kernel's. */
#ifndef OURO_MONITOR_MOMENT_H
#define OURO_MONITOR_MOMENT_H

#include <stdbool.h>

#include "monitor/record.h"
#include "ouro/heap.h"

/* What the kernel says of this process's memory: bytes. */
struct ouro__kernel_memory {
    uint64_t resident; /* all of it */
    uint64_t files;    /* of which pages of files and shared memory */
};

/* Ask the kernel (about 2 µs).  False when /proc is not there, or no file can be opened. */
bool ouro__kernel_memory_read(struct ouro__kernel_memory *memory);

/* The most that was ever resident (about 20 µs); 0 when the kernel doesn't say.  One caller at a time. */
uint64_t ouro__kernel_peak_resident(void);

/* Fill all of `moment` but at_ns from the figures of the process's heaps and from the kernel's.  The parts
 * add up to `resident`, whatever happened between the two readings (see moment.c). */
void ouro__moment_fill(struct ouro_record_moment *moment, const ouro_heap_stats *heap,
                       const struct ouro__kernel_memory *kernel);

#endif
