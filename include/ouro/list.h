/* ouro/list.h - sequences of references that grow and shrink. */
#ifndef OURO_LIST_H
#define OURO_LIST_H

#include <ouro/protocol.h>

#if defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A list, for the functions below that are inline and for the library.  Its layout is frozen. */
struct ouro__list {
    ouro_object head;
    size_t n;
    size_t room; /* of `items` */
    ouro_ref *items;
};

static inline struct ouro__list *
ouro__as_list(ouro_loan loan)
{
    return (struct ouro__list *)ouro_look(loan);
}

/* A process of one thread needs nothing to keep others out.  The C library knows, and says so until that thread itself makes
 * another one, which it can't be doing in the middle of the functions below. */
static inline bool
ouro__has_one_thread(void)
{
#ifdef _SYS_SINGLE_THREADED_H
    return __libc_single_threaded != 0;
#else
    return false;
#endif
}

/* What those functions do when there are more threads, or no room, or not so many items. */
OURO_API OURO_NODISCARD ouro_ref ouro__list_get(ouro_loan list, size_t index);
OURO_API OURO_NODISCARD ouro_status ouro__list_set(ouro_loan list, size_t index, ouro_loan item);
OURO_API OURO_NODISCARD ouro_status ouro__list_append(ouro_loan list, ouro_loan item);
OURO_API OURO_NODISCARD ouro_status ouro__list_append_steal(ouro_loan list, ouro_ref item);

/** The type of lists, borrowed; may be the base of others. */
OURO_API ouro_loan ouro_list_type(void);

/** A new empty list with room for `n` items, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_list_new(size_t n);

/** A new list of `n` `items`, borrowed as is the array; NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_list_of(size_t n, ouro_loan const *items);

/** How many items there are. */
static inline size_t
ouro_list_length(ouro_loan list)
{
    return __atomic_load_n(&ouro__as_list(list)->n, __ATOMIC_RELAXED);
}

/** A new reference to an item, or NULL when there is none at `index`.  @threads attached, also while others change it */
static inline OURO_NODISCARD ouro_ref
ouro_list_get(ouro_loan list, size_t index)
{
    const struct ouro__list *it = ouro__as_list(list);
    if (__builtin_expect(ouro__has_one_thread() && index < it->n, 1)) {
        return ouro_incref((ouro_loan)it->items[index]);
    }
    return ouro__list_get(list, index);
}

/** The item at `index`, borrowed from the list, or NULL: for who knows that nobody changes it. */
static inline ouro_loan
ouro_list_get_borrow(ouro_loan list, size_t index)
{
    const struct ouro__list *it = ouro__as_list(list);
    return index < it->n ? (ouro_loan)it->items[index] : NULL;
}

/** Put an item in the place of another; OURO_OK, or OURO_WRONG_VALUE when there is none at `index`. */
static inline OURO_NODISCARD ouro_status
ouro_list_set(ouro_loan list, size_t index, ouro_loan item)
{
    struct ouro__list *it = ouro__as_list(list);
    if (__builtin_expect(ouro__has_one_thread() && index < it->n, 1)) {
        ouro_assign(&it->items[index], ouro_incref(item));
        return OURO_OK;
    }
    return ouro__list_set(list, index, item);
}

/** Add an item at the end; OURO_OK or OURO_NO_MEMORY. */
static inline OURO_NODISCARD ouro_status
ouro_list_append(ouro_loan list, ouro_loan item)
{
    struct ouro__list *it = ouro__as_list(list);
    if (__builtin_expect(ouro__has_one_thread() && it->n < it->room, 1)) {
        it->items[it->n++] = ouro_incref(item);
        return OURO_OK;
    }
    return ouro__list_append(list, item);
}

/** Add an item at the end, which is stolen, also when it fails; OURO_OK or OURO_NO_MEMORY. */
static inline OURO_NODISCARD ouro_status
ouro_list_append_steal(ouro_loan list, ouro_ref item)
{
    struct ouro__list *it = ouro__as_list(list);
    if (__builtin_expect(ouro__has_one_thread() && it->n < it->room, 1)) {
        it->items[it->n++] = item;
        return OURO_OK;
    }
    return ouro__list_append_steal(list, item);
}

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
