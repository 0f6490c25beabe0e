/* ouro/str.h - text that stays as it was made: Unicode characters, one, two or four bytes each by the widest.
 *
 * A str holds scalar values only, U+0000 to U+D7FF and U+E000 to U+10FFFF, so that each can be given as UTF-8.
 * Positions and lengths count characters, but where it says bytes. */
#ifndef OURO_STR_H
#define OURO_STR_H

#include <stdarg.h>

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The type of texts, borrowed. */
OURO_API ouro_loan ouro_str_type(void);

/** Whether an object is a text. */
OURO_API bool ouro_is_str(ouro_loan object);

/* ---- making ---- */

/** What stands for bytes that are no UTF-8, where they are not refused. */
#define OURO_REPLACEMENT_CHARACTER 0xFFFDU

/**
 * Make a text from UTF-8.
 *
 * @param utf8    borrowed; needs no end mark, may contain zeros; NULL only when `n` is 0
 * @param n       bytes
 * @param str     receives a new reference
 * @param where   NULL, or receives the offset in bytes of the first sequence that is not valid, with
 *                OURO_WRONG_VALUE
 * @return OURO_OK, OURO_NO_MEMORY, or OURO_WRONG_VALUE when it is not valid UTF-8: overlong, a surrogate,
 *         beyond U+10FFFF, cut off
 * @source Unicode 15.0, section 3.9, table 3-7
 */
OURO_API OURO_NODISCARD ouro_status ouro_str_decode(const char *utf8, size_t n, ouro_ref *str,
                                                    size_t *where);

/**
 * Make a text from `utf8`, a C string, borrowed; each maximal part of a sequence that is not valid becomes U+FFFD.
 *
 * @return a new reference, or NULL without memory
 */
OURO_API OURO_NODISCARD ouro_ref ouro_str_new(const char *utf8);

/** Make a text from `n` `characters`, borrowed; OURO_OK, OURO_NO_MEMORY, or OURO_WRONG_VALUE when one is a surrogate or
 * beyond U+10FFFF: `where` receives which, unless it is NULL. */
OURO_API OURO_NODISCARD ouro_status ouro_str_from_characters(const uint32_t *characters, size_t n,
                                                             ouro_ref *str, size_t *where);

/**
 * Make a text by a `format` as printf's: %d %i %u %x %X %o %c with the lengths hh h l ll z j t, %p, %%, with their
 * flags, widths and precisions; %s, a C string of UTF-8, its precision the most bytes read; %S, an object that is a text,
 * itself, and another as its repr; %R, an object's repr.  Objects are borrowed.  What follows a conversion
 * that is none of these is copied as it stands.
 *
 * @return a new reference, or NULL without memory
 * @source CPython Objects/unicodeobject.c, PyUnicode_FromFormat()
 */
OURO_API OURO_NODISCARD ouro_ref ouro_str_format(const char *format, ...);

/** The same by a `format` and a list of `arguments`: a new reference, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_str_format_list(const char *format, va_list arguments);

/* ---- asking ---- */

/** How many characters there are. */
OURO_API size_t ouro_str_length(ouro_loan str);

/** Bytes that each takes: 1, 2 or 4. */
OURO_API unsigned ouro_str_width(ouro_loan str);

/** The character at `index`; UINT32_MAX when there is none. */
OURO_API uint32_t ouro_str_get(ouro_loan str, size_t index);

/** The text with a zero behind it, borrowed, when all of it is ASCII; otherwise NULL. */
OURO_API const char *ouro_str_ascii_borrow(ouro_loan str);

/**
 * Give the text as UTF-8.
 *
 * @param utf8  receives whole characters, as many as fit, and a zero; may be NULL when `size` is 0
 * @param size  bytes at `utf8`
 * @return bytes that all of it takes, without the zero: less than `size` when all was given
 */
OURO_API size_t ouro_str_encode(ouro_loan str, char *utf8, size_t size);

/** Whether two texts are the same. */
OURO_API bool ouro_str_equal(ouro_loan a, ouro_loan b);

/** Less than, equal to or greater than 0, as `a` comes before `b`, is the same, comes behind; by code points. */
OURO_API int ouro_str_compare(ouro_loan a, ouro_loan b);

/** Whether a text begins with another. */
OURO_API bool ouro_str_starts_with(ouro_loan str, ouro_loan part);

/** Whether a text ends with another. */
OURO_API bool ouro_str_ends_with(ouro_loan str, ouro_loan part);

/**
 * Where `part` is first found between `begin` and `end`; an `end` beyond the end means the end.
 *
 * @param index  receives the position, counted from the beginning of the text
 * @return OURO_FOUND, or 0 when it is not there
 */
OURO_API OURO_NODISCARD ouro_status ouro_str_find(ouro_loan str, ouro_loan part, size_t begin,
                                                  size_t end, size_t *index);

/* ---- making others ---- */

/** The characters from `begin` up to `end`, or NULL without memory; bounds beyond the end mean the end. */
OURO_API OURO_NODISCARD ouro_ref ouro_str_slice(ouro_loan str, size_t begin, size_t end);

/** The one behind the other, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_str_concat(ouro_loan a, ouro_loan b);

/**
 * All texts of a list, a tuple or something else that can be iterated over, with `separator` between them.
 *
 * @param str  receives a new reference
 * @return OURO_OK, OURO_NO_MEMORY, OURO_WRONG_TYPE when an item is no text, or what iterating fails with
 * @source str.join()
 */
OURO_API OURO_NODISCARD ouro_status ouro_str_join(ouro_loan separator, ouro_loan items, ouro_ref *str);

/**
 * The text with the first `most` occurrences of `before` replaced by `after`, or NULL without memory.  Nothing is
 * found before each character and at the end.  @source str.replace()
 */
OURO_API OURO_NODISCARD ouro_ref ouro_str_replace(ouro_loan str, ouro_loan before, ouro_loan after,
                                                  size_t most);

/**
 * A new list of what is between the first `most` separators.
 *
 * @return OURO_OK, OURO_NO_MEMORY, or OURO_WRONG_VALUE when the separator is empty
 * @source str.split()
 */
OURO_API OURO_NODISCARD ouro_status ouro_str_split(ouro_loan str, ouro_loan separator, size_t most,
                                                   ouro_ref *list);

/* ---- one for all that are equal ---- */

/**
 * The one text of all that are equal and were asked for here.  It is freed when nobody holds it: being the one does
 * not keep it.
 *
 * @return a new reference, to `str` or to one that is equal; NULL without memory
 * @source sys.intern()
 */
OURO_API OURO_NODISCARD ouro_ref ouro_str_intern(ouro_loan str);

/** Whether it is the one. */
OURO_API bool ouro_str_is_interned(ouro_loan str);

#ifdef __cplusplus
}
#endif

#endif
