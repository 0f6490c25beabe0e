/* numbers.h - the numbers that objects are.  Of anything else the test ends. */
#ifndef OURO_TESTS_NUMBERS_H
#define OURO_TESTS_NUMBERS_H

#include <ouro/ouro.h>

int64_t number_of(ouro_loan object);

/* The same, and let go of the object. */
int64_t value_of(ouro_ref stolen);

/* The number that an iterator gives next; -1 at its end. */
int64_t next_number(ouro_ref iterator);

#endif
