/* list.c - lists: a buffer of references that grows by an eighth.
 *
 * Each operation is one ouro__use() of the list, so that whoever sees it, another thread or the collector, sees it whole.
 * Within a use nothing is let go of and nothing compared, since that may run anything: what goes is taken out
 * first.
 *
 * @source  CPython Objects/listobject.c; list_resize() for the growth */
#include "types/sequences.h"

#include <string.h>

struct ouro_type *ouro__list_type;

static struct list *
list_of(ouro_loan loan)
{
    return (struct list *)ouro_look(loan);
}

/* ---- the buffer; the list is in use ---- */

/* Have room for `n` items; false without memory. */
static bool
reserve(struct list *list, size_t n)
{
    if (n <= list->room) {
        return true;
    }
    size_t room = (n + (n >> 3) + 6) & ~(size_t)3;
    if (room > SIZE_MAX / sizeof *list->items) {
        return false;
    }
    ouro_object **items =
        ouro__buffer_realloc(list->items, list->room * sizeof *items, room * sizeof *items);
    if (items == NULL) {
        return false;
    }
    list->items = items;
    list->room = room;
    return true;
}

/* Give back what is not used, when that is more than half. */
static void
shrink(struct list *list)
{
    if (list->n >= list->room / 2) {
        return;
    }
    size_t room = list->n == 0 ? 0 : (list->n + (list->n >> 3) + 6) & ~(size_t)3;
    if (room == 0) {
        ouro__buffer_free(list->items, list->room * sizeof *list->items);
        list->items = NULL;
        list->room = 0;
    } else if (room < list->room) {
        ouro_object **items =
            ouro__buffer_realloc(list->items, list->room * sizeof *items, room * sizeof *items);
        if (items != NULL) { /* otherwise it stays as large as it is */
            list->items = items;
            list->room = room;
        }
    }
}

/* ---- making and asking ---- */

ouro_ref
ouro_list_new(size_t n)
{
    struct list *list = (struct list *)ouro__collected_alloc(ouro__list_type, sizeof *list);
    if (OURO_UNLIKELY(list == NULL)) {
        return NULL;
    }
    list->n = list->room = 0;
    list->items = NULL;
    if (n != 0) {
        list->items =
            n <= SIZE_MAX / sizeof *list->items ? ouro__buffer_alloc(n * sizeof *list->items) : NULL;
        if (list->items == NULL) {
            ouro_decref(&list->head);
            return NULL;
        }
        list->room = n;
    }
    return &list->head;
}

size_t
ouro_list_length(ouro_loan list)
{
    return __atomic_load_n(&list_of(list)->n, __ATOMIC_RELAXED);
}

ouro_ref
ouro_list_get(ouro_loan loan, size_t index)
{
    struct list *list = list_of(loan);
    bool locked = ouro__use(&list->head);
    ouro_object *item = index < list->n ? ouro_incref((ouro_loan)list->items[index]) : NULL;
    ouro__unuse(&list->head, locked);
    return item;
}

ouro_loan
ouro_list_get_borrow(ouro_loan loan, size_t index)
{
    const struct list *list = list_of(loan);
    return index < list->n ? (ouro_loan)list->items[index] : NULL;
}

/* ---- changing ---- */

ouro_status
ouro_list_set(ouro_loan loan, size_t index, ouro_loan item)
{
    struct list *list = list_of(loan);
    ouro_object *before = NULL;

    bool locked = ouro__use(&list->head);
    bool is_there = index < list->n;
    if (is_there) {
        before = list->items[index];
        list->items[index] = ouro_incref(item);
    }
    ouro__unuse(&list->head, locked);
    ouro_xdecref(before);
    return is_there ? OURO_OK : OURO_WRONG_VALUE;
}

/* Put an item, stolen when that succeeds, before the one at `index`. */
static bool
put(struct list *list, size_t index, ouro_object *item)
{
    bool locked = ouro__use(&list->head);
    size_t n = list->n;
    bool done = OURO_LIKELY(n < list->room) || reserve(list, n + 1);
    if (OURO_LIKELY(done)) {
        if (index < n) {
            memmove(&list->items[index + 1], &list->items[index], (n - index) * sizeof *list->items);
        } else {
            index = n;
        }
        list->items[index] = item;
        __atomic_store_n(&list->n, n + 1, __ATOMIC_RELAXED);
    }
    ouro__unuse(&list->head, locked);
    return done;
}

ouro_status
ouro_list_append_steal(ouro_loan list, ouro_ref item)
{
    if (OURO_LIKELY(put(list_of(list), SIZE_MAX, item))) {
        return OURO_OK;
    }
    ouro_decref(item);
    return OURO_NO_MEMORY;
}

ouro_status
ouro_list_append(ouro_loan list, ouro_loan item)
{
    return ouro_list_append_steal(list, ouro_incref(item));
}

ouro_status
ouro_list_insert(ouro_loan list, size_t index, ouro_loan item)
{
    ouro_ref taken = ouro_incref(item);
    if (put(list_of(list), index, taken)) {
        return OURO_OK;
    }
    ouro_decref(taken);
    return OURO_NO_MEMORY;
}

ouro_ref
ouro_list_pop(ouro_loan loan, size_t index)
{
    struct list *list = list_of(loan);
    ouro_object *item = NULL;

    bool locked = ouro__use(&list->head);
    size_t n = list->n;
    if (index == SIZE_MAX && n != 0) {
        index = n - 1;
    }
    if (index < n) {
        item = list->items[index];
        memmove(&list->items[index], &list->items[index + 1], (n - 1 - index) * sizeof *list->items);
        __atomic_store_n(&list->n, n - 1, __ATOMIC_RELAXED);
        shrink(list);
    }
    ouro__unuse(&list->head, locked);
    return item;
}

ouro_status
ouro_list_extend(ouro_loan list, ouro_loan items)
{
    ouro_ref iterator = NULL, item = NULL;
    size_t most =
        ouro_look(list) == ouro_look(items) ? ouro_list_length(list) : SIZE_MAX; /* not those it adds */

    ouro_status status = ouro_iterate(items, &iterator);
    while (status >= 0 && most-- != 0 &&
           (status = ouro_next(ouro_lend(iterator), &item)) == OURO_FOUND) {
        status = ouro_list_append_steal(list, item);
    }
    ouro_xdecref(iterator);
    return status < 0 ? status : OURO_OK;
}

ouro_status
ouro_list_from(ouro_loan items, ouro_ref *list)
{
    ouro_ref made = ouro_list_new(0);
    if (made == NULL) {
        return OURO_NO_MEMORY;
    }
    ouro_status status = ouro_list_extend(ouro_lend(made), items);
    if (status < 0) {
        ouro_decref(made);
        return status;
    }
    *list = made;
    return OURO_OK;
}

void
ouro_list_reverse(ouro_loan loan)
{
    struct list *list = list_of(loan);

    bool locked = ouro__use(&list->head);
    for (size_t i = 0, k = list->n; i + 1 < k; i++) {
        ouro_object *item = list->items[--k];
        list->items[k] = list->items[i];
        list->items[i] = item;
    }
    ouro__unuse(&list->head, locked);
}

/* Let go of the items from the last to the first. */
static void
drop(ouro_object **items, size_t n, size_t room)
{
    while (n != 0) {
        ouro_decref(items[--n]);
    }
    ouro__buffer_free(items, room * sizeof *items);
}

void
ouro_list_clear(ouro_loan loan)
{
    struct list *list = list_of(loan);

    bool locked = ouro__use(&list->head);
    ouro_object **items = list->items;
    size_t n = list->n, room = list->room;
    __atomic_store_n(&list->n, 0, __ATOMIC_RELAXED);
    list->room = 0;
    list->items = NULL;
    ouro__unuse(&list->head, locked);
    drop(items, n, room);
}

void
ouro__list_fill(ouro_object *object, ouro_ref item)
{
    struct list *list = (struct list *)object;
    OURO_ASSERT(list->n < list->room);
    list->items[list->n++] = item;
}

/* ---- searching; what is compared may change the list ---- */

ouro_status
ouro_list_find(ouro_loan list, ouro_loan item, size_t *index)
{
    for (size_t i = 0;; i++) {
        ouro_ref each = ouro_list_get(list, i);
        if (each == NULL) {
            return OURO_OK;
        }
        ouro_status status = ouro_equal(ouro_lend(each), item);
        ouro_decref(each);
        if (status != OURO_NOT_EQUAL) {
            *index = status == OURO_FOUND ? i : *index;
            return status;
        }
    }
}

ouro_status
ouro_list_remove(ouro_loan list, ouro_loan item)
{
    size_t index = 0;
    ouro_status status = ouro_list_find(list, item, &index);
    if (status == OURO_FOUND) {
        ouro_xdecref(ouro_list_pop(list, index));
    }
    return status;
}

ouro_ref
ouro_list_slice(ouro_loan loan, size_t begin, size_t end)
{
    struct list *list = list_of(loan);
    size_t length = ouro_list_length(loan);
    size_t wanted = (end < length ? end : length) > begin ? (end < length ? end : length) - begin : 0;
    struct list *slice = (struct list *)ouro_list_new(wanted);

    if (slice == NULL) {
        return NULL;
    }
    bool locked = ouro__use(&list->head);
    for (size_t i = 0; i < wanted && begin + i < list->n; i++) {
        slice->items[slice->n++] = ouro_incref((ouro_loan)list->items[begin + i]);
    }
    ouro__unuse(&list->head, locked);
    return &slice->head;
}

/* ---- the type ---- */

static ouro_status
equal_list(ouro_loan self, ouro_loan other)
{
    if (!ouro_is_a(other, ouro_list_type()) || ouro_list_length(self) != ouro_list_length(other)) {
        return OURO_NOT_EQUAL;
    }
    for (size_t i = 0;; i++) {
        ouro_ref a = ouro_list_get(self, i), b = ouro_list_get(other, i);
        bool at_end = a == NULL || b == NULL;
        ouro_status status =
            at_end ? (a == b ? OURO_FOUND : OURO_NOT_EQUAL) : ouro_equal(ouro_lend(a), ouro_lend(b));
        ouro_xdecref(a);
        ouro_xdecref(b);
        if (at_end || status != OURO_FOUND) {
            return status;
        }
    }
}

static size_t
extra_size(ouro_loan self)
{
    return list_of(self)->room * sizeof(ouro_ref);
}

static void
let_go_of_list(ouro_object *object)
{
    const struct list *list = (const struct list *)object;
    drop(list->items, list->n, list->room);
}

static void
dealloc_list(ouro_loan self)
{
    ouro__buffer_free(list_of(self)->items, list_of(self)->room * sizeof(ouro_ref));
}

ouro_loan
ouro_list_type(void)
{
    return (ouro_loan)&ouro__list_type->head;
}

bool
ouro__lists_init(void)
{
    static const ouro_field fields[] = {OURO_FIELD_ARRAY(struct list, items, n, ouro_ref, 1)};
    const ouro_type_spec spec = {
        .name = "list",
        .size = sizeof(struct list),
        .n_fields = 1,
        .fields = fields,
        .flags = OURO_TYPE_BASE,
        .clear = ouro_list_clear,
        .dealloc = dealloc_list,
        .equal = equal_list,
        .repr = ouro__repr_list,
        .iterate = ouro__iterate_list,
        .extra_size = extra_size,
    };
    if (!ouro__type_make(&spec, &ouro__list_type)) {
        return false;
    }
    ouro__list_type->let_go = let_go_of_list;
    return true;
}
