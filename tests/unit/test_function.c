/* test_function.c - functions hold what they have captured, methods their object; cells are shared variables.
 *
 * Follows CPython's Lib/test/test_gc.py, as each test says. */
#include "cm.h"
#include "names.h"
#include "object/object.h"
#include "require.h"
#include "threads.h"

/* The sum of all arguments and of the number in the cell that is captured, which is put there. */
static ouro_status
add_up(ouro_loan function, ouro_loan const *arguments, size_t n, ouro_ref *result)
{
    ouro_loan cell = ouro_function_captured_borrow(function, 0);
    ouro_ref sum = ouro_cell_get(cell);
    ouro_status status = OURO_OK;

    for (size_t i = 0; i < n && status == OURO_OK; i++) {
        ouro_ref more = NULL;
        status = ouro_int_add(ouro_lend(sum), arguments[i], &more);
        if (status == OURO_OK) {
            ouro_assign(&sum, more);
        }
    }
    if (status == OURO_OK) {
        ouro_cell_set(cell, ouro_lend(sum));
        *result = ouro_incref(ouro_lend(sum));
    }
    ouro_decref(sum);
    return status;
}

static void
test_calls(void **state)
{
    (void)state;
    ouro_ref zero = ouro_int_new(0), cell = ouro_cell_new(ouro_lend(zero)), list = ouro_list_new(0);
    ouro_ref function = function_new(add_up, ouro_lend(cell)),
             other = function_new(add_up, ouro_lend(cell));
    ouro_ref method = NULL, result = NULL, hundred = ouro_int_new(100000);
    ouro_loan arguments[40];
    int64_t wanted = 0, number = 0;

    assert_int_equal(ouro_sizeof(ouro_lend(function)), 48);
    assert_int_equal(ouro_sizeof(ouro_lend(cell)), 32);
    assert_int_equal(ouro_method_create(ouro_lend(other), ouro_lend(hundred), &method), OURO_OK);
    assert_int_equal(ouro_sizeof(ouro_lend(method)), 32);
    for (size_t i = 0; i < 40; i++) {
        arguments[i] = ouro_lend(ouro_int_new((int64_t)i));
    }
    for (size_t n = 0; n <= 40; n++) { /* both use one variable */
        wanted += (int64_t)(n * (n - 1) / 2);
        assert_int_equal(ouro_call(ouro_lend(function), arguments, n, &result), OURO_OK);
        ouro_decref(result);
        wanted += (int64_t)(n * (n - 1) / 2) + 100000;
        assert_int_equal(ouro_call(ouro_lend(method), arguments, n, &result), OURO_OK);
        assert_int_equal(ouro_int_to_int64(ouro_lend(result), &number), OURO_OK);
        assert_int_equal(number, wanted);
        ouro_decref(result);
    }
    result = NULL;
    arguments[1] = ouro_lend(list);
    uint32_t before = ouro_refcount(ouro_lend(list));
    assert_int_equal(ouro_call(ouro_lend(method), arguments, 40, &result), OURO_WRONG_TYPE);
    assert_null(result);
    assert_int_equal(ouro_refcount(ouro_lend(list)), before);
    assert_null(ouro_function_captured_borrow(ouro_lend(function), 1));
    OURO_SCOPED shown = ouro_repr(ouro_lend(function)), begins = text("<function f at ");
    assert_true(ouro_str_starts_with(ouro_lend(shown), ouro_lend(begins)));
    assert_int_equal(ouro_method_create(ouro_lend(list), ouro_lend(list), &result), OURO_WRONG_TYPE);
    assert_int_equal(ouro_method_create(ouro_lend(method), ouro_lend(list), &result), OURO_WRONG_TYPE);
    assert_null(ouro_method_self_borrow(ouro_lend(list)));
    ouro_cell_set(ouro_lend(cell), NULL);
    assert_null(ouro_cell_get(ouro_lend(cell)));
    ouro_decref(list);
    ouro_decref(method);
    ouro_decref(function);
    ouro_decref(other);
    assert_int_equal(ouro_refcount(ouro_lend(cell)), 1);
    ouro_decref(cell);
    ouro_decref(hundred);
    assert_int_equal(ouro_gc_collect(2), 0);
}

/* Lets go of the function that is running. */
static ouro_ref running;

static ouro_status
drop_itself(ouro_loan function, ouro_loan const *arguments, size_t n, ouro_ref *result)
{
    (void)arguments;
    (void)n;
    ouro_clear(&running);
    *result = ouro_incref(ouro_function_captured_borrow(function, 0));
    return OURO_OK;
}

static void
test_a_function_that_runs_stays(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        ouro_ref node = node_new(NULL, NULL), result = NULL;
        ouro_ref function = function_new(drop_itself, ouro_lend(node));
        ouro_decref(node);
        if (i == 0) {
            running = function;
        } else {
            assert_int_equal(ouro_method_create(ouro_lend(function), ouro_lend(node), &running),
                             OURO_OK);
            ouro_decref(function);
        }
        assert_int_equal(ouro_call(ouro_lend(running), NULL, 0, &result), OURO_OK);
        assert_int_equal(nodes_dead, i);
        ouro_decref(result);
        assert_int_equal(nodes_dead, i + 1);
    }
}

static void
test_cycles(void **state) /* GCTests.test_function, test_method */
{
    (void)state;
    ouro_ref cell = ouro_cell_new(NULL), function = function_new(add_up, ouro_lend(cell)),
             method = NULL;
    ouro_cell_set(ouro_lend(cell), ouro_lend(function)); /* a closure that knows itself */
    ouro_decref(cell);
    assert_int_equal(ouro_gc_collect(2), 0);
    assert_int_equal(drop_and_collect(function), 2);

    cell = ouro_cell_new(NULL); /* a cell in itself */
    ouro_cell_set(ouro_lend(cell), ouro_lend(cell));
    assert_int_equal(drop_and_collect(cell), 1);

    ouro_ref dict = ouro_dict_new(); /* a function among its own globals */
    function = function_new(do_nothing, ouro_lend(dict));
    assert_int_equal(ouro_dict_set(ouro_lend(dict), name_of(0), ouro_lend(function)), OURO_OK);
    ouro_decref(dict);
    assert_int_equal(drop_and_collect(function), 2);

    ouro_ref list = ouro_list_new(0); /* a method of what holds it */
    function = function_new(do_nothing, NULL);
    assert_int_equal(ouro_method_create(ouro_lend(function), ouro_lend(list), &method), OURO_OK);
    assert_int_equal(ouro_list_append_steal(ouro_lend(list), method), OURO_OK);
    assert_int_equal(drop_and_collect(list), 2);
    assert_int_equal(ouro_refcount(ouro_lend(function)), 1);
    ouro_decref(function);

    ouro_ref chain = function_new(do_nothing, NULL), last = chain; /* a long ring of closures */
    ouro_ref first_cell = ouro_cell_new(NULL);
    ouro_incref(ouro_lend(last));
    for (unsigned i = 0; i < 1000; i++) {
        ouro_ref next = function_new(add_up, i == 500 ? ouro_lend(first_cell) : ouro_lend(chain));
        if (i == 500) {
            ouro_cell_set(ouro_lend(first_cell), ouro_lend(chain));
        }
        ouro_decref(chain);
        chain = next;
    }
    ouro_cell_set(ouro_lend(first_cell),
                  ouro_lend(chain)); /* 500 of them lose their only holder here */
    ouro_decref(first_cell);
    assert_int_equal(drop_and_collect(chain), 501);
    assert_int_equal(ouro_refcount(ouro_lend(last)), 1);
    ouro_decref(last);
}

static void
test_cleared_functions_can_be_called(void **state) /* test_function_tp_clear_leaves_consistent_state */
{
    (void)state;
    ouro_ref node = node_new(NULL, NULL), function = function_new(drop_itself, ouro_lend(node));
    ouro_ref method = NULL, result = NULL;
    assert_int_equal(ouro_method_create(ouro_lend(function), ouro_lend(node), &method), OURO_OK);
    ouro_decref(node);
    ouro__clear_object(function); /* as the collector does */
    assert_int_equal(ouro_call(ouro_lend(function), NULL, 0, &result), OURO_DEAD);
    assert_int_equal(ouro_call(ouro_lend(method), NULL, 0, &result), OURO_DEAD);
    assert_null(ouro_function_name(ouro_lend(function)));
    assert_null(ouro_function_captured_borrow(ouro_lend(function), 0));
    ouro__clear_object(method);
    assert_int_equal(nodes_dead, 1);
    assert_int_equal(ouro_call(ouro_lend(method), NULL, 0, &result), OURO_DEAD);
    assert_null(result);
    ouro_decref(method);
    ouro_decref(function);
}

/* ---- threads ---- */

static void
set_cell(void *context)
{
    ouro_loan cell = *(ouro_loan *)context;
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (unsigned i = 0; i < 20000; i++) {
        ouro_ref fresh = node_new(NULL, NULL);
        ouro_cell_set(cell, ouro_lend(fresh));
        ouro_decref(fresh);
        ouro_ref other = ouro_cell_get(cell);
        REQUIRE(other != NULL && ouro_type_of(ouro_lend(other)) == node_type, "no node");
        ouro_decref(other);
    }
    ouro_thread_detach();
}

static void
test_threads_share_a_cell(void **state)
{
    (void)state;
    ouro_ref cell = ouro_cell_new(NULL);
    ouro_loan cells[4] = {ouro_lend(cell), ouro_lend(cell), ouro_lend(cell), ouro_lend(cell)};
    threads_run_detached(4, set_cell, cells, sizeof cells[0]);
    ouro_decref(cell);
    ouro_gc_collect(2);
    assert_int_equal(nodes_dead, 80000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_calls, gc_setup),
        cmocka_unit_test_setup(test_a_function_that_runs_stays, gc_setup),
        cmocka_unit_test_setup(test_cycles, gc_setup),
        cmocka_unit_test_setup(test_cleared_functions_can_be_called, gc_setup),
        cmocka_unit_test_setup(test_threads_share_a_cell, gc_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
