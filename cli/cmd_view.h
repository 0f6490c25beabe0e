/* cmd_view.h - the verbs that show snapshots: `ouro report`, `lines`, `diff`, `plot`, `export` and `sql`. */
#ifndef OURO_CLI_CMD_VIEW_H
#define OURO_CLI_CMD_VIEW_H

/* Arguments from the verb on; the exit code. */
int ouro__cmd_report(int count, char **arguments);
int ouro__cmd_lines(int count, char **arguments); /* may run a program, then as ouro__cmd_run() */
int ouro__cmd_diff(int count, char **arguments);
int ouro__cmd_plot(int count, char **arguments);
int ouro__cmd_export(int count, char **arguments);
int ouro__cmd_sql(int count, char **arguments);

#endif
