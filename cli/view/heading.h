/* heading.h - what is said of a snapshot before any table. */
#ifndef OURO_CLI_HEADING_H
#define OURO_CLI_HEADING_H

#include "page.h"
#include "view/saved.h"
#include "snapshot/view.h"

/* "── ouro report: python3 app.py ─── live when taken ──". */
void ouro__heading_add_title(const struct ouro__page *page, const char *verb,
                             const struct ouro__saved *saved, enum ouro__measure measure);

/* The same with `what` at its end. */
void ouro__heading_add_rule(const struct ouro__page *page, const char *verb,
                            const struct ouro__saved *saved, const char *what);

/* Which process, and when: a row with this label. */
void ouro__heading_add_process(const struct ouro__page *page, const char *label,
                               const struct ouro__saved *saved);

/* "12.3 MiB in 41.2 k blocks". */
void ouro__heading_add_figures(struct ouro__text *text, const struct ouro__figures *figures,
                               bool is_estimate);

/* How it was traced, how much, and what was not: two rows. */
void ouro__heading_add_tracing(const struct ouro__page *page, const struct ouro__saved *saved,
                               const struct ouro__view *view);

#endif
