/* calls.c - blocks from known chains of calls: each function here that allocates does so at one place, for good. */
#define _GNU_SOURCE
#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APART __attribute__((noinline))

/* What is kept: nothing may be optimised away, and no call be the last of its function. */
static void *volatile kept[64];
static volatile int n_kept, after;

APART void
keep(size_t size)
{
    kept[n_kept++ % 64] = malloc(size);
    after++;
}

APART void
through_two(size_t size)
{
    keep(size);
    after++;
}

APART void
through_three(size_t size)
{
    through_two(size);
    after++;
}

APART void
deep(int depth, size_t size)
{
    volatile char room[16];
    room[0] = (char)depth;
    if (depth == 0) {
        keep(size);
    } else {
        deep(depth - 1, size);
    }
    after += room[0];
}

APART void
with_alloca(size_t n, size_t size)
{
    char *volatile room = alloca(n);
    memset(room, 1, n);
    keep(size);
    after += room[n - 1];
}

static int
compare(const void *a, const void *b)
{
    static int is_done;
    if (!is_done) {
        is_done = 1;
        keep(10004);
    }
    return *(const int *)a - *(const int *)b;
}

APART void
through_libc(void)
{
    int numbers[] = {3, 2, 1};
    qsort(numbers, 3, sizeof *numbers, compare);
    after++;
}

/* Not how handlers should be, but how some are. */
static void
handle(int number)
{
    (void)number;
    keep(10005);
    after++;
}

APART void
through_signal(void)
{
    (void)signal(SIGUSR1, handle);
    (void)raise(SIGUSR1);
    after++;
}

static void *
run_thread(void *context)
{
    through_two(10006);
    return context;
}

APART void
through_thread(void)
{
    pthread_t thread;
    (void)pthread_create(&thread, NULL, run_thread, NULL);
    (void)pthread_join(thread, NULL);
    after++;
}

static inline __attribute__((always_inline)) void
inlined_inner(size_t size)
{
    kept[n_kept++ % 64] = malloc(size);
}

static inline __attribute__((always_inline)) void
inlined_outer(size_t size)
{
    inlined_inner(size);
    after++;
}

APART void
with_inlined(void)
{
    inlined_outer(10007);
    after++;
}

/* Ends in a call that doesn't return: what follows it is another function. */
static __attribute__((noreturn)) APART void
leave(int code)
{
    keep(10008);
    exit(code);
}

static void
load(const char *path, size_t size)
{
    void (*call)(void (*)(size_t), size_t);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *found = library != NULL ? dlsym(library, "plugin_call") : NULL;
    if (found == NULL) {
        (void)fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    memcpy(&call, &found, sizeof call);
    call(keep, size);
    if (dlclose(library) != 0 || dlopen(path, RTLD_NOW | RTLD_NOLOAD) != NULL) {
        exit(1);
    }
}

/* calls [LIBRARY...]: each library is loaded, called and unloaded, one after the other. */
int
main(int n_arguments, char **arguments)
{
    through_three(10001);
    deep(10000, 10002);
    with_alloca(5000, 10003);
    through_libc();
    through_signal();
    through_thread();
    with_inlined();
    for (int i = 1; i < n_arguments; i++) {
        load(arguments[i], 20000 + (size_t)i);
    }
    leave(0);
}
