/* look.c - all objects, for who wants to see them, and freezing them. */
#include "gc/gc.h"

static const struct set everything = {.is_whole = true};

struct look {
    int generation; /* -1: all three */
    ouro_visitor visit;
    void *context;
    int result;
    const ouro_object *wanted; /* whose referrers are looked for */
};

static void
look_at(void *block, void *context)
{
    struct look *look = context;
    ouro_object *object = block;

    if (look->result == 0 && ouro__gc_looks_at(object) &&
        (look->generation < 0 || (object->flags & OBJECT_GENERATION) == look->generation)) {
        look->result = look->visit((ouro_loan)object, look->context);
    }
}

int
ouro_gc_visit_objects(int generation, ouro_visitor visit, void *context)
{
    struct look look = {.generation = generation, .visit = visit, .context = context};

    if (generation < -1 || generation >= OURO_GENERATIONS) {
        return OURO_WRONG_VALUE;
    }
    ouro__world_stop();
    ouro__gc_for_each(&everything, look_at, &look);
    ouro__world_start();
    return look.result;
}

static int
is_wanted(ouro_loan referent, void *context)
{
    return ouro_look(referent) == context;
}

static int
visit_if_referrer(ouro_loan object, void *context)
{
    const struct look *look = context;
    int refers = ouro_traverse(object, is_wanted, (void *)(uintptr_t)look->wanted);
    return refers ? look->visit(object, look->context) : 0;
}

int
ouro_gc_visit_referrers(ouro_loan object, ouro_visitor visit, void *context)
{
    struct look look = {.visit = visit, .context = context, .wanted = ouro_look(object)};
    return ouro_gc_visit_objects(-1, visit_if_referrer, &look);
}

int
ouro_gc_visit_referents(const ouro_loan *objects, size_t n_objects, ouro_visitor visit, void *context)
{
    int result = 0;

    ouro__world_stop();
    for (size_t i = 0; i < n_objects && result == 0; i++) {
        result = ouro_traverse(objects[i], visit, context);
    }
    ouro__world_start();
    return result;
}

/* ---- freezing ---- */

static void
freeze(void *block, void *context)
{
    ouro_object *object = block;
    if (ouro__gc_looks_at(object)) {
        object->flags |= GENERATION_FROZEN;
        ++*(size_t *)context;
    }
}

static void
unfreeze(void *block, void *context)
{
    ouro_object *object = block;
    (void)context;
    if (object->type != 0 && (object->flags & OBJECT_GENERATION) == GENERATION_FROZEN) {
        object->flags = (uint8_t)((object->flags & ~OBJECT_GENERATION) | GENERATION_OLD);
    }
}

static void
count_frozen(void *block, void *context)
{
    const ouro_object *object = block;
    *(size_t *)context +=
        object->type != 0 && (object->flags & (OBJECT_GENERATION | OBJECT_DYING)) == GENERATION_FROZEN;
}

/* Call `visit` for everything while the world stands still; what it counts. */
static size_t
over_everything(void (*visit)(void *object, void *context))
{
    size_t n = 0;
    ouro__world_stop();
    ouro__gc_for_each(&everything, visit, &n);
    ouro__world_start();
    return n;
}

void
ouro_gc_freeze(void)
{
    over_everything(freeze);
}

void
ouro_gc_unfreeze(void)
{
    over_everything(unfreeze);
}

size_t
ouro_gc_freeze_count(void)
{
    return over_everything(count_frozen);
}
