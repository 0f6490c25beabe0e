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

/** A new reference to the object, or NULL when it is dead.  A proxy's, too. */
OURO_API OURO_NODISCARD ouro_ref ouro_weakref_get(ouro_loan weakref);

/* A weak reference has its object's hash, also after the object's death if it was asked before; otherwise it gives OURO_DEAD.
 * Two are equal while their objects live and are; afterwards each equals itself alone. */

/** Whether an object is a weak reference; a proxy is none. */
OURO_API bool ouro_is_weakref(ouro_loan object);

/** How many weak references to an object there are, with proxies, finalizers, and those of weak containers.  @source
 * weakref.getweakrefcount() */
OURO_API size_t ouro_weakref_count(ouro_loan object);

/**
 * The weak references to an object that are alive: the one without a callback first, the proxy without a callback, then the
 * most recent.
 *
 * @param refs    receives up to `n_refs` new references
 * @return how many there are; no more than `n_refs` were given
 */
OURO_API size_t ouro_weakref_list(ouro_loan object, ouro_ref *refs, size_t n_refs);

/* ---- proxies ---- */

/**
 * Make a proxy: an object that stands for another without keeping it alive.  What <ouro/protocol.h> and ouro_enter() ask it, the other
 * one answers; when that is dead they give OURO_DEAD, and ouro_repr() a text that says so.  It has no hash.
 *
 * @param object    borrowed
 * @param callback  as of ouro_weakref_create(); without one the proxy is the same object for every call
 * @param context   borrowed and kept while the proxy lives; may be NULL
 * @param proxy     receives a new reference
 * @return OURO_OK or OURO_NO_MEMORY
 * @source weakref.proxy()
 */
OURO_API OURO_NODISCARD ouro_status ouro_proxy_create(ouro_loan object, ouro_weak_callback callback,
                                                      ouro_loan context, ouro_ref *proxy);

/** A new reference to the object that a proxy stands for: OURO_OK; OURO_DEAD; OURO_WRONG_TYPE for what is no proxy. */
OURO_API OURO_NODISCARD ouro_status ouro_proxy_get(ouro_loan proxy, ouro_ref *object);

/** Whether an object is a proxy. */
OURO_API bool ouro_is_proxy(ouro_loan object);

#ifdef __cplusplus
}
#endif

#endif
