/* test_snapshot_writer.c - a snapshot's bytes: checksums, chunks of whole elements, and writes that fail or are slow. */
#define _GNU_SOURCE
#include "snapshot/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cm.h"
#include "process.h"
#include "random.h"
#include "snapshot/crc32c.h"
#include "snapshot/format.h"

/* RFC 3720, B.4, and the definition: one bit after the other. */
static void
test_checksum(void **state)
{
    (void)state;
    unsigned char bytes[1000];
    memset(bytes, 0, 32);
    assert_int_equal(ouro__crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(ouro__crc32c(0, bytes, 32), 0x62a8ab43);
    for (unsigned i = 0; i < 32; i++) {
        bytes[i] = (unsigned char)i;
    }
    assert_int_equal(ouro__crc32c(0, bytes, 32), 0x46dd794e);
    assert_int_equal(ouro__crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(ouro__crc32c(0, NULL, 0), 0);

    struct test_random random = {test_seed(4)};
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)random_next(&random);
    }
    for (size_t from = 0; from < 16; from++) {
        uint32_t slow = ~0U;
        for (size_t to = from; to < sizeof bytes; to++) {
            uint32_t whole = ouro__crc32c(0, bytes + from, to - from);
            assert_int_equal(whole, ~slow);
            size_t half = from + (to - from) / 3;
            assert_int_equal(
                ouro__crc32c(ouro__crc32c(0, bytes + from, half - from), bytes + half, to - half),
                whole);
            slow ^= bytes[to];
            for (int bit = 0; bit < 8; bit++) {
                slow = slow >> 1 ^ ((slow & 1) != 0 ? 0x82f63b78 : 0);
            }
        }
    }
}

static int
temporary_file(void)
{
    int file = memfd_create("snapshot", MFD_CLOEXEC);
    assert_true(file >= 0);
    return file;
}

/* The next chunk of `file`, its contents owned; all its checksums are right. */
static struct ouro_snapshot_chunk
read_chunk(int file, char **contents)
{
    struct ouro_snapshot_chunk chunk;
    assert_int_equal(read(file, &chunk, sizeof chunk), sizeof chunk);
    assert_int_equal(chunk.header_crc, ouro__crc32c(0, &chunk, sizeof chunk - 4));
    assert_int_equal(chunk.flags, 0);
    assert_int_equal(chunk.stored, chunk.size);
    *contents = malloc(chunk.size + 1);
    assert_non_null(*contents);
    assert_int_equal(read(file, *contents, chunk.size), chunk.size);
    assert_int_equal(chunk.crc, ouro__crc32c(0, *contents, chunk.size));
    return chunk;
}

static void
read_header(int file)
{
    struct ouro_snapshot_header header;
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    assert_int_equal(read(file, &header, sizeof header), sizeof header);
    assert_memory_equal(header.magic, "OUROSNAP", 8);
    assert_int_equal(header.version, 1);
}

static void
read_end(int file)
{
    char *contents, more;
    struct ouro_snapshot_chunk chunk = read_chunk(file, &contents);
    assert_memory_equal(chunk.kind, "END ", 4);
    assert_int_equal(chunk.size, 0);
    assert_int_equal(read(file, &more, 1), 0);
    free(contents);
}

static void
test_small(void **state)
{
    (void)state;
    struct ouro__snapshot_writer writer;
    char *contents;
    int file = temporary_file();

    ouro__snapshot_begin(&writer, file);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TEXTS, "abc", 3);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TRACES, NULL, 0);
    assert_true(ouro__snapshot_end(&writer));
    read_header(file);
    struct ouro_snapshot_chunk chunk = read_chunk(file, &contents);
    assert_memory_equal(chunk.kind, "TEXT", 4);
    assert_int_equal(chunk.size, 3);
    assert_memory_equal(contents, "abc", 3);
    free(contents);
    chunk = read_chunk(file, &contents);
    assert_memory_equal(chunk.kind, "TRAC", 4);
    assert_int_equal(chunk.size, 0);
    free(contents);
    read_end(file);
    close(file);
}

/* 40 MB of each kind come in several chunks, all bytes in their order, no element in two of them. */
static void
test_long_contents_are_cut(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        size_t element;
    } kinds[] = {
        {OURO_SNAPSHOT_TRACES, sizeof(struct ouro_snapshot_trace)},
        {OURO_SNAPSHOT_NODES, sizeof(struct ouro_snapshot_node)},
        {OURO_SNAPSHOT_CODES, sizeof(struct ouro_snapshot_code)},
        {OURO_SNAPSHOT_TEXTS, 1},
    };
    struct test_random random = {test_seed(5)};
    size_t most = 40 << 20;
    unsigned char *bytes = malloc(most);
    assert_non_null(bytes);
    for (size_t i = 0; i < most; i++) {
        bytes[i] = (unsigned char)random_next(&random);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct ouro__snapshot_writer writer;
        size_t size = most - most % kinds[i].element, at = 0, n_chunks = 0;
        int file = temporary_file();
        ouro__snapshot_begin(&writer, file);
        ouro__snapshot_write(&writer, kinds[i].kind, bytes, size);
        assert_true(ouro__snapshot_end(&writer));
        for (read_header(file); at < size; n_chunks++) {
            char *contents;
            struct ouro_snapshot_chunk chunk = read_chunk(file, &contents);
            assert_memory_equal(chunk.kind, kinds[i].kind, 4);
            assert_int_equal(chunk.size % kinds[i].element, 0);
            assert_true(chunk.size > 0 && chunk.size <= size - at);
            assert_memory_equal(contents, bytes + at, chunk.size);
            free(contents);
            at += chunk.size;
        }
        assert_true(n_chunks > 4);
        read_end(file);
        close(file);
    }
    free(bytes);
}

static void
ignore(int signal)
{
    (void)signal;
}

struct slow {
    int from;
    pthread_t writer;
    size_t n;
    unsigned char last;
};

/* Reads in small bites, and interrupts the writer between them. */
static void *
read_slowly(void *argument)
{
    struct slow *slow = argument;
    unsigned char bites[1777];
    ssize_t n;

    while ((n = read(slow->from, bites, sizeof bites)) > 0) {
        slow->n += (size_t)n;
        slow->last = bites[n - 1];
        (void)pthread_kill(slow->writer, SIGUSR1);
    }
    return NULL;
}

/* A pipe takes what fits, and signals interrupt: all arrives. */
static void
test_short_and_interrupted_writes(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = ignore}, before;
    struct ouro__snapshot_writer writer;
    int ends[2];
    size_t size = 3 << 20;
    char *bytes = calloc(1, size);
    pthread_t reader;

    assert_non_null(bytes);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    struct slow slow = {.from = ends[0], .writer = pthread_self()};
    assert_int_equal(pthread_create(&reader, NULL, read_slowly, &slow), 0);
    ouro__snapshot_begin(&writer, ends[1]);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TEXTS, bytes, size);
    assert_true(ouro__snapshot_end(&writer));
    close(ends[1]);
    assert_int_equal(pthread_join(reader, NULL), 0);
    assert_int_equal(slow.n, 16 + 32 + size + 32);
    close(ends[0]);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    free(bytes);
}

/* The first failure is remembered; what comes after it does not go to the file, even if it could. */
static void
test_failed_writes(void **state)
{
    (void)state;
    struct ouro__snapshot_writer writer;
    char bytes[100] = {0};
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    assert_true(full >= 0);
    ouro__snapshot_begin(&writer, full);
    assert_int_equal(writer.error, ENOSPC);
    int file = temporary_file();
    writer.file = file;
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TEXTS, bytes, sizeof bytes);
    assert_false(ouro__snapshot_end(&writer));
    assert_int_equal(writer.error, ENOSPC);
    assert_int_equal(lseek(file, 0, SEEK_END), 0);
    close(file);
    close(full);

    ouro__snapshot_begin(&writer, -1);
    assert_false(ouro__snapshot_end(&writer));
    assert_int_equal(writer.error, EBADF);
}

/* At every place where a file may not grow further: an error, and the bytes up to there. */
static void
test_a_file_that_may_not_grow(void **state)
{
    (void)state;
    struct rlimit before;
    struct sigaction action = {.sa_handler = SIG_IGN}, was;
    char bytes[100] = {0};

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(sigaction(SIGXFSZ, &action, &was), 0);
    for (rlim_t most = 0; most < 16 + 32 + 100 + 32; most++) {
        struct ouro__snapshot_writer writer;
        struct rlimit limit = {.rlim_cur = most, .rlim_max = before.rlim_max};
        int file = temporary_file();
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        ouro__snapshot_begin(&writer, file);
        ouro__snapshot_write(&writer, OURO_SNAPSHOT_TEXTS, bytes, sizeof bytes);
        bool whole = ouro__snapshot_end(&writer);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_false(whole);
        assert_int_equal(writer.error, EFBIG);
        assert_int_equal(lseek(file, 0, SEEK_END), most);
        close(file);
    }
    assert_int_equal(sigaction(SIGXFSZ, &was, NULL), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_long_contents_are_cut),
        cmocka_unit_test(test_short_and_interrupted_writes),
        cmocka_unit_test(test_failed_writes),
        cmocka_unit_test(test_a_file_that_may_not_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
