/* api.c - <ouro/trace.h>: tracing for programs that are linked with libouro.
 *
 * What the program asks for is done by trace.c, as in a host; here are the program's frames in the form that it wants, and
 * tracebacks in the form that programs want. */
#include <ouro/trace.h>

#include <stdlib.h>
#include <string.h>

#include "heap/heap.h"
#include "trace/beside.h"
#include "trace/heaps.h"
#include "trace/trace.h"
#include "trace/tree.h"

_Static_assert(sizeof(ouro_frame) == sizeof(struct ouro__frame) &&
                   offsetof(ouro_frame, code) == offsetof(struct ouro__frame, code) &&
                   offsetof(ouro_frame, line) == offsetof(struct ouro__frame, offset),
               "the program writes where the tree reads");

/* ---- the program's frames ---- */

static ouro_frame_source provided; /* read under the lock of tracing */

static size_t
walk(struct ouro__frame *frames, size_t most)
{
    size_t n = provided.walk((ouro_frame *)(void *)frames, most, provided.context);
    return n < most ? n : most;
}

static bool
read_code(const void *code, struct ouro__code *known)
{
    ouro_code told = {0};
    if (!provided.read_code(code, &told, provided.context)) {
        return false;
    }
    const char *file = told.file != NULL ? told.file : "";
    const char *name = told.function != NULL ? told.function : "";
    *known = (struct ouro__code){
        .file = file,
        .n_file = strlen(file),
        .name = name,
        .n_name = strlen(name),
        .first_line = told.first_line,
        .line_table = OURO_LINES_NONE,
    };
    return true;
}

static bool
lasts(const void *code)
{
    (void)code;
    return provided.codes_last;
}

static const struct ouro__frame_source source = {.walk = walk, .read_code = read_code, .lasts = lasts};

/* ---- beginning and ending ---- */

/* Within a frame source the lock is the caller's own. */
static bool
is_busy(void)
{
    if (!ouro__trace_lock()) {
        return true;
    }
    ouro__trace_unlock();
    return false;
}

static void
provide(const ouro_frame_source *wanted)
{
    (void)ouro__trace_lock();
    provided = *wanted;
    ouro__trace_unlock();
}

/* Without memory nothing was traced before, and nobody asks for frames. */
static bool
start(void *context)
{
    const ouro_trace_config *config = context;
    if (config->source != NULL) {
        provide(config->source);
    }
    return ouro__trace_start(config->source != NULL ? &source : NULL, config->n_frames,
                             config->sample_bytes);
}

static bool
is_sound(const ouro_trace_config *config)
{
    return config->sample_bytes <= OURO_TRACE_SAMPLE_MOST &&
           (config->source == NULL ||
            (config->source->walk != NULL && config->source->read_code != NULL));
}

ouro_status
ouro_trace_start(const ouro_trace_config *config)
{
    ouro_trace_config wanted = {0};

    if (config != NULL) {
        wanted = *config;
    }
    if (!is_sound(&wanted)) {
        return OURO_WRONG_VALUE;
    }
    if (is_busy()) {
        return OURO_BUSY;
    }
    return ouro__heaps_trace(start, &wanted) ? OURO_OK : OURO_NO_MEMORY;
}

static bool
stop(void *context)
{
    (void)context;
    return ouro__trace_stop();
}

ouro_status
ouro_trace_stop(void)
{
    if (is_busy()) {
        return OURO_BUSY;
    }
    (void)ouro__heaps_trace(stop, NULL);
    return OURO_OK;
}

bool
ouro_trace_is_on(void)
{
    return ouro__trace_mode_now() != OURO__TRACE_OFF;
}

ouro_status
ouro_trace_clear(void)
{
    return ouro__trace_clear() ? OURO_OK : OURO_BUSY;
}

ouro_status
ouro_trace_reset_peak(void)
{
    return ouro__trace_reset_peak() ? OURO_OK : OURO_BUSY;
}

/* ---- figures ---- */

void
ouro_trace_get_memory(uint64_t *now, uint64_t *peak)
{
    uint64_t bytes = 0, most = 0;

    if (ouro__trace_lock()) {
        ouro__trace_memory(&bytes, &most);
        ouro__trace_unlock();
    }
    if (now != NULL) {
        *now = bytes;
    }
    if (peak != NULL) {
        *peak = most;
    }
}

void
ouro_trace_get_stats(ouro_trace_stats *stats)
{
    struct ouro__trace_totals totals;

    *stats = (ouro_trace_stats){0};
    if (!ouro_trace_is_on() || !ouro__trace_lock()) {
        return;
    }
    ouro__trace_totals(&totals);
    ouro__trace_unlock();
    *stats = (ouro_trace_stats){
        .bytes = totals.bytes,
        .blocks = totals.blocks,
        .peak_bytes = totals.peak_bytes,
        .peak_blocks = totals.peak_blocks,
        .own_bytes = totals.own_bytes,
        .n_untraced = totals.n_untraced,
        .sample_bytes = totals.mean,
        .n_frames = totals.n_frames,
        .is_on = true,
    };
}

/* ---- tracebacks ---- */

static const struct ouro__trace_node *
node_at(uint32_t node)
{
    return &((const struct ouro__trace_node *)ouro__tree.nodes.items)[node];
}

static const struct ouro__trace_code *
code_of(const struct ouro__trace_node *node)
{
    return &((const struct ouro__trace_code *)ouro__tree.codes.items)[node->code];
}

/* Copy a text to `*to`, which moves behind it. */
static const char *
copy_text(char **to, uint64_t at, uint64_t size)
{
    char *copy = *to;
    if (size != 0) {
        memcpy(copy, (const char *)ouro__tree.texts.items + at, size);
    }
    copy[size] = '\0';
    *to += size + 1;
    return copy;
}

/* A traceback and all its texts in one piece of memory; NULL without. */
static ouro_traceback *
make_traceback(const struct ouro__trace *trace)
{
    size_t n = 0, bytes = sizeof(ouro_traceback);
    for (uint32_t at = trace->node; at != 0; at = node_at(at)->parent) {
        const struct ouro__trace_code *code = code_of(node_at(at));
        bytes += sizeof(ouro_place) + code->file.size + 1 + code->name.size + 1;
        n++;
    }
    ouro_traceback *traceback = malloc(bytes);
    if (traceback == NULL) {
        return NULL;
    }
    ouro_place *places = (ouro_place *)(traceback + 1);
    char *texts = (char *)(places + n);
    *traceback = (ouro_traceback){trace->size, (ouro_domain)trace->domain, n, places};
    for (uint32_t at = trace->node; at != 0; at = node_at(at)->parent) {
        const struct ouro__trace_node *node = node_at(at);
        const struct ouro__trace_code *code = code_of(node);
        *places++ = (ouro_place){
            .file = copy_text(&texts, code->file.at, code->file.size),
            .function = copy_text(&texts, code->name.at, code->name.size),
            .line = node->offset,
        };
    }
    return traceback;
}

ouro_status
ouro_trace_of(const void *block, ouro_traceback **traceback)
{
    if (!ouro__trace_lock()) {
        return OURO_BUSY;
    }
    const uint32_t *index = ouro_trace_is_on() ? ouro__beside(block, false) : NULL;
    uint32_t found = index != NULL ? *index & OURO__INDEX : 0;
    const struct ouro__trace *traces = ouro__trace_items.items;
    ouro_traceback *made = found != 0 ? make_traceback(&traces[found]) : NULL;
    ouro__trace_unlock();
    if (found == 0) {
        return OURO_OK;
    }
    if (made == NULL) {
        return OURO_NO_MEMORY;
    }
    *traceback = made;
    return OURO_FOUND;
}

void
ouro_traceback_free(ouro_traceback *traceback)
{
    free(traceback);
}

const char *
ouro_domain_name(ouro_domain domain)
{
    return ouro__domain_name((unsigned)domain);
}
