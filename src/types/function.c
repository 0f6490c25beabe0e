/* function.c - functions, which hold what they have captured; methods, which are functions and an object; cells. */
#include "types/types.h"

#include "ouro/function.h"

#define FEW_ARGUMENTS 8 /* of a method are copied on the stack, more on the heap */

struct function {
    ouro_object head;
    ouro_function_body body;
    ouro_ref name;
    size_t n;
    ouro_object *captured[];
};

struct method {
    ouro_object head;
    ouro_ref function, self;
};

struct cell {
    ouro_object head;
    ouro_ref content;
};

struct ouro_type *ouro__function_type;
static struct ouro_type *method_type, *cell_type;

ouro_loan
ouro_function_type(void)
{
    return (ouro_loan)&ouro__function_type->head;
}

ouro_loan
ouro_method_type(void)
{
    return (ouro_loan)&method_type->head;
}

ouro_loan
ouro_cell_type(void)
{
    return (ouro_loan)&cell_type->head;
}

/* ---- functions ---- */

static struct function *
function_of(ouro_loan loan)
{
    OURO_ASSERT(ouro__type(ouro_look(loan)) == ouro__function_type);
    return (struct function *)ouro_look(loan);
}

ouro_ref
ouro_function_new(ouro_loan name, ouro_function_body body, ouro_loan const *captured, size_t n_captured)
{
    ouro_ref made = ouro_new_items(ouro_function_type(), n_captured);
    if (made != NULL) {
        struct function *function = (struct function *)made;
        function->body = body;
        function->name = name != NULL ? ouro_incref(name) : NULL;
        for (size_t i = 0; i < n_captured; i++) {
            function->captured[i] = ouro_incref(captured[i]);
        }
    }
    return made;
}

ouro_loan
ouro_function_name(ouro_loan function)
{
    return ouro_lend(function_of(function)->name);
}

ouro_loan
ouro_function_captured_borrow(ouro_loan loan, size_t index)
{
    const struct function *function = function_of(loan);
    return index < function->n ? (ouro_loan)function->captured[index] : NULL;
}

static ouro_ref
repr_function(ouro_loan self)
{
    const struct function *function = function_of(self);
    if (function->name == NULL) {
        return ouro_str_format("<function at %p>", (const void *)function);
    }
    return ouro_str_format("<function %S at %p>", function->name, (const void *)function);
}

/* ---- methods ---- */

ouro_status
ouro_method_create(ouro_loan function, ouro_loan self, ouro_ref *method)
{
    if (ouro__type(ouro_look(function)) != ouro__function_type) {
        return OURO_WRONG_TYPE;
    }
    struct method *made = (struct method *)ouro__collected_alloc(method_type, sizeof *made);
    if (made == NULL) {
        return OURO_NO_MEMORY;
    }
    made->function = ouro_incref(function);
    made->self = ouro_incref(self);
    *method = &made->head;
    return OURO_OK;
}

static const struct method *
method_of(ouro_loan loan)
{
    ouro_object *object = ouro_look(loan);
    return ouro__type(object) == method_type ? (const struct method *)object : NULL;
}

ouro_loan
ouro_method_function_borrow(ouro_loan loan)
{
    const struct method *method = method_of(loan);
    return method != NULL ? ouro_lend(method->function) : NULL;
}

ouro_loan
ouro_method_self_borrow(ouro_loan loan)
{
    const struct method *method = method_of(loan);
    return method != NULL ? ouro_lend(method->self) : NULL;
}

/* Methods are equal when their functions are the same and their objects, too: each look-up makes another one.
 * @source CPython Objects/classobject.c, method_richcompare() and method_hash() */
static ouro_status
equal_method(ouro_loan self, ouro_loan other)
{
    const struct method *a = method_of(self), *b = method_of(other);
    return b != NULL && a->function == b->function && a->self == b->self ? OURO_FOUND : OURO_NOT_EQUAL;
}

static ouro_status
hash_method(ouro_loan self, uint64_t *hash)
{
    const struct method *method = method_of(self);
    *hash = ouro__mix_bits(ouro__hash_identity(method->function)) ^ ouro__hash_identity(method->self);
    return OURO_OK;
}

/* ---- calling ---- */

static ouro_status
call_function(ouro_loan callable, ouro_loan const *arguments, size_t n_arguments, ouro_ref *result)
{
    const struct function *function = function_of(callable);
    if (function->n != 0 && function->captured[0] == NULL) {
        return OURO_DEAD;
    }
    ouro_ref held = ouro_incref(callable), value = NULL;
    ouro_status status = function->body(callable, arguments, n_arguments, &value);
    ouro_decref(held);
    if (status < 0) {
        return status;
    }
    *result = value != NULL ? value : ouro_none();
    return OURO_OK;
}

static ouro_status
call_method(const struct method *method, ouro_loan const *arguments, size_t n, ouro_ref *result)
{
    ouro_loan few[FEW_ARGUMENTS], *all = few;

    if (method->function == NULL) {
        return OURO_DEAD;
    }
    size_t size = (n + 1) * sizeof *all;
    if (n >= FEW_ARGUMENTS) {
        all = ouro__buffer_alloc(size);
        if (all == NULL) {
            return OURO_NO_MEMORY;
        }
    }
    ouro_ref function = ouro_incref(ouro_lend(method->function));
    ouro_ref self = ouro_incref(ouro_lend(method->self));
    all[0] = ouro_lend(self);
    for (size_t i = 0; i < n; i++) {
        all[i + 1] = arguments[i];
    }
    ouro_status status = call_function(ouro_lend(function), all, n + 1, result);
    ouro_decref(self);
    ouro_decref(function);
    if (n >= FEW_ARGUMENTS) {
        ouro__buffer_free(all, size);
    }
    return status;
}

ouro_status
ouro_call(ouro_loan callable, ouro_loan const *arguments, size_t n_arguments, ouro_ref *result)
{
    if (ouro__type(ouro_look(callable)) == ouro__function_type) {
        return call_function(callable, arguments, n_arguments, result);
    }
    const struct method *method = method_of(callable);
    return method != NULL ? call_method(method, arguments, n_arguments, result) : OURO_WRONG_TYPE;
}

/* ---- cells ---- */

ouro_ref
ouro_cell_new(ouro_loan content)
{
    struct cell *cell = (struct cell *)ouro__collected_alloc(cell_type, sizeof *cell);
    if (OURO_LIKELY(cell != NULL)) {
        cell->content = content != NULL ? ouro_incref(content) : NULL;
    }
    return (ouro_ref)cell;
}

ouro_ref
ouro_cell_get(ouro_loan loan)
{
    struct cell *cell = (struct cell *)ouro_look(loan);
    OURO_ASSERT(ouro__type(&cell->head) == cell_type);
    bool locked = ouro__use(&cell->head);
    ouro_ref content = cell->content != NULL ? ouro_incref(ouro_lend(cell->content)) : NULL;
    ouro__unuse(&cell->head, locked);
    return content;
}

void
ouro_cell_set(ouro_loan loan, ouro_loan content)
{
    struct cell *cell = (struct cell *)ouro_look(loan);
    OURO_ASSERT(ouro__type(&cell->head) == cell_type);
    ouro_ref after = content != NULL ? ouro_incref(content) : NULL;
    bool locked = ouro__use(&cell->head);
    ouro_ref before = cell->content;
    cell->content = after;
    ouro__unuse(&cell->head, locked);
    ouro_xdecref(before);
}

/* ---- the types ---- */

static void
let_go_of_method(ouro_object *object)
{
    const struct method *method = (const struct method *)object;
    ouro_xdecref(method->function);
    ouro_xdecref(method->self);
}

static void
let_go_of_cell(ouro_object *object)
{
    ouro_xdecref(((const struct cell *)object)->content);
}

bool
ouro__functions_init(void)
{
    static const ouro_field function_fields[] = {OURO_FIELD(struct function, name),
                                                 OURO_FIELD_ITEMS(struct function, captured, n)};
    static const ouro_field method_fields[] = {OURO_FIELD(struct method, function),
                                               OURO_FIELD(struct method, self)};
    static const ouro_field cell_fields[] = {OURO_FIELD(struct cell, content)};
    const ouro_type_spec function = {
        .name = "function",
        .size = sizeof(struct function),
        .item_size = sizeof(ouro_ref),
        .n_fields = 2,
        .fields = function_fields,
        .repr = repr_function,
    };
    const ouro_type_spec method = {
        .name = "method",
        .size = sizeof(struct method),
        .n_fields = 2,
        .fields = method_fields,
        .hash = hash_method,
        .equal = equal_method,
    };
    const ouro_type_spec cell = {
        .name = "cell",
        .size = sizeof(struct cell),
        .n_fields = 1,
        .fields = cell_fields,
    };
    if (!ouro__type_make(&function, &ouro__function_type) || !ouro__type_make(&method, &method_type) ||
        !ouro__type_make(&cell, &cell_type)) {
        return false;
    }
    method_type->let_go = let_go_of_method;
    cell_type->let_go = let_go_of_cell;
    return true;
}
