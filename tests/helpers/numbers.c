/* numbers.c - see numbers.h. */
#include "numbers.h"

#include "require.h"

int64_t
number_of(ouro_loan object)
{
    int64_t value = 0;
    REQUIRE(object != NULL && ouro_int_to_int64(object, &value) == OURO_OK, "no number of 64 bits");
    return value;
}

int64_t
value_of(ouro_ref stolen)
{
    int64_t value = number_of(ouro_lend(stolen));
    ouro_decref(stolen);
    return value;
}

int64_t
next_number(ouro_ref iterator)
{
    ouro_ref item = NULL;
    ouro_status status = ouro_next(ouro_lend(iterator), &item);
    REQUIRE(status >= 0, "an iterator failed: %s", ouro_status_text(status));
    return status == OURO_FOUND ? value_of(item) : -1;
}
