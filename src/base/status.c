#include "ouro/status.h"

const char *
ouro_status_text(ouro_status status)
{
    switch (status) {
#define TEXT_CASE(name, value, text)                                                                   \
    case name:                                                                                         \
        return text;
        OURO_STATUSES(TEXT_CASE)
#undef TEXT_CASE
    case OURO_OK:
        return "all is well";
    case OURO_FOUND:
        return "found";
    }
    return "an unknown status";
}
