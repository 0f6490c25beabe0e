/* session.c - the folder of one run.
 *
 * The folder lies in $TMPDIR, readable by its owner alone, and goes before the tool ends.  Without a
 * TMPDIR it lies in memory, in /dev/shm: records are mapped files that change all the time, and no disk
 * needs to hear of it (to remove a folder from one can take milliseconds); or else in /tmp.
 *
 * Processes that outlive the run keep their mapped records; the kernel frees those with the last of
 * them. */
#define _GNU_SOURCE
#include "run/session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/record.h"
#include "text.h"

#define HOST_NAME "libouro-host.so"
#define HOST_FILE "lib/" HOST_NAME

/* Where an installation has put the library; the build says. */
#ifndef OURO_HOST_LIBRARY_PATH
#define OURO_HOST_LIBRARY_PATH "/usr/local/lib/" HOST_NAME
#endif

/* The folder of the Python module `ouro`, in an installation. */
#define MODULE_FOLDER "ouro/python"
#ifndef OURO_MODULE_PATH
#define OURO_MODULE_PATH "/usr/local/share/" MODULE_FOLDER
#endif

/* The dynamic linker splits LD_PRELOAD at these, and expands what follows a dollar. */
#define PRELOAD_BREAKERS " :$"

/* A program may have left folders in folders; nobody nests this deep by accident. */
#define DEEPEST_FOLDER 16

/* A path as seen from the folder of this very program (a build tree, or an installation that was moved). */
static char *
path_near_program(const char *name)
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) {
        return NULL;
    }
    program[length] = '\0';
    char *slash = strrchr(program, '/');
    if (slash == NULL) {
        return NULL;
    }
    *slash = '\0';
    char *path = NULL;
    if (asprintf(&path, "%s/../%s", program, name) < 0) {
        return NULL;
    }
    return path;
}

/* A part of Ouro that lies beside this program, as in a tree that was built, or where it was installed; NULL for neither. */
static char *
part_find(const char *near, const char *installed)
{
    char *path = path_near_program(near);
    char *found = path == NULL ? NULL : realpath(path, NULL);
    free(path);
    return found != NULL ? found : realpath(installed, NULL);
}

static char *
host_find(void)
{
    char *found = part_find(HOST_FILE, OURO_HOST_LIBRARY_PATH);
    if (found == NULL || access(found, R_OK) != 0) {
        char *near = path_near_program(HOST_FILE);
        ouro__say("cannot find " HOST_NAME ": looked for %s and %s",
                  near == NULL ? "it beside this program" : near, OURO_HOST_LIBRARY_PATH);
        free(near);
        free(found);
        found = NULL;
    }
    return found;
}

/* The folder of the Python module, or NULL: nothing else depends on it. */
static char *
module_find(void)
{
    return part_find("share/" MODULE_FOLDER, OURO_MODULE_PATH);
}

/* Make a folder below `parent`; NULL with errno when that cannot be. */
static char *
folder_make_below(const char *parent)
{
    char *folder = NULL;
    if (asprintf(&folder, "%s/ouro-run.XXXXXX", parent) < 0) {
        errno = ENOMEM;
        return NULL;
    }
    if (mkdtemp(folder) == NULL) {
        int error = errno;
        free(folder);
        errno = error;
        return NULL;
    }
    return folder;
}

static char *
folder_make(void)
{
    const char *wanted = getenv("TMPDIR");
    char *folder = NULL;
    if (wanted != NULL && wanted[0] == '/') {
        folder = folder_make_below(wanted);
    }
    if (folder == NULL) {
        folder = folder_make_below("/dev/shm");
    }
    if (folder == NULL) {
        folder = folder_make_below("/tmp");
    }
    if (folder == NULL) {
        ouro__say("cannot make a folder in /tmp: %s", strerror(errno));
    }
    return folder;
}

/* A path that LD_PRELOAD cannot hold is reached through a link in the session folder. */
static bool
host_link_if_needed(struct ouro__session *session)
{
    if (strpbrk(session->host, PRELOAD_BREAKERS) == NULL) {
        return true;
    }
    char *link = NULL;
    if (asprintf(&link, "%s/" HOST_NAME, session->folder) < 0) {
        return false;
    }
    if (strpbrk(link, PRELOAD_BREAKERS) != NULL || symlink(session->host, link) != 0) {
        ouro__say("cannot preload %s: a path with a space, colon or dollar", session->host);
        free(link);
        return false;
    }
    free(session->host);
    session->host = link;
    return true;
}

bool
ouro__session_make(struct ouro__session *session)
{
    *session = (struct ouro__session){0};
    session->host = host_find();
    if (session->host == NULL) {
        return false;
    }
    session->folder = folder_make();
    if (session->folder == NULL || !host_link_if_needed(session)) {
        ouro__session_remove(session);
        return false;
    }
    return true;
}

static bool
environment_set_preload(const char *host)
{
    const char *before = getenv("LD_PRELOAD");
    if (before == NULL || before[0] == '\0') {
        return setenv("LD_PRELOAD", host, 1) == 0;
    }
    char *both = NULL;
    if (asprintf(&both, "%s:%s", host, before) < 0) {
        return false;
    }
    bool done = setenv("LD_PRELOAD", both, 1) == 0;
    free(both);
    return done;
}

/* The module goes behind what the person has there: a module of theirs that has the same name is found before it.  With
 * --no-follow nothing is changed that the program's children would see. */
static bool
environment_set_module(const struct ouro__options *options)
{
    const char *before = getenv("PYTHONPATH");
    char *module = options->no_follow ? NULL : module_find();
    char *both = NULL;
    bool done = true;

    if (module == NULL || strchr(module, ':') != NULL) {
        /* as it is */
    } else if (before == NULL || before[0] == '\0') {
        done = setenv("PYTHONPATH", module, 1) == 0;
    } else {
        done = asprintf(&both, "%s:%s", before, module) >= 0 && setenv("PYTHONPATH", both, 1) == 0;
        free(both);
    }
    free(module);
    return done;
}

static bool
set_trace(const struct ouro__options *options)
{
    char value[64];
    int length;
    if (options->trace == OURO_TRACE_OFF) {
        return unsetenv(OURO_ENV_TRACE) == 0;
    }
    uint64_t bytes = options->trace == OURO_TRACE_SAMPLED ? options->sample_bytes : 0;
    length = snprintf(value, sizeof value, "%" PRIu64 ":%" PRIu32, bytes, options->n_frames);
    if (options->snapshot_path == NULL) { /* the report is about one program */
        (void)snprintf(value + length, sizeof value - (size_t)length, ":%d", (int)getpid());
    }
    return setenv(OURO_ENV_TRACE, value, 1) == 0;
}

static bool
set_snapshots(const struct ouro__options *options)
{
    char value[64];
    if (options->snapshot_path == NULL) { /* nobody keeps them */
        return unsetenv(OURO_ENV_SNAPSHOTS) == 0;
    }
    (void)snprintf(value, sizeof value, "%" PRIu32 ":%d:%" PRIu32, options->growth, options->signal,
                   options->n_kept);
    return setenv(OURO_ENV_SNAPSHOTS, value, 1) == 0;
}

bool
ouro__session_set_environment(const struct ouro__session *session, const struct ouro__options *options)
{
    char limit[24];
    (void)snprintf(limit, sizeof limit, "%" PRIu64, options->limit);

    bool done = environment_set_preload(session->host) && environment_set_module(options);
    done = done && setenv(OURO_ENV_SESSION, session->folder, 1) == 0;
    done = done && setenv(OURO_ENV_GC, options->gc_stock ? "stock" : "paced", 1) == 0;
    done = done && setenv(OURO_ENV_FOLLOW, options->no_follow ? "0" : "1", 1) == 0;
    done = done &&
           (options->limit == 0 ? unsetenv(OURO_ENV_LIMIT) : setenv(OURO_ENV_LIMIT, limit, 1)) == 0;
    done = done && set_trace(options);
    done = done && set_snapshots(options);
    done = done && (options->native ? setenv(OURO_ENV_NATIVE, "1", 1) : unsetenv(OURO_ENV_NATIVE)) == 0;
    done =
        done && (options->threads ? setenv(OURO_ENV_THREADS, "1", 1) : unsetenv(OURO_ENV_THREADS)) == 0;
    done = done && (options->lifetimes ? setenv(OURO_ENV_LIFETIMES, "1", 1)
                                       : unsetenv(OURO_ENV_LIFETIMES)) == 0;
    done = done && (!options->debug || setenv(OURO_ENV_DEBUG, "1", 1) == 0);
    if (!done) {
        ouro__say("cannot set the environment: %s", strerror(errno));
    }
    return done;
}

/* Empty the folder that `fd` is open on, and close it. */
static void
folder_empty(int fd, int depth)
{
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            unlinkat(fd, entry->d_name, 0) == 0) {
            continue;
        }
        if (depth < DEEPEST_FOLDER) {
            int inner = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (inner >= 0) {
                folder_empty(inner, depth + 1);
            }
        }
        (void)unlinkat(fd, entry->d_name, AT_REMOVEDIR);
    }
    closedir(folder);
}

void
ouro__session_remove(struct ouro__session *session)
{
    /* A process that still runs may make one more record between emptying and removing. */
    for (int tries = 0; session->folder != NULL && tries < 10; tries++) {
        int fd = open(session->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0) {
            folder_empty(fd, 0);
        }
        if (rmdir(session->folder) == 0 || errno == ENOENT) {
            break;
        }
    }
    free(session->folder);
    free(session->host);
    *session = (struct ouro__session){0};
}
