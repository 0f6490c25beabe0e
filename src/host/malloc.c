/* malloc.c - the malloc family, as glibc's manual has it, served by the process's shared heap.
 *
 * Hot are malloc() and free(): a thread-local load, then the heap's inline paths.  Everything else may cost a
 * call.  Every function's work is done by a static one, because the public name may not be ours: in a
 * program that brings its own malloc that one is found first, by us as by everyone.
 *
 * Behaviour that differs between libraries follows glibc 2.36, which programs here were built with:
 * - malloc(0) is a distinct block; realloc(block, 0) frees and returns NULL; realloc(NULL, 0) is malloc(0);
 * - memalign() and aligned_alloc() round an alignment up to a power of two;
 * - failure sets errno to ENOMEM, or EINVAL; free() leaves errno as it was.
 *
 * C++: operator new and delete, in all their forms, are not defined here.  Those of libstdc++ and libc++
 * call malloc(), aligned_alloc() or posix_memalign(), and free(), so they are served; they know their
 * std::new_handler and how to throw.  Were they replaced here, then a program that replaces some of the
 * forms itself (the sized delete is often forgotten) would get the rest from us, and what it makes of its
 * blocks, a header in front, say, would be lost on us. */
#define _GNU_SOURCE
#include "host/host.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "heap/fast.h"
#include "trace/traced.h"
#include "os/os.h"

/* Where a public function returns to: what a debug heap reports as the place of an allocation.  Used inside
 * functions that are always inlined, so that only their slow paths load it. */
#define CALLER __builtin_return_address(0)
#define INLINE __attribute__((always_inline)) static inline

/* The process's shared heap; NULL until first needed.  Atomic. */
static ouro_heap *process_heap;

__attribute__((cold, noinline)) static ouro_heap *
make_heap(void)
{
    const struct ouro__settings *settings = ouro__settings_get();
    const ouro_heap_config config = {
        .kind = OURO_HEAP_SHARED,
        .limit = settings->limit,
        .debug = settings->debug,
    };
    ouro__on_foreign_free = ouro__foreign_free;
    ouro_heap *heap = ouro__heap_process(&config);
    __atomic_store_n(&process_heap, heap, __ATOMIC_RELEASE);
    return heap;
}

ouro_heap *
ouro__host_heap(void)
{
    ouro_heap *heap = __atomic_load_n(&process_heap, __ATOMIC_ACQUIRE);
    return OURO_LIKELY(heap != NULL) ? heap : make_heap();
}

static void *
fail(int error)
{
    errno = error;
    return NULL;
}

static inline void *
block_or_error(void *block)
{
    return OURO_LIKELY(block != NULL) ? block : fail(ENOMEM);
}

/* ---- allocation ---- */

__attribute__((noinline)) static void *
take_slow(size_t size, const void *caller)
{
    ouro_heap *heap = ouro__host_heap();
    if (OURO_UNLIKELY(heap == NULL)) {
        return fail(ENOMEM);
    }
    if (OURO_UNLIKELY(heap->debug)) {
        return block_or_error(
            ouro__debug_alloc(heap, OURO_DOMAIN_RAW, size, OURO_ALIGNMENT, false, caller));
    }
    return block_or_error(ouro__alloc_slow(heap, ouro__locals[0], OURO_DOMAIN_RAW, size));
}

static struct ouro__asker
make_asker(ouro_heap *heap, const void *caller)
{
    return (struct ouro__asker){heap, OURO_DOMAIN_RAW, OURO_DOMAIN_RAW, &ouro__until_trace, caller};
}

/* An allocation that is due to be traced, or to be looked at because tracing may have begun. */
__attribute__((cold, noinline)) static void *
take_due(size_t alignment, size_t size, bool zeroed, const void *caller)
{
    struct ouro__asker asker = make_asker(ouro__host_heap(), caller);
    return asker.heap != NULL ? ouro__traced_take(&asker, alignment, size, zeroed) : NULL;
}

__attribute__((cold, noinline)) static void *
take_due_or_error(size_t size, const void *caller)
{
    return block_or_error(take_due(OURO_ALIGNMENT, size, false, caller));
}

/* As ouro__alloc(), with a slow path that knows of errno and of the first call. */
INLINE void *
take_any(size_t size, const void *caller)
{
    if (OURO_UNLIKELY(ouro__trace_is_due(&ouro__until_trace, size))) {
        return take_due_or_error(size, caller);
    }
    void *block = ouro__alloc_pooled(ouro__locals[0], OURO_DOMAIN_RAW, size);
    return OURO_LIKELY(block != NULL) ? block : take_slow(size, caller);
}

/* Apart from small sizes, so that what is compiled for these asks nothing about others. */
__attribute__((noinline)) static void *
take_coarse(size_t size, const void *caller)
{
    return take_any(size, caller);
}

INLINE void *
take(size_t size)
{
    return OURO_LIKELY(size <= FINE_MAX) ? take_any(size, CALLER) : take_coarse(size, CALLER);
}

__attribute__((noinline)) static void *
take_zeroed_slow(size_t size, const void *caller)
{
    ouro_heap *heap = ouro__host_heap();
    if (OURO_UNLIKELY(heap == NULL)) {
        return fail(ENOMEM);
    }
    if (OURO_UNLIKELY(heap->debug)) {
        return block_or_error(
            ouro__debug_alloc(heap, OURO_DOMAIN_RAW, size, OURO_ALIGNMENT, true, caller));
    }
    return block_or_error(ouro_heap_alloc_zeroed(heap, OURO_DOMAIN_RAW, 1, size));
}

INLINE void *
take_zeroed(size_t count, size_t size)
{
    size_t bytes;
    if (OURO_UNLIKELY(__builtin_mul_overflow(count, size, &bytes))) {
        return fail(ENOMEM);
    }
    if (OURO_UNLIKELY(ouro__trace_is_due(&ouro__until_trace, bytes))) {
        return block_or_error(take_due(OURO_ALIGNMENT, bytes, true, CALLER));
    }
    void *block = ouro__alloc_pooled(ouro__locals[0], OURO_DOMAIN_RAW, bytes);
    return OURO_LIKELY(block != NULL) ? memset(block, 0, bytes) : take_zeroed_slow(bytes, CALLER);
}

/* `alignment` is a power of two. */
static void *
take_aligned(size_t alignment, size_t size, const void *caller)
{
    ouro_heap *heap = ouro__host_heap();
    if (OURO_UNLIKELY(heap == NULL)) {
        return NULL;
    }
    if (OURO_UNLIKELY(ouro__trace_is_due(&ouro__until_trace, size))) {
        return take_due(alignment, size, false, caller);
    }
    if (OURO_UNLIKELY(heap->debug)) {
        return ouro__debug_alloc(heap, OURO_DOMAIN_RAW, size, alignment, false, caller);
    }
    return ouro_heap_alloc_aligned(heap, OURO_DOMAIN_RAW, alignment, size);
}

/* As glibc's memalign(): any alignment is good that can be rounded up to a power of two. */
static void *
take_rounded_alignment(size_t alignment, size_t size, const void *caller)
{
    if (OURO_UNLIKELY(alignment > SIZE_MAX / 2 + 1)) {
        return fail(EINVAL);
    }
    if (!ouro__is_power_of_two(alignment)) {
        alignment = alignment == 0 ? 1 : (size_t)1 << (ouro__log2(alignment) + 1);
    }
    return block_or_error(take_aligned(alignment, size, caller));
}

static void *
take_pages(size_t size, bool rounded_up, const void *caller)
{
    size_t page = ouro__os_page_size();
    if (rounded_up && OURO_UNLIKELY(size > SIZE_MAX - page)) {
        return fail(ENOMEM);
    }
    return block_or_error(take_aligned(page, rounded_up ? ouro__round_up(size, page) : size, caller));
}

/* What is not the common case is called last, so that the common one saves no registers for it. */
__attribute__((noinline)) static void
give_slowly(void *block)
{
    ouro__traced_give_slowly(block);
    ouro__free_slow(ouro__locals[0], block);
}

INLINE void
give_untraced(void *block)
{
    struct pool *pool = ouro__pool_to_free(ouro__locals[0], block);
    if (OURO_LIKELY(pool != NULL)) {
        ouro__free_pooled(ouro__locals[0], pool, block);
    } else {
        give_slowly(block);
    }
}

__attribute__((noinline)) static void
give_traced(void *block)
{
    ouro__traced_give(block);
    give_untraced(block);
}

INLINE void
give(void *block)
{
    if (OURO_UNLIKELY(ouro__trace_mode_now() == OURO__TRACE_EXACT)) {
        give_traced(block);
    } else {
        give_untraced(block);
    }
}

/* A block that the heap holds is resized there; one that it doesn't hold, in foreign.c. */
INLINE void *
resize(void *block, size_t size)
{
    if (block == NULL) {
        return take(size);
    }
    if (size == 0) {
        give(block);
        return NULL;
    }
    if (OURO_UNLIKELY(!ouro_heap_owns(block))) {
        return ouro__foreign_realloc(block, size);
    }
    ouro_heap *heap = ouro__host_heap();
    if (OURO_UNLIKELY(ouro__trace_mode_now() != OURO__TRACE_OFF)) {
        struct ouro__asker asker = make_asker(heap, CALLER);
        return block_or_error(ouro__traced_resize(&asker, block, size));
    }
    if (OURO_UNLIKELY(heap->debug)) {
        return block_or_error(ouro__debug_realloc(heap, OURO_DOMAIN_RAW, block, size, CALLER));
    }
    return block_or_error(ouro_heap_realloc(heap, OURO_DOMAIN_RAW, block, size));
}

/* ---- the public names ---- */

OURO_API void *
malloc(size_t size)
{
    return take(size);
}

OURO_API void
free(void *block)
{
    give(block);
}

OURO_API void *
calloc(size_t count, size_t size)
{
    return take_zeroed(count, size);
}

OURO_API void *
realloc(void *block, size_t size)
{
    return resize(block, size);
}

OURO_API void *
reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return fail(ENOMEM);
    }
    return resize(block, bytes);
}

/* Returns its error and leaves errno and, then, *block alone. */
OURO_API int
posix_memalign(void **block, size_t alignment, size_t size)
{
    if (!ouro__is_power_of_two(alignment) || alignment % sizeof(void *) != 0) {
        return EINVAL;
    }
    void *taken = take_aligned(alignment, size, CALLER);
    if (taken == NULL) {
        return ENOMEM;
    }
    *block = taken;
    return 0;
}

OURO_API void *
aligned_alloc(size_t alignment, size_t size)
{
    return take_rounded_alignment(alignment, size, CALLER);
}

OURO_API void *
memalign(size_t alignment, size_t size)
{
    return take_rounded_alignment(alignment, size, CALLER);
}

OURO_API void *
valloc(size_t size)
{
    return take_pages(size, false, CALLER);
}

OURO_API void *
pvalloc(size_t size)
{
    return take_pages(size, true, CALLER);
}

/* 0 for a block that is not ours: whoever asks wants to know how much more than it asked for it may use. */
OURO_API size_t
malloc_usable_size(void *block)
{
    return ouro_heap_usable_size(block);
}

/* `keep`, what is to be left for later, is for the top of a heap that grows by brk(), which ours has not. */
OURO_API int
malloc_trim(size_t keep)
{
    (void)keep;
    ouro_heap *heap = ouro__host_heap();
    return heap != NULL && ouro_heap_trim(heap) != 0;
}

/* ---- names without a declaration in today's headers ---- */

/* Programs from before glibc 2.26 free what calloc() gave by cfree().  The names that begin with __libc
 * are glibc's own, behind the public ones; wrappers of malloc call them, and their users free by free(). */
void cfree(void *block);
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);
void *__libc_memalign(size_t alignment, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);

OURO_API void
cfree(void *block)
{
    give(block);
}

OURO_API void *
__libc_malloc(size_t size)
{
    return take(size);
}

OURO_API void *
__libc_calloc(size_t count, size_t size)
{
    return take_zeroed(count, size);
}

OURO_API void *
__libc_realloc(void *block, size_t size)
{
    return resize(block, size);
}

OURO_API void
__libc_free(void *block)
{
    give(block);
}

OURO_API void *
__libc_memalign(size_t alignment, size_t size)
{
    return take_rounded_alignment(alignment, size, CALLER);
}

OURO_API void *
__libc_valloc(size_t size)
{
    return take_pages(size, false, CALLER);
}

OURO_API void *
__libc_pvalloc(size_t size)
{
    return take_pages(size, true, CALLER);
}

/* ---- whose malloc ---- */

bool
ouro__host_serves_malloc(void)
{
    /* By deed, not by address: in a program that is not position-independent the name's address can be a stub
     * of the program's own, which calls ours. */
    void *address = dlsym(RTLD_DEFAULT, "malloc");
    void *(*found)(size_t) = NULL;
    memcpy(&found, &address, sizeof found);
    if (found == NULL) {
        return false;
    }
    void *volatile block = found(1);
    bool is_ours = block != NULL && ouro_heap_owns(block);
    if (is_ours) {
        free(block);
    }
    return is_ours;
}
