/* weakref.h - weak references, as the collector handles them. */
#ifndef OURO_OBJECT_WEAKREF_H
#define OURO_OBJECT_WEAKREF_H

#include "object/object.h"
#include "ouro/weakref.h"

struct weakref {
    ouro_object head;
    ouro_object
        *referent; /* not counted; NULL when it has died; written under its shard's lock, atomic */
    struct weakref *next, *prev; /* of the same referent; later, of those whose callbacks wait */
    ouro_ref context;
    ouro_weak_callback callback;
    uint64_t hash; /* of the referent, masked; 0: was never asked; atomic */
};

_Static_assert(sizeof(struct weakref) == 64, "a class of the heap");

/* What other types of weak references are made from, and that of proxies. */
extern struct ouro_type *ouro__weakref_type, *ouro__proxy_type;

/* Is it one, of whatever type? */
static inline bool
ouro__is_weakref(const ouro_object *object)
{
    return (ouro__type(object)->flags & TYPE_WEAKREF) != 0;
}

bool ouro__weakrefs_init(void);

/* Does it refer to this object, which lives? */
static inline bool
ouro__weakref_is_to(const struct weakref *ref, const ouro_object *object)
{
    return __atomic_load_n(&ref->referent, __ATOMIC_RELAXED) == object;
}

/* Make a weak reference of a type made from ouro__weakref_type; without a callback it is the same for every call. */
ouro_status ouro__weakref_make(struct ouro_type *type, ouro_object *object, ouro_weak_callback callback,
                               ouro_loan context, ouro_ref *weakref);

/* What a proxy, or the last of proxies of proxies, stands for, as a new reference; or OURO_DEAD. */
ouro_status ouro__proxy_target(ouro_loan proxy, ouro_ref *object);

/* From now on the object's end is decided by an atomic instruction, and ouro__try_incref() may be asked.  The caller
 * has a reference. */
void ouro__mark_weak(ouro_object *object);

/* Have the weak references to `object` forget it.  Those that have a callback, live and, when `skip` is given, are not
 * skipped, are put before `*waiting`, with a reference each, in the order in which they are to be called. */
void ouro__weakrefs_clear(ouro_object *object, struct weakref **waiting,
                          bool (*skip)(const ouro_object *weakref));

/* Have one weak reference forget its object, and never be called. */
void ouro__weakref_forget(struct weakref *ref);

/* Call what waits, and let go of it. */
void ouro__weakrefs_call(struct weakref *waiting);

#endif
