/* bridge.c - a library that Python calls, and that calls Python back. */
#include <stdlib.h>

static void *volatile kept[16];
static volatile int n_kept, after;

void bridge_keep(size_t size);
void bridge_call(void (*then)(void));
void bridge_call_twice(void (*then)(void));

void
bridge_keep(size_t size)
{
    kept[n_kept++ % 16] = malloc(size);
    after++;
}

void
bridge_call(void (*then)(void))
{
    then();
    after++;
}

void
bridge_call_twice(void (*then)(void))
{
    then();
    then();
    after++;
}
