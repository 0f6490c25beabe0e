/* test_finalization.c - finalizers of what is garbage: once in an object's life each, before anything of it is cleared,
 * and whatever they do.
 *
 * Each test names the one of CPython's Lib/test/test_finalization.py (or test_gc.py) that it follows. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "nodes.h"
#include "process.h"
#include "require.h"
#include "threads.h"

/* ---- objects that say by a number what their finalizer does ---- */

enum kind {
    PLAIN,
    RESURRECTING, /* puts itself where it can be found */
    SUICIDAL,     /* breaks its cycle */
};

#define MAX_KEPT 4096

static ouro_ref kept[MAX_KEPT];
static size_t n_kept;
static unsigned long n_of_kind[3];
static ouro_loan leaf_final_type;

static void
keep(ouro_loan node)
{
    REQUIRE(n_kept < MAX_KEPT, "too many are kept");
    kept[n_kept++] = ouro_incref(node);
}

static ouro_status
act_by_kind(ouro_loan object)
{
    struct node *node = node_of(object);

    REQUIRE(!ouro_is_a(object, node_final_type) || ouro_is_finalized(object), "not marked");
    n_of_kind[node->number]++;
    if (node->number == RESURRECTING) {
        keep(object);
    } else if (node->number == SUICIDAL) {
        ouro_clear(&node->left);
        ouro_clear(&node->right);
    }
    return OURO_OK;
}

/* A leaf whose finalizer does the same. */
struct final_leaf {
    struct node node;
};

static ouro_status
finalize_leaf(ouro_loan leaf)
{
    nodes_finalized++;
    return act_by_kind(leaf);
}

static void
count_end(ouro_loan object)
{
    (void)object;
    __atomic_fetch_add(&nodes_dead, 1, __ATOMIC_RELAXED);
}

static int
setup(void **state)
{
    int result = nodes_setup(state);
    if (leaf_final_type == NULL) {
        ouro_ref type = NULL;
        REQUIRE(ouro_type_create(&(ouro_type_spec){.name = "final leaf",
                                                   .size = sizeof(struct final_leaf),
                                                   .flags = OURO_TYPE_LEAF,
                                                   .finalize = finalize_leaf,
                                                   .dealloc = count_end},
                                 &type) == OURO_OK,
                "no type");
        leaf_final_type = ouro_lend(type);
    }
    ouro_gc_disable();
    ouro_gc_collect(2);
    nodes_dead = nodes_finalized = 0;
    memset(n_of_kind, 0, sizeof n_of_kind);
    node_on_finalize = act_by_kind;
    return result;
}

static ouro_ref
make(enum kind kind)
{
    ouro_ref object = node_new_final(NULL, NULL);
    node_of(object)->number = kind;
    return object;
}

static void
clear_kept(void)
{
    while (n_kept != 0) {
        ouro_decref(kept[--n_kept]);
    }
}

/* ---- simple ones: SimpleFinalizationTest ---- */

static void
check_simple(ouro_ref (*make_one)(enum kind))
{
    for (enum kind kind = PLAIN; kind <= SUICIDAL; kind++) {
        ouro_ref weakref = NULL, object = make_one(kind);
        nodes_dead = nodes_finalized = 0;
        assert_int_equal(ouro_weakref_create(object, NULL, NULL, &weakref), OURO_OK);
        assert_false(ouro_is_finalized(object));
        ouro_decref(object);
        assert_int_equal(nodes_finalized, 1);
        assert_int_equal(n_kept, kind == RESURRECTING);
        assert_int_equal(nodes_dead, kind != RESURRECTING);
        ouro_gc_collect(2);
        if (kind == RESURRECTING) {
            ouro_ref again = ouro_weakref_get(weakref); /* counted: the weak reference is alive */
            assert_ptr_equal(again, object);
            assert_true(ouro_is_finalized(again));
            ouro_decref(again);
            clear_kept();
        }
        assert_null(ouro_weakref_get(weakref));
        assert_int_equal(nodes_finalized, 1);
        assert_int_equal(nodes_dead, 1);
        ouro_decref(weakref);
    }
}

static void
test_simple(void **state) /* SimpleFinalizationTest.test_simple, test_simple_resurrect */
{
    (void)state;
    check_simple(make);
}

static ouro_ref
make_leaf(enum kind kind)
{
    ouro_ref object = ouro_new(leaf_final_type);
    node_of(object)->number = kind;
    return object;
}

static void
test_not_collected(void **state) /* SimpleFinalizationTest.test_non_gc, test_non_gc_resurrect */
{
    (void)state;
    check_simple(make_leaf);
}

/* ---- a self-cycle: SelfCycleFinalizationTest ---- */

static void
test_self_cycle(void **state) /* SelfCycleFinalizationTest.test_simple, _resurrect, _suicide */
{
    (void)state;
    for (enum kind kind = PLAIN; kind <= SUICIDAL; kind++) {
        for (unsigned generation = 0; generation < 3; generation++) {
            ouro_ref object = make(kind);
            nodes_dead = nodes_finalized = 0;
            node_of(object)->left = ouro_incref(object);
            ouro_decref(object);
            assert_int_equal(nodes_finalized, 0);
            /* Who kills himself is garbage still; who was resurrected is not. */
            assert_int_equal(ouro_gc_collect(generation), kind != RESURRECTING);
            assert_int_equal(nodes_finalized, 1);
            assert_int_equal(nodes_dead, kind != RESURRECTING);
            assert_int_equal(n_kept, kind == RESURRECTING);
            if (kind == RESURRECTING) {
                assert_true(ouro_is_finalized(kept[0]));
                assert_ptr_equal(node_of(kept[0])->left, kept[0]); /* nothing of it was cleared */
                assert_int_equal(ouro_refcount(kept[0]), 2);
                clear_kept();
                assert_int_equal(ouro_gc_collect(2), 1);
            }
            assert_int_equal(nodes_finalized, 1);
            assert_int_equal(nodes_dead, 1);
        }
    }
}

/* ---- chains: CycleChainFinalizationTest ---- */

/* A ring in both directions of the kinds of `pattern`, repeated. */
static ouro_ref
build_ring(const enum kind *pattern, size_t n_pattern, size_t n)
{
    ouro_ref *nodes = calloc(n, sizeof *nodes);
    for (size_t i = 0; i < n; i++) {
        nodes[i] = make(pattern[i % n_pattern]);
    }
    for (size_t i = 0; i < n; i++) {
        node_of(nodes[i])->left = ouro_incref(nodes[(i + 1) % n]);
        node_of(nodes[i])->right = ouro_incref(nodes[(i + n - 1) % n]);
    }
    for (size_t i = 1; i < n; i++) {
        ouro_decref(nodes[i]);
    }
    ouro_ref first = nodes[0];
    free(nodes);
    return first;
}

/* Collect a ring: each finalizer runs once; where one resurrects, all that it still reaches lives. */
static void
check_ring(const enum kind *pattern, size_t n_pattern, size_t n)
{
    bool resurrects = false, is_suicidal = false;
    for (size_t i = 0; i < n_pattern; i++) {
        resurrects |= pattern[i] == RESURRECTING;
        is_suicidal |= pattern[i] == SUICIDAL;
    }
    nodes_dead = nodes_finalized = 0;
    ouro_decref(build_ring(pattern, n_pattern, n));
    size_t found = ouro_gc_collect(2);
    assert_int_equal(nodes_finalized, n);
    assert_int_equal(nodes_dead, found);
    if (!resurrects) {
        assert_int_equal(found, n);
    } else if (!is_suicidal) {
        assert_int_equal(found, 0);
    } else {
        assert_in_range(found, 0, n - n_kept);
    }
    for (size_t i = 0; i < n_kept; i++) {
        assert_true(ouro_is_finalized(kept[i]));
        assert_non_null(node_of(kept[i])->left);
        assert_non_null(node_of(kept[i])->right);
    }
    assert_int_equal(n_kept, n_of_kind[RESURRECTING]);
    clear_kept();
    ouro_gc_collect(2);
    assert_int_equal(nodes_finalized, n); /* no second time */
    assert_int_equal(nodes_dead, n);
    memset(n_of_kind, 0, sizeof n_of_kind);
}

static void
test_homogeneous_rings(
    void **state) /* CycleChainFinalizationTest.test_homogenous, _resurrect, _suicidal */
{
    (void)state;
    for (enum kind kind = PLAIN; kind <= SUICIDAL; kind++) {
        for (size_t n = 1; n < 50; n = n * 2 + 1) {
            check_ring(&kind, 1, n);
        }
        check_ring(&kind, 1, 4000);
    }
}

static void
test_mixed_rings(void **state) /* CycleChainFinalizationTest.test_heterogenous_suicidal_one, _two,
                                  _resurrect_one, _two, _three */
{
    static const struct {
        size_t n;
        enum kind kinds[6];
    } mixes[] = {
        {2, {SUICIDAL, PLAIN}},
        {4, {SUICIDAL, SUICIDAL, PLAIN, PLAIN}},
        {2, {RESURRECTING, PLAIN}},
        {3, {RESURRECTING, PLAIN, SUICIDAL}},
        {6, {SUICIDAL, SUICIDAL, PLAIN, PLAIN, RESURRECTING, RESURRECTING}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof mixes / sizeof mixes[0]; i++) {
        check_ring(mixes[i].kinds, mixes[i].n, mixes[i].n * 2);
        check_ring(mixes[i].kinds, mixes[i].n, mixes[i].n * 100);
    }
}

/* ---- resurrection ---- */

static ouro_ref
ring_of(enum kind kind, ouro_ref right)
{
    ouro_ref object = make(kind);
    node_of(object)->left = ouro_incref(object);
    node_of(object)->right = right;
    return object;
}

static void
test_other_garbage_of_the_pass_goes(
    void **state) /* GCTests.test_resurrection_only_happens_once_per_object,
                                                     test_resurrection_is_transitive,
                                                     test_resurrection_does_not_block_cleanup_of_other_objects,
                                                     test_38379 */
{
    (void)state;
    ouro_ref cargo = ring_of(PLAIN, leaf_new(1));
    for (int i = 0; i < 100; i++) {
        ouro_decref(ring_of(PLAIN, NULL));
    }
    ouro_decref(ring_of(RESURRECTING, cargo));
    for (int i = 0; i < 100; i++) {
        ouro_decref(ring_of(PLAIN, leaf_new(2)));
    }
    assert_int_equal(ouro_gc_collect(2), 200);
    assert_int_equal(nodes_dead, 300);
    assert_int_equal(n_kept, 1);
    assert_ptr_equal(node_of(kept[0])->right, cargo);
    assert_ptr_equal(node_of(cargo)->left, cargo);
    assert_non_null(node_of(cargo)->right); /* its leaf */
    assert_int_equal(nodes_finalized, 202);
    assert_int_equal(ouro_gc_collect(2), 0);
    clear_kept();
    assert_int_equal(ouro_gc_collect(2), 2);
    assert_int_equal(nodes_finalized, 202);
    assert_int_equal(nodes_dead, 303);
}

static ouro_ref friend;

static ouro_status
keep_friend(ouro_loan node)
{
    (void)node;
    if (friend != NULL) {
        keep(ouro_lend(friend));
        friend = NULL;
    }
    return OURO_OK;
}

static void
test_finalizer_resurrects_another(
    void **state) /* SelfCycleFinalizationTest.test_simple_resurrect, another's */
{
    (void)state;
    node_on_finalize = keep_friend;
    ouro_ref other = ring_of(PLAIN, NULL);
    friend = other;
    ouro_decref(ring_of(PLAIN, other)); /* refers to the other, and so goes */
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(nodes_finalized, 2);
    assert_true(ouro_is_finalized(kept[0]));
    clear_kept();
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(nodes_finalized, 2);
    assert_int_equal(nodes_dead, 2);
}

static ouro_status
make_immortal(ouro_loan node)
{
    ouro_immortalize(node);
    return OURO_OK;
}

static void
test_finalizer_makes_the_object_immortal(void **state) /* our own */
{
    (void)state;
    node_on_finalize = make_immortal;
    ouro_ref simple = node_new_final(NULL, NULL);
    ouro_decref(simple);
    assert_int_equal(ouro_refcount(simple), OURO_IMMORTAL);
    ouro_decref(simple);
    assert_int_equal(ouro_refcount(simple), OURO_IMMORTAL);
    ouro_ref ring = ring_of(PLAIN, NULL);
    ouro_decref(ring);
    assert_int_equal(ouro_gc_collect(2), 0);
    assert_int_equal(ouro_refcount(ring), OURO_IMMORTAL);
    assert_ptr_equal(node_of(ring)->left, ring);
    assert_int_equal(nodes_dead, 0);
}

static void
let_go(void *object)
{
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    ouro_decref(object);
    ouro_thread_detach();
}

static bool collects_after;

static ouro_status
give_away(ouro_loan node)
{
    ouro_incref(node);
    threads_run_detached(1, let_go, ouro_look(node), 0);
    if (collects_after) {
        ouro_gc_collect(2);
    } else {
        ouro_safepoint();
    }
    return OURO_OK;
}

static void
test_another_thread_lets_go_during_the_finalizer(void **state) /* our own */
{
    (void)state;
    node_on_finalize = give_away;
    for (int i = 0; i < 4; i++) {
        collects_after = i & 1;
        ouro_decref(i & 2 ? ring_of(PLAIN, NULL) : make(PLAIN));
        ouro_gc_collect(2);
        assert_int_equal(nodes_finalized, i + 1);
        assert_int_equal(nodes_dead, i + 1);
    }
}

/* ---- whatever they do ---- */

static ouro_ref made_by_finalizers;

static ouro_status
allocate(ouro_loan node)
{
    (void)node;
    for (int i = 0; i < 3000; i++) { /* some garbage, some kept, some let go of */
        ouro_ref ring = node_new(NULL, NULL);
        node_of(ring)->left = ouro_incref(ring);
        ouro_decref(ring);
        ouro_ref more = node_new(NULL, NULL); /* which may run another finalizer */
        node_of(more)->left = made_by_finalizers;
        made_by_finalizers = more;
        ouro_decref(node_new(leaf_new(1), NULL));
    }
    return OURO_OK;
}

static void
test_finalizers_allocate(void **state) /* our own */
{
    (void)state;
    ouro_gc_enable();
    node_on_finalize = allocate;
    for (int i = 0; i < 5; i++) {
        ouro_decref(ring_of(PLAIN, NULL));
        ouro_decref(make(PLAIN));
    }
    ouro_gc_collect(2);
    ouro_clear(&made_by_finalizers);
    ouro_gc_collect(2);
    assert_int_equal(nodes_finalized, 10);
    assert_int_equal(nodes_dead, 10 + 10 * 3000 * 4);
}

static size_t found_inside;

static ouro_status
collect(ouro_loan node)
{
    (void)node;
    found_inside += ouro_gc_collect(2);
    return OURO_OK;
}

static void
test_finalizers_collect(void **state) /* test_gc.GCTests.test_trashcan, its __del__ */
{
    (void)state;
    node_on_finalize = collect;
    for (int i = 0; i < 10; i++) {
        ouro_decref(ring_of(PLAIN, make(PLAIN)));
    }
    assert_int_equal(ouro_gc_collect(2), 20);
    assert_int_equal(found_inside, 0); /* one is running */
    ouro_ref ring = node_new(NULL, NULL);
    node_of(ring)->left = ouro_incref(ring);
    ouro_decref(ring);
    ouro_decref(make(PLAIN)); /* dies by its count, and collects */
    assert_int_equal(found_inside, 1);
    assert_int_equal(nodes_dead, 22);
    assert_int_equal(nodes_finalized, 21);
}

/* Take the garbage apart and put it together in another way, with something new in between. */
static ouro_status
mutate(ouro_loan object)
{
    struct node *node = node_of(object);
    if (node->left != NULL && node_of(node->left)->right != NULL) {
        struct node *next = node_of(node->left);
        ouro_ref swapped = next->right;
        next->right = node->right;
        node->right = swapped;
    }
    ouro_assign(&node->left, node_new(ouro_incref(object), NULL));
    return OURO_OK;
}

static void
test_finalizers_mutate_the_garbage(
    void **state) /* CycleChainFinalizationTest.test_homogenous_suicidal, and worse */
{
    const enum kind plain = PLAIN;

    (void)state;
    node_on_finalize = mutate;
    ouro_decref(build_ring(&plain, 1, 1000));
    size_t found = ouro_gc_collect(2);
    found += ouro_gc_collect(2);
    ouro_gc_collect(2);
    assert_true(found >= 1000);
    assert_int_equal(nodes_finalized, 1000);
    assert_int_equal(nodes_dead, 2000);
}

static unsigned n_unraised;

static void
note_unraised(ouro_status status, const char *where, ouro_loan object, void *context)
{
    assert_int_equal(status, OURO_FAILED);
    assert_string_equal(where, "finalize");
    assert_true(ouro_is_a(object, node_final_type));
    assert_ptr_equal(context, &n_unraised);
    n_unraised++;
}

static ouro_status
fail_when_plain(ouro_loan node)
{
    return node_of(node)->number == PLAIN ? OURO_FAILED : OURO_OK;
}

static void
test_finalizers_fail(void **state) /* test_sys.UnraisableHookTest.test_original_unraisablehook_err */
{
    const enum kind kinds[] = {PLAIN, SUICIDAL};

    (void)state;
    node_on_finalize = fail_when_plain;
    n_unraised = 0;
    ouro_set_unraisable_hook(note_unraised, &n_unraised);
    ouro_decref(build_ring(kinds, 2, 100));
    assert_int_equal(ouro_gc_collect(2), 100);
    assert_int_equal(n_unraised, 50);
    assert_int_equal(nodes_finalized, 100);
    assert_int_equal(nodes_dead, 100);
    ouro_set_unraisable_hook(NULL, NULL);
}

static ouro_status
freeze(ouro_loan node)
{
    (void)node;
    ouro_gc_freeze();
    return OURO_OK;
}

static void
test_finalizer_freezes_the_garbage(void **state) /* our own */
{
    (void)state;
    node_on_finalize = freeze;
    ouro_decref(ring_of(PLAIN, NULL));
    size_t found = ouro_gc_collect(2);
    ouro_gc_unfreeze();
    found += ouro_gc_collect(2);
    assert_int_equal(found, 1);
    assert_int_equal(nodes_dead, 1);
    assert_int_equal(nodes_finalized, 1);
}

#define DEPTH (TEST_STRESSED ? 20000 : 1000000)

static unsigned long n_collected_inside;

static ouro_status
collect_now_and_then(ouro_loan node)
{
    (void)node;
    if (nodes_finalized % 1000 == 0) {
        ouro_ref ring = node_new(NULL, NULL);
        node_of(ring)->left = ouro_incref(ring);
        ouro_decref(ring);
        n_collected_inside += ouro_gc_collect(0);
    }
    return OURO_OK;
}

static void
drop_deep(void *context)
{
    ouro_ref chain = NULL;

    (void)context;
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (int i = 0; i < DEPTH; i++) {
        chain = node_new_final(chain, NULL);
    }
    ouro_decref(chain);
    ouro_thread_detach();
}

static void
test_collections_inside_a_deep_end(void **state) /* GCTests.test_trashcan, test_trashcan_threads */
{
    (void)state;
    node_on_finalize = collect_now_and_then;
    drop_deep(NULL);
    assert_int_equal(nodes_finalized, DEPTH);
    assert_int_equal(n_collected_inside, DEPTH / 1000);
    assert_int_equal(nodes_dead, DEPTH + DEPTH / 1000);
    threads_run_detached(1, drop_deep, NULL, 0);
    assert_int_equal(nodes_finalized, 2 * DEPTH);
    assert_int_equal(nodes_dead, 2 * (DEPTH + DEPTH / 1000));
}

/* ---- what a type inherits ---- */

static void
test_finalizer_is_inherited(void **state) /* SelfCycleFinalizationTest, for a subclass */
{
    static const ouro_field fields[] = {OURO_FIELD(struct node, left)};
    ouro_type_spec spec = {.name = "parent",
                           .size = sizeof(struct node),
                           .n_fields = 1,
                           .fields = fields,
                           .flags = OURO_TYPE_BASE,
                           .finalize = finalize_leaf,
                           .dealloc = count_end};
    ouro_ref parent = NULL, child = NULL;

    (void)state;
    assert_int_equal(ouro_type_create(&spec, &parent), OURO_OK);
    spec = (ouro_type_spec){.name = "child", .size = sizeof(struct node), .base = parent};
    assert_int_equal(ouro_type_create(&spec, &child), OURO_OK);
    ouro_ref object = ouro_new(child);
    node_of(object)->left = ouro_incref(object);
    ouro_decref(object);
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(nodes_finalized, 1);
    assert_int_equal(nodes_dead, 1);
    ouro_decref(child);
    ouro_decref(parent);
}

/* ---- in which order ---- */

static char order[64];
static size_t n_order;
static ouro_ref order_refs[3];

static void
note(char what)
{
    REQUIRE(n_order < sizeof order - 1, "too much happened");
    order[n_order++] = what;
}

static void
require_no_ref(void)
{
    for (size_t i = 0; i < 3; i++) {
        REQUIRE(ouro_weakref_get(order_refs[i]) == NULL, "a weak reference still leads somewhere");
    }
}

static ouro_status
note_weakref(ouro_loan weakref, ouro_loan context)
{
    (void)weakref, (void)context;
    note('w');
    require_no_ref();
    return OURO_OK;
}

static ouro_status
note_finalizer(ouro_loan self)
{
    note('f');
    require_no_ref();
    REQUIRE(node_of(node_of(self)->left)->left != NULL, "its neighbour is cleared");
    return OURO_OK;
}

static void
note_clear(ouro_loan self)
{
    if (node_of(self)->left != NULL) {
        note('c');
        ouro_clear(&node_of(self)->left);
    }
}

static int
traverse_left(ouro_loan self, ouro_visitor visit, void *context)
{
    return node_of(self)->left != NULL ? visit(ouro_lend(node_of(self)->left), context) : 0;
}

static void
test_order(void **state) /* PEP 442, and GCTests.test_bug1055820c */
{
    ouro_ref type = NULL, nodes[3];

    (void)state;
    assert_int_equal(ouro_type_create(&(ouro_type_spec){.name = "ordered",
                                                        .size = sizeof(struct node),
                                                        .traverse = traverse_left,
                                                        .clear = note_clear,
                                                        .finalize = note_finalizer,
                                                        .dealloc = count_end},
                                      &type),
                     OURO_OK);
    for (size_t i = 0; i < 3; i++) {
        nodes[i] = ouro_new(type);
        assert_int_equal(ouro_weakref_create(nodes[i], note_weakref, NULL, &order_refs[i]), OURO_OK);
    }
    for (size_t i = 0; i < 3; i++) {
        node_of(nodes[i])->left = nodes[(i + 1) % 3];
    }
    assert_int_equal(ouro_gc_collect(2), 3);
    assert_string_equal(order, "wwwfffccc");
    assert_int_equal(nodes_dead, 3);
    for (size_t i = 0; i < 3; i++) {
        ouro_clear(&order_refs[i]);
    }
    ouro_decref(type);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_simple),
        TEST(test_not_collected),
        TEST(test_self_cycle),
        TEST(test_homogeneous_rings),
        TEST(test_mixed_rings),
        TEST(test_other_garbage_of_the_pass_goes),
        TEST(test_finalizer_resurrects_another),
        TEST(test_finalizer_makes_the_object_immortal),
        TEST(test_another_thread_lets_go_during_the_finalizer),
        TEST(test_finalizers_allocate),
        TEST(test_finalizers_collect),
        TEST(test_finalizers_mutate_the_garbage),
        TEST(test_finalizers_fail),
        TEST(test_finalizer_freezes_the_garbage),
        TEST(test_collections_inside_a_deep_end),
        TEST(test_finalizer_is_inherited),
        TEST(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
