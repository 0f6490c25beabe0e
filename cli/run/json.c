/* json.c - the run in full, as JSON.
 *
 * Keys name their unit: sizes are `_bytes`, times `_ns`, both whole numbers.  What is not known is null.
 * Texts are UTF-8; bytes of a command that are none become U+FFFD.  The schema only ever grows: a key
 * that changes its meaning makes it ouro-run/2. */
#define _GNU_SOURCE
#include "run/json.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <ouro/base.h>

#include "run/advice.h"
#include "run/facts.h"
#include "run/top_lines.h"
#include "json_values.h"
#include "text.h"
#include "snapshot/view.h"

static json_t *
time_value(struct timeval time)
{
    return json_integer((json_int_t)time.tv_sec * 1000000000 + (json_int_t)time.tv_usec * 1000);
}

static json_t *
string_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : ouro__json_text(text);
}

static json_t *
waterfall_json(const struct ouro_record_moment *moment)
{
    static const char *const keys[] = {
        [OURO_STEP_ASKED] = "asked_bytes",     [OURO_STEP_ROUNDING] = "rounding_bytes",
        [OURO_STEP_FREE] = "free_bytes",       [OURO_STEP_CACHED] = "cached_bytes",
        [OURO_STEP_RECORDS] = "records_bytes", [OURO_STEP_FILES] = "files_bytes",
        [OURO_STEP_OTHER] = "other_bytes",     [OURO_STEP_APART] = "apart_bytes",
    };
    struct ouro__waterfall fall = ouro__waterfall_of(moment);
    json_t *object = json_object();

    for (int i = 0; i < OURO_N_STEPS; i++) {
        (void)json_object_set_new(object, keys[i], json_integer(fall.step[i]));
    }
    (void)json_object_set_new(object, "resident_bytes", json_integer(fall.resident));
    return object;
}

static json_t *
moment_json(const struct ouro_record_moment *moment)
{
    json_t *object = json_object();

    (void)json_object_set_new(object, "at_ns", ouro__json_number(moment->at_ns));
    (void)json_object_set_new(object, "live_bytes", ouro__json_number(ouro__live_of(moment)));
    (void)json_object_set_new(object, "live_bytes_by_domain", ouro__json_by_domain(moment->live));
    (void)json_object_set_new(object, "live_blocks_by_domain", ouro__json_by_domain(moment->blocks));
    (void)json_object_set_new(object, "untouched_bytes", ouro__json_number(moment->untouched));
    (void)json_object_set_new(object, "mapped_bytes", ouro__json_number(moment->mapped));
    (void)json_object_set_new(object, "waterfall", waterfall_json(moment));
    return object;
}

static json_t *
thresholds_json(const int64_t thresholds[3])
{
    json_t *array = json_array();
    for (int i = 0; i < 3; i++) {
        (void)json_array_append_new(array, json_integer(thresholds[i]));
    }
    return array;
}

static json_t *
collector_json(const struct ouro_record *record)
{
    static const char *const modes[] = {
        [OURO_GC_NONE] = "none",
        [OURO_GC_STOCK] = "stock",
        [OURO_GC_PACED] = "paced",
        [OURO_GC_OBEYED] = "obeyed",
    };
    if (record->gc_mode == OURO_GC_NONE) {
        return json_null();
    }
    json_t *object = json_object();
    json_t *generations = json_array();
    for (int i = 0; i < 3; i++) {
        const struct ouro_record_generation *generation = &record->gc[i];
        json_t *one = json_object();
        (void)json_object_set_new(one, "runs", ouro__json_number(generation->runs));
        (void)json_object_set_new(one, "time_ns", ouro__json_number(generation->ns));
        (void)json_object_set_new(one, "collected_objects", ouro__json_number(generation->collected));
        (void)json_object_set_new(one, "uncollectable_objects",
                                  ouro__json_number(generation->uncollectable));
        (void)json_array_append_new(generations, one);
    }
    (void)json_object_set_new(object, "mode", json_string(modes[record->gc_mode]));
    (void)json_object_set_new(object, "generations", generations);
    (void)json_object_set_new(object, "time_ns", ouro__json_number(ouro__gc_ns_of(record)));
    (void)json_object_set_new(object, "cpu_share", json_real(ouro__gc_share_of(record)));
    (void)json_object_set_new(object, "longest_ns", ouro__json_number(record->gc_longest_ns));
    (void)json_object_set_new(object, "longest_generation",
                              ouro__json_number(record->gc_longest_generation));
    (void)json_object_set_new(object, "freed_bytes", ouro__json_number(record->gc_freed_bytes));
    (void)json_object_set_new(object, "stock_thresholds", thresholds_json(record->gc_stock_thresholds));
    (void)json_object_set_new(object, "thresholds", thresholds_json(record->gc_thresholds));
    (void)json_object_set_new(object, "raised", ouro__json_number(record->gc_raised));
    (void)json_object_set_new(object, "lowered", ouro__json_number(record->gc_lowered));
    (void)json_object_set_new(object, "forced", ouro__json_number(record->gc_forced));
    (void)json_object_set_new(object, "put_off", ouro__json_number(record->gc_put_off));
    (void)json_object_set_new(object, "emptied", ouro__json_number(record->gc_emptied));
    return object;
}

static json_t *
python_json(const struct ouro_record *record)
{
    json_t *served = json_object();

    if (record->python_version[0] == '\0') {
        json_decref(served);
        return json_null();
    }
    for (unsigned i = 0; i < 3; i++) {
        bool is_served = (record->python_served >> i & 1) != 0;
        (void)json_object_set_new(served, ouro__domain_names[i], json_boolean(is_served));
    }
    json_t *object = json_object();
    (void)json_object_set_new(object, "version", ouro__json_text(record->python_version));
    (void)json_object_set_new(object, "version_hex", ouro__json_number(record->python_hex));
    (void)json_object_set_new(object, "served", served);
    (void)json_object_set_new(object, "free_threaded", json_boolean(record->python_free_threaded != 0));
    (void)json_object_set_new(object, "interpreters_own_gil",
                              json_boolean(record->python_interpreters_own_gil != 0));
    return object;
}

static json_t *
limit_json(const struct ouro_record *record)
{
    if (record->limit == 0) {
        return json_null();
    }
    json_t *object = json_object();
    (void)json_object_set_new(object, "limit_bytes", ouro__json_number(record->limit));
    (void)json_object_set_new(object, "refusals", ouro__json_number(record->limit_refusals));
    (void)json_object_set_new(object, "last_refused_bytes",
                              record->limit_refusals == 0 ? json_null()
                                                          : ouro__json_number(record->limit_last_size));
    return object;
}

static const char *
state_name(const struct ouro__process *process)
{
    if (process->still_running) {
        return "running";
    }
    if (ouro__process_cut_short(process)) {
        return process->found.record.state == OURO_RECORD_CONFINED ? "confined" : "cut-short";
    }
    return process->found.record.state == OURO_RECORD_REPLACED ? "replaced" : "ended";
}

static json_t *
process_json(const struct ouro__process *process)
{
    const struct ouro_record *record = &process->found.record;
    bool has_exit_code = record->state == OURO_RECORD_ENDED && record->exit_status >= 0;
    json_t *object = json_object();

    (void)json_object_set_new(object, "pid", json_integer(record->pid));
    (void)json_object_set_new(object, "ppid", json_integer(record->ppid));
    (void)json_object_set_new(object, "number", ouro__json_number(process->found.number));
    (void)json_object_set_new(object, "state", json_string(state_name(process)));
    (void)json_object_set_new(object, "exit_code",
                              has_exit_code ? json_integer(record->exit_status & 0xff) : json_null());
    (void)json_object_set_new(object, "command", ouro__json_command(record));
    (void)json_object_set_new(object, "executable", string_or_null(record->executable));
    (void)json_object_set_new(object, "forked", json_boolean(record->forked != 0));
    (void)json_object_set_new(object, "began_unix_ns", ouro__json_number(record->began_ns));
    (void)json_object_set_new(object, "lasted_ns", ouro__json_number(record->lasted_ns));
    (void)json_object_set_new(object, "user_ns", ouro__json_number(record->user_ns));
    (void)json_object_set_new(object, "system_ns", ouro__json_number(record->system_ns));
    (void)json_object_set_new(object, "peak_resident_bytes", ouro__json_number(record->peak_resident));
    (void)json_object_set_new(object, "peak", moment_json(&record->peak));
    (void)json_object_set_new(object, "last", moment_json(&record->last));
    (void)json_object_set_new(object, "samples", ouro__json_number(record->n_samples));
    (void)json_object_set_new(object, "allocations_by_domain", ouro__json_by_domain(record->n_allocs));
    (void)json_object_set_new(object, "frees_by_domain", ouro__json_by_domain(record->n_frees));
    (void)json_object_set_new(object, "purged_bytes", ouro__json_number(record->purged));
    (void)json_object_set_new(object, "limit", limit_json(record));
    (void)json_object_set_new(object, "collector", collector_json(record));
    (void)json_object_set_new(object, "python", python_json(record));
    (void)json_object_set_new(object, "debug", json_boolean(record->debug != 0));
    (void)json_object_set_new(object, "note", string_or_null(record->note));
    return object;
}

static json_t *
options_json(const struct ouro__options *options)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "gc", json_string(options->gc_stock ? "stock" : "paced"));
    (void)json_object_set_new(object, "limit_bytes",
                              options->limit == 0 ? json_null() : ouro__json_number(options->limit));
    (void)json_object_set_new(object, "debug", json_boolean(options->debug));
    (void)json_object_set_new(object, "follow", json_boolean(!options->no_follow));
    return object;
}

static json_t *
ending_json(const struct ouro__ending *ending)
{
    const char *name = ending->signal == 0 ? NULL : sigabbrev_np(ending->signal);
    struct ouro__text signal_name = {0};
    json_t *object = json_object();

    if (name != NULL) {
        ouro__text_print(&signal_name, "SIG%s", name);
    }
    (void)json_object_set_new(object, "exit_code",
                              ending->signal == 0 ? json_integer(ending->exit_code) : json_null());
    (void)json_object_set_new(object, "signal",
                              ending->signal == 0 ? json_null() : json_integer(ending->signal));
    (void)json_object_set_new(object, "signal_name", string_or_null(signal_name.data));
    (void)json_object_set_new(object, "core_dumped", json_boolean(ending->core_dumped));
    ouro__text_free(&signal_name);
    return object;
}

static json_t *
kernel_json(const struct ouro__ending *ending)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "wall_ns", ouro__json_number(ending->wall_ns));
    (void)json_object_set_new(object, "user_ns", time_value(ending->usage.ru_utime));
    (void)json_object_set_new(object, "system_ns", time_value(ending->usage.ru_stime));
    (void)json_object_set_new(object, "largest_resident_bytes",
                              ouro__json_number((uint64_t)ending->usage.ru_maxrss * 1024));
    (void)json_object_set_new(object, "minor_faults", json_integer(ending->usage.ru_minflt));
    (void)json_object_set_new(object, "major_faults", json_integer(ending->usage.ru_majflt));
    return object;
}

static json_t *
program_json(const struct ouro__run *run)
{
    struct ouro__life life;
    bool has_life = ouro__life_main(run, &life);
    json_t *command = json_array();
    json_t *object = json_object();

    for (size_t i = 0; i < run->n_command; i++) {
        (void)json_array_append_new(command, ouro__json_text(run->command[i]));
    }
    (void)json_object_set_new(object, "command", command);
    (void)json_object_set_new(object, "pid", json_integer(run->ending.pid));
    (void)json_object_set_new(object, "binary", string_or_null(run->binary));
    (void)json_object_set_new(object, "left_alone",
                              run->left_alone == NULL ? json_null()
                                                      : json_string(run->left_alone->code));
    (void)json_object_set_new(object, "peak_resident_bytes",
                              ouro__json_number(ouro__main_peak_resident(run)));
    (void)json_object_set_new(object, "process",
                              has_life ? json_integer(life.last - run->processes) : json_null());
    return object;
}

static json_t *
advice_json(const struct ouro__run *run)
{
    struct ouro__text text = {0};
    const char *code = ouro__advice_add(&text, run);
    json_t *object = code == NULL ? json_null() : json_object();

    if (code != NULL) {
        (void)json_object_set_new(object, "code", json_string(code));
        (void)json_object_set_new(object, "text", ouro__json_text(text.data == NULL ? "" : text.data));
    }
    ouro__text_free(&text);
    return object;
}

/* What the program's own snapshot says, in short; null where nothing was traced. */
static json_t *
traced_json(const struct ouro__run *run)
{
    if (run->traced == NULL || run->traced->snapshot.tracing.mode == OURO_SNAPSHOT_OFF) {
        return json_null();
    }
    const struct ouro_snapshot_tracing *tracing = &run->traced->snapshot.tracing;
    bool is_sampled = tracing->mode == OURO_SNAPSHOT_SAMPLED;
    json_t *object = json_object();

    (void)json_object_set_new(object, "tracing", json_string(is_sampled ? "sampled" : "exact"));
    (void)json_object_set_new(object, "sample_bytes",
                              is_sampled ? ouro__json_number(tracing->sample_bytes) : json_null());
    (void)json_object_set_new(object, "own_bytes", ouro__json_number(tracing->own_bytes));
    (void)json_object_set_new(object, "lines", ouro__top_lines_json(run->traced));
    return object;
}

static json_t *
snapshots_json(const struct ouro__run *run)
{
    uint64_t longest, n_failed = ouro__snapshots_failed(run, &longest);
    json_t *object = json_object(), *taken = json_array();

    for (size_t i = 0; i < run->n_taken; i++) {
        const struct ouro__taken_file *file = &run->taken[i];
        json_t *one = json_object();
        (void)json_object_set_new(one, "file", ouro__json_text(file->path));
        (void)json_object_set_new(one, "pid", json_integer(file->pid));
        (void)json_object_set_new(one, "at_ns", ouro__json_number(file->tracing.taken_at_ns));
        (void)json_object_set_new(one, "reason", ouro__json_text(file->tracing.reason));
        (void)json_object_set_new(one, "name", string_or_null(file->tracing.name));
        (void)json_array_append_new(taken, one);
    }
    (void)json_object_set_new(object, "file",
                              string_or_null(run->captured ? run->options.snapshot_path : NULL));
    (void)json_object_set_new(object, "taken", taken);
    (void)json_object_set_new(object, "failed", ouro__json_number(n_failed));
    (void)json_object_set_new(object, "longest_stop_ns", ouro__json_number(longest));
    return object;
}

char *
ouro__run_to_json(const struct ouro__run *run)
{
    json_t *root = json_object();
    json_t *processes = json_array();
    struct ouro__text text = {0};

    for (size_t i = 0; i < run->n_processes; i++) {
        (void)json_array_append_new(processes, process_json(&run->processes[i]));
    }
    (void)json_object_set_new(root, "schema", json_string(OURO_JSON_SCHEMA));
    (void)json_object_set_new(root, "ouro_version", json_string(OURO_VERSION_STRING));
    (void)json_object_set_new(root, "began_unix_ns", ouro__json_number(run->ending.began_ns));
    (void)json_object_set_new(root, "options", options_json(&run->options));
    (void)json_object_set_new(root, "program", program_json(run));
    (void)json_object_set_new(root, "ending", ending_json(&run->ending));
    (void)json_object_set_new(root, "kernel", kernel_json(&run->ending));
    (void)json_object_set_new(root, "advice", advice_json(run));
    (void)json_object_set_new(root, "traced", traced_json(run));
    (void)json_object_set_new(root, "snapshots", snapshots_json(run));
    (void)json_object_set_new(root, "processes", processes);
    (void)json_object_set_new(root, "unreadable_records", ouro__json_number(run->n_unreadable));
    char *dumped = ouro__json_dump(root, JSON_INDENT(2));
    json_decref(root);
    if (dumped != NULL) {
        ouro__text_add(&text, dumped, strlen(dumped));
        ouro__text_add(&text, "\n", 1);
    }
    free(dumped);
    if (text.failed) {
        ouro__text_free(&text);
    }
    return text.data;
}
