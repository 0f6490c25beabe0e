/* contract.c - what each function of the malloc family promises. */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define GIB ((size_t)1 << 30)

static volatile size_t huge_sizes[] = {
    (size_t)PTRDIFF_MAX + 1, SIZE_MAX,         SIZE_MAX - 1,
    SIZE_MAX - 4095,         SIZE_MAX - 65535, SIZE_MAX / 2,
    SIZE_MAX / 2 + 1,        PTRDIFF_MAX,      PTRDIFF_MAX - 4096,
};
#define N_HUGE (sizeof huge_sizes / sizeof *huge_sizes)

static bool
is_aligned(const void *block, size_t alignment)
{
    return ((uintptr_t)block & (alignment - 1)) == 0;
}

static void
fill(void *block, size_t size, unsigned seed)
{
    unsigned char *bytes = block;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(seed + i * 7);
    }
}

static bool
is_filled(const void *block, size_t size, unsigned seed)
{
    const unsigned char *bytes = block;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != (unsigned char)(seed + i * 7)) {
            return false;
        }
    }
    return true;
}

static bool
is_zero(const void *block, size_t size)
{
    const unsigned char *bytes = block;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Distinct, aligned, usable, for every size up to 200 KB and some above. */
static void
check_malloc(void)
{
    void *zero = malloc(0), *other = malloc(0);
    CHECK(zero != NULL && other != NULL && zero != other);
    free(zero);
    free(other);

    for (size_t size = 1; size < 200000; size += 1 + size / 40) {
        void *a = malloc(size), *b = malloc(size);
        CHECK(a != NULL && b != NULL && a != b);
        CHECK(is_aligned(a, 16) && is_aligned(b, 16));
        CHECK(malloc_usable_size(a) >= size);
        fill(a, malloc_usable_size(a), 1);
        fill(b, malloc_usable_size(b), 2);
        CHECK(is_filled(a, malloc_usable_size(a), 1) && is_filled(b, malloc_usable_size(b), 2));
        free(a);
        free(b);
    }
    CHECK(malloc_usable_size(NULL) == 0);
    free(NULL);
}

static void
check_huge(void)
{
    for (size_t i = 0; i < N_HUGE; i++) {
        size_t size = huge_sizes[i];
        void *block = (void *)1;

        errno = 0;
        CHECK(malloc(size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(calloc(1, size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(realloc(NULL, size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(memalign(64, size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(aligned_alloc(4096, size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(valloc(size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(pvalloc(size) == NULL && errno == ENOMEM);
        CHECK(posix_memalign(&block, 64, size) == ENOMEM && block == (void *)1);

        char *kept = malloc(100);
        fill(kept, 100, 3);
        errno = 0;
        CHECK(realloc(kept, size) == NULL && errno == ENOMEM && is_filled(kept, 100, 3));
        free(kept);
    }
    volatile size_t many = SIZE_MAX / 16;
    errno = 0;
    CHECK(calloc(many, 17) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(calloc(17, many) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(reallocarray(NULL, many, 17) == NULL && errno == ENOMEM);
}

/* 8 GiB of address space: a few pages of it written.  A debug heap would write them all. */
static void
check_eight_gib(void)
{
    if (getenv("OURO_DEBUG") != NULL) {
        return;
    }
    char *block = malloc(8 * GIB);
    if (block == NULL) {
        CHECK(errno == ENOMEM); /* a machine that doesn't overcommit */
        return;
    }
    block[0] = 1;
    block[4 * GIB] = 2;
    block[8 * GIB - 1] = 3;
    CHECK(malloc_usable_size(block) >= 8 * GIB);
    block = realloc(block, 9 * GIB);
    CHECK(block != NULL && block[0] == 1 && block[4 * GIB] == 2 && block[8 * GIB - 1] == 3);
    free(block);
}

static void
check_calloc(void)
{
    for (size_t size = 1; size < 3000000; size += 1 + size / 7) {
        void *dirty = malloc(size);
        CHECK(dirty != NULL);
        memset(dirty, 0xEE, size);
        free(dirty);
        void *block = calloc(1, size);
        CHECK(block != NULL && is_zero(block, size));
        free(block);
        block = calloc(size, 3);
        CHECK(block != NULL && is_zero(block, 3 * size));
        free(block);
    }
    void *none = calloc(0, 8), *other = calloc(8, 0);
    CHECK(none != NULL && other != NULL && none != other);
    free(none);
    free(other);
}

static void
check_realloc(void)
{
    static const size_t sizes[] = {1, 15, 16, 17, 100, 600, 5000, 40000, 65536, 65537, 300000, 5000000};
    size_t n = sizeof sizes / sizeof *sizes;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            size_t both = sizes[i] < sizes[j] ? sizes[i] : sizes[j];
            void *block = malloc(sizes[i]);
            CHECK(block != NULL);
            fill(block, sizes[i], 5);
            block = realloc(block, sizes[j]);
            CHECK(block != NULL && is_aligned(block, 16) && is_filled(block, both, 5));
            CHECK(malloc_usable_size(block) >= sizes[j]);
            fill(block, sizes[j], 6);
            free(block);
        }
    }
    CHECK(realloc(malloc(10), 0) == NULL);
    void *fresh = realloc(NULL, 0);
    CHECK(fresh != NULL);
    free(fresh);

    char *row = reallocarray(NULL, 100, 8);
    CHECK(row != NULL);
    fill(row, 800, 9);
    row = reallocarray(row, 1000, 8);
    CHECK(row != NULL && is_filled(row, 800, 9));
    CHECK(reallocarray(row, 0, 8) == NULL);
}

static void
check_alignment(void)
{
    static const size_t sizes[] = {0, 1, 24, 100, 1000, 4096, 5000, 70000, 200000};

    for (size_t alignment = 1; alignment <= (size_t)1 << 22; alignment *= 2) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            size_t size = sizes[i];
            void *aligned = memalign(alignment, size), *other = aligned_alloc(alignment, size);
            CHECK(aligned != NULL && is_aligned(aligned, alignment) && is_aligned(aligned, 16));
            CHECK(other != NULL && is_aligned(other, alignment) && other != aligned);
            CHECK(malloc_usable_size(aligned) >= size);
            fill(aligned, size, 1);
            fill(other, size, 2);
            CHECK(is_filled(aligned, size, 1));
            free(aligned);
            other = realloc(other, size + 100);
            CHECK(other != NULL && is_filled(other, size, 2));
            free(other);

            void *posix = (void *)1;
            int result = posix_memalign(&posix, alignment, size);
            if (alignment < sizeof(void *)) {
                CHECK(result == EINVAL && posix == (void *)1);
            } else {
                CHECK(result == 0 && is_aligned(posix, alignment));
                fill(posix, size, 3);
                free(posix);
            }
        }
    }
    void *posix = NULL;
    CHECK(posix_memalign(&posix, 0, 8) == EINVAL);
    CHECK(posix_memalign(&posix, 24, 8) == EINVAL);
    CHECK(posix_memalign(&posix, 12, 8) == EINVAL);

    /* glibc rounds up what is no power of two. */
    void *odd = memalign(24, 100);
    CHECK(odd != NULL && is_aligned(odd, 32));
    free(odd);
    volatile size_t beyond = SIZE_MAX / 2 + 2;
    errno = 0;
    CHECK(memalign(beyond, 8) == NULL && errno == EINVAL);
    errno = 0;
    CHECK(memalign(beyond - 1, 8) == NULL && errno == ENOMEM);
}

static void
check_pages(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *a = valloc(100), *b = pvalloc(100), *c = pvalloc(0), *d = pvalloc(page + 1);
    CHECK(a != NULL && is_aligned(a, page));
    CHECK(b != NULL && is_aligned(b, page) && malloc_usable_size(b) >= page);
    CHECK(c != NULL && is_aligned(c, page));
    CHECK(d != NULL && is_aligned(d, page) && malloc_usable_size(d) >= 2 * page);
    free(a);
    free(b);
    free(c);
    free(d);
}

/* free() leaves errno alone, also where it gives memory back to the system and is refused. */
static void
check_errno(void)
{
    void *blocks[300];
    for (int locked = 0; locked < 2; locked++) {
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 300; i++) {
                blocks[i] = malloc((size_t)1 << (4 + i % 17));
                CHECK(blocks[i] != NULL);
                memset(blocks[i], 1, 16);
            }
            errno = 4711;
            for (int i = 0; i < 300; i++) {
                free(blocks[i]);
                CHECK(errno == 4711);
            }
            (void)malloc_trim(0);
        }
        if (mlockall(MCL_CURRENT) != 0) {
            break; /* not allowed here */
        }
    }
    munlockall();
}

static void
check_trim(void)
{
    enum { N = 20000 };
    static void *blocks[N];
    for (int i = 0; i < N; i++) {
        blocks[i] = malloc(1000);
        CHECK(blocks[i] != NULL);
        memset(blocks[i], 1, 1000);
    }
    for (int i = 0; i < N; i++) {
        free(blocks[i]);
    }
    int first = malloc_trim(0);
    CHECK(first == 0 || first == 1);
    int second = malloc_trim(0);
    CHECK(second == 0 || second == 1);
}

int
main(void)
{
    check_errno(); /* first: mlockall() brings in all that is mapped, which is little now */
    check_malloc();
    check_huge();
    check_eight_gib();
    check_calloc();
    check_realloc();
    check_alignment();
    check_pages();
    check_trim();
    puts("ok");
    return 0;
}
