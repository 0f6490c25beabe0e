/* test_object_fork.c - the child of a fork finds every table and lock of the object system as it should be, whatever
 * other threads were doing: interning, making weak references, waiting for a list, coming and going.
 *
 * ctest: timeout=600 */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <stdlib.h>

#include "child.h"
#include "cm.h"
#include "nodes.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

#define N_THREADS 4
#define N_FORKS 300
#define N_TEXTS 500

static int is_over;
static ouro_ref contended, texts[N_TEXTS];

static bool
goes_on(void)
{
    return !__atomic_load_n(&is_over, __ATOMIC_RELAXED);
}

static ouro_ref
text_of(uint64_t number)
{
    ouro_ref text = ouro_str_format("a text with the number %llu", (unsigned long long)number);
    REQUIRE(text != NULL, "no memory");
    return text;
}

/* Whatever takes a lock of the object system. */
static void
do_everything(struct test_random *random)
{
    ouro_ref text = text_of(random_below(random, N_TEXTS)), one = ouro_str_intern(text);
    ouro_ref node = node_new(one, NULL), weakref = NULL, proxy = NULL, finalizer = NULL;
    ouro_ref object = NULL, kept = NULL;

    REQUIRE(one != NULL && ouro_str_equal(one, text), "not interned");
    REQUIRE(ouro_weakref_create(node, NULL, NULL, &weakref) == OURO_OK, "no memory");
    REQUIRE(ouro_proxy_create(contended, NULL, NULL, &proxy) == OURO_OK, "no memory");
    REQUIRE(ouro_finalize_create(node, NULL, NULL, &finalizer) == OURO_OK, "no memory");
    REQUIRE(ouro_finalize_detach(finalizer, &object, &kept) == OURO_FOUND, "not there");
    REQUIRE(object == node && kept == NULL, "another object");
    ouro_decref(object);
    REQUIRE(ouro_list_append(contended, node) == OURO_OK, "no memory");
    if (ouro_list_length(contended) > 200) {
        ouro_list_clear(contended);
    }
    node_of(node)->right = random_below(random, 2) ? ouro_incref(node) : NULL;
    ouro_decref(finalizer);
    ouro_decref(proxy);
    ouro_decref(weakref);
    ouro_decref(node);
    ouro_decref(text);
    ouro_safepoint();
}

static void
keep_busy(void *context)
{
    struct test_random random = {*(uint64_t *)context};

    while (goes_on()) {
        REQUIRE((random_below(&random, 2) ? ouro_init(NULL) : ouro_thread_attach()) == OURO_OK,
                "not attached");
        for (int i = 0; i < 20 && goes_on(); i++) {
            do_everything(&random);
        }
        ouro_thread_detach();
    }
}

static void *
attach_once(void *unused)
{
    (void)unused;
    REQUIRE(ouro_init(NULL) == OURO_OK, "not attached");
    ouro_decref(node_new(NULL, NULL));
    ouro_thread_detach();
    return NULL;
}

/* Threads come and go: their numbers are handed on. */
static void
come_and_go(void *context)
{
    (void)context;
    while (goes_on()) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, attach_once, NULL) == 0, "no thread");
        pthread_join(thread, NULL);
    }
}

static void
work_with_threads(uint64_t *seeds, struct test_random *random)
{
    struct threads *threads = threads_start(2, keep_busy, seeds, sizeof seeds[0]);

    for (int i = 0; i < 50; i++) {
        do_everything(random);
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
    ouro_thread_detach();
    threads_join(threads);
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
}

/* The child: all of it again, also on threads of its own. */
static void
use_in_child(void *context)
{
    uint64_t seeds[2] = {*(uint64_t *)context, *(uint64_t *)context + 1};
    struct test_random random = {seeds[0]};

    for (int i = 0; i < 50; i++) {
        do_everything(&random);
    }
    for (uint64_t i = 0; i < N_TEXTS; i++) { /* what was interned before is found */
        ouro_ref text = text_of(i), one = ouro_str_intern(text);
        REQUIRE(one == texts[i], "text %llu is there twice", (unsigned long long)i);
        ouro_decref(one);
        ouro_decref(text);
    }
    if (!TEST_THREAD_SANITIZED && !TEST_ADDRESS_SANITIZED) { /* whose own locks threads may have held */
        work_with_threads(seeds, &random);
    }
    ouro_gc_collect(2);
    size_t n = ouro_weakref_count(contended); /* the one proxy, in the hands of threads that are gone */
    REQUIRE(n <= 1, "%zu references are left", n);
}

static void
test_tables_and_locks(void **state)
{
    uint64_t seeds[N_THREADS] = {1, 2, 3, 4};
    uint64_t n = test_count("OURO_TEST_FORKS", N_FORKS);

    (void)state;
    contended = ouro_list_new(0);
    for (uint64_t i = 0; i < N_TEXTS; i++) {
        ouro_ref text = text_of(i);
        texts[i] = ouro_str_intern(text);
        ouro_decref(text);
    }
    struct threads *threads = threads_start(N_THREADS, keep_busy, seeds, sizeof seeds[0]);
    struct threads *more = threads_start(1, come_and_go, NULL, 0);
    for (uint64_t i = 0; i < n; i++) {
        struct child_end end = child_run(use_in_child, &i, 60);
        if (end.code != 0 || end.signal != 0) {
            print_message("child %llu: %s\n", (unsigned long long)i, end.text);
        }
        assert_int_equal(end.signal, 0);
        assert_int_equal(end.code, 0);
        ouro_safepoint();
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
    ouro_thread_detach();
    threads_join(threads);
    threads_join(more);
    assert_int_equal(ouro_thread_attach(), OURO_OK);
    ouro_clear(&contended);
    for (size_t i = 0; i < N_TEXTS; i++) {
        ouro_clear(&texts[i]);
    }
}

#define TEST(test) cmocka_unit_test_setup(test, nodes_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tables_and_locks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
