/* symbol_table.h - the functions in a module's table of symbols, to be found by their addresses. */
#ifndef OURO_CLI_SYMBOL_TABLE_H
#define OURO_CLI_SYMBOL_TABLE_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>

struct ouro__function_symbol;

struct ouro__symbol_table {
    struct ouro__function_symbol *items; /* owned */
    size_t n;
};

/* Of a module that stays open as long as the table.  False without memory. */
bool ouro__symbol_table_make(struct ouro__symbol_table *table, Dwfl_Module *module);
void ouro__symbol_table_free(struct ouro__symbol_table *table);

/* The name of the function that an address is in; of those in assembly, which have no size, the nearest before.  Borrowed;
 * NULL for none. */
const char *ouro__symbol_table_find(const struct ouro__symbol_table *table, Dwfl_Module *module,
                                    GElf_Addr address);

#endif
