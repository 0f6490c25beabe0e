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

#include "snapshot/grow.h"

#define LEAST_SHARE 1e-6 /* of level 2 */
#define LEVELS 22      /* the last one is for almost a half and before this: few paths can have that */
#define OUTERMOST 150U /* frames that are kept of a deep traceback */
#define INNERMOST 50U
#define AHEAD 32 /* paths */
#define COUNTED                                                                                        \
    (OUTERMOST + INNERMOST + 1) /* frames: a path with fewer above it has none in the middle */

enum state { LEFT_OUT, SMALL, DEEP, KEPT };

struct cutting {
    const struct ouro__places *places;
    const struct ouro__view *views;
    size_t n_paths;
    unsigned char *levels;      /* by path: the last that it is kept at */
    unsigned char *depths;      /* by path: frames above it, but not more than are counted */
    unsigned char *heights;     /* by path: frames below it that are kept at the level, likewise */
    bool *are_middle;           /* by path: in the middle of something deep at the level */
    int64_t n_from[LEVELS + 1]; /* branches that callers of each level make */
    bool is_deep;               /* whether any path is so deep that some may be in the middle */
    unsigned level;             /* that was chosen */
    uint32_t *branches;         /* by path: which branch it belongs to; before, what waits for it */
    uint32_t *others; /* by branch: the branch of what is too small below it, 0 for none yet */
};

static uint32_t
caller_of(const struct cutting *cutting, size_t path)
{
    return cutting->places->paths.items[path].a;
}

/* Callers may be far from those they call, sums and figures anywhere: by the time that a path comes, they are at hand. */
static void
caller_prefetch(const struct cutting *cutting, size_t path)
{
    __builtin_prefetch(&cutting->branches[caller_of(cutting, path)], 1);
}

/* Most paths hold nothing of their own, in none of the views. */
static bool
holds_own(const struct cutting *cutting, size_t path)
{
    return cutting->views[0].numbers[path] != 0;
}

static void
own_prefetch(const struct cutting *cutting, size_t path)
{
    for (int m = 0; holds_own(cutting, path) && m < OURO_N_MEASURES; m++) {
        __builtin_prefetch(ouro__view_at(&cutting->views[m], path));
    }
}

/* The share that a path has to have at a level. */
static double
share_of(unsigned level)
{
    return level <= 1 ? 0 : ldexp(LEAST_SHARE, (int)level - 2);
}

/* What a path and all that it called hold, as far as that is known. */
struct subtree {
    double bytes[OURO_N_MEASURES];
    uint32_t n_called;    /* paths right below it with level 1 at least */
    unsigned char height; /* frames below it with that level, but not more than are counted */
    unsigned char level;
};

/* Sums on their way from paths to their callers.  Mostly a caller has the number before; where it hasn't, a sum waits for it. */
struct summing {
    const struct ouro__view *views;
    double least[OURO_N_MEASURES][LEVELS + 1]; /* bytes that each level takes */
    struct subtree *waiting;                   /* from 1 on; owned */
    size_t n_waiting, room;
    uint32_t unused;   /* the last that waits no more, 0 for none; its `n_called` is the one before */
    uint32_t *numbers; /* by path: which waits for it, 0 for none; borrowed */
};

static void
summing_begin(struct summing *summing, const struct cutting *cutting)
{
    *summing = (struct summing){.views = cutting->views, .numbers = cutting->branches, .n_waiting = 1};
    for (int m = 0; m < OURO_N_MEASURES; m++) {
        double all = cutting->views[m].kept.bytes;
        for (unsigned level = 0; level <= LEVELS; level++) {
            bool can_be = all > 0 && level < LEVELS;
            summing->least[m][level] = can_be ? all * share_of(level) : (double)INFINITY;
        }
    }
}

static void
subtree_add(struct subtree *sum, const struct subtree *more)
{
    for (int m = 0; m < OURO_N_MEASURES; m++) {
        sum->bytes[m] += more->bytes[m];
    }
    sum->n_called += more->n_called;
    sum->height = sum->height > more->height ? sum->height : more->height;
    sum->level = sum->level > more->level ? sum->level : more->level;
}

/* Have a sum wait for a path.  False without memory. */
static bool
waiting_add(struct summing *summing, uint32_t path, const struct subtree *sum)
{
    uint32_t number = summing->numbers[path];

    if (number != 0) {
        subtree_add(&summing->waiting[number], sum);
        return true;
    }
    number = summing->unused;
    if (number != 0) {
        summing->unused = summing->waiting[number].n_called;
    } else {
        struct subtree *waiting =
            ouro__grow(summing->waiting, summing->n_waiting, &summing->room, sizeof *waiting);
        if (waiting == NULL) {
            return false;
        }
        summing->waiting = waiting;
        number = (uint32_t)summing->n_waiting++;
    }
    summing->waiting[number] = *sum;
    summing->numbers[path] = number;
    return true;
}

static void
waiting_prefetch(const struct summing *summing, size_t path)
{
    uint32_t number = summing->numbers[path];

    if (number != 0) {
        __builtin_prefetch(&summing->waiting[number]);
    }
}

/* Add what waits for a path, and what is its own; then its level may be higher than that of what it called. */
static void
sum_complete(struct summing *summing, size_t path, struct subtree *sum)
{
    uint32_t number = summing->numbers[path], own = summing->views[0].numbers[path];

    if (number != 0) {
        subtree_add(sum, &summing->waiting[number]);
        summing->waiting[number].n_called = summing->unused;
        summing->unused = number;
    }
    for (int m = 0; own != 0 && m < OURO_N_MEASURES; m++) {
        const struct ouro__figures *figures = ouro__view_at(&summing->views[m], path);
        sum->bytes[m] += figures->bytes;
        sum->level = sum->level == 0 && figures->blocks > 0 ? 1 : sum->level;
    }
    for (int m = 0; (number | own) != 0 && sum->level > 0 && m < OURO_N_MEASURES; m++) {
        while (sum->bytes[m] >= summing->least[m][sum->level + 1]) {
            sum->level++;
        }
    }
}

/* All that ever held blocks, in itself or what it called, has level 1 at least.  False without memory. */
static bool
levels_find(struct cutting *cutting)
{
    struct summing summing;
    struct subtree sum = {0};
    bool is_well = true;

    summing_begin(&summing, cutting);
    for (size_t i = cutting->n_paths - 1; is_well && i > 0; i--) {
        if (i > AHEAD) {
            caller_prefetch(cutting, i - AHEAD);
            own_prefetch(cutting, i - AHEAD);
            waiting_prefetch(&summing, i - AHEAD / 2);
        }
        sum_complete(&summing, i, &sum);
        cutting->levels[i] = sum.level;
        cutting->n_from[sum.level] += sum.n_called;
        sum.n_called = sum.level > 0;
        sum.height = (unsigned char)(sum.height + (sum.level > 0 && sum.height < COUNTED));
        uint32_t caller = caller_of(cutting, i);
        if (caller != i - 1) {
            is_well = sum.level == 0 || waiting_add(&summing, caller, &sum);
            sum = (struct subtree){0};
        }
    }
    sum_complete(&summing, 0, &sum);
    cutting->levels[0] = LEVELS; /* the root is always there, and a branch */
    cutting->n_from[LEVELS] = (int64_t)sum.n_called + 1;
    cutting->is_deep = sum.height >= COUNTED;
    free(summing.waiting);
    return is_well;
}

/* Find how many frames are above each path. */
static void
depths_find(struct cutting *cutting)
{
    const struct ouro__pair *paths = cutting->places->paths.items;
    unsigned char *depths = cutting->depths;

    for (size_t i = 1, n = cutting->n_paths; i < n; i++) {
        unsigned callers = depths[paths[i].a];
        depths[i] = (unsigned char)(callers + (callers < COUNTED));
    }
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
    int64_t n;

    if (cutting->is_deep) {
        depths_find(cutting);
    }
    for (unsigned level = LEVELS; level > 0; level--) {
        cutting->n_from[level - 1] += cutting->n_from[level];
    }
    do {
        cutting->level++;
        n = cutting->n_from[cutting->level] - (cutting->is_deep ? middles_find(cutting) : 0);
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
    uint32_t callers = cutting->branches[caller_of(cutting, path)];
    uint32_t place = branches->items[callers].place;

    switch (state_of(cutting, path)) {
    case KEPT:
        return branch_add(branches, callers, ouro__place_of_path(cutting->places, path));
    case DEEP:
        return place == OURO_BRANCH_DEEP ? callers : branch_add(branches, callers, OURO_BRANCH_DEEP);
    case SMALL:
        branches->n_small++;
        if (place == OURO_BRANCH_SMALL) {
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
        if (i + AHEAD < cutting->n_paths) {
            caller_prefetch(cutting, i + AHEAD);
            own_prefetch(cutting, i + AHEAD);
        }
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
    cutting->branches = ouro__zeros(cutting->n_paths, sizeof *cutting->branches);
    if (cutting->branches == NULL || !levels_find(cutting)) {
        return false;
    }
    size_t n = level_choose(cutting, most);
    branches->smallest = share_of(cutting->level);
    cutting->others = calloc(n, sizeof *cutting->others);
    branches->items = reallocarray(NULL, n, sizeof *branches->items);
    if (cutting->others == NULL || branches->items == NULL) {
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
