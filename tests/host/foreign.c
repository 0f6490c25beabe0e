/* foreign.c - blocks that this heap did not make: of glibc's own malloc, found behind the interposed one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

/* A page that can be read with one behind it that can't: a block at the very end of what is readable. */
static char *
make_block_at_edge(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    CHECK(mprotect(pages + 2 * page, page, PROT_NONE) == 0);
    return pages + 2 * page - size;
}

int
main(void)
{
    void *libc = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW);
    CHECK(libc != NULL);
    void *(*its_malloc)(size_t);
    void *found = dlsym(libc, "malloc");
    CHECK(found != NULL);
    memcpy(&its_malloc, &found, sizeof found);

    for (int i = 1; i < 200; i++) {
        char *block = its_malloc((size_t)i * 100);
        CHECK(block != NULL);
        memset(block, i, (size_t)i * 100);
        errno = 4711;
        if (i % 2 == 0) {
            free(block); /* stays */
            CHECK(errno == 4711);
            continue;
        }
        block = realloc(block, (size_t)i * 1000);
        CHECK(block != NULL);
        for (int j = 0; j < i * 100; j++) {
            CHECK(block[j] == (char)i);
        }
        memset(block, 1, (size_t)i * 1000);
        free(block);
    }
    for (size_t size = 16; size <= 6000; size *= 2) {
        char *block = make_block_at_edge(size);
        memset(block, 'e', size);
        char *moved = realloc(block, 100000);
        CHECK(moved != NULL && moved != block);
        for (size_t j = 0; j < size; j++) {
            CHECK(moved[j] == 'e');
        }
        free(moved);
    }
    CHECK(malloc_usable_size(make_block_at_edge(64)) == 0);
    puts("ok");
    return 0;
}
