/* heap_map.c - the heap's slots, read from their records a few at a time, and written without the range's lock.
 *
 * Slots change hands between two readings: a run that began in what was read before is passed by, so that runs are in
 * their order and never overlap, whatever the other threads do. */
#include "snapshot/heap_map.h"

#include "heap/walk.h"
#include "os/os.h"
#include "snapshot/format.h"

#define N_A_CHUNK 256
#define N_TRIES 1000 /* of the lock, which others hold for a few instructions at a time */

_Static_assert(OURO_SNAPSHOT_SLOT == SLOT_SIZE, "slots are told as they are");

static bool
lock_if_free(void)
{
    for (int i = 0; i < N_TRIES; i++) {
        if (ouro__range_try_lock()) {
            return true;
        }
    }
    return false;
}

/* SLOT_NONE is told as 0, which no run has. */
static struct ouro_snapshot_run
run_told(const struct ouro__run *run)
{
    return (struct ouro_snapshot_run){
        .slot = run->slot,
        .n_slots = run->n_slots,
        .kind = run->kind == SLOT_POOL     ? OURO_SNAPSHOT_RUN_POOL
                : run->kind == SLOT_LARGE  ? OURO_SNAPSHOT_RUN_LARGE
                : run->kind == SLOT_CACHED ? OURO_SNAPSHOT_RUN_KEPT
                : run->kind != SLOT_FREE   ? 0
                : run->is_dirty            ? OURO_SNAPSHOT_RUN_DIRTY
                                           : OURO_SNAPSHOT_RUN_FREE,
        .domain = run->domain,
        .block_size = run->block_size,
        .n_blocks = run->n_blocks,
        .n_used = run->n_live,
        .used_bytes = run->live_bytes,
    };
}

/* Whether a run is free as the one before it is, and goes on where that ended. */
static bool
goes_on(const struct ouro_snapshot_run *before, const struct ouro_snapshot_run *run)
{
    return run->kind != 0 && run->kind <= OURO_SNAPSHOT_RUN_DIRTY && before->kind == run->kind &&
           before->slot + before->n_slots == run->slot;
}

/* Read runs from `*slot` on, which moves behind them; how many.  The range is locked. */
static size_t
runs_read(uint32_t *slot, struct ouro_snapshot_run *told)
{
    uint32_t end = (uint32_t)(ouro__range_extent() >> SLOT_SHIFT);
    size_t n = 0;

    while (n < N_A_CHUNK && *slot < end) {
        struct ouro__run run = ouro__run_at(*slot);
        struct ouro_snapshot_run next = run_told(&run);
        if (n > 0 && goes_on(&told[n - 1], &next)) {
            told[n - 1].n_slots += next.n_slots;
        } else if (run.kind != SLOT_NONE) {
            told[n++] = next;
        }
        *slot += run.n_slots;
    }
    return n;
}

#define FIRST_SLOT 1U /* slot 0 is never used */

/* The same, locked for it; none when the lock was not free to begin with.  Signals wait: a handler that forks would wait
 * for a lock that its own thread has. */
static size_t
runs_take(uint32_t *slot, struct ouro_snapshot_run *told)
{
    struct ouro__os_signals before;
    size_t n = 0;

    ouro__os_hold_signals(&before);
    if (*slot > FIRST_SLOT) {
        ouro__range_lock();
    }
    if (*slot > FIRST_SLOT || lock_if_free()) {
        n = runs_read(slot, told);
        ouro__range_unlock();
    }
    ouro__os_release_signals(&before);
    return n;
}

void
ouro__snapshot_write_heap_map(struct ouro__snapshot_writer *writer)
{
    static struct ouro_snapshot_run told[N_A_CHUNK]; /* not on the stack, which may be small */
    uint32_t slot = FIRST_SLOT;

    for (size_t n; (n = runs_take(&slot, told)) != 0;) {
        ouro__snapshot_write(writer, OURO_SNAPSHOT_RUNS, told, n * sizeof *told);
    }
}

uint64_t
ouro__snapshot_heap_map_most(void)
{
    uint64_t n = ouro__range_extent() >> SLOT_SHIFT;
    uint64_t n_chunks = n / N_A_CHUNK + 1;
    return n * sizeof(struct ouro_snapshot_run) + n_chunks * sizeof(struct ouro_snapshot_chunk);
}
