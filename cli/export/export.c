/* export.c - snapshots as text for other programs: collapsed stacks, speedscope's JSON and our own.
 *
 * These documents may be larger than the snapshot, so that they are written as text from the start.
 *
 * @source speedscope, file-format-spec.ts and "Importing from custom sources"
 * @source FlameGraph, stackcollapse.pl: the format of its output */
#define _GNU_SOURCE
#include "export/export.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <ouro/base.h>

#include "json_values.h"
#include "plot/recorded.h"
#include "view/rows.h"
#include "snapshot/grow.h"

#define PIECE ((size_t)1 << 18) /* bytes that are written together */

void
ouro__export_pass(struct ouro__text *text, const struct ouro__export *export)
{
    if (text->length >= PIECE) {
        ouro__output_add(export->output, text->data, text->length);
        text->length = 0;
        text->failed |= export->output->error != 0; /* nobody wants the rest */
    }
}

bool
ouro__place_texts_make(struct ouro__place_texts *texts, const struct ouro__places *places,
                       char separator,
                       void (*add)(struct ouro__text *text, const struct ouro__places *places,
                                   uint32_t place))
{
    *texts =
        (struct ouro__place_texts){.ends = reallocarray(NULL, places->places.n, sizeof *texts->ends)};
    for (uint32_t i = 0; texts->ends != NULL && i < places->places.n; i++) {
        ouro__text_add(&texts->text, &separator, 1);
        add(&texts->text, places, i);
        texts->ends[i] = texts->text.length;
    }
    return texts->ends != NULL && texts->text.data != NULL && !texts->text.failed;
}

void
ouro__place_texts_add(const struct ouro__place_texts *texts, uint32_t place, bool is_first,
                      struct ouro__text *to)
{
    size_t begin = (place == 0 ? 0 : texts->ends[place - 1]) + is_first;
    ouro__text_add(to, texts->text.data + begin, texts->ends[place] - begin);
}

void
ouro__place_texts_free(struct ouro__place_texts *texts)
{
    ouro__text_free(&texts->text);
    free(texts->ends);
}

/* The places of a path, outermost first. */
struct frames {
    uint32_t *places; /* owned */
    size_t n, room;
    uint32_t caller; /* of the path that they are of */
};

/* Those of `path`, in place of others; "no frame" when it has none.  False without memory. */
static bool
frames_find(struct frames *frames, const struct ouro__places *places, uint32_t path)
{
    uint32_t at = path, caller = places->paths.items[path].a;

    if (frames->n > 0 &&
        caller == frames->caller) { /* mostly: what a function asks for, line after line */
        frames->places[frames->n - 1] = ouro__place_of_path(places, path);
        return true;
    }
    frames->caller = caller;
    frames->n = 0;
    do {
        uint32_t *items = ouro__grow(frames->places, frames->n, &frames->room, sizeof *frames->places);
        if (items == NULL) {
            return false;
        }
        frames->places = items;
        frames->places[frames->n++] = ouro__place_of_path(places, at);
        at = places->paths.items[at].a;
    } while (at != 0);
    for (size_t i = 0; i < frames->n / 2; i++) {
        uint32_t place = frames->places[i];
        frames->places[i] = frames->places[frames->n - 1 - i];
        frames->places[frames->n - 1 - i] = place;
    }
    return true;
}

static void
number_add(struct ouro__text *text, const char *before, uint64_t number)
{
    ouro__text_add(text, before, strlen(before));
    ouro__text_add_number(text, number);
}

/* "load (app.py:12)": without what ends a frame or a line in collapsed stacks. */
static void
collapsed_frame_add(struct ouro__text *text, const struct ouro__places *places, uint32_t place)
{
    uint32_t line = ouro__line_of_place(places, place);
    const char *name = ouro__name_of_function(places, ouro__function_of_place(places, place));
    struct ouro__text frame = {0};

    if (name[0] == '\0') {
        ouro__text_print(&frame, "%s", ouro__file_of_line(places, line));
    } else {
        ouro__text_print(&frame, "%s (%s:%u)", name, ouro__file_of_line(places, line),
                         ouro__number_of_line(places, line));
    }
    for (char *c = frame.data; c != NULL && *c != '\0'; c++) {
        *c = *c == ';' ? ',' : (unsigned char)*c < ' ' ? ' ' : *c;
    }
    ouro__text_add_utf8(text, frame.data == NULL ? "" : frame.data);
    text->failed |= frame.failed;
    ouro__text_free(&frame);
}

void
ouro__export_collapsed(struct ouro__text *text, const struct ouro__export *export)
{
    const struct ouro__view *view = export->view;
    struct ouro__place_texts texts;
    struct frames frames = {0};

    text->failed |= !ouro__place_texts_make(&texts, export->places, ';', collapsed_frame_add);
    for (size_t i = 0; i < view->n_holders && !text->failed; i++) {
        uint32_t path = view->holders[i];
        uint64_t bytes = ouro__rounded(ouro__view_at(view, path)->bytes);
        if (bytes == 0) {
            continue;
        }
        if (!frames_find(&frames, export->places, path)) {
            text->failed = true;
            break;
        }
        for (size_t k = 0; k < frames.n; k++) {
            ouro__place_texts_add(&texts, frames.places[k], k == 0, text);
        }
        number_add(text, " ", bytes);
        ouro__text_add(text, "\n", 1);
        ouro__export_pass(text, export);
    }
    ouro__place_texts_free(&texts);
    free(frames.places);
}

/* {"name": ..., "file": ..., "line": ...} for each place, with a comma between them. */
static void
frames_add_json(struct ouro__text *text, const struct ouro__places *places, const char *name_key)
{
    for (uint32_t i = 0; i < places->places.n && !text->failed; i++) {
        uint32_t line = ouro__line_of_place(places, i);
        const char *name = ouro__name_of_function(places, ouro__function_of_place(places, i));
        ouro__text_print(text, "%s{\"%s\": ", i == 0 ? "" : ",\n", name_key);
        ouro__json_add_text(text, name[0] == '\0' ? ouro__text_at(places, 0) : name);
        ouro__text_print(text, ", \"file\": ");
        ouro__json_add_text(text, ouro__file_of_line(places, line));
        ouro__text_print(text, ", \"line\": %u}", ouro__number_of_line(places, line));
    }
}

#define SPEEDSCOPE_ENDS                                                                                \
    500 /* frames of a deeper traceback, at either end: speedscope recurses, and fails at some 3500 */

static void
speedscope_frame_add(struct ouro__text *text, const struct ouro__places *places, uint32_t place)
{
    (void)places;
    ouro__text_add_number(text, place);
}

/* The numbers of frames, outermost first; what is left out of a deep recursion is the frame behind all places. */
static void
speedscope_sample_add(struct ouro__text *text, const struct ouro__export *export,
                      const struct ouro__place_texts *numbers, const struct frames *frames)
{
    bool is_deep = frames->n > 2 * SPEEDSCOPE_ENDS;

    for (size_t i = 0; i < frames->n; i++) {
        ouro__place_texts_add(numbers, frames->places[i], i == 0, text);
        if (is_deep && i == SPEEDSCOPE_ENDS - 1) {
            ouro__text_print(text, ",%u", export->places->places.n);
            i = frames->n - SPEEDSCOPE_ENDS - 1;
        }
    }
}

/* One profile: all paths that hold anything, each as a sample with its bytes as weight. */
static void
speedscope_profile_add(struct ouro__text *text, const struct ouro__export *export,
                       const struct ouro__place_texts *numbers, const struct ouro__view *view,
                       const char *name)
{
    struct frames frames = {0};
    uint64_t sum = 0;
    bool is_first = true;

    ouro__text_print(
        text, "{\"type\": \"sampled\", \"name\": \"%s\", \"unit\": \"bytes\", \"samples\": [", name);
    for (size_t i = 0; i < view->n_holders && !text->failed; i++) {
        uint32_t path = view->holders[i];
        uint64_t bytes = ouro__rounded(ouro__view_at(view, path)->bytes);
        if (bytes == 0) {
            continue;
        }
        text->failed |= !frames_find(&frames, export->places, path);
        ouro__text_add(text, ",", !is_first);
        ouro__text_add(text, "\n[", 2);
        speedscope_sample_add(text, export, numbers, &frames);
        ouro__text_add(text, "]", 1);
        ouro__export_pass(text, export);
        is_first = false;
    }
    free(frames.places);
    ouro__text_print(text, "],\n\"weights\": [");
    is_first = true;
    for (size_t i = 0; i < view->n_holders && !text->failed; i++) {
        uint64_t bytes = ouro__rounded(ouro__view_at(view, view->holders[i])->bytes);
        if (bytes > 0) {
            ouro__text_add(text, ",", !is_first);
            ouro__text_add_number(text, bytes);
            ouro__export_pass(text, export);
            sum += bytes;
            is_first = false;
        }
    }
    ouro__text_print(text, "],\n\"startValue\": 0, \"endValue\": %" PRIu64 "}", sum);
}

void
ouro__export_speedscope(struct ouro__text *text, const struct ouro__export *export)
{
    static const char *const names[] = {"live when taken", "live at the peak", "ever allocated"};
    struct ouro__text command = {0};
    struct ouro__place_texts numbers;

    bool has_numbers = ouro__place_texts_make(&numbers, export->places, ',', speedscope_frame_add);
    text->failed |= !has_numbers;
    ouro__saved_add_command(&command, export->saved);
    ouro__text_print(text, "{\"$schema\": \"https://www.speedscope.app/file-format-schema.json\",\n"
                           "\"exporter\": \"ouro " OURO_VERSION_STRING "\", \"name\": ");
    ouro__json_add_text(text, command.data == NULL ? "" : command.data);
    ouro__text_free(&command);
    ouro__text_print(text, ", \"activeProfileIndex\": %d,\n\"shared\": {\"frames\": [\n",
                     (int)export->measure);
    frames_add_json(text, export->places, "name");
    ouro__text_print(text, ",\n{\"name\": \"(frames left out)\"}");
    ouro__text_print(text, "]},\n\"profiles\": [\n");
    for (int i = 0; i < OURO_N_MEASURES && has_numbers && !text->failed; i++) {
        struct ouro__view view;
        text->failed |= !ouro__view_make_like(&view, export->view, export->places,
                                              &export->saved->snapshot, (enum ouro__measure)i);
        ouro__text_print(text, "%s", i == 0 ? "" : ",\n");
        speedscope_profile_add(text, export, &numbers, &view, names[i]);
        ouro__view_free(&view);
    }
    ouro__text_print(text, "]}\n");
    ouro__place_texts_free(&numbers);
}

/* [path, size, domain, live bytes, live blocks, peak ..., all ..., thread] for each trace that the filters left; its place
 * in this list goes to `numbers`. */
static void
traces_add(struct ouro__text *text, const struct ouro__export *export, uint32_t *numbers)
{
    const struct ouro__snapshot *snapshot = &export->saved->snapshot;
    const struct ouro__view *view = export->view;
    uint32_t n = 0;

    for (size_t i = 1; i < snapshot->n_traces && !text->failed; i++) {
        const struct ouro_snapshot_trace *trace = &snapshot->traces[i];
        uint32_t path = view->spots[i];
        if (!ouro__view_keeps(view, i)) {
            continue;
        }
        number_add(text, n == 0 ? "[" : ",\n[", path);
        number_add(text, ", ", trace->size);
        const char *domain = ouro__domain_names[trace->domain];
        ouro__text_add(text, ", \"", 3);
        ouro__text_add(text, domain, strlen(domain));
        ouro__text_add(text, "\"", 1);
        for (int measure = 0; measure < OURO_N_MEASURES; measure++) {
            struct ouro__figures figures =
                ouro__figures_of(&snapshot->tracing, trace, (enum ouro__measure)measure);
            number_add(text, ", ", ouro__rounded(figures.bytes));
            number_add(text, ", ", ouro__rounded(figures.blocks));
        }
        number_add(text, ", ", trace->thread);
        ouro__text_add(text, "]", 1);
        ouro__export_pass(text, export);
        numbers[i] = n++;
    }
}

/* Names that numbers of traces or types lead to. */
static void
names_add(struct ouro__text *text, const struct ouro__export *export, const char *key,
          const struct ouro__aside *aside)
{
    ouro__text_print(text, "],\n\"%s\": [\n", key);
    for (size_t i = 0; i < aside->n && !text->failed; i++) {
        ouro__text_print(text, "%s", i == 0 ? "" : ",\n");
        ouro__json_add_text(text, ouro__text_at(export->places, aside->texts[i]));
    }
}

/* [trace, type, live bytes, live blocks] for each type of a trace's live blocks. */
struct typing {
    struct ouro__text *text;
    const struct ouro__export *export;
    const uint32_t *numbers; /* of the traces, as they are listed */
    bool is_first;
};

static void
typed_add(void *context, size_t trace, size_t type, const struct ouro__figures *figures)
{
    struct typing *typing = context;

    number_add(typing->text, typing->is_first ? "[" : ",\n[", typing->numbers[trace]);
    number_add(typing->text, ", ", type);
    number_add(typing->text, ", ", ouro__rounded(figures->bytes));
    number_add(typing->text, ", ", ouro__rounded(figures->blocks));
    ouro__text_add(typing->text, "]", 1);
    ouro__export_pass(typing->text, typing->export);
    typing->is_first = false;
}

/* Memory over time, and marks: without the braces around them. */
static void
recorded_add(struct ouro__text *text, const struct ouro__snapshot *snapshot)
{
    json_t *recorded = json_object();

    ouro__recorded_add_json(recorded, snapshot);
    char *dumped = ouro__json_dump(recorded, 0);
    size_t n = dumped == NULL ? 0 : strlen(dumped);
    text->failed |= n < 2;
    if (n >= 2) {
        ouro__text_print(text, "],\n");
        ouro__text_add(text, dumped + 1, n - 2);
    }
    free(dumped);
    json_decref(recorded);
}

/* Traces, with threads and types. */
static void
blocks_add(struct ouro__text *text, const struct ouro__export *export)
{
    const struct ouro__snapshot *snapshot = &export->saved->snapshot;
    const struct ouro__view *view = export->view;
    uint32_t *numbers = calloc(snapshot->n_traces + 1, sizeof *numbers);

    if (numbers == NULL) {
        text->failed = true;
        return;
    }
    traces_add(text, export, numbers);
    names_add(text, export, "threads", &view->threads);
    names_add(text, export, "types", &view->types);
    ouro__text_print(text, "],\n\"typed\": [\n");
    struct typing typing = {text, export, numbers, true};
    bool has_types = snapshot->n_typed > 0;
    text->failed |= has_types && !ouro__view_types(view, snapshot, typed_add, &typing);
    free(numbers);
}

void
ouro__export_json(struct ouro__text *text, const struct ouro__export *export)
{
    json_t *saved = ouro__saved_json(export->saved);
    char *dumped = ouro__json_dump(saved, JSON_INDENT(2));

    text->failed |= dumped == NULL;
    ouro__text_print(text, "{\"schema\": \"ouro-snapshot/1\",\n\"snapshot\": %s,\n\"frames\": [\n",
                     dumped == NULL ? "" : dumped);
    free(dumped);
    json_decref(saved);
    frames_add_json(text, export->places, "function");
    ouro__text_print(text, "],\n\"paths\": [\n");
    for (uint32_t i = 0; i < export->places->paths.n && !text->failed; i++) {
        const struct ouro__pair *path = &export->places->paths.items[i];
        number_add(text, i == 0 ? "[" : ",\n[", path->a);
        number_add(text, ", ", path->b);
        ouro__text_add(text, "]", 1);
        ouro__export_pass(text, export);
    }
    ouro__text_print(text, "],\n\"traces\": [\n");
    blocks_add(text, export);
    recorded_add(text, &export->saved->snapshot);
    ouro__text_print(text, "}\n");
}
