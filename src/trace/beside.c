/* beside.c - the index of a block's trace: four bytes beside the pool, found by arithmetic alone.
 *
 * Each slot of the range has room for as many indexes as it can have blocks, in addresses; memory takes what is
 * touched: of a pool of 64-byte blocks one page.  A large block's record has its index. */
#include "trace/beside.h"

#include "base/assert.h"
#include "heap/heap.h"
#include "os/os.h"

#define CHUNK_BYTES ((sizeof(uint32_t) * MAX_LIVE_BLOCKS) << OURO__BESIDE_SHIFT)

uint32_t *ouro__beside_chunks[OURO__BESIDE_CHUNKS];

/* Two threads may come at once: one of them finds the place taken. */
static uint32_t *
make_chunk(size_t i)
{
    uint32_t *mapped = ouro__os_map(CHUNK_BYTES), *there = NULL;
    if (mapped == NULL) {
        return NULL;
    }
    ouro__os_prefer_small_pages(mapped, CHUNK_BYTES);
    if (!__atomic_compare_exchange_n(&ouro__beside_chunks[i], &there, mapped, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        ouro__os_unmap(mapped, CHUNK_BYTES);
        return there;
    }
    return mapped;
}

uint32_t *
ouro__beside_slowly(const void *address, bool make)
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
    size_t slot = ouro__slot_index(pool), i = slot >> OURO__BESIDE_SHIFT;
    if (kind != SLOT_POOL || (__atomic_load_n(&ouro__beside_chunks[i], __ATOMIC_ACQUIRE) == NULL &&
                              (!make || make_chunk(i) == NULL))) {
        return NULL;
    }
    return ouro__beside_offset(pool, slot, (uint32_t)(at - (slot << SLOT_SHIFT)));
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
    for (size_t i = 0;
         i < OURO__BESIDE_CHUNKS && i << OURO__BESIDE_SHIFT < ouro__range_extent() >> SLOT_SHIFT; i++) {
        uint32_t *chunk = __atomic_load_n(&ouro__beside_chunks[i], __ATOMIC_ACQUIRE);
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
    for (size_t i = 0;
         i < OURO__BESIDE_CHUNKS && i << OURO__BESIDE_SHIFT < ouro__range_extent() >> SLOT_SHIFT; i++) {
        const uint32_t *chunk = __atomic_load_n(&ouro__beside_chunks[i], __ATOMIC_ACQUIRE);
        bytes += chunk != NULL ? ouro__os_resident(chunk, CHUNK_BYTES) : 0;
    }
    return bytes;
}
