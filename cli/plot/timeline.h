/* timeline.h - a recording, cut into as many spans as there is room to show. */
#ifndef OURO_CLI_TIMELINE_H
#define OURO_CLI_TIMELINE_H

#include "view/saved.h"

/* What is stacked, from the bottom up. */
enum ouro__layer { OURO_LAYER_OBJECT, OURO_LAYER_MEM, OURO_LAYER_RAW, OURO_N_LAYERS };
extern const char *const ouro__layer_names[OURO_N_LAYERS];

/* A stretch of time: the most that was resident in it, the most that was live, and the collector's runs. */
struct ouro__span {
    double resident;
    double live[OURO_N_LAYERS];
    uint64_t gc_runs[3];
    bool is_known; /* false before the first sample */
};

struct ouro__timeline {
    const struct ouro_snapshot_sample *samples; /* borrowed, one at least */
    size_t n_samples;
    const struct ouro_snapshot_mark *marks; /* borrowed */
    size_t n_marks;
    double end_ns; /* of time; more than 0 */
    double most;   /* bytes: the highest of all; more than 0 */
};

/* False when the snapshot has no recording. */
bool ouro__timeline_make(struct ouro__timeline *timeline, const struct ouro__saved *saved);

/* The live bytes of a sample by layer, as they are shown: what was counted earlier than the sample may be more than is
 * resident by then, and is made to fit. */
void ouro__timeline_live(const struct ouro_snapshot_sample *sample, double live[OURO_N_LAYERS]);

/* Fill `n` spans of equal length. */
void ouro__timeline_spans(const struct ouro__timeline *timeline, struct ouro__span *spans, size_t n);

/* Which of `n` spans a time is in. */
size_t ouro__timeline_span_at(const struct ouro__timeline *timeline, uint64_t at_ns, size_t n);

/* From one tick of an axis to the next: round numbers, `n` ticks at most. */
double ouro__timeline_byte_step(const struct ouro__timeline *timeline);
double ouro__timeline_second_step(const struct ouro__timeline *timeline, size_t n);

/* "16 MiB", "1.5 s"; the buffer holds OURO_UNIT_TEXT and is returned. */
const char *ouro__timeline_byte_label(char *buffer, double bytes);
const char *ouro__timeline_second_label(char *buffer, double seconds, double step);

#endif
