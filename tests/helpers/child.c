/* child.c - see child.h. */
#define _DEFAULT_SOURCE
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "require.h"

static void
run_in_child(int error_pipe, child_main main, void *context, unsigned seconds)
{
    struct rlimit no_core = {.rlim_cur = 0, .rlim_max = 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(error_pipe, STDERR_FILENO);
    close(error_pipe);
    signal(SIGALRM, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    alarm(seconds);
    main(context);
    _exit(0);
}

/* Read until the child closes its end; keep the beginning, drain the rest so that it never blocks. */
static void
read_text(int from, char *text, size_t size)
{
    size_t n_kept = 0;
    char rest[512];
    for (;;) {
        bool keep = n_kept + 1 < size;
        ssize_t n = keep ? read(from, text + n_kept, size - 1 - n_kept) : read(from, rest, sizeof rest);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        n_kept += keep ? (size_t)n : 0;
    }
    text[n_kept] = '\0';
}

struct child_end
child_run(child_main main, void *context, unsigned seconds)
{
    struct child_end end = {.signal = 0, .code = -1, .text = ""};
    int ends[2];
    REQUIRE(pipe(ends) == 0, "no pipe: %s", strerror(errno));
    fflush(NULL);

    pid_t pid = fork();
    REQUIRE(pid >= 0, "no fork: %s", strerror(errno));
    if (pid == 0) {
        close(ends[0]);
        run_in_child(ends[1], main, context, seconds);
    }
    close(ends[1]);
    read_text(ends[0], end.text, sizeof end.text);
    close(ends[0]);

    int status;
    while (waitpid(pid, &status, 0) < 0) {
        REQUIRE(errno == EINTR, "cannot wait: %s", strerror(errno));
    }
    if (WIFSIGNALED(status)) {
        end.signal = WTERMSIG(status);
    } else {
        end.code = WEXITSTATUS(status);
    }
    return end;
}

static bool
contains_any_case(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (; *text != '\0'; text++) {
        if (strncasecmp(text, word, length) == 0) {
            return true;
        }
    }
    return false;
}

bool
child_aborted_saying(const struct child_end *end, const char *word)
{
    return end->signal == SIGABRT && contains_any_case(end->text, word);
}
