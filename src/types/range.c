/* range.c - ranges, and iterators over them.
 *
 * Numbers are reckoned with as 64 bits without a sign, so that nothing overflows: a range from the least to the
 * greatest has 2^64 - 1 of them.
 *
 * @source  CPython Objects/rangeobject.c */
#include "ouro/range.h"
#include "types/types.h"

struct progression {
    ouro_object head;
    int64_t start, stop, step; /* the step is not 0 */
    uint64_t n;
};

/* Has no range: only what is left of one. */
struct iterator {
    ouro_object head;
    uint64_t next, step, n;
};

static struct ouro_type *range_type, *iterator_type;

static const struct progression *
range_of(ouro_loan loan)
{
    OURO_ASSERT(ouro__type(ouro_look(loan)) == range_type);
    return (const struct progression *)ouro_look(loan);
}

static int64_t
number_at(const struct progression *range, uint64_t index)
{
    return (int64_t)((uint64_t)range->start + index * (uint64_t)range->step);
}

/* How many numbers are from `low` on, below `high`, `step` apart. */
static uint64_t
count(int64_t low, int64_t high, uint64_t step)
{
    return low < high ? ((uint64_t)high - (uint64_t)low - 1) / step + 1 : 0;
}

ouro_status
ouro_range_new(int64_t start, int64_t stop, int64_t step, ouro_ref *result)
{
    if (step == 0) {
        return OURO_WRONG_VALUE;
    }
    struct progression *range = (struct progression *)ouro__leaf_alloc(range_type, sizeof *range);
    if (range == NULL) {
        return OURO_NO_MEMORY;
    }
    range->start = start;
    range->stop = stop;
    range->step = step;
    range->n = step > 0 ? count(start, stop, (uint64_t)step) : count(stop, start, -(uint64_t)step);
    *result = &range->head;
    return OURO_OK;
}

void
ouro_range_get_bounds(ouro_loan loan, int64_t *start, int64_t *stop, int64_t *step)
{
    const struct progression *range = range_of(loan);
    *start = range->start;
    *stop = range->stop;
    *step = range->step;
}

uint64_t
ouro_range_length(ouro_loan range)
{
    return range_of(range)->n;
}

ouro_status
ouro_range_get(ouro_loan loan, uint64_t index, int64_t *number)
{
    const struct progression *range = range_of(loan);
    if (index >= range->n) {
        return OURO_OK;
    }
    *number = number_at(range, index);
    return OURO_FOUND;
}

ouro_status
ouro_range_find(ouro_loan loan, int64_t number, uint64_t *index)
{
    const struct progression *range = range_of(loan);
    bool is_up = range->step > 0;
    uint64_t distance =
        is_up ? (uint64_t)number - (uint64_t)range->start : (uint64_t)range->start - (uint64_t)number;
    uint64_t step = is_up ? (uint64_t)range->step : -(uint64_t)range->step;

    if ((is_up ? number < range->start : number > range->start) || distance % step != 0 ||
        distance / step >= range->n) {
        return OURO_OK;
    }
    if (index != NULL) {
        *index = distance / step;
    }
    return OURO_FOUND;
}

/* ---- iterators ---- */

static ouro_ref
make_iterator(uint64_t next, uint64_t step, uint64_t n)
{
    struct iterator *iterator =
        (struct iterator *)ouro__leaf_alloc(iterator_type, sizeof(struct iterator));
    if (iterator != NULL) {
        iterator->next = next;
        iterator->step = step;
        iterator->n = n;
    }
    return (ouro_ref)iterator;
}

static ouro_ref
iterate_range(ouro_loan self)
{
    const struct progression *range = range_of(self);
    return make_iterator((uint64_t)range->start, (uint64_t)range->step, range->n);
}

ouro_ref
ouro_range_iterate_reversed(ouro_loan loan)
{
    const struct progression *range = range_of(loan);
    return make_iterator((uint64_t)number_at(range, range->n - 1), -(uint64_t)range->step, range->n);
}

static ouro_status
next_of_range(ouro_loan self, ouro_ref *item)
{
    struct iterator *iterator = (struct iterator *)ouro_look(self);

    bool locked = ouro__use(&iterator->head);
    uint64_t number = iterator->next;
    bool is_there = iterator->n != 0;
    if (is_there) {
        iterator->next += iterator->step;
        iterator->n--;
    }
    ouro__unuse(&iterator->head, locked);
    if (!is_there) {
        return OURO_OK;
    }
    ouro_ref made = ouro_int_new((int64_t)number);
    if (OURO_UNLIKELY(made == NULL)) { /* it is to be had yet */
        locked = ouro__use(&iterator->head);
        iterator->next -= iterator->step;
        iterator->n++;
        ouro__unuse(&iterator->head, locked);
        return OURO_NO_MEMORY;
    }
    *item = made;
    return OURO_FOUND;
}

/* ---- the type ---- */

/* What equal ranges have in common: the step of a single number does not count, nor does the place of none. */
static ouro_status
hash_range(ouro_loan self, uint64_t *hash)
{
    const struct progression *range = range_of(self);
    uint64_t sum = ouro__mix_bits(range->n);

    if (range->n != 0) {
        sum = ouro__mix_bits(sum ^ (uint64_t)range->start);
    }
    if (range->n > 1) {
        sum = ouro__mix_bits(sum + (uint64_t)range->step);
    }
    *hash = sum;
    return OURO_OK;
}

static ouro_status
equal_range(ouro_loan self, ouro_loan other)
{
    if (!ouro_is_a(other, ouro_range_type())) {
        return OURO_NOT_EQUAL;
    }
    const struct progression *a = range_of(self), *b = range_of(other);
    bool is_equal =
        a->n == b->n && (a->n == 0 || a->start == b->start) && (a->n <= 1 || a->step == b->step);
    return is_equal ? OURO_FOUND : OURO_NOT_EQUAL;
}

static ouro_ref
repr_range(ouro_loan self)
{
    const struct progression *range = range_of(self);
    long long start = range->start, stop = range->stop, step = range->step;

    return step == 1 ? ouro_str_format("range(%lld, %lld)", start, stop)
                     : ouro_str_format("range(%lld, %lld, %lld)", start, stop, step);
}

ouro_loan
ouro_range_type(void)
{
    return (ouro_loan)&range_type->head;
}

bool
ouro__ranges_init(void)
{
    const ouro_type_spec range_spec = {
        .name = "range",
        .size = sizeof(struct progression),
        .flags = OURO_TYPE_LEAF,
        .hash = hash_range,
        .equal = equal_range,
        .repr = repr_range,
        .iterate = iterate_range,
    };
    const ouro_type_spec iterator_spec = {
        .name = "range_iterator",
        .size = sizeof(struct iterator),
        .flags = OURO_TYPE_LEAF,
        .iterate = ouro__iterate_self,
        .next = next_of_range,
    };
    return ouro__type_make(&range_spec, &range_type) && ouro__type_make(&iterator_spec, &iterator_type);
}
