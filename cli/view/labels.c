/* labels.c - what stands at a row. */
#define _GNU_SOURCE
#include "view/labels.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "view/source.h"

#define LINE_LEAST 12 /* columns in which a file and a line can be told */

size_t
ouro__fields_of(const struct ouro__places *places, enum ouro__by by, uint32_t key,
                struct ouro__field fields[OURO_FIELDS_MOST])
{
    switch (by) {
    case OURO_BY_LINE:
        fields[0] = (struct ouro__field){"file", ouro__file_of_line(places, key), 0};
        fields[1] = (struct ouro__field){"line", NULL, ouro__number_of_line(places, key)};
        return 2;
    case OURO_BY_FUNCTION:
        fields[0] = (struct ouro__field){"file", ouro__file_of_function(places, key), 0};
        fields[1] = (struct ouro__field){"function", ouro__name_of_function(places, key), 0};
        return 2;
    case OURO_BY_DOMAIN:
        fields[0] = (struct ouro__field){"domain", ouro__domain_names[key], 0};
        return 1;
    default:
        fields[0] = (struct ouro__field){ouro__by_names[by], ouro__text_at(places, key), 0};
        return 1;
    }
}

/* A file as people name it: from the working directory on, when it lies there. */
static const char *
file_shown(const char *file)
{
    static char here[4096];

    if (here[0] == '\0' && getcwd(here, sizeof here) == NULL) {
        return file;
    }
    size_t n = strlen(here);
    return strncmp(file, here, n) == 0 && file[n] == '/' && file[n + 1] != '\0' ? file + n + 1 : file;
}

static void
line_add(struct ouro__text *text, const struct ouro__places *places, uint32_t line)
{
    uint32_t number = ouro__number_of_line(places, line);

    ouro__text_print(text, "%s", file_shown(ouro__file_of_line(places, line)));
    if (number > 0) {
        ouro__text_print(text, ":%u", number);
    }
}

void
ouro__place_add(struct ouro__text *text, const struct ouro__places *places, uint32_t place)
{
    const char *name = ouro__name_of_function(places, ouro__function_of_place(places, place));

    line_add(text, places, ouro__line_of_place(places, place));
    if (name[0] != '\0') {
        ouro__text_print(text, " in %s", name);
    }
}

void
ouro__label_add(struct ouro__text *text, const struct ouro__places *places, enum ouro__by by,
                uint32_t key)
{
    struct ouro__field fields[OURO_FIELDS_MOST];

    if (by == OURO_BY_LINE) {
        line_add(text, places, key);
    } else if (by == OURO_BY_TRACEBACK) {
        ouro__place_add(text, places, ouro__place_of_path(places, key));
    } else if (by == OURO_BY_FUNCTION && key != 0) {
        ouro__text_print(text, "%s: %s", file_shown(ouro__file_of_function(places, key)),
                         ouro__name_of_function(places, key));
    } else {
        (void)ouro__fields_of(places, by, key, fields);
        bool has_file = by == OURO_BY_FILE || by == OURO_BY_TASK;
        ouro__text_print(text, "%s", has_file ? file_shown(fields[0].text) : fields[0].text);
    }
}

size_t
ouro__text_add_end(struct ouro__text *text, const char *words, size_t columns)
{
    const char *ellipsis = ouro__text_is_utf8() ? "\u2026" : "...";
    size_t n_ellipsis = ouro__text_is_utf8() ? 1 : 3;
    struct ouro__text shown = {0};

    (void)ouro__text_add_shown(&shown, words, SIZE_MAX);
    const char *at = shown.data == NULL ? "" : shown.data;
    if (ouro__text_columns(at) <= columns) {
        n_ellipsis = 0;
    } else {
        /* Far more than fits is not looked at byte by byte. */
        if (shown.length > 8 * columns) {
            at += shown.length - 8 * columns;
        }
        /* Where a character begins, at a folder if there is one. */
        while (*at != '\0' &&
               (((unsigned char)*at & 0xc0) == 0x80 || ouro__text_columns(at) + n_ellipsis > columns)) {
            at++;
        }
        const char *slash = strchr(at, '/');
        at = slash == NULL ? at : slash;
        ouro__text_print(text, "%s", ellipsis);
    }
    ouro__text_print(text, "%s", at);
    size_t used = n_ellipsis + ouro__text_columns(at);
    ouro__text_free(&shown);
    return used;
}

void
ouro__source_add(struct ouro__text *text, const char *path, uint32_t number, uint64_t when)
{
    const char *trouble;
    bool is_changed = false;
    FILE *file = number == 0 ? NULL : ouro__source_open(path, when, &is_changed, &trouble);
    char *line = NULL;
    size_t room = 0;
    ssize_t n = 0;

    if (file == NULL) {
        return;
    }
    for (uint32_t i = 0; !is_changed && i < number && n >= 0; i++) {
        n = getline(&line, &room, file);
    }
    (void)fclose(file);
    while (n > 0 && isspace((unsigned char)line[n - 1])) {
        line[--n] = '\0';
    }
    if (n > 0) {
        const char *at = line + strspn(line, " \t\f");
        ouro__text_add(text, at, strlen(at));
    }
    free(line);
}

void
ouro__call_add(struct ouro__text *text, const struct ouro__places *places, uint32_t place,
               size_t columns)
{
    const char *name = ouro__name_of_function(places, ouro__function_of_place(places, place));
    struct ouro__text line = {0};
    size_t used = ouro__text_add_shown(text, name, columns);

    if (used + 3 + LINE_LEAST <= columns) {
        line_add(&line, places, ouro__line_of_place(places, place));
        ouro__text_print(text, " (");
        (void)ouro__text_add_end(text, line.data == NULL ? "" : line.data, columns - used - 3);
        ouro__text_print(text, ")");
    }
    ouro__text_free(&line);
}
