/* modules.h - the program and the libraries that are loaded: which of them an instruction belongs to. */
#ifndef OURO_OS_MODULES_H
#define OURO_OS_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One of them, as long as it is loaded: all that is pointed to lies in it, or is the dynamic linker's. */
struct ouro__os_module {
    uintptr_t begin, end; /* addresses that it covers */
    uintptr_t bias;       /* what was added to the addresses that its file has */
    const void *key;      /* the dynamic linker's own record of it */
    const char *path;     /* as it was asked for; empty for the program itself */
    const uint8_t *build_id;
    size_t n_build_id;                  /* bytes, 0 for none */
    const uint8_t *unwinding;           /* .eh_frame_hdr; NULL when it has none */
    const uint8_t *tables, *tables_end; /* the readable part of it that .eh_frame_hdr lies in */
};

/* The module that `address` lies in; false when it lies in none, or when this system can't be asked without taking a
 * lock.  Takes no lock and no memory: any context, signal handlers included. */
bool ouro__os_module_find(uintptr_t address, struct ouro__os_module *module);

/* Whether `address` lies in a module that is still the one that was found. */
bool ouro__os_module_is_there(uintptr_t address, const struct ouro__os_module *module);

/* The program's own file, absolute: its length, at most `size` bytes of it at `path`. */
size_t ouro__os_program_path(char *path, size_t size);

/* The working directory, likewise; 0 when it has no name. */
size_t ouro__os_working_directory(char *path, size_t size);

/* Whether modules can be found here at all: since glibc 2.35. */
bool ouro__os_modules_are_known(void);

/* The end of the stack that `address` lies on: [address, the result) can be read.  Of the calling thread's own stack that
 * is all of it, `is_known`; of any other, a page: further ones may follow.  The first looks at a thread's stack ask the
 * system about each page.  Any context. */
uintptr_t ouro__os_stack_end(uintptr_t address, bool *is_known);

#endif
