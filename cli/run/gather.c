/* gather.c - the records of a run, read and put in order. */
#define _GNU_SOURCE
#include "run/gather.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"
#include "units.h"

/* Helpers of a program (multiprocessing's resource tracker) end when they see it end: a moment later. */
#define GRACE_TRIES 10
#define GRACE_NS 5000000L

/* A process can be that much younger than its record says before it must be another of the same pid:
 * the kernel counts starts in hundredths of a second. */
#define START_SLACK_NS 1000000000U

struct gathering {
    struct ouro__run *run;
    size_t room;
    bool out_of_memory;
};

static bool
gathering_add(const struct ouro__record_found *found, void *context)
{
    struct gathering *gathering = context;
    struct ouro__run *run = gathering->run;

    if (run->n_processes == gathering->room) {
        size_t room = gathering->room == 0 ? 16 : gathering->room * 2;
        struct ouro__process *grown = reallocarray(run->processes, room, sizeof *grown);
        if (grown == NULL) {
            gathering->out_of_memory = true;
            return false;
        }
        run->processes = grown;
        gathering->room = room;
    }
    run->processes[run->n_processes++] = (struct ouro__process){.found = *found};
    return true;
}

/* By the time they began. */
static int
process_compare(const void *left, const void *right)
{
    const struct ouro__record_found *a = &((const struct ouro__process *)left)->found;
    const struct ouro__record_found *b = &((const struct ouro__process *)right)->found;

    if (a->record.began_ns != b->record.began_ns) {
        return a->record.began_ns < b->record.began_ns ? -1 : 1;
    }
    if (a->record.pid != b->record.pid) {
        return a->record.pid < b->record.pid ? -1 : 1;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

/* When the process that has this pid now was started, on CLOCK_REALTIME; false when there is none. */
static bool
process_start(int32_t pid, uint64_t *start_ns)
{
    char path[40];
    char line[1024];
    char state;
    uint64_t ticks;
    struct timespec wall, boot;

    (void)snprintf(path, sizeof path, "/proc/%" PRId32 "/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size_t length = fread(line, 1, sizeof line - 1, file);
    (void)fclose(file);
    line[length] = '\0';
    const char *behind_name = strrchr(line, ')'); /* the name itself may hold anything */
    if (behind_name == NULL ||
        sscanf(behind_name + 1,
               " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
               "%*s %*s %*s %" SCNu64,
               &state, &ticks) != 2 ||
        state == 'Z' || state == 'X') {
        return false;
    }
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)clock_gettime(CLOCK_BOOTTIME, &boot);
    uint64_t second = 1000000000U;
    uint64_t booted_ns = ((uint64_t)wall.tv_sec - (uint64_t)boot.tv_sec) * second +
                         (uint64_t)wall.tv_nsec - (uint64_t)boot.tv_nsec;
    *start_ns = booted_ns + ticks * (second / (uint64_t)sysconf(_SC_CLK_TCK));
    return true;
}

static bool
process_is_running(const struct ouro__run *run, const struct ouro_record *record)
{
    uint64_t start_ns;
    bool has_ended = record->state == OURO_RECORD_ENDED || record->state == OURO_RECORD_REPLACED;
    if (has_ended || record->pid == run->ending.pid) {
        return false;
    }
    return process_start(record->pid, &start_ns) &&
           start_ns <= ouro__sum(record->began_ns, START_SLACK_NS);
}

static size_t
run_read(struct ouro__run *run, const char *folder)
{
    struct gathering gathering = {.run = run};
    size_t n_running = 0;

    ouro__run_free(run);
    if (!ouro__records_read(folder, gathering_add, &gathering, &run->n_unreadable)) {
        ouro__say("cannot read %s: %s", folder, strerror(errno));
    } else if (gathering.out_of_memory) {
        ouro__say("out of memory: some processes are left out of the report");
    }
    if (run->n_processes > 1) {
        qsort(run->processes, run->n_processes, sizeof *run->processes, process_compare);
    }
    for (size_t i = 0; i < run->n_processes; i++) {
        struct ouro__process *process = &run->processes[i];
        process->still_running = process_is_running(run, &process->found.record);
        n_running += process->still_running;
    }
    return n_running;
}

void
ouro__run_gather(struct ouro__run *run, const char *folder)
{
    struct timespec grace = {.tv_nsec = GRACE_NS};
    for (int i = 0; run_read(run, folder) > 0 && i < GRACE_TRIES; i++) {
        (void)nanosleep(&grace, NULL);
    }
}

void
ouro__run_free(struct ouro__run *run)
{
    free(run->processes);
    run->processes = NULL;
    run->n_processes = 0;
}
