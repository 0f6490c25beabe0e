/* test_proxy.c - proxies answer as what they stand for does, and say so when that is gone; equality and hash of weak
 * references outlive their objects.
 *
 * Each test names the one of CPython's Lib/test/test_weakref.py that it follows. */
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "keys.h"
#include "process.h"
#include "require.h"
#include "threads.h"

static unsigned n_told;

static int
setup(void **state)
{
    n_told = 0;
    return keys_gc_setup(state);
}

static ouro_status
count_told(ouro_loan weakref, ouro_loan context)
{
    (void)context;
    ouro_ref object = NULL;
    REQUIRE(ouro_weakref_get(weakref) == NULL, "the object is not dead");
    REQUIRE(!ouro_is_proxy(weakref) || ouro_proxy_get(weakref, &object) == OURO_DEAD, "not dead");
    n_told++;
    return OURO_OK;
}

static ouro_ref
proxy_to(ouro_loan object, ouro_weak_callback callback)
{
    ouro_ref proxy = NULL;
    REQUIRE(ouro_proxy_create(object, callback, NULL, &proxy) == OURO_OK, "no memory");
    return proxy;
}

static void
test_basic(void **state) /* test_basic_proxy, test_proxy_ref */
{
    ouro_ref object = NULL;

    (void)state;
    ouro_ref node = node_new(NULL, NULL), proxy = proxy_to(node, NULL),
             told = proxy_to(node, count_told);
    assert_true(ouro_is_proxy(proxy) && ouro_is_proxy(told));
    assert_false(ouro_is_proxy(node) || ouro_is_weakref(proxy));
    assert_int_equal(ouro_refcount(node), 1);
    assert_int_equal(ouro_proxy_get(proxy, &object), OURO_OK);
    assert_ptr_equal(object, node);
    ouro_decref(object);
    assert_int_equal(ouro_proxy_get(node, &object), OURO_WRONG_TYPE);
    ouro_decref(node);
    assert_int_equal(nodes_dead, 1);
    assert_int_equal(n_told, 1);
    assert_int_equal(ouro_proxy_get(proxy, &object), OURO_DEAD);
    ouro_decref(proxy);
    ouro_decref(told);
}

static void
test_shared(void **state) /* test_proxy_reuse, test_shared_proxy_without_callback, test_ref_reuse */
{
    ouro_ref list[8];

    (void)state;
    ouro_ref node = node_new(NULL, NULL);
    ouro_ref told = weak_to(node, count_told, NULL), proxy = proxy_to(node, NULL),
             again = proxy_to(node, NULL);
    assert_ptr_equal(proxy, again);
    assert_int_equal(ouro_weakref_count(node), 2);
    ouro_ref plain = weak_to(node, NULL, NULL), told_proxy = proxy_to(node, count_told);
    assert_ptr_not_equal(plain, proxy);
    assert_ptr_not_equal(told_proxy, proxy);
    const ouro_ref expected[] = {plain, proxy, told_proxy, told};
    assert_int_equal(ouro_weakref_list(node, list, 8), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_ptr_equal(list[i], expected[i]);
        ouro_decref(list[i]);
    }
    ouro_decref(proxy);
    ouro_decref(again);
    assert_int_equal(ouro_weakref_count(node), 3);
    proxy = proxy_to(node, NULL); /* behind the plain reference again */
    assert_int_equal(ouro_weakref_list(node, list, 2), 4);
    assert_ptr_equal(list[1], proxy);
    ouro_decref(list[0]);
    ouro_decref(list[1]);
    ouro_decref(node);
    assert_int_equal(n_told, 2);
    ouro_decref(proxy);
    ouro_decref(plain);
    ouro_decref(told);
    ouro_decref(told_proxy);
}

static void
test_answers(void **state) /* test_basic_proxy, test_proxy_iter, test_proxy_next, test_proxy_bool */
{
    ouro_ref iterator = NULL, item = NULL;
    uint64_t hash = 0;

    (void)state;
    ouro_ref list = ouro_list_new(0), other = ouro_list_new(0), one = ouro_int_new(100000);
    assert_int_equal(ouro_list_append(list, one), OURO_OK);
    assert_int_equal(ouro_list_append(other, one), OURO_OK);
    ouro_ref proxy = proxy_to(list, NULL), second = proxy_to(other, NULL),
             of_proxy = proxy_to(proxy, NULL);
    assert_int_equal(ouro_equal(proxy, other), OURO_FOUND);
    assert_int_equal(ouro_equal(other, proxy), OURO_FOUND);
    assert_int_equal(ouro_equal(proxy, second), OURO_FOUND);
    assert_int_equal(ouro_equal(of_proxy, second), OURO_FOUND);
    assert_int_equal(ouro_equal(proxy, one), OURO_OK);
    assert_int_equal(ouro_hash(proxy, &hash), OURO_UNHASHABLE);
    ouro_ref number = proxy_to(one, NULL); /* also of what has a hash */
    assert_int_equal(ouro_hash(number, &hash), OURO_UNHASHABLE);
    ouro_ref text = ouro_repr(of_proxy);
    assert_string_equal(ouro_str_ascii_borrow(text), "[100000]");
    ouro_decref(text);

    ouro_ref set = ouro_set_new();
    assert_int_equal(ouro_set_add(set, one), OURO_OK);
    ouro_ref of_set = proxy_to(set, NULL), of_that = proxy_to(of_set, NULL);
    assert_int_equal(ouro_iterate(of_that, &iterator), OURO_OK);
    ouro_ref stepper = proxy_to(iterator, NULL);
    assert_int_equal(ouro_next(stepper, &item), OURO_FOUND);
    assert_ptr_equal(item, one);
    ouro_decref(item);
    assert_int_equal(ouro_next(stepper, &item), OURO_OK);
    assert_int_equal(ouro_next(proxy, &item), OURO_WRONG_TYPE);
    assert_int_equal(ouro_iterate(number, &item), OURO_WRONG_TYPE);
    assert_int_equal(ouro_enter(proxy), OURO_WRONG_TYPE);
    ouro_decref(iterator);
    assert_int_equal(ouro_next(stepper, &item), OURO_DEAD);
    ouro_decref(of_that);
    ouro_decref(of_set);
    ouro_decref(set);

    ouro_decref(list);
    ouro_ref gone[] = {proxy, of_proxy};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ouro_equal(gone[i], other), OURO_DEAD);
        assert_int_equal(ouro_equal(other, gone[i]), OURO_DEAD);
        assert_int_equal(ouro_equal(second, gone[i]), OURO_DEAD);
        assert_int_equal(ouro_hash(gone[i], &hash), OURO_UNHASHABLE);
        assert_int_equal(ouro_iterate(gone[i], &iterator), OURO_DEAD);
        assert_int_equal(ouro_next(gone[i], &item), OURO_DEAD);
        assert_int_equal(ouro_enter(gone[i]), OURO_DEAD);
        assert_int_equal(ouro_exit(gone[i], OURO_OK), OURO_DEAD);
        text = ouro_repr(gone[i]);
        assert_non_null(strstr(ouro_str_ascii_borrow(text), "; dead>"));
        ouro_decref(text);
    }
    assert_string_equal(ouro_status_text(OURO_DEAD),
                        "the object that a weak reference or proxy stands for is gone");
    ouro_decref(of_proxy);
    ouro_decref(proxy);
    ouro_decref(second);
    ouro_decref(number);
    ouro_decref(stepper);
    ouro_decref(other);
    ouro_decref(one);
}

static unsigned n_entered, n_exited;

static ouro_status
enter_and_count(ouro_loan self)
{
    (void)self;
    n_entered++;
    return OURO_OK;
}

static ouro_status
exit_and_count(ouro_loan self, ouro_status status)
{
    (void)self;
    n_exited++;
    return status;
}

static void
test_with(void **state) /* our own: `with` through a proxy */
{
    ouro_ref type = NULL;
    const ouro_type_spec spec = {.name = "with",
                                 .size = sizeof(ouro_object),
                                 .flags = OURO_TYPE_LEAF,
                                 .enter = enter_and_count,
                                 .exit = exit_and_count};

    (void)state;
    assert_int_equal(ouro_type_create(&spec, &type), OURO_OK);
    ouro_ref object = ouro_new(type), proxy = proxy_to(object, NULL);
    assert_int_equal(ouro_enter(proxy), OURO_OK);
    assert_int_equal(ouro_exit(proxy, OURO_FAILED), OURO_FAILED);
    assert_int_equal(n_entered, 1);
    assert_int_equal(n_exited, 1);
    ouro_decref(object);
    ouro_decref(proxy);
    ouro_decref(type);
}

static void
test_cycle_through_a_proxy(void **state) /* test_callbacks_on_callback and others, with proxies */
{
    (void)state;
    ouro_ref node = node_new(NULL, NULL);
    node_of(node)->left = ouro_incref(node);
    node_of(node)->right = proxy_to(node, count_told); /* trash with it: never called */
    ouro_ref outside = proxy_to(node, count_told);
    ouro_decref(node);
    assert_int_equal(ouro_gc_collect(2), 2);
    assert_int_equal(n_told, 1);
    assert_int_equal(ouro_proxy_get(outside, &node), OURO_DEAD);
    ouro_decref(outside);
}

/* ---- equality and hash of weak references ---- */

static void
test_equality(void **state) /* test_equality */
{
    (void)state;
    /* x and y are equal, z is another. */
    ouro_ref x = key_new(1, 1), y = key_new(1, 1), z = key_new(2, 1);
    ouro_ref a = weak_to(x, NULL, NULL), b = weak_to(y, NULL, NULL), c = weak_to(z, NULL, NULL),
             d = weak_to(x, count_told, NULL);
    assert_int_equal(ouro_equal(a, b), OURO_FOUND);
    assert_int_equal(ouro_equal(a, d), OURO_FOUND);
    assert_int_equal(ouro_equal(a, c), OURO_OK);
    assert_int_equal(ouro_equal(a, x), OURO_OK); /* the reference is not the object */
    ouro_ref of_a = weak_to(a, NULL, NULL), of_b = weak_to(b, NULL, NULL);
    assert_int_equal(ouro_equal(of_a, of_b), OURO_FOUND);
    assert_int_equal(ouro_equal(of_a, b), OURO_FOUND); /* a reference to one, as it is for its hash */
    ouro_decref(x);
    assert_int_equal(ouro_equal(a, b), OURO_OK);
    assert_int_equal(ouro_equal(a, d), OURO_OK);
    assert_int_equal(ouro_equal(of_a, of_b), OURO_OK);
    assert_int_equal(ouro_equal(a, a), OURO_FOUND);
    ouro_decref(y);
    ouro_decref(z);
    ouro_ref all[] = {a, b, c, d, of_a, of_b};
    for (size_t i = 0; i < 6; i++) {
        ouro_decref(all[i]);
    }
}

static ouro_status
fail_to_compare(ouro_loan a, ouro_loan b)
{
    (void)a, (void)b;
    return OURO_FAILED;
}

static void
test_equality_fails(void **state) /* test_ordering's like: what comparing fails with */
{
    (void)state;
    ouro_ref x = key_new(1, 1), y = key_new(1, 1), a = weak_to(x, NULL, NULL),
             b = weak_to(y, NULL, NULL);
    key_on_equal = fail_to_compare;
    assert_int_equal(ouro_equal(a, b), OURO_FAILED);
    ouro_decref(x);
    ouro_decref(y);
    ouro_decref(a);
    ouro_decref(b);
}

static void
test_hash(void **state) /* test_hashing */
{
    uint64_t hash = 0;

    (void)state;
    ouro_ref x = key_new(1, 42), y = key_new(1, 42);
    ouro_ref a = weak_to(x, NULL, NULL), b = weak_to(y, NULL, NULL), of_a = weak_to(a, NULL, NULL);
    assert_int_equal(ouro_hash(a, &hash), OURO_OK);
    assert_int_equal(hash, 42);
    assert_int_equal(ouro_hash(of_a, &hash), OURO_OK);
    assert_int_equal(hash, 42);
    ouro_decref(x);
    ouro_decref(y);
    hash = 0;
    assert_int_equal(ouro_hash(a, &hash), OURO_OK); /* asked while it lived */
    assert_int_equal(hash, 42);
    assert_int_equal(ouro_hash(b, &hash), OURO_DEAD); /* not asked */
    assert_int_equal(hash, 42);
    ouro_decref(a);
    ouro_decref(b);
    ouro_decref(of_a);
    ouro_ref list = ouro_list_new(0), of_list = weak_to(list, NULL, NULL);
    assert_int_equal(ouro_hash(of_list, &hash), OURO_UNHASHABLE);
    ouro_decref(list);
    ouro_decref(of_list);
}

static void
test_hash_in_dict(void **state) /* test_hashing, test_trashcan_16602's dict of references */
{
    enum { N = 20000 };
    static ouro_ref objects[N], refs[N];

    (void)state;
    ouro_ref dict = ouro_dict_new(), value = NULL;
    for (uint64_t i = 0; i < N; i++) {
        objects[i] = key_new(i, i);
        refs[i] = weak_to(objects[i], NULL, NULL);
        assert_int_equal(ouro_dict_set(dict, refs[i], objects[i]), OURO_OK);
        ouro_decref(objects[i]); /* the dict's value keeps it */
    }
    for (size_t i = 0; i < N; i++) {
        ouro_ref other = key_new(i, i), weakref = weak_to(other, NULL, NULL);
        assert_int_equal(ouro_dict_get(dict, weakref, &value), OURO_FOUND); /* an equal object's */
        assert_ptr_equal(value, objects[i]);
        ouro_decref(value);
        ouro_decref(other);
        ouro_decref(weakref);
        assert_int_equal(ouro_dict_set(dict, refs[i], ouro_none()), OURO_OK); /* the object dies */
        assert_int_equal(ouro_dict_delete(dict, refs[i]), OURO_FOUND);
        ouro_decref(refs[i]);
    }
    assert_int_equal(ouro_dict_length(dict), 0);
    ouro_decref(dict);
}

#define N_CHAIN (TEST_THREAD_SANITIZED || TEST_STRESSED ? 50000 : 1000000)

static void
test_long_chain(void **state) /* our own: references to references, as deep as one likes */
{
    uint64_t hash = 0;

    (void)state;
    ouro_ref *chain = calloc(N_CHAIN, sizeof *chain), object = key_new(7, 77);
    for (size_t i = 0; i < N_CHAIN; i++) {
        chain[i] = weak_to(i == 0 ? object : chain[i - 1], NULL, NULL);
    }
    assert_int_equal(ouro_hash(chain[N_CHAIN - 1], &hash), OURO_OK);
    assert_int_equal(hash, 77);
    assert_int_equal(ouro_equal(chain[N_CHAIN - 1], chain[0]), OURO_FOUND);
    ouro_ref last = proxy_to(object, NULL);
    for (size_t i = 0; i < N_CHAIN; i++) {
        ouro_assign(&chain[i], last);
        last = proxy_to(last, NULL);
    }
    assert_int_equal(ouro_equal(last, object), OURO_FOUND);
    ouro_decref(object);
    ouro_ref iterator = NULL;
    assert_int_equal(ouro_iterate(last, &iterator), OURO_DEAD);
    ouro_decref(last);
    for (size_t i = 0; i < N_CHAIN; i++) {
        ouro_decref(chain[i]);
    }
    free(chain);
}

/* ---- counts while references die ---- */

#define N_THREADS 3
#define N_ROUNDS 30000

static ouro_ref watched;

/* Own references come and go all the time; those of the others are seen while they go. */
static void
make_and_count(void *context)
{
    size_t number = *(size_t *)context;

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (int i = 0; i < N_ROUNDS; i++) {
        ouro_ref plain = number & 1 ? weak_to(watched, NULL, NULL) : proxy_to(watched, NULL);
        ouro_ref told = weak_to(watched, count_told, NULL);
        size_t n = ouro_weakref_count(watched);
        REQUIRE(n >= 2 && n <= N_THREADS + 2, "%zu references", n);
        ouro_decref(told);
        ouro_decref(plain);
        ouro_safepoint();
    }
    ouro_thread_detach();
}

static void
test_threads_count(void **state) /* test_getweakrefcount, and what a count must not include */
{
    size_t numbers[N_THREADS] = {0, 1, 2};

    (void)state;
    watched = node_new(NULL, NULL);
    threads_run_detached(N_THREADS, make_and_count, numbers, sizeof numbers[0]);
    assert_int_equal(ouro_weakref_count(watched), 0);
    ouro_clear(&watched);
    assert_int_equal(n_told, 0);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_basic),
        TEST(test_shared),
        TEST(test_answers),
        TEST(test_with),
        TEST(test_cycle_through_a_proxy),
        TEST(test_equality),
        TEST(test_equality_fails),
        TEST(test_hash),
        TEST(test_hash_in_dict),
        TEST(test_long_chain),
        TEST(test_threads_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
