/* page.h - how the report is laid out: a label, then words wrapped beside it; bars; colours. */
#ifndef OURO_CLI_PAGE_H
#define OURO_CLI_PAGE_H

#include "run/report.h"

/* Where the words beside a label begin. */
#define OURO_PAGE_INDENT 13

enum ouro__colour {
    OURO_COLOUR_OFF,
    OURO_COLOUR_BOLD,
    OURO_COLOUR_DIM,
    OURO_COLOUR_RED,
    OURO_COLOUR_GREEN,
    OURO_COLOUR_YELLOW,
    OURO_COLOUR_BLUE,
    OURO_COLOUR_MAGENTA,
    OURO_COLOUR_CYAN
};

struct ouro__page {
    struct ouro__text *text;
    struct ouro__look look;
};

/* Switch to a colour; nothing where there are none. */
void ouro__page_colour(const struct ouro__page *page, enum ouro__colour colour);

/* "label        words", wrapped to the width.  Takes the words: they are empty afterwards. */
void ouro__page_row(const struct ouro__page *page, const char *label, struct ouro__text *words);

/* Spaces, `n` of them; none for a negative n. */
void ouro__page_pad(const struct ouro__page *page, long n);

/* A bar for `part` of `whole` in `width` columns, filled up with spaces. */
void ouro__page_bar(const struct ouro__page *page, double share, size_t width,
                    enum ouro__colour colour);

/* `left` and `right` at the two ends of a line of dashes. */
void ouro__page_rule(const struct ouro__page *page, struct ouro__text *left, struct ouro__text *right);

#endif
