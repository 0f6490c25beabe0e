/* test_class.c - classes are types made at run time: attributes along the bases, methods, finalizers, and their own end.
 *
 * Follows CPython's Lib/test/test_gc.py, test_finalization.py and test_descr.py, as each test says. */
#include <stdlib.h>

#include "cm.h"
#include "names.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

static void
class_set(ouro_ref type, ouro_loan name, ouro_ref stolen)
{
    REQUIRE(ouro_dict_set(ouro_class_dict(ouro_lend(type)), name, ouro_lend(stolen)) == OURO_OK,
            "not set");
    ouro_decref(stolen);
}

/* ---- looking up ---- */

static ouro_status
return_arguments(ouro_loan function, ouro_loan const *arguments, size_t n, ouro_ref *result)
{
    (void)function;
    *result = ouro_tuple_new(n, arguments);
    return *result != NULL ? OURO_OK : OURO_NO_MEMORY;
}

static void
test_along_the_bases(
    void **state) /* test_descr.ClassPropertiesAndMethods.test_diamond_inheritance, of one base each */
{
    enum { DEPTH = 200 };
    ouro_ref types[DEPTH];

    (void)state;
    for (unsigned i = 0; i < DEPTH; i++) {
        types[i] = class_new("layer", i != 0 ? ouro_lend(types[i - 1]) : NULL, 0, false);
        assert_ptr_equal(ouro_type_base(ouro_lend(types[i])), i != 0 ? types[i - 1] : NULL);
        assert_true(ouro_is_a(ouro_lend(types[0]), ouro_type_of(ouro_lend(types[0]))));
        if (i % 4 == 0) {
            class_set(types[i], name_of(0), ouro_int_new(i));
        }
    }
    for (unsigned i = 0; i < DEPTH; i++) {
        ouro_ref instance = instance_new(ouro_lend(types[i])), value = NULL;
        int64_t number = -1;
        assert_int_equal(ouro_instance_get(ouro_lend(instance), name_of(0), &value), OURO_FOUND);
        assert_int_equal(ouro_int_to_int64(ouro_lend(value), &number), OURO_OK);
        assert_int_equal(number, i / 4 * 4);
        ouro_decref(value);
        assert_int_equal(ouro_instance_get(ouro_lend(instance), name_of(1), &value), 0);
        assert_int_equal(ouro_instance_has(ouro_lend(instance), name_of(0)), OURO_FOUND);
        assert_int_equal(ouro_instance_delete(ouro_lend(instance), name_of(0)), 0);
        attribute_set(ouro_lend(instance), name_of(0), ouro_none()); /* its own goes first */
        assert_int_equal(ouro_instance_get(ouro_lend(instance), name_of(0), &value), OURO_FOUND);
        assert_ptr_equal(value, ouro_none());
        assert_int_equal(ouro_instance_delete(ouro_lend(instance), name_of(0)), OURO_FOUND);
        assert_int_equal(ouro_class_get(ouro_lend(types[i]), name_of(0), &value), OURO_FOUND);
        ouro_decref(value);
        ouro_decref(instance);
    }
    for (unsigned i = 1; i < DEPTH; i++) {
        ouro_decref(types[i]);
    }
    assert_int_equal(drop_and_collect(types[0]), DEPTH);
}

static void
test_methods(void **state)
{
    (void)state;
    ouro_ref type = class_new("some", NULL, 1, false), instance = instance_new(ouro_lend(type));
    ouro_loan loan = ouro_lend(instance), number = ouro_lend(ouro_int_new(7));
    ouro_ref method = NULL, other = NULL, result = NULL;

    class_set(type, name_of(5), function_new(return_arguments, NULL));
    assert_int_equal(ouro_instance_get(loan, name_of(5), &method), OURO_FOUND);
    assert_ptr_equal(ouro_type_of(ouro_lend(method)), ouro_method_type());
    assert_ptr_equal(ouro_method_self_borrow(ouro_lend(method)), loan);
    assert_int_equal(ouro_instance_get(loan, name_of(5), &other), OURO_FOUND);
    assert_ptr_not_equal(method, other);
    assert_int_equal(ouro_equal(ouro_lend(method), ouro_lend(other)), OURO_FOUND);
    uint64_t hash = 0, other_hash = 1;
    assert_int_equal(ouro_hash(ouro_lend(method), &hash), OURO_OK);
    assert_int_equal(ouro_hash(ouro_lend(other), &other_hash), OURO_OK);
    assert_true(hash == other_hash);
    assert_int_equal(ouro_call(ouro_lend(method), &number, 1, &result), OURO_OK);
    assert_int_equal(ouro_tuple_length(ouro_lend(result)), 2);
    assert_ptr_equal(ouro_tuple_get_borrow(ouro_lend(result), 0), loan);
    assert_ptr_equal(ouro_tuple_get_borrow(ouro_lend(result), 1), number);
    ouro_decref(result);
    ouro_decref(other);

    attribute_set(loan, name_of(5),
                  function_new(do_nothing, NULL)); /* of the instance's own: not bound */
    assert_int_equal(ouro_instance_get(loan, name_of(5), &other), OURO_FOUND);
    assert_ptr_equal(ouro_type_of(ouro_lend(other)), ouro_function_type());
    assert_int_equal(ouro_call(ouro_lend(other), NULL, 0, &result), OURO_OK);
    assert_ptr_equal(result, ouro_none());
    ouro_decref(other);
    assert_int_equal(ouro_class_get(ouro_lend(type), name_of(5), &other), OURO_FOUND);
    assert_ptr_equal(ouro_method_function_borrow(ouro_lend(method)), ouro_lend(other));
    ouro_decref(other);
    ouro_decref(method);

    attribute_set(loan, name_of(0),
                  ouro_none()); /* a slot hides what the class has, also when it is empty */
    class_set(type, name_of(0), ouro_int_new(3));
    assert_int_equal(ouro_instance_delete(loan, name_of(0)), OURO_FOUND);
    assert_int_equal(ouro_instance_has(loan, name_of(0)), 0);
    ouro_decref(instance);
    assert_int_equal(drop_and_collect(type), 3); /* class, dict, function */
}

/* ---- what is refused ---- */

static void
test_what_is_refused(void **state)
{
    (void)state;
    ouro_ref base = class_new("base", NULL, 3, true), list = ouro_list_new(0), type = NULL,
             value = NULL;
    ouro_loan twice[] = {name_of(7), name_of(8), name_of(7)}, taken[] = {name_of(2)};
    ouro_loan no_text[] = {name_of(7), ouro_lend(list)}, many[251];
    for (size_t i = 0; i < 251; i++) {
        many[i] = ouro_lend(ouro_str_format("s%zu", i));
    }
    const struct {
        ouro_class_spec spec;
        ouro_status status;
    } refused[] = {
        {{.name = "x", .base = ouro_lend(list)}, OURO_WRONG_TYPE},
        {{.name = "x", .base = node_type}, OURO_WRONG_TYPE},         /* not to be a base */
        {{.name = "x", .base = ouro_tuple_type()}, OURO_WRONG_TYPE}, /* has items */
        {{.name = "x", .base = ouro_method_type()}, OURO_WRONG_TYPE},
        {{.name = NULL}, OURO_WRONG_VALUE},
        {{.name = "x", .n_slots = 3, .slots = twice}, OURO_WRONG_VALUE},
        {{.name = "x", .base = ouro_lend(base), .n_slots = 1, .slots = taken}, OURO_WRONG_VALUE},
        {{.name = "x", .n_slots = 2, .slots = no_text}, OURO_WRONG_TYPE},
        {{.name = "x", .n_slots = 251, .slots = many}, OURO_TOO_LARGE},
        {{.name = "x", .base = ouro_lend(base), .n_slots = 248, .slots = many}, OURO_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(ouro_class_create(&refused[i].spec, &type), refused[i].status);
        assert_null(type);
    }
    for (unsigned closed = 0; closed < 2; closed++) { /* as many as there may be */
        const ouro_class_spec most = {.name = "x", .n_slots = 250, .slots = many, .is_closed = closed};
        assert_int_equal(ouro_class_create(&most, &type), OURO_OK);
        ouro_ref instance = instance_new(ouro_lend(type));
        for (size_t i = 0; i < 250; i++) {
            attribute_set(ouro_lend(instance), many[i], ouro_list_new(0));
        }
        if (closed == 0) {
            attribute_set(ouro_lend(instance), name_of(0), ouro_list_new(0));
        }
        attribute_set(ouro_lend(instance), many[249], ouro_incref(ouro_lend(instance)));
        ouro_decref(instance);
        assert_int_equal(drop_and_collect(type), 1 + 1 + 249 + (closed == 0));
        type = NULL;
    }
    const ouro_type_spec of_class = {.name = "x", .base = ouro_lend(base), .size = 16 + 24};
    assert_int_equal(ouro_type_create(&of_class, &type), OURO_WRONG_TYPE);
    assert_false(ouro_is_class(ouro_list_type()));
    assert_false(ouro_is_class(ouro_lend(list)));
    assert_null(ouro_class_dict(ouro_list_type()));
    assert_int_equal(ouro_class_get(ouro_list_type(), name_of(0), &value), OURO_WRONG_TYPE);
    assert_int_equal(ouro_call(ouro_lend(list), NULL, 0, &value), OURO_WRONG_TYPE);
    for (size_t i = 0; i < 251; i++) {
        ouro_decref((ouro_ref)ouro_look(many[i]));
    }
    ouro_decref(list);
    assert_int_equal(drop_and_collect(base), 1);
}

/* ---- bases in C ---- */

static void
test_of_a_list(void **state) /* GCTests.test_newinstance: class B(list) */
{
    (void)state;
    ouro_ref type = class_new("some list", ouro_list_type(), 1, false);
    for (unsigned round = 0; round < 2; round++) {
        ouro_ref instance = instance_new(ouro_lend(type)), value = NULL;
        ouro_loan loan = ouro_lend(instance);
        assert_true(ouro_is_a(loan, ouro_list_type()));
        for (unsigned i = 0; i < 1000; i++) {
            assert_int_equal(ouro_list_append_steal(loan, ouro_int_new(i)), OURO_OK);
        }
        for (unsigned i = 0; i < 5; i++) {
            attribute_set(loan, name_of(i), ouro_int_new(i));
        }
        assert_int_equal(ouro_list_length(loan), 1000);
        assert_int_equal(ouro_instance_get(loan, name_of(4), &value), OURO_FOUND);
        ouro_decref(value);
        if (round == 0) {
            ouro_decref(instance);
            assert_int_equal(ouro_gc_collect(2), 0);
        } else {
            assert_int_equal(ouro_list_append(loan, loan), OURO_OK);
            attribute_set(loan, name_of(0), ouro_incref(loan));
            assert_int_equal(drop_and_collect(instance), 1);
        }
    }
    assert_int_equal(drop_and_collect(type), 1);
}

static void
test_of_a_type_of_the_programs(void **state)
{
    const ouro_type_spec spec = {.name = "open node",
                                 .size = sizeof(struct node),
                                 .n_fields = 2,
                                 .fields = node_fields,
                                 .flags = OURO_TYPE_BASE};
    ouro_ref type = NULL;

    (void)state;
    assert_int_equal(ouro_type_create(&spec, &type), OURO_OK);
    ouro_ref class = class_new("class of nodes", ouro_lend(type), 2, true);
    ouro_ref sub = class_new("sub", ouro_lend(class), 0, false);
    for (unsigned i = 0; i < 2; i++) {
        ouro_ref instance = instance_new(i == 0 ? ouro_lend(class) : ouro_lend(sub));
        node_of(ouro_lend(instance))->left = ouro_incref(ouro_lend(instance));
        node_of(ouro_lend(instance))->right = row_new(2);
        node_of(ouro_lend(instance))->number = 99;
        attribute_set(ouro_lend(instance), name_of(1), row_new(1));
        assert_int_equal(node_of(ouro_lend(instance))->number, 99);
        assert_int_equal(drop_and_collect(instance), 3);
        assert_int_equal(nodes_dead, 2 * (i + 1));
    }
    ouro_decref(type);
    ouro_decref(class);
    assert_int_equal(drop_and_collect(sub), 3);
}

/* ---- cycles, counted exactly ---- */

static void
test_cycles(
    void **state) /* GCTests.test_instance, test_newinstance, test_class, test_method, test_dict */
{
    (void)state;
    ouro_ref type = class_new("A", NULL, 0, false), instance = instance_new(ouro_lend(type));
    ouro_ref method = NULL, dict = NULL;
    attribute_set(ouro_lend(instance), name_of(0), ouro_incref(ouro_lend(instance)));
    assert_int_equal(drop_and_collect(instance), 1);

    ouro_ref sub = class_new("C", ouro_lend(type), 0, false);
    instance = instance_new(ouro_lend(sub));
    attribute_set(ouro_lend(instance), name_of(0), ouro_incref(ouro_lend(instance)));
    assert_int_equal(drop_and_collect(instance), 1);
    assert_int_equal(drop_and_collect(sub), 1);

    class_set(type, name_of(1),
              function_new(do_nothing, NULL)); /* a method of the instance, in the instance */
    instance = instance_new(ouro_lend(type));
    assert_int_equal(ouro_instance_get(ouro_lend(instance), name_of(1), &method), OURO_FOUND);
    attribute_set(ouro_lend(instance), name_of(0), method);
    assert_int_equal(drop_and_collect(instance), 2);

    instance = instance_new(ouro_lend(type)); /* an instance in its own dict */
    assert_int_equal(ouro_instance_dict(ouro_lend(instance), &dict), OURO_OK);
    assert_int_equal(ouro_dict_set(ouro_lend(dict), name_of(0), ouro_lend(instance)), OURO_OK);
    ouro_decref(dict);
    assert_int_equal(drop_and_collect(instance), 2);

    assert_int_equal(ouro_gc_collect(2), 0);
    class_set(type, name_of(2),
              ouro_incref(ouro_lend(type))); /* a class in itself: class, dict, function */
    assert_int_equal(drop_and_collect(type), 3);

    type = class_new("A", NULL, 0, false); /* A.a = A() */
    class_set(type, name_of(0), instance_new(ouro_lend(type)));
    assert_int_equal(drop_and_collect(type), 3);
    assert_int_equal(ouro_gc_collect(2), 0);

    type = class_new("A", NULL, 1, true); /* the same by a slot, and all of them in one */
    instance = instance_new(ouro_lend(type));
    class_set(type, name_of(1), function_new(do_nothing, ouro_lend(instance)));
    assert_int_equal(ouro_instance_get(ouro_lend(instance), name_of(1), &method), OURO_FOUND);
    attribute_set(ouro_lend(instance), name_of(0), method);
    ouro_decref(type);
    assert_int_equal(ouro_gc_collect(2), 0);
    assert_int_equal(drop_and_collect(instance), 5); /* class, dict, function, instance, method */
}

/* ---- the end of classes ---- */

static void
test_a_class_lives_as_long_as_its_instances(void **state)
{
    (void)state;
    ouro_ref type = class_new("some", NULL, 0, false), weak = NULL, value = NULL;
    assert_int_equal(ouro_weakref_create(ouro_lend(type), NULL, NULL, &weak), OURO_OK);
    class_set(type, name_of(0), ouro_int_new(5));
    ouro_ref instance = instance_new(ouro_lend(type));
    assert_int_equal(drop_and_collect(type), 0);
    assert_int_equal(ouro_instance_get(ouro_lend(instance), name_of(0), &value), OURO_FOUND);
    ouro_decref(value);
    ouro_decref(instance);
    assert_int_equal(ouro_gc_collect(0), 0); /* for the oldest generation to find */
    assert_int_equal(ouro_gc_collect(2), 1);
    assert_null(ouro_weakref_get(ouro_lend(weak)));
    ouro_decref(weak);
}

static void
test_many_classes(void **state)
{
    enum { AT_A_TIME = 1000 };
    unsigned n_rounds = TEST_STRESSED ? 2 : 80; /* more than there are numbers for */
    static ouro_ref types[AT_A_TIME];

    (void)state;
    for (unsigned round = 0; round < n_rounds; round++) {
        for (unsigned i = 0; i < AT_A_TIME; i++) {
            types[i] = class_new("one of many", i % 10 != 0 ? ouro_lend(types[i - 1]) : NULL,
                                 i % 10 == 0, false);
            ouro_ref instance = instance_new(ouro_lend(types[i]));
            attribute_set(ouro_lend(instance), name_of(i % 7), ouro_incref(ouro_lend(instance)));
            ouro_decref(instance);
        }
        for (unsigned i = 0; i < AT_A_TIME; i++) {
            ouro_decref(types[i]);
        }
        assert_int_equal(ouro_gc_collect(2), 2 * AT_A_TIME);
    }
}

struct maker {
    unsigned number;
};

static void
make_classes(void *context)
{
    const struct maker *maker = context;
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (unsigned i = 0; i < 300; i++) {
        ouro_ref type = class_new("of a thread", NULL, 2, false),
                 sub = class_new("sub", ouro_lend(type), 0, true);
        ouro_ref instance = instance_new(ouro_lend(sub)), value = NULL;
        class_set(type, name_of(20), ouro_int_new(maker->number * 1000 + i));
        for (unsigned n = 0; n < 8; n++) {
            attribute_set(ouro_lend(instance), name_of((n + i) % 10), ouro_incref(ouro_lend(type)));
        }
        REQUIRE(ouro_instance_get(ouro_lend(instance), name_of(20), &value) == OURO_FOUND, "lost");
        int64_t number = -1;
        REQUIRE(ouro_int_to_int64(ouro_lend(value), &number) == OURO_OK &&
                    number == maker->number * 1000 + i,
                "another class's");
        ouro_decref(value);
        ouro_decref(instance);
        ouro_decref(sub);
        ouro_decref(type);
        if (i % 50 == 0) {
            ouro_gc_collect(2);
        }
    }
    ouro_thread_detach();
}

static void
test_threads_make_classes(void **state)
{
    struct maker makers[4] = {{0}, {1}, {2}, {3}};
    (void)state;
    for (unsigned i = 0; i < MOST_NAMES; i++) {
        (void)name_of(i); /* made by one thread */
    }
    threads_run_detached(4, make_classes, makers, sizeof makers[0]);
    ouro_gc_collect(2);
    assert_int_equal(ouro_gc_collect(2), 0);
}

/* ---- finalizers ---- */

static ouro_ref kept;
static unsigned n_finalized[2];

static ouro_status
count_finalizer(ouro_loan function, ouro_loan const *arguments, size_t n, ouro_ref *result)
{
    ouro_loan which = ouro_function_captured_borrow(function, 0);
    REQUIRE(n == 1 && ouro_is_finalized(arguments[0]), "called with %zu arguments", n);
    n_finalized[which == ouro_lend(ouro_bool(true))]++;
    (void)result;
    return OURO_OK;
}

static ouro_status
keep_alive(ouro_loan function, ouro_loan const *arguments, size_t n, ouro_ref *result)
{
    REQUIRE(n == 1 && kept == NULL, "called again");
    kept = ouro_incref(arguments[0]);
    return count_finalizer(function, arguments, n, result);
}

static ouro_status
fail_finalizer(ouro_loan function, ouro_loan const *arguments, size_t n, ouro_ref *result)
{
    ouro_status status = count_finalizer(function, arguments, n, result);
    return status < 0 ? status : OURO_FAILED;
}

static ouro_ref
class_with_finalizer(ouro_loan base, ouro_function_body body, bool which)
{
    ouro_ref function = function_new(body, ouro_lend(ouro_bool(which))), type = NULL;
    const ouro_class_spec spec = {.name = "final", .base = base, .finalize = ouro_lend(function)};
    REQUIRE(ouro_class_create(&spec, &type) == OURO_OK, "no class");
    ouro_decref(function);
    return type;
}

static void
test_finalizers(void **state) /* SimpleFinalizationTest, SelfCycleFinalizationTest, InheritanceTest */
{
    (void)state;
    OURO_SCOPED finalizer = text("__del__");
    n_finalized[0] = n_finalized[1] = 0;
    ouro_ref type = class_with_finalizer(NULL, count_finalizer, false);
    ouro_ref plain_sub = class_new("sub", ouro_lend(type), 1, false);
    ouro_ref other_sub = class_with_finalizer(ouro_lend(plain_sub), count_finalizer, true);
    const ouro_loan types[] = {ouro_lend(type), ouro_lend(plain_sub), ouro_lend(other_sub)};
    for (unsigned i = 0; i < 3; i++) {
        ouro_decref(instance_new(types[i]));
        assert_int_equal(n_finalized[0], i < 2 ? 2 * i + 1 : 4);
        assert_int_equal(n_finalized[1], i == 2);
        ouro_ref instance = instance_new(types[i]);
        attribute_set(ouro_lend(instance), name_of(0), ouro_incref(ouro_lend(instance)));
        assert_int_equal(drop_and_collect(instance), 1);
        assert_int_equal(n_finalized[0] + n_finalized[1], 2 * i + 2);
    }
    assert_int_equal(ouro_dict_delete(ouro_class_dict(ouro_lend(other_sub)), ouro_lend(finalizer)),
                     OURO_FOUND);
    ouro_decref(instance_new(ouro_lend(other_sub))); /* the base's again */
    assert_int_equal(n_finalized[0], 5);
    ouro_decref(plain_sub);
    ouro_decref(other_sub);
    assert_int_equal(drop_and_collect(type),
                     3 + 2 + 1); /* classes, dicts that have or had a function, that */
}

static void
test_resurrection(void **state) /* SimpleFinalizationTest.test_simple_resurrect, SelfCycle... */
{
    (void)state;
    ouro_ref type = class_with_finalizer(NULL, keep_alive, false);
    for (unsigned round = 0; round < 4; round++) {
        bool is_cycle = round % 2 == 1;
        ouro_ref instance = instance_new(ouro_lend(type)), value = NULL;
        n_finalized[0] = 0;
        attribute_set(ouro_lend(instance), name_of(0),
                      is_cycle ? ouro_incref(ouro_lend(instance)) : row_new(1));
        attribute_set(ouro_lend(instance), name_of(1), row_new(1));
        assert_int_equal(drop_and_collect(instance), 0);
        assert_ptr_equal(kept, instance);
        assert_int_equal(n_finalized[0], 1);
        assert_int_equal(ouro_instance_get(ouro_lend(kept), name_of(1), &value),
                         OURO_FOUND); /* all is there */
        ouro_decref(value);
        ouro_decref(kept);
        kept = NULL; /* once more would end the test */
        assert_int_equal(ouro_gc_collect(2), is_cycle ? 2 : 0);
        assert_int_equal(n_finalized[0], 1);
    }
    assert_int_equal(drop_and_collect(type), 3);
}

static unsigned n_unraisable;

static void
note_unraisable(ouro_status status, const char *where, ouro_loan object, void *context)
{
    (void)where;
    (void)context;
    REQUIRE(status == OURO_FAILED || status == OURO_WRONG_TYPE, "status %d", (int)status);
    REQUIRE(ouro_is_class(ouro_type_of(object)), "another object");
    n_unraisable++;
}

static void
test_finalizers_that_fail(void **state)
{
    (void)state;
    OURO_SCOPED finalizer = text("__del__");
    n_finalized[1] = 0;
    ouro_set_unraisable_hook(note_unraisable, NULL);
    ouro_ref type = class_with_finalizer(NULL, fail_finalizer, true);
    ouro_decref(instance_new(ouro_lend(type)));
    assert_int_equal(n_finalized[1], 1);
    assert_int_equal(n_unraisable, 1);
    ouro_ref instance = instance_new(ouro_lend(type));
    attribute_set(ouro_lend(instance), name_of(0), ouro_incref(ouro_lend(instance)));
    class_set(type, ouro_lend(finalizer), ouro_list_new(0)); /* nothing that can be called */
    assert_int_equal(drop_and_collect(instance), 1);
    assert_int_equal(n_finalized[1], 1);
    assert_int_equal(n_unraisable, 2);
    ouro_set_unraisable_hook(NULL, NULL);
    assert_int_equal(drop_and_collect(type), 3); /* with the dict and the list */
}

/* ---- deep ---- */

static void
end_deep(void *context)
{
    size_t n = TEST_STRESSED ? 20000 : 1000000;
    const ouro_loan *types = context;
    ouro_ref chain = NULL;

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    for (size_t i = 0; i < n; i++) {
        ouro_ref next = instance_new(types[i % 3]);
        if (chain != NULL) {
            attribute_set(ouro_lend(next), name_of((unsigned)(i % 2)), chain);
        }
        chain = next;
    }
    ouro_decref(chain);
    ouro_thread_detach();
}

static void
test_a_million_nested(void **state) /* test_gc.GCTests.test_trashcan, of instances */
{
    (void)state;
    n_finalized[0] = 0;
    ouro_ref open = class_new("open", NULL, 0, false), closed = class_new("closed", NULL, 2, true);
    ouro_ref final = class_with_finalizer(NULL, count_finalizer, false);
    ouro_loan types[] = {ouro_lend(open), ouro_lend(closed), ouro_lend(final)};
    threads_run_detached(1, end_deep, types, sizeof types);
    assert_int_equal(n_finalized[0], (TEST_STRESSED ? 20000 : 1000000) / 3);
    ouro_decref(open);
    ouro_decref(closed);
    assert_int_equal(drop_and_collect(final), 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_along_the_bases, gc_setup),
        cmocka_unit_test_setup(test_methods, gc_setup),
        cmocka_unit_test_setup(test_what_is_refused, gc_setup),
        cmocka_unit_test_setup(test_of_a_list, gc_setup),
        cmocka_unit_test_setup(test_of_a_type_of_the_programs, gc_setup),
        cmocka_unit_test_setup(test_cycles, gc_setup),
        cmocka_unit_test_setup(test_a_class_lives_as_long_as_its_instances, gc_setup),
        cmocka_unit_test_setup(test_many_classes, gc_setup),
        cmocka_unit_test_setup(test_threads_make_classes, gc_setup),
        cmocka_unit_test_setup(test_finalizers, gc_setup),
        cmocka_unit_test_setup(test_resurrection, gc_setup),
        cmocka_unit_test_setup(test_finalizers_that_fail, gc_setup),
        cmocka_unit_test_setup(test_a_million_nested, gc_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
