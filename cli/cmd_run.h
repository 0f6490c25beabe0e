/* cmd_run.h - the verb `run`. */
#ifndef OURO_CLI_CMD_RUN_H
#define OURO_CLI_CMD_RUN_H

/* arguments[0] is "run".  Returns an exit code, or does not return where the program was ended by a
 * signal: then the tool ends by the same. */
int ouro__cmd_run(int count, char **arguments);

/* main.c: print the version; returns an exit code. */
int ouro__print_version(void);

#endif
