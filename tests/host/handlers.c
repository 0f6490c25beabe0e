/* handlers.c - a signal handler that forks, and whose child allocates, while threads allocate. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { N_THREADS = 2, N_FORKS = 200, N_BLOCKS = 64 };

static volatile int n_forks;
static volatile int is_over;

static void
fork_here(int signal)
{
    (void)signal;
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        void *volatile block = malloc(10);
        free(block);
        _exit(3);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);
    n_forks++;
}

static void *
allocate(void *context)
{
    void *blocks[N_BLOCKS];
    while (!is_over) {
        for (int i = 0; i < N_BLOCKS; i++) {
            blocks[i] = malloc(16 + (size_t)i * 7);
            CHECK(blocks[i] != NULL);
        }
        for (int i = 0; i < N_BLOCKS; i++) {
            blocks[i] = realloc(blocks[i], 100);
            free(blocks[i]);
        }
        if (context == NULL && n_forks >= N_FORKS) {
            is_over = 1;
        }
    }
    return NULL;
}

int
main(void)
{
    struct sigaction action = {.sa_handler = fork_here};
    struct itimerval often = {.it_interval = {.tv_usec = 3000}, .it_value = {.tv_usec = 3000}};
    pthread_t threads[N_THREADS];
    sigset_t alarm;

    CHECK(sigemptyset(&alarm) == 0 && sigaddset(&alarm, SIGALRM) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &alarm, NULL) == 0);
    for (int i = 0; i < N_THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, allocate, threads) == 0);
    }
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && pthread_sigmask(SIG_UNBLOCK, &alarm, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    allocate(NULL);
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL) == 0);
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    puts("ok");
    return 0;
}
