/* range.h - the range of addresses that all heaps of a process share, cut into slots of 64 KiB.
 *
 * The range lies at an address chosen at random where nothing else is put; it is mapped as it grows, never
 * reserved as a whole, so that limits on address space (RLIMIT_AS, strict overcommit) mean what they
 * always meant.  Each slot has a record of 64 bytes in one dense array: block to record is a shift and an
 * add, and "ours?" is one comparison with how far the range has grown.
 *
 *             grow            take                    give
 *   NONE ----------> FREE <---------> POOL / LARGE ----------> CACHED (one slot, dirty) ---> FREE
 *
 * FREE slots form runs: the first record of a run and the last know its length, neighbours are joined when
 * given back.  A *dirty* slot was written since it was last purged: it is resident, and not zero; dirty slots and
 * clean ones form runs of their own. */
#ifndef OURO_HEAP_RANGE_H
#define OURO_HEAP_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/classes.h"

enum slot_kind {
    SLOT_NONE = 0,     /* not mapped by us, or just taken */
    SLOT_FREE = 1,     /* in a run of free slots */
    SLOT_CACHED = 2,   /* a former pool of one slot, kept resident for the next */
    SLOT_POOL = 3,     /* first slot of a pool */
    SLOT_LARGE = 4,    /* first slot of a large block */
    SLOT_INTERIOR = 5, /* further slots of a pool or large block: `head` is the first */
};

enum slot_flags {
    SLOT_DIRTY = 1,    /* written since it was mapped or purged */
    SLOT_MOVED = 2,    /* its mapping came from elsewhere by ouro__os_move: renew it, don't purge it */
    SLOT_VANISHED = 4, /* a pool of a thread that fork did not copy: nobody takes from it */
};

struct local;

/* The record of a slot; of a pool, when it is a pool's first.  One cache line.
 *
 * Offsets count bytes from `base`.  Counts of a pool are written by its holder alone (the thread whose
 * `local` owns it, or the guard of an exclusive heap); others touch `remote` alone, and atomically. */
struct pool {
    char *base;          /* the slot's memory; constant */
    struct local *owner; /* who takes from it; NULL for slots that are no pool: atomic for others */
    union {
        struct {               /* POOL */
            uint64_t n_allocs; /* blocks handed out since the pool was made */
            int32_t balance;   /* (live blocks - event) << 16 | event: see enum pool_event */
            uint32_t hot;      /* where in the local its class's hot block is: see ouro__hot_offset() */
        };
        struct {                    /* LARGE */
            uint64_t size;          /* bytes asked for */
            struct ouro_heap *heap; /* whose block it is */
        };
    };
    union {
        uint64_t
            remote;     /* POOL: blocks freed by others: offset of the first << 32 | how many; atomic */
        uint32_t trace; /* LARGE: what src/trace keeps beside it */
    };
    uint32_t next; /* slot indexes of list neighbours, 0 for none */
    uint32_t prev;
    union {
        uint32_t free;    /* POOL: offset of the first free block, OFFSET_NONE for none */
        uint32_t n_slots; /* FREE (first and last of a run), LARGE: slots in all */
        uint32_t head;    /* INTERIOR: slot index of the first */
    };
    uint32_t fresh; /* POOL: offset of the first block that was never handed out */
    uint16_t cold;  /* POOL of one slot: sixteenths purged, whose blocks are on no list */
    uint8_t class;
    uint8_t domain;
    uint8_t kind;  /* enum slot_kind; written last when a pool is made, first when it ends */
    uint8_t flags; /* enum slot_flags */
};

_Static_assert(sizeof(struct pool) == 64, "a record is a cache line");

/* Ends a list of free blocks; no block starts there, since all are aligned to 16. */
#define OFFSET_NONE 8U
/* Offsets fit in so many bits: pools have at most 256 KiB. */
#define OFFSET_BITS 20

/* What the hot paths read: one line, constant but for `extent`. */
struct range {
    uintptr_t base;       /* first address; slot 0 is never used */
    uintptr_t extent;     /* bytes from base that have records: grows, atomic */
    struct pool *records; /* by slot index */
    uint64_t key;         /* free blocks' links are xored with it */
};
extern struct range ouro__range
    __attribute__((visibility("hidden"))); /* found without a table's help */

struct range_stats {
    uint64_t mapped;       /* bytes of slots mapped */
    uint64_t record_bytes; /* bytes of records in use */
    uint64_t dirty_free;   /* bytes resident in free runs */
    uint64_t cached;       /* bytes of cached slots */
    uint64_t purged;       /* bytes given back since the beginning */
};

/* Make the range exist; false when the system has no memory or addresses.  Any thread, again at will. */
bool ouro__range_init(void);

/* Take a run of `n` slots whose first index is a multiple of `unit`, a power of two.  Their records are
 * zero but for base, flags and n_slots in the first.  Returns its record, or NULL. */
struct pool *ouro__range_take(size_t n, size_t unit);

/* The same, of slots that are not resident; NULL also where only others are left. */
struct pool *ouro__range_take_clean(size_t n);

/* Give a run of slots back; their memory may be dirty.  Records' list links must be free. */
void ouro__range_give(struct pool *first, size_t n);

/* The same, but their pages were moved elsewhere. */
void ouro__range_give_moved(struct pool *first, size_t n);

/* Take the `n` slots right behind a run, when they are free: growth in place. */
bool ouro__range_extend(struct pool *first, size_t n_now, size_t n);

/* Purge all that is free. */
void ouro__range_trim(void);

/* Bytes given back since the beginning; those inside pools are counted by who purges them. */
void ouro__range_count_purged(size_t bytes);
uint64_t ouro__range_purged(void);

void ouro__range_get_stats(struct range_stats *stats);

/* Held during fork, and by walkers so that slots don't change hands. */
void ouro__range_lock(void);
void ouro__range_unlock(void);

/* The same without waiting; false while anybody holds it, be it the thread that a signal handler interrupted. */
bool ouro__range_try_lock(void);

/* Whether the lock is free. */
bool ouro__range_is_quiet(void);

static inline size_t
ouro__slot_index(const struct pool *record)
{
    return (size_t)(record - ouro__range.records);
}

/* The record of the pool or large block that `offset` bytes into the range belong to. */
static inline struct pool *
ouro__record_at(uintptr_t offset)
{
    struct pool *record = &ouro__range.records[offset >> SLOT_SHIFT];
    return __atomic_load_n(&record->kind, __ATOMIC_RELAXED) == SLOT_INTERIOR
               ? &ouro__range.records[record->head]
               : record;
}

static inline uintptr_t
ouro__range_extent(void)
{
    return __atomic_load_n(&ouro__range.extent, __ATOMIC_RELAXED);
}

#endif
