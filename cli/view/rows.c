/* rows.c - tables for people and for programs. */
#define _GNU_SOURCE
#include "view/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json_values.h"
#include "output.h"
#include "run/run.h"
#include "units.h"

#define FRAMES_MOST 30 /* of one traceback, for people */

uint64_t
ouro__rounded(double figure)
{
    return figure >= 9e18 ? INT64_MAX : figure <= 0 ? 0 : (uint64_t)(figure + 0.5);
}

void
ouro__row_add_bytes(struct ouro__text *text, const struct ouro__figures *figures, bool is_estimate)
{
    char size[OURO_UNIT_TEXT];

    ouro__text_print(text, "%10s", ouro__size_show(size, ouro__rounded(figures->bytes)));
    if (is_estimate) {
        ouro__text_print(text, " %s%10s", ouro__text_is_utf8() ? "\u00b1" : "+-",
                         ouro__size_show(size, ouro__rounded(sqrt(figures->variance))));
    }
}

void
ouro__row_add_label(const struct ouro__page *page, const struct ouro__places *places, enum ouro__by by,
                    uint32_t key, uint64_t when, size_t used)
{
    size_t room = page->look.columns > used + 20 ? page->look.columns - used : 20;
    struct ouro__text label = {0}, source = {0};

    ouro__label_add(&label, places, by, key);
    if (by == OURO_BY_LINE) {
        ouro__source_add(&source, ouro__file_of_line(places, key), ouro__number_of_line(places, key),
                         when);
    }
    size_t shown = ouro__text_add_end(page->text, label.data == NULL ? "" : label.data,
                                      source.length == 0 ? room : room * 3 / 5);
    if (source.length > 0 && shown + 2 < room) {
        ouro__text_print(page->text, "  ");
        ouro__page_colour(page, OURO_COLOUR_DIM);
        (void)ouro__text_add_shown(page->text, source.data, room - shown - 2);
        ouro__page_colour(page, OURO_COLOUR_OFF);
    }
    ouro__text_print(page->text, "\n");
    ouro__text_free(&label);
    ouro__text_free(&source);
}

void
ouro__row_add_callers(const struct ouro__page *page, const struct ouro__places *places, uint32_t key,
                      size_t used)
{
    uint32_t path = places->paths.items[key].a;
    size_t n = 1;

    for (; path != 0 && n < FRAMES_MOST; path = places->paths.items[path].a, n++) {
        ouro__page_pad(page, (long)used);
        ouro__row_add_label(page, places, OURO_BY_TRACEBACK, path, 0, used);
    }
    for (n = 0; path != 0; path = places->paths.items[path].a) {
        n++;
    }
    if (n > 0) {
        ouro__page_pad(page, (long)used);
        ouro__text_print(page->text, "(and %zu outer frames)\n", n);
    }
}

static json_t *
place_json(const struct ouro__places *places, uint32_t place)
{
    uint32_t line = ouro__line_of_place(places, place);
    json_t *object = json_object();

    (void)json_object_set_new(object, "file", ouro__json_text(ouro__file_of_line(places, line)));
    (void)json_object_set_new(object, "line", json_integer(ouro__number_of_line(places, line)));
    (void)json_object_set_new(
        object, "function",
        ouro__json_text(ouro__name_of_function(places, ouro__function_of_place(places, place))));
    return object;
}

void
ouro__row_add_names(json_t *object, const struct ouro__places *places, enum ouro__by by, uint32_t key)
{
    struct ouro__field fields[OURO_FIELDS_MOST];

    if (by == OURO_BY_TRACEBACK) {
        json_t *frames = json_array();
        for (uint32_t path = key; path != 0; path = places->paths.items[path].a) {
            (void)json_array_append_new(frames, place_json(places, ouro__place_of_path(places, path)));
        }
        (void)json_object_set_new(object, "traceback", frames);
        return;
    }
    size_t n = ouro__fields_of(places, by, key, fields);
    for (size_t i = 0; i < n; i++) {
        (void)json_object_set_new(object, fields[i].name,
                                  fields[i].text == NULL ? json_integer(fields[i].number)
                                                         : ouro__json_text(fields[i].text));
    }
}

void
ouro__row_add_figures(json_t *object, const char *prefix, const struct ouro__figures *figures)
{
    static const char *const names[] = {"bytes", "blocks", "bytes_error"};
    const double values[] = {figures->bytes, figures->blocks, sqrt(figures->variance)};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%s%s", prefix, names[i]);
        (void)json_object_set_new(object, name, ouro__json_number(ouro__rounded(values[i])));
    }
}

int
ouro__json_print(json_t *root)
{
    char *dumped = ouro__json_dump(root, JSON_INDENT(2));
    struct ouro__text text = {.failed = dumped == NULL};

    json_decref(root);
    if (dumped != NULL) {
        ouro__text_print(&text, "%s\n", dumped);
    }
    free(dumped);
    return ouro__text_print_out(&text);
}

json_t *
ouro__saved_json(const struct ouro__saved *saved)
{
    static const char *const modes[] = {"off", "exact", "sampled"};
    const struct ouro_snapshot_tracing *tracing = &saved->snapshot.tracing;
    const char *trouble = saved->snapshot.trouble;
    uint64_t when = ouro__saved_when(saved);
    json_t *object = json_object();

    (void)json_object_set_new(object, "file", ouro__json_text(saved->path));
    (void)json_object_set_new(object, "trouble",
                              trouble[0] == '\0' ? json_null() : ouro__json_text(trouble));
    (void)json_object_set_new(object, "name", ouro__json_text(tracing->name));
    (void)json_object_set_new(object, "reason", ouro__json_text(tracing->reason));
    (void)json_object_set_new(object, "pid",
                              saved->has_record ? json_integer(saved->record.pid) : json_null());
    (void)json_object_set_new(object, "command", ouro__json_command(&saved->record));
    (void)json_object_set_new(object, "python", ouro__json_text(saved->record.python_version));
    (void)json_object_set_new(object, "taken_unix_ns",
                              when == 0 ? json_null() : ouro__json_number(when));
    (void)json_object_set_new(object, "taken_at_ns", ouro__json_number(tracing->taken_at_ns));
    (void)json_object_set_new(object, "tracing", json_string(modes[tracing->mode]));
    (void)json_object_set_new(object, "sample_bytes", ouro__json_number(tracing->sample_bytes));
    (void)json_object_set_new(object, "frames_most", json_integer(tracing->n_frames_most));
    (void)json_object_set_new(object, "peak_bytes", ouro__json_number(tracing->peak_bytes));
    (void)json_object_set_new(object, "peak_blocks", ouro__json_number(tracing->peak_blocks));
    (void)json_object_set_new(object, "peak_at_ns", ouro__json_number(tracing->peak_at_ns));
    (void)json_object_set_new(object, "own_bytes", ouro__json_number(tracing->own_bytes));
    (void)json_object_set_new(object, "since",
                              saved->since == NULL ? json_null() : ouro__json_text(saved->since));
    (void)json_object_set_new(object, "untraced_allocations", ouro__json_number(tracing->n_untraced));
    return object;
}

void
ouro__csv_add_value(struct ouro__text *text, const char *value)
{
    if (strpbrk(value, "\",\r\n") == NULL) {
        ouro__text_add_utf8(text, value);
        return;
    }
    struct ouro__text quoted = {0};
    for (const char *c = value; *c != '\0'; c++) {
        ouro__text_add(&quoted, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    }
    ouro__text_print(text, "\"");
    ouro__text_add_utf8(text, quoted.data == NULL ? "" : quoted.data);
    ouro__text_print(text, "\"");
    ouro__text_free(&quoted);
}

void
ouro__csv_add_heads(struct ouro__text *text, enum ouro__by by)
{
    bool has_file = by == OURO_BY_LINE || by == OURO_BY_FUNCTION;
    ouro__text_print(text, "%s%s,", has_file ? "file," : "", ouro__by_names[by]);
}

void
ouro__csv_add_names(struct ouro__text *text, const struct ouro__places *places, enum ouro__by by,
                    uint32_t key)
{
    struct ouro__field fields[OURO_FIELDS_MOST];

    if (by == OURO_BY_TRACEBACK) {
        struct ouro__text frames = {0};
        for (uint32_t path = key; path != 0; path = places->paths.items[path].a) {
            ouro__text_print(&frames, "%s", frames.length == 0 ? "" : "; ");
            ouro__place_add(&frames, places, ouro__place_of_path(places, path));
        }
        ouro__csv_add_value(text, frames.data == NULL ? "" : frames.data);
        ouro__text_print(text, ",");
        ouro__text_free(&frames);
        return;
    }
    size_t n = ouro__fields_of(places, by, key, fields);
    for (size_t i = 0; i < n; i++) {
        if (fields[i].text == NULL) {
            ouro__text_print(text, "%u,", fields[i].number);
        } else {
            ouro__csv_add_value(text, fields[i].text);
            ouro__text_print(text, ",");
        }
    }
}

void
ouro__csv_add_figures(struct ouro__text *text, const struct ouro__figures *figures)
{
    ouro__text_print(text, "%" PRIu64 ",%" PRIu64 ",%" PRIu64, ouro__rounded(figures->bytes),
                     ouro__rounded(figures->blocks), ouro__rounded(sqrt(figures->variance)));
}

int
ouro__text_print_out(struct ouro__text *text)
{
    bool is_well = !text->failed;

    if (!is_well) {
        ouro__say("out of memory");
    } else {
        is_well = ouro__output_write("-", text->data == NULL ? "" : text->data, text->length);
    }
    ouro__text_free(text);
    return is_well ? 0 : OURO_EXIT_FAILED;
}
