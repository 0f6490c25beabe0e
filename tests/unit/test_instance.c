/* test_instance.c - instances have the attributes that a dict would have, in its order; share their names; and die.
 *
 * Follows CPython's Lib/test/test_descr.py (ClassPropertiesAndMethods.test_slots, SharedKeyTests) and PEP 412. */
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "names.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

/* ---- against a dict ---- */

static void
do_one(ouro_loan instance, ouro_loan dict, struct test_random *random, unsigned n_names)
{
    unsigned number = (unsigned)random_below(random, n_names);
    bool is_copy = random_below(random, 4) == 0;
    ouro_ref copy = is_copy ? name_copy(number) : NULL, value = NULL, has = NULL;
    ouro_loan name = is_copy ? ouro_lend(copy) : name_of(number);
    ouro_status status, wanted;

    switch (random_below(random, 8)) {
    case 0:
    case 1:
    case 2:
        value = ouro_int_new((int64_t)random_below(random, 1 << 20));
        REQUIRE(ouro_instance_set(instance, name, ouro_lend(value)) == OURO_OK, "not set");
        REQUIRE(ouro_dict_set(dict, name, ouro_lend(value)) == OURO_OK, "not set");
        ouro_decref(value);
        break;
    case 3:
        status = ouro_instance_delete(instance, name);
        REQUIRE(status == ouro_dict_delete(dict, name), "status %d", (int)status);
        break;
    case 4:
        status = ouro_instance_has(instance, name);
        REQUIRE(status == ouro_dict_contains(dict, name), "status %d", (int)status);
        break;
    default:
        status = ouro_instance_get(instance, name, &value);
        wanted = ouro_dict_get(dict, name, &has);
        REQUIRE(status == wanted && value == has, "status %d, wanted %d", (int)status, (int)wanted);
        ouro_xdecref(value);
        ouro_xdecref(has);
        break;
    }
    ouro_xdecref(copy);
}

#define N_INSTANCES 32

static void
test_same_as_a_dict(void **state)
{
    struct test_random random = {test_seed(1)};
    uint64_t n_rounds = test_count("OURO_TEST_INSTANCE_ROUNDS", 400);
    static const unsigned names[] = {2, 4, 8, 31, 32, 60};

    (void)state;
    for (uint64_t round = 0; round < n_rounds; round++) {
        unsigned n_names = names[round % 6];
        ouro_ref type = class_new("some", NULL, 0, false), instances[N_INSTANCES], dicts[N_INSTANCES];
        for (size_t i = 0; i < N_INSTANCES; i++) {
            instances[i] = instance_new(ouro_lend(type));
            dicts[i] = ouro_dict_new();
            for (uint64_t n = random_below(&random, 400); n != 0; n--) {
                do_one(ouro_lend(instances[i]), ouro_lend(dicts[i]), &random, n_names);
            }
            attributes_check(ouro_lend(instances[i]), ouro_lend(dicts[i]));
        }
        for (size_t i = 0; i < N_INSTANCES; i++) { /* an instance's own dict says the same, and is it */
            ouro_ref own = NULL, again = NULL;
            if (i % 2 == 0) {
                assert_int_equal(ouro_instance_dict(ouro_lend(instances[i]), &own), OURO_OK);
                assert_int_equal(ouro_equal(ouro_lend(own), ouro_lend(dicts[i])), OURO_FOUND);
                ouro_dict_clear(ouro_lend(own));
                ouro_dict_clear(ouro_lend(dicts[i]));
                do_one(ouro_lend(instances[i]), ouro_lend(dicts[i]), &random, n_names);
                attributes_check(ouro_lend(instances[i]), ouro_lend(dicts[i]));
                assert_int_equal(ouro_instance_dict(ouro_lend(instances[i]), &again), OURO_OK);
                assert_ptr_equal(own, again);
                ouro_decref(own);
                ouro_decref(again);
            }
            ouro_decref(instances[i]);
            ouro_decref(dicts[i]);
        }
        assert_int_equal(drop_and_collect(type), 1);
    }
}

/* ---- shared names ---- */

static int
count_dicts(ouro_loan object, void *context)
{
    *(size_t *)context += ouro_type_of(object) == ouro_dict_type();
    return 0;
}

/* Dicts that hold what may be part of a cycle. */
static size_t
tracked_dicts(void)
{
    size_t n = 0;
    assert_int_equal(ouro_gc_visit_objects(-1, count_dicts, &n), 0);
    return n;
}

/* An instance with n attributes, each a list. */
static ouro_ref
make_with(ouro_loan type, unsigned n)
{
    ouro_ref instance = instance_new(type);
    for (unsigned i = 0; i < n; i++) {
        attribute_set(ouro_lend(instance), name_of(i), ouro_list_new(0));
    }
    return instance;
}

static void
test_names_are_learned(void **state) /* SharedKeyTests */
{
    static const size_t sizes[] = {48, 48, 48, 48, 64, 64, 80, 80, 96, 96, 112};
    (void)state;
    for (unsigned n = 0; n <= 30; n++) {
        ouro_ref type = class_new("some", NULL, 0, false);
        ouro_ref first = make_with(ouro_lend(type), n);
        assert_int_equal(tracked_dicts(), n > 3); /* the first knew of three */
        ouro_ref second = make_with(ouro_lend(type), n);
        assert_int_equal(tracked_dicts(), n > 3);
        assert_int_equal(ouro_sizeof(ouro_lend(second)),
                         n < 11 ? sizes[n] : (24 + 8 * (size_t)n + 15) / 16 * 16);
        ouro_decref(first);
        assert_int_equal(tracked_dicts(), 0);
        ouro_decref(second);
        assert_int_equal(drop_and_collect(type), 1);
    }
}

static void
test_more_than_thirty(void **state)
{
    (void)state;
    ouro_ref type = class_new("some", NULL, 0, false);
    ouro_decref(make_with(ouro_lend(type), 31));
    ouro_ref instance = make_with(ouro_lend(type), 30);
    assert_int_equal(tracked_dicts(), 0);
    attribute_set(ouro_lend(instance), name_of(30), ouro_list_new(0));
    assert_int_equal(tracked_dicts(), 1);
    for (unsigned i = 0; i < 31; i++) {
        assert_int_equal(ouro_instance_has(ouro_lend(instance), name_of(i)), OURO_FOUND);
    }
    ouro_decref(instance);
    assert_int_equal(drop_and_collect(type), 1);
}

static void
test_who_goes_apart(void **state)
{
    (void)state;
    ouro_ref type = class_new("some", NULL, 0, false);
    ouro_ref first = make_with(ouro_lend(type), 3), other = instance_new(ouro_lend(type));
    ouro_loan loan = ouro_lend(other);

    attribute_set(loan, name_of(0), ouro_list_new(0)); /* some are left out: no matter */
    attribute_set(loan, name_of(2), ouro_list_new(0));
    assert_int_equal(tracked_dicts(), 0);
    assert_int_equal(ouro_instance_delete(loan, name_of(0)),
                     OURO_FOUND); /* nor when they are taken out */
    assert_int_equal(ouro_instance_delete(loan, name_of(0)), 0);
    assert_int_equal(ouro_instance_delete(loan, name_of(1)), 0);
    attribute_set(loan, name_of(2), ouro_list_new(0));
    assert_int_equal(tracked_dicts(), 0);
    attribute_set(loan, name_of(1), ouro_list_new(0)); /* but in another order */
    assert_int_equal(tracked_dicts(), 1);
    size_t position = 0;
    ouro_ref name = NULL;
    for (unsigned i = 2; i != 0; i--) {
        assert_true(ouro_instance_next(loan, &position, &name, NULL));
        assert_true(ouro_str_equal(ouro_lend(name), name_of(i)));
        ouro_decref(name);
    }
    assert_false(ouro_instance_next(loan, &position, &name, NULL));
    ouro_decref(other);
    ouro_ref dict = NULL;
    assert_int_equal(ouro_instance_dict(ouro_lend(first), &dict), OURO_OK); /* or who is asked for it */
    assert_int_equal(tracked_dicts(), 1);
    assert_int_equal(ouro_dict_length(ouro_lend(dict)), 3);
    ouro_decref(first);
    assert_int_equal(ouro_dict_length(ouro_lend(dict)), 3); /* it may outlive the instance */
    ouro_decref(dict);
    assert_int_equal(drop_and_collect(type), 1);
}

static void
test_a_million(void **state)
{
    size_t n = TEST_STRESSED ? 20000 : test_count("OURO_TEST_INSTANCES", 2000000), n_bytes = 0;
    ouro_ref *instances = calloc(n, sizeof *instances), type = class_new("some", NULL, 0, false);

    (void)state;
    for (size_t i = 0; i < n; i++) { /* each knows the one before and its own number */
        instances[i] = instance_new(ouro_lend(type));
        ouro_loan loan = ouro_lend(instances[i]);
        attribute_set(loan, name_of(0), ouro_int_new((int64_t)i));
        attribute_set(loan, name_of(1), ouro_incref(ouro_lend(instances[i / 2])));
        attribute_set(loan, name_of(2), ouro_none());
        n_bytes += ouro_sizeof(loan);
    }
    assert_int_equal(n_bytes, n * 48);
    assert_int_equal(tracked_dicts(), 0);
    for (size_t i = 0; i < n; i++) {
        ouro_ref value = NULL;
        int64_t number = -1;
        REQUIRE(ouro_instance_get(ouro_lend(instances[i]), name_of(0), &value) == OURO_FOUND, "lost");
        REQUIRE(ouro_int_to_int64(ouro_lend(value), &number) == OURO_OK && number == (int64_t)i, "%zu",
                i);
        ouro_decref(value);
    }
    assert_int_equal(ouro_gc_collect(2), 0);
    for (size_t i = 0; i < n; i++) {
        ouro_decref(instances[i]);
    }
    free(instances);
    assert_int_equal(ouro_gc_collect(2), 1); /* number 0 held itself, and is all that is left */
    assert_int_equal(drop_and_collect(type), 1);
}

/* ---- slots ---- */

static void
test_slots(void **state) /* test_descr, test_slots */
{
    (void)state;
    for (unsigned n = 0; n <= 60; n += 3) {
        ouro_ref type = class_new("slotted", NULL, n, true), value = NULL, dict = NULL;
        ouro_ref instance = instance_new(ouro_lend(type));
        ouro_loan loan = ouro_lend(instance);
        assert_int_equal(ouro_sizeof(loan), n < 2 ? 32 : 16 + 8 * n);
        for (unsigned i = n; i-- != 0;) { /* in any order */
            assert_int_equal(ouro_instance_has(loan, name_of(i)), 0);
            assert_int_equal(ouro_instance_get(loan, name_of(i), &value), 0);
            attribute_set(loan, name_of(i), ouro_incref(name_of(i)));
        }
        for (unsigned i = 0; i < n; i++) {
            ouro_ref copy = name_copy(i);
            assert_int_equal(ouro_instance_get(loan, ouro_lend(copy), &value), OURO_FOUND);
            assert_ptr_equal(ouro_lend(value), name_of(i));
            ouro_decref(value);
            ouro_decref(copy);
        }
        assert_int_equal(ouro_instance_set(loan, name_of(n), ouro_lend(type)), OURO_WRONG_VALUE);
        assert_int_equal(ouro_instance_dict(loan, &dict), OURO_WRONG_VALUE);
        size_t position = 0;
        assert_false(ouro_instance_next(loan, &position, NULL, NULL));
        if (n != 0) {
            assert_int_equal(ouro_instance_delete(loan, name_of(n - 1)), OURO_FOUND);
            assert_int_equal(ouro_instance_delete(loan, name_of(n - 1)), 0);
            assert_int_equal(ouro_instance_has(loan, name_of(n - 1)), 0);
        }
        ouro_decref(instance);
        assert_int_equal(drop_and_collect(type), 1);
    }
}

static void
test_slots_and_others(void **state)
{
    (void)state;
    ouro_ref closed = class_new("closed", NULL, 2, true),
             open = class_new("open", ouro_lend(closed), 0, false);
    ouro_loan more[] = {name_of(50)};
    const ouro_class_spec spec = {
        .name = "sub", .base = ouro_lend(open), .n_slots = 1, .slots = more, .is_closed = true};
    ouro_ref sub = NULL;
    assert_int_equal(ouro_class_create(&spec, &sub), OURO_OK);
    ouro_loan types[] = {ouro_lend(open), ouro_lend(sub)};
    for (unsigned t = 0; t < 2; t++) {
        ouro_ref instance = instance_new(types[t]), name = NULL;
        ouro_loan loan = ouro_lend(instance);
        for (unsigned i = 51; i-- != 0;) {
            attribute_set(loan, name_of(i), ouro_int_new(i));
        }
        size_t n = 0, position = 0;
        while (ouro_instance_next(loan, &position, &name, NULL)) { /* but for slots */
            unsigned wanted = 50 - t - (unsigned)n++;
            assert_true(ouro_str_equal(ouro_lend(name), name_of(wanted)));
            ouro_decref(name);
        }
        assert_int_equal(n, 49 - t);
        for (unsigned i = 0; i < 51; i++) {
            ouro_ref value = NULL;
            assert_int_equal(ouro_instance_get(loan, name_of(i), &value), OURO_FOUND);
            int64_t number = -1;
            assert_int_equal(ouro_int_to_int64(ouro_lend(value), &number), OURO_OK);
            assert_int_equal(number, i);
            ouro_decref(value);
        }
        ouro_decref(instance);
    }
    ouro_decref(sub);
    ouro_decref(open);
    assert_int_equal(drop_and_collect(closed), 3);
}

/* ---- what is refused ---- */

static void
test_wrong_types(void **state)
{
    (void)state;
    ouro_ref type = class_new("some", NULL, 0, false), instance = instance_new(ouro_lend(type));
    ouro_ref list = ouro_list_new(0), value = NULL, number = ouro_int_new(1);
    ouro_loan loan = ouro_lend(instance);
    size_t position = 0;

    assert_int_equal(ouro_instance_get(ouro_lend(list), name_of(0), &value), OURO_WRONG_TYPE);
    assert_int_equal(ouro_instance_set(ouro_lend(list), name_of(0), loan), OURO_WRONG_TYPE);
    assert_int_equal(ouro_instance_has(ouro_lend(type), name_of(0)), OURO_WRONG_TYPE);
    assert_int_equal(ouro_instance_delete(ouro_lend(list), name_of(0)), OURO_WRONG_TYPE);
    assert_int_equal(ouro_instance_dict(ouro_lend(list), &value), OURO_WRONG_TYPE);
    assert_false(ouro_instance_next(ouro_lend(list), &position, NULL, NULL));
    assert_int_equal(ouro_instance_get(loan, ouro_lend(number), &value), OURO_WRONG_TYPE);
    assert_int_equal(ouro_instance_set(loan, ouro_lend(list), loan), OURO_WRONG_TYPE);
    assert_null(value);
    ouro_decref(list);
    ouro_decref(number);
    ouro_decref(instance);
    assert_int_equal(drop_and_collect(type), 1);
}

/* ---- threads ---- */

#define N_THREADS 8
#define NAMES_EACH 5

struct worker {
    unsigned number;
    ouro_loan shared, type;
};

/* Set its own names of the shared instance over and over; make instances of its own meanwhile, in its own order. */
static void
work(void *context)
{
    const struct worker *worker = context;
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (unsigned round = 0; round < 200; round++) {
        ouro_ref own = instance_new(worker->type);
        for (unsigned i = 0; i < NAMES_EACH; i++) {
            ouro_loan name = name_of(worker->number * NAMES_EACH + i);
            ouro_ref number = ouro_int_new(100000 + round), value = NULL;
            REQUIRE(ouro_instance_set(worker->shared, name, ouro_lend(number)) == OURO_OK, "not set");
            REQUIRE(ouro_instance_get(worker->shared, name, &value) == OURO_FOUND, "lost at once");
            REQUIRE(value == number, "another value");
            ouro_decref(value);
            attribute_set(ouro_lend(own), name_of((round + i) % 30), number);
        }
        for (unsigned i = 0; i < NAMES_EACH; i++) {
            REQUIRE(ouro_instance_has(ouro_lend(own), name_of((round + i) % 30)) == OURO_FOUND, "lost");
        }
        ouro_loan first = name_of(worker->number * NAMES_EACH);
        REQUIRE(ouro_instance_delete(worker->shared, first) == OURO_FOUND, "gone");
        attribute_set(worker->shared, first, ouro_int_new(round));
        ouro_decref(own);
    }
    ouro_thread_detach();
}

static void
test_threads_set_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MOST_NAMES; i++) {
        (void)name_of(i); /* made by one thread */
    }
    for (uint64_t round = test_count("OURO_TEST_THREAD_ROUNDS", 40); round != 0; round--) {
        ouro_ref type = class_new("some", NULL, 0, false), shared = instance_new(ouro_lend(type));
        struct worker workers[N_THREADS];
        for (unsigned i = 0; i < N_THREADS; i++) {
            workers[i] = (struct worker){i, ouro_lend(shared), ouro_lend(type)};
        }
        threads_run_detached(N_THREADS, work, workers, sizeof workers[0]);
        for (unsigned i = 0; i < N_THREADS * NAMES_EACH; i++) {
            ouro_ref value = NULL;
            int64_t number = -1;
            assert_int_equal(ouro_instance_get(ouro_lend(shared), name_of(i), &value), OURO_FOUND);
            assert_int_equal(ouro_int_to_int64(ouro_lend(value), &number), OURO_OK);
            assert_int_equal(number, i % NAMES_EACH == 0 ? 199 : 100199);
            ouro_decref(value);
        }
        ouro_decref(shared);
        ouro_safepoint();
        assert_int_equal(drop_and_collect(type), 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_same_as_a_dict, gc_setup),
        cmocka_unit_test_setup(test_names_are_learned, gc_setup),
        cmocka_unit_test_setup(test_more_than_thirty, gc_setup),
        cmocka_unit_test_setup(test_who_goes_apart, gc_setup),
        cmocka_unit_test_setup(test_a_million, gc_setup),
        cmocka_unit_test_setup(test_slots, gc_setup),
        cmocka_unit_test_setup(test_slots_and_others, gc_setup),
        cmocka_unit_test_setup(test_wrong_types, gc_setup),
        cmocka_unit_test_setup(test_threads_set_at_once, gc_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
