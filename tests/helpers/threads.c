/* threads.c - see threads.h. */
#include "threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <ouro/thread.h>

#include "require.h"

struct start {
    pthread_t thread;
    thread_main main;
    void *context;
};

struct threads {
    size_t n;
    struct start starts[];
};

static void *
run_thread(void *argument)
{
    struct start *start = argument;
    start->main(start->context);
    return NULL;
}

/* cmocka turns a crash into a jump out of the test, which in another thread ends who knows where. */
static void
let_crashes_be_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        signal(signals[i], SIG_DFL);
    }
}

struct threads *
threads_start(size_t n, thread_main main, void *contexts, size_t stride)
{
    struct threads *threads = malloc(sizeof *threads + n * sizeof threads->starts[0]);
    REQUIRE(threads != NULL, "no memory for %zu threads", n);
    threads->n = n;
    let_crashes_be_crashes();
    for (size_t i = 0; i < n; i++) {
        struct start *start = &threads->starts[i];
        start->main = main;
        start->context = (char *)contexts + i * stride;
        int error = pthread_create(&start->thread, NULL, run_thread, start);
        REQUIRE(error == 0, "thread %zu of %zu cannot be started", i, n);
    }
    return threads;
}

void
threads_join(struct threads *threads)
{
    for (size_t i = 0; i < threads->n; i++) {
        int error = pthread_join(threads->starts[i].thread, NULL);
        REQUIRE(error == 0, "thread %zu cannot be joined", i);
    }
    free(threads);
}

void
threads_run(size_t n, thread_main main, void *contexts, size_t stride)
{
    threads_join(threads_start(n, main, contexts, stride));
}

void
threads_run_detached(size_t n, thread_main main, void *contexts, size_t stride)
{
    ouro_thread_detach();
    threads_run(n, main, contexts, stride);
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached again");
}
