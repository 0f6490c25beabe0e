/* weak_set.c - sets of weak references.
 *
 * What is asked of two sets is asked of ordinary ones, which keep everything meanwhile. */
#include "types/weak_table.h"

#include "types/table_find.h"

struct ouro_type *ouro__weakset_type;

static struct weak_table *
table_of(ouro_loan loan)
{
    return (struct weak_table *)ouro_look(loan);
}

static bool
is_weak_set(ouro_loan object)
{
    return ouro__type(ouro_look(object)) == ouro__weakset_type;
}

ouro_ref
ouro_weakset_new(void)
{
    return ouro__weak_new(ouro__weakset_type);
}

ouro_status
ouro_weakset_copy(ouro_loan set, ouro_ref *copy)
{
    return ouro__weak_copy(table_of(set), copy);
}

size_t
ouro_weakset_length(ouro_loan set)
{
    return ouro__weak_length(table_of(set));
}

ouro_status
ouro_weakset_to_set(ouro_loan set, ouro_ref *copy)
{
    struct weak_entries all;
    ouro_ref made = ouro_set_new();
    ouro_status status = made != NULL ? ouro__weak_take_all(table_of(set), &all) : OURO_NO_MEMORY;

    if (status == OURO_OK) {
        for (size_t i = 0; i < all.n && status >= 0; i++) {
            status = ouro_set_add(ouro_lend(made), (ouro_loan)all.entries[i].parts[0]);
        }
        ouro__weak_let_go_all(&all);
    }
    if (status < 0) {
        ouro_xdecref(made);
        return status;
    }
    *copy = made;
    return OURO_OK;
}

/* ---- one item ---- */

ouro_status
ouro_weakset_contains(ouro_loan set, ouro_loan item)
{
    struct weak_entry entry;
    ouro_status status = ouro__weak_get(table_of(set), ouro_look(item), &entry);
    if (status == OURO_FOUND) {
        ouro__weak_entry_let_go(&entry);
    }
    return status;
}

ouro_status
ouro_weakset_add(ouro_loan set, ouro_loan item)
{
    struct table_search search;
    ouro_status status = ouro__table_search_for(&search, ouro_look(item));
    return status == OURO_OK ? ouro__weak_put(table_of(set), &search, NULL, NULL) : status;
}

ouro_status
ouro_weakset_discard(ouro_loan set, ouro_loan item)
{
    struct weak_entry entry;
    ouro_status status = ouro__weak_take(table_of(set), ouro_look(item), &entry);
    if (status == OURO_FOUND) {
        ouro__weak_entry_let_go(&entry);
    }
    return status;
}

ouro_status
ouro_weakset_pop(ouro_loan set, ouro_ref *item)
{
    struct weak_entry entry;
    ouro_status status = ouro__weak_pop(table_of(set), &entry);
    if (status == OURO_FOUND) {
        *item = entry.parts[0];
    }
    return status;
}

/* ---- all items ---- */

static ouro_status
add_all(ouro_loan set, ouro_loan items)
{
    ouro_ref iterator = NULL, item = NULL;
    ouro_status status = ouro_iterate(items, &iterator);

    while (status >= 0 && (status = ouro_next(ouro_lend(iterator), &item)) == OURO_FOUND) {
        status = ouro_weakset_add(set, ouro_lend(item));
        ouro_decref(item);
    }
    ouro_xdecref(iterator);
    return status < 0 ? status : OURO_OK;
}

ouro_status
ouro_weakset_update(ouro_loan set, ouro_loan items)
{
    ouro_ref kept = NULL;

    if (!is_weak_set(items)) {
        return add_all(set, items);
    }
    ouro_status status = ouro_weakset_to_set(items, &kept);
    if (status == OURO_OK) {
        status = add_all(set, ouro_lend(kept));
        ouro_decref(kept);
    }
    return status;
}

void
ouro_weakset_clear(ouro_loan set)
{
    ouro__weak_clear(set);
}

/* ---- two sets ---- */

/* An operation on ordinary sets that makes one, or, with a NULL result, says something of them. */
typedef ouro_status (*make_set)(ouro_loan set, ouro_loan other, ouro_ref *result);
typedef ouro_status (*ask_sets)(ouro_loan set, ouro_loan other);

/* Both as ordinary sets; the second as it is when it is not weak. */
static ouro_status
take_both(ouro_loan set, ouro_loan other, ouro_ref *a, ouro_ref *b)
{
    ouro_status status = ouro_weakset_to_set(set, a);
    if (status == OURO_OK && is_weak_set(other)) {
        status = ouro_weakset_to_set(other, b);
        if (status < 0) {
            ouro_decref(*a);
        }
    } else if (status == OURO_OK) {
        *b = ouro_incref(other);
    }
    return status;
}

static ouro_status
make_from(make_set make, ouro_loan set, ouro_loan other, ouro_ref *result)
{
    ouro_ref a = NULL, b = NULL, both = NULL, made = NULL;
    ouro_status status = take_both(set, other, &a, &b);

    if (status < 0) {
        return status;
    }
    status = make(ouro_lend(a), ouro_lend(b), &both);
    if (status == OURO_OK) {
        made = ouro_weakset_new();
        status = made != NULL ? add_all(ouro_lend(made), ouro_lend(both)) : OURO_NO_MEMORY;
        ouro_decref(both);
    }
    if (status == OURO_OK) {
        *result = made;
        made = NULL;
    }
    ouro_xdecref(made);
    ouro_decref(a);
    ouro_decref(b);
    return status;
}

static ouro_status
ask_both(ask_sets ask, ouro_loan set, ouro_loan other)
{
    ouro_ref a = NULL, b = NULL;
    ouro_status status = take_both(set, other, &a, &b);

    if (status == OURO_OK) {
        status = ask(ouro_lend(a), ouro_lend(b));
        ouro_decref(a);
        ouro_decref(b);
    }
    return status;
}

ouro_status
ouro_weakset_union(ouro_loan set, ouro_loan other, ouro_ref *result)
{
    return make_from(ouro_set_union, set, other, result);
}

ouro_status
ouro_weakset_intersection(ouro_loan set, ouro_loan other, ouro_ref *result)
{
    return make_from(ouro_set_intersection, set, other, result);
}

ouro_status
ouro_weakset_difference(ouro_loan set, ouro_loan other, ouro_ref *result)
{
    return make_from(ouro_set_difference, set, other, result);
}

ouro_status
ouro_weakset_symmetric_difference(ouro_loan set, ouro_loan other, ouro_ref *result)
{
    return make_from(ouro_set_symmetric_difference, set, other, result);
}

ouro_status
ouro_weakset_is_subset(ouro_loan set, ouro_loan other)
{
    return ask_both(ouro_set_is_subset, set, other);
}

ouro_status
ouro_weakset_is_superset(ouro_loan set, ouro_loan other)
{
    return ask_both(ouro_set_is_superset, set, other);
}

ouro_status
ouro_weakset_is_disjoint(ouro_loan set, ouro_loan other)
{
    return ask_both(ouro_set_is_disjoint, set, other);
}

/* ---- the type ---- */

static ouro_status
equal_set(ouro_loan self, ouro_loan other)
{
    return is_weak_set(other) ? ask_both(ouro_equal, self, other) : OURO_NOT_EQUAL;
}

static ouro_ref
iterate_set(ouro_loan set)
{
    return ouro__weak_iterate(set, WEAK_KEYS);
}

ouro_loan
ouro_weakset_type(void)
{
    return (ouro_loan)&ouro__weakset_type->head;
}

bool
ouro__weak_sets_init(void)
{
    const ouro_type_spec spec = {
        .name = "weak_set", .flags = TYPE_WEAK_KEYS, .equal = equal_set, .iterate = iterate_set};
    return ouro__weak_type_make(spec, 1, &ouro__weakset_type);
}
