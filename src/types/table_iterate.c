/* table_iterate.c - iterators over dicts and sets, and lists of what dicts have. */
#include "types/table.h"

/* What is given of an entry; that of sets has keys alone. */
enum what { KEYS, VALUES, ITEMS, SET };
#define N_WHATS 4

static inline unsigned
width_of(enum what what)
{
    return what == SET ? 1 : 2;
}

/* ---- lists ---- */

/* A new reference to what is asked for of an entry; a pair is `empty`, filled, which has no items yet. */
static inline ouro_ref
part_of(ouro_object **entry, enum what what, ouro_ref empty)
{
    if (what != ITEMS) {
        return ouro_incref((ouro_loan)entry[what == VALUES]);
    }
    ouro_tuple_fill(ouro_lend(empty), 0, ouro_incref((ouro_loan)entry[0]));
    ouro_tuple_fill(ouro_lend(empty), 1, ouro_incref((ouro_loan)entry[1]));
    return empty;
}

/* Put what is asked for of all entries into an empty list with room for `n`; false when there are others by now. */
static bool
list_entries(struct table *dict, enum what what, size_t n, ouro_object *list, ouro_object *tuples)
{
    size_t position = 0;

    bool locked = ouro__use(&dict->head);
    bool fits = ouro__table_live(dict) == n;
    for (size_t i = 0; fits && i < n; i++) {
        ouro_object **entry = ouro__table_step(dict, &position, 2);
        ouro_ref tuple = what == ITEMS ? ouro_incref(ouro_list_get_borrow((ouro_loan)tuples, i)) : NULL;
        ouro__list_fill(list, part_of(entry, what, tuple));
    }
    ouro__unuse(&dict->head, locked);
    return fits;
}

static ouro_ref
make_list(ouro_loan loan, enum what what)
{
    for (;;) {
        size_t n = ouro_dict_length(loan);
        ouro_ref list = ouro_list_new(n), tuples = what == ITEMS ? ouro_list_new(n) : NULL;
        bool has_memory = list != NULL && (what != ITEMS || tuples != NULL);
        for (size_t i = 0; has_memory && what == ITEMS && i < n; i++) {
            ouro_ref tuple = ouro_tuple_new(2, NULL);
            has_memory = tuple != NULL;
            if (has_memory) {
                ouro__list_fill(tuples, tuple);
            }
        }
        bool done = has_memory && list_entries((struct table *)ouro_look(loan), what, n, list, tuples);
        ouro_xdecref(tuples);
        if (done) {
            return list;
        }
        ouro_xdecref(list);
        if (!has_memory) {
            return NULL;
        }
    }
}

ouro_ref
ouro_dict_keys(ouro_loan dict)
{
    return make_list(dict, KEYS);
}

ouro_ref
ouro_dict_values(ouro_loan dict)
{
    return make_list(dict, VALUES);
}

ouro_ref
ouro_dict_items(ouro_loan dict)
{
    return make_list(dict, ITEMS);
}

/* ---- iterators ---- */

/* The table is let go of at the end, as in iterate.c.  How far it got is guarded by the use of the table, whoever steps. */
struct iterator {
    ouro_object head;
    ouro_object *table; /* NULL: at the end */
    size_t position;
    size_t live; /* of the table, when it began; SIZE_MAX: it was changed */
};

static struct ouro_type *iterator_types[N_WHATS];

static ouro_ref
make_iterator(ouro_loan loan, enum what what)
{
    ouro_ref made = ouro_new((ouro_loan)&iterator_types[what]->head);
    if (made != NULL) {
        struct iterator *iterator = (struct iterator *)made;
        iterator->table = ouro_incref(loan);
        iterator->live = what == SET ? ouro_set_length(loan) : ouro_dict_length(loan);
    }
    return made;
}

ouro_ref
ouro_dict_iterate_keys(ouro_loan dict)
{
    return make_iterator(dict, KEYS);
}

ouro_ref
ouro_dict_iterate_values(ouro_loan dict)
{
    return make_iterator(dict, VALUES);
}

ouro_ref
ouro_dict_iterate_items(ouro_loan dict)
{
    return make_iterator(dict, ITEMS);
}

ouro_ref
ouro__set_iterate(ouro_loan set)
{
    return make_iterator(set, SET);
}

/* Step through the table, which is in use; a pair is `empty`, filled. */
static inline __attribute__((always_inline)) ouro_status
step(struct iterator *iterator, struct table *table, enum what what, ouro_ref empty, ouro_ref *item)
{
    if (ouro__table_live(table) != iterator->live) {
        iterator->live = SIZE_MAX;
        return OURO_CHANGED;
    }
    ouro_object **entry = ouro__table_step(table, &iterator->position, width_of(what));
    if (entry == NULL) {
        return OURO_OK;
    }
    *item = part_of(entry, what, empty);
    return OURO_FOUND;
}

/* The same where the iterator or the table is not the caller's own: with a reference, stolen, to the table. */
static ouro_status
step_shared(struct iterator *iterator, ouro_ref stolen, enum what what, ouro_ref empty, ouro_ref *item)
{
    bool locked = ouro__use(stolen);
    ouro_status status = step(iterator, (struct table *)stolen, what, empty, item);
    ouro__unuse(stolen, locked);
    if (status == OURO_OK) {
        locked = ouro__use(&iterator->head);
        ouro_object *table = iterator->table;
        iterator->table = NULL;
        ouro__unuse(&iterator->head, locked);
        ouro_xdecref(table);
    }
    ouro_decref(stolen);
    return status;
}

static inline __attribute__((always_inline)) ouro_status
next_of(ouro_loan self, enum what what, ouro_ref *item)
{
    struct iterator *iterator = (struct iterator *)ouro_look(self);
    ouro_status status = OURO_OK;
    ouro_ref tuple = what == ITEMS ? ouro_tuple_new(2, NULL) : NULL;

    if (what == ITEMS && tuple == NULL) {
        return OURO_NO_MEMORY;
    }
    bool locked = ouro__use(&iterator->head);
    ouro_object *table = iterator->table;
    if (OURO_UNLIKELY(table == NULL)) {
        ouro__unuse(&iterator->head, locked);
    } else if (OURO_UNLIKELY(locked || !ouro__use_too(ouro__thread_self, table))) {
        ouro_incref((ouro_loan)table);
        ouro__unuse(&iterator->head, locked);
        status = step_shared(iterator, table, what, tuple, item);
    } else {
        status = step(iterator, (struct table *)table, what, tuple, item);
        ouro__unuse_too(ouro__thread_self);
        iterator->table = OURO_LIKELY(status != OURO_OK) ? table : NULL;
        ouro__unuse(&iterator->head, false);
        if (OURO_UNLIKELY(status == OURO_OK)) {
            ouro_decref(table);
        }
    }
    if (OURO_UNLIKELY(status != OURO_FOUND)) {
        ouro_xdecref(tuple);
    }
    return status;
}

/* As in iterate.c: what is given where it, the table and the iterator are the caller's own, or NULL. */
static inline __attribute__((always_inline)) ouro_object *
step_own(struct iterator *iterator, enum what what)
{
    struct thread *self = ouro__thread_self;
    ouro_object *item = NULL;
    bool is_alone = ouro__os_is_single_threaded(); /* there is nobody to keep out: see ouro__use() */

    if (OURO_UNLIKELY(!is_alone && !ouro__use_own(self, &iterator->head))) {
        return NULL;
    }
    ouro_object *table = iterator->table;
    if (OURO_LIKELY(table != NULL && (is_alone || ouro__use_too(self, table)))) {
        size_t position = iterator->position;
        if (OURO_LIKELY(ouro__table_live((struct table *)table) == iterator->live)) {
            ouro_object **entry = ouro__table_step((struct table *)table, &position, width_of(what));
            ouro_object *here = entry != NULL ? entry[what == VALUES] : NULL;
            if (OURO_LIKELY(here != NULL && ouro__incref_own(here, self))) {
                item = here;
                iterator->position = position;
            }
        }
        if (!is_alone) {
            ouro__unuse_too(self);
        }
    }
    if (!is_alone) {
        ouro__unuse_own(self);
    }
    return item;
}

#define NEXT(what, name)                                                                               \
    static __attribute__((noinline)) ouro_status name##_slowly(ouro_loan self, ouro_ref *item)         \
    {                                                                                                  \
        return next_of(self, what, item);                                                              \
    }                                                                                                  \
                                                                                                       \
    static ouro_status name(ouro_loan self, ouro_ref *item)                                            \
    {                                                                                                  \
        ouro_object *own =                                                                             \
            (what) != ITEMS ? step_own((struct iterator *)ouro_look(self), what) : NULL;               \
        if (OURO_LIKELY(own != NULL)) {                                                                \
            *item = own;                                                                               \
            return OURO_FOUND;                                                                         \
        }                                                                                              \
        return name##_slowly(self, item);                                                              \
    }

NEXT(KEYS, next_key)
NEXT(VALUES, next_value)
NEXT(ITEMS, next_item)
NEXT(SET, next_of_set)

bool
ouro__table_iterators_init(void)
{
    static const ouro_field fields[] = {OURO_FIELD(struct iterator, table)};
    static const char *const names[N_WHATS] = {"dict_keyiterator", "dict_valueiterator",
                                               "dict_itemiterator", "set_iterator"};
    ouro_status (*const next[N_WHATS])(ouro_loan, ouro_ref *) = {next_key, next_value, next_item,
                                                                 next_of_set};

    for (unsigned i = 0; i < N_WHATS; i++) {
        const ouro_type_spec spec = {
            .name = names[i],
            .size = sizeof(struct iterator),
            .n_fields = 1,
            .fields = fields,
            .iterate = ouro__iterate_self,
            .next = next[i],
        };
        if (!ouro__type_make(&spec, &iterator_types[i])) {
            return false;
        }
    }
    return true;
}
