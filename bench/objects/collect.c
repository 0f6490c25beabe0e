/* collect.c - collections of many live objects in the shape that the argument names, and of garbage.
 * Arguments: shape, objects. */
#include "bench.h"

static size_t n_objects;

static object
holder_of(size_t n, object (*make)(void))
{
    object holder = list_new();
    for (size_t i = 0; i < n; i++) {
        list_append_new(holder, make());
    }
    return holder;
}

static object
make_node(void)
{
    return node_new(NULL, NULL, NULL);
}

static object
build_lists(void)
{
    return holder_of(n_objects, list_new);
}

static object
build_instances(void)
{
    return holder_of(n_objects, make_node);
}

#if PEER_HAS_KINDS
static object shared_key, shared_value;

/* What it holds may be part of a cycle, so that it must be looked at. */
static object
make_dict(void)
{
    object dict = dict_new();
    dict_set(dict, shared_key, shared_value);
    return dict;
}

static object
build_dicts(void)
{
    shared_key = text_new("key", 3);
    shared_value = list_new();
    return holder_of(n_objects, make_dict);
}
#endif

/* The holder has the instances in an order that is not that of their addresses. */
static object
build_shuffled(void)
{
    object holder = build_instances();
    uint64_t state = 11;
    for (size_t i = n_objects; i > 1; i--) {
        size_t other = random_between(&state, 0, i);
        object a = list_peek(holder, i - 1), b = list_peek(holder, other);
        share(a);
        list_set(holder, i - 1, b);
        list_set(holder, other, a);
        drop(a);
    }
    return holder;
}

/* Each instance holds three others, whichever. */
static object
build_random(void)
{
    object holder = build_instances();
    uint64_t state = 13;
    for (size_t i = 0; i < n_objects; i++) {
        object each = list_peek(holder, i);
        for (int slot = 0; slot < 3; slot++) {
            node_set(each, slot, share(list_peek(holder, random_between(&state, 0, n_objects))));
        }
    }
    return holder;
}

/* Each instance holds the one that was made before it. */
static object
build_chain(void)
{
    object last = NULL;
    for (size_t i = 0; i < n_objects; i++) {
        last = node_new(last, NULL, NULL);
    }
    return last;
}

static void
measure_full(const char *what)
{
    collect(2); /* what is young gets old */
    double began = wall_ns();
    collect(2);
    report("full collection", what, (wall_ns() - began) / (double)n_objects, "ns", n_objects);
}

#if PEER_HAS_YOUNG
/* Ten thousand young objects beside all the old ones. */
static void
measure_young(const char *what)
{
    enum { YOUNG = 10000, ROUNDS = 20 };
    double took = 0;
    for (int round = 0; round < ROUNDS; round++) {
        object young = holder_of(YOUNG, list_new);
        double began = wall_ns();
        collect(0);
        took += wall_ns() - began;
        drop(young);
    }
    report("young collection", what, took / (YOUNG * ROUNDS), "ns", YOUNG);
}
#endif

/* Pairs that hold each other are made and dropped, and the collector does what it does. */
static void
measure_garbage(void)
{
    collector_on();
    double began = cpu_ns();
    for (size_t i = 0; i < n_objects / 2; i++) {
        object a = node_new(NULL, NULL, NULL), b = node_new(a, NULL, NULL);
        node_set(a, 0, b);
#if !PEER_BDWGC
        share(a);
        drop(a);
#endif
    }
    double took = cpu_ns() - began;
    report("garbage", "pairs that hold each other", took / (double)n_objects, "ns", n_objects);
}

static const struct shape {
    const char *name;
    object (*build)(void);
} shapes[] = {
    {"lists", build_lists},
    {"instances", build_instances},
    {"shuffled instances", build_shuffled},
    {"random graph", build_random},
    {"chain", build_chain},
#if PEER_HAS_KINDS
    {"dicts", build_dicts},
#endif
};

int
main(int argc, char **argv)
{
    static object root; /* seen by a collector that looks for roots itself */
    const char *wanted = argc > 1 ? argv[1] : "";
    n_objects = argument(argc, argv, 2, 5000000);

    peer_begin();
    if (strcmp(wanted, "garbage") == 0) {
        measure_garbage();
    }
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (strcmp(shapes[i].name, wanted) == 0) {
            root = shapes[i].build();
            measure_full(wanted);
#if PEER_HAS_YOUNG
            measure_young(wanted);
#endif
        }
    }
    KEEP(root);
    leave();
}
