/* calloc_tables.c - hash tables are made of calloc, filled a little and dropped; sizes from 128 bytes to
 * 1 MiB.  Every word must read zero at first.  Arguments: tables, alive at once. */
#include "work.h"

struct table {
    uint64_t *slots;
    size_t n_slots;
};

static uint64_t
fill(struct table *table, uint64_t *state)
{
    uint64_t checksum = 0;
    for (size_t i = 0; i < table->n_slots / 4; i++) {
        size_t at = (size_t)(random_next(state) >> 20) & (table->n_slots - 1);
        checksum += table->slots[at];
        table->slots[at] = i;
    }
    for (size_t i = 0; i < table->n_slots; i += 64)
        checksum += table->slots[i];
    return checksum;
}

int
main(int argc, char **argv)
{
    size_t n_tables = argument(argc, argv, 1, 6000000);
    size_t alive = argument(argc, argv, 2, 400);
    struct table *tables = need(calloc(alive, sizeof *tables));
    uint64_t state = 6, checksum = 0;

    for (size_t i = 0; i < n_tables; i++) {
        struct table *table = &tables[random_between(&state, 0, alive)];
        free(table->slots);
        /* powers of two, each half as frequent as the one below it */
        unsigned bit = 4 + (unsigned)__builtin_ctzll(random_next(&state) | (1u << 13));
        table->n_slots = (size_t)1 << bit;
        table->slots = need(calloc(table->n_slots, sizeof *table->slots));
        checksum = checksum * 31 + fill(table, &state);
    }
    for (size_t i = 0; i < alive; i++)
        free(tables[i].slots);
    free(tables);
    finish("calloc_tables", 2 * n_tables, checksum);
    return 0;
}
