/* places.c - from a snapshot's nodes to places and paths.
 *
 * Nodes that differ by the instruction alone, or by a copy of the same code, become one path. */
#define _DEFAULT_SOURCE
#include "snapshot/places.h"

#include <stdlib.h>
#include <string.h>

#include "snapshot/lines.h"
#include "trace/frames.h"
#include "snapshot/grow.h"

static const char no_frame[] = "(no frame)";

bool
ouro__places_init(struct ouro__places *places)
{
    *places = (struct ouro__places){0};
    return ouro__texts_id(&places->texts, "", 0) == 0 &&
           ouro__pairs_id(&places->functions, 0, 0) == 0 && ouro__pairs_id(&places->lines, 0, 0) == 0 &&
           ouro__pairs_id(&places->places, 0, 0) == 0 && ouro__paths_reserve(&places->paths, 0);
}

void
ouro__places_free(struct ouro__places *places)
{
    ouro__texts_free(&places->texts);
    ouro__pairs_free(&places->functions);
    ouro__pairs_free(&places->lines);
    ouro__pairs_free(&places->places);
    ouro__paths_free(&places->paths);
    free(places->modules);
}

/* What is worked out once a snapshot. */
struct adding {
    struct ouro__places *places;
    const struct ouro__snapshot *snapshot;
    uint32_t *functions;           /* of each code; OURO_NO_ID: not yet known */
    struct ouro__pairs positions;  /* code, offset */
    uint32_t *places_of_positions; /* by their numbers */
    size_t room;
};

static uint32_t
text_of(const struct adding *adding, const struct ouro_snapshot_stretch *stretch)
{
    const char *texts = adding->snapshot->texts;
    return ouro__texts_id(&adding->places->texts, texts == NULL ? "" : texts + stretch->at,
                          (size_t)stretch->size);
}

/* Note what a source of native code is part of: of several libraries, the first.  False without memory. */
static bool
note_module(struct ouro__places *places, const struct ouro__snapshot *snapshot,
            const struct ouro_snapshot_code *code, uint32_t file)
{
    const char *path = (const char *)snapshot->lines + code->lines.at;
    uint32_t module = ouro__texts_id(&places->texts, path, (size_t)code->lines.size);

    if (module == OURO_NO_ID) {
        return false;
    }
    if (file >= places->n_modules) {
        size_t n = 2 * (size_t)places->texts.n;
        uint32_t *larger = reallocarray(places->modules, n, sizeof *larger);
        if (larger == NULL) {
            return false;
        }
        memset(larger + places->n_modules, 0, (n - places->n_modules) * sizeof *larger);
        places->modules = larger;
        places->n_modules = n;
    }
    places->modules[file] = places->modules[file] == 0 ? module : places->modules[file];
    return true;
}

static uint32_t
function_of(const struct adding *adding, uint32_t index)
{
    const struct ouro_snapshot_code *code = &adding->snapshot->codes[index];
    uint32_t *known = &adding->functions[index];

    if (*known == OURO_NO_ID) {
        uint32_t file = text_of(adding, &code->file);
        uint32_t name = text_of(adding, &code->name);
        bool is_native = code->line_table == OURO_LINES_NONE && code->lines.size > 0;
        if (file != OURO_NO_ID && name != OURO_NO_ID &&
            (!is_native || note_module(adding->places, adding->snapshot, code, file))) {
            *known = ouro__pairs_id(&adding->places->functions, file, name);
        }
    }
    return *known;
}

static uint32_t
place_of(const struct adding *adding, uint32_t index, uint32_t offset)
{
    const struct ouro_snapshot_code *code = &adding->snapshot->codes[index];
    const unsigned char *lines = adding->snapshot->lines;
    const uint8_t *table = code->lines.size == 0 ? NULL : lines + code->lines.at;
    uint32_t number = index == adding->snapshot->n_codes - 1
                          ? 0
                          : ouro__line_at(code->line_table, table, (size_t)code->lines.size,
                                          code->first_line, offset);
    uint32_t function = function_of(adding, index);
    if (function == OURO_NO_ID) {
        return OURO_NO_ID;
    }
    uint32_t line =
        ouro__pairs_id(&adding->places->lines, adding->places->functions.items[function].a, number);
    return line == OURO_NO_ID ? OURO_NO_ID : ouro__pairs_id(&adding->places->places, function, line);
}

/* The place of a position, looked for once. */
static uint32_t
place_at(struct adding *adding, uint32_t code, uint32_t offset)
{
    uint32_t n_known = adding->positions.n;
    uint32_t position = ouro__pairs_id(&adding->positions, code, offset);

    if (position == OURO_NO_ID || position < n_known) {
        return position == OURO_NO_ID ? OURO_NO_ID : adding->places_of_positions[position];
    }
    uint32_t *items = ouro__grow(adding->places_of_positions, position, &adding->room, sizeof *items);
    if (items == NULL) {
        return OURO_NO_ID;
    }
    adding->places_of_positions = items;
    return adding->places_of_positions[position] = place_of(adding, code, offset);
}

uint32_t *
ouro__places_add(struct ouro__places *places, const struct ouro__snapshot *snapshot)
{
    struct adding adding = {.places = places, .snapshot = snapshot};
    size_t n = snapshot->n_nodes;
    uint32_t *paths = reallocarray(NULL, n, sizeof *paths);
    bool is_well = paths != NULL && ouro__paths_reserve(&places->paths, n);

    adding.functions = reallocarray(NULL, snapshot->n_codes, sizeof *adding.functions);
    is_well = is_well && adding.functions != NULL;
    for (size_t i = 0; is_well && i < snapshot->n_codes; i++) {
        adding.functions[i] = OURO_NO_ID;
    }
    if (is_well) {
        paths[0] = 0;
    }
    for (size_t i = 1; is_well && i < n; i++) {
        const struct ouro_snapshot_node *node = &snapshot->nodes[i];
        uint32_t place = place_at(&adding, node->code, node->offset);
        paths[i] = place == OURO_NO_ID ? OURO_NO_ID
                                       : ouro__paths_id(&places->paths, paths[node->parent], place);
        is_well = paths[i] != OURO_NO_ID;
    }
    free(adding.functions);
    free(adding.places_of_positions);
    ouro__pairs_free(&adding.positions);
    if (!is_well) {
        free(paths);
        return NULL;
    }
    return paths;
}

uint32_t
ouro__module_of_file(const struct ouro__places *places, uint32_t file)
{
    return file < places->n_modules && places->modules[file] != 0 ? places->modules[file] : file;
}

bool
ouro__file_is_module(const struct ouro__places *places, uint32_t file)
{
    return file < places->n_modules && places->modules[file] == file && file != 0;
}

uint32_t
ouro__place_of_path(const struct ouro__places *places, uint32_t path)
{
    return places->paths.items[path].b;
}

uint32_t
ouro__function_of_place(const struct ouro__places *places, uint32_t place)
{
    return places->places.items[place].a;
}

uint32_t
ouro__line_of_place(const struct ouro__places *places, uint32_t place)
{
    return places->places.items[place].b;
}

const char *
ouro__text_at(const struct ouro__places *places, uint32_t text)
{
    const char *words = places->texts.items[text].text;
    return words[0] == '\0' ? no_frame : words;
}

const char *
ouro__file_of_line(const struct ouro__places *places, uint32_t line)
{
    return ouro__text_at(places, places->lines.items[line].a);
}

const char *
ouro__file_of_function(const struct ouro__places *places, uint32_t function)
{
    return ouro__text_at(places, places->functions.items[function].a);
}

const char *
ouro__name_of_function(const struct ouro__places *places, uint32_t function)
{
    return places->texts.items[places->functions.items[function].b].text;
}

uint32_t
ouro__number_of_line(const struct ouro__places *places, uint32_t line)
{
    return places->lines.items[line].b;
}
