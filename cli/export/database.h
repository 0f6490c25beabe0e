/* database.h - a snapshot as tables of SQLite. */
#ifndef OURO_CLI_DATABASE_H
#define OURO_CLI_DATABASE_H

#include <sqlite3.h>

#include "snapshot/view.h"
#include "view/saved.h"

#define OURO_N_SCHEMAS 2

/* The tables, and the views: SQL that makes them, with what each of them means. */
extern const char *const ouro__database_schemas[OURO_N_SCHEMAS];

/* A database in memory with the traces that a view's filters left; owned, to be closed.  Texts are UTF-8, whatever the
 * program's names were.  NULL without memory. */
sqlite3 *ouro__database_make(struct ouro__places *places, const struct ouro__saved *saved,
                             const struct ouro__view *view);

#endif
