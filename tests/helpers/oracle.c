/* oracle.c - the table and the operations; the checks are in oracle_check.c. */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "require.h"

#define ORACLE_REQUIRE(oracle, condition, ...)                                                         \
    do {                                                                                               \
        if (!(condition)) {                                                                            \
            fprintf(stderr, "%s, operation %llu: ", (oracle)->name,                                    \
                    (unsigned long long)(oracle)->n_operations);                                       \
            REQUIRE(condition, __VA_ARGS__);                                                           \
        }                                                                                              \
    } while (0)

void
oracle_init(struct oracle *oracle, ouro_heap *heap, const char *name, size_t capacity)
{
    memset(oracle, 0, sizeof *oracle);
    oracle->heap = heap;
    oracle->name = name;
    oracle->capacity = capacity;
    oracle->blocks = calloc(capacity > 0 ? capacity : 1, sizeof *oracle->blocks);
    REQUIRE(oracle->blocks != NULL, "no memory for the table");
}

void
oracle_fini(struct oracle *oracle)
{
    free(oracle->blocks);
    oracle->blocks = NULL;
}

/* What must hold of every block that a heap returns; then fill it. */
static void
accept_block(struct oracle *oracle, struct oracle_block *entry)
{
    size_t usable = ouro_heap_usable_size(entry->address);
    ORACLE_REQUIRE(oracle, (uintptr_t)entry->address % OURO_ALIGNMENT == 0, "%p",
                   (void *)entry->address);
    ORACLE_REQUIRE(oracle, (uintptr_t)entry->address % entry->alignment == 0, "%p, asked for %zu",
                   (void *)entry->address, entry->alignment);
    ORACLE_REQUIRE(oracle, usable >= entry->size, "%zu usable of %zu asked", usable, entry->size);
    ORACLE_REQUIRE(oracle, ouro_heap_owns(entry->address), "%p", (void *)entry->address);

    entry->seed = (oracle->n_operations << 16) ^ (uint64_t)(uintptr_t)oracle;
    pattern_fill(entry->address, entry->size, entry->seed);
    if (usable > entry->size) { /* the rounding belongs to us too */
        entry->address[usable - 1] = 0xEE;
    }
}

static bool
enter_block(struct oracle *oracle, void *address, ouro_domain domain, size_t alignment, size_t size)
{
    oracle->n_operations++;
    if (address == NULL) {
        oracle->n_refused++;
        ORACLE_REQUIRE(oracle, oracle->may_refuse, "refused %zu bytes aligned to %zu", size, alignment);
        return false;
    }
    ORACLE_REQUIRE(oracle, oracle->n_blocks < oracle->capacity, "the table is full");
    struct oracle_block *entry = &oracle->blocks[oracle->n_blocks++];
    *entry = (struct oracle_block){
        .address = address, .size = size, .alignment = alignment, .domain = domain};
    accept_block(oracle, entry);
    oracle->n_allocs[domain]++;
    oracle->asked_bytes += size;
    return true;
}

bool
oracle_alloc(struct oracle *oracle, ouro_domain domain, size_t size)
{
    void *address = ouro_heap_alloc(oracle->heap, domain, size);
    return enter_block(oracle, address, domain, OURO_ALIGNMENT, size);
}

bool
oracle_alloc_zeroed(struct oracle *oracle, ouro_domain domain, size_t count, size_t size)
{
    void *address = ouro_heap_alloc_zeroed(oracle->heap, domain, count, size);
    ORACLE_REQUIRE(oracle, address == NULL || bytes_are_zero(address, count * size), "%zu bytes",
                   count * size);
    return enter_block(oracle, address, domain, OURO_ALIGNMENT, count * size);
}

bool
oracle_alloc_aligned(struct oracle *oracle, ouro_domain domain, size_t alignment, size_t size)
{
    void *address = ouro_heap_alloc_aligned(oracle->heap, domain, alignment, size);
    return enter_block(oracle, address, domain, alignment, size);
}

bool
oracle_realloc(struct oracle *oracle, size_t index, size_t size)
{
    struct oracle_block *entry = &oracle->blocks[index];
    oracle->n_operations++;
    oracle_check_block(oracle, index);

    void *address = ouro_heap_realloc(oracle->heap, entry->domain, entry->address, size);
    if (address == NULL) {
        oracle->n_refused++;
        ORACLE_REQUIRE(oracle, oracle->may_refuse, "refused to go from %zu to %zu bytes", entry->size,
                       size);
        oracle_check_block(oracle, index);
        return false;
    }
    size_t common = size < entry->size ? size : entry->size;
    ORACLE_REQUIRE(oracle, pattern_holds(address, entry->size, common, entry->seed),
                   "contents lost from %zu to %zu bytes, %p to %p", entry->size, size,
                   (void *)entry->address, address);
    oracle->n_reallocs[entry->domain]++;
    oracle->asked_bytes += size - entry->size;
    entry->address = address;
    entry->size = size;
    entry->alignment = OURO_ALIGNMENT;
    accept_block(oracle, entry);
    return true;
}

void
oracle_free(struct oracle *oracle, size_t index)
{
    struct oracle_block entry = oracle->blocks[index];
    oracle->n_operations++;
    oracle_check_block(oracle, index);
    ouro_heap_free(oracle->heap, entry.domain, entry.address);
    oracle->n_frees[entry.domain]++;
    oracle->asked_bytes -= entry.size;
    oracle->blocks[index] = oracle->blocks[--oracle->n_blocks];
}

void
oracle_free_all(struct oracle *oracle)
{
    while (oracle->n_blocks > 0) {
        oracle_free(oracle, oracle->n_blocks - 1);
    }
}

void
oracle_check_block(const struct oracle *oracle, size_t index)
{
    const struct oracle_block *entry = &oracle->blocks[index];
    ORACLE_REQUIRE(oracle, pattern_holds(entry->address, entry->size, entry->size, entry->seed),
                   "block %p of %zu bytes was written to by somebody else", (void *)entry->address,
                   entry->size);
}
