/* graph.c - counts, weak references and the collector against a naive oracle, over millions of random operations.
 *
 * usage: model_graph [SEED...]
 * OURO_MODEL_OPS sets how many operations a run has; a run that fails has printed its seed, with which it
 * fails again.
 *
 * The oracle knows every thing by a number: what it refers to, and how many references the test itself holds.  From that
 * follow all counts at any time, and what is alive after a full collection.  Finalizers and callbacks do what the
 * test does: make, link, drop, resurrect, collect.
 *
 * ctest: timeout=900 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ouro/ouro.h>

#include "object/side.h"
#include "nodes.h"
#include "process.h"
#include "random.h"
#include "require.h"

enum {
    MOST = TEST_STRESSED ? 600 : 3000, /* things alive at a time */
    MOST_REFS = 12,
    N_ROOTS = 48,
    CHAIN = 200, /* longer than destructions nest */
    NONE = -1,
};

enum kind { PAIR, FINAL_PAIR, ROW, FINAL_ROW, HAND, LEAF, WEAK, N_KINDS };

/* All kinds but weak references: these have a leaf as their context, which says who they are. */
struct thing {
    ouro_object head;
    uint64_t id, life;
    size_t n;
    ouro_ref refs[];
};

/* What the oracle knows of a thing. */
struct entity {
    ouro_object *object; /* NULL: nothing has the number */
    enum kind kind;
    uint64_t life; /* no two things have the same */
    uint32_t n_held;
    uint32_t n_refs;
    int refs[MOST_REFS];
    bool reached;
    bool
        was_lost; /* unreachable when a collection began: weak references to it, or it, may have been told of its end */
    struct thing *context; /* of a weak reference, as is all that follows */
    int referent;
    uint64_t referent_life;
    bool has_callback, is_empty;
    bool is_hushed; /* unreachable when a full collection began: not to be called ever after */
    uint64_t
        doomed_life; /* unreachable in this life when one in slices began: to be gone when it ends */
    unsigned n_calls;
    int plain_weak; /* of anything: the weak reference to it that has no callback */
};

static struct {
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

static ouro_loan types[N_KINDS];

static uint64_t
below(uint64_t bound)
{
    return random_below(&model.random, bound);
}

static struct thing *
thing_of(int id)
{
    return (struct thing *)model.entities[id].object;
}

/* ---- changing things and what is known of them together ---- */

static void
hold(int id)
{
    model.entities[id].n_held++;
    ouro_incref((ouro_loan)model.entities[id].object);
}

static void
drop(int id)
{
    REQUIRE(model.entities[id].object != NULL && model.entities[id].n_held > 0, "%d is not held", id);
    ouro_object *object = model.entities[id].object;
    model.entities[id].n_held--;
    ouro_decref(object);
}

static void
set_ref(int from, size_t i, int to)
{
    ouro_ref object = to != NONE ? ouro_incref((ouro_loan)model.entities[to].object) : NULL;
    model.entities[from].refs[i] = to;
    ouro_assign(&thing_of(from)->refs[i], object);
}

/* Have a root hold what the caller held. */
static void
put_root(int id)
{
    size_t i = below(N_ROOTS);
    int before = model.roots[i];
    model.roots[i] = id;
    if (before != NONE) {
        drop(before);
    }
}

/* Something that can be reached, held for the caller; NONE when the dice fall on nothing. */
static int
pick(void)
{
    int id = model.roots[below(N_ROOTS)];
    for (size_t steps = below(5); id != NONE && steps > 0; steps--) {
        const struct entity *entity = &model.entities[id];
        REQUIRE(entity->object != NULL, "%d was reached and is dead", id);
        int next = entity->n_refs != 0 ? entity->refs[below(entity->n_refs)] : NONE;
        if (next == NONE) {
            break;
        }
        id = next;
    }
    if (id != NONE) {
        REQUIRE(model.entities[id].object != NULL, "%d was reached and is dead", id);
        hold(id);
    }
    return id;
}

static size_t
choose_n_refs(enum kind kind)
{
    return kind == LEAF ? 0 : kind == ROW || kind == FINAL_ROW ? below(MOST_REFS + 1) : 2;
}

/* A new thing, held for the caller; NONE when there are too many. */
static int
make(enum kind kind)
{
    if (model.n_free == 0) {
        return NONE;
    }
    int id = model.free[--model.n_free];
    size_t n = choose_n_refs(kind);
    bool is_row = kind == ROW || kind == FINAL_ROW;
    struct thing *thing =
        (struct thing *)(is_row ? ouro_new_items(types[kind], n) : ouro_new(types[kind]));
    REQUIRE(thing != NULL, "no memory");
    thing->id = (uint64_t)id;
    thing->life = ++model.n_lives;
    thing->n = n;
    struct entity *entity = &model.entities[id];
    *entity = (struct entity){.object = &thing->head,
                              .kind = kind,
                              .life = thing->life,
                              .n_held = 1,
                              .n_refs = (uint32_t)n,
                              .referent = NONE,
                              .plain_weak = NONE};
    for (size_t i = 0; i < MOST_REFS; i++) {
        entity->refs[i] = NONE;
    }
    return id;
}

static ouro_status on_weak(ouro_loan weakref, ouro_loan context);

/* What was to be found by a collection in slices may live. */
static void
forget_doomed(void)
{
    for (int id = 0; id < MOST; id++) {
        model.entities[id].doomed_life = 0;
    }
}

/* Whatever was lost is back, and so is all that it reaches. */
static void
bring_back(const struct entity *entity)
{
    if (entity->doomed_life == entity->life) {
        forget_doomed();
    }
}

/* A weak reference to what the caller holds, held likewise; NONE when there are too many things. */
static int
make_weak(int referent, bool has_callback)
{
    int id = make(LEAF);
    if (id == NONE) {
        return NONE;
    }
    struct entity *entity = &model.entities[id], *known = &model.entities[referent];
    ouro_ref made = NULL;
    ouro_status status = ouro_weakref_create((ouro_loan)known->object, has_callback ? on_weak : NULL,
                                             (ouro_loan)entity->object, &made);
    REQUIRE(status == OURO_OK, "%s", ouro_status_text(status));
    if (ouro_refcount((ouro_loan)entity->object) == 1) { /* not for it: another one was found */
        int shared = known->plain_weak;
        REQUIRE(!has_callback && shared != NONE && model.entities[shared].object == made,
                "a weak reference to %d that nobody made", referent);
        model.entities[shared].n_held++;
        bring_back(&model.entities[shared]);
        drop(id);
        return shared;
    }
    int before = known->plain_weak;
    bool may_be_forgotten =
        model.nested != 0 || known->was_lost || (before != NONE && model.entities[before].was_lost);
    REQUIRE(has_callback || before == NONE || may_be_forgotten,
            "two weak references to %d without callbacks", referent);
    entity->kind = WEAK;
    entity->context = (struct thing *)entity->object;
    entity->object = made;
    entity->referent = referent;
    entity->referent_life = known->life;
    entity->has_callback = has_callback;
    if (!has_callback) {
        known->plain_weak = id;
    }
    ouro_decref(&entity->context->head);
    return id;
}

/* ---- what happens to things ---- */

static void
on_death(ouro_loan object)
{
    struct thing *thing = (struct thing *)ouro_look(object);
    int id = (int)thing->id;
    struct entity *entity = &model.entities[id];
    REQUIRE(entity->object != NULL && entity->life == thing->life, "%d has died before", id);
    REQUIRE(entity->n_held == 0, "%d has died and is held", id);
    REQUIRE(entity->object == &thing->head || entity->context == thing, "%d is not %d", id, id);
    if (entity->kind == WEAK && model.entities[entity->referent].plain_weak == id) {
        model.entities[entity->referent].plain_weak = NONE;
    }
    entity->object = NULL;
    entity->n_refs = 0;
    model.free[model.n_free++] = id;
}

/* What a weak reference gives now, held for the caller. */
static int
get_weak(int id)
{
    struct entity *entity = &model.entities[id];
    const struct entity *referent = &model.entities[entity->referent];
    bool is_alive = referent->object != NULL && referent->life == entity->referent_life;
    ouro_ref got = ouro_weakref_get((ouro_loan)entity->object);

    if (got == NULL) {
        bool may_be_dying = model.nested != 0;
        REQUIRE(!is_alive || may_be_dying || referent->was_lost || entity->was_lost,
                "%d has forgotten %d, which lives", id, entity->referent);
        model.n_forgotten += is_alive;
        entity->is_empty = true;
        return NONE;
    }
    REQUIRE(is_alive && got == referent->object, "%d gives what is dead", id);
    REQUIRE(!entity->is_empty, "%d has remembered", id);
    bring_back(referent);
    model.entities[entity->referent].n_held++;
    return entity->referent;
}

static void mutate(void);
static void reach_all(void);

static void
note_lost(void)
{
    reach_all();
    for (int id = 0; id < MOST; id++) {
        struct entity *entity = &model.entities[id];
        entity->was_lost |= entity->object != NULL && !entity->reached;
    }
}

/* A collection in slices may also find what nothing reaches any more when it comes to its end.  That is seen when it calls
 * back for the first time: for an object that waits for it. */
static void
note_lost_in_slices(const ouro_object *object)
{
    if (model.nested == 0 && !model.knows_lost && object != NULL && object->flags & OBJECT_WAITING) {
        model.knows_lost = true;
        note_lost();
    }
}

static ouro_status
on_weak(ouro_loan weakref, ouro_loan context)
{
    int id = (int)((struct thing *)ouro_look(context))->id;
    struct entity *entity = &model.entities[id];
    REQUIRE(entity->object == ouro_look(weakref) && entity->kind == WEAK, "%d is not a weak reference",
            id);
    REQUIRE(entity->has_callback, "%d has no callback and was called", id);
    REQUIRE(++entity->n_calls == 1, "%d was called %u times", id, entity->n_calls);
    REQUIRE(!entity->is_hushed, "%d was called and is unreachable", id);
    const struct entity *known = &model.entities[entity->referent];
    note_lost_in_slices(known->life == entity->referent_life ? known->object : NULL);
    model.n_called++;
    model.nested++;
    int referent = get_weak(id);
    REQUIRE(referent == NONE, "%d was called and %d is there", id, referent);
    if (!model.is_settling && model.nested < 6 && below(4) == 0) {
        mutate();
    }
    model.nested--;
    return OURO_OK;
}

static void
resurrect(int id)
{
    int to = below(2) == 0 ? pick() : NONE;
    model.n_resurrected++;
    if (to != NONE && model.entities[to].n_refs != 0) {
        set_ref(to, below(model.entities[to].n_refs), id);
    } else {
        hold(id);
        put_root(id);
    }
    if (to != NONE) {
        drop(to);
    }
}

static ouro_status
on_end(ouro_loan object)
{
    int id = (int)((struct thing *)ouro_look(object))->id;
    struct entity *entity = &model.entities[id];
    REQUIRE(entity->object == ouro_look(object), "%d is finalized and dead", id);
    note_lost_in_slices(entity->object);
    model.n_finalized++;
    if (model.is_settling || model.nested >= 6) {
        return OURO_OK;
    }
    model.nested++;
    uint64_t dice = below(20);
    if (dice < 3) {
        resurrect(id);
    } else if (dice == 3 && entity->n_refs != 0) {
        set_ref(id, below(entity->n_refs), NONE);
    } else if (dice == 4 && entity->n_refs != 0) {
        set_ref(id, below(entity->n_refs), id);
    } else if (dice == 5) {
        hold(id); /* the weak reference would keep it otherwise, should it be collected meanwhile */
        int weak = make_weak(id, below(2) == 0);
        if (weak != NONE) {
            put_root(weak);
        }
        drop(id);
    } else if (dice < 10) {
        mutate();
    }
    model.nested--;
    return OURO_OK;
}

/* A full collection that is asked for gives up the one in slices. */
static void
collect(uint64_t generation)
{
    if (generation == OURO_GENERATIONS - 1) {
        forget_doomed();
    }
    ouro_gc_collect((unsigned)generation);
}

/* ---- operations ---- */

static enum kind
choose_kind(void)
{
    static const enum kind kinds[] = {PAIR, PAIR, PAIR, PAIR,       PAIR,      ROW,  ROW,
                                      HAND, LEAF, LEAF, FINAL_PAIR, FINAL_ROW, HAND, PAIR};
    return kinds[below(sizeof kinds / sizeof kinds[0])];
}

static void
make_something(void)
{
    int id = make(choose_kind());
    if (id == NONE) {
        return;
    }
    for (size_t i = 0; i < model.entities[id].n_refs; i++) {
        int to = below(3) != 0 ? pick() : NONE;
        if (to != NONE) {
            set_ref(id, i, to);
            drop(to);
        } else if (below(8) == 0) {
            set_ref(id, i, id);
        }
    }
    int holder = below(3) == 0 ? pick() : NONE;
    if (holder != NONE && model.entities[holder].n_refs != 0) {
        set_ref(holder, below(model.entities[holder].n_refs), id);
        drop(id);
    } else {
        put_root(id);
    }
    if (holder != NONE) {
        drop(holder);
    }
}

/* Nested deeply; sometimes the end is tied to the beginning. */
static void
make_chain(void)
{
    int first = make(PAIR), last = first;
    if (first == NONE) {
        return;
    }
    hold(first);
    for (int i = 0; i < CHAIN; i++) {
        int id = make(below(20) == 0 ? FINAL_PAIR : PAIR);
        if (id == NONE) {
            break;
        }
        set_ref(id, below(2), last);
        drop(last);
        last = id;
    }
    if (below(2) == 0) {
        set_ref(first, 0, last);
    }
    drop(first);
    put_root(last);
}

static void
link_or_swap(void)
{
    int a = pick(), b = pick();
    if (a != NONE && b != NONE && model.entities[a].n_refs != 0) {
        struct entity *from = &model.entities[a];
        size_t i = below(from->n_refs), j = below(from->n_refs);
        switch (below(4)) {
        case 0: {
            int id = from->refs[i];
            ouro_ref object = thing_of(a)->refs[i];
            from->refs[i] = from->refs[j];
            from->refs[j] = id;
            thing_of(a)->refs[i] = thing_of(a)->refs[j];
            thing_of(a)->refs[j] = object;
            break;
        }
        case 1:
            set_ref(a, i, NONE);
            break;
        default:
            set_ref(a, i, b);
        }
    }
    if (a != NONE) {
        drop(a);
    }
    if (b != NONE) {
        drop(b);
    }
}

static void
make_weak_somewhere(void)
{
    int referent = pick();
    if (referent == NONE) {
        return;
    }
    int weak = make_weak(referent, below(2) == 0), holder = pick();
    if (weak != NONE && holder != NONE && model.entities[holder].n_refs != 0) {
        set_ref(holder, below(model.entities[holder].n_refs), weak);
        drop(weak);
    } else if (weak != NONE) {
        put_root(weak);
    }
    if (holder != NONE) {
        drop(holder);
    }
    drop(referent);
}

static void
use_weak(void)
{
    int weak = pick();
    if (weak != NONE && model.entities[weak].kind == WEAK) {
        int got = get_weak(weak);
        if (got != NONE) {
            put_root(got);
        }
    }
    if (weak != NONE) {
        drop(weak);
    }
}

static void
drop_root(void)
{
    size_t i = below(N_ROOTS);
    int id = model.roots[i];
    model.roots[i] = NONE;
    if (id != NONE) {
        drop(id);
    }
}

static void
change_thresholds(void)
{
    const uint32_t threshold[OURO_GENERATIONS] = {(uint32_t)random_between_log(&model.random, 1, 4000),
                                                  (uint32_t)below(6), (uint32_t)below(4)};
    ouro_gc_set_threshold(threshold);
}

static void
mutate(void)
{
    uint64_t dice = below(1000);
    if (dice < 320) {
        make_something();
    } else if (dice < 640) {
        link_or_swap();
    } else if (dice < 760) {
        drop_root();
    } else if (dice < 840) {
        make_weak_somewhere();
    } else if (dice < 990) {
        use_weak();
    } else if (dice < 992) {
        make_chain();
    } else if (dice < 998) {
        ouro_safepoint();
    } else {
        collect(below(OURO_GENERATIONS));
    }
}

/* ---- what must hold ---- */

static void
reach_all(void)
{
    static int stack[MOST];
    size_t n = 0;

    for (int id = 0; id < MOST; id++) {
        struct entity *entity = &model.entities[id];
        entity->reached = entity->object != NULL && entity->n_held != 0;
        if (entity->reached) {
            stack[n++] = id;
        }
    }
    while (n > 0) {
        const struct entity *entity = &model.entities[stack[--n]];
        for (uint32_t i = 0; i < entity->n_refs; i++) {
            if (entity->refs[i] != NONE && !model.entities[entity->refs[i]].reached) {
                model.entities[entity->refs[i]].reached = true;
                stack[n++] = entity->refs[i];
            }
        }
    }
}

static int
count_object(ouro_loan object, void *context)
{
    (void)object;
    ++*(size_t *)context;
    return 0;
}

static void
check_nobody_is_young(void)
{
    size_t n = 0;
    REQUIRE(ouro_gc_visit_objects(0, count_object, &n) == 0, "a visit ended early");
    REQUIRE(n == 0, "%zu objects stayed young in a collection", n);
}

/* What a collection in slices was to find is gone, unless it was given life back. */
static void
check_doomed(void)
{
    bool was_resurrected = model.n_resurrected != model.n_resurrected_in_slices;
    for (int id = 0; id < MOST; id++) {
        struct entity *entity = &model.entities[id];
        bool is_there = entity->object != NULL && entity->life == entity->doomed_life;
        REQUIRE(!is_there || was_resurrected,
                "%d was unreachable before a collection in slices, and is there", id);
        entity->doomed_life = 0;
    }
}

static void
on_collection(const ouro_gc_event *event, void *context)
{
    (void)context;
    model.knows_lost = !event->in_slices && !event->is_stop;
    if (event->is_stop) {
        if (model.nested == 0 && model.n_lives == model.n_made_before &&
            event->generation == model.generation_before) {
            check_nobody_is_young();
        }
        if (event->in_slices) {
            check_doomed();
        }
        return;
    }
    model.n_collections++;
    model.n_made_before = model.n_lives;
    model.generation_before = event->generation;
    model.n_resurrected_in_slices =
        event->in_slices ? model.n_resurrected : model.n_resurrected_in_slices;
    bool is_full = event->generation == OURO_GENERATIONS - 1 && model.nested == 0 && !model.is_frozen;
    note_lost();
    for (int id = 0; id < MOST; id++) {
        struct entity *entity = &model.entities[id];
        if (entity->object != NULL && !entity->reached) {
            entity->is_hushed |= is_full && !event->in_slices;
            entity->doomed_life = is_full && event->in_slices ? entity->life : entity->doomed_life;
        }
    }
}

static void
check_weak(int id)
{
    const struct entity *entity = &model.entities[id], *referent = &model.entities[entity->referent];
    bool is_alive = referent->object != NULL && referent->life == entity->referent_life;
    REQUIRE(ouro_refcount((ouro_loan)&entity->context->head) == 1, "the context of %d", id);
    int got = get_weak(id);
    if (got != NONE) {
        drop(got);
    }
    if (entity->has_callback && !entity->was_lost) {
        bool may_be_called = !is_alive || referent->was_lost;
        REQUIRE(entity->n_calls == !is_alive || (may_be_called && entity->n_calls == 1),
                "%d was called %u times, %d %s", id, entity->n_calls, entity->referent,
                is_alive ? "lives" : "is dead");
    }
}

/* Have the collector hold no references: it has one to each object that a collection in slices has found and not let go of
 * yet.  A young one lets go of these first; but for each object that it looks at, one in slices goes on as well, which may
 * find more.  So it is repeated until there was none to look at. */
static void
have_found_let_go(void)
{
    ouro_gc_stats stats[OURO_GENERATIONS];
    uint64_t n_before;
    do {
        ouro_gc_get_stats(stats);
        n_before = stats[0].n_visited;
        ouro_gc_collect(0);
        ouro_gc_get_stats(stats);
    } while (stats[0].n_visited != n_before);
}

/* All counts follow from the references that are known. */
static void
check_counts(void)
{
    static uint32_t counts[MOST];
    have_found_let_go();
    memset(counts, 0, sizeof counts);
    for (int id = 0; id < MOST; id++) {
        const struct entity *entity = &model.entities[id];
        for (uint32_t i = 0; entity->object != NULL && i < entity->n_refs; i++) {
            int to = entity->refs[i];
            REQUIRE(thing_of(id)->refs[i] == (to != NONE ? model.entities[to].object : NULL),
                    "reference %u of %d is not %d", i, id, to);
            if (to != NONE) {
                counts[to]++;
            }
        }
    }
    for (int id = 0; id < MOST; id++) {
        const struct entity *entity = &model.entities[id];
        if (entity->object != NULL) {
            uint32_t count = ouro_refcount((ouro_loan)entity->object);
            REQUIRE(count == counts[id] + entity->n_held, "%d has %u references, not %u + %u", id,
                    count, counts[id], entity->n_held);
        }
        if (entity->object != NULL && entity->kind == WEAK) {
            check_weak(id);
        }
    }
}

static void
check_side_is_clean(void)
{
    collect(OURO_GENERATIONS - 1); /* ends one in slices */
    uintptr_t n = ouro__range_extent() >> 4;
    n = n < ouro__side.covered >> 4 ? n : ouro__side.covered >> 4;
    for (uintptr_t i = 0; i < n; i++) {
        REQUIRE(ouro__side.bytes[i] == 0, "byte %zu of the side table is %u", (size_t)i,
                ouro__side.bytes[i]);
    }
}

static void
check_collected(void)
{
    size_t n_collected = 0, n_seen = 0;

    model.is_settling = true;
    ouro_gc_unfreeze();
    model.is_frozen = false;
    collect(OURO_GENERATIONS - 1);
    model.is_settling = false;
    reach_all();
    for (int id = 0; id < MOST; id++) {
        const struct entity *entity = &model.entities[id];
        REQUIRE((entity->object != NULL) == entity->reached, "%d is %s", id,
                entity->reached ? "dead and reachable" : "alive and unreachable");
        n_collected += entity->object != NULL && entity->kind != LEAF;
    }
    check_counts();
    REQUIRE(ouro_gc_visit_objects(-1, count_object, &n_seen) == 0, "a visit ended early");
    REQUIRE(n_seen >= n_collected, "%zu of %zu objects were visited", n_seen, n_collected);
}

static void
freeze_or_unfreeze(void)
{
    if (model.is_frozen) {
        ouro_gc_unfreeze();
        model.is_frozen = false;
    } else {
        model.is_frozen = true;
        ouro_gc_freeze();
        forget_doomed(); /* a collection in slices passes by, too, from now on */
    }
}

/* ---- runs ---- */

static int
traverse_hand(ouro_loan self, ouro_visitor visit, void *context)
{
    const struct thing *thing = (struct thing *)ouro_look(self);
    int result = 0;
    for (size_t i = 0; i < 2 && result == 0; i++) {
        result = thing->refs[i] != NULL ? visit((ouro_loan)thing->refs[i], context) : 0;
    }
    return result;
}

static void
clear_hand(ouro_loan self)
{
    struct thing *thing = (struct thing *)ouro_look(self);
    ouro_clear(&thing->refs[1]);
    ouro_clear(&thing->refs[0]);
}

static void
make_types(void)
{
    static const ouro_field two[] = {OURO_FIELD(struct thing, refs[0]),
                                     OURO_FIELD(struct thing, refs[1])};
    static const ouro_field all = OURO_FIELD_ITEMS(struct thing, refs, n);
    ouro_type_spec pair = {.name = "pair",
                           .size = sizeof(struct thing) + sizeof(ouro_ref[2]),
                           .n_fields = 2,
                           .fields = two,
                           .dealloc = on_death};
    ouro_type_spec row = {.name = "row",
                          .size = sizeof(struct thing),
                          .item_size = sizeof(ouro_ref),
                          .n_fields = 1,
                          .fields = &all,
                          .dealloc = on_death};
    const ouro_type_spec hand = {.name = "hand",
                                 .size = pair.size,
                                 .traverse = traverse_hand,
                                 .clear = clear_hand,
                                 .dealloc = on_death};
    const ouro_type_spec leaf = {
        .name = "leaf", .size = sizeof(struct thing), .flags = OURO_TYPE_LEAF, .dealloc = on_death};

    types[PAIR] = type_for_good(&pair);
    types[ROW] = type_for_good(&row);
    types[HAND] = type_for_good(&hand);
    types[LEAF] = type_for_good(&leaf);
    pair.name = "final pair";
    pair.finalize = on_end;
    types[FINAL_PAIR] = type_for_good(&pair);
    row.name = "final row";
    row.finalize = on_end;
    types[FINAL_ROW] = type_for_good(&row);
}

static void
drop_everything(void)
{
    model.is_settling = true;
    for (size_t i = 0; i < N_ROOTS; i++) {
        int id = model.roots[i];
        model.roots[i] = NONE;
        if (id != NONE) {
            drop(id);
        }
    }
    check_collected();
    REQUIRE(model.n_free == MOST, "%zu things are left", MOST - model.n_free);
}

static void
run(uint64_t seed, uint64_t n_operations)
{
    uint64_t began = clock_ms();
    memset(&model, 0, sizeof model);
    model.random.state = seed;
    for (int id = 0; id < MOST; id++) {
        model.free[model.n_free++] = id;
    }
    for (size_t i = 0; i < N_ROOTS; i++) {
        model.roots[i] = NONE;
    }
    printf("seed %-10" PRIu64 " %9" PRIu64 " operations", seed, n_operations);
    fflush(stdout);
    for (uint64_t i = 0; i < n_operations; i++) {
        mutate();
        if (model.n_free < MOST / 10 && below(4) == 0) {
            for (int n = 0; n < N_ROOTS / 3; n++) {
                drop_root();
            }
            collect(OURO_GENERATIONS - 1);
        }
        uint64_t dice = below(16384);
        if (dice < 4) {
            change_thresholds();
        } else if (dice < 6) {
            freeze_or_unfreeze();
        } else if (dice < 22) {
            check_counts();
        } else if (dice < 38) {
            check_collected();
        } else if (dice == 38) {
            check_side_is_clean();
        }
    }
    drop_everything();
    check_side_is_clean();
    printf(": %" PRIu64 " made, %" PRIu64 " collections, %" PRIu64 " finalized, %" PRIu64
           " resurrected, %" PRIu64 " called, %" PRIu64 " forgotten, %" PRIu64 " ms\n",
           model.n_lives, model.n_collections, model.n_finalized, model.n_resurrected, model.n_called,
           model.n_forgotten, clock_ms() - began);
}

int
main(int argc, char **argv)
{
    static const uint64_t usual_seeds[] = {1, 2, 20260101};
    size_t n_seeds = argc > 1 ? (size_t)argc - 1 : sizeof usual_seeds / sizeof usual_seeds[0];
    uint64_t n = test_count("OURO_MODEL_OPS", 3000000) / n_seeds;

    REQUIRE(ouro_init(NULL) == OURO_OK, "no memory to begin with");
    make_types();
    REQUIRE(ouro_gc_add_callback(on_collection, NULL) == OURO_OK, "no place for a callback");
    for (size_t i = 0; i < n_seeds; i++) {
        run(argc > 1 ? strtoull(argv[i + 1], NULL, 10) : usual_seeds[i], n);
    }
    return 0;
}
