/* requests.c - requests remembered, and all forgotten at once. */
#include "trace/requests.h"

#include <string.h>

struct ouro__request ouro__requests[1 << OURO__REQUEST_BITS];
static bool has_any; /* since all were forgotten */

void
ouro__request_remember(const struct ouro__request *request)
{
    *ouro__request_place(request->at, request->from, request->what) = *request;
    has_any = true;
}

void
ouro__requests_forget(void)
{
    if (has_any) {
        memset(ouro__requests, 0, sizeof ouro__requests);
        has_any = false;
    }
}
