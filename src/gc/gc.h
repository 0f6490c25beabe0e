/* gc.h - what the files of the collector know of each other. */
#ifndef OURO_GC_GC_H
#define OURO_GC_GC_H

#include "heap/walk.h"
#include "object/side.h"
#include "ouro/gc.h"

/* Which objects a collection looks at: all, found by walking their pools, or those of a list. */
struct set {
    bool is_whole;
    bool has_types; /* a list, and types are in it */
    struct chunk *list;
};

bool ouro__gc_init(void);

/* ---- collect.c: a collection, step by step ---- */

/* One collection. */
struct collection {
    unsigned generation;
    bool in_slices;
    bool skips_middle; /* what a young one leaves is old at once */
    struct set set;
    struct set trash;
    struct chunk *next; /* of the trash: what is to be let go of next */
    size_t n_trash;
    struct weakref *waiting; /* callbacks to be called */
    bool ran_code;
    bool no_memory; /* not all trash could be listed: the rest is left for later */
    uint64_t pause; /* the longest time that the world stood still, ns */
    uint64_t ns;    /* time in it so far */
    size_t n_visited;
    size_t n_saved; /* of the trash, kept in the garbage */
    size_t n_kept;  /* not of the trash, for the sake of legacy finalizers */
};

bool ouro__gc_collect_init(void);

/* Collect a generation, from beginning to end. */
void ouro__gc_run(struct collection *collection);

/* Begin to collect the old generation in slices; false without memory. */
bool ouro__gc_begin_slices(struct collection *collection);

/* One slice of about so many objects and references; true when there are no more. */
bool ouro__gc_slice(struct collection *collection, size_t budget);

/* Find the trash among the suspects; letting go of it comes next. */
void ouro__gc_end_slices(struct collection *collection);

/* Let go of a chunk of the trash; true when that was all. */
bool ouro__gc_let_go(struct collection *collection);

/* ---- controls.c ---- */

/* As they are until a program sets others. */
extern const uint32_t ouro__gc_thresholds[OURO_GENERATIONS];

/* Call the program's callbacks. */
void ouro__gc_tell(bool is_stop, const struct collection *collection);

void ouro__gc_note_stats(const struct collection *collection);

/* Keep an object, with the reference to it, in the garbage; false without memory. */
bool ouro__gc_save(ouro_object *object);

/* ---- when.c ---- */

/* The program has switched the collector on or off, or set thresholds. */
void ouro__gc_controls_changed(void);

/* ---- trial.c; the world stands still ---- */

/* What the side table says of an object. */
enum side_bits {
    SIDE_FOLLOWS = 1,  /* an object of the set refers to it whose address is lower, */
    SIDE_PRECEDES = 2, /* or higher */
    SIDE_BARREN = 4,   /* it refers to no object of the set, but for its type */
    SIDE_IN = 8,       /* of the set, and counted */
    SIDE_REACHED = 16,
    SIDE_HUB = 32,    /* references are too many for SIDE_COUNT */
    SIDE_LISTED = 64, /* of the set of the trial in progress; what slices.c leaves there has it not */
    SIDE_ONE = 128,
    SIDE_COUNT = 0xFF80, /* references not accounted for yet, a signed number of SIDE_ONE */
};

#define SIDE_COUNT_MOST 255
#define SIDE_COUNT_WRAPS (2 * (SIDE_COUNT_MOST + 1))

/* The count in a place of the side table. */
static inline int
ouro__gc_side_count(uint16_t value)
{
    return (int16_t)value >> 7; /* arithmetic */
}

/* Where what refers to an object lies: none of these bits for what refers to itself.
 *
 * The first object of any garbage, in the order of addresses, has no reference left and is no SIDE_FOLLOWS; the last one has none
 * left and is no SIDE_PRECEDES.  So a set without an object of the one kind, or without one of the other, has no garbage. */
#define SIDE_PROOFS (SIDE_FOLLOWS | SIDE_PRECEDES)
_Static_assert(SIDE_PRECEDES == SIDE_FOLLOWS + 1, "the one or the other by a comparison");

static inline unsigned
ouro__gc_side_of(const ouro_object *referent, const ouro_object *from)
{
    unsigned side = SIDE_FOLLOWS + (referent < from);
    if (OURO_UNLIKELY(referent == from)) {
        side = 0;
    }
    return side;
}

#define SIDE_UNREACHED (SIDE_IN | SIDE_LISTED) /* of these and SIDE_REACHED, what trash has */
#define SIDE_STATE (SIDE_UNREACHED | SIDE_REACHED)

struct ouro__gc_found {
    size_t n, n_trash;    /* objects of the set, and those of them that hold only each other */
    struct chunk *legacy; /* objects with legacy finalizers that would be trash; the caller's list */
    size_t n_kept;        /* those, and what they reach: not counted as trash */
};

/* Find out which objects of the set are held from outside of it, and reach from them what can be reached.  The
 * set's objects that are not SIDE_REACHED then hold only each other.  Those of a list are SIDE_LISTED alone, each once, and
 * no other object is; for a whole set the table is all zero.  `own` references to each are not counted: the collector's. */
struct ouro__gc_found ouro__gc_try(const struct set *set, uint32_t own);

/* Whether an object is of the set and was not reached. */
static inline bool
ouro__gc_is_trash(const ouro_object *object)
{
    return ouro__side_covers(object) &&
           (ouro__side_load(ouro__side_at(object)) & SIDE_STATE) == SIDE_UNREACHED;
}

#define OBJECT_HIDDEN (OBJECT_UNTRACKED | OBJECT_DYING | OBJECT_WAITING)

_Static_assert((OBJECT_HIDDEN & OBJECT_GENERATION) == 0 && OBJECT_GENERATION == GENERATION_FROZEN,
               "what is hidden compares as more than any generation");

/* Does the collector look at the object? */
static inline bool
ouro__gc_looks_at(const ouro_object *object)
{
    return (object->flags & (OBJECT_HIDDEN | OBJECT_GENERATION)) < GENERATION_FROZEN &&
           object->type != 0 && object->local != OURO_IMMORTAL;
}

/* Does it, and is the object old? */
static inline bool
ouro__gc_looks_at_old(const ouro_object *object)
{
    return (object->flags & (OBJECT_HIDDEN | OBJECT_GENERATION)) == GENERATION_OLD &&
           object->type != 0 && object->local != OURO_IMMORTAL;
}

/* Look at the object no longer when it holds nothing that may be in a cycle.  Reached, and of a type that allows it. */
void ouro__gc_untrack(ouro_object *object);

/* Find out which types have objects, whatever state these are in: the types' own bases have, too.  Leaves are looked
 * at when `has_leaves`. */
void ouro__gc_find_used_types(bool has_leaves);

/* What was found last. */
bool ouro__gc_is_used(const struct ouro_type *type);

/* ---- slices.c: the old generation, a little at a time; the world stands still ---- */

/* Begin to look for what the old generation may have for garbage; false without memory. */
bool ouro__gc_slices_begin(void);

/* Go on, for about so many objects and references; true when the suspects are known, or when there is no memory for them:
 * then nothing is in progress any more. */
bool ouro__gc_slices_go_on(size_t budget);

/* Is it in progress? */
bool ouro__gc_slices_are_under_way(void);

/* The suspects: all that was garbage at the beginning, and some that isn't.  As a list of a set; it ends what was in
 * progress, and ouro__side_forget() must follow when the set has been tried.  `n_seen`: old objects there were. */
struct set ouro__gc_slices_take(size_t *n_seen);

/* Stop looking, whatever was found; the side table is all zero. */
void ouro__gc_slices_stop(void);

/* ---- young.c: which objects are young; the world stands still ---- */

/* The object that begins at an address in a log or list, and lives, or NULL. */
ouro_object *ouro__gc_live_object(void *address);

/* Empty the logs of all threads and the list of the middle generation, into one list of what is alive there and no
 * older than `generation`, each object once and SIDE_LISTED. */
struct chunk *ouro__gc_take_young(unsigned generation);

/* Have these objects be the middle generation, besides those that are.  Takes the list over. */
void ouro__gc_add_middle(struct chunk *list);

/* The blocks of collected objects of one pool, or the large one; those never handed out are left out. */
struct blocks {
    const struct pool *pool;
    char *first, *end; /* a large one ends behind its beginning */
    uint32_t size;     /* from one to the next */
    bool are_all_taken;
};

/* Are none of the blocks that a pool has handed out free?  Not certain where fork left it as it happened to be. */
static inline bool
ouro__gc_is_full(const struct pool *pool, const struct blocks *blocks)
{
    return (uint64_t)ouro__pool_live(pool) * blocks->size == (uint64_t)(blocks->end - blocks->first) &&
           __atomic_load_n(&pool->remote, __ATOMIC_RELAXED) == 0 && !(pool->flags & SLOT_VANISHED);
}

/* Those that begin in a slot, if any. */
static inline bool
ouro__gc_blocks_at(size_t slot, struct blocks *blocks)
{
    const struct pool *pool = &ouro__range.records[slot];

    if (ouro__heap_of(pool) != ouro__collected) {
        return false;
    }
    char *base = pool->base;
    if (pool->kind == SLOT_LARGE) {
        *blocks = (struct blocks){pool, base, base + 1, SLOT_SIZE, true};
    } else {
        uint32_t start = ouro__pool_start(pool->class, pool->domain);
        *blocks = (struct blocks){pool, base + start, base + pool->fresh, ouro__class_size[pool->class],
                                  false};
        blocks->are_all_taken = ouro__gc_is_full(pool, blocks);
    }
    return true;
}

/* Whether a block is in use, or among a thread's spares. */
static inline bool
ouro__gc_is_taken(const struct blocks *blocks, const char *block)
{
    const struct pool *pool = blocks->pool;
    if (OURO_LIKELY(blocks->are_all_taken)) {
        OURO_ASSERT(!ouro__is_link(ouro__link_load(block)));
        return true;
    }
    return !ouro__is_cold(pool, (uint32_t)(block - pool->base), blocks->size) &&
           !ouro__is_link(ouro__link_load(block));
}

/* Call `visit(object, context)` for each object of the set, or more: those that the collector doesn't look at. */
static inline __attribute__((always_inline)) void
ouro__gc_for_each(const struct set *set, void (*visit)(void *object, void *context), void *context)
{
    struct blocks blocks;

    if (!set->is_whole) {
        for (struct chunk *chunk = set->list; chunk != NULL; chunk = chunk->next) {
            for (size_t i = 0; i < chunk->n; i++) {
                visit(chunk->items[i], context);
            }
        }
        return;
    }
    for (size_t i = 1, n = ouro__range_extent() >> SLOT_SHIFT; i < n; i++) {
        if (!ouro__gc_blocks_at(i, &blocks)) {
            continue;
        }
        for (char *block = blocks.first; block < blocks.end; block += blocks.size) {
            if (ouro__gc_is_taken(&blocks, block)) {
                visit(block, context);
            }
        }
    }
}

/* Call `visit(object, side, context)` for each object of the set that was counted and not reached, until it returns false:
 * a look at the side table alone for the others.  Whether it never did. */
static inline __attribute__((always_inline)) bool
ouro__gc_for_each_unreached(const struct set *set,
                            bool (*visit)(ouro_object *object, uint16_t side, void *context),
                            void *context)
{
    struct blocks blocks;

    if (!set->is_whole) {
        for (struct chunk *chunk = set->list; chunk != NULL; chunk = chunk->next) {
            for (size_t i = 0; i < chunk->n; i++) {
                uint16_t value = ouro__side_load(ouro__side_at(chunk->items[i]));
                if ((value & SIDE_STATE) == SIDE_UNREACHED && !visit(chunk->items[i], value, context)) {
                    return false;
                }
            }
        }
        return true;
    }
    for (size_t i = 1, n = ouro__range_extent() >> SLOT_SHIFT; i < n; i++) {
        if (!ouro__gc_blocks_at(i, &blocks)) {
            continue;
        }
        const uint8_t *side = ouro__side_at(blocks.first), *end = ouro__side_at(blocks.end - 1);
        for (uint32_t step = blocks.size >> 4; side <= end; side += step) {
            uint16_t value = ouro__side_load(side);
            if ((value & SIDE_STATE) == SIDE_UNREACHED &&
                !visit(ouro__side_object(side), value, context)) {
                return false;
            }
        }
    }
    return true;
}

#endif
