/* progress.c - a line on a terminal for who waits.
 *
 * A timer shows it, once work has taken half a second, and brings it up to date: what works needs to say no more than what
 * it begins, and nothing is written where nobody waits.  The handler only calls the system; the line is made before. */
#define _GNU_SOURCE
#include "progress.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "run/run.h"
#include "text.h"

#define FIRST_US 500000 /* after the first step */
#define NEXT_US 100000
#define NAME_MOST 40 /* columns */
#define LABEL_MOST 256

static const char gone[] = "\r\033[K"; /* to the line's beginning; clear it */

static struct {
    bool is_allowed;
    bool is_timed;
    char label[LABEL_MOST];
    size_t n_label;
    int file;      /* that is read, -1 for none */
    off_t n_bytes; /* of the file; 0 when nobody knows */
    volatile sig_atomic_t is_shown;
} progress = {.file = -1};

/* Decimal digits of 0 to 100 and a per cent sign behind a label; how many bytes. */
static size_t
percent_put(char *to, unsigned percent)
{
    size_t n = 0;

    to[n++] = ',';
    to[n++] = ' ';
    if (percent >= 100) {
        to[n++] = '1';
    }
    if (percent >= 10) {
        to[n++] = (char)('0' + percent / 10 % 10);
    }
    to[n++] = (char)('0' + percent % 10);
    to[n++] = ' ';
    to[n++] = '%';
    return n;
}

static void
on_timer(int signal)
{
    char line[sizeof gone + LABEL_MOST + 16];
    size_t n = sizeof gone - 1;
    int saved = errno;

    (void)signal;
    memcpy(line, gone, n);
    memcpy(line + n, progress.label, progress.n_label);
    n += progress.n_label;
    off_t at = progress.n_bytes == 0 ? -1 : lseek(progress.file, 0, SEEK_CUR);
    if (at >= 0 && at <= progress.n_bytes) {
        n += percent_put(line + n, (unsigned)(100 * (double)at / (double)progress.n_bytes));
    }
    if (write(STDERR_FILENO, line, n) > 0) {
        progress.is_shown = 1;
    }
    errno = saved;
}

/* Have the timer wait, or let it come again. */
static void
timer_hold(bool hold)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGALRM);
    (void)sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void
timer_set(bool is_on)
{
    struct sigaction action = {.sa_handler = is_on ? on_timer : SIG_IGN, .sa_flags = SA_RESTART};
    struct itimerval times = {0};

    if (is_on) {
        times = (struct itimerval){.it_interval.tv_usec = NEXT_US, .it_value.tv_usec = FIRST_US};
    }
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &times, NULL);
    progress.is_timed = is_on;
}

void
ouro__progress_allow(void)
{
    const char *terminal = getenv("TERM");
    bool is_dumb = terminal == NULL || terminal[0] == '\0' || strcmp(terminal, "dumb") == 0;

    progress.is_allowed = !is_dumb && isatty(STDERR_FILENO) == 1;
}

void
ouro__progress_step(const char *what, const char *path, FILE *file)
{
    struct ouro__text label = {0};
    struct stat info;

    if (!progress.is_allowed) {
        return;
    }
    ouro__text_print(&label, "ouro: %s ", what);
    (void)ouro__text_add_shown(&label, ouro__name_of(path), NAME_MOST);
    timer_hold(true);
    progress.n_label = label.failed || label.length > LABEL_MOST ? 0 : label.length;
    memcpy(progress.label, label.data == NULL ? "" : label.data, progress.n_label);
    progress.file = file == NULL ? -1 : fileno(file);
    bool is_plain = file != NULL && fstat(progress.file, &info) == 0 && S_ISREG(info.st_mode);
    progress.n_bytes = is_plain ? info.st_size : 0;
    if (!progress.is_timed) {
        timer_set(true);
    }
    timer_hold(false);
    ouro__text_free(&label);
}

void
ouro__progress_end(void)
{
    if (!progress.is_timed) {
        return;
    }
    timer_hold(true);
    timer_set(false); /* what has come meanwhile is forgotten */
    timer_hold(false);
    progress.file = -1;
    progress.n_bytes = 0;
    if (progress.is_shown != 0) {
        progress.is_shown = 0;
        (void)!write(STDERR_FILENO, gone, sizeof gone - 1);
    }
}
