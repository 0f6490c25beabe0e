/* tasks.h - which of asyncio's tasks asked for blocks. */
#ifndef OURO_SNAPSHOT_TASKS_H
#define OURO_SNAPSHOT_TASKS_H

#include "snapshot/places.h"

/* The text that all paths have where no event loop ran, which may be new; 0 where one did, OURO_NO_ID without memory. */
uint32_t ouro__tasks_without_loop(struct ouro__places *places);

/* For each of the first `n_paths` paths the text of what its event loop runs, which may be new.  Owned, NULL without memory. */
uint32_t *ouro__tasks_of(struct ouro__places *places, size_t n_paths);

#endif
