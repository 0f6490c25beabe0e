/* writer.h - how a host process keeps its record (record.h): making the file, and writing in it.
 *
 * Nothing here allocates, waits or keeps a file descriptor open. */
#ifndef OURO_MONITOR_WRITER_H
#define OURO_MONITOR_WRITER_H

#include "monitor/record.h"

/* Make the record of this process in the folder `session` and map it: who it is is filled in, the rest is
 * zero, and readers don't look at it before ouro__record_publish().  Returns NULL when the folder can't be
 * written, for whatever reason: a process without a record runs as well as any other. */
struct ouro_record *ouro__record_create(const char *session);

/* In a forked child: leave the parent's record and begin the child's own at the same address, so that an
 * update of this very thread that a fork in a signal handler interrupted goes on in the child's.  The
 * command, the executable and what is said of Python are taken over.  False when there is no new record;
 * then a page that no one reads lies there. */
bool ouro__record_fork(const char *session, struct ouro_record *record);

/* Fill a record that is in no file with who this process is; the rest is zero. */
void ouro__record_identify(struct ouro_record *record);

/* Let readers see the record. */
void ouro__record_publish(struct ouro_record *record);

/* Around every change of a published record.  The caller sees to it that there is one writer. */
void ouro__record_begin(struct ouro_record *record);
void ouro__record_end(struct ouro_record *record);

#endif
