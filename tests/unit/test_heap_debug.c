/* test_heap_debug.c - the debug heap finds each kind of mistake and says which block it was.
 *
 * Every mistake is made in a forked child, whose abort and message are then looked at.  Sizes are odd ones,
 * so that finding them in the message means something. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <ouro/heap.h>

#include "child.h"
#include "kinds.h"
#include "pattern.h"
#include "threads.h"

enum { SMALL = 237, MEDIUM = 23457, LARGE = 345679 };

/* One mistake: what to do with a block of `size` bytes of `domain`. */
struct mistake {
    ouro_heap *heap;
    ouro_domain domain;
    size_t size;
    long at; /* where to write */
};

static const char *const domain_names[] = {"raw", "mem", "object"};

static unsigned char *
alloc_block(const struct mistake *mistake)
{
    unsigned char *block = ouro_heap_alloc(mistake->heap, mistake->domain, mistake->size);
    if (block == NULL) {
        return NULL;
    }
    memset(opaque_pointer(block), 0x11, mistake->size);
    return block;
}

/* Run a mistake in a child; require that it was aborted, and that the message has `word`, and names the
 * block's size and domain and where it was allocated. */
static void
require_found(child_main make, struct mistake *mistake, const char *word)
{
    struct child_end end = child_run(make, mistake, 60);
    char size[32];
    snprintf(size, sizeof size, "%zu", mistake->size);
    if (!child_aborted_saying(&end, word) || !child_aborted_saying(&end, size) ||
        !child_aborted_saying(&end, domain_names[mistake->domain]) ||
        !child_aborted_saying(&end, "allocated at")) {
        fail_msg(
            "%zu bytes of %s, at %ld: signal %d, code %d, expected an abort with \"%s\", \"%s\" and "
            "\"allocated at\", said:\n%s",
            mistake->size, domain_names[mistake->domain], mistake->at, end.signal, end.code, word, size,
            end.text);
    }
}

/* For all domains and the three kinds of sizes. */
static void
require_found_everywhere(void **state, child_main make, const char *word, long at)
{
    struct fixture *fixture = *state;
    const size_t sizes[] = {SMALL, MEDIUM, LARGE};
    for (int d = 0; d < OURO_N_DOMAINS; d++) {
        for (size_t i = 0; i < 3; i++) {
            struct mistake mistake = {fixture->heap, (ouro_domain)d, sizes[i], at};
            require_found(make, &mistake, word);
        }
    }
}

/* ---- writing past the ends ---- */

static void
overflow_and_free(void *context)
{
    struct mistake *mistake = context;
    unsigned char *block = alloc_block(mistake);
    smash_byte(block + mistake->size + mistake->at, 0x77);
    ouro_heap_free(mistake->heap, mistake->domain, block);
}

static void
overflow_and_realloc(void *context)
{
    struct mistake *mistake = context;
    unsigned char *block = alloc_block(mistake);
    smash_byte(block + mistake->size + mistake->at, 0x77);
    block = ouro_heap_realloc(mistake->heap, mistake->domain, block, mistake->size * 2);
    (void)opaque_pointer(block);
}

static void
underflow_and_free(void *context)
{
    struct mistake *mistake = context;
    unsigned char *block = alloc_block(mistake);
    smash_byte(block - 1 - mistake->at, 0x77);
    ouro_heap_free(mistake->heap, mistake->domain, block);
}

static void
test_overflow_by_one(void **state)
{
    require_found_everywhere(state, overflow_and_free, "overflow", 0);
    require_found_everywhere(state, overflow_and_realloc, "overflow", 0);
}

static void
test_overflow_a_little_further(void **state)
{
    require_found_everywhere(state, overflow_and_free, "overflow", 5);
}

static void
test_underflow(void **state)
{
    require_found_everywhere(state, underflow_and_free, "underflow", 0);
    require_found_everywhere(state, underflow_and_free, "underflow", 3);
}

/* Of every size: the byte after the last is guarded, whatever rounding leaves. */
static void
test_overflow_of_every_size(void **state)
{
    struct fixture *fixture = *state;
    for (size_t size = 1; size <= 66; size++) {
        struct mistake mistake = {fixture->heap, OURO_DOMAIN_MEM, size, 0};
        struct child_end end = child_run(overflow_and_free, &mistake, 60);
        if (!child_aborted_saying(&end, "overflow")) {
            fail_msg("%zu bytes: signal %d, code %d: %s", size, end.signal, end.code, end.text);
        }
    }
}

/* ---- freeing what must not be freed ---- */

static void
free_twice(void *context)
{
    struct mistake *mistake = context;
    unsigned char *block = alloc_block(mistake);
    ouro_heap_free(mistake->heap, mistake->domain, block);
    ouro_heap_free(mistake->heap, mistake->domain, block);
}

/* With other blocks allocated and freed in between. */
static void
free_twice_later(void *context)
{
    struct mistake *mistake = context;
    unsigned char *block = alloc_block(mistake);
    ouro_heap_free(mistake->heap, mistake->domain, block);
    for (int i = 0; i < 5; i++) {
        unsigned char *other = alloc_block(mistake);
        ouro_heap_free(mistake->heap, mistake->domain, other);
    }
    ouro_heap_free(mistake->heap, mistake->domain, block);
}

static void
realloc_after_free(void *context)
{
    struct mistake *mistake = context;
    unsigned char *block = alloc_block(mistake);
    ouro_heap_free(mistake->heap, mistake->domain, block);
    block = ouro_heap_realloc(mistake->heap, mistake->domain, block, mistake->size + 10);
    (void)opaque_pointer(block);
}

static void
free_in_wrong_domain(void *context)
{
    struct mistake *mistake = context;
    unsigned char *block = alloc_block(mistake);
    ouro_heap_free(mistake->heap, (ouro_domain)((mistake->domain + 1) % OURO_N_DOMAINS), block);
}

static void
realloc_in_wrong_domain(void *context)
{
    struct mistake *mistake = context;
    unsigned char *block = alloc_block(mistake);
    ouro_domain wrong = (ouro_domain)((mistake->domain + 2) % OURO_N_DOMAINS);
    block = ouro_heap_realloc(mistake->heap, wrong, block, mistake->size + 10);
    (void)opaque_pointer(block);
}

static void
free_on_another_thread(void *context)
{
    struct mistake *mistake = *(struct mistake **)context;
    unsigned char *block = alloc_block(mistake);
    ouro_heap_free(mistake->heap, mistake->domain, block);
}

static void
test_double_free(void **state)
{
    require_found_everywhere(state, free_twice, "double free", 0);
    require_found_everywhere(state, free_twice_later, "double free", 0);
    require_found_everywhere(state, realloc_after_free, "free", 0);
}

static void
test_wrong_domain(void **state)
{
    require_found_everywhere(state, free_in_wrong_domain, "domain", 0);
    require_found_everywhere(state, realloc_in_wrong_domain, "domain", 0);
}

/* Both domains are named: the one that the block has and the one that was said. */
static void
test_wrong_domain_names_both(void **state)
{
    struct fixture *fixture = *state;
    struct mistake mistake = {fixture->heap, OURO_DOMAIN_MEM, SMALL, 0};
    struct child_end end = child_run(free_in_wrong_domain, &mistake, 60);
    assert_true(child_aborted_saying(&end, "mem"));
    assert_true(child_aborted_saying(&end, "object"));
}

static void
free_inside(void *context)
{
    struct mistake *mistake = context;
    unsigned char *block = alloc_block(mistake);
    ouro_heap_free(mistake->heap, mistake->domain, block + mistake->at);
}

static void
free_foreign(void *context)
{
    struct mistake *mistake = context;
    static uint64_t here[32];
    uint64_t stack[32];
    void *wild[] = {here, stack, opaque_pointer(mistake), (void *)(uintptr_t)0x1230};
    void *block = alloc_block(mistake); /* the heap exists and has something */
    (void)block;
    ouro_heap_free(mistake->heap, mistake->domain, wild[mistake->at]);
}

static void
require_abort(child_main make, struct mistake *mistake)
{
    struct child_end end = child_run(make, mistake, 60);
    if (!child_aborted_saying(&end, "ouro")) {
        fail_msg("%zu bytes, at %ld: signal %d, code %d: %s", mistake->size, mistake->at, end.signal,
                 end.code, end.text);
    }
}

static void
test_free_of_interior_pointer(void **state)
{
    struct fixture *fixture = *state;
    const long inside[] = {1, 8, 16, 32, 128, 208};
    const size_t sizes[] = {SMALL, MEDIUM, LARGE};
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        for (size_t s = 0; s < 3; s++) {
            struct mistake mistake = {fixture->heap, OURO_DOMAIN_OBJECT, sizes[s], inside[i]};
            require_abort(free_inside, &mistake);
        }
    }
    struct mistake deep = {fixture->heap, OURO_DOMAIN_RAW, LARGE, 65536 * 3};
    require_abort(free_inside, &deep);
}

static void
test_wild_free(void **state)
{
    struct fixture *fixture = *state;
    for (long i = 0; i < 4; i++) {
        struct mistake mistake = {fixture->heap, OURO_DOMAIN_RAW, SMALL, i};
        require_abort(free_foreign, &mistake);
    }
}

/* ---- using what was freed ---- */

static void
write_after_free(void *context)
{
    struct mistake *mistake = context;
    unsigned char *block = alloc_block(mistake);
    ouro_heap_free(mistake->heap, mistake->domain, block);
    smash_byte(block + mistake->at, 0x77);
    for (int i = 0; i < 200000; i++) { /* until the block leaves quarantine */
        unsigned char *other = alloc_block(mistake);
        ouro_heap_free(mistake->heap, mistake->domain, other);
    }
    ouro_heap_destroy(mistake->heap);
}

static void
test_write_after_free(void **state)
{
    struct fixture *fixture = *state;
    const long at[] = {0, 1, 100, SMALL - 1};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        struct mistake mistake = {fixture->heap, OURO_DOMAIN_OBJECT, SMALL, at[i]};
        require_found(write_after_free, &mistake, "after free");
    }
}

static void
write_after_free_and_trim(void *context)
{
    struct mistake *mistake = context;
    unsigned char *block = alloc_block(mistake);
    ouro_heap_free(mistake->heap, mistake->domain, block);
    smash_byte(block + mistake->at, 0x77);
    (void)ouro_heap_trim(mistake->heap);
    ouro_heap_destroy(mistake->heap);
}

/* Nothing may be lost on the way out: at the latest the heap's end finds it. */
static void
test_write_after_free_is_found_at_the_end(void **state)
{
    struct fixture *fixture = *state;
    struct mistake mistake = {fixture->heap, OURO_DOMAIN_MEM, SMALL, 10};
    require_found(write_after_free_and_trim, &mistake, "after free");
}

/* Freed memory is filled, and stays unused for a while, so that readers of stale data notice. */
static void
test_freed_memory_is_filled(void **state)
{
    struct fixture *fixture = *state;
    struct mistake mistake = {fixture->heap, OURO_DOMAIN_RAW, SMALL, 0};
    unsigned char *block = alloc_block(&mistake);
    assert_non_null(block);
    unsigned char *stale = opaque_pointer(block);
    ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, block);
    size_t n_old = 0;
    for (size_t i = 0; i < SMALL; i++) {
        n_old += peek_byte(stale + i) == 0x11;
    }
    assert_int_equal(n_old, 0);
}

/* New memory is filled too, with something that is neither zero nor what was there. */
static void
test_new_memory_is_filled(void **state)
{
    struct fixture *fixture = *state;
    unsigned char *block = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_RAW, SMALL);
    assert_non_null(block);
    size_t n_zero = 0;
    for (size_t i = 0; i < SMALL; i++) {
        n_zero += block[i] == 0;
    }
    assert_int_equal(n_zero, 0);
    ouro_heap_free(fixture->heap, OURO_DOMAIN_RAW, block);
}

/* What is asked is what is usable: a program that relies on rounding is found. */
static void
test_usable_is_what_was_asked(void **state)
{
    struct fixture *fixture = *state;
    const size_t sizes[] = {1, 17, SMALL, MEDIUM, LARGE};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *block = ouro_heap_alloc(fixture->heap, OURO_DOMAIN_MEM, sizes[i]);
        assert_non_null(block);
        assert_int_equal(ouro_heap_usable_size(block), sizes[i]);
        ouro_heap_free(fixture->heap, OURO_DOMAIN_MEM, block);
    }
}

/* ---- what is no mistake ---- */

static void
do_nothing_wrong(void *context)
{
    struct mistake *mistake = context;
    for (size_t size = 0; size < 400000; size += size / 3 + 1) {
        struct mistake now = *mistake;
        now.size = size;
        unsigned char *block = alloc_block(&now);
        unsigned char *other = ouro_heap_alloc_aligned(now.heap, now.domain, 4096, size);
        ouro_heap_free(now.heap, now.domain, other);
        block = ouro_heap_realloc(now.heap, now.domain, block, size * 2);
        memset(opaque_pointer(block), 0x22, size * 2);
        threads_run(1, free_on_another_thread, &mistake, 0);
        ouro_heap_free(now.heap, now.domain, block);
    }
    ouro_heap_destroy(mistake->heap);
}

static void
test_nothing_wrong_says_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct mistake mistake = {fixture->heap, OURO_DOMAIN_OBJECT, 100, 0};
    struct child_end end = child_run(do_nothing_wrong, &mistake, 60);
    assert_int_equal(end.signal, 0);
    assert_int_equal(end.code, 0);
    assert_string_equal(end.text, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DEBUG_KINDS(test_overflow_by_one),
        ON_DEBUG_KINDS(test_overflow_a_little_further),
        ON_DEBUG_KINDS(test_overflow_of_every_size),
        ON_DEBUG_KINDS(test_underflow),
        ON_DEBUG_KINDS(test_double_free),
        ON_DEBUG_KINDS(test_wrong_domain),
        ON_DEBUG_KINDS(test_wrong_domain_names_both),
        ON_DEBUG_KINDS(test_free_of_interior_pointer),
        ON_DEBUG_KINDS(test_wild_free),
        ON_DEBUG_KINDS(test_write_after_free),
        ON_DEBUG_KINDS(test_write_after_free_is_found_at_the_end),
        ON_DEBUG_KINDS(test_freed_memory_is_filled),
        ON_DEBUG_KINDS(test_new_memory_is_filled),
        ON_DEBUG_KINDS(test_usable_is_what_was_asked),
        ON_DEBUG_KINDS(test_nothing_wrong_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
