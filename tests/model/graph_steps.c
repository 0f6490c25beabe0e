/* graph_steps.c - operations on a graph, and the finalizers and callbacks that do the same: make, link, drop, resurrect,
 * collect. */
#include "graph.h"
#include "object/object.h"
#include "require.h"

enum { CHAIN = 200 }; /* longer than destructions nest */

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

ouro_status
on_weak(ouro_loan weakref, ouro_loan context)
{
    int id = (int)thing_of(context)->number;
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
    int holder = below(2) == 0 ? pick() : NONE;
    model.n_resurrected++;
    hold(id);
    put_into(holder, id);
}

ouro_status
on_end(ouro_loan object)
{
    int id = (int)thing_of(object)->number;
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
void
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
    int id = make_thing(choose_kind());
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
    put_into(below(3) == 0 ? pick() : NONE, id);
}

/* Nested deeply; sometimes the end is tied to the beginning. */
static void
make_chain(void)
{
    int first = make_thing(PAIR), last = first;
    if (first == NONE) {
        return;
    }
    hold(first);
    for (int i = 0; i < CHAIN; i++) {
        int id = make_thing(below(20) == 0 ? FINAL_PAIR : PAIR);
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
            ouro_ref object = thing_at(a)->refs[i];
            from->refs[i] = from->refs[j];
            from->refs[j] = id;
            thing_at(a)->refs[i] = thing_at(a)->refs[j];
            thing_at(a)->refs[j] = object;
            break;
        }
        case 1:
            set_ref(a, i, NONE);
            break;
        default:
            set_ref(a, i, b);
        }
    }
    xdrop(a);
    xdrop(b);
}

static void
make_weak_somewhere(void)
{
    int referent = pick();
    if (referent == NONE) {
        return;
    }
    int weak = make_weak(referent, below(2) == 0), holder = pick();
    if (weak != NONE) {
        put_into(holder, weak);
    } else {
        xdrop(holder);
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
    xdrop(weak);
}

void
drop_root(size_t i)
{
    int id = model.roots[i];
    model.roots[i] = NONE;
    xdrop(id);
}

void
change_thresholds(void)
{
    const uint32_t threshold[OURO_GENERATIONS] = {(uint32_t)random_between_log(&model.random, 1, 4000),
                                                  (uint32_t)below(6), (uint32_t)below(4)};
    ouro_gc_set_threshold(threshold);
}

void
mutate(void)
{
    uint64_t dice = below(1000);
    if (dice < 320) {
        make_something();
    } else if (dice < 640) {
        link_or_swap();
    } else if (dice < 760) {
        drop_root(below(N_ROOTS));
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
void
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
