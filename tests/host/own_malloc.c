/* own_malloc.c - a program with a malloc of its own, which everyone in it finds first.
 *
 * With -DWRAPPER it hands everything to the next malloc behind it; with -DBEHIND, to glibc's names behind the
 * public ones; otherwise it serves from an array. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#include "check.h"

static long n_calls;

#if defined(WRAPPER)
static void *
next_of(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    CHECK(found != NULL);
    return found;
}

void *
malloc(size_t size)
{
    static void *(*next)(size_t);
    if (next == NULL) {
        void *found = next_of("malloc");
        memcpy(&next, &found, sizeof found);
    }
    n_calls++;
    return next(size);
}

void
free(void *block)
{
    static void (*next)(void *);
    if (next == NULL) {
        void *found = next_of("free");
        memcpy(&next, &found, sizeof found);
    }
    next(block);
}
#elif defined(BEHIND)
void *__libc_malloc(size_t size);
void __libc_free(void *block);

void *
malloc(size_t size)
{
    n_calls++;
    return __libc_malloc(size);
}

void
free(void *block)
{
    __libc_free(block);
}
#else
static _Alignas(16) char store[64 << 20];
static size_t used;

void *
malloc(size_t size)
{
    size_t need = (size + 31) & ~(size_t)15;
    size_t at = __atomic_fetch_add(&used, need, __ATOMIC_RELAXED);
    n_calls++;
    *(size_t *)(void *)(store + at) = size;
    return store + at + 16;
}

void
free(void *block)
{
    CHECK(block == NULL || ((char *)block >= store && (char *)block < store + sizeof store));
}

void *
calloc(size_t count, size_t size)
{
    return malloc(count * size); /* the store is zero */
}

void *
realloc(void *block, size_t size)
{
    void *moved = malloc(size);
    if (block != NULL) {
        size_t old = *(size_t *)(void *)((char *)block - 16);
        memcpy(moved, block, old < size ? old : size);
    }
    return moved;
}
#endif

int
main(void)
{
    for (int i = 0; i < 1000; i++) {
        char *text = NULL;
        CHECK(asprintf(&text, "text %d", i) > 0);
        char *copy = strdup(text);
        CHECK(strcmp(copy, text) == 0);
        free(text);
        copy = realloc(copy, 1000);
        CHECK(copy != NULL);
        free(copy);
        void *aligned = NULL;
#if defined(WRAPPER) || defined(BEHIND)
        CHECK(posix_memalign(&aligned, 64, 100) == 0);
#endif
        free(aligned);
        free(calloc(10, 10));
    }
    CHECK(n_calls >= 1000);
    FILE *file = fopen("/proc/self/maps", "r");
    char line[1000];
    while (fgets(line, sizeof line, file) != NULL) {
    }
    fclose(file);
    dprintf(1, "ok\n");
    return 0;
}
