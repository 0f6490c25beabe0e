/* packed.h - sequences that stay as they were made, in one block: texts and bytes.
 *
 *   header 16 | hash 4 | length and kind 4 | characters ... | 0
 *
 * The length has 30 bits.  When they are all set the length is a word of its own, between them and the characters. */
#ifndef OURO_TYPES_PACKED_H
#define OURO_TYPES_PACKED_H

#include <string.h>

#include "base/load.h"
#include "object/object.h"

struct packed {
    ouro_object head;
    uint32_t hash;  /* 0: not asked for yet; atomic */
    uint32_t shape; /* length times four, and enum packed_kind */
};

enum packed_kind {
    PACKED_BYTES = 0, /* bytes, and texts that are ASCII: with a zero behind them */
    PACKED_LATIN1,    /* one byte each, a character beyond ASCII among them */
    PACKED_UCS2,
    PACKED_UCS4,
};

#if OURO_STRESS
#define PACKED_LONG 9U /* lengths from here on have the word */
#else
#define PACKED_LONG 0x3FFFFFFFU
#endif

_Static_assert(sizeof(struct packed) == 24, "seven characters of ASCII fit in a block of 32 bytes");

static inline enum packed_kind
ouro__packed_kind(const struct packed *packed)
{
    return (enum packed_kind)(packed->shape & 3);
}

static inline size_t
ouro__packed_length(const struct packed *packed)
{
    uint32_t length = packed->shape >> 2;
    return OURO_LIKELY(length != PACKED_LONG) ? length : *(const size_t *)(const void *)(packed + 1);
}

/* Bytes a character, as a power of two: 0 0 1 2. */
static inline unsigned
ouro__kind_shift(enum packed_kind kind)
{
    return (unsigned)kind - (kind != 0);
}

/* The same as a number: 1 1 2 4. */
static inline unsigned
ouro__kind_width(enum packed_kind kind)
{
    return 1U << ouro__kind_shift(kind);
}

static inline void *
ouro__packed_data(const struct packed *packed)
{
    size_t words = OURO_LIKELY(packed->shape >> 2 != PACKED_LONG) ? 0 : 1;
    return (size_t *)(void *)((uintptr_t)(packed + 1)) + words;
}

/* A new one with its characters not written yet, but for the zero behind them; NULL without memory. */
static inline struct packed *
ouro__packed_alloc(const struct ouro_type *type, enum packed_kind kind, size_t length)
{
    bool is_long = length >= PACKED_LONG;
    size_t size;
    if (OURO_LIKELY(!is_long)) {
        size = sizeof(struct packed) + (length << ouro__kind_shift(kind)) + (kind == PACKED_BYTES);
    } else if (__builtin_mul_overflow(length, ouro__kind_width(kind), &size) ||
               __builtin_add_overflow(
                   size, sizeof(struct packed) + sizeof(size_t) + (kind == PACKED_BYTES), &size)) {
        return NULL;
    }
    struct packed *packed = (struct packed *)ouro__leaf_alloc(type, size);
    if (OURO_LIKELY(packed != NULL)) {
        packed->hash = 0;
        packed->shape = (is_long ? PACKED_LONG : (uint32_t)length) << 2 | kind;
        if (OURO_UNLIKELY(is_long)) {
            *(size_t *)(void *)(packed + 1) = length;
        }
        if (kind == PACKED_BYTES) {
            ((char *)packed)[size - 1] = 0;
        }
    }
    return packed;
}

/* memcpy() without a call where few bytes are to be copied, as words that may overlap. */
static inline void
ouro__copy_bytes(char *to, const char *from, size_t n)
{
    if (n > 64) {
        memcpy(to, from, n);
    } else if (n > 16) {
        for (size_t i = 0; i < n - 16; i += 16) {
            memcpy(to + i, from + i, 16);
        }
        memcpy(to + n - 16, from + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    } else if (n != 0) {
        to[0] = from[0];
        to[n / 2] = from[n / 2];
        to[n - 1] = from[n - 1];
    }
}

/* memcmp() == 0 without a call where few bytes are to be compared, as words that may overlap. */
static inline bool
ouro__same_bytes(const char *a, const char *b, size_t n)
{
    if (n - 8 <= 56) {
        for (size_t i = 0; i < n - 8; i += 8) {
            if (ouro__load_8(a + i) != ouro__load_8(b + i)) {
                return false;
            }
        }
        return ouro__load_8(a + n - 8) == ouro__load_8(b + n - 8);
    }
    if (n - 4 < 4) {
        return ouro__load_4(a) == ouro__load_4(b) && ouro__load_4(a + n - 4) == ouro__load_4(b + n - 4);
    }
    if (n - 1 < 3) {
        return a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1];
    }
    return memcmp(a, b, n) == 0;
}

/* Whether two of one type are the same. */
static inline bool
ouro__packed_equal(const struct packed *a, const struct packed *b)
{
    uint32_t shape = a->shape;
    size_t length = shape >> 2, begin = sizeof *a;

    if (shape != b->shape) {
        return false;
    }
    if (OURO_UNLIKELY(length == PACKED_LONG)) {
        length = ouro__packed_length(a);
        if (length != ouro__packed_length(b)) {
            return false;
        }
        begin += sizeof length;
    }
    return ouro__same_bytes((const char *)a + begin, (const char *)b + begin,
                            length << ouro__kind_shift((enum packed_kind)(shape & 3)));
}

/* Its hash, which is not 0, computed now. */
uint32_t ouro__packed_make_hash(struct packed *packed);

/* The same, computed when it is asked for first. */
static inline uint32_t
ouro__packed_hash(struct packed *packed)
{
    uint32_t hash = __atomic_load_n(&packed->hash, __ATOMIC_RELAXED);
    return OURO_LIKELY(hash != 0) ? hash : ouro__packed_make_hash(packed);
}

/* As 64 bits: both ends of the word must be good, tables take what they like. */
static inline uint64_t
ouro__packed_hash_64(struct packed *packed)
{
    return ouro__packed_hash(packed) * 0x9E3779B97F4A7C15U;
}

/* ouro_hash() of it: 64 bits. */
ouro_status ouro__hash_packed(ouro_loan self, uint64_t *hash);

/* Bytes of the block behind `struct packed`. */
size_t ouro__packed_extra_size(ouro_loan self);

#endif
