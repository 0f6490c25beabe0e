/* taken.h - a snapshot in memory, as <ouro/snapshot.h> hands it out. */
#ifndef OURO_SNAPSHOT_TAKEN_H
#define OURO_SNAPSHOT_TAKEN_H

#include <ouro/snapshot.h>

#include "snapshot/read.h"

struct ouro_snapshot {
    struct ouro__snapshot all;
    char command[512]; /* for people; empty when not known */
    char python[32];
    int pid;
    uint64_t began_ns;
};

/* What is traced now, as a file would have it, but for its process.  `began` is by ouro__os_now(). */
ouro_status ouro__snapshot_copy(struct ouro__snapshot *snapshot, uint64_t began, const char *name);

/* The status that an errno value is. */
ouro_status ouro__status_of_error(int error);

#endif
