/* side.h - two bytes beside each collected object, for the collector while it runs.
 *
 * A table has a byte for each 16 bytes of the heaps' range, and collected objects have 32 at least: the two bytes
 * at an object's place are its own.  Between collections all of it is zero,
 * and while one goes on in slices it belongs to gc/slices.c; pages never written take no memory. */
#ifndef OURO_OBJECT_SIDE_H
#define OURO_OBJECT_SIDE_H

#include <string.h>

#include "object/object.h"

struct side {
    uint8_t *bytes;
    uintptr_t covered; /* bytes of the range that the table reaches; atomic */
};
extern struct side ouro__side __attribute__((visibility("hidden")));

/* Have the table reach all of the range; false without memory. */
bool ouro__side_extend(void);

/* Most of the table, which is all zero, is about to be written, and forgotten after it; the world stands still. */
void ouro__side_expect_all(void);

/* Give its memory back; all of it is zero again. */
void ouro__side_forget(void);

static inline bool
ouro__side_covers(const void *object)
{
    return (uintptr_t)object - ouro__range.base <
           __atomic_load_n(&ouro__side.covered, __ATOMIC_RELAXED);
}

/* The place of an object that the table covers. */
static inline uint8_t *
ouro__side_at(const void *object)
{
    return ouro__side.bytes + (((uintptr_t)object - ouro__range.base) >> 4);
}

/* A byte for each slot of the range that the table reaches; they have any value. */
static inline uint8_t *
ouro__side_slots(void)
{
    return ouro__side.bytes + (ouro__side.covered >> 4);
}

/* The object that has a place. */
static inline void *
ouro__side_object(const uint8_t *at)
{
    return (void *)(ouro__range.base + ((uintptr_t)(at - ouro__side.bytes) << 4));
}

static inline uint16_t
ouro__side_load(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline void
ouro__side_store(uint8_t *at, uint16_t value)
{
    memcpy(at, &value, sizeof value);
}

#endif
