/* test_trace.c - which traceback holds how many blocks, against a log of everything that happened.
 *
 * ctest: timeout=300 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ouro/heap.h>

#include "cm.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "stacks.h"
#include "threads.h"
#include "trace/beside.h"
#include "trace/sample.h"
#include "trace/trace.h"
#include "trace/tree.h"

enum { N_CODES = 40, N_EVENTS = TEST_STRESSED ? 100000 : 1000000 };

static ouro_heap *heap;

static int
setup(void **state)
{
    (void)state;
    heap = ouro_heap_create(&(ouro_heap_config){.kind = OURO_HEAP_SHARED});
    return heap == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    ouro__trace_stop();
    while (stack_depth() > 0) {
        stack_pop();
    }
    ouro_heap_destroy(heap);
    return 0;
}

/* ---- reading what is known ---- */

static const struct ouro__trace *
trace_at(size_t i)
{
    return &((const struct ouro__trace *)ouro__trace_items.items)[i];
}

static const struct ouro__trace_node *
node_at(uint32_t i)
{
    return &((const struct ouro__trace_node *)ouro__tree.nodes.items)[i];
}

static void
name_of(uint32_t node, char *name)
{
    const struct ouro__trace_code *code =
        &((const struct ouro__trace_code *)ouro__tree.codes.items)[node_at(node)->code];
    memcpy(name, (const char *)ouro__tree.texts.items + code->name.at, code->name.size);
    name[code->name.size] = '\0';
}

/* The trace of a block that was just allocated. */
static const struct ouro__trace *
trace_of(const void *block)
{
    return trace_at(*ouro__beside(block, false) & OURO__INDEX);
}

static bool is_quick; /* blocks are told of by the quick ways */

static void *
take(size_t size, ouro_domain domain)
{
    void *block = ouro_heap_alloc(heap, domain, size);
    assert_non_null(block);
    uint64_t mark = is_quick ? stack_source.mark() : 0;
    if (mark != 0) {
        assert_ptr_equal(ouro__trace_alloc_marked(block, size, domain, mark), block);
    } else {
        ouro__trace_alloc(block, size, domain);
    }
    return block;
}

static void
give(void *block, ouro_domain domain)
{
    uint32_t *index = is_quick ? ouro__beside_pooled(block) : NULL;
    if (index != NULL && *index != 0) {
        ouro__trace_free_beside(block, index);
        assert_int_equal(*index, 0);
    } else {
        ouro__trace_free(block);
    }
    ouro_heap_free(heap, domain, block);
}

/* ---- against a log ---- */

struct event {
    uint32_t trace; /* its index */
    bool is_free;
};

struct block {
    void *address;
    ouro_domain domain;
    uint32_t trace;
};

/* The innermost frame of a block that was just allocated is where the thread is. */
static void
check_place(const struct ouro__trace *trace)
{
    struct ouro__frame frame;
    char name[24] = "";
    if (stack_source.walk(&frame, 1) == 0) {
        assert_int_equal(trace->node, 0);
        return;
    }
    const struct stack_code *code = frame.code;
    assert_int_equal(node_at(trace->node)->offset, frame.offset);
    name_of(trace->node, name);
    assert_string_equal(name, code->name);
}

/* A walk through calls: a push, a pop, or another instruction of the innermost frame. */
static void
wander(struct test_random *random, struct stack_code **codes)
{
    switch (random_below(random, 4)) {
    case 0:
        if (stack_depth() < 30) {
            stack_push(codes[random_below(random, N_CODES)], (uint32_t)random_below(random, 8) * 2);
        }
        break;
    case 1:
        if (stack_depth() > 0) {
            stack_pop();
        }
        break;
    default:
        if (stack_depth() > 0) {
            stack_pop();
            stack_push(codes[random_below(random, 4)], (uint32_t)random_below(random, 4) * 2);
        }
        break;
    }
}

/* What a trace has, by a replay of the first `n` events. */
static void
replay(const struct event *events, size_t n, uint64_t *live)
{
    for (size_t i = 0; i < n; i++) {
        live[events[i].trace] += events[i].is_free ? (uint64_t)-1 : 1;
    }
}

static void
check_against_log(const struct event *events, size_t n_events)
{
    size_t n_traces = ouro__trace_items.n, n_to_peak = 0;
    uint64_t *live = calloc(n_traces, sizeof *live), *at_peak = calloc(n_traces, sizeof *at_peak);
    uint64_t *all = calloc(n_traces, sizeof *all);
    uint64_t bytes = 0, highest = 0, blocks = 0;
    REQUIRE(live != NULL && at_peak != NULL && all != NULL, "%zu traces", n_traces);

    for (size_t i = 0; i < n_events; i++) {
        uint64_t size = trace_at(events[i].trace)->size;
        bytes += events[i].is_free ? -size : size;
        blocks += events[i].is_free ? (uint64_t)-1 : 1;
        all[events[i].trace] += !events[i].is_free;
        if (bytes > highest) {
            highest = bytes;
            n_to_peak = i + 1;
        }
    }
    replay(events, n_events, live);
    replay(events, n_to_peak, at_peak);

    struct ouro__trace_totals totals;
    assert_true(ouro__trace_lock());
    ouro__trace_totals(&totals);
    assert_int_equal(totals.bytes, bytes);
    assert_int_equal(totals.blocks, blocks);
    assert_int_equal(totals.peak_bytes, highest);
    assert_int_equal(totals.n_untraced, 0);
    for (size_t i = 1; i < n_traces; i++) {
        assert_int_equal(trace_at(i)->live, live[i]);
        assert_int_equal(trace_at(i)->all, all[i]);
        assert_int_equal(ouro__trace_at_peak(trace_at(i)), at_peak[i]);
    }
    ouro__trace_unlock();
    free(live);
    free(at_peak);
    free(all);
}

/* Rise and fall, several times: the peak is somewhere in the middle. */
static bool
is_rising(size_t i)
{
    return i / (N_EVENTS / 10) % 3 != 2;
}

static void
run_against_log(uint32_t n_frames, uint64_t seed)
{
    struct test_random random = {seed};
    struct stack_code *codes[N_CODES];
    struct event *events = calloc(N_EVENTS, sizeof *events);
    struct block *blocks = calloc(N_EVENTS, sizeof *blocks);
    size_t n_blocks = 0, n_events = 0;
    assert_true(events != NULL && blocks != NULL);

    for (size_t i = 0; i < N_CODES; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "f%zu", i);
        codes[i] = stack_code_make(heap, name, (uint32_t)i);
    }
    assert_true(ouro__trace_start(&stack_source, n_frames, 0));
    for (size_t i = 0; i < N_EVENTS; i++) {
        wander(&random, codes);
        bool takes = n_blocks == 0 || random_below(&random, 100) < (is_rising(i) ? 60U : 30U);
        if (takes) {
            ouro_domain domain = random_domain(&random);
            void *address = take(random_python_size(&random, 100000), domain);
            uint32_t trace = *ouro__beside(address, false);
            check_place(trace_at(trace));
            blocks[n_blocks++] = (struct block){address, domain, trace};
            events[n_events++] = (struct event){trace, false};
        } else {
            size_t which = random_below(&random, n_blocks);
            struct block block = blocks[which];
            blocks[which] = blocks[--n_blocks];
            give(block.address, block.domain);
            events[n_events++] = (struct event){block.trace, true};
        }
    }
    check_against_log(events, n_events);
    while (n_blocks > 0) {
        n_blocks--;
        give(blocks[n_blocks].address, blocks[n_blocks].domain);
    }
    struct ouro__trace_totals totals;
    ouro__trace_totals(&totals);
    assert_int_equal(totals.bytes, 0);
    assert_int_equal(totals.blocks, 0);
    free(events);
    free(blocks);
}

static void
test_log_all_frames(void **state)
{
    (void)state;
    run_against_log(0, 1);
}

static void
test_log_one_frame(void **state)
{
    (void)state;
    run_against_log(1, 2);
}

static void
test_log_quickly(void **state)
{
    (void)state;
    is_quick = true;
    run_against_log(1, 4);
    is_quick = false;
}

static void
test_log_some_frames(void **state)
{
    (void)state;
    run_against_log(5, 3);
}

/* ---- tracebacks ---- */

static void
test_tracebacks(void **state)
{
    char name[24];
    struct stack_code *outer = stack_code_make(heap, "outer", 1),
                      *inner = stack_code_make(heap, "inner", 9);
    (void)state;
    assert_true(ouro__trace_start(&stack_source, 0, 0));

    void *bare = take(10, OURO_DOMAIN_MEM);
    assert_int_equal(trace_of(bare)->node, 0);

    stack_push(outer, 4);
    stack_push(inner, 6);
    void *first = take(100, OURO_DOMAIN_OBJECT), *second = take(100, OURO_DOMAIN_OBJECT);
    assert_ptr_equal(trace_of(first), trace_of(second));
    assert_int_equal(trace_of(first)->live, 2);
    const struct ouro__trace_node *node = node_at(trace_of(first)->node);
    name_of(trace_of(first)->node, name);
    assert_string_equal(name, "inner");
    assert_int_equal(node->offset, 6);
    name_of(node->parent, name);
    assert_string_equal(name, "outer");
    assert_int_equal(node_at(node->parent)->offset, 4);
    assert_int_equal(node_at(node->parent)->parent, 0);

    /* The same callee from another instruction of its caller is another traceback. */
    stack_pop();
    stack_pop();
    stack_push(outer, 8);
    stack_push(inner, 6);
    void *third = take(100, OURO_DOMAIN_OBJECT);
    assert_int_not_equal(trace_of(third)->node, trace_of(first)->node);
    /* Other sizes and domains share the traceback. */
    void *fourth = take(101, OURO_DOMAIN_OBJECT), *fifth = take(100, OURO_DOMAIN_MEM);
    assert_ptr_not_equal(trace_of(fourth), trace_of(third));
    assert_ptr_not_equal(trace_of(fifth), trace_of(third));
    assert_int_equal(trace_of(fourth)->node, trace_of(third)->node);
    assert_int_equal(trace_of(fifth)->node, trace_of(third)->node);
}

/* A function ends and another is compiled where it lay: the stack looks as before, address by address. */
static void
test_codes_that_die(void **state)
{
    char name[24];
    (void)state;
    assert_true(ouro__trace_start(&stack_source, 0, 0));
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "f%u", i);
        struct stack_code *code = stack_code_make(heap, name, 1);
        stack_push(code, 2);
        void *block = take(40, OURO_DOMAIN_OBJECT);
        char found[24];
        name_of(trace_of(block)->node, found);
        assert_string_equal(found, name);
        stack_pop();
        give(code, OURO_DOMAIN_OBJECT);
    }
}

/* The same where somebody else's allocator puts codes: into a large block of ours, or none (-X dev, the free-threaded
 * build).  Its caller and itself run there, so that one look at the stack meets it twice. */
static void
test_codes_that_die_unseen(void **state)
{
    char *large = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 1 << 20), name[24], found[24];
    static struct stack_code foreign;
    struct stack_code *const places[] = {(struct stack_code *)(void *)(large + 4096), &foreign,
                                         (struct stack_code *)(void *)(large + 16)};
    (void)state;
    assert_non_null(large);
    for (size_t round = 0; round < 3 * sizeof places / sizeof *places; round++) {
        struct stack_code *place = places[round / 3];
        const uint32_t n_frames = (const uint32_t[]){0, 1, 2}[round % 3];
        assert_true(ouro__trace_start(&stack_source, n_frames, 0));
        for (unsigned i = 0; i < 1000; i++) {
            *place = (struct stack_code){.first_line = 1};
            (void)snprintf(name, sizeof name, "f%u", i);
            memcpy(place->name, name, sizeof name);
            stack_push(place, 4);
            stack_push(place, 2);
            uint32_t node = trace_of(take(40, OURO_DOMAIN_OBJECT))->node;
            name_of(node, found);
            assert_string_equal(found, name);
            uint32_t caller = node_at(node)->parent;
            assert_int_equal(caller == 0, n_frames == 1);
            if (caller != 0) {
                name_of(caller, found);
                assert_string_equal(found, name);
                assert_int_equal(node_at(caller)->offset, 4);
            }
            stack_pop();
            stack_pop();
        }
        ouro__trace_stop();
    }
}

/* The same text compiled again and again: one code in the end, one trace. */
static void
test_codes_that_are_alike(void **state)
{
    (void)state;
    assert_true(ouro__trace_start(&stack_source, 0, 0));
    const struct ouro__trace *trace = NULL;
    for (unsigned i = 0; i < 1000; i++) {
        struct stack_code *code = stack_code_make(heap, "<module>", 1);
        stack_push(code, 2);
        void *block = take(40, OURO_DOMAIN_OBJECT);
        assert_true(trace == NULL || trace == trace_of(block));
        trace = trace_of(block);
        stack_pop();
        if (i % 2 == 0) {
            give(code, OURO_DOMAIN_OBJECT);
        }
    }
    assert_int_equal(trace->live, 1000);
    assert_int_equal(ouro__tree.codes.n, 2); /* and the one that stands for none */
}

/* A program makes code without end: from some number on it is one code, whatever instruction runs in it, and what is kept
 * grows no more. */
static void
test_codes_without_end(void **state)
{
    (void)state;
    uint64_t bytes = 0;
    char name[24];
    assert_true(ouro__trace_start(&stack_source, 0, 0));
    struct stack_code *caller = stack_code_make(heap, "main", 1);
    stack_push(caller, 1);
    for (unsigned i = 0; i < OURO__CODES_MOST + 20000; i++) {
        (void)snprintf(name, sizeof name, "f%u", i);
        struct stack_code *code = stack_code_make(heap, name, 1);
        stack_push(code, i % 5000);
        void *block = take(40, OURO_DOMAIN_OBJECT);
        uint32_t node = trace_of(block)->node;
        name_of(node, name);
        assert_true(i >= OURO__CODES_MOST - 2 ? strcmp(name, "") == 0 : name[0] == 'f');
        name_of(node_at(node)->parent, name);
        assert_string_equal(name, "main");
        stack_pop();
        give(block, OURO_DOMAIN_OBJECT);
        give(code, OURO_DOMAIN_OBJECT);
        if (i == OURO__CODES_MOST + 10000) {
            struct ouro__trace_totals totals;
            ouro__trace_totals(&totals);
            bytes = totals.own_bytes;
        }
    }
    struct ouro__trace_totals totals;
    ouro__trace_totals(&totals);
    assert_int_equal(ouro__tree.codes.n, OURO__CODES_MOST + 1);
    assert_true(totals.own_bytes <= bytes + 65536);

    /* Those that are known are told apart all the same. */
    void *block = take(80, OURO_DOMAIN_OBJECT);
    name_of(trace_of(block)->node, name);
    assert_string_equal(name, "main");
}

/* ---- resizing ---- */

static void
test_resizing(void **state)
{
    (void)state;
    assert_true(ouro__trace_start(&stack_source, 0, 0));
    void *block = take(200000, OURO_DOMAIN_RAW);
    const struct ouro__trace *before = trace_of(block);

    struct ouro__taken taken = ouro__trace_take(block);
    ouro__trace_put_back(block, taken); /* there was no memory: all is as it was */
    assert_ptr_equal(trace_of(block), before);
    assert_int_equal(before->live, 1);

    taken = ouro__trace_take(block);
    void *moved = ouro_heap_realloc(heap, OURO_DOMAIN_RAW, block, 50000000);
    assert_non_null(moved);
    ouro__trace_drop(block, taken);
    ouro__trace_alloc(moved, 50000000, OURO_DOMAIN_RAW);
    struct ouro__trace_totals totals;
    ouro__trace_totals(&totals);
    assert_int_equal(totals.bytes, 50000000);
    assert_int_equal(totals.blocks, 1);
    assert_int_equal(trace_at(1)->live, 0);
    give(moved, OURO_DOMAIN_RAW);
    ouro__trace_totals(&totals);
    assert_int_equal(totals.bytes, 0);
}

/* ---- interruptions, beginning again ---- */

static void *interrupted_block;

static void
allocate_inside(void)
{
    stack_interrupt = NULL;
    interrupted_block = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 64);
    ouro__trace_alloc(interrupted_block, 64, OURO_DOMAIN_RAW);
    ouro__trace_free(interrupted_block);
}

static void
test_interrupted(void **state)
{
    (void)state;
    assert_true(ouro__trace_start(&stack_source, 0, 0));
    stack_interrupt = allocate_inside;
    void *block = take(32, OURO_DOMAIN_RAW);
    assert_null(stack_interrupt);
    assert_int_equal(trace_of(block)->live, 1);
    struct ouro__trace_totals totals;
    ouro__trace_totals(&totals);
    assert_int_equal(totals.blocks, 1);
    ouro_heap_free(heap, OURO_DOMAIN_RAW, interrupted_block);
}

static void
test_beginning_again(void **state)
{
    (void)state;
    assert_true(ouro__trace_start(&stack_source, 0, 0));
    void *small = take(32, OURO_DOMAIN_RAW), *large = take(1000000, OURO_DOMAIN_RAW);
    ouro__trace_stop();
    ouro__trace_alloc(small, 32, OURO_DOMAIN_RAW); /* nobody listens */
    assert_true(ouro__trace_start(&stack_source, 0, 0));
    give(small, OURO_DOMAIN_RAW);
    give(large, OURO_DOMAIN_RAW);
    struct ouro__trace_totals totals;
    ouro__trace_totals(&totals);
    assert_int_equal(totals.bytes, 0);
    assert_int_equal(totals.peak_bytes, 0);
    assert_int_equal(ouro__trace_items.n, 1);
}

/* A block whose end was not told is counted off when its place is taken again. */
static void
test_ends_that_were_not_told(void **state)
{
    (void)state;
    assert_true(ouro__trace_start(&stack_source, 0, 0));
    for (int i = 0; i < 1000; i++) {
        ouro_heap_free(heap, OURO_DOMAIN_RAW, take(48, OURO_DOMAIN_RAW));
    }
    struct ouro__trace_totals totals;
    ouro__trace_totals(&totals);
    assert_true(totals.blocks < 10);
}

/* ---- threads ---- */

enum { N_THREADS = 8, N_THREAD_EVENTS = TEST_STRESSED ? 20000 : 200000 };

struct worker {
    uint64_t seed;
    struct stack_code **codes;
    uint64_t n_taken;
};

static void
work(void *context)
{
    struct worker *worker = context;
    struct test_random random = {worker->seed};
    struct block blocks[100];
    size_t n = 0;

    for (size_t i = 0; i < N_THREAD_EVENTS; i++) {
        wander(&random, worker->codes);
        if (n < 100 && (n == 0 || random_below(&random, 2) == 0)) {
            ouro_domain domain = random_domain(&random);
            size_t size = random_python_size(&random, 5000);
            void *address = ouro_heap_alloc(heap, domain, size);
            REQUIRE(address != NULL, "%zu bytes", size);
            ouro__trace_alloc(address, size, domain);
            blocks[n++] = (struct block){address, domain, 0};
            worker->n_taken++;
        } else {
            n--;
            give(blocks[n].address, blocks[n].domain);
        }
    }
    while (n > 0) {
        n--;
        give(blocks[n].address, blocks[n].domain);
    }
}

static void
test_threads(void **state)
{
    struct stack_code *codes[N_CODES];
    struct worker workers[N_THREADS];
    uint64_t n_taken = 0, n_all = 0;
    (void)state;
    for (size_t i = 0; i < N_CODES; i++) {
        codes[i] = stack_code_make(heap, "f", (uint32_t)i);
    }
    assert_true(ouro__trace_start(&stack_source, 0, 0));
    for (size_t i = 0; i < N_THREADS; i++) {
        workers[i] = (struct worker){.seed = i, .codes = codes};
    }
    threads_run(N_THREADS, work, workers, sizeof *workers);
    for (size_t i = 0; i < N_THREADS; i++) {
        n_taken += workers[i].n_taken;
    }
    struct ouro__trace_totals totals;
    ouro__trace_totals(&totals);
    assert_int_equal(totals.bytes, 0);
    assert_int_equal(totals.blocks, 0);
    assert_int_equal(totals.n_untraced, 0);
    for (size_t i = 1; i < ouro__trace_items.n; i++) {
        assert_int_equal(trace_at(i)->live, 0);
        n_all += trace_at(i)->all;
    }
    assert_int_equal(n_all, n_taken);
}

/* ---- changes while others allocate ---- */

static bool is_over; /* atomic */

static void
work_on(void *context)
{
    struct worker *worker = context;
    struct test_random random = {worker->seed};
    struct block blocks[100];
    size_t n = 0;

    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED) || n > 0) {
        bool takes = !__atomic_load_n(&is_over, __ATOMIC_RELAXED);
        if (takes && n < 100 && (n == 0 || random_below(&random, 2) == 0)) {
            ouro_domain domain = random_domain(&random);
            size_t size = random_python_size(&random, 50000);
            void *address = ouro_heap_alloc(heap, domain, size);
            REQUIRE(address != NULL, "%zu bytes", size);
            ouro__trace_alloc(address, size, domain);
            blocks[n++] = (struct block){address, domain, 0};
        } else if (n > 0 && takes && random_below(&random, 4) == 0) {
            struct ouro__taken taken = ouro__trace_take(blocks[n - 1].address);
            ouro__trace_put_back(blocks[n - 1].address, taken);
        } else if (n > 0) {
            n--;
            give(blocks[n].address, blocks[n].domain);
        }
    }
}

static void
check_counts(void)
{
    struct ouro__trace_totals totals;
    uint64_t blocks = 0, bytes = 0;
    assert_true(ouro__trace_lock());
    ouro__trace_totals(&totals);
    for (size_t i = 1; i < ouro__trace_items.n; i++) {
        assert_true(trace_at(i)->live <= trace_at(i)->all);
        blocks += trace_at(i)->live;
        bytes += trace_at(i)->live * trace_at(i)->size;
    }
    assert_int_equal(totals.blocks, blocks);
    assert_int_equal(totals.bytes, bytes);
    assert_true(totals.blocks <= 101 * (uint64_t)N_THREADS);
    assert_true(totals.peak_bytes >= totals.bytes);
    ouro__trace_unlock();
}

static void
test_changes_beside_threads(void **state)
{
    struct stack_code *codes[N_CODES];
    struct worker workers[N_THREADS];
    struct test_random random = {9};
    (void)state;
    for (size_t i = 0; i < N_CODES; i++) {
        codes[i] = stack_code_make(heap, "f", (uint32_t)i);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        workers[i] = (struct worker){.seed = i, .codes = codes};
    }
    __atomic_store_n(&is_over, false, __ATOMIC_RELAXED);
    struct threads *threads = threads_start(N_THREADS, work_on, workers, sizeof *workers);
    for (int i = 0; i < (TEST_STRESSED ? 200 : 2000); i++) {
        switch (random_below(&random, 4)) {
        case 0:
            assert_true(ouro__trace_stop());
            break;
        case 1:
            assert_true(ouro__trace_clear());
            break;
        case 2:
            assert_true(ouro__trace_reset_peak());
            break;
        default:
            assert_true(ouro__trace_start(&stack_source, (uint32_t)random_below(&random, 3), 0));
            break;
        }
        check_counts();
    }
    assert_true(ouro__trace_stop());
    assert_true(ouro__trace_start(&stack_source, 0, 0));
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    threads_join(threads);
    struct ouro__trace_totals totals;
    ouro__trace_totals(&totals);
    assert_int_equal(totals.blocks, 0);
    assert_int_equal(totals.bytes, 0);
    assert_true(ouro__trace_stop());
}

/* What is forgotten takes no memory. */
static void
test_clearing_gives_back(void **state)
{
    struct ouro__trace_totals before, full, after;
    struct stack_code *code = stack_code_make(heap, "f", 1);
    (void)state;
    assert_true(ouro__trace_start(&stack_source, 0, 0));
    ouro__trace_totals(&before);
    for (uint32_t i = 0; i < 100000; i++) {
        stack_push(code, i * 2);
        give(take(1 + i % 5000, OURO_DOMAIN_RAW), OURO_DOMAIN_RAW);
        stack_pop();
    }
    ouro__trace_totals(&full);
    assert_true(full.own_bytes > before.own_bytes + 100000 * sizeof(struct ouro__trace));
    assert_true(ouro__trace_clear());
    ouro__trace_totals(&after);
    assert_true(after.own_bytes <= before.own_bytes + 65536);
    void *block = take(100, OURO_DOMAIN_RAW);
    assert_int_equal(trace_of(block)->live, 1);
    assert_int_equal(ouro__trace_items.n, 2);
}

/* ---- samples ---- */

/* Sampling `n` blocks of a size, by holders that take `n_each` and end: the estimate of their bytes. */
static double
estimate(uint64_t size, uint64_t n, uint64_t n_each, uint64_t mean)
{
    int64_t until = OURO__NO_COUNT;
    double sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (i % n_each == 0) {
            until = OURO__NO_COUNT;
        }
        if (ouro__trace_is_due(&until, size) && ouro__trace_turn(&until, size)) {
            sum += (double)ouro__sample_weight(size, mean);
        }
    }
    return sum;
}

/* Over many runs the mean estimate is the truth, within four of its standard errors, which are what theory says: blocks
 * are sampled each with p on its own, so the variance of an estimate is n * size^2 * (1 - p) / p. */
static void
check_estimates(uint64_t n_each, const uint64_t *sizes, size_t n_sizes)
{
    const uint64_t mean = 524288;
    assert_true(ouro__trace_start(NULL, 0, mean));
    for (size_t i = 0; i < n_sizes; i++) {
        uint64_t n = 40 * mean / sizes[i] + 10;
        double truth = (double)(n * sizes[i]), sum = 0, squares = 0;
        const int n_runs = 100;
        for (int run = 0; run < n_runs; run++) {
            double found = estimate(sizes[i], n, n_each, mean);
            sum += found;
            squares += (found - truth) * (found - truth);
        }
        double p = -expm1(-(double)sizes[i] / (double)mean);
        double variance = (double)n * (double)(sizes[i] * sizes[i]) * (1 - p) / p;
        double error = sqrt(variance / n_runs);
        assert_true(fabs(sum / n_runs - truth) <= 4 * error + 1e-6 * truth);
        if (p < 0.9) {
            assert_true(squares / n_runs > variance / 2 && squares / n_runs < variance * 2);
        }
    }
}

static void
test_estimates(void **state)
{
    static const uint64_t sizes[] = {1, 16, 56, 500, 4096, 65536, 524288, 3000000};
    (void)state;
    check_estimates(UINT64_MAX, sizes, sizeof sizes / sizeof *sizes);
}

/* A thousand threads with a block each hold no more than those blocks. */
static void
test_estimates_of_many_holders(void **state)
{
    static const uint64_t sizes[] = {500, 4096, 65536, 524288, 3000000};
    (void)state;
    check_estimates(1, sizes, sizeof sizes / sizeof *sizes);
}

/* What nobody can have must not put off the next sample for good. */
static void
test_huge_sizes(void **state)
{
    static const size_t sizes[] = {
        SIZE_MAX,    SIZE_MAX - 1,       (size_t)1 << 63, ((size_t)1 << 63) + 1,
        PTRDIFF_MAX, SIZE_MAX - 1000000, SIZE_MAX / 4 * 3};
    (void)state;
    for (size_t i = 0; i < 2 * (sizeof sizes / sizeof *sizes); i++) {
        bool is_exact = i % 2 == 0;
        assert_true(ouro__trace_start(NULL, 0, is_exact ? 0 : 1000));
        int64_t until = OURO__NO_COUNT;
        size_t n_due = 0, n_small = 100000;
        for (size_t j = 0; j < n_small; j++) {
            if (ouro__trace_is_due(&until, 100) && ouro__trace_turn(&until, 100)) {
                n_due++;
            }
            if (j % 100 == 0 && ouro__trace_is_due(&until, sizes[i / 2])) {
                (void)ouro__trace_turn(&until, sizes[i / 2]);
            }
        }
        assert_true(is_exact ? n_due == n_small : n_due > n_small / 12 && n_due < n_small / 8);
        ouro__trace_stop();
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log_all_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_one_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_quickly, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_some_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tracebacks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_codes_that_die, setup, teardown),
        cmocka_unit_test_setup_teardown(test_codes_that_die_unseen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_codes_without_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_codes_that_are_alike, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resizing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_beginning_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends_that_were_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes_beside_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clearing_gives_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_estimates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_estimates_of_many_holders, setup, teardown),
        cmocka_unit_test_setup_teardown(test_huge_sizes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
