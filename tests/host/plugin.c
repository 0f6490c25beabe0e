/* plugin.c - a library that comes and goes; NAME is its inner function, PAD how large that one's frame is. */
#include <stddef.h>
#include <string.h>

static volatile int after;

__attribute__((noinline)) void
NAME(void (*then)(size_t), size_t size)
{
    volatile char room[PAD];
    memset((char *)room, 0, sizeof room);
    then(size);
    after += room[0] + 1;
}

void plugin_call(void (*then)(size_t), size_t size);

void
plugin_call(void (*then)(size_t), size_t size)
{
    NAME(then, size);
    after++;
}
