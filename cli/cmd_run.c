/* cmd_run.c - `ouro run [options] PROGRAM [args]`: options, the run, and what is told of it. */
#define _GNU_SOURCE
#include "cmd_run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/asking.h"
#include "run/captures.h"
#include "run/child.h"
#include "run/gather.h"
#include "run/json.h"
#include "monitor/record.h"
#include "output.h"
#include "run/program.h"
#include "run/report.h"
#include "run/run.h"
#include "run/session.h"
#include "text.h"
#include "units.h"

static const char help[] =
    "usage: ouro run [options] PROGRAM [args]\n"
    "\n"
    "Runs PROGRAM on Ouro's heap and reports on its memory at the end, on standard error.\n"
    "PROGRAM is an executable, looked up on the PATH, or a .py file, which the python3 on\n"
    "the PATH runs. Its streams, folder, signals and exit code are its own.\n"
    "\n"
    "options:\n"
    "  --gc=paced|stock   when Python collects cycles: paced by Ouro (the default), or as\n"
    "                     Python does it on its own\n"
    "  --limit SIZE       refuse memory past SIZE (512M, 1.5G): Python gets MemoryError,\n"
    "                     C gets NULL\n"
    "  --debug            the debug heap: finds overflows, double frees, use after free\n"
    "  --json FILE        everything in full as JSON; - is standard output\n"
    "  --trace=sampled|exact|off\n"
    "                     note which lines blocks come from: of a sample (the default), of\n"
    "                     every one, or not at all\n"
    "  --sample SIZE      a sample for each SIZE bytes, on average (default: 512K)\n"
    "  --frames N         keep the N innermost frames of each traceback (default: all)\n"
    "  --native           the functions of C extensions, too, between Python's lines;\n"
    "                     programs without Python have theirs anyway\n"
    "  --threads          tell threads apart, for `ouro report --by thread`\n"
    "  --lifetimes        note how soon blocks are freed, for `ouro report --temporary`\n"
    "  -o FILE            what was traced, as a snapshot for `ouro report`; of further\n"
    "                     processes to FILE with their pid in its name\n"
    "  --record SECONDS   with -o: how often memory is noted, for `ouro plot` (default: 0.1,\n"
    "                     more often at first; 0: never)\n"
    "  --every SECONDS    a snapshot each so often while it runs, with -o\n"
    "  --growth PERCENT   one each time live memory has grown by so much since the last\n"
    "  --on-signal SIGNAL one when this signal comes (USR1), unless the program handles it\n"
    "  --keep N           the last N of those (default: 100); files are called as -o says,\n"
    "                     with number and cause: app.001-time.ouro\n"
    "  -f, --force        -o may replace a file that is there\n"
    "  --report FILE      the report to FILE and not to standard error\n"
    "  --quiet            nothing on standard error: no report, unless --report says where\n"
    "  --no-follow        leave the children of PROGRAM alone\n"
    "  --help             this text\n"
    "  --version          the version\n"
    "  --                 ends the options; those behind PROGRAM are the program's\n"
    "\n"
    "examples:\n"
    "  ouro run app.py                          a Python program, with a report at the end\n"
    "  ouro run python3 -m pytest tests         any way to start it will do\n"
    "  ouro run --gc=stock app.py               what the heap alone does\n"
    "  ouro run --limit 500M app.py             what happens with less memory?\n"
    "  ouro run -o app.ouro app.py              which lines hold the memory?\n"
    "  ouro run --report report.txt --json run.json make\n"
    "                                           a build, all its processes\n"
    "  ouro run --debug ./server                find heap corruption in a C program\n"
    "\n"
    "exit code: that of PROGRAM; 2 for wrong use, 125 when ouro itself fails, 126 when\n"
    "PROGRAM cannot be executed, 127 when there is none.\n";

enum {
    OPTION_GC = 256,
    OPTION_LIMIT,
    OPTION_DEBUG,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_TRACE,
    OPTION_SAMPLE,
    OPTION_FRAMES,
    OPTION_RECORD,
    OPTION_EVERY,
    OPTION_GROWTH,
    OPTION_ON_SIGNAL,
    OPTION_KEEP,
    OPTION_NATIVE,
    OPTION_THREADS,
    OPTION_LIFETIMES,
    OPTION_REPORT,
    OPTION_NO_FOLLOW,
    OPTION_HELP,
    OPTION_VERSION
};

const struct option ouro__run_options[] = {
    {"gc", required_argument, NULL, OPTION_GC},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"debug", no_argument, NULL, OPTION_DEBUG},
    {"json", required_argument, NULL, OPTION_JSON},
    {"trace", required_argument, NULL, OPTION_TRACE},
    {"sample", required_argument, NULL, OPTION_SAMPLE},
    {"frames", required_argument, NULL, OPTION_FRAMES},
    {"record", required_argument, NULL, OPTION_RECORD},
    {"every", required_argument, NULL, OPTION_EVERY},
    {"growth", required_argument, NULL, OPTION_GROWTH},
    {"on-signal", required_argument, NULL, OPTION_ON_SIGNAL},
    {"keep", required_argument, NULL, OPTION_KEEP},
    {"native", no_argument, NULL, OPTION_NATIVE},
    {"threads", no_argument, NULL, OPTION_THREADS},
    {"lifetimes", no_argument, NULL, OPTION_LIFETIMES},
    {"force", no_argument, NULL, 'f'},
    {"report", required_argument, NULL, OPTION_REPORT},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"no-follow", no_argument, NULL, OPTION_NO_FOLLOW},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

/* Ends every complaint about wrong use. */
#define TRY_HELP " (try 'ouro run --help')"

#define MOST_FRAMES 16384 /* that a traceback keeps */
#define SAMPLE_BYTES ((uint64_t)512 << 10)
#define LEAST_RECORD 0.001 /* s */
#define MOST_RECORD 86400
#define LEAST_EVERY 0.01 /* s */
#define MOST_EVERY 864000
#define MOST_GROWTH 100000 /* % */
#define MOST_KEPT 1000
#define USUALLY_KEPT 100

static bool
option_set_gc(struct ouro__options *options, const char *value)
{
    options->gc_stock = strcmp(value, "stock") == 0;
    if (!options->gc_stock && strcmp(value, "paced") != 0) {
        ouro__say("--gc is paced or stock, not '%s'" TRY_HELP, value);
        return false;
    }
    return true;
}

static bool
option_set_limit(struct ouro__options *options, const char *value)
{
    const char *why;
    if (!ouro__size_parse(value, &options->limit, &why)) {
        ouro__say("--limit '%s': a size %s" TRY_HELP, value, why);
        return false;
    }
    return true;
}

static bool
option_set_trace(struct ouro__options *options, const char *value)
{
    static const char *const names[] = {
        [OURO_TRACE_SAMPLED] = "sampled", [OURO_TRACE_EXACT] = "exact", [OURO_TRACE_OFF] = "off"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(value, names[i]) == 0) {
            options->trace = (enum ouro__trace_option)i;
            return true;
        }
    }
    ouro__say("--trace is sampled, exact or off, not '%s'" TRY_HELP, value);
    return false;
}

static bool
option_set_sample(struct ouro__options *options, const char *value)
{
    const char *why;
    if (!ouro__size_parse(value, &options->sample_bytes, &why)) {
        ouro__say("--sample '%s': a size %s" TRY_HELP, value, why);
        return false;
    }
    return true;
}

static bool
option_set_record(struct ouro__options *options, const char *value)
{
    char *end;
    double seconds = strtod(value, &end);

    if (value[0] < '0' || value[0] > '9' || *end != '\0' ||
        !(seconds == 0 || seconds >= LEAST_RECORD) || !(seconds <= MOST_RECORD)) {
        ouro__say("--record '%s': seconds from 0.001 to 86400, or 0 for never" TRY_HELP, value);
        return false;
    }
    options->records = seconds > 0;
    options->record_ns = (uint64_t)(seconds * 1e9);
    return true;
}

static bool
option_set_every(struct ouro__options *options, const char *value)
{
    char *end;
    double seconds = strtod(value, &end);

    if (value[0] < '0' || value[0] > '9' || *end != '\0' || !(seconds >= LEAST_EVERY) ||
        !(seconds <= MOST_EVERY)) {
        ouro__say("--every '%s': seconds from 0.01 to 864000" TRY_HELP, value);
        return false;
    }
    options->every_ns = (uint64_t)(seconds * 1e9);
    return true;
}

static bool
option_set_number(uint32_t *number, const char *name, const char *value, unsigned long most)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || n == 0 || n > most) {
        ouro__say("%s '%s': a number from 1 to %lu" TRY_HELP, name, value, most);
        return false;
    }
    *number = (uint32_t)n;
    return true;
}

static bool
option_set_signal(struct ouro__options *options, const char *value)
{
    int signal = ouro__signal_parse(value);
    if (signal < 0) {
        ouro__say("--on-signal '%s': a signal's name or number, such as USR1" TRY_HELP, value);
        return false;
    }
    if (signal == SIGKILL || signal == SIGSTOP) {
        ouro__say("--on-signal %s: nobody can handle that one" TRY_HELP, value);
        return false;
    }
    options->signal = signal;
    return true;
}

/* Where an option names a file, "" is a variable that was not set in a script. */
static bool
option_set_path(const char **path, const char *name, const char *value)
{
    if (value[0] == '\0') {
        ouro__say("%s needs the name of a file" TRY_HELP, name);
        return false;
    }
    *path = value;
    return true;
}

/* The options without a value. */
static bool
flag_set(struct ouro__options *options, int option)
{
    switch (option) {
    case 'f':
        options->force = true;
        return true;
    case OPTION_NATIVE:
        options->native = true;
        return true;
    case OPTION_THREADS:
        options->threads = true;
        return true;
    case OPTION_LIFETIMES:
        options->lifetimes = true;
        return true;
    case OPTION_DEBUG:
        options->debug = true;
        return true;
    case OPTION_QUIET:
        options->quiet = true;
        return true;
    case OPTION_NO_FOLLOW:
        options->no_follow = true;
        return true;
    default:
        return false;
    }
}

int
ouro__run_option_take(struct ouro__options *options, int option, const char *given)
{
    bool good = true;

    switch (option) {
    case OPTION_GC:
        good = option_set_gc(options, optarg);
        break;
    case OPTION_LIMIT:
        good = option_set_limit(options, optarg);
        break;
    case OPTION_JSON:
        good = option_set_path(&options->json_path, "--json", optarg);
        break;
    case OPTION_REPORT:
        good = option_set_path(&options->report_path, "--report", optarg);
        break;
    case 'o':
        good = option_set_path(&options->snapshot_path, "-o", optarg);
        break;
    case OPTION_TRACE:
        good = option_set_trace(options, optarg);
        break;
    case OPTION_SAMPLE:
        good = option_set_sample(options, optarg);
        break;
    case OPTION_FRAMES:
        good = option_set_number(&options->n_frames, "--frames", optarg, MOST_FRAMES);
        break;
    case OPTION_RECORD:
        good = option_set_record(options, optarg);
        break;
    case OPTION_EVERY:
        good = option_set_every(options, optarg);
        break;
    case OPTION_GROWTH:
        good = option_set_number(&options->growth, "--growth", optarg, MOST_GROWTH);
        break;
    case OPTION_ON_SIGNAL:
        good = option_set_signal(options, optarg);
        break;
    case OPTION_KEEP:
        good = option_set_number(&options->n_kept, "--keep", optarg, MOST_KEPT);
        break;
    case 'h':
    case OPTION_HELP:
        return ouro__output_write("-", help, sizeof help - 1) ? 0 : OURO_EXIT_FAILED;
    case OPTION_VERSION:
        return ouro__print_version();
    case ':':
        ouro__say("%s needs a value" TRY_HELP, given);
        return OURO_EXIT_USAGE;
    default:
        if (!flag_set(options, option)) {
            ouro__say("'%s' is not an option of run" TRY_HELP, given);
            return OURO_EXIT_USAGE;
        }
    }
    return good ? -1 : OURO_EXIT_USAGE;
}

void
ouro__run_options_begin(struct ouro__options *options)
{
    const char *debug = getenv(OURO_ENV_DEBUG);

    *options = (struct ouro__options){.debug = debug != NULL && strcmp(debug, "1") == 0,
                                      .sample_bytes = SAMPLE_BYTES,
                                      .records = true};
}

/* Read the options; -1 when the program is to be run, which then begins at `optind`. */
static int
options_read(struct ouro__options *options, int count, char **arguments)
{
    ouro__run_options_begin(options);
    opterr = 0;
    for (;;) {
        const char *given = arguments[optind];
        int option = getopt_long(count, arguments, "+:hfo:", ouro__run_options, NULL);
        if (option == -1) {
            break;
        }
        int code = ouro__run_option_take(options, option, given);
        if (code >= 0) {
            return code;
        }
    }
    if (optind >= count) {
        ouro__say("run what? Name a program" TRY_HELP);
        return OURO_EXIT_USAGE;
    }
    if (options->snapshot_path == NULL && options->record_ns != 0) {
        ouro__say("--record goes with -o, which says where to" TRY_HELP);
        return OURO_EXIT_USAGE;
    }
    const char *when = options->every_ns != 0 ? "--every"
                       : options->growth != 0 ? "--growth"
                       : options->signal != 0 ? "--on-signal"
                                              : NULL;
    if (when != NULL && options->snapshot_path == NULL) {
        ouro__say("%s goes with -o, which says where to" TRY_HELP, when);
        return OURO_EXIT_USAGE;
    }
    if (when == NULL && options->n_kept != 0) {
        ouro__say("--keep goes with --every, --growth or --on-signal" TRY_HELP);
        return OURO_EXIT_USAGE;
    }
    if (when != NULL && options->trace == OURO_TRACE_OFF) {
        ouro__say("%s has nothing to write with --trace=off" TRY_HELP, when);
        return OURO_EXIT_USAGE;
    }
    if (options->lifetimes && options->trace == OURO_TRACE_OFF) {
        ouro__say("--lifetimes has nothing to count with --trace=off" TRY_HELP);
        return OURO_EXIT_USAGE;
    }
    if (options->n_kept == 0) {
        options->n_kept = USUALLY_KEPT;
    }
    if (options->trace == OURO_TRACE_OFF && !options->records && options->snapshot_path != NULL) {
        ouro__say("-o has nothing to write with --trace=off and --record 0" TRY_HELP);
        return OURO_EXIT_USAGE;
    }
    return -1;
}

static bool
outputs_check(const struct ouro__options *options)
{
    return ouro__captures_check(options) &&
           (options->json_path == NULL || ouro__output_check(options->json_path)) &&
           (options->report_path == NULL || ouro__output_check(options->report_path));
}

/* The child could not be made into the program: say so, as a shell would. */
static int
start_failed(const struct ouro__child *child, const char *program)
{
    if (child->exec_error == 0) {
        return OURO_EXIT_FAILED; /* said already */
    }
    /* Where a folder of the PATH can't be searched execvp says that access was denied. */
    bool is_missing =
        child->exec_error == ENOENT ||
        (child->exec_error == EACCES && strchr(program, '/') == NULL && !ouro__program_exists(program));
    if (is_missing) {
        ouro__say("cannot run %s: no such program", program);
        return OURO_EXIT_MISSING;
    }
    ouro__say("cannot run %s: %s", program, strerror(child->exec_error));
    return OURO_EXIT_NOT_EXECUTABLE;
}

/* Write what was asked for: plain files first, while nothing can interrupt, then what may block. */
static void
outputs_write(const struct ouro__run *run, struct ouro__child *child)
{
    const struct ouro__options *options = &run->options;
    const char *report_path = options->report_path;
    struct ouro__text report = {0};
    char *json = options->json_path == NULL ? NULL : ouro__run_to_json(run);

    if (!options->quiet || report_path != NULL) {
        ouro__report_add(&report, run, ouro__look_at(report_path == NULL ? STDERR_FILENO : -1));
    }
    if (report.failed || (json == NULL && options->json_path != NULL)) {
        ouro__say("out of memory: the report is cut or missing");
    }
    for (int may_block = 0; may_block <= 1; may_block++) {
        if (may_block == 1) {
            ouro__child_release_signals(child);
        }
        if (json != NULL && ouro__output_is_plain(options->json_path) == !may_block) {
            (void)ouro__output_write(options->json_path, json, strlen(json));
        }
        if (report.data != NULL && report_path != NULL &&
            ouro__output_is_plain(report_path) == !may_block) {
            (void)ouro__output_write(report_path, report.data, report.length);
        }
    }
    if (report.data != NULL && report_path == NULL) {
        (void)ouro__write_all(STDERR_FILENO, report.data, report.length);
    }
    if (run->captured && !options->quiet) {
        ouro__say("next: ouro %s %s", run->captured_traces ? "report" : "plot", options->snapshot_path);
    }
    free(json);
    ouro__text_free(&report);
}

/* One line for a program that will not be on Ouro's heap; it runs all the same. */
static void
left_alone_say(const struct ouro__run *run)
{
    if (run->left_alone != NULL && !run->options.quiet) {
        ouro__say("note: %s %s: it runs as it is, on its own memory manager", run->binary,
                  run->left_alone->phrase);
    }
}

/* What is done while the program runs. */
struct chores {
    struct ouro__recording *recording; /* NULL: none */
    struct ouro__asking asking;
};

static uint64_t
chores_look(void *context)
{
    struct chores *chores = context;
    uint64_t record = chores->recording != NULL ? ouro__recording_look(chores->recording) : UINT64_MAX,
             ask = chores->asking.every_ns != 0 ? ouro__asking_look(&chores->asking) : UINT64_MAX;
    return record < ask ? record : ask;
}

/* The run itself, with signals held and a session made; fills `run`.  -1, or an exit code when the
 * program could not be started. */
static int
program_run(struct ouro__run *run, const struct ouro__program *program, struct ouro__child *child,
            const struct ouro__session *session)
{
    bool preload = !program->spoils && !(program->left_alone != NULL && run->options.no_follow);

    if (preload && !ouro__session_set_environment(session, &run->options)) {
        return OURO_EXIT_FAILED;
    }
    left_alone_say(run);
    if (!ouro__child_start(child, program->arguments[0], program->arguments)) {
        return start_failed(child, program->arguments[0]);
    }
    run->ending.pid = child->ending.pid;
    struct ouro__recording *recording =
        run->options.snapshot_path != NULL && run->options.records
            ? ouro__recording_begin(session->folder, child->ending.pid, run->options.record_ns)
            : NULL;
    struct chores chores = {.recording = recording};
    ouro__asking_begin(&chores.asking, session->folder, child->ending.pid, run->options.every_ns);
    struct ouro__child_tick tick = {chores_look, &chores};
    ouro__child_wait(child, recording != NULL || run->options.every_ns != 0 ? &tick : NULL);
    ouro__run_gather(run, session->folder);
    ouro__captures_keep(run, recording, session->folder);
    ouro__recording_end(recording);
    ouro__child_reap(child);
    run->ending = child->ending;
    return -1;
}

int
ouro__run_program(const struct ouro__options *options, char **command, ouro__run_show show,
                  void *context)
{
    struct ouro__run run = {.options = *options};
    struct ouro__program program;
    struct ouro__session session;
    struct ouro__child child;
    int code;

    if (!outputs_check(&run.options)) {
        return OURO_EXIT_FAILED;
    }
    if (!ouro__program_find(&program, command, &code)) {
        return code;
    }
    run.command = (const char *const *)program.arguments;
    while (run.command[run.n_command] != NULL) {
        run.n_command++;
    }
    run.binary = program.path;
    run.left_alone = program.left_alone;

    ouro__child_hold_signals(&child);
    if (!ouro__session_make(&session)) {
        ouro__program_free(&program);
        return OURO_EXIT_FAILED;
    }
    code = program_run(&run, &program, &child, &session);
    ouro__session_remove(&session);
    if (code < 0) {
        outputs_write(&run, &child);
    }
    if (code < 0 && show != NULL) {
        show(&run, context);
    }
    ouro__captures_free(&run);
    ouro__run_free(&run);
    ouro__program_free(&program);
    if (code < 0) {
        ouro__child_end_alike(&child);
    }
    return code;
}

int
ouro__cmd_run(int count, char **arguments)
{
    struct ouro__options options;

    int code = options_read(&options, count, arguments);
    return code >= 0 ? code : ouro__run_program(&options, arguments + optind, NULL, NULL);
}
