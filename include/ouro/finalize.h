/* ouro/finalize.h - calls that are made when an object dies, or else when the process ends.
 *
 * A finalizer is an object of its own, which lives until it has been called: nobody needs to keep it.
 *
 * @source  Python's weakref.finalize */
#ifndef OURO_FINALIZE_H
#define OURO_FINALIZE_H

#include <ouro/object.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Called once; `context` is what ouro_finalize_create() was given.  When nobody asked for the call, a failure goes to the unraisable
 * hook. */
typedef ouro_status (*ouro_finalize_function)(ouro_loan context);

/**
 * Have a function called when an object has died; at the process's normal end if it lives until then: those that were made last first,
 * with the collector switched off.  What dies after that calls nothing.
 *
 * @param object     borrowed; not kept
 * @param function   called without the object, which is gone
 * @param context    borrowed and kept until the call; may be NULL; must not lead to the object, which would never die
 * @param finalizer  receives a new reference; may be NULL
 * @return OURO_OK or OURO_NO_MEMORY
 */
OURO_API OURO_NODISCARD ouro_status ouro_finalize_create(ouro_loan object,
                                                         ouro_finalize_function function,
                                                         ouro_loan context, ouro_ref *finalizer);

/** Whether it has neither been called nor detached. */
OURO_API bool ouro_finalize_is_alive(ouro_loan finalizer);

/** Call it now and never again: OURO_FOUND; 0 when it is not alive; or what the function fails with. */
OURO_API OURO_NODISCARD ouro_status ouro_finalize_call(ouro_loan finalizer);

/**
 * What it waits for.
 *
 * @param object   receives a new reference
 * @param context  receives a new reference, or NULL where there is none
 * @return OURO_FOUND, or 0 when it is not alive or its object is dying
 */
OURO_API OURO_NODISCARD ouro_status ouro_finalize_peek(ouro_loan finalizer, ouro_ref *object,
                                                       ouro_ref *context);

/**
 * Have it never called.
 *
 * @param object   receives a new reference to what it waited for
 * @param context  receives a new reference, or NULL where there is none
 * @return as of ouro_finalize_peek()
 */
OURO_API OURO_NODISCARD ouro_status ouro_finalize_detach(ouro_loan finalizer, ouro_ref *object,
                                                         ouro_ref *context);

/** Say by `at_exit` whether it is to be called when the process ends; it is unless told otherwise. */
OURO_API void ouro_finalize_set_at_exit(ouro_loan finalizer, bool at_exit);

/** Whether it is to be called when the process ends. */
OURO_API bool ouro_finalize_at_exit(ouro_loan finalizer);

/** The type of finalizers, borrowed. */
OURO_API ouro_loan ouro_finalizer_type(void);

#ifdef __cplusplus
}
#endif

#endif
