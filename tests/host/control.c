/* control.c - tracing that begins, changes and ends while the program runs.
 *
 *   control counts | storm | errors
 *
 * counts: what is known is what a count of this program's own says, to the block and the byte.
 * storm:  threads begin, end, change and clear while others allocate, resize and free.
 * errors: what is asked wrongly. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include <ouro/host.h>

#include "check.h"

static struct {
    int (*version)(void);
    int (*start)(uint64_t, uint32_t);
    int (*stop)(void);
    int (*clear)(void);
    int (*reset_peak)(void);
    int (*state)(struct ouro_host_trace_state *);
} host;

static void
find(const char *name, void *place)
{
    void *found = dlsym(RTLD_DEFAULT, name);
    CHECK(found != NULL);
    memcpy(place, &found, sizeof found);
}

static struct ouro_host_trace_state
look(void)
{
    struct ouro_host_trace_state state = {.size = sizeof state};
    CHECK(host.state(&state) == 0);
    return state;
}

static void
check_live(uint64_t blocks, uint64_t bytes)
{
    struct ouro_host_trace_state state = look();
    if (state.live_blocks != blocks || state.live_bytes != bytes) {
        dprintf(2, "%lu blocks and %lu bytes, not %lu and %lu\n", (unsigned long)state.live_blocks,
                (unsigned long)state.live_bytes, (unsigned long)blocks, (unsigned long)bytes);
        _Exit(1);
    }
}

/* ---- counts ---- */

enum { N_BLOCKS = 3000 };
static void *before[N_BLOCKS], *during[N_BLOCKS];

static size_t
size_of(size_t i)
{
    return i % 100 == 99 ? 100000 + i : 16 + i * 7 % 2000;
}

static uint64_t
take_all(void **blocks)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < N_BLOCKS; i++) {
        blocks[i] = malloc(size_of(i));
        CHECK(blocks[i] != NULL);
        bytes += size_of(i);
    }
    return bytes;
}

static void
give_all(void **blocks)
{
    for (size_t i = 0; i < N_BLOCKS; i++) {
        free(blocks[i]);
    }
}

/* Blocks of no tracing, or of one that is over, aren't counted, whatever becomes of them. */
static void
count_round(void)
{
    (void)take_all(before);
    CHECK(host.start(0, 0) == 0);
    check_live(0, 0);
    uint64_t bytes = take_all(during);
    check_live(N_BLOCKS, bytes);
    give_all(before);
    check_live(N_BLOCKS, bytes);
    CHECK(look().peak_bytes == bytes && look().peak_blocks == N_BLOCKS);

    /* A resized block is a traced one, wherever it comes from. */
    for (size_t i = 0; i < N_BLOCKS; i += 3) {
        during[i] = realloc(during[i], 2 * size_of(i));
        CHECK(during[i] != NULL);
        bytes += size_of(i);
    }
    check_live(N_BLOCKS, bytes);

    /* The depth alone: what is known stays. */
    CHECK(host.start(0, 5) == 0);
    CHECK(look().n_frames == 5);
    check_live(N_BLOCKS, bytes);

    CHECK(host.clear() == 0);
    check_live(0, 0);
    CHECK(look().peak_bytes == 0 && look().mode == OURO_HOST_TRACE_EXACT && look().n_frames == 5);
    give_all(during);
    check_live(0, 0);

    bytes = take_all(during);
    (void)take_all(before);
    give_all(before);
    CHECK(look().peak_bytes == 2 * bytes);
    CHECK(host.reset_peak() == 0);
    CHECK(look().peak_bytes == bytes && look().peak_blocks == N_BLOCKS);

    /* Blocks with indexes from here are freed and their places taken while nobody looks. */
    CHECK(host.stop() == 0);
    check_live(0, 0);
    CHECK(look().mode == OURO_HOST_TRACE_OFF);
    for (size_t i = 0; i < N_BLOCKS; i += 2) {
        free(during[i]);
        during[i] = malloc(size_of(i));
        CHECK(during[i] != NULL);
    }
    CHECK(host.start(0, 0) == 0);
    bytes = take_all(before);
    check_live(N_BLOCKS, bytes);
    give_all(during);
    check_live(N_BLOCKS, bytes);
    give_all(before);
    check_live(0, 0);
    CHECK(host.stop() == 0);
}

/* Samples are the blocks themselves here, and estimates exact: what is larger than a hundred means. */
static void
sampled_round(void)
{
    void *blocks[100];
    CHECK(host.start(1000, 3) == 0);
    CHECK(look().mode == OURO_HOST_TRACE_SAMPLED && look().sample_bytes == 1000);
    for (size_t i = 0; i < 100; i++) {
        blocks[i] = malloc(200000);
        CHECK(blocks[i] != NULL);
    }
    check_live(100, 100 * 200000);
    for (size_t i = 0; i < 50; i++) {
        free(blocks[i]);
    }
    check_live(50, 50 * 200000);

    /* Another distance: all is forgotten, and the frees of what was known then are none. */
    CHECK(host.start(2000, 3) == 0);
    check_live(0, 0);
    (void)take_all(during); /* small ones, some of them samples in pools of their own */
    CHECK(host.start(0, 3) == 0);
    check_live(0, 0);
    give_all(during);
    for (size_t i = 50; i < 100; i++) {
        free(blocks[i]);
    }
    check_live(0, 0);
    CHECK(host.stop() == 0);
}

static void
count(void)
{
    for (int i = 0; i < 20; i++) {
        count_round();
        sampled_round();
    }
}

/* ---- a storm ---- */

enum { N_CHANGERS = 3, N_USERS = 5, N_HELD = 200, N_CHANGES = 1500 };
static atomic_bool is_over;

static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void *
change(void *context)
{
    uint64_t random = (uintptr_t)context * 7919 + 1;
    for (int i = 0; i < N_CHANGES; i++) {
        switch (next_random(&random) % 8) {
        case 0:
        case 1:
            CHECK(host.start(0, (uint32_t)(next_random(&random) % 4)) == 0);
            break;
        case 2:
            CHECK(host.start(500, 0) == 0);
            break;
        case 3:
            CHECK(host.start(100000, 1) == 0);
            break;
        case 4:
        case 5:
            CHECK(host.stop() == 0);
            break;
        case 6:
            CHECK(host.clear() == 0);
            break;
        default:
            CHECK(host.reset_peak() == 0);
            break;
        }
        /* What is live is never more than there is: N_USERS times what each has, and a little of the program's own. */
        struct ouro_host_trace_state state = look();
        CHECK(state.live_blocks <= (N_USERS + 1) * N_HELD + 1000);
        CHECK(state.live_bytes <= state.peak_bytes);
        (void)usleep(200);
    }
    return NULL;
}

/* Holds up to N_HELD blocks, some of which another thread frees. */
static void *passed[N_HELD];
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

static void
use_once(void **held, uint64_t *random)
{
    size_t i = next_random(random) % N_HELD, size = 1 + next_random(random) % 3000;
    switch (next_random(random) % 4) {
    case 0:
        free(held[i]);
        held[i] = NULL;
        break;
    case 1:
        held[i] = realloc(held[i], size % 50 == 0 ? size * 100 : size);
        CHECK(held[i] != NULL);
        break;
    case 2:
        CHECK(pthread_mutex_lock(&guard) == 0);
        void *other = passed[i];
        passed[i] = held[i];
        held[i] = other;
        CHECK(pthread_mutex_unlock(&guard) == 0);
        break;
    default:
        free(held[i]);
        held[i] = calloc(1, size);
        CHECK(held[i] != NULL && ((char *)held[i])[size - 1] == 0);
        break;
    }
}

static void *
use(void *context)
{
    uint64_t random = (uintptr_t)context * 104729 + 3;
    void *held[N_HELD] = {NULL};
    while (!is_over) {
        use_once(held, &random);
    }
    for (size_t i = 0; i < N_HELD; i++) {
        free(held[i]);
    }
    return NULL;
}

static void
storm(void)
{
    pthread_t users[N_USERS], changers[N_CHANGERS];
    for (size_t i = 0; i < N_USERS; i++) {
        CHECK(pthread_create(&users[i], NULL, use, (void *)i) == 0);
    }
    for (size_t i = 0; i < N_CHANGERS; i++) {
        CHECK(pthread_create(&changers[i], NULL, change, (void *)i) == 0);
    }
    for (size_t i = 0; i < N_CHANGERS; i++) {
        CHECK(pthread_join(changers[i], NULL) == 0);
    }
    is_over = true;
    for (size_t i = 0; i < N_USERS; i++) {
        CHECK(pthread_join(users[i], NULL) == 0);
    }
    for (size_t i = 0; i < N_HELD; i++) {
        free(passed[i]);
    }
    /* After all of that it counts as well as ever. */
    CHECK(host.stop() == 0);
    count_round();
}

/* ---- errors ---- */

static void
ask_wrongly(void)
{
    struct ouro_host_trace_state state = {.size = 8, .mode = 77};
    CHECK(host.version() == 1);
    CHECK(host.state(&state) == EINVAL && state.mode == 77);
    CHECK(host.start((uint64_t)2 << 40, 0) == EINVAL);
    CHECK(look().mode == OURO_HOST_TRACE_OFF);
    CHECK(host.stop() == 0 && host.clear() == 0 && host.reset_peak() == 0);

    /* A caller from before the struct grew. */
    struct {
        uint64_t size;
        uint32_t mode, n_frames;
        uint64_t behind;
    } old = {.size = 16, .behind = 123};
    CHECK(host.start(0, 9) == 0);
    CHECK(host.state((struct ouro_host_trace_state *)(void *)&old) == 0);
    CHECK(old.mode == OURO_HOST_TRACE_EXACT && old.n_frames == 9 && old.behind == 123);

    /* A caller from after it. */
    struct {
        struct ouro_host_trace_state now;
        uint64_t behind;
    } later = {.now.size = sizeof later, .behind = 123};
    CHECK(host.state(&later.now) == 0);
    CHECK(later.now.mode == OURO_HOST_TRACE_EXACT && later.behind == 123);
    CHECK(host.stop() == 0);
}

int
main(int n, char **arguments)
{
    CHECK(n == 2);
    find("ouro_host_version", &host.version);
    find("ouro_host_trace_start", &host.start);
    find("ouro_host_trace_stop", &host.stop);
    find("ouro_host_trace_clear", &host.clear);
    find("ouro_host_trace_reset_peak", &host.reset_peak);
    find("ouro_host_trace_state", &host.state);
    if (strcmp(arguments[1], "counts") == 0) {
        count();
    } else if (strcmp(arguments[1], "storm") == 0) {
        storm();
    } else {
        ask_wrongly();
    }
    CHECK(dprintf(1, "ok\n") == 3);
    return 0;
}
