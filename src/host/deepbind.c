/* deepbind.c - libraries that find their own libc's malloc before ours.
 *
 * dlopen() with RTLD_DEEPBIND has a library look for names in its own dependencies first, and so its malloc()
 * and free() are libc's.  But libc itself calls ours: what strdup() returns was made here, and libc's free(),
 * called for it by such a library, aborts.  Without us both would be the same.
 *
 * To take the flag away would change what the library finds elsewhere, too.  Instead the names lead to us:
 * when the flag is first seen, the entries of the malloc family in libc's table of symbols are changed to our
 * addresses, in this process's copy of those pages.  What was bound before stays bound as it was.
 *
 * dlclose() goes on to the next one, and native frames hear of it.
 *
 * dlopen() looks at its return address to know who calls, since that library's own search path counts.  So
 * ours must end in a jump, not in a call. */
#define _GNU_SOURCE
#include "host/host.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "host/cpython.h"
#include "host/symbols.h"
#include "os/os.h"
#include "trace/unwind.h"

static bool
find_libc(struct symbols *symbols)
{
    Dl_info info;
    struct link_map *map;
    return dladdr1((void *)(uintptr_t)gnu_get_libc_version, &info, (void **)&map, RTLD_DL_LINKMAP) !=
               0 &&
           ouro__symbols_find(symbols, map);
}

/* Let a symbol lead to `value`, in a page that is made writable for as long. */
static void
redirect_symbol(elf_symbol *symbol, elf_address value)
{
    size_t page = ouro__os_page_size();
    uintptr_t from = (uintptr_t)symbol & ~(page - 1);
    uintptr_t to = ouro__round_up((uintptr_t)(symbol + 1), page);
    if (mprotect((void *)from, to - from, PROT_READ | PROT_WRITE) == 0) {
        __atomic_store_n(&symbol->st_value, value, __ATOMIC_RELAXED);
        (void)mprotect((void *)from, to - from, PROT_READ);
    }
}

static void
redirect_libc(void)
{
    static const char *const names[] = {
        "malloc",
        "calloc",
        "realloc",
        "reallocarray",
        "free",
        "cfree",
        "posix_memalign",
        "aligned_alloc",
        "memalign",
        "valloc",
        "pvalloc",
        "malloc_trim",
        "malloc_usable_size",
        "__libc_malloc",
        "__libc_calloc",
        "__libc_realloc",
        "__libc_free",
        "__libc_memalign",
        "__libc_valloc",
        "__libc_pvalloc",
    };
    struct symbols libc;
    if (!ouro__host_serves_malloc() || !find_libc(&libc)) {
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *ours = dlsym(RTLD_DEFAULT, names[i]);
        elf_symbol *symbol;
        uint32_t at = 0;
        while (ours != NULL && (symbol = ouro__symbols_next(&libc, names[i], &at)) != NULL) {
            redirect_symbol(symbol, (elf_address)ours - libc.base);
        }
    }
}

/* ---- dlopen ---- */

typedef void *dlopen_function(const char *, int);
static dlopen_function *next_dlopen;

static void
prepare_dlopen(const char *path, int flags)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (next_dlopen == NULL) {
        void *found = dlsym(RTLD_NEXT, "dlopen");
        memcpy(&next_dlopen, &found, sizeof found);
    }
    if (flags & RTLD_DEEPBIND) {
        (void)pthread_once(&once, redirect_libc);
    }
    ouro__cpython_before_library(path);
}

OURO_API OURO_ENDS_IN_A_JUMP void *
dlopen(const char *path, int flags)
{
    prepare_dlopen(path, flags);
    return next_dlopen(path, flags);
}

/* ---- dlclose ---- */

typedef int dlclose_function(void *);

/* What lies where a library was may be another library's, before the next block is traced. */
OURO_API int
dlclose(void *library)
{
    static dlclose_function *next_dlclose;
    if (next_dlclose == NULL) {
        void *found = dlsym(RTLD_NEXT, "dlclose");
        memcpy(&next_dlclose, &found, sizeof found);
    }
    int result = next_dlclose(library);
    ouro__unwind_forget();
    return result;
}
