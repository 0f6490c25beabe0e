/* types.h - what the kinds of objects know of each other. */
#ifndef OURO_TYPES_TYPES_H
#define OURO_TYPES_TYPES_H

#include <string.h>

#include "object/object.h"
#include "ouro/bytes.h"
#include "ouro/dict.h"
#include "ouro/generator.h"
#include "ouro/int.h"
#include "ouro/list.h"
#include "ouro/number.h"
#include "ouro/set.h"
#include "ouro/str.h"
#include "ouro/tuple.h"

/* Make the types of each file, once; false without memory. */
bool ouro__numbers_init(void);
bool ouro__lists_init(void);
bool ouro__tuples_init(void);
bool ouro__dicts_init(void);
bool ouro__sets_init(void);
bool ouro__table_iterators_init(void);
bool ouro__strs_init(void);
bool ouro__ints_init(void);
bool ouro__bytes_init(void);
bool ouro__bytearrays_init(void);
bool ouro__generators_init(void);
bool ouro__ranges_init(void);
bool ouro__deques_init(void);
bool ouro__files_init(void);
bool ouro__adaptors_init(void);
bool ouro__proxies_init(void);
bool ouro__finalizers_init(void);
bool ouro__weak_dicts_init(void);
bool ouro__weak_sets_init(void);
bool ouro__weak_iterators_init(void);
bool ouro__functions_init(void);
bool ouro__classes_init(void);

/* Choose the key of hashes, once. */
void ouro__hash_init(void);

/* SipHash-1-3: see hash.c. */
uint64_t ouro__siphash(const uint64_t key[2], const void *data, size_t n);

/* New iterators: see iterate.c.  Those of iterators are themselves. */
ouro_ref ouro__iterate_list(ouro_loan list);
ouro_ref ouro__iterate_tuple(ouro_loan tuple);
ouro_ref ouro__iterate_str(ouro_loan str);
ouro_ref ouro__iterate_bytes(ouro_loan either);
ouro_ref ouro__iterate_self(ouro_loan self);
bool ouro__iterators_init(void);

/* Have an iterator whose steps may take long, or run code of the program's, be the caller's alone; false when it is
 * somebody's already. */
static inline bool
ouro__claim(ouro_object *iterator, bool *is_claimed)
{
    bool locked = ouro__use(iterator);
    bool is_free = !*is_claimed;
    *is_claimed = true;
    ouro__unuse(iterator, locked);
    return is_free;
}

static inline void
ouro__unclaim(ouro_object *iterator, bool *is_claimed)
{
    bool locked = ouro__use(iterator);
    *is_claimed = false;
    ouro__unuse(iterator, locked);
}

/* How objects are shown: see repr.c. */
ouro_ref ouro__repr_none(ouro_loan self);
ouro_ref ouro__repr_bool(ouro_loan self);
ouro_ref ouro__repr_float(ouro_loan self);
ouro_ref ouro__repr_int(ouro_loan self);
ouro_ref ouro__repr_str(ouro_loan self);
ouro_ref ouro__repr_list(ouro_loan self);
ouro_ref ouro__repr_tuple(ouro_loan self);
ouro_ref ouro__repr_dict(ouro_loan self);
ouro_ref ouro__repr_set(ouro_loan self);
ouro_ref ouro__repr_bytes(ouro_loan self);
ouro_ref ouro__repr_deque(ouro_loan self);

/* Whether bytes or a bytearray equal something. */
ouro_status ouro__equal_bytes(ouro_loan self, ouro_loan other);

extern struct ouro_type *ouro__list_type, *ouro__tuple_type, *ouro__function_type;

/* Add an item, stolen, to a list that has room for it and that nobody else has seen yet. */
void ouro__list_fill(ouro_object *list, ouro_ref item);

/* Memory of a container for its items, of 16 bytes at least; NULL without. */
static inline void *
ouro__buffer_alloc(size_t size)
{
    struct thread *self = ouro__thread_self;
    void *buffer = ouro__spare_take(self->buffer_spares, ouro__spare_class(size));
    if (OURO_UNLIKELY(size > FINE_MAX)) {
        ouro__note_large(self, size);
    }
    return buffer != NULL ? buffer : ouro__alloc(ouro__leaves, self->leaves, OURO_DOMAIN_MEM, size);
}

/* Free a buffer of `size` bytes; NULL is ignored. */
static inline void
ouro__buffer_free(void *buffer, size_t size)
{
    struct thread *self = ouro__thread_self;
    if (buffer != NULL && !ouro__spare_put(self->buffer_spares, ouro__spare_class(size), buffer)) {
        ouro__free(self->leaves_back, buffer);
    }
}

/* Change a buffer's size; NULL without memory, and it is as it was. */
static inline void *
ouro__buffer_realloc(void *buffer, size_t size_before, size_t size)
{
    if (size > SPARE_MAX || size_before > SPARE_MAX) {
        ouro__note_large(ouro__thread_self, size > size_before ? size - size_before : 0);
        return ouro_heap_realloc(ouro__leaves, OURO_DOMAIN_MEM, buffer, size);
    }
    void *moved = ouro__buffer_alloc(size);
    if (moved != NULL && buffer != NULL) {
        memcpy(moved, buffer, size_before < size ? size_before : size);
        ouro__buffer_free(buffer, size_before);
    }
    return moved;
}

#endif
