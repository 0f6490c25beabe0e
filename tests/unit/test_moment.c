/* test_moment.c - the waterfall adds up to what the kernel says, and no part of it vanishes while there is room. */
#include "monitor/moment.h"

#include <string.h>

#include "cm.h"
#include "process.h"
#include "random.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

static uint64_t
live_of(const struct ouro_record_moment *moment)
{
    return moment->live[0] + moment->live[1] + moment->live[2];
}

static uint64_t
sum_of(const struct ouro_record_moment *moment)
{
    return live_of(moment) - moment->untouched + moment->free + moment->cached + moment->records +
           moment->files + moment->other;
}

static struct ouro_record_moment
fill(const ouro_heap_stats *heap, uint64_t resident, uint64_t files)
{
    struct ouro__kernel_memory kernel = {.resident = resident, .files = files};
    struct ouro_record_moment moment;
    memset(&moment, 0, sizeof moment);
    ouro__moment_fill(&moment, heap, &kernel);
    return moment;
}

/* At the end of a program little is live beside much that was freed; the kernel's count lags by a few pages. */
static void
test_live_stays_visible(void **state)
{
    (void)state;
    ouro_heap_stats heap = {.free_bytes = 5 * MIB, .cached_bytes = 3 * MIB, .record_bytes = 24 * KIB};
    heap.domain[OURO_DOMAIN_OBJECT].live_bytes = 900 * KIB;
    heap.domain[OURO_DOMAIN_OBJECT].live_blocks = 9000;
    for (uint64_t missing = 0; missing <= 4 * MIB; missing += 64 * KIB) {
        uint64_t ours = 900 * KIB + 8 * MIB + 24 * KIB;
        struct ouro_record_moment moment = fill(&heap, 8 * MIB + ours - missing, 8 * MIB);
        assert_int_equal(moment.other, 0);
        assert_int_equal(sum_of(&moment), moment.resident);
        assert_true(live_of(&moment) - moment.untouched >= 400 * KIB);
        assert_true(moment.free >= 2 * MIB);
        assert_int_equal(moment.records, 24 * KIB);
    }
}

/* Whatever is read: the parts add up, and none is negative. */
static void
test_it_always_adds_up(void **state)
{
    (void)state;
    struct test_random random = {test_seed(71)};
    for (uint64_t i = 0; i < 200000; i++) {
        ouro_heap_stats heap = {
            .free_bytes = random_below(&random, 8 * MIB),
            .cached_bytes = random_below(&random, 2) * random_below(&random, 8 * MIB),
            .record_bytes = random_below(&random, MIB),
            .untouched_bytes = random_below(&random, 4 * MIB),
            .rounding_bytes = random_below(&random, MIB),
        };
        for (int domain = 0; domain < OURO_N_DOMAINS; domain++) {
            heap.domain[domain].live_bytes = random_below(&random, 4 * MIB);
        }
        uint64_t resident = random_below(&random, 24 * MIB), files = random_below(&random, 12 * MIB);
        struct ouro_record_moment moment = fill(&heap, resident, files);
        assert_int_equal(sum_of(&moment), resident);
        assert_true(moment.untouched <= live_of(&moment));
        assert_true(moment.free <= heap.free_bytes);
        assert_true(moment.cached <= heap.cached_bytes);
        assert_true(moment.records <= heap.record_bytes);
        assert_true(moment.files <= resident);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_stays_visible),
        cmocka_unit_test(test_it_always_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
