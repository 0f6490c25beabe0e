/* life.c - births beside blocks, and ends by trace.
 *
 * Births lie as the indexes of traces do (beside.h), eight bytes each; a large block's where the first block of a pool in
 * its place would have one. */
#include "trace/life.h"

#include "base/assert.h"
#include "heap/heap.h"
#include "os/os.h"
#include "trace/beside.h"

#define CHUNK_BYTES ((sizeof(uint64_t) * MAX_LIVE_BLOCKS) << OURO__BESIDE_SHIFT)

bool ouro__life_is_asked;
struct ouro__vector ouro__life_items = {.item_size = sizeof(struct ouro__life)};

static uint64_t *chunks[OURO__BESIDE_CHUNKS]; /* atomic; written under the lock */
static uint64_t n_passed;                     /* atomic */

void
ouro__life_pass(void)
{
    __atomic_fetch_add(&n_passed, 1, __ATOMIC_RELAXED);
}

/* Where a block's birth is, atomic; NULL when there is no room for it. */
static uint64_t *
birth_of(const void *block, bool make)
{
    uintptr_t at = (uintptr_t)block - ouro__range.base;
    const struct pool *pool = ouro__record_at(at);
    size_t slot = ouro__slot_index(pool), i = slot >> OURO__BESIDE_SHIFT;
    uint64_t *chunk = __atomic_load_n(&chunks[i], __ATOMIC_ACQUIRE);

    if (chunk == NULL && make && (chunk = ouro__os_map(CHUNK_BYTES)) != NULL) {
        ouro__os_prefer_small_pages(chunk, CHUNK_BYTES);
        __atomic_store_n(&chunks[i], chunk, __ATOMIC_RELEASE);
    }
    if (chunk == NULL) {
        return NULL;
    }
    bool is_pooled = __atomic_load_n(&pool->kind, __ATOMIC_RELAXED) == SLOT_POOL;
    uint32_t number = is_pooled ? ouro__beside_number(pool, (uint32_t)(at - (slot << SLOT_SHIFT))) : 0;
    slot &= ((size_t)1 << OURO__BESIDE_SHIFT) - 1;
    return &chunk[slot * MAX_LIVE_BLOCKS + number];
}

bool
ouro__life_begin(const void *block)
{
    uint64_t *birth = birth_of(block, true);
    if (birth != NULL) {
        __atomic_store_n(birth, __atomic_load_n(&n_passed, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
    }
    return birth != NULL;
}

uint64_t
ouro__life_age(const void *block)
{
    return __atomic_load_n(&n_passed, __ATOMIC_RELAXED) -
           __atomic_load_n(birth_of(block, false), __ATOMIC_RELAXED);
}

void
ouro__life_end(uint32_t trace, uint64_t age)
{
    struct ouro__life *life = &((struct ouro__life *)ouro__life_items.items)[trace];
    uint64_t within = 1;
    unsigned i = 0;

    while (i < OURO__N_LIVES && age > within) {
        within *= 10;
        i++;
    }
    if (i < OURO__N_LIVES) {
        life->ended[i]++;
    }
}

bool
ouro__life_reserve(size_t n_traces)
{
    static const struct ouro__life none;

    while (ouro__life_items.n < n_traces) {
        if (!ouro__vector_reserve(&ouro__life_items, 1)) {
            return false;
        }
        ouro__vector_append(&ouro__life_items, &none, 1);
    }
    return true;
}

/* That may be there. */
static size_t
n_chunks(void)
{
    size_t n_slots = ouro__range_extent() >> SLOT_SHIFT;
    return (n_slots + (((size_t)1 << OURO__BESIDE_SHIFT) - 1)) >> OURO__BESIDE_SHIFT;
}

void
ouro__life_forget(void)
{
    ouro__vector_free(&ouro__life_items);
    for (size_t i = 0; i < n_chunks(); i++) {
        if (chunks[i] != NULL) {
            ouro__os_purge(chunks[i], CHUNK_BYTES); /* others may be about to look, as beside */
        }
    }
}

uint64_t
ouro__life_bytes(void)
{
    uint64_t bytes = ouro__vector_bytes(&ouro__life_items);
    for (size_t i = 0; i < n_chunks(); i++) {
        bytes += chunks[i] != NULL ? ouro__os_resident(chunks[i], CHUNK_BYTES) : 0;
    }
    return bytes;
}
