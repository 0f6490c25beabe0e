/* compress.h - snapshots are packed with zstd, chunk by chunk; the host, which depends on libc alone, leaves that to us. */
#ifndef OURO_CLI_COMPRESS_H
#define OURO_CLI_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>

/* Chunks of a kind that we make: which, one of format.h's, and their contents, borrowed.  Empty ones are left out. */
struct ouro__snapshot_part {
    const char *kind;
    const void *contents;
    size_t size;
    size_t
        element; /* bytes of one: longer contents than a chunk can have are cut between two; 0: they never are */
};

/* Copy the snapshot `from`, as a host wrote it, to `to`, each chunk packed, with `parts` before its end in the
 * place of its own chunks of their kinds.  `to` appears
 * whole or not at all; a plain file that is there already is replaced only with `force`.  One that the host could not
 * write to its end is copied up to its last whole chunk, which a line says, unless `quiet`.  False
 * when that fails; says why. */
bool ouro__snapshot_compress(const char *from, const struct ouro__snapshot_part *parts, size_t n_parts,
                             const char *to, bool force, bool quiet);

/* Likewise, of the parts alone. */
bool ouro__snapshot_make(const struct ouro__snapshot_part *parts, size_t n_parts, const char *to,
                         bool force);

/* The contents of a packed chunk, for ouro__snapshot_read(). */
bool ouro__snapshot_unpack(void *to, size_t size, const void *from, size_t n);

#endif
