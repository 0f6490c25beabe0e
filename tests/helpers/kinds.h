/* kinds.h - run one test on every kind of heap: exclusive and shared, release and debug.
 *
 * A test written for a prepared heap gets it through `struct fixture`; ON_EVERY_KIND(test) puts it into
 * cmocka's table four times.  The tear-down destroys the heap. */
#ifndef OURO_TESTS_KINDS_H
#define OURO_TESTS_KINDS_H

#include <ouro/heap.h>

#include "cm.h"

/* One kind of heap and the name of it. */
struct kind {
    const char *name;
    ouro_heap_config config;
};

/* What a test finds in *state. */
struct fixture {
    const struct kind *kind;
    ouro_heap *heap;
};

extern struct kind kind_exclusive, kind_shared, kind_exclusive_debug, kind_shared_debug;

/* The figures of a heap now. */
static inline ouro_heap_stats
stats_of(ouro_heap *heap)
{
    ouro_heap_stats stats;
    ouro_heap_get_stats(heap, &stats);
    return stats;
}

int fixture_setup(void **state);
int fixture_teardown(void **state);

#define ON_KIND(test, kind)                                                                            \
    {                                                                                                  \
#test " on " #kind, test, fixture_setup, fixture_teardown, &kind                               \
    }

/* On the two kinds of a release heap. */
#define ON_RELEASE_KINDS(test) ON_KIND(test, kind_exclusive), ON_KIND(test, kind_shared)

/* On the two kinds of a debug heap. */
#define ON_DEBUG_KINDS(test) ON_KIND(test, kind_exclusive_debug), ON_KIND(test, kind_shared_debug)

#define ON_EVERY_KIND(test) ON_RELEASE_KINDS(test), ON_DEBUG_KINDS(test)

#endif
