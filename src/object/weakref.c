/* weakref.c - weak references: a table from objects to the references that don't keep them.
 *
 * The table is cut into shards, each with its lock.  Never false while a shard's lock is free:
 * - an object has an entry if and only if weak references to it are alive; the object is then marked OBJECT_WEAK and its
 *   shared count is in another state than DEFAULT, so that nobody destroys it without an atomic instruction, against
 *   which ouro__try_incref() can decide;
 * - an entry's list has the one reference without a callback first, the others from the newest to the oldest;
 * - a weak reference whose `referent` is NULL is in no list, and nobody but its own holders will look at it.
 *
 * @source  CPython Objects/weakrefobject.c */
#include "object/weakref.h"

#define N_SHARDS 64
#define LEAST_ENTRIES 16

struct entry {
    ouro_object *object; /* NULL: empty */
    struct weakref *first;
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* ranges in initialisers: gcc and clang have them */
static struct shard {
    ouro__os_lock lock;
    struct entry *entries; /* a power of two of them, or NULL */
    size_t n_entries, n_used;
} shards[N_SHARDS] = {
    [0 ... N_SHARDS - 1] = {.lock = OURO_OS_LOCK_INIT},
};
#pragma GCC diagnostic pop

struct ouro_type *ouro__weakref_type;

/* ---- the table ---- */

static uint64_t
mix(const ouro_object *object)
{
    return ((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15U;
}

static struct shard *
shard_of(const ouro_object *object)
{
    return &shards[mix(object) >> 58];
}

/* Where the object's entry is, or would be; the shard has room. */
static size_t
find(const struct shard *shard, const ouro_object *object)
{
    size_t mask = shard->n_entries - 1, at = mix(object) >> 20 & mask;
    while (shard->entries[at].object != NULL && shard->entries[at].object != object) {
        at = (at + 1) & mask;
    }
    return at;
}

static struct entry *
look_up(const struct shard *shard, const ouro_object *object)
{
    struct entry *entry = shard->entries != NULL ? &shard->entries[find(shard, object)] : NULL;
    return entry != NULL && entry->object == object ? entry : NULL;
}

/* Make room for one more entry; false without memory. */
static bool
reserve(struct shard *shard)
{
    if (shard->n_used < shard->n_entries / 4 * 3) {
        return true;
    }
    struct shard grown = {.n_entries = shard->n_entries == 0 ? LEAST_ENTRIES : shard->n_entries * 2};
    grown.entries =
        ouro_heap_alloc_zeroed(ouro__leaves, OURO_DOMAIN_MEM, grown.n_entries, sizeof(struct entry));
    if (grown.entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < shard->n_entries; i++) {
        if (shard->entries[i].object != NULL) {
            grown.entries[find(&grown, shard->entries[i].object)] = shard->entries[i];
        }
    }
    ouro_heap_free(ouro__leaves, OURO_DOMAIN_MEM, shard->entries);
    shard->entries = grown.entries;
    shard->n_entries = grown.n_entries;
    return true;
}

/* Take an entry out and close the gap: entries behind it that it kept from their places move up. */
static void
take_out(struct shard *shard, struct entry *entry)
{
    size_t mask = shard->n_entries - 1, gap = (size_t)(entry - shard->entries);

    for (size_t at = (gap + 1) & mask; shard->entries[at].object != NULL; at = (at + 1) & mask) {
        size_t wanted = mix(shard->entries[at].object) >> 20 & mask;
        if (((at - wanted) & mask) >= ((at - gap) & mask)) {
            shard->entries[gap] = shard->entries[at];
            gap = at;
        }
    }
    shard->entries[gap] = (struct entry){0}; /* its list, too: the next object here begins a new one */
    shard->n_used--;
}

static void
link_behind(struct entry *entry, struct weakref *before, struct weakref *ref)
{
    ref->prev = before;
    ref->next = before != NULL ? before->next : entry->first;
    if (ref->next != NULL) {
        ref->next->prev = ref;
    }
    if (before != NULL) {
        before->next = ref;
    } else {
        entry->first = ref;
    }
}

static void
unlink_ref(struct shard *shard, struct weakref *ref)
{
    if (ref->next != NULL) {
        ref->next->prev = ref->prev;
    }
    if (ref->prev != NULL) {
        ref->prev->next = ref->next;
        return;
    }
    struct entry *entry = look_up(shard, ref->referent);
    entry->first = ref->next;
    if (entry->first == NULL) {
        take_out(shard, entry);
    }
}

/* ---- making, and asking ---- */

void
ouro__mark_weak(ouro_object *object)
{
    uint32_t seen = __atomic_load_n(&object->shared, __ATOMIC_RELAXED);
    while (ouro__shared_state(seen) == SHARED_DEFAULT &&
           !__atomic_compare_exchange_n(&object->shared, &seen, seen | SHARED_WEAK, true,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
    }
    if (!(__atomic_load_n(&object->flags, __ATOMIC_RELAXED) & OBJECT_WEAK)) {
        __atomic_fetch_or(&object->flags, OBJECT_WEAK, __ATOMIC_RELAXED);
    }
}

/* The reference without a callback, with one more reference to it, or NULL. */
static struct weakref *
share(const struct entry *entry)
{
    struct weakref *first = entry != NULL ? entry->first : NULL;
    return first != NULL && first->callback == NULL && ouro__try_incref(&first->head) ? first : NULL;
}

ouro_status
ouro_weakref_create(ouro_loan loan, ouro_weak_callback callback, ouro_loan context, ouro_ref *weakref)
{
    ouro_object *object = ouro_look(loan);
    struct shard *shard = shard_of(object);
    struct weakref *ref = NULL, *shared = NULL;

    if (callback == NULL) {
        ouro__os_acquire(&shard->lock);
        shared = share(look_up(shard, object));
        ouro__os_release(&shard->lock);
    }
    if (shared == NULL) {
        ref = (struct weakref *)ouro_new((ouro_loan)&ouro__weakref_type->head); /* may collect */
        if (ref == NULL) {
            return OURO_NO_MEMORY;
        }
        ouro__mark_weak(&ref->head);
        ouro__os_acquire(&shard->lock);
        shared = callback == NULL ? share(look_up(shard, object))
                                  : NULL; /* somebody else's, made meanwhile */
        if (shared == NULL) {
            if (!reserve(shard)) {
                ouro__os_release(&shard->lock);
                ouro_decref(&ref->head);
                return OURO_NO_MEMORY;
            }
            struct entry *entry = &shard->entries[find(shard, object)];
            shard->n_used += entry->object == NULL;
            entry->object = object;
            ouro__mark_weak(object);
            ref->callback = callback;
            ref->context = context != NULL ? ouro_incref(context) : NULL;
            bool behind_first =
                callback != NULL && entry->first != NULL && entry->first->callback == NULL;
            link_behind(entry, behind_first ? entry->first : NULL, ref);
            __atomic_store_n(&ref->referent, object, __ATOMIC_RELEASE);
            shared = ref;
            ref = NULL;
        }
        ouro__os_release(&shard->lock);
    }
    *weakref = &shared->head;
    ouro_xdecref((ouro_ref)ref);
    return OURO_OK;
}

ouro_ref
ouro_weakref_get(ouro_loan weakref)
{
    struct weakref *ref = (struct weakref *)ouro_look(weakref);
    ouro_object *object = __atomic_load_n(&ref->referent, __ATOMIC_ACQUIRE);

    if (object == NULL) {
        return NULL;
    }
    struct shard *shard = shard_of(object);
    ouro__os_acquire(
        &shard->lock); /* while it is held the object's weak references, and so its memory, stay */
    object = ref->referent;
    if (object != NULL && !ouro__try_incref(object)) {
        object = NULL;
    }
    ouro__os_release(&shard->lock);
    return object;
}

bool
ouro_is_weakref(ouro_loan object)
{
    return ouro__type(ouro_look(object)) == ouro__weakref_type;
}

size_t
ouro_weakref_list(ouro_loan loan, ouro_ref *refs, size_t n_refs)
{
    ouro_object *object = ouro_look(loan);
    struct shard *shard = shard_of(object);
    size_t n = 0;

    ouro__os_acquire(&shard->lock);
    const struct entry *entry = look_up(shard, object);
    for (struct weakref *ref = entry != NULL ? entry->first : NULL; ref != NULL; ref = ref->next) {
        if (n >= n_refs) {
            n++;
        } else if (ouro__try_incref(&ref->head)) {
            refs[n++] = &ref->head;
        }
    }
    ouro__os_release(&shard->lock);
    return n;
}

size_t
ouro_weakref_count(ouro_loan object)
{
    return ouro_weakref_list(object, NULL, 0);
}

/* ---- the end of an object ---- */

void
ouro__weakrefs_clear(ouro_object *object, struct weakref **waiting,
                     bool (*skip)(const ouro_object *weakref))
{
    struct shard *shard = shard_of(object);
    struct weakref **end = waiting, *rest = *waiting;

    ouro__os_acquire(&shard->lock);
    struct entry *entry = look_up(shard, object);
    struct weakref *ref = entry != NULL ? entry->first : NULL;
    if (entry != NULL) {
        take_out(shard, entry);
    }
    while (ref != NULL) {
        struct weakref *next = ref->next;
        if (ref->callback != NULL && (skip == NULL || !skip(&ref->head)) &&
            ouro__try_incref(&ref->head)) {
            *end = ref;
            end = &ref->next;
        }
        __atomic_store_n(&ref->referent, NULL,
                         __ATOMIC_RELEASE); /* last: it may be freed from now on */
        ref = next;
    }
    *end = rest;
    ouro__os_release(&shard->lock);
}

void
ouro__weakref_forget(struct weakref *ref)
{
    ouro_object *object = __atomic_load_n(&ref->referent, __ATOMIC_ACQUIRE);

    if (object != NULL) {
        struct shard *shard = shard_of(object);
        ouro__os_acquire(&shard->lock);
        if (ref->referent != NULL) {
            unlink_ref(shard, ref);
            __atomic_store_n(&ref->referent, NULL, __ATOMIC_RELEASE);
        }
        ouro__os_release(&shard->lock);
    }
}

void
ouro__weakrefs_call(struct weakref *waiting)
{
    while (waiting != NULL) {
        struct weakref *ref = waiting;
        waiting = ref->next;
        ouro_status status = ref->callback((ouro_loan)&ref->head, (ouro_loan)ref->context);
        if (status < 0) {
            ouro__unraisable(status, "weak reference callback", &ref->head);
        }
        ouro_decref(&ref->head);
    }
}

void
ouro__weakrefs_die(ouro_object *object)
{
    struct weakref *waiting = NULL;

    ouro__weakrefs_clear(object, &waiting, NULL);
    ouro__weakrefs_call(waiting);
}

/* ---- the type ---- */

static void
dealloc_weakref(ouro_loan loan)
{
    ouro__weakref_forget((struct weakref *)ouro_look(loan));
}

static const ouro_field weakref_fields[] = {OURO_FIELD(struct weakref, context)};

bool
ouro__weakrefs_init(void)
{
    const ouro_type_spec spec = {
        .name = "weakref",
        .size = sizeof(struct weakref),
        .n_fields = 1,
        .fields = weakref_fields,
        .dealloc = dealloc_weakref,
    };
    return ouro__type_make(&spec, &ouro__weakref_type);
}
