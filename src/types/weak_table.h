/* weak_table.h - tables that do not keep one part of their entries alive: weak dicts and weak sets.
 *
 * In place of that part stands a *tie*: a weak reference whose callback takes the entry out.  It knows the entry's hash
 * and is found by that and by being itself, so that nothing is compared, nothing of the program's runs and no memory
 * is needed.  The ties know their table by a weak reference, too; so a table may die before or together with
 * what is in it.
 *
 * An entry whose object has died is passed by until its callback has taken it out.  Entries that vanish leave holes, and
 * move nothing: whoever is stepping through the table needs not be told.  What the program puts in or takes out
 * is counted in `changes`, for iterators to notice.
 *
 * @source  CPython Lib/weakref.py, Lib/_weakrefset.py, whose _IterationGuard has no counterpart here */
#ifndef OURO_TYPES_WEAK_TABLE_H
#define OURO_TYPES_WEAK_TABLE_H

#include "object/weakref.h"
#include "ouro/weakdict.h"
#include "ouro/weakset.h"
#include "types/table.h"

struct weak_table {
    struct table table;
    ouro_ref self; /* a weak reference to the table; NULL when the collector has cleared it */
    uint64_t changes;
};

extern struct ouro_type *ouro__weakkeydict_type, *ouro__weakvaluedict_type, *ouro__weakset_type;

/* References of an entry. */
static inline unsigned
ouro__weak_width(const struct weak_table *table)
{
    return ouro__type(&table->table.head) == ouro__weakset_type ? 1 : 2;
}

/* Which of them is weak. */
static inline unsigned
ouro__weak_column(const struct weak_table *table)
{
    return ouro__type(&table->table.head)->flags & TYPE_WEAK_KEYS ? 0 : 1;
}

/* Make a type of such tables. */
bool ouro__weak_type_make(ouro_type_spec spec, unsigned width, struct ouro_type **type);

/* A new empty table of a type, or NULL without memory. */
ouro_ref ouro__weak_new(struct ouro_type *type);

/* The key and the value, NULL in sets, of an entry: new references; the hash. */
struct weak_entry {
    ouro_object *parts[2];
    uint32_t hash;
};

void ouro__weak_entry_let_go(const struct weak_entry *entry);

/* Find the entry of a key that lives: OURO_FOUND, 0 or a failure. */
ouro_status ouro__weak_get(struct weak_table *table, ouro_object *key, struct weak_entry *entry);

/* Put in a key, whose hash `search` has, and a value, NULL in sets.  Where there is the key already: in sets nothing
 * happens, nor when `has` is not NULL, which receives the value that the key has in the end; OURO_FOUND.  Otherwise it
 * has another value now; OURO_OK. */
ouro_status ouro__weak_put(struct weak_table *table, struct table_search *search, ouro_object *value,
                           ouro_ref *has);

/* Take a key out: OURO_FOUND and what was there, 0 or a failure. */
ouro_status ouro__weak_take(struct weak_table *table, ouro_object *key, struct weak_entry *entry);

/* Take out the entry that was put in last: OURO_FOUND or 0. */
ouro_status ouro__weak_pop(struct weak_table *table, struct weak_entry *entry);

size_t ouro__weak_length(struct weak_table *table);
void ouro__weak_clear(ouro_loan table);

/* The next entry from `position` on: OURO_FOUND, 0 at the end, OURO_CHANGED when there were other changes. */
ouro_status ouro__weak_next(struct weak_table *table, size_t *position, uint64_t changes,
                            struct weak_entry *entry);

/* All entries at one moment. */
struct weak_entries {
    struct weak_entry *entries;
    size_t n, room;
};

ouro_status ouro__weak_take_all(struct weak_table *table, struct weak_entries *all);
void ouro__weak_let_go_all(struct weak_entries *all);

/* Put all of them into another table. */
ouro_status ouro__weak_put_all(struct weak_table *table, const struct weak_entries *all);

/* A new table with what another has. */
ouro_status ouro__weak_copy(struct weak_table *table, ouro_ref *copy);

/* ---- iterators: weak_iterate.c ---- */

enum weak_what { WEAK_KEYS, WEAK_VALUES, WEAK_ITEMS };

/* A new iterator, or NULL without memory. */
ouro_ref ouro__weak_iterate(ouro_loan table, enum weak_what what);

#endif
