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

/* ---- the buffer; the list is in use ---- */

/* Have room for `n` items; false without memory. */
static bool
reserve(struct ouro__list *list, size_t n)
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
shrink(struct ouro__list *list)
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

/* An empty list with room for `n` items, more than none. */
static inline struct ouro__list *
make_roomy(size_t n)
{
    ouro_object **items = NULL;
    if (n <= SIZE_MAX / sizeof *items) {
        items = ouro__buffer_alloc(n * sizeof *items);
    }
    struct ouro__list *list = NULL;
    if (items != NULL) {
        list = (struct ouro__list *)ouro__collected_alloc(ouro__list_type, sizeof *list);
    }
    if (OURO_UNLIKELY(list == NULL)) {
        ouro__buffer_free(items, n * sizeof *items);
        return NULL;
    }
    list->n = 0;
    list->room = n;
    list->items = items;
    return list;
}

static __attribute__((noinline)) ouro_ref
new_roomy(size_t n)
{
    return (ouro_ref)make_roomy(n);
}

ouro_ref
ouro_list_new(size_t n)
{
    if (n != 0) {
        return new_roomy(n);
    }
    struct ouro__list *list = (struct ouro__list *)ouro__collected_alloc(ouro__list_type, sizeof *list);
    if (OURO_LIKELY(list != NULL)) {
        list->n = list->room = 0;
        list->items = NULL;
    }
    return (ouro_ref)list;
}

ouro_ref
ouro_list_of(size_t n, ouro_loan const *items)
{
    struct ouro__list *list = n != 0 ? make_roomy(n) : (struct ouro__list *)ouro_list_new(0);
    if (OURO_LIKELY(list != NULL)) {
        ouro__incref_all(list->items, (ouro_object *const *)items, n);
        list->n = n;
    }
    return (ouro_ref)list;
}

/* What is quick for an owner who has the items, too, is tried first, in functions that call nothing; when that was
 * not it, nothing has been done. */

static __attribute__((noinline)) ouro_ref
get(struct ouro__list *list, size_t index)
{
    bool locked = ouro__use(&list->head);
    ouro_object *item = index < list->n ? ouro_incref((ouro_loan)list->items[index]) : NULL;
    ouro__unuse(&list->head, locked);
    return item;
}

ouro_ref
ouro__list_get(ouro_loan loan, size_t index)
{
    struct ouro__list *list = ouro__as_list(loan);
    struct thread *self = ouro__thread_self;

    if (OURO_LIKELY(ouro__use_own(self, &list->head))) {
        ouro_object *item;
        if (OURO_LIKELY(index < list->n && ouro__incref_own(item = list->items[index], self))) {
            ouro__unuse_own(self);
            return item;
        }
        ouro__unuse_own(self);
    }
    return get(list, index);
}

/* ---- changing ---- */

static __attribute__((noinline)) ouro_status
set(struct ouro__list *list, size_t index, ouro_loan item)
{
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

ouro_status
ouro__list_set(ouro_loan loan, size_t index, ouro_loan item)
{
    struct ouro__list *list = ouro__as_list(loan);
    struct thread *self = ouro__thread_self;

    if (OURO_LIKELY(ouro__use_own(self, &list->head))) {
        if (OURO_LIKELY(index < list->n && ouro__incref_own(ouro_look(item), self))) {
            ouro_object *before = list->items[index];
            list->items[index] = ouro_look(item);
            ouro__unuse_own(self);
            ouro__decref_by(before, self->number);
            return OURO_OK;
        }
        ouro__unuse_own(self);
    }
    return set(list, index, item);
}

/* Add an item, stolen, for which there is room.  The list is in use. */
static inline void
push(struct ouro__list *list, ouro_object *item)
{
    size_t n = list->n;
    list->items[n] = item;
    __atomic_store_n(&list->n, n + 1, __ATOMIC_RELAXED);
}

/* Add an item, which is stolen also when that fails. */
static __attribute__((noinline)) ouro_status
append(struct ouro__list *list, ouro_object *item)
{
    bool locked = ouro__use(&list->head);
    bool done = reserve(list, list->n + 1);
    if (OURO_LIKELY(done)) {
        push(list, item);
    }
    ouro__unuse(&list->head, locked);
    if (OURO_UNLIKELY(!done)) {
        ouro_decref(item);
    }
    return done ? OURO_OK : OURO_NO_MEMORY;
}

static __attribute__((noinline)) ouro_status
append_new(struct ouro__list *list, ouro_loan item)
{
    return append(list, ouro_incref(item));
}

ouro_status
ouro__list_append_steal(ouro_loan loan, ouro_ref item)
{
    struct ouro__list *list = ouro__as_list(loan);
    struct thread *self = ouro__thread_self;

    if (OURO_LIKELY(ouro__use_own(self, &list->head))) {
        if (OURO_LIKELY(list->n < list->room)) {
            push(list, item);
            ouro__unuse_own(self);
            return OURO_OK;
        }
        ouro__unuse_own(self);
    }
    return append(list, item);
}

ouro_status
ouro__list_append(ouro_loan loan, ouro_loan item)
{
    struct ouro__list *list = ouro__as_list(loan);
    struct thread *self = ouro__thread_self;

    if (OURO_LIKELY(ouro__use_own(self, &list->head))) {
        if (OURO_LIKELY(list->n < list->room && ouro__incref_own(ouro_look(item), self))) {
            push(list, ouro_look(item));
            ouro__unuse_own(self);
            return OURO_OK;
        }
        ouro__unuse_own(self);
    }
    return append_new(list, item);
}

/* Have room for `more` items behind `index`; the list is in use.  False without memory. */
static bool
open_gap(struct ouro__list *list, size_t index, size_t more)
{
    size_t n = list->n;
    if (more > SIZE_MAX / sizeof *list->items - n || !reserve(list, n + more)) {
        return false;
    }
    memmove(&list->items[index + more], &list->items[index], (n - index) * sizeof *list->items);
    __atomic_store_n(&list->n, n + more, __ATOMIC_RELAXED);
    return true;
}

ouro_status
ouro_list_insert(ouro_loan loan, size_t index, ouro_loan item)
{
    struct ouro__list *list = ouro__as_list(loan);

    bool locked = ouro__use(&list->head);
    index = index < list->n ? index : list->n;
    bool done = open_gap(list, index, 1);
    if (OURO_LIKELY(done)) {
        list->items[index] = ouro_incref(item);
    }
    ouro__unuse(&list->head, locked);
    return done ? OURO_OK : OURO_NO_MEMORY;
}

ouro_ref
ouro_list_pop(ouro_loan loan, size_t index)
{
    struct ouro__list *list = ouro__as_list(loan);
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

/* Add what a list or a tuple has at the moment, which may be the list itself. */
static ouro_status
extend_by_sequence(struct ouro__list *list, ouro_loan items)
{
    struct ouro__list *taken; /* two objects are not used at once */

    if (ouro_is_a(items, ouro_tuple_type())) {
        struct tuple *tuple = (struct tuple *)ouro_look(items);
        taken = (struct ouro__list *)ouro_list_of(tuple->n, ouro__tuple_items(tuple));
    } else {
        taken = (struct ouro__list *)ouro_list_slice(items, 0, SIZE_MAX);
    }
    if (taken == NULL) {
        return OURO_NO_MEMORY;
    }
    bool locked = ouro__use(&list->head);
    size_t n = list->n;
    bool done = true;
    if (list->items == NULL) { /* nothing to be copied once more */
        list->items = taken->items;
        list->room = taken->room;
        __atomic_store_n(&list->n, taken->n, __ATOMIC_RELAXED);
        taken->items = NULL;
        taken->n = taken->room = 0;
    } else if (taken->n != 0 && (done = open_gap(list, n, taken->n))) {
        memcpy(&list->items[n], taken->items, taken->n * sizeof *taken->items);
        taken->n = 0;
    }
    ouro__unuse(&list->head, locked);
    ouro_decref(&taken->head);
    return done ? OURO_OK : OURO_NO_MEMORY;
}

ouro_status
ouro_list_extend(ouro_loan list, ouro_loan items)
{
    ouro_ref iterator = NULL, item = NULL;

    const struct ouro_type *type = ouro__type(ouro_look(items));
    if (type == ouro__list_type || type == ouro__tuple_type || ouro_look(items) == ouro_look(list)) {
        return extend_by_sequence(ouro__as_list(list), items);
    }
    ouro_status status = ouro_iterate(items, &iterator);
    while (status >= 0 && (status = ouro_next(ouro_lend(iterator), &item)) == OURO_FOUND) {
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
    struct ouro__list *list = ouro__as_list(loan);

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
    ouro__decref_all(items, n);
    ouro__buffer_free(items, room * sizeof *items);
}

void
ouro_list_clear(ouro_loan loan)
{
    struct ouro__list *list = ouro__as_list(loan);

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
    struct ouro__list *list = (struct ouro__list *)object;
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
    struct ouro__list *list = ouro__as_list(loan);
    size_t length = ouro_list_length(loan);
    size_t wanted = (end < length ? end : length) > begin ? (end < length ? end : length) - begin : 0;
    struct ouro__list *slice = (struct ouro__list *)ouro_list_new(wanted);

    if (slice == NULL) {
        return NULL;
    }
    bool locked = ouro__use(&list->head);
    size_t n = list->n > begin ? list->n - begin : 0; /* it may have got shorter */
    slice->n = n < wanted ? n : wanted;
    if (slice->n != 0) { /* an empty list has no items to begin at */
        ouro__incref_all(slice->items, list->items + begin, slice->n);
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
    return ouro__as_list(self)->room * sizeof(ouro_ref);
}

static inline __attribute__((always_inline)) void
let_go_of_list(ouro_object *object)
{
    const struct ouro__list *list = (const struct ouro__list *)object;
    if (list->items != NULL) {
        drop(list->items, list->n, list->room);
    }
}

static void
end_list(ouro_object *object)
{
    ouro__end(object, ouro__spare_class(sizeof(struct ouro__list)), let_go_of_list);
}

static void
dealloc_list(ouro_loan self)
{
    ouro__buffer_free(ouro__as_list(self)->items, ouro__as_list(self)->room * sizeof(ouro_ref));
}

ouro_loan
ouro_list_type(void)
{
    return (ouro_loan)&ouro__list_type->head;
}

bool
ouro__lists_init(void)
{
    static const ouro_field fields[] = {OURO_FIELD_ARRAY(struct ouro__list, items, n, ouro_ref, 1)};
    const ouro_type_spec spec = {
        .name = "list",
        .size = sizeof(struct ouro__list),
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
    ouro__list_type->end = end_list;
    return true;
}
