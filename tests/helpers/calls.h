/* calls.h - a small program's calls, as it would tell <ouro/trace.h> of them: each thread has a stack of its own. */
#ifndef OURO_TESTS_CALLS_H
#define OURO_TESTS_CALLS_H

#include <ouro/trace.h>

#define CALLS_ROOM 256

/* What is called; the address of one stands for its code. */
struct callee {
    const char *file, *function;
    uint32_t first_line;
};

/* Call, go on at another line, return: of the calling thread. */
void call_enter(const struct callee *callee, uint32_t line);
void call_at(uint32_t line);
void call_leave(void);

/* Codes that last; `calls_heap_source` says the same of codes that may end. */
extern const ouro_frame_source calls_source, calls_heap_source;

#endif
