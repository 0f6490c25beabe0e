/* live.c - snapshots while the program runs, which stops for a fork and no longer.
 *
 *   program:  ... hold tracing still, copy the process, go on ...........................
 *   copy:                             write PID.N.SEQ.part, rename it to PID.N.SEQ.ouro, end
 *
 * The copy has the program's memory as it was, for as long as it takes to write; the system copies what the program
 * changes meanwhile.  It is no child that the program could hear of (ouro__os_fork_aside()).  A file that is there under
 * its own name is whole.  While it is written it is locked, so that `ouro` knows whether to wait for it.
 *
 * When: the program asks (<ouro/host.h>); live bytes have grown; a signal; or `ouro` asks, by a word in the record that
 * is looked at when traced blocks come and go.  A program that only sleeps answers late, and nothing has changed by
 * then.  There is no thread and no timer: both would show. */
#define _GNU_SOURCE
#include "host/host.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"
#include "trace/trace.h"

#define N_AT_ONCE 4
#define N_KEPT_MOST 1000
#define GROWTH_STEP_MIN ((uint64_t)1 << 20)
#define END_TRIES 10000
#define END_PAUSE_NS 1000000L

/* The numbers of the last ones of a kind. */
struct ring {
    uint32_t kept[N_KEPT_MOST];
    uint32_t n; /* that were taken */
};

/* One that is being taken.  The buffers are what the copy of the process reads: they are not on a stack, which may be
 * small. */
static struct {
    bool is_busy; /* atomic: somebody takes one, and has all below */
    struct ouro_record record;
    char part[1200], path[1200], old[1200];
    int copies[N_AT_ONCE]; /* processes that write, 0 for none */
    uint32_t n_taken;
    struct ring unnamed, named;
} live;

static uint64_t growth_due; /* atomic: live bytes */

/* ---- taking ---- */

static bool
begin(void)
{
    return !__atomic_exchange_n(&live.is_busy, true, __ATOMIC_ACQUIRE);
}

static void
end(void)
{
    __atomic_store_n(&live.is_busy, false, __ATOMIC_RELEASE);
}

static void
note_failed(void)
{
    struct ouro_record *record = ouro__watch_take();
    if (record != NULL) {
        record->n_snapshots_failed++;
        ouro__watch_give(record);
    }
}

/* Forget copies that have ended; a place for one more, NULL when there is none. */
static int *
reap(void)
{
    int *place = NULL;
    for (int i = 0; i < N_AT_ONCE; i++) {
        enum ouro__os_aside how =
            live.copies[i] == 0 ? OURO_OS_ASIDE_DONE : ouro__os_reap_aside(live.copies[i]);
        if (how == OURO_OS_ASIDE_FAILED) {
            note_failed();
        }
        if (how != OURO_OS_ASIDE_RUNS) {
            live.copies[i] = 0;
            place = &live.copies[i];
        }
    }
    return place;
}

static bool
name_file(char *path, uint32_t number, const char *extension)
{
    int length =
        snprintf(path, sizeof live.path, "%s/%d.%u.%u%s", ouro__settings_get()->session,
                 (int)live.record.pid, (unsigned)live.record.number, (unsigned)number, extension);
    return length > 0 && (size_t)length < sizeof live.path;
}

/* Of its kind, whose place the next one takes: its file has to go then.  Those that the program named have a bound, too, as
 * it may take them in a loop. */
static uint32_t *
find_room(struct ring *ring)
{
    uint64_t n_kept = ring == &live.named ? N_KEPT_MOST : ouro__settings_get()->n_kept;
    return &ring->kept[ring->n % (n_kept == 0 || n_kept > N_KEPT_MOST ? N_KEPT_MOST : n_kept)];
}

/* In the copy. */
__attribute__((noreturn)) static void
write_and_end(int file, const struct ouro__snapshot_of *of)
{
    bool whole = ouro__snapshot_save_held(file, live.part, live.path, of);
    if (whole && live.old[0] != '\0') {
        (void)unlink(live.old);
    }
    ouro__os_end_aside(whole ? 0 : 1);
}

static void
note_taken(uint64_t took, bool is_answer)
{
    struct ouro_record *record = ouro__watch_take();
    if (record != NULL) {
        record->n_snapshots = live.n_taken;
        if (took > record->snapshot_longest_ns) {
            record->snapshot_longest_ns = took;
        }
        if (is_answer) {
            record->answered = live.n_taken;
        }
        ouro__watch_give(record);
    }
}

static uint64_t
live_of(const struct ouro_record_moment *moment)
{
    return moment->live[0] + moment->live[1] + moment->live[2];
}

static void
plan_growth(uint64_t live_bytes)
{
    uint64_t step = live_bytes / 100 * ouro__settings_get()->growth;
    __atomic_store_n(&growth_due, live_bytes + (step > GROWTH_STEP_MIN ? step : GROWTH_STEP_MIN),
                     __ATOMIC_RELAXED);
}

/* By who has begun.  EBUSY: later it may be possible. */
static int
take(const char *reason, const char *name, bool is_answer)
{
    struct ouro__snapshot_of of = {.record = &live.record, .reason = reason, .name = name};
    struct ring *ring = name[0] != '\0' ? &live.named : &live.unnamed;
    uint32_t number = live.n_taken + 1, *room = find_room(ring);

    if (!ouro__watch_is_ours()) { /* what is being written isn't, either */
        return ENOTSUP;
    }
    int *place = reap();
    if (place == NULL) {
        return EBUSY;
    }
    if (!ouro__watch_copy(&live.record, &of.began) || !name_file(live.part, number, ".part") ||
        !name_file(live.path, number, ".ouro")) {
        return ENOTSUP;
    }
    if (!ouro__trace_lock()) {
        return EBUSY;
    }
    if (ouro__trace_mode_now() == OURO__TRACE_OFF) {
        ouro__trace_unlock();
        return ENOTSUP;
    }
    live.old[0] = '\0';
    if (!is_answer && *room != 0 && !name_file(live.old, *room, ".ouro")) {
        live.old[0] = '\0';
    }
    uint64_t from = of.at = ouro__os_now();
    /* Made here, so that who waits for it sees it, even where the program is killed before the copy runs.  With no
     * descriptor left here the copy makes it. */
    int file = ouro__snapshot_open(live.part);
    int copy = ouro__os_fork_aside(file);
    if (copy == 0) {
        write_and_end(file >= 0 ? file : ouro__snapshot_open(live.part), &of);
    }
    int error = copy < 0 ? errno : 0;
    if (file >= 0) {
        if (error != 0) {
            (void)unlink(live.part);
        }
        (void)close(file);
    }
    ouro__trace_unlock();
    *place = copy > 0 ? copy : 0;
    if (copy > 0 && !is_answer) { /* who asked takes an answer away */
        *room = number;
        ring->n++;
    }
    live.n_taken = number;
    note_taken(ouro__os_now() - from, is_answer);
    plan_growth(live_of(&live.record.last));
    if (error != 0) {
        note_failed();
    }
    return error;
}

static int
take_once(const char *reason, const char *name, bool is_answer)
{
    if (!begin()) {
        return EBUSY;
    }
    int saved = errno;
    int error = take(reason, name, is_answer);
    errno = saved;
    end();
    return error;
}

int
ouro__live_take(const char *reason, const char *name)
{
    int error = take_once(reason, name, false);
    return error == EBUSY ? EAGAIN : error;
}

/* ---- when ---- */

/* Answer what is asked; true when nothing is, or it is done with. */
static bool
answer(struct ouro_record *record, uint32_t asked)
{
    static const char *const reasons[] = {[OURO_ASKED_BY_TIME] = "time",
                                          [OURO_ASKED_BY_SIGNAL] = "signal",
                                          [OURO_ASKED_BY_NAME] = "asked"};
    char name[sizeof record->asked_name] = "";
    if (asked >= sizeof reasons / sizeof *reasons) {
        return true;
    }
    if (asked == OURO_ASKED_BY_NAME) {
        memcpy(name, record->asked_name, sizeof name - 1);
    }
    return take_once(reasons[asked], name, asked == OURO_ASKED_BY_NAME) != EBUSY;
}

/* What can't be answered now is asked again, unless something else is by now. */
static void
answer_or_wait(struct ouro_record *record, uint32_t asked)
{
    uint32_t nothing = OURO_ASKED_NOTHING;
    if (!answer(record, asked)) {
        (void)__atomic_compare_exchange_n(&record->asked, &nothing, asked, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED);
    }
}

void
ouro__live_look(struct ouro_record *record)
{
    if (OURO_UNLIKELY(__atomic_load_n(&record->asked, __ATOMIC_RELAXED) != OURO_ASKED_NOTHING) &&
        ouro__watch_is_ours()) {
        uint32_t asked = __atomic_exchange_n(&record->asked, OURO_ASKED_NOTHING, __ATOMIC_ACQUIRE);
        if (asked != OURO_ASKED_NOTHING) {
            answer_or_wait(record, asked);
        }
    }
}

void
ouro__live_grew(uint64_t live_bytes)
{
    if (ouro__settings_get()->growth != 0 &&
        live_bytes >= __atomic_load_n(&growth_due, __ATOMIC_RELAXED)) {
        (void)take_once("growth", "", false);
    }
}

static struct ouro_record *signalled; /* this process's record */

static void
on_signal(int signal)
{
    (void)signal;
    struct ouro_record *record = signalled;
    if (!ouro__watch_is_ours()) {
        return;
    }
    uint32_t asked = __atomic_exchange_n(&record->asked, OURO_ASKED_NOTHING, __ATOMIC_ACQUIRE);
    answer_or_wait(record, asked != OURO_ASKED_NOTHING ? asked : (uint32_t)OURO_ASKED_BY_SIGNAL);
}

void
ouro__live_begin(struct ouro_record *record)
{
    int signal = ouro__settings_get()->signal;
    struct sigaction before, ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};

    plan_growth(0);
    if (signal == 0 || sigaction(signal, NULL, &before) != 0 || before.sa_handler != SIG_DFL) {
        return;
    }
    signalled = record;
    (void)sigfillset(&ours.sa_mask);
    if (sigaction(signal, &ours, NULL) == 0) {
        record->snapshot_signal = (uint32_t)signal;
    }
}

/* ---- the end, the middle ---- */

void
ouro__live_end(void)
{
    const struct timespec pause = {.tv_nsec = END_PAUSE_NS};
    for (int tries = 0; tries < END_TRIES; tries++) {
        if (!begin()) {
            return;
        }
        (void)reap();
        bool is_idle = true;
        for (int i = 0; i < N_AT_ONCE; i++) {
            is_idle = is_idle && live.copies[i] == 0;
        }
        end();
        if (is_idle) {
            return;
        }
        (void)nanosleep(&pause, NULL);
    }
}

void
ouro__live_fork_child(void)
{
    memset(live.copies, 0, sizeof live.copies);
    memset(&live.unnamed, 0, sizeof live.unnamed);
    memset(&live.named, 0, sizeof live.named);
    live.n_taken = 0;
    end();
}
