/* cross_free.c - every thread allocates, and every thread frees what its neighbour allocated: a ring.
 * Arguments: batches a thread, threads. */
#include "handover.h"

struct member {
    pthread_t thread;
    struct queue inbox;
    struct member *next;
    size_t n_batches;
    uint64_t seed, checksum;
};

static void *
pass_on(void *argument_)
{
    struct member *member = argument_;
    uint64_t state = member->seed;
    struct batch batch;

    for (size_t i = 0; i < member->n_batches; i++) {
        for (size_t j = 0; j < BATCH; j++) {
            size_t size = j % 32 == 0 ? random_size(&state, 13) : random_between(&state, 16, 256);
            batch.blocks[j] = need(malloc(size));
            mark(batch.blocks[j], size, i * j + member->seed);
        }
        queue_put(&member->next->inbox, &batch);
        queue_take(&member->inbox, &batch);
        for (size_t j = 0; j < BATCH; j++) {
            member->checksum += marked(batch.blocks[j]) * (i | 1);
            free(batch.blocks[j]);
        }
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    size_t n_batches = argument(argc, argv, 1, 40000);
    size_t n_threads = argument(argc, argv, 2, 4);
    struct member *members = need(calloc(n_threads, sizeof *members));
    uint64_t checksum = 0;

    for (size_t i = 0; i < n_threads; i++) {
        members[i].inbox = (struct queue)QUEUE_INITIALIZER;
        members[i].next = &members[(i + 1) % n_threads];
        members[i].n_batches = n_batches;
        members[i].seed = i * 13 + 2;
    }
    for (size_t i = 0; i < n_threads; i++)
        pthread_create(&members[i].thread, NULL, pass_on, &members[i]);
    for (size_t i = 0; i < n_threads; i++) {
        pthread_join(members[i].thread, NULL);
        checksum ^= members[i].checksum;
    }
    free(members);
    finish("cross_free", 2 * n_batches * n_threads * BATCH, checksum);
    return 0;
}
