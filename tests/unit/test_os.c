/* test_os.c - what is asked of the operating system, where it can be wrong without anybody noticing. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/resource.h>

#include "cm.h"
#include "os/os.h"

static long
n_times_asleep(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_nvcsw;
}

/* A thread with SCHED_FIFO that only yields would keep who holds the lock from running for good; whoever yields has still
 * the processor, as the kernel counts it. */
static void
test_yields_become_sleep(void **state)
{
    (void)state;
    long before = n_times_asleep();
    for (unsigned n = 0; n < 1000; n++) {
        errno = 4711;
        ouro__os_yield(n);
        assert_int_equal(errno, 4711);
    }
    long first = n_times_asleep();
    assert_true(first - before >= 500);
    errno = 4711;
    ouro__os_yield(~0U);
    assert_int_equal(errno, 4711);
    assert_true(n_times_asleep() > first);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yields_become_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
