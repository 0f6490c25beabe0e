/* test_generator_delegation.c - generators that delegate to each other, in chains of any depth, and while several threads want
 * their values.
 *
 * Each test names the test of CPython's Lib/test/test_pep380.py that it follows. */
#include <stdlib.h>

#include "cm.h"
#include "frames.h"
#include "nodes.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

#define DEEP (TEST_STRESSED ? 5000 : 200000)

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
        assert_int_equal(number_of(ouro_lend(result)), 2 * i);
        ouro_clear(&result);
    }
    assert_int_equal(ouro_generator_send(generator, NULL, &result), OURO_OK);
    assert_int_equal(number_of(ouro_lend(result)), 2 * 99);
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
    assert_int_equal(number_of(ouro_lend(result)), -OURO_BUSY);
    ouro_decref(result);
    assert_int_equal(n_cleaned, 0);
    ouro_decref(generator);
    assert_int_equal(n_cleaned, 2);

    generator = make_delegate(make(count_up, 5), 1); /* the inner one fails, the outer one catches */
    assert_int_equal(next_number(generator), 0);
    assert_int_equal(ouro_generator_throw(generator, OURO_BUSY, NULL, &result), OURO_FOUND);
    assert_int_equal(number_of(ouro_lend(result)), -OURO_BUSY);
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

static void
test_delegate_closed_with_value(void **state) /* test_throwing_GeneratorExit_into_subgenerator_... */
{
    ouro_ref result = NULL, value = ouro_int_new(1 << 20);

    (void)state;
    ouro_set_unraisable_hook(note_unraisable, NULL);
    for (int64_t n = 0; n < 2; n++) { /* the innermost ends, or ignores it */
        ouro_ref generator = make_delegate(make_delegate(make(catch_all, n), 0), 0);
        assert_int_equal(next_number(generator), 0);
        assert_int_equal(ouro_generator_throw(generator, OURO_CLOSED, value, &result),
                         n == 0 ? OURO_CLOSED : OURO_FAILED);
        assert_ptr_equal(result, n == 0 ? value : NULL);
        ouro_clear(&result);
        ouro_decref(generator);
        assert_int_equal(ouro_refcount(value), 1);
    }
    ouro_set_unraisable_hook(NULL, NULL);
    ouro_decref(value);
}

/* Does not end when it is closed, but gives something from another generator: that is its own. */
static ouro_status
delegate_when_closed(ouro_generator *self)
{
    OURO_GENERATOR_BEGIN(self);
    OURO_YIELD_OR(self, ouro_int_new(100), closed);
closed:
    OURO_YIELD_FROM(self, make(count_up, 2));
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
    assert_int_equal(number_of(ouro_lend(result)), 0);
    ouro_clear(&result);
    assert_int_equal(next_number(generator), 1);
    assert_int_equal(next_number(generator), -1);
    ouro_decref(generator);

    /* For one that is delegated to it is a failure, which the outer one sees. */
    generator = make_delegate(make(delegate_when_closed, 0), 1);
    assert_int_equal(next_number(generator), 100);
    assert_int_equal(ouro_generator_throw(generator, OURO_CLOSED, NULL, &result), OURO_FOUND);
    assert_int_equal(number_of(ouro_lend(result)), -OURO_FAILED);
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
    assert_int_equal(number_of(ouro_lend(result)), -OURO_WRONG_TYPE);
    ouro_clear(&result);
    ouro_decref(generator);

    generator = make_delegate(ouro_dict_iterate_keys(dict), 1); /* nor throw() */
    assert_int_equal(next_number(generator), 0);
    assert_int_equal(ouro_generator_throw(generator, OURO_TOO_LARGE, NULL, &result), OURO_FOUND);
    assert_int_equal(number_of(ouro_lend(result)), -OURO_TOO_LARGE);
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
    ouro_ref inner = make(count_up, 4), outer = make_delegate(ouro_incref(inner), 0);

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
    ouro_ref chain = make_chain(DEEP, make(count_up, 3)), result = NULL;

    (void)state;
    assert_int_equal(next_number(chain), 0);
    assert_int_equal(next_number(chain), 1);
    assert_int_equal(next_number(chain), 2);
    assert_int_equal(n_cleaned, 0);
    assert_int_equal(next_number(chain), -1);
    assert_int_equal(n_cleaned, DEEP + 1);
    ouro_decref(chain);

    n_cleaned = 0;
    chain = make_chain(DEEP, make(count_up, 3)); /* dropped in the middle */
    next_number(chain);
    ouro_decref(chain);
    assert_int_equal(n_cleaned, DEEP + 1);
    assert_int_equal(last_seen, OURO_CLOSED);

    n_cleaned = 0;
    chain = make_chain(DEEP, make(count_up, 3)); /* a failure comes all the way out */
    ouro_ref node = node_new(NULL, NULL);
    next_number(chain);
    assert_int_equal(ouro_generator_throw(chain, OURO_DEAD, node, &result), OURO_DEAD);
    assert_ptr_equal(result, node);
    ouro_decref(result);
    ouro_decref(node);
    assert_int_equal(n_cleaned, DEEP + 1);
    ouro_decref(chain);

    n_cleaned = 0;
    chain = make_chain(DEEP, make(count_up, 3)); /* never begun: nothing is to be cleaned up */
    ouro_decref(chain);
    assert_int_equal(n_cleaned, 0);

    chain = make_chain(DEEP, make(count_up, 3)); /* garbage */
    next_number(chain);
    ouro_ref innermost = chain;
    while (frame_of(innermost)->data != NULL) {
        innermost = frame_of(innermost)->data;
    }
    frame_of(innermost)->other = chain;
    assert_int_equal(ouro_gc_collect(2), DEEP + 1);
    assert_int_equal(n_cleaned, DEEP + 1);
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
        ouro_ref chain = make_chain(depth, make(count_up, n));
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
            __atomic_fetch_add(&worker->seen[number_of(ouro_lend(item))], 1, __ATOMIC_RELAXED);
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
    ouro_ref generator = make_delegate(make(count_up, (int64_t)n), 0);
    unsigned long n_given = 0;

    (void)state;
    ouro_gc_enable();
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = (struct worker){.generator = generator, .seen = seen};
    }
    threads_run_detached(4, want_values, workers, sizeof *workers);
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
        cmocka_unit_test_setup(test_delegate, frames_setup),
        cmocka_unit_test_setup(test_delegate_throw, frames_setup),
        cmocka_unit_test_setup(test_delegate_close, frames_setup),
        cmocka_unit_test_setup(test_delegate_closed_with_value, frames_setup),
        cmocka_unit_test_setup(test_delegate_when_closed, frames_setup),
        cmocka_unit_test_setup(test_delegate_to_other_iterators, frames_setup),
        cmocka_unit_test_setup(test_delegate_to_used_one, frames_setup),
        cmocka_unit_test_setup(test_deep_delegation, frames_setup),
        cmocka_unit_test_setup(test_random_calls, frames_setup),
        cmocka_unit_test_setup(test_threads, frames_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
