/* lock.h - the lock that guards all of tracing, where there is a second thread; it is not held while blocks are made or
 * freed.  A signal handler that allocates while its own thread holds it is let through, untraced. */
#ifndef OURO_TRACE_LOCK_H
#define OURO_TRACE_LOCK_H

#include "base/assert.h"
#include "os/os.h"
#include "trace/trace.h"

extern bool ouro__trace_locked; /* atomic */

/* Of this thread alone, which is the only one there is, but for handlers of signals. */
static inline bool
ouro__lock_alone(void)
{
    if (OURO_UNLIKELY(ouro__teller.is_inside)) {
        return false;
    }
    ouro__teller.is_inside = true;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return true;
}

static inline void
ouro__unlock_alone(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    ouro__teller.is_inside = false;
}

static inline bool
ouro__lock(void)
{
    if (!ouro__lock_alone()) {
        return false;
    }
    if (!ouro__os_is_single_threaded()) {
        for (unsigned n = 0;
             OURO_UNLIKELY(__atomic_exchange_n(&ouro__trace_locked, true, __ATOMIC_ACQUIRE)); n++) {
            ouro__os_yield(n);
        }
    }
    return true;
}

static inline void
ouro__unlock(void)
{
    __atomic_store_n(&ouro__trace_locked, false, __ATOMIC_RELEASE);
    ouro__unlock_alone();
}

#endif
