/* gobject.h - the workloads' operations by GLib's GObject. */
#ifndef OURO_BENCH_GOBJECT_H
#define OURO_BENCH_GOBJECT_H

#include <glib-object.h>

#include "../c/work.h"

#define PEER_HAS_KINDS 0
#define PEER_HAS_COLLECTOR 0
#define PEER_HAS_FOREIGN 1
#define PEER_HAS_THREADS 0

typedef gpointer object;

struct node {
    GObject parent;
    gpointer slot[3];
};

struct node_class {
    GObjectClass parent;
};

struct tree {
    GObject parent;
    gpointer left, right;
    long i, j;
};

struct tree_class {
    GObjectClass parent;
};

typedef struct node Node;
typedef struct node_class NodeClass;
typedef struct tree Tree;
typedef struct tree_class TreeClass;

G_DEFINE_TYPE(Node, node, G_TYPE_OBJECT)
G_DEFINE_TYPE(Tree, tree, G_TYPE_OBJECT)

static void
node_finalize(GObject *object)
{
    Node *node = (Node *)object;
    for (int i = 0; i < 3; i++) {
        if (node->slot[i] != NULL) {
            g_object_unref(node->slot[i]);
        }
    }
    G_OBJECT_CLASS(node_parent_class)->finalize(object);
}

static void
node_init(Node *node)
{
    (void)node;
}

static void
node_class_init(NodeClass *class)
{
    class->parent.finalize = node_finalize;
}

static void
tree_finalize(GObject *object)
{
    Tree *tree = (Tree *)object;
    if (tree->left != NULL) {
        g_object_unref(tree->left);
    }
    if (tree->right != NULL) {
        g_object_unref(tree->right);
    }
    G_OBJECT_CLASS(tree_parent_class)->finalize(object);
}

static void
tree_init(Tree *tree)
{
    (void)tree;
}

static void
tree_class_init(TreeClass *class)
{
    class->parent.finalize = tree_finalize;
}

static inline void
peer_begin(void)
{
}

static inline object
share(object o)
{
    return g_object_ref(o);
}

static inline void
drop(object o)
{
    g_object_unref(o);
}

static inline object
node_new(object a, object b, object c)
{
    Node *node = need(g_object_new(node_get_type(), NULL));
    node->slot[0] = a;
    node->slot[1] = b;
    node->slot[2] = c;
    return node;
}

static inline object
tree_new(object left, object right)
{
    Tree *tree = need(g_object_new(tree_get_type(), NULL));
    tree->left = left;
    tree->right = right;
    return tree;
}

#endif
