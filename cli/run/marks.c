/* marks.c - the marks of a process: an array of struct ouro_snapshot_mark, to which the host appends one by one.
 *
 * The program can write to the file as well: no more is read than a host writes, and names are looked at by who reads
 * the snapshot. */
#define _GNU_SOURCE
#include "run/marks.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/record.h"

static int
mark_compare(const void *left, const void *right)
{
    const struct ouro_snapshot_mark *a = left, *b = right;
    return a->at_ns < b->at_ns ? -1 : a->at_ns > b->at_ns;
}

bool
ouro__marks_read(const char *path, struct ouro_snapshot_mark **marks, size_t *n)
{
    struct stat info;
    bool is_well = true;
    int file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    *marks = NULL;
    *n = 0;
    if (file >= 0 && fstat(file, &info) == 0 && S_ISREG(info.st_mode)) {
        size_t count = (size_t)info.st_size / sizeof **marks;
        count = count < OURO_MARKS_MOST ? count : OURO_MARKS_MOST;
        *marks = calloc(count + 1, sizeof **marks);
        is_well = *marks != NULL;
        ssize_t got = is_well ? pread(file, *marks, count * sizeof **marks, 0) : 0;
        *n = got > 0 ? (size_t)got / sizeof **marks : 0;
    }
    if (file >= 0) {
        (void)close(file);
    }
    if (*n > 1) { /* threads may have come by each other */
        qsort(*marks, *n, sizeof **marks, mark_compare);
    }
    return is_well;
}
