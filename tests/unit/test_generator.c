/* test_generator.c - generators give, take, fail, end and are ended as Python's do, alone and delegating to each other,
 * in cycles of garbage, and while several threads want their values.
 *
 * Each test names the section of CPython's Lib/test/test_generators.py (or another suite's test) that it follows. */
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "nodes.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

#define MANY (TEST_STRESSED ? 5000 : 1000000)
#define DEEP (TEST_STRESSED ? 5000 : 200000)

/* The frame of every generator here: some references, a number, and what is to be seen of its clean-up. */
struct frame {
    ouro_generator generator;
    ouro_ref data, other;
    int64_t i, n;
};

static ouro_loan frame_type;
static unsigned long n_cleaned; /* clean-ups so far; atomic */
static ouro_status last_seen;   /* what the last clean-up, or the last label, found thrown */

static struct frame *
frame_of(ouro_ref generator)
{
    return (struct frame *)generator;
}

static void
note_clean_up(ouro_generator *self)
{
    __atomic_fetch_add(&n_cleaned, 1, __ATOMIC_RELAXED);
    last_seen = self->status;
}

static int
setup(void **state)
{
    int result = nodes_setup(state);
    if (frame_type == NULL) {
        static const ouro_field fields[] = {OURO_FIELD(struct frame, data),
                                            OURO_FIELD(struct frame, other)};
        const ouro_type_spec spec = {.name = "frame",
                                     .base = ouro_generator_type(),
                                     .size = sizeof(struct frame),
                                     .n_fields = 2,
                                     .fields = fields};
        ouro_ref type = NULL;
        REQUIRE(ouro_type_create(&spec, &type) == OURO_OK, "no type of frames");
        frame_type = ouro_lend(type); /* for good */
    }
    ouro_gc_disable();
    ouro_gc_collect(2);
    n_cleaned = 0;
    nodes_dead = nodes_finalized = 0;
    last_seen = OURO_OK;
    return result;
}

static ouro_ref
make(ouro_generator_resume resume, int64_t n)
{
    ouro_ref generator = ouro_generator_new(frame_type, resume);
    REQUIRE(generator != NULL, "no memory for a generator");
    frame_of(generator)->n = n;
    return generator;
}

static int64_t
value_of(ouro_ref number)
{
    int64_t value = INT64_MIN;
    REQUIRE(number != NULL && ouro_int_to_int64(ouro_lend(number), &value) == OURO_OK, "no number");
    return value;
}

/* The number that an iterator gives next; -1 at its end. */
static int64_t
next_number(ouro_ref iterator)
{
    ouro_ref item = NULL;
    ouro_status status = ouro_next(ouro_lend(iterator), &item);
    REQUIRE(status >= 0, "an iterator failed: %s", ouro_status_text(status));
    int64_t value = status == OURO_FOUND ? value_of(item) : -1;
    ouro_xdecref(item);
    return value;
}

static ouro_status
throw_in(ouro_ref generator, ouro_status status)
{
    return ouro_generator_throw(ouro_lend(generator), status, NULL, NULL);
}

/* ---- generators to try ---- */

/* 0, 1, 2 ... n - 1 */
static ouro_status
count(ouro_generator *self)
{
    struct frame *frame = (struct frame *)self;

    OURO_GENERATOR_BEGIN(self);
    for (frame->i = 0; frame->i < frame->n; frame->i++) {
        OURO_YIELD(self, ouro_int_new(frame->i));
    }
    OURO_GENERATOR_END(self);
    note_clean_up(self);
    return self->status;
}

/* The sum of what was sent so far; at None it returns that. */
static ouro_status
sum(ouro_generator *self)
{
    struct frame *frame = (struct frame *)self;

    OURO_GENERATOR_BEGIN(self);
    for (;;) {
        OURO_YIELD(self, ouro_int_new(frame->i));
        if (self->value == NULL || self->value == ouro_none()) {
            OURO_RETURN(self, ouro_int_new(frame->i));
        }
        frame->i += value_of(self->value);
    }
    OURO_GENERATOR_END(self);
    note_clean_up(self);
    return self->status;
}

/* Catches all that is thrown and gives its number, negated; on OURO_CLOSED it does as `n` says: 0 ends, 1 goes on, 2 fails with
 * another failure. */
static ouro_status
catch_all(ouro_generator *self)
{
    struct frame *frame = (struct frame *)self;

    OURO_GENERATOR_BEGIN(self);
    for (;;) {
        OURO_YIELD_OR(self, ouro_int_new(frame->i), caught);
        continue;
    caught:
        last_seen = self->status;
        frame->i = -(int64_t)self->status;
        if (self->status == OURO_CLOSED && frame->n == 2) {
            OURO_THROW(self, OURO_WRONG_TYPE, NULL);
        }
        if (self->status == OURO_CLOSED && frame->n == 0) {
            goto ouro_generator_end;
        }
    }
    OURO_GENERATOR_END(self);
    note_clean_up(self);
    return self->status;
}

/* All of `data`, which it returns, a generator; what fails there is given, once, and ends it. */
static ouro_status
delegate(ouro_generator *self)
{
    struct frame *frame = (struct frame *)self;

    OURO_GENERATOR_BEGIN(self);
    OURO_YIELD_FROM_OR(self, ouro_incref(ouro_lend(frame->data)), failed);
    OURO_RETURN(self, self->value != NULL ? ouro_incref(ouro_lend(self->value)) : NULL);
failed:
    last_seen = self->status;
    if (frame->n == 0) {
        goto ouro_generator_end;
    }
    OURO_YIELD(self, ouro_int_new(-(int64_t)self->status));
    OURO_GENERATOR_END(self);
    note_clean_up(self);
    return self->status;
}

static ouro_ref
make_delegate(ouro_ref stolen, int64_t n)
{
    ouro_ref generator = make(delegate, n);
    frame_of(generator)->data = stolen;
    return generator;
}

/* ---- values, one after another ---- */

static void
test_counting(void **state) /* tutorial_tests */
{
    (void)state;
    for (int64_t n = 0; n < 20; n++) {
        ouro_ref generator = make(count, n);
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
    ouro_ref generator = make(count, 3), again = NULL, list = ouro_list_new(0);

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
    ouro_ref generator = make(count, MANY);
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
        assert_int_equal(value_of(result), 7 * i);
        ouro_clear(&result);
    }
    assert_int_equal(ouro_generator_send(generator, NULL, &result), OURO_OK);
    assert_int_equal(value_of(result), 7 * 999); /* what it returned */
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
        assert_int_equal(value_of(result), -(int64_t)status);
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
    ouro_ref generator = make(count, 5), node = node_new(NULL, NULL), result = NULL;

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
        ouro_ref generator = make(count, 2);
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
        ouro_ref generator = make(count, 2);
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

static ouro_status unraisable;

static void
note_unraisable(ouro_status status, const char *where, ouro_loan object, void *context)
{
    (void)where;
    (void)object;
    (void)context;
    unraisable = status;
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

/* ---- delegation: PEP 380, CPython's Lib/test/test_pep380.py ---- */

static void
test_delegate(
    void **state) /* test_delegation_of_initial_next_to_subgenerator, _of_send, value_attribute_... */
{
    ouro_ref generator = make_delegate(make(sum, 0), 0), two = ouro_int_new(2), result = NULL;

    (void)state;
    assert_int_equal(next_number(generator), 0);
    for (int64_t i = 1; i < 100; i++) {
        assert_int_equal(ouro_generator_send(generator, two, &result), OURO_FOUND);
        assert_int_equal(value_of(result), 2 * i);
        ouro_clear(&result);
    }
    assert_int_equal(ouro_generator_send(generator, NULL, &result), OURO_OK);
    assert_int_equal(value_of(result), 2 * 99);
    ouro_decref(result);
    ouro_decref(two);
    assert_int_equal(n_cleaned, 2);
    ouro_decref(generator);
}

static void
test_delegate_throw(
    void **state) /* test_delegating_throw, test_catching_exception_from_subgen_and_returning */
{
    ouro_ref generator = make_delegate(make(catch_all, 0), 0), result = NULL;

    (void)state;
    assert_int_equal(next_number(generator), 0);
    assert_int_equal(ouro_generator_throw(generator, OURO_BUSY, NULL, &result), OURO_FOUND);
    assert_int_equal(value_of(result), -OURO_BUSY);
    ouro_decref(result);
    assert_int_equal(n_cleaned, 0);
    ouro_decref(generator);
    assert_int_equal(n_cleaned, 2);

    generator = make_delegate(make(count, 5), 1); /* the inner one fails, the outer one catches */
    assert_int_equal(next_number(generator), 0);
    assert_int_equal(ouro_generator_throw(generator, OURO_BUSY, NULL, &result), OURO_FOUND);
    assert_int_equal(value_of(result), -OURO_BUSY);
    ouro_decref(result);
    assert_int_equal(n_cleaned, 3);
    assert_int_equal(next_number(generator), -1);
    ouro_decref(generator);
}

static void
test_delegate_close(
    void **state) /* test_delegating_close, test_throwing_GeneratorExit_into_subgen_that_... */
{
    static const ouro_status expected[] = {OURO_OK, OURO_FAILED, OURO_WRONG_TYPE};
    static const ouro_status outer_sees[] = {OURO_CLOSED, OURO_FAILED, OURO_WRONG_TYPE};

    (void)state;
    ouro_set_unraisable_hook(note_unraisable, NULL);
    for (unsigned how = 0; how < 2; how++) {
        for (int64_t n = 0; n < 3; n++) {
            ouro_ref generator = make_delegate(make_delegate(make(catch_all, n), 0), 0);
            assert_int_equal(next_number(generator), 0);
            unraisable = last_seen = OURO_OK;
            if (how == 0) {
                assert_int_equal(ouro_generator_close(generator), expected[n]);
            } else {
                assert_int_equal(throw_in(generator, OURO_CLOSED), outer_sees[n]);
            }
            /* The innermost that ignores it is let go of, and ignores it again. */
            assert_int_equal(unraisable, n == 1 ? OURO_FAILED : OURO_OK);
            assert_int_equal(last_seen, outer_sees[n]);
            assert_int_equal(next_number(generator), -1);
            ouro_decref(generator);
        }
    }
    ouro_set_unraisable_hook(NULL, NULL);
}

/* Does not end when it is closed, but gives something from another generator: that is its own. */
static ouro_status
delegate_when_closed(ouro_generator *self)
{
    OURO_GENERATOR_BEGIN(self);
    OURO_YIELD_OR(self, ouro_int_new(100), closed);
closed:
    OURO_YIELD_FROM(self, make(count, 2));
    OURO_GENERATOR_END(self);
    return self->status;
}

static void
test_delegate_when_closed(void **state)
{
    ouro_ref generator = make(delegate_when_closed, 0), result = NULL;

    (void)state;
    /* The outermost may give what it likes when OURO_CLOSED is thrown. */
    assert_int_equal(next_number(generator), 100);
    assert_int_equal(ouro_generator_throw(generator, OURO_CLOSED, NULL, &result), OURO_FOUND);
    assert_int_equal(value_of(result), 0);
    ouro_clear(&result);
    assert_int_equal(next_number(generator), 1);
    assert_int_equal(next_number(generator), -1);
    ouro_decref(generator);

    /* For one that is delegated to it is a failure, which the outer one sees. */
    generator = make_delegate(make(delegate_when_closed, 0), 1);
    assert_int_equal(next_number(generator), 100);
    assert_int_equal(ouro_generator_throw(generator, OURO_CLOSED, NULL, &result), OURO_FOUND);
    assert_int_equal(value_of(result), -OURO_FAILED);
    ouro_clear(&result);
    assert_int_equal(n_cleaned, 1);
    assert_int_equal(next_number(generator), -1);
    assert_int_equal(n_cleaned,
                     3); /* its frame is gone: so is what it delegated to, and that in turn */
    ouro_decref(generator);
}

static void
test_delegate_to_other_iterators(
    void **state) /* test_delegating_to_non_generators, test_conversion_of_sendNone_to_next */
{
    ouro_ref dict = ouro_dict_new(), iterator = NULL, one = ouro_int_new(1), result = NULL;

    (void)state;
    for (int64_t i = 0; i < 5; i++) {
        ouro_ref number = ouro_int_new(i);
        assert_int_equal(ouro_dict_set(dict, number, number), OURO_OK);
        ouro_decref(number);
    }
    iterator = ouro_dict_iterate_keys(dict);
    ouro_ref generator = make_delegate(iterator, 1);
    for (int64_t i = 0; i < 5; i++) {
        assert_int_equal(next_number(generator), i);
    }
    assert_int_equal(next_number(generator), -1);
    ouro_decref(generator);

    generator = make_delegate(ouro_dict_iterate_keys(dict), 1); /* it has no send() */
    assert_int_equal(next_number(generator), 0);
    assert_int_equal(ouro_generator_send(generator, one, &result), OURO_FOUND);
    assert_int_equal(value_of(result), -OURO_WRONG_TYPE);
    ouro_clear(&result);
    ouro_decref(generator);

    generator = make_delegate(ouro_dict_iterate_keys(dict), 1); /* nor throw() */
    assert_int_equal(next_number(generator), 0);
    assert_int_equal(ouro_generator_throw(generator, OURO_TOO_LARGE, NULL, &result), OURO_FOUND);
    assert_int_equal(value_of(result), -OURO_TOO_LARGE);
    ouro_clear(&result);
    ouro_decref(generator);

    generator = make_delegate(ouro_dict_iterate_keys(dict), 1); /* it fails itself */
    assert_int_equal(next_number(generator), 0);
    ouro_dict_clear(dict);
    assert_int_equal(next_number(generator), -OURO_CHANGED);
    ouro_decref(generator);

    generator = make_delegate(ouro_int_new(3), 1); /* what is no iterator */
    assert_int_equal(next_number(generator), -OURO_WRONG_TYPE);
    ouro_decref(generator);
    ouro_decref(one);
    ouro_decref(dict);
}

static void
test_delegate_to_used_one(
    void **state) /* test_delegator_is_visible..., test_delegating_to_a_running generator */
{
    ouro_ref inner = make(count, 4), outer = make_delegate(ouro_incref(inner), 0);

    (void)state;
    assert_int_equal(next_number(outer), 0);
    assert_int_equal(next_number(inner), 1); /* somebody else has it go on */
    assert_int_equal(next_number(outer), 2);
    assert_int_equal(ouro_generator_close(inner), OURO_OK);
    assert_int_equal(next_number(outer), -1);
    assert_int_equal(ouro_refcount(inner), 1);
    ouro_decref(inner);
    ouro_decref(outer);
}

static ouro_ref
make_chain(int64_t depth, ouro_ref stolen)
{
    for (int64_t i = 0; i < depth; i++) {
        stolen = make_delegate(stolen, 0);
    }
    return stolen;
}

static void
test_deep_delegation(void **state) /* a chain that Python's recursion limit forbids */
{
    ouro_ref chain = make_chain(DEEP, make(count, 3)), result = NULL;

    (void)state;
    assert_int_equal(next_number(chain), 0);
    assert_int_equal(next_number(chain), 1);
    assert_int_equal(next_number(chain), 2);
    assert_int_equal(n_cleaned, 0);
    assert_int_equal(next_number(chain), -1);
    assert_int_equal(n_cleaned, DEEP + 1);
    ouro_decref(chain);

    n_cleaned = 0;
    chain = make_chain(DEEP, make(count, 3)); /* dropped in the middle */
    next_number(chain);
    ouro_decref(chain);
    assert_int_equal(n_cleaned, DEEP + 1);
    assert_int_equal(last_seen, OURO_CLOSED);

    n_cleaned = 0;
    chain = make_chain(DEEP, make(count, 3)); /* a failure comes all the way out */
    ouro_ref node = node_new(NULL, NULL);
    next_number(chain);
    assert_int_equal(ouro_generator_throw(chain, OURO_DEAD, node, &result), OURO_DEAD);
    assert_ptr_equal(result, node);
    ouro_decref(result);
    ouro_decref(node);
    assert_int_equal(n_cleaned, DEEP + 1);
    ouro_decref(chain);

    n_cleaned = 0;
    chain = make_chain(DEEP, make(count, 3)); /* never begun: nothing is to be cleaned up */
    ouro_decref(chain);
    assert_int_equal(n_cleaned, 0);

    chain = make_chain(DEEP, make(count, 3)); /* garbage */
    next_number(chain);
    ouro_ref innermost = chain;
    while (frame_of(innermost)->data != NULL) {
        innermost = frame_of(innermost)->data;
    }
    frame_of(innermost)->other = chain;
    assert_int_equal(ouro_gc_collect(2), DEEP + 1);
    assert_int_equal(n_cleaned, DEEP + 1);
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

/* ---- against a model ---- */

/* Random calls of a chain of generators against what a plain loop says comes of them. */
static void
test_random_calls(void **state)
{
    struct test_random random = {test_seed(11)};

    (void)state;
    for (uint64_t round = test_count("OURO_TEST_ROUNDS", 2000); round != 0; round--) {
        int64_t depth = (int64_t)random_below(&random, 6), n = (int64_t)random_below(&random, 8), i = 0;
        ouro_ref chain = make_chain(depth, make(count, n));
        bool is_begun = false, is_ended = false;
        n_cleaned = 0;
        for (unsigned call = 0; call < 12; call++) {
            unsigned dice = (unsigned)random_below(&random, 20);
            if (dice < 16) {
                int64_t expected = !is_ended && i < n ? i++ : -1;
                is_begun |= !is_ended;
                is_ended |= expected < 0;
                REQUIRE(next_number(chain) == expected, "not %lld", (long long)expected);
            } else if (dice == 16) {
                REQUIRE(throw_in(chain, OURO_UNHASHABLE) == OURO_UNHASHABLE, "not what was thrown");
                is_ended = true;
            } else if (dice == 17) {
                REQUIRE(ouro_generator_close(chain) == OURO_OK, "not closed");
                is_ended = true;
            } else {
                ouro_gc_collect(dice - 18);
            }
            REQUIRE(n_cleaned == (is_begun && is_ended ? (unsigned long)depth + 1 : 0),
                    "%lu cleaned up", n_cleaned);
        }
        ouro_decref(chain);
        REQUIRE(n_cleaned == (is_begun ? (unsigned long)depth + 1 : 0), "%lu cleaned up", n_cleaned);
    }
}

/* ---- threads ---- */

struct worker {
    ouro_ref generator;
    uint8_t *seen; /* by value */
    unsigned long n_given, n_busy;
};

static void
want_values(void *context)
{
    struct worker *worker = context;
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (;;) {
        ouro_ref item = NULL;
        ouro_status status = ouro_next(ouro_lend(worker->generator), &item);
        if (status == OURO_FOUND) {
            __atomic_fetch_add(&worker->seen[value_of(item)], 1, __ATOMIC_RELAXED);
            worker->n_given++;
            ouro_decref(item);
        } else if (status == OURO_BUSY) {
            worker->n_busy++;
            ouro_safepoint();
        } else {
            REQUIRE(status == OURO_OK, "failed: %s", ouro_status_text(status));
            break;
        }
    }
    ouro_thread_detach();
}

static void
test_threads(void **state) /* each value goes to one thread; the others are told */
{
    const unsigned long n = TEST_STRESSED ? 2000 : 100000;
    struct worker workers[4] = {0};
    uint8_t *seen = calloc(n, 1);
    ouro_ref generator = make_delegate(make(count, (int64_t)n), 0);
    unsigned long n_given = 0;

    (void)state;
    ouro_gc_enable();
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = (struct worker){.generator = generator, .seen = seen};
    }
    ouro_thread_detach();
    threads_run(4, want_values, workers, sizeof *workers);
    assert_int_equal(ouro_thread_attach(), OURO_OK);
    for (unsigned i = 0; i < 4; i++) {
        n_given += workers[i].n_given;
    }
    assert_int_equal(n_given, n);
    for (unsigned long i = 0; i < n; i++) {
        REQUIRE(seen[i] == 1, "%lu was given %u times", i, seen[i]);
    }
    assert_int_equal(n_cleaned, 2);
    free(seen);
    ouro_decref(generator);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_counting, setup),
        cmocka_unit_test_setup(test_is_iterator, setup),
        cmocka_unit_test_setup(test_many_values, setup),
        cmocka_unit_test_setup(test_send, setup),
        cmocka_unit_test_setup(test_sent_values_are_let_go_of, setup),
        cmocka_unit_test_setup(test_throw, setup),
        cmocka_unit_test_setup(test_throw_not_caught, setup),
        cmocka_unit_test_setup(test_throw_before_begin, setup),
        cmocka_unit_test_setup(test_close, setup),
        cmocka_unit_test_setup(test_close_ignored, setup),
        cmocka_unit_test_setup(test_running_already, setup),
        cmocka_unit_test_setup(test_last_step_frees, setup),
        cmocka_unit_test_setup(test_asked_while_let_go_of, setup),
        cmocka_unit_test_setup(test_dropped, setup),
        cmocka_unit_test_setup(test_cycle_of_garbage, setup),
        cmocka_unit_test_setup(test_many_cycles, setup),
        cmocka_unit_test_setup(test_resurrected, setup),
        cmocka_unit_test_setup(test_dropped_but_fails, setup),
        cmocka_unit_test_setup(test_delegate, setup),
        cmocka_unit_test_setup(test_delegate_throw, setup),
        cmocka_unit_test_setup(test_delegate_close, setup),
        cmocka_unit_test_setup(test_delegate_when_closed, setup),
        cmocka_unit_test_setup(test_delegate_to_other_iterators, setup),
        cmocka_unit_test_setup(test_delegate_to_used_one, setup),
        cmocka_unit_test_setup(test_deep_delegation, setup),
        cmocka_unit_test_setup(test_no_memory, setup),
        cmocka_unit_test_setup(test_random_calls, setup),
        cmocka_unit_test_setup(test_threads, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
