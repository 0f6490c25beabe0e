#include "starve.h"

#include <string.h>

#include "object/object.h"
#include "require.h"

#define N_FINE (FINE_MAX / 16 + 1)
#define N_SIZES (N_FINE + 6) /* up to 64 KiB */
#define N_KINDS 3

static size_t
bytes_of(size_t size)
{
    return size < N_FINE ? 16 * size : (size_t)FINE_MAX << (size - N_FINE + 1);
}

/* Blocks of one size, of the kinds that objects and their buffers are made of.  To the collector they are free: of no type.
 * The first word of each is a link. */
static struct block {
    struct block *next;
} * kept[N_SIZES][N_KINDS];

static ouro_heap *
heap_of(unsigned kind)
{
    return kind == 0 ? ouro__collected : ouro__leaves;
}

static ouro_domain
domain_of(unsigned kind)
{
    return kind == 1 ? OURO_DOMAIN_MEM : OURO_DOMAIN_OBJECT;
}

static bool
push(size_t size, unsigned kind)
{
    struct block *block = ouro_heap_alloc(heap_of(kind), domain_of(kind), bytes_of(size));
    if (block != NULL) {
        memset(block, 0, bytes_of(size));
        block->next = kept[size][kind];
        kept[size][kind] = block;
    }
    return block != NULL;
}

static bool
pop(size_t size, unsigned kind)
{
    struct block *block = kept[size][kind];
    if (block != NULL) {
        kept[size][kind] = block->next;
        ouro_heap_free(heap_of(kind), domain_of(kind), block);
    }
    return block != NULL;
}

void
starve_begin(void)
{
    ouro__spares_free(ouro__thread_self);
    for (size_t size = N_SIZES; --size != 0;) {
        for (unsigned kind = 0; kind < N_KINDS; kind++) {
            while (push(size, kind)) {
            }
        }
    }
}

void
starve_relent(struct test_random *random)
{
    for (unsigned tries = 0; tries < 1000000; tries++) {
        if (pop(random_below(random, N_SIZES), (unsigned)random_below(random, N_KINDS))) {
            return;
        }
    }
    REQUIRE(false, "all memory has been given back, and there is none still");
}

void
starve_end(void)
{
    for (size_t size = 0; size < N_SIZES; size++) {
        for (unsigned kind = 0; kind < N_KINDS; kind++) {
            while (pop(size, kind)) {
            }
        }
    }
}
