/* session.h - the folder in which the processes of one run leave their records, and the environment
 * that tells them of it. */
#ifndef OURO_CLI_SESSION_H
#define OURO_CLI_SESSION_H

#include <stdbool.h>

#include "run/run.h"

struct ouro__session {
    char *folder; /* absolute, owned; NULL: there is none */
    char *host;   /* path of libouro-host.so as LD_PRELOAD takes it, owned */
};

/* Find the host library and make the folder.  Says what is wrong on standard error when it cannot. */
bool ouro__session_make(struct ouro__session *session);

/* Set the environment of the program to come (which is the tool's own: it starts nothing else). */
bool ouro__session_set_environment(const struct ouro__session *session,
                                   const struct ouro__options *options);

/* Remove the folder and all in it. */
void ouro__session_remove(struct ouro__session *session);

#endif
