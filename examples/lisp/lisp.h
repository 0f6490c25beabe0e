/* lisp.h - a small Lisp whose every value is an Ouro object: what its files know of each other.
 *
 *   text --read.c--> lists --compile.c--> code --machine.c--> values --print.c--> text
 *
 * Numbers, texts, truth values, vectors and dicts are Ouro's own kinds; the empty list is None.  The other kinds stand below, each
 * with the table of its references, which is all that the collector needs.  Code runs on a machine whose stacks are
 * objects, too: recursion in Lisp is none in C, a generator is a machine's stack that waits, and what a stack alone holds
 * goes with it.
 *
 * A function that can fail returns a status; what went wrong is in lisp.error then.  Without memory references are
 * NULL. */
#ifndef LISP_H
#define LISP_H

#include <ouro/ouro.h>

/* ---- the kinds ---- */

/* Forms that the compiler knows; symbols say whether they are the name of one. */
enum form {
    FORM_NONE,
    FORM_AND,
    FORM_BEGIN,
    FORM_DEFINE,
    FORM_DEFINE_MACRO,
    FORM_IF,
    FORM_LAMBDA,
    FORM_LET,
    FORM_LETREC,
    FORM_OR,
    FORM_QUASIQUOTE,
    FORM_QUOTE,
    FORM_SET,
};

struct symbol {
    ouro_object head;
    ouro_ref name;
    ouro_ref value; /* of the global variable; NULL: there is none */
    ouro_ref macro; /* a closure, or NULL */
    enum form form;
};

struct pair {
    ouro_object head;
    ouro_ref car, cdr;
};

/* A pair that was read: it knows where. */
struct located {
    struct pair pair;
    uint32_t line, column;
};

/* The variables of a call. */
struct frame {
    ouro_object head;
    ouro_ref parent; /* the frame around it, or NULL */
    size_t n;
    ouro_ref slots[]; /* NULL: without a value yet */
};

struct place {
    uint32_t op, line, column;
};

/* A compiled function. */
struct code {
    ouro_object head;
    ouro_ref name; /* a symbol, or NULL */
    ouro_ref file; /* a text */
    size_t n_constants;
    ouro_ref *constants;
    uint32_t *ops;        /* enum op in the lowest eight bits, a number above them */
    struct place *places; /* of the calls, in order */
    uint32_t n_ops, n_places;
    uint32_t n_parameters, n_slots; /* slots: parameters, rest, variables of the body */
    bool has_rest;
};

struct closure {
    ouro_object head;
    ouro_ref code;
    ouro_ref frame; /* where its free variables are, or NULL */
};

/* A function in C. */
struct builtin {
    const char *name;
    ouro_status (*body)(ouro_loan const *arguments, size_t n, ouro_ref *result);
    size_t least, most; /* arguments */
};

struct primitive {
    ouro_object head;
    const struct builtin *builtin;
};

/* A call that has not returned yet; or one that handles errors, and waits for what it called. */
struct record {
    ouro_ref code; /* or the handler */
    ouro_ref frame;
    size_t base; /* values below it are the callers' */
    uint32_t op; /* the next one */
    bool is_handler;
};

/* A stack to run on.  A generator is one that somebody else resumes. */
struct fiber {
    ouro_object head;
    size_t n_values, room_values;
    ouro_ref *values;
    size_t n_records, room_records;
    struct record *records;
    ouro_ref resumer; /* the fiber that waits for the next value, while this one runs */
    ouro_ref start;   /* what a generator calls first; NULL from then on */
};

extern ouro_loan symbol_type, pair_type, located_type, frame_type, code_type, closure_type,
    primitive_type, fiber_type;

/* What the machine is to do when a primitive returns. */
enum request {
    REQUEST_NONE,
    REQUEST_APPLY,  /* a[0]: function, a[1]: list of arguments, which has an end */
    REQUEST_EVAL,   /* a[0]: form */
    REQUEST_HANDLE, /* a[0]: handler, a[1]: function without arguments */
    REQUEST_NEXT,   /* a[0]: generator */
    REQUEST_YIELD,  /* a[0]: value */
};

/* The one Lisp of this process. */
struct lisp {
    ouro_ref symbols;              /* a dict from names to symbols */
    ouro_ref unspecified, the_end; /* what set! gives, and a generator that has ended */
    ouro_ref fiber;                /* that runs */
    ouro_ref error;                /* the value raised last */
    ouro_ref where, trace; /* texts: where that was when nobody handled it, and who called; or NULL */
    ouro_ref no_memory;    /* a text, made in advance */
    enum request request;
    ouro_ref a[2];
    bool is_exiting;
    int exit_code;
};
extern struct lisp lisp;

#define MOST_NESTED 1000   /* lists in each other, in what is read, compiled and shown */
#define MOST_CALLS 2000000 /* that have not returned */
#define MOST_MACHINES 50   /* that run in each other: for macros, and files that are loaded */

/* ---- values.c ---- */

bool values_init(void);

/* Let go of everything. */
void values_end(void);

/* New references, or NULL without memory. */
ouro_ref symbol_new(const char *name, size_t n);
ouro_ref symbol_unique(void);
ouro_ref cons(ouro_loan car, ouro_loan cdr);

/* The same, but both are stolen, also without memory; when one is NULL, so is the result. */
ouro_ref cons_steal(ouro_ref car, ouro_ref cdr);

/* A list of what is in an array; NULL without memory. */
ouro_ref list_from(ouro_loan const *items, size_t n, ouro_loan rest);

/* How many items a list has; SIZE_MAX when it has no end or another one than (). */
size_t list_length(ouro_loan list);

/* Are the two what `equal?` calls equal: OURO_FOUND, 0, or a failure. */
ouro_status values_equal(ouro_loan a, ouro_loan b);

static inline bool
is_of(ouro_loan object, ouro_loan type)
{
    return ouro_type_of(object) == type;
}

static inline bool
is_nil(ouro_loan object)
{
    return object == ouro_lend(ouro_none());
}

static inline bool
is_true(ouro_loan object)
{
    return object != ouro_lend(ouro_bool(false));
}

static inline bool
is_pair(ouro_loan object)
{
    return is_of(object, pair_type) || is_of(object, located_type);
}

static inline struct pair *
pair_of(ouro_loan object)
{
    return (struct pair *)ouro_look(object);
}

static inline ouro_loan
car(ouro_loan pair)
{
    return ouro_lend(pair_of(pair)->car);
}

static inline ouro_loan
cdr(ouro_loan pair)
{
    return ouro_lend(pair_of(pair)->cdr);
}

static inline struct symbol *
symbol_of(ouro_loan object)
{
    return (struct symbol *)ouro_look(object);
}

/* ---- read.c ---- */

struct reader {
    const char *text; /* UTF-8, with a zero behind it */
    size_t n, at;
    uint32_t line, column;
    bool is_cut_off; /* the text ended inside of something */
};

void reader_begin(struct reader *reader, const char *text, size_t n);

/* The next value in the text: OURO_FOUND and a new reference, 0 at the end, or a failure, whose place is the reader's. */
ouro_status read_next(struct reader *reader, ouro_ref *value);

/* ---- print.c ---- */

/* A text that grows. */
struct buffer {
    char *bytes;
    size_t n, room;
    bool failed;
};

void buffer_add(struct buffer *buffer, const char *bytes, size_t n);
void buffer_add_c(struct buffer *buffer, const char *string);
/* Show a value: as it could be read, or for people. */
void buffer_show(struct buffer *buffer, ouro_loan value, bool is_readable);
/* A new text of what is in it, or NULL without memory; frees it. */
ouro_ref buffer_end(struct buffer *buffer);

/* ---- compile.c ---- */

/* Code that evaluates a form; `code` receives a new reference.  Expands macros, and so runs Lisp. */
ouro_status compile(ouro_loan form, ouro_loan file, ouro_ref *code);

/* Give the symbols of forms their meaning. */
bool compile_init(void);

/* What code consists of; `n` is the number above. */
enum op {
    OP_CONSTANT, /* push constant n */
    OP_LOCAL,    /* push slot n */
    OP_OUTER,    /* push a slot of a frame further out: n >> 16 of them, slot n & 0xFFFF */
    OP_GLOBAL,   /* push the value of the symbol that is constant n */
    OP_SET_LOCAL,
    OP_SET_OUTER, /* take the value from the stack */
    OP_SET_GLOBAL,
    OP_DEFINE_GLOBAL,
    OP_DEFINE_MACRO,
    OP_CLOSURE, /* push a closure of the code that is constant n */
    OP_POP,
    OP_JUMP, /* to op n */
    OP_JUMP_IF_FALSE,
    OP_JUMP_IF_FALSE_OR_POP, /* jump with the value left there, or take it away */
    OP_JUMP_IF_TRUE_OR_POP,
    OP_CALL, /* with n arguments; the function is below them */
    OP_TAIL_CALL,
    OP_RETURN,
};
#define MOST_OPERAND 0xFFFFFFU

/* ---- machine.c ---- */

/* Call a function with arguments, on a fiber of its own; `result` receives a new reference. */
ouro_status machine_call(ouro_loan function, ouro_loan const *arguments, size_t n, ouro_ref *result);

/* Compile a form and run it. */
ouro_status machine_eval(ouro_loan form, ouro_loan file, ouro_ref *result);

/* ---- errors.c ---- */

/* Fail: with a message, and a value that is shown behind it, or NULL. */
ouro_status fail(const char *message, ouro_loan value);

/* Fail with a value, borrowed. */
ouro_status raise_value(ouro_loan value);

/* Fail for the reason that a function of Ouro's gave; what is no failure is handed on. */
ouro_status fail_with(ouro_status status);

/* A result that is NULL without memory. */
static inline ouro_status
result_or_no_memory(ouro_ref made, ouro_ref *result)
{
    if (made == NULL) {
        return fail_with(OURO_NO_MEMORY);
    }
    *result = made;
    return OURO_OK;
}

/* Note where an error is that nobody handles, and who called. */
void note_trace(const struct fiber *fiber);

/* ---- the primitives, and what is written in Lisp ---- */

/* Each ends with a NULL for a name. */
extern const struct builtin number_builtins[], list_builtins[], text_builtins[], system_builtins[];

extern const char prelude[];

/* Run all that is in a text, which has a zero behind it; `name` is shown in errors.  `last`, NULL before, receives a
 * new reference to the last value. */
ouro_status run_text(const char *text, size_t n, const char *name, ouro_ref *last);
ouro_status run_file(const char *path);

#endif
