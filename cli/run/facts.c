/* facts.c - figures that follow from the records. */
#define _GNU_SOURCE
#include "run/facts.h"

#include <stdlib.h>

#include "units.h"

/* More than any machine has; sums of a few of these do not overflow. */
#define MOST_BYTES (INT64_MAX / 16)

static int64_t
bytes_tame(uint64_t bytes)
{
    return bytes > MOST_BYTES ? MOST_BYTES : (int64_t)bytes;
}

uint64_t
ouro__live_of(const struct ouro_record_moment *moment)
{
    return ouro__sum(ouro__sum(moment->live[0], moment->live[1]), moment->live[2]);
}

struct ouro__waterfall
ouro__waterfall_of(const struct ouro_record_moment *moment)
{
    struct ouro__waterfall fall = {0};
    int64_t live = bytes_tame(ouro__live_of(moment));
    int64_t untouched = bytes_tame(moment->untouched);
    int64_t touched = untouched < live ? live - untouched : 0;
    int64_t rounding = bytes_tame(moment->rounding);

    fall.resident = bytes_tame(moment->resident);
    fall.step[OURO_STEP_ROUNDING] = rounding < touched ? rounding : touched;
    fall.step[OURO_STEP_ASKED] = touched - fall.step[OURO_STEP_ROUNDING];
    fall.step[OURO_STEP_FREE] = bytes_tame(moment->free);
    fall.step[OURO_STEP_CACHED] = bytes_tame(moment->cached);
    fall.step[OURO_STEP_RECORDS] = bytes_tame(moment->records);
    fall.step[OURO_STEP_FILES] = bytes_tame(moment->files);
    fall.step[OURO_STEP_OTHER] = bytes_tame(moment->other);
    fall.step[OURO_STEP_APART] = fall.resident;
    for (int i = 0; i < OURO_STEP_APART; i++) {
        fall.step[OURO_STEP_APART] -= fall.step[i];
    }
    return fall;
}

uint64_t
ouro__cpu_of(const struct ouro_record *record)
{
    return ouro__sum(record->user_ns, record->system_ns);
}

uint64_t
ouro__allocations_of(const struct ouro_record *record)
{
    return ouro__sum(ouro__sum(record->n_allocs[0], record->n_allocs[1]), record->n_allocs[2]);
}

uint64_t
ouro__gc_ns_of(const struct ouro_record *record)
{
    return ouro__sum(ouro__sum(record->gc[0].ns, record->gc[1].ns), record->gc[2].ns);
}

uint64_t
ouro__gc_runs_of(const struct ouro_record *record)
{
    return ouro__sum(ouro__sum(record->gc[0].runs, record->gc[1].runs), record->gc[2].runs);
}

#define WORTH_BYTES ((uint64_t)1 << 20)

bool
ouro__record_is_worth_it(const struct ouro_record *record)
{
    return ouro__live_of(&record->peak) >= WORTH_BYTES;
}

double
ouro__gc_share_of(const struct ouro_record *record)
{
    /* The two clocks are not read at the same moment. */
    double share = ouro__share(ouro__gc_ns_of(record), ouro__cpu_of(record));
    return share > 1 ? 1 : share;
}

bool
ouro__process_cut_short(const struct ouro__process *process)
{
    const struct ouro__record_found *found = &process->found;
    return !process->still_running && (found->record.state == OURO_RECORD_RUNNING ||
                                       found->record.state == OURO_RECORD_CONFINED || found->torn);
}

uint64_t
ouro__main_peak_resident(const struct ouro__run *run)
{
    uint64_t kernel = (uint64_t)run->ending.usage.ru_maxrss * 1024;
    struct ouro__life life;

    if (!ouro__life_main(run, &life)) {
        return kernel;
    }
    bool is_final = life.last->found.record.state == OURO_RECORD_ENDED && !life.last->found.torn;
    bool is_alone = life.n_programs == run->n_processes;
    return is_final || !is_alone ? life.peak_resident : kernel;
}

static int
pointer_compare(const void *left, const void *right)
{
    const struct ouro__record_found *a = &(*(struct ouro__process *const *)left)->found;
    const struct ouro__record_found *b = &(*(struct ouro__process *const *)right)->found;

    if (a->record.pid != b->record.pid) {
        return a->record.pid < b->record.pid ? -1 : 1;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

static int
life_compare(const void *left, const void *right)
{
    const struct ouro__life *a = left;
    const struct ouro__life *b = right;

    if (a->peak_resident != b->peak_resident) {
        return a->peak_resident > b->peak_resident ? -1 : 1;
    }
    return pointer_compare(&a->first, &b->first);
}

static void
life_begin(struct ouro__life *life, const struct ouro__process *process)
{
    *life = (struct ouro__life){.first = process};
}

static void
life_extend(struct ouro__life *life, const struct ouro__process *process)
{
    const struct ouro_record *record = &process->found.record;
    uint64_t live = ouro__live_of(&record->peak);

    life->last = process;
    life->n_programs++;
    life->lasted_ns = ouro__sum(life->lasted_ns, record->lasted_ns);
    if (live > life->peak_live) {
        life->peak_live = live;
    }
    if (record->peak_resident > life->peak_resident) {
        life->peak_resident = record->peak_resident;
    }
}

/* All lives, in the order of pids; owned. */
static struct ouro__life *
lives_all(const struct ouro__run *run, size_t *count)
{
    size_t n = run->n_processes;
    const struct ouro__process **sorted = calloc(n + 1, sizeof *sorted);
    struct ouro__life *lives = calloc(n + 1, sizeof *lives);

    *count = 0;
    if (sorted == NULL || lives == NULL) {
        free(sorted);
        free(lives);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        sorted[i] = &run->processes[i];
    }
    qsort(sorted, n, sizeof *sorted, pointer_compare);
    for (size_t i = 0; i < n; i++) {
        /* A pid may come back in a long run: only what was replaced by exec goes on. */
        bool goes_on = i > 0 && sorted[i - 1]->found.record.pid == sorted[i]->found.record.pid &&
                       sorted[i - 1]->found.record.state == OURO_RECORD_REPLACED;
        if (!goes_on) {
            life_begin(&lives[(*count)++], sorted[i]);
        }
        life_extend(&lives[*count - 1], sorted[i]);
    }
    free(sorted);
    return lives;
}

bool
ouro__life_main(const struct ouro__run *run, struct ouro__life *life)
{
    size_t count;
    bool found = false;
    struct ouro__life *lives = lives_all(run, &count);

    for (size_t i = 0; i < count; i++) {
        if (lives[i].last->found.record.pid == run->ending.pid) {
            *life = lives[i];
            found = true;
        }
    }
    free(lives);
    return found;
}

struct ouro__life *
ouro__lives_other(const struct ouro__run *run, size_t *count)
{
    size_t all;
    size_t kept = 0;
    struct ouro__life *lives = lives_all(run, &all);

    for (size_t i = 0; i < all; i++) {
        if (lives[i].last->found.record.pid != run->ending.pid) {
            lives[kept++] = lives[i];
        }
    }
    *count = kept;
    if (lives != NULL) {
        qsort(lives, kept, sizeof *lives, life_compare);
    }
    return lives;
}

uint64_t
ouro__snapshots_failed(const struct ouro__run *run, uint64_t *longest_ns)
{
    uint64_t n_failed = 0;

    *longest_ns = 0;
    for (size_t i = 0; i < run->n_processes; i++) {
        const struct ouro_record *record = &run->processes[i].found.record;
        n_failed += record->n_snapshots_failed;
        *longest_ns =
            record->snapshot_longest_ns > *longest_ns ? record->snapshot_longest_ns : *longest_ns;
    }
    return n_failed;
}
