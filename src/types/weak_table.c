/* weak_table.c - entries of weak tables, and how they vanish. */
#include "types/weak_table.h"

#include "types/table_find.h"

static struct ouro_type *tie_type;

static bool
use(struct weak_table *table)
{
    return ouro__use(&table->table.head);
}

static void
unuse(struct weak_table *table, bool locked)
{
    ouro__unuse(&table->table.head, locked);
}

static ouro_object **
entry_at(const struct weak_table *table, size_t index)
{
    return &table->table.entries[index * ouro__weak_width(table)];
}

static size_t
find(struct weak_table *table, struct table_search *search)
{
    return ouro__weak_width(table) == 1 ? ouro__table_find_all(&table->table, search, 1)
                                        : ouro__table_find_all(&table->table, search, 2);
}

void
ouro__weak_entry_let_go(const struct weak_entry *entry)
{
    ouro_xdecref(entry->parts[0]);
    ouro_xdecref(entry->parts[1]);
}

/* ---- ties ---- */

/* Call during a use: the entry's parts, as they are in the table, are the caller's. */
static void
take_out(struct weak_table *table, size_t index, size_t slot, ouro_object *parts[2])
{
    unsigned width = ouro__weak_width(table);
    ouro_object **entry = entry_at(table, index);

    parts[0] = entry[0];
    parts[1] = width == 2 ? entry[1] : NULL;
    ouro__table_remove(&table->table, index, slot, width);
}

/* The callback of ties: the object has died. */
static ouro_status
remove_entry(ouro_loan tie, ouro_loan self)
{
    struct weak_table *table =
        (struct weak_table *)(ouro_look(self) != NULL ? ouro_weakref_get(self) : NULL);
    uint32_t hash = (uint32_t)((struct weakref *)ouro_look(tie))->hash;
    struct weak_entry had = {{NULL, NULL}, 0};
    size_t slot;

    if (table == NULL) {
        return OURO_OK;
    }
    bool locked = use(table);
    size_t index = ouro__table_find_same(&table->table, hash, ouro_look(tie), ouro__weak_column(table),
                                         ouro__weak_width(table), &slot);
    if (index != TABLE_NONE) {
        take_out(table, index, slot, had.parts);
    }
    unuse(table, locked);
    ouro__weak_entry_let_go(&had);
    ouro_decref(&table->table.head);
    return OURO_OK;
}

static ouro_status
make_tie(struct weak_table *table, ouro_object *object, uint32_t hash, ouro_ref *tie)
{
    ouro_status status =
        ouro__weakref_make(tie_type, object, remove_entry, ouro_lend(table->self), tie);
    if (status == OURO_OK) {
        ((struct weakref *)*tie)->hash = hash;
    }
    return status;
}

/* That of its object: `hash` is the entry's. */
static ouro_status
hash_tie(ouro_loan self, uint64_t *hash)
{
    ouro_ref object = ouro_weakref_get(self);
    if (object == NULL) {
        return OURO_DEAD;
    }
    ouro_status status = ouro_hash(ouro_lend(object), hash);
    ouro_decref(object);
    return status;
}

/* Take references to an entry's parts, the object itself in place of its tie; false when it has died.  During a use. */
static bool
look_at(const struct weak_table *table, size_t index, struct weak_entry *entry)
{
    ouro_object *const *parts = entry_at(table, index);
    unsigned column = ouro__weak_column(table);
    ouro_ref object = ouro_weakref_get((ouro_loan)parts[column]);

    if (object == NULL) {
        return false;
    }
    entry->parts[column] = object;
    entry->parts[1 - column] =
        ouro__weak_width(table) == 2 ? ouro_incref((ouro_loan)parts[1 - column]) : NULL;
    entry->hash = ouro__table_hashes(&table->table)[index];
    return true;
}

/* ---- making and asking ---- */

ouro_ref
ouro__weak_new(struct ouro_type *type)
{
    ouro_ref made = ouro_new((ouro_loan)&type->head);
    if (made != NULL &&
        ouro_weakref_create(ouro_lend(made), NULL, NULL, &((struct weak_table *)made)->self) < 0) {
        ouro_clear(&made);
    }
    return made;
}

size_t
ouro__weak_length(ouro_loan loan)
{
    struct weak_table *table = ouro__weak_table(loan);
    bool locked = use(table);
    size_t live = ouro__table_live(&table->table);
    unuse(table, locked);
    return live;
}

ouro_status
ouro__weak_get(struct weak_table *table, ouro_object *key, struct weak_entry *entry)
{
    struct table_search search;
    ouro_status status = ouro__table_search_for(&search, key);

    if (status < 0) {
        return status;
    }
    search.locked = use(table);
    size_t index = find(table, &search);
    if (index != TABLE_NONE && look_at(table, index, entry)) {
        search.status = OURO_FOUND;
    }
    unuse(table, search.locked);
    return search.status;
}

ouro_status
ouro__weak_contains(ouro_loan table, ouro_loan key)
{
    struct weak_entry entry = {{NULL, NULL}, 0};
    ouro_status status = ouro__weak_get(ouro__weak_table(table), ouro_look(key), &entry);
    if (status == OURO_FOUND) {
        ouro__weak_entry_let_go(&entry);
    }
    return status;
}

/* ---- changing ---- */

/* Put in what was sought in vain in this use; false without memory. */
static bool
add(struct weak_table *table, const struct table_search *search, ouro_object *value, ouro_ref tie)
{
    ouro_object **entry = ouro__weak_width(table) == 1 ? ouro__table_add(&table->table, search, 1)
                                                       : ouro__table_add(&table->table, search, 2);
    if (entry == NULL) {
        return false;
    }
    if (ouro__weak_column(table) == 1) {
        entry[0] = ouro_incref((ouro_loan)search->key);
        entry[1] = tie;
    } else {
        entry[0] = tie;
        if (value != NULL) {
            entry[1] = ouro_incref((ouro_loan)value);
        }
    }
    table->changes++;
    return true;
}

enum put { PUT_DONE, PUT_AGAIN, PUT_NEEDS_TIE };

/* One attempt at putting a key in, during a use.  `tie` becomes NULL when it was used.  `seen` is the entry that is there and
 * lives, `gone` what the table no longer has: the caller's. */
static enum put
try_put(struct weak_table *table, struct table_search *search, ouro_object *value, bool keeps,
        ouro_ref *tie, struct weak_entry *seen, struct weak_entry *gone)
{
    size_t index = find(table, search);

    if (search->status < 0) {
        return PUT_DONE;
    }
    if (index != TABLE_NONE && !look_at(table, index, seen)) { /* dead */
        take_out(table, index, search->slot, gone->parts);
        return PUT_AGAIN;
    }
    bool is_new = index == TABLE_NONE, has_weak_values = ouro__weak_column(table) == 1;
    if (!is_new && keeps) {
        search->status = OURO_FOUND;
        return PUT_DONE;
    }
    if ((is_new || has_weak_values) && *tie == NULL) {
        return PUT_NEEDS_TIE;
    }
    if (!is_new) {
        ouro_object **at = &entry_at(table, index)[1];
        gone->parts[1] = *at;
        *at = has_weak_values ? *tie : ouro_incref((ouro_loan)value);
    } else if (!add(table, search, value, *tie)) {
        search->status = OURO_NO_MEMORY;
    }
    if (search->status == OURO_OK && (is_new || has_weak_values)) {
        *tie = NULL;
    }
    return PUT_DONE;
}

ouro_status
ouro__weak_put(struct weak_table *table, struct table_search *search, ouro_object *value, ouro_ref *has)
{
    bool keeps = has != NULL || ouro__weak_width(table) == 1;
    ouro_object *tied = ouro__weak_column(table) == 1 ? value : search->key;
    ouro_ref tie = NULL;
    enum put put;

    do {
        struct weak_entry seen = {{NULL, NULL}, 0}, gone = seen;
        search->locked = use(table);
        put = try_put(table, search, value, keeps, &tie, &seen, &gone);
        unuse(table, search->locked);
        if (put == PUT_NEEDS_TIE && (search->status = make_tie(table, tied, search->hash, &tie)) < 0) {
            put = PUT_DONE;
        }
        if (put == PUT_DONE && search->status >= 0 && has != NULL) {
            *has = ouro_incref((ouro_loan)(search->status == OURO_FOUND ? seen.parts[1] : value));
        }
        ouro__weak_entry_let_go(&seen);
        ouro__weak_entry_let_go(&gone);
    } while (put != PUT_DONE);
    ouro_xdecref(tie);
    return search->status;
}

ouro_status
ouro__weak_take(struct weak_table *table, ouro_object *key, struct weak_entry *entry)
{
    struct weak_entry gone = {{NULL, NULL}, 0};
    struct table_search search;
    ouro_status status = ouro__table_search_for(&search, key);

    if (status < 0) {
        return status;
    }
    search.locked = use(table);
    size_t index = find(table, &search);
    if (index != TABLE_NONE) {
        search.status = look_at(table, index, entry) ? OURO_FOUND : OURO_OK;
        take_out(table, index, search.slot, gone.parts);
        table->changes++;
    }
    unuse(table, search.locked);
    ouro__weak_entry_let_go(&gone);
    return search.status;
}

ouro_status
ouro__weak_discard(ouro_loan table, ouro_loan key)
{
    struct weak_entry entry = {{NULL, NULL}, 0};
    ouro_status status = ouro__weak_take(ouro__weak_table(table), ouro_look(key), &entry);
    if (status == OURO_FOUND) {
        ouro__weak_entry_let_go(&entry);
    }
    return status;
}

ouro_status
ouro__weak_pop(struct weak_table *table, struct weak_entry *entry)
{
    ouro_status status = OURO_OK;
    size_t n;

    do {
        struct weak_entry gone = {{NULL, NULL}, 0};
        bool locked = use(table);
        n = table->table.n;
        if (n != 0) { /* the last is no hole */
            status = look_at(table, n - 1, entry) ? OURO_FOUND : OURO_OK;
            take_out(table, n - 1, TABLE_NONE, gone.parts);
            table->changes++;
        }
        unuse(table, locked);
        ouro__weak_entry_let_go(&gone);
    } while (n != 0 && status == OURO_OK);
    return status;
}

void
ouro__weak_clear(ouro_loan loan)
{
    struct weak_table *table = ouro__weak_table(loan);

    bool locked = use(table);
    const struct table taken = ouro__table_take_block(&table->table);
    table->changes++;
    unuse(table, locked);
    ouro__table_let_go(&taken, ouro__weak_width(table));
}

/* ---- all entries ---- */

ouro_status
ouro__weak_next(struct weak_table *table, size_t *position, uint64_t changes, struct weak_entry *entry)
{
    ouro_status status = OURO_OK;

    bool locked = use(table);
    if (table->changes != changes) {
        status = OURO_CHANGED;
    }
    while (status == OURO_OK &&
           ouro__table_step(&table->table, position, ouro__weak_width(table)) != NULL) {
        status = look_at(table, *position - 1, entry) ? OURO_FOUND : OURO_OK;
    }
    unuse(table, locked);
    return status;
}

/* All entries at one moment. */
struct weak_entries {
    struct weak_entry *entries;
    size_t n, room;
};

/* Take references to all entries; false when there are more by now than there is room for. */
static bool
try_take_all(struct weak_table *table, struct weak_entries *all)
{
    size_t position = 0;

    bool locked = use(table);
    bool fits = ouro__table_live(&table->table) <= all->room;
    while (fits && ouro__table_step(&table->table, &position, ouro__weak_width(table)) != NULL) {
        all->n += look_at(table, position - 1, &all->entries[all->n]);
    }
    unuse(table, locked);
    return fits;
}

static void
let_go_all(struct weak_entries *all)
{
    for (size_t i = 0; i < all->n; i++) {
        ouro__weak_entry_let_go(&all->entries[i]);
    }
    ouro__buffer_free(all->entries, all->room * sizeof *all->entries);
}

static ouro_status
take_all(ouro_loan table, struct weak_entries *all)
{
    do {
        *all = (struct weak_entries){.room = ouro__weak_length(table) + 1};
        all->entries = ouro__buffer_alloc(all->room * sizeof *all->entries);
        if (all->entries == NULL) {
            return OURO_NO_MEMORY;
        }
        if (try_take_all(ouro__weak_table(table), all)) {
            return OURO_OK;
        }
        let_go_all(all);
    } while (true);
}

ouro_status
ouro__weak_copy_into(ouro_loan table, ouro_ref made, weak_put put, ouro_ref *copy)
{
    struct weak_entries all;
    ouro_status status = made != NULL ? take_all(table, &all) : OURO_NO_MEMORY;

    if (status == OURO_OK) {
        for (size_t i = 0; i < all.n && status >= 0; i++) {
            status = put(ouro_lend(made), &all.entries[i]);
        }
        let_go_all(&all);
    }
    if (status < 0) {
        ouro_xdecref(made);
        return status;
    }
    *copy = made;
    return OURO_OK;
}

static ouro_status
put_entry(ouro_loan table, const struct weak_entry *entry)
{
    struct table_search search = {.key = entry->parts[0], .hash = entry->hash};
    return ouro__weak_put(ouro__weak_table(table), &search, entry->parts[1], NULL);
}

ouro_status
ouro__weak_copy(ouro_loan table, ouro_ref *copy)
{
    return ouro__weak_copy_into(table, ouro__weak_new(ouro__type(ouro_look(table))), put_entry, copy);
}

/* ---- types ---- */

static size_t
extra_size(ouro_loan self)
{
    struct weak_table *table = ouro__weak_table(self);
    bool locked = use(table);
    size_t size = ouro__table_size(&table->table, ouro__weak_width(table));
    unuse(table, locked);
    return size;
}

bool
ouro__weak_type_make(ouro_type_spec spec, unsigned width, struct ouro_type **type)
{
    static const ouro_field fields[2][2] = {
        {OURO_FIELD(struct weak_table, self),
         OURO_FIELD_ARRAY(struct weak_table, table.entries, table.n, ouro_ref, 1)},
        {OURO_FIELD(struct weak_table, self),
         OURO_FIELD_ARRAY(struct weak_table, table.entries, table.n, ouro_ref[2], 2)}};
    const ouro_type_spec tie = {.name = "weakref",
                                .base = (ouro_loan)&ouro__weakref_type->head,
                                .size = sizeof(struct weakref),
                                .hash = hash_tie};

    spec.size = sizeof(struct weak_table);
    spec.n_fields = 2;
    spec.fields = fields[width - 1];
    spec.clear = ouro__weak_clear;
    spec.extra_size = extra_size;
    return ouro__type_make(&tie, &tie_type) && ouro__type_make(&spec, type);
}
