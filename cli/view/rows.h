/* rows.h - tables: for people as columns, for programs as JSON or CSV. */
#ifndef OURO_CLI_ROWS_H
#define OURO_CLI_ROWS_H

#include <jansson.h>

#include "view/labels.h"
#include "page.h"
#include "view/view_options.h"

/* "  12.3 MiB", and, for an estimate, " ± 1.2 MiB"; both in a column's width. */
void ouro__row_add_bytes(struct ouro__text *text, const struct ouro__figures *figures,
                         bool is_estimate);

/* A row's label and, for a line, its text in the source, from the column `used` on to the end of the line. */
void ouro__row_add_label(const struct ouro__page *page, const struct ouro__places *places,
                         enum ouro__by by, uint32_t key, uint64_t when, size_t used);

/* Below a traceback's row: the frames around its innermost one, each on a line from the column `used` on. */
void ouro__row_add_callers(const struct ouro__page *page, const struct ouro__places *places,
                           uint32_t key, size_t used);

/* A number of bytes or blocks, rounded; never more than fits. */
uint64_t ouro__rounded(double figure);

/* Put the names of a key into an object: "file", "line" and so on, a "traceback" with its innermost frame first. */
void ouro__row_add_names(json_t *object, const struct ouro__places *places, enum ouro__by by,
                         uint32_t key);

/* {"bytes": ..., "blocks": ..., "bytes_error": ...} into an object, each with `prefix` before it. */
void ouro__row_add_figures(json_t *object, const char *prefix, const struct ouro__figures *figures);

/* Print a document and release it; an exit code. */
int ouro__json_print(json_t *root);

/* What there is to know of a snapshot beside its rows. */
json_t *ouro__saved_json(const struct ouro__saved *saved);

/* A value of CSV (RFC 4180): in quotes where it has what would end it. */
void ouro__csv_add_value(struct ouro__text *text, const char *value);

/* The columns of a key's names, and the names themselves, with a comma behind each. */
void ouro__csv_add_heads(struct ouro__text *text, enum ouro__by by);
void ouro__csv_add_names(struct ouro__text *text, const struct ouro__places *places, enum ouro__by by,
                         uint32_t key);

/* Bytes, blocks and the error, rounded, as columns. */
void ouro__csv_add_figures(struct ouro__text *text, const struct ouro__figures *figures);

/* Print a text and free it; an exit code. */
int ouro__text_print_out(struct ouro__text *text);

#endif
