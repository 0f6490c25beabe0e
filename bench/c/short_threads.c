/* short_threads.c - threads live for a moment: each replaces some blocks of a set that earlier threads
 * left, and hands the set on to the next.  Arguments: generations, threads at a time, blocks of a set. */
#include <pthread.h>

#include "work.h"

struct set {
    pthread_t thread;
    void **blocks;
    size_t n_blocks;
    uint64_t state, checksum, operations;
};

static void *
live_shortly(void *argument_)
{
    struct set *set = argument_;

    for (size_t i = 0; i < set->n_blocks / 2; i++) {
        size_t at = random_between(&set->state, 0, set->n_blocks);
        if (set->blocks[at] != NULL) {
            set->checksum = set->checksum * 31 + marked(set->blocks[at]);
            free(set->blocks[at]);
            set->operations++;
        }
        size_t size = random_between(&set->state, 16, 1000);
        set->blocks[at] = need(malloc(size));
        mark(set->blocks[at], size, i);
        set->operations++;
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    size_t generations = argument(argc, argv, 1, 4000);
    size_t n_threads = argument(argc, argv, 2, 3);
    size_t n_blocks = argument(argc, argv, 3, 1500);
    struct set *sets = need(calloc(n_threads, sizeof *sets));
    uint64_t operations = 0, checksum = 0;

    for (size_t i = 0; i < n_threads; i++)
        sets[i] = (struct set){
            .blocks = need(calloc(n_blocks, sizeof(void *))), .n_blocks = n_blocks, .state = i + 21};
    for (size_t generation = 0; generation < generations; generation++) {
        for (size_t i = 0; i < n_threads; i++)
            pthread_create(&sets[i].thread, NULL, live_shortly, &sets[i]);
        for (size_t i = 0; i < n_threads; i++)
            pthread_join(sets[i].thread, NULL);
    }
    for (size_t i = 0; i < n_threads; i++) {
        for (size_t at = 0; at < n_blocks; at++)
            free(sets[i].blocks[at]);
        free(sets[i].blocks);
        operations += sets[i].operations;
        checksum ^= sets[i].checksum;
    }
    free(sets);
    finish("short_threads", operations, checksum);
    return 0;
}
