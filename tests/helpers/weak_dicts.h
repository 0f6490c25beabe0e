/* weak_dicts.h - dicts that don't keep their values, or their keys, and what to put into them.  What fails ends the test. */
#ifndef OURO_TESTS_WEAK_DICTS_H
#define OURO_TESTS_WEAK_DICTS_H

#include <stdbool.h>

#include "keys.h"

/* A key, of the kind that must be kept elsewhere when it is weak, and equal to others of its number. */
ouro_ref number(uint64_t value);

/* A new node with that number. */
ouro_ref node(uintptr_t value);

/* The same, which holds itself. */
ouro_ref ring(uintptr_t value);

/* Have an entry of a weak dict. */
void set(ouro_loan dict, ouro_loan key, ouro_loan value);

/* The value's number, or -1 when the key is not there. */
long get(ouro_loan dict, ouro_loan key);

/* How many items come out of the iterator, which is stolen. */
size_t count(ouro_ref iterator_stolen);

#define N 1000

/* What is weak of full_dict()'s entries. */
extern ouro_ref keys[N], values[N];

/* Dict of N entries; what is weak stays in `keys` or `values`, the other array is NULL. */
ouro_ref full_dict(bool has_weak_keys, bool cyclic);

/* That one of `keys` and `values`. */
ouro_ref *weak_part(bool has_weak_keys);

/* Let go of all that is in it. */
void let_go_of_parts(bool has_weak_keys);

#endif
