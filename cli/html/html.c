/* html.c - the page of a snapshot: the template of web/, and the snapshot's figures as JSON in it.
 *
 * Names come from programs and may hold anything.  In JSON every `<` is written as \u003c, so that no name ends the
 * element that the data stands in; the page takes them for text and nothing else. */
#define _GNU_SOURCE
#include "html/html.h"

#include <ouro/base.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "html/branches.h"
#include "html/process_parts.h"
#include "html/template.h"
#include "json_values.h"
#include "view/labels.h"
#include "view/narrow.h"
#include "view/rows.h"

#define BRANCHES_MOST 60000 /* of a page, which a browser turns over in tens of milliseconds */
#define STEPS_A_DOUBLING 4  /* of the histogram of sizes */
#define N_STEPS (65 * STEPS_A_DOUBLING)
#define SOURCES_MOST 200 /* lines whose text is in the page, those that hold most */

bool
ouro__html_check(void)
{
    size_t n;

    const char *template = ouro__template(&n);
    bool is_there = memmem(template, n, OURO_TEMPLATE_MARK, sizeof OURO_TEMPLATE_MARK - 1) != NULL;
    if (!is_there) {
        ouro__say(
            "this ouro was built without the page, since there was no npm: install npm (Debian: apt "
            "install npm), build again, or take 'ouro export --to speedscope'");
    }
    return is_there;
}

/* ---- numbers for what the page has names of, in the order of their first use ---- */

struct used {
    uint32_t *numbers; /* by what it was before; OURO_NO_ID for what isn't used */
    uint32_t *items;   /* what each number was */
    uint32_t n;
};

static bool
used_init(struct used *used, size_t n)
{
    used->numbers = reallocarray(NULL, n, sizeof *used->numbers);
    used->items = reallocarray(NULL, n, sizeof *used->items);
    for (size_t i = 0; used->numbers != NULL && i < n; i++) {
        used->numbers[i] = OURO_NO_ID;
    }
    return used->numbers != NULL && used->items != NULL;
}

static uint32_t
used_number(struct used *used, uint32_t item)
{
    if (used->numbers[item] == OURO_NO_ID) {
        used->items[used->n] = item;
        used->numbers[item] = used->n++;
    }
    return used->numbers[item];
}

static void
used_free(struct used *used)
{
    free(used->numbers);
    free(used->items);
}

/* ---- the parts ---- */

struct making {
    struct ouro__text *text; /* JSON */
    const struct ouro__html *html;
    struct ouro__branches branches;
    struct used places, texts;
};

static void
document_add(struct making *making, json_t *document)
{
    char *dumped = ouro__json_dump(document, JSON_COMPACT);

    making->text->failed |= dumped == NULL;
    ouro__text_print(making->text, "%s", dumped == NULL ? "" : dumped);
    free(dumped);
    json_decref(document);
}

static json_t *
patterns_json(const char **patterns, size_t n)
{
    json_t *array = json_array();

    for (size_t i = 0; i < n; i++) {
        (void)json_array_append_new(array, ouro__json_text(patterns[i]));
    }
    return array;
}

/* What was asked for, and the sums of everything. */
static void
heading_add(struct making *making)
{
    const struct ouro__html *html = making->html;
    const struct ouro__filters *filters = &html->options->filters;
    static const char *const prefixes[OURO_N_MEASURES] = {"live_", "peak_", "churn_"};
    json_t *heading = json_object(), *all = json_object(), *kept = json_object(),
           *untraced = json_object();

    for (int m = 0; m < OURO_N_MEASURES; m++) {
        ouro__row_add_figures(all, prefixes[m], &html->views[m].all);
        ouro__row_add_figures(kept, prefixes[m], &html->views[m].kept);
        ouro__row_add_figures(untraced, prefixes[m], &html->views[m].untraced);
    }
    (void)json_object_set_new(heading, "version", json_string(OURO_VERSION_STRING));
    (void)json_object_set_new(heading, "snapshot", ouro__saved_json(html->saved));
    (void)json_object_set_new(heading, "measure",
                              json_string(ouro__measure_names[html->options->measure]));
    (void)json_object_set_new(heading, "by", json_string(ouro__by_names[html->options->by]));
    (void)json_object_set_new(heading, "filter", patterns_json(filters->wanted, filters->n_wanted));
    (void)json_object_set_new(heading, "exclude",
                              patterns_json(filters->unwanted, filters->n_unwanted));
    (void)json_object_set_new(heading, "traced", all);
    (void)json_object_set_new(heading, "filtered", kept);
    (void)json_object_set_new(heading, "untraced", untraced);
    (void)json_object_set_new(heading, "smallest", json_real(making->branches.smallest));
    (void)json_object_set_new(heading, "n_small", json_integer((json_int_t)making->branches.n_small));
    document_add(making, heading);
}

/* [file, function, line, package] of each place that is used, texts as their numbers. */
static void
frames_add(struct making *making)
{
    struct ouro__places *places = making->html->places;
    struct ouro__text *text = making->text;

    for (uint32_t i = 0; i < making->places.n && !text->failed; i++) {
        uint32_t place = making->places.items[i];
        uint32_t function = ouro__function_of_place(places, place);
        uint32_t file = places->functions.items[function].a, name = places->functions.items[function].b;
        uint32_t package = ouro__package_of(making->html->packages, places, file);
        if (package == OURO_NO_ID) {
            text->failed = true;
            break;
        }
        ouro__text_print(text, "%s[%u,%u,%u,%u]", i == 0 ? "" : ",", used_number(&making->texts, file),
                         used_number(&making->texts, name),
                         ouro__number_of_line(places, ouro__line_of_place(places, place)),
                         used_number(&making->texts, package));
    }
}

static void
texts_add(struct making *making)
{
    for (uint32_t i = 0; i < making->texts.n && !making->text->failed; i++) {
        ouro__text_print(making->text, "%s", i == 0 ? "" : ",");
        ouro__json_add_text(making->text,
                            making->html->places->texts.items[making->texts.items[i]].text);
    }
}

/* For each branch: its caller, and its frame; or -1 and how many small ones it is, -2 and how many deep ones. */
static void
branches_add(struct making *making)
{
    struct ouro__text *text = making->text;

    for (size_t i = 0; i < making->branches.n && !text->failed; i++) {
        const struct ouro__branch *branch = &making->branches.items[i];
        ouro__text_print(text, "%s%u,", i == 0 ? "" : ",", branch->caller);
        if (branch->n_merged > 0) {
            ouro__text_print(text, "%d,%u", branch->place == OURO_BRANCH_SMALL ? -1 : -2,
                             branch->n_merged);
        } else {
            ouro__text_print(text, "%u,0", used_number(&making->places, branch->place));
        }
    }
}

static void
figure_add(struct ouro__text *text, const struct ouro__figures *figures)
{
    ouro__text_print(text, ",%.15g,%.15g,%.6g", figures->bytes, figures->blocks, figures->variance);
}

static void
figures_add(struct ouro__text *text, const struct ouro__figures *by)
{
    for (int m = 0; m < OURO_N_MEASURES; m++) {
        figure_add(text, &by[m]);
    }
}

static bool
holds_any(const struct ouro__figures *by)
{
    return by[OURO_MEASURE_LIVE].blocks > 0 || by[OURO_MEASURE_PEAK].blocks > 0 ||
           by[OURO_MEASURE_CHURN].blocks > 0;
}

/* For each branch where blocks were asked for: its number, and bytes, blocks and variance by measure. */
static void
held_add(struct making *making)
{
    bool is_first = true;

    for (size_t i = 0; i < making->branches.n && !making->text->failed; i++) {
        const struct ouro__branch *branch = &making->branches.items[i];
        if (holds_any(branch->by)) {
            ouro__text_print(making->text, "%s%zu", is_first ? "" : ",", i);
            figures_add(making->text, branch->by);
            is_first = false;
        }
    }
}

/* Sizes go up to the next of four steps a doubling: 1, 1.25, 1.5, 1.75, 2, 2.5, ... */
static size_t
step_of(uint64_t size)
{
    if (size == 0) {
        return 0;
    }
    int exponent;
    double fraction = frexp((double)size, &exponent); /* 0.5 to 1 */
    return (size_t)(exponent - 1) * STEPS_A_DOUBLING +
           (size_t)ceil((2 * fraction - 1) * STEPS_A_DOUBLING) + 1;
}

/* For each step and domain that has blocks: the largest size, the domain, and figures by measure. */
static void
sizes_add(struct making *making, struct ouro__figures (*sums)[3][OURO_N_MEASURES])
{
    const struct ouro__snapshot *snapshot = &making->html->saved->snapshot;
    const struct ouro__view *view = &making->html->views[0];
    bool is_first = true;

    for (size_t i = 1; i < snapshot->n_traces; i++) {
        const struct ouro_snapshot_trace *trace = &snapshot->traces[i];
        if (!ouro__view_keeps(view, i)) {
            continue;
        }
        struct ouro__figures *by = sums[step_of(trace->size)][trace->domain];
        for (int m = 0; m < OURO_N_MEASURES; m++) {
            struct ouro__figures figures =
                ouro__figures_of(&snapshot->tracing, trace, (enum ouro__measure)m);
            ouro__figures_add(&by[m], &figures);
        }
    }
    for (size_t step = 0; step < N_STEPS; step++) {
        size_t up = step == 0 ? 0 : step - 1;
        double size = step == 0 ? 0
                                : ldexp(1 + (double)(up % STEPS_A_DOUBLING) / STEPS_A_DOUBLING,
                                        (int)(up / STEPS_A_DOUBLING));
        for (int domain = 0; domain < 3; domain++) {
            if (holds_any(sums[step][domain])) {
                ouro__text_print(making->text, "%s%zu,%.15g,%d", is_first ? "" : ",", step, size,
                                 domain);
                figures_add(making->text, sums[step][domain]);
                is_first = false;
            }
        }
    }
}

/* For each thread, task or type that has blocks: its name, and figures by measure; nothing where they aren't told apart. */
static void
others_add(struct making *making, enum ouro__by by)
{
    const struct ouro__html *html = making->html;
    const struct ouro__snapshot *snapshot = &html->saved->snapshot;
    struct ouro__figures *folds[OURO_N_MEASURES] = {NULL};
    bool is_told =
        by == OURO_BY_THREAD ? snapshot->n_threads > 1 : by != OURO_BY_TYPE || snapshot->n_types > 1;
    bool is_first = true;
    size_t n = 0;

    for (int m = 0; m < OURO_N_MEASURES && is_told; m++) {
        folds[m] = ouro__view_fold(&html->views[m], html->places, NULL, by, false, &n);
        making->text->failed |= folds[m] == NULL;
    }
    for (uint32_t key = 0; key < n && !making->text->failed; key++) {
        struct ouro__figures of_key[OURO_N_MEASURES];
        for (int m = 0; m < OURO_N_MEASURES; m++) {
            of_key[m] = folds[m][key];
        }
        if (holds_any(of_key)) {
            ouro__text_print(making->text, "%s%u", is_first ? "" : ",",
                             used_number(&making->texts, key));
            figures_add(making->text, of_key);
            is_first = false;
        }
    }
    for (int m = 0; m < OURO_N_MEASURES; m++) {
        free(folds[m]);
    }
}

/* What each line's blocks came to, where it isn't live any more: by how soon. */
struct lives {
    struct ouro__figures ended[OURO_SNAPSHOT_N_LIVES];
};

/* By line; owned, NULL without memory. */
static struct lives *
lives_find(const struct ouro__html *html)
{
    const struct ouro__snapshot *snapshot = &html->saved->snapshot;
    const struct ouro__places *places = html->places;
    const struct ouro__view *view = &html->views[OURO_MEASURE_CHURN];
    struct lives *lives = calloc(places->lines.n, sizeof *lives);

    for (size_t i = 1; lives != NULL && i < snapshot->n_lives; i++) {
        uint32_t place = ouro__place_of_path(places, view->spots[i]);
        for (int k = 0; k < OURO_SNAPSHOT_N_LIVES && ouro__view_keeps(view, i); k++) {
            struct ouro__figures figures = ouro__life_figures(snapshot, i, k);
            ouro__figures_add(&lives[ouro__line_of_place(places, place)].ended[k], &figures);
        }
    }
    return lives;
}

/* For each line whose blocks were freed soon: file, line, blocks that it ever allocated, and for each time within which they
 * were freed, but not within the one before: bytes, blocks and variance.  Nothing where lifetimes weren't noted. */
static void
lives_add(struct making *making)
{
    const struct ouro__html *html = making->html;
    bool is_first = true;
    size_t n;

    if (html->saved->snapshot.n_lives == 0) {
        return;
    }
    struct lives *lives = lives_find(html);
    struct ouro__figures *all =
        ouro__view_fold(&html->views[OURO_MEASURE_CHURN], html->places, NULL, OURO_BY_LINE, false, &n);
    making->text->failed |= lives == NULL || all == NULL;
    for (uint32_t i = 0; !making->text->failed && i < n; i++) {
        const struct ouro__pair *line = &html->places->lines.items[i];
        double blocks = 0;
        for (int k = 0; k < OURO_SNAPSHOT_N_LIVES; k++) {
            blocks += lives[i].ended[k].blocks;
        }
        if (blocks <= 0) {
            continue;
        }
        ouro__text_print(making->text, "%s%u,%u,%.15g", is_first ? "" : ",",
                         used_number(&making->texts, line->a), line->b, all[i].blocks);
        for (int k = 0; k < OURO_SNAPSHOT_N_LIVES; k++) {
            figure_add(making->text, &lives[i].ended[k]);
        }
        is_first = false;
    }
    free(lives);
    free(all);
}

/* The text of the lines that hold most, as far as their files are as they were: file, line, text. */
static void
sources_add(struct making *making, enum ouro__measure measure)
{
    const struct ouro__html *html = making->html;
    uint64_t when = ouro__saved_when(html->saved);
    size_t n;
    struct ouro__row *rows =
        ouro__view_rows(&html->views[measure], html->places, NULL, OURO_BY_LINE, false, &n);

    making->text->failed |= rows == NULL;
    for (size_t i = 0; i < n && i < SOURCES_MOST && !making->text->failed; i++) {
        const struct ouro__pair *line = &html->places->lines.items[rows[i].key];
        struct ouro__text source = {0};
        ouro__source_add(&source, ouro__file_of_line(html->places, rows[i].key), line->b, when);
        if (source.length > 0) {
            ouro__text_print(making->text, ",[%u,%u,", used_number(&making->texts, line->a), line->b);
            ouro__json_add_text(making->text, source.data);
            ouro__text_print(making->text, "]");
        }
        making->text->failed |= source.failed;
        ouro__text_free(&source);
    }
    free(rows);
}

/* The parts in such an order that what a part has numbers for comes behind it. */
static void
data_add(struct making *making)
{
    struct ouro__figures(*sums)[3][OURO_N_MEASURES] = calloc(N_STEPS, sizeof *sums);
    struct ouro__text *text = making->text;

    text->failed |= sums == NULL;
    ouro__text_print(text, "{\"heading\":");
    heading_add(making);
    ouro__text_print(text, ",\n\"branches\":[");
    branches_add(making);
    ouro__text_print(text, "],\n\"held\":[");
    held_add(making);
    ouro__text_print(text, "],\n\"sizes\":[");
    if (sums != NULL) {
        sizes_add(making, sums);
    }
    ouro__text_print(text, "],\n\"threads\":[");
    others_add(making, OURO_BY_THREAD);
    ouro__text_print(text, "],\n\"tasks\":[");
    others_add(making, OURO_BY_TASK);
    ouro__text_print(text, "],\n\"types\":[");
    others_add(making, OURO_BY_TYPE);
    ouro__text_print(text, "],\n\"lives\":[");
    lives_add(making);
    ouro__text_print(text, "],\n\"heap\":");
    ouro__html_add_heap(text, &making->html->saved->snapshot);
    ouro__text_print(text, ",\n\"times\":");
    ouro__html_add_times(text, &making->html->saved->snapshot);
    ouro__text_print(text, ",\n\"frames\":[");
    frames_add(making);
    ouro__text_print(text, "],\n\"sources\":[0");
    for (int m = 0; m < OURO_N_MEASURES; m++) {
        sources_add(making, (enum ouro__measure)m);
    }
    ouro__text_print(text, "],\n\"texts\":[");
    texts_add(making);
    ouro__text_print(text, "]}");
    free(sums);
}

static void
data_make(struct making *making)
{
    const struct ouro__html *html = making->html;
    bool is_well = ouro__branches_make(&making->branches, html->places, html->views, BRANCHES_MOST) &&
                   used_init(&making->places, html->places->places.n);

    /* Packages and tasks may add texts: all are asked for before their number is counted on. */
    size_t n;
    struct ouro__figures *tasks =
        ouro__view_fold(&html->views[0], html->places, NULL, OURO_BY_TASK, false, &n);
    is_well = is_well && tasks != NULL;
    free(tasks);
    for (uint32_t i = 0; is_well && i < html->places->functions.n; i++) {
        is_well = ouro__package_of(html->packages, html->places, html->places->functions.items[i].a) !=
                  OURO_NO_ID;
    }
    if (is_well && used_init(&making->texts, html->places->texts.n)) {
        data_add(making);
    } else {
        making->text->failed = true;
    }
    ouro__branches_free(&making->branches);
    used_free(&making->places);
    used_free(&making->texts);
}

void
ouro__html_add(struct ouro__text *text, const struct ouro__html *html)
{
    struct ouro__text data = {0};
    struct making making = {.text = &data, .html = html};
    size_t n;
    const char *template = ouro__template(&n);
    const char *mark = memmem(template, n, OURO_TEMPLATE_MARK, sizeof OURO_TEMPLATE_MARK - 1);

    data_make(&making);
    ouro__text_add(text, template, (size_t)(mark - template));
    for (const char *at = data.data; at != NULL && *at != '\0';) {
        size_t plain = strcspn(at, "<");
        ouro__text_add(text, at, plain);
        at += plain;
        if (*at == '<') {
            ouro__text_print(text, "\\u003c");
            at++;
        }
    }
    mark += sizeof OURO_TEMPLATE_MARK - 1;
    ouro__text_add(text, mark, (size_t)(template + n - mark));
    text->failed |= data.failed;
    ouro__text_free(&data);
}
