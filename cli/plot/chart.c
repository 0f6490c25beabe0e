/* chart.c - memory over time in a terminal: two by four dots in each cell where the terminal knows Braille, or else
 * letters. */
#define _GNU_SOURCE
#include "plot/chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

#define ROWS 14U
#define DOTS_A_ROW 4U
#define DOTS (ROWS * DOTS_A_ROW)
#define AXIS 11U /* columns that the axis of bytes takes */
#define MARKS_SHOWN 26U

#define RESIDENT OURO_N_LAYERS /* as a colour */

static const enum ouro__colour colours[OURO_N_LAYERS + 1] = {OURO_COLOUR_BLUE, OURO_COLOUR_CYAN,
                                                             OURO_COLOUR_MAGENTA, OURO_COLOUR_YELLOW};
static const char letters[OURO_N_LAYERS + 1] = {'#', '=', '-', '.'};

struct cell {
    unsigned char dots; /* of Braille */
    unsigned char n[OURO_N_LAYERS + 1];
};

struct chart {
    const struct ouro__page *page;
    const struct ouro__timeline *timeline;
    size_t width; /* cells */
    double top;   /* bytes */
    struct cell *cells;
};

/* Set the dot `x`, `y`, counted from the lower left corner. */
static void
dot_set(struct chart *chart, size_t x, size_t y, int colour)
{
    static const unsigned char bits[2][DOTS_A_ROW] = {{0x40, 0x04, 0x02, 0x01},
                                                      {0x80, 0x20, 0x10, 0x08}};
    struct cell *cell = &chart->cells[y / DOTS_A_ROW * chart->width + x / 2];

    cell->dots |= bits[x % 2][y % DOTS_A_ROW];
    cell->n[colour]++;
}

static size_t
height_of(const struct chart *chart, double bytes)
{
    double dots = round(bytes / chart->top * DOTS);
    return dots >= DOTS ? DOTS : (size_t)dots;
}

/* Fill a column of dots: layers from the bottom up, then the line of resident memory, joined to that of the column
 * before, which is `*line` high. */
static void
column_fill(struct chart *chart, size_t x, const struct ouro__span *span, size_t *line)
{
    double sum = 0;
    size_t y = 0;

    for (int layer = 0; layer < OURO_N_LAYERS; layer++) {
        sum += span->live[layer];
        for (size_t end = height_of(chart, sum); y < end; y++) {
            dot_set(chart, x, y, layer);
        }
    }
    size_t at = height_of(chart, span->resident), from = at < *line ? at : *line;
    for (size_t i = from; i < (at > *line ? at : *line); i++) {
        if (i >= y) {
            dot_set(chart, x, i, RESIDENT);
        }
    }
    if (at > y && from == at) {
        dot_set(chart, x, at - 1, RESIDENT);
    }
    *line = at;
}

static bool
cells_fill(struct chart *chart)
{
    size_t n = 2 * chart->width, line = 0;
    struct ouro__span *spans = calloc(n, sizeof *spans);

    chart->cells = calloc(ROWS * chart->width, sizeof *chart->cells);
    if (spans == NULL || chart->cells == NULL) {
        free(spans);
        return false;
    }
    ouro__timeline_spans(chart->timeline, spans, n);
    for (size_t x = 0; x < n; x++) {
        if (spans[x].is_known) {
            column_fill(chart, x, &spans[x], &line);
        }
    }
    free(spans);
    return true;
}

static int
cell_colour(const struct cell *cell)
{
    int most = 0;
    for (int i = 1; i <= OURO_N_LAYERS; i++) {
        if (cell->n[i] > cell->n[most]) {
            most = i;
        }
    }
    return most;
}

static void
cell_add(const struct chart *chart, const struct cell *cell)
{
    struct ouro__text *text = chart->page->text;

    if (ouro__text_is_utf8()) {
        char braille[4] = {(char)0xe2, (char)(0xa0 | cell->dots >> 6),
                           (char)(0x80 | (cell->dots & 0x3f))};
        ouro__text_add(text, braille, 3);
    } else {
        ouro__text_add(text, &letters[cell_colour(cell)], 1);
    }
}

static void
row_add(const struct chart *chart, size_t row)
{
    const struct cell *cells = &chart->cells[row * chart->width];
    struct ouro__text *text = chart->page->text;
    char label[OURO_UNIT_TEXT] = "";
    double step = ouro__timeline_byte_step(chart->timeline);
    double low = chart->top * (double)row / ROWS, high = chart->top * (double)(row + 1) / ROWS;
    double tick = floor((high - high / 1e9) / step) * step;
    bool has_tick = tick >= low && tick > 0, fine = ouro__text_is_utf8();

    ouro__text_print(text, "%10s%s", has_tick ? ouro__timeline_byte_label(label, tick) : "",
                     has_tick ? (fine ? "\u2524" : "+") : (fine ? "\u2502" : "|"));
    enum ouro__colour now = OURO_COLOUR_OFF;
    for (size_t x = 0; x < chart->width; x++) {
        if (cells[x].dots == 0) {
            ouro__text_add(text, " ", 1);
            continue;
        }
        enum ouro__colour colour = colours[cell_colour(&cells[x])];
        if (colour != now) {
            ouro__page_colour(chart->page, colour);
            now = colour;
        }
        cell_add(chart, &cells[x]);
    }
    if (now != OURO_COLOUR_OFF) {
        ouro__page_colour(chart->page, OURO_COLOUR_OFF);
    }
    ouro__text_trim(text);
    ouro__text_add(text, "\n", 1);
}

/* The axis of time: a line with ticks, and what they say. */
static void
time_axis_add(const struct chart *chart)
{
    struct ouro__text *text = chart->page->text, labels = {0};
    double end = chart->timeline->end_ns / 1e9;
    double step = ouro__timeline_second_step(chart->timeline, chart->width / 10);
    bool fine = ouro__text_is_utf8();
    double next = 0;

    ouro__text_print(text, "%10s%s", "0", fine ? "\u253c" : "+");
    for (size_t x = 0; x < chart->width; x++) {
        bool is_tick = (double)(x + 1) * end / (double)chart->width > next;
        char label[OURO_UNIT_TEXT];
        (void)ouro__timeline_second_label(label, next, step);
        if (is_tick && labels.length <= x && x + strlen(label) <= chart->width) {
            ouro__text_repeat(&labels, " ", x - labels.length);
            ouro__text_print(&labels, "%s ", label);
        }
        next += is_tick ? step : 0;
        ouro__text_print(text, "%s", is_tick ? (fine ? "\u252c" : "+") : (fine ? "\u2500" : "-"));
    }
    ouro__text_print(text, "\n");
    ouro__page_pad(chart->page, AXIS);
    if (labels.length > 0) {
        ouro__text_trim(&labels);
        ouro__text_add(text, labels.data, labels.length);
    }
    ouro__text_print(text, "\n");
    ouro__text_free(&labels);
}

/* A row of the collector's runs, if there were any: the oldest generation that was looked at. */
static void
collector_add(const struct chart *chart)
{
    static const char *const signs[2][3] = {{".", "o", "O"}, {"\u2581", "\u2584", "\u2588"}};
    struct ouro__text *text = chart->page->text;
    struct ouro__span *spans = calloc(chart->width, sizeof *spans);
    bool any = false;

    if (spans == NULL) {
        text->failed = true;
        return;
    }
    ouro__timeline_spans(chart->timeline, spans, chart->width);
    for (size_t x = 0; x < chart->width; x++) {
        any = any || spans[x].gc_runs[0] + spans[x].gc_runs[1] + spans[x].gc_runs[2] > 0;
    }
    for (size_t x = 0; x < chart->width && any; x++) {
        const uint64_t *runs = spans[x].gc_runs;
        int oldest = runs[2] > 0 ? 2 : runs[1] > 0 ? 1 : runs[0] > 0 ? 0 : -1;
        ouro__text_print(text, x == 0 ? "%10s %s" : "%.0s%s", "collector",
                         oldest < 0 ? " " : signs[ouro__text_is_utf8()][oldest]);
    }
    if (any) {
        ouro__text_trim(text);
        ouro__text_print(text, "\n");
    }
    free(spans);
}

/* A row of letters, one a mark. */
static void
marks_add(const struct chart *chart)
{
    const struct ouro__timeline *timeline = chart->timeline;
    size_t n = timeline->n_marks < MARKS_SHOWN ? timeline->n_marks : MARKS_SHOWN;
    char *row = calloc(chart->width + 1, 1);

    if (row == NULL) {
        chart->page->text->failed = true;
        return;
    }
    memset(row, ' ', chart->width);
    for (size_t i = 0; i < n; i++) {
        size_t x = ouro__timeline_span_at(timeline, timeline->marks[i].at_ns, chart->width);
        row[x] = row[x] == ' ' ? (char)('a' + i) : row[x];
    }
    if (n > 0) {
        ouro__text_print(chart->page->text, "%10s %s", "marks", row);
        ouro__text_trim(chart->page->text);
        ouro__text_print(chart->page->text, "\n");
    }
    free(row);
}

static void
legend_add(const struct chart *chart)
{
    const struct ouro__page *page = chart->page;

    ouro__text_print(page->text, "%10s ", "live:");
    for (int i = 0; i <= OURO_N_LAYERS; i++) {
        struct cell cell = {.dots = i == RESIDENT ? 0x09 : 0xff};
        cell.n[i] = 1;
        ouro__page_colour(page, colours[i]);
        cell_add(chart, &cell);
        ouro__page_colour(page, OURO_COLOUR_OFF);
        if (i == RESIDENT) {
            ouro__text_print(page->text, " resident\n");
        } else {
            ouro__text_print(page->text, " %s   ", ouro__layer_names[i]);
        }
    }
}

/* What the letters of the marks stand for. */
static void
names_add(const struct chart *chart)
{
    const struct ouro__timeline *timeline = chart->timeline;

    for (size_t i = 0; i < timeline->n_marks && i < MARKS_SHOWN; i++) {
        const struct ouro_snapshot_mark *mark = &timeline->marks[i];
        struct ouro__text words = {0};
        char time[OURO_UNIT_TEXT];
        ouro__text_print(&words, "%c  %s  ", (char)('a' + i), ouro__time_show(time, mark->at_ns));
        (void)ouro__text_add_shown(&words, mark->name, chart->page->look.columns / 2);
        ouro__page_row(chart->page, i == 0 ? "marks" : "", &words);
    }
    if (timeline->n_marks > MARKS_SHOWN) {
        struct ouro__text words = {0};
        ouro__text_print(&words, "%zu more in --json", timeline->n_marks - MARKS_SHOWN);
        ouro__page_row(chart->page, "", &words);
    }
}

void
ouro__chart_add(const struct ouro__page *page, const struct ouro__timeline *timeline)
{
    struct chart chart = {
        .page = page,
        .timeline = timeline,
        .width = page->look.columns - AXIS,
        .top = timeline->most * 1.02,
    };

    if (!cells_fill(&chart)) {
        page->text->failed = true;
        free(chart.cells);
        return;
    }
    for (size_t row = ROWS; row-- > 0;) {
        row_add(&chart, row);
    }
    time_axis_add(&chart);
    collector_add(&chart);
    marks_add(&chart);
    legend_add(&chart);
    names_add(&chart);
    free(chart.cells);
}
