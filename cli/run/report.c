/* report.c - the report for people: what the first process did with its memory, then a line for each of
 * the others. */
#define _GNU_SOURCE
#include "run/report.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/advice.h"
#include "run/facts.h"
#include "page.h"
#include "run/processes.h"
#include "run/top_lines.h"
#include "units.h"
#include "snapshot/view.h"

#define STEP_COLUMNS 27 /* the names of the waterfall's steps */
#define SIZE_COLUMNS 11

static void
title_add(const struct ouro__page *page, const struct ouro__run *run, const struct ouro__life *life)
{
    struct ouro__text left = {0};
    struct ouro__text right = {0};
    struct ouro__text command = {0};
    const struct ouro__ending *ending = &run->ending;

    if (life != NULL && life->last->found.record.python_version[0] != '\0') {
        ouro__text_print(&right, "Python ");
        ouro__text_add_shown(&right, life->last->found.record.python_version, 12);
        ouro__text_print(&right, ", ");
    }
    if (ending->signal == 0) {
        ouro__text_print(&right, "exit %d", ending->exit_code);
    } else {
        const char *known = sigabbrev_np(ending->signal);
        if (known != NULL) {
            ouro__text_print(&right, "killed by SIG%s", known);
        } else {
            ouro__text_print(&right, "killed by signal %d", ending->signal);
        }
        ouro__text_print(&right, "%s", ending->core_dumped ? " (core dumped)" : "");
    }
    ouro__text_print(&left, "ouro: ");
    const char *name = ouro__name_of(run->command[0]);
    ouro__text_add_arguments(&command, &name, 1);
    if (run->n_command > 1) {
        ouro__text_add(&command, " ", 1);
        ouro__text_add_arguments(&command, run->command + 1, run->n_command - 1);
    }
    ouro__text_add_shown(&left, command.data == NULL ? "" : command.data,
                         page->look.columns - right.length - 14);
    ouro__text_free(&command);
    ouro__page_rule(page, &left, &right);
}

/* Where Ouro itself stands: why there is no record, or what in it has to be known. */
static void
notes_add(const struct ouro__page *page, const struct ouro__run *run, const struct ouro__life *life)
{
    struct ouro__text words = {0};
    char lasted[OURO_UNIT_TEXT];

    if (life == NULL) {
        ouro__text_add_shown(&words, run->binary == NULL ? run->command[0] : run->binary, 200);
        ouro__text_print(&words, " %s: only what the kernel knows",
                         run->left_alone == NULL ? "left no record" : run->left_alone->phrase);
        ouro__page_row(page, "note", &words);
        return;
    }
    const struct ouro_record *record = &life->last->found.record;
    if (life->n_programs > 1) {
        ouro__command_add(&words, &life->first->found.record, page->look.columns - 45);
        ouro__text_print(&words, " (the first of %zu programs)", life->n_programs);
        ouro__page_row(page, "began as", &words);
    }
    if (ouro__process_cut_short(life->last)) {
        ouro__text_print(&words, "%s, %s after it began",
                         record->state == OURO_RECORD_CONFINED
                             ? "forbade itself system calls (seccomp): figures as of then"
                             : "did not end by itself: figures as of the last update",
                         ouro__time_show(lasted, record->lasted_ns));
        ouro__page_row(page, "note", &words);
    }
    if (record->note[0] != '\0') {
        ouro__text_add_shown(&words, record->note, sizeof record->note);
        ouro__page_row(page, "note", &words);
    }
}

static void
time_add(const struct ouro__page *page, const struct ouro__run *run)
{
    struct ouro__text words = {0};
    const struct rusage *usage = &run->ending.usage;
    uint64_t user =
        (uint64_t)usage->ru_utime.tv_sec * 1000000000U + (uint64_t)usage->ru_utime.tv_usec * 1000U;
    uint64_t system =
        (uint64_t)usage->ru_stime.tv_sec * 1000000000U + (uint64_t)usage->ru_stime.tv_usec * 1000U;
    char wall[OURO_UNIT_TEXT], cpu[OURO_UNIT_TEXT], in_user[OURO_UNIT_TEXT], in_system[OURO_UNIT_TEXT];

    ouro__text_print(&words, "%s, %s of CPU (user %s, system %s)",
                     ouro__time_show(wall, run->ending.wall_ns), ouro__time_show(cpu, user + system),
                     ouro__time_show(in_user, user), ouro__time_show(in_system, system));
    ouro__page_row(page, "time", &words);
}

/* What the last figures are of. */
static const char *
last_words(const struct ouro__process *process)
{
    return ouro__process_cut_short(process) ? "at the last update" : "at the end";
}

static void
memory_add(const struct ouro__page *page, const struct ouro__run *run, const struct ouro__life *life)
{
    struct ouro__text words = {0};
    char peak[OURO_UNIT_TEXT], end[OURO_UNIT_TEXT];

    ouro__text_print(&words, "%s resident at most",
                     ouro__size_show(peak, ouro__main_peak_resident(run)));
    if (life != NULL) {
        ouro__text_print(&words, ", %s %s",
                         ouro__size_show(end, life->last->found.record.last.resident),
                         last_words(life->last));
    }
    ouro__page_row(page, "memory", &words);
}

/* "180.1 MiB at most: object 120.0 MiB, mem 40.0 MiB, raw 20.1 MiB". */
static void
live_add(const struct ouro__page *page, const char *label, const struct ouro_record_moment *moment,
         const char *when)
{
    struct ouro__text words = {0};
    char size[OURO_UNIT_TEXT];
    const char *before = ": ";

    ouro__text_print(&words, "%s %s", ouro__size_show(size, ouro__live_of(moment)), when);
    for (int i = 3; i-- > 0;) {
        if (moment->live[i] > 0) {
            ouro__text_print(&words, "%s%s %s", before, ouro__domain_names[i],
                             ouro__size_show(size, moment->live[i]));
            before = ", ";
        }
    }
    ouro__page_row(page, label, &words);
}

static void
waterfall_cell_add(const struct ouro__page *page, int64_t bytes, int64_t whole, size_t bar,
                   enum ouro__colour colour)
{
    char size[OURO_UNIT_TEXT];
    char text[OURO_UNIT_TEXT + 1];

    (void)snprintf(text, sizeof text, "%s%s", bytes < 0 ? "-" : "",
                   ouro__size_show(size, (uint64_t)(bytes < 0 ? -bytes : bytes)));
    ouro__text_print(page->text, "%*s ", SIZE_COLUMNS, text);
    ouro__page_bar(page, whole > 0 ? (double)bytes / (double)whole : 0, bar, colour);
}

static void
waterfall_add(const struct ouro__page *page, const struct ouro__process *process)
{
    static const struct {
        const char *name;
        enum ouro__colour colour;
    } steps[] = {
        [OURO_STEP_ASKED] = {"live, as asked for", OURO_COLOUR_GREEN},
        [OURO_STEP_ROUNDING] = {"+ rounding to size classes", OURO_COLOUR_YELLOW},
        [OURO_STEP_FREE] = {"+ free in part-full pools", OURO_COLOUR_YELLOW},
        [OURO_STEP_CACHED] = {"+ empty pools, kept", OURO_COLOUR_CYAN},
        [OURO_STEP_RECORDS] = {"+ Ouro's own records", OURO_COLOUR_CYAN},
        [OURO_STEP_FILES] = {"+ files, shared memory", OURO_COLOUR_BLUE},
        [OURO_STEP_OTHER] = {"+ stacks, data, foreign", OURO_COLOUR_MAGENTA},
        [OURO_STEP_APART] = {"+ not agreed upon", OURO_COLOUR_RED},
    };
    struct ouro__waterfall peak = ouro__waterfall_of(&process->found.record.peak);
    struct ouro__waterfall last = ouro__waterfall_of(&process->found.record.last);
    int64_t whole = peak.resident > last.resident ? peak.resident : last.resident;
    size_t bar = (page->look.columns - STEP_COLUMNS - 2 * (SIZE_COLUMNS + 1)) / 2;
    ouro__page_colour(page, OURO_COLOUR_BOLD);
    ouro__text_print(page->text, "%-*s%*s %*s%*s\n", STEP_COLUMNS, "live to resident", SIZE_COLUMNS,
                     "at the peak", (int)bar, "", SIZE_COLUMNS,
                     ouro__process_cut_short(process) ? "at last" : "at the end");
    ouro__page_colour(page, OURO_COLOUR_OFF);
    for (int i = 0; i < OURO_N_STEPS; i++) {
        if (i == OURO_STEP_APART && peak.step[i] == 0 && last.step[i] == 0) {
            continue;
        }
        ouro__text_print(page->text, "%-*s", STEP_COLUMNS, steps[i].name);
        waterfall_cell_add(page, peak.step[i], whole, bar, steps[i].colour);
        waterfall_cell_add(page, last.step[i], whole, bar, steps[i].colour);
        ouro__text_trim(page->text);
        ouro__text_add(page->text, "\n", 1);
    }
    ouro__page_colour(page, OURO_COLOUR_BOLD);
    ouro__text_print(page->text, "%-*s", STEP_COLUMNS, "= resident");
    waterfall_cell_add(page, peak.resident, 0, bar, OURO_COLOUR_OFF);
    ouro__page_colour(page, OURO_COLOUR_BOLD);
    waterfall_cell_add(page, last.resident, 0, bar, OURO_COLOUR_OFF);
    ouro__text_trim(page->text);
    ouro__text_add(page->text, "\n", 1);
}

static void
allocations_add(const struct ouro__page *page, const struct ouro_record *record)
{
    struct ouro__text words = {0};
    char count[OURO_UNIT_TEXT], rate[OURO_UNIT_TEXT];
    uint64_t all = ouro__allocations_of(record);
    const char *before = ": ";

    ouro__text_print(&words, "%s, %s a second", ouro__count_show(count, (double)all),
                     ouro__count_show(rate, 1e9 * ouro__share(all, record->lasted_ns)));
    for (int i = 3; i-- > 0;) {
        if (record->n_allocs[i] > 0) {
            ouro__text_print(&words, "%s%s %s", before, ouro__domain_names[i],
                             ouro__count_show(count, (double)record->n_allocs[i]));
            before = ", ";
        }
    }
    ouro__page_row(page, "allocations", &words);
}

/* "12 young, 2 middle, 1 full runs took 110 ms". */
static void
collector_runs_add(struct ouro__text *words, const struct ouro_record *record)
{
    char young[OURO_UNIT_TEXT], middle[OURO_UNIT_TEXT], full[OURO_UNIT_TEXT];
    char took[OURO_UNIT_TEXT], longest[OURO_UNIT_TEXT];

    ouro__text_print(words,
                     "%s young, %s middle and %s full runs took %s, %.1f %% of CPU; the longest %s",
                     ouro__count_show(young, (double)record->gc[0].runs),
                     ouro__count_show(middle, (double)record->gc[1].runs),
                     ouro__count_show(full, (double)record->gc[2].runs),
                     ouro__time_show(took, ouro__gc_ns_of(record)), 100 * ouro__gc_share_of(record),
                     ouro__time_show(longest, record->gc_longest_ns));
}

static void
collector_add(const struct ouro__page *page, const struct ouro_record *record)
{
    static const char *const modes[] = {
        [OURO_GC_NONE] = "",
        [OURO_GC_STOCK] = "stock: ",
        [OURO_GC_PACED] = "paced: ",
        [OURO_GC_OBEYED] = "as the program set it: ",
    };
    struct ouro__text words = {0};
    char count[OURO_UNIT_TEXT], size[OURO_UNIT_TEXT];

    if (record->gc_mode == OURO_GC_NONE) {
        return;
    }
    ouro__text_print(&words, "%s", modes[record->gc_mode]);
    if (ouro__gc_runs_of(record) == 0) {
        ouro__text_print(&words, "no runs");
        ouro__page_row(page, "collector", &words);
        return;
    }
    collector_runs_add(&words, record);
    ouro__page_row(page, "collector", &words);

    uint64_t objects =
        ouro__sum(ouro__sum(record->gc[0].collected, record->gc[1].collected), record->gc[2].collected);
    ouro__text_print(&words, "freed %s objects, %s", ouro__count_show(count, (double)objects),
                     ouro__size_show(size, record->gc_freed_bytes));
    if (record->gc_mode == OURO_GC_PACED) {
        char raised[OURO_UNIT_TEXT], lowered[OURO_UNIT_TEXT], forced[OURO_UNIT_TEXT];
        ouro__text_print(&words,
                         "; pacing raised the threshold %s times, lowered it %s, "
                         "put off %s full runs, brought forward %s",
                         ouro__count_show(raised, (double)record->gc_raised),
                         ouro__count_show(lowered, (double)record->gc_lowered),
                         ouro__count_show(count, (double)record->gc_put_off),
                         ouro__count_show(forced, (double)record->gc_forced));
    }
    ouro__page_row(page, "", &words);
}

static void
limit_add(const struct ouro__page *page, const struct ouro_record *record)
{
    struct ouro__text words = {0};
    char limit[OURO_UNIT_TEXT], asked[OURO_UNIT_TEXT], count[OURO_UNIT_TEXT];

    if (record->limit == 0) {
        return;
    }
    if (record->limit_refusals == 0) {
        ouro__text_print(&words, "%s, never reached", ouro__size_show(limit, record->limit));
    } else {
        ouro__text_print(&words, "asked for %s at limit %s; refused %s time%s",
                         ouro__size_show(asked, record->limit_last_size),
                         ouro__size_show(limit, record->limit),
                         ouro__count_show(count, (double)record->limit_refusals),
                         record->limit_refusals == 1 ? "" : "s");
    }
    ouro__page_row(page, "limit", &words);
}

#define N_SHOWN 6

/* Snapshots that were taken while the program ran: which files, when; and what went wrong. */
static void
taken_add(const struct ouro__page *page, const struct ouro__run *run)
{
    uint64_t longest, n_failed = ouro__snapshots_failed(run, &longest);
    struct ouro__text words = {0};
    char time[OURO_UNIT_TEXT];

    if (run->n_taken == 0 && n_failed == 0) {
        return;
    }
    ouro__text_print(&words, "%zu while it ran, which stood still for %s at most", run->n_taken,
                     ouro__time_show(time, longest));
    if (n_failed > 0) {
        ouro__text_print(&words, "; %" PRIu64 " could not be written", n_failed);
    }
    ouro__page_row(page, "snapshots", &words);
    for (size_t i = 0; i < run->n_taken && i < N_SHOWN; i++) {
        ouro__text_print(&words, "%s: ", ouro__time_show(time, run->taken[i].tracing.taken_at_ns));
        ouro__text_add_shown(&words, run->taken[i].path, 200);
        ouro__page_row(page, "", &words);
    }
    if (run->n_taken > N_SHOWN) {
        ouro__text_print(&words, "and %zu more", run->n_taken - N_SHOWN);
        ouro__page_row(page, "", &words);
    }
}

static void
advice_add(const struct ouro__page *page, const struct ouro__run *run)
{
    struct ouro__text words = {0};
    if (ouro__advice_add(&words, run) == NULL) {
        ouro__text_free(&words);
        return;
    }
    ouro__page_colour(page, OURO_COLOUR_YELLOW);
    ouro__page_row(page, "advice", &words);
}

void
ouro__report_add(struct ouro__text *text, const struct ouro__run *run, struct ouro__look look)
{
    struct ouro__page page = {.text = text, .look = look};
    struct ouro__life found;
    struct ouro__life *life = ouro__life_main(run, &found) ? &found : NULL;

    title_add(&page, run, life);
    notes_add(&page, run, life);
    time_add(&page, run);
    memory_add(&page, run, life);
    if (life != NULL) {
        const struct ouro_record *record = &life->last->found.record;
        live_add(&page, "live", &record->peak, "at most");
        live_add(&page, "", &record->last, last_words(life->last));
        waterfall_add(&page, life->last);
        allocations_add(&page, record);
        collector_add(&page, record);
        limit_add(&page, record);
        if (run->traced != NULL) {
            ouro__top_lines_add(&page, run->traced);
        }
        taken_add(&page, run);
        advice_add(&page, run);
    }
    ouro__processes_add(&page, run);
    if (run->n_unreadable > 0) {
        struct ouro__text words = {0};
        ouro__text_print(&words, "%zu record%s could not be read", run->n_unreadable,
                         run->n_unreadable == 1 ? "" : "s");
        ouro__page_row(&page, "note", &words);
    }
}
