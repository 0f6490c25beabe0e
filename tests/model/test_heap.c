/* test_heap.c - the heap against a naive oracle, over millions of random operations.
 *
 * usage: model_heap [SEED...]
 * OURO_MODEL_OPS sets how many operations a run has; a run that fails has printed its seed, with which it
 * fails again.
 *
 * ctest: timeout=900 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ouro/heap.h>

#include "oracle.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "runs.h"
#include "threads.h"

#define MIB ((uint64_t)1 << 20)

enum { MOST_BLOCKS = TEST_STRESSED ? 2000 : 20000 };

struct run {
    const char *name;
    ouro_heap_config config;
    uint64_t seed;
    uint64_t n_operations;
    bool shared_by_threads; /* then others use the heap, and no figure is only ours */
    ouro_heap *heap;
};

enum free_order { FREE_ANY, FREE_NEWEST, FREE_OLDEST };

/* The state of a run that changes its mind: how many blocks it wants, and how often it does what. */
struct phase {
    uint64_t until;
    size_t goal; /* blocks */
    size_t most; /* bytes a block */
    unsigned per_mille_realloc, per_mille_zeroed, per_mille_aligned;
    int order; /* enum free_order */
};

static struct phase
choose_phase(struct test_random *random, uint64_t now)
{
    static const size_t mosts[] = {512, 8192, 8192, OURO_POOLED_MAX, 8 << 20, 8 << 20};
    struct phase phase = {
        .until = now + 2000 + random_below(random, 60000),
        .goal = random_below(random, 4) == 0 ? 0 : random_between_log(random, 16, MOST_BLOCKS),
        .most = mosts[random_below(random, sizeof mosts / sizeof mosts[0])],
        .per_mille_realloc = (unsigned)random_below(random, 200),
        .per_mille_zeroed = (unsigned)random_below(random, 60),
        .per_mille_aligned = (unsigned)random_below(random, 20),
        .order = (int)random_below(random, 3),
    };
    return phase;
}

/* Which block goes next. */
static size_t
choose_block(struct test_random *random, const struct oracle *oracle, const struct phase *phase)
{
    size_t n = oracle->n_blocks;
    size_t near = random_below(random, n < 8 ? n : 8);
    return phase->order == FREE_NEWEST   ? n - 1 - near
           : phase->order == FREE_OLDEST ? near
                                         : random_below(random, n);
}

static void
allocate_something(struct test_random *random, struct oracle *oracle, const struct phase *phase)
{
    ouro_domain domain = random_domain(random);
    size_t size = random_python_size(random, phase->most);
    uint64_t dice = random_below(random, 1000);
    if (oracle->asked_bytes + size > 96 * MIB) { /* tests share a machine */
        size %= 512;
    }
    if (dice < phase->per_mille_zeroed) {
        size_t count = random_below(random, 4) == 0 ? 1 + random_below(random, 8) : 1;
        oracle_alloc_zeroed(oracle, domain, count, size / count);
    } else if (dice < phase->per_mille_zeroed + phase->per_mille_aligned) {
        size_t alignment = (size_t)1 << random_below(random, random_below(random, 8) == 0 ? 22 : 13);
        oracle_alloc_aligned(oracle, domain, alignment, size);
    } else {
        oracle_alloc(oracle, domain, size);
    }
}

static void
reallocate_something(struct test_random *random, struct oracle *oracle, const struct phase *phase)
{
    size_t index = choose_block(random, oracle, phase);
    size_t now = oracle->blocks[index].size, size;
    switch (random_below(random, 4)) {
    case 0:
        size = now + now / 8 + 6;
        break;
    case 1:
        size = now / 2;
        break;
    case 2:
        size = now + random_below(random, 64);
        break;
    default:
        size = random_python_size(random, phase->most);
        break;
    }
    if (size > now && oracle->asked_bytes + size > 128 * MIB) {
        size = now / 2;
    }
    oracle_realloc(oracle, index, size);
}

/* Now and then: a limit near what is held, or none. */
static void
change_limit(struct test_random *random, struct oracle *oracle)
{
    ouro_heap_stats stats;
    ouro_heap_get_stats(oracle->heap, &stats);
    uint64_t limit = 0;
    if (random_below(random, 2) == 0) {
        limit = stats.live_bytes / 2 + random_below(random, stats.live_bytes + 4 * MIB);
    }
    ouro_heap_set_limit(oracle->heap, limit);
    oracle->may_refuse = limit != 0;
    ouro_heap_get_stats(oracle->heap, &stats);
    REQUIRE(stats.limit_bytes == limit, "%" PRIu64 " is not %" PRIu64, stats.limit_bytes, limit);
}

/* What is asked of the whole heap between the operations. */
static void
look_after(struct test_random *random, struct oracle *oracle, bool alone)
{
    uint64_t dice = random_below(random, 100);
    if (dice < 30) {
        (void)ouro_heap_trim(oracle->heap);
    } else if (dice < 45 && alone) {
        change_limit(random, oracle);
    } else if (dice < 65 && alone) {
        oracle_check_walk(oracle);
    } else if (dice < 85 && alone) {
        oracle_check_stats(oracle);
    } else if (dice < 95) {
        oracle_check_intervals(oracle);
    } else {
        oracle_check_blocks(oracle);
    }
}

static void
operate(struct run *run)
{
    struct test_random random = {run->seed};
    struct phase phase = {0};
    struct oracle oracle;
    oracle_init(&oracle, run->heap, run->name, MOST_BLOCKS);
    oracle.debug = run->config.debug;
    for (uint64_t i = 0; i < run->n_operations; i++) {
        if (i >= phase.until) {
            phase = choose_phase(&random, i);
        }
        uint64_t dice = random_below(&random, 1000);
        bool above = oracle.n_blocks > phase.goal;
        if (oracle.n_blocks > 0 && dice < phase.per_mille_realloc) {
            reallocate_something(&random, &oracle, &phase);
        } else if (oracle.n_blocks == MOST_BLOCKS ||
                   (oracle.n_blocks > 0 && random_below(&random, 100) < (above ? 65 : 40))) {
            oracle_free(&oracle, choose_block(&random, &oracle, &phase));
        } else {
            allocate_something(&random, &oracle, &phase);
        }
        if (random_below(&random, 8192) == 0) {
            look_after(&random, &oracle, !run->shared_by_threads);
        }
    }
    if (!run->shared_by_threads) {
        oracle_check_all(&oracle);
    }
    oracle_free_all(&oracle);
    if (!run->shared_by_threads) {
        oracle_check_all(&oracle);
    }
    oracle_fini(&oracle);
}

static void
run_alone(const char *name, ouro_heap_config config, uint64_t seed, uint64_t n_operations)
{
    uint64_t began = clock_ms();
    struct run run = {.name = name, .config = config, .seed = seed, .n_operations = n_operations};
    run.heap = ouro_heap_create(&config);
    REQUIRE(run.heap != NULL, "no heap");
    printf("%-24s seed %-10" PRIu64 " %9" PRIu64 " operations", name, seed, n_operations);
    fflush(stdout);
    operate(&run);
    ouro_heap_destroy(run.heap);
    printf(" %6" PRIu64 " ms\n", clock_ms() - began);
}

static void
operate_in_thread(void *context)
{
    operate(context);
}

/* Four threads with an oracle each on one heap. */
static void
run_together(const char *name, ouro_heap_config config, uint64_t seed, uint64_t n_operations)
{
    enum { N = 4 };
    uint64_t began = clock_ms();
    struct run runs[N];
    ouro_heap *heap = ouro_heap_create(&config);
    REQUIRE(heap != NULL, "no heap");
    printf("%-24s seed %-10" PRIu64 " %9" PRIu64 " operations", name, seed, n_operations);
    fflush(stdout);
    for (size_t i = 0; i < N; i++) {
        runs[i] = (struct run){.name = name,
                               .config = config,
                               .seed = seed * N + i,
                               .n_operations = n_operations / N,
                               .shared_by_threads = true,
                               .heap = heap};
    }
    threads_run(N, operate_in_thread, runs, sizeof runs[0]);
    ouro_heap_stats stats;
    ouro_heap_get_stats(heap, &stats);
    stats_check(name, &stats, config.debug);
    REQUIRE(stats.live_bytes == 0, "%" PRIu64 " bytes live", stats.live_bytes);
    ouro_heap_destroy(heap);
    printf(" %6" PRIu64 " ms\n", clock_ms() - began);
}

static void
run_all(uint64_t seed, uint64_t n)
{
    const ouro_heap_config exclusive = {.kind = OURO_HEAP_EXCLUSIVE},
                           shared = {.kind = OURO_HEAP_SHARED};
    const ouro_heap_config exclusive_debug = {.kind = OURO_HEAP_EXCLUSIVE, .debug = true},
                           shared_debug = {.kind = OURO_HEAP_SHARED, .debug = true};
    run_alone("exclusive", exclusive, seed, n);
    run_alone("shared", shared, seed, n / 2);
    run_together("shared by threads", shared, seed, n);
    run_alone("exclusive debug", exclusive_debug, seed, n / 10);
    run_together("shared debug by threads", shared_debug, seed, n / 10);
}

int
main(int argc, char **argv)
{
    return runs_main(argc, argv, 6000000, run_all);
}
