/* ouro/thread.h - which threads use objects, and when they may be stopped.
 *
 * A thread attaches before it touches objects and detaches before it waits for anything else than Ouro.  The
 * collector stops attached threads at their next safepoint: inside allocations now and then, and where the program
 * calls ouro_safepoint().  A detached thread holds nobody up. */
#ifndef OURO_THREAD_H
#define OURO_THREAD_H

#include <ouro/heap.h>
#include <ouro/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the object system is made with.  Zero is a good value for every field. */
typedef struct ouro_config {
    size_t limit; /**< most bytes its heaps may hold from the system; 0: none */
} ouro_config;

/**
 * Make the object system and attach the calling thread.  Again at will: later calls only attach.
 *
 * @param config  borrowed, may be NULL
 * @return OURO_OK, OURO_NO_MEMORY, or OURO_TOO_MANY threads
 * @threads any
 */
OURO_API OURO_NODISCARD ouro_status ouro_init(const ouro_config *config);

/**
 * Attach the calling thread; waits while the world is stopped.  An attached thread may attach again: as many
 * calls of ouro_thread_detach() undo it.
 *
 * @return OURO_OK, OURO_NO_MEMORY, OURO_TOO_MANY threads (65,534 at a time), or OURO_NOT_ATTACHED before ouro_init()
 * @threads any
 */
OURO_API OURO_NODISCARD ouro_status ouro_thread_attach(void);

/** Detach the calling thread.  Its objects stay; it may attach again.  A thread that ends is detached. */
OURO_API void ouro_thread_detach(void);

/** Whether the calling thread is attached. */
OURO_API bool ouro_thread_is_attached(void);

/** Let the collector stop this thread here, and take over what other threads left it to destroy. */
OURO_API void ouro_safepoint(void);

#ifdef __cplusplus
}
#endif

#endif
