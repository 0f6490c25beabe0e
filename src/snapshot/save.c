/* save.c - a snapshot in memory, written to a file: to a temporary one beside it first, which is renamed. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void
write_items(struct ouro__snapshot_writer *writer, const char *kind, const void *items, size_t n,
            size_t size)
{
    if (n != 0) {
        ouro__snapshot_write(writer, kind, items, n * size);
    }
}

/* The reader's own last code is none of the file's. */
static bool
write_all(int file, const struct ouro__snapshot *all)
{
    struct ouro__snapshot_writer writer;

    ouro__snapshot_begin(&writer, file);
    write_items(&writer, OURO_SNAPSHOT_PROCESS, all->process, all->n_process, 1);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TRACING, &all->tracing, sizeof all->tracing);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TEXTS, all->texts, all->n_texts);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_LINES, all->lines, all->n_lines);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_CODES, all->codes,
                         (all->n_codes - 1) * sizeof *all->codes);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_NODES, all->nodes, all->n_nodes * sizeof *all->nodes);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TRACES, all->traces,
                         all->n_traces * sizeof *all->traces);
    write_items(&writer, OURO_SNAPSHOT_THREADS, all->threads, all->n_threads, sizeof *all->threads);
    write_items(&writer, OURO_SNAPSHOT_SINCES, all->sinces, all->n_sinces, sizeof *all->sinces);
    write_items(&writer, OURO_SNAPSHOT_TYPES, all->types, all->n_types, sizeof *all->types);
    write_items(&writer, OURO_SNAPSHOT_TYPED, all->typed, all->n_typed, sizeof *all->typed);
    write_items(&writer, OURO_SNAPSHOT_LIVES, all->lives, all->n_lives, sizeof *all->lives);
    write_items(&writer, OURO_SNAPSHOT_RUNS, all->runs, all->n_runs, sizeof *all->runs);
    write_items(&writer, OURO_SNAPSHOT_SAMPLES, all->samples, all->n_samples, sizeof *all->samples);
    write_items(&writer, OURO_SNAPSHOT_MARKS, all->marks, all->n_marks, sizeof *all->marks);
    bool is_whole = ouro__snapshot_end(&writer);
    errno = writer.error;
    return is_whole;
}

#define NAMES_MOST 1000

/* A new file beside `path`, whose name `beside` gets: made by open(), since the mode that a person's umask leaves can't be
 * asked for without changing it for all threads.  -1 and errno when there is none. */
static int
open_beside(const char *path, char *beside, size_t size)
{
    static unsigned n_names;
    int file = -1;

    for (int i = 0; file < 0 && i < NAMES_MOST; i++) {
        unsigned number = __atomic_fetch_add(&n_names, 1, __ATOMIC_RELAXED);
        (void)snprintf(beside, size, "%s.%ld-%u.part", path, (long)getpid(), number);
        file = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (file < 0 && errno != EEXIST) {
            break;
        }
    }
    return file;
}

ouro_status
ouro_snapshot_save(const ouro_snapshot *snapshot, const char *path)
{
    size_t size = strlen(path) + sizeof ".9223372036854775807-4294967295.part";
    char *beside = malloc(size);

    if (beside == NULL) {
        return OURO_NO_MEMORY;
    }
    int file = open_beside(path, beside, size);
    if (file < 0) {
        ouro_status status = ouro__status_of_error(errno);
        free(beside);
        return status;
    }
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
