/* trace.h - which blocks are live, and who asked for them.
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

#include "trace/frames.h"
#include "trace/vector.h"

/* Of a block's domain with what stands above it; no block has more bytes than the 47 bits beside them can tell. */
#define OURO__DOMAIN_BITS 17

struct ouro__trace {
    uint64_t size; /* bytes of each block, as asked for */
    uint64_t
        weight; /* bytes that each block stands for: its own, and those of blocks like it that were not sampled */
    uint32_t node;
    uint32_t domain; /* and what stands above it, as whoever told of the block put them together */
    uint64_t live;   /* blocks now */
    uint64_t
        at_peak; /* blocks when the traced bytes were highest, if `epoch` is still that of the peak */
    uint64_t epoch;             /* of the peak when `at_peak` was written */
    uint64_t all;               /* blocks ever */
} __attribute__((aligned(64))); /* a cache line */

struct ouro__trace_totals {
    uint64_t bytes, peak_bytes;   /* live, and when they were highest; by weight */
    uint64_t blocks, peak_blocks; /* live, and then */
    uint64_t peak_at;             /* ouro__os_now(), about */
    uint64_t n_untraced;
    uint64_t own_bytes;
    uint64_t mean;     /* bytes from one sample to the next, 0: every block is traced */
    uint32_t n_frames; /* kept of a traceback at most, 0 for all */
};

enum ouro__trace_mode { OURO__TRACE_OFF, OURO__TRACE_EXACT, OURO__TRACE_SAMPLED };

/* Read by who allocates, anywhere; atomic.  Exact: each block is traced, so each free is to be told.  Sampled: some are,
 * and those are blocks that ouro__heap_alloc_apart() made, or large ones: frees that take the slow path are to be told. */
extern enum ouro__trace_mode ouro__trace_mode __attribute__((visibility("hidden")));

static inline enum ouro__trace_mode
ouro__trace_mode_now(void)
{
    return __atomic_load_n(&ouro__trace_mode, __ATOMIC_RELAXED);
}

/* What a thread keeps for itself. */
struct ouro__teller {
    bool is_inside;      /* it has the lock of tracing: what it asks for meanwhile is not traced */
    uint32_t until_look; /* blocks of which it is told, until it looks around (traced.h) */
};
extern _Thread_local struct ouro__teller ouro__teller __attribute__((tls_model("initial-exec")));

/* When the next block is to be traced: after so many bytes.  Each holder of a heap counts its own, from OURO__NO_COUNT on.
 * Whoever finds that a block is due asks ouro__trace_turn(). */
#define OURO__NO_COUNT ((int64_t)-1)
extern _Thread_local int64_t ouro__until_trace __attribute__((tls_model("initial-exec")));

static inline bool
ouro__trace_is_due(int64_t *until, size_t size)
{
    *until = (int64_t)((uint64_t)*until - size);
    /* A size that is no int64_t would carry the count to where it is never due again.  Where it is known to be small, the
     * first test is all that is left. */
    return __builtin_expect(*until < 0 || (int64_t)size < 0, 0);
}

/* Mean bytes from one sample to the next; atomic. */
extern uint64_t ouro__trace_mean;

/* The mode in which to trace the block of `size` bytes that was found due, OFF for not at all; the count begins anew. */
enum ouro__trace_mode ouro__trace_turn(int64_t *until, size_t size);

/* Begin, or go on otherwise: with samples `mean` bytes apart on average, or exactly when that is 0.  What is known is
 * forgotten when `mean` changes, and kept when only the depth does.  The calling thread's next block is traced by it;
 * other holders of a count see it when theirs has come to its end.  `source` may be NULL.  False without memory, or when
 * the caller interrupted itself in the midst of a change: then all is as it was. */
bool ouro__trace_start(const struct ouro__frame_source *source, uint32_t n_frames, uint64_t mean);

/* Forget everything: and end, or go on with nothing known, or from the peak that is now.  False when the caller
 * interrupted itself in the midst of a change. */
bool ouro__trace_stop(void);
bool ouro__trace_clear(void);
bool ouro__trace_reset_peak(void);

/* Frames from now on, whether there is tracing or will be; with the lock that guards the interpreter.  May be NULL. */
void ouro__trace_set_source(const struct ouro__frame_source *source);
const struct ouro__frame_source *ouro__trace_source(void);

/* A block was allocated, in exact mode or as a sample, or is about to be freed, by the caller, who holds it.  NULL is
 * nothing, and so is a block for a mode that is no longer.  To free: whether the block had a trace. */
void ouro__trace_alloc(void *block, size_t size, unsigned domain);
void ouro__trace_sample(void *block, size_t size, unsigned domain);
bool ouro__trace_free(void *block);

/* The same, quickly where that can be: of a block that was allocated in exact mode in a process of one thread, by who
 * knows the mark of the place (ouro__tree_takes_marks()); and of one whose index lies there and is not zero.
 * Returns the block. */
void *ouro__trace_alloc_marked(void *block, size_t size, unsigned domain, uint64_t mark);
void ouro__trace_free_beside(void *block, uint32_t *index);

/* A block is about to be resized, which may fail or move it: take its trace off, then put it back where the block did
 * not change, or else count it as freed.  Between the two nothing but the resizing; tracing may begin anew meanwhile. */
struct ouro__taken {
    uint32_t index; /* with what stands above it */
    uint32_t era;
    uint64_t age; /* where its birth was noted */
};
struct ouro__taken ouro__trace_take(void *block);
void ouro__trace_put_back(void *block, struct ouro__taken taken);
void ouro__trace_drop(void *was, struct ouro__taken taken);

/* Hold everything still, for who writes it down; false when the caller interrupted itself in the midst of a change. */
bool ouro__trace_lock(void);
void ouro__trace_unlock(void);

/* When tracing began that is on, or was last: by ouro__os_now(). */
uint64_t ouro__trace_began(void);

/* Under the lock. */
extern struct ouro__vector ouro__trace_items; /* struct ouro__trace[]; 0 stands for no trace */
void ouro__trace_totals(struct ouro__trace_totals *totals);
void ouro__trace_memory(uint64_t *bytes,
                        uint64_t *peak); /* of the totals, without a look at what tracing took */
uint64_t ouro__trace_at_peak(const struct ouro__trace *trace); /* blocks */

/* Around fork. */
void ouro__trace_fork_prepare(void);
void ouro__trace_fork_done(void); /* in both */

#endif
