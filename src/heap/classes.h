/* classes.h - size classes: which block sizes the pools have.
 *
 * Steps of 16 bytes up to 512, then eight classes a doubling up to OURO_POOLED_MAX, so that rounding wastes
 * at most an eighth and on real programs a few per cent (docs/heap.md has the table).  Class 0 serves
 * requests of 0 bytes. */
#ifndef OURO_HEAP_CLASSES_H
#define OURO_HEAP_CLASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "ouro/heap.h"

#define FINE_MAX 512    /* up to here in steps of 16 bytes */
#define FINE_CLASSES 33 /* classes 0 to 32 */
#define SLOT_SHIFT 16   /* a slot, the unit of the range: 64 KiB */
#define SLOT_SIZE ((size_t)1 << SLOT_SHIFT)
#define ONE_SLOT_MAX 16384  /* pools of one slot up to here: four blocks at least */
#define TWO_SLOTS_MAX 32768 /* of two slots up to here, of four up to OURO_POOLED_MAX */

_Static_assert(FINE_CLASSES + 7 * 8 == OURO_N_SIZE_CLASSES, "seven doublings from 512 to 65536");

/* Bytes a block, by class. */
extern const uint32_t ouro__class_size[OURO_N_SIZE_CLASSES];

/* 2^32 / size, rounded up: divides an offset within a pool by a block's size with one multiplication. */
extern const uint32_t ouro__class_inverse[OURO_N_SIZE_CLASSES];

/* Whether `offset` is a multiple of the class's size.  Of a multiple below 2^18 the product exceeds the true
 * quotient by less than 2^18 / 2^32, so that rounding down finds it; what is no multiple has none to find. */
static inline bool
ouro__class_divides(unsigned class, uint32_t offset)
{
    uint64_t quotient = (uint64_t)offset * ouro__class_inverse[class] >> 32;
    return quotient * ouro__class_size[class] == offset;
}

/* The class that serves `size` bytes; size <= OURO_POOLED_MAX. */
static inline size_t
ouro__class_of(size_t size)
{
    if (size <= FINE_MAX) {
        return (size + 15) >> 4;
    }
    unsigned doubling = ouro__log2(size - 1);
    size_t eighth = (size - 1) >> (doubling - 3) & 7;
    return FINE_CLASSES + (doubling - 9) * 8 + eighth;
}

/* Slots that a pool of this class takes. */
static inline unsigned
ouro__class_slots(unsigned class)
{
    uint32_t size = ouro__class_size[class];
    return size <= ONE_SLOT_MAX ? 1 : size <= TWO_SLOTS_MAX ? 2 : 4;
}

#endif
