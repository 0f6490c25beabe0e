/* snapshots.c - what must hold of any snapshot that was read. */
#define _GNU_SOURCE
#include "snapshots.h"

#include <stdint.h>
#include <string.h>

#include "require.h"

static void
check_stretch(const struct ouro_snapshot_stretch *stretch, size_t n_bytes)
{
    REQUIRE(stretch->at <= n_bytes && stretch->size <= n_bytes - stretch->at, "leads out of its bytes");
}

static void
check_codes(const struct ouro__snapshot *snapshot)
{
    REQUIRE(snapshot->n_codes >= 1, "no unknown code");
    const struct ouro_snapshot_code *unknown = &snapshot->codes[snapshot->n_codes - 1];
    REQUIRE(unknown->file.size + unknown->name.size + unknown->lines.size == 0,
            "unknown code has texts");
    for (size_t i = 0; i < snapshot->n_codes; i++) {
        check_stretch(&snapshot->codes[i].file, snapshot->n_texts);
        check_stretch(&snapshot->codes[i].name, snapshot->n_texts);
        check_stretch(&snapshot->codes[i].lines, snapshot->n_lines);
    }
}

static void
check_tracing(const struct ouro_snapshot_tracing *tracing)
{
    REQUIRE(tracing->mode <= OURO_SNAPSHOT_SAMPLED, "no such mode");
    REQUIRE(tracing->mode != OURO_SNAPSHOT_SAMPLED || tracing->sample_bytes > 0,
            "samples without a mean");
    REQUIRE(memchr(tracing->name, 0, sizeof tracing->name) != NULL, "a name without an end");
    REQUIRE(memchr(tracing->reason, 0, sizeof tracing->reason) != NULL, "a reason without an end");
}

static void
check_types(const struct ouro__snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->n_sinces; i++) {
        REQUIRE(memchr(snapshot->sinces[i].name, 0, sizeof snapshot->sinces[i].name) != NULL,
                "mark %zu has no end", i);
    }
    REQUIRE(snapshot->n_types >= 1 && snapshot->n_threads >= 1, "no type 0, or no thread 0");
    for (size_t i = 0; i < snapshot->n_types; i++) {
        check_stretch(&snapshot->types[i], snapshot->n_texts);
    }
    for (size_t i = 0; i < snapshot->n_typed; i++) {
        REQUIRE(snapshot->typed[i].type < snapshot->n_types, "typed %zu has no type", i);
        REQUIRE(snapshot->typed[i].trace < snapshot->n_traces || snapshot->n_traces == 0,
                "typed %zu has no trace", i);
    }
    for (size_t i = 0; i < snapshot->n_threads; i++) {
        REQUIRE(memchr(snapshot->threads[i].name, 0, sizeof snapshot->threads[i].name) != NULL,
                "thread %zu has no end", i);
    }
}

static void
check_lives(const struct ouro__snapshot *snapshot)
{
    REQUIRE(snapshot->n_lives <= snapshot->n_traces, "a life without a trace");
    for (size_t i = 0; i < snapshot->n_lives; i++) {
        uint64_t left = snapshot->traces[i].all_blocks;
        for (int k = 0; k < OURO_SNAPSHOT_N_LIVES; k++) {
            REQUIRE(snapshot->lives[i].ended[k] <= left, "trace %zu ended more often than it began", i);
            left -= snapshot->lives[i].ended[k];
        }
    }
}

static void
check_recording(const struct ouro__snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->n_samples; i++) {
        const struct ouro_snapshot_sample *sample = &snapshot->samples[i];
        REQUIRE(i == 0 || sample[-1].at_ns <= sample->at_ns, "sample %zu goes back", i);
        REQUIRE(sample->counted_at_ns <= sample->at_ns, "sample %zu was counted later", i);
    }
    for (size_t i = 0; i < snapshot->n_marks; i++) {
        const struct ouro_snapshot_mark *mark = &snapshot->marks[i];
        REQUIRE(i == 0 || mark[-1].at_ns <= mark->at_ns, "mark %zu goes back", i);
        REQUIRE(memchr(mark->name, 0, sizeof mark->name) != NULL, "mark %zu has no end", i);
    }
}

static void
check_runs(const struct ouro__snapshot *snapshot)
{
    uint64_t end = 0;

    for (size_t i = 0; i < snapshot->n_runs; i++) {
        const struct ouro_snapshot_run *run = &snapshot->runs[i];
        uint64_t bytes = run->n_slots * OURO_SNAPSHOT_SLOT;
        REQUIRE(run->slot >= end && run->n_slots > 0, "run %zu overlaps", i);
        REQUIRE(run->kind >= OURO_SNAPSHOT_RUN_FREE && run->kind <= OURO_SNAPSHOT_RUN_LARGE,
                "run %zu is nothing", i);
        REQUIRE(run->domain <= 2, "run %zu has no domain", i);
        REQUIRE(run->n_used <= run->n_blocks, "run %zu uses more than it has", i);
        REQUIRE(run->used_bytes <= bytes && (uint64_t)run->n_blocks * run->block_size <= bytes,
                "run %zu holds more than its slots", i);
        end = (uint64_t)run->slot + run->n_slots;
    }
}

void
snapshot_check(const struct ouro__snapshot *snapshot)
{
    check_codes(snapshot);
    check_tracing(&snapshot->tracing);
    REQUIRE(memchr(snapshot->trouble, 0, sizeof snapshot->trouble) != NULL, "a trouble without an end");
    REQUIRE(snapshot->n_nodes >= 1, "no root");
    for (size_t i = 0; i < snapshot->n_nodes; i++) {
        REQUIRE(i == 0 || snapshot->nodes[i].parent < i, "node %zu comes before its caller", i);
        REQUIRE(snapshot->nodes[i].code < snapshot->n_codes, "node %zu has no code", i);
    }
    for (size_t i = 0; i < snapshot->n_traces; i++) {
        REQUIRE(snapshot->traces[i].node < snapshot->n_nodes, "trace %zu has no node", i);
        REQUIRE(snapshot->traces[i].domain <= 2, "trace %zu has no domain", i);
        REQUIRE(snapshot->traces[i].since < snapshot->n_sinces, "trace %zu has no mark", i);
        REQUIRE(snapshot->traces[i].thread < snapshot->n_threads, "trace %zu has no thread", i);
    }
    check_types(snapshot);
    check_lives(snapshot);
    check_recording(snapshot);
    check_runs(snapshot);
}

bool
snapshot_inflate_runs(void *to, size_t size, const void *from, size_t n)
{
    unsigned char *at = to;
    const unsigned char *runs = from;

    for (size_t i = 0; i + 1 < n; i += 2) {
        if (runs[i] > size) {
            return false;
        }
        memset(at, runs[i + 1], runs[i]);
        at += runs[i];
        size -= runs[i];
    }
    return size == 0;
}

bool
snapshot_read_bytes(struct ouro__snapshot *snapshot, const void *bytes, size_t n,
                    ouro__snapshot_inflate inflate)
{
    FILE *file = n == 0 ? fopen("/dev/null", "rb") : fmemopen((void *)(uintptr_t)bytes, n, "rb");

    REQUIRE(file != NULL, "no stream");
    bool is_read = ouro__snapshot_read(snapshot, file, inflate);
    (void)fclose(file);
    return is_read;
}
