/* object.c - making objects, and what may be asked of any of them. */
#include "object/object.h"
#include "object/side.h"

#include <string.h>

ouro_heap *ouro__collected, *ouro__leaves;

void (*ouro__on_log_full)(size_t n);
bool ouro__are_born_old;
uint64_t ouro__log_key;
uint32_t ouro__log_room = CHUNK_ITEMS;

/* ---- beginning ---- */

static bool
make_heaps(const ouro_config *config)
{
    ouro_heap_config wanted = {.kind = OURO_HEAP_SHARED, .limit = config != NULL ? config->limit : 0};
    ouro_heap *leaves = ouro_heap_create(&wanted);
    if (leaves == NULL) {
        return false;
    }
    wanted.limit_with = leaves;
    ouro__collected = ouro_heap_create(&wanted);
    if (ouro__collected == NULL) {
        ouro_heap_destroy(leaves);
        return false;
    }
    ouro__log_key = ouro__os_random();
    ouro__leaves = leaves;
    return true;
}

bool
ouro__objects_init(const ouro_config *config)
{
    return (ouro__leaves != NULL || make_heaps(config)) && ouro__types_init() && ouro__threads_init();
}

/* ---- making ---- */

struct spare ouro__no_spare, ouro__no_more_spares = {.height = MOST_SPARES};

/* Have a thread have no spares, and take none when `none` is where no stack is higher. */
static void
begin_spares(struct thread *self, struct spare *none)
{
    struct spare **each[] = {self->leaf_spares, self->buffer_spares, self->collected_spares};

    for (unsigned i = 0; i < 3; i++) {
        each[i][0] = &ouro__no_more_spares;
        for (unsigned class = 1; class < SPARE_CLASSES; class ++) {
            each[i][class] = none;
        }
    }
}

void
ouro__spares_init(struct thread *self)
{
    begin_spares(self, &ouro__no_spare);
}

static void
free_spares(struct local *local, struct spare **spares)
{
    for (unsigned class = 1; class < SPARE_CLASSES; class ++) {
        for (struct spare *spare; (spare = spares[class])->next != NULL;) {
            spares[class] = spare->next;
            ouro__free(local, spare);
        }
    }
}

void
ouro__spares_free(struct thread *self)
{
    free_spares(self->leaves, self->leaf_spares);
    free_spares(self->leaves, self->buffer_spares);
    free_spares(self->collected, self->collected_spares);
}

void
ouro__caches_use(struct thread *self)
{
    bool is_watched = ouro__allocs_slowly(ouro__leaves);

    self->leaves = is_watched ? &ouro__no_local : self->leaf_cache;
    self->collected = is_watched ? &ouro__no_local : self->collected_cache;
    ouro__spares_free(self);
    begin_spares(self, is_watched ? &ouro__no_more_spares : &ouro__no_spare);
}

#define LARGE_ENOUGH ((size_t)1 << 20)

void
ouro__note_large(struct thread *self, size_t size)
{
    self->n_large += size;
    if (self->n_large >= LARGE_ENOUGH) {
        self->n_large = 0;
        self->log_end = self->log_next; /* the next object's making asks */
    }
}

static ouro_object *
born(struct thread *self)
{
    return (ouro_object *)(void *)&self->birth;
}

static bool
is_born_old(struct thread *self)
{
    return (born(self)->flags & OBJECT_GENERATION) == GENERATION_OLD;
}

/* Let a batch, or a part of one, begin with the log's next address. */
static void
begin_batch(struct thread *self)
{
    unsigned generation = __atomic_load_n(&ouro__are_born_old, __ATOMIC_RELAXED) ? GENERATION_OLD : 0;
    size_t room = __atomic_load_n(&ouro__log_room, __ATOMIC_RELAXED);
    size_t left = (size_t)(self->log->items + CHUNK_ITEMS - self->log_next);

    born(self)->flags = (uint8_t)((born(self)->flags & ~(unsigned)OBJECT_GENERATION) | generation);
    self->log_begin = self->log_next;
    self->log_end = self->log_next + (room < left ? room : left);
}

bool
ouro__log_full(struct thread *self)
{
    size_t n = (size_t)(self->log_next - self->log_begin);

    if (is_born_old(self)) {
        self->log_next = self->log_begin;
    }
    self->log_begin = self->log_next;
    if (ouro__on_log_full != NULL) {
        ouro__on_log_full(n);
    }
    struct chunk *chunk = self->log;
    if (chunk == NULL || self->log_next == chunk->items + CHUNK_ITEMS) {
        struct chunk *fresh = ouro__chunk_take();
        if (fresh == NULL) {
            return false;
        }
        if (chunk != NULL) {
            chunk->n = CHUNK_ITEMS;
        }
        fresh->next = chunk;
        self->log = fresh;
        self->log_next = fresh->items;
    }
    begin_batch(self);
    return true;
}

static bool
has_log_room(struct thread *self)
{
    return OURO_LIKELY(self->log_next != self->log_end) || ouro__log_full(self);
}

ouro_object *
ouro__leaf_alloc_slow(const struct ouro_type *type, size_t size)
{
    struct thread *self = ouro__thread_self;

    OURO_CHECK(self != NULL, "an object of type %s is made in a thread that is not attached",
               type->name);
    ouro__safepoint(self);
    void *object = ouro__alloc(ouro__leaves, self->leaves, OURO_DOMAIN_OBJECT, size);
    return object != NULL ? ouro__object_begin(self, type, object) : NULL;
}

ouro_object *
ouro__collected_alloc_slow(const struct ouro_type *type, size_t size)
{
    struct thread *self = ouro__thread_self;

    OURO_CHECK(self != NULL, "an object of type %s is made in a thread that is not attached",
               type->name);
    ouro__safepoint(self);
    if (!has_log_room(self)) { /* last: a collection empties the logs */
        return NULL;
    }
    size = size < LEAST_COLLECTED ? LEAST_COLLECTED : size;
    void *block = ouro__alloc(ouro__collected, self->collected, OURO_DOMAIN_OBJECT, size);
    if (block == NULL) {
        return NULL;
    }
    if (!ouro__side_covers(block) && !ouro__side_extend()) {
        ouro__free(self->collected, block);
        return NULL;
    }
    ouro__log(self, block);
    return ouro__object_begin(self, type, block);
}

/* An untracked object that is young is in a log yet; one that was met by a collection is called old, so that a
 * full one finds it whatever happens.  Where the log has room it becomes young again. */
void
ouro__track(ouro_object *object)
{
    struct thread *self = ouro__thread_self;
    unsigned off = OBJECT_UNTRACKED;

    if ((object->flags & OBJECT_GENERATION) == GENERATION_OLD && self->log_next != self->log_end &&
        !is_born_old(self)) {
        *self->log_next++ = object;
        off |= OBJECT_GENERATION;
    }
    __atomic_fetch_and(&object->flags, (uint8_t)~off, __ATOMIC_RELAXED);
}

/* Zero what is behind an object's header. */
static inline void
zero_rest(ouro_object *object, size_t size)
{
    char *at = (char *)(object + 1), *end = (char *)object + size;

    if (size > 256) {
        memset(at, 0, (size_t)(end - at));
    } else {
        for (; at < end; at += 16) { /* blocks are multiples of 16 bytes */
            memset(at, 0, 16);
        }
    }
}

ouro_ref
ouro_new(ouro_loan type)
{
    struct ouro_type *made = (struct ouro_type *)ouro_look(type);
    uint32_t n_items = __atomic_load_n(&made->n_preset, __ATOMIC_RELAXED);
    if (OURO_UNLIKELY(n_items != 0)) {
        return ouro_new_items(type, n_items);
    }
    ouro_object *object = ouro__object_alloc(made, made->size);
    if (OURO_LIKELY(object != NULL)) {
        zero_rest(object, made->size);
    }
    return object;
}

ouro_ref
ouro_new_items(ouro_loan type, size_t n_items)
{
    struct ouro_type *made = (struct ouro_type *)ouro_look(type);
    size_t size;

    if (__builtin_mul_overflow(n_items, made->item_size, &size) ||
        __builtin_add_overflow(size, made->size, &size)) {
        return NULL;
    }
    ouro_object *object = ouro__object_alloc(made, size);
    if (OURO_LIKELY(object != NULL)) {
        zero_rest(object, size);
        if (made->items_count != 0) {
            *(size_t *)(void *)((char *)object + made->items_count) = n_items;
        }
    }
    return object;
}

/* ---- asking ---- */

int
ouro__visit_functions(ouro_object *object, struct ouro_type *type, ouro_visitor visit, void *context)
{
    for (struct ouro_type *each = type; each != NULL; each = (struct ouro_type *)each->base) {
        int result =
            each->own.traverse != NULL ? each->own.traverse((ouro_loan)object, visit, context) : 0;
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

struct visit {
    ouro_visitor visit;
    void *context;
};

static int
visit_loan(ouro_object *referent, void *context)
{
    struct visit *visit = context;
    return visit->visit((ouro_loan)referent, visit->context);
}

int
ouro_traverse(ouro_loan loan, ouro_visitor visit, void *context)
{
    ouro_object *object = ouro_look(loan);
    struct ouro_type *type = ouro__type(object);
    struct visit each = {visit, context};
    int result = ouro__visit_fields(object, type, visit_loan, &each);

    return result == 0 && type->has_traverse ? ouro__visit_functions(object, type, visit, context)
                                             : result;
}

size_t
ouro_sizeof(ouro_loan loan)
{
    const ouro_object *object = ouro_look(loan);
    struct ouro_type *type = ouro__type(object);
    size_t size = ouro__object_size(type, object);

    if (size < LEAST_COLLECTED && !(type->flags & OURO_TYPE_LEAF)) {
        size = LEAST_COLLECTED;
    }
    return size + (type->own.extra_size != NULL ? type->own.extra_size(loan) : 0);
}

bool
ouro_is_tracked(ouro_loan loan)
{
    const ouro_object *object = ouro_look(loan);
    return !(ouro__type(object)->flags & OURO_TYPE_LEAF) && !(object->flags & OBJECT_UNTRACKED);
}

bool
ouro_is_finalized(ouro_loan object)
{
    return (ouro_look(object)->flags & OBJECT_FINALIZED) != 0;
}

ouro_status
ouro_enter(ouro_loan object)
{
    struct ouro_type *type = ouro__type(ouro_look(object));
    return type->own.enter != NULL ? type->own.enter(object) : OURO_WRONG_TYPE;
}

ouro_status
ouro_exit(ouro_loan object, ouro_status status)
{
    struct ouro_type *type = ouro__type(ouro_look(object));
    return type->own.exit != NULL ? type->own.exit(object, status) : OURO_WRONG_TYPE;
}
