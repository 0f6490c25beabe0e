/* deque.c - deques: a ring of references, twice as large each time it is full.
 *
 *   items:  | 6 | 7 |   |   |   | 3 | 4 | 5 |      first = 5, n = 5, room = 8
 *
 * Slots that have no item are NULL, so that the collector may read all of them.  The room is a power of two, and no more
 * than four times what is needed, but for the least.
 *
 * As of lists, each operation is one ouro__use() of the deque, within which nothing is let go of and nothing compared.
 *
 * @source  CPython Modules/_collectionsmodule.c for what the operations do */
#include "ouro/deque.h"
#include "types/types.h"

#define LEAST_ROOM 8

struct deque {
    ouro_object head;
    ouro_object **items;
    size_t room, first, n;
    size_t most;    /* items that there may be */
    size_t version; /* another one after items were added or taken out, or changed places */
};

struct iterator {
    ouro_object head;
    ouro_object *deque; /* NULL: at the end */
    size_t given;       /* items */
    size_t version;     /* of the deque when it began */
};

static struct ouro_type *deque_type, *iterator_type, *reverse_iterator_type;

static struct deque *
deque_of(ouro_loan loan)
{
    return (struct deque *)ouro_look(loan);
}

/* ---- the ring; the deque is in use ---- */

static ouro_object **
slot(const struct deque *deque, size_t index)
{
    return &deque->items[(deque->first + index) & (deque->room - 1)];
}

/* Have a ring of so much room; false without memory. */
static bool
resize(struct deque *deque, size_t room)
{
    if (room > SIZE_MAX / sizeof(ouro_ref)) {
        return false;
    }
    ouro_object **items = ouro__buffer_alloc(room * sizeof *items);
    if (items == NULL) {
        return false;
    }
    size_t to_end = deque->room - deque->first;
    size_t n_before = deque->n < to_end ? deque->n : to_end; /* the ring goes round here */
    if (deque->n != 0) {
        memcpy(items, deque->items + deque->first, n_before * sizeof *items);
        memcpy(items + n_before, deque->items, (deque->n - n_before) * sizeof *items);
    }
    memset(items + deque->n, 0, (room - deque->n) * sizeof *items);
    ouro__buffer_free(deque->items, deque->room * sizeof *items);
    deque->items = items;
    deque->room = room;
    deque->first = 0;
    return true;
}

static bool
reserve_one(struct deque *deque)
{
    return OURO_LIKELY(deque->n < deque->room) ||
           resize(deque, deque->room == 0 ? LEAST_ROOM : 2 * deque->room);
}

/* Take an item out at one end; NULL when there is none. */
static ouro_object *
take(struct deque *deque, bool at_left)
{
    if (deque->n == 0) {
        return NULL;
    }
    ouro_object **from = slot(deque, at_left ? 0 : deque->n - 1), *item = *from;
    *from = NULL;
    deque->first += at_left;
    deque->first &= deque->room - 1;
    __atomic_store_n(&deque->n, deque->n - 1, __ATOMIC_RELAXED);
    deque->version++;
    if (OURO_UNLIKELY(deque->n < deque->room / 4) && deque->room > LEAST_ROOM) {
        (void)resize(deque, deque->room / 2); /* otherwise it stays as large as it is */
    }
    return item;
}

/* Put an item in at one end, where there is room. */
static void
put(struct deque *deque, bool at_left, ouro_object *item)
{
    deque->first -= at_left;
    deque->first &= deque->room - 1;
    __atomic_store_n(&deque->n, deque->n + 1, __ATOMIC_RELAXED);
    *slot(deque, at_left ? 0 : deque->n - 1) = item;
    deque->version++;
}

/* Take `n` items from one end and put them at the other. */
static void
turn(struct deque *deque, bool to_left, size_t n)
{
    if (deque->n == deque->room) { /* the ring is full: what is its first is all there is to it */
        deque->first = (deque->first + (to_left ? n : deque->n - n)) & (deque->room - 1);
        return;
    }
    for (; n != 0; n--) {
        ouro_object **from = slot(deque, to_left ? 0 : deque->n - 1), *item = *from;
        *from = NULL;
        deque->first = (deque->first + (to_left ? 1 : deque->room - 1)) & (deque->room - 1);
        *slot(deque, to_left ? deque->n - 1 : 0) = item;
    }
}

/* ---- making and asking ---- */

ouro_ref
ouro_deque_new(size_t most)
{
    struct deque *deque = (struct deque *)ouro_new((ouro_loan)&deque_type->head);
    if (deque != NULL) {
        deque->most = most;
    }
    return (ouro_ref)deque;
}

ouro_ref
ouro_deque_copy(ouro_loan loan)
{
    struct deque *from = deque_of(loan), *to = deque_of(ouro_lend(ouro_deque_new(from->most)));
    if (to == NULL) {
        return NULL;
    }
    bool locked = ouro__use(&from->head);
    bool done = from->n == 0 || resize(to, from->room);
    for (size_t i = 0; done && i < from->n; i++) {
        to->items[to->n++] = ouro_incref((ouro_loan)*slot(from, i));
    }
    ouro__unuse(&from->head, locked);
    if (!done) {
        ouro_decref(&to->head);
        return NULL;
    }
    return (ouro_ref)to;
}

size_t
ouro_deque_length(ouro_loan deque)
{
    return __atomic_load_n(&deque_of(deque)->n, __ATOMIC_RELAXED);
}

size_t
ouro_deque_most(ouro_loan deque)
{
    return deque_of(deque)->most;
}

ouro_ref
ouro_deque_get(ouro_loan loan, size_t index)
{
    struct deque *deque = deque_of(loan);
    bool locked = ouro__use(&deque->head);
    ouro_object *item = index < deque->n ? ouro_incref((ouro_loan)*slot(deque, index)) : NULL;
    ouro__unuse(&deque->head, locked);
    return item;
}

/* ---- changing ---- */

ouro_status
ouro_deque_set(ouro_loan loan, size_t index, ouro_loan item)
{
    struct deque *deque = deque_of(loan);
    ouro_object *before = NULL;

    bool locked = ouro__use(&deque->head);
    bool is_there = index < deque->n;
    if (is_there) {
        before = *slot(deque, index);
        *slot(deque, index) = ouro_incref(item);
    }
    ouro__unuse(&deque->head, locked);
    ouro_xdecref(before);
    return is_there ? OURO_OK : OURO_WRONG_VALUE;
}

static ouro_status
add(struct deque *deque, bool at_left, ouro_loan item)
{
    ouro_object *out = NULL;

    if (OURO_UNLIKELY(deque->most == 0)) {
        return OURO_OK;
    }
    bool locked = ouro__use(&deque->head);
    if (deque->n >= deque->most) {
        out = take(deque, !at_left);
    }
    bool done = reserve_one(deque);
    if (OURO_LIKELY(done)) {
        put(deque, at_left, ouro_incref(item));
    }
    ouro__unuse(&deque->head, locked);
    ouro_xdecref(out);
    return done ? OURO_OK : OURO_NO_MEMORY;
}

ouro_status
ouro_deque_append(ouro_loan deque, ouro_loan item)
{
    return add(deque_of(deque), false, item);
}

ouro_status
ouro_deque_append_left(ouro_loan deque, ouro_loan item)
{
    return add(deque_of(deque), true, item);
}

static ouro_ref
pop(struct deque *deque, bool at_left)
{
    bool locked = ouro__use(&deque->head);
    ouro_object *item = take(deque, at_left);
    ouro__unuse(&deque->head, locked);
    return item;
}

ouro_ref
ouro_deque_pop(ouro_loan deque)
{
    return pop(deque_of(deque), false);
}

ouro_ref
ouro_deque_pop_left(ouro_loan deque)
{
    return pop(deque_of(deque), true);
}

static ouro_status
extend(ouro_loan deque, bool at_left, ouro_loan items)
{
    ouro_ref iterator = NULL, item = NULL, copy = NULL;

    if (ouro_look(deque) == ouro_look(items)) { /* not what is added meanwhile */
        copy = ouro_deque_copy(items);
        if (copy == NULL) {
            return OURO_NO_MEMORY;
        }
        items = ouro_lend(copy);
    }
    ouro_status status = ouro_iterate(items, &iterator);
    while (status >= 0 && (status = ouro_next(ouro_lend(iterator), &item)) == OURO_FOUND) {
        status = add(deque_of(deque), at_left, ouro_lend(item));
        ouro_decref(item);
    }
    ouro_xdecref(iterator);
    ouro_xdecref(copy);
    return status < 0 ? status : OURO_OK;
}

ouro_status
ouro_deque_extend(ouro_loan deque, ouro_loan items)
{
    return extend(deque, false, items);
}

ouro_status
ouro_deque_extend_left(ouro_loan deque, ouro_loan items)
{
    return extend(deque, true, items);
}

/* Put an item in at one end and shift it to its place, or the other way: the shorter way. */
ouro_status
ouro_deque_insert(ouro_loan loan, size_t index, ouro_loan item)
{
    struct deque *deque = deque_of(loan);
    ouro_status status = OURO_TOO_LARGE;

    bool locked = ouro__use(&deque->head);
    if (deque->n < deque->most) {
        status = reserve_one(deque) ? OURO_OK : OURO_NO_MEMORY;
    }
    if (status == OURO_OK) {
        bool at_left = index < deque->n / 2;
        index = index < deque->n ? index : deque->n;
        put(deque, at_left, NULL);
        for (size_t i = 0; at_left && i < index; i++) {
            *slot(deque, i) = *slot(deque, i + 1);
        }
        for (size_t i = deque->n - 1; !at_left && i > index; i--) {
            *slot(deque, i) = *slot(deque, i - 1);
        }
        *slot(deque, index) = ouro_incref(item);
    }
    ouro__unuse(&deque->head, locked);
    return status;
}

void
ouro_deque_rotate(ouro_loan loan, int64_t n)
{
    struct deque *deque = deque_of(loan);

    bool locked = ouro__use(&deque->head);
    if (deque->n > 1) {
        bool to_left = n < 0;
        size_t turns = (size_t)((to_left ? -(uint64_t)n : (uint64_t)n) % deque->n);
        if (turns > deque->n / 2) {
            to_left = !to_left;
            turns = deque->n - turns;
        }
        turn(deque, to_left, turns);
        deque->version++;
    }
    ouro__unuse(&deque->head, locked);
}

void
ouro_deque_reverse(ouro_loan loan)
{
    struct deque *deque = deque_of(loan);

    bool locked = ouro__use(&deque->head);
    for (size_t i = 0; i < deque->n / 2; i++) {
        ouro_object **a = slot(deque, i), **b = slot(deque, deque->n - 1 - i), *item = *a;
        *a = *b;
        *b = item;
    }
    ouro__unuse(&deque->head, locked);
}

void
ouro_deque_clear(ouro_loan loan)
{
    struct deque *deque = deque_of(loan);

    bool locked = ouro__use(&deque->head);
    struct deque taken = {
        .items = deque->items, .room = deque->room, .first = deque->first, .n = deque->n};
    deque->items = NULL;
    deque->room = deque->first = 0;
    deque->version += deque->n != 0;
    __atomic_store_n(&deque->n, 0, __ATOMIC_RELAXED);
    ouro__unuse(&deque->head, locked);
    for (size_t i = 0; i < taken.n; i++) {
        ouro_decref(*slot(&taken, i));
    }
    ouro__buffer_free(taken.items, taken.room * sizeof *taken.items);
}

/* ---- searching; what is compared may change the deque ---- */

/* The item at `index` while the version is still the one that `version` has; otherwise OURO_CHANGED. */
static ouro_status
get_unchanged(struct deque *deque, size_t index, size_t version, ouro_ref *item)
{
    ouro_status status = OURO_CHANGED;

    bool locked = ouro__use(&deque->head);
    if (deque->version == version) {
        status = index < deque->n ? OURO_FOUND : OURO_OK;
    }
    if (status == OURO_FOUND) {
        *item = ouro_incref((ouro_loan)*slot(deque, index));
    }
    ouro__unuse(&deque->head, locked);
    return status;
}

static size_t
version_of(struct deque *deque)
{
    bool locked = ouro__use(&deque->head);
    size_t version = deque->version;
    ouro__unuse(&deque->head, locked);
    return version;
}

static ouro_status
find(struct deque *deque, ouro_loan item, size_t version, size_t *index)
{
    ouro_status status = OURO_OK;
    ouro_ref each = NULL;

    for (size_t i = 0; (status = get_unchanged(deque, i, version, &each)) == OURO_FOUND; i++) {
        status = ouro_equal(ouro_lend(each), item);
        ouro_decref(each);
        if (status != OURO_NOT_EQUAL) {
            *index = status == OURO_FOUND ? i : *index;
            return status;
        }
    }
    return status;
}

ouro_status
ouro_deque_find(ouro_loan deque, ouro_loan item, size_t *index)
{
    return find(deque_of(deque), item, version_of(deque_of(deque)), index);
}

/* Take out what is at `index`, which is there: shift it to the nearer end. */
static ouro_object *
take_at(struct deque *deque, size_t index)
{
    ouro_object *item = *slot(deque, index);
    bool at_left = index < deque->n / 2;

    for (size_t i = index; at_left && i != 0; i--) {
        *slot(deque, i) = *slot(deque, i - 1);
    }
    for (size_t i = index; !at_left && i < deque->n - 1; i++) {
        *slot(deque, i) = *slot(deque, i + 1);
    }
    (void)take(deque, at_left);
    return item;
}

ouro_status
ouro_deque_remove(ouro_loan loan, ouro_loan item)
{
    struct deque *deque = deque_of(loan);
    size_t version = version_of(deque), index = 0;
    ouro_object *out = NULL;
    ouro_status status = find(deque, item, version, &index);

    if (status == OURO_FOUND) {
        bool locked = ouro__use(&deque->head);
        status = deque->version == version ? OURO_FOUND : OURO_CHANGED;
        out = status == OURO_FOUND ? take_at(deque, index) : NULL;
        ouro__unuse(&deque->head, locked);
        ouro_xdecref(out);
    }
    return status;
}

/* ---- iterators ---- */

static ouro_ref
make_iterator(struct ouro_type *type, ouro_loan deque)
{
    struct iterator *iterator = (struct iterator *)ouro__collected_alloc(type, sizeof *iterator);
    if (iterator != NULL) {
        iterator->deque = ouro_incref(deque);
        iterator->given = 0;
        iterator->version = version_of(deque_of(deque));
    }
    return (ouro_ref)iterator;
}

static ouro_ref
iterate_deque(ouro_loan self)
{
    return make_iterator(iterator_type, self);
}

ouro_ref
ouro_deque_iterate_reversed(ouro_loan deque)
{
    return make_iterator(reverse_iterator_type, deque);
}

static ouro_status
next_of(struct iterator *iterator, bool is_reversed, ouro_ref *item)
{
    bool locked = ouro__use(&iterator->head);
    ouro_ref deque = iterator->deque != NULL ? ouro_incref((ouro_loan)iterator->deque) : NULL;
    size_t index = iterator->given, version = iterator->version;
    iterator->given += deque != NULL;
    ouro__unuse(&iterator->head, locked);
    if (deque == NULL) {
        return OURO_OK;
    }
    size_t place = is_reversed ? ouro_deque_length(ouro_lend(deque)) - 1 - index : index;
    ouro_status status = get_unchanged(deque_of(ouro_lend(deque)), place, version, item);
    if (status == OURO_OK) {
        locked = ouro__use(&iterator->head);
        ouro_object *done = iterator->deque;
        iterator->deque = NULL;
        ouro__unuse(&iterator->head, locked);
        ouro_xdecref(done);
    }
    ouro_decref(deque);
    return status;
}

static ouro_status
next_of_deque(ouro_loan self, ouro_ref *item)
{
    return next_of((struct iterator *)ouro_look(self), false, item);
}

static ouro_status
next_of_deque_reversed(ouro_loan self, ouro_ref *item)
{
    return next_of((struct iterator *)ouro_look(self), true, item);
}

/* ---- the type ---- */

static ouro_status
equal_deque(ouro_loan self, ouro_loan other)
{
    if (!ouro_is_a(other, ouro_deque_type()) || ouro_deque_length(self) != ouro_deque_length(other)) {
        return OURO_NOT_EQUAL;
    }
    size_t version = version_of(deque_of(self)), other_version = version_of(deque_of(other));
    for (size_t i = 0;; i++) {
        ouro_ref a = NULL, b = NULL;
        ouro_status status = get_unchanged(deque_of(self), i, version, &a);
        if (status != OURO_FOUND) {
            return status == OURO_OK ? OURO_FOUND : status;
        }
        status = get_unchanged(deque_of(other), i, other_version, &b);
        if (status == OURO_FOUND) {
            status = ouro_equal(ouro_lend(a), ouro_lend(b));
        }
        ouro_decref(a);
        ouro_xdecref(b);
        if (status != OURO_FOUND) {
            return status;
        }
    }
}

static size_t
extra_size(ouro_loan self)
{
    struct deque *deque = deque_of(self);
    bool locked = ouro__use(&deque->head);
    size_t room = deque->room;
    ouro__unuse(&deque->head, locked);
    return room * sizeof(ouro_ref);
}

ouro_loan
ouro_deque_type(void)
{
    return (ouro_loan)&deque_type->head;
}

bool
ouro__deques_init(void)
{
    static const ouro_field fields[] = {OURO_FIELD_ARRAY(struct deque, items, room, ouro_ref, 1)};
    static const ouro_field iterator_fields[] = {OURO_FIELD(struct iterator, deque)};
    const ouro_type_spec deque_spec = {
        .name = "deque",
        .size = sizeof(struct deque),
        .n_fields = 1,
        .fields = fields,
        .flags = OURO_TYPE_BASE,
        .clear = ouro_deque_clear,
        .equal = equal_deque,
        .repr = ouro__repr_deque,
        .iterate = iterate_deque,
        .extra_size = extra_size,
    };
    ouro_type_spec iterator_spec = {
        .name = "deque_iterator",
        .size = sizeof(struct iterator),
        .n_fields = 1,
        .fields = iterator_fields,
        .iterate = ouro__iterate_self,
        .next = next_of_deque,
    };
    if (!ouro__type_make(&deque_spec, &deque_type) ||
        !ouro__type_make(&iterator_spec, &iterator_type)) {
        return false;
    }
    iterator_spec.name = "deque_reverse_iterator";
    iterator_spec.next = next_of_deque_reversed;
    return ouro__type_make(&iterator_spec, &reverse_iterator_type);
}
