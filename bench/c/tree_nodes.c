/* tree_nodes.c - binary trees are built, walked and dropped beside one that stays: how blocks lie decides
 * how fast the walk is.  Arguments: rounds, depth. */
#include "work.h"

struct node {
    struct node *left, *right;
    uint64_t value;
};

static uint64_t operations;

static struct node *
build(unsigned depth, uint64_t value)
{
    struct node *node = need(malloc(sizeof *node));
    operations++;
    node->value = value;
    node->left = depth > 0 ? build(depth - 1, value * 2) : NULL;
    node->right = depth > 0 ? build(depth - 1, value * 2 + 1) : NULL;
    return node;
}

static uint64_t
walk(const struct node *node)
{
    return node == NULL ? 0 : node->value + 3 * walk(node->left) + 5 * walk(node->right);
}

static void
drop(struct node *node)
{
    if (node->left != NULL)
        drop(node->left);
    if (node->right != NULL)
        drop(node->right);
    free(node);
    operations++;
}

int
main(int argc, char **argv)
{
    size_t rounds = argument(argc, argv, 1, 150);
    unsigned depth = (unsigned)argument(argc, argv, 2, 17);
    struct node *kept = build(depth, 1);
    uint64_t checksum = 0;

    for (size_t round = 0; round < rounds; round++) {
        struct node *tree = build(depth, round);
        checksum = checksum * 31 + walk(tree) + walk(kept);
        if (round % 4 == 0) { /* the kept tree changes places: old and new blocks mix */
            struct node *old = kept;
            kept = tree;
            tree = old;
        }
        drop(tree);
    }
    drop(kept);
    finish("tree_nodes", operations, checksum);
    return 0;
}
