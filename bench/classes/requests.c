/* requests.c - what sizes CPython really asks for: a library to preload, used by bench/classes.py.
 *
 * Counts every request to the mem and object domains by its size, and at the end writes one line for each
 * size: "size requests".  Stands between the interpreter and its own allocator, which goes on serving. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIZE 65536

struct allocator {
    void *context;
    void *(*malloc)(void *context, size_t size);
    void *(*calloc)(void *context, size_t count, size_t size);
    void *(*realloc)(void *context, void *block, size_t size);
    void (*free)(void *context, void *block);
};

static struct allocator below[3];
static unsigned long requests[MAX_SIZE + 2]; /* the last: all larger ones */

static void
count(size_t size)
{
    requests[size <= MAX_SIZE ? size : MAX_SIZE + 1]++;
}

static void *
count_malloc(void *context, size_t size)
{
    struct allocator *next = context;
    count(size);
    return next->malloc(next->context, size);
}

static void *
count_calloc(void *context, size_t n, size_t size)
{
    struct allocator *next = context;
    count(n * size);
    return next->calloc(next->context, n, size);
}

static void *
count_realloc(void *context, void *block, size_t size)
{
    struct allocator *next = context;
    count(size);
    return next->realloc(next->context, block, size);
}

static void
pass_free(void *context, void *block)
{
    struct allocator *next = context;
    next->free(next->context, block);
}

__attribute__((constructor)) static void
begin(void)
{
    void (*get)(int, struct allocator *) = NULL, (*set)(int, struct allocator *) = NULL;
    void *found = dlsym(RTLD_DEFAULT, "PyMem_GetAllocator");
    memcpy(&get, &found, sizeof found);
    found = dlsym(RTLD_DEFAULT, "PyMem_SetAllocator");
    memcpy(&set, &found, sizeof found);
    for (int domain = 1; domain < 3 && get != NULL && set != NULL; domain++) {
        get(domain, &below[domain]);
        set(domain,
            &(struct allocator){&below[domain], count_malloc, count_calloc, count_realloc, pass_free});
    }
}

__attribute__((destructor)) static void
end(void)
{
    const char *path = getenv("REQUESTS_FILE");
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    for (size_t size = 0; file != NULL && size < MAX_SIZE + 2; size++) {
        if (requests[size] != 0) {
            fprintf(file, "%zu %lu\n", size, requests[size]);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}
