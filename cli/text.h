/* text.h - text that grows: what the tool is going to say, built in memory and written in one go.
 *
 * Names come from programs and may hold anything.  What goes to a terminal passes through
 * ouro__text_add_shown(), which leaves nothing that could move the cursor or break a line. */
#ifndef OURO_CLI_TEXT_H
#define OURO_CLI_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Zero is an empty text.  When memory runs out the text is cut and `failed` is set. */
struct ouro__text {
    char *data; /* NUL-ended once anything was added */
    size_t length;
    size_t room;
    bool failed;
};

void ouro__text_free(struct ouro__text *text);

/* Make room for `more` bytes and the NUL behind them; false when there is no memory. */
bool ouro__text_grow(struct ouro__text *text, size_t more);

/* The same.  Mostly there is room: documents of gigabytes are made of bits of a few bytes. */
static inline bool
ouro__text_reserve(struct ouro__text *text, size_t more)
{
    return (!text->failed && more < text->room - text->length) || ouro__text_grow(text, more);
}

static inline void
ouro__text_add(struct ouro__text *text, const char *bytes, size_t length)
{
    if (ouro__text_reserve(text, length)) {
        memcpy(text->data + text->length, bytes, length);
        text->length += length;
        text->data[text->length] = '\0';
    }
}

void ouro__text_print(struct ouro__text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void ouro__text_add_number(struct ouro__text *text, uint64_t number);
/* Take spaces off the end. */
void ouro__text_trim(struct ouro__text *text);

void ouro__text_repeat(struct ouro__text *text, const char *what, size_t times);

/* Add `name`, a string from elsewhere, with all that is not plainly printable as \n or \x1b, and at most
 * `columns` wide; a longer one ends in an ellipsis.  Returns the columns used. */
size_t ouro__text_add_shown(struct ouro__text *text, const char *name, size_t columns);

/* A command line from `count` arguments, for reading: those that a shell would split are quoted. */
void ouro__text_add_arguments(struct ouro__text *text, const char *const *arguments, size_t count);

/* A path without its folders; borrowed from `path`. */
const char *ouro__name_of(const char *path);

/* How many columns a text takes, colours not counted; what cannot be decoded counts one a byte. */
size_t ouro__text_columns(const char *text);

/* Whether the terminal's character set is UTF-8; known after setlocale(). */
bool ouro__text_is_utf8(void);

/* One line on standard error, "ouro: " before it.  What is passed as %s is shown safely. */
void ouro__say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
