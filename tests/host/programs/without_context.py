"""Calls the functions of all three domains with no context, as programs do that Nuitka has compiled; prints `ok`."""

import ctypes

SIZES = 1, 24, 512, 513, 5000, 40000, 70000, 3000000
POINTER, SIZE = ctypes.c_void_p, ctypes.c_size_t


class Allocator(ctypes.Structure):
    _fields_ = [
        ("context", POINTER),
        ("malloc", ctypes.PYFUNCTYPE(POINTER, POINTER, SIZE)),
        ("calloc", ctypes.PYFUNCTYPE(POINTER, POINTER, SIZE, SIZE)),
        ("realloc", ctypes.PYFUNCTYPE(POINTER, POINTER, POINTER, SIZE)),
        ("free", ctypes.PYFUNCTYPE(None, POINTER, POINTER)),
    ]


api = ctypes.pythonapi
frees = [api.PyMem_RawFree, api.PyMem_Free, api.PyObject_Free]
for domain, free_by_name in enumerate(frees):
    free_by_name.argtypes, free_by_name.restype = [POINTER], None
    functions = Allocator()
    api.PyMem_GetAllocator(domain, ctypes.byref(functions))
    for i in range(400):
        size, after = SIZES[i % len(SIZES)], SIZES[i * 5 % len(SIZES)]
        blocks = [functions.malloc(None, size), functions.calloc(None, 1, size), functions.realloc(None, None, size)]
        assert ctypes.string_at(blocks[1], size) == bytes(size)
        for block in blocks:
            ctypes.memset(block, 65 + i % 26, size)
        blocks = [functions.realloc(None, block, after) for block in blocks]
        for block in blocks:
            assert ctypes.string_at(block, min(size, after)) == bytes([65 + i % 26]) * min(size, after)
        functions.free(None, blocks[0])
        functions.free(functions.context, blocks[1])
        free_by_name(blocks[2])
print("ok")
