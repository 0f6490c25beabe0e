/* objects.c - request N for a block of memory is refused, for every N that an operation on objects makes: it says so, what
 * it was to change is as it was, what it was to give is not given, and nothing is left over.
 *
 * Follows CPython's Lib/test/test_dict.py, test_oob_indexing_dictiter_iternextitem and its like, which call
 * _testcapi.set_nomemory(); semantics: "out of memory leaves everything as it was". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ouro/ouro.h>

#include "child.h"
#include "heap/heap.h"
#include "nodes.h"
#include "object/object.h"
#include "require.h"
#include "threads.h"

#include "cm.h"

/* ---- what is refused ---- */

static void
refuse(long n)
{
    ouro__spares_free(ouro__thread_self); /* blocks at hand would not be asked for */
    ouro__heap_calls = 0;
    ouro__heap_fail_at = n;
}

/* Whether anything was refused since. */
static bool
refuse_no_more(long n)
{
    ouro__heap_fail_at = 0;
    return ouro__heap_calls >= n;
}

static uint64_t
live_bytes(void)
{
    ouro_heap_stats collected, leaves;
    ouro__spares_free(ouro__thread_self);
    ouro_heap_get_stats(ouro__collected, &collected);
    ouro_heap_get_stats(ouro__leaves, &leaves);
    return collected.live_bytes + leaves.live_bytes;
}

/* ---- objects to do something with ---- */

static ouro_ref
must(ouro_ref object)
{
    REQUIRE(object != NULL, "no memory, though nothing is refused");
    return object;
}

static ouro_ref
make_int(size_t n)
{
    ouro_ref number = NULL, base = must(ouro_int_new(-12345));
    REQUIRE(ouro_int_power(ouro_lend(base), n, &number) == OURO_OK, "no power");
    ouro_decref(base);
    return number;
}

static ouro_ref
make_str(size_t n)
{
    ouro_ref text = must(ouro_str_new("a\xC3\xA9'\xE2\x82\xAC"));
    for (size_t i = 0; i < n; i++) {
        ouro_ref more = must(ouro_str_new("xy\xF0\x9F\x90\x8D"));
        ouro_assign(&text, must(ouro_str_concat(ouro_lend(text), ouro_lend(more))));
        ouro_decref(more);
    }
    return text;
}

static ouro_ref
make_bytes(size_t n)
{
    return must(ouro_bytes_new(NULL, n));
}

static ouro_ref
make_bytearray(size_t n)
{
    return must(ouro_bytearray_new(NULL, n));
}

static ouro_ref
make_list(size_t n)
{
    ouro_ref list = must(ouro_list_new(0));
    for (size_t i = 0; i < n; i++) {
        REQUIRE(ouro_list_append_steal(ouro_lend(list), must(ouro_float_new((double)i))) == OURO_OK,
                "append");
    }
    return list;
}

/* Of texts, for joining. */
static ouro_ref
make_texts(size_t n)
{
    ouro_ref list = must(ouro_list_new(0));
    for (size_t i = 0; i < n; i++) {
        REQUIRE(ouro_list_append_steal(ouro_lend(list), make_str(i % 3)) == OURO_OK, "append");
    }
    return list;
}

static ouro_ref
make_tuple(size_t n)
{
    ouro_ref tuple = must(ouro_tuple_new(n, NULL));
    for (size_t i = 0; i < n; i++) {
        ouro_tuple_fill(ouro_lend(tuple), i, must(ouro_float_new((double)i + 0.5)));
    }
    return tuple;
}

static ouro_ref
make_dict(size_t n)
{
    ouro_ref dict = must(ouro_dict_new());
    for (size_t i = 0; i < n; i++) {
        ouro_ref key = must(ouro_float_new((double)i)), value = make_tuple(i % 3);
        REQUIRE(ouro_dict_set(ouro_lend(dict), ouro_lend(key), ouro_lend(value)) == OURO_OK, "set");
        ouro_decref(key);
        ouro_decref(value);
    }
    return dict;
}

static ouro_ref
make_set(size_t n)
{
    ouro_ref set = must(ouro_set_new());
    for (size_t i = 0; i < n; i++) {
        ouro_ref item = must(ouro_float_new((double)i * 2));
        REQUIRE(ouro_set_add(ouro_lend(set), ouro_lend(item)) == OURO_OK, "add");
        ouro_decref(item);
    }
    return set;
}

static ouro_ref
make_frozenset(size_t n)
{
    ouro_ref set = make_set(n), frozen = NULL;
    REQUIRE(ouro_frozenset_new(ouro_lend(set), &frozen) == OURO_OK, "no frozenset");
    ouro_decref(set);
    return frozen;
}

static ouro_ref
make_node(size_t n)
{
    (void)n;
    return node_new(NULL, NULL);
}

/* A float that is in none of the others. */
static ouro_ref
make_float(size_t n)
{
    return must(ouro_float_new(-0.25 - (double)n));
}

/* ---- operations ---- */

/* What gives NULL without memory, as a status. */
static ouro_status
give(ouro_ref made, ouro_ref *result)
{
    if (made == NULL) {
        return OURO_NO_MEMORY;
    }
    *result = made;
    return OURO_OK;
}

#define OPERATION(name) static ouro_status name(ouro_loan a, ouro_loan b, ouro_ref *result)
#define GIVES(name, call)                                                                              \
    OPERATION(name)                                                                                    \
    {                                                                                                  \
        (void)a;                                                                                       \
        (void)b;                                                                                       \
        return give(call, result);                                                                     \
    }
#define DOES(name, call)                                                                               \
    OPERATION(name)                                                                                    \
    {                                                                                                  \
        (void)a;                                                                                       \
        (void)b;                                                                                       \
        (void)result;                                                                                  \
        return call;                                                                                   \
    }

GIVES(new_float, ouro_float_new(1.5))
GIVES(new_int, ouro_int_new(INT64_MIN))
GIVES(show, ouro_repr(a))
GIVES(list_new, ouro_list_new(50))
GIVES(list_slice, ouro_list_slice(a, 1, SIZE_MAX))
DOES(list_append, ouro_list_append(a, b))
DOES(list_extend, ouro_list_extend(a, b))
DOES(list_insert, ouro_list_insert(a, 1, b))
GIVES(tuple_new, ouro_tuple_new(9, NULL))
GIVES(dict_new, ouro_dict_new())
GIVES(dict_copy, ouro_dict_copy(a))
GIVES(dict_keys, ouro_dict_keys(a))
GIVES(dict_values, ouro_dict_values(a))
GIVES(dict_items, ouro_dict_items(a))
GIVES(dict_walk, ouro_dict_iterate_items(a))
DOES(dict_set, ouro_dict_set(a, b, b))
DOES(dict_update, ouro_dict_update(a, b))
DOES(dict_set_default, ouro_dict_set_default(a, b, b, NULL))
GIVES(set_copy, ouro_set_copy(a))
DOES(set_add, ouro_set_add(a, b))
DOES(set_update, ouro_set_update(a, b))
DOES(set_is_subset, ouro_set_is_subset(a, b) < 0 ? OURO_NO_MEMORY : OURO_OK)
DOES(set_is_disjoint, ouro_set_is_disjoint(a, b) < 0 ? OURO_NO_MEMORY : OURO_OK)
DOES(set_union, ouro_set_union(a, b, result))
DOES(set_intersection, ouro_set_intersection(a, b, result))
DOES(set_difference, ouro_set_difference(a, b, result))
DOES(set_symmetric, ouro_set_symmetric_difference(a, b, result))
DOES(frozenset_new, ouro_frozenset_new(a, result))
GIVES(str_concat, ouro_str_concat(a, b))
GIVES(str_slice, ouro_str_slice(a, 1, 3))
GIVES(str_replace, ouro_str_replace(a, b, a, SIZE_MAX))
DOES(str_split, ouro_str_split(a, b, SIZE_MAX, result))
DOES(str_join, ouro_str_join(b, a, result))
GIVES(str_format, ouro_str_format("%S %R %d %50.40s", a, a, 7, "a text that is longer than that"))
DOES(str_decode, ouro_str_decode("\xE2\x82\xAC and more of it", 17, result, NULL))
GIVES(bytes_concat, ouro_bytes_concat(a, b))
GIVES(bytes_slice, ouro_bytes_slice(a, 1, SIZE_MAX))
GIVES(bytes_hex, ouro_bytes_hex(a))
GIVES(bytes_copy, ouro_bytes_from(a))
DOES(bytes_from_hex, ouro_bytes_from_hex("00ff 10", 7, result))
DOES(bytearray_append, ouro_bytearray_append(a, 7))
DOES(bytearray_extend, ouro_bytearray_extend(a, b))
DOES(bytearray_resize, ouro_bytearray_resize(a, 5000))
DOES(int_add, ouro_int_add(a, b, result))
DOES(int_subtract, ouro_int_subtract(a, b, result))
DOES(int_multiply, ouro_int_multiply(a, b, result))
DOES(int_quotient, ouro_int_floor_divide(a, b, result))
DOES(int_modulo, ouro_int_modulo(a, b, result))
DOES(int_and, ouro_int_and(a, b, result))
DOES(int_xor, ouro_int_xor(a, b, result))
DOES(int_invert, ouro_int_invert(a, result))
DOES(int_power, ouro_int_power(a, 5, result))
DOES(int_left, ouro_int_shift_left(a, 77, result))
DOES(int_right, ouro_int_shift_right(a, 7, result))
DOES(int_text, ouro_int_to_text(a, 7, result))
DOES(int_read, ouro_int_from_text("-123456789012345678901234567890", 31, 10, result))
DOES(int_double, ouro_int_from_double(1e200, result))
DOES(weak_plain, ouro_weakref_create(a, NULL, NULL, result))

OPERATION(int_divmod)
{
    ouro_ref rest = NULL;
    ouro_status status = ouro_int_divide(a, b, result, &rest);
    REQUIRE(status == OURO_OK || rest == NULL, "half of an answer");
    ouro_xdecref(rest);
    return status;
}

static ouro_status
ignore_death(ouro_loan weakref, ouro_loan context)
{
    (void)weakref;
    (void)context;
    return OURO_OK;
}

DOES(weak_called, ouro_weakref_create(a, ignore_death, b, result))

/* A list of weak references, as many as make their table grow. */
OPERATION(weak_many)
{
    ouro_ref list = ouro_list_new(0);
    ouro_status status = list != NULL ? OURO_OK : OURO_NO_MEMORY;
    (void)b;
    for (int i = 0; i < 40 && status == OURO_OK; i++) {
        ouro_ref weakref = NULL;
        status = ouro_weakref_create(a, ignore_death, NULL, &weakref);
        status = status == OURO_OK ? ouro_list_append_steal(ouro_lend(list), weakref) : status;
    }
    if (status < 0) {
        ouro_xdecref(list);
        return status;
    }
    *result = list;
    return OURO_OK;
}

/* Texts that are one for all, as many as make their table grow. */
OPERATION(intern_many)
{
    ouro_ref list = ouro_list_new(0);
    ouro_status status = list != NULL ? OURO_OK : OURO_NO_MEMORY;
    (void)a;
    (void)b;
    for (int i = 0; i < 60 && status == OURO_OK; i++) {
        OURO_SCOPED text = ouro_str_format("text %d", i);
        ouro_ref interned = text != NULL ? ouro_str_intern(ouro_lend(text)) : NULL;
        status = interned != NULL ? ouro_list_append_steal(ouro_lend(list), interned) : OURO_NO_MEMORY;
    }
    if (status < 0) {
        ouro_xdecref(list);
        return status;
    }
    *result = list;
    return OURO_OK;
}

OPERATION(type_create)
{
    static const ouro_field fields[] = {OURO_FIELD(struct node, left)};
    const ouro_type_spec spec = {
        .name = "brief", .base = NULL, .size = sizeof(struct node), .n_fields = 1, .fields = fields};
    (void)a;
    (void)b;
    return ouro_type_create(&spec, result);
}

/* A graph, of which whatever was made before the refusal must go again. */
OPERATION(build)
{
    ouro_ref dict = ouro_dict_new();
    ouro_status status = dict != NULL ? OURO_OK : OURO_NO_MEMORY;
    (void)a;
    (void)b;
    for (int i = 0; i < 30 && status == OURO_OK; i++) {
        OURO_SCOPED key = ouro_str_format("key %d", i);
        OURO_SCOPED list = ouro_list_new(0);
        status = key != NULL && list != NULL ? OURO_OK : OURO_NO_MEMORY;
        status = status == OURO_OK ? ouro_list_append(ouro_lend(list), ouro_lend(dict)) : status;
        status = status == OURO_OK ? ouro_dict_set(ouro_lend(dict), ouro_lend(key), ouro_lend(list))
                                   : status;
    }
    if (status == OURO_OK) {
        *result = dict;
    } else {
        ouro_xdecref(dict);
    }
    return status;
}

/* ---- refusing ---- */

struct operation {
    const char *name;
    ouro_status (*play)(ouro_loan a, ouro_loan b, ouro_ref *result);
    ouro_ref (*make_a)(size_t n);
    size_t n_a;
    ouro_ref (*make_b)(size_t n); /* NULL: there is none */
    size_t n_b;
    bool may_do_part; /* items that were added before stay, as is said of it */
};

static void
show_object(ouro_ref object, char text[4096])
{
    ouro_ref repr = object != NULL ? must(ouro_repr(ouro_lend(object))) : NULL;
    text[0] = 0;
    if (repr != NULL) {
        ouro_str_encode(ouro_lend(repr), text, 4096);
        ouro_decref(repr);
    }
}

/* Play it once with request `n` refused; false when it made fewer. */
static bool
play_refused(const struct operation *it, long n)
{
    static char a_before[4096], b_before[4096], after[4096];
    ouro_ref a = it->make_a != NULL ? it->make_a(it->n_a) : NULL;
    ouro_ref b = it->make_b != NULL ? it->make_b(it->n_b) : NULL;
    ouro_ref result = ouro_none(); /* untouched when it fails */

    show_object(a, a_before);
    show_object(b, b_before);
    size_t size = a != NULL ? ouro_sizeof(ouro_lend(a)) : 0;
    uint32_t count = a != NULL ? ouro_refcount(ouro_lend(a)) : 0;
    refuse(n);
    ouro_status status = it->play(ouro_lend(a), ouro_lend(b), &result);
    bool was_refused = refuse_no_more(n);

    REQUIRE(status >= 0 || (status == OURO_NO_MEMORY && was_refused), "%s: %s, request %ld", it->name,
            ouro_status_text(status), n);
    if (status < 0) {
        REQUIRE(result == ouro_none(), "%s gives something and fails, request %ld", it->name, n);
        show_object(a, after);
        REQUIRE(it->may_do_part || strcmp(after, a_before) == 0, "%s, request %ld: \"%s\" was \"%s\"",
                it->name, n, after, a_before);
        REQUIRE(a == NULL || it->may_do_part || ouro_sizeof(ouro_lend(a)) == size,
                "%s: another size, request %ld", it->name, n);
        REQUIRE(a == NULL || ouro_refcount(ouro_lend(a)) == count, "%s: another count, request %ld",
                it->name, n);
        show_object(b, after);
        REQUIRE(strcmp(after, b_before) == 0, "%s, request %ld: \"%s\" was \"%s\"", it->name, n, after,
                b_before);
        /* And then it can be done. */
        status = it->play(ouro_lend(a), ouro_lend(b), &result);
        REQUIRE(status >= 0, "%s: %s, after request %ld", it->name, ouro_status_text(status), n);
    }
    ouro_xdecref(result);
    ouro_xdecref(a);
    ouro_xdecref(b);
    ouro_gc_collect(OURO_GENERATIONS - 1);
    return was_refused;
}

/* How many requests were refused. */
static long
refuse_each(const struct operation *it)
{
    long n = 0;

    (void)play_refused(it, 0); /* what stays for good, tables of weak references and of the interned */
    (void)play_refused(it, 0);
    uint64_t before = live_bytes();
    do {
        n++;
        REQUIRE(n < 5000, "%s makes ever more requests", it->name);
    } while (play_refused(it, n));
    uint64_t after = live_bytes();
    REQUIRE(after == before, "%s: %lld bytes are left", it->name, (long long)(after - before));
    REQUIRE(n > 1, "%s needs no memory: nothing was refused", it->name);
    return n - 1;
}

static const struct operation operations[] = {
    {"new float", new_float, NULL, 0, NULL, 0, false},
    {"new int", new_int, NULL, 0, NULL, 0, false},
    {"repr of a list", show, make_list, 100, NULL, 0, false},
    {"repr of a tuple", show, make_tuple, 20, NULL, 0, false},
    {"repr of a dict", show, make_dict, 30, NULL, 0, false},
    {"repr of a set", show, make_set, 30, NULL, 0, false},
    {"repr of a frozenset", show, make_frozenset, 30, NULL, 0, false},
    {"repr of a text", show, make_str, 100, NULL, 0, false},
    {"repr of bytes", show, make_bytes, 300, NULL, 0, false},
    {"repr of a bytearray", show, make_bytearray, 300, NULL, 0, false},
    {"repr of an int", show, make_int, 100, NULL, 0, false},
    {"repr of a node", show, make_node, 0, NULL, 0, false},
    {"new list", list_new, NULL, 0, NULL, 0, false},
    {"append to nothing", list_append, make_list, 0, make_float, 1, false},
    {"append", list_append, make_list, 4, make_float, 1, false},
    {"append to many", list_append, make_list, 92, make_float, 1, false},
    {"insert", list_insert, make_list, 24, make_float, 1, false},
    {"slice", list_slice, make_list, 30, NULL, 0, false},
    {"extend", list_extend, make_list, 2, make_dict, 40, true},
    {"new tuple", tuple_new, NULL, 0, NULL, 0, false},
    {"new dict", dict_new, NULL, 0, NULL, 0, false},
    {"first key", dict_set, make_dict, 0, make_float, 1, false},
    {"sixth key", dict_set, make_dict, 5, make_float, 1, false},
    {"21st key", dict_set, make_dict, 20, make_float, 1, false},
    {"43rd key", dict_set, make_dict, 42, make_float, 1, false},
    {"default", dict_set_default, make_dict, 170, make_float, 1, false},
    {"copy of a dict", dict_copy, make_dict, 60, NULL, 0, false},
    {"keys", dict_keys, make_dict, 60, NULL, 0, false},
    {"values", dict_values, make_dict, 60, NULL, 0, false},
    {"items", dict_items, make_dict, 60, NULL, 0, false},
    {"iterator", dict_walk, make_dict, 60, NULL, 0, false},
    {"update", dict_update, make_dict, 10, make_dict, 90, true},
    {"update of nothing", dict_update, make_dict, 0, make_dict, 90, true},
    {"add", set_add, make_set, 5, make_float, 1, false},
    {"add to many", set_add, make_set, 42, make_float, 1, false},
    {"copy of a set", set_copy, make_set, 60, NULL, 0, false},
    {"frozenset", frozenset_new, make_set, 60, NULL, 0, false},
    {"frozenset of a dict", frozenset_new, make_dict, 60, NULL, 0, false},
    {"update of a set", set_update, make_set, 10, make_dict, 60, true},
    {"union", set_union, make_set, 30, make_set, 60, false},
    {"union with a dict", set_union, make_set, 30, make_dict, 60, false},
    {"intersection", set_intersection, make_set, 30, make_frozenset, 60, false},
    {"difference", set_difference, make_set, 60, make_frozenset, 20, false},
    {"symmetric difference", set_symmetric, make_frozenset, 60, make_dict, 60, false},
    {"subset", set_is_subset, make_set, 20, make_dict, 40, false},
    {"disjoint", set_is_disjoint, make_set, 20, make_dict, 40, false},
    {"text from UTF-8", str_decode, NULL, 0, NULL, 0, false},
    {"texts together", str_concat, make_str, 20, make_str, 3, false},
    {"part of a text", str_slice, make_str, 20, NULL, 0, false},
    {"replace", str_replace, make_str, 2, make_str, 0, false},
    {"split", str_split, make_str, 20, make_str, 0, false},
    {"join", str_join, make_texts, 20, make_str, 1, false},
    {"intern", intern_many, NULL, 0, NULL, 0, false},
    {"format", str_format, make_str, 30, NULL, 0, false},
    {"bytes together", bytes_concat, make_bytes, 40, make_bytearray, 30, false},
    {"part of bytes", bytes_slice, make_bytes, 40, NULL, 0, false},
    {"hex", bytes_hex, make_bytearray, 40, NULL, 0, false},
    {"bytes of an array", bytes_copy, make_bytearray, 40, NULL, 0, false},
    {"bytes from hex", bytes_from_hex, NULL, 0, NULL, 0, false},
    {"append a byte", bytearray_append, make_bytearray, 0, NULL, 0, false},
    {"extend an array", bytearray_extend, make_bytearray, 30, make_bytearray, 300, false},
    {"resize", bytearray_resize, make_bytearray, 30, NULL, 0, false},
    {"a + b", int_add, make_int, 30, make_int, 20, false},
    {"a - b", int_subtract, make_int, 30, make_int, 21, false},
    {"a * b", int_multiply, make_int, 30, make_int, 21, false},
    {"a // b", int_quotient, make_int, 31, make_int, 20, false},
    {"a % b", int_modulo, make_int, 31, make_int, 20, false},
    {"divmod", int_divmod, make_int, 31, make_int, 20, false},
    {"a & b", int_and, make_int, 31, make_int, 21, false},
    {"a ^ b", int_xor, make_int, 30, make_int, 21, false},
    {"~a", int_invert, make_int, 30, NULL, 0, false},
    {"a ** 5", int_power, make_int, 30, NULL, 0, false},
    {"a << 77", int_left, make_int, 30, NULL, 0, false},
    {"a >> 7", int_right, make_int, 31, NULL, 0, false},
    {"digits", int_text, make_int, 30, NULL, 0, false},
    {"int from digits", int_read, NULL, 0, NULL, 0, false},
    {"int from a double", int_double, NULL, 0, NULL, 0, false},
    {"weak reference", weak_plain, make_node, 0, NULL, 0, false},
    {"weak reference with a callback", weak_called, make_node, 0, make_node, 0, false},
    {"many weak references", weak_many, make_node, 0, NULL, 0, false},
    {"type", type_create, NULL, 0, NULL, 0, false},
    {"graph", build, NULL, 0, NULL, 0, false},
};

static void
test_operations(void **state)
{
    long n = 0;
    (void)state;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        n += refuse_each(&operations[i]);
    }
    print_message("%ld requests were refused\n", n);
}

/* ---- collections ---- */

extern long ouro__os_calls;
extern long ouro__os_fail_at;

static unsigned n_called;

static ouro_status
count_call(ouro_loan weakref, ouro_loan context)
{
    (void)weakref;
    (void)context;
    n_called++;
    return OURO_OK;
}

/* Rings with finalizers and weak references, and a hub that very many refer to: a collection finds all of them, or what it had
 * no memory for the next one does; what is alive stays alive. */
static bool
collect_refused(long n, bool refuses_pages)
{
    enum { N = 600, N_MANY = 5000 };
    ouro_ref weakrefs[N], kept = row_new(N_MANY), hub = node_new(NULL, NULL);

    nodes_dead = nodes_finalized = 0;
    n_called = 0;
    for (size_t i = 0; i < N_MANY; i++) {
        ((struct row *)kept)->items[i] = node_new(ouro_incref(ouro_lend(hub)), NULL);
    }
    for (size_t i = 0; i < N; i++) {
        ouro_ref ring = node_new_final(NULL, ouro_incref(ouro_lend(hub)));
        node_of(ouro_lend(ring))->left = ouro_incref(ouro_lend(ring));
        REQUIRE(ouro_weakref_create(ouro_lend(ring), count_call, NULL, &weakrefs[i]) == OURO_OK,
                "weakref");
        ouro_decref(ring);
    }
    refuse(refuses_pages ? 0 : n);
    ouro__os_calls = 0;
    ouro__os_fail_at = refuses_pages ? n : 0;
    size_t found = ouro_gc_collect(OURO_GENERATIONS - 1);
    ouro__os_fail_at = 0;
    bool was_refused = refuse_no_more(n);
    was_refused = refuses_pages ? ouro__os_calls >= n : was_refused;

    REQUIRE(found <= N, "%zu found", found);
    found += ouro_gc_collect(OURO_GENERATIONS - 1);
    REQUIRE(found == N && nodes_dead == N && nodes_finalized == N && n_called == N,
            "request %ld: %zu found, %lu dead, %lu finalized, %u called", n, found, nodes_dead,
            nodes_finalized, n_called);
    REQUIRE(ouro_refcount(ouro_lend(hub)) == N_MANY + 1, "another count");
    for (size_t i = 0; i < N; i++) {
        REQUIRE(ouro_weakref_get(ouro_lend(weakrefs[i])) == NULL, "it is alive");
        ouro_decref(weakrefs[i]);
    }
    ouro_decref(hub);
    ouro_decref(kept);
    REQUIRE(nodes_dead == N + N_MANY + 2, "%lu dead", nodes_dead);
    return was_refused;
}

static void
collect_all_refused(void *unused)
{
    (void)unused;
    nodes_setup(NULL);
    ouro_gc_disable();
    for (int pages = 0; pages < 2; pages++) {
        long n = 1;
        while (collect_refused(n, pages != 0)) {
            n++;
            REQUIRE(n < 2000, "ever more requests");
        }
    }
}

static void
test_collections(void **state)
{
    (void)state;
    struct child_end end = child_run(collect_all_refused, NULL, 300);
    if (end.signal != 0 || end.code != 0) {
        fail_msg("signal %d, code %d: %s", end.signal, end.code, end.text);
    }
}

/* ---- threads ---- */

static long refused_at;
static ouro_status attached;

static void
attach(void *unused)
{
    (void)unused;
    ouro__os_calls = ouro__heap_calls = 0;
    ouro__os_fail_at = ouro__heap_fail_at = refused_at;
    attached = ouro_thread_attach();
    ouro__os_fail_at = ouro__heap_fail_at = 0;
    if (attached == OURO_OK) {
        ouro_decref(node_new(leaf_new(1), NULL));
        ouro_thread_detach();
    } else {
        REQUIRE(attached == OURO_NO_MEMORY && !ouro_thread_is_attached(), "%s",
                ouro_status_text(attached));
        REQUIRE(ouro_thread_attach() == OURO_OK, "not even now");
        ouro_thread_detach();
    }
}

static void
attach_all_refused(void *unused)
{
    (void)unused;
    nodes_setup(NULL);
    unsigned n_refused = 0;
    for (refused_at = 1; refused_at < 30; refused_at++) {
        threads_run(1, attach, NULL, 0);
        n_refused += attached < 0;
    }
    REQUIRE(n_refused != 0, "attaching needs no memory");
}

static void
test_attaching(void **state)
{
    (void)state;
    struct child_end end = child_run(attach_all_refused, NULL, 60);
    if (end.signal != 0 || end.code != 0) {
        fail_msg("signal %d, code %d: %s", end.signal, end.code, end.text);
    }
}

/* Each in a child of its own, where nothing has begun yet. */
static void
begin_refused(void *context)
{
    long n = *(const long *)context;
    ouro__os_fail_at = ouro__heap_fail_at = n;
    ouro_status status = ouro_init(NULL);
    ouro__os_fail_at = ouro__heap_fail_at = 0;
    REQUIRE(status == OURO_OK || status == OURO_NO_MEMORY, "%s", ouro_status_text(status));
    REQUIRE(status == OURO_OK || !ouro_thread_is_attached(), "attached");
    if (status < 0) {
        status = ouro_init(NULL);
        REQUIRE(status == OURO_OK, "not even now: %s", ouro_status_text(status));
    }
    ouro_decref(make_dict(100));
    ouro_decref(make_str(10));
    ouro_decref(make_int(100));
    if (ouro__os_calls < n && ouro__heap_calls < n) {
        _Exit(77);
    }
}

static void
test_beginning(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct child_end end = child_run(begin_refused, &n, 60);
        if (end.code == 77) {
            print_message("%ld requests\n", n - 1);
            assert_true(n > 10);
            return;
        }
        if (end.code != 0) {
            fail_msg("request %ld: signal %d, code %d: %s", n, end.signal, end.code, end.text);
        }
        assert_true(n < 2000);
    }
}

static int
begin(void **state)
{
    nodes_setup(state);
    ouro_gc_disable();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beginning), /* the first three in children: here nothing has begun */
        cmocka_unit_test(test_attaching),
        cmocka_unit_test(test_collections),
        cmocka_unit_test_setup(test_operations, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
