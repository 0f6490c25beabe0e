/* destroy.c - the end of an object, and of all that it alone holds.
 *
 * Destructions nest as references do, so that what `with` or a scope lets go of is gone when it ends; but only
 * MAX_DEPTH deep.  What lies deeper waits in the thread's trash until the outermost is done: a million nested lists
 * take no more of the stack than 64.  The link of the trash takes the place of the counts, which are 0.
 *
 * @source  CPython Objects/typeobject.c, subtype_dealloc(): finalizer, weak references, references, memory; and
 *          _PyTrash_thread_destroy_chain() */
#include "object/object.h"

#include <stdio.h>
#include <string.h>

static struct {
    ouro__os_lock lock;
    ouro_unraisable_hook hook;
    void *context;
} unraisable = {.lock = OURO_OS_LOCK_INIT};

void
ouro_set_unraisable_hook(ouro_unraisable_hook hook, void *context)
{
    ouro__os_acquire(&unraisable.lock);
    unraisable.hook = hook;
    unraisable.context = context;
    ouro__os_release(&unraisable.lock);
}

void
ouro__unraisable(ouro_status status, const char *where, ouro_object *object)
{
    ouro__os_acquire(&unraisable.lock);
    ouro_unraisable_hook hook = unraisable.hook;
    void *context = unraisable.context;
    ouro__os_release(&unraisable.lock);
    if (hook != NULL) {
        hook(status, where, (ouro_loan)object, context);
    } else {
        fprintf(stderr, "ouro: ignored in %s of a %s at %p: %s\n", where, ouro__type(object)->name,
                (void *)object, ouro_status_text(status));
    }
}

/* ---- the trash ---- */

#define LINK_BYTES 6 /* of an address; `flags` and `lock` stay as they are */
_Static_assert(offsetof(ouro_object, flags) == LINK_BYTES, "the link ends where the flags begin");

static void
push_trash(struct thread *self, ouro_object *object)
{
    uint64_t link = (uint64_t)(uintptr_t)self->trash;
    memcpy(object, &link, LINK_BYTES);
    self->trash = object;
}

static ouro_object *
pop_trash(struct thread *self)
{
    ouro_object *object = self->trash;
    uint64_t link = 0;
    memcpy(&link, object, LINK_BYTES);
    self->trash = (ouro_object *)(uintptr_t)link;
    object->local = 0;
    object->owner = self->number;
    return object;
}

/* ---- one object ---- */

static void
set_flag(ouro_object *object, uint8_t flag)
{
    __atomic_fetch_or(&object->flags, flag, __ATOMIC_RELAXED);
}

/* Ask the finalizer; true when the object is to go on living. */
static bool
is_kept_by_finalizer(struct thread *self, ouro_object *object, struct ouro_type *type)
{
    set_flag(object, OBJECT_FINALIZED);
    /* The finalizer's own reference.  `shared` last: then others can get at the object by weak references, and must see
     * whose it is. */
    bool weak = (object->flags & OBJECT_WEAK) != 0;
    __atomic_store_n(&object->owner, self->number, __ATOMIC_RELAXED);
    __atomic_store_n(&object->local, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&object->shared, weak ? SHARED_WEAK : SHARED_DEFAULT, __ATOMIC_RELEASE);
    ouro_status status = type->own.finalize((ouro_loan)object);
    if (status < 0) {
        ouro__unraisable(status, "finalize", object);
    }
    if (object->local == OURO_IMMORTAL) {
        return true;
    }
    if (object->local > 1) {
        __atomic_store_n(&object->local, object->local - 1, __ATOMIC_RELAXED);
        return true;
    }
    uint32_t shared = __atomic_load_n(&object->shared, __ATOMIC_ACQUIRE);
    if (shared == SHARED_DEFAULT) {
        __atomic_store_n(&object->local, 0, __ATOMIC_RELAXED);
        return false;
    }
    /* Merged already, when the finalizer came by a safepoint with the object in this thread's queue. */
    return !(ouro__shared_state(shared) == SHARED_MERGED ? ouro__drop_merged(object)
                                                         : ouro__merge(object));
}

/* Let go of the references of the type's table. */
static void
clear_fields(ouro_object *object, const struct ouro_type *type)
{
    for (uint32_t f = 0; f < type->n_fields; f++) {
        const ouro_field *field = &type->fields[f];
        size_t n;
        char *element = ouro__field_elements(object, field, &n);
        for (size_t i = 0; i < n; i++, element += field->stride) {
            ouro_object **refs = (ouro_object **)(void *)element;
            for (unsigned r = 0; r < field->n_refs; r++) {
                ouro_clear(&refs[r]);
            }
        }
    }
}

static void
call_clear(ouro_object *object, struct ouro_type *type)
{
    for (struct ouro_type *each = type; each != NULL; each = (struct ouro_type *)each->base) {
        if (each->own.clear != NULL) {
            each->own.clear((ouro_loan)object);
        }
    }
}

void
ouro__clear_object(ouro_object *object)
{
    struct ouro_type *type = ouro__type(object);

    if (type->has_functions) {
        call_clear(object, type);
    }
    clear_fields(object, type);
}

static void
call_dealloc(ouro_object *object, struct ouro_type *type)
{
    for (struct ouro_type *each = type; each != NULL; each = (struct ouro_type *)each->base) {
        if (each->own.dealloc != NULL) {
            each->own.dealloc((ouro_loan)object);
        }
    }
}

/* The finalizer, if it was not asked yet, and the weak references; true when the object lives on. */
static bool
lives_on(struct thread *self, ouro_object *object, struct ouro_type *type)
{
    if (type->own.finalize != NULL && !(object->flags & OBJECT_FINALIZED) &&
        is_kept_by_finalizer(self, object, type)) {
        return true;
    }
    object->flags |= OBJECT_DYING; /* nobody else has it any more */
    if (object->flags & OBJECT_WEAK) {
        ouro__weakrefs_die(object);
    }
    return false;
}

/* Destroy an object that nobody refers to, and of which no weak reference makes one again. */
static void
destroy_now(struct thread *self, ouro_object *object, struct ouro_type *type)
{
    object->flags |= OBJECT_DYING; /* nobody else has it any more */
    if (type->let_go != NULL) {
        type->let_go(object);
    } else {
        ouro__clear_object(object);
        call_dealloc(object, type);
    }
    ouro__object_free(self, type, object);
}

/* The finalizer and the weak references, then all else. */
static void
destroy_or_keep(struct thread *self, ouro_object *object)
{
    struct ouro_type *type = ouro__type(object);
    bool has_hooks = type->own.finalize != NULL || object->flags & OBJECT_WEAK;

    if (!has_hooks || !lives_on(self, object, type)) {
        destroy_now(self, object, type);
    }
}

void
ouro__empty_trash(struct thread *self)
{
    self->depth++;
    while (self->trash != NULL) {
        ouro_object *next = pop_trash(self);
        __atomic_fetch_and(&next->flags, (uint8_t)~OBJECT_WAITING, __ATOMIC_RELAXED);
        destroy_or_keep(self, next);
    }
    self->depth--;
}

void
ouro__destroy(ouro_object *object)
{
    struct thread *self = ouro__thread_self;

    OURO_CHECK(self != NULL,
               "object %p of type %s lost its last reference in a thread that is not attached",
               (void *)object, ouro__type(object)->name);
    if (OURO_UNLIKELY(self->depth >= MAX_DEPTH)) {
        set_flag(object, OBJECT_WAITING);
        push_trash(self, object);
        return;
    }
    self->depth++;
    destroy_or_keep(self, object);
    ouro__leave_destruction(self);
}

/* ---- what is quicker for many types: see ouro__type.end ---- */

void
ouro__end_plain(ouro_object *object)
{
    ouro__leaf_free(ouro__thread_self, ouro__object_class(ouro__type(object), object), object);
}

/* Let go of the references that a type's table tells, of an object that ends: they stay where they are. */
static inline void
let_go_of_fields(ouro_object *object)
{
    const struct ouro_type *type = ouro__type(object);
    ouro_object **row = (ouro_object **)(void *)((char *)object + type->refs);

    for (size_t i = 0; i < type->n_refs; i++) {
        ouro_xdecref(row[i]);
    }
    if (type->n_refs != 0) {
        return;
    }
    for (uint32_t f = 0; f < type->n_fields; f++) {
        const ouro_field *field = &type->fields[f];
        size_t n;
        char *element = ouro__field_elements(object, field, &n);
        for (size_t i = 0; i < n; i++, element += field->stride) {
            ouro_object **refs = (ouro_object **)(void *)element;
            for (unsigned r = 0; r < field->n_refs; r++) {
                ouro_xdecref(refs[r]);
            }
        }
    }
}

void
ouro__end_of_fields(ouro_object *object)
{
    ouro__end(object, ouro__object_class(ouro__type(object), object), let_go_of_fields);
}

/* The owner lets go of its last reference while others may have some: give the object to nobody. */
static __attribute__((noinline)) void
merge_last(ouro_object *object)
{
    uint32_t seen = __atomic_load_n(&object->shared, __ATOMIC_ACQUIRE);

    __atomic_store_n(&object->owner, NO_OWNER, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&object->shared, &seen, seen | SHARED_MERGED, true,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    }
    if ((seen | SHARED_MERGED) == SHARED_MERGED) {
        ouro__destroy(object);
    }
}

void
ouro__decref_last(ouro_object *object)
{
    const struct ouro_type *type = ouro__type(object);

    if (OURO_UNLIKELY(__atomic_load_n(&object->shared, __ATOMIC_ACQUIRE) != SHARED_DEFAULT)) {
        merge_last(object);
    } else if (type->plain_class != 0) { /* nobody else ever had it */
        ouro__leaf_free(ouro__thread_self, type->plain_class, object);
    } else {
        type->end(object);
    }
}
