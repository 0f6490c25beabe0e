/* turn.c - which blocks are traced: who allocates counts down, and asks here when a count has come to its end. */
#include "trace/life.h"
#include "trace/sample.h"
#include "trace/trace.h"

#include "base/assert.h"

_Thread_local int64_t ouro__until_trace = OURO__NO_COUNT;
uint64_t ouro__trace_mean;

/* While tracing is off a look now and then sees that it begins. */
#define LOOK_EVERY ((int64_t)128 << 10)

/* A holder's first count is drawn before its first block is judged: were that one a sample as a matter of course, each
 * thread would seem to hold the bytes that a sample stands for. */
static bool
is_sample(int64_t *until, size_t size)
{
    uint64_t mean = __atomic_load_n(&ouro__trace_mean, __ATOMIC_RELAXED);
    int64_t before = (int64_t)((uint64_t)*until + size);
    if (before < 0) {
        before = ouro__sample_draw(mean);
    }
    bool hit = (uint64_t)before < size;
    *until = hit ? ouro__sample_draw(mean) : before - (int64_t)size;
    return hit;
}

/* Where lifetimes are asked for each allocation is due, so that it passes; the bytes to the next sample are counted
 * here. */
__attribute__((noinline)) static bool
is_sample_that_passes(int64_t *until, size_t size)
{
    static _Thread_local int64_t until_sample __attribute__((tls_model("initial-exec"))) =
        OURO__NO_COUNT;

    ouro__life_pass();
    *until = OURO__NO_COUNT;
    return ouro__trace_is_due(&until_sample, size) && is_sample(&until_sample, size);
}

enum ouro__trace_mode
ouro__trace_turn(int64_t *until, size_t size)
{
    enum ouro__trace_mode mode = ouro__trace_mode_now();
    switch (mode) {
    case OURO__TRACE_EXACT:
        *until = OURO__NO_COUNT;
        return mode;
    case OURO__TRACE_SAMPLED:
        return (OURO_UNLIKELY(ouro__life_is_asked) ? is_sample_that_passes(until, size)
                                                   : is_sample(until, size))
                   ? mode
                   : OURO__TRACE_OFF;
    default:
        *until = LOOK_EVERY;
        return mode;
    }
}
