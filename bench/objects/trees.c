/* trees.c - GCBench and the benchmarks game's binary trees, the collector on.
 *
 * @source  Ellis, Kovac, Boehm, "GCBench" (1997), https://hboehm.info/gc/gc_bench/; the benchmarks game, binary-trees */
#include "bench.h"

/* ---- GCBench ---- */

#define STRETCH_DEPTH 18
#define LONG_LIVED_DEPTH 16
#define LEAST_DEPTH 4
#define MOST_DEPTH 16

static size_t
tree_size(int depth)
{
    return ((size_t)1 << (depth + 1)) - 1;
}

static object
leaf_new(void)
{
    return tree_new(NULL, NULL);
}

/* From the root downwards. */
static void
populate(int depth, object node)
{
    if (depth > 0) {
        tree_fill(node, leaf_new(), leaf_new());
        populate(depth - 1, tree_left(node));
        populate(depth - 1, tree_right(node));
    }
}

/* From the leaves upwards. */
static object
make_tree(int depth)
{
    if (depth <= 0) {
        return leaf_new();
    }
    object left = make_tree(depth - 1), right = make_tree(depth - 1);
    return tree_new(left, right);
}

static uint64_t
gcbench(void)
{
    static object long_lived;
    uint64_t n = 0;

    drop(make_tree(STRETCH_DEPTH));
    long_lived = leaf_new();
    populate(LONG_LIVED_DEPTH, long_lived);
    for (int depth = LEAST_DEPTH; depth <= MOST_DEPTH; depth += 2) {
        size_t rounds = 2 * tree_size(STRETCH_DEPTH) / tree_size(depth);
        for (size_t i = 0; i < rounds; i++) {
            object down = leaf_new();
            populate(depth, down);
            drop(down);
            drop(make_tree(depth));
            n += 2;
        }
    }
    drop(long_lived);
    return n;
}

/* ---- binary trees ---- */

static uint64_t
count_nodes(object tree)
{
    object left = tree_left(tree);
    return left == NULL ? 1 : 1 + count_nodes(left) + count_nodes(tree_right(tree));
}

static uint64_t
binary_trees(int most)
{
    object long_lived = make_tree(most);
    uint64_t n = 0;

    for (int depth = 4; depth <= most; depth += 4) {
        size_t rounds = (size_t)1 << (most - depth + 4);
        for (size_t i = 0; i < rounds; i++) {
            object tree = make_tree(depth);
            n += count_nodes(tree);
            drop(tree);
        }
    }
    n += count_nodes(long_lived);
    drop(long_lived);
    return n;
}

int
main(void)
{
    peer_begin();
#if PEER_HAS_COLLECTOR
    collector_on();
#endif
    double began = cpu_ns();
    uint64_t n = gcbench();
    report("trees", "GCBench", (cpu_ns() - began) / 1e6, "ms", n);
    began = cpu_ns();
    n = binary_trees(16);
    report("trees", "binary trees", (cpu_ns() - began) / 1e6, "ms", n);
    leave();
}
