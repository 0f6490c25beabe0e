/* test_ranges.c - ranges against CPython's, of all lengths that 64 bits have. */
#include "both.h"

#define N_RANGES 8

/* A range, and what it was made from. */
struct range {
    struct both range;
    int64_t start, stop, step;
};

static struct range ranges[N_RANGES];
static PyObject *length_of; /* len() is of 63 bits */

static int64_t
some_number(void)
{
    static const int64_t known[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    switch (roll(4)) {
    case 0:
        return known[roll(sizeof known / sizeof *known)];
    case 1:
        return (int64_t)random_next(&dice) >> roll(64);
    default:
        return (int64_t)roll(60) - 30;
    }
}

static uint64_t
their_length(PyObject *range)
{
    PyObject *length = PyObject_CallFunctionObjArgs(length_of, range, NULL);
    uint64_t n = PyLong_AsUnsignedLongLong(length);
    Py_XDECREF(length);
    ended_alike(OURO_OK);
    return n;
}

/* At times of a step that is none; then nothing comes of it. */
static void
make_range(struct range *range)
{
    struct range made = {.start = some_number(), .stop = some_number(), .step = some_number()};
    ouro_ref ours = NULL;

    if (roll(4) == 0) { /* like another one, or nearly */
        const struct range *other = &ranges[roll(N_RANGES)];
        made.start = other->start;
        made.step = roll(2) != 0 ? other->step : made.step;
        made.stop = roll(4) != 0 ? other->stop : made.stop;
    }
    long long start = made.start, stop = made.stop, step = made.step;
    doing("range(%lld, %lld, %lld)", start, stop, step);
    ouro_status status = ouro_range_new(start, stop, step, &ours);
    PyObject *theirs = PyObject_CallFunction((PyObject *)&PyRange_Type, "LLL", start, stop, step);
    if (ended_alike(status)) {
        both_assign(&range->range, (struct both){ours, theirs});
        range->start = start;
        range->stop = stop;
        range->step = step;
    }
}

/* ---- questions ---- */

static void
step_bounds(const struct range *range)
{
    int64_t start = 0, stop = 0, step = 0;
    uint64_t n = ouro_range_length(ouro_lend(range->range.ours));

    doing("length and bounds");
    ouro_range_get_bounds(ouro_lend(range->range.ours), &start, &stop, &step);
    if (start != range->start || stop != range->stop || step != range->step) {
        differ("other bounds than it was made from");
    }
    if (n != their_length(range->range.theirs)) {
        differ("Ouro has %llu numbers, CPython %llu", (unsigned long long)n,
               (unsigned long long)their_length(range->range.theirs));
    }
    doing("repr");
    gave_same(OURO_OK, ouro_repr(ouro_lend(range->range.ours)), PyObject_Repr(range->range.theirs));
}

/* A place, most often one that is there, and often the last or the one behind it. */
static uint64_t
some_place(const struct range *range)
{
    uint64_t n = ouro_range_length(ouro_lend(range->range.ours));
    switch (roll(4)) {
    case 0:
        return n - roll(2);
    case 1:
        return random_next(&dice) >> roll(64);
    default:
        return n != 0 ? random_below(&dice, n) : 0;
    }
}

static void
step_get(const struct range *range)
{
    uint64_t place = some_place(range);
    int64_t number = 0;

    doing("get %llu", (unsigned long long)place);
    ouro_status status = ouro_range_get(ouro_lend(range->range.ours), place, &number);
    PyObject *index = PyLong_FromUnsignedLongLong(place);
    PyObject *theirs = PyObject_GetItem(range->range.theirs, index);
    gave_same(status == OURO_FOUND ? OURO_OK : OURO_WRONG_VALUE,
              status == OURO_FOUND ? ouro_int_new(number) : NULL, theirs);
    Py_DECREF(index);
}

static void
step_find(const struct range *range)
{
    uint64_t place = UINT64_MAX;
    int64_t number = some_number(), there;

    if (roll(2) != 0 && ouro_range_get(ouro_lend(range->range.ours), some_place(range), &there) != 0) {
        number = (int64_t)((uint64_t)there + roll(3) - 1);
    }
    doing("find %lld", (long long)number);
    ouro_status status = ouro_range_find(ouro_lend(range->range.ours), number, &place);
    PyObject *sought = PyLong_FromLongLong(number);
    said_same(status, PySequence_Contains(range->range.theirs, sought));
    PyObject *theirs = PyObject_CallMethod(range->range.theirs, "index", "O", sought);
    if ((theirs != NULL) != (status == OURO_FOUND) ||
        (theirs != NULL && place != PyLong_AsUnsignedLongLong(theirs))) {
        differ("Ouro finds it at %llu", (unsigned long long)place);
    }
    if (ouro_range_find(ouro_lend(range->range.ours), number, NULL) != status) {
        differ("where it is was not asked: another answer");
    }
    PyErr_Clear();
    Py_XDECREF(theirs);
    Py_DECREF(sought);
}

static void
step_compare(const struct range *range)
{
    const struct range *other = &ranges[roll(N_RANGES)];

    doing("comparing");
    equal_alike(range->range, other->range);
    said_same(ouro_equal(ouro_lend(range->range.ours), ouro_lend(ouro_none())),
              PyObject_RichCompareBool(range->range.theirs, Py_None, Py_EQ));
}

/* ---- iterating ---- */

static void
step_walk(const struct range *range)
{
    bool is_back = roll(2) != 0;
    struct both walk = {NULL, NULL};

    doing("iterate %s", is_back ? "backwards" : "forwards");
    if (is_back) {
        walk.ours = ouro_range_iterate_reversed(ouro_lend(range->range.ours));
        walk.theirs = PyObject_CallMethod(range->range.theirs, "__reversed__", NULL);
    } else {
        walk.theirs = PyObject_GetIter(range->range.theirs);
        ended_alike(ouro_iterate(ouro_lend(range->range.ours), &walk.ours));
    }
    for (size_t n = roll(70); n != 0; n--) { /* on behind the end, too */
        ouro_ref ours = NULL;
        ouro_status status = ouro_next(ouro_lend(walk.ours), &ours);
        gave_same(status, ours, PyIter_Next(walk.theirs));
    }
    both_decref(walk);
}

static void
step_list(const struct range *range)
{
    if (ouro_range_length(ouro_lend(range->range.ours)) < 100) {
        ouro_ref list = ouro_list_new(0);
        doing("all numbers");
        ouro_status status = ouro_list_extend(ouro_lend(list), ouro_lend(range->range.ours));
        gave_same(status, list, PySequence_List(range->range.theirs));
    }
}

/* ---- playing ---- */

static void
begin_ranges(void)
{
    PyObject *names = PyModule_GetDict(PyImport_AddModule("__main__"));
    length_of = PyRun_String("lambda r: r.index(r[-1]) + 1 if r else 0", Py_eval_input, names, names);
    if (length_of == NULL) {
        differ("CPython can't count");
    }
    for (size_t i = 0; i < N_RANGES; i++) {
        while (ranges[i].range.ours == NULL) {
            make_range(&ranges[i]);
        }
    }
}

static void
step_ranges(void)
{
    static void (*const steps[])(const struct range *range) = {step_bounds,  step_get,  step_find,
                                                               step_compare, step_walk, step_list};
    struct range *range = &ranges[roll(N_RANGES)];

    if (roll(4) == 0) {
        make_range(range);
    }
    steps[roll(sizeof steps / sizeof *steps)](range);
}

static void
end_ranges(void)
{
    for (size_t i = 0; i < N_RANGES; i++) {
        both_assign(&ranges[i].range, (struct both){NULL, NULL});
    }
    Py_CLEAR(length_of);
}

int
main(int argc, char **argv)
{
    static const struct script scripts[] = {
        {"ranges", 1000000, begin_ranges, step_ranges, end_ranges},
    };
    return scripts_main(argc, argv, scripts, 1);
}
