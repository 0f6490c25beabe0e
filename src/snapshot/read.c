/* read.c - reading a snapshot: chunks are gathered by kind, and then each index in them is looked at.
 *
 * A file that is cut off may have traces whose nodes it lost, in whatever order its chunks come: such a trace is then
 * at node 0, such a node runs unknown code.  In a whole file that is a fault, but no other. */
#define _POSIX_C_SOURCE 200809L
#include "snapshot/read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/chunks.h"

/* The contents of all chunks of a kind. */
struct gathered {
    const char *kind;
    size_t element; /* bytes */
    size_t most;    /* elements: what an index can name, and one more */
    unsigned char *bytes;
    size_t n; /* bytes */
    size_t room;
};

enum {
    PROCESS,
    TRACING,
    TEXTS,
    LINES,
    CODES,
    NODES,
    TRACES,
    THREADS,
    SINCES,
    TYPES,
    TYPED,
    LIVES,
    SAMPLES,
    MARKS,
    RUNS,
    N_KINDS
};

static bool
say(struct ouro__snapshot *snapshot, const char *trouble)
{
    if (snapshot->trouble[0] == '\0') {
        (void)snprintf(snapshot->trouble, sizeof snapshot->trouble, "%s", trouble);
    }
    return false;
}

/* A fault in the contents, of the element `index`. */
static void
say_fault(struct ouro__snapshot *snapshot, const char *what, size_t index)
{
    if (snapshot->trouble[0] == '\0') {
        (void)snprintf(snapshot->trouble, sizeof snapshot->trouble, "is at odds with itself: %s %zu",
                       what, index);
    }
}

static bool
make_room(struct gathered *gathered, size_t more)
{
    size_t wanted = gathered->n + more;

    if (wanted <= gathered->room) {
        return true;
    }
    size_t room = wanted > 2 * gathered->room ? wanted : 2 * gathered->room;
    unsigned char *larger = realloc(gathered->bytes, room);
    if (larger == NULL) {
        return false;
    }
    gathered->bytes = larger;
    gathered->room = room;
    return true;
}

/* Take a chunk's contents; false when memory runs out or they are none, and the file is read no further. */
static bool
gather(struct ouro__snapshot *snapshot, struct gathered *gathered, const struct ouro__chunks *chunks,
       ouro__snapshot_inflate inflate, bool *no_memory)
{
    const struct ouro_snapshot_chunk *chunk = &chunks->chunk;
    size_t size = (size_t)chunk->size;
    char trouble[96];

    if (size == 0) {
        return true;
    }
    if (size % gathered->element != 0 || gathered->n / gathered->element >= gathered->most ||
        size / gathered->element > gathered->most - gathered->n / gathered->element) {
        (void)snprintf(trouble, sizeof trouble,
                       "is spoiled before byte %" PRIu64 ": a chunk has no such size", chunks->at);
        return say(snapshot, trouble);
    }
    if (!make_room(gathered, size)) {
        *no_memory = true;
        return say(snapshot, "needs more memory than there is");
    }
    unsigned char *to = gathered->bytes + gathered->n;
    if ((chunk->flags & OURO_SNAPSHOT_ZSTD) == 0) {
        memcpy(to, chunks->stored, size);
    } else if (inflate == NULL || !inflate(to, size, chunks->stored, (size_t)chunk->stored)) {
        (void)snprintf(trouble, sizeof trouble,
                       "is spoiled before byte %" PRIu64 ": a chunk cannot be unpacked", chunks->at);
        return say(snapshot, trouble);
    }
    gathered->n += size;
    return true;
}

/* Read chunks into `kinds`; false when memory ran out. */
static bool
gather_all(struct ouro__snapshot *snapshot, struct gathered *kinds, struct ouro__chunks *chunks,
           ouro__snapshot_inflate inflate)
{
    bool no_memory = false, go_on = true;

    while (go_on && ouro__chunks_next(chunks)) {
        for (int i = 0; i < N_KINDS; i++) {
            if (ouro__chunk_is(&chunks->chunk, kinds[i].kind)) {
                go_on = gather(snapshot, &kinds[i], chunks, inflate, &no_memory);
                break;
            }
        }
    }
    if (chunks->trouble[0] != '\0') {
        (void)say(snapshot, chunks->trouble);
    }
    return !no_memory && !chunks->no_memory;
}

static void
tame_tracing(struct ouro__snapshot *snapshot, const struct gathered *gathered)
{
    struct ouro_snapshot_tracing *tracing = &snapshot->tracing;

    if (gathered->n > 0) {
        memcpy(tracing, gathered->bytes, sizeof *tracing);
    }
    tracing->reason[sizeof tracing->reason - 1] = '\0';
    tracing->name[sizeof tracing->name - 1] = '\0';
    if (tracing->mode > OURO_SNAPSHOT_SAMPLED ||
        (tracing->mode == OURO_SNAPSHOT_SAMPLED && tracing->sample_bytes == 0)) {
        tracing->mode = OURO_SNAPSHOT_OFF;
        (void)say(snapshot, "is at odds with itself: no such way of tracing");
    }
}

static bool
is_within(const struct ouro_snapshot_stretch *stretch, size_t n_bytes)
{
    return stretch->at <= n_bytes && stretch->size <= n_bytes - stretch->at;
}

/* How many bytes the texts of `n` codes or types may have.  Many have the same: as many as a path has on average, and long
 * ones a few times.  But a file can't make texts of all that it has for each. */
static uint64_t
texts_most(const struct ouro__snapshot *snapshot, size_t n)
{
    return 4 * (uint64_t)snapshot->n_texts + (uint64_t)n * 4096;
}

/* Whether there are so many left, which are taken. */
static bool
take(uint64_t *left, uint64_t n)
{
    bool is_there = n <= *left;

    *left -= is_there ? n : 0;
    return is_there;
}

/* Tables of lines lie one behind the other, so that all of them have no more bytes than there are. */
static void
tame_codes(struct ouro__snapshot *snapshot)
{
    static const struct ouro_snapshot_stretch nothing;
    uint64_t texts = texts_most(snapshot, snapshot->n_codes);
    uint64_t lines = snapshot->n_lines;

    for (size_t i = 0; i < snapshot->n_codes; i++) {
        struct ouro_snapshot_code *code = &snapshot->codes[i];
        if (!is_within(&code->file, snapshot->n_texts) || !is_within(&code->name, snapshot->n_texts) ||
            !is_within(&code->lines, snapshot->n_lines) ||
            !take(&texts, code->file.size + code->name.size) || !take(&lines, code->lines.size)) {
            say_fault(snapshot, "no such texts of code", i);
            code->file = code->name = code->lines = nothing;
        }
    }
}

static void
tame_nodes(struct ouro__snapshot *snapshot)
{
    uint32_t unknown = (uint32_t)snapshot->n_codes - 1;

    snapshot->nodes[0] = (struct ouro_snapshot_node){.code = unknown};
    for (size_t i = 1; i < snapshot->n_nodes; i++) {
        struct ouro_snapshot_node *node = &snapshot->nodes[i];
        if (node->parent >= i) {
            say_fault(snapshot, "no such caller of node", i);
            node->parent = 0;
        }
        if (node->code >= unknown) {
            say_fault(snapshot, "no such code of node", i);
            node->code = unknown;
        }
    }
}

static void
tame_traces(struct ouro__snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->n_traces; i++) {
        struct ouro_snapshot_trace *trace = &snapshot->traces[i];
        if (trace->node >= snapshot->n_nodes) {
            say_fault(snapshot, "no such node of trace", i);
            trace->node = 0;
        }
        if (trace->domain > 2) {
            say_fault(snapshot, "no such domain of trace", i);
            trace->domain = 0;
        }
        if (trace->thread >= snapshot->n_threads) {
            say_fault(snapshot, "no such thread of trace", i);
            trace->thread = 0;
        }
        if (trace->since >= snapshot->n_sinces) {
            say_fault(snapshot, "no such mark before trace", i);
            trace->since = 0;
        }
    }
}

static void
tame_types(struct ouro__snapshot *snapshot)
{
    static const struct ouro_snapshot_stretch nothing;
    uint64_t texts = texts_most(snapshot, snapshot->n_types);

    for (size_t i = 0; i < snapshot->n_types; i++) {
        if (!is_within(&snapshot->types[i], snapshot->n_texts) ||
            !take(&texts, snapshot->types[i].size)) {
            say_fault(snapshot, "no such name of type", i);
            snapshot->types[i] = nothing;
        }
    }
    for (size_t i = 0; i < snapshot->n_typed; i++) {
        struct ouro_snapshot_typed *typed = &snapshot->typed[i];
        if (typed->type >= snapshot->n_types || typed->trace >= snapshot->n_traces) {
            say_fault(snapshot, "no such type or trace of typed", i);
            *typed = (struct ouro_snapshot_typed){0};
        }
    }
    for (size_t i = 0; i < snapshot->n_threads; i++) {
        snapshot->threads[i].name[sizeof snapshot->threads[i].name - 1] = '\0';
    }
    for (size_t i = 0; i < snapshot->n_sinces; i++) {
        snapshot->sinces[i].name[sizeof snapshot->sinces[i].name - 1] = '\0';
    }
}

static void
tame_lives(struct ouro__snapshot *snapshot)
{
    if (snapshot->n_lives > snapshot->n_traces) {
        say_fault(snapshot, "no such trace of life", snapshot->n_traces);
        snapshot->n_lives = snapshot->n_traces;
    }
    for (size_t i = 0; i < snapshot->n_lives; i++) {
        uint64_t left = snapshot->traces[i].all_blocks;
        bool is_well = true;
        for (int k = 0; k < OURO_SNAPSHOT_N_LIVES && is_well; k++) {
            uint64_t ended = snapshot->lives[i].ended[k];
            is_well = ended <= left;
            left -= is_well ? ended : 0;
        }
        if (!is_well) {
            say_fault(snapshot, "no such ends of life", i);
            snapshot->lives[i] = (struct ouro_snapshot_life){0};
        }
    }
}

/* Times may not go back: what comes after something else was not before it. */
static void
tame_samples(struct ouro__snapshot *snapshot)
{
    uint64_t least = 0;

    for (size_t i = 0; i < snapshot->n_samples; i++) {
        struct ouro_snapshot_sample *sample = &snapshot->samples[i];
        if (sample->at_ns < least) {
            say_fault(snapshot, "no such time of sample", i);
            sample->at_ns = least;
        }
        if (sample->counted_at_ns > sample->at_ns) {
            say_fault(snapshot, "no such count of sample", i);
            sample->counted_at_ns = sample->at_ns;
        }
        least = sample->at_ns;
    }
}

static void
tame_marks(struct ouro__snapshot *snapshot)
{
    uint64_t least = 0;

    for (size_t i = 0; i < snapshot->n_marks; i++) {
        struct ouro_snapshot_mark *mark = &snapshot->marks[i];
        if (mark->at_ns < least) {
            say_fault(snapshot, "no such time of mark", i);
            mark->at_ns = least;
        }
        least = mark->at_ns;
        mark->name[sizeof mark->name - 1] = '\0';
    }
}

/* Whether a run that begins at slot `least` or behind it can be. */
static bool
is_run(const struct ouro_snapshot_run *run, uint32_t least)
{
    uint64_t bytes = run->n_slots * OURO_SNAPSHOT_SLOT;
    bool is_free = run->kind < OURO_SNAPSHOT_RUN_POOL;

    return run->slot >= least && run->n_slots > 0 && run->n_slots <= UINT32_MAX - run->slot &&
           run->kind >= OURO_SNAPSHOT_RUN_FREE && run->kind <= OURO_SNAPSHOT_RUN_LARGE &&
           run->domain <= 2 && run->n_used <= run->n_blocks &&
           (uint64_t)run->n_blocks * run->block_size <= bytes && run->used_bytes <= bytes &&
           (!is_free || (run->n_blocks == 0 && run->used_bytes == 0));
}

/* A map that can't be is cut off there. */
static void
tame_runs(struct ouro__snapshot *snapshot)
{
    uint32_t least = 0;

    for (size_t i = 0; i < snapshot->n_runs; i++) {
        const struct ouro_snapshot_run *run = &snapshot->runs[i];
        if (!is_run(run, least)) {
            say_fault(snapshot, "no such run of slots", i);
            snapshot->n_runs = i;
            break;
        }
        least = run->slot + run->n_slots;
    }
}

/* Hand over what was gathered, with an unknown code behind the others, and a node, a thread, a mark and a type 0.  False without
 * memory. */
static bool
take_over(struct ouro__snapshot *snapshot, struct gathered *kinds)
{
    static const int with_first[] = {NODES, THREADS, SINCES, TYPES};

    if (!make_room(&kinds[CODES], kinds[CODES].element)) {
        return say(snapshot, "needs more memory than there is");
    }
    for (size_t i = 0; i < sizeof with_first / sizeof *with_first; i++) {
        struct gathered *kind = &kinds[with_first[i]];
        if (kind->n == 0) {
            if (!make_room(kind, kind->element)) {
                return say(snapshot, "needs more memory than there is");
            }
            memset(kind->bytes, 0, kind->element);
            kind->n = kind->element;
        }
    }
    memset(kinds[CODES].bytes + kinds[CODES].n, 0, kinds[CODES].element);
    kinds[CODES].n += kinds[CODES].element;
    tame_tracing(snapshot, &kinds[TRACING]);
    snapshot->process = kinds[PROCESS].bytes;
    snapshot->n_process = kinds[PROCESS].n;
    snapshot->texts = (char *)kinds[TEXTS].bytes;
    snapshot->n_texts = kinds[TEXTS].n;
    snapshot->lines = kinds[LINES].bytes;
    snapshot->n_lines = kinds[LINES].n;
    snapshot->codes = (void *)kinds[CODES].bytes;
    snapshot->n_codes = kinds[CODES].n / sizeof *snapshot->codes;
    snapshot->nodes = (void *)kinds[NODES].bytes;
    snapshot->n_nodes = kinds[NODES].n / sizeof *snapshot->nodes;
    snapshot->traces = (void *)kinds[TRACES].bytes;
    snapshot->n_traces = kinds[TRACES].n / sizeof *snapshot->traces;
    snapshot->threads = (void *)kinds[THREADS].bytes;
    snapshot->n_threads = kinds[THREADS].n / sizeof *snapshot->threads;
    snapshot->sinces = (void *)kinds[SINCES].bytes;
    snapshot->n_sinces = kinds[SINCES].n / sizeof *snapshot->sinces;
    snapshot->types = (void *)kinds[TYPES].bytes;
    snapshot->n_types = kinds[TYPES].n / sizeof *snapshot->types;
    snapshot->typed = (void *)kinds[TYPED].bytes;
    snapshot->n_typed = kinds[TYPED].n / sizeof *snapshot->typed;
    snapshot->lives = (void *)kinds[LIVES].bytes;
    snapshot->n_lives = kinds[LIVES].n / sizeof *snapshot->lives;
    snapshot->samples = (void *)kinds[SAMPLES].bytes;
    snapshot->n_samples = kinds[SAMPLES].n / sizeof *snapshot->samples;
    snapshot->marks = (void *)kinds[MARKS].bytes;
    snapshot->n_marks = kinds[MARKS].n / sizeof *snapshot->marks;
    snapshot->runs = (void *)kinds[RUNS].bytes;
    snapshot->n_runs = kinds[RUNS].n / sizeof *snapshot->runs;
    free(kinds[TRACING].bytes);
    tame_codes(snapshot);
    tame_nodes(snapshot);
    tame_traces(snapshot);
    tame_types(snapshot);
    tame_lives(snapshot);
    tame_samples(snapshot);
    tame_marks(snapshot);
    tame_runs(snapshot);
    return true;
}

bool
ouro__snapshot_read(struct ouro__snapshot *snapshot, FILE *file, ouro__snapshot_inflate inflate)
{
    struct gathered kinds[N_KINDS] = {
        [PROCESS] = {OURO_SNAPSHOT_PROCESS, 1, 1 << 16, NULL, 0, 0},
        [TRACING] = {OURO_SNAPSHOT_TRACING, sizeof snapshot->tracing, 1, NULL, 0, 0},
        [TEXTS] = {OURO_SNAPSHOT_TEXTS, 1, SIZE_MAX / 4, NULL, 0, 0},
        [LINES] = {OURO_SNAPSHOT_LINES, 1, SIZE_MAX / 4, NULL, 0, 0},
        [CODES] = {OURO_SNAPSHOT_CODES, sizeof *snapshot->codes, UINT32_MAX - 1, NULL, 0, 0},
        [NODES] = {OURO_SNAPSHOT_NODES, sizeof *snapshot->nodes, UINT32_MAX, NULL, 0, 0},
        [TRACES] = {OURO_SNAPSHOT_TRACES, sizeof *snapshot->traces, UINT32_MAX, NULL, 0, 0},
        [THREADS] = {OURO_SNAPSHOT_THREADS, sizeof *snapshot->threads, 1 << 16, NULL, 0, 0},
        [SINCES] = {OURO_SNAPSHOT_SINCES, sizeof *snapshot->sinces, 1 << 8, NULL, 0, 0},
        [TYPES] = {OURO_SNAPSHOT_TYPES, sizeof *snapshot->types, UINT32_MAX, NULL, 0, 0},
        [TYPED] = {OURO_SNAPSHOT_TYPED, sizeof *snapshot->typed, UINT32_MAX, NULL, 0, 0},
        [LIVES] = {OURO_SNAPSHOT_LIVES, sizeof *snapshot->lives, UINT32_MAX, NULL, 0, 0},
        [SAMPLES] = {OURO_SNAPSHOT_SAMPLES, sizeof *snapshot->samples, UINT32_MAX, NULL, 0, 0},
        [MARKS] = {OURO_SNAPSHOT_MARKS, sizeof *snapshot->marks, UINT32_MAX, NULL, 0, 0},
        [RUNS] = {OURO_SNAPSHOT_RUNS, sizeof *snapshot->runs, UINT32_MAX, NULL, 0, 0},
    };
    struct ouro__chunks chunks;

    *snapshot = (struct ouro__snapshot){0};
    if (!ouro__chunks_begin(&chunks, file)) {
        return say(snapshot, chunks.trouble);
    }
    bool is_read = gather_all(snapshot, kinds, &chunks, inflate) && take_over(snapshot, kinds);
    snapshot->n_bytes = chunks.at;
    ouro__chunks_free(&chunks);
    for (int i = 0; i < N_KINDS && !is_read; i++) {
        free(kinds[i].bytes);
    }
    return is_read;
}

void
ouro__snapshot_free(struct ouro__snapshot *snapshot)
{
    free(snapshot->process);
    free(snapshot->texts);
    free(snapshot->lines);
    free(snapshot->codes);
    free(snapshot->nodes);
    free(snapshot->traces);
    free(snapshot->threads);
    free(snapshot->sinces);
    free(snapshot->types);
    free(snapshot->typed);
    free(snapshot->lives);
    free(snapshot->samples);
    free(snapshot->marks);
    free(snapshot->runs);
    *snapshot = (struct ouro__snapshot){0};
}
