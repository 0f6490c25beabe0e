/* compress.c - packing snapshots with zstd, chunk by chunk. */
#define _GNU_SOURCE
#include "run/compress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "output.h"
#include "snapshot/chunks.h"
#include "snapshot/crc32c.h"
#include "text.h"

/* 3 packs some hundred megabytes a second, to a fifth or less. */
#define LEVEL 3

struct packer {
    ZSTD_CCtx *context;
    void *bytes;
    size_t room;
};

bool
ouro__snapshot_unpack(void *to, size_t size, const void *from, size_t n)
{
    return ZSTD_decompress(to, size, from, n) == size;
}

/* Pack a chunk's contents, if that makes them smaller but not so small that no reader would believe it: returns the
 * bytes that it needs then, or 0. */
static size_t
contents_pack(struct packer *packer, const struct ouro__chunks *chunks)
{
    const struct ouro_snapshot_chunk *chunk = &chunks->chunk;
    size_t n = ZSTD_compressCCtx(packer->context, packer->bytes, packer->room, chunks->stored,
                                 (size_t)chunk->stored, LEVEL);

    if (ZSTD_isError(n) || n >= chunk->stored || chunk->size / OURO_SNAPSHOT_RATIO_MOST > n) {
        return 0;
    }
    return n;
}

/* Write a chunk that was read, packed where it isn't yet.  False when memory runs out. */
static bool
chunk_pack(struct packer *packer, const struct ouro__chunks *chunks, struct ouro__output *output)
{
    struct ouro_snapshot_chunk chunk = chunks->chunk;
    const void *stored = chunks->stored;
    size_t bound = ZSTD_compressBound((size_t)chunk.stored);

    if (packer->room < bound) {
        free(packer->bytes);
        packer->bytes = malloc(bound);
        packer->room = packer->bytes == NULL ? 0 : bound;
        if (packer->bytes == NULL) {
            return false;
        }
    }
    size_t n = (chunk.flags & OURO_SNAPSHOT_ZSTD) != 0 ? 0 : contents_pack(packer, chunks);
    if (n > 0) {
        stored = packer->bytes;
        chunk.stored = n;
        chunk.flags |= OURO_SNAPSHOT_ZSTD;
    }
    chunk.crc = ouro__crc32c(0, stored, (size_t)chunk.stored);
    chunk.header_crc = ouro__crc32c(0, &chunk, offsetof(struct ouro_snapshot_chunk, header_crc));
    ouro__output_add(output, &chunk, sizeof chunk);
    ouro__output_add(output, stored, (size_t)chunk.stored);
    return true;
}

/* All chunks of a file that has begun well. */
static bool
chunks_pack(struct ouro__chunks *chunks, const char *to, bool force)
{
    struct ouro_snapshot_header header = {.magic = OURO_SNAPSHOT_MAGIC,
                                          .version = OURO_SNAPSHOT_VERSION};
    struct packer packer = {.context = ZSTD_createCCtx()};
    struct ouro__output output;

    bool is_well = packer.context != NULL;
    if (!is_well) {
        ouro__say("cannot write %s: out of memory", to);
    } else if (!ouro__output_begin(&output, to, force)) {
        is_well = false;
    } else {
        ouro__output_add(&output, &header, sizeof header);
        while (is_well && output.error == 0 && ouro__chunks_next(chunks)) {
            is_well = chunk_pack(&packer, chunks, &output);
        }
        is_well = is_well && !chunks->no_memory;
        if (is_well) {
            is_well = ouro__output_end(&output);
        } else {
            ouro__output_drop(&output);
            ouro__say("cannot write %s: out of memory", to);
        }
    }
    if (is_well && chunks->trouble[0] != '\0') {
        ouro__say("note: %s is not complete: what was taken %s", to, chunks->trouble);
    }
    free(packer.bytes);
    (void)ZSTD_freeCCtx(packer.context);
    return is_well;
}

bool
ouro__snapshot_compress(const char *from, const char *to, bool force)
{
    struct ouro__chunks chunks;
    FILE *file = fopen(from, "rbe");

    if (file == NULL) {
        ouro__say("cannot read %s: %s", from, strerror(errno));
        return false;
    }
    bool is_well = ouro__chunks_begin(&chunks, file);
    if (!is_well) {
        ouro__say("cannot write %s: what was taken %s", to, chunks.trouble);
    } else {
        is_well = chunks_pack(&chunks, to, force);
    }
    ouro__chunks_free(&chunks);
    (void)fclose(file);
    return is_well;
}
