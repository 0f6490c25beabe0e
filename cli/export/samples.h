/* samples.h - figures of a snapshot by path and by all that is told beside it. */
#ifndef OURO_CLI_SAMPLES_H
#define OURO_CLI_SAMPLES_H

#include "export/export.h"
#include "snapshot/intern.h"

struct ouro__sample {
    uint32_t path;
    uint32_t thread; /* 0: not noted */
    uint32_t type;   /* of the view's types; OURO_NO_ID: not told, as of all that is not live */
    uint32_t domain;
    struct ouro__figures figures[OURO_N_MEASURES];
};

struct ouro__samples {
    struct ouro__sample *items; /* owned */
    size_t n;
};

/* What the filters left; false without memory. */
bool ouro__samples_make(struct ouro__samples *samples, const struct ouro__export *export);
void ouro__samples_free(struct ouro__samples *samples);

#endif
