/* test_heap_address_space.c - a system that gives little: NULL and not a crash, and all of what there is.
 *
 * ctest: timeout=600 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ouro/heap.h>

#include "child.h"
#include "kinds.h"
#include "oracle.h"
#include "process.h"
#include "random.h"
#include "require.h"

#define MIB ((size_t)1 << 20)

struct straits {
    const struct kind *kind;
    size_t space; /* bytes of address space beyond what the process has */
    bool early;   /* the limit comes before the heap */
};

static void
limit_address_space(size_t more)
{
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = process_mapped() + more;
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0, "RLIMIT_AS cannot be set");
}

/* For the checks, which need memory of their own. */
static void
lift_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_AS, &limit);
}

/* Fill what there is with blocks of all sizes until even small ones are refused; then free and fill again. */
static void
live_in_straits(void *context)
{
    struct straits *straits = context;
    struct oracle oracle;
    oracle_init(&oracle, NULL, straits->kind->name, 400000);
    oracle.debug = straits->kind->config.debug;
    oracle.may_refuse = true;
    if (straits->early) {
        limit_address_space(straits->space);
    }
    oracle.heap = ouro_heap_create(&straits->kind->config);
    if (oracle.heap == NULL) {
        REQUIRE(straits->early && straits->space < 16 * MIB, "no heap in %zu bytes", straits->space);
        return;
    }
    if (!straits->early) {
        limit_address_space(straits->space);
    }
    struct test_random random = {test_seed(111)};
    for (int round = 0; round < 2; round++) {
        for (unsigned n_in_a_row = 0; n_in_a_row < 200 && oracle.n_blocks < oracle.capacity;) {
            bool done =
                oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, 2 * MIB));
            n_in_a_row = done ? 0 : n_in_a_row + 1;
        }
        REQUIRE(oracle.asked_bytes >= straits->space / 4 || oracle.debug || TEST_STRESSED ||
                    straits->space < 16 * MIB,
                "round %d: %llu bytes of %zu", round, (unsigned long long)oracle.asked_bytes,
                straits->space);
        for (size_t i = 0; i < 200 && oracle.n_blocks > 0; i++) {
            oracle_realloc(&oracle, random_below(&random, oracle.n_blocks),
                           random_python_size(&random, 4 * MIB));
        }
        lift_limit();
        oracle_check_all(&oracle);
        limit_address_space(0);
        while (oracle.n_blocks > 1000) {
            oracle_free(&oracle, random_below(&random, oracle.n_blocks));
        }
        (void)ouro_heap_trim(oracle.heap);
    }
    oracle_free_all(&oracle);
    ouro_heap_destroy(oracle.heap);
}

static void
require_survival(struct straits *straits)
{
    struct child_end end = child_run(live_in_straits, straits, 120);
    if (end.signal != 0 || end.code != 0) {
        fail_msg("%s, %zu MiB, %s: signal %d, code %d: %s", straits->kind->name, straits->space / MIB,
                 straits->early ? "before" : "after", end.signal, end.code, end.text);
    }
}

static void
test_little_address_space(void **state)
{
    struct straits straits = {.kind = *state};
    if (TEST_ADDRESS_SANITIZED || TEST_THREAD_SANITIZED) {
        print_message("a sanitizer needs all addresses itself: not tried\n");
        skip();
    }
    const size_t spaces[] = {1 * MIB, 4 * MIB, 24 * MIB, 96 * MIB};
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
        straits.space = spaces[i];
        straits.early = true;
        require_survival(&straits);
        straits.early = false;
        require_survival(&straits);
    }
}

/* A block that is larger than all there is, while others live: refused, and they live on. */
static void
ask_for_more_than_there_is(void *context)
{
    struct straits *straits = context;
    struct oracle oracle;
    oracle_init(&oracle, ouro_heap_create(&straits->kind->config), straits->kind->name, 2000);
    oracle.debug = straits->kind->config.debug;
    REQUIRE(oracle.heap != NULL, "no heap");
    for (size_t i = 0; i < 1000; i++) {
        oracle_alloc(&oracle, OURO_DOMAIN_RAW, i * 10);
    }
    limit_address_space(64 * MIB);
    oracle.may_refuse = true;
    volatile size_t size = 100 * MIB;
    for (; size < (size_t)1 << 40; size *= 4) {
        size_t n = oracle.n_blocks;
        oracle_alloc(&oracle, OURO_DOMAIN_RAW, size);
        oracle_alloc_zeroed(&oracle, OURO_DOMAIN_RAW, size, 1);
        oracle_alloc_aligned(&oracle, OURO_DOMAIN_RAW, 4096, size);
        oracle_realloc(&oracle, n / 2, size);
        REQUIRE(oracle.n_blocks == n && oracle.blocks[n / 2].size < MIB, "%zu bytes were served", size);
    }
    oracle.may_refuse = false;
    for (size_t i = 0; i < 500; i++) {
        oracle_alloc(&oracle, OURO_DOMAIN_RAW, 5000);
    }
    lift_limit();
    oracle_check_all(&oracle);
    oracle_free_all(&oracle);
    oracle_check_all(&oracle);
}

static void
test_more_than_there_is(void **state)
{
    struct straits straits = {.kind = *state};
    if (TEST_ADDRESS_SANITIZED || TEST_THREAD_SANITIZED) {
        print_message("a sanitizer needs all addresses itself: not tried\n");
        skip();
    }
    struct child_end end = child_run(ask_for_more_than_there_is, &straits, 120);
    if (end.signal != 0 || end.code != 0) {
        fail_msg("signal %d, code %d: %s", end.signal, end.code, end.text);
    }
}

/* Somebody else maps right behind our memory, again and again, as any library may. */
static void
test_foreign_mappings_in_the_way(void **state)
{
    const struct kind *kind = *state;
    struct oracle oracle;
    oracle_init(&oracle, ouro_heap_create(&kind->config), kind->name, 20000);
    assert_non_null(oracle.heap);
    oracle.debug = kind->config.debug;
    struct test_random random = {test_seed(112)};
    enum { N_FOREIGN = 40 };
    void *foreign[N_FOREIGN];
    size_t n_foreign = 0;
    for (int stage = 0; stage < N_FOREIGN; stage++) {
        uintptr_t highest = 0;
        for (int i = 0; i < 300; i++) {
            oracle_alloc(&oracle, random_domain(&random), random_python_size(&random, MIB));
            uintptr_t end = (uintptr_t)oracle.blocks[oracle.n_blocks - 1].address;
            highest = end > highest ? end : highest;
        }
        for (size_t ahead = 1; ahead <= 64; ahead *= 4) { /* wherever there is room behind it */
            void *wanted = (void *)((highest & ~(uintptr_t)0xFFFFF) + ahead * MIB);
            void *at = mmap(wanted, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                            -1, 0);
            if (at == wanted && n_foreign < N_FOREIGN) {
                foreign[n_foreign++] = at;
                break;
            }
        }
    }
    for (size_t i = 0; i < n_foreign; i++) { /* nobody took them over */
        for (size_t k = 0; k < 65536; k += 4096) {
            assert_int_equal(((const unsigned char *)foreign[i])[k], 0);
        }
    }
    oracle_check_all(&oracle);
    oracle_free_all(&oracle);
    (void)ouro_heap_trim(oracle.heap);
    oracle_check_all(&oracle);
    ouro_heap_destroy(oracle.heap);
    oracle_fini(&oracle);
    for (size_t i = 0; i < n_foreign; i++) {
        munmap(foreign[i], 65536);
    }
}

#define ON_PLAIN_KIND(test, kind)                                                                      \
    {                                                                                                  \
#test " on " #kind, test, NULL, NULL, &kind                                                    \
    }

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_PLAIN_KIND(test_little_address_space, kind_exclusive),
        ON_PLAIN_KIND(test_little_address_space, kind_shared),
        ON_PLAIN_KIND(test_little_address_space, kind_shared_debug),
        ON_PLAIN_KIND(test_more_than_there_is, kind_exclusive),
        ON_PLAIN_KIND(test_more_than_there_is, kind_shared),
        ON_PLAIN_KIND(test_foreign_mappings_in_the_way, kind_exclusive),
        ON_PLAIN_KIND(test_foreign_mappings_in_the_way, kind_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
