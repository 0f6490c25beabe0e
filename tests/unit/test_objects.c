/* test_objects.c - references are counted, by the owner and by others, and the last one ends the object and all that
 * it alone holds; types, finalizers, locks. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "child.h"
#include "nodes.h"
#include "process.h"
#include "require.h"

/* ---- counting ---- */

static void
test_counts(void **state)
{
    (void)state;
    ouro_ref object = leaf_new(7);
    assert_int_equal(ouro_refcount(object), 1);
    for (uint32_t i = 2; i < 1000; i++) {
        ouro_incref(object);
        assert_int_equal(ouro_refcount(object), i);
    }
    for (uint32_t i = 998; i >= 1; i--) {
        ouro_decref(object);
        assert_int_equal(ouro_refcount(object), i);
    }
    assert_int_equal(((struct leaf *)object)->value, 7);
    assert_int_equal(nodes_dead, 0);
    ouro_decref(object);
    assert_int_equal(nodes_dead, 1);
}

static void
test_immortal_is_never_freed(void **state)
{
    (void)state;
    ouro_ref object = leaf_new(1);
    ouro_immortalize(object);
    for (int i = 0; i < 100; i++) {
        ouro_decref(object);
    }
    assert_int_equal(nodes_dead, 0);
    assert_int_equal(ouro_refcount(object), OURO_IMMORTAL);
}

static void
test_counts_stop_at_their_limit(void **state)
{
    (void)state;
    ouro_ref object = leaf_new(1);
    object->local = OURO_IMMORTAL - 1; /* as after four thousand million increfs */
    ouro_incref(object);
    assert_int_equal(ouro_refcount(object), OURO_IMMORTAL);
    ouro_incref(object);
    assert_int_equal(ouro_refcount(object), OURO_IMMORTAL);
    ouro_decref(object);
    assert_int_equal(ouro_refcount(object), OURO_IMMORTAL);
    assert_int_equal(nodes_dead, 0);
}

/* Beyond 2^31, where counting takes another way, and back. */
static void
test_large_counts(void **state)
{
    (void)state;
    ouro_ref object = leaf_new(1), list = ouro_list_new(4);
    object->local = INT32_MAX; /* as after two thousand million increfs */
    for (unsigned i = 1; i <= 3; i++) {
        ouro_incref(object);
        assert_int_equal(object->local, (uint32_t)INT32_MAX + i);
    }
    assert_int_equal(ouro_list_append(list, object), OURO_OK);
    assert_int_equal(ouro_list_set(list, 0, object), OURO_OK);
    assert_ptr_equal(ouro_list_get(list, 0), object);
    assert_int_equal(object->local, (uint32_t)INT32_MAX + 5);
    ouro_decref(list);
    for (unsigned i = 4; i >= 1; i--) {
        assert_int_equal(object->local, (uint32_t)INT32_MAX + i);
        ouro_decref(object);
    }
    assert_int_equal(nodes_dead, 0);
    object->local = 1;
    ouro_decref(object);
    assert_int_equal(nodes_dead, 1);
}

static void
test_variables(void **state)
{
    (void)state;
    ouro_ref variable = leaf_new(1);
    ouro_assign(&variable, leaf_new(2));
    assert_int_equal(nodes_dead, 1);
    {
        OURO_SCOPED scoped = leaf_new(3);
        assert_int_equal(((struct leaf *)scoped)->value, 3);
    }
    assert_int_equal(nodes_dead, 2);
    ouro_clear(&variable);
    assert_null(variable);
    assert_int_equal(nodes_dead, 3);
    ouro_clear(&variable);
}

/* ---- other threads ---- */

static void *
attach_and(void *(*run)(void *), void *argument)
{
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    void *result = run(argument);
    ouro_thread_detach();
    return result;
}

struct job {
    void *(*run)(void *);
    void *argument;
};

static void *
run_job(void *job)
{
    const struct job *each = job;
    return attach_and(each->run, each->argument);
}

/* Run `run(argument)` in another thread, attached, while this one waits, detached. */
static void
elsewhere(void *(*run)(void *), void *argument)
{
    struct job job = {run, argument};
    pthread_t thread;
    ouro_thread_detach();
    assert_int_equal(pthread_create(&thread, NULL, run_job, &job), 0);
    pthread_join(thread, NULL);
    assert_int_equal(ouro_thread_attach(), OURO_OK);
}

static void *
let_go(void *object)
{
    ouro_decref(object);
    return NULL;
}

static void *
take_and_keep(void *object)
{
    ouro_incref(object);
    return NULL;
}

static void
test_others_let_go_first(void **state)
{
    (void)state;
    ouro_ref object = leaf_new(1);
    ouro_incref(object);
    elsewhere(let_go, object); /* one of two */
    assert_int_equal(nodes_dead, 0);
    ouro_safepoint(); /* merged here: one left */
    assert_int_equal(ouro_refcount(object), 1);
    ouro_decref(object);
    assert_int_equal(nodes_dead, 1);
}

static void
test_last_reference_is_let_go_of_elsewhere(void **state)
{
    (void)state;
    ouro_ref object = leaf_new(1);
    elsewhere(let_go, object);
    ouro_safepoint(); /* left to the owner: this thread */
    assert_int_equal(nodes_dead, 1);
}

static void
test_owner_lets_go_first(void **state)
{
    (void)state;
    ouro_ref object = leaf_new(1);
    elsewhere(take_and_keep, object);
    ouro_decref(object);
    assert_int_equal(nodes_dead, 0);
    assert_int_equal(ouro_refcount(object), 1);
    elsewhere(let_go, object);
    assert_int_equal(nodes_dead, 1);
}

static void *
make_leaf(void *result)
{
    *(ouro_ref *)result = leaf_new(9);
    return NULL;
}

static void
test_the_owner_ends(void **state)
{
    (void)state;
    ouro_ref object = NULL;
    elsewhere(make_leaf, &object); /* that thread has ended when this returns */
    assert_int_equal(ouro_refcount(object), 1);
    ouro_incref(object);
    ouro_decref(object);
    assert_int_equal(nodes_dead, 0);
    ouro_decref(object);
    assert_int_equal(nodes_dead, 1);
}

static void *
decref_many(void *objects)
{
    ouro_ref *all = objects;
    for (int i = 0; i < 20000; i++) {
        ouro_decref(all[i]);
    }
    return NULL;
}

static void
test_queue_grows(void **state)
{
    (void)state;
    ouro_ref *objects = malloc(20000 * sizeof *objects);
    for (int i = 0; i < 20000; i++) {
        objects[i] = leaf_new((uint64_t)i);
    }
    elsewhere(decref_many, objects);
    ouro_safepoint();
    assert_int_equal(nodes_dead, 20000);
    free(objects);
}

/* Threads that pass counts to and fro: the object lives until the very last. */
#define N_THREADS 8
#define N_ROUNDS 200000

static void *
count_to_and_fro(void *object)
{
    ouro_ref held[16];
    unsigned n = 0, random = (unsigned)(uintptr_t)&n;
    for (int i = 0; i < N_ROUNDS; i++) {
        random = random * 1103515245 + 12345;
        if (n < 16 && (random >> 16 & 1 || n == 0)) {
            held[n++] = ouro_incref(object);
        } else {
            ouro_decref(held[--n]);
        }
        ouro_safepoint();
    }
    while (n > 0) {
        ouro_decref(held[--n]);
    }
    return NULL;
}

static void
test_many_threads_count(void **state)
{
    (void)state;
    pthread_t threads[N_THREADS];
    ouro_ref object = leaf_new(5);
    struct job job = {count_to_and_fro, object};
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_job, &job), 0);
    }
    count_to_and_fro(object);
    ouro_thread_detach();
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(ouro_thread_attach(), OURO_OK);
    ouro_safepoint();
    assert_int_equal(nodes_dead, 0);
    assert_int_equal(ouro_refcount(object), 1);
    ouro_decref(object);
    assert_int_equal(nodes_dead, 1);
}

static void *
lock_and_add(void *object)
{
    for (int i = 0; i < 50000; i++) {
        ouro_lock(object);
        ((struct leaf *)object)->value++;
        ouro_unlock(object);
    }
    return NULL;
}

static void
test_lock_excludes(void **state)
{
    (void)state;
    pthread_t threads[N_THREADS];
    ouro_ref object = leaf_new(0);
    struct job job = {lock_and_add, object};
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_job, &job), 0);
    }
    ouro_thread_detach();
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(ouro_thread_attach(), OURO_OK);
    assert_int_equal(((struct leaf *)object)->value, N_THREADS * 50000);
    ouro_decref(object);
}

/* ---- fork ---- */

static int stop_making;

static void *
make_until_told(void *unused)
{
    (void)unused;
    ouro_ref last = NULL;
    while (!__atomic_load_n(&stop_making, __ATOMIC_RELAXED)) {
        ouro_assign(&last, node_new(leaf_new(1), last != NULL ? ouro_incref(last) : NULL));
        ouro_ref weakref = NULL;
        REQUIRE(ouro_weakref_create(last, NULL, NULL, &weakref) == OURO_OK, "no memory");
        ouro_decref(weakref);
        ouro_assign(&node_of(last)->right, ouro_incref(last)); /* a cycle */
    }
    ouro_xdecref(last);
    return NULL;
}

static void
use_objects(void *object)
{
    ouro_ref held = object;
    nodes_dead = 0;
    for (int i = 0; i < 20000; i++) {
        ouro_ref node = node_new(leaf_new(1), NULL);
        node_of(node)->right = ouro_incref(node);
        ouro_decref(node);
    }
    ouro_gc_collect(2);
    REQUIRE(nodes_dead >= 40000, "%lu of 40000 died", nodes_dead);
    REQUIRE(ouro_refcount(held) == 1, "%u references", ouro_refcount(held));
    ouro_decref(held);
}

static void
test_fork_with_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct job job = {make_until_told, NULL};
    ouro_ref object = leaf_new(1);
    stop_making = 0;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_job, &job), 0);
    }
    for (int i = 0; i < 30; i++) {
        struct child_end end = child_run(use_objects, object, 20);
        assert_int_equal(end.signal, 0);
        assert_string_equal(end.text, "");
        assert_int_equal(end.code, 0);
    }
    __atomic_store_n(&stop_making, 1, __ATOMIC_RELAXED);
    ouro_thread_detach();
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(ouro_thread_attach(), OURO_OK);
    ouro_decref(object);
    ouro_gc_collect(2);
}

/* ---- destruction ---- */

#define A_MILLION (TEST_STRESSED ? 20000 : 1000000)

static ouro_ref
nest(ouro_ref (*make)(ouro_ref, ouro_ref), int n)
{
    ouro_ref inner = NULL;
    for (int i = 0; i < n; i++) {
        inner = make(inner, i % 3 == 0 ? leaf_new(1) : NULL);
    }
    return inner;
}

static void
test_a_million_nested_objects_die(void **state)
{
    (void)state;
    ouro_decref(nest(node_new, A_MILLION));
    assert_int_equal(nodes_dead, A_MILLION + (A_MILLION + 2) / 3);
}

static void *
nest_and_drop(void *unused)
{
    (void)unused;
    ouro_decref(nest(node_new_final, A_MILLION));
    return NULL;
}

static void
test_they_die_on_a_small_stack(void **state)
{
    (void)state;
    pthread_attr_t attributes;
    pthread_t thread;
    struct job job = {nest_and_drop, NULL};
    pthread_attr_init(&attributes);
    assert_int_equal(pthread_attr_setstacksize(&attributes, 128 << 10), 0);
    ouro_thread_detach();
    assert_int_equal(pthread_create(&thread, &attributes, run_job, &job), 0);
    pthread_join(thread, NULL);
    assert_int_equal(ouro_thread_attach(), OURO_OK);
    assert_int_equal(nodes_finalized, A_MILLION);
    assert_int_equal(nodes_dead, A_MILLION + (A_MILLION + 2) / 3);
    pthread_attr_destroy(&attributes);
}

static void
test_a_row_lets_go_of_its_items(void **state)
{
    (void)state;
    ouro_ref row = row_new(5000);
    struct row *items = (struct row *)row;
    assert_int_equal(items->n, 5000);
    for (size_t i = 0; i < items->n; i += 2) {
        items->items[i] = leaf_new(i);
    }
    ouro_decref(row);
    assert_int_equal(nodes_dead, 2501);
}

/* ---- finalizers ---- */

static ouro_ref kept;

static ouro_status
keep(ouro_loan node)
{
    kept = ouro_incref(node);
    return OURO_OK;
}

static void
test_finalizer_may_keep_the_object_once(void **state)
{
    (void)state;
    node_on_finalize = keep;
    ouro_decref(node_new_final(leaf_new(1), NULL));
    assert_int_equal(nodes_finalized, 1);
    assert_int_equal(nodes_dead, 0);
    assert_int_equal(ouro_refcount(kept), 1);
    assert_non_null(node_of(kept)->left);
    assert_true(ouro_is_finalized(kept));
    ouro_clear(&kept);
    assert_int_equal(nodes_finalized, 1);
    assert_int_equal(nodes_dead, 2);
}

static ouro_status
keep_elsewhere(ouro_loan node)
{
    kept = node;
    ouro_thread_detach();
    pthread_t thread;
    struct job job = {take_and_keep, ouro_look(node)};
    REQUIRE(pthread_create(&thread, NULL, run_job, &job) == 0, "no thread");
    pthread_join(thread, NULL);
    return ouro_thread_attach();
}

static void
test_finalizer_gives_the_object_to_another_thread(void **state)
{
    (void)state;
    node_on_finalize = keep_elsewhere;
    ouro_decref(node_new_final(NULL, NULL));
    assert_int_equal(nodes_dead, 0);
    assert_int_equal(ouro_refcount(kept), 1);
    elsewhere(let_go, kept);
    ouro_safepoint();
    assert_int_equal(nodes_dead, 1);
    assert_int_equal(nodes_finalized, 1);
}

static ouro_status unraised;

static void
note_unraisable(ouro_status status, const char *where, ouro_loan object, void *context)
{
    (void)object;
    assert_string_equal(where, "finalize");
    assert_ptr_equal(context, &unraised);
    unraised = status;
}

static ouro_status
fail_always(ouro_loan node)
{
    (void)node;
    return OURO_FAILED;
}

static void
test_failure_of_a_finalizer_is_told(void **state)
{
    (void)state;
    node_on_finalize = fail_always;
    ouro_set_unraisable_hook(note_unraisable, &unraised);
    ouro_decref(node_new_final(NULL, NULL));
    assert_int_equal(unraised, OURO_FAILED);
    assert_int_equal(nodes_dead, 1);
    ouro_set_unraisable_hook(NULL, NULL);
}

/* ---- types ---- */

struct child_node {
    struct node node;
    ouro_ref extra;
    size_t n;
    ouro_ref *array;
};

static unsigned base_calls;

static void
free_array(ouro_loan object)
{
    free(((struct child_node *)ouro_look(object))->array);
    base_calls = (unsigned)nodes_dead;
}

static int
count_visit(ouro_loan referent, void *context)
{
    (void)referent;
    ++*(int *)context;
    return 0;
}

static void
test_subtype(void **state)
{
    static const ouro_field fields[] = {OURO_FIELD(struct child_node, extra),
                                        OURO_FIELD_ARRAY(struct child_node, array, n, ouro_ref, 1)};
    ouro_ref base = NULL, type = NULL;

    (void)state;
    ouro_type_spec spec = {
        .name = "base", .size = sizeof(struct node), .n_fields = 2, .fields = node_fields};
    spec.flags = OURO_TYPE_BASE;
    assert_int_equal(ouro_type_create(&spec, &base), OURO_OK);
    assert_int_equal(ouro_type_create(&(ouro_type_spec){.name = "child",
                                                        .base = base,
                                                        .size = sizeof(struct child_node),
                                                        .n_fields = 2,
                                                        .fields = fields,
                                                        .dealloc = free_array},
                                      &type),
                     OURO_OK);
    ouro_ref object = ouro_new(type);
    struct child_node *child = (struct child_node *)object;
    assert_true(ouro_is_a(object, base));
    assert_true(ouro_is_a(object, type));
    assert_false(ouro_is_a(object, row_type));
    assert_string_equal(ouro_type_name(ouro_type_of(object)), "child");
    child->node.left = leaf_new(1);
    child->extra = leaf_new(2);
    child->array = malloc(3 * sizeof *child->array);
    child->n = 3;
    for (size_t i = 0; i < 3; i++) {
        child->array[i] = i == 1 ? NULL : leaf_new(i);
    }
    int n = 0;
    assert_int_equal(ouro_traverse(object, count_visit, &n), 0);
    assert_int_equal(n, 4);
    ouro_decref(object);
    assert_int_equal(nodes_dead, 4);
    assert_int_equal(base_calls, 4); /* its own memory went last */
    ouro_decref(type);
    ouro_decref(base);
}

static void
test_wrong_types_are_refused(void **state)
{
    const ouro_field outside[] = {OURO_FIELD(struct child_node, extra)};
    ouro_ref type = NULL;

    (void)state;
    assert_int_equal(ouro_type_create(&(ouro_type_spec){.name = "small", .size = 8}, &type),
                     OURO_WRONG_VALUE);
    assert_int_equal(ouro_type_create(&(ouro_type_spec){.size = 64}, &type), OURO_WRONG_VALUE);
    assert_int_equal(ouro_type_create(&(ouro_type_spec){.name = "out",
                                                        .size = sizeof(struct node),
                                                        .n_fields = 1,
                                                        .fields = outside},
                                      &type),
                     OURO_WRONG_VALUE);
    ouro_ref leaf = leaf_new(1);
    assert_int_equal(ouro_type_create(&(ouro_type_spec){.name = "x", .size = 64, .base = leaf}, &type),
                     OURO_WRONG_TYPE);
    assert_int_equal(
        ouro_type_create(&(ouro_type_spec){.name = "x", .size = sizeof(struct leaf), .base = leaf_type},
                         &type),
        OURO_WRONG_TYPE);
    assert_null(type);
    ouro_decref(leaf);
}

static void
lose_last_reference_detached(void *object)
{
    ouro_thread_detach();
    ouro_decref(object);
    ouro_decref(object);
}

static void
test_letting_go_twice_is_noticed(void **state)
{
    (void)state;
    ouro_ref object = leaf_new(1);
    ouro_ref other = NULL;
    elsewhere(make_leaf, &other);
    struct child_end end = child_run(lose_last_reference_detached, other, 20);
    assert_true(child_aborted_saying(&end, "not attached"));
    ouro_decref(object);
    ouro_decref(other);
}

static void
test_statuses_have_texts(void **state)
{
    (void)state;
    for (int status = OURO_SYSTEM; status <= OURO_FOUND; status++) {
        const char *text = ouro_status_text((ouro_status)status);
        assert_true(strlen(text) > 0);
        assert_string_not_equal(text, "an unknown status");
    }
    assert_string_equal(ouro_status_text((ouro_status)-1000), "an unknown status");
}

#define TEST(test) cmocka_unit_test_setup(test, nodes_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_counts),
        TEST(test_immortal_is_never_freed),
        TEST(test_counts_stop_at_their_limit),
        TEST(test_large_counts),
        TEST(test_variables),
        TEST(test_others_let_go_first),
        TEST(test_last_reference_is_let_go_of_elsewhere),
        TEST(test_owner_lets_go_first),
        TEST(test_the_owner_ends),
        TEST(test_queue_grows),
        TEST(test_many_threads_count),
        TEST(test_lock_excludes),
        TEST(test_fork_with_threads),
        TEST(test_a_million_nested_objects_die),
        TEST(test_they_die_on_a_small_stack),
        TEST(test_a_row_lets_go_of_its_items),
        TEST(test_finalizer_may_keep_the_object_once),
        TEST(test_finalizer_gives_the_object_to_another_thread),
        TEST(test_failure_of_a_finalizer_is_told),
        TEST(test_subtype),
        TEST(test_wrong_types_are_refused),
        TEST(test_letting_go_twice_is_noticed),
        TEST(test_statuses_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
