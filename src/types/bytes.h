/* bytes.h - what the files of bytes know of each other. */
#ifndef OURO_TYPES_BYTES_H
#define OURO_TYPES_BYTES_H

#include "types/packed.h"

struct bytearray {
    ouro_object head;
    size_t n;
    size_t room;
    uint8_t *items;
};

extern struct ouro_type *ouro__bytes_type, *ouro__bytearray_type;

static inline bool
ouro__is_bytearray(ouro_loan loan)
{
    bool is_array = ouro__type(ouro_look(loan)) == ouro__bytearray_type;
    OURO_ASSERT(is_array || ouro__type(ouro_look(loan)) == ouro__bytes_type);
    return is_array;
}

/* Bytes to be written by who asks; NULL without memory. */
static inline struct packed *
ouro__bytes_alloc(size_t n)
{
    return ouro__packed_alloc(ouro__bytes_type, PACKED_BYTES, n);
}

#endif
