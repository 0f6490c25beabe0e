/* cpython_lists.c - the collector's thresholds and lists inside an interpreter, found and checked.
 *
 * A list that was just made is the last of generation 0, so its `next` is that generation's head.  The
 * three generations lie in a row, and behind them, at a distance that differs between versions, the two
 * lists gc.garbage and gc.callbacks and the figures that decide on a full collection.
 *
 * 3.14.0 to 3.14.4 have an incremental collector in the same place: a young generation and the two halves
 * of an old one, told apart by a flag in each head.  There, nothing is made out here. */
#include "host/cpython_lists.h"

#include <string.h>

#include "host/cpython.h"

#define FLAGS ((uintptr_t)3)

/* How far behind generation 0 to search for gc.garbage: from the end of the generations, in bytes. */
#define SEARCH_FROM (3 * sizeof(struct py_generation))
#define SEARCH_TO 512

static struct py_gc_head *
strip_flags(uintptr_t link)
{
    return (struct py_gc_head *)(link & ~FLAGS);
}

/* Three numbers from a function of the module `gc` that returns a tuple of them. */
static bool
ask_three(py_object *gc, const char *name, int numbers[3])
{
    py_object *function = ouro__py.PyDict_GetItemString(gc, name);
    py_object *tuple = function != NULL ? ouro__py.PyObject_CallFunctionObjArgs(function, NULL) : NULL;
    bool is_good = tuple != NULL;
    for (int i = 0; is_good && i < 3; i++) {
        py_object *number = ouro__py.PyTuple_GetItem(tuple, i);
        numbers[i] = number != NULL ? (int)ouro__py.PyLong_AsLong(number) : 0;
        is_good = number != NULL;
    }
    if (tuple != NULL) {
        ouro__py.Py_DecRef(tuple);
    }
    ouro__py.PyErr_Clear();
    return is_good;
}

/* The head that the newest object's `next` points to. */
static struct py_generation *
find_youngest(void)
{
    py_object *list = ouro__py.PyList_New(0);
    if (list == NULL) {
        ouro__py.PyErr_Clear();
        return NULL;
    }
    struct py_gc_head *mine = (struct py_gc_head *)list - 1;
    struct py_gc_head *head = strip_flags(mine->next);
    bool is_last = head != NULL && strip_flags(head->previous) == mine;
    ouro__py.Py_DecRef(list);
    return is_last ? (struct py_generation *)(void *)head : NULL;
}

static bool
is_consistent(const struct py_generation *generation)
{
    const struct py_gc_head *head = &generation->head;
    return ((head->next | head->previous) & FLAGS) == 0 && head->next != 0 && head->previous != 0 &&
           strip_flags(strip_flags(head->next)->previous) == head &&
           strip_flags(strip_flags(head->previous)->next) == head;
}

/* How many words behind gc.callbacks the two figures stand that gate a full collection: the objects that the
 * last one left, and those that outlived younger ones since.  Newer versions have a count of all tracked
 * objects in front, and 3.14 what is left of the incremental collector.  Negative: not known. */
static int
gate_offset(void)
{
    if (ouro__py.hex < 0x030E0000) {
        return 0;
    }
    if (ouro__py.hex < 0x030E0500 || ouro__py.is_prerelease) {
        return -1;
    }
    return ouro__py.hex < 0x030F0000 ? 3 : ouro__py.hex < 0x03100000 ? 1 : -1;
}

/* Both figures are small, and where there is a count of all objects in front, it is not zero. */
static bool
is_gate(const intptr_t *behind, int offset)
{
    const intptr_t most = (intptr_t)1 << 40;
    for (int i = 0; i < offset + 2; i++) {
        if (behind[i] < 0 || behind[i] > most || (i == 0 && offset > 0 && behind[i] == 0)) {
            return false;
        }
    }
    return offset == 0 || behind[offset] <= behind[0];
}

/* The figures, behind gc.garbage and gc.callbacks; NULL when these are not there. */
static intptr_t *
find_gate(struct py_generation *generations, py_object *gc)
{
    const py_object *wanted[2] = {ouro__py.PyDict_GetItemString(gc, "garbage"),
                                  ouro__py.PyDict_GetItemString(gc, "callbacks")};
    char *bytes = (char *)generations;
    int offset = gate_offset();
    if (wanted[0] == NULL || wanted[1] == NULL || offset < 0) {
        return NULL;
    }
    for (size_t i = SEARCH_FROM; i < SEARCH_TO; i += sizeof(int)) {
        if (memcmp(bytes + i, wanted, sizeof wanted) == 0) {
            void *behind = bytes + i + sizeof wanted;
            bool is_good = (uintptr_t)behind % sizeof(intptr_t) == 0 && is_gate(behind, offset);
            return is_good ? (intptr_t *)behind + offset : NULL;
        }
    }
    return NULL;
}

bool
ouro__collector_find(struct py_collector *collector, py_object *gc)
{
    *collector = (struct py_collector){NULL, NULL};
    int thresholds[3];
    if (ouro__py.free_threaded || gate_offset() < 0 || !ask_three(gc, "get_threshold", thresholds)) {
        return false;
    }
    struct py_generation *generations = find_youngest();
    if (generations == NULL) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        if (!is_consistent(&generations[i]) || generations[i].threshold != thresholds[i] ||
            generations[i].count < 0) {
            return false;
        }
    }
    intptr_t *long_lived = find_gate(generations, gc);
    if (long_lived == NULL) {
        return false;
    }
    *collector = (struct py_collector){generations, long_lived};
    return true;
}

void
ouro__collector_get_thresholds(const struct py_collector *collector, int thresholds[3])
{
    for (int i = 0; i < 3; i++) {
        thresholds[i] = collector->generations[i].threshold;
    }
}

/* Link two neighbours.  Flags stay: an object's `previous` may say that it was finalized. */
static void
link_heads(struct py_gc_head *left, struct py_gc_head *right)
{
    left->next = (uintptr_t)right | (left->next & FLAGS);
    right->previous = (uintptr_t)left | (right->previous & FLAGS);
}

/* Put `first` ... `last`, which are linked among themselves, before `at`. */
static void
insert_run(struct py_gc_head *at, struct py_gc_head *first, struct py_gc_head *last)
{
    link_heads(strip_flags(at->previous), first);
    link_heads(last, at);
}

void
ouro__generation_append(struct py_generation *from, struct py_generation *to)
{
    struct py_gc_head *first = strip_flags(from->head.next);
    if (first != &from->head) {
        struct py_gc_head *last = strip_flags(from->head.previous);
        insert_run(&to->head, first, last);
        ouro__generation_init(from);
    }
}

size_t
ouro__generation_length(const struct py_generation *generation)
{
    size_t n = 0;
    for (const struct py_gc_head *at = strip_flags(generation->head.next); at != &generation->head;
         at = strip_flags(at->next)) {
        n++;
    }
    return n;
}

void
ouro__generation_move(struct py_gc_head *object, struct py_generation *to)
{
    link_heads(strip_flags(object->previous), strip_flags(object->next));
    insert_run(&to->head, object, object);
}

void
ouro__generation_init(struct py_generation *generation)
{
    generation->head.next = generation->head.previous = (uintptr_t)&generation->head;
}
