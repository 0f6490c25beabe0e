/* children.c - processes that come from this one.
 *
 *   children storm    1000 forks while threads allocate; each child allocates, too
 *   children handler  forks in a signal handler that interrupts the heap
 *   children vfork    a child in our memory that ends by _exit, and one that execs
 *   children daemon   a grandchild that outlives its parents
 *   children tree     a child and its child, each with a block of its own size */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

/* ---- storm ---- */

static int over;

static void *
allocate_on(void *context)
{
    unsigned state = *(unsigned *)context;
    void *blocks[200] = {NULL};
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        state = state * 1664525U + 1013904223U;
        unsigned slot = state >> 8 & 127;
        free(blocks[slot]);
        size_t size = state >> 16 & 1023;
        size = size > 1000 ? size * 300 : size;
        blocks[slot] = malloc(size);
        CHECK(blocks[slot] != NULL);
        memset(blocks[slot], (int)slot, size < 64 ? size : 64);
    }
    for (int i = 0; i < 200; i++) {
        free(blocks[i]);
    }
    return NULL;
}

static void
work_in_child(void *const *of_parent, int n)
{
    void *blocks[100];
    for (int i = 0; i < n; i++) {
        free(of_parent[i]);
    }
    for (int i = 0; i < 100; i++) {
        blocks[i] = malloc((size_t)i * i * 10);
        CHECK(blocks[i] != NULL);
        memset(blocks[i], i, (size_t)i * i * 10);
    }
    for (int i = 0; i < 100; i++) {
        free(blocks[i]);
    }
}

static int
wait_for(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) != child) {
        CHECK(errno == EINTR);
    }
    return status;
}

static void *
begin_nothing(void *context)
{
    free(malloc(10));
    return context;
}

static void
run_storm(int n_forks)
{
    enum { N_THREADS = 4, N_KEPT = 50 };
    pthread_t threads[N_THREADS];
    unsigned seeds[N_THREADS];
    void *kept[N_KEPT];

    for (unsigned i = 0; i < N_THREADS; i++) {
        seeds[i] = i + 1;
        CHECK(pthread_create(&threads[i], NULL, allocate_on, &seeds[i]) == 0);
    }
    for (int i = 0; i < N_KEPT; i++) {
        kept[i] = malloc((size_t)i * 100);
    }
    for (int i = 0; i < n_forks; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(30); /* a deadlock must not look like patience */
            work_in_child(kept, N_KEPT);
            if (i % 10 == 0) { /* threads can be made there, and another fork */
                pthread_t thread;
                CHECK(pthread_create(&thread, NULL, begin_nothing, NULL) == 0);
                pthread_join(thread, NULL);
                pid_t grandchild = fork();
                if (grandchild == 0) {
                    work_in_child(NULL, 0);
                    _exit(0);
                }
                CHECK(wait_for(grandchild) == 0);
            }
            if (i % 2 == 0) {
                exit(0);
            }
            _exit(0);
        }
        CHECK(wait_for(child) == 0);
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* ---- handler ---- */

static volatile int n_forked;

static void
fork_in_handler(int signal)
{
    (void)signal;
    int saved = errno;
    pid_t child = fork();
    if (child == 0) {
        alarm(30);
        return; /* the child finishes what was interrupted, and sees that it is over */
    }
    CHECK(child > 0);
    CHECK(wait_for(child) == 0);
    n_forked++;
    errno = saved;
}

static void
run_handler(void)
{
    void *blocks[64] = {NULL};
    pid_t self = getpid();
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec often = {.it_value = {.tv_nsec = 1000000}, .it_interval = {.tv_nsec = 1000000}};

    signal(SIGUSR1, fork_in_handler);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &often, NULL) == 0);
    for (unsigned i = 0; n_forked < 200; i++) {
        free(blocks[i % 64]);
        blocks[i % 64] = malloc(i % 3 == 0 ? 70000 + i % 7 * 50000 : i % 3000);
        CHECK(blocks[i % 64] != NULL);
        if (getpid() != self) {
            for (unsigned j = 0; j < 64; j++) {
                free(blocks[j]);
            }
            exit(0);
        }
    }
    signal(SIGUSR1, SIG_IGN);
    if (getpid() != self) { /* forked between the last look and here */
        exit(0);
    }
}

/* ---- vfork ---- */

static void
run_vfork(void)
{
    void *kept = malloc(1000);
    pid_t child = vfork();
    if (child == 0) {
        _exit(9);
    }
    int status = wait_for(child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
    child = vfork();
    if (child == 0) {
        execl("/bin/true", "true", NULL);
        _exit(1);
    }
    CHECK(wait_for(child) == 0);
    free(kept);
}

/* ---- daemon ---- */

static void
run_daemon(void)
{
    int ends[2];
    char byte;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(daemon(0, 1) == 0);
        for (int i = 3; i < 1024; i++) {
            if (i != ends[1]) {
                close(i);
            }
        }
        char *block = malloc(5000000);
        CHECK(block != NULL);
        memset(block, 1, 5000000);
        CHECK(write(ends[1], "d", 1) == 1);
        exit(0);
    }
    wait_for(child);
    close(ends[1]);
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 'd');
    CHECK(read(ends[0], &byte, 1) == 0); /* it has ended, and closed its end */
}

/* ---- tree ---- */

static void
hold(size_t size)
{
    char *block = malloc(size);
    CHECK(block != NULL);
    memset(block, 1, size);
}

static void
run_tree(void)
{
    hold(1000000);
    pid_t child = fork();
    if (child == 0) {
        hold(2000000);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            hold(4000000);
            exit(2);
        }
        wait_for(grandchild);
        exit(1);
    }
    wait_for(child);
}

int
main(int n_arguments, char **arguments)
{
    CHECK(n_arguments >= 2);
    const char *what = arguments[1];
    if (strcmp(what, "storm") == 0) {
        run_storm(n_arguments > 2 ? atoi(arguments[2]) : 1000);
    } else if (strcmp(what, "handler") == 0) {
        run_handler();
    } else if (strcmp(what, "vfork") == 0) {
        run_vfork();
    } else if (strcmp(what, "daemon") == 0) {
        run_daemon();
    } else {
        run_tree();
    }
    puts("ok");
    return 0;
}
