/* print.c - from values to text. */
#include "lisp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a text that grows ---- */

void
buffer_add(struct buffer *buffer, const char *bytes, size_t n)
{
    if (buffer->failed) {
        return;
    }
    if (buffer->room - buffer->n < n) {
        size_t room = (buffer->n + n) * 2;
        char *grown = realloc(buffer->bytes, room);
        if (grown == NULL) {
            buffer->failed = true;
            return;
        }
        buffer->bytes = grown;
        buffer->room = room;
    }
    if (n != 0) {
        memcpy(buffer->bytes + buffer->n, bytes, n);
        buffer->n += n;
    }
}

void
buffer_add_c(struct buffer *buffer, const char *string)
{
    buffer_add(buffer, string, strlen(string));
}

ouro_ref
buffer_end(struct buffer *buffer)
{
    ouro_ref text = NULL;
    if (buffer->failed || ouro_str_decode(buffer->bytes, buffer->n, &text, NULL) < 0) {
        text = NULL;
    }
    free(buffer->bytes);
    *buffer = (struct buffer){0};
    return text;
}

/* ---- showing ---- */

#define MOST_SHOWN ((size_t)1 << 24) /* bytes: what holds itself twice would never end */

static void
show_text(struct buffer *buffer, ouro_loan text, bool is_readable)
{
    size_t n = ouro_str_encode(text, NULL, 0);
    char *bytes = malloc(n + 1);

    if (bytes == NULL) {
        buffer->failed = true;
        return;
    }
    ouro_str_encode(text, bytes, n + 1);
    if (!is_readable) {
        buffer_add(buffer, bytes, n);
        free(bytes);
        return;
    }
    buffer_add(buffer, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        static const char escaped[] = "\"\\\n\t\r", names[] = "\"\\ntr";
        const char *at = bytes[i] != 0 ? strchr(escaped, bytes[i]) : NULL;
        if (at != NULL) {
            buffer_add(buffer, "\\", 1);
            buffer_add(buffer, &names[at - escaped], 1);
        } else {
            buffer_add(buffer, &bytes[i], 1);
        }
    }
    buffer_add(buffer, "\"", 1);
    free(bytes);
}

static void
show_float(struct buffer *buffer, double number)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) { /* the fewest that are read as the same number */
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    buffer_add_c(buffer, text);
    if (isfinite(number) && strpbrk(text, ".e") == NULL) {
        buffer_add_c(buffer, ".0");
    }
}

static void show_value(struct buffer *buffer, ouro_loan value, bool is_readable, unsigned depth);

static void
show_list(struct buffer *buffer, ouro_loan list, bool is_readable, unsigned depth)
{
    ouro_loan slow = list;
    size_t n = 0;

    buffer_add_c(buffer, "(");
    for (;;) {
        show_value(buffer, car(list), is_readable, depth);
        list = cdr(list);
        if (++n % 2 == 0) {
            slow = cdr(slow);
        }
        if (!is_pair(list)) {
            break;
        }
        if (list == slow) { /* it goes round in a circle */
            buffer_add_c(buffer, " ...)");
            return;
        }
        buffer_add_c(buffer, " ");
    }
    if (!is_nil(list)) {
        buffer_add_c(buffer, " . ");
        show_value(buffer, list, is_readable, depth);
    }
    buffer_add_c(buffer, ")");
}

static void
show_vector(struct buffer *buffer, ouro_loan vector, bool is_readable, unsigned depth)
{
    ouro_ref item;

    buffer_add_c(buffer, "#(");
    for (size_t i = 0; (item = ouro_list_get(vector, i)) != NULL; i++) {
        buffer_add_c(buffer, i != 0 ? " " : "");
        show_value(buffer, ouro_lend(item), is_readable, depth);
        ouro_decref(item);
    }
    buffer_add_c(buffer, ")");
}

static void
show_dict(struct buffer *buffer, ouro_loan dict, bool is_readable, unsigned depth)
{
    size_t position = 0;
    ouro_ref key = NULL, value = NULL;

    buffer_add_c(buffer, "#{");
    for (bool is_first = true; ouro_dict_next(dict, &position, &key, &value); is_first = false) {
        buffer_add_c(buffer, is_first ? "" : ", ");
        show_value(buffer, ouro_lend(key), is_readable, depth);
        buffer_add_c(buffer, " ");
        show_value(buffer, ouro_lend(value), is_readable, depth);
        ouro_decref(key);
        ouro_decref(value);
    }
    buffer_add_c(buffer, "}");
}

static void
show_closure(struct buffer *buffer, ouro_loan value)
{
    const struct code *code = (const struct code *)((const struct closure *)ouro_look(value))->code;
    buffer_add_c(buffer, "#<function");
    if (code->name != NULL) {
        buffer_add_c(buffer, " ");
        show_text(buffer, ouro_lend(symbol_of(ouro_lend(code->name))->name), false);
    }
    buffer_add_c(buffer, ">");
}

static void
show_atom(struct buffer *buffer, ouro_loan value)
{
    ouro_ref text = NULL;

    if (value == ouro_lend(lisp.unspecified) || value == ouro_lend(lisp.the_end)) {
        buffer_add_c(buffer, value == ouro_lend(lisp.the_end) ? "#<end>" : "#<unspecified>");
    } else if (is_of(value, symbol_type)) {
        show_text(buffer, ouro_lend(symbol_of(value)->name), false);
    } else if (ouro_is_int(value)) {
        if (ouro_int_to_text(value, 10, &text) < 0) {
            buffer->failed = true;
            return;
        }
        show_text(buffer, ouro_lend(text), false);
        ouro_decref(text);
    } else if (is_of(value, ouro_float_type())) {
        show_float(buffer, ouro_float_value(value));
    } else if (is_of(value, ouro_bool_type())) {
        buffer_add_c(buffer, is_true(value) ? "#t" : "#f");
    } else if (is_nil(value)) {
        buffer_add_c(buffer, "()");
    } else if (is_of(value, closure_type)) {
        show_closure(buffer, value);
    } else if (is_of(value, primitive_type)) {
        buffer_add_c(buffer, "#<function ");
        buffer_add_c(buffer, ((const struct primitive *)ouro_look(value))->builtin->name);
        buffer_add_c(buffer, ">");
    } else {
        buffer_add_c(buffer, is_of(value, fiber_type) ? "#<generator>" : "#<object>");
    }
}

static void
show_value(struct buffer *buffer, ouro_loan value, bool is_readable, unsigned depth)
{
    if (buffer->n > MOST_SHOWN) {
        return;
    }
    if (is_pair(value) || is_of(value, ouro_list_type()) || is_of(value, ouro_dict_type())) {
        if (depth >= MOST_NESTED) {
            buffer_add_c(buffer, "...");
        } else if (is_pair(value)) {
            show_list(buffer, value, is_readable, depth + 1);
        } else if (is_of(value, ouro_list_type())) {
            show_vector(buffer, value, is_readable, depth + 1);
        } else {
            show_dict(buffer, value, is_readable, depth + 1);
        }
    } else if (ouro_is_str(value)) {
        show_text(buffer, value, is_readable);
    } else {
        show_atom(buffer, value);
    }
}

void
buffer_show(struct buffer *buffer, ouro_loan value, bool is_readable)
{
    show_value(buffer, value, is_readable, 0);
}
