/* results.c - the rows that SQL statements give.
 *
 * A table's columns are as wide as its first rows need; later ones have to fit.  When the terminal is too narrow, texts
 * are cut, and when that doesn't help, each row becomes a list with a line for each column. */
#define _GNU_SOURCE
#include "export/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json_values.h"
#include "view/labels.h"
#include "view/rows.h"

#define HELD_MOST 1000               /* rows that are looked at for a table's widths */
#define WRITTEN_AT ((size_t)1 << 16) /* bytes */
#define GAP 2                        /* columns between columns */
#define TEXT_LEAST 12                /* columns in which a text can be told */

bool
ouro__results_begin(struct ouro__results *results, enum ouro__shape shape)
{
    *results = (struct ouro__results){.shape = shape, .look = ouro__look_at(STDOUT_FILENO)};
    return ouro__output_begin(&results->output, "-", true);
}

static void
results_write(struct ouro__results *results)
{
    ouro__output_add(&results->output, results->text.data, results->text.length);
    results->text.length = 0;
}

/* What a row may be followed by: SQLITE_OK, or why nothing may. */
static int
row_end(struct ouro__results *results)
{
    if (results->text.failed) {
        return SQLITE_NOMEM;
    }
    if (results->text.length >= WRITTEN_AT) {
        results_write(results);
    }
    return results->output.error == 0 ? SQLITE_OK : SQLITE_IOERR;
}

/* A value as SQLite has it as text; bytes as hexadecimal digits. */
static void
value_add(struct ouro__text *text, sqlite3_stmt *statement, int i)
{
    if (sqlite3_column_type(statement, i) == SQLITE_BLOB) {
        const unsigned char *bytes = sqlite3_column_blob(statement, i);
        int n = sqlite3_column_bytes(statement, i);
        for (int at = 0; at < n; at++) {
            ouro__text_print(text, "%02x", bytes[at]);
        }
        return;
    }
    const char *words = (const char *)sqlite3_column_text(statement, i);
    if (words == NULL) {
        text->failed = true;
    } else {
        ouro__text_add(text, words, strlen(words));
    }
}

static const char *
words_of(const struct ouro__text *text)
{
    return text->data == NULL ? "" : text->data;
}

/* JSON and CSV */

static void
json_value_add(struct ouro__text *text, sqlite3_stmt *statement, int i)
{
    struct ouro__text value = {0};
    int type = sqlite3_column_type(statement, i);
    bool is_none =
        type == SQLITE_NULL || (type == SQLITE_FLOAT && !isfinite(sqlite3_column_double(statement, i)));

    if (is_none) {
        ouro__text_print(text, "null");
        return;
    }
    value_add(&value, statement, i);
    if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) {
        ouro__text_print(text, "%s", words_of(&value));
    } else {
        ouro__json_add_text(text, words_of(&value));
    }
    text->failed |= value.failed;
    ouro__text_free(&value);
}

static void
json_row_add(struct ouro__text *text, sqlite3_stmt *statement, bool is_first)
{
    ouro__text_print(text, "%s[", is_first ? "\n" : ",\n");
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        ouro__text_print(text, "%s", i == 0 ? "" : ", ");
        json_value_add(text, statement, i);
    }
    ouro__text_print(text, "]");
}

static void
csv_row_add(struct ouro__text *text, sqlite3_stmt *statement)
{
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        struct ouro__text value = {0};
        ouro__text_print(text, "%s", i == 0 ? "" : ",");
        if (sqlite3_column_type(statement, i) != SQLITE_NULL) {
            value_add(&value, statement, i);
        }
        ouro__csv_add_value(text, words_of(&value));
        text->failed |= value.failed;
        ouro__text_free(&value);
    }
    ouro__text_print(text, "\n");
}

/* A column's name; NULL without memory. */
static const char *
name_of(struct ouro__text *text, sqlite3_stmt *statement, int i)
{
    const char *name = sqlite3_column_name(statement, i);
    text->failed |= name == NULL;
    return name == NULL ? "" : name;
}

static void
heads_add(struct ouro__results *results, sqlite3_stmt *statement)
{
    struct ouro__text *text = &results->text;
    bool is_json = results->shape == OURO_SHAPE_JSON;

    if (is_json) {
        ouro__text_print(text, "%s{\"columns\": [",
                         results->n == 0 ? "{\"schema\": \"ouro-sql/1\", \"results\": [\n" : ",\n");
    } else {
        ouro__text_print(text, "%s", results->n == 0 ? "" : "\n");
    }
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        const char *name = name_of(text, statement, i);
        if (is_json) {
            ouro__text_print(text, "%s", i == 0 ? "" : ", ");
            ouro__json_add_text(text, name);
        } else {
            ouro__text_print(text, "%s", i == 0 ? "" : ",");
            ouro__csv_add_value(text, name);
        }
    }
    ouro__text_print(text, "%s", is_json ? "],\n\"rows\": [" : "\n");
}

static int
plain_add(struct ouro__results *results, sqlite3_stmt *statement)
{
    int code;

    heads_add(results, statement);
    for (bool is_first = true; (code = sqlite3_step(statement)) == SQLITE_ROW; is_first = false) {
        if (results->shape == OURO_SHAPE_JSON) {
            json_row_add(&results->text, statement, is_first);
        } else {
            csv_row_add(&results->text, statement);
        }
        int ended = row_end(results);
        if (ended != SQLITE_OK) {
            return ended;
        }
    }
    if (results->shape == OURO_SHAPE_JSON) {
        ouro__text_print(&results->text, "]}");
    }
    return code;
}

/* Tables */

struct column {
    size_t width;
    bool has_text; /* not numbers alone */
};

struct table {
    struct ouro__page page;
    sqlite3_stmt *statement;
    struct column *columns; /* owned */
    int n;
    struct ouro__text held; /* cells of the first rows, each with a NUL behind */
    size_t n_held;          /* rows */
    bool is_list;           /* too many columns for a table */
};

/* What a person is shown of a value, in at most a line. */
static void
shown_add(const struct table *table, struct ouro__text *cell, int i)
{
    struct ouro__text value = {0};
    double number = sqlite3_column_double(table->statement, i);

    switch (sqlite3_column_type(table->statement, i)) {
    case SQLITE_NULL:
        ouro__text_print(&value, "NULL");
        break;
    case SQLITE_FLOAT:
        ouro__text_print(&value,
                         fabs(number) >= 1e15      ? "%.4g"
                         : number == trunc(number) ? "%.0f"
                         : fabs(number) >= 100     ? "%.1f"
                                                   : "%.4g",
                         number);
        break;
    default:
        value_add(&value, table->statement, i);
    }
    /* A path is known by its end, which is therefore kept until it is written. */
    (void)ouro__text_add_shown(cell, words_of(&value),
                               words_of(&value)[0] == '/' ? SIZE_MAX : table->page.look.columns);
    cell->failed |= value.failed;
    ouro__text_free(&value);
}

/* `words` in the column `i`, with spaces behind unless it is the last. */
static void
cell_add(const struct table *table, int i, const char *words)
{
    const struct column *column = &table->columns[i];
    struct ouro__text cell = {0};

    if (column->has_text && words[0] == '/') {
        (void)ouro__text_add_end(&cell, words, column->width);
    } else {
        (void)ouro__text_add_shown(&cell, words, column->has_text ? column->width : SIZE_MAX);
    }
    long spaces = (long)column->width - (long)ouro__text_columns(words_of(&cell));
    ouro__page_pad(&table->page, column->has_text ? 0 : spaces);
    ouro__text_print(table->page.text, "%s", words_of(&cell));
    if (i + 1 < table->n) {
        ouro__page_pad(&table->page, column->has_text ? spaces + GAP : GAP);
    }
    table->page.text->failed |= cell.failed;
    ouro__text_free(&cell);
}

/* One cell of the list that a row is. */
static void
item_add(const struct table *table, int i, const char *words)
{
    struct ouro__text name = {0};
    size_t width = 0;

    for (int at = 0; at < table->n; at++) {
        size_t columns = strlen(name_of(table->page.text, table->statement, at));
        width = columns > width ? columns : width;
    }
    width = width < table->page.look.columns / 2 ? width : table->page.look.columns / 2;
    size_t used = ouro__text_add_shown(&name, name_of(table->page.text, table->statement, i), width);
    ouro__page_colour(&table->page, OURO_COLOUR_BOLD);
    ouro__text_print(table->page.text, "%s", words_of(&name));
    ouro__page_colour(&table->page, OURO_COLOUR_OFF);
    ouro__page_pad(&table->page, (long)(width - used) + GAP);
    size_t room = table->page.look.columns - width - GAP;
    if (words[0] == '/') {
        (void)ouro__text_add_end(table->page.text, words, room);
    } else {
        (void)ouro__text_add_shown(table->page.text, words, room);
    }
    ouro__text_print(table->page.text, "\n");
    table->page.text->failed |= name.failed;
    ouro__text_free(&name);
}

/* Write a row from its cells, each with a NUL behind; where they end. */
static const char *
table_row_add(const struct table *table, const char *cells, bool is_first)
{
    if (table->is_list && !is_first) {
        ouro__text_print(table->page.text, "\n");
    }
    for (int i = 0; i < table->n; i++) {
        if (table->is_list) {
            item_add(table, i, cells);
        } else {
            cell_add(table, i, cells);
        }
        cells += strlen(cells) + 1;
    }
    if (!table->is_list) {
        ouro__text_trim(table->page.text);
        ouro__text_print(table->page.text, "\n");
    }
    return cells;
}

/* The cells of the statement's row. */
static void
cells_add(const struct table *table, struct ouro__text *cells)
{
    for (int i = 0; i < table->n; i++) {
        struct column *column = &table->columns[i];
        size_t begin = cells->length;
        shown_add(table, cells, i);
        ouro__text_add(cells, "", 1);
        if (cells->failed || table->n_held == HELD_MOST) {
            continue;
        }
        size_t width = ouro__text_columns(cells->data + begin);
        int type = sqlite3_column_type(table->statement, i);
        width = width < table->page.look.columns ? width : table->page.look.columns;
        column->width = width > column->width ? width : column->width;
        column->has_text |= type == SQLITE_TEXT || type == SQLITE_BLOB;
    }
}

/* Cut texts, always the widest, until a line holds all columns; otherwise rows will be lists. */
static void
table_fit(struct table *table)
{
    size_t width = 0;

    for (int i = 0; i < table->n; i++) {
        width += table->columns[i].width + (i == 0 ? 0 : GAP);
    }
    while (width > table->page.look.columns) {
        struct column *widest = NULL;
        for (int i = 0; i < table->n; i++) {
            struct column *column = &table->columns[i];
            if (column->has_text && column->width > TEXT_LEAST &&
                (widest == NULL || column->width > widest->width)) {
                widest = column;
            }
        }
        if (widest == NULL) {
            table->is_list = true;
            return;
        }
        widest->width--;
        width--;
    }
}

/* Enough is known: write the heads and what was held. */
static void
table_begin(struct table *table)
{
    const char *cells = words_of(&table->held);

    table_fit(table);
    if (!table->is_list) {
        ouro__page_colour(&table->page, OURO_COLOUR_BOLD);
        for (int i = 0; i < table->n; i++) {
            cell_add(table, i, name_of(table->page.text, table->statement, i));
        }
        ouro__text_trim(table->page.text);
        ouro__page_colour(&table->page, OURO_COLOUR_OFF);
        ouro__text_print(table->page.text, "\n");
    }
    for (size_t i = 0; i < table->n_held && !table->held.failed; i++) {
        cells = table_row_add(table, cells, i == 0);
    }
    table->page.text->failed |= table->held.failed;
    ouro__text_free(&table->held);
}

/* The rows behind those that were held. */
static int
table_go_on(struct table *table, struct ouro__results *results)
{
    struct ouro__text cells = {0};
    int code = row_end(results);

    while (code == SQLITE_OK && (code = sqlite3_step(table->statement)) == SQLITE_ROW) {
        cells.length = 0;
        cells_add(table, &cells);
        results->text.failed |= cells.failed;
        if (!cells.failed) {
            (void)table_row_add(table, cells.data, false);
        }
        code = row_end(results);
    }
    ouro__text_free(&cells);
    return code;
}

static int
table_add(struct ouro__results *results, sqlite3_stmt *statement)
{
    struct table table = {.page = {&results->text, results->look},
                          .statement = statement,
                          .n = sqlite3_column_count(statement)};
    int code = SQLITE_ROW;

    table.columns = calloc((size_t)table.n, sizeof *table.columns);
    if (table.columns == NULL) {
        return SQLITE_NOMEM;
    }
    for (int i = 0; i < table.n; i++) {
        struct ouro__text shown = {0};
        table.columns[i].width =
            ouro__text_add_shown(&shown, name_of(&results->text, statement, i), results->look.columns);
        results->text.failed |= shown.failed;
        ouro__text_free(&shown);
    }
    while (table.n_held < HELD_MOST && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        cells_add(&table, &table.held);
        table.n_held++;
    }
    if (code == SQLITE_DONE || code == SQLITE_ROW) {
        ouro__text_print(&results->text, "%s", results->n == 0 ? "" : "\n");
        table_begin(&table);
    }
    if (code == SQLITE_ROW) {
        code = table_go_on(&table, results);
    }
    ouro__text_free(&table.held);
    free(table.columns);
    return code;
}

int
ouro__results_add(struct ouro__results *results, sqlite3_stmt *statement)
{
    int code = results->shape == OURO_SHAPE_TABLE ? table_add(results, statement)
                                                  : plain_add(results, statement);
    results->n++;
    return results->text.failed ? SQLITE_NOMEM : code;
}

bool
ouro__results_end(struct ouro__results *results, bool is_well)
{
    if (is_well) {
        if (results->shape == OURO_SHAPE_JSON) {
            ouro__text_print(&results->text, "%s]}\n",
                             results->n == 0 ? "{\"schema\": \"ouro-sql/1\", \"results\": [" : "\n");
        }
        results_write(results);
    }
    ouro__text_free(&results->text);
    return ouro__output_end(&results->output);
}
