/* class.c - classes: types that say by names what their objects have.
 *
 * A class has a dict of its own attributes, and the names of its instances' ones, a leaf that is its own.  The fields
 * of its table are those of the nearest base that is no class, and the instance's slots and values: these stand
 * elsewhere than in a base's instances, and are found through the names alone. */
#include "types/instance.h"

#include "ouro/class.h"
#include "ouro/function.h"

ouro_object *ouro__apart;

static struct ouro_type *names_type;
static ouro_object *finalizer_name; /* "__del__" */

static struct ouro_type *
type_of(ouro_loan loan)
{
    return (struct ouro_type *)ouro_look(loan);
}

bool
ouro_is_class(ouro_loan loan)
{
    const ouro_object *object = ouro_look(loan);
    return ouro__type(object) == ouro__type_type && ((const struct ouro_type *)object)->names != NULL;
}

ouro_loan
ouro_type_base(ouro_loan type)
{
    return ouro_lend(type_of(type)->base);
}

ouro_loan
ouro_class_dict(ouro_loan type)
{
    return ouro_is_class(type) ? ouro_lend(type_of(type)->attributes) : NULL;
}

ouro_status
ouro_class_get(ouro_loan type, ouro_loan name, ouro_ref *value)
{
    if (!ouro_is_class(type)) {
        return OURO_WRONG_TYPE;
    }
    ouro_status status = OURO_OK;
    for (const struct ouro_type *each = type_of(type);
         status == OURO_OK && each != NULL && each->attributes != NULL;
         each = (const struct ouro_type *)each->base) {
        status = ouro_dict_get(ouro_lend(each->attributes), name, value);
    }
    return status;
}

/* ---- names ---- */

static void
dealloc_names(ouro_loan self)
{
    struct names *names = (struct names *)ouro_look(self);
    for (uint32_t i = 0; i < names->n; i++) {
        ouro_decref(names->keys[i].key); /* a text: it holds nobody */
    }
    ouro_heap_free(ouro__leaves, OURO_DOMAIN_MEM, names->keys);
}

static void
add_name(struct names *names, const struct table_search *search)
{
    names->keys[names->n] = (struct table_key){ouro_incref((ouro_loan)search->key), search->hash};
    __atomic_store_n(&names->n, names->n + 1, __ATOMIC_RELEASE);
}

/* Those of a base's slots and of new ones. */
static ouro_status
make_names(const ouro_class_spec *spec, const struct names *base, bool is_open, ouro_ref *result)
{
    uint32_t n_base = base != NULL ? base->n_slots : 0;
    if (spec->n_slots > MOST_SLOTS - n_base) {
        return OURO_TOO_LARGE;
    }
    uint32_t n_slots = n_base + (uint32_t)spec->n_slots, room = n_slots + (is_open ? MOST_LEARNED : 0);
    struct names *names = (struct names *)ouro_new((ouro_loan)&names_type->head);
    if (names == NULL) {
        return OURO_NO_MEMORY;
    }
    names->keys = ouro_heap_alloc(ouro__leaves, OURO_DOMAIN_MEM, room * sizeof *names->keys);
    ouro_status status = names->keys != NULL ? OURO_OK : OURO_NO_MEMORY;
    for (uint32_t i = 0; status == OURO_OK && i < n_slots; i++) {
        ouro_object *name = i < n_base ? base->keys[i].key : ouro_look(spec->slots[i - n_base]);
        struct table_search search;
        if (!ouro_is_str((ouro_loan)name)) {
            status = OURO_WRONG_TYPE;
        } else {
            status = ouro__table_search_for(&search, name);
        }
        if (status == OURO_OK && ouro__names_find(names, &search) != TABLE_NONE) {
            status = OURO_WRONG_VALUE;
        }
        if (status == OURO_OK) {
            add_name(names, &search);
        }
    }
    if (status < 0) {
        ouro_decref(&names->head);
        return status;
    }
    names->n_slots = n_slots;
    names->room = room;
    *result = &names->head;
    return OURO_OK;
}

/* How many items a new instance gets, so that it has a value for each name, and its block is full. */
static uint32_t
preset(const struct ouro_type *class, const struct names *names)
{
    uint32_t n = names->n - names->n_slots;
    if (n <= LEAST_VALUES) {
        return 0;
    }
    size_t size = class->size + (n - LEAST_VALUES) * sizeof(ouro_ref);
    return n - LEAST_VALUES + (size % OURO_ALIGNMENT != 0);
}

size_t
ouro__names_learn(struct ouro_type *class, const struct table_search *search)
{
    struct names *names = ouro__names(class);
    if (ouro__names_count(names) == names->room) {
        return TABLE_NONE;
    }
    ouro__lock(&names->head);
    size_t index = ouro__names_find(names, search);
    if (index == TABLE_NONE && names->n < names->room) {
        index = names->n;
        add_name(names, search);
        __atomic_store_n(&class->n_preset, preset(class, names), __ATOMIC_RELAXED);
    }
    ouro__unlock(&names->head);
    return index;
}

/* ---- making ---- */

static ouro_status
finalize_instance(ouro_loan self)
{
    ouro_ref finalizer = NULL, result = NULL;
    ouro_status status = ouro_class_get(ouro_type_of(self), (ouro_loan)finalizer_name, &finalizer);
    if (status == OURO_FOUND) {
        status = ouro_call(ouro_lend(finalizer), &self, 1, &result);
        ouro_decref(finalizer);
        ouro_xdecref(result);
    }
    return status;
}

/* The fields of a class's own; returns how many. */
static size_t
describe(ouro_field fields[2], ouro_type_spec *type, const struct names *names, bool is_open)
{
    size_t n_fixed = names->n_slots + (is_open ? LEAST_VALUES : 0), n = 0;

    type->size = names->offset + n_fixed * sizeof(ouro_ref);
    if (n_fixed != 0) {
        fields[n++] = (ouro_field){.offset = names->offset, .n_refs = (uint8_t)n_fixed};
    }
    if (is_open) {
        type->item_size = sizeof(ouro_ref);
        fields[n++] = (ouro_field){.offset = (uint32_t)type->size,
                                   .count = names->offset - (uint32_t)sizeof(size_t),
                                   .stride = sizeof(ouro_ref),
                                   .n_refs = 1};
    }
    return n;
}

static ouro_status
make_class(const ouro_class_spec *spec, struct ouro_type *base, bool is_open, ouro_ref names_ref,
           ouro_ref *result)
{
    struct names *names = (struct names *)names_ref;
    const struct ouro_type *root = base;
    while (root != NULL && root->names != NULL) {
        root = (const struct ouro_type *)root->base;
    }
    size_t before = root != NULL ? ouro__round_up(root->size, sizeof(ouro_ref)) : sizeof(ouro_object);
    names->offset = (uint32_t)(before + (is_open ? sizeof(size_t) : 0));

    ouro_field fields[2];
    ouro_type_spec type = {.name = spec->name,
                           .fields = fields,
                           .finalize = spec->finalize != NULL ? finalize_instance : NULL};
    type.n_fields = describe(fields, &type, names, is_open);
    ouro_ref made = NULL, attributes = ouro_dict_new();
    ouro_status status = attributes != NULL ? OURO_OK : OURO_NO_MEMORY;
    if (status == OURO_OK && spec->finalize != NULL) {
        status = ouro_dict_set(ouro_lend(attributes), (ouro_loan)finalizer_name, spec->finalize);
    }
    if (status == OURO_OK) {
        status = ouro__type_create(&type, base, root, &made);
    }
    if (status < 0) {
        ouro_xdecref(attributes);
        return status;
    }
    struct ouro_type *class = (struct ouro_type *)made;
    OURO_ASSERT(class != NULL);
    class->attributes = attributes;
    class->names = ouro_incref(ouro_lend(names_ref));
    if (root == NULL) {
        class->let_go = ouro__instance_let_go;
        class->end = class->own.finalize == NULL ? ouro__instance_end : ouro__destroy;
    }
    *result = made;
    return OURO_OK;
}

ouro_status
ouro_class_create(const ouro_class_spec *spec, ouro_ref *result)
{
    struct ouro_type *base = type_of(spec->base);
    ouro_ref names = NULL;

    if (base != NULL && !ouro_is_class(spec->base) &&
        (ouro__type(&base->head) != ouro__type_type || !(base->flags & OURO_TYPE_BASE) ||
         base->items_count != 0)) {
        return OURO_WRONG_TYPE;
    }
    if (spec->name == NULL) {
        return OURO_WRONG_VALUE;
    }
    bool is_class = base != NULL && base->names != NULL;
    bool is_open = !spec->is_closed || (is_class && ouro__class_is_open(base));
    ouro_status status = make_names(spec, is_class ? ouro__names(base) : NULL, is_open, &names);
    if (status == OURO_OK) {
        status = make_class(spec, base, is_open, names, result);
        ouro_decref(names);
    }
    return status;
}

bool
ouro__classes_init(void)
{
    const ouro_type_spec spec = {
        .name = "names",
        .size = sizeof(struct names),
        .flags = OURO_TYPE_LEAF,
        .dealloc = dealloc_names,
    };
    if (!ouro__type_make(&spec, &names_type)) {
        return false;
    }
    if (ouro__apart == NULL) {
        ouro_ref apart = ouro_new((ouro_loan)&names_type->head), name = ouro_str_new("__del__");
        if (apart == NULL || name == NULL) {
            ouro_xdecref(apart);
            ouro_xdecref(name);
            return false;
        }
        ouro_immortalize(ouro_lend(apart));
        ouro_immortalize(ouro_lend(name));
        ouro__apart = apart;
        finalizer_name = name;
    }
    return true;
}
