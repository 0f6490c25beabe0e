/* cmd_report.c - `ouro report FILE`: where the memory in a snapshot came from. */
#define _GNU_SOURCE
#include "cmd_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "html/html.h"
#include "view/heading.h"
#include "view/leaks.h"
#include "view/narrow.h"
#include "view/packages.h"
#include "json_values.h"
#include "output.h"
#include "progress.h"
#include "view/rows.h"
#include "run/run.h"
#include "view/tree.h"
#include "units.h"
#include "view/view_options.h"

#define TOP 20 /* rows, unless --top says how many */

/* All that one report is made of. */
struct report {
    struct ouro__view_options options;
    struct ouro__saved saved;
    struct ouro__places places;
    struct ouro__packages packages;
    struct ouro__view view;
    struct ouro__view
        ever; /* what was ever allocated, where rows have a share of it: `view` has its paths */
    struct ouro__row *rows;
    size_t n_rows, n_shown;
    struct ouro__figures
        *allocated;    /* by key, where rows have a share of it: see share_name(); or NULL */
    double all_blocks; /* of a report on what is temporary: ever allocated */
    double ended[OURO_SNAPSHOT_N_LIVES]; /* and of these within 1, 10, ... allocations */
};

static bool
is_estimate(const struct report *report)
{
    return report->saved.snapshot.tracing.mode == OURO_SNAPSHOT_SAMPLED;
}

/* What was done with the share of a row. */
static const char *
share_name(const struct report *report)
{
    return report->options.within != 0 ? "freed" : "kept";
}

/* Of all blocks that were ever allocated there, the share that the row has: 0 to 1. */
static double
row_share(const struct report *report, const struct ouro__row *row)
{
    double all = report->allocated[row->key].blocks;
    return all > row->figures.blocks ? row->figures.blocks / all : 1;
}

/* How soon what was allocated was freed, in words. */
static void
lives_add(const struct ouro__page *page, const struct report *report)
{
    static const char *const within[OURO_SNAPSHOT_N_LIVES] = {"1",   "10",   "100", "1k",
                                                              "10k", "100k", "1M"};
    struct ouro__text words = {0};
    char count[OURO_UNIT_TEXT];

    ouro__text_print(&words, "of %s blocks, freed within", ouro__count_show(count, report->all_blocks));
    for (int i = 0; i < OURO_SNAPSHOT_N_LIVES; i++) {
        double share = report->all_blocks > 0 ? report->ended[i] / report->all_blocks : 0;
        ouro__text_print(&words, "%s %s: %.1f %%", i == 0 ? "" : ",", within[i], 100 * share);
    }
    ouro__page_row(page, "lifetimes", &words);
}

/* How much of it is shown, in words. */
static void
shown_add(const struct ouro__page *page, const struct report *report)
{
    static const char *const many[OURO_N_BYS] = {"lines",      "files",    "functions",
                                                 "tracebacks", "packages", "domains",
                                                 "threads",    "tasks",    "types"};
    struct ouro__text words = {0};
    const struct ouro__figures *kept = &report->view.kept;
    double shown = 0;

    if (report->options.filters.n_wanted + report->options.filters.n_unwanted > 0) {
        ouro__heading_add_figures(&words, kept, is_estimate(report));
        ouro__text_print(&words, " are left by the filters");
        ouro__page_row(page, "filtered", &words);
    }
    if (report->options.tree) {
        return;
    }
    for (size_t i = 0; i < report->n_shown; i++) {
        shown += report->rows[i].figures.bytes;
    }
    ouro__text_print(&words, "%zu of %zu %s", report->n_shown, report->n_rows,
                     many[report->options.by]);
    if (!report->options.cumulative) {
        ouro__text_print(&words, ", with %.1f %% of the bytes",
                         kept->bytes > 0 ? 100 * shown / kept->bytes : 100.0);
    }
    ouro__page_row(page, "shown", &words);
}

static void
rows_add(const struct ouro__page *page, const struct report *report)
{
    char count[OURO_UNIT_TEXT];
    uint64_t when = ouro__saved_when(&report->saved);
    double all = report->view.kept.bytes;
    size_t used = (is_estimate(report) ? 40U : 28U) + (report->allocated != NULL ? 8U : 0U);

    ouro__page_colour(page, OURO_COLOUR_BOLD);
    ouro__text_print(page->text, "%10s%*s  share   blocks  ", "bytes", is_estimate(report) ? 12 : 0,
                     "");
    if (report->allocated != NULL) {
        ouro__text_print(page->text, "%6s  ", share_name(report));
    }
    ouro__text_print(page->text, "%s\n", ouro__by_names[report->options.by]);
    ouro__page_colour(page, OURO_COLOUR_OFF);
    for (size_t i = 0; i < report->n_shown; i++) {
        const struct ouro__row *row = &report->rows[i];
        ouro__row_add_bytes(page->text, &row->figures, is_estimate(report));
        ouro__text_print(page->text, " %5.1f%% %8s  ", all > 0 ? 100 * row->figures.bytes / all : 0,
                         ouro__count_show(count, row->figures.blocks));
        if (report->allocated != NULL) {
            ouro__text_print(page->text, "%5.1f%%  ", 100 * row_share(report, row));
        }
        ouro__row_add_label(page, &report->places, report->options.by, row->key, when, used);
        if (report->options.by == OURO_BY_TRACEBACK) {
            ouro__row_add_callers(page, &report->places, row->key, used);
        }
    }
}

static int
print_text(const struct report *report)
{
    struct ouro__text text = {0};
    struct ouro__page page = {&text, ouro__look_at(STDOUT_FILENO)};

    if (report->options.within != 0) {
        char what[64];
        (void)snprintf(what, sizeof what, "freed within %" PRIu64 " allocation%s",
                       report->options.within, report->options.within == 1 ? "" : "s");
        ouro__heading_add_rule(&page, "report", &report->saved, what);
    } else if (!report->options.leaks) {
        ouro__heading_add_title(&page, "report", &report->saved, report->options.measure);
    } else {
        ouro__heading_add_rule(&page, "report", &report->saved,
                               report->options.n_files == 1 ? "live when taken, without imports"
                                                            : "grew from snapshot to snapshot");
    }
    ouro__heading_add_process(&page, "process", &report->saved);
    ouro__heading_add_tracing(&page, &report->saved, &report->view);
    if (report->options.within != 0) {
        lives_add(&page, report);
    }
    shown_add(&page, report);
    if (!report->options.tree) {
        rows_add(&page, report);
    } else if (!ouro__tree_add(&page, &report->places, &report->view, is_estimate(report))) {
        text.failed = true;
    }
    return ouro__text_print_out(&text);
}

static json_t *
figures_json(const struct ouro__figures *figures)
{
    json_t *object = json_object();
    ouro__row_add_figures(object, "", figures);
    return object;
}

/* How soon what was allocated was freed; null where it wasn't asked. */
static json_t *
lives_json(const struct report *report)
{
    if (report->options.within == 0) {
        return json_null();
    }
    json_t *object = json_object(), *ended = json_array();
    json_int_t within = 1;

    for (int i = 0; i < OURO_SNAPSHOT_N_LIVES; i++, within *= 10) {
        json_t *one = json_object();
        (void)json_object_set_new(one, "within", json_integer(within));
        (void)json_object_set_new(one, "blocks", ouro__json_number(ouro__rounded(report->ended[i])));
        (void)json_array_append_new(ended, one);
    }
    (void)json_object_set_new(object, "within", json_integer((json_int_t)report->options.within));
    (void)json_object_set_new(object, "allocated_blocks",
                              ouro__json_number(ouro__rounded(report->all_blocks)));
    (void)json_object_set_new(object, "freed", ended);
    return object;
}

static int
print_json(const struct report *report)
{
    json_t *root = json_object(), *rows = json_array();

    for (size_t i = 0; i < report->n_shown; i++) {
        json_t *row = figures_json(&report->rows[i].figures);
        ouro__row_add_names(row, &report->places, report->options.by, report->rows[i].key);
        if (report->allocated != NULL) {
            (void)json_object_set_new(row, share_name(report),
                                      json_real(row_share(report, &report->rows[i])));
        }
        (void)json_array_append_new(rows, row);
    }
    (void)json_object_set_new(root, "schema", json_string("ouro-report/1"));
    (void)json_object_set_new(root, "snapshot", ouro__saved_json(&report->saved));
    (void)json_object_set_new(root, "measure",
                              json_string(ouro__measure_names[report->options.measure]));
    (void)json_object_set_new(root, "by", json_string(ouro__by_names[report->options.by]));
    (void)json_object_set_new(root, "leaks", json_boolean(report->options.leaks));
    (void)json_object_set_new(root, "lifetimes", lives_json(report));
    (void)json_object_set_new(root, "cumulative", json_boolean(report->options.cumulative));
    (void)json_object_set_new(root, "traced", figures_json(&report->view.all));
    (void)json_object_set_new(root, "filtered", figures_json(&report->view.kept));
    (void)json_object_set_new(root, "untraced", figures_json(&report->view.untraced));
    (void)json_object_set_new(root, "rows", rows);
    return ouro__json_print(root);
}

static int
print_csv(const struct report *report)
{
    struct ouro__text text = {0};

    ouro__csv_add_heads(&text, report->options.by);
    ouro__text_print(&text, "bytes,blocks,bytes_error%s%s\n", report->allocated != NULL ? "," : "",
                     report->allocated != NULL ? share_name(report) : "");
    for (size_t i = 0; i < report->n_shown; i++) {
        const struct ouro__row *row = &report->rows[i];
        ouro__csv_add_names(&text, &report->places, report->options.by, row->key);
        ouro__csv_add_figures(&text, &row->figures);
        if (report->allocated != NULL) {
            ouro__text_print(&text, ",%.4f", row_share(report, row));
        }
        ouro__text_print(&text, "\n");
    }
    return ouro__text_print_out(&text);
}

/* Write the page; an exit code. */
static int
html_make(struct report *report)
{
    const struct ouro__view_options *options = &report->options;
    struct ouro__view views[OURO_N_MEASURES] = {{0}};
    struct ouro__text page = {0};

    bool is_well = ouro__places_init(&report->places) &&
                   ouro__views_make(views, &report->places, &report->saved.snapshot, &options->filters,
                                    OURO_VIEW_PATHS | OURO_VIEW_TYPES);
    if (is_well) {
        ouro__progress_step("making", options->html, NULL);
        ouro__html_add(&page, &(struct ouro__html){&report->saved, &report->places, &report->packages,
                                                   views, options});
        is_well = !page.failed;
    }
    if (!is_well) {
        ouro__say("out of memory");
    } else {
        is_well = ouro__output_write(options->html, page.data, page.length);
    }
    for (int m = 0; m < OURO_N_MEASURES; m++) {
        ouro__view_free(&views[m]);
    }
    ouro__text_free(&page);
    return is_well ? 0 : OURO_EXIT_FAILED;
}

static bool
view_make(struct report *report, struct ouro__view *view, const struct ouro__saved *saved,
          enum ouro__measure measure)
{
    const struct ouro__view_options *options = &report->options;
    unsigned parts = options->tree ? OURO_VIEW_PATHS : 0;
    bool is_well = ouro__view_make(view, &report->places, &saved->snapshot, measure, &options->filters,
                                   parts | ouro__view_parts(options->by, options->cumulative));
    if (!is_well) {
        ouro__say("out of memory");
    }
    return is_well;
}

/* The rows of what grew in all of the snapshots, of which the last one is open; false, and said, when that fails. */
static bool
grown_find(struct report *report)
{
    const struct ouro__view_options *options = &report->options;
    struct ouro__view views[OURO_FILES_MOST] = {{0}};
    size_t n = options->n_files;
    bool is_well = true;

    for (size_t i = 0; i + 1 < n && is_well; i++) {
        struct ouro__saved saved = {0};
        is_well = ouro__saved_open(&saved, options->files[i]);
        if (is_well && options->since != NULL) {
            ouro__narrow_since(&saved, options->since);
        }
        is_well = is_well && view_make(report, &views[i], &saved, OURO_MEASURE_LIVE);
        ouro__saved_free(&saved);
    }
    if (is_well && view_make(report, &report->view, &report->saved, OURO_MEASURE_LIVE)) {
        views[n - 1] = report->view;
        report->rows =
            ouro__leaks_grown(views, n, &report->places, ouro__packages_groups(&report->packages),
                              options, &report->n_rows);
        if (report->rows == NULL) {
            ouro__say("out of memory");
        }
    }
    for (size_t i = 0; i + 1 < n; i++) {
        ouro__view_free(&views[i]);
    }
    return report->rows != NULL;
}

/* What was ever allocated, by key, and by how soon it was freed; false, and said, when memory runs out. */
static bool
allocated_find(struct report *report)
{
    const struct ouro__view_options *options = &report->options;
    struct ouro__view *ever = &report->ever;
    size_t n;

    if (view_make(report, ever, &report->saved, OURO_MEASURE_CHURN)) {
        report->allocated =
            ouro__view_fold(ever, &report->places, ouro__packages_groups(&report->packages),
                            options->by, options->cumulative, &n);
        report->all_blocks = ever->kept.blocks;
        ouro__lives_sum(&report->saved.snapshot, ever, report->ended);
        if (report->allocated == NULL) {
            ouro__say("out of memory");
        }
    }
    return report->allocated != NULL;
}

/* The rows of one snapshot; false, and said, when memory runs out. */
static bool
rows_find(struct report *report)
{
    const struct ouro__view_options *options = &report->options;
    bool has_share = options->within != 0 || (options->leaks && options->by != OURO_BY_TYPE);

    if (has_share && !allocated_find(report)) {
        return false;
    }
    if (options->within != 0) {
        ouro__narrow_temporary(&report->saved.snapshot, options->within);
    }
    if (has_share && !ouro__view_make_like(&report->view, &report->ever, &report->places,
                                           &report->saved.snapshot, options->measure)) {
        ouro__say("out of memory");
        return false;
    }
    if (!has_share && !view_make(report, &report->view, &report->saved, options->measure)) {
        return false;
    }
    report->rows =
        ouro__view_rows(&report->view, &report->places, ouro__packages_groups(&report->packages),
                        options->by, options->cumulative, &report->n_rows);
    if (report->rows == NULL) {
        ouro__say("out of memory");
    }
    return report->rows != NULL;
}

/* Sum up and print; an exit code. */
static int
report_make(struct report *report)
{
    const struct ouro__view_options *options = &report->options;
    size_t usual = options->json || options->csv ? SIZE_MAX : TOP;
    size_t most = options->top > 0 ? options->top : usual;

    if (!ouro__places_init(&report->places)) {
        ouro__say("out of memory");
        return OURO_EXIT_FAILED;
    }
    if (!(options->n_files > 1 ? grown_find(report) : rows_find(report))) {
        return OURO_EXIT_FAILED;
    }
    report->n_shown = report->n_rows < most ? report->n_rows : most;
    return options->json ? print_json(report) : options->csv ? print_csv(report) : print_text(report);
}

/* Whether the snapshot can tell what is asked; said where it can't. */
static bool
options_fit(const struct report *report)
{
    if (report->options.since != NULL && !ouro__narrow_knows(&report->saved, report->options.since)) {
        return false;
    }
    if (report->options.within != 0 && report->saved.snapshot.n_lives == 0) {
        ouro__say("%s has no lifetimes: ouro run --lifetimes notes them", report->saved.path);
        return false;
    }
    return true;
}

int
ouro__cmd_report(int count, char **arguments)
{
    struct report report = {0};

    int code = ouro__view_options_read(&report.options, OURO_VERB_REPORT, count, arguments);
    if (code >= 0) {
        return code;
    }
    code = OURO_EXIT_FAILED;
    const char *html = report.options.html;
    bool can_be = html == NULL || (ouro__html_check() && ouro__output_check(html));
    if (can_be && ouro__saved_open(&report.saved, report.options.files[report.options.n_files - 1])) {
        report.packages.version = report.saved.record.python_version;
        if (report.options.since != NULL) {
            ouro__narrow_since(&report.saved, report.options.since);
        }
        code = !options_fit(&report) ? OURO_EXIT_USAGE
               : html != NULL        ? html_make(&report)
                                     : report_make(&report);
        ouro__saved_free(&report.saved);
    }
    free(report.rows);
    free(report.allocated);
    ouro__view_free(&report.view);
    ouro__view_free(&report.ever);
    ouro__packages_free(&report.packages);
    ouro__places_free(&report.places);
    ouro__view_options_free(&report.options);
    return code;
}
