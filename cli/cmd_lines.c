/* cmd_lines.c - `ouro lines`: the source of a program with memory by line; of a snapshot, or of a run right now. */
#define _GNU_SOURCE
#include "cmd_view.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd_run.h"
#include "view/heading.h"
#include "view/held.h"
#include "json_values.h"
#include "view/listing.h"
#include "output.h"
#include "view/rows.h"

static const char help[] =
    "usage: ouro lines [options] FILE.ouro [SOURCE.py ...]\n"
    "       ouro lines [options] [run options] PROGRAM [args]\n"
    "\n"
    "Shows the source with the memory that each line holds: at the peak, at the end, and\n"
    "ever allocated, with the number of blocks. From a snapshot, or from a run of PROGRAM,\n"
    "all allocations traced, when that has ended.\n"
    "\n"
    "A block counts for the innermost line of the program's own files in its traceback:\n"
    "what a library allocates belongs to the line that called it. SOURCE.py are files to\n"
    "show in place of the program's own; they may be a library's.\n"
    "\n"
    "options:\n"
    "  --function NAME      only functions of that name: load, Reader.load\n"
    "  --all                all functions, also where some are marked in the source: by\n"
    "                       @ouro.line_profile or @profile\n"
    "  --json, --csv        for programs: all figures in full\n"
    "  --help               this text\n"
    "\n"
    "run options: those of `ouro run` but for --json, --quiet and --version; --trace is exact\n"
    "unless given, and the report is written only with --report\n"
    "\n"
    "examples:\n"
    "  ouro lines app.py                        run it, and see what its lines held\n"
    "  ouro lines --function load app.py data.csv\n"
    "  ouro lines -o app.ouro app.py            and keep the snapshot\n"
    "  ouro lines app.ouro models.py views.py   two files of it\n"
    "\n"
    "exit code: that of PROGRAM; 2 for wrong use, 125 when a file can't be read or written\n";

/* Ends every complaint about wrong use. */
#define TRY_HELP " (try 'ouro lines --help')"

enum { OPTION_FUNCTION = 1024, OPTION_ALL, OPTION_JSON, OPTION_CSV, OPTION_HELP };

static const struct option own_options[] = {
    {"function", required_argument, NULL, OPTION_FUNCTION},
    {"all", no_argument, NULL, OPTION_ALL},
    {"json", no_argument, NULL, OPTION_JSON},
    {"csv", no_argument, NULL, OPTION_CSV},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

#define N_OWN (sizeof own_options / sizeof *own_options - 1)
#define OPTIONS_MOST 64

struct lines {
    const char *function; /* NULL: all */
    bool shows_all;       /* and not only marked ones */
    bool json, csv;
    bool runs;                /* a program, and does not read a file */
    struct ouro__options run; /* when it does */
    char **sources;           /* names of files; borrowed */
    size_t n_sources;
};

/* The verb's own options, and for a run those of `ouro run` that don't have a name of them. */
static void
options_join(struct option joined[OPTIONS_MOST], bool runs)
{
    static const char *const none_of[] = {"json", "help", "quiet", "version"};
    size_t n = N_OWN;

    memcpy(joined, own_options, sizeof own_options);
    for (const struct option *option = ouro__run_options; runs && option->name != NULL; option++) {
        bool is_left_out = n + 1 >= OPTIONS_MOST;
        for (size_t i = 0; i < sizeof none_of / sizeof *none_of; i++) {
            is_left_out = is_left_out || strcmp(option->name, none_of[i]) == 0;
        }
        if (!is_left_out) {
            joined[n++] = *option;
        }
    }
    joined[n] = (struct option){0};
}

/* Act on one option; -1 to go on, otherwise an exit code. */
static int
option_take(struct lines *lines, int option, const char *given)
{
    switch (option) {
    case OPTION_FUNCTION:
        lines->function = optarg;
        return -1;
    case OPTION_ALL:
        lines->shows_all = true;
        return -1;
    case OPTION_JSON:
        lines->json = true;
        return -1;
    case OPTION_CSV:
        lines->csv = true;
        return -1;
    case OPTION_HELP:
    case 'h':
        return ouro__output_write("-", help, sizeof help - 1) ? 0 : OURO_EXIT_FAILED;
    case ':':
        ouro__say("%s needs a value" TRY_HELP, given);
        return OURO_EXIT_USAGE;
    case '?':
        ouro__say("'%s' is not an option of lines%s" TRY_HELP, given,
                  lines->runs ? "" : " for a snapshot");
        return OURO_EXIT_USAGE;
    default:
        return ouro__run_option_take(&lines->run, option, given);
    }
}

/* Whether a name is that of a snapshot, by its end or by what is in the file; all else are programs. */
static bool
is_snapshot(const char *path)
{
    size_t n = strlen(path);
    char magic[sizeof OURO_SNAPSHOT_MAGIC - 1];
    bool is_changed;
    const char *trouble;

    if (n > 5 && strcmp(path + n - 5, ".ouro") == 0) {
        return true;
    }
    FILE *file = ouro__source_open(path, 0, &is_changed, &trouble);
    if (file == NULL) {
        return false;
    }
    bool is_one = fread(magic, 1, sizeof magic, file) == sizeof magic &&
                  memcmp(magic, OURO_SNAPSHOT_MAGIC, sizeof magic) == 0;
    (void)fclose(file);
    return is_one;
}

/* One pass over the options; with `acts` false they are passed over.  -1, or an exit code. */
static int
options_pass(struct lines *lines, int count, char **arguments, bool acts)
{
    struct option joined[OPTIONS_MOST];
    const char *short_options = lines->runs ? "+:hfo:" : ":h";
    int code = -1;

    options_join(joined, lines->runs);
    optind = 0; /* from the beginning */
    while (code < 0) {
        int option = getopt_long(count, arguments, short_options, joined, NULL);
        if (option == -1) {
            break;
        }
        code = acts ? option_take(lines, option, arguments[optind - 1]) : -1;
    }
    return code;
}

static bool
options_check(const struct lines *lines, bool is_named)
{
    const char *wrong = NULL;

    if (!is_named) {
        wrong = "lines of what? Name a snapshot or a program";
    } else if (lines->json && lines->csv) {
        wrong = "--json or --csv, not both";
    } else if (lines->function != NULL && lines->function[0] == '\0') {
        wrong = "--function needs a name";
    } else if (lines->runs && lines->run.trace == OURO_TRACE_OFF) {
        wrong = "with --trace=off there is nothing to show";
    }
    if (wrong != NULL) {
        ouro__say("%s" TRY_HELP, wrong);
    }
    return wrong == NULL;
}

/* Read the options; -1 when all is well: the snapshot or the program is at `optind`. */
static int
options_read(struct lines *lines, int count, char **arguments)
{
    *lines = (struct lines){.runs = true};
    ouro__run_options_begin(&lines->run);
    lines->run.trace = OURO_TRACE_EXACT;
    lines->run.quiet = true;
    lines->run.shows_traced = true;
    opterr = 0;
    /* What is named first says which options there are: behind a program they are its own. */
    (void)options_pass(lines, count, arguments, false);
    lines->runs = optind < count && !is_snapshot(arguments[optind]);
    lines->runs |= optind >= count;
    int code = options_pass(lines, count, arguments, true);
    if (code < 0 && !options_check(lines, optind < count)) {
        code = OURO_EXIT_USAGE;
    }
    return code;
}

static void
elsewhere_add(const struct ouro__page *page, const struct ouro__held *held, bool is_estimate)
{
    struct ouro__text words = {0};
    const struct ouro__figures *figures = &held->elsewhere.by[OURO_MEASURE_PEAK];

    if (figures->blocks > 0) {
        ouro__heading_add_figures(&words, figures, is_estimate);
        ouro__text_print(&words, " of it for no line of the files shown");
        ouro__page_row(page, "elsewhere", &words);
    }
}

static void
marked_add(const struct ouro__page *page, const struct lines *lines, const struct ouro__held *held)
{
    struct ouro__text words = {0};

    if (held->is_marked && lines->function == NULL) {
        ouro__text_print(&words, "functions that are marked in the source; --all has the others, too");
        ouro__page_row(page, "shown", &words);
    }
}

static int
print_text(const struct lines *lines, const struct ouro__saved *saved, const struct ouro__held *held,
           bool *found)
{
    struct ouro__text text = {0};
    struct ouro__page page = {&text, ouro__look_at(STDOUT_FILENO)};
    struct ouro__view view = {.all = held->all.by[OURO_MEASURE_PEAK], .untraced = held->untraced};

    ouro__heading_add_title(&page, "lines", saved, OURO_MEASURE_PEAK);
    ouro__heading_add_process(&page, "process", saved);
    ouro__heading_add_tracing(&page, saved, &view);
    elsewhere_add(&page, held, saved->snapshot.tracing.mode == OURO_SNAPSHOT_SAMPLED);
    marked_add(&page, lines, held);
    ouro__listing_add(&page, held, ouro__saved_when(saved), lines->function, found);
    if (!*found && !text.failed) {
        ouro__text_free(&text);
        return 0;
    }
    return ouro__text_print_out(&text);
}

static void
figures_json(json_t *object, const struct ouro__held_figures *figures)
{
    for (int i = 0; i < OURO_N_MEASURES; i++) {
        char prefix[16];
        (void)snprintf(prefix, sizeof prefix, "%s_", ouro__measure_names[i]);
        ouro__row_add_figures(object, prefix, &figures->by[i]);
    }
}

static bool
is_within(const struct ouro__held_range *range, uint32_t number)
{
    return range->first <= number && number <= range->last;
}

static json_t *
line_json(const struct ouro__held_line *line, const struct ouro__source *source)
{
    json_t *object = json_object();

    (void)json_object_set_new(object, "line", json_integer(line->number));
    (void)json_object_set_new(object, "source",
                              line->number == 0 || line->number > source->n_lines
                                  ? json_null()
                                  : ouro__json_text(ouro__source_line(source, line->number)));
    figures_json(object, &line->figures);
    return object;
}

static json_t *
function_json(const struct ouro__held *held, const struct ouro__held_function *function)
{
    json_t *object = json_object();

    (void)json_object_set_new(object, "function",
                              ouro__json_text(ouro__text_at(&held->places, function->name)));
    (void)json_object_set_new(object, "first_line", json_integer(function->first));
    (void)json_object_set_new(object, "last_line", json_integer(function->last));
    figures_json(object, &function->figures);
    return object;
}

/* One file, of which some lines are meant. */
struct part {
    const struct ouro__held *held;
    const struct ouro__held_file *file;
    const struct ouro__source *source;
    const struct ouro__held_range *ranges;
    size_t n_ranges;
};

static void
part_json(const struct part *part, json_t *files)
{
    const struct ouro__held_file *file = part->file;
    json_t *object = json_object(), *functions = json_array(), *lines = json_array();
    size_t line = 0, function = 0;

    for (size_t i = 0; i < part->n_ranges; i++) {
        const struct ouro__held_range *range = &part->ranges[i];
        for (; line < file->n_lines && file->lines[line].number <= range->last; line++) {
            if (is_within(range, file->lines[line].number)) {
                (void)json_array_append_new(lines, line_json(&file->lines[line], part->source));
            }
        }
        for (; function < file->n_functions && file->functions[function].first <= range->last;
             function++) {
            if (is_within(range, file->functions[function].first)) {
                (void)json_array_append_new(functions,
                                            function_json(part->held, &file->functions[function]));
            }
        }
    }
    (void)json_object_set_new(object, "file",
                              ouro__json_text(ouro__text_at(&part->held->places, file->text)));
    (void)json_object_set_new(object, "changed", json_boolean(part->source->is_changed));
    (void)json_object_set_new(object, "trouble",
                              part->source->trouble == NULL ? json_null()
                                                            : ouro__json_text(part->source->trouble));
    figures_json(object, &file->figures);
    (void)json_object_set_new(object, "functions", functions);
    (void)json_object_set_new(object, "lines", lines);
    (void)json_array_append_new(files, object);
}

static void
part_csv(const struct part *part, struct ouro__text *text)
{
    const struct ouro__held_file *file = part->file;
    size_t line = 0;

    for (size_t i = 0; i < part->n_ranges; i++) {
        for (; line < file->n_lines && file->lines[line].number <= part->ranges[i].last; line++) {
            if (!is_within(&part->ranges[i], file->lines[line].number)) {
                continue;
            }
            ouro__csv_add_value(text, ouro__text_at(&part->held->places, file->text));
            ouro__text_print(text, ",%u,", file->lines[line].number);
            for (int m = 0; m < OURO_N_MEASURES; m++) {
                ouro__csv_add_figures(text, &file->lines[line].figures.by[m]);
                ouro__text_add(text, ",", 1);
            }
            ouro__csv_add_value(text, ouro__source_line(part->source, file->lines[line].number));
            ouro__text_add(text, "\n", 1);
        }
    }
}

/* Each file goes to an array of JSON, or, where that is NULL, to a text as CSV.  False without memory. */
static bool
files_print(const struct lines *lines, const struct ouro__saved *saved, const struct ouro__held *held,
            json_t *files, struct ouro__text *csv, bool *found)
{
    bool is_well = true;

    for (size_t i = 0; is_well && i < held->n_files; i++) {
        struct ouro__source source;
        struct part part = {.held = held, .file = &held->files[i], .source = &source};
        if (!ouro__held_open(held, &held->files[i], ouro__saved_when(saved), &source)) {
            return false;
        }
        struct ouro__held_range *ranges =
            ouro__held_ranges(held, part.file, lines->function, &part.n_ranges);
        is_well = ranges != NULL;
        part.ranges = ranges;
        *found = *found || part.n_ranges > 0;
        if (is_well && part.n_ranges > 0 && files != NULL) {
            part_json(&part, files);
        } else if (is_well) {
            part_csv(&part, csv);
        }
        free(ranges);
        ouro__source_free(&source);
    }
    return is_well;
}

static int
print_json(const struct lines *lines, const struct ouro__saved *saved, const struct ouro__held *held,
           bool *found)
{
    json_t *root = json_object(), *files = json_array();
    json_t *all = json_object(), *elsewhere = json_object();

    if (!files_print(lines, saved, held, files, NULL, found)) {
        json_decref(root);
        root = NULL;
    }
    figures_json(all, &held->all);
    figures_json(elsewhere, &held->elsewhere);
    (void)json_object_set_new(root, "schema", json_string("ouro-lines/1"));
    (void)json_object_set_new(root, "snapshot", ouro__saved_json(saved));
    (void)json_object_set_new(root, "traced", all);
    (void)json_object_set_new(root, "elsewhere", elsewhere);
    (void)json_object_set_new(root, "files", files);
    return ouro__json_print(root);
}

static int
print_csv(const struct lines *lines, const struct ouro__saved *saved, const struct ouro__held *held,
          bool *found)
{
    struct ouro__text text = {0};

    ouro__csv_add_heads(&text, OURO_BY_LINE);
    for (int i = 0; i < OURO_N_MEASURES; i++) {
        const char *name = ouro__measure_names[i];
        ouro__text_print(&text, "%s_bytes,%s_blocks,%s_bytes_error,", name, name, name);
    }
    ouro__text_print(&text, "source\n");
    text.failed |= !files_print(lines, saved, held, NULL, &text, found);
    return ouro__text_print_out(&text);
}

/* Sum up and print; an exit code. */
static int
lines_show(const struct lines *lines, const struct ouro__saved *saved)
{
    struct ouro__held held;
    const char *missing;
    bool found = false;
    int code = OURO_EXIT_FAILED;

    bool is_well = ouro__held_make(&held, saved, lines->sources, lines->n_sources, &missing);
    if (is_well && !lines->shows_all && lines->n_sources == 0) {
        is_well = ouro__held_find_marked(&held, ouro__saved_when(saved));
    }
    if (!is_well) {
        ouro__say("out of memory");
    } else if (missing != NULL) {
        ouro__say("nothing in %s comes from %s", saved->path, missing);
        code = OURO_EXIT_USAGE;
    } else {
        code = lines->json  ? print_json(lines, saved, &held, &found)
               : lines->csv ? print_csv(lines, saved, &held, &found)
                            : print_text(lines, saved, &held, &found);
        if (code == 0 && !found && lines->function != NULL) {
            ouro__say("no function %s in what %s holds of these files", lines->function, saved->path);
            code = OURO_EXIT_USAGE;
        } else if (code == 0 && !found) {
            ouro__say("nothing in %s comes from files of the program's own", saved->path);
        }
    }
    ouro__held_free(&held);
    return code;
}

/* After a run; its exit code is the program's, whatever becomes of this. */
static void
run_show(const struct ouro__run *run, void *context)
{
    if (run->traced != NULL) {
        (void)lines_show(context, run->traced);
    } else if (run->left_alone != NULL) {
        ouro__say("%s %s: there are no lines to show", run->binary, run->left_alone->phrase);
    } else {
        ouro__say("the program left no snapshot: there are no lines to show");
    }
}

int
ouro__cmd_lines(int count, char **arguments)
{
    struct lines lines;
    struct ouro__saved saved;

    int code = options_read(&lines, count, arguments);
    if (code >= 0) {
        return code;
    }
    if (lines.runs) {
        return ouro__run_program(&lines.run, arguments + optind, run_show, &lines);
    }
    lines.sources = arguments + optind + 1;
    lines.n_sources = (size_t)(count - optind - 1);
    code = OURO_EXIT_FAILED;
    if (ouro__saved_open(&saved, arguments[optind])) {
        code = lines_show(&lines, &saved);
        ouro__saved_free(&saved);
    }
    return code;
}
