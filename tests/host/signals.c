/* signals.c - a storm of signals over a program that allocates and makes system calls. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <unistd.h>

#include "check.h"

static volatile long n_signals;

static void
count(int signal)
{
    (void)signal;
    n_signals++;
}

int
main(void)
{
    enum { N = 500 };
    static unsigned char *blocks[N];
    static size_t sizes[N];
    struct sigaction action = {.sa_handler =
                                   count}; /* no SA_RESTART: system calls do fail with EINTR */
    struct itimerval often = {.it_interval = {.tv_usec = 200}, .it_value = {.tv_usec = 200}};
    uint32_t state = 1;

    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (long i = 0; n_signals < 3000 || i < 100000; i++) {
        state = state * 1664525U + 1013904223U;
        size_t slot = (state >> 8) % N;
        for (size_t j = 0; j < sizes[slot]; j += 61) {
            CHECK(blocks[slot][j] == (unsigned char)slot);
        }
        sizes[slot] = (state >> 16) % 97 == 0 ? (state >> 4) % 900000 : (state >> 12) % 5000;
        if (i % 5 == 0) {
            blocks[slot] = realloc(blocks[slot], sizes[slot] + 1);
        } else {
            free(blocks[slot]);
            blocks[slot] = malloc(sizes[slot]);
        }
        CHECK(blocks[slot] != NULL);
        memset(blocks[slot], (int)slot, sizes[slot]);
        if (i % 1000 == 0) {
            CHECK(usleep(300) == 0 || errno == EINTR);
        }
    }
    puts("ok");
    return 0;
}
