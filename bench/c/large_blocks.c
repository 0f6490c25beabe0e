/* large_blocks.c - blocks of 64 KiB to 8 MiB that are written in part and replaced at random.
 * Arguments: operations, blocks, bytes between touches. */
#include "work.h"

int
main(int argc, char **argv)
{
    size_t operations = argument(argc, argv, 1, 600000);
    size_t n_blocks = argument(argc, argv, 2, 40);
    size_t stride = argument(argc, argv, 3, 4096);
    unsigned char **blocks = need(calloc(n_blocks, sizeof *blocks));
    uint64_t state = 4, checksum = 0;

    for (size_t i = 0; i < operations; i++) {
        size_t at = random_between(&state, 0, n_blocks);
        if (blocks[at] != NULL) {
            checksum = checksum * 31 + blocks[at][0];
            free(blocks[at]);
        }
        size_t size = 65536 + random_size(&state, i % 16 == 0 ? 23 : 19);
        blocks[at] = need(malloc(size));
        for (size_t offset = 0; offset < size; offset += stride)
            blocks[at][offset] = (unsigned char)i;
    }
    for (size_t at = 0; at < n_blocks; at++)
        free(blocks[at]);
    free(blocks);
    finish("large_blocks", 2 * operations, checksum);
    return 0;
}
