/* test_world.c - while the world stands still no other thread is inside the object system, also none that was just coming
 * in when it was stopped.
 *
 * ctest: timeout=600 */
#include <sched.h>

#include "cm.h"
#include "nodes.h"
#include "object/object.h"
#include "require.h"
#include "threads.h"

#define N_STOPS 100000
#define N_GLANCES 200 /* at the visits, in one stop */

static unsigned n_visits; /* changed inside only; atomic */
static int is_over;

static unsigned
count_visits(void)
{
    return __atomic_load_n(&n_visits, __ATOMIC_RELAXED);
}

/* Come in and go, as often as can be. */
static void
come_and_go(void *context)
{
    (void)context;
    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
        REQUIRE(ouro_thread_attach() == OURO_OK, "a thread is not attached");
        __atomic_fetch_add(&n_visits, 1, __ATOMIC_RELAXED);
        ouro_thread_detach();
    }
}

static void
test_nobody_is_inside_while_the_world_stands(void **state)
{
    unsigned n_moved = 0;

    (void)state;
    struct threads *threads = threads_start(1, come_and_go, &n_visits, 0);
    for (unsigned i = 0; i < N_STOPS; i++) {
        for (unsigned seen = count_visits(); count_visits() - seen < i % 8;) { /* it is under way */
            sched_yield(); /* there may be one processor for both */
        }
        ouro__world_stop();
        unsigned before = count_visits();
        for (int k = 0; k < N_GLANCES; k++) {
            n_moved += count_visits() != before;
        }
        ouro__world_start();
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
    threads_join(threads);
    assert_int_equal(n_moved, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nobody_is_inside_while_the_world_stands, nodes_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
