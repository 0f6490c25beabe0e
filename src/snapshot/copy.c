/* copy.c - what is traced now, copied into a snapshot in memory. */
#define _DEFAULT_SOURCE
#include <stdlib.h>
#include <string.h>

#include "os/os.h"
#include "snapshot/taken.h"
#include "snapshot/told.h"

/* Room for `n` items of a vector and `more`, the vector's items in it; NULL without memory. */
static void *
copy_vector(const struct ouro__vector *vector, size_t more)
{
    void *copy = reallocarray(NULL, vector->n + more, vector->item_size);
    if (copy != NULL && vector->n != 0) {
        memcpy(copy, vector->items, vector->n * vector->item_size);
    }
    return copy;
}

static struct ouro_snapshot_trace *
copy_traces(size_t *n_traces)
{
    const struct ouro__trace *traces = ouro__trace_items.items;
    size_t n = ouro__trace_items.n;
    struct ouro_snapshot_trace *copies = reallocarray(NULL, n, sizeof *copies);

    for (size_t i = 0; copies != NULL && i < n; i++) {
        copies[i] = ouro__told_trace(&traces[i]);
    }
    *n_traces = n;
    return copies;
}

/* Under the lock of tracing.  False without memory. */
static bool
copy_all(struct ouro__snapshot *snapshot)
{
    const struct ouro__tree *tree = &ouro__tree;

    snapshot->texts = copy_vector(&tree->texts, 1);
    snapshot->n_texts = tree->texts.n;
    snapshot->lines = copy_vector(&tree->lines, 1);
    snapshot->n_lines = tree->lines.n;
    snapshot->codes = copy_vector(&tree->codes, 1);
    snapshot->n_codes = tree->codes.n + 1;
    snapshot->nodes = copy_vector(&tree->nodes, 0);
    snapshot->n_nodes = tree->nodes.n;
    snapshot->traces = copy_traces(&snapshot->n_traces);
    snapshot->threads = calloc(1, sizeof *snapshot->threads); /* none is noted, no marks and no types */
    snapshot->n_threads = 1;
    snapshot->sinces = calloc(1, sizeof *snapshot->sinces);
    snapshot->n_sinces = 1;
    snapshot->types = calloc(1, sizeof *snapshot->types);
    snapshot->n_types = 1;
    if (snapshot->threads == NULL || snapshot->sinces == NULL || snapshot->types == NULL ||
        snapshot->texts == NULL || snapshot->lines == NULL || snapshot->codes == NULL ||
        snapshot->nodes == NULL || snapshot->traces == NULL) {
        return false;
    }
    memset(&snapshot->codes[snapshot->n_codes - 1], 0, sizeof *snapshot->codes);
    snapshot->nodes[0] = (struct ouro_snapshot_node){.code = (uint32_t)snapshot->n_codes - 1};
    return true;
}

ouro_status
ouro__snapshot_copy(struct ouro__snapshot *snapshot, uint64_t began, const char *name)
{
    *snapshot = (struct ouro__snapshot){0};
    if (!ouro__trace_lock()) {
        return OURO_BUSY;
    }
    bool is_on = ouro__trace_mode_now() != OURO__TRACE_OFF;
    bool is_copied = is_on && copy_all(snapshot);
    if (is_copied) {
        snapshot->tracing = ouro__told_tracing(began, ouro__os_now());
        memcpy(snapshot->tracing.reason, "call", sizeof "call");
    }
    ouro__trace_unlock();
    if (!is_copied) {
        ouro__snapshot_free(snapshot);
        return is_on ? OURO_NO_MEMORY : OURO_WRONG_VALUE;
    }
    if (name != NULL) {
        strncpy(snapshot->tracing.name, name, sizeof snapshot->tracing.name - 1);
    }
    return OURO_OK;
}
