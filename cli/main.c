/* main.c - the tool `ouro`: which verb, and the few words it says of itself. */
#define _GNU_SOURCE
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <ouro/base.h>

#include "cmd_run.h"
#include "cmd_snapshot.h"
#include "cmd_view.h"
#include "json_values.h"
#include "output.h"
#include "progress.h"
#include "run/run.h"
#include "text.h"

static const char help[] =
    "usage: ouro VERB [options] ...\n"
    "\n"
    "Puts a program on Ouro's memory manager and shows where its memory goes.\n"
    "\n"
    "verbs:\n"
    "  run PROGRAM [args]   run a program (python3 app.py, app.py, any executable) and\n"
    "                       report on its memory at the end\n"
    "  snapshot PID         of a program that runs under `ouro run`, now\n"
    "  report FILE          where the memory in a snapshot came from\n"
    "  lines FILE|PROGRAM   the program's source with memory by line\n"
    "  diff BEFORE AFTER    what grew from one snapshot to another\n"
    "  plot FILE            memory over time, as a chart or a picture\n"
    "  export FILE          a snapshot for other programs: pprof, speedscope, ...\n"
    "  sql FILE STATEMENT   a snapshot's tables, asked in SQL\n"
    "\n"
    "options:\n"
    "  --help               this text; `ouro run --help` and the like have more\n"
    "  --version            the version\n";

static int
print(const char *text)
{
    return ouro__output_write("-", text, strlen(text)) ? 0 : OURO_EXIT_FAILED;
}

int
ouro__print_version(void)
{
    return print("ouro " OURO_VERSION_STRING "\n");
}

int
main(int count, char **arguments)
{
    (void)setlocale(LC_CTYPE, "");
    ouro__output_guard_standard();
    ouro__json_begin();

    const char *verb = count > 1 ? arguments[1] : "";
    if (strcmp(verb, "run") != 0 && strcmp(verb, "snapshot") != 0) {
        ouro__progress_allow();
    }
    if (strcmp(verb, "run") == 0) {
        return ouro__cmd_run(count - 1, arguments + 1);
    }
    if (strcmp(verb, "snapshot") == 0) {
        return ouro__cmd_snapshot(count - 1, arguments + 1);
    }
    if (strcmp(verb, "report") == 0) {
        return ouro__cmd_report(count - 1, arguments + 1);
    }
    if (strcmp(verb, "lines") == 0) {
        return ouro__cmd_lines(count - 1, arguments + 1);
    }
    if (strcmp(verb, "diff") == 0) {
        return ouro__cmd_diff(count - 1, arguments + 1);
    }
    if (strcmp(verb, "plot") == 0) {
        return ouro__cmd_plot(count - 1, arguments + 1);
    }
    if (strcmp(verb, "export") == 0) {
        return ouro__cmd_export(count - 1, arguments + 1);
    }
    if (strcmp(verb, "sql") == 0) {
        return ouro__cmd_sql(count - 1, arguments + 1);
    }
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
        return print(help);
    }
    if (strcmp(verb, "--version") == 0) {
        return ouro__print_version();
    }
    if (verb[0] == '\0') {
        ouro__say("what shall I do? Try 'ouro run PROGRAM' or 'ouro --help'");
    } else {
        ouro__say("'%s' is not a verb (try 'ouro run PROGRAM' or 'ouro --help')", verb);
    }
    return OURO_EXIT_USAGE;
}
