/* resolve.c - from modules and addresses to functions, files and lines, in the snapshot itself.
 *
 * A native code is a module.  Each of its addresses becomes a code for each function that is there, several where calls
 * were inlined, and nodes of native code become as many nodes.  Such a code has lines for offsets, and its module's path
 * in the place of a table of lines: packages are found by that.  All else stays; nobody who looks at a snapshot need know
 * that there was native code in it. */
#define _GNU_SOURCE
#include "view/resolve.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/intern.h"
#include "trace/frames.h"
#include "view/symbols.h"

/* What was found at an address: some of `frames`, outermost first. */
struct found {
    uint32_t first, n;
    bool is_start;
};

struct frame {
    uint32_t code, line;
    bool is_library;
};

/* An array that grows. */
struct array {
    void *items;
    size_t n, room;
};

struct resolving {
    struct ouro__snapshot *snapshot;
    struct ouro__binary **binaries; /* of each code; NULL as long as it was not asked for */
    struct ouro__pairs addresses;   /* code, offset */
    struct array found;             /* struct found, by the numbers of addresses */
    struct array frames;            /* struct frame */
    struct array codes;             /* struct ouro_snapshot_code */
    struct array nodes;             /* struct ouro_snapshot_node */
    struct array
        owners; /* uint32_t, by node: itself, or what called the library of C, C++ or Rust; 0: none */
    struct array texts, lines;    /* bytes */
    struct ouro__texts names;     /* all texts that were added */
    struct array places;          /* struct ouro_snapshot_stretch: where each of them lies in `texts` */
    struct ouro__pairs functions; /* file and name: what codes were added for */
    size_t n_head;                /* nodes up to the last native one; what comes later only moves */
    uint32_t *nodes_of;           /* of each node of the head, for traces; and for callees */
    uint32_t *callers_of;
};

/* Append `n` items; false without memory. */
static bool
array_add(struct array *array, const void *items, size_t n, size_t item_size)
{
    if (array->room - array->n < n) {
        size_t room = 2 * (array->n + n) + 64;
        void *larger = reallocarray(array->items, room, item_size);
        if (larger == NULL) {
            return false;
        }
        array->items = larger;
        array->room = room;
    }
    if (n > 0) {
        memcpy((char *)array->items + array->n * item_size, items, n * item_size);
    }
    array->n += n;
    return true;
}

/* ---- codes ---- */

static bool
add_text(struct resolving *resolving, const char *text, uint32_t *id)
{
    uint32_t n_known = resolving->names.n;
    *id = ouro__texts_id(&resolving->names, text, strlen(text));
    if (*id == OURO_NO_ID || *id < n_known) {
        return *id != OURO_NO_ID;
    }
    struct ouro_snapshot_stretch place = {resolving->texts.n, strlen(text)};
    return array_add(&resolving->texts, text, place.size, 1) &&
           array_add(&resolving->places, &place, 1, sizeof place);
}

/* The code of a function in a module, OURO_NO_ID without memory. */
static uint32_t
code_of(struct resolving *resolving, const char *module, const char *file,
        const struct ouro__symbol *at)
{
    uint32_t file_id, name_id, n_known = resolving->functions.n;
    if (!add_text(resolving, file, &file_id) || !add_text(resolving, at->name, &name_id)) {
        return OURO_NO_ID;
    }
    uint32_t function = ouro__pairs_id(&resolving->functions, file_id, name_id);
    if (function == OURO_NO_ID || function < n_known) {
        return function == OURO_NO_ID ? function
                                      : function + (uint32_t)resolving->snapshot->n_codes - 1;
    }
    const struct ouro_snapshot_stretch *places = resolving->places.items;
    struct ouro_snapshot_code code = {
        .file = places[file_id],
        .name = places[name_id],
        .lines = {resolving->lines.n, strlen(module)},
        .first_line = at->first_line,
        .line_table = OURO_LINES_NONE,
    };
    return array_add(&resolving->lines, module, strlen(module), 1) &&
                   array_add(&resolving->codes, &code, 1, sizeof code)
               ? function + (uint32_t)resolving->snapshot->n_codes - 1
               : OURO_NO_ID;
}

/* ---- addresses ---- */

/* The path of a module; without "..", which the dynamic linker leaves in it, where it is there.  Owned. */
static char *
module_path(const struct ouro__snapshot *snapshot, const struct ouro_snapshot_code *code)
{
    char *path =
        strndup(code->file.size == 0 ? "" : snapshot->texts + code->file.at, (size_t)code->file.size);
    char *whole = path != NULL && strstr(path, "/../") != NULL ? realpath(path, NULL) : NULL;
    if (whole == NULL) {
        return path;
    }
    free(path);
    return whole;
}

static struct ouro__binary *
binary_of(struct resolving *resolving, uint32_t index, const char *path)
{
    struct ouro__snapshot *snapshot = resolving->snapshot;
    const struct ouro_snapshot_code *code = &snapshot->codes[index];
    if (resolving->binaries[index] == NULL) {
        const uint8_t *build_id = code->lines.size == 0 ? NULL : snapshot->lines + code->lines.at;
        resolving->binaries[index] = ouro__binary_open(path, build_id, (size_t)code->lines.size);
    }
    return resolving->binaries[index];
}

/* "libfoo.so+0x1234" for what has no name. */
static void
name_by_address(char *name, size_t size, const char *path, uint32_t offset)
{
    const char *slash = strrchr(path, '/');
    (void)snprintf(name, size, "%s+0x%x", slash != NULL ? slash + 1 : path, offset);
}

/* Find what is at an address; false without memory. */
static bool
look_up(struct resolving *resolving, uint32_t index, uint32_t offset, struct found *found)
{
    struct ouro__symbol symbols[OURO_SYMBOLS_MOST];
    char address[300];
    char *path = module_path(resolving->snapshot, &resolving->snapshot->codes[index]);
    struct ouro__binary *binary = path == NULL ? NULL : binary_of(resolving, index, path);
    bool is_well = binary != NULL;

    size_t n = is_well ? ouro__binary_find(binary, offset, symbols) : 0;
    *found = (struct found){.first = (uint32_t)resolving->frames.n, .n = (uint32_t)n};
    found->is_start = is_well && ouro__binary_is_start(binary, offset);
    for (size_t i = n; is_well && i > 0; i--) {
        struct ouro__symbol *symbol = &symbols[i - 1];
        if (symbol->name == NULL) {
            name_by_address(address, sizeof address, path, offset);
            symbol->name = address;
        }
        struct frame frame = {
            code_of(resolving, path, symbol->file != NULL ? symbol->file : path, symbol),
            symbol->file != NULL ? symbol->line : 0, ouro__binary_is_library(binary, symbol)};
        is_well = frame.code != OURO_NO_ID && array_add(&resolving->frames, &frame, 1, sizeof frame);
    }
    free(path);
    return is_well;
}

static const struct found *
found_at(struct resolving *resolving, uint32_t code, uint32_t offset)
{
    uint32_t n_known = resolving->addresses.n;
    uint32_t address = ouro__pairs_id(&resolving->addresses, code, offset);
    struct found found;
    if (address == OURO_NO_ID) {
        return NULL;
    }
    if (address == n_known && (!look_up(resolving, code, offset, &found) ||
                               !array_add(&resolving->found, &found, 1, sizeof found))) {
        return NULL;
    }
    return (const struct found *)resolving->found.items + address;
}

/* ---- nodes ---- */

static bool
add_node(struct resolving *resolving, uint32_t parent, struct frame frame, uint32_t *index)
{
    struct ouro_snapshot_node node = {parent, frame.code, frame.line};
    const uint32_t *owners = resolving->owners.items;
    *index = (uint32_t)resolving->nodes.n;
    uint32_t owner = frame.is_library ? owners[parent] : *index;
    return resolving->nodes.n < UINT32_MAX && array_add(&resolving->owners, &owner, 1, sizeof owner) &&
           array_add(&resolving->nodes, &node, 1, sizeof node);
}

/* The nodes that stand for node `i`. */
static bool
renew_node(struct resolving *resolving, size_t i)
{
    const struct ouro__snapshot *snapshot = resolving->snapshot;
    const struct ouro_snapshot_node *node = &snapshot->nodes[i];
    uint32_t at = resolving->callers_of[node->parent], unknown = (uint32_t)snapshot->n_codes - 1;

    if (snapshot->codes[node->code].line_table != OURO_LINES_NATIVE || node->code == unknown) {
        /* The unknown code stays the last one. */
        struct frame frame = {node->code == unknown ? UINT32_MAX : node->code, node->offset, false};
        return add_node(resolving, at, frame, &resolving->nodes_of[i]) &&
               (resolving->callers_of[i] = resolving->nodes_of[i], true);
    }
    const struct found *found = found_at(resolving, node->code, node->offset);
    if (found == NULL) {
        return false;
    }
    uint32_t caller = at;
    for (uint32_t j = 0; j < found->n; j++) {
        const struct frame *frame = (const struct frame *)resolving->frames.items + found->first + j;
        if (!add_node(resolving, at, *frame, &at)) {
            return false;
        }
    }
    resolving->nodes_of[i] = at;
    resolving->callers_of[i] = found->is_start && caller == 0 ? 0 : at;
    return true;
}

static bool
renew_nodes(struct resolving *resolving)
{
    uint32_t root;
    bool is_well = add_node(resolving, 0, (struct frame){.code = UINT32_MAX}, &root);
    for (size_t i = 1; is_well && i < resolving->n_head; i++) {
        is_well = renew_node(resolving, i);
    }
    return is_well;
}

/* ---- the whole ---- */

static bool
begin(struct resolving *resolving)
{
    const struct ouro__snapshot *snapshot = resolving->snapshot;
    resolving->binaries = calloc(snapshot->n_codes, sizeof(struct ouro__binary *));
    resolving->nodes_of = calloc(resolving->n_head, sizeof *resolving->nodes_of);
    resolving->callers_of = calloc(resolving->n_head, sizeof *resolving->callers_of);
    return resolving->binaries != NULL && resolving->nodes_of != NULL &&
           resolving->callers_of != NULL &&
           array_add(&resolving->texts, snapshot->texts, snapshot->n_texts, 1) &&
           array_add(&resolving->lines, snapshot->lines, snapshot->n_lines, 1) &&
           array_add(&resolving->codes, snapshot->codes, snapshot->n_codes - 1,
                     sizeof *snapshot->codes);
}

/* The node that a trace is told by.  Whoever calls strdup() or pushes to a vector is who wants memory, as with malloc()
 * itself: inner frames of the libraries of C, C++ and Rust are left out where others remain. */
static uint32_t
node_for_trace(const struct resolving *resolving, uint32_t node)
{
    uint32_t owner = ((const uint32_t *)resolving->owners.items)[node];
    return owner == 0 ? node : owner;
}

/* Have room in the snapshot for the nodes that the head became.  False without memory. */
static bool
make_room(const struct resolving *resolving)
{
    struct ouro__snapshot *snapshot = resolving->snapshot;
    size_t n = snapshot->n_nodes - resolving->n_head + resolving->nodes.n;
    struct ouro_snapshot_node *larger =
        n > UINT32_MAX ? NULL : reallocarray(snapshot->nodes, n, sizeof *larger);

    snapshot->nodes = larger != NULL ? larger : snapshot->nodes;
    return larger != NULL;
}

/* Put the new nodes in the place of the head, and behind them the others, which have the same numbers but for a shift. */
static void
join_nodes(const struct resolving *resolving)
{
    struct ouro__snapshot *snapshot = resolving->snapshot;
    struct ouro_snapshot_node *nodes = snapshot->nodes;
    size_t n_head = resolving->n_head, n = resolving->nodes.n;
    uint32_t known = (uint32_t)snapshot->n_codes - 1, unknown = (uint32_t)resolving->codes.n - 1;

    memmove(nodes + n, nodes + n_head, (snapshot->n_nodes - n_head) * sizeof *nodes);
    memcpy(nodes, resolving->nodes.items, n * sizeof *nodes);
    snapshot->n_nodes += n - n_head;
    for (size_t i = 0; i < n; i++) {
        nodes[i].code = nodes[i].code == UINT32_MAX ? unknown : nodes[i].code;
    }
    for (size_t i = n; i < snapshot->n_nodes; i++) {
        struct ouro_snapshot_node *node = &nodes[i];
        node->parent = node->parent < n_head ? resolving->callers_of[node->parent]
                                             : node->parent + (uint32_t)(n - n_head);
        node->code = node->code == known ? unknown : node->code;
    }
}

/* All is there: nothing can fail any more. */
static void
take_over(struct resolving *resolving)
{
    struct ouro__snapshot *snapshot = resolving->snapshot;
    uint32_t shift = (uint32_t)(resolving->nodes.n - resolving->n_head);

    join_nodes(resolving);
    for (size_t i = 0; i < snapshot->n_traces; i++) {
        uint32_t *node = &snapshot->traces[i].node;
        *node = *node < resolving->n_head ? node_for_trace(resolving, resolving->nodes_of[*node])
                                          : *node + shift;
    }
    free(snapshot->texts);
    free(snapshot->lines);
    free(snapshot->codes);
    snapshot->texts = resolving->texts.items;
    snapshot->n_texts = resolving->texts.n;
    snapshot->lines = resolving->lines.items;
    snapshot->n_lines = resolving->lines.n;
    snapshot->codes = resolving->codes.items;
    snapshot->n_codes = resolving->codes.n;
}

bool
ouro__snapshot_is_native(const struct ouro__snapshot *snapshot)
{
    for (size_t i = 0; i + 1 < snapshot->n_codes; i++) {
        if (snapshot->codes[i].line_table == OURO_LINES_NATIVE) {
            return true;
        }
    }
    return false;
}

/* How many nodes there are up to the last native one; 0: there is none. */
static size_t
find_head(const struct ouro__snapshot *snapshot)
{
    size_t n = ouro__snapshot_is_native(snapshot) ? snapshot->n_nodes : 0;

    while (n > 0 && snapshot->codes[snapshot->nodes[n - 1].code].line_table != OURO_LINES_NATIVE) {
        n--;
    }
    return n;
}

static bool
resolve_head(struct ouro__snapshot *snapshot, size_t n_head)
{
    static const struct ouro_snapshot_code unknown;
    struct resolving resolving = {.snapshot = snapshot, .n_head = n_head};
    bool is_well = begin(&resolving) && renew_nodes(&resolving) && make_room(&resolving) &&
                   array_add(&resolving.codes, &unknown, 1, sizeof unknown);
    for (size_t i = 0; resolving.binaries != NULL && i < snapshot->n_codes; i++) {
        ouro__binary_close(resolving.binaries[i]);
    }
    if (is_well) {
        take_over(&resolving);
    } else {
        free(resolving.texts.items);
        free(resolving.lines.items);
        free(resolving.codes.items);
    }
    free(resolving.nodes.items);
    free(resolving.binaries);
    free(resolving.nodes_of);
    free(resolving.callers_of);
    free(resolving.found.items);
    free(resolving.frames.items);
    free(resolving.places.items);
    free(resolving.owners.items);
    ouro__pairs_free(&resolving.addresses);
    ouro__pairs_free(&resolving.functions);
    ouro__texts_free(&resolving.names);
    return is_well;
}

/* libdw has large arrays on its stack.  This process has the stack that the program shall have, which may be small
 * (ulimit -s), so that is no place for them. */
#define STACK_BYTES ((size_t)8 << 20)

struct call {
    struct ouro__snapshot *snapshot;
    size_t n_head;
    bool is_well;
};

static void *
call_run(void *context)
{
    struct call *call = context;
    call->is_well = resolve_head(call->snapshot, call->n_head);
    return NULL;
}

bool
ouro__snapshot_resolve(struct ouro__snapshot *snapshot)
{
    struct call call = {snapshot, find_head(snapshot), true};
    pthread_attr_t attributes;
    pthread_t thread;

    if (call.n_head == 0) {
        return true;
    }
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    bool has_thread = pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0 &&
                      pthread_create(&thread, &attributes, call_run, &call) == 0;
    (void)pthread_attr_destroy(&attributes);
    if (has_thread) {
        (void)pthread_join(thread, NULL);
    } else {
        (void)call_run(&call); /* where no thread can be had the stack is what it is */
    }
    return call.is_well;
}
