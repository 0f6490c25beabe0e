/* test_texts.c - texts, bytes and bytearrays against CPython's: parts, searches, replacements, splits and joins, formats,
 * what they are shown as, UTF-8 in and out, valid and not, order, hashes, interning, sizes. */
#include "both.h"
#include "types/packed.h"

#include <stdio.h>
#include <string.h>

/* Lengths from here on are kept in a word of their own: see src/types/packed.h. */
#define TEST_IS_LONG(length) ((length) >= PACKED_LONG)

#define N_POOL 64

static struct both pool[N_POOL];

static void
end_pool(void)
{
    for (size_t i = 0; i < N_POOL; i++) {
        both_assign(&pool[i], (struct both){NULL, NULL});
    }
}

/* Order, equality, and the same hash for what is equal. */
static void
require_order(struct both a, struct both b, int order)
{
    uint64_t hash = 0, other = 1;
    int are_equal = PyObject_RichCompareBool(a.theirs, b.theirs, Py_EQ);

    said_same(order < 0, PyObject_RichCompareBool(a.theirs, b.theirs, Py_LT));
    said_same(order == 0, are_equal);
    said_same(ouro_equal(ouro_lend(a.ours), ouro_lend(b.ours)), are_equal);
    bool have_hashes = ouro_hash(ouro_lend(a.ours), &hash) == OURO_OK &&
                       ouro_hash(ouro_lend(b.ours), &other) == OURO_OK;
    if (have_hashes && (hash == other) != (are_equal != 0)) {
        differ("hashes %llx and %llx", (unsigned long long)hash, (unsigned long long)other);
    }
}

/* ---- texts ---- */

/* Not so long that they grow for ever. */
static void
keep_text(struct both text)
{
    if (ouro_str_length(ouro_lend(text.ours)) < 400) {
        both_assign(&pool[roll(N_POOL)], text);
    } else {
        both_decref(text);
    }
}

static void
keep_text_same(ouro_status status, ouro_ref ours, PyObject *theirs)
{
    struct both kept = {NULL, NULL};
    if (keep_same(status, ours, theirs, &kept)) {
        keep_text(kept);
    }
}

static void
step_parts(struct both a, struct both b)
{
    size_t n = ouro_str_length(ouro_lend(a.ours)), begin = roll(n + 3), end = roll(n + 3), index = 0;

    doing("slice %zu:%zu", begin, end);
    gave_same(OURO_OK, ouro_str_slice(ouro_lend(a.ours), begin, end),
              PySequence_GetSlice(a.theirs, (Py_ssize_t)begin, (Py_ssize_t)end));
    doing("find %zu:%zu", begin, end);
    ouro_status status = ouro_str_find(ouro_lend(a.ours), ouro_lend(b.ours), begin, end, &index);
    Py_ssize_t place = PyUnicode_Find(a.theirs, b.theirs, (Py_ssize_t)begin, (Py_ssize_t)end, 1);
    found_same(status == OURO_FOUND ? index : SIZE_MAX, place);
    doing("starts and ends");
    said_same(ouro_str_starts_with(ouro_lend(a.ours), ouro_lend(b.ours)),
              PyUnicode_Tailmatch(a.theirs, b.theirs, 0, PY_SSIZE_T_MAX, -1));
    said_same(ouro_str_ends_with(ouro_lend(a.ours), ouro_lend(b.ours)),
              PyUnicode_Tailmatch(a.theirs, b.theirs, 0, PY_SSIZE_T_MAX, 1));
}

static void
step_concat(struct both a, struct both b)
{
    doing("+");
    keep_text_same(OURO_OK, ouro_str_concat(ouro_lend(a.ours), ouro_lend(b.ours)),
                   PyUnicode_Concat(a.theirs, b.theirs));
}

/* One or two characters of a text, or nothing: what is found. */
static struct both
part_of(struct both a)
{
    size_t n = ouro_str_length(ouro_lend(a.ours)), begin = roll(n + 1), length = roll(3);
    return (struct both){
        ouro_str_slice(ouro_lend(a.ours), begin, begin + length),
        PySequence_GetSlice(a.theirs, (Py_ssize_t)begin, (Py_ssize_t)(begin + length))};
}

static void
step_replace(struct both a, struct both b)
{
    struct both part = part_of(a);
    size_t most = roll(2) != 0 ? SIZE_MAX : roll(5);

    doing("replace %zd", (Py_ssize_t)most);
    keep_text_same(OURO_OK,
                   ouro_str_replace(ouro_lend(a.ours), ouro_lend(part.ours), ouro_lend(b.ours), most),
                   PyUnicode_Replace(a.theirs, part.theirs, b.theirs, (Py_ssize_t)most));
    both_decref(part);
}

static void
step_split(struct both a, struct both b)
{
    struct both part = part_of(a), list = {NULL, NULL};
    size_t most = roll(2) != 0 ? SIZE_MAX : roll(5);
    ouro_ref ours = NULL;

    doing("split %zd", (Py_ssize_t)most);
    ouro_status status = ouro_str_split(ouro_lend(a.ours), ouro_lend(part.ours), most, &ours);
    if (keep_same(status, ours, PyUnicode_Split(a.theirs, part.theirs, (Py_ssize_t)most), &list)) {
        doing("join");
        ours = NULL;
        if (roll(16) == 0 && (ouro_list_append(ouro_lend(list.ours), ouro_lend(ouro_none())) != 0 ||
                              PyList_Append(list.theirs, Py_None) != 0)) {
            differ("no memory");
        }
        status = ouro_str_join(ouro_lend(b.ours), ouro_lend(list.ours), &ours);
        keep_text_same(status, ours, PyUnicode_Join(b.theirs, list.theirs));
        both_decref(list);
    }
    both_decref(part);
}

static void
step_shown(struct both a, struct both b)
{
    char utf8[2048];
    Py_ssize_t n;
    size_t room = roll(sizeof utf8);

    doing("comparing");
    require_order(a, b, ouro_str_compare(ouro_lend(a.ours), ouro_lend(b.ours)));
    doing("repr");
    gave_same(OURO_OK, ouro_repr(ouro_lend(a.ours)), PyObject_Repr(a.theirs));
    doing("encode in %zu bytes", room);
    const char *theirs = PyUnicode_AsUTF8AndSize(a.theirs, &n);
    size_t wanted = ouro_str_encode(ouro_lend(a.ours), utf8, room),
           given = room == 0 ? 0 : strlen(utf8);
    if (wanted != (size_t)n || (wanted < room && memcmp(utf8, theirs, wanted + 1) != 0) ||
        (given > wanted || memcmp(utf8, theirs, given) != 0)) {
        differ("%zu bytes of UTF-8, CPython %zd", wanted, n);
    }
    doing("sizeof");
    ouro_loan text = ouro_lend(a.ours);
    size_t length = ouro_str_length(text), is_ascii = ouro_str_ascii_borrow(text) != NULL;
    size_t size = 24 + length * ouro_str_width(text) + is_ascii + (TEST_IS_LONG(length) ? 8 : 0);
    if (ouro_sizeof(text) != size) {
        differ("%zu bytes, not %zu", ouro_sizeof(text), size);
    }
    PyObject *their_size = PyObject_CallMethod(a.theirs, "__sizeof__", NULL);
    if (size > PyLong_AsSize_t(their_size)) {
        differ("%zu bytes, more than CPython's", size);
    }
    Py_DECREF(their_size);
}

static void
step_intern(struct both a, struct both b)
{
    struct both one = both_incref(a), other = both_incref(b);

    doing("intern");
    both_assign(&one, (struct both){ouro_str_intern(ouro_lend(one.ours)), both_incref(one).theirs});
    both_assign(&other,
                (struct both){ouro_str_intern(ouro_lend(other.ours)), both_incref(other).theirs});
    PyUnicode_InternInPlace(&one.theirs);
    PyUnicode_InternInPlace(&other.theirs);
    said_same(one.ours == other.ours, one.theirs == other.theirs);
    said_same(ouro_str_is_interned(ouro_lend(one.ours)), PyUnicode_CHECK_INTERNED(one.theirs) != 0);
    require_same(ouro_lend(one.ours), a.theirs);
    both_decref(one);
    both_decref(other);
}

/* UTF-8 with something wrong in it, more often than not. */
static void
step_decode(struct both a, struct both unused)
{
    char bytes[1700];
    size_t n = ouro_str_encode(ouro_lend(a.ours), bytes, sizeof bytes), n_wrong = roll(3), where = 0;
    static const unsigned char wrong[] = {0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xED, 0xEF,
                                          0xF0, 0xF4, 0xF5, 0xFF, 0x9F, 0xA0, 0x8F, 0x90, 'a'};
    ouro_ref ours = NULL;

    (void)unused;
    for (size_t i = 0; i < n_wrong && n != 0; i++) {
        bytes[roll(n)] = (char)wrong[roll(sizeof wrong)];
    }
    n -= n != 0 && roll(4) == 0;
    doing("decode");
    ouro_status status = ouro_str_decode(bytes, n, &ours, &where);
    PyObject *theirs = PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)n, NULL);
    if (theirs == NULL) {
        PyObject *type, *value, *traceback;
        Py_ssize_t start = -1;
        PyErr_Fetch(&type, &value, &traceback);
        PyErr_NormalizeException(&type, &value, &traceback);
        PyUnicodeDecodeError_GetStart(value, &start);
        PyErr_Restore(type, value, traceback);
        if (start != (Py_ssize_t)where) {
            differ("wrong at %zu, CPython says %zd", where, start);
        }
    }
    gave_same(status, ours, theirs);
    if (memchr(bytes, 0, n) == NULL) {
        bytes[n] = 0;
        doing("decode and replace");
        gave_same(OURO_OK, ouro_str_new(bytes), PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)n, "replace"));
    }
}

/* The same conversion as Python's operator % has it, of a number. */
static void
step_format_number(void)
{
    char format[64], letter = "dixXo"[roll(5)];
    bool is_signed = letter == 'd' || letter == 'i';
    int64_t number = (int64_t)random_next(&dice) >> roll(64);
    number = number < 0 && !is_signed ? ~number : number; /* of which C would take the complement */
    bool has_precision = roll(2) != 0 && number != 0;     /* with which C fills with no zeros */
    size_t at = 0, n_flags = roll(3);

    format[at++] = '<';
    format[at++] = '%';
    for (size_t i = 0; i < n_flags; i++) {
        format[at++] = "-+ 0"[roll(has_precision ? 3 : 4)];
    }
    if (roll(2) != 0) {
        at += (size_t)snprintf(format + at, 8, "%zu", roll(30));
    }
    if (has_precision) {
        at += (size_t)snprintf(format + at, 8, ".%zu", roll(25));
    }
    if (!is_signed) { /* where C ignores signs */
        for (size_t i = 2; i < at; i++) {
            format[i] = format[i] == '+' || format[i] == ' ' ? '-' : format[i];
        }
    }
    snprintf(format + at, 8, "%c>", letter);
    PyObject *their_format = PyUnicode_FromString(format), *their_number = PyLong_FromLongLong(number);
    memmove(format + at + 1, format + at, 3);
    format[at] = 'l';
    doing("\"%s\" of %lld", format, (long long)number);
    gave_same(OURO_OK, ouro_str_format(format, number), PyUnicode_Format(their_format, their_number));
    Py_DECREF(their_format);
    Py_DECREF(their_number);
}

static void
step_format(struct both a, struct both b)
{
    if (roll(2) != 0) {
        step_format_number();
        return;
    }
    doing("%%S %%R");
    PyObject *theirs = PyUnicode_FromFormat("%S=%R%%|%s|%c|%zu|%S", a.theirs, b.theirs, "caf\xC3\xA9",
                                            'x', (size_t)77, Py_None);
    keep_text_same(OURO_OK,
                   ouro_str_format("%S=%R%%|%s|%c|%zu|%S", ouro_lend(a.ours), ouro_lend(b.ours),
                                   "caf\xC3\xA9", 'x', (size_t)77, ouro_lend(ouro_none())),
                   theirs);
}

static void
begin_texts(void)
{
    for (size_t i = 0; i < N_POOL; i++) {
        pool[i] = random_str(40);
    }
}

static void
play_step(void (*const *steps)(struct both a, struct both b), size_t n_steps, struct both fresh)
{
    both_assign(&pool[roll(N_POOL)], fresh);
    struct both a = both_incref(pool[roll(N_POOL)]), b = both_incref(pool[roll(N_POOL)]);
    steps[roll(n_steps)](a, b);
    both_decref(a);
    both_decref(b);
}

static void
step_texts(void)
{
    static void (*const steps[])(struct both a, struct both b) = {
        step_parts, step_concat, step_replace, step_split,
        step_shown, step_intern, step_decode,  step_format,
    };
    play_step(steps, sizeof steps / sizeof *steps, random_str(roll(50) == 0 ? 300 : 20));
}

/* ---- bytes ---- */

/* Bytes, or a bytearray; with few different bytes, so that some are found. */
static struct both
random_bytes(void)
{
    char data[700];
    size_t n = roll(8) != 0 ? roll(24) : roll(sizeof data);
    bool is_odd = roll(3) == 0;
    for (size_t i = 0; i < n; i++) {
        data[i] = is_odd ? (char)roll(256) : (char)('a' + roll(2));
    }
    if (roll(2) != 0) {
        return both_bytes(data, n);
    }
    return (struct both){ouro_bytearray_new(data, n),
                         PyByteArray_FromStringAndSize(data, (Py_ssize_t)n)};
}

/* CPython's bytes of either. */
static PyObject *
as_bytes(PyObject *stolen)
{
    PyObject *bytes = stolen != NULL ? PyBytes_FromObject(stolen) : NULL;
    Py_XDECREF(stolen);
    return bytes;
}

static void
step_bytes(struct both a, struct both b)
{
    ouro_loan left = ouro_lend(a.ours), right = ouro_lend(b.ours);
    size_t n = ouro_bytes_length(left), begin = roll(n + 3), end = roll(n + 3), index = 0;

    doing("slice of bytes %zu:%zu", begin, end);
    gave_same(OURO_OK, ouro_bytes_slice(left, begin, end),
              as_bytes(PySequence_GetSlice(a.theirs, (Py_ssize_t)begin, (Py_ssize_t)end)));
    doing("find in bytes %zu:%zu", begin, end);
    ouro_status status = ouro_bytes_find(left, right, begin, end, &index);
    PyObject *place =
        PyObject_CallMethod(a.theirs, "find", "Onn", b.theirs, (Py_ssize_t)begin, (Py_ssize_t)end);
    found_same(status == OURO_FOUND ? index : SIZE_MAX, PyLong_AsLong(place));
    Py_DECREF(place);
    doing("+ of bytes");
    gave_same(OURO_OK, ouro_bytes_concat(left, right), as_bytes(PySequence_Concat(a.theirs, b.theirs)));
    doing("comparing bytes");
    require_order(a, b, ouro_bytes_compare(left, right));
    doing("bytes of either");
    gave_same(OURO_OK, ouro_bytes_from(left), PyBytes_FromObject(a.theirs));
    doing("byte %zu", begin);
    int byte = ouro_bytes_get(left, begin);
    PyObject *their_byte = PySequence_GetItem(a.theirs, (Py_ssize_t)begin);
    if (ended_alike(byte < 0 ? OURO_WRONG_VALUE : OURO_OK) && PyLong_AsLong(their_byte) != byte) {
        differ("%d", byte);
    }
    Py_XDECREF(their_byte);
}

static void
step_bytes_shown(struct both a, struct both unused)
{
    ouro_loan either = ouro_lend(a.ours);
    char text[80];
    ouro_ref ours = NULL;
    size_t n = roll(sizeof text);

    (void)unused;
    doing("repr of bytes");
    bool is_odd = PyByteArray_Check(a.theirs) &&
                  memchr(PyByteArray_AS_STRING(a.theirs), '\'', ouro_bytes_length(either)) != NULL;
    if (!is_odd) { /* CPython escapes quotes in bytearrays that need not be; in bytes it does not */
        gave_same(OURO_OK, ouro_repr(either), PyObject_Repr(a.theirs));
    }
    doing("hex");
    gave_same(OURO_OK, ouro_bytes_hex(either), PyObject_CallMethod(a.theirs, "hex", NULL));
    for (size_t i = 0; i < n; i++) {
        bool is_space = i % 2 == 0 && roll(8) == 0;
        text[i] = is_space ? " \t\n\r\v\f"[roll(6)] : "0123456789abcdefABCDEF"[roll(22)];
        text[i] = roll(200) == 0 ? "gG/:@` "[roll(7)] : text[i];
    }
    doing("fromhex \"%.*s\"", (int)n, text);
    ouro_status status = ouro_bytes_from_hex(text, n, &ours);
    gave_same(status, ours,
              PyObject_CallMethod((PyObject *)&PyBytes_Type, "fromhex", "s#", text, (Py_ssize_t)n));
    doing("sizeof");
    if (ouro_type_of(either) == ouro_bytes_type() &&
        ouro_sizeof(either) !=
            24 + ouro_bytes_length(either) + 1 + (TEST_IS_LONG(ouro_bytes_length(either)) ? 8 : 0)) {
        differ("%zu bytes take %zu", ouro_bytes_length(either), ouro_sizeof(either));
    }
}

/* Call a method of CPython's that gives nothing. */
#define CALL(...) Py_XDECREF(PyObject_CallMethod(__VA_ARGS__))

static void
step_bytearray(struct both a, struct both b)
{
    if (!PyByteArray_Check(a.theirs)) {
        return;
    }
    ouro_loan array = ouro_lend(a.ours);
    size_t n = ouro_bytes_length(array), index = roll(n + 2), before = ouro_sizeof(array);
    uint8_t byte = (uint8_t)roll(256);
    ouro_status status = OURO_OK;

    switch (roll(5)) {
    case 0: {
        PyObject *their_byte = PyLong_FromLong(byte);
        doing("set byte %zu", index);
        status = ouro_bytearray_set(array, index, byte);
        PySequence_SetItem(a.theirs, (Py_ssize_t)index, their_byte);
        Py_DECREF(their_byte);
        break;
    }
    case 1:
        doing("append a byte");
        status = ouro_bytearray_append(array, byte);
        CALL(a.theirs, "append", "i", (int)byte);
        break;
    case 2:
        doing("extend");
        status = ouro_bytearray_extend(array, ouro_lend(b.ours));
        CALL(a.theirs, "extend", "(O)", b.theirs);
        break;
    case 3: {
        size_t wanted = roll(2 * n + 20);
        doing("resize to %zu", wanted);
        status = ouro_bytearray_resize(array, wanted);
        PyByteArray_Resize(a.theirs, (Py_ssize_t)wanted);
        if (wanted > n) {
            memset(PyByteArray_AS_STRING(a.theirs) + n, 0, wanted - n);
        }
        break;
    }
    default:
        doing("clear");
        ouro_bytearray_clear(array);
        CALL(a.theirs, "clear", NULL);
        break;
    }
    ended_alike(status);
    require_same(array, a.theirs);
    /* CPython grows by an eighth, and gives back when less than half is used. */
    size_t room = ouro_sizeof(array) - 40, length = ouro_bytes_length(array);
    if (room < length || (room > 2 * length + 16 && ouro_sizeof(array) != before)) {
        differ("room for %zu of %zu bytes", room, length);
    }
}

static void
begin_bytes(void)
{
    for (size_t i = 0; i < N_POOL; i++) {
        pool[i] = random_bytes();
    }
}

static void
step_some_bytes(void)
{
    static void (*const steps[])(struct both a, struct both b) = {step_bytes, step_bytes_shown,
                                                                  step_bytearray, step_bytearray};
    play_step(steps, sizeof steps / sizeof *steps, random_bytes());
}

int
main(int argc, char **argv)
{
    static const struct script scripts[] = {
        {"texts", 1500000, begin_texts, step_texts, end_pool},
        {"bytes", 800000, begin_bytes, step_some_bytes, end_pool},
    };
    return scripts_main(argc, argv, scripts, 2);
}
