/* samples.c - figures of a snapshot by path and by all that is told beside it: thread, type, domain.
 *
 * What was live is told by type, where types are known; what was live at the peak, or ever, never is, and stands in a
 * sample of its own. */
#define _DEFAULT_SOURCE
#include "export/samples.h"
#include "snapshot/grow.h"

#include <stdlib.h>

struct gathering {
    struct ouro__samples *samples;
    const struct ouro__export *export;
    struct ouro__pairs asides; /* thread and domain, type */
    struct ouro__pairs known;  /* path, aside: the numbers of samples */
    struct ouro__pair last;    /* that was asked for, and its number */
    uint32_t last_id;
    size_t room;
    bool failed;
};

/* The sample of a trace and a type, new or not; NULL without memory. */
static struct ouro__sample *
sample_of(struct gathering *gathering, size_t number, uint32_t type)
{
    struct ouro__samples *samples = gathering->samples;
    const struct ouro_snapshot_trace *trace = &gathering->export->saved->snapshot.traces[number];
    uint32_t path = gathering->export->view->spots[number];
    uint32_t aside =
        ouro__pairs_id(&gathering->asides, (uint32_t)trace->thread << 2 | trace->domain, type);
    bool is_last = samples->n > 0 && path == gathering->last.a && aside == gathering->last.b;
    uint32_t id = aside == OURO_NO_ID ? OURO_NO_ID
                  : is_last           ? gathering->last_id
                                      : ouro__pairs_id(&gathering->known, path, aside);

    if (id == OURO_NO_ID) {
        return NULL;
    }
    gathering->last = (struct ouro__pair){path, aside};
    gathering->last_id = id;
    if (id == samples->n) {
        struct ouro__sample *items =
            ouro__grow(samples->items, samples->n, &gathering->room, sizeof *samples->items);
        if (items == NULL) {
            return NULL;
        }
        samples->items = items;
        samples->items[samples->n++] = (struct ouro__sample){
            .path = path, .thread = trace->thread, .type = type, .domain = trace->domain};
    }
    return &samples->items[id];
}

static void
add(struct gathering *gathering, size_t trace, uint32_t type, enum ouro__measure measure,
    const struct ouro__figures *figures)
{
    if (gathering->failed || (figures->blocks <= 0 && figures->bytes <= 0)) {
        return;
    }
    struct ouro__sample *sample = sample_of(gathering, trace, type);
    gathering->failed = sample == NULL;
    if (sample != NULL) {
        ouro__figures_add(&sample->figures[measure], figures);
    }
}

static void
add_typed(void *context, size_t trace, size_t type, const struct ouro__figures *figures)
{
    struct gathering *gathering = context;
    add(gathering, trace, (uint32_t)type, OURO_MEASURE_LIVE, figures);
}

bool
ouro__samples_make(struct ouro__samples *samples, const struct ouro__export *export)
{
    const struct ouro__snapshot *snapshot = &export->saved->snapshot;
    const struct ouro__view *view = export->view;
    struct gathering gathering = {.samples = samples, .export = export};
    bool has_types = snapshot->n_typed > 0;

    *samples = (struct ouro__samples){0};
    for (size_t i = 1; i < snapshot->n_traces; i++) {
        const struct ouro_snapshot_trace *trace = &snapshot->traces[i];
        if (!ouro__view_keeps(view, i)) {
            continue;
        }
        for (int measure = has_types ? OURO_MEASURE_LIVE + 1 : OURO_MEASURE_LIVE;
             measure < OURO_N_MEASURES; measure++) {
            struct ouro__figures figures =
                ouro__figures_of(&snapshot->tracing, trace, (enum ouro__measure)measure);
            add(&gathering, i, OURO_NO_ID, (enum ouro__measure)measure, &figures);
        }
    }
    gathering.failed |= has_types && !ouro__view_types(view, snapshot, add_typed, &gathering);
    ouro__pairs_free(&gathering.asides);
    ouro__pairs_free(&gathering.known);
    if (gathering.failed) {
        ouro__samples_free(samples);
    }
    return !gathering.failed;
}

void
ouro__samples_free(struct ouro__samples *samples)
{
    free(samples->items);
    *samples = (struct ouro__samples){0};
}
