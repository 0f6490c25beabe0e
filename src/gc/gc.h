/* gc.h - what the files of the collector know of each other. */
#ifndef OURO_GC_GC_H
#define OURO_GC_GC_H

#include "heap/walk.h"
#include "object/side.h"
#include "ouro/gc.h"

/* Which objects a collection looks at: all, found by walking their pools, or those of a list. */
struct set {
    bool is_whole;
    bool has_types; /* a list, and types are in it */
    struct chunk *list;
};

bool ouro__gc_init(void);

/* ---- trial.c; the world stands still ---- */

/* What the side table says of an object. */
enum side_bits {
    SIDE_COUNT = 0x0FFF, /* references not accounted for yet */
    SIDE_IN = 0x1000,    /* of the set */
    SIDE_REACHED = 0x2000,
    SIDE_HUB = 0x4000, /* they are too many for SIDE_COUNT */
};

/* Find out which objects of the set are held from outside of it, and reach from them what can be reached.  The
 * set's objects that are not SIDE_REACHED then hold only each other.  `own` references to each are not counted: the
 * collector's.  Returns how many objects the set has. */
size_t ouro__gc_try(const struct set *set, uint32_t own);

/* Whether an object is of the set and was not reached. */
static inline bool
ouro__gc_is_trash(const ouro_object *object)
{
    return ouro__side_covers(object) &&
           (ouro__side_load(ouro__side_at(object)) & (SIDE_IN | SIDE_REACHED)) == SIDE_IN;
}

/* Does the collector look at the object? */
static inline bool
ouro__gc_looks_at(const ouro_object *object)
{
    return !(object->flags & (OBJECT_UNTRACKED | OBJECT_DYING | OBJECT_WAITING)) &&
           (object->flags & OBJECT_GENERATION) != GENERATION_FROZEN && object->local != OURO_IMMORTAL;
}

/* Find out which types have objects, whatever state these are in: the types' own bases have, too.  Leaves are looked
 * at when `has_leaves`. */
void ouro__gc_find_used_types(bool has_leaves);

/* What was found last. */
bool ouro__gc_is_used(const struct ouro_type *type);

/* ---- young.c: which objects are young; the world stands still ---- */

/* Empty the logs of all threads and the list of the middle generation, into one list of what is alive there and no
 * older than `generation`, each object once. */
struct chunk *ouro__gc_take_young(unsigned generation);

/* Have these objects be the middle generation, besides those that are.  Takes the list over. */
void ouro__gc_add_middle(struct chunk *list);

/* Call `visit(object, context)` for each object of the set, or more: those that the collector doesn't look at. */
static inline __attribute__((always_inline)) void
ouro__gc_for_each(const struct set *set, void (*visit)(void *object, void *context), void *context)
{
    if (set->is_whole) {
        ouro__walk_still(ouro__collected, OURO_DOMAIN_OBJECT, visit, context);
        return;
    }
    for (struct chunk *chunk = set->list; chunk != NULL; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->n; i++) {
            visit(chunk->items[i], context);
        }
    }
}

#endif
