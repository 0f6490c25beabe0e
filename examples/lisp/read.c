/* read.c - from text to values. */
#include "lisp.h"

#include <stdlib.h>
#include <string.h>

void
reader_begin(struct reader *reader, const char *text, size_t n)
{
    *reader = (struct reader){.text = text, .n = n, .line = 1, .column = 1};
}

/* ---- characters ---- */

/* The byte that comes next; -1 at the end. */
static int
peek(const struct reader *reader, size_t ahead)
{
    return reader->n - reader->at > ahead ? (unsigned char)reader->text[reader->at + ahead] : -1;
}

static void
skip(struct reader *reader, size_t n)
{
    for (; n != 0; n--) {
        int c = (unsigned char)reader->text[reader->at++];
        if (c == '\n') {
            reader->line++;
            reader->column = 1;
        } else if ((c & 0xC0) != 0x80) { /* not inside of a character */
            reader->column++;
        }
    }
}

static bool
is_delimiter(int c)
{
    return c < 0 || strchr(" \t\r\n\f()\"';`,", c) != NULL;
}

static ouro_status
cut_off(struct reader *reader, const char *what)
{
    reader->is_cut_off = true;
    return fail(what, NULL);
}

/* Skip blanks and comments; false when a comment does not end. */
static bool
skip_blanks(struct reader *reader)
{
    for (;;) {
        int c = peek(reader, 0);
        if (c >= 0 && strchr(" \t\r\n\f", c) != NULL) {
            skip(reader, 1);
        } else if (c == ';') {
            while (peek(reader, 0) >= 0 && peek(reader, 0) != '\n') {
                skip(reader, 1);
            }
        } else if (c == '#' && peek(reader, 1) == '|') {
            while (peek(reader, 0) >= 0 && (peek(reader, 0) != '|' || peek(reader, 1) != '#')) {
                skip(reader, 1);
            }
            if (peek(reader, 0) < 0) {
                return false;
            }
            skip(reader, 2);
        } else {
            return true;
        }
    }
}

/* ---- atoms ---- */

static ouro_status
read_text(struct reader *reader, ouro_ref *value)
{
    struct buffer buffer = {0};

    skip(reader, 1);
    for (int c; (c = peek(reader, 0)) != '"';) {
        if (c < 0 || (c == '\\' && peek(reader, 1) < 0)) {
            free(buffer.bytes);
            return cut_off(reader, "a text has no end");
        }
        if (c == '\\') {
            static const char names[] = "ntre0", characters[] = "\n\t\r\x1B";
            int escaped = peek(reader, 1);
            const char *name = strchr(names, escaped);
            char plain = name != NULL ? characters[name - names] : (char)escaped;
            buffer_add(&buffer, &plain, 1);
            skip(reader, 2);
        } else {
            buffer_add(&buffer, &reader->text[reader->at], 1);
            skip(reader, 1);
        }
    }
    skip(reader, 1);
    return result_or_no_memory(buffer_end(&buffer), value);
}

/* A number or a symbol. */
static ouro_status
read_word(struct reader *reader, ouro_ref *value)
{
    const char *word = &reader->text[reader->at];
    size_t n = 0;

    while (!is_delimiter(peek(reader, n))) {
        n++;
    }
    skip(reader, n);
    if (ouro_int_from_text(word, n, 10, value) == OURO_OK) {
        return OURO_OK;
    }
    char *end = NULL, digits[64];
    if (n < sizeof digits && strspn(word, "+-.0123456789") != 0 && strcspn(word, "0123456789") < n &&
        memchr(word, 'x', n) == NULL) {
        memcpy(digits, word, n);
        digits[n] = 0;
        double number = strtod(digits, &end);
        if (*end == 0) {
            return result_or_no_memory(ouro_float_new(number), value);
        }
    }
    return result_or_no_memory(symbol_new(word, n), value);
}

static ouro_status
read_hash(struct reader *reader, ouro_ref *value)
{
    int c = peek(reader, 1);
    if ((c == 't' || c == 'f') && is_delimiter(peek(reader, 2))) {
        skip(reader, 2);
        *value = ouro_bool(c == 't');
        return OURO_OK;
    }
    return fail("nothing that is known begins with #", NULL);
}

/* ---- lists ---- */

static ouro_status read_value(struct reader *reader, unsigned depth, ouro_ref *value);

static ouro_ref
cons_located(ouro_ref first, ouro_ref rest, uint32_t line, uint32_t column)
{
    ouro_ref made = ouro_new(located_type);
    if (made == NULL) {
        ouro_decref(first);
        ouro_xdecref(rest);
        return NULL;
    }
    struct located *located = (struct located *)made;
    located->pair = (struct pair){located->pair.head, first, rest};
    located->line = line;
    located->column = column;
    return made;
}

/* What follows a dot: the end of a list. */
static ouro_status
read_tail(struct reader *reader, unsigned depth, ouro_ref *tail)
{
    skip(reader, 1);
    ouro_ref value = NULL;
    ouro_status status = read_value(reader, depth, &value);
    if (status == OURO_FOUND && skip_blanks(reader) && peek(reader, 0) == ')') {
        ouro_assign(tail, value);
        return OURO_OK;
    }
    ouro_xdecref(value);
    return status < 0 ? status : fail("behind a dot there must be one value", NULL);
}

static ouro_status
read_list(struct reader *reader, unsigned depth, ouro_ref *value)
{
    uint32_t line = reader->line, column = reader->column;
    ouro_ref list = ouro_none(), *tail = &list;
    ouro_status status = OURO_OK;

    skip(reader, 1);
    while (status >= 0) {
        if (!skip_blanks(reader) || peek(reader, 0) < 0) {
            status = cut_off(reader, "a list has no end");
        } else if (peek(reader, 0) == ')') {
            skip(reader, 1);
            *value = list;
            return OURO_OK;
        } else if (peek(reader, 0) == '.' && is_delimiter(peek(reader, 1)) && tail != &list) {
            status = read_tail(reader, depth, tail);
        } else if (!is_nil(ouro_lend(*tail))) {
            status = fail("behind a dot there must be one value", NULL);
        } else {
            ouro_ref item = NULL;
            status = read_value(reader, depth, &item);
            if (status == OURO_FOUND) {
                ouro_ref pair = cons_located(item, ouro_none(), line, column);
                if (pair == NULL) {
                    status = fail_with(OURO_NO_MEMORY);
                } else {
                    *tail = pair;
                    tail = &pair_of(ouro_lend(pair))->cdr;
                }
            }
        }
    }
    ouro_decref(list);
    return status;
}

/* 'x and its like: (quote x). */
static ouro_status
read_quoted(struct reader *reader, unsigned depth, const char *name, ouro_ref *value)
{
    uint32_t line = reader->line, column = reader->column;
    ouro_ref quoted = NULL;

    skip(reader, name[0] == 'u' && strlen(name) > 7 ? 2 : 1);
    ouro_status status = read_value(reader, depth, &quoted);
    if (status != OURO_FOUND) {
        return status < 0 ? status : cut_off(reader, "nothing is quoted");
    }
    ouro_ref rest = cons_located(quoted, ouro_none(), line, column),
             symbol = symbol_new(name, strlen(name));
    if (rest == NULL || symbol == NULL) {
        ouro_xdecref(rest);
        ouro_xdecref(symbol);
        return fail_with(OURO_NO_MEMORY);
    }
    return result_or_no_memory(cons_located(symbol, rest, line, column), value);
}

/* OURO_FOUND and a value, or 0 at the end of the text. */
static ouro_status
read_value(struct reader *reader, unsigned depth, ouro_ref *value)
{
    if (!skip_blanks(reader)) {
        return cut_off(reader, "a comment has no end");
    }
    if (depth >= MOST_NESTED) {
        return fail("nested too deep", NULL);
    }
    ouro_status status;
    switch (peek(reader, 0)) {
    case -1:
        return OURO_OK;
    case '(':
        status = read_list(reader, depth + 1, value);
        break;
    case ')':
        status = fail("a parenthesis too many", NULL);
        break;
    case '"':
        status = read_text(reader, value);
        break;
    case '#':
        status = read_hash(reader, value);
        break;
    case '\'':
        status = read_quoted(reader, depth + 1, "quote", value);
        break;
    case '`':
        status = read_quoted(reader, depth + 1, "quasiquote", value);
        break;
    case ',':
        status = read_quoted(reader, depth + 1, peek(reader, 1) == '@' ? "unquote-splicing" : "unquote",
                             value);
        break;
    default:
        status = read_word(reader, value);
        break;
    }
    return status < 0 ? status : OURO_FOUND;
}

ouro_status
read_next(struct reader *reader, ouro_ref *value)
{
    return read_value(reader, 0, value);
}
