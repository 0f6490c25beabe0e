/* test_tables.c - dicts, sets and frozensets against CPython's: every operation, the order of insertion of dicts, what
 * iterating over a table that changes says, how much memory they take. */
#include "both.h"
#include "walk.h"

#include <stdio.h>
#include <string.h>

#define N_TABLES 6

static struct both tables[N_TABLES], nothing;
static size_t slot; /* the table that this step changes */

static void
begin_tables(bool with_nan, struct both (*make)(void))
{
    values_begin(with_nan);
    nothing = (struct both){ouro_list_new(0), PyList_New(0)}; /* has no hash */
    for (size_t i = 0; i < N_TABLES; i++) {
        tables[i] = make();
    }
}

static void
end_tables(void)
{
    for (size_t i = 0; i < N_TABLES; i++) {
        require_same(ouro_lend(tables[i].ours), tables[i].theirs);
        both_assign(&tables[i], (struct both){NULL, NULL});
    }
    both_assign(&nothing, (struct both){NULL, NULL});
    values_end();
}

/* Most often one of few, so that it is there; at times what has no hash. */
static struct both
some_key(void)
{
    size_t few = roll(4) != 0 ? 12 : N_VALUES;
    return roll(100) != 0 ? values[roll(few)] : nothing;
}

static void
replace_table(struct both stolen)
{
    both_assign(&tables[roll(N_TABLES)], stolen);
}

/* Play one of the steps on one of the tables, which is compared whole at times. */
static void
play_step(void (*const *steps)(struct both table), size_t n_steps)
{
    slot = roll(N_TABLES);
    struct both table = both_incref(tables[slot]);
    steps[roll(n_steps)](table);
    if (roll(4) == 0) {
        require_same(ouro_lend(table.ours), table.theirs);
    }
    both_decref(table);
}

/* ---- iterating ---- */

/* Step an iterator while the table changes: it notices when the number of keys has.  The items of a set come in different
 * orders: how many, and who notices. */
static void
walk_on(bool in_order)
{
    struct both gave;
    ouro_status status;

    if (!walk_next(&status, &gave)) {
        return;
    }
    if (!is_walk_clean && status >= 0 && PyErr_Occurred() == NULL) {
        status =
            OURO_OK; /* others in their places, as many as before: which comes next is anybody's guess */
    } else if (ended_alike(status) && (status == OURO_FOUND) != (gave.theirs != NULL)) {
        differ("only one goes on");
    } else if (in_order && status == OURO_FOUND) {
        require_same(ouro_lend(gave.ours), gave.theirs);
    }
    both_decref(gave);
    if (status != OURO_FOUND) {
        walk_end();
    }
}

/* A change of keys, not of values, in the table that is walked over or another one. */
static void
note_change(void)
{
    is_walk_clean = false;
}

static void
end_walk(void)
{
    walk_end();
    end_tables();
}

/* ---- dicts ---- */

static struct both
new_dict(void)
{
    return (struct both){ouro_dict_new(), PyDict_New()};
}

static void
dict_set(struct both dict)
{
    struct both key = some_key(), value = some_value();
    size_t n = ouro_dict_length(ouro_lend(dict.ours));
    doing("set");
    ouro_status status =
        ouro_dict_set(ouro_lend(dict.ours), ouro_lend(key.ours), ouro_lend(value.ours));
    (void)PyDict_SetItem(dict.theirs, key.theirs, value.theirs);
    ended_alike(status);
    if (ouro_dict_length(ouro_lend(dict.ours)) != n) {
        note_change();
    }
}

static void
dict_get(struct both dict)
{
    struct both key = some_key();
    ouro_ref ours = NULL;

    doing("get");
    ouro_status status = ouro_dict_get(ouro_lend(dict.ours), ouro_lend(key.ours), &ours);
    PyObject *theirs = PyDict_GetItemWithError(dict.theirs, key.theirs);
    Py_XINCREF(theirs);
    gave_same(status, ours, theirs);
    doing("contains");
    said_same(ouro_dict_contains(ouro_lend(dict.ours), ouro_lend(key.ours)),
              PyDict_Contains(dict.theirs, key.theirs));
}

static void
dict_set_default(struct both dict)
{
    struct both key = some_key(), value = some_value();
    size_t n = ouro_dict_length(ouro_lend(dict.ours));
    ouro_ref ours = NULL;

    doing("set_default");
    ouro_status status =
        ouro_dict_set_default(ouro_lend(dict.ours), ouro_lend(key.ours), ouro_lend(value.ours), &ours);
    PyObject *theirs = PyDict_SetDefault(dict.theirs, key.theirs, value.theirs);
    Py_XINCREF(theirs);
    gave_same(status, ours, theirs);
    if (ouro_dict_length(ouro_lend(dict.ours)) != n) {
        note_change();
    }
}

static void
dict_take(struct both dict)
{
    struct both key = some_key();
    ouro_ref ours = NULL;
    bool wants_value = roll(2) != 0;

    doing(wants_value ? "pop" : "delete");
    ouro_status status = wants_value ? ouro_dict_pop(ouro_lend(dict.ours), ouro_lend(key.ours), &ours)
                                     : ouro_dict_delete(ouro_lend(dict.ours), ouro_lend(key.ours));
    if (wants_value) {
        PyObject *theirs = PyObject_CallMethod(dict.theirs, "pop", "(O)", key.theirs);
        /* CPython looks no key up, and asks for no hash, where there is none. */
        if (status == OURO_UNHASHABLE && PyErr_ExceptionMatches(PyExc_KeyError)) {
            PyErr_Clear();
            status = OURO_OK;
        }
        gave_same(status, ours, theirs);
    } else {
        int theirs = PyDict_DelItem(dict.theirs, key.theirs);
        if (ended_alike(status) && theirs != 0) {
            differ("CPython says %d", theirs);
        }
    }
    if (status == OURO_FOUND) {
        note_change();
    }
}

static void
dict_popitem(struct both dict)
{
    ouro_ref key = NULL, value = NULL;

    if (roll(4) != 0) {
        return;
    }
    doing("popitem");
    ouro_status status = ouro_dict_popitem(ouro_lend(dict.ours), &key, &value);
    PyObject *theirs = PyObject_CallMethod(dict.theirs, "popitem", NULL);
    if (ended_alike(status)) {
        require_same(ouro_lend(key), PyTuple_GET_ITEM(theirs, 0));
        require_same(ouro_lend(value), PyTuple_GET_ITEM(theirs, 1));
        ouro_decref(key);
        ouro_decref(value);
        Py_DECREF(theirs);
        note_change();
    }
}

static void
dict_update(struct both dict)
{
    struct both other = roll(10) != 0 ? tables[roll(N_TABLES)] : (struct both){ouro_none(), Py_None};

    doing("update");
    ouro_status status = ouro_dict_update(ouro_lend(dict.ours), ouro_lend(other.ours));
    PyObject *theirs = PyObject_CallMethod(dict.theirs, "update", "(O)", other.theirs);
    ended_alike(status);
    Py_XDECREF(theirs);
    note_change();
}

/* From the items of another one, the last one first. */
static void
dict_update_from_pairs(struct both dict)
{
    struct both other = tables[roll(N_TABLES)], pairs = {NULL, NULL};

    doing("update from pairs");
    if (!keep_same(OURO_OK, ouro_dict_items(ouro_lend(other.ours)), PyDict_Items(other.theirs),
                   &pairs)) {
        differ("no list");
    }
    ouro_list_reverse(ouro_lend(pairs.ours));
    (void)PyList_Reverse(pairs.theirs);
    if (roll(8) == 0) { /* and then no pair */
        ended_alike(ouro_list_append(ouro_lend(pairs.ours), ouro_lend(ouro_none())));
        (void)PyList_Append(pairs.theirs, Py_None);
    }
    ouro_status status = ouro_dict_update(ouro_lend(dict.ours), ouro_lend(pairs.ours));
    PyObject *theirs = PyObject_CallMethod(dict.theirs, "update", "(O)", pairs.theirs);
    if (PyErr_Occurred() &&
        PyErr_ExceptionMatches(
            PyExc_TypeError)) { /* CPython iterates over items: what has none is of the wrong type */
        PyErr_SetString(PyExc_ValueError, "no pair");
    }
    ended_alike(status);
    Py_XDECREF(theirs);
    both_decref(pairs);
    note_change();
}

static void
dict_copy(struct both dict)
{
    struct both copy = {NULL, NULL};
    doing("copy");
    if (keep_same(OURO_OK, ouro_dict_copy(ouro_lend(dict.ours)), PyDict_Copy(dict.theirs), &copy)) {
        replace_table(copy);
    }
}

static void
dict_views(struct both dict)
{
    ouro_loan ours = ouro_lend(dict.ours);
    struct both other = tables[roll(N_TABLES)];

    doing("lists of a dict");
    gave_same(OURO_OK, ouro_dict_keys(ours), PyDict_Keys(dict.theirs));
    gave_same(OURO_OK, ouro_dict_values(ours), PyDict_Values(dict.theirs));
    gave_same(OURO_OK, ouro_dict_items(ours), PyDict_Items(dict.theirs));
    doing("comparing");
    equal_alike(dict, other);
    if (ouro_dict_length(ours) < 10) {
        doing("repr");
        gave_same(OURO_OK, ouro_repr(ours), PyObject_Repr(dict.theirs));
    }
    if (roll(20) == 0) {
        doing("clear");
        ouro_dict_clear(ours);
        PyDict_Clear(dict.theirs);
        note_change();
    }
}

static void
dict_walk(struct both dict)
{
    static ouro_ref (*const begin[])(ouro_loan dict) = {
        ouro_dict_iterate_keys, ouro_dict_iterate_values, ouro_dict_iterate_items};
    static const char *const views[] = {"keys", "values", "items"};
    size_t which = roll(3);

    if (walk.ours != NULL && roll(4) != 0) {
        return;
    }
    PyObject *view = PyObject_CallMethod(dict.theirs, views[which], NULL);
    walk_begin(begin[which](ouro_lend(dict.ours)), PyObject_GetIter(view));
    Py_DECREF(view);
}

static void
begin_dicts(void)
{
    begin_tables(true, new_dict);
}

static void
step_dicts(void)
{
    static void (*const steps[])(struct both dict) = {
        dict_set,         dict_set,   dict_set,     dict_set,    dict_get,
        dict_set_default, dict_take,  dict_popitem, dict_update, dict_update_from_pairs,
        dict_copy,        dict_views, dict_walk,    dict_take,
    };
    play_step(steps, sizeof steps / sizeof *steps);
    walk_on(true);
}

/* ---- large ones ---- */

static int64_t next_number, first_number;

static void
begin_large(void)
{
    begin_tables(false, new_dict);
    next_number = first_number = 0;
}

/* Thousands of keys, in the order in which they come, from the front, the back and the middle they go. */
static void
step_large(void)
{
    struct both dict = tables[0];
    size_t n = ouro_dict_length(ouro_lend(dict.ours));
    int64_t number = (n < 6000 && roll(5) != 0) || n < 10 ? next_number++ : -1;

    if (number >= 0) {
        struct both key = both_int(number * 7 + 2);
        doing("set %lld", (long long)number);
        ended_alike(ouro_dict_set(ouro_lend(dict.ours), ouro_lend(key.ours), ouro_lend(key.ours)));
        (void)PyDict_SetItem(dict.theirs, key.theirs, key.theirs);
        both_decref(key);
    } else {
        number = roll(3) == 0 ? first_number++
                              : first_number + (int64_t)roll((size_t)(next_number - first_number));
        struct both key = both_int(number * 7 + 2);
        doing("delete %lld", (long long)number);
        ouro_status status = ouro_dict_delete(ouro_lend(dict.ours), ouro_lend(key.ours));
        (void)PyDict_DelItem(dict.theirs, key.theirs);
        ended_alike(status);
        both_decref(key);
    }
    if (roll(3000) == 0) {
        require_same(ouro_lend(dict.ours), dict.theirs);
    }
    if (n >= 6000 && roll(2000) == 0) {
        for (size_t i = 0; i < 5900; i++) {
            dict_popitem(dict);
        }
    }
}

/* ---- how they grow ---- */

/* Not beyond what CPython takes, its collector's head included. */
static void
require_size_in_bounds(struct both table)
{
    PyObject *size = PyObject_CallMethod(table.theirs, "__sizeof__", NULL);
    size_t most = PyLong_AsSize_t(size) + 16, ours = ouro_sizeof(ouro_lend(table.ours));
    Py_DECREF(size);
    if (ours > most) {
        differ("%zd keys take %zu bytes, CPython's %zu", PyObject_Size(table.theirs), ours, most);
    }
}

static struct both growing_set;

static struct both new_set(void);

static void
begin_growing(void)
{
    begin_tables(false, new_dict);
    growing_set = new_set();
    next_number = 0;
}

/* One more key, until there are some thousands; then from the beginning. */
static void
step_growing(void)
{
    struct both key = both_int(next_number++ * 3 + 2);

    doing("key %lld", (long long)next_number);
    ended_alike(ouro_dict_set(ouro_lend(tables[0].ours), ouro_lend(key.ours), ouro_lend(key.ours)));
    (void)PyDict_SetItem(tables[0].theirs, key.theirs, key.theirs);
    if (next_number !=
        21) { /* the last for which CPython has 32 slots; the next one needs 64, as Ouro's does */
        require_size_in_bounds(tables[0]);
    }
    doing("item %lld", (long long)next_number);
    ended_alike(ouro_set_add(ouro_lend(growing_set.ours), ouro_lend(key.ours)));
    (void)PySet_Add(growing_set.theirs, key.theirs);
    require_size_in_bounds(growing_set);
    both_decref(key);
    if (roll(next_number < 200 ? 100 : 20000) == 0) {
        both_assign(&tables[0], new_dict());
        both_assign(&growing_set, new_set());
        next_number = 0;
    }
}

static void
end_growing(void)
{
    both_assign(&growing_set, (struct both){NULL, NULL});
    end_walk();
}

/* ---- sets ---- */

static struct both
new_set(void)
{
    return (struct both){ouro_set_new(), PySet_New(NULL)};
}

static bool
is_frozen(struct both set)
{
    return PyFrozenSet_CheckExact(set.theirs) != 0;
}

static void
set_add(struct both set)
{
    struct both item = some_key();
    ouro_loan ours = ouro_lend(set.ours), added = ouro_lend(item.ours);

    if (is_frozen(set)) {
        doing("add to a frozenset");
        if (ouro_set_add(ours, added) != OURO_WRONG_TYPE ||
            ouro_set_discard(ours, added) != OURO_WRONG_TYPE) {
            differ("it can be changed");
        }
        return;
    }
    doing("add");
    int theirs = PySet_Contains(set.theirs, item.theirs);
    if (theirs >= 0) {
        (void)PySet_Add(set.theirs, item.theirs);
    }
    ouro_status status = ouro_set_add(ours, added);
    said_same(status, theirs);
    if (status == OURO_OK) {
        note_change();
    }
}

static void
set_take(struct both set)
{
    struct both item = some_key();
    ouro_ref ours = NULL;

    doing("contains");
    said_same(ouro_set_contains(ouro_lend(set.ours), ouro_lend(item.ours)),
              PySet_Contains(set.theirs, item.theirs));
    if (is_frozen(set)) {
        return;
    }
    if (roll(4) != 0) {
        doing("discard");
        ouro_status status = ouro_set_discard(ouro_lend(set.ours), ouro_lend(item.ours));
        said_same(status, PySet_Discard(set.theirs, item.theirs));
        if (status == OURO_FOUND) {
            note_change();
        }
        return;
    }
    doing("pop"); /* which one is not said */
    ouro_status status = ouro_set_pop(ouro_lend(set.ours), &ours);
    if (status == OURO_FOUND) {
        PyObject *theirs = as_theirs(ouro_lend(ours));
        said_same(OURO_FOUND, PySet_Discard(set.theirs, theirs));
        Py_DECREF(theirs);
        ouro_decref(ours);
        note_change();
    } else if (status != OURO_OK || PySet_Size(set.theirs) != 0) {
        differ("nothing to pop");
    }
}

static const struct {
    const char *name;
    ouro_status (*ours)(ouro_loan set, ouro_loan other, ouro_ref *result);
} of_two[] = {
    {"union", ouro_set_union},
    {"intersection", ouro_set_intersection},
    {"difference", ouro_set_difference},
    {"symmetric_difference", ouro_set_symmetric_difference},
};

static const struct {
    const char *name;
    ouro_status (*ours)(ouro_loan set, ouro_loan other);
} questions[] = {
    {"issubset", ouro_set_is_subset},
    {"issuperset", ouro_set_is_superset},
    {"isdisjoint", ouro_set_is_disjoint},
};

static void
set_of_two(struct both set)
{
    struct both other = roll(12) != 0 ? tables[roll(N_TABLES)] : (struct both){ouro_none(), Py_None};
    struct both result = {NULL, NULL}, held = both_incref(other); /* a result may take its place */
    ouro_ref ours = NULL;
    size_t which = roll(4);

    doing("%s", of_two[which].name);
    ouro_status status = of_two[which].ours(ouro_lend(set.ours), ouro_lend(other.ours), &ours);
    PyObject *theirs = PyObject_CallMethod(set.theirs, of_two[which].name, "(O)", other.theirs);
    if (keep_same(status, ours, theirs, &result)) {
        replace_table(result);
    }
    which = roll(3);
    doing("%s", questions[which].name);
    status = questions[which].ours(ouro_lend(set.ours), ouro_lend(other.ours));
    theirs = PyObject_CallMethod(set.theirs, questions[which].name, "(O)", other.theirs);
    said_same(status, theirs == Py_True);
    Py_XDECREF(theirs);
    both_decref(held);
}

static void
set_update(struct both set)
{
    struct both other = tables[roll(N_TABLES)];
    if (is_frozen(set)) {
        return;
    }
    doing("update");
    ouro_status status = ouro_set_update(ouro_lend(set.ours), ouro_lend(other.ours));
    PyObject *theirs = PyObject_CallMethod(set.theirs, "update", "(O)", other.theirs);
    ended_alike(status);
    Py_XDECREF(theirs);
    note_change();
    if (roll(20) == 0) {
        doing("clear");
        if (ouro_set_clear(ouro_lend(set.ours)) != OURO_OK || PySet_Clear(set.theirs) != 0) {
            differ("not cleared");
        }
    }
}

static void
set_copy(struct both set)
{
    struct both copy = {NULL, NULL};
    ouro_ref ours = NULL;

    doing("copy");
    if (roll(2) != 0) {
        ours = ouro_set_copy(ouro_lend(set.ours));
        PyObject *theirs = PyObject_CallMethod(set.theirs, "copy", NULL);
        keep_same(OURO_OK, ours, theirs, &copy);
    } else {
        bool is_empty = roll(8) == 0;
        ouro_status status = ouro_frozenset_new(is_empty ? NULL : ouro_lend(set.ours), &ours);
        keep_same(status, ours, PyFrozenSet_New(is_empty ? NULL : set.theirs), &copy);
    }
    replace_table(copy);
}

static void
set_compare(struct both set)
{
    doing("comparing");
    equal_alike(set, tables[roll(N_TABLES)]);
}

static void
set_walk(struct both set)
{
    ouro_ref ours = NULL;
    if (walk.ours == NULL || roll(4) == 0) {
        ended_alike(ouro_iterate(ouro_lend(set.ours), &ours));
        walk_begin(ours, PyObject_GetIter(set.theirs));
    }
}

static void
begin_sets(void)
{
    begin_tables(false, new_set);
}

static void
step_sets(void)
{
    static void (*const steps[])(struct both set) = {
        set_add,    set_add,    set_add,  set_add,     set_take, set_take,
        set_of_two, set_update, set_copy, set_compare, set_walk,
    };
    play_step(steps, sizeof steps / sizeof *steps);
    walk_on(false);
    if (roll(30) == 0) {
        replace_table(new_set());
    }
}

int
main(int argc, char **argv)
{
    static const struct script scripts[] = {
        {"dicts", 1000000, begin_dicts, step_dicts, end_walk},
        {"large dicts", 1000000, begin_large, step_large, end_walk},
        {"growing tables", 400000, begin_growing, step_growing, end_growing},
        {"sets", 600000, begin_sets, step_sets, end_walk},
    };
    return scripts_main(argc, argv, scripts, 4);
}
