/* trial.c - trial deletion: which objects of a set hold only each other.
 *
 * One pass adds each object's count of references to its place in the side table, and takes one off for each
 * reference to it from an object of the set.  What is left counts references from outside, and from there all that can
 * be reached is marked.  Headers are read when their turn comes in the order of the walk; a referent costs a
 * look at two bytes of the table, one that is in no pool of collected objects not even that.
 *
 * Counts may be below zero meanwhile, since references may be met before the object they refer to.  Of objects that have
 * more than SIDE_COUNT_MOST (hubs), a hash table has the rest; without memory for that they are taken for reachable.
 *
 * Reaching goes in the order of addresses, too, where the set is whole: a referent that the walk has still
 * before it only gets a count, which makes the walk stop there; one behind it goes on a stack.  When the stack is
 * full it also gets a count, and there is another walk.
 *
 * Often nothing has to be reached at all: see SIDE_PROOFS, for a whole set.  A list of objects that refer to none of the
 * list has no garbage, either.
 *
 * In a whole set references lead anywhere, and each look at the table would wait for memory.  So referents wait
 * instead until there are as many as memory can bring at once, and so do objects whose references come next.
 *
 * @source  CPython Python/gc.c, update_refs(), subtract_refs(), move_unreachable(); Bacon and Rajan, "Concurrent
 *          cycle collection in reference counted systems" (2001) for trial deletion; Cher, Hosking and Vijaykumar, "Software
 *          prefetching for mark-sweep garbage collection" (2004) for waiting */
#include "gc/gc.h"

#define STACK_ITEMS 8192
#define LEAST_HUBS 512

#define WAITING 64 /* referents */
#define FEW 16     /* objects from the stack */

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
    size_t n_waiting;
    ouro_object *waiting[WAITING]; /* referents */
    uintptr_t offsets[WAITING];    /* where they are in the range, and SIDE_PROOFS */
    struct hub *hubs;
    size_t n_hubs, hubs_room; /* a power of two, or 0 */
    const uint8_t *slots;     /* of a whole set: which slots of the range have collected objects */
    uintptr_t extent;         /* of the range */
    struct chunk *holders;    /* of a whole set: objects that may not have to be looked at any more */
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
static __attribute__((noinline)) void
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

/* ---- which slots ---- */

static void
note_slots(bool is_whole)
{
    uint8_t *slots = ouro__side_slots();

    trial.slots = slots;
    trial.extent = ouro__range_extent();
    for (size_t i = 1; is_whole && i < trial.extent >> SLOT_SHIFT; i++) {
        slots[i] = ouro__heap_of(ouro__record_at((uintptr_t)i << SLOT_SHIFT)) == ouro__collected;
    }
}

/* May the object be of the set? */
static inline bool
may_be_in_whole(const ouro_object *object)
{
    uintptr_t offset = (uintptr_t)object - ouro__range.base;
    return offset < trial.extent && trial.slots[offset >> SLOT_SHIFT];
}

static inline bool
may_be_in(const ouro_object *object)
{
    return trial.is_whole ? may_be_in_whole(object) : ouro__side_covers(object);
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

/* Of a count that the place has no room for, or that cannot be, what the place has instead. */
static __attribute__((noinline, cold)) uint16_t
enter_hub(const ouro_object *object, int64_t value)
{
    if (value < 0) {
        complain_about(object);
    }
    add_to_hub(object, value / SIDE_ONE);
    return (uint16_t)(value % SIDE_ONE | SIDE_HUB);
}

/* Add the object's count to what was taken off already. */
static inline void
enter(const ouro_object *object, uint32_t own, bool is_barren)
{
    uint8_t *at = ouro__side_at(object);
    unsigned bits = SIDE_UNREACHED | (is_barren ? SIDE_BARREN : 0);
    int64_t value = ((int16_t)ouro__side_load(at) | (int)bits) + (ouro__count(object) - own) * SIDE_ONE;

    if (OURO_UNLIKELY((uint64_t)value > INT16_MAX)) { /* also when what was taken off went all round */
        value = enter_hub(object, value);
    }
    ouro__side_store(at, (uint16_t)value);
}

/* The count at a place went all round. */
static __attribute__((noinline, cold)) void
take_off_wrapped(const uint8_t *at, uint16_t value)
{
    ouro_object *object = ouro__side_object(at);
    if (!(value & SIDE_IN) || hub_count(object) != NULL) {
        add_to_hub(object, -SIDE_COUNT_WRAPS);
    }
}

static inline void
take_off_at(uint8_t *at, uint16_t value)
{
    int16_t left;
    if (OURO_UNLIKELY(__builtin_sub_overflow((int16_t)value, SIDE_ONE, &left))) {
        take_off_wrapped(at, value);
    }
    ouro__side_store(at, (uint16_t)left);
}

/* Take one off for each referent that waits. */
static __attribute__((noinline)) void
take_off_waiting(size_t n)
{
    uint8_t *bytes = ouro__side.bytes;

#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++) {
        uint8_t *at = bytes + (trial.offsets[i] >> 4);
        take_off_at(at, ouro__side_load(at) | (trial.offsets[i] & SIDE_PROOFS));
    }
}

/* An object whose references are counted. */
struct counting {
    const ouro_object *from;
    bool is_barren;
};

/* Have the referents among `n` references wait; each may be NULL, which is outside. */
static inline int
take_off_row(ouro_object *const *refs, size_t n, void *context)
{
    size_t n_waiting = trial.n_waiting;
    struct counting *counting = context;
    const ouro_object *from = counting->from;
    bool has_referents = false;

    for (size_t i = 0; i < n; i++) {
        if (may_be_in_whole(refs[i])) {
            uint8_t *at = ouro__side_at(refs[i]);
            __builtin_prefetch(at, 1);
            has_referents = true;
            trial.offsets[n_waiting++] =
                ((uintptr_t)refs[i] - ouro__range.base) | ouro__gc_side_of(refs[i], from);
            if (OURO_UNLIKELY(n_waiting == WAITING)) {
                take_off_waiting(n_waiting);
                n_waiting = 0;
            }
        }
    }
    trial.n_waiting = n_waiting;
    counting->is_barren &= !has_referents;
    return 0;
}

static inline int
take_off_listed(ouro_object *referent, void *context)
{
    if (ouro__side_covers(referent)) {
        uint8_t *at = ouro__side_at(referent);
        uint16_t value = ouro__side_load(at);
        if (value & SIDE_LISTED) {
            ((struct counting *)context)->is_barren = false;
            take_off_at(at, value);
        }
    }
    return 0;
}

static int
take_off_loan(ouro_loan loan, void *context)
{
    ouro_object *referent = ouro_look(loan);
    return trial.is_whole ? take_off_row(&referent, 1, context) : take_off_listed(referent, context);
}

/* What the type's functions visit; whether none of it may be of the set. */
static __attribute__((noinline)) bool
count_from_functions(ouro_object *object, struct ouro_type *type)
{
    struct counting counting = {object, true};
    ouro__visit_functions(object, type, take_off_loan, &counting);
    return counting.is_barren;
}

/* So far. */
struct counted {
    size_t n;
    bool all_barren; /* no object of the set refers to one */
};

static inline __attribute__((always_inline)) void
count_from(ouro_object *object, bool is_whole, struct counted *counted)
{
    if (OURO_UNLIKELY(!ouro__gc_looks_at(object))) {
        trial.type_reached[object->type] = true; /* 0, too: nobody's */
        return;
    }
    struct ouro_type *type = ouro__type(object);
    struct counting counting = {object, true};
    if (is_whole) {
        ouro__visit_rows(object, type, take_off_row, &counting);
    } else {
        ouro__visit_fields(object, type, take_off_listed, &counting);
    }
    if (OURO_UNLIKELY(type->has_traverse)) {
        counting.is_barren &= count_from_functions(object, type);
    }
    enter(object, is_whole ? 0 : trial.own, counting.is_barren);
    counted->n++;
    counted->all_barren &= counting.is_barren;
    if (is_whole && type->untracking != UNTRACKED_NEVER &&
        (type->untracking == UNTRACKED_BY_ANY || counting.is_barren)) {
        (void)ouro__chunk_add(&trial.holders, object); /* without memory: another time */
    }
}

static inline __attribute__((always_inline)) void
count_from_whole(void *block, void *context)
{
    count_from(block, true, context);
}

static inline __attribute__((always_inline)) void
count_from_listed(void *block, void *context)
{
    count_from(block, false, context);
}

/* On their own, these loops have the registers that they need: they are where the time goes. */
static __attribute__((noinline, flatten)) struct counted
count_whole(const struct set *set)
{
    struct counted counted = {0, true};
    ouro__gc_for_each(set, count_from_whole, &counted);
    take_off_waiting(trial.n_waiting);
    trial.n_waiting = 0;
    return counted;
}

static __attribute__((noinline, flatten)) struct counted
count_listed(const struct set *set)
{
    struct counted counted = {0, true};
    ouro__gc_for_each(set, count_from_listed, &counted);
    return counted;
}

/* ---- reaching ---- */

static bool
is_held_outside(const ouro_object *object, uint16_t value)
{
    if (OURO_LIKELY(!(value & SIDE_HUB))) {
        return (value & SIDE_COUNT) != 0;
    }
    const int64_t *count = hub_count(object);
    return count == NULL || *count + ouro__gc_side_count(value) > 0;
}

static inline void
check(const ouro_object *object, uint16_t value)
{
    if (OURO_UNLIKELY((int16_t)value < 0 && !(value & SIDE_HUB))) {
        complain_about(object);
    }
}

/* Leave an object to a walk: it looks held from outside. */
static void
put_off(ouro_object *object, uint8_t *at, uint16_t value)
{
    if (!(value & SIDE_HUB)) {
        ouro__side_store(at, (uint16_t)((value & ~(unsigned)SIDE_COUNT) | SIDE_ONE));
    } else if (hub_count(object) != NULL) {
        *hub_count(object) = SIDE_COUNT_WRAPS;
    }
}

static inline void
note_reached(uint8_t *at, uint16_t value)
{
    ouro__side_store(at, value | SIDE_REACHED);
    trial.n_reached++;
}

static inline void
reach_now(ouro_object *referent)
{
    uint8_t *at = ouro__side_at(referent);
    uint16_t value = ouro__side_load(at);
    if ((value & SIDE_STATE) != SIDE_UNREACHED) {
        return;
    }
    check(referent, value);
    bool is_ahead = trial.is_whole && (const void *)referent > trial.at;
    if (value & SIDE_BARREN) {
        note_reached(at, value);
    } else if (is_ahead || trial.n_stack == STACK_ITEMS) {
        put_off(referent, at, value);
        trial.again |= !is_ahead;
    } else {
        note_reached(at, value);
        trial.stack[trial.n_stack++] = referent;
    }
}

/* Reach the referents that wait. */
static __attribute__((noinline)) void
reach_waiting(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        reach_now(trial.waiting[i]);
    }
}

static inline int
reach_row(ouro_object *const *refs, size_t n, void *context)
{
    size_t n_waiting = trial.n_waiting;

    (void)context;
    for (size_t i = 0; i < n; i++) {
        if (may_be_in(refs[i])) {
            __builtin_prefetch(ouro__side_at(refs[i]), 1);
            trial.waiting[n_waiting++] = refs[i];
            if (OURO_UNLIKELY(n_waiting == WAITING)) {
                reach_waiting(n_waiting);
                n_waiting = 0;
            }
        }
    }
    trial.n_waiting = n_waiting;
    return 0;
}

static int
reach_loan(ouro_loan loan, void *context)
{
    ouro_object *referent = ouro_look(loan);
    return reach_row(&referent, 1, context);
}

static void
reach(ouro_object *object)
{
    reach_row(&object, 1, NULL);
}

static void
reach_from(ouro_object *object)
{
    struct ouro_type *type = ouro__type(object);

    ouro__visit_rows(object, type, reach_row, NULL);
    if (OURO_UNLIKELY(type->has_traverse)) {
        ouro__visit_functions(object, type, reach_loan, NULL);
    }
    if (!trial.type_reached[object->type]) {
        trial.type_reached[object->type] = true;
        reach(&type->head);
    }
}

/* Reach from what is on the stack, a few objects at a time, and from what waits. */
static void
reach_rest(void)
{
    for (;;) {
        size_t n_waiting = trial.n_waiting;
        trial.n_waiting = 0;
        reach_waiting(n_waiting);
        if (trial.n_stack == 0) {
            return;
        }
        ouro_object *few[FEW];
        size_t n = trial.n_stack < FEW ? trial.n_stack : FEW;
        for (size_t i = 0; i < n; i++) {
            few[i] = trial.stack[--trial.n_stack];
            __builtin_prefetch(few[i]);
        }
        for (size_t i = 0; i < n; i++) {
            reach_from(few[i]);
        }
    }
}

/* Is there a proof yet that the set is clean, also with this object? */
static inline bool
keeps_proof(ouro_object *object, uint16_t value, void *context)
{
    unsigned *proofs = context;
    if (OURO_LIKELY((value & (SIDE_COUNT | SIDE_HUB | *proofs)) == *proofs)) {
        return true;
    }
    check(object, value);
    *proofs &= is_held_outside(object, value) ? SIDE_PROOFS : value;
    return *proofs != 0;
}

static bool
sweep(ouro_object *object, uint16_t value, void *context)
{
    (void)context;
    if (!is_held_outside(object, value)) {
        return true;
    }
    check(object, value);
    note_reached(ouro__side_at(object), value);
    if (value & SIDE_BARREN) {
        return true;
    }
    trial.at = object;
    reach_from(object);
    if (trial.n_stack !=
        0) { /* what waits may do so while the walk goes on: it looks like what is ahead */
        reach_rest();
    }
    return true;
}

/* Reach the types that are known to have objects. */
static void
reach_types(void)
{
    trial.at = (const void *)UINTPTR_MAX;
    for (size_t i = 1, end = ouro__types_end(); i < end; i++) {
        if (trial.type_reached[i] && ouro__types[i] != NULL) {
            reach(&ouro__types[i]->head);
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
static bool
note_legacy(ouro_object *object, uint16_t value, void *context)
{
    if (ouro__type(object)->flags & OURO_TYPE_LEGACY_FINALIZER) {
        (void)ouro__chunk_add(context, object);
        put_off(object, ouro__side_at(object), value);
    }
    return true;
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
untrack_holders(bool has_trash)
{
    for (struct chunk *chunk = trial.holders; chunk != NULL; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->n; i++) {
            if (!has_trash || !ouro__gc_is_trash(chunk->items[i])) {
                ouro__gc_untrack(chunk->items[i]);
            }
        }
    }
    ouro__chunks_give(trial.holders);
    trial.holders = NULL;
}

/* Reach all that is held from outside, or needed by what is. */
static void
reach_set(const struct set *set)
{
    bool may_have_types = set->is_whole || set->has_types; /* otherwise no type is of the set */

    if (may_have_types) {
        reach_types();
    }
    reach_all(set);
    if (may_have_types) {
        reach_types_of_objects(set);
    }
}

struct ouro__gc_found
ouro__gc_try(const struct set *set, uint32_t own)
{
    trial.is_whole = set->is_whole;
    trial.own = own;
    trial.n_reached = 0;
    if (set->is_whole || set->has_types) {
        memset(trial.type_reached, 0, sizeof trial.type_reached);
    }
    note_slots(set->is_whole);
    struct counted counted = set->is_whole ? count_whole(set) : count_listed(set);
    trial.n = counted.n;
    if (set->has_types) {
        ouro__walk_still(ouro__collected, OURO_DOMAIN_OBJECT, note_outsider, NULL);
    }
    unsigned proofs = SIDE_PROOFS;
    bool is_clean = set->is_whole ? ouro__gc_for_each_unreached(set, keeps_proof, &proofs)
                                  : counted.all_barren && own == 0 && !set->has_types;
    if (is_clean) {
        trial.n_reached = trial.n;
    } else {
        reach_set(set);
    }
    size_t n_reached = trial.n_reached;
    struct chunk *legacy = NULL;
    if (__atomic_load_n(&ouro__has_legacy_types, __ATOMIC_RELAXED) && n_reached < trial.n) {
        legacy = keep_legacy(set);
    }
    untrack_holders(trial.n_reached < trial.n);
    forget_hubs();
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
