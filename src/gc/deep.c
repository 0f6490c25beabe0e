/* deep.c - how large an object is with all that it holds.
 *
 * A walk with a stack of its own, and a table of what it has met, straight from the system: no object is touched, and no
 * heap grows while it is looked at. */
#include "gc/gc.h"

#define LEAST_PLACES ((size_t)1 << 12)

struct deep {
    const ouro_object **places; /* what was met: a power of two of them, half full at most */
    size_t n_places, n_met;
    struct chunk *stack; /* met, and not looked at yet */
    size_t size;
};

/* Where an object is, or would be. */
static size_t
find(const struct deep *deep, const ouro_object *object)
{
    size_t mask = deep->n_places - 1;
    size_t at = ((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15U >> 20 & mask;
    while (deep->places[at] != NULL && deep->places[at] != object) {
        at = (at + 1) & mask;
    }
    return at;
}

static void
unmap(const struct deep *deep)
{
    if (deep->places != NULL) {
        ouro__os_unmap(deep->places, deep->n_places * sizeof *deep->places);
    }
}

/* Make room for one more; false without memory. */
static bool
reserve(struct deep *deep)
{
    if (deep->n_met < deep->n_places / 2) {
        return true;
    }
    struct deep grown = *deep;
    grown.n_places = deep->n_places == 0 ? LEAST_PLACES : deep->n_places * 2;
    grown.places = ouro__os_map(grown.n_places * sizeof *grown.places);
    if (grown.places == NULL) {
        return false;
    }
    for (size_t i = 0; i < deep->n_places; i++) {
        if (deep->places[i] != NULL) {
            grown.places[find(&grown, deep->places[i])] = deep->places[i];
        }
    }
    unmap(deep);
    *deep = grown;
    return true;
}

static bool
push(struct deep *deep, ouro_object *object)
{
    if (deep->stack == NULL || deep->stack->n == CHUNK_ITEMS) {
        struct chunk *chunk = ouro__chunk_take();
        if (chunk == NULL) {
            return false;
        }
        chunk->next = deep->stack;
        deep->stack = chunk;
    }
    deep->stack->items[deep->stack->n++] = object;
    return true;
}

static ouro_object *
pop(struct deep *deep)
{
    struct chunk *top = deep->stack;

    if (top->n == 0) {
        deep->stack = top->next;
        top->next = NULL;
        ouro__chunks_give(top);
        top = deep->stack;
    }
    return top != NULL ? top->items[--top->n] : NULL;
}

/* An object is reached: look at it later, unless it was met. */
static int
meet(ouro_loan referent, void *context)
{
    struct deep *deep = context;
    ouro_object *object = ouro_look(referent);

    if (object->local == OURO_IMMORTAL || ouro__type(object) == ouro__type_type) {
        return OURO_OK;
    }
    if (!reserve(deep)) {
        return OURO_NO_MEMORY;
    }
    size_t at = find(deep, object);
    if (deep->places[at] == object) {
        return OURO_OK;
    }
    deep->places[at] = object;
    deep->n_met++;
    return push(deep, object) ? OURO_OK : OURO_NO_MEMORY;
}

static int
look_at(struct deep *deep, ouro_object *object)
{
    deep->size += ouro_sizeof((ouro_loan)object);
    return ouro_traverse((ouro_loan)object, meet, deep);
}

/* The object itself may be one that is left out where others hold it. */
static int
walk(struct deep *deep, ouro_object *object)
{
    int status = reserve(deep) ? OURO_OK : OURO_NO_MEMORY;

    if (status == OURO_OK) {
        deep->places[find(deep, object)] = object;
        deep->n_met++;
    }
    while (status == OURO_OK && object != NULL) {
        status = look_at(deep, object);
        object = deep->stack != NULL ? pop(deep) : NULL;
    }
    return status;
}

ouro_status
ouro_sizeof_deep(ouro_loan object, size_t *size)
{
    struct deep deep = {.places = NULL};

    ouro__world_stop();
    ouro_status status = (ouro_status)walk(&deep, ouro_look(object));
    ouro__world_start();
    unmap(&deep);
    ouro__chunks_give(deep.stack);
    if (status == OURO_OK) {
        *size = deep.size;
    }
    return status;
}
