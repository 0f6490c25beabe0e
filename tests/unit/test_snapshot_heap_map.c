/* test_snapshot_heap_map.c - the heap's map: what it says of pools and large blocks is what the heap's figures say, and it
 * stays in order while other threads change hands of slots. */
#define _GNU_SOURCE
#include "snapshot/heap_map.h"

#include <ouro/heap.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cm.h"
#include "heap/range.h"
#include "kinds.h"
#include "process.h"
#include "random.h"
#include "snapshots.h"

/* Write the map, and read it. */
static struct ouro__snapshot
map_take(void)
{
    struct ouro__snapshot_writer writer;
    struct ouro__snapshot snapshot;
    int file = memfd_create("map", 0);

    assert_true(file >= 0);
    ouro__snapshot_begin(&writer, file);
    ouro__snapshot_write_heap_map(&writer);
    assert_true(ouro__snapshot_end(&writer));
    assert_true((uint64_t)lseek(file, 0, SEEK_END) <= ouro__snapshot_heap_map_most() + 4096);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    FILE *stream = fdopen(file, "rb");
    assert_non_null(stream);
    assert_true(ouro__snapshot_read(&snapshot, stream, NULL));
    (void)fclose(stream);
    assert_string_equal(snapshot.trouble, "");
    snapshot_check(&snapshot);
    return snapshot;
}

struct sums {
    uint64_t pools[OURO_N_SIZE_CLASSES], used[OURO_N_SIZE_CLASSES];
    uint64_t n_large, large_bytes, free_slots;
};

/* The first class with blocks of that size: two have the smallest ones. */
static unsigned
class_of(uint32_t block_size)
{
    for (unsigned i = 0; i < OURO_N_SIZE_CLASSES; i++) {
        if (ouro__class_size[i] == block_size) {
            return i;
        }
    }
    fail_msg("no class has blocks of %u bytes", block_size);
    return 0;
}

static struct sums
map_sum(void)
{
    struct ouro__snapshot snapshot = map_take();
    struct sums sums;

    memset(&sums, 0, sizeof sums);
    for (size_t i = 0; i < snapshot.n_runs; i++) {
        const struct ouro_snapshot_run *run = &snapshot.runs[i];
        if (run->kind == OURO_SNAPSHOT_RUN_POOL) {
            unsigned class = class_of(run->block_size);
            sums.pools[class]++;
            sums.used[class] += run->n_used;
            assert_int_equal(run->used_bytes, (uint64_t)run->n_used * run->block_size);
        } else if (run->kind == OURO_SNAPSHOT_RUN_LARGE) {
            sums.n_large++;
            sums.large_bytes += run->used_bytes;
        } else {
            sums.free_slots += run->n_slots;
        }
    }
    ouro__snapshot_free(&snapshot);
    return sums;
}

enum { N_BLOCKS = TEST_STRESSED ? 300 : 30000 };

/* Every block is in the map, by class; freed ones are not; what the test's own memory is does not change meanwhile. */
static void
test_classes(void **state)
{
    struct fixture *fixture = *state;
    struct test_random random = {test_seed(11)};
    static void *blocks[N_BLOCKS];
    static ouro_domain domains[N_BLOCKS];
    struct sums before = map_sum();
    ouro_class_stats stats;
    uint64_t large = 0, n_large = 0;

    for (size_t i = 0; i < N_BLOCKS; i++) {
        size_t size = i % 500 == 0 ? 100000 + i : random_python_size(&random, 20000);
        domains[i] = random_domain(&random);
        blocks[i] = ouro_heap_alloc(fixture->heap, domains[i], size);
        assert_non_null(blocks[i]);
        if (size > OURO_POOLED_MAX) {
            large += size;
            n_large++;
        }
    }
    for (size_t i = 1; i < N_BLOCKS; i += 3) {
        if (i % 500 != 0) {
            ouro_heap_free(fixture->heap, domains[i], blocks[i]);
            blocks[i] = NULL;
        }
    }
    struct sums now = map_sum(), known;
    memset(&known, 0, sizeof known);
    for (unsigned class = 0; class < OURO_N_SIZE_CLASSES; class ++) {
        ouro_heap_get_class_stats(fixture->heap, class, &stats);
        known.used[class_of(ouro__class_size[class])] += stats.live_blocks;
        known.pools[class_of(ouro__class_size[class])] += stats.n_pools;
    }
    for (unsigned class = 0; class < OURO_N_SIZE_CLASSES; class ++) {
        assert_int_equal(now.used[class] - before.used[class], known.used[class]);
        assert_int_equal(now.pools[class] - before.pools[class], known.pools[class]);
    }
    assert_int_equal(now.n_large - before.n_large, n_large);
    assert_int_equal(now.large_bytes - before.large_bytes, large);
    for (size_t i = 0; i < N_BLOCKS; i++) {
        ouro_heap_free(fixture->heap, domains[i], blocks[i]);
    }
    ouro_heap_trim(fixture->heap);
    struct sums after = map_sum();
    for (unsigned class = 0; class < OURO_N_SIZE_CLASSES; class ++) {
        assert_int_equal(after.used[class], before.used[class]);
    }
    assert_int_equal(after.n_large, before.n_large);
    assert_true(after.free_slots > now.free_slots);
}

/* The lock is held by somebody, be it the thread itself: no map, and no waiting. */
static void
test_locked(void **state)
{
    (void)state;
    ouro__range_lock();
    struct ouro__snapshot_writer writer;
    int file = memfd_create("none", 0);
    ouro__snapshot_begin(&writer, file);
    ouro__snapshot_write_heap_map(&writer);
    ouro__range_unlock();
    assert_int_equal(lseek(file, 0, SEEK_END), sizeof(struct ouro_snapshot_header));
    (void)close(file);
}

static int is_over; /* atomic */

static void *
churn(void *context)
{
    ouro_heap *heap = context;
    struct test_random random = {test_seed(12)};
    void *blocks[256] = {NULL};

    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
        size_t i = random_below(&random, 256);
        ouro_heap_free(heap, OURO_DOMAIN_RAW, blocks[i]);
        blocks[i] = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, random_below(&random, 400000));
    }
    for (size_t i = 0; i < 256; i++) {
        ouro_heap_free(heap, OURO_DOMAIN_RAW, blocks[i]);
    }
    return NULL;
}

static void
test_while_others_allocate(void **state)
{
    (void)state;
    enum { N_THREADS = 3 };
    pthread_t threads[N_THREADS];
    ouro_heap *heap = ouro_heap_create(&(ouro_heap_config){.kind = OURO_HEAP_SHARED});

    assert_non_null(heap);
    is_over = 0;
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, churn, heap), 0);
    }
    for (int i = 0; i < 200; i++) {
        struct ouro__snapshot snapshot = map_take();
        ouro__snapshot_free(&snapshot);
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    ouro_heap_destroy(heap);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_RELEASE_KINDS(test_classes),
        cmocka_unit_test(test_locked),
        cmocka_unit_test(test_while_others_allocate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
