/* statistics.c - sums and differences of snapshots, in the form that programs want. */
#define _DEFAULT_SOURCE
#include <math.h>
#include <stdlib.h>

#include "snapshot/changes.h"
#include "snapshot/taken.h"

/* What a program gets is the first of these. */
struct statistics {
    ouro_statistics told;
    struct ouro__places places; /* has the texts */
    ouro_statistic *rows;
    ouro_place *room; /* the rows' places, one row's behind the other's */
};

static const enum ouro__by bys[] = {
    [OURO_KEY_LINE] = OURO_BY_LINE,         [OURO_KEY_FILE] = OURO_BY_FILE,
    [OURO_KEY_FUNCTION] = OURO_BY_FUNCTION, [OURO_KEY_TRACEBACK] = OURO_BY_TRACEBACK,
    [OURO_KEY_DOMAIN] = OURO_BY_DOMAIN,
};

static const enum ouro__measure measures[] = {
    [OURO_LIVE] = OURO_MEASURE_LIVE,
    [OURO_AT_PEAK] = OURO_MEASURE_PEAK,
    [OURO_EVER] = OURO_MEASURE_CHURN,
};

static const ouro_sum_config by_line;

static bool
is_sound(const ouro_sum_config *config)
{
    return (size_t)config->key < sizeof bys / sizeof *bys &&
           (size_t)config->moment < sizeof measures / sizeof *measures &&
           (!config->cumulative || config->key < OURO_KEY_TRACEBACK);
}

static uint64_t
rounded(double figure)
{
    return figure >= 0x1p63 ? INT64_MAX : figure <= 0 ? 0 : (uint64_t)(figure + 0.5);
}

static ouro_sum
sum_of(const struct ouro__figures *figures)
{
    return (ouro_sum){rounded(figures->bytes), rounded(figures->blocks),
                      rounded(sqrt(figures->variance))};
}

/* ---- places ---- */

static size_t
count_places(const struct ouro__places *places, enum ouro__by by, uint32_t key)
{
    size_t n = 0;
    if (by != OURO_BY_TRACEBACK) {
        return by != OURO_BY_DOMAIN && key != 0;
    }
    for (uint32_t path = key; path != 0; path = places->paths.items[path].a) {
        n++;
    }
    return n;
}

static const char *
text_of(const struct ouro__places *places, uint32_t text)
{
    return places->texts.items[text].text;
}

static ouro_place
place_of_path(const struct ouro__places *places, uint32_t path)
{
    uint32_t place = ouro__place_of_path(places, path);
    struct ouro__pair function = places->functions.items[ouro__function_of_place(places, place)];
    return (ouro_place){text_of(places, function.a), text_of(places, function.b),
                        ouro__number_of_line(places, ouro__line_of_place(places, place))};
}

/* The place that a key other than a traceback is; not of key 0. */
static ouro_place
place_of_key(const struct ouro__places *places, enum ouro__by by, uint32_t key)
{
    const struct ouro__pair *pair;

    switch (by) {
    case OURO_BY_LINE:
        pair = &places->lines.items[key];
        return (ouro_place){text_of(places, pair->a), "", pair->b};
    case OURO_BY_FUNCTION:
        pair = &places->functions.items[key];
        return (ouro_place){text_of(places, pair->a), text_of(places, pair->b), 0};
    default:
        return (ouro_place){text_of(places, key), "", 0};
    }
}

/* Put the places of a key at `to`; how many. */
static size_t
put_places(ouro_place *to, const struct ouro__places *places, enum ouro__by by, uint32_t key)
{
    size_t n = 0;
    if (by == OURO_BY_TRACEBACK) {
        for (uint32_t path = key; path != 0; path = places->paths.items[path].a) {
            to[n++] = place_of_path(places, path);
        }
    } else if (by != OURO_BY_DOMAIN && key != 0) {
        to[n++] = place_of_key(places, by, key);
    }
    return n;
}

/* ---- rows ---- */

/* Rows of differences; sums are differences from nothing.  False without memory. */
static bool
tell_rows(struct statistics *statistics, enum ouro__by by, const struct ouro__change *changes, size_t n)
{
    const struct ouro__places *places = &statistics->places;
    size_t n_places = 0, at = 0;

    for (size_t i = 0; i < n; i++) {
        n_places += count_places(places, by, changes[i].key);
    }
    statistics->rows = reallocarray(NULL, n + 1, sizeof *statistics->rows);
    statistics->room = reallocarray(NULL, n_places + 1, sizeof *statistics->room);
    if (statistics->rows == NULL || statistics->room == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t key = changes[i].key;
        size_t n_put = put_places(&statistics->room[at], places, by, key);
        statistics->rows[i] = (ouro_statistic){
            .n_places = n_put,
            .places = &statistics->room[at],
            .domain = by == OURO_BY_DOMAIN ? (ouro_domain)key : OURO_DOMAIN_RAW,
            .sum = sum_of(&changes[i].figures[OURO__AFTER]),
            .before = sum_of(&changes[i].figures[OURO__BEFORE]),
        };
        at += n_put;
    }
    statistics->told.n = n;
    statistics->told.rows = statistics->rows;
    return true;
}

/* The rows of one view as changes from nothing, the largest first; owned, NULL without memory. */
static struct ouro__change *
find_sums(struct ouro__view *view, struct ouro__places *places, enum ouro__by by, bool cumulative,
          size_t *n)
{
    struct ouro__row *rows = ouro__view_rows(view, places, NULL, by, cumulative, n);
    struct ouro__change *sums = rows == NULL ? NULL : reallocarray(NULL, *n + 1, sizeof *sums);

    for (size_t i = 0; sums != NULL && i < *n; i++) {
        sums[i] = (struct ouro__change){.key = rows[i].key, .figures[OURO__AFTER] = rows[i].figures};
    }
    free(rows);
    return sums;
}

/* Of `before`, which may be NULL, and `after`. */
static bool
make(struct statistics *statistics, const ouro_snapshot *before, const ouro_snapshot *after,
     const ouro_sum_config *config)
{
    static const struct ouro__filters none;
    struct ouro__places *places = &statistics->places;
    struct ouro__view views[2] = {0};
    struct ouro__change *changes = NULL;
    enum ouro__by by = bys[config->key];
    enum ouro__measure measure = measures[config->moment];
    unsigned parts = ouro__view_parts(by, config->cumulative);
    size_t n = 0;

    bool is_well = ouro__places_init(places);
    if (is_well && before != NULL) {
        is_well = ouro__view_make(&views[OURO__BEFORE], places, &before->all, measure, &none, parts);
    }
    is_well =
        is_well && ouro__view_make(&views[OURO__AFTER], places, &after->all, measure, &none, parts);
    if (is_well) {
        changes = before != NULL ? ouro__changes_find(views, places, NULL, by, config->cumulative, &n)
                                 : find_sums(&views[OURO__AFTER], places, by, config->cumulative, &n);
    }
    is_well = changes != NULL && tell_rows(statistics, by, changes, n);
    statistics->told.all = sum_of(&views[OURO__AFTER].all);
    statistics->told.all_before = sum_of(&views[OURO__BEFORE].all);
    free(changes);
    ouro__view_free(&views[OURO__BEFORE]);
    ouro__view_free(&views[OURO__AFTER]);
    return is_well;
}

static ouro_status
tell(const ouro_snapshot *before, const ouro_snapshot *after, const ouro_sum_config *config,
     ouro_statistics **told)
{
    config = config != NULL ? config : &by_line;
    if (!is_sound(config)) {
        return OURO_WRONG_VALUE;
    }
    struct statistics *statistics = calloc(1, sizeof *statistics);
    if (statistics == NULL || !make(statistics, before, after, config)) {
        ouro_statistics_free(statistics == NULL ? NULL : &statistics->told);
        return OURO_NO_MEMORY;
    }
    *told = &statistics->told;
    return OURO_OK;
}

ouro_status
ouro_snapshot_sum(const ouro_snapshot *snapshot, const ouro_sum_config *config,
                  ouro_statistics **statistics)
{
    return tell(NULL, snapshot, config, statistics);
}

ouro_status
ouro_snapshot_diff(const ouro_snapshot *before, const ouro_snapshot *after,
                   const ouro_sum_config *config, ouro_statistics **statistics)
{
    return tell(before, after, config, statistics);
}

void
ouro_statistics_free(ouro_statistics *told)
{
    struct statistics *statistics = (struct statistics *)told; /* its first member */

    if (statistics != NULL) {
        ouro__places_free(&statistics->places);
        free(statistics->rows);
        free(statistics->room);
        free(statistics);
    }
}

/* ---- trace by trace ---- */

static ouro_trace
trace_of(const struct ouro_snapshot_trace *trace, ouro_place *room, const struct ouro__places *places,
         uint32_t path)
{
    return (ouro_trace){
        .size = (size_t)trace->size,
        .domain = (ouro_domain)(unsigned)trace->domain,
        .n_places = put_places(room, places, OURO_BY_TRACEBACK, path),
        .places = room,
        .live = trace->live_blocks,
        .at_peak = trace->peak_blocks,
        .all = trace->all_blocks,
    };
}

int
ouro_snapshot_visit(const ouro_snapshot *snapshot, ouro_trace_visitor visit, void *context)
{
    const struct ouro__snapshot *all = &snapshot->all;
    struct ouro__places places;
    uint32_t *paths = ouro__places_init(&places) ? ouro__paths_of_nodes(&places, all) : NULL;
    uint32_t *depths = paths != NULL ? calloc(places.paths.n, sizeof *depths) : NULL;
    size_t deepest = 0;

    for (uint32_t i = 1; depths != NULL && i < places.paths.n; i++) {
        depths[i] = depths[places.paths.items[i].a] + 1;
        deepest = depths[i] > deepest ? depths[i] : deepest;
    }
    ouro_place *room = depths != NULL ? reallocarray(NULL, deepest + 1, sizeof *room) : NULL;
    int result = room != NULL ? OURO_OK : OURO_NO_MEMORY;
    for (size_t i = 1; result == OURO_OK && i < all->n_traces; i++) {
        ouro_trace trace = trace_of(&all->traces[i], room, &places, paths[all->traces[i].node]);
        result = visit(&trace, context);
    }
    free(room);
    free(depths);
    free(paths);
    ouro__places_free(&places);
    return result;
}
