/* test_sequences.c - lists and tuples against CPython's: every operation, what it gives, how it fails, what is left, and how
 * much room a list takes for it. */
#include "both.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "../helpers/threads.h"

#define N_LISTS 6
#define MOST_ITEMS 300

static struct both lists[N_LISTS], bag; /* the bag is a dict, whose keys lists are extended by */
static size_t slot;                     /* the list that this step changes */

static struct both
new_list(void)
{
    return (struct both){ouro_list_new(0), PyList_New(0)};
}

static void
require_ok(ouro_status status, int theirs)
{
    if (ended_alike(status) && theirs != 0) {
        differ("CPython says %d", theirs);
    }
}

/* A place, most often one that is there. */
static size_t
some_index(ouro_loan list)
{
    return roll(ouro_list_length(list) + 2);
}

/* Give the status of what gives NULL for an index that is none. */
static ouro_status
status_of_item(ouro_ref item)
{
    return item != NULL ? OURO_OK : OURO_WRONG_VALUE;
}

/* ---- growing and shrinking ---- */

static size_t
room_of(struct both list)
{
    return (ouro_sizeof(ouro_lend(list.ours)) - 40) / sizeof(ouro_ref);
}

static size_t
their_room_of(struct both list)
{
    return (size_t)((PyListObject *)list.theirs)->allocated;
}

/* No more room than CPython's list has, or gives one that grows to the same length. */
static void
require_room_in_bounds(struct both list)
{
    size_t n = ouro_list_length(ouro_lend(list.ours)), most = (n + n / 8 + 6) & ~(size_t)3;
    most = most < their_room_of(list) ? their_room_of(list) : most;
    if (room_of(list) < n || room_of(list) > most) {
        differ("%zu items, room for %zu, CPython for %zu", n, room_of(list), their_room_of(list));
    }
}

static void
add_item(struct both list, struct both item)
{
    size_t index = some_index(ouro_lend(list.ours));
    if (roll(2) != 0) {
        doing("append");
        require_ok(ouro_list_append(ouro_lend(list.ours), ouro_lend(item.ours)),
                   PyList_Append(list.theirs, item.theirs));
    } else {
        doing("insert at %zu", index);
        require_ok(ouro_list_insert(ouro_lend(list.ours), index, ouro_lend(item.ours)),
                   PyList_Insert(list.theirs, (Py_ssize_t)index, item.theirs));
    }
}

static void
pop_item(struct both list)
{
    bool is_last = roll(2) != 0;
    size_t index = is_last ? SIZE_MAX : some_index(ouro_lend(list.ours));

    doing("pop %zd", (Py_ssize_t)index);
    ouro_ref ours = ouro_list_pop(ouro_lend(list.ours), index);
    gave_same(status_of_item(ours), ours,
              PyObject_CallMethod(list.theirs, "pop", "n", (Py_ssize_t)index));
}

static struct both growing;
static size_t wanted_length;

static void
begin_growing(void)
{
    values_begin(true);
    growing = new_list();
    wanted_length = 0;
}

/* To some length, up and down, and on to another. */
static void
step_growing(void)
{
    size_t n = ouro_list_length(ouro_lend(growing.ours));
    if (n == wanted_length) {
        wanted_length = roll(roll(4) != 0 ? 30 : 3000);
    }
    if (n < wanted_length) {
        struct both item = some_value();
        doing("append");
        require_ok(ouro_list_append(ouro_lend(growing.ours), ouro_lend(item.ours)),
                   PyList_Append(growing.theirs, item.theirs));
    } else if (n > wanted_length) {
        pop_item(growing);
    }
    if (room_of(growing) != their_room_of(growing)) {
        differ("room for %zu, CPython for %zu", room_of(growing), their_room_of(growing));
    }
}

static void
end_growing(void)
{
    require_same(ouro_lend(growing.ours), growing.theirs);
    both_assign(&growing, (struct both){NULL, NULL});
    values_end();
}

/* ---- lists ---- */

static void
step_get(struct both list)
{
    size_t index = some_index(ouro_lend(list.ours));
    doing("get %zu", index);
    ouro_ref ours = ouro_list_get(ouro_lend(list.ours), index);
    gave_same(status_of_item(ours), ours, PySequence_GetItem(list.theirs, (Py_ssize_t)index));
}

static void
step_set(struct both list)
{
    size_t index = some_index(ouro_lend(list.ours));
    struct both item = some_value();
    doing("set %zu", index);
    ouro_status status = ouro_list_set(ouro_lend(list.ours), index, ouro_lend(item.ours));
    int theirs = PySequence_SetItem(list.theirs, (Py_ssize_t)index, item.theirs);
    if (ended_alike(status) && theirs != 0) {
        differ("CPython says %d", theirs);
    }
}

static void
step_add(struct both list)
{
    add_item(list, some_value());
    require_room_in_bounds(list);
}

static void
step_pop(struct both list)
{
    pop_item(list);
    require_room_in_bounds(list);
}

/* By the keys of a dict, a list, which may be itself, a tuple, the characters of a text, or what cannot be iterated over. */
static void
step_extend(struct both list)
{
    struct both by = roll(2) != 0   ? bag
                     : roll(2) != 0 ? lists[roll(N_LISTS)]
                     : roll(8) != 0 ? some_value()
                                    : (struct both){ouro_none(), Py_None};
    bool has_numbers = PyBytes_Check(by.theirs); /* 0 and 1, which to CPython are truth values */
    if (ouro_list_length(ouro_lend(list.ours)) > MOST_ITEMS || has_numbers) {
        return;
    }
    doing("extend");
    ouro_status status = ouro_list_extend(ouro_lend(list.ours), ouro_lend(by.ours));
    PyObject *theirs = PyObject_CallMethod(list.theirs, "extend", "(O)", by.theirs);
    ended_alike(status);
    Py_XDECREF(theirs);
    require_same(ouro_lend(list.ours), list.theirs);
    /* CPython reserves what it is told will come, Ouro goes item by item: on with lists that have the same room again. */
    struct both copy = {ouro_list_slice(ouro_lend(list.ours), 0, SIZE_MAX),
                        PyList_GetSlice(list.theirs, 0, PY_SSIZE_T_MAX)};
    both_assign(&lists[slot], copy);
}

static void
step_search(struct both list)
{
    struct both item = some_value();
    size_t index = 0;

    doing("find");
    ouro_status status = ouro_list_find(ouro_lend(list.ours), ouro_lend(item.ours), &index);
    Py_ssize_t theirs = PySequence_Index(list.theirs, item.theirs);
    if (theirs < 0) {
        PyErr_Clear();
    }
    found_same(status == OURO_FOUND ? index : SIZE_MAX, theirs);
    if (roll(3) == 0) {
        doing("remove");
        status = ouro_list_remove(ouro_lend(list.ours), ouro_lend(item.ours));
        PyObject *removed = PyObject_CallMethod(list.theirs, "remove", "(O)", item.theirs);
        if (removed == NULL) {
            PyErr_Clear();
        }
        if ((status == OURO_FOUND) != (removed != NULL)) {
            differ("%d", status);
        }
        Py_XDECREF(removed);
        require_room_in_bounds(list);
    }
}

static void
step_slice(struct both list)
{
    size_t begin = some_index(ouro_lend(list.ours)), end = some_index(ouro_lend(list.ours));
    struct both slice = {NULL, NULL};

    doing("slice %zu:%zu", begin, end);
    if (!keep_same(OURO_OK, ouro_list_slice(ouro_lend(list.ours), begin, end),
                   PyList_GetSlice(list.theirs, (Py_ssize_t)begin, (Py_ssize_t)end), &slice)) {
        differ("no slice");
    }
    require_room_in_bounds(slice);
    doing("comparing with a part");
    equal_alike(list, slice);
    both_assign(&lists[roll(N_LISTS)], slice);
}

static void
step_whole(struct both list)
{
    switch (roll(4)) {
    case 0:
        doing("reverse");
        ouro_list_reverse(ouro_lend(list.ours));
        require_ok(OURO_OK, PyList_Reverse(list.theirs));
        break;
    case 1:
        if (roll(8) == 0) {
            doing("clear");
            ouro_list_clear(ouro_lend(list.ours));
            require_ok(OURO_OK, PyList_SetSlice(list.theirs, 0, PY_SSIZE_T_MAX, NULL));
            require_room_in_bounds(list);
        }
        break;
    case 2:
        if (ouro_list_length(ouro_lend(list.ours)) < 20) {
            doing("repr");
            gave_same(OURO_OK, ouro_repr(ouro_lend(list.ours)), PyObject_Repr(list.theirs));
        }
        break;
    default: {
        struct both other = lists[roll(N_LISTS)];
        doing("comparing");
        equal_alike(list, other);
        break;
    }
    }
}

static void
begin_lists(void)
{
    values_begin(true);
    for (size_t i = 0; i < N_LISTS; i++) {
        lists[i] = new_list();
    }
    bag = (struct both){ouro_dict_new(), PyDict_New()};
    for (size_t i = 0; i < 9; i++) {
        struct both item = values[i];
        require_ok(ouro_dict_set(ouro_lend(bag.ours), ouro_lend(item.ours), ouro_lend(item.ours)),
                   PyDict_SetItem(bag.theirs, item.theirs, item.theirs));
    }
}

static void
step_lists(void)
{
    static void (*const steps[])(struct both list) = {
        step_get, step_set,    step_add,    step_add,   step_add,   step_pop,
        step_pop, step_extend, step_search, step_slice, step_whole,
    };
    slot = roll(N_LISTS);
    struct both list = both_incref(lists[slot]);
    steps[roll(sizeof steps / sizeof *steps)](list);
    if (roll(4) == 0) {
        require_same(ouro_lend(list.ours), list.theirs);
    }
    both_decref(list);
}

static void
end_lists(void)
{
    for (size_t i = 0; i < N_LISTS; i++) {
        require_same(ouro_lend(lists[i].ours), lists[i].theirs);
        both_assign(&lists[i], (struct both){NULL, NULL});
    }
    both_assign(&bag, (struct both){NULL, NULL});
    values_end();
}

/* ---- lists in a process that has another thread: what is inline goes the other way then ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static struct threads *idle;

static void
wait_at_gate(void *context)
{
    (void)context;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void
begin_guarded_lists(void)
{
    pthread_mutex_lock(&gate);
    idle = threads_start(1, wait_at_gate, NULL, 0);
    begin_lists();
}

static void
end_guarded_lists(void)
{
    end_lists();
    pthread_mutex_unlock(&gate);
    threads_join(idle);
}

/* ---- tuples ---- */

/* Shown, asked for an item that may not be there, compared, hashed. */
static void
step_tuples(void)
{
    struct both items[8], tuple, other;
    size_t n = roll(8), n_other = roll(4) != 0 ? n : roll(8), index = roll(9);
    uint64_t hash;

    for (size_t i = 0; i < 8; i++) {
        items[i] = some_value();
    }
    tuple = both_tuple(items, n);
    if (n != 0 && roll(2) != 0) {
        items[roll(n)] = some_value();
    }
    other = both_tuple(items, n_other);
    doing("a tuple");
    require_same(ouro_lend(tuple.ours), tuple.theirs);
    ouro_loan item = ouro_tuple_get_borrow(ouro_lend(tuple.ours), index);
    gave_same(item != NULL ? OURO_OK : OURO_WRONG_VALUE, item != NULL ? ouro_incref(item) : NULL,
              PySequence_GetItem(tuple.theirs, (Py_ssize_t)index));
    doing("comparing tuples");
    equal_alike(tuple, other);
    doing("a tuple with a list");
    struct both list = new_list(), odd = both_tuple(&list, 1);
    ouro_status status = ouro_hash(ouro_lend(odd.ours), &hash);
    (void)PyObject_Hash(odd.theirs);
    ended_alike(status);
    if (ouro_sizeof(ouro_lend(tuple.ours)) != (n == 0 ? 32 : 24 + n * sizeof(ouro_ref))) {
        differ("%zu items take %zu bytes", n, ouro_sizeof(ouro_lend(tuple.ours)));
    }
    both_decref(list);
    both_decref(odd);
    both_decref(tuple);
    both_decref(other);
}

static void
begin_tuples(void)
{
    values_begin(true);
}

int
main(int argc, char **argv)
{
    static const struct script scripts[] = {
        {"growing", 1000000, begin_growing, step_growing, end_growing},
        {"lists", 1000000, begin_lists, step_lists, end_lists},
        {"tuples", 300000, begin_tuples, step_tuples, values_end},
        {"guarded lists", 1000000, begin_guarded_lists, step_lists, end_guarded_lists},
    };
    return scripts_main(argc, argv, scripts, 4);
}
