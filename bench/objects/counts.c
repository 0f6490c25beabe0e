/* counts.c - a reference more and one less: of one object, of a thousand, and by another thread than the owner. */
#include <pthread.h>

#include "bench.h"

#define N 1000

static object objects[N];

static void
count_one(const char *group)
{
    object one = objects[0];
    TIME(group, "one object", 20000000, 1, {
        share(one);
        KEEP(one);
        drop(one);
        KEEP(one);
        check++;
    });
}

static void
count_all(const char *group)
{
    TIME(group, "a thousand objects", 20000, N, {
        for (size_t k = 0; k < N; k++) {
            share(objects[k]);
        }
        KEEP(objects);
        for (size_t k = 0; k < N; k++) {
            drop(objects[k]);
        }
        KEEP(objects);
        check++;
    });
}

#if PEER_HAS_FOREIGN
static void *
count_elsewhere(void *unused)
{
    thread_begin();
    count_one("counts, foreign");
    count_all("counts, foreign");
    thread_end();
    return unused;
}
#endif

int
main(void)
{
    peer_begin();
    for (size_t k = 0; k < N; k++) {
        objects[k] = node_new(NULL, NULL, NULL);
    }
    count_one("counts");
    count_all("counts");
#if PEER_HAS_FOREIGN
    pthread_t thread;
    wait_begin();
    if (pthread_create(&thread, NULL, count_elsewhere, NULL) != 0) {
        return 1;
    }
    pthread_join(thread, NULL);
    wait_end();
#endif
    leave();
}
