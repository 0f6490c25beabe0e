/* threads.h - start threads, wait for them. */
#ifndef OURO_TESTS_THREADS_H
#define OURO_TESTS_THREADS_H

#include <stddef.h>

/* What a thread does with its context. */
typedef void (*thread_main)(void *context);

/* Run `n` threads at once, thread i with the context at `contexts` + i * `stride`, and wait for all. */
void threads_run(size_t n, thread_main main, void *contexts, size_t stride);

/* The same, with this thread detached from the object system meanwhile, and attached in the end. */
void threads_run_detached(size_t n, thread_main main, void *contexts, size_t stride);

/* Threads that were started and not yet waited for. */
struct threads;

/* Start `n` threads as threads_run() does, and return at once. */
struct threads *threads_start(size_t n, thread_main main, void *contexts, size_t stride);

/* Wait for all of them and forget them. */
void threads_join(struct threads *threads);

#endif
