/* cache.c - a cache that does not leak: it knows its objects by weak references, and hears of their end. */
#include <stdio.h>

#include <ouro/ouro.h>

#define ROOM 8

static ouro_ref cache[ROOM]; /* weak references */
static int n_gone;

static ouro_status
forget(ouro_loan weakref, ouro_loan context)
{
    (void)context;
    for (int i = 0; i < ROOM; i++) {
        if (ouro_lend(cache[i]) == weakref) {
            ouro_clear(&cache[i]);
            n_gone++;
        }
    }
    return OURO_OK;
}

/* A new reference to the value of `key`, made when it is not there; NULL without memory. */
static ouro_ref
get(int key)
{
    ouro_ref value = cache[key] != NULL ? ouro_weakref_get(ouro_lend(cache[key])) : NULL;
    if (value == NULL) {
        value = ouro_list_new(0);
        if (value != NULL && ouro_weakref_create(ouro_lend(value), forget, NULL, &cache[key]) < 0) {
            ouro_clear(&value);
        }
    }
    return value;
}

int
main(void)
{
    if (ouro_init(NULL) < 0) {
        fprintf(stderr, "no memory\n");
        return 1;
    }
    ouro_ref first = get(3), second = get(3), other = get(4);
    printf("the same object: %s\n", first == second ? "yes" : "no");
    ouro_xdecref(first);
    ouro_xdecref(other);
    printf("gone: %d\n", n_gone);
    ouro_xdecref(second);
    printf("gone: %d\n", n_gone);
    return 0;
}

/* prints:
the same object: yes
gone: 1
gone: 2
*/
