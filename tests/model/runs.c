/* runs.c - see runs.h. */
#include "runs.h"

#include <stdlib.h>

#include "process.h"

int
runs_main(int argc, char **argv, uint64_t n_operations,
          void (*run)(uint64_t seed, uint64_t n_operations))
{
    static const uint64_t usual_seeds[] = {1, 2, 20260101};
    size_t n_seeds = argc > 1 ? (size_t)argc - 1 : sizeof usual_seeds / sizeof usual_seeds[0];
    uint64_t n = test_count("OURO_MODEL_OPS", n_operations) / n_seeds;

    for (size_t i = 0; i < n_seeds; i++) {
        run(argc > 1 ? strtoull(argv[i + 1], NULL, 10) : usual_seeds[i], n);
    }
    return 0;
}
