/* read.h - the reader's side of records: a folder of small files, of which any may be half-written,
 * truncated, foreign or hostile. */
#ifndef OURO_MONITOR_READ_H
#define OURO_MONITOR_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "monitor/record.h"

/* One record as it was found. */
struct ouro__record_found {
    struct ouro_record record; /* every string ends, every enum is one, command_bytes fits */
    unsigned number;           /* the n of <pid>.<n>.rec: the order of the programs of one process */
    bool torn;                 /* the writer stopped in the middle of an update */
};

/* Called for each record; return false to end the reading. */
typedef bool (*ouro__record_visitor)(const struct ouro__record_found *found, void *context);

/* Visit the records in `folder`, in no order.  `n_unreadable` counts the files that are named as records
 * and are none.  False when the folder cannot be read; errno says why. */
bool ouro__records_read(const char *folder, ouro__record_visitor visitor, void *context,
                        size_t *n_unreadable);

/* Whether a file's name is a record's, "<pid>.<n>.rec"; the n. */
bool ouro__record_name_parse(const char *name, unsigned *number);

/* Open a record, to be read again and again; -1 when there is no plain file of that name. */
int ouro__record_open(int folder, const char *name);

/* Read it as it is now; all but `number` is filled in.  False when it is no record, or none yet. */
bool ouro__record_read(int fd, struct ouro__record_found *found);

/* A record from elsewhere than a folder: `n` bytes.  False when they are none; otherwise its strings end and its enums
 * are some. */
bool ouro__record_take(struct ouro_record *record, const void *bytes, size_t n);

#endif
