/* cpython_survey.c - a full look that writes to no object.
 *
 * The interpreter finds garbage by trial deletion: each object's count of references, less those that come
 * from other objects it looks at; what is left above zero is held from outside, with all that it reaches.
 * It keeps the trial counts in the objects' own heads, so that every reference costs it a cache miss, twice:
 * 80-450 ns an object.  Here they are in a table beside the heap, a byte for 32 bytes of it, which stays
 * in the processor's cache: a reference costs a look-up there, and objects are visited in the order of
 * addresses.
 *
 * The objects are only asked for what they refer to (tp_traverse), as the interpreter would ask them at this
 * very moment.  What is found is moved to the young generation, and the interpreter's own collection of it
 * does the rest: finalizers, weak references, resurrection.  An error in counting could make it look at
 * objects in vain, or leave garbage for another day; it can't free what is alive.
 *
 * Objects outside our heaps are not looked at, so what they refer to counts as held from outside.
 *
 * @source D. F. Bacon, V. T. Rajan, Concurrent Cycle Collection in Reference Counted Systems, 2001 */
#include "host/cpython_survey.h"

#include "base/assert.h"
#include "heap/range.h"
#include "host/cpython.h"
#include "os/os.h"

/* Two collectable objects never begin in the same granule: their blocks have 48 bytes at least.  Another object may
 * begin in the other half of it. */
#define GRANULE_SHIFT 5

/* An object's state: 0 for what is not looked at, then 1 + references not accounted for, or one of these. */
enum {
    ALONE = 1,      /* all references come from objects that are looked at */
    MOST = 0x3B,    /* as many references as can be told apart */
    HUB = 0x3C,     /* more: its count is in `hubs` */
    HELD = 0x3D,    /* immortal: held from outside */
    WAITING = 0x3E, /* reached, its references not followed yet */
    REACHED = 0x3F,
    STATE = 0x3F,
    LEAF = 0x40, /* refers to no object that is looked at */
    ODD = 0x80,  /* the object begins in the middle of its granule */
};

#define STACK_SIZE 8192U
/* Memory takes longer than a visit: before an object's turn so many others have theirs, while it is fetched. */
#define QUEUE_SIZE 8U
#define NOBODY SIZE_MAX
/* When more than one in so many objects lie elsewhere, somebody has changed the interpreter's allocator. */
#define MANY_ELSEWHERE 64

enum slot_state {
    SLOT_WITHOUT,  /* objects */
    SLOT_WITH,     /* objects */
    SLOT_TO_FOLLOW /* with objects that wait */
};
#define GRANULES_A_SLOT (SLOT_SIZE >> GRANULE_SHIFT)

struct hub {
    const py_object *object;
    uint64_t references;
};

struct table {
    uintptr_t base;
    size_t extent;   /* bytes of heap that the states stand for */
    uint8_t *states; /* by granule */
    uint8_t *slots;  /* enum slot_state */
    size_t n_slots;
    py_object **stack;
    size_t n_stack;
    size_t n_counted, n_waiting, n_reached;
    size_t n_hubs;
    struct hub *hubs; /* a hash table */
    size_t hub_mask;
    size_t queue[QUEUE_SIZE]; /* granules of objects that are about to be visited, or NOBODY */
    size_t queue_at;          /* the first of them */
    size_t n_queued;
};

typedef int (*visitor)(py_object *object, void *context);
typedef int (*traverser)(py_object *object, visitor visit, void *context);

/* PyTypeObject, as far as we look: the same from 3.9 to 3.15. */
struct py_type {
    char before_flags[168];
    unsigned long flags;
    const char *doc;
    traverser traverse;
};
#define TYPE_HAS_GC (1UL << 14)
#define TYPE_HAS_PREFIX                                                                                \
    (1UL << 4) /* from 3.11 on: before the object stand pointers to its dictionary or values */
#define TYPE_IS_LIST (1UL << 25)
#define TYPE_IS_DICT (1UL << 29)
#define TYPE_IS_TYPE (1UL << 31)

static const struct py_type *
type_of(const py_object *object)
{
    return (const struct py_type *)(const void *)object->type;
}

bool
ouro__survey_is_possible(py_object *list)
{
    const struct py_type *type = type_of(list);
    unsigned long wanted = TYPE_HAS_GC | TYPE_IS_LIST;
    const struct py_type *metatype = type_of((const py_object *)(const void *)type);
    return (type->flags & (wanted | TYPE_IS_TYPE)) == wanted && type->traverse != NULL &&
           (metatype->flags & (TYPE_HAS_GC | TYPE_IS_TYPE)) == (TYPE_HAS_GC | TYPE_IS_TYPE) &&
           metatype->traverse != NULL && metatype->traverse != type->traverse;
}

static struct py_gc_head *
next_of(const struct py_gc_head *head)
{
    return (struct py_gc_head *)(head->next & ~(uintptr_t)3);
}

static py_object *
object_of(struct py_gc_head *head)
{
    return (py_object *)(void *)(head + 1);
}

static size_t
granule_of(const struct table *table, const py_object *object)
{
    return ((uintptr_t)object - table->base) >> GRANULE_SHIFT;
}

static py_object *
object_at(const struct table *table, size_t at)
{
    uintptr_t offset = (at << GRANULE_SHIFT) + (table->states[at] & ODD ? 16 : 0);
    return (py_object *)(table->base + offset);
}

/* The first granule from `at` on where an object begins; beyond the last when there is none. */
static size_t
next_object(const struct table *table, size_t at)
{
    while (at < table->n_slots * GRANULES_A_SLOT) {
        if (table->slots[at / GRANULES_A_SLOT] == SLOT_WITHOUT) {
            at = (at / GRANULES_A_SLOT + 1) * GRANULES_A_SLOT;
        } else if (table->states[at] == 0) {
            at++;
        } else {
            return at;
        }
    }
    return NOBODY;
}

/* Have fetched what an object, which has been fetched, is going to read to say what it refers to. */
static void
fetch_buffers(const py_object *object)
{
    const void *const *words = (const void *const *)(const void *)object;
    unsigned long flags = type_of(object)->flags;
    if (flags & TYPE_IS_LIST) {
        __builtin_prefetch(words[3]);
    } else if (flags & TYPE_IS_DICT) {
        __builtin_prefetch(words[4]);
        __builtin_prefetch(words[5]);
    } else if (flags & TYPE_HAS_PREFIX) {
        __builtin_prefetch(words[-3]);
        __builtin_prefetch(words[-4]);
    }
}

/* Have an object fetched, or nobody; who has waited longest, or nobody. */
static size_t
queue(struct table *table, size_t at)
{
    size_t half = table->queue[(table->queue_at + QUEUE_SIZE / 2) % QUEUE_SIZE];
    if (half != NOBODY) {
        fetch_buffers(object_at(table, half));
    }
    size_t first = table->queue[table->queue_at];
    table->queue[table->queue_at] = at;
    table->queue_at = (table->queue_at + 1) % QUEUE_SIZE;
    table->n_queued = table->n_queued + (at != NOBODY) - (first != NOBODY);
    if (at != NOBODY) {
        __builtin_prefetch(object_at(table, at));
    }
    return first;
}

static size_t
slot_of(const struct table *table, const uint8_t *state)
{
    return (size_t)(state - table->states) / GRANULES_A_SLOT;
}

/* NULL for what lies elsewhere, or where no object is looked at: that is known without a cache miss. */
static uint8_t *
state_of(const struct table *table, const py_object *object)
{
    size_t at = (uintptr_t)object - table->base;
    if (at >= table->extent || table->slots[at >> SLOT_SHIFT] == SLOT_WITHOUT) {
        return NULL;
    }
    uint8_t *state = &table->states[at >> GRANULE_SHIFT];
    return (*state & ODD) == ((at & 16) != 0 ? ODD : 0) ? state : NULL; /* or its neighbour's */
}

/* ---- hubs ---- */

static uint64_t
references_of(const py_object *object)
{
    return ouro__py.hex >= 0x030C0000 ? (uint32_t)object->references : (uint64_t)object->references;
}

static struct hub *
find_hub(const struct table *table, const py_object *object)
{
    size_t at = ((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15U >> 32;
    while (table->hubs[at & table->hub_mask].object != object &&
           table->hubs[at & table->hub_mask].object != NULL) {
        at++;
    }
    return &table->hubs[at & table->hub_mask];
}

/* Room for all, at least half of it empty; false without memory. */
static bool
make_hubs(struct table *table)
{
    size_t n = (size_t)1 << (ouro__log2(table->n_hubs + 1) + 2);
    table->hubs = ouro__os_map(ouro__round_up(n * sizeof *table->hubs, ouro__os_page_size()));
    table->hub_mask = n - 1;
    if (table->hubs == NULL) {
        return false;
    }
    for (size_t at = next_object(table, 0); at != NOBODY; at = next_object(table, at + 1)) {
        if ((table->states[at] & STATE) == HUB) {
            py_object *object = object_at(table, at);
            *find_hub(table, object) = (struct hub){object, references_of(object)};
        }
    }
    return true;
}

/* ---- counting ---- */

/* From 3.12 on immortal objects have a count beyond all others. */
static unsigned
first_state(struct table *table, const py_object *object)
{
    uint64_t references = references_of(object);
    if (references >= UINT64_C(1) << 29 && ouro__py.hex >= 0x030C0000) {
        return HELD;
    }
    table->n_hubs += references >= MOST;
    return references < MOST ? (unsigned)references + 1 : HUB;
}

static int
count_reference(py_object *object, void *context)
{
    struct table *table = context;
    uint8_t *state = state_of(table, object);
    if (OURO_LIKELY(state != NULL)) {
        unsigned references = *state & STATE;
        table->n_counted += references != 0;
        if (OURO_LIKELY(references - 2U <= MOST - 2U)) {
            --*state;
        } else if (references == HUB) {
            struct hub *hub = find_hub(table, object);
            hub->references -= hub->references != 0;
        }
    }
    return 0;
}

/* ---- reaching ---- */

/* Objects are followed in the order of addresses, up and down, because blocks that were made together lie
 * together; what a pass reaches behind it waits for the next.  When passes find little, as in a chain that
 * runs against addresses, the rest is followed in its own order. */

static int
reach(py_object *object, void *context)
{
    struct table *table = context;
    uint8_t *state = state_of(table, object);
    if (OURO_LIKELY(state != NULL) && (*state & STATE) != 0 && (*state & STATE) < WAITING) {
        if (*state & LEAF) {
            *state = (*state & ODD) | REACHED;
            table->n_reached++;
            return 0;
        }
        *state = (*state & ODD) | WAITING;
        table->slots[slot_of(table, state)] = SLOT_TO_FOLLOW;
        table->n_waiting++;
    }
    return 0;
}

static int
reach_now(py_object *object, void *context)
{
    struct table *table = context;
    uint8_t *state = state_of(table, object);
    (void)reach(object, context);
    if (state != NULL && (*state & STATE) == WAITING && table->n_stack < STACK_SIZE) {
        table->stack[table->n_stack++] = object;
    }
    return 0;
}

static void
follow(struct table *table, size_t at, visitor visit)
{
    if (at == NOBODY || (table->states[at] & STATE) != WAITING) {
        return;
    }
    py_object *object = object_at(table, at);
    table->states[at] = (table->states[at] & ODD) | REACHED;
    table->n_waiting--;
    table->n_reached++;
    (void)type_of(object)->traverse(object, visit, table);
}

/* Follow one object or nobody after those that are queued; `deep`: and what is reached from them, as far as the stack has
 * room for it. */
static void
follow_queued(struct table *table, size_t at, bool deep)
{
    visitor visit = deep ? reach_now : reach;
    follow(table, queue(table, at), visit);
    while (table->n_stack != 0) {
        at = granule_of(table, table->stack[--table->n_stack]);
        follow(table, queue(table, at), visit);
    }
}

static void
find_held(struct table *table)
{
    for (size_t at = next_object(table, 0); at != NOBODY; at = next_object(table, at + 1)) {
        unsigned state = table->states[at] & STATE;
        if (state > ALONE && state < WAITING &&
            (state != HUB || find_hub(table, object_at(table, at))->references != 0)) {
            (void)reach(object_at(table, at), table);
        }
    }
}

static void
follow_slot(struct table *table, size_t slot, bool up, bool deep)
{
    size_t first = slot * GRANULES_A_SLOT;
    table->slots[slot] = SLOT_WITH;
    for (size_t i = 0; i < GRANULES_A_SLOT; i++) {
        size_t at = first + (up ? i : GRANULES_A_SLOT - 1 - i);
        if ((table->states[at] & STATE) == WAITING) {
            follow_queued(table, at, deep);
        }
    }
}

/* One pass over all slots; how many objects were followed. */
static size_t
pass(struct table *table, bool up, bool deep)
{
    size_t before = table->n_reached;
    for (size_t i = 0; i < table->n_slots && table->n_waiting != 0; i++) {
        size_t slot = up ? i : table->n_slots - 1 - i;
        if (table->slots[slot] == SLOT_TO_FOLLOW) {
            follow_slot(table, slot, up, deep);
        }
    }
    while (table->n_queued != 0) {
        follow_queued(table, NOBODY, deep);
    }
    return table->n_reached - before;
}

static void
reach_all(struct table *table, size_t n_objects)
{
    bool up = true, deep = false;
    find_held(table);
    while (table->n_waiting != 0) {
        size_t n = pass(table, up, deep);
        deep = deep || n < n_objects / 32;
        up = !up;
    }
}

/* ---- a survey ---- */

/* Give every object its first state; how many there are.  `n_elsewhere` are not on our heaps. */
static size_t
enter_all(struct table *table, const struct py_generation *from, size_t *n_elsewhere)
{
    size_t n = 0;
    for (struct py_gc_head *at = next_of(&from->head); at != &from->head; at = next_of(at)) {
        const py_object *object = object_of(at);
        if ((uintptr_t)object - table->base >= table->extent) {
            ++*n_elsewhere;
            continue;
        }
        uint8_t *state = &table->states[granule_of(table, object)];
        *state = (uint8_t)(first_state(table, object) | ((uintptr_t)object & 16 ? ODD : 0));
        table->slots[slot_of(table, state)] = SLOT_WITH;
        n++;
    }
    return n;
}

static void
count_references(struct table *table, size_t at)
{
    if (at != NOBODY) {
        py_object *object = object_at(table, at);
        table->n_counted = 0;
        (void)type_of(object)->traverse(object, count_reference, table);
        table->states[at] |= table->n_counted == 0 ? LEAF : 0;
    }
}

static void
count_all(struct table *table)
{
    for (size_t at = next_object(table, 0); at != NOBODY; at = next_object(table, at + 1)) {
        count_references(table, queue(table, at));
    }
    while (table->n_queued != 0) {
        count_references(table, queue(table, NOBODY));
    }
}

static void
move_garbage(struct table *table, struct py_generation *from, struct py_generation *to)
{
    for (struct py_gc_head *at = next_of(&from->head), *next; at != &from->head; at = next) {
        next = next_of(at);
        uint8_t *state = state_of(table, object_of(at));
        if (state != NULL && (*state & STATE) != REACHED) {
            ouro__generation_move(at, to);
        }
    }
}

static void
run(struct table *table, struct py_generation *from, struct py_generation *to,
    struct ouro__survey *survey)
{
    count_all(table);
    reach_all(table, survey->n_objects);
    survey->n_garbage = survey->n_objects - table->n_reached;
    if (survey->n_garbage != 0) {
        move_garbage(table, from, to);
    }
}

bool
ouro__survey_run(struct py_generation *from, struct py_generation *to, struct ouro__survey *survey)
{
    size_t page = ouro__os_page_size(), extent = ouro__range_extent(), n_slots = extent >> SLOT_SHIFT;
    size_t states_size = n_slots * GRANULES_A_SLOT, stack_size = STACK_SIZE * sizeof(py_object *);
    size_t size = ouro__round_up(states_size + stack_size + n_slots, page);
    char *memory = ouro__os_map(size);
    if (memory == NULL) {
        return false;
    }
    struct table table = {
        .base = ouro__range.base,
        .extent = extent,
        .states = (uint8_t *)memory,
        .stack = (py_object **)(void *)(memory + states_size),
        .slots = (uint8_t *)memory + states_size + stack_size,
        .n_slots = n_slots,
    };
    size_t n_elsewhere = 0;
    for (size_t i = 0; i < QUEUE_SIZE; i++) {
        table.queue[i] = NOBODY;
    }
    survey->n_objects = enter_all(&table, from, &n_elsewhere);
    bool done = n_elsewhere <= survey->n_objects / MANY_ELSEWHERE && make_hubs(&table);
    if (done) {
        run(&table, from, to, survey);
        ouro__os_unmap(table.hubs, ouro__round_up((table.hub_mask + 1) * sizeof *table.hubs, page));
    }
    ouro__os_unmap(memory, size);
    return done;
}
