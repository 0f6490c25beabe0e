/* html.h - a snapshot as one page for a browser, with nothing to fetch. */
#ifndef OURO_CLI_HTML_H
#define OURO_CLI_HTML_H

#include "view/packages.h"
#include "view/view_options.h"

/* What the page is made of; all borrowed. */
struct ouro__html {
    const struct ouro__saved *saved;
    struct ouro__places *places;
    struct ouro__packages *packages;
    const struct ouro__view *views; /* one for each measure */
    const struct ouro__view_options *options;
};

/* Whether this tool was built with the page; says so when it was not. */
bool ouro__html_check(void);

/* Write the page to `text`; `text->failed` is set without memory. */
void ouro__html_add(struct ouro__text *text, const struct ouro__html *html);

#endif
