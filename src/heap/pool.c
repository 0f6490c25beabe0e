/* pool.c - the pools of one local: which one to take from, and what becomes of them.
 *
 * Never false, while no call is under way:
 * - the current pool of a class is in no queue; every other pool of the local is in exactly one;
 * - a pool in `full` has an empty list and nothing fresh; a pool in `usable` has at least one free, fresh or
 *   purged block, and is empty only while it is in `kept`;
 * - ouro__pool_live() is the number of live blocks plus those on `remote`. */
#include <string.h>

#include "base/assert.h"
#include "heap/fast.h"
#include "heap/heap.h"

#define CARVE 4096    /* blocks are put on the list so many bytes at a time, so as not to touch more */
#define SWEEP 8       /* full pools looked at for remote frees before a new pool is made */
#define SWEEP_BINS 16 /* of other classes, likewise */
#define HINT_EACH 16  /* frees by others on a list of theirs, of which one tells the holder */
#define POPULATE_FROM 4 /* full pools of a class that make it likely that the next fills, too */

/* What a bin without pools points to: an empty list, nothing fresh. */
struct pool ouro__no_pool = {.free = OFFSET_NONE, .fresh = UINT32_MAX};

/* ---- queues ---- */

static struct pool *
pool_of(uint32_t index)
{
    return &ouro__range.records[index];
}

static void
push_back(struct queue *queue, struct pool *pool)
{
    uint32_t index = (uint32_t)ouro__slot_index(pool);

    pool->next = 0;
    pool->prev = queue->last;
    if (queue->last != 0) {
        pool_of(queue->last)->next = index;
    } else {
        queue->first = index;
    }
    queue->last = index;
    queue->n++;
}

static void
take_out(struct queue *queue, struct pool *pool)
{
    if (pool->prev != 0) {
        pool_of(pool->prev)->next = pool->next;
    } else {
        queue->first = pool->next;
    }
    if (pool->next != 0) {
        pool_of(pool->next)->prev = pool->prev;
    } else {
        queue->last = pool->prev;
    }
    queue->n--;
}

static struct pool *
pop_front(struct queue *queue)
{
    if (queue->first == 0) {
        return NULL;
    }
    struct pool *pool = pool_of(queue->first);
    take_out(queue, pool);
    return pool;
}

/* ---- one pool ---- */

static void
set_event(struct pool *pool, uint32_t event)
{
    pool->balance = (int32_t)((ouro__pool_live(pool) - event) * BALANCE_BLOCK + event);
}

/* Put the next few fresh blocks on the list, which is empty; false when none is left. */
static bool
carve(struct pool *pool)
{
    uint32_t size = ouro__class_size[pool->class];
    uint32_t end = ouro__pool_end(pool->class, pool->domain);
    uint32_t first = pool->fresh;

    if (pool == &ouro__no_pool || first + size > end) {
        return false;
    }
    uint32_t n = (CARVE < end - first ? CARVE : end - first) / size;
    n = n == 0 ? 1 : n;
    char *block = pool->base + first;
    uint64_t key = ouro__range.key; /* read once: the compiler can't know that no store changes it */
    uint32_t at = first;
    for (uint32_t i = 1; i < n; i++, at += size, block += size) {
        *(uint64_t *)(void *)block = ouro__link_coded(block, at + size, key);
    }
    *(uint64_t *)(void *)block = ouro__link_coded(block, OFFSET_NONE, key);
    pool->free = first;
    pool->fresh = at + size;
    return true;
}

/* Take over what others freed; false when that is nothing. */
static bool
collect_remote(struct pool *pool)
{
    if (__atomic_load_n(&pool->remote, __ATOMIC_RELAXED) == 0) {
        return false;
    }
    uint64_t remote = __atomic_exchange_n(&pool->remote, 0, __ATOMIC_ACQUIRE);
    uint32_t head = (uint32_t)(remote >> 32);
    if (pool->free != OFFSET_NONE) { /* behind them, what is on the list already */
        uint32_t last = head;
        for (;;) {
            uint64_t next = ouro__link_load(pool->base + last);
            if (OURO_UNLIKELY(!ouro__is_link(next))) {
                ouro__link_smashed(pool->base + last);
            }
            if (next == OFFSET_NONE) {
                break;
            }
            last = (uint32_t)next;
        }
        ouro__link_store(pool->base + last, pool->free);
    }
    pool->free = head;
    pool->balance -= (int32_t)((uint32_t)remote * BALANCE_BLOCK);
    return true;
}

/* ---- making and ending pools ---- */

bool
ouro__local_charge(struct local *local, size_t bytes, size_t size)
{
    if (ouro__heap_charge(local->heap, bytes)) {
        return true;
    }
    ouro__local_release_empty(local); /* what is kept for reuse gives way to what is asked for */
    if (ouro__heap_charge(local->heap, bytes)) {
        return true;
    }
    ouro__heap_refuse(local->heap, size);
    return false;
}

/* Where the hot block is that a pool's blocks may become.  Where calls come from many places in no order, as to malloc,
 * whether there is one can't be predicted: such heaps have none. */
static uint32_t
hot_offset_in(const struct local *local, unsigned domain, unsigned class)
{
    bool has_hot = local == &local->heap->own;
    return ouro__hot_offset(has_hot ? ouro__hot_index(domain, class) : NEVER_HOT);
}

/* Most classes never fill a pool, nor does what is apart.  The first one that a local has takes memory as it is touched; slots
 * that are resident are left to those that will fill them. */
static struct pool *
take_slots(const struct local *local, unsigned class, unsigned n)
{
    bool stays_clean = local->asked_count[class] <= 1 || local == local->heap->apart;
    struct pool *pool = stays_clean ? ouro__range_take_clean(n) : NULL;
    return pool != NULL ? pool : ouro__range_take(n, 1);
}

static struct pool *
make_pool(struct local *local, unsigned domain, unsigned class, size_t size)
{
    unsigned n_slots = ouro__class_slots(class);
    if (!ouro__local_charge(local, n_slots * SLOT_SIZE, size)) {
        return NULL;
    }
    struct pool *pool = take_slots(local, class, n_slots);
    if (pool == NULL) {
        ouro__heap_discharge(local->heap, n_slots * SLOT_SIZE);
        return NULL;
    }
    if (n_slots == 1 && !(pool->flags & SLOT_DIRTY) && local->full[domain][class].n >= POPULATE_FROM) {
        ouro__os_populate(pool->base, SLOT_SIZE);
    }
    uint32_t index = (uint32_t)ouro__slot_index(pool);
    for (uint32_t i = 1; i < n_slots; i++) {
        pool[i].head = index;
        __atomic_store_n(&pool[i].kind, SLOT_INTERIOR, __ATOMIC_RELAXED);
    }
    pool->n_allocs = 0;
    pool->balance = 0;
    __atomic_store_n(&pool->remote, 0, __ATOMIC_RELAXED);
    pool->free = OFFSET_NONE;
    pool->fresh = ouro__pool_start(class, domain);
    pool->cold = 0;
    pool->hot = hot_offset_in(local, domain, class);
    pool->class = (uint8_t) class;
    pool->domain = (uint8_t)domain;
    __atomic_store_n(&pool->owner, local, __ATOMIC_RELAXED);
    __atomic_store_n(&pool->kind, SLOT_POOL, __ATOMIC_RELEASE);
    return pool;
}

/* Give back an empty pool that is in no queue. */
static void
end_pool(struct local *local, struct pool *pool)
{
    unsigned n_slots = ouro__class_slots(pool->class);

    OURO_ASSERT(ouro__pool_live(pool) == 0);
    local->past_allocs[pool->domain] += pool->n_allocs;
    ouro__range_give(pool, n_slots);
    ouro__heap_discharge(local->heap, n_slots * SLOT_SIZE);
}

/* Give back a pool of a thread that fork did not copy; all its blocks were freed.  That thread may have been about to take
 * one: nobody has it. */
static void
end_vanished(struct local *owner, struct pool *pool)
{
    unsigned n_slots = ouro__class_slots(pool->class);

    __atomic_fetch_add(&owner->past_allocs[pool->domain], pool->n_allocs, __ATOMIC_RELAXED);
    pool->flags = (uint8_t)(pool->flags & ~SLOT_VANISHED);
    ouro__range_give(pool, n_slots);
    ouro__heap_discharge(owner->heap, n_slots * SLOT_SIZE);
}

void
ouro__pools_vanish(void)
{
    size_t n = ouro__range_extent() >> SLOT_SHIFT;
    for (size_t i = 1; i < n; i++) {
        struct pool *pool = &ouro__range.records[i];
        if (pool->kind != SLOT_POOL || pool->owner->state != LOCAL_VANISHED) {
            continue;
        }
        pool->flags |= SLOT_VANISHED;
        if (ouro__pool_live(pool) == (uint32_t)pool->remote) {
            end_vanished(pool->owner, pool);
        }
    }
}

/* Push a block on the list of what others freed; how many are on it now, at least 1. */
static inline uint32_t
push_remote(struct pool *pool, void *block)
{
    uint32_t offset = (uint32_t)((char *)block - pool->base);
    uint64_t seen = __atomic_load_n(&pool->remote, __ATOMIC_RELAXED);
    uint64_t wanted;

    ouro__hide_free(pool, block);
    do {
        ouro__link_store(block, seen == 0 ? OFFSET_NONE : (uint32_t)(seen >> 32));
        wanted = (uint64_t)offset << 32 | ((uint32_t)seen + 1);
    } while (!__atomic_compare_exchange_n(&pool->remote, &seen, wanted, true, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
    return (uint32_t)wanted;
}

/* The same for a pool of a thread that fork did not copy, which ends with its last block. */
__attribute__((cold, noinline)) static void
push_vanished(struct pool *pool, void *block)
{
    struct local *owner = pool->owner;
    uint32_t live = ouro__pool_live(pool);

    if (push_remote(pool, block) == live) { /* none else is left to free one */
        end_vanished(owner, pool);
    }
}

void
ouro__pool_push_remote(struct pool *pool, void *block)
{
    if (OURO_UNLIKELY(pool->flags & SLOT_VANISHED)) {
        push_vanished(pool, block);
        return;
    }
    /* Read first: once the block is pushed the pool may end.  The owner may be changing; a hint that reaches
     * the former one is seen when it is next absorbed. */
    struct local *owner = __atomic_load_n(&pool->owner, __ATOMIC_RELAXED);
    uint8_t *hint = &owner->remote_hint[pool->domain][pool->class];
    if (push_remote(pool, block) % HINT_EACH == 1 && __atomic_load_n(hint, __ATOMIC_SEQ_CST) == 0) {
        __atomic_store_n(hint, 1, __ATOMIC_SEQ_CST);
    }
}

/* Give back an empty pool that was kept, in place `i` of the ring; false when none is there. */
static bool
end_kept(struct local *local, unsigned i)
{
    struct pool *pool = local->kept[i];
    if (pool == NULL) {
        return false;
    }
    local->kept[i] = NULL;
    /* It may have been taken from, or given back, since: then it is someone else's to read. */
    if (__atomic_load_n(&pool->kind, __ATOMIC_RELAXED) != SLOT_POOL ||
        __atomic_load_n(&pool->owner, __ATOMIC_RELAXED) != local || ouro__pool_live(pool) != 0) {
        return false;
    }
    struct pool **current = &local->current[pool->domain][pool->class];
    if (*current == pool) {
        *current = &ouro__no_pool;
    } else {
        take_out(&local->usable[pool->domain][pool->class], pool);
    }
    end_pool(local, pool);
    return true;
}

/* A pool is empty: keep it where it is, since its like may be asked for again at once, and give back one that was kept
 * before.  Pools of many blocks seldom are: of these one is kept, in the first place. */
static void
keep_empty(struct local *local, struct pool *pool)
{
    for (unsigned i = 0; i < N_KEPT; i++) {
        if (local->kept[i] == pool) {
            return;
        }
    }
    unsigned i = 0;
    if (pool->class >= FINE_CLASSES) {
        i = local->next_kept + 1;
        local->next_kept = i % (N_KEPT - 1);
    }
    (void)end_kept(local, i);
    local->kept[i] = pool;
}

static bool
end_one_kept(struct local *local)
{
    for (unsigned i = 0; i < N_KEPT; i++) {
        if (end_kept(local, i)) {
            return true;
        }
    }
    return false;
}

/* A new pool is wanted: one that was kept for others gives way, before memory is touched that was not.  Also one of the
 * process's heap: an interpreter's objects would else grow beside what its frames have left there. */
static void
make_way(struct local *local)
{
    if (!end_one_kept(local)) {
        (void)end_one_kept(ouro__locals[0]);
    }
}

void
ouro__pool_became_free(struct local *local, struct pool *pool)
{
    if (ouro__pool_event(pool) > EVENT_EMPTY) {
        take_out(&local->full[pool->domain][pool->class], pool);
        set_event(pool, EVENT_EMPTY);
        push_back(&local->usable[pool->domain][pool->class], pool);
    }
    if (ouro__pool_live(pool) == 0) {
        keep_empty(local, pool);
    }
}

/* ---- refill ---- */

static void
put_aside(struct local *local, struct pool *pool)
{
    struct queue *full = &local->full[pool->domain][pool->class];
    OURO_ASSERT(ouro__pool_live(pool) > EVENT_EMPTY); /* no pool has a single block */
    set_event(pool, ouro__pool_live(pool));
    push_back(full, pool);
}

/* Have something on the pool's list, from wherever it can come without a new pool. */
static bool
replenish(struct pool *pool)
{
    return pool->free != OFFSET_NONE || collect_remote(pool) || carve(pool) || ouro__pool_warm(pool);
}

/* A full pool that others freed blocks of: the queue is a clock whose hand moves on a little at each call, so
 * that the search costs no more than the pools it saves. */
static struct pool *
sweep_full(struct local *local, unsigned domain, unsigned class)
{
    struct queue *full = &local->full[domain][class];
    uint8_t *hint = &local->remote_hint[domain][class];

    uint32_t *left = &local->unswept[domain][class];
    if (*left == 0) {
        if (__atomic_load_n(hint, __ATOMIC_RELAXED) == 0) {
            return NULL;
        }
        /* Before the first look: whoever pushes behind the hand's back asks for another round. */
        __atomic_store_n(hint, 0, __ATOMIC_SEQ_CST);
        *left = full->n;
    }
    for (unsigned i = 0; i < SWEEP && *left != 0 && full->first != 0; i++) {
        struct pool *pool = pop_front(full);
        --*left;
        if (collect_remote(pool)) {
            return pool;
        }
        push_back(full, pool);
    }
    return NULL;
}

/* Put a pool that is in no queue where it belongs. */
static void
file_pool(struct local *local, struct pool *pool)
{
    collect_remote(pool);
    if (ouro__pool_live(pool) == 0) {
        end_pool(local, pool);
    } else if (pool->free == OFFSET_NONE && pool->cold == 0 &&
               pool->fresh + ouro__class_size[pool->class] >
                   ouro__pool_end(pool->class, pool->domain)) {
        put_aside(local, pool);
    } else {
        set_event(pool, EVENT_EMPTY);
        push_back(&local->usable[pool->domain][pool->class], pool);
    }
}

/* A new pool is wanted: have others' frees of other classes made use of first, a few at a time.  A class that is
 * not asked for again would keep its pools for ever. */
static void
sweep_elsewhere(struct local *local)
{
    for (unsigned i = 0; i < SWEEP_BINS; i++) {
        unsigned bin = local->next_swept;
        local->next_swept = (bin + 1) % (OURO_N_DOMAINS * N_BINS_A_DOMAIN);
        for (unsigned n = 0; n < SWEEP; n++) {
            struct pool *pool = sweep_full(local, bin / N_BINS_A_DOMAIN, bin % N_BINS_A_DOMAIN);
            if (pool == NULL) {
                break;
            }
            file_pool(local, pool);
        }
    }
}

static struct pool *
find_pool(struct local *local, unsigned domain, unsigned class, size_t size)
{
    struct pool *pool = pop_front(&local->usable[domain][class]);
    if (pool == NULL) {
        pool = sweep_full(local, domain, class);
    }
    if (pool == NULL && __atomic_load_n(&local->heap->orphans, __ATOMIC_RELAXED) != NULL &&
        ouro__local_take_orphan(local)) {
        pool = pop_front(&local->usable[domain][class]);
    }
    if (pool == NULL) {
        sweep_elsewhere(local);
        pool = pop_front(&local->usable[domain][class]);
    }
    if (pool == NULL) {
        make_way(local);
    }
    return pool != NULL ? pool : make_pool(local, domain, class, size);
}

struct pool *
ouro__local_refill(struct local *local, unsigned domain, unsigned class, size_t size)
{
    struct pool *pool = local->current[domain][class];

    while (!replenish(pool)) {
        if (pool != &ouro__no_pool) {
            local->current[domain][class] = &ouro__no_pool;
            put_aside(local, pool);
        }
        pool = find_pool(local, domain, class, size);
        if (pool == NULL) {
            return NULL;
        }
        set_event(pool, class < FINE_CLASSES ? EVENT_NEVER : EVENT_EMPTY);
        local->current[domain][class] = pool;
        ouro__heap_took(local, ouro__class_slots(class));
    }
    return pool;
}

/* ---- a local as a whole ---- */

void
ouro__local_init(struct local *local, struct ouro_heap *heap)
{
    memset(local, 0, sizeof *local);
    for (unsigned domain = 0; domain < OURO_N_DOMAINS; domain++) {
        for (unsigned class = 0; class < N_BINS_A_DOMAIN; class ++) {
            local->current[domain][class] = &ouro__no_pool;
        }
    }
    local->hot[NEVER_HOT] = local;
    local->heap = heap;
}

static void
adopt(struct local *local, struct pool *pool)
{
    pool->hot = hot_offset_in(local, pool->domain, pool->class);
    __atomic_store_n(&pool->owner, local, __ATOMIC_RELAXED);
}

/* File every pool of a queue anew; its length is read first, since some come back to its end. */
static void
refile(struct local *local, struct local *from, struct queue *queue)
{
    for (uint32_t n = queue->n; n > 0; n--) {
        struct pool *pool = pop_front(queue);
        if (local != from) {
            adopt(local, pool);
        }
        file_pool(local, pool);
    }
}

static void
flush_hot(struct local *local)
{
    for (unsigned i = 0; i < NEVER_HOT; i++) {
        char *block = local->hot[i];
        local->past_allocs[i / FINE_CLASSES] += local->n_hot[i];
        local->n_hot[i] = 0;
        if (block != NULL) {
            local->hot[i] = NULL;
            ouro__pool_put(local, ouro__record_at((uintptr_t)block - ouro__range.base), block);
        }
    }
}

static void
refile_all(struct local *local, struct local *from)
{
    flush_hot(from);
    for (unsigned domain = 0; domain < OURO_N_DOMAINS; domain++) {
        for (unsigned class = 0; class < N_BINS_A_DOMAIN; class ++) {
            struct pool *current = from->current[domain][class];
            refile(local, from, &from->usable[domain][class]);
            refile(local, from, &from->full[domain][class]);
            if (current != &ouro__no_pool) {
                from->current[domain][class] = &ouro__no_pool;
                adopt(local, current);
                file_pool(local, current);
            }
        }
    }
}

void
ouro__local_release_empty(struct local *local)
{
    refile_all(local, local);
}

void
ouro__local_purge_idle(struct local *local)
{
    for (unsigned domain = 0; domain < OURO_N_DOMAINS; domain++) {
        for (unsigned class = 0; class < N_BINS_A_DOMAIN; class ++) {
            struct pool *pool = local->current[domain][class];
            uint32_t start = ouro__pool_start(class, domain);
            if (collect_remote(pool) && ouro__pool_live(pool) == 0 && pool->fresh - start > CARVE) {
                ouro__os_purge(pool->base, ouro__class_slots(class) * SLOT_SIZE);
                ouro__range_count_purged(pool->fresh - start);
                pool->free = OFFSET_NONE;
                pool->fresh = start;
                pool->cold = 0;
            }
        }
    }
}

void
ouro__local_absorb(struct local *local, struct local *other)
{
    refile_all(local, other);
    for (unsigned domain = 0; domain < OURO_N_DOMAINS; domain++) {
        local->past_allocs[domain] += other->past_allocs[domain];
        other->past_allocs[domain] = 0;
    }
}
