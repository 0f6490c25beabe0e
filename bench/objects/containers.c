/* containers.c - what is done with containers of a thousand items, and of a million. */
#include "bench.h"

#define N 1000
#define MILLION 1000000

static object items[N];
static size_t places[N]; /* a permutation */

static void
prepare(void)
{
    uint64_t state = 7;
    for (size_t i = 0; i < N; i++) {
        items[i] = float_new((double)i + 0.5);
        places[i] = i;
    }
    for (size_t i = N; i > 1; i--) {
        size_t other = random_between(&state, 0, i), place = places[i - 1];
        places[i - 1] = places[other];
        places[other] = place;
    }
}

static size_t
walk(object from)
{
    object iterator = iterate(from), item;
    size_t n = 0;
    while ((item = next_item(iterator)) != NULL) {
        drop(item);
        n++;
    }
    drop(iterator);
    return n;
}

static void
grow_lists(void)
{
    TIME("containers", "list: append", 2000, N, {
        object list = list_new();
        for (size_t k = 0; k < N; k++) {
            list_append(list, items[k]);
        }
        drop(list);
        check++;
    });
    TIME("containers", "list: append a million", 3, MILLION, {
        object list = list_new();
        for (size_t k = 0; k < MILLION; k++) {
            list_append(list, items[0]);
        }
        drop(list);
        check++;
    });
    TIME("containers", "list: insert in front", 200, N, {
        object list = list_new();
        for (size_t k = 0; k < N; k++) {
            list_insert(list, 0, items[k]);
        }
        drop(list);
        check++;
    });
    TIME("containers", "list: insert in the middle", 200, N, {
        object list = list_new();
        for (size_t k = 0; k < N; k++) {
            list_insert(list, k / 2, items[k]);
        }
        drop(list);
        check++;
    });
}

static void
use_lists(void)
{
    object list = list_of(items, N);
    TIME("containers", "list: item, borrowed", 4000, N, {
        for (size_t k = 0; k < N; k++) {
            check += list_peek(list, places[k]) == items[places[k]];
        }
    });
    TIME("containers", "list: item, new reference", 4000, N, {
        for (size_t k = 0; k < N; k++) {
            object item = list_get(list, places[k]);
            check += item == items[places[k]];
            drop(item);
        }
    });
    TIME("containers", "list: set item", 4000, N, {
        for (size_t k = 0; k < N; k++) {
            list_set(list, places[k], items[places[k]]);
        }
        check++;
    });
    TIME("containers", "list: iterate", 4000, N, check += walk(list));
    TIME("containers", "list: slice", 4000, N, {
        drop(list_slice(list, 0, N));
        check++;
    });
    TIME("containers", "list: extend", 4000, N, {
        object other = list_new();
        list_extend(other, list);
        drop(other);
        check++;
    });
    TIME("containers", "list: append and pop", 2000, N, {
        for (size_t k = 0; k < N; k++) {
            list_append(list, items[k]);
            list_append(list, items[k]);
            list_delete(list, SIZE_MAX);
            list_delete(list, SIZE_MAX);
        }
        check++;
    });
    TIME("containers", "list: pop the first", 400, N, {
        object other = list_slice(list, 0, N);
        for (size_t k = 0; k < N; k++) {
            list_delete(other, 0);
        }
        drop(other);
        check++;
    });
    TIME("containers", "tuple: of 10", 1000000, 1, {
        drop(tuple_new(items, 10));
        check++;
    });
}

/* Keys in three sets: those in the dict, others that are equal, and others that are not there. */
struct keys {
    object same[N], equal[N], missing[N];
};

/* A text, or a number that follows no rule which suits one hash or the other. */
static object
make_key(bool is_text, size_t i)
{
    char text[32];
    int n = snprintf(text, sizeof text, "key_%zu", i);
    uint64_t state = i + 1;
    random_next(&state);
    return is_text ? text_new(text, (size_t)n) : int_new((int64_t)(random_next(&state) >> 8));
}

static object
make_dict(object const *keys)
{
    object dict = dict_new();
    for (size_t k = 0; k < N; k++) {
        dict_set(dict, keys[k], items[k]);
    }
    return dict;
}

static void
find_keys(const char *what, object dict, object const *keys)
{
    TIME("containers", what, 2000, N, {
        for (size_t k = 0; k < N; k++) {
            check += dict_peek(dict, keys[places[k]]) != NULL;
        }
    });
}

#define NAMED(what) (is_text ? "dict of str: " what : "dict of int: " what)

static void
use_dicts(bool is_text)
{
    static struct keys keys;
    for (size_t i = 0; i < N; i++) {
        keys.same[i] = make_key(is_text, i);
        keys.equal[i] = make_key(is_text, i);
        keys.missing[i] = make_key(is_text, i + N);
    }
    TIME("containers", NAMED("build"), 1000, N, {
        drop(make_dict(keys.same));
        check++;
    });
    object dict = make_dict(keys.same);
    find_keys(NAMED("find the same"), dict, keys.same);
    find_keys(NAMED("find an equal"), dict, keys.equal);
    find_keys(NAMED("find in vain"), dict, keys.missing);
    TIME("containers", NAMED("set"), 2000, N, {
        for (size_t k = 0; k < N; k++) {
            dict_set(dict, keys.same[places[k]], items[k]);
        }
        check++;
    });
    TIME("containers", NAMED("delete, put back"), 1000, N, {
        for (size_t k = 0; k < N; k++) {
            dict_delete(dict, keys.same[places[k]]);
            dict_set(dict, keys.same[places[k]], items[k]);
        }
        check++;
    });
    TIME("containers", NAMED("step"), 2000, N, check += dict_walk(dict));
    TIME("containers", NAMED("iterate"), 2000, N, check += walk(dict));
    TIME("containers", NAMED("copy"), 2000, N, {
        drop(dict_copy(dict));
        check++;
    });
}

static void
build_large_dict(bool is_text)
{
    object *keys = need(malloc(MILLION * sizeof *keys));
    for (size_t i = 0; i < MILLION; i++) {
        keys[i] = make_key(is_text, i);
    }
    TIME("containers", NAMED("build a million"), 1, MILLION, {
        object dict = dict_new();
        for (size_t k = 0; k < MILLION; k++) {
            dict_set(dict, keys[k], items[0]);
        }
        drop(dict);
        check++;
    });
    for (size_t i = 0; i < MILLION; i++) {
        drop(keys[i]);
    }
    free(keys);
}

static void
use_sets(void)
{
    object keys[N], missing[N];
    for (size_t i = 0; i < N; i++) {
        keys[i] = make_key(false, i);
        missing[i] = make_key(false, i + N);
    }
    TIME("containers", "set: build", 1000, N, {
        object set = set_new();
        for (size_t k = 0; k < N; k++) {
            set_add(set, keys[k]);
        }
        drop(set);
        check++;
    });
    object set = set_new();
    for (size_t k = 0; k < N; k++) {
        set_add(set, keys[k]);
    }
    TIME("containers", "set: find", 2000, N, {
        for (size_t k = 0; k < N; k++) {
            check += set_has(set, keys[places[k]]);
        }
    });
    TIME("containers", "set: find in vain", 2000, N, {
        for (size_t k = 0; k < N; k++) {
            check += set_has(set, missing[places[k]]);
        }
    });
    TIME("containers", "set: iterate", 2000, N, check += walk(set));
}

static void
use_texts(void)
{
    object first = text_new("the quick brown fox jumps over the lazy ", 40);
    object second = text_new("the quick brown fox jumps over the lazy ", 40);
    object comma = text_new(", ", 2), part = text_new("needle", 6);
    object words[100];
    for (size_t k = 0; k < 100; k++) {
        char word[16];
        int n = snprintf(word, sizeof word, "word%03zu", k);
        words[k] = text_new(word, (size_t)n);
    }
    object list = list_of(words, 100), joined = text_join(comma, list);
    object hay = text_concat(joined, part);

    TIME("containers", "str: concatenate 40 and 40", 1000000, 1, {
        drop(text_concat(first, second));
        check++;
    });
    TIME("containers", "str: compare 40 and 40", 3000000, 1, check += text_equal(first, second));
    TIME("containers", "str: find in 900", 500000, 1, check += text_find(hay, part));
    TIME("containers", "str: join 100", 30000, 100, {
        drop(text_join(comma, list));
        check++;
    });
    TIME("containers", "str: split into 100", 20000, 100, {
        drop(text_split(joined, comma));
        check++;
    });
}

int
main(void)
{
    peer_begin();
    prepare();
    grow_lists();
    use_lists();
    use_dicts(false);
    use_dicts(true);
    use_sets();
    use_texts();
    build_large_dict(false);
    build_large_dict(true);
    leave();
}
