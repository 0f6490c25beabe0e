/* ouro/heap.h - the private heap: blocks of memory from pools, by domain, with figures.
 *
 * A heap hands out blocks.  Small ones come from pools of equal-sized blocks, large ones are runs of
 * their own; all lie in one range of addresses, so that the pool of any block is a shift away.  Two
 * kinds exist: an *exclusive* heap is guarded by its caller (a global lock, a single thread) and uses no
 * atomic instruction; a *shared* heap takes calls from any thread.
 *
 * Sizes are bytes.  Every block is aligned to OURO_ALIGNMENT at least. */
#ifndef OURO_HEAP_H
#define OURO_HEAP_H

#include <stdbool.h>

#include <ouro/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The alignment of every block, in bytes. */
#define OURO_ALIGNMENT 16

/** The largest size that is served from pools; larger blocks are runs of their own.  Bytes. */
#define OURO_POOLED_MAX 65536

/** How many size classes the pools have. */
#define OURO_N_SIZE_CLASSES 89

/** A private heap. */
typedef struct ouro_heap ouro_heap;

/** Who asks: the three domains of CPython's C API (Doc/c-api/memory.rst, "Allocator Domains"). */
typedef enum ouro_domain {
    OURO_DOMAIN_RAW = 0,    /**< malloc and its like: any thread, no lock held */
    OURO_DOMAIN_MEM = 1,    /**< buffers of an interpreter, under its lock */
    OURO_DOMAIN_OBJECT = 2, /**< objects of an interpreter, under its lock */
} ouro_domain;

/** How many domains there are. */
#define OURO_N_DOMAINS 3

/** Who guards a heap. */
typedef enum ouro_heap_kind {
    OURO_HEAP_EXCLUSIVE = 0, /**< the caller: one call at a time */
    OURO_HEAP_SHARED = 1,    /**< the heap: calls from any thread */
} ouro_heap_kind;

/** What a heap is made with.  Zero is a good value for every field. */
typedef struct ouro_heap_config {
    ouro_heap_kind kind;   /**< who guards it */
    size_t limit;          /**< most bytes the heap may hold from the system for blocks; 0: none */
    ouro_heap *limit_with; /**< borrowed, may be NULL: count against that heap's limit instead */
    bool debug;            /**< red zones, filling, quarantine, ownership checks (see docs/heap.md) */
} ouro_heap_config;

/** What a heap holds, at one moment.  Derived from its pools: asking costs a walk over their records. */
typedef struct ouro_heap_stats {
    /** What a heap holds of one domain. */
    struct ouro_domain_stats {
        uint64_t live_blocks; /**< blocks now allocated */
        uint64_t live_bytes;  /**< their bytes, rounding included */
        uint64_t n_allocs;    /**< blocks allocated since the heap began */
        uint64_t n_frees;     /**< blocks freed since */
    } domain[OURO_N_DOMAINS]; /**< of each domain */
    uint64_t live_bytes;      /**< over all domains, rounding included */
    uint64_t peak_bytes;      /**< the most that live_bytes was, looked for at each 1/64 of growth */
    uint64_t rounding_bytes;  /**< of live_bytes, what nobody asked for (small blocks: sampled) */
    uint64_t free_bytes;      /**< touched but free, in pools that also hold live blocks */
    uint64_t cached_bytes;    /**< touched but free, in empty pools and runs kept for reuse */
    uint64_t untouched_bytes; /**< of live_bytes, parts of large blocks that were never written */
    uint64_t resident_bytes;  /**< live + free + cached - untouched: what the system holds for us */
    uint64_t mapped_bytes;    /**< address space taken, records included */
    uint64_t record_bytes;    /**< the heap's own records, resident */
    uint64_t n_pools;         /**< pools with at least one live block */
    uint64_t n_large;         /**< blocks above OURO_POOLED_MAX */
    uint64_t purged_bytes;    /**< given back to the system since the heap began */
    uint64_t limit_bytes;     /**< the limit, 0 for none */
    uint64_t limit_refusals;  /**< allocations refused because of it */
    uint64_t limit_last_size; /**< bytes asked by the last one refused */
    /** Pools by how full they are: [0] up to a tenth of their blocks live, ... [9] above nine tenths. */
    uint64_t occupancy[10];
} ouro_heap_stats;

/** One size class, over all domains of a heap. */
typedef struct ouro_class_stats {
    uint32_t block_size;     /**< bytes a block */
    uint64_t n_pools;        /**< pools of this class */
    uint64_t live_blocks;    /**< blocks allocated */
    uint64_t free_blocks;    /**< blocks touched and free */
    uint64_t rounding_bytes; /**< of the live blocks' bytes, what nobody asked for (sampled) */
} ouro_class_stats;

/** One live block, as ouro_heap_walk() shows it. */
typedef struct ouro_block {
    void *address;      /**< where it begins */
    size_t size;        /**< usable bytes */
    ouro_domain domain; /**< who asked for it */
    const void *pool;   /**< where its pool begins; the block itself for a large one */
    size_t pool_size;   /**< bytes of that pool */
} ouro_block;

/** Called for each live block; return false to end the walk. */
typedef bool (*ouro_block_visitor)(const ouro_block *block, void *context);

/**
 * Make a heap.
 *
 * @param config  borrowed, read during the call; NULL for an exclusive heap without a limit
 * @return an owned heap, or NULL when memory or addresses are refused, or when 32 shared heaps exist
 * @threads any
 */
OURO_API OURO_NODISCARD ouro_heap *ouro_heap_create(const ouro_heap_config *config);

/**
 * Destroy a heap and every block in it.  Cannot fail.
 *
 * @param heap  stolen; NULL is ignored
 * @threads no other call on this heap may be running
 */
OURO_API void ouro_heap_destroy(ouro_heap *heap);

/**
 * Allocate `size` uninitialised bytes; 0 yields a distinct block.
 *
 * @param heap    borrowed
 * @param domain  whose block it is
 * @param size    bytes
 * @return an owned block aligned to OURO_ALIGNMENT, or NULL when the limit or the system refuses; the
 *         heap is then as it was
 * @threads any, for a shared heap; the holder of its lock, for an exclusive one
 * @source  CPython Objects/obmalloc.c, _PyObject_Malloc()
 */
OURO_API OURO_NODISCARD void *ouro_heap_alloc(ouro_heap *heap, ouro_domain domain, size_t size)
    OURO_ALLOC_SIZE(3);

/**
 * Allocate `count` times `size` bytes, all zero.
 *
 * @param domain  whose block it is
 * @return as ouro_heap_alloc(); NULL also when the product overflows
 * @threads as ouro_heap_alloc()
 */
OURO_API OURO_NODISCARD void *ouro_heap_alloc_zeroed(ouro_heap *heap, ouro_domain domain, size_t count,
                                                     size_t size);

/**
 * Allocate `size` uninitialised bytes, aligned to `alignment` bytes.
 *
 * @param domain     whose block it is
 * @param alignment  bytes, a power of two; anything else yields NULL
 * @return as ouro_heap_alloc()
 * @threads as ouro_heap_alloc()
 */
OURO_API OURO_NODISCARD void *ouro_heap_alloc_aligned(ouro_heap *heap, ouro_domain domain,
                                                      size_t alignment, size_t size);

/**
 * Change a block's size, keeping the bytes that both sizes have.  Large blocks grow in place or are
 * moved by remapping their pages.
 *
 * @param domain  the one that the block came from
 * @param block   stolen on success, untouched on failure; NULL allocates
 * @param size    bytes; 0 yields a distinct block, as in CPython
 * @return an owned block, or NULL; then `block` is still owned by the caller and as it was
 * @threads as ouro_heap_alloc()
 */
OURO_API OURO_NODISCARD void *ouro_heap_realloc(ouro_heap *heap, ouro_domain domain, void *block,
                                                size_t size);

/**
 * Free a block.  Cannot fail; a double or wild free that is noticed is reported on standard error and
 * aborts the process.
 *
 * @param heap    borrowed: the heap that is guarded now.  A block of another heap is handed back to it.
 * @param domain  the one that the block came from
 * @param block  stolen; NULL is ignored
 * @threads as ouro_heap_alloc()
 */
OURO_API void ouro_heap_free(ouro_heap *heap, ouro_domain domain, void *block);

/**
 * Bytes that may be used in a block: what was asked, rounded up.
 *
 * @param block  borrowed, a live block of any heap
 * @threads any
 */
OURO_API size_t ouro_heap_usable_size(const void *block);

/** Whether `address` lies in memory that is served by any Ouro heap of this copy.  @threads any */
OURO_API bool ouro_heap_owns(const void *address);

/**
 * Give back to the system what is not needed: cached pools and runs, and the free system pages inside
 * part-full pools.
 *
 * @return bytes given back
 * @threads as ouro_heap_alloc(); of a shared heap, the pools of other running threads are left alone
 */
OURO_API size_t ouro_heap_trim(ouro_heap *heap);

/**
 * Change the limit.  Blocks that are live stay, even above it.
 *
 * @param limit  bytes; 0 for none
 * @threads as ouro_heap_alloc()
 */
OURO_API void ouro_heap_set_limit(ouro_heap *heap, size_t limit);

/** Fill `stats`.  @threads any for a shared heap (figures of running threads are a moment old); the
 *  holder of its lock for an exclusive one */
OURO_API void ouro_heap_get_stats(ouro_heap *heap, ouro_heap_stats *stats);

/** Fill `stats` for class `index`, 0 to OURO_N_SIZE_CLASSES - 1.  @threads as ouro_heap_get_stats() */
OURO_API void ouro_heap_get_class_stats(ouro_heap *heap, unsigned index, ouro_class_stats *stats);

/**
 * Visit every live block.  Blocks that are allocated or freed by other threads meanwhile may be seen or
 * not; all others are seen once.
 *
 * @param context  handed to `visitor`
 * @param visitor  must not free blocks of this heap; may allocate from other heaps
 * @return false when the visitor ended the walk
 * @threads any for a shared heap; the holder of its lock for an exclusive one
 */
OURO_API bool ouro_heap_walk(ouro_heap *heap, ouro_block_visitor visitor, void *context);

#ifdef __cplusplus
}
#endif

#endif
