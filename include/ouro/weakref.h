/* ouro/weakref.h - references that do not keep an object alive.
 *
 * They stand in tables beside the objects: an object without weak references pays nothing for those of others. */
#ifndef OURO_WEAKREF_H
#define OURO_WEAKREF_H

#include <ouro/object.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Called when a weak reference's object has died; `context` is what ouro_weakref_create() was given.  A failure
 * goes to the unraisable hook.
 */
typedef ouro_status (*ouro_weak_callback)(ouro_loan weakref, ouro_loan context);

/**
 * Make a weak reference.  Without a callback it is the same object for every call, as long as it lives.
 *
 * @param object    borrowed
 * @param callback  NULL for none; called once, after all weak references to the object have forgotten it, the
 *                  most recently made first; not when the weak reference itself dies before, or with it in one cycle
 * @param context   borrowed and kept while the weak reference lives; may be NULL
 * @param weakref   receives a new reference
 * @return OURO_OK or OURO_NO_MEMORY
 * @source CPython Objects/weakrefobject.c, PyWeakref_NewRef()
 */
OURO_API OURO_NODISCARD ouro_status ouro_weakref_create(ouro_loan object, ouro_weak_callback callback,
                                                        ouro_loan context, ouro_ref *weakref);

/** A new reference to the object, or NULL when it is dead. */
OURO_API OURO_NODISCARD ouro_ref ouro_weakref_get(ouro_loan weakref);

/** Whether an object is a weak reference. */
OURO_API bool ouro_is_weakref(ouro_loan object);

/** How many weak references to an object there are.  @source weakref.getweakrefcount() */
OURO_API size_t ouro_weakref_count(ouro_loan object);

/**
 * The weak references to an object that are alive, the one without a callback first, then the most recent.
 *
 * @param refs    receives up to `n_refs` new references
 * @return how many there are; no more than `n_refs` were given
 */
OURO_API size_t ouro_weakref_list(ouro_loan object, ouro_ref *refs, size_t n_refs);

#ifdef __cplusplus
}
#endif

#endif
