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

static inline struct weak_table *
ouro__weak_table(ouro_loan loan)
{
    return (struct weak_table *)ouro_look(loan);
}

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

/* Whether a key that lives is there; take it out.  OURO_FOUND, 0 or a failure. */
ouro_status ouro__weak_contains(ouro_loan table, ouro_loan key);
ouro_status ouro__weak_discard(ouro_loan table, ouro_loan key);

size_t ouro__weak_length(ouro_loan table);
void ouro__weak_clear(ouro_loan table);

/* The next entry from `position` on: OURO_FOUND, 0 at the end, OURO_CHANGED when there were other changes. */
ouro_status ouro__weak_next(struct weak_table *table, size_t *position, uint64_t changes,
                            struct weak_entry *entry);

/* Put an entry into another container; OURO_OK, OURO_FOUND or a failure. */
typedef ouro_status (*weak_put)(ouro_loan made, const struct weak_entry *entry);

/* Put all entries that there are at one moment into a new container, which is stolen and may be NULL: then there was no memory
 * for it. */
ouro_status ouro__weak_copy_into(ouro_loan table, ouro_ref made, weak_put put, ouro_ref *copy);

/* A new table with what another has. */
ouro_status ouro__weak_copy(ouro_loan table, ouro_ref *copy);

/* ---- iterators: weak_iterate.c ---- */

enum weak_what { WEAK_KEYS, WEAK_VALUES, WEAK_ITEMS };

/* A new iterator, or NULL without memory. */
ouro_ref ouro__weak_iterate(ouro_loan table, enum weak_what what);

#endif
