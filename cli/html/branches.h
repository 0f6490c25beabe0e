/* branches.h - a snapshot's tree of calls, cut down to what a page can hold; the sums stay what they were. */
#ifndef OURO_CLI_BRANCHES_H
#define OURO_CLI_BRANCHES_H

#include "snapshot/view.h"

/* In the place of a branch's place: several that were put together. */
#define OURO_BRANCH_SMALL (OURO_NO_ID - 1) /* what is too small, below one caller */
#define OURO_BRANCH_DEEP (OURO_NO_ID - 2)  /* frames in the middle of tracebacks that are very deep */

struct ouro__branch {
    uint32_t caller;                          /* less than its own number; 0, the root, is its own */
    uint32_t place;                           /* or one of the above */
    uint32_t n_merged;                        /* paths put together here, 0 for those with a place */
    struct ouro__figures by[OURO_N_MEASURES]; /* of blocks that were asked for right there */
};

struct ouro__branches {
    struct ouro__branch *items; /* owned */
    size_t n;
    double
        smallest; /* share of all that a path has with what it called, if it isn't put together; 0: none is */
    size_t n_small; /* paths that are too small */
};

/* Of a snapshot that was summed up for each measure, by views that share what they can; about `most` branches at most.  False without memory. */
bool ouro__branches_make(struct ouro__branches *branches, const struct ouro__places *places,
                         const struct ouro__view *views, size_t most);
void ouro__branches_free(struct ouro__branches *branches);

#endif
