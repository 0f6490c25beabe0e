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
 * retired and both domains go on with the shared heap.  A false alarm costs some speed and nothing else.
 *
 * Builds without a global lock keep their own allocator for mem and object: their collector finds objects
 * by walking that allocator's pages, and their lock-free readers rely on when it reuses memory. */
#define _GNU_SOURCE
#include "host/cpython.h"

#include <string.h>

#include "heap/fast.h"

/* No other PyMem_RawCalloc() of one element is so large: the smallest interpreter state has 100 KB. */
#define INTERPRETER_STATE_MIN 65536

static ouro_heap *shared_heap;
static ouro_heap *exclusive_heap;
static struct local *exclusive_local; /* where the exclusive heap takes from; NULL when it is retired */
bool ouro__cpython_wants_notice;

/* ---- any domain, by the public functions: on a shared heap, or on one that checks ---- */

struct place {
    ouro_heap *heap;
    ouro_domain domain;
};

static void *
place_malloc(void *context, size_t size)
{
    const struct place *place = context;
    if (OURO_UNLIKELY(ouro__cpython_wants_notice && place->domain == OURO_DOMAIN_MEM)) {
        ouro__cpython_notice();
    }
    return ouro_heap_alloc(place->heap, place->domain, size);
}

static void *
place_calloc(void *context, size_t count, size_t size)
{
    const struct place *place = context;
    return ouro_heap_alloc_zeroed(place->heap, place->domain, count, size);
}

static void *
place_realloc(void *context, void *block, size_t size)
{
    const struct place *place = context;
    return ouro_heap_realloc(place->heap, place->domain, block, size);
}

static void
place_free(void *context, void *block)
{
    const struct place *place = context;
    ouro_heap_free(place->heap, place->domain, block);
}

static struct place places[OURO_N_DOMAINS];

static struct py_allocator
make_allocator(struct place *place)
{
    return (struct py_allocator){place, place_malloc, place_calloc, place_realloc, place_free};
}

/* ---- mem and object, on the exclusive heap ---- */

/* A large block is slow anyway, and a few of them may be all that a program's garbage consists of. */
static inline void
notice_large(size_t size)
{
    if (OURO_UNLIKELY(size > OURO_POOLED_MAX)) {
        ouro__cpython_notice();
    }
}

/* The context of a domain's functions is its place on the shared heap, used once the exclusive heap is
 * retired: CPython can be told to call others, but not whoever has wrapped these (tracemalloc). */
static inline unsigned
domain_of(const void *context)
{
    return ((const struct place *)context)->domain;
}

static void *
exclusive_malloc(void *context, size_t size)
{
    if (OURO_UNLIKELY(exclusive_local == NULL)) {
        return place_malloc(context, size);
    }
    notice_large(size);
    return ouro__alloc(exclusive_heap, exclusive_local, domain_of(context), size);
}

static void *
exclusive_calloc(void *context, size_t count, size_t size)
{
    size_t bytes;
    if (OURO_UNLIKELY(exclusive_local == NULL)) {
        return place_calloc(context, count, size);
    }
    if (OURO_UNLIKELY(__builtin_mul_overflow(count, size, &bytes) || bytes > OURO_POOLED_MAX)) {
        notice_large(SIZE_MAX);
        return ouro_heap_alloc_zeroed(exclusive_heap, (ouro_domain)domain_of(context), count, size);
    }
    void *block = ouro__alloc(exclusive_heap, exclusive_local, domain_of(context), bytes);
    return OURO_LIKELY(block != NULL) ? memset(block, 0, bytes) : NULL;
}

static void *
exclusive_realloc(void *context, void *block, size_t size)
{
    if (OURO_UNLIKELY(exclusive_local == NULL)) {
        return place_realloc(context, block, size);
    }
    notice_large(size);
    return ouro_heap_realloc(exclusive_heap, (ouro_domain)domain_of(context), block, size);
}

static void
exclusive_free(void *context, void *block)
{
    if (OURO_UNLIKELY(exclusive_local == NULL)) {
        place_free(context, block);
        return;
    }
    ouro__free(exclusive_local, block);
}

/* The mem domain is called a tenth as often as the object domain: there one more test is lost in the rest. */
static void *
exclusive_mem_malloc(void *context, size_t size)
{
    if (OURO_UNLIKELY(ouro__cpython_wants_notice)) {
        ouro__cpython_notice();
    }
    return exclusive_malloc(context, size);
}

/* ---- interpreters with locks of their own ---- */

static bool
is_ours(const struct py_allocator *allocator)
{
    return allocator->free == exclusive_free || allocator->free == place_free;
}

static void
retire_exclusive(void)
{
    if (exclusive_local == NULL) {
        return;
    }
    ouro__heap_retire(exclusive_heap, shared_heap);
    exclusive_local = NULL;
    for (int domain = OURO_DOMAIN_MEM; domain <= OURO_DOMAIN_OBJECT; domain++) {
        struct py_allocator allocator;
        ouro__py.PyMem_GetAllocator(domain, &allocator);
        if (is_ours(&allocator)) {
            allocator = make_allocator(&places[domain]);
            ouro__py.PyMem_SetAllocator(domain, &allocator);
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
    return place_calloc(context, count, size);
}

/* ---- setting them ---- */

/* An exclusive heap where it is sound and of use: a debug heap costs more than locks do. */
static ouro_heap *
make_exclusive(void)
{
    if (ouro__settings_get()->debug) {
        return NULL;
    }
    ouro_heap_config config = {.kind = OURO_HEAP_EXCLUSIVE, .limit_with = shared_heap};
    ouro_heap *heap = ouro_heap_create(&config);
    if (heap != NULL) {
        ouro__watch_add_heap(heap);
        exclusive_local = &heap->own;
    }
    return heap;
}

static void
serve_under_lock(void)
{
    exclusive_heap = make_exclusive();
    for (int domain = OURO_DOMAIN_MEM; domain <= OURO_DOMAIN_OBJECT; domain++) {
        struct py_allocator allocator = make_allocator(&places[domain]);
        if (exclusive_heap != NULL) {
            allocator = (struct py_allocator){
                &places[domain], domain == OURO_DOMAIN_MEM ? exclusive_mem_malloc : exclusive_malloc,
                exclusive_calloc, exclusive_realloc, exclusive_free};
        }
        ouro__py.PyMem_SetAllocator(domain, &allocator);
    }
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
    struct py_allocator allocator = make_allocator(&places[OURO_DOMAIN_RAW]);
    allocator.calloc = raw_calloc;
    ouro__py.PyMem_SetAllocator(OURO_DOMAIN_RAW, &allocator);
    if (!ouro__py.free_threaded) {
        serve_under_lock();
    }
}

ouro_heap *
ouro__cpython_heap(void)
{
    return exclusive_local != NULL ? exclusive_heap : NULL;
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
    return exclusive_heap != NULL && exclusive_local == NULL;
}
