/* narrow.c - ends and snapshots on stacks that hold little.
 *
 *   narrow exit | quit | snapshot | growth   on a thread with the smallest stack that the system grants
 *   narrow handler | signal                  beside a stack for handlers of 8 KiB, which the system's own frame takes
 *                                            nearly half of: _exit() there, and a signal that asks for a snapshot
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define N_HELD 2000
#define HANDLER_STACK 8192

static void *held[N_HELD];

/* Traces enough for more than one chunk of each kind. */
static void
hold_some(void)
{
    for (size_t i = 0; i < N_HELD; i++) {
        held[i] = malloc(16 * i + 1);
        CHECK(held[i] != NULL);
    }
}

static void
take(void)
{
    int (*snapshot)(const char *);
    void *found = dlsym(RTLD_DEFAULT, "ouro_host_snapshot");
    CHECK(found != NULL);
    memcpy(&snapshot, &found, sizeof snapshot);
    CHECK(snapshot("narrow") == 0);
}

static void *
on_small_stack(void *context)
{
    const char *what = context;
    if (strcmp(what, "exit") == 0) {
        exit(3);
    } else if (strcmp(what, "quit") == 0) {
        _exit(3);
    } else if (strcmp(what, "snapshot") == 0) {
        take();
    } else {
        for (size_t i = 0; i < 40; i++) {
            free(held[i]);
            held[i] = malloc(1 << 20);
            CHECK(held[i] != NULL);
        }
    }
    return NULL;
}

static void
begin_thread(char *what)
{
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0);
    CHECK(pthread_create(&thread, &attributes, on_small_stack, what) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void
quit(int signal)
{
    (void)signal;
    _exit(3);
}

/* A page that nobody may touch lies below. */
static void
raise_beside_small_stack(bool handles)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *at =
        mmap(NULL, HANDLER_STACK + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED && mprotect(at, page, PROT_NONE) == 0);
    stack_t stack = {.ss_sp = at + page, .ss_size = HANDLER_STACK};
    CHECK(sigaltstack(&stack, NULL) == 0);
    struct sigaction action = {.sa_handler = quit, .sa_flags = SA_ONSTACK};
    CHECK(!handles || sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(raise(SIGUSR1) == 0);
}

int
main(int n, char **arguments)
{
    CHECK(n == 2);
    hold_some();
    if (strcmp(arguments[1], "handler") == 0 || strcmp(arguments[1], "signal") == 0) {
        raise_beside_small_stack(strcmp(arguments[1], "handler") == 0);
    } else {
        begin_thread(arguments[1]);
    }
    return 3;
}
