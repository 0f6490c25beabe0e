/* cmd_view.h - the verbs that show snapshots: `ouro report`, `ouro diff`, `ouro export`, `ouro sql`. */
#ifndef OURO_CLI_CMD_VIEW_H
#define OURO_CLI_CMD_VIEW_H

/* Arguments from the verb on; the exit code. */
int ouro__cmd_report(int count, char **arguments);
int ouro__cmd_diff(int count, char **arguments);
int ouro__cmd_export(int count, char **arguments);
int ouro__cmd_sql(int count, char **arguments);

#endif
