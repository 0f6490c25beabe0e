/* symbols.c - looking up symbols by name, as the dynamic linker does it.
 *
 * DT_GNU_HASH: the number of buckets, the index of the first symbol that is in one, the number of words of a
 * filter, and its shift; the filter; for each bucket its first symbol; and for each symbol its hash, whose
 * lowest bit says that it is its bucket's last. */
#define _GNU_SOURCE
#include "host/symbols.h"

#include <stddef.h>

/* The dynamic linker makes addresses of these offsets in place, where it can write: not in the kernel's vDSO. */
static elf_address
address_of(const struct link_map *map, const elf_dynamic *entry)
{
    elf_address address = entry->d_un.d_ptr;
    return address < map->l_addr ? address + map->l_addr : address;
}

bool
ouro__symbols_find(struct symbols *symbols, const struct link_map *map)
{
    *symbols = (struct symbols){.base = map->l_addr};
    for (const elf_dynamic *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_SYMTAB) {
            symbols->table = (elf_symbol *)address_of(map, entry);
        } else if (entry->d_tag == DT_STRTAB) {
            symbols->names = (const char *)address_of(map, entry);
        } else if (entry->d_tag == DT_GNU_HASH) {
            symbols->hash = (const uint32_t *)address_of(map, entry);
        }
    }
    return symbols->table != NULL && symbols->names != NULL && symbols->hash != NULL;
}

static uint32_t
hash_name(const char *name)
{
    uint32_t hash = 5381;
    for (; *name != '\0'; name++) {
        hash = hash * 33 + (unsigned char)*name;
    }
    return hash;
}

static bool
is_same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

elf_symbol *
ouro__symbols_next(const struct symbols *symbols, const char *name, uint32_t *at)
{
    uint32_t n_buckets = symbols->hash[0], first = symbols->hash[1], n_filter = symbols->hash[2];
    const uint32_t *buckets = symbols->hash + 4 + n_filter * (sizeof(elf_address) / sizeof(uint32_t));
    const uint32_t *hashes = buckets + n_buckets;
    uint32_t hash = hash_name(name);
    uint32_t index = buckets[hash % n_buckets];

    if (index < first) { /* an empty bucket */
        return NULL;
    }
    for (;; index++) {
        uint32_t its_hash = hashes[index - first];
        if (index >= *at && (its_hash | 1) == (hash | 1) &&
            is_same(symbols->names + symbols->table[index].st_name, name)) {
            *at = index + 1;
            return &symbols->table[index];
        }
        if (its_hash & 1) {
            return NULL;
        }
    }
}

void *
ouro__symbols_function(const char *name, size_t *size)
{
    struct symbols symbols;

    for (const struct link_map *map = _r_debug.r_map; map != NULL; map = map->l_next) {
        elf_symbol *symbol;
        uint32_t at = 0;
        if (!ouro__symbols_find(&symbols, map)) {
            continue;
        }
        while ((symbol = ouro__symbols_next(&symbols, name, &at)) != NULL) {
            if (symbol->st_shndx != SHN_UNDEF && symbol->st_value != 0) {
                *size = symbol->st_size;
                return (void *)(symbols.base + symbol->st_value);
            }
        }
    }
    return NULL;
}

void *
ouro__symbols_global(const char *name)
{
    size_t size;
    return ouro__symbols_function(name, &size);
}
