/* threads.c - threads that begin and end in every order, and blocks that outlive the thread that made them.
 *
 *   threads orders | crowd | pass | late */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"

enum { N_THREADS = 100 };

struct parcel {
    struct parcel *next;
    size_t size;
    unsigned char mark;
    unsigned char bytes[];
};

static struct parcel *
pack(size_t size, unsigned char mark)
{
    struct parcel *parcel = malloc(sizeof *parcel + size);
    CHECK(parcel != NULL);
    parcel->size = size;
    parcel->mark = mark;
    memset(parcel->bytes, mark, size);
    return parcel;
}

static void
unpack(struct parcel *parcel)
{
    for (size_t i = 0; i < parcel->size; i++) {
        CHECK(parcel->bytes[i] == parcel->mark);
    }
    free(parcel);
}

static uint32_t
next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

/* Mostly small, some that are large. */
static size_t
random_size(uint32_t *state)
{
    uint32_t kind = next_random(state) % 100;
    return next_random(state) % (kind < 90 ? 300 : kind < 99 ? 20000 : 200000);
}

/* ---- threads that end in forward, backward and random order, their blocks freed by main ---- */

static pthread_barrier_t begun;
static pthread_mutex_t turns[N_THREADS];
static struct parcel *left_behind[N_THREADS];

static void *
make_and_leave(void *context)
{
    size_t index = (size_t)(uintptr_t)context;
    uint32_t state = (uint32_t)index * 77 + 1;

    for (int i = 0; i < 200; i++) {
        struct parcel *parcel = pack(random_size(&state), (unsigned char)index);
        if (i % 3 == 0) {
            parcel->next = left_behind[index];
            left_behind[index] = parcel;
        } else {
            unpack(parcel);
        }
    }
    pthread_barrier_wait(&begun);
    pthread_mutex_lock(&turns[index]); /* until it is told to end */
    return NULL;
}

static void
run_orders(void)
{
    uint32_t state = 5;

    for (int order = 0; order < 6; order++) {
        pthread_t threads[N_THREADS];
        size_t turn[N_THREADS];
        pthread_barrier_init(&begun, NULL, N_THREADS + 1);
        for (size_t i = 0; i < N_THREADS; i++) {
            pthread_mutex_init(&turns[i], NULL);
            pthread_mutex_lock(&turns[i]);
            turn[i] = order % 3 == 1 ? N_THREADS - 1 - i : i;
            CHECK(pthread_create(&threads[i], NULL, make_and_leave, (void *)(uintptr_t)i) == 0);
        }
        for (size_t i = 0; order % 3 == 2 && i < N_THREADS; i++) {
            size_t j = next_random(&state) % N_THREADS, swapped = turn[i];
            turn[i] = turn[j];
            turn[j] = swapped;
        }
        pthread_barrier_wait(&begun);
        for (size_t i = 0; i < N_THREADS; i++) {
            pthread_mutex_unlock(&turns[turn[i]]);
            pthread_join(threads[turn[i]], NULL);
            while (left_behind[turn[i]] != NULL) {
                struct parcel *parcel = left_behind[turn[i]];
                left_behind[turn[i]] = parcel->next;
                unpack(parcel);
            }
        }
    }
}

/* ---- a crowd that comes and goes: 100 at a time, 2000 in all, detached ---- */

static int n_done;

static void *
live_shortly(void *context)
{
    uint32_t state = (uint32_t)(uintptr_t)context;
    struct parcel *kept[20] = {NULL};
    for (int i = 0; i < 100; i++) {
        size_t slot = next_random(&state) % 20;
        if (kept[slot] != NULL) {
            unpack(kept[slot]);
        }
        kept[slot] = pack(random_size(&state), (unsigned char)i);
    }
    for (int i = 0; i < 20; i++) {
        if (kept[i] != NULL) {
            unpack(kept[i]);
        }
    }
    __atomic_fetch_add(&n_done, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void
run_crowd(void)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 2000; i++) {
        pthread_t thread;
        while (i - __atomic_load_n(&n_done, __ATOMIC_ACQUIRE) >= N_THREADS) {
            usleep(100);
        }
        CHECK(pthread_create(&thread, &attributes, live_shortly, (void *)(uintptr_t)(i + 1)) == 0);
    }
    while (__atomic_load_n(&n_done, __ATOMIC_ACQUIRE) < 2000) {
        usleep(1000);
    }
}

/* ---- blocks that are made here, resized there and freed elsewhere ---- */

enum { N_RING = 8 };

static struct parcel *boxes[N_RING]; /* atomic: each thread's inbox, a stack */

static void *
pass_on(void *context)
{
    size_t index = (size_t)(uintptr_t)context;
    uint32_t state = (uint32_t)index + 1;

    for (int i = 0; i < 20000; i++) {
        struct parcel *got = __atomic_exchange_n(&boxes[index], NULL, __ATOMIC_ACQUIRE);
        while (got != NULL) {
            struct parcel *next = got->next;
            if (got->size % 5 == 0) {
                got = realloc(got, sizeof *got + got->size + 64);
                CHECK(got != NULL);
            }
            unpack(got);
            got = next;
        }
        struct parcel *parcel = pack(random_size(&state), (unsigned char)i);
        struct parcel **box = &boxes[next_random(&state) % N_RING];
        parcel->next = __atomic_load_n(box, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(box, &parcel->next, parcel, 1, __ATOMIC_RELEASE,
                                            __ATOMIC_RELAXED)) {
        }
    }
    return NULL;
}

static void
run_pass(void)
{
    pthread_t threads[N_RING];
    for (size_t i = 0; i < N_RING; i++) {
        CHECK(pthread_create(&threads[i], NULL, pass_on, (void *)(uintptr_t)i) == 0);
    }
    for (size_t i = 0; i < N_RING; i++) {
        pthread_join(threads[i], NULL);
    }
    for (size_t i = 0; i < N_RING; i++) {
        while (boxes[i] != NULL) {
            struct parcel *next = boxes[i]->next;
            unpack(boxes[i]);
            boxes[i] = next;
        }
    }
}

/* ---- allocation in the destructors of keys, in several rounds, after the heap's own has run ---- */

static pthread_key_t keys[4];

static void
destroy_late(void *value)
{
    struct parcel *parcel = value;
    unsigned round = parcel->mark;
    unpack(parcel);
    for (int i = 0; i < 50; i++) {
        unpack(pack((size_t)i * 40, 9));
    }
    if (round < 3) { /* once more: glibc goes round four times */
        pthread_setspecific(keys[round % 4], pack(100000, (unsigned char)(round + 1)));
    }
}

static void *
end_slowly(void *context)
{
    (void)context;
    for (int i = 0; i < 4; i++) {
        pthread_setspecific(keys[i], pack(500, 0));
    }
    return NULL;
}

static void
run_late(void)
{
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_key_create(&keys[i], destroy_late) == 0);
    }
    for (int i = 0; i < 500; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, end_slowly, NULL) == 0);
        pthread_join(thread, NULL);
    }
}

int
main(int n_arguments, char **arguments)
{
    CHECK(n_arguments == 2);
    const char *what = arguments[1];
    if (strcmp(what, "orders") == 0) {
        run_orders();
    } else if (strcmp(what, "crowd") == 0) {
        run_crowd();
    } else if (strcmp(what, "pass") == 0) {
        run_pass();
    } else {
        run_late();
    }
    puts("ok");
    return 0;
}
