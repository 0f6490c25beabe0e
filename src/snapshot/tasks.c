/* tasks.c - which of asyncio's tasks asked for blocks, by the tracebacks that are there.
 *
 *   <module>, run, ..., _run_once      the event loop, in asyncio
 *   Handle._run                        calls what is due
 *   [__step, ...]                      in asyncio again, for tasks that are written in Python
 *   serve                              the outermost call of the task: its coroutine
 *   read, parse                        what that awaits, and calls
 *
 * So a task goes by its coroutine.  Its own name isn't in the traceback, and numbers of tasks would say less: a server has
 * one for each request.
 *
 * @source CPython Lib/asyncio/events.py, Handle._run(); Modules/_asynciomodule.c, task_step() */
#define _DEFAULT_SOURCE
#include "snapshot/tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char no_task[] = "(no task)";

/* Whether a function is the one by which event loops call what is due. */
static bool
is_run(const struct ouro__places *places, uint32_t function)
{
    static const char end[] = "/asyncio/events.py";
    const char *file = ouro__file_of_function(places, function);
    const char *name = ouro__name_of_function(places, function);
    size_t n = strlen(file);

    /* CPython 3.9 and 3.10 don't qualify names. */
    return (strcmp(name, "Handle._run") == 0 || strcmp(name, "_run") == 0) && n >= sizeof end - 1 &&
           strcmp(file + n - (sizeof end - 1), end) == 0;
}

/* Whether a function is in the same folder as another: in asyncio. */
static bool
is_beside(const struct ouro__places *places, uint32_t run, uint32_t function)
{
    const char *file = ouro__file_of_function(places, run);
    size_t n_folder = (size_t)(strrchr(file, '/') - file) + 1;
    return strncmp(file, ouro__file_of_function(places, function), n_folder) == 0;
}

/* Texts of functions, those that run tasks among them; OURO_NO_ID where there is no memory, 0 as long as it isn't asked for. */
struct naming {
    struct ouro__places *places;
    bool *is_run;
    uint32_t *texts;
};

static uint32_t
add_text(struct ouro__places *places, const char *text)
{
    return ouro__texts_id(&places->texts, text, strlen(text));
}

static uint32_t
name_task(struct ouro__places *places, uint32_t function)
{
    const char *file = ouro__file_of_function(places, function);
    const char *name = ouro__name_of_function(places, function);
    size_t size = strlen(file) + strlen(name) + sizeof ": ";
    char *text = malloc(size);
    uint32_t id = OURO_NO_ID;

    if (text != NULL) {
        (void)snprintf(text, size, "%s: %s", file, name);
        id = add_text(places, text);
    }
    free(text);
    return id;
}

/* The text of a task by the outermost function that the loop calls; by the loop's own, what that does between tasks. */
static uint32_t
text_of(struct naming *naming, uint32_t function)
{
    uint32_t *text = &naming->texts[function];

    if (*text == 0) {
        *text = function == 0              ? add_text(naming->places, no_task)
                : naming->is_run[function] ? add_text(naming->places, "(event loop)")
                                           : name_task(naming->places, function);
    }
    return *text;
}

/* Put functions of tasks in the place of paths; callers have lower numbers. */
static void
find_functions(const struct naming *naming, uint32_t *tasks, size_t n_paths)
{
    const struct ouro__places *places = naming->places;

    for (uint32_t i = 1; i < n_paths; i++) {
        uint32_t caller = tasks[places->paths.items[i].a];
        uint32_t function = ouro__function_of_place(places, ouro__place_of_path(places, i));
        if (caller == 0) {
            tasks[i] = naming->is_run[function] ? function : 0;
        } else {
            bool is_first = naming->is_run[caller] && !is_beside(places, caller, function);
            tasks[i] = is_first ? function : caller;
        }
    }
}

uint32_t
ouro__tasks_without_loop(struct ouro__places *places)
{
    for (uint32_t i = 1; i < places->functions.n; i++) {
        if (is_run(places, i)) {
            return 0;
        }
    }
    return add_text(places, no_task);
}

uint32_t *
ouro__tasks_of(struct ouro__places *places, size_t n_paths)
{
    size_t n_functions = places->functions.n;
    struct naming naming = {places, calloc(n_functions, sizeof(bool)),
                            calloc(n_functions, sizeof(uint32_t))};
    uint32_t *tasks = calloc(n_paths, sizeof *tasks);
    bool is_well = naming.is_run != NULL && naming.texts != NULL && tasks != NULL;

    for (uint32_t i = 1; is_well && i < n_functions; i++) {
        naming.is_run[i] = is_run(places, i);
    }
    if (is_well) {
        find_functions(&naming, tasks, n_paths);
    }
    for (size_t i = 0; is_well && i < n_paths; i++) {
        tasks[i] = text_of(&naming, tasks[i]);
        is_well = tasks[i] != OURO_NO_ID;
    }
    free(naming.is_run);
    free(naming.texts);
    if (!is_well) {
        free(tasks);
        return NULL;
    }
    return tasks;
}
