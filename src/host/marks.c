/* marks.c - what the program marks while it runs, for who shows its memory over time.
 *
 * Each mark is appended to a file in the session by one write, which the kernel does not mix with others: whatever the
 * process does next, the mark is there.
 *
 * The first marks of different names begin a stretch of the program each: its number stands above the domain of what is
 * allocated from then on, so that blocks from before and after have traces of their own.  There are few of them, since
 * each may double the traces. */
#define _GNU_SOURCE
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/format.h"
#include "snapshot/writer.h"
#include "trace/traced.h"

static struct ouro_snapshot_since
    sinces[OURO_SINCE_MOST + 1];     /* under the lock of tracing, as the count */
static unsigned n_sinces;            /* beside number 0 */
static unsigned since;               /* atomic: the last one's number, shifted */
static unsigned (*tell_below)(void); /* what else stands above the domain; NULL for nothing */

static unsigned
tell_since(void)
{
    return (tell_below != NULL ? tell_below() : 0) | __atomic_load_n(&since, __ATOMIC_RELAXED);
}

static bool
is_known(const char *name)
{
    for (unsigned i = 1; i <= n_sinces; i++) {
        if (strcmp(sinces[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A signal handler that interrupted tracing begins none. */
static void
begin_stretch(const char *name)
{
    if (!ouro__trace_lock()) {
        return;
    }
    if (n_sinces < OURO_SINCE_MOST && name[0] != '\0' && !is_known(name)) {
        n_sinces++;
        memcpy(sinces[n_sinces].name, name, strlen(name) + 1);
        __atomic_store_n(&since, n_sinces << OURO_SINCE_SHIFT, __ATOMIC_RELAXED);
        if (n_sinces == 1) {
            tell_below = ouro__traced_above;
            __atomic_store_n(&ouro__traced_above, tell_since, __ATOMIC_RELEASE);
        }
    }
    ouro__trace_unlock();
}

void
ouro__marks_write(struct ouro__snapshot_writer *writer)
{
    if (n_sinces > 0) {
        ouro__snapshot_write(writer, OURO_SNAPSHOT_SINCES, sinces, (n_sinces + 1) * sizeof *sinces);
    }
}

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
    begin_stretch(name);
    int saved = errno;
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = file < 0 ? errno : append(file, &mark);
    if (file >= 0) {
        close(file);
    }
    errno = saved;
    return error;
}
