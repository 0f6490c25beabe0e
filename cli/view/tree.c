/* tree.c - a tree of calls, written without recursion: a traceback may be deeper than our stack.
 *
 * Below some depth frames that only hand on to one other are counted and not shown, so that ten thousand frames of one
 * recursion do not run out of the screen. */
#define _GNU_SOURCE
#include "view/tree.h"

#include <stdlib.h>

#include "view/rows.h"
#include "units.h"

#define SMALLEST 0.01 /* share of what is shown that has a line of its own */
#define STEP 2U       /* columns of indentation for each caller */

/* What is still to be written. */
struct waiting {
    uint32_t path;
    uint32_t depth;
};

struct walk {
    const struct ouro__page *page;
    const struct ouro__places *places;
    const struct ouro__figures *sums; /* by path, what it called included */
    const uint32_t *firsts;           /* of each path, where in `order` those that it called begin */
    const uint32_t *order;            /* paths, by caller and size */
    double all;
    bool is_estimate;
    size_t n_before; /* columns before the first name */
    size_t deepest;  /* what is further below is not indented further */
};

/* For qsort: by the caller, then by size. */
struct child {
    uint32_t caller, path;
    double bytes;
};

static int
children_compare(const void *a, const void *b)
{
    const struct child *left = a;
    const struct child *right = b;

    if (left->caller != right->caller) {
        return left->caller < right->caller ? -1 : 1;
    }
    if (left->bytes != right->bytes) {
        return left->bytes > right->bytes ? -1 : 1;
    }
    return left->path < right->path ? -1 : left->path > right->path;
}

/* All paths with any bytes, by caller and size; `firsts` has one number more than there are paths.  False without
 * memory. */
static bool
children_sort(const struct ouro__view *view, const struct ouro__places *places,
              const struct ouro__figures *sums, uint32_t **firsts, uint32_t **order)
{
    struct child *children = reallocarray(NULL, view->n_paths, sizeof *children);
    size_t n = 0;

    *firsts = calloc(view->n_paths + 1, sizeof **firsts);
    *order = reallocarray(NULL, view->n_paths, sizeof **order);
    bool is_well = children != NULL && *firsts != NULL && *order != NULL;
    for (uint32_t i = 1; is_well && i < view->n_paths; i++) {
        if (sums[i].bytes > 0) {
            children[n++] = (struct child){places->paths.items[i].a, i, sums[i].bytes};
        }
    }
    if (is_well) {
        qsort(children, n, sizeof *children, children_compare);
        for (size_t i = 0; i < n; i++) {
            (*order)[i] = children[i].path;
            (*firsts)[children[i].caller + 1]++;
        }
        for (size_t i = 0; i < view->n_paths; i++) {
            (*firsts)[i + 1] += (*firsts)[i];
        }
    }
    free(children);
    return is_well;
}

static size_t
indentation(const struct walk *walk, uint32_t depth)
{
    return STEP * (depth < walk->deepest ? depth : walk->deepest);
}

static void
line_begin(const struct walk *walk, const struct ouro__figures *figures, uint32_t depth)
{
    struct ouro__text *text = walk->page->text;

    ouro__row_add_bytes(text, figures, walk->is_estimate);
    ouro__text_print(text, " %5.1f %%  ", walk->all > 0 ? 100 * figures->bytes / walk->all : 0);
    ouro__page_pad(walk->page, (long)indentation(walk, depth));
}

/* One line for all that is too small. */
static void
others_add(const struct walk *walk, const struct ouro__figures *others, size_t n, uint32_t depth)
{
    line_begin(walk, others, depth);
    ouro__page_colour(walk->page, OURO_COLOUR_DIM);
    ouro__text_print(walk->page->text, "%s%zu %s", ouro__text_is_utf8() ? "\u2026 " : "... ", n,
                     n == 1 ? "other" : "others");
    ouro__page_colour(walk->page, OURO_COLOUR_OFF);
    ouro__text_print(walk->page->text, "\n");
}

/* Write those that a path called which are too small, put the others on the stack; how many these were. */
static size_t
children_take(const struct walk *walk, uint32_t path, uint32_t depth, struct waiting *stack)
{
    struct ouro__figures others = {0};
    uint32_t begin = walk->firsts[path], end = walk->firsts[path + 1], n_large = 0;

    while (begin + n_large < end &&
           walk->sums[walk->order[begin + n_large]].bytes >= SMALLEST * walk->all) {
        n_large++;
    }
    for (uint32_t i = begin + n_large; i < end; i++) {
        ouro__figures_add(&others, &walk->sums[walk->order[i]]);
    }
    if (n_large < end - begin && others.bytes >= SMALLEST * walk->all) {
        others_add(walk, &others, end - begin - n_large, depth);
    }
    for (uint32_t i = 0; i < n_large; i++) {
        stack[i] = (struct waiting){walk->order[begin + n_large - 1 - i], depth};
    }
    return n_large;
}

static void
path_add(const struct walk *walk, uint32_t path, uint32_t depth)
{
    uint32_t place = ouro__place_of_path(walk->places, path);
    size_t room = walk->page->look.columns - walk->n_before - indentation(walk, depth);

    line_begin(walk, &walk->sums[path], depth);
    ouro__call_add(walk->page->text, walk->places, place, room);
    ouro__text_print(walk->page->text, "\n");
}

/* Whether a path is one of many of a deep chain: it has no bytes of its own, and all that it has is below one other. */
static bool
is_link(const struct walk *walk, const struct waiting *now)
{
    uint32_t begin = walk->firsts[now->path];

    return now->depth >= walk->deepest && walk->firsts[now->path + 1] - begin == 1 &&
           walk->sums[walk->order[begin]].bytes >= walk->sums[now->path].bytes;
}

/* `stack` has room for all paths. */
static void
walk_all(const struct walk *walk, struct waiting *stack)
{
    size_t n = children_take(walk, 0, 0, stack), n_passed = 0;

    while (n > 0) {
        struct waiting now = stack[--n];
        if (is_link(walk, &now)) {
            n_passed++;
        } else {
            if (n_passed > 0) {
                line_begin(walk, &walk->sums[now.path], now.depth);
                ouro__text_print(walk->page->text, "(%zu %s between)\n", n_passed,
                                 n_passed == 1 ? "frame" : "frames");
                n_passed = 0;
            }
            path_add(walk, now.path, now.depth);
        }
        n += children_take(walk, now.path, now.depth + 1, stack + n);
    }
}

bool
ouro__tree_add(const struct ouro__page *page, const struct ouro__places *places,
               const struct ouro__view *view, bool is_estimate)
{
    struct ouro__figures *sums = ouro__view_subtrees(view, places);
    struct waiting *stack = reallocarray(NULL, view->n_paths, sizeof *stack);
    uint32_t *firsts = NULL, *order = NULL;
    bool is_well = sums != NULL && stack != NULL && children_sort(view, places, sums, &firsts, &order);

    if (is_well) {
        struct walk walk = {page, places, sums, firsts, order, view->kept.bytes, is_estimate, 0, 0};
        walk.n_before = is_estimate ? 32 : 20;
        walk.deepest = (page->look.columns - walk.n_before) / 3 / STEP;
        walk_all(&walk, stack);
        if (ouro__view_at(view, 0)->bytes > 0) {
            line_begin(&walk, ouro__view_at(view, 0), 0);
            ouro__text_print(page->text, "%s\n", ouro__text_at(places, 0));
        }
    }
    free(sums);
    free(stack);
    free(firsts);
    free(order);
    return is_well;
}
