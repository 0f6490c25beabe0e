/* process.c - the beginning and the ends of a process that lives on the heap.
 *
 *   ld.so maps us ---> first malloc ---> our constructor ---> other constructors ---> main
 *                                                                                      |
 *         kernel <--- our exit handler <--- other libraries' destructors <--- exit() <-'
 *            ^------------------------------------------------ _exit(), exec, a signal
 *
 * We are linked with -z initfirst, so that our constructor runs before those of all other libraries: what
 * is registered here first is called last.  Blocks are asked for before it, and until after our exit
 * handler: the heap needs neither.
 *
 * The exit handler is registered by on_exit(), and not by a destructor or atexit(), because destructors of
 * a preloaded library run early, before those of the libraries that the program is linked with, and so do
 * the handlers that a library registers by atexit().
 *
 * _exit and exec pass by all handlers, so they are wrapped: a look at the heap, then the call goes on to
 * the next library that has the name, libc mostly.  Both may be called in signal handlers and in the child
 * of vfork(). */
#define _GNU_SOURCE
#include "host/host.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace/life.h"
#include "trace/native.h"
#include "trace/trace.h"

/* ---- the functions behind ours ---- */

typedef void next_exit(int);
typedef int next_execve(const char *, char *const[], char *const[]);
typedef int next_execv(const char *, char *const[]);
typedef int next_fexecve(int, char *const[], char *const[]);

static struct {
    next_exit *exit;
    next_execve *execve, *execvpe;
    next_execv *execv, *execvp;
    next_fexecve *fexecve;
} next;

/* Done by the constructor: later it might be in a signal handler, where dlsym() must not be called.  An
 * object pointer becomes a function pointer by memcpy, as POSIX means it and C doesn't. */
static void
find_next(void)
{
    const struct {
        const char *name;
        void *place;
    } functions[] = {
        {"_exit", &next.exit},  {"execve", &next.execve}, {"execvpe", &next.execvpe},
        {"execv", &next.execv}, {"execvp", &next.execvp}, {"fexecve", &next.fexecve},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *found = dlsym(RTLD_NEXT, functions[i].name);
        memcpy(functions[i].place, &found, sizeof found);
    }
}

/* For a library's constructor that execs, when another library's -z initfirst went before ours. */
static void
need_next(void)
{
    if (next.exit == NULL) {
        find_next();
    }
}

/* ---- the beginning ---- */

static void
end_by_exit(int status, void *context)
{
    (void)context;
    ouro__watch_end(OURO_RECORD_ENDED, status);
}

static void
end_by_quick_exit(void)
{
    ouro__watch_end(OURO_RECORD_ENDED, -1);
}

static bool has_begun;

bool
ouro__host_has_begun(void)
{
    return has_begun && !ouro__watch_is_confined();
}

__attribute__((constructor(101))) static void
begin_process(int n_arguments, char **arguments, char **environment)
{
    (void)n_arguments;
    if (ouro__sanitizer_found(arguments, environment)) {
        return;
    }

    const struct ouro__settings *settings = ouro__settings_get();
    find_next();
    ouro__confine_begin();
    ouro__fork_watch();
    ouro__watch_begin();
    if (settings->threads) {
        ouro__threads_tell();
    }
    ouro__life_is_asked = settings->lifetimes;
    if (settings->traces &&
        !ouro__trace_start(ouro__native_frames(NULL), settings->n_frames, settings->sample_bytes)) {
        ouro__watch_note("no memory for tracing");
    }
    if (!ouro__host_serves_malloc()) {
        ouro__watch_note("brings its own malloc: what that serves is not seen here");
    }
    (void)on_exit(end_by_exit, NULL);
    (void)at_quick_exit(end_by_quick_exit);
    if (!settings->follow) {
        ouro__settings_hide(environment);
    }
    has_begun = true;
}

/* ---- the ends ---- */

OURO_API __attribute__((noreturn)) void
_exit(int status)
{
    need_next();
    ouro__watch_end(OURO_RECORD_ENDED, status);
    next.exit(status);
    __builtin_unreachable();
}

OURO_API __attribute__((noreturn)) void
_Exit(int status)
{
    _exit(status);
}

static void
before_exec(void)
{
    need_next();
    ouro__watch_end(OURO_RECORD_REPLACED, -1);
}

/* Programs look for others by trying one folder after the other. */
static void
before_exec_of(const char *path)
{
    need_next();
    if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0) {
        before_exec();
    }
}

/* exec returned: it failed, and errno says why. */
static int
after_exec(int result)
{
    ouro__watch_resume();
    return result;
}

OURO_API int
execve(const char *path, char *const arguments[], char *const environment[])
{
    before_exec_of(path);
    return after_exec(next.execve(path, arguments, environment));
}

OURO_API int
execv(const char *path, char *const arguments[])
{
    before_exec_of(path);
    return after_exec(next.execv(path, arguments));
}

OURO_API int
execvp(const char *file, char *const arguments[])
{
    before_exec();
    return after_exec(next.execvp(file, arguments));
}

OURO_API int
execvpe(const char *file, char *const arguments[], char *const environment[])
{
    before_exec();
    return after_exec(next.execvpe(file, arguments, environment));
}

OURO_API int
fexecve(int file, char *const arguments[], char *const environment[])
{
    before_exec();
    return after_exec(next.fexecve(file, arguments, environment));
}

/* The forms with arguments one by one gather them in an array on the stack, as libc's do: no other memory
 * may be touched by the child of vfork(). */

static size_t
count_arguments(va_list list)
{
    size_t n = 0;
    while (va_arg(list, char *) != NULL) {
        n++;
    }
    return n;
}

/* An array of `first`, what is in `list` up to its NULL, and NULL.  A macro, because it lives on the stack
 * of its user. */
#define GATHER_ARGUMENTS(array, first, list)                                                           \
    va_list counting;                                                                                  \
    va_copy(counting, list);                                                                           \
    size_t n_more = count_arguments(counting);                                                         \
    va_end(counting);                                                                                  \
    char **array = __builtin_alloca((n_more + 2) * sizeof *array);                                     \
    array[0] = (char *)(uintptr_t)(first);                                                             \
    for (size_t at = 1; at <= n_more; at++) {                                                          \
        array[at] = va_arg(list, char *);                                                              \
    }                                                                                                  \
    array[n_more + 1] = NULL

OURO_API int
execl(const char *path, const char *first, ...)
{
    va_list list;
    va_start(list, first);
    GATHER_ARGUMENTS(arguments, first, list);
    va_end(list);
    return execv(path, arguments);
}

OURO_API int
execlp(const char *file, const char *first, ...)
{
    va_list list;
    va_start(list, first);
    GATHER_ARGUMENTS(arguments, first, list);
    va_end(list);
    return execvp(file, arguments);
}

OURO_API int
execle(const char *path, const char *first, ...)
{
    va_list list;
    va_start(list, first);
    GATHER_ARGUMENTS(arguments, first, list);
    (void)va_arg(list, char *); /* the NULL before the environment */
    char **environment = va_arg(list, char **);
    va_end(list);
    return execve(path, arguments, environment);
}
