/* bdwgc.h - the workloads' operations by the Boehm-Demers-Weiser collector: objects are what C makes of them, and
 * nobody counts references. */
#ifndef OURO_BENCH_BDWGC_H
#define OURO_BENCH_BDWGC_H

#define GC_THREADS
#include <gc.h>
#include <stdint.h>
#include <string.h>

#include "../c/work.h"

#define PEER_HAS_KINDS 0
#define PEER_HAS_COLLECTOR 1
#define PEER_HAS_YOUNG 0
#define PEER_HAS_FOREIGN 0
#define PEER_HAS_THREADS 0

typedef void *object;

struct node {
    void *slot[3];
};

struct tree {
    struct tree *left, *right;
    long i, j;
};

struct list {
    size_t n, room;
    object *items;
};

static double collector_began, collector_total;

static void
note_collection(GC_EventType event)
{
    if (event == GC_EVENT_START) {
        collector_began = wall_ns();
    } else if (event == GC_EVENT_END) {
        collector_total += wall_ns() - collector_began;
    }
}

static inline void
peer_begin(void)
{
    GC_INIT();
    GC_allow_register_threads();
    GC_set_on_collection_event(note_collection);
    GC_disable();
}

static inline object
share(object o)
{
    return o;
}

static inline void
drop(object o)
{
    KEEP(o);
}

static inline object
node_new(object a, object b, object c)
{
    struct node *node = need(GC_MALLOC(sizeof *node));
    node->slot[0] = a;
    node->slot[1] = b;
    node->slot[2] = c;
    return node;
}

static inline void
node_set(object node, int slot, object stolen)
{
    ((struct node *)node)->slot[slot] = stolen;
}

static inline object
tree_new(object left, object right)
{
    struct tree *tree = need(GC_MALLOC(sizeof *tree));
    tree->left = left;
    tree->right = right;
    return tree;
}

static inline object
list_new(void)
{
    return need(GC_MALLOC(sizeof(struct list)));
}

static inline void
list_append_new(object list_, object item)
{
    struct list *list = list_;
    if (list->n == list->room) {
        list->room += list->room / 8 + 6;
        list->items = need(GC_REALLOC(list->items, list->room * sizeof *list->items));
    }
    list->items[list->n++] = item;
}

static inline object
list_peek(object list, size_t index)
{
    return ((struct list *)list)->items[index];
}

static inline void
list_set(object list, size_t index, object item)
{
    ((struct list *)list)->items[index] = item;
}

static inline void
collector_on(void)
{
    GC_enable();
}

static inline void
collect(int generation)
{
    (void)generation;
    GC_enable();
    GC_gcollect();
    GC_disable();
}

static inline double
collector_ns(void)
{
    return collector_total;
}

#endif
