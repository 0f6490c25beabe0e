/* narrow.c - figures that are no part of what was asked for are taken out of a snapshot in memory. */
#include "view/narrow.h"

#include <string.h>

/* Its number; 0 where there is none. */
static size_t
mark_find(const struct ouro__snapshot *snapshot, const char *mark)
{
    size_t found = snapshot->n_sinces - 1;

    while (found > 0 && strcmp(snapshot->sinces[found].name, mark) != 0) {
        found--;
    }
    return found;
}

bool
ouro__narrow_knows(const struct ouro__saved *saved, const char *mark)
{
    const struct ouro__snapshot *snapshot = &saved->snapshot;
    struct ouro__text known = {0};

    if (mark_find(snapshot, mark) != 0) {
        return true;
    }
    for (size_t i = 1; i < snapshot->n_sinces; i++) {
        ouro__text_print(&known, i == 1 ? "; it knows " : ", ");
        (void)ouro__text_add_shown(&known, snapshot->sinces[i].name, sizeof snapshot->sinces[i].name);
    }
    ouro__say("%s knows no mark '%s', which the program would have set by ouro.mark()%s", saved->path,
              mark, known.data == NULL ? "" : known.data);
    ouro__text_free(&known);
    return false;
}

void
ouro__narrow_since(struct ouro__saved *saved, const char *mark)
{
    struct ouro__snapshot *snapshot = &saved->snapshot;
    size_t first = mark_find(snapshot, mark);

    saved->since = mark;
    for (size_t i = 0; i < snapshot->n_traces; i++) {
        struct ouro_snapshot_trace *trace = &snapshot->traces[i];
        if (first != 0 && trace->since >= first) {
            continue;
        }
        trace->live_blocks = trace->live_bytes = trace->peak_blocks = trace->peak_bytes = 0;
        trace->all_blocks = trace->all_bytes = 0;
        if (i < snapshot->n_lives) {
            snapshot->lives[i] = (struct ouro_snapshot_life){0};
        }
    }
}

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

struct ouro__figures
ouro__life_figures(const struct ouro__snapshot *snapshot, size_t trace, int k)
{
    struct ouro_snapshot_trace ended = snapshot->traces[trace];

    set_all(&ended, trace < snapshot->n_lives ? snapshot->lives[trace].ended[k] : 0);
    return ouro__figures_of(&snapshot->tracing, &ended, OURO_MEASURE_CHURN);
}

void
ouro__lives_sum(const struct ouro__snapshot *snapshot, const struct ouro__view *view,
                double blocks[OURO_SNAPSHOT_N_LIVES])
{
    for (int k = 0; k < OURO_SNAPSHOT_N_LIVES; k++) {
        blocks[k] = k == 0 ? 0 : blocks[k - 1];
        for (size_t i = 1; i < snapshot->n_lives; i++) {
            if (ouro__view_keeps(view, i)) {
                blocks[k] += ouro__life_figures(snapshot, i, k).blocks;
            }
        }
    }
}
