/* listing.h - sources with what their lines hold, for people. */
#ifndef OURO_CLI_LISTING_H
#define OURO_CLI_LISTING_H

#include "view/held.h"
#include "page.h"

/* All files that are to be shown, or of them the functions of that name; NULL for all of a file.  Sets `*found` when
 * there is anything. */
void ouro__listing_add(const struct ouro__page *page, const struct ouro__held *held, uint64_t when,
                       const char *function, bool *found);

#endif
