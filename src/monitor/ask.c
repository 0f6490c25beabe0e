/* ask.c - asking a process for a snapshot, through its record.
 *
 * The record's one writer is its process; this word and the name before it are the exception, and have their own order:
 * the name is there before the word is.  Both are written to the file, whose pages the process has mapped. */
#define _POSIX_C_SOURCE 200809L
#include "monitor/ask.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

static bool
write_at(int file, const void *bytes, size_t size, size_t at)
{
    return pwrite(file, bytes, size, (off_t)at) == (ssize_t)size;
}

bool
ouro__record_ask(int file, enum ouro_record_asked asked, const char *name)
{
    char padded[sizeof((struct ouro_record *)0)->asked_name] = "";
    uint32_t word = (uint32_t)asked;

    if (name != NULL) {
        strncpy(padded, name, sizeof padded - 1);
        if (!write_at(file, padded, sizeof padded, offsetof(struct ouro_record, asked_name))) {
            return false;
        }
    }
    return write_at(file, &word, sizeof word, offsetof(struct ouro_record, asked));
}
