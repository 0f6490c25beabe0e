/* held.h - what each line of the program's own files holds: at the peak, at the end, and ever.
 *
 * A block counts for one line: that of the innermost frame of its traceback that lies in one of the program's own files,
 * or in one that was named.  So what a library allocates belongs to the line that called the library. */
#ifndef OURO_CLI_HELD_H
#define OURO_CLI_HELD_H

#include "view/packages.h"
#include "view/source.h"
#include "snapshot/view.h"
#include "view/saved.h"

/* Figures by enum ouro__measure. */
struct ouro__held_figures {
    struct ouro__figures by[OURO_N_MEASURES];
};

struct ouro__held_line {
    uint32_t file;   /* a text of the places */
    uint32_t number; /* 0: an instruction that is on no line */
    struct ouro__held_figures figures;
};

/* A function, or the body of a class; not what lies within a statement, as a lambda does. */
struct ouro__held_function {
    uint32_t file, name;  /* texts of the places */
    uint32_t first, last; /* lines; as far as they were seen, until ouro__held_open() */
    bool is_marked;       /* in the source, for `ouro lines`; known after ouro__held_find_marked() */
    struct ouro__held_figures figures;
};

struct ouro__held_file {
    uint32_t text;
    struct ouro__held_line *lines; /* by their numbers; borrowed */
    size_t n_lines;
    struct ouro__held_function *functions; /* by their first lines; borrowed */
    size_t n_functions;
    struct ouro__held_figures figures;
};

struct ouro__held {
    struct ouro__places places;
    struct ouro__packages packages;
    struct ouro__held_line *lines; /* owned; so are the next two */
    struct ouro__held_function *functions;
    struct ouro__held_file *files; /* that are to be shown, what held most at the peak first */
    size_t n_lines, n_functions, n_files;
    bool is_marked;                /* some functions are marked: without a name, only these are meant */
    struct ouro__held_figures all; /* everything traced */
    struct ouro__held_figures elsewhere; /* of it, what counts for no line of `files` */
    struct ouro__figures untraced;       /* at the peak */
};

/* Sum up a snapshot for the files that `names` are, or, without names, for the program's own.  A name that is no file of
 * the snapshot sets `*missing`, NULL otherwise.  False without memory. */
bool ouro__held_make(struct ouro__held *held, const struct ouro__saved *saved, char **names,
                     size_t n_names, const char **missing);
void ouro__held_free(struct ouro__held *held);

/* Look in the sources for functions that the program has marked.  False without memory. */
bool ouro__held_find_marked(struct ouro__held *held, uint64_t when);

/* Read the source of a file, and complete its functions by it.  False without memory. */
bool ouro__held_open(const struct ouro__held *held, struct ouro__held_file *file, uint64_t when,
                     struct ouro__source *source);

/* Lines of a file, both ends included. */
struct ouro__held_range {
    uint32_t first, last;
};

/* Which lines of an opened file are meant: all, or those of marked functions where there are any, or those of the
 * functions of that name, which is the whole one or the last part of it.  In their order, apart from each other; owned, NULL without memory. */
struct ouro__held_range *ouro__held_ranges(const struct ouro__held *held,
                                           const struct ouro__held_file *file, const char *name,
                                           size_t *n);

#endif
