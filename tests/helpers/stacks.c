#include "stacks.h"

#include <string.h>

#include "require.h"

static _Thread_local struct ouro__frame stack[STACK_ROOM];
static _Thread_local size_t depth;
_Thread_local void (*stack_interrupt)(void);

struct stack_code *
stack_code_make(ouro_heap *heap, const char *name, uint32_t first_line)
{
    struct stack_code *code = ouro_heap_alloc(heap, OURO_DOMAIN_OBJECT, sizeof *code);
    REQUIRE(code != NULL && strlen(name) < sizeof code->name, "a code '%s'", name);
    *code = (struct stack_code){.first_line = first_line};
    memcpy(code->name, name, strlen(name));
    return code;
}

void
stack_push(const struct stack_code *code, uint32_t offset)
{
    REQUIRE(depth < STACK_ROOM, "%zu frames", depth);
    stack[depth++] = (struct ouro__frame){code, offset};
}

void
stack_pop(void)
{
    depth--;
}

size_t
stack_depth(void)
{
    return depth;
}

static void
interrupt(void)
{
    if (stack_interrupt != NULL) {
        stack_interrupt();
    }
}

static size_t
walk(struct ouro__frame *frames, size_t n_max)
{
    size_t n = 0;
    interrupt();
    for (; n < depth && n < n_max; n++) {
        frames[n] = stack[depth - 1 - n];
    }
    return n;
}

static bool
is_same(const struct ouro__frame *a, const struct ouro__frame *b)
{
    return a->code == b->code && a->offset == b->offset;
}

static size_t
follow(struct ouro__stack *followed)
{
    size_t same = 0;
    interrupt();
    while (same < depth && same < followed->n &&
           is_same(&followed->entries[same].known, &stack[same])) {
        same++;
    }
    for (size_t i = same; i < depth; i++) {
        followed->entries[i].known = stack[i];
    }
    followed->n = depth;
    return same;
}

static bool
read_code(const void *code, struct ouro__code *known)
{
    const struct stack_code *there = code;
    *known = (struct ouro__code){
        .file = "fake.py",
        .n_file = 7,
        .name = there->name,
        .n_name = strlen(there->name),
        .first_line = there->first_line,
    };
    return true;
}

static bool
lasts(const void *code)
{
    (void)code;
    return false;
}

/* Offsets are small. */
static uint64_t
mark_of(const struct ouro__frame *frame)
{
    return (uint64_t)(uintptr_t)frame->code << 16 | frame->offset;
}

static uint64_t
mark(void)
{
    interrupt();
    return depth > 0 ? mark_of(&stack[depth - 1]) : 0;
}

static bool
is_mark_of(uint64_t told, const struct ouro__frame *frame)
{
    return told == mark_of(frame);
}

const struct ouro__frame_source stack_source = {.walk = walk,
                                                .follow = follow,
                                                .read_code = read_code,
                                                .lasts = lasts,
                                                .mark = mark,
                                                .is_mark_of = is_mark_of};
