/* recording.c - memory over time, from outside.
 *
 * Time is cut into stretches of equal length.  Of the looks within a stretch two are kept: where the process had least
 * resident, and where it had most.  When there are too many stretches, each two become one: so a run of days takes no
 * more room than one of minutes, is as fine at its beginning as at its end, and no peak that was seen is lost. */
#define _GNU_SOURCE
#include "run/recording.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "run/facts.h"
#include "text.h"

#define MOST_STRETCHES 1024
#define FIRST_LENGTH 1000000U /* ns */

/* Unless somebody says otherwise: a hundredth of the time that has passed, within these. */
#define SHORTEST_NS 5000000U
#define USUAL_NS 100000000U

/* Looking takes half a per cent of a processor at most, however many processes there are. */
#define COST_FACTOR 200

struct stretch {
    struct ouro_snapshot_sample low, high;
};

/* One record, and what is noted beside it. */
struct track {
    int32_t pid;
    unsigned number;
    int record, memory; /* files, -1 when they are closed: it has ended */
    uint64_t began_ns;  /* by our clock */
    uint64_t length_ns; /* of a stretch */
    struct stretch *stretches;
    size_t n, room;
};

struct ouro__recording {
    DIR *folder;
    pid_t kept;
    uint64_t interval_ns; /* 0: by the time that has passed */
    uint64_t began_ns, due_ns;
    struct track *tracks; /* by pid and number */
    size_t n, room;
};

static uint64_t
clock_now(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* ---- stretches ---- */

static struct stretch
stretch_join(const struct stretch *a, const struct stretch *b)
{
    return (struct stretch){
        .low = b->low.resident < a->low.resident ? b->low : a->low,
        .high = b->high.resident > a->high.resident ? b->high : a->high,
    };
}

static bool
is_same_stretch(const struct track *track, const struct stretch *a, const struct stretch *b)
{
    return a->low.at_ns / track->length_ns == b->low.at_ns / track->length_ns;
}

/* Double the length of stretches, until there is room. */
static void
track_halve(struct track *track)
{
    while (track->n > MOST_STRETCHES / 4 * 3) {
        size_t n = 0;
        track->length_ns *= 2;
        for (size_t i = 0; i < track->n; i++) {
            struct stretch *last = n > 0 ? &track->stretches[n - 1] : NULL;
            if (last != NULL && is_same_stretch(track, last, &track->stretches[i])) {
                *last = stretch_join(last, &track->stretches[i]);
            } else {
                track->stretches[n++] = track->stretches[i];
            }
        }
        track->n = n;
    }
}

/* A look that there is no memory for is left out. */
static void
track_add(struct track *track, const struct ouro_snapshot_sample *sample)
{
    struct stretch alone = {*sample, *sample};

    if (track->n > 0 && is_same_stretch(track, &track->stretches[track->n - 1], &alone)) {
        track->stretches[track->n - 1] = stretch_join(&track->stretches[track->n - 1], &alone);
        return;
    }
    if (track->n == MOST_STRETCHES) {
        track_halve(track);
    }
    if (track->n == track->room) {
        size_t room = track->room == 0 ? 16 : track->room * 2;
        struct stretch *grown = reallocarray(track->stretches, room, sizeof *grown);
        if (grown == NULL) {
            return;
        }
        track->stretches = grown;
        track->room = room;
    }
    track->stretches[track->n++] = alone;
}

/* ---- one process ---- */

static struct ouro_snapshot_sample
sample_of(const struct ouro_record *record, const struct ouro_record_moment *moment)
{
    struct ouro_snapshot_sample sample = {
        .at_ns = moment->at_ns,
        .resident = moment->resident,
        .files = moment->files,
        .counted_at_ns = moment->at_ns,
        .untouched = moment->untouched,
        .free = moment->free,
        .cached = moment->cached,
        .records = moment->records,
        .n_allocs = ouro__allocations_of(record),
        .n_frees = record->n_frees[0] + record->n_frees[1] + record->n_frees[2],
        .gc_ns = ouro__gc_ns_of(record),
    };
    for (int i = 0; i < 3; i++) {
        sample.live[i] = moment->live[i];
        sample.blocks[i] = moment->blocks[i];
        sample.gc_runs[i] = record->gc[i].runs;
    }
    return sample;
}

/* What the kernel says of a process; false when it has ended. */
static bool
memory_read(int file, struct ouro_snapshot_sample *sample)
{
    char text[256];
    uint64_t pages, files;
    ssize_t n = pread(file, text, sizeof text - 1, 0);

    if (n <= 0) {
        return false;
    }
    text[n] = '\0';
    if (sscanf(text, "%*u %" SCNu64 " %" SCNu64, &pages, &files) != 2 || pages == 0) {
        return false;
    }
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    sample->resident = pages * page;
    sample->files = files * page;
    return true;
}

static void
file_close(int *file)
{
    if (*file >= 0) {
        (void)close(*file);
        *file = -1;
    }
}

/* The process has ended.  A build has thousands that nobody asks for. */
static void
track_end(struct track *track, bool is_kept)
{
    size_t room = is_kept && track->n > 0 ? track->n : 1;
    struct stretch *smaller = reallocarray(track->stretches, room, sizeof *smaller);

    file_close(&track->record);
    file_close(&track->memory);
    if (smaller != NULL) {
        track->stretches = smaller;
        track->room = room;
    }
    if (!is_kept) {
        track->n = 0;
    }
}

/* Look at a process that had not ended yet. */
static void
track_look(struct track *track, const struct ouro__record_found *found, bool is_kept)
{
    const struct ouro_record *record = &found->record;
    struct ouro_snapshot_sample sample = sample_of(record, &record->last);
    uint64_t now = clock_now(CLOCK_MONOTONIC);

    bool has_ended = record->state == OURO_RECORD_ENDED || record->state == OURO_RECORD_REPLACED;
    if (has_ended || !memory_read(track->memory, &sample)) {
        track_end(track, is_kept || ouro__record_is_worth_it(record));
        return;
    }
    uint64_t at = now > track->began_ns ? now - track->began_ns : 0;
    if (!found->torn && at >= sample.counted_at_ns) {
        sample.at_ns = at;
        track_add(track, &sample);
    }
}

/* ---- all of them ---- */

/* Where the track of a process is, or would be. */
static size_t
track_find(const struct ouro__recording *recording, int32_t pid, unsigned number)
{
    size_t from = 0, to = recording->n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const struct track *track = &recording->tracks[middle];
        bool is_before = track->pid != pid ? track->pid < pid : track->number < number;
        from = is_before ? middle + 1 : from;
        to = is_before ? to : middle;
    }
    return from;
}

static bool
is_track(const struct ouro__recording *recording, size_t at, int32_t pid, unsigned number)
{
    return at < recording->n && recording->tracks[at].pid == pid &&
           recording->tracks[at].number == number;
}

/* Make a track for a record that was just seen, at the place `at`. */
static void
track_insert(struct ouro__recording *recording, size_t at, int file,
             const struct ouro__record_found *found)
{
    char path[40];

    if (recording->n == recording->room) {
        size_t room = recording->room == 0 ? 16 : recording->room * 2;
        struct track *grown = reallocarray(recording->tracks, room, sizeof *grown);
        if (grown == NULL) {
            (void)close(file);
            return;
        }
        recording->tracks = grown;
        recording->room = room;
    }
    /* By the time of day it began in the past; from now on that clock may be set. */
    uint64_t passed = clock_now(CLOCK_REALTIME) - found->record.began_ns;
    (void)snprintf(path, sizeof path, "/proc/%" PRId32 "/statm", found->record.pid);
    memmove(&recording->tracks[at + 1], &recording->tracks[at],
            (recording->n - at) * sizeof *recording->tracks);
    recording->n++;
    recording->tracks[at] = (struct track){
        .pid = found->record.pid,
        .number = found->number,
        .record = file,
        .memory = open(path, O_RDONLY | O_CLOEXEC),
        .began_ns = clock_now(CLOCK_MONOTONIC) - passed,
        .length_ns = FIRST_LENGTH,
    };
    track_look(&recording->tracks[at], found, found->record.pid == recording->kept);
}

/* Take up processes that are new.  One whose record isn't there yet is taken up the next time. */
static void
tracks_extend(struct ouro__recording *recording)
{
    rewinddir(recording->folder);
    for (struct dirent *entry; (entry = readdir(recording->folder)) != NULL;) {
        struct ouro__record_found found = {0};
        if (!ouro__record_name_parse(entry->d_name, &found.number)) {
            continue;
        }
        int32_t pid = (int32_t)strtol(entry->d_name, NULL, 10);
        size_t at = track_find(recording, pid, found.number);
        if (is_track(recording, at, pid, found.number)) {
            continue;
        }
        int file = ouro__record_open(dirfd(recording->folder), entry->d_name);
        if (file >= 0 && ouro__record_read(file, &found) && found.record.pid == pid) {
            track_insert(recording, at, file, &found);
        } else if (file >= 0) {
            (void)close(file);
        }
    }
}

uint64_t
ouro__recording_look(void *context)
{
    struct ouro__recording *recording = context;
    uint64_t now = clock_now(CLOCK_MONOTONIC);

    if (now < recording->due_ns) {
        return recording->due_ns - now;
    }
    uint64_t cpu = clock_now(CLOCK_THREAD_CPUTIME_ID);
    for (size_t i = 0; i < recording->n; i++) {
        struct track *track = &recording->tracks[i];
        struct ouro__record_found found;
        if (track->record >= 0 && ouro__record_read(track->record, &found)) {
            track_look(track, &found, track->pid == recording->kept);
        }
    }
    tracks_extend(recording);

    uint64_t interval = recording->interval_ns, passed = now - recording->began_ns;
    if (interval == 0) {
        interval = passed / 100 > USUAL_NS ? USUAL_NS : passed / 100;
        interval = interval < SHORTEST_NS ? SHORTEST_NS : interval;
    }
    uint64_t cost = COST_FACTOR * (clock_now(CLOCK_THREAD_CPUTIME_ID) - cpu);
    recording->due_ns = now + (interval > cost ? interval : cost);
    now = clock_now(CLOCK_MONOTONIC);
    return recording->due_ns > now ? recording->due_ns - now : 0;
}

struct ouro__recording *
ouro__recording_begin(const char *folder, pid_t kept, uint64_t interval_ns)
{
    struct ouro__recording *recording = calloc(1, sizeof *recording);

    if (recording != NULL) {
        recording->kept = kept;
        recording->interval_ns = interval_ns;
        recording->began_ns = clock_now(CLOCK_MONOTONIC);
        recording->folder = opendir(folder);
    }
    if (recording == NULL || recording->folder == NULL) {
        ouro__say("memory over time is not recorded: %s", strerror(errno));
        free(recording);
        return NULL;
    }
    return recording;
}

void
ouro__recording_end(struct ouro__recording *recording)
{
    for (size_t i = 0; recording != NULL && i < recording->n; i++) {
        struct track *track = &recording->tracks[i];
        file_close(&track->record);
        file_close(&track->memory);
        free(track->stretches);
    }
    if (recording != NULL) {
        (void)closedir(recording->folder);
        free(recording->tracks);
        free(recording);
    }
}

/* ---- what came of it ---- */

static int
sample_compare(const void *left, const void *right)
{
    const struct ouro_snapshot_sample *a = left, *b = right;
    return a->at_ns < b->at_ns ? -1 : a->at_ns > b->at_ns;
}

/* A moment that the process noted itself has its own figures, but what had happened by then is known of the look before
 * alone. */
static void
sums_take(struct ouro_snapshot_sample *to, const struct ouro_snapshot_sample *from)
{
    to->n_allocs = from->n_allocs;
    to->n_frees = from->n_frees;
    memcpy(to->gc_runs, from->gc_runs, sizeof to->gc_runs);
    to->gc_ns = from->gc_ns;
}

struct ouro_snapshot_sample *
ouro__recording_samples(const struct ouro__recording *recording, const struct ouro__record_found *found,
                        size_t *n)
{
    static const struct ouro_snapshot_sample nothing;
    const struct ouro_record *record = &found->record;
    const struct track none = {0}, *track = &none;
    uint64_t peak_ns = record->peak.at_ns;

    size_t at = track_find(recording, record->pid, found->number);
    if (is_track(recording, at, record->pid, found->number)) {
        track = &recording->tracks[at];
    }
    struct ouro_snapshot_sample *samples = calloc(2 * track->n + 2, sizeof *samples);
    *n = 0;
    if (samples == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < track->n; i++) {
        const struct stretch *stretch = &track->stretches[i];
        samples[(*n)++] = stretch->low;
        if (stretch->low.at_ns != stretch->high.at_ns) {
            samples[(*n)++] = stretch->high;
        }
    }
    if (record->n_samples > 0) {
        samples[(*n)++] = sample_of(record, &record->last);
    }
    if (record->n_samples > 0 && peak_ns != record->last.at_ns) {
        samples[(*n)++] = sample_of(record, &record->peak);
    }
    qsort(samples, *n, sizeof *samples, sample_compare);
    for (size_t i = 0; i < *n; i++) {
        if (samples[i].at_ns == peak_ns && peak_ns != record->last.at_ns) {
            sums_take(&samples[i], i > 0 ? &samples[i - 1] : &nothing);
        }
    }
    return samples;
}
