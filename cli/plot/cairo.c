/* cairo.c - loading the library that draws. */
#define _GNU_SOURCE
#include "plot/cairo.h"

#include <dlfcn.h>
#include <string.h>

#include "text.h"

#define LIBRARY "libcairo.so.2"

/* The functions in the order in which the struct has them. */
static const char *const names[] = {
#define NAME(name) "cairo_" #name,
    OURO_CAIRO_FUNCTIONS(NAME)
#undef NAME
};

#define N_NAMES (sizeof names / sizeof *names)

_Static_assert(sizeof(struct ouro__cairo) == N_NAMES * sizeof(void *), "one pointer a function");

bool
ouro__cairo_load(struct ouro__cairo *cairo)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL); /* stays until the end */

    if (library == NULL) {
        ouro__say("cannot draw: %s (apt install libcairo2)", dlerror());
        return false;
    }
    for (size_t i = 0; i < N_NAMES; i++) {
        void *function = dlsym(library, names[i]);
        if (function == NULL) {
            ouro__say("cannot draw: " LIBRARY " has no %s", names[i]);
            return false;
        }
        memcpy((char *)cairo + i * sizeof function, &function, sizeof function);
    }
    return true;
}
