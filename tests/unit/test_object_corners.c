/* test_object_corners.c - where ends meet: weak references and addresses used again, types and their last objects,
 * finalizers that hand their object away, threads that end while others leave them something. */
#include <pthread.h>
#include <stdlib.h>

#include "child.h"
#include "cm.h"
#include "nodes.h"
#include "require.h"

enum { ALL = OURO_GENERATIONS - 1 };

struct job {
    void (*work)(void *context);
    void *context;
};

static void *
run_job(void *context)
{
    const struct job *job = context;
    REQUIRE(ouro_thread_attach() == OURO_OK, "a thread is not attached");
    job->work(job->context);
    ouro_thread_detach();
    return NULL;
}

/* Do work in a thread of its own, and wait until it has ended. */
static void
elsewhere(void (*work)(void *context), void *context)
{
    struct job job = {work, context};
    pthread_t thread;
    ouro_thread_detach();
    REQUIRE(pthread_create(&thread, NULL, run_job, &job) == 0, "no thread");
    pthread_join(thread, NULL);
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached again");
}

static void
let_go(void *object)
{
    ouro_decref(object);
}

/* ---- weak references ---- */

static unsigned n_called;

static ouro_status
count_call(ouro_loan weakref, ouro_loan context)
{
    (void)context;
    n_called++;
    return ouro_weakref_get(weakref) == NULL ? OURO_OK : OURO_FAILED;
}

static void
test_an_address_used_again_has_no_weak_references(void **state)
{
    (void)state;
    ouro_ref object = node_new(NULL, NULL), again = NULL, others[100];
    const void *address = object;
    ouro_ref first = weak_to(object, count_call, NULL);
    n_called = 0;
    ouro_decref(object);
    assert_int_equal(n_called, 1);
    size_t n = 0;
    while (n < 100 && again != address) {
        others[n++] = again = node_new(NULL, NULL);
    }
    ouro_ref second = weak_to(again, count_call, NULL);
    assert_int_equal(ouro_weakref_count(ouro_lend(again)), 1);
    while (n > 0) {
        ouro_decref(others[--n]);
    }
    assert_int_equal(n_called, 2);
    ouro_decref(first);
    ouro_decref(second);
}

/* A leaf dies with the garbage that holds it, and so does a weak reference to it: nobody is there to be told. */
static void
test_weak_reference_that_is_garbage_is_not_called(void **state)
{
    (void)state;
    ouro_gc_disable();
    for (int order = 0; order < 2; order++) {
        ouro_ref one = node_new(NULL, NULL), other = node_new(NULL, one), leaf = leaf_new(1);
        node_of(one)->right = ouro_incref(other);
        ouro_ref weak = weak_to(leaf, count_call, one);
        node_of(order == 0 ? one : other)->left = leaf;
        node_of(order == 0 ? other : one)->left = weak;
        n_called = 0;
        nodes_dead = 0;
        ouro_decref(other);
        ouro_gc_collect(ALL);
        assert_int_equal(nodes_dead, 3);
        assert_int_equal(n_called, 0);
    }
    ouro_gc_enable();
}

static ouro_ref seen;

static int
take_node(ouro_loan object, void *context)
{
    (void)context;
    if (ouro_type_of(object) == node_final_type && seen == NULL) {
        seen = ouro_incref(object);
    }
    return 0;
}

static ouro_status
look_for_it(ouro_loan weakref, ouro_loan context)
{
    (void)weakref;
    (void)context;
    return (ouro_status)ouro_gc_visit_objects(-1, take_node, NULL);
}

static ouro_ref weak_of_finalized;

static ouro_status
make_weak(ouro_loan node)
{
    return ouro_weakref_create(node, look_for_it, NULL, &weak_of_finalized);
}

/* The last code that runs before garbage is let go of does not get to see it. */
static void
test_garbage_is_out_of_sight(void **state)
{
    (void)state;
    ouro_ref node = node_new_final(NULL, NULL);
    node_of(node)->left = ouro_incref(node);
    node_of(node)->right = leaf_new(1);
    node_on_finalize = make_weak;
    ouro_decref(node);
    ouro_gc_collect(ALL);
    assert_int_equal(nodes_finalized, 1);
    if (seen != NULL) { /* then it must not be half dead */
        assert_non_null(node_of(seen)->right);
    }
    assert_null(seen);
    assert_int_equal(nodes_dead, 2);
    ouro_clear(&weak_of_finalized);
}

/* ---- types ---- */

static void
count_end(ouro_loan object)
{
    (void)object;
    nodes_dead++;
}

static const ouro_type_spec short_lived = {.name = "short lived",
                                           .size = sizeof(struct node),
                                           .n_fields = 2,
                                           .fields = node_fields,
                                           .dealloc = count_end};

static void
drop_type_first(void *unused)
{
    ouro_ref type = NULL;
    (void)unused;
    REQUIRE(ouro_type_create(&short_lived, &type) == OURO_OK, "no type");
    ouro_ref object = ouro_new(ouro_lend(type));
    ouro_decref(type);
    ouro_gc_collect(ALL);
    REQUIRE(ouro_type_name(ouro_type_of(object))[0] == 's', "a type without a name");
    ouro_decref(object);
    REQUIRE(nodes_dead == 1, "%lu are dead", nodes_dead);
    ouro_gc_collect(ALL);
}

static void
drop_type_with_cycles(void *unused)
{
    ouro_ref type = NULL;
    (void)unused;
    REQUIRE(ouro_type_create(&short_lived, &type) == OURO_OK, "no type");
    for (int i = 0; i < 10; i++) {
        ouro_ref object = ouro_new(ouro_lend(type));
        node_of(object)->left = object;
    }
    ouro_decref(type);
    for (int i = 0; i < 3; i++) {
        ouro_gc_collect(ALL);
    }
    REQUIRE(nodes_dead == 10, "%lu are dead", nodes_dead);
}

static void
drop_many_types(void *unused)
{
    (void)unused;
    for (int i = 0; i < 70000; i++) { /* more than there are numbers */
        ouro_ref type = NULL;
        REQUIRE(ouro_type_create(&short_lived, &type) == OURO_OK, "no type %d", i);
        ouro_decref(type);
        if (i % 10000 == 0) {
            ouro_gc_collect(ALL);
        }
    }
}

static void
assert_ends_well(void (*work)(void *context))
{
    struct child_end end = child_run(work, NULL, 60);
    if (end.signal != 0 || end.code != 0) {
        fail_msg("signal %d, code %d: %s", end.signal, end.code, end.text);
    }
}

static void
test_type_lives_as_long_as_its_objects(void **state)
{
    (void)state;
    assert_ends_well(drop_type_first);
}

static void
test_type_dies_with_its_objects(void **state)
{
    (void)state;
    assert_ends_well(drop_type_with_cycles);
}

static void
test_numbers_of_types_are_used_again(void **state)
{
    (void)state;
    assert_ends_well(drop_many_types);
}

static void
test_items_stand_behind_all_else(void **state)
{
    static const ouro_field items[] = {OURO_FIELD_ITEMS(struct row, items, n)};
    ouro_type_spec spec = {.name = "base",
                           .size = sizeof(struct row),
                           .item_size = sizeof(ouro_ref),
                           .n_fields = 1,
                           .fields = items,
                           .flags = OURO_TYPE_BASE};
    ouro_ref base = NULL, derived = NULL;

    (void)state;
    assert_int_equal(ouro_type_create(&spec, &base), OURO_OK);
    spec = (ouro_type_spec){.name = "derived", .base = ouro_lend(base), .size = sizeof(struct row)};
    assert_int_equal(ouro_type_create(&spec, &derived), OURO_WRONG_VALUE); /* items of no size */
    spec.item_size = sizeof(ouro_ref);
    spec.size = sizeof(struct row) + sizeof(ouro_ref);
    assert_int_equal(ouro_type_create(&spec, &derived),
                     OURO_WRONG_VALUE); /* they would be in the middle */
    spec.size = sizeof(struct row);
    assert_int_equal(ouro_type_create(&spec, &derived), OURO_OK);
    ouro_ref object = ouro_new_items(ouro_lend(derived), 3);
    ((struct row *)object)->items[2] = leaf_new(1);
    ouro_decref(object);
    assert_int_equal(nodes_dead, 1);
    ouro_decref(derived);
    ouro_decref(base);
    ouro_gc_collect(ALL);
}

/* ---- finalizers ---- */

static ouro_status
hand_away_and_back(ouro_loan node)
{
    elsewhere(let_go, ouro_incref(node));
    ouro_safepoint(); /* takes over what the other thread left */
    return OURO_OK;
}

static void
test_finalizer_hands_its_object_away(void **state)
{
    (void)state;
    node_on_finalize = hand_away_and_back;
    ouro_decref(node_new_final(leaf_new(1), NULL));
    assert_int_equal(nodes_finalized, 1);
    assert_int_equal(nodes_dead, 2);
}

static ouro_status
immortalize(ouro_loan node)
{
    ouro_immortalize(node);
    return OURO_OK;
}

static void
test_finalizer_makes_its_object_immortal(void **state)
{
    (void)state;
    ouro_ref node = node_new_final(NULL, NULL);
    node_on_finalize = immortalize;
    ouro_decref(node);
    assert_int_equal(ouro_refcount(ouro_lend(node)), OURO_IMMORTAL);
    ouro_decref(node);
    ouro_decref(node);
    assert_int_equal(nodes_dead, 0);
}

/* ---- the young ---- */

static ouro_status
collect_all(ouro_loan weakref, ouro_loan context)
{
    (void)weakref;
    (void)context;
    ouro_gc_collect(ALL);
    return OURO_OK;
}

/* An object is on its way out while the young are collected; what is made in its place is young. */
static void
test_what_takes_a_dying_objects_place_is_young(void **state)
{
    (void)state;
    ouro_gc_disable();
    ouro_gc_collect(ALL);
    ouro_ref object = node_new(NULL, NULL), weak = weak_to(object, collect_all, NULL);
    const void *address = object;
    ouro_decref(object);
    ouro_ref again = NULL;
    for (size_t n = 0; n < 100 && again != address; n++) {
        again = node_new(NULL, NULL);
        node_of(again)->left = again; /* none is let go of: all are garbage */
    }
    assert_ptr_equal(again, address);
    nodes_dead = 0;
    size_t n = ouro_gc_collect(0);
    assert_int_equal(nodes_dead, n);
    size_t n_left = ouro_gc_collect(ALL);
    assert_int_equal(n_left, 0);
    ouro_decref(weak);
    ouro_gc_enable();
}

static unsigned n_events, depth, deepest;

static void
make_some(const ouro_gc_event *event, void *context)
{
    (void)context;
    if (event->is_stop) {
        n_events++;
        depth++;
        deepest = depth > deepest ? depth : deepest;
        for (int i = 0; i < 100 && depth < 50; i++) {
            ouro_ref nodes[100];
            for (int k = 0; k < 100; k++) {
                nodes[k] = node_new(NULL, NULL);
            }
            for (int k = 0; k < 100; k++) {
                ouro_decref(nodes[k]);
            }
        }
        depth--;
    }
}

static void
test_callbacks_of_collections_do_not_nest(void **state)
{
    uint32_t before[OURO_GENERATIONS];

    (void)state;
    ouro_gc_get_threshold(before);
    ouro_gc_set_threshold((const uint32_t[]){10, 10, 10});
    assert_int_equal(ouro_gc_add_callback(make_some, NULL), OURO_OK);
    ouro_gc_collect(0);
    assert_int_equal(ouro_gc_remove_callback(make_some, NULL), OURO_FOUND);
    ouro_gc_set_threshold(before);
    assert_true(n_events >= 1);
    assert_int_equal(deepest, 1);
}

/* ---- threads that end ---- */

static ouro_ref left_late;

static void
let_go_of_two(void *context)
{
    (void)context;
    ouro_clear(&left_late);
}

/* Run where a thread ends: another thread leaves it one more object. */
static ouro_status
leave_one_more(ouro_loan node)
{
    (void)node;
    elsewhere(let_go_of_two, NULL);
    return OURO_OK;
}

static void *
make_and_end(void *left_first)
{
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    *(ouro_ref *)left_first = node_new_final(NULL, NULL);
    left_late = node_new(NULL, NULL);
    elsewhere(let_go, *(ouro_ref *)left_first);
    return NULL; /* without a safepoint */
}

static void
test_nothing_stays_with_a_thread_that_ends(void **state)
{
    (void)state;
    ouro_ref first = NULL;
    pthread_t thread;
    node_on_finalize = leave_one_more;
    ouro_thread_detach();
    assert_int_equal(pthread_create(&thread, NULL, make_and_end, &first), 0);
    pthread_join(thread, NULL);
    assert_int_equal(ouro_thread_attach(), OURO_OK);
    assert_int_equal(nodes_finalized, 1);
    assert_null(left_late);
    assert_int_equal(nodes_dead, 2);
}

/* ---- blocks used again ---- */

struct holder {
    ouro_object head;
    ouro_ref held;
    uint64_t rest[3];
};

static ouro_ref
holder_type(uint32_t flags)
{
    static const ouro_field fields[] = {OURO_FIELD(struct holder, held)};
    const ouro_type_spec spec = {.name = "holder",
                                 .size = sizeof(struct holder),
                                 .n_fields = 1,
                                 .fields = fields,
                                 .flags = flags};
    ouro_ref type = NULL;
    assert_int_equal(ouro_type_create(&spec, &type), OURO_OK);
    return type;
}

static ouro_ref
holder_new(ouro_ref type)
{
    ouro_ref made = ouro_new(ouro_lend(type));
    assert_non_null(made);
    return made;
}

/* Leaves may have references, and their blocks are of another heap: what is collected is never made there. */
static void
test_blocks_of_leaves_stay_with_leaves(void **state)
{
    (void)state;
    enum { N = 3000 };
    static ouro_ref made[N];
    ouro_ref leaves = holder_type(OURO_TYPE_LEAF), type = holder_type(0);
    ouro_gc_disable();
    for (size_t i = 0; i < N; i++) {
        made[i] = holder_new(leaves);
        ((struct holder *)made[i])->held = leaf_new(i);
    }
    for (size_t i = 0; i < N; i++) {
        ouro_decref(made[i]);
    }
    ouro_gc_collect(ALL);
    for (size_t i = 0; i < N; i++) {
        ouro_ref ring = holder_new(type);
        ((struct holder *)ring)->held = ring;
    }
    assert_int_equal(ouro_gc_collect(ALL), N);
    ouro_gc_enable();
    ouro_decref(leaves);
    ouro_decref(type);
}

/* Of types whose objects differ in size, those of a few bytes don't take the place of those of megabytes. */
static void
test_blocks_are_used_again_for_their_size(void **state)
{
    (void)state;
    enum { N = 100 };
    ouro_ref texts[N], bytes[N], rows[N];
    for (size_t n = 4000000; n >= 50; n /= 20) {
        char *data = calloc(n, 1);
        assert_non_null(data);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(ouro_str_decode(data, n, &texts[i], NULL), OURO_OK);
            bytes[i] = ouro_bytes_new(data, n);
            rows[i] = ouro_tuple_new(n / 10, NULL);
            assert_true(bytes[i] != NULL && rows[i] != NULL);
        }
        free(data);
        for (size_t i = 0; i < N; i++) {
            ouro_decref(texts[i]);
            ouro_decref(bytes[i]);
            ouro_decref(rows[i]);
        }
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(ouro_str_decode("a text", 6, &texts[i], NULL), OURO_OK);
            bytes[i] = ouro_bytes_new("bytes", 5);
            rows[i] = ouro_tuple_new(1, NULL);
            assert_in_range(ouro_heap_usable_size(texts[i]), 31, 64);
            assert_in_range(ouro_heap_usable_size(bytes[i]), 30, 64);
            assert_in_range(ouro_heap_usable_size(rows[i]), 32, 64);
        }
        for (size_t i = 0; i < N; i++) {
            ouro_decref(texts[i]);
            ouro_decref(bytes[i]);
            ouro_decref(rows[i]);
        }
    }
}

#define TEST(test) cmocka_unit_test_setup(test, nodes_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_address_used_again_has_no_weak_references),
        TEST(test_weak_reference_that_is_garbage_is_not_called),
        TEST(test_garbage_is_out_of_sight),
        TEST(test_type_lives_as_long_as_its_objects),
        TEST(test_type_dies_with_its_objects),
        TEST(test_numbers_of_types_are_used_again),
        TEST(test_items_stand_behind_all_else),
        TEST(test_finalizer_hands_its_object_away),
        TEST(test_finalizer_makes_its_object_immortal),
        TEST(test_what_takes_a_dying_objects_place_is_young),
        TEST(test_callbacks_of_collections_do_not_nest),
        TEST(test_nothing_stays_with_a_thread_that_ends),
        TEST(test_blocks_of_leaves_stay_with_leaves),
        TEST(test_blocks_are_used_again_for_their_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
