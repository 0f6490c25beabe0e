/* watch.c - the record of this process: when a moment is taken, and who may write.
 *
 * The heap says when it grows (ouro__heap_on_sample), and tracing when it was busy.  A moment costs two readings of
 * /proc and a walk over the pools' records; it is taken when one is due:
 *
 *   - live bytes stand above those of the highest moment by a thirty-second, and by 256 KiB: however fast a
 *     program grows, to a thousand times its size these are two hundred moments;
 *   - or 500 times of what the last moment cost has passed since: a fifth of a per cent of the time.
 *
 * One thread at a time writes.  Whoever finds another one at it leaves: nothing here waits, but for the
 * very end.  No signal is blocked: an update that a signal handler interrupts, and that finds itself
 * writing already, is just left out; an _exit in such a handler writes what can be had without locks. */
#define _GNU_SOURCE
#include "host/host.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "heap/heap.h"
#include "monitor/moment.h"
#include "monitor/writer.h"
#include "os/os.h"
#include "trace/traced.h"
#include "trace/trace.h"

#define PEAK_STEP_SHIFT 5          /* a thirty-second */
#define PEAK_STEP_MIN (256U << 10) /* bytes */
#define COST_FACTOR 500            /* a fifth of a per cent */
#define PEAK_RESIDENT_EVERY_NS 100000000U
#define N_TRIES_AT_THE_END 100

static struct ouro_record *record; /* NULL: this process keeps none; its address never changes */
static bool writing;               /* atomic: somebody is */
static bool is_saved;              /* there is a snapshot */
static bool is_saved_for_exec;     /* of the moment before an exec, which may fail */
static bool saving;                /* atomic: somebody saves it */
static bool is_confined;           /* atomic: nothing may be asked of the system */

static ouro_heap *heaps[OURO_N_MAX_WATCHED];
static uint64_t seen_live[OURO_N_MAX_WATCHED]; /* atomic; as the heap said when it last grew */
static unsigned n_heaps;                       /* atomic */

/* Figures when the process began: what a fork took over doesn't count as its own. */
static struct {
    uint64_t at_ns;
    uint64_t n_allocs[OURO_N_DOMAINS], n_frees[OURO_N_DOMAINS];
    uint64_t refusals, purged;
} began;

/* When the next moment is due.  Atomic, each on its own. */
static uint64_t due_ns;
static uint64_t due_live;
static uint64_t cost_ns;
static uint64_t peak_resident_ns;

static uint64_t
read_relaxed(const uint64_t *value)
{
    return __atomic_load_n(value, __ATOMIC_RELAXED);
}

static void
write_relaxed(uint64_t *value, uint64_t to)
{
    __atomic_store_n(value, to, __ATOMIC_RELAXED);
}

/* ---- who may write ---- */

bool
ouro__watch_is_ours(void)
{
    return record != NULL && !ouro__watch_is_confined() && record->pid == getpid();
}

struct ouro_record *
ouro__watch_take(void)
{
    if (record == NULL || __atomic_exchange_n(&writing, true, __ATOMIC_ACQUIRE)) {
        return NULL;
    }
    if (!ouro__watch_is_ours()) {
        __atomic_store_n(&writing, false, __ATOMIC_RELEASE);
        return NULL;
    }
    ouro__record_begin(record);
    return record;
}

void
ouro__watch_give(struct ouro_record *taken)
{
    ouro__record_end(taken);
    __atomic_store_n(&writing, false, __ATOMIC_RELEASE);
}

/* As take, for the last words: waits a little for another thread, then writes all the same. */
static void
take_finally(void)
{
    for (int tries = 0; tries < N_TRIES_AT_THE_END; tries++) {
        if (ouro__watch_take() != NULL) {
            return;
        }
        sched_yield();
    }
    __atomic_store_n(&writing, true, __ATOMIC_RELAXED);
    ouro__record_begin(record);
}

/* ---- figures ---- */

/* Add a further heap's figures.  What all heaps share is in each one's: the first has brought it. */
static void
add_heap(ouro_heap_stats *sum, ouro_heap *heap)
{
    ouro_heap_stats one;
    struct range_stats range;

    ouro_heap_get_stats(heap, &one);
    ouro__range_get_stats(&range);
    for (int i = 0; i < OURO_N_DOMAINS; i++) {
        sum->domain[i].live_blocks += one.domain[i].live_blocks;
        sum->domain[i].live_bytes += one.domain[i].live_bytes;
        sum->domain[i].n_allocs += one.domain[i].n_allocs;
        sum->domain[i].n_frees += one.domain[i].n_frees;
    }
    uint64_t shared = range.cached + range.dirty_free;
    uint64_t own_cached = one.cached_bytes > shared ? one.cached_bytes - shared : 0;
    sum->live_bytes += one.live_bytes;
    sum->rounding_bytes += one.rounding_bytes;
    sum->free_bytes += one.free_bytes;
    sum->cached_bytes += own_cached;
    sum->untouched_bytes += one.untouched_bytes;
    sum->resident_bytes += one.live_bytes + one.free_bytes + own_cached - one.untouched_bytes;
}

static void
read_heaps(ouro_heap_stats *sum)
{
    unsigned n = __atomic_load_n(&n_heaps, __ATOMIC_ACQUIRE);
    ouro_heap_get_stats(heaps[0], sum);
    for (unsigned i = 1; i < n; i++) {
        add_heap(sum, heaps[i]);
    }
}

static uint64_t
nanoseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_usec * 1000U;
}

static void
write_process_figures(uint64_t now, bool with_peak)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        record->user_ns = nanoseconds(usage.ru_utime);
        record->system_ns = nanoseconds(usage.ru_stime);
    }
    record->lasted_ns = now - began.at_ns;
    if (with_peak || now - peak_resident_ns >= PEAK_RESIDENT_EVERY_NS) {
        peak_resident_ns = now;
        uint64_t peak = ouro__kernel_peak_resident();
        if (peak > record->peak_resident) {
            record->peak_resident = peak;
        }
    }
    if (record->last.resident > record->peak_resident) {
        record->peak_resident = record->last.resident;
    }
}

static void
write_heap_figures(const ouro_heap_stats *stats)
{
    for (int i = 0; i < OURO_N_DOMAINS; i++) {
        record->n_allocs[i] = stats->domain[i].n_allocs - began.n_allocs[i];
        record->n_frees[i] = stats->domain[i].n_frees - began.n_frees[i];
    }
    record->limit = stats->limit_bytes;
    record->limit_refusals = stats->limit_refusals - began.refusals;
    record->limit_last_size = record->limit_refusals != 0 ? stats->limit_last_size : 0;
    record->purged = stats->purged_bytes - began.purged;
}

static uint64_t
live_of(const struct ouro_record_moment *moment)
{
    return moment->live[0] + moment->live[1] + moment->live[2];
}

/* Keep the last moment as the highest when it is.  A block is counted when it is handed out, but resident
 * when it is written: of moments about as high, the one with more resident tells more. */
static void
write_peak(void)
{
    uint64_t live = live_of(&record->last), highest = live_of(&record->peak);
    bool about_as_high = live >= highest - (highest >> PEAK_STEP_SHIFT);
    if (live > highest || (about_as_high && record->last.resident > record->peak.resident)) {
        record->peak = record->last;
        if (live < highest) {
            live = highest;
        }
        uint64_t step = live >> PEAK_STEP_SHIFT;
        write_relaxed(&due_live, live + (step > PEAK_STEP_MIN ? step : PEAK_STEP_MIN));
    }
}

/* Take a moment into the record, which is open for writing.  Signals wait while the heap's lock is held. */
static void
write_moment(uint64_t now, bool with_peak)
{
    ouro_heap_stats stats;
    struct ouro__kernel_memory kernel;
    struct ouro__os_signals before;

    ouro__os_hold_signals(&before);
    read_heaps(&stats);
    ouro__os_release_signals(&before);
    if (!ouro__kernel_memory_read(&kernel)) {
        /* No /proc here: then all that is known to be resident is ours. */
        kernel.resident = stats.resident_bytes + stats.record_bytes;
        kernel.files = 0;
    }
    ouro__moment_fill(&record->last, &stats, &kernel);
    record->last.at_ns = now - began.at_ns;
    record->n_samples++;
    write_peak();
    write_heap_figures(&stats);
    write_process_figures(now, with_peak);
}

bool
ouro__watch_copy(struct ouro_record *copy, uint64_t *since)
{
    const struct ouro_record *own = record;
    if (own == NULL || !ouro__watch_is_ours()) {
        return false;
    }
    /* Another thread may be writing, or this one, which a signal handler has interrupted: then the last figures are good
     * enough. */
    if (ouro__watch_take() != NULL) {
        if (ouro__heap_is_quiet()) {
            write_moment(ouro__os_now(), false);
        }
        ouro__watch_give(record);
    }
    *copy = *own;
    *since = began.at_ns;
    return true;
}

/* ---- when ---- */

/* Plan the next moment by what this one cost.  The processor may have been taken away meanwhile: then the
 * cost is overrated, so it counts for no more than twice the last. */
static void
plan_next(uint64_t from, uint64_t to)
{
    uint64_t most = 2 * read_relaxed(&cost_ns) + 20000;
    uint64_t cost = to - from < most ? to - from : most;
    write_relaxed(&cost_ns, cost);
    write_relaxed(&due_ns, to + COST_FACTOR * cost);
}

static void
take_moment(uint64_t now)
{
    int saved = errno;
    if (ouro__watch_take() != NULL) {
        write_moment(now, false);
        ouro__watch_give(record);
        plan_next(now, ouro__os_now());
    }
    errno = saved;
}

/* The heap's hook: `heap` has grown, and its live bytes are `live`. */
static void
on_growth(ouro_heap *heap, uint64_t live)
{
    uint64_t total = 0;
    unsigned n = __atomic_load_n(&n_heaps, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < n; i++) {
        if (heaps[i] == heap) {
            write_relaxed(&seen_live[i], live);
        }
        total += read_relaxed(&seen_live[i]);
    }
    uint64_t now = ouro__os_now();
    if (total >= read_relaxed(&due_live) || now >= read_relaxed(&due_ns)) {
        take_moment(now);
    }
    if (ouro__watch_is_ours()) {
        ouro__live_look(record);
        ouro__live_grew(total);
    }
}

void
ouro__watch_look(void)
{
    if (record != NULL) {
        uint64_t now = ouro__os_now();
        if (now >= read_relaxed(&due_ns)) {
            take_moment(now);
        }
        ouro__live_look(record);
    }
}

void
ouro__watch_add_heap(ouro_heap *heap)
{
    unsigned n = __atomic_load_n(&n_heaps, __ATOMIC_RELAXED);
    OURO_ASSERT(n < OURO_N_MAX_WATCHED);
    heaps[n] = heap;
    __atomic_store_n(&n_heaps, n + 1, __ATOMIC_RELEASE);
}

/* ---- the beginning, the middle and the end ---- */

static void
begin_figures(void)
{
    uint64_t now = ouro__os_now();
    began.at_ns = now;
    peak_resident_ns = now;
    write_relaxed(&due_live, 0);
    write_relaxed(&due_ns, now);
    if (ouro__heap_is_quiet()) {
        write_moment(now, false);
    }
    ouro__record_publish(record);
}

void
ouro__watch_begin(void)
{
    const struct ouro__settings *settings = ouro__settings_get();
    ouro_heap *heap = ouro__host_heap();

    if (heap == NULL) {
        return;
    }
    ouro__watch_add_heap(heap);
    if (settings->session[0] == '\0') {
        return;
    }
    record = ouro__record_create(settings->session);
    if (record == NULL) {
        return;
    }
    record->debug = settings->debug;
    ouro__live_begin(record);
    begin_figures();
    ouro__heap_on_sample = on_growth;
    ouro__traced_on_look = ouro__watch_look;
}

/* What was counted up to the fork is the parent's: as the heap has it or, when this is a signal handler that
 * interrupted the heap, as the parent last wrote. */
static void
begin_counts_at_fork(void)
{
    ouro_heap_stats stats;

    if (!ouro__heap_is_quiet()) {
        for (int i = 0; i < OURO_N_DOMAINS; i++) {
            began.n_allocs[i] += record->n_allocs[i];
            began.n_frees[i] += record->n_frees[i];
        }
        began.refusals += record->limit_refusals;
        began.purged += record->purged;
        return;
    }
    read_heaps(&stats);
    for (int i = 0; i < OURO_N_DOMAINS; i++) {
        began.n_allocs[i] = stats.domain[i].n_allocs;
        began.n_frees[i] = stats.domain[i].n_frees;
    }
    began.refusals = stats.limit_refusals;
    began.purged = stats.purged_bytes;
}

void
ouro__watch_fork_child(void)
{
    const struct ouro__settings *settings = ouro__settings_get();
    if (record == NULL || !settings->follow || ouro__watch_is_confined()) {
        return;
    }
    is_saved = false;
    saving = false;
    ouro__live_fork_child();
    begin_counts_at_fork();
    uint32_t signal = record->snapshot_signal;
    if (ouro__record_fork(settings->session, record)) {
        record->snapshot_signal = signal;
        begin_figures();
    }
    __atomic_store_n(&writing, false, __ATOMIC_RELEASE);
}

void
ouro__watch_note(const char *note)
{
    struct ouro_record *own = ouro__watch_take();
    if (own != NULL) {
        strncpy(own->note, note, sizeof own->note - 1);
        ouro__watch_give(own);
    }
}

struct snapshot_path {
    char text[1200]; /* not PATH_MAX: this may run on a small stack */
};

static bool
make_path(char *path, size_t size, const char *extension)
{
    int length = snprintf(path, size, "%s/%d.%u%s", ouro__settings_get()->session, (int)record->pid,
                          (unsigned)record->number, extension);
    return length > 0 && (size_t)length < size;
}

static bool
make_snapshot_path(struct snapshot_path *path)
{
    return make_path(path->text, sizeof path->text, ".ouro");
}

bool
ouro__watch_file(char *path, size_t size, const char *extension, uint64_t *now)
{
    if (!ouro__watch_is_ours() || !make_path(path, size, extension)) {
        return false;
    }
    *now = ouro__os_now() - began.at_ns;
    return true;
}

/* One of each process, and each program that it execs.  It may be wanted in a handler of a signal, on a stack of 8 KiB
 * that has its frame already: so the paths are not there, but whose `saving` is.  Who comes second leaves. */
static void
save_snapshot(const char *reason)
{
    static struct snapshot_path path, part;
    if ((record->forked && ouro__settings_get()->traces_alone) ||
        __atomic_exchange_n(&saving, true, __ATOMIC_ACQUIRE)) {
        return;
    }
    if (!is_saved && ouro__trace_mode_now() != OURO__TRACE_OFF && make_snapshot_path(&path) &&
        make_path(part.text, sizeof part.text, ".part")) {
        const struct ouro__snapshot_of of = {.record = record,
                                             .began = began.at_ns,
                                             .at = ouro__os_now(),
                                             .reason = reason,
                                             .name = "",
                                             .is_for_lines = !ouro__settings_get()->snapshots};
        errno = 0;
        is_saved = ouro__snapshot_save(part.text, path.text, &of);
        if (!is_saved && (errno == EACCES || errno == ENOENT)) {
            ouro__watch_note("became another user, or has another root: its traces could not be kept");
        }
    }
    __atomic_store_n(&saving, false, __ATOMIC_RELEASE);
}

void
ouro__watch_go_on(void)
{
    struct snapshot_path path;
    if (is_saved && make_snapshot_path(&path)) {
        (void)unlink(path.text);
        is_saved = false;
    }
}

void
ouro__watch_snapshot(void)
{
    int saved = errno;
    if (ouro__watch_is_ours()) {
        take_moment(ouro__os_now());
        save_snapshot("exit");
    }
    errno = saved;
}

void
ouro__watch_confine(void)
{
    int saved = errno;
    if (ouro__watch_is_ours()) {
        take_moment(ouro__os_now());
        if (ouro__watch_take() != NULL) {
            record->state = OURO_RECORD_CONFINED;
            ouro__watch_give(record);
        }
        ouro__live_end();
        save_snapshot("confined");
    } else if (record != NULL) {
        return;
    }
    __atomic_store_n(&is_confined, true, __ATOMIC_RELAXED);
    (void)ouro__trace_stop();
    errno = saved;
}

bool
ouro__watch_is_confined(void)
{
    return __atomic_load_n(&is_confined, __ATOMIC_RELAXED);
}

void
ouro__watch_end(enum ouro_record_state state, int exit_status)
{
    if (!ouro__watch_is_ours()) {
        return;
    }
    int saved = errno;
    take_finally();
    record->state = state;
    record->exit_status = exit_status;
    uint64_t now = ouro__os_now();
    /* A child that was forked only to exec has no peak that is worth asking for. */
    bool with_peak = state == OURO_RECORD_ENDED || !record->forked;
    if (ouro__heap_is_quiet()) {
        write_moment(now, with_peak);
    } else {
        write_process_figures(now, with_peak);
    }
    ouro__watch_give(record);
    /* A child that was forked to exec has its parent's traces. */
    if (state == OURO_RECORD_ENDED) {
        ouro__live_end();
        save_snapshot("exit");
    } else if (!record->forked && !is_saved) {
        save_snapshot("exec");
        is_saved_for_exec = is_saved;
    }
    errno = saved;
}

void
ouro__watch_resume(void)
{
    int saved = errno;
    if (ouro__watch_take() != NULL) {
        record->state = OURO_RECORD_RUNNING;
        ouro__watch_give(record);
        if (is_saved_for_exec) {
            is_saved_for_exec = false;
            ouro__watch_go_on();
        }
    }
    errno = saved;
}
