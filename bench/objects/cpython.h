/* cpython.h - the workloads' operations by CPython's C API: no bytecode runs. */
#ifndef OURO_BENCH_CPYTHON_H
#define OURO_BENCH_CPYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "../c/work.h"

#define PEER_HAS_KINDS 1
#define PEER_HAS_COLLECTOR 1
#define PEER_HAS_YOUNG 1
#define PEER_HAS_FOREIGN 0
#define PEER_HAS_THREADS 1

typedef PyObject *object;

struct node {
    PyObject_HEAD PyObject *slot[3];
};

struct tree {
    PyObject_HEAD PyObject *left, *right;
    long i, j;
};

static int
node_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct node *node = (struct node *)self;
    Py_VISIT(node->slot[0]);
    Py_VISIT(node->slot[1]);
    Py_VISIT(node->slot[2]);
    return 0;
}

static int
node_clear(PyObject *self)
{
    struct node *node = (struct node *)self;
    Py_CLEAR(node->slot[0]);
    Py_CLEAR(node->slot[1]);
    Py_CLEAR(node->slot[2]);
    return 0;
}

static void
node_dealloc(PyObject *self)
{
    struct node *node = (struct node *)self;
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, node_dealloc) Py_XDECREF(node->slot[0]);
    Py_XDECREF(node->slot[1]);
    Py_XDECREF(node->slot[2]);
    PyObject_GC_Del(self);
    Py_TRASHCAN_END
}

static int
tree_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct tree *tree = (struct tree *)self;
    Py_VISIT(tree->left);
    Py_VISIT(tree->right);
    return 0;
}

static int
tree_clear(PyObject *self)
{
    struct tree *tree = (struct tree *)self;
    Py_CLEAR(tree->left);
    Py_CLEAR(tree->right);
    return 0;
}

static void
tree_dealloc(PyObject *self)
{
    struct tree *tree = (struct tree *)self;
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, tree_dealloc) Py_XDECREF(tree->left);
    Py_XDECREF(tree->right);
    PyObject_GC_Del(self);
    Py_TRASHCAN_END
}

static PyTypeObject node_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "node",
    .tp_basicsize = sizeof(struct node),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = node_dealloc,
    .tp_traverse = node_traverse,
    .tp_clear = node_clear,
};

static PyTypeObject tree_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tree",
    .tp_basicsize = sizeof(struct tree),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = tree_dealloc,
    .tp_traverse = tree_traverse,
    .tp_clear = tree_clear,
};

static inline void
must(int status)
{
    if (status < 0) {
        PyErr_Print();
        exit(1);
    }
}

static inline void
peer_begin(void)
{
    Py_InitializeEx(0);
    must(PyType_Ready(&node_type));
    must(PyType_Ready(&tree_type));
    PyGC_Disable();
}

static _Thread_local PyGILState_STATE thread_state;
static _Thread_local PyThreadState *waiting_state;

static inline void
thread_begin(void)
{
    thread_state = PyGILState_Ensure();
}

static inline void
thread_end(void)
{
    PyGILState_Release(thread_state);
}

static inline void
wait_begin(void)
{
    waiting_state = PyEval_SaveThread();
}

static inline void
wait_end(void)
{
    PyEval_RestoreThread(waiting_state);
}

/* ---- references ---- */

static inline object
share(object o)
{
    Py_INCREF(o);
    return o;
}

static inline void
drop(object o)
{
    Py_DECREF(o);
}

/* ---- nodes of three references, nodes of trees ---- */

static inline object
node_new(object a, object b, object c)
{
    struct node *node = need(PyObject_GC_New(struct node, &node_type));
    node->slot[0] = a;
    node->slot[1] = b;
    node->slot[2] = c;
    PyObject_GC_Track(node);
    return (PyObject *)node;
}

static inline void
node_set(object node, int slot, object stolen)
{
    Py_XSETREF(((struct node *)node)->slot[slot], stolen);
}

static inline object
tree_new(object left, object right)
{
    struct tree *tree = need(PyObject_GC_New(struct tree, &tree_type));
    tree->left = left;
    tree->right = right;
    tree->i = tree->j = 0;
    PyObject_GC_Track(tree);
    return (PyObject *)tree;
}

/* ---- kinds ---- */

static inline object
int_new(int64_t value)
{
    return need(PyLong_FromLongLong(value));
}

static inline object
int_add(object a, object b)
{
    return need(PyNumber_Add(a, b));
}

static inline object
int_shift(object a, unsigned by)
{
    object shift = int_new(by), shifted = need(PyNumber_Lshift(a, shift));
    drop(shift);
    return shifted;
}

static inline object
float_new(double value)
{
    return need(PyFloat_FromDouble(value));
}

static inline object
text_new(const char *utf8, size_t n)
{
    return need(PyUnicode_FromStringAndSize(utf8, (Py_ssize_t)n));
}

static inline object
bytes_new(const char *data, size_t n)
{
    return need(PyBytes_FromStringAndSize(data, (Py_ssize_t)n));
}

static inline object
tuple_new(object const *items, size_t n)
{
    object tuple = need(PyTuple_New((Py_ssize_t)n));
    for (size_t i = 0; i < n; i++) {
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, share(items[i]));
    }
    return tuple;
}

/* ---- lists ---- */

static inline object
list_new(void)
{
    return need(PyList_New(0));
}

static inline object
list_of(object const *items, size_t n)
{
    object list = need(PyList_New((Py_ssize_t)n));
    for (size_t i = 0; i < n; i++) {
        PyList_SET_ITEM(list, (Py_ssize_t)i, share(items[i]));
    }
    return list;
}

static inline void
list_append(object list, object item)
{
    must(PyList_Append(list, item));
}

static inline void
list_append_new(object list, object stolen)
{
    must(PyList_Append(list, stolen));
    drop(stolen);
}

static inline void
list_insert(object list, size_t index, object item)
{
    must(PyList_Insert(list, (Py_ssize_t)index, item));
}

static inline object
list_peek(object list, size_t index)
{
    return PyList_GetItem(list, (Py_ssize_t)index);
}

static inline object
list_get(object list, size_t index)
{
    return share(PyList_GetItem(list, (Py_ssize_t)index));
}

static inline void
list_set(object list, size_t index, object item)
{
    must(PyList_SetItem(list, (Py_ssize_t)index, share(item)));
}

static inline void
list_delete(object list, size_t index)
{
    Py_ssize_t at = index == SIZE_MAX ? PyList_GET_SIZE(list) - 1 : (Py_ssize_t)index;
    must(PyList_SetSlice(list, at, at + 1, NULL));
}

static inline void
list_extend(object list, object items)
{
    drop(need(PySequence_InPlaceConcat(list, items)));
}

static inline object
list_slice(object list, size_t begin, size_t end)
{
    return need(PyList_GetSlice(list, (Py_ssize_t)begin, (Py_ssize_t)end));
}

static inline object
iterate(object from)
{
    return need(PyObject_GetIter(from));
}

static inline object
next_item(object iterator)
{
    return PyIter_Next(iterator);
}

/* ---- dicts and sets ---- */

static inline object
dict_new(void)
{
    return need(PyDict_New());
}

static inline void
dict_set(object dict, object key, object value)
{
    must(PyDict_SetItem(dict, key, value));
}

static inline object
dict_peek(object dict, object key)
{
    return PyDict_GetItemWithError(dict, key);
}

static inline void
dict_delete(object dict, object key)
{
    must(PyDict_DelItem(dict, key));
}

static inline object
dict_copy(object dict)
{
    return need(PyDict_Copy(dict));
}

static inline size_t
dict_walk(object dict)
{
    PyObject *key, *value;
    Py_ssize_t position = 0;
    size_t n = 0;
    while (PyDict_Next(dict, &position, &key, &value)) {
        KEEP(key);
        KEEP(value);
        n++;
    }
    return n;
}

static inline object
set_new(void)
{
    return need(PySet_New(NULL));
}

static inline void
set_add(object set, object item)
{
    must(PySet_Add(set, item));
}

static inline bool
set_has(object set, object item)
{
    return PySet_Contains(set, item) == 1;
}

/* ---- texts ---- */

static inline object
text_concat(object a, object b)
{
    return need(PyUnicode_Concat(a, b));
}

static inline size_t
text_find(object text, object part)
{
    return (size_t)PyUnicode_Find(text, part, 0, PY_SSIZE_T_MAX, 1);
}

static inline object
text_join(object separator, object list)
{
    return need(PyUnicode_Join(separator, list));
}

static inline object
text_split(object text, object separator)
{
    return need(PyUnicode_Split(text, separator, -1));
}

static inline bool
text_equal(object a, object b)
{
    return PyUnicode_Compare(a, b) == 0;
}

/* ---- the collector ---- */

static double collector_began, collector_total;

/* One of gc.callbacks: when collections begin and end. */
static PyObject *
note_collection(PyObject *self, PyObject *arguments)
{
    (void)self;
    if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(arguments, 0), "start") == 0) {
        collector_began = wall_ns();
    } else {
        collector_total += wall_ns() - collector_began;
    }
    Py_RETURN_NONE;
}

static inline void
collector_on(void)
{
    static PyMethodDef method = {"note", note_collection, METH_VARARGS, NULL};
    object gc = need(PyImport_ImportModule("gc"));
    object callbacks = need(PyObject_GetAttrString(gc, "callbacks"));
    list_append(callbacks, need(PyCFunction_New(&method, NULL)));
    PyGC_Enable();
}

static inline void
collect(int generation)
{
    static object gc;
    if (gc == NULL) {
        gc = need(PyImport_ImportModule("gc"));
    }
    drop(need(PyObject_CallMethod(gc, "collect", "i", generation)));
}

static inline double
collector_ns(void)
{
    return collector_total;
}

#endif
