/* held.c - what each line of the program's own files holds.
 *
 * Callers have lower numbers than those they call: one loop upwards finds for each node the innermost frame that counts. */
#define _GNU_SOURCE
#include "view/held.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OWN = 1, NAMED = 2 };

/* While it is made. */
struct making {
    struct ouro__held *held;
    const struct ouro__snapshot *snapshot;
    uint32_t *nodes;       /* their places */
    unsigned char *files;  /* OWN and NAMED, by text */
    size_t n_texts;        /* when `files` was made; what came later is no file */
    unsigned char shown;   /* which files are */
    uint32_t *functions;   /* of each code, or OURO_NO_ID */
    struct ouro__pairs at; /* function of the places, first line: numbers of `held->functions` */
};

static void
figures_add(struct ouro__held_figures *sum, const struct ouro__held_figures *more)
{
    for (int i = 0; i < OURO_N_MEASURES; i++) {
        ouro__figures_add(&sum->by[i], &more->by[i]);
    }
}

/* Which files are the program's own.  What was compiled from a text ("<string>", a data class's __init__) is none: its
 * blocks count for who called it.  False without memory. */
static bool
files_find_own(struct making *making)
{
    struct ouro__places *places = &making->held->places;

    making->n_texts = places->texts.n;
    making->files = calloc(making->n_texts, 1);
    for (uint32_t i = 1; making->files != NULL && i < places->functions.n; i++) {
        uint32_t file = places->functions.items[i].a;
        uint32_t package = ouro__package_of(&making->held->packages, places, file);
        if (package == OURO_NO_ID) {
            return false;
        }
        bool is_own = places->texts.items[file].text[0] != '<' && !ouro__file_is_module(places, file) &&
                      strcmp(places->texts.items[package].text, OURO_PACKAGE_OWN) == 0;
        making->files[file] |= is_own ? OWN : 0;
    }
    return making->files != NULL;
}

/* "app.py" and "lib/app.py" are /home/lib/app.py, and so is what leads there from the working directory. */
static bool
name_fits(const char *name, const char *resolved, const char *file)
{
    size_t n_name = strlen(name), n_file = strlen(file);
    bool is_end = n_file > n_name && file[n_file - n_name - 1] == '/' &&
                  strcmp(file + n_file - n_name, name) == 0;
    return is_end || strcmp(name, file) == 0 || (resolved != NULL && strcmp(resolved, file) == 0);
}

/* Mark the files that a name is; whether there are any. */
static bool
files_find_named(struct making *making, const char *name)
{
    const struct ouro__places *places = &making->held->places;
    char *resolved = realpath(name, NULL);
    bool is_found = false;

    name += strncmp(name, "./", 2) == 0 ? 2 : 0;
    for (uint32_t i = 1; name[0] != '\0' && i < places->functions.n; i++) {
        uint32_t file = places->functions.items[i].a;
        if (name_fits(name, resolved, places->texts.items[file].text)) {
            making->files[file] |= NAMED;
            is_found = true;
        }
    }
    free(resolved);
    return is_found;
}

/* The line that each node counts for, 0 for none; owned, NULL without memory. */
static uint32_t *
lines_of_nodes(const struct making *making)
{
    const struct ouro__places *places = &making->held->places;
    const struct ouro__snapshot *snapshot = making->snapshot;
    uint32_t *lines = reallocarray(NULL, snapshot->n_nodes, sizeof *lines);

    for (size_t i = 0; lines != NULL && i < snapshot->n_nodes; i++) {
        uint32_t line = ouro__line_of_place(places, making->nodes[i]);
        bool counts = making->files[places->lines.items[line].a] != 0;
        lines[i] = counts ? line : i == 0 ? 0 : lines[snapshot->nodes[i].parent];
    }
    return lines;
}

/* The figures of all lines, by their numbers in the places; owned, NULL without memory. */
static struct ouro__held_figures *
lines_sum(const struct making *making)
{
    struct ouro__held *held = making->held;
    const struct ouro__snapshot *snapshot = making->snapshot;
    static const struct ouro_snapshot_tracing counted = {.mode = OURO_SNAPSHOT_EXACT};
    struct ouro__held_figures *sums = calloc(held->places.lines.n, sizeof *sums);
    uint32_t *lines = sums == NULL ? NULL : lines_of_nodes(making);

    for (size_t i = 0; lines != NULL && i < snapshot->n_traces; i++) {
        const struct ouro_snapshot_trace *trace = &snapshot->traces[i];
        struct ouro__held_figures figures;
        if (i == 0) {
            held->untraced = ouro__figures_of(&counted, trace, OURO_MEASURE_PEAK);
            continue;
        }
        for (int m = 0; m < OURO_N_MEASURES; m++) {
            figures.by[m] = ouro__figures_of(&snapshot->tracing, trace, (enum ouro__measure)m);
        }
        uint32_t line = lines[trace->node];
        bool is_shown = (making->files[held->places.lines.items[line].a] & making->shown) != 0;
        figures_add(&held->all, &figures);
        figures_add(is_shown ? &sums[line] : &held->elsewhere, &figures);
    }
    if (lines == NULL) {
        free(sums);
        return NULL;
    }
    free(lines);
    return sums;
}

static bool
has_any(const struct ouro__held_figures *figures)
{
    for (int i = 0; i < OURO_N_MEASURES; i++) {
        if (figures->by[i].bytes > 0 || figures->by[i].blocks > 0) {
            return true;
        }
    }
    return false;
}

static int
lines_compare(const void *a, const void *b)
{
    const struct ouro__held_line *left = a, *right = b;

    if (left->file != right->file) {
        return left->file < right->file ? -1 : 1;
    }
    return left->number < right->number ? -1 : left->number > right->number;
}

/* Lines that have any memory, by file and number.  False without memory. */
static bool
lines_make(struct making *making)
{
    struct ouro__held *held = making->held;
    const struct ouro__pairs *lines = &held->places.lines;
    struct ouro__held_figures *sums = lines_sum(making);

    held->lines = sums == NULL ? NULL : reallocarray(NULL, lines->n, sizeof *held->lines);
    for (uint32_t i = 1; held->lines != NULL && i < lines->n; i++) {
        if (has_any(&sums[i])) {
            held->lines[held->n_lines++] =
                (struct ouro__held_line){lines->items[i].a, lines->items[i].b, sums[i]};
        }
    }
    free(sums);
    if (held->lines == NULL) {
        return false;
    }
    qsort(held->lines, held->n_lines, sizeof *held->lines, lines_compare);
    return true;
}

static uint32_t
text_find(const struct making *making, const struct ouro_snapshot_stretch *stretch)
{
    const char *texts = making->snapshot->texts;
    return ouro__texts_find(&making->held->places.texts, texts == NULL ? "" : texts + stretch->at,
                            (size_t)stretch->size);
}

/* <lambda>, <listcomp>, <module>: no function that has a place of its own in the source. */
static bool
is_nameless(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *last = dot == NULL ? name : dot + 1;
    return last[0] == '\0' || last[0] == '<';
}

/* Which function a code is; OURO_NO_ID for none that is shown.  False without memory. */
static bool
function_find(struct making *making, const struct ouro_snapshot_code *code, uint32_t *found)
{
    struct ouro__held *held = making->held;
    uint32_t file = text_find(making, &code->file), name = text_find(making, &code->name);
    bool is_one = file != OURO_NO_ID && name != OURO_NO_ID && file < making->n_texts &&
                  (making->files[file] & making->shown) != 0 && code->first_line != 0 &&
                  !is_nameless(held->places.texts.items[name].text);

    *found = OURO_NO_ID;
    if (!is_one) {
        return true;
    }
    uint32_t function = ouro__pairs_id(&held->places.functions, file, name);
    if (function != OURO_NO_ID) {
        *found = ouro__pairs_id(&making->at, function, code->first_line);
    }
    return *found != OURO_NO_ID;
}

static int
functions_compare(const void *a, const void *b)
{
    const struct ouro__held_function *left = a, *right = b;

    if (left->file != right->file) {
        return left->file < right->file ? -1 : 1;
    }
    if (left->first != right->first) {
        return left->first < right->first ? -1 : 1;
    }
    return left->name < right->name ? -1 : left->name > right->name;
}

/* Functions in whose frames anything was allocated, with the last line on which they were seen. */
static bool
functions_make(struct making *making)
{
    struct ouro__held *held = making->held;
    const struct ouro__snapshot *snapshot = making->snapshot;
    const struct ouro__places *places = &held->places;
    bool is_well = true;

    making->functions = reallocarray(NULL, snapshot->n_codes, sizeof *making->functions);
    if (making->functions == NULL) {
        return false;
    }
    making->functions[snapshot->n_codes - 1] = OURO_NO_ID; /* the one without texts */
    for (size_t i = 0; is_well && i + 1 < snapshot->n_codes; i++) {
        is_well = function_find(making, &snapshot->codes[i], &making->functions[i]);
    }
    held->functions = is_well ? calloc(making->at.n + (size_t)1, sizeof *held->functions) : NULL;
    if (held->functions == NULL) {
        return false;
    }
    held->n_functions = making->at.n;
    for (uint32_t i = 0; i < making->at.n; i++) {
        struct ouro__pair at = making->at.items[i], function = places->functions.items[at.a];
        held->functions[i] = (struct ouro__held_function){
            .file = function.a, .name = function.b, .first = at.b, .last = at.b};
    }
    for (size_t i = 1; i < snapshot->n_nodes; i++) {
        uint32_t function = making->functions[snapshot->nodes[i].code];
        uint32_t line = ouro__line_of_place(places, making->nodes[i]);
        uint32_t number = ouro__number_of_line(places, line);
        if (function != OURO_NO_ID && held->functions[function].last < number) {
            held->functions[function].last = number;
        }
    }
    qsort(held->functions, held->n_functions, sizeof *held->functions, functions_compare);
    return true;
}

static int
files_compare(const void *a, const void *b)
{
    static const enum ouro__measure order[] = {OURO_MEASURE_PEAK, OURO_MEASURE_CHURN};
    const struct ouro__held_file *left = a, *right = b;

    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        double more = left->figures.by[order[i]].bytes - right->figures.by[order[i]].bytes;
        if (more != 0) {
            return more > 0 ? -1 : 1;
        }
    }
    return left->text < right->text ? -1 : left->text > right->text;
}

/* The files to show, each with its part of the lines and of the functions.  False without memory. */
static bool
files_make(struct making *making)
{
    struct ouro__held *held = making->held;
    size_t line = 0, function = 0;

    held->files = reallocarray(NULL, making->n_texts, sizeof *held->files);
    for (uint32_t text = 0; held->files != NULL && text < making->n_texts; text++) {
        struct ouro__held_file file = {
            .text = text, .lines = held->lines + line, .functions = held->functions + function};
        for (; line < held->n_lines && held->lines[line].file == text; line++) {
            figures_add(&file.figures, &held->lines[line].figures);
            file.n_lines++;
        }
        for (; function < held->n_functions && held->functions[function].file == text; function++) {
            file.n_functions++;
        }
        if (file.n_lines > 0 || (making->files[text] & making->shown & NAMED) != 0) {
            held->files[held->n_files++] = file;
        }
    }
    if (held->files == NULL) {
        return false;
    }
    qsort(held->files, held->n_files, sizeof *held->files, files_compare);
    return true;
}

bool
ouro__held_make(struct ouro__held *held, const struct ouro__saved *saved, char **names, size_t n_names,
                const char **missing)
{
    struct making making = {
        .held = held, .snapshot = &saved->snapshot, .shown = n_names > 0 ? NAMED : OWN};

    *held = (struct ouro__held){.packages.version = saved->record.python_version};
    *missing = NULL;
    bool is_well = ouro__places_init(&held->places) &&
                   (making.nodes = ouro__places_of_nodes(&held->places, making.snapshot)) != NULL &&
                   files_find_own(&making);
    for (size_t i = 0; is_well && i < n_names; i++) {
        *missing = files_find_named(&making, names[i]) || *missing != NULL ? *missing : names[i];
    }
    is_well = is_well && lines_make(&making) && functions_make(&making) && files_make(&making);
    free(making.nodes);
    free(making.files);
    free(making.functions);
    ouro__pairs_free(&making.at);
    return is_well;
}

void
ouro__held_free(struct ouro__held *held)
{
    free(held->lines);
    free(held->functions);
    free(held->files);
    ouro__packages_free(&held->packages);
    ouro__places_free(&held->places);
    *held = (struct ouro__held){0};
}

/* How many of the lines, which are sorted, come before a number. */
static size_t
lines_before(const struct ouro__held_file *file, uint64_t number)
{
    size_t low = 0, high = file->n_lines;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (file->lines[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The lines from one number to another, from sums over all lines before each: there may be many functions in many. */
static struct ouro__held_figures
figures_between(const struct ouro__held_file *file, const struct ouro__held_figures *sums,
                uint32_t first, uint32_t last)
{
    size_t from = lines_before(file, first), to = lines_before(file, (uint64_t)last + 1);
    struct ouro__held_figures between = {0};

    for (int i = 0; from < to && i < OURO_N_MEASURES; i++) {
        const struct ouro__figures *after = &sums[to].by[i], *before = &sums[from].by[i];
        between.by[i].bytes = fmax(0, after->bytes - before->bytes);
        between.by[i].blocks = fmax(0, after->blocks - before->blocks);
        between.by[i].variance = fmax(0, after->variance - before->variance);
    }
    return between;
}

bool
ouro__held_find_marked(struct ouro__held *held, uint64_t when)
{
    for (size_t i = 0; i < held->n_files; i++) {
        struct ouro__held_file *file = &held->files[i];
        struct ouro__source source;
        if (!ouro__source_read(&source, ouro__text_at(&held->places, file->text), when)) {
            return false;
        }
        for (size_t k = 0; k < file->n_functions; k++) {
            struct ouro__held_function *function = &file->functions[k];
            function->is_marked = ouro__source_is_marked(&source, function->first);
            held->is_marked = held->is_marked || function->is_marked;
        }
        ouro__source_free(&source);
    }
    return true;
}

bool
ouro__held_open(const struct ouro__held *held, struct ouro__held_file *file, uint64_t when,
                struct ouro__source *source)
{
    struct ouro__held_figures *sums = calloc(file->n_lines + 1, sizeof *sums);

    if (sums == NULL || !ouro__source_read(source, ouro__text_at(&held->places, file->text), when)) {
        free(sums);
        return false;
    }
    for (size_t i = 0; i < file->n_lines; i++) {
        sums[i + 1] = sums[i];
        figures_add(&sums[i + 1], &file->lines[i].figures);
    }
    for (size_t i = 0; i < file->n_functions; i++) {
        struct ouro__held_function *function = &file->functions[i];
        uint32_t end = ouro__source_end(source, function->first);
        function->last = end > function->last ? end : function->last;
        function->figures = figures_between(file, sums, function->first, function->last);
    }
    free(sums);
    return true;
}

/* Whether a function is meant by a name, its own or the last part of it; or, without one, by its mark. */
static bool
function_is(const struct ouro__held *held, const struct ouro__held_function *function, const char *name)
{
    if (name == NULL) {
        return function->is_marked;
    }
    const char *whole = ouro__text_at(&held->places, function->name);
    const char *dot = strrchr(whole, '.');
    return strcmp(whole, name) == 0 || (dot != NULL && strcmp(dot + 1, name) == 0);
}

struct ouro__held_range *
ouro__held_ranges(const struct ouro__held *held, const struct ouro__held_file *file, const char *name,
                  size_t *n)
{
    struct ouro__held_range *ranges = reallocarray(NULL, file->n_functions + 1, sizeof *ranges);

    bool is_all = name == NULL && !held->is_marked;

    *n = 0;
    if (ranges != NULL && is_all) {
        ranges[(*n)++] = (struct ouro__held_range){0, UINT32_MAX};
    }
    for (size_t i = 0; ranges != NULL && !is_all && i < file->n_functions; i++) {
        const struct ouro__held_function *function = &file->functions[i];
        if (!function_is(held, function, name)) {
            continue;
        }
        if (*n > 0 && function->first <= ranges[*n - 1].last) { /* it lies within the one before */
            uint32_t *last = &ranges[*n - 1].last;
            *last = function->last > *last ? function->last : *last;
        } else {
            ranges[(*n)++] = (struct ouro__held_range){function->first, function->last};
        }
    }
    return ranges;
}
