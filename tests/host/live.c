/* live.c - snapshots while the program runs, of which it hears nothing.
 *
 *   live children | handler | threads | nproc | fsize | forks | vforks
 *
 * Each says "ok" and how many snapshots were begun. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static int (*snapshot)(const char *);
static atomic_int n_begun;

static void
pause_for(long milliseconds)
{
    struct timespec left = {.tv_nsec = milliseconds * 1000000};
    while (nanosleep(&left, &left) != 0) {
        CHECK(errno == EINTR);
    }
}

static int
take(const char *name)
{
    int saved = errno = 4711, error = snapshot(name);
    CHECK(errno == saved);
    n_begun += error == 0;
    return error;
}

/* Four at once are written; then it takes a while. */
static void
take_surely(const char *name)
{
    int error;
    while ((error = take(name)) == EAGAIN) {
        pause_for(1);
    }
    CHECK(error == 0);
}

/* ---- the program's own children ---- */

static volatile sig_atomic_t n_signals;

static void
count_signal(int signal)
{
    (void)signal;
    n_signals++;
}

static void
own_children(void)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
    int status;
    CHECK(sigaction(SIGCHLD, &action, NULL) == 0);

    take_surely("first");
    CHECK(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
    CHECK(wait(&status) == -1 && errno == ECHILD);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            _exit(i);
        }
        take_surely(i % 2 == 0 ? "with a child" : NULL);
        CHECK(wait(&status) == child && WIFEXITED(status) && WEXITSTATUS(status) == i);
        CHECK(wait(&status) == -1 && errno == ECHILD);
    }
    pause_for(100); /* those that write have ended by now, or most of them */
    CHECK(n_signals == 20);

    /* Who doesn't want to hear of its children hears nothing, either. */
    action.sa_handler = SIG_IGN;
    CHECK(sigaction(SIGCHLD, &action, NULL) == 0);
    take_surely("ignored");
    siginfo_t info = {0};
    CHECK(waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) == -1 && errno == ECHILD);
}

/* ---- any moment ---- */

static void
take_in_handler(int signal)
{
    (void)signal;
    int saved = errno, error = take("handler");
    CHECK(error == 0 || error == EAGAIN);
    errno = saved;
}

static atomic_bool is_over;

static void *
allocate(void *context)
{
    void *held[100] = {NULL};
    for (size_t i = (size_t)(uintptr_t)context; !is_over; i++) {
        free(held[i % 100]);
        held[i % 100] = malloc(i * 37 % 3000);
        CHECK(held[i % 100] != NULL);
    }
    for (size_t i = 0; i < 100; i++) {
        free(held[i]);
    }
    return NULL;
}

static void
in_handlers(void)
{
    struct sigaction action = {.sa_handler = take_in_handler, .sa_flags = SA_RESTART};
    struct itimerval often = {.it_interval.tv_usec = 3000, .it_value.tv_usec = 3000};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, allocate, NULL) == 0);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    void *held[100] = {NULL};
    for (size_t i = 0; n_begun < 30; i++) {
        held[i % 100] = realloc(held[i % 100], 1 + i * 53 % 5000);
        CHECK(held[i % 100] != NULL);
    }
    often = (struct itimerval){0};
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    is_over = true;
    CHECK(pthread_join(thread, NULL) == 0);
}

static void *
take_some(void *context)
{
    (void)context;
    for (int i = 0; i < 10; i++) {
        take_surely("thread");
    }
    return NULL;
}

static void
in_threads(void)
{
    pthread_t users[4], takers[3];
    for (size_t i = 0; i < 4; i++) {
        CHECK(pthread_create(&users[i], NULL, allocate, (void *)i) == 0);
    }
    for (size_t i = 0; i < 3; i++) {
        CHECK(pthread_create(&takers[i], NULL, take_some, NULL) == 0);
    }
    for (size_t i = 0; i < 3; i++) {
        CHECK(pthread_join(takers[i], NULL) == 0);
    }
    is_over = true;
    for (size_t i = 0; i < 4; i++) {
        CHECK(pthread_join(users[i], NULL) == 0);
    }
}

/* ---- the system refuses ---- */

static void
without_processes(void)
{
    struct rlimit none = {0, 0};
    CHECK(setrlimit(RLIMIT_NPROC, &none) == 0);
    if (geteuid() == 0) { /* whom the limit doesn't bind */
        CHECK(setresuid(65534, 65534, 65534) == 0);
    }
    for (int i = 0; i < 10; i++) {
        CHECK(take("never") == EAGAIN);
    }
}

static void
without_room(void)
{
    struct rlimit small = {4096, 4096};
    struct sigaction action = {.sa_handler = count_signal};
    CHECK(sigaction(SIGXFSZ, &action, NULL) == 0);
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    for (int i = 0; i < 10; i++) {
        take_surely("too large");
    }
    CHECK(n_signals == 0);
}

/* Children have their own snapshots; what the parent has begun is none of theirs. */
static void
in_forks(void)
{
    take_surely("parent");
    for (int i = 0; i < 5; i++) {
        pid_t child = fork();
        int status;
        CHECK(child >= 0);
        if (child == 0) {
            void *large = malloc(2 << 20);
            CHECK(large != NULL);
            memset(large, 1, 2 << 20);
            take_surely("child");
            exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    take_surely("parent");
}

static int
count_children(void)
{
    char path[64], numbers[512];
    CHECK(snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid()) > 0);
    int file = open(path, O_RDONLY | O_CLOEXEC), n = 0;
    ssize_t size = file < 0 ? -1 : read(file, numbers, sizeof numbers);
    CHECK(size >= 0 && close(file) == 0);
    for (ssize_t i = 0; i < size; i++) {
        n += numbers[i] == ' ';
    }
    return n;
}

/* Children that run in the parent's memory, or are made past libc, have none; and what the parent has begun is not theirs
 * to wait for. */
__attribute__((noinline)) static void
refuse_child(bool is_beside)
{
    int status;
    pid_t child = is_beside ? vfork() : (pid_t)syscall(SYS_fork);
    CHECK(child >= 0);
    if (child == 0) {
        _exit(snapshot("child") == ENOTSUP ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void
in_vforks(void)
{
    for (int i = 0; i < 6; i++) {
        take_surely("parent");
        refuse_child(i % 2 == 0);
    }
    /* What has ended is taken note of with the next one: then that one is alone. */
    bool is_alone = false;
    for (int tries = 0; !is_alone && tries < 100; tries++) {
        pause_for(100);
        take_surely("parent");
        is_alone = count_children() <= 1;
    }
    CHECK(is_alone);
}

int
main(int n, char **arguments)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } parts[] = {{"children", own_children},   {"handler", in_handlers}, {"threads", in_threads},
                 {"nproc", without_processes}, {"fsize", without_room},  {"forks", in_forks},
                 {"vforks", in_vforks}};
    void *found = dlsym(RTLD_DEFAULT, "ouro_host_snapshot");
    CHECK(n == 2 && found != NULL);
    memcpy(&snapshot, &found, sizeof snapshot);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(arguments[1], parts[i].name) == 0) {
            parts[i].run();
            CHECK(dprintf(1, "ok %d\n", (int)n_begun) > 0);
            return 0;
        }
    }
    return 2;
}
