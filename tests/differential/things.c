/* things.c - see things.h. */
#include "things.h"

#include "keys.h"

#define N_NUMBERS 14 /* things with the same one are equal */

struct both things[N_THINGS], holders[N_HOLDERS], nothing;

static PyObject *names; /* of the script, borrowed */

static const char script[] =
    "from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary\n"
    "class Node: pass\n"
    "class Key:\n"
    "    def __init__(self, number): self.number = number\n"
    "    def __hash__(self): return self.number\n"
    "    def __eq__(self, other): return type(other) is Key and self.number == other.number\n"
    "def ring():\n"
    "    node = Node()\n"
    "    node.itself = node\n"
    "    return node\n"
    "\n"
    /* WeakSet's own puts in references of the other's items, and forgets to be told when they die. */
    "def keep_only(some, others):\n"
    "    others = set(others)\n"
    "    some.difference_update([item for item in some if item not in others])\n";

PyObject *
call_named(const char *name, PyObject *first, PyObject *second)
{
    PyObject *function = PyDict_GetItemString(names, name);
    return PyObject_CallFunctionObjArgs(function, first, second, NULL);
}

/* ---- things ---- */

static struct both
new_thing(void)
{
    size_t kind = roll(40);
    struct both thing = {NULL, NULL};

    if (kind == 0) {
        thing = (struct both){ring_new(NULL), call_named("ring", NULL, NULL)};
    } else if (kind < 12) {
        thing = (struct both){node_new(NULL, NULL), call_named("Node", NULL, NULL)};
    } else {
        struct both number = both_int((int64_t)roll(N_NUMBERS));
        uint64_t value = (uint64_t)PyLong_AsLong(number.theirs);
        thing = (struct both){key_new(value, value % 5), call_named("Key", number.theirs, NULL)};
        both_decref(number);
    }
    ended_alike(OURO_OK);
    return thing;
}

static bool
is_ring(struct both thing)
{
    return PyObject_HasAttrString(thing.theirs, "itself") != 0;
}

/* Otherwise neither collects anything. */
static void
collect_both(void)
{
    ouro_gc_collect(OURO_GENERATIONS - 1);
    PyGC_Enable(); /* it does nothing while it is disabled */
    PyGC_Collect();
    PyGC_Disable();
}

void
replace_thing(size_t which)
{
    bool was_ring = is_ring(things[which]);

    doing("let go of thing %zu", which);
    both_assign(&things[which], new_thing());
    if (was_ring) {
        collect_both();
    }
}

size_t
which_thing(ouro_loan ours)
{
    for (size_t i = 0; i < N_THINGS; i++) {
        if (ouro_look(ouro_lend(things[i].ours)) == ouro_look(ours)) {
            return i;
        }
    }
    differ("it is none of the things");
}

/* ---- playing ---- */

void things_begin(struct both (*make)(void))
{
    keys_setup(NULL);
    ouro_gc_disable();
    PyGC_Disable();
    values_begin(true);
    nothing = (struct both){ouro_list_new(0), PyList_New(0)}; /* has no hash */
    names = PyModule_GetDict(PyImport_AddModule("__main__"));
    PyObject *none = PyRun_String(script, Py_file_input, names, names);
    if (none == NULL) {
        PyErr_Print();
        differ("the script does not run");
    }
    Py_DECREF(none);
    for (size_t i = 0; i < N_THINGS; i++) {
        things[i] = new_thing();
    }
    for (size_t i = 0; i < N_HOLDERS; i++) {
        holders[i] = make();
    }
}

void
things_play_step(void (*const *steps)(struct both holder), size_t n_steps,
                 void (*require_same_holder)(struct both holder))
{
    if (roll(6) == 0) {
        replace_thing(roll(N_THINGS));
    }
    struct both holder = both_incref(holders[roll(N_HOLDERS)]);
    steps[roll(n_steps)](holder);
    if (roll(4) == 0) {
        require_same_holder(holder);
    }
    both_decref(holder);
}

void
things_end(void)
{
    for (size_t i = 0; i < N_HOLDERS; i++) {
        both_assign(&holders[i], (struct both){NULL, NULL});
    }
    for (size_t i = 0; i < N_THINGS; i++) {
        both_assign(&things[i], (struct both){NULL, NULL});
    }
    both_assign(&nothing, (struct both){NULL, NULL});
    values_end();
    collect_both();
}
