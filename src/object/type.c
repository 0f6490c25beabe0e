/* type.c - what objects are made after.
 *
 * A type is an object, collected like others.  An object says by a number which type it is of, and does not count as a
 * reference to it: making one would otherwise write to memory that all threads share.  The collector knows
 * which types still have objects, since it walks over them all, and frees only those that have none.  Nobody else does: a
 * type holds itself. */
#include "object/object.h"

#include <string.h>

struct ouro_type **ouro__types;
struct ouro_type *ouro__type_type;
bool ouro__has_legacy_types;

static struct {
    ouro__os_lock lock;
    uint32_t n;     /* numbers handed out so far */
    uint32_t *free; /* numbers of types that were freed */
    uint32_t n_free;
} types = {.lock = OURO_OS_LOCK_INIT};

#define TYPE_TYPE_INDEX 1

static uint32_t
take_index(void)
{
    uint32_t index = 0;

    ouro__os_acquire(&types.lock);
    if (types.n_free != 0) {
        index = types.free[--types.n_free];
    } else if (types.n + 1 < MAX_TYPES) {
        index = ++types.n;
    }
    ouro__os_release(&types.lock);
    return index;
}

size_t
ouro__types_end(void)
{
    ouro__os_acquire(&types.lock);
    size_t end = (size_t)types.n + 1;
    ouro__os_release(&types.lock);
    return end;
}

static void
give_index(uint32_t index)
{
    ouro__os_acquire(&types.lock);
    ouro__types[index] = NULL;
    types.free[types.n_free++] = index;
    ouro__os_release(&types.lock);
}

static void
dealloc_type(ouro_loan loan)
{
    struct ouro_type *type = (struct ouro_type *)ouro_look(loan);
    ouro_heap_free(ouro__leaves, OURO_DOMAIN_MEM, type->fields);
    give_index(type->index);
}

static size_t
type_extra_size(ouro_loan loan)
{
    const struct ouro_type *type = (const struct ouro_type *)ouro_look(loan);
    return type->n_fields * sizeof *type->fields;
}

static const ouro_field type_fields[] = {
    OURO_FIELD(struct ouro_type, base), OURO_FIELD(struct ouro_type, self),
    OURO_FIELD(struct ouro_type, attributes), OURO_FIELD(struct ouro_type, names)};

static ouro_status
check(const ouro_type_spec *spec, const struct ouro_type *base)
{
    if (base != NULL &&
        (ouro__type(&base->head) != ouro__type_type || !(base->flags & OURO_TYPE_BASE))) {
        return OURO_WRONG_TYPE;
    }
    size_t least = base != NULL ? base->size : sizeof(ouro_object);
    if (base != NULL && base->items_count != 0 &&
        (spec->size != base->size || spec->item_size != base->item_size)) {
        return OURO_WRONG_VALUE; /* its items stand where the new type's own fields would */
    }
    if (spec->name == NULL || spec->size < least || spec->size > UINT32_MAX ||
        spec->item_size > UINT32_MAX) {
        return OURO_WRONG_VALUE;
    }
    for (size_t i = 0; i < spec->n_fields; i++) {
        const ouro_field *field = &spec->fields[i];
        bool items = field->count != 0 && !field->is_pointer;
        size_t end = (size_t)field->offset + (items ? 0 : sizeof(ouro_ref));
        if (field->offset < least || end > spec->size || field->offset % sizeof(ouro_ref) != 0 ||
            (field->count != 0 &&
             (field->count < sizeof(ouro_object) || field->count + sizeof(size_t) > spec->size)) ||
            field->n_refs * sizeof(ouro_ref) > (field->count == 0 ? sizeof(ouro_ref) : field->stride) ||
            (items && (field->stride != spec->item_size || field->offset != spec->size))) {
            return OURO_WRONG_VALUE;
        }
    }
    return OURO_OK;
}

/* What a type takes over from its base where it says nothing itself. */
static void
inherit(ouro_type_spec *own, const ouro_type_spec *base)
{
#define INHERIT(slot) own->slot = own->slot != NULL ? own->slot : base->slot
    INHERIT(finalize);
    INHERIT(hash);
    INHERIT(equal);
    INHERIT(repr);
    INHERIT(iterate);
    INHERIT(next);
    INHERIT(extra_size);
    INHERIT(enter);
    INHERIT(exit);
#undef INHERIT
}

/* Have single references that follow each other be one field, and note whether that is all. */
static void
join_fields(struct ouro_type *type)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < type->n_fields; i++) {
        ouro_field *last = n != 0 ? &type->fields[n - 1] : NULL, field = type->fields[i];
        bool is_next = last != NULL && last->count == 0 && !last->is_pointer && field.count == 0 &&
                       !field.is_pointer && last->n_refs + field.n_refs <= UINT8_MAX &&
                       field.offset == last->offset + last->n_refs * sizeof(ouro_ref);
        if (is_next) {
            last->n_refs = (uint8_t)(last->n_refs + field.n_refs);
        } else {
            type->fields[n++] = field;
        }
    }
    type->n_fields = n;
    if (n == 1 && type->fields->count == 0 && !type->fields->is_pointer) {
        type->n_refs = type->fields->n_refs;
        type->refs = type->fields->offset;
    }
}

/* What is as good as ouro__destroy() for the type. */
static void
choose_end(struct ouro_type *type)
{
    bool is_leaf = (type->flags & OURO_TYPE_LEAF) != 0;

    type->end = ouro__destroy;
    if (type->has_functions || type->own.finalize != NULL) {
        return;
    }
    if (!is_leaf) {
        type->end = ouro__end_of_fields;
    } else if (type->n_fields == 0) {
        type->end = ouro__end_plain;
        type->plain_class = type->size_class;
    }
}

static void
fill(struct ouro_type *type, const ouro_type_spec *spec, struct ouro_type *base,
     const struct ouro_type *root)
{
    uint32_t n = root != NULL ? root->n_fields : 0;

    type->base = base != NULL ? ouro_incref((ouro_loan)base) : NULL;
    type->self = ouro_incref((ouro_loan)&type->head);
    type->flags = spec->flags;
    type->size = spec->size;
    type->item_size = spec->item_size;
    if (n != 0) {
        memcpy(type->fields, root->fields, n * sizeof *type->fields);
    }
    if (spec->n_fields != 0) {
        memcpy(type->fields + n, spec->fields, spec->n_fields * sizeof *type->fields);
    }
    type->n_fields = n + (uint32_t)spec->n_fields;
    for (uint32_t i = 0; i < type->n_fields; i++) {
        if (type->fields[i].count != 0 && !type->fields[i].is_pointer) {
            type->items_count = type->fields[i].count;
        }
    }
    size_t size =
        spec->flags & OURO_TYPE_LEAF || spec->size >= LEAST_COLLECTED ? spec->size : LEAST_COLLECTED;
    type->size_class = spec->item_size == 0 ? (uint8_t)ouro__spare_class(size) : 0;
    join_fields(type);
    type->own = *spec;
    type->has_traverse = spec->traverse != NULL;
    type->has_functions = spec->clear != NULL || spec->dealloc != NULL;
    type->is_simple_equal =
        spec->equal == NULL && (base == NULL || base->own.equal == NULL || base->is_simple_equal);
    if (base != NULL) {
        inherit(&type->own, &base->own);
        type->flags |= base->flags & TYPE_INHERITED;
        type->has_traverse |= base->has_traverse;
        type->has_functions |= base->has_functions;
    }
    if (type->flags & OURO_TYPE_LEGACY_FINALIZER) {
        __atomic_store_n(&ouro__has_legacy_types, true, __ATOMIC_RELAXED);
    }
    type->head.flags =
        GENERATION_OLD; /* older than any object of it: collections of younger ones need not know it */
    choose_end(type);
    memcpy(type->name, spec->name, strlen(spec->name) + 1);
    type->own.name = type->name;
}

ouro_status
ouro__type_create(const ouro_type_spec *spec, struct ouro_type *base, const struct ouro_type *root,
                  ouro_ref *result)
{
    uint32_t index = take_index();
    if (index == 0) {
        return OURO_TOO_MANY;
    }
    size_t n_fields = spec->n_fields + (root != NULL ? root->n_fields : 0);
    ouro_field *fields = ouro_heap_alloc(ouro__leaves, OURO_DOMAIN_MEM, n_fields * sizeof *fields);
    struct ouro_type *type = NULL;
    if (fields != NULL) {
        type = (struct ouro_type *)ouro_new_items((ouro_loan)ouro__type_type, strlen(spec->name) + 1);
    }
    if (type == NULL) {
        ouro_heap_free(ouro__leaves, OURO_DOMAIN_MEM, fields);
        give_index(index);
        return OURO_NO_MEMORY;
    }
    type->fields = fields;
    type->index = index;
    type->birth = (uint64_t)index << 32; /* little-endian: `shared` is 0 */
    fill(type, spec, base, root);
    ouro__types[index] = type;
    *result = &type->head;
    return OURO_OK;
}

ouro_status
ouro_type_create(const ouro_type_spec *spec, ouro_ref *type)
{
    struct ouro_type *base = (struct ouro_type *)ouro_look(spec->base);
    ouro_status status = check(spec, base);
    return status == OURO_OK ? ouro__type_create(spec, base, base, type) : status;
}

bool
ouro__type_make(const ouro_type_spec *spec, struct ouro_type **type)
{
    ouro_ref made = NULL;
    if (*type != NULL) {
        return true;
    }
    if (ouro_type_create(spec, &made) < 0) {
        return false;
    }
    ouro_immortalize((ouro_loan)made);
    *type = (struct ouro_type *)made;
    return true;
}

bool
ouro__types_init(void)
{
    if (ouro__types != NULL) {
        return true;
    }
    size_t table_size = MAX_TYPES * sizeof(struct ouro_type *);
    size_t numbers_size = MAX_TYPES * sizeof(uint32_t);
    char *tables = ouro__os_map(table_size + numbers_size);
    struct ouro_type *type =
        ouro_heap_alloc_zeroed(ouro__leaves, OURO_DOMAIN_OBJECT, 1, sizeof *type + sizeof "type");
    if (tables == NULL || type == NULL) {
        if (tables != NULL) {
            ouro__os_unmap(tables, table_size + numbers_size);
        }
        ouro_heap_free(ouro__leaves, OURO_DOMAIN_OBJECT, type);
        return false;
    }
    struct ouro_type **table = (struct ouro_type **)(void *)tables;
    type->head = (ouro_object){.local = OURO_IMMORTAL, .type = TYPE_TYPE_INDEX};
    type->index = TYPE_TYPE_INDEX;
    type->birth = (uint64_t)TYPE_TYPE_INDEX << 32;
    type->size = sizeof *type;
    type->item_size = 1;
    type->n_fields = sizeof type_fields / sizeof type_fields[0];
    type->fields = (ouro_field *)(uintptr_t)type_fields;
    type->has_functions = true;
    type->end = ouro__destroy;
    type->own.dealloc = dealloc_type;
    type->own.extra_size = type_extra_size;
    memcpy(type->name, "type", sizeof "type");
    table[TYPE_TYPE_INDEX] = type;
    types.free = (uint32_t *)(void *)(tables + table_size);
    types.n = TYPE_TYPE_INDEX;
    ouro__type_type = type;
    ouro__types = table;
    return true;
}

ouro_loan
ouro_type_of(ouro_loan object)
{
    return (ouro_loan)&ouro__type(ouro_look(object))->head;
}

const char *
ouro_type_name(ouro_loan type)
{
    return ((struct ouro_type *)ouro_look(type))->name;
}

bool
ouro_is_a(ouro_loan object, ouro_loan type)
{
    const struct ouro_type *each = ouro__type(ouro_look(object));
    while (each != NULL && &each->head != ouro_look(type)) {
        each = (const struct ouro_type *)each->base;
    }
    return each != NULL;
}
