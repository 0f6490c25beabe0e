/* traced.c - allocations that are traced, and resizing while others are. */
#define _POSIX_C_SOURCE 200809L
#include "trace/traced.h"

#include <string.h>

#include "os/os.h"

void (*ouro__traced_on_look)(void);
unsigned (*ouro__traced_above)(void);

/* Blocks from one look to the next. */
#define LOOK_EVERY 1024U

static void
look(void)
{
    ouro__teller.until_look = LOOK_EVERY - 1;
    if (ouro__traced_on_look != NULL) {
        ouro__traced_on_look();
    }
}

/* A block from the pools apart, which have a lock.  A signal handler that interrupted its holder, and forked or
 * allocated, would wait for good: so signals wait. */
static void *
alloc_apart(const struct ouro__asker *asker, size_t alignment, size_t size)
{
    struct ouro__os_signals before;
    ouro__os_hold_signals(&before);
    void *block = ouro__heap_alloc_apart(asker->heap, asker->domain, alignment, size);
    ouro__os_release_signals(&before);
    return block;
}

/* At each sample; of all blocks, not every one is an occasion. */
static inline void
look_now_and_then(enum ouro__trace_mode mode)
{
    if (OURO_UNLIKELY(mode == OURO__TRACE_SAMPLED || ouro__teller.until_look == 0)) {
        look();
    } else {
        ouro__teller.until_look--;
    }
}

/* Inline: with native frames each one between here and the program is one to walk. */
__attribute__((always_inline)) static inline void
tell(void *block, size_t size, unsigned known, enum ouro__trace_mode mode)
{
    unsigned (*above)(void) = __atomic_load_n(&ouro__traced_above, __ATOMIC_ACQUIRE);
    unsigned told = above != NULL ? known | above() : known;
    if (mode == OURO__TRACE_EXACT) {
        ouro__trace_alloc(block, size, told);
    } else {
        ouro__trace_sample(block, size, told);
    }
    look_now_and_then(mode);
}

void *
ouro__traced_tell_unmarked(void *block, size_t size, unsigned known)
{
    tell(block, size, known, OURO__TRACE_EXACT);
    return block;
}

void
ouro__traced_tell(void *block, size_t size, unsigned known, enum ouro__trace_mode mode)
{
    tell(block, size, known, mode);
}

/* Where there is no memory for a sample, there may be for the program. */
static void *
take_apart(const struct ouro__asker *asker, size_t alignment, size_t size, enum ouro__trace_mode *mode)
{
    void *block = alloc_apart(asker, alignment, size);
    if (OURO_UNLIKELY(block == NULL) && size <= OURO_POOLED_MAX) {
        block = ouro__heap_take(asker->heap, asker->domain, alignment, size, false);
        *mode = OURO__TRACE_OFF;
    }
    return block;
}

static void *
take(const struct ouro__asker *asker, size_t alignment, size_t size, bool zeroed,
     enum ouro__trace_mode *mode)
{
    ouro_domain domain = (ouro_domain)asker->domain;
    if (OURO_UNLIKELY(asker->heap->debug)) {
        return ouro__debug_alloc(asker->heap, domain, size, alignment, zeroed, asker->site);
    }
    if (zeroed && size > OURO_POOLED_MAX) {
        return ouro__heap_take(asker->heap, domain, OURO_ALIGNMENT, size, true);
    }
    void *block = *mode == OURO__TRACE_SAMPLED
                      ? take_apart(asker, alignment, size, mode)
                      : ouro__heap_take(asker->heap, domain, alignment, size, false);
    return zeroed && block != NULL ? memset(block, 0, size) : block;
}

void *
ouro__traced_take(const struct ouro__asker *asker, size_t alignment, size_t size, bool zeroed)
{
    enum ouro__trace_mode mode = ouro__trace_turn(asker->until, size);
    void *block = take(asker, alignment, size, zeroed, &mode);
    if (mode != OURO__TRACE_OFF) {
        tell(block, size, asker->known, mode);
    }
    return block;
}

void
ouro__traced_give(void *block)
{
    if (ouro__trace_free(block)) {
        look_now_and_then(ouro__trace_mode_now());
    }
}

/* A sample that is no large block has to be made anew, apart. */
static void *
move_apart(const struct ouro__asker *asker, void *block, size_t size)
{
    void *moved = alloc_apart(asker, OURO_ALIGNMENT, size);
    if (moved != NULL) {
        size_t usable = ouro_heap_usable_size(block);
        memcpy(moved, block, size < usable ? size : usable);
        ouro__heap_give(asker->heap, block);
    }
    return moved;
}

static void *
resize(const struct ouro__asker *asker, void *block, size_t size, enum ouro__trace_mode *mode)
{
    if (OURO_UNLIKELY(asker->heap->debug)) {
        return ouro__debug_realloc(asker->heap, (ouro_domain)asker->domain, block, size, asker->site);
    }
    if (*mode == OURO__TRACE_SAMPLED && size <= OURO_POOLED_MAX) {
        void *moved = move_apart(asker, block, size);
        if (OURO_LIKELY(moved != NULL)) {
            return moved;
        }
        *mode = OURO__TRACE_OFF;
    }
    return ouro__heap_resize(asker->heap, asker->domain, block, size);
}

/* A resized block is a new one: the old one's trace goes, and the new one gets its own if it is due. */
void *
ouro__traced_resize(const struct ouro__asker *asker, void *block, size_t size)
{
    struct ouro__taken trace = ouro__trace_take(block);
    enum ouro__trace_mode mode =
        ouro__trace_is_due(asker->until, size) ? ouro__trace_turn(asker->until, size) : OURO__TRACE_OFF;
    void *resized = resize(asker, block, size, &mode);
    if (resized == NULL) {
        ouro__trace_put_back(block, trace);
        return NULL;
    }
    ouro__trace_drop(block, trace);
    if (mode != OURO__TRACE_OFF) {
        tell(resized, size, asker->known, mode);
    }
    return resized;
}
