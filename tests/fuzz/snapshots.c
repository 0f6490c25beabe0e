/* snapshots.c - a fuzzer's bytes as a snapshot's file: whatever it is, what is read of it keeps the reader's promises.
 *
 * The first byte says what is done with the others: 0 reads them as they are; with bit 0 they are taken for the chunks
 * of a file and get the checksums that are right for them, else nothing behind a chunk's header would ever be looked at;
 * with bit 1 there is no way to unpack. */
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "require.h"
#include "snapshot/crc32c.h"
#include "snapshots.h"

/* Put a header in front, and right sums and lengths into the chunks; owned. */
static uint8_t *
file_mend(const uint8_t *data, size_t size, size_t *n)
{
    struct ouro_snapshot_header header = {.magic = OURO_SNAPSHOT_MAGIC,
                                          .version = OURO_SNAPSHOT_VERSION};
    uint8_t *file = malloc(sizeof header + size);

    REQUIRE(file != NULL, "no memory");
    memcpy(file, &header, sizeof header);
    if (size > 0) {
        memcpy(file + sizeof header, data, size);
    }
    *n = sizeof header + size;
    for (size_t at = sizeof header; *n - at >= sizeof(struct ouro_snapshot_chunk);) {
        struct ouro_snapshot_chunk chunk;
        memcpy(&chunk, file + at, sizeof chunk);
        size_t room = *n - at - sizeof chunk;
        if (chunk.stored > room && chunk.stored < OURO_SNAPSHOT_CONTENTS_MOST) {
            chunk.stored = room;
        }
        size_t stored = chunk.stored < room ? (size_t)chunk.stored : room;
        if ((chunk.flags & OURO_SNAPSHOT_ZSTD) == 0 && chunk.size < OURO_SNAPSHOT_CONTENTS_MOST) {
            chunk.size = chunk.stored;
        }
        chunk.crc = ouro__crc32c(0, file + at + sizeof chunk, stored);
        chunk.header_crc = ouro__crc32c(0, &chunk, offsetof(struct ouro_snapshot_chunk, header_crc));
        memcpy(file + at, &chunk, sizeof chunk);
        at += sizeof chunk + stored;
    }
    return file;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ouro__snapshot snapshot;
    struct input input = {data, data + size};
    unsigned how = next_byte(&input);
    size_t n = (size_t)(input.end - input.at);
    uint8_t *mended = (how & 1) != 0 ? file_mend(input.at, n, &n) : NULL;

    if (snapshot_read_bytes(&snapshot, mended != NULL ? mended : input.at, n,
                            (how & 2) != 0 ? NULL : snapshot_inflate_runs)) {
        snapshot_check(&snapshot);
        ouro__snapshot_free(&snapshot);
    } else {
        REQUIRE(snapshot.trouble[0] != '\0', "failed without a word");
    }
    free(mended);
    return 0;
}
