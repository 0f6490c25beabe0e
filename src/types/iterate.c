#include "types/types.h"

ouro_ref
ouro__iterate_self(ouro_loan self)
{
    return ouro_incref(self);
}
