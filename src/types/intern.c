/* intern.c - texts that are one for all that are equal.
 *
 * A table in shards, each with its lock, that does not keep what is in it.  What is in it is marked as objects with weak
 * references are, so that its end is decided by an atomic instruction, against which ouro__try_incref() can
 * decide; and it is freed only after it has taken itself out, under the lock.  So whoever holds the lock may look at
 * every text in the shard, and take a reference unless it is too late: then an equal text takes its place, and
 * the dying one finds that its place is taken. */
#include "object/weakref.h"
#include "types/str.h"
#include "types/types.h"

#define N_SHARDS 16
#define SHARD_SHIFT 28 /* the hash's highest bits choose the shard, the lowest the place */
#define LEAST_ENTRIES 16

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* ranges in initialisers: gcc and clang have them */
static struct shard {
    ouro__os_lock lock;
    struct packed **entries; /* a power of two of them, or NULL */
    size_t n_entries, n_used;
} shards[N_SHARDS] = {
    [0 ... N_SHARDS - 1] = {.lock = OURO_OS_LOCK_INIT},
};
#pragma GCC diagnostic pop

static struct shard *
shard_of(uint32_t hash)
{
    return &shards[hash >> SHARD_SHIFT];
}

/* Where a text that equals is, or would be; the shard has room. */
static size_t
find(const struct shard *shard, struct packed *str)
{
    size_t mask = shard->n_entries - 1, at = ouro__packed_hash(str) & mask;
    while (shard->entries[at] != NULL &&
           !ouro_str_equal((ouro_loan)&shard->entries[at]->head, (ouro_loan)&str->head)) {
        at = (at + 1) & mask;
    }
    return at;
}

/* Make room for one more; false without memory. */
static bool
reserve(struct shard *shard)
{
    if (shard->n_used < shard->n_entries / 4 * 3) {
        return true;
    }
    struct shard grown = {.n_entries = shard->n_entries == 0 ? LEAST_ENTRIES : shard->n_entries * 2};
    grown.entries =
        ouro_heap_alloc_zeroed(ouro__leaves, OURO_DOMAIN_MEM, grown.n_entries, sizeof *grown.entries);
    if (grown.entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < shard->n_entries; i++) {
        if (shard->entries[i] != NULL) {
            grown.entries[find(&grown, shard->entries[i])] = shard->entries[i];
        }
    }
    ouro_heap_free(ouro__leaves, OURO_DOMAIN_MEM, shard->entries);
    shard->entries = grown.entries;
    shard->n_entries = grown.n_entries;
    return true;
}

/* Empty a place and close the gap: texts behind it that it kept from their places move up. */
static void
take_out(struct shard *shard, size_t gap)
{
    size_t mask = shard->n_entries - 1;

    for (size_t at = (gap + 1) & mask; shard->entries[at] != NULL; at = (at + 1) & mask) {
        size_t wanted = ouro__packed_hash(shard->entries[at]) & mask;
        if (((at - wanted) & mask) >= ((at - gap) & mask)) {
            shard->entries[gap] = shard->entries[at];
            gap = at;
        }
    }
    shard->entries[gap] = NULL;
    shard->n_used--;
}

ouro_ref
ouro_str_intern(ouro_loan loan)
{
    struct packed *str = (struct packed *)ouro_look(loan);
    OURO_ASSERT(ouro__type(&str->head) == ouro__str_type);
    if (ouro__str_is_single(str)) {
        return &str->head; /* immortal, and the only one */
    }
    struct shard *shard = shard_of(ouro__packed_hash(str));
    ouro_ref one = NULL;

    ouro__os_acquire(&shard->lock);
    if (reserve(shard)) {
        size_t at = find(shard, str);
        struct packed *there = shard->entries[at];
        if (there != NULL && ouro__try_incref(&there->head)) {
            one = &there->head;
        } else {
            ouro__mark_weak(&str->head);
            shard->n_used += there == NULL;
            shard->entries[at] = str;
            one = ouro_incref(loan);
        }
    }
    ouro__os_release(&shard->lock);
    return one;
}

bool
ouro_str_is_interned(ouro_loan loan)
{
    struct packed *str = (struct packed *)ouro_look(loan);
    if (ouro__str_is_single(str)) {
        return true;
    }
    struct shard *shard = shard_of(ouro__packed_hash(str));

    ouro__os_acquire(&shard->lock);
    bool is_there = shard->entries != NULL && shard->entries[find(shard, str)] == str;
    ouro__os_release(&shard->lock);
    return is_there;
}

void
ouro__intern_forget(struct packed *str)
{
    if (__atomic_load_n(&str->hash, __ATOMIC_RELAXED) == 0) {
        return; /* was never looked for */
    }
    struct shard *shard = shard_of(ouro__packed_hash(str));

    ouro__os_acquire(&shard->lock);
    if (shard->entries != NULL) {
        size_t at = find(shard, str);
        if (shard->entries[at] == str) {
            take_out(shard, at);
        }
    }
    ouro__os_release(&shard->lock);
}
