/* test_scarcity.c - iterators, generators, deques and files where memory is refused again and again, at other places each
 * time: nothing is lost, nothing is given twice, and what failed is as it was.
 *
 * All memory below the limit is hoarded; some blocks at random are given back each time that something fails for want of
 * memory, and it is tried again. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cm.h"
#include "nodes.h"
#include "numbers.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "starve.h"

/* Pools are what counts against it: in `make stress` each has two blocks. */
#define LIMIT ((size_t)(TEST_STRESSED ? 256 : 16) << 20)

static struct test_random dice;
static unsigned long n_refused;

/* Give some back; to be called when memory was refused. */
static void
feed(void)
{
    n_refused++;
    for (uint64_t n = 1 + random_below(&dice, 30); n != 0; n--) {
        starve_relent(&dice);
    }
}

/* Make a call until it has memory. */
#define REPEAT(status, call)                                                                           \
    do {                                                                                               \
        while (((status) = (call)) == OURO_NO_MEMORY) {                                                \
            feed();                                                                                    \
        }                                                                                              \
    } while (0)

#define REPEAT_NULL(made, call)                                                                        \
    do {                                                                                               \
        while (((made) = (call)) == NULL) {                                                            \
            feed();                                                                                    \
        }                                                                                              \
    } while (0)

#define LARGE 100000 /* numbers from here on are objects of their own */
#define N 300

static ouro_ref
make_range(void)
{
    ouro_ref range = NULL;
    ouro_status status;
    REPEAT(status, ouro_range_new(LARGE, LARGE + N, 1, &range));
    REQUIRE(status == OURO_OK, "no range");
    return range;
}

/* An iterator over something, which is stolen. */
static ouro_ref
iterate(ouro_ref stolen)
{
    ouro_ref iterator = NULL;
    ouro_status status;
    REPEAT(status, ouro_iterate(ouro_lend(stolen), &iterator));
    REQUIRE(status == OURO_OK, "no iterator");
    ouro_decref(stolen);
    return iterator;
}

/* The iterator, stolen, gives the numbers from LARGE on, as many as there are to be. */
static void
check_numbers(ouro_ref iterator)
{
    ouro_status status;
    ouro_ref item = NULL;

    for (int64_t i = 0; i < N; i++) {
        REPEAT(status, ouro_next(ouro_lend(iterator), &item));
        REQUIRE(status == OURO_FOUND && value_of(item) == LARGE + i, "number %lld is lost",
                (long long)i);
    }
    REPEAT(status, ouro_next(ouro_lend(iterator), &item));
    REQUIRE(status == OURO_OK, "one more");
    ouro_decref(iterator);
}

/* ---- what is tried ---- */

static void
try_ranges(void)
{
    ouro_ref range = make_range(), reversed = NULL, item = NULL;
    ouro_status status;

    REPEAT_NULL(reversed, ouro_range_iterate_reversed(ouro_lend(range)));
    for (int64_t i = N; i-- != 0;) {
        REPEAT(status, ouro_next(ouro_lend(reversed), &item));
        REQUIRE(status == OURO_FOUND && value_of(item) == LARGE + i, "number %lld is lost",
                (long long)i);
    }
    ouro_decref(reversed);
    check_numbers(iterate(range));
}

static void
try_texts(void)
{
    static const char utf8[] = "a\xCE\xB1\xE2\x82\xAC\xF0\x9F\x90\x8Dz";
    static const uint32_t expected[] = {'a', 0x3B1, 0x20AC, 0x1F40D, 'z'};
    ouro_ref str = NULL, item = NULL;
    ouro_status status;

    REPEAT(status, ouro_str_decode(utf8, sizeof utf8 - 1, &str, NULL));
    ouro_ref iterator = iterate(str);
    for (unsigned i = 0; i < 5; i++) {
        REPEAT(status, ouro_next(ouro_lend(iterator), &item));
        REQUIRE(status == OURO_FOUND && ouro_str_get(ouro_lend(item), 0) == expected[i],
                "a letter is lost");
        ouro_decref(item);
    }
    ouro_decref(iterator);
}

static void
try_lists(void)
{
    ouro_ref range = make_range(), list = NULL, tuple = NULL, reversed = NULL;
    ouro_status status;

    REPEAT(status, ouro_list_from(ouro_lend(range), &list));
    REPEAT(status, ouro_tuple_from(ouro_lend(list), &tuple));
    REPEAT_NULL(reversed, ouro_tuple_iterate_reversed(ouro_lend(tuple)));
    ouro_decref(reversed);
    REPEAT_NULL(reversed, ouro_list_iterate_reversed(ouro_lend(list)));
    ouro_decref(reversed);
    check_numbers(iterate(tuple));
    check_numbers(iterate(list));
    ouro_decref(range);
}

static void
try_deques(void)
{
    ouro_ref deque = NULL, copy = NULL, number = NULL;
    ouro_status status;

    REPEAT_NULL(deque, ouro_deque_new(SIZE_MAX));
    for (int64_t i = 0; i < N;
         i++) { /* the later half at the end, the first before it, in the middle what is left */
        bool at_left = i % 2;
        REPEAT_NULL(number, ouro_int_new(at_left ? LARGE + N / 2 - 1 - i / 2 : LARGE + N / 2 + i / 2));
        size_t before = ouro_deque_length(ouro_lend(deque));
        for (;;) {
            status = at_left ? ouro_deque_insert(ouro_lend(deque), 0, ouro_lend(number))
                             : ouro_deque_append(ouro_lend(deque), ouro_lend(number));
            if (status != OURO_NO_MEMORY) {
                break;
            }
            REQUIRE(ouro_deque_length(ouro_lend(deque)) == before, "it is another length");
            feed();
        }
        REQUIRE(status == OURO_OK, "not added");
        ouro_decref(number);
    }
    REPEAT_NULL(copy, ouro_deque_copy(ouro_lend(deque)));
    while (ouro_deque_length(ouro_lend(deque)) != 0) { /* shrinks, or stays as it is */
        ouro_decref(ouro_deque_pop(ouro_lend(deque)));
    }
    ouro_decref(deque);
    check_numbers(iterate(copy));
}

static void
try_tables(void)
{
    ouro_ref range = make_range(), set = NULL, dict = NULL, items = NULL, item = NULL;
    ouro_status status;

    REPEAT(status, ouro_frozenset_new(ouro_lend(range), &set));
    REPEAT_NULL(dict, ouro_dict_new());
    ouro_ref numbers = iterate(range);
    for (int64_t i = 0; i < N; i++) {
        REPEAT(status, ouro_next(ouro_lend(numbers), &item));
        REPEAT(status, ouro_dict_set(ouro_lend(dict), ouro_lend(item), ouro_lend(item)));
        ouro_decref(item);
    }
    ouro_decref(numbers);
    REPEAT_NULL(items, ouro_dict_iterate_items(ouro_lend(dict)));
    for (int64_t i = 0; i < N; i++) {
        REPEAT(status, ouro_next(ouro_lend(items), &item));
        REQUIRE(status == OURO_FOUND, "too few");
        ouro_ref value = ouro_incref(ouro_tuple_get_borrow(ouro_lend(item), 1));
        REQUIRE(value_of(value) == LARGE + i, "another pair");
        ouro_decref(item);
    }
    ouro_decref(items);
    check_numbers(iterate(dict));
    check_numbers(iterate(set));
}

static ouro_status
same(ouro_loan item, ouro_loan context, ouro_ref *result)
{
    (void)context;
    *result = ouro_incref(item);
    return OURO_OK;
}

static ouro_status
keep(ouro_loan item, ouro_loan context)
{
    (void)item;
    (void)context;
    return OURO_FOUND;
}

/* Make an adaptor of a kind. */
static ouro_status
adapt(unsigned kind, ouro_loan source, ouro_ref *made)
{
    return kind == 0   ? ouro_map(source, same, NULL, made)
           : kind == 1 ? ouro_chunked(source, 7, made)
           : kind == 2 ? ouro_chain(source, made)
           : kind == 3 ? ouro_filter(source, keep, NULL, made)
                       : ouro_islice(source, 0, SIZE_MAX, 1, made);
}

static void
try_adaptors(void) /* each of the one before */
{
    ouro_ref iterator = make_range(), outer = NULL;
    ouro_status status;

    for (unsigned kind = 0; kind < 5; kind++) {
        REPEAT(status, adapt(kind, ouro_lend(iterator), &outer));
        REQUIRE(status == OURO_OK, "not made");
        ouro_assign(&iterator, outer);
    }
    check_numbers(iterator);
}

static ouro_loan frame_type;
static unsigned long n_cleaned;

struct frame {
    ouro_generator generator;
    ouro_ref numbers;
};

static ouro_status
give_numbers(ouro_generator *self)
{
    struct frame *frame = (struct frame *)self;

    OURO_GENERATOR_BEGIN(self);
    OURO_YIELD_FROM(self, ouro_incref(ouro_lend(frame->numbers)));
    OURO_GENERATOR_END(self);
    n_cleaned++;
    return self->status;
}

static void
try_generators(void) /* a failure ends a generator: another one goes on with what it went through */
{
    ouro_ref numbers = iterate(make_range()), generator = NULL, item = NULL;
    ouro_status status = OURO_NO_MEMORY;
    int64_t i = 0;

    while (status == OURO_NO_MEMORY) {
        REPEAT_NULL(generator, ouro_generator_new(frame_type, give_numbers));
        ((struct frame *)generator)->numbers = ouro_incref(ouro_lend(numbers));
        n_cleaned = 0;
        while ((status = ouro_next(ouro_lend(generator), &item)) == OURO_FOUND) {
            REQUIRE(value_of(item) == LARGE + i, "number %lld is lost", (long long)i);
            i++;
        }
        REQUIRE(n_cleaned == 1 && ((struct frame *)generator)->numbers == NULL, "it did not end");
        ouro_decref(generator);
        if (status == OURO_NO_MEMORY) {
            feed();
        }
    }
    REQUIRE(i == N, "only %lld numbers", (long long)i);
    ouro_decref(numbers);
}

static void
try_files(void)
{
    char path[4000], expected[32];
    ouro_ref lines = NULL, item = NULL;
    ouro_status status;
    temporary_template(path, sizeof path);
    int file = mkstemp(path);

    REQUIRE(file >= 0, "no file");
    for (int i = 0; i < N; i++) {
        int n = snprintf(expected, sizeof expected, "the line %d\n", i);
        REQUIRE(write(file, expected, (size_t)n) == n, "not written");
    }
    close(file);
    REPEAT(status, ouro_file_lines(path, OURO_FILE_AS_STR, &lines));
    for (int i = 0; i < N; i++) {
        REPEAT(status, ouro_next(ouro_lend(lines), &item));
        snprintf(expected, sizeof expected, "the line %d\n", i);
        REQUIRE(status == OURO_FOUND && strcmp(ouro_str_ascii_borrow(ouro_lend(item)), expected) == 0,
                "line %d is lost", i);
        ouro_decref(item);
    }
    REPEAT(status, ouro_next(ouro_lend(lines), &item));
    REQUIRE(status == OURO_OK, "one more");
    ouro_decref(lines);
    unlink(path);
}

static void
try_texts_of_containers(void)
{
    ouro_ref deque = NULL, text = NULL, dict = NULL, number = NULL;
    ouro_status status;

    REPEAT_NULL(deque, ouro_deque_new(9));
    REPEAT_NULL(dict, ouro_dict_new());
    REPEAT_NULL(number, ouro_int_new(LARGE));
    REPEAT(status, ouro_deque_append(ouro_lend(deque), ouro_lend(number)));
    REPEAT(status, ouro_deque_append(ouro_lend(deque), ouro_lend(dict)));
    REPEAT(status, ouro_dict_set(ouro_lend(dict), ouro_lend(number), ouro_lend(dict)));
    REPEAT_NULL(text, ouro_repr(ouro_lend(deque)));
    REQUIRE(strcmp(ouro_str_ascii_borrow(ouro_lend(text)),
                   "deque([100000, {100000: {...}}], maxlen=9)") == 0,
            "it is shown as %s", ouro_str_ascii_borrow(ouro_lend(text)));
    ouro_dict_clear(ouro_lend(dict));
    ouro_decref(text);
    ouro_decref(number);
    ouro_decref(dict);
    ouro_decref(deque);
}

/* ---- all of it, again and again ---- */

static void
test_scarcity(void **state)
{
    static void (*const tries[])(void) = {try_ranges,     try_texts,  try_lists,
                                          try_deques,     try_tables, try_adaptors,
                                          try_generators, try_files,  try_texts_of_containers};
    uint64_t n = test_count("OURO_TEST_ROUNDS", TEST_STRESSED ? 3 : 20);

    (void)state;
    dice = (struct test_random){test_seed(21)};
    for (uint64_t round = 0; round < n; round++) {
        for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
            starve_begin();
            tries[i]();
            starve_end();
        }
    }
    assert_true(n_refused > 20 * n);
    assert_int_equal(ouro_gc_collect(2), 0);
}

static int
setup(void **state)
{
    static const ouro_field fields[] = {OURO_FIELD(struct frame, numbers)};
    REQUIRE(ouro_init(&(ouro_config){.limit = LIMIT}) == OURO_OK, "no memory to begin with");
    int result = nodes_setup(state);
    const ouro_type_spec spec = {.name = "frame",
                                 .base = ouro_generator_type(),
                                 .size = sizeof(struct frame),
                                 .n_fields = 1,
                                 .fields = fields};
    frame_type = type_for_good(&spec);
    ouro_gc_disable();
    return result;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_scarcity, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
