/* cpython_frames.h - where CPython keeps what runs: its frames and its code objects.
 *
 *   cpython_frames.c         the frames of a thread
 *   cpython_frames_layout.c  the offsets, by version, and whether the interpreter that runs agrees with them
 *   cpython_frames_code.c    what a code object says of itself */
#ifndef OURO_HOST_CPYTHON_FRAMES_H
#define OURO_HOST_CPYTHON_FRAMES_H

#include "base/assert.h"
#include "base/load.h"
#include "host/cpython.h"
#include "trace/frames.h"

/* Frames of the CPython in this process, which ouro__cpython_find() has found; NULL when its frames can't be read.
 * Whether they are where we believe them to be is only known when there are some: until then, and for good when
 * they are not, there are none.  Any thread, any time. */
const struct ouro__frame_source *ouro__cpython_frames(void);

/* The same with native frames between them; without them where those can't be had. */
const struct ouro__frame_source *ouro__cpython_mixed_frames(void);

/* Why there are no frames: one line for the record; NULL as long as nothing is known against them. */
const char *ouro__cpython_frames_note(void);

/* ---- cpython_frames_layout.c ---- */

/* Offsets in bytes. */
struct py_layout {
    uint16_t current; /* in a thread's state: the innermost frame, or a C frame that points to it */
    /* Frames: objects up to 3.10, then parts of the interpreter's own stack. */
    uint16_t previous, code, globals;
    uint16_t at;    /* int, the instruction that runs, up to 3.10; then its address */
    uint16_t owner; /* byte, enum py_owner; since 3.11 */
    /* Code objects. */
    uint16_t instructions; /* the first of them; up to 3.10 the object that holds them */
    uint16_t file, name, lines, first_line;
    /* Texts: where the characters begin, those in ASCII and those that aren't. */
    uint16_t ascii, wide;
    uint8_t unit;       /* bytes that `at` counts by where frames are objects, else 0 */
    uint8_t c_frame;    /* where a C frame points to the innermost frame, or PY_NO_C_FRAME */
    uint8_t line_table; /* enum ouro__line_table */
};
enum { PY_NO_C_FRAME = 0xFF };

enum py_owner {
    PY_OWNER_GENERATOR = 1,
    PY_OWNER_INTERPRETER = 3, /* this and above: no frame of the program's */
    PY_OWNER_LAST = 4,
};

/* The same in all versions. */
enum {
    PY_SIZE = 16, /* items: bytes, and instructions of 2 bytes in a code object */
    PY_TYPE_BASIC_SIZE = 32,
    PY_BYTES_DATA = 32,
    PY_TEXT_LENGTH = 16,
    PY_TEXT_STATE = 32,
};

/* The types that tell what is found. */
struct py_known_types {
    const py_object *code, *text, *bytes;
};
extern struct py_known_types ouro__py_types;

/* The layout of this version; false when it isn't known. */
bool ouro__cpython_layout_find(struct py_layout *layout);

/* Whether the frames of the thread whose state this is are where `layout` says, and their code objects: 1 yes, 0 no,
 * -1 there are none to tell by.  Reads nothing that can't be read.  The thread has its interpreter's lock. */
int ouro__cpython_layout_check(const struct py_layout *layout, const char *thread_state);

/* ---- cpython_frames_code.c ---- */

/* What `code` is; false when it is no code object. */
bool ouro__cpython_read_code(const struct py_layout *layout, const char *code,
                             struct ouro__code *known);

/* A text as UTF-8: where it begins, borrowed from the object or written into `buffer`; at most `capacity` bytes.
 * NULL when it is no exact str. */
const char *ouro__cpython_read_text(const struct py_layout *layout, const char *text, char *buffer,
                                    size_t capacity, size_t *size);

/* ---- loads ---- */

static inline const char *
ouro__load_address(const char *at)
{
    return (const char *)(uintptr_t)ouro__load_8(at);
}

static inline int
ouro__load_int(const char *at)
{
    return (int)ouro__load_4(at);
}

static inline intptr_t
ouro__load_size(const char *at)
{
    return (intptr_t)ouro__load_8(at);
}

/* Whether this is an object of just that type. */
static inline bool
ouro__is_exactly(const char *object, const py_object *type)
{
    return ouro__load_address(object + offsetof(py_object, type)) == (const char *)type;
}

/* From 3.14 on, frames refer to objects by addresses whose lowest two bits are flags. */
static inline const char *
ouro__load_code(const struct py_layout *layout, const char *frame)
{
    return (const char *)((uintptr_t)ouro__load_address(frame + layout->code) & ~(uintptr_t)3);
}

static inline const char *
ouro__load_innermost(const struct py_layout *layout, const char *thread_state)
{
    const char *frame = ouro__load_address(thread_state + layout->current);
    return frame != NULL && layout->c_frame != PY_NO_C_FRAME
               ? ouro__load_address(frame + layout->c_frame)
               : frame;
}

/* Where in its code a frame of the interpreter's own stack is, in bytes. */
static inline intptr_t
ouro__load_offset(const struct py_layout *layout, const char *frame, const char *code)
{
    return (intptr_t)((uintptr_t)ouro__load_address(frame + layout->at) -
                      (uintptr_t)(code + layout->instructions));
}

/* What a call begins with, before the function's own first instruction: bytes.  The interpreter itself doesn't count
 * a frame that is still there.  The field stands two words before the instructions. */
static inline intptr_t
ouro__load_preamble(const struct py_layout *layout, const char *code)
{
    return (intptr_t)ouro__load_int(code + layout->instructions - 16) * 2;
}

/* Whether a frame of the interpreter's own stack runs the program's code, which it has begun. */
static inline bool
ouro__is_running(const struct py_layout *layout, const char *frame, const char *code, intptr_t offset)
{
    return (unsigned char)frame[layout->owner] == PY_OWNER_GENERATOR ||
           offset >= ouro__load_preamble(layout, code);
}

/* ---- marks ---- */

/* Of an interpreter whose frames are where it says, and are no objects; NULL before that is known.  Atomic. */
extern const struct py_layout *ouro__py_marked_layout;

/* Hot: the mark (trace/frames.h) of the place where the calling thread is, which has the interpreter's lock; or 0. */
static inline uint64_t
ouro__cpython_mark(void)
{
    const struct py_layout *layout = __atomic_load_n(&ouro__py_marked_layout, __ATOMIC_ACQUIRE);
    const char *state = OURO_LIKELY(layout != NULL) ? ouro__py.current_thread_state() : NULL;
    const char *frame = OURO_LIKELY(state != NULL) ? ouro__load_innermost(layout, state) : NULL;
    return OURO_LIKELY(frame != NULL) ? ouro__load_8(frame + layout->at) : 0;
}

#endif
