/* graph_checks.c - what must hold of a graph. */
#include <string.h>

#include "graph.h"
#include "object/side.h"
#include "require.h"

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

void
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
    xdrop(got);
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

void
check_counts(void)
{
    static uint32_t counts[MOST];
    have_found_let_go();
    memset(counts, 0, sizeof counts);
    for (int id = 0; id < MOST; id++) {
        const struct entity *entity = &model.entities[id];
        for (uint32_t i = 0; entity->object != NULL && i < entity->n_refs; i++) {
            int to = entity->refs[i];
            REQUIRE(thing_at(id)->refs[i] == (to != NONE ? model.entities[to].object : NULL),
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

void
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

void
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
