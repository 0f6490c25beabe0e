/* fork.c - a process becomes two.
 *
 * Handlers of pthread_atfork() stop the heap while the kernel copies it: all its locks are taken, by the
 * thread that forks, and the child's copy is repaired where other threads, which the child doesn't have,
 * were in the middle of something.  Ours are registered before any other's, so that before the fork they
 * run last, and after it first: others may allocate in theirs.
 *
 * In a process of one thread there is nothing to stop, and taking locks could only do harm: a fork in a
 * signal handler may have interrupted that one thread while it held them.  Parent and child then both
 * return into the interrupted function and finish it, each in its own copy.
 *
 * The child of vfork(), and of posix_spawn(), runs in the parent's memory until it execs; no handlers run.
 * It may allocate (it isn't meant to): that is the parent's heap, used by one thread at a time.  It must not
 * write in the parent's record: see is_ours() in watch.c. */
#define _GNU_SOURCE
#include "host/host.h"

#include <pthread.h>

#include "heap/heap.h"
#include "os/os.h"
#include "trace/trace.h"

/* Whether the handlers before this fork took the locks; guarded by them. */
static bool is_stopped;

static void
prepare(void)
{
    if (ouro__trace_mode_now() != OURO__TRACE_OFF) {
        ouro__trace_fork_prepare();
    }
    if (!ouro__os_is_single_threaded()) {
        ouro__heap_fork_prepare();
        is_stopped = true;
    }
}

static void
resume_parent(void)
{
    if (is_stopped) {
        is_stopped = false;
        ouro__heap_fork_parent();
    }
    ouro__trace_fork_done();
}

static void
begin_child(void)
{
    if (is_stopped) {
        is_stopped = false;
        ouro__heap_fork_child();
    }
    ouro__trace_fork_done();
    ouro__watch_fork_child();
}

void
ouro__fork_watch(void)
{
    /* It can fail for want of memory alone, when the program hardly begins. */
    ouro__heap_forks_watched = pthread_atfork(prepare, resume_parent, begin_child) == 0;
}
