/* page.c - how the report is laid out. */
#define _GNU_SOURCE
#include "page.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NARROWEST 60
#define WIDEST 120
#define USUAL 80

static size_t
columns_at(int fd)
{
    struct winsize size;
    const char *wish = getenv("COLUMNS");
    long columns = wish == NULL ? 0 : strtol(wish, NULL, 10);

    if (columns <= 0 && fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0) {
        columns = size.ws_col;
    }
    if (columns <= 0) {
        columns = USUAL;
    }
    return columns < NARROWEST ? NARROWEST : columns > WIDEST ? WIDEST : (size_t)columns;
}

struct ouro__look
ouro__look_at(int fd)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    bool dumb = terminal == NULL || terminal[0] == '\0' || strcmp(terminal, "dumb") == 0;
    bool unwanted = no_colour != NULL && no_colour[0] != '\0';

    return (struct ouro__look){
        .columns = columns_at(fd),
        .colour = fd >= 0 && isatty(fd) == 1 && !dumb && !unwanted,
    };
}

void
ouro__page_colour(const struct ouro__page *page, enum ouro__colour colour)
{
    static const char *const codes[] = {
        [OURO_COLOUR_OFF] = "\033[0m",    [OURO_COLOUR_BOLD] = "\033[1m",
        [OURO_COLOUR_DIM] = "\033[2m",    [OURO_COLOUR_RED] = "\033[31m",
        [OURO_COLOUR_GREEN] = "\033[32m", [OURO_COLOUR_YELLOW] = "\033[33m",
        [OURO_COLOUR_BLUE] = "\033[34m",  [OURO_COLOUR_MAGENTA] = "\033[35m",
        [OURO_COLOUR_CYAN] = "\033[36m",
    };
    if (page->look.colour) {
        ouro__text_print(page->text, "%s", codes[colour]);
    }
}

void
ouro__page_pad(const struct ouro__page *page, long n)
{
    if (n > 0) {
        ouro__text_repeat(page->text, " ", (size_t)n);
    }
}

/* How many bytes of `words` go on a line of `columns`: up to the last space that fits.  A number stays
 * with its unit. */
static size_t
line_length(const char *words, size_t columns)
{
    size_t fits = 0;

    for (size_t i = 0;; i++) {
        bool is_gap = words[i] == ' ' && !(i > 0 && isdigit((unsigned char)words[i - 1]));
        if (words[i] != '\0' && !is_gap) {
            continue;
        }
        char *line = strndup(words, i);
        bool too_long = line == NULL || ouro__text_columns(line) > columns;
        free(line);
        if (!too_long || fits == 0) {
            fits = i;
        }
        if (too_long || words[i] == '\0') {
            return fits;
        }
    }
}

void
ouro__page_row(const struct ouro__page *page, const char *label, struct ouro__text *words)
{
    const char *rest = words->data == NULL ? "" : words->data;
    size_t columns = page->look.columns - OURO_PAGE_INDENT;

    ouro__page_colour(page, OURO_COLOUR_BOLD);
    ouro__text_print(page->text, "%s", label);
    ouro__page_colour(page, OURO_COLOUR_OFF);
    ouro__page_pad(page, OURO_PAGE_INDENT - (long)strlen(label));
    do {
        size_t length = line_length(rest, columns);
        ouro__text_add(page->text, rest, length);
        ouro__text_add(page->text, "\n", 1);
        rest += length;
        rest += strspn(rest, " ");
        if (*rest != '\0') {
            ouro__page_pad(page, OURO_PAGE_INDENT);
        }
    } while (*rest != '\0');
    ouro__text_free(words);
}

void
ouro__page_bar(const struct ouro__page *page, double share, size_t width, enum ouro__colour colour)
{
    static const char *const eighths[] = {"",       "\u258f", "\u258e", "\u258d",
                                          "\u258c", "\u258b", "\u258a", "\u2589"};
    double columns = share * (double)width;
    double most = (double)width;
    bool fine = ouro__text_is_utf8();

    columns = columns < 0 ? 0 : columns > most ? most : columns;
    size_t units = (size_t)(columns * (fine ? 8 : 1) + 0.5);
    size_t whole = fine ? units / 8 : units;
    size_t part = fine ? units % 8 : 0;
    ouro__page_colour(page, colour);
    ouro__text_repeat(page->text, fine ? "\u2588" : "#", whole);
    ouro__text_print(page->text, "%s", eighths[part]);
    ouro__page_colour(page, OURO_COLOUR_OFF);
    ouro__page_pad(page, (long)width - (long)whole - (part > 0));
}

void
ouro__page_rule(const struct ouro__page *page, struct ouro__text *left, struct ouro__text *right)
{
    const char *dash = ouro__text_is_utf8() ? "\u2500" : "-";
    const char *left_words = left->data == NULL ? "" : left->data;
    const char *right_words = right->data == NULL ? "" : right->data;
    size_t used = ouro__text_columns(left_words) + ouro__text_columns(right_words) + 5;

    ouro__text_repeat(page->text, dash, 2);
    ouro__page_colour(page, OURO_COLOUR_BOLD);
    ouro__text_print(page->text, " %s ", left_words);
    ouro__page_colour(page, OURO_COLOUR_OFF);
    ouro__text_repeat(page->text, dash, used < page->look.columns ? page->look.columns - used : 1);
    ouro__text_print(page->text, " %s\n", right_words);
    ouro__text_free(left);
    ouro__text_free(right);
}
