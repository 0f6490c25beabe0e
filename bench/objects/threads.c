/* threads.c - two threads make and drop objects of their own, and one does: how much more gets done. */
#include <pthread.h>

#include "bench.h"

#define ROUNDS 40000
#define BATCH 100

static void
work(void)
{
    object batch[BATCH];
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t k = 0; k < BATCH; k++) {
            batch[k] = node_new(NULL, NULL, NULL);
        }
        KEEP(batch);
        for (size_t k = 0; k < BATCH; k++) {
            drop(batch[k]);
        }
    }
}

static void *
run(void *unused)
{
    thread_begin();
    work();
    thread_end();
    return unused;
}

/* Nanoseconds until `n` threads have done their work. */
static double
time_threads(int n)
{
    pthread_t threads[2];

    wait_begin();
    double began = wall_ns();
    for (int i = 0; i < n; i++) {
        if (pthread_create(&threads[i], NULL, run, NULL) != 0) {
            exit(1);
        }
    }
    for (int i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
    }
    double took = wall_ns() - began;
    wait_end();
    return took;
}

int
main(void)
{
    peer_begin();
#if PEER_BDWGC
    collector_on(); /* it is what frees */
#endif
    time_threads(1);
    double one = time_threads(1), two = time_threads(2);
    report("threads", "two threads' throughput over one's", 2 * one / two, "times", ROUNDS);
    leave();
}
