/* ouro/deque.h - sequences of references that grow and shrink at both ends in constant time.
 *
 * An item in the middle is found in constant time, too; to insert or take one out there moves what is on the shorter side. */
#ifndef OURO_DEQUE_H
#define OURO_DEQUE_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The type of deques, borrowed; may be the base of others.  @source collections.deque */
OURO_API ouro_loan ouro_deque_type(void);

/** A new empty deque of `most` items at most, SIZE_MAX for any number; NULL without memory.  Where it is full, an item
 * that is added pushes one out at the other end. */
OURO_API OURO_NODISCARD ouro_ref ouro_deque_new(size_t most);

/** A new deque with the same items and as many at most; NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_deque_copy(ouro_loan deque);

/** How many items there are. */
OURO_API size_t ouro_deque_length(ouro_loan deque);

/** How many items there may be; SIZE_MAX: any number. */
OURO_API size_t ouro_deque_most(ouro_loan deque);

/** A new reference to an item, or NULL when there is none at `index`. */
OURO_API OURO_NODISCARD ouro_ref ouro_deque_get(ouro_loan deque, size_t index);

/** Put an item in the place of another; OURO_OK, or OURO_WRONG_VALUE when there is none at `index`. */
OURO_API OURO_NODISCARD ouro_status ouro_deque_set(ouro_loan deque, size_t index, ouro_loan item);

/** Add an item at the end; OURO_OK or OURO_NO_MEMORY. */
OURO_API OURO_NODISCARD ouro_status ouro_deque_append(ouro_loan deque, ouro_loan item);

/** Add an item before the first; OURO_OK or OURO_NO_MEMORY. */
OURO_API OURO_NODISCARD ouro_status ouro_deque_append_left(ouro_loan deque, ouro_loan item);

/** The last item, taken out, as a new reference; NULL when there is none. */
OURO_API OURO_NODISCARD ouro_ref ouro_deque_pop(ouro_loan deque);

/** The first item, taken out, as a new reference; NULL when there is none. */
OURO_API OURO_NODISCARD ouro_ref ouro_deque_pop_left(ouro_loan deque);

/** Add all items of something that can be iterated over, one by one, at the end; OURO_OK or a failure.  What was added
 * before it stays. */
OURO_API OURO_NODISCARD ouro_status ouro_deque_extend(ouro_loan deque, ouro_loan items);

/** Add them before the first, one by one, so that the last comes to stand first; OURO_OK or a failure.  What was added before
 * it stays. */
OURO_API OURO_NODISCARD ouro_status ouro_deque_extend_left(ouro_loan deque, ouro_loan items);

/** Put an item before the one at `index`, at the end when there is none; OURO_OK, OURO_NO_MEMORY, or OURO_TOO_LARGE when
 * the deque is full. */
OURO_API OURO_NODISCARD ouro_status ouro_deque_insert(ouro_loan deque, size_t index, ouro_loan item);

/** Where the first equal item is, in `index`; OURO_FOUND, 0 when nowhere, OURO_CHANGED when comparing changed the deque, or what
 * comparing fails with. */
OURO_API OURO_NODISCARD ouro_status ouro_deque_find(ouro_loan deque, ouro_loan item, size_t *index);

/** Take out the first item that equals; OURO_FOUND, 0 when there is none, or a failure of ouro_deque_find(). */
OURO_API OURO_NODISCARD ouro_status ouro_deque_remove(ouro_loan deque, ouro_loan item);

/** Take items from the end and put them before the first, as many as `n`; the other way when it is negative. */
OURO_API void ouro_deque_rotate(ouro_loan deque, int64_t n);

/** Put the items in the opposite order. */
OURO_API void ouro_deque_reverse(ouro_loan deque);

/** Take all items out. */
OURO_API void ouro_deque_clear(ouro_loan deque);

/** A new iterator from the last item to the first; NULL without memory.  As that of ouro_iterate(), it gives OURO_CHANGED
 * once items were added or taken out, or changed places. */
OURO_API OURO_NODISCARD ouro_ref ouro_deque_iterate_reversed(ouro_loan deque);

#ifdef __cplusplus
}
#endif

#endif
