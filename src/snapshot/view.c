/* view.c - summing up a snapshot: traces to paths, paths to what a table has a row for.
 *
 * Callers have lower numbers than those they call, for nodes and for paths alike.  So whatever goes from callers down is
 * one loop upwards, whatever is summed up to them one loop downwards, and nothing recurses, however deep a traceback. */
#define _DEFAULT_SOURCE
#include "snapshot/view.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "snapshot/cumulative.h"
#include "snapshot/grow.h"
#include "snapshot/tasks.h"

const char *const ouro__measure_names[OURO_N_MEASURES] = {"live", "peak", "churn"};
const char *const ouro__by_names[OURO_N_BYS] = {"line",   "file",   "function", "traceback", "package",
                                                "domain", "thread", "task",     "type"};
const char *const ouro__domain_names[3] = {"raw", "mem", "object"};

struct ouro__figures
ouro__figures_estimate(const struct ouro_snapshot_tracing *tracing, uint64_t bytes,
                       struct ouro__figures figures)
{
    /* A block is met with the chance p, so each that was met stands for 1 / p (Horvitz and Thompson, 1952). */
    double size = bytes == 0 ? 1 : (double)bytes;
    double p = -expm1(-size / (double)tracing->sample_bytes);
    figures.variance = figures.blocks * size * size * (1 - p) / (p * p);
    figures.bytes /= p;
    figures.blocks /= p;
    return figures;
}

bool
ouro__pattern_fits(const char *pattern, const char *file, const char *name)
{
    if (strpbrk(pattern, "*?[") == NULL) {
        return strstr(file, pattern) != NULL || strcmp(name, pattern) == 0;
    }
    return fnmatch(pattern, file, 0) == 0 || fnmatch(pattern, name, 0) == 0;
}

static bool
any_pattern_fits(const char *const *patterns, size_t n, const char *file, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (ouro__pattern_fits(patterns[i], file, name)) {
            return true;
        }
    }
    return false;
}

enum { WANTED = 1, UNWANTED = 2, ROOT = 4 };

/* Which patterns each function meets, WANTED and UNWANTED; owned, NULL without memory. */
static unsigned char *
functions_filter(const struct ouro__places *places, const struct ouro__filters *filters)
{
    unsigned char *met = calloc(places->functions.n, 1);

    for (uint32_t i = 0; met != NULL && i < places->functions.n; i++) {
        const char *file = ouro__file_of_function(places, i);
        const char *name = ouro__name_of_function(places, i);
        bool is_wanted = any_pattern_fits(filters->wanted, filters->n_wanted, file, name);
        bool is_unwanted = any_pattern_fits(filters->unwanted, filters->n_unwanted, file, name);
        met[i] = (unsigned char)((is_wanted ? WANTED : 0) | (is_unwanted ? UNWANTED : 0));
    }
    return met;
}

/* Which traces the filters leave, by the spots of nodes; owned, NULL without memory. */
static bool *
traces_filter(const struct ouro__view *view, const struct ouro__places *places,
              const struct ouro__snapshot *snapshot, const uint32_t *spots,
              const struct ouro__filters *filters)
{
    unsigned char *functions = functions_filter(places, filters);
    unsigned char *met = calloc(snapshot->n_nodes, 1);
    bool *is_kept =
        functions == NULL || met == NULL ? NULL : calloc(snapshot->n_traces + 1, sizeof *is_kept);

    for (size_t i = 0; is_kept != NULL && i < snapshot->n_nodes; i++) {
        uint32_t place = ouro__place_of_spot(view, places, spots[i]);
        unsigned char above = i == 0 ? ROOT : met[snapshot->nodes[i].parent];
        /* The root is a frame only for what has no other; a node without a frame is none either. */
        met[i] = functions[ouro__function_of_place(places, place)] | ((above & ROOT) == 0 ? above
                                                                      : place == 0        ? ROOT
                                                                                          : 0);
    }
    for (size_t i = 0; is_kept != NULL && i < snapshot->n_traces; i++) {
        unsigned char of_trace = met[snapshot->traces[i].node];
        is_kept[i] = (filters->n_wanted == 0 || (of_trace & WANTED) != 0) && (of_trace & UNWANTED) == 0;
    }
    free(functions);
    free(met);
    return is_kept;
}

/* ---- threads and types ---- */

static bool
aside_make(struct ouro__aside *aside, size_t n)
{
    aside->texts = calloc(n, sizeof *aside->texts);
    aside->figures = calloc(n, sizeof *aside->figures);
    aside->n = n;
    return aside->texts != NULL && aside->figures != NULL;
}

static void
aside_free(struct ouro__aside *aside)
{
    free(aside->texts);
    free(aside->figures);
}

static bool
aside_name(struct ouro__aside *aside, size_t i, struct ouro__places *places, const char *name, size_t n)
{
    aside->texts[i] = ouro__texts_id(&places->texts, name, n);
    return aside->texts[i] != OURO_NO_ID;
}

/* A thread goes by its name, and by a number where several have the same, or none. */
static bool
threads_name(struct ouro__view *view, struct ouro__places *places,
             const struct ouro__snapshot *snapshot)
{
    if (!aside_make(&view->threads, snapshot->n_threads)) {
        return false;
    }
    for (size_t i = 0; i < snapshot->n_threads; i++) {
        const struct ouro_snapshot_thread *thread = &snapshot->threads[i];
        char name[64] = "(thread not noted)";
        if (i > 0) {
            (void)snprintf(name, sizeof name,
                           thread->name[0] == '\0' ? "%sthread %zu" : "%s (thread %zu)", thread->name,
                           i);
        }
        if (!aside_name(&view->threads, i, places, name, sizeof name)) {
            return false;
        }
    }
    return true;
}

/* Behind the types come what is no object, by its domain. */
static bool
types_name(struct ouro__view *view, struct ouro__places *places, const struct ouro__snapshot *snapshot)
{
    static const char *const buffers[3] = {"(buffer, raw)", "(buffer, mem)", "(buffer, object)"};
    size_t n = snapshot->n_types;
    bool is_well = aside_make(&view->types, n + 3);

    for (size_t i = 0; is_well && i < n; i++) {
        const struct ouro_snapshot_stretch *name = &snapshot->types[i];
        is_well = name->size == 0 ? aside_name(&view->types, i, places, "(no name)", SIZE_MAX)
                                  : aside_name(&view->types, i, places, snapshot->texts + name->at,
                                               (size_t)name->size);
    }
    for (size_t i = 0; is_well && i < 3; i++) {
        is_well = aside_name(&view->types, n + i, places, buffers[i], SIZE_MAX);
    }
    return is_well;
}

/* Of each trace the blocks that have a type, and the rest. */
bool
ouro__view_types(const struct ouro__view *view, const struct ouro__snapshot *snapshot,
                 void (*tell)(void *context, size_t trace, size_t type,
                              const struct ouro__figures *figures),
                 void *context)
{
    uint64_t *told = ouro__zeros(snapshot->n_traces + 1, sizeof *told); /* blocks of each trace */

    for (size_t i = 0; told != NULL && i < snapshot->n_typed + snapshot->n_traces; i++) {
        bool is_rest = i >= snapshot->n_typed;
        size_t at = is_rest ? i - snapshot->n_typed : snapshot->typed[i].trace;
        if (at == 0 || !ouro__view_keeps(view, at)) {
            continue;
        }
        struct ouro_snapshot_trace trace = snapshot->traces[at];
        uint64_t rest = trace.live_blocks - told[at];
        uint64_t blocks =
            is_rest || snapshot->typed[i].blocks > rest ? rest : snapshot->typed[i].blocks;
        if (blocks == 0) {
            continue;
        }
        size_t type = is_rest || snapshot->typed[i].type == 0 ? snapshot->n_types + trace.domain
                                                              : snapshot->typed[i].type;
        told[at] += blocks;
        trace.live_blocks = blocks;
        trace.live_bytes = blocks * trace.size;
        struct ouro__figures figures = ouro__figures_of(&snapshot->tracing, &trace, OURO_MEASURE_LIVE);
        tell(context, at, type, &figures);
    }
    free(told);
    return told != NULL;
}

static void
type_add(void *context, size_t trace, size_t type, const struct ouro__figures *figures)
{
    struct ouro__aside *types = context;
    (void)trace;
    ouro__figures_add(&types->figures[type], figures);
}

/* Add the figures of all traces that the filters left, but those of types, to `n` views: the first of that measure, the others
 * of those that follow. */
static void
traces_sum(struct ouro__view *views, size_t n, const struct ouro__snapshot *snapshot,
           enum ouro__measure measure)
{
    for (size_t i = 1; i < snapshot->n_traces; i++) {
        const struct ouro_snapshot_trace *trace = &snapshot->traces[i];
        bool is_kept = ouro__view_keeps(views, i);
        struct ouro__figures *sums = &views->figures[views->numbers[views->spots[i]] * n];
        for (size_t k = 0; k < n; k++) {
            struct ouro__figures figures =
                ouro__figures_of(&snapshot->tracing, trace, (enum ouro__measure)(measure + k));
            ouro__figures_add(&views[k].all, &figures);
            if (is_kept) {
                ouro__figures_add(&views[k].kept, &figures);
                ouro__figures_add(&views[k].domains[trace->domain], &figures);
                ouro__figures_add(&views[k].threads.figures[trace->thread], &figures);
                ouro__figures_add(&sums[k], &figures);
            }
        }
    }
}

/* Give numbers to the spots of what the filters left: mostly they are few, as most paths only lead to others.  False without
 * memory. */
static bool
holders_find(struct ouro__view *view, const struct ouro__snapshot *snapshot)
{
    view->numbers = ouro__zeros(view->n_spots, sizeof *view->numbers);
    for (size_t i = 1; view->numbers != NULL && i < snapshot->n_traces; i++) {
        view->numbers[view->spots[i]] |= ouro__view_keeps(view, i);
    }
    view->holders = reallocarray(NULL, snapshot->n_traces + 1, sizeof *view->holders);
    if (view->numbers == NULL || view->holders == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < view->n_spots; i++) {
        if (view->numbers[i] != 0) {
            view->holders[view->n_holders++] = i;
            view->numbers[i] = (uint32_t)view->n_holders;
        }
    }
    return true;
}

/* The figures of `n` views, of which the first has its spots and numbers.  False without memory. */
static bool
figures_make(struct ouro__view *views, size_t n, struct ouro__places *places,
             const struct ouro__snapshot *snapshot, enum ouro__measure measure)
{
    static const struct ouro_snapshot_tracing counted = {.mode = OURO_SNAPSHOT_EXACT};
    struct ouro__figures *figures = ouro__zeros(views->n_holders + 1, n * sizeof *figures);
    bool is_well = figures != NULL;

    for (size_t k = 0; k < n; k++) {
        struct ouro__view *view = &views[k];
        bool has_types = (view->parts & OURO_VIEW_TYPES) != 0 && measure + k == OURO_MEASURE_LIVE;
        view->figures = is_well ? figures + k : NULL;
        view->n_beside = n;
        is_well = is_well && threads_name(view, places, snapshot) &&
                  types_name(view, places, snapshot) &&
                  (!has_types || ouro__view_types(view, snapshot, type_add, &view->types));
        if (snapshot->n_traces > 0) {
            view->untraced =
                ouro__figures_of(&counted, &snapshot->traces[0], (enum ouro__measure)(measure + k));
        }
    }
    if (is_well) {
        traces_sum(views, n, snapshot, measure);
    }
    return is_well;
}

unsigned
ouro__view_parts(enum ouro__by by, bool cumulative)
{
    bool has_paths = cumulative || by == OURO_BY_TRACEBACK || by == OURO_BY_TASK;
    return (has_paths ? OURO_VIEW_PATHS : 0U) | (by == OURO_BY_TYPE ? OURO_VIEW_TYPES : 0U);
}

/* The spots of traces, and which are kept.  False without memory. */
static bool
spots_find(struct ouro__view *view, struct ouro__places *places, const struct ouro__snapshot *snapshot,
           const struct ouro__filters *filters)
{
    bool is_filtered = filters->n_wanted + filters->n_unwanted > 0;
    bool has_paths = (view->parts & OURO_VIEW_PATHS) != 0;

    if (!has_paths && !is_filtered) {
        view->spots = ouro__places_of_traces(places, snapshot);
        return view->spots != NULL;
    }
    uint32_t *of_nodes =
        has_paths ? ouro__paths_of_nodes(places, snapshot) : ouro__places_of_nodes(places, snapshot);
    bool is_well = of_nodes != NULL;
    if (is_well && is_filtered) {
        view->is_kept = traces_filter(view, places, snapshot, of_nodes, filters);
        is_well = view->is_kept != NULL;
    }
    view->spots = is_well ? reallocarray(NULL, snapshot->n_traces + 1, sizeof *view->spots) : NULL;
    for (size_t i = 0; view->spots != NULL && i < snapshot->n_traces; i++) {
        view->spots[i] = of_nodes[snapshot->traces[i].node];
    }
    free(of_nodes);
    return view->spots != NULL;
}

/* All of a view but its figures.  False without memory. */
static bool
view_begin(struct ouro__view *view, struct ouro__places *places, const struct ouro__snapshot *snapshot,
           const struct ouro__filters *filters, unsigned parts)
{
    /* Sums of estimates depend on their order: it is the same whatever is asked for, as they are few. */
    parts |= snapshot->tracing.mode == OURO_SNAPSHOT_SAMPLED ? OURO_VIEW_PATHS : 0U;
    *view = (struct ouro__view){.parts = parts};
    if (!spots_find(view, places, snapshot, filters)) {
        return false;
    }
    view->n_spots = (parts & OURO_VIEW_PATHS) != 0 ? places->paths.n : places->places.n;
    return holders_find(view, snapshot);
}

bool
ouro__view_make(struct ouro__view *view, struct ouro__places *places,
                const struct ouro__snapshot *snapshot, enum ouro__measure measure,
                const struct ouro__filters *filters, unsigned parts)
{
    return view_begin(view, places, snapshot, filters, parts) &&
           figures_make(view, 1, places, snapshot, measure);
}

bool
ouro__views_make(struct ouro__view *views, struct ouro__places *places,
                 const struct ouro__snapshot *snapshot, const struct ouro__filters *filters,
                 unsigned parts)
{
    bool is_well = view_begin(views, places, snapshot, filters, parts);

    for (int m = 1; m < OURO_N_MEASURES; m++) {
        views[m] = views[0];
        views[m].is_shared = true;
    }
    return is_well && figures_make(views, OURO_N_MEASURES, places, snapshot, (enum ouro__measure)0);
}

bool
ouro__view_make_like(struct ouro__view *view, const struct ouro__view *like,
                     struct ouro__places *places, const struct ouro__snapshot *snapshot,
                     enum ouro__measure measure)
{
    *view = (struct ouro__view){.parts = like->parts,
                                .n_spots = like->n_spots,
                                .numbers = like->numbers,
                                .holders = like->holders,
                                .n_holders = like->n_holders,
                                .spots = like->spots,
                                .is_shared = true,
                                .is_kept = like->is_kept};
    return figures_make(view, 1, places, snapshot, measure);
}

void
ouro__view_free(struct ouro__view *view)
{
    if (!view->is_shared || view->n_beside == 1) {
        free(view->figures);
    }
    if (!view->is_shared) {
        free(view->numbers);
        free(view->holders);
        free(view->spots);
        free(view->is_kept);
    }
    aside_free(&view->threads);
    aside_free(&view->types);
    *view = (struct ouro__view){0};
}

double *
ouro__view_subtrees(const struct ouro__view *view, const struct ouro__places *places, bool of_variance)
{
    double *sums = reallocarray(NULL, view->n_spots, sizeof *sums);

    for (size_t i = 0; sums != NULL && i < view->n_spots; i++) {
        const struct ouro__figures *figures = ouro__view_at(view, i);
        sums[i] = of_variance ? figures->variance : figures->bytes;
    }
    for (size_t i = view->n_spots - 1; sums != NULL && i > 0; i--) {
        sums[places->paths.items[i].a] += sums[i];
    }
    return sums;
}

static size_t
keys_count(const struct ouro__view *view, const struct ouro__places *places, enum ouro__by by)
{
    switch (by) {
    case OURO_BY_LINE:
        return places->lines.n;
    case OURO_BY_FUNCTION:
        return places->functions.n;
    case OURO_BY_TRACEBACK:
        return view->n_spots;
    case OURO_BY_DOMAIN:
        return 3;
    default:
        return places->texts.n;
    }
}

/* The key of a place; OURO_NO_ID without memory. */
static uint32_t
key_of(struct ouro__places *places, struct ouro__groups *groups, enum ouro__by by, uint32_t place)
{
    uint32_t function = ouro__function_of_place(places, place);

    switch (by) {
    case OURO_BY_LINE:
        return ouro__line_of_place(places, place);
    case OURO_BY_FUNCTION:
        return function;
    case OURO_BY_PACKAGE:
        return groups->group_of(groups, places, places->functions.items[function].a);
    default:
        return places->functions.items[function].a;
    }
}

/* The keys of paths: by place where the innermost frame says it all, or by path, which is much more. */
struct keys {
    uint32_t *of_places,
        *of_paths; /* one of them, owned; neither for tracebacks, whose paths are their keys */
};

static void
keys_free(struct keys *keys)
{
    free(keys->of_places);
    free(keys->of_paths);
}

/* False without memory. */
static bool
keys_find(struct keys *keys, const struct ouro__view *view, struct ouro__places *places,
          struct ouro__groups *groups, enum ouro__by by)
{
    uint32_t n = places->places.n;
    bool is_well = true;

    *keys = (struct keys){0};
    if (by == OURO_BY_TASK) {
        keys->of_paths = ouro__tasks_of(places, view->n_spots);
        return keys->of_paths != NULL;
    }
    if (by != OURO_BY_TRACEBACK) {
        keys->of_places = reallocarray(NULL, n, sizeof *keys->of_places);
        is_well = keys->of_places != NULL;
        for (uint32_t i = 0; is_well && i < n; i++) {
            keys->of_places[i] = key_of(places, groups, by, i);
            is_well = keys->of_places[i] != OURO_NO_ID;
        }
    }
    return is_well;
}

static uint32_t
key_of_spot(const struct ouro__view *view, const struct ouro__places *places, const struct keys *keys,
            uint32_t spot)
{
    return keys->of_places != NULL  ? keys->of_places[ouro__place_of_spot(view, places, spot)]
           : keys->of_paths != NULL ? keys->of_paths[spot]
                                    : spot;
}

/* Figures by what paths don't say, or all alike: then they are the `only` task's.  Owned, NULL without memory. */
static struct ouro__figures *
fold_aside(const struct ouro__view *view, enum ouro__by by, uint32_t only, size_t n)
{
    const struct ouro__aside *aside = by == OURO_BY_THREAD ? &view->threads : &view->types;
    struct ouro__figures *by_key = calloc(n, sizeof *by_key);

    if (by_key != NULL && by == OURO_BY_TASK) {
        by_key[only] = view->kept;
    } else if (by_key != NULL && by == OURO_BY_DOMAIN) {
        memcpy(by_key, view->domains, sizeof view->domains);
    } else if (by_key != NULL) {
        for (size_t i = 0; i < aside->n; i++) {
            ouro__figures_add(&by_key[aside->texts[i]], &aside->figures[i]);
        }
    }
    return by_key;
}

struct ouro__figures *
ouro__view_fold(const struct ouro__view *view, struct ouro__places *places, struct ouro__groups *groups,
                enum ouro__by by, bool cumulative, size_t *n)
{
    uint32_t only = by == OURO_BY_TASK ? ouro__tasks_without_loop(places) : 0;

    if (only == OURO_NO_ID) {
        return NULL;
    }
    if (only != 0 || by == OURO_BY_DOMAIN || by == OURO_BY_THREAD || by == OURO_BY_TYPE) {
        *n = keys_count(view, places, by);
        return fold_aside(view, by, only, *n);
    }
    OURO_ASSERT((ouro__view_parts(by, cumulative) & ~view->parts) == 0);
    struct keys keys;
    bool is_well = keys_find(&keys, view, places, groups, by);
    *n = keys_count(view, places, by); /* keys may have added texts */
    struct ouro__figures *by_key = *n == 0 ? NULL : calloc(*n, sizeof *by_key);
    is_well = is_well && by_key != NULL;
    if (is_well && cumulative) {
        is_well = ouro__cumulate(view, places, keys.of_places, by_key, *n);
    } else if (is_well) {
        for (size_t i = 0; i < view->n_holders; i++) {
            uint32_t spot = view->holders[i];
            ouro__figures_add(&by_key[key_of_spot(view, places, &keys, spot)],
                              ouro__view_at(view, spot));
        }
    }
    keys_free(&keys);
    if (!is_well) {
        free(by_key);
        return NULL;
    }
    return by_key;
}

static int
rows_compare(const void *a, const void *b)
{
    const struct ouro__row *left = a;
    const struct ouro__row *right = b;

    if (left->figures.bytes != right->figures.bytes) {
        return left->figures.bytes > right->figures.bytes ? -1 : 1;
    }
    if (left->figures.blocks != right->figures.blocks) {
        return left->figures.blocks > right->figures.blocks ? -1 : 1;
    }
    return left->key < right->key ? -1 : left->key > right->key;
}

struct ouro__row *
ouro__view_rows(const struct ouro__view *view, struct ouro__places *places, struct ouro__groups *groups,
                enum ouro__by by, bool cumulative, size_t *n)
{
    size_t n_keys = view->n_holders;
    bool are_paths = by == OURO_BY_TRACEBACK && !cumulative;
    struct ouro__figures *by_key =
        are_paths ? NULL : ouro__view_fold(view, places, groups, by, cumulative, &n_keys);
    struct ouro__row *rows =
        by_key == NULL && !are_paths ? NULL : reallocarray(NULL, n_keys + 1, sizeof *rows);

    *n = 0;
    for (size_t i = 0; rows != NULL && i < n_keys; i++) {
        uint32_t key = are_paths ? view->holders[i] : (uint32_t)i;
        const struct ouro__figures *figures = are_paths ? ouro__view_at(view, key) : &by_key[i];
        if (figures->blocks > 0 || figures->bytes > 0) {
            rows[(*n)++] = (struct ouro__row){key, *figures};
        }
    }
    if (rows != NULL) {
        qsort(rows, *n, sizeof *rows, rows_compare);
    }
    free(by_key);
    return rows;
}
