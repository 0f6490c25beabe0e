/* marks.c - what the program marks while it runs, for who shows its memory over time.
 *
 * Each mark is appended to a file in the session by one write, which the kernel does not mix with others: whatever the
 * process does next, the mark is there. */
#define _GNU_SOURCE
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/format.h"

static int
append(int file, const struct ouro_snapshot_mark *mark)
{
    struct stat info;
    struct rlimit limit;

    if (fstat(file, &info) != 0 || getrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return errno;
    }
    uint64_t size = (uint64_t)info.st_size + sizeof *mark;
    if (size > OURO_MARKS_MOST * sizeof *mark || size > limit.rlim_cur) {
        return ENOSPC; /* past the limit the kernel sends SIGXFSZ, which ends the program */
    }
    ssize_t n = write(file, mark, sizeof *mark);
    return n == (ssize_t)sizeof *mark ? 0 : n < 0 ? errno : ENOSPC;
}

int
ouro__mark_add(const char *name)
{
    char path[1200]; /* not PATH_MAX: this may run on a small stack */
    struct ouro_snapshot_mark mark = {0};
    size_t length = strlen(name);

    if (length >= sizeof mark.name) {
        return ENAMETOOLONG;
    }
    memcpy(mark.name, name, length);
    if (!ouro__watch_file(path, sizeof path, OURO_MARKS_EXTENSION, &mark.at_ns)) {
        return ENOTSUP;
    }
    int saved = errno;
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = file < 0 ? errno : append(file, &mark);
    if (file >= 0) {
        close(file);
    }
    errno = saved;
    return error;
}
