/* weak_dict.c - dicts whose values, or whose keys, are weak references. */
#include "types/weak_table.h"

#include "types/table_find.h"

struct ouro_type *ouro__weakkeydict_type, *ouro__weakvaluedict_type;

static bool
is_weak_dict(ouro_loan object)
{
    const struct ouro_type *type = ouro__type(ouro_look(object));
    return type == ouro__weakkeydict_type || type == ouro__weakvaluedict_type;
}

ouro_ref
ouro_weakvaluedict_new(void)
{
    return ouro__weak_new(ouro__weakvaluedict_type);
}

ouro_ref
ouro_weakkeydict_new(void)
{
    return ouro__weak_new(ouro__weakkeydict_type);
}

ouro_status
ouro_weakdict_copy(ouro_loan dict, ouro_ref *copy)
{
    return ouro__weak_copy(dict, copy);
}

size_t
ouro_weakdict_length(ouro_loan dict)
{
    return ouro__weak_length(dict);
}

static ouro_status
put_in_dict(ouro_loan made, const struct weak_entry *entry)
{
    return ouro_dict_set(made, (ouro_loan)entry->parts[0], (ouro_loan)entry->parts[1]);
}

ouro_status
ouro_weakdict_to_dict(ouro_loan dict, ouro_ref *copy)
{
    return ouro__weak_copy_into(dict, ouro_dict_new(), put_in_dict, copy);
}

/* ---- one key ---- */

ouro_status
ouro_weakdict_get(ouro_loan dict, ouro_loan key, ouro_ref *value)
{
    struct weak_entry entry;
    ouro_status status = ouro__weak_get(ouro__weak_table(dict), ouro_look(key), &entry);
    if (status == OURO_FOUND) {
        ouro_decref(entry.parts[0]);
        *value = entry.parts[1];
    }
    return status;
}

ouro_status
ouro_weakdict_contains(ouro_loan dict, ouro_loan key)
{
    return ouro__weak_contains(dict, key);
}

ouro_status
ouro_weakdict_set(ouro_loan dict, ouro_loan key, ouro_loan value)
{
    struct table_search search;
    ouro_status status = ouro__table_search_for(&search, ouro_look(key));
    return status == OURO_OK ? ouro__weak_put(ouro__weak_table(dict), &search, ouro_look(value), NULL)
                             : status;
}

ouro_status
ouro_weakdict_set_default(ouro_loan dict, ouro_loan key, ouro_loan preset, ouro_ref *value)
{
    struct table_search search;
    ouro_status status = ouro__table_search_for(&search, ouro_look(key));
    return status == OURO_OK ? ouro__weak_put(ouro__weak_table(dict), &search, ouro_look(preset), value)
                             : status;
}

ouro_status
ouro_weakdict_delete(ouro_loan dict, ouro_loan key)
{
    return ouro__weak_discard(dict, key);
}

ouro_status
ouro_weakdict_pop(ouro_loan dict, ouro_loan key, ouro_ref *value)
{
    struct weak_entry entry;
    ouro_status status = ouro__weak_take(ouro__weak_table(dict), ouro_look(key), &entry);
    if (status == OURO_FOUND) {
        ouro_decref(entry.parts[0]);
        *value = entry.parts[1];
    }
    return status;
}

ouro_status
ouro_weakdict_popitem(ouro_loan dict, ouro_ref *key, ouro_ref *value)
{
    struct weak_entry entry;
    ouro_status status = ouro__weak_pop(ouro__weak_table(dict), &entry);
    if (status == OURO_FOUND) {
        *key = entry.parts[0];
        *value = entry.parts[1];
    }
    return status;
}

/* ---- all ---- */

static ouro_status
update_from_dict(ouro_loan dict, ouro_loan other)
{
    ouro_ref key = NULL, value = NULL;
    size_t position = 0;
    ouro_status status = OURO_OK;

    while (status == OURO_OK && ouro_dict_next(other, &position, &key, &value)) {
        status = ouro_weakdict_set(dict, ouro_lend(key), ouro_lend(value));
        ouro_decref(key);
        ouro_decref(value);
    }
    return status;
}

/* A dict that nobody else has keeps everything until it is in. */
ouro_status
ouro_weakdict_update(ouro_loan dict, ouro_loan other)
{
    ouro_ref kept = NULL;
    ouro_status status;

    if (is_weak_dict(other)) {
        status = ouro_weakdict_to_dict(other, &kept);
    } else {
        kept = ouro_dict_new();
        status = kept != NULL ? ouro_dict_update(ouro_lend(kept), other) : OURO_NO_MEMORY;
    }
    if (status == OURO_OK) {
        status = update_from_dict(dict, ouro_lend(kept));
    }
    ouro_xdecref(kept);
    return status;
}

void
ouro_weakdict_clear(ouro_loan dict)
{
    ouro__weak_clear(dict);
}

ouro_ref
ouro_weakdict_iterate_keys(ouro_loan dict)
{
    return ouro__weak_iterate(dict, WEAK_KEYS);
}

ouro_ref
ouro_weakdict_iterate_values(ouro_loan dict)
{
    return ouro__weak_iterate(dict, WEAK_VALUES);
}

ouro_ref
ouro_weakdict_iterate_items(ouro_loan dict)
{
    return ouro__weak_iterate(dict, WEAK_ITEMS);
}

/* ---- the types ---- */

/* As the ordinary dicts of what lives are. */
static ouro_status
equal_dict(ouro_loan self, ouro_loan other)
{
    ouro_ref a = NULL, b = NULL;

    if (!is_weak_dict(other) && !ouro_is_a(other, ouro_dict_type())) {
        return OURO_NOT_EQUAL;
    }
    ouro_status status = ouro_weakdict_to_dict(self, &a);
    if (status == OURO_OK && is_weak_dict(other)) {
        status = ouro_weakdict_to_dict(other, &b);
    }
    if (status == OURO_OK) {
        status = ouro_equal(ouro_lend(a), b != NULL ? ouro_lend(b) : other);
    }
    ouro_xdecref(a);
    ouro_xdecref(b);
    return status;
}

ouro_loan
ouro_weakvaluedict_type(void)
{
    return (ouro_loan)&ouro__weakvaluedict_type->head;
}

ouro_loan
ouro_weakkeydict_type(void)
{
    return (ouro_loan)&ouro__weakkeydict_type->head;
}

bool
ouro__weak_dicts_init(void)
{
    ouro_type_spec spec = {
        .name = "weak_value_dict",
        .equal = equal_dict,
        .iterate = ouro_weakdict_iterate_keys,
    };
    if (!ouro__weak_type_make(spec, 2, &ouro__weakvaluedict_type)) {
        return false;
    }
    spec.name = "weak_key_dict";
    spec.flags = TYPE_WEAK_KEYS;
    return ouro__weak_type_make(spec, 2, &ouro__weakkeydict_type);
}
