/* both.c - see both.h. */
#include "both.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"

struct test_random dice;

/* ---- messages ---- */

static struct {
    const char *script;
    uint64_t seed, step;
    char doing[512];
} now;

void
doing(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(now.doing, sizeof now.doing, format, arguments);
    va_end(arguments);
}

void
differ(const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "%s, seed %llu, step %llu, %s: ", now.script, (unsigned long long)now.seed,
            (unsigned long long)now.step, now.doing);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}

static void
differ_by_repr(ouro_loan ours, PyObject *theirs)
{
    ouro_ref our_repr = ouro_repr(ours);
    PyObject *their_repr = PyObject_Repr(theirs);
    char text[4096] = "";
    if (our_repr != NULL) {
        ouro_str_encode(ouro_lend(our_repr), text, sizeof text);
    }
    differ("Ouro has %s %s, CPython %s %s", ouro_type_name(ouro_type_of(ours)), text,
           Py_TYPE(theirs)->tp_name, their_repr != NULL ? PyUnicode_AsUTF8(their_repr) : "");
}

/* ---- what is the same ---- */

static bool
is_same_int(ouro_loan ours, PyObject *theirs)
{
    int overflow;
    int64_t small = 0;
    long long value = PyLong_AsLongLongAndOverflow(theirs, &overflow);
    ouro_status status = ouro_int_to_int64(ours, &small);

    if (overflow == 0 || status == OURO_OK) {
        return overflow == 0 && status == OURO_OK && small == value;
    }
    ouro_ref digits = NULL;
    PyObject *their_digits = PyNumber_ToBase(theirs, 16);
    bool is_same = their_digits != NULL && ouro_int_to_text(ours, 16, &digits) == OURO_OK;
    if (is_same) {
        const char *a = ouro_str_ascii_borrow(ouro_lend(digits)), *b = PyUnicode_AsUTF8(their_digits);
        is_same = (*a == '-') == (*b == '-') && strcmp(a + (*a == '-'), b + (*b == '-') + 2) == 0;
    }
    Py_XDECREF(their_digits);
    ouro_xdecref(digits);
    return is_same;
}

static bool
is_same_str(ouro_loan ours, PyObject *theirs)
{
    size_t n = ouro_str_length(ours);
    if ((Py_ssize_t)n != PyUnicode_GET_LENGTH(theirs) ||
        (n != 0 && ouro_str_width(ours) != (unsigned)PyUnicode_KIND(theirs)) ||
        (ouro_str_ascii_borrow(ours) != NULL) != (PyUnicode_IS_ASCII(theirs) != 0)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (ouro_str_get(ours, i) != PyUnicode_READ_CHAR(theirs, (Py_ssize_t)i)) {
            return false;
        }
    }
    return ouro_str_get(ours, n) == UINT32_MAX;
}

static bool
is_same_bytes(ouro_loan ours, const char *data, Py_ssize_t n)
{
    return ouro_bytes_length(ours) == (size_t)n &&
           (n == 0 || memcmp(ouro_bytes_borrow(ours), data, (size_t)n) == 0);
}

/* In the same order. */
static bool
is_same_dict(ouro_loan ours, PyObject *theirs)
{
    Py_ssize_t their_position = 0;
    size_t position = 0;
    PyObject *their_key, *their_value;
    ouro_ref key = NULL, value = NULL;

    if (ouro_dict_length(ours) != (size_t)PyDict_Size(theirs)) {
        return false;
    }
    while (PyDict_Next(theirs, &their_position, &their_key, &their_value)) {
        if (!ouro_dict_next(ours, &position, &key, &value)) {
            return false;
        }
        require_same(ouro_lend(key), their_key);
        require_same(ouro_lend(value), their_value);
        ouro_decref(key);
        ouro_decref(value);
    }
    return !ouro_dict_next(ours, &position, &key, &value);
}

PyObject *
as_theirs(ouro_loan ours)
{
    if (ouro_is_int(ours)) {
        ouro_ref digits = NULL;
        PyObject *number = NULL;
        if (ouro_int_to_text(ours, 16, &digits) == OURO_OK) {
            number = PyLong_FromString(ouro_str_ascii_borrow(ouro_lend(digits)), NULL, 16);
        }
        ouro_xdecref(digits);
        return number;
    }
    if (ouro_is_a(ours, ouro_float_type())) {
        return PyFloat_FromDouble(ouro_float_value(ours));
    }
    if (ouro_is_str(ours)) {
        size_t n = ouro_str_encode(ours, NULL, 0);
        char *utf8 = malloc(n + 1);
        if (utf8 == NULL) {
            return NULL;
        }
        ouro_str_encode(ours, utf8, n + 1);
        PyObject *text = PyUnicode_DecodeUTF8(utf8, (Py_ssize_t)n, NULL);
        free(utf8);
        return text;
    }
    if (ouro_is_a(ours, ouro_bytes_type())) {
        return PyBytes_FromStringAndSize((const char *)ouro_bytes_borrow(ours),
                                         (Py_ssize_t)ouro_bytes_length(ours));
    }
    if (ouro_is_a(ours, ouro_tuple_type())) {
        PyObject *tuple = PyTuple_New((Py_ssize_t)ouro_tuple_length(ours));
        for (size_t i = 0; i < ouro_tuple_length(ours); i++) {
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, as_theirs(ouro_tuple_get_borrow(ours, i)));
        }
        return tuple;
    }
    if (ouro_is_a(ours, ouro_frozenset_type())) {
        PyObject *set = PyFrozenSet_New(NULL);
        ouro_ref item = NULL;
        for (size_t position = 0; ouro_set_next(ours, &position, &item);) {
            PyObject *theirs = as_theirs(ouro_lend(item));
            PySet_Add(set, theirs);
            Py_DECREF(theirs);
            ouro_decref(item);
        }
        return set;
    }
    PyObject *known = ours == ouro_lend(ouro_none())       ? Py_None
                      : ours == ouro_lend(ouro_bool(true)) ? Py_True
                                                           : Py_False;
    Py_INCREF(known);
    return known;
}

static bool
is_same_set(ouro_loan ours, PyObject *theirs)
{
    size_t n = 0;
    ouro_ref item = NULL;

    if (ouro_set_length(ours) != (size_t)PySet_Size(theirs)) {
        return false;
    }
    for (size_t position = 0; ouro_set_next(ours, &position, &item); n++) {
        PyObject *same = as_theirs(ouro_lend(item));
        bool is_in = same != NULL && PySet_Contains(theirs, same) == 1;
        Py_XDECREF(same);
        ouro_decref(item);
        if (!is_in) {
            return false;
        }
    }
    return n == ouro_set_length(ours);
}

static bool
is_same_list(ouro_loan ours, PyObject *theirs)
{
    size_t n = ouro_list_length(ours);
    if (n != (size_t)PyList_GET_SIZE(theirs) || ouro_list_get_borrow(ours, n) != NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        require_same(ouro_list_get_borrow(ours, i), PyList_GET_ITEM(theirs, (Py_ssize_t)i));
    }
    return true;
}

static bool
is_same_tuple(ouro_loan ours, PyObject *theirs)
{
    size_t n = ouro_tuple_length(ours);
    if (n != (size_t)PyTuple_GET_SIZE(theirs) || ouro_tuple_get_borrow(ours, n) != NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        require_same(ouro_tuple_get_borrow(ours, i), PyTuple_GET_ITEM(theirs, (Py_ssize_t)i));
    }
    return true;
}

static bool
is_same_float(ouro_loan ours, PyObject *theirs)
{
    double a = ouro_float_value(ours), b = PyFloat_AS_DOUBLE(theirs);
    uint64_t bits, their_bits;
    memcpy(&bits, &a, sizeof a);
    memcpy(&their_bits, &b, sizeof b);
    return bits == their_bits;
}

void
require_same(ouro_loan ours, PyObject *theirs)
{
    ouro_loan type = ouro_type_of(ours);
    PyTypeObject *their_type = Py_TYPE(theirs);
    bool is_same = false;

    if (type == ouro_int_type()) {
        is_same = their_type == &PyLong_Type && is_same_int(ours, theirs);
    } else if (type == ouro_float_type()) {
        is_same = their_type == &PyFloat_Type && is_same_float(ours, theirs);
    } else if (type == ouro_str_type()) {
        is_same = their_type == &PyUnicode_Type && is_same_str(ours, theirs);
    } else if (type == ouro_bytes_type()) {
        is_same = their_type == &PyBytes_Type &&
                  is_same_bytes(ours, PyBytes_AS_STRING(theirs), PyBytes_GET_SIZE(theirs));
    } else if (type == ouro_bytearray_type()) {
        is_same = their_type == &PyByteArray_Type &&
                  is_same_bytes(ours, PyByteArray_AS_STRING(theirs), PyByteArray_GET_SIZE(theirs));
    } else if (type == ouro_list_type()) {
        is_same = their_type == &PyList_Type && is_same_list(ours, theirs);
    } else if (type == ouro_tuple_type()) {
        is_same = their_type == &PyTuple_Type && is_same_tuple(ours, theirs);
    } else if (type == ouro_dict_type()) {
        is_same = their_type == &PyDict_Type && is_same_dict(ours, theirs);
    } else if (type == ouro_set_type()) {
        is_same = their_type == &PySet_Type && is_same_set(ours, theirs);
    } else if (type == ouro_frozenset_type()) {
        is_same = their_type == &PyFrozenSet_Type && is_same_set(ours, theirs);
    } else {
        is_same = theirs == (ouro_look(ours) == ouro_none()       ? Py_None
                             : ouro_look(ours) == ouro_bool(true) ? Py_True
                                                                  : Py_False);
    }
    if (!is_same) {
        differ_by_repr(ours, theirs);
    }
}

/* ---- how they ended ---- */

/* What CPython's exception means here; forgets it. */
static ouro_status
status_of_exception(char *text, size_t size)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *message = PyObject_Str(value);
    snprintf(text, size, "%s: %s", ((PyTypeObject *)type)->tp_name, PyUnicode_AsUTF8(message));
    ouro_status status = PyErr_GivenExceptionMatches(type, PyExc_KeyError)            ? OURO_OK
                         : PyErr_GivenExceptionMatches(type, PyExc_LookupError)       ? OURO_WRONG_VALUE
                         : PyErr_GivenExceptionMatches(type, PyExc_ValueError)        ? OURO_WRONG_VALUE
                         : PyErr_GivenExceptionMatches(type, PyExc_ZeroDivisionError) ? OURO_WRONG_VALUE
                         : PyErr_GivenExceptionMatches(type, PyExc_OverflowError)     ? OURO_TOO_LARGE
                         : PyErr_GivenExceptionMatches(type, PyExc_RuntimeError)      ? OURO_CHANGED
                         : strstr(text, "unhashable") != NULL                         ? OURO_UNHASHABLE
                         : PyErr_GivenExceptionMatches(type, PyExc_TypeError)         ? OURO_WRONG_TYPE
                                                                                      : OURO_FAILED;
    Py_DECREF(message);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return status;
}

bool
ended_alike(ouro_status status)
{
    char text[256] = "no exception";
    if (PyErr_Occurred() == NULL) {
        if (status < 0) {
            differ("Ouro fails: %s; CPython does not", ouro_status_text(status));
        }
        return true;
    }
    ouro_status wanted = status_of_exception(text, sizeof text);
    if (status != wanted) {
        differ("Ouro ends with \"%s\" (%d), CPython with %s", ouro_status_text(status), status, text);
    }
    return false;
}

bool
keep_same(ouro_status status, ouro_ref ours, PyObject *theirs, struct both *kept)
{
    if (!ended_alike(status)) {
        if (ours != NULL) {
            differ("Ouro fails and gives something");
        }
        return false;
    }
    if ((ours == NULL) != (theirs == NULL)) {
        differ("%s gives nothing", ours == NULL ? "Ouro" : "CPython");
    }
    if (ours == NULL) {
        return false;
    }
    require_same(ouro_lend(ours), theirs);
    both_assign(kept, (struct both){ours, theirs});
    return true;
}

void
gave_same(ouro_status status, ouro_ref ours, PyObject *theirs)
{
    struct both kept = {NULL, NULL};
    if (keep_same(status, ours, theirs, &kept)) {
        both_decref(kept);
    }
}

void
said_same(ouro_status status, long theirs)
{
    if (ended_alike(status) && (long)status != theirs) {
        differ("Ouro says %d, CPython %ld", status, theirs);
    }
}

static bool
hash_alike(struct both both, uint64_t *hash)
{
    ouro_status status = ouro_hash(ouro_lend(both.ours), hash);
    (void)PyObject_Hash(both.theirs);
    return ended_alike(status);
}

void
equal_alike(struct both a, struct both b)
{
    uint64_t hash = 0, other = 0;
    int are_equal = PyObject_RichCompareBool(a.theirs, b.theirs, Py_EQ);

    said_same(ouro_equal(ouro_lend(a.ours), ouro_lend(b.ours)), are_equal);
    bool have_hashes = hash_alike(a, &hash);
    have_hashes &= hash_alike(b, &other);
    if (have_hashes && are_equal == 1 && hash != other) {
        differ("equal, with other hashes");
    }
}

void
found_same(size_t ours, Py_ssize_t theirs)
{
    if (ended_alike(OURO_OK) && (Py_ssize_t)ours != theirs) {
        differ("Ouro finds %zd, CPython %zd", (Py_ssize_t)ours, theirs);
    }
}

struct both
both_incref(struct both both)
{
    Py_INCREF(both.theirs);
    return (struct both){ouro_incref(ouro_lend(both.ours)), both.theirs};
}

void
both_decref(struct both both)
{
    ouro_xdecref(both.ours);
    Py_XDECREF(both.theirs);
}

void
both_assign(struct both *variable, struct both stolen)
{
    struct both before = *variable;
    *variable = stolen;
    both_decref(before);
}

/* ---- playing ---- */

/* A Python that is nothing but its objects: no files read, no settings of the person's. */
static void
python_begin(const char *program)
{
    PyPreConfig before;
    PyConfig config;

    PyPreConfig_InitIsolatedConfig(&before);
    before.utf8_mode = 1;
    before.allocator = TEST_ADDRESS_SANITIZED ? PYMEM_ALLOCATOR_MALLOC : PYMEM_ALLOCATOR_DEFAULT;
    PyStatus status = Py_PreInitialize(&before);
    if (!PyStatus_Exception(status)) {
        PyConfig_InitIsolatedConfig(&config);
        config.site_import = 0;
        status = Py_InitializeFromConfig(&config);
        PyConfig_Clear(&config);
    }
    if (PyStatus_Exception(status)) {
        fprintf(stderr, "%s: CPython does not begin: %s\n", program, status.err_msg);
        exit(1);
    }
}

static void
play(const struct script *script, uint64_t seed, uint64_t n_steps)
{
    now.script = script->name;
    now.seed = seed;
    dice.state = seed * UINT64_C(0x2545F4914F6CDD1D);
    doing("the beginning");
    script->begin();
    for (now.step = 0; now.step < n_steps; now.step++) {
        script->step();
    }
    doing("the end");
    script->end();
}

int
scripts_main(int argc, char **argv, const struct script *scripts, size_t n_scripts)
{
    const uint64_t n_seeds = 4;
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : test_seed(1);

    python_begin(argv[0]);
    if (ouro_init(NULL) != OURO_OK) {
        fprintf(stderr, "%s: no memory to begin with\n", argv[0]);
        return 1;
    }
    for (size_t i = 0; i < n_scripts; i++) {
        uint64_t n_steps = test_count("OURO_DIFFERENTIAL_STEPS", scripts[i].n_steps / n_seeds);
        uint64_t last = argc > 1 ? seed : seed + n_seeds - 1;
        for (uint64_t each = seed; each <= last; each++) {
            play(&scripts[i], each, n_steps);
        }
        printf("%s: seeds %llu to %llu, %llu operations each: the same as CPython %s\n",
               scripts[i].name, (unsigned long long)seed, (unsigned long long)last,
               (unsigned long long)n_steps, PY_VERSION);
    }
    return 0;
}
