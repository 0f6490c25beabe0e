/* branches.c - which paths a page shows as they are, and which are put together.
 *
 * A path is kept when it and what it called have a share of all, in one measure at least; the share is raised until few
 * enough are left.  The middle of tracebacks that are very deep is put together whatever it holds: a recursion of ten
 * thousand frames is no picture.  Callers have lower numbers than those they call, so all of it is loops. */
#define _GNU_SOURCE
#include "html/branches.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_SHARE 1e-6 /* the first to be tried after none at all */
#define DOUBLINGS 20     /* up to a half, which few paths can have */
#define OUTERMOST 150U   /* frames that are kept of a deep traceback */
#define INNERMOST 50U

enum state { LEFT_OUT, SMALL, DEEP, KEPT };

struct cutting {
    const struct ouro__places *places;
    const struct ouro__view *views;
    size_t n_paths;
    double *shares; /* by path: the largest of its shares; below 0 for one that never held anything */
    unsigned char *states; /* by path: enum state */
    uint32_t *depths;      /* by path: frames above it */
    uint32_t *heights;     /* by path: frames below it that are kept */
    uint32_t *branches;    /* by path: which branch it belongs to */
    uint32_t *others;      /* by branch: the branch of what is too small below it, 0 for none yet */
};

static uint32_t
caller_of(const struct cutting *cutting, size_t path)
{
    return cutting->places->paths.items[path].a;
}

/* False without memory. */
static bool
shares_find(struct cutting *cutting)
{
    for (size_t i = 0; i < cutting->n_paths; i++) {
        cutting->shares[i] = -1;
        cutting->depths[i] = i == 0 ? 0 : cutting->depths[caller_of(cutting, i)] + 1;
    }
    for (int m = 0; m < OURO_N_MEASURES; m++) {
        struct ouro__figures *sums = ouro__view_subtrees(&cutting->views[m], cutting->places);
        if (sums == NULL) {
            return false;
        }
        for (size_t i = 0; i < cutting->n_paths; i++) {
            double share = sums[0].bytes > 0 ? sums[i].bytes / sums[0].bytes : 0;
            if (sums[i].blocks > 0 && share > cutting->shares[i]) {
                cutting->shares[i] = share;
            }
        }
        free(sums);
    }
    return true;
}

/* Find the states of all paths for a smallest share; returns how many branches that makes at most. */
static size_t
states_find(struct cutting *cutting, double smallest)
{
    size_t n = 1;

    for (size_t i = 0; i < cutting->n_paths; i++) {
        cutting->states[i] = cutting->shares[i] < 0           ? LEFT_OUT
                             : cutting->shares[i] >= smallest ? KEPT
                                                              : SMALL;
        cutting->heights[i] = 0;
    }
    for (size_t i = cutting->n_paths - 1; i > 0; i--) {
        uint32_t caller = caller_of(cutting, i);
        if (cutting->states[i] != KEPT) {
            continue;
        }
        if (cutting->heights[caller] < cutting->heights[i] + 1) {
            cutting->heights[caller] = cutting->heights[i] + 1;
        }
        if (cutting->depths[i] > OUTERMOST && cutting->heights[i] > INNERMOST) {
            cutting->states[i] = DEEP;
        }
    }
    cutting->states[0] = KEPT;
    for (size_t i = 1; i < cutting->n_paths; i++) {
        enum state own = cutting->states[i], callers = cutting->states[caller_of(cutting, i)];
        n += own == KEPT || (own == DEEP && callers == KEPT) || (own == SMALL && callers >= DEEP);
    }
    return n;
}

static uint32_t
branch_add(struct ouro__branches *branches, uint32_t caller, uint32_t place)
{
    branches->items[branches->n] = (struct ouro__branch){.caller = caller, .place = place};
    return (uint32_t)branches->n++;
}

/* The branch that a path belongs to, a new one where it needs one. */
static uint32_t
branch_of(struct cutting *cutting, struct ouro__branches *branches, uint32_t path)
{
    uint32_t caller = caller_of(cutting, path), callers = cutting->branches[caller];

    switch ((enum state)cutting->states[path]) {
    case KEPT:
        return branch_add(branches, callers, ouro__place_of_path(cutting->places, path));
    case DEEP:
        return cutting->states[caller] == DEEP ? callers
                                               : branch_add(branches, callers, OURO_BRANCH_DEEP);
    case SMALL:
        branches->n_small++;
        if (cutting->states[caller] == SMALL) {
            return callers;
        }
        if (cutting->others[callers] == 0) {
            cutting->others[callers] = branch_add(branches, callers, OURO_BRANCH_SMALL);
        }
        return cutting->others[callers];
    case LEFT_OUT:
        break;
    }
    return callers;
}

/* Which branches there are, and what they hold. */
static void
branches_fill(struct cutting *cutting, struct ouro__branches *branches)
{
    for (uint32_t i = 0; i < cutting->n_paths; i++) {
        uint32_t branch = i == 0 ? branch_add(branches, 0, 0) : branch_of(cutting, branches, i);
        cutting->branches[i] = branch;
        branches->items[branch].n_merged += cutting->states[i] == SMALL || cutting->states[i] == DEEP;
        for (int m = 0; m < OURO_N_MEASURES; m++) {
            ouro__figures_add(&branches->items[branch].by[m], &cutting->views[m].paths[i]);
        }
    }
}

static bool
branches_cut(struct cutting *cutting, struct ouro__branches *branches, size_t most)
{
    if (!shares_find(cutting)) {
        return false;
    }
    size_t n = states_find(cutting, 0);
    for (int doubling = 0; n > most && doubling < DOUBLINGS; doubling++) {
        branches->smallest = ldexp(LEAST_SHARE, doubling);
        n = states_find(cutting, branches->smallest);
    }
    cutting->others = reallocarray(NULL, n, sizeof *cutting->others);
    branches->items = reallocarray(NULL, n, sizeof *branches->items);
    if (cutting->others == NULL || branches->items == NULL) {
        return false;
    }
    memset(cutting->others, 0, n * sizeof *cutting->others);
    branches_fill(cutting, branches);
    return true;
}

bool
ouro__branches_make(struct ouro__branches *branches, const struct ouro__places *places,
                    const struct ouro__view *views, size_t most)
{
    size_t n = views[0].n_paths;
    struct cutting cutting = {.places = places, .views = views, .n_paths = n};

    *branches = (struct ouro__branches){0};
    cutting.shares = reallocarray(NULL, n, sizeof *cutting.shares);
    cutting.states = calloc(n, 1);
    cutting.depths = reallocarray(NULL, n, sizeof *cutting.depths);
    cutting.heights = reallocarray(NULL, n, sizeof *cutting.heights);
    cutting.branches = reallocarray(NULL, n, sizeof *cutting.branches);
    bool is_well = cutting.shares != NULL && cutting.states != NULL && cutting.depths != NULL &&
                   cutting.heights != NULL && cutting.branches != NULL &&
                   branches_cut(&cutting, branches, most);
    free(cutting.shares);
    free(cutting.states);
    free(cutting.depths);
    free(cutting.heights);
    free(cutting.branches);
    free(cutting.others);
    if (!is_well) {
        ouro__branches_free(branches);
    }
    return is_well;
}

void
ouro__branches_free(struct ouro__branches *branches)
{
    free(branches->items);
    *branches = (struct ouro__branches){0};
}
