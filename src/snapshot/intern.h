/* intern.h - texts, pairs of numbers and paths that get numbers themselves, from 0, in the order in which they come. */
#ifndef OURO_SNAPSHOT_INTERN_H
#define OURO_SNAPSHOT_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

#define OURO_NO_ID UINT32_MAX

/* From a hash to an item's number; open addressing. */
struct ouro__slots {
    uint32_t *slots; /* number + 1, 0 for none */
    size_t n_slots;  /* a power of two */
    uint64_t seed;   /* a file can't know which hashes collide */
};

struct ouro__pair {
    uint32_t a, b;
};

/* Zero is an empty one. */
struct ouro__pairs {
    struct ouro__pair *items;
    uint32_t n;
    size_t room;
    struct ouro__slots slots;
};

/* The number of a pair, new or known; OURO_NO_ID without memory. */
uint32_t ouro__pairs_id(struct ouro__pairs *pairs, uint32_t a, uint32_t b);
void ouro__pairs_free(struct ouro__pairs *pairs);

/* Pairs that form a tree: a place, and the path of its caller, which has a lower number.  Number 0 is its root, there from the
 * first reserve on.  Most paths call one other, which stands beside them.  Those that came later are in a chain that a few
 * callers share: what is near to each other in the tree is so in memory then.  The slots have what chains are too long for. */
struct ouro__paths {
    struct ouro__pair *items; /* a: the caller, b: the place */
    uint32_t *firsts;         /* of each path, one that it called; 0 for none */
    uint32_t n;
    size_t room;
    uint32_t *chains;         /* by callers: the number + 1 of the last of `links`, 0 for none */
    struct ouro__pair *links; /* a: a path, b: the number + 1 of the link before, 0 for none */
    size_t n_links, links_room;
    uint32_t n_far; /* paths in the slots */
    struct ouro__slots slots;
    uint32_t n_listed; /* of the first paths, those that are in all of these; of later ones some are */
};

/* Room for `more` paths that are not known yet; false without memory. */
bool ouro__paths_reserve(struct ouro__paths *paths, size_t more);

/* The number of a path, new or known; a new one needs room that was reserved.  OURO_NO_ID without memory. */
uint32_t ouro__paths_id(struct ouro__paths *paths, uint32_t caller, uint32_t place);

/* A path that nobody has, and nobody asks for until all are listed: its number, without a look. */
static inline uint32_t
ouro__paths_add(struct ouro__paths *paths, uint32_t caller, uint32_t place)
{
    OURO_ASSERT(paths->n < paths->room);
    paths->items[paths->n] = (struct ouro__pair){caller, place};
    paths->firsts[paths->n] = 0;
    return paths->n++;
}

/* Whether that is the number of a path. */
static inline bool
ouro__paths_has(const struct ouro__paths *paths, uint32_t number, uint32_t caller, uint32_t place)
{
    return number < paths->n && paths->items[number].a == caller && paths->items[number].b == place;
}

/* Have all paths found from now on; false without memory. */
bool ouro__paths_list(struct ouro__paths *paths);
void ouro__paths_free(struct ouro__paths *paths);

struct ouro__interned {
    char *text; /* NUL-ended; owned */
    uint64_t hash;
};

/* Zero is an empty one. */
struct ouro__texts {
    struct ouro__interned *items;
    uint32_t n;
    size_t room;
    struct ouro__slots slots;
};

/* The number of a text up to its first NUL, at most `n` bytes; OURO_NO_ID without memory. */
uint32_t ouro__texts_id(struct ouro__texts *texts, const char *text, size_t n);

/* The number of a text that is known, or OURO_NO_ID. */
uint32_t ouro__texts_find(const struct ouro__texts *texts, const char *text, size_t n);
void ouro__texts_free(struct ouro__texts *texts);

#endif
