/* pacing.c - when to look for garbage in cycles.
 *
 * The interpreter looks at its new objects whenever so many more were made than freed (700 or 2000), and at
 * all objects whenever a quarter more has outlived two such looks.  That is right for a program that makes
 * garbage in cycles, and a waste for one that builds something: there a full look costs 80-450 ns an object
 * and is repeated at each quarter of growth.
 *
 * Pacing turns this around: how often it looks follows from what looks find.
 *
 *   young   A batch of new objects is in the processor's cache and costs 14 ns an object.  While batches
 *           are found clean, they grow to a few thousand objects and only some, chosen at random, are
 *           looked at; what those hold is what the others hold.  The first dirty one ends that.  So does one
 *           whose objects mostly stop being tracked: left alone, they would weigh on later looks.
 *   middle  Where batches are dirty, what a young look leaves is in use at that moment and garbage soon.  It
 *           is kept apart and looked at once more, with the eleventh batch or when bytes call for it, before
 *           it counts as old: so the interpreter does it, too.
 *   survey  Considered when the interpreter would have made a full look.  All old objects are looked at by
 *           cpython_survey.c, at about half the price, and the interpreter is left with those that are
 *           garbage.  Made at once when the last one found much, or when it is cheap for the time that has
 *           passed; otherwise put off until the heaps have grown by another twelfth, or back to what the
 *           last one saw in use.  That bounds what garbage holds beyond what the interpreter would let it.
 *           After one that found very much, the interpreter makes its full look instead.
 *   bytes   Counting objects is blind for large ones.  When the heaps have grown by some MiB since the last
 *           look, the next one comes at once, however few objects are new; those that it leaves stay among
 *           the new ones, since the youngest of them were only just being made.
 *
 * Ouro's own collector (OURO_PACE_NATIVE) makes objects several times as fast as an interpreter does, so a tenth more comes
 * soon: a program that only builds would spend most of its time on looks.  There a look that found everything clean
 * lets the heaps grow for twice as long before the next, up to three times their size, or nine while young looks find nothing,
 * either, and more of the batches are left out while the heaps are large; one that found garbage brings
 * the quarter back.  Whoever works between allocations has the cheap looks long before. */
#include "base/pacing.h"

#include "ouro/base.h"

#define MIB ((uint64_t)1 << 20)

/* Batches beyond this don't fit a processor's second cache. */
#define BATCH_MAX 4096

/* Of a batch, found in percent: up to CLEAN nothing speaks against larger and fewer looks, from DIRTY on
 * every batch is looked at, from FULL_OF on they are as small as the program wants them. */
#define CLEAN_PERCENT 2
#define DIRTY_PERCENT 5
#define FULL_OF_PERCENT 20

/* After so many clean looks in a row every second batch is left out, after twice as many three of four... */
#define CLEAN_STREAK 6
#define SKIP_SHIFT_MAX 3
/* Ouro's own goes on to so many where the heaps are large: a batch holds a MiB at most, and all from one look to the next, on
 * an average, a quarter of the heaps. */
#define NATIVE_SKIP_SHIFT_MAX 6
#define SKIP_SHARE 4

/* A dirty look has so many after it keep apart what they leave; after as many it is looked at again. */
#define MIDDLE_LOOKS 10

/* A survey is cheap when it costs at most one in so many of the CPU time since the last. */
#define CHEAP_SHARE 20U
/* Of fewer objects, what one costs is not learned. */
#define SURVEY_MIN 4096

/* An object that holds so many bytes holds much. */
#define MUCH_BYTES 1024

/* The collector's own rule: a full look when a quarter is new. */
#define STOCK_GROWTH_SHARE 4

/* Clean surveys after which the next waits no longer than after so many; but Ouro's own for four times as long while so many
 * young looks have found nothing, either: what is built and not let go of. */
#define CLEAN_SURVEYS_MAX 3
#define BUILDING_LOOKS (SKIP_SHIFT_MAX * CLEAN_STREAK)
#define BUILDING_SHIFT 2

static uint64_t
larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
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
    return larger(MIB, smaller(bytes / 16, allow_bytes(bytes) / 4));
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

static unsigned
most_skip_shift(const struct ouro__pacing *pacing)
{
    unsigned most = pacing->manner == OURO_PACE_COUNTS ? 0 : SKIP_SHIFT_MAX;
    while (pacing->manner == OURO_PACE_NATIVE && most < NATIVE_SKIP_SHIFT_MAX &&
           (2U << most) * SKIP_SHARE * MIB <= pacing->bytes_at_event) {
        most++;
    }
    return most;
}

/* Whether the batch that begins now is to be looked at. */
static bool
plan_young(struct ouro__pacing *pacing)
{
    unsigned shift = pacing->clean_looks / CLEAN_STREAK, most = most_skip_shift(pacing);
    shift = shift > most ? most : shift;
    return (draw(pacing) >> 20 & ((1U << shift) - 1)) == 0 || pacing->skipped >= 2U << shift;
}

void
ouro__pacing_set(struct ouro__pacing *pacing, int base, uint64_t n_stock, enum ouro__pace_manner manner)
{
    pacing->threshold = pacing->base = base;
    pacing->n_stock = n_stock;
    pacing->manner = manner;
    pacing->plans_young = true;
    pacing->clean_looks = pacing->skipped = 0;
}

void
ouro__pacing_init(struct ouro__pacing *pacing, int base, uint64_t n_stock,
                  enum ouro__pace_manner manner, struct ouro__pace_moment now)
{
    *pacing = (struct ouro__pacing){.looks_since_dirty = MIDDLE_LOOKS,
                                    .bytes_at_event = now.bytes,
                                    .bytes_at_survey = now.bytes,
                                    .cpu_at_survey = now.cpu_ns,
                                    .random = UINT64_C(0x9E3779B97F4A7C15),
                                    .ns_an_object = 80};
    ouro__pacing_set(pacing, base, n_stock, manner);
}

/* ---- the survey ---- */

/* An interpreter's survey has to be twice as cheap with each clean one in a row but the first. */
static bool
is_cheap(const struct ouro__pacing *pacing, struct ouro__pace_moment now)
{
    bool is_patient = pacing->manner == OURO_PACE_INTERPRETER && pacing->clean_surveys != 0;
    unsigned share = CHEAP_SHARE << (is_patient ? pacing->clean_surveys - 1 : 0);
    double cost = pacing->ns_an_object * (double)(pacing->n_at_survey + pacing->n_old);
    return cost * share <= (double)(now.cpu_ns - pacing->cpu_at_survey);
}

/* What the interpreter counts in objects, and what it doesn't count at all: objects that hold much. */
static bool
is_due(const struct ouro__pacing *pacing, struct ouro__pace_moment now)
{
    uint64_t growth = now.bytes > pacing->bytes_at_survey ? now.bytes - pacing->bytes_at_survey : 0;
    if (pacing->n_stock == UINT64_MAX) {
        return false;
    }
    return (pacing->n_for_looks >= pacing->n_stock &&
            pacing->n_old >= pacing->n_at_survey / STOCK_GROWTH_SHARE) ||
           (growth > pacing->bytes_at_survey / STOCK_GROWTH_SHARE + 16 * MIB &&
            growth / MUCH_BYTES > pacing->n_old);
}

/* A look that is due may be put off until the heaps hold more than this.  Those that have shrunk since the last one, which
 * was clean, make no new peak by growing back; they may as far as garbage may hold so much.  Of what it may hold, a tenth, the
 * last batch takes its part. */
static uint64_t
put_off_until(const struct ouro__pacing *pacing, uint64_t bytes)
{
    uint64_t due = pacing->bytes_at_due;
    bool is_building =
        pacing->clean_surveys == CLEAN_SURVEYS_MAX && pacing->clean_looks >= BUILDING_LOOKS;
    unsigned shift = pacing->clean_surveys + (is_building ? BUILDING_SHIFT : 0);

    return pacing->manner == OURO_PACE_NATIVE
               ? due + (pacing->bytes_at_survey << shift) / STOCK_GROWTH_SHARE
               : larger(due + bytes / 12, smaller(pacing->bytes_at_survey, due + allow_bytes(bytes)));
}

/* Whether to look at all objects, as the interpreter would have done at this point, or at an earlier one. */
static bool
decide_survey(struct ouro__pacing *pacing, struct ouro__pace_moment now)
{
    if (!is_due(pacing, now)) {
        pacing->bytes_at_due = 0;
        return false;
    }
    if (pacing->bytes_at_due == 0) {
        pacing->bytes_at_due = now.bytes;
        pacing->n_put_off++;
    }
    if (pacing->manner == OURO_PACE_COUNTS || pacing->is_dirty ||
        now.bytes > put_off_until(pacing, now.bytes) || is_cheap(pacing, now)) {
        pacing->n_put_off -= now.bytes <= pacing->bytes_at_due;
        return true;
    }
    return false;
}

/* ---- a collection starts ---- */

/* A look that came long before the batch was full. */
static bool
decide_keep(const struct ouro__pacing *pacing)
{
    return pacing->is_forced && pacing->looked_at < (uint64_t)pacing->base / 2;
}

/* Whether what is kept apart is to be looked at, too, if anything is. */
static bool
decide_middle(const struct ouro__pacing *pacing)
{
    return pacing->n_middle != 0 && (pacing->is_forced || pacing->middle_looks >= MIDDLE_LOOKS ||
                                     pacing->looks_since_dirty >= MIDDLE_LOOKS);
}

/* What comes next is a full collection. */
void
ouro__pacing_no_survey(struct ouro__pacing *pacing)
{
    pacing->look = OURO_LOOK_NOT;
    pacing->wants_full = true;
}

enum ouro__look
ouro__pacing_start(struct ouro__pacing *pacing, bool is_full, bool is_asked, uint64_t n_new,
                   struct ouro__pace_moment now)
{
    pacing->before = now;
    pacing->n_old += n_new;
    /* Beyond the threshold they were made in one go, and would have brought about one look. */
    uint64_t most = (uint64_t)pacing->threshold + 1;
    pacing->n_for_looks += smaller(n_new, most);
    pacing->takes_middle = decide_middle(pacing);
    pacing->looked_at = n_new + pacing->n_kept + (pacing->takes_middle ? pacing->n_middle : 0);
    pacing->keeps_young = pacing->keeps_middle = false;
    if (is_full) {
        pacing->look = OURO_LOOK_FULL;
    } else if (is_asked) {
        pacing->look = OURO_LOOK_ASKED;
    } else if (decide_survey(pacing, now)) {
        pacing->look = OURO_LOOK_SURVEY;
        /* An interpreter would find first and collect then: work done twice where there is much. */
        if (pacing->is_full_of_it && pacing->manner == OURO_PACE_INTERPRETER) {
            ouro__pacing_no_survey(pacing);
        }
    } else if (pacing->is_forced || pacing->plans_young) {
        pacing->look = OURO_LOOK_YOUNG;
        pacing->keeps_young = decide_keep(pacing);
        pacing->skipped = 0;
    } else {
        pacing->look = OURO_LOOK_NOT;
        pacing->skipped++;
    }
    pacing->n_kept = pacing->keeps_young ? pacing->looked_at : 0;
    pacing->is_forced = false;
    return pacing->look;
}

/* ---- and has ended ---- */

static void
raise_threshold(struct ouro__pacing *pacing)
{
    int limit =
        pacing->base > BATCH_MAX || pacing->manner == OURO_PACE_COUNTS ? pacing->base : BATCH_MAX;
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
learn_young(struct ouro__pacing *pacing, uint64_t n_found, uint64_t n_left, uint64_t freed)
{
    uint64_t grown = pacing->before.bytes > pacing->bytes_at_event
                         ? pacing->before.bytes - pacing->bytes_at_event
                         : 0;
    uint64_t percent = n_found * 100 / (pacing->looked_at + 1);
    uint64_t bytes_percent = freed * 100 / (grown + MIB);
    percent = larger(percent, bytes_percent);
    pacing->looks_since_dirty = percent >= DIRTY_PERCENT ? 0 : pacing->looks_since_dirty + 1;
    bool is_untracked = pacing->manner == OURO_PACE_INTERPRETER && n_left < pacing->looked_at / 2;
    if (percent >= DIRTY_PERCENT || is_untracked) {
        pacing->clean_looks = 0;
    }
    if (percent >= FULL_OF_PERCENT) {
        lower_threshold(pacing, pacing->base);
    } else if (percent <= CLEAN_PERCENT) {
        pacing->clean_looks++;
        raise_threshold(pacing);
    }
}

/* Where what a young look left is to be from now on; it left `n_left`, and `n_apart` were kept apart before. */
static void
place_survivors(struct ouro__pacing *pacing, uint64_t n_left, uint64_t n_apart)
{
    pacing->keeps_middle =
        !pacing->keeps_young && !pacing->takes_middle && pacing->looks_since_dirty < MIDDLE_LOOKS;
    pacing->n_middle = pacing->keeps_middle ? n_apart + n_left : 0;
    pacing->middle_looks = pacing->keeps_middle ? pacing->middle_looks + 1 : 0;
}

/* Learn from a look at everything. */
static void
learn_all(struct ouro__pacing *pacing, uint64_t n_found, uint64_t n_left, uint64_t cost_ns,
          struct ouro__pace_moment now)
{
    uint64_t n_all = n_left + n_found;
    if (n_all >= SURVEY_MIN) {
        pacing->ns_an_object += ((double)cost_ns / (double)n_all - pacing->ns_an_object) / 2;
    }
    pacing->is_dirty = n_found * 100 >= n_all * DIRTY_PERCENT;
    pacing->is_full_of_it = n_found * 100 >= n_all * FULL_OF_PERCENT;
    unsigned clean = pacing->clean_surveys + (pacing->clean_surveys < CLEAN_SURVEYS_MAX);
    pacing->clean_surveys = pacing->is_dirty ? 0 : clean;
    pacing->n_at_survey = n_left;
    pacing->n_old = 0;
    pacing->n_for_looks = 0;
    pacing->n_middle = 0;
    pacing->middle_looks = 0;
    pacing->bytes_at_survey = now.bytes;
    pacing->bytes_at_due = 0;
    pacing->cpu_at_survey = now.cpu_ns;
    pacing->wants_full = false;
}

void
ouro__pacing_stop(struct ouro__pacing *pacing, uint64_t n_found, uint64_t n_left, uint64_t cost_ns,
                  struct ouro__pace_moment now)
{
    uint64_t freed = pacing->before.bytes > now.bytes ? pacing->before.bytes - now.bytes : 0;
    if (pacing->look == OURO_LOOK_FULL || pacing->look == OURO_LOOK_SURVEY) {
        learn_all(pacing, n_found, n_left, cost_ns, now);
    } else if (pacing->look == OURO_LOOK_YOUNG) {
        uint64_t n_apart = pacing->takes_middle ? 0 : smaller(pacing->n_middle, n_left);
        n_left -= n_apart;
        uint64_t n_gone = pacing->looked_at - smaller(n_left, pacing->looked_at);
        pacing->n_old -= smaller(n_gone, pacing->n_old);
        learn_young(pacing, n_found, n_left, freed);
        /* Ouro's own has a middle generation by itself. */
        if (pacing->manner == OURO_PACE_INTERPRETER) {
            place_survivors(pacing, n_left, n_apart);
        }
        pacing->trusts_survivors =
            pacing->manner == OURO_PACE_NATIVE && pacing->looks_since_dirty >= MIDDLE_LOOKS;
    }
    pacing->bytes_at_event = now.bytes;
    pacing->plans_young = plan_young(pacing);
}

void
ouro__pacing_go_on(struct ouro__pacing *pacing, uint64_t n_found, uint64_t n_seen)
{
    if (n_found * 100 >= n_seen * DIRTY_PERCENT && n_found != 0) {
        pacing->clean_looks = 0;
    }
    pacing->skipped = pacing->plans_young ? 0 : pacing->skipped + 1;
    pacing->plans_young = plan_young(pacing);
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
