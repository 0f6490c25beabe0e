/* tree.c - tracebacks, interned as a tree of frames, and the codes that run in them.
 *
 * A traceback is looked at whole at each allocation, and compared with the one of the allocation before: of the
 * outermost frames that are as they were the node is known, those behind them are looked up.  A frame can't be trusted to
 * be what it was because its callee is: where a function has returned and another was called, frames lie at the same
 * addresses again, and all of them have to be compared.  The innermost one's node is looked up last, by whoever has not
 * seen the same place before (trace.c).
 *
 * A code is known by its address as long as it lives.  Its block has a mark above its index (OURO__IS_CODE): when that is
 * freed the address is forgotten.  What a code was called, its file and its lines are copied when it is first seen, and
 * kept once for all codes that are alike in them: a program that compiles the same text again and again has one.  While
 * blocks are sampled most frees are not told, and those of codes that an allocator other than ours holds never are: then
 * what an address says is good for one look at a stack, whose frames hold their codes, and each code is read once for it. */
#include "trace/tree.h"

#include <string.h>

#include "base/assert.h"
#include "base/bits.h"
#include "heap/heap.h"
#include "os/os.h"
#include "trace/beside.h"
#include "trace/requests.h"

#define N_FRAMES_MOST 16384 /* of a traceback: deeper ones lose their outermost frames */

struct ouro__tree ouro__tree;

/* Where codes lie. */
struct place {
    const void *address;
    uint32_t code; /* 0 when nothing is known of what lies there now */
};

static struct ouro__vector places;
static struct ouro__table place_table, code_table, node_table;

static bool ends_are_seen;

/* Where they are not: codes that were read at the last looks at a stack, each good for its own. */
#define N_READ 64
static struct read_code {
    const void *address;
    uint64_t look;
    uint32_t code;
} codes_read[N_READ];
static uint64_t look; /* how many there were */

/* The last traceback; of its entries, with their codes, the nodes. */
static struct ouro__stack stack;
struct step {
    const void *code; /* the address that `known` stands for */
    uint32_t known, node;
    uint32_t parent, offset; /* that `node` is for; it is 0 when it is for none */
};
static struct step *steps;
static size_t n_steps; /* that have been taken since they were forgotten */
static size_t n_taken; /* from the outermost on, that are the last traceback's */

static struct ouro__frame *frames; /* where only the innermost ones are kept */

/* Multiples of a page. */
#define STACK_BYTES (N_FRAMES_MOST * sizeof(struct ouro__stack_entry))
#define STEPS_BYTES (N_FRAMES_MOST * sizeof(struct step))
#define FRAMES_BYTES (N_FRAMES_MOST * sizeof(struct ouro__frame))

/* ---- texts and codes ---- */

static inline struct ouro__trace_code *
code_at(uint32_t index)
{
    return &((struct ouro__trace_code *)ouro__tree.codes.items)[index];
}

static uint64_t
hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    uint64_t word;
    for (; n >= sizeof word; n -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = ouro__mix(hash, word);
    }
    word = 0;
    if (n != 0) {
        memcpy(&word, at, n);
    }
    return ouro__mix(hash, word + n);
}

static const char *
text_at(uint64_t at)
{
    return (const char *)ouro__tree.texts.items + at;
}

static const uint8_t *
lines_at(uint64_t at)
{
    return (const uint8_t *)ouro__tree.lines.items + at;
}

static uint64_t
hash_known(const struct ouro__code *known)
{
    uint64_t hash = hash_bytes(known->first_line, known->file, known->n_file);
    hash = hash_bytes(hash, known->name, known->n_name);
    return hash_bytes(hash, known->lines, known->n_lines);
}

static uint64_t
hash_code(uint32_t index)
{
    const struct ouro__trace_code *code = code_at(index);
    const struct ouro__code known = {.file = text_at(code->file.at),
                                     .n_file = code->file.size,
                                     .name = text_at(code->name.at),
                                     .n_name = code->name.size,
                                     .lines = lines_at(code->lines.at),
                                     .n_lines = code->lines.size,
                                     .first_line = code->first_line};
    return hash_known(&known);
}

static bool
is_same_code(uint32_t index, const void *key)
{
    const struct ouro__trace_code *code = code_at(index);
    const struct ouro__code *known = key;
    return code->first_line == known->first_line && code->line_table == known->line_table &&
           code->file.size == known->n_file && code->name.size == known->n_name &&
           code->lines.size == known->n_lines &&
           memcmp(text_at(code->file.at), known->file, known->n_file) == 0 &&
           memcmp(text_at(code->name.at), known->name, known->n_name) == 0 &&
           (known->n_lines == 0 || memcmp(lines_at(code->lines.at), known->lines, known->n_lines) == 0);
}

/* Add a code; there is room for it.  Files are many codes' own: the text of the code before is often the same. */
static uint32_t
add_code(const struct ouro__code *known)
{
    struct ouro__trace_code code = {.first_line = known->first_line, .line_table = known->line_table};
    const struct ouro__trace_code *before =
        ouro__tree.codes.n > 1 ? code_at((uint32_t)ouro__tree.codes.n - 1) : &code;

    if (before->file.size == known->n_file &&
        memcmp(text_at(before->file.at), known->file, known->n_file) == 0) {
        code.file = before->file;
    } else {
        code.file.at = ouro__tree.texts.n;
        code.file.size = known->n_file;
        ouro__vector_append(&ouro__tree.texts, known->file, known->n_file);
    }
    code.name.at = ouro__tree.texts.n;
    code.name.size = known->n_name;
    ouro__vector_append(&ouro__tree.texts, known->name, known->n_name);
    code.lines.at = ouro__tree.lines.n;
    code.lines.size = known->n_lines;
    ouro__vector_append(&ouro__tree.lines, known->lines, known->n_lines);
    ouro__vector_append(&ouro__tree.codes, &code, 1);
    return (uint32_t)ouro__tree.codes.n - 1;
}

static const struct ouro__code unknown_code = {.file = "", .name = ""};

/* What codes are that come when OURO__CODES_MOST are known: a program that makes code without end. */
static const struct ouro__code other_code = {
    .file = OURO__OTHER_CODE, .n_file = sizeof OURO__OTHER_CODE - 1, .name = ""};
static uint32_t others; /* its index, 0 for none */

/* The index of a code that is new, and has its place `at` in the table; 0 without memory. */
static uint32_t
keep_code(const struct ouro__code *known, size_t at)
{
    if (!ouro__vector_reserve(&ouro__tree.texts, known->n_file + known->n_name) ||
        !ouro__vector_reserve(&ouro__tree.lines, known->n_lines) ||
        !ouro__vector_reserve(&ouro__tree.codes, 1)) {
        return 0;
    }
    uint32_t index = add_code(known);
    ouro__table_put(&code_table, at, index);
    return index;
}

/* The index of what is known of a code; 0 without memory. */
static uint32_t
intern_code(const void *address)
{
    struct ouro__code known;
    size_t at;

    if (!ouro__tree.source->read_code(address, &known)) {
        known = unknown_code;
    }
    if (!ouro__table_reserve(&code_table, hash_code)) {
        return 0;
    }
    uint32_t index = ouro__table_find(&code_table, hash_known(&known), is_same_code, &known, &at);
    if (index != 0) {
        return index;
    }
    if (OURO_LIKELY(ouro__tree.codes.n < OURO__CODES_MOST)) {
        return keep_code(&known, at);
    }
    if (others == 0) {
        (void)ouro__table_find(&code_table, hash_known(&other_code), is_same_code, &other_code, &at);
        others = keep_code(&other_code, at);
    }
    return others;
}

/* ---- codes by their addresses ---- */

static inline struct place *
place_at(uint32_t index)
{
    return &((struct place *)places.items)[index];
}

static uint64_t
hash_address(const void *address)
{
    return ouro__mix((uintptr_t)address, 0);
}

static uint64_t
hash_place(uint32_t index)
{
    return hash_address(place_at(index)->address);
}

static bool
is_same_place(uint32_t index, const void *key)
{
    return place_at(index)->address == key;
}

static bool
is_for_good(const void *address)
{
    return !ouro_heap_owns(address) && ouro__tree.source->lasts(address);
}

/* See that its end will be noticed.  A code may also be there for good (CPython 3.11 and 3.12 have their first modules in
 * static memory), or lie where somebody else's allocator puts it, in a block of ours or not. */
static bool
mark_code(const void *address)
{
    if (!ouro__beside_sees_end(address)) {
        return is_for_good(address);
    }
    uint32_t *index = ouro__beside(address, true);
    if (index != NULL) {
        *index |= OURO__IS_CODE;
    }
    return index != NULL;
}

static struct place *
find_place(const void *address)
{
    size_t at;
    if (!ouro__table_reserve(&place_table, hash_place) || !ouro__vector_reserve(&places, 1)) {
        return NULL;
    }
    uint32_t index = ouro__table_find(&place_table, hash_address(address), is_same_place, address, &at);
    if (index == 0) {
        index = (uint32_t)places.n;
        ouro__vector_append(&places, &(struct place){.address = address}, 1);
        ouro__table_put(&place_table, at, index);
    }
    return place_at(index);
}

static uint32_t
code_by_place(const void *address)
{
    struct place *place = find_place(address);
    if (place == NULL) {
        return 0;
    }
    if (place->code == 0) {
        if (!mark_code(address)) {
            ends_are_seen = false;
            return intern_code(address);
        }
        place->code = intern_code(address);
    }
    return place->code;
}

static inline uint32_t
code_of(const void *address)
{
    if (ends_are_seen) {
        return code_by_place(address);
    }
    struct read_code *read = &codes_read[hash_address(address) % N_READ];
    if (OURO_UNLIKELY(read->address != address || read->look != look || read->code == 0)) {
        read->code = is_for_good(address) ? code_by_place(address) : intern_code(address);
        read->address = address;
        read->look = look;
    }
    return read->code;
}

/* What lies at an address may be another code from now on. */
static void
forget_steps(void)
{
    for (size_t i = 0; i < n_steps; i++) {
        steps[i].known = 0;
    }
    n_steps = 0;
    n_taken = 0;
    stack.n = 0;
    ouro__requests_forget();
}

void
ouro__tree_forget(const void *code)
{
    size_t at;
    uint32_t index = ouro__table_find(&place_table, hash_address(code), is_same_place, code, &at);
    if (index != 0) {
        place_at(index)->code = 0;
    }
    forget_steps();
}

/* ---- nodes ---- */

static inline struct ouro__trace_node *
node_at(uint32_t index)
{
    return &((struct ouro__trace_node *)ouro__tree.nodes.items)[index];
}

static uint64_t
hash_frame(const struct ouro__trace_node *node)
{
    return ouro__mix((uint64_t)node->parent << 32 | node->code, node->offset);
}

static uint64_t
hash_node(uint32_t index)
{
    return hash_frame(node_at(index));
}

static bool
is_same_node(uint32_t index, const void *key)
{
    const struct ouro__trace_node *a = node_at(index), *b = key;
    return a->parent == b->parent && a->code == b->code && a->offset == b->offset;
}

/* The node of a frame called by `parent`; 0 without memory. */
static uint32_t
intern_node(uint32_t parent, uint32_t code, uint32_t offset)
{
    struct ouro__trace_node node = {parent, code, code != others ? offset : 0};
    size_t at;

    if (!ouro__table_reserve(&node_table, hash_node) || !ouro__vector_reserve(&ouro__tree.nodes, 1)) {
        return 0;
    }
    uint32_t index = ouro__table_find(&node_table, hash_frame(&node), is_same_node, &node, &at);
    if (index == 0) {
        index = (uint32_t)ouro__tree.nodes.n;
        ouro__vector_append(&ouro__tree.nodes, &node, 1);
        ouro__table_put(&node_table, at, index);
    }
    return index;
}

/* The node of a frame called by `parent`: 0 without memory.  `step` is what was found there before. */
static inline uint32_t
take_step(struct step *step, const struct ouro__frame *frame, uint32_t parent)
{
    if (OURO_UNLIKELY(frame->code == NULL)) { /* not the program's */
        step->code = NULL;
        step->known = 0;
        step->node = parent;
        return parent;
    }
    uint32_t known = ends_are_seen && step->code == frame->code ? step->known : 0;
    if (known == 0) {
        known = code_of(frame->code);
    }
    if (OURO_LIKELY(known != 0 && known == step->known && step->node != 0 && step->parent == parent &&
                    step->offset == frame->offset)) {
        return step->node;
    }
    step->code = frame->code;
    step->known = known;
    step->parent = parent;
    step->offset = frame->offset;
    step->node = step->known != 0 ? intern_node(parent, step->known, frame->offset) : 0;
    return step->node;
}

/* Take the steps from one frame to another of the last traceback; false without memory. */
__attribute__((noinline)) static bool
take_steps(size_t from, size_t to)
{
    uint32_t at = from == 0 ? 0 : steps[from - 1].node;
    n_taken = 0;
    n_steps = to > n_steps ? to : n_steps;
    for (; from < to; from++) {
        const struct ouro__frame *frame = &stack.entries[from].known;
        at = take_step(&steps[from], frame, at);
        if (OURO_UNLIKELY(at == 0 && frame->code != NULL)) {
            return false;
        }
    }
    n_taken = to;
    return true;
}

/* The whole traceback: steps that were taken to frames that are as they were need not be taken again. */
static inline bool
find_by_stack(struct ouro__here *here)
{
    if (OURO_UNLIKELY(!ends_are_seen)) {
        stack.n = 0;
    }
    size_t same = ouro__tree.source->follow(&stack);
    if (OURO_UNLIKELY(stack.n == 0)) {
        return true;
    }
    size_t last = stack.n - 1, done = same < n_taken ? same : n_taken;
    if (done < last && !take_steps(done, last)) {
        return false;
    }
    n_taken = last;
    here->frame = stack.entries[last].known;
    here->parent = last != 0 ? steps[last - 1].node : 0;
    here->depth = (uint32_t)last;
    return true;
}

/* The innermost frames alone. */
static bool
find_by_frames(struct ouro__here *here)
{
    size_t n_most = ouro__tree.n_frames != 0 ? ouro__tree.n_frames : N_FRAMES_MOST;
    size_t n = ouro__tree.source->walk(frames, n_most);
    if (n == 0) {
        return true;
    }
    uint32_t at = 0;
    n_steps = n - 1 > n_steps ? n - 1 : n_steps;
    for (size_t i = n - 1; i > 0; i--) {
        at = take_step(&steps[n - 1 - i], &frames[i], at);
        if (OURO_UNLIKELY(at == 0 && frames[i].code != NULL)) {
            return false;
        }
    }
    *here = (struct ouro__here){frames[0], at, (uint32_t)n - 1};
    return true;
}

bool
ouro__tree_find_here(struct ouro__here *here)
{
    if (ouro__tree.source == NULL) {
        return true;
    }
    look++;
    bool has_stack = ouro__tree.n_frames == 0 && ouro__tree.source->follow != NULL;
    return has_stack ? find_by_stack(here) : find_by_frames(here);
}

bool
ouro__tree_node(const struct ouro__here *here, uint32_t *node)
{
    look += here->depth == 0; /* the one frame may have been found without ouro__tree_find_here() */
    n_steps = here->depth < n_steps ? n_steps : here->depth + 1;
    *node = take_step(&steps[here->depth], &here->frame, here->parent);
    return *node != 0 || here->frame.code == NULL;
}

bool
ouro__tree_sees_ends(void)
{
    return ends_are_seen;
}

/* ---- beginning and ending ---- */

/* Item 0 of each stands for none. */
static bool
begin_vector(struct ouro__vector *vector, size_t item_size, bool has_none)
{
    static const char none[sizeof(struct ouro__trace_code)];
    *vector = (struct ouro__vector){.item_size = item_size};
    if (!ouro__vector_reserve(vector, 1)) {
        return false;
    }
    if (has_none) {
        ouro__vector_append(vector, none, 1);
    }
    return true;
}

/* Of one frame, whose code ends where it can be seen, a mark says all. */
static void
choose_mark(void)
{
    bool is_enough = ouro__tree.n_frames == 1 && ends_are_seen && ouro__tree.source != NULL;
    __atomic_store_n(&ouro__tree.mark, is_enough ? ouro__tree.source->mark : NULL, __ATOMIC_RELAXED);
}

void
ouro__tree_set_depth(uint32_t n_frames, bool sees_ends)
{
    ends_are_seen = sees_ends;
    ouro__tree.n_frames = n_frames < N_FRAMES_MOST ? n_frames : 0;
    choose_mark();
    forget_steps();
}

bool
ouro__tree_begin(uint32_t n_frames, bool sees_ends)
{
    ouro__tree_set_depth(n_frames, sees_ends);
    stack = (struct ouro__stack){.entries = ouro__os_map(STACK_BYTES), .room = N_FRAMES_MOST};
    steps = ouro__os_map(STEPS_BYTES);
    frames = ouro__os_map(FRAMES_BYTES);
    bool whole = stack.entries != NULL && steps != NULL && frames != NULL &&
                 begin_vector(&ouro__tree.texts, 1, false) &&
                 begin_vector(&ouro__tree.lines, 1, false) &&
                 begin_vector(&ouro__tree.codes, sizeof(struct ouro__trace_code), true) &&
                 begin_vector(&ouro__tree.nodes, sizeof(struct ouro__trace_node), true) &&
                 begin_vector(&places, sizeof(struct place), true) &&
                 ouro__table_reserve(&place_table, hash_place);
    if (!whole) {
        ouro__tree_end();
    }
    return whole;
}

void
ouro__tree_set_source(const struct ouro__frame_source *source)
{
    ouro__tree.source = source;
    if (source != NULL && source->begin != NULL) {
        source->begin();
    }
    choose_mark();
    forget_steps();
}

const struct ouro__frame_source *
ouro__tree_source(void)
{
    return ouro__tree.source;
}

static void
unmap_buffer(void *buffer, size_t size)
{
    if (buffer != NULL) {
        ouro__os_unmap(buffer, size);
    }
}

void
ouro__tree_clear(void)
{
    ouro__vector_cut(&ouro__tree.texts, 0);
    ouro__vector_cut(&ouro__tree.lines, 0);
    ouro__vector_cut(&ouro__tree.codes, 1);
    ouro__vector_cut(&ouro__tree.nodes, 1);
    ouro__vector_cut(&places, 1);
    ouro__table_clear(&place_table);
    ouro__table_clear(&code_table);
    ouro__table_clear(&node_table);
    others = 0;
    forget_steps();
}

void
ouro__tree_end(void)
{
    struct ouro__vector *const vectors[] = {&ouro__tree.texts, &ouro__tree.lines, &ouro__tree.codes,
                                            &ouro__tree.nodes, &places};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        ouro__vector_free(vectors[i]);
    }
    ouro__table_free(&place_table);
    ouro__table_free(&code_table);
    ouro__table_free(&node_table);
    unmap_buffer(stack.entries, STACK_BYTES);
    unmap_buffer(steps, STEPS_BYTES);
    unmap_buffer(frames, FRAMES_BYTES);
    stack = (struct ouro__stack){0};
    steps = NULL;
    n_steps = 0;
    frames = NULL;
    others = 0;
}

uint64_t
ouro__tree_bytes(void)
{
    uint64_t bytes = ouro__vector_bytes(&ouro__tree.texts) + ouro__vector_bytes(&ouro__tree.lines) +
                     ouro__vector_bytes(&ouro__tree.codes) + ouro__vector_bytes(&ouro__tree.nodes) +
                     ouro__vector_bytes(&places);
    bytes += ouro__table_bytes(&place_table) + ouro__table_bytes(&code_table) +
             ouro__table_bytes(&node_table);
    return bytes + ouro__os_resident(stack.entries, STACK_BYTES) +
           ouro__os_resident(steps, STEPS_BYTES) + ouro__os_resident(frames, FRAMES_BYTES);
}
