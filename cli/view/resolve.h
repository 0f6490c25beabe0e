/* resolve.h - names for native code in a snapshot. */
#ifndef OURO_CLI_RESOLVE_H
#define OURO_CLI_RESOLVE_H

#include "snapshot/read.h"

/* Whether there is code in it whose names are still to be found. */
bool ouro__snapshot_is_native(const struct ouro__snapshot *snapshot);

/* Put functions, files and lines in the place of modules and addresses, as far as this machine has the files; what
 * starts programs and threads, outside of their own functions, goes, and so do the libraries of C, C++ and Rust at the inner end.  False without memory: the snapshot is as it was. */
bool ouro__snapshot_resolve(struct ouro__snapshot *snapshot);

#endif
