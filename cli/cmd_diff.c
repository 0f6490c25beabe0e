/* cmd_diff.c - `ouro diff BEFORE AFTER`: what grew, what is new, what is gone. */
#define _GNU_SOURCE
#include "cmd_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "view/heading.h"
#include "json_values.h"
#include "view/rows.h"
#include "run/run.h"
#include "units.h"
#include "view/view_options.h"

#define TOP 20 /* rows, unless --top says how many */

enum { BEFORE, AFTER };

/* A key whose figures changed. */
struct change {
    uint32_t key;
    struct ouro__figures figures[2]; /* before, after */
};

struct diff {
    struct ouro__view_options options;
    struct ouro__saved saved[2];
    struct ouro__places places;
    struct ouro__packages packages;
    struct ouro__view views[2];
    struct change *changes;
    size_t n_changes, n_shown;
    bool is_estimate;
};

static double
growth_of(const struct change *change)
{
    return change->figures[AFTER].bytes - change->figures[BEFORE].bytes;
}

static const char *
state_of(const struct change *change)
{
    if (change->figures[BEFORE].blocks <= 0) {
        return "new";
    }
    if (change->figures[AFTER].blocks <= 0) {
        return "gone";
    }
    return growth_of(change) >= 0 ? "grew" : "shrank";
}

/* What changed most is first; of what changed alike, what grew. */
static int
changes_compare(const void *a, const void *b)
{
    const struct change *left = a;
    const struct change *right = b;
    double growths[] = {growth_of(left), growth_of(right)};

    if (fabs(growths[0]) != fabs(growths[1])) {
        return fabs(growths[0]) > fabs(growths[1]) ? -1 : 1;
    }
    if (growths[0] != growths[1]) {
        return growths[0] > growths[1] ? -1 : 1;
    }
    return left->key < right->key ? -1 : left->key > right->key;
}

/* Find the keys that differ.  False without memory. */
static bool
changes_find(struct diff *diff)
{
    struct ouro__figures *figures[2];
    size_t n[2];

    for (int i = BEFORE; i <= AFTER; i++) {
        figures[i] = ouro__view_fold(&diff->views[i], &diff->places, &diff->packages, diff->options.by,
                                     diff->options.cumulative, &n[i]);
    }
    size_t n_keys = n[BEFORE] > n[AFTER] ? n[BEFORE] : n[AFTER];
    diff->changes = reallocarray(NULL, n_keys, sizeof *diff->changes);
    bool is_well = figures[BEFORE] != NULL && figures[AFTER] != NULL && diff->changes != NULL;
    for (size_t key = 0; is_well && key < n_keys; key++) {
        struct change change = {.key = (uint32_t)key};
        for (int i = BEFORE; i <= AFTER; i++) {
            if (key < n[i]) {
                change.figures[i] = figures[i][key];
            }
        }
        /* Estimates that were summed up in another order differ by next to nothing. */
        if (fabs(growth_of(&change)) >= 0.5 ||
            fabs(change.figures[AFTER].blocks - change.figures[BEFORE].blocks) >= 0.5) {
            diff->changes[diff->n_changes++] = change;
        }
    }
    if (is_well) {
        qsort(diff->changes, diff->n_changes, sizeof *diff->changes, changes_compare);
    }
    free(figures[BEFORE]);
    free(figures[AFTER]);
    return is_well;
}

/* "+12.3 MiB", "-41.0 KiB"; NUL-ended, into OURO_UNIT_TEXT + 1. */
static const char *
growth_show(char *buffer, double bytes)
{
    buffer[0] = bytes < 0 ? '-' : '+';
    (void)ouro__size_show(buffer + 1, ouro__rounded(fabs(bytes)));
    return buffer;
}

static const char *
count_growth_show(char *buffer, double blocks)
{
    buffer[0] = blocks < 0 ? '-' : '+';
    (void)ouro__count_show(buffer + 1, fabs(blocks));
    return buffer;
}

static double
total_growth(const struct diff *diff)
{
    return diff->views[AFTER].kept.bytes - diff->views[BEFORE].kept.bytes;
}

/* The standard error of the difference of two estimates. */
static double
error_of(const struct ouro__figures *before, const struct ouro__figures *after)
{
    return sqrt(before->variance + after->variance);
}

static void
heading_add(const struct ouro__page *page, const struct diff *diff)
{
    struct ouro__text words = {0};
    char size[OURO_UNIT_TEXT + 1];

    ouro__heading_add_title(page, "diff", &diff->saved[AFTER], diff->options.measure);
    ouro__heading_add_process(page, "before", &diff->saved[BEFORE]);
    ouro__heading_add_process(page, "after", &diff->saved[AFTER]);
    ouro__text_print(&words, "%s", growth_show(size, total_growth(diff)));
    if (diff->is_estimate) {
        double error = error_of(&diff->views[BEFORE].kept, &diff->views[AFTER].kept);
        ouro__text_print(&words, " %s %s", ouro__text_is_utf8() ? "\u00b1" : "+-",
                         ouro__size_show(size, ouro__rounded(error)));
    }
    ouro__text_print(&words, ": from ");
    ouro__heading_add_figures(&words, &diff->views[BEFORE].kept, diff->is_estimate);
    ouro__text_print(&words, " to ");
    ouro__heading_add_figures(&words, &diff->views[AFTER].kept, diff->is_estimate);
    ouro__page_row(page, "change", &words);
    ouro__text_print(&words, "%zu of %zu that changed", diff->n_shown, diff->n_changes);
    ouro__page_row(page, "shown", &words);
}

static int
print_text(const struct diff *diff)
{
    struct ouro__text text = {0};
    struct ouro__page page = {&text, ouro__look_at(STDOUT_FILENO)};
    char size[OURO_UNIT_TEXT + 1], after[OURO_UNIT_TEXT], count[OURO_UNIT_TEXT + 1];
    uint64_t when = ouro__saved_when(&diff->saved[AFTER]);

    heading_add(&page, diff);
    ouro__page_colour(&page, OURO_COLOUR_BOLD);
    ouro__text_print(&text, "     bytes      after    blocks          %s\n",
                     ouro__by_names[diff->options.by]);
    ouro__page_colour(&page, OURO_COLOUR_OFF);
    for (size_t i = 0; i < diff->n_shown; i++) {
        const struct change *change = &diff->changes[i];
        double growth = growth_of(change);
        ouro__page_colour(&page, growth > 0 ? OURO_COLOUR_RED : OURO_COLOUR_GREEN);
        ouro__text_print(&text, "%10s", growth_show(size, growth));
        ouro__page_colour(&page, OURO_COLOUR_OFF);
        ouro__text_print(
            &text, " %10s %9s  %-6s  ",
            ouro__size_show(after, ouro__rounded(change->figures[AFTER].bytes)),
            count_growth_show(count, change->figures[AFTER].blocks - change->figures[BEFORE].blocks),
            state_of(change));
        ouro__row_add_label(&page, &diff->places, diff->options.by, change->key, when, 41);
        if (diff->options.by == OURO_BY_TRACEBACK) {
            ouro__row_add_callers(&page, &diff->places, change->key, 41);
        }
    }
    return ouro__text_print_out(&text);
}

static int
print_json(const struct diff *diff)
{
    json_t *root = json_object(), *rows = json_array();

    for (size_t i = 0; i < diff->n_shown; i++) {
        const struct change *change = &diff->changes[i];
        json_t *row = json_object();
        ouro__row_add_names(row, &diff->places, diff->options.by, change->key);
        (void)json_object_set_new(row, "state", json_string(state_of(change)));
        ouro__row_add_figures(row, "before_", &change->figures[BEFORE]);
        ouro__row_add_figures(row, "after_", &change->figures[AFTER]);
        (void)json_array_append_new(rows, row);
    }
    (void)json_object_set_new(root, "schema", json_string("ouro-diff/1"));
    (void)json_object_set_new(root, "before", ouro__saved_json(&diff->saved[BEFORE]));
    (void)json_object_set_new(root, "after", ouro__saved_json(&diff->saved[AFTER]));
    (void)json_object_set_new(root, "measure", json_string(ouro__measure_names[diff->options.measure]));
    (void)json_object_set_new(root, "by", json_string(ouro__by_names[diff->options.by]));
    (void)json_object_set_new(root, "cumulative", json_boolean(diff->options.cumulative));
    ouro__row_add_figures(root, "before_", &diff->views[BEFORE].kept);
    ouro__row_add_figures(root, "after_", &diff->views[AFTER].kept);
    (void)json_object_set_new(root, "rows", rows);
    return ouro__json_print(root);
}

static int
print_csv(const struct diff *diff)
{
    struct ouro__text text = {0};

    ouro__csv_add_heads(&text, diff->options.by);
    ouro__text_print(&text, "state,before_bytes,before_blocks,before_bytes_error,"
                            "after_bytes,after_blocks,after_bytes_error\n");
    for (size_t i = 0; i < diff->n_shown; i++) {
        const struct change *change = &diff->changes[i];
        ouro__csv_add_names(&text, &diff->places, diff->options.by, change->key);
        ouro__text_print(&text, "%s,", state_of(change));
        ouro__csv_add_figures(&text, &change->figures[BEFORE]);
        ouro__text_print(&text, ",");
        ouro__csv_add_figures(&text, &change->figures[AFTER]);
        ouro__text_print(&text, "\n");
    }
    return ouro__text_print_out(&text);
}

/* What --fail-above has to say of a diff that was printed. */
static int
verdict(const struct diff *diff)
{
    char size[OURO_UNIT_TEXT + 1], most[OURO_UNIT_TEXT];

    if (!diff->options.may_fail) {
        return 0;
    }
    for (int i = BEFORE; i <= AFTER; i++) {
        if (diff->saved[i].snapshot.trouble[0] != '\0') {
            ouro__say("nothing is known of growth: %s is not whole", diff->saved[i].path);
            return OURO_EXIT_FAILED;
        }
    }
    if (total_growth(diff) < (double)diff->options.fail_above + 0.5) {
        return 0;
    }
    ouro__say("%s is more than %s", growth_show(size, total_growth(diff)),
              ouro__size_show(most, diff->options.fail_above));
    return 1;
}

/* Sum up and print; an exit code. */
static int
diff_make(struct diff *diff)
{
    const struct ouro__view_options *options = &diff->options;
    size_t usual = options->json || options->csv ? SIZE_MAX : TOP;
    size_t most = options->top > 0 ? options->top : usual;

    diff->packages.version = diff->saved[AFTER].record.python_version;
    bool is_well = ouro__places_init(&diff->places);

    for (int i = BEFORE; i <= AFTER; i++) {
        is_well = is_well && ouro__view_make(&diff->views[i], &diff->places, &diff->saved[i],
                                             options->measure, &options->filters);
        diff->is_estimate |= diff->saved[i].snapshot.tracing.mode == OURO_SNAPSHOT_SAMPLED;
    }
    if (!is_well || !changes_find(diff)) {
        ouro__say("out of memory");
        return OURO_EXIT_FAILED;
    }
    diff->n_shown = diff->n_changes < most ? diff->n_changes : most;
    int code = options->json ? print_json(diff) : options->csv ? print_csv(diff) : print_text(diff);
    return code != 0 ? code : verdict(diff);
}

int
ouro__cmd_diff(int count, char **arguments)
{
    struct diff diff = {0};

    int code = ouro__view_options_read(&diff.options, OURO_VERB_DIFF, count, arguments);
    if (code >= 0) {
        return code;
    }
    code = OURO_EXIT_FAILED;
    if (ouro__saved_open(&diff.saved[BEFORE], diff.options.files[BEFORE]) &&
        ouro__saved_open(&diff.saved[AFTER], diff.options.files[AFTER])) {
        code = diff_make(&diff);
    }
    free(diff.changes);
    for (int i = BEFORE; i <= AFTER; i++) {
        ouro__view_free(&diff.views[i]);
        ouro__saved_free(&diff.saved[i]);
    }
    ouro__packages_free(&diff.packages);
    ouro__places_free(&diff.places);
    ouro__view_options_free(&diff.options);
    return code;
}
