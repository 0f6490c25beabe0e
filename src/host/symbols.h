/* symbols.h - the table of symbols that a loaded library or program has, read without the dynamic linker. */
#ifndef OURO_HOST_SYMBOLS_H
#define OURO_HOST_SYMBOLS_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

typedef ElfW(Sym) elf_symbol;
typedef ElfW(Addr) elf_address;
typedef ElfW(Dyn) elf_dynamic;

struct symbols {
    elf_address base; /* of what is loaded */
    elf_symbol *table;
    const char *names;
    const uint32_t *hash; /* DT_GNU_HASH */
};

/* The symbols of a loaded library or program; false when it has no table of the kind that is usual today. */
bool ouro__symbols_find(struct symbols *symbols, const struct link_map *map);

/* The first symbol of that name at or after index *at, which moves behind it: there can be one for each
 * version.  Begin with 0.  NULL when there is none.  Calls no function of libc. */
elf_symbol *ouro__symbols_next(const struct symbols *symbols, const char *name, uint32_t *at);

/* What `name` stands for in the program and the libraries loaded with it, the first of them that has it; NULL
 * when none has.  As dlsym(RTLD_DEFAULT), which for a name that isn't there allocates an error's text, and frees
 * the one before: calls that a program's own malloc may answer with dlsym(). */
void *ouro__symbols_global(const char *name);

/* A function likewise, and its size in bytes. */
void *ouro__symbols_function(const char *name, size_t *size);

#endif
