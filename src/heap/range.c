/* range.c - the range of addresses that all heaps share: growth, runs of free slots, giving back.
 *
 * Never false, while the lock is free:
 * - the slots of [1, extent) are each NONE, FREE, CACHED, or part of a pool or large block;
 * - a run is dirty or clean as a whole; its first and last record know its length; no two runs of the same
 *   sort touch.
 *
 * Dirty runs are taken first: they are resident already; then clean ones, then runs of both sorts that touch.
 * What was freed is kept resident, in the cache and in dirty runs, up to a number of slots: an eighth of those in
 * use, or `budget` where that is more.  Beyond it half of that stays, of the cache first.  When what
 * was purged is soon taken again the budget was too small and doubles; when it is not, the budget halves: a
 * program that swings between two sizes stops paying for page faults, one that shrinks gives back nearly all.  Where a block
 * soon grows into what was purged, the budget is at once twice what it grew by.
 *
 * No peak of resident memory is made of what is free: where a run has to be clean and more slots would be resident than
 * ever before, as many dirty ones are purged, as far as that is cheap. */
#include "heap/range.h"

#include <string.h>

#include "base/assert.h"
#include "base/poison.h"
#include "os/os.h"

#ifndef OURO_STRESS
#define OURO_STRESS 0
#endif

/* Where the range may begin: far from where systems put programs, libraries, stacks and mmap's own. */
#define LOWEST_BASE 0x200000000000U
#define BASE_CHOICES 0x8000U        /* times 1 GiB: up to 0x400000000000 */
#define MAX_SLOTS ((size_t)1 << 26) /* 4 TiB */

#define RECORD_CHUNK ((size_t)65536)         /* records are mapped so many bytes at a time */
#define SMALL_PAGES_UP_TO ((size_t)32 << 20) /* no huge pages below */
#define MIN_GROWTH 16                        /* slots */
#define MAX_GROWTH 1024                      /* slots */
#define SKIP 1024                            /* slots passed over where someone else has mapped */

#define MIN_BUDGET ((size_t)(OURO_STRESS ? 1 : 16))   /* slots: 1 MiB */
#define MAX_BUDGET ((size_t)(OURO_STRESS ? 1 : 1024)) /* slots: 64 MiB */
/* A program that frees much at once is purged often on the way: that shrinks no budget up to this. */
#define FALL_BUDGET ((size_t)(OURO_STRESS ? 2 : 64)) /* slots: 4 MiB */
/* Purging a slot and touching another costs 20-40 us: for the sake of the peak that may be 10-20 ms and 4 % of the time. */
#define MAX_CREDIT ((size_t)512)
#define CREDIT_NS 750000U
#define SOON_NS 100000000U /* a take within 100 ms of a purge shows that it came too early */

#define EXACT_BINS 32
#define N_BINS (EXACT_BINS + 22)

struct range ouro__range;

static struct {
    ouro__os_lock lock;
    size_t max_slots;
    size_t records_mapped; /* bytes */
    struct bins {
        uint32_t first[N_BINS]; /* runs of free slots by length: first record's index, 0 for none */
        uint64_t occupied;      /* bit b: first[b] is not 0 */
    } clean, dirty;
    uint32_t cache; /* stack of cached slots */
    size_t n_cached;
    size_t n_mapped;    /* slots */
    size_t n_dirty;     /* slots in dirty runs */
    size_t n_clean;     /* slots in clean runs */
    size_t n_most;      /* that were not in clean runs at once */
    size_t credit;      /* slots that may be purged for the sake of the peak */
    uint64_t earned_at; /* ns */
    size_t budget;
    uint64_t purged_at;     /* ns */
    size_t recently_purged; /* slots, since purged_at */
    size_t grown_again;     /* slots of them that blocks soon grew into */
    bool thrashed;          /* since the last purge */
    uint64_t purged;        /* bytes, ever; atomic */
} range = {.lock = OURO_OS_LOCK_INIT, .budget = MIN_BUDGET};

static size_t
smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static unsigned
bin_of(size_t n)
{
    return n <= EXACT_BINS ? (unsigned)n - 1 : EXACT_BINS + ouro__log2(n) - 5;
}

static struct pool *
record_of(size_t index)
{
    return &ouro__range.records[index];
}

static size_t
range_slots(void)
{
    return ouro__range_extent() >> SLOT_SHIFT;
}

/* ---- growth ---- */

/* Map records so that slots below `n` have one. */
static bool
map_records(size_t n)
{
    size_t needed = ouro__round_up(n * sizeof(struct pool), RECORD_CHUNK);
    while (range.records_mapped < needed) {
        char *at = (char *)ouro__range.records + range.records_mapped;
        if (ouro__os_map_at(at, RECORD_CHUNK) != OURO_OS_MAPPED) {
            return false;
        }
        range.records_mapped += RECORD_CHUNK;
    }
    return true;
}

/* Begin the range at `address`: records first, slots behind them. */
static bool
begin_range(uintptr_t address, size_t max_slots)
{
    address = ouro__round_up(address, SLOT_SIZE);
    ouro__range.records = (struct pool *)address;
    ouro__range.base = address + ouro__round_up(max_slots * sizeof(struct pool), SLOT_SIZE);
    range.max_slots = max_slots;
    range.records_mapped = 0;
    if (!map_records(1)) {
        return false;
    }
    /* Slot 0 stands for "none" in lists and is never mapped. */
    ouro__range.key = ouro__os_random() | (uint64_t)1 << 63;
    __atomic_store_n(&ouro__range.extent, SLOT_SIZE, __ATOMIC_RELEASE);
    return true;
}

static bool
init_locked(void)
{
    if (ouro__range.extent != 0) {
        return true;
    }
    for (int tries = 0; tries < 4 && !OURO_TSAN; tries++) {
        uintptr_t base = LOWEST_BASE + (ouro__os_random() % BASE_CHOICES << 30);
        if (begin_range(base, MAX_SLOTS)) {
            return true;
        }
    }
    /* A small address space, a tool that rules ours, or little memory: where the system likes. */
    for (size_t slots = MAX_SLOTS >> 4; slots >= 1024; slots >>= 1) {
        void *hole = ouro__os_find_hole(slots * (SLOT_SIZE + sizeof(struct pool)) + 4 * SLOT_SIZE);
        if (hole != NULL && begin_range((uintptr_t)hole, slots)) {
            return true;
        }
    }
    return false;
}

bool
ouro__range_init(void)
{
    ouro__os_acquire(&range.lock);
    bool done = init_locked();
    ouro__os_release(&range.lock);
    return done;
}

static void add_run(size_t first, size_t n);

/* Map at least `n` more slots behind the extent and add them as a free run. */
static bool
grow(size_t n)
{
    size_t extent = range_slots();
    size_t step = extent / 8 < MIN_GROWTH   ? MIN_GROWTH
                  : extent / 8 > MAX_GROWTH ? MAX_GROWTH
                                            : extent / 8;

    if (OURO_STRESS || step < n) {
        step = n;
    }
    for (;;) {
        if (n > range.max_slots - extent) {
            return false;
        }
        if (step > range.max_slots - extent) {
            step = n;
        }
        char *at = (char *)ouro__range.base + (extent << SLOT_SHIFT);
        enum ouro__os_map_result result = ouro__os_map_at(at, step << SLOT_SHIFT);
        if (result == OURO_OS_MAPPED && !map_records(extent + step)) {
            ouro__os_unmap(at, step << SLOT_SHIFT);
            result = OURO_OS_REFUSED;
        }
        if (result == OURO_OS_MAPPED) {
            if ((extent << SLOT_SHIFT) < SMALL_PAGES_UP_TO) {
                ouro__os_prefer_small_pages(at, step << SLOT_SHIFT);
            }
            break;
        }
        if (result == OURO_OS_TAKEN) { /* someone else mapped into the range: leave those slots alone */
            extent += SKIP;
        } else if (step > n) {
            step = n;
        } else {
            return false;
        }
    }
    for (size_t i = extent; i < extent + step; i++) {
        record_of(i)->base = (char *)ouro__range.base + (i << SLOT_SHIFT);
    }
    range.n_mapped += step;
    __atomic_store_n(&ouro__range.extent, (extent + step) << SLOT_SHIFT, __ATOMIC_RELEASE);
    add_run(extent, step);
    return true;
}

/* ---- runs of free slots ---- */

static struct bins *
bins_of(const struct pool *head)
{
    return head->flags & SLOT_DIRTY ? &range.dirty : &range.clean;
}

static void
link_run(size_t first, size_t n)
{
    struct pool *head = record_of(first), *tail = record_of(first + n - 1);
    struct bins *bins = bins_of(head);
    unsigned bin = bin_of(n);

    head->n_slots = tail->n_slots = (uint32_t)n;
    head->prev = 0;
    head->next = bins->first[bin];
    if (head->next != 0) {
        record_of(head->next)->prev = (uint32_t)first;
    }
    bins->first[bin] = (uint32_t)first;
    bins->occupied |= (uint64_t)1 << bin;
    *(bins == &range.dirty ? &range.n_dirty : &range.n_clean) += n;
}

static void
unlink_run(struct pool *head)
{
    struct bins *bins = bins_of(head);
    unsigned bin = bin_of(head->n_slots);

    if (head->prev != 0) {
        record_of(head->prev)->next = head->next;
    } else {
        bins->first[bin] = head->next;
        if (head->next == 0) {
            bins->occupied &= ~((uint64_t)1 << bin);
        }
    }
    if (head->next != 0) {
        record_of(head->next)->prev = head->prev;
    }
    *(bins == &range.dirty ? &range.n_dirty : &range.n_clean) -= head->n_slots;
}

static bool
is_free(const struct pool *record)
{
    /* One in use is not ours to read, but for its kind. */
    return __atomic_load_n(&record->kind, __ATOMIC_RELAXED) == SLOT_FREE;
}

static bool
is_free_like(const struct pool *neighbour, const struct pool *record)
{
    return is_free(neighbour) && ((neighbour->flags ^ record->flags) & SLOT_DIRTY) == 0;
}

/* Add slots that are in no list, all dirty or all clean, as a free run, joined with its like. */
static void
add_run(size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++) {
        __atomic_store_n(&record_of(i)->kind, SLOT_FREE, __ATOMIC_RELAXED);
    }
    struct pool *before = record_of(first - 1), *behind = record_of(first + n);
    if (is_free_like(before, record_of(first))) {
        struct pool *head = before - (before->n_slots - 1);
        unlink_run(head);
        first -= head->n_slots;
        n += head->n_slots;
    }
    if (first + n < range_slots() && is_free_like(behind, record_of(first))) {
        unlink_run(behind);
        n += behind->n_slots;
    }
    link_run(first, n);
}

/* Cut [at, at + n) out of a free run; what is left on both sides stays free. */
static void
cut_run(struct pool *head, size_t at, size_t n)
{
    size_t first = ouro__slot_index(head), length = head->n_slots;
    size_t before = at - first, behind = length - before - n;
    bool clean = !(head->flags & SLOT_DIRTY);

    unlink_run(head);
    if (before != 0) {
        link_run(first, before);
    }
    if (behind != 0) {
        link_run(at + n, behind);
    }
    for (size_t i = at; i < at + n; i++) { /* so that nobody joins them with a neighbour */
        __atomic_store_n(&record_of(i)->kind, SLOT_NONE, __ATOMIC_RELAXED);
    }
    /* Taking clean slots soon after purging as many: the purge came too early. */
    if (clean && range.recently_purged >= n && !range.thrashed &&
        ouro__os_now() - range.purged_at < SOON_NS) {
        range.thrashed = true;
        range.budget = smaller(range.budget * 2, MAX_BUDGET);
    }
}

/* The first slot from `index` on whose address is a multiple of `unit` slots. */
static size_t
align_slot(size_t index, size_t unit)
{
    size_t before = ouro__range.base >> SLOT_SHIFT;
    return ouro__round_up(before + index, unit) - before;
}

/* The first run that has `n` slots from a multiple of `unit` on; *at is where. */
static struct pool *
find_in(const struct bins *in, size_t n, size_t unit, size_t *at)
{
    uint64_t bins = in->occupied & ~(uint64_t)0 << bin_of(n);
    for (; bins != 0; bins &= bins - 1) {
        uint32_t first = in->first[__builtin_ctzll(bins)];
        for (; first != 0; first = record_of(first)->next) {
            *at = align_slot(first, unit);
            if (*at + n <= first + record_of(first)->n_slots) {
                return record_of(first);
            }
        }
    }
    return NULL;
}

static struct pool *
find_run(size_t n, size_t unit, size_t *at)
{
    struct pool *run = find_in(&range.dirty, n, unit, at);
    return run != NULL ? run : find_in(&range.clean, n, unit, at);
}

/* Where the free slots around a run begin and end: dirty runs and clean ones that touch. */
static void
measure_stretch(const struct pool *run, size_t *first, size_t *end)
{
    *first = ouro__slot_index(run);
    *end = *first + run->n_slots;
    while (is_free(record_of(*first - 1))) {
        *first -= record_of(*first - 1)->n_slots;
    }
    while (*end < range_slots() && is_free(record_of(*end))) {
        *end += record_of(*end)->n_slots;
    }
}

/* `n` free slots in runs that touch, none of which has as many: *first begins one of them, and *at is where.  Each such
 * stretch has a dirty run, and these are few. */
static bool
find_stretch(size_t n, size_t unit, size_t *first, size_t *at)
{
    for (uint64_t bins = range.dirty.occupied; bins != 0; bins &= bins - 1) {
        uint32_t run = range.dirty.first[__builtin_ctzll(bins)];
        for (; run != 0; run = record_of(run)->next) {
            size_t end;
            measure_stretch(record_of(run), first, &end);
            *at = align_slot(*first, unit);
            if (*at + n <= end) {
                return true;
            }
        }
    }
    return false;
}

/* Cut [at, at + n) out of the runs from `first` on. */
static void
cut_stretch(size_t first, size_t at, size_t n)
{
    size_t end = at + n;
    while (at < end) {
        struct pool *head = record_of(first);
        first += head->n_slots;
        if (first > at) {
            size_t part = smaller(first, end) - at;
            cut_run(head, at, part);
            at += part;
        }
    }
}

/* ---- purging ---- */

/* Forget what the slots were used for; true when a mapping of theirs came from elsewhere. */
static bool
clear_flags(size_t first, size_t n)
{
    unsigned flags = 0;
    for (size_t i = first; i < first + n; i++) {
        flags |= record_of(i)->flags;
        record_of(i)->flags = 0;
    }
    return flags & SLOT_MOVED;
}

static void
purge_slots(size_t first, size_t n)
{
    char *address = record_of(first)->base;
    if (clear_flags(first, n)) {
        ouro__os_renew(address, n << SLOT_SHIFT);
    } else {
        ouro__os_purge(address, n << SLOT_SHIFT);
    }
    ouro__range_count_purged(n << SLOT_SHIFT);
}

static void
flush_cache(size_t keep)
{
    while (range.n_cached > keep) {
        size_t index = range.cache;
        range.cache = record_of(index)->next;
        range.n_cached--;
        add_run(index, 1);
    }
}

/* How many of `n` slots are worth purging for the sake of a lower peak. */
static size_t
take_credit(size_t n)
{
    uint64_t earned = (ouro__os_now() - range.earned_at) / CREDIT_NS;
    range.earned_at += earned * CREDIT_NS;
    range.credit = earned < MAX_CREDIT - range.credit ? range.credit + earned : MAX_CREDIT;
    n = smaller(n, range.credit);
    range.credit -= n;
    return n;
}

/* Have no more slots resident than ever, as far as that takes purging what is free: the cache last. */
static void
spare_peak(void)
{
    size_t resident = range.n_mapped - range.n_clean, n_free = range.n_dirty + range.n_cached;
    if (resident <= range.n_most) {
        return;
    }
    size_t left = n_free != 0 ? take_credit(smaller(resident - range.n_most, n_free)) : 0;
    range.n_most = resident - left;
    while (left != 0) {
        if (range.n_dirty == 0) {
            flush_cache(range.n_cached - 1);
        }
        struct pool *run = record_of(range.dirty.first[__builtin_ctzll(range.dirty.occupied)]);
        size_t first = ouro__slot_index(run), length = run->n_slots, n = smaller(length, left);
        unlink_run(run);
        if (n < length) {
            link_run(first + n, length - n);
        }
        purge_slots(first, n);
        add_run(first, n);
        left -= n;
    }
}

/* ---- taking ---- */

static struct pool *
find_slots(size_t n, size_t unit)
{
    if (n == 1 && unit == 1 && range.cache != 0) {
        struct pool *record = record_of(range.cache);
        range.cache = record->next;
        range.n_cached--;
        return record;
    }
    size_t at = 0, first;
    struct pool *run = find_run(n, unit, &at);
    if (run == NULL && n > 1 && range.n_clean + range.n_dirty >= n &&
        find_stretch(n, unit, &first, &at)) {
        cut_stretch(first, at, n);
        return record_of(at);
    }
    if (run == NULL) {
        if (!init_locked() || n > range.max_slots || !grow(unit > 1 ? n + unit : n)) {
            return NULL;
        }
        run = find_run(n, unit, &at);
        if (run == NULL) { /* aligned to more than what was added */
            return NULL;
        }
    }
    cut_run(run, at, n);
    return record_of(at);
}

static struct pool *
begin_run(struct pool *record, size_t n)
{
    if (record != NULL) {
        record->next = record->prev = 0;
        record->n_slots = (uint32_t)n;
        ouro__unpoison(record->base, n << SLOT_SHIFT);
    }
    return record;
}

struct pool *
ouro__range_take(size_t n, size_t unit)
{
    if (n > MAX_SLOTS || unit > MAX_SLOTS) {
        return NULL;
    }
    ouro__os_acquire(&range.lock);
    struct pool *record = find_slots(n, unit);
    spare_peak();
    ouro__os_release(&range.lock);
    return begin_run(record, n);
}

struct pool *
ouro__range_take_clean(size_t n)
{
    size_t at;
    ouro__os_acquire(&range.lock);
    struct pool *run = find_in(&range.clean, n, 1, &at);
    if (run == NULL && init_locked() && grow(n)) {
        run = find_in(&range.clean, n, 1, &at);
    }
    if (run != NULL) {
        cut_run(run, at, n);
        size_t resident = range.n_mapped - range.n_clean; /* if all of it were touched */
        range.n_most = resident > range.n_most ? resident : range.n_most;
    }
    ouro__os_release(&range.lock);
    return run != NULL ? begin_run(record_of(at), n) : NULL;
}

/* A block grows into slots that were purged just before: it will grow as far as the one did that was there, say, and all of that
 * would better have been kept. */
static void
note_growth(const struct pool *run, size_t n)
{
    if (!(run->flags & SLOT_DIRTY) && range.recently_purged - range.grown_again >= n &&
        ouro__os_now() - range.purged_at < SOON_NS) {
        range.grown_again += n;
        size_t least = smaller(range.grown_again * 2, MAX_BUDGET);
        range.budget = range.budget > least ? range.budget : least;
    }
}

bool
ouro__range_extend(struct pool *first, size_t n_now, size_t n)
{
    size_t behind = ouro__slot_index(first) + n_now;
    bool done = false;

    ouro__os_acquire(&range.lock);
    /* At the range's end there may be nothing to take yet, but there can be. */
    if (behind == range_slots()) {
        (void)grow(n);
    }
    if (behind < range_slots() &&
        __atomic_load_n(&record_of(behind)->kind, __ATOMIC_RELAXED) == SLOT_FREE &&
        record_of(behind)->n_slots >= n) {
        note_growth(record_of(behind), n);
        cut_run(record_of(behind), behind, n);
        spare_peak();
        ouro__unpoison(record_of(behind)->base, n << SLOT_SHIFT);
        done = true;
    }
    ouro__os_release(&range.lock);
    return done;
}

/* ---- giving back ---- */

/* Have no more than `keep` free slots resident.  The longest runs are purged first: they are the most memory a call. */
static void
purge_free(size_t keep)
{
    flush_cache(keep);
    range.recently_purged = range.grown_again = 0;
    while (range.n_dirty != 0 && range.n_cached + range.n_dirty > keep) {
        size_t first = range.dirty.first[63 - __builtin_clzll(range.dirty.occupied)];
        size_t n = record_of(first)->n_slots;
        unlink_run(record_of(first));
        purge_slots(first, n);
        range.recently_purged += n;
        add_run(first, n);
    }
    uint64_t now = ouro__os_now();
    size_t least = now - range.purged_at < SOON_NS ? FALL_BUDGET : MIN_BUDGET;
    if (!range.thrashed && range.budget > least) {
        range.budget /= 2;
    }
    range.purged_at = now;
    range.thrashed = false;
}

/* How many free slots may stay resident. */
static size_t
n_kept_resident(void)
{
    size_t share = (range.n_mapped - range.n_clean) / 8;
    return range.budget > share ? range.budget : smaller(share, MAX_BUDGET);
}

void
ouro__range_give(struct pool *first, size_t n)
{
    size_t index = ouro__slot_index(first);

    ouro__os_acquire(&range.lock);
    for (size_t i = index; i < index + n; i++) {
        struct pool *record = record_of(i);
        record->flags |= SLOT_DIRTY;
        __atomic_store_n(&record->owner, NULL, __ATOMIC_RELAXED);
    }
    if (n == 1 && range.n_cached < range.budget) {
        __atomic_store_n(&first->kind, SLOT_CACHED, __ATOMIC_RELAXED);
        first->next = range.cache;
        range.cache = (uint32_t)index;
        range.n_cached++;
    } else {
        add_run(index, n);
    }
    size_t keep = n_kept_resident();
    if (range.n_cached + range.n_dirty > keep) {
        purge_free(keep / 2);
    }
    ouro__os_release(&range.lock);
}

void
ouro__range_give_moved(struct pool *first, size_t n)
{
    size_t index = ouro__slot_index(first);

    ouro__os_acquire(&range.lock);
    for (size_t i = index; i < index + n; i++) {
        __atomic_store_n(&record_of(i)->owner, NULL, __ATOMIC_RELAXED);
    }
    if (clear_flags(index, n)) {
        ouro__os_renew(first->base, n << SLOT_SHIFT);
    }
    add_run(index, n);
    ouro__os_release(&range.lock);
}

void
ouro__range_trim(void)
{
    ouro__os_acquire(&range.lock);
    purge_free(0);
    ouro__os_release(&range.lock);
}

void
ouro__range_count_purged(size_t bytes)
{
    __atomic_fetch_add(&range.purged, bytes, __ATOMIC_RELAXED);
}

uint64_t
ouro__range_purged(void)
{
    return __atomic_load_n(&range.purged, __ATOMIC_RELAXED);
}

void
ouro__range_get_stats(struct range_stats *stats)
{
    ouro__os_acquire(&range.lock);
    stats->mapped = (uint64_t)range.n_mapped << SLOT_SHIFT;
    stats->record_bytes = ouro__round_up(range_slots() * sizeof(struct pool), ouro__os_page_size());
    stats->dirty_free = (uint64_t)range.n_dirty << SLOT_SHIFT;
    stats->cached = (uint64_t)range.n_cached << SLOT_SHIFT;
    stats->purged = ouro__range_purged();
    ouro__os_release(&range.lock);
}

void
ouro__range_lock(void)
{
    ouro__os_acquire(&range.lock);
}

void
ouro__range_unlock(void)
{
    ouro__os_release(&range.lock);
}

bool
ouro__range_try_lock(void)
{
    return ouro__os_try_acquire(&range.lock);
}

bool
ouro__range_is_quiet(void)
{
    if (!ouro__range_try_lock()) {
        return false;
    }
    ouro__range_unlock();
    return true;
}
