/* replacement.c - a working set whose blocks are replaced at random, as in servers and caches.
 * With threads, each has a working set of its own.  Arguments: operations a thread, blocks, threads. */
#include <pthread.h>

#include "work.h"

struct worker {
    pthread_t thread;
    size_t operations, n_blocks;
    uint64_t seed, checksum;
};

static void *
replace_at_random(void *argument_)
{
    struct worker *worker = argument_;
    uint64_t state = worker->seed;
    void **blocks = need(calloc(worker->n_blocks, sizeof *blocks));

    for (size_t i = 0; i < worker->operations; i++) {
        size_t at = random_between(&state, 0, worker->n_blocks);
        if (blocks[at] != NULL) {
            worker->checksum = worker->checksum * 31 + marked(blocks[at]);
            free(blocks[at]);
        }
        size_t size = random_between(&state, 16, 600);
        blocks[at] = need(malloc(size));
        mark(blocks[at], size, i);
    }
    for (size_t at = 0; at < worker->n_blocks; at++)
        free(blocks[at]);
    free(blocks);
    return NULL;
}

int
main(int argc, char **argv)
{
    size_t operations = argument(argc, argv, 1, 24000000);
    size_t n_blocks = argument(argc, argv, 2, 50000);
    size_t n_threads = argument(argc, argv, 3, 1);
    struct worker *workers = need(calloc(n_threads, sizeof *workers));
    uint64_t checksum = 0;

    for (size_t i = 0; i < n_threads; i++) {
        workers[i] =
            (struct worker){.operations = operations, .n_blocks = n_blocks, .seed = i * 77 + 5};
        if (n_threads > 1)
            pthread_create(&workers[i].thread, NULL, replace_at_random, &workers[i]);
        else
            replace_at_random(&workers[i]);
    }
    for (size_t i = 0; i < n_threads; i++) {
        if (n_threads > 1)
            pthread_join(workers[i].thread, NULL);
        checksum ^= workers[i].checksum;
    }
    free(workers);
    finish("replacement", 2 * operations * n_threads, checksum);
    return 0;
}
