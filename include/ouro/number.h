/* ouro/number.h - None, truth values and floating point numbers. */
#ifndef OURO_NUMBER_H
#define OURO_NUMBER_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Immortal objects: taking and letting go of references to them is allowed, and does nothing. */
OURO_API extern ouro_object ouro__none, ouro__true, ouro__false;

/** The object that stands for nothing.  Immortal. */
static inline ouro_ref
ouro_none(void)
{
    return &ouro__none;
}

/** The object that stands for the truth `value`, and equals 1 or 0.  Immortal. */
static inline ouro_ref
ouro_bool(bool value)
{
    return value ? &ouro__true : &ouro__false;
}

/** The type of ouro_none(), borrowed. */
OURO_API ouro_loan ouro_none_type(void);

/** The type of truth values, borrowed. */
OURO_API ouro_loan ouro_bool_type(void);

/** The type of floating point numbers, borrowed. */
OURO_API ouro_loan ouro_float_type(void);

/** A new floating point number of that `value`, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_float_new(double value);

/** Its value; 0 for objects of other types. */
OURO_API double ouro_float_value(ouro_loan number);

#ifdef __cplusplus
}
#endif

#endif
