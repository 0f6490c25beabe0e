/* recorded.h - a recording of memory over time, for programs. */
#ifndef OURO_CLI_RECORDED_H
#define OURO_CLI_RECORDED_H

#include <jansson.h>

#include "snapshot/read.h"

#define OURO_N_RECORDED 11

/* The plain figures of a sample, in the order in which they are told: their names, and each. */
extern const char *const ouro__recorded_names[OURO_N_RECORDED];
uint64_t ouro__recorded_figure(const struct ouro_snapshot_sample *sample, size_t i);

/* Add `samples` and `marks` to an object. */
void ouro__recorded_add_json(json_t *object, const struct ouro__snapshot *snapshot);

#endif
