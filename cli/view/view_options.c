/* view_options.c - the options of `ouro report`, `ouro diff`, `ouro export`, `ouro plot` and `ouro sql`: most are the same. */
#define _GNU_SOURCE
#include "view/view_options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_run.h"
#include "output.h"
#include "run/run.h"
#include "units.h"
#include "view/leaks.h"

#define FIGURES                                                                                        \
    "  --live               what was live when the snapshot was taken (the default)\n"                 \
    "  --peak               what was live when the traced bytes were highest\n"                        \
    "  --churn              all that was ever allocated, freed or not\n"
#define ROWS                                                                                           \
    "  --by KEY             a row for each line (the default), file, function, traceback,\n"           \
    "                       package, domain, thread (ouro run --threads), task (of\n"                  \
    "                       asyncio: its coroutine) or type\n"                                         \
    "  --cumulative         a block counts for each frame of its traceback, once; without\n"           \
    "                       this for the innermost\n"
#define FILTERS                                                                                        \
    "  --filter PATTERN     only tracebacks with a frame that fits: a file or a function,\n"           \
    "                       with * ? [] for any; or just a part of the file's name\n"                  \
    "  --exclude PATTERN    no tracebacks with such a frame; both may be given repeatedly\n"
#define SINCE                                                                                          \
    "  --since MARK         only what was allocated since the program called ouro.mark(MARK)\n"
#define SHAPES                                                                                         \
    "  --top N              this many rows (20; in JSON and CSV all)\n"                                \
    "  --json, --csv        for programs: all figures in full\n"
#define EXITS "exit code: 2 for wrong use, 125 when a file can't be read or written\n"

static const char report_help[] =
    "usage: ouro report [options] FILE\n"
    "       ouro report --leaks [options] FILE ...\n"
    "\n"
    "Shows where the memory in a snapshot came from (ouro run -o FILE takes one).\n"
    "\n"
    "options:\n" FIGURES ROWS FILTERS SINCE SHAPES
    "  --leaks              what is live, without what imports left, and how much it is of all\n"
    "                       that was allocated there; of several snapshots of a run, in\n"
    "                       their order: what grew from each one to the next\n"
    "  --temporary[=N]      what was freed within N further allocations of the program (10; or\n"
    "                       1, 100, 1000, ... 1000000), and how much that is of all that was\n"
    "                       allocated there (ouro run --lifetimes)\n"
    "  --tree               callers and what they called, from the outermost frame down\n"
    "  --html OUT           a page for a browser, all in one file: flame graph, table,\n"
    "                       sizes of blocks, memory over time, the heap's map\n"
    "  --help               this text\n"
    "\n"
    "examples:\n"
    "  ouro report run.ouro                     the lines that hold most\n"
    "  ouro report --peak --by package run.ouro\n"
    "                                           which dependency, at the worst moment?\n"
    "  ouro report --by function --cumulative --exclude '*/importlib/*' run.ouro\n"
    "  ouro report --filter app.py --tree run.ouro\n"
    "  ouro report --html run.html run.ouro\n"
    "  ouro report --leaks run.ouro             what is still there, though not by design\n"
    "\n" EXITS;

static const char diff_help[] =
    "usage: ouro diff [options] BEFORE AFTER\n"
    "\n"
    "Shows what grew from one snapshot to another, what is new and what is gone.\n"
    "\n"
    "options:\n" FIGURES ROWS FILTERS SINCE SHAPES
    "  --fail-above SIZE    exit with 1 when the bytes grew by more than SIZE (10M, 0)\n"
    "  --help               this text\n"
    "\n"
    "examples:\n"
    "  ouro diff before.ouro after.ouro\n"
    "  ouro diff --by file --fail-above 1M main.ouro branch.ouro\n"
    "\n"
    "exit code: 1 when --fail-above says so, 2 for wrong use, 125 when a file can't be\n"
    "read or written\n";

static const char export_help[] =
    "usage: ouro export --to FORMAT [options] FILE\n"
    "\n"
    "Writes a snapshot for other programs, to standard output.\n"
    "\n"
    "options:\n"
    "  --to FORMAT          pprof        profile.proto, gzipped: go tool pprof\n"
    "                       speedscope   speedscope.app\n"
    "                       collapsed    a line a stack: flamegraph.pl and others\n"
    "                       json         everything: frames, tracebacks, figures\n"
    "                       sqlite       the same as a database: sqlite3\n"
    "                       memray-csv   what memray's transform to CSV writes\n"
    "  -o FILE              to FILE in place of standard output\n" FIGURES FILTERS SINCE
    "  --help               this text\n"
    "\n"
    "examples:\n"
    "  ouro export --to speedscope -o run.speedscope.json run.ouro\n"
    "  ouro export --to pprof -o run.pb.gz run.ouro && go tool pprof -top run.pb.gz\n"
    "  ouro export --to collapsed --peak run.ouro | flamegraph.pl > run.svg\n"
    "\n" EXITS;

static const char sql_help[] =
    "usage: ouro sql [options] FILE [STATEMENT]\n"
    "\n"
    "Asks a snapshot in SQL.  Without a statement: shows which tables there are.\n"
    "\n"
    "options:\n"
    "  --json, --csv        for programs: all values in full\n"
    "  --help               this text\n"
    "\n"
    "tables and views (sizes in bytes):\n"
    "  lines, files, functions   bytes: live, peak, allocated\n"
    "  packages                  the package of each file\n"
    "  traces, tracebacks, frames, process, types, samples, marks\n"
    "\n"
    "examples:\n"
    "  ouro sql run.ouro 'select file, line, live, peak from lines order by live desc limit 9'\n"
    "  ouro sql run.ouro 'select package, sum(peak) from files join packages using (file)\n"
    "                     group by package order by 2 desc'\n"
    "  ouro sql --csv run.ouro 'select domain, size, live_blocks from traces' > sizes.csv\n"
    "\n" EXITS;

static const char plot_help[] =
    "usage: ouro plot [options] FILE\n"
    "\n"
    "Shows memory over time, as ouro run -o FILE records it: live blocks by domain, resident\n"
    "memory, the collector's runs and what the program marked.\n"
    "\n"
    "options:\n"
    "  -o FILE              a picture: FILE ends in .svg or .png\n"
    "  --json, --csv        for programs: all samples in full\n"
    "  --help               this text\n"
    "\n"
    "examples:\n"
    "  ouro plot run.ouro                       in the terminal\n"
    "  ouro plot -o run.svg run.ouro\n"
    "\n" EXITS;

enum {
    OPTION_LIVE = 256,
    OPTION_PEAK,
    OPTION_CHURN,
    OPTION_LEAKS,
    OPTION_SINCE,
    OPTION_TEMPORARY,
    OPTION_BY,
    OPTION_CUMULATIVE,
    OPTION_FILTER,
    OPTION_EXCLUDE,
    OPTION_TOP,
    OPTION_JSON,
    OPTION_CSV,
    OPTION_TREE,
    OPTION_HTML,
    OPTION_FAIL_ABOVE,
    OPTION_TO,
    OPTION_HELP
};

enum {
    TABLES = OURO_VERB_REPORT | OURO_VERB_DIFF,
    VIEWS = TABLES | OURO_VERB_EXPORT,
    ALL = VIEWS | OURO_VERB_SQL | OURO_VERB_PLOT,
    SHAPED = TABLES | OURO_VERB_SQL | OURO_VERB_PLOT
};

static const struct {
    struct option option;
    unsigned verbs; /* that have it */
} known[] = {
    {{"live", no_argument, NULL, OPTION_LIVE}, VIEWS},
    {{"peak", no_argument, NULL, OPTION_PEAK}, VIEWS},
    {{"churn", no_argument, NULL, OPTION_CHURN}, VIEWS},
    {{"leaks", no_argument, NULL, OPTION_LEAKS}, OURO_VERB_REPORT},
    {{"temporary", optional_argument, NULL, OPTION_TEMPORARY}, OURO_VERB_REPORT},
    {{"by", required_argument, NULL, OPTION_BY}, TABLES},
    {{"cumulative", no_argument, NULL, OPTION_CUMULATIVE}, TABLES},
    {{"filter", required_argument, NULL, OPTION_FILTER}, VIEWS},
    {{"exclude", required_argument, NULL, OPTION_EXCLUDE}, VIEWS},
    {{"since", required_argument, NULL, OPTION_SINCE}, VIEWS},
    {{"top", required_argument, NULL, OPTION_TOP}, TABLES},
    {{"json", no_argument, NULL, OPTION_JSON}, SHAPED},
    {{"csv", no_argument, NULL, OPTION_CSV}, SHAPED},
    {{"tree", no_argument, NULL, OPTION_TREE}, OURO_VERB_REPORT},
    {{"html", required_argument, NULL, OPTION_HTML}, OURO_VERB_REPORT},
    {{"fail-above", required_argument, NULL, OPTION_FAIL_ABOVE}, OURO_VERB_DIFF},
    {{"to", required_argument, NULL, OPTION_TO}, OURO_VERB_EXPORT},
    {{"help", no_argument, NULL, OPTION_HELP}, ALL},
};

#define N_KNOWN (sizeof known / sizeof *known)

static const char *
verb_name(enum ouro__verb verb)
{
    return verb == OURO_VERB_REPORT ? "report"
           : verb == OURO_VERB_DIFF ? "diff"
           : verb == OURO_VERB_SQL  ? "sql"
           : verb == OURO_VERB_PLOT ? "plot"
                                    : "export";
}

/* Ends every complaint about wrong use. */
#define TRY_HELP " (try 'ouro %s --help')"

static bool
filter_add(const char ***patterns, size_t *n, const char *pattern)
{
    const char **larger = reallocarray(*patterns, *n + 1, sizeof *larger);
    if (larger == NULL) {
        ouro__say("out of memory");
        return false;
    }
    larger[(*n)++] = pattern;
    *patterns = larger;
    return true;
}

static bool
option_set_by(struct ouro__view_options *options, const char *value)
{
    for (int i = 0; i < OURO_N_BYS; i++) {
        if (strcmp(value, ouro__by_names[i]) == 0) {
            options->by = (enum ouro__by)i;
            return true;
        }
    }
    ouro__say("--by is line, file, function, traceback, package, domain, thread, task or type, not "
              "'%s'" TRY_HELP,
              value, verb_name(options->verb));
    return false;
}

static bool
option_set_top(struct ouro__view_options *options, const char *value)
{
    char *end;

    errno = 0;
    unsigned long top = strtoul(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || top == 0) {
        ouro__say("--top '%s': a number of rows, 1 at least" TRY_HELP, value, verb_name(options->verb));
        return false;
    }
    options->top = top;
    return true;
}

static bool
option_set_temporary(struct ouro__view_options *options, const char *value)
{
    uint64_t within = 1;
    char digits[24];

    for (int i = 0; i < OURO_SNAPSHOT_N_LIVES; i++, within *= 10) {
        (void)snprintf(digits, sizeof digits, "%" PRIu64, within);
        if (strcmp(value, digits) == 0) {
            options->within = within;
            options->measure = OURO_MEASURE_CHURN;
            return true;
        }
    }
    ouro__say("--temporary=%s: within 1, 10, 100, ... or 1000000 allocations" TRY_HELP, value,
              verb_name(options->verb));
    return false;
}

static bool
option_set_fail_above(struct ouro__view_options *options, const char *value)
{
    const char *why;

    options->may_fail = true;
    options->fail_above = 0;
    if (strcmp(value, "0") != 0 && !ouro__size_parse(value, &options->fail_above, &why)) {
        ouro__say("--fail-above '%s': a size %s" TRY_HELP, value, why, verb_name(options->verb));
        return false;
    }
    return true;
}

static int
help_print(enum ouro__verb verb)
{
    const char *help = verb == OURO_VERB_REPORT ? report_help
                       : verb == OURO_VERB_DIFF ? diff_help
                       : verb == OURO_VERB_SQL  ? sql_help
                       : verb == OURO_VERB_PLOT ? plot_help
                                                : export_help;
    return ouro__output_write("-", help, strlen(help)) ? 0 : OURO_EXIT_FAILED;
}

/* Act on one option; -1 to go on, otherwise an exit code. */
static int
option_take(struct ouro__view_options *options, int option, const char *given)
{
    struct ouro__filters *filters = &options->filters;
    bool good = true;

    switch (option) {
    case OPTION_LIVE:
    case OPTION_PEAK:
    case OPTION_CHURN:
        options->measure = (enum ouro__measure)(option - OPTION_LIVE);
        break;
    case OPTION_LEAKS:
        options->leaks = true;
        break;
    case OPTION_SINCE:
        options->since = optarg;
        break;
    case OPTION_TEMPORARY:
        good = option_set_temporary(options, optarg != NULL ? optarg : "10");
        break;
    case OPTION_BY:
        good = option_set_by(options, optarg);
        break;
    case OPTION_CUMULATIVE:
        options->cumulative = true;
        break;
    case OPTION_FILTER:
        good = filter_add(&filters->wanted, &filters->n_wanted, optarg);
        break;
    case OPTION_EXCLUDE:
        good = filter_add(&filters->unwanted, &filters->n_unwanted, optarg);
        break;
    case OPTION_TOP:
        good = option_set_top(options, optarg);
        break;
    case OPTION_JSON:
        options->json = true;
        break;
    case OPTION_CSV:
        options->csv = true;
        break;
    case OPTION_TREE:
        options->tree = true;
        break;
    case OPTION_HTML:
        options->html = optarg;
        break;
    case OPTION_FAIL_ABOVE:
        good = option_set_fail_above(options, optarg);
        break;
    case OPTION_TO:
        options->format = optarg;
        break;
    case 'o':
        options->output = optarg;
        break;
    case OPTION_HELP:
    case 'h':
        return help_print(options->verb);
    case ':':
        ouro__say("%s needs a value" TRY_HELP, given, verb_name(options->verb));
        return OURO_EXIT_USAGE;
    default:
        ouro__say("'%s' is not an option of %s" TRY_HELP, given, verb_name(options->verb),
                  verb_name(options->verb));
        return OURO_EXIT_USAGE;
    }
    return good ? -1 : OURO_EXIT_USAGE;
}

/* What the verb wants to be told, and what can't be had together. */
static bool
options_check(const struct ouro__view_options *options, int n_files)
{
    const char *verb = verb_name(options->verb);
    const char *wrong = NULL;

    if (options->verb == OURO_VERB_DIFF && n_files != 2) {
        wrong = "name two snapshots, the earlier one first";
    } else if (options->verb == OURO_VERB_SQL && n_files != 1 && n_files != 2) {
        wrong = n_files == 0 ? "name a snapshot" : "one snapshot, and all of the SQL as one argument";
    } else if (options->leaks && n_files > OURO_FILES_MOST) {
        wrong = "64 snapshots at a time, at most";
    } else if ((options->verb & (OURO_VERB_REPORT | OURO_VERB_EXPORT | OURO_VERB_PLOT)) != 0 &&
               n_files != 1 && !(options->leaks && n_files > 1)) {
        wrong = n_files == 0 ? "name a snapshot" : "one snapshot at a time";
    } else if (options->verb == OURO_VERB_EXPORT && options->format == NULL) {
        wrong = "--to says for whom: pprof, speedscope, collapsed, json, sqlite or memray-csv";
    } else if (options->output != NULL && options->output[0] == '\0') {
        wrong = "-o needs the name of a file";
    } else if (options->verb == OURO_VERB_PLOT && options->output != NULL &&
               (options->json || options->csv)) {
        wrong = "-o is for a picture; --json and --csv go to standard output";
    } else if (options->html != NULL && options->html[0] == '\0') {
        wrong = "--html needs the name of a file";
    } else if (options->html != NULL && (options->json || options->csv || options->tree ||
                                         options->cumulative || options->top > 0)) {
        wrong = "--html goes with none of --json, --csv, --tree, --cumulative and --top: the page has "
                "it all";
    } else if (options->html != NULL && options->by != OURO_BY_LINE && options->by != OURO_BY_FILE &&
               options->by != OURO_BY_FUNCTION && options->by != OURO_BY_PACKAGE) {
        wrong = "--html goes by lines, files, functions or packages";
    } else if (options->json && options->csv) {
        wrong = "--json or --csv, not both";
    } else if (options->tree && (options->json || options->csv || options->cumulative)) {
        wrong = "--tree goes with neither --json, --csv nor --cumulative";
    } else if (options->cumulative &&
               (options->by == OURO_BY_TRACEBACK || options->by >= OURO_BY_DOMAIN)) {
        wrong = "--cumulative goes by lines, files, functions or packages";
    }
    if (wrong == NULL && options->by == OURO_BY_TYPE && options->measure != OURO_MEASURE_LIVE) {
        wrong = "--by type goes with --live alone: types are looked at when the snapshot is taken";
    }
    if (wrong == NULL && options->leaks &&
        (options->measure != OURO_MEASURE_LIVE || options->tree || options->html != NULL)) {
        wrong = "--leaks is about what is live, as a table: without --peak, --churn, --tree and --html";
    }
    if (wrong == NULL && options->within != 0 &&
        (options->measure != OURO_MEASURE_CHURN || options->leaks || options->html != NULL)) {
        wrong =
            "--temporary is about all that was allocated: without --live, --peak, --leaks and --html";
    }
    if (wrong != NULL) {
        ouro__say("%s" TRY_HELP, wrong, verb);
    }
    return wrong == NULL;
}

int
ouro__view_options_read(struct ouro__view_options *options, enum ouro__verb verb, int count,
                        char **arguments)
{
    struct option long_options[N_KNOWN + 1] = {{0}};
    const char *short_options = verb == OURO_VERB_EXPORT || verb == OURO_VERB_PLOT ? ":ho:" : ":h";
    size_t n = 0;
    int code = -1;

    for (size_t i = 0; i < N_KNOWN; i++) {
        if ((known[i].verbs & (unsigned)verb) != 0) {
            long_options[n++] = known[i].option;
        }
    }
    *options = (struct ouro__view_options){.verb = verb};
    opterr = 0;
    while (code < 0) {
        int option = getopt_long(count, arguments, short_options, long_options, NULL);
        if (option == -1) {
            break;
        }
        code = option_take(options, option, arguments[optind - 1]);
    }
    if (code < 0 && !options_check(options, count - optind)) {
        code = OURO_EXIT_USAGE;
    }
    for (int i = 0; code < 0 && i < count - optind; i++) {
        options->files[options->n_files++] = arguments[optind + i];
    }
    if (code < 0 && options->leaks && !ouro__leaks_filter(&options->filters)) {
        ouro__say("out of memory");
        code = OURO_EXIT_FAILED;
    }
    if (code >= 0) {
        ouro__view_options_free(options);
    }
    return code;
}

void
ouro__view_options_free(struct ouro__view_options *options)
{
    free(options->filters.wanted);
    free(options->filters.unwanted);
    *options = (struct ouro__view_options){0};
}
