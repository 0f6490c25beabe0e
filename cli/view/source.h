/* source.h - the text of a Python file, by line, and where its functions end. */
#ifndef OURO_CLI_SOURCE_H
#define OURO_CLI_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ouro__source {
    char *data;          /* all lines, each NUL-ended; owned */
    uint32_t *starts;    /* where each begins; owned */
    uint32_t *ends;      /* the last line of what begins on each: a function's with its body; owned */
    uint32_t n_lines;    /* 0 where nothing could be read */
    bool is_changed;     /* it was written after the moment that is looked at */
    const char *trouble; /* why it can't be read, completes "FILE ..."; NULL when it was */
};

/* Open a file, when it is a plain one of some size; NULL when not, with the reason.  `is_changed` is whether it was
 * written after `when`, ns since 1970, unless that is 0. */
FILE *ouro__source_open(const char *path, uint64_t when, bool *is_changed, const char **trouble);

/* Read a whole file; one that can't be read is empty.  False without memory. */
bool ouro__source_read(struct ouro__source *source, const char *path, uint64_t when);
void ouro__source_free(struct ouro__source *source);

/* A line, from 1 on, without what ends it; "" where there is none. */
const char *ouro__source_line(const struct ouro__source *source, uint32_t number);

/* The last line of the function, class or statement that begins on line `number`, its decorators included. */
uint32_t ouro__source_end(const struct ouro__source *source, uint32_t number);

/* Whether the function that begins on line `number` has a decorator that marks it for `ouro lines`: @line_profile or
 * @profile, of whatever module. */
bool ouro__source_is_marked(const struct ouro__source *source, uint32_t number);

#endif
