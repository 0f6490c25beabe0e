/* repr.c - objects as texts that show them.
 *
 * What contains itself would be shown without end.  Each thread remembers which containers it is showing; one that
 * comes up again, or lies too deep, is shown as three dots in its brackets.
 *
 * @source  CPython Objects/object.c, PyObject_Repr(), Py_ReprEnter() */
#include "ouro/deque.h"
#include "types/str.h"
#include "types/types.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NESTED 100

/* The containers being shown, from the innermost out. */
struct shown {
    const ouro_object *container;
    const struct shown *outer;
    unsigned depth;
};

static _Thread_local const struct shown *innermost;

ouro_ref
ouro_repr(ouro_loan object)
{
    const struct ouro_type *type = ouro__type(ouro_look(object));
    if (type->own.repr != NULL) {
        return type->own.repr(object);
    }
    return ouro_str_format("<%s at %p>", type->name, (void *)ouro_look(object));
}

ouro_ref
ouro__repr_none(ouro_loan self)
{
    (void)self;
    return ouro_str_new("None");
}

ouro_ref
ouro__repr_bool(ouro_loan self)
{
    return ouro_str_new(ouro_look(self) == &ouro__true ? "True" : "False");
}

/* ---- floats ---- */

#define LEAST_DIGITS 15 /* every decimal of so many digits comes back from a double */
#define MOST_DIGITS 17  /* so many tell every double */

/* Add one to the last digit of a number as %e writes it; nothing is carried beyond the first. */
static void
step_up(char *text)
{
    for (char *at = strchr(text, 'e') - 1; at >= text; at--) {
        if (*at >= '0' && *at < '9') {
            ++*at;
            return;
        }
        *at = *at == '9' ? '0' : *at;
    }
}

/* Write so many digits of a number; do they tell it?  Below a power of two doubles are closer together than above:
 * there the nearest decimal may be another double's while the next one up is its own. */
static bool
try_digits(double value, int n, char text[64])
{
    int exponent;

    snprintf(text, 64, "%.*e", n - 1, value);
    if (strtod(text, NULL) == value) {
        return true;
    }
    if (n != MOST_DIGITS - 1 || frexp(value, &exponent) != 0.5) {
        return false;
    }
    step_up(text);
    return strtod(text, NULL) == value;
}

/* Write the fewest digits that tell a finite number, without zeros at the end, and say where the point is: before
 * the digit of this number, counted from 0.  Doubles that have less precision near 0 may need fewer than 15. */
static int
shortest_digits(double value, char digits[MOST_DIGITS + 1])
{
    char text[64];
    bool is_subnormal = value < 0x1p-1022;
    int n = 0;

    for (int wanted = is_subnormal ? 1 : LEAST_DIGITS; wanted <= MOST_DIGITS; wanted++) {
        if (try_digits(value, wanted, text)) {
            break;
        }
    }
    const char *at = text;
    for (; *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9') { /* and not the point, whichever the locale has */
            digits[n++] = *at;
        }
    }
    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }
    digits[n] = 0;
    return (int)strtol(at + 1, NULL, 10) + 1;
}

/* @source CPython Python/pystrtod.c, format_float_short() with 'r' */
ouro_ref
ouro__repr_float(ouro_loan self)
{
    double value = ouro_float_value(self);
    const char *sign = signbit(value) && !isnan(value) ? "-" : "";
    char digits[MOST_DIGITS + 1];

    if (!isfinite(value)) {
        return ouro_str_format("%s%s", sign, isnan(value) ? "nan" : "inf");
    }
    int point = shortest_digits(fabs(value), digits), n = (int)strlen(digits);
    if (value == 0) {
        return ouro_str_format("%s0.0", sign);
    }
    if (point > 16 || point < -3) {
        int exponent = point - 1;
        return ouro_str_format("%s%.1s%s%se%c%02d", sign, digits, n > 1 ? "." : "", digits + 1,
                               exponent < 0 ? '-' : '+', abs(exponent));
    }
    if (point <= 0) {
        return ouro_str_format("%s0.%.*s%s", sign, -point, "000", digits);
    }
    if (point >= n) {
        return ouro_str_format("%s%s%.*s.0", sign, digits, point - n, "0000000000000000");
    }
    return ouro_str_format("%s%.*s.%s", sign, point, digits, digits + point);
}

/* ---- texts ---- */

/* Add a character that is not shown as it is. */
static void
add_escape(struct text *text, uint32_t c)
{
    char escape[16];
    int n;

    if (c == '\t' || c == '\n' || c == '\r') {
        n = snprintf(escape, sizeof escape, "\\%c", c == '\t' ? 't' : c == '\n' ? 'n' : 'r');
    } else {
        int digits = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
        char letter = digits == 2 ? 'x' : digits == 4 ? 'u' : 'U';
        n = snprintf(escape, sizeof escape, "\\%c%0*x", letter, digits, (unsigned)c);
    }
    ouro__text_add(text, escape, (size_t)n);
}

/* @source CPython Objects/unicodeobject.c, unicode_repr() */
ouro_ref
ouro__repr_str(ouro_loan self)
{
    struct view view = ouro__str_view(self);
    struct text text;
    bool has_single = false, has_double = false;

    for (size_t i = 0; i < view.n; i++) {
        uint32_t c = ouro__view_get(view, i);
        has_single |= c == '\'';
        has_double |= c == '"';
    }
    char quote = has_single && !has_double ? '"' : '\'';
    ouro__text_begin(&text);
    ouro__text_add(&text, &quote, 1);
    for (size_t i = 0; i < view.n; i++) {
        uint32_t c = ouro__view_get(view, i);
        char utf8[5] = {'\\'};
        if (c == '\\' || c == (unsigned char)quote) {
            utf8[1] = (char)c;
            ouro__text_add(&text, utf8, 2);
        } else if (ouro__is_printable(c)) {
            ouro__text_add(&text, utf8, ouro__utf8_put(utf8, c));
        } else {
            add_escape(&text, c);
        }
    }
    ouro__text_add(&text, &quote, 1);
    return ouro__text_end(&text);
}

/* ---- containers ---- */

static bool
is_shown(const ouro_object *container)
{
    for (const struct shown *each = innermost; each != NULL; each = each->outer) {
        if (each->container == container) {
            return true;
        }
    }
    return innermost != NULL && innermost->depth >= MOST_NESTED;
}

/* Give the item at a position, in new references, with its value if it has one, and take the position further; false when
 * there is none. */
typedef bool (*step)(ouro_loan self, size_t *position, ouro_ref *item, ouro_ref *value);

static void
add_items(struct text *text, ouro_loan self, const char *brackets, step next)
{
    ouro_ref item = NULL, value = NULL;
    size_t position = 0, n = 0;

    ouro__text_add(text, &brackets[0], 1);
    for (; !text->failed && next(self, &position, &item, &value); n++) {
        ouro__text_add_c(text, n != 0 ? ", " : "");
        ouro__text_add_repr(text, ouro_lend(item));
        ouro_clear(&item);
        if (value != NULL) {
            ouro__text_add_c(text, ": ");
            ouro__text_add_repr(text, ouro_lend(value));
            ouro_clear(&value);
        }
    }
    if (n == 1 && brackets[0] == '(') {
        ouro__text_add(text, ",", 1);
    }
    ouro__text_add(text, &brackets[1], 1);
}

/* Show a container: its items in brackets, and those in the parentheses of `name` unless that is NULL, with `behind` before
 * the last one. */
static ouro_ref
repr_items(ouro_loan self, const char *name, const char *brackets, const char *behind, step next)
{
    struct shown shown = {ouro_look(self), innermost, innermost != NULL ? innermost->depth + 1 : 1};
    struct text text;

    if (is_shown(shown.container)) {
        return ouro_str_format("%c...%c", brackets[0], brackets[1]);
    }
    innermost = &shown;
    ouro__text_begin(&text);
    if (name != NULL) {
        ouro__text_add_c(&text, name);
        ouro__text_add(&text, "(", 1);
    }
    add_items(&text, self, brackets, next);
    if (name != NULL) {
        ouro__text_add_c(&text, behind);
        ouro__text_add(&text, ")", 1);
    }
    innermost = shown.outer;
    return ouro__text_end(&text);
}

static bool
step_list(ouro_loan self, size_t *position, ouro_ref *item, ouro_ref *value)
{
    (void)value;
    *item = ouro_list_get(self, (*position)++);
    return *item != NULL;
}

ouro_ref
ouro__repr_list(ouro_loan self)
{
    return repr_items(self, NULL, "[]", "", step_list);
}

static bool
step_tuple(ouro_loan self, size_t *position, ouro_ref *item, ouro_ref *value)
{
    ouro_loan at = ouro_tuple_get_borrow(self, (*position)++);
    (void)value;
    *item = at != NULL ? ouro_incref(at) : NULL;
    return at != NULL;
}

ouro_ref
ouro__repr_tuple(ouro_loan self)
{
    return repr_items(self, NULL, "()", "", step_tuple);
}

static bool
step_deque(ouro_loan self, size_t *position, ouro_ref *item, ouro_ref *value)
{
    (void)value;
    *item = ouro_deque_get(self, (*position)++);
    return *item != NULL;
}

/* @source CPython Modules/_collectionsmodule.c, deque_repr() */
ouro_ref
ouro__repr_deque(ouro_loan self)
{
    char behind[40] = "";
    size_t most = ouro_deque_most(self);

    if (most != SIZE_MAX) {
        snprintf(behind, sizeof behind, ", maxlen=%zu", most);
    }
    return repr_items(self, ouro_type_name(ouro_type_of(self)), "[]", behind, step_deque);
}

ouro_ref
ouro__repr_dict(ouro_loan self)
{
    return repr_items(self, NULL, "{}", "", ouro_dict_next);
}

static bool
step_set(ouro_loan self, size_t *position, ouro_ref *item, ouro_ref *value)
{
    (void)value;
    return ouro_set_next(self, position, item);
}

/* @source CPython Objects/setobject.c, set_repr() */
ouro_ref
ouro__repr_set(ouro_loan self)
{
    const char *name = ouro_type_name(ouro_type_of(self));

    if (ouro_set_length(self) == 0) {
        return ouro_str_format("%s()", name);
    }
    if (is_shown(ouro_look(self))) {
        return ouro_str_format("%s(...)", name);
    }
    return repr_items(self, ouro_type_of(self) == ouro_set_type() ? NULL : name, "{}", "", step_set);
}
