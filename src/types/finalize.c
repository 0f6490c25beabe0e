/* finalize.c - weak references that the library keeps until they have been called.
 *
 * Those that are alive stand in a list, the newest first, which has a reference to each.  Whoever takes one out of the
 * list, and that is one thread alone, may call it.
 *
 * @source  CPython Lib/weakref.py, class finalize */
#include "object/weakref.h"
#include "ouro/finalize.h"
#include "ouro/gc.h"
#include "types/types.h"

#include <stdlib.h>

struct link {
    struct link *newer, *older; /* a ring with the list's beginning; `newer` NULL: not alive */
};

struct finalizer {
    struct weakref ref; /* to the object */
    struct link link;
    ouro_finalize_function function;
    ouro_ref kept; /* the function's context */
    bool at_exit;
};

static struct {
    ouro__os_lock lock;  /* guards what is below, and in finalizers all but `function` */
    struct link alive;   /* where the newest is `older` */
    struct link skipped; /* at the end: those that are not to be called then */
    bool is_over;        /* the end has come: nothing is called any more */
} registry = {.lock = OURO_OS_LOCK_INIT,
              .alive = {&registry.alive, &registry.alive},
              .skipped = {&registry.skipped, &registry.skipped}};

static struct ouro_type *finalizer_type;

static struct finalizer *
finalizer_of(ouro_loan loan)
{
    return (struct finalizer *)ouro_look(loan);
}

static void
link_newest(struct link *list, struct link *link)
{
    link->newer = list;
    link->older = list->older;
    link->older->newer = link;
    list->older = link;
}

static void
unlink_it(struct link *link)
{
    link->newer->older = link->older;
    link->older->newer = link->newer;
    link->newer = NULL;
}

/* Take it out of the list; true when it was there: the list's reference and `context` are the caller's. */
static bool
take_out(struct finalizer *finalizer, ouro_object **context)
{
    ouro__os_acquire(&registry.lock);
    bool is_alive = finalizer->link.newer != NULL;
    if (is_alive) {
        unlink_it(&finalizer->link);
        *context = finalizer->kept;
        finalizer->kept = NULL;
    }
    ouro__os_release(&registry.lock);
    if (is_alive) {
        ouro__weakref_forget(&finalizer->ref);
    }
    return is_alive;
}

ouro_status
ouro_finalize_call(ouro_loan loan)
{
    struct finalizer *finalizer = finalizer_of(loan);
    ouro_object *context = NULL;

    if (!take_out(finalizer, &context)) {
        return OURO_OK;
    }
    ouro_status status = OURO_FOUND;
    if (!__atomic_load_n(&registry.is_over, __ATOMIC_RELAXED)) {
        ouro_status failure = finalizer->function((ouro_loan)context);
        status = failure < 0 ? failure : status;
    }
    ouro_xdecref(context);
    ouro_decref(&finalizer->ref.head);
    return status;
}

static ouro_status
call_on_death(ouro_loan weakref, ouro_loan context)
{
    (void)context;
    return ouro_finalize_call(weakref);
}

ouro_status
ouro_finalize_create(ouro_loan object, ouro_finalize_function function, ouro_loan context,
                     ouro_ref *finalizer)
{
    ouro_ref made = NULL;
    ouro_status status =
        ouro__weakref_make(finalizer_type, ouro_look(object), call_on_death, NULL, &made);
    if (status < 0) {
        return status;
    }
    struct finalizer *new = (struct finalizer *)made;
    new->function = function;
    new->kept = ouro_look(context) != NULL ? ouro_incref(context) : NULL;
    new->at_exit = true;
    if (finalizer != NULL) {
        *finalizer = ouro_incref((ouro_loan)made);
    }
    ouro__os_acquire(&registry.lock);
    link_newest(&registry.alive, &new->link);
    ouro__os_release(&registry.lock);
    return OURO_OK;
}

/* ---- asking ---- */

bool
ouro_finalize_is_alive(ouro_loan finalizer)
{
    ouro__os_acquire(&registry.lock);
    bool is_alive = finalizer_of(finalizer)->link.newer != NULL;
    ouro__os_release(&registry.lock);
    return is_alive;
}

ouro_status
ouro_finalize_peek(ouro_loan loan, ouro_ref *object, ouro_ref *context)
{
    struct finalizer *finalizer = finalizer_of(loan);
    ouro_ref referent = ouro_weakref_get(loan);

    if (referent == NULL) {
        return OURO_OK;
    }
    ouro__os_acquire(&registry.lock);
    bool is_alive = finalizer->link.newer != NULL;
    if (is_alive) {
        *object = referent;
        *context = finalizer->kept != NULL ? ouro_incref((ouro_loan)finalizer->kept) : NULL;
    }
    ouro__os_release(&registry.lock);
    if (!is_alive) {
        ouro_decref(referent);
    }
    return is_alive ? OURO_FOUND : OURO_OK;
}

ouro_status
ouro_finalize_detach(ouro_loan loan, ouro_ref *object, ouro_ref *context)
{
    ouro_ref referent = ouro_weakref_get(loan);
    ouro_object *kept = NULL;

    if (referent == NULL) {
        return OURO_OK;
    }
    if (!take_out(finalizer_of(loan), &kept)) {
        ouro_decref(referent);
        return OURO_OK;
    }
    *object = referent;
    *context = kept;
    ouro_decref((ouro_ref)finalizer_of(loan)); /* the list's */
    return OURO_FOUND;
}

void
ouro_finalize_set_at_exit(ouro_loan finalizer, bool at_exit)
{
    ouro__os_acquire(&registry.lock);
    finalizer_of(finalizer)->at_exit = at_exit;
    ouro__os_release(&registry.lock);
}

bool
ouro_finalize_at_exit(ouro_loan loan)
{
    const struct finalizer *finalizer = finalizer_of(loan);
    ouro__os_acquire(&registry.lock);
    bool at_exit = finalizer->link.newer != NULL && finalizer->at_exit;
    ouro__os_release(&registry.lock);
    return at_exit;
}

/* ---- the end of the process ---- */

/* A new reference to the newest that is to be called now, or NULL.  None is looked at twice. */
static ouro_ref
next_at_exit(void)
{
    ouro_ref found = NULL;

    ouro__os_acquire(&registry.lock);
    while (found == NULL && registry.alive.older != &registry.alive) {
        struct link *link = registry.alive.older;
        struct finalizer *newest =
            (struct finalizer *)(void *)((char *)link - offsetof(struct finalizer, link));
        if (newest->at_exit) {
            found = ouro_incref((ouro_loan)&newest->ref.head);
        } else {
            unlink_it(link);
            link_newest(&registry.skipped, link);
        }
    }
    ouro__os_release(&registry.lock);
    return found;
}

/* By exit(), in whichever thread calls that. */
static void
call_at_exit(void)
{
    ouro_ref next;

    if (ouro_thread_attach() < 0) {
        return;
    }
    bool was_enabled = ouro_gc_is_enabled();
    ouro_gc_disable();
    while ((next = next_at_exit()) != NULL) {
        ouro_status status = ouro_finalize_call(ouro_lend(next));
        if (status < 0) {
            ouro__unraisable(status, "finalizer at exit", next);
        }
        ouro_decref(next);
    }
    __atomic_store_n(&registry.is_over, true, __ATOMIC_RELAXED);
    if (was_enabled) {
        ouro_gc_enable();
    }
    ouro_thread_detach();
}

/* ---- the type ---- */

ouro_loan
ouro_finalizer_type(void)
{
    return (ouro_loan)&finalizer_type->head;
}

bool
ouro__finalizers_init(void)
{
    static const ouro_field fields[] = {OURO_FIELD(struct finalizer, kept)};
    const ouro_type_spec spec = {
        .name = "finalizer",
        .base = (ouro_loan)&ouro__weakref_type->head,
        .size = sizeof(struct finalizer),
        .n_fields = 1,
        .fields = fields,
    };
    return finalizer_type != NULL ||
           (ouro__type_make(&spec, &finalizer_type) && atexit(call_at_exit) == 0);
}
