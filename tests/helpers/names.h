/* names.h - names of attributes, and classes and functions to try them on.  What cannot be made ends the test. */
#ifndef OURO_TESTS_NAMES_H
#define OURO_TESTS_NAMES_H

#include "nodes.h"

#define MOST_NAMES 64

/* The text "a<number>", interned, borrowed. */
ouro_loan name_of(unsigned number);

/* Another text that equals, new. */
ouro_ref name_copy(unsigned number);

/* A new text. */
ouro_ref text(const char *utf8);

/* A new class; `base` may be NULL.  The slots are name_of(0) and on. */
ouro_ref class_new(const char *name, ouro_loan base, size_t n_slots, bool is_closed);

/* A new instance. */
ouro_ref instance_new(ouro_loan type);

/* Have an attribute of an instance, the value stolen. */
void attribute_set(ouro_loan instance, ouro_loan name, ouro_ref value);

/* The instance has the same attributes as the dict, the same values, in the same order: or the test ends. */
void attributes_check(ouro_loan instance, ouro_loan dict);

/* A new function with the name "f". */
ouro_ref function_new(ouro_function_body body, ouro_loan captured);

/* A body that does nothing. */
ouro_status do_nothing(ouro_loan function, ouro_loan const *arguments, size_t n, ouro_ref *result);

#endif
