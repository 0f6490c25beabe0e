/* trace_table.h - the traces of a snapshot as a table that SQLite reads where they lie. */
#ifndef OURO_CLI_TRACE_TABLE_H
#define OURO_CLI_TRACE_TABLE_H

#include "export/database.h"

#define OURO_TRACE_TABLE "ouro_traces"

/* Have the traces that the view kept, with the columns of the database's table `traces`, as a table of the name above; other
 * virtual tables may be made of it.  What they are of has to be there as long as they are read.  False without memory. */
bool ouro__trace_table_add(sqlite3 *database, const struct ouro__tables *from);

/* What the traces of a frame come to, column by column: bytes live, at the peak and ever, and the variances of the first two. */
#define OURO_N_FRAME_SUMS 5
struct ouro__frame_sums {
    bool has_traces;
    double by[OURO_N_FRAME_SUMS];
};

/* By frame, to be freed; NULL without memory. */
struct ouro__frame_sums *ouro__frame_sums_make(const struct ouro__tables *from);

#endif
