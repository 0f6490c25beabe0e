/* trace.c - which traceback holds how many blocks: now, at the peak, and in all.
 *
 * The peak, exactly and without looking at all traces when it comes: each trace keeps what it had at the peak beside
 * what it has now, written when it first changes after the peak.  While the traced bytes rise, every allocation is a new
 * peak, told by a number one higher (the epoch), and nothing else is written for it:
 *
 *     epoch of trace == epoch of peak:  it had `at_peak`, and has changed since
 *     otherwise:                        it has not changed since, and has `live`
 *
 * One lock guards all, where there is a second thread; it is not held while blocks are made or freed.  A signal
 * handler that allocates while its own thread holds it is let through, untraced.
 *
 * Tracing ends, begins and changes while others allocate and free.  What they carry from one call to the next is good for
 * an *era*, which ends when everything is forgotten: then all indexes beside blocks are zero, and those that somebody
 * has taken off are of another era. */
#include "trace/trace.h"
#include "trace/beside.h"
#include "trace/life.h"
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
static uint64_t epoch; /* of the peak */
static uint64_t
    clock_due; /* the time of the peak is told by a sixty-fourth of it: at how many bytes next */

static bool is_forking; /* the lock is held because of a fork */
static bool locked;     /* atomic */
static _Thread_local bool is_inside
    __attribute__((tls_model("initial-exec"))); /* the lock is this thread's */

/* ---- the lock ---- */

static inline bool
lock(void)
{
    if (OURO_UNLIKELY(is_inside)) {
        return false;
    }
    is_inside = true;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (!ouro__os_is_single_threaded()) {
        for (unsigned n = 0; OURO_UNLIKELY(__atomic_exchange_n(&locked, true, __ATOMIC_ACQUIRE)); n++) {
            ouro__os_yield(n);
        }
    }
    return true;
}

static inline void
unlock(void)
{
    __atomic_store_n(&locked, false, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    is_inside = false;
}

bool
ouro__trace_lock(void)
{
    return lock();
}

void
ouro__trace_unlock(void)
{
    unlock();
}

void
ouro__trace_fork_prepare(void)
{
    is_forking = lock();
}

void
ouro__trace_fork_done(void)
{
    if (is_forking) {
        is_forking = false;
        unlock();
    }
}

/* ---- traces ---- */

static inline struct ouro__trace *
trace_at(uint32_t index)
{
    return &((struct ouro__trace *)ouro__trace_items.items)[index];
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

/* What was asked for lately, and from where: a program asks for the same from the same places again and again. */
struct request {
    const void *code;
    uint32_t offset, parent; /* as struct ouro__here has them */
    uint64_t what;           /* size and domain */
    uint32_t age;            /* ouro__tree_age() when it was made */
    uint32_t trace;
};
_Static_assert(sizeof(struct request) == 32, "two are a cache line");

#define REQUEST_BITS 10
static struct request requests[1 << REQUEST_BITS];

static inline uint64_t
what_of(size_t size, unsigned domain)
{
    return (uint64_t)size << OURO__DOMAIN_BITS | domain;
}

static inline struct request *
request_for(const struct ouro__here *here, uint64_t what)
{
    uint64_t from = (uintptr_t)here->frame.code + here->frame.offset + ((uint64_t)here->parent << 32);
    return &requests[(from ^ what << 8) * 0x9E3779B97F4A7C15U >> (64 - REQUEST_BITS)];
}

__attribute__((noinline)) static uint32_t
remember_trace(struct request *request, const struct ouro__here *here, size_t size, unsigned domain)
{
    uint32_t trace = intern_trace(here, size, domain);
    if (trace != 0 && ouro__tree_has_ages()) {
        *request = (struct request){here->frame.code,      here->frame.offset, here->parent,
                                    what_of(size, domain), ouro__tree_age(),   trace};
    }
    return trace;
}

/* The trace of a block that is asked for here; 0 without memory. */
static inline uint32_t
find_trace(size_t size, unsigned domain)
{
    struct ouro__here here;
    if (OURO_UNLIKELY(!ouro__tree_here(&here))) {
        return 0;
    }
    uint64_t what = what_of(size, domain);
    struct request *request = request_for(&here, what);
    if (OURO_LIKELY(request->code == here.frame.code && request->offset == here.frame.offset &&
                    request->parent == here.parent && request->what == what &&
                    request->age == ouro__tree_age())) {
        return request->trace;
    }
    return remember_trace(request, &here, size, domain);
}

static inline void
note_change(struct ouro__trace *trace)
{
    if (trace->epoch != epoch) {
        trace->at_peak = trace->live;
        trace->epoch = epoch;
    }
}

static inline void
count_alloc(uint32_t index)
{
    struct ouro__trace *trace = trace_at(index);
    note_change(trace);
    trace->live++;
    trace->all++;
    totals.bytes += trace->weight;
    totals.blocks++;
    if (totals.bytes > totals.peak_bytes) {
        totals.peak_bytes = totals.bytes;
        totals.peak_blocks = totals.blocks;
        epoch++;
        if (totals.bytes >= clock_due) {
            totals.peak_at = ouro__os_now();
            clock_due = totals.bytes + totals.bytes / 64;
        }
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
    return trace->epoch == epoch ? trace->at_peak : trace->live;
}

/* ---- what callers tell ---- */

/* Whoever came here because of tracing may find that it has ended meanwhile. */
static inline bool
lock_while_tracing(void)
{
    if (!lock()) {
        return false;
    }
    if (OURO_UNLIKELY(ouro__trace_mode_now() == OURO__TRACE_OFF)) {
        unlock();
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
        count_alloc(trace);
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
    if (block == NULL || !lock()) {
        return;
    }
    if (OURO_LIKELY(swift_mode == mode)) {
        note(block, size, domain);
    } else if (ouro__trace_mode_now() == mode) {
        note_with_birth(block, size, domain);
    }
    unlock();
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
        unlock();
        return false;
    }
    return true;
}

void
ouro__trace_put_back(void *block, struct ouro__taken taken)
{
    if (lock_for(taken)) {
        *ouro__beside(block, true) = taken.index;
        unlock();
    }
}

static inline void
drop(void *was, struct ouro__taken taken, bool is_there)
{
    if (lock_for(taken)) {
        count_off(was, taken, is_there);
        unlock();
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
    drop(was, taken, false);
}

/* Hot. */
bool
ouro__trace_free(void *block)
{
    struct ouro__taken taken = take_off(block);
    drop(block, taken, true);
    return taken.index != 0;
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
    if (!lock()) {
        return false;
    }
    bool was_off = ouro__trace_mode_now() == OURO__TRACE_OFF;
    if (was_off && !begin(n_frames, mean)) {
        unlock();
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
    unlock();
    return true;
}

bool
ouro__trace_stop(void)
{
    if (!lock()) {
        return false;
    }
    if (ouro__trace_mode_now() != OURO__TRACE_OFF) {
        set_mode(OURO__TRACE_OFF);
        forget();
        ouro__tree_end();
        ouro__vector_free(&ouro__trace_items);
        ouro__table_free(&table);
        totals = (struct ouro__trace_totals){0};
    }
    unlock();
    return true;
}

bool
ouro__trace_clear(void)
{
    if (!lock()) {
        return false;
    }
    if (ouro__trace_mode_now() != OURO__TRACE_OFF) {
        uint32_t n_frames = totals.n_frames;
        forget();
        ouro__tree_clear();
        begin_counts(totals.mean);
        totals.n_frames = n_frames;
    }
    unlock();
    return true;
}

bool
ouro__trace_reset_peak(void)
{
    if (!lock()) {
        return false;
    }
    totals.peak_bytes = totals.bytes;
    totals.peak_blocks = totals.blocks;
    totals.peak_at = ouro__os_now();
    clock_due = totals.bytes + totals.bytes / 64;
    epoch++; /* no trace has changed since */
    unlock();
    return true;
}

void
ouro__trace_set_source(const struct ouro__frame_source *source)
{
    if (lock()) {
        ouro__tree_set_source(source);
        unlock();
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
    *peak = totals.peak_bytes;
}
