/* cpython_free_lists.h - the interpreter's free lists, emptied before the heaps make a new peak. */
#ifndef OURO_HOST_CPYTHON_FREE_LISTS_H
#define OURO_HOST_CPYTHON_FREE_LISTS_H

#include "host/cpython_lists.h"

/* Whether the heaps, which hold so many bytes, have grown beyond all that they held when the free lists were emptied last. */
bool ouro__free_lists_are_due(uint64_t held);

/* They are empty: as the interpreter starts, and after each time that it was done. */
void ouro__free_lists_emptied(uint64_t held);

/* Before and after a collection that is to empty the free lists and to look at nothing: put all objects aside, and back
 * where they were.  The three generations are those of ouro__collector_find(). */
void ouro__free_lists_start(struct py_generation *generations);
void ouro__free_lists_stop(struct py_generation *generations);

#endif
