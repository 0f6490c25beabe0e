/* cmd_run.h - the verb `run`, and what other verbs that run a program share with it. */
#ifndef OURO_CLI_CMD_RUN_H
#define OURO_CLI_CMD_RUN_H

#include <getopt.h>

#include "run/run.h"

/* arguments[0] is "run".  Returns an exit code, or does not return where the program was ended by a
 * signal: then the tool ends by the same. */
int ouro__cmd_run(int count, char **arguments);

/* The options of `run`, for getopt_long(), with "hfo:" for short ones; the last is zero. */
extern const struct option ouro__run_options[];

/* What holds without any option. */
void ouro__run_options_begin(struct ouro__options *options);

/* Act on one option; -1 to go on, otherwise an exit code.  `given` is how it was written. */
int ouro__run_option_take(struct ouro__options *options, int option, const char *given);

/* Told of a run when all else is done; may write to standard output. */
typedef void (*ouro__run_show)(const struct ouro__run *run, void *context);

/* Run a program, NULL-ended; `show` may be NULL.  Returns as ouro__cmd_run() does. */
int ouro__run_program(const struct ouro__options *options, char **command, ouro__run_show show,
                      void *context);

/* main.c: print the version; returns an exit code. */
int ouro__print_version(void);

#endif
