/* control.c - what the program may ask of its host while it runs: <ouro/host.h>.
 *
 * Nothing here takes a lock that the program could hold, or calls into its interpreter. */
#define _GNU_SOURCE
#include <ouro/host.h>

#include <errno.h>
#include <string.h>

#include "host/cpython.h"
#include "trace/trace.h"

#define MOST_SAMPLE_BYTES ((uint64_t)1 << 40)
#define MOST_NAME 95 /* bytes */

_Static_assert((int)OURO_HOST_TRACE_OFF == (int)OURO__TRACE_OFF &&
                   (int)OURO_HOST_TRACE_EXACT == (int)OURO__TRACE_EXACT &&
                   (int)OURO_HOST_TRACE_SAMPLED == (int)OURO__TRACE_SAMPLED,
               "modes are told as they are");

int
ouro_host_version(void)
{
    return 1;
}

int
ouro_host_trace_start(uint64_t sample_bytes, uint32_t n_frames)
{
    if (!ouro__host_has_begun()) {
        return ENOTSUP;
    }
    if (sample_bytes > MOST_SAMPLE_BYTES) {
        return EINVAL;
    }
    if (!ouro__trace_lock()) {
        return EAGAIN;
    }
    ouro__trace_unlock();
    int saved = errno;
    bool has_begun = ouro__trace_start(ouro__trace_source(), n_frames, sample_bytes);
    if (has_begun) {
        ouro__cpython_trace_turned();
    }
    errno = saved;
    return has_begun ? 0 : ENOMEM;
}

/* What needs no memory. */
static int
change(bool (*how)(void))
{
    int saved = errno;
    bool is_done = ouro__host_has_begun() && how();
    errno = saved;
    return is_done ? 0 : ouro__host_has_begun() ? EAGAIN : ENOTSUP;
}

int
ouro_host_trace_stop(void)
{
    return change(ouro__trace_stop);
}

int
ouro_host_trace_clear(void)
{
    return change(ouro__trace_clear);
}

int
ouro_host_trace_reset_peak(void)
{
    return change(ouro__trace_reset_peak);
}

int
ouro_host_trace_state(struct ouro_host_trace_state *state)
{
    struct ouro__trace_totals totals;
    uint64_t size = state->size;

    if (!ouro__host_has_begun()) {
        return ENOTSUP;
    }
    if (size < offsetof(struct ouro_host_trace_state, n_frames)) {
        return EINVAL;
    }
    if (!ouro__trace_lock()) {
        return EAGAIN;
    }
    int saved = errno;
    ouro__trace_totals(&totals);
    struct ouro_host_trace_state told = {
        .size = size,
        .mode = (uint32_t)ouro__trace_mode_now(),
        .n_frames = totals.n_frames,
        .sample_bytes = totals.mean,
        .live_bytes = totals.bytes,
        .live_blocks = totals.blocks,
        .peak_bytes = totals.peak_bytes,
        .peak_blocks = totals.peak_blocks,
        .own_bytes = totals.own_bytes,
        .untraced = totals.n_untraced,
    };
    ouro__trace_unlock();
    memcpy(state, &told, size < sizeof told ? (size_t)size : sizeof told);
    errno = saved;
    return 0;
}

int
ouro_host_trace_write(int file)
{
    if (!ouro__host_has_begun()) {
        return ENOTSUP;
    }
    int saved = errno;
    int error = ouro__snapshot_write_traces(file, "call");
    errno = saved;
    return error;
}

int
ouro_host_snapshot(const char *name)
{
    size_t length = name != NULL ? strnlen(name, MOST_NAME + 1) : 0;
    if (!ouro__host_has_begun() || !ouro__settings_get()->snapshots) {
        return ENOTSUP;
    }
    return length > MOST_NAME ? ENAMETOOLONG : ouro__live_take("call", name != NULL ? name : "");
}

int
ouro_host_mark(const char *name)
{
    return ouro__host_has_begun() ? ouro__mark_add(name) : ENOTSUP;
}
