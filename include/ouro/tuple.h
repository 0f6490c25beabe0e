/* ouro/tuple.h - sequences of references that stay as they were made. */
#ifndef OURO_TUPLE_H
#define OURO_TUPLE_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The type of tuples, borrowed; may be the base of others. */
OURO_API ouro_loan ouro_tuple_type(void);

/**
 * A new tuple.
 *
 * @param n      items
 * @param items  borrowed, as is the array; NULL: all are ouro_none(), to be put in by ouro_tuple_fill()
 * @return a new reference, or NULL without memory
 */
OURO_API OURO_NODISCARD ouro_ref ouro_tuple_new(size_t n, ouro_loan const *items);

/** A new tuple of all items of something that can be iterated over; OURO_OK, OURO_NO_MEMORY, OURO_WRONG_TYPE, or what
 * iterating fails with. */
OURO_API OURO_NODISCARD ouro_status ouro_tuple_from(ouro_loan items, ouro_ref *tuple);

/** A new iterator from the last item to the first; NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_tuple_iterate_reversed(ouro_loan tuple);

/** Put an item at `index` in a tuple that nobody else has seen yet; it is stolen. */
OURO_API void ouro_tuple_fill(ouro_loan tuple, size_t index, ouro_ref item);

/** How many items there are. */
OURO_API size_t ouro_tuple_length(ouro_loan tuple);

/** The item at `index`, borrowed from the tuple; NULL when there is none. */
OURO_API ouro_loan ouro_tuple_get_borrow(ouro_loan tuple, size_t index);

#ifdef __cplusplus
}
#endif

#endif
