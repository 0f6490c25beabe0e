/* timeline.c - a recording, cut into spans. */
#define _GNU_SOURCE
#include "plot/timeline.h"

#include <math.h>
#include <stdio.h>

#include "units.h"

#define BYTE_TICKS 5 /* at most */

const char *const ouro__layer_names[OURO_N_LAYERS] = {"object", "mem", "raw"};

void
ouro__timeline_live(const struct ouro_snapshot_sample *sample, double live[OURO_N_LAYERS])
{
    double total = 0, share = 1;

    for (int i = 0; i < OURO_N_LAYERS; i++) { /* domains are numbered the other way */
        live[i] = (double)sample->live[OURO_N_LAYERS - 1 - i];
        total += live[i];
    }
    double room = (double)sample->resident - (double)sample->files;
    double most = (room < 0 ? 0 : room) + (double)sample->untouched;
    if (sample->counted_at_ns < sample->at_ns && total > most) {
        share = most / total;
    }
    for (int i = 0; i < OURO_N_LAYERS; i++) {
        live[i] *= share;
    }
}

static double
live_total(const double live[OURO_N_LAYERS])
{
    return live[0] + live[1] + live[2];
}

bool
ouro__timeline_make(struct ouro__timeline *timeline, const struct ouro__saved *saved)
{
    const struct ouro__snapshot *snapshot = &saved->snapshot;

    *timeline = (struct ouro__timeline){
        .samples = snapshot->samples,
        .n_samples = snapshot->n_samples,
        .marks = snapshot->marks,
        .n_marks = snapshot->n_marks,
        .end_ns = 1,
        .most = 1,
    };
    for (size_t i = 0; i < timeline->n_samples; i++) {
        double live[OURO_N_LAYERS];
        ouro__timeline_live(&timeline->samples[i], live);
        timeline->most = fmax(timeline->most, (double)timeline->samples[i].resident);
        timeline->most = fmax(timeline->most, live_total(live));
        timeline->end_ns = fmax(timeline->end_ns, (double)timeline->samples[i].at_ns);
    }
    if (timeline->n_marks > 0) {
        timeline->end_ns = fmax(timeline->end_ns, (double)timeline->marks[timeline->n_marks - 1].at_ns);
    }
    return timeline->n_samples > 0;
}

size_t
ouro__timeline_span_at(const struct ouro__timeline *timeline, uint64_t at_ns, size_t n)
{
    double at = (double)at_ns / timeline->end_ns * (double)n;
    return at < (double)n ? (size_t)at : n - 1;
}

static void
span_add(struct ouro__span *span, const struct ouro_snapshot_sample *sample)
{
    double live[OURO_N_LAYERS];

    ouro__timeline_live(sample, live);
    if (!span->is_known || live_total(live) > live_total(span->live)) {
        for (int i = 0; i < OURO_N_LAYERS; i++) {
            span->live[i] = live[i];
        }
    }
    span->resident = fmax(span->resident, (double)sample->resident);
    span->is_known = true;
}

void
ouro__timeline_spans(const struct ouro__timeline *timeline, struct ouro__span *spans, size_t n)
{
    static const struct ouro_snapshot_sample nothing;
    const struct ouro_snapshot_sample *before = &nothing;
    size_t i = 0;

    for (size_t at = 0; at < n; at++) {
        spans[at] = (struct ouro__span){0};
        for (; i < timeline->n_samples &&
               ouro__timeline_span_at(timeline, timeline->samples[i].at_ns, n) == at;
             i++) {
            const struct ouro_snapshot_sample *sample = &timeline->samples[i];
            span_add(&spans[at], sample);
            for (int g = 0; g < 3; g++) {
                uint64_t now = sample->gc_runs[g], then = before->gc_runs[g];
                spans[at].gc_runs[g] += now > then ? now - then : 0;
            }
            before = sample;
        }
        if (!spans[at].is_known && before != &nothing) {
            span_add(&spans[at], before); /* as it was last seen */
        }
    }
}

double
ouro__timeline_byte_step(const struct ouro__timeline *timeline)
{
    return exp2(ceil(log2(timeline->most / BYTE_TICKS)));
}

double
ouro__timeline_second_step(const struct ouro__timeline *timeline, size_t n)
{
    static const double steps[] = {60,   120,   300,   600,   900,   1800,  3600,
                                   7200, 10800, 21600, 43200, 86400, 172800};
    double wanted = timeline->end_ns / 1e9 / (double)n;

    if (wanted <= 30) { /* 1, 2 or 5 of some power of ten; 30 itself */
        double power = pow(10, floor(log10(wanted)));
        double digit = wanted / power;
        double step = power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
        return wanted > 10 ? (wanted <= 20 ? 20 : 30) : step;
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (wanted <= steps[i]) {
            return steps[i];
        }
    }
    return 86400 * ceil(wanted / 86400);
}

const char *
ouro__timeline_byte_label(char *buffer, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;

    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        unit++;
    }
    (void)snprintf(buffer, OURO_UNIT_TEXT, bytes == floor(bytes) ? "%.0f %s" : "%.2f %s", bytes,
                   units[unit]);
    return buffer;
}

const char *
ouro__timeline_second_label(char *buffer, double seconds, double step)
{
    int digits = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);

    if (step < 1e-2) {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "%.*f ms", digits > 3 ? digits - 3 : 0, seconds * 1e3);
    } else if (step < 60) {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "%.*f s", digits, seconds);
    } else if (step < 3600) {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "%.0f min", seconds / 60);
    } else {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "%.0f h", seconds / 3600);
    }
    return buffer;
}
