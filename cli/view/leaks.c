/* leaks.c - what may be a leak. */
#define _GNU_SOURCE
#include "view/leaks.h"

#include <math.h>
#include <stdlib.h>

#define ERRORS_LEAST 2 /* standard errors */

bool
ouro__leaks_filter(struct ouro__filters *filters)
{
    static const char *const by_design[] = {"<frozen importlib*", "(no frame)"};
    size_t n = sizeof by_design / sizeof *by_design;
    const char **larger =
        reallocarray(filters->unwanted, filters->n_unwanted + n, sizeof *filters->unwanted);

    if (larger == NULL) {
        return false;
    }
    filters->unwanted = larger;
    for (size_t i = 0; i < n; i++) {
        larger[filters->n_unwanted++] = by_design[i];
    }
    return true;
}

/* The figures of all snapshots by key. */
struct folded {
    struct ouro__figures *figures;
    size_t n;
};

static struct ouro__figures
figures_at(const struct folded *folded, size_t key)
{
    static const struct ouro__figures nothing;
    return key < folded->n ? folded->figures[key] : nothing;
}

/* What a key grew by; false when it did not, all the time. */
static bool
growth_find(const struct folded *folded, size_t n, size_t key, struct ouro__figures *growth)
{
    struct ouro__figures first = figures_at(&folded[0], key), last = figures_at(&folded[n - 1], key);
    double before = first.bytes;

    for (size_t i = 1; i < n; i++) {
        double now = figures_at(&folded[i], key).bytes;
        if (now <= before) {
            return false;
        }
        before = now;
    }
    *growth =
        (struct ouro__figures){.bytes = last.bytes - first.bytes,
                               .blocks = last.blocks > first.blocks ? last.blocks - first.blocks : 0,
                               .variance = first.variance + last.variance};
    return growth->bytes > ERRORS_LEAST * sqrt(growth->variance);
}

static int
rows_compare(const void *a, const void *b)
{
    const struct ouro__row *left = a, *right = b;

    if (left->figures.bytes != right->figures.bytes) {
        return left->figures.bytes > right->figures.bytes ? -1 : 1;
    }
    return left->key < right->key ? -1 : left->key > right->key;
}

struct ouro__row *
ouro__leaks_grown(const struct ouro__view *views, size_t n_views, struct ouro__places *places,
                  struct ouro__groups *groups, const struct ouro__view_options *options, size_t *n)
{
    struct folded *folded = calloc(n_views, sizeof *folded);
    struct ouro__row *rows = NULL;
    bool is_well = folded != NULL;

    *n = 0;
    for (size_t i = 0; i < n_views && is_well; i++) {
        folded[i].figures =
            ouro__view_fold(&views[i], places, groups, options->by, options->cumulative, &folded[i].n);
        is_well = folded[i].figures != NULL;
    }
    size_t n_keys = is_well ? folded[n_views - 1].n : 0;
    rows = is_well ? reallocarray(NULL, n_keys + 1, sizeof *rows) : NULL;
    for (size_t key = 0; rows != NULL && key < n_keys; key++) {
        struct ouro__figures growth;
        if (growth_find(folded, n_views, key, &growth)) {
            rows[(*n)++] = (struct ouro__row){(uint32_t)key, growth};
        }
    }
    if (rows != NULL) {
        qsort(rows, *n, sizeof *rows, rows_compare);
    }
    for (size_t i = 0; folded != NULL && i < n_views; i++) {
        free(folded[i].figures);
    }
    free(folded);
    return rows;
}
