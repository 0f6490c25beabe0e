/* packages.h - which installed distribution a file of a Python program belongs to. */
#ifndef OURO_CLI_PACKAGES_H
#define OURO_CLI_PACKAGES_H

#include "snapshot/view.h"

/* The package of what is neither installed nor the standard library's. */
#define OURO_PACKAGE_OWN "(the program)"

struct ouro__packages {
    struct ouro__groups groups; /* see ouro__packages_groups() */
    const char *version;        /* of the Python that ran, "3.11.2"; borrowed, NULL when not known */
    struct ouro__texts folders; /* site-packages that were looked at, with a slash behind */
    struct ouro__texts files;   /* files that a distribution's record names */
    uint32_t *owners;           /* of each of them: a text of the places */
    size_t n_owners, room;
    uint32_t *known; /* the package of each text of the places that was asked for, or OURO_NO_ID */
    size_t n_known;
};

/* The package of a file, both texts of `places`; OURO_NO_ID without memory.  `packages` is zero at first. */
uint32_t ouro__package_of(struct ouro__packages *packages, struct ouro__places *places, uint32_t file);

/* The same, for ouro__view_fold() and its like. */
struct ouro__groups *ouro__packages_groups(struct ouro__packages *packages);

void ouro__packages_free(struct ouro__packages *packages);

#endif
