/* changes.c - the keys whose figures are different in two snapshots. */
#define _DEFAULT_SOURCE
#include "snapshot/changes.h"

#include <math.h>
#include <stdlib.h>

const char *const ouro__change_states[4] = {"new", "gone", "grew", "shrank"};

double
ouro__change_growth(const struct ouro__change *change)
{
    return change->figures[OURO__AFTER].bytes - change->figures[OURO__BEFORE].bytes;
}

enum ouro__change_state
ouro__change_state(const struct ouro__change *change)
{
    if (change->figures[OURO__BEFORE].blocks <= 0) {
        return OURO__CHANGE_NEW;
    }
    if (change->figures[OURO__AFTER].blocks <= 0) {
        return OURO__CHANGE_GONE;
    }
    return ouro__change_growth(change) >= 0 ? OURO__CHANGE_GREW : OURO__CHANGE_SHRANK;
}

/* What changed most is first; of what changed alike, what grew. */
static int
changes_compare(const void *a, const void *b)
{
    const struct ouro__change *left = a;
    const struct ouro__change *right = b;
    double growths[] = {ouro__change_growth(left), ouro__change_growth(right)};

    if (fabs(growths[0]) != fabs(growths[1])) {
        return fabs(growths[0]) > fabs(growths[1]) ? -1 : 1;
    }
    if (growths[0] != growths[1]) {
        return growths[0] > growths[1] ? -1 : 1;
    }
    return left->key < right->key ? -1 : left->key > right->key;
}

/* Estimates that were summed up in another order differ by next to nothing. */
static bool
is_changed(const struct ouro__change *change)
{
    double blocks = change->figures[OURO__AFTER].blocks - change->figures[OURO__BEFORE].blocks;
    return fabs(ouro__change_growth(change)) >= 0.5 || fabs(blocks) >= 0.5;
}

/* Most paths only lead to others. */
static bool
holds_any(const struct ouro__view *view, size_t path)
{
    return path < view->n_spots && view->numbers[path] != 0;
}

struct ouro__change *
ouro__changes_find(const struct ouro__view views[2], struct ouro__places *places,
                   struct ouro__groups *groups, enum ouro__by by, bool cumulative, size_t *n)
{
    bool are_paths = by == OURO_BY_TRACEBACK && !cumulative, is_well = true;
    struct ouro__figures *figures[2] = {NULL, NULL}; /* but for paths, of which the views have them */
    size_t n_keys[2] = {views[OURO__BEFORE].n_spots, views[OURO__AFTER].n_spots};

    for (int i = OURO__BEFORE; i <= OURO__AFTER && !are_paths; i++) {
        figures[i] = ouro__view_fold(&views[i], places, groups, by, cumulative, &n_keys[i]);
        is_well = is_well && figures[i] != NULL;
    }
    size_t most =
        n_keys[OURO__BEFORE] > n_keys[OURO__AFTER] ? n_keys[OURO__BEFORE] : n_keys[OURO__AFTER];
    struct ouro__change *changes = is_well ? reallocarray(NULL, most, sizeof *changes) : NULL;

    *n = 0;
    for (size_t key = 0; changes != NULL && key < most; key++) {
        if (are_paths && !holds_any(&views[OURO__BEFORE], key) &&
            !holds_any(&views[OURO__AFTER], key)) {
            continue;
        }
        struct ouro__change change = {.key = (uint32_t)key};
        for (int i = OURO__BEFORE; i <= OURO__AFTER; i++) {
            if (key < n_keys[i]) {
                change.figures[i] = are_paths ? *ouro__view_at(&views[i], key) : figures[i][key];
            }
        }
        if (is_changed(&change)) {
            changes[(*n)++] = change;
        }
    }
    if (changes != NULL) {
        qsort(changes, *n, sizeof *changes, changes_compare);
    }
    free(figures[OURO__BEFORE]);
    free(figures[OURO__AFTER]);
    return changes;
}
