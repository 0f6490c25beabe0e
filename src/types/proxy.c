/* proxy.c - weak references that answer as the objects would that they refer to.
 *
 * A proxy has no hash, since what it equals changes when its object dies.
 *
 * @source  CPython Objects/weakrefobject.c, proxy_checkref() and WRAP_UNARY */
#include "object/weakref.h"
#include "types/types.h"

ouro_status
ouro_proxy_create(ouro_loan object, ouro_weak_callback callback, ouro_loan context, ouro_ref *proxy)
{
    return ouro__weakref_make(ouro__proxy_type, ouro_look(object), callback, context, proxy);
}

bool
ouro_is_proxy(ouro_loan object)
{
    return ouro__type(ouro_look(object)) == ouro__proxy_type;
}

ouro_status
ouro_proxy_get(ouro_loan proxy, ouro_ref *object)
{
    if (!ouro_is_proxy(proxy)) {
        return OURO_WRONG_TYPE;
    }
    ouro_ref referent = ouro_weakref_get(proxy);
    if (referent == NULL) {
        return OURO_DEAD;
    }
    *object = referent;
    return OURO_OK;
}

ouro_status
ouro__proxy_target(ouro_loan proxy, ouro_ref *object)
{
    ouro_ref target = ouro_weakref_get(proxy);

    while (target != NULL && ouro_is_proxy(ouro_lend(target))) {
        ouro_assign(&target, ouro_weakref_get(ouro_lend(target)));
    }
    *object = target;
    return target != NULL ? OURO_OK : OURO_DEAD;
}

/* ---- what the type answers ---- */

static ouro_status
equal_proxy(ouro_loan self, ouro_loan other)
{
    ouro_ref a = NULL, b = NULL;
    ouro_status status = ouro__proxy_target(self, &a);

    if (status == OURO_OK && ouro_is_proxy(other)) {
        status = ouro__proxy_target(other, &b);
    }
    if (status == OURO_OK) {
        status = ouro_equal(ouro_lend(a), b != NULL ? ouro_lend(b) : other);
    }
    ouro_xdecref(a);
    ouro_xdecref(b);
    return status;
}

static ouro_ref
repr_proxy(ouro_loan self)
{
    ouro_ref object = NULL;
    if (ouro__proxy_target(self, &object) < 0) {
        return ouro_str_format("<weakproxy at %p; dead>", (void *)ouro_look(self));
    }
    ouro_ref text = ouro_repr(ouro_lend(object));
    ouro_decref(object);
    return text;
}

static ouro_status
next_of_proxy(ouro_loan self, ouro_ref *item)
{
    ouro_ref object = NULL;
    ouro_status status = ouro__proxy_target(self, &object);
    if (status == OURO_OK) {
        status = ouro_next(ouro_lend(object), item);
        ouro_decref(object);
    }
    return status;
}

static ouro_status
enter_proxy(ouro_loan self)
{
    ouro_ref object = NULL;
    ouro_status status = ouro__proxy_target(self, &object);
    if (status == OURO_OK) {
        status = ouro_enter(ouro_lend(object));
        ouro_decref(object);
    }
    return status;
}

static ouro_status
exit_proxy(ouro_loan self, ouro_status how)
{
    ouro_ref object = NULL;
    ouro_status status = ouro__proxy_target(self, &object);
    if (status == OURO_OK) {
        status = ouro_exit(ouro_lend(object), how);
        ouro_decref(object);
    }
    return status;
}

static ouro_status
hash_proxy(ouro_loan self, uint64_t *hash)
{
    (void)self, (void)hash;
    return OURO_UNHASHABLE;
}

bool
ouro__proxies_init(void)
{
    const ouro_type_spec spec = {
        .name = "weakproxy",
        .base = (ouro_loan)&ouro__weakref_type->head,
        .size = sizeof(struct weakref),
        .hash = hash_proxy,
        .equal = equal_proxy,
        .repr = repr_proxy,
        .next = next_of_proxy,
        .enter = enter_proxy,
        .exit = exit_proxy,
    };
    return ouro__type_make(&spec, &ouro__proxy_type);
}
