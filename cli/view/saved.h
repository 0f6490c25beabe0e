/* saved.h - a snapshot's file, opened to be shown. */
#ifndef OURO_CLI_SAVED_H
#define OURO_CLI_SAVED_H

#include "monitor/record.h"
#include "snapshot/read.h"
#include "text.h"

struct ouro__saved {
    const char *path; /* borrowed */
    struct ouro__snapshot snapshot;
    const char *since;         /* what is left was allocated since this mark; borrowed, NULL: all */
    struct ouro_record record; /* of the process; zero where there is none */
    bool has_record;
};

/* Read the file; what is wrong with it is said, also where something could be read.  False when nothing could. */
bool ouro__saved_open(struct ouro__saved *saved, const char *path);

void ouro__saved_free(struct ouro__saved *saved);

/* When the snapshot was taken: ns since 1970, 0 when not known. */
uint64_t ouro__saved_when(const struct ouro__saved *saved);

/* "python3 app.py", or the file's name when it doesn't say. */
void ouro__saved_add_command(struct ouro__text *text, const struct ouro__saved *saved);

#endif
