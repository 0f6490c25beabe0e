/* live.h - snapshots that were taken while programs ran. */
#ifndef OURO_CLI_LIVE_H
#define OURO_CLI_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/format.h"

/* One of them, as it lies in the session. */
struct ouro__live_file {
    char *path; /* owned */
    int32_t pid;
    unsigned number; /* of the record */
    unsigned which;  /* the process's first, second, ... */
    struct ouro_snapshot_tracing tracing;
};

/* Wait for snapshots that processes of the session are writing. */
void ouro__live_wait(const char *folder);

/* All of a session that are whole, in the order of processes and time.  Owned, NULL when there are none, or without memory, which is said. */
struct ouro__live_file *ouro__live_files(const char *folder, size_t *n);
void ouro__live_files_free(struct ouro__live_file *files, size_t n);

/* Whether a process writes the file right now. */
bool ouro__live_is_written(const char *path);

/* The file's name for the person: app.ouro, or what the process's own is called: app.001-NAME.ouro, with what asked for it
 * if it has no name.  Owned, NULL without memory. */
char *ouro__live_name(const char *path, const struct ouro__live_file *file);

#endif
