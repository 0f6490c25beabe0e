/* labels.h - what stands at a row: the names that belong to its key. */
#ifndef OURO_CLI_LABELS_H
#define OURO_CLI_LABELS_H

#include "text.h"
#include "snapshot/view.h"
#include "view/saved.h"

/* One of the names; a number has no text. */
struct ouro__field {
    const char *name;
    const char *text;
    uint32_t number;
};

#define OURO_FIELDS_MOST 2

/* The names of a key of any kind but a traceback; how many. */
size_t ouro__fields_of(const struct ouro__places *places, enum ouro__by by, uint32_t key,
                       struct ouro__field fields[OURO_FIELDS_MOST]);

/* "app.py:12", "app.py: load", "requests 2.31.0"; a traceback's innermost frame. */
void ouro__label_add(struct ouro__text *text, const struct ouro__places *places, enum ouro__by by,
                     uint32_t key);

/* "app.py:12 in load". */
void ouro__place_add(struct ouro__text *text, const struct ouro__places *places, uint32_t place);

/* "load (app.py:12)", in at most `columns`. */
void ouro__call_add(struct ouro__text *text, const struct ouro__places *places, uint32_t place,
                    size_t columns);

/* `words` in at most `columns`, its beginning cut off where it is longer.  Returns the columns used. */
size_t ouro__text_add_end(struct ouro__text *text, const char *words, size_t columns);

/* Line `number` of a file, without the spaces around it: nothing when it can't be read, or when the file has changed
 * after `when`, ns since 1970, unless that is 0. */
void ouro__source_add(struct ouro__text *text, const char *file, uint32_t number, uint64_t when);

#endif
