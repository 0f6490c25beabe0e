/* branches.c - which paths a page shows as they are, and which are put together.
 *
 * A path is kept when it and what it called have a share of all, in one measure at least; the share is raised until few
 * enough are left.  The middle of tracebacks that are very deep is put together whatever it holds: a recursion of ten
 * thousand frames is no picture.
 *
 * The shares that are tried are levels: 0 is for what never held anything, 1 for all that did, and each further one for twice
 * the share of the one before.  A path has the last one that it is kept at, its caller the same one or a later one.  So how
 * many branches each level makes is counted at once.  Callers have lower numbers than those they call: all of it is loops. */
#define _GNU_SOURCE
#include "html/branches.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_SHARE 1e-6 /* of level 2 */
#define LEVELS 22      /* the last one is for almost a half and before this: few paths can have that */
#define OUTERMOST 150U /* frames that are kept of a deep traceback */
#define INNERMOST 50U
#define COUNTED                                                                                        \
    (OUTERMOST + INNERMOST + 1) /* frames: a path with fewer above it has none in the middle */

enum state { LEFT_OUT, SMALL, DEEP, KEPT };

struct cutting {
    const struct ouro__places *places;
    const struct ouro__view *views;
    size_t n_paths;
    unsigned char *levels;  /* by path: the last that it is kept at */
    unsigned char *depths;  /* by path: frames above it, but not more than are counted */
    unsigned char *heights; /* by path: frames below it that are kept at the level, likewise */
    bool *are_middle;       /* by path: in the middle of something deep at the level */
    unsigned level;         /* that was chosen */
    uint32_t *branches;     /* by path: which branch it belongs to */
    uint32_t *others;       /* by branch: the branch of what is too small below it, 0 for none yet */
};

static uint32_t
caller_of(const struct cutting *cutting, size_t path)
{
    return cutting->places->paths.items[path].a;
}

/* Most paths hold nothing of their own, in none of the views. */
static bool
holds_own(const struct cutting *cutting, size_t path)
{
    return cutting->views[0].numbers[path] != 0;
}

/* The share that a path has to have at a level. */
static double
share_of(unsigned level)
{
    return level <= 1 ? 0 : ldexp(LEAST_SHARE, (int)level - 2);
}

/* Levels of what has blocks in one measure, where they are higher than they were.  `bytes` has room for all paths. */
static void
levels_raise(struct cutting *cutting, const struct ouro__view *view, const double shares[LEVELS + 1],
             double *bytes)
{
    ouro__view_sum_subtrees(view, cutting->places, false, bytes);
    double all = bytes[0], least = all * LEAST_SHARE / 2; /* most paths are far from any level */
    unsigned char *levels = cutting->levels;

    for (size_t i = 0, n = cutting->n_paths; i < n && all > 0; i++) {
        unsigned char *level = &levels[i];
        if (bytes[i] < least) {
            continue;
        }
        double share = bytes[i] / all;
        while (*level > 0 && share >= shares[*level + 1]) {
            ++*level;
        }
    }
}

/* All that ever held blocks, in itself or what it called, has level 1 at least.  False without memory. */
static bool
levels_find(struct cutting *cutting)
{
    double shares[LEVELS + 1];
    double *bytes = reallocarray(NULL, cutting->n_paths, sizeof *bytes);

    for (unsigned level = 0; level < LEVELS; level++) {
        shares[level] = share_of(level);
    }
    shares[LEVELS] = (double)INFINITY;
    unsigned char *levels = cutting->levels;
    const struct ouro__pair *paths = cutting->places->paths.items;
    const uint32_t *numbers = cutting->views[0].numbers;
    for (size_t i = cutting->n_paths; i-- > 0;) {
        for (int m = 0; numbers[i] != 0 && m < OURO_N_MEASURES; m++) {
            levels[i] |= ouro__view_at(&cutting->views[m], i)->blocks > 0;
        }
        levels[paths[i].a] |= levels[i]; /* the root's caller is itself */
    }
    for (int m = 0; m < OURO_N_MEASURES && bytes != NULL; m++) {
        levels_raise(cutting, &cutting->views[m], shares, bytes);
    }
    cutting->levels[0] = LEVELS; /* the root is always there */
    free(bytes);
    return bytes != NULL;
}

/* Find how many frames are above each path, and how many branches callers of each level make; whether any has so many above
 * it that some may be in the middle. */
static bool
depths_find(struct cutting *cutting, int64_t n_from[LEVELS + 1])
{
    const struct ouro__pair *paths = cutting->places->paths.items;
    const unsigned char *levels = cutting->levels;
    unsigned char *depths = cutting->depths;
    bool is_deep = false;

    for (size_t i = 1, n = cutting->n_paths; i < n; i++) {
        uint32_t caller = paths[i].a;
        unsigned callers = depths[caller];
        depths[i] = (unsigned char)(callers + (callers < COUNTED));
        is_deep |= callers + 1 >= COUNTED;
        n_from[levels[caller]] += levels[i] > 0;
    }
    return is_deep;
}

/* Find what is in the middle at the level: it has OUTERMOST frames above it, and more than INNERMOST below it that are kept.
 * Returns on how many paths it is with the caller. */
static int64_t
middles_find(struct cutting *cutting)
{
    int64_t n = 0;

    memset(cutting->heights, 0, cutting->n_paths);
    for (size_t i = cutting->n_paths - 1; i > 0; i--) {
        bool is_kept = cutting->levels[i] >= cutting->level;
        unsigned char height = cutting->heights[i], *callers = &cutting->heights[caller_of(cutting, i)];
        unsigned char above = (unsigned char)(height + (height <= INNERMOST));
        if (is_kept && *callers < above) {
            *callers = above;
        }
        cutting->are_middle[i] = is_kept && cutting->depths[i] > OUTERMOST && height > INNERMOST;
    }
    for (size_t i = 1; i < cutting->n_paths; i++) {
        n += cutting->are_middle[i] && cutting->are_middle[caller_of(cutting, i)];
    }
    return n;
}

/* Choose the first level that makes few enough branches, or the last one; how many it makes.  A path that holds anything
 * makes one, or has a part in one, as long as its caller is kept; but none where both are in the middle. */
static size_t
level_choose(struct cutting *cutting, size_t most)
{
    int64_t n_from[LEVELS + 1] = {0}, n;
    bool is_deep = depths_find(cutting, n_from);

    n_from[LEVELS]++; /* the root */
    for (unsigned level = LEVELS; level > 0; level--) {
        n_from[level - 1] += n_from[level];
    }
    do {
        cutting->level++;
        n = n_from[cutting->level] - (is_deep ? middles_find(cutting) : 0);
    } while ((uint64_t)n > most && cutting->level + 1 < LEVELS);
    return (size_t)n;
}

static enum state
state_of(const struct cutting *cutting, uint32_t path)
{
    return cutting->levels[path] == 0               ? LEFT_OUT
           : cutting->levels[path] < cutting->level ? SMALL
           : cutting->are_middle[path]              ? DEEP
                                                    : KEPT;
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

    switch (state_of(cutting, path)) {
    case KEPT:
        return branch_add(branches, callers, ouro__place_of_path(cutting->places, path));
    case DEEP:
        return state_of(cutting, caller) == DEEP ? callers
                                                 : branch_add(branches, callers, OURO_BRANCH_DEEP);
    case SMALL:
        branches->n_small++;
        if (state_of(cutting, caller) == SMALL) {
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
        enum state state = state_of(cutting, i);
        branches->items[branch].n_merged += state == SMALL || state == DEEP;
        for (int m = 0; holds_own(cutting, i) && m < OURO_N_MEASURES; m++) {
            ouro__figures_add(&branches->items[branch].by[m], ouro__view_at(&cutting->views[m], i));
        }
    }
}

static bool
branches_cut(struct cutting *cutting, struct ouro__branches *branches, size_t most)
{
    if (!levels_find(cutting)) {
        return false;
    }
    size_t n = level_choose(cutting, most);
    branches->smallest = share_of(cutting->level);
    cutting->branches = reallocarray(NULL, cutting->n_paths, sizeof *cutting->branches);
    cutting->others = calloc(n, sizeof *cutting->others);
    branches->items = reallocarray(NULL, n, sizeof *branches->items);
    if (cutting->branches == NULL || cutting->others == NULL || branches->items == NULL) {
        return false;
    }
    branches_fill(cutting, branches);
    return true;
}

bool
ouro__branches_make(struct ouro__branches *branches, const struct ouro__places *places,
                    const struct ouro__view *views, size_t most)
{
    size_t n = views[0].n_spots;
    struct cutting cutting = {.places = places, .views = views, .n_paths = n};

    *branches = (struct ouro__branches){0};
    cutting.levels = calloc(n, 1);
    cutting.depths = calloc(n, 1);
    cutting.heights = calloc(n, 1);
    cutting.are_middle = calloc(n, sizeof *cutting.are_middle);
    bool is_well = cutting.levels != NULL && cutting.depths != NULL && cutting.heights != NULL &&
                   cutting.are_middle != NULL && branches_cut(&cutting, branches, most);
    free(cutting.levels);
    free(cutting.depths);
    free(cutting.heights);
    free(cutting.are_middle);
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
