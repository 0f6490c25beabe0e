/* filter.c - a snapshot of some of another's traces.
 *
 * Callers have lower numbers than those they call: one loop upwards finds what any frame of each traceback fits. */
#define _DEFAULT_SOURCE
#include <stdlib.h>
#include <string.h>

#include "snapshot/taken.h"
#include "snapshot/view.h"

/* A copy of `n` items and room for one more; NULL without memory. */
static void *
copy_items(const void *items, size_t n, size_t size)
{
    void *copy = reallocarray(NULL, n + 1, size);
    if (copy != NULL && n != 0) {
        memcpy(copy, items, n * size);
    }
    return copy;
}

/* All but the traces, for which there is room, and what is told of them by their numbers, which become others.  False without memory. */
static bool
copy_rest(struct ouro_snapshot *copy, const struct ouro_snapshot *of)
{
    const struct ouro__snapshot *from = &of->all;
    struct ouro__snapshot *to = &copy->all;

    *copy = *of;
    *to = (struct ouro__snapshot){
        .tracing = from->tracing,
        .process = copy_items(from->process, from->n_process, 1),
        .n_process = from->n_process,
        .texts = copy_items(from->texts, from->n_texts, 1),
        .n_texts = from->n_texts,
        .lines = copy_items(from->lines, from->n_lines, 1),
        .n_lines = from->n_lines,
        .codes = copy_items(from->codes, from->n_codes, sizeof *from->codes),
        .n_codes = from->n_codes,
        .nodes = copy_items(from->nodes, from->n_nodes, sizeof *from->nodes),
        .n_nodes = from->n_nodes,
        .traces = reallocarray(NULL, from->n_traces + 1, sizeof *from->traces),
        .threads = copy_items(from->threads, from->n_threads, sizeof *from->threads),
        .n_threads = from->n_threads,
        .sinces = copy_items(from->sinces, from->n_sinces, sizeof *from->sinces),
        .n_sinces = from->n_sinces,
        .types = copy_items(from->types, from->n_types, sizeof *from->types),
        .n_types = from->n_types,
        .runs = copy_items(from->runs, from->n_runs, sizeof *from->runs),
        .n_runs = from->n_runs,
        .samples = copy_items(from->samples, from->n_samples, sizeof *from->samples),
        .n_samples = from->n_samples,
        .marks = copy_items(from->marks, from->n_marks, sizeof *from->marks),
        .n_marks = from->n_marks,
        .n_bytes = from->n_bytes,
    };
    memcpy(to->trouble, from->trouble, sizeof to->trouble);
    return to->process != NULL && to->texts != NULL && to->lines != NULL && to->codes != NULL &&
           to->nodes != NULL && to->traces != NULL && to->threads != NULL && to->sinces != NULL &&
           to->types != NULL && to->runs != NULL && to->samples != NULL && to->marks != NULL;
}

/* Which paths a filter fits, whatever their domain; owned, NULL without memory. */
static bool *
fit_paths(const struct ouro__places *places, const ouro_trace_filter *filter)
{
    bool *fits = calloc(places->paths.n, sizeof *fits);

    for (uint32_t i = 0; fits != NULL && i < places->paths.n; i++) {
        uint32_t place = ouro__place_of_path(places, i), caller = places->paths.items[i].a;
        uint32_t function = ouro__function_of_place(places, place);
        uint32_t line = ouro__number_of_line(places, ouro__line_of_place(places, place));
        fits[i] = (filter->pattern == NULL ||
                   ouro__pattern_fits(filter->pattern, ouro__file_of_function(places, function),
                                      ouro__name_of_function(places, function))) &&
                  (filter->line == 0 || filter->line == line);
        fits[i] |= filter->all_frames && caller != 0 && fits[caller];
    }
    return fits;
}

enum { KEPT = 1, LEFT_OUT = 2 };

/* What the filters say of each trace; false without memory. */
static bool
judge(const struct ouro__snapshot *all, const struct ouro__places *places, const uint32_t *paths,
      const ouro_trace_filter *filter, unsigned char *judged)
{
    bool *fits = fit_paths(places, filter);

    for (size_t i = 1; fits != NULL && i < all->n_traces; i++) {
        const struct ouro_snapshot_trace *trace = &all->traces[i];
        bool is_domain =
            filter->domain == OURO_ANY_DOMAIN || filter->domain == (int)(unsigned)trace->domain;
        if (is_domain && fits[paths[trace->node]]) {
            judged[i] |= filter->leaves_out ? LEFT_OUT : KEPT;
        }
    }
    free(fits);
    return fits != NULL;
}

/* Copy the traces that are left; the first one is what is not traced. */
static void
take_left(struct ouro__snapshot *to, const struct ouro__snapshot *from, const unsigned char *judged,
          bool any_keeps)
{
    to->n_traces = 0;
    for (size_t i = 0; i < from->n_traces; i++) {
        bool is_left = judged[i] == KEPT || (judged[i] == 0 && !any_keeps);
        if (i == 0 || is_left) {
            to->traces[to->n_traces++] = from->traces[i];
        }
    }
}

ouro_status
ouro_snapshot_filter(const ouro_snapshot *snapshot, const ouro_trace_filter *filters, size_t n,
                     ouro_snapshot **filtered)
{
    const struct ouro__snapshot *all = &snapshot->all;
    ouro_snapshot *left = malloc(sizeof *left);
    unsigned char *judged = calloc(all->n_traces + 1, 1);
    struct ouro__places places;
    uint32_t *paths = ouro__places_init(&places) ? ouro__paths_of_nodes(&places, all) : NULL;
    bool is_well = left != NULL && judged != NULL && paths != NULL, any_keeps = false;

    for (size_t i = 0; is_well && i < n; i++) {
        is_well = judge(all, &places, paths, &filters[i], judged);
        any_keeps |= !filters[i].leaves_out;
    }
    ouro__places_free(&places);
    free(paths);
    if (left != NULL && !(copy_rest(left, snapshot) && is_well)) {
        ouro_snapshot_free(left);
        is_well = false;
    }
    if (is_well) {
        take_left(&left->all, all, judged, any_keeps);
        *filtered = left;
    }
    free(judged);
    return is_well ? OURO_OK : OURO_NO_MEMORY;
}
