/* cpython_survey.h - which of an interpreter's old objects are garbage, found without touching them. */
#ifndef OURO_HOST_CPYTHON_SURVEY_H
#define OURO_HOST_CPYTHON_SURVEY_H

#include "host/cpython_lists.h"

/* What a survey found. */
struct ouro__survey {
    size_t n_objects; /* objects looked at */
    size_t n_garbage; /* of them, kept alive by nothing outside */
};

/* Whether objects of this interpreter can be surveyed: their types are as expected.  `list` is any list. */
bool ouro__survey_is_possible(py_object *list);

/* Look at all objects of `from`, and move those that only each other keep alive to the end of `to`.  False, and
 * nothing moved, without memory for it, and when many objects are not on our heaps.  Only when a collection is about to start. */
bool ouro__survey_run(struct py_generation *from, struct py_generation *to,
                      struct ouro__survey *survey);

#endif
