/* cmd_snapshot.c - `ouro snapshot [options] -o FILE PID`: a snapshot of a process that runs, now.
 *
 * The process is found by the record that it has mapped, which lies in the folder of its session; it is asked there, and
 * its answer fetched.  Nothing is read from its memory, and it isn't stopped. */
#define _GNU_SOURCE
#include "cmd_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "monitor/ask.h"
#include "monitor/read.h"
#include "output.h"
#include "run/compress.h"
#include "run/live.h"
#include "run/run.h"
#include "text.h"

static const char help[] =
    "usage: ouro snapshot [options] -o FILE PID\n"
    "\n"
    "Takes a snapshot of a process that 'ouro run' has started, itself or further down, while\n"
    "it runs: what holds its memory now, as a file for 'ouro report'.  The process stops for\n"
    "a moment: a copy of it writes.  It answers when it next allocates, or at once when it was\n"
    "started with --on-signal.\n"
    "\n"
    "options:\n"
    "  -o FILE            where to\n"
    "  -f, --force        replace a file that is there\n"
    "  --name NAME        what the snapshot is called inside\n"
    "  --wait SECONDS     for its answer (default: 10)\n"
    "  --help             this text\n"
    "\n"
    "example:\n"
    "  ouro snapshot -o now.ouro $(pgrep -f server.py) && ouro report now.ouro\n"
    "\n"
    "exit code: 0, 2 for wrong use, 125 when there is no snapshot.\n";

#define TRY_HELP " (try 'ouro snapshot --help')"
#define USUAL_WAIT 10
#define MOST_WAIT 86400
#define PAUSE_NS 10000000L /* from one look to the next */
#define LOOKS_A_SECOND 100
#define MOST_NAME 95

struct request {
    int32_t pid;
    const char *to, *name; /* borrowed */
    bool force;
    double wait; /* s */
};

/* ---- options ---- */

static bool
number_read(const char *text, double least, double most, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *number >= least && *number <= most;
}

/* One option; -1, or an exit code. */
static int
option_take(struct request *request, int option, const char *given)
{
    switch (option) {
    case 'o':
        request->to = optarg;
        return -1;
    case 'f':
        request->force = true;
        return -1;
    case 'n':
        request->name = optarg;
        if (strlen(optarg) > MOST_NAME) {
            ouro__say("--name: up to %d bytes" TRY_HELP, MOST_NAME);
            return OURO_EXIT_USAGE;
        }
        return -1;
    case 'w':
        if (!number_read(optarg, 0, MOST_WAIT, &request->wait)) {
            ouro__say("--wait '%s': seconds from 0 to %d" TRY_HELP, optarg, MOST_WAIT);
            return OURO_EXIT_USAGE;
        }
        return -1;
    case 'h':
        return ouro__output_write("-", help, sizeof help - 1) ? 0 : OURO_EXIT_FAILED;
    case ':':
        ouro__say("%s needs a value" TRY_HELP, given);
        return OURO_EXIT_USAGE;
    default:
        ouro__say("unknown option '%s'" TRY_HELP, given);
        return OURO_EXIT_USAGE;
    }
}

static int
request_read(struct request *request, int count, char **arguments)
{
    static const struct option options[] = {
        {"force", no_argument, NULL, 'f'},
        {"name", required_argument, NULL, 'n'},
        {"wait", required_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    double pid;

    opterr = 0;
    for (;;) {
        const char *given = arguments[optind];
        int option = getopt_long(count, arguments, ":hfo:", options, NULL);
        if (option == -1) {
            break;
        }
        int code = option_take(request, option, given);
        if (code >= 0) {
            return code;
        }
    }
    if (optind + 1 != count) {
        ouro__say("snapshot of what? Name one process by its number" TRY_HELP);
        return OURO_EXIT_USAGE;
    }
    if (!number_read(arguments[optind], 1, INT32_MAX, &pid) || strchr(arguments[optind], '.') != NULL) {
        ouro__say("'%s' is not the number of a process" TRY_HELP, arguments[optind]);
        return OURO_EXIT_USAGE;
    }
    if (request->to == NULL || request->to[0] == '\0') {
        ouro__say("-o FILE says where to" TRY_HELP);
        return OURO_EXIT_USAGE;
    }
    request->pid = (int32_t)pid;
    return -1;
}

/* ---- finding it ---- */

/* Where in a line of /proc/PID/maps the path of its record begins, NULL when it is none. */
static const char *
record_in(const char *line, int32_t pid)
{
    const char *path = strchr(line, '/'), *name = path != NULL ? strrchr(path, '/') + 1 : NULL;
    int32_t found;
    unsigned number;
    int end = -1;

    bool is_record = name != NULL && sscanf(name, "%" SCNd32 ".%u.rec%n", &found, &number, &end) == 2 &&
                     end > 0 && found == pid;
    return is_record ? path : NULL;
}

/* The record of the process, as a path; owned, NULL and said when there is none. */
static char *
record_find(int32_t pid)
{
    char maps_path[40], *line = NULL, *path = NULL;
    size_t room = 0;
    ssize_t length;

    (void)snprintf(maps_path, sizeof maps_path, "/proc/%" PRId32 "/maps", pid);
    FILE *maps = fopen(maps_path, "re");
    if (maps == NULL) {
        ouro__say("cannot look at process %" PRId32 ": %s", pid,
                  errno == ENOENT ? "there is none of that number" : strerror(errno));
        return NULL;
    }
    errno = 0;
    while (path == NULL && (length = getline(&line, &room, maps)) > 0) {
        line[length - 1] = line[length - 1] == '\n' ? '\0' : line[length - 1];
        const char *found = record_in(line, pid);
        path = found != NULL ? strdup(found) : NULL;
    }
    int error = errno;
    free(line);
    (void)fclose(maps);
    const char *ended = path != NULL ? strstr(path, ".rec (deleted)") : NULL;
    if (path == NULL) {
        ouro__say("process %" PRId32 " %s", pid,
                  error == EACCES ? "is not yours to look at"
                                  : "is not on Ouro's heap: start it with 'ouro run'");
    } else if (ended != NULL) {
        ouro__say("process %" PRId32 " has outlived the 'ouro run' that it was started by", pid);
        free(path);
        path = NULL;
    }
    return path;
}

/* ---- asking ---- */

static void
pause_once(void)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    (void)nanosleep(&pause, NULL);
}

/* Which of its snapshots is the answer; 0, and said, when there is none. */
static uint32_t
answer_wait(const struct request *request, int file)
{
    struct ouro__record_found found = {0};

    if (!ouro__record_read(file, &found)) {
        ouro__say("cannot read the record of process %" PRId32, request->pid);
        return 0;
    }
    uint32_t before = found.record.answered;
    if (!ouro__record_ask(file, OURO_ASKED_BY_NAME, request->name)) {
        ouro__say("cannot ask process %" PRId32 ": %s", request->pid, strerror(errno));
        return 0;
    }
    if (found.record.snapshot_signal != 0) {
        (void)kill(request->pid, (int)found.record.snapshot_signal);
    }
    for (long left = (long)(request->wait * LOOKS_A_SECOND); left >= 0; left--) {
        if (ouro__record_read(file, &found) && found.record.answered != before) {
            return found.record.answered;
        }
        if (kill(request->pid, 0) != 0 && errno == ESRCH) {
            ouro__say("process %" PRId32 " has ended", request->pid);
            return 0;
        }
        pause_once();
    }
    (void)ouro__record_ask(file, OURO_ASKED_NOTHING, NULL);
    ouro__say("process %" PRId32
              " has not answered within %g s: it allocated nothing, or is not traced",
              request->pid, request->wait);
    return 0;
}

/* The file of a snapshot when it is whole, beside the record at `record`; owned, NULL and said when it can't be had. */
static char *
file_wait(const char *record, uint32_t which)
{
    char *whole = NULL, *part = NULL;
    int stem = (int)(strlen(record) - sizeof ".rec" + 1), n_missed = 0;

    if (asprintf(&whole, "%.*s.%" PRIu32 ".ouro", stem, record, which) < 0) {
        whole = NULL;
    }
    if (asprintf(&part, "%.*s.%" PRIu32 ".part", stem, record, which) < 0) {
        part = NULL;
    }
    while (whole != NULL && part != NULL && access(whole, F_OK) != 0 && n_missed < LOOKS_A_SECOND) {
        n_missed = ouro__live_is_written(part) ? 0 : n_missed + 1;
        pause_once();
    }
    if (whole == NULL || part == NULL) {
        ouro__say("out of memory");
        free(whole);
        whole = NULL;
    } else if (access(whole, F_OK) != 0) {
        ouro__say("the process could not write its snapshot: is the disk full?");
        free(whole);
        whole = NULL;
    }
    free(part);
    return whole;
}

static bool
snapshot_fetch(const struct request *request)
{
    char *record = record_find(request->pid), *whole = NULL;
    int file = record != NULL ? open(record, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    bool is_kept = false;

    if (record != NULL && file < 0) {
        ouro__say("cannot ask process %" PRId32 ": %s", request->pid, strerror(errno));
    }
    uint32_t which = file >= 0 ? answer_wait(request, file) : 0;
    if (which != 0) {
        whole = file_wait(record, which);
    }
    if (whole != NULL) {
        is_kept = ouro__snapshot_compress(whole, NULL, 0, request->to, request->force, false);
        (void)unlink(whole); /* it was for us */
    }
    if (file >= 0) {
        (void)close(file);
    }
    free(whole);
    free(record);
    return is_kept;
}

int
ouro__cmd_snapshot(int count, char **arguments)
{
    struct request request = {.name = "", .wait = USUAL_WAIT};
    int code = request_read(&request, count, arguments);

    if (code >= 0) {
        return code;
    }
    if (!ouro__output_check(request.to) || !(request.force || ouro__output_check_free(request.to)) ||
        !snapshot_fetch(&request)) {
        return OURO_EXIT_FAILED;
    }
    ouro__say("next: ouro report %s", request.to);
    return 0;
}
