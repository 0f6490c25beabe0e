/* table.h - hash tables in the order of insertion: what dicts and sets have in common.
 *
 * The object has a number and a pointer, which are all that the collector reads; all else is in one block, before
 * what the pointer points to:
 *
 *   few entries      | hashes | shape | entries -> ...
 *   more than that   | hashes | slots | counts | shape | entries -> ...
 *
 * An entry is one reference, the key, or two, key and value.  Its hash has 32 bits, so that a scan of few
 * hashes takes four at a time.  More entries are found through slots, 3/2 as many or more: an entry's slot is the
 * first free one from where the hash's upper bits point.  A slot has the entry's number in its lower bits and
 * the hash's next bits above them.  With all bits set it is free, with all but the lowest a deleted entry's.
 *
 * A deleted entry is a hole, whose key is NULL; holes at the end are cut off at once, the others when the table is made
 * anew.  A deleted entry's slot is marked, or stays when it was not looked up: then it leads to a hole, or to another entry
 * which is not the one that is sought, or found one way or the other.  Slots are used up by each new entry, so
 * that some always are free.
 *
 * What is here runs while the table is in use, see ouro__use(); comparing keys may run anything, and so leaves the use for
 * a while.  The version tells whether the table was changed meanwhile.
 *
 * @source  CPython Objects/dictobject.c, "The ordering of items in dicts"; Knuth, The Art of Computer Programming
 *          6.4, algorithm L, and exercise 6.4-9 for the multiplier */
#ifndef OURO_TYPES_TABLE_H
#define OURO_TYPES_TABLE_H

#include "types/types.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

struct table {
    ouro_object head;
    size_t n;              /* entries, with holes */
    ouro_object **entries; /* NULL: there is no block */
};

struct table_shape {
    uint32_t version; /* another one after each change of keys or their places */
    uint8_t log;      /* of the number of slots; 0: there are none, nor counts */
    uint8_t room;     /* without slots: how many entries fit, */
    uint8_t holes;    /* and how many of the `n` are holes */
    uint8_t unused;
};

struct table_counts {
    uint32_t room, holes;
    uint32_t fresh; /* entries that may be added before slots get scarce */
    uint32_t unused;
};

_Static_assert(sizeof(struct table) == 32, "a class of the heap, and the least that is collected");
_Static_assert(sizeof(struct table_shape) == 8 && sizeof(struct table_counts) == 16,
               "the entries behind them are aligned");

#define TABLE_NONE SIZE_MAX /* no entry */
#define TABLE_FEW 20        /* entries that need no slots */

/* A search, and what came of it. */
struct table_search {
    ouro_object *key;
    uint32_t hash;
    bool locked;        /* what ouro__use() said */
    ouro_status status; /* what comparing failed with, or OURO_OK */
    uint32_t slot;      /* if there are slots: that of the entry found, or the one for a new entry */
};

/* ---- where things are; there is a block ---- */

static inline struct table_shape *
ouro__table_shape(const struct table *table)
{
    return (struct table_shape *)(void *)table->entries - 1;
}

static inline struct table_counts *
ouro__table_counts(const struct table *table)
{
    return (struct table_counts *)(void *)ouro__table_shape(table) - 1;
}

/* Bytes of a slot, as a power of two: the entry's number must fit, and some of the hash should. */
static inline unsigned
ouro__table_slot_shift(unsigned log)
{
    return log <= 7 ? 0 : log <= 13 ? 1 : 2;
}

static inline char *
ouro__table_slots(const struct table *table, unsigned log)
{
    return (char *)ouro__table_counts(table) - ((size_t)1 << (log + ouro__table_slot_shift(log)));
}

static inline size_t
ouro__table_room(const struct table *table)
{
    const struct table_shape *shape = ouro__table_shape(table);
    return shape->log == 0 ? shape->room : ouro__table_counts(table)->room;
}

/* Bytes of `room` hashes. */
static inline size_t
ouro__table_hash_bytes(size_t room)
{
    return (room + (room & 1)) * sizeof(uint32_t);
}

static inline uint32_t *
ouro__table_hashes(const struct table *table)
{
    struct table_shape *shape = ouro__table_shape(table);
    char *end = shape->log == 0 ? (char *)shape : ouro__table_slots(table, shape->log);
    return (uint32_t *)(void *)(end - ouro__table_hash_bytes(ouro__table_room(table)));
}

/* Entries that are no holes. */
static inline size_t
ouro__table_live(const struct table *table)
{
    if (table->n == 0) {
        return 0;
    }
    const struct table_shape *shape = ouro__table_shape(table);
    return table->n - (shape->log == 0 ? shape->holes : ouro__table_counts(table)->holes);
}

/* ---- table.c ---- */

/* Make room for `more` entries; false without memory, and the table is as it was. */
bool ouro__table_reserve(struct table *table, size_t more, unsigned width);

/* Take the block away: the table is empty.  `n` receives the number of entries in it, with holes. */
ouro_object **ouro__table_take_block(struct table *table, size_t *n, char **block);

/* Let go of what a block refers to, and of the block; not during a use. */
void ouro__table_let_go(ouro_object **entries, size_t n, char *block, unsigned width);

/* Have `to`, which nobody has seen yet and is empty, be a copy of `from`, which is in use; false without memory. */
bool ouro__table_copy(struct table *to, const struct table *from, unsigned width);

/* Bytes of the block. */
size_t ouro__table_size(const struct table *table, unsigned width);

/* Put the numbers of new entries, whose hashes are there, into slots. */
void ouro__table_put_slots(struct table *table, size_t from, size_t to);

/* Take an entry out; the caller has what it refers to.  `slot` is where a search found it, or TABLE_NONE. */
void ouro__table_remove(struct table *table, size_t index, size_t slot, unsigned width);

enum table_verdict {
    TABLE_SAME,
    TABLE_OTHER,
    TABLE_AGAIN, /* the table was changed: look again */
    TABLE_FAILED,
};

/* Compare an entry's key, which is another object, with the one that is sought: not in this use, but before and after. */
enum table_verdict ouro__table_compare(struct table *table, struct table_search *search, size_t index,
                                       unsigned width);

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

    if (type->own.hash == NULL && type->own.equal == NULL) {
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
                search->slot = at;                                                                     \
                return TABLE_OTHER;                                                                    \
            }                                                                                          \
        }                                                                                              \
    }

OURO__TABLE_FIND(8, uint8_t)
OURO__TABLE_FIND(16, uint16_t)
OURO__TABLE_FIND(32, uint32_t)

/* The number of the entry, or TABLE_NONE, when there is none or comparing failed.  The table is in use. */
static inline __attribute__((always_inline)) size_t
ouro__table_find(struct table *table, struct table_search *search, unsigned width)
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

/* ---- adding ---- */

/* A new entry for what was sought in vain in this use, for the caller to fill in; NULL without memory. */
static inline __attribute__((always_inline)) ouro_object **
ouro__table_add(struct table *table, const struct table_search *search, unsigned width)
{
    size_t n = table->n;

    if (OURO_UNLIKELY(table->entries == NULL)) {
        if (!ouro__table_reserve(table, 1, width)) {
            return NULL;
        }
    }
    struct table_shape *shape = ouro__table_shape(table);
    unsigned log = shape->log;
    if (log == 0 ? n == shape->room
                 : n == ouro__table_counts(table)->room || ouro__table_counts(table)->fresh == 0) {
        if (!ouro__table_reserve(table, 1, width)) {
            return NULL;
        }
        n = table->n;
        shape = ouro__table_shape(table);
        log = shape->log;
        if (log != 0) {
            ouro__table_hashes(table)[n] = search->hash;
            ouro__table_put_slots(table, n, n + 1);
        }
    } else if (log != 0) {
        char *slots = ouro__table_slots(table, log);
        uint32_t rest = (uint32_t)((uint64_t)search->hash << log);
        ouro__table_counts(table)->fresh--;
        if (log <= 7) {
            ((uint8_t *)slots)[search->slot] =
                (uint8_t)((rest >> 24 & ~((1U << log) - 1)) | (uint32_t)n);
        } else if (log <= 13) {
            ((uint16_t *)(void *)slots)[search->slot] =
                (uint16_t)((rest >> 16 & ~((1U << log) - 1)) | (uint32_t)n);
        } else {
            ((uint32_t *)(void *)slots)[search->slot] = (rest & ~((1U << log) - 1)) | (uint32_t)n;
        }
    }
    ouro__table_hashes(table)[n] = search->hash;
    shape->version++;
    table->n = n + 1;
    return &table->entries[n * width];
}

/* Does the collector have to know who holds this? */
static inline bool
ouro__table_tracks(const ouro_object *object)
{
    const struct ouro_type *type = ouro__type(object);
    return !(type->flags & OURO_TYPE_LEAF) &&
           !(type == ouro__tuple_type && object->flags & OBJECT_UNTRACKED);
}

#endif
