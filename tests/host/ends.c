/* ends.c - one program with every way to end.
 *
 *   ends HOW [PROGRAM] : return exit _exit _Exit quick_exit pthread_exit abort kill
 *                        exit_in_handler _exit_in_handler
 *                        execve execv execvp execvpe execl execlp execle fexecve (of PROGRAM, "replaced" its argument)
 *                        execfail (tries to, and returns 5)
 *   ends replaced      : what the exec forms run */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "check.h"

static bool
is_called(const char *how, const char *name)
{
    return strcmp(how, name) == 0;
}

static void
end_in_handler(int signal)
{
    if (signal == SIGUSR1) {
        exit(7);
    }
    _exit(7);
}

/* Signals arrive while the main thread is inside the heap, mostly. */
static void *
interrupt_main(void *main_thread)
{
    usleep(20000);
    pthread_kill(*(pthread_t *)main_thread, SIGUSR2);
    return NULL;
}

static void
end_inside_heap(int number)
{
    static void *blocks[64];
    static pthread_t main_thread;
    pthread_t thread;

    signal(SIGUSR1, end_in_handler);
    signal(SIGUSR2, end_in_handler);
    if (number == SIGUSR1) { /* exit() in a handler: alarm, so that it is one thread alone */
        signal(SIGALRM, end_in_handler);
        struct sigaction action = {.sa_handler = end_in_handler};
        sigaction(SIGUSR1, &action, NULL);
        timer_t timer;
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
        CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
        struct itimerspec soon = {.it_value = {.tv_nsec = 20000000}};
        CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
    } else {
        main_thread = pthread_self();
        CHECK(pthread_create(&thread, NULL, interrupt_main, &main_thread) == 0);
    }
    for (unsigned i = 0;; i++) { /* sizes that go to the range each time */
        free(blocks[i % 64]);
        blocks[i % 64] = malloc(70000 + i % 7 * 50000);
        CHECK(blocks[i % 64] != NULL);
    }
}

static void
replace(const char *how, char *program)
{
    extern char **environ;
    char *arguments[] = {program, "replaced", NULL};

    if (is_called(how, "execve")) {
        execve(program, arguments, environ);
    } else if (is_called(how, "execv")) {
        execv(program, arguments);
    } else if (is_called(how, "execvp")) {
        execvp(program, arguments);
    } else if (is_called(how, "execvpe")) {
        execvpe(program, arguments, environ);
    } else if (is_called(how, "execl")) {
        execl(program, program, "replaced", NULL);
    } else if (is_called(how, "execlp")) {
        execlp(program, program, "replaced", NULL);
    } else if (is_called(how, "execle")) {
        execle(program, program, "replaced", NULL, environ);
    } else if (is_called(how, "fexecve")) {
        fexecve(open(program, O_RDONLY | O_CLOEXEC), arguments, environ);
    }
    CHECK(!"exec came back");
}

static void *
end_last(void *context)
{
    pthread_join(*(pthread_t *)context, NULL);
    free(malloc(100));
    return NULL;
}

int
main(int n_arguments, char **arguments)
{
    static pthread_t main_thread;
    pthread_t thread;
    CHECK(n_arguments >= 2);
    const char *how = arguments[1];

    char *kept = malloc(3000000);
    CHECK(kept != NULL);
    memset(kept, 1, 3000000);
    if (is_called(how, "replaced")) {
        puts("replaced");
        return 6;
    } else if (is_called(how, "exit")) {
        exit(3);
    } else if (is_called(how, "_exit")) {
        _exit(3);
    } else if (is_called(how, "_Exit")) {
        _Exit(3);
    } else if (is_called(how, "quick_exit")) {
        quick_exit(3);
    } else if (is_called(how, "pthread_exit")) {
        main_thread = pthread_self();
        CHECK(pthread_create(&thread, NULL, end_last, &main_thread) == 0);
        pthread_exit(NULL);
    } else if (is_called(how, "abort")) {
        abort();
    } else if (is_called(how, "kill")) {
        kill(getpid(), SIGKILL);
    } else if (is_called(how, "exit_in_handler")) {
        end_inside_heap(SIGUSR1);
    } else if (is_called(how, "_exit_in_handler")) {
        end_inside_heap(SIGUSR2);
    } else if (is_called(how, "execfail")) {
        char *none[] = {"none", NULL};
        CHECK(execv("/nonexistent/program", none) == -1 && errno == ENOENT);
        CHECK(execlp("no-such-program-anywhere", "x", NULL) == -1 && errno == ENOENT);
        return 5;
    } else if (n_arguments == 3) {
        replace(how, arguments[2]);
    }
    return 3;
}
