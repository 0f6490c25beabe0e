/* mixed_sizes.c - blocks of 16 bytes to 64 KiB, small ones as frequent as large ones by powers of two, in
 * phases that fill, replace and thin out.  Arguments: phases, blocks. */
#include "work.h"

int
main(int argc, char **argv)
{
    size_t phases = argument(argc, argv, 1, 2000);
    size_t n_blocks = argument(argc, argv, 2, 6000);
    void **blocks = need(calloc(n_blocks, sizeof *blocks));
    uint64_t state = 3, operations = 0, checksum = 0;

    for (size_t phase = 0; phase < phases; phase++) {
        for (size_t i = 0; i < n_blocks * 2; i++) {
            size_t at = random_between(&state, 0, n_blocks);
            if (blocks[at] != NULL) {
                checksum = checksum * 31 + marked(blocks[at]);
                free(blocks[at]);
                operations++;
            }
            size_t size = random_size(&state, 16);
            blocks[at] = need(malloc(size));
            mark(blocks[at], size, i ^ phase);
            operations++;
        }
        for (size_t at = phase % 3; at < n_blocks; at += 3) {
            free(blocks[at]);
            blocks[at] = NULL;
            operations++;
        }
    }
    for (size_t at = 0; at < n_blocks; at++)
        free(blocks[at]);
    free(blocks);
    finish("mixed_sizes", operations, checksum);
    return 0;
}
