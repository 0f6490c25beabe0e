/* child.h - run a function in a forked child and see how it ended and what it said.
 *
 * For what must end a process (a double free that is noticed) and for what must not (anything that could
 * hang: a child has a time limit). */
#ifndef OURO_TESTS_CHILD_H
#define OURO_TESTS_CHILD_H

#include <stdbool.h>

struct child_end {
    int signal;      /* that ended it, 0 if none */
    int code;        /* its exit code, -1 when a signal ended it */
    char text[8192]; /* the beginning of what it wrote to standard error */
};

/* What the child does; it ends with exit code 0 when this returns. */
typedef void (*child_main)(void *context);

/* Fork, run `main` in the child, wait for its end.  After `seconds` the child is killed by SIGALRM. */
struct child_end child_run(child_main main, void *context, unsigned seconds);

/* Whether the child was ended by abort() and its message contains `word`, in any case of letters. */
bool child_aborted_saying(const struct child_end *end, const char *word);

#endif
