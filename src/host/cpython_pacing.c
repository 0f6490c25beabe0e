/* cpython_pacing.c - when to look for garbage in cycles.
 *
 * The interpreter looks at its new objects whenever so many more were made than freed (700 or 2000), and at
 * all objects whenever a quarter more has outlived two such looks.  That is right for a program that makes
 * garbage in cycles, and a waste for one that builds something: there a full look costs 80-110 ns an object
 * and is repeated at each quarter of growth, 450 ns for each object that is built.
 *
 * Pacing turns this around: how often it looks follows from what looks find.
 *
 *   young   A batch of new objects is in the processor's cache and costs 14 ns an object.  While batches
 *           are found clean, they grow to a few thousand objects and only some, chosen at random, are
 *           looked at; what those hold is what the others hold.  The first dirty one ends that.
 *   old     When a share of the CPU time allows it, the next few thousand of the old objects, oldest first,
 *           are looked at as if they were young: in time, all of them.  What it finds is freed, and tells
 *           whether a full look would find more.  When it finds much it goes on at once: a program that
 *           drops things in the order in which it made them is collected at a fraction of a full look.
 *   full    Considered when the interpreter would have made one.  Made at once when old objects were seen to
 *           hold garbage, or when it is cheap for the time that has passed.  Otherwise put off: by a tenth
 *           of the heap without any evidence; while old looks find nothing, by 16 MiB at least, and until
 *           the objects have doubled, or tripled where earlier full ones found nothing either.
 *   bytes   Counting objects is blind for large ones.  When the heaps have grown by some MiB since the last
 *           look, the next one comes at once, however few objects are new; those that it leaves stay among
 *           the new ones, since the youngest of them were only just being made. */
#include "host/cpython_pacing.h"

#include "ouro/base.h"

#define MIB ((uint64_t)1 << 20)

/* Batches beyond this don't fit a processor's second cache. */
#define BATCH_MAX 4096

/* Of a batch, found in percent: up to CLEAN nothing speaks against larger and fewer looks, from DIRTY on
 * every batch is looked at, from FULL_OF on they are as small as the program wants them. */
#define CLEAN_PERCENT 2
#define DIRTY_PERCENT 5
#define FULL_OF_PERCENT 20
/* Of old objects, found in percent: from here on the next old look follows at once. */
#define PRODUCTIVE_PERCENT 33

/* After so many clean looks in a row every second batch is left out, after twice as many three of four... */
#define CLEAN_STREAK 6
#define SKIP_SHIFT_MAX 3

/* Old looks: at least so many objects, and at most one in so many of the CPU time. */
#define OLD_LOOK_MIN 4096
#define OLD_TIME_SHARE 50
/* A full look is cheap when it costs at most one in so many of the CPU time since the last. */
#define FULL_TIME_SHARE 20
/* When a full look is due, so many of the old objects are looked at for evidence. */
#define EVIDENCE_SHARE 16
/* Old looks that find much go on, with a young one in between after so many. */
#define OLD_IN_A_ROW 3

/* The interpreter's own rules: a full look after eleven times eleven young ones, when a quarter is new. */
#define STOCK_YOUNG_LOOKS 121
#define STOCK_GROWTH_SHARE 4

static uint64_t
larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What garbage may hold beyond what the interpreter left alone would let it. */
static uint64_t
allow_bytes(uint64_t bytes)
{
    return larger(16 * MIB, bytes / 10);
}

/* Growth of the heaps that brings about a look. */
static uint64_t
allow_batch_bytes(uint64_t bytes)
{
    uint64_t allowed = allow_bytes(bytes) / 4;
    return larger(MIB, bytes / 16 < allowed ? bytes / 16 : allowed);
}

/* xorshift: the choice of batches must not beat with the program's own rhythm. */
static uint64_t
draw(struct ouro__pacing *pacing)
{
    uint64_t x = pacing->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return pacing->random = x;
}

static uint64_t
n_stock_minimum(const struct ouro__pacing *pacing)
{
    return STOCK_YOUNG_LOOKS * (uint64_t)pacing->base;
}

void
ouro__pacing_init(struct ouro__pacing *pacing, int base, struct ouro__pace_moment now)
{
    *pacing = (struct ouro__pacing){.threshold = base,
                                    .base = base,
                                    .bytes_at_event = now.bytes,
                                    .bytes_at_full = now.bytes,
                                    .cpu_at_full = now.cpu_ns,
                                    .old_since = now.cpu_ns,
                                    .random = UINT64_C(0x9E3779B97F4A7C15),
                                    .ns_an_object = 80};
    pacing->n_next_check = n_stock_minimum(pacing);
}

/* ---- the full look ---- */

/* Growth since the last full look, in hundredths of what it left, that clean evidence allows. */
static uint64_t
allow_growth_percent(const struct ouro__pacing *pacing)
{
    return pacing->clean_fulls < 2 ? 100 : 200;
}

static bool
is_full_cheap(const struct ouro__pacing *pacing, struct ouro__pace_moment now)
{
    double cost = pacing->ns_an_object * (double)(pacing->n_at_full + pacing->n_old);
    return cost * FULL_TIME_SHARE <= (double)(now.cpu_ns - pacing->cpu_at_full);
}

static bool
is_evidence_clean(const struct ouro__pacing *pacing)
{
    return !pacing->is_old_dirty && pacing->old_looked > 0 &&
           pacing->old_found * 100 <= pacing->old_looked * CLEAN_PERCENT;
}

/* What the interpreter counts in objects, and what it doesn't count at all. */
static bool
is_full_due(const struct ouro__pacing *pacing, struct ouro__pace_moment now)
{
    return (pacing->n_old >= n_stock_minimum(pacing) &&
            pacing->n_old >= pacing->n_at_full / STOCK_GROWTH_SHARE) ||
           now.bytes > pacing->bytes_at_full + pacing->bytes_at_full / STOCK_GROWTH_SHARE + 16 * MIB;
}

/* Whether to make the full look that the interpreter would have made at this point, or at an earlier one. */
static bool
decide_full(struct ouro__pacing *pacing, struct ouro__pace_moment now)
{
    if (!is_full_due(pacing, now)) {
        pacing->bytes_at_due = 0; /* and no longer: old looks have freed enough */
        return false;
    }
    if (pacing->bytes_at_due == 0) {
        pacing->bytes_at_due = now.bytes;
    }
    /* Old looks that find much are given the time to find it all, if they can. */
    bool is_dirty =
        pacing->old_in_a_row == 0 &&
        (pacing->is_old_dirty || pacing->old_found * 100 > pacing->old_looked * DIRTY_PERCENT);
    if (is_dirty || is_full_cheap(pacing, now)) {
        return true;
    }
    uint64_t growth = now.bytes > pacing->bytes_at_due ? now.bytes - pacing->bytes_at_due : 0;
    if (growth <= now.bytes / 10) {
        return false;
    }
    if (!is_evidence_clean(pacing)) {
        return true;
    }
    if (growth <= allow_bytes(now.bytes)) {
        return false;
    }
    uint64_t percent = allow_growth_percent(pacing);
    uint64_t n_most = larger(pacing->n_at_full / 100 * percent, 2 * n_stock_minimum(pacing));
    uint64_t most = pacing->bytes_at_full + pacing->bytes_at_full / 100 * percent + 32 * MIB;
    return pacing->n_old > n_most || now.bytes > most;
}

/* Time for old looks, and when a full one is due, for evidence. */
static bool
decide_old(struct ouro__pacing *pacing, struct ouro__pace_moment now)
{
    uint64_t n_all = pacing->n_at_full + pacing->n_old;
    pacing->n_oldest = OLD_LOOK_MIN;
    if (pacing->old_in_a_row != 0) {
        pacing->n_oldest =
            pacing->old_chunk < n_all / 8 ? pacing->old_chunk : larger(OLD_LOOK_MIN, n_all / 8);
        return true;
    }
    if (pacing->n_old >= pacing->n_next_check) {
        pacing->n_next_check =
            pacing->n_old + larger(n_all / STOCK_GROWTH_SHARE, n_stock_minimum(pacing));
        pacing->n_oldest = larger(OLD_LOOK_MIN, n_all / EVIDENCE_SHARE);
        return true;
    }
    double cost = pacing->ns_an_object * OLD_LOOK_MIN;
    return ((double)pacing->old_ns + cost) * OLD_TIME_SHARE <= (double)(now.cpu_ns - pacing->old_since);
}

/* ---- a collection starts ---- */

/* A look that came long before the batch was full. */
static bool
decide_keep(struct ouro__pacing *pacing, uint64_t n_new)
{
    bool keeps = pacing->is_forced && pacing->n_kept + n_new < (uint64_t)pacing->base / 2;
    pacing->n_kept = keeps ? pacing->n_kept + n_new : 0;
    return keeps;
}

static bool
decide_young(struct ouro__pacing *pacing)
{
    unsigned shift = pacing->clean_looks / CLEAN_STREAK;
    shift = shift > SKIP_SHIFT_MAX ? SKIP_SHIFT_MAX : shift;
    return pacing->is_forced || (draw(pacing) >> 20 & ((1U << shift) - 1)) == 0 ||
           pacing->skipped >= 2U << shift;
}

enum ouro__look
ouro__pacing_start(struct ouro__pacing *pacing, bool is_full, bool is_asked, uint64_t n_new,
                   struct ouro__pace_moment now)
{
    pacing->before = now;
    pacing->n_old += n_new;
    pacing->looked_at = n_new + pacing->n_kept;
    pacing->keeps_young = decide_keep(pacing, n_new);
    if (is_full) {
        pacing->look = OURO_LOOK_FULL;
    } else if (is_asked) {
        pacing->look = OURO_LOOK_ASKED;
    } else if (pacing->old_in_a_row % (OLD_IN_A_ROW + 1) == 0 && decide_young(pacing)) {
        pacing->look = OURO_LOOK_YOUNG;
        pacing->skipped = 0;
        pacing->old_in_a_row += pacing->old_in_a_row != 0;
    } else {
        pacing->look = decide_old(pacing, now) ? OURO_LOOK_OLD : OURO_LOOK_NOT;
        pacing->skipped++;
    }
    pacing->is_forced = false;
    return pacing->look;
}

/* ---- and has ended ---- */

static void
raise_threshold(struct ouro__pacing *pacing)
{
    int limit = pacing->base > BATCH_MAX ? pacing->base : BATCH_MAX;
    if (pacing->threshold < limit) {
        pacing->threshold = pacing->threshold * 2 < limit ? pacing->threshold * 2 : limit;
        pacing->n_raised++;
    }
}

static void
lower_threshold(struct ouro__pacing *pacing, int least)
{
    if (pacing->threshold > least) {
        pacing->threshold = pacing->threshold / 2 > least ? pacing->threshold / 2 : least;
        pacing->n_lowered++;
    }
}

/* Learn from a young look: by objects, and by bytes for those that hold much outside. */
static void
learn_young(struct ouro__pacing *pacing, uint64_t n_found, uint64_t freed)
{
    uint64_t grown = pacing->before.bytes > pacing->bytes_at_event
                         ? pacing->before.bytes - pacing->bytes_at_event
                         : 0;
    uint64_t percent = n_found * 100 / (pacing->looked_at + 1);
    uint64_t bytes_percent = freed * 100 / (grown + MIB);
    percent = larger(percent, bytes_percent);
    if (percent >= DIRTY_PERCENT) {
        pacing->clean_looks = 0;
    }
    if (percent >= FULL_OF_PERCENT) {
        lower_threshold(pacing, pacing->base);
    } else if (percent <= CLEAN_PERCENT) {
        pacing->clean_looks++;
        raise_threshold(pacing);
    }
}

/* How many to look at next.  Things that hang together are only found together, so more are better, but not
 * more than are garbage. */
static uint64_t
plan_chunk(uint64_t n_last, uint64_t percent)
{
    return percent >= 40 ? 2 * n_last : larger(OLD_LOOK_MIN, n_last / 2);
}

static void
learn_old(struct ouro__pacing *pacing, uint64_t ns, uint64_t n_found, uint64_t n_looked)
{
    uint64_t percent = n_found * 100 / (n_looked + 1);
    pacing->is_productive = percent >= PRODUCTIVE_PERCENT;
    if (pacing->is_productive) {
        pacing->old_in_a_row++;
        pacing->old_chunk = plan_chunk(pacing->n_oldest, percent);
    } else {
        if (pacing->old_in_a_row != 0) { /* that was all for now; there may soon be as much again */
            pacing->n_next_check = pacing->n_old + larger((pacing->n_at_full + pacing->n_old) / 8,
                                                          n_stock_minimum(pacing) / 2);
        }
        pacing->old_in_a_row = 0;
        pacing->old_ns += ns; /* what frees much has earned its time, this has not */
    }
    pacing->old_found += n_found;
    pacing->old_looked += n_looked;
    if (n_looked >= OLD_LOOK_MIN / 2) {
        double found = (double)ns / (double)n_looked;
        pacing->ns_an_object += (found - pacing->ns_an_object) / 8;
        if (percent >= DIRTY_PERCENT && percent < PRODUCTIVE_PERCENT) {
            pacing->is_old_dirty = true; /* more of it than these looks get hold of */
        }
    }
}

static void
learn_full(struct ouro__pacing *pacing, uint64_t n_found, uint64_t n_left, struct ouro__pace_moment now)
{
    uint64_t n_all = n_left + n_found, ns = now.cpu_ns - pacing->before.cpu_ns;
    if (n_all >= OLD_LOOK_MIN) {
        pacing->ns_an_object += ((double)ns / (double)n_all - pacing->ns_an_object) / 2;
    }
    pacing->is_old_dirty = n_found * 100 >= n_all * DIRTY_PERCENT;
    pacing->clean_fulls = n_found * 100 <= n_all * CLEAN_PERCENT ? pacing->clean_fulls + 1 : 0;
    pacing->n_at_full = n_left;
    pacing->n_old = 0;
    pacing->old_in_a_row = 0;
    pacing->bytes_at_full = now.bytes;
    pacing->bytes_at_due = 0;
    pacing->cpu_at_full = now.cpu_ns;
    pacing->old_ns = pacing->old_looked = pacing->old_found = 0;
    pacing->old_since = pacing->cpu_at_full;
    pacing->n_next_check = larger(n_left / STOCK_GROWTH_SHARE, n_stock_minimum(pacing));
    pacing->wants_full = false;
}

void
ouro__pacing_stop(struct ouro__pacing *pacing, uint64_t n_found, uint64_t n_left, uint64_t n_looked,
                  struct ouro__pace_moment now)
{
    uint64_t freed = pacing->before.bytes > now.bytes ? pacing->before.bytes - now.bytes : 0;
    if (pacing->look == OURO_LOOK_FULL) {
        learn_full(pacing, n_found, n_left, now);
    } else {
        pacing->n_old -= n_found < pacing->n_old ? n_found : pacing->n_old;
        if (pacing->look == OURO_LOOK_YOUNG) {
            learn_young(pacing, n_found, freed);
        } else if (pacing->look == OURO_LOOK_OLD) {
            learn_old(pacing, now.cpu_ns - pacing->before.cpu_ns, n_found, n_looked);
        }
        bool was_due = pacing->bytes_at_due != 0;
        pacing->wants_full = decide_full(pacing, now);
        pacing->n_put_off += !was_due && pacing->bytes_at_due != 0 && !pacing->wants_full;
    }
    pacing->bytes_at_event = now.bytes;
}

bool
ouro__pacing_grew(struct ouro__pacing *pacing, uint64_t bytes)
{
    if (pacing->is_forced || bytes < pacing->bytes_at_event + allow_batch_bytes(bytes)) {
        return false;
    }
    pacing->is_forced = true;
    pacing->n_forced++;
    return true;
}
