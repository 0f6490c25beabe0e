/* bytearray.c - bytes that change: a buffer that grows by an eighth.
 *
 * Each operation is one ouro__use() of the array.  What is added is no other array's at that moment: uses do not nest.
 *
 * @source  CPython Objects/bytearrayobject.c, PyByteArray_Resize() for the growth */
#include "types/bytes.h"
#include "types/types.h"

#include <string.h>

#include "base/assert.h"

struct ouro_type *ouro__bytearray_type;

static struct bytearray *
array_of(ouro_loan loan)
{
    OURO_ASSERT(ouro__type(ouro_look(loan)) == ouro__bytearray_type);
    return (struct bytearray *)ouro_look(loan);
}

/* ---- the buffer; the array is in use ---- */

static bool
reserve(struct bytearray *array, size_t n)
{
    size_t room;

    if (n <= array->room) {
        return true;
    }
    if (__builtin_add_overflow(n, (n >> 3) + 15, &room)) {
        return false;
    }
    room &= ~(size_t)15;
    uint8_t *items = ouro__buffer_realloc(array->items, array->room, room);
    if (items == NULL) {
        return false;
    }
    array->items = items;
    array->room = room;
    return true;
}

/* Give back what is not used, when that is more than half. */
static void
shrink(struct bytearray *array)
{
    if (array->n == 0) {
        ouro__buffer_free(array->items, array->room);
        array->items = NULL;
        array->room = 0;
    } else if (array->n < array->room / 2) {
        uint8_t *items = ouro__buffer_realloc(array->items, array->room, array->n);
        if (items != NULL) { /* otherwise it stays as large as it is */
            array->items = items;
            array->room = array->n;
        }
    }
}

static void
set_length(struct bytearray *array, size_t n)
{
    __atomic_store_n(&array->n, n, __ATOMIC_RELAXED);
}

/* ---- making and changing ---- */

ouro_ref
ouro_bytearray_new(const void *data, size_t n)
{
    struct bytearray *array =
        (struct bytearray *)ouro__leaf_alloc(ouro__bytearray_type, sizeof(struct bytearray));
    if (array == NULL) {
        return NULL;
    }
    array->n = array->room = 0;
    array->items = NULL;
    ouro_loan loan = (ouro_loan)&array->head;
    ouro_status status =
        data != NULL ? ouro_bytearray_add(loan, data, n) : ouro_bytearray_resize(loan, n);
    if (status < 0) {
        ouro_decref(&array->head);
        return NULL;
    }
    return &array->head;
}

ouro_status
ouro_bytearray_set(ouro_loan loan, size_t index, uint8_t byte)
{
    struct bytearray *array = array_of(loan);

    bool locked = ouro__use(&array->head);
    bool is_there = index < array->n;
    if (is_there) {
        array->items[index] = byte;
    }
    ouro__unuse(&array->head, locked);
    return is_there ? OURO_OK : OURO_WRONG_VALUE;
}

ouro_status
ouro_bytearray_append(ouro_loan loan, uint8_t byte)
{
    struct bytearray *array = array_of(loan);

    bool locked = ouro__use(&array->head);
    bool done = OURO_LIKELY(array->n < array->room) || reserve(array, array->n + 1);
    if (OURO_LIKELY(done)) {
        array->items[array->n] = byte;
        set_length(array, array->n + 1);
    }
    ouro__unuse(&array->head, locked);
    return done ? OURO_OK : OURO_NO_MEMORY;
}

ouro_status
ouro_bytearray_add(ouro_loan loan, const void *data, size_t n)
{
    struct bytearray *array = array_of(loan);
    size_t wanted;

    if (n == 0) {
        return OURO_OK;
    }
    bool locked = ouro__use(&array->head);
    bool done = !__builtin_add_overflow(array->n, n, &wanted) && reserve(array, wanted);
    if (done) {
        OURO_ASSERT(array->items != NULL);
        memcpy(array->items + array->n, data, n);
        set_length(array, wanted);
    }
    ouro__unuse(&array->head, locked);
    return done ? OURO_OK : OURO_NO_MEMORY;
}

ouro_status
ouro_bytearray_extend(ouro_loan array, ouro_loan either)
{
    ouro_ref bytes = ouro_bytes_from(either);
    if (bytes == NULL) {
        return OURO_NO_MEMORY;
    }
    ouro_loan added = ouro_lend(bytes);
    ouro_status status = ouro_bytearray_add(array, ouro_bytes_borrow(added), ouro_bytes_length(added));
    ouro_decref(bytes);
    return status;
}

ouro_status
ouro_bytearray_resize(ouro_loan loan, size_t n)
{
    struct bytearray *array = array_of(loan);

    bool locked = ouro__use(&array->head);
    size_t before = array->n;
    bool done = n <= before || reserve(array, n);
    if (done) {
        if (n > before) {
            memset(array->items + before, 0, n - before);
        }
        set_length(array, n);
        if (n < before) {
            shrink(array);
        }
    }
    ouro__unuse(&array->head, locked);
    return done ? OURO_OK : OURO_NO_MEMORY;
}

void
ouro_bytearray_clear(ouro_loan loan)
{
    struct bytearray *array = array_of(loan);

    bool locked = ouro__use(&array->head);
    set_length(array, 0);
    shrink(array);
    ouro__unuse(&array->head, locked);
}

/* ---- the type ---- */

static size_t
extra_size(ouro_loan self)
{
    return array_of(self)->room;
}

static void
dealloc_array(ouro_loan self)
{
    ouro__buffer_free(array_of(self)->items, array_of(self)->room);
}

ouro_loan
ouro_bytearray_type(void)
{
    return (ouro_loan)&ouro__bytearray_type->head;
}

bool
ouro__bytearrays_init(void)
{
    const ouro_type_spec spec = {
        .name = "bytearray",
        .size = sizeof(struct bytearray),
        .flags = OURO_TYPE_LEAF,
        .dealloc = dealloc_array,
        .equal = ouro__equal_bytes,
        .repr = ouro__repr_bytes,
        .iterate = ouro__iterate_bytes,
        .extra_size = extra_size,
    };
    return ouro__type_make(&spec, &ouro__bytearray_type);
}
