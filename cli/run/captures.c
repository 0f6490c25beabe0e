/* captures.c - the snapshots of a run go where the person wants them, compressed. */
#define _GNU_SOURCE
#include "run/captures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/compress.h"
#include "run/facts.h"
#include "output.h"
#include "view/saved.h"
#include "text.h"

#define EXTENSION ".ouro"

bool
ouro__captures_check(const struct ouro__options *options)
{
    const char *path = options->snapshot_path;
    if (path == NULL) {
        return true;
    }
    return ouro__output_check(path) && (options->force || ouro__output_check_free(path));
}

/* app.ouro for 1234: app.1234.ouro, or app.1234.2.ouro for what it went on to exec.  Owned, NULL without memory. */
static char *
name_for(const char *path, const struct ouro__record_found *found)
{
    size_t length = strlen(path), end = sizeof EXTENSION - 1;
    bool has_extension = length > end && strcmp(path + length - end, EXTENSION) == 0;
    char number[16] = "";
    char *name;

    if (found->number != 0) {
        (void)snprintf(number, sizeof number, ".%u", (unsigned)found->number + 1);
    }
    if (asprintf(&name, "%.*s.%" PRId32 "%s%s", (int)(has_extension ? length - end : length), path,
                 found->record.pid, number, has_extension ? EXTENSION : "") < 0) {
        return NULL;
    }
    return name;
}

/* Where one process's snapshot lies in the session; owned, NULL without memory. */
static char *
session_path(const char *folder, const struct ouro__record_found *found)
{
    char *path;
    return asprintf(&path, "%s/%" PRId32 ".%u" EXTENSION, folder, found->record.pid,
                    (unsigned)found->number) < 0
               ? NULL
               : path;
}

/* Keep one process's snapshot, when it has left any, as `to`. */
static bool
keep(const struct ouro__record_found *found, const char *folder, const char *to, bool force,
     bool is_main)
{
    char *from = session_path(folder, found);
    if (to == NULL || from == NULL) {
        free(from);
        ouro__say("out of memory: the snapshot of process %" PRId32 " is lost", found->record.pid);
        return false;
    }
    bool is_there = access(from, F_OK) == 0,
         kept = is_there && ouro__snapshot_compress(from, to, force);
    if (!is_there && is_main) {
        ouro__say("%s was not written: the program left no snapshot", to);
    }
    free(from);
    return kept;
}

/* Helpers of a program (shells, compilers' drivers) are left out: each would leave a file that nobody looks at. */
#define WORTH_BYTES ((uint64_t)1 << 20)

static bool
is_worth_it(const struct ouro_record *record)
{
    return ouro__live_of(&record->peak) >= WORTH_BYTES;
}

/* The last record of the direct child: what it had exec'd is its program.  `n_processes` when there is none. */
static size_t
find_main(const struct ouro__run *run)
{
    size_t found = run->n_processes;
    for (size_t i = 0; i < run->n_processes; i++) {
        if (run->processes[i].found.record.pid == run->ending.pid) {
            found = i;
        }
    }
    return found;
}

/* Read what the report tells of the program. */
static struct ouro__saved *
open_main(const struct ouro__process *main_process, const char *folder)
{
    char *path = session_path(folder, &main_process->found);
    struct ouro__saved *saved = calloc(1, sizeof *saved);
    if (path == NULL || saved == NULL || access(path, F_OK) != 0 || !ouro__saved_open(saved, path)) {
        free(saved);
        saved = NULL;
    }
    if (saved != NULL) {
        saved->path = "the program's snapshot"; /* the file goes with the session */
    }
    free(path);
    return saved;
}

void
ouro__captures_free(struct ouro__run *run)
{
    if (run->traced != NULL) {
        ouro__saved_free(run->traced);
        free(run->traced);
        run->traced = NULL;
    }
}

void
ouro__captures_keep(struct ouro__run *run, const char *folder)
{
    const struct ouro__options *options = &run->options;
    const char *path = options->snapshot_path;
    size_t i_main = find_main(run);

    bool is_looked_at = !options->quiet || options->shows_traced;
    if (i_main < run->n_processes && options->trace != OURO_TRACE_OFF && is_looked_at) {
        run->traced = open_main(&run->processes[i_main], folder);
    }
    for (size_t i = 0; path != NULL && i < run->n_processes; i++) {
        const struct ouro__record_found *found = &run->processes[i].found;
        if (i == i_main) {
            run->captured = keep(found, folder, path, options->force, true);
        } else if (is_worth_it(&found->record)) {
            char *name = name_for(path, found);
            (void)keep(found, folder, name, options->force, false);
            free(name);
        }
    }
    if (path != NULL && i_main == run->n_processes) {
        ouro__say("%s was not written: the program was not on Ouro's heap", path);
    }
}
