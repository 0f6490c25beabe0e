/* resolve.h - names for native code in a snapshot. */
#ifndef OURO_CLI_RESOLVE_H
#define OURO_CLI_RESOLVE_H

#include "snapshot/read.h"

/* Put functions, files and lines in the place of modules and addresses, as far as this machine has the files; what
 * starts programs and threads, outside of their own functions, goes.  False without memory: the snapshot is as it was. */
bool ouro__snapshot_resolve(struct ouro__snapshot *snapshot);

#endif
