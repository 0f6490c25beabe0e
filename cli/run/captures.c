/* captures.c - the snapshots of a run go where the person wants them, compressed. */
#define _GNU_SOURCE
#include "run/captures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/compress.h"
#include "run/facts.h"
#include "run/live.h"
#include "run/marks.h"
#include "output.h"
#include "view/resolve.h"
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

/* Where a file of one process lies in the session; owned, NULL without memory. */
static char *
session_path(const char *folder, const struct ouro__record_found *found, const char *extension)
{
    char *path;
    return asprintf(&path, "%s/%" PRId32 ".%u%s", folder, found->record.pid, (unsigned)found->number,
                    extension) < 0
               ? NULL
               : path;
}

/* Of a process that has left no snapshot: that there are no traces, and until when it was seen. */
static struct ouro_snapshot_tracing
tracing_none(const struct ouro__process *process)
{
    const struct ouro_record *record = &process->found.record;
    struct ouro_snapshot_tracing tracing = {.taken_at_ns = record->lasted_ns};
    const char *reason = process->still_running                  ? "running"
                         : record->state == OURO_RECORD_ENDED    ? "exit"
                         : record->state == OURO_RECORD_REPLACED ? "exec"
                         : record->state == OURO_RECORD_CONFINED ? "confined"
                                                                 : "killed";
    (void)snprintf(tracing.reason, sizeof tracing.reason, "%s", reason);
    return tracing;
}

/* What a process left, put together. */
struct kept {
    struct ouro_snapshot_tracing tracing;
    struct ouro_snapshot_sample *samples;
    struct ouro_snapshot_mark *marks;
    struct ouro__snapshot named; /* `from` with the names of native code; zero when it has none */
    struct ouro__snapshot_part parts[7];
    size_t n_parts;
    char *from; /* its snapshot, NULL for none */
};

static void
kept_free(struct kept *kept)
{
    free(kept->samples);
    free(kept->marks);
    free(kept->from);
    ouro__snapshot_free(&kept->named);
}

/* Find the names of native code now: later, and elsewhere, the program's files may be others.  What can't be read, or is
 * not whole, stays as it is. */
static void
kept_name(struct kept *kept)
{
    struct ouro__snapshot *named = &kept->named;
    FILE *file = fopen(kept->from, "rbe");
    bool is_read = file != NULL && ouro__snapshot_read(named, file, ouro__snapshot_unpack);

    if (file != NULL) {
        (void)fclose(file);
    }
    if (!is_read || named->trouble[0] != '\0' || !ouro__snapshot_is_native(named) ||
        !ouro__snapshot_resolve(named)) {
        if (is_read) {
            ouro__snapshot_free(named);
        }
        return;
    }
    /* The last code is the reader's own. */
    const struct ouro__snapshot_part parts[] = {
        {OURO_SNAPSHOT_TEXTS, named->texts, named->n_texts, 1},
        {OURO_SNAPSHOT_LINES, named->lines, named->n_lines, 1},
        {OURO_SNAPSHOT_CODES, named->codes, (named->n_codes - 1) * sizeof *named->codes,
         sizeof *named->codes},
        {OURO_SNAPSHOT_NODES, named->nodes, named->n_nodes * sizeof *named->nodes,
         sizeof *named->nodes},
        {OURO_SNAPSHOT_TRACES, named->traces, named->n_traces * sizeof *named->traces,
         sizeof *named->traces},
    };
    memcpy(kept->parts + kept->n_parts, parts, sizeof parts);
    kept->n_parts += sizeof parts / sizeof *parts;
}

/* Whether a snapshot was begun at least: who is killed as it opens the file leaves an empty one. */
static bool
is_begun(const char *path)
{
    struct stat file;

    return stat(path, &file) == 0 && file.st_size >= (off_t)sizeof(struct ouro_snapshot_header);
}

/* False when memory runs out. */
static bool
kept_make(struct kept *kept, const struct ouro__process *process,
          const struct ouro__recording *recording, const char *folder, bool has_native)
{
    const struct ouro__record_found *found = &process->found;
    size_t n_samples = 0, n_marks = 0;
    char *marks = session_path(folder, found, OURO_MARKS_EXTENSION);

    *kept = (struct kept){.from = session_path(folder, found, EXTENSION)};
    bool is_well = marks != NULL && kept->from != NULL;
    if (recording != NULL) {
        kept->samples = ouro__recording_samples(recording, found, &n_samples);
        is_well = is_well && kept->samples != NULL;
    }
    if (is_well) {
        is_well = ouro__marks_read(marks, &kept->marks, &n_marks);
    }
    free(marks);
    bool is_there = is_well && access(kept->from, F_OK) == 0;
    if (is_well && !is_there) { /* one whose process was killed while it wrote */
        free(kept->from);
        kept->from = session_path(folder, found, ".part");
        is_well = kept->from != NULL;
        is_there = is_well && is_begun(kept->from);
    }
    if (is_well && !is_there) {
        free(kept->from);
        kept->from = NULL;
        kept->tracing = tracing_none(process);
        if (n_samples > 0 && kept->samples[n_samples - 1].at_ns > kept->tracing.taken_at_ns) {
            kept->tracing.taken_at_ns = kept->samples[n_samples - 1].at_ns;
        }
    }
    kept->parts[kept->n_parts++] = (struct ouro__snapshot_part){OURO_SNAPSHOT_SAMPLES, kept->samples,
                                                                n_samples * sizeof *kept->samples, 0};
    kept->parts[kept->n_parts++] = (struct ouro__snapshot_part){OURO_SNAPSHOT_MARKS, kept->marks,
                                                                n_marks * sizeof *kept->marks, 0};
    if (kept->from == NULL) {
        kept->parts[kept->n_parts++] = (struct ouro__snapshot_part){
            OURO_SNAPSHOT_PROCESS, &found->record, sizeof found->record, 0};
        kept->parts[kept->n_parts++] = (struct ouro__snapshot_part){
            OURO_SNAPSHOT_TRACING, &kept->tracing, sizeof kept->tracing, 0};
    } else if (is_well && (has_native || found->record.python_version[0] == '\0')) {
        kept_name(kept);
    }
    return is_well;
}

/* Keep what one process has left as `to`: its snapshot, and how its memory stood while it ran; of one that was killed
 * that alone.  False when there is nothing. */
static bool
keep(struct ouro__run *run, const struct ouro__process *process,
     const struct ouro__recording *recording, const char *folder, const char *to)
{
    struct kept kept = {0};
    bool is_main = to == run->options.snapshot_path, force = run->options.force, is_kept = false;
    bool is_traced = run->options.trace != OURO_TRACE_OFF;

    if (to == NULL || !kept_make(&kept, process, recording, folder, run->options.native)) {
        ouro__say("out of memory: the snapshot of process %" PRId32 " is lost",
                  process->found.record.pid);
    } else if (kept.from != NULL) {
        is_kept = ouro__snapshot_compress(kept.from, kept.parts, kept.n_parts, to, force,
                                          run->options.quiet && !is_main);
        run->captured_traces |= is_main && is_kept;
    } else if (recording != NULL) {
        is_kept = ouro__snapshot_make(kept.parts, kept.n_parts, to, force);
        if (is_kept && is_main && is_traced) {
            ouro__say("note: %s has memory over time alone: the program left no traces", to);
        }
    } else if (is_main) {
        ouro__say("%s was not written: the program left no snapshot", to);
    }
    kept_free(&kept);
    return is_kept;
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
    char *path = session_path(folder, &main_process->found, EXTENSION);
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

/* Which process a file is of, NULL when it has no record. */
static const struct ouro__process *
process_of(const struct ouro__run *run, const struct ouro__live_file *file)
{
    for (size_t i = 0; i < run->n_processes; i++) {
        const struct ouro__record_found *found = &run->processes[i].found;
        if (found->record.pid == file->pid && found->number == file->number) {
            return &run->processes[i];
        }
    }
    return NULL;
}

/* Keep what was taken while programs ran, beside what they left in the end. */
static void
keep_live(struct ouro__run *run, size_t i_main, const char *folder)
{
    const struct ouro__options *options = &run->options;
    size_t n;
    struct ouro__live_file *files = ouro__live_files(folder, &n);

    run->taken = n > 0 ? calloc(n, sizeof *run->taken) : NULL;
    for (size_t i = 0; run->taken != NULL && i < n; i++) {
        const struct ouro__process *process = process_of(run, &files[i]);
        if (process == NULL) {
            continue;
        }
        bool is_main = process == &run->processes[i_main];
        if (!is_main && !ouro__record_is_worth_it(&process->found.record)) {
            continue;
        }
        char *own = is_main ? NULL : name_for(options->snapshot_path, &process->found);
        char *to = ouro__live_name(own != NULL ? own : options->snapshot_path, &files[i]);
        free(own);
        if (to != NULL &&
            ouro__snapshot_compress(files[i].path, NULL, 0, to, options->force, options->quiet)) {
            run->taken[run->n_taken++] = (struct ouro__taken_file){to, files[i].pid, files[i].tracing};
        } else {
            free(to);
        }
    }
    ouro__live_files_free(files, n);
}

void
ouro__captures_free(struct ouro__run *run)
{
    for (size_t i = 0; i < run->n_taken; i++) {
        free(run->taken[i].path);
    }
    free(run->taken);
    if (run->traced != NULL) {
        ouro__saved_free(run->traced);
        free(run->traced);
        run->traced = NULL;
    }
}

void
ouro__captures_keep(struct ouro__run *run, const struct ouro__recording *recording, const char *folder)
{
    const struct ouro__options *options = &run->options;
    const char *path = options->snapshot_path;
    size_t i_main = find_main(run);

    ouro__live_wait(folder);
    bool is_looked_at = !options->quiet || options->shows_traced || options->report_path != NULL ||
                        options->json_path != NULL;
    if (i_main < run->n_processes && options->trace != OURO_TRACE_OFF && is_looked_at) {
        run->traced = open_main(&run->processes[i_main], folder);
    }
    for (size_t i = 0; path != NULL && i < run->n_processes; i++) {
        const struct ouro__process *process = &run->processes[i];
        if (i == i_main) {
            run->captured = keep(run, process, recording, folder, path);
        } else if (ouro__record_is_worth_it(&process->found.record)) {
            char *name = name_for(path, &process->found);
            (void)keep(run, process, recording, folder, name);
            free(name);
        }
    }
    if (path != NULL && run->n_processes > 0) {
        keep_live(run, i_main, folder);
    }
    if (path != NULL && i_main == run->n_processes) {
        ouro__say("%s was not written: the program was not on Ouro's heap", path);
    }
}
