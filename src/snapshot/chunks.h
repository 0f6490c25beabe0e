/* chunks.h - a snapshot's file, chunk by chunk, each checked before anybody sees it. */
#ifndef OURO_SNAPSHOT_CHUNKS_H
#define OURO_SNAPSHOT_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "snapshot/format.h"

struct ouro__chunks {
    FILE *file;  /* borrowed; read from where it stands, never sought */
    uint64_t at; /* bytes read so far */
    uint64_t n_chunks;
    struct ouro_snapshot_chunk chunk; /* the last one's header */
    unsigned char *stored;            /* its stored bytes, until the next one; owned */
    size_t room;
    bool no_memory;    /* that is the trouble */
    char trouble[128]; /* why there is no further chunk, completes "FILE ..."; empty: it ended well */
};

/* Begin with `file`: reads its header.  False when it is no snapshot, or none that is understood: see `trouble`. */
bool ouro__chunks_begin(struct ouro__chunks *chunks, FILE *file);

/* Go on to the next whole chunk; false behind the last one, or where the file is cut off or spoiled: see `trouble`. */
bool ouro__chunks_next(struct ouro__chunks *chunks);

void ouro__chunks_free(struct ouro__chunks *chunks);

/* Whether the chunk is of the kind, one of format.h's. */
bool ouro__chunk_is(const struct ouro_snapshot_chunk *chunk, const char *kind);

#endif
