/* graph_known.c - things and what is known of them, changed together. */
#include "graph.h"

#include "require.h"

struct model model;

void
hold(int id)
{
    model.entities[id].n_held++;
    ouro_incref((ouro_loan)model.entities[id].object);
}

void
drop(int id)
{
    REQUIRE(model.entities[id].object != NULL && model.entities[id].n_held > 0, "%d is not held", id);
    ouro_object *object = model.entities[id].object;
    model.entities[id].n_held--;
    ouro_decref(object);
}

void
xdrop(int id)
{
    if (id != NONE) {
        drop(id);
    }
}

void
set_ref(int from, size_t i, int to)
{
    ouro_ref object = to != NONE ? ouro_incref((ouro_loan)model.entities[to].object) : NULL;
    model.entities[from].refs[i] = to;
    ouro_assign(&thing_at(from)->refs[i], object);
}

void
put_root(int id)
{
    size_t i = below(N_ROOTS);
    int before = model.roots[i];
    model.roots[i] = id;
    xdrop(before);
}

void
put_into(int holder, int id)
{
    if (holder != NONE && model.entities[holder].n_refs != 0) {
        set_ref(holder, below(model.entities[holder].n_refs), id);
        drop(id);
    } else {
        put_root(id);
    }
    xdrop(holder);
}

int
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

int
make_thing(enum kind kind)
{
    if (model.n_free == 0) {
        return NONE;
    }
    int id = model.free[--model.n_free];
    struct thing *thing = thing_new(kind, MOST_REFS, &model.random);
    thing->number = (uint64_t)id;
    thing->life = ++model.n_lives;
    struct entity *entity = &model.entities[id];
    *entity = (struct entity){.object = &thing->head,
                              .kind = kind,
                              .life = thing->life,
                              .n_held = 1,
                              .n_refs = (uint32_t)thing->n,
                              .referent = NONE,
                              .plain_weak = NONE};
    for (size_t i = 0; i < MOST_REFS; i++) {
        entity->refs[i] = NONE;
    }
    return id;
}

void
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

int
make_weak(int referent, bool has_callback)
{
    int id = make_thing(LEAF);
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

void
on_death(ouro_loan object)
{
    struct thing *thing = thing_of(object);
    int id = (int)thing->number;
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

int
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

void
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

void
note_lost(void)
{
    reach_all();
    for (int id = 0; id < MOST; id++) {
        struct entity *entity = &model.entities[id];
        entity->was_lost |= entity->object != NULL && !entity->reached;
    }
}
