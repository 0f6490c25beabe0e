/* cumulative.c - figures by key, where each traceback counts for all of its keys, but once for each.
 *
 * Paths that have the same keys from the root on are one chain, and a key that a chain has already adds nothing to it: of a
 * million tracebacks of one recursion a few chains are left, and only these are summed up.  Whether a chain has a key is
 * looked for in its last ones alone, as a chain may be long.  So a key may come in a chain twice, and counts for its
 * outermost one. */
#define _DEFAULT_SOURCE
#include "snapshot/cumulative.h"

#include <stdlib.h>

#include "snapshot/grow.h"

#define LOOKED_AT 64 /* keys of a chain */

/* A chain is a key behind another chain, whose number is lower.  Chain 0 has none. */
struct chain {
    uint32_t caller, key;
    uint32_t first, next; /* of the chains behind it, and behind its caller: 0 for none */
    struct ouro__figures sums;
};

struct chaining {
    struct chain *chains; /* owned */
    size_t n, room;
    struct ouro__pairs steps; /* a chain, a key */
    uint32_t *ends;           /* by step: the chain that it leads to; owned */
    size_t n_ends;            /* that there is room for */
};

static uint32_t
chain_add(struct chaining *chaining, uint32_t caller, uint32_t key)
{
    struct chain *chains = ouro__grow(chaining->chains, chaining->n, &chaining->room, sizeof *chains);

    if (chains == NULL) {
        return OURO_NO_ID;
    }
    chaining->chains = chains;
    chains[chaining->n] = (struct chain){.caller = caller, .key = key};
    return (uint32_t)chaining->n++;
}

static bool
has_key(const struct chaining *chaining, uint32_t chain, uint32_t key)
{
    for (int i = 0; i < LOOKED_AT && chain != 0; i++) {
        if (chaining->chains[chain].key == key) {
            return true;
        }
        chain = chaining->chains[chain].caller;
    }
    return false;
}

/* The chain that has a key behind those of another; OURO_NO_ID without memory. */
static uint32_t
chain_of(struct chaining *chaining, uint32_t caller, uint32_t key)
{
    size_t n = chaining->steps.n;

    if (caller != 0 && chaining->chains[caller].key == key) {
        return caller; /* mostly: functions call themselves, lines of a file its own */
    }
    uint32_t step = ouro__pairs_id(&chaining->steps, caller, key);

    if (step < n || step == OURO_NO_ID) {
        return step == OURO_NO_ID ? step : chaining->ends[step];
    }
    uint32_t *ends = ouro__grow(chaining->ends, step, &chaining->n_ends, sizeof *ends);
    if (ends == NULL) {
        return OURO_NO_ID;
    }
    chaining->ends = ends;
    ends[step] = has_key(chaining, caller, key) ? caller : chain_add(chaining, caller, key);
    return ends[step];
}

/* Put what paths hold to their chains.  The root's own is left out.  False without memory. */
static bool
chains_make(struct chaining *chaining, const struct ouro__view *view, const struct ouro__places *places,
            const uint32_t *of_places)
{
    uint32_t *chains = reallocarray(NULL, view->n_spots, sizeof *chains);
    bool is_well = chains != NULL && chain_add(chaining, 0, 0) == 0;

    for (size_t i = 0; is_well && i < view->n_spots; i++) {
        const struct ouro__pair *path = &places->paths.items[i];
        if (i == 0) {
            chains[0] = 0;
            continue;
        }
        uint32_t key = of_places[path->b];
        chains[i] = chain_of(chaining, chains[path->a], key);
        is_well = chains[i] != OURO_NO_ID;
        if (is_well && view->numbers[i] != 0) {
            ouro__figures_add(&chaining->chains[chains[i]].sums, ouro__view_at(view, i));
        }
    }
    free(chains);
    return is_well;
}

/* Callers get what they called: the sums of it, and which it is. */
static void
chains_sum(const struct chaining *chaining)
{
    struct chain *chains = chaining->chains;

    for (size_t i = chaining->n - 1; i > 0; i--) {
        struct chain *caller = &chains[chains[i].caller];
        ouro__figures_add(&caller->sums, &chains[i].sums);
        chains[i].next = caller->first;
        caller->first = (uint32_t)i;
    }
}

/* Each key gets what its outermost chains hold.  `inside` counts how often a key comes from the root to here. */
static void
chains_walk(const struct chain *chains, uint32_t *inside, struct ouro__figures *by_key)
{
    uint32_t at = chains[0].first;

    while (at != 0) {
        if (inside[chains[at].key]++ == 0) {
            ouro__figures_add(&by_key[chains[at].key], &chains[at].sums);
        }
        if (chains[at].first != 0) {
            at = chains[at].first;
            continue;
        }
        while (at != 0) {
            inside[chains[at].key]--;
            if (chains[at].next != 0) {
                at = chains[at].next;
                break;
            }
            at = chains[at].caller;
        }
    }
}

bool
ouro__cumulate(const struct ouro__view *view, const struct ouro__places *places,
               const uint32_t *of_places, struct ouro__figures *by_key, size_t n_keys)
{
    struct chaining chaining = {0};
    uint32_t *inside = calloc(n_keys, sizeof *inside);
    bool is_well = inside != NULL && chains_make(&chaining, view, places, of_places);

    if (is_well) {
        chains_sum(&chaining);
        chains_walk(chaining.chains, inside, by_key);
        /* The root is a frame only for what has no other. */
        ouro__figures_add(&by_key[of_places[0]], ouro__view_at(view, 0));
    }
    free(inside);
    free(chaining.chains);
    free(chaining.ends);
    ouro__pairs_free(&chaining.steps);
    return is_well;
}
