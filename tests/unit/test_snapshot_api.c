/* test_snapshot_api.c - <ouro/snapshot.h>: what was traced, taken, saved, read again, filtered, summed up and compared, where
 * all figures are known; files that are cut off or spoiled anywhere; no memory.
 *
 * Follows CPython's Lib/test/test_tracemalloc.py, TestSnapshot and TestFilters.
 *
 * ctest: timeout=300 */
#define _DEFAULT_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ouro/ouro.h>

#include "calls.h"
#include "child.h"
#include "cm.h"
#include "process.h"
#include "random.h"
#include "require.h"
#include "snapshots.h"
#include "snapshot/format.h"
#include "snapshot/crc32c.h"

static const struct callee program = {"/src/app.py", "main", 1}, loader = {"/lib/load.py", "load", 10},
                           parser = {"/lib/load.py", "Parser.parse", 40};

static ouro_heap *heap;
static void *blocks[64];
static size_t n_blocks;
static char folder[256];

static void
make_blocks(size_t n, size_t size, ouro_domain domain)
{
    for (size_t i = 0; i < n; i++) {
        blocks[n_blocks] = ouro_heap_alloc(heap, domain, size);
        assert_non_null(blocks[n_blocks]);
        n_blocks++;
    }
}

/*    bytes  blocks  domain  traceback
 *     1000  10x100  raw     load.py:12 load, app.py:7 main
 *    10000  5x2000  mem     load.py:44 parse, load.py:12 load, app.py:7 main
 *       21  3x7     object  app.py:8 main
 *      200  2x100   object  load.py:12 load, app.py:7 main
 *
 * and at the peak 50000 bytes besides, of app.py:9. */
static void
make_known(void)
{
    call_enter(&program, 7);
    call_enter(&loader, 12);
    make_blocks(10, 100, OURO_DOMAIN_RAW);
    make_blocks(2, 100, OURO_DOMAIN_OBJECT);
    call_enter(&parser, 44);
    make_blocks(5, 2000, OURO_DOMAIN_MEM);
    call_leave();
    call_leave();
    call_at(8);
    make_blocks(3, 7, OURO_DOMAIN_OBJECT);
    call_at(9);
    ouro_heap_free(heap, OURO_DOMAIN_RAW, ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 50000));
    call_leave();
}

static int
setup(void **state)
{
    (void)state;
    heap = ouro_heap_create(&(ouro_heap_config){.kind = OURO_HEAP_SHARED});
    temporary_template(folder, sizeof folder);
    const ouro_trace_config config = {.source = &calls_source};
    if (heap == NULL || mkdtemp(folder) == NULL || ouro_trace_start(&config) != OURO_OK) {
        return 1;
    }
    make_known();
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    (void)ouro_trace_stop();
    ouro_heap_destroy(heap);
    n_blocks = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] != '.') {
            (void)unlinkat(dirfd(entries), entry->d_name, 0);
        }
    }
    (void)closedir(entries);
    return rmdir(folder);
}

static ouro_snapshot *
take(const char *name)
{
    ouro_snapshot *snapshot = NULL;
    assert_int_equal(ouro_snapshot_take(name, &snapshot), OURO_OK);
    return snapshot;
}

static const char *
path_of(const char *name)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* ---- tables as texts, to be compared ---- */

static char table[1 << 16];

__attribute__((format(printf, 1, 2))) static void
print(const char *format, ...)
{
    size_t n = strlen(table);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(table + n, sizeof table - n, format, arguments);
    va_end(arguments);
}

static void
print_sum(const ouro_sum *sum)
{
    print("%llu in %llu", (unsigned long long)sum->bytes, (unsigned long long)sum->blocks);
}

static void
print_places(const ouro_place *places, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        print(" %s:%u:%s", places[i].file, places[i].line, places[i].function);
    }
}

static const char *
rows_of(const ouro_statistics *statistics, bool is_diff, bool by_domain)
{
    table[0] = '\0';
    for (size_t i = 0; i < statistics->n; i++) {
        const ouro_statistic *row = &statistics->rows[i];
        if (is_diff) {
            print_sum(&row->before);
            print(" -> ");
        }
        print_sum(&row->sum);
        print_places(row->places, row->n_places);
        print(by_domain ? " %s\n" : "\n", by_domain ? ouro_domain_name(row->domain) : "");
    }
    return table;
}

static void
check_sums(const ouro_snapshot *snapshot, const ouro_sum_config *config, const char *wanted)
{
    ouro_statistics *statistics = NULL;
    bool by_domain = config != NULL && config->key == OURO_KEY_DOMAIN;
    assert_int_equal(ouro_snapshot_sum(snapshot, config, &statistics), OURO_OK);
    assert_string_equal(rows_of(statistics, false, by_domain), wanted);
    ouro_statistics_free(statistics);
}

static int
print_trace(const ouro_trace *trace, void *context)
{
    (void)context;
    print("%zu %s %llu %llu %llu", trace->size, ouro_domain_name(trace->domain),
          (unsigned long long)trace->live, (unsigned long long)trace->at_peak,
          (unsigned long long)trace->all);
    print_places(trace->places, trace->n_places);
    print("\n");
    return 0;
}

static const char *
traces_of(const ouro_snapshot *snapshot)
{
    table[0] = '\0';
    assert_int_equal(ouro_snapshot_visit(snapshot, print_trace, NULL), OURO_OK);
    return table;
}

static const char all_traces[] =
    "100 raw 10 10 10 /lib/load.py:12:load /src/app.py:7:main\n"
    "100 object 2 2 2 /lib/load.py:12:load /src/app.py:7:main\n"
    "2000 mem 5 5 5 /lib/load.py:44:Parser.parse /lib/load.py:12:load /src/app.py:7:main\n"
    "7 object 3 3 3 /src/app.py:8:main\n"
    "50000 raw 0 1 1 /src/app.py:9:main\n";

/* ---- taking ---- */

static void
test_taking(void **state)
{
    (void)state;
    ouro_snapshot *snapshot = take("half-way"), *none = NULL;
    ouro_snapshot_info info;

    assert_string_equal(traces_of(snapshot), all_traces);
    ouro_snapshot_get_info(snapshot, &info);
    assert_string_equal(info.name, "half-way");
    assert_string_equal(info.reason, "call");
    assert_int_equal(info.pid, getpid());
    assert_non_null(strstr(info.command, "snapshot_api"));
    assert_string_equal(info.python, "");
    assert_true(info.began_ns > (uint64_t)1500000000 * 1000000000 && info.taken_ns > 0);
    assert_int_equal(info.peak_bytes, 61221);
    assert_int_equal(info.sample_bytes + info.n_frames + info.n_untraced, 0);
    assert_true(info.own_bytes > 0);
    assert_null(ouro_snapshot_trouble(snapshot));

    /* What comes later changes nothing in it. */
    make_blocks(5, 100, OURO_DOMAIN_RAW);
    assert_int_equal(ouro_trace_stop(), OURO_OK);
    assert_string_equal(traces_of(snapshot), all_traces);
    ouro_snapshot_free(snapshot);
    ouro_snapshot_free(NULL);
    assert_int_equal(ouro_snapshot_take(NULL, &none), OURO_WRONG_VALUE);
    assert_null(none);
}

static int
end_at_second(const ouro_trace *trace, void *context)
{
    (void)trace;
    return ++*(int *)context == 2 ? 42 : 0;
}

static void
test_a_walk_that_ends(void **state)
{
    (void)state;
    int n = 0;
    ouro_snapshot *snapshot = take(NULL);
    assert_int_equal(ouro_snapshot_visit(snapshot, end_at_second, &n), 42);
    assert_int_equal(n, 2);
    ouro_snapshot_free(snapshot);
}

/* ---- sums ---- */

static void
test_sums(void **state)
{
    (void)state;
    ouro_snapshot *snapshot = take(NULL);
    check_sums(snapshot, NULL,
               "10000 in 5 /lib/load.py:44:\n1200 in 12 /lib/load.py:12:\n21 in 3 /src/app.py:8:\n");
    check_sums(snapshot, &(ouro_sum_config){.key = OURO_KEY_FILE},
               "11200 in 17 /lib/load.py:0:\n21 in 3 /src/app.py:0:\n");
    check_sums(snapshot, &(ouro_sum_config){.key = OURO_KEY_FUNCTION},
               "10000 in 5 /lib/load.py:0:Parser.parse\n1200 in 12 /lib/load.py:0:load\n"
               "21 in 3 /src/app.py:0:main\n");
    check_sums(snapshot, &(ouro_sum_config){.key = OURO_KEY_TRACEBACK},
               "10000 in 5 /lib/load.py:44:Parser.parse /lib/load.py:12:load /src/app.py:7:main\n"
               "1200 in 12 /lib/load.py:12:load /src/app.py:7:main\n21 in 3 /src/app.py:8:main\n");
    check_sums(snapshot, &(ouro_sum_config){.key = OURO_KEY_DOMAIN},
               "10000 in 5 mem\n1000 in 10 raw\n221 in 5 object\n");
    check_sums(snapshot, &(ouro_sum_config){.moment = OURO_AT_PEAK, .key = OURO_KEY_FILE},
               "50021 in 4 /src/app.py:0:\n11200 in 17 /lib/load.py:0:\n");
    check_sums(snapshot, &(ouro_sum_config){.cumulative = true},
               "11200 in 17 /src/app.py:7:\n11200 in 17 /lib/load.py:12:\n10000 in 5 "
               "/lib/load.py:44:\n21 in 3 /src/app.py:8:\n");
    /* A file that is in a traceback twice counts once. */
    check_sums(snapshot, &(ouro_sum_config){.key = OURO_KEY_FILE, .cumulative = true},
               "11221 in 20 /src/app.py:0:\n11200 in 17 /lib/load.py:0:\n");
    ouro_snapshot_free(snapshot);
}

static void
test_wrong_sums(void **state)
{
    (void)state;
    ouro_snapshot *snapshot = take(NULL);
    ouro_statistics *statistics = NULL;
    const ouro_sum_config wrong[] = {{.key = (ouro_key)5},
                                     {.moment = (ouro_moment)3},
                                     {.key = OURO_KEY_DOMAIN, .cumulative = true},
                                     {.key = OURO_KEY_TRACEBACK, .cumulative = true}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(ouro_snapshot_sum(snapshot, &wrong[i], &statistics), OURO_WRONG_VALUE);
        assert_int_equal(ouro_snapshot_diff(snapshot, snapshot, &wrong[i], &statistics),
                         OURO_WRONG_VALUE);
    }
    assert_null(statistics);
    ouro_statistics_free(NULL);
    ouro_snapshot_free(snapshot);
}

static void
test_sums_of_nothing(void **state)
{
    (void)state;
    assert_int_equal(ouro_trace_clear(), OURO_OK);
    ouro_snapshot *snapshot = take(NULL);
    for (int key = 0; key < 5; key++) {
        check_sums(snapshot, &(ouro_sum_config){.key = (ouro_key)key}, "");
    }
    assert_string_equal(traces_of(snapshot), "");
    ouro_heap_free(heap, OURO_DOMAIN_RAW, ouro_heap_alloc(heap, OURO_DOMAIN_RAW, 9));
    ouro_snapshot_free(snapshot);
    snapshot = take(NULL); /* a block without frames */
    check_sums(snapshot, &(ouro_sum_config){.moment = OURO_EVER}, "9 in 1\n");
    check_sums(snapshot, &(ouro_sum_config){.moment = OURO_EVER, .key = OURO_KEY_TRACEBACK},
               "9 in 1\n");
    ouro_snapshot_free(snapshot);
}

/* ---- differences ---- */

static void
check_diff(const ouro_snapshot *before, const ouro_snapshot *after, const ouro_sum_config *config,
           const char *wanted)
{
    ouro_statistics *statistics = NULL;
    assert_int_equal(ouro_snapshot_diff(before, after, config, &statistics), OURO_OK);
    assert_string_equal(rows_of(statistics, true, false), wanted);
    ouro_statistics_free(statistics);
}

static void
test_differences(void **state)
{
    (void)state;
    ouro_snapshot *before = take("before");
    for (size_t i = n_blocks; i-- > n_blocks - 3;) {
        ouro_heap_free(heap, OURO_DOMAIN_OBJECT, blocks[i]); /* app.py:8 */
    }
    call_enter(&program, 7);
    call_enter(&loader, 12);
    make_blocks(4, 1000, OURO_DOMAIN_RAW);
    call_leave();
    call_at(30);
    make_blocks(1, 5000, OURO_DOMAIN_RAW);
    call_leave();
    ouro_snapshot *after = take("after");
    check_diff(before, after, NULL,
               "0 in 0 -> 5000 in 1 /src/app.py:30:\n1200 in 12 -> 5200 in 16 /lib/load.py:12:\n"
               "21 in 3 -> 0 in 0 /src/app.py:8:\n");
    check_diff(after, before, &(ouro_sum_config){.key = OURO_KEY_FILE},
               "5000 in 1 -> 21 in 3 /src/app.py:0:\n15200 in 21 -> 11200 in 17 /lib/load.py:0:\n");
    check_diff(after, after, NULL, "");
    ouro_statistics *statistics;
    assert_int_equal(ouro_snapshot_diff(before, after, NULL, &statistics), OURO_OK);
    assert_int_equal(statistics->all_before.bytes, 11221);
    assert_int_equal(statistics->all.bytes, 11200 + 4000 + 5000);
    assert_int_equal(statistics->all.blocks, 17 + 4 + 1);
    ouro_statistics_free(statistics);
    ouro_snapshot_free(before);
    ouro_snapshot_free(after);
}

/* ---- filters ---- */

static void
check_filters(const ouro_snapshot *snapshot, size_t n, const ouro_trace_filter *filters,
              const char *wanted)
{
    ouro_snapshot *left = NULL;
    assert_int_equal(ouro_snapshot_filter(snapshot, filters, n, &left), OURO_OK);
    check_sums(left, NULL, wanted);
    ouro_snapshot_free(left);
}

#define PARSED "10000 in 5 /lib/load.py:44:\n"
#define LOADED "1200 in 12 /lib/load.py:12:\n"
#define MAIN "21 in 3 /src/app.py:8:\n"

static void
test_filters(void **state)
{
    (void)state;
    enum { ANY = OURO_ANY_DOMAIN };
    ouro_snapshot *snapshot = take("filtered");

    check_filters(snapshot, 0, NULL, PARSED LOADED MAIN);
    check_filters(snapshot, 1, &(ouro_trace_filter){.pattern = "/lib/*", .domain = ANY}, PARSED LOADED);
    check_filters(snapshot, 1, &(ouro_trace_filter){.pattern = "load.py", .domain = ANY},
                  PARSED LOADED);
    check_filters(snapshot, 1, &(ouro_trace_filter){.pattern = "load", .line = 12, .domain = ANY},
                  LOADED);
    check_filters(snapshot, 1, &(ouro_trace_filter){.pattern = "*.parse", .domain = ANY}, PARSED);
    check_filters(snapshot, 1, &(ouro_trace_filter){.pattern = "nothing", .domain = ANY}, "");
    /* All frames, or the innermost alone. */
    check_filters(snapshot, 1, &(ouro_trace_filter){.pattern = "app.py", .domain = ANY}, MAIN);
    check_filters(snapshot, 1,
                  &(ouro_trace_filter){.pattern = "app.py", .all_frames = true, .domain = ANY},
                  PARSED LOADED MAIN);
    check_filters(
        snapshot, 1,
        &(ouro_trace_filter){.pattern = "load.py", .line = 12, .all_frames = true, .domain = ANY},
        PARSED LOADED);
    check_filters(
        snapshot, 1,
        &(ouro_trace_filter){.leaves_out = true, .line = 12, .all_frames = true, .domain = ANY}, MAIN);
    check_filters(snapshot, 1,
                  &(ouro_trace_filter){.leaves_out = true, .pattern = "load.py", .domain = ANY}, MAIN);
    /* Domains. */
    check_filters(snapshot, 1, &(ouro_trace_filter){.domain = OURO_DOMAIN_OBJECT},
                  "200 in 2 /lib/load.py:12:\n" MAIN);
    check_filters(snapshot, 1, &(ouro_trace_filter){.leaves_out = true, .domain = OURO_DOMAIN_MEM},
                  LOADED MAIN);
    check_filters(snapshot, 1, &(ouro_trace_filter){.pattern = "load", .domain = OURO_DOMAIN_RAW},
                  "1000 in 10 /lib/load.py:12:\n");
    /* Several: one of those that keep, none of those that leave out. */
    const ouro_trace_filter several[] = {{.pattern = "app.py", .domain = ANY},
                                         {.pattern = "load.py", .domain = ANY},
                                         {.leaves_out = true, .line = 44, .domain = ANY},
                                         {.leaves_out = true, .domain = OURO_DOMAIN_RAW}};
    check_filters(snapshot, 4, several, "200 in 2 /lib/load.py:12:\n" MAIN);
    ouro_snapshot_free(snapshot);
}

/* ---- files ---- */

static void
test_saved_and_read_again(void **state)
{
    (void)state;
    ouro_snapshot *snapshot = take("saved"), *again = NULL, *left = NULL;
    ouro_snapshot_info info, read;
    struct stat status;

    for (int i = 0; i < 2; i++) { /* the second time in the place of the first */
        assert_int_equal(ouro_snapshot_save(snapshot, path_of("a.ouro")), OURO_OK);
    }
    mode_t mask = umask(0);
    (void)umask(mask);
    assert_int_equal(stat(path_of("a.ouro"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0666 & ~mask);
    assert_int_equal(ouro_snapshot_open(path_of("a.ouro"), NULL, &again), OURO_OK);
    assert_null(ouro_snapshot_trouble(again));
    assert_string_equal(traces_of(again), all_traces);
    ouro_snapshot_get_info(snapshot, &info);
    ouro_snapshot_get_info(again, &read);
    assert_string_equal(info.name, read.name);
    assert_string_equal(info.command, read.command);
    assert_int_equal(info.began_ns, read.began_ns);
    assert_int_equal(info.peak_bytes, read.peak_bytes);
    assert_int_equal(info.pid, read.pid);
    /* Of a filtered one, too. */
    const ouro_trace_filter filter = {.pattern = "app.py", .domain = OURO_ANY_DOMAIN};
    assert_int_equal(ouro_snapshot_filter(again, &filter, 1, &left), OURO_OK);
    assert_int_equal(ouro_snapshot_save(left, path_of("b.ouro")), OURO_OK);
    ouro_snapshot_free(again);
    ouro_snapshot_free(left);
    assert_int_equal(ouro_snapshot_open(path_of("b.ouro"), NULL, &again), OURO_OK);
    check_sums(again, NULL, MAIN);
    ouro_snapshot_free(again);
    ouro_snapshot_free(snapshot);
}

static size_t
count_files(void)
{
    size_t n = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        n += entry->d_name[0] != '.';
    }
    (void)closedir(entries);
    return n;
}

static void
fill_up(void *context)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {100, 100};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0, "no limit");
    REQUIRE(ouro_snapshot_save(context, path_of("a.ouro")) == OURO_SYSTEM && errno == EFBIG,
            "written past the limit");
}

static void
test_files_that_cannot_be(void **state)
{
    (void)state;
    ouro_snapshot *snapshot = take(NULL), *again = NULL;

    assert_int_equal(ouro_snapshot_save(snapshot, path_of("none/a.ouro")), OURO_NO_FILE);
    assert_int_equal(mkdir(path_of("sub"), 0700), 0);
    assert_int_equal(ouro_snapshot_save(snapshot, path_of("sub")), OURO_DIRECTORY);
    assert_int_equal(ouro_snapshot_open(path_of("sub"), NULL, &again), OURO_DIRECTORY);
    assert_int_equal(rmdir(path_of("sub")), 0);
    assert_int_equal(ouro_snapshot_open(path_of("none"), NULL, &again), OURO_NO_FILE);
    if (geteuid() == 0) {
        print_message("root may write anywhere: OURO_DENIED is not tested\n");
    } else {
        assert_int_equal(ouro_snapshot_save(snapshot, "/a.ouro"), OURO_DENIED);
    }
    assert_int_equal(ouro_snapshot_save(snapshot, path_of("a.ouro")), OURO_OK);
    struct child_end end = child_run(fill_up, snapshot, 30);
    if (end.code != 0) {
        fail_msg("child: signal %d, code %d: %s", end.signal, end.code, end.text);
    }
    assert_int_equal(count_files(), 1); /* nothing is left over, and the old one is whole */
    assert_null(again);
    assert_int_equal(ouro_snapshot_open(path_of("a.ouro"), NULL, &again), OURO_OK);
    assert_string_equal(traces_of(again), all_traces);
    ouro_snapshot_free(again);
    ouro_snapshot_free(snapshot);
}

static unsigned char bytes[1 << 16];

static void
write_file(const char *name, size_t n)
{
    int file = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    REQUIRE(file >= 0 && write(file, bytes, n) == (ssize_t)n, "not written");
    (void)close(file);
}

/* Use all that can be asked of it. */
static void
use(const ouro_snapshot *snapshot)
{
    ouro_statistics *statistics;
    for (int key = 0; key < 5; key++) {
        const ouro_sum_config config = {.key = (ouro_key)key};
        REQUIRE(ouro_snapshot_diff(snapshot, snapshot, &config, &statistics) == OURO_OK, "no memory");
        ouro_statistics_free(statistics);
    }
    (void)traces_of(snapshot);
}

static size_t
save_known(const char *name)
{
    ouro_snapshot *snapshot = take(name);
    assert_int_equal(ouro_snapshot_save(snapshot, path_of(name)), OURO_OK);
    ouro_snapshot_free(snapshot);
    int file = open(path_of(name), O_RDONLY);
    ssize_t n = read(file, bytes, sizeof bytes);
    (void)close(file);
    assert_true(n > 500 && (size_t)n < sizeof bytes);
    return (size_t)n;
}

static void
test_files_cut_off_anywhere(void **state)
{
    (void)state;
    size_t n = save_known("a.ouro"), n_read = 0;
    for (size_t cut = 0; cut < n; cut++) {
        ouro_snapshot *snapshot = NULL;
        write_file("cut.ouro", cut);
        ouro_status status = ouro_snapshot_open(path_of("cut.ouro"), NULL, &snapshot);
        if (status != OURO_OK) {
            assert_int_equal(status, OURO_NO_SNAPSHOT);
            assert_true(cut < sizeof(struct ouro_snapshot_header));
            continue;
        }
        assert_non_null(strstr(ouro_snapshot_trouble(snapshot), "is cut off"));
        use(snapshot);
        ouro_snapshot_free(snapshot);
        n_read++;
    }
    assert_int_equal(n_read, n - sizeof(struct ouro_snapshot_header));
}

static void
test_files_spoiled_anywhere(void **state)
{
    (void)state;
    size_t n = save_known("a.ouro");
    for (size_t at = 0; at < n; at++) {
        ouro_snapshot *snapshot = NULL;
        bytes[at] ^= 0x41;
        write_file("bad.ouro", n);
        bytes[at] ^= 0x41;
        ouro_status status = ouro_snapshot_open(path_of("bad.ouro"), NULL, &snapshot);
        if (status == OURO_OK) {
            bool is_reserved = at >= 12 && at < 16;
            assert_true((ouro_snapshot_trouble(snapshot) != NULL) != is_reserved);
            use(snapshot);
            ouro_snapshot_free(snapshot);
        } else {
            assert_int_equal(status, OURO_NO_SNAPSHOT);
        }
    }
}

/* A packed chunk needs somebody who unpacks it. */
static void
test_packed_files(void **state)
{
    (void)state;
    static const unsigned char packed[] = {3, 'a', 2, 'b'};
    struct ouro_snapshot_header header = {.magic = OURO_SNAPSHOT_MAGIC,
                                          .version = OURO_SNAPSHOT_VERSION};
    struct ouro_snapshot_chunk chunk = {.kind = "TEXT",
                                        .flags = OURO_SNAPSHOT_ZSTD,
                                        .stored = sizeof packed,
                                        .size = 5,
                                        .crc = ouro__crc32c(0, packed, sizeof packed)};
    chunk.header_crc = ouro__crc32c(0, &chunk, offsetof(struct ouro_snapshot_chunk, header_crc));
    struct ouro_snapshot_chunk end = {.kind = "END "};
    end.header_crc = ouro__crc32c(0, &end, offsetof(struct ouro_snapshot_chunk, header_crc));
    memcpy(bytes, &header, sizeof header);
    memcpy(bytes + 16, &chunk, sizeof chunk);
    memcpy(bytes + 48, packed, sizeof packed);
    memcpy(bytes + 52, &end, sizeof end);
    write_file("packed.ouro", 84);

    ouro_snapshot *snapshot = NULL;
    assert_int_equal(ouro_snapshot_open(path_of("packed.ouro"), NULL, &snapshot), OURO_OK);
    assert_non_null(strstr(ouro_snapshot_trouble(snapshot), "cannot be unpacked"));
    ouro_snapshot_free(snapshot);
    assert_int_equal(ouro_snapshot_open(path_of("packed.ouro"), snapshot_inflate_runs, &snapshot),
                     OURO_OK);
    assert_null(ouro_snapshot_trouble(snapshot));
    ouro_snapshot_free(snapshot);
}

/* ---- no memory ---- */

/* Everything that needs memory, each time with a little more of it, until all goes well. */
static void
starve(void *context)
{
    enum { STEP = 192 << 10 };
    const char *path = context;
    size_t n_refused = 0;
    uint64_t mapped = process_mapped();

    for (uint64_t more = 0;; more += STEP) {
        ouro_snapshot *taken = NULL, *read = NULL, *left = NULL;
        ouro_statistics *statistics = NULL;
        const ouro_trace_filter filter = {.leaves_out = true, .line = 3, .domain = OURO_ANY_DOMAIN};
        const ouro_sum_config config = {.key = OURO_KEY_TRACEBACK};
        const struct rlimit limit = {mapped + more, RLIM_INFINITY};
        REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0, "no limit");
        ouro_status status = ouro_snapshot_take("starved", &taken);
        if (status == OURO_OK) {
            status = ouro_snapshot_save(taken, path);
        }
        if (status == OURO_OK) {
            status = ouro_snapshot_open(path, NULL, &read);
        }
        if (status == OURO_OK) {
            status = ouro_snapshot_filter(read, &filter, 1, &left);
        }
        if (status == OURO_OK) {
            status = ouro_snapshot_diff(taken, left, &config, &statistics);
        }
        ouro_statistics_free(statistics);
        ouro_snapshot_free(left);
        ouro_snapshot_free(read);
        ouro_snapshot_free(taken);
        if (status == OURO_OK) {
            break;
        }
        REQUIRE(status == OURO_NO_MEMORY, "status %d", status);
        n_refused++;
    }
    REQUIRE(n_refused > 20, "refused %zu times", n_refused);
}

static void
test_without_memory(void **state)
{
    (void)state;
    if (TEST_ADDRESS_SANITIZED || TEST_THREAD_SANITIZED) {
        print_message("a sanitizer's shadow leaves no address space to limit: not tested\n");
        skip();
    }
    call_enter(&program, 1);
    for (uint32_t i = 0; i < 40000; i++) {
        call_at(i);
        ouro_heap_free(heap, OURO_DOMAIN_RAW, ouro_heap_alloc(heap, OURO_DOMAIN_RAW, i % 50));
    }
    call_leave();
    struct child_end end = child_run(starve, (void *)(uintptr_t)path_of("starved.ouro"), 100);
    if (end.code != 0) {
        fail_msg("child: signal %d, code %d: %s", end.signal, end.code, end.text);
    }
}

/* ---- a million ---- */

/* As many traces as blocks: sums are those of a list that is kept beside. */
static void
test_a_million_traces(void **state)
{
    (void)state;
    enum { N = TEST_STRESSED ? 50000 : 1000000, LINES = 5000 };
    static uint64_t sums[LINES + 1];
    struct test_random random = {9};

    assert_int_equal(ouro_trace_clear(), OURO_OK);
    call_enter(&program, 1);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t line = 1 + (uint32_t)random_below(&random, LINES);
        size_t size = 1 + random_below(&random, 400);
        call_at(line);
        sums[line] += size;
        ouro_heap_free(heap, OURO_DOMAIN_RAW, ouro_heap_alloc(heap, OURO_DOMAIN_RAW, size));
    }
    call_leave();
    ouro_snapshot *snapshot = take(NULL), *again = NULL;
    assert_int_equal(ouro_snapshot_save(snapshot, path_of("a.ouro")), OURO_OK);
    ouro_snapshot_free(snapshot);
    assert_int_equal(ouro_snapshot_open(path_of("a.ouro"), NULL, &again), OURO_OK);
    ouro_statistics *statistics;
    assert_int_equal(ouro_snapshot_sum(again, &(ouro_sum_config){.moment = OURO_EVER}, &statistics),
                     OURO_OK);
    assert_int_equal(statistics->n, LINES);
    assert_int_equal(statistics->all.blocks, N);
    for (size_t i = 0; i < statistics->n; i++) {
        const ouro_statistic *row = &statistics->rows[i];
        REQUIRE(row->n_places == 1 && row->sum.bytes == sums[row->places[0].line], "another sum");
        REQUIRE(i == 0 || row->sum.bytes <= row[-1].sum.bytes, "not sorted");
    }
    ouro_statistics_free(statistics);
    ouro_snapshot_free(again);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_taking),
        TEST(test_a_walk_that_ends),
        TEST(test_sums),
        TEST(test_wrong_sums),
        TEST(test_sums_of_nothing),
        TEST(test_differences),
        TEST(test_filters),
        TEST(test_saved_and_read_again),
        TEST(test_files_that_cannot_be),
        TEST(test_files_cut_off_anywhere),
        TEST(test_files_spoiled_anywhere),
        TEST(test_packed_files),
        TEST(test_without_memory),
        TEST(test_a_million_traces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
