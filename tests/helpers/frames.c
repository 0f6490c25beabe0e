#include "frames.h"

#include "nodes.h"
#include "require.h"

static ouro_loan frame_type;

unsigned long n_cleaned;
ouro_status last_seen, unraisable;

void
note_clean_up(ouro_generator *self)
{
    __atomic_fetch_add(&n_cleaned, 1, __ATOMIC_RELAXED);
    last_seen = self->status;
}

void
note_unraisable(ouro_status status, const char *where, ouro_loan object, void *context)
{
    (void)where;
    (void)object;
    (void)context;
    unraisable = status;
}

int
frames_setup(void **state)
{
    int result = gc_setup(state);
    if (frame_type == NULL) {
        static const ouro_field fields[] = {OURO_FIELD(struct frame, data),
                                            OURO_FIELD(struct frame, other)};
        const ouro_type_spec spec = {.name = "frame",
                                     .base = ouro_generator_type(),
                                     .size = sizeof(struct frame),
                                     .n_fields = 2,
                                     .fields = fields};
        frame_type = type_for_good(&spec);
    }
    n_cleaned = 0;
    last_seen = OURO_OK;
    return result;
}

ouro_ref
make(ouro_generator_resume resume, int64_t n)
{
    ouro_ref generator = ouro_generator_new(frame_type, resume);
    REQUIRE(generator != NULL, "no memory for a generator");
    frame_of(generator)->n = n;
    return generator;
}

ouro_status
throw_in(ouro_ref generator, ouro_status status)
{
    return ouro_generator_throw(ouro_lend(generator), status, NULL, NULL);
}

/* ---- generators to try ---- */

ouro_status
count_up(ouro_generator *self)
{
    struct frame *frame = (struct frame *)self;

    OURO_GENERATOR_BEGIN(self);
    for (frame->i = 0; frame->i < frame->n; frame->i++) {
        OURO_YIELD(self, ouro_int_new(frame->i));
    }
    OURO_GENERATOR_END(self);
    note_clean_up(self);
    return self->status;
}

ouro_status
sum(ouro_generator *self)
{
    struct frame *frame = (struct frame *)self;

    OURO_GENERATOR_BEGIN(self);
    for (;;) {
        OURO_YIELD(self, ouro_int_new(frame->i));
        if (self->value == NULL || self->value == ouro_none()) {
            OURO_RETURN(self, ouro_int_new(frame->i));
        }
        frame->i += number_of(ouro_lend(self->value));
    }
    OURO_GENERATOR_END(self);
    note_clean_up(self);
    return self->status;
}

ouro_status
catch_all(ouro_generator *self)
{
    struct frame *frame = (struct frame *)self;

    OURO_GENERATOR_BEGIN(self);
    for (;;) {
        OURO_YIELD_OR(self, ouro_int_new(frame->i), caught);
        continue;
    caught:
        last_seen = self->status;
        frame->i = -(int64_t)self->status;
        if (self->status == OURO_CLOSED && frame->n == 2) {
            OURO_THROW(self, OURO_WRONG_TYPE, NULL);
        }
        if (self->status == OURO_CLOSED && frame->n == 0) {
            goto ouro_generator_end;
        }
    }
    OURO_GENERATOR_END(self);
    note_clean_up(self);
    return self->status;
}
