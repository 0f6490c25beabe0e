/* narrow.c - figures that are no part of what was asked for are taken out of a snapshot in memory. */
#include "view/narrow.h"

static void
set_all(struct ouro_snapshot_trace *trace, uint64_t blocks)
{
    trace->all_blocks = blocks;
    trace->all_bytes = blocks * trace->size;
}

void
ouro__narrow_temporary(struct ouro__snapshot *snapshot, uint64_t within)
{
    for (size_t i = 0; i < snapshot->n_traces; i++) {
        uint64_t blocks = 0, up_to = 1;
        for (int k = 0; i < snapshot->n_lives && k < OURO_SNAPSHOT_N_LIVES && up_to <= within; k++) {
            blocks += snapshot->lives[i].ended[k];
            up_to *= 10;
        }
        set_all(&snapshot->traces[i], blocks);
    }
}

void
ouro__lives_sum(const struct ouro__snapshot *snapshot, const struct ouro__view *view,
                double blocks[OURO_SNAPSHOT_N_LIVES])
{
    for (int k = 0; k < OURO_SNAPSHOT_N_LIVES; k++) {
        blocks[k] = k == 0 ? 0 : blocks[k - 1];
        for (size_t i = 1; i < snapshot->n_lives; i++) {
            struct ouro_snapshot_trace trace = snapshot->traces[i];
            if (snapshot->lives[i].ended[k] > 0 && view->is_kept[view->nodes[trace.node]]) {
                set_all(&trace, snapshot->lives[i].ended[k]);
                blocks[k] += ouro__figures_of(&snapshot->tracing, &trace, OURO_MEASURE_CHURN).blocks;
            }
        }
    }
}
