/* str_format.c - texts put together from pieces, and by formats. */
#include "types/str.h"
#include "types/types.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- pieces ---- */

void
ouro__text_begin(struct text *text)
{
    text->bytes = text->few;
    text->n = 0;
    text->room = sizeof text->few;
    text->failed = false;
}

/* Have room for `n` more bytes; false without memory, for good. */
static bool
reserve(struct text *text, size_t n)
{
    size_t wanted = 0, room = 0;

    if (text->failed || n <= text->room - text->n) {
        return !text->failed;
    }
    bool too_large = __builtin_add_overflow(text->n, n, &wanted) ||
                     __builtin_add_overflow(wanted, wanted / 2, &room);
    char *before = text->bytes == text->few ? NULL : text->bytes;
    char *bytes =
        too_large ? NULL : ouro__buffer_realloc(before, before == NULL ? 0 : text->room, room);
    if (bytes == NULL) {
        text->failed = true;
        return false;
    }
    if (before == NULL) {
        memcpy(bytes, text->few, text->n);
    }
    text->bytes = bytes;
    text->room = room;
    return true;
}

void
ouro__text_add(struct text *text, const char *bytes, size_t n)
{
    if (n != 0 && reserve(text, n)) {
        memcpy(text->bytes + text->n, bytes, n);
        text->n += n;
    }
}

void
ouro__text_add_c(struct text *text, const char *string)
{
    ouro__text_add(text, string, strlen(string));
}

void
ouro__text_add_str(struct text *text, ouro_loan str)
{
    size_t n = ouro_str_encode(str, NULL, 0);
    if (n < SIZE_MAX && reserve(text, n + 1)) { /* and a zero, which is not kept */
        text->n += ouro_str_encode(str, text->bytes + text->n, n + 1);
    }
}

void
ouro__text_add_repr(struct text *text, ouro_loan object)
{
    ouro_ref repr = text->failed ? NULL : ouro_repr(object);
    if (repr == NULL) {
        text->failed = true;
        return;
    }
    ouro__text_add_str(text, ouro_lend(repr));
    ouro_decref(repr);
}

ouro_ref
ouro__text_end(struct text *text)
{
    ouro_ref str = text->failed ? NULL : ouro__str_decode_lossy(text->bytes, text->n);
    if (text->bytes != text->few) {
        ouro__buffer_free(text->bytes, text->room);
    }
    return str;
}

/* ---- formats ---- */

enum length { LENGTH_CHAR, LENGTH_SHORT, LENGTH_INT, LENGTH_LONG, LENGTH_LONG_LONG, LENGTH_MAX };

/* A conversion: from its % to the letter that says what it is. */
struct conversion {
    const char *end; /* behind the letter */
    char flags[8];   /* those given, each once */
    int width;       /* 0: none */
    int precision;   /* -1: none */
    enum length length;
    char letter;
};

/* What the arguments are read from: a function cannot be handed the address of a va_list parameter. */
struct arguments {
    va_list list;
};

#define MOST_DIGITS 256 /* widths and precisions of numbers are cut to this */

/* A number of the format, or of the arguments when it is a star. */
static const char *
read_number(const char *at, struct arguments *arguments, int *number)
{
    if (*at == '*') {
        *number = va_arg(arguments->list, int);
        return at + 1;
    }
    *number = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        *number = *number < INT32_MAX / 10 - 1 ? *number * 10 + (*at - '0') : *number;
    }
    return at;
}

static const char *
read_length(const char *at, enum length *length)
{
    bool is_twice = at[0] != 0 && at[1] == at[0];

    switch (*at) {
    case 'h':
        *length = is_twice ? LENGTH_CHAR : LENGTH_SHORT;
        return at + 1 + is_twice;
    case 'l':
        *length = is_twice ? LENGTH_LONG_LONG : LENGTH_LONG;
        return at + 1 + is_twice;
    case 'z':
    case 't':
        *length = LENGTH_LONG; /* where Ouro runs, size_t is a long */
        return at + 1;
    case 'j':
        *length = LENGTH_MAX;
        return at + 1;
    default:
        *length = LENGTH_INT;
        return at;
    }
}

_Static_assert(sizeof(size_t) == sizeof(long) && sizeof(ptrdiff_t) == sizeof(long),
               "%zd and %td are read as longs");

/* Read what follows a %. */
static struct conversion
read_conversion(const char *at, struct arguments *arguments)
{
    struct conversion it = {.precision = -1};
    size_t n_flags = 0;

    for (; *at != 0 && strchr("-+ #0", *at) != NULL; at++) {
        if (strchr(it.flags, *at) == NULL) {
            it.flags[n_flags++] = *at;
        }
    }
    at = read_number(at, arguments, &it.width);
    if (it.width < 0) {
        it.width = it.width < -MOST_DIGITS ? MOST_DIGITS : -it.width;
        if (strchr(it.flags, '-') == NULL) {
            it.flags[n_flags] = '-';
        }
    }
    if (*at == '.') {
        at = read_number(at + 1, arguments, &it.precision);
    }
    at = read_length(at, &it.length);
    it.letter = *at;
    it.end = *at != 0 ? at + 1 : at;
    return it;
}

static intmax_t
take_signed(struct arguments *arguments, enum length length)
{
    switch (length) {
    case LENGTH_CHAR:
        return (signed char)va_arg(arguments->list, int);
    case LENGTH_SHORT:
        return (short)va_arg(arguments->list, int);
    case LENGTH_INT:
        return va_arg(arguments->list, int);
    case LENGTH_LONG:
        return va_arg(arguments->list, long);
    case LENGTH_LONG_LONG:
        return va_arg(arguments->list, long long);
    default:
        return va_arg(arguments->list, intmax_t);
    }
}

static uintmax_t
take_unsigned(struct arguments *arguments, enum length length)
{
    switch (length) {
    case LENGTH_CHAR:
        return (unsigned char)va_arg(arguments->list, unsigned);
    case LENGTH_SHORT:
        return (unsigned short)va_arg(arguments->list, unsigned);
    case LENGTH_INT:
        return va_arg(arguments->list, unsigned);
    case LENGTH_LONG:
        return va_arg(arguments->list, unsigned long);
    case LENGTH_LONG_LONG:
        return va_arg(arguments->list, unsigned long long);
    default:
        return va_arg(arguments->list, uintmax_t);
    }
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* put together from checked parts */
static void
add_number(struct text *text, const struct conversion *it, struct arguments *arguments)
{
    char format[sizeof it->flags + 8], digits[2 * MOST_DIGITS + 32];
    int width = it->width < MOST_DIGITS ? it->width : MOST_DIGITS;
    int precision = it->precision < MOST_DIGITS ? it->precision : MOST_DIGITS;
    int n;

    if (it->letter == 'p') {
        n = snprintf(digits, sizeof digits, "%p", va_arg(arguments->list, void *));
    } else if (it->letter == 'c') {
        char c = (char)va_arg(arguments->list, int);
        ouro__text_add(text, &c, 1);
        return;
    } else {
        snprintf(format, sizeof format, "%%%s*.*j%c", it->flags, it->letter);
        if (it->letter == 'd' || it->letter == 'i') {
            n = snprintf(digits, sizeof digits, format, width, precision,
                         take_signed(arguments, it->length));
        } else {
            n = snprintf(digits, sizeof digits, format, width, precision,
                         take_unsigned(arguments, it->length));
        }
    }
    ouro__text_add(text, digits, n > 0 ? (size_t)n : 0);
}
#pragma GCC diagnostic pop

static void
add_string(struct text *text, const char *string, int precision)
{
    if (string == NULL) {
        string = "(null)";
        precision = -1;
    }
    if (precision < 0) {
        ouro__text_add_c(text, string);
        return;
    }
    const char *end = memchr(string, 0, (size_t)precision);
    ouro__text_add(text, string, end != NULL ? (size_t)(end - string) : (size_t)precision);
}

/* Add what a conversion says; false when there is no such conversion. */
static bool
add_conversion(struct text *text, const struct conversion *it, struct arguments *arguments)
{
    if (it->letter != 0 && strchr("diuxXocp", it->letter) != NULL) {
        add_number(text, it, arguments);
        return true;
    }
    switch (it->letter) {
    case '%':
        ouro__text_add(text, "%", 1);
        return true;
    case 's':
        add_string(text, va_arg(arguments->list, const char *), it->precision);
        return true;
    case 'R':
    case 'S': {
        ouro_loan object = va_arg(arguments->list, ouro_loan);
        if (it->letter == 'S' && ouro_is_str(object)) {
            ouro__text_add_str(text, object);
        } else {
            ouro__text_add_repr(text, object);
        }
        return true;
    }
    default:
        return false;
    }
}

ouro_ref
ouro_str_format_list(const char *format, va_list list)
{
    struct arguments arguments;
    struct text text;

    va_copy(arguments.list, list);
    ouro__text_begin(&text);
    for (const char *at = format; *at != 0;) {
        const char *percent = strchr(at, '%');
        ouro__text_add(&text, at, percent != NULL ? (size_t)(percent - at) : strlen(at));
        if (percent == NULL) {
            break;
        }
        struct conversion it = read_conversion(percent + 1, &arguments);
        if (!add_conversion(&text, &it, &arguments)) { /* who knows what the arguments are */
            ouro__text_add_c(&text, percent);
            break;
        }
        at = it.end;
    }
    va_end(arguments.list);
    return ouro__text_end(&text);
}

ouro_ref
ouro_str_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    ouro_ref str = ouro_str_format_list(format, arguments);
    va_end(arguments);
    return str;
}
