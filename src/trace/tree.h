/* tree.h - codes and tracebacks, interned; guarded by the lock of trace.c. */
#ifndef OURO_TRACE_TREE_H
#define OURO_TRACE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "trace/frames.h"
#include "trace/vector.h"

struct ouro__trace_code {
    struct {
        uint64_t at, size;
    } file, name, lines; /* as struct ouro_snapshot_code has them */
    uint32_t first_line, line_table;
};

struct ouro__trace_node {
    uint32_t parent, code, offset;
};

/* So many codes are told apart, which is more than programs have but those that make code without end; the rest are one. */
#define OURO__CODES_MOST ((size_t)1 << 17)
#define OURO__OTHER_CODE "(code beyond the first 131072)"

struct ouro__tree {
    struct ouro__vector texts, lines, codes, nodes;
    const struct ouro__frame_source *source; /* may be NULL */
    size_t n_frames;                         /* of a traceback at most, 0 for all */
    uint64_t (*mark)(void); /* the source's, where it alone can tell a place; or NULL; atomic */
};
extern struct ouro__tree ouro__tree;

/* `sees_ends`: codes that end are told to ouro__tree_forget(). */
bool ouro__tree_begin(uint32_t n_frames, bool sees_ends);
void ouro__tree_end(void);

/* Forget all of it, and go on; needs no memory.  Marks are gone already. */
void ouro__tree_clear(void);

/* Keep `n_frames` of a traceback from now on. */
void ouro__tree_set_depth(uint32_t n_frames, bool sees_ends);

/* Whether there is a tree or will be; may be NULL. */
void ouro__tree_set_source(const struct ouro__frame_source *source);
const struct ouro__frame_source *ouro__tree_source(void);

/* Where the calling thread is: its innermost frame, which has no code when there is none, and the node of that frame's
 * caller. */
struct ouro__here {
    struct ouro__frame frame;
    uint32_t parent;
    uint32_t depth; /* frames that were looked at further out */
};

bool ouro__tree_find_here(struct ouro__here *here);

/* False without memory. */
static inline bool
ouro__tree_here(struct ouro__here *here)
{
    *here = (struct ouro__here){0};
    if (ouro__tree.n_frames == 1 && OURO_LIKELY(ouro__tree.source != NULL)) {
        if (OURO_UNLIKELY(ouro__tree.source->walk(&here->frame, 1) == 0)) {
            here->frame = (struct ouro__frame){0};
        }
        return true;
    }
    return ouro__tree_find_here(here);
}

/* Whether a mark tells where a thread is: without the lock. */
static inline bool
ouro__tree_takes_marks(void)
{
    return __atomic_load_n(&ouro__tree.mark, __ATOMIC_RELAXED) != NULL;
}

/* The node of a place, which is where the calling thread is: 0 when it has no frames.  False without memory. */
bool ouro__tree_node(const struct ouro__here *here, uint32_t *node);

/* Whether ends of codes are told: those of all that is known by its address. */
bool ouro__tree_sees_ends(void);

/* A block that carries the mark is freed: what lies at this address later is another code. */
void ouro__tree_forget(const void *code);

uint64_t ouro__tree_bytes(void);

#endif
