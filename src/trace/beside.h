/* beside.h - an index beside each block. */
#ifndef OURO_TRACE_BESIDE_H
#define OURO_TRACE_BESIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"
#include "heap/heap.h"

#define OURO__BESIDE_SHIFT 10 /* slots of the range whose indexes are mapped together */
#define OURO__BESIDE_CHUNKS (((size_t)1 << 26) >> OURO__BESIDE_SHIFT) /* of the largest range */

extern uint32_t *ouro__beside_chunks[OURO__BESIDE_CHUNKS]; /* atomic */

/* Above an index: the block is a code's, whose end is to be seen (tree.h); its birth is noted (life.h). */
#define OURO__IS_CODE ((uint32_t)1 << 31)
#define OURO__HAS_BIRTH ((uint32_t)1 << 30)
#define OURO__INDEX (OURO__HAS_BIRTH - 1)

/* Which block of a pool, `offset` bytes from where that begins.  The first block need not lie at the slot's beginning: no
 * two blocks have the same number. */
static inline uint32_t
ouro__beside_number(const struct pool *pool, uint32_t offset)
{
    uint32_t number = (uint32_t)((uint64_t)offset * ouro__class_inverse[pool->class] >> 32);
    OURO_ASSERT(number < MAX_LIVE_BLOCKS);
    return number;
}

/* Of a block in a pool that begins `slot` slots into the range, `offset` bytes from there; NULL when no index is there
 * yet. */
static inline uint32_t *
ouro__beside_offset(const struct pool *pool, size_t slot, uint32_t offset)
{
    uint32_t *chunk =
        __atomic_load_n(&ouro__beside_chunks[slot >> OURO__BESIDE_SHIFT], __ATOMIC_ACQUIRE);
    uint32_t block = ouro__beside_number(pool, offset);
    slot &= ((size_t)1 << OURO__BESIDE_SHIFT) - 1;
    return OURO_LIKELY(chunk != NULL) ? &chunk[slot * MAX_LIVE_BLOCKS + block] : NULL;
}

/* Of a block that lies in this pool, in its first slot. */
static inline uint32_t *
ouro__beside_in(const struct pool *pool, const void *address)
{
    uintptr_t at = (uintptr_t)address - ouro__range.base;
    return ouro__beside_offset(pool, at >> SLOT_SHIFT, (uint32_t)(at & (SLOT_SIZE - 1)));
}

/* Of a block that lies in the first slot of a pool; NULL when it is none, or no index is there yet. */
static inline uint32_t *
ouro__beside_pooled(const void *address)
{
    uintptr_t at = (uintptr_t)address - ouro__range.base;
    if (OURO_UNLIKELY(at >= ouro__range_extent())) {
        return NULL;
    }
    const struct pool *pool = &ouro__range.records[at >> SLOT_SHIFT];
    bool is_pool = __atomic_load_n(&pool->kind, __ATOMIC_RELAXED) == SLOT_POOL;
    return OURO_LIKELY(is_pool) ? ouro__beside_in(pool, address) : NULL;
}

uint32_t *ouro__beside_slowly(const void *address, bool make);

/* Where the index of the block lies that `address` is in: of a block that the caller holds.  NULL when the address is
 * not ours and, unless `make`, when no index is there yet; then, too, without memory. */
static inline uint32_t *
ouro__beside(const void *address, bool make)
{
    uint32_t *index = ouro__beside_pooled(address);
    if (OURO_LIKELY(index != NULL)) {
        return index;
    }
    return ouro__beside_slowly(address, make);
}

/* Whether the end of what lies at `address` will be told as that of a block which begins there. */
bool ouro__beside_sees_end(const void *address);

/* Forget all of them. */
void ouro__beside_free(void);

uint64_t ouro__beside_bytes(void);

#endif
