/* told.h - what is traced now in the words of the format: for who writes it down from where it lies, and who copies it. */
#ifndef OURO_SNAPSHOT_TOLD_H
#define OURO_SNAPSHOT_TOLD_H

#include "snapshot/format.h"
#include "trace/life.h"
#include "trace/trace.h"
#include "trace/traced.h"
#include "trace/tree.h"

_Static_assert(sizeof(struct ouro__trace_node) == sizeof(struct ouro_snapshot_node) &&
                   sizeof(struct ouro__trace_code) == sizeof(struct ouro_snapshot_code) &&
                   sizeof(struct ouro__life) == sizeof(struct ouro_snapshot_life),
               "told as they are");

/* Under the lock of tracing, as all of this; `began` and `now` are by ouro__os_now().  Why and its name are left out. */
static inline struct ouro_snapshot_tracing
ouro__told_tracing(uint64_t began, uint64_t now)
{
    struct ouro__trace_totals totals;
    ouro__trace_totals(&totals);
    return (struct ouro_snapshot_tracing){
        .mode = totals.mean == 0 ? OURO_SNAPSHOT_EXACT : OURO_SNAPSHOT_SAMPLED,
        .sample_bytes = totals.mean,
        .n_frames_most = totals.n_frames,
        .peak_bytes = totals.peak_bytes,
        .peak_blocks = totals.peak_blocks,
        .peak_at_ns = totals.peak_at > began ? totals.peak_at - began : 0,
        .taken_at_ns = now - began,
        .own_bytes = totals.own_bytes,
        .n_untraced = totals.n_untraced,
    };
}

static inline struct ouro_snapshot_trace
ouro__told_trace(const struct ouro__trace *trace)
{
    uint64_t at_peak = ouro__trace_at_peak(trace);
    return (struct ouro_snapshot_trace){
        .size = trace->size,
        .node = trace->node,
        .domain = (uint8_t)(trace->domain & OURO_DOMAIN_MASK),
        .since = (uint8_t)(trace->domain >> OURO_SINCE_SHIFT),
        .thread = (uint16_t)(trace->domain >> OURO_THREAD_SHIFT & OURO_THREAD_MASK),
        .live_blocks = trace->live,
        .live_bytes = trace->live * trace->size,
        .peak_blocks = at_peak,
        .peak_bytes = at_peak * trace->size,
        .all_blocks = trace->all,
        .all_bytes = trace->all * trace->size,
    };
}

#endif
