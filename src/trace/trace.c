/* trace.c - which traceback holds how many blocks: now, at the peak, and in all.
 *
 * The peak, exactly and without looking at all traces when it comes: each trace keeps what it had at the peak beside
 * what it has now, written when it first changes after the peak.  While the traced bytes rise every allocation is a new
 * peak, and nothing is written for it; the first free after it begins a new epoch:
 *
 *     rising:                           the peak is now: it has `live`
 *     epoch of trace == epoch of peak:  it had `at_peak`, and has changed since
 *     otherwise:                        it has not changed since, and has `live`
 *
 * Tracing ends, begins and changes while others allocate and free.  What they carry from one call to the next is good for
 * an *era*, which ends when everything is forgotten: then all indexes beside blocks are zero, and those that somebody
 * has taken off are of another era. */
#include "trace/trace.h"
#include "trace/beside.h"
#include "trace/life.h"
#include "trace/lock.h"
#include "trace/requests.h"
#include "trace/sample.h"
#include "trace/tree.h"

#include "base/assert.h"
#include "heap/heap.h"
#include "os/os.h"

#define MAX_TRACES ((uint32_t)OURO__INDEX)

enum ouro__trace_mode ouro__trace_mode;
struct ouro__vector ouro__trace_items;

static struct ouro__table table; /* traces by what they stand for */
static enum ouro__trace_mode
    swift_mode; /* that of now, or OFF where lifetimes are noted with each block */
static struct ouro__trace_totals totals;
static uint32_t era;   /* atomic; written under the lock */
static uint64_t began; /* atomic: when tracing did */
static bool is_rising; /* the peak is now: more than ever is live */
static uint64_t epoch; /* of the peak, or when that is now of the one before */
static uint64_t
    clock_due; /* the time of the peak is told by a sixty-fourth of it: at how many bytes next */

/* ---- traces ---- */

static inline struct ouro__trace *
trace_at(uint32_t index)
{
    return &((struct ouro__trace *)ouro__trace_items.items)[index];
}

static inline uint64_t
what_of(size_t size, unsigned domain)
{
    return (uint64_t)size << OURO__DOMAIN_BITS | domain;
}

static uint64_t
hash_key(const struct ouro__trace *key)
{
    return ouro__mix((uint64_t)key->node << OURO__DOMAIN_BITS | key->domain, key->size);
}

static uint64_t
hash_trace(uint32_t index)
{
    return hash_key(trace_at(index));
}

static bool
is_same_trace(uint32_t index, const void *wanted)
{
    const struct ouro__trace *a = trace_at(index), *b = wanted;
    return a->size == b->size && a->node == b->node && a->domain == b->domain;
}

/* 0 without memory. */
__attribute__((noinline)) static uint32_t
intern_trace(const struct ouro__here *here, size_t size, unsigned domain)
{
    struct ouro__trace key = {.size = size, .domain = domain};
    size_t at;

    if (!ouro__tree_node(here, &key.node) || !ouro__table_reserve(&table, hash_trace) ||
        !ouro__vector_reserve(&ouro__trace_items, 1) ||
        (ouro__life_is_asked && !ouro__life_reserve(ouro__trace_items.n + 1))) {
        return 0;
    }
    uint32_t index = ouro__table_find(&table, hash_key(&key), is_same_trace, &key, &at);
    if (index == 0 && ouro__trace_items.n < MAX_TRACES) {
        key.weight = totals.mean == 0 ? size : ouro__sample_weight(size, totals.mean);
        index = (uint32_t)ouro__trace_items.n;
        ouro__vector_append(&ouro__trace_items, &key, 1);
        ouro__table_put(&table, at, index);
    }
    return index;
}

/* Where the calling thread is, looked at closely.  Codes whose ends are not seen are not remembered by their addresses. */
__attribute__((noinline)) static uint32_t
find_closely(size_t size, unsigned domain, uint64_t mark)
{
    struct ouro__here here;
    if (OURO_UNLIKELY(!ouro__tree_here(&here))) {
        return 0;
    }
    struct ouro__request wanted = {.at = (uintptr_t)here.frame.code,
                                   .from = (uint64_t)here.parent << 32 | here.frame.offset,
                                   .what = what_of(size, domain)};
    wanted.trace = ouro__request_find(wanted.at, wanted.from, wanted.what);
    bool is_known = wanted.trace != 0;
    if (!is_known) {
        wanted.trace = intern_trace(&here, size, domain);
    }
    bool has_mark =
        mark != 0 && here.frame.code != NULL && ouro__tree.source->is_mark_of(mark, &here.frame);
    if (has_mark) {
        wanted.at = mark;
        wanted.from = OURO__FROM_MARK;
    }
    if (wanted.trace != 0 && (has_mark || !is_known) && ouro__tree_sees_ends()) {
        ouro__request_remember(&wanted);
    }
    return wanted.trace;
}

/* Hot: the trace of a block that is asked for here; 0 without memory. */
static inline uint32_t
find_trace(size_t size, unsigned domain)
{
    uint64_t mark = ouro__tree.mark != NULL ? ouro__tree.mark() : 0;
    uint32_t trace = mark != 0 ? ouro__request_find(mark, OURO__FROM_MARK, what_of(size, domain)) : 0;
    return OURO_LIKELY(trace != 0) ? trace : find_closely(size, domain, mark);
}

/* ---- counting ---- */

static inline void
note_change(struct ouro__trace *trace)
{
    if (trace->epoch != epoch) {
        trace->at_peak = trace->live;
        trace->epoch = epoch;
    }
}

static inline void
count_alloc(uint32_t index, uint64_t weight)
{
    struct ouro__trace *trace = trace_at(index);
    totals.bytes += weight;
    totals.blocks++;
    if (!is_rising) {
        note_change(trace);
        is_rising = totals.bytes > totals.peak_bytes;
    }
    trace->live++;
    trace->all++;
}

/* What is live now is the peak, until more is. */
static inline void
note_peak(void)
{
    is_rising = false;
    totals.peak_bytes = totals.bytes;
    totals.peak_blocks = totals.blocks;
    epoch++; /* no trace has changed since */
}

static void
note_peak_and_time(void)
{
    note_peak();
    if (totals.bytes >= clock_due) {
        totals.peak_at = ouro__os_now();
        clock_due = totals.bytes + totals.bytes / 64;
    }
}

static inline void
count_free(uint32_t index)
{
    struct ouro__trace *trace = trace_at(index);
    note_change(trace);
    trace->live--;
    totals.bytes -= trace->weight;
    totals.blocks--;
}

uint64_t
ouro__trace_at_peak(const struct ouro__trace *trace)
{
    return !is_rising && trace->epoch == epoch ? trace->at_peak : trace->live;
}

/* ---- what callers tell ---- */

/* Whoever came here because of tracing may find that it has ended meanwhile. */
static inline bool
lock_while_tracing(void)
{
    if (!ouro__lock()) {
        return false;
    }
    if (OURO_UNLIKELY(ouro__trace_mode_now() == OURO__TRACE_OFF)) {
        ouro__unlock();
        return false;
    }
    return true;
}

/* What stands above an index is told who asked for it; the index itself. */
__attribute__((noinline)) static uint32_t
tell_end(const void *was, struct ouro__taken taken, bool is_there)
{
    uint32_t index = taken.index & OURO__INDEX;
    if ((taken.index & OURO__HAS_BIRTH) != 0) {
        ouro__life_end(index, is_there ? ouro__life_age(was) : taken.age);
    }
    if ((taken.index & OURO__IS_CODE) != 0) {
        ouro__tree_forget(was);
    }
    return index;
}

/* The end of what carried this index, and may still be there. */
static inline void
count_off(const void *was, struct ouro__taken taken, bool is_there)
{
    if (OURO_UNLIKELY(taken.index & ~OURO__INDEX)) {
        taken.index = tell_end(was, taken, is_there);
    }
    if (is_rising) {
        note_peak_and_time();
    }
    if (taken.index != 0) {
        count_free(taken.index);
    }
}

/* Inline, since each frame between here and the program is one to walk. */
__attribute__((always_inline)) static inline void
note(void *block, size_t size, unsigned domain)
{
    uint32_t trace = find_trace(size, domain);
    uint32_t *index = ouro__beside(block, true);
    if (OURO_LIKELY(trace != 0 && index != NULL)) {
        if (OURO_UNLIKELY(*index != 0)) { /* left there by a block whose end nobody told */
            count_off(block, (struct ouro__taken){.index = *index}, true);
        }
        count_alloc(trace, trace_at(trace)->weight);
        *index = trace;
    } else {
        totals.n_untraced++;
    }
}

__attribute__((noinline)) static void
note_with_birth(void *block, size_t size, unsigned domain)
{
    if (ouro__trace_mode_now() == OURO__TRACE_EXACT) {
        ouro__life_pass(); /* with samples each allocation has passed, see ouro__trace_turn() */
    }
    note(block, size, domain);
    uint32_t *index = ouro__beside(block, false);
    if (index != NULL && *index != 0 && ouro__life_begin(block)) {
        *index |= OURO__HAS_BIRTH;
    }
}

/* A block that was made for another mode than that of now may lie where its end won't be told. */
__attribute__((always_inline)) static inline void
note_block(void *block, size_t size, unsigned domain, enum ouro__trace_mode mode)
{
    if (block == NULL || !ouro__lock()) {
        return;
    }
    if (OURO_LIKELY(swift_mode == mode)) {
        note(block, size, domain);
    } else if (ouro__trace_mode_now() == mode) {
        note_with_birth(block, size, domain);
    }
    ouro__unlock();
}

void
ouro__trace_alloc(void *block, size_t size, unsigned domain)
{
    note_block(block, size, domain, OURO__TRACE_EXACT);
}

void
ouro__trace_sample(void *block, size_t size, unsigned domain)
{
    note_block(block, size, domain, OURO__TRACE_SAMPLED);
}

/* Without the lock, while others may forget everything.  The era is read before the index: one that was found is of this
 * era, or of one that had ended by then. */
static inline struct ouro__taken
take_off(void *block)
{
    struct ouro__taken taken = {.era = __atomic_load_n(&era, __ATOMIC_ACQUIRE)};
    uint32_t *index = block != NULL ? ouro__beside(block, false) : NULL;
    if (index != NULL) {
        taken.index = __atomic_load_n(index, __ATOMIC_RELAXED);
        if (taken.index != 0) {
            __atomic_store_n(index, 0, __ATOMIC_RELAXED);
        }
    }
    return taken;
}

static inline bool
lock_for(struct ouro__taken taken)
{
    if (taken.index == 0 || !lock_while_tracing()) {
        return false;
    }
    if (OURO_UNLIKELY(taken.era != era)) {
        ouro__unlock();
        return false;
    }
    return true;
}

void
ouro__trace_put_back(void *block, struct ouro__taken taken)
{
    if (lock_for(taken)) {
        *ouro__beside(block, true) = taken.index;
        ouro__unlock();
    }
}

struct ouro__taken
ouro__trace_take(void *block)
{
    struct ouro__taken taken = take_off(block);
    if (OURO_UNLIKELY(taken.index & OURO__HAS_BIRTH)) {
        taken.age = ouro__life_age(block);
    }
    return taken;
}

void
ouro__trace_drop(void *was, struct ouro__taken taken)
{
    if (lock_for(taken)) {
        count_off(was, taken, false);
        ouro__unlock();
    }
}

/* Where the lock is not to be had the index stays, for whoever gets the block next. */
bool
ouro__trace_free(void *block)
{
    uint32_t *index = ouro__beside(block, false), was = 0;
    if (index != NULL && __atomic_load_n(index, __ATOMIC_RELAXED) != 0 && ouro__lock()) {
        was = *index; /* not read before: others may have forgotten everything */
        *index = 0;
        count_off(block, (struct ouro__taken){.index = was}, true);
        ouro__unlock();
    }
    return was != 0;
}

/* ---- the quick ways: what they can't do is left to the others ---- */

__attribute__((noinline)) static void *
alloc_unmarked(void *block, size_t size, unsigned domain)
{
    ouro__trace_alloc(block, size, domain);
    return block;
}

static inline bool
count_marked(void *block, size_t size, unsigned domain, uint64_t mark)
{
    uint32_t trace = ouro__request_find(mark, OURO__FROM_MARK, what_of(size, domain));
    uint32_t *index = ouro__beside_pooled(block);
    if (OURO_UNLIKELY(trace == 0 || index == NULL || *index != 0)) {
        return false;
    }
    count_alloc(trace, size);
    *index = trace;
    return true;
}

void *
ouro__trace_alloc_marked(void *block, size_t size, unsigned domain, uint64_t mark)
{
    bool is_counted = false;
    if (OURO_LIKELY(ouro__lock_alone())) {
        is_counted = swift_mode == OURO__TRACE_EXACT && count_marked(block, size, domain, mark);
        ouro__unlock_alone();
    }
    return OURO_LIKELY(is_counted) ? block : alloc_unmarked(block, size, domain);
}

/* There is tracing, or there would be no index. */
static inline bool
count_gone(uint32_t *index)
{
    uint32_t was = *index;
    if (OURO_UNLIKELY(was == 0 || (was & ~OURO__INDEX) != 0)) {
        return false;
    }
    if (OURO_UNLIKELY(is_rising)) {
        if (OURO_UNLIKELY(totals.bytes >= clock_due)) {
            return false;
        }
        note_peak();
    }
    count_free(was);
    *index = 0;
    return true;
}

void
ouro__trace_free_beside(void *block, uint32_t *index)
{
    bool is_counted = false;
    if (OURO_LIKELY(ouro__os_is_single_threaded() && ouro__lock_alone())) {
        is_counted = count_gone(index);
        ouro__unlock_alone();
    }
    if (OURO_UNLIKELY(!is_counted)) {
        (void)ouro__trace_free(block);
    }
}

/* ---- beginning and ending ---- */

static bool
begin(uint32_t n_frames, uint64_t mean)
{
    ouro__trace_items = (struct ouro__vector){.item_size = sizeof(struct ouro__trace)};
    if (!ouro__vector_reserve(&ouro__trace_items, 1) || !ouro__tree_begin(n_frames, mean == 0)) {
        ouro__vector_free(&ouro__trace_items);
        return false;
    }
    ouro__vector_append(&ouro__trace_items, &(struct ouro__trace){0}, 1);
    return true;
}

/* From here on with nothing counted. */
static void
begin_counts(uint64_t mean)
{
    totals = (struct ouro__trace_totals){.mean = mean};
    is_rising = false;
    epoch = 1;
    clock_due = 0;
    __atomic_store_n(&began, ouro__os_now(), __ATOMIC_RELAXED);
    __atomic_store_n(&ouro__trace_mean, mean, __ATOMIC_RELAXED);
}

/* Needs no memory. */
static void
forget(void)
{
    ouro__beside_free();
    __atomic_store_n(&era, era + 1, __ATOMIC_RELEASE);
    ouro__vector_cut(&ouro__trace_items, 1);
    ouro__table_clear(&table);
    if (ouro__life_is_asked) {
        ouro__life_forget();
    }
}

static void
set_mode(enum ouro__trace_mode mode)
{
    swift_mode = ouro__life_is_asked ? OURO__TRACE_OFF : mode;
    __atomic_store_n(&ouro__trace_mode, mode, __ATOMIC_RELEASE);
}

bool
ouro__trace_start(const struct ouro__frame_source *source, uint32_t n_frames, uint64_t mean)
{
    if (!ouro__lock()) {
        return false;
    }
    bool was_off = ouro__trace_mode_now() == OURO__TRACE_OFF;
    if (was_off && !begin(n_frames, mean)) {
        ouro__unlock();
        return false;
    }
    if (!was_off && totals.mean != mean) {
        forget();
        ouro__tree_clear();
    }
    if (was_off || totals.mean != mean) {
        begin_counts(mean);
    }
    ouro__tree_set_source(source);
    ouro__tree_set_depth(n_frames, mean == 0);
    totals.n_frames = n_frames;
    ouro__until_trace = OURO__NO_COUNT;
    set_mode(mean == 0 ? OURO__TRACE_EXACT : OURO__TRACE_SAMPLED);
    ouro__unlock();
    return true;
}

bool
ouro__trace_stop(void)
{
    if (!ouro__lock()) {
        return false;
    }
    if (ouro__trace_mode_now() != OURO__TRACE_OFF) {
        set_mode(OURO__TRACE_OFF);
        forget();
        ouro__tree_end();
        ouro__vector_free(&ouro__trace_items);
        ouro__table_free(&table);
        totals = (struct ouro__trace_totals){0};
        is_rising = false;
    }
    ouro__unlock();
    return true;
}

bool
ouro__trace_clear(void)
{
    if (!ouro__lock()) {
        return false;
    }
    if (ouro__trace_mode_now() != OURO__TRACE_OFF) {
        uint32_t n_frames = totals.n_frames;
        forget();
        ouro__tree_clear();
        begin_counts(totals.mean);
        totals.n_frames = n_frames;
    }
    ouro__unlock();
    return true;
}

bool
ouro__trace_reset_peak(void)
{
    if (!ouro__lock()) {
        return false;
    }
    clock_due = 0;
    note_peak_and_time();
    ouro__unlock();
    return true;
}

void
ouro__trace_set_source(const struct ouro__frame_source *source)
{
    if (ouro__lock()) {
        ouro__tree_set_source(source);
        ouro__unlock();
    }
}

const struct ouro__frame_source *
ouro__trace_source(void)
{
    return ouro__tree_source();
}

void
ouro__trace_totals(struct ouro__trace_totals *told)
{
    if (is_rising) {
        note_peak_and_time();
    }
    *told = totals;
    told->own_bytes = ouro__tree_bytes() + ouro__vector_bytes(&ouro__trace_items) +
                      ouro__table_bytes(&table) + ouro__beside_bytes() + ouro__life_bytes();
}

uint64_t
ouro__trace_began(void)
{
    return __atomic_load_n(&began, __ATOMIC_RELAXED);
}

void
ouro__trace_memory(uint64_t *bytes, uint64_t *peak)
{
    *bytes = totals.bytes;
    *peak = is_rising ? totals.bytes : totals.peak_bytes;
}
