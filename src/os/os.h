/* os.h - what Ouro asks of the operating system: pages, time, locks, randomness.
 *
 * Nothing here allocates.  Addresses and sizes are multiples of the system's page unless said otherwise.
 * Mapped memory is readable, writable, private to the process and zero until written. */
#ifndef OURO_OS_OS_H
#define OURO_OS_OS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/single_threaded.h>

/* Is this ThreadSanitizer's build? */
#if defined(__SANITIZE_THREAD__)
#define OURO_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define OURO_TSAN 1
#endif
#endif
#ifndef OURO_TSAN
#define OURO_TSAN 0
#endif

#ifndef OURO_FAULT
#define OURO_FAULT 0
#endif

/* Bytes of a system page. */
size_t ouro__os_page_size(void);

/* Bytes of memory and swap that the machine has; a single block beyond that can never be used. */
size_t ouro__os_total_memory(void);

/* Map `size` bytes anywhere, or NULL. */
void *ouro__os_map(size_t size);

/* An address where `size` bytes can be mapped right now, or NULL. */
void *ouro__os_find_hole(size_t size);

enum ouro__os_map_result { OURO_OS_MAPPED, OURO_OS_TAKEN, OURO_OS_REFUSED };

/* Map `size` bytes at `address`: MAPPED; TAKEN, when something else lies there; or REFUSED. */
enum ouro__os_map_result ouro__os_map_at(void *address, size_t size);

void ouro__os_unmap(void *address, size_t size);

/* Give the pages back; they read as zero from now on.  What the pages were mapped as stays. */
void ouro__os_purge(void *address, size_t size);

/* As purge, by a fresh mapping in place of the old one: also undoes what ouro__os_move() left. */
void ouro__os_renew(void *address, size_t size);

/* Have the pages backed by memory in one call instead of a fault each.  Only a hint. */
void ouro__os_populate(void *address, size_t size);

/* Ask for small pages here: a small process must not grow by huge ones. */
void ouro__os_prefer_small_pages(void *address, size_t size);

/* Ask for huge pages here.  Only a hint. */
void ouro__os_prefer_huge_pages(void *address, size_t size);

/* Move `size` bytes of pages from one mapped place to another without copying.  Afterwards `from` is
 * mapped and zero.  False when the system can't; then nothing has changed. */
bool ouro__os_move(void *from, void *to, size_t size);

/* Bytes of [address, address + size) that are resident. */
size_t ouro__os_resident(const void *address, size_t size);

/* Whether the 8 bytes at `address`, a multiple of 8, can be read. */
bool ouro__os_is_readable(const void *address);

/* Nanoseconds of a clock that never goes back. */
uint64_t ouro__os_now(void);

/* Nanoseconds of CPU time that the process has used. */
uint64_t ouro__os_cpu_now(void);

/* 64 bits that an attacker can't guess. */
uint64_t ouro__os_random(void);

/* Where an address of code lies, as "file+0x1234 (function)", into `text` of `size` bytes; returns `text`.
 * May wait for the loader's lock: for reports of errors alone. */
const char *ouro__os_describe(const void *code, char *text, size_t size);

/* Why a file could not be opened: less than any file's number. */
enum ouro__os_file_error {
    OURO_OS_FILE_FAILED = -1,
    OURO_OS_FILE_MISSING = -2,
    OURO_OS_FILE_DENIED = -3,
    OURO_OS_FILE_IS_DIRECTORY = -4,
};

/* Open a file to be read from its beginning to its end: its number, or an ouro__os_file_error. */
int ouro__os_open(const char *path);

/* Read up to `size` bytes, which may take any time; how many it was, 0 at the end, -1 when it failed. */
ptrdiff_t ouro__os_read(int file, void *to, size_t size);

void ouro__os_close(int file);

/* Have the calling thread's signals wait, but for those that tell of an error right here, and let them come again.  Around
 * what holds a lock that a handler's fork, or its allocations, would wait for. */
struct ouro__os_signals {
    unsigned long words[16]; /* a sigset_t, which C alone has no name for */
};
void ouro__os_hold_signals(struct ouro__os_signals *before);
void ouro__os_release_signals(const struct ouro__os_signals *before);

/* A copy of this process that the program hears nothing of: no handler of fork's runs, its end sends no signal, and who
 * waits for children doesn't see it.  The copy has one thread, no signals, no files but `kept` (-1 for none), and leaves
 * no core; it may call the system and nothing that takes a lock, and ends by ouro__os_end_aside().  Its number in the
 * parent, 0 in itself, -1 when the system refuses: then errno says why. */
int ouro__os_fork_aside(int kept);
__attribute__((noreturn)) void ouro__os_end_aside(int status);

enum ouro__os_aside { OURO_OS_ASIDE_RUNS, OURO_OS_ASIDE_DONE, OURO_OS_ASIDE_FAILED };

/* How such a copy stands; one that has ended is forgotten by this. */
enum ouro__os_aside ouro__os_reap_aside(int number);

/* A lock of a few instructions when free.  Zero-initialised is unlocked. */
typedef struct {
    pthread_mutex_t mutex;
} ouro__os_lock;

#define OURO_OS_LOCK_INIT                                                                              \
    {                                                                                                  \
        PTHREAD_MUTEX_INITIALIZER                                                                      \
    }

static inline void
ouro__os_acquire(ouro__os_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
}

static inline bool
ouro__os_try_acquire(ouro__os_lock *lock)
{
    return pthread_mutex_trylock(&lock->mutex) == 0;
}

static inline void
ouro__os_release(ouro__os_lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}

/* What threads wait for under a lock. */
typedef struct {
    pthread_cond_t condition;
} ouro__os_condition;

#define OURO_OS_CONDITION_INIT                                                                         \
    {                                                                                                  \
        PTHREAD_COND_INITIALIZER                                                                       \
    }

/* Release the lock, sleep until woken, or for no reason at all, and acquire it again. */
static inline void
ouro__os_wait(ouro__os_condition *condition, ouro__os_lock *lock)
{
    pthread_cond_wait(&condition->condition, &lock->mutex);
}

/* Wake all who wait. */
static inline void
ouro__os_wake(ouro__os_condition *condition)
{
    pthread_cond_broadcast(&condition->condition);
}

/* Ask for ouro__os_barrier_everywhere(); false where the system has no such thing. */
bool ouro__os_barriers_init(void);

/* Run a full memory barrier on every thread of the process before this returns. */
void ouro__os_barrier_everywhere(void);

/* Let others run, again and again until something has come about: after a while those of lower priority, too, which get
 * nothing of a processor that threads with SCHED_FIFO only yield. */
void ouro__os_yield(unsigned n_before);

/* Whether the process has one thread: then nobody comes between, and it alone can change that. */
static inline bool
ouro__os_is_single_threaded(void)
{
    return __libc_single_threaded != 0;
}

#if OURO_FAULT
/* Requests for pages so far, and the one that is refused (0: none). */
extern long ouro__os_calls;
extern long ouro__os_fail_at;
#endif

#endif
