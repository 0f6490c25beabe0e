/* top_lines.c - which lines of the program held the memory: at the peak, and at the end. */
#define _GNU_SOURCE
#include "run/top_lines.h"

#include <stdlib.h>

#include "view/rows.h"
#include "units.h"
#include "snapshot/view.h"
#include "view/saved.h"

#define N_AT_PEAK 6 /* lines that held most then */
#define N_AT_END 3  /* and at the end */
#define LABEL_COLUMN 28

struct sums {
    struct ouro__places places;
    struct ouro__view peak, live;
    struct ouro__figures *at_peak, *at_end; /* by line */
    size_t n;
    uint32_t lines[N_AT_PEAK + N_AT_END];
    size_t n_lines;
};

static bool
sums_make(struct sums *sums, const struct ouro__saved *saved)
{
    static const struct ouro__filters none;
    size_t n;
    return ouro__places_init(&sums->places) &&
           ouro__view_make(&sums->peak, &sums->places, &saved->snapshot, OURO_MEASURE_PEAK, &none,
                           ouro__view_parts(OURO_BY_LINE, false)) &&
           ouro__view_make_like(&sums->live, &sums->peak, &sums->places, &saved->snapshot,
                                OURO_MEASURE_LIVE) &&
           (sums->at_peak = ouro__view_fold(&sums->peak, &sums->places, NULL, OURO_BY_LINE, false,
                                            &sums->n)) != NULL &&
           (sums->at_end =
                ouro__view_fold(&sums->live, &sums->places, NULL, OURO_BY_LINE, false, &n)) != NULL;
}

static void
sums_free(struct sums *sums)
{
    free(sums->at_peak);
    free(sums->at_end);
    ouro__view_free(&sums->peak);
    ouro__view_free(&sums->live);
    ouro__places_free(&sums->places);
}

static bool
is_chosen(const struct sums *sums, uint32_t line)
{
    for (size_t i = 0; i < sums->n_lines; i++) {
        if (sums->lines[i] == line) {
            return true;
        }
    }
    return false;
}

/* Of an estimate, what is less than two samples is chance. */
static double
least_bytes(const struct ouro__saved *saved)
{
    const struct ouro_snapshot_tracing *tracing = &saved->snapshot.tracing;
    return tracing->mode == OURO_SNAPSHOT_SAMPLED ? 2 * (double)tracing->sample_bytes : 1;
}

/* Choose the `n` lines with the most bytes, the largest first. */
static void
choose(struct sums *sums, const struct ouro__figures *figures, size_t n, double least)
{
    for (; n > 0; n--) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < sums->n; i++) {
            if (figures[i].bytes >= least &&
                (best == UINT32_MAX || figures[i].bytes > figures[best].bytes) && !is_chosen(sums, i)) {
                best = i;
            }
        }
        if (best == UINT32_MAX) {
            return;
        }
        sums->lines[sums->n_lines++] = best;
    }
}

/* Sum up, and choose the lines to show: none when nothing was traced that has a line.  False without memory. */
static bool
sums_choose(struct sums *sums, const struct ouro__saved *saved)
{
    if (!sums_make(sums, saved)) {
        return false;
    }
    choose(sums, sums->at_peak, N_AT_PEAK, least_bytes(saved));
    choose(sums, sums->at_end, N_AT_END, least_bytes(saved));
    if (sums->n_lines == 1 && sums->lines[0] == 0) {
        sums->n_lines = 0;
    }
    return true;
}

static void
figure_add(struct ouro__text *text, const struct ouro__figures *figures)
{
    char size[OURO_UNIT_TEXT];
    if (figures->bytes > 0) {
        ouro__text_print(text, "%12s", ouro__size_show(size, ouro__rounded(figures->bytes)));
    } else {
        ouro__text_print(text, "%12s", "-");
    }
}

static void
table_add(const struct ouro__page *page, const struct sums *sums, const struct ouro__saved *saved)
{
    ouro__page_colour(page, OURO_COLOUR_BOLD);
    ouro__text_print(page->text, "%12s%12s  %s", "at the peak", "at the end", "  line");
    ouro__page_colour(page, OURO_COLOUR_OFF);
    const struct ouro_snapshot_tracing *tracing = &saved->snapshot.tracing;
    char size[OURO_UNIT_TEXT];
    if (tracing->mode == OURO_SNAPSHOT_SAMPLED) {
        ouro__text_print(page->text, "  (estimated from a sample each %s)",
                         ouro__size_show(size, tracing->sample_bytes));
    } else {
        ouro__text_print(page->text, "  (tracing itself took %s)",
                         ouro__size_show(size, tracing->own_bytes));
    }
    ouro__text_add(page->text, "\n", 1);
    for (size_t i = 0; i < sums->n_lines; i++) {
        uint32_t line = sums->lines[i];
        figure_add(page->text, &sums->at_peak[line]);
        figure_add(page->text, &sums->at_end[line]);
        ouro__text_print(page->text, "    ");
        ouro__row_add_label(page, &sums->places, OURO_BY_LINE, line, ouro__saved_when(saved),
                            LABEL_COLUMN);
    }
}

void
ouro__top_lines_add(const struct ouro__page *page, const struct ouro__saved *saved)
{
    struct sums sums = {0};
    if (!sums_choose(&sums, saved)) {
        page->text->failed = true;
    } else if (sums.n_lines > 0) {
        table_add(page, &sums, saved);
    }
    sums_free(&sums);
}

json_t *
ouro__top_lines_json(const struct ouro__saved *saved)
{
    struct sums sums = {0};
    json_t *lines = sums_choose(&sums, saved) ? json_array() : NULL;

    for (size_t i = 0; i < sums.n_lines; i++) {
        json_t *row = json_object();
        ouro__row_add_names(row, &sums.places, OURO_BY_LINE, sums.lines[i]);
        ouro__row_add_figures(row, "peak_", &sums.at_peak[sums.lines[i]]);
        ouro__row_add_figures(row, "live_", &sums.at_end[sums.lines[i]]);
        (void)json_array_append_new(lines, row);
    }
    sums_free(&sums);
    return lines;
}
