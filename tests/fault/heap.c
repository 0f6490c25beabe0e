/* heap.c - the system refuses request N for memory, for every N: the heap says NULL and stays whole.
 *
 * A scenario runs again and again, with a refusal one request later each time, until it runs through
 * without one.  Whatever is refused, the oracle knows what lives, and at the end all must add up and go. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ouro/heap.h>

#include "child.h"
#include "kinds.h"
#include "oracle.h"
#include "pattern.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

#define MIB ((size_t)1 << 20)

/* Of the os layer, in builds for this test: requests so far, and the one that is refused (0: none). */
extern long ouro__os_calls;
extern long ouro__os_fail_at;

struct scenario {
    ouro_heap_config config;
    void (*play)(const struct scenario *scenario, ouro_heap *heap);
};

/* From request N on, refuse one; `play` must cope. */
static void
run_scenario(const struct scenario *scenario, long fail_at)
{
    ouro__os_calls = 0;
    ouro__os_fail_at = fail_at;
    ouro_heap *heap = ouro_heap_create(&scenario->config);
    if (heap != NULL) {
        scenario->play(scenario, heap);
        ouro_heap_destroy(heap);
    } else {
        REQUIRE(ouro__os_calls >= fail_at, "no heap, though nothing was refused");
    }
    ouro__os_fail_at = 0;
}

struct attempt {
    const struct scenario *scenario;
    long fail_at;
};

static void
run_in_child(void *context)
{
    const struct attempt *attempt = context;
    run_scenario(attempt->scenario, attempt->fail_at);
    if (ouro__os_calls < attempt->fail_at) {
        _exit(77); /* ran through: nothing was left to refuse */
    }
}

/* Each N in a child of its own, whose range is new: so that the first requests can be refused, too. */
static void
refuse_each_in_children(const struct scenario *scenario)
{
    long most = (long)test_count("OURO_FAULT_MOST", 2000);
    for (long n = 1; n <= most; n++) {
        struct attempt attempt = {scenario, n};
        struct child_end end = child_run(run_in_child, &attempt, 120);
        if (end.code == 77) {
            print_message("%ld requests were refused, one at a time\n", n - 1);
            assert_true(n > 3);
            return;
        }
        if (end.code != 0) {
            fail_msg("request %ld: signal %d, code %d: %s", n, end.signal, end.code, end.text);
        }
    }
}

static void
run_each(void *context)
{
    const struct scenario *scenario = context;
    long most = (long)test_count("OURO_FAULT_MOST", 2000);
    for (long n = 1; n <= most; n++) {
        run_scenario(scenario, n);
        if (ouro__os_calls < n) {
            return;
        }
    }
}

/* And all in one process, on what the runs before have left; a child, so that this process never has a heap
 * and the children above begin with nothing. */
static void
refuse_each_in_turn(struct scenario *scenario)
{
    struct child_end end = child_run(run_each, scenario, 300);
    if (end.signal != 0 || end.code != 0) {
        fail_msg("in turn: signal %d, code %d: %s", end.signal, end.code, end.text);
    }
}

/* ---- scenarios ---- */

static void
finish(struct oracle *oracle)
{
    ouro__os_fail_at = 0;
    oracle->may_refuse = false;
    oracle_check_all(oracle);
    for (int i = 0; i < 100 && oracle->n_blocks < oracle->capacity; i++) { /* and the heap goes on */
        oracle_alloc(oracle, OURO_DOMAIN_MEM, (size_t)i * 1500);
    }
    oracle_check_all(oracle);
    oracle_free_all(oracle);
    (void)ouro_heap_trim(oracle->heap);
    oracle_check_all(oracle);
    oracle_fini(oracle);
}

static void
init_oracle(struct oracle *oracle, const struct scenario *scenario, ouro_heap *heap)
{
    oracle_init(oracle, heap, "a refused heap", 30000);
    oracle->debug = scenario->config.debug;
    oracle->may_refuse = true;
}

static void
play_growth(const struct scenario *scenario, ouro_heap *heap)
{
    struct oracle oracle;
    init_oracle(&oracle, scenario, heap);
    struct test_random random = {1};
    for (int i = 0; i < 20000; i++) {
        oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 8192));
    }
    finish(&oracle);
}

static void
play_everything(const struct scenario *scenario, ouro_heap *heap)
{
    struct oracle oracle;
    init_oracle(&oracle, scenario, heap);
    struct test_random random = {2};
    for (int i = 0; i < 6000; i++) {
        uint64_t dice = random_below(&random, 100);
        size_t size = random_python_size(&random, 4 * MIB);
        if (oracle.n_blocks > 0 && dice < 25) {
            oracle_free(&oracle, random_below(&random, oracle.n_blocks));
        } else if (oracle.n_blocks > 0 && dice < 40) {
            oracle_realloc(&oracle, random_below(&random, oracle.n_blocks), size);
        } else if (dice < 50) {
            oracle_alloc_zeroed(&oracle, random_domain(&random), 1, size);
        } else if (dice < 55) {
            oracle_alloc_aligned(&oracle, random_domain(&random),
                                 (size_t)1 << random_below(&random, 22), size);
        } else {
            oracle_alloc(&oracle, random_domain(&random), size);
        }
        if (i % 500 == 499) {
            (void)ouro_heap_trim(heap);
            oracle_check_all(&oracle);
        }
    }
    finish(&oracle);
}

/* Large blocks that grow by turns: in place, by moving pages, by copying. */
static void
play_large_growth(const struct scenario *scenario, ouro_heap *heap)
{
    struct oracle oracle;
    init_oracle(&oracle, scenario, heap);
    for (int i = 0; i < 4; i++) {
        oracle_alloc(&oracle, OURO_DOMAIN_RAW, 100000);
    }
    for (size_t size = 150000; size < 10 * MIB; size += size / 2) {
        for (size_t i = 0; i < oracle.n_blocks; i++) {
            oracle_realloc(&oracle, i, size);
        }
        oracle_check_blocks(&oracle);
    }
    finish(&oracle);
}

struct part {
    ouro_heap *heap;
    uint64_t seed;
    bool debug;
};

static void
play_part(void *context)
{
    struct part *part = context;
    struct test_random random = {part->seed};
    struct oracle oracle;
    oracle_init(&oracle, part->heap, "a refused thread", 1000);
    oracle.debug = part->debug;
    oracle.may_refuse = true;
    for (int i = 0; i < 1000; i++) {
        if (oracle.n_blocks > 0 && random_below(&random, 3) == 0) {
            oracle_free(&oracle, random_below(&random, oracle.n_blocks));
        } else {
            oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 200000));
        }
    }
    oracle_check_blocks(&oracle);
    oracle_free_all(&oracle);
    oracle_fini(&oracle);
}

/* Threads one after the other, so that requests come in the same order each time: their own records are
 * among what is refused. */
static void
play_threads(const struct scenario *scenario, ouro_heap *heap)
{
    for (uint64_t i = 0; i < 6; i++) {
        struct part part = {heap, i, scenario->config.debug};
        threads_run(1, play_part, &part, 0);
    }
    ouro_heap_stats stats;
    ouro_heap_get_stats(heap, &stats);
    stats_check("after refused threads", &stats, scenario->config.debug);
    REQUIRE(stats.live_bytes == 0, "%llu bytes live", (unsigned long long)stats.live_bytes);
}

static void
refuse_on_each_kind(void (*play)(const struct scenario *, ouro_heap *), bool threads)
{
    struct kind *kinds[] = {&kind_shared, &kind_shared_debug, &kind_exclusive, &kind_exclusive_debug};
    for (size_t i = 0; i < (threads ? 2 : 4); i++) {
        struct scenario scenario = {kinds[i]->config, play};
        refuse_each_in_children(&scenario);
        refuse_each_in_turn(&scenario);
    }
}

static void
test_growth(void **state)
{
    (void)state;
    refuse_on_each_kind(play_growth, false);
}

static void
test_everything(void **state)
{
    (void)state;
    refuse_on_each_kind(play_everything, false);
}

static void
test_large_growth(void **state)
{
    (void)state;
    refuse_on_each_kind(play_large_growth, false);
}

static void
test_threads(void **state)
{
    (void)state;
    refuse_on_each_kind(play_threads, true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_large_growth),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
