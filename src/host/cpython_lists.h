/* cpython_lists.h - the collector's thresholds and lists inside an interpreter. */
#ifndef OURO_HOST_CPYTHON_LISTS_H
#define OURO_HOST_CPYTHON_LISTS_H

#include "host/cpython_abi.h"

/* In some builds of 3.13 the generations stand at an odd multiple of four bytes. */
#define OURO_PY_ALIGNED __attribute__((packed, aligned(4)))

/* What stands before each object that the collector knows: a doubly linked list; the lowest two bits of
 * both words are flags. */
struct OURO_PY_ALIGNED py_gc_head {
    uintptr_t next;
    uintptr_t previous;
};

/* One generation; an interpreter has three in a row. */
struct OURO_PY_ALIGNED py_generation {
    struct py_gc_head head;
    int threshold; /* look when `count` is above it */
    int count;     /* objects allocated less freed; of the older two, looks at the next younger one */
};

struct py_collector {
    struct py_generation *generations; /* three; NULL when they could not be made out */
    intptr_t *long_lived; /* objects that survived the last full collection, or NULL; then: pending */
};

/* Make out the generations of the interpreter that runs in this thread, and check them against what `gc`
 * (the module's dictionary, borrowed) says.  False, and nothing known, when anything is not as expected.
 * Needs the interpreter's lock; leaves no exception set. */
bool ouro__collector_find(struct py_collector *collector, py_object *gc);

/* The thresholds as the collector has them. */
void ouro__collector_get_thresholds(const struct py_collector *collector, int thresholds[3]);

/* Moves.  Only between collections, or when one is about to start.
 *
 * Order matters: a collection walks a list from its front, and where the objects that hold others come first
 * and neighbours in the list are neighbours in memory, it is five times as fast as where they are not. */

/* All objects of `from` to the end of `to`. */
void ouro__generation_append(struct py_generation *from, struct py_generation *to);

size_t ouro__generation_length(const struct py_generation *generation);

/* One object, from whatever list it is in, to the end of `to`. */
void ouro__generation_move(struct py_gc_head *object, struct py_generation *to);

/* Make an empty list. */
void ouro__generation_init(struct py_generation *generation);

#endif
