/* both.h - one script of random operations on libouro and on CPython's own objects, compared step by step.
 *
 * A test has scripts; a script makes objects of both, and each of its steps does one thing to both.  What they give,
 * how they fail and what becomes of them must be the same; what must be and is not ends the program, saying which script,
 * seed and step it was.  `differential_x SEED` plays all again from that seed. */
#ifndef OURO_TESTS_BOTH_H
#define OURO_TESTS_BOTH_H

#define PY_SSIZE_T_CLEAN /* lengths in formats are Py_ssize_t */
#include <Python.h>

#include <ouro/ouro.h>

#include "random.h"

/* One object, as each has it; owned. */
struct both {
    ouro_ref ours;
    PyObject *theirs;
};

struct script {
    const char *name;
    uint64_t n_steps;
    void (*begin)(void);
    void (*step)(void);
    void (*end)(void);
};

/* Where all decisions come from. */
extern struct test_random dice;

/* A decision. */
static inline size_t
roll(size_t bound)
{
    return (size_t)random_below(&dice, bound);
}

/* Play all scripts: what main() returns. */
int scripts_main(int argc, char **argv, const struct script *scripts, size_t n_scripts);

/* Say what this step does, as printf does, for the message of a difference. */
__attribute__((format(printf, 1, 2))) void doing(const char *format, ...);

/* They are not the same: say how and end the program. */
__attribute__((format(printf, 1, 2), noreturn)) void differ(const char *format, ...);

/* Objects of both are the same: of the same type, with the same value, in the same order where there is one. */
void require_same(ouro_loan ours, PyObject *theirs);

/* Both ended alike: CPython's exception, if there is one, means this status.  True when neither failed. */
bool ended_alike(ouro_status status);

/* Both gave an object, which is the same, or failed alike.  Lets go of what there is. */
void gave_same(ouro_status status, ouro_ref ours, PyObject *theirs);

/* The same, and keep what they gave in `kept`, in place of what is there; false when there is nothing. */
bool keep_same(ouro_status status, ouro_ref ours, PyObject *theirs, struct both *kept);

/* Both said the same, 0 or 1, or failed alike. */
void said_same(ouro_status status, long theirs);

/* Both say the same of whether these are equal; and when they are, and have hashes, these are the same. */
void equal_alike(struct both a, struct both b);

/* Both found the same place; SIZE_MAX and -1: none. */
void found_same(size_t ours, Py_ssize_t theirs);

struct both both_incref(struct both both);
void both_decref(struct both both);

/* Let go of what was in the variable. */
void both_assign(struct both *variable, struct both stolen);

/* ---- objects, as both have them ---- */

struct both both_int(int64_t value);
struct both both_float(double value);
struct both both_str(const uint32_t *characters, size_t n);
struct both both_bytes(const void *data, size_t n);

/* What may be in a set, as CPython has it; owned. */
PyObject *as_theirs(ouro_loan ours);

/* A text of up to `most` characters: of few different ones, of each width at times. */
struct both random_str(size_t most);

/* What a tuple has: the objects are borrowed. */
struct both both_tuple(const struct both *items, size_t n);

/* Something that has a hash, of any kind; neither 0 nor 1, which to CPython are the truth values. */
struct both random_value(unsigned depth);

/* The values that a script chooses from; `with_nan`: one is no number, and equals itself by being it. */
#define N_VALUES 160
extern struct both values[N_VALUES];
void values_begin(bool with_nan);
void values_end(void);

static inline struct both
some_value(void)
{
    return values[roll(N_VALUES)];
}

#endif
