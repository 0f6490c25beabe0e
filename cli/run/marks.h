/* marks.h - what a program marked while it ran, as it lies in the session. */
#ifndef OURO_CLI_MARKS_H
#define OURO_CLI_MARKS_H

#include <stdbool.h>
#include <stddef.h>

#include "snapshot/format.h"

/* Read a file of marks, in the order of time; `*marks` is owned.  One that isn't there, or is something else, has none.
 * False without memory. */
bool ouro__marks_read(const char *path, struct ouro_snapshot_mark **marks, size_t *n);

#endif
