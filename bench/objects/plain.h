/* plain.h - what counting costs at the least: a count that is not atomic, in a block of malloc's. */
#ifndef OURO_BENCH_PLAIN_H
#define OURO_BENCH_PLAIN_H

#include "../c/work.h"

#define PEER_HAS_KINDS 0
#define PEER_HAS_COLLECTOR 0
#define PEER_HAS_FOREIGN 0
#define PEER_HAS_THREADS 0

struct counted {
    uint64_t count;
    void *slot[3];
};

typedef struct counted *object;

static inline void
peer_begin(void)
{
}

static inline object
share(object o)
{
    o->count++;
    return o;
}

static inline void
drop(object o)
{
    if (--o->count == 0) {
        free(o);
    }
}

static inline object
node_new(object a, object b, object c)
{
    object made = need(malloc(sizeof *made));
    made->count = 1;
    made->slot[0] = a;
    made->slot[1] = b;
    made->slot[2] = c;
    return made;
}

#endif
