/* test_weakref.c - weak references forget an object before anybody can see it go, and their callbacks run, once, when
 * all of them have.
 *
 * Each test names the one of CPython's Lib/test/test_weakref.py (or test_gc.py) that it follows. */
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "nodes.h"
#include "random.h"
#include "require.h"
#include "threads.h"

/* What callbacks note: each the number of its context, or 0. */
#define MAX_NOTED 64

static uintptr_t noted[MAX_NOTED];
static size_t n_noted;

static int
setup(void **state)
{
    n_noted = 0;
    return gc_setup(state);
}

static ouro_status
note(ouro_loan weakref, ouro_loan context)
{
    REQUIRE(ouro_weakref_get(weakref) == NULL, "the object is not dead");
    REQUIRE(n_noted < MAX_NOTED, "too many callbacks");
    noted[n_noted++] = context != NULL ? node_of(context)->number : 0;
    return OURO_OK;
}

static bool
is_dead(ouro_loan weakref)
{
    ouro_ref object = ouro_weakref_get(weakref);
    bool dead = object == NULL;
    ouro_xdecref(object);
    return dead;
}

/* ---- making and asking ---- */

static void
test_basic(void **state) /* test_basic_ref, test_basic_callback */
{
    (void)state;
    ouro_ref object = leaf_new(1), plain = weak_to(object, NULL, NULL),
             told = weak_to(object, note, NULL);
    assert_true(ouro_is_weakref(plain));
    assert_false(ouro_is_weakref(object));
    assert_int_equal(ouro_refcount(object), 1);
    ouro_ref same = ouro_weakref_get(plain);
    assert_ptr_equal(same, object);
    assert_int_equal(ouro_refcount(object), 2);
    ouro_decref(same);
    assert_int_equal(nodes_dead, 0);
    ouro_decref(object);
    assert_int_equal(nodes_dead, 1);
    assert_true(is_dead(plain) && is_dead(told));
    assert_int_equal(n_noted, 1);
    ouro_decref(plain);
    ouro_decref(told);
}

static void
test_shared(void **state) /* test_ref_reuse, test_shared_ref_without_callback */
{
    (void)state;
    ouro_ref object = node_numbered(0), context = node_numbered(1);
    ouro_ref first = weak_to(object, NULL, NULL), again = weak_to(object, NULL, NULL);
    assert_ptr_equal(first, again);
    assert_int_equal(ouro_refcount(first), 2);
    assert_int_equal(ouro_weakref_count(object), 1);
    ouro_ref told = weak_to(object, note, context), another = weak_to(object, note, context);
    assert_ptr_not_equal(told, first);
    assert_ptr_not_equal(told, another);
    assert_int_equal(ouro_weakref_count(object), 3);
    ouro_decref(first);
    ouro_decref(again);
    assert_int_equal(ouro_weakref_count(object), 2);
    first = weak_to(object, NULL, NULL);
    assert_int_equal(ouro_weakref_count(object), 3);
    ouro_decref(told);
    ouro_decref(another);
    assert_int_equal(ouro_refcount(context), 1);
    ouro_decref(object);
    ouro_decref(first);
    ouro_decref(context);
    assert_int_equal(n_noted, 0);
}

static void
test_count_and_list(void **state) /* test_getweakrefcount, test_getweakrefs */
{
    ouro_ref list[5];

    (void)state;
    ouro_ref object = node_numbered(0);
    assert_int_equal(ouro_weakref_list(object, list, 5), 0);
    ouro_ref a = weak_to(object, note, NULL), b = weak_to(object, note, NULL);
    ouro_ref canonical = weak_to(object, NULL, NULL), c = weak_to(object, note, NULL);
    const ouro_ref expected[] = {canonical, c, b, a};
    assert_int_equal(ouro_weakref_count(object), 4);
    assert_int_equal(ouro_weakref_list(object, list, 5), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_ptr_equal(list[i], expected[i]);
        assert_int_equal(ouro_refcount(list[i]), 2);
        ouro_decref(list[i]);
    }
    assert_int_equal(ouro_weakref_list(object, list, 2), 4); /* two were given */
    assert_ptr_equal(list[1], c);
    ouro_decref(list[0]);
    ouro_decref(list[1]);
    ouro_decref(b);
    assert_int_equal(ouro_weakref_list(object, list, 5), 3);
    assert_ptr_equal(list[2], a);
    for (size_t i = 0; i < 3; i++) {
        ouro_decref(list[i]);
    }
    ouro_decref(object);
    assert_int_equal(n_noted, 2);
    ouro_decref(a);
    ouro_decref(c);
    ouro_decref(canonical);
}

static void
test_of_weak_references(void **state) /* our own: they are objects, too */
{
    (void)state;
    ouro_ref object = node_numbered(0), inner = weak_to(object, note, NULL),
             outer = weak_to(inner, note, NULL);
    ouro_ref same = ouro_weakref_get(outer);
    assert_ptr_equal(same, inner);
    ouro_decref(same);
    ouro_decref(inner);
    assert_true(is_dead(outer));
    assert_int_equal(n_noted, 1);
    ouro_decref(object);
    assert_int_equal(n_noted, 1);
    ouro_decref(outer);
}

#define N_OBJECTS 20000

static void
test_many_objects(void **state) /* our own: places in the table are used again */
{
    static struct {
        ouro_ref object, plain, told[3];
    } each[N_OBJECTS];
    struct test_random random = {3};
    ouro_ref list[4];

    (void)state;
    for (int step = 0; step < 200000; step++) {
        size_t i = random_below(&random, N_OBJECTS), k = random_below(&random, 3);
        switch (random_below(&random, 4)) {
        case 0:
            ouro_clear(&each[i].object);
            break;
        case 1:
            ouro_clear(k == 0 ? &each[i].plain : &each[i].told[k]);
            break;
        default:
            if (each[i].object == NULL) {
                assert_true(each[i].plain == NULL || is_dead(each[i].plain));
                ouro_clear(&each[i].plain);
                for (size_t j = 0; j < 3; j++) {
                    ouro_clear(&each[i].told[j]);
                }
                each[i].object = step % 2 ? leaf_new(i) : node_numbered(i);
            }
            ouro_assign(&each[i].plain, weak_to(each[i].object, NULL, NULL));
            ouro_clear(&each[i].told[k]);
            each[i].told[k] = weak_to(each[i].object, note, NULL);
        }
        if (each[i].object != NULL) {
            size_t n = each[i].plain != NULL;
            for (size_t j = 0; j < 3; j++) {
                n += each[i].told[j] != NULL;
            }
            assert_int_equal(ouro_weakref_list(each[i].object, list, 4), n);
            for (size_t j = 0; j < n; j++) {
                ouro_decref(list[j]);
            }
            assert_true(each[i].plain == NULL || list[0] == each[i].plain);
        }
        n_noted = 0;
    }
    for (size_t i = 0; i < N_OBJECTS; i++) {
        ouro_clear(&each[i].object);
        n_noted = 0;
        ouro_clear(&each[i].plain);
        for (size_t j = 0; j < 3; j++) {
            ouro_clear(&each[i].told[j]);
        }
    }
}

/* ---- callbacks ---- */

static void
test_newest_first(void **state) /* test_multiple_callbacks, test_callbacks_protected */
{
    ouro_ref refs[10], contexts[10];

    (void)state;
    for (int collected = 0; collected < 2; collected++) {
        ouro_ref object = collected ? ring_new(NULL) : node_numbered(0);
        ouro_ref plain = weak_to(object, NULL, NULL);
        n_noted = 0;
        for (size_t i = 0; i < 10; i++) {
            contexts[i] = node_numbered(i);
            refs[i] = weak_to(object, note, contexts[i]);
        }
        ouro_decref(object);
        assert_int_equal(ouro_gc_collect(2), collected);
        assert_int_equal(n_noted, 10);
        for (size_t i = 0; i < 10; i++) {
            assert_int_equal(noted[i], 9 - i);
            ouro_decref(refs[i]);
            ouro_decref(contexts[i]);
        }
        ouro_decref(plain);
    }
}

static ouro_ref watched[3];

static ouro_status
require_all_dead(ouro_loan weakref, ouro_loan context)
{
    for (size_t i = 0; i < 3; i++) {
        REQUIRE(ouro_weakref_get(watched[i]) == NULL, "reference %zu lives in a callback", i);
    }
    return note(weakref, context);
}

static void
test_all_are_dead_before_any_callback(void **state) /* test_multiple_selfref_callbacks */
{
    (void)state;
    ouro_ref object = node_numbered(0);
    for (size_t i = 0; i < 3; i++) {
        watched[i] = weak_to(object, i == 0 ? NULL : require_all_dead, NULL);
    }
    ouro_decref(object);
    assert_int_equal(n_noted, 2);

    /* And all references to all objects of a collection's trash. */
    ouro_ref a = node_numbered(1), b = node_new(ouro_incref(a), NULL), c = node_new(b, NULL);
    node_of(a)->left = c;
    ouro_assign(&watched[0], weak_to(a, require_all_dead, NULL));
    ouro_assign(&watched[1], weak_to(b, require_all_dead, NULL));
    ouro_assign(&watched[2], weak_to(c, require_all_dead, NULL));
    ouro_decref(a);
    assert_int_equal(ouro_gc_collect(2), 3);
    assert_int_equal(n_noted, 5);
    for (size_t i = 0; i < 3; i++) {
        ouro_clear(&watched[i]);
    }
}

static ouro_status
drop_others(ouro_loan weakref, ouro_loan context)
{
    for (size_t i = 0; i < 3; i++) {
        ouro_clear(&watched[i]);
    }
    (void)weakref, (void)context;
    n_noted++;
    return OURO_OK;
}

static void
test_callback_lets_go_of_references(void **state) /* test_multiple_selfref_callbacks */
{
    (void)state;
    ouro_ref object = node_numbered(0);
    for (size_t i = 0; i < 3; i++) {
        watched[i] = weak_to(object, drop_others, NULL);
    }
    ouro_decref(object);
    assert_int_equal(n_noted, 3); /* those that wait are kept until they were called */
    assert_int_equal(nodes_dead, 1);
    ouro_gc_collect(2);
}

static void
test_dead_reference_is_not_called(void **state) /* test_sf_bug_840829 */
{
    (void)state;
    ouro_ref object = node_numbered(0), weakref = weak_to(object, note, NULL);
    ouro_decref(weakref);
    ouro_decref(object);
    assert_int_equal(n_noted, 0);
}

static unsigned n_unraised;

static void
note_unraised(ouro_status status, const char *where, ouro_loan object, void *context)
{
    assert_int_equal(status, OURO_FAILED);
    assert_string_equal(where, "weak reference callback");
    assert_true(ouro_is_weakref(object));
    assert_ptr_equal(context, &n_unraised);
    n_unraised++;
}

static ouro_status
fail_and_note(ouro_loan weakref, ouro_loan context)
{
    note(weakref, context);
    return OURO_FAILED;
}

static void
test_callback_fails(void **state) /* test_callbacks_protected */
{
    (void)state;
    ouro_set_unraisable_hook(note_unraised, &n_unraised);
    ouro_ref object = node_numbered(0), a = weak_to(object, note, NULL),
             b = weak_to(object, fail_and_note, NULL);
    ouro_ref c = weak_to(object, fail_and_note, NULL);
    ouro_decref(object);
    assert_int_equal(n_noted, 3);
    assert_int_equal(n_unraised, 2);
    ouro_decref(a);
    ouro_decref(b);
    ouro_decref(c);
    ouro_set_unraisable_hook(NULL, NULL);
}

/* ---- cycles ---- */

static void
test_weak_references_hold_nothing(void **state) /* test_subclass_refs_with_cycle */
{
    (void)state;
    ouro_ref ring = ring_new(leaf_new(1)), weakref = weak_to(ring, NULL, NULL);
    node_of(node_of(ring)->left)->number = 5;
    ouro_decref(ring);
    assert_false(is_dead(weakref));
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_true(is_dead(weakref));
    assert_int_equal(nodes_dead, 2);
    ouro_decref(weakref);
}

static void
test_callback_in_cycle(void **state) /* test_callback_in_cycle, test_callbacks_on_callback */
{
    (void)state;
    /* The reference is of the cycle: its callback never runs. */
    ouro_ref object = node_numbered(1), holder = node_new(NULL, ouro_incref(object));
    node_of(object)->left = holder;
    node_of(holder)->left = weak_to(object, note, object);
    ouro_decref(object);
    assert_int_equal(ouro_gc_collect(2), 3);
    assert_int_equal(n_noted, 0);
    assert_int_equal(nodes_dead, 2);

    /* Two that watch each other. */
    ouro_ref a = node_numbered(1), b = node_numbered(2);
    node_of(a)->left = ouro_incref(b);
    node_of(b)->left = ouro_incref(a);
    node_of(a)->right = weak_to(b, note, a);
    node_of(b)->right = weak_to(a, note, b);
    ouro_ref outside = weak_to(a, note, NULL);
    ouro_decref(a);
    ouro_decref(b);
    assert_int_equal(ouro_gc_collect(2), 4);
    assert_int_equal(n_noted, 1); /* from outside alone */
    ouro_decref(outside);
}

static void
test_callback_reachable_one_way(
    void **state) /* test_callback_reachable_one_way, test_callback_different_classes */
{
    (void)state;
    /* The garbage holds the reference to another of it; nothing leads back. */
    ouro_ref watcher = node_new(NULL, NULL), object = ring_new(NULL);
    node_of(watcher)->left = ouro_incref(watcher);
    node_of(watcher)->right = weak_to(object, note, NULL);
    ouro_decref(watcher);
    ouro_decref(object);
    assert_int_equal(ouro_gc_collect(2), 3);
    assert_int_equal(n_noted, 0);

    /* A watcher that lives is told. */
    watcher = row_new(2);
    object = ring_new(NULL);
    ((struct row *)watcher)->items[0] = weak_to(object, note, watcher);
    ouro_decref(object);
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(n_noted, 1);
    ouro_decref(watcher); /* holds the reference, which holds it */
    assert_int_equal(ouro_gc_collect(2), 2);
}

/* An object that the collector doesn't look at, with a reference. */
struct no_gc {
    ouro_object head;
    ouro_ref value;
};

static ouro_ref
no_gc_new(ouro_ref value)
{
    static const ouro_field fields[] = {OURO_FIELD(struct no_gc, value)};
    static ouro_ref type;
    if (type == NULL) {
        const ouro_type_spec spec = {.name = "no gc",
                                     .size = sizeof(struct no_gc),
                                     .n_fields = 1,
                                     .fields = fields,
                                     .flags = OURO_TYPE_LEAF};
        REQUIRE(ouro_type_create(&spec, &type) == OURO_OK, "no type");
    }
    ouro_ref object = ouro_new(type);
    ((struct no_gc *)object)->value = value;
    return object;
}

static ouro_status
look_at_gutted(ouro_loan weakref, ouro_loan context)
{
    (void)weakref;
    REQUIRE(context != NULL && node_of(context)->left != NULL, "a callback sees what was cleared");
    n_noted++;
    return OURO_OK;
}

static void
test_trash_reference_behind_a_leaf(void **state) /* test_gc.GCTests.test_trash_weakref_clear */
{
    (void)state;
    for (int i = 0; i < 8; i++) { /* which of the two is cleared first is left to chance */
        ouro_ref referent = node_numbered(1);
        ouro_ref hidden = i & 1 ? no_gc_new(referent) : NULL, ring = ring_new(NULL);
        ouro_ref weakref = weak_to(referent, look_at_gutted, ring);
        hidden = hidden != NULL ? hidden : no_gc_new(referent);
        node_of(ring)->right = i & 2 ? node_new(hidden, weakref) : node_new(weakref, hidden);
        if (i & 4) {
            ouro_ref other = node_new(ouro_incref(ring), hidden);
            struct node *middle = node_of(node_of(ring)->right);
            *(i & 2 ? &middle->left : &middle->right) = other;
        }
        ouro_decref(ring);
        assert_int_equal(ouro_gc_collect(2), 3 + (i >> 2));
        assert_int_equal(n_noted, 0);
        assert_int_equal(nodes_dead, 3 + (i >> 2));
        nodes_dead = 0;
    }
}

static ouro_ref c2_weak;

static ouro_status
look_at_c2(ouro_loan weakref, ouro_loan context)
{
    ouro_ref seen = ouro_weakref_get(c2_weak);
    (void)weakref, (void)context;
    noted[n_noted++] = seen != NULL;
    REQUIRE(seen == NULL || node_of(seen)->left != NULL, "a gutted object is seen");
    ouro_xdecref(seen);
    return OURO_OK;
}

static void
test_older_object_dies_as_a_side_effect(void **state) /* test_gc.GCTogglingTests.test_bug1055820c, _d */
{
    (void)state;
    for (int has_callback = 0; has_callback < 2; has_callback++) {
        ouro_ref c0 = ring_new(NULL);
        ouro_gc_collect(1);
        ouro_gc_collect(1);
        ouro_ref c1 = ring_new(ouro_incref(c0)); /* c1 keeps c0 alive */
        ouro_decref(c0);                         /* by c1 alone, and by itself */
        ouro_decref(node_of(c0)->left);          /* by c1 alone */
        node_of(c0)->left = NULL;
        ouro_ref told = weak_to(c0, look_at_c2, NULL);
        ouro_gc_collect(0);                      /* c0 is old, c1 middle, c2 will be young */
        ouro_ref c2 = ring_new(ouro_incref(c1)); /* c2 holds c1 */
        c2_weak = weak_to(c2, has_callback ? note : NULL, NULL);
        ouro_decref(c1);
        ouro_decref(node_of(c1)->left);
        node_of(c1)->left = NULL;
        ouro_decref(c2);
        n_noted = 0;
        assert_int_equal(ouro_gc_collect(0), 1);
        assert_int_equal(n_noted, 1 + (size_t)has_callback);
        assert_int_equal(noted[has_callback], false); /* c2 was dead already */
        ouro_decref(told);
        ouro_clear(&c2_weak);
    }
}

/* ---- with finalizers ---- */

static ouro_ref kept;
static ouro_ref kept_weak;

static ouro_status
keep(ouro_loan node)
{
    kept = ouro_incref(node);
    return OURO_OK;
}

static void
test_resurrected_by_its_finalizer(
    void **state) /* test_finalization: SelfCycleFinalizationTest.test_simple_resurrect */
{
    (void)state;
    node_on_finalize = keep;
    ouro_ref object = node_new_final(NULL, NULL), weakref = weak_to(object, note, NULL);
    node_of(object)->left = ouro_incref(object);
    ouro_decref(object);
    assert_int_equal(ouro_gc_collect(2), 0);
    assert_int_equal(n_noted, 1); /* it was told, and the object lives on */
    assert_true(is_dead(weakref));
    assert_int_equal(ouro_weakref_count(kept), 0);
    ouro_ref fresh = weak_to(kept, note, NULL); /* it can be watched again */
    ouro_ref same = ouro_weakref_get(fresh);
    assert_ptr_equal(same, kept);
    ouro_decref(same);
    ouro_clear(&kept);
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(n_noted, 2);
    assert_true(is_dead(fresh));
    ouro_decref(fresh);
    ouro_decref(weakref);
}

static ouro_status
watch(ouro_loan node)
{
    kept_weak = weak_to(node, note, NULL);
    return OURO_OK;
}

static void
test_made_inside_a_finalizer(void **state) /* test_trashcan_16602: a reference to what is going */
{
    (void)state;
    node_on_finalize = watch;
    for (int collected = 0; collected < 2; collected++) {
        ouro_ref object = node_new_final(NULL, NULL);
        node_of(object)->left = collected ? ouro_incref(object) : NULL;
        ouro_decref(object);
        assert_int_equal(ouro_gc_collect(2), collected);
        assert_int_equal(nodes_dead, collected + 1);
        assert_true(is_dead(kept_weak));
        ouro_clear(&kept_weak);
    }
}

static ouro_status
look_and_keep_neighbour(ouro_loan weakref, ouro_loan context)
{
    (void)weakref;
    kept = ouro_incref(context);
    n_noted++;
    return OURO_OK;
}

static void
test_callback_keeps_its_context(void **state) /* test_callback_in_cycle_resurrection */
{
    (void)state;
    ouro_ref context = ring_new(leaf_new(1)), object = ring_new(ouro_incref(context));
    ouro_ref weakref = weak_to(object, look_and_keep_neighbour, context);
    ouro_decref(context);
    ouro_decref(object);
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(n_noted, 1);
    assert_non_null(node_of(kept)->right);
    ouro_decref(weakref);
    ouro_clear(&kept);
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(nodes_dead, 3);
}

/* ---- collections meanwhile ---- */

static void
test_collection_while_one_is_made(
    void **state) /* test_gc_during_ref_creation, test_gc_during_proxy_creation */
{
    const uint32_t at_each[] = {1, 1, 1};
    uint32_t before[OURO_GENERATIONS];

    (void)state;
    ouro_gc_get_threshold(before);
    ouro_gc_set_threshold(at_each);
    ouro_gc_enable();
    for (int i = 0; i < 100; i++) {
        /* Garbage that a collection may find while the reference is made. */
        ouro_ref object = ring_new(NULL), ring = ring_new(NULL);
        ouro_ref old = weak_to(ring, note, NULL);
        ouro_decref(ring);
        ouro_ref plain = weak_to(object, NULL, NULL), told = weak_to(object, note, NULL);
        ouro_ref same = ouro_weakref_get(plain);
        assert_ptr_equal(same, object);
        ouro_decref(same);
        assert_int_equal(ouro_weakref_count(object), 2);
        ouro_decref(object);
        ouro_gc_collect(2);
        assert_true(is_dead(plain) && is_dead(told) && is_dead(old));
        assert_int_equal(n_noted, 2);
        n_noted = 0;
        ouro_decref(plain);
        ouro_decref(told);
        ouro_decref(old);
    }
    ouro_gc_set_threshold(before);
    assert_int_equal(nodes_dead, 200);
}

static size_t found_inside;

static ouro_status
collect(ouro_loan weakref, ouro_loan context)
{
    ouro_ref ring = ring_new(NULL);
    ouro_decref(ring);
    found_inside += ouro_gc_collect(2);
    return note(weakref, context);
}

static void
test_collection_inside_a_callback(void **state) /* test_callback_gcs */
{
    (void)state;
    ouro_ref chain = NULL, refs[20];
    for (size_t i = 0; i < 20; i++) {
        chain = node_new(chain, NULL);
        refs[i] = weak_to(chain, collect, NULL);
    }
    ouro_decref(chain); /* each collects while those above it are dying */
    assert_int_equal(n_noted, 20);
    assert_int_equal(found_inside, 20);
    assert_int_equal(nodes_dead, 40);
    for (size_t i = 0; i < 20; i++) {
        ouro_decref(refs[i]);
    }
    ouro_ref ring = ring_new(NULL), weakref = weak_to(ring, collect, NULL);
    ouro_decref(ring);
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(found_inside, 20); /* one is running */
    assert_int_equal(ouro_gc_collect(2), 1);
    ouro_decref(weakref);
}

/* ---- threads ---- */

#define N_THREADS 4
#define N_ROUNDS 20000

static struct {
    ouro_object *lock;
    ouro_ref weakref; /* to what is of interest just now */
    unsigned long n_told, n_seen, n_made;
} board;

static ouro_status
count_told(ouro_loan weakref, ouro_loan context)
{
    REQUIRE(ouro_weakref_get(weakref) == NULL, "not dead");
    (void)context;
    __atomic_fetch_add(&board.n_told, 1, __ATOMIC_RELAXED);
    return OURO_OK;
}

static void
look_and_replace(void *context)
{
    struct test_random random = {*(uint64_t *)context};

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (int i = 0; i < N_ROUNDS; i++) {
        if (random_below(&random, 4) == 0) {
            ouro_ref object = random_next(&random) & 1 ? ring_new(NULL) : node_numbered(4711);
            node_of(object)->number = 4711;
            ouro_ref weakref = weak_to(object, count_told, NULL);
            __atomic_fetch_add(&board.n_made, 1, __ATOMIC_RELAXED);
            ouro_lock(ouro_lend(board.lock));
            ouro_ref before = board.weakref;
            board.weakref = weakref;
            ouro_unlock(ouro_lend(board.lock));
            ouro_decref(object);
            if (before != NULL && !is_dead(before)) { /* it shall be told */
                ouro_gc_collect(0);
            }
            ouro_xdecref(before);
        } else {
            ouro_lock(ouro_lend(board.lock));
            ouro_ref weakref = board.weakref != NULL ? ouro_incref(board.weakref) : NULL;
            ouro_unlock(ouro_lend(board.lock));
            ouro_ref object = weakref != NULL ? ouro_weakref_get(weakref) : NULL;
            if (object != NULL) {
                REQUIRE(node_of(object)->number == 4711, "not what was watched");
                ouro_ref another = weak_to(object, random_next(&random) & 1 ? NULL : count_told, NULL);
                REQUIRE(ouro_weakref_count(object) >= 1, "none");
                ouro_decref(another);
                ouro_decref(object);
                __atomic_fetch_add(&board.n_seen, 1, __ATOMIC_RELAXED);
            }
            ouro_xdecref(weakref);
        }
        ouro_safepoint();
    }
    ouro_thread_detach();
}

static void
test_threads_look_while_objects_die(
    void **state) /* test_threaded_weak_value_dict_copy and others, as far as references go */
{
    uint64_t seeds[N_THREADS] = {1, 2, 3, 4};

    (void)state;
    board.lock = leaf_new(1);
    ouro_gc_enable();
    threads_run_detached(N_THREADS, look_and_replace, seeds, sizeof seeds[0]);
    ouro_clear(&board.weakref);
    ouro_safepoint();
    ouro_gc_collect(2);
    assert_int_equal(nodes_dead, board.n_made);
    assert_true(board.n_told <= board.n_made);
    ouro_clear(&board.lock);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_basic),
        TEST(test_shared),
        TEST(test_count_and_list),
        TEST(test_of_weak_references),
        TEST(test_many_objects),
        TEST(test_newest_first),
        TEST(test_all_are_dead_before_any_callback),
        TEST(test_callback_lets_go_of_references),
        TEST(test_dead_reference_is_not_called),
        TEST(test_callback_fails),
        TEST(test_weak_references_hold_nothing),
        TEST(test_callback_in_cycle),
        TEST(test_callback_reachable_one_way),
        TEST(test_trash_reference_behind_a_leaf),
        TEST(test_older_object_dies_as_a_side_effect),
        TEST(test_resurrected_by_its_finalizer),
        TEST(test_made_inside_a_finalizer),
        TEST(test_callback_keeps_its_context),
        TEST(test_collection_while_one_is_made),
        TEST(test_collection_inside_a_callback),
        TEST(test_threads_look_while_objects_die),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
