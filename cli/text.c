/* text.c - text that grows: what the tool is going to say, built in memory and written in one go. */
#define _GNU_SOURCE
#include "text.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "output.h"
#include "progress.h"

void
ouro__text_free(struct ouro__text *text)
{
    free(text->data);
    *text = (struct ouro__text){0};
}

bool
ouro__text_grow(struct ouro__text *text, size_t more)
{
    if (text->failed || more >= SIZE_MAX / 2 - text->length) {
        text->failed = true;
        return false;
    }
    size_t needed = text->length + more + 1;
    if (needed <= text->room) {
        return true;
    }
    size_t room = needed < 256 ? 256 : needed * 2;
    char *data = realloc(text->data, room);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->room = room;
    return true;
}

void
ouro__text_add_number(struct ouro__text *text, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    ouro__text_add(text, digits + at, sizeof digits - at);
}

static void text_print_list(struct ouro__text *text, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void
text_print_list(struct ouro__text *text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    size_t left = text->failed || text->data == NULL ? 0 : text->room - text->length;
    int length = vsnprintf(left == 0 ? NULL : text->data + text->length, left, format, arguments);
    if (length < 0) {
        text->failed = true;
    } else if ((size_t)length < left) { /* mostly there is room */
        text->length += (size_t)length;
    } else if (ouro__text_reserve(text, (size_t)length)) {
        (void)vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void
ouro__text_print(struct ouro__text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_print_list(text, format, arguments);
    va_end(arguments);
}

void
ouro__text_repeat(struct ouro__text *text, const char *what, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        ouro__text_add(text, what, strlen(what));
    }
}

void
ouro__text_trim(struct ouro__text *text)
{
    while (text->length > 0 && text->data[text->length - 1] == ' ') {
        text->data[--text->length] = '\0';
    }
}

const char *
ouro__name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

bool
ouro__text_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Invisible characters that reorder, join or mark what stands beside them, and those that mean something in private:
 * terminals obey some of them.  Unicode's categories Cf and Co, and the separators of lines. */
static bool
is_trickster(wchar_t c)
{
    static const uint32_t ranges[][2] = {
        {0x00ad, 0x00ad},   {0x0600, 0x0605},   {0x061c, 0x061c},   {0x06dd, 0x06dd},
        {0x070f, 0x070f},   {0x0890, 0x0891},   {0x08e2, 0x08e2},   {0x180e, 0x180e},
        {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},   {0xe000, 0xf8ff},
        {0xfeff, 0xfeff},   {0xfff9, 0xfffb},   {0x110bd, 0x110bd}, {0x110cd, 0x110cd},
        {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
    };
    uint32_t code = (uint32_t)c;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges && code >= ranges[i][0]; i++) {
        if (code <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

/* Decode the character at `bytes`; its length, or 0 when it must be escaped. */
static size_t
decode_printable(const char *bytes, size_t length, size_t *columns)
{
    mbstate_t state = {0};
    wchar_t c;
    size_t used = mbrtowc(&c, bytes, length, &state);
    if (used == 0 || used > length || !iswprint((wint_t)c) || is_trickster(c)) {
        return 0;
    }
    int width = wcwidth(c);
    if (width < 0) {
        return 0;
    }
    *columns = (size_t)width;
    return used;
}

/* The shape in which a byte that must not reach a terminal is shown.  `shape` holds 5. */
static size_t
escape_byte(unsigned char byte, char *shape)
{
    static const char named[] = "\aa\bb\tt\nn\vv\ff\rr";
    for (size_t i = 0; i + 1 < sizeof named; i += 2) {
        if ((unsigned char)named[i] == byte) {
            return (size_t)snprintf(shape, 5, "\\%c", named[i + 1]);
        }
    }
    return (size_t)snprintf(shape, 5, "\\x%02x", byte);
}

size_t
ouro__text_add_shown(struct ouro__text *text, const char *name, size_t columns)
{
    const char *ellipsis = ouro__text_is_utf8() ? "\u2026" : "...";
    size_t ellipsis_columns = ouro__text_is_utf8() ? 1 : 3;
    size_t length = strlen(name);
    size_t used = 0;
    /* Where to cut, should the rest not fit: the last place at which the ellipsis still does. */
    size_t cut_length = text->length;
    size_t cut_used = 0;

    for (size_t i = 0; i < length;) {
        char escaped[5];
        const char *shape = name + i;
        size_t width = 0;
        size_t bytes = decode_printable(name + i, length - i, &width);
        size_t shape_bytes = bytes;
        if (bytes == 0) {
            bytes = 1;
            shape_bytes = width = escape_byte((unsigned char)name[i], escaped);
            shape = escaped;
        }
        if (width > columns - used) {
            if (!text->failed && text->data != NULL) {
                text->length = cut_length;
            }
            if (ellipsis_columns > columns) {
                return cut_used;
            }
            ouro__text_add(text, ellipsis, strlen(ellipsis));
            return cut_used + ellipsis_columns;
        }
        ouro__text_add(text, shape, shape_bytes);
        used += width;
        i += bytes;
        if (used + ellipsis_columns <= columns) {
            cut_length = text->length;
            cut_used = used;
        }
    }
    return used;
}

static bool
is_plain_argument(const char *argument)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:=,+@%^~";
    size_t length = strlen(argument);
    for (size_t i = 0; i < length; i++) {
        bool is_ascii = (unsigned char)argument[i] < 0x80;
        if (is_ascii && memchr(plain, argument[i], sizeof plain - 1) == NULL) {
            return false;
        }
    }
    return length > 0;
}

void
ouro__text_add_arguments(struct ouro__text *text, const char *const *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *argument = arguments[i];
        if (i > 0) {
            ouro__text_add(text, " ", 1);
        }
        if (is_plain_argument(argument)) {
            ouro__text_add(text, argument, strlen(argument));
            continue;
        }
        ouro__text_add(text, "'", 1);
        for (const char *c = argument; *c != '\0'; c++) {
            if (*c == '\'') {
                ouro__text_add(text, "'\\''", 4);
            } else {
                ouro__text_add(text, c, 1);
            }
        }
        ouro__text_add(text, "'", 1);
    }
}

size_t
ouro__text_columns(const char *text)
{
    size_t length = strlen(text);
    size_t columns = 0;
    for (size_t i = 0; i < length;) {
        if (text[i] == '\033') {
            const char *end = strchr(text + i, 'm');
            i = end == NULL ? length : (size_t)(end - text) + 1;
            continue;
        }
        size_t width = 1;
        size_t bytes = decode_printable(text + i, length - i, &width);
        columns += width;
        i += bytes == 0 ? 1 : bytes;
    }
    return columns;
}

void
ouro__say(const char *format, ...)
{
    struct ouro__text plain = {0};
    struct ouro__text line = {0};
    va_list arguments;

    ouro__progress_end();
    va_start(arguments, format);
    text_print_list(&plain, format, arguments);
    va_end(arguments);
    ouro__text_print(&line, "ouro: ");
    ouro__text_add_shown(&line, plain.data == NULL ? "out of memory" : plain.data, SIZE_MAX);
    ouro__text_add(&line, "\n", 1);
    if (line.failed || line.data == NULL) {
        static const char no_memory[] = "ouro: out of memory\n";
        (void)ouro__write_all(2, no_memory, sizeof no_memory - 1);
    } else {
        (void)ouro__write_all(2, line.data, line.length);
    }
    ouro__text_free(&plain);
    ouro__text_free(&line);
}
