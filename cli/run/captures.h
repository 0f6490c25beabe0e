/* captures.h - the snapshots that the processes of a run left in its session, and where the person wants them. */
#ifndef OURO_CLI_CAPTURES_H
#define OURO_CLI_CAPTURES_H

#include <stdbool.h>

#include "run/recording.h"
#include "run/run.h"

/* Whether the file of -o can be written, asked before the program runs.  Says what is wrong on standard error. */
bool ouro__captures_check(const struct ouro__options *options);

/* Keep what was asked for: the snapshot of the program itself under the name of -o, those of further processes that
 * held a megabyte with their pids in it (app.ouro: app.1234.ouro); with what was recorded of them, `recording` may be NULL.
 * Says on standard error what could not be kept, and sets `captured`.  What the program's own tells is read into `traced`,
 * for the report. */
void ouro__captures_keep(struct ouro__run *run, const struct ouro__recording *recording,
                         const char *folder);

void ouro__captures_free(struct ouro__run *run);

#endif
