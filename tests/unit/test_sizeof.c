/* test_sizeof.c - how large objects are, alone and with all that they hold; and getting at what they hold.
 *
 * ctest: timeout=600
 *
 * Follows CPython's Lib/test/test_sys.py, SizeofTest, and test_gc.py, test_get_referents. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "child.h"
#include "cm.h"
#include "keys.h"
#include "object/object.h"
#include "process.h"
#include "require.h"
#include "threads.h"

/* ---- one object ---- */

static uint64_t
live_bytes(void)
{
    ouro__spares_free(ouro__thread_self);
    ouro_heap_stats leaves, collected;
    ouro_heap_get_stats(ouro__leaves, &leaves);
    ouro_heap_get_stats(ouro__collected, &collected);
    return leaves.live_bytes + collected.live_bytes;
}

static ouro_ref
make_str(size_t n)
{
    static char text[4096];
    memset(text, 'a', n);
    text[n] = 0;
    return ouro_str_new(text);
}

static ouro_ref
make_wide_str(size_t n)
{
    static uint32_t characters[4096];
    ouro_ref str = NULL;
    for (size_t i = 0; i < n; i++) {
        characters[i] = 0x1F600;
    }
    REQUIRE(ouro_str_from_characters(characters, n, &str, NULL) == OURO_OK, "no memory");
    return str;
}

static ouro_ref
make_bytes(size_t n)
{
    static const char zero[4096];
    return ouro_bytes_new(zero, n);
}

static ouro_ref
make_bytearray(size_t n)
{
    static const char zero[4096];
    ouro_ref array = ouro_bytearray_new(zero, n);
    REQUIRE(ouro_bytearray_append(array, 3) == OURO_OK, "no memory");
    return array;
}

static ouro_ref
make_int(size_t n)
{
    ouro_ref one = ouro_int_new(2000), made = NULL;
    REQUIRE(ouro_int_shift_left(one, n, &made) == OURO_OK, "no memory");
    ouro_decref(one);
    return made;
}

static ouro_ref
make_list(size_t n)
{
    ouro_ref list = ouro_list_new(0);
    for (size_t i = 0; i < n; i++) {
        REQUIRE(ouro_list_append(list, ouro_none()) == OURO_OK, "no memory");
    }
    return list;
}

static ouro_ref
make_tuple(size_t n)
{
    return ouro_tuple_new(n, NULL);
}

static ouro_ref
make_dict(size_t n)
{
    ouro_ref dict = ouro_dict_new();
    for (size_t i = 0; i < n && i < 1000; i++) {
        ouro_ref key = ouro_int_new((int64_t)i);
        REQUIRE(ouro_dict_set(dict, key, key) == OURO_OK, "no memory");
        ouro_decref(key);
    }
    return dict;
}

static ouro_ref
make_set(size_t n)
{
    ouro_ref set = ouro_set_new();
    for (size_t i = 0; i < n && i < 1000; i++) {
        ouro_ref key = ouro_int_new((int64_t)i);
        REQUIRE(ouro_set_add(set, key) >= 0, "no memory");
        ouro_decref(key);
    }
    return set;
}

static ouro_ref
make_frozenset(size_t n)
{
    ouro_ref set = make_set(n), frozen = NULL;
    REQUIRE(ouro_frozenset_new(set, &frozen) == OURO_OK, "no memory");
    ouro_decref(set);
    return frozen;
}

static ouro_ref
make_row(size_t n)
{
    return row_new(n);
}

static ouro_ref
make_node(size_t n)
{
    (void)n;
    return node_new(NULL, NULL);
}

static ouro_ref
make_type(size_t n)
{
    const ouro_type_spec spec = {.name = "some type", .size = sizeof(ouro_object) + 8 * n};
    ouro_ref type = NULL;
    REQUIRE(ouro_type_create(&spec, &type) == OURO_OK, "no memory");
    return type;
}

#define N_EACH (TEST_STRESSED ? 20 : 2000)

static void
test_exact(void **state) /* test_objecttypes: what the heap gave for it, but for its rounding */
{
    static const struct {
        const char *name;
        ouro_ref (*make)(size_t n);
    } kinds[] = {{"str", make_str},     {"wide str", make_wide_str},
                 {"bytes", make_bytes}, {"bytearray", make_bytearray},
                 {"int", make_int},     {"list", make_list},
                 {"tuple", make_tuple}, {"dict", make_dict},
                 {"set", make_set},     {"frozenset", make_frozenset},
                 {"row", make_row},     {"node", make_node},
                 {"type", make_type}};
    static const size_t sizes[] = {2, 9, 60, 700, 3000};
    ouro_ref *made = calloc(N_EACH, sizeof *made);

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            uint64_t said = 0, before = live_bytes();
            for (size_t i = 0; i < N_EACH; i++) {
                made[i] = kinds[k].make(sizes[s]);
                REQUIRE(made[i] != NULL, "no memory for a %s", kinds[k].name);
                said += ouro_sizeof(made[i]);
            }
            uint64_t took = live_bytes() - before;
            /* Blocks are rounded up to sixteen bytes or an eighth, with one buffer beside the object. */
            uint64_t most = said + said / 8 + (uint64_t)N_EACH * 32;
            if (!TEST_STRESSED) {
                REQUIRE(took <= most && took >= said, "%s of %zu: %llu said, %llu taken", kinds[k].name,
                        sizes[s], (unsigned long long)said, (unsigned long long)took);
            }
            for (size_t i = 0; i < N_EACH; i++) {
                ouro_decref(made[i]);
            }
            ouro_gc_collect(2);
        }
    }
    free(made);
}

/* ---- with all that it holds ---- */

static size_t
deep(ouro_loan object)
{
    size_t size = 0;
    REQUIRE(ouro_sizeof_deep(object, &size) == OURO_OK, "no memory");
    return size;
}

static void
test_shared_once(void **state)
{
    (void)state;
    ouro_ref leaf = leaf_new(1), a = node_new(ouro_incref(leaf), ouro_incref(leaf));
    ouro_ref b = node_new(ouro_incref(leaf), ouro_incref(a));
    assert_int_equal(deep(leaf), ouro_sizeof(leaf));
    assert_int_equal(deep(a), ouro_sizeof(a) + ouro_sizeof(leaf));
    assert_int_equal(deep(b), ouro_sizeof(b) + deep(a));
    ouro_assign(&node_of(a)->right, ouro_incref(b)); /* a cycle */
    assert_int_equal(deep(a), ouro_sizeof(a) + ouro_sizeof(b) + ouro_sizeof(leaf));
    assert_int_equal(deep(b), deep(a));
    ouro_clear(&node_of(a)->right);
    node_of(a)->left = (ouro_decref(node_of(a)->left), ouro_incref(a)); /* itself */
    assert_int_equal(deep(a), ouro_sizeof(a));
    ouro_clear(&node_of(a)->left);
    ouro_decref(leaf);
    ouro_decref(a);
    ouro_decref(b);
}

static void
test_left_out(void **state) /* what belongs to the whole program; what is held weakly */
{
    ouro_ref weakref = NULL, type = NULL;

    (void)state;
    ouro_ref list = ouro_list_new(0), small = ouro_int_new(5), empty = ouro_str_new("");
    const ouro_ref free_ones[] = {ouro_none(), ouro_bool(true), small, empty,
                                  (ouro_ref)ouro_list_type()};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(ouro_list_append(list, free_ones[i]), OURO_OK);
    }
    assert_int_equal(deep(list), ouro_sizeof(list));
    const ouro_type_spec spec = {.name = "mine", .size = sizeof(ouro_object)};
    assert_int_equal(ouro_type_create(&spec, &type), OURO_OK);
    assert_int_equal(ouro_list_append(list, type), OURO_OK);
    assert_int_equal(deep(list), ouro_sizeof(list));
    assert_int_equal(deep(type), ouro_sizeof(type)); /* asked for itself */
    assert_int_equal(deep(ouro_none()), ouro_sizeof(ouro_none()));

    ouro_ref text = ouro_str_new("a text which is not short"), one = ouro_str_intern(text);
    assert_int_equal(ouro_list_append(list, one), OURO_OK);
    assert_int_equal(deep(list), ouro_sizeof(list) + ouro_sizeof(text));
    ouro_ref node = node_new(NULL, NULL);
    assert_int_equal(ouro_weakref_create(node, NULL, NULL, &weakref), OURO_OK);
    assert_int_equal(deep(weakref), ouro_sizeof(weakref));
    ouro_ref set = ouro_weakset_new(), ties[2];
    assert_int_equal(ouro_weakset_add(set, node), OURO_OK);
    assert_int_equal(ouro_weakref_list(node, ties, 2), 2);
    assert_int_equal(deep(set),
                     ouro_sizeof(set) + 2 * ouro_sizeof(weakref)); /* the tie, and that to the set */
    ouro_ref all[] = {list, type, text, one, node, weakref, set, ties[0], ties[1]};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        ouro_decref(all[i]);
    }
}

#define N_DEEP (TEST_THREAD_SANITIZED || TEST_STRESSED ? 100000 : 3000000)

static void
test_millions(void **state) /* as deep as one likes, and as wide */
{
    (void)state;
    ouro_ref chain = NULL;
    for (size_t i = 0; i < N_DEEP; i++) {
        chain = node_new(chain, NULL);
    }
    assert_int_equal(deep(chain), (size_t)N_DEEP * ouro_sizeof(chain));
    ouro_ref row = row_new(N_DEEP);
    for (size_t i = 0; i < N_DEEP; i++) {
        ((struct row *)row)->items[i] = i % 2 ? leaf_new(i) : ouro_incref(chain);
    }
    ouro_ref leaf = ((struct row *)row)->items[1];
    size_t expected =
        ouro_sizeof(row) + N_DEEP / 2 * ouro_sizeof(leaf) + (size_t)N_DEEP * ouro_sizeof(chain);
    assert_int_equal(deep(row), expected);
    ouro_decref(chain);
    ouro_decref(row);
    assert_int_equal(nodes_dead, (unsigned long)N_DEEP + N_DEEP / 2 + 1);
}

/* Every reference of a graph at random, against a plain marking of numbers. */
static void
test_random_graph(void **state)
{
    enum { N = 3000 };
    static ouro_ref nodes[N];
    static bool met[N];
    static size_t stack[N];
    uint64_t seed = 12345;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        nodes[i] = node_new(NULL, NULL);
        node_of(nodes[i])->number = i;
    }
    for (size_t i = 0; i < N; i++) {
        for (int side = 0; side < 2; side++) {
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            if (seed >> 62 != 0) {
                ouro_ref *at = side ? &node_of(nodes[i])->right : &node_of(nodes[i])->left;
                *at = ouro_incref(nodes[(seed >> 20) % N]);
            }
        }
    }
    for (size_t root = 0; root < 50; root++) {
        memset(met, 0, sizeof met);
        size_t n_stack = 1, n_met = 1;
        stack[0] = root;
        met[root] = true;
        while (n_stack != 0) {
            const struct node *node = node_of(nodes[stack[--n_stack]]);
            ouro_ref both[] = {node->left, node->right};
            for (int side = 0; side < 2; side++) {
                if (both[side] != NULL && !met[node_of(both[side])->number]) {
                    met[node_of(both[side])->number] = true;
                    stack[n_stack++] = node_of(both[side])->number;
                    n_met++;
                }
            }
        }
        assert_int_equal(deep(nodes[root]), n_met * ouro_sizeof(nodes[0]));
    }
    for (size_t i = 0; i < N; i++) {
        ouro_clear(&node_of(nodes[i])->left);
        ouro_clear(&node_of(nodes[i])->right);
    }
    for (size_t i = 0; i < N; i++) {
        ouro_decref(nodes[i]);
    }
}

#define N_REFUSED (TEST_STRESSED ? 100000 : 1000000)

static void
refuse_memory(void *context)
{
    ouro_ref chain = context;
    size_t size = 4711;
    /* What is there already may be used again: so little that the table for all of it does not fit. */
    size_t room = (size_t)N_REFUSED * 4;
    struct rlimit limit = {.rlim_cur = process_mapped() + room, .rlim_max = RLIM_INFINITY};
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0, "no limit");
    REQUIRE(ouro_sizeof_deep(chain, &size) == OURO_NO_MEMORY, "there was memory");
    REQUIRE(size == 4711, "something was written");
    ouro_safepoint(); /* the world goes on */
    limit.rlim_cur = RLIM_INFINITY;
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0, "no limit");
    REQUIRE(ouro_sizeof_deep(chain, &size) == OURO_OK && size > 4711, "there is memory again");
}

static void
test_without_memory(void **state)
{
    (void)state;
    if (TEST_ADDRESS_SANITIZED || TEST_THREAD_SANITIZED) {
        print_message("skipped: the sanitizer's own address space knows no such limit\n");
        return;
    }
    ouro_ref chain = NULL;
    for (size_t i = 0; i < N_REFUSED; i++) {
        chain = node_new(chain, NULL);
    }
    struct child_end end = child_run(refuse_memory, chain, 120);
    if (end.code != 0) {
        print_message("%s\n", end.text);
    }
    assert_int_equal(end.signal, 0);
    assert_int_equal(end.code, 0);
    ouro_decref(chain);
}

/* ---- while other threads change everything ---- */

static ouro_ref shared_dict;
static int is_over;

static void
change(void *context)
{
    int64_t base = *(int64_t *)context;

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (int64_t i = 0; !__atomic_load_n(&is_over, __ATOMIC_RELAXED); i++) {
        ouro_ref key = ouro_int_new(base + i % 1000 * 100), list = make_list((size_t)(i % 50));
        REQUIRE(ouro_dict_set(shared_dict, key, list) == OURO_OK, "no memory");
        ouro_decref(key);
        ouro_decref(list);
        ouro_safepoint();
    }
    ouro_thread_detach();
}

static int
count_one(ouro_loan referent, void *context)
{
    (void)referent;
    ++*(size_t *)context;
    return 0;
}

static void
test_threads(void **state)
{
    int64_t bases[] = {2000, 2001};

    (void)state;
    shared_dict = ouro_dict_new();
    is_over = 0;
    struct threads *threads = threads_start(2, change, bases, sizeof bases[0]);
    size_t size = 0;
    for (int i = 0; i < 300 || size < 100000; i++) {
        size = deep(shared_dict);
        REQUIRE(size < 2000 * (size_t)(24 + 32 + 800 + 100) + 100000, "%zu bytes", size);
        const ouro_loan objects[] = {shared_dict};
        size_t n = 0;
        assert_int_equal(ouro_gc_visit_referents(objects, 1, count_one, &n), 0);
        assert_int_equal(n % 2, 0); /* keys and values */
        ouro_safepoint();
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
    ouro_thread_detach();
    threads_join(threads);
    assert_int_equal(ouro_thread_attach(), OURO_OK);
    ouro_clear(&shared_dict);
}

/* ---- referents ---- */

struct seen {
    ouro_object *objects[8];
    size_t n, most;
};

static int
see(ouro_loan referent, void *context)
{
    struct seen *seen = context;
    seen->objects[seen->n++] = ouro_look(referent);
    return seen->n == seen->most ? 7 : 0;
}

static void
test_referents(void **state) /* test_get_referents */
{
    struct seen seen = {.most = 9};

    (void)state;
    ouro_ref a = leaf_new(1), b = leaf_new(2), node = node_new(ouro_incref(a), ouro_incref(b));
    ouro_ref list = ouro_list_new(0), dict = ouro_dict_new(), key = ouro_int_new(5000);
    ouro_ref text = ouro_str_new("text"), number = ouro_int_new(70000), empty = ouro_tuple_new(0, NULL);
    assert_int_equal(ouro_list_append(list, b), OURO_OK);
    assert_int_equal(ouro_dict_set(dict, key, a), OURO_OK);
    const ouro_loan several[] = {node, list, dict};
    assert_int_equal(ouro_gc_visit_referents(several, 3, see, &seen), 0);
    const ouro_object *const expected[] = {a, b, b, key, a};
    assert_int_equal(seen.n, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_ptr_equal(seen.objects[i], expected[i]);
    }
    seen = (struct seen){.most = 9};
    const ouro_loan atoms[] = {text, number, ouro_none(), empty, a};
    assert_int_equal(ouro_gc_visit_referents(atoms, 5, see, &seen), 0);
    assert_int_equal(ouro_gc_visit_referents(several, 0, see, &seen), 0);
    assert_int_equal(seen.n, 0);
    seen.most = 3; /* ends early */
    assert_int_equal(ouro_gc_visit_referents(several, 3, see, &seen), 7);
    assert_int_equal(seen.n, 3);
    ouro_ref all[] = {a, b, node, list, dict, key, text, number, empty};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        ouro_decref(all[i]);
    }
}

#define TEST(test) cmocka_unit_test_setup(test, keys_gc_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exact),        TEST(test_shared_once),    TEST(test_left_out), TEST(test_millions),
        TEST(test_random_graph), TEST(test_without_memory), TEST(test_threads),  TEST(test_referents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
