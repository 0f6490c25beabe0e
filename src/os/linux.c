/* linux.c - the contract of os.h on Linux. */
#define _GNU_SOURCE
#include "os/os.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Constants that older headers lack; the kernel that does not know them says so. */
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#ifndef MEMBARRIER_CMD_PRIVATE_EXPEDITED
#define MEMBARRIER_CMD_PRIVATE_EXPEDITED 8
#define MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED 16
#endif

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

#if OURO_FAULT
long ouro__os_calls;
long ouro__os_fail_at;

static bool
refuse_now(void)
{
    long call = __atomic_add_fetch(&ouro__os_calls, 1, __ATOMIC_RELAXED);
    return call == __atomic_load_n(&ouro__os_fail_at, __ATOMIC_RELAXED);
}
#else
static inline bool
refuse_now(void)
{
    return false;
}
#endif

size_t
ouro__os_page_size(void)
{
    static size_t page_size;
    size_t known = __atomic_load_n(&page_size, __ATOMIC_RELAXED);
    if (known == 0) {
        known = (size_t)sysconf(_SC_PAGESIZE);
        __atomic_store_n(&page_size, known, __ATOMIC_RELAXED);
    }
    return known;
}

size_t
ouro__os_total_memory(void)
{
    struct sysinfo info;
    if (sysinfo(&info) != 0) {
        return SIZE_MAX;
    }
    return (size_t)(info.totalram + info.totalswap) * info.mem_unit;
}

void *
ouro__os_map(size_t size)
{
    if (refuse_now()) {
        return NULL;
    }
    void *address = mmap(NULL, size, READ_WRITE, ANONYMOUS, -1, 0);
    return address == MAP_FAILED ? NULL : address;
}

void *
ouro__os_find_hole(size_t size)
{
    void *address = mmap(NULL, size, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) {
        return NULL;
    }
    munmap(address, size);
    return address;
}

enum ouro__os_map_result
ouro__os_map_at(void *address, size_t size)
{
    if (refuse_now()) {
        return OURO_OS_REFUSED;
    }
    void *got = mmap(address, size, READ_WRITE, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == address) {
        return OURO_OS_MAPPED;
    }
    if (got != MAP_FAILED) { /* a kernel before 4.17 took the address as a mere hint */
        munmap(got, size);
        return OURO_OS_TAKEN;
    }
    return errno == EEXIST ? OURO_OS_TAKEN : OURO_OS_REFUSED;
}

void
ouro__os_unmap(void *address, size_t size)
{
    munmap(address, size);
}

void
ouro__os_purge(void *address, size_t size)
{
    int saved = errno; /* free() leaves it alone */

    /* Fails for locked pages (mlockall): those stay resident, and must still read as zero later. */
    if (madvise(address, size, MADV_DONTNEED) != 0) {
        ouro__os_renew(address, size);
    }
    errno = saved;
}

void
ouro__os_renew(void *address, size_t size)
{
    int saved = errno; /* free() leaves it alone */

    void *got = mmap(address, size, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0);
    if (got == MAP_FAILED) { /* too many mappings: zero by hand, the pages stay */
        __builtin_memset(address, 0, size);
    }
    errno = saved;
}

void
ouro__os_populate(void *address, size_t size)
{
    int saved = errno; /* free() leaves it alone */

    static int unsupported;
    if (!__atomic_load_n(&unsupported, __ATOMIC_RELAXED) &&
        madvise(address, size, MADV_POPULATE_WRITE) != 0 && errno == EINVAL) {
        __atomic_store_n(&unsupported, 1, __ATOMIC_RELAXED);
    }
    errno = saved;
}

void
ouro__os_prefer_small_pages(void *address, size_t size)
{
    (void)madvise(address, size, MADV_NOHUGEPAGE);
}

void
ouro__os_prefer_huge_pages(void *address, size_t size)
{
    (void)madvise(address, size, MADV_HUGEPAGE);
}

bool
ouro__os_move(void *from, void *to, size_t size)
{
    if (refuse_now()) {
        return false;
    }
    return mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) == to;
}

size_t
ouro__os_resident(const void *address, size_t size)
{
    unsigned char pages[512]; /* the stack may be small */
    size_t page = ouro__os_page_size();
    size_t resident = 0;

    while (size > 0) {
        size_t part = size < sizeof pages * page ? size : sizeof pages * page;
        if (mincore((void *)(uintptr_t)address, part, pages) != 0) {
            return resident;
        }
        for (size_t i = 0; i < part / page; i++) {
            resident += (pages[i] & 1) ? page : 0;
        }
        address = (const char *)address + part;
        size -= part;
    }
    return resident;
}

/* The kernel reads a set of signals before it finds that -1 is nothing to do with it. */
bool
ouro__os_is_readable(const void *address)
{
    int saved = errno;
    long result = syscall(SYS_rt_sigprocmask, -1, address, NULL, 8);
    bool is_readable = result == 0 || errno != EFAULT;
    errno = saved;
    return is_readable;
}

static uint64_t
read_clock(clockid_t clock)
{
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t
ouro__os_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t
ouro__os_cpu_now(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t
ouro__os_random(void)
{
    uint64_t bits;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits) {
        /* Early boot or a filter: the clock and the address of the stack are what is left. */
        bits = ouro__os_now() * 0x9E3779B97F4A7C15U ^ (uint64_t)(uintptr_t)&bits;
    }
    return bits;
}

bool
ouro__os_barriers_init(void)
{
    if (OURO_TSAN) { /* it knows nothing of such barriers */
        return false;
    }
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void
ouro__os_barrier_everywhere(void)
{
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

#define YIELDS_MOST 100
#define PAUSE_NS 50000

void
ouro__os_yield(unsigned n_before)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    int saved = errno; /* free() leaves it alone */

    if (n_before < YIELDS_MOST) {
        sched_yield();
    } else {
        (void)nanosleep(&pause, NULL);
    }
    errno = saved;
}

int
ouro__os_open(const char *path)
{
    int file;
    struct stat facts;

    do {
        file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    } while (file < 0 && errno == EINTR);
    if (file < 0) {
        return errno == ENOENT || errno == ENOTDIR ? OURO_OS_FILE_MISSING
               : errno == EACCES || errno == EPERM ? OURO_OS_FILE_DENIED
                                                   : OURO_OS_FILE_FAILED;
    }
    if (fstat(file, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        close(file);
        return OURO_OS_FILE_IS_DIRECTORY;
    }
    (void)posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL);
    return file;
}

ptrdiff_t
ouro__os_read(int file, void *to, size_t size)
{
    ssize_t n;

    do {
        n = read(file, to, size);
    } while (n < 0 && errno == EINTR);
    return n;
}

void
ouro__os_close(int file)
{
    close(file);
}

/* What holds a file of the program's open holds up who waits for its end. */
static void
close_all_but(int kept)
{
    struct rlimit limit;
    unsigned behind = (unsigned)kept + 1;                 /* 0 when none is kept */
    if (syscall(SYS_close_range, behind, ~0U, 0U) == 0) { /* since 5.9 */
        if (kept > 0) {
            (void)syscall(SYS_close_range, 0U, behind - 2, 0U);
        }
        return;
    }
    int n =
        getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536 ? (int)limit.rlim_cur : 65536;
    for (int file = 0; file < n; file++) {
        if (file != kept) {
            (void)close(file);
        }
    }
}

#define ASIDE_SECONDS_MOST 600 /* should it ever hang */

static void
settle_aside(int kept)
{
    const struct rlimit no_core = {0, 0};
    const struct itimerval end = {.it_value.tv_sec = ASIDE_SECONDS_MOST};
    const struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t alarm_alone;

    close_all_but(kept);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)prctl(PR_SET_NAME, "ouro-snapshot");
    (void)sigaction(SIGALRM, &plain, NULL);
    (void)setitimer(ITIMER_REAL, &end, NULL);
    (void)sigemptyset(&alarm_alone);
    (void)sigaddset(&alarm_alone, SIGALRM);
    (void)sigprocmask(SIG_UNBLOCK, &alarm_alone, NULL);
}

_Static_assert(sizeof(struct ouro__os_signals) == sizeof(sigset_t), "one is the other");

void
ouro__os_hold_signals(struct ouro__os_signals *before)
{
    static const int errors[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t held;

    (void)sigfillset(&held);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        (void)sigdelset(&held, errors[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &held, (sigset_t *)(void *)before);
}

void
ouro__os_release_signals(const struct ouro__os_signals *before)
{
    (void)pthread_sigmask(SIG_SETMASK, (const sigset_t *)(const void *)before, NULL);
}

int
ouro__os_fork_aside(int kept)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    /* No signal at its end, which makes it a "clone child": wait() and its like leave those alone. */
    int number = (int)syscall(SYS_clone, 0UL, NULL, NULL, NULL, NULL);
    if (number == 0) {
        settle_aside(kept);
    } else {
        int saved = errno;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        errno = saved;
    }
    return number;
}

void
ouro__os_end_aside(int status)
{
    for (;;) {
        (void)syscall(SYS_exit_group, status);
    }
}

enum ouro__os_aside
ouro__os_reap_aside(int number)
{
    int status, saved = errno;
    pid_t ended = waitpid(number, &status, WNOHANG | (int)__WCLONE);
    errno = saved;
    return ended == 0                                                         ? OURO_OS_ASIDE_RUNS
           : ended == number && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? OURO_OS_ASIDE_DONE
                                                                              : OURO_OS_ASIDE_FAILED;
}

const char *
ouro__os_describe(const void *code, char *text, size_t size)
{
    Dl_info info;
    if (code == NULL || dladdr(code, &info) == 0 || info.dli_fname == NULL) {
        snprintf(text, size, "%p", code);
    } else {
        const char *name = info.dli_sname;
        snprintf(text, size, "%s+0x%zx%s%s%s", info.dli_fname,
                 (size_t)((const char *)code - (const char *)info.dli_fbase), name != NULL ? " (" : "",
                 name != NULL ? name : "", name != NULL ? ")" : "");
    }
    return text;
}
