/* generator.c - a generator without end: the numbers of Fibonacci, of any size, as long as somebody wants them. */
#include <stdio.h>

#include <ouro/ouro.h>

/* Its frame: what it remembers from one value to the next. */
struct fibonacci {
    ouro_generator generator;
    ouro_ref a, b;
};

static ouro_status
fibonacci(ouro_generator *self)
{
    struct fibonacci *frame = (struct fibonacci *)self;
    ouro_ref sum = NULL;

    OURO_GENERATOR_BEGIN(self);
    frame->a = ouro_int_new(0);
    frame->b = ouro_int_new(1);
    for (;;) {
        OURO_YIELD(self, ouro_incref(ouro_lend(frame->a)));
        ouro_status status = ouro_int_add(ouro_lend(frame->a), ouro_lend(frame->b), &sum);
        if (status < 0) {
            OURO_THROW(self, status, NULL);
        }
        ouro_assign(&frame->a, frame->b);
        frame->b = sum;
    }
    OURO_GENERATOR_END(self);
    printf("no more: %s\n", ouro_status_text(self->status));
    return self->status;
}

int
main(void)
{
    static const ouro_field fields[] = {OURO_FIELD(struct fibonacci, a),
                                        OURO_FIELD(struct fibonacci, b)};
    ouro_type_spec spec = {
        .name = "fibonacci", .size = sizeof(struct fibonacci), .n_fields = 2, .fields = fields};
    ouro_ref type = NULL, number = NULL;

    if (ouro_init(NULL) < 0) {
        return 1;
    }
    spec.base = ouro_generator_type();
    if (ouro_type_create(&spec, &type) < 0) {
        return 1;
    }
    ouro_ref numbers = ouro_generator_new(ouro_lend(type), fibonacci);
    for (int i = 0; numbers != NULL && ouro_next(ouro_lend(numbers), &number) == OURO_FOUND; i++) {
        if (i < 10 || i == 200) {
            OURO_SCOPED text = ouro_repr(ouro_lend(number));
            const char *digits = text != NULL ? ouro_str_ascii_borrow(ouro_lend(text)) : "?";
            printf("%s%c", digits, i < 9 ? ' ' : '\n');
        }
        ouro_decref(number);
        if (i == 200) {
            ouro_clear(&numbers); /* it is dropped, and so closed */
        }
    }
    ouro_decref(type);
    return 0;
}

/* prints:
0 1 1 2 3 5 8 13 21 34
280571172992510140037611932413038677189525
no more: a generator is being closed
*/
