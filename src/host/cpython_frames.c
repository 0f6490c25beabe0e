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
#include "os/os.h"
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

const struct py_layout *ouro__py_marked_layout;

/* Frames that are objects: up to 3.10. */
__attribute__((noinline)) static size_t
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

/* Frames of the interpreter's own stack: since 3.11. */
__attribute__((noinline)) static size_t
walk_stack(const char *frame, struct ouro__frame *frames, size_t n_max)
{
    size_t n = 0;
    for (; frame != NULL && n < n_max; frame = ouro__load_address(frame + source.layout.previous)) {
        n += know_frame(&source.layout, frame, &frames[n]);
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
        if (verdict == FITS && source.layout.unit == 0) {
            __atomic_store_n(&ouro__py_marked_layout, &source.layout, __ATOMIC_RELEASE);
        }
    }
    return verdict == FITS;
}

/* The current state is that of a thread with the interpreter's lock: before 3.12 of whichever has it, which may be
 * another than the calling one. */
__attribute__((noinline)) static const char *
find_state_slowly(const char *current, bool is_own)
{
    const char *own = is_own ? current : ouro__py.PyGILState_GetThisThreadState();
    bool has_lock = own == current;
    return own == NULL || (!has_lock && ouro__py.is_finalizing() != 0) || !check(own, has_lock) ? NULL
                                                                                                : own;
}

/* Hot: the calling thread's state; NULL when it has none, or its frames can't be read. */
static inline const char *
find_readable_state(void)
{
    const char *current = ouro__py.current_thread_state();
    bool is_own = current != NULL && (source.knows_own || ouro__os_is_single_threaded());
    return OURO_LIKELY(is_own && __atomic_load_n(&source.verdict, __ATOMIC_RELAXED) == FITS)
               ? current
               : find_state_slowly(current, is_own);
}

/* The calling thread's innermost frame; NULL when it has none, or none that can be read. */
static inline const char *
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

static inline void
fill_entry(struct ouro__stack_entry *entry, const char *frame)
{
    entry->frame = frame;
    entry->at = position_of(frame);
    entry->word = ouro__load_address(frame + source.layout.code);
    bool is_known = source.layout.unit != 0 ? walk_objects(frame, &entry->known, 1) == 1
                                            : know_frame(&source.layout, frame, &entry->known);
    if (!is_known) {
        entry->known.code = NULL;
    }
}

/* Hot: the first entry, from this one outwards, that may have changed; this one's frame is where the entry has it.
 *
 * Where frames are no objects, an instruction's address tells its code, too.  The next frame's address is taken from its
 * entry, and only compared with the link: so the processor need not have read one frame to read the next, and a deep
 * stack takes half as long. */
static inline __attribute__((always_inline)) struct ouro__stack_entry *
skip_same(struct ouro__stack_entry *entry, const struct ouro__stack_entry *outermost, bool is_object)
{
    const size_t code_at = source.layout.code, at = source.layout.at, link = source.layout.previous;

    for (; entry > outermost; entry--) {
        const char *frame = entry->frame, *next = entry[-1].frame;
        const void *position = is_object ? (const void *)(intptr_t)ouro__load_int(frame + at)
                                         : ouro__load_address(frame + at);
        __asm__("" : "+r"(next)); /* or the compiler goes on with the link, which is equal */
        if (entry->at != position || next != ouro__load_address(frame + link) ||
            (is_object && entry->word != ouro__load_address(frame + code_at))) {
            break;
        }
    }
    return entry;
}

static inline bool
is_same(const struct ouro__stack_entry *entry, const char *frame)
{
    return entry->frame == frame && entry->at == position_of(frame) &&
           entry->word == ouro__load_address(frame + source.layout.code);
}

/* Bring the entries from `entry` outwards up to date, the first of which is that of `frame`; those from `known` on have
 * never been.  Returns the lowest that has changed, one more than `entry` for none, or NULL when the frames don't lie as
 * deep as the entries have it. */
static const struct ouro__stack_entry *
renew(struct ouro__stack_entry *entry, const struct ouro__stack_entry *known,
      const struct ouro__stack *stack, const char *frame)
{
    const struct ouro__stack_entry *same = entry + 1, *outermost = stack->entries;

    for (;; entry--) {
        if (entry < known && entry->frame == frame) {
            entry = source.layout.unit != 0 ? skip_same(entry, outermost, true)
                                            : skip_same(entry, outermost, false);
            frame = entry->frame;
        }
        if (entry >= known || !is_same(entry, frame)) {
            fill_entry(entry, frame);
            same = entry;
        }
        frame = previous_of(frame);
        if (frame == NULL || entry == outermost) {
            return frame == NULL && entry == outermost ? same : NULL;
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

/* The innermost frame's entry is always new: it has most often gone on.  Those between it and `entry`, whose frame this
 * is, are as they were. */
__attribute__((noinline)) static size_t
follow_from(struct ouro__stack *stack, size_t top, struct ouro__stack_entry *entry, const char *frame)
{
    struct ouro__stack_entry *entries = stack->entries, *known = &entries[stack->n];
    const struct ouro__stack_entry *same = renew(entry, known, stack, frame);
    if (same == NULL) {
        return SIZE_MAX;
    }
    stack->n = top + 1;
    return (size_t)((same < known ? same : known) - entries);
}

__attribute__((noinline)) static size_t
follow_slowly(struct ouro__stack *stack, const char *frame)
{
    size_t top = frame != NULL ? find_top(stack, frame) : SIZE_MAX;
    size_t same = top != SIZE_MAX ? follow_from(stack, top, &stack->entries[top], frame) : SIZE_MAX;
    if (same == SIZE_MAX) {
        refill(stack, frame);
        same = 0;
    }
    return same;
}

/* Hot: when only the innermost frame has gone on. */
static size_t
follow(struct ouro__stack *stack)
{
    const char *frame = find_innermost();
    size_t n = stack->n;
    if (n > 1 && source.layout.unit == 0) {
        struct ouro__stack_entry *top = &stack->entries[n - 1], *outermost = stack->entries;
        if (OURO_LIKELY(top->frame == frame && previous_of(frame) == top[-1].frame)) {
            struct ouro__stack_entry *entry = skip_same(top - 1, outermost, false);
            if (OURO_LIKELY(entry == outermost && is_same(entry, entry->frame) &&
                            previous_of(entry->frame) == NULL)) {
                fill_entry(top, frame);
                return n - 1;
            }
            size_t same = follow_from(stack, n - 1, entry, entry->frame);
            if (OURO_LIKELY(same != SIZE_MAX)) {
                fill_entry(top, frame);
                return same;
            }
        }
    }
    return follow_slowly(stack, frame);
}

/* Hot: most often it is one frame that is asked for, and the innermost one is the program's. */
static size_t
walk(struct ouro__frame *frames, size_t n_max)
{
    const char *frame = find_innermost();
    if (OURO_UNLIKELY(source.layout.unit != 0)) {
        return walk_objects(frame, frames, n_max);
    }
    if (n_max == 1 && OURO_LIKELY(frame != NULL && know_frame(&source.layout, frame, frames))) {
        return 1;
    }
    return walk_stack(frame, frames, n_max);
}

/* Hot.  The address of an instruction tells its code, too; where frames are objects, which have no such address, the
 * code's own is put beside the number of the instruction. */
#define POSITION_BITS 16

static uint64_t
mark(void)
{
    const char *frame = find_innermost();
    if (OURO_UNLIKELY(frame == NULL)) {
        return 0;
    }
    if (OURO_LIKELY(source.layout.unit == 0)) {
        return (uintptr_t)position_of(frame);
    }
    uint64_t position = (uintptr_t)position_of(frame);
    return position >> POSITION_BITS == 0
               ? (uint64_t)(uintptr_t)ouro__load_code(&source.layout, frame) << POSITION_BITS | position
               : 0;
}

/* Where a call has not begun, its caller's frame is the one that counts, unless a generator goes on there. */
static bool
is_mark_of(uint64_t told, const struct ouro__frame *frame)
{
    uint64_t code = (uintptr_t)frame->code;
    if (source.layout.unit != 0) {
        return told == (code << POSITION_BITS | frame->offset / source.layout.unit);
    }
    return told == code + source.layout.instructions + frame->offset &&
           (intptr_t)frame->offset >= ouro__load_preamble(&source.layout, frame->code);
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
    static const struct ouro__frame_source frames = {.walk = walk,
                                                     .follow = follow,
                                                     .read_code = read_code,
                                                     .lasts = lasts,
                                                     .mark = mark,
                                                     .is_mark_of = is_mark_of};
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
