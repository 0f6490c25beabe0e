/* protocol.c - questions that an object's type answers. */
#include "object/weakref.h"
#include "ouro/protocol.h"

/* What lies inside each other is hashed and compared inside each other: so deep, on a stack that has an end. */
#define MOST_NESTED 1000

static _Thread_local unsigned n_nested;

static ouro_status
hash_now(const struct ouro_type *type, ouro_loan object, uint64_t *hash)
{
    if (type->own.hash != NULL) {
        return type->own.hash(object, hash);
    }
    if (type->own.equal != NULL) { /* equal objects would have different hashes */
        return OURO_UNHASHABLE;
    }
    *hash = ouro__hash_identity(ouro_look(object));
    return OURO_OK;
}

ouro_status
ouro_hash(ouro_loan object, uint64_t *hash)
{
    const struct ouro_type *type = ouro__type(ouro_look(object));
    if (type->flags & OURO_TYPE_LEAF) {
        return hash_now(type, object, hash);
    }
    if (n_nested >= MOST_NESTED) {
        return OURO_TOO_DEEP;
    }
    n_nested++;
    ouro_status status = hash_now(type, object, hash);
    n_nested--;
    return status;
}

static ouro_status
compare_now(const struct ouro_type *type, const struct ouro_type *other, ouro_loan a, ouro_loan b)
{
    ouro_status status = type->own.equal != NULL ? type->own.equal(a, b) : OURO_NOT_EQUAL;
    if (status == OURO_NOT_EQUAL && other != type && other->own.equal != NULL) {
        status = other->own.equal(b, a);
    }
    return status;
}

ouro_status
ouro_equal(ouro_loan a, ouro_loan b)
{
    if (a == b) {
        return OURO_FOUND;
    }
    const struct ouro_type *type = ouro__type(ouro_look(a)), *other = ouro__type(ouro_look(b));
    if (type->flags & other->flags & OURO_TYPE_LEAF) {
        return compare_now(type, other, a, b);
    }
    if (n_nested >= MOST_NESTED) {
        return OURO_TOO_DEEP;
    }
    n_nested++;
    ouro_status status = compare_now(type, other, a, b);
    n_nested--;
    return status;
}

/* The slot of types has no way to say that the object is gone. */
static ouro_status
iterate_referent(ouro_loan proxy, ouro_ref *iterator)
{
    ouro_ref object = NULL;
    ouro_status status = ouro__proxy_target(proxy, &object);
    if (status == OURO_OK) {
        status = ouro_iterate(ouro_lend(object), iterator);
        ouro_decref(object);
    }
    return status;
}

ouro_status
ouro_iterate(ouro_loan object, ouro_ref *iterator)
{
    const struct ouro_type *type = ouro__type(ouro_look(object));
    if (type->own.iterate == NULL) {
        return type == ouro__proxy_type ? iterate_referent(object, iterator) : OURO_WRONG_TYPE;
    }
    ouro_ref made = type->own.iterate(object);
    if (made == NULL) {
        return OURO_NO_MEMORY;
    }
    *iterator = made;
    return OURO_OK;
}

ouro_status
ouro_next(ouro_loan iterator, ouro_ref *item)
{
    const struct ouro_type *type = ouro__type(ouro_look(iterator));
    return type->own.next != NULL ? type->own.next(iterator, item) : OURO_WRONG_TYPE;
}
