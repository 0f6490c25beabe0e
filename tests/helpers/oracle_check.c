/* oracle_check.c - compare a whole heap with the oracle's table. */
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "require.h"

/* One block, from the table or from a walk. */
struct interval {
    uintptr_t begin;
    size_t usable;
    ouro_domain domain;
};

struct interval_list {
    struct interval *items;
    size_t n;
    size_t capacity;
    const struct oracle *oracle;
};

static int
compare_intervals(const void *left, const void *right)
{
    const struct interval *a = left, *b = right;
    return a->begin < b->begin ? -1 : a->begin > b->begin ? 1 : 0;
}

static struct interval_list
list_create(const struct oracle *oracle, size_t capacity)
{
    struct interval_list list = {.n = 0, .capacity = capacity, .oracle = oracle};
    list.items = malloc((capacity > 0 ? capacity : 1) * sizeof *list.items);
    REQUIRE(list.items != NULL, "no memory for %zu intervals", capacity);
    return list;
}

/* The table, sorted by address. */
static struct interval_list
list_from_table(const struct oracle *oracle)
{
    struct interval_list list = list_create(oracle, oracle->n_blocks);
    for (size_t i = 0; i < oracle->n_blocks; i++) {
        const struct oracle_block *block = &oracle->blocks[i];
        list.items[list.n++] = (struct interval){
            .begin = (uintptr_t)block->address,
            .usable = ouro_heap_usable_size(block->address),
            .domain = block->domain,
        };
    }
    qsort(list.items, list.n, sizeof *list.items, compare_intervals);
    return list;
}

void
oracle_check_blocks(const struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->n_blocks; i++) {
        oracle_check_block(oracle, i);
    }
}

void
oracle_check_intervals(const struct oracle *oracle)
{
    struct interval_list list = list_from_table(oracle);
    for (size_t i = 1; i < list.n; i++) {
        const struct interval *a = &list.items[i - 1], *b = &list.items[i];
        REQUIRE(a->begin + a->usable <= b->begin && a->begin < b->begin,
                "%s, operation %llu: %p of %zu bytes overlaps %p", oracle->name,
                (unsigned long long)oracle->n_operations, (void *)a->begin, a->usable,
                (void *)b->begin);
    }
    free(list.items);
}

static bool
note_block(const ouro_block *block, void *context)
{
    struct interval_list *list = context;
    REQUIRE(list->n < list->capacity, "%s: the walk shows more blocks than the %zu that live",
            list->oracle->name, list->oracle->n_blocks);
    uintptr_t begin = (uintptr_t)block->address, pool = (uintptr_t)block->pool;
    REQUIRE(pool <= begin && begin + block->size <= pool + block->pool_size,
            "%s: %p of %zu bytes lies outside its pool %p of %zu", list->oracle->name, block->address,
            block->size, block->pool, block->pool_size);
    list->items[list->n++] =
        (struct interval){.begin = begin, .usable = block->size, .domain = block->domain};
    return true;
}

void
oracle_check_walk(const struct oracle *oracle)
{
    struct interval_list expected = list_from_table(oracle);
    struct interval_list seen = list_create(oracle, oracle->n_blocks);
    bool whole = ouro_heap_walk(oracle->heap, note_block, &seen);
    REQUIRE(whole, "%s: the walk ended early", oracle->name);
    REQUIRE(seen.n == expected.n, "%s: the walk shows %zu blocks, %zu live", oracle->name, seen.n,
            expected.n);
    qsort(seen.items, seen.n, sizeof *seen.items, compare_intervals);
    for (size_t i = 0; i < seen.n; i++) {
        const struct interval *a = &expected.items[i], *b = &seen.items[i];
        REQUIRE(a->begin == b->begin, "%s: the walk shows %p where %p lives", oracle->name,
                (void *)b->begin, (void *)a->begin);
        REQUIRE(a->usable == b->usable && a->domain == b->domain,
                "%s: the walk shows %p with %zu bytes in domain %d, not %zu in %d", oracle->name,
                (void *)a->begin, b->usable, (int)b->domain, a->usable, (int)a->domain);
    }
    free(seen.items);
    free(expected.items);
}

void
stats_check(const char *name, const ouro_heap_stats *stats, bool debug)
{
    uint64_t live = 0, blocks = 0, occupied = 0;
    for (int d = 0; d < OURO_N_DOMAINS; d++) {
        live += stats->domain[d].live_bytes;
        blocks += stats->domain[d].live_blocks;
        REQUIRE(stats->domain[d].n_allocs - stats->domain[d].n_frees == stats->domain[d].live_blocks,
                "%s: domain %d: %llu - %llu is not %llu", name, d,
                (unsigned long long)stats->domain[d].n_allocs,
                (unsigned long long)stats->domain[d].n_frees,
                (unsigned long long)stats->domain[d].live_blocks);
    }
    for (int i = 0; i < 10; i++) {
        occupied += stats->occupancy[i];
    }
#define FIGURE(field) #field, (unsigned long long)stats->field
    REQUIRE(live == stats->live_bytes, "%s: domains hold %llu, %s %llu", name, (unsigned long long)live,
            FIGURE(live_bytes));
    REQUIRE(occupied == stats->n_pools, "%s: occupancy sums to %llu, %s %llu", name,
            (unsigned long long)occupied, FIGURE(n_pools));
    REQUIRE(stats->resident_bytes + stats->untouched_bytes ==
                stats->live_bytes + stats->free_bytes + stats->cached_bytes,
            "%s: %s %llu + %s %llu, %s %llu + %s %llu + %s %llu", name, FIGURE(resident_bytes),
            FIGURE(untouched_bytes), FIGURE(live_bytes), FIGURE(free_bytes), FIGURE(cached_bytes));
    /* A debug heap keeps freed blocks for a while: they are not live, but fill pools. */
    REQUIRE(debug || stats->n_pools + stats->n_large <= blocks, "%s: %s %llu + %s %llu for %llu blocks",
            name, FIGURE(n_pools), FIGURE(n_large), (unsigned long long)blocks);
    REQUIRE(stats->peak_bytes >= stats->live_bytes, "%s: %s %llu, %s %llu", name, FIGURE(peak_bytes),
            FIGURE(live_bytes));
    REQUIRE(debug || stats->rounding_bytes <= stats->live_bytes, "%s: %s %llu, %s %llu", name,
            FIGURE(rounding_bytes), FIGURE(live_bytes));
    REQUIRE(stats->mapped_bytes >= stats->resident_bytes, "%s: %s %llu, %s %llu", name,
            FIGURE(mapped_bytes), FIGURE(resident_bytes));
#undef FIGURE
}

static void
check_domain(const struct oracle *oracle, const struct ouro_domain_stats *domain, int d,
             uint64_t blocks, uint64_t bytes)
{
    uint64_t at = oracle->n_operations;
    REQUIRE(domain->live_blocks == blocks,
            "%s, operation %llu: domain %d has %llu blocks, the table %llu", oracle->name,
            (unsigned long long)at, d, (unsigned long long)domain->live_blocks,
            (unsigned long long)blocks);
    REQUIRE(oracle->debug ? domain->live_bytes >= bytes : domain->live_bytes == bytes,
            "%s, operation %llu: domain %d has %llu bytes, the table %llu", oracle->name,
            (unsigned long long)at, d, (unsigned long long)domain->live_bytes,
            (unsigned long long)bytes);
    REQUIRE(domain->n_allocs >= oracle->n_allocs[d] &&
                domain->n_allocs <= oracle->n_allocs[d] + oracle->n_reallocs[d],
            "%s, operation %llu: domain %d counts %llu allocations, the table %llu to %llu",
            oracle->name, (unsigned long long)at, d, (unsigned long long)domain->n_allocs,
            (unsigned long long)oracle->n_allocs[d],
            (unsigned long long)(oracle->n_allocs[d] + oracle->n_reallocs[d]));
}

void
oracle_check_stats(const struct oracle *oracle)
{
    uint64_t blocks[OURO_N_DOMAINS] = {0}, bytes[OURO_N_DOMAINS] = {0};
    for (size_t i = 0; i < oracle->n_blocks; i++) {
        blocks[oracle->blocks[i].domain]++;
        bytes[oracle->blocks[i].domain] += ouro_heap_usable_size(oracle->blocks[i].address);
    }
    ouro_heap_stats stats;
    memset(&stats, 0xA5, sizeof stats);
    ouro_heap_get_stats(oracle->heap, &stats);
    stats_check(oracle->name, &stats, oracle->debug);
    for (int d = 0; d < OURO_N_DOMAINS; d++) {
        check_domain(oracle, &stats.domain[d], d, blocks[d], bytes[d]);
    }

    uint64_t in_classes = 0, class_pools = 0;
    for (unsigned i = 0; i < OURO_N_SIZE_CLASSES; i++) {
        ouro_class_stats of_class;
        ouro_heap_get_class_stats(oracle->heap, i, &of_class);
        in_classes += of_class.live_blocks;
        class_pools += of_class.n_pools;
    }
    REQUIRE(oracle->debug || in_classes + stats.n_large == oracle->n_blocks,
            "%s: %llu blocks in classes, %llu large, %zu live", oracle->name,
            (unsigned long long)in_classes, (unsigned long long)stats.n_large, oracle->n_blocks);
    REQUIRE(class_pools >= stats.n_pools, "%s: classes have %llu pools, the heap %llu", oracle->name,
            (unsigned long long)class_pools, (unsigned long long)stats.n_pools);
}

void
oracle_check_all(const struct oracle *oracle)
{
    oracle_check_blocks(oracle);
    oracle_check_intervals(oracle);
    oracle_check_walk(oracle);
    oracle_check_stats(oracle);
}
