/* symbols.c - names and lines of native code, by elfutils' libdw and libiberty's demangler.
 *
 * A file that has been rebuilt since says wrong things with confidence: it is asked only if its build id is the one that
 * ran, where there is one.  Files come from a snapshot that anybody may have written, so nothing is opened but plain
 * files, and nothing is fetched from anywhere.
 *
 * @source DWARF 5, 3.3 and 6.2; elfutils, libdwfl.h */
#define _GNU_SOURCE
#include "view/symbols.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <libiberty/demangle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/grow.h"
#include "view/library_frames.h"
#include "view/symbol_table.h"

#define NAMES_MOST (2 * OURO_SYMBOLS_MOST)

/* Where functions of one of a module's units lie. */
struct unit {
    Dwarf_Addr begin, end;
    Dwarf_Off die;
};

struct ouro__binary {
    Dwfl *dwfl;
    Dwfl_Module *module; /* NULL: there is no such file */
    Dwarf_Addr bias;     /* from the file's addresses to libdw's */
    Dwarf_Addr entry;    /* the program's first instruction, 0 for none */
    bool is_c, is_cpp;   /* the library of that language; the dynamic linker */
    bool has_units;      /* they have been looked for */
    struct unit *units;
    size_t n_units, room;
    struct ouro__symbol_table symbols; /* looked at when one is asked for */
    char *names[NAMES_MOST];           /* what was made for the last call */
    size_t n_names;
};

/* ---- opening ---- */

static int
open_plain(const char *path)
{
    struct stat info;
    int file = path[0] == '/' ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    if (file >= 0 && (fstat(file, &info) != 0 || !S_ISREG(info.st_mode))) {
        (void)close(file);
        file = -1;
    }
    return file;
}

static bool
is_build(Dwfl_Module *module, const uint8_t *build_id, size_t n)
{
    const unsigned char *bits = NULL;
    GElf_Addr address;
    int n_found = dwfl_module_build_id(module, &bits, &address);
    return n == 0 ? n_found <= 0 : n_found == (int)n && memcmp(bits, build_id, n) == 0;
}

/* Read one file; false when it is not there, no such file, or of another build. */
static bool
read_file(struct ouro__binary *binary, const char *path, const uint8_t *build_id, size_t n_build_id)
{
    static char debug_path[] = ":.debug:/usr/lib/debug";
    static char *paths = debug_path;
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .section_address = dwfl_offline_section_address,
        .debuginfo_path = &paths,
    };
    int file = open_plain(path);
    if (file < 0) {
        return false;
    }
    binary->dwfl = dwfl_begin(&callbacks);
    binary->module = binary->dwfl == NULL ? NULL : dwfl_report_offline(binary->dwfl, path, path, file);
    if (binary->module == NULL) {
        (void)close(file); /* libdw has it otherwise */
    } else {
        (void)dwfl_report_end(binary->dwfl, NULL, NULL);
        Elf *elf = dwfl_module_getelf(binary->module, &binary->bias);
        GElf_Ehdr header;
        if (elf != NULL && gelf_getehdr(elf, &header) != NULL &&
            is_build(binary->module, build_id, n_build_id)) {
            binary->entry = header.e_entry;
            return true;
        }
    }
    dwfl_end(binary->dwfl);
    binary->dwfl = NULL;
    binary->module = NULL;
    return false;
}

/* The place of a build's debug information, as all distributions have it. */
static void
find_by_build(char *path, size_t size, const uint8_t *build_id, size_t n)
{
    size_t at = (size_t)snprintf(path, size, "/usr/lib/debug/.build-id/%02x/", build_id[0]);
    for (size_t i = 1; i < n && at + 8 < size; i++) {
        at += (size_t)snprintf(path + at, size - at, "%02x", build_id[i]);
    }
    (void)snprintf(path + at, size - at, ".debug");
}

static bool
is_called(const char *path, const char *const *names, size_t n)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    for (size_t i = 0; i < n; i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_c_library(const char *path)
{
    static const char *const names[] = {"libc.so", "libc-2", "libpthread", "ld-linux", "ld-2", "ld.so"};
    return is_called(path, names, sizeof names / sizeof *names);
}

static bool
is_cpp_library(const char *path)
{
    static const char *const names[] = {"libstdc++.so", "libc++.so", "libc++abi.so"};
    return is_called(path, names, sizeof names / sizeof *names);
}

struct ouro__binary *
ouro__binary_open(const char *path, const uint8_t *build_id, size_t n_build_id)
{
    struct ouro__binary *binary = calloc(1, sizeof *binary);
    char other[256];
    if (binary == NULL) {
        return NULL;
    }
    /* libdw would ask servers for what isn't here. */
    (void)unsetenv("DEBUGINFOD_URLS");
    binary->is_c = is_c_library(path);
    binary->is_cpp = is_cpp_library(path);
    if (!read_file(binary, path, build_id, n_build_id) && n_build_id > 1) {
        find_by_build(other, sizeof other, build_id, n_build_id);
        (void)read_file(binary, other, build_id, n_build_id);
    }
    return binary;
}

static void
names_forget(struct ouro__binary *binary)
{
    while (binary->n_names > 0) {
        free(binary->names[--binary->n_names]);
    }
}

void
ouro__binary_close(struct ouro__binary *binary)
{
    if (binary != NULL) {
        names_forget(binary);
        free(binary->units);
        ouro__symbol_table_free(&binary->symbols);
        if (binary->dwfl != NULL) {
            dwfl_end(binary->dwfl);
        }
        free(binary);
    }
}

/* ---- names ---- */

/* A name in memory of its own until the next call; as it is where there is no room for it. */
static const char *
keep_name(struct ouro__binary *binary, const char *name, char *made)
{
    if (made == NULL) {
        return name;
    }
    binary->names[binary->n_names++] = made;
    return made;
}

static const char *
demangle(struct ouro__binary *binary, const char *name)
{
    bool is_mangled = name != NULL && name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
    return keep_name(binary, name,
                     is_mangled && binary->n_names < NAMES_MOST
                         ? cplus_demangle(name, DMGL_AUTO | DMGL_PARAMS | DMGL_ANSI)
                         : NULL);
}

/* The name of a function, or of what an inlined call was of. */
static void
name_find(struct ouro__binary *binary, Dwarf_Die *die, struct ouro__symbol *symbol)
{
    Dwarf_Attribute attribute;
    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) != NULL ||
        dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute) != NULL) {
        symbol->linked = dwarf_formstring(&attribute);
    }
    symbol->name = symbol->linked != NULL ? demangle(binary, symbol->linked) : dwarf_diename(die);
}

static uint32_t
line_of_attribute(Dwarf_Die *die, unsigned kind)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    return dwarf_attr_integrate(die, kind, &attribute) != NULL &&
                   dwarf_formudata(&attribute, &value) == 0 && value <= INT32_MAX
               ? (uint32_t)value
               : 0;
}

/* A source's file from the folder on that it was compiled in. */
static const char *
whole_path(struct ouro__binary *binary, Dwarf_Die *unit, const char *file)
{
    Dwarf_Attribute attribute;
    const char *folder =
        dwarf_attr(unit, DW_AT_comp_dir, &attribute) == NULL ? NULL : dwarf_formstring(&attribute);
    char *whole = NULL;
    if (file == NULL || file[0] == '/' || folder == NULL || folder[0] != '/' ||
        binary->n_names == NAMES_MOST) {
        return file;
    }
    file += strncmp(file, "./", 2) == 0 ? 2 : 0;
    return keep_name(binary, file, asprintf(&whole, "%s/%s", folder, file) < 0 ? NULL : whole);
}

/* ---- units ---- */

static bool
units_add(struct ouro__binary *binary, const struct unit *unit)
{
    struct unit *units =
        ouro__grow(binary->units, binary->n_units, &binary->room, sizeof *binary->units);
    if (units == NULL) {
        return false;
    }
    binary->units = units;
    binary->units[binary->n_units++] = *unit;
    return true;
}

/* clang leaves out the table of which unit has which address: then each unit says so itself. */
static void
units_find(struct ouro__binary *binary)
{
    Dwarf_Addr bias;
    bool is_well = true;
    binary->has_units = true;
    for (Dwarf_Die *unit = NULL;
         is_well && (unit = dwfl_module_nextcu(binary->module, unit, &bias)) != NULL;) {
        struct unit found = {.die = dwarf_dieoffset(unit)};
        Dwarf_Addr base;
        ptrdiff_t at = 0;
        while (is_well && (at = dwarf_ranges(unit, at, &base, &found.begin, &found.end)) > 0) {
            is_well = units_add(binary, &found);
        }
    }
}

/* The unit that an address is in, by libdw's addresses; what is to be taken off them in `*bias`. */
static bool
unit_at(struct ouro__binary *binary, Dwarf_Addr address, Dwarf_Die *unit, Dwarf_Addr *bias)
{
    Dwarf_Die *known = dwfl_module_addrdie(binary->module, address, bias);
    if (known != NULL) {
        *unit = *known;
        return true;
    }
    Dwarf *dwarf = dwfl_module_getdwarf(binary->module, bias);
    if (dwarf == NULL) {
        return false;
    }
    if (!binary->has_units) {
        units_find(binary);
    }
    for (size_t i = 0; i < binary->n_units; i++) {
        const struct unit *at = &binary->units[i];
        if (address - *bias >= at->begin && address - *bias < at->end) {
            return dwarf_offdie(dwarf, at->die, unit) != NULL;
        }
    }
    return false;
}

/* ---- frames at an address ---- */

#define DEPTH_MOST 512 /* of scopes in scopes, namespaces and types included */

/* The functions around an address, outermost first: one that was compiled, and what was inlined there. */
struct calls {
    Dwarf_Die at[OURO_SYMBOLS_MOST +
                 1]; /* of the innermost one that doesn't fit only where it was called is told */
    size_t n;
};

static void
calls_add(struct calls *calls, Dwarf_Die *function, int tag)
{
    calls->n = tag == DW_TAG_subprogram ? 0 : calls->n;
    if (calls->n < sizeof calls->at / sizeof *calls->at) {
        calls->at[calls->n++] = *function;
    }
}

/* Look for them in what a scope holds; whether it has the address.  dwarf_getscopes() would do, but finds no inlined call
 * whose function was defined within a type, as Rust's are. */
static bool
calls_find(Dwarf_Die *scope, Dwarf_Addr address, struct calls *calls, unsigned depth)
{
    Dwarf_Die die;
    int error = depth < DEPTH_MOST ? dwarf_child(scope, &die) : 1;
    for (; error == 0; error = dwarf_siblingof(&die, &die)) {
        int tag = dwarf_tag(&die);
        bool is_function = tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
        if (is_function || tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
            tag == DW_TAG_catch_block) {
            if (dwarf_haspc(&die, address) != 1) {
                continue;
            }
            if (is_function) {
                calls_add(calls, &die, tag);
            }
            (void)calls_find(&die, address, calls, depth + 1);
            return true;
        }
        bool is_space = tag == DW_TAG_namespace || tag == DW_TAG_module ||
                        tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
                        tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type;
        if (is_space && calls->n == 0 && calls_find(&die, address, calls, depth + 1)) {
            return true;
        }
    }
    return false;
}

/* The file that an inlined call stands in. */
static const char *
file_of_call(Dwarf_Die *unit, Dwarf_Die *call)
{
    Dwarf_Files *files;
    size_t n;
    uint32_t index = line_of_attribute(call, DW_AT_call_file);
    return dwarf_getsrcfiles(unit, &files, &n) == 0 && index < n
               ? dwarf_filesrc(files, index, NULL, NULL)
               : NULL;
}

/* Where the outer one of two functions calls the inner one; without one, what the table of lines says. */
static void
find_line(struct ouro__binary *binary, Dwarf_Die *unit, Dwarf_Addr address, Dwarf_Die *called,
          struct ouro__symbol *symbol)
{
    int line = 0;
    if (called != NULL) {
        symbol->file = whole_path(binary, unit, file_of_call(unit, called));
        symbol->line = line_of_attribute(called, DW_AT_call_line);
        return;
    }
    Dwarf_Line *at = dwarf_getsrc_die(unit, address);
    symbol->file = at == NULL ? NULL : whole_path(binary, unit, dwarf_linesrc(at, NULL, NULL));
    symbol->line = at != NULL && dwarf_lineno(at, &line) == 0 && line > 0 ? (uint32_t)line : 0;
}

static size_t
find_by_dwarf(struct ouro__binary *binary, Dwarf_Addr address,
              struct ouro__symbol found[OURO_SYMBOLS_MOST])
{
    Dwarf_Die unit;
    Dwarf_Addr bias;
    struct calls calls = {.n = 0};

    if (!unit_at(binary, address, &unit, &bias)) {
        return 0;
    }
    (void)calls_find(&unit, address - bias, &calls, 0);
    if (calls.n == 0) {
        find_line(binary, &unit, address - bias, NULL, &found[0]);
        return found[0].file != NULL;
    }
    size_t n = calls.n < OURO_SYMBOLS_MOST ? calls.n : OURO_SYMBOLS_MOST;
    for (size_t i = 0; i < n; i++) {
        struct ouro__symbol *symbol = &found[n - 1 - i];
        *symbol = (struct ouro__symbol){.first_line = line_of_attribute(&calls.at[i], DW_AT_decl_line)};
        name_find(binary, &calls.at[i], symbol);
        find_line(binary, &unit, address - bias, i + 1 < calls.n ? &calls.at[i + 1] : NULL, symbol);
    }
    return n;
}

static void
find_symbol(struct ouro__binary *binary, Dwarf_Addr address, struct ouro__symbol *found)
{
    if (binary->symbols.items == NULL && !ouro__symbol_table_make(&binary->symbols, binary->module)) {
        return;
    }
    found->linked = ouro__symbol_table_find(&binary->symbols, binary->module, address);
    found->name = demangle(binary, found->linked);
}

size_t
ouro__binary_find(struct ouro__binary *binary, uint64_t address,
                  struct ouro__symbol found[OURO_SYMBOLS_MOST])
{
    size_t n = 0;
    names_forget(binary);
    found[0] = (struct ouro__symbol){0};
    if (binary->module != NULL) {
        n = find_by_dwarf(binary, address + binary->bias, found);
        size_t outermost = n == 0 ? 0 : n - 1;
        if (found[outermost].name == NULL) {
            find_symbol(binary, address + binary->bias, &found[outermost]);
        }
    }
    return n == 0 ? 1 : n;
}

#define START_BYTES 64 /* of a program's first function, which calls libc's */

bool
ouro__binary_is_start(const struct ouro__binary *binary, uint64_t address)
{
    return binary->is_c ||
           (binary->entry != 0 && address - binary->entry < START_BYTES && binary->module != NULL);
}

bool
ouro__binary_is_library(const struct ouro__binary *binary, const struct ouro__symbol *symbol)
{
    return binary->is_c || binary->is_cpp ||
           ouro__frame_is_of_library(symbol->file, symbol->linked, symbol->name);
}
