/* slices.c - the old generation is looked at a little at a time, while the program goes on between.
 *
 *   COUNTING   as in trial.c: each old object's count in the side table, less one for each reference from an old object
 *   PROVING    do they prove that there is no garbage?  See SIDE_PROOFS; that is the end, without suspects
 *   REACHING   from those with a count left, and from all that came later, what can be reached is marked
 *   LISTING    old objects that were not: the suspects
 *
 * No write barrier tells of what the program does meanwhile, so all of this is only nearly true.  But what was garbage at
 * the beginning is seen as it is: nobody can reach it, so nobody changes it, and all references to it come from other
 * garbage.  It has no count left, nothing marked refers to it, and it ends among the suspects.  So may some
 * objects whose references were moved about.  That is sound: a last trial, in one pause, takes the suspects for its set,
 * and every reference from elsewhere for one from outside.
 *
 * Counts are modulo SIDE_COUNT + 1, without hubs: what is taken wrongly for reached or for a suspect does no harm.
 * Between slices an object may go and its block be another object's, or part of a pool of another size: so nothing is kept
 * but places where to go on, and addresses that are looked at again before they are believed.
 *
 * @source  Bacon and Rajan, "Concurrent cycle collection in reference counted systems" (2001), for trial deletion and its
 *          last test; CPython 3.14's Python/gc.c for increments (Mark Shannon) */
#include "gc/gc.h"

#if OURO_STRESS
#define STACK_ITEMS 16
#define PORTION 3
#else
#define STACK_ITEMS 8192
#define PORTION 4096 /* references of one array that are looked at in one go */
#endif

enum phase { IDLE, COUNTING, PROVING, REACHING, LISTING };

/* How far one object's references were visited. */
struct cursor {
    uint32_t field;
    size_t item;
    bool is_barren; /* none was of the set */
    const ouro_object *from;
};

/* One thread at a time: the world stands still. */
static struct {
    enum phase phase;
    ptrdiff_t budget; /* objects and references left for this slice; at an end when it isn't above 0 */

    size_t slot, n_slots;  /* where the walk is, and what there was at the beginning */
    uint32_t at;           /* offset in the pool that begins there */
    const void *here;      /* the object there */
    uint8_t *is_collected; /* which slots had collected objects at the beginning */

    ouro_object *part; /* an object with many references, half-way through, or NULL */
    struct cursor part_cursor;

    bool again;      /* an object was put off to the next walk, or nothing is proved */
    unsigned proofs; /* of SIDE_PROOFS, those that still hold */
    size_t n_stack;
    ouro_object *stack[STACK_ITEMS];
    uint8_t type_reached[MAX_TYPES];

    size_t n_seen;
    struct set suspects;
} slices;

bool
ouro__gc_slices_are_under_way(void)
{
    return slices.phase != IDLE;
}

static bool
may_be_in(const ouro_object *object)
{
    size_t slot = ((uintptr_t)object - ouro__range.base) >> SLOT_SHIFT;
    return slot < slices.n_slots && slices.is_collected[slot];
}

/* ---- references, a portion of them at a time ---- */

/* Whether none of the references of `from` is one to an object that may be of the set. */
typedef bool visitor(ouro_object *const *refs, size_t n, const ouro_object *from);

static inline void
spend(size_t n)
{
    slices.budget -= (ptrdiff_t)n;
}

/* Visit the object's references by its type's table, a portion of each field at most; true when those were the last.
 * Otherwise the object is half-way through.  With a cursor that nothing else knows it is a loop without one. */
static inline __attribute__((always_inline)) bool
visit_portion(ouro_object *object, const struct ouro_type *type, struct cursor *cursor, visitor *visit)
{
    if (type->n_refs != 0) {
        char *refs = (char *)object + type->refs;
        spend(1);
        cursor->is_barren &= visit((ouro_object *const *)(void *)refs, type->n_refs, object);
        return true;
    }
    const ouro_field *end = type->fields + type->n_fields;
    const ouro_field *field = ouro__field_with_elements(object, type->fields + cursor->field, end);
    for (; field != end; field = ouro__field_with_elements(object, field + 1, end), cursor->item = 0) {
        size_t n = ouro__field_count(object, field);
        if (n <= cursor->item) {
            continue;
        }
        size_t n_refs = field->n_refs, stride = field->stride;
        char *element = ouro__field_elements(object, field, &n) + cursor->item * stride;
        size_t n_left = n - cursor->item, n_now = n_left < PORTION ? n_left : PORTION, n_rows = n_now;
        spend(n_now);
        if (stride == n_refs * sizeof(ouro_object *)) {
            n_refs *= n_now;
            n_rows = n_refs != 0;
        }
        for (; n_rows != 0; n_rows--, element += stride) {
            cursor->is_barren &= visit((ouro_object *const *)(void *)element, n_refs, object);
        }
        if (OURO_UNLIKELY(n_now != n_left)) {
            cursor->field = (uint32_t)(field - type->fields);
            cursor->item += n_now;
            slices.part = object;
            slices.part_cursor = *cursor;
            return false;
        }
    }
    return true;
}

/* The same for what its type's functions visit. */
static __attribute__((noinline)) bool
visit_functions(ouro_object *object, struct ouro_type *type, ouro_visitor visit)
{
    struct cursor cursor = {.is_barren = true, .from = object};
    ouro__visit_functions(object, type, visit, &cursor);
    return cursor.is_barren;
}

/* Would one portion not do? */
static bool
has_many(const ouro_object *object, const struct ouro_type *type)
{
    size_t n_all = 0;
    for (uint32_t f = 0; f < type->n_fields; f++) {
        size_t n;
        ouro__field_elements(object, &type->fields[f], &n);
        n_all += n;
    }
    return n_all > PORTION;
}

/* ---- counting ---- */

static inline bool
take_off_row(ouro_object *const *refs, size_t n, const ouro_object *from)
{
    bool is_barren = true;
    for (size_t i = 0; i < n; i++) {
        if (may_be_in(refs[i])) {
            uint8_t *at = ouro__side_at(refs[i]);
            unsigned value = ouro__side_load(at) | ouro__gc_side_of(refs[i], from);
            ouro__side_store(at, (uint16_t)(value - SIDE_ONE));
            is_barren = false;
        }
    }
    return is_barren;
}

static int
take_off_loan(ouro_loan loan, void *context)
{
    ouro_object *referent = ouro_look(loan);
    struct cursor *cursor = context;
    cursor->is_barren &= take_off_row(&referent, 1, cursor->from);
    return 0;
}

/* Count from an object, or from the next portion of it.  Whether the walk may go on at once. */
static inline __attribute__((always_inline)) bool
count_from(ouro_object *object, uint8_t *at, struct cursor cursor)
{
    struct ouro_type *type = ouro__type(object);

    if (!visit_portion(object, type, &cursor, take_off_row)) {
        return false;
    }
    if (OURO_UNLIKELY(type->has_traverse)) {
        cursor.is_barren &= visit_functions(object, type, take_off_loan);
    }
    unsigned bits = SIDE_IN | (cursor.is_barren ? SIDE_BARREN : 0);
    unsigned value = (ouro__side_load(at) | bits) + (unsigned)ouro__count(object) * SIDE_ONE;
    ouro__side_store(at, (uint16_t)value);
    slices.n_seen++;
    return cursor.is_barren || slices.budget > 0;
}

static inline bool
count_object(ouro_object *object, uint8_t *at)
{
    return !ouro__gc_looks_at_old(object) || count_from(object, at, (struct cursor){.is_barren = true});
}

/* ---- reaching ---- */

static void
reach(ouro_object *referent)
{
    uint8_t *at = ouro__side_at(referent);
    unsigned value = ouro__side_load(at);
    if ((value & (SIDE_IN | SIDE_REACHED)) != SIDE_IN) {
        return;
    }
    bool is_ahead = (const void *)referent > slices.here;
    if (value & SIDE_BARREN) {
        ouro__side_store(at, (uint16_t)(value | SIDE_REACHED));
    } else if (is_ahead || slices.n_stack == STACK_ITEMS) { /* the walk comes by, or the next one */
        ouro__side_store(at, (uint16_t)((value & ~(unsigned)SIDE_COUNT) | SIDE_ONE));
        slices.again |= !is_ahead;
    } else {
        ouro__side_store(at, (uint16_t)(value | SIDE_REACHED));
        slices.stack[slices.n_stack++] = referent;
    }
}

static inline bool
reach_row(ouro_object *const *refs, size_t n, const ouro_object *from)
{
    (void)from;
    for (size_t i = 0; i < n; i++) {
        if (may_be_in(refs[i])) {
            reach(refs[i]);
        }
    }
    return true;
}

static int
reach_loan(ouro_loan loan, void *context)
{
    ouro_object *referent = ouro_look(loan);
    (void)context;
    reach_row(&referent, 1, NULL);
    return 0;
}

/* Reach from an object, or from the next portion of it. */
static void
reach_from(ouro_object *object, struct cursor cursor)
{
    struct ouro_type *type = ouro__type(object);

    if (!visit_portion(object, type, &cursor, reach_row)) {
        return;
    }
    if (type->has_traverse) {
        visit_functions(object, type, reach_loan);
    }
    if (!slices.type_reached[object->type]) {
        slices.type_reached[object->type] = true;
        const ouro_object *head = &type->head;
        reach_row((ouro_object *const *)&head, 1, object);
    }
}

/* Reach from what was put on the stack. */
static void
empty_stack(void)
{
    while (slices.n_stack != 0 && slices.budget > 0) {
        ouro_object *object = slices.stack[--slices.n_stack];
        spend(1);
        if (slices.part == NULL || !has_many(object, ouro__type(object))) {
            reach_from(object, (struct cursor){0});
        } else { /* two are not half-way through at once: its turn comes with the next walk */
            uint8_t *at = ouro__side_at(object);
            unsigned value = ouro__side_load(at) & ~(unsigned)(SIDE_COUNT | SIDE_REACHED);
            ouro__side_store(at, (uint16_t)(value | SIDE_ONE));
            slices.again = true;
        }
    }
}

static inline bool
sweep_object(ouro_object *object, uint8_t *at)
{
    unsigned value = ouro__side_load(at);

    if (!ouro__gc_looks_at(object)) {
        return true;
    }
    ouro__side_store(at, (uint16_t)(value | SIDE_REACHED)); /* also of what came later */
    if (value & SIDE_BARREN) {
        return true;
    }
    slices.here = object;
    reach_from(object, (struct cursor){0});
    return slices.budget > 0 && slices.part == NULL && slices.n_stack == 0;
}

/* ---- proving, and listing ---- */

/* One that may be the first or the last of some garbage. */
static inline bool
doubt(ouro_object *object, uint8_t *at)
{
    if (!ouro__gc_looks_at(object)) {
        return true;
    }
    slices.proofs &= ouro__side_load(at);
    if (slices.proofs == 0) {
        slices.again = true;
        slices.slot = slices.n_slots;
    }
    return false; /* the walk has to know */
}

static inline bool
list_object(ouro_object *object, uint8_t *at)
{
    (void)at;
    if (ouro__gc_looks_at(object) && !ouro__chunk_add(&slices.suspects.list, object)) {
        ouro__gc_slices_stop();
        return false;
    }
    return true;
}

/* ---- the walk ---- */

/* Go on with the object that is half-way through, if it is still there, or another that came in its place. */
static void
go_on_with_part(void)
{
    ouro_object *object = ouro__gc_live_object(slices.part);
    struct cursor cursor = slices.part_cursor;

    slices.part = NULL; /* unless there is more of it */
    if (object == NULL || !ouro__gc_looks_at(object)) {
        return;
    }
    if (slices.phase == COUNTING) {
        count_from(object, ouro__side_at(object), cursor);
    } else {
        reach_from(object, cursor);
    }
}

/* Objects on the stack that have gone since the last slice are to be forgotten. */
static void
sift_stack(void)
{
    size_t n = 0;
    for (size_t i = 0; i < slices.n_stack; i++) {
        ouro_object *object = ouro__gc_live_object(slices.stack[i]);
        if (object != NULL && ouro__gc_looks_at(object)) {
            slices.stack[n++] = object;
        }
    }
    slices.n_stack = n;
}

/* Does a walk have to look at an object of which the side table says this?  Most need not, and their memory is spared. */
static inline bool
is_wanted(enum phase phase, unsigned proofs, unsigned value)
{
    switch (phase) {
    case COUNTING:
        return true;
    case PROVING:
        return OURO_UNLIKELY((value & (SIDE_IN | SIDE_COUNT | proofs)) != (SIDE_IN | proofs)) &&
               (value & (SIDE_IN | SIDE_COUNT)) == SIDE_IN;
    case REACHING:
        return !(value & SIDE_REACHED) && (value & (SIDE_IN | SIDE_COUNT)) != SIDE_IN;
    default:
        return (value & (SIDE_IN | SIDE_REACHED)) == SIDE_IN;
    }
}

/* Call `visit` for the live objects that a phase wants of the slot where the walk is, from there on, while there is budget and
 * until it returns false; true when there are no more. */
static inline __attribute__((always_inline)) bool
walk_slot(enum phase phase, bool (*visit)(ouro_object *object, uint8_t *side))
{
    struct blocks blocks;
    unsigned proofs = slices.proofs;

    if (!ouro__gc_blocks_at(slices.slot, &blocks)) {
        return true;
    }
    char *base = blocks.pool->base, *block = base + slices.at;
    size_t size = blocks.size, n_passed = block > blocks.first ? (size_t)(block - blocks.first) : 0;
    block = blocks.first + (n_passed + size - 1) / size * size; /* the pool may be another one by now */
    char *from = block, *end = blocks.end;
    if (slices.budget < (ptrdiff_t)SLOT_SIZE && block + slices.budget * (ptrdiff_t)size < end) {
        end = block + slices.budget * (ptrdiff_t)size;
    }
    uint8_t *side = ouro__side_at(block);
    for (; block < end; block += size, side += size >> 4) {
        if (is_wanted(phase, proofs, ouro__side_load(side)) && ouro__gc_is_taken(&blocks, block) &&
            !visit((ouro_object *)(void *)block, side)) {
            block += size;
            break;
        }
    }
    slices.at = (uint32_t)(block - base);
    spend((size_t)(block - from) / size);
    return block >= blocks.end && slices.part == NULL && slices.n_stack == 0;
}

/* On their own, these loops have the registers that they need: they are where the time goes. */
static __attribute__((noinline)) bool
count_slot(void)
{
    return walk_slot(COUNTING, count_object);
}

static __attribute__((noinline)) bool
prove_slot(void)
{
    return walk_slot(PROVING, doubt);
}

static bool
walk(void)
{
    switch (slices.phase) {
    case COUNTING:
        return count_slot();
    case PROVING:
        return prove_slot();
    case REACHING:
        return walk_slot(REACHING, sweep_object);
    default:
        return walk_slot(LISTING, list_object);
    }
}

static void
begin_walk(enum phase phase)
{
    slices.phase = phase;
    slices.slot = 1;
    slices.at = 0;
    slices.again = false;
    slices.proofs = SIDE_PROOFS;
}

/* Where the walk ends: what came later is for reaching from alone. */
static size_t
n_to_walk(void)
{
    return slices.phase == REACHING ? ouro__range_extent() >> SLOT_SHIFT : slices.n_slots;
}

/* What comes when a walk has been through all slots; true when nothing does. */
static bool
end_walk(void)
{
    static const enum phase next[] = {[COUNTING] = PROVING, [REACHING] = LISTING};
    if (slices.phase == LISTING || (slices.phase == PROVING && !slices.again)) {
        return true;
    }
    begin_walk(slices.again ? REACHING : next[slices.phase]);
    return false;
}

bool
ouro__gc_slices_go_on(size_t budget)
{
    slices.budget = budget < PTRDIFF_MAX ? (ptrdiff_t)budget : PTRDIFF_MAX;
    sift_stack();
    while (slices.budget > 0 && slices.phase != IDLE) {
        empty_stack();
        if (slices.budget <= 0) {
            break;
        }
        if (slices.part != NULL) {
            go_on_with_part();
        } else if (slices.slot >= n_to_walk()) {
            if (end_walk()) {
                return true;
            }
        } else if (walk()) {
            slices.slot++;
            slices.at = 0;
            spend(1);
        }
    }
    return slices.phase == IDLE;
}

/* ---- beginning and end ---- */

bool
ouro__gc_slices_begin(void)
{
    size_t n = ouro__range_extent() >> SLOT_SHIFT;
    uint8_t *is_collected = ouro__os_map(ouro__round_up(n, ouro__os_page_size()));

    if (is_collected == NULL) {
        return false;
    }
    for (size_t i = 1; i < n; i++) {
        is_collected[i] = ouro__heap_of(ouro__record_at((uintptr_t)i << SLOT_SHIFT)) == ouro__collected;
    }
    slices.is_collected = is_collected;
    slices.n_slots = n;
    slices.n_stack = 0;
    slices.n_seen = 0;
    slices.part = NULL;
    slices.suspects = (struct set){.list = NULL};
    memset(slices.type_reached, 0, sizeof slices.type_reached);
    begin_walk(COUNTING);
    return true;
}

static void
end(void)
{
    ouro__os_unmap(slices.is_collected, ouro__round_up(slices.n_slots, ouro__os_page_size()));
    slices.phase = IDLE;
}

struct set
ouro__gc_slices_take(size_t *n_seen)
{
    struct set set = slices.suspects;

    for (struct chunk *chunk = set.list; chunk != NULL; chunk = chunk->next) {
        size_t n = 0;
        for (size_t i = 0; i < chunk->n; i++) {
            ouro_object *object = ouro__gc_live_object(chunk->items[i]);
            if (object == NULL || !ouro__gc_looks_at(object)) {
                continue;
            }
            uint8_t *at = ouro__side_at(object);
            if ((ouro__side_load(at) & (SIDE_IN | SIDE_REACHED)) == SIDE_IN) {
                ouro__side_store(at, SIDE_LISTED);
                set.has_types |= ouro__type(object) == ouro__type_type;
                chunk->items[n++] = object;
            }
        }
        chunk->n = n;
    }
    *n_seen = slices.n_seen;
    end();
    return set;
}

void
ouro__gc_slices_stop(void)
{
    if (slices.phase != IDLE) {
        ouro__chunks_give(slices.suspects.list);
        slices.suspects.list = NULL;
        slices.budget = 0;
        end();
        ouro__side_forget();
    }
}
