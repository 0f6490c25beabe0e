/* trial.c - trial deletion: which objects of a set hold only each other.
 *
 * One pass adds each object's count of references to its place in the side table, and takes one off for each
 * reference to it from an object of the set.  What is left counts references from outside, and from there all that can
 * be reached is marked.  Headers are read when their turn comes in the order of the walk; a referent costs a
 * look at two bytes of the table, one that is in no pool of collected objects not even that.
 *
 * Counts are taken modulo SIDE_COUNT + 1, since references may be met before the object they refer to.  Objects that
 * could have more than that (hubs) have their count in a hash table; without memory for that they are taken for
 * reachable.
 *
 * Reaching goes in the order of addresses, too, where the set is whole: a referent that the walk has still
 * before it only gets a count, which makes the walk stop there; one behind it goes on a stack.  When the stack is
 * full it also gets a count, and there is another walk.
 *
 * In a whole set references lead anywhere, and each look at the table would wait for memory.  So referents wait in a ring
 * instead, of as many as memory can bring at once, and so do objects whose references come next.
 *
 * @source  CPython Python/gc.c, update_refs(), subtract_refs(), move_unreachable(); Bacon and Rajan, "Concurrent
 *          cycle collection in reference counted systems" (2001) for trial deletion; Cher, Hosking and Vijaykumar, "Software
 *          prefetching for mark-sweep garbage collection" (2004) for the rings */
#include "gc/gc.h"

#define STACK_ITEMS 8192
#define LEAST_HUBS 512

#define RING_ITEMS 16

/* Objects whose turn comes when as many others have been put in behind them. */
struct ring {
    ouro_object *items[RING_ITEMS];
    size_t n_in, n_out; /* so far */
};

struct hub {
    const ouro_object *object; /* NULL: empty */
    int64_t count;
};

/* One thread at a time: the world stands still. */
static struct trial {
    bool is_whole;
    bool again; /* an object was put off to the next walk */
    uint32_t own;
    size_t n, n_reached;
    const void *at; /* where the walk is */
    size_t n_stack;
    ouro_object *stack[STACK_ITEMS];
    struct ring referents, visits; /* of a whole set */
    struct hub *hubs;
    size_t n_hubs, hubs_room; /* a power of two, or 0 */
    uint8_t *
        slots; /* of a whole set: which slots of the range have collected objects; NULL: look at the side table */
    size_t n_slots;
    struct chunk *holders; /* of a whole set: objects that may not have to be looked at any more */
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

/* Change the count of a hub, which is 0 in the beginning.  Without memory it is missing: see is_held_outside(). */
static void
add_to_hub(const ouro_object *object, int64_t count)
{
    if (hub_count(object) != NULL) {
        *hub_count(object) += count;
    } else if (trial.n_hubs < trial.hubs_room / 2 || grow_hubs()) {
        *find_hub(object) = (struct hub){object, count};
        trial.n_hubs++;
    }
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

/* ---- rings ---- */

/* Take out what has been there longest, or NULL. */
static inline ouro_object *
ring_take(struct ring *ring)
{
    return ring->n_out != ring->n_in ? ring->items[ring->n_out++ % RING_ITEMS] : NULL;
}

/* Put an object in; what has to make room for it, or NULL. */
static inline ouro_object *
ring_put(struct ring *ring, ouro_object *object)
{
    ouro_object *due = ring->n_in - ring->n_out == RING_ITEMS ? ring_take(ring) : NULL;
    ring->items[ring->n_in++ % RING_ITEMS] = object;
    return due;
}

/* ---- which slots ---- */

static void
map_slots(void)
{
    size_t n = ouro__range_extent() >> SLOT_SHIFT;
    uint8_t *slots = ouro__os_map(ouro__round_up(n, ouro__os_page_size()));

    trial.slots = slots;
    trial.n_slots = n;
    for (size_t i = 1; slots != NULL && i < n; i++) {
        slots[i] = ouro__heap_of(ouro__record_at((uintptr_t)i << SLOT_SHIFT)) == ouro__collected;
    }
}

static void
forget_slots(void)
{
    if (trial.slots != NULL) {
        ouro__os_unmap(trial.slots, ouro__round_up(trial.n_slots, ouro__os_page_size()));
    }
    trial.slots = NULL;
}

/* May the object be of the set? */
static inline bool
may_be_in(const ouro_object *object)
{
    uintptr_t at = (uintptr_t)object - ouro__range.base;
    if (trial.slots != NULL) {
        return at >> SLOT_SHIFT < trial.n_slots && trial.slots[at >> SLOT_SHIFT];
    }
    return ouro__side_covers(object);
}

/* ---- counting ---- */

static __attribute__((noreturn, cold)) void
complain_about(const ouro_object *object)
{
    ouro__die("object %p of type %s has fewer references counted (%lld) than there are: one was let go "
              "of twice, or "
              "never taken",
              (const void *)object, ouro__type(object)->name, (long long)ouro__count(object));
}

/* Add the object's count to what was taken off already. */
static inline void
enter(ouro_object *object, bool is_barren)
{
    int64_t count = ouro__count(object) - trial.own;
    uint8_t *at = ouro__side_at(object);
    uint16_t value = ouro__side_load(at);
    unsigned taken = -(unsigned)value & SIDE_COUNT;
    unsigned bits = SIDE_UNREACHED | (is_barren ? SIDE_BARREN : 0);

    trial.n++;
    if (OURO_UNLIKELY(count > SIDE_COUNT)) {
        add_to_hub(object, count - taken);
        ouro__side_store(at, (uint16_t)(bits | SIDE_HUB));
        return;
    }
    if (OURO_UNLIKELY(count < taken)) {
        complain_about(object);
    }
    ouro__side_store(at, (uint16_t)(bits | (unsigned)(count - taken)));
}

static inline void
take_off_now(ouro_object *referent, uint8_t *at, uint16_t value)
{
    if (OURO_LIKELY((value & (SIDE_COUNT | SIDE_IN)) != SIDE_IN)) {
        ouro__side_store(
            at, (uint16_t)(((unsigned)value & ~(unsigned)SIDE_COUNT) | ((value - 1U) & SIDE_COUNT)));
        if (OURO_UNLIKELY((value & (SIDE_COUNT | SIDE_IN)) ==
                          1)) { /* all round, before it was entered */
            add_to_hub(referent, -(SIDE_COUNT + 1));
        }
    } else if (value & SIDE_HUB) {
        if (hub_count(referent) != NULL) {
            --*hub_count(referent);
        }
    } else {
        complain_about(referent);
    }
}

static inline void
take_off_due(ouro_object *due)
{
    if (OURO_LIKELY(due != NULL)) {
        uint8_t *at = ouro__side_at(due);
        take_off_now(due, at, ouro__side_load(at));
    }
}

static inline int
take_off(ouro_object *referent, void *context)
{
    bool *is_barren = context;
    if (!may_be_in(referent)) {
        return 0;
    }
    uint8_t *at = ouro__side_at(referent);
    if (OURO_LIKELY(trial.is_whole)) {
        __builtin_prefetch(at, 1);
        *is_barren = false;
        take_off_due(ring_put(&trial.referents, referent));
        return 0;
    }
    uint16_t value = ouro__side_load(at);
    if (value & SIDE_LISTED) {
        *is_barren = false;
        take_off_now(referent, at, value);
    }
    return 0;
}

static int
take_off_loan(ouro_loan referent, void *context)
{
    return take_off(ouro_look(referent), context);
}

static void
count_from(void *block, void *context)
{
    ouro_object *object = block;

    (void)context;
    if (OURO_UNLIKELY(!ouro__gc_looks_at(object))) {
        trial.type_reached[object->type] = true; /* 0, too: nobody's */
        return;
    }
    struct ouro_type *type = ouro__type(object);
    bool is_barren = true;
    ouro__visit_fields(object, type, take_off, &is_barren);
    if (OURO_UNLIKELY(type->has_traverse)) {
        ouro__visit_functions(object, type, take_off_loan, &is_barren);
    }
    enter(object, is_barren);
    bool may_end =
        type->untracking == UNTRACKED_BY_ANY || (is_barren && type->untracking == UNTRACKED_BY_FULL);
    if (may_end && trial.is_whole) {
        (void)ouro__chunk_add(&trial.holders, object); /* without memory: another time */
    }
}

/* ---- reaching ---- */

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
        ouro__side_store(at, (uint16_t)(((unsigned)value & ~(unsigned)SIDE_COUNT) | 1));
    } else if (hub_count(object) != NULL) {
        *hub_count(object) = 1;
    }
}

static inline void
reach_now(ouro_object *referent)
{
    uint8_t *at = ouro__side_at(referent);
    uint16_t value = ouro__side_load(at);
    if ((value & SIDE_STATE) != SIDE_UNREACHED) {
        return;
    }
    if (value & SIDE_BARREN) {
        ouro__side_store(at, value | SIDE_REACHED);
        trial.n_reached++;
        return;
    }
    bool is_ahead = trial.is_whole && (const void *)referent > trial.at;
    if (is_ahead || trial.n_stack == STACK_ITEMS) {
        put_off(referent, at, value);
        trial.again |= !is_ahead;
    } else {
        ouro__side_store(at, value | SIDE_REACHED);
        trial.n_reached++;
        trial.stack[trial.n_stack++] = referent;
    }
}

static inline int
reach(ouro_object *referent, void *context)
{
    (void)context;
    if (!may_be_in(referent)) {
        return 0;
    }
    if (OURO_LIKELY(trial.is_whole)) {
        __builtin_prefetch(ouro__side_at(referent), 1);
        referent = ring_put(&trial.referents, referent);
    }
    if (OURO_LIKELY(referent != NULL)) {
        reach_now(referent);
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
    if (OURO_UNLIKELY(type->has_traverse)) {
        ouro__visit_functions(object, type, reach_loan, NULL);
    }
    if (!trial.type_reached[object->type]) {
        trial.type_reached[object->type] = true;
        reach(&type->head, NULL);
    }
}

/* Empty the ring of referents. */
static void
reach_waiting(void)
{
    for (ouro_object *due; (due = ring_take(&trial.referents)) != NULL;) {
        reach_now(due);
    }
}

/* The object on the stack whose turn it is, or NULL when there is none and nothing waits. */
static inline ouro_object *
next_to_visit(void)
{
    while (trial.n_stack != 0) {
        ouro_object *object = trial.stack[--trial.n_stack];
        if (trial.is_whole) {
            __builtin_prefetch(object);
            object = ring_put(&trial.visits, object);
        }
        if (OURO_LIKELY(object != NULL)) {
            return object;
        }
    }
    return ring_take(&trial.visits);
}

/* Reach all that can be reached from what is on the stack and in the rings. */
static void
reach_rest(void)
{
    do {
        for (ouro_object *object; (object = next_to_visit()) != NULL;) {
            reach_from(object);
        }
        reach_waiting();
    } while (trial.n_stack != 0);
}

static void
sweep(ouro_object *object, uint16_t value, void *context)
{
    (void)context;
    if (!is_held_outside(object, value)) {
        return;
    }
    ouro__side_store(ouro__side_at(object), value | SIDE_REACHED);
    trial.n_reached++;
    if (value & SIDE_BARREN) {
        return;
    }
    trial.at = object;
    reach_from(object);
    if (trial.n_stack !=
        0) { /* what waits may do so while the walk goes on: it looks like what is ahead */
        reach_rest();
    }
}

/* Reach the types that are known to have objects. */
static void
reach_types(void)
{
    trial.at = (const void *)UINTPTR_MAX;
    for (size_t i = 1, end = ouro__types_end(); i < end; i++) {
        if (trial.type_reached[i] && ouro__types[i] != NULL) {
            reach(&ouro__types[i]->head, NULL);
        }
    }
    reach_rest();
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
    if (!(ouro__side_load(ouro__side_at(object)) & SIDE_LISTED)) {
        trial.type_reached[object->type] = true;
    }
}

/* Is there a type that nothing reaches, of leaves or of others? */
static bool
has_trash_type(uint32_t leaf)
{
    for (size_t i = 1, end = ouro__types_end(); i < end; i++) {
        const struct ouro_type *type = ouro__types[i];
        if (type != NULL && (type->flags & OURO_TYPE_LEAF) == leaf && ouro__gc_is_trash(&type->head)) {
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
        ouro__gc_for_each_unreached(set, sweep, NULL);
        trial.at = (const void *)UINTPTR_MAX; /* nothing is ahead */
        reach_rest();
    } while (trial.again);
}

/* Barren objects were reached without a look at their types. */
static void
note_barren(void *block, void *context)
{
    const ouro_object *object = block;
    uint16_t value = ouro__side_load(ouro__side_at(object));
    (void)context;
    if (value & SIDE_REACHED && value & SIDE_BARREN) {
        trial.type_reached[object->type] = true;
    }
}

/* Reach types from their objects where nothing else does: which is rare, since programs hold their types. */
static void
reach_types_of_objects(const struct set *set)
{
    size_t n_before;

    do {
        n_before = trial.n_reached;
        if (trial.n_reached < trial.n && has_trash_type(0)) {
            ouro__gc_for_each(set, note_barren, NULL);
            reach_types();
            reach_all(set);
        }
        /* Leaves are not of the set: they are looked for apart. */
        if (trial.n_reached < trial.n && has_trash_type(OURO_TYPE_LEAF)) {
            ouro__walk_still(ouro__leaves, OURO_DOMAIN_OBJECT, note_type, NULL);
            reach_types();
            reach_all(set);
        }
    } while (trial.n_reached != n_before);
}

/* ---- legacy finalizers ---- */

/* Without memory for the list it stays alive all the same, and is found again. */
static void
note_legacy(ouro_object *object, uint16_t value, void *context)
{
    if (ouro__type(object)->flags & OURO_TYPE_LEGACY_FINALIZER) {
        (void)ouro__chunk_add(context, object);
        put_off(object, ouro__side_at(object), value);
    }
}

/* Have what is unreached and has a legacy finalizer look held from outside, and reach from there.  @source CPython
 * Python/gc.c, move_legacy_finalizers(), move_legacy_finalizer_reachable() */
static struct chunk *
keep_legacy(const struct set *set)
{
    struct chunk *list = NULL;

    ouro__gc_for_each_unreached(set, note_legacy, &list);
    reach_all(set);
    return list;
}

/* ---- what needn't be looked at any more ---- */

static int
may_be_in_cycle(ouro_object *referent, void *context)
{
    (void)context;
    return ouro__may_be_in_cycle(referent);
}

void
ouro__gc_untrack(ouro_object *object)
{
    if (ouro__visit_fields(object, ouro__type(object), may_be_in_cycle, NULL) == 0) {
        object->flags = (uint8_t)((object->flags & ~(unsigned)OBJECT_GENERATION) | GENERATION_OLD |
                                  OBJECT_UNTRACKED);
    }
}

static void
untrack_holders(void)
{
    for (struct chunk *chunk = trial.holders; chunk != NULL; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->n; i++) {
            if (!ouro__gc_is_trash(chunk->items[i])) {
                ouro__gc_untrack(chunk->items[i]);
            }
        }
    }
    ouro__chunks_give(trial.holders);
    trial.holders = NULL;
}

struct ouro__gc_found
ouro__gc_try(const struct set *set, uint32_t own)
{
    trial.is_whole = set->is_whole;
    trial.own = own;
    trial.n = trial.n_reached = 0;
    if (set->is_whole || set->has_types) { /* otherwise no type is of the set */
        memset(trial.type_reached, 0, sizeof trial.type_reached);
    }
    if (set->is_whole) {
        map_slots();
    }
    ouro__gc_for_each(set, count_from, NULL);
    for (ouro_object *due; (due = ring_take(&trial.referents)) != NULL;) {
        take_off_due(due);
    }
    if (set->has_types) {
        ouro__walk_still(ouro__collected, OURO_DOMAIN_OBJECT, note_outsider, NULL);
    }
    if (set->is_whole || set->has_types) {
        reach_types();
    }
    reach_all(set);
    if (set->is_whole || set->has_types) {
        reach_types_of_objects(set);
    }
    size_t n_reached = trial.n_reached;
    struct chunk *legacy = NULL;
    if (__atomic_load_n(&ouro__has_legacy_types, __ATOMIC_RELAXED) && n_reached < trial.n) {
        legacy = keep_legacy(set);
    }
    untrack_holders();
    forget_hubs();
    forget_slots();
    return (struct ouro__gc_found){trial.n, trial.n - trial.n_reached, legacy,
                                   trial.n_reached - n_reached};
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
    for (size_t i = 1, end = ouro__types_end(); i < end; i++) {
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
