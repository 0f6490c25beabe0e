/* frames.c - CPython's frames as the host reads them, for test_frames.py: a library for ctypes.
 *
 * Besides answering when it is asked, it can take a traceback in each allocation of objects, as tracing does, which
 * the test compares with the interpreter's own. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/cpython.h"
#include "host/cpython_frames.h"
#include "trace/trace.h"

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

const struct ouro__settings *
ouro__settings_get(void)
{
    static const struct ouro__settings settings;
    return &settings;
}

void
ouro__cpython_serve(void)
{
}

void
ouro__cpython_watch(void)
{
}

void
ouro__trace_set_source(const struct ouro__frame_source *unused)
{
    (void)unused;
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

/* Check a layout of which field `i` is wrong by `wrong` bytes: what ouro__cpython_layout_check() says. */
int
frames_check(size_t i, int wrong)
{
    struct py_layout layout;
    if (!ouro__cpython_layout_find(&layout)) {
        abort();
    }
    uint16_t *field = (uint16_t *)(void *)&layout + i;
    *field = (uint16_t)(*field + wrong);
    return ouro__cpython_layout_check(&layout, ouro__py.current_thread_state());
}

/* ---- other threads ---- */

static void *
walk_there(void *n)
{
    struct ouro__frame frames[16];
    *(size_t *)n = source->walk(frames, 16);
    return NULL;
}

static void *
call_there(void *callback)
{
    void (*call)(void);
    memcpy(&call, callback, sizeof call);
    call();
    return NULL;
}

static void
run_there(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, argument) != 0) {
        abort();
    }
    (void)pthread_join(thread, NULL);
}

/* How many frames a thread has that has never heard of Python. */
size_t
frames_walk_elsewhere(void)
{
    size_t n = SIZE_MAX;
    run_there(walk_there, &n);
    return n;
}

/* Call back from such a thread.  The caller must not hold the interpreter's lock. */
void
frames_call_elsewhere(void (*callback)(void))
{
    run_there(call_there, &callback);
}

/* Walk again and again, with or without the lock, as long as *go is not 0: how many walks. */
uint64_t
frames_walk_while(const volatile int *go)
{
    struct ouro__frame frames[64];
    uint64_t n = 0;
    for (; *go != 0; n++) {
        (void)source->walk(frames, 64);
    }
    return n;
}

/* ---- tracebacks of allocations ---- */

#define N_FRAMES 24
#define N_BLOCKS (1U << 17)

/* A frame as it was: its line by the interpreter's own reckoning, and the end of its file's name. */
struct taken_frame {
    int line;
    char file[28];
};

/* A hash table by address, a block a place: a later block at the same place takes it over. */
struct taken {
    const void *block;
    size_t n;
    struct taken_frame frames[N_FRAMES];
};

static struct taken *taken;
static size_t n_taken;
static struct py_allocator below[3];

static struct taken *
place_of(const void *block)
{
    return &taken[((uintptr_t)block >> 4) * 0x9E3779B97F4A7C15U >> 47];
}

static void
describe(const struct ouro__frame *frame, struct taken_frame *known)
{
    struct ouro__code code;
    if (!source->read_code(frame->code, &code)) {
        abort();
    }
    int offset = frame->offset == UINT32_MAX ? -1 : (int)frame->offset;
    size_t size = code.n_file < sizeof known->file - 1 ? code.n_file : sizeof known->file - 1;
    known->line = ouro__py.PyCode_Addr2Line((py_object *)(uintptr_t)frame->code, offset);
    memset(known->file, 0, sizeof known->file);
    memcpy(known->file, code.file + code.n_file - size, size);
}

/* The frames that following finds, from one allocation to the next, must be those that are there. */
static void
check_followed(void)
{
    enum { ROOM = 200 };
    static _Thread_local struct ouro__stack_entry entries[ROOM];
    static _Thread_local struct ouro__stack stack = {NULL, 0, ROOM};
    struct ouro__frame frames[ROOM], before[ROOM];
    size_t n = source->walk(frames, ROOM), n_before = stack.n, at = 0;
    for (size_t i = 0; i < n_before; i++) {
        before[i] = entries[i].known;
    }
    stack.entries = entries;
    size_t n_same = source->follow(&stack);
    bool is_good = n_same <= n_before && n_same <= stack.n && stack.n <= ROOM;
    for (size_t i = 0; is_good && i < n_same; i++) {
        is_good = before[i].code == entries[i].known.code &&
                  (before[i].code == NULL || before[i].offset == entries[i].known.offset);
    }
    for (size_t i = stack.n; is_good && i-- > 0;) {
        struct ouro__frame known = entries[i].known;
        if (known.code != NULL) {
            is_good = at < n && known.code == frames[at].code && known.offset == frames[at].offset;
            at++;
        }
    }
    if (!is_good || (at < n && stack.n < ROOM)) {
        fprintf(stderr, "followed: %zu of %zu frames, %zu of %zu the same\n", at, n, n_same, n_before);
        abort();
    }
}

/* In the raw domain, which needs no lock, a walk is all: a code object can only be read under one. */
static void *
take(struct py_allocator *from, void *block)
{
    struct ouro__frame frames[N_FRAMES];
    size_t n = block != NULL ? source->walk(frames, N_FRAMES) : 0;
    __atomic_fetch_add(&n_taken, 1, __ATOMIC_RELAXED);
    if (block != NULL && from != &below[0]) {
        struct taken *place = place_of(block);
        place->block = block;
        place->n = n;
        check_followed();
        for (size_t i = 0; i < n; i++) {
            describe(&frames[i], &place->frames[i]);
        }
    }
    return block;
}

static void *
hook_malloc(void *context, size_t size)
{
    struct py_allocator *next = context;
    return take(next, next->malloc(next->context, size));
}

static void *
hook_calloc(void *context, size_t count, size_t size)
{
    struct py_allocator *next = context;
    return take(next, next->calloc(next->context, count, size));
}

static void *
hook_realloc(void *context, void *block, size_t size)
{
    struct py_allocator *next = context;
    return take(next, next->realloc(next->context, block, size));
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
    if (taken != NULL) {
        return true;
    }
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
frames_of(const void *block, struct taken_frame *frames)
{
    struct taken *place = place_of(block);
    if (place->block != block) {
        return -1;
    }
    memcpy(frames, place->frames, place->n * sizeof *frames);
    return (long)place->n;
}
