/* cmd_snapshot.h - `ouro snapshot`: a picture of a process that runs. */
#ifndef OURO_CLI_CMD_SNAPSHOT_H
#define OURO_CLI_CMD_SNAPSHOT_H

/* Arguments from the verb on; the exit code. */
int ouro__cmd_snapshot(int count, char **arguments);

#endif
