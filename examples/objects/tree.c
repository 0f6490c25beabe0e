/* tree.c - a type of one's own: a tree whose nodes know their parents, so that every node is part of a cycle. */
#include <stdio.h>

#include <ouro/ouro.h>

struct node {
    ouro_object head;
    ouro_ref parent, left, right;
};

static ouro_loan node_type;

/* A new reference to a tree of the depth, or NULL without memory. */
static ouro_ref
grow(ouro_loan parent, int depth)
{
    ouro_ref tree = ouro_new(node_type);
    if (tree == NULL || depth == 0) {
        return tree;
    }
    struct node *node = (struct node *)ouro_look(ouro_lend(tree));
    node->parent = parent != NULL ? ouro_incref(parent) : NULL;
    node->left = grow(ouro_lend(tree), depth - 1);
    node->right = grow(ouro_lend(tree), depth - 1);
    return tree;
}

int
main(void)
{
    static const ouro_field fields[] = {OURO_FIELD(struct node, parent), OURO_FIELD(struct node, left),
                                        OURO_FIELD(struct node, right)};
    const ouro_type_spec spec = {
        .name = "node", .size = sizeof(struct node), .n_fields = 3, .fields = fields};
    ouro_ref type = NULL;

    if (ouro_init(NULL) < 0 || ouro_type_create(&spec, &type) < 0) {
        fprintf(stderr, "no memory\n");
        return 1;
    }
    node_type = ouro_lend(type);
    ouro_gc_disable(); /* so that the number below is always the same */
    ouro_ref tree = grow(NULL, 16);
    if (tree == NULL) {
        return 1;
    }
    printf("in use: %zu unreachable\n", ouro_gc_collect(2));
    ouro_decref(tree);
    printf("dropped: %zu unreachable\n", ouro_gc_collect(2));
    ouro_decref(type);
    return 0;
}

/* prints:
in use: 0 unreachable
dropped: 131071 unreachable
*/
