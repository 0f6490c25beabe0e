/* places.c - from a snapshot's nodes to places and paths.
 *
 * Nodes that differ by the instruction alone, or by a copy of the same code, become one path. */
#define _DEFAULT_SOURCE
#include "snapshot/places.h"

#include <stdlib.h>
#include <string.h>

#include "snapshot/lines.h"
#include "trace/frames.h"

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

/* An instruction of a code. */
struct position {
    uint32_t place;
    bool is_alone; /* no other position of the snapshot has its place */
};

/* A position that was asked for lately. */
#define N_RECENT 1024U
struct recent {
    uint32_t code, offset, position;
};

/* What is worked out once a snapshot. */
#define AHEAD 32 /* nodes */

struct adding {
    struct ouro__places *places;
    const struct ouro__snapshot *snapshot;
    uint32_t *functions;      /* of each code; OURO_NO_ID: not yet known */
    struct ouro__pairs known; /* code, offset: their numbers are those of the positions */
    struct position *positions;
    struct recent recent[N_RECENT];
    bool *are_own; /* by node: a path that no other node has */
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
place_of(const struct adding *adding, uint32_t index, uint32_t number)
{
    uint32_t function = function_of(adding, index);
    if (function == OURO_NO_ID) {
        return OURO_NO_ID;
    }
    uint32_t line =
        ouro__pairs_id(&adding->places->lines, adding->places->functions.items[function].a, number);
    return line == OURO_NO_ID ? OURO_NO_ID : ouro__pairs_id(&adding->places->places, function, line);
}

static inline uint32_t
position_of(struct adding *adding, const struct ouro_snapshot_node *node)
{
    struct recent *recent =
        &adding->recent[(node->code * 0x9E3779B1U ^ node->offset * 0x85EBCA77U) >> 22];

    if (recent->code != node->code || recent->offset != node->offset ||
        recent->position == OURO_NO_ID) {
        uint32_t position = ouro__pairs_id(&adding->known, node->code, node->offset);
        *recent = (struct recent){node->code, node->offset, position};
    }
    return recent->position;
}

/* A position while its line is looked for. */
struct looked_for {
    uint32_t code, offset, position;
};

static int
looked_for_compare(const void *a, const void *b)
{
    const struct looked_for *left = a, *right = b;

    if (left->code != right->code) {
        return left->code < right->code ? -1 : 1;
    }
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* The lines of all positions, code by code and upwards in each: every table is read once.  Owned, NULL without memory. */
static uint32_t *
lines_find(const struct adding *adding)
{
    const struct ouro__snapshot *snapshot = adding->snapshot;
    size_t n = adding->known.n;
    struct looked_for *sorted = reallocarray(NULL, n + 1, sizeof *sorted);
    uint32_t *found = reallocarray(NULL, n + 1, sizeof *found);
    struct ouro__lines lines;

    if (sorted == NULL || found == NULL) {
        free(sorted);
        free(found);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        sorted[i] = (struct looked_for){adding->known.items[i].a, adding->known.items[i].b, i};
    }
    qsort(sorted, n, sizeof *sorted, looked_for_compare);
    for (size_t i = 0; i < n; i++) {
        const struct ouro_snapshot_code *code = &snapshot->codes[sorted[i].code];
        bool is_known = sorted[i].code != snapshot->n_codes - 1;
        if (i == 0 || sorted[i].code != sorted[i - 1].code) {
            const uint8_t *table = code->lines.size == 0 ? NULL : snapshot->lines + code->lines.at;
            ouro__lines_begin(&lines, code->line_table, table, (size_t)code->lines.size,
                              code->first_line);
        }
        found[sorted[i].position] = is_known ? ouro__lines_at(&lines, sorted[i].offset) : 0;
    }
    free(sorted);
    return found;
}

/* The places of all positions; false without memory. */
static bool
positions_place(struct adding *adding)
{
    uint32_t n = adding->known.n;
    uint32_t *lines = lines_find(adding);
    bool is_well = lines != NULL;

    adding->positions = calloc((size_t)n + 1, sizeof *adding->positions);
    is_well = is_well && adding->positions != NULL;
    for (uint32_t i = 0; is_well && i < n; i++) {
        uint32_t place = place_of(adding, adding->known.items[i].a, lines[i]);
        adding->positions[i].place = place;
        is_well = place != OURO_NO_ID;
    }
    free(lines);
    return is_well;
}

/* Which positions have a place to themselves.  Nodes that differ are known to have other callers or positions where
 * whoever wrote them told positions apart by instructions.  False without memory. */
static bool
positions_compare(struct adding *adding)
{
    uint32_t n = adding->known.n;
    uint32_t *owners = calloc(adding->places->places.n, sizeof *owners); /* number + 1 */

    for (uint32_t i = 0; owners != NULL && i < n; i++) {
        struct position *position = &adding->positions[i];
        uint32_t table = adding->snapshot->codes[adding->known.items[i].a].line_table;
        position->is_alone = owners[position->place] == 0 && position->place != 0 &&
                             table != OURO_LINES_NONE && table != OURO_LINES_NATIVE;
        if (owners[position->place] != 0) {
            adding->positions[owners[position->place] - 1].is_alone = false;
        }
        owners[position->place] = i + 1;
    }
    free(owners);
    return owners != NULL;
}

/* A node without a frame, whose path is the root's, has what the root calls called by two. */
static bool
any_is_root(const struct adding *adding)
{
    for (uint32_t i = 0; i < adding->known.n; i++) {
        if (adding->positions[i].place == 0) {
            return true;
        }
    }
    return false;
}

/* From positions to paths.  A node has a path of its own when its caller has, and no other position has its place; and if the
 * caller's is new, so is this.  What one snapshot has side by side another of the program mostly has, too.  False without
 * memory. */
static bool
paths_find(struct adding *adding, uint32_t *paths)
{
    /* Copies, as whatever is written to `are_own` might have changed these for all that a compiler knows. */
    const struct ouro_snapshot_node *nodes = adding->snapshot->nodes;
    const struct position *positions = adding->positions;
    struct ouro__paths *tree = &adding->places->paths;
    size_t n_nodes = adding->snapshot->n_nodes;
    uint32_t n_before = tree->n;
    bool *are_own = adding->are_own;

    paths[0] = 0;
    are_own[0] = !any_is_root(adding);
    for (size_t i = 1; i < n_nodes; i++) {
        if (i + AHEAD < n_nodes) {
            __builtin_prefetch(&paths[nodes[i + AHEAD].parent]);
            __builtin_prefetch(&are_own[nodes[i + AHEAD].parent]);
        }
        struct position position = positions[paths[i]];
        uint32_t caller = paths[nodes[i].parent], next = paths[i - 1] + 1;
        are_own[i] = position.is_alone && are_own[nodes[i].parent];
        if (are_own[i] && caller >= n_before) {
            paths[i] = ouro__paths_add(tree, caller, position.place);
        } else if (ouro__paths_has(tree, next, caller, position.place)) {
            paths[i] = next;
        } else {
            paths[i] = ouro__paths_id(tree, caller, position.place);
            if (paths[i] == OURO_NO_ID) {
                return false;
            }
        }
    }
    return true;
}

/* The positions of all nodes, to `found` unless that is NULL, and their places.  False without memory. */
static bool
positions_find(struct adding *adding, uint32_t *found)
{
    const struct ouro__snapshot *snapshot = adding->snapshot;

    adding->functions = reallocarray(NULL, snapshot->n_codes, sizeof *adding->functions);
    for (size_t i = 0; adding->functions != NULL && i < snapshot->n_codes; i++) {
        adding->functions[i] = OURO_NO_ID;
    }
    for (size_t i = 0; i < N_RECENT; i++) {
        adding->recent[i].position = OURO_NO_ID;
    }
    for (size_t i = 1; adding->functions != NULL && i < snapshot->n_nodes; i++) {
        uint32_t position = position_of(adding, &snapshot->nodes[i]);
        if (position == OURO_NO_ID) {
            return false;
        }
        if (found != NULL) {
            found[i] = position;
        }
    }
    return adding->functions != NULL && positions_place(adding);
}

/* What was found, unless there was no memory; no more is added. */
static uint32_t *
adding_end(struct adding *adding, uint32_t *found, bool is_well)
{
    free(adding->functions);
    free(adding->positions);
    free(adding->are_own);
    ouro__pairs_free(&adding->known);
    if (!is_well) {
        free(found);
        return NULL;
    }
    return found;
}

uint32_t *
ouro__paths_of_nodes(struct ouro__places *places, const struct ouro__snapshot *snapshot)
{
    struct adding adding = {.places = places, .snapshot = snapshot};
    struct ouro__paths *tree = &places->paths;
    size_t n = snapshot->n_nodes;
    uint32_t *paths = reallocarray(NULL, n, sizeof *paths);
    bool is_well = paths != NULL && ouro__paths_reserve(tree, n) && positions_find(&adding, paths);

    adding.are_own = reallocarray(NULL, n, sizeof *adding.are_own);
    is_well = is_well && adding.are_own != NULL && positions_compare(&adding) &&
              ouro__paths_list(tree) && paths_find(&adding, paths);
    return adding_end(&adding, paths, is_well);
}

uint32_t *
ouro__places_of_nodes(struct ouro__places *places, const struct ouro__snapshot *snapshot)
{
    struct adding adding = {.places = places, .snapshot = snapshot};
    uint32_t *found = reallocarray(NULL, snapshot->n_nodes, sizeof *found);
    bool is_well = found != NULL && positions_find(&adding, found);

    for (size_t i = 0; is_well && i < snapshot->n_nodes; i++) {
        found[i] = i == 0 ? 0 : adding.positions[found[i]].place;
    }
    return adding_end(&adding, found, is_well);
}

uint32_t *
ouro__places_of_traces(struct ouro__places *places, const struct ouro__snapshot *snapshot)
{
    struct adding adding = {.places = places, .snapshot = snapshot};
    uint32_t *found = reallocarray(NULL, snapshot->n_traces + 1, sizeof *found);
    bool is_well = found != NULL && positions_find(&adding, NULL);

    for (size_t i = 0; is_well && i < snapshot->n_traces; i++) {
        uint32_t node = snapshot->traces[i].node;
        found[i] = node == 0 ? 0 : adding.positions[position_of(&adding, &snapshot->nodes[node])].place;
    }
    return adding_end(&adding, found, is_well);
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
