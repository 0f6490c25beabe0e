/* database.h - a snapshot as tables of SQLite. */
#ifndef OURO_CLI_DATABASE_H
#define OURO_CLI_DATABASE_H

#include <limits.h>
#include <sqlite3.h>

#include "snapshot/view.h"
#include "view/saved.h"

#define OURO_N_SCHEMAS 2

/* The tables, and the views: SQL that makes them, with what each of them means. */
extern const char *const ouro__database_schemas[OURO_N_SCHEMAS];

/* A database in memory with empty tables; owned, to be closed.  NULL without memory. */
sqlite3 *ouro__database_make(void);

/* The bit of a table of that name; 0 for none. */
unsigned ouro__database_table(const char *name);

#define OURO_ALL_TABLES UINT_MAX

/* What the tables are of. */
struct ouro__tables {
    struct ouro__places *places;
    const struct ouro__saved *saved;
    const struct ouro__view *view; /* whose filters leave traces out */
};

/* Fill some of the tables: large ones take long, so none that nobody reads.  Texts are UTF-8, whatever the program's names
 * were.  False without memory. */
bool ouro__database_fill(sqlite3 *database, const struct ouro__tables *from, unsigned which);

/* Put the traces where they lie in the place of their table: as many as a snapshot may have are read sooner than written. */
bool ouro__database_lend_traces(sqlite3 *database, const struct ouro__tables *from);

/* Where only questions are asked the views by line, file and function can be of sums that were made beforehand, by frame: have
 * them so, and the sums in a table of that name, which is empty at first.  False without memory. */
#define OURO_FRAME_SUMS "ouro_frame_sums"
bool ouro__database_sum_ahead(sqlite3 *database);
bool ouro__database_fill_sums(sqlite3 *database, const struct ouro__tables *from);

#endif
