/* test_file.c - the lines and blocks of files: what they give, whatever is in the file, in constant memory; what fails, and
 * when the file is closed.
 *
 * Follows CPython's Lib/test/test_io.py (readline, iteration over lines) and test_file.py where a test names it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cm.h"
#include "nodes.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "threads.h"

static char folder[4000];
static char path[sizeof folder + 16];

static int
setup(void **state)
{
    if (path[0] == 0) {
        temporary_template(folder, sizeof folder);
        REQUIRE(mkdtemp(folder) != NULL, "no folder: %s", strerror(errno));
        snprintf(path, sizeof path, "%s/file", folder);
    }
    unlink(path);
    return nodes_setup(state);
}

static int
teardown(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void
write_file(const void *data, size_t n)
{
    FILE *file = fopen(path, "wb");
    REQUIRE(file != NULL && fwrite(data, 1, n, file) == n && fclose(file) == 0, "not written");
}

static ouro_ref
open_lines(ouro_file_as as)
{
    ouro_ref lines = NULL;
    ouro_status status = ouro_file_lines(path, as, &lines);
    REQUIRE(status == OURO_OK, "no lines: %s", ouro_status_text(status));
    return lines;
}

static ouro_ref
open_blocks(size_t size)
{
    ouro_ref blocks = NULL;
    ouro_status status = ouro_file_blocks(path, size, &blocks);
    REQUIRE(status == OURO_OK, "no blocks: %s", ouro_status_text(status));
    return blocks;
}

/* How many files this process has open. */
static unsigned
count_open(void)
{
    unsigned n = 0;
    for (int file = 0; file < 256; file++) {
        n += fcntl(file, F_GETFD) != -1;
    }
    return n;
}

/* ---- what they give ---- */

/* Do bytes that come one after the other give exactly the data?  Each piece ends where `ends` says: at line ends, or at
 * multiples of `size`. */
static void
check_pieces(ouro_ref pieces, const uint8_t *data, size_t n, size_t size)
{
    size_t at = 0;
    ouro_ref piece = NULL;
    ouro_status status;

    while ((status = ouro_next(ouro_lend(pieces), &piece)) == OURO_FOUND) {
        size_t length = ouro_bytes_length(ouro_lend(piece)), wanted;
        if (size != 0) {
            wanted = n - at < size ? n - at : size;
        } else {
            const uint8_t *end = memchr(data + at, '\n', n - at);
            wanted = end != NULL ? (size_t)(end - data) + 1 - at : n - at;
        }
        REQUIRE(length == wanted, "%zu bytes, not %zu", length, wanted);
        REQUIRE(memcmp(ouro_bytes_borrow(ouro_lend(piece)), data + at, length) == 0, "other bytes");
        at += length;
        ouro_decref(piece);
    }
    REQUIRE(status == OURO_OK && at == n, "%zu bytes of %zu: %s", at, n, ouro_status_text(status));
    REQUIRE(ouro_next(ouro_lend(pieces), &piece) == OURO_OK, "it goes on");
}

static void
check_file(const uint8_t *data, size_t n)
{
    static const size_t sizes[] = {1, 7, 4096, 65536, 65537, 1 << 20};
    unsigned n_open = count_open();

    write_file(data, n);
    ouro_ref lines = open_lines(OURO_FILE_AS_BYTES);
    check_pieces(lines, data, n, 0);
    REQUIRE(count_open() == n_open, "it is open at its end");
    ouro_decref(lines);
    for (size_t i = n > 100000 ? 2 : 0; i < sizeof sizes / sizeof *sizes; i++) {
        ouro_ref blocks = open_blocks(sizes[i]);
        check_pieces(blocks, data, n, sizes[i]);
        REQUIRE(count_open() == n_open, "it is open at its end");
        ouro_decref(blocks);
    }
}

static void
test_small_files(void **state) /* test_io: test_readline, every place of line ends and file end */
{
    static const char *const contents[] = {"",    "\n",   "\n\n",       "a",           "a\n",
                                           "\na", "a\nb", "a\r\nb\r\n", "one\n\n\ntwo"};

    (void)state;
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        check_file((const uint8_t *)contents[i], strlen(contents[i]));
    }
    check_file((const uint8_t *)"a\0b\n\0\n\377", 7);
}

static void
test_random_files(void **state) /* lines around the buffer's size, and much longer */
{
    struct test_random random = {test_seed(8)};
    static const size_t longest[] = {1, 3, 100, 65535, 65536, 65537, 200000, 1000000};
    size_t room = 3 << 20;
    uint8_t *data = malloc(room);

    (void)state;
    for (size_t i = 0; i < sizeof longest / sizeof *longest; i++) {
        size_t n = 0, n_wanted = longest[i] == 1 ? 70000 : room;
        for (; n < n_wanted; n++) {
            data[n] =
                random_below(&random, longest[i]) == 0 ? '\n' : (uint8_t)random_below(&random, 256);
        }
        check_file(data, n);
        memset(data, 'x', n);
        for (size_t k = longest[i] - 1; k < n; k += longest[i]) {
            data[k] = '\n';
        }
        check_file(data, n - random_below(&random, 2));
    }
    free(data);
}

static void
test_texts(void **state)
{
    static const char utf8[] = "plain\ncaf\xC3\xA9\n\xE2\x82\xAC\xF0\x9F\x90\x8D\n\xEF\xBB\xBFlast";
    static const size_t lengths[] = {6, 5, 3, 5};
    ouro_ref line = NULL;

    (void)state;
    write_file(utf8, sizeof utf8 - 1);
    ouro_ref lines = open_lines(OURO_FILE_AS_STR);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ouro_next(lines, &line), OURO_FOUND);
        assert_int_equal(ouro_str_length(line), lengths[i]);
        ouro_decref(line);
    }
    assert_int_equal(ouro_next(lines, &line), OURO_OK);
    ouro_decref(lines);
}

static void
test_not_utf8(void **state) /* a line that is none is passed over */
{
    static const char bytes[] =
        "good\nbad \xFF\ngood\ncut off \xE2\x82\nover \xC0\xAF\ngood\ncut off \xF0\x9F\x90";
    static const ouro_status expected[] = {OURO_FOUND,    OURO_NOT_UTF8, OURO_FOUND,    OURO_NOT_UTF8,
                                           OURO_NOT_UTF8, OURO_FOUND,    OURO_NOT_UTF8, OURO_OK};

    (void)state;
    write_file(bytes, sizeof bytes - 1);
    ouro_ref lines = open_lines(OURO_FILE_AS_STR);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        ouro_ref line = NULL;
        assert_int_equal(ouro_next(lines, &line), expected[i]);
        assert_int_equal(line != NULL, expected[i] == OURO_FOUND);
        ouro_xdecref(line);
    }
    ouro_decref(lines);
    check_file((const uint8_t *)bytes, sizeof bytes - 1); /* as bytes it is what it is */
}

static void
append_to_file(const char *text)
{
    FILE *file = fopen(path, "ab");
    REQUIRE(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, "not written");
}

static void
test_growing_file(void **state) /* what is added before the end is seen, what comes later is not */
{
    ouro_ref line = NULL;

    (void)state;
    write_file("a\nb", 3);
    ouro_ref lines = open_lines(OURO_FILE_AS_STR);
    assert_int_equal(ouro_next(lines, &line), OURO_FOUND);
    ouro_decref(line);
    append_to_file("c\n");
    assert_int_equal(ouro_next(lines, &line), OURO_FOUND);
    assert_string_equal(ouro_str_ascii_borrow(line), "bc\n");
    ouro_decref(line);
    assert_int_equal(ouro_next(lines, &line), OURO_OK);
    append_to_file("d\n");
    assert_int_equal(ouro_next(lines, &line), OURO_OK);
    ouro_decref(lines);
}

/* ---- large ones ---- */

static void
test_constant_memory(void **state) /* a file is larger than the limit of all objects' memory */
{
    const size_t n_lines = TEST_STRESSED ? 100000 : 4000000;
    char line[32];
    size_t size = 0, n = 0;
    ouro_ref item = NULL;

    (void)state;
    FILE *file = fopen(path, "wb");
    for (size_t i = 0; i < n_lines; i++) {
        int length = snprintf(line, sizeof line, "line %zu of many\n", i);
        REQUIRE(fwrite(line, 1, (size_t)length, file) == (size_t)length, "not written");
        size += (size_t)length;
    }
    REQUIRE(fclose(file) == 0, "not written");
    ouro_ref lines = open_lines(OURO_FILE_AS_STR);
    size_t most = 0, read = 0;
    for (; ouro_next(lines, &item) == OURO_FOUND; n++) {
        read += ouro_str_length(item);
        most = ouro_sizeof(lines) > most ? ouro_sizeof(lines) : most;
        ouro_decref(item);
    }
    assert_true(n == n_lines && read == size);
    assert_true(most < (80 << 10));
    assert_true(ouro_sizeof(lines) < 1000); /* at its end it has no buffer any more */
    ouro_decref(lines);
}

static void
test_buffer_shrinks(void **state) /* after a line that was long */
{
    const size_t n = 10 << 20;
    uint8_t *data = malloc(n);
    ouro_ref item = NULL;

    (void)state;
    memset(data, 'x', n);
    for (size_t i = n / 2; i < n; i += 100) {
        data[i] = '\n';
    }
    write_file(data, n);
    free(data);
    ouro_ref lines = open_lines(OURO_FILE_AS_BYTES);
    assert_int_equal(ouro_next(lines, &item), OURO_FOUND);
    assert_int_equal(ouro_bytes_length(item), n / 2 + 1);
    ouro_decref(item);
    assert_true(ouro_sizeof(lines) > n / 2);
    while (ouro_sizeof(lines) > (80 << 10)) {
        REQUIRE(ouro_next(lines, &item) == OURO_FOUND, "it is never small again");
        ouro_decref(item);
    }
    ouro_decref(lines);
}

/* ---- what fails ---- */

static void
test_not_opened(void **state)
{
    static const struct {
        const char *path;
        ouro_status expected;
    } cases[] = {
        {"/nowhere/at/all", OURO_NO_FILE},
        {"/dev/null/nowhere", OURO_NO_FILE},
        {"", OURO_NO_FILE},
        {"/tmp", OURO_DIRECTORY},
    };
    unsigned n_open = count_open();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ouro_ref none = NULL;
        assert_int_equal(ouro_file_lines(cases[i].path, OURO_FILE_AS_STR, &none), cases[i].expected);
        assert_int_equal(ouro_file_blocks(cases[i].path, 10, &none), cases[i].expected);
        assert_null(none);
    }
    ouro_ref none = NULL;
    write_file("a", 1);
    assert_int_equal(ouro_file_blocks(path, 0, &none), OURO_WRONG_VALUE);
    assert_int_equal(ouro_file_lines(path, (ouro_file_as)7, &none), OURO_WRONG_VALUE);
    assert_int_equal(chmod(path, 0), 0);
    int readable = access(path, R_OK); /* root may read everything */
    ouro_status status = ouro_file_lines(path, OURO_FILE_AS_STR, &none);
    assert_int_equal(status, readable == 0 ? OURO_OK : OURO_DENIED);
    ouro_xdecref(none);
    assert_int_equal(count_open(), n_open);
}

/* Have what the next file that is opened reads fail from now on: in its place comes one whose reads fail. */
static void
break_file(int number)
{
    int broken = open("/proc/self/mem", O_RDONLY); /* nothing is mapped at 0 */
    REQUIRE(broken >= 0 && dup2(broken, number) == number, "it cannot be broken");
    close(broken);
}

static void
test_fails_in_the_middle(void **state)
{
    uint8_t *data = calloc(1, 200000);
    ouro_ref item = NULL, lines, blocks;

    (void)state;
    for (size_t i = 9; i < 200000; i += 10) {
        data[i] = '\n';
    }
    write_file(data, 200000);
    free(data);
    int number = dup(0); /* the number that the next one gets */
    close(number);
    lines = open_lines(OURO_FILE_AS_BYTES);
    assert_int_equal(ouro_next(lines, &item), OURO_FOUND);
    ouro_decref(item);
    break_file(number);
    unsigned n = 1;
    ouro_status status;
    for (; (status = ouro_next(lines, &item)) == OURO_FOUND; n++) {
        ouro_decref(item);
    }
    assert_int_equal(status, OURO_SYSTEM);
    assert_int_equal(n, 6553);                              /* all that had been read: 64 KiB */
    assert_int_equal(ouro_next(lines, &item), OURO_SYSTEM); /* and again */
    int whole = open(path, O_RDONLY); /* it is well again: where it stopped, it goes on */
    assert_true(lseek(whole, 65536, SEEK_SET) == 65536 && dup2(whole, number) == number);
    close(whole);
    for (; (status = ouro_next(lines, &item)) == OURO_FOUND; n++) {
        assert_int_equal(ouro_bytes_length(item), 10);
        ouro_decref(item);
    }
    assert_int_equal(status, OURO_OK);
    assert_int_equal(n, 20000);
    ouro_decref(lines);

    blocks = open_blocks(1000);
    assert_int_equal(ouro_next(blocks, &item), OURO_FOUND);
    ouro_decref(item);
    break_file(number);
    assert_int_equal(ouro_next(blocks, &item), OURO_SYSTEM);
    assert_int_equal(ouro_next(blocks, &item), OURO_SYSTEM);
    ouro_decref(blocks);
    assert_int_equal(fcntl(number, F_GETFD), -1); /* closed */
}

static void
test_no_memory(
    void **state) /* a line, and a block, that no memory is left for: the next step tries again */
{
    const size_t n = 64 << 20;
    ouro_ref item = NULL;

    (void)state;
    write_file("short\n", 6);
    assert_int_equal(truncate(path, (off_t)n), 0);
    ouro_ref lines = open_lines(OURO_FILE_AS_BYTES), blocks = open_blocks(n / 2);
    extern ouro_heap *ouro__leaves;
    ouro_heap_stats stats;
    assert_int_equal(ouro_next(lines, &item), OURO_FOUND);
    assert_int_equal(ouro_bytes_length(item), 6);
    ouro_decref(item);
    ouro_heap_get_stats(ouro__leaves, &stats);
    ouro_heap_set_limit(ouro__leaves, stats.resident_bytes + (16 << 20));
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ouro_next(lines, &item), OURO_NO_MEMORY);
        assert_int_equal(ouro_next(blocks, &item), OURO_NO_MEMORY);
    }
    ouro_heap_set_limit(ouro__leaves, 0);
    assert_int_equal(ouro_next(lines, &item), OURO_FOUND);
    assert_int_equal(ouro_bytes_length(item), n - 6);
    ouro_decref(item);
    assert_int_equal(ouro_next(lines, &item), OURO_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(ouro_next(blocks, &item), OURO_FOUND);
        assert_int_equal(ouro_bytes_length(item), n / 2);
        ouro_decref(item);
    }
    assert_int_equal(ouro_next(blocks, &item), OURO_OK);
    ouro_decref(lines);
    ouro_decref(blocks);
}

/* ---- closing ---- */

static void
test_closed(void **state) /* test_io: closed with the last reference; with the scope of its use */
{
    unsigned n_open = count_open();
    ouro_ref item = NULL;

    (void)state;
    write_file("a\nb\nc\n", 6);
    for (unsigned how = 0; how < 4; how++) {
        ouro_ref lines = how == 3 ? open_blocks(2) : open_lines(OURO_FILE_AS_STR);
        assert_int_equal(ouro_enter(lines), OURO_OK);
        assert_int_equal(ouro_next(lines, &item), OURO_FOUND);
        ouro_decref(item);
        assert_int_equal(count_open(), n_open + 1);
        if (how == 0) {
            assert_int_equal(ouro_exit(lines, OURO_OK), OURO_OK);
        } else if (how == 1) {
            assert_int_equal(ouro_exit(lines, OURO_FAILED), OURO_FAILED);
        } else if (how == 3) {
            assert_int_equal(ouro_file_close(lines), OURO_OK);
        }
        if (how != 2) {
            assert_int_equal(count_open(), n_open);
            assert_int_equal(ouro_next(lines, &item), OURO_OK);
            assert_int_equal(ouro_file_close(lines), OURO_OK);
            assert_int_equal(ouro_exit(lines, OURO_OK), OURO_OK);
        }
        ouro_decref(lines);
        assert_int_equal(count_open(), n_open);
    }
}

static void
test_closed_with_garbage(void **state) /* a cycle that holds it */
{
    unsigned n_open = count_open();

    (void)state;
    write_file("a\n", 2);
    ouro_ref list = ouro_list_new(0);
    assert_int_equal(ouro_list_append(list, list), OURO_OK);
    assert_int_equal(ouro_list_append_steal(list, open_lines(OURO_FILE_AS_STR)), OURO_OK);
    ouro_decref(list);
    assert_int_equal(count_open(), n_open + 1);
    ouro_gc_collect(2);
    assert_int_equal(count_open(), n_open);
}

/* ---- threads ---- */

static void
write_slowly(void *context)
{
    int file = open(path, O_WRONLY);
    (void)context;
    REQUIRE(file >= 0, "no pipe");
    for (unsigned i = 0; i < 20; i++) {
        REQUIRE(write(file, "half a ", 7) == 7, "not written");
        sleep_ms(2);
        REQUIRE(write(file, "line\n", 5) == 5, "not written");
    }
    close(file);
}

/* Stop the world again and again while the other thread waits for its pipe. */
static void
collect_often(void *context)
{
    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    while (!__atomic_load_n((bool *)context, __ATOMIC_RELAXED)) {
        ouro_gc_collect(2);
        sleep_ms(1);
    }
    ouro_thread_detach();
}

static void
test_waits_detached(void **state) /* who waits for a pipe holds nobody up */
{
    bool is_done = false;
    ouro_ref item = NULL;
    unsigned n = 0;

    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    struct threads *collecting = threads_start(1, collect_often, &is_done, 1);
    struct threads *writing = threads_start(1, write_slowly, NULL, 0);
    ouro_ref lines = open_lines(OURO_FILE_AS_STR);
    for (; ouro_next(lines, &item) == OURO_FOUND; n++) {
        assert_string_equal(ouro_str_ascii_borrow(item), "half a line\n");
        ouro_decref(item);
    }
    assert_int_equal(n, 20);
    __atomic_store_n(&is_done, true, __ATOMIC_RELAXED);
    ouro_thread_detach();
    threads_join(writing);
    threads_join(collecting);
    assert_int_equal(ouro_thread_attach(), OURO_OK);
    ouro_decref(lines);
}

struct reader {
    ouro_ref lines;
    unsigned long n;
};

static void
read_lines(void *context)
{
    struct reader *reader = context;
    ouro_ref item = NULL;
    ouro_status status;

    REQUIRE(ouro_thread_attach() == OURO_OK, "not attached");
    while ((status = ouro_next(ouro_lend(reader->lines), &item)) != OURO_OK) {
        REQUIRE(status == OURO_FOUND || status == OURO_BUSY, "failed: %s", ouro_status_text(status));
        if (status == OURO_FOUND) {
            REQUIRE(strcmp(ouro_str_ascii_borrow(ouro_lend(item)), "a line\n") == 0, "no whole line");
            ouro_decref(item);
            reader->n++;
        } else {
            ouro_safepoint();
        }
    }
    ouro_thread_detach();
}

static void
test_shared(void **state) /* each line goes to one thread */
{
    const size_t n = TEST_STRESSED ? 5000 : 100000;
    struct reader readers[4] = {0};
    unsigned long n_read = 0;
    static const char line[] = "a line\n";
    FILE *file = fopen(path, "wb");

    (void)state;
    for (size_t i = 0; i < n; i++) {
        REQUIRE(file != NULL && fputs(line, file) >= 0, "not written");
    }
    REQUIRE(fclose(file) == 0, "not written");
    ouro_ref lines = open_lines(OURO_FILE_AS_STR);
    for (unsigned i = 0; i < 4; i++) {
        readers[i].lines = lines;
    }
    threads_run_detached(4, read_lines, readers, sizeof *readers);
    for (unsigned i = 0; i < 4; i++) {
        n_read += readers[i].n;
    }
    assert_int_equal(n_read, n);
    ouro_decref(lines);
}

static int
remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_small_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_utf8, setup, teardown),
        cmocka_unit_test_setup_teardown(test_growing_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_constant_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_buffer_shrinks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fails_in_the_middle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed_with_garbage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits_detached, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
