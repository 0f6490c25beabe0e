/* test_trace_api.c - <ouro/trace.h>: what tracemalloc promises, for heaps and objects: what is traced and where it comes
 * from, exactly, while threads come and go.
 *
 * Follows CPython's Lib/test/test_tracemalloc.py.
 *
 * ctest: timeout=300 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <ouro/ouro.h>

#include "calls.h"
#include "child.h"
#include "cm.h"
#include "nodes.h"
#include "object/object.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

static const struct callee program = {"app.py", "main", 1}, loader = {"load.py", "load", 10},
                           parser = {"load.py", "parse", 40};

static ouro_heap *heap;

static int
setup(void **state)
{
    heap = ouro_heap_create(&(ouro_heap_config){.kind = OURO_HEAP_SHARED});
    call_enter(&program, 1);
    return heap == NULL ? 1 : gc_setup(state);
}

static int
teardown(void **state)
{
    (void)ouro_trace_stop();
    call_leave();
    ouro_heap_destroy(heap);
    return gc_teardown(state);
}

static void
start(uint32_t n_frames, uint64_t sample_bytes)
{
    const ouro_trace_config config = {
        .sample_bytes = sample_bytes, .n_frames = n_frames, .source = &calls_source};
    assert_int_equal(ouro_trace_start(&config), OURO_OK);
}

static uint64_t
traced_now(void)
{
    uint64_t now;
    ouro_trace_get_memory(&now, NULL);
    return now;
}

static uint64_t
traced_peak(void)
{
    uint64_t peak;
    ouro_trace_get_memory(NULL, &peak);
    return peak;
}

static uint64_t
blocks_now(void)
{
    ouro_trace_stats stats;
    ouro_trace_get_stats(&stats);
    return stats.blocks;
}

/* The block's traceback is these frames and no others, the innermost first. */
static void
check_traceback(const void *block, size_t size, ouro_domain domain, size_t n, const ouro_frame *frames)
{
    ouro_traceback *traceback = NULL;
    assert_int_equal(ouro_trace_of(block, &traceback), OURO_FOUND);
    assert_int_equal(traceback->size, size);
    assert_int_equal(traceback->domain, domain);
    assert_int_equal(traceback->n_places, n);
    for (size_t i = 0; i < n; i++) {
        const struct callee *callee = frames[i].code;
        assert_string_equal(traceback->places[i].file, callee->file);
        assert_string_equal(traceback->places[i].function, callee->function);
        assert_int_equal(traceback->places[i].line, frames[i].line);
    }
    ouro_traceback_free(traceback);
}

static void
check_untraced(const void *block)
{
    ouro_traceback *traceback = NULL;
    assert_int_equal(ouro_trace_of(block, &traceback), OURO_OK);
    assert_null(traceback);
}

/* ---- beginning, ending, asking ---- */

static void
test_nothing_is_traced_before(void **state)
{
    (void)state;
    ouro_trace_stats stats;
    void *block = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 100);

    assert_false(ouro_trace_is_on());
    ouro_trace_get_stats(&stats);
    assert_memory_equal(&stats, &(ouro_trace_stats){0}, sizeof stats);
    assert_int_equal(traced_now() + traced_peak(), 0);
    check_untraced(block);
    assert_int_equal(ouro_trace_stop(), OURO_OK);
    assert_int_equal(ouro_trace_clear(), OURO_OK);
    assert_int_equal(ouro_trace_reset_peak(), OURO_OK);
    start(0, 0);
    assert_true(ouro_trace_is_on());
    check_untraced(block); /* from before */
    ouro_heap_free(heap, OURO_DOMAIN_RAW, block);
    assert_int_equal(traced_now(), 0);
    assert_int_equal(ouro_trace_stop(), OURO_OK);
    assert_false(ouro_trace_is_on());
}

static void
test_wrong_arguments(void **state)
{
    (void)state;
    ouro_frame_source half = calls_source;
    half.read_code = NULL;
    ouro_trace_config configs[] = {{.sample_bytes = OURO_TRACE_SAMPLE_MOST + 1}, {.source = &half}};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ouro_trace_start(&configs[i]), OURO_WRONG_VALUE);
        assert_false(ouro_trace_is_on());
    }
    assert_string_equal(ouro_domain_name(OURO_DOMAIN_OBJECT), "object");
    assert_string_equal(ouro_domain_name((ouro_domain)7), "unknown");
}

static void
test_a_block_has_its_traceback(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 16, 100, 4000, 65536, 65537, 3 << 20};

    start(0, 0);
    call_at(7);
    call_enter(&loader, 12);
    const ouro_frame frames[] = {{&loader, 12}, {&program, 7}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *block = ouro_heap_alloc(heap, OURO_DOMAIN_MEM, sizes[i]);
        check_traceback(block, sizes[i], OURO_DOMAIN_MEM, 2, frames);
        assert_int_equal(traced_now(), sizes[i]);
        ouro_heap_free(heap, OURO_DOMAIN_MEM, block);
        block = ouro_heap_alloc_zeroed(heap, OURO_DOMAIN_RAW, 1, sizes[i]);
        check_traceback(block, sizes[i], OURO_DOMAIN_RAW, 2, frames);
        ouro_heap_free(heap, OURO_DOMAIN_RAW, block);
        block = ouro_heap_alloc_aligned(heap, OURO_DOMAIN_OBJECT, 4096, sizes[i]);
        assert_int_equal((uintptr_t)block % 4096, 0);
        check_traceback(block, sizes[i], OURO_DOMAIN_OBJECT, 2, frames);
        ouro_heap_free(heap, OURO_DOMAIN_OBJECT, block);
        assert_int_equal(traced_now(), 0);
    }
    assert_null(ouro_heap_alloc_aligned(heap, OURO_DOMAIN_RAW, 24, 8));
    ouro_heap_free(heap, OURO_DOMAIN_RAW, NULL);
    call_leave();
}

static void
test_frames_are_limited(void **state)
{
    (void)state;
    const ouro_frame frames[] = {{&parser, 44}, {&loader, 12}, {&program, 1}};
    for (uint32_t n = 1; n <= 4; n++) {
        start(n, 0);
        call_enter(&loader, 12);
        call_enter(&parser, 44);
        void *block = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 10);
        check_traceback(block, 10, OURO_DOMAIN_RAW, n < 3 ? n : 3, frames);
        ouro_trace_stats stats;
        ouro_trace_get_stats(&stats);
        assert_int_equal(stats.n_frames, n);
        ouro_heap_free(heap, OURO_DOMAIN_RAW, block);
        call_leave();
        call_leave();
    }
    assert_int_equal(ouro_trace_start(NULL), OURO_OK); /* no frames at all */
    void *block = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 10);
    check_traceback(block, 10, OURO_DOMAIN_RAW, 0, NULL);
    ouro_heap_free(heap, OURO_DOMAIN_RAW, block);
}

/* A resized block belongs to who resized it, wherever it lies. */
static void
test_resizing(void **state)
{
    (void)state;
    static const size_t sizes[] = {40, 41, 5000, 20, 70000, 200000, 66000, 100, 8 << 20, 1};

    start(0, 0);
    void *block = ouro_heap_realloc(heap, OURO_DOMAIN_RAW, NULL, 30);
    const ouro_frame first = {&program, 1};
    check_traceback(block, 30, OURO_DOMAIN_RAW, 1, &first);
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        call_at(100 + i);
        block = ouro_heap_realloc(heap, OURO_DOMAIN_RAW, block, sizes[i]);
        const ouro_frame frame = {&program, 100 + i};
        check_traceback(block, sizes[i], OURO_DOMAIN_RAW, 1, &frame);
        assert_int_equal(traced_now(), sizes[i]);
        assert_int_equal(blocks_now(), 1);
    }
    assert_null(ouro_heap_realloc(heap, OURO_DOMAIN_RAW, block, PTRDIFF_MAX));
    const ouro_frame last = {&program, 109};
    check_traceback(block, 1, OURO_DOMAIN_RAW, 1, &last); /* as it was */
    assert_int_equal(traced_now(), 1);
    ouro_heap_free(heap, OURO_DOMAIN_RAW, block);
    assert_int_equal(traced_now(), 0);
}

static void
test_peak(void **state)
{
    (void)state;
    start(1, 0);
    void *large = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 1000000);
    void *small = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 500);
    ouro_heap_free(heap, OURO_DOMAIN_RAW, large);
    assert_int_equal(traced_now(), 500);
    assert_int_equal(traced_peak(), 1000500);
    assert_int_equal(ouro_trace_reset_peak(), OURO_OK);
    assert_int_equal(traced_now(), 500);
    assert_int_equal(traced_peak(), 500);
    large = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 2000);
    assert_int_equal(traced_peak(), 2500);
    assert_int_equal(ouro_trace_clear(), OURO_OK);
    assert_int_equal(traced_now() + traced_peak() + blocks_now(), 0);
    check_untraced(large);
    check_untraced(small);
    ouro_heap_free(heap, OURO_DOMAIN_RAW, large); /* what was forgotten is not counted off */
    ouro_heap_free(heap, OURO_DOMAIN_RAW, small);
    assert_int_equal(traced_now(), 0);
    ouro_trace_stats stats;
    ouro_trace_get_stats(&stats);
    assert_true(stats.own_bytes > 0 && stats.is_on);
    assert_int_equal(stats.n_untraced, 0);
}

/* Heaps that are made while tracing is on, and that end with blocks in them. */
static void
test_heaps_end(void **state)
{
    (void)state;
    start(0, 0);
    for (int i = 0; i < 4; i++) {
        const ouro_heap_config config = {.kind = i % 2 == 0 ? OURO_HEAP_SHARED : OURO_HEAP_EXCLUSIVE,
                                         .debug = i >= 2};
        ouro_heap *other = ouro_heap_create(&config);
        char *block = NULL;
        for (size_t n = 0; n < 1000; n++) {
            block = ouro_heap_alloc(other, OURO_DOMAIN_RAW, n);
            memset(block, 1, n);
        }
        const ouro_frame frame = {&program, 1};
        check_traceback(block, 999, OURO_DOMAIN_RAW, 1, &frame);
        block = ouro_heap_realloc(other, OURO_DOMAIN_RAW, block, 100000);
        check_traceback(block, 100000, OURO_DOMAIN_RAW, 1, &frame);
        assert_int_equal(blocks_now(), 1000);
        ouro_heap_free(other, OURO_DOMAIN_RAW, block);
        assert_int_equal(blocks_now(), 999);
        ouro_heap_destroy(other);
        assert_int_equal(blocks_now(), 0);
        assert_int_equal(traced_now(), 0);
    }
}

/* ---- objects ---- */

/* An object's block is who made the object's, also where its memory was another's before: CPython's test_new_reference. */
static void
test_objects(void **state)
{
    (void)state;
    ouro_decref(node_new(NULL, NULL)); /* a spare */
    start(0, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        call_at(1000 + i);
        const ouro_frame frame = {&program, 1000 + i};
        ouro_ref node = node_new(NULL, NULL), leaf = leaf_new(i), row = row_new(i % 50);
        check_traceback(node, sizeof(struct node), OURO_DOMAIN_OBJECT, 1, &frame);
        check_traceback(leaf, sizeof(struct leaf) < 32 ? sizeof(struct leaf) : 32, OURO_DOMAIN_OBJECT,
                        1, &frame);
        ouro_traceback *traceback;
        assert_int_equal(ouro_trace_of(row, &traceback), OURO_FOUND);
        assert_int_equal(traceback->places[0].line, 1000 + i);
        ouro_traceback_free(traceback);
        assert_int_equal(blocks_now(), 3);
        ouro_decref(node);
        ouro_decref(leaf);
        ouro_decref(row);
        assert_int_equal(blocks_now(), 0);
    }
    assert_int_equal(traced_now(), 0);
}

/* A list's items move: the buffer belongs to whoever made it grow. */
static void
test_containers(void **state)
{
    (void)state;
    start(0, 0);
    call_at(1);
    ouro_ref list = ouro_list_new(0), dict = ouro_dict_new();
    for (uint32_t i = 0; i < 100000; i++) {
        call_at(2 + i % 3);
        ouro_ref number = ouro_int_new((int64_t)i + 1000000);
        REQUIRE(ouro_list_append(list, number) == OURO_OK, "no memory");
        REQUIRE(ouro_dict_set(dict, number, number) == OURO_OK, "no memory");
        ouro_decref(number);
    }
    uint64_t full = traced_now();
    assert_true(full > 100000 * (8 + 16 + 24)); /* items, numbers, entries */
    ouro_decref(list);
    assert_true(traced_now() < full);
    ouro_decref(dict);
    assert_int_equal(traced_now(), 0);
    assert_int_equal(blocks_now(), 0);
    assert_true(traced_peak() >= full);
}

/* What the collector frees is told as well. */
static void
test_cycles(void **state)
{
    (void)state;
    start(0, 0);
    for (size_t i = 0; i < 20000; i++) {
        ouro_decref(ring_new(leaf_new(i)));
    }
    assert_int_equal(blocks_now(), 40000);
    (void)ouro_gc_collect(2);
    assert_int_equal(blocks_now(), 0);
    assert_int_equal(traced_now(), 0);
}

/* Objects from before tracing, and those that outlive it. */
static void
test_objects_over_the_ends(void **state)
{
    (void)state;
    enum { N = 5000 };
    static ouro_ref kept[N];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < N; i++) {
            kept[i] = node_new(NULL, NULL);
        }
        start(0, 0);
        for (size_t i = 0; i < N; i += 2) {
            ouro_decref(kept[i]);
            kept[i] = node_new(NULL, NULL);
        }
        assert_int_equal(blocks_now(), N / 2);
        if (round == 1) {
            start(0, 4096); /* samples from now on */
        }
        assert_int_equal(ouro_trace_stop(), OURO_OK);
        for (size_t i = 0; i < N; i++) {
            ouro_decref(kept[i]);
        }
        ouro_ref again = node_new(NULL, NULL);
        check_untraced(again);
        ouro_decref(again);
    }
}

/* ---- samples ---- */

/* The estimate is within six standard errors of the truth, of blocks and of objects alike. */
static void
test_samples(void **state)
{
    (void)state;
    enum { N = 200000, MEAN = 8192 };
    static ouro_ref kept[N];
    uint64_t truth = 0;

    start(0, MEAN);
    for (size_t i = 0; i < N; i++) {
        kept[i] = i % 3 == 0 ? leaf_new(i) : node_new(NULL, NULL);
        truth += i % 3 == 0 ? sizeof(struct leaf) : sizeof(struct node);
    }
    double error = sqrt((double)truth * MEAN);
    assert_true(fabs((double)traced_now() - (double)truth) < 6 * error);
    assert_true(blocks_now() > 100 && blocks_now() < N / 20);
    for (size_t i = 0; i < N; i++) {
        ouro_decref(kept[i]);
    }
    assert_int_equal(blocks_now(), 0); /* each sample's end was seen */
    assert_int_equal(traced_now(), 0);
    /* And so were the blocks of heaps. */
    void *blocks[500];
    for (size_t i = 0; i < 500; i++) {
        blocks[i] = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 1000 * i);
        blocks[i] = ouro_heap_realloc(heap, OURO_DOMAIN_RAW, blocks[i], 500 * i + 1);
    }
    assert_true(blocks_now() > 400);
    for (size_t i = 0; i < 500; i++) {
        ouro_heap_free(heap, OURO_DOMAIN_RAW, blocks[i]);
    }
    assert_int_equal(blocks_now(), 0);
}

/* ---- a million blocks, against a list of them ---- */

static void
test_a_million_blocks(void **state)
{
    (void)state;
    enum { N = TEST_STRESSED ? 100000 : 1000000, SLOTS = 20000, LINES = 100 };
    static struct {
        void *block;
        size_t size;
        uint32_t line;
    } slots[SLOTS];
    struct test_random random = {5};
    uint64_t bytes = 0, peak = 0;

    start(0, 0);
    for (size_t i = 0; i < N; i++) {
        size_t at = random_below(&random, SLOTS), size = random_below(&random, 300);
        uint32_t line = 1 + (uint32_t)random_below(&random, LINES);
        call_at(line);
        bytes += size;
        if (slots[at].block == NULL || random_below(&random, 4) == 0) {
            bytes -= slots[at].block == NULL ? 0 : slots[at].size;
            ouro_heap_free(heap, OURO_DOMAIN_RAW, slots[at].block);
            slots[at].block = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, size);
        } else {
            bytes -= slots[at].size;
            slots[at].block = ouro_heap_realloc(heap, OURO_DOMAIN_RAW, slots[at].block, size);
        }
        slots[at].size = size;
        slots[at].line = line;
        peak = bytes > peak ? bytes : peak;
        if (i % 100003 == 0) {
            assert_int_equal(traced_now(), bytes);
        }
    }
    assert_int_equal(traced_now(), bytes);
    assert_int_equal(traced_peak(), peak);
    for (size_t i = 0; i < SLOTS; i++) {
        if (slots[i].block != NULL) {
            const ouro_frame frame = {&program, slots[i].line};
            check_traceback(slots[i].block, slots[i].size, OURO_DOMAIN_RAW, 1, &frame);
            ouro_heap_free(heap, OURO_DOMAIN_RAW, slots[i].block);
            slots[i].block = NULL;
        }
    }
    assert_int_equal(blocks_now(), 0);
}

/* ---- threads ---- */

enum { N_THREADS = 6, N_ROUNDS = TEST_STRESSED ? 2000 : 20000 };

/* Each thread makes objects and blocks in a call of its own, and leaves some to the next one to free. */
struct worker {
    struct callee callee;
    ouro_ref left;
    void *block;
    bool is_attached;
};

static void
work(void *context)
{
    struct worker *worker = context;
    struct test_random random = {(uintptr_t)worker};

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    call_enter(&worker->callee, 1);
    for (uint32_t i = 1; i <= N_ROUNDS; i++) {
        call_at(i);
        ouro_ref node = node_new(leaf_new(i), NULL);
        void *block = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, random_below(&random, 2000));
        ouro_traceback *traceback;
        if (i % 16 == 0 && ouro_trace_of(node, &traceback) == OURO_FOUND) {
            REQUIRE(traceback->n_places == 1 && traceback->places[0].line == i &&
                        strcmp(traceback->places[0].function, worker->callee.function) == 0,
                    "another's traceback");
            ouro_traceback_free(traceback);
        }
        node = __atomic_exchange_n(&worker->left, node, __ATOMIC_ACQ_REL);
        block = __atomic_exchange_n(&worker->block, block, __ATOMIC_ACQ_REL);
        if (node != NULL) {
            ouro_decref(node);
        }
        ouro_heap_free(heap, OURO_DOMAIN_RAW, block);
    }
    call_leave();
    ouro_thread_detach();
}

/* Every two threads share what they leave. */
static struct worker workers[N_THREADS];

static void
begin_workers(void)
{
    static const char *const names[N_THREADS] = {"one", "two", "three", "four", "five", "six"};
    for (size_t i = 0; i < N_THREADS; i++) {
        workers[i] = (struct worker){.callee = {"work.py", names[i], 1}};
    }
}

static void
end_workers(void)
{
    for (size_t i = 0; i < N_THREADS; i++) {
        ouro_decref(workers[i].left);
        ouro_heap_free(heap, OURO_DOMAIN_RAW, workers[i].block);
    }
}

static void
test_threads(void **state)
{
    (void)state;
    begin_workers();
    start(0, 0);
    threads_run_detached(N_THREADS, work, workers, sizeof *workers);
    uint64_t n_before = blocks_now();
    end_workers();
    assert_int_equal(n_before - blocks_now(), N_THREADS * 3);
    assert_true(blocks_now() <= N_THREADS); /* the library's records of new threads */
    assert_int_equal(traced_now(), blocks_now() * sizeof(struct thread));
}

static int is_over;

/* Turns tracing on and off, this way and that, while others work. */
static void
turn(void *context)
{
    bool attaches = *(const bool *)context;
    struct test_random random = {attaches};

    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
        if (attaches) {
            REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
        }
        const ouro_trace_config config = {.sample_bytes = random_below(&random, 2) * 4096,
                                          .n_frames = (uint32_t)random_below(&random, 3),
                                          .source = &calls_source};
        ouro_trace_stats stats;
        switch (random_below(&random, 4)) {
        case 0:
            REQUIRE(ouro_trace_stop() == OURO_OK, "busy");
            break;
        case 1:
            REQUIRE(ouro_trace_clear() == OURO_OK, "busy");
            ouro_trace_get_stats(&stats);
            break;
        default:
            REQUIRE(ouro_trace_start(&config) == OURO_OK, "no memory");
        }
        if (attaches) {
            ouro_thread_detach();
        }
    }
}

static void
work_last(void *context)
{
    work(context);
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
}

static void
test_turning_while_threads_work(void **state)
{
    (void)state;
    static const bool attaches[] = {false, true};
    begin_workers();
    is_over = 0;
    struct threads *turners = threads_start(2, turn, (void *)(uintptr_t)attaches, sizeof *attaches);
    threads_run_detached(N_THREADS, work_last, workers, sizeof *workers);
    ouro_thread_detach();
    threads_join(turners);
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    end_workers();
    assert_int_equal(ouro_trace_stop(), OURO_OK);
    start(0, 0);
    ouro_ref node = node_new(NULL, NULL);
    assert_int_equal(blocks_now(), 1);
    ouro_decref(node);
    assert_int_equal(blocks_now(), 0);
}

/* ---- frame sources ---- */

static ouro_status busy[5];

static size_t
walk_and_ask(ouro_frame *frames, size_t most, void *context)
{
    ouro_traceback *traceback;
    uint64_t now;
    busy[0] = ouro_trace_start(NULL);
    busy[1] = ouro_trace_stop();
    busy[2] = ouro_trace_clear();
    busy[3] = ouro_trace_reset_peak();
    busy[4] = ouro_trace_of(context, &traceback);
    ouro_trace_get_memory(&now, NULL);
    return calls_source.walk(frames, most, context);
}

static void
test_a_source_that_asks_is_told_that_it_is_busy(void **state)
{
    (void)state;
    void *before = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 1);
    ouro_frame_source source = calls_source;
    source.walk = walk_and_ask;
    source.context = before;
    assert_int_equal(ouro_trace_start(&(ouro_trace_config){.source = &source}), OURO_OK);
    void *block = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 10);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(busy[i], OURO_BUSY);
    }
    const ouro_frame frame = {&program, 1};
    check_traceback(block, 10, OURO_DOMAIN_RAW, 1, &frame);
    ouro_heap_free(heap, OURO_DOMAIN_RAW, block);
    ouro_heap_free(heap, OURO_DOMAIN_RAW, before);
}

/* Codes that are blocks of a heap may die, and others may lie in their place. */
static void
test_codes_that_end(void **state)
{
    (void)state;
    char names[200][16];
    const ouro_trace_config config = {.source = &calls_heap_source};

    assert_int_equal(ouro_trace_start(&config), OURO_OK);
    for (uint32_t i = 0; i < 200; i++) {
        struct callee *code = ouro_heap_alloc(heap, OURO_DOMAIN_OBJECT, sizeof *code);
        (void)snprintf(names[i], sizeof names[i], "f%u", i);
        *code = (struct callee){"exec", names[i], i};
        call_enter(code, i);
        void *block = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 10);
        const ouro_frame frames[] = {{code, i}, {&program, 1}};
        check_traceback(block, 10, OURO_DOMAIN_RAW, 2, frames);
        call_leave();
        ouro_heap_free(heap, OURO_DOMAIN_RAW, block);
        ouro_heap_free(heap, OURO_DOMAIN_OBJECT, code);
    }
}

static size_t
walk_deep(ouro_frame *frames, size_t most, void *context)
{
    (void)context;
    for (size_t i = 0; i < most; i++) {
        frames[i] = (ouro_frame){i % 2 == 0 ? &loader : &parser, (uint32_t)i};
    }
    return most + 5; /* more than there is room for */
}

static void
test_a_deep_stack(void **state)
{
    (void)state;
    ouro_frame_source source = calls_source;
    source.walk = walk_deep;
    assert_int_equal(ouro_trace_start(&(ouro_trace_config){.source = &source}), OURO_OK);
    void *block = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 10);
    ouro_traceback *traceback;
    assert_int_equal(ouro_trace_of(block, &traceback), OURO_FOUND);
    assert_int_equal(traceback->n_places, OURO_TRACE_FRAMES_MOST);
    for (size_t i = 0; i < OURO_TRACE_FRAMES_MOST; i++) {
        assert_int_equal(traceback->places[i].line, i);
        assert_string_equal(traceback->places[i].function, i % 2 == 0 ? "load" : "parse");
    }
    ouro_traceback_free(traceback);
    ouro_heap_free(heap, OURO_DOMAIN_RAW, block);
}

/* ---- fork ---- */

static void
be_a_child(void *context)
{
    const ouro_frame frame = {&program, 1};
    REQUIRE(ouro_trace_is_on(), "a child is traced as its parent is");
    check_traceback(context, 50, OURO_DOMAIN_RAW, 1, &frame);
    uint64_t before = traced_now();
    ouro_ref node = node_new(NULL, NULL);
    REQUIRE(traced_now() == before + sizeof(struct node), "not counted");
    ouro_decref(node);
    ouro_heap_free(heap, OURO_DOMAIN_RAW, context);
    REQUIRE(traced_now() == before - 50, "not counted off");
    REQUIRE(ouro_trace_stop() == OURO_OK && !ouro_trace_is_on(), "not ended");
}

static void
test_fork(void **state)
{
    (void)state;
    begin_workers();
    start(0, 0);
    void *block = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 50);
    struct threads *threads = threads_start(N_THREADS, work, workers, sizeof *workers);
    for (int i = 0; i < 20; i++) {
        struct child_end end = child_run(be_a_child, block, 30);
        if (end.code != 0) {
            fail_msg("child: signal %d, code %d: %s", end.signal, end.code, end.text);
        }
    }
    ouro_thread_detach();
    threads_join(threads);
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    end_workers();
    ouro_heap_free(heap, OURO_DOMAIN_RAW, block);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_traced_before),
        TEST(test_wrong_arguments),
        TEST(test_a_block_has_its_traceback),
        TEST(test_frames_are_limited),
        TEST(test_resizing),
        TEST(test_peak),
        TEST(test_heaps_end),
        TEST(test_objects),
        TEST(test_containers),
        TEST(test_cycles),
        TEST(test_objects_over_the_ends),
        TEST(test_samples),
        TEST(test_a_million_blocks),
        TEST(test_threads),
        TEST(test_turning_while_threads_work),
        TEST(test_a_source_that_asks_is_told_that_it_is_busy),
        TEST(test_codes_that_end),
        TEST(test_a_deep_stack),
        TEST(test_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
