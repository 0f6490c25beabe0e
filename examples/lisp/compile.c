/* compile.c - from forms to code.
 *
 * A function's parameters and all variables of its body have slots in one frame, made for each call; those of functions
 * around it are found through the frames' parents.  A `let` has slots of its own in the frame of the function it is
 * in: it is entered once for each call, since what is done over and over is a call. */
#include "build.h"

#include <stdlib.h>
#include <string.h>

static unsigned depth;         /* forms in each other */
static struct place failed_at; /* the innermost form that could not be compiled; line 0: none yet */
static ouro_ref cons_function, append_function;

static ouro_status compile_form(struct builder *builder, ouro_loan form, bool is_tail);

/* The form that a symbol is the name of here. */
static enum form
form_of(const struct builder *builder, ouro_loan symbol)
{
    return is_of(symbol, symbol_type) && !build_is_local(builder, symbol) ? symbol_of(symbol)->form
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
                build_binding(builder, name);
            }
        }
    }
    if (is_nil(forms)) {
        build_constant(builder, ouro_lend(lisp.unspecified), is_tail);
    }
    for (; is_pair(forms); forms = cdr(forms)) {
        bool is_last = !is_pair(cdr(forms));
        ouro_status status = compile_form(builder, car(forms), is_last && is_tail);
        if (status < 0) {
            return status;
        }
        if (!is_last) {
            build_op(builder, OP_POP, 0);
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
        build_binding(builder, car(parameters));
    }
    *has_rest = !is_nil(parameters);
    if (*has_rest && !is_of(parameters, symbol_type)) {
        return fail("lambda: no name for a parameter", parameters);
    }
    if (*has_rest) {
        build_binding(builder, parameters);
    }
    return OURO_OK;
}

/* Push a closure. */
static ouro_status
compile_lambda(struct builder *outer, ouro_loan name, ouro_loan parameters, ouro_loan body)
{
    struct builder builder = {.outer = outer, .file = outer->file};
    uint32_t n_parameters = 0;
    bool has_rest = false;
    ouro_ref code = NULL;

    ouro_status status = bind_parameters(&builder, parameters, &n_parameters, &has_rest);
    if (status == OURO_OK) {
        status = compile_body(&builder, body, true);
    }
    if (status == OURO_OK) {
        status = build_end(&builder, name, n_parameters, has_rest, &code);
    }
    if (status < 0) {
        build_free(&builder);
        return status;
    }
    build_op(outer, OP_CLOSURE, build_add_constant(outer, ouro_lend(code)));
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
    if (!is_global && !build_is_local(builder, name)) {
        build_binding(builder, name);
    }
    ouro_status status = compile_value(builder, target, cdr(cdr(form)), name);
    if (status < 0) {
        return status;
    }
    if (is_global) {
        build_op(builder, is_macro ? OP_DEFINE_MACRO : OP_DEFINE_GLOBAL,
                 build_add_constant(builder, name));
    } else {
        build_variable(builder, name, OP_SET_LOCAL, OP_SET_OUTER, OP_SET_GLOBAL);
    }
    build_constant(builder, ouro_lend(lisp.unspecified), is_tail);
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
        build_variable(builder, car(cdr(form)), OP_SET_LOCAL, OP_SET_OUTER, OP_SET_GLOBAL);
        build_constant(builder, ouro_lend(lisp.unspecified), is_tail);
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
    size_t otherwise = build_jump(builder, OP_JUMP_IF_FALSE);
    if (status == OURO_OK) {
        status = compile_form(builder, car(branches), is_tail);
    }
    if (!is_tail) {
        past = build_jump(builder, OP_JUMP);
    }
    build_landing(builder, otherwise);
    if (status == OURO_OK && n == 4) {
        status = compile_form(builder, car(cdr(branches)), is_tail);
    } else {
        build_constant(builder, ouro_lend(lisp.unspecified), is_tail);
    }
    if (!is_tail) {
        build_landing(builder, past);
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
        build_constant(builder, ouro_lend(ouro_bool(op == OP_JUMP_IF_FALSE_OR_POP)), is_tail);
        return OURO_OK;
    }
    for (; status == OURO_OK && is_pair(cdr(forms)); forms = cdr(forms)) {
        status = compile_form(builder, car(forms), false);
        build_op(builder, op, last);
        last = builder->n_ops;
    }
    if (status == OURO_OK) {
        status = compile_form(builder, car(forms), is_tail);
    }
    while (last != 0 && !builder->no_memory) {
        size_t jump = last - 1;
        last = builder->ops[jump] >> 8;
        build_landing(builder, jump);
    }
    if (is_tail) {
        build_op(builder, OP_RETURN, 0);
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
    uint32_t slot = builder->n_slots;
    build_binding(builder, name);
    ouro_status status = compile_lambda(builder, name, ouro_lend(names), body);
    ouro_decref(names);
    build_op(builder, OP_SET_LOCAL, slot);
    build_op(builder, OP_LOCAL, slot);
    builder->n_bindings = n_bindings; /* the values don't see it */
    if (status == OURO_OK) {
        status = compile_values(builder, bindings, &n);
        build_call(builder, n, is_tail);
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
        build_binding(builder, car(car(at)));
    }
    while (!is_recursive && n-- != 0) {
        build_op(builder, OP_SET_LOCAL, slot + n);
    }
    for (ouro_loan at = bindings; is_recursive && status == OURO_OK && is_pair(at); at = cdr(at)) {
        status = compile_value(builder, car(car(at)), cdr(car(at)), car(car(at)));
        build_op(builder, OP_SET_LOCAL, slot++);
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
        build_constant(builder, form, false);
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
        build_constant(builder, ouro_lend(append_function), false);
        status = compile_form(builder, car(cdr(car(form))), false);
    } else {
        unsigned inner = is_quoted_by(form, "quasiquote") ? level + 1
                         : is_quoted_by(form, "unquote")  ? level - 1
                                                          : level;
        build_constant(builder, ouro_lend(cons_function), false);
        status = compile_template(builder, car(form), level);
        level = inner;
    }
    if (status == OURO_OK) {
        status = compile_template(builder, cdr(form), level);
    }
    depth--;
    build_op(builder, OP_CALL, 2);
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
    build_place(builder, form);
    build_call(builder, n, is_tail);
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
        build_op(builder, OP_CONSTANT, build_add_constant(builder, car(rest)));
        break;
    }
    if (is_tail) {
        build_op(builder, OP_RETURN, 0);
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
    build_place(builder, form);
    if (special != FORM_NONE) {
        return compile_special(builder, form, special, is_tail);
    }
    if (is_of(first, symbol_type) && symbol_of(first)->macro != NULL &&
        !build_is_local(builder, first)) {
        return compile_macro_call(builder, form, is_tail);
    }
    return compile_call(builder, form, is_tail);
}

/* Push the value of a form; return it where that is all that is left to do. */
static ouro_status
compile_form(struct builder *builder, ouro_loan form, bool is_tail)
{
    if (is_of(form, symbol_type)) {
        build_variable(builder, form, OP_LOCAL, OP_OUTER, OP_GLOBAL);
        if (is_tail) {
            build_op(builder, OP_RETURN, 0);
        }
        return OURO_OK;
    }
    if (!is_pair(form)) {
        build_constant(builder, form, is_tail);
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
        status = build_end(&builder, NULL, 0, false, code);
    }
    if (status < 0) {
        build_free(&builder);
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
