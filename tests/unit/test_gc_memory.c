/* test_gc_memory.c - without memory nothing new is made, and what dies still dies as it should.
 *
 * Follows CPython's Lib/test/test_weakref.py, ReferencesTestCase.test_clearing_weakrefs_in_gc and
 * test_no_memory_when_clearing. */
#include <stdlib.h>
#include <sys/resource.h>

#include "cm.h"
#include "child.h"
#include "nodes.h"
#include "process.h"
#include "require.h"

#define LIMIT ((size_t)64 << 20)

static int
setup(void **state)
{
    static bool is_made;
    if (!is_made) {
        REQUIRE(ouro_init(&(ouro_config){.limit = LIMIT}) == OURO_OK, "no memory to begin with");
        is_made = true;
    }
    return gc_setup(state);
}

/* Nodes until there is no memory for one more, each holding the one before. */
static ouro_ref
fill(size_t *n)
{
    ouro_ref chain = NULL, next = NULL;
    for (*n = 0; (next = ouro_new(node_type)) != NULL; ++*n) {
        node_of(next)->left = chain;
        chain = next;
    }
    return chain;
}

static unsigned n_called;

static ouro_status
count_call(ouro_loan weakref, ouro_loan context)
{
    (void)context;
    REQUIRE(ouro_weakref_get(weakref) == NULL, "the object is not dead");
    n_called++;
    return OURO_OK;
}

#define MAX_REFS 100000

static void
test_clearing_needs_no_memory(void **state)
{
    ouro_ref *refs = calloc(MAX_REFS, sizeof *refs);
    size_t n_filled, n = 0;

    (void)state;
    ouro_ref simple = node_new(NULL, NULL), ring = node_new_final(NULL, NULL);
    node_of(ring)->left = ouro_incref(ring);
    for (; n < 20; n++) {
        assert_int_equal(ouro_weakref_create(n & 1 ? simple : ring, count_call, NULL, &refs[n]),
                         OURO_OK);
    }
    ouro_ref filling = fill(&n_filled);
    assert_true(n_filled > 1000);
    ouro_status status = OURO_OK;
    while (n < MAX_REFS && status == OURO_OK) {
        status = ouro_weakref_create(n & 1 ? simple : ring, count_call, NULL, &refs[n]);
        n += status == OURO_OK;
    }
    assert_int_equal(status, OURO_NO_MEMORY);
    assert_null(refs[n]); /* untouched */
    assert_int_equal(ouro_weakref_count(simple), n / 2);
    ouro_decref(simple);
    assert_int_equal(n_called, n / 2);
    ouro_decref(ring);
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_int_equal(n_called, n);
    assert_int_equal(nodes_finalized, 1);
    ouro_decref(filling);
    assert_int_equal(nodes_dead, n_filled + 2);
    while (n != 0) {
        ouro_decref(refs[--n]);
    }
    ouro_decref(node_new(NULL, NULL)); /* memory is back */
    free(refs);
}

static void
test_all_of_it_is_garbage(void **state)
{
    size_t n, again;

    (void)state;
    for (int round = 0; round < 3; round++) {
        ouro_ref chain = fill(&n), last = chain;
        while (node_of(last)->left != NULL) {
            last = ouro_lend(node_of(last)->left);
        }
        node_of(last)->left = chain;
        assert_int_equal(ouro_gc_collect(round == 1 ? 0 : 2), n);
        assert_int_equal(nodes_dead, n);
        chain = fill(&again);
        assert_true(again >= n - n / 100);
        nodes_dead = 0;
        ouro_decref(chain);
        assert_int_equal(nodes_dead, again);
        nodes_dead = 0;
    }
}

/* The system gives nothing either: the collector's own lists are short, and it takes a few collections. */
static void
collect_without_the_system(void *context)
{
    size_t n = 0;

    (void)context;
    ouro_ref kept = node_new(NULL, NULL);
    for (; n < 100000; n++) {
        ouro_ref ring = ouro_new(n % 5 == 0 ? node_final_type : node_type);
        ouro_ref other = ring != NULL ? ouro_new(node_type) : NULL;
        if (other == NULL) {
            ouro_xdecref(ring);
            break;
        }
        node_of(ring)->left = other;
        node_of(other)->left = ring; /* which nobody else holds */
    }
    REQUIRE(n > 500, "no memory for more than %zu", n);
    nodes_dead = nodes_finalized = 0;
    struct rlimit nothing = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
    REQUIRE(setrlimit(RLIMIT_AS, &nothing) == 0, "no limit");
    size_t found = 0;
    for (size_t more = 1; more != 0;) {
        more = ouro_gc_collect(2);
        found += more;
    }
    REQUIRE(found == 2 * n, "%zu found, %zu made", found, 2 * n);
    REQUIRE(nodes_dead == 2 * n && nodes_finalized == (n + 4) / 5, "not all are dead");
    ouro_decref(kept);
}

static void
test_collections_need_no_memory(void **state)
{
    (void)state;
    if (TEST_ADDRESS_SANITIZED || TEST_THREAD_SANITIZED) {
        skip(); /* their runtimes need memory */
    }
    struct child_end end = child_run(collect_without_the_system, NULL, 50);
    assert_string_equal(end.text, "");
    assert_int_equal(end.code, 0);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_clearing_needs_no_memory),
        TEST(test_all_of_it_is_garbage),
        TEST(test_collections_need_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
