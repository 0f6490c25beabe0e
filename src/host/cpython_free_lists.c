/* cpython_free_lists.c - the interpreter's free lists, emptied before the heaps make a new peak.
 *
 * The interpreter keeps freed tuples, lists, numbers and others for the next that are made, up to 2000 of each size,
 * and lets go of them when it looks at everything.  They may lie anywhere: 4000 tuples that were a sort's keys kept 550
 * pools of 16 KiB that had nothing else in them.  A program whose full looks are put off or replaced by surveys would
 * grow beside such pools.  No function empties the lists by itself, but a full look at nothing does: while it runs,
 * all objects are put aside, which to the collector are then references from outside.  30 microseconds. */
#include "host/cpython_free_lists.h"

/* Growth that is worth it: a part of what was held, and no less than so much.  A small program has its free lists as
 * it would without us: one that makes the interpreter fail at its n-th allocation (test_capi) sees what is in them. */
#define GROWTH_SHARE 32
#define GROWTH_MIN ((uint64_t)4 << 20)

static uint64_t peak_when_empty;
static struct py_generation aside[3];

bool
ouro__free_lists_are_due(uint64_t held)
{
    uint64_t share = peak_when_empty / GROWTH_SHARE;
    return held > peak_when_empty + (share > GROWTH_MIN ? share : GROWTH_MIN);
}

void
ouro__free_lists_emptied(uint64_t held)
{
    peak_when_empty = held > peak_when_empty ? held : peak_when_empty;
}

void
ouro__free_lists_start(struct py_generation *generations)
{
    for (int i = 0; i < 3; i++) {
        ouro__generation_init(&aside[i]);
        ouro__generation_append(&generations[i], &aside[i]);
        aside[i].count = generations[i].count;
    }
}

void
ouro__free_lists_stop(struct py_generation *generations)
{
    /* What is there now is newer: the dictionary that callbacks are told of. */
    for (int i = 0; i < 3; i++) {
        ouro__generation_append(&generations[i], &aside[i]);
        ouro__generation_append(&aside[i], &generations[i]);
    }
    generations[0].count += aside[0].count; /* the collector has begun to count anew */
    generations[1].count += aside[1].count;
}
