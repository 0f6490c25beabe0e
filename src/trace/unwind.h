/* unwind.h - the native frames of the calling thread; guarded by the lock of trace.c. */
#ifndef OURO_TRACE_UNWIND_H
#define OURO_TRACE_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "os/modules.h"

/* A module that was met.  It stays known after it was unloaded; loaded to the same place again it is the same one. */
struct ouro__module {
    struct ouro__os_module found;
    uint64_t identity; /* of its path and its build's number */
    uint64_t seen_in;  /* the walk in which it was last seen to be there */
    uint8_t role;      /* for who walks: what it is to him, 0 as long as he didn't say */
};

/* A function that has not returned yet. */
struct ouro__call {
    struct ouro__module *module; /* NULL: code that is in no file */
    uintptr_t address;           /* of an instruction, or in the midst of one: of the one that calls */
    uintptr_t begin, end;        /* what it has of the stack: up to its caller's frame */
};

/* A walk from the innermost frame outwards. */
struct ouro__walk {
    uintptr_t pc, sp, fp, lr;
    uintptr_t stack_begin, stack_end; /* what may be read of the stack */
    unsigned n_stacks;                /* so many were left because of signals */
    bool stack_is_known;              /* nothing follows behind its end */
    bool is_exact;                    /* pc is about to run; else it is where a call returns to */
    bool is_over;
};

/* Begin with the caller of the caller of this function. */
void ouro__walk_begin(struct ouro__walk *walk);

/* The next call outwards; false when there is none, or none that could be found. */
bool ouro__walk_next(struct ouro__walk *walk, struct ouro__call *call);

/* A library was unloaded: what was known of addresses is asked anew.  Without the lock, any context. */
void ouro__unwind_forget(void);

/* Forget the roles of modules: somebody else is going to walk. */
void ouro__walk_modules_again(void);

/* Whether `address` is that of a module that was met. */
bool ouro__is_module(const void *address);

#endif
