/* snapshot.c - what was traced, written down chunk by chunk from where it lies: no memory is taken for it.
 *
 * Tracing stands still meanwhile, and with it whoever allocates.  That is for the end of a process, when nobody does, and
 * for a copy of the process (live.c), in which there is nobody else: there, no lock may be taken. */
#define _GNU_SOURCE
#include "host/cpython.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/os.h"
#include "snapshot/heap_map.h"
#include "snapshot/told.h"
#include "snapshot/writer.h"

#define N_TRACES_A_CHUNK 256

static void
write_vector(struct ouro__snapshot_writer *writer, const char *kind, const struct ouro__vector *vector)
{
    ouro__snapshot_write(writer, kind, vector->items, vector->n * vector->item_size);
}

static void
write_tracing(struct ouro__snapshot_writer *writer, const struct ouro__snapshot_of *of)
{
    struct ouro_snapshot_tracing tracing = ouro__told_tracing(of->began, of->at);
    strncpy(tracing.reason, of->reason, sizeof tracing.reason - 1);
    strncpy(tracing.name, of->name, sizeof tracing.name - 1);
    ouro__snapshot_write(writer, OURO_SNAPSHOT_TRACING, &tracing, sizeof tracing);
}

/* The array is not on the stack, which may be a signal handler's that calls _exit(): the lock of tracing guards it. */
static void
write_traces(struct ouro__snapshot_writer *writer)
{
    static struct ouro_snapshot_trace told[N_TRACES_A_CHUNK];
    const struct ouro__trace *traces = ouro__trace_items.items;
    size_t n = 0;

    for (size_t i = 0; i < ouro__trace_items.n; i++) {
        told[n++] = ouro__told_trace(&traces[i]);
        if (n == N_TRACES_A_CHUNK || i + 1 == ouro__trace_items.n) {
            ouro__snapshot_write(writer, OURO_SNAPSHOT_TRACES, told, n * sizeof *told);
            n = 0;
        }
    }
}

/* There may be room for a trace that was none. */
static void
write_lives(struct ouro__snapshot_writer *writer)
{
    size_t n = ouro__life_items.n < ouro__trace_items.n ? ouro__life_items.n : ouro__trace_items.n;
    ouro__snapshot_write(writer, OURO_SNAPSHOT_LIVES, ouro__life_items.items,
                         n * sizeof(struct ouro_snapshot_life));
}

/* Past RLIMIT_FSIZE the kernel sends SIGXFSZ, which ends the program. */
static bool
is_size_allowed(void)
{
    struct rlimit limit;
    uint64_t size = ouro__tree.texts.n + ouro__tree.lines.n +
                    ouro__tree.codes.n * sizeof(struct ouro_snapshot_code) +
                    ouro__tree.nodes.n * sizeof(struct ouro_snapshot_node) +
                    ouro__trace_items.n * (sizeof(struct ouro_snapshot_trace) + 1) +
                    ouro__life_items.n * sizeof(struct ouro_snapshot_life) +
                    ouro__snapshot_heap_map_most() + 65536;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur >= size;
}

static bool
write_all(int file, const struct ouro__snapshot_of *of)
{
    struct ouro__snapshot_writer writer;
    ouro__snapshot_begin(&writer, file);
    if (of->record != NULL) {
        ouro__snapshot_write(&writer, OURO_SNAPSHOT_PROCESS, of->record, sizeof *of->record);
    }
    write_tracing(&writer, of);
    write_vector(&writer, OURO_SNAPSHOT_TEXTS, &ouro__tree.texts);
    write_vector(&writer, OURO_SNAPSHOT_LINES, &ouro__tree.lines);
    write_vector(&writer, OURO_SNAPSHOT_CODES, &ouro__tree.codes);
    write_vector(&writer, OURO_SNAPSHOT_NODES, &ouro__tree.nodes);
    write_traces(&writer);
    if (ouro__life_is_asked) {
        write_lives(&writer);
    }
    ouro__threads_write(&writer);
    ouro__marks_write(&writer);
    if (!of->is_for_lines) {
        ouro__snapshot_write_heap_map(&writer);
        ouro__cpython_types_write(&writer);
    }
    return ouro__snapshot_end(&writer);
}

int
ouro__snapshot_open(const char *part)
{
    int file = ouro__trace_mode_now() != OURO__TRACE_OFF && is_size_allowed()
                   ? open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)
                   : -1;
    if (file >= 0) {
        (void)flock(file, LOCK_EX | LOCK_NB);
    }
    return file;
}

bool
ouro__snapshot_save_held(int file, const char *part, const char *path,
                         const struct ouro__snapshot_of *of)
{
    if (file < 0) {
        return false;
    }
    bool whole = write_all(file, of);
    whole = whole && rename(part, path) == 0;
    if (!whole) {
        (void)unlink(part);
    }
    (void)flock(file, LOCK_UN); /* also where a child that was forked meanwhile has the file open */
    (void)close(file);
    return whole;
}

bool
ouro__snapshot_save(const char *part, const char *path, const struct ouro__snapshot_of *of)
{
    if (!ouro__trace_lock()) {
        return false;
    }
    bool whole = ouro__snapshot_save_held(ouro__snapshot_open(part), part, path, of);
    ouro__trace_unlock();
    return whole;
}

int
ouro__snapshot_write_traces(int file, const char *reason)
{
    uint64_t now = ouro__os_now();
    const struct ouro__snapshot_of of = {.began = now, .at = now, .reason = reason, .name = ""};
    int error = 0;

    if (!ouro__trace_lock()) {
        return EAGAIN;
    }
    if (ouro__trace_mode_now() == OURO__TRACE_OFF) {
        error = ENODATA;
    } else if (!is_size_allowed()) {
        error = EFBIG;
    } else if (!write_all(file, &of)) {
        error = EIO;
    }
    ouro__trace_unlock();
    return error;
}
