/* weak_set.c - sets of weak references.
 *
 * What is asked of two sets is asked of ordinary ones, which keep everything meanwhile. */
#include "types/weak_table.h"

#include "types/table_find.h"

struct ouro_type *ouro__weakset_type;

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
    return ouro__weak_copy(set, copy);
}

size_t
ouro_weakset_length(ouro_loan set)
{
    return ouro__weak_length(set);
}

static ouro_status
put_in_set(ouro_loan made, const struct weak_entry *entry)
{
    return ouro_set_add(made, (ouro_loan)entry->parts[0]);
}

ouro_status
ouro_weakset_to_set(ouro_loan set, ouro_ref *copy)
{
    return ouro__weak_copy_into(set, ouro_set_new(), put_in_set, copy);
}

/* ---- one item ---- */

ouro_status
ouro_weakset_contains(ouro_loan set, ouro_loan item)
{
    return ouro__weak_contains(set, item);
}

ouro_status
ouro_weakset_add(ouro_loan set, ouro_loan item)
{
    struct table_search search;
    ouro_status status = ouro__table_search_for(&search, ouro_look(item));
    return status == OURO_OK ? ouro__weak_put(ouro__weak_table(set), &search, NULL, NULL) : status;
}

ouro_status
ouro_weakset_discard(ouro_loan set, ouro_loan item)
{
    return ouro__weak_discard(set, item);
}

ouro_status
ouro_weakset_pop(ouro_loan set, ouro_ref *item)
{
    struct weak_entry entry;
    ouro_status status = ouro__weak_pop(ouro__weak_table(set), &entry);
    if (status == OURO_FOUND) {
        *item = entry.parts[0];
    }
    return status;
}

/* ---- all items ---- */

/* What keeps the items of something meanwhile: an ordinary set of them if it is weak, or itself. */
static ouro_status
keep(ouro_loan items, ouro_ref *kept)
{
    if (is_weak_set(items)) {
        return ouro_weakset_to_set(items, kept);
    }
    *kept = ouro_incref(items);
    return OURO_OK;
}

typedef ouro_status (*for_item)(ouro_loan set, ouro_loan item);

/* Call `each(set, item)` for all items of what is not weak. */
static ouro_status
for_each(ouro_loan items, for_item each, ouro_loan set)
{
    ouro_ref iterator = NULL, item = NULL;
    ouro_status status = ouro_iterate(items, &iterator);

    while (status >= 0 && (status = ouro_next(ouro_lend(iterator), &item)) == OURO_FOUND) {
        status = each(set, ouro_lend(item));
        ouro_decref(item);
    }
    ouro_xdecref(iterator);
    return status < 0 ? status : OURO_OK;
}

static ouro_status
change_by(ouro_loan set, ouro_loan items, for_item each)
{
    ouro_ref kept = NULL;
    ouro_status status = keep(items, &kept);

    if (status == OURO_OK) {
        status = for_each(ouro_lend(kept), each, set);
        ouro_decref(kept);
    }
    return status;
}

ouro_status
ouro_weakset_update(ouro_loan set, ouro_loan items)
{
    return change_by(set, items, ouro_weakset_add);
}

ouro_status
ouro_weakset_difference_update(ouro_loan set, ouro_loan items)
{
    return change_by(set, items, ouro_weakset_discard);
}

static ouro_status
toggle(ouro_loan set, ouro_loan item)
{
    ouro_status status = ouro_weakset_discard(set, item);
    return status == OURO_OK ? ouro_weakset_add(set, item) : status;
}

/* Each item once, though `items` may give it often. */
ouro_status
ouro_weakset_symmetric_difference_update(ouro_loan set, ouro_loan items)
{
    ouro_ref kept = NULL;
    ouro_status status =
        is_weak_set(items) ? ouro_weakset_to_set(items, &kept) : ouro_frozenset_new(items, &kept);
    if (status == OURO_OK) {
        status = for_each(ouro_lend(kept), toggle, set);
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
    if (status == OURO_OK && (status = keep(other, b)) < 0) {
        ouro_decref(*a);
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
        status = made != NULL ? ouro_weakset_update(ouro_lend(made), ouro_lend(both)) : OURO_NO_MEMORY;
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

/* Of equal items those of the other, as in CPython: the other without what it alone has. */
static ouro_status
intersect(ouro_loan set, ouro_loan other, ouro_ref *result)
{
    ouro_ref all = NULL, alone = NULL;
    ouro_status status = ouro_frozenset_new(other, &all);

    if (status == OURO_OK) {
        status = ouro_set_difference(ouro_lend(all), set, &alone);
    }
    if (status == OURO_OK) {
        status = ouro_set_difference(ouro_lend(all), ouro_lend(alone), result);
    }
    ouro_xdecref(all);
    ouro_xdecref(alone);
    return status;
}

ouro_status
ouro_weakset_intersection(ouro_loan set, ouro_loan other, ouro_ref *result)
{
    return make_from(intersect, set, other, result);
}

ouro_status
ouro_weakset_intersection_update(ouro_loan set, ouro_loan items)
{
    ouro_ref a = NULL, b = NULL, gone = NULL;
    ouro_status status = take_both(set, items, &a, &b);

    if (status == OURO_OK) {
        status = ouro_set_difference(ouro_lend(a), ouro_lend(b), &gone);
        ouro_decref(a);
        ouro_decref(b);
    }
    if (status == OURO_OK) {
        status = for_each(ouro_lend(gone), ouro_weakset_discard, set);
        ouro_decref(gone);
    }
    return status;
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
