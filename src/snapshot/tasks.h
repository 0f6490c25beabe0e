/* tasks.h - which of asyncio's tasks asked for blocks. */
#ifndef OURO_SNAPSHOT_TASKS_H
#define OURO_SNAPSHOT_TASKS_H

#include "snapshot/places.h"

/* For each of the first `n_paths` paths the text of what its event loop runs, which may be new.  Owned, NULL without memory. */
uint32_t *ouro__tasks_of(struct ouro__places *places, size_t n_paths);

#endif
