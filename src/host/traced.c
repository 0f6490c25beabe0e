/* traced.c - allocations that are traced, and resizing while others are. */
#include "host/traced.h"

#include <string.h>

static bool
is_sampled(void)
{
    return ouro__trace_mode_now() == OURO__TRACE_SAMPLED;
}

/* Where there is no memory for a sample, there may be for the program. */
static void *
take_apart(ouro_heap *heap, unsigned domain, size_t alignment, size_t size, bool *traced)
{
    void *block = ouro__heap_alloc_apart(heap, domain, alignment, size);
    if (OURO_UNLIKELY(block == NULL) && size <= OURO_POOLED_MAX) {
        block = ouro_heap_alloc_aligned(heap, (ouro_domain)domain, alignment, size);
        *traced = false;
    }
    return block;
}

void *
ouro__traced_take(ouro_heap *heap, unsigned domain, unsigned asker, size_t alignment, size_t size,
                  bool zeroed, int64_t *until)
{
    void *block;
    bool traced = ouro__trace_turn(until, size);
    if (zeroed && size > OURO_POOLED_MAX) {
        block = ouro_heap_alloc_zeroed(heap, (ouro_domain)domain, 1, size);
    } else {
        block = traced && is_sampled()
                    ? take_apart(heap, domain, alignment, size, &traced)
                    : ouro_heap_alloc_aligned(heap, (ouro_domain)domain, alignment, size);
        if (zeroed && block != NULL) {
            memset(block, 0, size);
        }
    }
    if (traced) {
        ouro__trace_alloc(block, size, asker);
    }
    return block;
}

/* A sample that is no large block has to be made anew, apart. */
static void *
move_apart(ouro_heap *heap, unsigned domain, void *block, size_t size)
{
    void *moved = ouro__heap_alloc_apart(heap, domain, OURO_ALIGNMENT, size);
    if (moved != NULL) {
        size_t usable = ouro_heap_usable_size(block);
        memcpy(moved, block, size < usable ? size : usable);
        ouro_heap_free(heap, (ouro_domain)domain, block);
    }
    return moved;
}

/* A resized block is a new one: the old one's trace goes, and the new one gets its own if it is due. */
void *
ouro__traced_resize(ouro_heap *heap, unsigned domain, unsigned asker, void *block, size_t size,
                    int64_t *until)
{
    bool due = ouro__trace_is_due(until, size) && ouro__trace_turn(until, size);
    uint32_t trace = ouro__trace_take(block);
    bool apart = due && is_sampled() && size <= OURO_POOLED_MAX && !heap->debug;
    void *resized = apart ? move_apart(heap, domain, block, size)
                          : ouro_heap_realloc(heap, (ouro_domain)domain, block, size);
    if (resized == NULL) {
        ouro__trace_put_back(block, trace);
        return NULL;
    }
    ouro__trace_drop(block, trace);
    if (due) {
        ouro__trace_alloc(resized, size, asker);
    }
    return resized;
}
