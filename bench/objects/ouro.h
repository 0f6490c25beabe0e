/* ouro.h - the workloads' operations by Ouro. */
#ifndef OURO_BENCH_OURO_H
#define OURO_BENCH_OURO_H

#include <ouro/ouro.h>

#include "../c/work.h"

#define PEER_HAS_KINDS 1
#define PEER_HAS_COLLECTOR 1
#define PEER_HAS_YOUNG 1
#define PEER_HAS_FOREIGN 1
#define PEER_HAS_THREADS 1

typedef ouro_ref object;

struct node {
    ouro_object head;
    ouro_ref slot[3];
};

struct tree {
    ouro_object head;
    ouro_ref left, right;
    long i, j;
};

static ouro_ref node_type, tree_type;

static inline void
must(ouro_status status)
{
    if (status < 0) {
        fprintf(stderr, "%s\n", ouro_status_text(status));
        exit(1);
    }
}

static inline void
peer_begin(void)
{
    static const ouro_field node_fields[] = {OURO_FIELD(struct node, slot[0]),
                                             OURO_FIELD(struct node, slot[1]),
                                             OURO_FIELD(struct node, slot[2])};
    static const ouro_field tree_fields[] = {OURO_FIELD(struct tree, left),
                                             OURO_FIELD(struct tree, right)};
    const ouro_type_spec node_spec = {
        .name = "node", .size = sizeof(struct node), .n_fields = 3, .fields = node_fields};
    const ouro_type_spec tree_spec = {
        .name = "tree", .size = sizeof(struct tree), .n_fields = 2, .fields = tree_fields};

    must(ouro_init(NULL));
    ouro_gc_disable();
    must(ouro_type_create(&node_spec, &node_type));
    must(ouro_type_create(&tree_spec, &tree_type));
}

static inline void
thread_begin(void)
{
    must(ouro_thread_attach());
}

static inline void
thread_end(void)
{
    ouro_thread_detach();
}

/* While another thread works and this one waits for it. */
static inline void
wait_begin(void)
{
    ouro_thread_detach();
}

static inline void
wait_end(void)
{
    must(ouro_thread_attach());
}

/* ---- references ---- */

static inline object
share(object o)
{
    return ouro_incref(o);
}

static inline void
drop(object o)
{
    ouro_decref(o);
}

/* ---- nodes of three references, nodes of trees ---- */

static inline object
node_new(object a, object b, object c)
{
    struct node *node = need(ouro_new(node_type));
    node->slot[0] = a;
    node->slot[1] = b;
    node->slot[2] = c;
    return &node->head;
}

static inline void
node_set(object node, int slot, object stolen)
{
    ouro_assign(&((struct node *)node)->slot[slot], stolen);
}

static inline object
tree_new(object left, object right)
{
    struct tree *tree = need(ouro_new(tree_type));
    tree->left = left;
    tree->right = right;
    return &tree->head;
}

/* ---- kinds ---- */

static inline object
int_new(int64_t value)
{
    return need(ouro_int_new(value));
}

static inline object
int_add(object a, object b)
{
    ouro_ref sum;
    must(ouro_int_add(a, b, &sum));
    return sum;
}

static inline object
int_shift(object a, unsigned by)
{
    ouro_ref shifted;
    must(ouro_int_shift_left(a, by, &shifted));
    return shifted;
}

static inline object
float_new(double value)
{
    return need(ouro_float_new(value));
}

static inline object
text_new(const char *utf8, size_t n)
{
    ouro_ref text;
    must(ouro_str_decode(utf8, n, &text, NULL));
    return text;
}

static inline object
bytes_new(const char *data, size_t n)
{
    return need(ouro_bytes_new(data, n));
}

static inline object
tuple_new(object const *items, size_t n)
{
    return need(ouro_tuple_new(n, items));
}

/* ---- lists ---- */

static inline object
list_new(void)
{
    return need(ouro_list_new(0));
}

static inline object
list_of(object const *items, size_t n)
{
    return need(ouro_list_of(n, items));
}

static inline void
list_append(object list, object item)
{
    must(ouro_list_append(list, item));
}

static inline void
list_append_new(object list, object stolen)
{
    must(ouro_list_append_steal(list, stolen));
}

static inline void
list_insert(object list, size_t index, object item)
{
    must(ouro_list_insert(list, index, item));
}

static inline object
list_peek(object list, size_t index)
{
    return ouro_list_get_borrow(list, index);
}

static inline object
list_get(object list, size_t index)
{
    return ouro_list_get(list, index);
}

static inline void
list_set(object list, size_t index, object item)
{
    must(ouro_list_set(list, index, item));
}

static inline void
list_delete(object list, size_t index)
{
    ouro_decref(ouro_list_pop(list, index));
}

static inline void
list_extend(object list, object items)
{
    must(ouro_list_extend(list, items));
}

static inline object
list_slice(object list, size_t begin, size_t end)
{
    return need(ouro_list_slice(list, begin, end));
}

static inline object
iterate(object from)
{
    ouro_ref iterator;
    must(ouro_iterate(from, &iterator));
    return iterator;
}

static inline object
next_item(object iterator)
{
    ouro_ref item;
    return ouro_next(iterator, &item) == OURO_FOUND ? item : NULL;
}

/* ---- dicts and sets ---- */

static inline object
dict_new(void)
{
    return need(ouro_dict_new());
}

static inline void
dict_set(object dict, object key, object value)
{
    must(ouro_dict_set(dict, key, value));
}

static inline object
dict_peek(object dict, object key)
{
    return ouro_dict_get_borrow(dict, key);
}

static inline void
dict_delete(object dict, object key)
{
    must(ouro_dict_delete(dict, key));
}

static inline object
dict_copy(object dict)
{
    return need(ouro_dict_copy(dict));
}

static inline size_t
dict_walk(object dict)
{
    ouro_loan key, value;
    size_t position = 0, n = 0;
    while (ouro_dict_next_borrow(dict, &position, &key, &value)) {
        KEEP(key);
        KEEP(value);
        n++;
    }
    return n;
}

static inline object
set_new(void)
{
    return need(ouro_set_new());
}

static inline void
set_add(object set, object item)
{
    must(ouro_set_add(set, item));
}

static inline bool
set_has(object set, object item)
{
    return ouro_set_contains(set, item) == OURO_FOUND;
}

/* ---- texts ---- */

static inline object
text_concat(object a, object b)
{
    return need(ouro_str_concat(a, b));
}

static inline size_t
text_find(object text, object part)
{
    size_t index = 0;
    return ouro_str_find(text, part, 0, SIZE_MAX, &index) == OURO_FOUND ? index : SIZE_MAX;
}

static inline object
text_join(object separator, object list)
{
    ouro_ref text;
    must(ouro_str_join(separator, list, &text));
    return text;
}

static inline object
text_split(object text, object separator)
{
    ouro_ref list;
    must(ouro_str_split(text, separator, SIZE_MAX, &list));
    return list;
}

static inline bool
text_equal(object a, object b)
{
    return ouro_str_equal(a, b);
}

/* ---- the collector ---- */

static inline void
collector_on(void)
{
    ouro_gc_enable();
}

static inline void
collect(int generation)
{
    ouro_gc_collect((unsigned)generation);
}

/* Nanoseconds spent collecting so far. */
static inline double
collector_ns(void)
{
    ouro_gc_stats stats[OURO_GENERATIONS];
    double total = 0;
    ouro_gc_get_stats(stats);
    for (int g = 0; g < OURO_GENERATIONS; g++) {
        total += (double)stats[g].total_ns;
    }
    return total;
}

#endif
