/* frames.h - what is known of frames, and who provides them. */
#ifndef OURO_TRACE_FRAMES_H
#define OURO_TRACE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    OURO_LINES_NATIVE =
        4, /* none: the code is a module, the offset an address in its file, and what stands in the
                               * table's place is the file's build id */
};

/* The frames of a thread, from the outermost one inwards, as they were when last looked at: most are as they were when
 * the next block is allocated.  Whoever provides frames may have further ones in there, which have no code.  When a code
 * has ended, whoever holds the stack empties it. */
struct ouro__stack_entry {
    const void *frame, *at, *word; /* the provider's own: which frame, where it is, and of what */
    struct ouro__frame known;
};

struct ouro__stack {
    struct ouro__stack_entry *entries;
    size_t n, room;
};

/* What is kept of a code: all of it is copied while it lives.  Texts are UTF-8, `surrogatepass`. */
struct ouro__code {
    const char *file,
        *name; /* `name` is qualified where the interpreter knows it so; borrowed until the next call */
    size_t n_file, n_name; /* bytes */
    const uint8_t *lines;  /* the table of lines, borrowed */
    size_t n_lines;        /* bytes */
    uint32_t first_line;
    uint32_t line_table; /* enum ouro__line_table */
};

/* Who knows the frames of the calling thread.  Called from inside allocations: neither may allocate, take a lock that
 * the program could hold, or run the program's code. */
struct ouro__frame_source {
    /* The frames of the calling thread, innermost first, at most `n_max`; how many there are. */
    size_t (*walk)(struct ouro__frame *frames, size_t n_max);
    /* Bring a stack up to date for the calling thread; so many of its outermost entries are as they were, at least.  Where
     * there are more frames than `room`, the innermost ones.  NULL: there is walk() alone. */
    size_t (*follow)(struct ouro__stack *stack);
    /* What `code`, which runs in a frame of the calling thread, is; false when it can't be read. */
    bool (*read_code)(const void *code, struct ouro__code *known);
    /* Whether a code that lies in no block of ours is there for good. */
    bool (*lasts)(const void *code);
    /* A number for the place where the calling thread is, found without a look at what it is: whether it stands for the
     * innermost frame that walk() found just now, and will whenever it is told while that frame's code lives, says
     * is_mark_of().  0 for nothing.  NULL, both of them: there are no such numbers. */
    uint64_t (*mark)(void);
    bool (*is_mark_of)(uint64_t mark, const struct ouro__frame *frame);
    /* Called with the lock of tracing when this becomes the source.  NULL: there is nothing to do. */
    void (*begin)(void);
};

#endif
