/* number.c - None, truth values and floating point numbers. */
#include "types/integer.h"
#include "types/types.h"

#include <string.h>

ouro_object ouro__none = {.local = OURO_IMMORTAL};
ouro_object ouro__true = {.local = OURO_IMMORTAL};
ouro_object ouro__false = {.local = OURO_IMMORTAL};

struct number {
    ouro_object head;
    double value;
};

static struct ouro_type *none_type, *bool_type, *float_type;

/* That of the integer that equals. */
static ouro_status
hash_bool(ouro_loan self, uint64_t *hash)
{
    *hash = ouro_look(self) == &ouro__true;
    return OURO_OK;
}

/* True is 1 and False is 0.  @source CPython Objects/boolobject.c: bool is a sub-type of int */
static ouro_status
equal_bool(ouro_loan self, ouro_loan other)
{
    int truth = ouro_look(self) == &ouro__true;
    const struct ouro__int *number = ouro__as_int(other);
    bool is_equal =
        number != NULL ? ouro__int_is_small(number) && ouro__int_small_value(number) == truth
                       : ouro__type(ouro_look(other)) == float_type && ouro_float_value(other) == truth;
    return is_equal ? OURO_FOUND : OURO_NOT_EQUAL;
}

static ouro_status
hash_none(ouro_loan self, uint64_t *hash)
{
    (void)self;
    *hash = ouro__mix_bits(UINT64_MAX);
    return OURO_OK;
}

#define BEYOND_INT64 9223372036854775808.0 /* 2 to the power of 63 */

/* Numbers that are equal have one hash, whatever their types: that of the integer where there is one.  It is not mixed:
 * tables do that, and find numbers that follow each other the better for it. */
static ouro_status
hash_float(ouro_loan self, uint64_t *hash)
{
    double value = ((const struct number *)ouro_look(self))->value;
    uint64_t bits;

    if (value >= -BEYOND_INT64 && value < BEYOND_INT64 && value == (double)(int64_t)value) {
        bits = (uint64_t)(int64_t)value;
    } else {
        memcpy(&bits, &value, sizeof bits);
    }
    *hash = bits;
    return OURO_OK;
}

static ouro_status
equal_float(ouro_loan self, ouro_loan other)
{
    bool are_floats =
        ouro__type(ouro_look(other)) == float_type && ouro__type(ouro_look(self)) == float_type;
    return are_floats && ouro_float_value(self) == ouro_float_value(other) ? OURO_FOUND
                                                                           : OURO_NOT_EQUAL;
}

ouro_ref
ouro_float_new(double value)
{
    ouro_object *object = ouro__leaf_alloc(float_type, sizeof(struct number));
    if (OURO_LIKELY(object != NULL)) {
        ((struct number *)object)->value = value;
    }
    return object;
}

double
ouro_float_value(ouro_loan number)
{
    const ouro_object *object = ouro_look(number);
    return ouro__type(object) == float_type ? ((const struct number *)object)->value : 0;
}

ouro_loan
ouro_none_type(void)
{
    return (ouro_loan)&none_type->head;
}

ouro_loan
ouro_bool_type(void)
{
    return (ouro_loan)&bool_type->head;
}

ouro_loan
ouro_float_type(void)
{
    return (ouro_loan)&float_type->head;
}

bool
ouro__numbers_init(void)
{
    ouro_type_spec spec = {.name = "NoneType", .size = sizeof(ouro_object), .flags = OURO_TYPE_LEAF};

    spec.hash = hash_none;
    spec.repr = ouro__repr_none;
    if (!ouro__type_make(&spec, &none_type)) {
        return false;
    }
    spec.name = "bool";
    spec.hash = hash_bool;
    spec.repr = ouro__repr_bool;
    spec.equal = equal_bool;
    if (!ouro__type_make(&spec, &bool_type)) {
        return false;
    }
    spec.name = "float";
    spec.size = sizeof(struct number);
    spec.hash = hash_float;
    spec.repr = ouro__repr_float;
    spec.equal = equal_float;
    if (!ouro__type_make(&spec, &float_type)) {
        return false;
    }
    none_type->is_simple_equal = bool_type->is_simple_equal = float_type->is_simple_equal = true;
    ouro__none.type = none_type->index;
    ouro__true.type = ouro__false.type = bool_type->index;
    return true;
}
