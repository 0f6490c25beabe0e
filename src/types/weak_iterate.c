/* weak_iterate.c - iterators over weak tables.
 *
 * They give what lives when its turn comes, and notice what the program puts in or takes out: that may move entries. */
#include "types/weak_table.h"

struct iterator {
    ouro_object head;
    ouro_ref table;
    size_t position; /* atomic, as two threads may step it; SIZE_MAX: at the end */
    uint64_t changes;
    enum weak_what what;
};

static struct ouro_type *iterator_type;

ouro_ref
ouro__weak_iterate(ouro_loan loan, enum weak_what what)
{
    struct weak_table *table = (struct weak_table *)ouro_look(loan);
    struct iterator *iterator = (struct iterator *)ouro_new((ouro_loan)&iterator_type->head);

    if (iterator != NULL) {
        iterator->table = ouro_incref(loan);
        iterator->what = what;
        bool locked = ouro__use(&table->table.head);
        iterator->changes = table->changes;
        ouro__unuse(&table->table.head, locked);
    }
    return (ouro_ref)iterator;
}

static ouro_ref
iterate_iterator(ouro_loan self)
{
    return ouro_incref(self);
}

/* What is asked for of an entry, which is used up; a pair is `tuple`, filled. */
static ouro_ref
part_of(struct weak_entry *entry, enum weak_what what, ouro_ref tuple)
{
    ouro_ref part = tuple;

    if (what == WEAK_ITEMS) {
        ouro_tuple_fill(ouro_lend(tuple), 0, ouro_incref((ouro_loan)entry->parts[0]));
        ouro_tuple_fill(ouro_lend(tuple), 1, ouro_incref((ouro_loan)entry->parts[1]));
    } else {
        part = ouro_incref((ouro_loan)entry->parts[what == WEAK_VALUES]);
    }
    ouro__weak_entry_let_go(entry);
    return part;
}

static ouro_status
next_of_iterator(ouro_loan self, ouro_ref *item)
{
    struct iterator *iterator = (struct iterator *)ouro_look(self);
    struct weak_table *table = (struct weak_table *)iterator->table;
    size_t position = __atomic_load_n(&iterator->position, __ATOMIC_RELAXED);
    struct weak_entry entry;

    if (position == SIZE_MAX || table == NULL) {
        return OURO_OK;
    }
    ouro_ref tuple = iterator->what == WEAK_ITEMS ? ouro_tuple_new(2, NULL) : NULL;
    if (iterator->what == WEAK_ITEMS && tuple == NULL) {
        return OURO_NO_MEMORY;
    }
    ouro_status status = ouro__weak_next(table, &position, iterator->changes, &entry);
    if (status == OURO_FOUND) {
        *item = part_of(&entry, iterator->what, tuple);
    } else {
        ouro_xdecref(tuple);
        position = status == OURO_OK ? SIZE_MAX : position;
    }
    __atomic_store_n(&iterator->position, position, __ATOMIC_RELAXED);
    return status;
}

bool
ouro__weak_iterators_init(void)
{
    static const ouro_field fields[] = {OURO_FIELD(struct iterator, table)};
    const ouro_type_spec spec = {
        .name = "weak_iterator",
        .size = sizeof(struct iterator),
        .n_fields = 1,
        .fields = fields,
        .iterate = iterate_iterator,
        .next = next_of_iterator,
    };
    return ouro__type_make(&spec, &iterator_type);
}
