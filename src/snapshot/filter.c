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

/* All but the traces. */
static bool
copy_rest(struct ouro_snapshot *copy, const struct ouro_snapshot *of)
{
    struct ouro__snapshot *all = &copy->all;

    *copy = *of;
    all->process = copy_items(all->process, all->n_process, 1);
    all->texts = copy_items(all->texts, all->n_texts, 1);
    all->lines = copy_items(all->lines, all->n_lines, 1);
    all->codes = copy_items(all->codes, all->n_codes, sizeof *all->codes);
    all->nodes = copy_items(all->nodes, all->n_nodes, sizeof *all->nodes);
    all->traces = reallocarray(NULL, all->n_traces + 1, sizeof *all->traces);
    return all->process != NULL && all->texts != NULL && all->lines != NULL && all->codes != NULL &&
           all->nodes != NULL && all->traces != NULL;
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
    uint32_t *paths = ouro__places_init(&places) ? ouro__places_add(&places, all) : NULL;
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
