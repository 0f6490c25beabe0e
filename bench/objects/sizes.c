/* sizes.c - resident bytes that an object takes, all that its peer keeps beside it included. */
#include "bench.h"

#define N 300000

static object objects[N];

static size_t
resident(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*s %zu", &pages) != 1) {
        exit(1);
    }
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* None of the objects is let go of before the next kind is measured, which would take their places. */
#define EACH(group, what, made)                                                                        \
    do {                                                                                               \
        collect(2);                                                                                    \
        size_t before = resident();                                                                    \
        for (size_t i = 0; i < N; i++) {                                                               \
            objects[i] = made;                                                                         \
        }                                                                                              \
        collect(2);                                                                                    \
        report(group, what, (double)(resident() - before) / N, "bytes", N);                            \
    } while (0)

static char text[] = "the quick brown fox jumps over the lazy dog";
static object items[8], keys[8];

static object
list_grown(size_t n)
{
    object list = list_new();
    for (size_t k = 0; k < n; k++) {
        list_append(list, items[k]);
    }
    return list;
}

static object
dict_of(size_t n)
{
    object dict = dict_new();
    for (size_t k = 0; k < n; k++) {
        dict_set(dict, keys[k], items[k]);
    }
    return dict;
}

static object
set_of(size_t n)
{
    object set = set_new();
    for (size_t k = 0; k < n; k++) {
        set_add(set, items[k]);
    }
    return set;
}

int
main(void)
{
    peer_begin();
    memset(objects, 1, sizeof objects); /* resident */
    for (size_t k = 0; k < 8; k++) {
        char name[] = "key0";
        name[3] = (char)('0' + k);
        keys[k] = text_new(name, 4);
        items[k] = float_new((double)k + 0.5);
    }
    EACH("bytes, containers", "tuple of 1", tuple_new(items, 1));
    EACH("bytes, containers", "tuple of 2", tuple_new(items, 2));
    EACH("bytes, containers", "tuple of 3", tuple_new(items, 3));
    EACH("bytes, containers", "list, empty", list_new());
    EACH("bytes, containers", "list of 1", list_grown(1));
    EACH("bytes, containers", "list of 3", list_grown(3));
    EACH("bytes, containers", "list of 8", list_grown(8));
    EACH("bytes, containers", "dict, empty", dict_new());
    EACH("bytes, containers", "dict of 1", dict_of(1));
    EACH("bytes, containers", "dict of 3", dict_of(3));
    EACH("bytes, containers", "dict of 8", dict_of(8));
    EACH("bytes, containers", "set, empty", set_new());
    EACH("bytes, containers", "set of 3", set_of(3));
    EACH("bytes, containers", "set of 8", set_of(8));
    EACH("bytes, containers", "instance with 3 slots",
         node_new(share(items[0]), share(items[1]), share(items[2])));
    EACH("bytes, others", "int, 40 bits", int_new(((int64_t)1 << 39) + (int64_t)i));
    EACH("bytes, others", "float", float_new((double)i));
    EACH("bytes, others", "str of 7", text_new(text, 7));
    EACH("bytes, others", "str of 40", text_new(text, 40));
    EACH("bytes, others", "bytes of 20", bytes_new(text, 20));
    leave();
}
