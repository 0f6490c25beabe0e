/* cpython_domains.c - CPython's three allocator domains on our heaps.
 *
 *   raw          any thread, no lock     the process's shared heap, which malloc lives on, too
 *   mem, object  under the global lock   one exclusive heap: no atomics, no thread-local look-up
 *
 * They are set before main(), so the interpreter never sees another allocator, and a block is freed by the
 * heap that made it.  When the person has set PYTHONMALLOC or -X dev, CPython replaces ours at its start;
 * the few blocks made until then come back through free() or realloc(), which know every heap's blocks.
 *
 * Locks of their own.  From 3.12 on an interpreter can have a lock of its own, and then two threads may be
 * in the mem and object domains at once.  But before such an interpreter exists its state has to be
 * allocated, by PyMem_RawCalloc(1, some hundreds of KB), in a thread that holds the only lock there is (the
 * main interpreter's state is static).  That allocation is our cue: right there, the exclusive heap is
 * retired and both domains go on with the shared heap.  So is the loading of a module that makes interpreters.  A false alarm costs some speed and nothing else.
 *
 * Builds without a global lock keep their own allocator for mem and object: their collector finds objects
 * by walking that allocator's pages, and their lock-free readers rely on when it reuses memory. */
#define _GNU_SOURCE
#include "host/cpython.h"

#include <string.h>

#include "heap/fast.h"
#include "host/cpython_frames.h"
#include "os/os.h"
#include "trace/beside.h"
#include "trace/traced.h"
#include "trace/tree.h"

/* No other PyMem_RawCalloc() of one element is so large: the smallest interpreter state has 100 KB. */
#define INTERPRETER_STATE_MIN 65536

static ouro_heap *shared_heap;
static ouro_heap exclusive_heap __attribute__((aligned(4096)));
static bool has_exclusive;
static bool is_retired; /* the exclusive heap: mem and object go on with the shared one */
static int64_t until_trace = OURO__NO_COUNT; /* of the exclusive heap */
bool ouro__cpython_wants_notice;

/* ---- any domain, by the public functions: on a shared heap, or on one that checks ---- */

struct place {
    ouro_heap *heap;
    ouro_domain domain;
};

static struct ouro__asker
place_asker(const struct place *place)
{
    return (struct ouro__asker){place->heap, place->domain, place->domain, &ouro__until_trace,
                                __builtin_return_address(0)};
}

__attribute__((cold, noinline)) static void *
place_due(const struct place *place, size_t size, bool zeroed)
{
    struct ouro__asker asker = place_asker(place);
    return ouro__traced_take(&asker, OURO_ALIGNMENT, size, zeroed);
}

static void *
place_malloc(const struct place *place, size_t size)
{
    if (OURO_UNLIKELY(ouro__cpython_wants_notice && place->domain == OURO_DOMAIN_MEM)) {
        ouro__cpython_notice();
    }
    if (OURO_UNLIKELY(ouro__trace_is_due(&ouro__until_trace, size))) {
        return place_due(place, size, false);
    }
    return ouro_heap_alloc(place->heap, place->domain, size);
}

static void *
place_calloc(const struct place *place, size_t count, size_t size)
{
    size_t bytes;
    if (OURO_UNLIKELY(__builtin_mul_overflow(count, size, &bytes))) {
        return NULL;
    }
    if (OURO_UNLIKELY(ouro__trace_is_due(&ouro__until_trace, bytes))) {
        return place_due(place, bytes, true);
    }
    return ouro_heap_alloc_zeroed(place->heap, place->domain, count, size);
}

static void *
place_realloc(const struct place *place, void *block, size_t size)
{
    if (block == NULL) {
        return place_malloc(place, size);
    }
    if (OURO_UNLIKELY(ouro__trace_mode_now() != OURO__TRACE_OFF)) {
        struct ouro__asker asker = place_asker(place);
        return ouro__traced_resize(&asker, block, size);
    }
    return ouro_heap_realloc(place->heap, place->domain, block, size);
}

static void
place_free(const struct place *place, void *block)
{
    if (OURO_UNLIKELY(ouro__trace_mode_now() != OURO__TRACE_OFF)) {
        ouro__traced_give(block);
    }
    ouro_heap_free(place->heap, place->domain, block);
}

static struct place places[OURO_N_DOMAINS];

/* No function that CPython gets looks at its context.  CPython's own don't, and what Nuitka compiles calls whichever there
 * are without one. */
#define DEFINE_DOMAIN(name, domain)                                                                    \
    static void *name##_malloc(void *context, size_t size)                                             \
    {                                                                                                  \
        (void)context;                                                                                 \
        return place_malloc(&places[domain], size);                                                    \
    }                                                                                                  \
    static void *name##_calloc(void *context, size_t count, size_t size)                               \
    {                                                                                                  \
        (void)context;                                                                                 \
        return place_calloc(&places[domain], count, size);                                             \
    }                                                                                                  \
    static void *name##_realloc(void *context, void *block, size_t size)                               \
    {                                                                                                  \
        (void)context;                                                                                 \
        return place_realloc(&places[domain], block, size);                                            \
    }                                                                                                  \
    static void name##_free(void *context, void *block)                                                \
    {                                                                                                  \
        (void)context;                                                                                 \
        place_free(&places[domain], block);                                                            \
    }
DEFINE_DOMAIN(shared_raw, OURO_DOMAIN_RAW)
DEFINE_DOMAIN(shared_mem, OURO_DOMAIN_MEM)
DEFINE_DOMAIN(shared_object, OURO_DOMAIN_OBJECT)
#undef DEFINE_DOMAIN

/* ---- mem and object, on the exclusive heap ---- */

/* Hot are a pop from a pool of the domain and a push: all tests stand on the slow path.  There, too, it is found
 * that the exclusive heap is retired: then none of its pools is left to pop from.  CPython could be told to call
 * other functions, but not whoever has wrapped these (tracemalloc). */
#define INLINE __attribute__((always_inline)) static inline

/* Pools of one domain serve both: see ouro__heap_count_mixed_alloc(). */
static unsigned
pool_domain(const struct place *place, size_t size)
{
    return size > OURO_POOLED_MAX ? place->domain : OURO_DOMAIN_OBJECT;
}

__attribute__((noinline)) static void *
exclusive_slow(const struct place *place, size_t size)
{
    if (OURO_UNLIKELY(is_retired)) {
        return place_malloc(place, size);
    }
    /* A large block is slow anyway, and a few of them may be all that a program's garbage consists of. */
    if (OURO_UNLIKELY(ouro__cpython_wants_notice || size > OURO_POOLED_MAX)) {
        ouro__cpython_notice();
    }
    return ouro__alloc_slow(&exclusive_heap, &exclusive_heap.own, pool_domain(place, size), size);
}

static struct ouro__asker
exclusive_asker(const struct place *place, size_t size)
{
    return (struct ouro__asker){&exclusive_heap, pool_domain(place, size), place->domain, &until_trace,
                                NULL};
}

/* Each thread counts its own. */
__attribute__((cold, noinline)) static void *
retired_due(const struct place *place, size_t size, bool zeroed)
{
    until_trace = INT64_MAX;
    return zeroed ? place_calloc(place, 1, size) : place_malloc(place, size);
}

static inline void
count_mixed(const struct place *place, const void *block, size_t size)
{
    if (block != NULL && place->domain == OURO_DOMAIN_MEM && size <= OURO_POOLED_MAX) {
        ouro__heap_count_mixed_alloc(&exclusive_heap, size);
    }
}

__attribute__((noinline)) static void *
exclusive_due_slowly(const struct place *place, size_t size, bool zeroed)
{
    if (is_retired) {
        return retired_due(place, size, zeroed);
    }
    if (ouro__cpython_wants_notice || size > OURO_POOLED_MAX) {
        ouro__cpython_notice();
    }
    struct ouro__asker asker = exclusive_asker(place, size);
    void *block = ouro__traced_take(&asker, OURO_ALIGNMENT, size, zeroed);
    count_mixed(place, block, ouro_heap_usable_size(block)); /* a sample's class is not its size's */
    return block;
}

/* Hot when every block is traced: the count stays where it is, below nothing.  A retired heap has no blocks that are quick to be had. */
__attribute__((noinline)) static void *
exclusive_due(const struct place *place, size_t size)
{
    if (OURO_UNLIKELY(ouro__trace_mode_now() != OURO__TRACE_EXACT)) {
        return exclusive_due_slowly(place, size, false);
    }
    bool has_mark = ouro__os_is_single_threaded() && ouro__tree_takes_marks();
    uint64_t mark = has_mark ? ouro__cpython_mark() : 0;
    void *block = ouro__alloc_quick(&exclusive_heap.own, OURO_DOMAIN_OBJECT, size);
    if (OURO_UNLIKELY(block == NULL)) {
        return exclusive_due_slowly(place, size, false);
    }
    count_mixed(place, block, size);
    return ouro__traced_tell_marked(block, size, place->domain, mark);
}

/* A resized block of the mem domain counts as one that was freed and one that was made. */
__attribute__((cold, noinline)) static void *
exclusive_resize_traced(const struct place *place, void *block, size_t size)
{
    size_t before = ouro_heap_usable_size(block);
    if (size > OURO_POOLED_MAX) {
        ouro__cpython_notice();
    }
    struct ouro__asker asker = exclusive_asker(place, size);
    void *resized = ouro__traced_resize(&asker, block, size);
    if (resized == NULL || place->domain != OURO_DOMAIN_MEM) {
        return resized;
    }
    size_t after = ouro_heap_usable_size(resized);
    if (before <= OURO_POOLED_MAX) {
        exclusive_heap.mixed_frees[ouro__class_of(before)]++;
    }
    if (after <= OURO_POOLED_MAX) {
        ouro__heap_count_mixed_alloc(&exclusive_heap, after);
    }
    return resized;
}

INLINE void *
exclusive_take_any(unsigned domain, size_t size)
{
    if (OURO_UNLIKELY(ouro__trace_is_due(&until_trace, size))) {
        return exclusive_due(&places[domain], size);
    }
    void *block = ouro__alloc_quick(&exclusive_heap.own, domain, size);
    return OURO_LIKELY(block != NULL) ? block : exclusive_slow(&places[domain], size);
}

/* Apart from small sizes, so that what is compiled for these asks nothing about others. */
__attribute__((noinline)) static void *
exclusive_take_coarse(unsigned domain, size_t size)
{
    return exclusive_take_any(domain, size);
}

INLINE void *
exclusive_take(unsigned domain, size_t size)
{
    return OURO_LIKELY(size <= FINE_MAX) ? exclusive_take_any(domain, size)
                                         : exclusive_take_coarse(domain, size);
}

INLINE void *
exclusive_take_zeroed(unsigned domain, size_t count, size_t size)
{
    size_t bytes;
    if (OURO_UNLIKELY(__builtin_mul_overflow(count, size, &bytes))) {
        return NULL;
    }
    if (OURO_LIKELY(bytes <= OURO_POOLED_MAX)) {
        void *block = exclusive_take(domain, bytes);
        return OURO_LIKELY(block != NULL) ? memset(block, 0, bytes) : NULL;
    }
    if (OURO_UNLIKELY(is_retired)) {
        return place_calloc(&places[domain], count, size);
    }
    if (OURO_UNLIKELY(ouro__trace_is_due(&until_trace, bytes))) {
        return exclusive_due_slowly(&places[domain], bytes, true);
    }
    ouro__cpython_notice();
    return ouro_heap_alloc_zeroed(&exclusive_heap, (ouro_domain)domain, count, size);
}

/* The mem domain's small blocks come from the object domain's pools: see ouro__heap_count_mixed_alloc(). */
__attribute__((noinline)) static void *
mem_slow(size_t size)
{
    if (size <= OURO_POOLED_MAX) { /* figures may be taken meanwhile */
        ouro__heap_uncount_mixed_alloc(&exclusive_heap, size);
    }
    void *block = exclusive_slow(&places[OURO_DOMAIN_MEM], size);
    if (block != NULL && size <= OURO_POOLED_MAX && !is_retired) {
        ouro__heap_count_mixed_alloc(&exclusive_heap, size);
    }
    return block;
}

INLINE void *
mem_take_any(size_t size)
{
    if (OURO_UNLIKELY(ouro__trace_is_due(&until_trace, size))) {
        return exclusive_due(&places[OURO_DOMAIN_MEM], size);
    }
    if (size <= OURO_POOLED_MAX) { /* counted first: then no register is saved for it */
        ouro__heap_count_mixed_alloc(&exclusive_heap, size);
    }
    void *block = ouro__alloc_quick(&exclusive_heap.own, OURO_DOMAIN_OBJECT, size);
    return OURO_LIKELY(block != NULL) ? block : mem_slow(size);
}

__attribute__((noinline)) static void *
mem_take_coarse(size_t size)
{
    return mem_take_any(size);
}

static void *
mem_malloc(void *context, size_t size)
{
    (void)context;
    return OURO_LIKELY(size <= FINE_MAX) ? mem_take_any(size) : mem_take_coarse(size);
}

static void *
mem_calloc(void *context, size_t count, size_t size)
{
    size_t bytes;
    if (OURO_UNLIKELY(__builtin_mul_overflow(count, size, &bytes))) {
        return NULL;
    }
    if (OURO_UNLIKELY(bytes > OURO_POOLED_MAX)) {
        return exclusive_take_zeroed(OURO_DOMAIN_MEM, count, size);
    }
    void *block = mem_malloc(context, bytes);
    return OURO_LIKELY(block != NULL) ? memset(block, 0, bytes) : NULL;
}

/* While every block is traced: the pool of a block that is about to be freed; NULL when that takes a closer look. */
INLINE struct pool *
find_pool_traced(void *block)
{
    struct pool *pool = ouro__pool_to_free(&exclusive_heap.own, block);
    uint32_t *index = pool != NULL ? ouro__beside_in(pool, block) : NULL;
    if (OURO_UNLIKELY(index == NULL)) {
        ouro__traced_give(block);
    } else if (OURO_LIKELY(__atomic_load_n(index, __ATOMIC_RELAXED) != 0)) {
        ouro__trace_free_beside(block, index);
    }
    return pool;
}

/* What is not the common case is called last, so that the common one saves no registers for it. */
__attribute__((noinline)) static void
mem_free_slowly(void *block)
{
    if (!is_retired) {
        ouro__heap_count_mixed_free(&exclusive_heap, block);
    }
    ouro__traced_give_slowly(block);
    ouro__free_slow(&exclusive_heap.own, block);
}

INLINE void
mem_free_in(struct pool *pool, void *block)
{
    if (OURO_LIKELY(pool != NULL)) {
        exclusive_heap.mixed_frees[pool->class]++;
        ouro__free_quick(&exclusive_heap.own, pool, block);
    } else {
        mem_free_slowly(block);
    }
}

__attribute__((noinline)) static void
mem_free_traced(void *block)
{
    mem_free_in(find_pool_traced(block), block);
}

static void
mem_free(void *context, void *block)
{
    (void)context;
    if (OURO_UNLIKELY(ouro__trace_mode_now() == OURO__TRACE_EXACT)) {
        mem_free_traced(block);
    } else {
        mem_free_in(ouro__pool_to_free(&exclusive_heap.own, block), block);
    }
}

/* Samples lie in pools of their own, and a block becomes one when it is due: neither here. */
static bool
stays_unsampled(const void *block, size_t size)
{
    return ouro__trace_mode_now() == OURO__TRACE_SAMPLED && size <= OURO_POOLED_MAX &&
           until_trace >= (int64_t)size && ouro__pool_to_free(&exclusive_heap.own, block) != NULL;
}

/* Constant arguments make it a function of one domain. */
INLINE void *
exclusive_resize(unsigned domain, void *block, size_t size, void *(*take)(void *context, size_t size),
                 void (*give)(void *context, void *block))
{
    if (OURO_UNLIKELY(is_retired)) {
        return place_realloc(&places[domain], block, size);
    }
    if (block == NULL) {
        return take(NULL, size);
    }
    if (OURO_UNLIKELY(ouro__trace_mode_now() != OURO__TRACE_OFF && !stays_unsampled(block, size))) {
        return exclusive_resize_traced(&places[domain], block, size);
    }
    size_t usable = ouro_heap_usable_size(block);
    if (size > OURO_POOLED_MAX &&
        usable > OURO_POOLED_MAX) { /* stays large: grown or moved without a copy */
        ouro__cpython_notice();
        return ouro_heap_realloc(&exclusive_heap, (ouro_domain)domain, block, size);
    }
    if (size <= usable && size >= usable - usable / 4) {
        until_trace -= (int64_t)size; /* it counts as a new one */
        return block;
    }
    void *moved = take(NULL, size);
    if (moved == NULL) {
        return size <= usable ? block : NULL;
    }
    memcpy(moved, block, size < usable ? size : usable);
    give(NULL, block);
    return moved;
}

static void *
mem_realloc(void *context, void *block, size_t size)
{
    (void)context;
    return exclusive_resize(OURO_DOMAIN_MEM, block, size, mem_malloc, mem_free);
}

static void *
object_malloc(void *context, size_t size)
{
    (void)context;
    return exclusive_take(OURO_DOMAIN_OBJECT, size);
}

static void *
object_calloc(void *context, size_t count, size_t size)
{
    (void)context;
    return exclusive_take_zeroed(OURO_DOMAIN_OBJECT, count, size);
}

/* Blocks of a retired heap belong to a thread of the shared one, and go the way of blocks that others hold. */
__attribute__((noinline)) static void
object_free_slowly(void *block)
{
    ouro__traced_give_slowly(block);
    ouro__free_slow(&exclusive_heap.own, block);
}

INLINE void
object_free_in(struct pool *pool, void *block)
{
    if (OURO_LIKELY(pool != NULL)) {
        ouro__free_quick(&exclusive_heap.own, pool, block);
    } else {
        object_free_slowly(block);
    }
}

__attribute__((noinline)) static void
object_free_traced(void *block)
{
    object_free_in(find_pool_traced(block), block);
}

static void
object_free(void *context, void *block)
{
    (void)context;
    if (OURO_UNLIKELY(ouro__trace_mode_now() == OURO__TRACE_EXACT)) {
        object_free_traced(block);
    } else {
        object_free_in(ouro__pool_to_free(&exclusive_heap.own, block), block);
    }
}

static void *
object_realloc(void *context, void *block, size_t size)
{
    (void)context;
    return exclusive_resize(OURO_DOMAIN_OBJECT, block, size, object_malloc, object_free);
}

/* ---- interpreters with locks of their own ---- */

static bool
is_ours(const struct py_allocator *allocator)
{
    return allocator->free == mem_free || allocator->free == object_free ||
           allocator->free == shared_raw_free || allocator->free == shared_mem_free ||
           allocator->free == shared_object_free;
}

static void
set_shared(int domain)
{
    struct py_allocator allocator =
        domain == OURO_DOMAIN_MEM
            ? (struct py_allocator){NULL, shared_mem_malloc, shared_mem_calloc, shared_mem_realloc,
                                    shared_mem_free}
            : (struct py_allocator){NULL, shared_object_malloc, shared_object_calloc,
                                    shared_object_realloc, shared_object_free};
    ouro__py.PyMem_SetAllocator(domain, &allocator);
}

static void
retire_exclusive(void)
{
    if (!has_exclusive || is_retired) {
        return;
    }
    ouro__heap_retire(&exclusive_heap, shared_heap);
    is_retired = true;
    for (int domain = OURO_DOMAIN_MEM; domain <= OURO_DOMAIN_OBJECT; domain++) {
        struct py_allocator allocator;
        ouro__py.PyMem_GetAllocator(domain, &allocator);
        if (is_ours(&allocator)) {
            set_shared(domain);
        }
    }
}

/* The modules through which programs make interpreters.  From 3.13 on they let go of the lock before the
 * interpreter's state is allocated: then it is too late to retire the heap in peace. */
void
ouro__cpython_before_library(const char *path)
{
    static const char *const modules[] = {"_interpreters.", "_xxsubinterpreters.", "_testcapi.",
                                          "_testinternalcapi."};
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;

    if (slash == NULL || !has_exclusive || is_retired || ouro__py.hex < 0x030C0000 ||
        ouro__py.current_thread_state() == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        if (strncmp(slash + 1, modules[i], strlen(modules[i])) == 0) {
            retire_exclusive();
        }
    }
}

/* Only a thread that holds the lock may retire the heap: another's large block is a false alarm. */
static void *
raw_calloc(void *context, size_t count, size_t size)
{
    if (OURO_UNLIKELY(count == 1 && size >= INTERPRETER_STATE_MIN) && ouro__py.hex >= 0x030C0000 &&
        ouro__py.Py_IsInitialized() && ouro__py.current_thread_state() != NULL) {
        retire_exclusive();
    }
    return shared_raw_calloc(context, count, size);
}

/* ---- setting them ---- */

/* An exclusive heap where it is sound and of use: a debug heap costs more than locks do. */
static bool
make_exclusive(void)
{
    ouro_heap_config config = {.kind = OURO_HEAP_EXCLUSIVE, .limit_with = shared_heap};
    if (ouro__settings_get()->debug || !ouro__heap_place(&exclusive_heap, &config)) {
        return false;
    }
    ouro__watch_add_heap(&exclusive_heap);
    return true;
}

static void
set_exclusive(int domain)
{
    struct py_allocator allocator =
        domain == OURO_DOMAIN_MEM
            ? (struct py_allocator){NULL, mem_malloc, mem_calloc, mem_realloc, mem_free}
            : (struct py_allocator){NULL, object_malloc, object_calloc, object_realloc, object_free};
    ouro__py.PyMem_SetAllocator(domain, &allocator);
}

static void
serve_under_lock(void)
{
    has_exclusive = make_exclusive();
    for (int domain = OURO_DOMAIN_MEM; domain <= OURO_DOMAIN_OBJECT; domain++) {
        if (has_exclusive) {
            set_exclusive(domain);
        } else {
            set_shared(domain);
        }
    }
}

/* ---- arenas ---- */

/* From 3.11 on frames lie in chunks of 16 KiB that the arena allocator maps and unmaps: a program whose depth swings
 * around a chunk's end makes two system calls a swing. */
static void *
arena_alloc(void *context, size_t size)
{
    (void)context;
    return place_malloc(&places[OURO_DOMAIN_RAW], size);
}

static void
arena_free(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    place_free(&places[OURO_DOMAIN_RAW], block);
}

void
ouro__cpython_serve(void)
{
    shared_heap = ouro__host_heap();
    if (shared_heap == NULL) {
        return;
    }
    for (int domain = OURO_DOMAIN_RAW; domain < OURO_N_DOMAINS; domain++) {
        places[domain] = (struct place){shared_heap, (ouro_domain)domain};
    }
    struct py_allocator allocator = {NULL, shared_raw_malloc, raw_calloc, shared_raw_realloc,
                                     shared_raw_free};
    ouro__py.PyMem_SetAllocator(OURO_DOMAIN_RAW, &allocator);
    ouro__py.PyObject_SetArenaAllocator(&(struct py_arena_allocator){NULL, arena_alloc, arena_free});
    if (!ouro__py.free_threaded) {
        serve_under_lock();
    }
}

void
ouro__cpython_trace_turned(void)
{
    __atomic_store_n(&until_trace, OURO__NO_COUNT, __ATOMIC_RELAXED);
}

ouro_heap *
ouro__cpython_heap(void)
{
    return has_exclusive && !is_retired ? &exclusive_heap : NULL;
}

unsigned
ouro__cpython_served(void)
{
    unsigned served = 0;
    for (int domain = OURO_DOMAIN_RAW; domain < OURO_N_DOMAINS; domain++) {
        struct py_allocator allocator;
        ouro__py.PyMem_GetAllocator(domain, &allocator);
        served |= is_ours(&allocator) ? 1U << domain : 0;
    }
    return served;
}

bool
ouro__cpython_has_many_locks(void)
{
    return is_retired;
}
