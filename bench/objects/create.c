/* create.c - objects of each kind are made and let go of: one at a time, and a thousand at a time. */
#include "bench.h"

#define N 2000000
#define BATCH 1000

static object batch[BATCH];

/* Both ways for one kind; `made` may use `i`, and is the same work each time. */
#define EACH(what, made)                                                                               \
    TIME("create", what, N, 1, {                                                                       \
        object o = made;                                                                               \
        KEEP(o);                                                                                       \
        drop(o);                                                                                       \
        check++;                                                                                       \
    });                                                                                                \
    TIME("create a thousand", what, N / BATCH, BATCH, {                                                \
        int64_t round = i;                                                                             \
        for (int64_t i = round * BATCH, k = 0; k < BATCH; i++, k++) {                                  \
            batch[k] = made;                                                                           \
        }                                                                                              \
        for (size_t k = 0; k < BATCH; k++) {                                                           \
            drop(batch[k]);                                                                            \
        }                                                                                              \
        check++;                                                                                       \
    })

#if PEER_HAS_KINDS

static char text[64] = "the quick brown fox jumps over the lazy dog";
static char greek[] = "\u03b1\u03b2\u03b3\u03b4\u03b5\u03b6\u03b7\u03b8\u03b9\u03ba";

static object
varied_text(int64_t i, size_t n)
{
    text[1] = (char)('a' + (i & 15));
    return text_new(text, n);
}

static object
dict_of_three(object const *keys, object const *values)
{
    object dict = dict_new();
    for (int k = 0; k < 3; k++) {
        dict_set(dict, keys[k], values[k]);
    }
    return dict;
}

static object
set_of_three(object const *items)
{
    object set = set_new();
    for (int k = 0; k < 3; k++) {
        set_add(set, items[k]);
    }
    return set;
}

static void
measure_kinds(void)
{
    object one = int_new(1), big = int_shift(one, 200);
    object items[3] = {float_new(1), float_new(2), float_new(3)};
    object keys[3] = {text_new("first", 5), text_new("second", 6), text_new("third", 5)};

    EACH("int, small", int_new(i & 255));
    EACH("int, 62 bits", int_new(((int64_t)1 << 61) + i));
    EACH("int, 201 bits", int_add(big, one));
    EACH("float", float_new((double)i));
    EACH("str of 7", varied_text(i, 7));
    EACH("str of 40", varied_text(i, 40));
    EACH("str of 10, Greek", text_new(greek, sizeof greek - 1));
    EACH("bytes of 20", bytes_new(text, 20));
    EACH("tuple of 2", tuple_new(items, 2));
    EACH("list, empty", list_new());
    EACH("list of 3", list_of(items, 3));
    EACH("dict, empty", dict_new());
    EACH("dict of 3", dict_of_three(keys, items));
    EACH("set, empty", set_new());
    EACH("set of 3", set_of_three(items));
}

#endif

int
main(void)
{
    peer_begin();
#if PEER_HAS_KINDS
    measure_kinds();
#endif
#if PEER_BDWGC
    collector_on(); /* it is what frees */
#endif
    EACH("instance with 3 slots", node_new(NULL, NULL, NULL));
    leave();
}
