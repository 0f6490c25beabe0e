/* trace.h - what the files of tracing know of each other, and who provides frames.
 *
 * A *trace* is a traceback, a size and a domain: all live blocks that were asked for alike have the same one.  Beside
 * each block lies the index of its trace, beside each trace how many blocks it has now, had at the peak, and had in all.
 * Tracebacks are a tree: a *node* is a frame and the node of its caller.
 *
 *   block --index--> trace --node--> node --parent--> node --> ... --> node 0, which is no frame
 *                                     |
 *                                     '--code--> name, file, table of lines */
#ifndef OURO_TRACE_TRACE_H
#define OURO_TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ouro/heap.h"

/* A frame, as whoever provides tracebacks finds it: which code runs in it, and where. */
struct ouro__frame {
    const void *code; /* an address that stands for the code as long as it lives */
    uint32_t offset;  /* of the instruction that runs, in bytes from the code's first one */
};

/* How lines are found from offsets: the interpreter's own tables, read by whoever shows a snapshot. */
enum ouro__line_table {
    OURO_LINES_NONE = 0,      /* the offset is a line already */
    OURO_LINES_LNOTAB = 1,    /* CPython 3.9: co_lnotab */
    OURO_LINES_LINETABLE = 2, /* CPython 3.10: co_linetable, PEP 626 */
    OURO_LINES_LOCATIONS = 3, /* CPython 3.11 on: co_linetable, Objects/locations.md */
};

/* What is kept of a code: all of it is copied while it lives.  Texts are UTF-8, `surrogatepass`. */
struct ouro__code {
    const char *file, *name; /* `name` is qualified where the interpreter knows it so; borrowed until the next call */
    size_t n_file, n_name;   /* bytes */
    const uint8_t *lines;    /* the table of lines, borrowed */
    size_t n_lines;          /* bytes */
    uint32_t first_line;
    uint32_t line_table; /* enum ouro__line_table */
};

/* Who knows the frames of the calling thread.  Called from inside allocations: neither may allocate, take a lock that
 * the program could hold, or run the program's code. */
struct ouro__frame_source {
    /* The frames of the calling thread, innermost first, at most `n_max`; how many there are. */
    size_t (*walk)(struct ouro__frame *frames, size_t n_max);
    /* What `code`, which runs in a frame of the calling thread, is; false when it can't be read. */
    bool (*read_code)(const void *code, struct ouro__code *known);
};

#endif
