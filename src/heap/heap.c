/* heap.c - heaps as their users see them: making and ending them, allocation, freeing, limits.
 *
 * The hot paths are in fast.h; what ends up here is rare: a list that ran dry, a large block, a block that
 * another thread holds, a mistake of the program. */
#include <string.h>

#include "base/assert.h"
#include "heap/fast.h"
#include "heap/heap.h"

void (*ouro__heap_on_sample)(ouro_heap *heap, uint64_t live);

static struct {
    ouro__os_lock lock;
    ouro_heap *first;                                /* all heaps, through `next` */
    uint64_t indexes;                                /* bit i: index i of ouro__locals is in use */
} heaps = {.lock = OURO_OS_LOCK_INIT, .indexes = 1}; /* 0 is the process's */

#define SAMPLE_STEP_MIN ((uint64_t)256 << 10)

static ouro_heap process_heap;

#define LOOK_NS_A_SLOT 4 /* what a scan over the records costs, about, when they are in the cache */
#define LOOK_SHARE 512   /* of the time that passes without growth, one part goes into such scans */

/* ---- making and ending ---- */

static void
init_heap(ouro_heap *heap, const ouro_heap_config *config)
{
    static const ouro_heap_config none;
    config = config != NULL ? config : &none;

    heap->kind = config->kind;
    heap->debug = config->debug;
    ouro__heap_begin_watched(heap);
    heap->lock = (ouro__os_lock)OURO_OS_LOCK_INIT;
    heap->account = config->limit_with != NULL ? config->limit_with->account : heap;
    heap->limit = config->limit;
    ouro__local_init(&heap->own, heap);
    heap->next = heaps.first;
    heaps.first = heap;
}

bool ouro__heap_forks_watched;

/* Have the heaps whole in the children of fork. */
static void
watch_forks(void)
{
    if (!ouro__heap_forks_watched) {
        ouro__heap_forks_watched =
            pthread_atfork(ouro__heap_fork_prepare, ouro__heap_fork_parent, ouro__heap_fork_child) == 0;
    }
}

ouro_heap *
ouro_heap_create(const ouro_heap_config *config)
{
    if (!ouro__range_init()) {
        return NULL;
    }
    bool shared = config != NULL && config->kind == OURO_HEAP_SHARED;
    ouro_heap *heap = ouro__os_map(ouro__round_up(sizeof *heap, ouro__os_page_size()));
    if (heap == NULL) {
        return NULL;
    }
    ouro__os_acquire(&heaps.lock);
    if (shared && heaps.indexes == ((uint64_t)1 << MAX_SHARED_HEAPS) - 1) {
        ouro__os_release(&heaps.lock);
        ouro__os_unmap(heap, ouro__round_up(sizeof *heap, ouro__os_page_size()));
        return NULL;
    }
    if (shared) {
        heap->index = (unsigned)__builtin_ctzll(~heaps.indexes);
        heaps.indexes |= (uint64_t)1 << heap->index;
    }
    init_heap(heap, config);
    watch_forks();
    ouro__os_release(&heaps.lock);
    return heap;
}

bool
ouro__heap_place(ouro_heap *heap, const ouro_heap_config *config)
{
    if (!ouro__range_init()) {
        return false;
    }
    ouro__os_acquire(&heaps.lock);
    init_heap(heap, config);
    watch_forks();
    ouro__os_release(&heaps.lock);
    return true;
}

void
ouro__heaps_visit(void (*visit)(ouro_heap *heap))
{
    ouro__os_acquire(&heaps.lock);
    for (ouro_heap *heap = heaps.first; heap != NULL; heap = heap->next) {
        visit(heap);
    }
    ouro__os_release(&heaps.lock);
}

void
ouro__heaps_lock(void)
{
    ouro__os_acquire(&heaps.lock);
}

void
ouro__heaps_unlock(void)
{
    ouro__os_release(&heaps.lock);
}

ouro_heap *
ouro__heap_process(const ouro_heap_config *config)
{
    ouro__os_acquire(&heaps.lock);
    bool ready = process_heap.account != NULL;
    if (!ready && ouro__range_init()) {
        init_heap(&process_heap, config);
        process_heap.kind = OURO_HEAP_SHARED;
        ready = true;
    }
    ouro__os_release(&heaps.lock);
    return ready ? &process_heap : NULL;
}

static void
give_all(ouro_heap *heap)
{
    size_t n = ouro__range_extent() >> SLOT_SHIFT;

    for (size_t i = 1; i < n; i++) {
        struct pool *record = &ouro__range.records[i];
        if (record->kind == SLOT_POOL && record->owner->heap == heap) {
            ouro__range_give(record, ouro__class_slots(record->class));
        } else if (record->kind == SLOT_LARGE && record->heap == heap) {
            ouro__range_give(record, record->n_slots);
        }
    }
}

void
ouro_heap_destroy(ouro_heap *heap)
{
    if (heap == NULL) {
        return;
    }
    ouro__special_end(heap);
    ouro__os_acquire(&heaps.lock);
    ouro_heap **link = &heaps.first;
    while (*link != heap) {
        link = &(*link)->next;
    }
    *link = heap->next;
    if (heap->kind == OURO_HEAP_SHARED) {
        heaps.indexes &= ~((uint64_t)1 << heap->index);
    }
    if (heap->debug) {
        ouro__debug_end(heap);
    }
    give_all(heap);
    if (heap->account != heap) {
        __atomic_fetch_sub(&heap->account->held, heap->held_here, __ATOMIC_RELAXED);
    }
    ouro__locals_end(heap);
    ouro__os_release(&heaps.lock);
    ouro__os_unmap(heap, ouro__round_up(sizeof *heap, ouro__os_page_size()));
}

/* Bytes of a local's pools. */
static uint64_t
held_by(const struct local *local)
{
    uint64_t held = 0;
    for (size_t i = 1; i < ouro__range_extent() >> SLOT_SHIFT; i++) {
        const struct pool *record = &ouro__range.records[i];
        if (record->kind == SLOT_POOL && record->owner == local) {
            held += (uint64_t)ouro__class_slots(record->class) << SLOT_SHIFT;
        }
    }
    return held;
}

void
ouro__heap_retire(ouro_heap *exclusive, ouro_heap *shared)
{
    struct local *heir = &exclusive->heir;

    ouro__os_acquire(&shared->lock);
    memset(exclusive->mixed_allocs, 0, sizeof exclusive->mixed_allocs);
    memset(exclusive->mixed_frees, 0, sizeof exclusive->mixed_frees);
    ouro__local_release_empty(&exclusive->own); /* on its own account */
    uint64_t stays = exclusive->apart != NULL ? held_by(exclusive->apart) : 0;
    uint64_t held = __atomic_exchange_n(&exclusive->held_here, stays, __ATOMIC_RELAXED);
    __atomic_fetch_add(&shared->held_here, held - stays, __ATOMIC_RELAXED);
    ouro__local_init(heir, shared);
    ouro__local_absorb(heir, &exclusive->own);
    heir->state = LOCAL_ORPHAN;
    heir->next = shared->locals;
    shared->locals = heir;
    heir->orphan = shared->orphans;
    __atomic_store_n(&shared->orphans, heir, __ATOMIC_RELAXED);
    ouro__range_lock();
    for (size_t i = 1; i < ouro__range_extent() >> SLOT_SHIFT; i++) {
        struct pool *record = &ouro__range.records[i];
        if (record->kind == SLOT_LARGE && record->heap == exclusive) {
            record->heap = shared;
        }
    }
    ouro__range_unlock();
    for (unsigned domain = 0; domain < OURO_N_DOMAINS; domain++) {
        shared->large_allocs[domain] += exclusive->large_allocs[domain];
        exclusive->large_allocs[domain] = 0;
    }
    ouro__os_release(&shared->lock);
}

/* ---- limits and samples ---- */

bool
ouro__heap_charge(ouro_heap *heap, size_t bytes)
{
    ouro_heap *account = heap->account;
    uint64_t held = __atomic_add_fetch(&account->held, bytes, __ATOMIC_RELAXED);
    uint64_t limit = __atomic_load_n(&account->limit, __ATOMIC_RELAXED);

    if (OURO_UNLIKELY(limit != 0 && held > limit)) {
        __atomic_fetch_sub(&account->held, bytes, __ATOMIC_RELAXED);
        return false;
    }
    __atomic_fetch_add(&heap->held_here, bytes, __ATOMIC_RELAXED);
    return true;
}

void
ouro__heap_refuse(ouro_heap *heap, size_t size)
{
    __atomic_fetch_add(&heap->account->refusals, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&heap->account->last_refused, size, __ATOMIC_RELAXED);
}

void
ouro__heap_discharge(ouro_heap *heap, size_t bytes)
{
    __atomic_fetch_sub(&heap->account->held, bytes, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&heap->held_here, bytes, __ATOMIC_RELAXED);
}

void
ouro_heap_set_limit(ouro_heap *heap, size_t limit)
{
    __atomic_store_n(&heap->account->limit, limit, __ATOMIC_RELAXED);
}

void
ouro__heap_took(struct local *local, size_t slots)
{
    ouro_heap *heap = local->heap;

    int32_t left = __atomic_load_n(&local->until_sample, __ATOMIC_RELAXED) -
                   (slots > INT32_MAX / 2 ? INT32_MAX / 2 : (int32_t)slots);
    __atomic_store_n(&local->until_sample, left, __ATOMIC_RELAXED);
    if (OURO_UNLIKELY(left <= 0) && !heap->debug) {
        ouro__heap_sample(local);
    }
}

bool
ouro__heap_is_quiet(void)
{
    return ouro__range_is_quiet() && ouro__debug_is_quiet();
}

void
ouro__heap_sample(struct local *local)
{
    ouro_heap *heap = local->heap;
    uint64_t held = __atomic_load_n(&heap->held_here, __ATOMIC_RELAXED),
             pause = held >> SLOT_SHIFT >> 6;
    pause = pause < 4 ? 4 : pause > INT32_MAX / 2 ? INT32_MAX / 2 : pause;
    __atomic_store_n(&local->until_sample, (int32_t)pause, __ATOMIC_RELAXED);
    /* Blocks that come and go take slots, too, without anything growing: look for 1/512 of the time, but
     * always when more is held than ever by a thirty-second. */
    uint64_t now = ouro__os_now(), cost = (ouro__range_extent() >> SLOT_SHIFT) * LOOK_NS_A_SLOT;
    bool grew = held >= __atomic_load_n(&heap->next_held, __ATOMIC_RELAXED);
    if (!grew && now < __atomic_load_n(&heap->next_sample, __ATOMIC_RELAXED)) {
        return;
    }
    if (grew) {
        uint64_t step = held / 32 < SAMPLE_STEP_MIN ? SAMPLE_STEP_MIN : held / 32;
        __atomic_store_n(&heap->next_held, held + step, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&heap->next_sample, now + LOOK_SHARE * cost, __ATOMIC_RELAXED);
    uint64_t live = ouro__heap_live(heap);
    uint64_t seen = __atomic_load_n(&heap->peak, __ATOMIC_RELAXED);
    while (live > seen && !__atomic_compare_exchange_n(&heap->peak, &seen, live, true, __ATOMIC_RELAXED,
                                                       __ATOMIC_RELAXED)) {
    }
    if (ouro__heap_on_sample != NULL) {
        ouro__heap_on_sample(heap, live);
    }
}

/* ---- allocation ---- */

/* For a thread that is past its end, or that could not get a local: one at a time. */
static void *
alloc_late(ouro_heap *heap, unsigned domain, size_t size)
{
    void *block = NULL;

    ouro__os_acquire(&heap->lock);
    if (heap->late == NULL) {
        heap->late = ouro__local_make(heap);
    }
    if (heap->late != NULL) {
        block = ouro__alloc(heap, heap->late, domain, size);
    }
    ouro__os_release(&heap->lock);
    return block;
}

void *
ouro__alloc_slow(ouro_heap *heap, struct local *local, unsigned domain, size_t size)
{
    if (OURO_UNLIKELY(ouro__allocs_slowly(heap)) && (heap->debug || local == &ouro__no_local)) {
        return ouro__special_alloc(heap, domain, OURO_ALIGNMENT, size, false,
                                   __builtin_return_address(0));
    }
    if (local->heap != heap) {
        local = ouro__local_get(heap);
        return local != NULL ? ouro__alloc(heap, local, domain, size) : alloc_late(heap, domain, size);
    }
    return ouro__alloc_from(local, domain, size);
}

void *
ouro__alloc_from(struct local *local, unsigned domain, size_t size)
{
    if (size > OURO_POOLED_MAX) {
        return ouro__large_alloc(local, domain, size, OURO_ALIGNMENT, false);
    }
    unsigned class = (unsigned)ouro__class_of(size);
    local->asked_bytes[class] += size;
    local->asked_count[class]++;
    struct pool *pool = ouro__local_refill(local, domain, class, size);
    return pool != NULL ? ouro__pool_take(pool) : NULL;
}

/* The local that serves the caller; one of no heap stands for "take the slow path". */
static inline struct local *
local_of(ouro_heap *heap)
{
    if (heap->kind == OURO_HEAP_EXCLUSIVE) {
        return &heap->own;
    }
    struct local *local = ouro__locals[heap->index];
    return local != NULL && local->heap == heap && local->holder == &ouro__thread ? local
                                                                                  : &ouro__no_local;
}

#if OURO_FAULT
long ouro__heap_calls;
long ouro__heap_fail_at;

bool
ouro__heap_refuses(void)
{
    long call = __atomic_add_fetch(&ouro__heap_calls, 1, __ATOMIC_RELAXED);
    return call == __atomic_load_n(&ouro__heap_fail_at, __ATOMIC_RELAXED);
}
#endif

static inline void *
alloc_small(ouro_heap *heap, unsigned domain, size_t size)
{
    struct local *local = local_of(heap);
    if (OURO_UNLIKELY(local == &ouro__no_local)) {
        local = ouro__local_get(heap);
        return local != NULL ? ouro__alloc(heap, local, domain, size) : alloc_late(heap, domain, size);
    }
    return ouro__alloc(heap, local, domain, size);
}

void *
ouro_heap_alloc(ouro_heap *heap, ouro_domain domain, size_t size)
{
    if (OURO_UNLIKELY(ouro__allocs_slowly(heap))) {
        return ouro__special_alloc(heap, domain, OURO_ALIGNMENT, size, false,
                                   __builtin_return_address(0));
    }
    return alloc_small(heap, domain, size);
}

/* A large block for whoever calls; the local serves for the count alone. */
static void *
alloc_large(ouro_heap *heap, unsigned domain, size_t size, size_t alignment, bool zeroed)
{
    struct local *local = local_of(heap);
    if (local->heap == heap || (local = ouro__local_get(heap)) != NULL) {
        return ouro__large_alloc(local, domain, size, alignment, zeroed);
    }
    void *block = NULL;
    ouro__os_acquire(&heap->lock);
    if (heap->late != NULL || (heap->late = ouro__local_make(heap)) != NULL) {
        block = ouro__large_alloc(heap->late, domain, size, alignment, zeroed);
    }
    ouro__os_release(&heap->lock);
    return block;
}

static inline void *
alloc_zeroed(ouro_heap *heap, unsigned domain, size_t size)
{
    if (size > OURO_POOLED_MAX) {
        return alloc_large(heap, domain, size, OURO_ALIGNMENT, true);
    }
    void *block = alloc_small(heap, domain, size);
    return block != NULL ? memset(block, 0, size) : NULL;
}

void *
ouro_heap_alloc_zeroed(ouro_heap *heap, ouro_domain domain, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    if (OURO_UNLIKELY(ouro__allocs_slowly(heap))) {
        return ouro__special_alloc(heap, domain, OURO_ALIGNMENT, bytes, true,
                                   __builtin_return_address(0));
    }
    return alloc_zeroed(heap, domain, bytes);
}

/* The smallest size that makes a pool's blocks fall on multiples of `alignment`; above OURO_POOLED_MAX when no
 * pool does. */
static size_t
aligned_size(unsigned domain, size_t alignment, size_t size)
{
    size = size == 0 ? alignment : size;
    for (size_t class = ouro__class_of(size); class < OURO_N_SIZE_CLASSES; class ++) {
        if (ouro__class_size[class] % alignment == 0 &&
            ouro__pool_start((unsigned)class, domain) % alignment == 0) {
            return ouro__class_size[class];
        }
    }
    return OURO_POOLED_MAX + 1;
}

static void *
alloc_aligned(ouro_heap *heap, unsigned domain, size_t alignment, size_t size)
{
    if (!ouro__is_power_of_two(alignment)) {
        return NULL;
    }
    if (alignment <= OURO_ALIGNMENT) {
        return alloc_small(heap, domain, size);
    }
    if (alignment <= SLOT_SIZE && size <= OURO_POOLED_MAX) {
        size_t pooled = aligned_size(domain, alignment, size);
        if (pooled <= OURO_POOLED_MAX) {
            return alloc_small(heap, domain, pooled);
        }
    }
    return alloc_large(heap, domain, size, alignment, false);
}

void *
ouro_heap_alloc_aligned(ouro_heap *heap, ouro_domain domain, size_t alignment, size_t size)
{
    if (OURO_UNLIKELY(ouro__allocs_slowly(heap)) && ouro__is_power_of_two(alignment)) {
        return ouro__special_alloc(heap, domain, alignment, size, false, __builtin_return_address(0));
    }
    return alloc_aligned(heap, domain, alignment, size);
}

void *
ouro__heap_take(ouro_heap *heap, unsigned domain, size_t alignment, size_t size, bool zeroed)
{
    if (!zeroed) {
        return alloc_aligned(heap, domain, alignment, size);
    }
    OURO_ASSERT(alignment <= OURO_ALIGNMENT);
    return alloc_zeroed(heap, domain, size);
}

/* Few blocks are apart, of many sizes: a pool for each class would mostly be empty pages.  So their sizes are powers of four,
 * and what is empty goes back; its slots stay, since what tracing has beside other ones would be touched, too. */
static void *
alloc_apart(ouro_heap *heap, unsigned domain, size_t size)
{
    void *block = NULL;

    size = size <= OURO_ALIGNMENT ? size : (size_t)2 << (ouro__log2(size - 1) | 1);
    ouro__os_acquire(&heap->lock);
    if (heap->apart == NULL) {
        heap->apart = ouro__local_make(heap);
    }
    if (heap->apart != NULL) {
        ouro__local_purge_idle(heap->apart);
        block = ouro__alloc(heap, heap->apart, domain, size);
    }
    ouro__os_release(&heap->lock);
    return block;
}

void *
ouro__heap_alloc_apart(ouro_heap *heap, unsigned domain, size_t alignment, size_t size)
{
    OURO_ASSERT(!heap->debug);
    if (size <= OURO_POOLED_MAX && alignment <= SLOT_SIZE) {
        size_t pooled = alignment <= OURO_ALIGNMENT ? size : aligned_size(domain, alignment, size);
        if (pooled <= OURO_POOLED_MAX) {
            return alloc_apart(heap, domain, pooled);
        }
    }
    return alloc_aligned(heap, domain, alignment, size);
}

/* ---- freeing ---- */

static void
die_of_foreign(void *block)
{
    ouro__die("wild free of %p: no block of any Ouro heap lies there", block);
}

void (*ouro__on_foreign_free)(void *block) = die_of_foreign;

/* The record of the pool or large block around an address; NULL when the address is not ours. */
static struct pool *
record_around(const void *address)
{
    uintptr_t at = (uintptr_t)address - ouro__range.base;
    return at < ouro__range_extent() ? ouro__record_at(at) : NULL;
}

void *
ouro__link_smashed(const void *block)
{
    const struct pool *pool = record_around(block);
    ouro__die(
        "heap corrupted: the free block %p (%u bytes, domain %s) was written to after it was freed, or "
        "the block before it was overrun. `ouro run --debug` finds out where",
        block, ouro__class_size[pool->class], ouro__domain_name(pool->domain));
}

void
ouro__freed_twice(const struct pool *pool, const void *block)
{
    ouro__die("double free of %p (%u bytes, domain %s)", block, ouro__class_size[pool->class],
              ouro__domain_name(pool->domain));
}

const char *
ouro__domain_name(unsigned domain)
{
    static const char *const names[OURO_N_DOMAINS] = {"raw", "mem", "object"};
    return domain < OURO_N_DOMAINS ? names[domain] : "unknown";
}

/* Abort unless a block starts there. */
static void
check_block(const struct pool *record, const void *block)
{
    OURO_CHECK(ouro__begins_block(record, block), "wild free or use of %p: %s", block,
               record->kind == SLOT_POOL || record->kind == SLOT_LARGE
                   ? "it points into a block, not to its beginning"
                   : "the block was freed, or never was one");
}

/* The debug heap that a record belongs to; NULL when it is another heap's, or none. */
static ouro_heap *
debug_heap_of(const struct pool *record)
{
    ouro_heap *heap = ouro__heap_of(record);
    return heap != NULL && heap->debug ? heap : NULL;
}

/* Free a block of no debug heap. */
static void
free_checked(struct local *local, struct pool *record, void *block)
{
    check_block(record, block);
    if (record->kind == SLOT_LARGE) {
        ouro__large_free(record);
    } else {
        ouro__free_to(local, record, block);
    }
}

__attribute__((noinline)) static void
free_slowest(struct local *local, void *block)
{
    if (block == NULL) {
        return;
    }
    struct pool *record = record_around(block);
    if (record == NULL) {
        ouro__on_foreign_free(block);
        return;
    }
    ouro_heap *heap = ouro__heap_of(record);
    if (OURO_UNLIKELY(heap != NULL && ouro__allocs_slowly(heap))) {
        ouro__special_free(heap, record->domain, block, __builtin_return_address(0));
        return;
    }
    free_checked(local, record, block);
}

/* Whether a block is one of another thread's pool, and nothing is wrong with it; false also when that takes a closer
 * look. */
OURO__RACY static inline bool
is_others(const struct local *local, const struct pool *pool, const void *block)
{
    const struct local *owner = __atomic_load_n(&pool->owner, __ATOMIC_RELAXED);
    return __atomic_load_n(&pool->kind, __ATOMIC_ACQUIRE) == SLOT_POOL && owner != NULL &&
           owner != local && ouro__pool_is_never_hot(pool) && !ouro__allocs_slowly(owner->heap) &&
           ouro__begins_block(pool, block) && !ouro__is_link(ouro__link_load(block));
}

/* What reaches this often is what other threads freed of a pool: its way is kept short. */
void
ouro__free_slow(struct local *local, void *block)
{
    uintptr_t at = (uintptr_t)block - ouro__range.base;
    if (OURO_LIKELY(at < ouro__range_extent())) { /* NULL is not */
        struct pool *pool = &ouro__range.records[at >> SLOT_SHIFT];
        if (OURO_LIKELY(is_others(local, pool, block))) {
            ouro__pool_push_remote(pool, block);
            return;
        }
    }
    free_slowest(local, block);
}

void
ouro__free_to(struct local *local, struct pool *pool, void *block)
{
    if (ouro__is_link(ouro__link_load(block)) || block == ouro__pool_hot(pool)) {
        ouro__freed_twice(pool, block);
        return;
    }
    if (__atomic_load_n(&pool->owner, __ATOMIC_RELAXED) != local) {
        ouro__pool_push_remote(pool, block);
        return;
    }
    ouro__pool_put(local, pool, block);
}

void
ouro_heap_free(ouro_heap *heap, ouro_domain domain, void *block)
{
    if (OURO_UNLIKELY(ouro__frees_slowly(heap))) {
        ouro__special_free(heap, domain, block, __builtin_return_address(0));
        return;
    }
    ouro__free(local_of(heap), block);
}

void
ouro__heap_give(ouro_heap *heap, void *block)
{
    struct local *local = local_of(heap);
    struct pool *pool = ouro__pool_to_free(local, block), *record = record_around(block);
    if (OURO_LIKELY(pool != NULL)) {
        ouro__free_quick(local, pool, block);
        return;
    }
    if (record == NULL) {
        ouro__on_foreign_free(block);
        return;
    }
    ouro_heap *debug = debug_heap_of(record);
    if (OURO_UNLIKELY(debug != NULL)) {
        ouro__debug_free(debug, record->domain, block, __builtin_return_address(0));
    } else {
        free_checked(local, record, block);
    }
}

/* ---- resizing ---- */

/* Of `usable` bytes, is `size` so much less that a smaller block is worth a copy? */
static bool
shrinks_much(size_t size, size_t usable)
{
    return size < usable - usable / 4;
}

void *
ouro_heap_realloc(ouro_heap *heap, ouro_domain domain, void *block, size_t size)
{
    if (OURO_UNLIKELY(ouro__allocs_slowly(heap))) {
        return ouro__special_realloc(heap, domain, block, size, __builtin_return_address(0));
    }
    return ouro__heap_resize(heap, domain, block, size);
}

void *
ouro__heap_resize(ouro_heap *heap, unsigned domain, void *block, size_t size)
{
    if (block == NULL) {
        return alloc_small(heap, domain, size);
    }
    struct pool *record = record_around(block);
    OURO_CHECK(record != NULL, "realloc of %p: no block of any Ouro heap lies there", block);
    check_block(record, block);
    size_t usable;
    if (record->kind == SLOT_LARGE) {
        usable = ouro__large_usable(record);
        if (size > OURO_POOLED_MAX) {
            struct local *local = local_of(heap);
            bool copy;
            if (local->heap == NULL && (local = ouro__local_get(heap)) == NULL) {
                copy = true;
            } else {
                void *resized = ouro__large_resize(local, record, size, &copy);
                if (resized != NULL || !copy) {
                    return resized;
                }
            }
        }
    } else {
        usable = ouro__class_size[record->class];
        if (size <= usable && !shrinks_much(size, usable)) {
            return block;
        }
    }
    void *copied = alloc_small(heap, domain, size);
    if (copied == NULL) {
        return size <= usable ? block : NULL; /* making it smaller can't fail */
    }
    memcpy(copied, block, size < usable ? size : usable);
    ouro__free(local_of(heap), block);
    return copied;
}

/* ---- questions ---- */

size_t
ouro_heap_usable_size(const void *block)
{
    struct pool *record = record_around(block); /* NULL is not ours, either */
    if (record == NULL) {
        return 0;
    }
    if (OURO_UNLIKELY(debug_heap_of(record) != NULL)) {
        return ouro__debug_usable(block);
    }
    check_block(record, block);
    return record->kind == SLOT_LARGE ? ouro__large_usable(record) : ouro__class_size[record->class];
}

void
ouro__heap_count_mixed_free(ouro_heap *heap, const void *block)
{
    const struct pool *record = block == NULL ? NULL : record_around(block);
    if (record != NULL && record->kind == SLOT_POOL) {
        heap->mixed_frees[record->class]++;
    }
}

bool
ouro_heap_owns(const void *address)
{
    const struct pool *record = record_around(address);
    if (record == NULL) {
        return false;
    }
    unsigned kind = __atomic_load_n(&record->kind, __ATOMIC_RELAXED);
    return kind == SLOT_POOL || kind == SLOT_LARGE;
}

static void
trim_local(struct local *local)
{
    ouro__local_release_empty(local);
    ouro__local_purge_inside(local);
}

size_t
ouro_heap_trim(ouro_heap *heap)
{
    uint64_t before = ouro__range_purged();
    struct local *local = local_of(heap);

    if (OURO_UNLIKELY(heap->debug)) {
        ouro__debug_trim(heap);
    } else {
        if (local->heap == heap) {
            trim_local(local);
        }
        ouro__os_acquire(&heap->lock);
        for (struct local *orphan = heap->orphans; orphan != NULL; orphan = orphan->orphan) {
            trim_local(orphan);
        }
        if (heap->late != NULL) {
            trim_local(heap->late);
        }
        if (heap->apart != NULL) {
            trim_local(heap->apart);
        }
        ouro__os_release(&heap->lock);
    }
    ouro__range_trim();
    return (size_t)(ouro__range_purged() - before);
}

/* ---- fork ---- */

void
ouro__heap_fork_prepare(void)
{
    const struct ouro__heap_watcher *watcher = ouro__heaps_watcher();
    if (watcher != NULL) {
        watcher->fork_prepare();
    }
    ouro__os_acquire(&heaps.lock);
    ouro__debug_lock();
    for (ouro_heap *heap = heaps.first; heap != NULL; heap = heap->next) {
        ouro__os_acquire(&heap->lock);
    }
    ouro__locals_lock();
    ouro__range_lock();
}

void
ouro__heap_fork_parent(void)
{
    ouro__range_unlock();
    ouro__locals_unlock();
    for (ouro_heap *heap = heaps.first; heap != NULL; heap = heap->next) {
        ouro__os_release(&heap->lock);
    }
    ouro__debug_unlock();
    ouro__os_release(&heaps.lock);
    const struct ouro__heap_watcher *watcher = ouro__heaps_watcher();
    if (watcher != NULL) {
        watcher->fork_done();
    }
}

void
ouro__heap_fork_child(void)
{
    bool any = false;
    for (ouro_heap *heap = heaps.first; heap != NULL; heap = heap->next) {
        any |= heap->kind == OURO_HEAP_SHARED && ouro__locals_vanish(heap);
    }
    ouro__heap_fork_parent();
    if (any) {
        ouro__pools_vanish();
    }
}

const char *
ouro_version(void)
{
    return OURO_VERSION_STRING;
}
