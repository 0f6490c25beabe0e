/* read.c - the reader's side of records.
 *
 * The files lie in a folder that the watched programs can write to, so nothing in them is believed:
 * plain files only, read and never mapped (a file that shrinks would be a SIGBUS), each string ended by
 * us, each enum checked.  Figures may still be nonsense; they are only shown.
 *
 * A record that changes while it is read is read again.  A writer needs microseconds; one that leaves
 * its record odd for longer was killed in the middle, and the record is taken as it is and marked. */
#define _POSIX_C_SOURCE 200809L
#include "monitor/read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define N_TRIES 20
#define TRY_AGAIN_NS 500000L

/* Nothing else.  The pid in the name is not used: the record has it. */
bool
ouro__record_name_parse(const char *name, unsigned *number)
{
    char *end = NULL;

    if (name[0] < '0' || name[0] > '9') {
        return false;
    }
    (void)strtoul(name, &end, 10);
    if (end[0] != '.' || end[1] < '0' || end[1] > '9') {
        return false;
    }
    errno = 0;
    unsigned long n = strtoul(end + 1, &end, 10);
    *number = (unsigned)n;
    return errno == 0 && *number == n && strcmp(end, ".rec") == 0;
}

static uint32_t
sequence_read(int fd)
{
    uint32_t sequence = 1;
    off_t at = (off_t)offsetof(struct ouro_record, sequence);
    if (pread(fd, &sequence, sizeof sequence, at) != (ssize_t)sizeof sequence) {
        return 1;
    }
    return sequence;
}

/* A whole record, by the protocol of record.h where the writer allows it. */
static bool
record_copy(int fd, struct ouro_record *record, bool *torn)
{
    *torn = true;
    for (int i = 0; i < N_TRIES && *torn; i++) {
        if (i > 0) {
            struct timespec pause = {.tv_nsec = TRY_AGAIN_NS};
            (void)nanosleep(&pause, NULL);
        }
        uint32_t before = sequence_read(fd);
        if (pread(fd, record, sizeof *record, 0) != (ssize_t)sizeof *record) {
            return false;
        }
        *torn = before % 2 != 0 || record->sequence != before || sequence_read(fd) != before;
    }
    return true;
}

static bool
record_is_ours(const struct ouro_record *record)
{
    return memcmp(record->magic, OURO_RECORD_MAGIC, sizeof record->magic) == 0 &&
           record->version == OURO_RECORD_VERSION && record->size == sizeof *record;
}

/* What the rest of the program may rely on. */
static void
record_tame(struct ouro_record *record)
{
    record->command[sizeof record->command - 1] = '\0';
    record->executable[sizeof record->executable - 1] = '\0';
    record->python_version[sizeof record->python_version - 1] = '\0';
    record->note[sizeof record->note - 1] = '\0';
    if (record->command_bytes > sizeof record->command) {
        record->command_bytes = sizeof record->command;
    }
    if (record->state > OURO_RECORD_CONFINED) {
        record->state = OURO_RECORD_RUNNING;
    }
    if (record->gc_mode > OURO_GC_OBEYED) {
        record->gc_mode = OURO_GC_NONE;
    }
    if (record->gc_longest_generation > 2) {
        record->gc_longest_generation = 2;
    }
}

int
ouro__record_open(int folder, const char *name)
{
    struct stat info;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool
ouro__record_read(int fd, struct ouro__record_found *found)
{
    bool whole = record_copy(fd, &found->record, &found->torn) && record_is_ours(&found->record);
    if (whole) {
        record_tame(&found->record);
    }
    return whole;
}

static bool
record_open_and_read(int folder, const char *name, struct ouro__record_found *found)
{
    int fd = ouro__record_open(folder, name);
    if (fd < 0) {
        return false;
    }
    bool whole = ouro__record_read(fd, found);
    (void)close(fd);
    return whole;
}

bool
ouro__record_take(struct ouro_record *record, const void *bytes, size_t n)
{
    struct ouro_record copy;

    if (n != sizeof copy) {
        return false;
    }
    memcpy(&copy, bytes, sizeof copy);
    if (!record_is_ours(&copy)) {
        return false;
    }
    record_tame(&copy);
    *record = copy;
    return true;
}

bool
ouro__records_read(const char *folder, ouro__record_visitor visitor, void *context,
                   size_t *n_unreadable)
{
    DIR *entries = opendir(folder);
    bool go_on = true;

    *n_unreadable = 0;
    if (entries == NULL) {
        return false;
    }
    for (struct dirent *entry; go_on && (entry = readdir(entries)) != NULL;) {
        struct ouro__record_found found;
        if (!ouro__record_name_parse(entry->d_name, &found.number)) {
            continue;
        }
        if (record_open_and_read(dirfd(entries), entry->d_name, &found)) {
            go_on = visitor(&found, context);
        } else {
            (*n_unreadable)++;
        }
    }
    (void)closedir(entries);
    return true;
}
