/* ouro/protocol.h - what may be asked of any object whose type has an answer: hash, equality, text, iteration. */
#ifndef OURO_PROTOCOL_H
#define OURO_PROTOCOL_H

#include <ouro/object.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The hash of an object: the same for equal objects, and for one object always.
 *
 * @param hash  receives it
 * @return OURO_OK, OURO_UNHASHABLE, OURO_TOO_DEEP when a thousand objects lie inside each other, or what the type's
 *         own function fails with
 * @source Python's hash()
 */
OURO_API OURO_NODISCARD ouro_status ouro_hash(ouro_loan object, uint64_t *hash);

/**
 * Whether two objects are equal: the same object, or equal by the type of the one or of the other.
 *
 * @return OURO_FOUND when equal, OURO_OK when not, OURO_TOO_DEEP when a thousand objects lie inside each other, as what
 *         contains itself does without end, or what a type's own function fails with
 * @source CPython Objects/object.c, PyObject_RichCompareBool() with Py_EQ, and RecursionError
 */
OURO_API OURO_NODISCARD ouro_status ouro_equal(ouro_loan a, ouro_loan b);

/** A new iterator over an object; OURO_WRONG_TYPE when it is none that can be iterated over. */
OURO_API OURO_NODISCARD ouro_status ouro_iterate(ouro_loan object, ouro_ref *iterator);

/** The next item, as a new reference: OURO_FOUND; 0 at the end; OURO_WRONG_TYPE when it is no iterator. */
OURO_API OURO_NODISCARD ouro_status ouro_next(ouro_loan iterator, ouro_ref *item);

/**
 * A new text that shows an object: what its type says, or else its type's name and its address.  What contains
 * itself is shown as "[...]", "(...)" or "{...}" inside, and so is what lies more than a hundred deep.
 *
 * @return a new reference to a str, or NULL without memory
 * @source Python's repr()
 */
OURO_API OURO_NODISCARD ouro_ref ouro_repr(ouro_loan object);

/**
 * Choose by `seed` the key of the hashes of texts and bytes, so that they are the same in each run.  By default it is the number in
 * the environment's OURO_HASH_SEED, otherwise one that nobody can guess: who may choose what is put in a
 * table must not be able to choose what collides.
 *
 * @return OURO_OK, or OURO_BUSY after ouro_init()
 * @threads any
 */
OURO_API OURO_NODISCARD ouro_status ouro_set_hash_seed(uint64_t seed);

/** Say nothing equals: what `equal` gives for objects of other types. */
#define OURO_NOT_EQUAL OURO_OK

#ifdef __cplusplus
}
#endif

#endif
