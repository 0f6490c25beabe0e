/* results.h - the rows that SQL statements give: a table for people, JSON or CSV for programs.
 *
 * Rows are written as they come, so that there may be any number of them. */
#ifndef OURO_CLI_RESULTS_H
#define OURO_CLI_RESULTS_H

#include <sqlite3.h>

#include "output.h"
#include "page.h"

enum ouro__shape { OURO_SHAPE_TABLE, OURO_SHAPE_JSON, OURO_SHAPE_CSV };

struct ouro__results {
    enum ouro__shape shape;
    struct ouro__look look;
    struct ouro__output output;
    struct ouro__text text; /* not yet written */
    size_t n;               /* statements that gave rows */
};

/* False when standard output can't be written to, which is said. */
bool ouro__results_begin(struct ouro__results *results, enum ouro__shape shape);

/* Run a statement that has columns, to its end.  SQLITE_DONE, SQLITE_NOMEM, SQLite's error, or SQLITE_IOERR when the
 * output failed. */
int ouro__results_add(struct ouro__results *results, sqlite3_stmt *statement);

/* The end; without `is_well` what was not yet written is dropped.  False when writing failed, which is said. */
bool ouro__results_end(struct ouro__results *results, bool is_well);

#endif
