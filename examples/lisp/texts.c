/* texts.c - texts and symbols.  A character is a text of one. */
#include "lisp.h"

#include <stdlib.h>
#include <string.h>

static ouro_status
need_text(ouro_loan value)
{
    return ouro_is_str(value) ? OURO_OK : fail("a text is needed", value);
}

static ouro_status
need_texts(ouro_loan const *a, size_t n)
{
    ouro_status status = OURO_OK;
    for (size_t i = 0; status == OURO_OK && i < n; i++) {
        status = need_text(a[i]);
    }
    return status;
}

/* A text as UTF-8, to be freed; NULL without memory. */
static char *
utf8_of(ouro_loan text, size_t *n)
{
    *n = ouro_str_encode(text, NULL, 0);
    char *bytes = malloc(*n + 1);
    if (bytes != NULL) {
        ouro_str_encode(text, bytes, *n + 1);
    }
    return bytes;
}

static ouro_status
do_is_string(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    *result = ouro_bool(ouro_is_str(a[0]));
    return OURO_OK;
}

static ouro_status
do_length(ouro_loan const *a, size_t n, ouro_ref *result)
{
    ouro_status status = need_texts(a, n);
    return status == OURO_OK ? result_or_no_memory(ouro_int_new_unsigned(ouro_str_length(a[0])), result)
                             : status;
}

/* A part of a text; bounds must be in order and in range. */
static ouro_status
take_part(ouro_loan text, ouro_loan from, ouro_loan to, bool is_one, ouro_ref *result)
{
    uint64_t begin = 0, end = 0;

    if (ouro_int_to_uint64(from, &begin) < 0 || (!is_one && ouro_int_to_uint64(to, &end) < 0)) {
        return fail("this is no index", is_one ? from : to);
    }
    end = is_one ? begin + 1 : end;
    if (begin > end || end > ouro_str_length(text)) {
        return fail("this index is out of range", is_one ? from : to);
    }
    return result_or_no_memory(ouro_str_slice(text, (size_t)begin, (size_t)end), result);
}

static ouro_status
do_ref(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    ouro_status status = need_text(a[0]);
    return status == OURO_OK ? take_part(a[0], a[1], a[1], true, result) : status;
}

static ouro_status
do_substring(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    ouro_status status = need_text(a[0]);
    return status == OURO_OK ? take_part(a[0], a[1], a[2], false, result) : status;
}

static ouro_status
do_append(ouro_loan const *a, size_t n, ouro_ref *result)
{
    ouro_status status = need_texts(a, n);
    if (status < 0) {
        return status;
    }
    OURO_SCOPED nothing = ouro_str_new("");
    OURO_SCOPED parts = ouro_tuple_new(n, a);
    if (nothing == NULL || parts == NULL) {
        return fail_with(OURO_NO_MEMORY);
    }
    return fail_with(ouro_str_join(ouro_lend(nothing), ouro_lend(parts), result));
}

static ouro_status
do_join(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    ouro_status status = need_text(a[1]);
    if (status < 0 || list_length(a[0]) == SIZE_MAX) {
        return status < 0 ? status : fail("string-join: a list is needed", a[0]);
    }
    OURO_SCOPED parts = ouro_list_new(list_length(a[0]));
    status = parts == NULL ? fail_with(OURO_NO_MEMORY) : OURO_OK;
    for (ouro_loan at = a[0]; status == OURO_OK && is_pair(at); at = cdr(at)) {
        status = need_text(car(at));
        if (status == OURO_OK) {
            status = fail_with(ouro_list_append(ouro_lend(parts), car(at)));
        }
    }
    return status == OURO_OK ? fail_with(ouro_str_join(a[1], ouro_lend(parts), result)) : status;
}

static ouro_status
do_split(ouro_loan const *a, size_t n, ouro_ref *result)
{
    ouro_ref parts = NULL, list = ouro_none();
    ouro_status status = need_texts(a, n);

    if (status == OURO_OK) {
        status = fail_with(ouro_str_split(a[0], a[1], SIZE_MAX, &parts));
    }
    if (status < 0) {
        return status;
    }
    for (size_t i = ouro_list_length(ouro_lend(parts)); i-- != 0 && list != NULL;) {
        list = cons_steal(ouro_list_get(ouro_lend(parts), i), list);
    }
    ouro_decref(parts);
    return result_or_no_memory(list, result);
}

/* Where a part begins, or #f. */
static ouro_status
do_find(ouro_loan const *a, size_t n, ouro_ref *result)
{
    size_t index = 0;
    ouro_status status = need_texts(a, n);

    if (status < 0) {
        return status;
    }
    if (ouro_str_find(a[0], a[1], 0, SIZE_MAX, &index) != OURO_FOUND) {
        *result = ouro_bool(false);
        return OURO_OK;
    }
    return result_or_no_memory(ouro_int_new_unsigned(index), result);
}

static ouro_status
do_is_less(ouro_loan const *a, size_t n, ouro_ref *result)
{
    ouro_status status = need_texts(a, n);
    if (status == OURO_OK) {
        *result = ouro_bool(ouro_str_compare(a[0], a[1]) < 0);
    }
    return status;
}

static ouro_status
do_to_list(ouro_loan const *a, size_t n, ouro_ref *result)
{
    ouro_ref list = ouro_none();
    ouro_status status = need_texts(a, n);

    for (size_t i = status == OURO_OK ? ouro_str_length(a[0]) : 0; i-- != 0 && list != NULL;) {
        list = cons_steal(ouro_str_slice(a[0], i, i + 1), list);
    }
    return status == OURO_OK ? result_or_no_memory(list, result) : status;
}

/* ---- numbers, symbols ---- */

static ouro_status
do_to_number(ouro_loan const *a, size_t n, ouro_ref *result)
{
    struct reader reader;
    size_t n_bytes;
    ouro_ref value = NULL;

    ouro_status status = need_texts(a, n);
    if (status < 0) {
        return status;
    }
    char *bytes = utf8_of(a[0], &n_bytes);
    if (bytes == NULL) {
        return fail_with(OURO_NO_MEMORY);
    }
    reader_begin(&reader, bytes, n_bytes);
    bool is_read = read_next(&reader, &value) == OURO_FOUND && reader.at == n_bytes;
    free(bytes);
    if (is_read && (ouro_is_int(ouro_lend(value)) || is_of(ouro_lend(value), ouro_float_type()))) {
        *result = value;
        return OURO_OK;
    }
    ouro_xdecref(value);
    *result = ouro_bool(false);
    return OURO_OK;
}

/* A value as it is shown. */
static ouro_status
show(ouro_loan value, bool is_readable, ouro_ref *result)
{
    struct buffer buffer = {0};
    buffer_show(&buffer, value, is_readable);
    return result_or_no_memory(buffer_end(&buffer), result);
}

static ouro_status
do_to_string(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return show(a[0], false, result);
}

static ouro_status
do_to_written(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return show(a[0], true, result);
}

static ouro_status
do_to_symbol(ouro_loan const *a, size_t n, ouro_ref *result)
{
    size_t n_bytes;
    ouro_status status = need_texts(a, n);
    char *bytes = status == OURO_OK ? utf8_of(a[0], &n_bytes) : NULL;

    if (bytes == NULL) {
        return status < 0 ? status : fail_with(OURO_NO_MEMORY);
    }
    ouro_ref symbol = symbol_new(bytes, n_bytes);
    free(bytes);
    return result_or_no_memory(symbol, result);
}

/* The number of a character, and the character of a number. */
static ouro_status
do_code(ouro_loan const *a, size_t n, ouro_ref *result)
{
    ouro_status status = need_texts(a, n);
    if (status < 0 || ouro_str_length(a[0]) == 0) {
        return status < 0 ? status : fail("string-code: the text is empty", NULL);
    }
    return result_or_no_memory(ouro_int_new(ouro_str_get(a[0], 0)), result);
}

static ouro_status
do_from_code(ouro_loan const *a, size_t n, ouro_ref *result)
{
    uint64_t code = 0;
    uint32_t character;

    (void)n;
    if (ouro_int_to_uint64(a[0], &code) < 0 || code > UINT32_MAX) {
        return fail("code->string: this is no character's", a[0]);
    }
    character = (uint32_t)code;
    ouro_status status = ouro_str_from_characters(&character, 1, result, NULL);
    return status == OURO_WRONG_VALUE ? fail("code->string: this is no character's", a[0])
                                      : fail_with(status);
}

/* All values in a text, as a list. */
static ouro_status
do_read(ouro_loan const *a, size_t n, ouro_ref *result)
{
    struct reader reader;
    size_t n_bytes;
    ouro_status status = need_texts(a, n);
    char *bytes = status == OURO_OK ? utf8_of(a[0], &n_bytes) : NULL;
    ouro_ref list = ouro_none(), value = NULL, last = NULL;

    if (bytes == NULL) {
        return status < 0 ? status : fail_with(OURO_NO_MEMORY);
    }
    reader_begin(&reader, bytes, n_bytes);
    while ((status = read_next(&reader, &value)) == OURO_FOUND) {
        ouro_ref pair = cons_steal(value, ouro_none());
        if (pair == NULL) {
            status = fail_with(OURO_NO_MEMORY);
            break;
        }
        *(last == NULL ? &list : &pair_of(ouro_lend(last))->cdr) = pair;
        last = pair;
    }
    free(bytes);
    if (status < 0) {
        ouro_decref(list);
        return status;
    }
    *result = list;
    return OURO_OK;
}

const struct builtin text_builtins[] = {
    {"string?", do_is_string, 1, 1},
    {"string-length", do_length, 1, 1},
    {"string-ref", do_ref, 2, 2},
    {"substring", do_substring, 3, 3},
    {"string-append", do_append, 0, SIZE_MAX},
    {"string-join", do_join, 2, 2},
    {"string-split", do_split, 2, 2},
    {"string-find", do_find, 2, 2},
    {"string<?", do_is_less, 2, 2},
    {"string->list", do_to_list, 1, 1},
    {"string->number", do_to_number, 1, 1},
    {"->string", do_to_string, 1, 1},
    {"->written", do_to_written, 1, 1},
    {"string->symbol", do_to_symbol, 1, 1},
    {"string-code", do_code, 1, 1},
    {"code->string", do_from_code, 1, 1},
    {"read-string", do_read, 1, 1},
    {0},
};
