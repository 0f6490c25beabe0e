/* cpython_api.c - is there a CPython in this process, and where are its functions. */
#define _GNU_SOURCE
#include "host/cpython.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "host/cpython_frames.h"
#include "host/symbols.h"
#include "os/modules.h"
#include "trace/trace.h"

struct py_api ouro__py;

/* A function pointer by name; not by dlsym(), which allocates when it fails. */
static bool
find_function(const char *name, void *place)
{
    void *address = ouro__symbols_global(name);
    memcpy(place, &address, sizeof address);
    return address != NULL;
}

/* "3.13.0 experimental free-threading build (main, ...". */
static void
parse_version(const char *text)
{
    size_t length = strcspn(text, " +");
    if (length >= sizeof ouro__py.version) {
        length = sizeof ouro__py.version - 1;
    }
    memcpy(ouro__py.version, text, length);
    ouro__py.version[length] = '\0';
    ouro__py.free_threaded = strstr(text, "free-threading") != NULL;

    unsigned part[3] = {0, 0, 0};
    char *rest = ouro__py.version;
    for (unsigned i = 0; i < 3; i++) {
        part[i] = (unsigned)strtoul(rest, &rest, 10) & 0xFF;
        if (*rest != '.') {
            ouro__py.is_prerelease = *rest != '\0'; /* "3.15.0a1" */
            break;
        }
        rest++;
    }
    ouro__py.hex = part[0] << 24 | part[1] << 16 | part[2] << 8;
}

bool
ouro__cpython_find(void)
{
    bool is_whole = true;
#define FIND(result, name, arguments) is_whole = is_whole && find_function(#name, &ouro__py.name);
    OURO_CPYTHON_FUNCTIONS(FIND)
#undef FIND
    /* The name changed with 3.13. */
    is_whole =
        is_whole && (find_function("PyThreadState_GetUnchecked", &ouro__py.current_thread_state) ||
                     find_function("_PyThreadState_UncheckedGet", &ouro__py.current_thread_state));
    is_whole = is_whole && (find_function("Py_IsFinalizing", &ouro__py.is_finalizing) ||
                            find_function("_Py_IsFinalizing", &ouro__py.is_finalizing));
    ouro__py.none = ouro__symbols_global("_Py_NoneStruct");
    if (!is_whole || ouro__py.none == NULL) {
        return false;
    }
    parse_version(ouro__py.Py_GetVersion());
    return ouro__py.hex >= 0x03090000 && ouro__py.hex < 0x04000000;
}

static bool
begin(void)
{
    if (!ouro__host_has_begun() || !ouro__cpython_find() || !ouro__host_serves_malloc()) {
        return false;
    }
    ouro__cpython_serve();
    ouro__cpython_watch();
    ouro__trace_set_source(ouro__settings_get()->native ? ouro__cpython_mixed_frames()
                                                        : ouro__cpython_frames());
    return true;
}

/* After the process's own constructor, before main(). */
__attribute__((constructor)) static void
begin_with_process(void)
{
    (void)begin();
}

/* The start-up code that each library is linked with calls this, meant for profilers, where somebody has it: the library is
 * in its place then, and nothing of it has run.  So an interpreter that comes by dlopen() is met before it starts.  It stays
 * in memory from then on, as what we have of it are addresses. */
OURO_API void __gmon_start__(void);

OURO_API void
__gmon_start__(void)
{
    struct ouro__os_module caller;
    struct symbols symbols;
    uint32_t at = 0;

    if (ouro__py.hex == 0 && ouro__host_has_begun() &&
        ouro__os_module_find((uintptr_t)__builtin_return_address(0), &caller) &&
        ouro__symbols_find(&symbols, caller.key) &&
        ouro__symbols_next(&symbols, "PyMem_SetAllocator", &at) != NULL && begin()) {
        (void)dlopen(caller.path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    }
}
