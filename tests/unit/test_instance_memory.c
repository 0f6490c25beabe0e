/* test_instance_memory.c - without memory an attribute is set or all is as it was, and no instance is half made.
 *
 * All memory is taken, and given back block by block until the operation succeeds: so it fails at each of its allocations. */
#include "cm.h"
#include "names.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "starve.h"

/* Pools are what counts against it: in `make stress` each has two blocks. */
#define LIMIT ((size_t)(TEST_STRESSED ? 128 : 8) << 20)

static int
setup(void **state)
{
    REQUIRE(ouro_thread_is_attached() || ouro_init(&(ouro_config){.limit = LIMIT}) == OURO_OK,
            "no memory to begin with");
    int result = nodes_setup(state);
    ouro_gc_disable();
    ouro_gc_collect(2);
    return result;
}

#define N_NEW 40

/* Attributes that are new, in order or not, few and many: each either is set, or all is as it was. */
static void
test_setting_without_memory(void **state)
{
    struct test_random random = {test_seed(2)};
    unsigned n_refused = 0;

    (void)state;
    for (unsigned round = 0; round < (TEST_STRESSED ? 2 : 12); round++) {
        ouro_ref type = class_new("some", NULL, round % 3, false),
                 instance = instance_new(ouro_lend(type));
        ouro_ref wanted[N_NEW + 1], value = ouro_list_new(0);
        ouro_loan loan = ouro_lend(instance);
        for (unsigned i = 0; i <= N_NEW; i++) { /* what is there after each step */
            wanted[i] = i == 0 ? ouro_dict_new() : ouro_dict_copy(ouro_lend(wanted[i - 1]));
            for (unsigned name = i == 0 ? 10 : 11 + i; name < 12 + i; name++) {
                assert_int_equal(ouro_dict_set(ouro_lend(wanted[i]), name_of(name), ouro_lend(value)),
                                 OURO_OK);
            }
        }
        attribute_set(loan, name_of(10), ouro_incref(ouro_lend(value)));
        attribute_set(loan, name_of(11), ouro_incref(ouro_lend(value)));
        starve_begin();
        for (unsigned i = 0; i < N_NEW; i++) {
            uint32_t before = ouro_refcount(ouro_lend(value));
            ouro_status status;
            while ((status = ouro_instance_set(loan, name_of(12 + i), ouro_lend(value))) < 0) {
                REQUIRE(status == OURO_NO_MEMORY, "status %d", (int)status);
                REQUIRE(ouro_refcount(ouro_lend(value)) == before, "a reference too many");
                attributes_check(loan, ouro_lend(wanted[i]));
                starve_relent(&random);
                n_refused++;
            }
            REQUIRE(ouro_refcount(ouro_lend(value)) == before + 1, "another number of references");
            attributes_check(loan, ouro_lend(wanted[i + 1]));
        }
        starve_end();
        for (unsigned i = 0; i <= N_NEW; i++) {
            ouro_decref(wanted[i]);
        }
        assert_int_equal(ouro_refcount(ouro_lend(value)), N_NEW + 3);
        ouro_decref(instance);
        assert_int_equal(ouro_refcount(ouro_lend(value)), 1);
        ouro_decref(value);
        assert_int_equal(drop_and_collect(type), 1);
    }
    assert_true(n_refused > 20);
}

/* An instance with n attributes. */
static ouro_ref
make_with(ouro_loan type, unsigned n)
{
    ouro_ref instance = instance_new(type);
    for (unsigned i = 0; i < n; i++) {
        attribute_set(ouro_lend(instance), name_of(i), ouro_none());
    }
    return instance;
}

static void
test_making_without_memory(void **state)
{
    struct test_random random = {test_seed(3)};
    unsigned n_refused = 0;

    (void)state;
    for (unsigned n = 0; n < 12; n++) {
        ouro_ref type = class_new("some", NULL, 0, false);
        ouro_decref(make_with(ouro_lend(type), n));
        starve_begin();
        ouro_ref instance;
        while ((instance = ouro_new(ouro_lend(type))) == NULL) {
            starve_relent(&random);
            n_refused++;
        }
        starve_end();
        ouro_decref(instance);
        assert_int_equal(drop_and_collect(type), 1);
    }
    assert_true(n_refused >= 12);
}

/* Classes, functions, methods, cells: made whole or not at all. */
static ouro_status
make_kind(unsigned kind, ouro_loan base, ouro_loan function, ouro_ref *made)
{
    const ouro_loan slots[] = {name_of(0), name_of(1), name_of(2)};
    const ouro_class_spec spec = {.name = "of a kind",
                                  .base = kind % 2 == 1 ? base : NULL,
                                  .n_slots = kind < 2 ? 3 : 0,
                                  .slots = slots,
                                  .finalize = function};
    switch (kind) {
    case 0:
    case 1:
    case 2:
    case 3:
        return ouro_class_create(&spec, made);
    case 4:
        return ouro_method_create(function, base, made);
    case 5:
        *made = ouro_function_new(name_of(3), do_nothing, slots, 3);
        break;
    default:
        *made = ouro_cell_new(base);
        break;
    }
    return *made != NULL ? OURO_OK : OURO_NO_MEMORY;
}

static void
test_classes_without_memory(void **state)
{
    struct test_random random = {test_seed(4)};

    (void)state;
    for (unsigned round = 0; round < (TEST_STRESSED ? 7 : 21); round++) {
        ouro_ref base = class_new("base", NULL, 0, false), made = NULL;
        ouro_ref function = function_new(do_nothing, NULL);
        uint32_t n_base = ouro_refcount(ouro_lend(base)),
                 n_function = ouro_refcount(ouro_lend(function));
        uint32_t n_name = ouro_refcount(name_of(0));
        unsigned n_refused = 0;
        ouro_status status;
        starve_begin();
        while ((status = make_kind(round % 7, ouro_lend(base), ouro_lend(function), &made)) < 0) {
            REQUIRE(status == OURO_NO_MEMORY && made == NULL, "status %d", (int)status);
            REQUIRE(ouro_refcount(ouro_lend(base)) == n_base, "the base");
            REQUIRE(ouro_refcount(ouro_lend(function)) == n_function, "the finalizer");
            REQUIRE(ouro_refcount(name_of(0)) == n_name, "the name");
            starve_relent(&random);
            n_refused++;
        }
        starve_end();
        assert_true(n_refused != 0);
        bool is_class = ouro_is_class(ouro_lend(made));
        assert_int_equal(is_class, round % 7 < 4);
        assert_int_equal(drop_and_collect(made), is_class ? 2 : 0); /* its dict has a function */
        assert_int_equal(ouro_refcount(ouro_lend(base)), n_base);
        assert_int_equal(ouro_refcount(ouro_lend(function)), n_function);
        assert_int_equal(ouro_refcount(name_of(0)), n_name);
        ouro_decref(function);
        assert_int_equal(drop_and_collect(base), 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_setting_without_memory, setup),
        cmocka_unit_test_setup(test_making_without_memory, setup),
        cmocka_unit_test_setup(test_classes_without_memory, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
