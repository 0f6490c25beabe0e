/* process_parts.c - the heap's map and memory over time, each cut down to what can be seen on a screen. */
#define _GNU_SOURCE
#include "html/process_parts.h"

#include <inttypes.h>
#include <stdlib.h>

#include "json_values.h"

#define CELLS_MOST 16384 /* of the map */
#define TIMES_MOST 3000  /* of the curve */

/* ---- the heap ---- */

enum { N_SORTS = 9 }; /* free, dirty, kept; pools by domain; large blocks by domain */

static unsigned
sort_of(const struct ouro_snapshot_run *run)
{
    return run->kind == OURO_SNAPSHOT_RUN_POOL    ? 3U + run->domain
           : run->kind == OURO_SNAPSHOT_RUN_LARGE ? 6U + run->domain
                                                  : (unsigned)run->kind - OURO_SNAPSHOT_RUN_FREE;
}

/* What comes to lie in one cell of the map. */
struct cell {
    double n; /* slots so far */
    double slots[N_SORTS];
    double used_bytes;
    uint32_t block_size;
};

/* The sort that most of it is, how full it is in per cent, and the size of the blocks of its last pool. */
static void
cell_add(struct ouro__text *text, const struct cell *cell, bool is_first)
{
    unsigned most = 0;

    for (unsigned i = 1; i < N_SORTS; i++) {
        most = cell->slots[i] > cell->slots[most] ? i : most;
    }
    double share = cell->used_bytes / (cell->n * (double)OURO_SNAPSHOT_SLOT);
    ouro__text_print(text, "%s%u,%.0f,%" PRIu32, is_first ? "" : ",", most, 100 * share,
                     cell->block_size);
}

/* All runs behind each other, so many slots a cell. */
static void
cells_add(struct ouro__text *text, const struct ouro__snapshot *snapshot, double slots_a_cell)
{
    struct cell cell = {0};
    bool is_first = true;

    for (size_t i = 0; i < snapshot->n_runs && !text->failed; i++) {
        const struct ouro_snapshot_run *run = &snapshot->runs[i];
        for (double left = run->n_slots; left > 0;) {
            double room = slots_a_cell - cell.n;
            double taken = left < room ? left : room;
            cell.slots[sort_of(run)] += taken;
            cell.used_bytes += (double)run->used_bytes * taken / run->n_slots;
            cell.n += taken;
            cell.block_size = run->block_size;
            left -= taken;
            if (cell.n >= slots_a_cell) {
                cell_add(text, &cell, is_first);
                cell = (struct cell){0};
                is_first = false;
            }
        }
    }
    if (cell.n > 0) {
        cell_add(text, &cell, is_first);
    }
}

static int
runs_compare(const void *a, const void *b)
{
    const struct ouro_snapshot_run *left = a, *right = b;

    if (left->block_size != right->block_size) {
        return left->block_size < right->block_size ? -1 : 1;
    }
    return left->domain < right->domain ? -1 : left->domain > right->domain;
}

/* Pools by the size of their blocks and domain: both, how many pools, bytes of their slots, blocks that there is room for,
 * that are used. */
static void
classes_add(struct ouro__text *text, const struct ouro__snapshot *snapshot)
{
    struct ouro_snapshot_run *pools = reallocarray(NULL, snapshot->n_runs, sizeof *pools);
    size_t n = 0;

    text->failed |= pools == NULL;
    for (size_t i = 0; pools != NULL && i < snapshot->n_runs; i++) {
        if (snapshot->runs[i].kind == OURO_SNAPSHOT_RUN_POOL) {
            pools[n++] = snapshot->runs[i];
        }
    }
    if (n > 0) {
        qsort(pools, n, sizeof *pools, runs_compare);
    }
    for (size_t i = 0, next; i < n; i = next) {
        uint64_t slots = 0, blocks = 0, used = 0;
        for (next = i; next < n && runs_compare(&pools[i], &pools[next]) == 0; next++) {
            slots += pools[next].n_slots;
            blocks += pools[next].n_blocks;
            used += pools[next].n_used;
        }
        ouro__text_print(text, "%s%" PRIu32 ",%u,%zu,%" PRIu64 ",%" PRIu64 ",%" PRIu64,
                         i == 0 ? "" : ",", pools[i].block_size, pools[i].domain, next - i,
                         slots * OURO_SNAPSHOT_SLOT, blocks, used);
    }
    free(pools);
}

void
ouro__html_add_heap(struct ouro__text *text, const struct ouro__snapshot *snapshot)
{
    double slots[N_SORTS] = {0}, used[N_SORTS] = {0}, runs[N_SORTS] = {0}, all = 0;

    if (snapshot->n_runs == 0) {
        ouro__text_print(text, "null");
        return;
    }
    for (size_t i = 0; i < snapshot->n_runs; i++) {
        const struct ouro_snapshot_run *run = &snapshot->runs[i];
        slots[sort_of(run)] += run->n_slots;
        used[sort_of(run)] += (double)run->used_bytes;
        runs[sort_of(run)]++;
        all += run->n_slots;
    }
    double slots_a_cell = 1;
    while (all / slots_a_cell > CELLS_MOST) {
        slots_a_cell *= 2;
    }
    ouro__text_print(text, "{\"slot\":%.0f,\"sums\":[", (double)OURO_SNAPSHOT_SLOT * slots_a_cell);
    for (unsigned i = 0; i < N_SORTS; i++) {
        ouro__text_print(text, "%s%.0f,%.0f,%.0f", i == 0 ? "" : ",", runs[i],
                         slots[i] * (double)OURO_SNAPSHOT_SLOT, used[i]);
    }
    ouro__text_print(text, "],\"classes\":[");
    classes_add(text, snapshot);
    ouro__text_print(text, "],\"cells\":[");
    cells_add(text, snapshot, slots_a_cell);
    ouro__text_print(text, "]}");
}

/* ---- memory over time ---- */

/* Of the samples from `first` to before `end`, the one where most was resident. */
static const struct ouro_snapshot_sample *
sample_pick(const struct ouro__snapshot *snapshot, size_t first, size_t end)
{
    const struct ouro_snapshot_sample *best = &snapshot->samples[first];

    for (size_t i = first + 1; i < end; i++) {
        best = snapshot->samples[i].resident > best->resident ? &snapshot->samples[i] : best;
    }
    return best;
}

void
ouro__html_add_times(struct ouro__text *text, const struct ouro__snapshot *snapshot)
{
    size_t step = (snapshot->n_samples + TIMES_MOST - 1) / TIMES_MOST, n = snapshot->n_samples;

    if (n == 0) {
        ouro__text_print(text, "null");
        return;
    }
    ouro__text_print(text, "{\"samples\":[");
    for (size_t i = 0; i < n && !text->failed; i += step) {
        const struct ouro_snapshot_sample *sample =
            sample_pick(snapshot, i, n - i < step ? n : i + step);
        ouro__text_print(text, "%s%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64,
                         i == 0 ? "" : ",", sample->at_ns, sample->resident, sample->live[0],
                         sample->live[1], sample->live[2], sample->gc_ns);
    }
    ouro__text_print(text, "],\"marks\":[");
    for (size_t i = 0; i < snapshot->n_marks && !text->failed; i++) {
        ouro__text_print(text, "%s[%" PRIu64 ",", i == 0 ? "" : ",", snapshot->marks[i].at_ns);
        ouro__json_add_text(text, snapshot->marks[i].name);
        ouro__text_print(text, "]");
    }
    ouro__text_print(text, "]}");
}
