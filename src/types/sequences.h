/* sequences.h - lists and tuples, as those see them who step through them. */
#ifndef OURO_TYPES_SEQUENCES_H
#define OURO_TYPES_SEQUENCES_H

#include "types/types.h"

struct list {
    ouro_object head;
    size_t n;
    size_t room; /* of `items` */
    ouro_object **items;
};

struct tuple {
    ouro_object head;
    size_t n;
    ouro_object *items[];
};

#endif
