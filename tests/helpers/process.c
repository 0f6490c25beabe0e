/* process.c - see process.h. */
#define _DEFAULT_SOURCE
#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "require.h"

bool
process_resident_is_ours(void)
{
    const char *preload = getenv("LD_PRELOAD"); /* Valgrind sets it for the program it runs */
    return !TEST_STRESSED && !TEST_ADDRESS_SANITIZED && !TEST_THREAD_SANITIZED &&
           (preload == NULL || strstr(preload, "vgpreload") == NULL);
}

static uint64_t
read_statm(int field)
{
    unsigned long long values[2] = {0, 0};
    FILE *file = fopen("/proc/self/statm", "r");
    REQUIRE(file != NULL, "cannot read /proc/self/statm");
    int n = fscanf(file, "%llu %llu", &values[0], &values[1]);
    fclose(file);
    REQUIRE(n == 2, "/proc/self/statm has another form");
    return values[field] * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t
process_resident(void)
{
    return read_statm(1);
}

uint64_t
process_mapped(void)
{
    return read_statm(0);
}

bool
process_may_map(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        return false;
    }
    munmap(at, bytes);
    return true;
}

uint64_t
test_count(const char *name, uint64_t count)
{
    const char *text = name != NULL ? getenv(name) : NULL;
    if (text != NULL && *text != '\0') {
        return strtoull(text, NULL, 10);
    }
    const char *scale_text = getenv("OURO_TEST_SCALE");
    uint64_t scale = TEST_THREAD_SANITIZED || TEST_STRESSED ? 5 : TEST_ADDRESS_SANITIZED ? 20 : 100;
    if (scale_text != NULL && *scale_text != '\0') {
        scale = strtoull(scale_text, NULL, 10);
    }
    uint64_t scaled = count * scale / 100;
    return scaled > 0 ? scaled : 1;
}

uint64_t
test_seed(uint64_t seed)
{
    const char *text = getenv("OURO_TEST_SEED");
    return text != NULL && *text != '\0' ? strtoull(text, NULL, 10) : seed;
}

void
temporary_template(char *path, size_t size)
{
    const char *folder = getenv("TMPDIR");
    int n = snprintf(path, size, "%s/test-XXXXXX", folder != NULL && *folder != 0 ? folder : "/tmp");
    REQUIRE(n > 0 && (size_t)n < size, "the name of the folder for temporary files is too long");
}

void
sleep_ms(unsigned ms)
{
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};
    while (nanosleep(&wait, &wait) != 0) {
    }
}

uint64_t
clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#if TEST_THREAD_SANITIZED
/* Figures and walks read what other threads are writing, and say so: a figure may be a moment old.  So may what a
 * thread knows of a local whose heap has ended. */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);

const char *
__tsan_default_suppressions(void)
{
    return "race:^ouro__heap_live$\n"
           "race:^ouro_heap_get_stats$\n"
           "race:^ouro_heap_get_class_stats$\n"
           "race:^ouro_heap_walk$\n"
           "race:^local_of$\n";
}
#endif
