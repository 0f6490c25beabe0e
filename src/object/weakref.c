/* weakref.c - weak references: a table from objects to the references that don't keep them.
 *
 * The table is cut into shards, each with its lock.  Never false while a shard's lock is free:
 * - an object has an entry if and only if weak references to it are alive; the object is then marked OBJECT_WEAK and its
 *   shared count is in another state than DEFAULT, so that nobody destroys it without an atomic instruction, against
 *   which ouro__try_incref() can decide;
 * - an entry's list has the one reference without a callback first, then the one proxy without, then the others from the
 *   newest to the oldest; what has lost its last reference may still be among them;
 * - a weak reference whose `referent` is NULL is in no list, and nobody but its own holders will look at it.
 *
 * @source  CPython Objects/weakrefobject.c */
#include "object/weakref.h"

#include "ouro/protocol.h"

#define N_SHARDS 64
#define LEAST_ENTRIES 16
#define HASH_MASK 0x9E3779B97F4A7C15U /* so that 0 is a hash that is not known yet */

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

struct ouro_type *ouro__weakref_type, *ouro__proxy_type;

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

/* The order of a list, see above. */
static unsigned
rank_of(const struct weakref *ref)
{
    return ref->callback != NULL ? 2 : ouro__type(&ref->head) == ouro__proxy_type ? 1 : 0;
}

static void
link_ref(struct entry *entry, struct weakref *ref)
{
    struct weakref *before = NULL, *behind = entry->first;

    while (behind != NULL && rank_of(behind) < rank_of(ref)) {
        before = behind;
        behind = behind->next;
    }
    ref->prev = before;
    ref->next = behind;
    if (behind != NULL) {
        behind->prev = ref;
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

/* The one of a type without a callback, with one more reference to it, or NULL. */
static struct weakref *
share(const struct entry *entry, const struct ouro_type *type)
{
    struct weakref *ref = entry != NULL ? entry->first : NULL;

    while (ref != NULL && ref->callback == NULL) {
        if (ouro__type(&ref->head) == type && ouro__try_incref(&ref->head)) {
            return ref;
        }
        ref = ref->next;
    }
    return NULL;
}

/* Have `ref` be a weak reference to the object, in its shard, which is locked; false without memory. */
static bool
put_in(struct shard *shard, ouro_object *object, struct weakref *ref)
{
    if (!reserve(shard)) {
        return false;
    }
    struct entry *entry = &shard->entries[find(shard, object)];
    shard->n_used += entry->object == NULL;
    entry->object = object;
    ouro__mark_weak(object);
    link_ref(entry, ref);
    __atomic_store_n(&ref->referent, object, __ATOMIC_RELEASE);
    return true;
}

ouro_status
ouro__weakref_make(struct ouro_type *type, ouro_object *object, ouro_weak_callback callback,
                   ouro_loan context, ouro_ref *weakref)
{
    struct shard *shard = shard_of(object);
    struct weakref *shared = NULL;
    ouro_status status = OURO_OK;

    if (callback == NULL) {
        ouro__os_acquire(&shard->lock);
        shared = share(look_up(shard, object), type);
        ouro__os_release(&shard->lock);
        if (shared != NULL) {
            *weakref = &shared->head;
            return OURO_OK;
        }
    }
    struct weakref *made = (struct weakref *)ouro_new((ouro_loan)&type->head); /* may collect */
    if (made == NULL) {
        return OURO_NO_MEMORY;
    }
    ouro__mark_weak(&made->head);
    made->callback = callback;
    made->context = context != NULL ? ouro_incref(context) : NULL;
    ouro__os_acquire(&shard->lock);
    if (callback == NULL) { /* somebody else's, made meanwhile */
        shared = share(look_up(shard, object), type);
    }
    if (shared == NULL && !put_in(shard, object, made)) {
        status = OURO_NO_MEMORY;
    }
    ouro__os_release(&shard->lock);
    if (shared != NULL || status < 0) {
        ouro_decref(&made->head);
        made = shared;
    }
    if (status == OURO_OK) {
        *weakref = &made->head;
    }
    return status;
}

ouro_status
ouro_weakref_create(ouro_loan object, ouro_weak_callback callback, ouro_loan context, ouro_ref *weakref)
{
    return ouro__weakref_make(ouro__weakref_type, ouro_look(object), callback, context, weakref);
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
    const struct ouro_type *type = ouro__type(ouro_look(object));
    return (type->flags & TYPE_WEAKREF) != 0 && type != ouro__proxy_type;
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
            n += !ouro__is_lost(__atomic_load_n(&ref->head.shared, __ATOMIC_RELAXED));
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

/* What is left at the end of weak references to weak references, as a new reference; NULL when one of them is dead. */
static ouro_object *
take_target(ouro_loan weakref)
{
    ouro_ref object = ouro_weakref_get(weakref);
    while (object != NULL && ouro_is_weakref(ouro_lend(object))) {
        ouro_assign(&object, ouro_weakref_get(ouro_lend(object)));
    }
    return object;
}

/* That of the object, also after its death if it was asked before.  @source weakref_hash() */
static ouro_status
hash_weakref(ouro_loan self, uint64_t *hash)
{
    struct weakref *ref = (struct weakref *)ouro_look(self);
    uint64_t known = __atomic_load_n(&ref->hash, __ATOMIC_RELAXED);

    if (known == 0) {
        ouro_ref object = take_target(self);
        if (object == NULL) {
            return OURO_DEAD;
        }
        ouro_status status = ouro_hash(ouro_lend(object), &known);
        ouro_decref(object);
        if (status < 0) {
            return status;
        }
        known ^= HASH_MASK;
        __atomic_store_n(&ref->hash, known, __ATOMIC_RELAXED);
    }
    *hash = known ^ HASH_MASK;
    return OURO_OK;
}

/* While both objects live they are compared, then only the same reference is equal.  @source weakref_richcompare() */
static ouro_status
equal_weakref(ouro_loan self, ouro_loan other)
{
    if (!ouro_is_weakref(other)) {
        return OURO_NOT_EQUAL;
    }
    ouro_ref a = take_target(self), b = take_target(other);
    ouro_status status =
        a != NULL && b != NULL ? ouro_equal(ouro_lend(a), ouro_lend(b)) : OURO_NOT_EQUAL;
    ouro_xdecref(a);
    ouro_xdecref(b);
    return status;
}

static void
dealloc_weakref(ouro_loan loan)
{
    ouro__weakref_forget((struct weakref *)ouro_look(loan));
}

bool
ouro__weakrefs_init(void)
{
    static const ouro_field fields[] = {OURO_FIELD(struct weakref, context)};
    const ouro_type_spec spec = {
        .name = "weakref",
        .size = sizeof(struct weakref),
        .n_fields = 1,
        .fields = fields,
        .flags = OURO_TYPE_BASE | TYPE_WEAKREF,
        .dealloc = dealloc_weakref,
        .hash = hash_weakref,
        .equal = equal_weakref,
    };
    return ouro__type_make(&spec, &ouro__weakref_type);
}
