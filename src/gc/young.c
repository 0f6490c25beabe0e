/* young.c - which objects are young.
 *
 * Threads log the addresses where they make objects, those of one block only once however often it is used: see
 * ouro__log_key.  So a log is as long as there are different young objects, dead ones whose blocks are free among
 * them.  The middle generation is a list of the same kind.  An address of either may be anything by now: free, inside
 * another object, given back to the system, or an object's that has grown older. */
#include "gc/gc.h"

static struct chunk *middle;

/* What addresses of one pool or large block have in common: neighbours in a log are mostly neighbours in memory, and so is
 * the block that follows the last one. */
struct place {
    const struct pool *pool;
    char *base;
    bool is_pool, is_large; /* of collected objects, if any */
    bool has_cold;
    uint32_t size, start; /* of a pool's blocks */
    uint32_t next;        /* where another block begins for certain, if it was handed out */
};

static struct place
look_up(const struct pool *pool)
{
    bool is_collected = ouro__heap_of(pool) == ouro__collected, is_large = pool->kind == SLOT_LARGE;
    if (!is_collected || is_large) {
        return (struct place){.pool = pool, .base = pool->base, .is_large = is_collected};
    }
    uint32_t start = ouro__pool_start(pool->class, pool->domain);
    return (struct place){.pool = pool,
                          .base = pool->base,
                          .is_pool = true,
                          .has_cold = pool->cold != 0,
                          .size = ouro__class_size[pool->class],
                          .start = start,
                          .next = start};
}

/* The object that begins at an address and lives, or NULL.  `place` is that of an address looked at before. */
static inline __attribute__((always_inline)) ouro_object *
find_live(void *address, struct place *place)
{
    if ((uintptr_t)address - (uintptr_t)place->base >= SLOT_SIZE) {
        const struct pool *pool = ouro__record_at((uintptr_t)address - ouro__range.base);
        if (pool != place->pool) {
            *place = look_up(pool);
        }
    }
    if (OURO_UNLIKELY(!place->is_pool)) {
        return place->is_large && address == place->base ? address : NULL;
    }
    const struct pool *pool = place->pool;
    uint32_t offset = (uint32_t)((char *)address - place->base);
    if (offset != place->next &&
        (offset < place->start || !ouro__class_divides(pool->class, offset - place->start))) {
        return NULL;
    }
    place->next = offset + place->size;
    bool is_live = offset < pool->fresh &&
                   !(OURO_UNLIKELY(place->has_cold) && ouro__is_cold(pool, offset, place->size)) &&
                   !ouro__is_link(ouro__link_load(address)) && ((ouro_object *)address)->type != 0;
    return is_live ? address : NULL;
}

ouro_object *
ouro__gc_live_object(void *address)
{
    struct place place = {.base = NULL};
    return find_live(address, &place);
}

/* Keep of `list`, in place, what is alive, young enough, and met for the first time; empty chunks stay.  In a log, what is
 * old was born so since the log began, and counts as young; but for types, which objects outside of the set may need.  What
 * the collector passes by is in no list from now on, and so no longer young: its block would be taken for one whose address
 * is logged when it is freed. */
static void
sift(struct chunk *list, unsigned generation, bool is_log)
{
    struct place place = {.base = NULL};

    for (struct chunk *chunk = list; chunk != NULL; chunk = chunk->next) {
        size_t n = 0;
        for (size_t i = 0; i < chunk->n; i++) {
            ouro_object *object = find_live(chunk->items[i], &place);
            if (object == NULL) {
                continue;
            }
            unsigned age = object->flags & OBJECT_GENERATION;
            bool is_born_old = is_log && age == GENERATION_OLD && ouro__type(object) != ouro__type_type;
            if (age > generation && !is_born_old) {
                continue;
            }
            if (!ouro__gc_looks_at(object)) {
                object->flags =
                    (uint8_t)((object->flags & ~(unsigned)OBJECT_GENERATION) | GENERATION_OLD);
                continue;
            }
            uint8_t *at = ouro__side_at(object);
            if (!(ouro__side_load(at) & SIDE_LISTED)) {
                ouro__side_store(at, SIDE_LISTED);
                chunk->items[n++] = object;
            }
        }
        chunk->n = n;
    }
}

static struct chunk *
join(struct chunk *first, struct chunk *second)
{
    if (first == NULL) {
        return second;
    }
    struct chunk *last = first;
    while (last->next != NULL) {
        last = last->next;
    }
    last->next = second;
    return first;
}

struct chunk *
ouro__gc_take_young(unsigned generation)
{
    struct chunk *list = NULL;

    for (struct thread *thread = ouro__threads_now(); thread != NULL; thread = thread->next) {
        if (thread->log != NULL) {
            thread->log->n = (size_t)(thread->log_next - thread->log->items);
            list = join(thread->log, list);
        }
        thread->log = NULL;
        thread->log_begin = thread->log_next = thread->log_end = NULL;
    }
    ouro__log_key = ouro__os_random();
    sift(list, generation, true);
    if (generation > 0) {
        sift(middle, generation, false);
        list = join(list, middle);
        middle = NULL;
    }
    return list;
}

void
ouro__gc_add_middle(struct chunk *list)
{
    middle = join(list, middle);
}
