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
#define _GNU_SOURCE
#include "host/cpython_frames.h"

#include <link.h>

#include "base/assert.h"
#include "host/cpython.h"
#include "host/symbols.h"
#include "trace/native.h"

/* What is known of the layout. */
enum verdict { UNCHECKED, FITS, UNFIT };

static struct {
    struct py_layout layout;
    enum verdict verdict; /* atomic */
    bool knows_own;       /* current_thread_state() is about the calling thread: since 3.12 */
    struct {
        uintptr_t begin, size;
    } statics; /* the interpreter's own code and data */
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
    return own == NULL || (!*has_lock && ouro__py.is_finalizing() != 0) ? NULL : own;
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

/* What a frame of the interpreter's own stack is; false when it is none of the program's. */
static inline bool
know_frame(const struct py_layout *layout, const char *frame, struct ouro__frame *known)
{
    const char *code = ouro__load_code(layout, frame);
    if ((unsigned char)frame[layout->owner] >= PY_OWNER_INTERPRETER ||
        !ouro__is_exactly(code, ouro__py_types.code)) {
        return false;
    }
    intptr_t offset = ouro__load_offset(layout, frame, code);
    if (!ouro__is_running(layout, frame, code, offset)) {
        return false;
    }
    known->code = code;
    known->offset = (uint32_t)offset;
    return true;
}

/* Hot: frames of the interpreter's own stack: since 3.11. */
static size_t
walk_stack(const char *frame, struct ouro__frame *frames, size_t n_max)
{
    const struct py_layout layout = source.layout;
    size_t n = 0;
    for (; frame != NULL && n < n_max; frame = ouro__load_address(frame + layout.previous)) {
        n += know_frame(&layout, frame, &frames[n]);
    }
    return n;
}

/* ---- finding them ---- */

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

/* The calling thread's state; NULL when it has none, or its frames can't be read. */
static const char *
find_readable_state(void)
{
    bool has_lock;
    const char *thread_state = find_thread_state(&has_lock);
    if (thread_state == NULL ||
        (OURO_UNLIKELY(__atomic_load_n(&source.verdict, __ATOMIC_RELAXED) != FITS) &&
         !check(thread_state, has_lock))) {
        return NULL;
    }
    return thread_state;
}

/* The calling thread's innermost frame; NULL when it has none, or none that can be read. */
static const char *
find_innermost(void)
{
    const char *thread_state = find_readable_state();
    return thread_state != NULL ? ouro__load_innermost(&source.layout, thread_state) : NULL;
}

/* ---- following a stack ---- */

/* How far a stack may have grown or shrunk to be recognised. */
enum { N_PUSHED = 3, N_POPPED = 8 };

static inline const char *
previous_of(const char *frame)
{
    return ouro__load_address(frame + source.layout.previous);
}

/* Where a frame is: of a frame object a number. */
static inline const void *
position_of(const char *frame)
{
    return source.layout.unit != 0 ? (const void *)(intptr_t)ouro__load_int(frame + source.layout.at)
                                   : ouro__load_address(frame + source.layout.at);
}

static void
fill_entry(struct ouro__stack_entry *entry, const char *frame)
{
    entry->frame = frame;
    entry->at = position_of(frame);
    entry->word = ouro__load_address(frame + source.layout.code);
    size_t n = source.layout.unit != 0 ? walk_objects(frame, &entry->known, 1)
                                       : know_frame(&source.layout, frame, &entry->known);
    if (n == 0) {
        entry->known.code = NULL;
    }
}

/* Hot: bring the entries from `top` outwards up to date.  Returns the lowest that has changed, top + 1 for none, or
 * SIZE_MAX when the frames don't lie as deep as the entries have it. */
static inline __attribute__((always_inline)) size_t
renew(struct ouro__stack *stack, const char *frame, size_t top, bool is_object)
{
    const uint16_t code_at = source.layout.code, at = source.layout.at, link = source.layout.previous;
    size_t same = top + 1;

    for (struct ouro__stack_entry *entry = &stack->entries[top];; entry--) {
        const void *position = is_object ? (const void *)(intptr_t)ouro__load_int(frame + at)
                                         : ouro__load_address(frame + at);
        if (OURO_UNLIKELY(entry->frame != frame || entry->at != position ||
                          entry->word != ouro__load_address(frame + code_at))) {
            fill_entry(entry, frame);
            same = (size_t)(entry - stack->entries);
        }
        frame = ouro__load_address(frame + link);
        if (frame == NULL || entry == stack->entries) {
            return frame == NULL && entry == stack->entries ? same : SIZE_MAX;
        }
    }
}

/* The place of the innermost frame in the stack: some calls deeper than before, or some less.  SIZE_MAX when there is
 * no telling. */
static size_t
find_top(const struct ouro__stack *stack, const char *frame)
{
    size_t n = stack->n;
    for (size_t pushed = 0; pushed <= N_PUSHED && frame != NULL; pushed++) {
        for (size_t popped = 1; popped <= N_POPPED && popped <= n; popped++) {
            if (stack->entries[n - popped].frame == frame) {
                size_t top = n - popped + pushed;
                return top < stack->room ? top : SIZE_MAX;
            }
        }
        frame = previous_of(frame);
    }
    return SIZE_MAX;
}

/* Cold: all entries anew. */
static void
refill(struct ouro__stack *stack, const char *innermost)
{
    size_t n = 0;
    for (const char *frame = innermost; frame != NULL && n < stack->room; frame = previous_of(frame)) {
        n++;
    }
    stack->n = n;
    for (const char *frame = innermost; n > 0; frame = previous_of(frame)) {
        fill_entry(&stack->entries[--n], frame);
    }
}

static size_t
follow(struct ouro__stack *stack)
{
    const char *frame = find_innermost();
    if (frame == NULL) {
        stack->n = 0;
        return 0;
    }
    size_t n = stack->n, top = n - 1, same = SIZE_MAX;
    if (n == 0 || stack->entries[top].frame != frame) {
        top = find_top(stack, frame);
    }
    if (top != SIZE_MAX) {
        same =
            source.layout.unit != 0 ? renew(stack, frame, top, true) : renew(stack, frame, top, false);
    }
    if (OURO_LIKELY(same != SIZE_MAX)) {
        stack->n = top + 1;
        return same < n ? same : n;
    }
    refill(stack, frame);
    return 0;
}

static size_t
walk(struct ouro__frame *frames, size_t n_max)
{
    const char *frame = find_innermost();
    return source.layout.unit != 0 ? walk_objects(frame, frames, n_max)
                                   : walk_stack(frame, frames, n_max);
}

/* ---- beside native frames ---- */

/* Up to 3.10 each frame is run by a call of its own.  Then a call runs all frames up to the one that it was entered for:
 * 3.11 marks that one, and has a record of each call on the native stack, linked; since 3.12 a further frame lies behind
 * it, in the call's own part of the native stack. */
enum { ENTRY_BEFORE_OWNER = 1, C_FRAME_WITH_ENTRIES = 8, NEXT_C_FRAME = 16 };

static size_t
place(struct ouro__frame *frames, uintptr_t *run_by, size_t n_max)
{
    const struct py_layout layout = source.layout;
    const char *thread_state = find_readable_state();
    if (thread_state == NULL) {
        return 0;
    }
    const char *frame = ouro__load_innermost(&layout, thread_state);
    if (layout.unit != 0) {
        size_t n_objects = walk_objects(frame, frames, n_max);
        memset(run_by, 0, n_objects * sizeof *run_by); /* OURO_RUN_BY_CODE */
        return n_objects;
    }
    bool has_entries = layout.c_frame == C_FRAME_WITH_ENTRIES;
    const char *call = has_entries ? ouro__load_address(thread_state + layout.current) : NULL;
    size_t n = 0, n_placed = 0;
    for (; frame != NULL && n_placed < n_max; frame = ouro__load_address(frame + layout.previous)) {
        struct ouro__frame known;
        bool is_last = has_entries ? frame[layout.owner - ENTRY_BEFORE_OWNER] != 0
                                   : (unsigned char)frame[layout.owner] >= PY_OWNER_INTERPRETER;
        if (n < n_max && know_frame(&layout, frame, &known)) {
            frames[n++] = known;
        }
        for (; is_last && n_placed < n; n_placed++) {
            run_by[n_placed] = (uintptr_t)(has_entries ? call : frame);
        }
        if (is_last && call != NULL) {
            call = ouro__load_address(call + NEXT_C_FRAME);
        }
    }
    for (; n_placed < n; n_placed++) {
        run_by[n_placed] = OURO_RUN_UNKNOWN;
    }
    return n;
}

/* The interpreter lies where its types do, and in a program that is called like it. */
static bool
owns(const struct ouro__os_module *module)
{
    char path[512];
    if ((uintptr_t)ouro__py_types.code - module->begin < module->end - module->begin) {
        return true;
    }
    size_t n = module->path[0] == '\0' ? ouro__os_program_path(path, sizeof path - 1) : 0;
    path[n] = '\0';
    const char *slash = strrchr(path, '/');
    return slash != NULL && strncmp(slash + 1, "python", 6) == 0;
}

const struct ouro__frame_source *
ouro__cpython_mixed_frames(void)
{
    static struct ouro__native_guest guest = {.place = place, .owns = owns};
    size_t size = 0;
    guest.frames = ouro__cpython_frames();
    if (guest.frames == NULL) {
        return ouro__native_frames(NULL);
    }
    guest.run_begin = (uintptr_t)ouro__symbols_function("_PyEval_EvalFrameDefault", &size);
    guest.run_end = guest.run_begin + size;
    const struct ouro__frame_source *mixed = ouro__native_frames(&guest);
    return mixed != NULL ? mixed : guest.frames;
}

static bool
read_code(const void *code, struct ouro__code *known)
{
    return ouro__cpython_read_code(&source.layout, code, known);
}

/* CPython 3.11 and 3.12 have the codes of their first modules beside their types. */
static bool
lasts(const void *code)
{
    return (uintptr_t)code - source.statics.begin < source.statics.size;
}

/* Find the loaded object that holds the type of code objects. */
static int
find_statics(struct dl_phdr_info *object, size_t size, void *context)
{
    uintptr_t wanted = (uintptr_t)ouro__py_types.code, begin = UINTPTR_MAX, end = 0;
    (void)size;
    (void)context;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t at = object->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD) {
            begin = at < begin ? at : begin;
            end = at + segment->p_memsz > end ? at + segment->p_memsz : end;
        }
    }
    if (wanted < begin || wanted >= end) {
        return 0;
    }
    source.statics.begin = begin;
    source.statics.size = end - begin;
    return 1;
}

const struct ouro__frame_source *
ouro__cpython_frames(void)
{
    static const struct ouro__frame_source frames = {walk, follow, read_code, lasts};
    source.knows_own = ouro__py.hex >= 0x030C0000;
    if (!ouro__cpython_layout_find(&source.layout)) {
        source.verdict = UNFIT;
        return NULL;
    }
    (void)dl_iterate_phdr(find_statics, NULL);
    return &frames;
}

const char *
ouro__cpython_frames_note(void)
{
    return __atomic_load_n(&source.verdict, __ATOMIC_RELAXED) == UNFIT
               ? "this build of Python keeps its frames elsewhere: no Python lines"
               : NULL;
}
