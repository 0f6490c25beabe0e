/* ouro/weakset.h - sets that do not keep their items alive.
 *
 * An item vanishes when it dies.  That needs no memory, runs nothing of the program's, and may happen at any moment, also while somebody
 * iterates: iterators pass by what is gone.  What <ouro/set.h> says of items holds here, too.
 *
 * @source  Python's weakref.WeakSet */
#ifndef OURO_WEAKSET_H
#define OURO_WEAKSET_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The type of weak sets, borrowed. */
OURO_API ouro_loan ouro_weakset_type(void);

/** A new empty weak set, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_weakset_new(void);

/** A new weak set with the same items: OURO_OK, OURO_NO_MEMORY or a failure of the items'. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_copy(ouro_loan set, ouro_ref *copy);

/** A new ordinary set, <ouro/set.h>, of what lives now, and which keeps it: OURO_OK, OURO_NO_MEMORY or a failure of
 * the items'. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_to_set(ouro_loan set, ouro_ref *copy);

/** How many items there are.  Any of them may vanish at any moment. */
OURO_API size_t ouro_weakset_length(ouro_loan set);

/** Whether there is an equal item: OURO_FOUND, 0, or a failure.  @threads attached, also while others change it */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_contains(ouro_loan set, ouro_loan item);

/** Put an item in: OURO_FOUND when there is an equal one, which stays; OURO_OK; or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_add(ouro_loan set, ouro_loan item);

/** Take an item out: OURO_FOUND, 0 when there is none, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_discard(ouro_loan set, ouro_loan item);

/** Take the item out that was put in last: OURO_FOUND and a new reference, 0 when there is none. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_pop(ouro_loan set, ouro_ref *item);

/** Take all items out. */
OURO_API void ouro_weakset_clear(ouro_loan set);

/* In what follows `items` may be anything that can be iterated over, the set itself included.  What was put in or taken out
 * before a failure stays so. */

/** Put in all items of something, as `|=` does: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_update(ouro_loan set, ouro_loan items);

/** Keep only what is among the `items`, too, as `&=` does: OURO_OK or a failure.  Of equal ones that of the set stays. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_intersection_update(ouro_loan set, ouro_loan items);

/** Take out what is among the `items`, as `-=` does: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_difference_update(ouro_loan set, ouro_loan items);

/** Take out what is among the `items`, and put in those of them that were not there, as `^=` does: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_symmetric_difference_update(ouro_loan set,
                                                                             ouro_loan items);

/* In what follows the second may be anything that can be iterated over.  The result is a new weak set. */

/** What is in one or the other: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_union(ouro_loan set, ouro_loan other,
                                                       ouro_ref *result);

/** What is in both, and of equal items that of the second: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_intersection(ouro_loan set, ouro_loan other,
                                                              ouro_ref *result);

/** What is in the first and not in the second: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_difference(ouro_loan set, ouro_loan other,
                                                            ouro_ref *result);

/** What is in one of them only: OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_symmetric_difference(ouro_loan set, ouro_loan other,
                                                                      ouro_ref *result);

/** Whether all items of the first are in the second: OURO_FOUND, 0, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_is_subset(ouro_loan set, ouro_loan other);

/** Whether all items of the second are in the first: OURO_FOUND, 0, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_is_superset(ouro_loan set, ouro_loan other);

/** Whether no item is in both: OURO_FOUND, 0, or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_weakset_is_disjoint(ouro_loan set, ouro_loan other);

#ifdef __cplusplus
}
#endif

#endif
