/* processes.h - the part of the report on all processes but the first: one line each. */
#ifndef OURO_CLI_PROCESSES_H
#define OURO_CLI_PROCESSES_H

#include "run/facts.h"
#include "page.h"

/* Add the command of a process for reading, at most `columns` wide; returns the columns used. */
size_t ouro__command_add(struct ouro__text *text, const struct ouro_record *record, size_t columns);

void ouro__processes_add(const struct ouro__page *page, const struct ouro__run *run);

#endif
