/* kinds.c - see kinds.h. */
#include "kinds.h"

#include <stdlib.h>

struct kind kind_exclusive = {"exclusive", {.kind = OURO_HEAP_EXCLUSIVE}};
struct kind kind_shared = {"shared", {.kind = OURO_HEAP_SHARED}};
struct kind kind_exclusive_debug = {"exclusive debug", {.kind = OURO_HEAP_EXCLUSIVE, .debug = true}};
struct kind kind_shared_debug = {"shared debug", {.kind = OURO_HEAP_SHARED, .debug = true}};

int
fixture_setup(void **state)
{
    struct fixture *fixture = malloc(sizeof *fixture);
    if (fixture == NULL) {
        return -1;
    }
    fixture->kind = *state;
    fixture->heap = ouro_heap_create(&fixture->kind->config);
    if (fixture->heap == NULL) {
        free(fixture);
        return -1;
    }
    *state = fixture;
    return 0;
}

int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    ouro_heap_destroy(fixture->heap);
    free(fixture);
    return 0;
}
