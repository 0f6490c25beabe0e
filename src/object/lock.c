/* lock.c - a lock of one byte in each object, and where threads wait for it.
 *
 *   0 free    1 held, nobody waits    2 held, and somebody may wait
 *
 * Who waits sleeps in one of a few beds, found by the object's address; a bed's sleepers all wake when one
 * of its objects is unlocked, and look again.  A sleeper is detached: it holds up nobody who stops the world.
 *
 * Containers are mostly used by the thread that made them, and an atomic instruction costs as much as the rest
 * of appending to a list.  So the owner only notes which object it uses.  The first other thread takes the lock, marks
 * the object OBJECT_SHARED, has the system run a memory barrier on all threads, and waits until the owner is not
 * noted to use it.  Either the owner's note came before the barrier, and is seen; or the owner looks at the mark
 * after it, and sees that.  From then on all take the lock, the owner too.
 *
 * @source  Dice, Huang, Yang, "Asymmetric Dekker Synchronization" (2001); membarrier(2) */
#include "object/object.h"

#define N_BEDS 64
#define SPINS 40

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* ranges in initialisers: gcc and clang have them */
static struct bed {
    ouro__os_lock lock;
    ouro__os_condition unlocked;
} beds[N_BEDS] = {
    [0 ... N_BEDS - 1] = {OURO_OS_LOCK_INIT, OURO_OS_CONDITION_INIT},
};
#pragma GCC diagnostic pop

static struct bed *
bed_of(const ouro_object *object)
{
    return &beds[((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15U >> 58];
}

static bool
try_lock(ouro_object *object, uint8_t how)
{
    uint8_t free = 0;
    return __atomic_compare_exchange_n(&object->lock, &free, how, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

/* Sleep until the object may be free.  Only look: who is detached must not touch objects. */
static void
sleep_on(const ouro_object *object)
{
    struct bed *bed = bed_of(object);

    ouro__os_acquire(&bed->lock);
    if (__atomic_load_n(&object->lock, __ATOMIC_RELAXED) == 2) {
        ouro__os_wait(&bed->unlocked, &bed->lock);
    }
    ouro__os_release(&bed->lock);
}

void
ouro__lock_slow(ouro_object *object)
{
    for (int i = 0; i < SPINS; i++) {
        if (try_lock(object, 1)) {
            return;
        }
    }
    struct thread *self = ouro__thread_self;
    while (__atomic_exchange_n(&object->lock, 2, __ATOMIC_ACQUIRE) != 0) {
        if (self != NULL) {
            ouro__thread_leave(self);
        }
        sleep_on(object);
        if (self != NULL) {
            ouro__thread_enter(self);
        }
    }
}

void
ouro__unlock_slow(ouro_object *object)
{
    struct bed *bed = bed_of(object);

    ouro__os_acquire(&bed->lock); /* so that nobody falls asleep between looking and sleeping */
    uint8_t was = __atomic_exchange_n(&object->lock, 0, __ATOMIC_RELEASE);
    OURO_CHECK(was != 0, "the lock of object %p was released but not held", (void *)object);
    ouro__os_wake(&bed->unlocked);
    ouro__os_release(&bed->lock);
}

void
ouro_lock(ouro_loan object)
{
    ouro__lock(ouro_look(object));
}

void
ouro_unlock(ouro_loan object)
{
    ouro__unlock(ouro_look(object));
}

/* ---- the owner's way ---- */

static bool has_bias;

uint8_t
ouro__locks_init(void)
{
    has_bias = ouro__os_barriers_init();
    return has_bias ? 0 : OBJECT_SHARED;
}

bool
ouro__use_slow(ouro_object *object)
{
    if (ouro__thread_self != NULL && ouro__thread_self->is_alone) { /* nobody is inside a use */
        return false;
    }
    ouro__lock(object);
    uint16_t number = __atomic_load_n(&object->owner, __ATOMIC_RELAXED);
    if (has_bias && number != NO_OWNER && number != ouro__self &&
        !(__atomic_load_n(&object->flags, __ATOMIC_RELAXED) & OBJECT_SHARED)) {
        const struct thread *owner = ouro__thread_of(number);
        __atomic_fetch_or(&object->flags, OBJECT_SHARED, __ATOMIC_SEQ_CST);
        ouro__os_barrier_everywhere();
        for (unsigned n = 0; __atomic_load_n(&owner->used, __ATOMIC_ACQUIRE) == object ||
                             __atomic_load_n(&owner->used_too, __ATOMIC_ACQUIRE) == object;
             n++) {
            ouro__os_yield(n);
        }
    }
    return true;
}

void
ouro__locks_after_fork(void)
{
    for (unsigned i = 0; i < N_BEDS; i++) { /* who goes to bed is detached: it may have held the lock */
        beds[i] = (struct bed){OURO_OS_LOCK_INIT, OURO_OS_CONDITION_INIT};
    }
    has_bias = has_bias && ouro__os_barriers_init();
}
