/* count.c - what counting does when it is not the owner's, or when it comes to an end.
 *
 * The references to an object are `local` + the count in `shared`; either may be less than nothing, as when
 * the owner made references that others let go of.  The owner knows of the end when its count is 0 and the
 * other one, too; the others know when the object is MERGED, that is, has no owner any more.  An object that others
 * let go of first is left to its owner with that reference still counted (QUEUED): the owner
 * merges it at its next safepoint, or whoever comes by when the owner's thread has ended.
 *
 * @source  PEP 703, "Biased Reference Counting"; CPython Objects/object.c, _Py_DecRefSharedIsDead() and
 *          _Py_ExplicitMergeRefcount() */
#include "object/object.h"

_Thread_local uint16_t ouro__self = UNATTACHED;

static uint32_t
load_shared(const ouro_object *object)
{
    return __atomic_load_n(&object->shared, __ATOMIC_RELAXED);
}

static bool
change_shared(ouro_object *object, uint32_t *seen, uint32_t wanted)
{
    return __atomic_compare_exchange_n(&object->shared, seen, wanted, true, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/* Has the count run into its limit?  It stays there. */
static bool
is_stuck(uint32_t shared)
{
    int32_t count = ouro__shared_count(shared);
    return count >= SHARED_LIMIT || count <= -SHARED_LIMIT;
}

void
ouro__incref_shared(ouro_object *object)
{
    uint32_t seen = load_shared(object);
    do {
        if (OURO_UNLIKELY(is_stuck(seen))) {
            return;
        }
    } while (!change_shared(object, &seen, seen + SHARED_ONE));
}

void
ouro__incref_large(ouro_object *object)
{
    if (object->local == OURO_IMMORTAL) {
        ouro_immortalize((ouro_loan)object);
    }
}

void
ouro__decref_shared(ouro_object *object)
{
    uint32_t seen = load_shared(object), wanted;
    do {
        if (OURO_UNLIKELY(is_stuck(seen))) {
            return;
        }
        bool first = seen == SHARED_DEFAULT || seen == SHARED_WEAK;
        wanted = first ? SHARED_QUEUED : seen - SHARED_ONE;
    } while (!change_shared(object, &seen, wanted));

    if (wanted == SHARED_QUEUED && ouro__shared_state(seen) != SHARED_QUEUED) {
        ouro__leave_to_owner(object);
    } else if (wanted == SHARED_MERGED) {
        ouro__destroy(object);
    }
}

bool
ouro__merge(ouro_object *object)
{
    uint32_t local = object->local, seen = load_shared(object), wanted;
    int64_t total;

    if (local == OURO_IMMORTAL) {
        return false;
    }
    do {
        OURO_ASSERT(ouro__shared_state(seen) != SHARED_MERGED);
        total = (int64_t)local + ouro__shared_count(seen) - 1;
        if (total >= SHARED_LIMIT || is_stuck(seen)) {
            total = SHARED_LIMIT;
        }
        OURO_CHECK(total >= 0, "object %p has %lld references: one was let go of twice", (void *)object,
                   (long long)total);
        wanted = ouro__shared_make((int32_t)total, SHARED_MERGED);
        __atomic_store_n(&object->local, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&object->owner, NO_OWNER, __ATOMIC_RELAXED);
    } while (!change_shared(object, &seen, wanted));
    return total == 0;
}

bool
ouro__drop_merged(ouro_object *object)
{
    uint32_t seen = load_shared(object);
    do {
        if (OURO_UNLIKELY(is_stuck(seen))) {
            return false;
        }
    } while (!change_shared(object, &seen, seen - SHARED_ONE));
    return seen - SHARED_ONE == SHARED_MERGED;
}

bool
ouro__try_incref(ouro_object *object)
{
    uint32_t seen = load_shared(object);
    if (ouro__is_lost(seen)) {
        return false;
    }
    if (ouro__is_own(object, ouro__self)) {
        ouro_incref((ouro_loan)object);
        return true;
    }
    while (!is_stuck(seen) && !change_shared(object, &seen, seen + SHARED_ONE)) {
        if (seen == SHARED_MERGED) {
            return false;
        }
    }
    return true;
}

uint32_t
ouro_refcount(ouro_loan loan)
{
    const ouro_object *object = ouro_look(loan);
    uint32_t local = __atomic_load_n(&object->local, __ATOMIC_RELAXED);
    int64_t count = (int64_t)local + ouro__shared_count(load_shared(object));
    return local == OURO_IMMORTAL || count >= SHARED_LIMIT ? OURO_IMMORTAL : (uint32_t)count;
}

void
ouro_immortalize(ouro_loan loan)
{
    ouro_object *object = ouro_look(loan);
    __atomic_store_n(&object->owner, NO_OWNER, __ATOMIC_RELAXED);
    __atomic_store_n(&object->local, OURO_IMMORTAL, __ATOMIC_RELAXED);
}
