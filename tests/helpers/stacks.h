/* stacks.h - tracebacks without an interpreter: each thread pushes frames of codes that lie in blocks of a heap. */
#ifndef OURO_TESTS_STACKS_H
#define OURO_TESTS_STACKS_H

#include <ouro/heap.h>

#include "trace/frames.h"

/* What a code says of itself; it lies in a block of its own. */
struct stack_code {
    char name[24];
    uint32_t first_line;
};

struct stack_code *stack_code_make(ouro_heap *heap, const char *name, uint32_t first_line);

#define STACK_ROOM 64

/* The calling thread's frames, from the outermost one inwards. */
void stack_push(const struct stack_code *code, uint32_t offset);
void stack_pop(void);
size_t stack_depth(void);

/* Called inside each look at the frames when set: what an interrupted thread might do. */
extern _Thread_local void (*stack_interrupt)(void);

extern const struct ouro__frame_source stack_source;

#endif
