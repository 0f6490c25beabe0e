/* values.c - objects, as both have them: see both.h. */
#include "both.h"

struct both values[N_VALUES];

static struct both
made(ouro_ref ours, PyObject *theirs)
{
    if (ours == NULL || theirs == NULL) {
        differ("no memory");
    }
    return (struct both){ours, theirs};
}

struct both
both_int(int64_t value)
{
    return made(ouro_int_new(value), PyLong_FromLongLong(value));
}

struct both
both_float(double value)
{
    return made(ouro_float_new(value), PyFloat_FromDouble(value));
}

struct both
both_str(const uint32_t *characters, size_t n)
{
    ouro_ref ours = NULL;
    if (ouro_str_from_characters(characters, n, &ours, NULL) != OURO_OK) {
        differ("no text");
    }
    return made(ours, PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, characters, (Py_ssize_t)n));
}

struct both
both_bytes(const void *data, size_t n)
{
    return made(ouro_bytes_new(data, n), PyBytes_FromStringAndSize(data, (Py_ssize_t)n));
}

struct both
both_tuple(const struct both *items, size_t n)
{
    ouro_ref ours = ouro_tuple_new(n, NULL);
    PyObject *theirs = PyTuple_New((Py_ssize_t)n);
    for (size_t i = 0; i < n; i++) {
        struct both item = both_incref(items[i]);
        ouro_tuple_fill(ouro_lend(ours), i, item.ours);
        PyTuple_SET_ITEM(theirs, (Py_ssize_t)i, item.theirs);
    }
    return made(ours, theirs);
}

static struct both
both_frozenset(const struct both *items, size_t n)
{
    ouro_ref set = ouro_set_new(), ours = NULL;
    PyObject *theirs = PyFrozenSet_New(NULL);
    for (size_t i = 0; i < n; i++) {
        if (ouro_set_add(ouro_lend(set), ouro_lend(items[i].ours)) < 0 ||
            PySet_Add(theirs, items[i].theirs) != 0) {
            differ("no memory");
        }
    }
    if (ouro_frozenset_new(ouro_lend(set), &ours) != OURO_OK) {
        differ("no memory");
    }
    ouro_decref(set);
    return made(ours, theirs);
}

struct both
random_str(size_t most)
{
    static const uint32_t odd[] = {'\'', '"',  '\\', '\t',  '\n',   0,      0x7F,    0x80,    0xA0,
                                   0xAD, 0xE9, 0xFF, 0x100, 0x3A9,  0x2028, 0xD7FF,  0xE000,  0xFFFE,
                                   '%',  ' ',  '{',  '0',   0xFFFD, 0xFFFF, 0x10000, 0x1F40D, 0x10FFFF};
    uint32_t characters[512];
    size_t n = roll(4) != 0 ? roll(most < 8 ? most + 1 : 8) : roll(most + 1);
    unsigned oddness = (unsigned)roll(4); /* 0: of two letters */
    size_t n_odd = roll(sizeof odd / sizeof *odd) + 1;

    for (size_t i = 0; i < n; i++) {
        bool is_odd = oddness != 0 && roll(16) < oddness * oddness;
        characters[i] = !is_odd                        ? 'a' + (uint32_t)roll(2)
                        : oddness == 3 && roll(4) == 0 ? (uint32_t)roll(0xD800)
                                                       : odd[roll(n_odd)];
    }
    return both_str(characters, n);
}

static double
random_double(void)
{
    static const double known[] = {0.5,    -0.5,  2,       -2,  1e16, 1e-5, 123456789, 0x1p63, -0x1p63,
                                   0x1p64, 1e300, -1e-300, 0.1, 2.5,  3.0,  1e22,      1e23};
    return known[roll(sizeof known / sizeof *known)];
}

struct both
random_value(unsigned depth)
{
    int64_t number = (int64_t)roll(roll(2) != 0 ? 12 : 4000) - 8;
    struct both items[4];
    size_t n = roll(4);

    switch (roll(depth == 0 ? 6 : 8)) {
    case 0:
        return both_float(roll(2) != 0 ? (double)number : random_double());
    case 1:
        return random_str(40);
    case 2:
        return both_bytes("\0a'b\"\\\xFFzzzz", roll(9));
    case 3:
        return roll(2) != 0
                   ? both_incref((struct both){ouro_none(), Py_None})
                   : both_incref((struct both){ouro_bool(number & 1), number & 1 ? Py_True : Py_False});
    case 6:
    case 7: {
        for (size_t i = 0; i < n; i++) {
            items[i] = random_value(depth - 1);
        }
        struct both made_of =
            roll(3) != 0 ? both_tuple(items, n) : both_frozenset(items, n != 0); /* orders differ */
        for (size_t i = 0; i < n; i++) {
            both_decref(items[i]);
        }
        return made_of;
    }
    default:
        return both_int(roll(8) != 0 ? number : (int64_t)((uint64_t)number * 0x123456789ABCDE));
    }
}

void
values_begin(bool with_nan)
{
    for (size_t i = 0; i < N_VALUES; i++) {
        values[i] = i == 0 && with_nan ? both_float(nan("")) : random_value(2);
    }
}

void
values_end(void)
{
    for (size_t i = 0; i < N_VALUES; i++) {
        both_assign(&values[i], (struct both){NULL, NULL});
    }
}
