/* test_deques.c - deques against CPython's collections.deque: every operation at both ends and in the middle, with and without a
 * bound, and what an iterator says of a deque that changes. */
#include "both.h"
#include "walk.h"

#define N_DEQUES 6
#define MOST_ITEMS 300

static struct both deques[N_DEQUES];
static PyObject *deque_class;

static PyObject *walked;  /* the deque that is walked over, borrowed: only to be compared */
static bool is_walk_back; /* from the last item to the first */
static size_t n_to_walk;  /* items that it has not given yet */

static struct both
new_deque(size_t most)
{
    PyObject *theirs = most == SIZE_MAX ? PyObject_CallFunction(deque_class, NULL)
                                        : PyObject_CallFunction(deque_class, "()n", (Py_ssize_t)most);
    return (struct both){ouro_deque_new(most), theirs};
}

static struct both
some_deque(void)
{
    return new_deque(roll(3) != 0 ? SIZE_MAX : roll(12));
}

/* The same items in the same order, and as many at most. */
static void
require_same_deque(struct both deque)
{
    struct both list = {ouro_list_new(0), PySequence_List(deque.theirs)};
    size_t most = ouro_deque_most(ouro_lend(deque.ours));

    ended_alike(ouro_list_extend(ouro_lend(list.ours), ouro_lend(deque.ours)));
    require_same(ouro_lend(list.ours), list.theirs);
    found_same(ouro_deque_length(ouro_lend(deque.ours)), PyObject_Size(deque.theirs));
    both_decref(list);
    PyObject *their_most = PyObject_GetAttrString(deque.theirs, "maxlen");
    if (their_most == Py_None ? most != SIZE_MAX : most != PyLong_AsSize_t(their_most)) {
        differ("there may be %zu items", most);
    }
    Py_DECREF(their_most);
}

/* Call a method that gives nothing. */
static void
call_alike(ouro_status status, PyObject *theirs, const char *method, PyObject *argument)
{
    PyObject *nothing = PyObject_CallMethod(theirs, method, argument != NULL ? "(O)" : NULL, argument);
    ended_alike(status);
    Py_XDECREF(nothing);
}

static void
note_change(struct both deque)
{
    is_walk_clean &= deque.theirs != walked;
}

/* Give the status of what gives NULL for an item that is none. */
static ouro_status
status_of_item(ouro_ref item)
{
    return item != NULL ? OURO_OK : OURO_WRONG_VALUE;
}

static size_t
some_index(struct both deque)
{
    return roll(ouro_deque_length(ouro_lend(deque.ours)) + 2);
}

/* ---- the ends ---- */

static void
step_append(struct both deque)
{
    struct both item = some_value();
    bool at_left = roll(2) != 0;

    doing("append at the %s", at_left ? "left" : "right");
    ouro_status status = at_left ? ouro_deque_append_left(ouro_lend(deque.ours), ouro_lend(item.ours))
                                 : ouro_deque_append(ouro_lend(deque.ours), ouro_lend(item.ours));
    call_alike(status, deque.theirs, at_left ? "appendleft" : "append", item.theirs);
    note_change(deque);
}

static void
step_pop(struct both deque)
{
    bool at_left = roll(2) != 0, is_empty = ouro_deque_length(ouro_lend(deque.ours)) == 0;

    doing("pop at the %s", at_left ? "left" : "right");
    ouro_ref ours =
        at_left ? ouro_deque_pop_left(ouro_lend(deque.ours)) : ouro_deque_pop(ouro_lend(deque.ours));
    gave_same(status_of_item(ours), ours,
              PyObject_CallMethod(deque.theirs, at_left ? "popleft" : "pop", NULL));
    if (!is_empty) {
        note_change(deque);
    }
}

/* By a deque, which may be itself, its own iterator, a tuple, the characters of a text, or what cannot be iterated over. */
static void
step_extend(struct both deque)
{
    struct both by = both_incref(roll(2) != 0   ? deques[roll(N_DEQUES)]
                                 : roll(8) != 0 ? some_value()
                                                : (struct both){ouro_none(), Py_None});
    bool at_left = roll(2) != 0;

    if (ouro_deque_length(ouro_lend(deque.ours)) < MOST_ITEMS &&
        !PyBytes_Check(by.theirs)) { /* its 0 and 1 are truth values to CPython */
        if (roll(8) == 0) {
            struct both own = {NULL, PyObject_GetIter(deque.theirs)};
            ended_alike(ouro_iterate(ouro_lend(deque.ours), &own.ours));
            both_assign(&by, own);
        }
        doing("extend at the %s", at_left ? "left" : "right");
        ouro_status status = at_left ? ouro_deque_extend_left(ouro_lend(deque.ours), ouro_lend(by.ours))
                                     : ouro_deque_extend(ouro_lend(deque.ours), ouro_lend(by.ours));
        call_alike(status, deque.theirs, at_left ? "extendleft" : "extend", by.theirs);
        require_same_deque(deque);
        if (ouro_deque_length(ouro_lend(deque.ours)) != 0) { /* of nothing there is nothing to notice */
            walked = deque.theirs == walked ? NULL : walked;
        }
    }
    both_decref(by);
}

/* ---- the middle ---- */

static void
step_get(struct both deque)
{
    size_t index = some_index(deque);
    doing("get %zu", index);
    ouro_ref ours = ouro_deque_get(ouro_lend(deque.ours), index);
    gave_same(status_of_item(ours), ours, PySequence_GetItem(deque.theirs, (Py_ssize_t)index));
}

static void
step_set(struct both deque)
{
    size_t index = some_index(deque);
    struct both item = some_value();
    doing("set %zu", index);
    ouro_status status = ouro_deque_set(ouro_lend(deque.ours), index, ouro_lend(item.ours));
    (void)PySequence_SetItem(deque.theirs, (Py_ssize_t)index, item.theirs);
    ended_alike(status);
}

static void
step_insert(struct both deque)
{
    size_t index = some_index(deque);
    struct both item = some_value();

    doing("insert at %zu", index);
    ouro_status status = ouro_deque_insert(ouro_lend(deque.ours), index, ouro_lend(item.ours));
    if (status == OURO_TOO_LARGE) {
        status = OURO_WRONG_VALUE; /* an IndexError there */
    } else {
        note_change(deque);
    }
    PyObject *theirs =
        PyObject_CallMethod(deque.theirs, "insert", "nO", (Py_ssize_t)index, item.theirs);
    ended_alike(status);
    Py_XDECREF(theirs);
}

static void
step_search(struct both deque)
{
    struct both item = some_value();
    size_t index = SIZE_MAX;

    doing("find");
    ouro_status status = ouro_deque_find(ouro_lend(deque.ours), ouro_lend(item.ours), &index);
    Py_ssize_t place = PySequence_Index(deque.theirs, item.theirs);
    if (place < 0) {
        PyErr_Clear();
    }
    found_same(index, place);
    said_same(status, place >= 0);
    if (roll(3) == 0) {
        doing("remove");
        status = ouro_deque_remove(ouro_lend(deque.ours), ouro_lend(item.ours));
        PyObject *theirs = PyObject_CallMethod(deque.theirs, "remove", "(O)", item.theirs);
        PyErr_Clear();
        said_same(status, theirs != NULL);
        Py_XDECREF(theirs);
        if (status == OURO_FOUND) {
            note_change(deque);
        }
    }
}

/* ---- all of it ---- */

static void
step_rotate(struct both deque)
{
    static const int64_t known[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX};
    int64_t n = roll(8) == 0 ? known[roll(sizeof known / sizeof *known)] : (int64_t)roll(700) - 350;

    doing("rotate by %lld", (long long)n);
    ouro_deque_rotate(ouro_lend(deque.ours), n);
    PyObject *theirs = PyObject_CallMethod(deque.theirs, "rotate", "L", (long long)n);
    ended_alike(OURO_OK);
    Py_XDECREF(theirs);
    if (ouro_deque_length(ouro_lend(deque.ours)) > 1) {
        note_change(deque);
    }
}

static void
step_whole(struct both deque)
{
    struct both other = deques[roll(N_DEQUES)], text = {NULL, NULL};

    switch (roll(4)) {
    case 0:
        doing("reverse"); /* which iterators do not notice */
        ouro_deque_reverse(ouro_lend(deque.ours));
        call_alike(OURO_OK, deque.theirs, "reverse", NULL);
        break;
    case 1:
        if (roll(8) == 0) {
            doing("clear");
            if (ouro_deque_length(ouro_lend(deque.ours)) != 0) {
                note_change(deque);
            }
            ouro_deque_clear(ouro_lend(deque.ours));
            call_alike(OURO_OK, deque.theirs, "clear", NULL);
        }
        break;
    case 2:
        if (ouro_deque_length(ouro_lend(deque.ours)) < 20) {
            doing("repr");
            keep_same(OURO_OK, ouro_repr(ouro_lend(deque.ours)), PyObject_Repr(deque.theirs), &text);
            both_decref(text);
        }
        break;
    default:
        doing("comparing");
        equal_alike(deque, other);
    }
}

/* A copy, or a new one, in the place of another. */
static void
step_replace(struct both deque)
{
    struct both made;

    if (roll(3) == 0) {
        made = some_deque();
    } else {
        doing("copy");
        made = (struct both){ouro_deque_copy(ouro_lend(deque.ours)),
                             PyObject_CallMethod(deque.theirs, "copy", NULL)};
        require_same_deque(made);
        equal_alike(deque, made);
    }
    both_assign(&deques[roll(N_DEQUES)], made);
}

/* ---- iterating ---- */

/* Not over one that can't have items: CPython's counts what it never added as a change. */
static void
step_begin_walk(struct both deque)
{
    ouro_ref ours = NULL;

    if ((walk.ours != NULL && roll(8) != 0) || ouro_deque_most(ouro_lend(deque.ours)) == 0) {
        return;
    }
    doing("iterate");
    is_walk_back = roll(2) != 0;
    if (is_walk_back) {
        ours = ouro_deque_iterate_reversed(ouro_lend(deque.ours));
        walk_begin(ours, PyObject_CallMethod(deque.theirs, "__reversed__", NULL));
    } else {
        ended_alike(ouro_iterate(ouro_lend(deque.ours), &ours));
        walk_begin(ours, PyObject_GetIter(deque.theirs));
    }
    walked = deque.theirs;
    n_to_walk = ouro_deque_length(ouro_lend(deque.ours));
}

/* Until its end, or a change, which both notice; but behind the first item CPython's looks no more. */
static void
walk_on(void)
{
    struct both gave;
    ouro_status status;

    if (!walk_next(&status, &gave)) {
        return;
    }
    if (walked != NULL && (status == OURO_CHANGED) == is_walk_clean) {
        differ("%s", is_walk_clean ? "it was not changed" : "a change is not noticed");
    }
    if (is_walk_back && n_to_walk == 0 && gave.theirs == NULL && PyErr_Occurred() == NULL) {
        status = OURO_OK;
    }
    gave_same(status, gave.ours, gave.theirs);
    n_to_walk--;
    if (status != OURO_FOUND) {
        walk_end();
    }
}

/* ---- playing ---- */

static void
begin_deques(void)
{
    PyObject *module = PyImport_ImportModule("_collections");
    deque_class = module != NULL ? PyObject_GetAttrString(module, "deque") : NULL;
    if (deque_class == NULL) {
        differ("CPython has no deques");
    }
    Py_DECREF(module);
    values_begin(true);
    for (size_t i = 0; i < N_DEQUES; i++) {
        deques[i] = some_deque();
    }
}

static void
step_deques(void)
{
    static void (*const steps[])(struct both deque) = {
        step_append, step_append, step_append,     step_append,  step_pop,    step_pop,
        step_extend, step_get,    step_set,        step_insert,  step_insert, step_search,
        step_rotate, step_whole,  step_begin_walk, step_replace,
    };
    size_t n_steps = sizeof steps / sizeof *steps, which = roll(n_steps);
    if (which == n_steps - 1 && roll(4) != 0) {
        return; /* let them grow */
    }
    struct both deque = both_incref(deques[roll(N_DEQUES)]);
    steps[which](deque);
    if (roll(4) == 0) {
        require_same_deque(deque);
    }
    both_decref(deque);
    if (roll(2) != 0) {
        walk_on();
    }
}

static void
end_deques(void)
{
    walk_end();
    for (size_t i = 0; i < N_DEQUES; i++) {
        require_same_deque(deques[i]);
        both_assign(&deques[i], (struct both){NULL, NULL});
    }
    Py_CLEAR(deque_class);
    values_end();
}

/* ---- a long one ---- */

static size_t wanted_length;

static void
begin_long(void)
{
    begin_deques();
    both_assign(&deques[0], new_deque(SIZE_MAX));
    wanted_length = 0;
}

/* To some length, up and down, and turned meanwhile. */
static void
step_long(void)
{
    struct both deque = deques[0];
    size_t n = ouro_deque_length(ouro_lend(deque.ours));

    if (n == wanted_length) {
        require_same_deque(deque);
        wanted_length = roll(roll(4) != 0 ? 40 : 5000);
    }
    if (n < wanted_length) {
        step_append(deque);
    } else {
        step_pop(deque);
    }
    if (roll(50) == 0) {
        step_rotate(deque);
    } else if (roll(50) == 0) {
        step_get(deque);
    }
}

int
main(int argc, char **argv)
{
    static const struct script scripts[] = {
        {"deques", 1000000, begin_deques, step_deques, end_deques},
        {"long deques", 1000000, begin_long, step_long, end_deques},
    };
    return scripts_main(argc, argv, scripts, 2);
}
