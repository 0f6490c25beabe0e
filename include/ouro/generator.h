/* ouro/generator.h - functions that give one value after another, and stand still in between.
 *
 * What a generator remembers while it stands still is its frame: a struct that begins with an ouro_generator, and a type
 * of it made from ouro_generator_type(), with its references declared like any type's.  Its function is called again for
 * each value and goes on where it stood:
 *
 *     struct count {
 *         ouro_generator generator;
 *         int64_t i;
 *     };
 *
 *     static ouro_status
 *     count_to_ten(ouro_generator *self)
 *     {
 *         struct count *frame = (struct count *)self;
 *
 *         OURO_GENERATOR_BEGIN(self);
 *         for (frame->i = 1; frame->i <= 10; frame->i++) {
 *             OURO_YIELD(self, ouro_int_new(frame->i));
 *         }
 *         OURO_GENERATOR_END(self);
 *         return self->status;
 *     }
 *
 * Variables of the function itself do not outlive a yield, and a yield does not stand in a `switch` of the function's own.
 * What stands behind OURO_GENERATOR_END is the clean-up: it runs once, however the generator ends, but for one that
 * never began.  One that ends lets go of its frame at once.
 *
 * A generator is an iterator, <ouro/protocol.h>.  One that is dropped before its end, or found in a cycle of garbage, is
 * closed.  Any thread may have it go on, one at a time.
 *
 * @source  PEP 255, 342, 380, 442; Duff, "On Coroutines in C" (1983) for the switch */
#ifndef OURO_GENERATOR_H
#define OURO_GENERATOR_H

#include <ouro/number.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a generator's frame begins with. */
typedef struct ouro_generator ouro_generator;

/**
 * What a generator does from one value to the next: written with the macros below.
 *
 * @return OURO_FOUND with a value given, OURO_OK at the end, or a failure
 */
typedef ouro_status (*ouro_generator_resume)(ouro_generator *self);

/** What a frame begins with.  While the function runs it may look at `value` and `status`. */
struct ouro_generator {
    ouro_object head;             /**< of every object */
    ouro_generator_resume resume; /**< its function */
    ouro_ref value; /**< sent or thrown by who had it go on, or NULL; given, or returned, to them */
    ouro_ref inner; /**< the iterator that it delegates to, or NULL */
    ouro_generator *outer; /**< the generator that delegates to it and waits meanwhile; not counted */
    ouro_status status;    /**< what was thrown, or OURO_OK */
    uint16_t place;        /**< where it stands: a line of its source; 0: at the beginning */
    uint8_t phase;         /**< of the library */
};

/** The type of generators, borrowed: the base of the types of frames.  Those have no `finalize` of their own. */
OURO_API ouro_loan ouro_generator_type(void);

/**
 * A new generator, which has not begun.  Its frame is all zero: put in what its function is to find.
 *
 * @param type    of its frame, borrowed
 * @param resume  its function
 * @return a new reference, or NULL without memory
 */
OURO_API OURO_NODISCARD ouro_ref ouro_generator_new(ouro_loan type, ouro_generator_resume resume);

/**
 * Have a generator go on: the yield where it stands is done, with `value` sent.
 *
 * @param generator  borrowed
 * @param value      borrowed; NULL is None, as ouro_next() sends
 * @param result     receives a new reference: what it yields, what it returns at its end (None, if nothing), or what it
 *                   fails with, which may be NULL.  NULL: it is not wanted
 * @return OURO_FOUND when it yields; OURO_OK at its end, and ever after; OURO_BUSY when it is running, or delegates to
 *         itself; OURO_WRONG_VALUE when it has not begun and the value is not None; or what its function fails with
 * @source CPython Objects/genobject.c, gen_send_ex2()
 */
OURO_API OURO_NODISCARD ouro_status ouro_generator_send(ouro_loan generator, ouro_loan value,
                                                        ouro_ref *result);

/**
 * Have the yield where a generator stands fail.  One that has not begun, or has ended, fails with it at once.
 *
 * @param generator  borrowed
 * @param status     the failure; OURO_WRONG_VALUE, and nothing happens, when it is none
 * @param value      goes with it; borrowed, or NULL
 * @param result     as of ouro_generator_send()
 * @return as of ouro_generator_send()
 * @source CPython Objects/genobject.c, _gen_throw()
 */
OURO_API OURO_NODISCARD ouro_status ouro_generator_throw(ouro_loan generator, ouro_status status,
                                                         ouro_loan value, ouro_ref *result);

/**
 * End a generator: the yield where it stands fails with OURO_CLOSED, so that it cleans up.
 *
 * @return OURO_OK; OURO_BUSY when it is running; OURO_FAILED when it yields again instead; or what it fails with
 * @source CPython Objects/genobject.c, gen_close()
 */
OURO_API OURO_NODISCARD ouro_status ouro_generator_close(ouro_loan generator);

/* ---- writing one ---- */

/** The beginning, behind the function's declarations. */
#define OURO_GENERATOR_BEGIN(self)                                                                     \
    switch ((self)->place) {                                                                           \
    default:

/** The end, and the beginning of the clean-up, which itself ends with `return self->status`. */
#define OURO_GENERATOR_END(self)                                                                       \
    ouro__generator_return((self), NULL);                                                              \
    }                                                                                                  \
    goto ouro_generator_end;                                                                           \
    ouro_generator_end:

/** Give a value, which is stolen, and stand still; NULL fails with OURO_NO_MEMORY.  What is thrown leads to the end. */
#define OURO_YIELD(self, stolen) OURO_YIELD_OR(self, stolen, ouro_generator_end)

/** The same, but what is thrown leads to a label of the function: `status` and `value` say what it is.  There
 * `goto ouro_generator_end` throws it on. */
#define OURO_YIELD_OR(self, stolen, label)                                                             \
    do {                                                                                               \
        if (!ouro__generator_yield((self), (stolen), __LINE__)) {                                      \
            goto label;                                                                                \
        }                                                                                              \
        return OURO_FOUND;                                                                             \
    case __LINE__:                                                                                     \
        if ((self)->status < 0) {                                                                      \
            goto label;                                                                                \
        }                                                                                              \
    } while (0)

/** Give all that an iterator gives, which is stolen; NULL fails with OURO_NO_MEMORY.  Is it a generator, then it
 * receives what is sent and thrown meanwhile, and `value` is what it returns.  However deep they delegate to each
 * other, that takes no more of the stack.  @source PEP 380 */
#define OURO_YIELD_FROM(self, stolen) OURO_YIELD_FROM_OR(self, stolen, ouro_generator_end)

/** The same, but what fails or is thrown leads to a label. */
#define OURO_YIELD_FROM_OR(self, stolen, label)                                                        \
    do {                                                                                               \
        if (!ouro__generator_delegate((self), (stolen), __LINE__)) {                                   \
            goto label;                                                                                \
        }                                                                                              \
        return OURO_FOUND;                                                                             \
    case __LINE__:                                                                                     \
        if ((self)->status < 0) {                                                                      \
            goto label;                                                                                \
        }                                                                                              \
    } while (0)

/** End with a value, which is stolen; NULL: None. */
#define OURO_RETURN(self, stolen)                                                                      \
    do {                                                                                               \
        ouro__generator_return((self), (stolen));                                                      \
        goto ouro_generator_end;                                                                       \
    } while (0)

/** Fail with a status and a value, which is stolen and may be NULL. */
#define OURO_THROW(self, failure, stolen)                                                              \
    do {                                                                                               \
        ouro__generator_return((self), (stolen));                                                      \
        (self)->status = (failure);                                                                    \
        goto ouro_generator_end;                                                                       \
    } while (0)

/* What the macros do. */
static inline bool
ouro__generator_stand(ouro_generator *self, uint16_t place, bool has_memory)
{
    self->place = place;
    self->status = has_memory ? OURO_OK : OURO_NO_MEMORY;
    return has_memory;
}

static inline bool
ouro__generator_yield(ouro_generator *self, ouro_ref stolen, uint16_t place)
{
    ouro_assign(&self->value, stolen);
    return ouro__generator_stand(self, place, stolen != NULL);
}

static inline bool
ouro__generator_delegate(ouro_generator *self, ouro_ref stolen, uint16_t place)
{
    ouro_clear(&self->value);
    self->inner = stolen;
    return ouro__generator_stand(self, place, stolen != NULL);
}

static inline void
ouro__generator_return(ouro_generator *self, ouro_ref stolen)
{
    ouro_assign(&self->value, stolen);
    self->status = OURO_OK;
}

#ifdef __cplusplus
}
#endif

#endif
