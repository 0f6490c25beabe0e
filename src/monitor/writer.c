/* writer.c - the record of a host process: its file, and the protocol of its one writer. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "monitor/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The file is as long as the mapping, a page of the smallest system: no access can fault past its end. */
#define RECORD_FILE_SIZE 4096

/* A pid that execs or comes round again finds its former records; this many are more than a session has. */
#define N_MAX_SAME_PID 100000

/* Whether a file of `size` bytes may be written at all: past RLIMIT_FSIZE the kernel sends SIGXFSZ, which
 * ends the program. */
static bool
is_file_size_allowed(size_t size)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur >= size;
}

static int
open_new_file(const char *session, uint32_t *number)
{
    char path[1200]; /* not PATH_MAX: this may run on a small stack */
    int pid = (int)getpid();

    for (unsigned n = 0; n < N_MAX_SAME_PID; n++) {
        int length = snprintf(path, sizeof path, "%s/%d.%u.rec", session, pid, n);
        if (length < 0 || (size_t)length >= sizeof path) {
            return -1;
        }
        int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file >= 0) {
            *number = n;
            return file;
        }
        if (errno != EEXIST) {
            return -1;
        }
    }
    return -1;
}

/* Zeroes are written, instead of making the file long: a full disk says so now, and not by a SIGBUS when the
 * mapping is touched. */
static bool
fill_file(int file)
{
    static const char zeroes[RECORD_FILE_SIZE];
    return write(file, zeroes, sizeof zeroes) == (ssize_t)sizeof zeroes;
}

/* The arguments that the kernel keeps, each ended by NUL, cut to what fits. */
static void
read_command(struct ouro_record *record)
{
    int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return;
    }
    ssize_t n = read(file, record->command, sizeof record->command - 1);
    close(file);
    record->command_bytes = n > 0 ? (uint32_t)n : 0;
    record->command[record->command_bytes] = '\0';
}

static void
read_executable(struct ouro_record *record)
{
    ssize_t n = readlink("/proc/self/exe", record->executable, sizeof record->executable - 1);
    record->executable[n > 0 ? n : 0] = '\0';
}

/* Make the file and map it, at `place` unless that is NULL. */
static struct ouro_record *
map_new_file(const char *session, void *place)
{
    if (!is_file_size_allowed(RECORD_FILE_SIZE)) {
        return NULL;
    }
    uint32_t number;
    int file = open_new_file(session, &number);
    if (file < 0) {
        return NULL;
    }
    void *mapped = MAP_FAILED;
    if (fill_file(file)) {
        int flags = MAP_SHARED | (place != NULL ? MAP_FIXED : 0);
        mapped = mmap(place, RECORD_FILE_SIZE, PROT_READ | PROT_WRITE, flags, file, 0);
    }
    close(file);
    if (mapped == MAP_FAILED) {
        return NULL;
    }
    struct ouro_record *record = mapped;
    record->number = number;
    return record;
}

static void
fill_identity(struct ouro_record *record)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    record->version = OURO_RECORD_VERSION;
    record->size = sizeof *record;
    record->pid = (int32_t)getpid();
    record->ppid = (int32_t)getppid();
    record->began_ns = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
    record->exit_status = -1;
}

void
ouro__record_identify(struct ouro_record *record)
{
    *record = (struct ouro_record){0};
    fill_identity(record);
    read_command(record);
    read_executable(record);
    ouro__record_publish(record);
}

struct ouro_record *
ouro__record_create(const char *session)
{
    struct ouro_record *record = map_new_file(session, NULL);
    if (record != NULL) {
        fill_identity(record);
        read_command(record);
        read_executable(record);
    }
    return record;
}

static void
inherit(struct ouro_record *record, const struct ouro_record *parent)
{
    memcpy(record->command, parent->command, sizeof record->command);
    record->command_bytes = parent->command_bytes;
    memcpy(record->executable, parent->executable, sizeof record->executable);
    memcpy(record->python_version, parent->python_version, sizeof record->python_version);
    record->python_hex = parent->python_hex;
    record->python_served = parent->python_served;
    record->python_free_threaded = parent->python_free_threaded;
    record->python_interpreters_own_gil = parent->python_interpreters_own_gil;
    memcpy(record->note, parent->note, sizeof record->note);
    record->gc_mode = parent->gc_mode;
    memcpy(record->gc_stock_thresholds, parent->gc_stock_thresholds,
           sizeof record->gc_stock_thresholds);
    memcpy(record->gc_thresholds, parent->gc_thresholds, sizeof record->gc_thresholds);
    record->debug = parent->debug;
}

bool
ouro__record_fork(const char *session, struct ouro_record *record)
{
    static struct ouro_record parent; /* not on the stack, which may be small; a child has one thread */

    parent = *record;
    if (map_new_file(session, record) == NULL) {
        (void)mmap(record, RECORD_FILE_SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        return false;
    }
    fill_identity(record);
    inherit(record, &parent);
    record->forked = 1;
    return true;
}

void
ouro__record_publish(struct ouro_record *record)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy(record->magic, OURO_RECORD_MAGIC, sizeof record->magic);
}

/* The sequence may be odd already, when the last writer was interrupted for good (_exit in a signal
 * handler): it is made even all the same in the end. */
void
ouro__record_begin(struct ouro_record *record)
{
    uint32_t sequence = __atomic_load_n(&record->sequence, __ATOMIC_RELAXED);
    __atomic_store_n(&record->sequence, sequence | 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

void
ouro__record_end(struct ouro_record *record)
{
    uint32_t sequence = __atomic_load_n(&record->sequence, __ATOMIC_RELAXED);
    __atomic_store_n(&record->sequence, sequence + 1, __ATOMIC_RELEASE);
}
