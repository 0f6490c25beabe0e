/* hello.c - objects that free themselves: a list, a number in it, and a list that holds itself. */
#include <stdio.h>

#include <ouro/ouro.h>

int
main(void)
{
    if (ouro_init(NULL) < 0) {
        fprintf(stderr, "no memory\n");
        return 1;
    }
    {
        OURO_SCOPED list = ouro_list_new(0);
        for (int i = 0; i < 3 && list != NULL; i++) {
            ouro_ref number = ouro_float_new(i * 1.5);
            if (number == NULL || ouro_list_append_steal(ouro_lend(list), number) < 0) {
                return 1;
            }
        }
        ouro_loan last = ouro_list_get_borrow(ouro_lend(list), 2);
        printf("%zu items, the last is %g\n", ouro_list_length(ouro_lend(list)),
               ouro_float_value(last));
    } /* the list goes here, and the numbers with it */

    ouro_ref snake = ouro_list_new(1);
    if (snake == NULL || ouro_list_append(ouro_lend(snake), ouro_lend(snake)) < 0) {
        return 1;
    }
    ouro_decref(snake); /* it still holds itself: only the collector finds that */
    printf("the collector found %zu object\n", ouro_gc_collect(2));
    return 0;
}

/* prints:
3 items, the last is 3
the collector found 1 object
*/
