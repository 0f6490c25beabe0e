/* ouro/set.h - objects, each once: sets that change and frozensets that don't.
 *
 * Items have a hash, and must not change what they equal while they are in.  Looking one up may call the items' `hash`
 * and `equal`, which may do anything, also to the set; what they fail with, the call fails with.  Items come in the
 * order in which they were put in.
 *
 * Where a set is asked for, a frozenset will do, unless it were changed: OURO_WRONG_TYPE. */
#ifndef OURO_SET_H
#define OURO_SET_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The type of sets, borrowed; may be the base of others. */
OURO_API ouro_loan ouro_set_type(void);

/** The type of frozensets, borrowed; may be the base of others. */
OURO_API ouro_loan ouro_frozenset_type(void);

/** A new empty set, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_set_new(void);

/**
 * Make a frozenset.
 *
 * @param items  something that can be iterated over, or NULL for nothing; borrowed
 * @param set    receives a new reference
 * @return OURO_OK, OURO_NO_MEMORY, OURO_WRONG_TYPE for what can't be iterated over, or what iterating or the items'
 *         functions fail with
 */
OURO_API OURO_NODISCARD ouro_status ouro_frozenset_new(ouro_loan items, ouro_ref *set);

/** A new set, or frozenset of a frozenset, with the same items; NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_set_copy(ouro_loan set);

/** How many items there are. */
OURO_API size_t ouro_set_length(ouro_loan set);

/** Whether there is an equal item: OURO_FOUND, 0, or a failure.  @threads attached, also while others change it */
OURO_API OURO_NODISCARD ouro_status ouro_set_contains(ouro_loan set, ouro_loan item);

/** Put an item in: OURO_FOUND when there is an equal one, which stays; OURO_OK; or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_set_add(ouro_loan set, ouro_loan item);

/** Take an item out: OURO_FOUND, 0 when there is none, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_set_discard(ouro_loan set, ouro_loan item);

/** Take the item out that was put in last: OURO_FOUND and a new reference, 0 when there is none. */
OURO_API OURO_NODISCARD ouro_status ouro_set_pop(ouro_loan set, ouro_ref *item);

/** Put in all items of something that can be iterated over: OURO_OK or a failure.  What was put in before it stays. */
OURO_API OURO_NODISCARD ouro_status ouro_set_update(ouro_loan set, ouro_loan items);

/** Take all items out: OURO_OK or OURO_WRONG_TYPE. */
OURO_API OURO_NODISCARD ouro_status ouro_set_clear(ouro_loan set);

/* In what follows the second may be anything that can be iterated over.  Of the first's kind, set or frozenset, is
 * also the result.  OURO_CHANGED is among the failures. */

/** What is in one or the other: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_set_union(ouro_loan set, ouro_loan other, ouro_ref *result);

/** What is in both: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_set_intersection(ouro_loan set, ouro_loan other,
                                                          ouro_ref *result);

/** What is in the first and not in the second: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_set_difference(ouro_loan set, ouro_loan other,
                                                        ouro_ref *result);

/** What is in one of them only: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_set_symmetric_difference(ouro_loan set, ouro_loan other,
                                                                  ouro_ref *result);

/** Whether all items of the first are in the second: OURO_FOUND, 0, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_set_is_subset(ouro_loan set, ouro_loan other);

/** Whether all items of the second are in the first: OURO_FOUND, 0, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_set_is_superset(ouro_loan set, ouro_loan other);

/** Whether no item is in both: OURO_FOUND, 0, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_set_is_disjoint(ouro_loan set, ouro_loan other);

/**
 * Step through a set; ouro_iterate() gives an iterator that notices changes.
 *
 * @param position  0 in the beginning; where the next step goes on
 * @param item      receives a new reference
 * @return whether there was one more
 */
OURO_API bool ouro_set_next(ouro_loan set, size_t *position, ouro_ref *item);

#ifdef __cplusplus
}
#endif

#endif
