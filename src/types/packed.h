/* packed.h - sequences that stay as they were made, in one block: texts and bytes.
 *
 *   header 16 | hash 4 | length and kind 4 | characters ... | 0
 *
 * The length has 30 bits.  When they are all set the length is a word of its own, between them and the characters. */
#ifndef OURO_TYPES_PACKED_H
#define OURO_TYPES_PACKED_H

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

/* Bytes a character. */
static inline unsigned
ouro__kind_width(enum packed_kind kind)
{
    return 1U << (kind >> 1 << (kind & 1)); /* 1 1 2 4 */
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
    size_t before = sizeof(struct packed) + (is_long ? sizeof(size_t) : 0), size;
    if (__builtin_mul_overflow(length, ouro__kind_width(kind), &size) ||
        __builtin_add_overflow(size, before + (kind == PACKED_BYTES), &size)) {
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

/* Its hash, which is not 0, computed when it is asked for first. */
uint32_t ouro__packed_hash(struct packed *packed);

/* ouro_hash() of it: 64 bits. */
ouro_status ouro__hash_packed(ouro_loan self, uint64_t *hash);

/* Bytes of the block behind `struct packed`. */
size_t ouro__packed_extra_size(ouro_loan self);

#endif
