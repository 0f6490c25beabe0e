/* threads.c - which thread asked for a block.
 *
 * Threads are numbered as their first blocks are traced, from 1; past OTHERS they share a number, so that a server with
 * a thread for each request doesn't make traces without end.  A thread's name is the system's, which Python sets from
 * 3.14 on, some blocks after the thread has begun: so it is looked at again, ever less often. */
#define _GNU_SOURCE
#include "host/host.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "trace/traced.h"
#include "snapshot/format.h"
#include "snapshot/writer.h"

#define OTHERS 1024U
#define LOOKS_MOST (1U << 20)

static struct ouro_snapshot_thread threads[OTHERS + 1];
static uint32_t n_threads; /* atomic; beside number 0 */

struct seen {
    uint32_t number; /* 0: not seen yet */
    uint32_t n_blocks;
};

static _Thread_local struct seen seen __attribute__((tls_model("initial-exec")));

static void
take_name(struct ouro_snapshot_thread *thread)
{
    char name[sizeof thread->name] = "";

    thread->id = (uint32_t)gettid();
    if (thread->id == (uint32_t)getpid()) {
        (void)snprintf(thread->name, sizeof thread->name, "main thread");
    } else if (prctl(PR_GET_NAME, name, 0, 0, 0) == 0) {
        memcpy(thread->name, name, sizeof name);
    }
}

static unsigned
tell_thread(void)
{
    if (OURO_UNLIKELY(seen.number == 0)) {
        uint32_t number = __atomic_add_fetch(&n_threads, 1, __ATOMIC_RELAXED);
        seen.number = number < OTHERS ? number : OTHERS;
    }
    if (seen.number < OTHERS && seen.n_blocks < LOOKS_MOST &&
        (seen.n_blocks & (seen.n_blocks - 1)) == 0) {
        take_name(&threads[seen.number]);
    }
    seen.n_blocks += seen.n_blocks < LOOKS_MOST;
    return seen.number << OURO_THREAD_SHIFT;
}

void
ouro__threads_tell(void)
{
    __atomic_store_n(&ouro__traced_above, tell_thread, __ATOMIC_RELEASE);
}

void
ouro__threads_write(struct ouro__snapshot_writer *writer)
{
    uint32_t n = __atomic_load_n(&n_threads, __ATOMIC_RELAXED);

    if (n >= OTHERS) {
        n = OTHERS;
        (void)snprintf(threads[n].name, sizeof threads[n].name, "other threads");
    }
    if (n > 0) {
        ouro__snapshot_write(writer, OURO_SNAPSHOT_THREADS, threads, (n + 1) * sizeof *threads);
    }
}
