/* measure.c - run a program and say what it used: wall, user and system seconds, peak resident kB, and how
 * it ended.
 *
 *     measure FILE [NAME=VALUE ...] -- PROGRAM [ARGUMENT ...]
 *
 * The line goes to FILE.  A process inherits the peak of the one that starts it as its own at first, and an
 * interpreter that starts others is not small; this program is.  What the program waited for counts in. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int
main(int argc, char **argv)
{
    int first = 2;
    while (first < argc && strcmp(argv[first], "--") != 0)
        first++;
    if (first + 1 >= argc) {
        fputs("use: measure FILE [NAME=VALUE ...] -- PROGRAM [ARGUMENT ...]\n", stderr);
        return 2;
    }

    double began = now();
    pid_t child = fork();
    if (child < 0) {
        perror("measure: fork");
        return 1;
    }
    if (child == 0) {
        for (int i = 2; i < first; i++)
            putenv(argv[i]);
        execvp(argv[first + 1], argv + first + 1);
        fprintf(stderr, "measure: %s: %s\n", argv[first + 1], strerror(errno));
        _exit(127);
    }

    int status;
    struct rusage usage;
    while (wait4(child, &status, 0, &usage) < 0)
        if (errno != EINTR)
            return 1;
    double wall = now() - began;

    FILE *file = fopen(argv[1], "w");
    if (file == NULL) {
        perror(argv[1]);
        return 1;
    }
    fprintf(file, "%.6f %.6f %.6f %ld %d\n", wall, seconds(usage.ru_utime), seconds(usage.ru_stime),
            usage.ru_maxrss, WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
    return fclose(file) == 0 ? 0 : 1;
}
