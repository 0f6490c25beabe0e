/* cpython_frames_layout.c - where the fields of frames and code objects are, by version, and whether they are there.
 *
 * A table holds the offsets in ordinary builds.  Since 3.13 the interpreter itself says where most are, for debuggers
 * that read it from outside; what it says replaces the table's.
 *
 * Then all of it is compared with what runs: of the frames that are there, the objects they refer to must be of the
 * types that they should be, the instruction inside its code, and what the interpreter's own functions say without
 * making objects (the globals of the innermost frame, the first line of a code object, a name's characters) the same
 * as what is read.  Meanwhile nothing is trusted: each word is read after the kernel has said that it can be.
 *
 * @source CPython 3.13 to 3.15: struct _Py_DebugOffsets, Include/internal/pycore_debug_offsets.h */
#include "host/cpython_frames.h"
#include "host/cpython.h"
#include "host/symbols.h"
#include "os/os.h"

/* So many frames are looked at: among them are those of the import system, the program's, and the interpreter's. */
#define MOST_CHECKED 64

struct py_known_types ouro__py_types;

/* A version, and where in the list of offsets that it has of itself (words) stand: the thread state's current frame;
 * the frame's fields, from `previous` on; the code object's, from its file on; and the size of the head of a text in
 * ASCII.  0: it has no list. */
static const struct {
    unsigned hex;
    struct {
        uint8_t thread, frame, code, text;
    } own;
    struct py_layout layout;
} versions[] = {
    {0x03090000,
     {0},
     {24, 24, 32, 48, 104, 0, 48, 104, 112, 120, 40, 48, 72, 1, PY_NO_C_FRAME, OURO_LINES_LNOTAB}},
    {0x030A0000,
     {0},
     {24, 24, 32, 48, 96, 0, 48, 104, 112, 120, 40, 48, 72, 2, PY_NO_C_FRAME, OURO_LINES_LINETABLE}},
    {0x030B0000,
     {0},
     {56, 48, 32, 8, 56, 69, 184, 112, 128, 136, 72, 48, 72, 0, 8, OURO_LINES_LOCATIONS}},
    {0x030C0000,
     {0},
     {56, 8, 0, 24, 56, 70, 192, 112, 128, 136, 68, 40, 56, 0, 0, OURO_LINES_LOCATIONS}},
    {0x030D0000,
     {23, 29, 35, 70},
     {72, 8, 0, 24, 56, 70, 200, 112, 128, 136, 68, 40, 56, 0, PY_NO_C_FRAME, OURO_LINES_LOCATIONS}},
    {0x030E0000,
     {26, 32, 40, 80},
     {72, 8, 0, 24, 56, 74, 208, 112, 128, 136, 68, 40, 56, 0, PY_NO_C_FRAME, OURO_LINES_LOCATIONS}},
    {0x030F0000,
     {26, 40, 48, 92},
     {72, 8, 0, 24, 56, 74, 208, 112, 128, 136, 68, 40, 56, 0, PY_NO_C_FRAME, OURO_LINES_LOCATIONS}},
};
#define N_VERSIONS (sizeof versions / sizeof versions[0])

/* The interpreter's own list of offsets: "xdebugpy", the version, whether it is free-threaded, and then structures.
 * NULL when there is none, or that of another version than the one that Py_GetVersion() tells. */
static const uint64_t *
find_own_offsets(void)
{
    const char *runtime = ouro__symbols_global("_PyRuntime");
    static const char cookie[8] = {'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y'};
    if (runtime == NULL || memcmp(runtime, cookie, sizeof cookie) != 0) {
        return NULL;
    }
    const uint64_t *words = (const uint64_t *)(const void *)runtime;
    return (words[1] & 0xFFFFFF00U) == ouro__py.hex && words[2] == 0 ? words : NULL;
}

bool
ouro__cpython_layout_find(struct py_layout *layout)
{
    ouro__py_types = (struct py_known_types){
        ouro__symbols_global("PyCode_Type"),
        ouro__symbols_global("PyUnicode_Type"),
        ouro__symbols_global("PyBytes_Type"),
    };
    size_t i = 0;
    while (i < N_VERSIONS && versions[i].hex != (ouro__py.hex & 0xFFFF0000U)) {
        i++;
    }
    if (i == N_VERSIONS || ouro__py.free_threaded || ouro__py_types.code == NULL ||
        ouro__py_types.text == NULL || ouro__py_types.bytes == NULL) {
        return false;
    }
    *layout = versions[i].layout;
    const uint64_t *own = versions[i].own.thread != 0 ? find_own_offsets() : NULL;
    if (own != NULL) {
        const uint64_t *frame = own + versions[i].own.frame, *code = own + versions[i].own.code;
        layout->current = (uint16_t)own[versions[i].own.thread];
        layout->previous = (uint16_t)frame[0];
        layout->code = (uint16_t)frame[1];
        layout->at = (uint16_t)frame[2];
        layout->owner = (uint16_t)frame[4];
        layout->file = (uint16_t)code[0];
        layout->name = (uint16_t)code[2];
        layout->lines = (uint16_t)code[3];
        layout->first_line = (uint16_t)code[4];
        layout->instructions = (uint16_t)code[8];
        layout->ascii = (uint16_t)own[versions[i].own.text];
    }
    return true;
}

/* ---- the check ---- */

static bool
is_readable(const char *at)
{
    const char *word = (const char *)((uintptr_t)at & ~(uintptr_t)7);
    return ouro__os_is_readable(word) && ouro__os_is_readable(word + 8);
}

/* Follow the address at `object` + `offset`, which should be that of an object of `type`; NULL when it isn't. */
static const char *
follow(const char *object, size_t offset, const py_object *type)
{
    if (!is_readable(object + offset)) {
        return NULL;
    }
    const char *found = (const char *)((uintptr_t)ouro__load_address(object + offset) & ~(uintptr_t)3);
    return found != NULL && is_readable(found) && is_readable(found + 32) &&
                   ouro__is_exactly(found, type)
               ? found
               : NULL;
}

/* A name in ASCII: its characters must be where the interpreter says that they are, which it does without making
 * anything for these. */
static bool
check_text(const struct py_layout *layout, const char *text)
{
    char buffer[4];
    size_t size;
    intptr_t true_size;
    const char *characters = ouro__cpython_read_text(layout, text, buffer, sizeof buffer, &size);
    if (characters == NULL || characters == buffer) {
        return characters != NULL;
    }
    return ouro__py.PyUnicode_AsUTF8AndSize((py_object *)(uintptr_t)text, &true_size) == characters &&
           true_size >= (intptr_t)size;
}

static bool
check_code(const struct py_layout *layout, const char *code)
{
    const char *file = follow(code, layout->file, ouro__py_types.text);
    const char *name = follow(code, layout->name, ouro__py_types.text);
    return file != NULL && name != NULL && check_text(layout, file) && check_text(layout, name) &&
           follow(code, layout->lines, ouro__py_types.bytes) != NULL &&
           is_readable(code + layout->first_line) &&
           ouro__load_int(code + layout->first_line) ==
               ouro__py.PyCode_Addr2Line((py_object *)(uintptr_t)code, -1);
}

/* Whether the instruction that runs is one of the code's.  Since 3.11 the instructions are what a code object ends
 * with, so that its type's size without them is where they begin. */
static bool
check_offset(const struct py_layout *layout, const char *frame, const char *code, intptr_t *offset)
{
    if (layout->unit != 0) {
        const char *instructions = follow(code, layout->instructions, ouro__py_types.bytes);
        *offset = (intptr_t)ouro__load_int(frame + layout->at) * layout->unit;
        return instructions != NULL && *offset >= -layout->unit &&
               *offset < ouro__load_size(instructions + PY_SIZE);
    }
    if (ouro__load_size((const char *)ouro__py_types.code + PY_TYPE_BASIC_SIZE) !=
        layout->instructions) {
        return false;
    }
    intptr_t size = ouro__load_size(code + PY_SIZE) * 2;
    *offset = ouro__load_offset(layout, frame, code);
    return *offset >= -2 && *offset < size && is_readable(code + layout->instructions - 16) &&
           ouro__load_preamble(layout, code) >= 0 && ouro__load_preamble(layout, code) < size;
}

/* What a frame turns out to be. */
enum found {
    FOUND_NONE,      /* no frame */
    FOUND_INTERNAL,  /* the interpreter's own */
    FOUND_BEGINNING, /* code of the program's that has not begun yet */
    FOUND_RUNNING
};

static enum found
check_frame(const struct py_layout *layout, const char *frame)
{
    const uint16_t offsets[] = {layout->previous, layout->code, layout->globals, layout->at,
                                layout->owner};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        if (!is_readable(frame + offsets[i])) {
            return FOUND_NONE;
        }
    }
    unsigned char owner = layout->unit != 0 ? 0 : (unsigned char)frame[layout->owner];
    if (owner >= PY_OWNER_INTERPRETER) {
        return owner <= PY_OWNER_LAST ? FOUND_INTERNAL : FOUND_NONE;
    }
    intptr_t offset;
    const char *code = follow(frame, layout->code, ouro__py_types.code);
    if (code == NULL || !check_code(layout, code) || !check_offset(layout, frame, code, &offset)) {
        return FOUND_NONE;
    }
    return layout->unit != 0 || ouro__is_running(layout, frame, code, offset) ? FOUND_RUNNING
                                                                              : FOUND_BEGINNING;
}

/* Whose globals PyEval_GetGlobals() means while a frame is beginning differs between versions: then nothing can be
 * told yet. */
int
ouro__cpython_layout_check(const struct py_layout *layout, const char *thread_state)
{
    const char *globals = (const char *)ouro__py.PyEval_GetGlobals();
    const char *frame = ouro__load_address(thread_state + layout->current);
    bool has_running = false;
    if (frame != NULL && layout->c_frame != PY_NO_C_FRAME) {
        if (!is_readable(frame + layout->c_frame)) {
            return 0;
        }
        frame = ouro__load_innermost(layout, thread_state);
    }
    for (size_t i = 0; frame != NULL && i < MOST_CHECKED;
         i++, frame = ouro__load_address(frame + layout->previous)) {
        enum found found = check_frame(layout, frame);
        if (found == FOUND_BEGINNING && !has_running) {
            return -1;
        }
        if (found == FOUND_NONE || (found == FOUND_RUNNING && !has_running &&
                                    ouro__load_address(frame + layout->globals) != globals)) {
            return 0;
        }
        has_running = has_running || found == FOUND_RUNNING;
    }
    return has_running ? 1 : globals == NULL ? -1 : 0;
}
