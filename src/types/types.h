/* types.h - what the kinds of objects know of each other. */
#ifndef OURO_TYPES_TYPES_H
#define OURO_TYPES_TYPES_H

#include "object/object.h"
#include "ouro/dict.h"
#include "ouro/list.h"
#include "ouro/number.h"
#include "ouro/set.h"
#include "ouro/tuple.h"

/* Make the types of each file, once; false without memory. */
bool ouro__numbers_init(void);
bool ouro__lists_init(void);
bool ouro__tuples_init(void);
bool ouro__dicts_init(void);
bool ouro__sets_init(void);
bool ouro__table_iterators_init(void);

extern struct ouro_type *ouro__list_type, *ouro__tuple_type;

/* Add an item, stolen, to a list that has room for it and that nobody else has seen yet. */
void ouro__list_fill(ouro_object *list, ouro_ref item);

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
