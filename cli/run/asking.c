/* asking.c - programs are asked for snapshots at equal intervals.
 *
 * The time is kept here: in the programs there is neither a timer nor a thread, which they could notice.  They look when
 * their blocks come and go. */
#define _GNU_SOURCE
#include "run/asking.h"

#include <dirent.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "monitor/ask.h"
#include "monitor/read.h"
#include "run/facts.h"

static uint64_t
now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

void
ouro__asking_begin(struct ouro__asking *asking, const char *folder, pid_t kept, uint64_t every_ns)
{
    *asking = (struct ouro__asking){folder, kept, every_ns, now() + every_ns};
}

static void
ask(const struct ouro__asking *asking, int folder, const char *name)
{
    struct ouro__record_found found = {0};
    int file = openat(folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (file >= 0 && ouro__record_read(file, &found) && found.record.state == OURO_RECORD_RUNNING &&
        (found.record.pid == asking->kept || ouro__record_is_worth_it(&found.record))) {
        (void)ouro__record_ask(file, OURO_ASKED_BY_TIME, NULL);
    }
    if (file >= 0) {
        (void)close(file);
    }
}

static void
ask_all(const struct ouro__asking *asking)
{
    DIR *folder = opendir(asking->folder);

    if (folder == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        unsigned number;
        if (ouro__record_name_parse(entry->d_name, &number)) {
            ask(asking, dirfd(folder), entry->d_name);
        }
    }
    (void)closedir(folder);
}

uint64_t
ouro__asking_look(struct ouro__asking *asking)
{
    uint64_t time = now();

    if (time >= asking->due_ns) {
        ask_all(asking);
        asking->due_ns += asking->every_ns;
        if (asking->due_ns < time) { /* the machine slept */
            asking->due_ns = time + asking->every_ns;
        }
        time = now();
    }
    return asking->due_ns > time ? asking->due_ns - time : 0;
}
