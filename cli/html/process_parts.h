/* process_parts.h - the parts of a page that tell of the process, not of its traces: the heap's map, memory over time. */
#ifndef OURO_CLI_PROCESS_PARTS_H
#define OURO_CLI_PROCESS_PARTS_H

#include "snapshot/read.h"
#include "text.h"

/* Add what a snapshot has of it as JSON: null where it has nothing. */
void ouro__html_add_heap(struct ouro__text *text, const struct ouro__snapshot *snapshot);
void ouro__html_add_times(struct ouro__text *text, const struct ouro__snapshot *snapshot);

#endif
