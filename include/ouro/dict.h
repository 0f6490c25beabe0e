/* ouro/dict.h - from keys to values, in the order in which the keys were put in.
 *
 * Keys have a hash, and must not change what they equal while they are in.  Looking one up may call the keys' `hash`
 * and `equal`, which may do anything, also to the dict. */
#ifndef OURO_DICT_H
#define OURO_DICT_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The type of dicts, borrowed; may be the base of others. */
OURO_API ouro_loan ouro_dict_type(void);

/** A new empty dict, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_dict_new(void);

/** A new dict with the same keys and values, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_dict_copy(ouro_loan dict);

/** How many keys there are. */
OURO_API size_t ouro_dict_length(ouro_loan dict);

/* What looks keys up may fail with what their `hash` and `equal` fail with, or OURO_UNHASHABLE. */

/** The value of a key, as a new reference: OURO_FOUND; 0 when there is none; or a failure.
 * @threads attached, also while others change it */
OURO_API OURO_NODISCARD ouro_status ouro_dict_get(ouro_loan dict, ouro_loan key, ouro_ref *value);

/** The same, borrowed from the dict: for who knows that nobody changes it.  NULL when there is none, or on failure. */
OURO_API ouro_loan ouro_dict_get_borrow(ouro_loan dict, ouro_loan key);

/** Whether there is a key: OURO_FOUND, 0, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_dict_contains(ouro_loan dict, ouro_loan key);

/** Have a key, put in last if it is new, and a value for it; OURO_OK or a failure, OURO_NO_MEMORY among them. */
OURO_API OURO_NODISCARD ouro_status ouro_dict_set(ouro_loan dict, ouro_loan key, ouro_loan value);

/**
 * Get the value of a key; put it in, with `preset`, when there is none.
 *
 * @param value  receives a new reference to the value that the key has now; may be NULL
 * @return OURO_FOUND when it was there, OURO_OK when it was put in, or a failure
 * @source dict.setdefault()
 */
OURO_API OURO_NODISCARD ouro_status ouro_dict_set_default(ouro_loan dict, ouro_loan key,
                                                          ouro_loan preset, ouro_ref *value);

/** Take a key out: OURO_FOUND, 0 when there is none, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_dict_delete(ouro_loan dict, ouro_loan key);

/** Take a key out and have its value, as a new reference: OURO_FOUND, 0 when there is none, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_dict_pop(ouro_loan dict, ouro_loan key, ouro_ref *value);

/** Take the key out that was put in last: OURO_FOUND and new references, or 0 when there is none. */
OURO_API OURO_NODISCARD ouro_status ouro_dict_popitem(ouro_loan dict, ouro_ref *key, ouro_ref *value);

/**
 * Put in all keys and values of another dict, or of something that can be iterated over and gives tuples or lists of
 * two.  What was put in before a failure stays.
 *
 * @return OURO_OK, OURO_WRONG_TYPE for what can't be iterated over, OURO_WRONG_VALUE for an item that is no
 *         pair, OURO_CHANGED when the other dict was changed meanwhile, or a failure
 */
OURO_API OURO_NODISCARD ouro_status ouro_dict_update(ouro_loan dict, ouro_loan other);

/** Take all keys out. */
OURO_API void ouro_dict_clear(ouro_loan dict);

/** A new list of all keys, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_dict_keys(ouro_loan dict);

/** A new list of all values, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_dict_values(ouro_loan dict);

/** A new list of all keys with their values, each a tuple of two, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_dict_items(ouro_loan dict);

/* The ouro_next() of the iterators below gives OURO_CHANGED from when there are more or fewer keys than in the beginning. */

/** A new iterator over the keys, or NULL without memory; ouro_iterate() gives the same. */
OURO_API OURO_NODISCARD ouro_ref ouro_dict_iterate_keys(ouro_loan dict);

/** A new iterator over the values, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_dict_iterate_values(ouro_loan dict);

/** A new iterator over keys with their values, each a new tuple of two, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_dict_iterate_items(ouro_loan dict);

/**
 * Step through a dict.  Values may be set and keys deleted meanwhile; where keys are put in, some may come twice or not.
 *
 * @param position  0 in the beginning; where the next step goes on
 * @param key       receives a new reference; may be NULL
 * @param value     receives a new reference; may be NULL
 * @return whether there was one more
 * @source CPython Objects/dictobject.c, PyDict_Next()
 */
OURO_API bool ouro_dict_next(ouro_loan dict, size_t *position, ouro_ref *key, ouro_ref *value);

/**
 * The same, borrowed from the dict: for who knows that nobody changes it.
 *
 * @param position  0 in the beginning; where the next step goes on
 * @param key       receives the key, borrowed
 * @param value     receives the value, borrowed
 * @return whether there was one more
 */
OURO_API bool ouro_dict_next_borrow(ouro_loan dict, size_t *position, ouro_loan *key, ouro_loan *value);

#ifdef __cplusplus
}
#endif

#endif
