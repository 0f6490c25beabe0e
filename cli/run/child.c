/* child.c - one program, run so that neither it nor the shell can tell that somebody stands between.
 *
 * The tool blocks every signal before it forks and takes them one by one with sigwaitinfo: no handler,
 * no race.  The child gets the old mask back before exec; dispositions were never changed, but for
 * SIGCHLD, which it gets back too.  The child stays in the tool's process group, so the terminal's own
 * signals reach it without help; what was sent to the tool alone is passed on. */
#define _GNU_SOURCE
#include "run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

/* How many milliseconds the shell's SIGCONT may take to the child before it gets one of ours. */
#define CONTINUE_TRIES 20

static uint64_t
clock_read(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void
ouro__child_hold_signals(struct ouro__child *child)
{
    sigset_t all;
    struct sigaction plain = {.sa_handler = SIG_DFL};

    *child = (struct ouro__child){0};
    sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &child->mask_before);
    /* With SIGCHLD ignored the kernel would throw the exit status away. */
    (void)sigaction(SIGCHLD, &plain, &child->child_before);
}

/* In the child: become the program, or tell the parent why not. */
static _Noreturn void
child_become(const struct ouro__child *child, const char *file, char *const *arguments, int tell)
{
    (void)sigaction(SIGCHLD, &child->child_before, NULL);
    (void)sigprocmask(SIG_SETMASK, &child->mask_before, NULL);
    (void)execvp(file, arguments);
    int error = errno;
    (void)!write(tell, &error, sizeof error);
    _exit(OURO_EXIT_MISSING);
}

bool
ouro__child_start(struct ouro__child *child, const char *file, char *const *arguments)
{
    int pipe_ends[2];
    int error = 0;
    ssize_t got;

    if (pipe2(pipe_ends, O_CLOEXEC) != 0) {
        ouro__say("cannot make a pipe: %s", strerror(errno));
        return false;
    }
    child->started_ns = clock_read(CLOCK_MONOTONIC);
    child->ending.began_ns = clock_read(CLOCK_REALTIME);
    child->ending.pid = fork();
    if (child->ending.pid == 0) {
        child_become(child, file, arguments, pipe_ends[1]);
    }
    if (child->ending.pid < 0) {
        ouro__say("cannot fork: %s", strerror(errno));
    }
    (void)close(pipe_ends[1]);
    /* Nothing comes, and the end of file, when exec has closed the child's end. */
    do {
        got = read(pipe_ends[0], &error, sizeof error);
    } while (got < 0 && errno == EINTR);
    (void)close(pipe_ends[0]);
    if (child->ending.pid > 0 && got == (ssize_t)sizeof error) {
        child->exec_error = error;
        (void)waitpid(child->ending.pid, NULL, 0);
    }
    return child->ending.pid > 0 && child->exec_error == 0;
}

/* Whether the terminal, or the kernel for it, has sent this signal to the whole process group. */
static bool
signal_came_to_group(const siginfo_t *info)
{
    if (info->si_code != SI_KERNEL) {
        return false;
    }
    switch (info->si_signo) {
    case SIGINT:
    case SIGQUIT:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
    case SIGWINCH:
        return true;
    case SIGHUP: /* of a hang-up the kernel tells the leader of the session alone */
        return getsid(0) != getpid();
    default:
        return false;
    }
}

static void
signal_pass_on(pid_t pid, const siginfo_t *info)
{
    if (signal_came_to_group(info)) {
        return;
    }
    /* kill(0, ...) and kill(getppid(), ...) from the child itself: it knows already. */
    if ((info->si_code == SI_USER || info->si_code == SI_QUEUE) && info->si_pid == pid) {
        return;
    }
    if (info->si_code == SI_QUEUE) {
        (void)sigqueue(pid, info->si_signo, info->si_value);
    } else {
        (void)kill(pid, info->si_signo);
    }
}

/* The shell has continued us.  Usually it has continued the whole group; if not, the child is told. */
static void
child_continue(pid_t pid, bool *stopped)
{
    struct timespec pause = {.tv_nsec = 1000000};

    for (int i = 0; *stopped && i < CONTINUE_TRIES; i++) {
        siginfo_t info = {0};
        /* Continued, or stopped anew (the stop that we know of was taken): the shell's signal was there. */
        int options = WCONTINUED | WSTOPPED | WNOHANG | WNOWAIT;
        if (waitid(P_PID, (id_t)pid, &info, options) == 0 && info.si_pid == pid) {
            *stopped = false;
        } else {
            (void)nanosleep(&pause, NULL);
        }
    }
    if (*stopped) {
        *stopped = false;
        (void)kill(pid, SIGCONT);
    }
}

/* Whether somebody sits at a terminal and waits for us: then the shell must hear that the job stopped. */
static bool
is_foreground_job(void)
{
    int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0) {
        return false;
    }
    bool foreground = tcgetpgrp(terminal) == getpgrp();
    (void)close(terminal);
    return foreground;
}

/* The child has stopped; stop likewise, so that the shell gets its terminal back.  Where no shell waits,
 * SIGSTOP is somebody's way to hold the child for a moment, and is none of ours. */
static void
stop_alike(pid_t pid, int signal)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    struct sigaction before;
    siginfo_t info = {0};
    sigset_t one;

    if (waitid(P_PID, (id_t)pid, &info, WCONTINUED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid) {
        return; /* it goes on already */
    }
    if (signal == SIGSTOP) {
        if (is_foreground_job()) {
            (void)raise(SIGSTOP);
        }
        return;
    }
    (void)sigaction(signal, &plain, &before);
    (void)raise(signal);
    sigemptyset(&one);
    sigaddset(&one, signal);
    (void)sigprocmask(SIG_UNBLOCK, &one, NULL); /* here the tool stops */
    (void)sigprocmask(SIG_BLOCK, &one, NULL);
    (void)sigaction(signal, &before, NULL);
}

/* Something changed for the child.  True when it has ended. */
static bool
child_look(pid_t pid, bool *stopped)
{
    siginfo_t info = {0};

    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid) {
        return true;
    }
    info = (siginfo_t){0};
    if (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid == pid) {
        *stopped = true;
        stop_alike(pid, info.si_status);
    }
    return false;
}

/* The next signal; 0 or less when `tick` is due first. */
static int
signal_take(siginfo_t *info, const struct ouro__child_tick *tick)
{
    sigset_t all;

    sigfillset(&all);
    if (tick == NULL) {
        return sigwaitinfo(&all, info);
    }
    uint64_t pause = tick->look(tick->context);
    struct timespec time = {.tv_sec = (time_t)(pause / 1000000000U),
                            .tv_nsec = (long)(pause % 1000000000U)};
    return sigtimedwait(&all, info, &time);
}

void
ouro__child_wait(struct ouro__child *child, const struct ouro__child_tick *tick)
{
    siginfo_t info;
    bool stopped = false;

    while (!child_look(child->ending.pid, &stopped)) {
        int signal = signal_take(&info, tick);
        if (signal == SIGCONT) {
            child_continue(child->ending.pid, &stopped);
        } else if (signal > 0 && signal != SIGCHLD) {
            signal_pass_on(child->ending.pid, &info);
        }
    }
    child->ending.wall_ns = clock_read(CLOCK_MONOTONIC) - child->started_ns;
}

void
ouro__child_reap(struct ouro__child *child)
{
    struct ouro__ending *ending = &child->ending;
    int status = 0;

    while (wait4(ending->pid, &status, 0, &ending->usage) < 0 && errno == EINTR) {
    }
    ending->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    ending->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    ending->core_dumped = WIFSIGNALED(status) && WCOREDUMP(status);
}

void
ouro__child_release_signals(struct ouro__child *child)
{
    struct timespec no_time = {0};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t all;

    sigfillset(&all);
    while (sigtimedwait(&all, NULL, &no_time) > 0) {
    }
    (void)sigaction(SIGCHLD, &child->child_before, NULL);
    /* A reader of the report that has gone must not change how the tool ends, nor a terminal that hangs up: the leader of
     * its session hears of that before the group does, and the program may be over between the two. */
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigaction(SIGHUP, &ignore, NULL);
    (void)sigprocmask(SIG_SETMASK, &child->mask_before, NULL);
}

_Noreturn void
ouro__child_end_alike(const struct ouro__child *child)
{
    int signal = child->ending.signal;
    if (signal != 0) {
        struct sigaction plain = {.sa_handler = SIG_DFL};
        struct rlimit none = {0, 0};
        sigset_t one;

        /* One core is enough, and it is the child's. */
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        (void)sigaction(signal, &plain, NULL);
        (void)raise(signal);
        sigemptyset(&one);
        sigaddset(&one, signal);
        (void)sigprocmask(SIG_UNBLOCK, &one, NULL);
        _exit(128 + signal);
    }
    _exit(child->ending.exit_code);
}
