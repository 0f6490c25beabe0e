/* cumulative.h - figures by key, where each traceback counts for all of its keys. */
#ifndef OURO_SNAPSHOT_CUMULATIVE_H
#define OURO_SNAPSHOT_CUMULATIVE_H

#include "snapshot/view.h"

/* Keys are by place.  Each gets what its paths hold with all that they called, once for each traceback.  False without memory. */
bool ouro__cumulate(const struct ouro__view *view, const struct ouro__places *places,
                    const uint32_t *of_places, struct ouro__figures *by_key, size_t n_keys);

#endif
