/* ouro/range.h - numbers at equal distances: start, start + step, and so on, up to stop and without it.
 *
 * Ranges are immutable.  They are of 64 bits, and have up to 2^64 - 1 numbers; those of a range that would lie outside 64
 * bits it does not have. */
#ifndef OURO_RANGE_H
#define OURO_RANGE_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The type of ranges, borrowed.  They are equal when they have the same numbers.  @source Python's range */
OURO_API ouro_loan ouro_range_type(void);

/**
 * A new range.
 *
 * @param start  its first number, unless it has none
 * @param stop   where it ends, itself not among its numbers
 * @param step   may be negative: then its numbers are greater than `stop`
 * @return OURO_OK, OURO_NO_MEMORY, or OURO_WRONG_VALUE when the step is 0
 */
OURO_API OURO_NODISCARD ouro_status ouro_range_new(int64_t start, int64_t stop, int64_t step,
                                                   ouro_ref *range);

/** Put in `start`, `stop` and `step` what it was made from; none is NULL. */
OURO_API void ouro_range_get_bounds(ouro_loan range, int64_t *start, int64_t *stop, int64_t *step);

/** How many numbers there are. */
OURO_API uint64_t ouro_range_length(ouro_loan range);

/** Put the number at `index` in `number`; OURO_FOUND, or 0 when there is none. */
OURO_API OURO_NODISCARD ouro_status ouro_range_get(ouro_loan range, uint64_t index, int64_t *number);

/** Where a `number` is, which `index` receives unless it is NULL; OURO_FOUND, or 0 when it is not there. */
OURO_API OURO_NODISCARD ouro_status ouro_range_find(ouro_loan range, int64_t number, uint64_t *index);

/** A new iterator from the last number to the first, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_range_iterate_reversed(ouro_loan range);

#ifdef __cplusplus
}
#endif

#endif
