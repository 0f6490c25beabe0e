/* cpython_abi.h - the little of CPython's C API that the host uses, declared by ourselves.
 *
 * One binary serves 3.9 to 3.15, so no Python.h: functions are looked up by name when the process begins,
 * and the few structs below have been the same in all of these versions (those of the collector are checked
 * against what the interpreter says of itself before anything is written: cpython_lists.c). */
#ifndef OURO_HOST_CPYTHON_ABI_H
#define OURO_HOST_CPYTHON_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Objects are opaque, but for the two words at their start. */
typedef struct py_object {
    intptr_t references;
    struct py_object *type;
} py_object;

typedef py_object *(*py_function)(py_object *self, py_object *arguments);
typedef py_object *(*py_fast_function)(py_object *self, py_object *const *arguments, intptr_t n,
                                       py_object *names);

/* PyMethodDef: part of the stable ABI. */
struct py_method {
    const char *name;
    py_function call;
    int flags;
    const char *doc;
};

enum py_method_flags {
    PY_VARARGS = 0x0001,
    PY_KEYWORDS = 0x0002,
    PY_NOARGS = 0x0004,
    PY_FASTCALL = 0x0080,
};

/* A built-in function, as far as we look: PyCFunctionObject. */
struct py_builtin {
    py_object head;
    struct py_method *method;
};

/* PyMemAllocatorEx. */
struct py_allocator {
    void *context;
    void *(*malloc)(void *context, size_t size);
    void *(*calloc)(void *context, size_t count, size_t size);
    void *(*realloc)(void *context, void *block, size_t size);
    void (*free)(void *context, void *block);
};

/* PyMemAllocatorDomain has the values of enum ouro_domain: raw 0, mem 1, object 2. */

/* Everything that is called, as X(result, name, arguments).  All of it is exported by each version, static
 * builds included. */
/* PyObjectArenaAllocator */
struct py_arena_allocator {
    void *context;
    void *(*alloc)(void *context, size_t size);
    void (*free)(void *context, void *block, size_t size);
};

#define OURO_CPYTHON_FUNCTIONS(X)                                                                      \
    X(void, PyMem_GetAllocator, (int, struct py_allocator *))                                          \
    X(void, PyMem_SetAllocator, (int, struct py_allocator *))                                          \
    X(void, PyObject_SetArenaAllocator, (struct py_arena_allocator *))                                 \
    X(const char *, Py_GetVersion, (void))                                                             \
    X(int, Py_IsInitialized, (void))                                                                   \
    X(int, Py_AddPendingCall, (int (*)(void *), void *))                                               \
    X(int, Py_AtExit, (void (*)(void)))                                                                \
    X(void *, PyInterpreterState_Get, (void))                                                          \
    X(int64_t, PyInterpreterState_GetID, (void *))                                                     \
    X(void *, PyGILState_GetThisThreadState, (void))                                                   \
    X(py_object *, PyEval_GetGlobals, (void))                                                          \
    X(int, PyCode_Addr2Line, (py_object *, int))                                                       \
    X(py_object *, PyImport_ImportModule, (const char *))                                              \
    X(py_object *, PyImport_GetModuleDict, (void))                                                     \
    X(py_object *, PyModule_GetDict, (py_object *))                                                    \
    X(py_object *, PyDict_GetItemString, (py_object *, const char *))                                  \
    X(intptr_t, PyDict_Size, (py_object *))                                                            \
    X(int, PyDict_DelItemString, (py_object *, const char *))                                          \
    X(py_object *, PyList_New, (intptr_t))                                                             \
    X(int, PyList_Append, (py_object *, py_object *))                                                  \
    X(intptr_t, PyList_Size, (py_object *))                                                            \
    X(py_object *, PyTuple_GetItem, (py_object *, intptr_t))                                           \
    X(py_object *, PyCFunction_NewEx, (struct py_method *, py_object *, py_object *))                  \
    X(py_object *, PyObject_CallFunctionObjArgs, (py_object *, ...))                                   \
    X(py_object *, Py_BuildValue, (const char *, ...))                                                 \
    X(long, PyLong_AsLong, (py_object *))                                                              \
    X(const char *, PyUnicode_AsUTF8AndSize, (py_object *, intptr_t *))                                \
    X(intptr_t, PyGC_Collect, (void))                                                                  \
    X(py_object *, PyErr_Occurred, (void))                                                             \
    X(void, PyErr_Clear, (void))                                                                       \
    X(void, Py_IncRef, (py_object *))                                                                  \
    X(void, Py_DecRef, (py_object *))

/* The functions of the CPython in this process. */
struct py_api {
#define OURO_CPYTHON_FIELD(result, name, arguments) result(*name) arguments;
    OURO_CPYTHON_FUNCTIONS(OURO_CPYTHON_FIELD)
#undef OURO_CPYTHON_FIELD
    void *(*current_thread_state)(
        void);                  /* of this thread, NULL when it doesn't hold an interpreter's lock */
    int (*is_finalizing)(void); /* has the interpreter begun to end? */
    py_object *none;            /* &_Py_NoneStruct */
    unsigned hex;               /* major << 24 | minor << 16 | micro << 8, from Py_GetVersion() */
    char version[32];           /* "3.11.2" */
    bool free_threaded;         /* a build without a global lock */
    bool is_prerelease;         /* alpha, beta or release candidate */
};

#endif
