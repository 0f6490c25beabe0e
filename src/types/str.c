/* str.c - texts: made from UTF-8 and given back as it, compared. */
#include "types/str.h"
#include "types/types.h"

#include <string.h>

struct ouro_type *ouro__str_type;

/* ---- the texts that are there from the beginning ---- */

#define N_SINGLES 257 /* one for each character below U+0100, and the empty one */

static struct single {
    struct packed str;
    char data[8];
} singles[N_SINGLES];

static void
singles_init(void)
{
    for (unsigned i = 0; i < N_SINGLES; i++) {
        bool is_empty = i == N_SINGLES - 1;
        struct packed *str = &singles[i].str;
        str->head = (ouro_object){.local = OURO_IMMORTAL, .type = ouro__str_type->index};
        str->shape = is_empty ? PACKED_BYTES : 1U << 2 | ouro__kind_of(i);
        singles[i].data[0] = is_empty ? 0 : (char)i;
    }
}

ouro_ref
ouro__str_empty(void)
{
    return &singles[N_SINGLES - 1].str.head;
}

ouro_ref
ouro__str_single(uint8_t character)
{
    return &singles[character].str.head;
}

bool
ouro__str_is_single(const struct packed *str)
{
    return (uintptr_t)str - (uintptr_t)singles < sizeof singles;
}

/* ---- UTF-8 ---- */

/* A sequence: how many bytes it has, and whether they are a character; if not, they are the part to replace. */
struct sequence {
    unsigned n;
    bool is_valid;
    uint32_t character;
};

/* Read the sequence at the beginning of `n` bytes, at least one.
 * @source Unicode 15.0, section 3.9: table 3-7, and "U+FFFD Substitution of Maximal Subparts" */
static struct sequence
read_sequence(const unsigned char *bytes, size_t n)
{
    unsigned first = bytes[0];
    if (first < 0x80) {
        return (struct sequence){1, true, first};
    }
    if (first < 0xC2 || first > 0xF4) { /* a continuation, overlong, or beyond U+10FFFF */
        return (struct sequence){1, false, 0};
    }
    unsigned wanted = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    unsigned least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80; /* overlong */
    unsigned most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;  /* surrogates; too large */
    uint32_t character = first & (0x7FU >> wanted);
    for (unsigned i = 1; i < wanted; i++) {
        if (i == n || bytes[i] < least || bytes[i] > most) {
            return (struct sequence){i, false, 0};
        }
        character = character << 6 | (bytes[i] & 0x3F);
        least = 0x80;
        most = 0xBF;
    }
    return (struct sequence){wanted, true, character};
}

/* Is it a character of U+0080 to U+07FF, of two bytes? */
static inline bool
is_pair(const unsigned char *bytes, const unsigned char *end)
{
    return bytes[0] >= 0xC2 && bytes[0] < 0xE0 && end - bytes > 1 && (bytes[1] & 0xC0) == 0x80;
}

static inline uint32_t
read_pair(const unsigned char *bytes)
{
    return (bytes[0] & 0x1FU) << 6 | (bytes[1] & 0x3F);
}

/* Are four times two bytes, the first of them the lowest, all pairs? */
static inline bool
are_pairs(uint64_t word)
{
    bool have_form = (word & 0xC0E0C0E0C0E0C0E0U) == 0x80C080C080C080C0U;
    uint64_t least = (word & 0x001E001E001E001EU) + 0x007E007E007E007EU; /* not C0 or C1 */
    return have_form && (least & 0x0080008000800080U) == 0x0080008000800080U;
}

/* Their characters, of 16 bits each. */
static inline uint64_t
read_pairs(uint64_t word)
{
    return (word & 0x001F001F001F001FU) << 6 | (word >> 8 & 0x003F003F003F003FU);
}

#define HIGH_BITS 0x8080808080808080U

/* How many bytes at the beginning are ASCII. */
static size_t
count_ascii(const char *bytes, size_t n)
{
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t word = ouro__load_8(bytes + i) & HIGH_BITS;
        if (word != 0) {
            return i + (unsigned)__builtin_ctzll(word) / 8; /* little-endian */
        }
    }
    while (i < n && (unsigned char)bytes[i] < 0x80) {
        i++;
    }
    return i;
}

#define MOST_SHORT (PACKED_LONG > 64 ? 64 : PACKED_LONG - 1)

/* Whether bytes, at least two, are all ASCII: looked at as words that may overlap. */
static inline bool
is_ascii(const char *text, size_t n)
{
    uint64_t all;

    if (n >= 16) {
        all = ouro__load_8(text + n - 16) | ouro__load_8(text + n - 8);
        for (size_t i = 0; i < n - 16; i += 16) {
            all |= ouro__load_8(text + i) | ouro__load_8(text + i + 8);
        }
    } else if (n >= 8) {
        all = ouro__load_8(text) | ouro__load_8(text + n - 8);
    } else if (n >= 4) {
        all = ouro__load_4(text) | ouro__load_4(text + n - 4);
    } else {
        all = (unsigned char)(text[0] | text[1] | text[n - 1]);
    }
    return (all & HIGH_BITS) == 0;
}

/* A text of 2 to MOST_SHORT bytes of ASCII; NULL without memory. */
static inline ouro_ref
new_short(const char *text, size_t n)
{
    struct packed *str = (struct packed *)ouro__leaf_alloc(ouro__str_type, sizeof *str + n + 1);
    if (OURO_UNLIKELY(str == NULL)) {
        return NULL;
    }
    str->hash = 0;
    str->shape = (uint32_t)n << 2 | PACKED_BYTES;
    char *data = (char *)(str + 1);
    ouro__copy_bytes(data, text, n);
    data[n] = 0;
    return &str->head;
}

ouro_ref
ouro__str_from_ascii(const char *text, size_t n)
{
    if (OURO_LIKELY(n - 2 <= MOST_SHORT - 2)) {
        return new_short(text, n);
    }
    if (n <= 1) {
        return n == 0 ? ouro__str_empty() : ouro__str_single((uint8_t)*text);
    }
    struct packed *str = ouro__packed_alloc(ouro__str_type, PACKED_BYTES, n);
    if (OURO_UNLIKELY(str == NULL)) {
        return NULL;
    }
    memcpy(ouro__packed_data(str), text, n);
    return &str->head;
}

/* Write a character, of `width` bytes; 0: don't. */
static inline void
put_character(void *to, unsigned width, size_t index, uint32_t character)
{
    if (width == 1) {
        ((uint8_t *)to)[index] = (uint8_t)character;
    } else if (width == 2) {
        ((uint16_t *)to)[index] = (uint16_t)character;
    } else if (width == 4) {
        ((uint32_t *)to)[index] = character;
    }
}

/* What UTF-8 was found to be. */
struct survey {
    size_t length; /* in characters */
    uint32_t all;  /* their or */
    const unsigned char
        *bad; /* the first sequence that is not valid, where they are not replaced; or NULL */
};

/* Survey UTF-8 and write its characters; `width` is a constant. */
static inline __attribute__((always_inline)) struct survey
read_characters(const unsigned char *bytes, const unsigned char *end, bool replaces, void *to,
                unsigned width)
{
    uint64_t fours = 0;
    uint32_t all = 0, character;
    size_t index = 0;

    for (; bytes != end; index++) {
        if (width != 1 && width != 4 && end - bytes >= 8 && are_pairs(ouro__load_8(bytes))) {
            uint64_t four = read_pairs(ouro__load_8(bytes));
            fours |= four;
            if (width == 2) {
                memcpy((uint16_t *)to + index, &four, sizeof four);
            }
            index += 3;
            bytes += 8;
            continue;
        }
        if (is_pair(bytes, end)) {
            character = read_pair(bytes);
            bytes += 2;
        } else if (bytes[0] < 0x80) {
            character = *bytes++;
        } else {
            struct sequence sequence = read_sequence(bytes, (size_t)(end - bytes));
            if (!sequence.is_valid && !replaces) {
                return (struct survey){index, all, bytes};
            }
            character = sequence.is_valid ? sequence.character : OURO_REPLACEMENT_CHARACTER;
            bytes += sequence.n;
        }
        put_character(to, width, index, character);
        all |= character;
    }
    fours |= fours >> 32;
    return (struct survey){index, all | (uint16_t)(fours | fours >> 16), NULL};
}

/* Decode what begins with `n_ascii` bytes of ASCII and goes on with others.  Stops at the first sequence that is not
 * valid when `where` is given, otherwise replaces them. */
static ouro_status
decode(const char *utf8, size_t n, size_t n_ascii, ouro_ref *result, size_t *where)
{
    const unsigned char *begin = (const unsigned char *)utf8 + n_ascii, *end = begin + (n - n_ascii);
    bool replaces = where == NULL;

    struct survey found = read_characters(begin, end, replaces, NULL, 0);
    if (!replaces && found.bad != NULL) {
        *where = (size_t)(found.bad - begin) + n_ascii;
        return OURO_WRONG_VALUE;
    }
    size_t length = n_ascii + found.length;
    if (length == 1 && found.all < 0x100) {
        *result = ouro__str_single((uint8_t)found.all);
        return OURO_OK;
    }
    struct packed *str = ouro__str_alloc(found.all, length);
    if (str == NULL) {
        return OURO_NO_MEMORY;
    }
    char *data = ouro__packed_data(str);
    unsigned width = ouro__kind_width(ouro__packed_kind(str));
    if (n_ascii != 0) {
        ouro__view_copy(data, width, (struct view){utf8, n_ascii, 1});
        data += n_ascii * width;
    }
    if (width == 2) {
        read_characters(begin, end, replaces, data, 2);
    } else if (width == 1) {
        read_characters(begin, end, replaces, data, 1);
    } else {
        read_characters(begin, end, replaces, data, 4);
    }
    *result = &str->head;
    return OURO_OK;
}

static __attribute__((noinline)) ouro_status
decode_any(const char *utf8, size_t n, ouro_ref *result, size_t *where)
{
    size_t n_ascii = count_ascii(utf8, n), ignored;

    if (n_ascii != n) {
        return decode(utf8, n, n_ascii, result, where != NULL ? where : &ignored);
    }
    ouro_ref str = ouro__str_from_ascii(utf8, n);
    if (str == NULL) {
        return OURO_NO_MEMORY;
    }
    *result = str;
    return OURO_OK;
}

ouro_status
ouro_str_decode(const char *utf8, size_t n, ouro_ref *result, size_t *where)
{
    if (OURO_LIKELY(n - 2 <= MOST_SHORT - 2) && is_ascii(utf8, n)) {
        ouro_ref text = new_short(utf8, n);
        if (OURO_UNLIKELY(text == NULL)) {
            return OURO_NO_MEMORY;
        }
        *result = text;
        return OURO_OK;
    }
    return decode_any(utf8, n, result, where);
}

ouro_ref
ouro__str_decode_lossy(const char *utf8, size_t n)
{
    size_t n_ascii = count_ascii(utf8, n);
    ouro_ref str = NULL;

    if (n_ascii == n) {
        return ouro__str_from_ascii(utf8, n);
    }
    return decode(utf8, n, n_ascii, &str, NULL) == OURO_OK ? str : NULL;
}

ouro_ref
ouro_str_new(const char *utf8)
{
    return ouro__str_decode_lossy(utf8, strlen(utf8));
}

unsigned
ouro__utf8_put(char utf8[4], uint32_t c)
{
    if (c < 0x80) {
        utf8[0] = (char)c;
        return 1;
    }
    unsigned n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    utf8[0] = (char)(0xF00U >> n | c >> 6 * (n - 1));
    for (unsigned i = 1; i < n; i++) {
        utf8[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3F));
    }
    return n;
}

size_t
ouro_str_encode(ouro_loan str, char *utf8, size_t size)
{
    struct view view = ouro__str_view(str);
    size_t n = 0, end = 0; /* of all; and of what was given */
    bool fits = true;

    if (ouro__packed_kind((const struct packed *)ouro_look(str)) == PACKED_BYTES) {
        n = view.n;
        end = n < size ? n : size - (size != 0);
        if (end != 0) {
            memcpy(utf8, view.at, end);
        }
    } else {
        for (size_t i = 0; i < view.n; i++) {
            char bytes[4];
            unsigned each = ouro__utf8_put(bytes, ouro__view_get(view, i));
            n += each;
            fits = fits && n < size;
            if (fits) {
                memcpy(utf8 + end, bytes, each);
                end = n;
            }
        }
    }
    if (size != 0) {
        utf8[end] = 0;
    }
    return n;
}

/* ---- from characters ---- */

uint32_t
ouro__view_or(struct view view)
{
    uint32_t all = 0;
    if (view.width == 1) {
        return count_ascii(view.at, view.n) == view.n ? 0x7F : 0xFF;
    }
    for (size_t i = 0; i < view.n; i++) {
        all |= ouro__view_get(view, i);
    }
    return all;
}

#define COPY(to_type, from_type)                                                                       \
    for (size_t i = 0; i < from.n; i++) {                                                              \
        ((to_type *)to)[i] = (to_type)((const from_type *)from.at)[i];                                 \
    }

void
ouro__view_copy(void *to, unsigned width, struct view from)
{
    if (width == from.width) {
        ouro__copy_bytes(to, from.at, from.n * width);
    } else if (width == 1 && from.width == 2) {
        COPY(uint8_t, uint16_t)
    } else if (width == 1) {
        COPY(uint8_t, uint32_t)
    } else if (width == 2 && from.width == 1) {
        COPY(uint16_t, uint8_t)
    } else if (width == 2) {
        COPY(uint16_t, uint32_t)
    } else if (from.width == 1) {
        COPY(uint32_t, uint8_t)
    } else {
        COPY(uint32_t, uint16_t)
    }
}

ouro_ref
ouro__str_from_view(struct view view)
{
    uint32_t first = view.n == 0 ? 0 : ouro__view_get(view, 0);

    if (view.n <= 1 && first < 0x100) {
        return view.n == 0 ? ouro__str_empty() : ouro__str_single((uint8_t)first);
    }
    struct packed *str = ouro__str_alloc(ouro__view_or(view), view.n);
    if (str == NULL) {
        return NULL;
    }
    ouro__view_copy(ouro__packed_data(str), ouro__kind_width(ouro__packed_kind(str)), view);
    return &str->head;
}

ouro_status
ouro_str_from_characters(const uint32_t *characters, size_t n, ouro_ref *result, size_t *where)
{
    for (size_t i = 0; i < n; i++) {
        if (characters[i] > 0x10FFFF || (characters[i] >= 0xD800 && characters[i] < 0xE000)) {
            if (where != NULL) {
                *where = i;
            }
            return OURO_WRONG_VALUE;
        }
    }
    ouro_ref str = ouro__str_from_view((struct view){characters, n, sizeof *characters});
    if (str == NULL) {
        return OURO_NO_MEMORY;
    }
    *result = str;
    return OURO_OK;
}

/* ---- asking ---- */

bool
ouro_is_str(ouro_loan object)
{
    return ouro__type(ouro_look(object)) == ouro__str_type;
}

size_t
ouro_str_length(ouro_loan str)
{
    return ouro__str_view(str).n;
}

unsigned
ouro_str_width(ouro_loan str)
{
    return ouro__str_view(str).width;
}

uint32_t
ouro_str_get(ouro_loan str, size_t index)
{
    struct view view = ouro__str_view(str);
    return index < view.n ? ouro__view_get(view, index) : UINT32_MAX;
}

const char *
ouro_str_ascii_borrow(ouro_loan loan)
{
    const struct packed *str = (const struct packed *)ouro_look(loan);
    return ouro__packed_kind(str) == PACKED_BYTES ? ouro__packed_data(str) : NULL;
}

/* ---- comparing ---- */

bool
ouro__view_equal(struct view a, struct view b)
{
    return a.n == b.n && a.width == b.width && memcmp(a.at, b.at, a.n * a.width) == 0;
}

bool
ouro_str_equal(ouro_loan a, ouro_loan b)
{
    const struct packed *left = (const struct packed *)ouro_look(a);
    const struct packed *right = (const struct packed *)ouro_look(b);

    if (left == right) {
        return true;
    }
    uint32_t hash = __atomic_load_n(&left->hash, __ATOMIC_RELAXED);
    uint32_t other = __atomic_load_n(&right->hash, __ATOMIC_RELAXED);
    return (hash == other || hash == 0 || other == 0) && ouro__packed_equal(left, right);
}

int
ouro_str_compare(ouro_loan a, ouro_loan b)
{
    struct view left = ouro__str_view(a), right = ouro__str_view(b);
    size_t n = left.n < right.n ? left.n : right.n;

    if (left.width == 1 && right.width == 1) {
        int order = memcmp(left.at, right.at, n);
        return order != 0 ? order : (left.n > right.n) - (left.n < right.n);
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t c = ouro__view_get(left, i), d = ouro__view_get(right, i);
        if (c != d) {
            return c < d ? -1 : 1;
        }
    }
    return (left.n > right.n) - (left.n < right.n);
}

static ouro_status
equal_str(ouro_loan self, ouro_loan other)
{
    return ouro_is_str(other) && ouro_str_equal(self, other) ? OURO_FOUND : OURO_NOT_EQUAL;
}

/* ---- the type ---- */

static void
dealloc_str(ouro_loan self)
{
    if (ouro_look(self)->flags & OBJECT_WEAK) {
        ouro__intern_forget((struct packed *)ouro_look(self));
    }
}

/* Up to here the length alone says which class of blocks a text has: below PACKED_LONG, also where that is small. */
#define MOST_OF_KNOWN_CLASS (PACKED_LONG > 128 ? 128 : PACKED_LONG - 1)

static void
end_str(ouro_object *object)
{
    uint32_t shape = ((const struct packed *)object)->shape;
    bool is_short = shape <= (MOST_OF_KNOWN_CLASS << 2 | PACKED_BYTES) && (shape & 3) <= PACKED_LATIN1;
    unsigned class = OURO_LIKELY(is_short)
                         ? ouro__spare_class(sizeof(struct packed) + (shape >> 2) + ((shape & 3) == 0))
                         : ouro__spare_class_at(object);
    ouro__leaf_free(ouro__thread_self, class, object);
}

ouro_loan
ouro_str_type(void)
{
    return (ouro_loan)&ouro__str_type->head;
}

bool
ouro__strs_init(void)
{
    const ouro_type_spec spec = {
        .name = "str",
        .size = sizeof(struct packed),
        .item_size = 1,
        .flags = OURO_TYPE_LEAF,
        .dealloc = dealloc_str,
        .hash = ouro__hash_packed,
        .equal = equal_str,
        .repr = ouro__repr_str,
        .iterate = ouro__iterate_str,
        .extra_size = ouro__packed_extra_size,
    };
    if (ouro__str_type != NULL) {
        return true;
    }
    if (!ouro__type_make(&spec, &ouro__str_type)) {
        return false;
    }
    /* Most end with their memory.  The others, in the table of those that are one for all, are marked as having
     * weak references, and take the long way for that. */
    ouro__str_type->end = end_str;
    ouro__str_type->is_simple_equal = true;
    singles_init();
    return true;
}
