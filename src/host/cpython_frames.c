/* cpython_frames.c - the frames of the thread that allocates, read where CPython keeps them.
 *
 * Asked from inside an allocation, CPython could not answer: its functions make objects.  So its structures are
 * followed as they lie in memory.  That is sound because of whose they are: a thread's frames are changed by nothing
 * but this thread, and this thread is here.  The interpreter links a frame when it is ready to run, and unlinks it
 * before it takes it apart, so that what hangs together at an allocation is whole.
 *
 * A thread that has given up the interpreter's lock for a while, inside a call into a library, still has the frames
 * that it came from.  Except at the end: an interpreter that shuts down takes apart the states of the threads that
 * never came back for the lock.
 *
 * A frame of which no instruction has begun yet has an offset of UINT32_MAX; its line is the function's first.
 *
 * @source CPython 3.9 to 3.15: Include/cpython/{frameobject,pystate,code}.h, Include/internal/pycore_frame.h and
 *         pycore_interpframe*.h; _PyFrame_IsIncomplete(), PyFrame_GetLineNumber() */
#include "host/cpython_frames.h"

#include "base/assert.h"
#include "host/cpython.h"
#include "host/symbols.h"

/* What is known of the layout. */
enum verdict { UNCHECKED, FITS, UNFIT };

static struct {
    struct py_layout layout;
    enum verdict verdict;       /* atomic */
    bool knows_own;             /* current_thread_state() is about the calling thread: since 3.12 */
    int (*is_finalizing)(void); /* Py_IsFinalizing() */
} source;

/* The calling thread's state, NULL when it has none that can be trusted; whether it has the interpreter's lock. */
static const char *
find_thread_state(bool *has_lock)
{
    const char *current = ouro__py.current_thread_state();
    if (source.knows_own && current != NULL) {
        *has_lock = true;
        return current;
    }
    const char *own = ouro__py.PyGILState_GetThisThreadState();
    *has_lock = own == current; /* before 3.12 the current one is that of whoever has the lock */
    return own == NULL || (!*has_lock && source.is_finalizing() != 0) ? NULL : own;
}

/* Frames that are objects: up to 3.10. */
static size_t
walk_objects(const char *frame, struct ouro__frame *frames, size_t n_max)
{
    const struct py_layout layout = source.layout;
    size_t n = 0;
    for (; frame != NULL && n < n_max; frame = ouro__load_address(frame + layout.previous)) {
        int at = ouro__load_int(frame + layout.at);
        frames[n].code = ouro__load_address(frame + layout.code);
        frames[n].offset = at >= 0 ? (uint32_t)at * layout.unit : UINT32_MAX;
        n++;
    }
    return n;
}

/* Hot: frames of the interpreter's own stack: since 3.11. */
static size_t
walk_stack(const char *frame, struct ouro__frame *frames, size_t n_max)
{
    const struct py_layout layout = source.layout;
    const py_object *type = ouro__py_types.code;
    size_t n = 0;
    for (; frame != NULL && n < n_max; frame = ouro__load_address(frame + layout.previous)) {
        const char *code = ouro__load_code(&layout, frame);
        if ((unsigned char)frame[layout.owner] >= PY_OWNER_INTERPRETER ||
            !ouro__is_exactly(code, type)) {
            continue;
        }
        intptr_t offset = ouro__load_offset(&layout, frame, code);
        if (ouro__is_running(&layout, frame, code, offset)) {
            frames[n].code = code;
            frames[n].offset = (uint32_t)offset;
            n++;
        }
    }
    return n;
}

/* Cold: no frames have been seen before. */
static bool
check(const char *thread_state, bool has_lock)
{
    enum verdict verdict = __atomic_load_n(&source.verdict, __ATOMIC_RELAXED);
    if (verdict == UNCHECKED && has_lock) {
        int fits = ouro__cpython_layout_check(&source.layout, thread_state);
        verdict = fits < 0 ? UNCHECKED : fits != 0 ? FITS : UNFIT;
        __atomic_store_n(&source.verdict, verdict, __ATOMIC_RELAXED);
    }
    return verdict == FITS;
}

static size_t
walk(struct ouro__frame *frames, size_t n_max)
{
    bool has_lock;
    const char *thread_state = find_thread_state(&has_lock);
    if (thread_state == NULL ||
        (OURO_UNLIKELY(__atomic_load_n(&source.verdict, __ATOMIC_RELAXED) != FITS) &&
         !check(thread_state, has_lock))) {
        return 0;
    }
    const char *frame = ouro__load_innermost(&source.layout, thread_state);
    return source.layout.unit != 0 ? walk_objects(frame, frames, n_max)
                                   : walk_stack(frame, frames, n_max);
}

static bool
read_code(const void *code, struct ouro__code *known)
{
    return ouro__cpython_read_code(&source.layout, code, known);
}

const struct ouro__frame_source *
ouro__cpython_frames(void)
{
    static const struct ouro__frame_source frames = {walk, read_code};
    static const char *const names[] = {"Py_IsFinalizing",
                                        "_Py_IsFinalizing"}; /* the first since 3.13 */
    for (size_t i = 0; i < 2 && source.is_finalizing == NULL; i++) {
        void *address = ouro__symbols_global(names[i]);
        memcpy(&source.is_finalizing, &address, sizeof address);
    }
    source.knows_own = ouro__py.hex >= 0x030C0000;
    if (source.is_finalizing == NULL || !ouro__cpython_layout_find(&source.layout)) {
        source.verdict = UNFIT;
        return NULL;
    }
    return &frames;
}

const char *
ouro__cpython_frames_note(void)
{
    return __atomic_load_n(&source.verdict, __ATOMIC_RELAXED) == UNFIT
               ? "this build of Python keeps its frames elsewhere: no Python lines"
               : NULL;
}
