/* library_frames.c - which functions came with the language that a program is written in.
 *
 * Templates and generic functions are compiled into the program that uses them: that they are a library's is seen from
 * where their source lay when they were compiled.  Without debug information names have to do.
 *
 * @source Itanium C++ ABI, 5.1.3 and 5.1.4; the rustc book, "Remap source paths", and "Symbol Mangling" */
#include "view/library_frames.h"

#include <ctype.h>
#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

static bool
begins_with_any(const char *text, const char *const *beginnings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strncmp(text, beginnings[i], strlen(beginnings[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Rust's library has lost the folder that it was compiled in, or has that of the toolchain when its sources are
 * installed; distributions have it where their compiler was built. */
static bool
is_library_source(const char *file)
{
    static const char *const remapped[] = {"/rustc/", "/rust/deps/", "/usr/src/rustc-"};
    static const char *const folders[] = {"/include/c++/", "/rustlib/src/rust/library/",
                                          "/rustlib/src/rust/vendor/"};
    if (begins_with_any(file, remapped, sizeof remapped / sizeof *remapped)) {
        return true;
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (strstr(file, folders[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* std:: and what libstdc++ has beside it; St, Sa, Ss and so on are short for names in std. */
static bool
is_cpp_library_name(const char *linked)
{
    static const char *const beginnings[] = {"_ZSt",   "_ZNSt",         "_ZNKSt",
                                             "_ZNSa",  "_ZNKSa",        "_ZNSs",
                                             "_ZNKSs", "_ZN9__gnu_cxx", "_ZNK9__gnu_cxx"};
    return begins_with_any(linked, beginnings, sizeof beginnings / sizeof *beginnings);
}

/* Whether a path, or a type's name, begins in a crate of Rust's library; a type without a crate is the language's own. */
static bool
is_rust_library_path(const char *path)
{
    static const char *const crates[] = {
        "std::", "core::", "alloc::", "hashbrown::", "__rust", "rust_"};
    static const char *const before[] = {"mut ", "dyn ", "const "};
    size_t n = 0;
    for (bool is_before = true; is_before;) {
        path += strspn(path, "&*[(<");
        is_before = false;
        for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
            if (strncmp(path, before[i], strlen(before[i])) == 0) {
                path += strlen(before[i]);
                is_before = true;
            }
        }
    }
    while (isalnum((unsigned char)path[n]) || path[n] == '_') {
        n++;
    }
    return strncmp(path + n, "::", 2) != 0 ||
           begins_with_any(path, crates, sizeof crates / sizeof *crates);
}

/* The trait of "<type as trait>::function", NULL where there is none. */
static const char *
trait_of(const char *name)
{
    int depth = 0;
    for (const char *at = name; *at != '\0'; at++) {
        depth += *at == '<' ? 1 : *at == '>' && at[-1] != '-' ? -1 : 0;
        if (depth == 0) {
            return NULL;
        }
        if (depth == 1 && strncmp(at, " as ", 4) == 0) {
            return at + 4;
        }
    }
    return NULL;
}

/* A method of the library's types is the program's when its trait is. */
static bool
is_rust_library_name(const char *linked, const char *name)
{
    char *plain = rust_demangle(linked, 0);
    const char *trait = plain == NULL ? NULL : trait_of(name);
    bool is_path = plain != NULL && strstr(name, "::") != NULL;
    free(plain);
    return is_path && is_rust_library_path(name) && (trait == NULL || is_rust_library_path(trait));
}

bool
ouro__frame_is_of_library(const char *file, const char *linked, const char *name)
{
    if (file != NULL) {
        return is_library_source(file);
    }
    return linked != NULL && name != NULL &&
           (is_cpp_library_name(linked) || is_rust_library_name(linked, name));
}
