/* test_protocol.c - what lies deep inside each other, or inside itself, is compared and hashed on a stack that has an end;
 * what the collector has cleared can still be asked.
 *
 * Each test names the one of CPython's that it follows. */
#include "cm.h"
#include "nodes.h"
#include "process.h"
#include "require.h"

#define DEEP (TEST_STRESSED ? 20000 : 200000) /* a collection for each in `make stress` */

enum kind { LISTS, TUPLES, DICTS, N_KINDS };

/* `n` containers inside each other. */
static ouro_ref
nest(enum kind kind, size_t n)
{
    ouro_ref inner = ouro_float_new(1.5);
    for (; n != 0; n--) {
        ouro_ref outer = kind == LISTS   ? ouro_list_new(1)
                         : kind == DICTS ? ouro_dict_new()
                                         : ouro_tuple_new(1, NULL);
        if (kind == TUPLES) {
            ouro_tuple_fill(ouro_lend(outer), 0, inner);
        } else if (kind == LISTS) {
            REQUIRE(ouro_list_append_steal(ouro_lend(outer), inner) == OURO_OK, "no memory");
        } else {
            REQUIRE(ouro_dict_set(ouro_lend(outer), ouro_lend(ouro_none()), ouro_lend(inner)) ==
                        OURO_OK,
                    "no memory");
            ouro_decref(inner);
        }
        inner = outer;
    }
    return inner;
}

static ouro_status
compare_nested(enum kind kind, size_t n)
{
    ouro_ref a = nest(kind, n), b = nest(kind, n);
    ouro_status status = ouro_equal(ouro_lend(a), ouro_lend(b));
    ouro_decref(a);
    ouro_decref(b);
    return status;
}

static void
test_deep_ones_are_compared(void **state) /* test_list.ListTest.test_repr_deep and its like, of == */
{
    (void)state;
    for (enum kind kind = 0; kind < N_KINDS; kind++) {
        assert_int_equal(compare_nested(kind, 900), OURO_FOUND);
        assert_int_equal(compare_nested(kind, 1001), OURO_TOO_DEEP);
        assert_int_equal(compare_nested(kind, DEEP), OURO_TOO_DEEP);
        assert_int_equal(compare_nested(kind, 900), OURO_FOUND); /* and then all is as before */
    }
}

static void
test_deep_ones_are_hashed(void **state)
{
    uint64_t hash = 77, other = 78;

    (void)state;
    ouro_ref deep = nest(TUPLES, DEEP), less = nest(TUPLES, 900), same = nest(TUPLES, 900);
    assert_int_equal(ouro_hash(ouro_lend(deep), &hash), OURO_TOO_DEEP);
    assert_int_equal(hash, 77);
    assert_int_equal(ouro_hash(ouro_lend(less), &hash), OURO_OK);
    assert_int_equal(ouro_hash(ouro_lend(same), &other), OURO_OK);
    assert_int_equal(hash, other);
    ouro_ref dict = ouro_dict_new();
    assert_int_equal(ouro_dict_set(ouro_lend(dict), ouro_lend(deep), ouro_lend(deep)), OURO_TOO_DEEP);
    assert_int_equal(ouro_dict_length(ouro_lend(dict)), 0);
    ouro_decref(dict);
    ouro_decref(deep);
    ouro_decref(less);
    ouro_decref(same);
}

/* test_list.ListTest, list_tests.CommonTest.test_repr: a list in itself; a == b then is a RecursionError */
static void
test_what_contains_itself_is_compared(void **state)
{
    (void)state;
    ouro_ref a = ouro_list_new(0), b = ouro_list_new(0);
    size_t index = 77;
    assert_int_equal(ouro_list_append(ouro_lend(a), ouro_lend(a)), OURO_OK);
    assert_int_equal(ouro_list_append(ouro_lend(b), ouro_lend(b)), OURO_OK);
    assert_int_equal(ouro_equal(ouro_lend(a), ouro_lend(a)), OURO_FOUND);
    assert_int_equal(ouro_equal(ouro_lend(a), ouro_lend(b)), OURO_TOO_DEEP);
    assert_int_equal(ouro_list_find(ouro_lend(a), ouro_lend(b), &index), OURO_TOO_DEEP);
    assert_int_equal(index, 77);
    ouro_list_clear(ouro_lend(a));
    ouro_list_clear(ouro_lend(b));
    ouro_decref(a);
    ouro_decref(b);
}

/* ---- what the collector has cleared ---- */

static ouro_object *cleared;
static ouro_ref kept;

/* The end of what is let go of while a container is cleared: it takes the container. */
static void
take_what_is_cleared(ouro_loan leaf)
{
    (void)leaf;
    kept = ouro_incref((ouro_loan)cleared);
}

static ouro_loan taker_type;

/* A cycle of a container and a list, with what takes the container when the list is let go of. */
static void
keep_cleared(ouro_ref container, void (*put)(ouro_loan container, ouro_loan item))
{
    ouro_ref list = ouro_list_new(0), taker = ouro_new(taker_type);
    put(ouro_lend(container), ouro_lend(taker));
    put(ouro_lend(container), ouro_lend(list));
    REQUIRE(ouro_list_append(ouro_lend(list), ouro_lend(container)) == OURO_OK, "no memory");
    cleared = container;
    ouro_decref(taker);
    ouro_decref(list);
    ouro_decref(container);
    assert_int_equal(ouro_gc_collect(2), 2);
    assert_ptr_equal(kept, container);
}

/* Whatever is asked of it, it answers, and it can be filled again. */
static void
ask_cleared(void)
{
    uint64_t hash;
    ouro_loan loan = ouro_lend(kept);
    ouro_ref repr = ouro_repr(loan), other = ouro_list_new(0);
    assert_non_null(repr);
    assert_true(ouro_sizeof(loan) >= 32);
    assert_true(ouro_equal(loan, ouro_lend(other)) >= 0);
    ouro_status status = ouro_hash(loan, &hash);
    assert_true(status == OURO_OK || status == OURO_UNHASHABLE);
    ouro_decref(repr);
    ouro_decref(other);
}

static void
put_in_list(ouro_loan list, ouro_loan item)
{
    REQUIRE(ouro_list_append(list, item) == OURO_OK, "no memory");
}

static void
put_in_dict(ouro_loan dict, ouro_loan item)
{
    static int64_t n;
    ouro_ref key = ouro_int_new(n++);
    REQUIRE(ouro_dict_set(dict, ouro_lend(key), item) == OURO_OK, "no memory");
    ouro_decref(key);
}

static void
put_in_tuple(ouro_loan tuple, ouro_loan item)
{
    size_t i = 0;
    while (ouro_tuple_get_borrow(tuple, i) != ouro_lend(ouro_none())) {
        i++;
    }
    ouro_tuple_fill(tuple, i, ouro_incref(item));
}

/* GCTests.test_function_tp_clear_leaves_consistent_state, of containers */
static void
test_what_was_cleared_can_be_used(void **state)
{
    (void)state;
    const ouro_type_spec spec = {
        .name = "taker", .size = 32, .flags = OURO_TYPE_LEAF, .dealloc = take_what_is_cleared};
    ouro_ref type = NULL;
    assert_int_equal(ouro_type_create(&spec, &type), OURO_OK);
    taker_type = ouro_lend(type);

    keep_cleared(ouro_list_new(0), put_in_list);
    assert_int_equal(ouro_list_length(ouro_lend(kept)), 0);
    ask_cleared();
    put_in_list(ouro_lend(kept), ouro_lend(ouro_none()));
    ouro_clear(&kept);

    keep_cleared(ouro_dict_new(), put_in_dict);
    assert_int_equal(ouro_dict_length(ouro_lend(kept)), 0);
    ask_cleared();
    put_in_dict(ouro_lend(kept), ouro_lend(ouro_none()));
    ouro_clear(&kept);

    keep_cleared(ouro_tuple_new(2, NULL), put_in_tuple);
    ask_cleared();
    ouro_ref same = ouro_tuple_new(2, NULL), list = NULL;
    assert_int_equal(ouro_list_from(ouro_lend(kept), &list), OURO_OK);
    assert_int_equal(ouro_list_length(ouro_lend(list)), 2);
    ouro_decref(list);
    assert_int_equal(ouro_equal(ouro_lend(kept), ouro_lend(same)), OURO_FOUND); /* of None alone */
    ouro_decref(same);
    ouro_clear(&kept);
    ouro_decref(type);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, gc_setup, gc_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_deep_ones_are_compared),
        TEST(test_deep_ones_are_hashed),
        TEST(test_what_contains_itself_is_compared),
        TEST(test_what_was_cleared_can_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
