/* report.h - the report for people. */
#ifndef OURO_CLI_REPORT_H
#define OURO_CLI_REPORT_H

#include "run/run.h"
#include "text.h"

struct ouro__look {
    size_t columns; /* 60 at least */
    bool colour;
};

/* How wide and how colourful the report may be on this descriptor, -1 for a file. */
struct ouro__look ouro__look_at(int fd);

void ouro__report_add(struct ouro__text *text, const struct ouro__run *run, struct ouro__look look);

#endif
