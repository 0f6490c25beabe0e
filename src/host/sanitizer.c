/* sanitizer.c - programs that were built with a sanitizer, which must come first.
 *
 * The address, memory, thread and leak sanitizers bring a malloc of their own.  Where it is in a library
 * (GCC's default), that library ends the program when another one was loaded before it.  So we begin the
 * program anew without us: nothing of it has run yet.  Its children are not followed either.  Where the
 * sanitizer is linked into the program (clang's default), its malloc is found before ours; we do nothing else
 * either, since our constructor runs before the sanitizer is ready.
 *
 * Not one function of libc may be called here: the sanitizer has its own in front of most, and looks around
 * at the first call.  The bytes are volatile, so that the compiler doesn't find a strlen() in a loop. */
#define _GNU_SOURCE
#include "host/host.h"

#include <link.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/symbols.h"

typedef volatile char text;

extern elf_dynamic _DYNAMIC[] __attribute__((visibility("hidden")));

static bool
begins_with(const text *with, const char *beginning)
{
    for (; *beginning != '\0'; with++, beginning++) {
        if (*with != *beginning) {
            return false;
        }
    }
    return true;
}

/* What follows the last slash before `end`, or before the terminating NUL when that is NULL. */
static const text *
file_name(const text *path, const text *end)
{
    const text *name = path;
    for (; path != end && *path != '\0'; path++) {
        if (*path == '/') {
            name = path + 1;
        }
    }
    return name;
}

static bool
is_sanitizer(const text *path)
{
    static const char *const names[] = {"libasan.so",       "libtsan.so",        "liblsan.so",
                                        "libhwasan.so",     "libclang_rt.asan",  "libclang_rt.tsan",
                                        "libclang_rt.lsan", "libclang_rt.hwasan"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (begins_with(file_name(path, NULL), names[i])) {
            return true;
        }
    }
    return false;
}

/* Whether the program itself has a sanitizer in it, which it then shows to libraries. */
static bool
is_built_in(const struct link_map *program)
{
    static const char *const names[] = {"__asan_init", "__msan_init", "__tsan_init", "__lsan_init",
                                        "__hwasan_init"};
    struct symbols symbols;
    if (!ouro__symbols_find(&symbols, program)) {
        return false;
    }
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        uint32_t at = 0;
        elf_symbol *symbol = ouro__symbols_next(&symbols, names[i], &at);
        if (symbol != NULL && symbol->st_shndx != SHN_UNDEF) {
            return true;
        }
    }
    return false;
}

static bool
is_separator(char c)
{
    return c == ':' || c == ' ' || c == '\0';
}

/* Whether the item [item, end) of a list is the file called `name`. */
static bool
is_item(const text *item, const text *end, const text *name)
{
    const text *at = file_name(item, end);
    while (at != end && *at == *name) {
        at++;
        name++;
    }
    return at == end && *name == '\0';
}

/* Take the items called `name` out of a list in place.  Returns whether there were any. */
static bool
remove_items(text *list, const text *name)
{
    text *out = list;
    bool found = false;
    for (text *item = list; *item != '\0';) {
        text *end = item;
        while (!is_separator(*end)) {
            end++;
        }
        text *next = *end == '\0' ? end : end + 1;
        if (is_item(item, end, name)) {
            found = true;
            item = next;
        }
        while (item != next) {
            *out++ = *item++;
        }
    }
    *out = '\0';
    return found;
}

/* Begin the program anew without this library; returns when that can't be done. */
static void
begin_anew(const text *own_path, char **arguments, char **environment)
{
    bool found = false;
    for (char **at = environment; *at != NULL; at++) {
        if (begins_with(*at, "LD_PRELOAD=")) {
            found |= remove_items(*at + sizeof "LD_PRELOAD=" - 1, file_name(own_path, NULL));
        }
    }
    if (!found) { /* loaded some other way: it would be so again */
        return;
    }
    char path[1024];
    long length = syscall(SYS_readlink, "/proc/self/exe", path, sizeof path - 1);
    if (length > 0) { /* by its own name: /proc/self/comm is made of it */
        path[length] = '\0';
        (void)syscall(SYS_execve, path, arguments, environment);
    }
    (void)syscall(SYS_execve, "/proc/self/exe", arguments, environment);
}

bool
ouro__sanitizer_found(char **arguments, char **environment)
{
    const text *own_path = NULL;
    bool in_library = false;

    for (const struct link_map *map = _r_debug.r_map; map != NULL; map = map->l_next) {
        in_library |= is_sanitizer(map->l_name);
        if (map->l_ld == _DYNAMIC) {
            own_path = map->l_name;
        }
    }
    /* When ld.so was run as a program (no AT_BASE), what it was to load can't be told. */
    if (in_library && own_path != NULL && getauxval(AT_BASE) != 0) {
        begin_anew(own_path, arguments, environment);
    }
    return in_library || is_built_in(_r_debug.r_map);
}
