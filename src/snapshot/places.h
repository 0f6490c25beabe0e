/* places.h - where blocks come from, as numbers that are the same in all snapshots that are looked at.
 *
 *   text       a file's name, a function's, a package's
 *   function   its file and its name
 *   line       its file and its number
 *   place      a function, and a line in it: a frame, as a person knows it
 *   path       a place, and the path of its caller: a traceback
 *
 * Number 0 of each is nothing: no frame.  A path's caller has a lower number than itself. */
#ifndef OURO_SNAPSHOT_PLACES_H
#define OURO_SNAPSHOT_PLACES_H

#include "snapshot/intern.h"
#include "snapshot/read.h"

struct ouro__places {
    struct ouro__texts texts;
    struct ouro__pairs functions; /* text of the file, text of the name */
    uint32_t
        *modules; /* by text of a source's name: of the program or library that it is part of; else 0 */
    size_t n_modules;          /* texts that it has room for */
    struct ouro__pairs lines;  /* text of the file, number of the line */
    struct ouro__pairs places; /* function, line */
    struct ouro__paths paths;
};

/* False without memory. */
bool ouro__places_init(struct ouro__places *places);
void ouro__places_free(struct ouro__places *places);

/* The path of each node of a snapshot; owned, to be freed.  NULL without memory. */
uint32_t *ouro__paths_of_nodes(struct ouro__places *places, const struct ouro__snapshot *snapshot);

/* The place of each node, or of each trace's node alone: the paths, which take most of the time, stay as they are. */
uint32_t *ouro__places_of_nodes(struct ouro__places *places, const struct ouro__snapshot *snapshot);
uint32_t *ouro__places_of_traces(struct ouro__places *places, const struct ouro__snapshot *snapshot);

/* The file that is loaded for what stands in `file`, a text: the library that it was compiled into, or else itself. */
uint32_t ouro__module_of_file(const struct ouro__places *places, uint32_t file);

/* Whether what `file` names is itself loaded, and no source. */
bool ouro__file_is_module(const struct ouro__places *places, uint32_t file);

/* What a place is made of. */
static inline uint32_t
ouro__place_of_path(const struct ouro__places *places, uint32_t path)
{
    return places->paths.items[path].b;
}

static inline uint32_t
ouro__function_of_place(const struct ouro__places *places, uint32_t place)
{
    return places->places.items[place].a;
}

static inline uint32_t
ouro__line_of_place(const struct ouro__places *places, uint32_t place)
{
    return places->places.items[place].b;
}

/* Texts for reading: "(no frame)" where there is none of a file. */
const char *ouro__text_at(const struct ouro__places *places, uint32_t text);
const char *ouro__file_of_line(const struct ouro__places *places, uint32_t line);
const char *ouro__file_of_function(const struct ouro__places *places, uint32_t function);
const char *ouro__name_of_function(const struct ouro__places *places, uint32_t function);
uint32_t ouro__number_of_line(const struct ouro__places *places, uint32_t line);

#endif
