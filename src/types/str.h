/* str.h - what the files of texts know of each other.
 *
 * Never false of a text: its kind is the narrowest that has room for its characters, so that equal texts are equal
 * bytes; and a text that is empty or a single character below U+0100 is one of ouro__singles. */
#ifndef OURO_TYPES_STR_H
#define OURO_TYPES_STR_H

#include "types/packed.h"

extern struct ouro_type *ouro__str_type;

/* ---- characters somewhere ---- */

struct view {
    const void *at;
    size_t n;
    unsigned width; /* bytes each: 1, 2 or 4 */
};

static inline struct view
ouro__str_view(ouro_loan loan)
{
    const struct packed *str = (const struct packed *)ouro_look(loan);
    OURO_ASSERT(ouro__type(&str->head) == ouro__str_type);
    return (struct view){ouro__packed_data(str), ouro__packed_length(str),
                         ouro__kind_width(ouro__packed_kind(str))};
}

static inline uint32_t
ouro__view_get(struct view view, size_t index)
{
    return view.width == 1   ? ((const uint8_t *)view.at)[index]
           : view.width == 2 ? ((const uint16_t *)view.at)[index]
                             : ((const uint32_t *)view.at)[index];
}

/* The characters from `begin` up to `end`, both in range. */
static inline struct view
ouro__view_part(struct view view, size_t begin, size_t end)
{
    return (struct view){(const char *)view.at + begin * view.width, end - begin, view.width};
}

/* All characters, or'ed: their widest is in the same range of kinds. */
uint32_t ouro__view_or(struct view view);

/* Copy characters to where each has `width` bytes, enough for all of them. */
void ouro__view_copy(void *to, unsigned width, struct view from);

/* Where `part` is first found at `begin` or later; SIZE_MAX when nowhere.  By pointers: views passed whole are
 * waited for, when a search ends after a few characters. */
size_t ouro__view_find(const struct view *text, const struct view *part, size_t begin);

bool ouro__view_equal(struct view a, struct view b);

/* ---- making ---- */

static inline enum packed_kind
ouro__kind_of(uint32_t all)
{
    return all < 0x80      ? PACKED_BYTES
           : all < 0x100   ? PACKED_LATIN1
           : all < 0x10000 ? PACKED_UCS2
                           : PACKED_UCS4;
}

/* A text of bytes that are ASCII, or NULL without memory. */
ouro_ref ouro__str_from_ascii(const char *text, size_t n);

/* A text of characters whose or is `all`, to be written by who asks: more than one, or one beyond U+00FF. */
static inline struct packed *
ouro__str_alloc(uint32_t all, size_t n)
{
    return ouro__packed_alloc(ouro__str_type, ouro__kind_of(all), n);
}

/* A text of these characters; NULL without memory. */
ouro_ref ouro__str_from_view(struct view view);

/* The text that is empty, and those of one character. */
ouro_ref ouro__str_empty(void);
ouro_ref ouro__str_single(uint8_t character);
bool ouro__str_is_single(const struct packed *str);

/* Make a text of UTF-8 in which each part that is not valid becomes U+FFFD; NULL without memory. */
ouro_ref ouro__str_decode_lossy(const char *utf8, size_t n);

/* Write a character as UTF-8, and say how many bytes that takes. */
unsigned ouro__utf8_put(char utf8[4], uint32_t character);

/* Whether Python shows a character as it is. */
bool ouro__is_printable(uint32_t character);

/* Take a dying text out of the table of those that are one for all. */
void ouro__intern_forget(struct packed *str);

/* ---- a text that is being put together, as UTF-8 ---- */

struct text {
    char *bytes; /* `few`, or a buffer */
    size_t n, room;
    bool failed; /* there was no memory: nothing more is added */
    char few[256];
};

void ouro__text_begin(struct text *text);
void ouro__text_add(struct text *text, const char *bytes, size_t n);
void ouro__text_add_c(struct text *text, const char *string);
void ouro__text_add_str(struct text *text, ouro_loan str);
/* Add what ouro_repr() shows. */
void ouro__text_add_repr(struct text *text, ouro_loan object);
/* The text, or NULL without memory.  Frees what the buffer had. */
ouro_ref ouro__text_end(struct text *text);

#endif
