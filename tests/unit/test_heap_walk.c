/* test_heap_walk.c - a walk shows every live block once, also while other threads are at work.
 *
 * ctest: timeout=600 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <ouro/heap.h>

#include "kinds.h"
#include "oracle.h"
#include "pattern.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

static bool
count_block(const ouro_block *block, void *context)
{
    (void)block;
    ++*(size_t *)context;
    return true;
}

static void
test_empty_heap_shows_nothing(void **state)
{
    struct fixture *fixture = *state;
    size_t n = 0;
    assert_true(ouro_heap_walk(fixture->heap, count_block, &n));
    assert_int_equal(n, 0);
    for (size_t size = 1; size < 1000000; size *= 3) {
        ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW,
                       ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, size));
    }
    assert_true(ouro_heap_walk(fixture->heap, count_block, &n));
    assert_int_equal(n, 0);
}

/* The live set in all its states: growing, with holes, after a trim, shrunk, empty. */
static void
test_shows_exactly_what_lives(void **state)
{
    struct fixture *fixture = *state;
    struct test_random random = {test_seed(71)};
    enum { N = TEST_STRESSED ? 2000 : 20000 };
    struct oracle oracle;
    oracle_init(&oracle, fixture->heap, fixture->kind->name, N);
    oracle.debug = fixture->kind->config.debug;
    for (int stage = 0; stage < 8; stage++) {
        while (oracle.n_blocks < N) {
            if (random_below(&random, 20) == 0) {
                oracle_alloc_aligned(&oracle, random_domain(&random),
                                     (size_t)16 << random_below(&random, 12),
                                     random_python_size(&random, 100000));
            } else {
                oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 100000));
            }
        }
        oracle_check_walk(&oracle);
        size_t keep = N >> stage;
        while (oracle.n_blocks > keep / 2) {
            oracle_free(&oracle, random_below(&random, oracle.n_blocks));
        }
        oracle_check_walk(&oracle);
        if (stage % 2 == 1) {
            ouro_heap_trim(fixture->heap);
            oracle_check_walk(&oracle);
        }
    }
    oracle_free_all(&oracle);
    oracle_check_walk(&oracle);
    oracle_fini(&oracle);
}

/* Every class filled to every count from nothing to a few pools. */
static void
test_every_class_at_every_count(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < OURO_N_SIZE_CLASSES; i += 3) {
        ouro_class_stats of_class;
        ouro_heap_get_class_stats(fixture->heap, i, &of_class);
        size_t most = 140000 / (of_class.block_size + 1) + 3;
        struct oracle oracle;
        oracle_init(&oracle, fixture->heap, fixture->kind->name, most);
        size_t step = most / 40 + 1;
        for (size_t n = 0; n < most; n++) {
            oracle_alloc(&oracle, OURO_DOMAIN_OBJECT, i == 0 ? 0 : of_class.block_size);
            if (n % step == 0) {
                oracle_check_walk(&oracle);
            }
        }
        while (oracle.n_blocks > 0) {
            oracle_free(&oracle, oracle.n_blocks / 2);
            if (oracle.n_blocks % step == 0) {
                oracle_check_walk(&oracle);
            }
        }
        oracle_fini(&oracle);
    }
}

static bool
stop_at_ten(const ouro_block *block, void *context)
{
    (void)block;
    return ++*(size_t *)context < 10;
}

static void
test_visitor_may_end_the_walk(void **state)
{
    struct fixture *fixture = *state;
    void *blocks[100];
    for (size_t i = 0; i < 100; i++) {
        blocks[i] = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, i < 50 ? 40 : 70000);
        assert_non_null(blocks[i]);
    }
    size_t n = 0;
    assert_false(ouro_heap_walk(fixture->heap, stop_at_ten, &n));
    assert_int_equal(n, 10);
    for (size_t i = 0; i < 100; i++) { /* the heap goes on */
        ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, blocks[i]);
    }
    n = 0;
    assert_true(ouro_heap_walk(fixture->heap, count_block, &n));
    assert_int_equal(n, 0);
}

struct copying {
    ouro_heap *to;
    void *blocks[3000];
    size_t n;
};

static bool
allocate_elsewhere(const ouro_block *block, void *context)
{
    struct copying *copying = context;
    void *copy = ouro_heap_alloc(copying->to, OURO_DOMAIN_RAW, block->size);
    REQUIRE(copy != NULL, "%zu bytes refused", block->size);
    copying->blocks[copying->n++] = copy;
    if (copying->n % 3 == 0) {
        copying->n--;
        ouro_heap_free(copying->to, OURO_DOMAIN_RAW, copying->blocks[copying->n]);
    }
    return true;
}

static void
test_visitor_may_use_other_heaps(void **state)
{
    struct fixture *fixture = *state;
    static struct copying copying;
    copying = (struct copying){.to = ouro_heap_create(&fixture->kind->config), .n = 0};
    assert_non_null(copying.to);
    struct test_random random = {test_seed(72)};
    struct oracle oracle;
    oracle_init(&oracle, fixture->heap, fixture->kind->name, 2000);
    oracle.debug = fixture->kind->config.debug;
    for (size_t i = 0; i < 2000; i++) {
        oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 300000));
    }
    assert_true(ouro_heap_walk(fixture->heap, allocate_elsewhere, &copying));
    oracle_check_all(&oracle);
    for (size_t i = 0; i < copying.n; i++) {
        ouro_heap_free(copying.to, OURO_DOMAIN_RAW, copying.blocks[i]);
    }
    ouro_heap_destroy(copying.to);
    oracle_free_all(&oracle);
    oracle_fini(&oracle);
}

/* ---- while threads allocate and free ---- */

enum { N_THREADS = 8, N_LASTING = 400 };

struct churning {
    ouro_heap *heap;
    uint64_t seed;
    atomic_bool *stop;
    unsigned char *lasting[N_LASTING]; /* allocated by this thread before the walks begin */
    size_t lasting_size[N_LASTING];
    ouro_domain lasting_domain[N_LASTING];
    atomic_bool ready;
};

static void
churn(void *context)
{
    struct churning *mine = context;
    struct test_random random = {mine->seed};
    struct oracle oracle;
    oracle_init(&oracle, mine->heap, "a churning thread", 3000);
    for (size_t i = 0; i < N_LASTING; i++) {
        size_t size = random_python_size(&random, 150000);
        mine->lasting_domain[i] = random_domain(&random);
        mine->lasting[i] = ouro_heap_alloc(mine->heap, mine->lasting_domain[i], size);
        REQUIRE(mine->lasting[i] != NULL, "%zu bytes refused", size);
        mine->lasting_size[i] = ouro_heap_usable_size(mine->lasting[i]);
        oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 150000));
    }
    atomic_store(&mine->ready, true);
    while (!atomic_load(mine->stop)) {
        size_t goal = random_below(&random, 3000);
        while (oracle.n_blocks < goal) {
            oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 150000));
        }
        while (oracle.n_blocks > goal) {
            oracle_free(&oracle, random_below(&random, oracle.n_blocks));
        }
    }
    oracle_free_all(&oracle);
    oracle_fini(&oracle);
}

/* The lasting blocks of all threads, sorted by address, with how often a walk has shown each. */
struct lasting {
    unsigned char *address;
    size_t size;
    ouro_domain domain;
    unsigned n_seen;
};

static int
compare_lasting(const void *left, const void *right)
{
    const struct lasting *a = left, *b = right;
    return a->address < b->address ? -1 : a->address > b->address ? 1 : 0;
}

struct watching {
    struct lasting all[N_THREADS * N_LASTING];
    size_t n;
};

static bool
watch_block(const ouro_block *block, void *context)
{
    struct watching *watching = context;
    struct lasting key = {.address = block->address};
    struct lasting *found =
        bsearch(&key, watching->all, watching->n, sizeof watching->all[0], compare_lasting);
    REQUIRE((uintptr_t)block->address % OURO_ALIGNMENT == 0, "%p", block->address);
    REQUIRE(block->domain < OURO_N_DOMAINS, "%p in domain %d", block->address, (int)block->domain);
    if (found != NULL) { /* others may have been freed since, and their pools given back */
        REQUIRE(ouro_heap_owns(block->address), "%p", block->address);
        REQUIRE(found->size == block->size && found->domain == block->domain,
                "%p is shown with %zu bytes, not %zu", block->address, block->size, found->size);
        found->n_seen++;
    }
    return true;
}

static void
test_while_threads_work(void **state)
{
    struct fixture *fixture = *state;
    static struct churning churning[N_THREADS];
    static struct watching watching;
    atomic_bool stop = false;
    memset(churning, 0, sizeof churning);
    watching.n = 0;
    for (size_t t = 0; t < N_THREADS; t++) {
        churning[t].heap = fixture->heap;
        churning[t].seed = test_seed(73) + t;
        churning[t].stop = &stop;
    }
    struct threads *threads = threads_start(N_THREADS, churn, churning, sizeof churning[0]);
    for (size_t t = 0; t < N_THREADS; t++) {
        while (!atomic_load(&churning[t].ready)) {
            sleep_ms(1);
        }
        for (size_t i = 0; i < N_LASTING; i++) {
            watching.all[watching.n++] = (struct lasting){
                .address = churning[t].lasting[i],
                .size = churning[t].lasting_size[i],
                .domain = churning[t].lasting_domain[i],
            };
        }
    }
    qsort(watching.all, watching.n, sizeof watching.all[0], compare_lasting);

    uint64_t n_walks = test_count(NULL, 200), until = clock_ms() + 10000;
    for (uint64_t w = 0; w < n_walks && clock_ms() < until; w++) {
        for (size_t i = 0; i < watching.n; i++) {
            watching.all[i].n_seen = 0;
        }
        assert_true(ouro_heap_walk(fixture->heap, watch_block, &watching));
        for (size_t i = 0; i < watching.n; i++) {
            REQUIRE(watching.all[i].n_seen == 1, "walk %llu shows %p of %zu bytes %u times",
                    (unsigned long long)w, (void *)watching.all[i].address, watching.all[i].size,
                    watching.all[i].n_seen);
        }
        ouro_heap_stats stats;
        ouro_heap_get_stats(fixture->heap, &stats);
        REQUIRE(stats.live_bytes > 0 && stats.n_pools > 0, "%llu bytes",
                (unsigned long long)stats.live_bytes);
        ouro_class_stats of_class;
        ouro_heap_get_class_stats(fixture->heap, (unsigned)(w % OURO_N_SIZE_CLASSES), &of_class);
        if (w % 16 == 0) {
            ouro_heap_trim(fixture->heap);
        }
    }
    atomic_store(&stop, true);
    threads_join(threads);

    ouro_heap_stats stats;
    ouro_heap_get_stats(fixture->heap, &stats);
    stats_check(fixture->kind->name, &stats, fixture->kind->config.debug);
    size_t n = 0;
    assert_true(ouro_heap_walk(fixture->heap, count_block, &n));
    assert_int_equal(n, watching.n);
    for (size_t t = 0; t < N_THREADS; t++) {
        for (size_t i = 0; i < N_LASTING; i++) {
            ouro_heap_free(fixture->heap, churning[t].lasting_domain[i], churning[t].lasting[i]);
        }
    }
    n = 0;
    assert_true(ouro_heap_walk(fixture->heap, count_block, &n));
    assert_int_equal(n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_EVERY_KIND(test_empty_heap_shows_nothing),
        ON_EVERY_KIND(test_shows_exactly_what_lives),
        ON_RELEASE_KINDS(test_every_class_at_every_count),
        ON_EVERY_KIND(test_visitor_may_end_the_walk),
        ON_EVERY_KIND(test_visitor_may_use_other_heaps),
        ON_KIND(test_while_threads_work, kind_shared),
        ON_KIND(test_while_threads_work, kind_shared_debug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
