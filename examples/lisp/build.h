/* build.h - a function that is being compiled. */
#ifndef LISP_BUILD_H
#define LISP_BUILD_H

#include "lisp.h"

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

/* What cannot be added for want of memory or room is noted in the builder, and told by build_end(). */

void build_op(struct builder *builder, enum op op, size_t n);

/* Emit a jump; where it goes is said by build_landing(), which has it go to the next op. */
size_t build_jump(struct builder *builder, enum op op);
void build_landing(struct builder *builder, size_t jump);

/* The number of a constant. */
size_t build_add_constant(struct builder *builder, ouro_loan value);

/* Push a constant; return it where that is all that is left to do. */
void build_constant(struct builder *builder, ouro_loan value, bool is_tail);

/* What is emitted next belongs to a form. */
void build_place(struct builder *builder, ouro_loan form);

void build_call(struct builder *builder, size_t n_arguments, bool is_tail);

/* Have a variable, with the next slot. */
void build_binding(struct builder *builder, ouro_loan symbol);

/* Is there a local variable of that name? */
bool build_is_local(const struct builder *builder, ouro_loan symbol);

/* Emit what reads or writes a variable. */
void build_variable(struct builder *builder, ouro_loan symbol, enum op local, enum op outer,
                    enum op global);

/* The code that has been built, which takes all over; after a failure the builder is to be freed. */
ouro_status build_end(struct builder *builder, ouro_loan name, uint32_t n_parameters, bool has_rest,
                      ouro_ref *code);
void build_free(struct builder *builder);

#endif
