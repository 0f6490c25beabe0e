/* save.c - a snapshot in memory, written to a file: to a temporary one beside it first, which is renamed. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/taken.h"
#include "snapshot/writer.h"

ouro_status
ouro__status_of_error(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return OURO_NO_FILE;
    case EISDIR:
        return OURO_DIRECTORY;
    case EACCES:
    case EPERM:
    case EROFS:
        return OURO_DENIED;
    case ENOMEM:
        return OURO_NO_MEMORY;
    default:
        return OURO_SYSTEM;
    }
}

/* The reader's own last code is none of the file's. */
static bool
write_all(int file, const struct ouro__snapshot *all)
{
    struct ouro__snapshot_writer writer;

    ouro__snapshot_begin(&writer, file);
    if (all->n_process != 0) {
        ouro__snapshot_write(&writer, OURO_SNAPSHOT_PROCESS, all->process, all->n_process);
    }
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TRACING, &all->tracing, sizeof all->tracing);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TEXTS, all->texts, all->n_texts);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_LINES, all->lines, all->n_lines);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_CODES, all->codes,
                         (all->n_codes - 1) * sizeof *all->codes);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_NODES, all->nodes, all->n_nodes * sizeof *all->nodes);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TRACES, all->traces,
                         all->n_traces * sizeof *all->traces);
    if (all->n_samples != 0) {
        ouro__snapshot_write(&writer, OURO_SNAPSHOT_SAMPLES, all->samples,
                             all->n_samples * sizeof *all->samples);
    }
    if (all->n_marks != 0) {
        ouro__snapshot_write(&writer, OURO_SNAPSHOT_MARKS, all->marks,
                             all->n_marks * sizeof *all->marks);
    }
    bool is_whole = ouro__snapshot_end(&writer);
    errno = writer.error;
    return is_whole;
}

/* As open() would make it. */
static void
set_mode(int file)
{
    mode_t mask = umask(0);
    (void)umask(mask);
    (void)fchmod(file, 0666 & ~mask);
}

ouro_status
ouro_snapshot_save(const ouro_snapshot *snapshot, const char *path)
{
    size_t n = strlen(path);
    char *beside = malloc(n + sizeof ".XXXXXX");

    if (beside == NULL) {
        return OURO_NO_MEMORY;
    }
    memcpy(beside, path, n);
    memcpy(beside + n, ".XXXXXX", sizeof ".XXXXXX");
    int file = mkstemp(beside);
    if (file < 0) {
        ouro_status status = ouro__status_of_error(errno);
        free(beside);
        return status;
    }
    set_mode(file);
    bool is_whole = write_all(file, &snapshot->all);
    int error = errno;
    if (close(file) != 0 && is_whole) {
        is_whole = false;
        error = errno;
    }
    if (is_whole && rename(beside, path) != 0) {
        is_whole = false;
        error = errno;
    }
    if (!is_whole) {
        (void)unlink(beside);
        errno = error;
    }
    free(beside);
    return is_whole ? OURO_OK : ouro__status_of_error(error);
}
