/* ouro/iterate.h - iterators made from others, which take an item only when one is wanted from them.
 *
 * Each takes anything that can be iterated over, and lets go of all that it holds at its end.  What a source or a
 * function fails with, its ouro_next() fails with; it may be asked on.  One thread at a time may ask for the next item;
 * others get OURO_BUSY meanwhile, as does who asks from inside.  More than a thousand that ask each other are
 * OURO_TOO_LARGE.
 *
 * All of them give OURO_OK, OURO_NO_MEMORY, or what ouro_iterate() of the source fails with.
 *
 * @source  Python's map(), filter() and itertools */
#ifndef OURO_ITERATE_H
#define OURO_ITERATE_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** OURO_OK and a new reference in `result`, or a failure. */
typedef ouro_status (*ouro_map_function)(ouro_loan item, ouro_loan context, ouro_ref *result);

/** OURO_FOUND to keep an item, OURO_OK to pass it over, or a failure. */
typedef ouro_status (*ouro_filter_function)(ouro_loan item, ouro_loan context);

/**
 * What a function makes of each item.
 *
 * @param source    what can be iterated over; borrowed
 * @param function  called when an item is wanted
 * @param context   handed to it; borrowed, or NULL
 * @param iterator  receives a new reference
 * @return OURO_OK or a failure
 */
OURO_API OURO_NODISCARD ouro_status ouro_map(ouro_loan source, ouro_map_function function,
                                             ouro_loan context, ouro_ref *iterator);

/** The items that a `function` keeps, called with each and with `context`; OURO_OK or a failure. */
OURO_API OURO_NODISCARD ouro_status ouro_filter(ouro_loan source, ouro_filter_function function,
                                                ouro_loan context, ouro_ref *iterator);

/** Tuples of `n` items each, but for the last, which may have fewer; OURO_OK, or a failure, which OURO_WRONG_VALUE is when `n` is 0.  What was taken before
 * a failure is in the next one.  @source itertools.batched() */
OURO_API OURO_NODISCARD ouro_status ouro_chunked(ouro_loan source, size_t n, ouro_ref *iterator);

/** The items of each of the source's items, one source after the other; OURO_OK or a failure.
 * @source itertools.chain.from_iterable() */
OURO_API OURO_NODISCARD ouro_status ouro_chain(ouro_loan sources, ouro_ref *iterator);

/** Of the items before `stop`, counted from 0, the one at `start` and every `step`th from there; SIZE_MAX as `stop` is as far as
 * there are any.  OURO_OK, or a failure, which OURO_WRONG_VALUE is when the step is 0.  @source itertools.islice() */
OURO_API OURO_NODISCARD ouro_status ouro_islice(ouro_loan source, size_t start, size_t stop,
                                                size_t step, ouro_ref *iterator);

#ifdef __cplusplus
}
#endif

#endif
