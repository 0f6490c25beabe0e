/* walk.c - see walk.h. */
#include "walk.h"

struct both walk;
bool is_walk_clean;

void
walk_begin(ouro_ref ours, PyObject *theirs)
{
    both_assign(&walk, (struct both){ours, theirs});
    is_walk_clean = true;
}

void
walk_end(void)
{
    both_assign(&walk, (struct both){NULL, NULL});
}

bool
walk_next(ouro_status *status, struct both *gave)
{
    if (walk.ours == NULL) {
        return false;
    }
    doing("the next one");
    *gave = (struct both){NULL, NULL};
    *status = ouro_next(ouro_lend(walk.ours), &gave->ours);
    gave->theirs = PyIter_Next(walk.theirs);
    return true;
}
