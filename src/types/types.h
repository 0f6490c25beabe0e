/* types.h - what the kinds of objects know of each other. */
#ifndef OURO_TYPES_TYPES_H
#define OURO_TYPES_TYPES_H

#include "object/object.h"
#include "ouro/bytes.h"
#include "ouro/int.h"
#include "ouro/list.h"
#include "ouro/number.h"
#include "ouro/str.h"
#include "ouro/tuple.h"

/* Make the types of each file, once; false without memory. */
bool ouro__numbers_init(void);
bool ouro__lists_init(void);
bool ouro__tuples_init(void);
bool ouro__strs_init(void);
bool ouro__ints_init(void);
bool ouro__bytes_init(void);
bool ouro__bytearrays_init(void);

/* Choose the key of hashes, once. */
void ouro__hash_init(void);

/* SipHash-1-3: see hash.c. */
uint64_t ouro__siphash(const uint64_t key[2], const void *data, size_t n);

/* How objects are shown: see repr.c. */
ouro_ref ouro__repr_none(ouro_loan self);
ouro_ref ouro__repr_bool(ouro_loan self);
ouro_ref ouro__repr_float(ouro_loan self);
ouro_ref ouro__repr_int(ouro_loan self);
ouro_ref ouro__repr_str(ouro_loan self);
ouro_ref ouro__repr_list(ouro_loan self);
ouro_ref ouro__repr_tuple(ouro_loan self);
ouro_ref ouro__repr_bytes(ouro_loan self);

/* Whether bytes or a bytearray equal something. */
ouro_status ouro__equal_bytes(ouro_loan self, ouro_loan other);

extern struct ouro_type *ouro__list_type, *ouro__tuple_type;

/* Buffers of containers. */
static inline void *
ouro__buffer_alloc(size_t size)
{
    return ouro__alloc(ouro__leaves, ouro__thread_self->leaves, OURO_DOMAIN_MEM, size);
}

static inline void
ouro__buffer_free(void *buffer)
{
    if (buffer != NULL) {
        ouro__free(ouro__thread_self->leaves, buffer);
    }
}

static inline void *
ouro__buffer_realloc(void *buffer, size_t size)
{
    return ouro_heap_realloc(ouro__leaves, OURO_DOMAIN_MEM, buffer, size);
}

#endif
