/* bytes.c - bytes that stay as they were made, and what is asked of them and of bytearrays alike. */
#include "types/bytes.h"
#include "types/str.h"
#include "types/types.h"

#include <string.h>

struct ouro_type *ouro__bytes_type;

static const struct packed *
packed_of(ouro_loan loan)
{
    return (const struct packed *)ouro_look(loan);
}

/* ---- looking at either ---- */

/* Bytes that hold still until they are let go of: a bytearray is in use meanwhile. */
struct held {
    struct view view;
    struct bytearray *array; /* NULL: bytes */
    bool locked;
};

static struct held
hold(ouro_loan either)
{
    if (!ouro__is_bytearray(either)) {
        const struct packed *bytes = packed_of(either);
        return (struct held){{ouro__packed_data(bytes), ouro__packed_length(bytes), 1}, NULL, false};
    }
    struct bytearray *array = (struct bytearray *)ouro_look(either);
    bool locked = ouro__use(&array->head);
    return (struct held){{array->n != 0 ? array->items : (const void *)"", array->n, 1}, array, locked};
}

static void
let_go(struct held held)
{
    if (held.array != NULL) {
        ouro__unuse(&held.array->head, held.locked);
    }
}

size_t
ouro_bytes_length(ouro_loan either)
{
    return ouro__is_bytearray(either)
               ? __atomic_load_n(&((struct bytearray *)ouro_look(either))->n, __ATOMIC_RELAXED)
               : ouro__packed_length(packed_of(either));
}

const uint8_t *
ouro_bytes_borrow(ouro_loan either)
{
    return ouro__is_bytearray(either) ? ((struct bytearray *)ouro_look(either))->items
                                      : ouro__packed_data(packed_of(either));
}

int
ouro_bytes_get(ouro_loan either, size_t index)
{
    struct held held = hold(either);
    int byte = index < held.view.n ? (int)ouro__view_get(held.view, index) : -1;
    let_go(held);
    return byte;
}

size_t
ouro_bytes_copy(ouro_loan either, size_t index, void *to, size_t n)
{
    struct held held = hold(either);
    size_t left = index < held.view.n ? held.view.n - index : 0;
    n = n < left ? n : left;
    if (n != 0) {
        memcpy(to, (const char *)held.view.at + index, n);
    }
    let_go(held);
    return n;
}

/* ---- making ---- */

ouro_ref
ouro_bytes_new(const void *data, size_t n)
{
    struct packed *bytes = ouro__bytes_alloc(n);
    if (bytes == NULL) {
        return NULL;
    }
    if (data == NULL) {
        memset(ouro__packed_data(bytes), 0, n);
    } else {
        ouro__copy_bytes(ouro__packed_data(bytes), data, n);
    }
    return &bytes->head;
}

/* New bytes from part of a bytearray, as long as it is when there is memory for it. */
static ouro_ref
copy_part(ouro_loan array, size_t begin, size_t end)
{
    for (;;) {
        size_t length = ouro_bytes_length(array), stop = end < length ? end : length;
        size_t wanted = begin < stop ? stop - begin : 0;
        struct packed *bytes = ouro__bytes_alloc(wanted); /* may run other things: not while in use */
        if (bytes == NULL) {
            return NULL;
        }
        struct held held = hold(array);
        bool is_same = held.view.n == length;
        if (is_same && wanted != 0) {
            memcpy(ouro__packed_data(bytes), (const char *)held.view.at + begin, wanted);
        }
        let_go(held);
        if (is_same) {
            return &bytes->head;
        }
        ouro_decref(&bytes->head);
    }
}

ouro_ref
ouro_bytes_from(ouro_loan either)
{
    return ouro__is_bytearray(either) ? copy_part(either, 0, SIZE_MAX) : ouro_incref(either);
}

ouro_ref
ouro_bytes_slice(ouro_loan either, size_t begin, size_t end)
{
    if (ouro__is_bytearray(either)) {
        return copy_part(either, begin, end);
    }
    const struct packed *bytes = packed_of(either);
    size_t length = ouro__packed_length(bytes);
    end = end < length ? end : length;
    begin = begin < end ? begin : end;
    if (end - begin == length) {
        return ouro_incref(either);
    }
    return ouro_bytes_new((const char *)ouro__packed_data(bytes) + begin, end - begin);
}

ouro_ref
ouro_bytes_concat(ouro_loan a, ouro_loan b)
{
    OURO_SCOPED left = ouro_bytes_from(a);
    OURO_SCOPED right = ouro_bytes_from(b);
    size_t n;

    if (left == NULL || right == NULL) {
        return NULL;
    }
    size_t n_left = ouro_bytes_length(ouro_lend(left)), n_right = ouro_bytes_length(ouro_lend(right));
    struct packed *bytes = NULL;
    if (!__builtin_add_overflow(n_left, n_right, &n)) {
        bytes = ouro__bytes_alloc(n);
    }
    if (bytes == NULL) {
        return NULL;
    }
    char *data = ouro__packed_data(bytes);
    memcpy(data, ouro_bytes_borrow(ouro_lend(left)), n_left);
    memcpy(data + n_left, ouro_bytes_borrow(ouro_lend(right)), n_right);
    return &bytes->head;
}

/* ---- finding and comparing ---- */

ouro_status
ouro_bytes_find(ouro_loan either, ouro_loan part, size_t begin, size_t end, size_t *index)
{
    OURO_SCOPED wanted = ouro_bytes_from(part);
    if (wanted == NULL) {
        return OURO_NO_MEMORY;
    }
    const struct packed *bytes = packed_of(ouro_lend(wanted));
    struct view view = {ouro__packed_data(bytes), ouro__packed_length(bytes), 1};

    struct held held = hold(either);
    held.view.n = end < held.view.n ? end : held.view.n;
    size_t at = ouro__view_find(&held.view, &view, begin);
    let_go(held);
    if (at == SIZE_MAX) {
        return OURO_OK;
    }
    *index = at;
    return OURO_FOUND;
}

#define PIECE                                                                                          \
    512 /* bytes copied at once where both may be bytearrays, of which only one can be in use */

/* A piece of either, where it is when that holds still, otherwise copied to `room`. */
static const void *
look_at_piece(ouro_loan either, size_t at, unsigned char room[PIECE], size_t *n)
{
    if (ouro__is_bytearray(either)) {
        *n = ouro_bytes_copy(either, at, room, PIECE);
        return room;
    }
    size_t left = ouro__packed_length(packed_of(either)) - at;
    *n = left < PIECE ? left : PIECE;
    return (const unsigned char *)ouro__packed_data(packed_of(either)) + at;
}

int
ouro_bytes_compare(ouro_loan a, ouro_loan b)
{
    unsigned char left_room[PIECE], right_room[PIECE];

    for (size_t at = 0;; at += PIECE) {
        size_t n_left, n_right;
        const void *left = look_at_piece(a, at, left_room, &n_left);
        const void *right = look_at_piece(b, at, right_room, &n_right);
        int order = memcmp(left, right, n_left < n_right ? n_left : n_right);
        if (order != 0) {
            return order;
        }
        if (n_left < PIECE || n_right < PIECE) { /* one of them ends here */
            return (n_left > n_right) - (n_left < n_right);
        }
    }
}

bool
ouro_bytes_equal(ouro_loan a, ouro_loan b)
{
    return ouro_bytes_length(a) == ouro_bytes_length(b) && ouro_bytes_compare(a, b) == 0;
}

/* ---- as text ---- */

ouro_ref
ouro_bytes_hex(ouro_loan either)
{
    static const char digits[] = "0123456789abcdef";
    OURO_SCOPED bytes = ouro_bytes_from(either);
    size_t n, n_digits;

    if (bytes == NULL) {
        return NULL;
    }
    n = ouro_bytes_length(ouro_lend(bytes));
    if (n == 0) {
        return ouro__str_empty();
    }
    struct packed *str =
        __builtin_mul_overflow(n, 2, &n_digits) ? NULL : ouro__str_alloc('0', n_digits);
    if (str == NULL) {
        return NULL;
    }
    const uint8_t *at = ouro_bytes_borrow(ouro_lend(bytes));
    char *to = ouro__packed_data(str);
    for (size_t i = 0; i < n; i++) {
        *to++ = digits[at[i] >> 4];
        *to++ = digits[at[i] & 15];
    }
    return &str->head;
}

static int
digit_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Read digits to `bytes`, or only count them where that is NULL; SIZE_MAX when there is anything else. */
static size_t
read_hex(const char *text, size_t n, uint8_t *bytes)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_space(text[i])) {
            continue;
        }
        int high = digit_value(text[i]), low = i + 1 < n ? digit_value(text[i + 1]) : -1;
        if (high < 0 || low < 0) {
            return SIZE_MAX;
        }
        if (bytes != NULL) {
            bytes[n_bytes] = (uint8_t)(high << 4 | low);
        }
        n_bytes++;
        i++;
    }
    return n_bytes;
}

ouro_status
ouro_bytes_from_hex(const char *text, size_t n, ouro_ref *result)
{
    size_t n_bytes = read_hex(text, n, NULL);
    if (n_bytes == SIZE_MAX) {
        return OURO_WRONG_VALUE;
    }
    struct packed *bytes = ouro__bytes_alloc(n_bytes);
    if (bytes == NULL) {
        return OURO_NO_MEMORY;
    }
    read_hex(text, n, ouro__packed_data(bytes));
    *result = &bytes->head;
    return OURO_OK;
}

/* @source CPython Objects/bytesobject.c, PyBytes_Repr() */
ouro_ref
ouro__repr_bytes(ouro_loan self)
{
    static const char digits[] = "0123456789abcdef";
    bool is_array = ouro__is_bytearray(self);
    OURO_SCOPED bytes = ouro_bytes_from(self);
    struct text text;

    if (bytes == NULL) {
        return NULL;
    }
    size_t n = ouro_bytes_length(ouro_lend(bytes));
    const uint8_t *at = ouro_bytes_borrow(ouro_lend(bytes));
    char quote = memchr(at, '\'', n) != NULL && memchr(at, '"', n) == NULL ? '"' : '\'';
    ouro__text_begin(&text);
    ouro__text_add_c(&text, is_array ? "bytearray(b" : "b");
    ouro__text_add(&text, &quote, 1);
    for (size_t i = 0; i < n; i++) {
        char escape[] = {'\\', 'x', digits[at[i] >> 4], digits[at[i] & 15]};
        const char *known = at[i] != 0 ? strchr("\tt\nn\rr", at[i]) : NULL;
        if (at[i] == '\\' || at[i] == (uint8_t)quote) {
            escape[1] = (char)at[i];
            ouro__text_add(&text, escape, 2);
        } else if (at[i] >= ' ' && at[i] < 0x7F) {
            ouro__text_add(&text, (const char *)&at[i], 1);
        } else if (known != NULL) {
            escape[1] = known[1];
            ouro__text_add(&text, escape, 2);
        } else {
            ouro__text_add(&text, escape, sizeof escape);
        }
    }
    ouro__text_add(&text, &quote, 1);
    ouro__text_add_c(&text, is_array ? ")" : "");
    return ouro__text_end(&text);
}

/* ---- the type ---- */

ouro_status
ouro__equal_bytes(ouro_loan self, ouro_loan other)
{
    const struct ouro_type *type = ouro__type(ouro_look(other));
    bool is_either = type == ouro__bytes_type || type == ouro__bytearray_type;
    return is_either && ouro_bytes_equal(self, other) ? OURO_FOUND : OURO_NOT_EQUAL;
}

ouro_loan
ouro_bytes_type(void)
{
    return (ouro_loan)&ouro__bytes_type->head;
}

bool
ouro__bytes_init(void)
{
    const ouro_type_spec spec = {
        .name = "bytes",
        .size = sizeof(struct packed),
        .item_size = 1,
        .flags = OURO_TYPE_LEAF,
        .hash = ouro__hash_packed,
        .equal = ouro__equal_bytes,
        .repr = ouro__repr_bytes,
        .iterate = ouro__iterate_bytes,
        .extra_size = ouro__packed_extra_size,
    };
    return ouro__type_make(&spec, &ouro__bytes_type);
}
