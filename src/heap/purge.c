/* purge.c - giving back system pages inside part-full pools.
 *
 * A pool of one slot is cut into sixteenths of 4 KiB.  A sixteenth that only free blocks touch can be purged: its
 * blocks leave the pool's list and a bit in `cold` remembers it.  It is used again only when the pool has
 * nothing else left: then its blocks, which are all free, go back on the list.
 *
 * Never false: a block that touches a cold sixteenth is free, on no list, and was handed out before (fresh
 * blocks are carved from sixteenths that are not cold); a block touches no two stretches
 * of cold sixteenths that are apart, since whatever lies between would be touched by that free block alone, and
 * so be cold, too. */
#include <string.h>

#include "base/assert.h"
#include "heap/fast.h"
#include "heap/heap.h"

#define SIXTEENTHS 16U
#define SIXTEENTH (SLOT_SIZE / SIXTEENTHS)
#define MAX_BLOCKS (SLOT_SIZE / 16)

/* Bits of the sixteenths that [offset, offset + size) touches. */
static unsigned
touched(uint32_t offset, uint32_t size)
{
    unsigned first = offset / SIXTEENTH, last = (offset + size - 1) / SIXTEENTH;
    return ((2U << last) - 1) & ~((1U << first) - 1);
}

/* Walk the pool's list into a bitmap of free blocks; returns how many. */
static uint32_t
mark_free(const struct pool *pool, uint32_t start, uint32_t size, uint8_t *is_free)
{
    uint32_t n = 0;
    for (uint32_t at = pool->free; at != OFFSET_NONE; n++) {
        is_free[(at - start) / size] = 1;
        uint64_t next = ouro__link_load(pool->base + at);
        if (!ouro__is_link(next)) {
            ouro__link_smashed(pool->base + at);
        }
        at = (uint32_t)next;
    }
    return n;
}

static size_t
purge_small(struct pool *pool)
{
    uint32_t size = ouro__class_size[pool->class];
    uint32_t start = ouro__pool_start(pool->class, pool->domain);
    uint32_t n_carved = (pool->fresh - start) / size;
    uint8_t is_free[MAX_BLOCKS];
    unsigned pinned = 0;

    memset(is_free, 0, n_carved);
    if ((size_t)mark_free(pool, start, size, is_free) * size < SIXTEENTH / 2) {
        return 0;
    }
    for (uint32_t i = 0; i < n_carved; i++) {
        unsigned sixteenths = touched(start + i * size, size);
        if (!is_free[i] && !(sixteenths & pool->cold)) {
            pinned |= sixteenths;
        }
    }
    /* Behind `fresh` nothing was ever written; what will be carved next must not be cold. */
    bool carves_more = pool->fresh + size <= ouro__pool_end(pool->class, pool->domain);
    uint32_t written_to = carves_more ? pool->fresh / SIXTEENTH * SIXTEENTH : pool->fresh;
    unsigned written = written_to == 0 ? 0 : touched(0, written_to);
    unsigned purge = written & ~pinned & ~(unsigned)pool->cold;
    if (purge == 0) {
        return 0;
    }
    unsigned cold = pool->cold | purge;
    uint32_t list = OFFSET_NONE;
    for (uint32_t i = n_carved; i-- > 0;) {
        uint32_t at = start + i * size;
        if (is_free[i] && !(touched(at, size) & cold)) {
            ouro__link_store(pool->base + at, list);
            list = at;
        }
    }
    pool->free = list;
    pool->cold = (uint16_t)cold;
    for (unsigned first = 0; first < SIXTEENTHS; first++) {
        unsigned n = 0;
        while (first + n < SIXTEENTHS && (purge >> (first + n) & 1)) {
            n++;
        }
        if (n != 0) {
            ouro__os_purge(pool->base + first * SIXTEENTH, n * SIXTEENTH);
            first += n;
        }
    }
    size_t given = (size_t)__builtin_popcount(purge) * SIXTEENTH;
    ouro__range_count_purged(given);
    return given;
}

bool
ouro__pool_warm(struct pool *pool)
{
    if (pool->cold == 0) {
        return false;
    }
    unsigned first = (unsigned)__builtin_ctz(pool->cold), n = 0;
    while (pool->cold >> (first + n) & 1) {
        n++;
    }
    unsigned stretch = ((1U << n) - 1) << first;
    pool->cold = (uint16_t)(pool->cold & ~stretch);

    uint32_t size = ouro__class_size[pool->class];
    uint32_t start = ouro__pool_start(pool->class, pool->domain);
    uint32_t n_carved = (pool->fresh - start) / size;
    for (uint32_t i = n_carved; i-- > 0;) {
        uint32_t at = start + i * size;
        if (touched(at, size) & stretch) {
            ouro__link_store(pool->base + at, pool->free);
            pool->free = at;
        }
    }
    return pool->free != OFFSET_NONE;
}

/* A pool of several slots: each free block keeps its first page, which has the link. */
static size_t
purge_medium(struct pool *pool)
{
    size_t page = ouro__os_page_size(), given = 0;
    uint32_t size = ouro__class_size[pool->class];

    for (uint32_t at = pool->free; at != OFFSET_NONE;) {
        char *from = pool->base + ouro__round_up(at + sizeof(uint64_t), page);
        char *to = pool->base + ((at + size) & ~(page - 1));
        if (from < to) {
            ouro__os_purge(from, (size_t)(to - from));
            given += (size_t)(to - from);
        }
        uint64_t next = ouro__link_load(pool->base + at);
        if (!ouro__is_link(next)) {
            ouro__link_smashed(pool->base + at);
        }
        at = (uint32_t)next;
    }
    ouro__range_count_purged(given);
    return given;
}

size_t
ouro__local_purge_inside(struct local *local)
{
    size_t given = 0;

    if (ouro__os_page_size() > SIXTEENTH) {
        return 0;
    }
    for (unsigned domain = 0; domain < OURO_N_DOMAINS; domain++) {
        for (unsigned class = 0; class < N_BINS_A_DOMAIN; class ++) {
            uint32_t index = local->usable[domain][class].first;
            for (; index != 0; index = ouro__range.records[index].next) {
                struct pool *pool = &ouro__range.records[index];
                given += ouro__class_slots(class) == 1 ? purge_small(pool) : purge_medium(pool);
            }
        }
    }
    return given;
}
