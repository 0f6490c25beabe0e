/* realloc_growth.c - many vectors grow side by side, element by element, by half of their size at a time;
 * a few become large.  Arguments: rounds, vectors, elements of the large ones. */
#include "work.h"

struct vector {
    uint32_t *items;
    size_t n_items, capacity;
};

static uint64_t operations;

static void
push(struct vector *vector, uint32_t item)
{
    if (vector->n_items == vector->capacity) {
        vector->capacity += vector->capacity / 2 + 4;
        vector->items = need(realloc(vector->items, vector->capacity * sizeof *vector->items));
        operations++;
    }
    vector->items[vector->n_items++] = item;
}

int
main(int argc, char **argv)
{
    size_t rounds = argument(argc, argv, 1, 140);
    size_t n_vectors = argument(argc, argv, 2, 2000);
    size_t large = argument(argc, argv, 3, 1000000);
    struct vector *vectors = need(calloc(n_vectors, sizeof *vectors));
    uint64_t state = 5, checksum = 0;

    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < n_vectors * 200; i++)
            push(&vectors[random_between(&state, 0, n_vectors)], (uint32_t)i);
        for (size_t i = 0; i < large; i++)
            push(&vectors[i & 3], (uint32_t)(i ^ round));
        for (size_t i = 0; i < n_vectors; i++) {
            struct vector *vector = &vectors[i];
            checksum = checksum * 31 + vector->n_items + vector->items[vector->n_items / 2];
            if ((i + round) % 4 != 0)
                continue;
            if (vector->n_items > 64) { /* as programs do that trim when they are done */
                vector->items = need(realloc(vector->items, vector->n_items * sizeof *vector->items));
                operations++;
            }
            free(vector->items);
            operations++;
            *vector = (struct vector){0};
            push(vector, (uint32_t)round);
        }
    }
    for (size_t i = 0; i < n_vectors; i++)
        free(vectors[i].items);
    free(vectors);
    finish("realloc_growth", operations, checksum);
    return 0;
}
