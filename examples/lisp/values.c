/* values.c - the kinds of values that Ouro does not have itself, and equality. */
#include "lisp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lisp lisp;

ouro_loan symbol_type, pair_type, located_type, frame_type, code_type, closure_type, primitive_type,
    fiber_type;

/* ---- making ---- */

ouro_ref
symbol_new(const char *name, size_t n)
{
    ouro_ref text = NULL, symbol = NULL;

    if (ouro_str_decode(name, n, &text, NULL) < 0) {
        return NULL;
    }
    if (ouro_dict_get(ouro_lend(lisp.symbols), ouro_lend(text), &symbol) == OURO_FOUND) {
        ouro_decref(text);
        return symbol;
    }
    symbol = ouro_new(symbol_type);
    if (symbol == NULL) {
        ouro_decref(text);
        return NULL;
    }
    symbol_of(ouro_lend(symbol))->name = text;
    if (ouro_dict_set(ouro_lend(lisp.symbols), ouro_lend(text), ouro_lend(symbol)) < 0) {
        ouro_clear(&symbol);
    }
    return symbol;
}

ouro_ref
symbol_unique(void)
{
    static uint64_t last;
    ouro_ref symbol = ouro_new(symbol_type);
    ouro_ref name = ouro_str_format("g%zu", (size_t)++last);
    if (symbol == NULL || name == NULL) {
        ouro_xdecref(symbol);
        ouro_xdecref(name);
        return NULL;
    }
    symbol_of(ouro_lend(symbol))->name = name;
    return symbol;
}

ouro_ref
cons(ouro_loan first, ouro_loan rest)
{
    ouro_ref made = ouro_new(pair_type);
    if (made != NULL) {
        pair_of(ouro_lend(made))->car = ouro_incref(first);
        pair_of(ouro_lend(made))->cdr = ouro_incref(rest);
    }
    return made;
}

ouro_ref
cons_steal(ouro_ref first, ouro_ref rest)
{
    ouro_ref made = first != NULL && rest != NULL ? ouro_new(pair_type) : NULL;
    if (made == NULL) {
        ouro_xdecref(first);
        ouro_xdecref(rest);
        return NULL;
    }
    pair_of(ouro_lend(made))->car = first;
    pair_of(ouro_lend(made))->cdr = rest;
    return made;
}

ouro_ref
list_from(ouro_loan const *items, size_t n, ouro_loan rest)
{
    ouro_ref list = ouro_incref(rest);
    while (n != 0 && list != NULL) {
        list = cons_steal(ouro_incref(items[--n]), list);
    }
    return list;
}

size_t
list_length(ouro_loan list)
{
    ouro_loan slow = list; /* goes half as fast: who meets it again goes round in a circle */
    size_t n = 0;

    while (is_pair(list)) {
        list = cdr(list);
        if (++n % 2 == 0) {
            slow = cdr(slow);
        }
        if (list == slow) {
            return SIZE_MAX;
        }
    }
    return is_nil(list) ? n : SIZE_MAX;
}

/* ---- equality ---- */

static unsigned depth;

static ouro_status
equal_pairs(ouro_loan a, ouro_loan b)
{
    ouro_status status = OURO_FOUND;

    while (status == OURO_FOUND && a != b && is_pair(a) && is_pair(b)) {
        status = values_equal(car(a), car(b));
        a = cdr(a);
        b = cdr(b);
    }
    return status == OURO_FOUND && a != b ? values_equal(a, b) : status;
}

ouro_status
values_equal(ouro_loan a, ouro_loan b)
{
    if (a == b) {
        return OURO_FOUND;
    }
    if (depth >= MOST_NESTED) {
        return fail("equal?: nested too deep", NULL);
    }
    depth++;
    ouro_status status = is_pair(a) && is_pair(b) ? equal_pairs(a, b) : fail_with(ouro_equal(a, b));
    depth--;
    return status;
}

/* A pair inside of a vector or a dict: Ouro asks. */
static ouro_status
equal_pair(ouro_loan self, ouro_loan other)
{
    return is_pair(other) ? values_equal(self, other) : OURO_NOT_EQUAL;
}

/* ---- the types ---- */

static void
dealloc_code(ouro_loan self)
{
    struct code *code = (struct code *)ouro_look(self);
    free(code->constants);
    free(code->ops);
    free(code->places);
}

static void
dealloc_fiber(ouro_loan self)
{
    struct fiber *fiber = (struct fiber *)ouro_look(self);
    free(fiber->values);
    free(fiber->records);
}

static const ouro_field symbol_fields[] = {OURO_FIELD(struct symbol, name),
                                           OURO_FIELD(struct symbol, value),
                                           OURO_FIELD(struct symbol, macro)};
static const ouro_field pair_fields[] = {OURO_FIELD(struct pair, car), OURO_FIELD(struct pair, cdr)};
static const ouro_field frame_fields[] = {OURO_FIELD(struct frame, parent),
                                          OURO_FIELD_ITEMS(struct frame, slots, n)};
static const ouro_field code_fields[] = {
    OURO_FIELD(struct code, name), OURO_FIELD(struct code, file),
    OURO_FIELD_ARRAY(struct code, constants, n_constants, ouro_ref, 1)};
static const ouro_field closure_fields[] = {OURO_FIELD(struct closure, code),
                                            OURO_FIELD(struct closure, frame)};
static const ouro_field fiber_fields[] = {
    OURO_FIELD_ARRAY(struct fiber, values, n_values, ouro_ref, 1),
    OURO_FIELD_ARRAY(struct fiber, records, n_records, struct record, 2),
    OURO_FIELD(struct fiber, resumer), OURO_FIELD(struct fiber, start)};

/* For good. */
static bool
make_type(ouro_loan *type, const ouro_type_spec *spec)
{
    ouro_ref made = NULL;
    if (ouro_type_create(spec, &made) < 0) {
        return false;
    }
    ouro_immortalize(ouro_lend(made));
    *type = ouro_lend(made);
    return true;
}

#define N_FIELDS(fields) sizeof(fields) / sizeof(fields)[0], fields

static bool
make_types(void)
{
    const ouro_type_spec
        symbol = {"symbol", NULL, sizeof(struct symbol), 0, N_FIELDS(symbol_fields), .flags = 0},
        pair = {"pair",
                NULL,
                sizeof(struct pair),
                0,
                N_FIELDS(pair_fields),
                .flags = OURO_TYPE_BASE,
                .equal = equal_pair},
        frame = {"frame",   NULL, sizeof(struct frame), sizeof(ouro_ref), N_FIELDS(frame_fields),
                 .flags = 0},
        code = {"code", NULL, sizeof(struct code), 0, N_FIELDS(code_fields), .dealloc = dealloc_code},
        closure = {"closure", NULL, sizeof(struct closure), 0, N_FIELDS(closure_fields), .flags = 0},
        primitive = {"primitive", .size = sizeof(struct primitive), .flags = OURO_TYPE_LEAF},
        fiber = {
            "fiber", NULL, sizeof(struct fiber), 0, N_FIELDS(fiber_fields), .dealloc = dealloc_fiber};
    if (!make_type(&symbol_type, &symbol) || !make_type(&pair_type, &pair) ||
        !make_type(&frame_type, &frame) || !make_type(&code_type, &code) ||
        !make_type(&closure_type, &closure) || !make_type(&primitive_type, &primitive) ||
        !make_type(&fiber_type, &fiber)) {
        return false;
    }
    const ouro_type_spec located = {
        .name = "located pair", .base = pair_type, .size = sizeof(struct located)};
    return make_type(&located_type, &located);
}

static bool
define_builtins(const struct builtin *builtin)
{
    for (; builtin->name != NULL; builtin++) {
        ouro_ref symbol = symbol_new(builtin->name, strlen(builtin->name)),
                 made = ouro_new(primitive_type);
        if (symbol == NULL || made == NULL) {
            return false;
        }
        ((struct primitive *)made)->builtin = builtin;
        ouro_assign(&symbol_of(ouro_lend(symbol))->value, made);
        ouro_decref(symbol);
    }
    return true;
}

bool
values_init(void)
{
    lisp.symbols = ouro_dict_new();
    lisp.no_memory = ouro_str_new("out of memory");
    if (lisp.symbols == NULL || lisp.no_memory == NULL || !make_types()) {
        return false;
    }
    lisp.unspecified = symbol_unique();
    lisp.the_end = symbol_unique();
    return lisp.unspecified != NULL && lisp.the_end != NULL && define_builtins(number_builtins) &&
           define_builtins(list_builtins) && define_builtins(text_builtins) &&
           define_builtins(system_builtins);
}

void
values_end(void)
{
    ouro_ref *refs[] = {&lisp.symbols, &lisp.unspecified, &lisp.the_end,  &lisp.error,
                        &lisp.where,   &lisp.trace,       &lisp.no_memory};
    for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++) {
        ouro_clear(refs[i]);
    }
    ouro_gc_collect(OURO_GENERATIONS - 1); /* functions hold their names, and are held by them */
}
