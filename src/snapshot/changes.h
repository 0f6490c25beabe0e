/* changes.h - what is different between two snapshots. */
#ifndef OURO_SNAPSHOT_CHANGES_H
#define OURO_SNAPSHOT_CHANGES_H

#include "snapshot/view.h"

enum { OURO__BEFORE, OURO__AFTER };

/* A key whose figures changed. */
struct ouro__change {
    uint32_t key;
    struct ouro__figures figures[2]; /* before, after */
};

enum ouro__change_state { OURO__CHANGE_NEW, OURO__CHANGE_GONE, OURO__CHANGE_GREW, OURO__CHANGE_SHRANK };

extern const char *const ouro__change_states[4]; /* "new", ... */

double ouro__change_growth(const struct ouro__change *change); /* bytes */

enum ouro__change_state ouro__change_state(const struct ouro__change *change);

/* The keys that differ between two views of the same places, `*n` of them: what changed most is first.  Owned, NULL
 * without memory. */
struct ouro__change *ouro__changes_find(const struct ouro__view views[2], struct ouro__places *places,
                                        struct ouro__groups *groups, enum ouro__by by, bool cumulative,
                                        size_t *n);

#endif
