/* test_int_memory.c - large numbers without memory: each computation gives its result or OURO_NO_MEMORY, whichever
 * request it is that fails, GMP's own among them, and leaves nothing behind.
 *
 * ctest: timeout=600
 *
 * Follows CPython's Lib/test/test_long.py for results; that memory may be missing is our own. */
#include <gmp.h>
#include <ouro/ouro.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "object/object.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

#define LIMIT ((size_t)64 << 20)
#define BLOCK ((size_t)128 << 10)
#define MOST_BLOCKS (LIMIT / BLOCK)
#define N_BITS 2000000

static ouro_ref a, b, product, quotient, remainder_, text;
static ouro_ref ballast[MOST_BLOCKS];

static ouro_ref
random_int(size_t bits, uint64_t seed)
{
    struct test_random random = {seed};
    char *digits = malloc(bits / 4 + 1);
    ouro_ref made = NULL;

    digits[0] = '7';
    for (size_t i = 1; i < bits / 4; i++) {
        digits[i] = "0123456789abcdef"[random_below(&random, 16)];
    }
    REQUIRE(ouro_int_from_text(digits, bits / 4, 16, &made) == OURO_OK, "no memory");
    free(digits);
    return made;
}

static int
setup(void **state)
{
    (void)state;
    if (a == NULL) {
        REQUIRE(ouro_init(&(ouro_config){.limit = LIMIT}) == OURO_OK, "no memory to begin with");
        a = random_int(2 * N_BITS, 1);
        b = random_int(N_BITS, 2);
        REQUIRE(ouro_int_multiply(a, b, &product) == OURO_OK, "no memory");
        REQUIRE(ouro_int_divide(a, b, &quotient, &remainder_) == OURO_OK, "no memory");
        REQUIRE(ouro_int_to_text(b, 10, &text) == OURO_OK, "no memory");
    }
    return 0;
}

/* Take all memory but so many blocks. */
static void
leave(size_t n_blocks)
{
    size_t n = 0;
    while (n < MOST_BLOCKS && (ballast[n] = ouro_bytearray_new(NULL, 0)) != NULL &&
           ouro_bytearray_resize(ballast[n], BLOCK) == OURO_OK) {
        n++;
    }
    for (size_t i = 0; i < n_blocks && n != 0; i++) {
        ouro_clear(&ballast[--n]);
    }
}

static void
give_all_back(void)
{
    for (size_t i = 0; i < MOST_BLOCKS; i++) {
        ouro_clear(&ballast[i]);
    }
}

static uint64_t
live_bytes(void)
{
    ouro_heap_stats stats;
    ouro_heap_get_stats(ouro__leaves, &stats);
    return stats.live_bytes;
}

/* One computation, compared with what came of it with memory enough. */
static ouro_status
multiply(void)
{
    ouro_ref got = NULL;
    ouro_status status = ouro_int_multiply(a, b, &got);
    REQUIRE((status == OURO_OK) == (got != NULL), "neither a result nor a failure");
    REQUIRE(status < 0 || ouro_equal(got, product) == OURO_FOUND, "another product");
    ouro_xdecref(got);
    return status;
}

static ouro_status
square(void)
{
    ouro_ref got = NULL;
    ouro_status status = ouro_int_multiply(a, a, &got);
    ouro_xdecref(got);
    return status;
}

static ouro_status
divide(void)
{
    ouro_ref got = NULL, rest = NULL;
    ouro_status status = ouro_int_divide(a, b, &got, &rest);
    REQUIRE((status == OURO_OK) == (got != NULL && rest != NULL), "neither a result nor a failure");
    REQUIRE(status < 0 ||
                (ouro_equal(got, quotient) == OURO_FOUND && ouro_equal(rest, remainder_) == OURO_FOUND),
            "another quotient");
    ouro_xdecref(got);
    ouro_xdecref(rest);
    return status;
}

static ouro_status
write_text(void)
{
    ouro_ref got = NULL;
    ouro_status status = ouro_int_to_text(b, 10, &got);
    REQUIRE(status < 0 || ouro_str_equal(got, text), "another text");
    ouro_xdecref(got);
    return status;
}

static ouro_status
read_text(void)
{
    ouro_ref got = NULL;
    const char *digits = ouro_str_ascii_borrow(text);
    ouro_status status = ouro_int_from_text(digits, ouro_str_length(text), 10, &got);
    REQUIRE(status < 0 || ouro_equal(got, b) == OURO_FOUND, "another number");
    ouro_xdecref(got);
    return status;
}

static void
test_every_amount_of_memory(void **state)
{
    static const struct {
        const char *name;
        ouro_status (*compute)(void);
        size_t result; /* bytes that it needs besides GMP's */
    } computations[] = {{"multiply", multiply, 3 * N_BITS / 8},
                        {"square", square, 4 * N_BITS / 8},
                        {"divide", divide, 2 * N_BITS / 8},
                        {"write", write_text, N_BITS / 8 + N_BITS / 3},
                        {"read", read_text, N_BITS / 8 + N_BITS / 3}};

    (void)state;
    for (size_t i = 0; i < sizeof computations / sizeof computations[0]; i++) {
        ouro_status status = OURO_NO_MEMORY;
        size_t n = 0, n_inside = 0;
        for (; status < 0; n++) {
            REQUIRE(n < MOST_BLOCKS, "%s never has memory enough", computations[i].name);
            leave(n);
            uint64_t before = live_bytes();
            status = computations[i].compute();
            REQUIRE(status == OURO_OK || status == OURO_NO_MEMORY, "%s fails with %d",
                    computations[i].name, status);
            REQUIRE(live_bytes() <= before + 4096, "%s left %llu bytes", computations[i].name,
                    (unsigned long long)(live_bytes() - before));
            /* There was room for the results: it was GMP that had none. */
            n_inside += status < 0 && n * BLOCK > computations[i].result + 4 * BLOCK;
            give_all_back();
        }
        REQUIRE(n_inside > 0, "%s never failed inside GMP", computations[i].name);
        assert_int_equal(computations[i].compute(), OURO_OK);
    }
}

static void
test_others_keep_their_memory(void **state) /* GMP called by the program is as it was */
{
    mpz_t x, y;

    (void)state;
    leave(0);
    assert_int_equal(multiply(), OURO_NO_MEMORY);
    mpz_init(x);
    mpz_init(y);
    mpz_ui_pow_ui(x, 3, 1000000);
    mpz_mul(y, x, x);
    mpz_tdiv_q(y, y, x);
    assert_int_equal(mpz_cmp(x, y), 0);
    char *digits = mpz_get_str(NULL, 10, x);
    assert_int_equal(strlen(digits), 477122);
    free(digits); /* from malloc, as ever */
    mpz_clear(x);
    mpz_clear(y);
    give_all_back();
}

#define N_THREADS 3

static void
compute_and_fail(void *context)
{
    unsigned long *n_failed = context;
    ouro_status attached;

    while ((attached = ouro_thread_attach()) == OURO_NO_MEMORY) {
        sleep_ms(1); /* the others have all of it at the moment */
    }
    REQUIRE(attached == OURO_OK, "not attached");
    for (int i = 0; i < 40; i++) {
        ouro_status status = i % 2 ? multiply() : divide();
        REQUIRE(status == OURO_OK || status == OURO_NO_MEMORY, "it fails with %d", status);
        *n_failed += status < 0;
        ouro_safepoint();
    }
    ouro_thread_detach();
}

static void
test_threads(void **state) /* each has its own scratch, and they fight for the memory */
{
    unsigned long n_failed[N_THREADS] = {0};

    (void)state;
    leave(3 * N_BITS / 8 / BLOCK * 6);
    threads_run_detached(N_THREADS, compute_and_fail, n_failed, sizeof n_failed[0]);
    give_all_back();
    assert_int_equal(multiply(), OURO_OK);
    print_message("refused: %lu\n", n_failed[0] + n_failed[1] + n_failed[2]);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_amount_of_memory),
        TEST(test_others_keep_their_memory),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
