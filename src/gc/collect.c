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
 * No code of the program's runs while the world stands still, but for types' `traverse`.
 *
 * @source  CPython Python/gc.c, gc_collect_main(); PEP 442 */
#include "gc/gc.h"
#include "object/weakref.h"

#include <stdio.h>

#define MAX_CALLBACKS 8

static struct {
    ouro__os_lock lock; /* guards what is below, while it is no collection's */
    bool is_disabled;
    uint32_t threshold[OURO_GENERATIONS];
    unsigned debug;
    struct {
        ouro_gc_callback call;
        void *context;
    } callbacks[MAX_CALLBACKS];
    unsigned n_callbacks;
    ouro_gc_stats stats[OURO_GENERATIONS];
    struct chunk *garbage;

    const struct thread *collector; /* whose collection is running, or was last */
    uint32_t is_collecting;         /* atomic */
    uint32_t n_logged;              /* in full segments of logs since the last collection; atomic */
    uint32_t n_younger
        [OURO_GENERATIONS];  /* collections of the next younger generation since its own; atomic */
    size_t n_old, n_new_old; /* objects left by the last full collection, and since by middle ones */
    struct chunk *reserve;   /* so that a little can be collected without memory */
} gc = {.lock = OURO_OS_LOCK_INIT, .threshold = {2000, 10, 10}};

/* One collection. */
struct collection {
    unsigned generation;
    struct set set;
    struct set trash;
    size_t n_trash;
    struct weakref *waiting; /* callbacks to be called */
    bool ran_code;
    bool no_memory; /* not all trash could be listed: the rest is left for later */
    uint64_t pause;
};

/* ---- lists ---- */

/* Add to a list; false without memory. */
static bool
add(struct chunk **list, ouro_object *object)
{
    struct chunk *chunk = *list;
    if (chunk == NULL || chunk->n == CHUNK_ITEMS) {
        chunk = ouro__chunk_take();
        if (chunk == NULL && *list == NULL) {
            chunk = gc.reserve;
            gc.reserve = NULL;
        }
        if (chunk == NULL) {
            return false;
        }
        chunk->next = *list;
        *list = chunk;
    }
    chunk->items[chunk->n++] = object;
    return true;
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

static void
gather(ouro_object *object, uint16_t side, void *context)
{
    struct collection *collection = context;

    (void)side;
    if (collection->no_memory || !add(&collection->trash.list, object)) {
        collection->no_memory = true;
        return;
    }
    collection->n_trash++;
    collection->trash.has_types |= ouro__type(object) == ouro__type_type;
    hold(object);
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

/* Have the object grow older; clean its place in the side table. */
static void
settle(void *block, void *context)
{
    const struct collection *collection = context;
    ouro_object *object = block;
    bool is_old = collection->generation > 0 || ouro__gc_is_trash(object);

    ouro__side_store(ouro__side_at(object), 0);
    set_generation(object, is_old ? GENERATION_OLD : 1);
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

static bool
save(ouro_object *object)
{
    ouro__os_acquire(&gc.lock);
    bool is_saved = add(&gc.garbage, object);
    ouro__os_release(&gc.lock);
    return is_saved;
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
    if (debug & OURO_GC_DEBUG_SAVEALL && save(object)) {
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

/* Let go of all but types, which stay in the list: their objects need them to the end. */
static size_t
let_go_of_objects(struct collection *collection, unsigned debug)
{
    size_t n_saved = 0;

    for (struct chunk *chunk = collection->trash.list; chunk != NULL; chunk = chunk->next) {
        size_t n_types = 0;
        for (size_t i = 0; i < chunk->n; i++) {
            ouro_object *object = item_object(chunk->items[i]);
            bool is_kept = ((uintptr_t)chunk->items[i] & KEPT) != 0;
            if (is_kept) {
                ouro_decref(object);
            } else if (ouro__type(object) == ouro__type_type) {
                chunk->items[n_types++] = object;
            } else {
                n_saved += let_go_of(object, debug);
            }
        }
        chunk->n = n_types;
    }
    return n_saved;
}

/* Let go of the types that are left in the list, but for those that have objects: such as wait to be destroyed, were saved,
 * or came into somebody's hands while others were let go of. */
static size_t
let_go_of_types(struct collection *collection, unsigned debug)
{
    size_t n_saved = 0;
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
                ouro_decref(type);
            } else {
                n_saved += let_go_of(type, debug);
            }
        }
    }
    return n_saved;
}

static size_t
let_go(struct collection *collection)
{
    unsigned debug = ouro_gc_get_debug();
    size_t n_saved = let_go_of_objects(collection, debug);

    return n_saved + (collection->trash.has_types ? let_go_of_types(collection, debug) : 0);
}

/* ---- a collection ---- */

static void
tell(bool is_stop, unsigned generation, size_t n_collected, size_t n_uncollectable)
{
    const ouro_gc_event event = {is_stop, generation, n_collected, n_uncollectable};

    for (unsigned i = 0;; i++) {
        ouro__os_acquire(&gc.lock);
        ouro_gc_callback call = i < gc.n_callbacks ? gc.callbacks[i].call : NULL;
        void *context = call != NULL ? gc.callbacks[i].context : NULL;
        ouro__os_release(&gc.lock);
        if (call == NULL) {
            return;
        }
        call(&event, context);
    }
}

static void
note_pause(struct collection *collection, uint64_t since)
{
    uint64_t pause = ouro__os_now() - since;
    collection->pause = pause > collection->pause ? pause : collection->pause;
}

/* Find the trash. */
static size_t
search(struct collection *collection)
{
    unsigned generation = collection->generation;
    bool is_whole = generation == GENERATION_OLD;
    uint64_t since = ouro__os_now();

    ouro__world_stop();
    if (!ouro__side_extend()) { /* objects may be where the table does not reach: another time */
        ouro__world_start();
        return 0;
    }
    ouro__merge_queues();
    collection->set.is_whole = is_whole;
    struct set young = {.list = ouro__gc_take_young(generation)};
    collection->set.list = young.list;
    __atomic_store_n(&gc.n_logged, 0, __ATOMIC_RELAXED);
    struct ouro__gc_found found = ouro__gc_try(&collection->set, 0);
    if (found.n_trash != 0) {
        ouro__gc_for_each_unreached(&collection->set, gather, collection);
        ouro__gc_for_each(&collection->trash, forget_weakrefs, collection);
    }
    ouro__gc_for_each(&young, settle, collection);
    size_t n_left = found.n - found.n_trash;
    if (is_whole) {
        ouro__side_forget();
        gc.n_old = n_left;
        gc.n_new_old = 0;
    } else if (generation > 0) {
        gc.n_new_old += n_left;
    } else {
        ouro__gc_add_middle(collection->set.list);
        collection->set.list = NULL;
    }
    ouro__world_start();
    note_pause(collection, since);
    ouro__chunks_give(collection->set.list);
    return found.n;
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

static void
count_down(unsigned generation)
{
    for (unsigned g = 1; g <= generation; g++) {
        __atomic_store_n(&gc.n_younger[g], 0, __ATOMIC_RELAXED);
    }
    if (generation + 1 < OURO_GENERATIONS) {
        __atomic_fetch_add(&gc.n_younger[generation + 1], 1, __ATOMIC_RELAXED);
    }
}

static void
note_stats(const struct collection *collection, uint64_t since, size_t n_visited, size_t n_saved)
{
    ouro__os_acquire(&gc.lock);
    ouro_gc_stats *stats = &gc.stats[collection->generation];
    stats->n_collections++;
    stats->n_collected += collection->n_trash - n_saved;
    stats->n_uncollectable += n_saved;
    stats->n_visited += n_visited;
    stats->total_ns += ouro__os_now() - since;
    stats->longest_pause_ns =
        collection->pause > stats->longest_pause_ns ? collection->pause : stats->longest_pause_ns;
    if (gc.reserve == NULL) {
        gc.reserve = ouro__chunk_take();
    }
    ouro__os_release(&gc.lock);
}

/* The caller has set is_collecting. */
static size_t
run(unsigned generation)
{
    struct collection collection = {.generation = generation};
    uint64_t since = ouro__os_now();

    tell(false, generation, 0, 0);
    count_down(generation);
    size_t n_visited = search(&collection);
    call_waiting(&collection);
    for (struct chunk *chunk = collection.trash.list; chunk != NULL; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->n; i++) {
            call_finalizer(chunk->items[i], &collection);
        }
    }
    if (collection.ran_code ||
        collection.no_memory) { /* without memory: what the rest refers to stays */
        search_again(&collection);
        call_waiting(&collection);
    }
    size_t n_saved = let_go(&collection);
    ouro__chunks_give(collection.trash.list);
    note_stats(&collection, since, n_visited, n_saved);
    if (ouro_gc_get_debug() & OURO_GC_DEBUG_STATS) {
        fprintf(
            stderr,
            "ouro gc: generation %u: %zu objects looked at, %zu unreachable, %.3f ms, pause %.3f ms\n",
            generation, n_visited, collection.n_trash, (double)(ouro__os_now() - since) / 1e6,
            (double)collection.pause / 1e6);
    }
    tell(true, generation, collection.n_trash - n_saved, n_saved);
    __atomic_store_n(&gc.is_collecting, 0, __ATOMIC_RELEASE);
    return collection.n_trash;
}

static bool
begin(void)
{
    uint32_t idle = 0;
    bool begun = __atomic_compare_exchange_n(&gc.is_collecting, &idle, 1, false, __ATOMIC_ACQUIRE,
                                             __ATOMIC_RELAXED);
    if (begun) {
        gc.collector = ouro__thread_self;
    }
    return begun;
}

/* A collection of a thread that is gone will not go on. */
static void
on_fork_child(void)
{
    if (gc.collector != ouro__thread_self) {
        __atomic_store_n(&gc.is_collecting, 0, __ATOMIC_RELEASE);
    }
}

size_t
ouro_gc_collect(unsigned generation)
{
    return begin() ? run(generation < OURO_GENERATIONS ? generation : GENERATION_OLD) : 0;
}

/* ---- automatic collections ---- */

/* The oldest generation whose turn it is.  A full collection waits until what is new to it is a quarter of what it
 * left last time, so that their time stays in proportion to what is made. */
static unsigned
choose_generation(void)
{
    if (gc.threshold[2] != 0 && __atomic_load_n(&gc.n_younger[2], __ATOMIC_RELAXED) > gc.threshold[2] &&
        gc.n_new_old >= gc.n_old / 4) {
        return 2;
    }
    bool is_middle =
        gc.threshold[1] != 0 && __atomic_load_n(&gc.n_younger[1], __ATOMIC_RELAXED) > gc.threshold[1];
    return is_middle ? 1 : 0;
}

static void
on_log_full(struct thread *self)
{
    uint32_t n = (uint32_t)(self->log_next - self->log_begin);

    self->log_begin = self->log_next;
    n += __atomic_fetch_add(&gc.n_logged, n, __ATOMIC_RELAXED);
    uint32_t threshold = __atomic_load_n(&gc.threshold[0], __ATOMIC_RELAXED);
    if (threshold != 0 && n >= threshold && ouro_gc_is_enabled() && begin()) {
        run(choose_generation());
    }
}

static void
set_log_room(void)
{
    uint32_t room = ouro_gc_is_enabled() && gc.threshold[0] != 0 ? gc.threshold[0] : CHUNK_ITEMS;
    __atomic_store_n(&ouro__log_room, room, __ATOMIC_RELAXED);
}

bool
ouro__gc_init(void)
{
    if (gc.reserve == NULL) {
        gc.reserve = ouro__chunk_take();
        set_log_room();
        ouro__on_log_full = on_log_full;
        ouro__on_fork_child = on_fork_child;
    }
    return gc.reserve != NULL;
}

/* ---- controls ---- */

static void
set_disabled(bool is_disabled)
{
    __atomic_store_n(&gc.is_disabled, is_disabled, __ATOMIC_RELAXED);
    set_log_room();
}

void
ouro_gc_enable(void)
{
    set_disabled(false);
}

void
ouro_gc_disable(void)
{
    set_disabled(true);
}

bool
ouro_gc_is_enabled(void)
{
    return !__atomic_load_n(&gc.is_disabled, __ATOMIC_RELAXED);
}

void
ouro_gc_set_threshold(const uint32_t threshold[OURO_GENERATIONS])
{
    for (unsigned g = 0; g < OURO_GENERATIONS; g++) {
        __atomic_store_n(&gc.threshold[g], threshold[g], __ATOMIC_RELAXED);
    }
    set_log_room();
}

void
ouro_gc_get_threshold(uint32_t threshold[OURO_GENERATIONS])
{
    for (unsigned g = 0; g < OURO_GENERATIONS; g++) {
        threshold[g] = __atomic_load_n(&gc.threshold[g], __ATOMIC_RELAXED);
    }
}

void
ouro_gc_get_count(uint32_t count[OURO_GENERATIONS])
{
    const struct thread *self = ouro__thread_self;
    count[0] = __atomic_load_n(&gc.n_logged, __ATOMIC_RELAXED);
    count[0] += self != NULL ? (uint32_t)(self->log_next - self->log_begin) : 0;
    for (unsigned g = 1; g < OURO_GENERATIONS; g++) {
        count[g] = __atomic_load_n(&gc.n_younger[g], __ATOMIC_RELAXED);
    }
}

void
ouro_gc_get_stats(ouro_gc_stats stats[OURO_GENERATIONS])
{
    ouro__os_acquire(&gc.lock);
    memcpy(stats, gc.stats, sizeof gc.stats);
    ouro__os_release(&gc.lock);
}

void
ouro_gc_set_debug(unsigned flags)
{
    __atomic_store_n(&gc.debug, flags, __ATOMIC_RELAXED);
}

unsigned
ouro_gc_get_debug(void)
{
    return __atomic_load_n(&gc.debug, __ATOMIC_RELAXED);
}

ouro_status
ouro_gc_add_callback(ouro_gc_callback callback, void *context)
{
    ouro__os_acquire(&gc.lock);
    bool has_room = gc.n_callbacks < MAX_CALLBACKS;
    if (has_room) {
        gc.callbacks[gc.n_callbacks].call = callback;
        gc.callbacks[gc.n_callbacks++].context = context;
    }
    ouro__os_release(&gc.lock);
    return has_room ? OURO_OK : OURO_TOO_MANY;
}

ouro_status
ouro_gc_remove_callback(ouro_gc_callback callback, void *context)
{
    ouro_status status = OURO_OK;

    ouro__os_acquire(&gc.lock);
    for (unsigned i = 0; i < gc.n_callbacks && status == OURO_OK; i++) {
        if (gc.callbacks[i].call == callback && gc.callbacks[i].context == context) {
            memmove(&gc.callbacks[i], &gc.callbacks[i + 1],
                    (--gc.n_callbacks - i) * sizeof gc.callbacks[0]);
            status = OURO_FOUND;
        }
    }
    ouro__os_release(&gc.lock);
    return status;
}

size_t
ouro_gc_garbage_count(void)
{
    size_t n = 0;

    ouro__os_acquire(&gc.lock);
    for (const struct chunk *chunk = gc.garbage; chunk != NULL; chunk = chunk->next) {
        n += chunk->n;
    }
    ouro__os_release(&gc.lock);
    return n;
}

ouro_ref
ouro_gc_garbage_take(void)
{
    struct chunk *emptied = NULL;
    ouro_object *object = NULL;

    ouro__os_acquire(&gc.lock);
    if (gc.garbage != NULL && gc.garbage->n == 0) {
        emptied = gc.garbage;
        gc.garbage = emptied->next;
        emptied->next = NULL;
    }
    if (gc.garbage != NULL && gc.garbage->n != 0) {
        object = gc.garbage->items[--gc.garbage->n];
    }
    ouro__os_release(&gc.lock);
    ouro__chunks_give(emptied);
    return object;
}
