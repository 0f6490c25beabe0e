/* writer.h - writing a snapshot, chunk by chunk, without allocating: it is called in somebody else's process. */
#ifndef OURO_SNAPSHOT_WRITER_H
#define OURO_SNAPSHOT_WRITER_H

#include <stdbool.h>
#include <stddef.h>

/* A snapshot that is being written to `file`.  A failed write is remembered; what is written after it goes nowhere. */
struct ouro__snapshot_writer {
    int file;
    int error; /* errno of the first write that failed, 0 for none */
};

/* Begin: writes the file's header. */
void ouro__snapshot_begin(struct ouro__snapshot_writer *writer, int file);

/* A whole chunk of `size` bytes, of a kind that snapshot/format.h names.  Long contents may be cut into several. */
void ouro__snapshot_write(struct ouro__snapshot_writer *writer, const char *kind, const void *contents,
                          size_t size);

/* The last chunk; false when anything failed. */
bool ouro__snapshot_end(struct ouro__snapshot_writer *writer);

#endif
