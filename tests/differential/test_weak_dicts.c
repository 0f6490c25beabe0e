/* test_weak_dicts.c - weak-value and weak-key dicts against CPython's: every operation, the order of insertion, which of equal keys
 * stays, and what is left when things die, in between and while somebody iterates. */
#include "things.h"

/* Their keys are weak, not their values. */
static bool has_weak_keys;

/* ---- comparing ---- */

/* What is weak is the same thing, not an equal one. */
static void
require_same_part(bool is_weak, ouro_loan ours, PyObject *theirs)
{
    if (!is_weak) {
        require_same(ours, theirs);
    } else if (things[which_thing(ours)].theirs != theirs) {
        differ("thing %zu is there, CPython has another", which_thing(ours));
    }
}

/* Both gave a part of an entry, or failed alike, or there is none. */
static void
gave_same_part(bool is_weak, ouro_status status, ouro_ref ours, PyObject *theirs)
{
    if (ended_alike(status)) {
        if (ours == NULL || theirs == NULL) {
            differ("%s gives nothing", ours == NULL ? "Ouro" : "CPython");
        }
        require_same_part(is_weak, ouro_lend(ours), theirs);
    } else if (ours != NULL) {
        differ("Ouro gives something");
    }
    ouro_xdecref(ours);
    Py_XDECREF(theirs);
}

static void
require_same_pair(ouro_loan ours, PyObject *theirs)
{
    require_same_part(has_weak_keys, ouro_tuple_get_borrow(ours, 0), PyTuple_GET_ITEM(theirs, 0));
    require_same_part(!has_weak_keys, ouro_tuple_get_borrow(ours, 1), PyTuple_GET_ITEM(theirs, 1));
}

/* The same entries in the same order; `theirs` gives pairs, and is stolen. */
static void
require_same_pairs(ouro_ref iterator, PyObject *theirs)
{
    PyObject *pairs = theirs != NULL ? PySequence_List(theirs) : NULL;
    Py_ssize_t i = 0;
    ouro_ref item = NULL;

    ended_alike(OURO_OK);
    if (pairs == NULL) {
        differ("CPython gives no pairs");
    }
    for (; ouro_next(ouro_lend(iterator), &item) == OURO_FOUND; i++) {
        if (i == PyList_GET_SIZE(pairs)) {
            differ("CPython has no more than %zd entries", i);
        }
        require_same_pair(ouro_lend(item), PyList_GET_ITEM(pairs, i));
        ouro_decref(item);
    }
    found_same((size_t)i, PyList_GET_SIZE(pairs));
    ouro_decref(iterator);
    Py_DECREF(pairs);
    Py_DECREF(theirs);
}

static void
require_same_dict(struct both dict)
{
    require_same_pairs(ouro_weakdict_iterate_items(ouro_lend(dict.ours)),
                       PyObject_CallMethod(dict.theirs, "items", NULL));
    found_same(ouro_weakdict_length(ouro_lend(dict.ours)), PyObject_Size(dict.theirs));
}

/* ---- dicts ---- */

static struct both
new_dict(void)
{
    return (struct both){
        has_weak_keys ? ouro_weakkeydict_new() : ouro_weakvaluedict_new(),
        call_named(has_weak_keys ? "WeakKeyDictionary" : "WeakValueDictionary", NULL, NULL)};
}

/* What is not weak: of few, so that it is there often; at times what has no hash. */
static struct both
some_key(void)
{
    return has_weak_keys ? some_thing() : roll(100) != 0 ? values[roll(16)] : nothing;
}

static struct both
some_content(void)
{
    return has_weak_keys ? some_value() : some_thing();
}

static void
dict_set(struct both dict)
{
    struct both key = some_key(), value = some_content();
    doing("set");
    ouro_status status =
        ouro_weakdict_set(ouro_lend(dict.ours), ouro_lend(key.ours), ouro_lend(value.ours));
    (void)PyObject_SetItem(dict.theirs, key.theirs, value.theirs);
    ended_alike(status);
}

static void
dict_get(struct both dict)
{
    struct both key = some_key();
    ouro_ref ours = NULL;

    doing("get");
    ouro_status status = ouro_weakdict_get(ouro_lend(dict.ours), ouro_lend(key.ours), &ours);
    gave_same_part(!has_weak_keys, status, ours, PyObject_GetItem(dict.theirs, key.theirs));
    doing("contains");
    said_same(ouro_weakdict_contains(ouro_lend(dict.ours), ouro_lend(key.ours)),
              PySequence_Contains(dict.theirs, key.theirs));
}

static void
dict_set_default(struct both dict)
{
    struct both key = some_key(), value = some_content();
    ouro_ref ours = NULL;

    doing("set_default");
    ouro_status status = ouro_weakdict_set_default(ouro_lend(dict.ours), ouro_lend(key.ours),
                                                   ouro_lend(value.ours), &ours);
    gave_same_part(!has_weak_keys, status, ours,
                   PyObject_CallMethod(dict.theirs, "setdefault", "OO", key.theirs, value.theirs));
}

static void
dict_take(struct both dict)
{
    struct both key = some_key();
    ouro_ref ours = NULL;

    if (key.ours == nothing.ours) {
        return; /* CPython looks no key up, and asks for no hash, where there is none */
    }
    if (roll(2) != 0) {
        doing("pop");
        ouro_status status = ouro_weakdict_pop(ouro_lend(dict.ours), ouro_lend(key.ours), &ours);
        gave_same_part(!has_weak_keys, status, ours,
                       PyObject_CallMethod(dict.theirs, "pop", "(O)", key.theirs));
    } else {
        doing("delete");
        ouro_status status = ouro_weakdict_delete(ouro_lend(dict.ours), ouro_lend(key.ours));
        bool is_there = PyObject_DelItem(dict.theirs, key.theirs) == 0;
        if (ended_alike(status) && !is_there) {
            differ("CPython takes nothing out");
        }
    }
}

static void
dict_popitem(struct both dict)
{
    ouro_ref key = NULL, value = NULL;

    if (roll(4) == 0) {
        doing("popitem");
        ouro_status status = ouro_weakdict_popitem(ouro_lend(dict.ours), &key, &value);
        PyObject *theirs = PyObject_CallMethod(dict.theirs, "popitem", NULL);
        if (ended_alike(status)) {
            require_same_part(has_weak_keys, ouro_lend(key), PyTuple_GET_ITEM(theirs, 0));
            require_same_part(!has_weak_keys, ouro_lend(value), PyTuple_GET_ITEM(theirs, 1));
        }
        ouro_xdecref(key);
        ouro_xdecref(value);
        Py_XDECREF(theirs);
    }
}

/* The ordinary dict of what lives, or a list of its pairs. */
static struct both
as_ordinary(struct both dict, bool as_pairs)
{
    struct both made = {NULL, PyDict_New()};

    ended_alike(ouro_weakdict_to_dict(ouro_lend(dict.ours), &made.ours));
    (void)PyDict_Update(made.theirs, dict.theirs);
    ended_alike(OURO_OK);
    require_same_pairs(ouro_dict_iterate_items(ouro_lend(made.ours)), PyDict_Items(made.theirs));
    if (as_pairs) {
        both_assign(&made,
                    (struct both){ouro_dict_items(ouro_lend(made.ours)), PyDict_Items(made.theirs)});
    }
    return made;
}

/* By another weak one, an ordinary one, or pairs. */
static void
dict_update(struct both dict)
{
    struct both other = some_holder();
    other = roll(2) != 0 ? both_incref(other) : as_ordinary(other, roll(2) != 0);

    doing("update");
    ouro_status status = ouro_weakdict_update(ouro_lend(dict.ours), ouro_lend(other.ours));
    PyObject *none = PyObject_CallMethod(dict.theirs, "update", "(O)", other.theirs);
    ended_alike(status);
    Py_XDECREF(none);
    both_decref(other);
    require_same_dict(dict);
}

static void
dict_compare(struct both dict)
{
    struct both other = some_holder();
    other = roll(2) != 0 ? both_incref(other) : as_ordinary(roll(2) != 0 ? dict : other, false);

    doing("comparing");
    equal_alike(dict, other);
    both_decref(other);
    if (roll(12) == 0) {
        doing("clear");
        ouro_weakdict_clear(ouro_lend(dict.ours));
        PyObject *none = PyObject_CallMethod(dict.theirs, "clear", NULL);
        ended_alike(OURO_OK);
        Py_XDECREF(none);
    }
}

static void
dict_copy(struct both dict)
{
    struct both copy = {NULL, NULL};
    doing("copy");
    ended_alike(ouro_weakdict_copy(ouro_lend(dict.ours), &copy.ours));
    copy.theirs = PyObject_CallMethod(dict.theirs, "copy", NULL);
    require_same_dict(copy);
    both_assign(&holders[roll(N_HOLDERS)], copy);
}

/* Ouro notices what the program puts in or takes out, and that only.  CPython may notice that things died, too. */
static void
change_while_walking(struct both dict, struct both walk)
{
    size_t n = ouro_weakdict_length(ouro_lend(dict.ours));
    ouro_ref ours = NULL;

    if (roll(2) != 0) {
        dict_set(dict);
    } else {
        dict_take(dict);
    }
    bool has_changed = n != ouro_weakdict_length(ouro_lend(dict.ours));
    doing("the next one after a change");
    if ((ouro_next(ouro_lend(walk.ours), &ours) == OURO_CHANGED) != has_changed) {
        differ(has_changed ? "it is not noticed" : "there was none");
    }
    ouro_xdecref(ours);
}

/* While things die; but not the last one given, which CPython's iterators keep. */
static void
dict_walk(struct both dict)
{
    static ouro_ref (*const begin[])(ouro_loan dict) = {
        ouro_weakdict_iterate_keys, ouro_weakdict_iterate_values, ouro_weakdict_iterate_items};
    static const char *const views[] = {"keys", "values", "items"};
    size_t what = roll(3), last = N_THINGS;
    struct both walk = {begin[what](ouro_lend(dict.ours)),
                        PyObject_CallMethod(dict.theirs, views[what], NULL)};
    ouro_ref ours = NULL;

    for (ouro_status status = OURO_FOUND; status == OURO_FOUND;) {
        if (roll(30) == 0) {
            change_while_walking(dict, walk);
            break;
        }
        for (size_t i = roll(4); i < 2; i++) {
            size_t which = roll(N_THINGS);
            if (which != last) {
                replace_thing(which);
            }
        }
        doing("the next of the %s", views[what]);
        status = ouro_next(ouro_lend(walk.ours), &ours);
        PyObject *theirs = PyIter_Next(walk.theirs);
        if (!ended_alike(status) || (status == OURO_FOUND) != (theirs != NULL)) {
            differ("only one goes on");
        }
        if (status == OURO_FOUND) {
            if (what == 2) {
                require_same_pair(ouro_lend(ours), theirs);
            } else {
                require_same_part((what == 0) == has_weak_keys, ouro_lend(ours), theirs);
            }
            ouro_loan part =
                what == 2 ? ouro_tuple_get_borrow(ouro_lend(ours), !has_weak_keys) : ouro_lend(ours);
            last = what == 2 || (what == 0) == has_weak_keys ? which_thing(part) : N_THINGS;
        }
        ouro_clear(&ours);
        Py_XDECREF(theirs);
    }
    both_decref(walk);
    require_same_dict(dict);
}

/* ---- playing ---- */

static void
begin_value_dicts(void)
{
    has_weak_keys = false;
    things_begin(new_dict);
}

static void
begin_key_dicts(void)
{
    has_weak_keys = true;
    things_begin(new_dict);
}

static void
step_dicts(void)
{
    static void (*const steps[])(struct both dict) = {
        dict_set,  dict_set,     dict_set,    dict_set,     dict_set,  dict_get,  dict_set_default,
        dict_take, dict_popitem, dict_update, dict_compare, dict_copy, dict_walk,
    };
    things_play_step(steps, sizeof steps / sizeof *steps, require_same_dict);
}

int
main(int argc, char **argv)
{
    static const struct script scripts[] = {
        {"weak value dicts", 400000, begin_value_dicts, step_dicts, things_end},
        {"weak key dicts", 400000, begin_key_dicts, step_dicts, things_end},
    };
    return scripts_main(argc, argv, scripts, 2);
}
