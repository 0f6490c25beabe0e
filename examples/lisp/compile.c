/* compile.c - from forms to code.
 *
 * A function's parameters and all variables of its body have slots in one frame, made for each call; those of functions
 * around it are found through the frames' parents.  A `let` has slots of its own in the frame of the function it is
 * in: it is entered once for each call, since what is done over and over is a call. */
#include "lisp.h"

#include <stdlib.h>
#include <string.h>

struct binding {
    ouro_loan symbol;
    uint32_t slot;
};

/* A function that is being compiled. */
struct builder {
    struct builder *outer;
    ouro_loan file;
    struct binding *bindings; /* visible ones, the innermost last */
    size_t n_bindings, room_bindings;
    uint32_t n_slots;
    ouro_ref *constants;
    size_t n_constants, room_constants;
    uint32_t *ops;
    size_t n_ops, room_ops;
    struct place *places;
    size_t n_places, room_places;
    bool no_memory, is_too_large;
};

static unsigned depth;         /* forms in each other */
static struct place failed_at; /* the innermost form that could not be compiled; line 0: none yet */
static ouro_ref cons_function, append_function;

static ouro_status compile_form(struct builder *builder, ouro_loan form, bool is_tail);

/* ---- building ---- */

/* Make room for one more; `array` is the address of a pointer. */
static bool
reserve(struct builder *builder, void *array, size_t n, size_t *room, size_t size)
{
    if (n < *room) {
        return true;
    }
    void *before, *grown;
    memcpy(&before, array, sizeof before);
    grown = realloc(before, (*room + 8) * 2 * size);
    if (grown == NULL) {
        builder->no_memory = true;
        return false;
    }
    memcpy(array, &grown, sizeof grown);
    *room = (*room + 8) * 2;
    return true;
}

static void
emit(struct builder *builder, enum op op, size_t n)
{
    builder->is_too_large |= n > MOST_OPERAND;
    if (reserve(builder, &builder->ops, builder->n_ops, &builder->room_ops, sizeof *builder->ops)) {
        builder->ops[builder->n_ops++] = (uint32_t)n << 8 | op;
    }
}

/* Have a jump, emitted before, go to the next op. */
static void
land(struct builder *builder, size_t jump)
{
    builder->is_too_large |= builder->n_ops > MOST_OPERAND;
    if (!builder->no_memory) {
        builder->ops[jump] = (uint32_t)builder->n_ops << 8 | (builder->ops[jump] & 0xFF);
    }
}

static size_t
emit_jump(struct builder *builder, enum op op)
{
    emit(builder, op, 0);
    return builder->n_ops - 1;
}

static size_t
add_constant(struct builder *builder, ouro_loan value)
{
    for (size_t i = 0; i < builder->n_constants && i < 100; i++) {
        if (ouro_lend(builder->constants[i]) == value) {
            return i;
        }
    }
    if (reserve(builder, &builder->constants, builder->n_constants, &builder->room_constants,
                sizeof *builder->constants)) {
        builder->constants[builder->n_constants++] = ouro_incref(value);
    }
    return builder->n_constants - 1;
}

static void
emit_constant(struct builder *builder, ouro_loan value, bool is_tail)
{
    emit(builder, OP_CONSTANT, add_constant(builder, value));
    if (is_tail) {
        emit(builder, OP_RETURN, 0);
    }
}

/* What is emitted next belongs to a form. */
static void
note_place(struct builder *builder, ouro_loan form)
{
    if (is_of(form, located_type) && reserve(builder, &builder->places, builder->n_places,
                                             &builder->room_places, sizeof *builder->places)) {
        const struct located *located = (const struct located *)ouro_look(form);
        builder->places[builder->n_places++] =
            (struct place){(uint32_t)builder->n_ops, located->line, located->column};
    }
}

static void
emit_call(struct builder *builder, size_t n_arguments, bool is_tail)
{
    emit(builder, is_tail ? OP_TAIL_CALL : OP_CALL, n_arguments);
    if (is_tail) {
        emit(builder, OP_RETURN, 0); /* of a function in C, which returned to here */
    }
}

static uint32_t
bind(struct builder *builder, ouro_loan symbol)
{
    if (reserve(builder, &builder->bindings, builder->n_bindings, &builder->room_bindings,
                sizeof *builder->bindings)) {
        builder->bindings[builder->n_bindings++] = (struct binding){symbol, builder->n_slots};
    }
    builder->is_too_large |= builder->n_slots >= 0xFFFF;
    return builder->n_slots++;
}

static void
free_builder(struct builder *builder)
{
    for (size_t i = 0; i < builder->n_constants; i++) {
        ouro_decref(builder->constants[i]);
    }
    free(builder->constants);
    free(builder->bindings);
    free(builder->ops);
    free(builder->places);
}

/* The code that has been built, which takes all over; the builder is free afterwards. */
static ouro_status
finish(struct builder *builder, ouro_loan name, uint32_t n_parameters, bool has_rest, ouro_ref *result)
{
    if (builder->is_too_large) {
        return fail("a function is too large", NULL);
    }
    ouro_ref made = builder->no_memory ? NULL : ouro_new(code_type);
    if (made == NULL) {
        return fail_with(OURO_NO_MEMORY);
    }
    struct code *code = (struct code *)made;
    code->name = name != NULL ? ouro_incref(name) : NULL;
    code->file = ouro_incref(builder->file);
    code->constants = builder->constants;
    code->n_constants = builder->n_constants;
    code->ops = builder->ops;
    code->n_ops = (uint32_t)builder->n_ops;
    code->places = builder->places;
    code->n_places = (uint32_t)builder->n_places;
    code->n_parameters = n_parameters;
    code->n_slots = builder->n_slots;
    code->has_rest = has_rest;
    free(builder->bindings);
    *result = made;
    return OURO_OK;
}

/* ---- variables ---- */

/* How far out a local variable is, and its slot; false for a global one. */
static bool
find(const struct builder *builder, ouro_loan symbol, uint32_t *n_out, uint32_t *slot)
{
    for (*n_out = 0; builder != NULL; builder = builder->outer, ++*n_out) {
        for (size_t i = builder->n_bindings; i-- != 0;) {
            if (builder->bindings[i].symbol == symbol) {
                *slot = builder->bindings[i].slot;
                return true;
            }
        }
    }
    return false;
}

static bool
is_local(const struct builder *builder, ouro_loan symbol)
{
    uint32_t n_out, slot;
    return find(builder, symbol, &n_out, &slot);
}

/* Emit what reads or writes a variable. */
static void
emit_variable(struct builder *builder, ouro_loan symbol, enum op local, enum op outer, enum op global)
{
    uint32_t n_out, slot;
    if (!find(builder, symbol, &n_out, &slot)) {
        emit(builder, global, add_constant(builder, symbol));
    } else if (n_out == 0) {
        emit(builder, local, slot);
    } else {
        builder->is_too_large |= n_out > 0xFF;
        emit(builder, outer, (n_out & 0xFF) << 16 | slot);
    }
}

/* The form that a symbol is the name of here. */
static enum form
form_of(const struct builder *builder, ouro_loan symbol)
{
    return is_of(symbol, symbol_type) && !is_local(builder, symbol) ? symbol_of(symbol)->form
                                                                    : FORM_NONE;
}

/* ---- functions ---- */

/* Forms one after another; the value is that of the last. */
static ouro_status
compile_body(struct builder *builder, ouro_loan forms, bool is_tail)
{
    bool is_global = builder->outer == NULL && builder->n_bindings == 0;

    for (ouro_loan at = forms; is_pair(at) && !is_global;
         at = cdr(at)) { /* so that they may refer to each other */
        ouro_loan form = car(at);
        if (is_pair(form) && form_of(builder, car(form)) == FORM_DEFINE && is_pair(cdr(form))) {
            ouro_loan name = car(cdr(form));
            name = is_pair(name) ? car(name) : name;
            if (is_of(name, symbol_type)) {
                bind(builder, name);
            }
        }
    }
    if (is_nil(forms)) {
        emit_constant(builder, ouro_lend(lisp.unspecified), is_tail);
    }
    for (; is_pair(forms); forms = cdr(forms)) {
        bool is_last = !is_pair(cdr(forms));
        ouro_status status = compile_form(builder, car(forms), is_last && is_tail);
        if (status < 0) {
            return status;
        }
        if (!is_last) {
            emit(builder, OP_POP, 0);
        }
    }
    return OURO_OK;
}

static ouro_status
bind_parameters(struct builder *builder, ouro_loan parameters, uint32_t *n, bool *has_rest)
{
    for (*n = 0; is_pair(parameters); parameters = cdr(parameters), ++*n) {
        if (!is_of(car(parameters), symbol_type)) {
            return fail("lambda: no name for a parameter", car(parameters));
        }
        bind(builder, car(parameters));
    }
    *has_rest = !is_nil(parameters);
    if (*has_rest && !is_of(parameters, symbol_type)) {
        return fail("lambda: no name for a parameter", parameters);
    }
    if (*has_rest) {
        bind(builder, parameters);
    }
    return OURO_OK;
}

/* Push a closure. */
static ouro_status
compile_lambda(struct builder *outer, ouro_loan name, ouro_loan parameters, ouro_loan body)
{
    struct builder builder = {.outer = outer, .file = outer->file};
    uint32_t n_parameters;
    bool has_rest;
    ouro_ref code = NULL;

    ouro_status status = bind_parameters(&builder, parameters, &n_parameters, &has_rest);
    if (status == OURO_OK) {
        status = compile_body(&builder, body, true);
    }
    if (status == OURO_OK) {
        status = finish(&builder, name, n_parameters, has_rest, &code);
    }
    if (status < 0) {
        free_builder(&builder);
        return status;
    }
    emit(outer, OP_CLOSURE, add_constant(outer, ouro_lend(code)));
    ouro_decref(code);
    return OURO_OK;
}

/* ---- forms ---- */

static ouro_status
wrong_form(const char *message, ouro_loan form)
{
    return fail(message, form);
}

/* The value of a variable: (name value) or ((name . parameters) body ...), with the name taken out. */
static ouro_status
compile_value(struct builder *builder, ouro_loan target, ouro_loan rest, ouro_loan name)
{
    if (is_pair(target)) {
        return compile_lambda(builder, name, cdr(target), rest);
    }
    if (list_length(rest) != 1) {
        return fail("define: one value is needed for", name);
    }
    ouro_loan form = car(rest);
    if (is_pair(form) && form_of(builder, car(form)) == FORM_LAMBDA && is_pair(cdr(form))) {
        return compile_lambda(builder, name, car(cdr(form)), cdr(cdr(form)));
    }
    return compile_form(builder, form, false);
}

static ouro_status
compile_define(struct builder *builder, ouro_loan form, bool is_tail, bool is_macro)
{
    ouro_loan target = is_pair(cdr(form)) ? car(cdr(form)) : form;
    ouro_loan name = is_pair(target) ? car(target) : target;

    if (!is_of(name, symbol_type)) {
        return wrong_form("define: no name", form);
    }
    bool is_global = is_macro || (builder->outer == NULL && builder->n_bindings == 0);
    if (!is_global && !is_local(builder, name)) {
        bind(builder, name);
    }
    ouro_status status = compile_value(builder, target, cdr(cdr(form)), name);
    if (status < 0) {
        return status;
    }
    if (is_global) {
        emit(builder, is_macro ? OP_DEFINE_MACRO : OP_DEFINE_GLOBAL, add_constant(builder, name));
    } else {
        emit_variable(builder, name, OP_SET_LOCAL, OP_SET_OUTER, OP_SET_GLOBAL);
    }
    emit_constant(builder, ouro_lend(lisp.unspecified), is_tail);
    return OURO_OK;
}

static ouro_status
compile_set(struct builder *builder, ouro_loan form, bool is_tail)
{
    if (list_length(form) != 3 || !is_of(car(cdr(form)), symbol_type)) {
        return wrong_form("set!: a name and a value are needed", form);
    }
    ouro_status status = compile_form(builder, car(cdr(cdr(form))), false);
    if (status == OURO_OK) {
        emit_variable(builder, car(cdr(form)), OP_SET_LOCAL, OP_SET_OUTER, OP_SET_GLOBAL);
        emit_constant(builder, ouro_lend(lisp.unspecified), is_tail);
    }
    return status;
}

static ouro_status
compile_if(struct builder *builder, ouro_loan form, bool is_tail)
{
    size_t n = list_length(form), past = 0;
    if (n != 3 && n != 4) {
        return wrong_form("if: a condition and one or two forms are needed", form);
    }
    ouro_loan branches = cdr(cdr(form));
    ouro_status status = compile_form(builder, car(cdr(form)), false);
    size_t otherwise = emit_jump(builder, OP_JUMP_IF_FALSE);
    if (status == OURO_OK) {
        status = compile_form(builder, car(branches), is_tail);
    }
    if (!is_tail) {
        past = emit_jump(builder, OP_JUMP);
    }
    land(builder, otherwise);
    if (status == OURO_OK && n == 4) {
        status = compile_form(builder, car(cdr(branches)), is_tail);
    } else {
        emit_constant(builder, ouro_lend(lisp.unspecified), is_tail);
    }
    if (!is_tail) {
        land(builder, past);
    }
    return status;
}

/* The value of the first form that decides, or of the last. */
static ouro_status
compile_until(struct builder *builder, ouro_loan forms, enum op op, bool is_tail)
{
    ouro_status status = OURO_OK;
    size_t last = 0; /* of the jumps so far, each with the one before; counted from 1 */

    if (!is_pair(forms)) {
        emit_constant(builder, ouro_lend(ouro_bool(op == OP_JUMP_IF_FALSE_OR_POP)), is_tail);
        return OURO_OK;
    }
    for (; status == OURO_OK && is_pair(cdr(forms)); forms = cdr(forms)) {
        status = compile_form(builder, car(forms), false);
        emit(builder, op, last);
        last = builder->n_ops;
    }
    if (status == OURO_OK) {
        status = compile_form(builder, car(forms), is_tail);
    }
    while (last != 0 && !builder->no_memory) {
        size_t jump = last - 1;
        last = builder->ops[jump] >> 8;
        land(builder, jump);
    }
    if (is_tail) {
        emit(builder, OP_RETURN, 0);
    }
    return status;
}

/* ---- let ---- */

static bool
are_bindings(ouro_loan bindings)
{
    for (; is_pair(bindings); bindings = cdr(bindings)) {
        if (list_length(car(bindings)) != 2 || !is_of(car(car(bindings)), symbol_type)) {
            return false;
        }
    }
    return is_nil(bindings);
}

/* Push the values of all; returns how many. */
static ouro_status
compile_values(struct builder *builder, ouro_loan bindings, size_t *n)
{
    ouro_status status = OURO_OK;
    for (*n = 0; status == OURO_OK && is_pair(bindings); bindings = cdr(bindings), ++*n) {
        status = compile_form(builder, car(cdr(car(bindings))), false);
    }
    return status;
}

/* (let name ((x value) ...) body ...): a function that is called at once. */
static ouro_status
compile_loop(struct builder *builder, ouro_loan name, ouro_loan bindings, ouro_loan body, bool is_tail)
{
    size_t n_bindings = builder->n_bindings, n;
    ouro_ref names = ouro_none(), last = NULL;

    for (ouro_loan at = bindings; is_pair(at) && names != NULL; at = cdr(at)) {
        ouro_ref pair = cons(car(car(at)), ouro_lend(ouro_none()));
        if (pair == NULL) {
            ouro_clear(&names);
        } else if (last == NULL) {
            names = pair;
        } else {
            pair_of(ouro_lend(last))->cdr = pair;
        }
        last = pair;
    }
    if (names == NULL) {
        return fail_with(OURO_NO_MEMORY);
    }
    uint32_t slot = bind(builder, name);
    ouro_status status = compile_lambda(builder, name, ouro_lend(names), body);
    ouro_decref(names);
    emit(builder, OP_SET_LOCAL, slot);
    emit(builder, OP_LOCAL, slot);
    builder->n_bindings = n_bindings; /* the values don't see it */
    if (status == OURO_OK) {
        status = compile_values(builder, bindings, &n);
        emit_call(builder, n, is_tail);
    }
    return status;
}

static ouro_status
compile_let(struct builder *builder, ouro_loan form, bool is_recursive, bool is_tail)
{
    size_t n_bindings = builder->n_bindings, n = 0;
    ouro_loan rest = cdr(form), name = NULL;

    if (!is_recursive && is_pair(rest) && is_of(car(rest), symbol_type)) {
        name = car(rest);
        rest = cdr(rest);
    }
    if (!is_pair(rest) || !are_bindings(car(rest))) {
        return wrong_form("let: names with their values are needed", form);
    }
    ouro_loan bindings = car(rest);
    if (name != NULL) {
        return compile_loop(builder, name, bindings, cdr(rest), is_tail);
    }
    ouro_status status = is_recursive ? OURO_OK : compile_values(builder, bindings, &n);
    uint32_t slot = builder->n_slots;
    for (ouro_loan at = bindings; is_pair(at); at = cdr(at)) {
        bind(builder, car(car(at)));
    }
    while (!is_recursive && n-- != 0) {
        emit(builder, OP_SET_LOCAL, slot + n);
    }
    for (ouro_loan at = bindings; is_recursive && status == OURO_OK && is_pair(at); at = cdr(at)) {
        status = compile_value(builder, car(car(at)), cdr(car(at)), car(car(at)));
        emit(builder, OP_SET_LOCAL, slot++);
    }
    if (status == OURO_OK) {
        status = compile_body(builder, cdr(rest), is_tail);
    }
    builder->n_bindings = n_bindings;
    return status;
}

/* ---- quasiquote ---- */

/* Is it (name x)? */
static bool
is_quoted_by(ouro_loan form, const char *name)
{
    if (!is_pair(form) || !is_of(car(form), symbol_type) || list_length(form) != 2) {
        return false;
    }
    ouro_loan text = ouro_lend(symbol_of(car(form))->name);
    const char *is_named = ouro_str_ascii_borrow(text);
    return is_named != NULL && strcmp(is_named, name) == 0;
}

static ouro_status
compile_template(struct builder *builder, ouro_loan form, unsigned level)
{
    ouro_status status;

    if (!is_pair(form)) {
        emit_constant(builder, form, false);
        return OURO_OK;
    }
    if (is_quoted_by(form, "unquote") && level == 1) {
        return compile_form(builder, car(cdr(form)), false);
    }
    if (depth >= MOST_NESTED) {
        return fail("nested too deep", NULL);
    }
    depth++;
    if (is_quoted_by(car(form), "unquote-splicing") && level == 1) {
        emit_constant(builder, ouro_lend(append_function), false);
        status = compile_form(builder, car(cdr(car(form))), false);
    } else {
        unsigned inner = is_quoted_by(form, "quasiquote") ? level + 1
                         : is_quoted_by(form, "unquote")  ? level - 1
                                                          : level;
        emit_constant(builder, ouro_lend(cons_function), false);
        status = compile_template(builder, car(form), level);
        level = inner;
    }
    if (status == OURO_OK) {
        status = compile_template(builder, cdr(form), level);
    }
    depth--;
    emit(builder, OP_CALL, 2);
    return status;
}

/* ---- calls and macros ---- */

static ouro_status
compile_call(struct builder *builder, ouro_loan form, bool is_tail)
{
    size_t n = 0;
    ouro_status status = compile_form(builder, car(form), false);

    for (ouro_loan at = cdr(form); status == OURO_OK && is_pair(at); at = cdr(at), n++) {
        status = compile_form(builder, car(at), false);
    }
    note_place(builder, form);
    emit_call(builder, n, is_tail);
    return status;
}

static ouro_status
compile_macro_call(struct builder *builder, ouro_loan form, bool is_tail)
{
    size_t n = list_length(cdr(form)), i = 0;
    ouro_loan *arguments = calloc(n + 1, sizeof *arguments);
    ouro_ref expanded = NULL;

    if (arguments == NULL) {
        return fail_with(OURO_NO_MEMORY);
    }
    for (ouro_loan at = cdr(form); is_pair(at); at = cdr(at)) {
        arguments[i++] = car(at);
    }
    ouro_ref macro = ouro_incref(ouro_lend(symbol_of(car(form))->macro));
    ouro_status status = machine_call(ouro_lend(macro), arguments, n, &expanded);
    ouro_decref(macro);
    free(arguments);
    if (status == OURO_OK) {
        status = compile_form(builder, ouro_lend(expanded), is_tail);
        ouro_decref(expanded);
    }
    return status;
}

static ouro_status
compile_special(struct builder *builder, ouro_loan form, enum form special, bool is_tail)
{
    ouro_loan rest = cdr(form);
    ouro_status status = OURO_OK;

    switch (special) {
    case FORM_AND:
        return compile_until(builder, rest, OP_JUMP_IF_FALSE_OR_POP, is_tail);
    case FORM_OR:
        return compile_until(builder, rest, OP_JUMP_IF_TRUE_OR_POP, is_tail);
    case FORM_BEGIN:
        return compile_body(builder, rest, is_tail);
    case FORM_DEFINE:
    case FORM_DEFINE_MACRO:
        return compile_define(builder, form, is_tail, special == FORM_DEFINE_MACRO);
    case FORM_IF:
        return compile_if(builder, form, is_tail);
    case FORM_LET:
    case FORM_LETREC:
        return compile_let(builder, form, special == FORM_LETREC, is_tail);
    case FORM_SET:
        return compile_set(builder, form, is_tail);
    case FORM_LAMBDA:
        status = is_pair(rest) ? compile_lambda(builder, NULL, car(rest), cdr(rest))
                               : wrong_form("lambda: parameters are needed", form);
        break;
    case FORM_QUASIQUOTE:
        status = list_length(rest) == 1 ? compile_template(builder, car(rest), 1)
                                        : wrong_form("quasiquote: one value is needed", form);
        break;
    default:
        if (list_length(rest) != 1) {
            return wrong_form("quote: one value is needed", form);
        }
        emit(builder, OP_CONSTANT, add_constant(builder, car(rest)));
        break;
    }
    if (is_tail) {
        emit(builder, OP_RETURN, 0);
    }
    return status;
}

static ouro_status
compile_pair(struct builder *builder, ouro_loan form, bool is_tail)
{
    ouro_loan first = car(form);
    enum form special = form_of(builder, first);

    if (list_length(form) == SIZE_MAX) {
        return fail("a form must be a list that ends", NULL);
    }
    note_place(builder, form);
    if (special != FORM_NONE) {
        return compile_special(builder, form, special, is_tail);
    }
    if (is_of(first, symbol_type) && symbol_of(first)->macro != NULL && !is_local(builder, first)) {
        return compile_macro_call(builder, form, is_tail);
    }
    return compile_call(builder, form, is_tail);
}

/* Push the value of a form; return it where that is all that is left to do. */
static ouro_status
compile_form(struct builder *builder, ouro_loan form, bool is_tail)
{
    if (is_of(form, symbol_type)) {
        emit_variable(builder, form, OP_LOCAL, OP_OUTER, OP_GLOBAL);
        if (is_tail) {
            emit(builder, OP_RETURN, 0);
        }
        return OURO_OK;
    }
    if (!is_pair(form)) {
        emit_constant(builder, form, is_tail);
        return OURO_OK;
    }
    if (depth >= MOST_NESTED) {
        return fail("nested too deep", NULL);
    }
    depth++;
    ouro_status status = compile_pair(builder, form, is_tail);
    depth--;
    if (status < 0 && failed_at.line == 0 && is_of(form, located_type)) {
        const struct located *located = (const struct located *)ouro_look(form);
        failed_at = (struct place){0, located->line, located->column};
    }
    return status;
}

ouro_status
compile(ouro_loan form, ouro_loan file, ouro_ref *code)
{
    struct builder builder = {.file = file};

    failed_at.line = 0;
    ouro_status status = compile_form(&builder, form, true);
    if (status == OURO_OK) {
        status = finish(&builder, NULL, 0, false, code);
    }
    if (status < 0) {
        free_builder(&builder);
        if (failed_at.line != 0 && lisp.where == NULL) {
            lisp.where = ouro_str_format("%S:%u:%u", ouro_look(file), failed_at.line, failed_at.column);
        }
    }
    return status;
}

/* ---- beginning ---- */

/* The primitive of a name. */
static ouro_ref
primitive(const char *name)
{
    ouro_ref symbol = symbol_new(name, strlen(name)), value = NULL;
    if (symbol != NULL) {
        value = ouro_incref(ouro_lend(symbol_of(ouro_lend(symbol))->value));
        ouro_decref(symbol);
    }
    return value;
}

bool
compile_init(void)
{
    static const struct {
        const char *name;
        enum form form;
    } forms[] = {
        {"and", FORM_AND},
        {"begin", FORM_BEGIN},
        {"define", FORM_DEFINE},
        {"if", FORM_IF},
        {"define-macro", FORM_DEFINE_MACRO},
        {"lambda", FORM_LAMBDA},
        {"let", FORM_LET},
        {"letrec", FORM_LETREC},
        {"or", FORM_OR},
        {"quote", FORM_QUOTE},
        {"quasiquote", FORM_QUASIQUOTE},
        {"set!", FORM_SET},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        ouro_ref symbol = symbol_new(forms[i].name, strlen(forms[i].name));
        if (symbol == NULL) {
            return false;
        }
        symbol_of(ouro_lend(symbol))->form = forms[i].form;
        ouro_decref(symbol);
    }
    cons_function = primitive("cons");
    append_function = primitive("append");
    return cons_function != NULL && append_function != NULL;
}
