/* picture.c - memory over time, drawn with cairo: one drawing for SVG and PNG.
 *
 * Cairo refuses texts that aren't UTF-8, and all that is drawn after them: names pass through ouro__text_add_shown(). */
#define _GNU_SOURCE
#include "plot/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot/cairo.h"
#include "units.h"

#define WIDTH 1200
#define HEIGHT 600
#define LEFT 90.0
#define RIGHT 24.0
#define TOP 96.0
#define BOTTOM 64.0 /* the collector's runs and the axis of time are in there */
#define PLOT_WIDTH (WIDTH - LEFT - RIGHT)
#define PLOT_HEIGHT (HEIGHT - TOP - BOTTOM)
#define N_SPANS ((size_t)PLOT_WIDTH)
#define NAME_COLUMNS 40
#define TITLE_COLUMNS 100

struct colour {
    double red, green, blue;
};

/* Told apart also by who sees no red or green: Paul Tol's "bright" scheme. */
static const struct colour layer_colours[OURO_N_LAYERS] = {
    {0.267, 0.467, 0.667}, {0.400, 0.800, 0.933}, {0.667, 0.200, 0.467}};
static const struct colour resident_colour = {0.80, 0.40, 0.0};
static const struct colour ink = {0.13, 0.13, 0.13}, faint = {0.82, 0.82, 0.82}, white = {1, 1, 1};
static const struct colour run_colours[3] = {
    {0.75, 0.75, 0.75}, {0.45, 0.45, 0.45}, {0.13, 0.53, 0.20}};

struct picture {
    const struct ouro__cairo *cairo;
    cairo_t *context;
    const struct ouro__timeline *timeline;
    const struct ouro__span *spans;
    double top; /* bytes at the upper edge */
};

static void
colour_set(const struct picture *picture, struct colour colour)
{
    picture->cairo->set_source_rgb(picture->context, colour.red, colour.green, colour.blue);
}

static double
x_of(const struct picture *picture, double ns)
{
    return LEFT + PLOT_WIDTH * ns / picture->timeline->end_ns;
}

static double
x_of_span(size_t span)
{
    return LEFT + PLOT_WIDTH * (double)span / (double)N_SPANS;
}

static double
y_of(const struct picture *picture, double bytes)
{
    return TOP + PLOT_HEIGHT * (1 - bytes / picture->top);
}

/* `across` 0: x is where the text begins; 0.5: its middle; 1: its end. */
static void
words_draw(const struct picture *picture, double x, double y, double across, const char *words)
{
    cairo_text_extents_t extents;
    picture->cairo->text_extents(picture->context, words, &extents);
    picture->cairo->move_to(picture->context, x - across * extents.x_advance, y);
    picture->cairo->show_text(picture->context, words);
}

/* A text from elsewhere. */
static void
name_draw(const struct picture *picture, double x, double y, const char *name)
{
    struct ouro__text shown = {0};
    (void)ouro__text_add_shown(&shown, name, NAME_COLUMNS);
    words_draw(picture, x, y, 0, shown.data == NULL ? "" : shown.data);
    ouro__text_free(&shown);
}

static void
line_draw(const struct picture *picture, double x1, double y1, double x2, double y2)
{
    picture->cairo->move_to(picture->context, x1, y1);
    picture->cairo->line_to(picture->context, x2, y2);
    picture->cairo->stroke(picture->context);
}

static void
axes_draw(const struct picture *picture)
{
    double step = ouro__timeline_byte_step(picture->timeline);
    double seconds = ouro__timeline_second_step(picture->timeline, 10);
    char label[OURO_UNIT_TEXT];

    picture->cairo->set_line_width(picture->context, 1);
    for (double bytes = 0; bytes <= picture->top; bytes += step) {
        double y = floor(y_of(picture, bytes)) + 0.5;
        colour_set(picture, bytes > 0 ? faint : ink);
        line_draw(picture, LEFT, y, LEFT + PLOT_WIDTH, y);
        colour_set(picture, ink);
        words_draw(picture, LEFT - 8, y + 4, 1,
                   bytes > 0 ? ouro__timeline_byte_label(label, bytes) : "0");
    }
    for (double at = 0; at * 1e9 <= picture->timeline->end_ns; at += seconds) {
        double x = floor(x_of(picture, at * 1e9)) + 0.5;
        line_draw(picture, x, TOP + PLOT_HEIGHT, x, TOP + PLOT_HEIGHT + 5);
        words_draw(picture, x, HEIGHT - 14, 0.5, ouro__timeline_second_label(label, at, seconds));
    }
}

/* The live bytes of the layers up to `layer`, as an area from the ground up. */
static void
area_draw(const struct picture *picture, int layer)
{
    bool begun = false;

    for (size_t i = 0; i < N_SPANS; i++) {
        double bytes = 0;
        for (int l = 0; l <= layer; l++) {
            bytes += picture->spans[i].live[l];
        }
        if (picture->spans[i].is_known) {
            if (!begun) {
                picture->cairo->move_to(picture->context, x_of_span(i), y_of(picture, 0));
            }
            picture->cairo->line_to(picture->context, x_of_span(i), y_of(picture, bytes));
            picture->cairo->line_to(picture->context, x_of_span(i + 1), y_of(picture, bytes));
            begun = true;
        }
    }
    if (begun) {
        picture->cairo->line_to(picture->context, x_of_span(N_SPANS), y_of(picture, 0));
        picture->cairo->close_path(picture->context);
    }
    colour_set(picture, layer_colours[layer]);
    picture->cairo->fill(picture->context);
}

static void
resident_draw(const struct picture *picture)
{
    bool begun = false;

    for (size_t i = 0; i < N_SPANS; i++) {
        if (picture->spans[i].is_known) {
            double y = y_of(picture, picture->spans[i].resident);
            if (begun) {
                picture->cairo->line_to(picture->context, x_of_span(i), y);
            } else {
                picture->cairo->move_to(picture->context, x_of_span(i), y);
            }
            picture->cairo->line_to(picture->context, x_of_span(i + 1), y);
            begun = true;
        }
    }
    colour_set(picture, resident_colour);
    picture->cairo->set_line_width(picture->context, 2);
    picture->cairo->stroke(picture->context);
}

/* The collector's runs: a stroke for each span, as high as the oldest generation that was looked at. */
static void
runs_draw(const struct picture *picture)
{
    double ground = TOP + PLOT_HEIGHT + 26;

    picture->cairo->set_line_width(picture->context, 2);
    for (size_t i = 0; i < N_SPANS; i++) {
        const uint64_t *runs = picture->spans[i].gc_runs;
        int oldest = runs[2] > 0 ? 2 : runs[1] > 0 ? 1 : runs[0] > 0 ? 0 : -1;
        if (oldest >= 0) {
            double x = floor(x_of_span(i)) + 0.5;
            colour_set(picture, run_colours[oldest]);
            line_draw(picture, x, ground, x, ground - 5 * (oldest + 1));
        }
    }
    colour_set(picture, ink);
    words_draw(picture, LEFT - 8, ground, 1, "collector");
}

/* A line for each mark, its name on one of three heights above the plot, where there is room for it. */
static void
marks_draw(const struct picture *picture)
{
    static const double dashes[] = {4, 3};
    double used[3] = {0};

    picture->cairo->set_line_width(picture->context, 1);
    colour_set(picture, ink);
    for (size_t i = 0; i < picture->timeline->n_marks; i++) {
        const struct ouro_snapshot_mark *mark = &picture->timeline->marks[i];
        double x = floor(x_of(picture, (double)mark->at_ns)) + 0.5;
        picture->cairo->set_dash(picture->context, dashes, 2, 0);
        line_draw(picture, x, TOP, x, TOP + PLOT_HEIGHT);
        picture->cairo->set_dash(picture->context, NULL, 0, 0);
        for (int row = 0; row < 3; row++) {
            if (used[row] <= x) {
                name_draw(picture, x, TOP - 6 - 14 * row, mark->name);
                picture->cairo->get_current_point(picture->context, &used[row], &(double){0});
                used[row] += 10;
                break;
            }
        }
    }
}

static void
heading_draw(const struct picture *picture, const struct ouro__saved *saved)
{
    struct ouro__text command = {0}, title = {0};
    double x = LEFT;

    ouro__saved_add_command(&command, saved);
    (void)ouro__text_add_shown(&title, command.data == NULL ? "" : command.data, TITLE_COLUMNS);
    colour_set(picture, ink);
    picture->cairo->set_font_size(picture->context, 16);
    words_draw(picture, LEFT, 24, 0, title.data == NULL ? "" : title.data);
    ouro__text_free(&command);
    ouro__text_free(&title);
    picture->cairo->set_font_size(picture->context, 12);
    for (int i = 0; i <= OURO_N_LAYERS; i++) {
        bool is_resident = i == OURO_N_LAYERS;
        char name[32];
        (void)snprintf(name, sizeof name, is_resident ? "resident" : "%s live",
                       is_resident ? "" : ouro__layer_names[i]);
        colour_set(picture, is_resident ? resident_colour : layer_colours[i]);
        picture->cairo->rectangle(picture->context, x, 34, 12, is_resident ? 3 : 12);
        picture->cairo->fill(picture->context);
        colour_set(picture, ink);
        words_draw(picture, x + 18, 45, 0, name);
        x += 110;
    }
}

static cairo_status_t
bytes_take(void *closure, const unsigned char *bytes, unsigned int n)
{
    struct ouro__text *text = closure;
    ouro__text_add(text, (const char *)bytes, n);
    return text->failed ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

static void
all_draw(struct picture *picture, cairo_surface_t *surface, const struct ouro__saved *saved)
{
    picture->context = picture->cairo->create(surface);
    colour_set(picture, white);
    picture->cairo->paint(picture->context);
    picture->cairo->select_font_face(picture->context, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                                     CAIRO_FONT_WEIGHT_NORMAL);
    heading_draw(picture, saved);
    for (int layer = OURO_N_LAYERS; layer-- > 0;) {
        area_draw(picture, layer);
    }
    axes_draw(picture);
    resident_draw(picture);
    runs_draw(picture);
    marks_draw(picture);
}

bool
ouro__picture_add(struct ouro__text *text, enum ouro__picture kind, const struct ouro__saved *saved,
                  const struct ouro__timeline *timeline)
{
    struct ouro__cairo cairo;
    struct ouro__span *spans = calloc(N_SPANS, sizeof *spans);
    struct picture picture = {
        .cairo = &cairo, .timeline = timeline, .spans = spans, .top = timeline->most * 1.05};

    text->failed = spans == NULL;
    if (spans == NULL || !ouro__cairo_load(&cairo)) {
        free(spans);
        return false;
    }
    ouro__timeline_spans(timeline, spans, N_SPANS);
    cairo_surface_t *surface =
        kind == OURO_PICTURE_SVG ? cairo.svg_surface_create_for_stream(bytes_take, text, WIDTH, HEIGHT)
                                 : cairo.image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
    all_draw(&picture, surface, saved);
    cairo_status_t status = cairo.status(picture.context);
    if (status == CAIRO_STATUS_SUCCESS && kind == OURO_PICTURE_PNG) {
        status = cairo.surface_write_to_png_stream(surface, bytes_take, text);
    }
    cairo.surface_finish(surface); /* writes the end of an SVG */
    status = status == CAIRO_STATUS_SUCCESS ? cairo.surface_status(surface) : status;
    if (status != CAIRO_STATUS_SUCCESS && !text->failed) {
        ouro__say("cannot draw: %s", cairo.status_to_string(status));
    }
    cairo.destroy(picture.context);
    cairo.surface_destroy(surface);
    free(spans);
    return status == CAIRO_STATUS_SUCCESS && !text->failed;
}
