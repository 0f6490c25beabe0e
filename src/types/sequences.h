/* sequences.h - lists and tuples, as those see them who step through them. */
#ifndef OURO_TYPES_SEQUENCES_H
#define OURO_TYPES_SEQUENCES_H

#include "ouro/list.h"
#include "types/types.h"

struct tuple {
    ouro_object head;
    size_t n;
    ouro_object *items[];
};

/* An item that is there; None in the place of one that the collector has cleared. */
static inline ouro_loan
ouro__tuple_item(const struct tuple *tuple, size_t index)
{
    ouro_object *item = tuple->items[index];
    return OURO_LIKELY(item != NULL) ? (ouro_loan)item : ouro_lend(ouro_none());
}

/* All of them, likewise. */
static inline ouro_loan const *
ouro__tuple_items(struct tuple *tuple)
{
    for (size_t i = 0; i < tuple->n; i++) {
        if (OURO_UNLIKELY(tuple->items[i] == NULL)) {
            tuple->items[i] = ouro_none();
        }
    }
    return (ouro_loan const *)tuple->items;
}

#endif
