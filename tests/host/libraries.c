/* libraries.c - dlopen and dlclose, with blocks that pass between libraries and the program.
 *
 *   libraries LIBRARY [deep]   deep: the library finds its own libc first (RTLD_DEEPBIND) */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>

#include "check.h"

static const char *path;
static int flags = RTLD_NOW;

static void *
find(void *library, const char *name)
{
    void *found = dlsym(library, name);
    CHECK(found != NULL);
    return found;
}

static void
use_library(void)
{
    void *library = dlopen(path, flags);
    CHECK(library != NULL);
    char *(*make_text)(const char *);
    void (*drop_text)(char *);
    int (*is_whole)(void);
    void *found = find(library, "make_text");
    memcpy(&make_text, &found, sizeof found);
    found = find(library, "drop_text");
    memcpy(&drop_text, &found, sizeof found);
    found = find(library, "is_whole");
    memcpy(&is_whole, &found, sizeof found);

    char *text = make_text("a text made there");
    CHECK(strcmp(text, "a text made there") == 0);
    text = realloc(text, 100000);
    CHECK(text != NULL && strcmp(text, "a text made there") == 0);
    drop_text(text);
    drop_text(strdup("a text made here"));
    free(make_text("made there, freed here"));
    CHECK(is_whole());
    CHECK(dlclose(library) == 0);
}

static void *
use_often(void *context)
{
    for (int i = 0; i < 100; i++) {
        use_library();
    }
    return context;
}

int
main(int n_arguments, char **arguments)
{
    pthread_t threads[4];
    CHECK(n_arguments >= 2);
    path = arguments[1];
    if (n_arguments > 2) {
        flags |= RTLD_DEEPBIND;
    }
    CHECK(dlopen("/nonexistent/library.so", RTLD_NOW) == NULL && dlerror() != NULL);
    CHECK(dlsym(RTLD_DEFAULT, "no_such_function_anywhere") == NULL && dlerror() != NULL);
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, use_often, NULL) == 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    puts("ok");
    return 0;
}
