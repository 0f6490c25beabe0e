/* churn.c - the simplest loop: batches of equal blocks are taken and given back in the same order, in
 * reverse, and crosswise, for one size after another.  Arguments: rounds, blocks a batch. */
#include "work.h"

int
main(int argc, char **argv)
{
    static const size_t sizes[] = {16, 24, 40, 64, 96, 128, 200, 256, 400, 512, 800, 1024};
    size_t rounds = argument(argc, argv, 1, 5000);
    size_t n_blocks = argument(argc, argv, 2, 1024);
    void **blocks = need(calloc(n_blocks, sizeof *blocks));
    uint64_t operations = 0, checksum = 0;

    for (size_t round = 0; round < rounds; round++) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            for (size_t i = 0; i < n_blocks; i++) {
                blocks[i] = need(malloc(sizes[s]));
                mark(blocks[i], sizes[s], i + s);
            }
            for (size_t i = 0; i < n_blocks; i++) {
                size_t at = round % 3 == 0 ? i : round % 3 == 1 ? n_blocks - 1 - i : (i * 7) % n_blocks;
                checksum += marked(blocks[at]) * (i | 1);
                free(blocks[at]);
                blocks[at] = NULL;
                if (round % 3 == 2 && i % 8 == 7) { /* and a few come back at once */
                    void *back = need(malloc(sizes[s]));
                    mark(back, sizes[s], i);
                    free(back);
                    operations += 2;
                }
            }
            operations += 2 * n_blocks;
        }
    }
    free(blocks);
    finish("churn", operations, checksum);
    return 0;
}
