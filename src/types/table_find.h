/* table_find.h - looking keys up in tables, and adding them: all that is to be fast, inline. */
#ifndef OURO_TYPES_TABLE_FIND_H
#define OURO_TYPES_TABLE_FIND_H

#include "types/integer.h"
#include "types/str.h"
#include "types/table.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* ---- looking up ---- */

/* 64 bits of a hash, of which any may be the ones that differ, as 32, of which the upper ones do. */
static inline uint32_t
ouro__table_hash(uint64_t hash)
{
    return (uint32_t)(hash * 0x9E3779B97F4A7C15U >> 32);
}

/* The hash of a key that is to be sought, which may run anything. */
static inline ouro_status
ouro__table_search_for(struct table_search *search, ouro_object *key)
{
    const struct ouro_type *type = ouro__type(key);
    uint64_t hash;

    if (OURO_LIKELY(type ==
                    ouro__str_type)) { /* what texts' and integers' own functions say, without a call */
        search->key = key;
        search->hash = ouro__table_hash(ouro__packed_hash_64((struct packed *)key));
        search->status = OURO_OK;
        return OURO_OK;
    }
    if (type == ouro__int_type && ouro__int_is_small((const struct ouro__int *)key)) {
        hash = (uint64_t)ouro__int_small_value((const struct ouro__int *)key);
    } else if (type->own.hash == NULL && type->own.equal == NULL) {
        hash = ouro__hash_identity(key);
    } else {
        ouro_status status = OURO_LIKELY(type->own.hash != NULL) ? type->own.hash((ouro_loan)key, &hash)
                                                                 : OURO_UNHASHABLE;
        if (OURO_UNLIKELY(status < 0)) {
            return status;
        }
    }
    search->key = key;
    search->hash = ouro__table_hash(hash);
    search->status = OURO_OK;
    return OURO_OK;
}

/* A bit for each of the four hashes that is the one sought. */
static inline unsigned
ouro__table_match(const uint32_t *hashes, uint32_t hash)
{
#if defined(__SSE2__)
    __m128i four = _mm_loadu_si128((const __m128i *)(const void *)hashes);
    __m128i equal = _mm_cmpeq_epi32(four, _mm_set1_epi32((int)hash));
    return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(equal));
#else
    return (hashes[0] == hash) | (hashes[1] == hash) << 1 | (hashes[2] == hash) << 2 |
           (hashes[3] == hash) << 3;
#endif
}

/* Is entry `index` the one?  Its key is, or one that has the same hash and must be compared. */
static inline __attribute__((always_inline)) enum table_verdict
ouro__table_look(struct table *table, struct table_search *search, size_t index, bool has_hash,
                 unsigned width)
{
    const ouro_object *key = table->entries[index * width];
    if (OURO_LIKELY(key == search->key)) {
        return TABLE_SAME;
    }
    if (key == NULL || (!has_hash && ouro__table_hashes(table)[index] != search->hash)) {
        return TABLE_OTHER;
    }
    return ouro__table_compare(table, search, index, width);
}

static inline __attribute__((always_inline)) enum table_verdict
ouro__table_find_few(struct table *table, struct table_search *search, size_t *found, unsigned width)
{
    /* The last four may reach into the shape and the first entry: never beyond the block. */
    const uint32_t *hashes = ouro__table_hashes(table);
    size_t n = table->n;

    for (size_t i = 0; i < n; i += 4) {
        unsigned match = ouro__table_match(hashes + i, search->hash);
        while (OURO_UNLIKELY(match != 0)) {
            size_t index = i + (unsigned)__builtin_ctz(match);
            match &= match - 1;
            if (index >= n) {
                break;
            }
            enum table_verdict verdict = ouro__table_look(table, search, index, true, width);
            if (verdict != TABLE_OTHER) {
                *found = index;
                return verdict;
            }
        }
    }
    return TABLE_OTHER;
}

/* `word` is a type of unsigned integers. */
#define OURO__TABLE_FIND(name, word)                                                                   \
    static inline __attribute__((always_inline)) enum table_verdict ouro__table_find_##name(           \
        struct table *table, struct table_search *search, unsigned log, size_t *found, unsigned width) \
    {                                                                                                  \
        const word *slots = (const word *)(const void *)ouro__table_slots(table, log);                 \
        uint32_t mask = (uint32_t)(((uint64_t)1 << log) - 1);                                          \
        uint64_t shifted = (uint64_t)search->hash << log;                                              \
        uint32_t at = (uint32_t)(shifted >> 32);                                                       \
        word rest = (word)((uint32_t)shifted >> (32 - 8 * sizeof(word)));                              \
        uint32_t deleted = UINT32_MAX;                                                                 \
                                                                                                       \
        for (;; at = (at + 1) & mask) {                                                                \
            word here = slots[at];                                                                     \
            if (((uint32_t)(here ^ rest) & ~mask) == 0 && (here & mask) < mask - 1) {                  \
                enum table_verdict verdict =                                                           \
                    ouro__table_look(table, search, here & mask, false, width);                        \
                if (verdict != TABLE_OTHER) {                                                          \
                    *found = here & mask;                                                              \
                    search->slot = at;                                                                 \
                    return verdict;                                                                    \
                }                                                                                      \
            } else if (here == (word)UINT32_MAX) {                                                     \
                search->slot = deleted != UINT32_MAX ? deleted : at;                                   \
                return TABLE_OTHER;                                                                    \
            } else if (here == (word)(UINT32_MAX - 1) && deleted == UINT32_MAX) {                      \
                deleted = at;                                                                          \
            }                                                                                          \
        }                                                                                              \
    }

OURO__TABLE_FIND(8, uint8_t)
OURO__TABLE_FIND(16, uint16_t)
OURO__TABLE_FIND(32, uint32_t)

/* The number of the entry, or TABLE_NONE, when there is none or comparing failed.  The table is in use. */
static inline __attribute__((always_inline)) size_t
ouro__table_find_all(struct table *table, struct table_search *search, unsigned width)
{
    size_t found = TABLE_NONE;
    enum table_verdict verdict;

    do {
        if (table->entries == NULL) {
            return TABLE_NONE;
        }
        unsigned log = ouro__table_shape(table)->log;
        if (log == 0) {
            verdict = ouro__table_find_few(table, search, &found, width);
        } else if (log <= 7) {
            verdict = ouro__table_find_8(table, search, log, &found, width);
        } else if (log <= 13) {
            verdict = ouro__table_find_16(table, search, log, &found, width);
        } else {
            verdict = ouro__table_find_32(table, search, log, &found, width);
        }
    } while (OURO_UNLIKELY(verdict == TABLE_AGAIN));
    return verdict == TABLE_SAME ? found : TABLE_NONE;
}

/* Look at the first slot alone: true when that tells, and the rest is as above.  Another key that is equal tells only with
 * `compares`, a constant: who adds seldom meets one. */
static inline __attribute__((always_inline)) bool
ouro__table_find_first(const struct table *table, struct table_search *search, bool compares,
                       unsigned width, size_t *found)
{
    *found = TABLE_NONE;
    if (OURO_UNLIKELY(table->entries == NULL)) {
        return true;
    }
    unsigned log = ouro__table_shape(table)->log;
    if (log == 0) { /* the first four entries, if there are no more */
        unsigned match = ouro__table_match(ouro__table_hashes(table), search->hash);
        match &= (1U << (table->n & 7)) - 1;
        *found = match == 0 ? TABLE_NONE : (size_t)__builtin_ctz(match);
        return table->n <= 4 && (match == 0 || table->entries[*found * width] == search->key);
    }
    const void *slots = ouro__table_slots(table, log);
    uint32_t at = search->hash >> (32 - log), mask = (uint32_t)(((uint64_t)1 << log) - 1);
    uint32_t here, rest = (uint32_t)((uint64_t)search->hash << log);
    if (log <= 7) {
        here = ((const uint8_t *)slots)[at];
        rest >>= 24;
    } else if (log <= 13) {
        here = ((const uint16_t *)slots)[at];
        rest >>= 16;
    } else {
        here = ((const uint32_t *)slots)[at];
    }
    uint32_t index = here & mask;
    search->slot = at;
    if (index == mask) { /* free */
        return true;
    }
    *found = index;
    return index != mask - 1 && (table->entries[index * width] == search->key ||
                                 (compares && ((here ^ rest) & ~mask) == 0 &&
                                  ouro__table_is_equal(table, search, index, width)));
}

/* Hash a key, begin a use of the table, and find the number of its entry, or TABLE_NONE; `find` does it where that takes longer.  A
 * failure to hash begins no use. */
static inline __attribute__((always_inline)) ouro_status
ouro__table_look_up(struct table *table, ouro_object *key, struct table_search *search,
                    size_t (*find)(struct table *, struct table_search *), unsigned width,
                    size_t *index)
{
    ouro_status status = OURO_OK;

    *index = TABLE_NONE;
    if (OURO_LIKELY(ouro__type(key) == ouro__str_type)) {
        struct packed *text = (struct packed *)key;
        uint32_t hash = ouro__table_hash(ouro__packed_hash_64(text));
        search->locked = ouro__use(&table->head);
        search->status = OURO_OK;
        *index = ouro__table_find_text(table, text, hash, width);
        if (OURO_UNLIKELY(*index == TABLE_UNKNOWN)) {
            search->key = key;
            search->hash = hash;
            *index = find(table, search);
        }
    } else if (OURO_LIKELY((status = ouro__table_search_for(search, key)) == OURO_OK)) {
        search->locked = ouro__use(&table->head);
        if (!ouro__table_find_first(table, search, true, width, index)) {
            *index = find(table, search);
        }
    }
    return status;
}

/* Whether there is an entry with the key, or what looking it up failed with. */
static inline __attribute__((always_inline)) ouro_status
ouro__table_contains(struct table *table, ouro_object *key,
                     size_t (*find)(struct table *, struct table_search *), unsigned width)
{
    struct table_search search;
    size_t index;

    ouro_status status = ouro__table_look_up(table, key, &search, find, width, &index);
    if (OURO_UNLIKELY(status < 0)) {
        return status;
    }
    ouro__unuse(&table->head, search.locked);
    return index != TABLE_NONE ? OURO_FOUND : search.status;
}

/* ---- adding ---- */

/* Put the number of a new entry in the slot that was found for it; whether that was never used. */
static inline bool
ouro__table_fill_slot(char *slots, unsigned log, const struct table_search *search, size_t n)
{
    uint32_t rest = (uint32_t)((uint64_t)search->hash << log), kept = ~((1U << log) - 1);
    bool was_free;

    if (log <= 7) {
        uint8_t *slot = (uint8_t *)slots + search->slot;
        was_free = *slot == UINT8_MAX;
        *slot = (uint8_t)((rest >> 24 & kept) | (uint32_t)n);
    } else if (log <= 13) {
        uint16_t *slot = (uint16_t *)(void *)slots + search->slot;
        was_free = *slot == UINT16_MAX;
        *slot = (uint16_t)((rest >> 16 & kept) | (uint32_t)n);
    } else {
        uint32_t *slot = (uint32_t *)(void *)slots + search->slot;
        was_free = *slot == UINT32_MAX;
        *slot = (rest & kept) | (uint32_t)n;
    }
    return was_free;
}

/* `word` is a type of unsigned integers: the entry's number goes into the slot that the hash leads to, if that was never used. */
#define OURO__TABLE_CLAIM(name, word)                                                                  \
    static inline __attribute__((always_inline)) bool ouro__table_claim_##name(                        \
        char *slots, unsigned log, uint32_t hash, size_t n)                                            \
    {                                                                                                  \
        word *slot = (word *)(void *)slots + (hash >> (32 - log));                                     \
        uint32_t rest = (word)((uint32_t)(hash << log) >> (32 - 8 * sizeof(word)));                    \
        if (OURO_UNLIKELY(*slot != (word)UINT32_MAX)) {                                                \
            return false;                                                                              \
        }                                                                                              \
        *slot = (word)(((rest >> log) << log) | n);                                                    \
        return true;                                                                                   \
    }

OURO__TABLE_CLAIM(8, uint8_t)
OURO__TABLE_CLAIM(16, uint16_t)
OURO__TABLE_CLAIM(32, uint32_t)

/* A new entry where a look at the first slot, or at the first four entries if there are no more, tells that there is none
 * yet and that it has room; NULL when that doesn't tell, and all is as it was. */
static inline __attribute__((always_inline)) ouro_object **
ouro__table_add_first(struct table *table, uint32_t hash, unsigned width)
{
    size_t n = table->n;
    uint32_t *hashes;

    if (OURO_UNLIKELY(table->entries == NULL)) {
        return NULL;
    }
    struct table_shape *shape = ouro__table_shape(table);
    unsigned log = shape->log;
    if (log == 0) {
        hashes = ouro__table_hashes(table);
        if (n > 4 || n == shape->room || (ouro__table_match(hashes, hash) & ((1U << n) - 1)) != 0) {
            return NULL;
        }
    } else {
        struct table_counts *counts = ouro__table_counts(table);
        if (OURO_UNLIKELY(n == counts->room || counts->fresh == 0)) {
            return NULL;
        }
        char *slots = ouro__table_slots(table, log);
        bool claimed = log <= 7    ? ouro__table_claim_8(slots, log, hash, n)
                       : log <= 13 ? ouro__table_claim_16(slots, log, hash, n)
                                   : ouro__table_claim_32(slots, log, hash, n);
        if (!claimed) {
            return NULL;
        }
        counts->fresh--;
        hashes = (uint32_t *)(void *)(slots - ouro__table_hash_bytes(counts->room));
    }
    hashes[n] = hash;
    shape->version++;
    table->n = n + 1;
    return &table->entries[n * width];
}

/* A new entry for what was sought in vain in this use, for the caller to fill in; NULL without memory. */
static inline __attribute__((always_inline)) ouro_object **
ouro__table_add(struct table *table, const struct table_search *search, unsigned width)
{
    size_t n = table->n;
    uint32_t *hashes;

    if (OURO_UNLIKELY(table->entries == NULL)) {
        return ouro__table_add_slowly(table, search, width);
    }
    struct table_shape *shape = ouro__table_shape(table);
    if (shape->log == 0) {
        if (OURO_UNLIKELY(n == shape->room)) {
            return ouro__table_add_slowly(table, search, width);
        }
        hashes = ouro__table_hashes(table);
    } else {
        struct table_counts *counts = ouro__table_counts(table);
        if (OURO_UNLIKELY(n == counts->room || counts->fresh == 0)) {
            return ouro__table_add_slowly(table, search, width);
        }
        char *slots = ouro__table_slots(table, shape->log);
        counts->fresh -= ouro__table_fill_slot(slots, shape->log, search, n);
        hashes = (uint32_t *)(void *)(slots - ouro__table_hash_bytes(counts->room));
    }
    hashes[n] = search->hash;
    shape->version++;
    table->n = n + 1;
    return &table->entries[n * width];
}

#endif
