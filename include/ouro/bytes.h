/* ouro/bytes.h - sequences of bytes: bytes, which stay as they were made, and bytearrays, which change.
 *
 * Where it says "either", both are taken.  An operation on a bytearray is whole to other threads that use it; one that
 * reads two of them sees each in pieces. */
#ifndef OURO_BYTES_H
#define OURO_BYTES_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The type of bytes, borrowed. */
OURO_API ouro_loan ouro_bytes_type(void);

/** The type of bytearrays, borrowed. */
OURO_API ouro_loan ouro_bytearray_type(void);

/**
 * New bytes.
 *
 * @param data  borrowed; NULL: all are zero
 * @param n     bytes
 * @return a new reference, or NULL without memory
 */
OURO_API OURO_NODISCARD ouro_ref ouro_bytes_new(const void *data, size_t n);

/** New bytes with what either has at the moment; NULL without memory.  Bytes are given back themselves. */
OURO_API OURO_NODISCARD ouro_ref ouro_bytes_from(ouro_loan either);

/**
 * New bytes from two hexadecimal digits each, upper or lower case, with white space between bytes.
 *
 * @param text   borrowed
 * @param n      bytes of it
 * @param bytes  receives a new reference
 * @return OURO_OK, OURO_NO_MEMORY, or OURO_WRONG_VALUE when there is anything else
 * @source bytes.fromhex()
 */
OURO_API OURO_NODISCARD ouro_status ouro_bytes_from_hex(const char *text, size_t n, ouro_ref *bytes);

/* ---- what either has ---- */

/** How many bytes there are. */
OURO_API size_t ouro_bytes_length(ouro_loan either);

/**
 * The bytes, borrowed: those of a bytearray until it is next changed, for who knows that no other thread changes
 * it; those of bytes while they live, with a zero behind them.
 */
OURO_API const uint8_t *ouro_bytes_borrow(ouro_loan either);

/** The byte at `index`, or -1 when there is none. */
OURO_API int ouro_bytes_get(ouro_loan either, size_t index);

/** How many bytes were copied `to` memory of the caller's: up to `n`, from `index` on. */
OURO_API size_t ouro_bytes_copy(ouro_loan either, size_t index, void *to, size_t n);

/** New bytes: those from `begin` up to `end`, or NULL without memory; bounds beyond the end mean the end. */
OURO_API OURO_NODISCARD ouro_ref ouro_bytes_slice(ouro_loan either, size_t begin, size_t end);

/** New bytes: the one behind the other, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_bytes_concat(ouro_loan a, ouro_loan b);

/**
 * Where `part` is first found between `begin` and `end`; an `end` beyond the end means the end.
 *
 * @param index  receives the position, counted from the beginning
 * @return OURO_FOUND, 0 when it is not there, or OURO_NO_MEMORY, which only a part that is a bytearray may need
 */
OURO_API OURO_NODISCARD ouro_status ouro_bytes_find(ouro_loan either, ouro_loan part, size_t begin,
                                                    size_t end, size_t *index);

/** Whether they are the same bytes. */
OURO_API bool ouro_bytes_equal(ouro_loan a, ouro_loan b);

/** Less than, equal to or greater than 0, as `a` comes before `b`, is the same, comes behind. */
OURO_API int ouro_bytes_compare(ouro_loan a, ouro_loan b);

/** A new str of two hexadecimal digits a byte, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_bytes_hex(ouro_loan either);

/* ---- bytearrays ---- */

/** A new bytearray of the `n` bytes at `data`, which is borrowed; NULL: all are zero.  NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_bytearray_new(const void *data, size_t n);

/** Put a `byte` in the place of another; OURO_OK, or OURO_WRONG_VALUE when there is none at `index`. */
OURO_API OURO_NODISCARD ouro_status ouro_bytearray_set(ouro_loan array, size_t index, uint8_t byte);

/** Add a `byte` at the end; OURO_OK or OURO_NO_MEMORY. */
OURO_API OURO_NODISCARD ouro_status ouro_bytearray_append(ouro_loan array, uint8_t byte);

/** Add the `n` bytes at `data`, borrowed, at the end; they must not be the array's own.  OURO_OK or OURO_NO_MEMORY. */
OURO_API OURO_NODISCARD ouro_status ouro_bytearray_add(ouro_loan array, const void *data, size_t n);

/** Add those of either, which may be the array itself; OURO_OK or OURO_NO_MEMORY. */
OURO_API OURO_NODISCARD ouro_status ouro_bytearray_extend(ouro_loan array, ouro_loan either);

/** Have `n` bytes: those at the end are dropped, or new ones are zero.  OURO_OK or OURO_NO_MEMORY. */
OURO_API OURO_NODISCARD ouro_status ouro_bytearray_resize(ouro_loan array, size_t n);

/** Drop all bytes. */
OURO_API void ouro_bytearray_clear(ouro_loan array);

#ifdef __cplusplus
}
#endif

#endif
