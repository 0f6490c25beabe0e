/* narrow.h - a part of what a snapshot tells, in place of all: whatever shows it shows that part. */
#ifndef OURO_CLI_NARROW_H
#define OURO_CLI_NARROW_H

#include "snapshot/view.h"
#include "view/saved.h"

/* Only what was allocated since the program set a mark, the first one of that name.  Without such a mark: nothing. */
void ouro__narrow_since(struct ouro__saved *saved, const char *mark);

/* Whether the snapshot knows the mark; said where it doesn't, with those that it knows. */
bool ouro__narrow_knows(const struct ouro__saved *saved, const char *mark);

/* What counts as ever allocated are blocks that were freed within so many further allocations: 1, 10, ... 1,000,000. */
void ouro__narrow_temporary(struct ouro__snapshot *snapshot, uint64_t within);

/* The blocks of a trace that were freed within the k-th of 1, 10, ... 1,000,000 allocations, but not within the one before;
 * none where that was not noted. */
struct ouro__figures ouro__life_figures(const struct ouro__snapshot *snapshot, size_t trace, int k);

/* Of what the filters of `view` left: how many blocks were freed within 1, 10, ... 1,000,000 allocations, each with those
 * of all before it. */
void ouro__lives_sum(const struct ouro__snapshot *snapshot, const struct ouro__view *view,
                     double blocks[OURO_SNAPSHOT_N_LIVES]);

#endif
