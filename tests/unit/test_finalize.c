/* test_finalize.c - finalizers are called once: when their objects die, when asked, or at the process's end, in order.
 *
 * Each test names the one of CPython's Lib/test/test_weakref.py, FinalizeTestCase, that it follows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "cm.h"
#include "nodes.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

#define MAX_CALLS 64

static uintptr_t calls[MAX_CALLS];
static unsigned long n_calls;

static int
setup(void **state)
{
    n_calls = 0;
    return gc_setup(state);
}

static ouro_status
note(ouro_loan context)
{
    unsigned long n = __atomic_fetch_add(&n_calls, 1, __ATOMIC_RELAXED);
    if (n < MAX_CALLS) {
        calls[n] = context != NULL ? node_of(context)->number : 0;
    }
    return OURO_OK;
}

static ouro_ref
finalizer(ouro_loan object, ouro_finalize_function function, uintptr_t number)
{
    ouro_ref context = node_numbered(number), made = NULL;
    REQUIRE(ouro_finalize_create(object, function, context, &made) == OURO_OK, "no memory");
    ouro_decref(context);
    return made;
}

static void
require_dead(ouro_loan made)
{
    ouro_ref object = NULL, context = NULL;
    REQUIRE(!ouro_finalize_is_alive(made) && !ouro_finalize_at_exit(made), "alive");
    REQUIRE(ouro_finalize_peek(made, &object, &context) == OURO_OK, "can be seen");
    REQUIRE(ouro_finalize_detach(made, &object, &context) == OURO_OK, "can be detached");
    REQUIRE(ouro_finalize_call(made) == OURO_OK, "can be called");
    REQUIRE(object == NULL && context == NULL, "something was given");
}

static void
test_called_by_hand(void **state) /* test_finalize */
{
    ouro_ref object = NULL, context = NULL;

    (void)state;
    ouro_ref node = node_numbered(1), made = finalizer(node, note, 67);
    assert_ptr_equal(ouro_type_of(made), ouro_finalizer_type());
    assert_int_equal(ouro_refcount(node), 1);
    assert_true(ouro_finalize_is_alive(made));
    assert_int_equal(ouro_finalize_peek(made, &object, &context), OURO_FOUND);
    assert_ptr_equal(object, node);
    assert_int_equal(node_of(context)->number, 67);
    ouro_clear(&object);
    ouro_clear(&context);
    assert_int_equal(ouro_finalize_call(made), OURO_FOUND);
    assert_int_equal(n_calls, 1);
    assert_int_equal(calls[0], 67);
    assert_int_equal(nodes_dead, 1); /* the context is let go of */
    require_dead(made);
    assert_int_equal(ouro_weakref_count(node), 0);
    ouro_decref(node);
    assert_int_equal(n_calls, 1);
    require_dead(made);
    ouro_decref(made);
}

static void
test_object_dies(void **state) /* test_finalize, test_all_freed */
{
    (void)state;
    for (int collected = 0; collected < 2; collected++) {
        ouro_ref node = node_numbered(1);
        node_of(node)->left = collected ? ouro_incref(node) : NULL;
        ouro_ref made = finalizer(node, note, 5), none = NULL;
        assert_int_equal(ouro_finalize_create(node, note, NULL, &none), OURO_OK);
        assert_int_equal(ouro_refcount(made), 2); /* and the library's */
        ouro_decref(none);                        /* lives on */
        n_calls = nodes_dead = 0;
        ouro_decref(node);
        assert_int_equal(ouro_gc_collect(2), collected);
        assert_int_equal(n_calls, 2);
        assert_int_equal(calls[0], 0);
        assert_int_equal(calls[1], 5);
        assert_int_equal(nodes_dead, 2);
        require_dead(made);
        assert_int_equal(ouro_refcount(made), 1);
        ouro_decref(made);
    }
}

static void
test_detach(void **state) /* test_finalize: the object is given back, nothing is called */
{
    ouro_ref object = NULL, context = NULL;

    (void)state;
    ouro_ref node = node_numbered(1), made = finalizer(node, note, 5);
    assert_int_equal(ouro_finalize_detach(made, &object, &context), OURO_FOUND);
    assert_ptr_equal(object, node);
    assert_int_equal(node_of(context)->number, 5);
    assert_int_equal(ouro_refcount(context), 1);
    ouro_clear(&object);
    ouro_clear(&context);
    require_dead(made);
    ouro_decref(node);
    assert_int_equal(n_calls, 0);
    ouro_decref(made);
}

static void
test_order(void **state) /* test_order */
{
    (void)state;
    ouro_ref node = node_numbered(1);
    for (uintptr_t i = 0; i < 10; i++) {
        ouro_decref(finalizer(node, note, i));
    }
    ouro_decref(node);
    assert_int_equal(n_calls, 10);
    for (uintptr_t i = 0; i < 10; i++) {
        assert_int_equal(calls[i], 9 - i);
    }
}

static ouro_status failed_with;

static void
note_failure(ouro_status status, const char *where, ouro_loan object, void *context)
{
    assert_ptr_equal(ouro_type_of(object), ouro_finalizer_type());
    (void)where, (void)context;
    failed_with = status;
}

static ouro_status
note_and_fail(ouro_loan context)
{
    note(context);
    return OURO_FAILED;
}

static void
test_fails(void **state) /* test_atexit's failing one, without the end */
{
    (void)state;
    ouro_ref node = node_numbered(1), made = finalizer(node, note_and_fail, 1);
    assert_int_equal(ouro_finalize_call(made), OURO_FAILED); /* told to who asked */
    require_dead(made);
    ouro_decref(made);
    made = finalizer(node, note_and_fail, 2);
    ouro_set_unraisable_hook(note_failure, NULL);
    ouro_decref(node);
    assert_int_equal(failed_with, OURO_FAILED);
    ouro_set_unraisable_hook(NULL, NULL);
    assert_int_equal(n_calls, 2);
    require_dead(made);
    ouro_decref(made);
}

static ouro_ref in_call;

static ouro_status
look_at_itself(ouro_loan context)
{
    require_dead(in_call);
    return note(context);
}

static void
test_dead_while_called(void **state) /* test_finalize: once, also for who calls it meanwhile */
{
    (void)state;
    ouro_ref node = node_numbered(1);
    in_call = finalizer(node, look_at_itself, 1);
    ouro_decref(node);
    assert_int_equal(n_calls, 1);
    ouro_clear(&in_call);
    node = node_numbered(1);
    in_call = finalizer(node, look_at_itself, 1);
    assert_int_equal(ouro_finalize_call(in_call), OURO_FOUND);
    assert_int_equal(n_calls, 2);
    ouro_decref(node);
    ouro_clear(&in_call);
}

#define N_MANY (TEST_STRESSED ? 10000 : 200000)

static void
test_many(void **state) /* our own */
{
    (void)state;
    ouro_ref *objects = calloc(N_MANY, sizeof *objects);
    for (size_t i = 0; i < N_MANY; i++) {
        objects[i] = leaf_new(i);
        assert_int_equal(ouro_finalize_create(objects[i], note, NULL, NULL), OURO_OK);
    }
    for (size_t i = 0; i < N_MANY; i++) {
        ouro_decref(objects[(i * 7919) % N_MANY]);
        assert_int_equal(n_calls, i + 1);
    }
    free(objects);
}

/* ---- at the end ---- */

static ouro_status
say(ouro_loan context)
{
    fprintf(stderr, "%u ", (unsigned)node_of(context)->number);
    return OURO_OK;
}

static ouro_status
say_and_fail(ouro_loan context)
{
    say(context);
    return OURO_FAILED;
}

static ouro_ref late, dies_late;

/* New ones are called, too, and before the older ones; those of objects that die now as well. */
static ouro_status
say_and_make(ouro_loan context)
{
    say(context);
    REQUIRE(!ouro_gc_is_enabled(), "the collector is on");
    ouro_decref(finalizer(late, say, 100));
    ouro_clear(&dies_late);
    return OURO_OK;
}

static void
make_some_and_end(void *context)
{
    bool is_detached = *(bool *)context;

    ouro_gc_enable();
    ouro_ref node = node_numbered(0);
    late = node_numbered(0);
    dies_late = node_numbered(0);
    ouro_ref first = finalizer(node, say, 1);
    ouro_ref off = finalizer(node, say, 2);
    ouro_decref(finalizer(node, say_and_fail, 3));
    ouro_decref(finalizer(dies_late, say, 4));
    ouro_ref off_and_on = finalizer(node, say, 5);
    ouro_decref(finalizer(node, say_and_make, 6));
    ouro_ref gone = finalizer(node, say, 7);
    REQUIRE(ouro_finalize_at_exit(off), "it is not the usual");
    ouro_finalize_set_at_exit(off, false);
    ouro_finalize_set_at_exit(off_and_on, false);
    ouro_finalize_set_at_exit(off_and_on, true);
    REQUIRE(!ouro_finalize_at_exit(off) && ouro_finalize_at_exit(off_and_on), "not as it was set");
    REQUIRE(ouro_finalize_call(gone) == OURO_FOUND, "not called");
    ouro_decref(first);
    if (is_detached) {
        ouro_thread_detach();
    }
    exit(3);
}

static void
test_at_exit(void **state) /* test_atexit */
{
    (void)state;
    for (int is_detached = 0; is_detached < 2; is_detached++) {
        bool detached = is_detached;
        struct child_end end = child_run(make_some_and_end, &detached, 60);
        assert_int_equal(end.signal, 0);
        assert_int_equal(end.code, 3);
        const char *failure = strstr(end.text, "ouro: ignored in finalizer at exit of a finalizer");
        assert_non_null(failure);
        const char *line_end = strchr(failure, '\n');
        assert_non_null(line_end);
        assert_int_equal(strncmp(end.text, "7 6 4 100 5 3 ouro: ", 20), 0);
        assert_string_equal(line_end, "\n1 ");
    }
}

static ouro_ref *ends_later;

static void
drop_it(void)
{
    if (ends_later != NULL) {
        ouro_clear(ends_later);
    }
}

static void
die_after_the_end(void *context)
{
    static ouro_ref node;

    (void)context;
    node = node_numbered(0);
    ends_later = &node;
    ouro_ref made = finalizer(node, say, 1);
    ouro_finalize_set_at_exit(made, false);
    ouro_decref(finalizer(node, say, 2));
    ouro_decref(made);
    exit(0);
}

/* Registered before the library's own, and so called after it. */
static void __attribute__((constructor)) register_drop(void)
{
    atexit(drop_it);
}

static void
test_nothing_after_the_end(void **state) /* weakref.finalize._shutdown */
{
    (void)state;
    struct child_end end = child_run(die_after_the_end, NULL, 60);
    assert_int_equal(end.code, 0);
    assert_string_equal(end.text, "2 ");
}

/* ---- threads ---- */

#define N_THREADS 4
#define N_ROUNDS 10000

static struct {
    ouro_ref object, made;
} board[8];
static ouro_object *lock;
static unsigned long n_made, n_detached;

static ouro_status
count(ouro_loan context)
{
    REQUIRE(node_of(context)->number == 4711, "another context");
    __atomic_fetch_add(&n_calls, 1, __ATOMIC_RELAXED);
    return OURO_OK;
}

static void
make_and_race(void *context)
{
    struct test_random random = {*(uint64_t *)context};

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (int i = 0; i < N_ROUNDS; i++) {
        size_t k = random_below(&random, 8);
        ouro_ref object = NULL, made = NULL, kept = NULL;
        if (random_below(&random, 3) == 0) {
            ouro_ref node = node_numbered(1), new = finalizer(node, count, 4711);
            node_of(node)->left = random_below(&random, 2) ? ouro_incref(node) : NULL;
            __atomic_fetch_add(&n_made, 1, __ATOMIC_RELAXED);
            ouro_lock(ouro_lend(lock));
            object = board[k].object;
            made = board[k].made;
            board[k].object = node;
            board[k].made = new;
            ouro_unlock(ouro_lend(lock));
            ouro_xdecref(object);
            ouro_xdecref(made);
            continue;
        }
        ouro_lock(ouro_lend(lock));
        made = board[k].made != NULL ? ouro_incref(board[k].made) : NULL;
        ouro_unlock(ouro_lend(lock));
        if (made == NULL) {
            continue;
        }
        switch (random_below(&random, 3)) {
        case 0:
            REQUIRE(ouro_finalize_call(made) >= 0, "it failed");
            break;
        case 1:
            if (ouro_finalize_detach(made, &object, &kept) == OURO_FOUND) {
                REQUIRE(node_of(kept)->number == 4711, "another context");
                ouro_decref(object);
                ouro_decref(kept);
                __atomic_fetch_add(&n_detached, 1, __ATOMIC_RELAXED);
            }
            break;
        default:
            if (ouro_finalize_peek(made, &object, &kept) == OURO_FOUND) {
                ouro_decref(object);
                ouro_decref(kept);
            }
        }
        ouro_decref(made);
        if (random_below(&random, 500) == 0) {
            ouro_gc_collect(2);
        }
        ouro_safepoint();
    }
    ouro_thread_detach();
}

static void
test_threads(void **state) /* our own: each is called or detached, once */
{
    uint64_t seeds[N_THREADS] = {1, 2, 3, 4};

    (void)state;
    lock = leaf_new(1);
    threads_run_detached(N_THREADS, make_and_race, seeds, sizeof seeds[0]);
    for (size_t k = 0; k < 8; k++) {
        ouro_clear(&board[k].object);
        ouro_clear(&board[k].made);
    }
    ouro_safepoint();
    ouro_gc_collect(2);
    assert_int_equal(n_calls + n_detached, n_made);
    ouro_clear(&lock);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_called_by_hand), TEST(test_object_dies), TEST(test_detach),
        TEST(test_order),          TEST(test_fails),       TEST(test_dead_while_called),
        TEST(test_many),           TEST(test_at_exit),     TEST(test_nothing_after_the_end),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
