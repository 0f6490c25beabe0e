/* collect.c - a collection, from the first object looked at to the last one's end.
 *
 *   the world stands still        young objects and those of the middle are listed, or all are walked;
 *                                 trial.c tells which hold only each other: the trash
 *                                 each is given a reference, so that none goes before its turn;
 *                                 weak references to them forget them; the others grow older
 *   the world runs                callbacks of the weak references, finalizers
 *   the world stands still        when any of these ran: which trash is still trash?
 *   the world runs                its references are let go of, then it itself
 *
 * When it is time for the old generation, slices.c finds suspects first, a slice at each batch of new objects, and the
 * first step is for these alone; their trash is let go of a chunk at each batch, too.
 *
 * No code of the program's runs while the world stands still, but for types' `traverse`.
 *
 * @source  CPython Python/gc.c, gc_collect_main(); PEP 442 */
#include "gc/gc.h"
#include "object/weakref.h"

#include <stdio.h>

/* So that a little can be collected without memory; for the collection in progress. */
static struct chunk *reserve;

/* ---- lists ---- */

/* Add to a list; the first chunk of which may be the reserve.  False without memory. */
static bool
add(struct chunk **list, ouro_object *object)
{
    if (ouro__chunk_add(list, object)) {
        return true;
    }
    if (*list != NULL || reserve == NULL) {
        return false;
    }
    *list = reserve;
    reserve = NULL;
    return ouro__chunk_add(list, object);
}

/* ---- the passes ---- */

static void
set_generation(ouro_object *object, unsigned generation)
{
    uint8_t flags = (uint8_t)((object->flags & ~(unsigned)OBJECT_GENERATION) | generation);
    if (flags != object->flags) {
        object->flags = flags;
    }
}

/* Keep an object of the trash from going before its turn, and out of the sight of who visits all objects, other threads
 * as well.  It is nobody's from now on, so that any thread can end it. */
static void
hold(ouro_object *object)
{
    object->flags |= OBJECT_WAITING;
    unsigned state = ouro__shared_state(object->shared);
    if (state == SHARED_QUEUED || state == SHARED_MERGED) {
        object->shared += SHARED_ONE;
    } else {
        object->shared = ouro__shared_make((int32_t)ouro__count(object) + 1, SHARED_MERGED);
        object->local = 0;
        object->owner = NO_OWNER;
    }
}

static bool
gather(ouro_object *object, uint16_t side, void *context)
{
    struct collection *collection = context;

    (void)side;
    if (!add(&collection->trash.list, object)) {
        collection->no_memory = true;
        return false;
    }
    collection->n_trash++;
    collection->trash.has_types |= ouro__type(object) == ouro__type_type;
    hold(object);
    return true;
}

/* Weak references to trash forget it.  Those that are trash forget what they refer to: they would be called while the
 * trash is let go of, when their contexts are gone.  @source CPython Python/gc.c, handle_weakrefs() */
static void
forget_weakrefs(void *block, void *context)
{
    struct collection *collection = context;
    ouro_object *object = block;

    if (ouro__is_weakref(object)) {
        ouro__weakref_forget((struct weakref *)object);
    }
    if (object->flags & OBJECT_WEAK) {
        ouro__weakrefs_clear(object, &collection->waiting, ouro__gc_is_trash);
    }
}

/* Have the object grow older, or be looked at no more; clean its place in the side table. */
static inline __attribute__((always_inline)) void
settle(void *block, void *context)
{
    const struct collection *collection = context;
    ouro_object *object = block;
    bool is_trash = collection->n_trash != 0 && ouro__gc_is_trash(object);

    ouro__side_store(ouro__side_at(object), 0);
    bool is_old = collection->generation > 0 || collection->skips_middle || is_trash;
    set_generation(object, is_old ? GENERATION_OLD : 1);
    if (!is_trash && ouro__type(object)->untracking == UNTRACKED_BY_ANY) {
        ouro__gc_untrack(object);
    }
}

static void
show(ouro_object *object)
{
    __atomic_fetch_and(&object->flags, (uint8_t)~OBJECT_WAITING, __ATOMIC_RELAXED);
}

/* Have the object looked at again. */
static void
mark_listed(void *object, void *context)
{
    (void)context;
    show(object);
    ouro__side_store(ouro__side_at(object), SIDE_LISTED);
}

static void
call_finalizer(void *block, void *context)
{
    struct collection *collection = context;
    ouro_object *object = block;
    struct ouro_type *type = ouro__type(object);

    if (type->own.finalize == NULL || object->flags & OBJECT_FINALIZED) {
        return;
    }
    __atomic_fetch_or(&object->flags, OBJECT_FINALIZED, __ATOMIC_RELAXED);
    collection->ran_code = true;
    ouro_status status = type->own.finalize((ouro_loan)object);
    if (status < 0) {
        ouro__unraisable(status, "finalize", object);
    }
}

/* In the list of trash, what is not to be cleared after all has the lowest bit set. */
#define KEPT ((uintptr_t)1)

static ouro_object *
item_object(const void *item)
{
    return (ouro_object *)((uintptr_t)item & ~KEPT);
}

/* Mark what was reached; the rest goes out of sight again. */
static void
sort_out(struct collection *collection)
{
    for (struct chunk *chunk = collection->trash.list; chunk != NULL; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->n; i++) {
            ouro_object *object = chunk->items[i];
            if (!ouro__gc_is_trash(object)) {
                chunk->items[i] = (void *)((uintptr_t)object | KEPT);
                collection->n_trash--;
            } else {
                object->flags |= OBJECT_WAITING;
            }
        }
    }
}

static void
complain(const char *what, const ouro_object *object)
{
    fprintf(stderr, "ouro gc: %s %s at %p\n", what, ouro__type(object)->name, (const void *)object);
}

/* Let go of an object of the trash: of what it refers to, and then of it.  True when it was saved instead. */
static bool
let_go_of(ouro_object *object, unsigned debug)
{
    if (debug & OURO_GC_DEBUG_SAVEALL && ouro__gc_save(object)) {
        show(object);
        if (debug & OURO_GC_DEBUG_UNCOLLECTABLE) {
            complain("uncollectable", object);
        }
        return true;
    }
    if (debug & OURO_GC_DEBUG_COLLECTABLE) {
        complain("collectable", object);
    }
    ouro__clear_object(object);
    ouro_decref(object);
    return false;
}

/* Let go of a chunk's objects but for types, which stay in it: their objects need them to the end. */
static void
let_go_of_chunk(struct collection *collection, struct chunk *chunk, unsigned debug)
{
    size_t n_types = 0;

    for (size_t i = 0; i < chunk->n; i++) {
        ouro_object *object = item_object(chunk->items[i]);
        bool is_kept = ((uintptr_t)chunk->items[i] & KEPT) != 0;
        if (is_kept) {
            ouro_decref(object);
        } else if (ouro__type(object) == ouro__type_type) {
            chunk->items[n_types++] = object;
        } else {
            collection->n_saved += let_go_of(object, debug);
        }
    }
    chunk->n = n_types;
}

/* Let go of the types that are left in the list, but for those that have objects: such as wait to be destroyed, were saved,
 * or came into somebody's hands while others were let go of. */
static void
let_go_of_types(struct collection *collection, unsigned debug)
{
    bool has_leaves = false;

    for (struct chunk *chunk = collection->trash.list; chunk != NULL; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->n; i++) {
            has_leaves |= (((const struct ouro_type *)chunk->items[i])->flags & OURO_TYPE_LEAF) != 0;
        }
    }
    ouro__world_stop();
    ouro__gc_find_used_types(has_leaves);
    ouro__world_start();
    for (struct chunk *chunk = collection->trash.list; chunk != NULL; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->n; i++) {
            ouro_object *type = chunk->items[i];
            if (ouro__gc_is_used((const struct ouro_type *)type)) {
                collection->n_trash--;
                show(type);
                ouro_decref(type);
            } else {
                collection->n_saved += let_go_of(type, debug);
            }
        }
    }
}

bool
ouro__gc_let_go(struct collection *collection)
{
    uint64_t since = ouro__os_now();
    struct chunk *chunk = collection->next;

    if (chunk != NULL) {
        let_go_of_chunk(collection, chunk, ouro_gc_get_debug());
        collection->next = chunk->next;
    }
    if (collection->next == NULL && collection->trash.has_types) {
        let_go_of_types(collection, ouro_gc_get_debug());
    }
    collection->ns += ouro__os_now() - since;
    if (collection->next != NULL) {
        return false;
    }
    ouro__chunks_give(collection->trash.list);
    if (reserve == NULL) {
        reserve = ouro__chunk_take();
    }
    ouro__gc_note_stats(collection);
    return true;
}

/* ---- a collection ---- */

static void
note_pause(struct collection *collection, uint64_t since)
{
    uint64_t pause = ouro__os_now() - since;
    collection->pause = pause > collection->pause ? pause : collection->pause;
}

/* Put what has a legacy finalizer in the garbage.  @source CPython Python/gc.c, handle_legacy_finalizers() */
static void
save_legacy(struct chunk *list)
{
    for (struct chunk *chunk = list; chunk != NULL; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->n; i++) {
            ouro_object *object = chunk->items[i];
            if (ouro__gc_save(object)) {
                (void)ouro_incref((ouro_loan)object);
            }
            if (ouro_gc_get_debug() & OURO_GC_DEBUG_UNCOLLECTABLE) {
                complain("uncollectable", object);
            }
        }
    }
    ouro__chunks_give(list);
}

/* Take what is trash out of the set that was tried. */
static void
take_trash(struct collection *collection, struct ouro__gc_found found)
{
    save_legacy(found.legacy);
    collection->n_kept = found.n_kept;
    collection->n_visited = found.n;
    if (found.n_trash != 0) {
        ouro__gc_for_each_unreached(&collection->set, gather, collection);
        ouro__gc_for_each(&collection->trash, forget_weakrefs, collection);
    }
}

/* Find the trash of a generation. */
static void
search(struct collection *collection)
{
    unsigned generation = collection->generation;
    bool is_whole = generation == GENERATION_OLD;
    uint64_t since = ouro__os_now();

    ouro__world_stop();
    if (!ouro__side_extend()) { /* objects may be where the table does not reach: another time */
        ouro__world_start();
        return;
    }
    ouro__merge_queues();
    if (is_whole) {
        ouro__side_expect_all();
    }
    collection->set.is_whole = is_whole;
    struct set young = {.list = ouro__gc_take_young(generation)};
    collection->set.list = young.list;
    take_trash(collection, ouro__gc_try(&collection->set, 0));
    ouro__gc_for_each(&young, settle, collection);
    if (is_whole) {
        ouro__side_forget();
    } else if (generation == 0 && !collection->skips_middle) {
        ouro__gc_add_middle(collection->set.list);
        collection->set.list = NULL;
    }
    ouro__world_start();
    note_pause(collection, since);
    ouro__chunks_give(collection->set.list);
}

/* Find the trash among the suspects. */
static void
search_suspects(struct collection *collection)
{
    uint64_t since = ouro__os_now();

    ouro__world_stop();
    ouro__merge_queues();
    size_t n_seen;
    collection->set = ouro__gc_slices_take(&n_seen);
    take_trash(collection, ouro__gc_try(&collection->set, 0));
    collection->n_visited = n_seen;
    ouro__gc_for_each(&collection->set, settle, collection);
    ouro__side_forget();
    ouro__world_start();
    note_pause(collection, since);
    ouro__chunks_give(collection->set.list);
}

/* Has the program's code, which ran since, given life back to some of the trash? */
static void
search_again(struct collection *collection)
{
    uint64_t since = ouro__os_now();

    ouro__world_stop();
    ouro__gc_for_each(&collection->trash, mark_listed, NULL);
    ouro__gc_try(&collection->trash, 1);
    sort_out(collection);
    for (struct chunk *chunk = collection->trash.list; chunk != NULL; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->n; i++) {
            if (!((uintptr_t)chunk->items[i] & KEPT)) {
                forget_weakrefs(chunk->items[i], collection);
            }
        }
    }
    for (struct chunk *chunk = collection->trash.list; chunk != NULL; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->n; i++) {
            ouro__side_store(ouro__side_at(item_object(chunk->items[i])), 0);
        }
    }
    ouro__world_start();
    note_pause(collection, since);
}

static void
call_waiting(struct collection *collection)
{
    struct weakref *waiting = collection->waiting;
    collection->waiting = NULL;
    collection->ran_code |= waiting != NULL;
    ouro__weakrefs_call(waiting);
}

/* What comes between finding trash and letting go of it. */
static void
bring_to_an_end(struct collection *collection)
{
    call_waiting(collection);
    for (struct chunk *chunk = collection->trash.list; chunk != NULL; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->n; i++) {
            call_finalizer(chunk->items[i], collection);
        }
    }
    if (collection->ran_code ||
        collection->no_memory) { /* without memory: what the rest refers to stays */
        search_again(collection);
        call_waiting(collection);
    }
    collection->next = collection->trash.list;
}

void
ouro__gc_run(struct collection *collection)
{
    uint64_t since = ouro__os_now();

    ouro__gc_tell(false, collection);
    search(collection);
    bring_to_an_end(collection);
    collection->ns += ouro__os_now() - since;
    while (!ouro__gc_let_go(collection)) {
    }
    ouro__gc_tell(true, collection);
}

bool
ouro__gc_slice(struct collection *collection, size_t budget)
{
    uint64_t since = ouro__os_now();

    ouro__world_stop();
    bool is_done = ouro__gc_slices_go_on(budget);
    ouro__world_start();
    note_pause(collection, since);
    collection->ns += ouro__os_now() - since;
    return is_done;
}

bool
ouro__gc_begin_slices(struct collection *collection)
{
    uint64_t since = ouro__os_now();

    ouro__world_stop();
    ouro__merge_queues();
    bool has_begun = ouro__side_extend() && ouro__gc_slices_begin();
    if (has_begun) {
        ouro__side_expect_all();
    }
    ouro__world_start();
    note_pause(collection, since);
    collection->ns += ouro__os_now() - since;
    return has_begun;
}

void
ouro__gc_end_slices(struct collection *collection)
{
    uint64_t since = ouro__os_now();

    search_suspects(collection);
    bring_to_an_end(collection);
    collection->ns += ouro__os_now() - since;
}

bool
ouro__gc_collect_init(void)
{
    if (reserve == NULL) {
        reserve = ouro__chunk_take();
    }
    return reserve != NULL;
}
