/* lock.c - tracing held still, by who writes it down or forks. */
#include "trace/lock.h"

_Thread_local struct ouro__teller ouro__teller;
bool ouro__trace_locked;
static bool is_forking; /* it is held because of a fork */

bool
ouro__trace_lock(void)
{
    return ouro__lock();
}

void
ouro__trace_unlock(void)
{
    ouro__unlock();
}

void
ouro__trace_fork_prepare(void)
{
    is_forking = ouro__lock();
}

void
ouro__trace_fork_done(void)
{
    if (is_forking) {
        is_forking = false;
        ouro__unlock();
    }
}
