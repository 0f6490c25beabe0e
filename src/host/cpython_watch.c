/* cpython_watch.c - the collector watched, and paced.
 *
 * A built-in function in gc.callbacks hears of each collection's start and end: what it costs and finds goes
 * to the record, and what base/pacing.c decides is done right there, when the collector's lists are in
 * order and no other thread is near them.
 *
 *   Installation.  The first allocation in the mem domain after the interpreter says that it is ready asks
 *   for a pending call, which the interpreter makes soon, in the main thread, between two instructions.
 *   Py_AtExit() takes everything back, so that a program that embeds Python may end it and start anew.
 *
 *   The program sees its own thresholds.  gc.get_threshold, gc.set_threshold and gc.collect are the built-in
 *   functions they were, with the same names and texts; the C functions behind them are ours and call the
 *   originals.  Once the program sets thresholds itself, it is obeyed: pacing ends.  A collection that it
 *   asks for is never left out.
 *
 * Where the generations can't be made out (cpython_lists.c) the collector is watched and left alone. */
#define _GNU_SOURCE
#include "host/cpython.h"

#include <link.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/pacing.h"
#include "heap/heap.h"
#include "host/cpython_frames.h"
#include "host/cpython_free_lists.h"
#include "host/cpython_lists.h"
#include "host/cpython_survey.h"
#include "trace/trace.h"

/* A threshold that is never reached: the older generations run when we say so. */
#define NEVER (INT_MAX / 2)

/* The interpreter's own rule: it looks at everything after eleven times eleven young looks. */
#define STOCK_YOUNG_LOOKS 121

/* A heap of fewer slots is counted in a microsecond or two, at each look. */
#define SMALL_HEAP ((uint64_t)32 << 20)

enum patched { PATCH_GET, PATCH_SET, PATCH_COLLECT, N_PATCHES };

static struct {
    enum ouro_record_gc_mode mode;
    bool is_installed;
    struct py_collector collector;
    py_object *callbacks; /* borrowed: the collector holds it until the interpreter ends */
    struct ouro__pacing pacing;
    bool can_survey;
    int thresholds[3]; /* as the program sees them */
    unsigned manual;   /* depth of collections that the program asked for */
    bool plans_emptying;
    struct py_method *patched[N_PATCHES];
    py_function original[N_PATCHES];

    /* The collection in progress. */
    uint64_t began_ns;
    uint64_t began_cpu_ns;
    uint64_t live_before; /* 0: not counted */
    bool is_emptying;     /* the free lists, and that alone */
    enum ouro__look look;
    struct ouro__survey survey;

    /* Totals since `pid` began. */
    int32_t pid;
    struct ouro_record_generation generations[3];
    uint64_t longest_ns, freed_bytes, n_emptied;
    uint32_t longest_generation;
} watch;

static void (*next_on_sample)(ouro_heap *heap, uint64_t live);

static bool
is_paced(void)
{
    return watch.mode == OURO_GC_PACED && watch.collector.generations != NULL;
}

/* ---- what pacing decides, done ---- */

/* What all heaps hold: the shared heap is the others' account. */
static uint64_t
held_bytes(void)
{
    return __atomic_load_n(&ouro__host_heap()->held, __ATOMIC_RELAXED);
}

static struct ouro__pace_moment
now(void)
{
    return (struct ouro__pace_moment){.cpu_ns = ouro__os_cpu_now(), .bytes = held_bytes()};
}

static void
set_thresholds(void)
{
    struct py_generation *generations = watch.collector.generations;
    bool is_soon = watch.pacing.wants_full || watch.pacing.is_forced;
    generations[0].threshold = is_soon ? 1 : watch.pacing.threshold;
    generations[1].threshold = NEVER;
    generations[2].threshold = watch.thresholds[2];
    if (watch.pacing.wants_full) {
        generations[2].count = watch.thresholds[2] < INT_MAX ? watch.thresholds[2] + 1 : INT_MAX;
        watch.collector.long_lived[0] = 0; /* a quarter of which is reached by any growth */
    }
}

static void
restore_thresholds(void)
{
    for (int i = 0; i < 3; i++) {
        watch.collector.generations[i].threshold = watch.thresholds[i];
    }
}

/* Between collections all old objects are in generation 2, in the order in which they were made.  Generation 1
 * is where the collector puts the survivors of a young look; they stay there when pacing keeps them apart. */

static void
start_paced(int generation)
{
    struct py_generation *generations = watch.collector.generations;
    uint64_t n_new = generations[0].count > 0 ? (uint64_t)generations[0].count : 0;
    bool is_asked = watch.manual > 0;
    watch.look = ouro__pacing_start(&watch.pacing, generation == 2, is_asked, n_new, now());
    if (watch.look == OURO_LOOK_SURVEY) { /* what a collection that was asked for has left there */
        ouro__generation_append(&generations[1], &generations[2]);
    }
    if (watch.look == OURO_LOOK_NOT || watch.look == OURO_LOOK_SURVEY) {
        ouro__generation_append(&generations[0], &generations[2]);
    }
    if (watch.look == OURO_LOOK_YOUNG && watch.pacing.takes_middle) { /* the older ones in front */
        ouro__generation_append(&generations[0], &generations[1]);
        ouro__generation_append(&generations[1], &generations[0]);
    }
    if (watch.look == OURO_LOOK_SURVEY &&
        !(watch.can_survey && ouro__survey_run(&generations[2], &generations[0], &watch.survey))) {
        ouro__pacing_no_survey(&watch.pacing);
        watch.look = OURO_LOOK_NOT;
    }
}

static void
stop_paced(uint64_t n_found)
{
    struct py_generation *generations = watch.collector.generations;
    uint64_t n_left = 0;
    if (watch.look == OURO_LOOK_FULL) {
        n_left = (uint64_t)watch.collector.long_lived[0];
    } else if (watch.look == OURO_LOOK_SURVEY) {
        n_left = watch.survey.n_objects -
                 (n_found < watch.survey.n_objects ? n_found : watch.survey.n_objects);
    } else if (watch.look == OURO_LOOK_YOUNG) {
        n_left = ouro__generation_length(&generations[1]);
    }
    const struct ouro__pace_moment end = now();
    ouro__pacing_stop(&watch.pacing, n_found, n_left, end.cpu_ns - watch.pacing.before.cpu_ns, end);
    if (watch.look == OURO_LOOK_YOUNG && watch.pacing.keeps_young) {
        ouro__generation_append(&generations[1], &generations[0]);
    } else if (watch.look == OURO_LOOK_SURVEY ||
               (watch.look == OURO_LOOK_YOUNG && !watch.pacing.keeps_middle)) {
        ouro__generation_append(&generations[1], &generations[2]);
    }
    set_thresholds();
}

/* ---- the record ---- */

static void
write_note(struct ouro_record *record)
{
    const char *note = "";
    if (ouro__py.free_threaded) {
        note =
            "a free-threaded CPython keeps its own allocator for objects: its collector depends on it";
    } else if (ouro__cpython_has_many_locks()) {
        note = "interpreters with locks of their own: objects are on the shared heap";
    } else if ((record->python_served & 6) != 6) {
        note = "PYTHONMALLOC or -X dev is obeyed: objects are not on Ouro's heap";
    } else if (ouro__settings_get()->traces && ouro__cpython_frames_note() != NULL) {
        note = ouro__cpython_frames_note();
    }
    memcpy(record->note, note, strlen(note) + 1);
}

void
ouro__cpython_record(struct ouro_record *record)
{
    if (ouro__py.hex == 0) {
        return;
    }
    if (record->pid != watch.pid) { /* forked: figures begin at the fork */
        watch.pid = record->pid;
        memset(watch.generations, 0, sizeof watch.generations);
        watch.longest_ns = watch.freed_bytes = watch.n_emptied = watch.longest_generation = 0;
    }
    memcpy(record->python_version, ouro__py.version, sizeof record->python_version);
    record->python_hex = ouro__py.hex;
    record->python_free_threaded = ouro__py.free_threaded;
    record->python_served = ouro__cpython_served();
    record->python_interpreters_own_gil = ouro__cpython_has_many_locks();
    if (record->note[0] == '\0') {
        write_note(record);
    }

    record->gc_mode = watch.mode;
    memcpy(record->gc, watch.generations, sizeof record->gc);
    record->gc_longest_ns = watch.longest_ns;
    record->gc_longest_generation = watch.longest_generation;
    record->gc_freed_bytes = watch.freed_bytes;
    for (int i = 0; i < 3; i++) {
        record->gc_stock_thresholds[i] = watch.thresholds[i];
        record->gc_thresholds[i] = watch.thresholds[i];
    }
    if (is_paced()) {
        record->gc_thresholds[0] = watch.pacing.threshold;
    }
    record->gc_raised = watch.pacing.n_raised;
    record->gc_lowered = watch.pacing.n_lowered;
    record->gc_forced = watch.pacing.n_forced;
    record->gc_put_off = watch.pacing.n_put_off;
    record->gc_emptied = watch.n_emptied;
}

static void
write_record(void)
{
    struct ouro_record *record = ouro__watch_take();
    if (record != NULL) {
        ouro__cpython_record(record);
        ouro__watch_give(record);
    }
}

/* ---- the callback ---- */

static uint64_t
count_live(int generation)
{
    ouro_heap *heap = ouro__cpython_heap();
    bool is_cheap =
        generation == 2 || (is_paced() && watch.look == OURO_LOOK_SURVEY) || held_bytes() < SMALL_HEAP;
    return heap != NULL && is_cheap ? ouro__heap_live(heap) : 0;
}

/* What a collection costs is this thread's CPU time; how long it holds the program up is time on the wall. */
static uint64_t
thread_cpu_ns(void)
{
    struct timespec cpu = {0, 0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return (uint64_t)cpu.tv_sec * 1000000000U + (uint64_t)cpu.tv_nsec;
}

static void
note_start(int generation)
{
    watch.began_ns = ouro__os_now();
    watch.began_cpu_ns = thread_cpu_ns();
    if (watch.is_emptying) { /* nothing is looked at, and nothing learned */
        watch.live_before = 0;
        ouro__free_lists_start(watch.collector.generations);
        return;
    }
    if (is_paced()) { /* a survey is part of what the collector costs */
        start_paced(generation);
    }
    watch.live_before = count_live(generation);
}

static void
note_stop(int generation, uint64_t n_collected, uint64_t n_uncollectable)
{
    uint64_t cpu_ns = thread_cpu_ns() - watch.began_cpu_ns; /* first: it is part of the other */
    uint64_t ns = ouro__os_now() - watch.began_ns;
    uint64_t live = watch.live_before != 0 ? count_live(generation) : 0;
    watch.freed_bytes += live != 0 && watch.live_before > live ? watch.live_before - live : 0;
    struct ouro_record_generation *figures = &watch.generations[generation];
    figures->runs += !watch.is_emptying;
    figures->ns += cpu_ns;
    figures->collected += n_collected;
    figures->uncollectable += n_uncollectable;
    if (ns > watch.longest_ns) {
        watch.longest_ns = ns;
        watch.longest_generation = (uint32_t)generation;
    }
    if (watch.is_emptying) {
        ouro__free_lists_stop(watch.collector.generations);
        watch.n_emptied++;
    } else if (is_paced()) {
        stop_paced(n_collected + n_uncollectable);
    }
    write_record();
}

static uint64_t
get_number(py_object *information, const char *name)
{
    py_object *number = ouro__py.PyDict_GetItemString(information, name);
    long value = number != NULL ? ouro__py.PyLong_AsLong(number) : 0;
    return value > 0 ? (uint64_t)value : 0;
}

/* Called by the collector with a phase, "start" or "stop", and a dictionary. */
static py_object *
hear_collection(py_object *self, py_object *const *arguments, intptr_t n, py_object *names)
{
    (void)self;
    (void)names;
    intptr_t length = 0;
    const char *phase = n == 2 ? ouro__py.PyUnicode_AsUTF8AndSize(arguments[0], &length) : NULL;
    if (phase != NULL && watch.is_installed) {
        uint64_t generation = get_number(arguments[1], "generation");
        if (strcmp(phase, "start") == 0 && generation < 3) {
            note_start((int)generation);
            /* The program has ended, its atexit functions have run, its modules are still there: what it kept is seen
             * now. */
            if (ouro__py.is_finalizing()) {
                ouro__watch_snapshot();
            }
        } else if (strcmp(phase, "stop") == 0 && generation < 3 && watch.began_ns != 0) {
            note_stop((int)generation, get_number(arguments[1], "collected"),
                      get_number(arguments[1], "uncollectable"));
        }
    }
    ouro__py.PyErr_Clear();
    ouro__py.Py_IncRef(ouro__py.none);
    return ouro__py.none;
}

/* ---- the functions of the module gc that we stand in for ---- */

static bool
is_main_interpreter(void)
{
    return ouro__py.PyInterpreterState_GetID(ouro__py.PyInterpreterState_Get()) == 0;
}

static py_object *
get_threshold(py_object *self, py_object *arguments)
{
    if (!is_paced() || !is_main_interpreter()) {
        return watch.original[PATCH_GET](self, arguments);
    }
    return ouro__py.Py_BuildValue("iii", watch.thresholds[0], watch.thresholds[1], watch.thresholds[2]);
}

static py_object *
set_threshold(py_object *self, py_object *arguments)
{
    if (!is_paced() || !is_main_interpreter()) {
        return watch.original[PATCH_SET](self, arguments);
    }
    restore_thresholds();
    py_object *result = watch.original[PATCH_SET](self, arguments);
    if (result == NULL) {
        set_thresholds(); /* wrong use: nothing was set */
        return NULL;
    }
    watch.mode = OURO_GC_OBEYED;
    ouro__collector_get_thresholds(&watch.collector, watch.thresholds);
    write_record();
    return result;
}

static py_object *
collect(py_object *self, py_object *const *arguments, intptr_t n, py_object *names)
{
    py_fast_function original;
    memcpy(&original, &watch.original[PATCH_COLLECT], sizeof original);
    watch.manual++;
    py_object *result = original(self, arguments, n, names);
    watch.manual--;
    return result;
}

struct segment_query {
    uintptr_t address;
    bool is_writable;
};

static int
ask_segment(struct dl_phdr_info *object, size_t size, void *context)
{
    (void)size;
    struct segment_query *query = context;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        bool is_inside = query->address - (object->dlpi_addr + segment->p_vaddr) < segment->p_memsz;
        if (is_inside && segment->p_type == PT_LOAD) {
            query->is_writable = (segment->p_flags & PF_W) != 0;
        } else if (is_inside && segment->p_type == PT_GNU_RELRO) {
            query->is_writable = false;
            return 1;
        }
    }
    return query->is_writable;
}

/* A table of methods is plain data in every version so far; should it become constant, it stays as it is. */
static bool
is_writable(const void *address)
{
    struct segment_query query = {(uintptr_t)address, false};
    dl_iterate_phdr(ask_segment, &query);
    return query.is_writable;
}

static struct py_method *
find_method(py_object *gc, const char *name, int flags)
{
    py_object *function = ouro__py.PyDict_GetItemString(gc, name);
    struct py_method *method = function != NULL ? ((struct py_builtin *)function)->method : NULL;
    bool is_known = method != NULL && strcmp(method->name, name) == 0 && method->flags == flags &&
                    is_writable(method);
    return is_known ? method : NULL;
}

/* All three or none. */
static bool
patch_methods(py_object *gc)
{
    py_fast_function fast = collect;
    py_function ours[N_PATCHES] = {get_threshold, set_threshold, NULL};
    memcpy(&ours[PATCH_COLLECT], &fast, sizeof fast);
    watch.patched[PATCH_GET] = find_method(gc, "get_threshold", PY_NOARGS);
    watch.patched[PATCH_SET] = find_method(gc, "set_threshold", PY_VARARGS);
    watch.patched[PATCH_COLLECT] = find_method(gc, "collect", PY_FASTCALL | PY_KEYWORDS);
    for (int i = 0; i < N_PATCHES; i++) {
        if (watch.patched[i] == NULL) {
            return false;
        }
    }
    for (int i = 0; i < N_PATCHES; i++) {
        watch.original[i] = watch.patched[i]->call;
        watch.patched[i]->call = ours[i];
    }
    return true;
}

static void
restore_methods(void)
{
    for (int i = 0; i < N_PATCHES; i++) {
        if (watch.original[i] != NULL) {
            watch.patched[i]->call = watch.original[i];
            watch.original[i] = NULL;
        }
    }
}

/* ---- installation ---- */

/* The interpreter has ended: what we know of it is no more. */
static void
uninstall(void)
{
    if (watch.is_installed) {
        restore_methods();
        watch.is_installed = false;
        watch.collector = (struct py_collector){NULL, NULL};
        ouro__cpython_wants_notice = true;
    }
}

static struct py_method callback_method = {
    "ouro_hear_collection", NULL, PY_FASTCALL | PY_KEYWORDS,
    "Ouro watches the collector: what it finds and costs is in the report of `ouro run`."};

static bool
append_callback(py_object *gc)
{
    py_fast_function fast = hear_collection;
    memcpy(&callback_method.call, &fast, sizeof fast);
    py_object *callbacks = ouro__py.PyDict_GetItemString(gc, "callbacks");
    py_object *function = ouro__py.PyCFunction_NewEx(&callback_method, NULL, NULL);
    bool is_done =
        callbacks != NULL && function != NULL && ouro__py.PyList_Append(callbacks, function) == 0;
    if (function != NULL) {
        ouro__py.Py_DecRef(function);
    }
    watch.callbacks = callbacks;
    return is_done;
}

static void
install_in(py_object *gc)
{
    if (ouro__py.Py_AtExit(uninstall) != 0 || !append_callback(gc)) {
        return;
    }
    watch.is_installed = true;
    ouro__watch_go_on(); /* a program that embeds Python may have ended it before */
    if (!ouro__collector_find(&watch.collector, gc)) {
        watch.mode = OURO_GC_STOCK;
        return;
    }
    ouro__collector_get_thresholds(&watch.collector, watch.thresholds);
    if (watch.mode != OURO_GC_PACED) {
        return;
    }
    /* A program that starts with thresholds of 0 doesn't want to be looked at. */
    if (watch.thresholds[0] <= 0 || !patch_methods(gc)) {
        watch.collector = (struct py_collector){NULL, NULL};
        watch.mode = OURO_GC_STOCK;
        return;
    }
    watch.plans_emptying = false;
    ouro__free_lists_emptied(held_bytes());
    watch.can_survey = ouro__survey_is_possible(watch.callbacks);
    ouro__pacing_init(&watch.pacing, watch.thresholds[0],
                      STOCK_YOUNG_LOOKS * (uint64_t)watch.thresholds[0], OURO_PACE_INTERPRETER, now());
    set_thresholds();
}

/* Is a module's lock being acquired, by this thread or another?  Up to 3.12 another import by the same thread then
 * makes importlib fail: it forgets in _blocking_on what it is to find there afterwards (CPython's issue 106176). */
static bool
is_acquiring_module_lock(py_object *modules)
{
    py_object *importlib = ouro__py.PyDict_GetItemString(modules, "_frozen_importlib");
    py_object *blocking =
        importlib != NULL
            ? ouro__py.PyDict_GetItemString(ouro__py.PyModule_GetDict(importlib), "_blocking_on")
            : NULL;
    return blocking != NULL &&
           ouro__py.PyDict_Size(blocking) > 0; /* later versions have no dict there: -1 */
}

/* A pending call: under the lock, in the main thread, between two instructions.  The program has not
 * necessarily imported gc, and then does not find it among its modules afterwards either. */
static int
install(void *context)
{
    (void)context;
    if (watch.is_installed || !is_main_interpreter()) {
        return 0;
    }
    py_object *modules = ouro__py.PyImport_GetModuleDict();
    if (is_acquiring_module_lock(modules)) {
        __atomic_store_n(&ouro__cpython_wants_notice, true, __ATOMIC_RELAXED); /* later */
        return 0;
    }
    ouro__py.PyErr_Clear();
    bool was_there = ouro__py.PyDict_GetItemString(modules, "gc") != NULL;
    py_object *module = ouro__py.PyImport_ImportModule("gc");
    if (module != NULL) {
        install_in(ouro__py.PyModule_GetDict(module));
        if (!was_there) {
            ouro__py.PyDict_DelItemString(modules, "gc");
        }
        ouro__py.Py_DecRef(module);
    }
    ouro__py.PyErr_Clear();
    write_record();
    return 0;
}

/* Others that hear of collections may ask for all objects: then none are put aside.  And where every block is traced
 * the lists are left as they are: what the program makes next would be new, and told of other lines than without us. */
static bool
can_empty(void)
{
    return ouro__py.PyList_Size(watch.callbacks) == 1 && ouro__trace_mode_now() != OURO__TRACE_EXACT;
}

/* A pending call.  (By the thresholds it could be had, too, but not be told from a collection that a C function asks for.) */
static int
empty_free_lists(void *context)
{
    (void)context;
    watch.plans_emptying = false;
    if (is_paced() && is_main_interpreter() && !ouro__py.is_finalizing()) {
        watch.is_emptying = can_empty();
        if (watch.is_emptying) {
            (void)ouro__py.PyGC_Collect();
        }
        watch.is_emptying = false;
        ouro__free_lists_emptied(
            held_bytes()); /* or not, but it isn't tried again before they have grown */
    }
    return 0;
}

/* The heaps have grown: a look at once, perhaps.  Under the interpreter's lock.  A program that has emptied
 * gc.callbacks has left us deaf: then the collector is as it was. */
static void
hurry(void)
{
    if (!is_paced() || !ouro__py.Py_IsInitialized() || !is_main_interpreter()) {
        return;
    }
    if (ouro__py.PyList_Size(watch.callbacks) == 0) {
        restore_thresholds();
        watch.mode = OURO_GC_STOCK;
        return;
    }
    if (ouro__pacing_grew(&watch.pacing, held_bytes())) {
        watch.collector.generations[0].threshold = 1;
    }
    if (!watch.plans_emptying && ouro__free_lists_are_due(held_bytes())) {
        watch.plans_emptying = ouro__py.Py_AddPendingCall(empty_free_lists, NULL) == 0;
    }
}

void
ouro__cpython_notice(void)
{
    __atomic_store_n(&ouro__cpython_wants_notice, false, __ATOMIC_RELAXED);
    if (watch.is_installed) {
        hurry();
    } else if (!ouro__py.Py_IsInitialized() || ouro__py.Py_AddPendingCall(install, NULL) != 0) {
        __atomic_store_n(&ouro__cpython_wants_notice, true, __ATOMIC_RELAXED);
    }
}

/* The heap's hook.  Of the exclusive heap we hear it under the interpreter's lock; of the shared one from any
 * thread, and pass it on to the next that has the lock. */
static void
note_growth(ouro_heap *heap, uint64_t live)
{
    if (next_on_sample != NULL) {
        next_on_sample(heap, live);
    }
    if (watch.is_installed && heap == ouro__cpython_heap()) {
        hurry();
    } else {
        __atomic_store_n(&ouro__cpython_wants_notice, true, __ATOMIC_RELAXED);
    }
}

void
ouro__cpython_watch(void)
{
    const struct ouro__settings *settings = ouro__settings_get();
    if (settings->session[0] == '\0') {
        return;
    }
    /* Where the collector can't be watched, this is all that will be said of Python. */
    write_record();
    (void)atexit(write_record);
    if (ouro__py.free_threaded) {
        return;
    }
    watch.mode = settings->gc == OURO_GC_SETTING_PACED ? OURO_GC_PACED : OURO_GC_STOCK;
    next_on_sample = ouro__heap_on_sample;
    ouro__heap_on_sample = note_growth;
    ouro__cpython_wants_notice = true;
}
