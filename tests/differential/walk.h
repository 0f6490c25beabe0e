/* walk.h - an iterator of both, over something that may change meanwhile. */
#ifndef OURO_TESTS_WALK_H
#define OURO_TESTS_WALK_H

#include "both.h"

extern struct both walk;   /* the iterator; NULL: none */
extern bool is_walk_clean; /* nothing was changed since it began: the test says so */

/* Begin with another one, stolen. */
void walk_begin(ouro_ref ours, PyObject *theirs);
void walk_end(void);

/* The next one of both, as they gave it, and what Ouro's said; false when there is no iterator. */
bool walk_next(ouro_status *status, struct both *gave);

#endif
