/* frames.c - CPython's frames as the host reads them, for test_frames.py: a library for ctypes.
 *
 * Besides answering when it is asked, it can take a traceback in each allocation of objects, as tracing does, which
 * the test compares with the interpreter's own. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "host/cpython.h"
#include "host/cpython_frames.h"

/* What cpython_api.c wants of the rest of the host, where it is not asked to begin. */
bool
ouro__host_has_begun(void)
{
    return false;
}

bool
ouro__host_serves_malloc(void)
{
    return false;
}

void
ouro__cpython_serve(void)
{
}

void
ouro__cpython_watch(void)
{
}

static const struct ouro__frame_source *source;

/* Whether there is a source of frames. */
int
frames_begin(void)
{
    source = ouro__cpython_find() ? ouro__cpython_frames() : NULL;
    return source != NULL;
}

const char *
frames_note(void)
{
    return ouro__cpython_frames_note();
}

size_t
frames_walk(struct ouro__frame *frames, size_t n_max)
{
    return source->walk(frames, n_max);
}

int
frames_read(const void *code, struct ouro__code *known)
{
    return source->read_code(code, known);
}

/* Nanoseconds of CPU time for a walk of at most `n_max` frames, over many. */
double
frames_time(size_t n_max)
{
    static struct ouro__frame frames[1024];
    enum { N = 1000000 };
    struct timespec begin, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    for (int i = 0; i < N; i++) {
        source->walk(frames, n_max);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / N;
}

/* ---- tracebacks of allocations ---- */

#define N_FRAMES 64
#define N_BLOCKS (1U << 18)

/* A hash table by address, a block a place: a later block at the same place takes it over. */
struct taken {
    const void *block;
    size_t n;
    struct ouro__frame frames[N_FRAMES];
};

static struct taken *taken;
static size_t n_taken;
static struct py_allocator below[3];

static struct taken *
place_of(const void *block)
{
    return &taken[((uintptr_t)block >> 4) * 0x9E3779B97F4A7C15U >> 46];
}

static void *
take(void *block)
{
    if (block != NULL) {
        struct taken *place = place_of(block);
        place->block = block;
        place->n = source->walk(place->frames, N_FRAMES);
        __atomic_fetch_add(&n_taken, 1, __ATOMIC_RELAXED);
    }
    return block;
}

static void *
hook_malloc(void *context, size_t size)
{
    struct py_allocator *next = context;
    return take(next->malloc(next->context, size));
}

static void *
hook_calloc(void *context, size_t count, size_t size)
{
    struct py_allocator *next = context;
    return take(next->calloc(next->context, count, size));
}

static void *
hook_realloc(void *context, void *block, size_t size)
{
    struct py_allocator *next = context;
    return take(next->realloc(next->context, block, size));
}

static void
hook_free(void *context, void *block)
{
    struct py_allocator *next = context;
    next->free(next->context, block);
}

/* From now on, for good, in all three domains. */
int
frames_hook(void)
{
    taken = calloc(N_BLOCKS, sizeof *taken);
    for (int domain = 0; taken != NULL && domain < 3; domain++) {
        struct py_allocator ours = {&below[domain], hook_malloc, hook_calloc, hook_realloc, hook_free};
        ouro__py.PyMem_GetAllocator(domain, &below[domain]);
        ouro__py.PyMem_SetAllocator(domain, &ours);
    }
    return taken != NULL;
}

size_t
frames_taken(void)
{
    return __atomic_load_n(&n_taken, __ATOMIC_RELAXED);
}

/* The traceback taken when `block` was allocated: frames written, or -1 when it isn't known any more. */
long
frames_of(const void *block, struct ouro__frame *frames)
{
    struct taken *place = place_of(block);
    if (place->block != block) {
        return -1;
    }
    memcpy(frames, place->frames, place->n * sizeof *frames);
    return (long)place->n;
}
