/* test_graph.c - counts, weak references and the collector against a naive oracle, over millions of random operations.
 *
 * usage: model_graph [SEED...]
 * OURO_MODEL_OPS sets how many operations a run has; a run that fails has printed its seed, with which it
 * fails again.
 *
 * Finalizers and callbacks do what the test does: make, link, drop, resurrect, collect.
 *
 * ctest: timeout=900 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "graph.h"
#include "require.h"
#include "runs.h"

static void
drop_everything(void)
{
    model.is_settling = true;
    for (size_t i = 0; i < N_ROOTS; i++) {
        drop_root(i);
    }
    check_collected();
    REQUIRE(model.n_free == MOST, "%zu things are left", MOST - model.n_free);
}

static void
run(uint64_t seed, uint64_t n_operations)
{
    uint64_t began = clock_ms();
    memset(&model, 0, sizeof model);
    model.random.state = seed;
    for (int id = 0; id < MOST; id++) {
        model.free[model.n_free++] = id;
    }
    for (size_t i = 0; i < N_ROOTS; i++) {
        model.roots[i] = NONE;
    }
    printf("seed %-10" PRIu64 " %9" PRIu64 " operations", seed, n_operations);
    fflush(stdout);
    for (uint64_t i = 0; i < n_operations; i++) {
        mutate();
        if (model.n_free < MOST / 10 && below(4) == 0) {
            for (int n = 0; n < N_ROOTS / 3; n++) {
                drop_root(below(N_ROOTS));
            }
            collect(OURO_GENERATIONS - 1);
        }
        uint64_t dice = below(16384);
        if (dice < 4) {
            change_thresholds();
        } else if (dice < 6) {
            freeze_or_unfreeze();
        } else if (dice < 22) {
            check_counts();
        } else if (dice < 38) {
            check_collected();
        } else if (dice == 38) {
            check_side_is_clean();
        }
    }
    drop_everything();
    check_side_is_clean();
    printf(": %" PRIu64 " made, %" PRIu64 " collections, %" PRIu64 " finalized, %" PRIu64
           " resurrected, %" PRIu64 " called, %" PRIu64 " forgotten, %" PRIu64 " ms\n",
           model.n_lives, model.n_collections, model.n_finalized, model.n_resurrected, model.n_called,
           model.n_forgotten, clock_ms() - began);
}

int
main(int argc, char **argv)
{
    REQUIRE(ouro_init(NULL) == OURO_OK, "no memory to begin with");
    things_begin(on_death, on_end);
    REQUIRE(ouro_gc_add_callback(on_collection, NULL) == OURO_OK, "no place for a callback");
    return runs_main(argc, argv, 3000000, run);
}
