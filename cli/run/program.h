/* program.h - what PROGRAM is: found on the PATH, followed through scripts to what the kernel loads. */
#ifndef OURO_CLI_PROGRAM_H
#define OURO_CLI_PROGRAM_H

#include <stdbool.h>

#include "run/run.h"

struct ouro__program {
    char **arguments; /* what to execute, NULL-ended; the array is owned, its strings are not */
    char *own_text;   /* owned storage behind some of them */
    char *path;       /* the binary that is loaded in the end, owned; NULL when it is not known */
    const struct ouro__reason *left_alone; /* NULL: the loader will take Ouro */
    bool spoils;                           /* its loader takes LD_PRELOAD and would choke on the host */
};

/* Look at `command`, NULL-ended.  False when memory runs out, or when a .py file has no python3 to run
 * it; then an exit code is in `code` and a line was said. */
bool ouro__program_find(struct ouro__program *program, char **command, int *code);

/* Whether there is a file of that name where execvp() looks, executable or not. */
bool ouro__program_exists(const char *name);

void ouro__program_free(struct ouro__program *program);

#endif
