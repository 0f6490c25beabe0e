/* beside.c - the index of a block's trace: four bytes beside the pool, found by arithmetic alone.
 *
 * Each slot of the range has room for as many indexes as it can have blocks, in addresses; memory takes what is
 * touched: of a pool of 64-byte blocks one page.  A large block's record has its index. */
#include "trace/beside.h"

#include "base/assert.h"
#include "heap/heap.h"
#include "os/os.h"

#define CHUNK_SHIFT 10 /* slots of the range whose indexes are mapped together */
#define CHUNK_SLOTS ((size_t)1 << CHUNK_SHIFT)
#define CHUNK_BYTES (CHUNK_SLOTS * MAX_LIVE_BLOCKS * sizeof(uint32_t))
#define N_CHUNKS (((size_t)1 << 26) >> CHUNK_SHIFT) /* of the largest range */

static uint32_t *chunks[N_CHUNKS]; /* atomic */

/* Two threads may come at once: one of them finds the place taken. */
static uint32_t *
make_chunk(size_t i)
{
    uint32_t *mapped = ouro__os_map(CHUNK_BYTES), *there = NULL;
    if (mapped == NULL) {
        return NULL;
    }
    ouro__os_prefer_small_pages(mapped, CHUNK_BYTES);
    if (!__atomic_compare_exchange_n(&chunks[i], &there, mapped, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        ouro__os_unmap(mapped, CHUNK_BYTES);
        return there;
    }
    return mapped;
}

uint32_t *
ouro__beside(const void *address, bool make)
{
    uintptr_t at = (uintptr_t)address - ouro__range.base;
    if (at >= ouro__range_extent()) {
        return NULL;
    }
    struct pool *pool = ouro__record_at(at);
    unsigned kind = __atomic_load_n(&pool->kind, __ATOMIC_RELAXED);
    if (kind == SLOT_LARGE) {
        return &pool->trace;
    }
    if (OURO_UNLIKELY(kind != SLOT_POOL)) {
        return NULL;
    }
    size_t slot = ouro__slot_index(pool);
    uint32_t *chunk = __atomic_load_n(&chunks[slot >> CHUNK_SHIFT], __ATOMIC_ACQUIRE);
    if (OURO_UNLIKELY(chunk == NULL)) {
        chunk = make ? make_chunk(slot >> CHUNK_SHIFT) : NULL;
        if (chunk == NULL) {
            return NULL;
        }
    }
    /* Counted from the slot's beginning, where the first block need not be: no two blocks have the same number. */
    uint32_t offset = (uint32_t)((const char *)address - pool->base);
    uint32_t block = (uint32_t)((uint64_t)offset * ouro__class_inverse[pool->class] >> 32);
    OURO_ASSERT(block < MAX_LIVE_BLOCKS);
    return &chunk[(slot & (CHUNK_SLOTS - 1)) * MAX_LIVE_BLOCKS + block];
}

bool
ouro__beside_sees_end(const void *address)
{
    uintptr_t at = (uintptr_t)address - ouro__range.base;
    return at < ouro__range_extent() && ouro__begins_block(ouro__record_at(at), address);
}

void
ouro__beside_free(void)
{
    for (size_t i = 0; i < N_CHUNKS && i << CHUNK_SHIFT < ouro__range_extent() >> SLOT_SHIFT; i++) {
        uint32_t *chunk = __atomic_load_n(&chunks[i], __ATOMIC_ACQUIRE);
        if (chunk != NULL) {
            ouro__os_purge(chunk,
                           CHUNK_BYTES); /* others may be about to look: it stays, and reads as zero */
        }
    }
    ouro__range_lock();
    for (size_t i = 1; i < ouro__range_extent() >> SLOT_SHIFT; i++) {
        struct pool *record = &ouro__range.records[i];
        if (__atomic_load_n(&record->kind, __ATOMIC_ACQUIRE) == SLOT_LARGE) {
            __atomic_store_n(&record->trace, 0, __ATOMIC_RELAXED); /* its holder may take it off */
        }
    }
    ouro__range_unlock();
}

uint64_t
ouro__beside_bytes(void)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < N_CHUNKS && i << CHUNK_SHIFT < ouro__range_extent() >> SLOT_SHIFT; i++) {
        const uint32_t *chunk = __atomic_load_n(&chunks[i], __ATOMIC_ACQUIRE);
        bytes += chunk != NULL ? ouro__os_resident(chunk, CHUNK_BYTES) : 0;
    }
    return bytes;
}
