/* trial.c - trial deletion: which objects of a set hold only each other.
 *
 * Each object's count of references goes into the side table (enter); then each reference from one object of the
 * set to another is taken off the other's (subtract).  What is left counts references from outside, and from
 * there all that can be reached is marked (reach).  Headers are read when their turn comes in the order of the
 * walk; a referent costs a look at two bytes of the table.
 *
 * Reaching goes in the order of addresses, too, where the set is whole: a referent that the walk has still
 * before it only gets a count, which makes the walk stop there; one behind it goes on a stack.  When the stack is
 * full it also gets a count, and there is another walk.
 *
 * Objects with more references than the table can count (hubs) have their count in a hash table.  Without memory for
 * that they are taken for reachable.
 *
 * @source  CPython Python/gc.c, update_refs(), subtract_refs(), move_unreachable(); Bacon and Rajan, "Concurrent
 *          cycle collection in reference counted systems" (2001) for trial deletion */
#include "gc/gc.h"

#define STACK_ITEMS 8192
#define LEAST_HUBS 512

struct hub {
    const ouro_object *object; /* NULL: empty */
    int64_t count;
};

/* One thread at a time: the world stands still. */
static struct trial {
    bool is_whole;
    bool again; /* an object was put off to the next walk */
    uint32_t own;
    size_t n;
    const void *at; /* where the walk is */
    size_t n_stack;
    ouro_object *stack[STACK_ITEMS];
    struct hub *hubs;
    size_t n_hubs, hubs_room; /* a power of two, or 0 */
    uint8_t type_reached[MAX_TYPES];
} trial;

/* ---- hubs ---- */

static struct hub *
find_hub(const ouro_object *object)
{
    size_t mask = trial.hubs_room - 1, at = ((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15U >> 40 & mask;
    while (trial.hubs[at].object != NULL && trial.hubs[at].object != object) {
        at = (at + 1) & mask;
    }
    return &trial.hubs[at];
}

static bool
grow_hubs(void)
{
    struct hub *before = trial.hubs;
    size_t room_before = trial.hubs_room, room = room_before == 0 ? LEAST_HUBS : room_before * 2;
    struct hub *hubs = ouro__os_map(ouro__round_up(room * sizeof *hubs, ouro__os_page_size()));

    if (hubs == NULL) {
        return false;
    }
    trial.hubs = hubs;
    trial.hubs_room = room;
    for (size_t i = 0; i < room_before; i++) {
        if (before[i].object != NULL) {
            *find_hub(before[i].object) = before[i];
        }
    }
    if (before != NULL) {
        ouro__os_unmap(before, ouro__round_up(room_before * sizeof *before, ouro__os_page_size()));
    }
    return true;
}

/* The object's count, or NULL when it has no place in the table. */
static int64_t *
hub_count(const ouro_object *object)
{
    struct hub *hub = trial.hubs_room != 0 ? find_hub(object) : NULL;
    return hub != NULL && hub->object == object ? &hub->count : NULL;
}

static void
add_hub(const ouro_object *object, int64_t count)
{
    if (trial.n_hubs >= trial.hubs_room / 2 && !grow_hubs()) {
        return;
    }
    *find_hub(object) = (struct hub){object, count};
    trial.n_hubs++;
}

static void
forget_hubs(void)
{
    if (trial.hubs != NULL) {
        ouro__os_unmap(trial.hubs,
                       ouro__round_up(trial.hubs_room * sizeof *trial.hubs, ouro__os_page_size()));
    }
    trial.hubs = NULL;
    trial.n_hubs = trial.hubs_room = 0;
}

/* ---- the passes ---- */

static void
enter(void *block, void *context)
{
    ouro_object *object = block;

    (void)context;
    if (!ouro__gc_looks_at(object)) {
        trial.type_reached[object->type] = true;
        return;
    }
    int64_t count = ouro__count(object) - trial.own;
    uint16_t value = SIDE_IN;
    if (OURO_UNLIKELY(count >= SIDE_COUNT)) {
        value |= SIDE_HUB;
        add_hub(object, count);
    } else {
        value |= (uint16_t)count;
    }
    ouro__side_store(ouro__side_at(object), value);
    trial.n++;
}

static __attribute__((noreturn, cold)) void
complain_about(const ouro_object *object)
{
    ouro__die("object %p of type %s has fewer references counted (%lld) than there are: one was let go "
              "of twice, or "
              "never taken",
              (const void *)object, ouro__type(object)->name, (long long)ouro__count(object));
}

static int
take_off(ouro_object *referent, void *context)
{
    (void)context;
    if (!ouro__side_covers(referent)) {
        return 0;
    }
    uint8_t *at = ouro__side_at(referent);
    uint16_t value = ouro__side_load(at);
    if (!(value & SIDE_IN)) {
        return 0;
    }
    if (OURO_UNLIKELY(value & SIDE_HUB)) {
        int64_t *count = hub_count(referent);
        if (count != NULL) {
            --*count;
        }
        return 0;
    }
    if (OURO_UNLIKELY((value & SIDE_COUNT) == 0)) {
        complain_about(referent);
    }
    ouro__side_store(at, (uint16_t)(value - 1));
    return 0;
}

static int
take_off_loan(ouro_loan referent, void *context)
{
    return take_off(ouro_look(referent), context);
}

static void
subtract(void *block, void *context)
{
    ouro_object *object = block;

    if (!(ouro__side_load(ouro__side_at(object)) & SIDE_IN)) {
        return;
    }
    struct ouro_type *type = ouro__type(object);
    ouro__visit_fields(object, type, take_off, context);
    if (OURO_UNLIKELY(type->has_functions)) {
        ouro__visit_functions(object, type, take_off_loan, context);
    }
}

static bool
is_held_outside(const ouro_object *object, uint16_t value)
{
    if (OURO_LIKELY(!(value & SIDE_HUB))) {
        return (value & SIDE_COUNT) != 0;
    }
    const int64_t *count = hub_count(object);
    return count == NULL || *count > 0;
}

/* Leave an object to a walk: it looks held from outside. */
static void
put_off(ouro_object *object, uint8_t *at, uint16_t value)
{
    if (!(value & SIDE_HUB)) {
        ouro__side_store(at, (uint16_t)((value & ~SIDE_COUNT) | 1));
    } else if (hub_count(object) != NULL) {
        *hub_count(object) = 1;
    }
}

static int
reach(ouro_object *referent, void *context)
{
    (void)context;
    if (!ouro__side_covers(referent)) {
        return 0;
    }
    uint8_t *at = ouro__side_at(referent);
    uint16_t value = ouro__side_load(at);
    if ((value & (SIDE_IN | SIDE_REACHED)) != SIDE_IN) {
        return 0;
    }
    bool is_ahead = trial.is_whole && (const void *)referent > trial.at;
    if (is_ahead || trial.n_stack == STACK_ITEMS) {
        put_off(referent, at, value);
        trial.again |= !is_ahead;
    } else {
        ouro__side_store(at, value | SIDE_REACHED);
        trial.stack[trial.n_stack++] = referent;
    }
    return 0;
}

static int
reach_loan(ouro_loan referent, void *context)
{
    return reach(ouro_look(referent), context);
}

static void
reach_from(ouro_object *object)
{
    struct ouro_type *type = ouro__type(object);

    ouro__visit_fields(object, type, reach, NULL);
    if (OURO_UNLIKELY(type->has_functions)) {
        ouro__visit_functions(object, type, reach_loan, NULL);
    }
    if (!trial.type_reached[object->type]) {
        trial.type_reached[object->type] = true;
        reach(&type->head, NULL);
    }
}

static void
sweep(void *block, void *context)
{
    ouro_object *object = block;
    uint8_t *at = ouro__side_at(object);
    uint16_t value = ouro__side_load(at);

    (void)context;
    if ((value & (SIDE_IN | SIDE_REACHED)) != SIDE_IN || !is_held_outside(object, value)) {
        return;
    }
    trial.at = object;
    ouro__side_store(at, value | SIDE_REACHED);
    reach_from(object);
    while (trial.n_stack != 0) {
        reach_from(trial.stack[--trial.n_stack]);
    }
}

/* Reach the types that are known to have objects. */
static void
reach_types(void)
{
    trial.at = (const void *)UINTPTR_MAX;
    for (size_t i = 1; i < MAX_TYPES; i++) {
        if (trial.type_reached[i] && ouro__types[i] != NULL) {
            reach(&ouro__types[i]->head, NULL);
        }
    }
    while (trial.n_stack != 0) {
        reach_from(trial.stack[--trial.n_stack]);
    }
}

static void
note_type(void *block, void *context)
{
    (void)context;
    trial.type_reached[((const ouro_object *)block)->type] = true;
}

static void
note_outsider(void *block, void *context)
{
    const ouro_object *object = block;
    (void)context;
    if (!(ouro__side_load(ouro__side_at(object)) & SIDE_IN)) {
        trial.type_reached[object->type] = true;
    }
}

/* Is there a type of leaves that nothing reaches?  Their objects are not of the set: look for them apart. */
static bool
has_trash_leaf_type(void)
{
    for (size_t i = 1; i < MAX_TYPES; i++) {
        const struct ouro_type *type = ouro__types[i];
        if (type != NULL && type->flags & OURO_TYPE_LEAF && ouro__gc_is_trash(&type->head)) {
            return true;
        }
    }
    return false;
}

static void
reach_all(const struct set *set)
{
    do {
        trial.again = false;
        ouro__gc_for_each(set, sweep, NULL);
    } while (trial.again);
}

size_t
ouro__gc_try(const struct set *set, uint32_t own)
{
    trial.is_whole = set->is_whole;
    trial.own = own;
    trial.n = 0;
    memset(trial.type_reached, 0, sizeof trial.type_reached);
    ouro__gc_for_each(set, enter, NULL);
    ouro__gc_for_each(set, subtract, NULL);
    if (set->has_types) {
        ouro__walk_still(ouro__collected, OURO_DOMAIN_OBJECT, note_outsider, NULL);
    }
    if (set->is_whole || set->has_types) {
        reach_types();
    }
    reach_all(set);
    if ((set->is_whole || set->has_types) && has_trash_leaf_type()) {
        ouro__walk_still(ouro__leaves, OURO_DOMAIN_OBJECT, note_type, NULL);
        reach_types();
        reach_all(set);
    }
    forget_hubs();
    return trial.n;
}

/* ---- types ---- */

void
ouro__gc_find_used_types(bool has_leaves)
{
    memset(trial.type_reached, 0, sizeof trial.type_reached);
    ouro__walk_still(ouro__collected, OURO_DOMAIN_OBJECT, note_type, NULL);
    if (has_leaves) {
        ouro__walk_still(ouro__leaves, OURO_DOMAIN_OBJECT, note_type, NULL);
    }
    for (size_t i = 1; i < MAX_TYPES; i++) {
        const struct ouro_type *each = trial.type_reached[i] ? ouro__types[i] : NULL;
        for (; each != NULL; each = (const struct ouro_type *)each->base) {
            trial.type_reached[each->index] = true;
        }
    }
}

bool
ouro__gc_is_used(const struct ouro_type *type)
{
    return trial.type_reached[type->index] != 0;
}
