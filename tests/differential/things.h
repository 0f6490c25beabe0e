/* things.h - what weak dicts and weak sets hold on both sides, and how scripts about them are played.
 *
 * *Things* are objects that nobody else keeps: to let go of one ends it on both sides, at once or, when it is in a cycle, with the
 * collection that is asked for then.  Some of them equal each other. */
#ifndef OURO_TESTS_THINGS_H
#define OURO_TESTS_THINGS_H

#include "both.h"

#define N_THINGS 32
#define N_HOLDERS 5

/* The things, and the dicts or sets that hold them. */
extern struct both things[N_THINGS], holders[N_HOLDERS];

/* Has no hash. */
extern struct both nothing;

/* Make the things, the holders, and the values of both.h; and end all of them. */
void things_begin(struct both (*make)(void));
void things_end(void);

/* Play one of the steps on one of the holders, or have a thing die; the holder is compared whole at times. */
void things_play_step(void (*const *steps)(struct both holder), size_t n_steps,
                      void (*require_same_holder)(struct both holder));

/* Let go of a thing, and have another in its place. */
void replace_thing(size_t which);

/* Which thing it is; the test ends when it is none. */
size_t which_thing(ouro_loan ours);

/* Call a function, or a class, of CPython's side by its name, with up to two arguments: a new reference. */
PyObject *call_named(const char *name, PyObject *first, PyObject *second);

static inline struct both
some_thing(void)
{
    return things[roll(N_THINGS)];
}

static inline struct both
some_holder(void)
{
    return holders[roll(N_HOLDERS)];
}

#endif
