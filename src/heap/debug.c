/* debug.c - blocks with red zones, for finding what corrupts memory.
 *
 *   | head: magic, size, sites, domain, red zone | the program's bytes | red zone, 16 |
 *   ^ block of the heap below                    ^ what the program gets
 *
 * The head tells the size and who allocated; new memory is filled with 0xCD, freed memory with 0xDD; freed blocks
 * wait in a queue before they are reused, so that a late write into one is found when it leaves.  All under the
 * heap's lock: this heap is for finding mistakes, not for speed.
 *
 * @source CPython Objects/obmalloc.c, _PyMem_DebugRawAlloc(), for the idea of red zones by domain */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "heap/fast.h"
#include "heap/heap.h"

#define LIVE_MAGIC 0x6f75726f6c697665U  /* "ourolive" */
#define FREED_MAGIC 0x6f75726f66726565U /* "ourofree" */
#define HEAD_AT                                                                                        \
    0xf75726f000000000U /* or'ed with how far behind the block below's beginning the head is */
#define HEAD_AT_MASK 0xfffffff000000000U
#define HEAD_FARTHEST ((size_t)1 << 35) /* the largest alignment */
#define ZONE_BYTE 0xFB
#define NEW_BYTE 0xCD
#define FREED_BYTE 0xDD
#define FILL_MAX ((size_t)1 << 20) /* of a block; the rest of a larger one is left untouched */
#define ZONE 16
#define QUARANTINE_BLOCKS 4096
#define QUARANTINE_BYTES ((size_t)16 << 20)

struct head {
    uint64_t magic;
    size_t size;       /* bytes that the program asked for */
    void *below;       /* the block of the heap below */
    const void *site;  /* who allocated: an address in the program */
    const void *freed; /* who freed */
    uint32_t domain;
    uint8_t zone[20]; /* red: ends where the program's bytes begin */
};

#define HEAD_SIZE sizeof(struct head)
_Static_assert(HEAD_SIZE % OURO_ALIGNMENT == 0,
               "the program's bytes are aligned, and right behind the zone");

/* Freed blocks that wait, oldest first; one ring for all debug heaps of the process. */
static struct {
    ouro__os_lock lock;
    struct waiting {
        ouro_heap *heap;
        struct head *head;
    } ring[QUARANTINE_BLOCKS];
    size_t first, n, bytes;
} quarantine = {.lock = OURO_OS_LOCK_INIT};

static struct head *
head_of(const void *block)
{
    return (struct head *)((uintptr_t)block - sizeof(struct head));
}

static size_t
filled_bytes(size_t size)
{
    return size < FILL_MAX ? size : FILL_MAX;
}

static char *
bytes_of(struct head *head)
{
    return (char *)(head + 1);
}

__attribute__((noreturn, cold)) static void
die_of_block(const char *what, struct head *head, const void *site)
{
    char allocated[256], freed[256], here[256];
    ouro__message("%s: block %p of %zu bytes, domain %s", what, (void *)bytes_of(head), head->size,
                  ouro__domain_name(head->domain));
    ouro__message("  allocated at %s", ouro__os_describe(head->site, allocated, sizeof allocated));
    if (head->magic == FREED_MAGIC) {
        ouro__message("  freed at %s", ouro__os_describe(head->freed, freed, sizeof freed));
    }
    ouro__die("  found at %s", ouro__os_describe(site, here, sizeof here));
}

/* ---- the heap below ---- */

/* The one local that a debug heap takes from; it is held by who has the quarantine's lock. */
static struct local *
local_below(ouro_heap *heap)
{
    return heap->kind == OURO_HEAP_EXCLUSIVE ? &heap->own : heap->late;
}

static void *
below_alloc(ouro_heap *heap, unsigned domain, size_t size, bool zeroed)
{
    struct local *local = local_below(heap);
    if (local == NULL) {
        ouro__os_acquire(&heap->lock);
        local = heap->late = ouro__local_make(heap);
        ouro__os_release(&heap->lock);
    }
    if (local == NULL) {
        return NULL;
    }
    if (size > OURO_POOLED_MAX) {
        return ouro__large_alloc(local, domain, size, OURO_ALIGNMENT, zeroed);
    }
    void *below = ouro__alloc_from(local, domain, size);
    return below != NULL && zeroed ? memset(below, 0, size) : below;
}

static void
below_free(ouro_heap *heap, void *below)
{
    struct pool *record = ouro__record_at((uintptr_t)below - ouro__range.base);
    if (record->kind == SLOT_LARGE) {
        ouro__large_free(record);
    } else {
        ouro__free_to(local_below(heap), record, below);
    }
}

/* ---- checks ---- */

static bool
is_filled(const void *bytes, unsigned char with, size_t n)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++) {
        if (at[i] != with) {
            return false;
        }
    }
    return true;
}

/* Check a block that the program hands in: that it is one, live, of this domain, and not overrun. */
static struct head *
check(ouro_domain domain, void *block, const void *site)
{
    struct head *head = head_of(block);
    bool aligned = ((uintptr_t)block & (OURO_ALIGNMENT - 1)) == 0;

    if (!aligned || !ouro_heap_owns(head) ||
        (head->magic != LIVE_MAGIC && head->magic != FREED_MAGIC)) {
        char here[256];
        if (aligned && ouro_heap_owns(head) && !is_filled(head->zone, ZONE_BYTE, sizeof head->zone)) {
            ouro__die(
                "underflow or wild free of %p: what lies before it is no head of a block (found at %s)",
                block, ouro__os_describe(site, here, sizeof here));
        }
        ouro__die("wild free of %p: no block begins there (found at %s)", block,
                  ouro__os_describe(site, here, sizeof here));
    }
    if (head->magic == FREED_MAGIC) {
        die_of_block("double free", head, site);
    }
    if (!is_filled(head->zone, ZONE_BYTE, sizeof head->zone)) {
        die_of_block("underflow: bytes before the block were written", head, site);
    }
    if (!is_filled(bytes_of(head) + head->size, ZONE_BYTE, ZONE)) {
        die_of_block("overflow: bytes behind the block were written", head, site);
    }
    if (head->domain != (uint32_t)domain) {
        char what[64];
        snprintf(what, sizeof what, "wrong domain: freed or resized as %s", ouro__domain_name(domain));
        die_of_block(what, head, site);
    }
    return head;
}

static void
check_freed(struct head *head)
{
    if (!is_filled(bytes_of(head), FREED_BYTE, filled_bytes(head->size))) {
        die_of_block("use after free: a freed block was written to", head, NULL);
    }
}

static struct waiting
take_oldest(void)
{
    struct waiting oldest = quarantine.ring[quarantine.first];
    quarantine.first = (quarantine.first + 1) % QUARANTINE_BLOCKS;
    quarantine.n--;
    quarantine.bytes -= oldest.head->size;
    return oldest;
}

static void
put_newest(ouro_heap *heap, struct head *head)
{
    size_t at = (quarantine.first + quarantine.n) % QUARANTINE_BLOCKS;
    quarantine.ring[at] = (struct waiting){heap, head};
    quarantine.n++;
    quarantine.bytes += head->size;
}

/* Let the oldest freed block go, if nobody wrote to it. */
static void
release_oldest(void)
{
    struct waiting oldest = take_oldest();
    check_freed(oldest.head);
    oldest.head->magic = 0;
    below_free(oldest.heap, oldest.head->below);
}

/* ---- what the heap calls ---- */

void *
ouro__debug_alloc(ouro_heap *heap, ouro_domain domain, size_t size, size_t alignment, bool zeroed,
                  const void *site)
{
    size_t slack = alignment > OURO_ALIGNMENT ? alignment : 0;
    if (slack > HEAD_FARTHEST || size > PTRDIFF_MAX / 2) {
        return NULL;
    }
    ouro__os_acquire(&quarantine.lock);
    char *below = below_alloc(heap, domain, size + HEAD_SIZE + ZONE + slack, zeroed);
    while (below == NULL && quarantine.n > 0) {
        release_oldest();
        below = below_alloc(heap, domain, size + HEAD_SIZE + ZONE + slack, zeroed);
    }
    ouro__os_release(&quarantine.lock);
    if (below == NULL) {
        __atomic_store_n(&heap->account->last_refused, size, __ATOMIC_RELAXED);
        return NULL;
    }
    if (__atomic_load_n(&local_below(heap)->until_sample, __ATOMIC_RELAXED) <= 0) {
        ouro__heap_sample(local_below(heap));
    }
    char *block = below + HEAD_SIZE;
    if (slack != 0) {
        block = (char *)ouro__round_up((uintptr_t)block, alignment);
    }
    struct head *head = head_of(block);
    if ((char *)head != below) {
        *(uint64_t *)(void *)below = HEAD_AT | (uint64_t)((char *)head - below);
    }
    *head = (struct head){
        .magic = LIVE_MAGIC, .size = size, .below = below, .site = site, .domain = domain};
    memset(head->zone, ZONE_BYTE, sizeof head->zone);
    if (!zeroed) {
        memset(block, NEW_BYTE, filled_bytes(size));
    }
    memset(block + size, ZONE_BYTE, ZONE);
    return block;
}

void
ouro__debug_free(ouro_heap *heap, ouro_domain domain, void *block, const void *site)
{
    if (block == NULL) {
        return;
    }
    ouro__os_acquire(&quarantine.lock);
    struct head *head = check(domain, block, site);
    head->magic = FREED_MAGIC;
    head->freed = site;
    memset(block, FREED_BYTE, filled_bytes(head->size));
    while (quarantine.n == QUARANTINE_BLOCKS ||
           (quarantine.n > 0 && quarantine.bytes + head->size > QUARANTINE_BYTES)) {
        release_oldest();
    }
    put_newest(heap, head);
    ouro__os_release(&quarantine.lock);
}

void *
ouro__debug_realloc(ouro_heap *heap, ouro_domain domain, void *block, size_t size, const void *site)
{
    if (block == NULL) {
        return ouro__debug_alloc(heap, domain, size, OURO_ALIGNMENT, false, site);
    }
    ouro__os_acquire(&quarantine.lock);
    size_t old = check(domain, block, site)->size;
    ouro__os_release(&quarantine.lock);
    void *moved = ouro__debug_alloc(heap, domain, size, OURO_ALIGNMENT, false, site);
    if (moved != NULL) { /* always elsewhere: whoever kept the old address finds out */
        memcpy(moved, block, size < old ? size : old);
        ouro__debug_free(heap, domain, block, site);
    }
    return moved;
}

size_t
ouro__debug_usable(const void *block)
{
    return head_of(block)->size;
}

bool
ouro__debug_show(ouro_block *block)
{
    char *below = block->address;
    uint64_t first = *(uint64_t *)block->address;
    size_t offset = (first & HEAD_AT_MASK) == HEAD_AT ? (size_t)(first & ~HEAD_AT_MASK) : 0;
    struct head *head = (struct head *)(void *)(below + offset);

    if (offset + HEAD_SIZE > block->size || head->magic != LIVE_MAGIC || head->below != below) {
        return false;
    }
    block->address = bytes_of(head);
    block->size = head->size;
    return true;
}

void
ouro__debug_check(void)
{
    ouro__os_acquire(&quarantine.lock);
    for (size_t i = 0; i < quarantine.n; i++) {
        check_freed(quarantine.ring[(quarantine.first + i) % QUARANTINE_BLOCKS].head);
    }
    ouro__os_release(&quarantine.lock);
}

/* Let the waiting blocks of `heap` go, or, when it ends and they go with it, forget them. */
static void
drop_waiting(ouro_heap *heap, bool ends)
{
    for (size_t n = quarantine.n; n > 0; n--) {
        struct waiting oldest = take_oldest();
        if (oldest.heap != heap) {
            put_newest(oldest.heap, oldest.head);
        } else if (!ends) {
            oldest.head->magic = 0;
            below_free(heap, oldest.head->below);
        }
    }
}

void
ouro__debug_trim(ouro_heap *heap)
{
    ouro__debug_check();
    ouro__os_acquire(&quarantine.lock);
    drop_waiting(heap, false);
    if (local_below(heap) != NULL) {
        ouro__local_release_empty(local_below(heap));
        ouro__local_purge_inside(local_below(heap));
    }
    ouro__os_release(&quarantine.lock);
}

void
ouro__debug_adjust(ouro_heap *heap, ouro_heap_stats *stats)
{
    ouro__os_acquire(&quarantine.lock);
    for (size_t i = 0; i < quarantine.n; i++) {
        const struct waiting *waiting = &quarantine.ring[(quarantine.first + i) % QUARANTINE_BLOCKS];
        if (waiting->heap != heap) {
            continue;
        }
        struct ouro_domain_stats *domain = &stats->domain[waiting->head->domain];
        const struct pool *record = ouro__record_at((uintptr_t)waiting->head->below - ouro__range.base);
        uint64_t size =
            record->kind == SLOT_LARGE ? ouro__large_usable(record) : ouro__class_size[record->class];
        domain->live_blocks--;
        domain->live_bytes -= size;
        stats->cached_bytes += size;
    }
    ouro__os_release(&quarantine.lock);
}

void
ouro__debug_end(ouro_heap *heap)
{
    ouro__debug_check();
    ouro__os_acquire(&quarantine.lock);
    drop_waiting(heap, true);
    ouro__os_release(&quarantine.lock);
}

void
ouro__debug_lock(void)
{
    ouro__os_acquire(&quarantine.lock);
}

void
ouro__debug_unlock(void)
{
    ouro__os_release(&quarantine.lock);
}

bool
ouro__debug_is_quiet(void)
{
    if (!ouro__os_try_acquire(&quarantine.lock)) {
        return false;
    }
    ouro__os_release(&quarantine.lock);
    return true;
}
