/* trace.h - what the files of tracing know of each other, and who provides frames.
 *
 * A *trace* is a traceback, a size and a domain: all live blocks that were asked for alike have the same one.  Beside
 * each block lies the index of its trace, beside each trace how many blocks it has now, had at the peak, and had in all.
 * Tracebacks are a tree: a *node* is a frame and the node of its caller.
 *
 *   block --index--> trace --node--> node --parent--> node --> ... --> node 0, which is no frame
 *                                     |
 *                                     '--code--> name, file, table of lines */
#ifndef OURO_TRACE_TRACE_H
#define OURO_TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ouro/heap.h"

/* A frame, as whoever provides tracebacks finds it: which code runs in it, and where. */
struct ouro__frame {
    const void *code; /* an address that stands for the code as long as it lives */
    uint32_t offset;  /* of the instruction that runs, in bytes from the code's first one */
};

/* How lines are found from offsets: the interpreter's own tables, read by whoever shows a snapshot. */
enum ouro__line_table {
    OURO_LINES_NONE = 0,      /* the offset is a line already */
    OURO_LINES_LNOTAB = 1,    /* CPython 3.9: co_lnotab */
    OURO_LINES_LINETABLE = 2, /* CPython 3.10: co_linetable, PEP 626 */
    OURO_LINES_LOCATIONS = 3, /* CPython 3.11 on: co_linetable, Objects/locations.md */
};

/* The frames of a thread, from the outermost one inwards, as they were when last looked at: most are as they were when
 * the next block is allocated.  Whoever provides frames may have further ones in there, which have no code. */
struct ouro__stack_entry {
    const void *frame, *at, *word; /* the provider's own: which frame, where it is, and of what */
    struct ouro__frame known;
};

struct ouro__stack {
    struct ouro__stack_entry *entries;
    size_t n, room;
};

/* What is kept of a code: all of it is copied while it lives.  Texts are UTF-8, `surrogatepass`. */
struct ouro__code {
    const char *file,
        *name; /* `name` is qualified where the interpreter knows it so; borrowed until the next call */
    size_t n_file, n_name; /* bytes */
    const uint8_t *lines;  /* the table of lines, borrowed */
    size_t n_lines;        /* bytes */
    uint32_t first_line;
    uint32_t line_table; /* enum ouro__line_table */
};

/* Who knows the frames of the calling thread.  Called from inside allocations: neither may allocate, take a lock that
 * the program could hold, or run the program's code. */
struct ouro__frame_source {
    /* The frames of the calling thread, innermost first, at most `n_max`; how many there are. */
    size_t (*walk)(struct ouro__frame *frames, size_t n_max);
    /* Bring a stack up to date for the calling thread; how many of its outermost entries are as they were.  Where there
     * are more frames than `room`, the innermost ones. */
    size_t (*follow)(struct ouro__stack *stack);
    /* What `code`, which runs in a frame of the calling thread, is; false when it can't be read. */
    bool (*read_code)(const void *code, struct ouro__code *known);
    /* Whether a code that lies in no block of ours is there for good. */
    bool (*lasts)(const void *code);
};

/* ---- vector.c: arrays and hash tables in pages of their own ---- */

struct ouro__vector {
    void *items;
    size_t n, room; /* items */
    size_t item_size;
};

bool ouro__vector_grow(struct ouro__vector *vector, size_t n);

/* Room for `n` more items; false without memory, and all is as it was. */
static inline bool
ouro__vector_reserve(struct ouro__vector *vector, size_t n)
{
    return __builtin_expect(vector->n + n <= vector->room, 1) || ouro__vector_grow(vector, n);
}

/* Append `n` items for which there is room. */
void ouro__vector_append(struct ouro__vector *vector, const void *items, size_t n);

void ouro__vector_free(struct ouro__vector *vector);

uint64_t ouro__vector_bytes(const struct ouro__vector *vector);

/* Indexes of a vector's items, found by what the items hold.  Index 0 stands for none. */
struct ouro__table {
    uint32_t *slots;
    size_t mask; /* slots less one */
    size_t n;
};

bool ouro__table_grow(struct ouro__table *table, uint64_t (*hash_of)(uint32_t index));

/* Room for one more, at most half of the slots being used; `hash_of` gives each item's hash.  False without memory, and
 * all is as it was. */
static inline bool
ouro__table_reserve(struct ouro__table *table, uint64_t (*hash_of)(uint32_t index))
{
    return __builtin_expect(table->n < (table->mask + 1) / 2, 1) || ouro__table_grow(table, hash_of);
}

void ouro__table_free(struct ouro__table *table);

uint64_t ouro__table_bytes(const struct ouro__table *table);

static inline uint64_t
ouro__mix(uint64_t a, uint64_t b)
{
    uint64_t mixed = (a ^ 0x9E3779B97F4A7C15U) * 0xD6E8FEB86659FD93U + b;
    mixed ^= mixed >> 32;
    mixed *= 0xD6E8FEB86659FD93U;
    return mixed ^ mixed >> 29;
}

/* The index of the item that `is_same` says `key` is, or 0: then `*at` is where it goes. */
static inline __attribute__((always_inline)) uint32_t
ouro__table_find(const struct ouro__table *table, uint64_t hash,
                 bool (*is_same)(uint32_t index, const void *key), const void *key, size_t *at)
{
    size_t i = hash & table->mask;
    while (table->slots[i] != 0 && !is_same(table->slots[i], key)) {
        i = (i + 1) & table->mask;
    }
    *at = i;
    return table->slots[i];
}

static inline void
ouro__table_put(struct ouro__table *table, size_t at, uint32_t index)
{
    table->slots[at] = index;
    table->n++;
}

/* ---- beside.c: an index beside each block ---- */

/* Where the index of the block lies that `address` is in: of a block that the caller holds.  NULL when the address is
 * not ours and, unless `make`, when no index is there yet; then, too, without memory. */
uint32_t *ouro__beside(const void *address, bool make);

/* Whether the end of what lies at `address` will be told as that of a block which begins there. */
bool ouro__beside_sees_end(const void *address);

/* Forget all of them. */
void ouro__beside_free(void);

uint64_t ouro__beside_bytes(void);

/* ---- tree.c: codes and tracebacks, interned; guarded by the lock of trace.c ---- */

struct ouro__trace_code {
    struct {
        uint64_t at, size;
    } file, name, lines; /* as struct ouro_snapshot_code has them */
    uint32_t first_line, line_table;
};

struct ouro__trace_node {
    uint32_t parent, code, offset;
};

/* A code's block carries this mark in its index, so that its end is seen. */
#define OURO__IS_CODE ((uint32_t)1 << 31)

struct ouro__tree {
    struct ouro__vector texts, lines, codes, nodes;
};
extern struct ouro__tree ouro__tree;

/* `sees_ends`: codes that end are told to ouro__tree_forget(). */
bool ouro__tree_begin(const struct ouro__frame_source *source, uint32_t n_frames, bool sees_ends);
void ouro__tree_end(void);

void ouro__tree_set_source(const struct ouro__frame_source *source);

/* The node of the calling thread's traceback: 0 when it has no frames.  False without memory. */
bool ouro__tree_here(uint32_t *node);

/* A block that carries the mark is freed: what lies at this address later is another code. */
void ouro__tree_forget(const void *code);

uint64_t ouro__tree_bytes(void);

/* ---- sample.c ---- */

/* Bytes to the next sample, `mean` on average: exponentially distributed, so that each byte is as likely as any. */
int64_t ouro__sample_draw(uint64_t mean);

/* Bytes that a sampled block of `size` bytes stands for: size / (1 - exp(-size / mean)). */
uint64_t ouro__sample_weight(uint64_t size, uint64_t mean);

/* ---- trace.c ---- */

struct ouro__trace {
    uint64_t size; /* bytes of each block, as asked for */
    uint64_t
        weight; /* bytes that each block stands for: its own, and those of blocks like it that were not sampled */
    uint32_t node;
    uint32_t domain;
    uint64_t live; /* blocks now */
    uint64_t
        at_peak; /* blocks when the traced bytes were highest, if `epoch` is still that of the peak */
    uint64_t epoch; /* of the peak when `at_peak` was written */
    uint64_t all;   /* blocks ever */
};

struct ouro__trace_totals {
    uint64_t bytes, blocks;           /* live; bytes by weight */
    uint64_t peak_bytes, peak_blocks; /* when bytes were highest */
    uint64_t peak_at;                 /* ouro__os_now(), about */
    uint64_t n_untraced;
    uint64_t own_bytes;
    uint64_t mean;     /* bytes from one sample to the next, 0: every block is traced */
    uint32_t n_frames; /* kept of a traceback at most, 0 for all */
};

enum ouro__trace_mode { OURO__TRACE_OFF, OURO__TRACE_EXACT, OURO__TRACE_SAMPLED };

/* Read by who allocates, anywhere; atomic.  Exact: each block is traced, so each free is to be told.  Sampled: some are,
 * and those are blocks that ouro__heap_alloc_apart() made, or large ones: frees that take the slow path are to be told. */
extern enum ouro__trace_mode ouro__trace_mode;

static inline enum ouro__trace_mode
ouro__trace_mode_now(void)
{
    return __atomic_load_n(&ouro__trace_mode, __ATOMIC_RELAXED);
}

/* When the next block is to be traced: after so many bytes.  Each holder of a heap counts its own, from OURO__NO_COUNT on.
 * Whoever finds that a block is due asks ouro__trace_turn(). */
#define OURO__NO_COUNT ((int64_t)-1)
extern _Thread_local int64_t ouro__until_trace __attribute__((tls_model("initial-exec")));

static inline bool
ouro__trace_is_due(int64_t *until, size_t size)
{
    *until = (int64_t)((uint64_t)*until - size);
    /* A size that is no int64_t would carry the count to where it is never due again. */
    return __builtin_expect((*until | (int64_t)size) < 0, 0);
}

/* Whether to trace the block of `size` bytes that was found due; the count begins anew. */
bool ouro__trace_turn(int64_t *until, size_t size);

/* Begin, with samples `mean` bytes apart on average, or exactly when that is 0; `source` may be NULL.  False without
 * memory. */
bool ouro__trace_start(const struct ouro__frame_source *source, uint32_t n_frames, uint64_t mean);

/* Forget everything. */
void ouro__trace_stop(void);

/* Frames from now on; with the lock that guards the interpreter. */
void ouro__trace_set_source(const struct ouro__frame_source *source);

/* A block was allocated, or is about to be freed, by the caller, who holds it.  NULL is nothing. */
void ouro__trace_alloc(void *block, size_t size, unsigned domain);
void ouro__trace_free(void *block);

/* A block is about to be resized, which may fail or move it: take its trace off, then put it back where the block did
 * not change, or else count it as freed.  Between the two nothing but the resizing. */
uint32_t ouro__trace_take(void *block);
void ouro__trace_put_back(void *block, uint32_t taken);
void ouro__trace_drop(void *was, uint32_t taken);

/* Hold everything still, for who writes it down; false when the caller interrupted itself in the midst of a change. */
bool ouro__trace_lock(void);
void ouro__trace_unlock(void);

/* Under the lock. */
extern struct ouro__vector ouro__trace_items; /* struct ouro__trace[]; 0 stands for no trace */
void ouro__trace_totals(struct ouro__trace_totals *totals);
uint64_t ouro__trace_at_peak(const struct ouro__trace *trace); /* blocks */

/* Around fork. */
void ouro__trace_fork_prepare(void);
void ouro__trace_fork_done(void); /* in both */

#endif
