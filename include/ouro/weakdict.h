/* ouro/weakdict.h - dicts that do not keep their values, or their keys, alive.
 *
 * An entry vanishes when its value (its key) dies.  That needs no memory, runs nothing of the program's, and may happen at any moment,
 * also while somebody iterates: iterators pass by what is gone.  What <ouro/dict.h> says of keys holds here, too.
 *
 * @source  Python's weakref.WeakValueDictionary and weakref.WeakKeyDictionary */
#ifndef OURO_WEAKDICT_H
#define OURO_WEAKDICT_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A new empty dict that keeps its keys and not its values, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_weakvaluedict_new(void);

/** A new empty dict that keeps its values and not its keys, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_weakkeydict_new(void);

/** The type of dicts that do not keep their values, borrowed. */
OURO_API ouro_loan ouro_weakvaluedict_type(void);

/** The type of dicts that do not keep their keys, borrowed. */
OURO_API ouro_loan ouro_weakkeydict_type(void);

/* What follows takes a dict of either type.  Looking keys up may fail with what their `hash` and `equal` fail with, or
 * OURO_UNHASHABLE.  All of it may be called by several threads at once. */

/** A new dict of the same type with the same keys and values: OURO_OK, OURO_NO_MEMORY or a failure of the keys'. */
OURO_API OURO_NODISCARD ouro_status ouro_weakdict_copy(ouro_loan dict, ouro_ref *copy);

/** A new ordinary dict, <ouro/dict.h>, of what lives now, and which keeps it: OURO_OK, OURO_NO_MEMORY or a failure
 * of the keys'. */
OURO_API OURO_NODISCARD ouro_status ouro_weakdict_to_dict(ouro_loan dict, ouro_ref *copy);

/** How many entries there are.  Any of them may vanish at any moment. */
OURO_API size_t ouro_weakdict_length(ouro_loan dict);

/** The value of a key, as a new reference: OURO_FOUND; 0 when there is none; or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakdict_get(ouro_loan dict, ouro_loan key, ouro_ref *value);

/** Whether there is a key: OURO_FOUND, 0, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakdict_contains(ouro_loan dict, ouro_loan key);

/** Have a key, put in last if it is new, and a value for it; OURO_OK or a failure, OURO_NO_MEMORY among them.  Where an
 * equal key is there that one stays, also as the one that an entry of a weak-key dict dies with. */
OURO_API OURO_NODISCARD ouro_status ouro_weakdict_set(ouro_loan dict, ouro_loan key, ouro_loan value);

/**
 * Get the value of a key; put it in, with `preset`, when there is none.
 *
 * @param value  receives a new reference to the value that the key has now
 * @return OURO_FOUND when it was there, OURO_OK when it was put in, or a failure
 */
OURO_API OURO_NODISCARD ouro_status ouro_weakdict_set_default(ouro_loan dict, ouro_loan key,
                                                              ouro_loan preset, ouro_ref *value);

/** Take a key out: OURO_FOUND, 0 when there is none, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakdict_delete(ouro_loan dict, ouro_loan key);

/** Take a key out and have its value, as a new reference: OURO_FOUND, 0 when there is none, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakdict_pop(ouro_loan dict, ouro_loan key, ouro_ref *value);

/** Take the key out that was put in last: OURO_FOUND and new references, or 0 when there is none. */
OURO_API OURO_NODISCARD ouro_status ouro_weakdict_popitem(ouro_loan dict, ouro_ref *key,
                                                          ouro_ref *value);

/**
 * Put in all keys and values of another weak dict, or of what ouro_dict_update() takes.
 *
 * @return OURO_OK, or what ouro_dict_update() or ouro_weakdict_set() fails with
 */
OURO_API OURO_NODISCARD ouro_status ouro_weakdict_update(ouro_loan dict, ouro_loan other);

/** Take all keys out. */
OURO_API void ouro_weakdict_clear(ouro_loan dict);

/* The ouro_next() of the iterators below gives OURO_CHANGED from when the program has put in or taken out keys. */

/** A new iterator over the keys, or NULL without memory; ouro_iterate() gives the same. */
OURO_API OURO_NODISCARD ouro_ref ouro_weakdict_iterate_keys(ouro_loan dict);

/** A new iterator over the values, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_weakdict_iterate_values(ouro_loan dict);

/** A new iterator over keys with their values, each a new tuple of two, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_weakdict_iterate_items(ouro_loan dict);

#ifdef __cplusplus
}
#endif

#endif
