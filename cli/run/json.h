/* json.h - the run in full, as JSON: the schema is docs/schema/run-1.json. */
#ifndef OURO_CLI_JSON_H
#define OURO_CLI_JSON_H

#include "run/run.h"

#define OURO_JSON_SCHEMA "ouro-run/1"

/* The document, a newline at its end; owned, to be freed.  NULL when memory runs out. */
char *ouro__run_to_json(const struct ouro__run *run);

#endif
