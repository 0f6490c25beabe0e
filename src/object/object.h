/* object.h - what the files of objects, the collector and the types know of each other.
 *
 * Objects live in two shared heaps: `ouro__collected`, whose pools the collector walks, has those that may be part
 * of a cycle and nothing else; `ouro__leaves` has all other objects, in the domain of objects, and buffers, in
 * the domain mem.
 *
 * The life of an object:
 *
 *              last reference            finalizer keeps none           its weak references,
 *   ALIVE ----------------------> asked ----------------------> DYING ---- references, memory go
 *     ^------------------------------'  finalizer kept it
 *
 * While it is DYING the collector and weak references pass it by. */
#ifndef OURO_OBJECT_OBJECT_H
#define OURO_OBJECT_OBJECT_H

#include "base/assert.h"
#include "heap/fast.h"
#include "object/chunk.h"
#include "ouro/object.h"
#include "ouro/thread.h"

_Static_assert(sizeof(ouro_object) == 16, "the header's layout is frozen");
_Static_assert(offsetof(ouro_object, shared) == 8 && offsetof(ouro_object, type) == 12, "likewise");

/* ---- flags of an object; changed with atomic instructions but by who has it alone ---- */

enum object_flags {
    OBJECT_GENERATION = 3, /* two bits: 0 young, 1 middle, 2 old, 3 frozen */
    OBJECT_UNTRACKED = 4,  /* in the collected heap, but the collector needn't look */
    OBJECT_FINALIZED = 8,  /* its finalizer has run */
    OBJECT_WEAK = 16,      /* weak references to it exist, or did */
    OBJECT_DYING = 32,     /* being destroyed */
    OBJECT_WAITING = 64,   /* in a thread's trash, its counts are a link; or in the collector's */
    OBJECT_SHARED = 128,   /* another thread than the owner has used it: see ouro__use() */
};

#define GENERATION_OLD 2
#define GENERATION_FROZEN 3

/* ---- the shared count: a signed number of references times four, plus a state ---- */

enum shared_state {
    SHARED_DEFAULT = 0, /* the owner may destroy the object without looking twice */
    SHARED_WEAK = 1,    /* a weak reference may be about to make a new reference */
    SHARED_QUEUED = 2,  /* the owner has been left a reference to let go of, which still counts */
    SHARED_MERGED = 3,  /* nobody owns the object; `shared` has all references */
};
#define SHARED_ONE 4U
#define SHARED_LIMIT                                                                                   \
    (1 << 28) /* a count that gets here, or as far below zero, stays: the object lives for ever */

static inline int32_t
ouro__shared_count(uint32_t shared)
{
    return (int32_t)shared >> 2; /* arithmetic */
}

static inline unsigned
ouro__shared_state(uint32_t shared)
{
    return shared & 3;
}

static inline uint32_t
ouro__shared_make(int32_t count, unsigned state)
{
    return (uint32_t)count << 2 | state;
}

/* ---- types ---- */

/* When the collector may stop looking at an object that holds nothing it would look at. */
enum untracking {
    UNTRACKED_NEVER,
    UNTRACKED_BY_FULL, /* by a collection of everything; a dict, which is tracked again when that changes */
    UNTRACKED_BY_ANY, /* a tuple, which can't change */
};

struct ouro_type {
    ouro_object head;
    ouro_ref base;
    ouro_ref self;       /* itself: so it is for the collector alone to free it */
    ouro_ref attributes; /* of a class: a dict; NULL for other types */
    ouro_ref names;      /* of a class: those of its instances' references, see types/instance.h */
    uint32_t index;      /* in ouro__types */
    uint32_t n_preset;   /* items that ouro_new() gives an object; atomic */
    uint64_t birth;      /* the second half of a new object's header */
    uint32_t flags;      /* of enum ouro_type_flags */
    size_t size, item_size;
    void (*let_go)(ouro_object *object); /* clear and dealloc at once, where that is known; or NULL */
    void (*end)(ouro_object *object);    /* destroys one that nobody but its owner ever had */
    uint8_t size_class;   /* of its objects' blocks; 0 when they differ in size, or are not small */
    uint8_t untracking;   /* enum untracking */
    uint8_t plain_class;  /* the same where they end with their memory; otherwise 0 */
    uint16_t n_refs;      /* where the table has nothing but so many references, */
    uint32_t refs;        /* the next behind the other from this offset on; otherwise 0 */
    uint32_t n_fields;    /* single references that follow each other are one */
    uint32_t items_count; /* offset of the count of ouro_new_items()'s items, 0 for none */
    ouro_field *fields;   /* those of the bases first; owned, a mem block */
    bool has_traverse;    /* it or a base has a traverse of its own */
    bool has_functions;   /* likewise a clear or dealloc */
    bool
        is_simple_equal; /* comparing two such objects runs no code of the program's, and takes no lock */
    ouro_type_spec own; /* functions as given, besides what is inherited: hash to exit, finalize */
    char name[];
};

/* Flags of types besides those of enum ouro_type_flags. */
#define TYPE_WEAKREF 0x10000   /* its objects are weak references */
#define TYPE_WEAK_KEYS 0x20000 /* tables whose keys are weak references to what is sought */
#define TYPE_INHERITED (TYPE_WEAKREF | OURO_TYPE_LEGACY_FINALIZER)

#define MAX_TYPES 65536

/* Beyond the largest number that a type has had. */
size_t ouro__types_end(void);

/* By the number in an object's header.  Number 0 is nobody's. */
extern struct ouro_type **ouro__types
    __attribute__((visibility("hidden"))); /* found without a table's help */

/* The type of types; immortal. */
extern struct ouro_type *ouro__type_type;

static inline struct ouro_type *
ouro__type(const ouro_object *object)
{
    return ouro__types[object->type];
}

/* Has there been a type with OURO_TYPE_LEGACY_FINALIZER?  Atomic. */
extern bool ouro__has_legacy_types;

/* Make the table and the type of types; once. */
bool ouro__types_init(void);

/* Make a type of a spec that is sound: with the functions of `base` where it says nothing itself, and the fields of
 * `root`, which is `base` or one that it was made from; both may be NULL. */
ouro_status ouro__type_create(const ouro_type_spec *spec, struct ouro_type *base,
                              const struct ouro_type *root, ouro_ref *type);

/* Make a type of the library's own, immortal; false without memory. */
bool ouro__type_make(const ouro_type_spec *spec, struct ouro_type **type);

/* ---- the heaps ---- */

/* Make heaps, types and what threads need, once; false without memory.  Not from two threads at once. */
bool ouro__objects_init(const ouro_config *config);

extern ouro_heap *ouro__collected, *ouro__leaves;

/* 64 bits, each of which depends on all of `bits`. */
static inline uint64_t
ouro__mix_bits(uint64_t bits)
{
    bits = (bits ^ bits >> 32) * 0xD6E8FEB86659FD93U;
    bits = (bits ^ bits >> 32) * 0xD6E8FEB86659FD93U;
    return bits ^ bits >> 32;
}

/* The hash of an object that equals no other.  Tables mix it: of neighbours they make neighbours nowhere. */
static inline uint64_t
ouro__hash_identity(const ouro_object *object)
{
    return (uintptr_t)object >> 4;
}

/* ---- threads ---- */

#define NO_OWNER 0
#define UNATTACHED UINT16_MAX  /* ouro__self where no thread is attached: no object's owner */
#define SPARE_MAX ONE_SLOT_MAX /* the largest block among the spares */
#define SPARE_CLASSES (FINE_CLASSES + 5 * 8)
#define MAX_DEPTH 64 /* destructions inside each other before the next ones wait */

enum thread_state {
    THREAD_DETACHED,
    THREAD_ATTACHED,
    THREAD_SUSPENDED, /* detached, and may not attach while the world is stopped */
    THREAD_STOPPED,   /* at a safepoint while the world is stopped */
};

/* What the next safepoint has to do. */
enum thread_poll {
    POLL_STOP = 1,  /* stand still: somebody stops the world */
    POLL_QUEUE = 2, /* take over what others left */
};

/* A number and who has it.  When its thread ends it waits for the next one, which owns the objects of the former. */
struct thread {
    struct local *collected, *leaves;           /* what it takes from: its caches, or &ouro__no_local */
    struct local *collected_back, *leaves_back; /* what it frees to, likewise */
    struct local *collected_cache, *leaf_cache; /* the thread's caches of the two heaps */
    uint64_t birth;                             /* the first half of a new object's header */
    uint16_t number;
    bool ended;           /* nobody has it; under `queue_lock` */
    uint32_t state;       /* enum thread_state; atomic */
    uint32_t poll;        /* enum thread_poll; atomic */
    unsigned n_attached;  /* calls of attach without their detach */
    struct thread *next;  /* of all there ever were; constant */
    struct thread *spare; /* of those whose thread has ended */

    struct spare *collected_spares[SPARE_CLASSES], *leaf_spares[SPARE_CLASSES],
        *buffer_spares[SPARE_CLASSES]; /* by size class; never NULL: &ouro__no_spare */

    const ouro_object *used;     /* between ouro__use() and ouro__unuse(); atomic */
    const ouro_object *used_too; /* the same of ouro__use_too() */
    bool is_alone;               /* it has stopped the world */

    unsigned depth;     /* destructions under way in each other */
    ouro_object *trash; /* objects whose destruction waits, through their headers */

    struct chunk *log; /* addresses where young objects were made; the first chunk is being filled */
    void **log_begin;  /* since ouro__log_full() was asked last: a batch, or a part of it */
    void **log_next, **log_end;
    size_t n_large; /* bytes of large buffers made since */

    ouro__os_lock queue_lock;
    struct chunk *queue; /* objects of this thread that others left a reference of; under queue_lock */
};

/* The calling thread while it is attached, otherwise NULL. */
extern _Thread_local struct thread *ouro__thread_self __attribute__((tls_model("initial-exec")));

/* All there ever were. */
extern struct thread *ouro__threads;

/* The same while the world stands still: a thread may be added even then, but does nothing yet. */
static inline struct thread *
ouro__threads_now(void)
{
    return __atomic_load_n(&ouro__threads, __ATOMIC_ACQUIRE);
}

bool ouro__threads_init(void);

/* Returns the flags that new objects have: OBJECT_SHARED where the system lets no owner do without locks. */
uint8_t ouro__locks_init(void);

/* In the child of a fork: nobody sleeps here. */
void ouro__locks_after_fork(void);

/* The thread that has a number, or had it last; NULL for NO_OWNER. */
struct thread *ouro__thread_of(uint16_t number);

/* Stop all other attached threads at their safepoints; the caller is attached.  Waits its turn when another
 * thread stops the world, at a safepoint itself: then everything may have changed. */
void ouro__world_stop(void);
void ouro__world_start(void);

/* Detach and attach again whatever `n_attached` says: around a wait. */
void ouro__thread_leave(struct thread *self);
void ouro__thread_enter(struct thread *self);

/* Called in the child of a fork, when the other threads are gone; by the collector. */
extern void (*ouro__on_fork_child)(void);

/* Take references off their counts that wait for objects' owners, unless they are the last ones; the world stands still. */
void ouro__merge_queues(void);

/* What ouro_safepoint() does when there is something. */
void ouro__safepoint_slow(struct thread *self);

static inline void
ouro__safepoint(struct thread *self)
{
    if (OURO_UNLIKELY(__atomic_load_n(&self->poll, __ATOMIC_RELAXED) != 0)) {
        ouro__safepoint_slow(self);
    }
}

/* Leave `object`, not the caller's, with a reference to let go of to its owner; merges it when the owner has ended. */
void ouro__leave_to_owner(ouro_object *object);

/* ---- counts and destruction ---- */

/* Take a reference unless the object is dying; it has been marked OBJECT_WEAK, and the caller keeps it from
 * being freed meanwhile. */
bool ouro__try_incref(ouro_object *object);

/* Has an object with this shared count, marked OBJECT_WEAK and not freed, come to its end? */
static inline bool
ouro__is_lost(uint32_t shared)
{
    return shared == SHARED_DEFAULT || shared == SHARED_MERGED; /* what is marked is never DEFAULT */
}

/* Give the owner's count and the shared one together to nobody, minus one reference that the caller lets go
 * of; true when none is left: destroy it.  By the owner, or when it has none that could run. */
bool ouro__merge(ouro_object *object);

/* Let go of a reference to an object that nobody owns; true when none is left: destroy it. */
bool ouro__drop_merged(ouro_object *object);

/* Nobody refers to the object any more. */
void ouro__destroy(ouro_object *object);

/* Let go of all references that the object has, by its type's table and functions. */
void ouro__clear_object(ouro_object *object);

/* Take a reference where that is a matter of few instructions; false when it was not taken.  What is all of its function
 * needs no place to keep anything over calls. */
static inline bool
ouro__incref_own(ouro_object *object, const struct thread *self)
{
    if (OURO_LIKELY(ouro__is_own(object, self->number))) {
        if (OURO_LIKELY(!ouro__count_up(object))) {
            return true;
        }
        ouro__count_down(object);
        return false;
    }
    return __atomic_load_n(&object->local, __ATOMIC_RELAXED) == OURO_IMMORTAL;
}

/* Copy `n` references and count them. */
static inline void
ouro__incref_all(ouro_object **to, ouro_object *const *from, size_t n)
{
    uint16_t self = ouro__self; /* once for all */

#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++) {
        ouro_object *object = from[i];
        to[i] = object;
        ouro__incref_by(object, self);
    }
}

/* Let go of `n` references, from the last to the first; none is NULL. */
static inline void
ouro__decref_all(ouro_object *const *objects, size_t n)
{
    uint16_t self = ouro__self;

#pragma GCC unroll 4
    while (n != 0) {
        ouro__decref_by(objects[--n], self);
    }
}

/* Have all weak references to a dying object forget it, then call their callbacks. */
void ouro__weakrefs_die(ouro_object *object);

/* References counted, by owner and others.  The world is stopped, or nobody else has the object. */
static inline int64_t
ouro__count(const ouro_object *object)
{
    return (int64_t)object->local + ouro__shared_count(object->shared);
}

/* Give a failure to the hook. */
void ouro__unraisable(ouro_status status, const char *where, ouro_object *object);

/* ---- making ---- */

#define LEAST_COLLECTED 32 /* bytes of a collected object: the collector's table has two bytes for it */

/* The log has no room: make some, or collect first.  False without memory. */
bool ouro__log_full(struct thread *self);

/* What ouro__log_full() asks before it makes room, with the number of addresses logged since it asked last; by the
 * collector.  May collect, and so run anything. */
extern void (*ouro__on_log_full)(size_t n);

/* Objects of the batches that begin now are born old: the collector won't look at these batches, and their logs are
 * forgotten.  Atomic. */
extern bool ouro__are_born_old;

/* A large buffer of so many bytes is made: have the collector asked soon. */
void ouro__note_large(struct thread *self, size_t size);

/* Addresses logged are marked where their blocks are freed, so that the next object there need not be logged
 * again.  The key is another one after each collection, which empties the logs. */
extern uint64_t ouro__log_key;

/* How many addresses fit in each thread's log before the collector is asked; atomic. */
extern uint32_t ouro__log_room;

/* A block in a thread's spares: blocks of objects that it ended, for the next ones of their size.  For its pool it is
 * live, for the collector it is free: it is of type 0.  A stack of them needs no count, which would have to be written
 * with each push and pop, and waited for by the next: each knows how high the stack is below and with it. */
struct spare {
    struct spare *next; /* never NULL */
    uint32_t height;    /* in units of 16 bytes */
    uint32_t no_type;   /* 0: where the type was */
    uint64_t mark;      /* of collected objects: see ouro__log_mark() */
};

_Static_assert(offsetof(struct spare, no_type) == offsetof(ouro_object, type),
               "free for the collector");

#define MOST_SPARES (16384 / 16) /* the highest stack of each size, in units of 16 bytes */

/* Below the lowest spare, and where those of class 0 would be: no stack is higher.  They alone have no next. */
extern struct spare ouro__no_spare, ouro__no_more_spares;

/* What a free block has for a mark when its address is in a log. */
static inline uint64_t
ouro__log_mark(const void *block)
{
    return ouro__log_key ^ (uint64_t)(uintptr_t)block;
}

/* Is the block in a log already? */
static inline bool
ouro__is_logged(const void *block)
{
    return ((const struct spare *)block)->mark == ouro__log_mark(block);
}

/* Log where a young object is made, but for blocks that are logged already; there is room. */
static inline void
ouro__log(struct thread *self, void *block)
{
    if (!ouro__is_logged(block)) {
        *self->log_next++ = block;
    }
}

/* The class of blocks of `size` bytes; 0 when they don't go among the spares. */
static inline unsigned
ouro__spare_class(size_t size)
{
    return size <= SPARE_MAX ? (unsigned)ouro__class_of(size) : 0;
}

/* The same of a block in use. */
static inline unsigned
ouro__spare_class_at(const void *block)
{
    const struct pool *record =
        &ouro__range.records[((uintptr_t)block - ouro__range.base) >> SLOT_SHIFT];
    return record->kind == SLOT_POOL && record->class < SPARE_CLASSES ? record->class : 0;
}

/* A spare of the class, or NULL. */
static inline void *
ouro__spare_take(struct spare **spares, unsigned class)
{
    struct spare *spare = spares[class], *next = spare->next;
    if (OURO_UNLIKELY(next == NULL)) {
        return NULL;
    }
    spares[class] = next;
    return spare;
}

/* Put a block among the spares; false when there are enough, or its class is 0. */
static inline bool
ouro__spare_put(struct spare **spares, unsigned class, void *block)
{
    struct spare *next = spares[class], *spare = block;
    if (OURO_UNLIKELY(next->height >= MOST_SPARES)) {
        return false;
    }
    spare->next = next;
    spare->height = next->height + ouro__class_size[class] / 16;
    spare->no_type = 0;
    spares[class] = spare;
    return true;
}

/* The same of an object. */
static inline unsigned
ouro__object_class(const struct ouro_type *type, const ouro_object *object)
{
    return OURO_LIKELY(type->size_class != 0) ? type->size_class : ouro__spare_class_at(object);
}

/* Have a new thread have no spares. */
void ouro__spares_init(struct thread *self);

/* Free all of a thread's spares. */
void ouro__spares_free(struct thread *self);

/* Have a thread that does nothing meanwhile use its caches, or, while blocks are watched, no spares, and its caches for frees
 * alone or not at all. */
void ouro__caches_use(struct thread *self);

/* Write a new object's header; returns it. */
static inline ouro_object *
ouro__object_begin(const struct thread *self, const struct ouro_type *type, void *block)
{
    ((uint64_t *)block)[0] = self->birth;
    ((uint64_t *)block)[1] = type->birth;
    return block;
}

ouro_object *ouro__leaf_alloc_slow(const struct ouro_type *type, size_t size);
ouro_object *ouro__collected_alloc_slow(const struct ouro_type *type, size_t size);

/* Memory for a leaf, header done, the rest not; NULL without memory. */
static inline ouro_object *
ouro__leaf_alloc(const struct ouro_type *type, size_t size)
{
    struct thread *self = ouro__thread_self;
    void *block =
        OURO_LIKELY(self != NULL) ? ouro__spare_take(self->leaf_spares, ouro__spare_class(size)) : NULL;
    return OURO_LIKELY(block != NULL) ? ouro__object_begin(self, type, block)
                                      : ouro__leaf_alloc_slow(type, size);
}

/* The same for an object that is collected. */
static inline ouro_object *
ouro__collected_alloc(const struct ouro_type *type, size_t size)
{
    struct thread *self = ouro__thread_self;
    unsigned class = ouro__spare_class(size < LEAST_COLLECTED ? LEAST_COLLECTED : size);

    if (OURO_LIKELY(self != NULL)) {
        struct spare *spare = self->collected_spares[class], *next = spare->next;
        if (OURO_LIKELY(next != NULL && (ouro__is_logged(spare) || self->log_next != self->log_end))) {
            self->collected_spares[class] = next;
            ouro__log(self, spare);
            return ouro__object_begin(self, type, spare);
        }
    }
    return ouro__collected_alloc_slow(type, size);
}

static inline ouro_object *
ouro__object_alloc(const struct ouro_type *type, size_t size)
{
    return type->flags & OURO_TYPE_LEAF ? ouro__leaf_alloc(type, size)
                                        : ouro__collected_alloc(type, size);
}

static inline void
ouro__leaf_free(struct thread *self, unsigned class, ouro_object *object)
{
    if (OURO_UNLIKELY(!ouro__spare_put(self->leaf_spares, class, object))) {
        ouro__free(self->leaves_back, object);
    }
}

static inline void
ouro__collected_free(struct thread *self, unsigned class, ouro_object *object)
{
    bool is_logged = (object->flags & OBJECT_GENERATION) == 0;
    struct spare *spare = (struct spare *)(void *)object;

    spare->mark = is_logged ? ouro__log_mark(object) : 0;
    if (OURO_UNLIKELY(!ouro__spare_put(self->collected_spares, class, object))) {
        spare->no_type = 0;
        ouro__free(self->collected_back, object);
    }
}

/* Bytes of an object's block, as they were asked for. */
static inline size_t
ouro__object_size(const struct ouro_type *type, const ouro_object *object)
{
    size_t size = type->size;
    if (type->items_count != 0) {
        size +=
            type->item_size * *(const size_t *)(const void *)((const char *)object + type->items_count);
    }
    return size;
}

/* May a cycle lead through the object?  Whoever holds it is to be tracked then. */
static inline bool
ouro__may_be_in_cycle(const ouro_object *object)
{
    const struct ouro_type *type = ouro__type(object);
    return !(type->flags & OURO_TYPE_LEAF) &&
           !(type->untracking == UNTRACKED_BY_ANY && object->flags & OBJECT_UNTRACKED);
}

/* Have the collector look at an object that was OBJECT_UNTRACKED.  May be called while it is in use. */
void ouro__track(ouro_object *object);

/* Free an object's block. */
static inline void
ouro__object_free(struct thread *self, const struct ouro_type *type, ouro_object *object)
{
    unsigned class = ouro__object_class(type, object);
    if (type->flags & OURO_TYPE_LEAF) {
        ouro__leaf_free(self, class, object);
    } else {
        ouro__collected_free(self, class, object);
    }
}

/* ---- ends: what ouro__decref_last() calls, in the place of ouro__destroy() where that is as good ---- */

/* Destroy what waits in the thread's trash. */
void ouro__empty_trash(struct thread *self);

static inline void
ouro__leave_destruction(struct thread *self)
{
    if (--self->depth == 0 && OURO_UNLIKELY(self->trash != NULL)) {
        ouro__empty_trash(self);
    }
}

/* Destroy an object of a collected type without a finalizer, whose blocks are of `class`; `let_go` is a constant.  Not
 * weakly referenced: `shared` tells of that. */
static inline __attribute__((always_inline)) void
ouro__end(ouro_object *object, unsigned class, void (*let_go)(ouro_object *object))
{
    struct thread *self = ouro__thread_self;

    if (OURO_UNLIKELY(self == NULL || self->depth >= MAX_DEPTH)) {
        ouro__destroy(object);
        return;
    }
    self->depth++;
    object->flags |= OBJECT_DYING;
    let_go(object);
    ouro__collected_free(self, class, object);
    ouro__leave_destruction(self);
}

/* The ends of types whose objects are their memory alone, and a table of references. */
void ouro__end_plain(ouro_object *object);
void ouro__end_of_fields(ouro_object *object);

/* ---- locks: see lock.c ---- */

void ouro__lock_slow(ouro_object *object);
void ouro__unlock_slow(ouro_object *object);

static inline void
ouro__lock(ouro_object *object)
{
    uint8_t free = 0;
    if (OURO_UNLIKELY(!__atomic_compare_exchange_n(&object->lock, &free, 1, false, __ATOMIC_ACQUIRE,
                                                   __ATOMIC_RELAXED))) {
        ouro__lock_slow(object);
    }
}

static inline void
ouro__unlock(ouro_object *object)
{
    uint8_t held = 1;
    if (OURO_UNLIKELY(!__atomic_compare_exchange_n(&object->lock, &held, 0, false, __ATOMIC_RELEASE,
                                                   __ATOMIC_RELAXED))) {
        ouro__unlock_slow(object);
    }
}

/* Lock an object against other threads, the owner's way where that is who calls; true when it was the other
 * way, to be handed to ouro__unuse().  Uses do not nest, run no code of the program's, and have no safepoint. */
bool ouro__use_slow(ouro_object *object);

/* The owner, the flags and the lock, as one word. */
typedef uint32_t __attribute__((may_alias)) ouro__half_header;
_Static_assert(offsetof(ouro_object, owner) == 4 && offsetof(ouro_object, flags) == 6, "see there");

/* The owner's way alone; false when the other one must be gone.  `self` may be NULL. */
static inline bool
ouro__use_own(struct thread *self, ouro_object *object)
{
    if (OURO_UNLIKELY(self == NULL)) {
        return false;
    }
    __atomic_store_n(&self->used, object, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* the other side has the barrier for both */
    uint32_t half =
        __atomic_load_n((const ouro__half_header *)(const void *)&object->owner, __ATOMIC_RELAXED);
    if (OURO_LIKELY((half & (UINT16_MAX | (uint32_t)OBJECT_SHARED << 16)) == self->number)) {
        return true;
    }
    __atomic_store_n(&self->used, NULL, __ATOMIC_RELEASE);
    return false;
}

static inline void
ouro__unuse_own(struct thread *self)
{
    __atomic_store_n(&self->used, NULL, __ATOMIC_RELEASE);
}

/* A process of one thread needs nothing to keep others out: no use makes another one. */
static inline bool
ouro__use(ouro_object *object)
{
    if (OURO_LIKELY(ouro__os_is_single_threaded() || ouro__use_own(ouro__thread_self, object))) {
        return false;
    }
    return ouro__use_slow(object);
}

static inline void
ouro__unuse(ouro_object *object, bool is_locked)
{
    if (OURO_LIKELY(!is_locked)) {
        ouro__unuse_own(ouro__thread_self);
    } else {
        ouro__unlock(object);
    }
}

/* Lock a second object while the first is in use the owner's way, if this is the owner's way too; false otherwise, since to
 * wait for one object with another in use may be for ever. */
static inline bool
ouro__use_too(struct thread *self, ouro_object *object)
{
    if (OURO_UNLIKELY(!ouro__is_own(object, self->number))) {
        return false;
    }
    __atomic_store_n(&self->used_too, object, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (OURO_LIKELY(!(__atomic_load_n(&object->flags, __ATOMIC_RELAXED) & OBJECT_SHARED))) {
        return true;
    }
    __atomic_store_n(&self->used_too, NULL, __ATOMIC_RELEASE);
    return false;
}

static inline void
ouro__unuse_too(struct thread *self)
{
    __atomic_store_n(&self->used_too, NULL, __ATOMIC_RELEASE);
}

/* ---- walks over references ---- */

/* How many elements a field has. */
static inline size_t
ouro__field_count(const ouro_object *object, const ouro_field *field)
{
    return field->count == 0 ? 1 : *(const size_t *)(const void *)((const char *)object + field->count);
}

/* Where they begin, and how many there are. */
static inline char *
ouro__field_elements(const ouro_object *object, const ouro_field *field, size_t *n)
{
    char *at = (char *)(uintptr_t)object + field->offset;
    *n = ouro__field_count(object, field);
    return field->is_pointer ? *(char **)(void *)at : at;
}

/* The first field from this on that has elements: in a loop of its own, which needs next to nothing of the table. */
static inline const ouro_field *
ouro__field_with_elements(const ouro_object *object, const ouro_field *field, const ouro_field *end)
{
    while (field != end && ouro__field_count(object, field) == 0) {
        field++;
    }
    return field;
}

/* Call `visit(references, n, context)` for the references of the table, as many at a time as lie behind each other; each may
 * be NULL.  Ends with the first result that is not 0; constant arguments make it a loop. */
static inline __attribute__((always_inline)) int
ouro__visit_rows(const ouro_object *object, const struct ouro_type *type,
                 int (*visit)(ouro_object *const *refs, size_t n, void *context), void *context)
{
    if (type->n_refs != 0) {
        return visit((ouro_object *const *)(const void *)((const char *)object + type->refs),
                     type->n_refs, context);
    }
    const ouro_field *end = type->fields + type->n_fields;
    const ouro_field *field = ouro__field_with_elements(object, type->fields, end);
    for (; field != end; field = ouro__field_with_elements(object, field + 1, end)) {
        size_t n, n_refs = field->n_refs, stride = field->stride;
        char *element = ouro__field_elements(object, field, &n);
        if (stride == n_refs * sizeof(ouro_object *)) {
            n_refs *= n;
            n = n_refs != 0;
        }
        for (; n != 0; n--, element += stride) {
            int result = visit((ouro_object *const *)(void *)element, n_refs, context);
            if (result != 0) {
                return result;
            }
        }
    }
    return 0;
}

struct ouro__visit {
    int (*visit)(ouro_object *referent, void *context);
    void *context;
};

static inline int
ouro__visit_row(ouro_object *const *refs, size_t n, void *context)
{
    const struct ouro__visit *each = context;
    for (size_t i = 0; i < n; i++) {
        int result = refs[i] == NULL ? 0 : each->visit(refs[i], each->context);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

/* Call `visit(referent, context)` for each reference of the table; constant arguments make it a loop. */
static inline __attribute__((always_inline)) int
ouro__visit_fields(const ouro_object *object, const struct ouro_type *type,
                   int (*visit)(ouro_object *referent, void *context), void *context)
{
    struct ouro__visit each = {visit, context};
    return ouro__visit_rows(object, type, ouro__visit_row, &each);
}

/* The same for functions of the type's own. */
int ouro__visit_functions(ouro_object *object, struct ouro_type *type, ouro_visitor visit,
                          void *context);

#endif
