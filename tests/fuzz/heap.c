/* heap.c - a fuzzer's bytes as operations on heaps, beside the naive oracle.
 *
 * The first byte chooses the kind of heap; then each operation is a byte for what to do, bytes for its
 * arguments.  Every input is a valid program: it never frees twice or writes out of bounds, so whatever
 * aborts is the heap's fault.  After the last operation everything is compared and freed. */
#include <ouro/heap.h>

#include "input.h"
#include "oracle.h"
#include "require.h"

enum { MOST_BLOCKS = 512, MOST_BYTES = 4 << 20 };

/* A size from one or two bytes: exact while small, near a power of two when large. */
static size_t
next_size(struct input *input)
{
    unsigned head = next_byte(input);
    if (head < 128) {
        return head;
    }
    if (head < 192) {
        return (size_t)(head - 128) * 16 + next_byte(input);
    }
    if (head < 240) {
        return next_word(input) + (size_t)(head - 192) * 1024;
    }
    size_t power = (size_t)1 << (16 + (head - 240) / 3); /* 64 KiB to 2 MiB */
    return power + next_word(input) * 8 - 65536 / 2;
}

/* Sizes that no heap can serve: the answer is NULL and nothing changes. */
static void
ask_too_much(struct input *input, struct oracle *oracle)
{
    volatile size_t size = SIZE_MAX - next_word(input) * (size_t)(next_byte(input) % 2 == 0 ? 1 : 4096);
    oracle->may_refuse = true;
    size_t n_refused = oracle->n_refused;
    oracle_alloc(oracle, OURO_DOMAIN_RAW, size);
    oracle_alloc_aligned(oracle, OURO_DOMAIN_RAW, (size_t)1 << next_byte(input) % 22, size);
    if (oracle->n_blocks > 0) {
        oracle_realloc(oracle, next_byte(input) % oracle->n_blocks, size);
        n_refused++;
    }
    REQUIRE(oracle->n_refused == n_refused + 2, "%zu bytes were served", size);
}

static void
change_limit(struct input *input, struct oracle *oracle, bool *limited)
{
    size_t limit = next_byte(input) * (size_t)131072;
    ouro_heap_set_limit(oracle->heap, limit);
    *limited = limit != 0;
}

static void
allocate(struct input *input, struct oracle *oracle, unsigned how)
{
    ouro_domain domain = (ouro_domain)(how % OURO_N_DOMAINS);
    size_t size = next_size(input);
    if (oracle->n_blocks == MOST_BLOCKS || oracle->asked_bytes + size > MOST_BYTES) {
        return;
    }
    if (how < 96) {
        oracle_alloc(oracle, domain, size);
    } else if (how < 112) {
        size_t count = 1 + next_byte(input) % 4;
        oracle_alloc_zeroed(oracle, domain, count, size / count);
    } else {
        oracle_alloc_aligned(oracle, domain, (size_t)1 << next_byte(input) % 22, size);
    }
}

/* How many blocks of one size at once: pools fill and empty. */
static void
allocate_many(struct input *input, struct oracle *oracle)
{
    size_t size = next_size(input), n = next_byte(input);
    for (size_t i = 0;
         i < n && oracle->n_blocks < MOST_BLOCKS && oracle->asked_bytes + size <= MOST_BYTES; i++) {
        oracle_alloc(oracle, OURO_DOMAIN_OBJECT, size);
    }
}

static void
free_many(struct input *input, struct oracle *oracle)
{
    size_t from = next_byte(input), step = next_byte(input) % 8 + 1, n = next_byte(input);
    for (size_t i = 0; i < n && oracle->n_blocks > 0; i++) {
        oracle_free(oracle, (from + i * step) % oracle->n_blocks);
    }
}

static void
operate(struct input *input, struct oracle *oracle, bool *limited)
{
    unsigned what = next_byte(input);
    oracle->may_refuse = *limited;
    if (what < 128) {
        allocate(input, oracle, what);
    } else if (what < 176) {
        if (oracle->n_blocks > 0) {
            oracle_free(oracle, next_word(input) % oracle->n_blocks);
        }
    } else if (what < 208) {
        size_t index = next_word(input), size = next_size(input);
        if (oracle->n_blocks > 0 && oracle->asked_bytes + size <= MOST_BYTES) {
            oracle_realloc(oracle, index % oracle->n_blocks, size);
        }
    } else if (what < 220) {
        allocate_many(input, oracle);
    } else if (what < 236) {
        free_many(input, oracle);
    } else if (what < 242) {
        (void)ouro_heap_trim(oracle->heap);
    } else if (what < 246) {
        change_limit(input, oracle, limited);
    } else if (what < 249) {
        ask_too_much(input, oracle);
    } else if (what < 252) {
        oracle_check_walk(oracle);
        oracle_check_intervals(oracle);
    } else {
        oracle_check_stats(oracle);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    unsigned kind = next_byte(&input);
    const ouro_heap_config config = {.kind = kind & 1 ? OURO_HEAP_SHARED : OURO_HEAP_EXCLUSIVE,
                                     .debug = (kind & 2) != 0};
    ouro_heap *heap = ouro_heap_create(&config);
    REQUIRE(heap != NULL, "no heap");
    struct oracle oracle;
    bool limited = false;
    oracle_init(&oracle, heap, "an input", MOST_BLOCKS);
    oracle.debug = config.debug;
    while (input.at < input.end) {
        operate(&input, &oracle, &limited);
    }
    oracle_check_all(&oracle);
    oracle_free_all(&oracle);
    oracle_check_all(&oracle);
    oracle_fini(&oracle);
    ouro_heap_destroy(heap);
    return 0;
}
