/* vector.c - arrays and hash tables that grow by pages of the system's: what tracing keeps is no part of any heap. */
#include "trace/vector.h"

#include <string.h>

#include "base/assert.h"
#include "base/bits.h"
#include "os/os.h"

#define FIRST_TABLE 1024 /* slots */

uint64_t
ouro__vector_bytes(const struct ouro__vector *vector)
{
    return ouro__round_up(vector->room * vector->item_size, ouro__os_page_size());
}

uint64_t
ouro__table_bytes(const struct ouro__table *table)
{
    return table->slots == NULL ? 0 : (table->mask + 1) * sizeof *table->slots;
}

bool
ouro__vector_grow(struct ouro__vector *vector, size_t n)
{
    size_t wanted = vector->n + n > 2 * vector->room ? vector->n + n : 2 * vector->room;
    size_t bytes = ouro__round_up(wanted * vector->item_size, ouro__os_page_size());
    void *items = ouro__os_map(bytes);
    if (items == NULL) {
        return false;
    }
    if (vector->n != 0) {
        memcpy(items, vector->items, vector->n * vector->item_size);
    }
    size_t n_items = vector->n, item_size = vector->item_size;
    ouro__vector_free(vector);
    *vector = (struct ouro__vector){items, n_items, bytes / item_size, item_size};
    return true;
}

void
ouro__vector_append(struct ouro__vector *vector, const void *items, size_t n)
{
    OURO_ASSERT(vector->n + n <= vector->room);
    if (n != 0) {
        memcpy((char *)vector->items + vector->n * vector->item_size, items, n * vector->item_size);
    }
    vector->n += n;
}

void
ouro__vector_cut(struct ouro__vector *vector, size_t n)
{
    uint64_t bytes = ouro__vector_bytes(vector), page = ouro__os_page_size();
    uint64_t kept = ouro__round_up(n * vector->item_size, page);
    if (kept == 0) {
        kept = page;
    }
    if (kept < bytes) {
        ouro__os_unmap((char *)vector->items + kept, bytes - kept);
        vector->room = kept / vector->item_size;
    }
    vector->n = n;
}

void
ouro__vector_free(struct ouro__vector *vector)
{
    if (vector->items != NULL) {
        ouro__os_unmap(vector->items, ouro__vector_bytes(vector));
    }
    *vector = (struct ouro__vector){.item_size = vector->item_size};
}

bool
ouro__table_grow(struct ouro__table *table, uint64_t (*hash_of)(uint32_t index))
{
    size_t n_slots = table->slots == NULL ? 0 : table->mask + 1;
    size_t n_grown = n_slots == 0 ? FIRST_TABLE : 2 * n_slots;
    uint32_t *grown = ouro__os_map(n_grown * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    for (size_t i = 0; i < n_slots; i++) {
        uint32_t index = table->slots[i];
        if (index != 0) {
            size_t at = hash_of(index) & (n_grown - 1);
            while (grown[at] != 0) {
                at = (at + 1) & (n_grown - 1);
            }
            grown[at] = index;
        }
    }
    size_t n = table->n;
    ouro__table_free(table);
    *table = (struct ouro__table){grown, n_grown - 1, n};
    return true;
}

void
ouro__table_clear(struct ouro__table *table)
{
    uint64_t bytes = ouro__table_bytes(table);
    uint64_t kept = ouro__round_up(FIRST_TABLE * sizeof *table->slots, ouro__os_page_size());
    if (bytes == 0) {
        return;
    }
    if (kept < bytes) {
        ouro__os_unmap((char *)table->slots + kept, bytes - kept);
    }
    memset(table->slots, 0, FIRST_TABLE * sizeof *table->slots);
    table->mask = FIRST_TABLE - 1;
    table->n = 0;
}

void
ouro__table_free(struct ouro__table *table)
{
    if (table->slots != NULL) {
        ouro__os_unmap(table->slots, ouro__table_bytes(table));
    }
    *table = (struct ouro__table){0};
}
