/* str_edit.c - texts made from texts: parts, joins, replacements. */
#include "types/sequences.h"
#include "types/str.h"

#include <string.h>

/* ---- finding ---- */

ouro_status
ouro_str_find(ouro_loan str, ouro_loan part, size_t begin, size_t end, size_t *index)
{
    struct view text = ouro__str_view(str);
    text.n = end < text.n ? end : text.n;
    struct view wanted = ouro__str_view(part);
    size_t at = ouro__view_find(&text, &wanted, begin);
    if (at == SIZE_MAX) {
        return OURO_OK;
    }
    *index = at;
    return OURO_FOUND;
}

/* Is `part` at `at`, where there is room for it? */
static bool
is_at(struct view text, size_t at, struct view part)
{
    if (text.width == part.width) {
        return memcmp((const char *)text.at + at * text.width, part.at, part.n * part.width) == 0;
    }
    for (size_t i = 0; i < part.n; i++) {
        if (ouro__view_get(text, at + i) != ouro__view_get(part, i)) {
            return false;
        }
    }
    return true;
}

bool
ouro_str_starts_with(ouro_loan str, ouro_loan part)
{
    struct view text = ouro__str_view(str), wanted = ouro__str_view(part);
    return wanted.n <= text.n && is_at(text, 0, wanted);
}

bool
ouro_str_ends_with(ouro_loan str, ouro_loan part)
{
    struct view text = ouro__str_view(str), wanted = ouro__str_view(part);
    return wanted.n <= text.n && is_at(text, text.n - wanted.n, wanted);
}

/* ---- parts and sums ---- */

ouro_ref
ouro_str_slice(ouro_loan str, size_t begin, size_t end)
{
    struct view view = ouro__str_view(str);

    end = end < view.n ? end : view.n;
    begin = begin < end ? begin : end;
    if (end - begin == view.n) {
        return ouro_incref(str);
    }
    return ouro__str_from_view(ouro__view_part(view, begin, end));
}

/* The or of characters that a text of this kind may have: enough to tell the kind. */
static uint32_t
most_of(ouro_loan str)
{
    static const uint32_t most[] = {0x7F, 0xFF, 0xFFFF, 0x10FFFF};
    return most[ouro__packed_kind((const struct packed *)ouro_look(str))];
}

/* Characters being written one behind the other. */
struct pen {
    char *at;
    unsigned width;
};

static struct pen
pen_on(const struct packed *str)
{
    return (struct pen){ouro__packed_data(str), ouro__kind_width(ouro__packed_kind(str))};
}

static inline void
pen_write(struct pen *pen, struct view view)
{
    if (OURO_LIKELY(pen->width == view.width)) {
        ouro__copy_bytes(pen->at, view.at, view.n * view.width);
    } else {
        ouro__view_copy(pen->at, pen->width, view);
    }
    pen->at += view.n * pen->width;
}

ouro_ref
ouro_str_concat(ouro_loan a, ouro_loan b)
{
    struct view left = ouro__str_view(a), right = ouro__str_view(b);
    size_t n;

    if (left.n == 0 || right.n == 0) {
        return ouro_incref(left.n == 0 ? b : a);
    }
    if (__builtin_add_overflow(left.n, right.n, &n)) {
        return NULL;
    }
    struct packed *str = ouro__str_alloc(most_of(a) | most_of(b), n);
    if (str == NULL) {
        return NULL;
    }
    struct pen pen = pen_on(str);
    pen_write(&pen, left);
    pen_write(&pen, right);
    return &str->head;
}

/* ---- joining ---- */

/* What nobody else changes and has the items: the tuple itself, or a list made here. */
static ouro_status
hold_items(ouro_loan items, ouro_ref *held)
{
    if (ouro_is_a(items, ouro_tuple_type())) {
        *held = ouro_incref(items);
        return OURO_OK;
    }
    ouro_ref list = ouro_list_new(0);
    if (list == NULL) {
        return OURO_NO_MEMORY;
    }
    ouro_status status = ouro_list_extend(ouro_lend(list), items);
    if (status < 0) {
        ouro_decref(list);
        return status;
    }
    *held = list;
    return OURO_OK;
}

/* A text that was written whole; one of those that are there from the beginning in place of its equal. */
static ouro_ref
finish(struct packed *str)
{
    if (ouro__packed_length(str) > 1 || ouro__packed_kind(str) > PACKED_LATIN1) {
        return &str->head;
    }
    uint8_t character = *(const uint8_t *)ouro__packed_data(str);
    bool is_empty = ouro__packed_length(str) == 0;
    ouro_decref(&str->head);
    return is_empty ? ouro__str_empty() : ouro__str_single(character);
}

/* How long the joined text is, and what its characters may be. */
static ouro_status
measure_joined(ouro_loan separator, ouro_loan const *items, size_t n_items, size_t *length,
               uint32_t *all)
{
    size_t n = 0, between = ouro_str_length(separator);

    *all = n_items > 1 ? most_of(separator) : 0;
    for (size_t i = 0; i < n_items; i++) {
        if (OURO_UNLIKELY(ouro__type(ouro_look(items[i])) != ouro__str_type)) {
            return OURO_WRONG_TYPE;
        }
        *all |= most_of(items[i]);
        if (__builtin_add_overflow(n, ouro__str_view(items[i]).n, &n) ||
            __builtin_add_overflow(n, i != 0 ? between : 0, &n)) {
            return OURO_TOO_LARGE;
        }
    }
    *length = n;
    return OURO_OK;
}

static ouro_status
join_held(ouro_loan separator, ouro_loan const *items, size_t n_items, ouro_ref *result)
{
    size_t n;
    uint32_t all;
    ouro_status status = measure_joined(separator, items, n_items, &n, &all);

    if (status < 0) {
        return status;
    }
    if (n_items == 1) {
        *result = ouro_incref(items[0]);
        return OURO_OK;
    }
    struct packed *str = ouro__str_alloc(all, n);
    if (str == NULL) {
        return OURO_NO_MEMORY;
    }
    struct pen pen = pen_on(str);
    struct view between = ouro__str_view(separator);
    for (size_t i = 0; i < n_items; i++) {
        pen_write(&pen, ouro__str_view(items[i]));
        if (i + 1 != n_items) {
            pen_write(&pen, between);
        }
    }
    *result = finish(str);
    return OURO_OK;
}

ouro_status
ouro_str_join(ouro_loan separator, ouro_loan items, ouro_ref *result)
{
    ouro_ref held = NULL;

    if (!ouro_is_str(separator)) {
        return OURO_WRONG_TYPE;
    }
    ouro_status status = hold_items(items, &held);
    if (status == OURO_OK) {
        struct tuple *tuple = (struct tuple *)held;
        const struct ouro__list *list = (const struct ouro__list *)held;
        status = ouro_is_a(ouro_lend(held), ouro_tuple_type())
                     ? join_held(separator, ouro__tuple_items(tuple), tuple->n, result)
                     : join_held(separator, (ouro_loan const *)list->items, list->n, result);
        ouro_decref(held);
    }
    return status;
}

/* ---- replacing and splitting ---- */

/* How often `part`, which is not empty, is found one behind the other, `most` times at most. */
static size_t
count(struct view text, struct view part, size_t most)
{
    size_t n = 0;
    for (size_t at = 0; n < most; n++) {
        at = ouro__view_find(&text, &part, at);
        if (at == SIZE_MAX) {
            break;
        }
        at += part.n;
    }
    return n;
}

/* Write `text` with `n` occurrences of `part` replaced; an empty one is found before each character and at the end. */
static void
write_replaced(struct pen *pen, struct view text, struct view part, struct view after, size_t n)
{
    size_t begin = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = part.n != 0 ? ouro__view_find(&text, &part, begin) : i;
        pen_write(pen, ouro__view_part(text, begin, at));
        pen_write(pen, after);
        begin = at + part.n;
    }
    pen_write(pen, ouro__view_part(text, begin, text.n));
}

ouro_ref
ouro_str_replace(ouro_loan str, ouro_loan before, ouro_loan after, size_t most)
{
    struct view text = ouro__str_view(str), part = ouro__str_view(before);
    struct view with = ouro__str_view(after);
    size_t everywhere = text.n + 1 < most ? text.n + 1 : most;
    size_t n = part.n == 0 ? everywhere : count(text, part, most);
    size_t added, length;

    if (n == 0 || ouro_str_equal(before, after)) {
        return ouro_incref(str);
    }
    if (__builtin_mul_overflow(n, with.n, &added) ||
        __builtin_add_overflow(text.n - n * part.n, added, &length)) {
        return NULL;
    }
    struct packed *made = ouro__str_alloc(most_of(str) | most_of(after), length);
    if (made == NULL) {
        return NULL;
    }
    struct pen pen = pen_on(made);
    write_replaced(&pen, text, part, with, n);
    if (most_of(before) <= most_of(after) || most_of(before) < most_of(str)) {
        return finish(made); /* what made the text wide is still there */
    }
    ouro_ref narrow = ouro__str_from_view(ouro__str_view((ouro_loan)&made->head));
    ouro_decref(&made->head);
    return narrow;
}

ouro_status
ouro_str_split(ouro_loan str, ouro_loan separator, size_t most, ouro_ref *result)
{
    if (!ouro_is_str(str) || !ouro_is_str(separator)) {
        return OURO_WRONG_TYPE;
    }
    struct view text = ouro__str_view(str), between = ouro__str_view(separator);
    if (between.n == 0) {
        return OURO_WRONG_VALUE;
    }
    ouro_ref list = ouro_list_new(0);
    ouro_status status = list != NULL ? OURO_OK : OURO_NO_MEMORY;
    size_t begin = 0;
    bool is_all_ascii = ouro_str_ascii_borrow(str) != NULL;

    for (bool is_last = false; status == OURO_OK && !is_last;) {
        size_t at = most-- != 0 ? ouro__view_find(&text, &between, begin) : SIZE_MAX;
        is_last = at == SIZE_MAX;
        size_t end = is_last ? text.n : at;
        ouro_ref part = begin == 0 && is_last ? ouro_incref(str)
                        : is_all_ascii
                            ? ouro__str_from_ascii((const char *)text.at + begin, end - begin)
                            : ouro__str_from_view(ouro__view_part(text, begin, end));
        status = part != NULL ? ouro_list_append_steal(ouro_lend(list), part) : OURO_NO_MEMORY;
        begin = at + between.n;
    }
    if (status < 0) {
        ouro_xdecref(list);
        return status;
    }
    *result = list;
    return OURO_OK;
}
