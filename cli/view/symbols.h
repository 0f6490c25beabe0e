/* symbols.h - what instructions of programs and libraries are called: functions, files and lines, from their files. */
#ifndef OURO_CLI_SYMBOLS_H
#define OURO_CLI_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A frame of native code. */
struct ouro__symbol {
    const char *file;   /* of the source; NULL when it isn't known */
    const char *name;   /* of the function, demangled; NULL likewise */
    const char *linked; /* as linkers know it; NULL likewise */
    uint32_t line;      /* 0 when it isn't known */
    uint32_t first_line;
};

/* Inlined calls that are told apart at one instruction. */
#define OURO_SYMBOLS_MOST 64

/* A program's or library's file. */
struct ouro__binary;

/* The file at `path`, of the build that `build_id` says, when it is that one; where it isn't, its debug information in
 * /usr/lib/debug if that is there.  Owned; NULL without memory. */
struct ouro__binary *ouro__binary_open(const char *path, const uint8_t *build_id, size_t n_build_id);
void ouro__binary_close(struct ouro__binary *binary);

/* The frames at an address as the file has it, innermost first: a function, and those that it is inlined into.  How many,
 * 1 at least; all is borrowed until the next call. */
size_t ouro__binary_find(struct ouro__binary *binary, uint64_t address,
                         struct ouro__symbol found[OURO_SYMBOLS_MOST]);

/* Whether the address is in what starts a program, or a thread, before its own first function. */
bool ouro__binary_is_start(const struct ouro__binary *binary, uint64_t address);

/* Whether a frame that was found is of the library that comes with C, C++ or Rust, its templates included. */
bool ouro__binary_is_library(const struct ouro__binary *binary, const struct ouro__symbol *symbol);

#endif
