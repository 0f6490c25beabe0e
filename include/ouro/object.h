/* ouro/object.h - objects that free themselves: references, types, creation and destruction.
 *
 * An object has a header of 16 bytes and lives as long as somebody holds a reference.  The thread that made it
 * counts its references without atomic instructions, all others together in a second count, atomically (biased
 * reference counting, PEP 703).  What only holds itself is found by the collector, <ouro/gc.h>.
 *
 * Two types stand for a reference, and are the same pointer to the compiler: `ouro_ref` is *owned*, whoever
 * has it must give it to somebody or let go of it; `ouro_loan` is *borrowed*, good while its owner keeps it.
 * With OURO_OWNERSHIP defined to 1 they are different types, and a mix-up does not compile (docs/objects.md).
 *
 * Threads must be attached, <ouro/thread.h>, to call what is declared here; what @threads says otherwise comes first. */
#ifndef OURO_OBJECT_H
#define OURO_OBJECT_H

#include <stdbool.h>

#include <ouro/base.h>
#include <ouro/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The header of every object, aligned as pointers are.  Its layout is frozen. */
typedef struct __attribute__((aligned(8))) ouro_object {
    uint32_t local; /**< references counted by the owner; OURO_IMMORTAL: not counted at all */
    uint16_t
        owner; /**< number of the thread that owns the object, 0 when all count together in `shared` */
    uint8_t flags;   /**< of the library */
    uint8_t lock;    /**< 0 when free */
    uint32_t shared; /**< references counted by others, times four, and a state of two bits; atomic */
    uint32_t type;   /**< which type: ouro_type_of() */
} ouro_object;

/** The owner's count of an object that is never freed.  A count that gets there stays there. */
#define OURO_IMMORTAL UINT32_MAX

/** 1: owned and borrowed references are of different types.  Define it before the first header of Ouro's. */
#ifndef OURO_OWNERSHIP
#define OURO_OWNERSHIP 0
#endif

/** An owned reference. */
typedef ouro_object *ouro_ref;

/** A borrowed reference. */
#if OURO_OWNERSHIP
typedef struct ouro_loaned {
    ouro_object object;
} * ouro_loan;
#else
typedef ouro_object *ouro_loan;
#endif

/** A loan of a reference: good until `ref`, borrowed, is given away or let go of. */
static inline ouro_loan
ouro_lend(ouro_ref ref)
{
    return (ouro_loan)ref;
}

/** The object behind a loan, to look into. */
static inline ouro_object *
ouro_look(ouro_loan loan)
{
    return (ouro_object *)loan;
}

/* ---- counting ---- */

/* The number of the calling thread; no object has that of a thread that is not attached. */
OURO_API extern __thread uint16_t ouro__self __attribute__((tls_model("initial-exec")));

/* What the functions below do when it is not their thread's object, or the last reference of its owner's, or there
 * may be more than can be counted. */
OURO_API void ouro__incref_shared(ouro_object *object);
OURO_API void ouro__incref_large(ouro_object *object);
OURO_API void ouro__decref_shared(ouro_object *object);
OURO_API void ouro__decref_last(ouro_object *object);

/** Have an object live for ever: None and its like.  It must hold no reference to an object that shall be freed. */
OURO_API void ouro_immortalize(ouro_loan object);

/* Whether a thread owns an object; and have the owner's count be one more, or one less: whether it is 2^31 or more then, or
 * 0.  Others may write the owner and read the count meanwhile.  An instruction each: of atomic loads and stores compilers
 * make two to four. */
#if defined(__x86_64__) && defined(__GCC_ASM_FLAG_OUTPUTS__)
static inline bool
ouro__is_own(const ouro_object *object, uint16_t self)
{
    bool is_own;
    __asm__("cmpw %2, %1" : "=@cce"(is_own) : "m"(object->owner), "r"(self));
    return is_own;
}

static inline bool
ouro__count_up(ouro_object *object)
{
    bool is_large;
    __asm__("addl $1, %0" : "+m"(object->local), "=@ccs"(is_large));
    return is_large;
}

static inline bool
ouro__count_down(ouro_object *object)
{
    bool is_zero;
    __asm__("subl $1, %0" : "+m"(object->local), "=@ccz"(is_zero));
    return is_zero;
}
#else
static inline bool
ouro__is_own(const ouro_object *object, uint16_t self)
{
    return __atomic_load_n(&object->owner, __ATOMIC_RELAXED) == self;
}

static inline bool
ouro__count_up(ouro_object *object)
{
    uint32_t local = __atomic_load_n(&object->local, __ATOMIC_RELAXED) + 1;
    __atomic_store_n(&object->local, local, __ATOMIC_RELAXED);
    return local >> 31 != 0;
}

static inline bool
ouro__count_down(ouro_object *object)
{
    uint32_t local = __atomic_load_n(&object->local, __ATOMIC_RELAXED) - 1;
    __atomic_store_n(&object->local, local, __ATOMIC_RELAXED);
    return local == 0;
}
#endif

/* The same by a thread whose number is at hand.  What is not counted is owned by nobody. */
static inline void
ouro__incref_by(ouro_object *object, uint16_t self)
{
    if (__builtin_expect(ouro__is_own(object, self), 1)) {
        if (__builtin_expect(ouro__count_up(object), 0)) {
            ouro__incref_large(object);
        }
    } else if (__atomic_load_n(&object->local, __ATOMIC_RELAXED) != OURO_IMMORTAL) {
        ouro__incref_shared(object);
    }
}

static inline void
ouro__decref_by(ouro_object *object, uint16_t self)
{
    if (__builtin_expect(ouro__is_own(object, self), 1)) {
        if (__builtin_expect(ouro__count_down(object), 0)) {
            ouro__decref_last(object);
        }
    } else if (__atomic_load_n(&object->local, __ATOMIC_RELAXED) != OURO_IMMORTAL) {
        ouro__decref_shared(object);
    }
}

/**
 * Take one more reference.
 *
 * @param loan  borrowed
 * @return a new reference to the same object
 * @threads any, attached or not
 * @source  PEP 703, "Biased Reference Counting"; PEP 683 for the immortal
 */
static inline ouro_ref
ouro_incref(ouro_loan loan)
{
    ouro__incref_by(ouro_look(loan), ouro__self);
    return ouro_look(loan);
}

/**
 * Let go of a reference.  With the last one the object is destroyed before the call returns, and all that
 * it alone holds, however deep.  Cannot fail.
 *
 * @param object  stolen
 * @threads attached ones; another than the owner may leave the destruction to the owner's next safepoint
 */
static inline void
ouro_decref(ouro_ref object)
{
    ouro__decref_by(object, ouro__self);
}

/** ouro_decref(), but NULL is ignored. */
static inline void
ouro_xdecref(ouro_ref object)
{
    if (object != NULL) {
        ouro_decref(object);
    }
}

/** Let go of what a `variable` holds, and leave NULL in it first: whatever the destruction calls finds it empty. */
static inline void
ouro_clear(ouro_ref *variable)
{
    ouro_ref object = *variable;
    *variable = NULL;
    ouro_xdecref(object);
}

/** Put a reference in a `variable`, and let go of what was there. */
static inline void
ouro_assign(ouro_ref *variable, ouro_ref stolen)
{
    ouro_ref before = *variable;
    *variable = stolen;
    ouro_xdecref(before);
}

/**
 * How many references there are to an object; OURO_IMMORTAL for one that is never freed.  True when the other
 * threads hold still.
 */
OURO_API uint32_t ouro_refcount(ouro_loan object);

/** Declare a variable that lets go of its reference where its scope ends: what `with` is to Python. */
#define OURO_SCOPED __attribute__((cleanup(ouro_clear))) ouro_ref

/* ---- types ---- */

/** What ouro_traverse() and a type's own `traverse` call for each reference; a result other than 0 ends the walk. */
typedef int (*ouro_visitor)(ouro_loan referent, void *context);

/** Where references are in an object.  Made by the macros below. */
typedef struct ouro_field {
    uint32_t
        offset; /**< bytes from the object's beginning, to the reference, the pointer or the items */
    uint32_t
        count; /**< bytes to the size_t that says how many elements there are; 0: a single reference */
    uint16_t stride; /**< bytes from one element to the next */
    uint8_t n_refs;  /**< references at the beginning of each element */
    bool
        is_pointer; /**< the elements are elsewhere, behind a pointer, which may be NULL when there are none */
} ouro_field;

/** A member that is a reference, or NULL. */
#define OURO_FIELD(type, member)                                                                       \
    {                                                                                                  \
        (uint32_t) offsetof(type, member), 0, 0, 1, false                                              \
    }

/** References inside the object, as many as the member `count` says (a size_t); each may be NULL. */
#define OURO_FIELD_ITEMS(type, member, counter)                                                        \
    {                                                                                                  \
        (uint32_t) offsetof(type, member), (uint32_t)offsetof(type, counter), sizeof(ouro_ref), 1,     \
            false                                                                                      \
    }

/** Elements behind a pointer, each beginning with `refs` references; each may be NULL. */
#define OURO_FIELD_ARRAY(type, member, counter, element, refs)                                         \
    {                                                                                                  \
        (uint32_t) offsetof(type, member), (uint32_t)offsetof(type, counter), sizeof(element), refs,   \
            true                                                                                       \
    }

/** What may be said of a type, one or more of them. */
enum ouro_type_flags {
    OURO_TYPE_LEAF =
        1, /**< its objects hold no references, or only such as never lead back: not collected */
    OURO_TYPE_BASE = 2, /**< other types may be made from it */
    OURO_TYPE_LEGACY_FINALIZER =
        4, /**< `finalize` must not run for what is in, or reached from, a garbage cycle: its objects there go to
              ouro_gc_garbage_take(), and nothing that they reach is freed.  Inherited.  @source tp_del */
};

/** What a type is made from.  Zero is a good value for every field but `name` and `size`.  Functions that are NULL are
 * the base's; `traverse`, `clear` and `dealloc` are called besides the base's, which come last. */
typedef struct ouro_type_spec {
    const char *name;         /**< copied */
    ouro_loan base;           /**< a type whose fields and functions are inherited, or NULL */
    size_t size;              /**< bytes of an object, header and base included */
    size_t item_size;         /**< bytes of each item behind it: see ouro_new_items() */
    size_t n_fields;          /**< of `fields` */
    const ouro_field *fields; /**< where its references are, besides those of the base; copied */
    uint32_t flags;           /**< of enum ouro_type_flags */

    /** References that no table can tell: call `visit` for each and give back the first result that is not 0.  No
     * lock may be taken, nothing allocated, no count changed. */
    int (*traverse)(ouro_loan self, ouro_visitor visit, void *context);
    /** Let go of the references that `traverse` visits. */
    void (*clear)(ouro_loan self);
    /** Called once in an object's life, when it is about to be destroyed; may keep it alive by taking a
     * reference.  A failure goes to the unraisable hook.  @source PEP 442 */
    ouro_status (*finalize)(ouro_loan self);
    /** Free what is no object: memory, files.  Called last; must not touch other objects. */
    void (*dealloc)(ouro_loan self);

    /** OURO_OK and a hash that is the same for equal objects. */
    ouro_status (*hash)(ouro_loan self, uint64_t *hash);
    /** OURO_FOUND when equal, 0 when not. */
    ouro_status (*equal)(ouro_loan self, ouro_loan other);
    /** A new str object that shows the object, or NULL without memory. */
    ouro_ref (*repr)(ouro_loan self);
    /** A new iterator over the object, or NULL without memory. */
    ouro_ref (*iterate)(ouro_loan self);
    /** OURO_FOUND and a new reference, or 0 at the end. */
    ouro_status (*next)(ouro_loan self, ouro_ref *item);
    /** Bytes beside the object's own block.  No lock may be taken, nothing allocated. */
    size_t (*extra_size)(ouro_loan self);
    /** Begin a use: what ouro_enter() calls. */
    ouro_status (*enter)(ouro_loan self);
    /** End a use, which went as `status` says: what ouro_exit() calls. */
    ouro_status (*exit)(ouro_loan self, ouro_status status);
} ouro_type_spec;

/**
 * Make a type.  It is an object; objects of it keep it alive without counting: it is freed by the
 * collector, once nobody holds it and no object of it is left.
 *
 * @param spec  borrowed, read during the call
 * @param type  receives a new reference
 * @return OURO_OK, OURO_NO_MEMORY, OURO_TOO_MANY types, OURO_WRONG_TYPE when the base is no type or not OURO_TYPE_BASE,
 *         OURO_WRONG_VALUE when sizes and fields contradict each other
 */
OURO_API OURO_NODISCARD ouro_status ouro_type_create(const ouro_type_spec *spec, ouro_ref *type);

/** The type of an object, borrowed from it. */
OURO_API ouro_loan ouro_type_of(ouro_loan object);

/** The name of a type, borrowed from it. */
OURO_API const char *ouro_type_name(ouro_loan type);

/** Whether the object's type is `type` or made from it. */
OURO_API bool ouro_is_a(ouro_loan object, ouro_loan type);

/* ---- objects ---- */

/**
 * Make an object: all zero behind its header, and an instance without attributes where the type is a class.
 *
 * @param type  borrowed
 * @return a new reference, or NULL without memory
 */
OURO_API OURO_NODISCARD ouro_ref ouro_new(ouro_loan type);

/**
 * Make an object with `n_items` items of the type's `item_size` behind it, all zero.  Where the type declares a count
 * for its items (OURO_FIELD_ITEMS), the count is set.
 *
 * @return a new reference, or NULL without memory
 */
OURO_API OURO_NODISCARD ouro_ref ouro_new_items(ouro_loan type, size_t n_items);

/** Call `visit` with `context` for each reference that an object holds.  @return the first result that is not 0, or 0 */
OURO_API int ouro_traverse(ouro_loan object, ouro_visitor visit, void *context);

/** Bytes that an object takes: its block and what its type says beside.  @source sys.getsizeof() */
OURO_API size_t ouro_sizeof(ouro_loan object);

/** Whether the collector looks at the object.  @source gc.is_tracked() */
OURO_API bool ouro_is_tracked(ouro_loan object);

/** Whether the object's finalizer has run.  @source gc.is_finalized() */
OURO_API bool ouro_is_finalized(ouro_loan object);

/** Begin the use of an object: what its type's `enter` gives; OURO_WRONG_TYPE where it has none. */
OURO_API OURO_NODISCARD ouro_status ouro_enter(ouro_loan object);

/** End the use of an object, which went as `status` says: what its type's `exit` gives; OURO_WRONG_TYPE where it has none. */
OURO_API OURO_NODISCARD ouro_status ouro_exit(ouro_loan object, ouro_status status);

/** Hold an object's lock; a thread that has it must not ask again.  Short: nothing that waits for others. */
OURO_API void ouro_lock(ouro_loan object);

/** Let go of an object's lock. */
OURO_API void ouro_unlock(ouro_loan object);

/** Who is told of failures that nobody can be given: those of finalizers and callbacks.  By default a line on stderr. */
typedef void (*ouro_unraisable_hook)(ouro_status status, const char *where, ouro_loan object,
                                     void *context);

/** Choose the `hook`; NULL: the default.  `context` is borrowed, and handed to it.  @threads any */
OURO_API void ouro_set_unraisable_hook(ouro_unraisable_hook hook, void *context);

#ifdef __cplusplus
}
#endif

#endif
