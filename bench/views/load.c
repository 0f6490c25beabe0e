/* load.c - reads a snapshot, and no more: whole, checked, unpacked.  Arguments: the snapshot, and where to save it as it
 * was read, if it shall be, with its chunks as they are. */
#include <stdio.h>
#include <zstd.h>

#include <ouro/snapshot.h>

static bool
unpack(void *to, size_t size, const void *from, size_t n)
{
    return ZSTD_decompress(to, size, from, n) == size;
}

int
main(int argc, char **argv)
{
    ouro_snapshot *snapshot;

    if (argc < 2 || ouro_snapshot_open(argv[1], unpack, &snapshot) != OURO_OK ||
        ouro_snapshot_trouble(snapshot) != NULL) {
        fprintf(stderr, "it can't be read\n");
        return 1;
    }
    if (argc > 2 && ouro_snapshot_save(snapshot, argv[2]) != OURO_OK) {
        fprintf(stderr, "it can't be saved\n");
        return 1;
    }
    printf("read\n"); /* what the process holds is the system's to take back */
    return 0;
}
