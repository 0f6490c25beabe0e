/* set.c - sets and frozensets: tables of keys alone.
 *
 * @source  CPython Objects/setobject.c for what the operations do */
#include "types/table_find.h"

#define WIDTH 1

static struct ouro_type *set_type, *frozenset_type;

struct frozenset {
    struct table table;
    uint64_t hash; /* 0: not asked for yet; atomic */
};

static struct table *
set_of(ouro_loan loan)
{
    return (struct table *)ouro_look(loan);
}

static __attribute__((noinline)) size_t
find(struct table *set, struct table_search *search)
{
    return ouro__table_find_all(set, search, WIDTH);
}

/* The same, inline where it is quick. */
static inline __attribute__((always_inline)) size_t
find_quickly(struct table *set, struct table_search *search, bool compares)
{
    size_t index;
    return ouro__table_find_first(set, search, compares, WIDTH, &index) ? index : find(set, search);
}

static bool
is_frozen(const struct table *set)
{
    const struct ouro_type *type = ouro__type(&set->head);
    return type != set_type && ouro_is_a((ouro_loan)&set->head, (ouro_loan)&frozenset_type->head);
}

static bool
is_set(ouro_loan object)
{
    return ouro_is_a(object, (ouro_loan)&set_type->head) ||
           ouro_is_a(object, (ouro_loan)&frozenset_type->head);
}

/* ---- making and asking ---- */

static struct table *
make(struct ouro_type *type)
{
    struct table *set = (struct table *)ouro__collected_alloc(type, type->size);
    if (OURO_LIKELY(set != NULL)) {
        set->n = 0;
        set->entries = NULL;
        if (type == frozenset_type) {
            ((struct frozenset *)set)->hash = 0;
        }
    }
    return set;
}

/* An empty one of the same kind. */
static struct table *
make_like(const struct table *set)
{
    return make(is_frozen(set) ? frozenset_type : set_type);
}

ouro_ref
ouro_set_new(void)
{
    return (ouro_ref)make(set_type);
}

ouro_ref
ouro_set_copy(ouro_loan loan)
{
    struct table *from = set_of(loan), *to = make_like(from);
    if (to == NULL) {
        return NULL;
    }
    bool locked = ouro__use(&from->head);
    bool done = ouro__table_copy(to, from, WIDTH);
    ouro__unuse(&from->head, locked);
    if (!done) {
        ouro_decref(&to->head);
        return NULL;
    }
    return &to->head;
}

size_t
ouro_set_length(ouro_loan loan)
{
    struct table *set = set_of(loan);
    bool locked = ouro__use(&set->head);
    size_t live = ouro__table_live(set);
    ouro__unuse(&set->head, locked);
    return live;
}

/* Whether there is an item whose hash is known. */
static inline ouro_status
has(struct table *set, struct table_search *search)
{
    search->locked = ouro__use(&set->head);
    size_t index = find_quickly(set, search, true);
    ouro__unuse(&set->head, search->locked);
    return index != TABLE_NONE ? OURO_FOUND : search->status;
}

ouro_status
ouro_set_contains(ouro_loan set, ouro_loan item)
{
    return ouro__table_contains(set_of(set), ouro_look(item), find, WIDTH);
}

/* ---- changing; a frozenset, too, while it is made ---- */

/* Find it, or else add it, in a use. */
static __attribute__((noinline)) ouro_status
add_if_missing(struct table *set, struct table_search *search)
{
    if (set->entries != NULL && find(set, search) != TABLE_NONE) {
        return OURO_FOUND;
    }
    if (OURO_LIKELY(search->status == OURO_OK)) {
        ouro_object **entry = ouro__table_add(set, search, WIDTH);
        if (OURO_UNLIKELY(entry == NULL)) {
            return OURO_NO_MEMORY;
        }
        entry[0] = ouro_incref((ouro_loan)search->key);
    }
    return search->status;
}

/* Put in an item whose hash is known; OURO_FOUND when an equal one is there. */
static inline __attribute__((always_inline)) ouro_status
add(struct table *set, struct table_search *search)
{
    ouro_status status = OURO_OK;

    search->locked = ouro__use(&set->head);
    ouro_object **entry = ouro__table_add_first(set, search->hash, WIDTH);
    if (OURO_LIKELY(entry != NULL)) {
        entry[0] = ouro_incref((ouro_loan)search->key);
    } else {
        status = add_if_missing(set, search);
    }
    ouro__unuse(&set->head, search->locked);
    return status;
}

/* Take out an item whose hash is known; OURO_FOUND when there was one. */
static ouro_status
discard(struct table *set, struct table_search *search)
{
    ouro_object *had = NULL;

    search->locked = ouro__use(&set->head);
    size_t index = find(set, search);
    if (index != TABLE_NONE) {
        had = set->entries[index];
        ouro__table_remove(set, index, search->slot, WIDTH);
        search->status = OURO_FOUND;
    }
    ouro__unuse(&set->head, search->locked);
    ouro_xdecref(had);
    return search->status;
}

ouro_status
ouro_set_add(ouro_loan set, ouro_loan item)
{
    struct table_search search;
    ouro_status status = OURO_UNLIKELY(is_frozen(set_of(set)))
                             ? OURO_WRONG_TYPE
                             : ouro__table_search_for(&search, ouro_look(item));
    return OURO_LIKELY(status == OURO_OK) ? add(set_of(set), &search) : status;
}

ouro_status
ouro_set_discard(ouro_loan set, ouro_loan item)
{
    struct table_search search;
    ouro_status status = OURO_UNLIKELY(is_frozen(set_of(set)))
                             ? OURO_WRONG_TYPE
                             : ouro__table_search_for(&search, ouro_look(item));
    return OURO_LIKELY(status == OURO_OK) ? discard(set_of(set), &search) : status;
}

ouro_status
ouro_set_pop(ouro_loan loan, ouro_ref *item)
{
    struct table *set = set_of(loan);
    ouro_status status = OURO_OK;

    if (is_frozen(set)) {
        return OURO_WRONG_TYPE;
    }
    bool locked = ouro__use(&set->head);
    if (set->n != 0) { /* the last is no hole */
        *item = set->entries[set->n - 1];
        ouro__table_remove(set, set->n - 1, TABLE_NONE, WIDTH);
        status = OURO_FOUND;
    }
    ouro__unuse(&set->head, locked);
    return status;
}

static void
clear(ouro_loan loan)
{
    struct table *set = set_of(loan);
    bool locked = ouro__use(&set->head);
    struct table taken = ouro__table_take_block(set);
    ouro__unuse(&set->head, locked);
    ouro__table_let_go(&taken, WIDTH);
}

ouro_status
ouro_set_clear(ouro_loan set)
{
    if (is_frozen(set_of(set))) {
        return OURO_WRONG_TYPE;
    }
    clear(set);
    return OURO_OK;
}

/* ---- stepping ---- */

bool
ouro_set_next(ouro_loan loan, size_t *position, ouro_ref *item)
{
    struct table *set = set_of(loan);

    bool locked = ouro__use(&set->head);
    ouro_object **next = ouro__table_step(set, position, WIDTH);
    if (next != NULL) {
        *item = ouro_incref((ouro_loan)next[0]);
    }
    ouro__unuse(&set->head, locked);
    return next != NULL;
}

/* A walk through a set, which must stay as large as it is.  `item` has a new reference at each step. */
struct walk {
    struct table *set;
    size_t position, live;
    struct table_search item;
};

static struct walk
begin_walk(struct table *set)
{
    return (struct walk){.set = set, .live = ouro_set_length((ouro_loan)&set->head)};
}

/* OURO_FOUND, 0 at the end, OURO_CHANGED. */
static ouro_status
walk(struct walk *walk)
{
    struct table *set = walk->set;
    ouro_status status = OURO_OK;

    bool locked = ouro__use(&set->head);
    if (ouro__table_live(set) != walk->live) {
        status = OURO_CHANGED;
    } else {
        ouro_object **entry = ouro__table_step(set, &walk->position, WIDTH);
        if (entry != NULL) {
            walk->item.key = ouro_incref((ouro_loan)entry[0]);
            walk->item.hash = ouro__table_hashes(set)[walk->position - 1];
            walk->item.status = OURO_OK;
            status = OURO_FOUND;
        }
    }
    ouro__unuse(&set->head, locked);
    return status;
}

/* ---- all items of others ---- */

static ouro_status
update_from_set(struct table *set, struct table *other)
{
    struct walk each = begin_walk(other);
    ouro_status status = OURO_OK;

    if (set == other) {
        return OURO_OK;
    }
    while (status >= 0 && (status = walk(&each)) == OURO_FOUND) {
        status = add(set, &each.item);
        ouro_decref(each.item.key);
    }
    return status < 0 ? status : OURO_OK;
}

static ouro_status
update(struct table *set, ouro_loan items)
{
    if (is_set(items)) {
        return update_from_set(set, set_of(items));
    }
    ouro_ref iterator = NULL, item = NULL;
    ouro_status status = ouro_iterate(items, &iterator);
    while (status >= 0 && (status = ouro_next(ouro_lend(iterator), &item)) == OURO_FOUND) {
        struct table_search search;
        status = ouro__table_search_for(&search, item);
        if (status == OURO_OK) {
            status = add(set, &search);
        }
        ouro_decref(item);
    }
    ouro_xdecref(iterator);
    return status < 0 ? status : OURO_OK;
}

ouro_status
ouro_set_update(ouro_loan set, ouro_loan items)
{
    return is_frozen(set_of(set)) ? OURO_WRONG_TYPE : update(set_of(set), items);
}

ouro_status
ouro_frozenset_new(ouro_loan items, ouro_ref *set)
{
    struct table *made = make(frozenset_type);
    if (made == NULL) {
        return OURO_NO_MEMORY;
    }
    ouro_status status = items != NULL ? update(made, items) : OURO_OK;
    if (status < 0) {
        ouro_decref(&made->head);
        return status;
    }
    *set = &made->head;
    return OURO_OK;
}

/* A new reference to a set of what `items` gives: itself, if it is one. */
static ouro_status
as_set(ouro_loan items, ouro_ref *set)
{
    if (is_set(items)) {
        *set = ouro_incref(items);
        return OURO_OK;
    }
    return ouro_frozenset_new(items, set);
}

/* ---- two sets ---- */

/* Call `each(result, other, item)` for all items of a set; the result of the last, when that is not OURO_OK. */
typedef ouro_status (*for_item)(struct table *result, struct table *other, struct table_search *item);

static ouro_status
for_each(struct table *set, for_item each, struct table *result, struct table *other)
{
    struct walk all = begin_walk(set);
    ouro_status status = OURO_OK;

    while (status == OURO_OK && (status = walk(&all)) == OURO_FOUND) {
        status = each(result, other, &all.item);
        ouro_decref(all.item.key);
    }
    return status;
}

static ouro_status
keep_if_in(struct table *result, struct table *other, struct table_search *item)
{
    ouro_status status = has(other, item);
    if (status == OURO_FOUND) {
        item->status = OURO_OK;
        status = add(result, item);
    }
    return status < 0 ? status : OURO_OK;
}

static ouro_status
keep_if_not_in(struct table *result, struct table *other, struct table_search *item)
{
    ouro_status status = has(other, item);
    if (status == OURO_OK) {
        status = add(result, item);
    }
    return status < 0 ? status : OURO_OK;
}

/* Out of the result if it was in the first set, otherwise into it. */
static ouro_status
toggle(struct table *result, struct table *other, struct table_search *item)
{
    (void)other;
    ouro_status status = discard(result, item);
    if (status == OURO_OK) {
        status = add(result, item);
    }
    return status < 0 ? status : OURO_OK;
}

static ouro_status
stop_if_in(struct table *result, struct table *other, struct table_search *item)
{
    (void)result;
    return has(other, item);
}

static ouro_status
stop_if_not_in(struct table *result, struct table *other, struct table_search *item)
{
    ouro_status status = has(other, item);
    (void)result;
    return status < 0 ? status : status == OURO_FOUND ? OURO_OK : OURO_FOUND;
}

/* Give the result away, or let go of it. */
static ouro_status
end(ouro_status status, struct table *made, ouro_ref *result)
{
    if (status < 0) {
        ouro_decref(&made->head);
        return status;
    }
    *result = &made->head;
    return OURO_OK;
}

ouro_status
ouro_set_union(ouro_loan set, ouro_loan other, ouro_ref *result)
{
    ouro_ref made = ouro_set_copy(set);
    return made == NULL ? OURO_NO_MEMORY
                        : end(update((struct table *)made, other), (struct table *)made, result);
}

ouro_status
ouro_set_intersection(ouro_loan set, ouro_loan other, ouro_ref *result)
{
    struct table *made = make_like(set_of(set)), *fewer = set_of(set);
    ouro_ref taken = NULL;

    if (made == NULL) {
        return OURO_NO_MEMORY;
    }
    ouro_status status = as_set(other, &taken);
    if (status == OURO_OK) {
        struct table *more = (struct table *)taken;
        if (ouro_set_length((ouro_loan)taken) < ouro_set_length(set)) {
            fewer = more;
            more = set_of(set);
        }
        status = for_each(fewer, keep_if_in, made, more);
        ouro_decref(taken);
    }
    return end(status, made, result);
}

ouro_status
ouro_set_difference(ouro_loan set, ouro_loan other, ouro_ref *result)
{
    struct table *made = make_like(set_of(set));
    ouro_ref taken = NULL;

    if (made == NULL) {
        return OURO_NO_MEMORY;
    }
    ouro_status status = as_set(other, &taken);
    if (status == OURO_OK) {
        status = for_each(set_of(set), keep_if_not_in, made, (struct table *)taken);
        ouro_decref(taken);
    }
    return end(status, made, result);
}

ouro_status
ouro_set_symmetric_difference(ouro_loan set, ouro_loan other, ouro_ref *result)
{
    struct table *made = (struct table *)ouro_set_copy(set);
    ouro_ref taken = NULL;

    if (made == NULL) {
        return OURO_NO_MEMORY;
    }
    ouro_status status = as_set(other, &taken);
    if (status == OURO_OK) {
        status = for_each((struct table *)taken, toggle, made, NULL);
        ouro_decref(taken);
    }
    return end(status, made, result);
}

/* OURO_FOUND when no item of the one stops the walk. */
static ouro_status
holds_for_all(struct table *set, for_item stops, struct table *other)
{
    ouro_status status = for_each(set, stops, NULL, other);
    return status < 0 ? status : status == OURO_FOUND ? OURO_OK : OURO_FOUND;
}

static ouro_status
is_subset(struct table *set, struct table *other)
{
    if (ouro_set_length((ouro_loan)&set->head) > ouro_set_length((ouro_loan)&other->head)) {
        return OURO_OK;
    }
    return holds_for_all(set, stop_if_not_in, other);
}

ouro_status
ouro_set_is_subset(ouro_loan set, ouro_loan other)
{
    ouro_ref taken = NULL;
    ouro_status status = as_set(other, &taken);
    if (status == OURO_OK) {
        status = is_subset(set_of(set), (struct table *)taken);
        ouro_decref(taken);
    }
    return status;
}

ouro_status
ouro_set_is_superset(ouro_loan set, ouro_loan other)
{
    ouro_ref taken = NULL;
    ouro_status status = as_set(other, &taken);
    if (status == OURO_OK) {
        status = is_subset((struct table *)taken, set_of(set));
        ouro_decref(taken);
    }
    return status;
}

ouro_status
ouro_set_is_disjoint(ouro_loan set, ouro_loan other)
{
    ouro_ref taken = NULL;
    ouro_status status = as_set(other, &taken);
    if (status == OURO_OK) {
        status = holds_for_all((struct table *)taken, stop_if_in, set_of(set));
        ouro_decref(taken);
    }
    return status;
}

/* ---- the types ---- */

static ouro_status
equal_set(ouro_loan self, ouro_loan other)
{
    if (!is_set(other) || ouro_set_length(self) != ouro_set_length(other)) {
        return OURO_NOT_EQUAL;
    }
    return holds_for_all(set_of(self), stop_if_not_in, set_of(other));
}

/* The sum of the items' hashes, each made very different first: whatever their order is. */
static uint64_t
sum_hashes(const struct table *set)
{
    uint64_t sum = ouro__table_live(set);

    for (size_t i = 0; i < set->n; i++) {
        sum += set->entries[i] != NULL ? ouro__mix_bits(~(uint64_t)ouro__table_hashes(set)[i]) : 0;
    }
    return ouro__mix_bits(sum);
}

static ouro_status
hash_frozenset(ouro_loan self, uint64_t *hash)
{
    struct frozenset *set = (struct frozenset *)ouro_look(self);
    uint64_t known = __atomic_load_n(&set->hash, __ATOMIC_RELAXED);

    if (known == 0) {
        known = sum_hashes(&set->table);
        __atomic_store_n(&set->hash, known, __ATOMIC_RELAXED);
    }
    *hash = known;
    return OURO_OK;
}

static size_t
extra_size(ouro_loan self)
{
    struct table *set = set_of(self);
    bool locked = ouro__use(&set->head);
    size_t size = ouro__table_size(set, WIDTH);
    ouro__unuse(&set->head, locked);
    return size;
}

static inline __attribute__((always_inline)) void
let_go_of_set(ouro_object *object)
{
    ouro__table_let_go((const struct table *)object, WIDTH);
}

static void
end_set(ouro_object *object)
{
    ouro__end(object, ouro__spare_class(sizeof(struct table)), let_go_of_set);
}

static void
end_frozenset(ouro_object *object)
{
    ouro__end(object, ouro__spare_class(sizeof(struct frozenset)), let_go_of_set);
}

ouro_loan
ouro_set_type(void)
{
    return (ouro_loan)&set_type->head;
}

ouro_loan
ouro_frozenset_type(void)
{
    return (ouro_loan)&frozenset_type->head;
}

bool
ouro__sets_init(void)
{
    static const ouro_field fields[] = {OURO_FIELD_ARRAY(struct table, entries, n, ouro_ref, 1)};
    ouro_type_spec spec = {
        .name = "set",
        .size = sizeof(struct table),
        .n_fields = 1,
        .fields = fields,
        .flags = OURO_TYPE_BASE,
        .clear = clear,
        .equal = equal_set,
        .repr = ouro__repr_set,
        .iterate = ouro__set_iterate,
        .extra_size = extra_size,
    };
    if (!ouro__type_make(&spec, &set_type)) {
        return false;
    }
    spec.name = "frozenset";
    spec.size = sizeof(struct frozenset);
    spec.hash = hash_frozenset;
    if (!ouro__type_make(&spec, &frozenset_type)) {
        return false;
    }
    set_type->let_go = frozenset_type->let_go = let_go_of_set;
    set_type->end = end_set;
    frozenset_type->end = end_frozenset;
    return true;
}
