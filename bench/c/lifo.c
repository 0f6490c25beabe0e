/* lifo.c - one thread takes and gives like a stack: the last block taken is the first given back.
 * Arguments: rounds, depth. */
#include "work.h"

int
main(int argc, char **argv)
{
    size_t rounds = argument(argc, argv, 1, 1300000);
    size_t depth = argument(argc, argv, 2, 200);
    void **blocks = need(calloc(depth, sizeof *blocks));
    uint64_t state = 1, operations = 0, checksum = 0;

    for (size_t round = 0; round < rounds; round++) {
        size_t n = random_between(&state, depth / 4, depth);
        for (size_t i = 0; i < n; i++) {
            size_t size = 16 + ((i * 24 + round) & 511);
            blocks[i] = need(malloc(size));
            mark(blocks[i], size, i + round);
        }
        for (size_t i = n; i-- > 0;) {
            checksum = checksum * 31 + marked(blocks[i]);
            free(blocks[i]);
        }
        operations += 2 * n;
    }
    free(blocks);
    finish("lifo", operations, checksum);
    return 0;
}
