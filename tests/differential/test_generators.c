/* test_generators.c - generators against CPython's: random little programs that yield, delegate to each other, to lists and in
 * circles, catch, fail, call and replace each other, while they are sent to, thrown into, closed and dropped.
 *
 * A program is a list of instructions, which a generator of each side plays.  All that either sees - what comes of a call, what is
 * sent to and caught by a generator, clean-ups, failures that nobody could be told of - it writes down, in the same words. */
#include "both.h"

#include "nodes.h"

#define N_GENERATORS 7
#define N_PROGRAMS 400
#define MOST_INSTRUCTIONS 8
#define MOST_WORDS 4096
#define FUEL 40 /* calls and delegations that one step may lead to */

enum what { YIELD, DELEGATE, ITERATE, RETURN, FAIL, CALL, REPLACE, N_WHAT };
enum catch { LET_THROUGH, SWALLOW, THROW_ON, FAIL_ANEW, N_CATCH };
enum call { SEND, THROW, CLOSE };
enum word { GOT, CAUGHT, CLEANED, CALLED, UNRAISABLE };

struct instruction {
    enum what what;
    enum catch catch; /* what becomes of a failure that is thrown or delegated here */
    int64_t value;    /* given, returned, sent; or the length of a list */
    size_t which;     /* generator, or failure */
    size_t other;     /* the program of a new generator; or how to call */
};

struct program {
    size_t n;
    struct instruction instructions[MOST_INSTRUCTIONS];
};

static struct program programs[N_PROGRAMS];
static ouro_ref generators[N_GENERATORS];
static ouro_loan player_type;
static PyObject *their_call, *their_replace, *their_words, *their_fuel, *their_answers;

/* What a program may fail with: its own, and what closing throws. */
static const ouro_status failures[] = {OURO_DENIED, OURO_NO_FILE, OURO_CLOSED};
#define N_FAILURES (sizeof failures / sizeof *failures)

/* ---- words ---- */

static int64_t words[MOST_WORDS];
static size_t n_words;
static int64_t fuel;

/* A value of no number is -1. */
static void
say(enum word word, int64_t number, ouro_status status, ouro_loan value)
{
    int64_t small = -1;
    if (ouro_look(value) != NULL && ouro_is_int(value) && ouro_int_to_int64(value, &small) != OURO_OK) {
        differ("a large number");
    }
    if (n_words + 4 > MOST_WORDS) {
        differ("too many words");
    }
    words[n_words++] = (int64_t)word;
    words[n_words++] = number;
    words[n_words++] = status;
    words[n_words++] = small;
}

/* CPython 3.11 reads freed memory when a generator is closed, or dropped, that delegates to one which is being closed: neither side
 * does that.  CPython's is the first to play each step, and Ouro's is told how it answered. */
static Py_ssize_t n_answers;

static bool
is_busy(void)
{
    if (n_answers == PyList_GET_SIZE(their_answers)) {
        differ("CPython was not asked this");
    }
    return PyList_GET_ITEM(their_answers, n_answers++) == Py_True;
}

static bool
take_fuel(void)
{
    return --fuel >= 0;
}

/* ---- Ouro's side ---- */

struct player {
    ouro_generator generator;
    const struct program *program;
    int64_t number;
    size_t place;
};

static void call_generator(size_t which, enum call how, int64_t value, size_t failure);
static void replace_generator(size_t which, size_t program);

/* A list of so many numbers. */
static ouro_ref
list_of(int64_t n)
{
    ouro_ref list = ouro_list_new(0), iterator = NULL;
    for (int64_t i = 0; i < n; i++) {
        ouro_ref number = ouro_int_new(i);
        if (ouro_list_append(ouro_lend(list), ouro_lend(number)) != OURO_OK) {
            differ("no memory");
        }
        ouro_decref(number);
    }
    if (ouro_iterate(ouro_lend(list), &iterator) != OURO_OK) {
        differ("no iterator");
    }
    ouro_decref(list);
    return iterator;
}

static ouro_ref
delegate_of(const struct instruction *now)
{
    return now->what == ITERATE ? list_of(now->value) : ouro_incref(ouro_lend(generators[now->which]));
}

static ouro_status
play(ouro_generator *self)
{
    struct player *player = (struct player *)self;
    const struct instruction *now = &player->program->instructions[player->place];

    OURO_GENERATOR_BEGIN(self);
    for (; player->place < player->program->n; player->place++) {
        now = &player->program->instructions[player->place];
        if (now->what == YIELD) {
            OURO_YIELD_OR(self, ouro_int_new(now->value), caught);
            say(GOT, player->number, OURO_OK, (ouro_loan)self->value);
        } else if (now->what == RETURN) {
            OURO_RETURN(self, ouro_int_new(now->value));
        } else if (now->what == FAIL) {
            OURO_THROW(self, failures[now->which], ouro_int_new(now->value));
        } else if (!take_fuel()) {
            continue;
        } else if (now->what == CALL) {
            call_generator(now->which, (enum call)now->other, now->value, 0);
        } else if (now->what == REPLACE) {
            replace_generator(now->which, now->other);
        } else {
            OURO_YIELD_FROM_OR(self, delegate_of(now), caught);
            say(GOT, player->number, OURO_OK, (ouro_loan)self->value);
        }
        continue;
    caught:
        if (now->catch == LET_THROUGH) {
            goto ouro_generator_end;
        }
        say(CAUGHT, player->number, self->status, (ouro_loan)self->value);
        if (now->catch == THROW_ON) {
            goto ouro_generator_end;
        }
        if (now->catch == FAIL_ANEW) {
            OURO_THROW(self, failures[now->which % N_FAILURES], ouro_int_new(now->value));
        }
    }
    OURO_GENERATOR_END(self);
    say(CLEANED, player->number, OURO_OK, (ouro_loan)NULL);
    return self->status;
}

static int64_t n_made;

static void
replace_generator(size_t which, size_t program)
{
    if (is_busy()) {
        return;
    }
    ouro_ref made = ouro_generator_new(player_type, play);
    if (made == NULL) {
        differ("no memory");
    }
    ((struct player *)made)->program = &programs[program];
    ((struct player *)made)->number = n_made++;
    ouro_assign(&generators[which], made);
}

/* A value of -1 is None; closing has no result. */
static void
call_generator(size_t which, enum call how, int64_t value, size_t failure)
{
    ouro_ref generator = ouro_incref(ouro_lend(generators[which])), result = NULL;
    ouro_ref number = value == -1 ? ouro_none() : ouro_int_new(value);
    int64_t name = ((struct player *)generator)->number;
    ouro_status status;

    if (how == CLOSE && is_busy()) {
        how = SEND;
    }
    if (how == SEND) {
        status = ouro_generator_send(ouro_lend(generator), ouro_lend(number), &result);
    } else if (how == THROW) {
        status =
            ouro_generator_throw(ouro_lend(generator), failures[failure], ouro_lend(number), &result);
    } else {
        status = ouro_generator_close(ouro_lend(generator));
    }
    say(CALLED, name, status, (ouro_loan)result);
    ouro_xdecref(result);
    ouro_decref(number);
    ouro_decref(generator);
}

static void
note_unraisable(ouro_status status, const char *where, ouro_loan object, void *context)
{
    (void)where;
    (void)object;
    (void)context;
    say(UNRAISABLE, -1, status, (ouro_loan)NULL);
}

/* ---- CPython's side ---- */

static const char script[] =
    "import sys\n"
    "class Denied(Exception): pass\n"
    "class NoFile(Exception): pass\n"
    "failures = [Denied, NoFile, GeneratorExit]\n"
    "generators, programs, words, fuel, answers = {}, [], [], [0, 0], []\n"
    "\n"
    "def say(word, number, status, value):\n"
    "    words.extend((word, number, status, value if type(value) is int else -1))\n"
    "\n"
    "def value_of(failure):\n"
    "    return failure.args[0] if failure.args else -1\n"
    "\n"
    "def take_fuel():\n"
    "    fuel[0] -= 1\n"
    "    return fuel[0] >= 0\n"
    "\n"
    "def play(number, program):\n"
    "    try:\n"
    "        for what, catch, value, which, other in program:\n"
    "            if what == RETURN:\n"
    "                return value\n"
    "            if what == FAIL:\n"
    "                raise failures[which](value)\n"
    "            if what != YIELD and not take_fuel():\n"
    "                continue\n"
    "            if what == CALL:\n"
    "                call(which, other, value, 0)\n"
    "                continue\n"
    "            if what == REPLACE:\n"
    "                replace(which, other)\n"
    "                continue\n"
    "            try:\n"
    "                if what == YIELD:\n"
    "                    say(GOT, number, 0, (yield value))\n"
    "                elif what == DELEGATE:\n"
    "                    say(GOT, number, 0, (yield from generators[which][1]))\n"
    "                else:\n"
    "                    say(GOT, number, 0, (yield from list(range(value))))\n"
    "            except BaseException as failure:\n"
    "                if catch == LET_THROUGH:\n"
    "                    raise\n"
    "                say(CAUGHT, number, statuses[type(failure)], value_of(failure))\n"
    "                if catch == THROW_ON:\n"
    "                    raise\n"
    "                if catch == FAIL_ANEW:\n"
    "                    raise failures[which % len(failures)](value)\n"
    "    finally:\n"
    "        say(CLEANED, number, 0, -1)\n"
    "\n"
    "generator_type = type(play(0, []))\n"
    "\n"
    "def is_busy(it):\n"
    "    while type(it) is generator_type and not it.gi_running:\n"
    "        it = it.gi_yieldfrom\n"
    "    answers.append(type(it) is generator_type)\n"
    "    return answers[-1]\n"
    "\n"
    "def replace(which, program):\n"
    "    if is_busy(generators.get(which, (0, None))[1]):\n"
    "        return\n"
    "    number = fuel[1]\n"
    "    fuel[1] += 1\n"
    "    generators[which] = number, play(number, programs[program])\n"
    "\n"
    "def call(which, how, value, failure):\n"
    "    number, generator = generators[which]\n"
    "    status, result = 1, -1\n"
    "    if how == CLOSE and is_busy(generator):\n"
    "        how = SEND\n"
    "    try:\n"
    "        if how == SEND:\n"
    "            result = generator.send(None if value == -1 else value)\n"
    "        elif how == THROW:\n"
    "            result = generator.throw(failures[failure](value))\n"
    "        else:\n"
    "            generator.close()\n"
    "            status = 0\n"
    "    except StopIteration as end:\n"
    "        status, result = 0, end.value\n"
    "    except BaseException as failure:\n"
    "        status = statuses[type(failure)]\n"
    "        result = value_of(failure) if how != CLOSE else -1\n"
    "    say(CALLED, number, status, result)\n"
    "\n"
    "sys.unraisablehook = lambda it: say(UNRAISABLE, -1, statuses[it.exc_type], -1)\n";

/* What CPython's exceptions are here: a ValueError says that a generator is executing already, a TypeError that it has not begun
 * and cannot take a value, an AttributeError that a list can't, a RuntimeError that a generator ignored being closed. */
static const struct {
    const char *name;
    ouro_status status;
} statuses[] = {
    {"Denied", OURO_DENIED},       {"NoFile", OURO_NO_FILE},        {"GeneratorExit", OURO_CLOSED},
    {"ValueError", OURO_BUSY},     {"TypeError", OURO_WRONG_VALUE}, {"AttributeError", OURO_WRONG_TYPE},
    {"RuntimeError", OURO_FAILED},
};

static const struct {
    const char *name;
    long value;
} names_in_script[] = {
    {"YIELD", YIELD},
    {"DELEGATE", DELEGATE},
    {"RETURN", RETURN},
    {"FAIL", FAIL},
    {"CALL", CALL},
    {"REPLACE", REPLACE},
    {"SWALLOW", SWALLOW},
    {"THROW_ON", THROW_ON},
    {"FAIL_ANEW", FAIL_ANEW},
    {"SEND", SEND},
    {"THROW", THROW},
    {"CLOSE", CLOSE},
    {"GOT", GOT},
    {"CAUGHT", CAUGHT},
    {"CLEANED", CLEANED},
    {"CALLED", CALLED},
    {"UNRAISABLE", UNRAISABLE},
    {"LET_THROUGH", LET_THROUGH},
};

/* Borrowed, of the script that was run. */
static PyObject *
named(PyObject *names, const char *name)
{
    PyObject *found = PyDict_GetItemString(names, name);
    if (found == NULL) {
        differ("CPython has no %s", name);
    }
    return found;
}

static PyObject *
run_script(void)
{
    PyObject *names = PyModule_GetDict(PyImport_AddModule("__main__")), *table = PyDict_New();
    for (size_t i = 0; i < sizeof names_in_script / sizeof *names_in_script; i++) {
        PyObject *number = PyLong_FromLong(names_in_script[i].value);
        PyDict_SetItemString(names, names_in_script[i].name, number);
        Py_DECREF(number);
    }
    PyObject *none = PyRun_String(script, Py_file_input, names, names);
    if (none == NULL) {
        PyErr_Print();
        differ("the script does not run");
    }
    Py_DECREF(none);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        PyObject *type = PyRun_String(statuses[i].name, Py_eval_input, names, names);
        PyObject *number = PyLong_FromLong(statuses[i].status);
        PyDict_SetItem(table, type, number);
        Py_DECREF(type);
        Py_DECREF(number);
    }
    PyDict_SetItemString(names, "statuses", table);
    Py_DECREF(table);
    return names;
}

static PyObject *
as_their_program(const struct program *program)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; i < program->n; i++) {
        const struct instruction *now = &program->instructions[i];
        PyObject *tuple =
            Py_BuildValue("(iiLnn)", (int)now->what, (int)now->catch, (long long)now->value,
                          (Py_ssize_t)now->which, (Py_ssize_t)now->other);
        PyList_Append(list, tuple);
        Py_DECREF(tuple);
    }
    return list;
}

/* ---- both ---- */

static void
make_program(struct program *program)
{
    static const enum what often[] = {YIELD, YIELD, YIELD, DELEGATE, DELEGATE, DELEGATE, ITERATE, CALL};
    program->n = roll(MOST_INSTRUCTIONS + 1);
    for (size_t i = 0; i < program->n; i++) {
        struct instruction *now = &program->instructions[i];
        now->what = roll(4) != 0 ? often[roll(sizeof often / sizeof *often)] : (enum what)roll(N_WHAT);
        now->catch = (enum catch)roll(N_CATCH);
        now->value = now->what == ITERATE ? (int64_t)roll(4) : (int64_t)roll(1000);
        now->which = roll(now->what == FAIL ? N_FAILURES : N_GENERATORS);
        now->other = now->what == REPLACE ? roll(N_PROGRAMS) : roll(4) != 0 ? SEND : CLOSE;
        if (now->what == CALL && roll(2) != 0) {
            now->value = -1;
        }
    }
}

static void
forget_words(void)
{
    n_words = 0;
    n_answers = 0;
    PyList_SetSlice(their_words, 0, PY_SSIZE_T_MAX, NULL);
    PyList_SetSlice(their_answers, 0, PY_SSIZE_T_MAX, NULL);
}

/* Both wrote down the same. */
static void
compare_words(void)
{
    ended_alike(OURO_OK);
    for (size_t i = 0; i < n_words || (Py_ssize_t)i < PyList_GET_SIZE(their_words); i++) {
        int64_t theirs = (Py_ssize_t)i < PyList_GET_SIZE(their_words)
                             ? PyLong_AsLongLong(PyList_GET_ITEM(their_words, (Py_ssize_t)i))
                             : INT64_MIN;
        int64_t ours = i < n_words ? words[i] : INT64_MIN;
        if (ours != theirs) {
            differ("word %zu of entry %zu, which is %lld: Ouro %lld, CPython %lld", i % 4, i / 4,
                   (long long)words[i - i % 4], (long long)ours, (long long)theirs);
        }
    }
    if (n_answers != PyList_GET_SIZE(their_answers)) {
        differ("it asks less often who is busy");
    }
    forget_words();
}

static void
set_fuel(void)
{
    fuel = FUEL;
    PyList_SetItem(their_fuel, 0, PyLong_FromLong(FUEL));
}

static void
replace_both(size_t which)
{
    size_t program = roll(N_PROGRAMS);
    doing("drop generator %zu for one of program %zu", which, program);
    PyObject *none = PyObject_CallFunction(their_replace, "nn", (Py_ssize_t)which, (Py_ssize_t)program);
    replace_generator(which, program);
    compare_words();
    Py_XDECREF(none);
}

static void
call_both(size_t which)
{
    static const char *const names[] = {"send", "throw", "close"};
    enum call how = roll(6) != 0 ? SEND : roll(3) != 0 ? THROW : CLOSE;
    int64_t value = how != THROW && roll(3) != 0 ? -1 : (int64_t)roll(1000);
    size_t failure = roll(N_FAILURES);

    doing("%s(%lld) generator %zu", names[how], (long long)value, which);
    PyObject *none = PyObject_CallFunction(their_call, "niLn", (Py_ssize_t)which, (int)how,
                                           (long long)value, (Py_ssize_t)failure);
    call_generator(which, how, value, failure);
    compare_words();
    Py_XDECREF(none);
}

static void
begin_generators(void)
{
    if (player_type == NULL) {
        const ouro_type_spec spec = {
            .name = "player", .base = ouro_generator_type(), .size = sizeof(struct player)};
        player_type = type_for_good(&spec);
    }
    ouro_set_unraisable_hook(note_unraisable, NULL);
    PyObject *names = run_script(), *their_programs = named(names, "programs");
    for (size_t i = 0; i < N_PROGRAMS; i++) {
        make_program(&programs[i]);
        PyObject *program = as_their_program(&programs[i]);
        PyList_Append(their_programs, program);
        Py_DECREF(program);
    }
    their_call = named(names, "call");
    their_replace = named(names, "replace");
    their_words = named(names, "words");
    their_fuel = named(names, "fuel");
    their_answers = named(names, "answers");
    n_made = 0;
    set_fuel();
    for (size_t i = 0; i < N_GENERATORS; i++) {
        replace_both(i);
    }
}

/* Other programs at times: what they are made of does not change while they are played. */
static void
step_generators(void)
{
    size_t which = roll(N_GENERATORS);
    set_fuel();
    if (roll(3) == 0) {
        replace_both(which);
    } else {
        call_both(which);
    }
}

static void
end_generators(void)
{
    for (size_t i = 0; i < N_GENERATORS; i++) {
        fuel = 0;
        ouro_clear(&generators[i]);
    }
    ouro_set_unraisable_hook(NULL, NULL);
    PyList_SetItem(their_fuel, 0, PyLong_FromLong(0));
    PyDict_Clear(named(PyModule_GetDict(PyImport_AddModule("__main__")), "generators"));
    forget_words();
}

int
main(int argc, char **argv)
{
    static const struct script scripts[] = {
        {"generators", 1000000, begin_generators, step_generators, end_generators},
    };
    return scripts_main(argc, argv, scripts, 1);
}
