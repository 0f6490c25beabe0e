/* handover.h - a bounded queue of batches of blocks, to pass them from thread to thread. */
#ifndef OURO_BENCH_HANDOVER_H
#define OURO_BENCH_HANDOVER_H

#include <pthread.h>

#include "work.h"

#define BATCH 256    /* blocks a batch: large enough that the lock is not what is measured */
#define N_BATCHES 64 /* batches a queue holds */

struct batch {
    void *blocks[BATCH];
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t not_full, not_empty;
    struct batch batches[N_BATCHES];
    size_t n_put, n_taken;
};

#define QUEUE_INITIALIZER                                                                              \
    {                                                                                                  \
        .lock = PTHREAD_MUTEX_INITIALIZER, .not_full = PTHREAD_COND_INITIALIZER,                       \
        .not_empty = PTHREAD_COND_INITIALIZER                                                          \
    }

static inline void
queue_put(struct queue *queue, const struct batch *batch)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->n_put - queue->n_taken == N_BATCHES)
        pthread_cond_wait(&queue->not_full, &queue->lock);
    queue->batches[queue->n_put++ % N_BATCHES] = *batch;
    pthread_cond_signal(&queue->not_empty);
    pthread_mutex_unlock(&queue->lock);
}

static inline void
queue_take(struct queue *queue, struct batch *batch)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->n_put == queue->n_taken)
        pthread_cond_wait(&queue->not_empty, &queue->lock);
    *batch = queue->batches[queue->n_taken++ % N_BATCHES];
    pthread_cond_signal(&queue->not_full);
    pthread_mutex_unlock(&queue->lock);
}

#endif
