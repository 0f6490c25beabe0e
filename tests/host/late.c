/* late.c - a program that opens a CPython when it has run for a while: LIBRARY and how, one letter each:
 * t: threads allocate meanwhile; g: its names are for all; c: it is opened and closed before. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "check.h"

enum { N_THREADS = 2 };

static volatile int is_over;

static void *
allocate(void *unused)
{
    (void)unused;
    while (!is_over) {
        void *volatile block = malloc(100);
        free(block);
    }
    return NULL;
}

/* ISO C knows no function that is an object. */
static void
look_up(void *library, const char *name, void *place)
{
    void *found = dlsym(library, name);
    CHECK(found != NULL);
    memcpy(place, &found, sizeof found);
}

static void
run_python(const char *path, int flags, const char *code)
{
    void (*begin)(int), (*end)(void);
    int (*run)(const char *);
    void *library = dlopen(path, flags);
    CHECK(library != NULL);
    look_up(library, "Py_InitializeEx", &begin);
    look_up(library, "PyRun_SimpleString", &run);
    look_up(library, "Py_Finalize", &end);
    begin(0);
    CHECK(run(code) == 0);
    end();
}

int
main(int argc, char **argv)
{
    pthread_t threads[N_THREADS];
    CHECK(argc == 4);
    const char *path = argv[1], *how = argv[2];
    int n_threads = strchr(how, 't') != NULL ? N_THREADS : 0;

    for (int i = 0; i < n_threads; i++) {
        CHECK(pthread_create(&threads[i], NULL, allocate, NULL) == 0);
    }
    if (strchr(how, 'c') != NULL) {
        void *library = dlopen(path, RTLD_NOW);
        CHECK(library != NULL && dlclose(library) == 0);
    }
    run_python(path, RTLD_NOW | (strchr(how, 'g') != NULL ? RTLD_GLOBAL : RTLD_LOCAL), argv[3]);
    is_over = 1;
    for (int i = 0; i < n_threads; i++) {
        pthread_join(threads[i], NULL);
    }
    return 0;
}
