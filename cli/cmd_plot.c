/* cmd_plot.c - `ouro plot FILE`: memory over time. */
#define _GNU_SOURCE
#include "cmd_view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "json_values.h"
#include "output.h"
#include "plot/chart.h"
#include "plot/picture.h"
#include "plot/recorded.h"
#include "run/run.h"
#include "units.h"
#include "view/heading.h"
#include "view/rows.h"
#include "view/view_options.h"

/* "12.3 MiB live (object 10.0 MiB, mem 2.3 MiB, raw 0 B), 45.8 MiB resident". */
static void
figures_add(struct ouro__text *words, const struct ouro_snapshot_sample *sample)
{
    char size[OURO_UNIT_TEXT];
    double live[OURO_N_LAYERS];

    ouro__timeline_live(sample, live);
    ouro__text_print(words, "%s live (",
                     ouro__size_show(size, ouro__rounded(live[0] + live[1] + live[2])));
    for (int i = 0; i < OURO_N_LAYERS; i++) {
        ouro__text_print(words, "%s%s %s", i == 0 ? "" : ", ", ouro__layer_names[i],
                         ouro__size_show(size, ouro__rounded(live[i])));
    }
    ouro__text_print(words, "), %s resident", ouro__size_show(size, sample->resident));
}

static void
moment_add(const struct ouro__page *page, const char *label, const struct ouro_snapshot_sample *sample)
{
    struct ouro__text words = {0};
    char time[OURO_UNIT_TEXT];

    figures_add(&words, sample);
    ouro__text_print(&words, ", after %s", ouro__time_show(time, sample->at_ns));
    ouro__page_row(page, label, &words);
}

static void
summary_add(const struct ouro__page *page, const struct ouro__timeline *timeline)
{
    const struct ouro_snapshot_sample *last = &timeline->samples[timeline->n_samples - 1], *peak = last;
    struct ouro__text words = {0};
    char time[OURO_UNIT_TEXT];

    for (size_t i = 0; i < timeline->n_samples; i++) {
        peak = timeline->samples[i].resident > peak->resident ? &timeline->samples[i] : peak;
    }
    moment_add(page, "highest", peak);
    moment_add(page, "last", last);
    uint64_t n_runs = last->gc_runs[0] + last->gc_runs[1] + last->gc_runs[2];
    if (n_runs > 0) {
        ouro__text_print(
            &words, "%" PRIu64 " young, %" PRIu64 " middle and %" PRIu64 " full runs took %s",
            last->gc_runs[0], last->gc_runs[1], last->gc_runs[2], ouro__time_show(time, last->gc_ns));
        ouro__page_row(page, "collector", &words);
    }
    ouro__text_print(
        &words, "%zu samples, %s apart on average; live bytes as the process counted them",
        timeline->n_samples,
        ouro__time_show(time, ouro__rounded(timeline->end_ns / (double)timeline->n_samples)));
    ouro__page_row(page, "recorded", &words);
}

static int
print_text(const struct ouro__saved *saved, const struct ouro__timeline *timeline)
{
    struct ouro__text text = {0};
    struct ouro__page page = {&text, ouro__look_at(STDOUT_FILENO)};

    ouro__heading_add_rule(&page, "plot", saved, "memory over time");
    ouro__heading_add_process(&page, "process", saved);
    ouro__chart_add(&page, timeline);
    summary_add(&page, timeline);
    return ouro__text_print_out(&text);
}

static int
print_json(const struct ouro__saved *saved)
{
    json_t *root = json_object();

    (void)json_object_set_new(root, "schema", json_string("ouro-plot/1"));
    (void)json_object_set_new(root, "snapshot", ouro__saved_json(saved));
    ouro__recorded_add_json(root, &saved->snapshot);
    return ouro__json_print(root);
}

/* A line a sample; with the marks that were set since the one before. */
static int
print_csv(const struct ouro__timeline *timeline)
{
    struct ouro__text text = {0};
    size_t mark = 0;

    for (size_t i = 0; i < OURO_N_RECORDED; i++) {
        ouro__text_print(&text, "%s,", ouro__recorded_names[i]);
    }
    ouro__text_print(&text,
                     "live_raw_bytes,live_mem_bytes,live_object_bytes,live_raw_blocks,live_mem_blocks,"
                     "live_object_blocks,gc_runs_0,gc_runs_1,gc_runs_2,marks\n");
    for (size_t i = 0; i < timeline->n_samples; i++) {
        const struct ouro_snapshot_sample *sample = &timeline->samples[i];
        struct ouro__text names = {0};
        for (size_t f = 0; f < OURO_N_RECORDED; f++) {
            ouro__text_print(&text, "%" PRIu64 ",", ouro__recorded_figure(sample, f));
        }
        for (size_t f = 0; f < 9; f++) {
            const uint64_t *of = f < 3 ? sample->live : f < 6 ? sample->blocks : sample->gc_runs;
            ouro__text_print(&text, "%" PRIu64 ",", of[f % 3]);
        }
        bool is_last = i + 1 == timeline->n_samples;
        for (; mark < timeline->n_marks && (is_last || timeline->marks[mark].at_ns <= sample->at_ns);
             mark++) {
            ouro__text_print(&names, "%s%s", names.length > 0 ? "; " : "", timeline->marks[mark].name);
        }
        ouro__csv_add_value(&text, names.data == NULL ? "" : names.data);
        ouro__text_print(&text, "\n");
        text.failed |= names.failed;
        ouro__text_free(&names);
    }
    return ouro__text_print_out(&text);
}

/* By its name's end; false, and said, for another one. */
static bool
picture_kind(const char *path, enum ouro__picture *kind)
{
    const char *end = strrchr(ouro__name_of(path), '.');

    if (end != NULL && strcasecmp(end, ".svg") == 0) {
        *kind = OURO_PICTURE_SVG;
    } else if (end != NULL && strcasecmp(end, ".png") == 0) {
        *kind = OURO_PICTURE_PNG;
    } else {
        ouro__say("-o '%s': a name that ends in .svg or .png (try 'ouro plot --help')", path);
        return false;
    }
    return true;
}

static int
picture_write(const char *path, enum ouro__picture kind, const struct ouro__saved *saved,
              const struct ouro__timeline *timeline)
{
    struct ouro__text text = {0};

    bool is_well = ouro__picture_add(&text, kind, saved, timeline);
    if (text.failed) {
        ouro__say("out of memory");
    }
    is_well = is_well && ouro__output_write(path, text.data, text.length);
    ouro__text_free(&text);
    return is_well ? 0 : OURO_EXIT_FAILED;
}

/* Show an opened file; an exit code. */
static int
plot_make(const struct ouro__view_options *options, enum ouro__picture kind,
          const struct ouro__saved *saved)
{
    struct ouro__timeline timeline;

    if (!ouro__timeline_make(&timeline, saved)) {
        ouro__say("%s has no memory over time: `ouro run -o FILE` records it, unless --record is 0",
                  options->files[0]);
        return OURO_EXIT_FAILED;
    }
    if (options->output != NULL) {
        return picture_write(options->output, kind, saved, &timeline);
    }
    return options->json  ? print_json(saved)
           : options->csv ? print_csv(&timeline)
                          : print_text(saved, &timeline);
}

int
ouro__cmd_plot(int count, char **arguments)
{
    struct ouro__view_options options;
    struct ouro__saved saved = {0};
    enum ouro__picture kind = OURO_PICTURE_SVG;

    int code = ouro__view_options_read(&options, OURO_VERB_PLOT, count, arguments);
    if (code >= 0) {
        return code;
    }
    if (options.output != NULL && !picture_kind(options.output, &kind)) {
        code = OURO_EXIT_USAGE;
    } else if ((options.output != NULL && !ouro__output_check(options.output)) ||
               !ouro__saved_open(&saved, options.files[0])) {
        code = OURO_EXIT_FAILED;
    } else {
        code = plot_make(&options, kind, &saved);
    }
    ouro__saved_free(&saved);
    ouro__view_options_free(&options);
    return code;
}
