/* threads.c - four threads that fill one list, and a fifth, the first, that counts what they made. */
#include <pthread.h>
#include <stdio.h>

#include <ouro/ouro.h>

#define N_THREADS 4
#define N_ITEMS 100000

static void *
fill(void *list)
{
    if (ouro_thread_attach() < 0) {
        return NULL;
    }
    for (int i = 0; i < N_ITEMS; i++) {
        ouro_ref item = ouro_tuple_new(0, NULL);
        if (item == NULL || ouro_list_append_steal(ouro_lend(list), item) < 0) {
            break;
        }
    }
    ouro_thread_detach();
    return NULL;
}

int
main(void)
{
    pthread_t threads[N_THREADS];
    int n = 0;

    if (ouro_init(NULL) < 0) {
        fprintf(stderr, "no memory\n");
        return 1;
    }
    ouro_ref list = ouro_list_new(0);
    while (list != NULL && n < N_THREADS && pthread_create(&threads[n], NULL, fill, list) == 0) {
        n++;
    }
    ouro_thread_detach(); /* it waits: nobody who stops the world shall wait for it */
    for (int i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
    }
    if (list == NULL || ouro_thread_attach() < 0) {
        return 1;
    }
    printf("%zu items\n", ouro_list_length(ouro_lend(list)));
    ouro_decref(list);
    return 0;
}

/* prints:
400000 items
*/
