/* tuple.c - tuples: the items are in the object itself. */
#include "types/sequences.h"

#include <string.h>

struct ouro_type *ouro__tuple_type;

static struct tuple *
tuple_of(ouro_loan loan)
{
    return (struct tuple *)ouro_look(loan);
}

#define MOST_ITEMS ((SIZE_MAX - sizeof(struct tuple)) / sizeof(ouro_ref))

ouro_ref
ouro_tuple_new(size_t n, ouro_loan const *items)
{
    if (OURO_UNLIKELY(n > MOST_ITEMS)) {
        return NULL;
    }
    struct tuple *tuple = (struct tuple *)ouro__collected_alloc(
        ouro__tuple_type, sizeof *tuple + n * sizeof *tuple->items);
    if (OURO_UNLIKELY(tuple == NULL)) {
        return NULL;
    }
    tuple->n = n;
    if (OURO_UNLIKELY(items == NULL)) {
        for (size_t i = 0; i < n; i++) {
            tuple->items[i] = ouro_none();
        }
        return &tuple->head;
    }
    ouro__incref_all(tuple->items, (ouro_object *const *)items, n);
    return &tuple->head;
}

ouro_status
ouro_tuple_from(ouro_loan items, ouro_ref *tuple)
{
    ouro_ref list = NULL;
    ouro_status status = ouro_list_from(items, &list); /* nobody else has it */
    if (status < 0) {
        return status;
    }
    const struct ouro__list *taken = (const struct ouro__list *)list;
    ouro_ref made = ouro_tuple_new(taken->n, (ouro_loan const *)taken->items);
    ouro_decref(list);
    if (made == NULL) {
        return OURO_NO_MEMORY;
    }
    *tuple = made;
    return OURO_OK;
}

void
ouro_tuple_fill(ouro_loan loan, size_t index, ouro_ref item)
{
    struct tuple *tuple = tuple_of(loan);
    OURO_CHECK(index < tuple->n, "item %zu of a tuple of %zu is to be filled", index, tuple->n);
    if (OURO_UNLIKELY(tuple->head.flags & OBJECT_UNTRACKED) && ouro__may_be_in_cycle(item)) {
        ouro__track(&tuple->head); /* a collection found it still empty */
    }
    ouro_assign(&tuple->items[index], item);
}

size_t
ouro_tuple_length(ouro_loan tuple)
{
    return tuple_of(tuple)->n;
}

ouro_loan
ouro_tuple_get_borrow(ouro_loan loan, size_t index)
{
    const struct tuple *tuple = tuple_of(loan);
    return index < tuple->n ? ouro__tuple_item(tuple, index) : NULL;
}

ouro_loan
ouro_tuple_type(void)
{
    return (ouro_loan)&ouro__tuple_type->head;
}

/* The items' hashes, each of which counts by its place.
 * @source CPython Objects/tupleobject.c, tuplehash(): the scheme of xxHash */
static ouro_status
hash_tuple(ouro_loan self, uint64_t *hash)
{
    const struct tuple *tuple = tuple_of(self);
    uint64_t sum = tuple->n;

    for (size_t i = 0; i < tuple->n; i++) {
        uint64_t item;
        ouro_status status = ouro_hash(ouro__tuple_item(tuple, i), &item);
        if (status < 0) {
            return status;
        }
        sum = ouro__mix_bits(sum ^ item) + i;
    }
    *hash = sum;
    return OURO_OK;
}

static ouro_status
equal_tuple(ouro_loan self, ouro_loan other)
{
    if (!ouro_is_a(other, ouro_tuple_type()) || tuple_of(self)->n != tuple_of(other)->n) {
        return OURO_NOT_EQUAL;
    }
    for (size_t i = 0; i < tuple_of(self)->n; i++) {
        ouro_status status =
            ouro_equal(ouro__tuple_item(tuple_of(self), i), ouro__tuple_item(tuple_of(other), i));
        if (status != OURO_FOUND) {
            return status;
        }
    }
    return OURO_FOUND;
}

static inline __attribute__((always_inline)) void
let_go_of_tuple(ouro_object *object)
{
    struct tuple *tuple = (struct tuple *)object;
    uint16_t self = ouro__self;
    for (size_t i = tuple->n; i != 0;) {
        if (OURO_LIKELY(tuple->items[--i] != NULL)) { /* a cycle's collection leaves none */
            ouro__decref_by(tuple->items[i], self);
        }
    }
}

static void
end_tuple(ouro_object *object)
{
    const struct tuple *tuple = (const struct tuple *)object;
    ouro__end(object, ouro__spare_class(sizeof *tuple + tuple->n * sizeof *tuple->items),
              let_go_of_tuple);
}

bool
ouro__tuples_init(void)
{
    static const ouro_field fields[] = {OURO_FIELD_ITEMS(struct tuple, items, n)};
    const ouro_type_spec spec = {
        .name = "tuple",
        .size = sizeof(struct tuple),
        .item_size = sizeof(ouro_ref),
        .n_fields = 1,
        .fields = fields,
        .flags = OURO_TYPE_BASE,
        .hash = hash_tuple,
        .equal = equal_tuple,
        .repr = ouro__repr_tuple,
        .iterate = ouro__iterate_tuple,
    };
    if (!ouro__type_make(&spec, &ouro__tuple_type)) {
        return false;
    }
    ouro__tuple_type->untracking = UNTRACKED_BY_ANY;
    ouro__tuple_type->let_go = let_go_of_tuple;
    ouro__tuple_type->end = end_tuple;
    return true;
}
