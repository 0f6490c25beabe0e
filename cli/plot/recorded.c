/* recorded.c - a recording of memory over time, for programs. */
#include "plot/recorded.h"

#include <stddef.h>

#include "json_values.h"

const char *const ouro__recorded_names[OURO_N_RECORDED] = {
    "at_ns",        "resident_bytes", "files_bytes", "counted_at_ns", "untouched_bytes", "free_bytes",
    "cached_bytes", "records_bytes",  "allocations", "frees",         "gc_ns",
};

uint64_t
ouro__recorded_figure(const struct ouro_snapshot_sample *sample, size_t i)
{
    const uint64_t figures[OURO_N_RECORDED] = {
        sample->at_ns,     sample->resident, sample->files,  sample->counted_at_ns,
        sample->untouched, sample->free,     sample->cached, sample->records,
        sample->n_allocs,  sample->n_frees,  sample->gc_ns,
    };
    return figures[i];
}

static json_t *
sample_json(const struct ouro_snapshot_sample *sample)
{
    json_t *object = json_object(), *runs = json_array();

    for (size_t i = 0; i < OURO_N_RECORDED; i++) {
        (void)json_object_set_new(object, ouro__recorded_names[i],
                                  ouro__json_number(ouro__recorded_figure(sample, i)));
    }
    for (int i = 0; i < 3; i++) {
        (void)json_array_append_new(runs, ouro__json_number(sample->gc_runs[i]));
    }
    (void)json_object_set_new(object, "live_bytes", ouro__json_by_domain(sample->live));
    (void)json_object_set_new(object, "live_blocks", ouro__json_by_domain(sample->blocks));
    (void)json_object_set_new(object, "gc_runs", runs);
    return object;
}

void
ouro__recorded_add_json(json_t *object, const struct ouro__snapshot *snapshot)
{
    json_t *samples = json_array(), *marks = json_array();

    for (size_t i = 0; i < snapshot->n_samples; i++) {
        (void)json_array_append_new(samples, sample_json(&snapshot->samples[i]));
    }
    for (size_t i = 0; i < snapshot->n_marks; i++) {
        json_t *mark = json_object();
        (void)json_object_set_new(mark, "at_ns", ouro__json_number(snapshot->marks[i].at_ns));
        (void)json_object_set_new(mark, "name", ouro__json_text(snapshot->marks[i].name));
        (void)json_array_append_new(marks, mark);
    }
    (void)json_object_set_new(object, "samples", samples);
    (void)json_object_set_new(object, "marks", marks);
}
