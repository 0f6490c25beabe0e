/* moment.c - one moment of a process: the waterfall from live bytes to resident memory.
 *
 *     live - untouched + free + cached + records  +  files  +  other  =  resident
 *     `------------- the heap says -----------'     `kernel'   `rest'   `kernel'
 *
 * The heap's figures and the kernel's are read one after the other while the program's other threads go
 * on, the kernel keeps its own a few pages behind on each processor, and it may have swapped out what the
 * heap thinks is there.  So the rest can come out below zero.  Then that many bytes are not resident that
 * the heap took for resident: they count as untouched, which is what they look like from outside. */
#define _POSIX_C_SOURCE 200809L
#include "monitor/moment.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Read a small file of /proc as text; false when that fails. */
static bool
read_text(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    ssize_t n = read(file, text, size - 1);
    close(file);
    if (n <= 0) {
        return false;
    }
    text[n] = '\0';
    return true;
}

/* The number at or after *text, which moves behind it.  strtoull() would look at the locale. */
static uint64_t
parse_number(const char **text)
{
    const char *at = *text;
    uint64_t number = 0;
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    while (*at >= '0' && *at <= '9') {
        number = number * 10 + (uint64_t)(*at++ - '0');
    }
    *text = at;
    return number;
}

/* The files are those of the calling thread: those of the process are empty once its first thread has ended. */
bool
ouro__kernel_memory_read(struct ouro__kernel_memory *memory)
{
    char text[256];
    if (!read_text("/proc/thread-self/statm", text, sizeof text)) {
        return false;
    }
    const char *at = text;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    (void)parse_number(&at); /* address space */
    memory->resident = parse_number(&at) * page;
    memory->files = parse_number(&at) * page;
    return true;
}

uint64_t
ouro__kernel_peak_resident(void)
{
    static char text[4096]; /* not on the stack, which may be small */
    if (!read_text("/proc/thread-self/status", text, sizeof text)) {
        return 0;
    }
    const char *at = strstr(text, "\nVmHWM:");
    if (at == NULL) {
        return 0;
    }
    at += sizeof "\nVmHWM:" - 1;
    return parse_number(&at) * 1024;
}

/* Make a part smaller by `share` of itself, and `excess` by as much. */
static uint64_t
take_share(uint64_t *part, double share, uint64_t *excess)
{
    uint64_t wanted = (uint64_t)((double)*part * share) + 1;
    uint64_t taken = wanted < *part ? wanted : *part;
    taken = taken < *excess ? taken : *excess;
    *part -= taken;
    *excess -= taken;
    return taken;
}

void
ouro__moment_fill(struct ouro_record_moment *moment, const ouro_heap_stats *heap,
                  const struct ouro__kernel_memory *kernel)
{
    for (int i = 0; i < OURO_N_DOMAINS; i++) {
        moment->live[i] = heap->domain[i].live_bytes;
        moment->blocks[i] = heap->domain[i].live_blocks;
    }
    uint64_t live = moment->live[0] + moment->live[1] + moment->live[2];
    moment->rounding = heap->rounding_bytes < live ? heap->rounding_bytes : live;
    moment->untouched = heap->untouched_bytes < live ? heap->untouched_bytes : live;
    moment->free = heap->free_bytes;
    moment->cached = heap->cached_bytes;
    moment->records = heap->record_bytes;
    moment->mapped = heap->mapped_bytes;
    moment->resident = kernel->resident;
    moment->files = kernel->files < kernel->resident ? kernel->files : kernel->resident;

    uint64_t ours = live - moment->untouched + moment->free + moment->cached + moment->records;
    uint64_t room = moment->resident - moment->files;
    if (ours <= room) {
        moment->other = room - ours;
        return;
    }
    moment->other = 0;
    uint64_t excess = ours - room;
    uint64_t touched = live - moment->untouched;
    uint64_t parts = touched + moment->free + moment->cached;
    double share = parts > excess ? (double)excess / (double)parts : 1;
    moment->untouched += take_share(&touched, share, &excess);
    (void)take_share(&moment->cached, share, &excess);
    (void)take_share(&moment->free, share, &excess);
    (void)take_share(&moment->records, 1, &excess);
}
