/* runs.h - a model is run from several seeds: `model_x SEED...`, or the usual ones. */
#ifndef OURO_TESTS_RUNS_H
#define OURO_TESTS_RUNS_H

#include <stdint.h>

/* Run the model from each seed; all runs together have `n_operations`, or OURO_MODEL_OPS of them: what main() returns. */
int runs_main(int argc, char **argv, uint64_t n_operations,
              void (*run)(uint64_t seed, uint64_t n_operations));

#endif
