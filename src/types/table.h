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

#include "types/packed.h"
#include "types/types.h"

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
    uint32_t stale; /* slots that stayed when their entries were deleted */
};

_Static_assert(sizeof(struct table) == 32, "a class of the heap, and the least that is collected");
_Static_assert(sizeof(struct table_shape) == 8 && sizeof(struct table_counts) == 16,
               "the entries behind them are aligned");

#define TABLE_NONE SIZE_MAX          /* no entry */
#define TABLE_UNKNOWN (SIZE_MAX - 1) /* it is not known yet */
#define TABLE_FEW 20                 /* entries that need no slots */

/* A key and its hash in tables. */
struct table_key {
    ouro_object *key;
    uint32_t hash;
};

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

/* What a slot has. */
static inline uint32_t
ouro__table_slot(const char *slots, unsigned shift, uint32_t at)
{
    return shift == 0   ? ((const uint8_t *)slots)[at]
           : shift == 1 ? ((const uint16_t *)(const void *)slots)[at]
                        : ((const uint32_t *)(const void *)slots)[at];
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

/* Bytes of the block, which begins with the hashes and ends with the entries. */
static inline size_t
ouro__table_size(const struct table *table, unsigned width)
{
    if (table->entries == NULL) {
        return 0;
    }
    ouro_object *const *end = table->entries + ouro__table_room(table) * width;
    return (size_t)((const char *)end - (const char *)ouro__table_hashes(table));
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

/* The next entry from `position` on that is no hole, or NULL. */
static inline ouro_object **
ouro__table_step(const struct table *table, size_t *position, unsigned width)
{
    size_t at = *position;
    ouro_object **entry = NULL;

    while (entry == NULL && at < table->n) {
        ouro_object **here = &table->entries[at++ * width];
        entry = here[0] != NULL ? here : NULL;
    }
    *position = at;
    return entry;
}

/* ---- table.c ---- */

/* Make room for `more` entries; false without memory, and the table is as it was. */
bool ouro__table_reserve(struct table *table, size_t more, unsigned width);

/* Make room for the entry that was sought in vain in this use, and add it, for the caller to fill in; NULL without
 * memory. */
ouro_object **ouro__table_add_slowly(struct table *table, const struct table_search *search,
                                     unsigned width);

/* Take the block away: the table is empty.  What is returned is no object, but has the block. */
struct table ouro__table_take_block(struct table *table);

/* Let go of what a table refers to, and of its block; not during a use. */
void ouro__table_let_go(const struct table *table, unsigned width);

/* Have `to`, which nobody has seen yet and is empty, be a copy of `from`, which is in use; false without memory. */
bool ouro__table_copy(struct table *to, const struct table *from, unsigned width);

/* Put the numbers of new entries, whose hashes are there, into slots. */
void ouro__table_put_slots(struct table *table, size_t from, size_t to);

/* Take an entry out; the caller has what it refers to.  `slot` is where a search found it, or TABLE_NONE. */
void ouro__table_remove(struct table *table, size_t index, size_t slot, unsigned width);

/* The entry with this hash that has `object` in a column, or TABLE_NONE; nothing is compared.  `slot` as in a search. */
size_t ouro__table_find_same(const struct table *table, uint32_t hash, const ouro_object *object,
                             unsigned column, unsigned width, size_t *slot);

/* Is the entry's key equal to the one that is sought, both being texts or small integers? */
bool ouro__table_is_equal(const struct table *table, const struct table_search *search, size_t index,
                          unsigned width);

enum table_verdict {
    TABLE_SAME,
    TABLE_OTHER,
    TABLE_AGAIN, /* the table was changed: look again */
    TABLE_FAILED,
    TABLE_UNSURE, /* that takes a closer look */
};

/* The number of a text's entry, TABLE_NONE, or TABLE_UNKNOWN where comparing is no matter of few instructions; the text's hash
 * is known. */
size_t ouro__table_find_text(const struct table *table, const struct packed *text, uint32_t hash,
                             unsigned width);

/* Compare an entry's key, which is another object, with the one that is sought: not in this use, but before and after. */
enum table_verdict ouro__table_compare(struct table *table, struct table_search *search, size_t index,
                                       unsigned width);

/* ---- dict.c ---- */

/* Put keys, of which no two are equal, into a new dict that nobody has seen yet, but for those whose values are NULL; the
 * values are stolen.  There is room for one more then.  False without memory: nothing has been stolen. */
bool ouro__dict_fill(ouro_object *dict, const struct table_key *keys, ouro_object *const *values,
                     size_t n);

/* ---- table_iterate.c ---- */

/* A new iterator over a set, or NULL without memory. */
ouro_ref ouro__set_iterate(ouro_loan set);

#endif
