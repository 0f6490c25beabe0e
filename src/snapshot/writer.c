/* writer.c - writing a snapshot: a header, then chunks, each with its checksums.
 *
 * Contents go to the file from where they lie.  Long ones are cut, so that of a file that was cut off most can be read;
 * each piece has whole elements, whatever the kind: its size is a multiple of every struct's that comes in arrays. */
#define _POSIX_C_SOURCE 200809L
#include "snapshot/writer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "snapshot/crc32c.h"
#include "snapshot/format.h"

/* 56 codes, 12 nodes, 64 traces, 32 runs: 1344 bytes are whole numbers of each. */
#define PIECE ((size_t)1344 * 3072)

_Static_assert(PIECE % sizeof(struct ouro_snapshot_code) == 0, "no code is cut");
_Static_assert(PIECE % sizeof(struct ouro_snapshot_node) == 0, "no node is cut");
_Static_assert(PIECE % sizeof(struct ouro_snapshot_trace) == 0, "no trace is cut");
_Static_assert(PIECE % sizeof(struct ouro_snapshot_run) == 0, "no run is cut");
_Static_assert(PIECE % sizeof(struct ouro_snapshot_thread) == 0, "no thread is cut");
_Static_assert(PIECE % sizeof(struct ouro_snapshot_since) == 0, "no mark is cut");
_Static_assert(PIECE % sizeof(struct ouro_snapshot_typed) == 0, "no type is cut");
_Static_assert(PIECE % sizeof(struct ouro_snapshot_life) == 0, "no life is cut");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they lie in memory");

static void
write_bytes(struct ouro__snapshot_writer *writer, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0 && writer->error == 0) {
        ssize_t n = write(writer->file, at, size);
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        } else if (n == 0) {
            writer->error = EIO;
        } else if (errno != EINTR) {
            writer->error = errno;
        }
    }
}

static void
write_chunk(struct ouro__snapshot_writer *writer, const char *kind, const void *contents, size_t size)
{
    struct ouro_snapshot_chunk chunk = {.stored = size, .size = size};

    memcpy(chunk.kind, kind, sizeof chunk.kind);
    chunk.crc = ouro__crc32c(0, contents, size);
    chunk.header_crc = ouro__crc32c(0, &chunk, offsetof(struct ouro_snapshot_chunk, header_crc));
    write_bytes(writer, &chunk, sizeof chunk);
    write_bytes(writer, contents, size);
}

void
ouro__snapshot_begin(struct ouro__snapshot_writer *writer, int file)
{
    struct ouro_snapshot_header header = {.version = OURO_SNAPSHOT_VERSION};

    *writer = (struct ouro__snapshot_writer){.file = file};
    memcpy(header.magic, OURO_SNAPSHOT_MAGIC, sizeof header.magic);
    write_bytes(writer, &header, sizeof header);
}

void
ouro__snapshot_write(struct ouro__snapshot_writer *writer, const char *kind, const void *contents,
                     size_t size)
{
    const char *at = contents;

    while (size > PIECE && writer->error == 0) {
        write_chunk(writer, kind, at, PIECE);
        at += PIECE;
        size -= PIECE;
    }
    if (writer->error == 0) {
        write_chunk(writer, kind, at, size);
    }
}

bool
ouro__snapshot_end(struct ouro__snapshot_writer *writer)
{
    ouro__snapshot_write(writer, OURO_SNAPSHOT_END, NULL, 0);
    return writer->error == 0;
}
