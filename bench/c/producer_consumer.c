/* producer_consumer.c - one thread allocates, another reads and frees; each pair has its own queue.
 * Arguments: batches a pair, pairs. */
#include "handover.h"

struct pair {
    pthread_t producer, consumer;
    struct queue queue;
    size_t n_batches;
    uint64_t seed, checksum;
};

static void *
produce(void *argument_)
{
    struct pair *pair = argument_;
    uint64_t state = pair->seed;
    struct batch batch;

    for (size_t i = 0; i < pair->n_batches; i++) {
        for (size_t j = 0; j < BATCH; j++) {
            size_t size = random_between(&state, 16, 400);
            batch.blocks[j] = need(malloc(size));
            mark(batch.blocks[j], size, i + j);
        }
        queue_put(&pair->queue, &batch);
    }
    return NULL;
}

static void *
consume(void *argument_)
{
    struct pair *pair = argument_;
    struct batch batch;

    for (size_t i = 0; i < pair->n_batches; i++) {
        queue_take(&pair->queue, &batch);
        for (size_t j = 0; j < BATCH; j++) {
            pair->checksum = pair->checksum * 31 + marked(batch.blocks[j]);
            free(batch.blocks[j]);
        }
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    size_t n_batches = argument(argc, argv, 1, 120000);
    size_t n_pairs = argument(argc, argv, 2, 1);
    struct pair *pairs = need(calloc(n_pairs, sizeof *pairs));
    uint64_t checksum = 0;

    for (size_t i = 0; i < n_pairs; i++) {
        pairs[i].queue = (struct queue)QUEUE_INITIALIZER;
        pairs[i].n_batches = n_batches;
        pairs[i].seed = i + 9;
        pthread_create(&pairs[i].producer, NULL, produce, &pairs[i]);
        pthread_create(&pairs[i].consumer, NULL, consume, &pairs[i]);
    }
    for (size_t i = 0; i < n_pairs; i++) {
        pthread_join(pairs[i].producer, NULL);
        pthread_join(pairs[i].consumer, NULL);
        checksum ^= pairs[i].checksum;
    }
    free(pairs);
    finish("producer_consumer", 2 * n_batches * n_pairs * BATCH, checksum);
    return 0;
}
