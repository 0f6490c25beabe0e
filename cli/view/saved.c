/* saved.c - opening a snapshot's file. */
#define _GNU_SOURCE
#include "view/saved.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "progress.h"
#include "run/compress.h"
#include "monitor/read.h"
#include "view/resolve.h"

bool
ouro__saved_open(struct ouro__saved *saved, const char *path)
{
    struct ouro__snapshot *snapshot = &saved->snapshot;
    FILE *file = fopen(path, "rbe");

    *saved = (struct ouro__saved){.path = path};
    if (file == NULL) {
        ouro__say("cannot read %s: %s", path, strerror(errno));
        return false;
    }
    (void)setvbuf(file, NULL, _IONBF, 0); /* pieces are large */
    ouro__progress_step("reading", path, file);
    bool is_read = ouro__snapshot_read(snapshot, file, ouro__snapshot_unpack);
    ouro__progress_step("looking up names in", path, NULL);
    (void)fclose(file);
    if (!is_read) {
        ouro__say("%s %s", path, snapshot->trouble);
        return false;
    }
    if (snapshot->trouble[0] != '\0') {
        ouro__say("%s %s; %zu traces could be read", path, snapshot->trouble,
                  snapshot->n_traces == 0 ? 0 : snapshot->n_traces - 1);
    }
    if (!ouro__snapshot_resolve(snapshot)) {
        ouro__say("%s: out of memory: native code has no names", path);
    }
    ouro__progress_step("summing up", path, NULL);
    saved->has_record = ouro__record_take(&saved->record, snapshot->process, snapshot->n_process);
    return true;
}

void
ouro__saved_free(struct ouro__saved *saved)
{
    ouro__snapshot_free(&saved->snapshot);
}

uint64_t
ouro__saved_when(const struct ouro__saved *saved)
{
    return saved->has_record ? saved->record.began_ns + saved->snapshot.tracing.taken_at_ns : 0;
}

void
ouro__saved_add_command(struct ouro__text *text, const struct ouro__saved *saved)
{
    const char *command = saved->record.command;
    size_t at = 0;

    if (saved->record.command_bytes == 0) {
        const char *name = ouro__name_of(saved->path);
        ouro__text_add_arguments(text, &name, 1);
    }
    for (; at < saved->record.command_bytes; at += strlen(command + at) + 1) {
        const char *argument = at == 0 ? ouro__name_of(command) : command + at;
        ouro__text_add(text, " ", at == 0 ? 0 : 1);
        ouro__text_add_arguments(text, &argument, 1);
    }
}
