/* frames.h - generators with a frame to look into, and what is seen of their clean-up. */
#ifndef OURO_TESTS_FRAMES_H
#define OURO_TESTS_FRAMES_H

#include "numbers.h"

/* The frame of every generator here: some references, a number, and what is to be seen of its clean-up. */
struct frame {
    ouro_generator generator;
    ouro_ref data, other;
    int64_t i, n;
};

extern unsigned long n_cleaned; /* clean-ups so far; atomic */
extern ouro_status last_seen;   /* what the last clean-up, or the last label, found thrown */
extern ouro_status unraisable;  /* what note_unraisable() was told of last */

/* Begin the object system and make the type, with nothing counted and no collection but those that are asked for; again at
 * will.  For cmocka's set-up. */
int frames_setup(void **state);

/* A new generator with its `n`.  Never fails: the test ends. */
ouro_ref make(ouro_generator_resume resume, int64_t n);

/* Throw without a value, and without taking what comes of it. */
ouro_status throw_in(ouro_ref generator, ouro_status status);

/* Count a clean-up, at the end of a generator's function. */
void note_clean_up(ouro_generator *self);

/* For ouro_set_unraisable_hook(). */
void note_unraisable(ouro_status status, const char *where, ouro_loan object, void *context);

/* ---- generators to try ---- */

/* 0, 1, 2 ... n - 1 */
ouro_status count_up(ouro_generator *self);

/* The sum of what was sent so far; at None it returns that. */
ouro_status sum(ouro_generator *self);

/* Catches all that is thrown and gives its number, negated; on OURO_CLOSED it does as `n` says: 0 ends, 1 goes on, 2 fails with
 * another failure. */
ouro_status catch_all(ouro_generator *self);

static inline struct frame *
frame_of(ouro_ref generator)
{
    return (struct frame *)generator;
}

#endif
