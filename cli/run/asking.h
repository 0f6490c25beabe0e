/* asking.h - programs are asked for snapshots at equal intervals (`ouro run --every`). */
#ifndef OURO_CLI_ASKING_H
#define OURO_CLI_ASKING_H

#include <stdint.h>
#include <sys/types.h>

/* When whom was asked. */
struct ouro__asking {
    const char *folder; /* the session's, borrowed */
    pid_t kept;         /* is asked, however small; others when their snapshot would be kept */
    uint64_t every_ns;  /* 0: never */
    uint64_t due_ns;
};

void ouro__asking_begin(struct ouro__asking *asking, const char *folder, pid_t kept, uint64_t every_ns);

/* Ask all processes, if it is time to; in how many nanoseconds it is time again. */
uint64_t ouro__asking_look(struct ouro__asking *asking);

#endif
