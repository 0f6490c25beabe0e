/* advice.c - one line of advice, where the figures call for it.
 *
 * The rules stand in the order of what a person would do first.  Each wants figures large enough that
 * acting on it pays: nobody should be sent after two megabytes or three percent. */
#define _GNU_SOURCE
#include "run/advice.h"

#include <stdlib.h>

#include "run/facts.h"
#include "units.h"

#define MIB (INT64_C(1) << 20)

/* Below these nothing is advised: processor time, and memory that could be won. */
#define WORTH_NS UINT64_C(200000000)
#define WORTH_BYTES (16 * MIB)

/* The collector's share that pacing aims at, and the one at which even a paced collector is a topic. */
#define GC_SHARE_PACED 0.05
#define GC_SHARE_HIGH 0.15
/* From so much on a program makes much garbage in cycles: what is found, in objects for each second of looking. */
#define GC_MUCH_FOUND 500000.0

/* Shares of resident memory from which a step of the waterfall is worth a word. */
#define SHARE_OF_FREE 0.25
#define SHARE_OF_CACHED 0.25
#define SHARE_OF_ROUNDING 0.12
#define SHARE_OF_FOREIGN 0.50

typedef const char *advice_rule(struct ouro__text *text, const struct ouro__run *run,
                                const struct ouro__life *life);

static bool
is_large_part(int64_t part, int64_t whole, double share)
{
    return part >= WORTH_BYTES && (double)part > share * (double)whole;
}

static double
percent_of(int64_t part, int64_t whole)
{
    return whole <= 0 ? 0 : 100.0 * (double)part / (double)whole;
}

static const char *
advise_debug(struct ouro__text *text, const struct ouro__run *run, const struct ouro__life *life)
{
    (void)run;
    if (life->last->found.record.debug == 0) {
        return NULL;
    }
    ouro__text_print(text, "the debug heap was on: these sizes and times hold its red zones and "
                           "checks; measure without --debug");
    return "debug-heap";
}

static const char *
advise_limit(struct ouro__text *text, const struct ouro__run *run, const struct ouro__life *life)
{
    const struct ouro_record *record = &life->last->found.record;
    char most[OURO_UNIT_TEXT];
    uint64_t needed = ouro__sum(record->limit, record->limit_last_size);

    (void)run;
    if (record->limit_refusals == 0) {
        return NULL;
    }
    ouro__text_print(text,
                     "the limit was reached: a --limit above %s would have let that allocation "
                     "through",
                     ouro__size_show(most, needed));
    return "limit-reached";
}

static const char *
advise_uncollectable(struct ouro__text *text, const struct ouro__run *run,
                     const struct ouro__life *life)
{
    const struct ouro_record_generation *gc = life->last->found.record.gc;
    uint64_t objects =
        ouro__sum(ouro__sum(gc[0].uncollectable, gc[1].uncollectable), gc[2].uncollectable);
    char count[OURO_UNIT_TEXT];

    (void)run;
    if (objects == 0) {
        return NULL;
    }
    ouro__text_print(text, "the collector found %s objects that it cannot free: see gc.garbage",
                     ouro__count_show(count, (double)objects));
    return "uncollectable";
}

static bool
finds_much(const struct ouro_record *record)
{
    const struct ouro_record_generation *gc = record->gc;
    uint64_t found = ouro__sum(ouro__sum(gc[0].collected, gc[1].collected), gc[2].collected);
    return (double)found >= GC_MUCH_FOUND * 1e-9 * (double)ouro__gc_ns_of(record) ||
           record->gc_freed_bytes >= (uint64_t)WORTH_BYTES;
}

static const char *
advise_collector(struct ouro__text *text, const struct ouro__run *run, const struct ouro__life *life)
{
    const struct ouro_record *record = &life->last->found.record;
    double share = ouro__gc_share_of(record);

    (void)run;
    if (ouro__gc_ns_of(record) < WORTH_NS) {
        return NULL;
    }
    if (record->gc_mode == OURO_GC_STOCK && share > GC_SHARE_PACED) {
        ouro__text_print(text, "the collector took %.0f %% of the CPU time; --gc=paced aims at 5 %%",
                         100 * share);
        return "collector-stock";
    }
    if (record->gc_mode == OURO_GC_OBEYED && share > GC_SHARE_HIGH) {
        ouro__text_print(text,
                         "the collector took %.0f %% of the CPU time, and the program sets its "
                         "thresholds itself: without gc.set_threshold() Ouro would pace it",
                         100 * share);
        return "collector-obeyed";
    }
    if (record->gc_mode == OURO_GC_PACED && share > GC_SHARE_HIGH) {
        ouro__text_print(
            text, "the collector took %.0f %% of the CPU time even when paced%s", 100 * share,
            finds_much(record) ? ": the program makes much cyclic garbage; break its cycles (weakref), "
                                 "or gc.freeze() what stays"
                               : " and freed little: gc.freeze() what stays, or gc.disable() while the "
                                 "program builds");
        return "collector-paced";
    }
    return NULL;
}

static const char *
advise_children(struct ouro__text *text, const struct ouro__run *run, const struct ouro__life *life)
{
    char own[OURO_UNIT_TEXT], largest[OURO_UNIT_TEXT];
    size_t count;
    struct ouro__life *others = ouro__lives_other(run, &count);
    uint64_t most = count == 0 ? 0 : others[0].peak_resident;
    int32_t pid = count == 0 ? 0 : others[0].last->found.record.pid;

    free(others);
    if (most < (uint64_t)WORTH_BYTES || most / 2 < life->peak_resident) {
        return NULL;
    }
    ouro__text_print(
        text, "most memory is not in this process (%s) but in its children: see pid %d (%s)",
        ouro__size_show(own, life->peak_resident), (int)pid, ouro__size_show(largest, most));
    return "children";
}

static const char *
advise_foreign(struct ouro__text *text, const struct ouro__run *run, const struct ouro__life *life)
{
    struct ouro__waterfall fall = ouro__waterfall_of(&life->last->found.record.peak);
    int64_t other = fall.step[OURO_STEP_OTHER];
    int64_t files = fall.step[OURO_STEP_FILES];

    (void)run;
    if (is_large_part(other, fall.resident, SHARE_OF_FOREIGN)) {
        ouro__text_print(text,
                         "%.0f %% of the resident memory lies outside the heap: mapped by the "
                         "program or its libraries themselves (mmap, thread stacks, an allocator "
                         "of their own)",
                         percent_of(other, fall.resident));
        return "foreign-memory";
    }
    if (is_large_part(files, fall.resident, SHARE_OF_FOREIGN)) {
        ouro__text_print(text,
                         "%.0f %% of the resident memory is files and shared memory: libraries, "
                         "mapped data; the kernel can drop clean pages of files when it needs room",
                         percent_of(files, fall.resident));
        return "mapped-files";
    }
    return NULL;
}

static const char *
advise_free(struct ouro__text *text, const struct ouro__run *run, const struct ouro__life *life)
{
    struct ouro__waterfall fall = ouro__waterfall_of(&life->last->found.record.last);
    char size[OURO_UNIT_TEXT];
    int64_t free_bytes = fall.step[OURO_STEP_FREE];

    (void)run;
    if (!is_large_part(free_bytes, fall.resident, SHARE_OF_FREE)) {
        return NULL;
    }
    ouro__text_print(text,
                     "at the end %s lie free in part-full pools, each held by a few live blocks: "
                     "make what stays before what goes, or do the passing work in a child process",
                     ouro__size_show(size, (uint64_t)free_bytes));
    return "part-full-pools";
}

static const char *
advise_cached(struct ouro__text *text, const struct ouro__run *run, const struct ouro__life *life)
{
    struct ouro__waterfall fall = ouro__waterfall_of(&life->last->found.record.last);
    char size[OURO_UNIT_TEXT];
    int64_t cached = fall.step[OURO_STEP_CACHED];

    (void)run;
    if (!is_large_part(cached, fall.resident, SHARE_OF_CACHED)) {
        return NULL;
    }
    ouro__text_print(text,
                     "at the end %s were kept in empty pools: the program freed much just before, "
                     "and the heap had no time to give it back",
                     ouro__size_show(size, (uint64_t)cached));
    return "empty-pools";
}

static const char *
advise_rounding(struct ouro__text *text, const struct ouro__run *run, const struct ouro__life *life)
{
    struct ouro__waterfall fall = ouro__waterfall_of(&life->last->found.record.peak);
    int64_t rounding = fall.step[OURO_STEP_ROUNDING];
    int64_t live = rounding + fall.step[OURO_STEP_ASKED];

    (void)run;
    if (!is_large_part(rounding, live, SHARE_OF_ROUNDING)) {
        return NULL;
    }
    ouro__text_print(text,
                     "%.0f %% of the live bytes are rounding: many blocks a little larger than "
                     "their size class; for Python objects, __slots__ or arrays instead of small "
                     "objects win most",
                     percent_of(rounding, live));
    return "rounding";
}

const char *
ouro__advice_add(struct ouro__text *text, const struct ouro__run *run)
{
    static advice_rule *const rules[] = {
        advise_debug,   advise_limit, advise_uncollectable, advise_collector, advise_children,
        advise_foreign, advise_free,  advise_cached,        advise_rounding,
    };
    struct ouro__life life;

    if (!ouro__life_main(run, &life)) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const char *code = rules[i](text, run, &life);
        if (code != NULL) {
            return code;
        }
    }
    return NULL;
}
