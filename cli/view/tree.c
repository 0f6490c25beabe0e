/* tree.c - a tree of calls, written without recursion: a traceback may be deeper than our stack.
 *
 * Below some depth frames that only hand on to one other are counted and not shown, so that ten thousand frames of one
 * recursion do not run out of the screen. */
#define _GNU_SOURCE
#include "view/tree.h"

#include <stdlib.h>

#include "snapshot/grow.h"
#include "view/rows.h"
#include "units.h"

#define SMALLEST 0.01 /* share of what is shown that has a line of its own */
#define STEP 2U       /* columns of indentation for each caller */

/* What is still to be written. */
struct waiting {
    uint32_t path;
    uint32_t depth;
};

/* A path that is large enough for a line, as one that is called. */
struct child {
    uint32_t caller, path;
    double bytes;
};

/* The same as one that calls: those that are too small, of which there may be millions. */
struct caller {
    uint32_t path;
    size_t n_small;
    struct ouro__figures small;
};

struct walk {
    const struct ouro__page *page;
    const struct ouro__places *places;
    double *bytes;          /* by path, what it called included; owned */
    double *variances;      /* the same; NULL where all is counted */
    struct child *children; /* by caller, then by size; owned */
    struct caller *callers; /* by path; owned.  The first is the root */
    size_t n_children, n_callers, children_room, callers_room;
    double all;
    bool is_estimate;
    size_t n_before; /* columns before the first name */
    size_t deepest;  /* what is further below is not indented further */
};

/* For qsort: by the caller, then by size. */
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

static bool
is_large(const struct walk *walk, uint32_t path)
{
    double bytes = walk->bytes[path];
    return bytes > 0 && bytes >= SMALLEST * walk->all;
}

/* Bytes alone: blocks are not shown. */
static struct ouro__figures
figures_of(const struct walk *walk, uint32_t path)
{
    double variance = walk->variances == NULL ? 0 : walk->variances[path];
    return (struct ouro__figures){.bytes = walk->bytes[path], .variance = variance};
}

/* Of the root, or a path that is large. */
static struct caller *
caller_find(const struct walk *walk, uint32_t path)
{
    size_t low = 0, high = walk->n_callers;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(walk->callers[middle].path <= path ? &low : &high) = middle;
    }
    return &walk->callers[low];
}

/* Where the large ones that a path called begin, and how many they are. */
static const struct child *
children_find(const struct walk *walk, uint32_t path, size_t *n)
{
    size_t low = 0, high = walk->n_children;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (walk->children[middle].caller < path) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (*n = 0; low + *n < walk->n_children && walk->children[low + *n].caller == path;) {
        ++*n;
    }
    return walk->children + low;
}

/* A path that calls.  False without memory. */
static bool
caller_add(struct walk *walk, uint32_t path)
{
    struct caller *callers =
        ouro__grow(walk->callers, walk->n_callers, &walk->callers_room, sizeof *callers);

    if (callers == NULL) {
        return false;
    }
    walk->callers = callers;
    walk->callers[walk->n_callers++] = (struct caller){.path = path};
    return true;
}

/* One that is called.  False without memory. */
static bool
child_add(struct walk *walk, uint32_t caller, uint32_t path)
{
    struct child *children =
        ouro__grow(walk->children, walk->n_children, &walk->children_room, sizeof *children);

    if (children == NULL) {
        return false;
    }
    walk->children = children;
    walk->children[walk->n_children++] = (struct child){caller, path, walk->bytes[path]};
    return true;
}

/* Find what is large, and of each such path what is not.  False without memory. */
static bool
branches_find(struct walk *walk, size_t n_paths)
{
    if (!caller_add(walk, 0)) {
        return false;
    }
    for (uint32_t i = 1; i < n_paths; i++) {
        uint32_t caller = walk->places->paths.items[i].a;
        if (is_large(walk, i)) {
            if (!caller_add(walk, i) || !child_add(walk, caller, i)) {
                return false;
            }
        } else if (walk->bytes[i] > 0 && (caller == 0 || is_large(walk, caller))) {
            struct caller *of = caller_find(walk, caller);
            struct ouro__figures figures = figures_of(walk, i);
            ouro__figures_add(&of->small, &figures);
            of->n_small++;
        }
    }
    if (walk->n_children > 0) {
        qsort(walk->children, walk->n_children, sizeof *walk->children, children_compare);
    }
    return true;
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
    const struct caller *caller = caller_find(walk, path);
    size_t n;
    const struct child *children = children_find(walk, path, &n);

    if (caller->n_small > 0 && caller->small.bytes >= SMALLEST * walk->all) {
        others_add(walk, &caller->small, caller->n_small, depth);
    }
    for (size_t i = 0; i < n; i++) {
        stack[i] = (struct waiting){children[n - 1 - i].path, depth};
    }
    return n;
}

static void
path_add(const struct walk *walk, uint32_t path, uint32_t depth)
{
    uint32_t place = ouro__place_of_path(walk->places, path);
    size_t room = walk->page->look.columns - walk->n_before - indentation(walk, depth);
    struct ouro__figures figures = figures_of(walk, path);

    line_begin(walk, &figures, depth);
    ouro__call_add(walk->page->text, walk->places, place, room);
    ouro__text_print(walk->page->text, "\n");
}

/* Whether a path is one of many of a deep chain: it has no bytes of its own, and all that it has is below one other. */
static bool
is_link(const struct walk *walk, const struct waiting *now)
{
    size_t n;
    const struct child *child = children_find(walk, now->path, &n);

    return now->depth >= walk->deepest && n == 1 && caller_find(walk, now->path)->n_small == 0 &&
           child->bytes >= walk->bytes[now->path];
}

/* `stack` has room for all that are large. */
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
                struct ouro__figures figures = figures_of(walk, now.path);
                line_begin(walk, &figures, now.depth);
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
    struct waiting *stack = NULL;
    struct walk walk = {.page = page,
                        .places = places,
                        .bytes = ouro__view_subtrees(view, places, false),
                        .all = view->kept.bytes,
                        .is_estimate = is_estimate,
                        .n_before = is_estimate ? 32 : 20};

    walk.deepest = (page->look.columns - walk.n_before) / 3 / STEP;
    if (is_estimate) {
        walk.variances = ouro__view_subtrees(view, places, true);
    }
    bool is_well = walk.bytes != NULL && (walk.variances != NULL || !is_estimate);
    if (is_well && branches_find(&walk, view->n_spots)) {
        stack = reallocarray(NULL, walk.n_callers, sizeof *stack);
    }
    if (stack != NULL) {
        walk_all(&walk, stack);
        if (ouro__view_at(view, 0)->bytes > 0) {
            line_begin(&walk, ouro__view_at(view, 0), 0);
            ouro__text_print(page->text, "%s\n", ouro__text_at(places, 0));
        }
    }
    free(walk.bytes);
    free(walk.variances);
    free(walk.children);
    free(walk.callers);
    free(stack);
    return stack != NULL;
}
