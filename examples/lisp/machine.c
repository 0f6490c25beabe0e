/* machine.c - running code.
 *
 * The fiber that runs has a stack of values and a stack of records, one for each call that has not returned.  A call in
 * tail position takes the place of its caller's record, so that a loop needs no more than one.  What happens in Lisp
 * takes nothing of the stack of C: a primitive that wants something called says so, in lisp.request, and returns.
 *
 * Everything that a fiber holds stands in its stacks at all times, counted once: an object can be made anywhere, and with it
 * the collector may run. */
#include "lisp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fiber *
running(void)
{
    return (struct fiber *)lisp.fiber;
}

/* ---- the stacks ---- */

static ouro_status
push(struct fiber *fiber, ouro_ref stolen)
{
    if (fiber->n_values == fiber->room_values) {
        size_t room = fiber->room_values * 2 + 16;
        ouro_ref *grown = realloc(fiber->values, room * sizeof *grown);
        if (grown == NULL) {
            ouro_decref(stolen);
            return fail_with(OURO_NO_MEMORY);
        }
        fiber->values = grown;
        fiber->room_values = room;
    }
    fiber->values[fiber->n_values++] = stolen;
    return OURO_OK;
}

static ouro_ref
pop(struct fiber *fiber)
{
    return fiber->values[--fiber->n_values];
}

static void
drop_values(struct fiber *fiber, size_t base)
{
    while (fiber->n_values > base) {
        ouro_decref(pop(fiber));
    }
}

static struct record *
top(struct fiber *fiber)
{
    return &fiber->records[fiber->n_records - 1];
}

/* Both references are stolen. */
static ouro_status
push_record(struct fiber *fiber, ouro_ref code, ouro_ref frame, bool is_handler)
{
    ouro_status status = OURO_OK;

    if (fiber->n_records >= MOST_CALLS) {
        status = fail("too many calls in each other", NULL);
    } else if (fiber->n_records == fiber->room_records) {
        size_t room = fiber->room_records * 2 + 8;
        struct record *grown = realloc(fiber->records, room * sizeof *grown);
        if (grown == NULL) {
            status = fail_with(OURO_NO_MEMORY);
        } else {
            fiber->records = grown;
            fiber->room_records = room;
        }
    }
    if (status < 0) {
        ouro_decref(code);
        ouro_xdecref(frame);
        return status;
    }
    fiber->records[fiber->n_records++] = (struct record){
        .code = code, .frame = frame, .base = fiber->n_values, .is_handler = is_handler};
    return OURO_OK;
}

static void
pop_record(struct fiber *fiber)
{
    struct record record = fiber->records[--fiber->n_records];
    ouro_decref(record.code);
    ouro_xdecref(record.frame);
}

/* ---- calls ---- */

static ouro_status
wrong_count(ouro_loan function, size_t n)
{
    char message[80];
    snprintf(message, sizeof message, "wrong number of arguments (%zu) for", n);
    return fail(message, function);
}

/* A new frame with the topmost n values in it, which are taken from the stack; NULL, and they are still there. */
static ouro_ref
make_frame(struct fiber *fiber, const struct closure *closure, const struct code *code, size_t n)
{
    ouro_loan const *values = (ouro_loan const *)(void *)&fiber->values[fiber->n_values - n];
    ouro_ref rest = NULL, made = ouro_new_items(frame_type, code->n_slots);

    if (made != NULL && code->has_rest) {
        rest = list_from(values + code->n_parameters, n - code->n_parameters, ouro_lend(ouro_none()));
    }
    if (made == NULL || (code->has_rest && rest == NULL)) {
        ouro_xdecref(made);
        return NULL;
    }
    struct frame *frame = (struct frame *)made;
    frame->parent = closure->frame != NULL ? ouro_incref(ouro_lend(closure->frame)) : NULL;
    if (code->has_rest) {
        frame->slots[code->n_parameters] = rest;
        drop_values(fiber, fiber->n_values - (n - code->n_parameters));
    }
    for (uint32_t i = code->n_parameters; i-- != 0;) {
        frame->slots[i] = pop(fiber);
    }
    return made;
}

/* Begin a call of a closure, which stands below its n arguments. */
static ouro_status
enter(struct fiber *fiber, size_t n, bool is_tail)
{
    ouro_loan function = ouro_lend(fiber->values[fiber->n_values - n - 1]);
    const struct closure *closure = (const struct closure *)ouro_look(function);
    const struct code *code = (const struct code *)closure->code;

    if (n != code->n_parameters && !(code->has_rest && n > code->n_parameters)) {
        return wrong_count(function, n);
    }
    ouro_ref frame = make_frame(fiber, closure, code, n);
    if (frame == NULL) {
        return fail_with(OURO_NO_MEMORY);
    }
    ouro_ref code_ref = ouro_incref(ouro_lend(closure->code));
    ouro_decref(pop(fiber));
    if (!is_tail) {
        return push_record(fiber, code_ref, frame, false);
    }
    struct record *record = top(fiber), before = *record;
    record->code = code_ref;
    record->frame = frame;
    record->op = 0;
    ouro_decref(before.code);
    ouro_xdecref(before.frame);
    return OURO_OK;
}

static ouro_status
call_primitive(struct fiber *fiber, size_t n)
{
    size_t function = fiber->n_values - n - 1;
    const struct builtin *builtin = ((const struct primitive *)fiber->values[function])->builtin;
    ouro_ref value = NULL;

    if (n < builtin->least || n > builtin->most) {
        return wrong_count(ouro_lend(fiber->values[function]), n);
    }
    ouro_status status =
        builtin->body((ouro_loan const *)(void *)&fiber->values[function + 1], n, &value);
    if (status < 0) {
        return status;
    }
    drop_values(fiber, function);
    if (lisp.request != REQUEST_NONE) {
        return OURO_OK;
    }
    return push(fiber, value != NULL ? value : ouro_incref(ouro_lend(lisp.unspecified)));
}

/* ---- what primitives ask for ---- */

static ouro_ref
take_asked(int which)
{
    ouro_ref value = lisp.a[which];
    lisp.a[which] = NULL;
    return value;
}

/* Push a function and the items of a list; `n` receives how many. */
static ouro_status
spread(struct fiber *fiber, size_t *n)
{
    ouro_ref list = take_asked(1);
    ouro_status status = push(fiber, take_asked(0));

    *n = 0;
    for (ouro_loan at = ouro_lend(list); status == OURO_OK && is_pair(at); at = cdr(at), ++*n) {
        status = push(fiber, ouro_incref(car(at)));
    }
    ouro_decref(list);
    return status;
}

static ouro_status
push_compiled(struct fiber *fiber)
{
    ouro_ref form = take_asked(0), code = NULL;
    OURO_SCOPED file = ouro_str_new("eval");
    ouro_status status =
        file != NULL ? compile(ouro_lend(form), ouro_lend(file), &code) : fail_with(OURO_NO_MEMORY);

    ouro_decref(form);
    if (status < 0) {
        return status;
    }
    ouro_ref closure = ouro_new(closure_type);
    if (closure == NULL) {
        ouro_decref(code);
        return fail_with(OURO_NO_MEMORY);
    }
    ((struct closure *)closure)->code = code;
    return push(fiber, closure);
}

/* Go on in a generator, until it yields; `n` receives how many arguments there are for what was pushed there, SIZE_MAX when
 * nothing is to be called. */
static ouro_status
resume(struct fiber *fiber, size_t *n)
{
    ouro_ref ref = take_asked(0);
    struct fiber *generator = (struct fiber *)ref;

    *n = SIZE_MAX;
    if (generator == fiber || generator->resumer != NULL) {
        ouro_decref(ref);
        return fail("next: the generator is running already", NULL);
    }
    if (generator->start == NULL && generator->n_records == 0) {
        ouro_decref(ref);
        return push(fiber, ouro_incref(ouro_lend(lisp.the_end)));
    }
    generator->resumer = lisp.fiber;
    lisp.fiber = ref;
    if (generator->start == NULL) {
        return push(generator, ouro_incref(ouro_lend(lisp.unspecified)));
    }
    ouro_ref start = generator->start;
    generator->start = NULL;
    *n = 0;
    return push(generator, start);
}

/* Give a value, stolen, to who waits for this generator. */
static ouro_status
give_back(struct fiber *generator, ouro_ref value)
{
    ouro_ref self = lisp.fiber;

    lisp.fiber = generator->resumer;
    generator->resumer = NULL;
    ouro_status status = push(running(), value);
    ouro_decref(self);
    return status;
}

/* Do what a primitive asked for; `n` receives how many arguments there are for what is to be called, SIZE_MAX for nothing. */
static ouro_status
serve(struct fiber *fiber, size_t *n, bool *is_tail)
{
    enum request request = lisp.request;
    ouro_status status;

    lisp.request = REQUEST_NONE;
    *n = 0;
    switch (request) {
    case REQUEST_APPLY:
        return spread(fiber, n);
    case REQUEST_EVAL:
        return push_compiled(fiber);
    case REQUEST_HANDLE:
        *is_tail = false;
        status = push_record(fiber, take_asked(0), NULL, true);
        ouro_ref thunk = take_asked(1);
        if (status < 0) {
            ouro_decref(thunk);
            return status;
        }
        return push(fiber, thunk);
    case REQUEST_NEXT:
        *is_tail = false;
        return resume(fiber, n);
    default: /* REQUEST_YIELD */
        *n = SIZE_MAX;
        if (fiber->resumer == NULL) {
            ouro_decref(take_asked(0));
            return fail("yield: outside of a generator", NULL);
        }
        return give_back(fiber, take_asked(0));
    }
}

/* Nothing went wrong in what these handlers were for. */
static void
drop_handlers(struct fiber *fiber, ouro_status status)
{
    while (status >= 0 && fiber->n_records != 0 && top(fiber)->is_handler) {
        pop_record(fiber);
    }
}

/* Call what stands below the topmost n values. */
static ouro_status
call(size_t n, bool is_tail)
{
    for (;;) {
        struct fiber *fiber = running();
        ouro_loan function = ouro_lend(fiber->values[fiber->n_values - n - 1]);
        if (is_of(function, closure_type)) {
            return enter(fiber, n, is_tail);
        }
        if (!is_of(function, primitive_type)) {
            return fail("this is no function", function);
        }
        ouro_status status = call_primitive(fiber, n);
        if (status < 0 || lisp.request == REQUEST_NONE) {
            drop_handlers(fiber, status);
            return status;
        }
        status = serve(fiber, &n, &is_tail);
        if (status < 0 || n == SIZE_MAX) {
            return status;
        }
    }
}

/* ---- errors ---- */

static bool
has_handler(const struct fiber *fiber)
{
    for (; fiber != NULL; fiber = (const struct fiber *)fiber->resumer) {
        for (size_t i = fiber->n_records; i-- != 0;) {
            if (fiber->records[i].is_handler) {
                return true;
            }
        }
    }
    return false;
}

/* End the running fiber; true when it was the root, otherwise who resumed it runs now. */
static bool
abandon(struct fiber *fiber, ouro_loan root)
{
    while (fiber->n_records != 0) {
        pop_record(fiber);
    }
    drop_values(fiber, 0);
    if (ouro_lend(lisp.fiber) == root) {
        return true;
    }
    ouro_ref self = lisp.fiber;
    lisp.fiber = fiber->resumer;
    fiber->resumer = NULL;
    ouro_decref(self);
    return false;
}

/* Is there anybody to handle the error? */
static bool
is_handled(void)
{
    ouro_clear(&lisp.a[0]); /* what was asked for is no longer */
    ouro_clear(&lisp.a[1]);
    lisp.request = REQUEST_NONE;
    if (lisp.is_exiting) {
        return false;
    }
    bool is_handled = has_handler(running());
    if (!is_handled) {
        note_trace(running());
    }
    return is_handled;
}

/* Go back to who handles the error, and call that. */
static ouro_status
recover(void)
{
    struct fiber *fiber = running();

    ouro_clear(&lisp.where);
    ouro_clear(&lisp.trace);
    while (fiber->n_records == 0 || !top(fiber)->is_handler) {
        if (fiber->n_records != 0) {
            pop_record(fiber);
        } else {
            abandon(fiber, NULL);
            fiber = running();
        }
    }
    drop_values(fiber, top(fiber)->base);
    ouro_ref handler = ouro_incref(ouro_lend(top(fiber)->code));
    pop_record(fiber);
    if (push(fiber, handler) < 0 || push(fiber, ouro_incref(ouro_lend(lisp.error))) < 0) {
        return OURO_FAILED;
    }
    return call(1, false);
}

/* ---- the loop ---- */

static ouro_ref *
outer_slot(ouro_ref frame, size_t n)
{
    for (size_t n_out = n >> 16; n_out != 0; n_out--) {
        frame = ((struct frame *)frame)->parent;
    }
    return &((struct frame *)frame)->slots[n & 0xFFFF];
}

static ouro_status
push_variable(struct fiber *fiber, ouro_ref value)
{
    return value != NULL ? push(fiber, ouro_incref(ouro_lend(value)))
                         : fail("a variable is used before it has a value", NULL);
}

static ouro_status
push_global(struct fiber *fiber, ouro_loan symbol)
{
    ouro_ref value = symbol_of(symbol)->value;
    return value != NULL ? push(fiber, ouro_incref(ouro_lend(value)))
                         : fail("this is not defined", symbol);
}

static ouro_status
push_closure(struct fiber *fiber, ouro_ref code)
{
    ouro_ref made = ouro_new(closure_type);
    if (made == NULL) {
        return fail_with(OURO_NO_MEMORY);
    }
    struct closure *closure = (struct closure *)made;
    const struct record *record = top(fiber);
    closure->code = ouro_incref(ouro_lend(code));
    closure->frame = record->frame != NULL ? ouro_incref(ouro_lend(record->frame)) : NULL;
    return push(fiber, made);
}

static ouro_status
set_global(struct fiber *fiber, ouro_loan symbol, enum op op)
{
    struct symbol *global = symbol_of(symbol);
    if (op == OP_SET_GLOBAL && global->value == NULL) {
        return fail("set!: this is not defined", symbol);
    }
    if (op == OP_DEFINE_GLOBAL) {
        ouro_clear(&global->macro);
    }
    ouro_assign(op == OP_DEFINE_MACRO ? &global->macro : &global->value, pop(fiber));
    return OURO_OK;
}

/* Jump, if the topmost value is as it must be; it is left there then, or taken away in any case. */
static void
jump_if(struct fiber *fiber, size_t to, bool wanted, bool is_kept)
{
    bool jumps = is_true(ouro_lend(fiber->values[fiber->n_values - 1])) == wanted;
    if (jumps) {
        top(fiber)->op = (uint32_t)to;
    }
    if (!jumps || !is_kept) {
        ouro_decref(pop(fiber));
    }
}

/* The running fiber has nothing left to do; OURO_FOUND when it is the root, whose last value is the result. */
static ouro_status
end_fiber(struct fiber *fiber, ouro_loan root, ouro_ref *result)
{
    ouro_ref value = pop(fiber);
    if (ouro_lend(lisp.fiber) == root) {
        *result = value;
        return OURO_FOUND;
    }
    ouro_decref(value);
    return give_back(fiber, ouro_incref(ouro_lend(lisp.the_end)));
}

/* The topmost call returns the topmost value. */
static ouro_status
leave(struct fiber *fiber, ouro_loan root, ouro_ref *result)
{
    pop_record(fiber);
    drop_handlers(fiber, OURO_OK);
    return fiber->n_records != 0 ? OURO_OK : end_fiber(fiber, root, result);
}

/* One op of the running fiber; OURO_FOUND when that was its root's last. */
static ouro_status
step(ouro_loan root, ouro_ref *result)
{
    struct fiber *fiber = running();
    struct record *record = top(fiber);
    const struct code *code = (const struct code *)record->code;
    uint32_t word = code->ops[record->op++];
    size_t n = word >> 8;
    enum op op = (enum op)(word & 0xFF);

    switch (op) {
    case OP_CONSTANT:
        return push(fiber, ouro_incref(ouro_lend(code->constants[n])));
    case OP_LOCAL:
        return push_variable(fiber, ((struct frame *)record->frame)->slots[n]);
    case OP_OUTER:
        return push_variable(fiber, *outer_slot(record->frame, n));
    case OP_GLOBAL:
        return push_global(fiber, ouro_lend(code->constants[n]));
    case OP_SET_LOCAL:
        ouro_assign(&((struct frame *)record->frame)->slots[n], pop(fiber));
        return OURO_OK;
    case OP_SET_OUTER:
        ouro_assign(outer_slot(record->frame, n), pop(fiber));
        return OURO_OK;
    case OP_SET_GLOBAL:
    case OP_DEFINE_GLOBAL:
    case OP_DEFINE_MACRO:
        return set_global(fiber, ouro_lend(code->constants[n]), op);
    case OP_CLOSURE:
        return push_closure(fiber, code->constants[n]);
    case OP_POP:
        ouro_decref(pop(fiber));
        return OURO_OK;
    case OP_JUMP:
        record->op = (uint32_t)n;
        return OURO_OK;
    case OP_JUMP_IF_FALSE:
        jump_if(fiber, n, false, false);
        return OURO_OK;
    case OP_JUMP_IF_FALSE_OR_POP:
    case OP_JUMP_IF_TRUE_OR_POP:
        jump_if(fiber, n, op == OP_JUMP_IF_TRUE_OR_POP, true);
        return OURO_OK;
    case OP_CALL:
    case OP_TAIL_CALL:
        return call(n, op == OP_TAIL_CALL);
    default: /* OP_RETURN */
        return leave(fiber, root, result);
    }
}

ouro_status
machine_call(ouro_loan function, ouro_loan const *arguments, size_t n, ouro_ref *result)
{
    static unsigned n_running;
    if (n_running >= MOST_MACHINES) {
        return fail("macros or files in each other too deep", NULL);
    }
    ouro_ref root = ouro_new(fiber_type);
    if (root == NULL) {
        return fail_with(OURO_NO_MEMORY);
    }
    ouro_ref before = lisp.fiber;
    lisp.fiber = root; /* which may be handed to generators: another reference keeps it */
    ouro_incref(ouro_lend(root));
    n_running++;
    ouro_status status = push(running(), ouro_incref(function));
    for (size_t i = 0; status == OURO_OK && i < n; i++) {
        status = push(running(), ouro_incref(arguments[i]));
    }
    status = status == OURO_OK ? call(n, false) : status;
    while (status == OURO_OK || (status < 0 && is_handled())) {
        if (status < 0) {
            status = recover();
        } else if (running()->n_records == 0) { /* a primitive was all that was called */
            status = end_fiber(running(), ouro_lend(root), result);
        } else {
            status = step(ouro_lend(root), result);
        }
    }
    while (status < 0 && !abandon(running(), ouro_lend(root))) {
    }
    n_running--;
    ouro_assign(&lisp.fiber, before);
    ouro_decref(root);
    return status < 0 ? status : OURO_OK;
}

ouro_status
machine_eval(ouro_loan form, ouro_loan file, ouro_ref *result)
{
    ouro_ref code = NULL;
    ouro_status status = compile(form, file, &code);
    if (status < 0) {
        return status;
    }
    ouro_ref closure = ouro_new(closure_type);
    if (closure == NULL) {
        ouro_decref(code);
        return fail_with(OURO_NO_MEMORY);
    }
    ((struct closure *)closure)->code = code;
    status = machine_call(ouro_lend(closure), NULL, 0, result);
    ouro_decref(closure);
    return status;
}
