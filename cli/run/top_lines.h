/* top_lines.h - which lines of the program held the memory, for the report of a run. */
#ifndef OURO_CLI_TOP_LINES_H
#define OURO_CLI_TOP_LINES_H

#include <jansson.h>

#include "page.h"
#include "view/saved.h"

/* Add the lines that held most at the peak, and those that held most at the end; nothing when nothing was traced. */
void ouro__top_lines_add(const struct ouro__page *page, const struct ouro__saved *saved);

/* The same lines, each with its figures; NULL without memory. */
json_t *ouro__top_lines_json(const struct ouro__saved *saved);

#endif
