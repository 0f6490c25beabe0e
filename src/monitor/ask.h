/* ask.h - asking a process for a snapshot, through its record. */
#ifndef OURO_MONITOR_ASK_H
#define OURO_MONITOR_ASK_H

#include <stdbool.h>

#include "monitor/record.h"

/* Have the process whose record `file` is (open for reading and writing) take a snapshot when it next looks; `name`, of
 * up to 95 bytes, is for OURO_ASKED_BY_NAME, else NULL.  False with errno when that can't be written. */
bool ouro__record_ask(int file, enum ouro_record_asked asked, const char *name);

#endif
