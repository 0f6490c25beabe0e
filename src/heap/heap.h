/* heap.h - what the files of the heap know of each other.
 *
 * A *local* is a set of pools that one holder takes blocks from: an exclusive heap has one, whose holder is
 * whoever has the heap's guard; a shared heap has one for each thread.  Only the holder touches a pool's
 * lists and counts.  Everyone else who frees a block pushes it on the pool's `remote` list, atomically, and
 * the holder takes that list over when its own runs dry.
 *
 * For each domain and class a local has one *current* pool to take from, a queue of *usable* pools that have
 * free blocks, and a queue of *full* ones:
 *
 *              runs dry                       first free
 *   current ------------> full (event: all) -------------> usable (event 1) --> kept --> range
 *      ^                   | clock finds remote frees          | all blocks free
 *      +-------------------+-----------------------------------+
 *
 * A usable pool goes to the end of its queue, so that it can fill up with free blocks, or become empty and
 * be given back, before it is taken from again. */
#ifndef OURO_HEAP_HEAP_H
#define OURO_HEAP_HEAP_H

#include "base/assert.h"
#include "heap/range.h"
#include "os/os.h"
#include "ouro/heap.h"

#ifndef OURO_STRESS
#define OURO_STRESS 0
#endif

#define N_BINS_A_DOMAIN OURO_N_SIZE_CLASSES
#define N_KEPT 8
#define MAX_SHARED_HEAPS 33              /* the process's and 32 more */
#define MAX_LIVE_BLOCKS (SLOT_SIZE / 16) /* of a pool */

/* A free that leaves a pool fewer live blocks than its event takes the slow path: then its balance is negative. */
enum pool_event {
    EVENT_NEVER = 0, /* the current pool of a class up to FINE_MAX may become empty and stay */
    EVENT_EMPTY = 1, /* a pool that becomes empty is kept among a few, then given back */
                     /* more, as many as it has blocks: a full pool becomes usable */
};
#define BALANCE_BLOCK 0x10000 /* a live block in a pool's balance */

struct queue {
    uint32_t first, last; /* slot indexes, 0 for none */
    uint32_t n;           /* pools in it */
};

/* Where the hot block of a class is; those of larger classes are never hot. */
#define NEVER_HOT (OURO_N_DOMAINS * FINE_CLASSES)

static inline size_t
ouro__hot_index(unsigned domain, size_t class)
{
    return class < FINE_CLASSES ? (size_t)domain * FINE_CLASSES + class : NEVER_HOT;
}

enum local_state {
    LOCAL_HELD,   /* by a thread, or by the guard of an exclusive heap */
    LOCAL_ORPHAN, /* its thread has ended: an orphan or a spare until a thread takes it */
    LOCAL_VANISHED /* its thread was not copied by fork: its pools may be inconsistent, never taken from */
};

struct local {
    /* What others read, apart from what the holder writes often. */
    struct ouro_heap *heap;
    struct local *next;   /* in the heap's list of all locals */
    struct local *orphan; /* in its list of orphans */
    const char *holder;   /* &ouro__thread of the thread that has it */
    enum local_state state;
    struct pool *current[OURO_N_DOMAINS][N_BINS_A_DOMAIN]; /* never NULL: &ouro__no_pool */
    /* Of an exclusive heap: a block of each small class that was freed and is handed out next, without a look at its
     * pool.  For the pool it is live, for everyone else free; written by the holder, read by all. */
    void *hot[NEVER_HOT + 1];  /* by ouro__hot_index(); the last one is never empty */
    uint64_t n_hot[NEVER_HOT]; /* handed out from there */
    struct queue usable[OURO_N_DOMAINS][N_BINS_A_DOMAIN];
    struct queue full[OURO_N_DOMAINS][N_BINS_A_DOMAIN];
    uint32_t unswept[OURO_N_DOMAINS][N_BINS_A_DOMAIN]; /* full pools to look at before the next round */
    uint8_t remote_hint[OURO_N_DOMAINS]
                       [N_BINS_A_DOMAIN]; /* others freed blocks of this class; atomic */
    struct pool *kept[N_KEPT]; /* pools that became empty lately and were not given back yet: a ring
                                * behind the first */
    unsigned next_kept;        /* its next place, from 0 */
    int32_t
        until_sample; /* slots to take before the next look at live bytes; atomic: a debug heap's is shared */
    unsigned next_swept; /* bin whose full pools are looked at next when a new pool is wanted */
    /* Of pools that were given back. */
    uint64_t past_allocs[OURO_N_DOMAINS];
    /* Requests that took the slow path: a sample of what is asked, for the rounding. */
    uint64_t asked_bytes[N_BINS_A_DOMAIN], asked_count[N_BINS_A_DOMAIN];
};

struct ouro_heap {
    ouro_heap_kind kind;
    bool debug;
    bool is_watched;              /* see struct ouro__heap_watcher */
    bool slow_allocs, slow_frees; /* the heap's users take no fast path; atomic */
    unsigned index;               /* of a shared heap: in ouro__locals */
    struct ouro_heap *next;       /* in the list of all heaps */
    ouro__os_lock lock;           /* guards locals and orphans */
    struct local *locals;
    struct local *orphans; /* with pools of threads that have ended, through `orphan`; atomic */
    struct local *spares;  /* without pools, likewise */
    struct local *late;    /* of a shared heap: serves threads that are past their end, under `lock` */
    struct local *apart;   /* of any heap: what ouro__heap_alloc_apart() takes from, under `lock` */
    struct local own;      /* of an exclusive heap */
    struct local heir;     /* takes its pools when it is retired */

    /* Blocks of the mem domain that were taken from pools of the object domain and freed again, by class: see
     * ouro__heap_count_mixed_alloc(). */
    uint64_t mixed_allocs[N_BINS_A_DOMAIN], mixed_frees[N_BINS_A_DOMAIN];

    struct ouro_heap *account; /* whose limit counts: this heap, or another */
    uint64_t held;             /* bytes of slots held on this account, by all heaps; atomic */
    uint64_t held_here;        /* by this heap alone; atomic */
    uint64_t limit;            /* 0 for none; atomic */
    uint64_t refusals;         /* atomic */
    uint64_t last_refused;     /* bytes asked; atomic */

    uint64_t next_sample;                  /* when to look at the live bytes again, ns; atomic */
    uint64_t next_held;                    /* or at how many bytes held, whichever is first; atomic */
    uint64_t peak;                         /* of live bytes; atomic */
    uint64_t large_allocs[OURO_N_DOMAINS]; /* atomic */
};

/* Called on the slow path about once for each 1/64 of growth, by the thread that grew the heap and, for an
 * exclusive heap, under its guard.  Must not allocate.  `live` is in bytes over all domains of `heap`. */
extern void (*ouro__heap_on_sample)(ouro_heap *heap, uint64_t live);

extern struct pool ouro__no_pool;
extern struct local ouro__no_local;

/* The calling thread's local of each shared heap; &ouro__no_local until it first needs one. */
extern _Thread_local struct local *ouro__locals[MAX_SHARED_HEAPS]
    __attribute__((tls_model("initial-exec")));

/* Called when a thread ends that has taken from a shared heap, before and after its locals are left to others; NULL for
 * nobody. */
extern void (*ouro__heap_on_thread_end)(bool has_left);

/* Its address stands for the calling thread. */
extern _Thread_local const char ouro__thread __attribute__((tls_model("initial-exec")));

/* ---- pool.c ---- */

#define SPREAD_MAX                                                                                     \
    4096 /* classes of the object domain whose first block is not at a pool's beginning */

/* The offset of a pool's first block.  At 48, an object behind a collector's head of 16 bytes lies on a cache
 * line of its own (docs/heap.md); raw blocks begin at 0, so that classes keep their natural alignment. */
static inline uint32_t
ouro__pool_start(unsigned class, unsigned domain)
{
    return domain == OURO_DOMAIN_OBJECT && ouro__class_size[class] <= SPREAD_MAX ? 48 : 0;
}

/* The offset behind which no block may reach. */
static inline uint32_t
ouro__pool_end(unsigned class, unsigned domain)
{
    if (OURO_STRESS) { /* two blocks a pool */
        return ouro__pool_start(class, domain) + 2 * ouro__class_size[class];
    }
    return (uint32_t)(ouro__class_slots(class) << SLOT_SHIFT);
}

static inline uint32_t
ouro__pool_event(const struct pool *pool)
{
    return (uint32_t)pool->balance % BALANCE_BLOCK;
}

/* Blocks that are live or on `remote`.  One word tells: also of a pool whose holder was not copied by fork. */
static inline uint32_t
ouro__pool_live(const struct pool *pool)
{
    int32_t balance = pool->balance;
    return (uint32_t)(balance >> 16) + (uint32_t)balance % BALANCE_BLOCK;
}

/* What reads a record, or where blocks begin in a pool that may end, while its holder may be changing it: the answer may be a
 * moment old, never out of bounds. */
#if defined(__has_attribute)
#if __has_attribute(no_sanitize)
#define OURO__RACY __attribute__((no_sanitize("thread", "address")))
#endif
#endif
#ifndef OURO__RACY
#define OURO__RACY
#endif

/* The heap that a record's pool or large block belongs to; NULL for other slots. */
OURO__RACY static inline struct ouro_heap *
ouro__heap_of(const struct pool *record)
{
    unsigned kind = __atomic_load_n(&record->kind, __ATOMIC_ACQUIRE);
    if (kind == SLOT_POOL) {
        const struct local *owner = __atomic_load_n(&record->owner, __ATOMIC_RELAXED);
        return owner != NULL ? owner->heap : NULL;
    }
    return kind == SLOT_LARGE ? record->heap : NULL;
}

/* A pool knows how many bytes into its local its class's hot block is: freeing finds it by an addition. */
static inline uint32_t
ouro__hot_offset(size_t index)
{
    return (uint32_t)(offsetof(struct local, hot) + index * sizeof(void *));
}

static inline void **
ouro__hot_place(struct local *local, const struct pool *pool)
{
    return (void **)(void *)((char *)local + pool->hot);
}

static inline bool
ouro__pool_is_never_hot(const struct pool *pool)
{
    return pool->hot == ouro__hot_offset(NEVER_HOT);
}

/* The pool's block that is its class's hot one, NULL when it has none. */
OURO__RACY static inline const void *
ouro__pool_hot(const struct pool *pool)
{
    if (OURO_LIKELY(ouro__pool_is_never_hot(pool))) {
        return NULL;
    }
    struct local *owner = __atomic_load_n(&pool->owner, __ATOMIC_RELAXED);
    const char *hot = owner != NULL ? *ouro__hot_place(owner, pool) : NULL;
    return hot >= pool->base && hot < pool->base + SLOT_SIZE ? hot : NULL;
}

/* Whether a block may begin at an address inside this pool or large block. */
static inline bool
ouro__begins_block(const struct pool *record, const void *block)
{
    switch (__atomic_load_n(&record->kind, __ATOMIC_ACQUIRE)) {
    case SLOT_LARGE:
        return block == record->base;
    case SLOT_POOL: {
        uint32_t offset = (uint32_t)((const char *)block - record->base);
        uint32_t start = ouro__pool_start(record->class, record->domain);
        return offset >= start && ouro__class_divides(record->class, offset - start);
    }
    default:
        return false;
    }
}

/* A pool to take from, now current, with at least one block on its list; NULL without memory or past the
 * limit.  `size` is what was asked, for the count of refusals. */
struct pool *ouro__local_refill(struct local *local, unsigned domain, unsigned class, size_t size);

/* A free left fewer live blocks than the pool's event: move the pool to where it belongs now. */
void ouro__pool_became_free(struct local *local, struct pool *pool);

/* Free a block of a pool that someone else holds. */
void ouro__pool_push_remote(struct pool *pool, void *block);

/* In the child of fork: give back the empty pools of threads that are gone; of the others, each when it becomes empty. */
void ouro__pools_vanish(void);

/* Make `local` ready to take from no pool yet. */
void ouro__local_init(struct local *local, struct ouro_heap *heap);

/* ouro__heap_charge() for a local, which gives back what it keeps empty before it lets a limit refuse; the
 * refusal of `size` bytes is then counted. */
bool ouro__local_charge(struct local *local, size_t bytes, size_t size);

/* Take over what others freed, have hot blocks go to their pools, and give every empty pool back. */
void ouro__local_release_empty(struct local *local);

/* Give back the memory, not the slots, of the current pools of which others freed every block, where that is more than a
 * page. */
void ouro__local_purge_idle(struct local *local);

/* Move all pools of `other`, which nobody holds, to `local`. */
void ouro__local_absorb(struct local *local, struct local *other);

/* ---- purge.c ---- */

/* Give back system pages inside part-full pools that hold free blocks alone; bytes given back. */
size_t ouro__local_purge_inside(struct local *local);

/* Put the blocks of one purged stretch of a pool back on its list; false when it has none. */
bool ouro__pool_warm(struct pool *pool);

/* ---- watched.c ---- */

/* Who is told of each block that a heap's users ask for and give back, and does it in their place: tracing, for libouro.
 * A host tells tracing itself, and has no heap watched. */
struct ouro__heap_watcher {
    void *(*alloc)(struct ouro_heap *heap, unsigned domain, size_t alignment, size_t size, bool zeroed,
                   const void *site);
    void *(*resize)(struct ouro_heap *heap, unsigned domain, void *block, size_t size,
                    const void *site);
    void (*free)(struct ouro_heap *heap, unsigned domain, void *block, const void *site);
    void (*end)(struct ouro_heap *heap); /* of all its blocks */
    void (*fork_prepare)(void), (*fork_done)(void);
};

/* Set once, before any heap is watched; who is about to call it may do so when they no longer are. */
extern const struct ouro__heap_watcher *ouro__heap_watcher; /* atomic */

static inline const struct ouro__heap_watcher *
ouro__heaps_watcher(void)
{
    return __atomic_load_n(&ouro__heap_watcher, __ATOMIC_ACQUIRE);
}

/* Whether all heaps are watched, those that are made later as well.  Frees that take the slow path are always told then: of
 * large blocks, and of those that ouro__heap_alloc_apart() made. */
enum ouro__heap_watching { HEAPS_UNWATCHED, HEAPS_ALLOCS_WATCHED, HEAPS_WATCHED };
void ouro__heaps_watch(enum ouro__heap_watching watching);

/* Who keeps blocks or locals of heaps for longer than a call: objects' threads.  They stand still while heaps begin or
 * cease to be watched, and ask ouro__allocs_slowly() when they go on. */
struct ouro__heap_keeper {
    void (*stand_still)(void);
    void (*go_on)(void);
};
extern const struct ouro__heap_keeper *ouro__heap_keeper; /* never NULL */

static inline bool
ouro__allocs_slowly(const struct ouro_heap *heap)
{
    return __atomic_load_n(&heap->slow_allocs, __ATOMIC_RELAXED);
}

static inline bool
ouro__frees_slowly(const struct ouro_heap *heap)
{
    return __atomic_load_n(&heap->slow_frees, __ATOMIC_RELAXED);
}

/* Of a new heap; the lock of heaps is held. */
void ouro__heap_begin_watched(struct ouro_heap *heap);

/* What heap.c leaves to others: a heap that is watched, or a debug heap. */
void *ouro__special_alloc(struct ouro_heap *heap, unsigned domain, size_t alignment, size_t size,
                          bool zeroed, const void *site);
void *ouro__special_realloc(struct ouro_heap *heap, unsigned domain, void *block, size_t size,
                            const void *site);
void ouro__special_free(struct ouro_heap *heap, unsigned domain, void *block, const void *site);
void ouro__special_end(struct ouro_heap *heap);

/* ---- heap.c ---- */

/* What the public functions do with a heap that is not watched, or by who watches it. */
void *ouro__heap_take(struct ouro_heap *heap, unsigned domain, size_t alignment, size_t size,
                      bool zeroed);
void *ouro__heap_resize(struct ouro_heap *heap, unsigned domain, void *block, size_t size);
void ouro__heap_give(struct ouro_heap *heap, void *block); /* not NULL */

/* Call `visit` for all heaps, under their lock. */
void ouro__heaps_visit(void (*visit)(struct ouro_heap *heap));

void *ouro__alloc_slow(struct ouro_heap *heap, struct local *local, unsigned domain, size_t size);

/* Is this request for a block to be refused?  For tests: see OURO_FAULT. */
#if OURO_FAULT
extern long ouro__heap_calls;   /* requests so far */
extern long ouro__heap_fail_at; /* the one that is refused; 0: none */
bool ouro__heap_refuses(void);
#else
static inline bool
ouro__heap_refuses(void)
{
    return false;
}
#endif
void ouro__free_slow(struct local *local, void *block);

/* A block as ouro_heap_alloc_aligned() makes them, but from pools that no thread and no guard holds: whoever frees it
 * takes the slow path, and there only a few blocks are to be told from others. */
void *ouro__heap_alloc_apart(struct ouro_heap *heap, unsigned domain, size_t alignment, size_t size);

/* The same without a look at whether the heap is a debug heap: for debug.c, and the end of the slow paths. */
void *ouro__alloc_from(struct local *local, unsigned domain, size_t size);
void ouro__free_to(struct local *local, struct pool *pool, void *block);

/* "raw", "mem", "object" */
const char *ouro__domain_name(unsigned domain);

/* An interpreter's buffers and objects of one size come and go together.  Apart, each domain's free blocks are lost
 * on the other: 6 % more memory and 10 % more time on a program of many small instances (docs/heap.md).  So an
 * exclusive heap's mem blocks up to OURO_POOLED_MAX are taken from object pools, and counted: an addition each.
 * ouro_heap_walk() shows them as blocks of the object domain. */
static inline void
ouro__heap_count_mixed_alloc(struct ouro_heap *heap, size_t size)
{
    heap->mixed_allocs[ouro__class_of(size)]++;
}

static inline void
ouro__heap_uncount_mixed_alloc(struct ouro_heap *heap, size_t size)
{
    heap->mixed_allocs[ouro__class_of(size)]--;
}

/* Count the freeing of `block`, still live, when it is such a block. */
void ouro__heap_count_mixed_free(struct ouro_heap *heap, const void *block);

/* What becomes of a pointer that no Ouro heap served; by default an error. */
extern void (*ouro__on_foreign_free)(void *block);

/* Count bytes on the heap's account; false past the limit. */
bool ouro__heap_charge(struct ouro_heap *heap, size_t bytes);
void ouro__heap_discharge(struct ouro_heap *heap, size_t bytes);

/* Count a refusal of `size` bytes. */
void ouro__heap_refuse(struct ouro_heap *heap, size_t size);

/* While it is held, no heap is made or destroyed. */
void ouro__heaps_lock(void);
void ouro__heaps_unlock(void);

/* Note that `slots` were taken; looks at the live bytes now and then. */
void ouro__heap_took(struct local *local, size_t slots);

/* Look at the live bytes: their peak, and who wants to know.  A debug heap does so when its lock is free. */
void ouro__heap_sample(struct local *local);

/* Whether ouro_heap_get_stats() would wait for no lock now: a signal handler may have interrupted its own thread
 * while it held one. */
bool ouro__heap_is_quiet(void);

/* The process's shared heap: index 0 in ouro__locals, never destroyed; made by the first call. */
ouro_heap *ouro__heap_process(const ouro_heap_config *config);

/* Make an exclusive heap for good in memory of the caller's, which is zero: one whose address is a constant.  False
 * without memory. */
bool ouro__heap_place(ouro_heap *heap, const ouro_heap_config *config);

/* Serve what an exclusive heap holds from a shared heap from now on, for an interpreter whose lock no longer
 * guards alone: its pools become an orphan of the shared heap.  Called by the guard's holder, once.  The exclusive
 * heap's local stays, without pools: whoever still takes from it ends on the slow path, and what is freed to it
 * goes to the new owner. */
void ouro__heap_retire(ouro_heap *exclusive, ouro_heap *shared);

/* Set by who has the three functions below called around fork, before a heap is made; otherwise the first heap
 * sees to it. */
extern bool ouro__heap_forks_watched;

/* Around fork: every lock of the heap is held, so that the child finds it whole. */
void ouro__heap_fork_prepare(void);
void ouro__heap_fork_parent(void);
void ouro__heap_fork_child(void);

/* ---- local.c ---- */

/* The calling thread's local of a shared heap, made or adopted when it has none; NULL without memory, and
 * for a thread that is past its end, which `late` serves. */
struct local *ouro__local_get(struct ouro_heap *heap);

/* Absorb the pools of a thread that has ended; false when there is none. */
bool ouro__local_take_orphan(struct local *local);

/* A local from the free list or the system, ready for `heap` and in its list; NULL without memory.  The
 * heap's lock is held. */
struct local *ouro__local_make(struct ouro_heap *heap);

/* Put all locals of a heap that ends on the free list. */
void ouro__locals_end(struct ouro_heap *heap);

void ouro__locals_lock(void);
void ouro__locals_unlock(void);

/* In the child of fork: threads other than this one are gone.  True when there were any. */
bool ouro__locals_vanish(struct ouro_heap *heap);

/* ---- large.c ---- */

/* A block of its own run; `local` is for the count of what was taken.  NULL without memory. */
void *ouro__large_alloc(struct local *local, unsigned domain, size_t size, size_t alignment,
                        bool zeroed);

/* Grow or shrink to another large size; NULL, and all as it was, when that can't be done without copying
 * or there is no memory: `*copy` tells whether copying could do it. */
void *ouro__large_resize(struct local *local, struct pool *large, size_t size, bool *copy);

void ouro__large_free(struct pool *large);

/* Bytes that may be used: what was asked, rounded up to the system's page. */
size_t ouro__large_usable(const struct pool *large);

/* ---- stats.c ---- */

/* Bytes of live blocks over all domains, rounding included. */
uint64_t ouro__heap_live(struct ouro_heap *heap);

/* ---- debug.c: a heap whose blocks have red zones ---- */

void *ouro__debug_alloc(ouro_heap *heap, ouro_domain domain, size_t size, size_t alignment, bool zeroed,
                        const void *site);
void *ouro__debug_realloc(ouro_heap *heap, ouro_domain domain, void *block, size_t size,
                          const void *site);
void ouro__debug_free(ouro_heap *heap, ouro_domain domain, void *block, const void *site);
size_t ouro__debug_usable(const void *block);

/* Make a block of the heap below what the program sees of it; false when the program sees none. */
bool ouro__debug_show(ouro_block *block);

/* Look at all freed blocks that wait for reuse: aborts when one was written to. */
void ouro__debug_check(void);

/* The same, then let those of `heap` go and have its pools trimmed. */
void ouro__debug_trim(ouro_heap *heap);

/* Count the heap's blocks that wait for reuse as freed. */
void ouro__debug_adjust(ouro_heap *heap, ouro_heap_stats *stats);

/* Look, and forget those of a heap that ends. */
void ouro__debug_end(ouro_heap *heap);

/* Whether the debug heaps' lock is free. */
bool ouro__debug_is_quiet(void);

void ouro__debug_lock(void);
void ouro__debug_unlock(void);

#endif
