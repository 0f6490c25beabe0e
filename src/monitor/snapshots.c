/* snapshots.c - <ouro/snapshot.h>: snapshots with the record of their process, taken and read. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "monitor/read.h"
#include "monitor/writer.h"
#include "os/os.h"
#include "snapshot/taken.h"
#include "trace/trace.h"

/* The arguments, one behind the other with spaces between them. */
static void
tell_command(char *to, size_t room, const struct ouro_record *record)
{
    size_t n = record->command_bytes < room ? record->command_bytes : room - 1;

    memcpy(to, record->command, n);
    to[n] = '\0';
    for (size_t i = 0; i + 1 < n; i++) {
        to[i] = to[i] == '\0' ? ' ' : to[i];
    }
}

static void
tell_process(ouro_snapshot *snapshot, const struct ouro_record *record)
{
    tell_command(snapshot->command, sizeof snapshot->command, record);
    (void)snprintf(snapshot->python, sizeof snapshot->python, "%s", record->python_version);
    snapshot->pid = record->pid;
    snapshot->began_ns = record->began_ns;
}

/* ---- taking ---- */

ouro_status
ouro_snapshot_take(const char *name, ouro_snapshot **taken)
{
    ouro_snapshot *snapshot = calloc(1, sizeof *snapshot);
    struct ouro_record *record = malloc(sizeof *record);
    ouro_status status = OURO_NO_MEMORY;

    if (snapshot != NULL && record != NULL) {
        uint64_t began = ouro__trace_began(), now = ouro__os_now();
        status = ouro__snapshot_copy(&snapshot->all, began, name);
        ouro__record_identify(record);
        record->began_ns -= now - began;
        record->lasted_ns = now - began;
        tell_process(snapshot, record);
    }
    if (status != OURO_OK) {
        free(snapshot);
        free(record);
        return status;
    }
    snapshot->all.process = (unsigned char *)record;
    snapshot->all.n_process = sizeof *record;
    *taken = snapshot;
    return OURO_OK;
}

/* ---- reading ---- */

/* Why nothing could be had from a file. */
static ouro_status
status_of_reading(FILE *file, const struct ouro__snapshot *all)
{
    if (ferror(file)) {
        return ouro__status_of_error(errno);
    }
    return strstr(all->trouble, "memory") != NULL ? OURO_NO_MEMORY : OURO_NO_SNAPSHOT;
}

static ouro_status
read_file(ouro_snapshot *snapshot, FILE *file, ouro_unpacker unpack)
{
    struct ouro_record record;

    (void)setvbuf(file, NULL, _IONBF, 0); /* pieces are large */
    if (!ouro__snapshot_read(&snapshot->all, file, unpack)) {
        return status_of_reading(file, &snapshot->all);
    }
    if (ouro__record_take(&record, snapshot->all.process, snapshot->all.n_process)) {
        tell_process(snapshot, &record);
    }
    return OURO_OK;
}

ouro_status
ouro_snapshot_open(const char *path, ouro_unpacker unpack, ouro_snapshot **opened)
{
    ouro_snapshot *snapshot = calloc(1, sizeof *snapshot);
    FILE *file = snapshot == NULL ? NULL : fopen(path, "rbe");
    ouro_status status = OURO_NO_MEMORY;

    if (file != NULL) {
        status = read_file(snapshot, file, unpack);
        (void)fclose(file);
    } else if (snapshot != NULL) {
        status = ouro__status_of_error(errno);
    }
    if (status != OURO_OK) {
        free(snapshot);
        return status;
    }
    *opened = snapshot;
    return OURO_OK;
}

void
ouro_snapshot_free(ouro_snapshot *snapshot)
{
    if (snapshot != NULL) {
        ouro__snapshot_free(&snapshot->all);
        free(snapshot);
    }
}

/* ---- what it says of itself ---- */

void
ouro_snapshot_get_info(const ouro_snapshot *snapshot, ouro_snapshot_info *info)
{
    const struct ouro_snapshot_tracing *tracing = &snapshot->all.tracing;

    *info = (ouro_snapshot_info){
        .name = tracing->name,
        .reason = tracing->reason,
        .command = snapshot->command,
        .python = snapshot->python,
        .pid = snapshot->pid,
        .began_ns = snapshot->began_ns,
        .taken_ns = tracing->taken_at_ns,
        .peak_ns = tracing->peak_at_ns,
        .peak_bytes = tracing->peak_bytes,
        .own_bytes = tracing->own_bytes,
        .n_untraced = tracing->n_untraced,
        .sample_bytes = tracing->mode == OURO_SNAPSHOT_SAMPLED ? tracing->sample_bytes : 0,
        .n_frames = tracing->n_frames_most,
    };
}

const char *
ouro_snapshot_trouble(const ouro_snapshot *snapshot)
{
    return snapshot->all.trouble[0] != '\0' ? snapshot->all.trouble : NULL;
}
