/* native.c - one stack of native frames and of the frames that an interpreter runs.
 *
 * An interpreter's frames are its own data.  For each nest of them there is one call, on the native stack, of the function
 * that runs them:
 *
 *      native                  interpreter's            mixed
 *      malloc                                           (ours: left out)
 *      scan_once                                        scan_once
 *      the interpreter                                  (its own: left out)
 *      eval  ................  loads, decode  ......... loads, decode
 *      the interpreter
 *      callback                                         callback
 *      eval  ................  main, <module>  ........ main, <module>
 *
 * Both are walked from the innermost frame outwards, at once.  The interpreter says of each of its frames where the call
 * that runs it lies on the native stack; where it doesn't know, calls are told by their code, and have a frame each.
 * Where the native walk ends early, the rest of the interpreter's frames follow. */
#include "trace/native.h"

#include <string.h>

#include "base/assert.h"
#include "trace/unwind.h"

#define N_FRAMES_MOST 16384
#define PATH_MOST 4096

static const struct ouro__native_guest *guest, *next_guest;

/* What modules are to a walk. */
enum { UNJUDGED, OURS, INTERPRETERS, SHOWN };

/* All code that is in no file. */
static const char generated;

/* Of a walk: what the interpreter runs. */
static struct ouro__frame inner[N_FRAMES_MOST];
static uintptr_t run_by[N_FRAMES_MOST];
static struct ouro__frame mixed[N_FRAMES_MOST];

/* ---- walking ---- */

static uint8_t
judge(struct ouro__module *module)
{
    if (OURO_UNLIKELY(module->role == UNJUDGED)) {
        uintptr_t self = (uintptr_t)&judge;
        bool is_ours = self - module->found.begin < module->found.end - module->found.begin;
        module->role = is_ours                                        ? OURS
                       : guest != NULL && guest->owns(&module->found) ? INTERPRETERS
                                                                      : SHOWN;
    }
    return module->role;
}

/* A native call as a frame; false when it is one that isn't shown. */
static inline bool
know_call(const struct ouro__call *call, struct ouro__frame *frame)
{
    if (OURO_UNLIKELY(call->module == NULL)) {
        *frame = (struct ouro__frame){&generated, 0};
        return true;
    }
    uintptr_t offset = call->address - call->module->found.bias;
    *frame = (struct ouro__frame){call->module, (uint32_t)offset};
    return judge(call->module) == SHOWN && offset <= UINT32_MAX;
}

/* What is walked at once. */
struct mixing {
    struct ouro__walk walk;
    size_t next, n_inner; /* of the interpreter's frames */
    struct ouro__frame *frames;
    size_t n, n_max;
};

/* Take the interpreter's frames that the call runs, or that a call further in was to run; whether it runs any. */
static inline bool
take_inner(struct mixing *mixing, const struct ouro__call *call)
{
    bool runs = false;
    while (mixing->next < mixing->n_inner && mixing->n < mixing->n_max) {
        uintptr_t by = run_by[mixing->next];
        if (by == OURO_RUN_UNKNOWN || (by == OURO_RUN_BY_CODE && runs)) {
            break;
        }
        bool is_here = by == OURO_RUN_BY_CODE
                           ? call->address - guest->run_begin < guest->run_end - guest->run_begin
                           : by >= mixing->walk.stack_begin && by < call->end;
        if (!is_here) {
            break;
        }
        mixing->frames[mixing->n++] = inner[mixing->next++];
        runs = runs || by == OURO_RUN_BY_CODE || by >= call->begin;
    }
    return runs;
}

/* Whether the interpreter knows nothing of a call that would run its frames, having had others: what the walk has come to is
 * not this stack's.  Greenlets take turns on one stack, and behind the first call of each lie words of others. */
static inline bool
runs_nothing(const struct mixing *mixing, const struct ouro__call *call)
{
    return mixing->n_inner != 0 && mixing->next == mixing->n_inner &&
           call->address - guest->run_begin < guest->run_end - guest->run_begin;
}

/* The frames of the calling thread, innermost first.  Never inlined: it is the caller's that are wanted. */
__attribute__((noinline)) static size_t
walk_mixed(struct ouro__frame *frames, size_t n_max)
{
    struct mixing mixing = {.frames = frames, .n_max = n_max < N_FRAMES_MOST ? n_max : N_FRAMES_MOST};
    struct ouro__call call;
    size_t n_sure = 0; /* up to where the interpreter ran something */
    mixing.n_inner = guest != NULL ? guest->place(inner, run_by, mixing.n_max) : 0;
    ouro__walk_begin(&mixing.walk);
    for (size_t n_calls = 0; mixing.n < mixing.n_max && n_calls < 4 * N_FRAMES_MOST; n_calls++) {
        if (!ouro__walk_next(&mixing.walk, &call)) {
            break;
        }
        if (take_inner(&mixing, &call) || mixing.n == mixing.n_max) {
            n_sure = mixing.n;
            continue;
        }
        if (runs_nothing(&mixing, &call)) {
            mixing.n = n_sure;
            break;
        }
        struct ouro__frame *frame = &frames[mixing.n];
        if (know_call(&call, frame)) {
            /* Calls from generated code to generated code say nothing. */
            mixing.n += frame->code != &generated || mixing.n == 0 || frame[-1].code != &generated;
        }
    }
    while (mixing.next < mixing.n_inner && mixing.n < mixing.n_max) {
        frames[mixing.n++] = inner[mixing.next++];
    }
    return mixing.n;
}

/* ---- the source ---- */

static inline bool
is_same(const struct ouro__frame *a, const struct ouro__frame *b)
{
    return a->code == b->code && a->offset == b->offset;
}

static size_t
follow(struct ouro__stack *stack)
{
    size_t n = walk_mixed(mixed, stack->room), same = 0;
    while (same < n && same < stack->n && is_same(&stack->entries[same].known, &mixed[n - 1 - same])) {
        same++;
    }
    for (size_t i = same; i < n; i++) {
        stack->entries[i].known = mixed[n - 1 - i];
    }
    stack->n = n;
    return same;
}

/* ---- what modules are ---- */

static char path[PATH_MOST];

/* Names that the dynamic linker was given are relative to where the program was then; it rarely goes elsewhere. */
static size_t
find_path(const struct ouro__os_module *module)
{
    size_t n = strlen(module->path), n_folder = 0;
    if (n == 0) {
        return ouro__os_program_path(path, sizeof path);
    }
    if (module->path[0] != '/' && strchr(module->path, '/') != NULL) {
        n_folder = ouro__os_working_directory(path, sizeof path - 1);
    }
    if (n_folder > 0) {
        path[n_folder++] = '/';
    }
    n = n < sizeof path - n_folder ? n : sizeof path - n_folder;
    memcpy(path + n_folder, module->path, n);
    return n_folder + n;
}

static bool
read_code(const void *code, struct ouro__code *known)
{
    if (code == &generated) {
        *known = (struct ouro__code){
            .file = OURO_GENERATED_CODE, .n_file = sizeof OURO_GENERATED_CODE - 1, .name = ""};
        return true;
    }
    if (!ouro__is_module(code)) {
        return guest != NULL && guest->frames->read_code(code, known);
    }
    const struct ouro__os_module *module = &((const struct ouro__module *)code)->found;
    *known = (struct ouro__code){.file = path,
                                 .n_file = find_path(module),
                                 .name = "",
                                 .lines = module->build_id,
                                 .n_lines = module->n_build_id,
                                 .line_table = OURO_LINES_NATIVE};
    return true;
}

static bool
lasts(const void *code)
{
    return code == &generated || ouro__is_module(code) || (guest != NULL && guest->frames->lasts(code));
}

static void
begin(void)
{
    guest = next_guest;
    ouro__walk_modules_again();
}

const struct ouro__frame_source *
ouro__native_frames(const struct ouro__native_guest *told)
{
    static const struct ouro__frame_source frames = {
        .walk = walk_mixed, .follow = follow, .read_code = read_code, .lasts = lasts, .begin = begin};
    if (!ouro__os_modules_are_known()) {
        return NULL;
    }
    next_guest = told;
    return &frames;
}
