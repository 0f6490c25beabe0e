/* source.c - the text of a Python file, and where its functions end.
 *
 * What begins on a line lasts until a statement begins that is indented no further.  To know where statements begin,
 * brackets and strings are followed, and nothing else of the language: text of any kind has some answer, and each line
 * is looked at once.
 *
 * @source "Lexical analysis", The Python Language Reference: logical lines, indentation */
#define _GNU_SOURCE
#include "view/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE_MOST ((off_t)16 << 20) /* bytes; no file that a person wrote is larger */
#define TAB 8
#define DECORATORS_MOST 64      /* lines of a function's decorators that are looked at */
#define NO_STATEMENT UINT32_MAX /* a line on which none begins */

FILE *
ouro__source_open(const char *path, uint64_t when, bool *is_changed, const char **trouble)
{
    struct stat info;
    FILE *file = NULL;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    *trouble = NULL;
    if (fd < 0 || fstat(fd, &info) != 0) {
        *trouble = strerror(errno);
    } else if (!S_ISREG(info.st_mode)) {
        *trouble = "not a plain file";
    } else if (info.st_size > SOURCE_MOST) {
        *trouble = "larger than any source";
    } else {
        *is_changed = when != 0 && (uint64_t)info.st_mtim.tv_sec > when / 1000000000;
        file = fdopen(fd, "r");
        *trouble = file == NULL ? strerror(errno) : NULL;
    }
    if (file == NULL && fd >= 0) {
        (void)close(fd);
    }
    return file;
}

/* All bytes of a file, with a NUL behind them; owned, NULL without memory. */
static char *
bytes_read(FILE *file, size_t *n)
{
    size_t room = (size_t)1 << 16;
    char *data = malloc(room);

    *n = 0;
    while (data != NULL) {
        *n += fread(data + *n, 1, room - *n - 1, file);
        if (*n < room - 1 || room > (size_t)SOURCE_MOST) { /* it may grow while it is read */
            data[*n] = '\0';
            return data;
        }
        char *larger = realloc(data, 2 * room);
        if (larger == NULL) {
            free(data);
        }
        data = larger;
        room *= 2;
    }
    return NULL;
}

/* Note where each line begins, and end it with a NUL.  False without memory. */
static bool
lines_split(struct ouro__source *source, size_t n)
{
    size_t n_lines = 0;

    for (size_t i = 0; i < n; i++) {
        n_lines += source->data[i] == '\n' || i + 1 == n;
    }
    source->starts = reallocarray(NULL, n_lines + 1, sizeof *source->starts);
    if (source->starts == NULL) {
        return false;
    }
    for (size_t i = 0, start = 0; i < n; i++) {
        bool is_end = source->data[i] == '\n';
        if (!is_end && i + 1 < n) {
            continue;
        }
        source->starts[source->n_lines++] = (uint32_t)start;
        start = i + 1;
        for (size_t at = start; is_end && at-- > source->starts[source->n_lines - 1];) {
            if (source->data[at] != '\n' && source->data[at] != '\r') {
                break;
            }
            source->data[at] = '\0';
        }
    }
    return true;
}

/* What is open at the end of a line. */
struct scan {
    uint32_t depth;    /* brackets */
    char quotes;       /* the kind of a string in three quotes, 0 for none */
    bool is_continued; /* a backslash at its end */
};

/* Behind a string in one quote, which begins at `at`, or at the line's end. */
static const char *
string_pass(const char *at)
{
    char quote = *at++;

    while (*at != '\0' && *at != quote) {
        at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
    }
    return *at == '\0' ? at : at + 1;
}

static bool
is_triple(const char *at)
{
    return at[0] == at[1] && at[0] == at[2];
}

static void
line_scan(struct scan *scan, const char *at)
{
    scan->is_continued = false;
    while (*at != '\0') {
        if (scan->quotes != 0) {
            bool ends = *at == scan->quotes && is_triple(at);
            scan->quotes = ends ? 0 : scan->quotes;
            at += ends ? 3 : *at == '\\' && at[1] != '\0' ? 2 : 1;
        } else if (*at == '#') {
            return;
        } else if (*at == '"' || *at == '\'') {
            scan->quotes = is_triple(at) ? *at : 0;
            at = scan->quotes != 0 ? at + 3 : string_pass(at);
        } else {
            bool opens = strchr("([{", *at) != NULL, closes = strchr(")]}", *at) != NULL;
            scan->depth += opens;
            scan->depth -= closes && scan->depth > 0;
            scan->is_continued = at[0] == '\\' && at[1] == '\0';
            at++;
        }
    }
}

/* The column in which a statement begins; NO_STATEMENT on an empty line. */
static uint32_t
indentation_of(const char *at)
{
    uint32_t column = 0;

    for (; *at == ' ' || *at == '\t' || *at == '\f'; at++) {
        column = *at == '\t' ? (column / TAB + 1) * TAB : *at == '\f' ? 0 : column + 1;
    }
    return *at == '\0' || *at == '#' ? NO_STATEMENT : column;
}

/* `columns`: of the statements that begin on each line.  `filled`: the last line up to each that isn't empty. */
static void
statements_find(const struct ouro__source *source, uint32_t *columns, uint32_t *filled)
{
    struct scan scan = {0};

    for (uint32_t i = 0; i < source->n_lines; i++) {
        const char *line = source->data + source->starts[i];
        bool is_inside = scan.depth > 0 || scan.quotes != 0 || scan.is_continued;
        columns[i] = is_inside ? NO_STATEMENT : indentation_of(line);
        filled[i] = is_inside || columns[i] != NO_STATEMENT || i == 0 ? i : filled[i - 1];
        line_scan(&scan, line);
    }
}

/* From the last line to the first: the next statement that is indented no further is found over those that were found
 * for the lines below. */
static void
ends_find(struct ouro__source *source, const uint32_t *columns, const uint32_t *filled, uint32_t *next)
{
    uint32_t n = source->n_lines, below = n;

    for (uint32_t i = n; i-- > 0;) {
        next[i] = i + 1;
        if (columns[i] != NO_STATEMENT) {
            for (next[i] = below; next[i] < n && columns[next[i]] > columns[i];) {
                next[i] = next[next[i]];
            }
            below = i;
        }
        const char *line = source->data + source->starts[i];
        bool is_decorator = line[strspn(line, " \t\f")] == '@' && next[i] < n;
        uint32_t last = filled[next[i] - 1];
        source->ends[i] = is_decorator && columns[i] != NO_STATEMENT ? source->ends[next[i]]
                          : last > i                                 ? last
                                                                     : i;
    }
}

static bool
source_understand(struct ouro__source *source)
{
    size_t n = source->n_lines + (size_t)1;
    uint32_t *columns = reallocarray(NULL, n, sizeof *columns);
    uint32_t *filled = reallocarray(NULL, n, sizeof *filled);
    uint32_t *next = reallocarray(NULL, n, sizeof *next);

    source->ends = reallocarray(NULL, n, sizeof *source->ends);
    bool is_well = columns != NULL && filled != NULL && next != NULL && source->ends != NULL;
    if (is_well) {
        statements_find(source, columns, filled);
        ends_find(source, columns, filled, next);
    }
    free(columns);
    free(filled);
    free(next);
    return is_well;
}

bool
ouro__source_read(struct ouro__source *source, const char *path, uint64_t when)
{
    size_t n;

    *source = (struct ouro__source){0};
    if (path[0] == '<') { /* <string>, <stdin> */
        source->trouble = "not a file";
        return true;
    }
    FILE *file = ouro__source_open(path, when, &source->is_changed, &source->trouble);
    if (file == NULL) {
        return true;
    }
    source->data = bytes_read(file, &n);
    (void)fclose(file);
    if (source->data == NULL || !lines_split(source, n) || !source_understand(source)) {
        ouro__source_free(source);
        return false;
    }
    return true;
}

void
ouro__source_free(struct ouro__source *source)
{
    free(source->data);
    free(source->starts);
    free(source->ends);
    *source = (struct ouro__source){0};
}

const char *
ouro__source_line(const struct ouro__source *source, uint32_t number)
{
    return number == 0 || number > source->n_lines ? "" : source->data + source->starts[number - 1];
}

uint32_t
ouro__source_end(const struct ouro__source *source, uint32_t number)
{
    return number == 0 || number > source->n_lines ? number : source->ends[number - 1] + 1;
}

/* What follows the at sign of a decorator, without the modules that the name is looked up in. */
static bool
decorator_marks(const char *at)
{
    static const char *const names[] = {"line_profile", "profile"};
    size_t n = strcspn(at, " \t(#"), begin = n;

    while (begin > 0 && at[begin - 1] != '.') {
        begin--;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (n - begin == strlen(names[i]) && strncmp(at + begin, names[i], n - begin) == 0) {
            return true;
        }
    }
    return false;
}

bool
ouro__source_is_marked(const struct ouro__source *source, uint32_t number)
{
    for (uint32_t i = 0; i < DECORATORS_MOST && number + i <= source->n_lines; i++) {
        const char *line = ouro__source_line(source, number + i);
        line += strspn(line, " \t\f");
        if (strncmp(line, "def ", 4) == 0 || strncmp(line, "async ", 6) == 0 ||
            strncmp(line, "class ", 6) == 0) {
            break;
        }
        if (line[0] == '@' && decorator_marks(line + 1)) {
            return true;
        }
    }
    return false;
}
