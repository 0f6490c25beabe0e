/* chunks.c - a snapshot's file, chunk by chunk.
 *
 * Nothing in the file is believed before its checksum fits, and sizes not even then: a chunk has at most as much as
 * format.h says.  The file is read, never mapped: one that shrinks meanwhile would be a SIGBUS. */
#define _POSIX_C_SOURCE 200809L
#include "snapshot/chunks.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/crc32c.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are read as they lie in the file");

/* Read exactly `size` bytes; how many it was. */
static size_t
read_bytes(struct ouro__chunks *chunks, void *to, size_t size)
{
    size_t n = fread(to, 1, size, chunks->file);
    chunks->at += n;
    return n;
}

/* Say that the file ends too early, or can't be read, with `n` bytes of what was wanted. */
static bool
end_early(struct ouro__chunks *chunks, const char *where)
{
    if (ferror(chunks->file)) {
        (void)snprintf(chunks->trouble, sizeof chunks->trouble, "cannot be read: %s", strerror(errno));
    } else {
        (void)snprintf(chunks->trouble, sizeof chunks->trouble, "is cut off at byte %" PRIu64 ", %s",
                       chunks->at, where);
    }
    return false;
}

static bool
is_spoiled(struct ouro__chunks *chunks, uint64_t at, const char *how)
{
    (void)snprintf(chunks->trouble, sizeof chunks->trouble, "is spoiled at byte %" PRIu64 ": %s", at,
                   how);
    return false;
}

bool
ouro__chunks_begin(struct ouro__chunks *chunks, FILE *file)
{
    struct ouro_snapshot_header header;

    *chunks = (struct ouro__chunks){.file = file};
    size_t n = read_bytes(chunks, &header, sizeof header);
    size_t n_magic = n < sizeof header.magic ? n : sizeof header.magic;
    if (memcmp(header.magic, OURO_SNAPSHOT_MAGIC, n_magic) != 0 || (n == 0 && !ferror(file))) {
        (void)snprintf(chunks->trouble, sizeof chunks->trouble, "is not a snapshot");
        return false;
    }
    if (n < sizeof header) {
        return end_early(chunks, "in its header");
    }
    if (header.version == 0 || header.version > OURO_SNAPSHOT_VERSION) {
        (void)snprintf(chunks->trouble, sizeof chunks->trouble,
                       "is a snapshot of version %" PRIu32 ": this ouro reads up to %d", header.version,
                       OURO_SNAPSHOT_VERSION);
        return false;
    }
    return true;
}

static bool
check_header(struct ouro__chunks *chunks)
{
    const struct ouro_snapshot_chunk *chunk = &chunks->chunk;
    uint64_t at = chunks->at - sizeof *chunk;

    if (chunk->header_crc != ouro__crc32c(0, chunk, offsetof(struct ouro_snapshot_chunk, header_crc))) {
        return is_spoiled(chunks, at, "a chunk's header has another checksum");
    }
    if ((chunk->flags & ~(uint32_t)OURO_SNAPSHOT_ZSTD) != 0) {
        return is_spoiled(chunks, at, "a chunk is packed in a way that this ouro doesn't know");
    }
    if (chunk->stored > OURO_SNAPSHOT_CONTENTS_MOST || chunk->size > OURO_SNAPSHOT_CONTENTS_MOST ||
        chunk->size / OURO_SNAPSHOT_RATIO_MOST > chunk->stored) {
        return is_spoiled(chunks, at, "a chunk is larger than any can be");
    }
    if ((chunk->flags & OURO_SNAPSHOT_ZSTD) == 0 && chunk->stored != chunk->size) {
        return is_spoiled(chunks, at, "a chunk has two sizes");
    }
    return true;
}

/* The stored bytes of the chunk.  Room is made as they come: a size in a header alone takes no memory. */
static bool
read_stored(struct ouro__chunks *chunks)
{
    size_t step = (size_t)1 << 20;
    size_t size = (size_t)chunks->chunk.stored;

    for (size_t have = 0; have < size;) {
        size_t wanted = size - have < step ? size - have : step;
        if (chunks->room < have + wanted) {
            size_t room = size < 2 * (have + wanted) ? size : 2 * (have + wanted);
            unsigned char *larger = realloc(chunks->stored, room);
            if (larger == NULL) {
                chunks->no_memory = true;
                (void)snprintf(chunks->trouble, sizeof chunks->trouble,
                               "needs more memory than there is");
                return false;
            }
            chunks->stored = larger;
            chunks->room = room;
        }
        if (read_bytes(chunks, chunks->stored + have, wanted) < wanted) {
            return end_early(chunks, "in the midst of a chunk");
        }
        have += wanted;
    }
    return true;
}

bool
ouro__chunks_next(struct ouro__chunks *chunks)
{
    struct ouro_snapshot_chunk *chunk = &chunks->chunk;

    if (chunks->n_chunks > 0 && ouro__chunk_is(chunk, OURO_SNAPSHOT_END)) {
        return false;
    }
    size_t n = read_bytes(chunks, chunk, sizeof *chunk);
    if (n < sizeof *chunk) {
        memset(chunk, 0, sizeof *chunk);
        return end_early(chunks, n == 0 ? "between two chunks" : "in a chunk's header");
    }
    if (!check_header(chunks)) {
        return false;
    }
    uint64_t at = chunks->at;
    if (!read_stored(chunks)) {
        return false;
    }
    if (chunk->crc != ouro__crc32c(0, chunks->stored, (size_t)chunk->stored)) {
        return is_spoiled(chunks, at, "a chunk's contents have another checksum");
    }
    chunks->n_chunks++;
    return true;
}

void
ouro__chunks_free(struct ouro__chunks *chunks)
{
    free(chunks->stored);
    chunks->stored = NULL;
    chunks->room = 0;
}

bool
ouro__chunk_is(const struct ouro_snapshot_chunk *chunk, const char *kind)
{
    return memcmp(chunk->kind, kind, sizeof chunk->kind) == 0;
}
