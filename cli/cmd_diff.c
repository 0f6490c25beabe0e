/* cmd_diff.c - `ouro diff BEFORE AFTER`: what grew, what is new, what is gone. */
#define _GNU_SOURCE
#include "cmd_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json_values.h"
#include "snapshot/changes.h"
#include "view/heading.h"
#include "view/packages.h"
#include "view/rows.h"
#include "run/run.h"
#include "units.h"
#include "view/narrow.h"
#include "view/view_options.h"

#define TOP 20 /* rows, unless --top says how many */

struct diff {
    struct ouro__view_options options;
    struct ouro__saved saved[2];
    struct ouro__places places;
    struct ouro__packages packages;
    struct ouro__view views[2];
    struct ouro__change *changes;
    size_t n_changes, n_shown;
    bool is_estimate;
};

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
    return diff->views[OURO__AFTER].kept.bytes - diff->views[OURO__BEFORE].kept.bytes;
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

    ouro__heading_add_title(page, "diff", &diff->saved[OURO__AFTER], diff->options.measure);
    ouro__heading_add_process(page, "before", &diff->saved[OURO__BEFORE]);
    ouro__heading_add_process(page, "after", &diff->saved[OURO__AFTER]);
    ouro__text_print(&words, "%s", growth_show(size, total_growth(diff)));
    if (diff->is_estimate) {
        double error = error_of(&diff->views[OURO__BEFORE].kept, &diff->views[OURO__AFTER].kept);
        ouro__text_print(&words, " %s %s", ouro__text_is_utf8() ? "\u00b1" : "+-",
                         ouro__size_show(size, ouro__rounded(error)));
    }
    ouro__text_print(&words, ": from ");
    ouro__heading_add_figures(&words, &diff->views[OURO__BEFORE].kept, diff->is_estimate);
    ouro__text_print(&words, " to ");
    ouro__heading_add_figures(&words, &diff->views[OURO__AFTER].kept, diff->is_estimate);
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
    uint64_t when = ouro__saved_when(&diff->saved[OURO__AFTER]);

    heading_add(&page, diff);
    ouro__page_colour(&page, OURO_COLOUR_BOLD);
    ouro__text_print(&text, "     bytes      after    blocks          %s\n",
                     ouro__by_names[diff->options.by]);
    ouro__page_colour(&page, OURO_COLOUR_OFF);
    for (size_t i = 0; i < diff->n_shown; i++) {
        const struct ouro__change *change = &diff->changes[i];
        double growth = ouro__change_growth(change);
        ouro__page_colour(&page, growth > 0 ? OURO_COLOUR_RED : OURO_COLOUR_GREEN);
        ouro__text_print(&text, "%10s", growth_show(size, growth));
        ouro__page_colour(&page, OURO_COLOUR_OFF);
        ouro__text_print(&text, " %10s %9s  %-6s  ",
                         ouro__size_show(after, ouro__rounded(change->figures[OURO__AFTER].bytes)),
                         count_growth_show(count, change->figures[OURO__AFTER].blocks -
                                                      change->figures[OURO__BEFORE].blocks),
                         ouro__change_states[ouro__change_state(change)]);
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
        const struct ouro__change *change = &diff->changes[i];
        json_t *row = json_object();
        ouro__row_add_names(row, &diff->places, diff->options.by, change->key);
        (void)json_object_set_new(row, "state",
                                  json_string(ouro__change_states[ouro__change_state(change)]));
        ouro__row_add_figures(row, "before_", &change->figures[OURO__BEFORE]);
        ouro__row_add_figures(row, "after_", &change->figures[OURO__AFTER]);
        (void)json_array_append_new(rows, row);
    }
    (void)json_object_set_new(root, "schema", json_string("ouro-diff/1"));
    (void)json_object_set_new(root, "before", ouro__saved_json(&diff->saved[OURO__BEFORE]));
    (void)json_object_set_new(root, "after", ouro__saved_json(&diff->saved[OURO__AFTER]));
    (void)json_object_set_new(root, "measure", json_string(ouro__measure_names[diff->options.measure]));
    (void)json_object_set_new(root, "by", json_string(ouro__by_names[diff->options.by]));
    (void)json_object_set_new(root, "cumulative", json_boolean(diff->options.cumulative));
    ouro__row_add_figures(root, "before_", &diff->views[OURO__BEFORE].kept);
    ouro__row_add_figures(root, "after_", &diff->views[OURO__AFTER].kept);
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
        const struct ouro__change *change = &diff->changes[i];
        ouro__csv_add_names(&text, &diff->places, diff->options.by, change->key);
        ouro__text_print(&text, "%s,", ouro__change_states[ouro__change_state(change)]);
        ouro__csv_add_figures(&text, &change->figures[OURO__BEFORE]);
        ouro__text_print(&text, ",");
        ouro__csv_add_figures(&text, &change->figures[OURO__AFTER]);
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
    for (int i = OURO__BEFORE; i <= OURO__AFTER; i++) {
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

/* Find the keys that differ.  False without memory. */
static bool
changes_find(struct diff *diff)
{
    diff->changes =
        ouro__changes_find(diff->views, &diff->places, ouro__packages_groups(&diff->packages),
                           diff->options.by, diff->options.cumulative, &diff->n_changes);
    return diff->changes != NULL;
}

/* Sum up and print; an exit code. */
static int
diff_make(struct diff *diff)
{
    const struct ouro__view_options *options = &diff->options;
    size_t usual = options->json || options->csv ? SIZE_MAX : TOP;
    size_t most = options->top > 0 ? options->top : usual;

    diff->packages.version = diff->saved[OURO__AFTER].record.python_version;
    bool is_well = ouro__places_init(&diff->places);

    for (int i = OURO__BEFORE; i <= OURO__AFTER; i++) {
        is_well = is_well && ouro__view_make(&diff->views[i], &diff->places, &diff->saved[i].snapshot,
                                             options->measure, &options->filters,
                                             ouro__view_parts(options->by, options->cumulative));
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
    if (ouro__saved_open(&diff.saved[OURO__BEFORE], diff.options.files[OURO__BEFORE]) &&
        ouro__saved_open(&diff.saved[OURO__AFTER], diff.options.files[OURO__AFTER])) {
        const char *since = diff.options.since;
        for (int i = OURO__BEFORE; i <= OURO__AFTER && since != NULL; i++) {
            ouro__narrow_since(&diff.saved[i], since);
        }
        bool is_known = since == NULL || ouro__narrow_knows(&diff.saved[OURO__AFTER], since);
        code = is_known ? diff_make(&diff) : OURO_EXIT_USAGE;
    }
    free(diff.changes);
    for (int i = OURO__BEFORE; i <= OURO__AFTER; i++) {
        ouro__view_free(&diff.views[i]);
        ouro__saved_free(&diff.saved[i]);
    }
    ouro__packages_free(&diff.packages);
    ouro__places_free(&diff.places);
    ouro__view_options_free(&diff.options);
    return code;
}
