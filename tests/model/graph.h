/* graph.h - a graph of things, and an oracle that knows each of them by a number: what it refers to, and how many references
 * the test itself holds.
 *
 * From that follow all counts at any time, and what is alive after a full collection.
 *
 *   graph_known.c   things and what is known of them, changed together
 *   graph_steps.c   operations, and the finalizers and callbacks that do the same
 *   graph_checks.c  what must hold */
#ifndef OURO_TESTS_GRAPH_H
#define OURO_TESTS_GRAPH_H

#include "process.h"
#include "random.h"
#include "things.h"

enum {
    MOST = TEST_STRESSED ? 600 : 3000, /* things alive at a time */
    MOST_REFS = 12,
    N_ROOTS = 48,
    NONE = -1,
    WEAK =
        N_KINDS, /* as a kind: a weak reference.  It has a leaf as its context, which says who it is */
};

/* What the oracle knows of a thing. */
struct entity {
    ouro_object *object; /* NULL: nothing has the number */
    unsigned kind;       /* enum kind, or WEAK */
    uint64_t life;       /* no two things have the same */
    uint32_t n_held;
    uint32_t n_refs;
    int refs[MOST_REFS];
    bool reached;
    /* Unreachable when a collection began: weak references to it, or it, may have been told of its end. */
    bool was_lost;
    struct thing *context; /* of a weak reference, as is all that follows */
    int referent;
    uint64_t referent_life;
    bool has_callback, is_empty;
    bool is_hushed; /* unreachable when a full collection began: not to be called ever after */
    /* Unreachable in this life when one in slices began: to be gone when it ends. */
    uint64_t doomed_life;
    unsigned n_calls;
    int plain_weak; /* of anything: the weak reference to it that has no callback */
};

extern struct model {
    struct test_random random;
    struct entity entities[MOST];
    int free[MOST];
    size_t n_free;
    int roots[N_ROOTS];
    uint64_t n_lives;
    unsigned nested;  /* finalizers and callbacks under way */
    bool is_settling; /* they do nothing */
    bool is_frozen;   /* something may be */
    uint64_t n_made_before;
    unsigned generation_before;       /* of the collection that began last */
    uint64_t n_resurrected_in_slices; /* before the one in slices */
    bool knows_lost; /* what is unreachable was noted in the collection that is under way */
    uint64_t n_finalized, n_resurrected, n_called, n_collections, n_forgotten;
} model;

static inline uint64_t
below(uint64_t bound)
{
    return random_below(&model.random, bound);
}

static inline struct thing *
thing_at(int id)
{
    return (struct thing *)model.entities[id].object;
}

/* ---- graph_known.c ---- */

void hold(int id);
void drop(int id);

/* drop(), or nothing for NONE. */
void xdrop(int id);

void set_ref(int from, size_t i, int to);

/* Have a root hold what the caller held. */
void put_root(int id);

/* Have the holder refer to what the caller held; a root, when the holder is NONE or refers to nothing.  Drops the holder. */
void put_into(int holder, int id);

/* Something that can be reached, held for the caller; NONE when the dice fall on nothing. */
int pick(void);

/* A new thing, held for the caller; NONE when there are too many. */
int make_thing(enum kind kind);

/* A weak reference to what the caller holds, held likewise; NONE when there are too many things. */
int make_weak(int referent, bool has_callback);

/* What a weak reference gives now, held for the caller. */
int get_weak(int id);

/* A thing is no more: for its type. */
void on_death(ouro_loan object);

/* What was to be found by a collection in slices may live. */
void forget_doomed(void);

/* Find out what can be reached from what is held. */
void reach_all(void);

/* Find it out, and note what can't. */
void note_lost(void);

/* ---- graph_steps.c ---- */

/* Do something. */
void mutate(void);

ouro_status on_weak(ouro_loan weakref, ouro_loan context);
ouro_status on_end(ouro_loan object);
void collect(uint64_t generation);
void drop_root(size_t i);
void change_thresholds(void);
void freeze_or_unfreeze(void);

/* ---- graph_checks.c ---- */

void on_collection(const ouro_gc_event *event, void *context);

/* All counts follow from the references that are known. */
void check_counts(void);

/* After a full collection, what is alive is what can be reached. */
void check_collected(void);

/* The collector has left nothing behind. */
void check_side_is_clean(void);

#endif
