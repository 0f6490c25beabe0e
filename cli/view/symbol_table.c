/* symbol_table.c - functions by their addresses.
 *
 * dwfl_module_addrinfo() would do, but looks at every symbol for every address: in a library of 700,000, as people have
 * them, that is a hundredth of a second each time.  Here they are sorted.  Of those that an address is in the last one to begin
 * is taken; of several that begin there the one that is seen from everywhere, and the first of such. */
#define _GNU_SOURCE
#include "view/symbol_table.h"

#include <stdint.h>
#include <stdlib.h>

#define FUNCTION_MOST 65536 /* bytes, of one without a size */

struct ouro__function_symbol {
    GElf_Addr begin, end;
    GElf_Addr reach; /* the highest end of this and of all before */
    const char *name;
    uint32_t index;   /* in the file */
    uint32_t section; /* that it is in */
    unsigned char rank;
};

/* Of the bindings; what is weak gives way to what isn't, and what is local to both. */
static unsigned char
rank_of(const GElf_Sym *symbol)
{
    unsigned char binding = GELF_ST_BIND(symbol->st_info);
    return binding == STB_LOCAL ? 0 : binding == STB_WEAK ? 1 : 2;
}

static bool
is_function(const GElf_Sym *symbol, const char *name, GElf_Word section)
{
    unsigned char type = GELF_ST_TYPE(symbol->st_info);
    return name != NULL && name[0] != '\0' && section != SHN_UNDEF &&
           (type == STT_FUNC || type == STT_NOTYPE || type == STT_GNU_IFUNC);
}

/* For qsort: what is taken first is last. */
static int
functions_compare(const void *a, const void *b)
{
    const struct ouro__function_symbol *left = a, *right = b;

    if (left->begin != right->begin) {
        return left->begin < right->begin ? -1 : 1;
    }
    if (left->rank != right->rank) {
        return left->rank < right->rank ? -1 : 1;
    }
    return left->index > right->index ? -1 : left->index < right->index;
}

bool
ouro__symbol_table_make(struct ouro__symbol_table *table, Dwfl_Module *module)
{
    int n = dwfl_module_getsymtab(module);
    GElf_Addr reach = 0;

    *table = (struct ouro__symbol_table){0};
    table->items = reallocarray(NULL, n > 0 ? (size_t)n : 1, sizeof *table->items);
    if (table->items == NULL) {
        return false;
    }
    for (int i = 1; i < n; i++) {
        GElf_Sym symbol;
        GElf_Addr begin;
        GElf_Word section = SHN_UNDEF;
        const char *name = dwfl_module_getsym_info(module, i, &symbol, &begin, &section, NULL, NULL);
        if (is_function(&symbol, name, section)) {
            bool is_sound = symbol.st_size <= UINT64_MAX - begin;
            table->items[table->n++] = (struct ouro__function_symbol){
                .begin = begin,
                .end = is_sound ? begin + symbol.st_size : begin,
                .name = name,
                .index = (uint32_t)i,
                .section = section,
                .rank = rank_of(&symbol),
            };
        }
    }
    qsort(table->items, table->n, sizeof *table->items, functions_compare);
    for (size_t i = 0; i < table->n; i++) {
        reach = table->items[i].end > reach ? table->items[i].end : reach;
        table->items[i].reach = reach;
    }
    return true;
}

void
ouro__symbol_table_free(struct ouro__symbol_table *table)
{
    free(table->items);
    *table = (struct ouro__symbol_table){0};
}

/* How many begin at an address or before. */
static size_t
count_before(const struct ouro__symbol_table *table, GElf_Addr address)
{
    size_t low = 0, high = table->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->items[middle].begin <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Of `n` functions before an address the last without a size, unless one with a size is behind it, or it is in another
 * section. */
static const char *
find_without_size(const struct ouro__symbol_table *table, size_t n, Dwfl_Module *module,
                  GElf_Addr address)
{
    GElf_Addr bias, in_section = address;
    Elf_Scn *section = dwfl_module_address_section(module, &in_section, &bias);
    size_t index = section == NULL ? SHN_UNDEF : elf_ndxscn(section);

    for (size_t i = n; i > 0; i--) {
        const struct ouro__function_symbol *at = &table->items[i - 1];
        if (at->begin < table->items[n - 1].reach || address - at->begin >= FUNCTION_MOST) {
            return NULL;
        }
        if (at->section == index) {
            return at->name;
        }
    }
    return NULL;
}

const char *
ouro__symbol_table_find(const struct ouro__symbol_table *table, Dwfl_Module *module, GElf_Addr address)
{
    size_t n = count_before(table, address);

    for (size_t i = n; i > 0 && table->items[i - 1].reach > address; i--) {
        if (table->items[i - 1].end > address) {
            return table->items[i - 1].name;
        }
    }
    return find_without_size(table, n, module, address);
}
