/* grow.c - one list grows to ten million small lists, all alive, while the collector does as it likes.
 * Argument: objects. */
#include "bench.h"

#define STEP 64 /* objects between looks at the clock */

int
main(int argc, char **argv)
{
    static object holder;
    size_t n = argument(argc, argv, 1, 10000000);
    double longest = 0;

    peer_begin();
    collector_on();
    holder = list_new();
    double began = cpu_ns(), from = wall_ns(), last = from;
    for (size_t i = 0; i < n; i++) {
        list_append_new(holder, list_new());
        if (i % STEP == STEP - 1) {
            double now = wall_ns();
            longest = now - last > longest ? now - last : longest;
            last = now;
        }
    }
    double took = cpu_ns() - began;
    report("growth", "longest pause", longest / 1e6, "ms", n);
    report("growth", "time an object", took / (double)n, "ns", n);
    report("growth share", "share of the time spent collecting", collector_ns() / (last - from),
           "share", n);
    leave();
}
