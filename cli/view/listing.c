/* listing.c - sources with what their lines hold.
 *
 *      at peak     at end       ever   blocks  line  source
 *     12.3 MiB    4.0 MiB   30.0 MiB    2.1 k        load
 *                                               45  def load(path):
 *     12.3 MiB    4.0 MiB   30.0 MiB    2.1 k   46      rows = [parse(line) for line in open(path)]
 *                                               ...
 *
 * Functions stand above their first lines, with the sums of all their lines. */
#define _GNU_SOURCE
#include "view/listing.h"

#include <stdlib.h>
#include <string.h>

#include "view/rows.h"
#include "units.h"

#define CONTEXT 2    /* lines without memory that are shown beside those with some */
#define FOLD_LEAST 4 /* lines that are not worth showing, at least, to be left out */
#define WIDE 76      /* columns, from which on there is room for all figures */
#define TAB 8
#define LINE_MOST 4096 /* bytes of a line that are looked at */

/* One file on its way to the page. */
struct listing {
    const struct ouro__page *page;
    const struct ouro__held *held;
    const struct ouro__held_file *file;
    const struct ouro__source *source;
    unsigned char *is_shown; /* by line of the source, from 1 on */
    size_t next_line;        /* of those that hold memory */
    size_t next_function;
};

static bool
is_wide(const struct ouro__page *page)
{
    return page->look.columns >= WIDE;
}

static size_t
source_room(const struct ouro__page *page)
{
    size_t used = is_wide(page) ? 49 : 38;
    return page->look.columns > used ? page->look.columns - used : 1;
}

static void
size_add(const struct ouro__page *page, const struct ouro__figures *figures)
{
    char size[OURO_UNIT_TEXT];

    if (figures->bytes > 0) {
        ouro__text_print(page->text, "%10s ", ouro__size_show(size, ouro__rounded(figures->bytes)));
    } else {
        ouro__page_pad(page, 11);
    }
}

/* The columns before a line's number; empty without figures. */
static void
columns_add(const struct ouro__page *page, const struct ouro__held_figures *figures)
{
    static const struct ouro__held_figures none;
    const struct ouro__figures *by = figures == NULL ? none.by : figures->by;
    char count[OURO_UNIT_TEXT];

    size_add(page, &by[OURO_MEASURE_PEAK]);
    size_add(page, &by[OURO_MEASURE_LIVE]);
    if (is_wide(page)) {
        size_add(page, &by[OURO_MEASURE_CHURN]);
    }
    bool has_blocks = by[OURO_MEASURE_CHURN].blocks > 0;
    ouro__text_print(page->text, "%7s ",
                     has_blocks ? ouro__count_show(count, by[OURO_MEASURE_CHURN].blocks) : "");
}

/* A line of the source without what would be too wide, tabs as spaces. */
static void
source_add(const struct ouro__page *page, const char *line)
{
    struct ouro__text text = {0};
    size_t column = 0;

    for (size_t i = 0; i < LINE_MOST && line[i] != '\0'; i++) {
        size_t width = line[i] == '\t' ? TAB - column % TAB : 1;
        if (line[i] == '\t') {
            ouro__text_repeat(&text, " ", width);
        } else if (line[i] != '\f') {
            ouro__text_add(&text, line + i, 1);
        }
        column += width;
    }
    (void)ouro__text_add_shown(page->text, text.data == NULL ? "" : text.data, source_room(page));
    page->text->failed |= text.failed;
    ouro__text_free(&text);
}

static void
row_end(const struct ouro__page *page)
{
    ouro__text_trim(page->text);
    ouro__text_add(page->text, "\n", 1);
}

static void
line_add(struct listing *listing, uint32_t number)
{
    const struct ouro__held_file *file = listing->file;
    const struct ouro__page *page = listing->page;
    const struct ouro__held_figures *figures = NULL;

    if (listing->next_line < file->n_lines && file->lines[listing->next_line].number == number) {
        figures = &file->lines[listing->next_line++].figures;
    }
    columns_add(page, figures);
    ouro__page_colour(page, OURO_COLOUR_DIM);
    if (number > 0) {
        ouro__text_print(page->text, "%6u", number);
    } else {
        ouro__text_print(page->text, "%6s", "?");
    }
    ouro__page_colour(page, OURO_COLOUR_OFF);
    ouro__text_print(page->text, "  ");
    source_add(page, ouro__source_line(listing->source, number));
    row_end(page);
}

static void
heading_add(const struct ouro__page *page, const struct ouro__held_figures *figures, const char *name)
{
    columns_add(page, figures);
    ouro__page_pad(page, 8);
    ouro__page_colour(page, OURO_COLOUR_CYAN);
    (void)ouro__text_add_shown(page->text, name, source_room(page));
    ouro__page_colour(page, OURO_COLOUR_OFF);
    row_end(page);
}

static bool
holds_any(const struct ouro__held_function *function)
{
    return function->figures.by[OURO_MEASURE_CHURN].blocks > 0 ||
           function->figures.by[OURO_MEASURE_PEAK].blocks > 0 ||
           function->figures.by[OURO_MEASURE_LIVE].blocks > 0;
}

/* The headings of functions that begin on a line, or before it and have not been shown. */
static void
functions_add(struct listing *listing, uint32_t number)
{
    const struct ouro__held_file *file = listing->file;

    for (; listing->next_function < file->n_functions &&
           file->functions[listing->next_function].first <= number;
         listing->next_function++) {
        const struct ouro__held_function *function = &file->functions[listing->next_function];
        if (holds_any(function)) {
            heading_add(listing->page, &function->figures,
                        ouro__text_at(&listing->held->places, function->name));
        }
    }
}

static void
lines_mark(const struct listing *listing, uint64_t first, uint64_t last)
{
    for (uint64_t i = first < 1 ? 1 : first; i <= last && i <= listing->source->n_lines; i++) {
        listing->is_shown[i] = 1;
    }
}

/* Lines that hold memory with those beside them, first lines of functions, and gaps that are too short to be folded. */
static void
lines_choose(const struct listing *listing)
{
    const struct ouro__held_file *file = listing->file;
    uint64_t n = listing->source->n_lines, shown = 0;

    for (size_t i = 0; i < file->n_lines; i++) {
        uint64_t number = file->lines[i].number;
        lines_mark(listing, number < CONTEXT ? number : number - CONTEXT,
                   number == 0 ? 0 : number + CONTEXT);
    }
    for (size_t i = 0; i < file->n_functions; i++) {
        if (holds_any(&file->functions[i])) {
            lines_mark(listing, file->functions[i].first, file->functions[i].first);
        }
    }
    for (uint64_t i = 1; i <= n + 1; i++) {
        if (i == n + 1 || listing->is_shown[i]) {
            if (i - shown - 1 < FOLD_LEAST) {
                lines_mark(listing, shown + 1, i - 1);
            }
            shown = i;
        }
    }
}

static void
fold_add(const struct ouro__page *page)
{
    columns_add(page, NULL);
    ouro__text_print(page->text, "%6s", "...");
    row_end(page);
}

/* The lines from `first` on to `last`: those of the source, and behind its end those that hold memory all the same. */
static void
range_add(struct listing *listing, const struct ouro__held_range *range)
{
    const struct ouro__held_file *file = listing->file;
    uint32_t end = listing->source->n_lines < range->last ? listing->source->n_lines : range->last;
    bool is_folded = false;

    while (listing->next_line < file->n_lines &&
           file->lines[listing->next_line].number < range->first) {
        listing->next_line++;
    }
    while (listing->next_function < file->n_functions &&
           file->functions[listing->next_function].first < range->first) {
        listing->next_function++;
    }
    if (range->first == 0 && file->n_lines > 0 && file->lines[0].number == 0) {
        line_add(listing, 0);
    }
    for (uint32_t i = range->first == 0 ? 1 : range->first; i <= end; i++) {
        if (listing->is_shown[i]) {
            functions_add(listing, i);
            line_add(listing, i);
        } else if (!is_folded) {
            fold_add(listing->page);
        }
        is_folded = !listing->is_shown[i];
    }
    while (listing->next_line < file->n_lines &&
           file->lines[listing->next_line].number <= range->last) {
        functions_add(listing, file->lines[listing->next_line].number);
        line_add(listing, file->lines[listing->next_line].number);
    }
}

static void
trouble_add(const struct ouro__page *page, const struct ouro__source *source)
{
    struct ouro__text words = {0};

    if (source->is_changed) {
        ouro__text_print(&words, "the file was changed after the snapshot: these may be other lines");
    } else if (source->trouble != NULL) {
        ouro__text_print(&words, "the source can't be shown: %s", source->trouble);
    } else {
        return;
    }
    ouro__page_colour(page, OURO_COLOUR_YELLOW);
    ouro__page_row(page, "note", &words);
}

/* What stands above a file's lines. */
static void
file_heading_add(const struct listing *listing)
{
    const struct ouro__page *page = listing->page;
    struct ouro__text name = {0};

    ouro__label_add(&name, &listing->held->places, OURO_BY_FILE, listing->file->text);
    ouro__text_add(page->text, "\n", 1);
    ouro__page_colour(page, OURO_COLOUR_BOLD);
    (void)ouro__text_add_end(page->text, name.data == NULL ? "" : name.data, page->look.columns);
    ouro__page_colour(page, OURO_COLOUR_OFF);
    row_end(page);
    page->text->failed |= name.failed;
    ouro__text_free(&name);
    trouble_add(page, listing->source);
    ouro__page_colour(page, OURO_COLOUR_DIM);
    ouro__text_print(page->text, "%10s %10s ", "at peak", "at end");
    if (is_wide(page)) {
        ouro__text_print(page->text, "%10s ", "ever");
    }
    ouro__text_print(page->text, "%7s %6s  source", "blocks", "line");
    ouro__page_colour(page, OURO_COLOUR_OFF);
    row_end(page);
    heading_add(page, &listing->file->figures, "(the whole file)");
}

/* False without memory. */
static bool
file_add(const struct ouro__page *page, const struct ouro__held *held, struct ouro__held_file *file,
         uint64_t when, const char *function, bool *found)
{
    struct ouro__source source;
    size_t n = 0;

    if (!ouro__held_open(held, file, when, &source)) {
        return false;
    }
    struct ouro__held_range *ranges = ouro__held_ranges(held, file, function, &n);
    struct listing listing = {.page = page, .held = held, .file = file, .source = &source};
    listing.is_shown = ranges == NULL ? NULL : calloc(source.n_lines + (size_t)1, 1);
    bool is_well = listing.is_shown != NULL;
    if (is_well && n > 0) {
        *found = true;
        lines_choose(&listing);
        file_heading_add(&listing);
    }
    for (size_t i = 0; is_well && i < n; i++) {
        range_add(&listing, &ranges[i]);
    }
    free(listing.is_shown);
    free(ranges);
    ouro__source_free(&source);
    return is_well;
}

void
ouro__listing_add(const struct ouro__page *page, const struct ouro__held *held, uint64_t when,
                  const char *function, bool *found)
{
    for (size_t i = 0; !page->text->failed && i < held->n_files; i++) {
        page->text->failed |= !file_add(page, held, &held->files[i], when, function, found);
    }
}
