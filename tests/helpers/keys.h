/* keys.h - keys to be hostile with: their hash is what they are told, and comparing them calls what the test says. */
#ifndef OURO_TESTS_KEYS_H
#define OURO_TESTS_KEYS_H

#include "nodes.h"

struct key {
    ouro_object head;
    uint64_t value;
    uint64_t hash;
};

/* Called when two keys are compared, before that is done; NULL for nothing.  A failure is what comparing fails with. */
extern ouro_status (*key_on_equal)(ouro_loan a, ouro_loan b);

/* Comparisons so far. */
extern unsigned long keys_compared;

/* Begin the object system and make the types; again at will.  For cmocka's set-up. */
int keys_setup(void **state);

/* The same, with gc_setup() of nodes.h. */
int keys_gc_setup(void **state);

/* For key_on_equal: comparing fails with OURO_FAILED. */
ouro_status key_refuse(ouro_loan a, ouro_loan b);

/* A new key, equal to those with the same value.  Never fails: the test ends. */
ouro_ref key_new(uint64_t value, uint64_t hash);

static inline uint64_t
key_value(ouro_loan key)
{
    return ((struct key *)ouro_look(key))->value;
}

#endif
