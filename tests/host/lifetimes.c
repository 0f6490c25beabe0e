/* lifetimes.c - blocks whose lives are known to the allocation.
 *
 *     lifetimes SIZE TIMES AGE...    a block of that size for each age, freed after as many further allocations
 *
 * What `others` allocates is freed in its order, so the lives of these are known, too. */
#include <stdio.h>
#include <stdlib.h>

#define MOST 1000001
#define NOINLINE __attribute__((noinline))

static char *others_made[MOST];
static char *volatile kept_made[300];

NOINLINE static void
others(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        others_made[i] = malloc(16);
        others_made[i][0] = 1;
    }
}

static void
drop_others(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(others_made[i]);
    }
}

NOINLINE static void
subject(size_t size, size_t age)
{
    char *volatile made = malloc(size);
    made[0] = 1;
    others(age);
    free(made);
    drop_others(age);
}

/* Each size but the last one ends after `age` allocations, the last one at once. */
NOINLINE static void
resized(size_t age)
{
    char *volatile made = malloc(50);
    for (size_t i = 1; i <= 200; i++) {
        others(age);
        made = realloc(made, 50 + 100 * i); /* from pool to pool, and then to large ones */
        made[0] = 1;
        drop_others(age);
    }
    free(made);
}

NOINLINE static void
kept(void)
{
    for (size_t i = 0; i < sizeof kept_made / sizeof *kept_made; i++) {
        kept_made[i] = malloc(64);
    }
}

int
main(int count, char **arguments)
{
    if (count < 3) {
        return 2;
    }
    size_t size = strtoul(arguments[1], NULL, 10), times = strtoul(arguments[2], NULL, 10);
    kept();
    for (size_t k = 0; k < times; k++) {
        for (int i = 3; i < count; i++) {
            subject(size, strtoul(arguments[i], NULL, 10));
        }
    }
    resized(20);
    return 0;
}
