/* test_heap_fork.c - fork with threads at work: the child's heap is whole, whatever they were doing.
 *
 * ctest: timeout=600 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ouro/heap.h>

#include "child.h"
#include "kinds.h"
#include "oracle.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

enum { N_THREADS = 8, N_INHERITED = 2000 };

struct busy {
    ouro_heap *heap;
    uint64_t seed;
    atomic_bool *stop;
};

/* Allocate, grow, free, trim, ask: whatever takes a lock somewhere. */
static void
keep_busy(void *context)
{
    struct busy *busy = context;
    struct test_random random = {busy->seed};
    struct oracle oracle;
    oracle_init(&oracle, busy->heap, "a busy thread", 500);
    while (!atomic_load_explicit(busy->stop, memory_order_relaxed)) {
        uint64_t dice = random_below(&random, 1000);
        if (oracle.n_blocks == 500 || (oracle.n_blocks > 0 && dice < 450)) {
            oracle_free(&oracle, random_below(&random, oracle.n_blocks));
        } else if (oracle.n_blocks > 0 && dice < 550) {
            oracle_realloc(&oracle, random_below(&random, oracle.n_blocks),
                           random_python_size(&random, 200000));
        } else if (dice < 552) {
            (void)ouro_heap_trim(busy->heap);
        } else if (dice < 554) {
            ouro_heap_stats stats;
            ouro_heap_get_stats(busy->heap, &stats);
        } else {
            oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 200000));
        }
    }
    oracle_free_all(&oracle);
    oracle_fini(&oracle);
}

struct family {
    ouro_heap *heap;
    struct oracle inherited; /* what the forking thread has allocated */
    uint64_t seed;
    uint64_t n_operations;
    unsigned generations;
    bool start_threads;
};

static void
live_on(struct family *family, size_t most)
{
    struct test_random random = {family->seed};
    struct oracle oracle;
    oracle_init(&oracle, family->heap, "the child", most);
    for (uint64_t i = 0; i < family->n_operations; i++) {
        if (oracle.n_blocks == most || (oracle.n_blocks > 0 && random_below(&random, 2) == 0)) {
            oracle_free(&oracle, random_below(&random, oracle.n_blocks));
        } else {
            oracle_alloc(&oracle, random_domain(&random),
                         random_python_size(&random, i % 16 == 0 ? 200000 : 600));
        }
        if (i % 64 == 0 && family->inherited.n_blocks > 0) {
            oracle_free(&family->inherited, random_below(&random, family->inherited.n_blocks));
        }
    }
    oracle_check_blocks(&oracle);
    oracle_free_all(&oracle);
    oracle_fini(&oracle);
}

static void
run_busy_for_a_moment(void *context)
{
    struct family family =
        *(struct family *)context; /* the inherited blocks belong to one thread only */
    family.inherited.n_blocks = 0;
    live_on(&family, 300);
}

/* What a child does: use the heap, also the blocks from before, also from threads and grandchildren. */
static void
be_child(void *context)
{
    struct family *family = context;
    oracle_check_blocks(&family->inherited);
    live_on(family, 1000);
    if (family->start_threads) {
        struct family copies[3] = {*family, *family, *family};
        threads_run(3, run_busy_for_a_moment, copies, sizeof copies[0]);
    }
    ouro_heap_stats stats;
    ouro_heap_get_stats(family->heap, &stats);
    (void)ouro_heap_trim(family->heap);
    oracle_check_blocks(&family->inherited);
    if (family->generations > 0) {
        family->generations--;
        family->start_threads = false;
        struct child_end end = child_run(be_child, family, 120);
        REQUIRE(end.signal == 0 && end.code == 0, "grandchild: signal %d, code %d: %s", end.signal,
                end.code, end.text);
    }
    oracle_free_all(&family->inherited);
    ouro_heap_get_stats(family->heap, &stats);
    for (int d = 0; d < OURO_N_DOMAINS; d++) {
        /* Threads that were not copied may each have been half-way through something. */
        int64_t apart =
            (int64_t)(stats.domain[d].n_allocs - stats.domain[d].n_frees - stats.domain[d].live_blocks);
        REQUIRE(apart >= -N_THREADS && apart <= N_THREADS,
                "the child's figures are %lld apart in domain %d", (long long)apart, d);
    }
}

static void
init_family(struct family *family, const struct fixture *fixture, uint64_t n_operations)
{
    struct test_random random = {test_seed(91)};
    memset(family, 0, sizeof *family);
    family->heap = fixture->heap;
    family->n_operations = n_operations;
    oracle_init(&family->inherited, fixture->heap, "the parent's blocks", N_INHERITED);
    family->inherited.debug = fixture->kind->config.debug;
    for (size_t i = 0; i < N_INHERITED; i++) {
        oracle_alloc(&family->inherited, random_domain(&random), random_python_size(&random, 200000));
    }
}

static void
fork_and_require(struct family *family, const char *when)
{
    struct child_end end = child_run(be_child, family, 120);
    REQUIRE(end.signal == 0 && end.code == 0, "%s: signal %d, code %d: %s", when, end.signal, end.code,
            end.text);
    oracle_check_blocks(&family->inherited); /* what the child did is none of ours */
}

static void
test_fork_alone(void **state)
{
    struct fixture *fixture = *state;
    static struct family family;
    init_family(&family, fixture, test_count(NULL, 50000));
    for (unsigned i = 0; i < 5; i++) {
        family.seed = test_seed(92) + i;
        family.generations = i % 3;
        fork_and_require(&family, "alone");
    }
    oracle_check_all(&family.inherited);
    oracle_free_all(&family.inherited);
    oracle_check_all(&family.inherited);
    oracle_fini(&family.inherited);
}

static void
test_fork_while_threads_work(void **state)
{
    struct fixture *fixture = *state;
    static struct family family;
    struct busy busy[N_THREADS];
    atomic_bool stop = false;
    bool debug = fixture->kind->config.debug;
    uint64_t most = test_count(NULL, debug ? 20000 : 100000);
    init_family(&family, fixture, most);
    for (size_t i = 0; i < N_THREADS; i++) {
        busy[i] = (struct busy){.heap = fixture->heap, .seed = test_seed(93) + i, .stop = &stop};
    }
    struct threads *threads = threads_start(N_THREADS, keep_busy, busy, sizeof busy[0]);
    uint64_t n_forks = test_count("OURO_TEST_FORKS", debug ? 40 : 200);
    for (uint64_t i = 0; i < n_forks; i++) {
        family.seed = test_seed(94) + i;
        family.n_operations = i % 4 == 0 ? most : most / 8 + 1;
        family.generations = i % 16 == 0 ? 1 : 0;
        /* ThreadSanitizer does not let a child of a threaded process start threads, and AddressSanitizer's
         * own allocator stays locked there for ever. */
        family.start_threads = i % 8 == 0 && !TEST_THREAD_SANITIZED && !TEST_ADDRESS_SANITIZED;
        fork_and_require(&family, "while threads work");
    }
    atomic_store(&stop, true);
    threads_join(threads);
    oracle_check_walk(&family.inherited); /* nothing of the threads' is left */
    oracle_free_all(&family.inherited);
    oracle_check_walk(&family.inherited);
    oracle_fini(&family.inherited);
}

/* Threads that fork, each at its own pace. */
static void
fork_from_a_thread(void *context)
{
    struct family *family = context;
    for (int i = 0; i < 5; i++) {
        family->seed++;
        fork_and_require(family, "from a thread");
    }
    oracle_free_all(&family->inherited);
    oracle_fini(&family->inherited);
}

static void
test_threads_that_fork(void **state)
{
    struct fixture *fixture = *state;
    enum { N = 4 };
    static struct family families[N];
    for (size_t i = 0; i < N; i++) {
        init_family(&families[i], fixture, test_count(NULL, 20000));
        families[i].seed = test_seed(95) + 1000 * i;
    }
    threads_run(N, fork_from_a_thread, families, sizeof families[0]);
    ouro_heap_stats stats;
    ouro_heap_get_stats(fixture->heap, &stats);
    assert_int_equal(stats.live_bytes, 0);
}

/* Threads that make many blocks, hand them over, and wait. */
enum { N_MAKERS = 4, N_MADE = 40000, MADE_SIZE = 200 };

struct maker {
    ouro_heap *heap;
    void **blocks;
    atomic_size_t *n_ready;
    atomic_bool *stop;
};

static void
make_and_wait(void *context)
{
    struct maker *maker = context;
    for (size_t i = 0; i < N_MADE; i++) {
        maker->blocks[i] = ouro_heap_alloc(maker->heap, OURO_DOMAIN_RAW, MADE_SIZE);
        REQUIRE(maker->blocks[i] != NULL, "no memory");
        memset(maker->blocks[i], 0x5A, MADE_SIZE);
    }
    for (size_t i = 1; i < N_MADE; i += 8) { /* and some of its own pools are part full */
        ouro_heap_free(maker->heap, OURO_DOMAIN_RAW, maker->blocks[i]);
        maker->blocks[i] = NULL;
    }
    atomic_fetch_add(maker->n_ready, 1);
    while (!atomic_load(maker->stop)) {
        sleep_ms(1);
    }
}

static void
free_what_was_made(void *context)
{
    struct maker *makers = context;
    ouro_heap_stats before, after;
    ouro_heap_get_stats(makers[0].heap, &before);
    for (size_t i = 0; i < (size_t)N_MAKERS * N_MADE; i++) {
        ouro_heap_free(makers[0].heap, OURO_DOMAIN_RAW, makers[i / N_MADE].blocks[i % N_MADE]);
    }
    (void)ouro_heap_trim(makers[0].heap);
    ouro_heap_get_stats(makers[0].heap, &after);
    uint64_t made = (uint64_t)N_MAKERS * N_MADE * MADE_SIZE;
    REQUIRE(after.live_bytes <= before.live_bytes - made / 8 * 7, "%llu of %llu bytes still live",
            (unsigned long long)after.live_bytes, (unsigned long long)before.live_bytes);
    REQUIRE(after.resident_bytes <= before.resident_bytes - made / 10 * 9,
            "%llu of %llu bytes still resident", (unsigned long long)after.resident_bytes,
            (unsigned long long)before.resident_bytes);
    REQUIRE(after.domain[OURO_DOMAIN_RAW].n_allocs == before.domain[OURO_DOMAIN_RAW].n_allocs,
            "allocations were forgotten");
    for (size_t i = 0; i < N_MADE; i++) { /* and what was given back serves again */
        void *block = ouro_heap_alloc(makers[0].heap, OURO_DOMAIN_RAW, i % 3000 + 1);
        REQUIRE(block != NULL, "no memory");
        memset(block, 0xA5, i % 3000 + 1);
        ouro_heap_free(makers[0].heap, OURO_DOMAIN_RAW, block);
    }
}

/* Pools of threads that were not copied are given back once all their blocks are freed. */
static void
test_pools_of_vanished_threads(void **state)
{
    struct fixture *fixture = *state;
    struct maker makers[N_MAKERS];
    atomic_bool stop = false;
    atomic_size_t n_ready = 0;
    for (size_t i = 0; i < N_MAKERS; i++) {
        makers[i] = (struct maker){fixture->heap, calloc(N_MADE, sizeof(void *)), &n_ready, &stop};
        assert_non_null(makers[i].blocks);
    }
    struct threads *threads = threads_start(N_MAKERS, make_and_wait, makers, sizeof makers[0]);
    while (atomic_load(&n_ready) < N_MAKERS) {
        sleep_ms(1);
    }
    struct child_end end = child_run(free_what_was_made, makers, 120);
    REQUIRE(end.signal == 0 && end.code == 0, "signal %d, code %d: %s", end.signal, end.code, end.text);
    atomic_store(&stop, true);
    threads_join(threads);
    for (size_t i = 0; i < N_MAKERS; i++) {
        for (size_t j = 0; j < N_MADE; j++) {
            ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, makers[i].blocks[j]);
        }
        free(makers[i].blocks);
    }
}

/* A child may destroy the heap; its parent keeps it. */
static void
test_child_that_destroys(void **state)
{
    struct fixture *fixture = *state;
    void *block = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, 1000);
    assert_non_null(block);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, block);
        ouro_heap_destroy(fixture->heap);
        _exit(7);
    }
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        assert_int_equal(errno, EINTR);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, block);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_EVERY_KIND(test_fork_alone),
        ON_KIND(test_fork_while_threads_work, kind_shared),
        ON_KIND(test_fork_while_threads_work, kind_shared_debug),
        ON_KIND(test_threads_that_fork, kind_shared),
        ON_KIND(test_pools_of_vanished_threads, kind_shared),
        ON_EVERY_KIND(test_child_that_destroys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
