/* dict.c - dicts: tables of keys and values.
 *
 * As of lists, each operation is one use; but for comparing keys, see table.h.  A dict of no more than leaves
 * is not looked at by the collector: it begins OBJECT_UNTRACKED, and ends that with the first key or value
 * that could be part of a cycle.
 *
 * @source  CPython Objects/dictobject.c; MAINTAIN_TRACKING() for the collector */
#include "types/table_find.h"

#define WIDTH 2 /* key and value */

static struct ouro_type *dict_type;

static struct table *
dict_of(ouro_loan loan)
{
    return (struct table *)ouro_look(loan);
}

static __attribute__((noinline)) size_t
find(struct table *dict, struct table_search *search)
{
    return ouro__table_find_all(dict, search, WIDTH);
}

/* The same, inline where it is quick. */
static inline __attribute__((always_inline)) size_t
find_quickly(struct table *dict, struct table_search *search)
{
    size_t index;
    return ouro__table_find_first(dict, search, true, WIDTH, &index) ? index : find(dict, search);
}

static inline bool
is_untracked(const struct table *dict)
{
    return (dict->head.flags & OBJECT_UNTRACKED) != 0;
}

/* ---- making and asking ---- */

static struct table *
make(void)
{
    struct table *dict = (struct table *)ouro__collected_alloc(dict_type, sizeof *dict);
    if (OURO_LIKELY(dict != NULL)) {
        dict->head.flags |= OBJECT_UNTRACKED; /* it may be OBJECT_SHARED from the beginning */
        dict->n = 0;
        dict->entries = NULL;
    }
    return dict;
}

ouro_ref
ouro_dict_new(void)
{
    return (ouro_ref)make();
}

ouro_ref
ouro_dict_copy(ouro_loan loan)
{
    struct table *from = dict_of(loan), *to = make();
    if (to == NULL) {
        return NULL;
    }
    bool locked = ouro__use(&from->head);
    bool done = ouro__table_copy(to, from, WIDTH);
    bool is_tracked = !is_untracked(from);
    ouro__unuse(&from->head, locked);
    if (!done) {
        ouro_decref(&to->head);
        return NULL;
    }
    if (is_tracked) {
        ouro__track(&to->head);
    }
    return &to->head;
}

size_t
ouro_dict_length(ouro_loan loan)
{
    struct table *dict = dict_of(loan);
    bool locked = ouro__use(&dict->head);
    size_t live = ouro__table_live(dict);
    ouro__unuse(&dict->head, locked);
    return live;
}

ouro_status
ouro_dict_get(ouro_loan loan, ouro_loan key, ouro_ref *value)
{
    struct table *dict = dict_of(loan);
    struct table_search search;
    size_t index;

    ouro_status status = ouro__table_look_up(dict, ouro_look(key), &search, find, WIDTH, &index);
    if (OURO_UNLIKELY(status < 0)) {
        return status;
    }
    if (index != TABLE_NONE) {
        *value = ouro_incref((ouro_loan)dict->entries[index * WIDTH + 1]);
        search.status = OURO_FOUND;
    }
    ouro__unuse(&dict->head, search.locked);
    return search.status;
}

ouro_loan
ouro_dict_get_borrow(ouro_loan loan, ouro_loan key)
{
    struct table *dict = dict_of(loan);
    struct table_search search;
    size_t index;

    if (OURO_UNLIKELY(ouro__table_look_up(dict, ouro_look(key), &search, find, WIDTH, &index) < 0)) {
        return NULL;
    }
    ouro_loan value = index != TABLE_NONE ? (ouro_loan)dict->entries[index * WIDTH + 1] : NULL;
    ouro__unuse(&dict->head, search.locked);
    return value;
}

ouro_status
ouro_dict_contains(ouro_loan dict, ouro_loan key)
{
    return ouro__table_contains(dict_of(dict), ouro_look(key), find, WIDTH);
}

/* ---- changing ---- */

/* Put in what was sought in vain in this use; false without memory. */
static inline __attribute__((always_inline)) bool
add(struct table *dict, const struct table_search *search, ouro_object *value)
{
    ouro_object **entry = ouro__table_add(dict, search, WIDTH);
    if (OURO_UNLIKELY(entry == NULL)) {
        return false;
    }
    uint16_t self = ouro__self;
    entry[0] = search->key;
    entry[1] = value;
    ouro__incref_by(search->key, self);
    ouro__incref_by(value, self);
    if (is_untracked(dict) && (ouro__may_be_in_cycle(search->key) || ouro__may_be_in_cycle(value))) {
        ouro__track(&dict->head);
    }
    return true;
}

bool
ouro__dict_fill(ouro_object *object, const struct table_key *keys, ouro_object *const *values, size_t n)
{
    struct table *dict = (struct table *)object;
    size_t live = 0;

    for (size_t i = 0; i < n; i++) {
        live += values[i] != NULL;
    }
    if (!ouro__table_reserve(dict, live + 1, WIDTH)) {
        return false;
    }
    uint32_t *hashes = ouro__table_hashes(dict);
    for (size_t i = 0; i < n; i++) {
        if (values[i] == NULL) {
            continue;
        }
        hashes[dict->n] = keys[i].hash;
        dict->entries[dict->n * WIDTH] = ouro_incref((ouro_loan)keys[i].key);
        dict->entries[dict->n * WIDTH + 1] = values[i];
        dict->n++;
        if (is_untracked(dict) && ouro__may_be_in_cycle(values[i])) {
            ouro__track(object);
        }
    }
    if (ouro__table_shape(dict)->log != 0) {
        ouro__table_put_slots(dict, 0, dict->n);
    }
    return true;
}

/* Have a key, whose hash is known, and its value. */
static inline __attribute__((always_inline)) ouro_status
set(struct table *dict, struct table_search *search, ouro_object *value)
{
    ouro_object *before = NULL;

    search->locked = ouro__use(&dict->head);
    size_t index = find_quickly(dict, search);
    if (index != TABLE_NONE) {
        ouro_object **at = &dict->entries[index * WIDTH + 1];
        before = *at;
        *at = ouro_incref((ouro_loan)value);
        if (is_untracked(dict) && ouro__may_be_in_cycle(value)) {
            ouro__track(&dict->head);
        }
    } else if (OURO_LIKELY(search->status == OURO_OK) && OURO_UNLIKELY(!add(dict, search, value))) {
        search->status = OURO_NO_MEMORY;
    }
    ouro__unuse(&dict->head, search->locked);
    ouro_xdecref(before);
    return search->status;
}

ouro_status
ouro_dict_set(ouro_loan dict, ouro_loan key, ouro_loan value)
{
    struct table_search search;
    ouro_status status = ouro__table_search_for(&search, ouro_look(key));
    return OURO_LIKELY(status == OURO_OK) ? set(dict_of(dict), &search, ouro_look(value)) : status;
}

ouro_status
ouro_dict_set_default(ouro_loan loan, ouro_loan key, ouro_loan preset, ouro_ref *value)
{
    struct table *dict = dict_of(loan);
    struct table_search search;
    ouro_status status = ouro__table_search_for(&search, ouro_look(key));

    if (OURO_UNLIKELY(status < 0)) {
        return status;
    }
    ouro_object *has = ouro_look(preset);
    search.locked = ouro__use(&dict->head);
    size_t index = find_quickly(dict, &search);
    if (index != TABLE_NONE) {
        has = dict->entries[index * WIDTH + 1];
        search.status = OURO_FOUND;
    } else if (search.status == OURO_OK && !add(dict, &search, has)) {
        search.status = OURO_NO_MEMORY;
    }
    if (value != NULL && search.status >= 0) {
        *value = ouro_incref((ouro_loan)has);
    }
    ouro__unuse(&dict->head, search.locked);
    return search.status;
}

/* Take a key out and give back what its entry had, or NULL. */
static inline ouro_status
take_out(struct table *dict, ouro_object *key, ouro_object **had_key, ouro_object **had_value)
{
    struct table_search search;
    ouro_status status = ouro__table_search_for(&search, key);

    if (OURO_UNLIKELY(status < 0)) {
        return status;
    }
    search.locked = ouro__use(&dict->head);
    size_t index = find_quickly(dict, &search);
    if (index != TABLE_NONE) {
        *had_key = dict->entries[index * WIDTH];
        *had_value = dict->entries[index * WIDTH + 1];
        ouro__table_remove(dict, index, search.slot, WIDTH);
        search.status = OURO_FOUND;
    }
    ouro__unuse(&dict->head, search.locked);
    return search.status;
}

ouro_status
ouro_dict_delete(ouro_loan dict, ouro_loan key)
{
    ouro_object *had_key = NULL, *had_value = NULL;
    ouro_status status = take_out(dict_of(dict), ouro_look(key), &had_key, &had_value);

    if (status == OURO_FOUND) {
        ouro_decref(had_key);
        ouro_decref(had_value);
    }
    return status;
}

ouro_status
ouro_dict_pop(ouro_loan dict, ouro_loan key, ouro_ref *value)
{
    ouro_object *had_key = NULL, *had_value = NULL;
    ouro_status status = take_out(dict_of(dict), ouro_look(key), &had_key, &had_value);

    if (status == OURO_FOUND) {
        ouro_decref(had_key);
        *value = had_value;
    }
    return status;
}

ouro_status
ouro_dict_popitem(ouro_loan loan, ouro_ref *key, ouro_ref *value)
{
    struct table *dict = dict_of(loan);
    ouro_status status = OURO_OK;

    bool locked = ouro__use(&dict->head);
    if (dict->n != 0) { /* the last is no hole */
        size_t last = dict->n - 1;
        *key = dict->entries[last * WIDTH];
        *value = dict->entries[last * WIDTH + 1];
        ouro__table_remove(dict, last, TABLE_NONE, WIDTH);
        status = OURO_FOUND;
    }
    ouro__unuse(&dict->head, locked);
    return status;
}

void
ouro_dict_clear(ouro_loan loan)
{
    struct table *dict = dict_of(loan);

    bool locked = ouro__use(&dict->head);
    struct table taken = ouro__table_take_block(dict);
    ouro__unuse(&dict->head, locked);
    ouro__table_let_go(&taken, WIDTH);
}

/* ---- stepping ---- */

bool
ouro_dict_next(ouro_loan loan, size_t *position, ouro_ref *key, ouro_ref *value)
{
    struct table *dict = dict_of(loan);

    bool locked = ouro__use(&dict->head);
    ouro_object **entry = ouro__table_step(dict, position, WIDTH);
    if (entry != NULL) {
        if (key != NULL) {
            *key = ouro_incref((ouro_loan)entry[0]);
        }
        if (value != NULL) {
            *value = ouro_incref((ouro_loan)entry[1]);
        }
    }
    ouro__unuse(&dict->head, locked);
    return entry != NULL;
}

bool
ouro_dict_next_borrow(ouro_loan loan, size_t *position, ouro_loan *key, ouro_loan *value)
{
    const struct table *dict = dict_of(loan);
    ouro_object **entry = ouro__table_step(dict, position, WIDTH);

    if (entry != NULL) {
        *key = (ouro_loan)entry[0];
        *value = (ouro_loan)entry[1];
    }
    return entry != NULL;
}

/* The same with new references to both, the key's hash, and how many entries there are. */
static bool
next_with_hash(struct table *dict, size_t *position, struct table_search *key, ouro_object **value,
               size_t *live)
{
    bool locked = ouro__use(&dict->head);
    ouro_object **entry = ouro__table_step(dict, position, WIDTH);
    if (entry != NULL) {
        key->key = ouro_incref((ouro_loan)entry[0]);
        key->hash = ouro__table_hashes(dict)[*position - 1];
        key->status = OURO_OK;
        *value = ouro_incref((ouro_loan)entry[1]);
    }
    *live = ouro__table_live(dict);
    ouro__unuse(&dict->head, locked);
    return entry != NULL;
}

/* ---- updating ---- */

static ouro_status
update_from_dict(struct table *dict, struct table *other)
{
    size_t position = 0, live = 0, n = ouro_dict_length((ouro_loan)&other->head);
    struct table_search key;
    ouro_object *value;
    ouro_status status = OURO_OK;

    if (dict == other || n == 0) {
        return OURO_OK;
    }
    bool locked = ouro__use(&dict->head);
    if (ouro__table_live(dict) == 0 && !ouro__table_reserve(dict, n, WIDTH)) {
        status = OURO_NO_MEMORY;
    }
    ouro__unuse(&dict->head, locked);
    while (status == OURO_OK && next_with_hash(other, &position, &key, &value, &live)) {
        status = live == n ? set(dict, &key, value) : OURO_CHANGED;
        ouro_decref(key.key);
        ouro_decref(value);
    }
    return status;
}

/* The two items of a tuple or list, as new references. */
static ouro_status
take_pair(ouro_loan item, ouro_ref *first, ouro_ref *second)
{
    if (ouro_is_a(item, ouro_tuple_type()) && ouro_tuple_length(item) == 2) {
        *first = ouro_incref(ouro_tuple_get_borrow(item, 0));
        *second = ouro_incref(ouro_tuple_get_borrow(item, 1));
        return OURO_OK;
    }
    if (ouro_is_a(item, ouro_list_type()) && ouro_list_length(item) == 2) {
        *first = ouro_list_get(item, 0);
        *second = ouro_list_get(item, 1);
        if (*first != NULL && *second != NULL) {
            return OURO_OK;
        }
        ouro_xdecref(*first);
        ouro_xdecref(*second);
    }
    return OURO_WRONG_VALUE;
}

ouro_status
ouro_dict_update(ouro_loan dict, ouro_loan other)
{
    if (ouro_is_a(other, ouro_dict_type())) {
        return update_from_dict(dict_of(dict), dict_of(other));
    }
    ouro_ref iterator = NULL, item = NULL;
    ouro_status status = ouro_iterate(other, &iterator);
    while (status >= 0 && (status = ouro_next(ouro_lend(iterator), &item)) == OURO_FOUND) {
        ouro_ref key = NULL, value = NULL;
        status = take_pair(ouro_lend(item), &key, &value);
        ouro_decref(item);
        if (status == OURO_OK) {
            status = ouro_dict_set(dict, ouro_lend(key), ouro_lend(value));
            ouro_decref(key);
            ouro_decref(value);
        }
    }
    ouro_xdecref(iterator);
    return status < 0 ? status : OURO_OK;
}

/* ---- the type ---- */

/* Is there the same key in `other`, with an equal value? */
static ouro_status
has_equal(struct table *other, struct table_search *key, ouro_object *value)
{
    ouro_ref has = NULL;

    key->locked = ouro__use(&other->head);
    size_t index = find(other, key);
    if (index != TABLE_NONE) {
        has = ouro_incref((ouro_loan)other->entries[index * WIDTH + 1]);
    }
    ouro__unuse(&other->head, key->locked);
    if (has == NULL) {
        return key->status < 0 ? key->status : OURO_NOT_EQUAL;
    }
    ouro_status status = ouro_equal((ouro_loan)value, ouro_lend(has));
    ouro_decref(has);
    return status;
}

static ouro_status
equal_dict(ouro_loan self, ouro_loan other)
{
    size_t position = 0, live;
    struct table_search key;
    ouro_object *value;
    ouro_status status = OURO_FOUND;

    if (!ouro_is_a(other, ouro_dict_type()) || ouro_dict_length(self) != ouro_dict_length(other)) {
        return OURO_NOT_EQUAL;
    }
    while (status == OURO_FOUND && next_with_hash(dict_of(self), &position, &key, &value, &live)) {
        status = has_equal(dict_of(other), &key, value);
        ouro_decref(key.key);
        ouro_decref(value);
    }
    return status;
}

static size_t
extra_size(ouro_loan self)
{
    struct table *dict = dict_of(self);
    bool locked = ouro__use(&dict->head);
    size_t size = ouro__table_size(dict, WIDTH);
    ouro__unuse(&dict->head, locked);
    return size;
}

static inline __attribute__((always_inline)) void
let_go_of_dict(ouro_object *object)
{
    ouro__table_let_go((const struct table *)object, WIDTH);
}

static void
end_dict(ouro_object *object)
{
    ouro__end(object, ouro__spare_class(sizeof(struct table)), let_go_of_dict);
}

ouro_loan
ouro_dict_type(void)
{
    return (ouro_loan)&dict_type->head;
}

bool
ouro__dicts_init(void)
{
    static const ouro_field fields[] = {OURO_FIELD_ARRAY(struct table, entries, n, ouro_ref[WIDTH], 2)};
    const ouro_type_spec spec = {
        .name = "dict",
        .size = sizeof(struct table),
        .n_fields = 1,
        .fields = fields,
        .flags = OURO_TYPE_BASE,
        .clear = ouro_dict_clear,
        .equal = equal_dict,
        .repr = ouro__repr_dict,
        .iterate = ouro_dict_iterate_keys,
        .extra_size = extra_size,
    };
    if (!ouro__type_make(&spec, &dict_type)) {
        return false;
    }
    dict_type->untracking = UNTRACKED_BY_FULL;
    dict_type->let_go = let_go_of_dict;
    dict_type->end = end_dict;
    return true;
}
