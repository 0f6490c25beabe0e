/* test_gc_many.c - the collector and graphs of a million objects, objects that very many refer to, and threads that
 * make garbage while others collect.
 *
 * Each test names the one of CPython's Lib/test/test_gc.py that it follows; where it names none it is our own. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "nodes.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

/* ---- many ---- */

/* Less where everything is slow. */
#define A_MILLION (TEST_STRESSED ? 20000 : TEST_THREAD_SANITIZED ? 200000 : 1000000)

static void
test_a_million_in_a_ring(void **state) /* GCTests.test_trashcan, as a cycle */
{
    (void)state;
    for (int reversed = 0; reversed < 2; reversed++) {
        ouro_ref first = node_new(NULL, NULL), last = first;
        for (int i = 1; i < A_MILLION; i++) {
            if (reversed) {
                node_of(last)->left = node_new(NULL, NULL);
                last = node_of(last)->left;
            } else {
                last = node_new(last, NULL);
            }
        }
        node_of(reversed ? last : first)->left = reversed ? ouro_incref(first) : ouro_incref(last);
        assert_int_equal(ouro_gc_collect(reversed ? 0 : 2), 0);
        assert_int_equal(drop_and_collect(reversed ? first : last), A_MILLION);
        assert_int_equal(nodes_dead, A_MILLION * (reversed + 1));
    }
}

static void
test_counts_around_the_table_s_limit(
    void **state) /* our own: 4095 references and more need another table */
{
    (void)state;
    for (size_t n = 4090; n < 4100; n++) {
        ouro_ref hub = node_new(NULL, NULL), row = row_new(n);
        for (size_t i = 0; i < n; i++) {
            ((struct row *)row)->items[i] = ouro_incref(hub);
        }
        node_of(hub)->left = row;
        assert_int_equal(ouro_gc_collect(0), 0);
        assert_int_equal(ouro_gc_collect(2), 0);
        assert_int_equal(drop_and_collect(hub), 2);
    }
    assert_int_equal(nodes_dead, 20);
}

static void
test_a_wide_star(void **state) /* our own: a million objects hold one, which holds them all */
{
    (void)state;
    ouro_ref hub = node_new(NULL, NULL), row = row_new(A_MILLION);
    for (size_t i = 0; i < A_MILLION; i++) {
        ((struct row *)row)->items[i] = node_new(ouro_incref(hub), NULL);
    }
    node_of(hub)->left = row;
    assert_int_equal(ouro_gc_collect(0), 0);
    assert_int_equal(ouro_refcount(hub), A_MILLION + 1);
    ouro_ref one = ouro_incref(((struct row *)row)->items[A_MILLION / 2]);
    assert_int_equal(drop_and_collect(hub), 0); /* that one holds all */
    assert_int_equal(drop_and_collect(one), A_MILLION + 2);
    assert_int_equal(nodes_dead, A_MILLION + 2);
}

#define N_HUBS 700
#define HUB_REFS 5001

static void
test_many_hubs(void **state) /* our own: their table grows */
{
    (void)state;
    ouro_ref all = row_new(N_HUBS);
    for (size_t h = 0; h < N_HUBS; h++) {
        ouro_ref hub = node_new(row_new(HUB_REFS), NULL);
        struct row *row = (struct row *)node_of(hub)->left;
        for (size_t i = 0; i < HUB_REFS; i++) {
            row->items[i] = ouro_incref(hub);
        }
        ((struct row *)all)->items[h] = hub;
    }
    ouro_ref kept[3];
    for (size_t i = 0; i < 3; i++) {
        kept[i] = ouro_incref(((struct row *)all)->items[i * (N_HUBS - 1) / 2]);
    }
    assert_int_equal(ouro_gc_collect(1), 0);
    ouro_decref(all);
    assert_int_equal(ouro_gc_collect(2), 2 * (N_HUBS - 3));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ouro_refcount(kept[i]), HUB_REFS + 1);
        ouro_decref(kept[i]);
    }
    assert_int_equal(ouro_gc_collect(2), 6);
}

/* ---- a random graph, and what can be reached in it, found in another way ---- */

struct graph {
    size_t n;
    struct node **nodes; /* NULL: dead */
    bool *held;          /* by a reference of ours */
    bool *reached;
    size_t *stack;
};

static struct graph
graph_make(size_t n)
{
    return (struct graph){n, calloc(n, sizeof(struct node *)), calloc(n, 1), calloc(n, 1),
                          calloc(n, sizeof(size_t))};
}

static void
graph_free(const struct graph *graph)
{
    free(graph->nodes);
    free(graph->held);
    free(graph->reached);
    free(graph->stack);
}

static size_t
push(const struct graph *graph, size_t n_stack, ouro_ref ref)
{
    if (ref != NULL && !graph->reached[node_of(ref)->number]) {
        graph->reached[node_of(ref)->number] = true;
        graph->stack[n_stack++] = node_of(ref)->number;
    }
    return n_stack;
}

/* How many can be reached from those that are held. */
static size_t
graph_reach(const struct graph *graph)
{
    size_t n_stack = 0, n = 0;
    memset(graph->reached, 0, graph->n);
    for (size_t i = 0; i < graph->n; i++) {
        n_stack = graph->held[i] ? push(graph, n_stack, &graph->nodes[i]->head) : n_stack;
    }
    while (n_stack != 0) {
        const struct node *node = graph->nodes[graph->stack[--n_stack]];
        n++;
        n_stack = push(graph, n_stack, node->left);
        n_stack = push(graph, n_stack, node->right);
    }
    return n;
}

static ouro_ref
random_held(const struct graph *graph, struct test_random *random)
{
    size_t i = random_below(random, graph->n);
    return ouro_incref(&graph->nodes[i]->head);
}

static void
test_a_random_graph(void **state) /* our own, against reaching in another way */
{
    struct test_random random = {7};
    struct graph graph = graph_make(A_MILLION);

    (void)state;
    for (size_t i = 0; i < graph.n; i++) {
        graph.nodes[i] = node_of(node_new(NULL, NULL));
        graph.nodes[i]->number = i;
    }
    for (size_t i = 0; i < graph.n; i++) {
        /* Few edges: islands of many sizes, and one large part. */
        graph.nodes[i]->left = random_below(&random, 10) < 6 ? random_held(&graph, &random) : NULL;
        graph.nodes[i]->right = random_below(&random, 10) < 5 ? random_held(&graph, &random) : NULL;
    }
    for (size_t i = 0; i < graph.n; i++) {
        graph.held[i] = random_below(&random, 1000) == 0;
    }
    size_t n_reached = graph_reach(&graph);
    size_t n_kept = 0;
    for (size_t i = 0; i < graph.n; i++) {
        n_kept += graph.held[i];
    }
    assert_int_equal(ouro_gc_collect(2), 0);
    for (size_t i = 0; i < graph.n; i++) {
        if (!graph.held[i]) {
            ouro_decref(&graph.nodes[i]->head);
        }
    }
    size_t n_counted = nodes_dead;
    assert_int_equal(ouro_gc_collect(2), graph.n - n_reached - n_counted);
    assert_int_equal(nodes_dead, graph.n - n_reached);
    assert_int_equal(graph_reach(&graph), n_reached); /* all there */
    assert_true(n_kept > graph.n / 2000 && n_reached > graph.n / 10 && n_counted > graph.n / 1000);
    for (size_t i = 0; i < graph.n; i++) {
        if (graph.held[i]) {
            ouro_decref(&graph.nodes[i]->head);
        }
    }
    ouro_gc_collect(2);
    assert_int_equal(nodes_dead, graph.n);
    graph_free(&graph);
}

#define N_SLOTS 3000

/* Change a random place of the graph: what is not held any more stays if others hold it. */
static void
change_graph(struct graph *graph, struct test_random *random, struct node *roots[])
{
    size_t i = random_below(random, N_SLOTS), j = random_below(random, N_SLOTS);
    struct node *from = roots[i];
    ouro_ref *field = NULL;

    if (from != NULL) { /* a few steps away from a root */
        for (int steps = 0; steps < 4; steps++) {
            field = random_next(random) & 1 ? &from->left : &from->right;
            from = *field != NULL ? node_of(*field) : from;
        }
    }
    switch (random_below(random, 4)) {
    case 0:
        if (roots[i] == NULL) {
            roots[i] = node_of(node_new(NULL, NULL));
            roots[i]->number = (uintptr_t)graph->n++;
        }
        break;
    case 1:
        if (roots[i] != NULL && i % 10 != 0) {
            struct node *gone = roots[i];
            roots[i] = NULL;
            ouro_decref(&gone->head);
        }
        break;
    default:
        if (field != NULL && roots[j] != NULL) {
            ouro_assign(field, ouro_incref(&roots[j]->head));
        }
    }
}

/* Mark, by a number, what can be reached from the roots; how many. */
static size_t
count_reachable(struct node *roots[], uintptr_t mark, struct node **stack)
{
    size_t n_stack = 0, n = 0;
    for (size_t i = 0; i < N_SLOTS; i++) {
        struct node *start = roots[i];
        while (start != NULL || n_stack != 0) {
            struct node *node = start != NULL ? start : stack[--n_stack];
            start = NULL;
            if (node->number == mark) {
                continue;
            }
            node->number = mark;
            n++;
            if (node->left != NULL) {
                stack[n_stack++] = node_of(node->left);
            }
            if (node->right != NULL) {
                stack[n_stack++] = node_of(node->right);
            }
        }
    }
    return n;
}

static void
test_a_changing_graph(void **state) /* our own: collections of all generations between random changes */
{
    static struct node *roots[N_SLOTS];
    struct test_random random = {11};
    struct graph graph = {0};
    struct node **stack = calloc(4000000, sizeof *stack);

    (void)state;
    for (uintptr_t round = 1; round <= (TEST_STRESSED ? 40 : 400); round++) {
        for (int i = 0; i < 2000; i++) {
            change_graph(&graph, &random, roots);
        }
        size_t made = graph.n;
        size_t n = count_reachable(roots, (uintptr_t)-1 - round * 2, stack);
        assert_true(nodes_dead + n <= made);
        unsigned generation = round % 7 == 0 ? 2 : round % 3 == 0 ? 1 : 0;
        size_t dead = nodes_dead, found = ouro_gc_collect(generation);
        assert_int_equal(nodes_dead, dead + found);
        assert_int_equal(count_reachable(roots, (uintptr_t)-2 - round * 2, stack), n);
        if (generation == 2) {
            assert_int_equal(nodes_dead, made - n);
        }
    }
    for (size_t i = 0; i < N_SLOTS; i++) {
        ouro_xdecref((ouro_ref)roots[i]);
    }
    ouro_gc_collect(2);
    assert_int_equal(nodes_dead, graph.n);
    free(stack);
}

/* ---- threads ---- */

static void
make_rings(void *context)
{
    ouro_ref *kept = context;
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    ouro_ref ring = node_new(NULL, NULL);
    node_of(ring)->left = node_new(ouro_incref(ring), NULL);
    ouro_decref(ring); /* garbage */
    *kept = node_new(NULL, NULL);
    node_of(*kept)->left = node_new(ouro_incref(*kept), NULL);
    ouro_thread_detach();
}

/* Run it in another thread, while this one is detached. */
static void
elsewhere(thread_main run, void *context)
{
    threads_run_detached(1, run, context, 0);
}

static void
test_garbage_of_a_thread_that_ended(void **state) /* our own */
{
    ouro_ref kept = NULL;

    (void)state;
    elsewhere(make_rings, &kept);
    assert_int_equal(ouro_gc_collect(0), 2);
    assert_int_equal(drop_and_collect(kept), 2);
    assert_int_equal(nodes_dead, 4);
}

static void
let_go(void *object)
{
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    ouro_decref(object);
    ouro_thread_detach();
}

static void
let_go_and_collect(void *object)
{
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    ouro_decref(object);
    REQUIRE(ouro_gc_collect(2) == 2, "not found");
    ouro_thread_detach();
}

static void
test_garbage_let_go_of_by_another_thread(void **state) /* our own: the reference waits for its owner */
{
    (void)state;
    for (int by_owner = 0; by_owner < 2; by_owner++) {
        nodes_dead = 0;
        ouro_ref ring = node_new(NULL, NULL);
        node_of(ring)->left = node_new(ouro_incref(ring), NULL);
        elsewhere(by_owner ? let_go : let_go_and_collect, ring);
        if (by_owner) {
            assert_int_equal(ouro_gc_collect(2), 2);
        }
        assert_int_equal(nodes_dead, 2);
    }
}

#define N_THREADS 4
#define N_SHARED 64
#define N_TRADES (TEST_STRESSED ? 1000 : 20000)

static struct {
    ouro_object *holder; /* whose lock guards the slots */
    ouro_ref slots[N_SHARED];
    unsigned long n_made, n_found;
} shared;

static void
trade(void *context)
{
    struct test_random random = {*(uint64_t *)context};

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (int i = 0; i < N_TRADES; i++) {
        ouro_ref a = node_new(NULL, NULL), b = node_new_final(NULL, NULL);
        node_of(a)->left = b;
        node_of(b)->left = ouro_incref(a);
        size_t slot = random_below(&random, N_SHARED);
        ouro_lock(ouro_lend(shared.holder));
        ouro_ref before = shared.slots[slot];
        shared.slots[slot] = a;
        ouro_unlock(ouro_lend(shared.holder));
        if (before != NULL && random_next(&random) & 1) { /* a longer ring */
            node_of(b)->right = before;
        } else {
            ouro_xdecref(before);
        }
        if (random_below(&random, 500) == 0) {
            size_t n = ouro_gc_collect((unsigned)random_below(&random, 3));
            __atomic_fetch_add(&shared.n_found, n, __ATOMIC_RELAXED);
        }
        ouro_safepoint();
    }
    __atomic_fetch_add(&shared.n_made, 2 * N_TRADES, __ATOMIC_RELAXED);
    ouro_thread_detach();
}

/* What all collections have found so far, those that began by themselves among them. */
static uint64_t
n_collected(void)
{
    ouro_gc_stats stats[OURO_GENERATIONS];
    ouro_gc_get_stats(stats);
    return stats[0].n_collected + stats[1].n_collected + stats[2].n_collected;
}

static void
test_threads_make_garbage_and_collect(void **state) /* test_free_threading.test_gc, TestGC */
{
    uint64_t seeds[N_THREADS] = {1, 2, 3, 4}, n_before = n_collected();

    (void)state;
    shared.holder = leaf_new(1);
    ouro_gc_enable();
    threads_run_detached(N_THREADS, trade, seeds, sizeof seeds[0]);
    for (size_t i = 0; i < N_SHARED; i++) {
        ouro_clear(&shared.slots[i]);
    }
    ouro_safepoint();
    ouro_gc_collect(2);
    assert_int_equal(shared.n_made, 2 * N_TRADES * N_THREADS);
    assert_int_equal(nodes_dead, shared.n_made);
    assert_int_equal(nodes_finalized, shared.n_made / 2);
    assert_true(n_collected() > n_before && shared.n_found <= n_collected() - n_before);
    ouro_clear(&shared.holder);
}

/* The other thread asks while a collection of this one has begun: it gets 0, at once. */
struct second {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_wanted, is_done;
    size_t found;
};

static void
collect_second(void *context)
{
    struct second *second = context;
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    pthread_mutex_lock(&second->lock);
    while (!second->is_wanted) {
        pthread_mutex_unlock(&second->lock);
        ouro_safepoint();
        pthread_mutex_lock(&second->lock);
    }
    pthread_mutex_unlock(&second->lock);
    second->found = ouro_gc_collect(2);
    pthread_mutex_lock(&second->lock);
    second->is_done = true;
    pthread_cond_signal(&second->changed);
    pthread_mutex_unlock(&second->lock);
    ouro_thread_detach();
}

static struct second second = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static ouro_status
wait_for_second(ouro_loan node)
{
    (void)node;
    pthread_mutex_lock(&second.lock);
    second.is_wanted = true;
    while (!second.is_done) {
        pthread_cond_wait(&second.changed, &second.lock);
    }
    pthread_mutex_unlock(&second.lock);
    return OURO_OK;
}

static void
test_one_collects_at_a_time(void **state) /* our own; gc.collect() does so */
{
    (void)state;
    second.found = 1234;
    node_on_finalize = wait_for_second;
    ouro_ref node = node_new_final(NULL, NULL);
    node_of(node)->left = ouro_incref(node);
    struct threads *threads = threads_start(1, collect_second, &second, 0);
    assert_int_equal(drop_and_collect(node), 1);
    ouro_thread_detach();
    threads_join(threads);
    assert_int_equal(ouro_thread_attach(), OURO_OK);
    assert_int_equal(second.found, 0);
}

#define TEST(test) cmocka_unit_test_setup(test, gc_setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_million_in_a_ring),
        TEST(test_counts_around_the_table_s_limit),
        TEST(test_a_wide_star),
        TEST(test_many_hubs),
        TEST(test_a_random_graph),
        TEST(test_a_changing_graph),
        TEST(test_garbage_of_a_thread_that_ended),
        TEST(test_garbage_let_go_of_by_another_thread),
        TEST(test_threads_make_garbage_and_collect),
        TEST(test_one_collects_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
