/* test_generator.c - generators give, take, fail, end and are ended as Python's do, alone and in cycles of garbage.  Those that
 * delegate are in test_generator_delegation.c.
 *
 * Each test names the section of CPython's Lib/test/test_generators.py (or another suite's test) that it follows. */
#include "cm.h"
#include "frames.h"
#include "nodes.h"
#include "process.h"
#include "require.h"

#define MANY (TEST_STRESSED ? 5000 : 1000000)

/* ---- values, one after another ---- */

static void
test_counting(void **state) /* tutorial_tests */
{
    (void)state;
    for (int64_t n = 0; n < 20; n++) {
        ouro_ref generator = make(count_up, n);
        n_cleaned = 0;
        for (int64_t i = 0; i < n; i++) {
            assert_int_equal(next_number(generator), i);
            if (i % 3 == 1) {
                ouro_gc_collect((unsigned)i % 3);
            }
        }
        assert_int_equal(n_cleaned, 0);
        for (unsigned i = 0; i < 3; i++) { /* at the end it stays there */
            assert_int_equal(next_number(generator), -1);
            assert_int_equal(n_cleaned, 1);
        }
        ouro_decref(generator);
        assert_int_equal(n_cleaned, 1);
    }
}

static void
test_is_iterator(void **state) /* tutorial_tests: "iter(g) is g" */
{
    ouro_ref generator = make(count_up, 3), again = NULL, list = ouro_list_new(0);

    (void)state;
    assert_int_equal(ouro_iterate(ouro_lend(generator), &again), OURO_OK);
    assert_ptr_equal(again, generator);
    ouro_decref(again);
    assert_int_equal(ouro_list_extend(ouro_lend(list), ouro_lend(generator)), OURO_OK);
    assert_int_equal(ouro_list_length(ouro_lend(list)), 3);
    assert_true(ouro_is_a(ouro_lend(generator), ouro_generator_type()));
    assert_true(ouro_is_tracked(ouro_lend(generator)));
    ouro_decref(list);
    ouro_decref(generator);
}

static void
test_many_values(void **state)
{
    ouro_ref generator = make(count_up, MANY);
    int64_t total = 0, value;

    (void)state;
    ouro_gc_enable();
    while ((value = next_number(generator)) >= 0) {
        total += value;
    }
    assert_int_equal(total, (int64_t)MANY * (MANY - 1) / 2);
    ouro_decref(generator);
}

static void
test_send(void **state) /* coroutine_tests: sending */
{
    ouro_ref generator = make(sum, 0), result = NULL;
    ouro_ref seven = ouro_int_new(7);

    (void)state;
    /* "can't send non-None value to a just-started generator" */
    assert_int_equal(ouro_generator_send(generator, seven, &result), OURO_WRONG_VALUE);
    assert_null(result);
    assert_int_equal(ouro_generator_send(generator, ouro_none(), &result), OURO_FOUND);
    ouro_clear(&result);
    for (int64_t i = 1; i < 1000; i++) {
        assert_int_equal(ouro_generator_send(generator, seven, &result), OURO_FOUND);
        assert_int_equal(number_of(ouro_lend(result)), 7 * i);
        ouro_clear(&result);
    }
    assert_int_equal(ouro_generator_send(generator, NULL, &result), OURO_OK);
    assert_int_equal(number_of(ouro_lend(result)), 7 * 999); /* what it returned */
    ouro_clear(&result);
    assert_int_equal(ouro_generator_send(generator, seven, &result), OURO_OK);
    assert_ptr_equal(result, ouro_none());
    assert_int_equal(n_cleaned, 1);
    ouro_decref(seven);
    ouro_decref(generator);
}

static void
test_sent_values_are_let_go_of(void **state)
{
    ouro_ref generator = make(catch_all, 0);

    (void)state;
    assert_int_equal(next_number(generator), 0);
    for (unsigned i = 0; i < 100; i++) {
        ouro_ref node = node_new(NULL, NULL);
        assert_int_equal(ouro_generator_send(generator, node, NULL), OURO_FOUND);
        assert_int_equal(ouro_generator_throw(generator, OURO_FAILED, node, NULL), OURO_FOUND);
        ouro_decref(node);
        assert_int_equal(nodes_dead, i + 1);
    }
    ouro_decref(generator);
}

/* ---- throwing ---- */

static void
test_throw(void **state) /* coroutine_tests: throw */
{
    ouro_ref generator = make(catch_all, 0);

    (void)state;
    assert_int_equal(next_number(generator), 0);
    assert_int_equal(throw_in(generator, OURO_OK), OURO_WRONG_VALUE);
    assert_int_equal(throw_in(generator, OURO_FOUND), OURO_WRONG_VALUE);
    for (ouro_status status = OURO_NO_MEMORY; status > OURO_CLOSED; status--) {
        ouro_ref result = NULL;
        assert_int_equal(ouro_generator_throw(generator, status, NULL, &result), OURO_FOUND);
        assert_int_equal(number_of(ouro_lend(result)), -(int64_t)status);
        ouro_decref(result);
        assert_int_equal(next_number(generator), -(int64_t)status); /* it goes on */
    }
    assert_int_equal(n_cleaned, 0);
    ouro_decref(generator);
    assert_int_equal(n_cleaned, 1);
}

static void
test_throw_not_caught(
    void **state) /* coroutine_tests: "thrown exceptions propagate"; the value comes back */
{
    ouro_ref generator = make(count_up, 5), node = node_new(NULL, NULL), result = NULL;

    (void)state;
    assert_int_equal(next_number(generator), 0);
    assert_int_equal(ouro_generator_throw(generator, OURO_UNHASHABLE, node, &result), OURO_UNHASHABLE);
    assert_ptr_equal(result, node);
    ouro_clear(&result);
    assert_int_equal(n_cleaned, 1);
    assert_int_equal(last_seen, OURO_UNHASHABLE);
    assert_int_equal(next_number(generator), -1);
    /* into one that has ended, and with none to take the value */
    assert_int_equal(ouro_generator_throw(generator, OURO_BUSY, node, &result), OURO_BUSY);
    assert_ptr_equal(result, node);
    ouro_clear(&result);
    assert_int_equal(ouro_generator_throw(generator, OURO_BUSY, node, NULL), OURO_BUSY);
    assert_int_equal(n_cleaned, 1);
    ouro_decref(generator);
    assert_int_equal(ouro_refcount(ouro_lend(node)), 1);
    ouro_decref(node);
}

static void
test_throw_before_begin(void **state) /* coroutine_tests: "throw on a just-started generator" */
{
    ouro_ref generator = make(catch_all, 0);

    (void)state;
    frame_of(generator)->data = node_new(NULL, NULL);
    assert_int_equal(throw_in(generator, OURO_CHANGED), OURO_CHANGED);
    assert_int_equal(last_seen, OURO_OK); /* its function was not called */
    assert_int_equal(n_cleaned, 0);
    assert_int_equal(nodes_dead, 1);
    assert_int_equal(next_number(generator), -1);
    ouro_decref(generator);
}

/* ---- closing ---- */

static void
test_close(void **state) /* coroutine_tests: close; GeneratorCloseTest */
{
    (void)state;
    for (int64_t begun = 0; begun <= 3; begun++) { /* not yet, in the middle, at the end */
        ouro_ref generator = make(count_up, 2);
        n_cleaned = 0;
        for (int64_t i = 0; i < begun; i++) {
            next_number(generator);
        }
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(ouro_generator_close(generator), OURO_OK);
            assert_int_equal(n_cleaned, begun != 0);
        }
        assert_int_equal(last_seen, begun == 0 || begun == 3 ? OURO_OK : OURO_CLOSED);
        assert_int_equal(next_number(generator), -1);
        ouro_decref(generator);
        assert_int_equal(n_cleaned, begun != 0);
        last_seen = OURO_OK;
    }
}

static void
test_close_ignored(void **state) /* coroutine_tests: "generator ignored GeneratorExit" */
{
    ouro_ref generator = make(catch_all, 1);

    (void)state;
    next_number(generator);
    assert_int_equal(ouro_generator_close(generator), OURO_FAILED);
    assert_int_equal(ouro_generator_close(generator), OURO_FAILED);
    assert_int_equal(next_number(generator), -OURO_CLOSED); /* it is alive */
    frame_of(generator)->n = 2;
    assert_int_equal(ouro_generator_close(generator), OURO_WRONG_TYPE);
    assert_int_equal(ouro_generator_close(generator), OURO_OK);
    assert_int_equal(n_cleaned, 1);
    ouro_decref(generator);
}

/* ---- running already ---- */

static ouro_status seen_inside[4];

/* Wants its own next value, and all else of itself. */
static ouro_status
bite_tail(ouro_generator *self)
{
    ouro_loan loan = (ouro_loan)&self->head;
    ouro_ref item = NULL;

    OURO_GENERATOR_BEGIN(self);
    seen_inside[0] = ouro_next(loan, &item);
    seen_inside[1] = ouro_generator_send(loan, NULL, &item);
    seen_inside[2] = ouro_generator_throw(loan, OURO_FAILED, NULL, &item);
    seen_inside[3] = ouro_generator_close(loan);
    REQUIRE(item == NULL, "something came of it");
    OURO_YIELD(self, ouro_int_new(1));
    OURO_YIELD_FROM(self, ouro_incref(loan)); /* delegates to itself */
    OURO_GENERATOR_END(self);
    return self->status;
}

static void
test_running_already(void **state) /* refleaks_tests: "generator already executing" */
{
    ouro_ref generator = make(bite_tail, 0), item = NULL;

    (void)state;
    assert_int_equal(next_number(generator), 1);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(seen_inside[i], OURO_BUSY);
    }
    assert_int_equal(ouro_next(generator, &item), OURO_BUSY);
    assert_null(item);
    assert_int_equal(next_number(generator), -1);
    assert_int_equal(ouro_refcount(ouro_lend(generator)), 1);
    ouro_decref(generator);
}

/* ---- the end lets go ---- */

static ouro_status
give_data(ouro_generator *self)
{
    struct frame *frame = (struct frame *)self;

    OURO_GENERATOR_BEGIN(self);
    OURO_YIELD(self, ouro_int_new(1));
    OURO_YIELD(self, ouro_int_new(2));
    if (frame->n != 0) {
        OURO_THROW(self, (ouro_status)frame->n, NULL);
    }
    OURO_GENERATOR_END(self);
    return self->status;
}

static void
test_last_step_frees(
    void **state) /* semantics.md: "frees it at the last step"; test_generators: frame cleared */
{
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        ouro_ref generator = make(give_data, how == 1 ? OURO_UNHASHABLE : 0), data = ouro_list_new(0),
                 item;
        for (int i = 0; i < 1000; i++) {
            assert_int_equal(ouro_list_append_steal(data, node_new(NULL, NULL)), OURO_OK);
        }
        nodes_dead = 0;
        frame_of(generator)->data = data;
        assert_int_equal(next_number(generator), 1);
        assert_int_equal(next_number(generator), 2);
        assert_int_equal(nodes_dead, 0);
        if (how == 0) {
            assert_int_equal(next_number(generator), -1);
        } else if (how == 1) {
            assert_int_equal(ouro_next(generator, &item), OURO_UNHASHABLE);
        } else if (how == 2) {
            assert_int_equal(throw_in(generator, OURO_BUSY), OURO_BUSY);
        } else {
            assert_int_equal(ouro_generator_close(generator), OURO_OK);
        }
        assert_int_equal(nodes_dead, 1000);
        assert_null(frame_of(generator)->data);
        ouro_decref(generator);
    }
}

static ouro_ref reached; /* a generator that a finalizer asks */
static ouro_status answer;

static ouro_status
ask_generator(ouro_loan node)
{
    ouro_ref item = NULL;
    (void)node;
    answer = ouro_next(ouro_lend(reached), &item);
    ouro_xdecref(item);
    return OURO_OK;
}

static void
test_asked_while_let_go_of(void **state)
{
    (void)state;
    reached = make(give_data, 0);
    frame_of(reached)->data = node_new_final(NULL, NULL);
    node_on_finalize = ask_generator;
    answer = OURO_FAILED;
    next_number(reached);
    next_number(reached);
    assert_int_equal(next_number(reached), -1);
    assert_int_equal(nodes_finalized, 1);
    assert_int_equal(answer, OURO_OK); /* it has ended before its frame goes */
    node_on_finalize = NULL;
    ouro_clear(&reached);
}

/* ---- garbage ---- */

static void
test_dropped(
    void **
        state) /* coroutine_tests: "del g" closes; test_generators: FinalizationTest.test_frame_resurrect */
{
    (void)state;
    for (int64_t begun = 0; begun <= 3; begun++) {
        ouro_ref generator = make(count_up, 2);
        n_cleaned = 0;
        last_seen = OURO_OK;
        frame_of(generator)->data = node_new(NULL, NULL);
        for (int64_t i = 0; i < begun; i++) {
            next_number(generator);
        }
        nodes_dead = begun == 3 ? 0 : nodes_dead;
        ouro_decref(generator);
        assert_int_equal(n_cleaned, begun != 0);
        assert_int_equal(last_seen, begun == 1 || begun == 2 ? OURO_CLOSED : OURO_OK);
    }
}

/* Waits with a cycle through its own frame; its clean-up must find all of it whole. */
static ouro_status
wait_in_cycle(ouro_generator *self)
{
    struct frame *frame = (struct frame *)self;

    OURO_GENERATOR_BEGIN(self);
    OURO_YIELD(self, ouro_int_new(1));
    OURO_GENERATOR_END(self);
    note_clean_up(self);
    REQUIRE(frame->data != NULL && node_of(frame->data)->left == &self->head, "the cycle is gutted");
    REQUIRE(node_of(frame->data)->right != NULL, "what hangs on it is gone");
    return self->status;
}

static ouro_ref
make_cycle(void)
{
    ouro_ref generator = make(wait_in_cycle, 0);
    frame_of(generator)->data = node_new(ouro_incref(ouro_lend(generator)), node_new(NULL, NULL));
    return generator;
}

static void
test_cycle_of_garbage(
    void **state) /* FinalizationTest.test_refcycle; semantics.md: "a suspended generator in a
                                       cycle runs its clean-up when collected" */
{
    (void)state;
    for (unsigned generation = 0; generation < 3; generation++) {
        for (unsigned begun = 0; begun < 2; begun++) {
            ouro_ref generator = make_cycle();
            n_cleaned = nodes_dead = 0;
            if (begun) {
                assert_int_equal(next_number(generator), 1);
            }
            for (unsigned i = 0; i < generation; i++) {
                assert_int_equal(ouro_gc_collect(i), 0); /* it grows older */
            }
            ouro_decref(generator);
            assert_int_equal(n_cleaned, 0);
            assert_int_equal(ouro_gc_collect(generation), 3);
            assert_int_equal(n_cleaned, begun);
            assert_int_equal(nodes_dead, 2);
        }
    }
}

static void
test_many_cycles(void **state)
{
    unsigned long n = MANY / 20;

    (void)state;
    for (unsigned long i = 0; i < n; i++) {
        ouro_ref generator = make_cycle();
        next_number(generator);
        ouro_decref(generator);
    }
    assert_int_equal(ouro_gc_collect(2), 3 * n);
    assert_int_equal(n_cleaned, n);
    assert_int_equal(nodes_dead, 2 * n);
}

static ouro_ref saved;

/* Saves itself in its clean-up. */
static ouro_status
save_itself(ouro_generator *self)
{
    OURO_GENERATOR_BEGIN(self);
    OURO_YIELD(self, ouro_int_new(1));
    OURO_GENERATOR_END(self);
    note_clean_up(self);
    saved = ouro_incref((ouro_loan)&self->head);
    return self->status;
}

static void
test_resurrected(void **state) /* FinalizationTest.test_frame_resurrect */
{
    (void)state;
    for (unsigned in_cycle = 0; in_cycle < 2; in_cycle++) {
        ouro_ref generator = make(save_itself, 0);
        n_cleaned = 0;
        if (in_cycle) {
            frame_of(generator)->data = ouro_incref(ouro_lend(generator));
        }
        next_number(generator);
        ouro_decref(generator);
        ouro_gc_collect(2);
        assert_int_equal(n_cleaned, 1);
        assert_ptr_equal(saved, generator);
        assert_int_equal(ouro_refcount(ouro_lend(saved)), 1);
        assert_true(ouro_is_finalized(ouro_lend(saved)));
        assert_int_equal(next_number(saved), -1);
        ouro_clear(&saved);
        assert_int_equal(n_cleaned, 1);
    }
}

static void
test_dropped_but_fails(
    void **state) /* FinalizationTest.test_lambda_generator; coroutine_tests: unraisable */
{
    (void)state;
    ouro_set_unraisable_hook(note_unraisable, NULL);
    for (int64_t n = 0; n < 3; n++) {
        static const ouro_status expected[] = {OURO_OK, OURO_FAILED, OURO_WRONG_TYPE};
        ouro_ref generator = make(catch_all, n);
        next_number(generator);
        unraisable = OURO_OK;
        ouro_decref(generator);
        assert_int_equal(unraisable, expected[n]);
    }
    ouro_set_unraisable_hook(NULL, NULL);
}

/* ---- out of memory ---- */

static ouro_status
give_null(ouro_generator *self)
{
    OURO_GENERATOR_BEGIN(self);
    OURO_YIELD_OR(self, NULL, first);
    REQUIRE(false, "it did not fail");
first:
    last_seen = self->status;
    OURO_YIELD_FROM_OR(self, NULL, second);
    REQUIRE(false, "it did not fail");
second:
    REQUIRE(self->status == OURO_NO_MEMORY, "failed otherwise");
    OURO_YIELD(self, ouro_int_new(1));
    OURO_YIELD(self, NULL);
    OURO_GENERATOR_END(self);
    note_clean_up(self);
    return self->status;
}

static void
test_no_memory(void **state)
{
    ouro_ref generator = make(give_null, 0), item = NULL;

    (void)state;
    assert_int_equal(next_number(generator), 1);
    assert_int_equal(last_seen, OURO_NO_MEMORY);
    assert_int_equal(ouro_next(generator, &item), OURO_NO_MEMORY);
    assert_int_equal(n_cleaned, 1);
    assert_int_equal(next_number(generator), -1);
    ouro_decref(generator);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_counting, frames_setup),
        cmocka_unit_test_setup(test_is_iterator, frames_setup),
        cmocka_unit_test_setup(test_many_values, frames_setup),
        cmocka_unit_test_setup(test_send, frames_setup),
        cmocka_unit_test_setup(test_sent_values_are_let_go_of, frames_setup),
        cmocka_unit_test_setup(test_throw, frames_setup),
        cmocka_unit_test_setup(test_throw_not_caught, frames_setup),
        cmocka_unit_test_setup(test_throw_before_begin, frames_setup),
        cmocka_unit_test_setup(test_close, frames_setup),
        cmocka_unit_test_setup(test_close_ignored, frames_setup),
        cmocka_unit_test_setup(test_running_already, frames_setup),
        cmocka_unit_test_setup(test_last_step_frees, frames_setup),
        cmocka_unit_test_setup(test_asked_while_let_go_of, frames_setup),
        cmocka_unit_test_setup(test_dropped, frames_setup),
        cmocka_unit_test_setup(test_cycle_of_garbage, frames_setup),
        cmocka_unit_test_setup(test_many_cycles, frames_setup),
        cmocka_unit_test_setup(test_resurrected, frames_setup),
        cmocka_unit_test_setup(test_dropped_but_fails, frames_setup),
        cmocka_unit_test_setup(test_no_memory, frames_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
