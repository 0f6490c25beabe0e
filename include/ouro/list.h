/* ouro/list.h - sequences of references that grow and shrink. */
#ifndef OURO_LIST_H
#define OURO_LIST_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The type of lists, borrowed; may be the base of others. */
OURO_API ouro_loan ouro_list_type(void);

/** A new empty list with room for `n` items, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_list_new(size_t n);

/** A new list of `n` `items`, borrowed as is the array; NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_list_of(size_t n, ouro_loan const *items);

/** How many items there are. */
OURO_API size_t ouro_list_length(ouro_loan list);

/** A new reference to an item, or NULL when there is none at `index`.  @threads attached, also while others change it */
OURO_API OURO_NODISCARD ouro_ref ouro_list_get(ouro_loan list, size_t index);

/** The item at `index`, borrowed from the list, or NULL: for who knows that nobody changes it. */
OURO_API ouro_loan ouro_list_get_borrow(ouro_loan list, size_t index);

/** Put an item in the place of another; OURO_OK, or OURO_WRONG_VALUE when there is none at `index`. */
OURO_API OURO_NODISCARD ouro_status ouro_list_set(ouro_loan list, size_t index, ouro_loan item);

/** Add an item at the end; OURO_OK or OURO_NO_MEMORY. */
OURO_API OURO_NODISCARD ouro_status ouro_list_append(ouro_loan list, ouro_loan item);

/** Add an item at the end, which is stolen, also when it fails; OURO_OK or OURO_NO_MEMORY. */
OURO_API OURO_NODISCARD ouro_status ouro_list_append_steal(ouro_loan list, ouro_ref item);

/** Put an item before the one at `index`; at the end when there is none; OURO_OK or OURO_NO_MEMORY.
 * @source list.insert() */
OURO_API OURO_NODISCARD ouro_status ouro_list_insert(ouro_loan list, size_t index, ouro_loan item);

/** Add all items of something that can be iterated over; OURO_OK or a failure.  What was added before it stays. */
OURO_API OURO_NODISCARD ouro_status ouro_list_extend(ouro_loan list, ouro_loan items);

/** The item at `index`, taken out, as a new reference; NULL when there is none.  SIZE_MAX means the last. */
OURO_API OURO_NODISCARD ouro_ref ouro_list_pop(ouro_loan list, size_t index);

/** Take out the first item that equals; OURO_FOUND, 0 when there is none, or what comparing fails with. */
OURO_API OURO_NODISCARD ouro_status ouro_list_remove(ouro_loan list, ouro_loan item);

/** Where the first equal item is, in `index`; OURO_FOUND, 0 when nowhere, or what comparing fails with. */
OURO_API OURO_NODISCARD ouro_status ouro_list_find(ouro_loan list, ouro_loan item, size_t *index);

/** A new list of the items from `begin` up to `end`, or NULL without memory; bounds beyond the end mean the end. */
OURO_API OURO_NODISCARD ouro_ref ouro_list_slice(ouro_loan list, size_t begin, size_t end);

/** A new list of all items of something that can be iterated over; OURO_OK, OURO_NO_MEMORY, OURO_WRONG_TYPE, or what
 * iterating fails with. */
OURO_API OURO_NODISCARD ouro_status ouro_list_from(ouro_loan items, ouro_ref *list);

/** A new iterator from the last item to the first; NULL without memory.  ouro_iterate() gives one from the first to the
 * last, which sees what is added meanwhile. */
OURO_API OURO_NODISCARD ouro_ref ouro_list_iterate_reversed(ouro_loan list);

/** Put the items in the opposite order. */
OURO_API void ouro_list_reverse(ouro_loan list);

/** Take all items out. */
OURO_API void ouro_list_clear(ouro_loan list);

#ifdef __cplusplus
}
#endif

#endif
