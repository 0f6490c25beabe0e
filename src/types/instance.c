/* instance.c - attributes of instances: see instance.h for where they are.
 *
 * Each operation finds the name first, without a lock, and then is one use of the instance.  An instance becomes apart
 * once and stays so.
 *
 * @source  PEP 412; CPython Objects/typeobject.c and Objects/object.c, _PyObject_GenericGetAttrWithDict() */
#include "types/instance.h"

#include "ouro/class.h"
#include "ouro/function.h"
#include "ouro/instance.h"

/* An instance, and what is to be done with one of its attributes. */
struct access {
    ouro_object *instance;
    struct ouro_type *class;
    struct names *names;
    ouro_object **refs;
    size_t room;
    size_t index; /* of the name; TABLE_NONE when the class doesn't know it */
    struct table_search search;
};

static bool
open_instance(struct access *access, ouro_loan loan)
{
    access->instance = ouro_look(loan);
    access->class = ouro__instance_class(access->instance);
    if (OURO_UNLIKELY(access->class == NULL)) {
        return false;
    }
    access->names = ouro__names(access->class);
    access->refs = ouro__instance_refs(access->instance, access->names);
    access->room = ouro__instance_room(access->instance, access->class);
    return true;
}

static ouro_status
begin(struct access *access, ouro_loan instance, ouro_loan name)
{
    if (OURO_UNLIKELY(!open_instance(access, instance) || !ouro_is_str(name))) {
        return OURO_WRONG_TYPE;
    }
    ouro_status status = ouro__table_search_for(&access->search, ouro_look(name));
    if (OURO_LIKELY(status == OURO_OK)) {
        access->index = ouro__names_find(access->names, &access->search);
    }
    return status;
}

/* What follows runs while the instance is in use. */

/* A new reference to the dict that the instance has instead of values, or NULL. */
static inline ouro_ref
take_dict(const struct access *access)
{
    size_t first = access->names->n_slots;
    bool is_apart = ouro__class_is_open(access->class) && access->refs[first + 1] == ouro__apart;
    return is_apart ? ouro_incref((ouro_loan)access->refs[first]) : NULL;
}

/* Where the attribute is, or would be, in an instance that isn't apart; NULL when there is no place for it. */
static inline ouro_object **
place_of(const struct access *access)
{
    return access->index < access->room ? &access->refs[access->index] : NULL;
}

/* May it be put there, behind all the others? */
static bool
is_last(const struct access *access)
{
    bool is_last = true;
    for (size_t i = access->index + 1; i < access->room && is_last; i++) {
        is_last = access->refs[i] == NULL;
    }
    return is_last;
}

static inline bool
is_slot(const struct access *access)
{
    return access->index < access->names->n_slots;
}

/* ---- asking ---- */

/* An attribute of the instance's own. */
static ouro_status
get_own(struct access *access, ouro_ref *value)
{
    ouro_object *found = NULL;

    bool locked = ouro__use(access->instance);
    ouro_ref dict = is_slot(access) ? NULL : take_dict(access);
    ouro_object **place = dict == NULL ? place_of(access) : NULL;
    if (place != NULL && *place != NULL) {
        found = ouro_incref((ouro_loan)*place);
    }
    ouro__unuse(access->instance, locked);
    if (OURO_UNLIKELY(dict != NULL)) {
        ouro_status status = ouro_dict_get(ouro_lend(dict), (ouro_loan)access->search.key, value);
        ouro_decref(dict);
        return status;
    }
    if (found == NULL) {
        return OURO_OK;
    }
    *value = found;
    return OURO_FOUND;
}

ouro_status
ouro_instance_get(ouro_loan instance, ouro_loan name, ouro_ref *value)
{
    struct access access;
    ouro_ref found = NULL;

    ouro_status status = begin(&access, instance, name);
    if (OURO_UNLIKELY(status < 0)) {
        return status;
    }
    status = get_own(&access, value);
    if (status != OURO_OK || is_slot(&access)) {
        return status;
    }
    status = ouro_class_get((ouro_loan)&access.class->head, name, &found);
    if (status != OURO_FOUND) {
        return status;
    }
    if (ouro__type(found) != ouro__function_type) {
        *value = found;
        return OURO_FOUND;
    }
    status = ouro_method_create(ouro_lend(found), instance, value);
    ouro_decref(found);
    return status < 0 ? status : OURO_FOUND;
}

ouro_status
ouro_instance_has(ouro_loan instance, ouro_loan name)
{
    struct access access;
    ouro_ref found = NULL;

    ouro_status status = begin(&access, instance, name);
    if (status == OURO_OK) {
        status = get_own(&access, &found);
        if (status == OURO_OK && !is_slot(&access)) {
            status = ouro_class_get((ouro_loan)&access.class->head, name, &found);
        }
        ouro_xdecref(found);
    }
    return status;
}

/* ---- changing ---- */

/* Have an instance that is open be apart; `dict` receives a new reference to what it has then. */
static ouro_status
set_apart(const struct access *access, ouro_ref *dict)
{
    size_t first = access->names->n_slots;
    ouro_object **values = &access->refs[first];
    ouro_ref fresh = ouro_dict_new();
    ouro_status status = OURO_OK;

    if (fresh == NULL) {
        return OURO_NO_MEMORY;
    }
    bool locked = ouro__use(access->instance);
    ouro_ref has = take_dict(access); /* when somebody else was faster */
    if (has == NULL) {
        size_t n = access->room - first, known = ouro__names_count(access->names) - first;
        if (ouro__dict_fill(fresh, &access->names->keys[first], values, n < known ? n : known)) {
            memset(values, 0, n * sizeof *values);
            values[0] = ouro_incref((ouro_loan)fresh);
            values[1] = ouro__apart;
        } else {
            status = OURO_NO_MEMORY;
        }
    }
    ouro__unuse(access->instance, locked);
    if (status < 0 || has != NULL) {
        ouro_decref(fresh);
        fresh = has;
    }
    *dict = fresh;
    return status;
}

/* Put the value in its place, if that can be; `dict` receives what it must be put in instead, `before` what was there. */
static bool
set_in_place(const struct access *access, ouro_object *value, ouro_object **dict, ouro_object **before)
{
    bool locked = ouro__use(access->instance);
    *dict = is_slot(access) ? NULL : take_dict(access);
    ouro_object **place = *dict == NULL ? place_of(access) : NULL;
    bool is_done = place != NULL && (*place != NULL || is_slot(access) || is_last(access));
    if (is_done) {
        *before = *place;
        *place = ouro_incref((ouro_loan)value);
    }
    ouro__unuse(access->instance, locked);
    return is_done;
}

ouro_status
ouro_instance_set(ouro_loan instance, ouro_loan name, ouro_loan value)
{
    struct access access;
    ouro_object *before = NULL, *dict = NULL;

    ouro_status status = begin(&access, instance, name);
    if (OURO_UNLIKELY(status < 0)) {
        return status;
    }
    if (OURO_UNLIKELY(access.index == TABLE_NONE)) {
        if (!ouro__class_is_open(access.class)) {
            return OURO_WRONG_VALUE;
        }
        access.index = ouro__names_learn(access.class, &access.search);
    }
    if (OURO_LIKELY(set_in_place(&access, ouro_look(value), &dict, &before))) {
        ouro_xdecref(before);
        return OURO_OK;
    }
    if (dict == NULL) {
        status = set_apart(&access, &dict);
    }
    if (status == OURO_OK) {
        status = ouro_dict_set(ouro_lend(dict), name, value);
        ouro_decref(dict);
    }
    return status;
}

ouro_status
ouro_instance_delete(ouro_loan instance, ouro_loan name)
{
    struct access access;
    ouro_object *before = NULL;

    ouro_status status = begin(&access, instance, name);
    if (OURO_UNLIKELY(status < 0)) {
        return status;
    }
    bool locked = ouro__use(access.instance);
    ouro_ref dict = is_slot(&access) ? NULL : take_dict(&access);
    ouro_object **place = dict == NULL ? place_of(&access) : NULL;
    if (place != NULL) {
        before = *place;
        *place = NULL;
    }
    ouro__unuse(access.instance, locked);
    if (dict != NULL) {
        status = ouro_dict_delete(ouro_lend(dict), name);
        ouro_decref(dict);
    } else if (before != NULL) {
        status = OURO_FOUND;
        ouro_decref(before);
    }
    return status;
}

/* ---- all of them ---- */

bool
ouro_instance_next(ouro_loan loan, size_t *position, ouro_ref *name, ouro_ref *value)
{
    struct access access;
    if (!open_instance(&access, loan)) {
        return false;
    }
    size_t first = access.names->n_slots, at = first + *position;

    bool locked = ouro__use(access.instance);
    ouro_ref dict = take_dict(&access);
    while (dict == NULL && at < access.room && access.refs[at] == NULL) {
        at++;
    }
    bool is_there = dict == NULL && at < access.room;
    if (is_there && name != NULL) {
        *name = ouro_incref((ouro_loan)access.names->keys[at].key);
    }
    if (is_there && value != NULL) {
        *value = ouro_incref((ouro_loan)access.refs[at]);
    }
    ouro__unuse(access.instance, locked);
    if (dict != NULL) {
        is_there = ouro_dict_next(ouro_lend(dict), position, name, value);
        ouro_decref(dict);
    } else {
        *position = at + is_there - first;
    }
    return is_there;
}

ouro_status
ouro_instance_dict(ouro_loan loan, ouro_ref *dict)
{
    struct access access;
    if (!open_instance(&access, loan)) {
        return OURO_WRONG_TYPE;
    }
    if (!ouro__class_is_open(access.class)) {
        return OURO_WRONG_VALUE;
    }
    bool locked = ouro__use(access.instance);
    ouro_ref has = take_dict(&access);
    ouro__unuse(access.instance, locked);
    if (has == NULL) {
        return set_apart(&access, dict);
    }
    *dict = has;
    return OURO_OK;
}

/* ---- the end ---- */

void
ouro__instance_let_go(ouro_object *instance)
{
    const struct ouro_type *class = ouro__type(instance);
    const struct names *names = ouro__names(class);
    ouro_object **refs = ouro__instance_refs(instance, names);
    size_t n = ouro__instance_room(instance, class);

    for (size_t i = 0; i < n; i++) {
        ouro_xdecref(refs[i]);
    }
}

void
ouro__instance_end(ouro_object *instance)
{
    ouro__end(instance, ouro__object_class(ouro__type(instance), instance), ouro__instance_let_go);
}
