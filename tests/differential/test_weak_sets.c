/* test_weak_sets.c - weak sets against CPython's: every operation, also in place, which of equal items is in, and what is left when
 * things die, in between and while somebody iterates. */
#include "things.h"

#include <string.h>

/* ---- comparing ---- */

/* Which things are in a set of CPython's. */
static void
mark_things(PyObject *set, bool marks[N_THINGS])
{
    PyObject *items = PySequence_List(set);
    ended_alike(OURO_OK);
    for (size_t i = 0; i < N_THINGS; i++) {
        marks[i] = false;
        for (Py_ssize_t k = 0; k < PyList_GET_SIZE(items); k++) {
            marks[i] |= PyList_GET_ITEM(items, k) == things[i].theirs;
        }
    }
    Py_DECREF(items);
}

/* The same things, in any order. */
static void
require_same_set(struct both set)
{
    bool marks[N_THINGS];
    ouro_ref iterator = NULL, item = NULL;

    mark_things(set.theirs, marks);
    ended_alike(ouro_iterate(ouro_lend(set.ours), &iterator));
    while (ouro_next(ouro_lend(iterator), &item) == OURO_FOUND) {
        size_t which = which_thing(ouro_lend(item));
        if (!marks[which]) {
            differ("thing %zu is not in CPython's, or twice in Ouro's", which);
        }
        marks[which] = false;
        ouro_decref(item);
    }
    ouro_decref(iterator);
    for (size_t i = 0; i < N_THINGS; i++) {
        if (marks[i]) {
            differ("thing %zu is missing", i);
        }
    }
    found_same(ouro_weakset_length(ouro_lend(set.ours)), PyObject_Size(set.theirs));
}

/* ---- one item ---- */

static struct both
new_set(void)
{
    return (struct both){ouro_weakset_new(), call_named("WeakSet", NULL, NULL)};
}

static void
set_add(struct both set)
{
    struct both item = some_thing();

    doing("add");
    int is_there = PySequence_Contains(set.theirs, item.theirs);
    PyObject *none = PyObject_CallMethod(set.theirs, "add", "(O)", item.theirs);
    said_same(ouro_weakset_add(ouro_lend(set.ours), ouro_lend(item.ours)), is_there);
    Py_XDECREF(none);
}

static void
set_take(struct both set)
{
    struct both item = some_thing();
    ouro_ref ours = NULL;

    doing("contains");
    int is_there = PySequence_Contains(set.theirs, item.theirs);
    said_same(ouro_weakset_contains(ouro_lend(set.ours), ouro_lend(item.ours)), is_there);
    if (roll(4) != 0) {
        doing("discard");
        said_same(ouro_weakset_discard(ouro_lend(set.ours), ouro_lend(item.ours)), is_there);
    } else {
        doing("pop"); /* which one is not said */
        said_same(ouro_weakset_pop(ouro_lend(set.ours), &ours), PyObject_Size(set.theirs) != 0);
        if (ours == NULL) {
            return;
        }
        item = things[which_thing(ouro_lend(ours))];
        ouro_decref(ours);
    }
    PyObject *none = PyObject_CallMethod(set.theirs, "discard", "(O)", item.theirs);
    ended_alike(OURO_OK);
    Py_XDECREF(none);
}

/* ---- two sets ---- */

/* A weak set, an ordinary one, a list with some things twice, or what cannot be iterated over. */
static struct both
some_items(void)
{
    struct both list = {ouro_list_new(0), PyList_New(0)}, set = {NULL, NULL};

    if (roll(2) != 0) {
        both_assign(&list, both_incref(some_holder()));
        return list;
    }
    if (roll(16) == 0) {
        both_assign(&list, both_incref((struct both){ouro_none(), Py_None}));
        return list;
    }
    for (size_t n = roll(16); n != 0; n--) {
        struct both item = some_thing();
        ended_alike(ouro_list_append(ouro_lend(list.ours), ouro_lend(item.ours)));
        PyList_Append(list.theirs, item.theirs);
    }
    if (roll(2) != 0) {
        ended_alike(ouro_frozenset_new(ouro_lend(list.ours), &set.ours));
        set.theirs = PyFrozenSet_New(list.theirs);
        both_assign(&list, set);
    }
    return list;
}

static const struct {
    const char *name;
    ouro_status (*ours)(ouro_loan set, ouro_loan other, ouro_ref *result);
} of_two[] = {
    {"union", ouro_weakset_union},
    {"intersection", ouro_weakset_intersection},
    {"difference", ouro_weakset_difference},
    {"symmetric_difference", ouro_weakset_symmetric_difference},
};

static const struct {
    const char *name;
    ouro_status (*ours)(ouro_loan set, ouro_loan other);
} questions[] = {
    {"issubset", ouro_weakset_is_subset},
    {"issuperset", ouro_weakset_is_superset},
    {"isdisjoint", ouro_weakset_is_disjoint},
    {"__eq__", ouro_equal},
};

static const struct {
    const char *name;
    ouro_status (*ours)(ouro_loan set, ouro_loan items);
} changes[] = {
    {"update", ouro_weakset_update},
    {"keep_only", ouro_weakset_intersection_update},
    {"difference_update", ouro_weakset_difference_update},
    {"symmetric_difference_update", ouro_weakset_symmetric_difference_update},
};

static void
set_of_two(struct both set)
{
    struct both other = some_items(), result = {NULL, NULL};
    size_t which = roll(4);

    doing("%s", of_two[which].name);
    ouro_status status = of_two[which].ours(ouro_lend(set.ours), ouro_lend(other.ours), &result.ours);
    result.theirs = PyObject_CallMethod(set.theirs, of_two[which].name, "(O)", other.theirs);
    if (ended_alike(status)) {
        require_same_set(result);
        both_assign(&holders[roll(N_HOLDERS)], result);
    }
    both_decref(other);
}

static void
set_ask(struct both set)
{
    struct both other = some_items();
    size_t which = roll(4);

    doing("%s", questions[which].name);
    ouro_status status = questions[which].ours(ouro_lend(set.ours), ouro_lend(other.ours));
    PyObject *theirs = PyObject_CallMethod(set.theirs, questions[which].name, "(O)", other.theirs);
    said_same(status, theirs == Py_True); /* __eq__ may say that it does not know */
    Py_XDECREF(theirs);
    both_decref(other);
}

static void
set_change(struct both set)
{
    struct both other = some_items();
    size_t which = roll(4);
    PyObject *none;

    doing("%s", changes[which].name);
    ouro_status status = changes[which].ours(ouro_lend(set.ours), ouro_lend(other.ours));
    if (changes[which].ours == ouro_weakset_intersection_update) {
        none = call_named("keep_only", set.theirs, other.theirs);
    } else {
        none = PyObject_CallMethod(set.theirs, changes[which].name, "(O)", other.theirs);
    }
    ended_alike(status);
    require_same_set(set);
    Py_XDECREF(none);
    both_decref(other);
}

static void
set_copy(struct both set)
{
    struct both copy = {NULL, NULL};

    if (roll(8) == 0) {
        doing("clear");
        ouro_weakset_clear(ouro_lend(set.ours));
        PyObject *none = PyObject_CallMethod(set.theirs, "clear", NULL);
        ended_alike(OURO_OK);
        Py_XDECREF(none);
        return;
    }
    doing("copy");
    ended_alike(ouro_weakset_copy(ouro_lend(set.ours), &copy.ours));
    copy.theirs = PyObject_CallMethod(set.theirs, "copy", NULL);
    require_same_set(copy);
    both_assign(&holders[roll(N_HOLDERS)], copy);
}

/* ---- iterating ---- */

/* Orders differ: all that live to the end come once, while others die. */
static void
set_walk(struct both set)
{
    bool marks[N_THINGS];
    ouro_ref iterator = NULL, item = NULL;

    mark_things(set.theirs, marks);
    ended_alike(ouro_iterate(ouro_lend(set.ours), &iterator));
    doing("the next of a set");
    while (ouro_next(ouro_lend(iterator), &item) == OURO_FOUND) {
        size_t which = which_thing(ouro_lend(item));
        if (!marks[which]) {
            differ("thing %zu came again, or is not in CPython's", which);
        }
        marks[which] = false;
        ouro_decref(item);
        if (roll(3) == 0) {
            which = roll(N_THINGS);
            replace_thing(which);
            marks[which] = false;
        }
    }
    ouro_decref(iterator);
    if (memchr(marks, 1, sizeof marks) != NULL) {
        differ("one is missing");
    }
    require_same_set(set);
}

/* ---- playing ---- */

static void
begin_sets(void)
{
    things_begin(new_set);
}

static void
step_sets(void)
{
    static void (*const steps[])(struct both set) = {
        set_add,    set_add, set_add,    set_add,  set_take, set_take,
        set_of_two, set_ask, set_change, set_copy, set_walk,
    };
    things_play_step(steps, sizeof steps / sizeof *steps, require_same_set);
}

int
main(int argc, char **argv)
{
    static const struct script scripts[] = {
        {"weak sets", 400000, begin_sets, step_sets, things_end},
    };
    return scripts_main(argc, argv, scripts, 1);
}
