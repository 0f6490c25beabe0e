/* iterate.c - iterators over sequences: lists, tuples, texts, bytes and bytearrays.
 *
 * An iterator has its sequence and a place there.  A list or bytearray may change meanwhile: what counts is what is at
 * the place when it is asked for.  Where nothing is, the iterator lets go of the sequence, and is at its end for good.
 *
 * A step uses the iterator, see ouro__use(), and within that a sequence that changes.  Where both are not the caller's own,
 * the sequence is used after the iterator instead, with a reference of the step's own: another thread may find the end
 * meanwhile.  Each thread gets other items then.
 *
 * @source  CPython Objects/listobject.c, listiter_next(); test_iter's sink state */
#include "types/bytes.h"
#include "types/sequences.h"
#include "types/str.h"

enum kind { LIST, LIST_REVERSED, TUPLE, TUPLE_REVERSED, STR, BYTES, BYTEARRAY };
#define N_KINDS 7

struct iterator {
    ouro_object head;
    ouro_object *sequence; /* NULL: at the end */
    size_t index;
};

static struct ouro_type *types[N_KINDS];

/* What is at a place: an item, or a character or byte. */
union found {
    ouro_object *item;
    uint32_t code;
};

static inline bool
can_change(enum kind kind)
{
    return kind == LIST || kind == LIST_REVERSED || kind == BYTEARRAY;
}

static inline bool
is_reversed(enum kind kind)
{
    return kind == LIST_REVERSED || kind == TUPLE_REVERSED;
}

/* See what is at a place, items with a new reference; false when nothing is.  A sequence that can change is in use. */
static inline __attribute__((always_inline)) bool
look(enum kind kind, ouro_object *sequence, size_t index, union found *found)
{
    if (kind == LIST || kind == LIST_REVERSED) {
        const struct ouro__list *list = (const struct ouro__list *)sequence;
        found->item = index < list->n ? ouro_incref((ouro_loan)list->items[index]) : NULL;
        return index < list->n;
    }
    if (kind == TUPLE || kind == TUPLE_REVERSED) {
        const struct tuple *tuple = (const struct tuple *)sequence;
        found->item = index < tuple->n ? ouro_incref(ouro__tuple_item(tuple, index)) : NULL;
        return index < tuple->n;
    }
    if (kind == STR) {
        struct view view = ouro__str_view((ouro_loan)sequence);
        found->code = index < view.n ? ouro__view_get(view, index) : 0;
        return index < view.n;
    }
    if (kind == BYTES) {
        const struct packed *bytes = (const struct packed *)sequence;
        bool is_there = index < ouro__packed_length(bytes);
        found->code = is_there ? ((const uint8_t *)ouro__packed_data(bytes))[index] : 0;
        return is_there;
    }
    const struct bytearray *array = (const struct bytearray *)sequence;
    found->code = index < array->n ? array->items[index] : 0;
    return index < array->n;
}

/* Make of it what is given; NULL without memory. */
static inline ouro_ref
make_item(enum kind kind, union found found)
{
    if (kind == STR) {
        return found.code < 0x100 ? ouro__str_single((uint8_t)found.code)
                                  : ouro__str_from_view((struct view){&found.code, 1, 4});
    }
    return kind == BYTES || kind == BYTEARRAY ? ouro_int_new(found.code) : found.item;
}

/* Have the iterator be at its end. */
static void
finish(struct iterator *iterator)
{
    bool locked = ouro__use(&iterator->head);
    ouro_object *sequence = iterator->sequence;
    iterator->sequence = NULL;
    ouro__unuse(&iterator->head, locked);
    ouro_xdecref(sequence);
}

/* Look into a sequence that can change, of which the step has a reference, stolen, by itself. */
static bool
look_shared(struct iterator *iterator, enum kind kind, ouro_ref sequence, size_t index,
            union found *found)
{
    bool locked = ouro__use(sequence);
    bool is_there = look(kind, sequence, index, found);
    ouro__unuse(sequence, locked);
    if (!is_there) {
        finish(iterator);
    }
    ouro_decref(sequence);
    return is_there;
}

static inline __attribute__((always_inline)) bool
step(struct iterator *iterator, enum kind kind, size_t *index, union found *found)
{
    bool locked = ouro__use(&iterator->head);
    ouro_object *sequence = iterator->sequence;
    size_t next = iterator->index + (is_reversed(kind) ? SIZE_MAX : 1);

    *index = iterator->index;
    if (OURO_UNLIKELY(sequence == NULL)) {
        ouro__unuse(&iterator->head, locked);
        return false;
    }
    if (can_change(kind) && OURO_UNLIKELY(locked || !ouro__use_too(ouro__thread_self, sequence))) {
        iterator->index = next;
        ouro_incref((ouro_loan)sequence);
        ouro__unuse(&iterator->head, locked);
        return look_shared(iterator, kind, sequence, *index, found);
    }
    bool is_there = look(kind, sequence, *index, found);
    if (can_change(kind)) {
        ouro__unuse_too(ouro__thread_self);
    }
    iterator->index = next;
    iterator->sequence = is_there ? sequence : NULL;
    ouro__unuse(&iterator->head, locked);
    if (OURO_UNLIKELY(!is_there)) {
        ouro_decref(sequence);
    }
    return is_there;
}

/* An item where it, the sequence and the iterator are the caller's own, in a function that calls nothing; NULL when that
 * was not so, and nothing has been done. */
static inline __attribute__((always_inline)) ouro_object *
step_own(struct iterator *iterator, enum kind kind)
{
    struct thread *self = ouro__thread_self;
    ouro_object *item = NULL;
    bool is_alone = ouro__os_is_single_threaded(); /* there is nobody to keep out: see ouro__use() */

    if (OURO_UNLIKELY(!is_alone && !ouro__use_own(self, &iterator->head))) {
        return NULL;
    }
    ouro_object *sequence = iterator->sequence;
    size_t index = iterator->index;
    bool is_list = can_change(kind);
    if (OURO_LIKELY(sequence != NULL && (!is_list || is_alone || ouro__use_too(self, sequence)))) {
        size_t n = is_list ? ((struct ouro__list *)sequence)->n : ((struct tuple *)sequence)->n;
        ouro_object **items =
            is_list ? ((struct ouro__list *)sequence)->items : ((struct tuple *)sequence)->items;
        ouro_object *here = index < n ? items[index] : NULL;
        if (OURO_LIKELY(here != NULL && ouro__incref_own(here, self))) {
            item = here;
            iterator->index = index + (is_reversed(kind) ? SIZE_MAX : 1);
        }
        if (is_list && !is_alone) {
            ouro__unuse_too(self);
        }
    }
    if (!is_alone) {
        ouro__unuse_own(self);
    }
    return item;
}

static inline __attribute__((always_inline)) ouro_status
next_of(ouro_loan self, enum kind kind, ouro_ref *item)
{
    struct iterator *iterator = (struct iterator *)ouro_look(self);
    union found found;
    size_t index;

    if (OURO_UNLIKELY(!step(iterator, kind, &index, &found))) {
        return OURO_OK;
    }
    ouro_ref made = make_item(kind, found);
    if (OURO_UNLIKELY(made == NULL)) { /* it is to be had yet */
        bool locked = ouro__use(&iterator->head);
        iterator->index = index;
        ouro__unuse(&iterator->head, locked);
        return OURO_NO_MEMORY;
    }
    *item = made;
    return OURO_FOUND;
}

/* ---- making ---- */

static ouro_ref
make(enum kind kind, ouro_loan sequence, size_t index)
{
    const struct ouro_type *type = types[kind];
    struct iterator *iterator = (struct iterator *)ouro__object_alloc(type, sizeof *iterator);
    if (OURO_LIKELY(iterator != NULL)) {
        iterator->sequence = ouro_incref(sequence);
        iterator->index = index;
    }
    return (ouro_ref)iterator;
}

ouro_ref
ouro__iterate_list(ouro_loan list)
{
    return make(LIST, list, 0);
}

ouro_ref
ouro_list_iterate_reversed(ouro_loan list)
{
    return make(LIST_REVERSED, list, ouro_list_length(list) - 1);
}

ouro_ref
ouro__iterate_tuple(ouro_loan tuple)
{
    return make(TUPLE, tuple, 0);
}

ouro_ref
ouro_tuple_iterate_reversed(ouro_loan tuple)
{
    return make(TUPLE_REVERSED, tuple, ouro_tuple_length(tuple) - 1);
}

ouro_ref
ouro__iterate_str(ouro_loan str)
{
    return make(STR, str, 0);
}

ouro_ref
ouro__iterate_bytes(ouro_loan either)
{
    return make(ouro__is_bytearray(either) ? BYTEARRAY : BYTES, either, 0);
}

ouro_ref
ouro__iterate_self(ouro_loan self)
{
    return ouro_incref(self);
}

/* ---- the types ---- */

#define NEXT(kind, name)                                                                               \
    static __attribute__((noinline)) ouro_status name##_slowly(ouro_loan self, ouro_ref *item)         \
    {                                                                                                  \
        return next_of(self, kind, item);                                                              \
    }                                                                                                  \
                                                                                                       \
    static ouro_status name(ouro_loan self, ouro_ref *item)                                            \
    {                                                                                                  \
        ouro_object *own = (kind) < STR ? step_own((struct iterator *)ouro_look(self), kind) : NULL;   \
        if (OURO_LIKELY(own != NULL)) {                                                                \
            *item = own;                                                                               \
            return OURO_FOUND;                                                                         \
        }                                                                                              \
        return name##_slowly(self, item);                                                              \
    }

NEXT(LIST, next_of_list)
NEXT(LIST_REVERSED, next_of_list_reversed)
NEXT(TUPLE, next_of_tuple)
NEXT(TUPLE_REVERSED, next_of_tuple_reversed)
NEXT(STR, next_of_str)
NEXT(BYTES, next_of_bytes)
NEXT(BYTEARRAY, next_of_bytearray)

static void
let_go_of_iterator(ouro_object *object)
{
    ouro_xdecref(((struct iterator *)object)->sequence);
}

bool
ouro__iterators_init(void)
{
    static const ouro_field fields[] = {OURO_FIELD(struct iterator, sequence)};
    static const struct {
        const char *name;
        ouro_status (*next)(ouro_loan, ouro_ref *);
    } kinds[N_KINDS] = {
        [LIST] = {"list_iterator", next_of_list},
        [LIST_REVERSED] = {"list_reverseiterator", next_of_list_reversed},
        [TUPLE] = {"tuple_iterator", next_of_tuple},
        [TUPLE_REVERSED] = {"tuple_reverseiterator", next_of_tuple_reversed},
        [STR] = {"str_iterator", next_of_str},
        [BYTES] = {"bytes_iterator", next_of_bytes},
        [BYTEARRAY] = {"bytearray_iterator", next_of_bytearray},
    };

    for (enum kind kind = LIST; kind < N_KINDS; kind++) {
        const ouro_type_spec spec = {
            .name = kinds[kind].name,
            .size = sizeof(struct iterator),
            .n_fields = 1,
            .fields = fields,
            .flags = kind >= STR ? OURO_TYPE_LEAF : 0, /* no cycle leads through texts and bytes */
            .iterate = ouro__iterate_self,
            .next = kinds[kind].next,
        };
        if (!ouro__type_make(&spec, &types[kind])) {
            return false;
        }
        types[kind]->let_go = let_go_of_iterator;
    }
    return true;
}
