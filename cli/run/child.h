/* child.h - one program, run so that neither it nor the shell can tell that somebody stands between. */
#ifndef OURO_CLI_CHILD_H
#define OURO_CLI_CHILD_H

#include <signal.h>
#include <stdbool.h>

#include "run/run.h"

struct ouro__child {
    sigset_t mask_before;          /* the signal mask that the tool was started with */
    struct sigaction child_before; /* and its SIGCHLD */
    struct ouro__ending ending;
    int exec_error;      /* errno, when the program could not be executed */
    uint64_t started_ns; /* CLOCK_MONOTONIC */
};

/* From here on signals wait: none can end the tool before it has put its things away. */
void ouro__child_hold_signals(struct ouro__child *child);

/* Start `file` (looked up on the PATH) with signals as they were.  False when there is no child, with
 * `exec_error` set when that is the program's fault. */
bool ouro__child_start(struct ouro__child *child, const char *file, char *const *arguments);

/* What else is to be done while the child runs: `look` is called often, at least when the nanoseconds have passed that
 * it returned. */
struct ouro__child_tick {
    uint64_t (*look)(void *context);
    void *context;
};

/* Pass signals on until the child has ended; `tick` may be NULL.  It stays a zombie, so that its pid is nobody else's. */
void ouro__child_wait(struct ouro__child *child, const struct ouro__child_tick *tick);

/* Take leave of the zombie; `ending` is complete then. */
void ouro__child_reap(struct ouro__child *child);

/* Signals act again as they did when the tool was started; those that came for the child are dropped. */
void ouro__child_release_signals(struct ouro__child *child);

/* End the tool as the child ended. */
_Noreturn void ouro__child_end_alike(const struct ouro__child *child);

#endif
