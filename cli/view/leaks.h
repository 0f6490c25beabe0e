/* leaks.h - what may be a leak: what a program still holds although its line goes on allocating, and what grows from
 * each snapshot to the next. */
#ifndef OURO_CLI_LEAKS_H
#define OURO_CLI_LEAKS_H

#include "view/view_options.h"

/* Leave out what lives by design: what was allocated while modules were imported, and by no Python code.  False without
 * memory. */
bool ouro__leaks_filter(struct ouro__filters *filters);

/* Keys whose live bytes are more in each of the snapshots than in the one before, with what they grew by from the first
 * one to the last; of estimates by more than two standard errors.  `views` are of the snapshots in their order, all with
 * the same places.  Owned, NULL without memory. */
struct ouro__row *ouro__leaks_grown(const struct ouro__view *views, size_t n_views,
                                    struct ouro__places *places, struct ouro__groups *groups,
                                    const struct ouro__view_options *options, size_t *n);

#endif
