#include "weak_dicts.h"

#include "require.h"

ouro_ref
number(uint64_t value)
{
    return key_new(value, value * 0x9E3779B97F4A7C15U);
}

ouro_ref
node(uintptr_t value)
{
    ouro_ref made = node_new(NULL, NULL);
    node_of(made)->number = value;
    return made;
}

ouro_ref
ring(uintptr_t value)
{
    ouro_ref made = node(value);
    node_of(made)->left = ouro_incref(made);
    return made;
}

void
set(ouro_loan dict, ouro_loan key, ouro_loan value)
{
    REQUIRE(ouro_weakdict_set(dict, key, value) == OURO_OK, "not set");
}

long
get(ouro_loan dict, ouro_loan key)
{
    ouro_ref value = NULL;
    ouro_status status = ouro_weakdict_get(dict, key, &value);
    REQUIRE(status >= 0, "looking up failed with %d", status);
    long found = status == OURO_FOUND ? (long)node_of(value)->number : -1;
    REQUIRE(ouro_weakdict_contains(dict, key) == status, "found and not contained, or the other way");
    ouro_xdecref(value);
    return found;
}

ouro_ref keys[N], values[N];

ouro_ref
full_dict(bool has_weak_keys, bool cyclic)
{
    ouro_ref dict = has_weak_keys ? ouro_weakkeydict_new() : ouro_weakvaluedict_new();
    for (size_t i = 0; i < N; i++) {
        keys[i] = has_weak_keys && cyclic ? ring(i) : number(i);
        values[i] = cyclic && !has_weak_keys ? ring(i) : node(i);
        set(dict, keys[i], values[i]);
        ouro_clear(has_weak_keys ? &values[i] : &keys[i]);
    }
    return dict;
}

ouro_ref *
weak_part(bool has_weak_keys)
{
    return has_weak_keys ? keys : values;
}

void
let_go_of_parts(bool has_weak_keys)
{
    for (size_t i = 0; i < N; i++) {
        ouro_clear(&weak_part(has_weak_keys)[i]);
    }
}

size_t
count(ouro_ref iterator)
{
    ouro_ref item = NULL;
    ouro_status status;
    size_t n = 0;
    while ((status = ouro_next(iterator, &item)) == OURO_FOUND) {
        ouro_decref(item);
        n++;
    }
    REQUIRE(status == OURO_OK, "iterating failed with %d", status);
    ouro_decref(iterator);
    return n;
}
