/* generator.c - generators: what has them go on, one at a time, and lets go of their frames.
 *
 *           the first value wanted           a value given
 *   FRESH ------------------------> RUNNING ---------------> SUSPENDED
 *     |                              |   ^------------------------'
 *     | thrown, closed               v        the next wanted
 *     '----------------------------> ENDED
 *
 * Only who has found a generator FRESH or SUSPENDED and made it RUNNING touches its frame, but for the collector.
 *
 * A generator that delegates to another stands still where it does; each value wanted of it goes down the chain of
 * `inner` to the last one and what that gives comes back at once.  When the last one ends, who delegated to it goes on.
 * All of the chain is RUNNING meanwhile, and `outer` leads back, so that this is a loop and needs no stack.
 *
 * @source  CPython Objects/genobject.c; PEP 380 for delegation */
#include "types/types.h"

enum phase { FRESH, SUSPENDED, RUNNING, ENDED };

static struct ouro_type *generator_type;

/* What goes to a generator: OURO_OK and a value sent, or NULL for None; or a failure, thrown.  And what comes from it:
 * OURO_FOUND and a value, OURO_OK and what it returns, or a failure.  Owns its value. */
struct message {
    ouro_status status;
    ouro_ref value;
};

static ouro_generator *
generator_of(ouro_object *object)
{
    return (ouro_generator *)object;
}

static bool
is_generator(const ouro_object *object)
{
    return ouro_is_a((ouro_loan)object, ouro_generator_type());
}

/* ---- one generator ---- */

static void
set_phase(ouro_generator *generator, enum phase phase)
{
    bool locked = ouro__use(&generator->head);
    generator->phase = (uint8_t)phase;
    ouro__unuse(&generator->head, locked);
}

/* Have a generator that can go on RUNNING; returns what it was. */
static enum phase
claim(ouro_generator *generator)
{
    bool locked = ouro__use(&generator->head);
    enum phase was = generator->phase;
    if (was == FRESH || was == SUSPENDED) {
        generator->phase = RUNNING;
    }
    ouro__unuse(&generator->head, locked);
    return was;
}

static void
end(ouro_generator *generator)
{
    set_phase(generator, ENDED);
    ouro__clear_object(&generator->head);
}

static void
drop(struct message *message, ouro_status status)
{
    ouro_clear(&message->value);
    message->status = status;
}

/* Begin to have a generator go on with a message.  False when it can't: then the message is what comes of it. */
static bool
enter(ouro_generator *generator, struct message *message)
{
    bool is_thrown = message->status < 0;

    switch (claim(generator)) {
    case SUSPENDED:
        return true;
    case RUNNING:
        drop(message, OURO_BUSY);
        return false;
    case FRESH:
        if (is_thrown) {
            end(generator);
            return false;
        }
        if (message->value != NULL && message->value != ouro_none()) {
            set_phase(generator, FRESH);
            drop(message, OURO_WRONG_VALUE);
            return false;
        }
        return true;
    default: /* ENDED */
        if (!is_thrown) {
            drop(message, OURO_OK);
        }
        return false;
    }
}

/* Have it go on, by itself; returns what comes of it.  It is RUNNING still. */
static struct message
resume(ouro_generator *generator, struct message message)
{
    generator->status = message.status;
    ouro_assign(&generator->value, message.value);
    message.status = generator->resume(generator);
    message.value = generator->value;
    generator->value = NULL;
    if (message.status != OURO_FOUND) {
        end(generator);
    }
    return message;
}

/* Ask an iterator that is no generator. */
static void
step(ouro_loan iterator, struct message *message)
{
    if (message->status < 0) {
        return; /* nothing that could be thrown into */
    }
    if (message->value != NULL && message->value != ouro_none()) {
        drop(message, OURO_WRONG_TYPE); /* nobody takes it */
        return;
    }
    drop(message, OURO_OK);
    message->status = ouro_next(iterator, &message->value);
}

/* ---- chains ---- */

struct chain {
    ouro_generator *outermost;
    ouro_generator *generator; /* which is being looked at; it is RUNNING */
    /* An inner generator into which OURO_CLOSED was thrown: whether it fails with that or not, who delegates to it is
     * closed next, unless it gives another value, which is a failure. */
    ouro_generator *closing;
    ouro_ref closed_with; /* what was thrown with it: the outermost alone sees that */
    struct message message;
};

/* Into the generator that was just entered goes no more than OURO_CLOSED. */
static void
close_inner(struct chain *chain)
{
    if (chain->closing == NULL) {
        chain->closed_with = chain->message.value;
        chain->message.value = NULL;
    }
    chain->closing = chain->generator;
}

/* Take the message further in.  False when there is nobody further in, or the answer has come. */
static bool
descend(struct chain *chain)
{
    ouro_object *inner = chain->generator->inner;

    if (inner == NULL) {
        return false;
    }
    if (!is_generator(inner)) {
        step((ouro_loan)inner, &chain->message);
    } else if (enter(generator_of(inner), &chain->message)) {
        generator_of(inner)->outer = chain->generator;
        chain->generator = generator_of(inner);
        if (chain->message.status == OURO_CLOSED) {
            close_inner(chain);
        }
        return true;
    }
    if (chain->message.status != OURO_FOUND) {
        ouro_clear(&chain->generator->inner);
    }
    return false;
}

/* Go back to who delegates to `inner`, which goes on alone, with the message. */
static void
ascend(struct chain *chain, const ouro_generator *inner)
{
    bool was_closing = inner == chain->closing;

    chain->generator = inner->outer;
    ouro_clear(&chain->generator->inner);
    if (was_closing) {
        chain->closing = chain->generator != chain->outermost ? chain->generator : NULL;
    }
    if (was_closing && chain->closing == NULL && chain->message.status == OURO_CLOSED) {
        chain->message.value = chain->closed_with;
        chain->closed_with = NULL;
    }
}

/* A value was given: have all from the generator out SUSPENDED.  True when that is all; false when it was given by
 * one that is being closed. */
static bool
suspend(struct chain *chain)
{
    ouro_generator *closing = chain->closing;

    for (ouro_generator *each = chain->generator; each != NULL;) {
        ouro_generator *outer = each == closing ? NULL : each->outer;
        set_phase(each, SUSPENDED);
        each = outer;
    }
    if (closing != NULL) {
        drop(&chain->message, OURO_FAILED);
        ascend(chain, closing);
    }
    return closing == NULL;
}

/* Have the generator go on with the message, and when it ends who delegated to it, until there is a value, a further
 * delegation, or the end of the outermost. */
static void
go_on(struct chain *chain)
{
    for (;;) {
        const ouro_generator *generator = chain->generator;
        chain->message = resume(chain->generator, chain->message);
        ouro_status status = chain->message.status;
        if (status == OURO_FOUND || generator == chain->outermost) {
            return;
        }
        if (generator == chain->closing && (status == OURO_OK || status == OURO_CLOSED)) {
            drop(&chain->message, OURO_CLOSED);
        }
        ascend(chain, generator);
    }
}

/* Have a RUNNING generator, and those it delegates to, go on. */
static struct message
run(ouro_generator *outermost, struct message message)
{
    struct chain chain = {.outermost = outermost, .generator = outermost, .message = message};

    outermost->outer = NULL;
    for (bool done = false; !done;) {
        while (descend(&chain)) {
        }
        if (chain.message.status != OURO_FOUND) {
            go_on(&chain);
        }
        if (chain.message.status != OURO_FOUND) {
            done = true;
        } else if (chain.message.value == NULL) { /* it delegates to another from now on: ask that */
            OURO_ASSERT(chain.generator->inner != NULL);
            chain.message.status = OURO_OK;
        } else {
            done = suspend(&chain);
        }
    }
    ouro_xdecref(chain.closed_with);
    return chain.message;
}

static ouro_status
deliver(ouro_loan loan, ouro_status status, ouro_loan value, ouro_ref *result)
{
    ouro_generator *generator = generator_of(ouro_look(loan));
    struct message message = {status, value != NULL ? ouro_incref(value) : NULL};

    OURO_ASSERT(is_generator(&generator->head));
    if (enter(generator, &message)) {
        message = run(generator, message);
    }
    if (result == NULL) {
        ouro_xdecref(message.value);
    } else if (message.status == OURO_OK && message.value == NULL) {
        *result = ouro_none();
    } else {
        *result = message.value;
    }
    return message.status;
}

ouro_status
ouro_generator_send(ouro_loan generator, ouro_loan value, ouro_ref *result)
{
    return deliver(generator, OURO_OK, value, result);
}

ouro_status
ouro_generator_throw(ouro_loan generator, ouro_status status, ouro_loan value, ouro_ref *result)
{
    return status < 0 ? deliver(generator, status, value, result) : OURO_WRONG_VALUE;
}

ouro_status
ouro_generator_close(ouro_loan generator)
{
    ouro_status status = deliver(generator, OURO_CLOSED, NULL, NULL);
    return status == OURO_FOUND ? OURO_FAILED : status == OURO_CLOSED ? OURO_OK : status;
}

/* ---- the type ---- */

ouro_ref
ouro_generator_new(ouro_loan type, ouro_generator_resume function)
{
    ouro_ref made = ouro_new(type);
    if (made != NULL) {
        generator_of(made)->resume = function;
    }
    return made;
}

static ouro_status
finalize_generator(ouro_loan self)
{
    return generator_of(ouro_look(self))->phase == SUSPENDED ? ouro_generator_close(self) : OURO_OK;
}

static ouro_status
next_of_generator(ouro_loan self, ouro_ref *item)
{
    ouro_ref result = NULL;
    ouro_status status = ouro_generator_send(self, NULL, &result);

    if (status == OURO_FOUND) {
        *item = result;
    } else {
        ouro_xdecref(result);
    }
    return status;
}

ouro_loan
ouro_generator_type(void)
{
    return (ouro_loan)&generator_type->head;
}

bool
ouro__generators_init(void)
{
    static const ouro_field fields[] = {OURO_FIELD(ouro_generator, value),
                                        OURO_FIELD(ouro_generator, inner)};
    const ouro_type_spec spec = {
        .name = "generator",
        .size = sizeof(ouro_generator),
        .n_fields = sizeof fields / sizeof *fields,
        .fields = fields,
        .flags = OURO_TYPE_BASE,
        .finalize = finalize_generator,
        .iterate = ouro__iterate_self,
        .next = next_of_generator,
    };
    return ouro__type_make(&spec, &generator_type);
}
