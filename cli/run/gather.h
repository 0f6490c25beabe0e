/* gather.h - the records of a run, read and put in order. */
#ifndef OURO_CLI_GATHER_H
#define OURO_CLI_GATHER_H

#include <stdbool.h>

#include "run/run.h"

/* Read all records of the session into `run`, and see which of their processes still run.  Says what is
 * wrong on standard error; what could be read is there all the same. */
void ouro__run_gather(struct ouro__run *run, const char *folder);

void ouro__run_free(struct ouro__run *run);

#endif
