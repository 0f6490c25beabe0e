/* heaps.h - libouro's own heaps, traced. */
#ifndef OURO_TRACE_HEAPS_H
#define OURO_TRACE_HEAPS_H

#include <stdbool.h>

/* Call `change`, which begins, changes or ends tracing, while nobody who keeps blocks is at work; then have the heaps tell
 * what tracing asks for now.  One at a time.  Returns its result. */
bool ouro__heaps_trace(bool (*change)(void *context), void *context);

#endif
