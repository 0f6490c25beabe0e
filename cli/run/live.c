/* live.c - snapshots that were taken while programs ran: found in the session, and given names. */
#define _GNU_SOURCE
#include "run/live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "snapshot/chunks.h"
#include "snapshot/grow.h"
#include "text.h"

#define EXTENSION ".ouro"
#define PART ".part"

/* How long to wait for one that is being written: a minute. */
#define PART_TRIES 6000
#define PART_PAUSE_NS 10000000L

bool
ouro__live_is_written(const char *path)
{
    int file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    bool is_written = flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    (void)close(file);
    return is_written;
}

/* Whether a name is "PID.NUMBER.WHICH.ouro". */
static bool
name_parse(const char *name, struct ouro__live_file *file)
{
    int end = -1;
    return name[0] >= '1' && name[0] <= '9' &&
           sscanf(name, "%" SCNd32 ".%u.%u%n", &file->pid, &file->number, &file->which, &end) == 3 &&
           end > 0 && strcmp(name + end, EXTENSION) == 0;
}

static bool
is_any_written(const char *folder)
{
    DIR *entries = opendir(folder);
    bool is_any = false;

    if (entries == NULL) {
        return false;
    }
    for (struct dirent *entry; !is_any && (entry = readdir(entries)) != NULL;) {
        size_t length = strlen(entry->d_name), end = sizeof PART - 1;
        char *path = NULL;
        if (length > end && strcmp(entry->d_name + length - end, PART) == 0 &&
            asprintf(&path, "%s/%s", folder, entry->d_name) >= 0) {
            is_any = ouro__live_is_written(path);
            free(path);
        }
    }
    (void)closedir(entries);
    return is_any;
}

/* What a snapshot says of itself; false when it can't be read. */
static bool
tracing_read(const char *path, struct ouro_snapshot_tracing *tracing)
{
    struct ouro__chunks chunks;
    FILE *file = fopen(path, "rbe");
    bool found = false;

    if (file == NULL) {
        return false;
    }
    if (ouro__chunks_begin(&chunks, file)) {
        while (!found && ouro__chunks_next(&chunks)) {
            found = ouro__chunk_is(&chunks.chunk, OURO_SNAPSHOT_TRACING) &&
                    chunks.chunk.stored == sizeof *tracing && chunks.chunk.flags == 0;
        }
        if (found) {
            memcpy(tracing, chunks.stored, sizeof *tracing);
            tracing->reason[sizeof tracing->reason - 1] = '\0';
            tracing->name[sizeof tracing->name - 1] = '\0';
        }
    }
    ouro__chunks_free(&chunks);
    (void)fclose(file);
    return found;
}

static int
file_compare(const void *left, const void *right)
{
    const struct ouro__live_file *a = left, *b = right;
    if (a->pid != b->pid) {
        return a->pid < b->pid ? -1 : 1;
    }
    if (a->number != b->number) {
        return a->number < b->number ? -1 : 1;
    }
    return a->which < b->which ? -1 : a->which > b->which;
}

struct files {
    struct ouro__live_file *items;
    size_t n, room;
};

/* False without memory. */
static bool
files_add(struct files *files, const char *folder, const char *name, struct ouro__live_file file)
{
    struct ouro__live_file *items =
        ouro__grow(files->items, files->n, &files->room, sizeof *files->items);
    if (items == NULL) {
        return false;
    }
    files->items = items;
    if (asprintf(&file.path, "%s/%s", folder, name) < 0) {
        return false;
    }
    if (tracing_read(file.path, &file.tracing)) {
        files->items[files->n++] = file;
    } else {
        free(file.path);
    }
    return true;
}

void
ouro__live_wait(const char *folder)
{
    const struct timespec pause = {.tv_nsec = PART_PAUSE_NS};
    for (int i = 0; i < PART_TRIES && is_any_written(folder); i++) {
        (void)nanosleep(&pause, NULL);
    }
}

struct ouro__live_file *
ouro__live_files(const char *folder, size_t *n)
{
    struct files files = {0};
    bool is_well = true;

    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries != NULL && is_well && (entry = readdir(entries)) != NULL;) {
        struct ouro__live_file file = {0};
        if (name_parse(entry->d_name, &file)) {
            is_well = files_add(&files, folder, entry->d_name, file);
        }
    }
    if (entries != NULL) {
        (void)closedir(entries);
    }
    if (!is_well) {
        ouro__say("out of memory: some snapshots are lost");
    }
    if (files.n > 1) {
        qsort(files.items, files.n, sizeof *files.items, file_compare);
    }
    *n = files.n;
    return files.items;
}

void
ouro__live_files_free(struct ouro__live_file *files, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(files[i].path);
    }
    free(files);
}

/* What a name may hold beside letters, digits, and what is not ASCII. */
static bool
is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c & 0x80) != 0 || c == '-' || c == '_' || c == '+' || c == '=' || c == '@' || c == ',' ||
           c == '.';
}

char *
ouro__live_name(const char *path, const struct ouro__live_file *file)
{
    const char *name = file->tracing.name[0] != '\0' ? file->tracing.name : file->tracing.reason;
    size_t length = strlen(path), end = sizeof EXTENSION - 1;
    bool has_extension = length > end && strcmp(path + length - end, EXTENSION) == 0;
    char *made;

    if (asprintf(&made, "%.*s.%03u-%s%s", (int)(has_extension ? length - end : length), path,
                 file->which, name, has_extension ? EXTENSION : "") < 0) {
        return NULL;
    }
    char *at = made + (has_extension ? length - end : length) + 1;
    for (size_t left = strlen(at) - (has_extension ? end : 0); left > 0; left--, at++) {
        *at = is_plain(*at) ? *at : '_';
    }
    return made;
}
