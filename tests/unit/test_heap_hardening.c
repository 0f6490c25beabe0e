/* test_heap_hardening.c - a release heap notices the mistakes that cost nothing to notice, and never follows
 * a link that somebody has written over. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ouro/heap.h>

#include "base/poison.h"
#include "child.h"
#include "kinds.h"
#include "pattern.h"
#include "threads.h"

struct attempt {
    ouro_heap *heap;
    size_t size;
    uint64_t value;
    size_t n_before; /* blocks freed before and after the one in question */
};

static void
require_caught(child_main make, struct attempt *attempt, const char *what)
{
    struct child_end end = child_run(make, attempt, 60);
    if (!child_aborted_saying(&end, "ouro")) {
        fail_msg("%s, %zu bytes, value %#llx: signal %d, code %d, said: %s", what, attempt->size,
                 (unsigned long long)attempt->value, end.signal, end.code, end.text);
    }
}

static const size_t all_sizes[] = {0,    1,    16,    17,    64,    100,    512,
                                   1000, 8192, 20000, 65536, 65537, 100000, 3 << 20};
enum { N_SIZES = sizeof all_sizes / sizeof all_sizes[0] };

/* ---- double and wild frees ---- */

static void
free_twice(void *context)
{
    struct attempt *attempt = context;
    void *block = ouro_heap_alloc(attempt->heap, OURO_DOMAIN_RAW, attempt->size);
    void *stale = opaque_pointer(block);
    ouro_heap_free(attempt->heap, OURO_DOMAIN_RAW, block);
    ouro_heap_free(attempt->heap, OURO_DOMAIN_RAW, stale);
}

/* With the block's first bytes written, as any program does, and other blocks around it. */
static void
free_twice_among_others(void *context)
{
    struct attempt *attempt = context;
    void *blocks[9];
    for (size_t i = 0; i < 9; i++) {
        blocks[i] = ouro_heap_alloc(attempt->heap, OURO_DOMAIN_RAW, attempt->size);
        memset(opaque_pointer(blocks[i]), 0xAB, attempt->size);
    }
    for (size_t i = 0; i < 4; i++) {
        ouro_heap_free(attempt->heap, OURO_DOMAIN_RAW, blocks[i]);
    }
    ouro_heap_free(attempt->heap, OURO_DOMAIN_RAW, opaque_pointer(blocks[attempt->n_before]));
}

static void
free_in_thread(void *context)
{
    struct attempt *attempt = context;
    ouro_heap_free(attempt->heap, OURO_DOMAIN_RAW, (void *)(uintptr_t)attempt->value);
}

/* What one thread freed, another frees again. */
static void
free_twice_by_two(void *context)
{
    struct attempt *attempt = context;
    void *block = ouro_heap_alloc(attempt->heap, OURO_DOMAIN_RAW, attempt->size);
    attempt->value = (uintptr_t)opaque_pointer(block);
    ouro_heap_free(attempt->heap, OURO_DOMAIN_RAW, block);
    threads_run(1, free_in_thread, attempt, sizeof *attempt);
}

static void
test_double_free(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < N_SIZES; i++) {
        struct attempt attempt = {.heap = fixture->heap, .size = all_sizes[i]};
        require_caught(free_twice, &attempt, "double free");
        for (size_t which = 0; which < 4; which++) {
            attempt.n_before = which;
            require_caught(free_twice_among_others, &attempt, "double free among others");
        }
        if (fixture->kind->config.kind == OURO_HEAP_SHARED) {
            require_caught(free_twice_by_two, &attempt, "double free by two threads");
        }
    }
}

static void
free_value(void *context)
{
    struct attempt *attempt = context;
    void *kept = ouro_heap_alloc(attempt->heap, OURO_DOMAIN_RAW, 100);
    (void)opaque_pointer(kept);
    ouro_heap_free(attempt->heap, OURO_DOMAIN_RAW, (void *)(uintptr_t)attempt->value);
}

static uint64_t some_data[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static void
test_wild_free(void **state)
{
    struct fixture *fixture = *state;
    uint64_t on_stack[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    unsigned char *small = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, 100);
    unsigned char *large = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, 1 << 20);
    assert_non_null(small);
    assert_non_null(large);
    memset(opaque_pointer(large), 0xAB, 1 << 20);
    const uint64_t wild[] = {
        (uintptr_t)some_data,
        (uintptr_t)on_stack,
        (uintptr_t)fixture,
        1,
        16,
        0x1000,
        UINT64_MAX,
        UINT64_MAX - 15,
        (uint64_t)1 << 47,
        (uint64_t)1 << 63,
        (uintptr_t)small + 1, /* misaligned */
        (uintptr_t)small + 8,
        (uintptr_t)large + 16, /* inside a large block */
        (uintptr_t)large + 65536,
        (uintptr_t)large + 65536 * 7 + 32,
    };
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        struct attempt attempt = {.heap = fixture->heap, .size = 100, .value = wild[i]};
        require_caught(free_value, &attempt, "wild free");
    }
    ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, small);
    ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, large);
}

/* The same for a wild realloc. */
static void
realloc_value(void *context)
{
    struct attempt *attempt = context;
    void *kept = ouro_heap_alloc(attempt->heap, OURO_DOMAIN_RAW, 100);
    (void)opaque_pointer(kept);
    void *block = ouro_heap_realloc(attempt->heap, OURO_DOMAIN_RAW, (void *)(uintptr_t)attempt->value,
                                    attempt->size);
    (void)opaque_pointer(block);
}

static void
test_wild_realloc(void **state)
{
    struct fixture *fixture = *state;
    unsigned char *large = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, 1 << 20);
    assert_non_null(large);
    const uint64_t wild[] = {(uintptr_t)some_data, 16, UINT64_MAX - 15, (uintptr_t)large + 65536};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        for (size_t s = 0; s < N_SIZES; s++) {
            struct attempt attempt = {.heap = fixture->heap, .size = all_sizes[s], .value = wild[i]};
            require_caught(realloc_value, &attempt, "wild realloc");
        }
    }
    ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, large);
}

/* ---- smashed links ---- */

static uint64_t victim[64]; /* what an attacker would have returned as a block */

static bool
is_wild(const unsigned char *block)
{
    return !ouro_heap_owns(block) || ((uintptr_t)block & (OURO_ALIGNMENT - 1)) != 0;
}

/* Free some blocks, write over the first word of one of them, allocate until it must have been met. */
static void
smash_and_allocate(void *context)
{
    struct attempt *attempt = context;
    enum { MOST = 64 };
    unsigned char *blocks[MOST];
    for (size_t i = 0; i < MOST; i++) {
        blocks[i] = ouro_heap_alloc(attempt->heap, OURO_DOMAIN_OBJECT, attempt->size);
        if (blocks[i] == NULL) {
            _exit(3);
        }
    }
    /* A class's first free block is handed out next without a link. */
    void *first = ouro_heap_alloc(attempt->heap, OURO_DOMAIN_OBJECT, attempt->size);
    ouro_heap_free(attempt->heap, OURO_DOMAIN_OBJECT, opaque_pointer(first));
    for (size_t i = 0; i < MOST; i += 2) { /* every second: the pool stays */
        ouro_heap_free(attempt->heap, OURO_DOMAIN_OBJECT, blocks[i]);
    }
    smash_word(blocks[2 * (attempt->n_before % (MOST / 2))], attempt->value);
    for (size_t i = 0; i < 100000; i++) {
        unsigned char *block = ouro_heap_alloc(attempt->heap, OURO_DOMAIN_OBJECT, attempt->size);
        if (block == NULL) {
            _exit(4);
        }
        if (is_wild(block)) {
            _exit(5);
        }
    }
}

static void
test_smashed_link(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t values[] = {
        0,  1,     UINT64_MAX, (uintptr_t)victim, (uintptr_t)victim + 16, 0x4141414141414141,
        64, 65536, 0x10000000,
    };
    const size_t sizes[] = {16, 64, 512, 1000, 8192};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            struct attempt attempt = {
                .heap = fixture->heap, .size = sizes[s], .value = values[v], .n_before = 7 * v + s};
            require_caught(smash_and_allocate, &attempt, "smashed link");
        }
    }
}

/* Partial writes: a string that runs over by a byte or two changes only the first bytes of its neighbour.
 * No such write may make the heap return memory that is not a free block. */
static void
smash_low_bytes(void *context)
{
    struct attempt *attempt = context;
    enum { MOST = 64 };
    unsigned char *blocks[MOST];
    for (size_t i = 0; i < MOST; i++) {
        blocks[i] = ouro_heap_alloc(attempt->heap, OURO_DOMAIN_MEM, attempt->size);
        memset(opaque_pointer(blocks[i]), 0x5A, attempt->size);
    }
    for (size_t i = 0; i < MOST; i += 2) {
        ouro_heap_free(attempt->heap, OURO_DOMAIN_MEM, blocks[i]);
    }
    for (size_t i = 0; i < attempt->n_before; i++) {
        smash_byte(blocks[10] + i, (unsigned char)attempt->value);
    }
    for (size_t i = 0; i < 1000; i++) {
        unsigned char *block = ouro_heap_alloc(attempt->heap, OURO_DOMAIN_MEM, attempt->size);
        if (block == NULL || is_wild(block)) {
            _exit(5);
        }
        memset(opaque_pointer(block), 0xFF, attempt->size);
    }
    for (size_t i = 1; i < MOST; i += 2) { /* nobody's live block was handed out again */
        for (size_t k = 0; k < attempt->size; k++) {
            if (blocks[i][k] != 0x5A) {
                _exit(6);
            }
        }
    }
}

static void
test_partly_smashed_link(void **state)
{
    struct fixture *fixture = *state;
    for (size_t n_bytes = 1; n_bytes <= 8; n_bytes++) {
        for (uint64_t value = 0; value < 256; value += 51) {
            struct attempt attempt = {
                .heap = fixture->heap, .size = 96, .value = value, .n_before = n_bytes};
            struct child_end end = child_run(smash_low_bytes, &attempt, 60);
            if (end.signal != SIGABRT && (end.signal != 0 || end.code != 0)) {
                fail_msg("%zu bytes of %#llx: signal %d, code %d, said: %s", n_bytes,
                         (unsigned long long)value, end.signal, end.code, end.text);
            }
        }
    }
}

/* Links are encoded with a key that no two processes share: knowing one free block's bytes helps nobody. */
static void
tell_link(void *context)
{
    struct attempt *attempt = context;
    (void)attempt;
    ouro_heap *heap = ouro_heap_create(&(ouro_heap_config){.kind = OURO_HEAP_EXCLUSIVE});
    unsigned char *first = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 64);
    unsigned char *second = ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 64);
    unsigned char *stale = opaque_pointer(second);
    ouro_heap_free(heap, OURO_DOMAIN_RAW, first);
    ouro_heap_free(heap, OURO_DOMAIN_RAW, second);
    for (size_t i = 0; i < 8; i++) {
        fprintf(stderr, "%02x", peek_byte(stale + i));
    }
}

static void
test_links_do_not_show_addresses(void **state)
{
    struct fixture *fixture = *state;
    struct attempt attempt = {.heap = fixture->heap};
    struct child_end end = child_run(tell_link, &attempt, 60);
    assert_int_equal(end.code, 0);
    assert_int_equal(strlen(end.text), 16);
    assert_string_not_equal(end.text, "0000000000000000");
}

/* A block of its own run may lie where a free block lay.  Its first bytes, which nobody wrote, can come back to that
 * very address by copies (realloc), and must not look like those of a free block then. */
static void
test_no_link_outlives_its_pool(void **state)
{
    struct fixture *fixture = *state;
    enum { N = 60 };
    void *blocks[N];
    for (int round = 0; round < 20; round++) {
        size_t small = 40960 + (size_t)round % 5 * 5000;
        for (int i = 0; i < 2 * N; i++) {
            size_t size = i < N ? small : small + 65536;
            blocks[i % N] = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, size);
            assert_non_null(blocks[i % N]);
            for (size_t at = 0; i >= N && at < 8; at++) {
                assert_int_equal(peek_byte((char *)blocks[i % N] + at), 0);
            }
            if (i % N == N - 1) {
                for (int j = 0; j < N; j++) {
                    ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, blocks[j]);
                }
            }
        }
    }
}

#if OURO_HAS_POISON
static void
free_one(void *context)
{
    struct attempt *attempt = context;
    ouro_heap_free(attempt->heap, OURO_DOMAIN_RAW, (void *)(uintptr_t)attempt->value);
}

/* What was freed, by whom ever, is hidden but for the word of its link; what is handed out again is whole. */
static void
test_freed_blocks_are_hidden(void **state)
{
    struct fixture *fixture = *state;
    enum { N = 100 };
    static char *blocks[N];

    for (size_t k = 0; k < N_SIZES; k++) {
        size_t size = all_sizes[k] < 16 ? 16 : all_sizes[k];
        for (int i = 0; i < N; i++) {
            blocks[i] = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, size);
            assert_non_null(blocks[i]);
            assert_null(__asan_region_is_poisoned(blocks[i], size));
        }
        for (int i = 0; i < N; i++) {
            struct attempt attempt = {.heap = fixture->heap, .value = (uintptr_t)blocks[i]};
            if (i == N / 2 && fixture->kind->config.kind == OURO_HEAP_SHARED) {
                threads_run(1, free_one, &attempt, 0);
            } else {
                free_one(&attempt);
            }
            for (size_t at = 8; at < size; at += size / 16 * 8) {
                assert_true(__asan_address_is_poisoned(blocks[i] + at));
            }
        }
    }
}
#endif

int
main(void)
{
    const struct CMUnitTest tests[] = {
#if OURO_HAS_POISON
        ON_RELEASE_KINDS(test_freed_blocks_are_hidden),
#endif
        ON_RELEASE_KINDS(test_double_free),
        ON_RELEASE_KINDS(test_wild_free),
        ON_RELEASE_KINDS(test_wild_realloc),
        ON_RELEASE_KINDS(test_smashed_link),
        ON_RELEASE_KINDS(test_partly_smashed_link),
        ON_RELEASE_KINDS(test_no_link_outlives_its_pool),
        ON_KIND(test_links_do_not_show_addresses, kind_exclusive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
