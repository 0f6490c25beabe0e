/* things.h - objects that models make their graphs of, of every way to say what an object refers to. */
#ifndef OURO_TESTS_MODEL_THINGS_H
#define OURO_TESTS_MODEL_THINGS_H

#include <ouro/ouro.h>

#include "random.h"

/* Pairs and a hand have two references, a hand's are visited by functions; a row has as many as it was made with, a leaf
 * has none. */
enum kind { PAIR, FINAL_PAIR, ROW, FINAL_ROW, HAND, LEAF, N_KINDS };

struct thing {
    ouro_object head;
    uint64_t life, number; /* as the model likes; 0 at first */
    size_t n;
    ouro_ref refs[];
};

/* Their types, borrowed. */
extern ouro_loan thing_types[N_KINDS];

/* Make the types.  `on_end` finalizes those that are FINAL. */
void things_begin(void (*on_death)(ouro_loan thing), ouro_status (*on_end)(ouro_loan thing));

/* A new one; a row has at most `most_refs`.  Never fails: the test ends. */
struct thing *thing_new(enum kind kind, size_t most_refs, struct test_random *random);

static inline struct thing *
thing_of(ouro_loan object)
{
    return (struct thing *)ouro_look(object);
}

#endif
