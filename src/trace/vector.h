/* vector.h - arrays and hash tables in pages of their own. */
#ifndef OURO_TRACE_VECTOR_H
#define OURO_TRACE_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ouro__vector {
    void *items;
    size_t n, room; /* items */
    size_t item_size;
};

bool ouro__vector_grow(struct ouro__vector *vector, size_t n);

/* Room for `n` more items; false without memory, and all is as it was. */
static inline bool
ouro__vector_reserve(struct ouro__vector *vector, size_t n)
{
    return __builtin_expect(vector->n + n <= vector->room, 1) || ouro__vector_grow(vector, n);
}

/* Append `n` items for which there is room. */
void ouro__vector_append(struct ouro__vector *vector, const void *items, size_t n);

/* Keep the first `n` items alone, in one page or what they need; the rest of its memory goes back.  Cannot fail. */
void ouro__vector_cut(struct ouro__vector *vector, size_t n);

void ouro__vector_free(struct ouro__vector *vector);

uint64_t ouro__vector_bytes(const struct ouro__vector *vector);

/* Indexes of a vector's items, found by what the items hold.  Index 0 stands for none. */
struct ouro__table {
    uint32_t *slots;
    size_t mask; /* slots less one */
    size_t n;
};

bool ouro__table_grow(struct ouro__table *table, uint64_t (*hash_of)(uint32_t index));

/* Room for one more, at most half of the slots being used; `hash_of` gives each item's hash.  False without memory, and
 * all is as it was. */
static inline bool
ouro__table_reserve(struct ouro__table *table, uint64_t (*hash_of)(uint32_t index))
{
    return __builtin_expect(table->n < (table->mask + 1) / 2, 1) || ouro__table_grow(table, hash_of);
}

/* Have it empty, as small as it begins. */
void ouro__table_clear(struct ouro__table *table);

void ouro__table_free(struct ouro__table *table);

uint64_t ouro__table_bytes(const struct ouro__table *table);

static inline uint64_t
ouro__mix(uint64_t a, uint64_t b)
{
    uint64_t mixed = (a ^ 0x9E3779B97F4A7C15U) * 0xD6E8FEB86659FD93U + b;
    mixed ^= mixed >> 32;
    mixed *= 0xD6E8FEB86659FD93U;
    return mixed ^ mixed >> 29;
}

/* The index of the item that `is_same` says `key` is, or 0: then `*at` is where it goes. */
static inline __attribute__((always_inline)) uint32_t
ouro__table_find(const struct ouro__table *table, uint64_t hash,
                 bool (*is_same)(uint32_t index, const void *key), const void *key, size_t *at)
{
    size_t i = hash & table->mask;
    while (table->slots[i] != 0 && !is_same(table->slots[i], key)) {
        i = (i + 1) & table->mask;
    }
    *at = i;
    return table->slots[i];
}

static inline void
ouro__table_put(struct ouro__table *table, size_t at, uint32_t index)
{
    table->slots[at] = index;
    table->n++;
}

#endif
