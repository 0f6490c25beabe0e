#include "calls.h"

#include "require.h"

static _Thread_local struct {
    ouro_frame frames[CALLS_ROOM]; /* from the outermost inwards */
    size_t n;
} calls;

void
call_enter(const struct callee *callee, uint32_t line)
{
    REQUIRE(calls.n < CALLS_ROOM, "calls too deep");
    calls.frames[calls.n++] = (ouro_frame){callee, line};
}

void
call_at(uint32_t line)
{
    calls.frames[calls.n - 1].line = line;
}

void
call_leave(void)
{
    REQUIRE(calls.n > 0, "nothing to return from");
    calls.n--;
}

static size_t
walk(ouro_frame *frames, size_t most, void *context)
{
    (void)context;
    size_t n = calls.n < most ? calls.n : most;
    for (size_t i = 0; i < n; i++) {
        frames[i] = calls.frames[calls.n - 1 - i];
    }
    return n;
}

static bool
read_code(const void *code, ouro_code *known, void *context)
{
    const struct callee *callee = code;
    (void)context;
    *known = (ouro_code){callee->file, callee->function, callee->first_line};
    return true;
}

const ouro_frame_source calls_source = {.walk = walk, .read_code = read_code, .codes_last = true};
const ouro_frame_source calls_heap_source = {.walk = walk, .read_code = read_code};
