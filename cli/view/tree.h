/* tree.h - a snapshot's figures as a tree of calls. */
#ifndef OURO_CLI_TREE_H
#define OURO_CLI_TREE_H

#include "page.h"
#include "snapshot/view.h"
#include "view/saved.h"

/* Callers above what they called, those that hold most first; what holds less than a hundredth is put together.  False
 * without memory. */
bool ouro__tree_add(const struct ouro__page *page, const struct ouro__places *places,
                    const struct ouro__view *view, bool is_estimate);

#endif
