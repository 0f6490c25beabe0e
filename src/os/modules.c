/* modules.c - what is loaded, asked of glibc, and where stacks end, asked of the kernel.
 *
 * dl_iterate_phdr() takes a lock, under which other threads run callbacks of their own that allocate: whoever calls it
 * from inside an allocation may wait for good.  glibc 2.35 brought _dl_find_object(), which waits for nobody; it is made
 * for unwinders.  It is looked up weakly: where it is missing there are no modules.
 *
 * @source glibc manual, "Dynamic Linker Introspection"; System V ABI, "Program Header" and "Note Section" */
#define _GNU_SOURCE
#include "os/modules.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "os/os.h"

/* As glibc 2.35 has it: its name and its struct are missing in older headers, which is why neither is used. */
struct found_object {
    unsigned long long flags;
    void *begin, *end;
    struct link_map *map;
    void *unwinding;
    unsigned long long reserved[7];
};

extern int dl_find(void *address, struct found_object *found) __asm__("_dl_find_object")
    __attribute__((weak));

bool
ouro__os_modules_are_known(void)
{
    return dl_find != NULL;
}

static bool
find_object(uintptr_t address, struct found_object *found)
{
    return dl_find != NULL && dl_find((void *)address, found) == 0;
}

/* Notes are name, description and kind, each padded to four bytes. */
static void
find_build_id(struct ouro__os_module *module, const uint8_t *notes, size_t size)
{
    ElfW(Nhdr) note;
    while (size >= sizeof note) {
        memcpy(&note, notes, sizeof note);
        size_t name = ((size_t)note.n_namesz + 3) & ~(size_t)3;
        size_t description = ((size_t)note.n_descsz + 3) & ~(size_t)3;
        if (name > size - sizeof note || description > size - sizeof note - name) {
            return;
        }
        const uint8_t *at = notes + sizeof note;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(at, "GNU", 4) == 0) {
            module->build_id = at + name;
            module->n_build_id = note.n_descsz;
            return;
        }
        notes += sizeof note + name + description;
        size -= sizeof note + name + description;
    }
}

/* What its program headers say.  They follow the file's header, which the first page has. */
static void
read_headers(struct ouro__os_module *module)
{
    ElfW(Ehdr) header;
    memcpy(&header, (const void *)module->begin, sizeof header);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phentsize != sizeof(ElfW(Phdr)) ||
        header.e_phoff + header.e_phnum * sizeof(ElfW(Phdr)) > ouro__os_page_size()) {
        return;
    }
    for (size_t i = 0; i < header.e_phnum; i++) {
        ElfW(Phdr) part;
        memcpy(&part, (const char *)module->begin + header.e_phoff + i * sizeof part, sizeof part);
        uintptr_t at = module->bias + part.p_vaddr;
        if (at < module->begin || part.p_memsz > module->end - at) {
            continue;
        }
        if (part.p_type == PT_NOTE && module->n_build_id == 0) {
            find_build_id(module, (const uint8_t *)at, part.p_filesz);
        }
        if (part.p_type == PT_LOAD && (part.p_flags & PF_R) != 0 && module->unwinding != NULL &&
            (uintptr_t)module->unwinding - at < part.p_filesz) {
            module->tables = (const uint8_t *)at;
            module->tables_end = module->tables + part.p_filesz;
        }
    }
}

bool
ouro__os_module_find(uintptr_t address, struct ouro__os_module *module)
{
    struct found_object found;
    if (!find_object(address, &found)) {
        return false;
    }
    *module = (struct ouro__os_module){
        .begin = (uintptr_t)found.begin,
        .end = (uintptr_t)found.end,
        .bias = found.map->l_addr,
        .key = found.map,
        .path = found.map->l_name != NULL ? found.map->l_name : "",
        .unwinding = found.unwinding,
    };
    read_headers(module);
    if (module->tables == NULL) {
        module->unwinding = NULL;
    }
    return true;
}

bool
ouro__os_module_is_there(uintptr_t address, const struct ouro__os_module *module)
{
    struct found_object found;
    return find_object(address, &found) && (uintptr_t)found.begin == module->begin &&
           (uintptr_t)found.end == module->end && found.map == module->key &&
           found.map->l_name == module->path &&
           (module->unwinding == NULL || found.unwinding == module->unwinding);
}

size_t
ouro__os_program_path(char *path, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", path, size);
    return n > 0 ? (size_t)n : 0;
}

size_t
ouro__os_working_directory(char *path, size_t size)
{
    return getcwd(path, size) != NULL && path[0] == '/' ? strlen(path) : 0;
}

/* ---- stacks ---- */

/* Where the first thread's stack begins; nothing is mapped within 128 MiB below it, however small its limit.
 * @source Linux, mmap_base(): MIN_GAP */
extern void *__libc_stack_end;
#define FIRST_STACK_LEAST ((uintptr_t)128 << 20)

/* Of other threads: glibc and musl put what is the thread's own on top of its stack. */
static _Thread_local struct {
    uintptr_t from;                        /* from here to there all can be read; 0: not known */
    uintptr_t foreign_from, foreign_until; /* this was seen not to be that stack */
} stack;

/* A stack is rarely larger, and what is that far above is not it. */
#define STACK_MOST ((uintptr_t)64 << 20)

static uintptr_t
page_end(uintptr_t address)
{
    return (address | (ouro__os_page_size() - 1)) + 1;
}

/* Up to where pages can be read, from the end of the page that `address` is in, at most to `most`. */
static uintptr_t
readable_end(uintptr_t address, uintptr_t most)
{
    uintptr_t end = page_end(address);
    while (end < most && ouro__os_is_readable((const void *)end)) {
        end += ouro__os_page_size();
    }
    return end < most ? end : most;
}

uintptr_t
ouro__os_stack_end(uintptr_t address, bool *is_known)
{
    *is_known = true;
    uintptr_t first = (uintptr_t)__libc_stack_end;
    if (first - address < FIRST_STACK_LEAST) {
        return first;
    }
    uintptr_t own = (uintptr_t)__builtin_thread_pointer();
    if (stack.from != 0 && address - stack.from < own - stack.from) {
        return own;
    }
    if (own - address < STACK_MOST &&
        address - stack.foreign_from >= stack.foreign_until - stack.foreign_from) {
        uintptr_t wanted = stack.from > address ? stack.from : own;
        uintptr_t end = readable_end(address, wanted);
        if (end == wanted) {
            stack.from = address;
            return own;
        }
        stack.foreign_from = address;
        stack.foreign_until = end;
    }
    *is_known = false;
    return page_end(address);
}
