/* build.c - code that is being put together: ops, constants, places, the slots of variables. */
#include "build.h"

#include <stdlib.h>

/* ---- ops ---- */

/* The array, moved perhaps, with room for more than n items; or as it was, without memory. */
static void *
with_room(struct builder *builder, void *array, size_t n, size_t *room, size_t size)
{
    size_t wanted = (*room + 8) * 2;

    if (n < *room) {
        return array;
    }
    void *grown = realloc(array, wanted * size);
    if (grown == NULL) {
        builder->no_memory = true;
        return array;
    }
    *room = wanted;
    return grown;
}

void
build_op(struct builder *builder, enum op op, size_t n)
{
    builder->is_too_large |= n > MOST_OPERAND;
    builder->ops =
        with_room(builder, builder->ops, builder->n_ops, &builder->room_ops, sizeof *builder->ops);
    if (builder->n_ops < builder->room_ops) {
        builder->ops[builder->n_ops++] = (uint32_t)n << 8 | op;
    }
}

/* Have a jump, emitted before, go to the next op. */
void
build_landing(struct builder *builder, size_t jump)
{
    builder->is_too_large |= builder->n_ops > MOST_OPERAND;
    if (!builder->no_memory) {
        builder->ops[jump] = (uint32_t)builder->n_ops << 8 | (builder->ops[jump] & 0xFF);
    }
}

size_t
build_jump(struct builder *builder, enum op op)
{
    build_op(builder, op, 0);
    return builder->n_ops - 1;
}

size_t
build_add_constant(struct builder *builder, ouro_loan value)
{
    for (size_t i = 0; i < builder->n_constants && i < 100; i++) {
        if (ouro_lend(builder->constants[i]) == value) {
            return i;
        }
    }
    builder->constants = with_room(builder, builder->constants, builder->n_constants,
                                   &builder->room_constants, sizeof *builder->constants);
    if (builder->n_constants < builder->room_constants) {
        builder->constants[builder->n_constants++] = ouro_incref(value);
    }
    return builder->n_constants - 1;
}

void
build_constant(struct builder *builder, ouro_loan value, bool is_tail)
{
    build_op(builder, OP_CONSTANT, build_add_constant(builder, value));
    if (is_tail) {
        build_op(builder, OP_RETURN, 0);
    }
}

/* What is emitted next belongs to a form. */
void
build_place(struct builder *builder, ouro_loan form)
{
    if (!is_of(form, located_type)) {
        return;
    }
    builder->places = with_room(builder, builder->places, builder->n_places, &builder->room_places,
                                sizeof *builder->places);
    if (builder->n_places < builder->room_places) {
        const struct located *located = (const struct located *)ouro_look(form);
        builder->places[builder->n_places++] =
            (struct place){(uint32_t)builder->n_ops, located->line, located->column};
    }
}

void
build_call(struct builder *builder, size_t n_arguments, bool is_tail)
{
    build_op(builder, is_tail ? OP_TAIL_CALL : OP_CALL, n_arguments);
    if (is_tail) {
        build_op(builder, OP_RETURN, 0); /* of a function in C, which returned to here */
    }
}

void
build_binding(struct builder *builder, ouro_loan symbol)
{
    builder->bindings = with_room(builder, builder->bindings, builder->n_bindings,
                                  &builder->room_bindings, sizeof *builder->bindings);
    if (builder->n_bindings < builder->room_bindings) {
        builder->bindings[builder->n_bindings++] = (struct binding){symbol, builder->n_slots};
    }
    builder->is_too_large |= builder->n_slots >= 0xFFFF;
    builder->n_slots++;
}

void
build_free(struct builder *builder)
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
ouro_status
build_end(struct builder *builder, ouro_loan name, uint32_t n_parameters, bool has_rest,
          ouro_ref *result)
{
    if (builder->is_too_large && !builder->no_memory) {
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

bool
build_is_local(const struct builder *builder, ouro_loan symbol)
{
    uint32_t n_out, slot;
    return find(builder, symbol, &n_out, &slot);
}

/* Emit what reads or writes a variable. */
void
build_variable(struct builder *builder, ouro_loan symbol, enum op local, enum op outer, enum op global)
{
    uint32_t n_out, slot;
    if (!find(builder, symbol, &n_out, &slot)) {
        build_op(builder, global, build_add_constant(builder, symbol));
    } else if (n_out == 0) {
        build_op(builder, local, slot);
    } else {
        builder->is_too_large |= n_out > 0xFF;
        build_op(builder, outer, (n_out & 0xFF) << 16 | slot);
    }
}
