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

/* Contents of our own are cut to about this. */
#define PIECE ((size_t)4 << 20)

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

/* Pack contents, if that makes them smaller but not so small that no reader would believe it: returns the bytes that they
 * need then, or 0. */
static size_t
contents_pack(struct packer *packer, const void *contents, size_t size)
{
    size_t n = ZSTD_compressCCtx(packer->context, packer->bytes, packer->room, contents, size, LEVEL);

    if (ZSTD_isError(n) || n >= size || size / OURO_SNAPSHOT_RATIO_MOST > n) {
        return 0;
    }
    return n;
}

/* Write a chunk with `stored` in it, packed where it isn't yet.  False when memory runs out. */
static bool
chunk_pack(struct packer *packer, struct ouro_snapshot_chunk chunk, const void *stored,
           struct ouro__output *output)
{
    size_t bound = ZSTD_compressBound((size_t)chunk.stored);

    if (packer->room < bound) {
        free(packer->bytes);
        packer->bytes = malloc(bound);
        packer->room = packer->bytes == NULL ? 0 : bound;
        if (packer->bytes == NULL) {
            return false;
        }
    }
    size_t n = (chunk.flags & OURO_SNAPSHOT_ZSTD) != 0
                   ? 0
                   : contents_pack(packer, stored, (size_t)chunk.stored);
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

/* Chunks of our own. */
static bool
parts_pack(struct packer *packer, const struct ouro__snapshot_part *parts, size_t n,
           struct ouro__output *output)
{
    bool is_well = true;

    for (size_t i = 0; i < n && is_well; i++) {
        size_t most = parts[i].element == 0 ? SIZE_MAX : PIECE / parts[i].element * parts[i].element;
        for (size_t at = 0, size; at < parts[i].size && is_well; at += size) {
            size = parts[i].size - at < most ? parts[i].size - at : most;
            struct ouro_snapshot_chunk chunk = {.stored = size, .size = size};
            memcpy(chunk.kind, parts[i].kind, sizeof chunk.kind);
            is_well = chunk_pack(packer, chunk, (const char *)parts[i].contents + at, output);
        }
    }
    return is_well;
}

/* Whether chunks of that kind are ours to make. */
static bool
is_replaced(const struct ouro_snapshot_chunk *chunk, const struct ouro__snapshot_part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (parts[i].size > 0 && ouro__chunk_is(chunk, parts[i].kind)) {
            return true;
        }
    }
    return false;
}

/* All chunks of a file that has begun well, and the parts before its end. */
static bool
chunks_pack(struct packer *packer, struct ouro__chunks *chunks, const struct ouro__snapshot_part *parts,
            size_t n_parts, struct ouro__output *output)
{
    bool is_well = true;

    while (is_well && output->error == 0 && ouro__chunks_next(chunks)) {
        if (ouro__chunk_is(&chunks->chunk, OURO_SNAPSHOT_END)) {
            is_well = parts_pack(packer, parts, n_parts, output);
            n_parts = 0;
        }
        if (is_replaced(&chunks->chunk, parts, n_parts)) {
            continue;
        }
        is_well = is_well && chunk_pack(packer, chunks->chunk, chunks->stored, output);
    }
    return is_well && !chunks->no_memory && parts_pack(packer, parts, n_parts, output);
}

/* The whole file: the chunks of one that has begun well, or NULL, and the parts. */
static bool
file_pack(struct ouro__chunks *chunks, const struct ouro__snapshot_part *parts, size_t n_parts,
          const char *to, bool force)
{
    static const struct ouro_snapshot_chunk end = {.kind = {'E', 'N', 'D', ' '}};
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
        is_well = chunks != NULL ? chunks_pack(&packer, chunks, parts, n_parts, &output)
                                 : parts_pack(&packer, parts, n_parts, &output) &&
                                       chunk_pack(&packer, end, NULL, &output);
        if (is_well) {
            is_well = ouro__output_end(&output);
        } else {
            ouro__output_drop(&output);
            ouro__say("cannot write %s: out of memory", to);
        }
    }
    free(packer.bytes);
    (void)ZSTD_freeCCtx(packer.context);
    return is_well;
}

bool
ouro__snapshot_make(const struct ouro__snapshot_part *parts, size_t n_parts, const char *to, bool force)
{
    return file_pack(NULL, parts, n_parts, to, force);
}

bool
ouro__snapshot_compress(const char *from, const struct ouro__snapshot_part *parts, size_t n_parts,
                        const char *to, bool force, bool quiet)
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
        is_well = file_pack(&chunks, parts, n_parts, to, force);
    }
    if (is_well && chunks.trouble[0] != '\0' && !quiet) {
        ouro__say("note: %s is not complete: what was taken %s", to, chunks.trouble);
    }
    ouro__chunks_free(&chunks);
    (void)fclose(file);
    return is_well;
}
