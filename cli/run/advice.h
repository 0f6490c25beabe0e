/* advice.h - one line of advice, where the figures call for it. */
#ifndef OURO_CLI_ADVICE_H
#define OURO_CLI_ADVICE_H

#include "run/run.h"
#include "text.h"

/* Add to `text` what is most worth knowing about the run.  Returns a code for the JSON, or NULL when
 * there is nothing to say: most programs are fine. */
const char *ouro__advice_add(struct ouro__text *text, const struct ouro__run *run);

#endif
