/* test_snapshot_read.c - reading snapshots: whole, cut off at every byte, with every bit turned, and at odds with themselves. */
#define _GNU_SOURCE
#include "snapshot/read.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cm.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "snapshot/crc32c.h"
#include "snapshot/writer.h"
#include "snapshots.h"

/* A file in memory. */
struct bytes {
    unsigned char *data;
    size_t n;
};

/* What a small program leaves: two codes, four nodes, three traces with their lives, two samples, two marks, three runs. */
struct sample {
    struct ouro_snapshot_tracing tracing;
    char texts[32];
    unsigned char lines[8];
    struct ouro_snapshot_code codes[2];
    struct ouro_snapshot_node nodes[4];
    struct ouro_snapshot_trace traces[3];
    struct ouro_snapshot_since sinces[3];
    struct ouro_snapshot_life lives[4]; /* one of which is written for each trace */
    struct ouro_snapshot_sample samples[2];
    struct ouro_snapshot_mark marks[2];
    struct ouro_snapshot_run runs[3];
};

static struct sample
sample_make(void)
{
    struct sample sample = {
        .tracing = {.mode = OURO_SNAPSHOT_EXACT, .peak_bytes = 5000, .reason = "exit"},
        .texts = "app.pymainhelper",
        .lines = {1, 2, 3, 4, 5, 6, 7, 8},
        .codes = {{.file = {0, 6}, .name = {6, 4}, .lines = {0, 4}, .first_line = 1, .line_table = 3},
                  {.file = {0, 6}, .name = {10, 6}, .lines = {4, 4}, .first_line = 9}},
        .nodes = {{0}, {.parent = 0, .code = 0, .offset = 4}, {1, 1, 2}, {1, 1, 6}},
        .traces =
            {{.size = 0, .live_blocks = 3, .live_bytes = 300},
             {.size = 64,
              .node = 2,
              .domain = 2,
              .live_blocks = 10,
              .live_bytes = 640,
              .all_blocks = 100,
              .all_bytes = 6400},
             {.size = 100, .node = 3, .domain = 1, .since = 2, .live_blocks = 1, .live_bytes = 100}},
        .sinces = {{""}, {"warm"}, {"served"}},
        .lives = {{{0}}, {{50, 0, 0, 30, 0, 0, 10}}},
        .samples =
            {{.at_ns = 10, .resident = 4096, .counted_at_ns = 9, .live = {1, 2, 3}, .gc_ns = 1},
             {.at_ns = 20, .resident = 8192, .counted_at_ns = 20, .live = {4, 5, 6}, .gc_ns = 2}},
        .marks = {{.at_ns = 5, .name = "warm"}, {.at_ns = 15, .name = "served"}},
        .runs = {{.slot = 1,
                  .n_slots = 1,
                  .kind = OURO_SNAPSHOT_RUN_POOL,
                  .domain = 2,
                  .block_size = 64,
                  .n_blocks = 1024,
                  .n_used = 10,
                  .used_bytes = 640},
                 {.slot = 2, .n_slots = 3, .kind = OURO_SNAPSHOT_RUN_FREE},
                 {.slot = 9,
                  .n_slots = 2,
                  .kind = OURO_SNAPSHOT_RUN_LARGE,
                  .n_blocks = 1,
                  .n_used = 1,
                  .used_bytes = 100000}},
    };
    return sample;
}

static struct bytes
file_take(int file)
{
    struct bytes bytes;
    bytes.n = (size_t)lseek(file, 0, SEEK_END);
    bytes.data = malloc(bytes.n + 1);
    assert_non_null(bytes.data);
    assert_int_equal(pread(file, bytes.data, bytes.n, 0), bytes.n);
    close(file);
    return bytes;
}

static int
file_make(struct ouro__snapshot_writer *writer)
{
    int file = memfd_create("snapshot", MFD_CLOEXEC);
    assert_true(file >= 0);
    ouro__snapshot_begin(writer, file);
    return file;
}

static struct bytes
sample_write(const struct sample *sample, size_t n_lives)
{
    struct ouro__snapshot_writer writer;
    int file = file_make(&writer);

    ouro__snapshot_write(&writer, OURO_SNAPSHOT_PROCESS, "a process", 9);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TRACING, &sample->tracing, sizeof sample->tracing);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TEXTS, sample->texts, 16);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_LINES, sample->lines, sizeof sample->lines);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_CODES, sample->codes, sizeof sample->codes);
    ouro__snapshot_write(&writer, "NEWS", "a kind of a later version", 25);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_NODES, sample->nodes, sizeof sample->nodes);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_SINCES, sample->sinces, sizeof sample->sinces);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TRACES, sample->traces, sizeof sample->traces);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_LIVES, sample->lives, n_lives * sizeof *sample->lives);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_SAMPLES, sample->samples, sizeof sample->samples);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_MARKS, sample->marks, sizeof sample->marks);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_RUNS, sample->runs, sizeof sample->runs);
    assert_true(ouro__snapshot_end(&writer));
    return file_take(file);
}

static void
test_whole(void **state)
{
    (void)state;
    struct sample sample = sample_make();
    struct bytes bytes = sample_write(&sample, 3);
    struct ouro__snapshot snapshot;

    assert_true(snapshot_read_bytes(&snapshot, bytes.data, bytes.n, NULL));
    assert_string_equal(snapshot.trouble, "");
    snapshot_check(&snapshot);
    assert_memory_equal(snapshot.process, "a process", 9);
    assert_int_equal(snapshot.n_process, 9);
    assert_memory_equal(&snapshot.tracing, &sample.tracing, sizeof sample.tracing);
    assert_int_equal(snapshot.n_texts, 16);
    assert_memory_equal(snapshot.texts, sample.texts, 16);
    assert_memory_equal(snapshot.lines, sample.lines, sizeof sample.lines);
    assert_int_equal(snapshot.n_codes, 3);
    assert_memory_equal(snapshot.codes, sample.codes, sizeof sample.codes);
    assert_int_equal(snapshot.n_nodes, 4);
    assert_memory_equal(snapshot.nodes + 1, sample.nodes + 1, 3 * sizeof *sample.nodes);
    assert_int_equal(snapshot.n_traces, 3);
    assert_memory_equal(snapshot.traces, sample.traces, sizeof sample.traces);
    assert_int_equal(snapshot.n_sinces, 3);
    assert_memory_equal(snapshot.sinces, sample.sinces, sizeof sample.sinces);
    assert_int_equal(snapshot.n_lives, 3);
    assert_memory_equal(snapshot.lives, sample.lives, 3 * sizeof *sample.lives);
    assert_int_equal(snapshot.n_samples, 2);
    assert_memory_equal(snapshot.samples, sample.samples, sizeof sample.samples);
    assert_int_equal(snapshot.n_marks, 2);
    assert_memory_equal(snapshot.marks, sample.marks, sizeof sample.marks);
    assert_int_equal(snapshot.n_runs, 3);
    assert_memory_equal(snapshot.runs, sample.runs, sizeof sample.runs);
    assert_int_equal(snapshot.n_bytes, bytes.n);
    ouro__snapshot_free(&snapshot);
    free(bytes.data);
}

/* At each byte: what whole chunks there are is read, and `trouble` says where it ended. */
static void
test_cut_at_every_byte(void **state)
{
    (void)state;
    struct sample sample = sample_make();
    struct bytes bytes = sample_write(&sample, 3);
    size_t n_traces = 0, n_nodes = 1;

    for (size_t n = 0; n < bytes.n; n++) {
        struct ouro__snapshot snapshot;
        char place[32];
        bool is_read = snapshot_read_bytes(&snapshot, bytes.data, n, NULL);
        (void)snprintf(place, sizeof place, "byte %zu,", n);
        assert_int_equal(is_read, n >= sizeof(struct ouro_snapshot_header));
        assert_non_null(strstr(snapshot.trouble, n == 0 ? "is not a snapshot" : place));
        if (!is_read) {
            continue;
        }
        snapshot_check(&snapshot);
        assert_true(snapshot.n_traces >= n_traces && snapshot.n_nodes >= n_nodes);
        n_traces = snapshot.n_traces;
        n_nodes = snapshot.n_nodes;
        assert_true(n_traces == 0 || memcmp(snapshot.traces, sample.traces, sizeof sample.traces) == 0);
        ouro__snapshot_free(&snapshot);
    }
    assert_int_equal(n_traces, 3);
    assert_int_equal(n_nodes, 4);
    free(bytes.data);
}

/* No turned bit goes unnoticed but those that nobody reads: the reserved word of the header. */
static void
test_every_bit_turned(void **state)
{
    (void)state;
    struct sample sample = sample_make();
    struct bytes bytes = sample_write(&sample, 3);
    size_t reserved = offsetof(struct ouro_snapshot_header, reserved);

    for (size_t bit = 0; bit < 8 * bytes.n; bit++) {
        struct ouro__snapshot snapshot;
        bytes.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        bool is_read = snapshot_read_bytes(&snapshot, bytes.data, bytes.n, NULL);
        bool nobody_reads = bit / 8 >= reserved && bit / 8 < sizeof(struct ouro_snapshot_header);
        assert_int_equal(snapshot.trouble[0] == '\0', nobody_reads);
        if (is_read) {
            snapshot_check(&snapshot);
            ouro__snapshot_free(&snapshot);
        }
        bytes.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    free(bytes.data);
}

enum fault {
    CALLER,
    CALLER_SELF,
    CODE,
    NODE,
    DOMAIN,
    FILE_AT,
    NAME_SIZE,
    LINES,
    WRAPS,
    MODE,
    MEAN,
    SAMPLE_TIME,
    SAMPLE_COUNT,
    MARK_TIME,
    LIVES,
    LIVES_WRAP,
    LIVES_MANY,
    SINCE,
    LINES_TWICE,
    N_FAULTS
};

static void
spoil(struct sample *sample, enum fault fault)
{
    switch (fault) {
    case CALLER:
        sample->nodes[2].parent = 3;
        break;
    case CALLER_SELF:
        sample->nodes[1].parent = 1;
        break;
    case CODE:
        sample->nodes[3].code = 2; /* the one that the reader adds */
        break;
    case NODE:
        sample->traces[1].node = 4;
        break;
    case DOMAIN:
        sample->traces[2].domain = 3;
        break;
    case FILE_AT:
        sample->codes[0].file.at = 17;
        break;
    case NAME_SIZE:
        sample->codes[1].name.size = 7;
        break;
    case LINES:
        sample->codes[1].lines.size = 5;
        break;
    case LINES_TWICE:
        sample->codes[1].lines = (struct ouro_snapshot_stretch){1, 5};
        break;
    case WRAPS:
        sample->codes[1].name.at = UINT64_MAX;
        break;
    case MODE:
        sample->tracing.mode = 3;
        break;
    case MEAN:
        sample->tracing.mode = OURO_SNAPSHOT_SAMPLED;
        break;
    case SAMPLE_TIME:
        sample->samples[1].at_ns = 9;
        break;
    case SAMPLE_COUNT:
        sample->samples[1].counted_at_ns = 21;
        break;
    case MARK_TIME:
        sample->marks[1].at_ns = 4;
        break;
    case LIVES:
        sample->lives[1].ended[6] = 21;
        break;
    case LIVES_WRAP:
        sample->lives[1].ended[1] = UINT64_MAX - 40;
        break;
    case SINCE:
        sample->traces[2].since = 3;
        break;
    default: /* what is written, and how */
        break;
    }
}

/* Contents that lead nowhere, with checksums that fit. */
static void
test_at_odds_with_itself(void **state)
{
    (void)state;
    static const char *const said[N_FAULTS] = {
        "caller of node 2",  "caller of node 1",    "code of node 3",  "node of trace 1",
        "domain of trace 2", "texts of code 0",     "texts of code 1", "texts of code 1",
        "texts of code 1",   "way of tracing",      "way of tracing",  "time of sample 1",
        "count of sample 1", "time of mark 1",      "ends of life 1",  "ends of life 1",
        "trace of life 3",   "mark before trace 2", "texts of code 1",
    };
    for (int fault = 0; fault < N_FAULTS; fault++) {
        struct sample sample = sample_make();
        struct ouro__snapshot snapshot;
        spoil(&sample, (enum fault)fault);
        struct bytes bytes = sample_write(&sample, fault == LIVES_MANY ? 4 : 3);
        assert_true(snapshot_read_bytes(&snapshot, bytes.data, bytes.n, NULL));
        assert_non_null(strstr(snapshot.trouble, said[fault]));
        snapshot_check(&snapshot);
        assert_int_equal(snapshot.n_traces, 3);
        ouro__snapshot_free(&snapshot);
        free(bytes.data);
    }
}

/* Texts and tables that many codes and types name make no more work than the file has bytes. */
static void
test_the_same_bytes_for_all(void **state)
{
    (void)state;
    enum { N = 1000, BYTES = 1 << 20 };
    char *bytes = calloc(1, BYTES);
    struct ouro_snapshot_code *codes = calloc(N, sizeof *codes);
    struct ouro_snapshot_stretch *types = calloc(N, sizeof *types);
    struct ouro__snapshot_writer writer;
    struct ouro__snapshot snapshot;
    uint64_t n_texts = 0, n_lines = 0, n_types = 0;
    int file = file_make(&writer);

    assert_non_null(bytes);
    assert_non_null(codes);
    assert_non_null(types);
    for (uint64_t i = 0; i < N; i++) {
        codes[i].file = codes[i].lines = types[i] = (struct ouro_snapshot_stretch){i, BYTES - N};
    }
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TEXTS, bytes, BYTES);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_LINES, bytes, BYTES);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_CODES, codes, N * sizeof *codes);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TYPES, types, N * sizeof *types);
    assert_true(ouro__snapshot_end(&writer));
    struct bytes written = file_take(file);
    assert_true(snapshot_read_bytes(&snapshot, written.data, written.n, NULL));
    assert_non_null(strstr(snapshot.trouble, "texts of code 1"));
    snapshot_check(&snapshot);
    for (size_t i = 0; i < N; i++) {
        n_texts += snapshot.codes[i].file.size;
        n_lines += snapshot.codes[i].lines.size;
        n_types += snapshot.types[i].size;
    }
    assert_int_equal(n_lines, BYTES - N);
    assert_int_equal(n_texts, BYTES - N);
    assert_true(n_types > 0 && n_types <= 4 * (uint64_t)BYTES + (uint64_t)N * 4096);
    ouro__snapshot_free(&snapshot);
    free(written.data);
    free(bytes);
    free(codes);
    free(types);
}

/* Runs that can't be: the map ends before them, and all else is there. */
static void
test_bad_runs(void **state)
{
    (void)state;
    const struct ouro_snapshot_run pool = sample_make().runs[0];
    struct ouro_snapshot_run bad[12];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bad[i] = pool;
        bad[i].slot = 5;
    }
    bad[0].slot = 4; /* the run before it ends at 5 */
    bad[1].n_slots = 0;
    bad[2].n_slots = UINT32_MAX;
    bad[3].kind = 0;
    bad[4].kind = 6;
    bad[5].domain = 3;
    bad[6].n_used = 1025;
    bad[7].block_size = 65;
    bad[8].used_bytes = 65537;
    bad[9].n_blocks = bad[9].block_size = UINT32_MAX;
    bad[10].kind = OURO_SNAPSHOT_RUN_FREE;
    bad[11].used_bytes = UINT64_MAX;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sample sample = sample_make();
        struct ouro__snapshot snapshot;
        sample.runs[2] = bad[i];
        struct bytes bytes = sample_write(&sample, 3);
        assert_true(snapshot_read_bytes(&snapshot, bytes.data, bytes.n, NULL));
        assert_non_null(strstr(snapshot.trouble, "no such run of slots 2"));
        snapshot_check(&snapshot);
        assert_int_equal(snapshot.n_runs, 2);
        assert_int_equal(snapshot.n_traces, 3);
        ouro__snapshot_free(&snapshot);
        free(bytes.data);
    }
}

/* One chunk behind a header, with checksums that fit. */
static struct bytes
chunk_write(struct ouro_snapshot_chunk chunk, const void *stored, size_t n)
{
    struct ouro_snapshot_header header = {.magic = OURO_SNAPSHOT_MAGIC, .version = 1};
    struct bytes bytes = {malloc(sizeof header + sizeof chunk + n), sizeof header + sizeof chunk + n};

    assert_non_null(bytes.data);
    chunk.crc = ouro__crc32c(0, stored, n);
    chunk.header_crc = ouro__crc32c(0, &chunk, offsetof(struct ouro_snapshot_chunk, header_crc));
    memcpy(bytes.data, &header, sizeof header);
    memcpy(bytes.data + sizeof header, &chunk, sizeof chunk);
    memcpy(bytes.data + sizeof header + sizeof chunk, stored, n);
    return bytes;
}

static void
check_refused(struct ouro_snapshot_chunk chunk, const char *said)
{
    static const char stored[640];
    struct bytes bytes = chunk_write(chunk, stored, sizeof stored);
    struct ouro__snapshot snapshot;

    assert_true(snapshot_read_bytes(&snapshot, bytes.data, bytes.n, NULL));
    assert_non_null(strstr(snapshot.trouble, said));
    snapshot_check(&snapshot);
    assert_int_equal(snapshot.n_traces + snapshot.n_nodes + snapshot.n_codes, 2);
    ouro__snapshot_free(&snapshot);
    free(bytes.data);
}

/* Sizes that no chunk has cost no memory and no time. */
static void
test_sizes(void **state)
{
    (void)state;
    uint64_t most = OURO_SNAPSHOT_CONTENTS_MOST;
    check_refused(
        (struct ouro_snapshot_chunk){.kind = "TRAC", .stored = UINT64_MAX, .size = UINT64_MAX},
        "larger than any");
    check_refused((struct ouro_snapshot_chunk){.kind = "TRAC", .stored = most + 64, .size = most + 64},
                  "larger than any");
    check_refused(
        (struct ouro_snapshot_chunk){.kind = "TRAC", .flags = 1, .stored = 640, .size = 1024 * 641},
        "larger than any");
    check_refused((struct ouro_snapshot_chunk){.kind = "TRAC", .stored = most, .size = most},
                  "cut off at byte 688");
    check_refused((struct ouro_snapshot_chunk){.kind = "TRAC", .stored = 640, .size = 704},
                  "two sizes");
    check_refused((struct ouro_snapshot_chunk){.kind = "TRAC", .stored = 639, .size = 639},
                  "another checksum");
    check_refused((struct ouro_snapshot_chunk){.kind = "TRAC", .flags = 2, .stored = 640, .size = 640},
                  "doesn't know");
    check_refused((struct ouro_snapshot_chunk){.kind = "TRAC", .flags = 1, .stored = 640, .size = 640},
                  "cannot be unpacked");
    check_refused((struct ouro_snapshot_chunk){.kind = "CODE", .stored = 640, .size = 640},
                  "no such size");
    check_refused((struct ouro_snapshot_chunk){.kind = "NODE", .stored = 640, .size = 640},
                  "no such size");
    check_refused((struct ouro_snapshot_chunk){.kind = "TRCG", .stored = 640, .size = 640},
                  "no such size");
    check_refused((struct ouro_snapshot_chunk){.kind = "MARK", .stored = 640, .size = 640},
                  "no such size");
}

static void
test_no_snapshot_at_all(void **state)
{
    (void)state;
    struct ouro__snapshot snapshot;
    struct ouro_snapshot_header header = {.magic = OURO_SNAPSHOT_MAGIC, .version = 2};

    assert_false(snapshot_read_bytes(&snapshot, "#!/bin/sh and so on\n", 20, NULL));
    assert_string_equal(snapshot.trouble, "is not a snapshot");
    assert_false(snapshot_read_bytes(&snapshot, "x", 1, NULL));
    assert_string_equal(snapshot.trouble, "is not a snapshot");
    assert_false(snapshot_read_bytes(&snapshot, &header, sizeof header, NULL));
    assert_string_equal(snapshot.trouble, "is a snapshot of version 2: this ouro reads up to 1");
    FILE *folder = fopen("/", "rb");
    assert_non_null(folder);
    assert_false(ouro__snapshot_read(&snapshot, folder, NULL));
    assert_string_equal(snapshot.trouble, "cannot be read: Is a directory");
    (void)fclose(folder);
}

static void
test_packed(void **state)
{
    (void)state;
    struct ouro_snapshot_chunk chunk = {
        .kind = "TEXT", .flags = OURO_SNAPSHOT_ZSTD, .stored = 4, .size = 6};
    struct ouro__snapshot snapshot;
    struct bytes bytes = chunk_write(chunk, "\2a\4b", 4);

    assert_true(snapshot_read_bytes(&snapshot, bytes.data, bytes.n, snapshot_inflate_runs));
    assert_int_equal(snapshot.n_texts, 6);
    assert_memory_equal(snapshot.texts, "aabbbb", 6);
    assert_non_null(strstr(snapshot.trouble, "cut off at byte 52, between"));
    ouro__snapshot_free(&snapshot);
    free(bytes.data);
    bytes = chunk_write(chunk, "\2a\5b", 4);
    assert_true(snapshot_read_bytes(&snapshot, bytes.data, bytes.n, snapshot_inflate_runs));
    assert_int_equal(snapshot.n_texts, 0);
    assert_non_null(strstr(snapshot.trouble, "cannot be unpacked"));
    ouro__snapshot_free(&snapshot);
    free(bytes.data);
}

/* Two million nodes and traces over many chunks come back in their order. */
static void
test_large(void **state)
{
    (void)state;
    size_t n = 2000000;
    struct ouro_snapshot_node *nodes = calloc(n, sizeof *nodes);
    struct ouro_snapshot_trace *traces = calloc(n, sizeof *traces);
    struct ouro_snapshot_code code = {.first_line = 1};
    struct test_random random = {test_seed(6)};
    struct ouro__snapshot_writer writer;
    struct ouro__snapshot snapshot;

    REQUIRE(nodes != NULL && traces != NULL, "no memory");
    for (size_t i = 1; i < n; i++) {
        nodes[i].parent = (uint32_t)random_below(&random, i);
        nodes[i].offset = (uint32_t)i;
        traces[i].node = (uint32_t)random_below(&random, n);
        traces[i].live_bytes = random_next(&random);
    }
    int file = file_make(&writer);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_TRACES, traces, n * sizeof *traces);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_NODES, nodes, n * sizeof *nodes);
    ouro__snapshot_write(&writer, OURO_SNAPSHOT_CODES, &code, sizeof code);
    assert_true(ouro__snapshot_end(&writer));
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    FILE *stream = fdopen(file, "rb");
    assert_non_null(stream);
    assert_true(ouro__snapshot_read(&snapshot, stream, NULL));
    (void)fclose(stream);
    assert_string_equal(snapshot.trouble, "");
    assert_int_equal(snapshot.n_nodes, n);
    assert_int_equal(snapshot.n_traces, n);
    assert_int_equal(memcmp(snapshot.nodes + 1, nodes + 1, (n - 1) * sizeof *nodes), 0);
    assert_int_equal(memcmp(snapshot.traces, traces, n * sizeof *traces), 0);
    snapshot_check(&snapshot);
    ouro__snapshot_free(&snapshot);
    free(nodes);
    free(traces);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_every_bit_turned),
        cmocka_unit_test(test_at_odds_with_itself),
        cmocka_unit_test(test_the_same_bytes_for_all),
        cmocka_unit_test(test_bad_runs),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_no_snapshot_at_all),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
